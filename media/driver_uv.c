#include "driver_uv.h"

#include "capture_thread.h"
#include "feed_uv.h"
#include "mailbox.h"
#include "ring.h"
#include "rtcp.h"
#include "stream_uv.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#define PATIENT_US          20000 /* little beside a jitter buffer */
#define RING_SIZE           (2u << 20) /* 10 ms of 1.6 Gbit/s: longer than a worker may be away */
#define LINK_BYTES_PER_TURN (256u << 10)
#define NO_DEADLINE         UINT64_MAX

struct readable {
    uv_poll_t poll;
    struct plm_driver *driver;
    struct plm_udp *sock;
    bool ready;
};

struct plm_driver {
    struct plm_driver_config config;
    struct plm_worker *core;
    struct plm_udp_reader *reader;
    struct plm_udp_sender *sender;
    struct plm_datagram batch[PLM_UDP_BATCH];

    uv_loop_t loop;
    bool loop_open;
    /*
     * Not uv_async_t: whom it wakes waits in a loop for the sender to have left its call, and on a processor that both share the sender is not even
     * running then.
     */
    int wake_fd;
    uv_poll_t wake;
    uv_timer_t timer;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle; /**< active while something is left to do: the loop does not sleep then */
    struct readable readable[PLM_MAX_LISTEN];
    uint64_t rest_until_us; /**< the sockets are not looked at until then; 0: they are watched */
    uint64_t timer_ms;      /**< what the timer is set to, on the loop's clock; NO_DEADLINE: stopped */

    pthread_t thread;
    bool started;
    _Atomic bool stop;

    struct plm_mailbox mailbox;
    /** Set before sleeping, looked at by whoever gave us something: only a sleeping worker is woken. */
    _Atomic bool asleep;
    /** Rings towards this worker, made by their producers at the first frame. */
    _Atomic(struct plm_ring *) inbound[PLM_MAX_WORKERS];
    struct plm_ring *outbound[PLM_MAX_WORKERS];
    uint32_t unpublished;     /**< bit per worker */
    uint32_t pressing;        /**< of these, those that are to be woken for it */
    uint32_t unwoken;         /**< bit per worker: it has something, and may find it by itself until wake_at_us */
    uint64_t wake_at_us;
    unsigned draining;        /**< whose frames are being handed to the core */
    struct plm_feed_uv *feed; /**< NULL: nobody reads it */
    struct plm_streams *streams;
    uint64_t feed_writes;
    uint64_t now_us;
};

uint64_t plm_driver_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static unsigned n_workers(const struct plm_driver *d)
{
    return d->config.core.n_workers;
}

static void wake(struct plm_driver *d)
{
    eventfd_write(d->wake_fd, 1);
}

/** Any thread; the driver must have something to find already. */
static void wake_if_asleep(struct plm_driver *d)
{
    if (atomic_load(&d->asleep) && atomic_exchange(&d->asleep, false))
        wake(d);
}

/* ---- what the core asks for ---- */

static size_t send_datagrams(struct plm_driver *d, const struct plm_train *trains, size_t n)
{
    bool gso = plm_udp_sender_gso(d->sender);
    size_t taken = plm_udp_send(d->sender, trains, n);
    if (gso && !plm_udp_sender_gso(d->sender))
        plm_logf(&d->config.log, PLM_LOG_WARN, "net",
            "worker %u: the network refuses UDP_SEGMENT, datagrams are sent one by one from now on",
            d->config.core.index);
    return taken;
}

static size_t on_send(void *ctx, const struct plm_train *trains, size_t n)
{
    struct plm_driver *d = ctx;
    size_t taken = 0;
    for (size_t i = 0, first = 0; i <= n; i++) {
        if (i < n && trains[i].sock != PLM_SOCK_STREAM)
            continue;
        if (i > first)
            taken += send_datagrams(d, trains + first, i - first);
        if (i < n)
            taken += plm_streams_send(d->streams, &trains[i], d->now_us);
        first = i + 1;
    }
    return taken;
}

