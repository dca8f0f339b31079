#include "recorder_conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "plenum/types.h"

#define READ_SIZE 65536

struct plm_recorder_conn {
    uv_poll_t poll;
    uv_timer_t timer; /* until the hello is there */
    unsigned open_handles;
    int fd;
    bool ready, closed;
    struct plm_recorder_conn_events events;
    void *arg;
    uint8_t *in, *out;
    size_t n_in, cap_in, n_out, cap_out, sent;
};

/* What an answer to the hello is made of; a worker's connection is read no further. */
struct hello_frame {
    struct plm_link_header header;
    struct plm_link_hello hello;
};
_Static_assert(sizeof(struct hello_frame) == sizeof(struct plm_link_header) + sizeof(struct plm_link_hello),
    "no gap between header and body");

static void on_poll(uv_poll_t *poll, int status, int events);

/* ---- its end ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct plm_recorder_conn *c = handle->data;
    if (--c->open_handles)
        return;
    free(c->in);
    free(c->out);
    free(c);
}

static void close_handles(struct plm_recorder_conn *c)
{
    c->closed = true;
    uv_close((uv_handle_t *)&c->poll, on_handle_closed);
    uv_close((uv_handle_t *)&c->timer, on_handle_closed);
}

void plm_recorder_conn_close(struct plm_recorder_conn *c)
{
    if (!c || c->closed)
        return;
    if (c->ready && c->sent < c->n_out) /* as much as it takes at once */
        send(c->fd, c->out + c->sent, c->n_out - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    close_handles(c);
    close(c->fd);
}

int plm_recorder_conn_release(struct plm_recorder_conn *c)
{
    close_handles(c);
    return c->fd;
}

static void end(struct plm_recorder_conn *c, int error)
{
    plm_recorder_conn_close(c);
    c->events.on_end(c, c->arg, error);
}

static void on_timeout(uv_timer_t *timer)
{
    end(timer->data, PLM_EAGAIN);
}

/* ---- out ---- */

static void watch(struct plm_recorder_conn *c)
{
    uv_poll_start(&c->poll, UV_READABLE | (c->n_out ? UV_WRITABLE : 0), on_poll);
}

/* @return false: it has ended */
static bool write_out(struct plm_recorder_conn *c)
{
    while (c->sent < c->n_out) {
        ssize_t n = send(c->fd, c->out + c->sent, c->n_out - c->sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n < 0) {
            end(c, -errno);
            return false;
        }
        c->sent += (size_t)n;
    }
    c->n_out = c->sent = 0;
    return true;
}

static int reserve(uint8_t **buf, size_t *cap, size_t need)
{
    if (need <= *cap)
        return 0;
    size_t size = *cap ? *cap : 4096;
    while (size < need)
        size *= 2;
    uint8_t *bigger = realloc(*buf, size);
    if (!bigger)
        return PLM_ENOMEM;
    *buf = bigger;
    *cap = size;
    return 0;
}

static int append(struct plm_recorder_conn *c, uint8_t type, const void *body, size_t len)
{
    struct plm_link_header h = {.size = (uint32_t)len, .type = type};
    if (len > PLM_LINK_MAX_BODY || c->n_out + sizeof(h) + len > PLM_RECORDER_MAX_OUT)
        return PLM_EFULL;
    int err = reserve(&c->out, &c->cap_out, c->n_out + sizeof(h) + len);
    if (err)
        return err;
    memcpy(c->out + c->n_out, &h, sizeof(h));
    memcpy(c->out + c->n_out + sizeof(h), body, len);
    c->n_out += sizeof(h) + len;
    watch(c); /* what was gathered goes in the loop's next turn */
    return 0;
}

int plm_recorder_conn_send(struct plm_recorder_conn *c, const char *text, size_t len)
{
    return append(c, PLM_LINK_CONTROL, text, len);
}

/* ---- in ---- */

static void take_front(struct plm_recorder_conn *c, size_t n)
{
    c->n_in -= n;
    memmove(c->in, c->in + n, c->n_in);
}

