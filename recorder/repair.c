#include "repair.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "folder.h"
#include "plenum/types.h"

struct walk {
    int folder_fd, error;
    plm_repair_fn *fn;
    void *arg;
};

static int repair(int folder_fd, const char *name, bool part, struct plm_finish_result *out)
{
    char whole[PLM_FOLDER_NAME_SIZE];
    snprintf(whole, sizeof whole, "%s%s", name, part ? PLM_RECORDING_PART : "");
    int fd = plm_folder_open_file(folder_fd, whole, O_RDWR);
    if (fd < 0)
        return fd;
    int rc = plm_finish(fd, 0, out);
    close(fd);
    if (rc == 0 && part && out->usable)
        rc = plm_folder_publish(folder_fd, name);
    out->usable = out->usable && rc == 0;
    return rc;
}

void plm_repair_file(int folder_fd, const char *name, bool part, struct plm_repair_file *out)
{
    *out = (struct plm_repair_file){.name = name, .part = part};
    out->error = repair(folder_fd, name, part, &out->result);
}

static int on_file(void *arg, const char *name, bool part)
{
    struct walk *w = arg;
    struct plm_repair_file file;
    plm_repair_file(w->folder_fd, name, part, &file);
    /* A file that is not whole in its head held nothing. */
    if (file.error && file.error != PLM_EINVAL && !w->error)
        w->error = file.error;
    w->fn(w->arg, &file);
    return 0;
}

int plm_repair_folder(int dir_fd, const char *id, plm_repair_fn *fn, void *arg)
{
    struct walk w = {.folder_fd = plm_folder_open(dir_fd, id), .fn = fn, .arg = arg};
    if (w.folder_fd < 0)
        return w.folder_fd;
    int rc = plm_folder_each(w.folder_fd, on_file, &w);
    close(w.folder_fd);
    return rc ? rc : w.error;
}
