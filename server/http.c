#include "http.h"

#include <errno.h>
#include <jansson.h>
#include <libwebsockets.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include "config.h"
#include "http_headers.h"
#include "http_listen.h"
#include "http_peek.h"
#include "http_tls.h"
#include "http_upgrade.h"
#include "json_text.h"
#include "logger.h"
#include "peer_count.h"
#include "ws_server.h"

#define CHUNK           (32 * 1024)
#define HEADER_SPACE    8192  /* of a reply */
#define REQUEST_HEADERS 16384 /* octets of a request's headers: bearer tokens alone may have 4 kB */
#define DISCARD_S       5     /* for what is left of a body that was refused */
#define DISCARD_MAX     (8 * PLM_HTTP_MAX_BODY)

/** One request and its reply. Lives until the reply is out or the connection gone. */
struct exchange {
    struct exchange *next, **prev;
    uint64_t id;
    struct plm_http *http;
    struct lws *wsi;
    const struct plm_http_route *route;
    enum plm_http_method method;
    char *path, *query, *origin, *host, *content_type, *if_match, *if_none_match, *authorization;
    char *if_modified_since, *range, *if_range, *accept_encoding;
    char source[PLM_SOURCE_SIZE];
    bool forwarded;
    char *body;
    size_t body_len, body_expected;
    size_t discarded;
    lws_usec_t body_by; /**< when its body must be here, or the rest of a refused one */

    unsigned char *head; /**< the reply's header, LWS_PRE octets in */
    size_t head_len;
    struct plm_text *reply;        /**< the body, or the piece of the stream that is on its way */
    size_t sent;                   /**< of it */
    struct plm_http_stream stream; /**< close NULL: none */
    uint64_t stream_left;          /**< of it, in pieces to come */
    bool stream_asked, stream_failed;
    bool head_sent, replied;
    bool discard; /**< answered before its body was here: the rest is thrown away */
    bool close;
};

/** What libwebsockets keeps for us per connection. */
struct connection {
    struct exchange *x;
};

struct plm_http {
    struct plm_http_setup setup;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws_protocols protocols[3];
    struct plm_http_listen *listen;
    struct plm_http_peek *peek; /**< NULL: every connection is HTTP's */
    struct exchange *exchanges;
    uint64_t last_id;
    struct plm_http_stats stats;
    struct plm_peer_count *peers;
    bool tls;
    void *ssl_ctx; /**< libwebsockets' own, of the vhost */
    struct plm_http_tls *certificate; /**< what was read again; NULL: that of ssl_ctx */
    unsigned char chunk[LWS_PRE + CHUNK];
};

/* ---- exchanges ---- */

static struct exchange *exchange_create(struct plm_http *h, struct lws *wsi)
{
    struct exchange *x = calloc(1, sizeof(*x));
    if (!x)
        return NULL;
    x->id = ++h->last_id;
    x->http = h;
    x->wsi = wsi;
    x->next = h->exchanges;
    x->prev = &h->exchanges;
    if (x->next)
        x->next->prev = &x->next;
    h->exchanges = x;
    return x;
}

static void exchange_destroy(struct exchange *x)
{
    if (!x)
        return;
    *x->prev = x->next;
    if (x->next)
        x->next->prev = x->prev;
    free(x->path);
    free(x->query);
    free(x->host);
    if (x->authorization)
        OPENSSL_cleanse(x->authorization, strlen(x->authorization));
    free(x->authorization);
    free(x->origin);
    free(x->content_type);
    free(x->if_match);
    free(x->if_none_match);
    free(x->if_modified_since);
    free(x->range);
    free(x->if_range);
    free(x->accept_encoding);
    free(x->body);
    free(x->head);
    plm_text_unref(x->reply);
    if (x->stream.close)
        x->stream.close(x->stream.arg);
    free(x);
}

static struct exchange *exchange_find(struct plm_http *h, uint64_t id)
{
    struct exchange *x = h->exchanges;
    while (x && x->id != id)
        x = x->next;
    return x;
}

/* ---- replies ---- */

