#include "link_in.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/feed_ring.h"
#include "base/util.h"
#include "plenum/types.h"

#define BUFFER_SIZE  (PLM_FRAMES_MAX + 64 * 1024)
#define OUT_SIZE     16384
#define RING_SIZE    (1u << 20) /* 50 ms of a hundred cameras; what a worker has no room for waits with it */
#define RING_MS      20         /* how often rings are looked at: nobody waits for what is recorded */
#define RING_SOON_MS 1          /* where one was half full */

struct connection {
    struct plm_link_in *in;
    struct connection *next, **prev;
    uv_pipe_t pipe;
    uint32_t link;
    uint8_t role; /* 0: no hello yet */
    uint64_t epoch, since_ms;
    bool closed, by_ring; /* by_ring: what comes, comes by it */
    bool full;            /* when something was last read of the ring it had no room for the longest frame */
    struct plm_feed_ring *ring;
    size_t have, out_len;
    uint8_t out[OUT_SIZE]; /* frames for a worker, written together */
    uint8_t buffer[BUFFER_SIZE];
};

struct plm_link_in {
    struct plm_link_in_ops ops;
    uv_loop_t *loop;
    uv_pipe_t listener;
    uv_timer_t timer; /* looks for connections without a hello */
    uv_timer_t rings; /* runs while there are any */
    uv_prepare_t flush;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    struct connection *connections, *control;
    uint32_t last_link;
    uint64_t epoch;
    unsigned open_handles;
    bool closing;
    struct plm_link_in_stats stats;
};

/* ---- connections end ---- */

static void release(struct plm_link_in *l)
{
    if (--l->open_handles == 0)
        free(l);
}

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    struct plm_link_in *l = c->in;
    plm_feed_ring_destroy(c->ring);
    free(c);
    release(l);
}

static void drop(struct connection *c)
{
    struct plm_link_in *l = c->in;
    if (c->closed)
        return;
    c->closed = true;
    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    l->stats.connections--;
    uv_close((uv_handle_t *)&c->pipe, on_connection_closed);
    if (l->closing)
        return;
    if (l->control == c) {
        l->control = NULL;
        l->ops.server(l->ops.ctx, false);
    } else if (c->role == PLM_LINK_ROLE_WORKER) {
        l->ops.link_gone(l->ops.ctx, c->link);
    }
}

static void refuse(struct connection *c, const char *why)
{
    c->in->stats.refused++;
    c->in->ops.log(c->in->ops.ctx, why);
    drop(c);
}

static size_t drain(struct connection *c);

/* It has ended at the other side: what lies in its ring is the last that we have of it. */
static void on_end(struct connection *c)
{
    if (!c->closed && c->by_ring)
        drain(c);
    drop(c);
}

/* ---- out ---- */

struct sending {
    uv_write_t request;
    uint8_t octets[];
};

static void on_written(uv_write_t *request, int status)
{
    struct connection *c = request->handle->data;
    free(PLM_CONTAINER_OF(request, struct sending, request));
    if (status < 0)
        on_end(c);
}

static void send_octets(
    struct connection *c, const void *head, size_t head_len, const void *body, size_t body_len)
{
    if (c->closed)
        return;
    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) > PLM_LINK_IN_MAX_UNSENT) {
        refuse(c, "a server does not read what it is told");
        return;
    }
    struct sending *s = malloc(sizeof(*s) + head_len + body_len);
    if (!s)
        return;
    memcpy(s->octets, head, head_len);
    memcpy(s->octets + head_len, body, body_len);
    uv_buf_t buf = uv_buf_init((char *)s->octets, (unsigned)(head_len + body_len));
    if (uv_write(&s->request, (uv_stream_t *)&c->pipe, &buf, 1, on_written)) {
        free(s);
        drop(c);
    }
}

static void send_frame(struct connection *c, const struct plm_link_header *h, const void *body)
{
    send_octets(c, h, sizeof(*h), body, h->size);
}