/* @return false: it has ended, or was given away */
static bool on_hello(struct plm_recorder_conn *c)
{
    struct hello_frame f;
    if (c->n_in < sizeof(f))
        return true;
    memcpy(&f, c->in, sizeof(f));
    if (f.header.type != PLM_LINK_HELLO || f.header.size != sizeof(f.hello) ||
        f.hello.magic != PLM_LINK_MAGIC || f.hello.version != PLM_LINK_VERSION) {
        end(c, PLM_EINVAL);
        return false;
    }
    if (!write_out(c)) /* ours goes before the socket is given away */
        return false;
    take_front(c, sizeof(f));
    c->ready = true;
    uv_timer_stop(&c->timer);
    c->events.on_ready(c, c->arg);
    return !c->closed;
}

/* One frame at the front of what came. @return octets, 0: not whole yet; PLM_EINVAL */
static long on_front(struct plm_recorder_conn *c, const uint8_t *at, size_t len)
{
    struct plm_link_header h;
    if (len < sizeof(h))
        return 0;
    memcpy(&h, at, sizeof(h));
    if (h.size > PLM_LINK_MAX_BODY || h.type < PLM_LINK_CONTROL)
        return PLM_EINVAL;
    if (len - sizeof(h) < h.size)
        return 0;
    if (h.type == PLM_LINK_CONTROL)
        c->events.on_message(c, c->arg, (const char *)at + sizeof(h), h.size);
    return (long)(sizeof(h) + h.size);
}

static void take_frames(struct plm_recorder_conn *c)
{
    size_t at = 0;
    while (!c->closed) {
        long n = on_front(c, c->in + at, c->n_in - at);
        if (n < 0 && !c->closed)
            end(c, (int)n);
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    if (!c->closed)
        take_front(c, at);
}

static void read_in(struct plm_recorder_conn *c)
{
    size_t max = c->ready ? READ_SIZE : sizeof(struct hello_frame) - c->n_in;
    if (reserve(&c->in, &c->cap_in, c->n_in + max) != 0) {
        end(c, PLM_ENOMEM);
        return;
    }
    ssize_t n = recv(c->fd, c->in + c->n_in, max, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end(c, n < 0 ? -errno : 0);
        return;
    }
    c->n_in += (size_t)n;
    if (!c->ready)
        on_hello(c);
    else
        take_frames(c);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct plm_recorder_conn *c = poll->data;
    if (events & UV_WRITABLE) {
        if (!write_out(c))
            return;
        watch(c);
        if (c->n_out == 0 && c->ready)
            c->events.on_drain(c, c->arg);
    }
    if (!c->closed && (status < 0 || events & UV_READABLE))
        read_in(c);
}

/* ---- its begin ---- */

static uint64_t clock_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* A Unix socket connects at once or not at all. @return the descriptor, or an error */
static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(a.sun_path))
        return PLM_EINVAL;
    memcpy(a.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    int err = -errno;
    close(fd);
    return err;
}

int plm_recorder_conn_open(struct plm_recorder_conn **out, uv_loop_t *loop, const char *path,
    const struct plm_link_hello *hello, const struct plm_recorder_conn_events *events, void *arg)
{
    int fd = connect_to(path);
    if (fd < 0)
        return fd;
    struct plm_recorder_conn *c = calloc(1, sizeof(*c));
    int err = c ? uv_poll_init(loop, &c->poll, fd) : PLM_ENOMEM;
    if (err) {
        free(c);
        close(fd);
        return err;
    }
    uv_timer_init(loop, &c->timer);
    c->open_handles = 2;
    c->poll.data = c->timer.data = c;
    c->fd = fd;
    c->events = *events;
    c->arg = arg;
    struct plm_link_hello h = *hello;
    h.mono_us = clock_us(CLOCK_MONOTONIC);
    h.unix_us = clock_us(CLOCK_REALTIME);
    err = append(c, PLM_LINK_HELLO, &h, sizeof(h));
    if (err) {
        plm_recorder_conn_close(c);
        return err;
    }
    uv_timer_start(&c->timer, on_timeout, PLM_RECORDER_HELLO_MS, 0);
    *out = c;
    return 0;
}