static void head_add_cors(struct plm_http_head *o, const struct exchange *x)
{
    const struct plm_config_texts *origins = &x->http->setup.config->http.cors_origins;
    if (!x->route || !x->route->cors)
        return;
    plm_http_head_add(o, "vary:", "origin");
    if (!x->origin || !plm_http_origin_allowed(origins, x->origin))
        return;
    plm_http_head_add(
        o, "access-control-allow-origin:", plm_http_origin_allowed(origins, "*") ? "*" : x->origin);
    plm_http_head_add(o, "access-control-expose-headers:", "location, etag, link, accept-patch, retry-after");
}

/* Everything that leaves here: no guessing of types, no address of ours to others (a room's name is in it). */
static void head_add_common(struct plm_http_head *o, const struct exchange *x)
{
    plm_http_head_add(o, "x-content-type-options:", "nosniff");
    plm_http_head_add(o, "referrer-policy:", "no-referrer");
    head_add_cors(o, x);
    if (x->close)
        plm_http_head_add(o, "connection:", "close");
}

static bool has_no_body(unsigned status)
{
    return status == 204 || status == 304;
}

static int write_head(struct exchange *x, const struct plm_http_reply *reply)
{
    x->head = malloc(LWS_PRE + HEADER_SPACE);
    if (!x->head)
        return PLM_ENOMEM;
    unsigned char *start = x->head + LWS_PRE;
    struct plm_http_head o = {x->wsi, start, start + HEADER_SPACE - 1, false};
    uint64_t len = reply->stream ? reply->stream->len : reply->body ? reply->body->len : 0;

    if (lws_add_http_header_status(x->wsi, reply->status, &o.p, o.end))
        return PLM_EFULL;
    if (reply->content_type)
        plm_http_head_add(&o, "content-type:", reply->content_type);
    head_add_common(&o, x);
    for (size_t i = 0; i < reply->n_headers; i++)
        plm_http_head_add(&o, reply->headers[i].name, reply->headers[i].value);
    if (!has_no_body(reply->status) && lws_add_http_header_content_length(x->wsi, len, &o.p, o.end))
        return PLM_EFULL;
    if (o.full || lws_finalize_http_header(x->wsi, &o.p, o.end))
        return PLM_EFULL;
    x->head_len = (size_t)(o.p - start);
    return 0;
}

void plm_http_reply(struct plm_http *h, uint64_t exchange, const struct plm_http_reply *reply)
{
    struct exchange *x = exchange_find(h, exchange);
    if (!x || x->replied) {
        if (reply->stream)
            reply->stream->close(reply->stream->arg);
        return;
    }
    int rc = write_head(x, reply);
    x->replied = true;
    if (reply->stream)
        x->stream = *reply->stream;
    h->stats.replies[reply->status / 100 % 6]++;
    h->stats.too_large += reply->status == 413 || reply->status == 414;
    plm_log(PLM_LOG_DEBUG, "http", "%s -> %u", x->path ? x->path : "?", reply->status);
    if (rc) {
        plm_log(PLM_LOG_ERROR, "http", "reply to %s: %s", x->path ? x->path : "?", plm_strerror(rc));
        x->head_len = 0;
    } else if (x->method != PLM_HTTP_HEAD && !has_no_body(reply->status) && reply->body) {
        x->reply = plm_text_ref(reply->body);
    } else if (x->method != PLM_HTTP_HEAD && reply->stream) {
        x->stream_left = reply->stream->len;
    }
    lws_callback_on_writable(x->wsi);
}

void plm_http_stream_send(struct plm_http *h, uint64_t exchange, struct plm_text *piece)
{
    struct exchange *x = exchange_find(h, exchange);
    if (!x || !x->stream_asked)
        return;
    x->stream_asked = false;
    x->stream_failed = !piece || !piece->len || piece->len > x->stream_left;
    if (!x->stream_failed) {
        x->reply = plm_text_ref(piece);
        x->sent = 0;
        x->stream_left -= piece->len;
    }
    lws_callback_on_writable(x->wsi);
}

