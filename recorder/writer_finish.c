/*
 * The finishing thread: what may take long, in the order in which it was asked.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "finish.h"
#include "folder.h"
#include "repair.h"
#include "writer_internal.h"

/* A full disk gives the reserve free; that is what it is for. */
static int finish_file(struct plm_writer *w, struct plm_writer_track *t, struct plm_finish_result *result)
{
    int rc = plm_finish(t->sync.fd, t->hold_us, result);
    if (rc != -ENOSPC && rc != -EDQUOT)
        return rc;
    plm_writer_disk_full(w);
    return plm_finish(t->sync.fd, t->hold_us, result);
}

/* Take the ".part" off, or the file away when nothing ever was in it. */
static int publish(struct plm_writer *w, struct plm_writer_track *t, const struct plm_finish_result *result)
{
    int folder_fd = plm_folder_open(w->config.dir_fd, t->id);
    if (folder_fd < 0)
        return folder_fd;
    int rc =
        result->usable ? plm_folder_publish(folder_fd, t->name) : plm_folder_drop_part(folder_fd, t->name);
    close(folder_fd);
    return rc;
}

static void finish_track(struct plm_writer *w, struct plm_writer_track *t)
{
    struct plm_finish_result result = {0};
    struct plm_writer_event *e = &t->event->e;
    int error = t->error, rc = 0;
    if (t->sync.fd >= 0) {
        int synced = plm_writer_forget_synced(w, &t->sync);
        error = error ? error : synced;
        rc = finish_file(w, t, &result);
        close(t->sync.fd);
        if (rc == 0 && (result.usable || !error))
            rc = publish(w, t, &result);
    }
    error = error ? error : rc;
    e->type = error ? PLM_WRITER_FAILED : PLM_WRITER_FINISHED;
    e->error = error;
    e->usable = result.usable && rc == 0;
    e->duration_us = result.duration_us;
    e->bytes = result.bytes;
    struct plm_writer_event_node *node = t->event;
    t->event = NULL;
    plm_writer_post_event(w, node);
    plm_writer_track_unref(w, t);
}

struct repair_walk {
    struct plm_writer *w;
    const char *id;
    int folder_fd;
};

static void tell_repaired(const struct repair_walk *r, const struct plm_repair_file *file)
{
    struct plm_writer_event_node *node = calloc(1, sizeof *node);
    if (!node)
        return; /* the next start repairs again */
    node->e = (struct plm_writer_event){.type = file->error ? PLM_WRITER_FAILED : PLM_WRITER_FINISHED,
        .error = file->error,
        .usable = file->result.usable,
        .duration_us = file->result.duration_us,
        .bytes = file->result.bytes};
    memcpy(node->e.id, r->id, sizeof node->e.id);
    size_t len = strlen(file->name);
    if (len < sizeof node->e.name)
        memcpy(node->e.name, file->name, len + 1);
    plm_writer_post_event(r->w, node);
}

static int repair_file(void *arg, const char *name, bool part)
{
    const struct repair_walk *r = arg;
    struct plm_repair_file file;
    plm_repair_file(r->folder_fd, name, part, &file);
    if (file.error == -ENOSPC || file.error == -EDQUOT) {
        plm_writer_disk_full(r->w);
        plm_repair_file(r->folder_fd, name, part, &file);
    }
    tell_repaired(r, &file);
    return 0;
}

/* What the job lists and nothing else: what came later is being written. */
static int repair(struct plm_writer *w, const struct plm_writer_job *job)
{
    struct repair_walk r = {.w = w, .id = job->id, .folder_fd = plm_folder_open(w->config.dir_fd, job->id)};
    if (r.folder_fd < 0)
        return r.folder_fd;
    plm_folder_walk(&job->files, repair_file, &r);
    close(r.folder_fd);
    return job->list_error;
}

static int write_manifest(struct plm_writer *w, const struct plm_writer_job *job)
{
    int folder_fd = plm_folder_open(w->config.dir_fd, job->id);
    if (folder_fd < 0)
        return folder_fd;
    int rc = plm_folder_replace(folder_fd, PLM_RECORDING_MANIFEST, job->octets, job->len);
    if (rc == -ENOSPC || rc == -EDQUOT) {
        plm_writer_disk_full(w);
        rc = plm_folder_replace(folder_fd, PLM_RECORDING_MANIFEST, job->octets, job->len);
    }
    close(folder_fd);
    return rc;
}

static void tell(struct plm_writer *w, struct plm_writer_job *job, enum plm_writer_event_type type, int error)
{
    job->event->e.type = type;
    job->event->e.error = error;
    plm_writer_post_event(w, job->event);
    job->event = NULL;
}

static void do_job(struct plm_writer *w, struct plm_writer_job *job)
{
    int rc;
    if (job->type == PLM_JOB_FINISH) {
        finish_track(w, job->track);
        free(job);
        return;
    }
    if (job->folder)
        plm_writer_folder_close(w, job->folder);
    switch (job->type) {
    case PLM_JOB_REPAIR:
        tell(w, job, PLM_WRITER_REPAIRED, repair(w, job));
        break;
    case PLM_JOB_REMOVE:
        tell(w, job, PLM_WRITER_REMOVED, plm_folder_remove(w->config.dir_fd, job->id));
        break;
    default:
        rc = write_manifest(w, job);
        memcpy(job->event->e.name, PLM_RECORDING_MANIFEST, sizeof PLM_RECORDING_MANIFEST);
        job->event->e.usable = rc == 0;
        tell(w, job, rc ? PLM_WRITER_FAILED : PLM_WRITER_FINISHED, rc);
        break;
    }
    plm_writer_job_free(job);
}

void plm_writer_finish_thread(void *writer)
{
    struct plm_writer *w = writer;
    uv_mutex_lock(&w->mutex);
    for (;;) {
        struct plm_writer_job *job = w->finish_jobs;
        if (job) {
            DL_DELETE(w->finish_jobs, job);
            uv_mutex_unlock(&w->mutex);
            do_job(w, job);
            uv_mutex_lock(&w->mutex);
        } else if (w->finish_stop) {
            break;
        } else {
            uv_cond_wait(&w->finish_wake, &w->mutex);
        }
    }
    uv_mutex_unlock(&w->mutex);
}
