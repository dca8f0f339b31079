#include "writer_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "folder.h"

#define QUEUE_BYTES   (64u * 1024 * 1024)
#define RESERVE_BYTES (UINT64_C(64) << 20)
#define SOUND_SHARE   8 /* one part in so many of the queue is kept for what is no picture */

uint64_t plm_writer_now_us(void)
{
    return uv_hrtime() / 1000;
}

/* ---- shared by the threads ---- */

static void wake(const struct plm_writer *w)
{
    if (w->config.wake)
        w->config.wake(w->config.arg);
}

void plm_writer_post_event(struct plm_writer *w, struct plm_writer_event_node *node)
{
    node->next = NULL;
    uv_mutex_lock(&w->mutex);
    *w->events_end = node;
    w->events_end = &node->next;
    uv_mutex_unlock(&w->mutex);
    wake(w);
}

void plm_writer_post_finish(struct plm_writer *w, struct plm_writer_job *job)
{
    uv_mutex_lock(&w->mutex);
    DL_APPEND(w->finish_jobs, job);
    uv_cond_signal(&w->finish_wake);
    uv_mutex_unlock(&w->mutex);
}

void plm_writer_disk_full(struct plm_writer *w)
{
    uv_mutex_lock(&w->mutex);
    plm_disk_on_full(&w->disk, plm_writer_now_us() / 1000);
    w->disk_changed = true;
    uv_mutex_unlock(&w->mutex);
    plm_disk_release(w->config.dir_fd);
    wake(w);
}

void plm_writer_job_free(struct plm_writer_job *job)
{
    if (job) {
        free(job->event);
        plm_folder_list_free(&job->files);
    }
    free(job);
}

void plm_writer_track_unref(struct plm_writer *w, struct plm_writer_track *t)
{
    uv_mutex_lock(&w->mutex);
    bool last = --t->refs == 0;
    uv_mutex_unlock(&w->mutex);
    if (!last)
        return;
    plm_mux_destroy(t->mux);
    free(t->event);
    free(t);
}

void plm_writer_folder_close(struct plm_writer *w, struct plm_writer_folder *f)
{
    struct plm_synced *both[] = {&f->journal, &f->dir};
    for (unsigned i = 0; i < 2; i++) {
        if (both[i]->fd < 0)
            continue;
        plm_writer_forget_synced(w, both[i]);
        fdatasync(both[i]->fd);
        close(both[i]->fd);
    }
    free(f);
}

/* ---- the caller's side ---- */

static int start_threads(struct plm_writer *w)
{
    int rc = uv_thread_create(&w->muxer, plm_writer_mux_thread, w);
    w->muxer_runs = rc == 0;
    if (rc == 0) {
        rc = uv_thread_create(&w->finisher, plm_writer_finish_thread, w);
        w->finisher_runs = rc == 0;
    }
    if (rc == 0) {
        rc = uv_thread_create(&w->syncer, plm_writer_sync_thread, w);
        w->syncer_runs = rc == 0;
    }
    return rc;
}

int plm_writer_create(struct plm_writer **out, const struct plm_writer_config *config)
{
    struct plm_writer *w = calloc(1, sizeof *w);
    if (!w)
        return PLM_ENOMEM;
    w->config = *config;
    if (!w->config.queue_bytes)
        w->config.queue_bytes = QUEUE_BYTES;
    if (!w->config.reserve_bytes)
        w->config.reserve_bytes = RESERVE_BYTES;
    w->events_end = &w->events;
    w->root.fd = config->dir_fd;
    uv_mutex_init(&w->mutex);
    uv_cond_init(&w->jobs_wake);
    uv_cond_init(&w->finish_wake);
    uv_cond_init(&w->sync_wake);
    uv_cond_init(&w->synced_wake);
    plm_disk_init(&w->disk, w->config.dir_fd, w->config.reserve_bytes);
    w->disk_changed = plm_disk_watch(&w->disk, plm_writer_now_us() / 1000);
    int rc = start_threads(w);
    if (rc) {
        plm_writer_destroy(w);
        return rc;
    }
    *out = w;
    return 0;
}

static void stop_thread(struct plm_writer *w, bool *runs, bool *stop, uv_cond_t *cond, uv_thread_t *thread)
{
    uv_mutex_lock(&w->mutex);
    *stop = true;
    uv_cond_signal(cond);
    uv_mutex_unlock(&w->mutex);
    if (*runs)
        uv_thread_join(thread);
    *runs = false;
}