const char *plm_http_status_code(unsigned status)
{
    static const struct {
        unsigned status;
        const char *code;
    } codes[] = {
        {400, "bad_request"},
        {401, "unauthorized"},
        {403, "forbidden"},
        {404, "not_found"},
        {405, "method_not_allowed"},
        {406, "not_acceptable"},
        {409, "conflict"},
        {411, "length_required"},
        {412, "precondition_failed"},
        {413, "too_large"},
        {414, "path_too_long"},
        {415, "unsupported_media_type"},
        {416, "range_not_satisfiable"},
        {422, "unprocessable"},
        {428, "precondition_required"},
        {429, "too_many_requests"},
        {500, "internal"},
        {503, "unavailable"},
    };
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        if (codes[i].status == status)
            return codes[i].code;
    return "error";
}

void plm_http_fail(struct plm_http *h, uint64_t exchange, unsigned status, const char *message,
    const struct plm_http_header *headers, size_t n_headers)
{
    json_t *object = json_pack("{s:s, s:s}", "code", plm_http_status_code(status), "message", message);
    struct plm_http_reply reply = {
        .status = status, .content_type = "application/json", .headers = headers, .n_headers = n_headers};

    reply.body = plm_json_text(object); /* NULL: the status alone */
    plm_http_reply(h, exchange, &reply);
    plm_text_unref(reply.body);
}

/* ---- requests ---- */

static const struct {
    enum lws_token_indexes token;
    enum plm_http_method method;
    const char *name;
} methods[] = {
    {WSI_TOKEN_GET_URI, PLM_HTTP_GET, "GET"},
    {WSI_TOKEN_HEAD_URI, PLM_HTTP_HEAD, "HEAD"},
    {WSI_TOKEN_POST_URI, PLM_HTTP_POST, "POST"},
    {WSI_TOKEN_PUT_URI, PLM_HTTP_PUT, "PUT"},
    {WSI_TOKEN_PATCH_URI, PLM_HTTP_PATCH, "PATCH"},
    {WSI_TOKEN_DELETE_URI, PLM_HTTP_DELETE, "DELETE"},
    {WSI_TOKEN_OPTIONS_URI, PLM_HTTP_OPTIONS, "OPTIONS"},
};
#define N_METHODS (sizeof(methods) / sizeof(methods[0]))

static void find_source(struct exchange *x)
{
    const struct plm_config_nets *trusted = &x->http->setup.config->http.trusted_proxies;
    plm_ws_find_source(x->source, x->wsi, trusted->net, trusted->n);
    x->forwarded = plm_http_is_forwarded(x->wsi);
}

static void list_methods(unsigned mask, char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; i < N_METHODS; i++)
        if ((mask & methods[i].method) && used < size)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "", methods[i].name);
}

static unsigned allowed_methods(const struct plm_http_route *route)
{
    return route->methods | PLM_HTTP_OPTIONS | (route->methods & PLM_HTTP_GET ? PLM_HTTP_HEAD : 0);
}

/* RFC 9110 section 9.3.7 and the preflight of Fetch in one. */
static void reply_options(struct exchange *x)
{
    char allow[64];
    list_methods(allowed_methods(x->route), allow, sizeof(allow));
    struct plm_http_header headers[6] = {{"allow:", allow}};
    size_t n = 1;
    if (x->route->accept_post)
        headers[n++] = (struct plm_http_header){"accept-post:", x->route->accept_post};
    if (x->route->cors) {
        headers[n++] = (struct plm_http_header){"access-control-allow-methods:", allow};
        headers[n++] = (struct plm_http_header){
            "access-control-allow-headers:", "authorization, content-type, if-match"};
        headers[n++] = (struct plm_http_header){"access-control-max-age:", "86400"};
    }
    plm_http_reply(
        x->http, x->id, &(struct plm_http_reply){.status = 204, .headers = headers, .n_headers = n});
}

/* Refused before its body is here: the connection cannot go on, since what follows is not a request. */
static void refuse(struct exchange *x, unsigned status, const char *message)
{
    x->close = true;
    x->discard = true;
    plm_http_fail(x->http, x->id, status, message, NULL, 0);
}

static void refuse_method(struct exchange *x)
{
    char allow[64];
    list_methods(allowed_methods(x->route), allow, sizeof(allow));
    struct plm_http_header header = {"allow:", allow};
    x->close = x->discard = x->body_expected > 0;
    plm_http_fail(x->http, x->id, 405, "this address does not take that method", &header, 1);
}

