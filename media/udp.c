#include "udp.h"

#include <errno.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define BUFFER_SIZE 65536
#define BUFFER_STRIDE                                                                                        \
    (BUFFER_SIZE + 320)      /* not a power of two: heads of datagrams would share the same cache sets */
#define GSO_REFUSALS 16      /* a single route may be unable; this many times is the machine */
#define MAX_AGE_US   1000000 /* nothing waits that long in a socket that is being read */
#define FULL_WAITS   2
#define FULL_WAIT_MS 1

/* ---- paths ---- */

void plm_udp_paths_init(struct plm_udp_paths *p, size_t n_listen)
{
    memset(p, 0, sizeof *p);
    pthread_mutex_init(&p->mutex, NULL);
    for (size_t i = 0; i < n_listen; i++)
        p->v[i].listener = (uint8_t)i;
    atomic_store(&p->n, (unsigned)n_listen);
}

void plm_udp_paths_destroy(struct plm_udp_paths *p)
{
    pthread_mutex_destroy(&p->mutex);
}

static bool same_host(const struct plm_addr *a, const struct plm_addr *b)
{
    if (a->sa.sa_family != b->sa.sa_family)
        return false;
    if (a->sa.sa_family == AF_INET)
        return a->in4.sin_addr.s_addr == b->in4.sin_addr.s_addr;
    return memcmp(&a->in6.sin6_addr, &b->in6.sin6_addr, sizeof a->in6.sin6_addr) == 0;
}

static int find_path(
    const struct plm_udp_paths *p, unsigned n, uint8_t listener, const struct plm_addr *local)
{
    for (unsigned i = 0; i < n; i++)
        if (p->v[i].listener == listener && p->v[i].local.sa.sa_family && same_host(&p->v[i].local, local))
            return (int)i;
    return -1;
}

uint8_t plm_udp_path(struct plm_udp_paths *p, uint8_t listener, const struct plm_addr *local)
{
    int i = find_path(p, atomic_load_explicit(&p->n, memory_order_acquire), listener, local);
    if (i >= 0)
        return (uint8_t)i;
    /* New: as often as this machine has addresses. */
    pthread_mutex_lock(&p->mutex);
    unsigned n = atomic_load_explicit(&p->n, memory_order_relaxed);
    i = find_path(p, n, listener, local);
    if (i < 0 && n < PLM_UDP_MAX_PATHS) {
        p->v[n] = (struct plm_udp_path){listener, *local};
        atomic_store_explicit(&p->n, n + 1, memory_order_release);
        i = (int)n;
    }
    pthread_mutex_unlock(&p->mutex);
    return i >= 0 ? (uint8_t)i : listener;
}

/* ---- opening ---- */

static socklen_t addr_size(const struct plm_addr *a)
{
    return a->sa.sa_family == AF_INET6 ? sizeof a->in6 : sizeof a->in4;
}

static bool is_wildcard(const struct plm_addr *a)
{
    if (a->sa.sa_family == AF_INET6)
        return IN6_IS_ADDR_UNSPECIFIED(&a->in6.sin6_addr);
    return a->in4.sin_addr.s_addr == htonl(INADDR_ANY);
}

static int set(int fd, int level, int option, int value)
{
    return setsockopt(fd, level, option, &value, sizeof value) == 0 ? 0 : -errno;
}

/** @return octets granted: the kernel doubles what it is asked for, and reports the double */
static uint32_t set_buffer(int fd, int force, int plain, uint32_t want)
{
    int value = want > INT32_MAX / 2 ? INT32_MAX / 2 : (int)want;
    socklen_t size = sizeof value;
    if (set(fd, SOL_SOCKET, force, value) != 0)
        set(fd, SOL_SOCKET, plain, value);
    if (getsockopt(fd, SOL_SOCKET, plain, &value, &size) != 0)
        return 0;
    return (uint32_t)value / 2;
}

/**
 * IPv4: no "don't fragment", and no belief in what ICMP says about the path's MTU (anybody can forge that). IPv6 routers do not fragment, so
 * there the kernel may learn and fragment for us.
 */
static int set_family_options(int fd, sa_family_t family, bool wildcard)
{
    int err = 0;
    if (family == AF_INET6) {
        err = set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
        if (err == 0)
            err = set(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DONT);
        if (err == 0 && wildcard)
            err = set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        return err;
    }
    err = set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_OMIT);
    if (err == 0 && wildcard)
        err = set(fd, IPPROTO_IP, IP_PKTINFO, 1);
    return err;
}

