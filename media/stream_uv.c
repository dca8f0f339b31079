#include "stream_uv.h"

#include "base/util.h"
#include "stream_frames.h"
#include "stream_queue.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BUCKETS 256

#define PROVE_US     5000000 /* from the connection to an authenticated check */
#define PROVE_OCTETS 4096    /* a dozen checks: more is not needed to be believed */
#define CHECK_US     500000  /* how often that is looked at */

#define NOTSENT                                                                                              \
    (32 << 10) /* octets the kernel may hold beside what is in flight: what waits, waits where we see it */
#define USER_TIMEOUT    15000 /* ms: nothing was acknowledged for so long */
#define BACKLOG_US      400000 /* a key frame may wait so long; what is later does not belong to a conversation */
#define BACKLOG_MARK    40000
#define TRAIN_DATAGRAMS 64

struct stream {
    uv_poll_t poll;
    struct plm_streams *owner;
    struct stream *next, **prev; /* in its bucket */
    struct stream *next_ready, *next_due;
    struct plm_addr from;
    int fd;
    bool ready, due; /* in the lists */
    bool proven, blocked, backlogged;
    bool failed; /* the connection is of no more use */
    bool close;  /* the core asks for its end, after what waits */
    bool move;
    uint8_t to;
    uint32_t early; /* octets it sent before it was proven */
    uint64_t opened_us;
    struct plm_stream_frames frames;
    struct plm_stream_queue queue;
};

struct plm_streams {
    struct plm_streams_config config;
    struct stream *buckets[BUCKETS];
    struct stream *ready;
    struct stream *due; /* something is to be settled */
    uint32_t n_unproven;
    bool waiting; /* some queue is not empty */
    uint64_t look_us;
    struct plm_stream_counts counts;
};

static void on_poll(uv_poll_t *poll, int status, int events);

/* ---- the table ---- */

static unsigned bucket_of(const struct plm_addr *a)
{
    uint64_t x = a->in4.sin_addr.s_addr;
    if (a->sa.sa_family == AF_INET6) {
        uint64_t low;
        memcpy(&x, a->in6.sin6_addr.s6_addr, sizeof x);
        memcpy(&low, a->in6.sin6_addr.s6_addr + 8, sizeof low);
        x ^= low;
    }
    x = (x ^ (uint64_t)plm_addr_port(a) << 32) * 0x9e3779b97f4a7c15ull; /* 2^64 / golden ratio */
    return (unsigned)(x >> 56);
}

static struct stream *find(const struct plm_streams *s, const struct plm_addr *from)
{
    struct stream *c = s->buckets[bucket_of(from)];
    while (c && !plm_addr_equal(&c->from, from))
        c = c->next;
    return c;
}

static void link_in(struct plm_streams *s, struct stream *c)
{
    struct stream **bucket = &s->buckets[bucket_of(&c->from)];
    c->next = *bucket;
    c->prev = bucket;
    if (c->next)
        c->next->prev = &c->next;
    *bucket = c;
}

static void link_out(struct stream *c)
{
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
}

static void set_due(struct stream *c)
{
    if (c->due)
        return;
    c->due = true;
    c->next_due = c->owner->due;
    c->owner->due = c;
}

static void fail(struct stream *c)
{
    c->failed = true;
    set_due(c);
}

/* ---- life ---- */