static void on_stream(void *ctx, const struct plm_addr *from, enum plm_stream_order order, unsigned worker)
{
    struct plm_driver *d = ctx;
    plm_streams_order(d->streams, from, order, worker);
}

static void post_note(struct plm_driver *d, struct plm_note *note)
{
    note->worker = (uint8_t)d->config.core.index;
    plm_outbox_post(d->config.outbox, note);
}

static void on_event(void *ctx, const struct plm_event *ev)
{
    post_note(ctx, &(struct plm_note){.type = PLM_NOTE_EVENT, .event = *ev});
}

static void on_shard(void *ctx, plm_room_id room, uint32_t instance, bool up)
{
    post_note(ctx, &(struct plm_note){.type = PLM_NOTE_SHARD, .shard = {room, instance, up}});
}

static void on_gone(void *ctx, plm_transport_id id)
{
    post_note(ctx, &(struct plm_note){.type = PLM_NOTE_GONE, .gone = id});
}

static void report_streams(struct plm_driver *d, struct plm_worker_stats *out)
{
    struct plm_stream_counts c;
    plm_streams_counts(d->streams, &c);
    out->gauges[PLM_GAUGE_TCP_STREAMS] = c.streams;
    out->counters[PLM_CNT_TCP_UNPROVEN] = c.unproven;
    out->counters[PLM_CNT_TCP_MALFORMED] = c.malformed;
    out->counters[PLM_CNT_TCP_MOVED] = c.moved;
    out->counters[PLM_CNT_TCP_BACKLOGS] = c.backlogs;
    if (d->config.core.index == 0) /* of all workers */
        plm_stream_quota_counts(
            d->config.quota, &out->counters[PLM_CNT_TCP_ACCEPTED], &out->counters[PLM_CNT_TCP_REFUSED]);
}

static bool on_capture(void *ctx, const void *head, size_t head_len, const void *body, size_t body_len)
{
    struct plm_driver *d = ctx;
    return plm_capture_thread_put(d->config.capture, d->config.core.index, head, head_len, body, body_len);
}

static void on_stats(void *ctx, struct plm_worker_report *report)
{
    struct plm_driver *d = ctx;
    uint64_t *counters = report->totals.counters;
    counters[PLM_CNT_TX_SYSCALLS] = plm_udp_sender_syscalls(d->sender);
    counters[PLM_CNT_FEED_WRITES] = d->feed_writes;
    counters[PLM_CNT_RX_OVERFLOW] = 0;
    for (size_t i = 0; i < d->config.n_socks; i++)
        counters[PLM_CNT_RX_OVERFLOW] += d->config.socks[i].overflow;
    report_streams(d, &report->totals);
    post_note(d, &(struct plm_note){.type = PLM_NOTE_STATS, .report = report});
}

static struct plm_ring *outbound_ring(struct plm_driver *d, unsigned worker)
{
    if (!d->outbound[worker]) {
        struct plm_ring *ring;
        if (plm_ring_create(&ring, RING_SIZE) != 0)
            return NULL;
        d->outbound[worker] = ring;
        atomic_store(&d->config.drivers[worker]->inbound[d->config.core.index], ring);
    }
    return d->outbound[worker];
}

/*
 * Waking another worker is most of what handing a datagram over costs. Reports can wait until it wakes by itself: one that sleeps for longer
 * sends nothing that they could be about.
 */
static bool is_patient(const struct plm_link_header *h, const uint8_t *datagram, size_t len)
{
    return h->type == PLM_LINK_STRAY && len > 1 && datagram[0] >= 128 && datagram[0] <= 191 &&
           plm_is_rtcp(datagram);
}

static bool on_link(void *ctx, unsigned worker, const void *head, size_t head_len, const void *body,
    size_t body_len, bool urgent)
{
    struct plm_driver *d = ctx;
    assert(worker < n_workers(d) && worker != d->config.core.index);
    struct plm_ring *ring = outbound_ring(d, worker);
    if (!ring || !plm_ring_append(ring, head, head_len, body, body_len, urgent))
        return false;
    d->unpublished |= 1u << worker;
    if (!is_patient(head, body, body_len))
        d->pressing |= 1u << worker;
    return true;
}