static void dispatch(struct exchange *x)
{
    struct plm_http_request request = {.exchange = x->id,
        .method = x->method,
        .path = x->path,
        .query = x->query ? x->query : "",
        .origin = x->origin,
        .host = x->host,
        .authorization = x->authorization,
        .source = x->source,
        .forwarded = x->forwarded,
        .body = x->body,
        .len = x->body_len,
        .content_type = x->content_type,
        .if_match = x->if_match,
        .if_none_match = x->if_none_match,
        .if_modified_since = x->if_modified_since,
        .range = x->range,
        .if_range = x->if_range,
        .accept_encoding = x->accept_encoding};

    if (x->method == PLM_HTTP_OPTIONS)
        reply_options(x);
    else
        x->route->handler(x->route->arg, &request);
}

static const struct plm_http_route *find_route(const struct plm_http *h, const char *path)
{
    for (size_t i = 0; i < h->setup.n_routes; i++)
        if (h->setup.routes[i].matches(path))
            return &h->setup.routes[i];
    return NULL;
}

static bool read_request(struct exchange *x, const char *path, size_t len)
{
    for (size_t i = 0; i < N_METHODS; i++)
        if (lws_hdr_total_length(x->wsi, methods[i].token) > 0)
            x->method = methods[i].method;
    x->path = strndup(path, len);
    x->query = plm_http_copy_query(x->wsi);
    x->origin = plm_http_copy_header(x->wsi, WSI_TOKEN_ORIGIN);
    x->host = plm_http_copy_header(x->wsi, WSI_TOKEN_HOST);
    x->authorization = plm_http_copy_header(x->wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
    find_source(x);
    x->content_type = plm_http_copy_header(x->wsi, WSI_TOKEN_HTTP_CONTENT_TYPE);
    x->if_match = plm_http_copy_header(x->wsi, WSI_TOKEN_HTTP_IF_MATCH);
    x->if_none_match = plm_http_copy_header(x->wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH);
    x->if_modified_since = plm_http_copy_header(x->wsi, WSI_TOKEN_HTTP_IF_MODIFIED_SINCE);
    x->range = plm_http_copy_header(x->wsi, WSI_TOKEN_HTTP_RANGE);
    x->if_range = plm_http_copy_header(x->wsi, WSI_TOKEN_HTTP_IF_RANGE);
    x->accept_encoding = plm_http_copy_header(x->wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING);
    return x->method && x->path;
}

/* What the headers alone decide. The order is that of RFC 9110: the target, the method, then the body. */
static void begin(struct exchange *x, const char *path, size_t len)
{
    const unsigned with_body = PLM_HTTP_POST | PLM_HTTP_PUT | PLM_HTTP_PATCH;
    bool has_length;

    bool good_length = plm_http_read_length(x->wsi, &x->body_expected, &has_length);
    if (!read_request(x, path, len) || !good_length || !plm_http_is_good_host(x->wsi))
        refuse(x, 400, "malformed request");
    else if (len > PLM_HTTP_MAX_PATH)
        refuse(x, 414, "the path is too long");
    else if (path[0] != '/' || strlen(x->path) != len)
        refuse(x, 400, "malformed path");
    else if (!(x->route = find_route(x->http, x->path)))
        refuse(x, 404, "nothing is here");
    else if (!(allowed_methods(x->route) & x->method))
        refuse_method(x);
    /* libwebsockets gives no body without this header, so a chunked one would hang until its time is over. */
    else if (lws_hdr_total_length(x->wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING) > 0 ||
             ((x->method & with_body) && !has_length))
        refuse(x, 411, "send a content-length");
    else if (x->body_expected > PLM_HTTP_MAX_BODY)
        refuse(x, 413, "the body is larger than 1 MiB");
    else if (x->body_expected && !(x->method & (with_body | PLM_HTTP_DELETE)))
        refuse(x, 400, "this method takes no body");
    else if (x->body_expected && !(x->body = malloc(x->body_expected)))
        refuse(x, 503, "out of memory");
    else if (!x->body_expected)
        dispatch(x);
}

/* Both: libwebsockets begins its time anew with every piece, so that a piece now and then would never end. */
static void allow_body(struct exchange *x, int seconds)
{
    x->body_by = lws_now_usecs() + (lws_usec_t)seconds * LWS_US_PER_SEC;
    lws_set_timeout(x->wsi, PENDING_TIMEOUT_HTTP_CONTENT, seconds);
}

static int on_request(struct plm_http *h, struct lws *wsi, struct connection *c, const char *path, size_t len)
{
    exchange_destroy(c->x);
    c->x = exchange_create(h, wsi);
    if (!c->x)
        return -1;
    h->stats.requests++;
    allow_body(c->x, (int)h->setup.config->http.timeout_s);
    begin(c->x, path, len);
    return 0;
}

static int on_body(struct exchange *x, const void *data, size_t len)
{
    if (!x || lws_now_usecs() > x->body_by)
        return -1;
    if (x->discard) {
        x->discarded += len;
        return x->discarded > DISCARD_MAX ? -1 : 0;
    }
    if (len > x->body_expected - x->body_len)
        return -1;
    if (!len)
        return 0;
    memcpy(x->body + x->body_len, data, len);
    x->body_len += len;
    return 0;
}

static int on_body_complete(struct exchange *x)
{
    if (!x)
        return -1;
    if (x->discard)
        lws_callback_on_writable(x->wsi);
    /* It comes for an announced length of 0 too, which begin() has dispatched. */
    else if (x->body_expected && x->body_len == x->body_expected)
        dispatch(x);
    return 0;
}

/* Octets that are here to be sent. */
static size_t octets_here(const struct exchange *x)
{
    return x->reply ? x->reply->len - x->sent : 0;
}

/* The next piece of a stream, when the last is out. */
static void ask_for_piece(struct exchange *x)
{
    plm_text_unref(x->reply);
    x->reply = NULL;
    if (x->stream_asked)
        return;
    x->stream_asked = true;
    x->stream.next(x->stream.arg);
}

/* @return < 0 on failure, 1 when all is out */
static int send_some(struct exchange *x)
{
    size_t here = octets_here(x);
    uint64_t left = here + x->stream_left;
    unsigned char *chunk = x->http->chunk + LWS_PRE;

    if (!x->head_sent) {
        if (!x->head_len)
            return -1;
        enum lws_write_protocol kind =
            left ? LWS_WRITE_HTTP_HEADERS : LWS_WRITE_HTTP_HEADERS | LWS_WRITE_H2_STREAM_END;
        if (lws_write(x->wsi, x->head + LWS_PRE, x->head_len, kind) < 0)
            return -1;
        x->head_sent = true;
        return !left;
    }
    size_t n = here < CHUNK ? here : CHUNK;
    if (n) {
        memcpy(chunk, x->reply->data + x->sent, n);
        if (lws_write(x->wsi, chunk, n, n == left ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP) < 0)
            return -1;
        x->sent += n;
    }
    return n == left;
}

static int on_writable(struct connection *c)
{
    struct exchange *x = c->x;
    if (!x || !x->replied)
        return 0;
    struct lws *wsi = x->wsi;
    if (x->stream_failed)
        return -1;
    if (x->head_sent && x->stream_left && !octets_here(x)) {
        ask_for_piece(x);
        return 0;
    }
    if (!x->head_sent || octets_here(x)) {
        int done = send_some(x);
        if (done < 0)
            return -1;
        lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, (int)x->http->setup.config->http.timeout_s);
        if (!done) {
            lws_callback_on_writable(wsi);
            return 0;
        }
    }
    /* A socket closed with unread octets resets the connection, and the peer may lose the reply over it. */
    if (x->discard && x->discarded < x->body_expected) {
        allow_body(x, DISCARD_S);
        return 0;
    }
    bool close = x->close;
    exchange_destroy(x);
    c->x = NULL;
    return close || lws_http_transaction_completed(wsi) ? -1 : 0;
}

