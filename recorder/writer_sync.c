/*
 * The syncing thread: has the disk confirm what was written, the longest unconfirmed first, and watches how much room there is.
 */
#include <errno.h>
#include <unistd.h>

#include "writer_internal.h"

#define NS_PER_MS 1000000
#define EARLY_MS                                                                                             \
    1000 /* begun so long before PLM_WRITER_SYNC_MS is over: many files take a while, one after the other */

static uint64_t now_ms(void)
{
    return plm_writer_now_us() / 1000;
}

void plm_writer_dirty(struct plm_writer *w, struct plm_synced *s)
{
    uv_mutex_lock(&w->mutex);
    if (!s->listed) {
        s->listed = true;
        s->dirty_ms = now_ms();
        DL_APPEND(w->synced, s); /* so the list is ordered by age */
    }
    uv_mutex_unlock(&w->mutex);
}

static void unlist(struct plm_writer *w, struct plm_synced *s)
{
    if (s->listed)
        DL_DELETE(w->synced, s);
    s->listed = false;
}

int plm_writer_forget_synced(struct plm_writer *w, struct plm_synced *s)
{
    uv_mutex_lock(&w->mutex);
    unlist(w, s);
    while (w->syncing == s)
        uv_cond_wait(&w->synced_wake, &w->mutex);
    int rc = s->error;
    uv_mutex_unlock(&w->mutex);
    return rc;
}

/* The mutex is let go meanwhile: writing goes on, and makes it dirty anew. */
static void sync_one(struct plm_writer *w, struct plm_synced *s)
{
    unlist(w, s);
    w->syncing = s;
    uv_mutex_unlock(&w->mutex);
    int rc = fdatasync(s->fd) == 0 ? 0 : -errno;
    uv_mutex_lock(&w->mutex);
    if (rc)
        s->error = rc;
    w->stats.syncs++;
    w->syncing = NULL;
    uv_cond_broadcast(&w->synced_wake);
}

/* Called with the mutex, which is let go: a file system may take its time with the answer. */
static void watch(struct plm_writer *w)
{
    struct plm_disk disk = w->disk;
    uv_mutex_unlock(&w->mutex);
    plm_disk_watch(&disk, now_ms());
    uv_mutex_lock(&w->mutex);
    if (w->disk.full_until_ms != disk.full_until_ms)
        return; /* a write failed meanwhile, which is the newer truth */
    w->disk_changed |= disk.level != w->disk.level;
    w->disk = disk;
}

void plm_writer_sync_thread(void *writer)
{
    struct plm_writer *w = writer;
    uint64_t watched = 0;
    uv_mutex_lock(&w->mutex);
    while (!w->sync_stop) {
        uint64_t now = now_ms();
        if (now - watched >= PLM_WRITER_WATCH_MS) {
            watched = now;
            bool told = w->disk_changed;
            watch(w);
            if (w->disk_changed && !told && w->config.wake) {
                uv_mutex_unlock(&w->mutex);
                w->config.wake(w->config.arg);
                uv_mutex_lock(&w->mutex);
            }
        } else if (w->synced && now - w->synced->dirty_ms >= PLM_WRITER_SYNC_MS - EARLY_MS) {
            sync_one(w, w->synced);
        } else {
            uint64_t wait = PLM_WRITER_WATCH_MS - (now - watched);
            uint64_t age = w->synced ? now - w->synced->dirty_ms : 0;
            if (w->synced && PLM_WRITER_SYNC_MS - EARLY_MS - age < wait)
                wait = PLM_WRITER_SYNC_MS - EARLY_MS - age;
            uv_cond_timedwait(&w->sync_wake, &w->mutex, wait * NS_PER_MS);
        }
    }
    uv_mutex_unlock(&w->mutex);
}
