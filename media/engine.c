#include "engine_core.h"

#include "advertise.h"
#include "capture_thread.h"
#include "feed.h"

#include <assert.h>
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BIND_TRIES  16
#define CAPTURE_MAX (UINT64_C(256) << 20)

static void fill_random(void *arg, void *buf, size_t len)
{
    (void)arg;
    for (size_t at = 0; at < len;) {
        ssize_t n = getrandom((uint8_t *)buf + at, len - at, 0);
        if (n > 0)
            at += (size_t)n;
        else if (errno != EINTR)
            abort(); /* without it every password would be known */
    }
}

/* ---- configuration ---- */

static void or_default(uint32_t *value, uint32_t fallback)
{
    if (*value == 0)
        *value = fallback;
}

/** Of what the engine itself uses; workers fill in the rest. */
static void fill_defaults(struct plm_engine_config *c)
{
    or_default(&c->limits.transports, 4096);
    or_default(&c->limits.rooms, 4096);
    or_default(&c->limits.datagrams_per_turn, 256);
    or_default(&c->limits.feed_queue, 24u << 20);
    or_default(&c->limits.tcp_streams, 4096);
    or_default(&c->limits.tcp_unproven, 64);
    or_default(&c->limits.tcp_queue, 512u << 10);
    or_default(&c->rcvbuf, 4u << 20);
    or_default(&c->sndbuf, 4u << 20);
    or_default(&c->connect_timeout_ms, 30000);
}

static bool is_valid(const struct plm_engine_config *c)
{
    if (c->workers > PLM_MAX_WORKERS || c->n_listen > PLM_MAX_LISTEN || c->n_advertise > PLM_MAX_LISTEN * 2)
        return false;
    if (c->limits.transports > 65536 || c->limits.rooms > 65536)
        return false;
    if (c->limits.tcp_streams > 65536 || c->limits.tcp_queue > 64u << 20)
        return false;
    if (c->limits.feed_queue && (c->limits.feed_queue < PLM_FEED_MIN_SIZE || c->limits.feed_queue > 1u << 30))
        return false;
    for (size_t i = 0; i < c->n_listen; i++)
        if (c->listen[i].sa.sa_family != AF_INET && c->listen[i].sa.sa_family != AF_INET6)
            return false;
    for (size_t i = 0; i < c->n_advertise; i++)
        if (c->advertise[i].sa.sa_family != AF_INET && c->advertise[i].sa.sa_family != AF_INET6)
            return false;
    return true;
}

static unsigned auto_workers(void)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    unsigned cores = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    if (cores < 4)
        return 1;
    return cores - 1 < PLM_MAX_WORKERS ? cores - 1 : PLM_MAX_WORKERS;
}

/* ---- sockets ---- */

static void close_sockets(struct plm_engine *e)
{
    for (unsigned w = 0; w < PLM_MAX_WORKERS; w++)
        for (size_t i = 0; i < PLM_MAX_LISTEN; i++)
            plm_udp_close(&e->socks[w][i]);
}

static void log_buffers(struct plm_engine *e, const struct plm_addr *addr, uint32_t rcv, uint32_t snd)
{
    char text[PLM_ADDR_TEXT];
    plm_addr_format(addr, text, sizeof text);
    plm_logf(&e->log, PLM_LOG_INFO, "net",
        "udp %s: receive buffer %u kB of %u kB asked, send buffer %u kB of %u kB", text, rcv / 1024,
        e->config.rcvbuf / 1024, snd / 1024, e->config.sndbuf / 1024);
    if (rcv < e->config.rcvbuf)
        plm_logf(&e->log, PLM_LOG_WARN, "net",
            "bursts may be lost at udp %s: allow larger buffers with: sysctl -w net.core.rmem_max=%u", text,
            e->config.rcvbuf);
    if (snd < e->config.sndbuf)
        plm_logf(&e->log, PLM_LOG_WARN, "net",
            "bursts may be cut at udp %s: allow larger buffers with: sysctl -w net.core.wmem_max=%u", text,
            e->config.sndbuf);
}

/** One address for one worker; the first worker's socket decides the port. */
static int open_one(struct plm_engine *e, unsigned worker, size_t i, struct plm_addr *addr)
{
    struct plm_udp_options options = {
        .rcvbuf = e->config.rcvbuf,
        .sndbuf = e->config.sndbuf,
        .exclusive = worker == 0,
        .shared = e->n_workers > 1,
    };
    uint32_t rcv = 0, snd = 0;
    int err = plm_udp_open(&e->socks[worker][i], (uint8_t)i, addr, &options, &rcv, &snd);
    if (err == 0 && worker == 0)
        log_buffers(e, addr, rcv, snd);
    return err;
}