/* ---- libwebsockets ---- */

static int on_upgrade(struct plm_http *h, struct lws *wsi, const char *to)
{
    struct plm_http_upgrade rules = {
        .origins = &h->setup.config->http.origins,
        .websocket = h->setup.websocket ? h->setup.websocket->name : NULL,
        .plain = h->protocols[0].name,
        .tls = h->tls,
    };
    unsigned status = plm_http_judge_upgrade(&rules, wsi, to);
    if (!status)
        return 0;
    h->stats.replies[4]++;
    return plm_http_refuse_upgrade(wsi, status);
}

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct plm_http *h = lws_context_user(lws_get_context(wsi));
    struct connection *c = user;

    switch (reason) {
    case LWS_CALLBACK_HTTP:
        return c ? on_request(h, wsi, c, in, len) : -1;
    case LWS_CALLBACK_HTTP_BODY:
        return c ? on_body(c->x, in, len) : -1;
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
        return c ? on_body_complete(c->x) : -1;
    case LWS_CALLBACK_HTTP_WRITEABLE:
        return c ? on_writable(c) : -1;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return on_upgrade(h, wsi, in);
    case LWS_CALLBACK_RAW_ADOPT: /* by CONNECT; no timer would ever end it */
    case LWS_CALLBACK_RAW_RX:
        return -1;
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
        if (c) {
            exchange_destroy(c->x);
            c->x = NULL;
        }
        return 0;
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        h->ssl_ctx = user;
        return 0;
    case LWS_CALLBACK_WSI_CREATE:
        h->stats.connections++;
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        h->stats.connections--;
        plm_peer_count_drop(&h->peers, lws_get_opaque_user_data(wsi));
        return 0;
    default:
        return 0;
    }
}

