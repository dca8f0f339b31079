/*
 * The listening sockets of HTTP, and of ICE-TCP where it has ports of its own. They are ours, not libwebsockets': so an address in use is told clearly, IPv6 stands beside IPv4
 * on one port, and connections over the cap are closed before they cost anything. Where the process has no descriptor left
 * they wait in the backlog.
 */
#ifndef PLM_SERVER_HTTP_LISTEN_H
#define PLM_SERVER_HTTP_LISTEN_H

#include "config.h"

struct plm_http_listen;
struct uv_loop_s;

/** Takes a connected, non-blocking socket and owns it. */
typedef void plm_http_accept_fn(void *arg, int fd);

/** Bind and listen on all addresses, or on none. @param key of the configuration, for messages @param err filled unless 0 @return 0, PLM_ENOMEM or a negated errno */
int plm_http_listen_create(struct plm_http_listen **out, struct uv_loop_s *loop, const char *key,
    const struct plm_config_addrs *addrs, plm_http_accept_fn *fn, void *arg, char *err, size_t err_size);
/** Close; memory is freed by the loop, which must run on. NULL is fine. */
void plm_http_listen_close(struct plm_http_listen *l);
bool plm_http_listen_address(const struct plm_http_listen *l, size_t i, struct plm_addr *out);

#endif