static void watch(struct stream *c)
{
    uv_poll_start(&c->poll, UV_READABLE | (c->blocked ? UV_WRITABLE : 0), on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct stream *c = poll->data;
    if (status < 0 || events & UV_WRITABLE) {
        c->blocked = false;
        set_due(c);
    }
    if ((status < 0 || events & UV_READABLE) && !c->ready) { /* reading tells what is wrong */
        c->ready = true;
        c->next_ready = c->owner->ready;
        c->owner->ready = c;
    }
    watch(c);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int plm_streams_create(struct plm_streams **out, const struct plm_streams_config *config)
{
    struct plm_streams *s = calloc(1, sizeof *s);
    if (!s)
        return PLM_ENOMEM;
    s->config = *config;
    *out = s;
    return 0;
}

/* Out of the table and off the loop; the descriptor is the caller's. */
static void release(struct plm_streams *s, struct stream *c)
{
    link_out(c);
    s->counts.streams--;
    if (!c->proven)
        s->n_unproven--;
    plm_stream_queue_reset(&c->queue);
    uv_close((uv_handle_t *)&c->poll, on_closed);
}

static void end(struct plm_streams *s, struct stream *c)
{
    plm_stream_quota_leave(s->config.quota, &c->from, c->proven);
    release(s, c);
    close(c->fd);
}

void plm_streams_destroy(struct plm_streams *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < BUCKETS; i++)
        while (s->buckets[i])
            end(s, s->buckets[i]);
    free(s);
}

static void set_options(int fd)
{
    const int on = 1, notsent = NOTSENT, timeout = USER_TIMEOUT;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &notsent, sizeof notsent);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, sizeof timeout);
}

static struct stream *make(struct plm_streams *s, const struct plm_command *cmd)
{
    size_t room;
    struct stream *c;
    /* One peer, one address: whoever reaches two of our ports from the same port of theirs has to choose. */
    if (find(s, &cmd->stream.from) || !(c = calloc(1, sizeof *c)))
        return NULL;
    if (uv_poll_init(s->config.loop, &c->poll, cmd->stream.fd) != 0) {
        free(c);
        return NULL;
    }
    c->poll.data = c;
    c->owner = s;
    c->fd = cmd->stream.fd;
    c->from = cmd->stream.from;
    plm_stream_queue_init(&c->queue, s->config.queue, BACKLOG_MARK);
    plm_stream_frames_init(&c->frames);
    uint8_t *at = plm_stream_frames_room(&c->frames, &room);
    assert(cmd->stream.len <= room);
    if (cmd->stream.len)
        memcpy(at, cmd->stream.early, cmd->stream.len);
    plm_stream_frames_filled(&c->frames, cmd->stream.len);
    return c;
}

void plm_streams_take(struct plm_streams *s, struct plm_command *cmd, uint64_t now_us)
{
    struct stream *c = make(s, cmd);
    if (!c) {
        plm_stream_quota_leave(s->config.quota, &cmd->stream.from, false);
        return; /* the command closes the socket */
    }
    cmd->stream.fd = -1;
    c->opened_us = now_us;
    set_options(c->fd);
    link_in(s, c);
    s->counts.streams++;
    s->n_unproven++;
    watch(c);
    c->ready = true;
    c->next_ready = s->ready;
    s->ready = c;
}

void plm_streams_order(
    struct plm_streams *s, const struct plm_addr *from, enum plm_stream_order order, unsigned worker)
{
    struct stream *c = find(s, from);
    if (!c)
        return;
    switch (order) {
    case PLM_STREAM_KEEP:
        c->close = false;
        if (c->proven)
            return;
        c->proven = true;
        s->n_unproven--;
        plm_stream_quota_prove(s->config.quota, &c->from);
        return;
    case PLM_STREAM_CLOSE:
        c->close = true;
        break;
    case PLM_STREAM_MOVE:
        if (c->proven) /* it has a transport here, and no second one */
            return;
        c->move = true;
        c->to = (uint8_t)worker;
        break;
    }
    set_due(c);
}

/* ---- reading ---- */

/* Before it is proven: STUN and nothing else, and not much of it. */
static bool is_tolerable(struct plm_streams *s, struct stream *c, const uint8_t *datagram, size_t len)
{
    if (c->proven)
        return true;
    c->early += (uint32_t)(len + PLM_STREAM_FRAME_HEAD);
    if (datagram[0] <= 3 && c->early <= PROVE_OCTETS)
        return true;
    s->counts.unproven++;
    return false;
}