static void on_lws_log(int level, const char *line)
{
    plm_log(level & LLL_ERR ? PLM_LOG_WARN : PLM_LOG_DEBUG, "http", "%.*s", (int)strcspn(line, "\n"), line);
}

/* ---- life ---- */

static uint32_t count_connections(const struct plm_http *h)
{
    return h->stats.connections + (h->peek ? plm_http_peek_waiting(h->peek) : 0);
}

/* @param count what is to be dropped with the connection; NULL: it is a proxy's @return false: it has too many */
static bool count_peer(struct plm_http *h, int fd, struct plm_peer_count **count)
{
    const struct plm_config_nets *trusted = &h->setup.config->http.trusted_proxies;
    struct plm_addr addr;
    char text[PLM_ADDR_TEXT];
    socklen_t len = sizeof(addr);
    *count = NULL;
    memset(&addr, 0, sizeof(addr));
    if (getpeername(fd, &addr.sa, &len))
        return false;
    plm_addr_format_host(&addr, text, sizeof(text));
    if (plm_source_is_trusted(text, trusted->net, trusted->n))
        return true;
    *count = plm_peer_count_take(&h->peers, text, h->setup.config->http.max_per_source);
    return *count != NULL;
}

static void adopt(void *arg, int fd, void *count)
{
    struct plm_http *h = arg;
    struct lws_adopt_desc adopt = {.vh = h->vhost,
        .type = LWS_ADOPT_HTTP | LWS_ADOPT_SOCKET | (h->tls ? LWS_ADOPT_ALLOW_SSL : 0),
        .fd.sockfd = fd,
        .opaque = count};

    h->stats.accepted++;
    /* The socket is libwebsockets' from here, also when it fails. */
    lws_adopt_descriptor_vhost_via_info(&adopt);
}

static void hand_over(void *arg, int fd, void *count)
{
    struct plm_http *h = arg;
    plm_peer_count_drop(&h->peers, count);
    h->setup.stream(h->setup.stream_arg, fd);
}

static void on_silent(void *arg, void *count)
{
    struct plm_http *h = arg;
    plm_peer_count_drop(&h->peers, count);
}

static void on_accept(void *arg, int fd)
{
    struct plm_http *h = arg;
    struct plm_peer_count *count;

    if (count_connections(h) >= h->setup.config->http.max_connections) {
        h->stats.refused++;
        close(fd);
    } else if (!count_peer(h, fd, &count)) {
        h->stats.refused_sources++;
        close(fd);
    } else if (h->peek) {
        plm_http_peek_take(h->peek, fd, count);
    } else {
        adopt(h, fd, count);
    }
}