static void flush(struct connection *c)
{
    size_t len = c->out_len;
    c->out_len = 0;
    if (len)
        send_octets(c, c->out, len, "", 0);
}

/* Before the loop sleeps. A connection that one of these ends is freed later: its successor can still be told. */
static void on_flush(uv_prepare_t *prepare)
{
    struct plm_link_in *l = prepare->data;
    for (struct connection *c = l->connections; c; c = c->next)
        flush(c);
}

static uint64_t clock_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void send_hello(struct connection *c, const struct plm_link_hello *theirs)
{
    const struct plm_link_header h = {.size = sizeof(struct plm_link_hello), .type = PLM_LINK_HELLO};
    const struct plm_link_hello hello = {
        .magic = PLM_LINK_MAGIC,
        .version = PLM_LINK_VERSION,
        .role = theirs->role,
        .worker = theirs->worker,
        .mono_us = clock_us(CLOCK_MONOTONIC),
        .unix_us = clock_us(CLOCK_REALTIME),
    };
    send_frame(c, &h, &hello);
}

/*
 * Offer a ring to a worker; without one, or where the hello is on its way still, all comes by the socket. libuv passes no descriptors that
 * are not sockets.
 */
static void offer_ring(struct connection *c)
{
    const struct plm_link_header h = {.type = PLM_LINK_RING};
    union {
        struct cmsghdr head;
        uint8_t octets[CMSG_SPACE(sizeof(int))];
    } control = {
        .head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct iovec v = {(void *)(uintptr_t)&h, sizeof(h)};
    const struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_LEN(sizeof(int))};
    uv_os_fd_t to;
    int fd;
    if (uv_stream_get_write_queue_size((uv_stream_t *)&c->pipe) || uv_fileno((uv_handle_t *)&c->pipe, &to))
        return;
    if (plm_feed_ring_create(&c->ring, RING_SIZE, &fd)) {
        c->in->ops.log(c->in->ops.ctx, "no memory to share with a worker: its frames come by the socket");
        return;
    }
    memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
    ssize_t sent = sendmsg(to, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
    if (sent == sizeof(h))
        return;
    plm_feed_ring_destroy(c->ring);
    c->ring = NULL;
    if (sent > 0)
        refuse(c, "a worker's socket took a part of a frame");
}

void plm_link_in_send_control(struct plm_link_in *l, const char *text, size_t len)
{
    const struct plm_link_header h = {.size = (uint32_t)len, .type = PLM_LINK_CONTROL};
    if (l->control && len <= PLM_LINK_MAX_BODY)
        send_frame(l->control, &h, text);
}

void plm_link_in_send(struct plm_link_in *l, uint32_t link, const struct plm_link_header *h, const void *body)
{
    for (struct connection *c = l->connections; c; c = c->next)
        if (c->link == link) {
            size_t len = sizeof(*h) + h->size;
            if (len > OUT_SIZE - c->out_len)
                flush(c);
            if (len > OUT_SIZE) {
                send_frame(c, h, body);
                return;
            }
            memcpy(c->out + c->out_len, h, sizeof(*h));
            memcpy(c->out + c->out_len + sizeof(*h), body, h->size);
            c->out_len += len;
            return;
        }
}

/* ---- in ---- */

static void end_former(struct plm_link_in *l, const struct connection *newcomer)
{
    struct connection *c = l->connections;
    while (c) {
        struct connection *next = c->next;
        if (c != newcomer && c->role && c->epoch != newcomer->epoch) {
            on_end(c);
            next = l->connections; /* what was told of it may have ended others */
        }
        c = next;
    }
    l->epoch = newcomer->epoch;
}

static void on_hello(struct connection *c, const struct plm_link_header *h, const uint8_t *body)
{
    struct plm_link_in *l = c->in;
    struct plm_link_hello hello;
    if (plm_frames_hello(h, body, &hello)) {
        refuse(c, "a connection began without a hello that we understand");
        return;
    }
    c->epoch = hello.epoch;
    if (hello.epoch != l->epoch)
        end_former(l, c);
    c->role = hello.role;
    send_hello(c, &hello);
    if (!c->closed && c->role == PLM_LINK_ROLE_WORKER)
        offer_ring(c);
    if (c->closed || c->role != PLM_LINK_ROLE_CONTROL)
        return;
    if (l->control)
        drop(l->control);
    l->control = c;
    l->ops.server(l->ops.ctx, true);
}

static void on_rings(uv_timer_t *timer);

static void on_ring(struct connection *c)
{
    struct plm_link_in *l = c->in;
    if (!c->ring || c->by_ring) {
        refuse(c, "a worker speaks of a ring that it was not given");
        return;
    }
    c->by_ring = true;
    if (!uv_is_active((uv_handle_t *)&l->rings))
        uv_timer_start(&l->rings, on_rings, RING_MS, 0);
}

static void on_frame(struct connection *c, const struct plm_link_header *h, const uint8_t *body)
{
    struct plm_link_in *l = c->in;
    l->stats.frames++;
    if (!c->role)
        on_hello(c, h, body);
    else if (c->role == PLM_LINK_ROLE_WORKER && h->type == PLM_LINK_RING)
        on_ring(c);
    else if (c->role == PLM_LINK_ROLE_WORKER)
        l->ops.frame(l->ops.ctx, c->link, h, body);
    else if (h->type == PLM_LINK_CONTROL)
        l->ops.control(l->ops.ctx, (const char *)body, h->size);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct connection *c = handle->data;
    (void)suggested;
    *buf = uv_buf_init((char *)c->buffer + c->have, (unsigned)(BUFFER_SIZE - c->have));
}

/* All frames that are whole. @return octets that they take */
static size_t take_frames(struct connection *c, const uint8_t *data, size_t len)
{
    size_t used = 0;
    const bool by_ring = c->by_ring;
    while (!c->closed && c->by_ring == by_ring) {
        struct plm_link_header h;
        const uint8_t *body;
        ssize_t n = plm_frames_next(data + used, len - used, &h, &body);
        if (n < 0)
            refuse(c, "a frame is longer than a frame may be");
        if (n <= 0)
            break;
        used += (size_t)n;
        on_frame(c, &h, body);
    }
    return used;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct connection *c = stream->data;
    (void)buf;
    if (n < 0) {
        on_end(c);
        return;
    }
    c->have += (size_t)n;
    c->in->stats.bytes += (size_t)n;
    size_t used = c->by_ring ? 0 : take_frames(c, c->buffer, c->have);
    memmove(c->buffer, c->buffer + used, c->have - used);
    c->have -= used;
    if (!c->closed && c->by_ring && c->have)
        refuse(c, "a worker that has a ring writes to its socket");
}

/* @return octets taken */
static size_t drain(struct connection *c)
{
    const uint8_t *at;
    ssize_t n = plm_feed_ring_peek(c->ring, &at);
    if (n < 0) {
        refuse(c, "a worker's ring holds more than it can");
        return 0;
    }
    size_t used = take_frames(c, at, (size_t)n);
    if (used)
        c->full = RING_SIZE - (size_t)n < PLM_FRAMES_MAX;
    plm_feed_ring_consume(c->ring, used);
    c->in->stats.bytes += used;
    return used;
}

static void on_rings(uv_timer_t *timer)
{
    struct plm_link_in *l = timer->data;
    bool any = false, full = false;
    for (struct connection *c = l->connections, *next; c; c = next) {
        next = c->next;
        any |= c->by_ring;
        full |= c->by_ring && drain(c) >= RING_SIZE / 2;
    }
    if (any)
        uv_timer_start(timer, on_rings, full ? RING_SOON_MS : RING_MS, 0);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct plm_link_in *l = listener->data;
    struct connection *c = status == 0 ? malloc(sizeof(*c)) : NULL;
    if (!c)
        return;
    memset(c, 0, offsetof(struct connection, out));
    c->in = l;
    c->link = ++l->last_link;
    c->since_ms = uv_now(l->loop);
    c->pipe.data = c;
    uv_pipe_init(l->loop, &c->pipe, 0);
    l->open_handles++;
    c->next = l->connections;
    c->prev = &l->connections;
    if (c->next)
        c->next->prev = &c->next;
    l->connections = c;
    l->stats.connections++;
    if (uv_accept(listener, (uv_stream_t *)&c->pipe) || l->stats.connections > PLM_LINK_IN_MAX_CONNECTIONS ||
        uv_read_start((uv_stream_t *)&c->pipe, on_alloc, on_read))
        drop(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct plm_link_in *l = timer->data;
    for (struct connection *c = l->connections, *next; c; c = next) {
        next = c->next;
        if (!c->role && uv_now(l->loop) > c->since_ms + PLM_LINK_IN_HELLO_MS)
            refuse(c, "a connection said nothing");
    }
}

/* ---- begin and end ---- */

static int remove_stale(const char *path)
{
    struct stat st;
    if (lstat(path, &st))
        return errno == ENOENT ? 0 : -errno;
    if (!S_ISSOCK(st.st_mode))
        return PLM_EINVAL;
    return unlink(path) ? -errno : 0;
}

static int listen_at(struct plm_link_in *l, const char *path)
{
    int rc = remove_stale(path);
    if (!rc)
        rc = uv_pipe_bind(&l->listener, path);
    /* Nobody can connect before it listens, so nobody does with other rights than these. */
    if (!rc && chmod(path, S_IRUSR | S_IWUSR))
        rc = -errno;
    return rc ? rc : uv_listen((uv_stream_t *)&l->listener, PLM_LINK_IN_MAX_CONNECTIONS, on_connection);
}

int plm_link_in_create(
    struct plm_link_in **out, uv_loop_t *loop, const char *path, const struct plm_link_in_ops *ops)
{
    struct plm_link_in *l = calloc(1, sizeof(*l));
    if (!l)
        return PLM_ENOMEM;
    if (strlen(path) >= sizeof(l->path)) {
        free(l);
        return PLM_EINVAL;
    }
    l->ops = *ops;
    l->loop = loop;
    snprintf(l->path, sizeof(l->path), "%s", path);
    l->listener.data = l->timer.data = l->rings.data = l->flush.data = l;
    uv_pipe_init(loop, &l->listener, 0);
    uv_timer_init(loop, &l->timer);
    uv_timer_init(loop, &l->rings);
    uv_prepare_init(loop, &l->flush);
    l->open_handles = 4;
    int rc = listen_at(l, path);
    if (rc) {
        l->path[0] = '\0';
        plm_link_in_close(l);
        return rc;
    }
    uv_timer_start(&l->timer, on_timer, 1000, 1000);
    uv_prepare_start(&l->flush, on_flush);
    *out = l;
    return 0;
}

static void on_closed(uv_handle_t *handle)
{
    release(handle->data);
}

void plm_link_in_close(struct plm_link_in *l)
{
    if (!l)
        return;
    l->closing = true;
    while (l->connections)
        drop(l->connections);
    if (l->path[0])
        unlink(l->path);
    uv_close((uv_handle_t *)&l->timer, on_closed);
    uv_close((uv_handle_t *)&l->rings, on_closed);
    uv_close((uv_handle_t *)&l->flush, on_closed);
    uv_close((uv_handle_t *)&l->listener, on_closed);
}

bool plm_link_in_is_behind(const struct plm_link_in *l)
{
    for (const struct connection *c = l->connections; c; c = c->next)
        if (c->full)
            return true;
    return false;
}

void plm_link_in_stats(const struct plm_link_in *l, struct plm_link_in_stats *out)
{
    *out = l->stats;
}