static int bind_socket(int fd, struct plm_addr *addr, const struct plm_udp_options *options)
{
    socklen_t size = addr_size(addr);
    /*
     * SO_REUSEPORT lets any process of the same user share the port, even one that has nothing to do with us, and would give us the same
     * "free" port twice. So the first socket binds without it, and sets it only then, for the others of ours to join.
     */
    if (options->shared && !options->exclusive) {
        int err = set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
        if (err)
            return err;
    }
    if (bind(fd, &addr->sa, size) != 0 || getsockname(fd, &addr->sa, &size) != 0)
        return -errno;
    return options->shared && options->exclusive ? set(fd, SOL_SOCKET, SO_REUSEPORT, 1) : 0;
}

int plm_udp_open(struct plm_udp *out, uint8_t listener, struct plm_addr *addr,
    const struct plm_udp_options *options, uint32_t *got_rcvbuf, uint32_t *got_sndbuf)
{
    struct plm_addr bound = *addr;
    bool wildcard = is_wildcard(addr);
    int fd = socket(addr->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
    if (fd < 0)
        return -errno;
    int err = set_family_options(fd, addr->sa.sa_family, wildcard);
    if (err == 0)
        err = bind_socket(fd, &bound, options);
    if (err) {
        close(fd);
        return err;
    }
    uint32_t rcvbuf = set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options->rcvbuf);
    uint32_t sndbuf = set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options->sndbuf);
    if (got_rcvbuf)
        *got_rcvbuf = rcvbuf;
    if (got_sndbuf)
        *got_sndbuf = sndbuf;
    set(fd, IPPROTO_UDP, UDP_GRO, 1); /* without it datagrams come one by one */
    set(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    set(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1); /* without it datagrams come when they are read */
    *out = (struct plm_udp){.fd = fd, .listener = listener, .wildcard = wildcard, .last_path = listener};
    out->gso = set(fd, IPPROTO_UDP, UDP_SEGMENT, 0) == 0;
    *addr = bound;
    return 0;
}

void plm_udp_close(struct plm_udp *u)
{
    if (u->fd >= 0)
        close(u->fd);
    u->fd = -1;
}

/* ---- reading ---- */

union read_control {
    struct cmsghdr align;
    uint8_t octets[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(uint32_t)) +
                   CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct plm_udp_reader {
    struct plm_udp_paths *paths;
    struct mmsghdr msgs[PLM_UDP_BATCH];
    struct iovec iov[PLM_UDP_BATCH];
    struct plm_addr from[PLM_UDP_BATCH];
    union read_control control[PLM_UDP_BATCH];
    uint8_t *arena;
};

int plm_udp_reader_create(struct plm_udp_reader **out, struct plm_udp_paths *paths)
{
    struct plm_udp_reader *r = calloc(1, sizeof *r);
    if (!r)
        return PLM_ENOMEM;
    r->arena = malloc((size_t)PLM_UDP_BATCH * BUFFER_STRIDE);
    if (!r->arena) {
        free(r);
        return PLM_ENOMEM;
    }
    r->paths = paths;
    for (size_t i = 0; i < PLM_UDP_BATCH; i++) {
        r->iov[i] = (struct iovec){r->arena + i * BUFFER_STRIDE, BUFFER_SIZE};
        r->msgs[i].msg_hdr = (struct msghdr){
            .msg_name = &r->from[i],
            .msg_namelen = sizeof r->from[i],
            .msg_iov = &r->iov[i],
            .msg_iovlen = 1,
            .msg_control = &r->control[i],
            .msg_controllen = sizeof r->control[i],
        };
    }
    *out = r;
    return 0;
}

void plm_udp_reader_destroy(struct plm_udp_reader *r)
{
    if (!r)
        return;
    free(r->arena);
    free(r);
}

static void read_local(struct plm_udp_reader *r, struct plm_udp *u, const struct plm_addr *local)
{
    const struct plm_udp_path *last = &r->paths->v[u->last_path];
    if (last->local.sa.sa_family == 0 || !same_host(&last->local, local))
        u->last_path = plm_udp_path(r->paths, u->listener, local);
}

/* The kernel's stamps are of the wall clock: one that was set meanwhile says nothing. */
static uint32_t age_of(const struct timespec *came, const struct timespec *now)
{
    int64_t us = (int64_t)(now->tv_sec - came->tv_sec) * 1000000 + (now->tv_nsec - came->tv_nsec) / 1000;
    return us > 0 && us < MAX_AGE_US ? (uint32_t)us : 0;
}

static void read_control(struct plm_udp_reader *r, struct plm_udp *u, struct msghdr *m,
    const struct timespec *now, struct plm_datagram *d)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            memcpy(&u->overflow, CMSG_DATA(c), sizeof u->overflow);
        } else if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
            struct timespec came;
            memcpy(&came, CMSG_DATA(c), sizeof came);
            d->age_us = age_of(&came, now);
        } else if (c->cmsg_level == IPPROTO_UDP && c->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            d->segment = segment > 0 && (uint32_t)segment < d->len ? (uint16_t)segment : 0;
        } else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            struct plm_addr local = {.in4 = {.sin_family = AF_INET}};
            memcpy(&info, CMSG_DATA(c), sizeof info);
            local.in4.sin_addr = info.ipi_spec_dst;
            read_local(r, u, &local);
            d->sock = u->last_path;
        } else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            struct plm_addr local = {.in6 = {.sin6_family = AF_INET6}};
            memcpy(&info, CMSG_DATA(c), sizeof info);
            local.in6.sin6_addr = info.ipi6_addr;
            read_local(r, u, &local);
            d->sock = u->last_path;
        }
    }
}