static void hand_over(struct plm_streams *s, struct stream *c)
{
    uint8_t *datagram;
    int len;
    while ((len = plm_stream_frames_next(&c->frames, &datagram)) > 0) {
        struct plm_datagram d = {
            .data = datagram, .len = (uint32_t)len, .sock = PLM_SOCK_STREAM, .from = c->from};
        if (!is_tolerable(s, c, datagram, (size_t)len)) {
            fail(c);
            return;
        }
        s->config.datagram(s->config.arg, &d);
        if (c->failed || c->move)
            return; /* the other worker gets this one again */
        plm_stream_frames_pass(&c->frames, (size_t)len);
    }
    if (len < 0) {
        s->counts.malformed++;
        fail(c);
    }
}

static void read_one(struct plm_streams *s, struct stream *c)
{
    size_t room;
    if (c->failed || c->move)
        return;
    hand_over(s, c); /* what came with it */
    if (c->failed || c->move)
        return;
    uint8_t *at = plm_stream_frames_room(&c->frames, &room);
    ssize_t n = recv(c->fd, at, room, MSG_DONTWAIT);
    if (n > 0) {
        plm_stream_frames_filled(&c->frames, (size_t)n);
        hand_over(s, c);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        fail(c);
    }
}

void plm_streams_read(struct plm_streams *s)
{
    struct stream *c = s->ready;
    s->ready = NULL;
    while (c) {
        struct stream *next = c->next_ready;
        c->ready = false;
        read_one(s, c);
        c = next;
    }
}

/* ---- writing ---- */

static void write_waiting(struct stream *c)
{
    struct iovec v[2];
    while (!c->blocked && !c->failed) {
        struct msghdr m = {.msg_iov = v, .msg_iovlen = plm_stream_queue_peek(&c->queue, v)};
        if (m.msg_iovlen == 0)
            return;
        ssize_t n = sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n >= 0) {
            plm_stream_queue_consume(&c->queue, (size_t)n);
        } else if (errno == EAGAIN) {
            c->blocked = true;
            watch(c);
        } else if (errno != EINTR) {
            fail(c);
        }
    }
}

/* Leave out the first octets of v. @return how many of its n pieces are left */
static size_t skip(struct iovec *v, size_t n, size_t octets)
{
    size_t i = 0;
    while (i < n && octets >= v[i].iov_len)
        octets -= v[i++].iov_len;
    memmove(v, v + i, (n - i) * sizeof *v);
    if (i < n) {
        v[0].iov_base = (uint8_t *)v[0].iov_base + octets;
        v[0].iov_len -= octets;
    }
    return n - i;
}

