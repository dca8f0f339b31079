/*
 * The little of HTTP/1.1 that WHIP and WHEP need, blocking, over a plain socket.
 */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#include <netinet/in.h>

struct http_reply {
    int status;
    char location[256];
    char body[256 * 1024]; /**< with a NUL */
};

/** Resolve nothing: an address and a port. Dies on failure of the transport; the status is the caller's to judge. */
void http_request(struct http_reply *out, const struct sockaddr_in *server, const char *method,
    const char *path, const char *type, const char *body);

#endif
