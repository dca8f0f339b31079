#include "loop.h"

#include "die.h"
#include "peer.h"
#include "plenum/engine.h"
#include "proc.h"
#include "security.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define TURN_MS 1

void loop_init(struct loop *l)
{
    memset(l, 0, sizeof *l);
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    struct plm_security_dtls_config config = {.flags = PLM_REPLACE_SRTP_KERNELS};
    if (l->epoll < 0 || plm_identity_create(&l->identity) != 0)
        die("cannot start");
    config.identity = l->identity;
    if (plm_security_dtls_create(&l->security, &config) != 0)
        die("cannot start DTLS and SRTP");
    l->now_us = clock_us();
}

void loop_destroy(struct loop *l)
{
    plm_security_dtls_destroy(l->security);
    plm_identity_destroy(l->identity);
    close(l->epoll);
}

void loop_add(struct loop *l, struct peer *p)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.ptr = p};
    if (l->n_peers == LOOP_MAX_PEERS || epoll_ctl(l->epoll, EPOLL_CTL_ADD, peer_fd(p), &ev) != 0)
        die("too many peers");
    l->peers[l->n_peers++] = p;
}

static void turn(struct loop *l)
{
    struct epoll_event events[64];
    int n = epoll_wait(l->epoll, events, 64, TURN_MS);
    if (n < 0 && errno != EINTR)
        die("epoll_wait: %s", strerror(errno));
    l->now_us = clock_us();
    for (int i = 0; i < n; i++)
        peer_on_readable(events[i].data.ptr);
    for (size_t i = 0; i < l->n_peers; i++)
        peer_poll(l->peers[i]);
}

bool loop_run(struct loop *l, uint64_t until_us, bool (*done)(void *arg), void *arg)
{
    do {
        if (done && done(arg))
            return true;
        turn(l);
    } while (l->now_us < until_us);
    return done && done(arg);
}
