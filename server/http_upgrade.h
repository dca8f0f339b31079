/*
 * The door of the WebSocket: the only upgrade is to ours, from our own pages or those of http.origins; HTTP/2 stays off.
 */
#ifndef PLM_SERVER_HTTP_UPGRADE_H
#define PLM_SERVER_HTTP_UPGRADE_H

#include <stdbool.h>

struct lws;
struct plm_config_texts;

struct plm_http_upgrade {
    const struct plm_config_texts *origins; /**< pages that may, beside our own */
    const char *websocket;                  /**< name of the subprotocol; NULL: there is none */
    const char *plain; /**< libwebsockets' name for plain HTTP, which nobody may ask for */
    bool tls;          /**< our own pages come encrypted */
};

/** @param to what the request wants, or NULL @return 0, or the status that refuses it */
unsigned plm_http_judge_upgrade(const struct plm_http_upgrade *u, struct lws *wsi, const char *to);
/** @return what the callback of libwebsockets returns: written and to be closed, or broken */
int plm_http_refuse_upgrade(struct lws *wsi, unsigned status);

#endif