size_t plm_udp_read(struct plm_udp_reader *r, struct plm_udp *u, struct plm_datagram *batch, size_t max)
{
    int n;
    do
        n = recvmmsg(u->fd, r->msgs, (unsigned)max, MSG_DONTWAIT, NULL);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return 0;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    for (int i = 0; i < n; i++) {
        struct msghdr *m = &r->msgs[i].msg_hdr;
        batch[i] = (struct plm_datagram){
            .data = r->iov[i].iov_base, .len = r->msgs[i].msg_len, .sock = u->listener, .from = r->from[i]};
        read_control(r, u, m, &now, &batch[i]);
        m->msg_namelen = sizeof r->from[i];
        m->msg_controllen = sizeof r->control[i];
        m->msg_flags = 0;
    }
    return (size_t)n;
}

/* ---- sending ---- */

union send_control {
    struct cmsghdr align;
    uint8_t octets[CMSG_SPACE(sizeof(uint16_t)) + CMSG_SPACE(sizeof(struct in6_pktinfo))];
};

struct plm_udp_sender {
    struct plm_udp *socks;
    size_t n_socks;
    struct plm_udp_paths *paths;
    bool gso;
    unsigned refusals;
    uint64_t syscalls;
    unsigned waits;             /**< left in this call */
    size_t failed;              /**< trains of this call that did not leave whole */
    unsigned n;                 /**< messages gathered */
    const struct plm_udp *sock; /**< they leave by */
    const struct plm_train *train[PLM_UDP_BATCH];
    const struct plm_train *last_failed;
    struct mmsghdr msgs[PLM_UDP_BATCH];
    struct iovec iov[PLM_UDP_BATCH];
    union send_control control[PLM_UDP_BATCH];
};

int plm_udp_sender_create(
    struct plm_udp_sender **out, struct plm_udp *socks, size_t n_socks, struct plm_udp_paths *paths, bool gso)
{
    struct plm_udp_sender *s = calloc(1, sizeof *s);
    if (!s)
        return PLM_ENOMEM;
    s->socks = socks;
    s->n_socks = n_socks;
    s->paths = paths;
    s->gso = gso;
    for (size_t i = 0; i < n_socks; i++)
        s->gso = s->gso && socks[i].gso;
    *out = s;
    return 0;
}

void plm_udp_sender_destroy(struct plm_udp_sender *s)
{
    free(s);
}

uint64_t plm_udp_sender_syscalls(const struct plm_udp_sender *s)
{
    return s->syscalls;
}

bool plm_udp_sender_gso(const struct plm_udp_sender *s)
{
    return s->gso;
}

static void *add_cmsg(struct msghdr *m, int level, int type, size_t size)
{
    struct cmsghdr *c = (struct cmsghdr *)(void *)((uint8_t *)m->msg_control + m->msg_controllen);
    c->cmsg_level = level;
    c->cmsg_type = type;
    c->cmsg_len = CMSG_LEN(size);
    m->msg_controllen += CMSG_SPACE(size);
    return CMSG_DATA(c);
}

static void add_local(struct msghdr *m, const struct plm_addr *local)
{
    if (local->sa.sa_family == AF_INET) {
        struct in_pktinfo info = {.ipi_spec_dst = local->in4.sin_addr};
        memcpy(add_cmsg(m, IPPROTO_IP, IP_PKTINFO, sizeof info), &info, sizeof info);
    } else if (local->sa.sa_family == AF_INET6) {
        struct in6_pktinfo info = {.ipi6_addr = local->in6.sin6_addr};
        memcpy(add_cmsg(m, IPPROTO_IPV6, IPV6_PKTINFO, sizeof info), &info, sizeof info);
    }
}