static unsigned take_worker(uint32_t *bits)
{
    unsigned worker = (unsigned)__builtin_ctz(*bits);
    *bits &= *bits - 1;
    return worker;
}

static void publish_links(struct plm_driver *d)
{
    uint32_t pressing = d->pressing;
    d->pressing = 0;
    while (d->unpublished) {
        unsigned worker = take_worker(&d->unpublished);
        if (!plm_ring_publish(d->outbound[worker]))
            continue;
        if (pressing >> worker & 1) {
            wake_if_asleep(d->config.drivers[worker]);
            d->unwoken &= ~(1u << worker);
            continue;
        }
        if (!d->unwoken)
            d->wake_at_us = d->now_us + PATIENT_US;
        d->unwoken |= 1u << worker;
    }
}

/* Whoever has not woken by itself. */
static void wake_late(struct plm_driver *d, uint64_t *deadline)
{
    while (d->unwoken && d->now_us >= d->wake_at_us) {
        unsigned worker = take_worker(&d->unwoken);
        if (plm_ring_readable(d->outbound[worker]))
            wake_if_asleep(d->config.drivers[worker]);
    }
    if (d->unwoken && d->wake_at_us < *deadline)
        *deadline = d->wake_at_us;
}

/* ---- the feed ---- */

static void close_feed(struct plm_driver *d)
{
    struct plm_feed_uv *feed = d->feed;
    d->feed = NULL;
    if (d->core)
        plm_worker_set_feed(d->core, NULL, d->now_us);
    plm_feed_uv_close(feed);
}

static void end_feed(struct plm_driver *d, int error)
{
    struct plm_event ev = {.type = PLM_EV_FEED,
        .feed = {.worker = (uint8_t)d->config.core.index, .error = error == PLM_ECLOSED ? 0 : error}};
    close_feed(d);
    plm_logf(&d->config.log, error == PLM_ECLOSED ? PLM_LOG_INFO : PLM_LOG_WARN, "net",
        "worker %u: the feed has ended: %s", d->config.core.index,
        error == PLM_ECLOSED ? "its reader closed" : plm_strerror(error));
    on_event(d, &ev);
}

static void take_feed(struct plm_driver *d, int fd)
{
    close_feed(d);
    if (fd < 0)
        return;
    int err = plm_feed_uv_open(&d->feed, &d->loop, fd, d->config.core.limits.feed_queue);
    if (err)
        end_feed(d, err);
    else
        plm_worker_set_feed(d->core, plm_feed_uv_queue(d->feed), d->now_us);
}

static void on_feed_demand(void *arg, const struct plm_link_header *h, const struct plm_link_demand *demand)
{
    struct plm_driver *d = arg;
    plm_worker_feed_demand(d->core, h, demand, d->now_us);
}

static void read_feed(struct plm_driver *d)
{
    int err = d->feed ? plm_feed_uv_read(d->feed, on_feed_demand, d) : 0;
    if (err)
        end_feed(d, err);
}

static void write_feed(struct plm_driver *d, uint64_t *deadline)
{
    int err = d->feed ? plm_feed_uv_write(d->feed, d->now_us, deadline, &d->feed_writes) : 0;
    if (err)
        end_feed(d, err);
}

/* ---- connections ---- */

static void on_stream_datagram(void *arg, struct plm_datagram *datagram)
{
    struct plm_driver *d = arg;
    plm_worker_input(d->core, datagram, 1, d->now_us);
}

static void on_stream_gone(void *arg, const struct plm_addr *from)
{
    struct plm_driver *d = arg;
    plm_worker_stream_gone(d->core, from, d->now_us);
}

static void on_stream_backlog(void *arg, const struct plm_addr *from, bool on)
{
    struct plm_driver *d = arg;
    plm_worker_stream_backlog(d->core, from, on, d->now_us);
}

static void on_stream_move(void *arg, unsigned worker, struct plm_command *cmd)
{
    struct plm_driver *d = arg;
    plm_driver_post(d->config.drivers[worker], cmd);
}

