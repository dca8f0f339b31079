#include "serve.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "link_in.h"
#include "lock.h"
#include "log.h"
#include "recorder.h"

#define POLL_MS    50
#define LATE_US    250000 /* two rounds that are so far apart: the process stood still */
#define CATCH_UP_US                                                                                          \
    1000000 /* so long after that at most what lies unread goes first: all that a worker keeps has come then */
#define FIGURES_US 60000000
#define QUEUE_BYTES                                                                                          \
    (48u << 20) /* of the 64 MiB that the process may take; streams, pairs and journals have the rest */

struct serve {
    const struct plm_serve_config *config;
    uv_loop_t loop;
    uv_timer_t timer;
    uv_async_t events;
    uv_signal_t signals[2];
    int dir_fd, lock_fd;
    char boot_id[PLM_BOOT_ID_SIZE];
    struct plm_writer *writer;
    struct plm_disk_port disk;
    struct plm_recorder *recorder;
    struct plm_link_in *links;
    uint64_t figures_us;
    uint64_t round_us;    /* when the timer was called last */
    uint64_t catch_up_us; /* until then what lies unread goes first; 0: nothing does */
    bool ending;
};

static uint64_t now_us(void)
{
    return uv_hrtime() / 1000;
}

/* ---- between links and recorder ---- */

static void on_server(void *ctx, bool there)
{
    plm_recorder_on_server(((struct serve *)ctx)->recorder, there, now_us());
}

static void on_control(void *ctx, const char *text, size_t len)
{
    plm_recorder_on_control(((struct serve *)ctx)->recorder, text, len, now_us());
}

static void on_frame(void *ctx, uint32_t link, const struct plm_link_header *h, const uint8_t *body)
{
    plm_recorder_on_frame(((struct serve *)ctx)->recorder, link, h, body, now_us());
}

static void on_link_gone(void *ctx, uint32_t link)
{
    plm_recorder_on_link_gone(((struct serve *)ctx)->recorder, link, now_us());
}

static void on_link_log(void *ctx, const char *text)
{
    (void)ctx;
    plm_rec_log(PLM_LOG_WARN, NULL, text);
}

static void send_control(void *ctx, const char *text, size_t len)
{
    plm_link_in_send_control(((struct serve *)ctx)->links, text, len);
}

static void send_frame(void *ctx, uint32_t link, const struct plm_link_header *h, const void *body)
{
    plm_link_in_send(((struct serve *)ctx)->links, link, h, body);
}

static void on_log(void *ctx, enum plm_log_level level, const char *id, const char *text)
{
    (void)ctx;
    plm_rec_log(level, id, text);
}

/* ---- the loop ---- */

/* On a thread of the writer's. */
static void wake(void *arg)
{
    uv_async_send(&((struct serve *)arg)->events);
}

static void on_events(uv_async_t *async)
{
    struct serve *s = async->data;
    struct plm_writer_event ev;
    while (plm_writer_next_event(s->writer, &ev))
        plm_recorder_on_writer(s->recorder, &ev, now_us());
}

static void end(struct serve *s, const char *why)
{
    if (s->ending)
        return;
    s->ending = true;
    plm_rec_log(PLM_LOG_INFO, NULL, why);
    plm_recorder_leave(s->recorder, now_us());
    uv_stop(&s->loop);
}

static void on_signal(uv_signal_t *signal, int number)
{
    (void)number;
    end(signal->data, "asked to end");
}

static void log_figures(struct serve *s, uint64_t now)
{
    struct plm_recorder_stats r;
    struct plm_writer_stats w;
    struct plm_link_in_stats l;
    if (now < s->figures_us + FIGURES_US)
        return;
    s->figures_us = now;
    plm_recorder_stats(s->recorder, &r);
    plm_writer_stats(s->writer, &w);
    plm_link_in_stats(s->links, &l);
    if (!r.running)
        return;
    plm_rec_logf(PLM_LOG_INFO, NULL,
        "%u running, %u tracks, %" PRIu64 " files open; %" PRIu64 " frames and %" PRIu64 " MB read, %" PRIu64
        " packets lost, %" PRIu64 " MB written, queue at most %" PRIu64 " kB and %" PRIu64 " ms, %" PRIu64
        " refused",
        r.running, r.running_stats.tracks, w.files_open, l.frames, l.bytes >> 20,
        r.running_stats.streams.lost, w.written_bytes >> 20, w.queued_bytes_max >> 10, w.late_us_max / 1000,
        w.refused);
}

/*
 * After standing still, what came meanwhile lies unread in sockets and rings, and a loop calls its timers before it reads: recordings would take
 * for lost what is late with us alone. For them no time passes until that is read, between this round and a later one. Where each is late it goes on
 * after a while all the same, since workers want to be asked again.
 */
static bool is_behind(struct serve *s, uint64_t now)
{
    const bool late = now > s->round_us + LATE_US;
    s->round_us = now;
    if (late && !s->catch_up_us)
        s->catch_up_us = now + CATCH_UP_US;
    if ((late || plm_link_in_is_behind(s->links)) && now < s->catch_up_us)
        return true;
    s->catch_up_us = 0;
    return false;
}

