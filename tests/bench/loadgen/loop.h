/*
 * One thread's loop: sockets, a clock that stands during a turn, and what all peers share.
 */
#ifndef BENCH_LOOP_H
#define BENCH_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct peer;
struct plm_identity;

#define LOOP_MAX_PEERS 4096

struct loop {
    int epoll;
    uint64_t now_us;
    struct plm_identity *identity; /* one certificate for all peers */
    void *security;                /* one context of plm_security_dtls */
    struct peer *peers[LOOP_MAX_PEERS];
    size_t n_peers;
};

void loop_init(struct loop *l);
void loop_destroy(struct loop *l); /**< peers must be gone */
void loop_add(struct loop *l, struct peer *p);
/** Take turns until the clock says until_us or done(arg) is true. @return whether done said so; done may be NULL */
bool loop_run(struct loop *l, uint64_t until_us, bool (*done)(void *arg), void *arg);

#endif