void plm_writer_destroy(struct plm_writer *w)
{
    struct plm_writer_track *t, *tmp;
    if (!w)
        return;
    /* Handles that are still open are closed like any other; the muxing thread ends when its queue is empty, the finishing one after it. */
    HASH_ITER (hh, w->tracks, t, tmp)
        plm_writer_close(w, t->file, 0);
    stop_thread(w, &w->muxer_runs, &w->mux_stop, &w->jobs_wake, &w->muxer);
    stop_thread(w, &w->finisher_runs, &w->finish_stop, &w->finish_wake, &w->finisher);
    stop_thread(w, &w->syncer_runs, &w->sync_stop, &w->sync_wake, &w->syncer);
    while (w->events) {
        struct plm_writer_event_node *node = w->events;
        w->events = node->next;
        free(node);
    }
    plm_blob_free(&w->scratch);
    uv_cond_destroy(&w->jobs_wake);
    uv_cond_destroy(&w->finish_wake);
    uv_cond_destroy(&w->sync_wake);
    uv_cond_destroy(&w->synced_wake);
    uv_mutex_destroy(&w->mutex);
    free(w);
}

/* A file that failed needs its handle no more. */
static void drop_handle(struct plm_writer *w, const struct plm_writer_event *e)
{
    if (e->type == PLM_WRITER_FAILED && e->file)
        plm_writer_close(w, e->file, 0);
}

bool plm_writer_next_event(struct plm_writer *w, struct plm_writer_event *out)
{
    struct plm_writer_event_node *node = NULL;
    uv_mutex_lock(&w->mutex);
    bool disk = w->disk_changed;
    if (disk) {
        *out = (struct plm_writer_event){
            .type = PLM_WRITER_DISK, .level = w->disk.level, .free_bytes = w->disk.free_bytes};
        w->disk_changed = false;
    } else if (w->events) {
        node = w->events;
        w->events = node->next;
        if (!w->events)
            w->events_end = &w->events;
    }
    uv_mutex_unlock(&w->mutex);
    if (!node)
        return disk;
    *out = node->e;
    free(node);
    drop_handle(w, out);
    return true;
}

/* @param room which share of the queue this may fill */
static int post(struct plm_writer *w, struct plm_writer_job *job, size_t room)
{
    int rc = 0;
    job->queued_us = plm_writer_now_us();
    uv_mutex_lock(&w->mutex);
    if (job->cost > room || w->stats.queued_bytes > room - job->cost) {
        w->stats.refused++;
        rc = PLM_EFULL;
    } else {
        w->stats.queued_bytes += job->cost;
        if (w->stats.queued_bytes > w->stats.queued_bytes_max)
            w->stats.queued_bytes_max = w->stats.queued_bytes;
        if (!w->jobs)
            uv_cond_signal(&w->jobs_wake);
        DL_APPEND(w->jobs, job);
    }
    uv_mutex_unlock(&w->mutex);
    return rc;
}

static struct plm_writer_job *make_job(enum plm_writer_job_type type, const char *id, size_t len)
{
    struct plm_writer_job *job = malloc(sizeof *job + len);
    if (!job)
        return NULL;
    *job = (struct plm_writer_job){.type = type, .cost = sizeof *job + len, .len = len};
    if (id)
        memcpy(job->id, id, sizeof job->id);
    return job;
}

/* A job about a recording; with an event if it has to tell something. */
static int post_job(
    struct plm_writer *w, enum plm_writer_job_type type, const char *id, const char *text, size_t len)
{
    if (!plm_recording_id_valid(id))
        return PLM_EINVAL;
    struct plm_writer_job *job = make_job(type, id, len);
    struct plm_writer_event_node *node = job ? calloc(1, sizeof *node) : NULL;
    if (!node) {
        free(job);
        return PLM_ENOMEM;
    }
    job->event = node;
    memcpy(node->e.id, id, sizeof node->e.id);
    if (len)
        memcpy(job->octets, text, len);
    int rc = post(w, job, w->config.queue_bytes);
    if (rc)
        plm_writer_job_free(job);
    return rc;
}

int plm_writer_make(struct plm_writer *w, const char *id)
{
    return post_job(w, PLM_JOB_MAKE, id, NULL, 0);
}