static int create_streams(struct plm_driver *d)
{
    uint32_t queue = 65536;
    while (queue < d->config.core.limits.tcp_queue)
        queue *= 2;
    struct plm_streams_config config = {
        .loop = &d->loop,
        .quota = d->config.quota,
        .queue = queue,
        .arg = d,
        .datagram = on_stream_datagram,
        .gone = on_stream_gone,
        .backlog = on_stream_backlog,
        .move = on_stream_move,
    };
    return plm_streams_create(&d->streams, &config);
}

/* ---- a turn ---- */

static void run_commands(struct plm_driver *d)
{
    struct plm_command *cmd = plm_mailbox_take(&d->mailbox);
    while (cmd) {
        struct plm_command *next = cmd->next;
        if (cmd->type == PLM_CMD_FEED) {
            take_feed(d, cmd->feed.fd);
            cmd->feed.fd = -1;
        }
        if (cmd->type == PLM_CMD_STREAM)
            plm_streams_take(d->streams, cmd, d->now_us);
        plm_worker_command(d->core, cmd, d->now_us);
        cmd = next;
    }
}

static void on_frame(void *arg, const uint8_t *frame, size_t len)
{
    struct plm_driver *d = arg;
    plm_worker_link(d->core, d->draining, frame, len, d->now_us);
}

/** @return true: some ring was not emptied */
static bool drain_links(struct plm_driver *d)
{
    bool left = false;
    for (d->draining = 0; d->draining < n_workers(d); d->draining++) {
        struct plm_ring *ring = atomic_load_explicit(&d->inbound[d->draining], memory_order_acquire);
        if (ring && plm_ring_drain(ring, on_frame, d, LINK_BYTES_PER_TURN))
            left = true;
    }
    return left;
}

static bool links_readable(struct plm_driver *d)
{
    for (unsigned i = 0; i < n_workers(d); i++) {
        struct plm_ring *ring = atomic_load(&d->inbound[i]);
        if (ring && plm_ring_readable(ring))
            return true;
    }
    return false;
}

static uint32_t datagrams_in(const struct plm_datagram *batch, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += batch[i].segment ? (batch[i].len + batch[i].segment - 1) / batch[i].segment : 1;
    return sum;
}

/** @return how many datagrams, or trains of them, were read */
static size_t read_socket(struct plm_driver *d, struct plm_udp *sock)
{
    size_t sum = 0;
    uint32_t left = d->config.core.limits.datagrams_per_turn;
    for (;;) {
        size_t max = left < PLM_UDP_BATCH ? left : PLM_UDP_BATCH;
        size_t n = plm_udp_read(d->reader, sock, d->batch, max);
        if (n == 0)
            return sum;
        sum += n;
        d->now_us = plm_driver_now(); /* ages are counted from here */
        uint32_t datagrams = datagrams_in(d->batch, n);
        plm_worker_input(d->core, d->batch, n, d->now_us);
        publish_links(d);
        if (n < max || datagrams >= left)
            return sum; /* what is left makes the socket readable again in the next turn */
        left -= datagrams;
    }
}

static void on_idle(uv_idle_t *idle)
{
    (void)idle;
}

static void set_busy(struct plm_driver *d, bool busy)
{
    if (busy)
        uv_idle_start(&d->idle, on_idle);
    else
        uv_idle_stop(&d->idle);
}

/**
 * It has fired: the turn at the end of this pass sets it anew. Timers fire before the loop sleeps, as often as not within the pass after the one
 * that set them, and what is due would wait for the next datagram: this pass may not sleep.
 */
static void on_timer(uv_timer_t *timer)
{
    struct plm_driver *d = timer->data;
    d->timer_ms = NO_DEADLINE;
    set_busy(d, true);
}

