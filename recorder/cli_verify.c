#include "cli_internal.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "finish.h"
#include "folder.h"
#include "plenum/types.h"

#define SLACK_US 2000 /* durations are rounded to milliseconds */

struct walk {
    struct plm_cli *cli;
    int folder_fd;
    json_t *listed; /* the manifest's files; NULL: no manifest */
    json_t *told;
    bool broken;
};

static json_t *find_listed(const json_t *listed, const char *name)
{
    size_t i;
    json_t *file;
    json_array_foreach(listed, i, file)
    {
        const char *other = json_string_value(json_object_get(file, "file"));
        if (other && strcmp(other, name) == 0)
            return file;
    }
    return NULL;
}

/* What is wrong with a finished file, "good": nothing. */
static const char *judge(struct walk *w, const char *name, struct plm_finish_result *r)
{
    int fd = plm_folder_open_file(w->folder_fd, name, O_RDONLY);
    int rc = fd < 0 ? fd : plm_finish_check(fd, r);
    if (fd >= 0)
        close(fd);
    if (rc && rc != PLM_EINVAL)
        return plm_cli_judge(w->cli, rc);
    if (rc || !r->usable || r->cut_bytes)
        return "damaged";
    if (!w->listed)
        return "good";
    json_t *file = find_listed(w->listed, name);
    if (!file)
        return "not in the manifest";
    int64_t off = json_integer_value(json_object_get(file, "duration_us")) - r->duration_us;
    if (json_integer_value(json_object_get(file, "bytes")) != (json_int_t)r->bytes || off > SLACK_US ||
        off < -SLACK_US)
        return "not as the manifest says";
    return "good";
}

/* One that is not finished: is there something in it that a repair would save? */
static const char *judge_part(struct walk *w, const char *name)
{
    char part[PLM_FOLDER_NAME_SIZE];
    struct plm_finish_result r = {0};
    if (w->cli->busy && !w->listed)
        return "open";
    snprintf(part, sizeof part, "%s" PLM_RECORDING_PART, name);
    int fd = plm_folder_open_file(w->folder_fd, part, O_RDONLY);
    int rc = fd < 0 ? fd : plm_finish_check(fd, &r);
    if (fd >= 0)
        close(fd);
    if (rc && rc != PLM_EINVAL)
        return plm_cli_judge(w->cli, rc);
    return rc == 0 && r.usable ? "unfinished" : "empty";
}

static int on_file(void *arg, const char *name, bool part)
{
    struct walk *w = arg;
    struct plm_finish_result r = {0};
    const char *state = part ? judge_part(w, name) : judge(w, name, &r);
    w->broken |= strcmp(state, "good") != 0 && strcmp(state, "open") != 0 && strcmp(state, "empty") != 0;
    json_array_append_new(
        w->told, json_pack("{s:s, s:s, s:I, s:I}", "file", name, "state", state, "duration_us",
                     (json_int_t)r.duration_us, "bytes", (json_int_t)r.bytes));
    return 0;
}

/* Files that the manifest names and nobody has. */
static void check_missing(struct walk *w)
{
    size_t i;
    json_t *file;
    json_array_foreach(w->listed, i, file)
    {
        const char *name = json_string_value(json_object_get(file, "file"));
        if (name && find_listed(w->told, name))
            continue;
        w->broken = true;
        json_array_append_new(w->told, json_pack("{s:s, s:s, s:i, s:i}", "file", name ? name : "?", "state",
                                           "missing", "duration_us", 0, "bytes", 0));
    }
}

json_t *plm_cli_verify_one(struct plm_cli *cli, const char *id)
{
    struct walk w = {.cli = cli, .folder_fd = plm_folder_open(cli->dir_fd, id), .told = json_array()};
    if (w.folder_fd < 0)
        return json_pack(
            "{s:s, s:s, s:o}", "id", id, "state", plm_cli_judge(cli, w.folder_fd), "files", w.told);
    json_t *manifest = plm_cli_read_manifest(w.folder_fd);
    w.listed = json_object_get(manifest, "files");
    int rc = plm_folder_each(w.folder_fd, on_file, &w);
    check_missing(&w);
    const char *state = w.broken ? "broken" : manifest ? "good" : cli->busy ? "open" : "no manifest";
    w.broken |= !manifest && !cli->busy;
    if (w.broken)
        plm_cli_raise(cli, PLM_CLI_BROKEN);
    if (rc)
        state = plm_cli_judge(cli, rc);
    close(w.folder_fd);
    json_decref(manifest);
    return json_pack("{s:s, s:s, s:o}", "id", id, "state", state, "files", w.told);
}
