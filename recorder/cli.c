#include "cli_internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "folder.h"
#include "lock.h"
#include "plenum/types.h"

static const char usage[] =
    "Usage: plenum-recorder list DIR\n"
    "       plenum-recorder repair DIR [ID]\n"
    "       plenum-recorder verify DIR [ID]\n"
    "\n"
    "  list     the recordings in DIR\n"
    "  repair   make whole what a crash or a full disk left behind: files play up to their last whole "
    "second,\n"
    "           and the manifest is written; not while a recorder serves DIR\n"
    "  verify   check that every sample of every file is in its place, and the manifest against the files\n"
    "\n"
    "  ID       one recording, 32 hexadecimal digits; without it all of them\n"
    "  --json   one JSON object a line\n"
    "  --help   print this\n"
    "\n"
    "Exit status: 0 good, 1 something is broken, 2 wrong usage, 3 DIR or a file cannot be read or written\n";

static const struct command {
    const char *name;
    bool takes_id, locks;
    json_t *(*one)(struct plm_cli *cli, const char *id);
} commands[] = {
    {"list", false, false, plm_cli_list_one},
    {"repair", true, true, plm_cli_repair_one},
    {"verify", true, false, plm_cli_verify_one},
};

static const struct command *find_command(const char *word)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(commands[i].name, word) == 0)
            return &commands[i];
    return NULL;
}

static bool asks_for_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

bool plm_cli_is_command(const char *word)
{
    return asks_for_help(word) || find_command(word);
}

void plm_cli_raise(struct plm_cli *cli, enum plm_cli_status status)
{
    if (status > cli->status)
        cli->status = status;
}

const char *plm_cli_judge(struct plm_cli *cli, int error)
{
    if (error)
        plm_cli_raise(cli, error == PLM_EINVAL ? PLM_CLI_BROKEN : PLM_CLI_IO);
    return error ? plm_strerror(error) : "good";
}

/* ---- what is read ---- */

