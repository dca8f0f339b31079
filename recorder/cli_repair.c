#include "cli_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "manifest.h"
#include "plenum/types.h"
#include "repair.h"

struct found {
    struct plm_manifest_file *files;
    size_t n;
    bool changed, failed;
    struct plm_cli *cli;
    json_t *told;
};

static void on_file(void *arg, const struct plm_repair_file *file)
{
    struct found *f = arg;
    struct plm_manifest_file *files = realloc(f->files, (f->n + 1) * sizeof *files);
    char *name = files ? strdup(file->name) : NULL;
    f->files = files ? files : f->files;
    f->failed |= name == NULL;
    if (!name)
        return;
    f->files[f->n++] = (struct plm_manifest_file){.name = name,
        .duration_us = file->result.duration_us,
        .bytes = file->result.bytes,
        .sha256 = "",
        .usable = file->result.usable};
    f->changed |= file->part && file->result.usable;
    /* A file torn in its head held nothing that could be lost. */
    const char *state = file->result.usable ? (file->part ? "repaired" : "good")
                        : file->part && (file->error == 0 || file->error == PLM_EINVAL)
                            ? "empty"
                            : plm_cli_judge(f->cli, file->error);
    json_array_append_new(
        f->told, json_pack("{s:s, s:s, s:I, s:I}", "file", name, "state", state, "duration_us",
                     (json_int_t)file->result.duration_us, "bytes", (json_int_t)file->result.bytes));
}

static void found_free(struct found *f)
{
    for (size_t i = 0; i < f->n; i++)
        free((void *)f->files[i].name);
    free(f->files);
}

/* @return 0, PLM_EINVAL: the journal is none, or an error */
static int write_manifest(int folder_fd, const struct found *f)
{
    char *journal = NULL, *text;
    size_t len = 0;
    int rc = plm_folder_read(folder_fd, PLM_RECORDING_JOURNAL, &journal, &len);
    if (rc)
        return rc;
    text = plm_manifest_build(journal, len, f->files, f->n);
    rc = text ? plm_folder_replace(folder_fd, PLM_RECORDING_MANIFEST, text, strlen(text)) : PLM_EINVAL;
    free(text);
    free(journal);
    return rc;
}

json_t *plm_cli_repair_one(struct plm_cli *cli, const char *id)
{
    struct found f = {.cli = cli, .told = json_array()};
    int folder_fd = plm_folder_open(cli->dir_fd, id);
    int rc = folder_fd < 0 ? folder_fd : plm_repair_folder(cli->dir_fd, id, on_file, &f);
    if (rc == 0 && f.failed)
        rc = PLM_ENOMEM;
    const char *state = "good";
    json_t *manifest = folder_fd < 0 ? NULL : plm_cli_read_manifest(folder_fd);
    if (rc == 0 && (f.changed || !manifest)) {
        rc = write_manifest(folder_fd, &f);
        state = "repaired";
    }
    if (rc)
        state = plm_cli_judge(cli, rc);
    json_decref(manifest);
    if (folder_fd >= 0)
        close(folder_fd);
    found_free(&f);
    return json_pack("{s:s, s:s, s:o}", "id", id, "state", state, "files", f.told);
}
