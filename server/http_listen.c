#include "http_listen.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "logger.h"

#define BACKLOG         512
#define ACCEPT_PER_TURN 64
#define PAUSE_MS        100   /* where nothing is left to accept with; connections wait in the backlog */
#define TELL_MS         10000 /* from one line about that to the next */

struct listener {
    uv_poll_t poll;
    struct plm_http_listen *owner;
    int fd;
    struct plm_addr addr;
};

struct plm_http_listen {
    plm_http_accept_fn *fn;
    void *arg;
    size_t n, open;   /* open: handles */
    uv_timer_t pause; /* active: no listener is watched */
    uint64_t tell_ms; /* not before */
    struct listener listeners[PLM_CONFIG_MAX_ADDRS];
};

static void on_closed(uv_handle_t *handle)
{
    struct plm_http_listen *l = handle->data;
    if (--l->open == 0)
        free(l);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_paused(uv_timer_t *timer)
{
    struct plm_http_listen *l = timer->data;
    for (size_t i = 0; i < l->n; i++)
        uv_poll_start(&l->listeners[i].poll, UV_READABLE, on_readable);
}

/* A listener stays readable while connections wait: without this the loop would turn for nothing else. */
static void pause_all(struct plm_http_listen *l, int error)
{
    uint64_t now = uv_now(l->pause.loop);
    for (size_t i = 0; i < l->n; i++)
        uv_poll_stop(&l->listeners[i].poll);
    uv_timer_start(&l->pause, on_paused, PAUSE_MS, 0);
    if (now < l->tell_ms)
        return;
    l->tell_ms = now + TELL_MS;
    plm_log(PLM_LOG_ERROR, "http", "connections wait: %s; LimitNOFILE= or ulimit -n gives more descriptors",
        plm_strerror(-error));
}

static bool is_starved(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct listener *li = (struct listener *)poll;
    (void)events;

    for (int i = 0; status == 0 && i < ACCEPT_PER_TURN; i++) {
        int fd = accept4(li->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0) {
            if (is_starved(errno))
                pause_all(li->owner, errno);
            return;
        }
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        li->owner->fn(li->owner->arg, fd);
    }
}

static socklen_t length_of(const struct plm_addr *a)
{
    return a->sa.sa_family == AF_INET6 ? sizeof(a->in6) : sizeof(a->in4);
}

static int open_socket(const struct plm_addr *addr)
{
    const int on = 1;
    int fd = socket(addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (addr->sa.sa_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
    if (bind(fd, &addr->sa, length_of(addr)) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int rc = -errno;
    close(fd);
    return rc;
}

static const char *remedy(int rc)
{
    switch (rc) {
    case -EADDRINUSE:
        return ": another program listens there; stop it or choose another port";
    case -EACCES:
        return ": ports below 1024 need the right to bind them (CAP_NET_BIND_SERVICE)";
    case -EADDRNOTAVAIL:
        return ": this machine has no such address";
    default:
        return "";
    }
}

static int add_listener(struct plm_http_listen *l, uv_loop_t *loop, const struct plm_addr *addr)
{
    struct listener *li = &l->listeners[l->n];
    socklen_t len = sizeof(li->addr.in6);

    li->owner = l;
    li->fd = open_socket(addr);
    if (li->fd < 0)
        return li->fd;
    getsockname(li->fd, &li->addr.sa, &len);
    int rc = uv_poll_init(loop, &li->poll, li->fd);
    if (rc) {
        close(li->fd);
        return rc;
    }
    li->poll.data = l;
    l->n++;
    l->open++;
    return uv_poll_start(&li->poll, UV_READABLE, on_readable);
}

int plm_http_listen_create(struct plm_http_listen **out, struct uv_loop_s *loop, const char *key,
    const struct plm_config_addrs *addrs, plm_http_accept_fn *fn, void *arg, char *err, size_t err_size)
{
    char text[PLM_ADDR_TEXT];
    struct plm_http_listen *l = calloc(1, sizeof(*l));
    if (!l) {
        snprintf(err, err_size, "out of memory");
        return PLM_ENOMEM;
    }
    l->fn = fn;
    l->arg = arg;
    uv_timer_init(loop, &l->pause);
    l->pause.data = l;
    l->open = 1;
    for (size_t i = 0; i < addrs->n; i++) {
        int rc = add_listener(l, loop, &addrs->addr[i]);
        if (rc) {
            snprintf(err, err_size, "cannot listen on %s (TCP): %s%s (%s)",
                plm_addr_format(&addrs->addr[i], text, sizeof(text)), plm_strerror(rc), remedy(rc), key);
            plm_http_listen_close(l);
            return rc;
        }
    }
    *out = l;
    return 0;
}

void plm_http_listen_close(struct plm_http_listen *l)
{
    if (!l)
        return;
    uv_close((uv_handle_t *)&l->pause, on_closed);
    for (size_t i = 0; i < l->n; i++) {
        struct listener *li = &l->listeners[i];
        uv_poll_stop(&li->poll);
        uv_close((uv_handle_t *)&li->poll, on_closed);
        close(li->fd);
    }
}

bool plm_http_listen_address(const struct plm_http_listen *l, size_t i, struct plm_addr *out)
{
    if (!l || i >= l->n)
        return false;
    *out = l->listeners[i].addr;
    return true;
}
