#include "capture_thread.h"

#include "capture_file.h"
#include "command.h"
#include "driver_uv.h"
#include "ring.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define RING_OCTETS (4u << 20) /* a second of some hundred receivers */
#define TAKE_OCTETS (256u << 10)
#define REST_NS     20000000 /* between two looks at empty rings */

/** Of one worker. */
struct lane {
    struct plm_ring *ring;
    uint32_t lost; /**< frames without room since the last that had it; the worker's own */
};

struct plm_capture_thread {
    struct plm_capture_file file;
    struct plm_log log;
    FILE *out;
    pthread_t thread;
    _Atomic bool stop;
    unsigned n_workers;
    struct lane lanes[PLM_MAX_WORKERS];
};

/* ---- workers ---- */

static bool append(struct lane *l, const void *head, size_t head_len, const void *body, size_t body_len)
{
    return plm_ring_append(l->ring, head, head_len, body, body_len, false);
}

/* The gap is told of before what follows it. */
static bool tell_lost(struct lane *l)
{
    const struct plm_capture_head head = {
        .kind = PLM_CAPTURE_LOST, .len = l->lost, .at_us = plm_driver_now()};
    if (l->lost && !append(l, &head, sizeof head, NULL, 0))
        return false;
    l->lost = 0;
    return true;
}

bool plm_capture_thread_put(struct plm_capture_thread *c, unsigned worker, const void *head, size_t head_len,
    const void *body, size_t body_len)
{
    struct lane *l = &c->lanes[worker];
    bool taken = tell_lost(l) && append(l, head, head_len, body, body_len);
    l->lost += !taken;
    plm_ring_publish(l->ring);
    return taken;
}

/* ---- the thread ---- */

static bool write_out(void *arg, const void *data, size_t len)
{
    struct plm_capture_thread *c = arg;
    if (fwrite(data, 1, len, c->out) == len)
        return true;
    plm_logf(&c->log, PLM_LOG_ERROR, "net", "the capture ends here: %s", strerror(errno));
    return false;
}

static void on_frame(void *arg, const uint8_t *frame, size_t len)
{
    struct plm_capture_thread *c = arg;
    plm_capture_file_frame(&c->file, frame, len);
}

/* @return whether anything is left */
static bool take(struct plm_capture_thread *c)
{
    bool more = false;
    for (unsigned i = 0; i < c->n_workers; i++)
        more |= plm_ring_drain(c->lanes[i].ring, on_frame, c, TAKE_OCTETS);
    return more;
}

static void *run(void *arg)
{
    struct plm_capture_thread *c = arg;
    const struct timespec rest = {.tv_nsec = REST_NS};
    while (!atomic_load(&c->stop)) {
        if (take(c))
            continue;
        fflush(c->out);
        nanosleep(&rest, NULL);
    }
    while (take(c))
        ;
    return NULL;
}

/* ---- life ---- */

static int open_file(struct plm_capture_thread *c, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    c->out = fdopen(fd, "wb");
    if (c->out)
        return 0;
    close(fd);
    return PLM_ENOMEM;
}

static void release(struct plm_capture_thread *c)
{
    for (unsigned i = 0; i < c->n_workers; i++)
        plm_ring_destroy(c->lanes[i].ring);
    plm_capture_file_end(&c->file);
    if (c->out && fclose(c->out))
        plm_logf(&c->log, PLM_LOG_ERROR, "net", "the capture is not whole: %s", strerror(errno));
    free(c);
}

int plm_capture_thread_create(struct plm_capture_thread **out, const struct plm_capture_thread_config *config)
{
    struct plm_capture_thread *c = calloc(1, sizeof *c);
    if (!c)
        return PLM_ENOMEM;
    c->log = config->log;
    c->n_workers = config->n_workers;
    c->file = (struct plm_capture_file){.write = write_out,
        .arg = c,
        .max = config->max,
        .unix_offset_us = config->unix_offset_us,
        .port = config->port};
    int err = open_file(c, config->path);
    for (unsigned i = 0; err == 0 && i < c->n_workers; i++)
        err = plm_ring_create(&c->lanes[i].ring, RING_OCTETS);
    if (err == 0) {
        plm_capture_file_begin(&c->file);
        err = -pthread_create(&c->thread, NULL, run, c);
    }
    if (err) {
        release(c);
        return err;
    }
    *out = c;
    return 0;
}

void plm_capture_thread_destroy(struct plm_capture_thread *c)
{
    if (!c)
        return;
    atomic_store(&c->stop, true);
    pthread_join(c->thread, NULL);
    if (c->file.ended)
        plm_logf(
            &c->log, PLM_LOG_WARN, "net", "the capture was full, or could not be written, before its end");
    release(c);
}
