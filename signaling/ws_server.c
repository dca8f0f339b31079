#include "ws_server.h"

#include "session.h"
#include "source.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

/* Close codes beside those of a session (RFC 6455 section 7.4.1). */
#define CLOSE_UNACCEPTABLE 1003
#define CLOSE_POLICY       1008
#define CLOSE_TOO_BIG      1009
#define CLOSE_TRY_LATER    1013

#define LINGER_US   (2 * LWS_US_PER_SEC)         /* for the peer's close frame */
#define WRITE_CLOSE ((enum lws_write_protocol)4) /* kept for it, without a name */
#define MAX_PIECES  4096 /* of a message: fragments may be empty, so the size alone does not bound them */

_Static_assert(LWS_WRITE_HTTP == 3 && LWS_WRITE_PING == 5, "libwebsockets numbers its frames otherwise");

struct queued {
    struct queued *next;
    struct plm_text *text;
};

/* One socket; libwebsockets allocates it zeroed with the connection. */
struct socket {
    struct plm_ws *ws;
    struct lws *wsi;
    struct plm_session *session;
    struct queued *first, **last;
    size_t queued; /* octets */
    char *in;      /* the message that is coming in */
    size_t in_len, in_cap, in_pieces;
    uint64_t ticks, heard_at_tick; /* of the ping timer */
    bool ping_due, dropped, peer_closes, said_goodbye;
    unsigned close_code; /* 0: stays open */
    char close_reason[64];
};

struct plm_ws {
    struct plm_hub *hub;
    struct plm_ws_config config;
    struct plm_ws_stats stats;
    struct lws_protocols protocol;
    unsigned char *scratch; /* LWS_PRE octets of head room and the text being written */
    size_t scratch_size;
};

/* ---- out ---- */

static void drop_queue(struct socket *s)
{
    while (s->first) {
        struct queued *q = s->first;
        s->first = q->next;
        plm_text_unref(q->text);
        free(q);
    }
    s->last = &s->first;
    s->queued = 0;
}