static json_t *read_json(int folder_fd, const char *name, bool first_line)
{
    char *text = NULL;
    size_t len = 0;
    if (plm_folder_read(folder_fd, name, &text, &len) != 0)
        return NULL;
    char *end = first_line ? memchr(text, '\n', len) : NULL;
    json_t *json = json_loadb(text, end ? (size_t)(end - text) : len, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    return json;
}

json_t *plm_cli_read_head(int folder_fd)
{
    return read_json(folder_fd, PLM_RECORDING_JOURNAL, true);
}

json_t *plm_cli_read_manifest(int folder_fd)
{
    return read_json(folder_fd, PLM_RECORDING_MANIFEST, false);
}

static int count_file(void *arg, const char *name, bool part)
{
    json_int_t *counts = arg;
    (void)name;
    counts[part]++;
    return 0;
}

json_t *plm_cli_list_one(struct plm_cli *cli, const char *id)
{
    json_int_t counts[2] = {0, 0};
    int folder_fd = plm_folder_open(cli->dir_fd, id);
    if (folder_fd < 0)
        return json_pack("{s:s, s:s}", "id", id, "state", plm_cli_judge(cli, folder_fd));
    json_t *manifest = plm_cli_read_manifest(folder_fd);
    json_t *head = manifest ? json_incref(manifest) : plm_cli_read_head(folder_fd);
    int rc = plm_folder_each(folder_fd, count_file, counts);
    close(folder_fd);
    const char *state = manifest ? "ready" : cli->busy ? "open" : "unfinished";
    json_t *told = json_pack("{s:s, s:s, s:I, s:I}", "id", id, "state", rc ? plm_cli_judge(cli, rc) : state,
        "files", counts[0], "parts", counts[1]);
    static const char *const keys[] = {"name", "key", "started_ms", "duration_us", "bytes"};
    for (size_t i = 0; told && i < sizeof keys / sizeof keys[0]; i++) {
        json_t *value = json_object_get(head, keys[i]);
        if (value)
            json_object_set(told, keys[i], value);
    }
    json_decref(manifest);
    json_decref(head);
    return told;
}

/* ---- what is printed ---- */

/* Names come from people: nothing of them may steer the terminal. */
static void print_text(const char *text)
{
    for (; *text; text++)
        putchar((unsigned char)*text < ' ' || *text == 127 ? '?' : *text);
}

static void print_words(const json_t *told)
{
    const char *state = json_string_value(json_object_get(told, "state"));
    const char *name = json_string_value(json_object_get(told, "name"));
    json_t *started = json_object_get(told, "started_ms"), *duration = json_object_get(told, "duration_us");
    printf("%s  %s", json_string_value(json_object_get(told, "id")), state ? state : "");
    if (started) {
        time_t seconds = (time_t)(json_integer_value(started) / 1000);
        struct tm utc;
        char text[32];
        if (gmtime_r(&seconds, &utc) && strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", &utc))
            printf("  %s", text);
    }
    if (duration)
        printf("  %" JSON_INTEGER_FORMAT " s", json_integer_value(duration) / 1000000);
    if (name) {
        printf("  ");
        print_text(name);
    }
    putchar('\n');
    size_t i;
    json_t *file, *files = json_object_get(told, "files");
    json_array_foreach(files, i, file)
    {
        const char *what = json_string_value(json_object_get(file, "state"));
        printf("    ");
        print_text(json_string_value(json_object_get(file, "file")));
        printf("  %s  %.1f s  %" JSON_INTEGER_FORMAT " octets\n", what ? what : "",
            (double)json_integer_value(json_object_get(file, "duration_us")) / 1e6,
            json_integer_value(json_object_get(file, "bytes")));
    }
}

static void print_one(struct plm_cli *cli, json_t *told)
{
    char *text = told && cli->json ? json_dumps(told, JSON_COMPACT) : NULL;
    if (text)
        puts(text);
    else if (told && !cli->json)
        print_words(told);
    else
        plm_cli_raise(cli, PLM_CLI_IO); /* out of memory */
    free(text);
    json_decref(told);
}

/* ---- the commands ---- */

static int run_all(struct plm_cli *cli, const struct command *c)
{
    struct dirent **entries = NULL;
    int n = scandir(cli->dir, &entries, NULL, alphasort);
    if (n < 0) {
        fprintf(stderr, "plenum-recorder: %s: %s\n", cli->dir, strerror(errno));
        return PLM_CLI_IO;
    }
    for (int i = 0; i < n; i++) {
        if (plm_recording_id_valid(entries[i]->d_name))
            print_one(cli, c->one(cli, entries[i]->d_name));
        free(entries[i]);
    }
    free(entries);
    return cli->status;
}

static int run(struct plm_cli *cli, const struct command *c, const char *id)
{
    cli->dir_fd = open(cli->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cli->dir_fd < 0) {
        fprintf(stderr, "plenum-recorder: %s: %s\n", cli->dir, strerror(errno));
        return PLM_CLI_IO;
    }
    int lock = c->locks ? plm_lock_take(cli->dir_fd) : -1;
    if (c->locks && lock < 0) {
        fprintf(stderr, "plenum-recorder: %s: %s\n", cli->dir,
            lock == -EWOULDBLOCK ? "a recorder serves this folder; it repairs by itself" : strerror(-lock));
        return PLM_CLI_IO;
    }
    cli->busy = !c->locks && plm_lock_is_held(cli->dir_fd) == 1;
    if (id)
        print_one(cli, c->one(cli, id));
    int status = id ? (int)cli->status : run_all(cli, c);
    if (lock >= 0)
        close(lock);
    return status;
}

static int wrong_usage(const char *what)
{
    fprintf(stderr, "plenum-recorder: %s; see --help\n", what);
    return PLM_CLI_USAGE;
}

int plm_cli_main(int argc, char **argv)
{
    struct plm_cli cli = {.dir_fd = -1};
    const char *words[3] = {0};
    unsigned n = 0;
    for (int i = 1; i < argc; i++) {
        if (asks_for_help(argv[i])) {
            fputs(usage, stdout);
            return PLM_CLI_GOOD;
        }
        if (strcmp(argv[i], "--json") == 0)
            cli.json = true;
        else if (argv[i][0] == '-' || n == 3)
            return wrong_usage("too many words, or an option that is unknown");
        else
            words[n++] = argv[i];
    }
    const struct command *c = n ? find_command(words[0]) : NULL;
    if (!c || n < 2 || (n == 3 && !c->takes_id))
        return wrong_usage("list, repair or verify, and a folder");
    if (words[2] && !plm_recording_id_valid(words[2]))
        return wrong_usage("an ID has 32 hexadecimal digits in lower case");
    cli.dir = words[1];
    int status = run(&cli, c, words[2]);
    if (cli.dir_fd >= 0)
        close(cli.dir_fd);
    return status;
}