/** The first worker's sockets. Addresses with port 0 get one port together: it is announced once and opened once in a firewall. */
static int open_first(struct plm_engine *e)
{
    uint16_t port = 0;
    for (size_t i = 0; i < e->n_listen; i++) {
        e->bound[i] = e->config.listen[i];
        bool any_port = plm_addr_port(&e->bound[i]) == 0;
        if (any_port)
            plm_addr_set_port(&e->bound[i], port);
        int err = open_one(e, 0, i, &e->bound[i]);
        if (err)
            return err == -EADDRINUSE && any_port && port ? PLM_EAGAIN : err;
        if (any_port)
            port = plm_addr_port(&e->bound[i]);
    }
    return 0;
}

static int open_sockets(struct plm_engine *e)
{
    int err = PLM_EAGAIN;
    for (int tries = 0; err == PLM_EAGAIN && tries < BIND_TRIES; tries++) {
        close_sockets(e);
        err = open_first(e);
    }
    for (unsigned w = 1; err == 0 && w < e->n_workers; w++)
        for (size_t i = 0; err == 0 && i < e->n_listen; i++)
            err = open_one(e, w, i, &e->bound[i]);
    return err == PLM_EAGAIN ? -EADDRINUSE : err;
}

/** No address was named: all of them; a machine without IPv6 is served, too. */
static int open_everywhere(struct plm_engine *e)
{
    e->config.listen[0] = (struct plm_addr){.in4 = {.sin_family = AF_INET}};
    e->config.listen[1] = (struct plm_addr){.in6 = {.sin6_family = AF_INET6}};
    e->n_listen = 2;
    int err = open_sockets(e);
    if (err != -EAFNOSUPPORT && err != -EADDRNOTAVAIL)
        return err;
    plm_logf(&e->log, PLM_LOG_INFO, "net", "no IPv6 here: IPv4 only");
    e->n_listen = 1;
    return open_sockets(e);
}

static void log_candidates(const struct plm_engine *e)
{
    struct plm_addr candidates[PLM_MAX_LISTEN * 2];
    char text[PLM_ADDR_TEXT];
    size_t n = plm_engine_candidates(e, candidates, sizeof candidates / sizeof candidates[0]);
    for (size_t i = 0; i < n; i++)
        plm_logf(
            &e->log, PLM_LOG_INFO, "ice", "candidate %s", plm_addr_format(&candidates[i], text, sizeof text));
    if (n == 0)
        plm_logf(&e->log, PLM_LOG_WARN, "ice", "no address to tell peers: none of the interfaces has one");
}

/* ---- workers ---- */

static int64_t unix_offset_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 - (int64_t)plm_driver_now();
}

static int create_worker(struct plm_engine *e, unsigned index)
{
    struct plm_security_dtls_config security = {
        .flags = e->config.flags, .identity = e->identity, .srtp_prefer = e->config.srtp_prefer};
    int err = plm_security_dtls_create(&e->security[index], &security);
    if (err)
        return err;
    struct plm_driver_config config = {
        .core =
            {
                .index = index,
                .n_workers = e->n_workers,
                .limits = e->config.limits,
                .consent_timeout_ms = e->config.consent_timeout_ms,
                .connect_timeout_ms = e->config.connect_timeout_ms,
                .registry = e->registry,
                .security = &plm_security_dtls,
                .security_ctx = e->security[index],
                .unix_offset_us = (uint64_t)unix_offset_us(),
            },
        .socks = e->socks[index],
        .n_socks = e->n_listen,
        .paths = &e->paths,
        .outbox = &e->outbox,
        .quota = e->quota,
        .drivers = e->drivers,
        .capture = e->capture,
        .gso = !(e->config.flags & PLM_NO_GSO),
        .log = e->log,
    };
    return plm_driver_create(&e->drivers[index], &config);
}

static int start_capture(struct plm_engine *e)
{
    const struct plm_capture_thread_config config = {.path = e->config.capture,
        .max = e->config.capture_max ? e->config.capture_max : CAPTURE_MAX,
        .n_workers = e->n_workers,
        .unix_offset_us = unix_offset_us(),
        .port = e->n_listen ? plm_addr_port(&e->bound[0]) : 0,
        .log = e->log};
    int err = config.path ? plm_capture_thread_create(&e->capture, &config) : 0;
    if (err)
        plm_logf(&e->log, PLM_LOG_ERROR, "net", "cannot capture into %s: %s", config.path, plm_strerror(err));
    e->config.capture = NULL;
    return err;
}

static int start_workers(struct plm_engine *e)
{
    int err = start_capture(e);
    for (unsigned i = 0; err == 0 && i < e->n_workers; i++)
        err = create_worker(e, i);
    for (unsigned i = 0; err == 0 && i < e->n_workers; i++)
        err = plm_driver_start(e->drivers[i]);
    return err;
}

