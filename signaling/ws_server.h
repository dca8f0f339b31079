/*
 * Sessions over WebSocket (RFC 6455), by libwebsockets. The context, its loop, and who may open a socket (path, origin) are
 * server/http.c's; here begins what happens once the upgrade to the subprotocol is granted. Main thread.
 *
 * A message is one text frame or a fragmented one. A client that reads too slowly, or that stops answering pings, is dropped;
 * its participant waits for resume like that of any lost socket.
 */
#ifndef PLM_SIGNALING_WS_SERVER_H
#define PLM_SIGNALING_WS_SERVER_H

#include "hub.h"
#include "source.h"

struct plm_ws;
struct lws;
struct lws_protocols;

/** Zero means the default, given in brackets. */
struct plm_ws_config {
    size_t max_queue;      /**< octets waiting for one client [256 KiB]; what comes on top drops it */
    unsigned ping_seconds; /**< [20]; a client that is silent for twice as long is dropped */
    unsigned join_seconds; /**< a socket that has not joined by then is closed [60] */
    const struct plm_source_net
        *trusted_proxies; /**< whose X-Forwarded-For is believed (source.h); borrowed, outlive this */
    size_t n_trusted_proxies;
};

struct plm_ws_stats {
    uint32_t sockets;
    uint64_t opened, refused; /**< refused: the hub had no room for another session */
    uint64_t slow;            /**< dropped: queue too long */
    uint64_t silent;          /**< dropped: no answer to pings, or not joined in time */
    uint64_t
        rejected; /**< closed for what came: binary, too large, in too many pieces, against RFC 6455, not UTF-8 */
};

/** @param config copied; NULL for defaults @param hub borrowed, outlives this @return 0, PLM_ENOMEM */
int plm_ws_create(struct plm_ws **out, const struct plm_ws_config *config, struct plm_hub *hub);
/** The entry for the vhost's table of protocols, which may hold a copy. Valid until plm_ws_destroy. */
const struct lws_protocols *plm_ws_protocol(const struct plm_ws *ws);
/** Free, after the context that used the protocol is gone. NULL is fine. */
void plm_ws_destroy(struct plm_ws *ws);
void plm_ws_stats(const struct plm_ws *ws, struct plm_ws_stats *out);

/** Whom the request of a connection comes from (source.h), an upgrade or any other, while its headers are there. */
void plm_ws_find_source(
    char out[PLM_SOURCE_SIZE], struct lws *wsi, const struct plm_source_net *trusted, size_t n_trusted);

#endif