static void set_timer(struct plm_driver *d, uint64_t deadline_us)
{
    /* The loop's clock is CLOCK_MONOTONIC in whole milliseconds, rounded down: rounded up, the timer is never early. */
    uint64_t ms = deadline_us == NO_DEADLINE ? NO_DEADLINE : deadline_us / 1000 + (deadline_us % 1000 != 0);
    if (ms == d->timer_ms)
        return;
    d->timer_ms = ms;
    if (ms == NO_DEADLINE) {
        uv_timer_stop(&d->timer);
        return;
    }
    uint64_t loop_ms = uv_now(&d->loop);
    uv_timer_start(&d->timer, on_timer, ms > loop_ms ? ms - loop_ms : 0, 0);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void watch(struct plm_driver *d, bool on)
{
    for (size_t i = 0; i < d->config.n_socks; i++) {
        if (on)
            uv_poll_start(&d->readable[i].poll, UV_READABLE, on_readable);
        else
            uv_poll_stop(&d->readable[i].poll);
    }
}

/**
 * Where the core is patient, what comes after a read is left to gather, and read together: most of what a datagram costs is waking for it. As long
 * as something was there each time the sockets are not watched at all.
 */
static void rest(struct plm_driver *d, size_t n_read, uint64_t *deadline)
{
    uint32_t patience = plm_worker_patience(d->core);
    bool resting = d->rest_until_us != 0, due = d->now_us >= d->rest_until_us;
    if (patience && n_read)
        d->rest_until_us = d->now_us + patience;
    else if (!patience || due)
        d->rest_until_us = 0;
    if (resting != (d->rest_until_us != 0))
        watch(d, resting);
    if (d->rest_until_us && d->rest_until_us < *deadline)
        *deadline = d->rest_until_us;
}

static size_t read_sockets(struct plm_driver *d)
{
    size_t n = 0;
    bool rested = d->rest_until_us && d->now_us >= d->rest_until_us;
    for (size_t i = 0; i < d->config.n_socks; i++) {
        if (d->readable[i].ready || rested)
            n += read_socket(d, d->readable[i].sock);
        d->readable[i].ready = false;
    }
    return n;
}

static void turn(struct plm_driver *d)
{
    d->now_us = plm_driver_now();
    run_commands(d);
    read_feed(d);
    bool left = drain_links(d);
    size_t n_read = read_sockets(d);
    uint64_t settled = NO_DEADLINE;
    plm_streams_read(d->streams);
    plm_streams_settle(d->streams, d->now_us, &settled);
    uint64_t deadline = plm_worker_poll(d->core, d->now_us);
    publish_links(d);
    wake_late(d, &deadline);
    write_feed(d, &deadline);
    rest(d, n_read, &deadline);
    set_timer(d, settled < deadline ? settled : deadline);
    set_busy(d, left || plm_streams_unsettled(d->streams));
}

/* ---- the loop ---- */

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct readable *r = poll->data;
    (void)events;
    if (status <
        0) /* an error is pending on the socket, and libuv has stopped looking at it: reading takes the error away */
        uv_poll_start(poll, UV_READABLE, on_readable);
    r->ready = true;
}

static void on_wake(uv_poll_t *poll, int status, int events)
{
    struct plm_driver *d = poll->data;
    eventfd_t ignored;
    (void)status, (void)events;
    eventfd_read(d->wake_fd, &ignored);
    if (atomic_load(&d->stop))
        uv_stop(&d->loop);
}