/* ---- the descriptor ---- */

static int watch(int epoll_fd, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &ev) == 0 ? 0 : -errno;
}

static int open_descriptors(struct plm_engine *e)
{
    e->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    e->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (e->timer_fd < 0 || e->epoll_fd < 0)
        return -errno;
    int err = plm_outbox_init(&e->outbox);
    if (err == 0)
        err = watch(e->epoll_fd, e->timer_fd);
    return err ? err : watch(e->epoll_fd, e->outbox.fd);
}

/* ---- life ---- */

static struct plm_engine *new_engine(
    const struct plm_engine_config *config, plm_event_fn *on_event, void *arg)
{
    struct plm_engine *e = calloc(1, sizeof *e);
    if (!e)
        return NULL;
    if (config)
        e->config = *config;
    fill_defaults(&e->config);
    e->log = (struct plm_log){e->config.log, e->config.log_arg};
    e->on_event = on_event;
    e->arg = arg;
    e->outbox.fd = e->epoll_fd = e->timer_fd = -1;
    e->n_workers = e->config.workers ? e->config.workers : auto_workers();
    e->n_listen = e->config.n_listen;
    for (unsigned w = 0; w < PLM_MAX_WORKERS; w++)
        for (size_t i = 0; i < PLM_MAX_LISTEN; i++)
            e->socks[w][i].fd = -1;
    return e;
}

int plm_engine_create(
    struct plm_engine **out, const struct plm_engine_config *config, plm_event_fn *on_event, void *arg)
{
    if (!on_event || (config && !is_valid(config)))
        return PLM_EINVAL;
    struct plm_engine *e = new_engine(config, on_event, arg);
    if (!e)
        return PLM_ENOMEM;
    int err = open_descriptors(e);
    if (err == 0)
        err = plm_engine_objects_init(e);
    if (err == 0)
        err = plm_registry_create(&e->registry, e->config.limits.transports, fill_random, NULL);
    if (err == 0)
        err = plm_stream_quota_create(&e->quota, e->config.limits.tcp_streams, e->config.limits.tcp_unproven);
    if (err == 0)
        err = plm_identity_create(&e->identity);
    if (err == 0)
        err = e->n_listen ? open_sockets(e) : open_everywhere(e);
    if (err == 0) {
        plm_udp_paths_init(&e->paths, e->n_listen);
        e->have_paths = true;
        err = start_workers(e);
    }
    if (err) {
        plm_engine_destroy(e);
        return err;
    }
    log_candidates(e);
    *out = e;
    return 0;
}

void plm_engine_destroy(struct plm_engine *e)
{
    if (!e)
        return;
    assert(!e->dispatching);
    /* Workers wake each other: none is taken apart before all have stopped. */
    for (unsigned i = 0; i < e->n_workers; i++)
        plm_driver_join(e->drivers[i]);
    plm_capture_thread_destroy(e->capture);
    for (unsigned i = 0; i < e->n_workers; i++) {
        plm_driver_destroy(e->drivers[i]);
        if (e->security[i])
            plm_security_dtls_destroy(e->security[i]);
    }
    close_sockets(e);
    if (e->have_paths)
        plm_udp_paths_destroy(&e->paths);
    plm_registry_destroy(e->registry);
    plm_stream_quota_destroy(e->quota);
    plm_identity_destroy(e->identity);
    plm_engine_stats_free(e);
    plm_engine_objects_free(e);
    plm_outbox_destroy(&e->outbox);
    free(e->notes);
    if (e->epoll_fd >= 0)
        close(e->epoll_fd);
    if (e->timer_fd >= 0)
        close(e->timer_fd);
    free(e);
}

/* ---- events ---- */

int plm_engine_fd(const struct plm_engine *e)
{
    return e->epoll_fd;
}

static void on_event_note(struct plm_engine *e, const struct plm_note *note)
{
    const struct plm_event *ev = &note->event;
    if (ev->type == PLM_EV_TRANSPORT) {
        if (ev->transport_state.state == PLM_TRANSPORT_CLOSED)
            plm_engine_on_closed(e, ev->transport);
        else
            plm_engine_on_claimed(e, ev->transport, note->worker);
    }
    e->on_event(e->arg, ev);
}

static void on_note(struct plm_engine *e, const struct plm_note *note)
{
    switch (note->type) {
    case PLM_NOTE_EVENT:
        on_event_note(e, note);
        break;
    case PLM_NOTE_SHARD:
        plm_engine_on_shard(e, note->worker, note->shard.room, note->shard.instance, note->shard.up);
        break;
    case PLM_NOTE_GONE:
        plm_engine_on_gone(e, note->gone);
        break;
    case PLM_NOTE_STATS:
        plm_engine_on_report(e, note->worker, note->report);
        break;
    }
}

