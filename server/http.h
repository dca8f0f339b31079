/*
 * HTTP and the doors of the WebSocket, on the main loop. The rest of the server sees only requests and replies; libwebsockets
 * is known to http.c, http_headers.c and http_upgrade.c alone (and to signaling's ws_server.c, whose protocol is passed through).
 */
#ifndef PLM_SERVER_HTTP_H
#define PLM_SERVER_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plenum/types.h"
#include "text.h"

struct plm_config;
struct plm_http;
struct lws_protocols;
struct uv_loop_s;

enum plm_http_method {
    PLM_HTTP_GET = 1 << 0,
    PLM_HTTP_HEAD = 1 << 1,
    PLM_HTTP_POST = 1 << 2,
    PLM_HTTP_PUT = 1 << 3,
    PLM_HTTP_PATCH = 1 << 4,
    PLM_HTTP_DELETE = 1 << 5,
    PLM_HTTP_OPTIONS = 1 << 6,
};

#define PLM_HTTP_MAX_BODY (1024 * 1024) /**< octets of a request's body; more is 413 */
#define PLM_HTTP_MAX_PATH 1024          /**< octets of a decoded path; more is 414 */

/** A whole request. Everything is borrowed for the call of the handler; absent headers are NULL. */
struct plm_http_request {
    uint64_t exchange; /**< whom to reply to */
    enum plm_http_method method;
    const char *path;  /**< percent-decoded, without query, begins with '/', holds no "." or ".." segment */
    const char *
        query; /**< "a=1&b=2", "" without; '&' and '%' of names and values are percent-encoded, the rest is decoded */
    const char *body;  /**< not NUL-terminated */
    size_t len;
    const char *source;        /**< address of who asks, without port (source.h) */
    bool forwarded;            /**< by its headers it came through a proxy */
    const char *host, *origin; /**< as the peer wrote them */
    const char *authorization; /**< a secret: goes into no log */
    const char *content_type, *if_match, *if_none_match, *if_modified_since, *range, *if_range,
        *accept_encoding;
};

struct plm_http_header {
    const char *name; /**< lower case, with its colon: "location:" */
    const char *value;
};

#define PLM_HTTP_PIECE (64 * 1024) /**< octets of a piece of a stream, at most */

/**
 * A body that comes in pieces, one at a time: the next is asked for when the peer took the last, so that a peer that is slow costs one
 * piece.
 */
struct plm_http_stream {
    uint64_t len; /**< octets of all pieces */
    /** The next piece is wanted: plm_http_stream_send, now or later. */
    void (*next)(void *arg);
    /** The exchange is over, whatever the reason: nothing is called after this. Exactly once, also when it never began. */
    void (*close)(void *arg);
    void *arg;
};

struct plm_http_reply {
    unsigned status;
    const char *content_type; /**< NULL: none */
    const struct plm_http_header *headers;
    size_t n_headers;
    struct plm_text *body;                /**< NULL: none; plm_http_reply takes a reference of its own */
    const struct plm_http_stream *stream; /**< in place of a body; copied. NULL: none */
};

/** Answers request now or later by plm_http_reply with its exchange, exactly once. */
typedef void plm_http_handler(void *arg, const struct plm_http_request *request);

struct plm_http_route {
    bool (*matches)(const char *path);
    unsigned
        methods; /**< enum plm_http_method, ored; HEAD comes with GET, OPTIONS with all. Others get 405 */
    bool cors;   /**< pages of http.cors_origins may call it */
    const char *accept_post; /**< media type told to OPTIONS; NULL: none */
    plm_http_handler *handler;
    void *arg;
};

struct plm_http_setup {
    struct uv_loop_s *loop;
    const struct plm_config *config;     /**< borrowed for the life of the server */
    const struct plm_http_route *routes; /**< the first that matches takes the request; borrowed */
    size_t n_routes;
    const struct lws_protocols *websocket; /**< NULL: no WebSocket */
    /** Takes connections that begin neither TLS nor HTTP but may be ICE-TCP, and owns them; NULL: all are HTTP's. */
    void (*stream)(void *arg, int fd);
    void *stream_arg;
};

/**
 * Bind every address of http.listen and serve.
 * @param out written also on error, unless it is PLM_ENOMEM: close and destroy it in any case
 * @param err filled unless 0: which address or file, why, and what to do
 * @return 0 or negative
 */
int plm_http_create(struct plm_http **out, const struct plm_http_setup *setup, char *err, size_t err_size);
/** Read the files of http.tls again; new connections get what is in them. @param err filled unless 0 @return 0 or PLM_EINVAL */
int plm_http_reload_tls(struct plm_http *h, char *err, size_t err_size);
/** Stop taking connections. */
void plm_http_stop_listening(struct plm_http *h);
/** Close every connection at once. The loop must run afterwards until it has no handle of this left. NULL is fine. */
void plm_http_close(struct plm_http *h);
/** Free, after that. NULL is fine. */
void plm_http_destroy(struct plm_http *h);

/** Address i that is bound, port filled in. @return false past the last */
bool plm_http_address(const struct plm_http *h, size_t i, struct plm_addr *out);

/** Answer an exchange. Does nothing when the peer is gone. */
void plm_http_reply(struct plm_http *h, uint64_t exchange, const struct plm_http_reply *reply);
/** The piece that was asked for. @param piece a reference is taken; NULL: it cannot be had, and the connection is cut */
void plm_http_stream_send(struct plm_http *h, uint64_t exchange, struct plm_text *piece);
/** Answer with a JSON error {"code": …, "message": …}. @param headers further ones */
void plm_http_fail(struct plm_http *h, uint64_t exchange, unsigned status, const char *message,
    const struct plm_http_header *headers, size_t n_headers);

struct plm_http_stats {
    uint32_t connections;       /**< open now, WebSockets among them */
    uint64_t accepted, refused; /**< refused: over http.max_connections */
    uint64_t refused_sources;   /**< over http.max_per_source */
    uint64_t requests;
    uint64_t too_large;  /**< refused: body over PLM_HTTP_MAX_BODY, path over PLM_HTTP_MAX_PATH */
    uint64_t replies[6]; /**< by the first digit of the status; [0] unused */
};
void plm_http_stats(const struct plm_http *h, struct plm_http_stats *out);

/** "not_found" for 404: the code of JSON errors. */
const char *plm_http_status_code(unsigned status);

#endif
