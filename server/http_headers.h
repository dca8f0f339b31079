/*
 * Headers as libwebsockets keeps them: read from a request, written to a reply. For http.c and http_upgrade.c alone.
 */
#ifndef PLM_SERVER_HTTP_HEADERS_H
#define PLM_SERVER_HTTP_HEADERS_H

#include <stdbool.h>
#include <stddef.h>

#include <libwebsockets.h>

struct plm_config_texts;

/** @return a copy to be freed; NULL: there is none, or memory was short */
char *plm_http_copy_header(struct lws *wsi, enum lws_token_indexes token);
/** Whether it is there and says just this; of at most 31 octets. */
bool plm_http_is_header(struct lws *wsi, enum lws_token_indexes token, const char *value);
/** Whether any header says that a proxy passed it on. */
bool plm_http_is_forwarded(struct lws *wsi);
/** "a=1&b=2" as in struct plm_http_request. @return to be freed; NULL: there is none, or memory was short */
char *plm_http_copy_query(struct lws *wsi);
/** The body's length as announced. @param given whether it was @return false: no number */
bool plm_http_read_length(struct lws *wsi, size_t *out, bool *given);
/** RFC 9112 section 3.2: one host, or none in HTTP/1.0. */
bool plm_http_is_good_host(struct lws *wsi);

/** A reply's header while it is written. */
struct plm_http_head {
    struct lws *wsi;
    unsigned char *p, *end;
    bool full; /**< something had no room */
};

/** @param name lower case, with its colon */
void plm_http_head_add(struct plm_http_head *o, const char *name, const char *value);
/** Whether a page of that origin is among them, or all are. */
bool plm_http_origin_allowed(const struct plm_config_texts *origins, const char *origin);

#endif