void plm_engine_dispatch(struct plm_engine *e)
{
    assert(!e->dispatching);
    e->dispatching = true;
    size_t n = plm_outbox_take(&e->outbox, &e->notes, &e->notes_cap);
    for (size_t i = 0; i < n; i++)
        on_note(e, &e->notes[i]);
    plm_engine_expire(e);
    plm_engine_tell_closed(e);
    uint64_t lost = plm_outbox_lost(&e->outbox);
    if (lost != e->lost_told)
        plm_logf(&e->log, PLM_LOG_ERROR, "net", "out of memory: %llu events were lost",
            (unsigned long long)(lost - e->lost_told));
    e->lost_told = lost;
    e->dispatching = false;
}

/* ---- what others need to know ---- */

unsigned plm_engine_workers(const struct plm_engine *e)
{
    return e->n_workers;
}

/* Each time anew: a machine may change its network while we run, and a wildcard serves the new address at once. */
size_t plm_engine_candidates(const struct plm_engine *e, struct plm_addr *out, size_t max)
{
    const struct plm_engine_config *c = &e->config;
    if (c->n_advertise)
        return plm_candidates_from_config(out, max, c->advertise, c->n_advertise, e->bound, e->n_listen);
    struct plm_addr ifaces[64];
    size_t n = plm_interface_addrs(ifaces, sizeof ifaces / sizeof ifaces[0]);
    return plm_candidates_from_bound(out, max, e->bound, e->n_listen, ifaces, n);
}

static bool is_loopback(const struct plm_addr *a)
{
    if (a->sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&a->in6.sin6_addr);
    return ntohl(a->in4.sin_addr.s_addr) >> 24 == 127;
}

/* A proxy's way to us is no way for peers, unless they are on this machine. */
static size_t leave_out_loopback(const struct plm_engine *e, struct plm_addr *v, size_t n)
{
    struct plm_addr udp;
    size_t kept = 0;
    if (plm_engine_candidates(e, &udp, 1) == 1 && is_loopback(&udp))
        return n;
    for (size_t i = 0; i < n; i++)
        if (!is_loopback(&v[i]))
            v[kept++] = v[i];
    return kept;
}

size_t plm_engine_tcp_candidates(const struct plm_engine *e, const struct plm_addr *bound, size_t n_bound,
    const struct plm_addr *told, size_t n_told, struct plm_addr *out, size_t max)
{
    const struct plm_engine_config *c = &e->config;
    struct plm_addr ifaces[64], hosts[PLM_MAX_LISTEN * 2];
    if (n_bound == 0)
        return 0;
    if (n_told)
        return plm_candidates_from_config(out, max, told, n_told, bound, n_bound);
    size_t n = plm_interface_addrs(ifaces, sizeof ifaces / sizeof ifaces[0]);
    n = plm_candidates_from_bound(out, max, bound, n_bound, ifaces, n);
    n = leave_out_loopback(e, out, n);
    if (n == 0 || c->n_advertise == 0)
        return n;
    /* Who is told other addresses than ours comes to our ports by these. */
    memcpy(hosts, c->advertise, sizeof hosts);
    for (size_t i = 0; i < c->n_advertise; i++)
        plm_addr_set_port(&hosts[i], 0);
    return plm_candidates_from_config(out, max, hosts, c->n_advertise, bound, n_bound);
}

int plm_engine_stream(struct plm_engine *e, int fd)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    socklen_t size = sizeof cmd->stream.from;
    if (!cmd) {
        close(fd);
        return PLM_ENOMEM;
    }
    cmd->type = PLM_CMD_STREAM;
    cmd->stream.fd = fd;
    int err = getpeername(fd, &cmd->stream.from.sa, &size) == 0 ? 0 : -errno;
    if (err == 0 && !plm_stream_quota_enter(e->quota, &cmd->stream.from))
        err = PLM_ELIMIT;
    if (err) {
        plm_command_free(cmd);
        return err;
    }
    e->next_stream = (e->next_stream + 1) % e->n_workers;
    plm_driver_post(e->drivers[e->next_stream], cmd);
    return 0;
}

const struct plm_fingerprint *plm_engine_fingerprint(const struct plm_engine *e)
{
    return plm_identity_fingerprint(e->identity);
}

uint32_t plm_engine_random_ssrc(void *engine)
{
    uint32_t ssrc = 0;
    while (ssrc == 0)
        fill_random(engine, &ssrc, sizeof ssrc);
    return ssrc;
}