/** Last thing before sleeping. Whoever publishes after our look at the rings sees that we sleep; what came before it, we see. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct plm_driver *d = prepare->data;
    atomic_store(&d->asleep, true);
    if (links_readable(d))
        set_busy(d, true);
}

static void on_check(uv_check_t *check)
{
    struct plm_driver *d = check->data;
    atomic_store(&d->asleep, false);
    if (!atomic_load(&d->stop))
        turn(d);
}

static void *run(void *arg)
{
    struct plm_driver *d = arg;
    char name[16];
    snprintf(name, sizeof name, "plenum-w%u", d->config.core.index);
    pthread_setname_np(pthread_self(), name);
    uv_run(&d->loop, UV_RUN_DEFAULT);
    close_feed(d);
    plm_worker_destroy(d->core);
    d->core = NULL;
    plm_streams_destroy(d->streams);
    d->streams = NULL;
    return NULL;
}

static int open_loop(struct plm_driver *d)
{
    int err = uv_loop_init(&d->loop);
    if (err) {
        int fd = uv_backend_fd(&d->loop);
        if (fd > 0)
            close(fd); /* libuv 1.44 forgets it when it fails half-way */
        return err;
    }
    d->loop_open = true;
    d->wake.data = d->timer.data = d->prepare.data = d->check.data = d;
    d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (d->wake_fd < 0)
        return -errno;
    err = uv_poll_init(&d->loop, &d->wake, d->wake_fd);
    if (err == 0)
        err = uv_poll_start(&d->wake, UV_READABLE, on_wake);
    if (err)
        return err;
    uv_timer_init(&d->loop, &d->timer);
    uv_prepare_init(&d->loop, &d->prepare);
    uv_check_init(&d->loop, &d->check);
    uv_idle_init(&d->loop, &d->idle);
    uv_prepare_start(&d->prepare, on_prepare);
    uv_check_start(&d->check, on_check);
    set_busy(d, true); /* the first turn learns the core's first deadline */
    for (size_t i = 0; i < d->config.n_socks; i++) {
        struct readable *r = &d->readable[i];
        *r = (struct readable){.driver = d, .sock = &d->config.socks[i]};
        r->poll.data = r;
        err = uv_poll_init(&d->loop, &r->poll, r->sock->fd);
        if (err == 0)
            err = uv_poll_start(&r->poll, UV_READABLE, on_readable);
        if (err)
            return err;
    }
    return 0;
}

int plm_driver_create(struct plm_driver **out, const struct plm_driver_config *config)
{
    assert(config->n_socks <= PLM_MAX_LISTEN && config->core.n_workers <= PLM_MAX_WORKERS);
    struct plm_driver *d = calloc(1, sizeof *d);
    if (!d)
        return PLM_ENOMEM;
    d->config = *config;
    d->timer_ms = NO_DEADLINE;
    d->wake_fd = -1;
    plm_mailbox_init(&d->mailbox);
    d->config.core.io = (struct plm_worker_io){
        .ctx = d,
        .send = on_send,
        .event = on_event,
        .link = on_link,
        .shard = on_shard,
        .gone = on_gone,
        .stream = on_stream,
        .stats = on_stats,
        .capture = config->capture ? on_capture : NULL,
    };
    int err = plm_udp_reader_create(&d->reader, config->paths);
    if (err == 0)
        err = plm_udp_sender_create(&d->sender, config->socks, config->n_socks, config->paths, config->gso);
    if (err == 0)
        err = create_streams(d);
    if (err == 0)
        err = plm_worker_create(&d->core, &d->config.core, plm_driver_now());
    if (err == 0)
        err = open_loop(d);
    if (err) {
        plm_driver_destroy(d);
        return err;
    }
    *out = d;
    return 0;
}

int plm_driver_start(struct plm_driver *d)
{
    /* Signals belong to the host's threads. */
    sigset_t all, former;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    int err = pthread_create(&d->thread, NULL, run, d);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    d->started = err == 0;
    return -err;
}

void plm_driver_post(struct plm_driver *d, struct plm_command *cmd)
{
    if (plm_mailbox_post(&d->mailbox, cmd))
        wake(d);
}

void plm_driver_join(struct plm_driver *d)
{
    if (!d || !d->started)
        return;
    atomic_store(&d->stop, true);
    wake(d);
    pthread_join(d->thread, NULL);
    d->started = false;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

void plm_driver_destroy(struct plm_driver *d)
{
    if (!d)
        return;
    close_feed(d);
    plm_worker_destroy(d->core);
    plm_streams_destroy(d->streams);
    if (d->loop_open) {
        uv_walk(&d->loop, close_handle, NULL);
        uv_run(&d->loop, UV_RUN_DEFAULT); /* runs nothing but what closing asks for */
        uv_loop_close(&d->loop);
    }
    if (d->wake_fd >= 0)
        close(d->wake_fd);
    for (unsigned i = 0; i < PLM_MAX_WORKERS; i++)
        plm_ring_destroy(atomic_load(&d->inbound[i]));
    plm_mailbox_destroy(&d->mailbox);
    plm_udp_sender_destroy(d->sender);
    plm_udp_reader_destroy(d->reader);
    free(d);
}
