#include "http_peek.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "plenum/types.h"

#define TICK_MS 1000

/*
 * The first octet is the upper half of a length: STUN messages that begin a connection have less than 2 kB, TLS begins with 22 and HTTP with a
 * letter.
 */
#define STREAM_MAX 7

struct waiting {
    uv_poll_t poll;
    struct plm_http_peek *owner;
    struct waiting *next, **prev; /* the oldest first */
    uint64_t by_ms;
    int fd;
    void *with;
};

struct plm_http_peek {
    uv_loop_t *loop;
    uv_timer_t timer;
    struct plm_http_peek_ways ways;
    void *arg;
    struct waiting *first, **end;
    uint32_t n;
};

static void on_timer(uv_timer_t *timer);

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static void on_timer_closed(uv_handle_t *handle)
{
    free(handle->data);
}

/* Its descriptor is the caller's; libuv must have let go of it before anybody else watches it. */
static int release(struct waiting *w)
{
    struct plm_http_peek *p = w->owner;
    int fd = w->fd;
    *w->prev = w->next;
    if (w->next)
        w->next->prev = w->prev;
    else
        p->end = w->prev;
    p->n--;
    uv_close((uv_handle_t *)&w->poll, on_poll_closed);
    return fd;
}

static void drop(struct plm_http_peek *p, int fd, void *with)
{
    close(fd);
    p->ways.drop(p->arg, with);
}

static void drop_waiting(struct waiting *w)
{
    struct plm_http_peek *p = w->owner;
    void *with = w->with;
    drop(p, release(w), with);
}

/* @param w where it waited, or NULL @return false: it has said nothing yet */
static bool decide(struct plm_http_peek *p, int fd, void *with, struct waiting *w)
{
    unsigned char first;
    ssize_t n = recv(fd, &first, 1, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return false;
    if (w)
        release(w);
    if (n <= 0)
        drop(p, fd, with);
    else if (first <= STREAM_MAX)
        p->ways.stream(p->arg, fd, with);
    else
        p->ways.http(p->arg, fd, with);
    return true;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct waiting *w = poll->data;
    (void)events;
    if (status < 0)
        drop_waiting(w);
    else
        decide(w->owner, w->fd, w->with, w);
}

static void wait_for(struct plm_http_peek *p, int fd, void *with)
{
    struct waiting *w = calloc(1, sizeof(*w));
    if (!w || uv_poll_init(p->loop, &w->poll, fd)) {
        free(w);
        drop(p, fd, with);
        return;
    }
    w->poll.data = w;
    w->owner = p;
    w->fd = fd;
    w->with = with;
    w->by_ms = uv_now(p->loop) + p->ways.silence_ms;
    w->prev = p->end;
    *p->end = w;
    p->end = &w->next;
    p->n++;
    uv_poll_start(&w->poll, UV_READABLE, on_readable);
    if (!uv_is_active((uv_handle_t *)&p->timer))
        uv_timer_start(&p->timer, on_timer, TICK_MS, 0);
}

static void on_timer(uv_timer_t *timer)
{
    struct plm_http_peek *p = timer->data;
    while (p->first && p->first->by_ms <= uv_now(p->loop))
        drop_waiting(p->first);
    if (p->first)
        uv_timer_start(timer, on_timer, TICK_MS, 0);
}

int plm_http_peek_create(
    struct plm_http_peek **out, struct uv_loop_s *loop, const struct plm_http_peek_ways *ways, void *arg)
{
    struct plm_http_peek *p = calloc(1, sizeof(*p));
    if (!p)
        return PLM_ENOMEM;
    int rc = uv_timer_init(loop, &p->timer);
    if (rc) {
        free(p);
        return rc;
    }
    p->timer.data = p;
    p->loop = loop;
    p->ways = *ways;
    p->arg = arg;
    p->end = &p->first;
    *out = p;
    return 0;
}

void plm_http_peek_close(struct plm_http_peek *p)
{
    if (!p)
        return;
    while (p->first)
        drop_waiting(p->first);
    uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

void plm_http_peek_take(struct plm_http_peek *p, int fd, void *with)
{
    if (!decide(p, fd, with, NULL))
        wait_for(p, fd, with);
}

uint32_t plm_http_peek_waiting(const struct plm_http_peek *p)
{
    return p->n;
}