static int create_context(struct plm_http *h, char *err, size_t err_size)
{
    const struct plm_config *config = h->setup.config;
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN_SERVER};
    void *loops[1] = {h->setup.loop};

    h->protocols[0] = (struct lws_protocols){
        .name = "http", .callback = on_http, .per_session_data_size = sizeof(struct connection)};
    if (h->setup.websocket)
        h->protocols[1] = *h->setup.websocket;
    lws_set_log_level(LLL_ERR | LLL_WARN, on_lws_log);
    info.protocols = h->protocols;
    info.gid = info.uid = (gid_t)-1;
    info.foreign_loops = loops;
    info.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS |
                   LWS_SERVER_OPTION_VALIDATE_UTF8;
    info.user = h;
    info.pcontext = &h->context;
    info.max_http_header_data = REQUEST_HEADERS;
    info.pt_serv_buf_size = 16 * 1024;
    info.keepalive_timeout = (int)config->http.timeout_s;
    info.timeout_secs = config->http.timeout_s / 2;         /* from one piece of a body to the next */
    info.timeout_secs_ah_idle = config->http.timeout_s / 3; /* for a header */
    info.alpn = "http/1.1";
    info.server_string = "plenum";
    if (config->http.certificate) {
        info.ssl_cert_filepath = config->http.certificate;
        info.ssl_private_key_filepath = config->http.key;
        info.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1 | SSL_OP_NO_RENEGOTIATION;
        h->tls = true;
    }
    h->context = lws_create_context(&info);
    if (h->context)
        h->vhost = lws_create_vhost(h->context, &info);
    if (h->vhost)
        return 0;
    snprintf(err, err_size,
        h->tls ? "http.tls: the certificate or key is refused, see the log" : "http: cannot start");
    return PLM_EINVAL;
}

int plm_http_create(struct plm_http **out, const struct plm_http_setup *setup, char *err, size_t err_size)
{
    struct plm_http *h = calloc(1, sizeof(*h));
    if (!h) {
        snprintf(err, err_size, "out of memory");
        return PLM_ENOMEM;
    }
    h->setup = *setup;
    const struct plm_http_peek_ways peek = {.http = adopt,
        .stream = hand_over,
        .drop = on_silent,
        .silence_ms = setup->config->http.timeout_s * 1000 / 3};
    int rc = plm_http_listen_create(
        &h->listen, setup->loop, "http.listen", &setup->config->http.listen, on_accept, h, err, err_size);
    if (!rc && setup->stream && (rc = plm_http_peek_create(&h->peek, setup->loop, &peek, h)))
        snprintf(err, err_size, "http: cannot start: %s", plm_strerror(rc));
    if (!rc)
        rc = create_context(h, err, err_size);
    *out = h;
    return rc;
}

int plm_http_reload_tls(struct plm_http *h, char *err, size_t err_size)
{
    struct plm_http_tls *renewed;
    int rc = h->ssl_ctx ? plm_http_tls_load(&renewed, h->setup.config, err, err_size) : 0;
    if (rc || !h->ssl_ctx)
        return rc;
    plm_http_tls_free(h->certificate);
    h->certificate = renewed;
    plm_http_tls_serve(h->ssl_ctx, &h->certificate);
    return 0;
}

void plm_http_stop_listening(struct plm_http *h)
{
    plm_http_listen_close(h->listen);
    h->listen = NULL;
}

void plm_http_close(struct plm_http *h)
{
    if (!h)
        return;
    plm_http_stop_listening(h);
    plm_http_peek_close(h->peek);
    h->peek = NULL;
    if (h->context)
        lws_context_destroy(h->context);
}

/*
 * Not at once: libwebsockets' sockets end when the loop has closed their handles, and call back once more. On a loop that is not
 * its own it then wants to be told again; it clears h->context when it is done.
 */
void plm_http_destroy(struct plm_http *h)
{
    if (!h)
        return;
    if (h->context)
        lws_context_destroy(h->context);
    while (h->exchanges)
        exchange_destroy(h->exchanges);
    plm_http_tls_free(h->certificate);
    free(h);
}

bool plm_http_address(const struct plm_http *h, size_t i, struct plm_addr *out)
{
    return plm_http_listen_address(h->listen, i, out);
}

void plm_http_stats(const struct plm_http *h, struct plm_http_stats *out)
{
    *out = h->stats;
    out->connections = count_connections(h);
}