/* @return octets that the kernel took at once */
static size_t write_directly(struct stream *c, struct iovec *v, size_t n)
{
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    if (c->blocked || plm_stream_queue_len(&c->queue) > 0)
        return 0;
    ssize_t taken = sendmsg(c->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (taken >= 0)
        return (size_t)taken;
    if (errno != EAGAIN && errno != EINTR)
        fail(c);
    return 0;
}

bool plm_streams_send(struct plm_streams *s, const struct plm_train *train, uint64_t now_us)
{
    struct iovec v[2 * TRAIN_DATAGRAMS];
    uint8_t heads[TRAIN_DATAGRAMS][PLM_STREAM_FRAME_HEAD];
    struct stream *c = find(s, train->to);
    size_t n = 0, octets = 0;
    if (!c || c->failed || train->count > TRAIN_DATAGRAMS)
        return false;
    for (uint32_t at = 0; at < train->len && n < PLM_COUNT_OF(v); at += train->segment) {
        uint32_t len = train->len - at < train->segment ? train->len - at : train->segment;
        uint8_t *head = heads[n / 2];
        head[0] = (uint8_t)(len >> 8);
        head[1] = (uint8_t)len;
        v[n++] = (struct iovec){head, PLM_STREAM_FRAME_HEAD};
        v[n++] = (struct iovec){(void *)(uintptr_t)(train->data + at), len};
        octets += PLM_STREAM_FRAME_HEAD + len;
    }
    size_t taken = write_directly(c, v, n);
    if (c->failed)
        return false;
    if (taken == octets)
        return true;
    n = skip(v, n, taken);
    if (!plm_stream_queue_add(&c->queue, v, n, now_us)) {
        if (taken > 0)
            fail(c); /* half a datagram is out: nobody would find the next one's beginning */
        return false;
    }
    c->blocked = s->waiting = true;
    watch(c);
    set_due(c);
    return true;
}

/* ---- settling ---- */

static void watch_backlog(struct plm_streams *s, struct stream *c, uint64_t now_us)
{
    bool on = c->backlogged;
    if (plm_stream_queue_age(&c->queue, now_us) > BACKLOG_US ||
        plm_stream_queue_len(&c->queue) > s->config.queue / 2)
        on = true;
    else if (plm_stream_queue_len(&c->queue) < s->config.queue / 32)
        on = false;
    if (on == c->backlogged)
        return;
    c->backlogged = on;
    s->counts.backlogs += on;
    s->config.backlog(s->config.arg, &c->from, on);
}

static void move(struct plm_streams *s, struct stream *c)
{
    size_t len;
    const uint8_t *rest = plm_stream_frames_rest(&c->frames, &len);
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    uint8_t *early = malloc(len);
    if (!cmd || !early) {
        free(cmd);
        free(early);
        end(s, c);
        return;
    }
    memcpy(early, rest, len);
    cmd->type = PLM_CMD_STREAM;
    cmd->stream.fd = c->fd;
    cmd->stream.from = c->from;
    cmd->stream.early = early;
    cmd->stream.len = (uint32_t)len;
    s->counts.moved++;
    unsigned to = c->to;
    release(s, c); /* off this loop before it is on another */
    s->config.move(s->config.arg, to, cmd);
}

static void forget_ready(struct plm_streams *s, struct stream *c)
{
    struct stream **p = &s->ready;
    while (*p && *p != c)
        p = &(*p)->next_ready;
    if (*p)
        *p = c->next_ready;
}

/* @return false: it is gone */
static bool settle(struct plm_streams *s, struct stream *c, uint64_t now_us)
{
    write_waiting(c);
    if (!c->failed && !c->close && !c->move) {
        watch_backlog(s, c, now_us);
        return true;
    }
    forget_ready(s, c);
    if (c->move && !c->failed && !c->close) {
        move(s, c);
        return false;
    }
    struct plm_addr from = c->from;
    bool proven = c->proven;
    end(s, c);
    if (proven)
        s->config.gone(s->config.arg, &from);
    return false;
}

/* Those that have not been proven in time, and those whose peers have stopped taking anything. */
static void look_around(struct plm_streams *s, uint64_t now_us)
{
    s->waiting = false;
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct stream *c = s->buckets[i]; c; c = c->next) {
            bool waits = plm_stream_queue_len(&c->queue) > 0;
            if (!c->proven && !c->failed && now_us - c->opened_us > PROVE_US) {
                s->counts.unproven++;
                fail(c);
            } else if (waits) {
                set_due(c);
            }
            s->waiting = s->waiting || waits;
        }
    }
}

void plm_streams_settle(struct plm_streams *s, uint64_t now_us, uint64_t *deadline)
{
    if (now_us >= s->look_us) {
        look_around(s, now_us);
        s->look_us = now_us + CHECK_US;
    }
    struct stream *c = s->due;
    s->due = NULL;
    while (c) {
        struct stream *next = c->next_due;
        /* Still marked as due: nothing puts it back into a list that it might not live to see. */
        if (settle(s, c, now_us)) {
            c->due = false;
            if (c->failed || c->close)
                set_due(c);
        }
        c = next;
    }
    if ((s->n_unproven > 0 || s->waiting) && s->look_us < *deadline)
        *deadline = s->look_us;
}

bool plm_streams_unsettled(const struct plm_streams *s)
{
    return s->due != NULL;
}

void plm_streams_counts(const struct plm_streams *s, struct plm_stream_counts *out)
{
    *out = s->counts;
}