int plm_writer_journal(struct plm_writer *w, const char *id, const char *line, size_t len)
{
    return post_job(w, PLM_JOB_JOURNAL, id, line, len);
}

int plm_writer_manifest(struct plm_writer *w, const char *id, const char *text, size_t len)
{
    return post_job(w, PLM_JOB_MANIFEST, id, text, len);
}

int plm_writer_repair(struct plm_writer *w, const char *id)
{
    return post_job(w, PLM_JOB_REPAIR, id, NULL, 0);
}

int plm_writer_remove(struct plm_writer *w, const char *id)
{
    return post_job(w, PLM_JOB_REMOVE, id, NULL, 0);
}

static struct plm_writer_track *make_track(
    const char *id, const char *name, const struct plm_writer_track_config *config)
{
    struct plm_writer_track *t = calloc(1, sizeof *t);
    if (!t)
        return NULL;
    t->refs = 1;
    t->sync.fd = -1;
    t->start_us = config->start_us;
    memcpy(t->id, id, sizeof t->id);
    memcpy(t->name, name, strlen(name) + 1);
    t->event = calloc(1, sizeof *t->event);
    t->close_job = make_job(PLM_JOB_CLOSE, NULL, 0);
    if (t->event && t->close_job && plm_mux_create(&t->mux, config) == 0)
        return t;
    free(t->event);
    free(t->close_job);
    free(t);
    return NULL;
}

static void destroy_unposted(struct plm_writer_track *t)
{
    plm_mux_destroy(t->mux);
    free(t->event);
    free(t->close_job);
    free(t);
}

plm_writer_file plm_writer_open(
    struct plm_writer *w, const char *id, const char *name, const struct plm_writer_track_config *config)
{
    if (!plm_recording_id_valid(id) || !plm_recording_file_valid(name) || strlen(name) >= PLM_WRITER_MAX_NAME)
        return 0;
    struct plm_writer_track *t = make_track(id, name, config);
    struct plm_writer_job *job = t ? make_job(PLM_JOB_OPEN, NULL, 0) : NULL;
    if (!job) {
        if (t)
            destroy_unposted(t);
        return 0;
    }
    do
        t->file = ++w->last_file;
    while (t->file == 0);
    t->event->e.file = t->file;
    memcpy(t->event->e.id, t->id, sizeof t->id);
    memcpy(t->event->e.name, t->name, sizeof t->name);
    HASH_ADD(hh, w->tracks, file, sizeof t->file, t);
    job->track = t;
    if (t->hh.tbl && post(w, job, w->config.queue_bytes) == 0)
        return t->file;
    if (t->hh.tbl)
        HASH_DEL(w->tracks, t);
    free(job);
    destroy_unposted(t);
    return 0;
}

static struct plm_writer_track *find_track(struct plm_writer *w, plm_writer_file file)
{
    struct plm_writer_track *t;
    HASH_FIND(hh, w->tracks, &file, sizeof file, t);
    return t;
}

int plm_writer_put(struct plm_writer *w, plm_writer_file file, const struct plm_sample *sample)
{
    struct plm_writer_track *t = find_track(w, file);
    if (!t)
        return 0; /* it failed: its event is on the way or was taken */
    struct plm_writer_job *job = make_job(PLM_JOB_PUT, NULL, sample->len);
    if (!job)
        return PLM_ENOMEM;
    job->track = t;
    job->sample = *sample;
    job->sample.data = job->octets;
    job->sample.config = NULL;
    job->sample.config_len = 0;
    memcpy(job->octets, sample->data, sample->len);
    size_t room = w->config.queue_bytes;
    if (sample->codec != PLM_CODEC_OPUS)
        room -= room / SOUND_SHARE;
    int rc = post(w, job, room);
    if (rc)
        free(job);
    return rc;
}

void plm_writer_close(struct plm_writer *w, plm_writer_file file, int64_t end_us)
{
    struct plm_writer_track *t = find_track(w, file);
    if (!t)
        return;
    struct plm_writer_job *job = t->close_job;
    HASH_DEL(w->tracks, t);
    job->track = t;
    job->sample.time_us = end_us;
    job->cost = 0; /* always taken */
    post(w, job, w->config.queue_bytes);
}

void plm_writer_stats(struct plm_writer *w, struct plm_writer_stats *out)
{
    uv_mutex_lock(&w->mutex);
    *out = w->stats;
    uv_mutex_unlock(&w->mutex);
}
