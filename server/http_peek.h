/*
 * What a new connection on an HTTP port speaks, by its first octet: TLS and HTTP go one way, framed STUN (ICE-TCP, RFC 6544) the other. The octet
 * stays in the socket. One that says nothing is closed after a while.
 */
#ifndef PLM_SERVER_HTTP_PEEK_H
#define PLM_SERVER_HTTP_PEEK_H

#include <stdint.h>

struct plm_http_peek;
struct uv_loop_s;

/** Where connections go, each with what it was taken with. */
struct plm_http_peek_ways {
    unsigned silence_ms; /**< so long it may say nothing */
    /** Take a connected, non-blocking socket and own it. */
    void (*http)(void *arg, int fd, void *with);
    void (*stream)(void *arg, int fd, void *with);
    /** It is closed. */
    void (*drop)(void *arg, void *with);
};

/** @param ways copied @return 0, PLM_ENOMEM, or libuv's */
int plm_http_peek_create(
    struct plm_http_peek **out, struct uv_loop_s *loop, const struct plm_http_peek_ways *ways, void *arg);
/** Close what still waits; memory is freed by the loop, which must run on. NULL is fine. */
void plm_http_peek_close(struct plm_http_peek *p);
/** Owns the socket from here on. */
void plm_http_peek_take(struct plm_http_peek *p, int fd, void *with);
/** How many wait for their first octet. */
uint32_t plm_http_peek_waiting(const struct plm_http_peek *p);

#endif