static void on_timer(uv_timer_t *timer)
{
    struct serve *s = timer->data;
    const uint64_t now = now_us();
    if (is_behind(s, now))
        return;
    plm_recorder_poll(s->recorder, now);
    log_figures(s, now);
    const uint64_t idle = plm_recorder_idle_since(s->recorder);
    if (!s->config->stay && idle != UINT64_MAX && now >= idle + (uint64_t)PLM_SERVE_IDLE_S * 1000000)
        end(s, "no server, and nothing to record");
}

/* ---- begin and end ---- */

/* A kernel without boot ids is always the same one to us. */
static void read_boot_id(char out[PLM_BOOT_ID_SIZE])
{
    int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, out, PLM_BOOT_ID_SIZE - 1) : 0;
    if (fd >= 0)
        close(fd);
    out[n > 0 ? n : 0] = '\0';
}

static int fail(const char *what, int error)
{
    plm_rec_logf(PLM_LOG_ERROR, NULL, "%s: %s", what, plm_strerror(error));
    return EXIT_FAILURE;
}

/*
 * Forwarding goes first: when this process wakes up it takes the CPU from nobody who is at work, and gets its share all the same. Threads
 * that are made later have it too. What whoever started us chose instead stands.
 */
static void give_way(void)
{
    const struct sched_param none = {0};
    if (sched_getscheduler(0) == SCHED_OTHER)
        (void)sched_setscheduler(0, SCHED_BATCH, &none);
}

static int open_folder(struct serve *s)
{
    if (mkdir(s->config->dir, 0700) && errno != EEXIST)
        return fail(s->config->dir, -errno);
    s->dir_fd = open(s->config->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0)
        return fail(s->config->dir, -errno);
    s->lock_fd = plm_lock_take(s->dir_fd);
    if (s->lock_fd == -EWOULDBLOCK) {
        plm_rec_logf(PLM_LOG_ERROR, NULL, "%s: another recorder has it", s->config->dir);
        return 3;
    }
    return s->lock_fd < 0 ? fail("the folder's lock", s->lock_fd) : 0;
}

static int begin(struct serve *s)
{
    const struct plm_recorder_env env = {s, &s->disk, s->boot_id, send_control, send_frame, on_log};
    const struct plm_link_in_ops ops = {s, on_server, on_control, on_frame, on_link_gone, on_link_log};
    const struct plm_writer_config writer = {
        .dir_fd = s->dir_fd, .queue_bytes = QUEUE_BYTES, .wake = wake, .arg = s};
    int rc = plm_writer_create(&s->writer, &writer);
    if (rc)
        return fail("the writer", rc);
    s->disk = plm_disk_port_of(s->writer);
    rc = plm_recorder_create(&s->recorder, &env);
    if (!rc)
        rc = plm_recorder_load(s->recorder, s->dir_fd, now_us());
    if (rc)
        return fail("what lies in the folder", rc);
    rc = plm_link_in_create(&s->links, &s->loop, s->config->socket, &ops);
    if (rc)
        return fail(s->config->socket, rc);
    uv_async_send(&s->events);
    return 0;
}

static void start_handles(struct serve *s)
{
    static const int numbers[] = {SIGTERM, SIGINT};
    uv_loop_init(&s->loop);
    uv_async_init(&s->loop, &s->events, on_events);
    uv_timer_init(&s->loop, &s->timer);
    s->events.data = s->timer.data = s;
    uv_timer_start(&s->timer, on_timer, POLL_MS, POLL_MS);
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&s->loop, &s->signals[i]);
        s->signals[i].data = s;
        uv_signal_start(&s->signals[i], on_signal, numbers[i]);
    }
}

/* The writer before what its events wake. */
static void finish(struct serve *s)
{
    plm_link_in_close(s->links);
    s->links = NULL;
    plm_recorder_destroy(s->recorder);
    plm_writer_destroy(s->writer);
    uv_close((uv_handle_t *)&s->events, NULL);
    uv_close((uv_handle_t *)&s->timer, NULL);
    for (int i = 0; i < 2; i++)
        uv_close((uv_handle_t *)&s->signals[i], NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
}

int plm_serve(const struct plm_serve_config *config)
{
    const uint64_t now = now_us();
    struct serve s = {.config = config, .dir_fd = -1, .lock_fd = -1, .figures_us = now, .round_us = now};
    signal(SIGPIPE, SIG_IGN);
    give_way();
    read_boot_id(s.boot_id);
    int status = open_folder(&s);
    if (!status) {
        start_handles(&s);
        status = begin(&s);
        if (!status) {
            plm_rec_logf(PLM_LOG_INFO, NULL, "plenum-recorder " PLM_VERSION " is ready, recordings in %s",
                config->dir);
            uv_run(&s.loop, UV_RUN_DEFAULT);
        }
        finish(&s);
    }
    if (s.lock_fd >= 0)
        close(s.lock_fd);
    if (s.dir_fd >= 0)
        close(s.dir_fd);
    return status;
}
