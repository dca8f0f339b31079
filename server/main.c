/*
 * plenum-server: the command line.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "json_memory.h"
#include "server.h"
#include "startup.h"

#define MAX_MEGABYTES 1000000

enum action {
    RUN = 0,
    CHECK,
    PRINT,
    SHOW_VERSION,
    SHOW_HELP,
    COMPLAIN,
};

static const char help[] =
    "Usage: plenum-server [--config FILE] [--capture FILE …] [--check | --print-config | --version | "
    "--help]\n"
    "\n"
    "Serves meetings: the page, the API (WHIP, WHEP, WebSocket) and media.\n"
    "\n"
    "  --config FILE    read settings from a YAML file; without it defaults and the environment apply\n"
    "  --capture FILE   write headers of media, never payloads, and what was decided of bandwidth, as "
    "pcapng\n"
    "    --capture-room NAME         of one room only\n"
    "    --capture-participant NAME  of people of this name only\n"
    "    --capture-megabytes N       how large the file may get [256]\n"
    "  --check          say whether the settings are good, and end\n"
    "  --print-config   print the settings that are in force, and end\n"
    "  --version        print the version\n"
    "  --help           print this\n"
    "\n"
    "Every setting can be overridden by a variable: http.listen is PLENUM_HTTP_LISTEN, lists are separated "
    "by\n"
    "commas. SIGTERM and SIGINT end the server, SIGHUP makes it read the log's settings, the certificate\n"
    "and the page again.\n";

struct arguments {
    enum action action;
    const char *file;
    struct plm_server_capture capture;
};

/* An option with a value. @return false: it is none, or the value is no good */
static bool take_value(struct arguments *a, const char *name, const char *value)
{
    char *end;
    if (!strcmp(name, "--config"))
        a->file = value;
    else if (!strcmp(name, "--capture"))
        a->capture.file = value;
    else if (!strcmp(name, "--capture-room"))
        a->capture.room = value;
    else if (!strcmp(name, "--capture-participant"))
        a->capture.participant = value;
    else if (!strcmp(name, "--capture-megabytes")) {
        unsigned long n = strtoul(value, &end, 10);
        if (*end || value[0] < '0' || value[0] > '9' || n < 1 || n > MAX_MEGABYTES)
            return false;
        a->capture.megabytes = (uint32_t)n;
    } else {
        return false;
    }
    return true;
}

static bool takes_value(const char *name)
{
    return !strcmp(name, "--config") || !strncmp(name, "--capture", sizeof("--capture") - 1);
}

static struct arguments read_arguments(int argc, char **argv)
{
    static const struct {
        const char *name;
        enum action action;
    } options[] = {
        {"--check", CHECK},
        {"--print-config", PRINT},
        {"--version", SHOW_VERSION},
        {"--help", SHOW_HELP},
        {"-h", SHOW_HELP},
    };
    struct arguments a = {.action = RUN};

    for (int i = 1; i < argc; i++) {
        bool known = false;
        if (i + 1 < argc && take_value(&a, argv[i], argv[i + 1])) {
            i++;
            continue;
        }
        for (size_t k = 0; k < sizeof(options) / sizeof(options[0]); k++)
            if (!strcmp(argv[i], options[k].name)) {
                a.action = options[k].action;
                known = true;
            }
        if (!known) {
            fprintf(stderr, "plenum-server: %s: %s\n", argv[i],
                takes_value(argv[i]) ? "needs a value that fits, see --help" : "no such option, see --help");
            a.action = COMPLAIN;
            return a;
        }
    }
    if (!a.capture.file && (a.capture.room || a.capture.participant || a.capture.megabytes)) {
        fputs("plenum-server: --capture FILE is missing: nothing would be written\n", stderr);
        a.action = COMPLAIN;
    }
    return a;
}

static int run(struct plm_config *config, const struct arguments *a)
{
    char err[PLM_CONFIG_ERROR_SIZE];
    struct plm_server *server;

    signal(SIGPIPE, SIG_IGN);
    if (plm_server_create(&server, config, &a->capture, a->file, err, sizeof(err))) {
        fprintf(stderr, "plenum-server: %s\n", err);
        return EXIT_FAILURE;
    }
    plm_server_run(server);
    plm_server_destroy(server);
    return EXIT_SUCCESS;
}

static int print(const struct plm_config *config)
{
    char *text = plm_config_print(config);
    if (!text)
        return EXIT_FAILURE;
    fputs(text, stdout);
    free(text);
    return EXIT_SUCCESS;
}

static int check(const struct plm_config *config, const char *file)
{
    char err[PLM_CONFIG_ERROR_SIZE];
    if (plm_startup_judge(config, err, sizeof(err))) {
        fprintf(stderr, "plenum-server: %s\n", err);
        return EXIT_FAILURE;
    }
    printf("%s: good\n", file ? file : "environment");
    return EXIT_SUCCESS;
}

static int with_config(const struct arguments *a)
{
    struct plm_config config;
    char err[PLM_CONFIG_ERROR_SIZE];

    if (plm_config_load(&config, a->file, environ, err)) {
        fprintf(stderr, "plenum-server: %s\n", err);
        return EXIT_FAILURE;
    }
    if (a->action == RUN)
        return run(&config, a);
    int status = a->action == PRINT ? print(&config) : check(&config, a->file);
    plm_config_free(&config);
    return status;
}

int main(int argc, char **argv)
{
    const struct arguments a = read_arguments(argc, argv);

    plm_json_memory_install();
    switch (a.action) {
    case SHOW_VERSION:
        puts("plenum-server " PLM_VERSION);
        return EXIT_SUCCESS;
    case SHOW_HELP:
        fputs(help, stdout);
        return EXIT_SUCCESS;
    case COMPLAIN:
        return 2;
    default:
        return with_config(&a);
    }
}