/* Close without another word, not from within this call. */
static void drop(struct socket *s, uint64_t *counter)
{
    if (s->dropped)
        return;
    ++*counter;
    s->dropped = true;
    drop_queue(s);
    lws_set_timeout(s->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

/* plm_session_out */
static void on_send(void *ctx, struct plm_text *text)
{
    struct socket *s = ctx;
    if (s->dropped || s->close_code)
        return;
    struct queued *q = s->queued < s->ws->config.max_queue ? malloc(sizeof *q) : NULL;
    if (!q) {
        drop(s, &s->ws->stats.slow);
        return;
    }
    q->next = NULL;
    q->text = plm_text_ref(text);
    *s->last = q;
    s->last = &q->next;
    s->queued += text->len;
    lws_callback_on_writable(s->wsi);
}

/* plm_session_out */
static void on_close(void *ctx, unsigned code, const char *reason)
{
    struct socket *s = ctx;
    if (s->dropped || s->close_code)
        return;
    s->close_code = code;
    snprintf(s->close_reason, sizeof s->close_reason, "%s", reason);
    lws_callback_on_writable(s->wsi);
}

/*
 * The last that is said. The connection stays until the peer's close frame, and what comes before that is thrown away: a socket that is closed
 * over unread octets is reset, and takes the reason back. libwebsockets' own end does not wait.
 */
static int say_goodbye(struct socket *s)
{
    unsigned char buf[LWS_PRE + 2 + sizeof s->close_reason];
    size_t len = strlen(s->close_reason);
    buf[LWS_PRE] = (unsigned char)(s->close_code >> 8);
    buf[LWS_PRE + 1] = (unsigned char)s->close_code;
    memcpy(buf + LWS_PRE + 2, s->close_reason, len);
    s->said_goodbye = true;
    lws_set_timer_usecs(s->wsi, LINGER_US);
    return lws_write(s->wsi, buf + LWS_PRE, len + 2, WRITE_CLOSE) < (int)len + 2 ? -1 : 0;
}

static bool reserve_scratch(struct plm_ws *ws, size_t len)
{
    if (ws->scratch_size >= LWS_PRE + len)
        return true;
    unsigned char *grown = realloc(ws->scratch, LWS_PRE + len);
    if (!grown)
        return false;
    ws->scratch = grown;
    ws->scratch_size = LWS_PRE + len;
    return true;
}

/* The text is shared and has no head room, so it is copied; what the socket does not take, libwebsockets keeps. */
static int write_first(struct socket *s)
{
    struct queued *q = s->first;
    size_t len = q->text->len;
    if (!reserve_scratch(s->ws, len))
        return -1;
    memcpy(s->ws->scratch + LWS_PRE, q->text->data, len);
    s->first = q->next;
    if (!s->first)
        s->last = &s->first;
    s->queued -= len;
    plm_text_unref(q->text);
    free(q);
    return lws_write(s->wsi, s->ws->scratch + LWS_PRE, len, LWS_WRITE_TEXT) < (int)len ? -1 : 0;
}

/* With a payload: libwebsockets keeps a pong without one to itself. */
static int write_ping(struct socket *s)
{
    unsigned char buf[LWS_PRE + 1];
    s->ping_due = false;
    buf[LWS_PRE] = 'p';
    return lws_write(s->wsi, buf + LWS_PRE, 1, LWS_WRITE_PING) < 1 ? -1 : 0;
}

/* libwebsockets answers the peer's close frame, or has found a breach and waits for the peer's. */
static bool closes_itself(const struct socket *s)
{
    return s->peer_closes || (!s->close_code && lws_get_close_length(s->wsi) > 0);
}

/* One write per call: libwebsockets wants no more. */
static int on_writable(struct socket *s)
{
    if (s->dropped)
        return -1;
    if (s->said_goodbye)
        return 0;
    if (closes_itself(
            s)) { /* RFC 6455 section 5.5.1: nothing after a close frame; libwebsockets would send it */
        drop_queue(s);
        return 0;
    }
    if (!s->ping_due && !s->first)
        return s->close_code ? say_goodbye(s) : 0;
    int err = s->ping_due ? write_ping(s) : write_first(s);
    if (!err && (s->first || s->close_code))
        lws_callback_on_writable(s->wsi);
    return err;
}

/* ---- in ---- */

/* At once: what is behind it makes no sense, and libwebsockets would read it. */
static int reject(struct socket *s, unsigned code, const char *reason)
{
    s->ws->stats.rejected++;
    s->close_code = code;
    s->said_goodbye = true;
    lws_close_reason(s->wsi, (enum lws_close_status)code, (unsigned char *)reason, strlen(reason));
    return -1;
}

/* Fragments come in pieces of the service buffer's size, whatever the client's frames were. */
static int append(struct socket *s, const char *data, size_t len)
{
    if (len > PLM_MSG_MAX_SDP_SIZE - s->in_len)
        return reject(s, CLOSE_TOO_BIG, "message too large");
    if (s->in_len + len > s->in_cap) {
        size_t cap = (s->in_len + len) * 2;
        char *grown = realloc(s->in, cap);
        if (!grown)
            return -1;
        s->in = grown;
        s->in_cap = cap;
    }
    if (len)
        memcpy(s->in + s->in_len, data, len);
    s->in_len += len;
    return 0;
}

static int on_receive(struct socket *s, const char *data, size_t len)
{
    if (s->dropped || s->close_code)
        return 0;
    s->heard_at_tick = s->ticks;
    if (lws_frame_is_binary(s->wsi))
        return reject(s, CLOSE_UNACCEPTABLE, "text messages only");
    if (++s->in_pieces > MAX_PIECES)
        return reject(s, CLOSE_POLICY, "too many fragments");
    int err = append(s, data, len);
    if (err || !lws_is_final_fragment(s->wsi) || lws_remaining_packet_payload(s->wsi))
        return err;
    plm_session_on_text(s->session, s->in, s->in_len);
    free(s->in); /* a session is idle most of its life */
    s->in = NULL;
    s->in_len = s->in_cap = s->in_pieces = 0;
    return 0;
}

/* ---- life ---- */

static void start_timer(struct socket *s)
{
    lws_set_timer_usecs(s->wsi, (lws_usec_t)s->ws->config.ping_seconds * LWS_US_PER_SEC);
}

static int on_timer(struct socket *s)
{
    if (s->said_goodbye)
        return -1;
    uint64_t silent = ++s->ticks - s->heard_at_tick;
    bool late = !(s->session && plm_session_is_joined(s->session)) &&
                s->ticks * s->ws->config.ping_seconds >= s->ws->config.join_seconds;
    if (silent > 1 || late) {
        drop(s, &s->ws->stats.silent);
        return -1;
    }
    s->ping_due = true;
    lws_callback_on_writable(s->wsi);
    start_timer(s);
    return 0;
}

/* Its end counts, whatever its length: a client can make it as long as all headers may be. */
void plm_ws_find_source(
    char out[PLM_SOURCE_SIZE], struct lws *wsi, const struct plm_source_net *trusted, size_t n_trusted)
{
    char peer[PLM_SOURCE_SIZE] = "";
    int len = lws_hdr_total_length(wsi, WSI_TOKEN_X_FORWARDED_FOR);
    char *forwarded = len > 0 ? malloc((size_t)len + 1) : NULL;
    bool good = forwarded && lws_hdr_copy(wsi, forwarded, len + 1, WSI_TOKEN_X_FORWARDED_FOR) > 0;
    lws_get_peer_simple(wsi, peer, sizeof peer);
    plm_source_find(out, peer, len <= 0 ? NULL : good ? forwarded : PLM_SOURCE_UNKNOWN, trusted, n_trusted);
    free(forwarded);
}

static int on_established(struct plm_ws *ws, struct lws *wsi, struct socket *s)
{
    struct plm_session_out out = {.ctx = s, .send = on_send, .close = on_close};
    plm_ws_find_source(out.source, wsi, ws->config.trusted_proxies, ws->config.n_trusted_proxies);
    s->ws = ws;
    s->wsi = wsi;
    s->last = &s->first;
    ws->stats.sockets++;
    ws->stats.opened++;
    if (plm_session_open(&s->session, ws->hub, &out)) {
        ws->stats.refused++;
        on_close(s, CLOSE_TRY_LATER, "");
    }
    start_timer(s);
    return 0;
}

static void on_closed(struct socket *s)
{
    /* A reason that is neither ours nor the peer's is libwebsockets': a frame against RFC 6455, or not UTF-8. */
    if (!s->dropped && !s->peer_closes && closes_itself(s))
        s->ws->stats.rejected++;
    s->dropped = true;
    plm_session_on_lost(s->session);
    s->session = NULL;
    drop_queue(s);
    free(s->in);
    s->in = NULL;
    s->ws->stats.sockets--;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    struct socket *s = user;
    switch (reason) {
    case LWS_CALLBACK_ESTABLISHED:
        return on_established(lws_get_protocol(wsi)->user, wsi, s);
    case LWS_CALLBACK_RECEIVE:
        return on_receive(s, in, len);
    case LWS_CALLBACK_RECEIVE_PONG:
        s->heard_at_tick = s->ticks;
        return 0;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        s->peer_closes = true;
        return s->said_goodbye ? -1 : 0; /* not answered once more */
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return on_writable(s);
    case LWS_CALLBACK_TIMER:
        return on_timer(s);
    case LWS_CALLBACK_CLOSED:
        if (s && s->ws)
            on_closed(s);
        return 0;
    default:
        return 0;
    }
}

int plm_ws_create(struct plm_ws **out, const struct plm_ws_config *config, struct plm_hub *hub)
{
    struct plm_ws *ws = calloc(1, sizeof *ws);
    if (!ws)
        return PLM_ENOMEM;
    if (config)
        ws->config = *config;
    if (!ws->config.max_queue)
        ws->config.max_queue = 256 * 1024;
    if (!ws->config.ping_seconds)
        ws->config.ping_seconds = 20;
    if (!ws->config.join_seconds)
        ws->config.join_seconds = 60;
    ws->hub = hub;
    ws->protocol = (struct lws_protocols){.name = PLM_PROTOCOL,
        .callback = on_event,
        .per_session_data_size = sizeof(struct socket),
        .user = ws};
    *out = ws;
    return 0;
}

const struct lws_protocols *plm_ws_protocol(const struct plm_ws *ws)
{
    return &ws->protocol;
}

void plm_ws_destroy(struct plm_ws *ws)
{
    if (!ws)
        return;
    free(ws->scratch);
    free(ws);
}

void plm_ws_stats(const struct plm_ws *ws, struct plm_ws_stats *out)
{
    *out = ws->stats;
}
