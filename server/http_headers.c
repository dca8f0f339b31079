#include "http_headers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

/* ---- of a request ---- */

char *plm_http_copy_header(struct lws *wsi, enum lws_token_indexes token)
{
    int len = lws_hdr_total_length(wsi, token);
    char *value = len > 0 ? malloc((size_t)len + 1) : NULL;
    if (value && lws_hdr_copy(wsi, value, len + 1, token) < 0) {
        free(value);
        value = NULL;
    }
    return value;
}

bool plm_http_is_header(struct lws *wsi, enum lws_token_indexes token, const char *value)
{
    char found[32];
    return lws_hdr_copy(wsi, found, sizeof(found), token) > 0 && !strcmp(found, value);
}

bool plm_http_is_forwarded(struct lws *wsi)
{
    static const enum lws_token_indexes tokens[] = {
        WSI_TOKEN_X_FORWARDED_FOR, WSI_TOKEN_HTTP_X_REAL_IP, WSI_TOKEN_HTTP_VIA};
    static const char rfc7239[] = "forwarded:";
    for (size_t i = 0; i < sizeof(tokens) / sizeof(tokens[0]); i++)
        if (lws_hdr_total_length(wsi, tokens[i]) > 0)
            return true;
    return lws_hdr_custom_length(wsi, rfc7239, sizeof(rfc7239) - 1) >= 0;
}

/* What would part it from the next one, or look encoded, is encoded. @param out room for 3 * len + 1 @return octets written */
static size_t encode_piece(char *out, const char *piece, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (piece[i] == '&' || piece[i] == '%')
            n += (size_t)sprintf(out + n, "%%%02X", piece[i]);
        else
            out[n++] = piece[i];
    return n;
}

/* libwebsockets keeps "a=1&b=2" in pieces, decoded. */
char *plm_http_copy_query(struct lws *wsi)
{
    char *query = NULL;
    size_t used = 0;
    for (int i = 0;; i++) {
        int len = lws_hdr_fragment_length(wsi, WSI_TOKEN_HTTP_URI_ARGS, i);
        char *piece = len > 0 ? malloc((size_t)len + 1) : NULL;
        char *longer = piece ? realloc(query, used + 3 * (size_t)len + 2) : NULL;
        if (!longer) {
            free(piece);
            return query;
        }
        query = longer;
        if (i)
            query[used++] = '&';
        int got = lws_hdr_copy_fragment(wsi, piece, len + 1, WSI_TOKEN_HTTP_URI_ARGS, i);
        used += encode_piece(query + used, piece, got > 0 ? (size_t)got : 0);
        query[used] = 0;
        free(piece);
    }
}

bool plm_http_read_length(struct lws *wsi, size_t *out, bool *given)
{
    char text[24];
    char *end;

    *given = lws_hdr_total_length(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH) > 0;
    *out = 0;
    if (!*given)
        return true;
    if (lws_hdr_copy(wsi, text, sizeof(text), WSI_TOKEN_HTTP_CONTENT_LENGTH) <= 0 || text[0] < '0' ||
        text[0] > '9')
        return false;
    errno = 0;
    unsigned long long length = strtoull(text, &end, 10);
    if (*end || errno)
        return false;
    *out = length;
    return true;
}

bool plm_http_is_good_host(struct lws *wsi)
{
    return lws_hdr_fragment_length(wsi, WSI_TOKEN_HOST, 1) <= 0 &&
           (lws_hdr_total_length(wsi, WSI_TOKEN_HOST) > 0 ||
               !plm_http_is_header(wsi, WSI_TOKEN_HTTP, "HTTP/1.1"));
}

/* ---- of a reply ---- */

void plm_http_head_add(struct plm_http_head *o, const char *name, const char *value)
{
    if (lws_add_http_header_by_name(o->wsi, (const unsigned char *)name, (const unsigned char *)value,
            (int)strlen(value), &o->p, o->end))
        o->full = true;
}

bool plm_http_origin_allowed(const struct plm_config_texts *origins, const char *origin)
{
    for (size_t i = 0; i < origins->n; i++)
        if (!strcmp(origins->text[i], "*") || !strcmp(origins->text[i], origin))
            return true;
    return false;
}
