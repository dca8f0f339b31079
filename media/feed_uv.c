#include "feed_uv.h"

#include "base/feed_ring.h"
#include "plenum/types.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SNDBUF (1 << 20) /* the kernel gives what it may; more than it has by default saves calls */

struct plm_feed_uv {
    uv_poll_t poll;
    int fd;
    bool readable, blocked;
    uint64_t due_us; /* when what waits is written at the latest; 0: nothing waits */
    struct plm_feed *queue;
    struct plm_feed_in in;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct plm_feed_uv *f)
{
    uv_poll_start(&f->poll, UV_READABLE | (f->blocked ? UV_WRITABLE : 0), on_poll);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct plm_feed_uv *f = poll->data;
    if (status < 0 || events & UV_READABLE) /* reading tells what is wrong */
        f->readable = true;
    if (status < 0 || events & UV_WRITABLE)
        f->blocked = false;
    watch(f);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

int plm_feed_uv_open(struct plm_feed_uv **out, uv_loop_t *loop, int fd, size_t queue)
{
    struct plm_feed_uv *f = calloc(1, sizeof *f);
    int err = f ? plm_feed_create(&f->queue, queue) : PLM_ENOMEM;
    if (err == 0)
        err = uv_poll_init(loop, &f->poll, fd);
    if (err) {
        if (f)
            plm_feed_destroy(f->queue);
        free(f);
        close(fd);
        return err;
    }
    int size = SNDBUF;
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    f->poll.data = f;
    f->fd = fd;
    plm_feed_in_init(&f->in);
    watch(f);
    *out = f;
    return 0;
}

struct plm_feed *plm_feed_uv_queue(struct plm_feed_uv *f)
{
    return f->queue;
}

static void take_ring(struct plm_feed_uv *f, int fd)
{
    struct plm_feed_ring *ring;
    if (plm_feed_ring_attach(&ring, fd) == 0 && !plm_feed_use_ring(f->queue, ring))
        plm_feed_ring_destroy(ring);
}

/* As recv(2). A descriptor that comes along is a ring; with none of ours, or more than one, all stays as it is. */
static ssize_t receive(struct plm_feed_uv *f, uint8_t *data, size_t size)
{
    union {
        struct cmsghdr head;
        uint8_t octets[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec v = {data, size};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(f->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return n;
    const size_t fds =
        (c->cmsg_len - CMSG_LEN(0)) / sizeof(int); /* more than one fit into what aligns the end */
    for (size_t i = 0; i < fds; i++) {
        int fd;
        memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
        if (fds == 1)
            take_ring(f, fd);
        close(fd);
    }
    return n;
}

int plm_feed_uv_read(struct plm_feed_uv *f, plm_feed_in_fn *fn, void *arg)
{
    uint8_t data[16384];
    if (!f->readable)
        return 0;
    f->readable = false; /* what is left makes it readable again */
    ssize_t n = receive(f, data, sizeof data);
    if (n > 0)
        return plm_feed_in_take(&f->in, data, (size_t)n, fn, arg);
    if (n == 0)
        return PLM_ECLOSED;
    return errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

/* @return octets taken, 0: none now, or a negated errno */
static ssize_t write_once(struct plm_feed_uv *f)
{
    struct iovec v[2];
    struct msghdr m = {.msg_iov = v, .msg_iovlen = (size_t)plm_feed_peek(f->queue, v)};
    ssize_t n = sendmsg(f->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    plm_feed_consume(f->queue, (size_t)n);
    return n;
}

int plm_feed_uv_write(struct plm_feed_uv *f, uint64_t now_us, uint64_t *deadline, uint64_t *writes)
{
    size_t pending = plm_feed_pending(f->queue);
    if (plm_feed_is_broken(f->queue))
        return PLM_EFULL;
    if (plm_feed_to_ring(f->queue))
        *deadline = now_us + PLM_FEED_DELAY_US < *deadline ? now_us + PLM_FEED_DELAY_US : *deadline;
    if (pending == 0 || f->blocked)
        return 0;
    if (f->due_us == 0)
        f->due_us = now_us + PLM_FEED_DELAY_US;
    if (pending >= PLM_FEED_BATCH || now_us >= f->due_us) {
        ssize_t n = write_once(f);
        ++*writes;
        if (n < 0)
            return (int)n;
        f->due_us = 0;
        f->blocked = (size_t)n < pending;
        if (f->blocked)
            watch(f);
    } else if (f->due_us + PLM_FEED_SLACK_US < *deadline) {
        *deadline = f->due_us + PLM_FEED_SLACK_US;
    }
    return 0;
}

void plm_feed_uv_close(struct plm_feed_uv *f)
{
    if (!f)
        return;
    if (plm_feed_pending(f->queue) && !plm_feed_is_broken(f->queue))
        write_once(f);
    plm_feed_to_ring(f->queue);
    plm_feed_destroy(f->queue);
    uv_close((uv_handle_t *)&f->poll, on_closed);
    close(f->fd);
}
