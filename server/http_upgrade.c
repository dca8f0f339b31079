#include "http_upgrade.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config.h"
#include "http_headers.h"

/*
 * Without this check a client that names no subprotocol would get the first one; and libwebsockets gives the first in the client's list
 * that it knows, which must not be what it has for plain HTTP.
 */
static bool asks_for(const struct plm_http_upgrade *u, struct lws *wsi)
{
    char list[128];
    bool found = false;
    if (lws_hdr_copy(wsi, list, sizeof(list), WSI_TOKEN_PROTOCOL) <= 0)
        return false;
    for (char *rest = list, *name; (name = strsep(&rest, ", "));) {
        if (!strcmp(name, u->plain))
            return false;
        found |= !strcmp(name, u->websocket);
    }
    return found;
}

/* A page of ours, whatever name it was found by. Encrypted when we are: what stands in clear text anybody on the way can have written. */
static bool is_own(const struct plm_http_upgrade *u, struct lws *wsi, const char *origin)
{
    char host[256] = "";
    size_t scheme = !strncasecmp(origin, "https://", 8)             ? 8
                    : !u->tls && !strncasecmp(origin, "http://", 7) ? 7
                                                                    : 0;
    return scheme && lws_hdr_copy(wsi, host, sizeof(host), WSI_TOKEN_HOST) > 0 &&
           !strcasecmp(origin + scheme, host);
}

static bool is_good_origin(const struct plm_http_upgrade *u, struct lws *wsi)
{
    if (lws_hdr_total_length(wsi, WSI_TOKEN_ORIGIN) <= 0)
        return true; /* not a browser: nobody's page can make it speak */
    char *origin = plm_http_copy_header(wsi, WSI_TOKEN_ORIGIN);
    bool good = origin && (is_own(u, wsi, origin) || plm_http_origin_allowed(u->origins, origin));
    free(origin);
    return good;
}

/* RFC 6455 section 4.1: base64 of 16 octets, once. */
static bool is_good_key(struct lws *wsi)
{
    unsigned char octets[18];
    char key[25];
    return lws_hdr_total_length(wsi, WSI_TOKEN_KEY) == sizeof(key) - 1 &&
           lws_hdr_copy(wsi, key, sizeof(key), WSI_TOKEN_KEY) > 0 && !strcmp(key + 22, "==") &&
           EVP_DecodeBlock(octets, (unsigned char *)key, 24) == sizeof(octets);
}

unsigned plm_http_judge_upgrade(const struct plm_http_upgrade *u, struct lws *wsi, const char *to)
{
    if (!to || strcasecmp(to, "websocket") != 0 || !u->websocket ||
        !plm_http_is_header(wsi, WSI_TOKEN_GET_URI, "/ws") || !asks_for(u, wsi) || !is_good_origin(u, wsi))
        return 403;
    if (!plm_http_is_header(wsi, WSI_TOKEN_VERSION, "13"))
        return 426; /* RFC 6455 section 4.4; libwebsockets takes any */
    return plm_http_is_header(wsi, WSI_TOKEN_HTTP, "HTTP/1.1") && is_good_key(wsi) ? 0 : 400;
}

int plm_http_refuse_upgrade(struct lws *wsi, unsigned status)
{
    unsigned char buf[LWS_PRE + 512];
    struct plm_http_head o = {wsi, buf + LWS_PRE, buf + sizeof(buf) - 1, false};
    o.full = lws_add_http_header_status(wsi, status, &o.p, o.end);
    if (status == 426)
        plm_http_head_add(&o, "sec-websocket-version:", "13");
    plm_http_head_add(&o, "connection:", "close");
    if (lws_add_http_header_content_length(wsi, 0, &o.p, o.end) || o.full ||
        lws_finalize_http_header(wsi, &o.p, o.end))
        return -1;
    int len = (int)(o.p - buf) - LWS_PRE;
    return lws_write(wsi, buf + LWS_PRE, (size_t)len, LWS_WRITE_HTTP_HEADERS) < len ? -1 : 1;
}