static void put(
    struct plm_udp_sender *s, const struct plm_train *t, const uint8_t *data, size_t len, bool whole)
{
    unsigned i = s->n++;
    struct msghdr *m = &s->msgs[i].msg_hdr;
    s->train[i] = t;
    s->iov[i] = (struct iovec){(void *)(uintptr_t)data, len};
    *m = (struct msghdr){
        .msg_name = (void *)(uintptr_t)t->to,
        .msg_namelen = addr_size(t->to),
        .msg_iov = &s->iov[i],
        .msg_iovlen = 1,
        .msg_control = &s->control[i],
    };
    add_local(m, &s->paths->v[t->sock].local);
    if (whole && t->count > 1)
        memcpy(add_cmsg(m, IPPROTO_UDP, UDP_SEGMENT, sizeof t->segment), &t->segment, sizeof t->segment);
    if (m->msg_controllen == 0)
        m->msg_control = NULL;
}

static void fail(struct plm_udp_sender *s, const struct plm_train *t)
{
    if (s->last_failed != t) /* pieces of one train follow each other */
        s->failed++;
    s->last_failed = t;
}

/** Is it worth trying the same again? */
static bool wait_writable(struct plm_udp_sender *s)
{
    if (s->waits == 0)
        return false;
    s->waits--;
    struct pollfd p = {.fd = s->sock->fd, .events = POLLOUT};
    return poll(&p, 1, FULL_WAIT_MS) == 1;
}

static void send_in_pieces(struct plm_udp_sender *s, const struct plm_train *t)
{
    struct iovec iov;
    union send_control control;
    struct msghdr m = {
        .msg_name = (void *)(uintptr_t)t->to,
        .msg_namelen = addr_size(t->to),
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = &control,
    };
    add_local(&m, &s->paths->v[t->sock].local);
    if (m.msg_controllen == 0)
        m.msg_control = NULL;
    for (uint32_t at = 0; at < t->len; at += t->segment) {
        uint32_t left = t->len - at;
        iov = (struct iovec){(void *)(uintptr_t)(t->data + at), left < t->segment ? left : t->segment};
        s->syscalls++;
        if (sendmsg(s->sock->fd, &m, MSG_DONTWAIT) < 0)
            fail(s, t);
    }
}

/** The first of the gathered messages was refused. @return false: give up all of them */
static bool on_refused(struct plm_udp_sender *s, unsigned i)
{
    const struct plm_train *t = s->train[i];
    bool whole = t->count > 1 && s->iov[i].iov_len == t->len;
    switch (errno) {
    case EAGAIN:
    case ENOBUFS:
        return false;
    case EIO:
    case EINVAL:
        if (whole && ++s->refusals >= GSO_REFUSALS)
            s->gso = false;
        /* fall through */
    case EMSGSIZE:
        if (whole) {
            send_in_pieces(s, t);
            return true;
        }
        /* fall through */
    default:
        fail(s, t);
        return true;
    }
}

static void flush(struct plm_udp_sender *s)
{
    for (unsigned i = 0; i < s->n;) {
        int taken = sendmmsg(s->sock->fd, s->msgs + i, s->n - i, MSG_DONTWAIT);
        s->syscalls++;
        if (taken > 0) {
            i += (unsigned)taken;
        } else if (errno == EINTR || ((errno == EAGAIN || errno == ENOBUFS) && wait_writable(s))) {
            continue;
        } else if (on_refused(s, i)) {
            i++;
        } else {
            while (i < s->n)
                fail(s, s->train[i++]);
        }
    }
    s->n = 0;
}

size_t plm_udp_send(struct plm_udp_sender *s, const struct plm_train *trains, size_t n)
{
    s->waits = FULL_WAITS;
    s->failed = 0;
    s->last_failed = NULL;
    s->n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct plm_train *t = &trains[i];
        const struct plm_udp *sock = &s->socks[s->paths->v[t->sock].listener];
        if (s->n && (sock != s->sock || s->n == PLM_UDP_BATCH))
            flush(s);
        s->sock = sock;
        if (s->gso || t->count <= 1) {
            put(s, t, t->data, t->len, true);
            continue;
        }
        for (uint32_t at = 0; at < t->len; at += t->segment) {
            if (s->n == PLM_UDP_BATCH)
                flush(s);
            put(s, t, t->data + at, t->len - at < t->segment ? t->len - at : t->segment, false);
        }
    }
    flush(s);
    return n - s->failed;
}
