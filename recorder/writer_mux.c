/*
 * The muxing thread: takes jobs in their order, gathers samples into fragments and writes each with one call.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"
#include "writer_internal.h"

static bool is_full(int rc)
{
    return rc == -ENOSPC || rc == -EDQUOT;
}

/* ---- track files ---- */

static int write_at(int fd, uint64_t at, const uint8_t *data, size_t len)
{
    while (len) {
        ssize_t n = pwrite(fd, data, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        data += n;
        at += (size_t)n;
        len -= (size_t)n;
    }
    return 0;
}

static int write_scratch(struct plm_writer *w, struct plm_writer_track *t)
{
    int rc = write_at(t->sync.fd, t->at, w->scratch.data, w->scratch.len);
    if (rc)
        return rc;
    t->at += w->scratch.len;
    plm_writer_dirty(w, &t->sync);
    uv_mutex_lock(&w->mutex);
    w->stats.written_bytes += w->scratch.len;
    rc = t->sync.error;
    uv_mutex_unlock(&w->mutex);
    return rc;
}

static void leave_waiting(struct plm_writer *w, struct plm_writer_track *t)
{
    if (t->waits)
        DL_DELETE2(w->waiting, t, wait_prev, wait_next);
    t->waits = false;
}

/* Out of memory costs this fragment, not the file: the next one tells its own time. */
static int write_fragment(struct plm_writer *w, struct plm_writer_track *t)
{
    leave_waiting(w, t);
    plm_blob_clear(&w->scratch);
    if (plm_mux_is_empty(t->mux) || plm_mux_cut(t->mux, &w->scratch) != 0)
        return 0;
    int rc = write_scratch(w, t);
    uv_mutex_lock(&w->mutex);
    w->stats.fragments += rc == 0;
    uv_mutex_unlock(&w->mutex);
    return rc;
}

/* The file is not written to any more: the rest is the finishing thread's. */
static void end_track(struct plm_writer *w, struct plm_writer_track *t, int error)
{
    struct plm_writer_job *job = t->finish_job;
    leave_waiting(w, t);
    DL_DELETE(w->open, t);
    t->ended = true;
    t->error = error;
    t->finish_job = NULL;
    job->type = PLM_JOB_FINISH;
    uv_mutex_lock(&w->mutex);
    w->stats.files_open--;
    t->refs++;
    uv_mutex_unlock(&w->mutex);
    plm_writer_post_finish(w, job);
}

/*
 * What the reserve gave free is for finishing: all files end now. What they have gathered meanwhile is small and may still fit.
 */
static void end_all(struct plm_writer *w, int error)
{
    struct plm_writer_track *t, *tmp;
    plm_writer_disk_full(w);
    DL_FOREACH_SAFE (w->open, t, tmp) {
        write_fragment(w, t);
        end_track(w, t, error);
    }
}

static void on_write_error(struct plm_writer *w, struct plm_writer_track *t, int error)
{
    end_track(w, t, error);
    if (is_full(error))
        end_all(w, error);
}

static int open_track(struct plm_writer *w, struct plm_writer_track *t)
{
    int folder_fd = plm_folder_open(w->config.dir_fd, t->id);
    if (folder_fd < 0)
        return folder_fd;
    t->sync.fd = plm_folder_create_part(folder_fd, t->name);
    /* A file without a name in its folder would be lost with the power. */
    if (t->sync.fd >= 0 && fdatasync(folder_fd) != 0)
        t->error = -errno;
    close(folder_fd);
    if (t->sync.fd < 0 || t->error)
        return t->error ? t->error : t->sync.fd;
    plm_blob_clear(&w->scratch);
    int rc = plm_mux_head(t->mux, &w->scratch);
    return rc ? rc : write_scratch(w, t);
}

static void on_open(struct plm_writer *w, struct plm_writer_job *job)
{
    struct plm_writer_track *t = job->track;
    DL_APPEND(w->open, t);
    t->finish_job = job;
    uv_mutex_lock(&w->mutex);
    w->stats.files_open++;
    bool full = w->disk.level == PLM_DISK_STOP;
    uv_mutex_unlock(&w->mutex);
    int rc = full ? 0 : open_track(w, t);
    if (full)
        end_track(w, t, -ENOSPC); /* what is left is for finishing */
    else if (rc)
        on_write_error(w, t, rc);
}

static void on_put(struct plm_writer *w, const struct plm_writer_job *job)
{
    struct plm_writer_track *t = job->track;
    if (t->ended)
        return;
    int rc = plm_mux_is_due(t->mux, &job->sample) ? write_fragment(w, t) : 0;
    if (rc) {
        on_write_error(w, t, rc);
        return;
    }
    plm_mux_put(t->mux, &job->sample); /* what has no place in the file is left out */
    if (!t->waits && !plm_mux_is_empty(t->mux)) {
        t->waits = true;
        t->began_ms = plm_writer_now_us() / 1000;
        DL_APPEND2(w->waiting, t, wait_prev, wait_next);
    }
}

static void on_close(struct plm_writer *w, const struct plm_writer_job *job)
{
    struct plm_writer_track *t = job->track;
    if (!t->ended) {
        if (job->sample.time_us > t->start_us)
            t->hold_us = job->sample.time_us - t->start_us;
        int rc = write_fragment(w, t);
        if (rc)
            on_write_error(w, t, rc);
        else
            end_track(w, t, 0);
    }
    plm_writer_track_unref(w, t);
}

/* Fragments that no further sample ends. @return µs until the next one is due, UINT64_MAX: none waits */
static uint64_t cut_due(struct plm_writer *w)
{
    while (w->waiting) {
        struct plm_writer_track *t = w->waiting;
        uint64_t now = plm_writer_now_us() / 1000;
        if (now - t->began_ms < PLM_WRITER_FRAGMENT_MS)
            return (PLM_WRITER_FRAGMENT_MS - (now - t->began_ms)) * 1000;
        int rc = write_fragment(w, t);
        if (rc)
            on_write_error(w, t, rc);
    }
    return UINT64_MAX;
}

/* ---- folders ---- */

static struct plm_writer_folder *find_folder(struct plm_writer *w, const char *id)
{
    struct plm_writer_folder *f;
    HASH_FIND_STR(w->folders, id, f);
    return f;
}

static int open_folder(struct plm_writer *w, const char *id, struct plm_writer_folder **out)
{
    struct plm_writer_folder *f = find_folder(w, id);
    *out = f;
    if (f)
        return 0;
    f = calloc(1, sizeof *f);
    if (!f)
        return PLM_ENOMEM;
    memcpy(f->id, id, sizeof f->id);
    f->journal.fd = -1;
    f->dir.fd = plm_folder_open(w->config.dir_fd, id);
    if (f->dir.fd < 0) {
        int rc = f->dir.fd;
        free(f);
        return rc;
    }
    HASH_ADD_STR(w->folders, id, f);
    if (!f->hh.tbl) {
        plm_writer_folder_close(w, f);
        return PLM_ENOMEM;
    }
    *out = f;
    return 0;
}

static int make_folder(struct plm_writer *w, const char *id)
{
    struct plm_writer_folder *f;
    int rc = plm_folder_make(w->config.dir_fd, id);
    if (rc == 0)
        rc = open_folder(w, id, &f);
    if (rc == 0)
        plm_writer_dirty(w, &w->root);
    return rc;
}

static int write_line(struct plm_writer *w, const char *id, const char *line, size_t len)
{
    struct plm_writer_folder *f;
    int rc = open_folder(w, id, &f);
    if (rc)
        return rc;
    if (f->journal.fd < 0) {
        f->journal.fd = plm_folder_open_file(f->dir.fd, PLM_RECORDING_JOURNAL, O_RDWR | O_APPEND | O_CREAT);
        if (f->journal.fd < 0)
            return f->journal.fd;
        plm_writer_dirty(w, &f->dir);
    }
    rc = plm_folder_append(f->journal.fd, line, len);
    if (rc == 0)
        plm_writer_dirty(w, &f->journal);
    return rc;
}

/* A line is small and tells how it ended: for it the reserve is there, too. */
static int journal(struct plm_writer *w, const char *id, const char *line, size_t len)
{
    int rc = write_line(w, id, line, len);
    if (!is_full(rc))
        return rc;
    end_all(w, rc);
    return write_line(w, id, line, len);
}

/* What is opened after this job is none of its files, however late the finishing thread comes to it. */
static int list_files(const struct plm_writer *w, struct plm_writer_job *job)
{
    int folder_fd = plm_folder_open(w->config.dir_fd, job->id);
    if (folder_fd < 0)
        return folder_fd;
    int rc = plm_folder_list(folder_fd, &job->files);
    close(folder_fd);
    return rc;
}

/* Jobs that block long go on to the finishing thread, with what is open of the folder. */
static void pass_on(struct plm_writer *w, struct plm_writer_job *job)
{
    struct plm_writer_track *t, *tmp;
    if (job->type == PLM_JOB_REMOVE) {
        DL_FOREACH_SAFE (w->open, t, tmp) {
            if (strcmp(t->id, job->id) == 0)
                end_track(w, t, 0);
        }
    }
    if (job->type == PLM_JOB_REPAIR)
        job->list_error = list_files(w, job);
    job->folder = find_folder(w, job->id);
    if (job->folder)
        HASH_DEL(w->folders, job->folder);
    plm_writer_post_finish(w, job);
}

/* ---- the thread ---- */

static void fail(struct plm_writer *w, struct plm_writer_job *job, const char *name, int rc)
{
    if (rc == 0)
        return;
    job->event->e.type = PLM_WRITER_FAILED;
    job->event->e.error = rc;
    memcpy(job->event->e.name, name, strlen(name) + 1);
    plm_writer_post_event(w, job->event);
    job->event = NULL;
}

static void tell_line(struct plm_writer *w, struct plm_writer_job *job, int rc)
{
    fail(w, job, PLM_RECORDING_JOURNAL, rc);
    if (rc == 0) {
        job->event->e.type = PLM_WRITER_JOURNALED;
        plm_writer_post_event(w, job->event);
        job->event = NULL;
    }
}

static void do_job(struct plm_writer *w, struct plm_writer_job *job)
{
    switch (job->type) {
    case PLM_JOB_MAKE:
        fail(w, job, "", make_folder(w, job->id));
        break;
    case PLM_JOB_OPEN:
        on_open(w, job);
        return; /* the track keeps it for its end */
    case PLM_JOB_PUT:
        on_put(w, job);
        break;
    case PLM_JOB_CLOSE:
        on_close(w, job);
        break;
    case PLM_JOB_JOURNAL:
        tell_line(w, job, journal(w, job->id, (const char *)job->octets, job->len));
        break;
    default:
        pass_on(w, job);
        return;
    }
    plm_writer_job_free(job);
}

/* @return the next job, NULL: a fragment is due, or it is the end (*stop) */
static struct plm_writer_job *next_job(struct plm_writer *w, uint64_t wait_us, bool *stop)
{
    uv_mutex_lock(&w->mutex);
    while (!w->jobs && !w->mux_stop && wait_us == UINT64_MAX)
        uv_cond_wait(&w->jobs_wake, &w->mutex);
    if (!w->jobs && !w->mux_stop)
        uv_cond_timedwait(&w->jobs_wake, &w->mutex, wait_us * 1000);
    struct plm_writer_job *job = w->jobs;
    if (job) {
        DL_DELETE(w->jobs, job);
        w->stats.queued_bytes -= job->cost;
        uint64_t late = plm_writer_now_us() - job->queued_us;
        if (late > w->stats.late_us_max)
            w->stats.late_us_max = late;
    }
    *stop = !job && w->mux_stop;
    uv_mutex_unlock(&w->mutex);
    return job;
}

static void close_folders(struct plm_writer *w)
{
    struct plm_writer_folder *f, *tmp;
    HASH_ITER (hh, w->folders, f, tmp) {
        HASH_DEL(w->folders, f);
        plm_writer_folder_close(w, f);
    }
}

void plm_writer_mux_thread(void *writer)
{
    struct plm_writer *w = writer;
    bool stop = false;
    while (!stop) {
        struct plm_writer_job *job = next_job(w, cut_due(w), &stop);
        if (job)
            do_job(w, job);
    }
    close_folders(w);
}
