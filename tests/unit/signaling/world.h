/*
 * A hub in a small world: a clock that stands still unless moved, a media port that remembers what it was asked and fails on
 * demand, and peers that keep what they are told. SDP of clients is made with media/sdp, turned from server's into client's.
 */
#ifndef PLM_TEST_WORLD_H
#define PLM_TEST_WORLD_H

#include "api.h"
#include "hub.h"
#include "session.h"
#include "whip.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef WORLD_TRANSPORTS
#define WORLD_TRANSPORTS 2048
#endif
#define PEER_TEXTS 4096
#ifndef WORLD_TELLS_STATS
#define WORLD_TELLS_STATS false /* does media know how transports fare? The hub asks it every few seconds then. */
#endif

struct world_transport {
    bool open;
    plm_room_id room;
    plm_participant_id participant;
    unsigned restarts, describes, views, moves, asks;
    struct plm_transport_params *params; /* as last described */
    bool muted[PLM_SOURCE_COUNT];
    struct plm_view view;
    struct plm_pin pins[PLM_MAX_MEDIA];
    size_t n_pins, pin_calls;
    char ufrag[PLM_UFRAG_SIZE];
};

/** What the port is to refuse, each with the error put there. */
struct world_failures {
    int room_open, open, restart, describe, view, pin, mute, move, password;
};

/** A token that the host finds good. */
struct world_token {
    const char *text;
    struct plm_grants grants;
};

/** A password that waits for world_passwords. */
struct world_job {
    uint64_t job;
    char password[130], hash[PLM_HASH_SIZE]; /* hash "": one is to be made */
};

#define WORLD_TOKENS 16
#define WORLD_JOBS   64

struct world {
    struct plm_hub *hub;
    enum plm_codec client_codec; /* that clients have beside VP8 */
    struct world_token tokens[WORLD_TOKENS];
    size_t n_tokens;
    unsigned looks; /* tokens that the host was asked about */
    struct world_job jobs[WORLD_JOBS];
    size_t n_jobs, all_jobs;
    struct plm_hub_event last_event;
    unsigned events[PLM_HUB_EVENT_COUNT];
    char event_reason[32], event_name[129], event_identity[129];
    const char *source; /* of peers that come from now on; NULL: not known */
    uint64_t now, random;
    struct world_transport transports[WORLD_TRANSPORTS];
    plm_transport_id last_transport;
    plm_room_id last_room;
    unsigned rooms, open_transports, logs;
    struct world_failures fail;
    struct plm_addr candidate;
};

struct peer {
    struct world *w;
    struct plm_session *session;
    struct plm_text *texts[PEER_TEXTS];
    size_t n, read;
    unsigned closed; /* code */
    uint32_t next_id;
};

/* ---- host ---- */

static inline uint64_t world_now(void *ctx)
{
    return ((struct world *)ctx)->now;
}

static inline uint64_t world_wall(void *ctx)
{
    return 1764000000000u + ((struct world *)ctx)->now;
}

static inline void world_random(void *ctx, void *out, size_t len)
{
    struct world *w = ctx;
    for (size_t i = 0; i < len; i++) {
        w->random = w->random * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(w->random >> 56);
    }
}

static inline void world_log(void *ctx, const char *room, const char *text)
{
    (void)room;
    (void)text;
    ((struct world *)ctx)->logs++;
}

static inline size_t world_ice_servers(void *ctx, struct plm_msg_ice_server out[PLM_HUB_MAX_ICE_SERVERS])
{
    (void)ctx;
    out[0] = (struct plm_msg_ice_server){.url = "stun:stun.example.org"};
    return 1;
}

static inline int world_check_token(void *ctx, const char *token, const char *room, struct plm_grants *out)
{
    struct world *w = ctx;
    (void)room;
    w->looks++;
    for (size_t i = 0; i < w->n_tokens; i++)
        if (!strcmp(w->tokens[i].text, token)) {
            *out = w->tokens[i].grants;
            return out->expires_at > world_wall(w) ? 0 : PLM_ESTATE;
        }
    return PLM_EINVAL;
}

/** A token that is good from now on; its grants may be changed. */
static inline struct plm_grants *world_token(struct world *w, const char *text, enum plm_msg_role role)
{
    if (w->n_tokens == WORLD_TOKENS)
        abort();
    struct world_token *t = &w->tokens[w->n_tokens++];
    *t = (struct world_token){
        .text = text, .grants = {.role = role, .publish = true, .subscribe = true, .expires_at = UINT64_MAX}};
    return &t->grants;
}

static inline int world_password(void *ctx, uint64_t job, const char *password, const char *hash)
{
    struct world *w = ctx;
    if (w->fail.password)
        return w->fail.password;
    if (w->n_jobs == WORLD_JOBS)
        return PLM_ELIMIT;
    struct world_job *j = &w->jobs[w->n_jobs++];
    j->job = job;
    snprintf(j->password, sizeof j->password, "%s", password);
    snprintf(j->hash, sizeof j->hash, "%s", hash ? hash : "");
    w->all_jobs++;
    return 0;
}

/** Hash and compare what waits: the hash of "x" is "#x". */
static inline void world_passwords(struct world *w)
{
    while (w->n_jobs) {
        struct world_job j = w->jobs[0];
        char made[132];
        memmove(w->jobs, w->jobs + 1, --w->n_jobs * sizeof *w->jobs);
        snprintf(made, sizeof made, "#%s", j.password);
        if (*j.hash)
            plm_hub_on_password(w->hub, j.job, !strcmp(j.hash, made), NULL);
        else
            plm_hub_on_password(w->hub, j.job, true, made);
    }
}

static inline void world_event(void *ctx, const struct plm_hub_event *ev)
{
    struct world *w = ctx;
    w->last_event = *ev;
    w->events[ev->type]++;
    snprintf(w->event_reason, sizeof w->event_reason, "%s", ev->reason);
    snprintf(w->event_name, sizeof w->event_name, "%s", ev->name);
    snprintf(w->event_identity, sizeof w->event_identity, "%s", ev->identity);
}

/* ---- media port ---- */

static inline int world_room_open(void *ctx, const struct plm_room_config *config, plm_room_id *out)
{
    struct world *w = ctx;
    (void)config;
    if (w->fail.room_open)
        return w->fail.room_open;
    *out = ++w->last_room;
    w->rooms++;
    return 0;
}

static inline void world_room_close(void *ctx, plm_room_id room)
{
    struct world *w = ctx;
    w->rooms--;
    for (unsigned i = 1; i <= w->last_transport && i < WORLD_TRANSPORTS; i++)
        if (w->transports[i].open && w->transports[i].room == room)
            abort(); /* whoever closes a room has closed what was in it */
}

static inline struct world_transport *world_transport(struct world *w, plm_transport_id id)
{
    if (id == 0 || id > w->last_transport || !w->transports[id].open)
        abort();
    return &w->transports[id];
}

static inline void world_local(struct world *w, plm_transport_id id, struct plm_sdp_local *local)
{
    struct world_transport *t = &w->transports[id];
    snprintf(t->ufrag, sizeof t->ufrag, "srv%u.%u", id, t->restarts);
    memset(local, 0, sizeof *local);
    local->ufrag = t->ufrag;
    local->pwd = "0123456789abcdefghijklmn";
    local->fingerprint.len = 32;
    memset(local->fingerprint.value, 0x5a, 32);
    local->candidates = &w->candidate;
    local->n_candidates = 1;
}

static inline int world_open(void *ctx, plm_room_id room, plm_participant_id participant,
    struct plm_sdp_local *local, plm_transport_id *out)
{
    struct world *w = ctx;
    if (w->fail.open)
        return w->fail.open;
    if (w->last_transport + 1 >= WORLD_TRANSPORTS)
        return PLM_ELIMIT;
    struct world_transport *t = &w->transports[++w->last_transport];
    t->open = true;
    t->room = room;
    t->participant = participant;
    w->open_transports++;
    world_local(w, w->last_transport, local);
    *out = w->last_transport;
    return 0;
}

static inline int world_restart(void *ctx, plm_transport_id id, struct plm_sdp_local *local)
{
    struct world *w = ctx;
    struct world_transport *t = world_transport(w, id);
    if (w->fail.restart)
        return w->fail.restart;
    t->restarts++;
    world_local(w, id, local);
    return 0;
}

static inline int world_describe(void *ctx, plm_transport_id id, const struct plm_transport_params *params)
{
    struct world *w = ctx;
    struct world_transport *t = world_transport(w, id);
    if (w->fail.describe)
        return w->fail.describe;
    if (!t->params)
        t->params = malloc(sizeof *t->params);
    if (!t->params)
        return PLM_ENOMEM;
    plm_transport_params_copy(t->params, params);
    t->describes++;
    return 0;
}

static inline int world_view(void *ctx, plm_transport_id id, const struct plm_view *view)
{
    struct world *w = ctx;
    struct world_transport *t = world_transport(w, id);
    if (w->fail.view)
        return w->fail.view;
    t->view = *view;
    t->views++;
    return 0;
}

static inline int world_pin(void *ctx, plm_transport_id id, const struct plm_pin *pins, size_t n)
{
    struct world *w = ctx;
    struct world_transport *t = world_transport(w, id);
    if (w->fail.pin)
        return w->fail.pin;
    memcpy(t->pins, pins, n * sizeof *pins);
    t->n_pins = n;
    t->pin_calls++;
    return 0;
}

static inline int world_mute(void *ctx, plm_transport_id id, enum plm_source source, bool muted)
{
    struct world *w = ctx;
    struct world_transport *t = world_transport(w, id);
    if (w->fail.mute)
        return w->fail.mute;
    t->muted[source] = muted;
    return 0;
}

static inline int world_move(void *ctx, plm_transport_id id, plm_room_id room, plm_participant_id participant)
{
    struct world *w = ctx;
    struct world_transport *t = world_transport(w, id);
    if (w->fail.move)
        return w->fail.move;
    t->room = room;
    t->participant = participant;
    t->moves++;
    return 0;
}

static inline int world_stats(void *ctx, plm_transport_id id)
{
    ((struct world *)ctx)->transports[id].asks++;
    return 0;
}

static inline void world_close(void *ctx, plm_transport_id id)
{
    struct world *w = ctx;
    struct world_transport *t = world_transport(w, id);
    free(t->params);
    t->params = NULL;
    t->open = false;
    w->open_transports--;
}

static inline uint32_t world_ssrc(void *ctx)
{
    uint32_t ssrc = 0;
    while (!ssrc)
        world_random(ctx, &ssrc, sizeof ssrc);
    return ssrc;
}

static inline struct world *world_create(const struct plm_hub_config *config)
{
    struct world *w = calloc(1, sizeof *w);
    struct plm_hub_host host = {.ctx = w,
        .now_ms = world_now,
        .wall_ms = world_wall,
        .random = world_random,
        .ice_servers = world_ice_servers,
        .check_token = world_check_token,
        .password = world_password,
        .on_event = world_event,
        .log = world_log};
    struct plm_media_port port = {.ctx = w,
        .room_open = world_room_open,
        .room_close = world_room_close,
        .transport_open = world_open,
        .transport_restart = world_restart,
        .transport_describe = world_describe,
        .transport_view = world_view,
        .transport_pin = world_pin,
        .transport_mute = world_mute,
        .transport_move = world_move,
        .transport_stats = WORLD_TELLS_STATS ? world_stats : NULL,
        .transport_close = world_close,
        .random_ssrc = world_ssrc};
    w->now = 1000000;
    w->random = 7;
    plm_addr_parse(&w->candidate, "192.0.2.1:3478");
    if (plm_hub_create(&w->hub, config, &host, &port))
        abort();
    return w;
}

/* The hub ends and leaves nothing behind. */
static inline void world_destroy(struct world *w)
{
    plm_hub_destroy(w->hub);
    if (w->rooms || w->open_transports)
        abort();
    free(w);
}

/** The clock moves on, and what is due is done. */
static inline void world_pass(struct world *w, uint64_t ms)
{
    w->now += ms;
    plm_hub_poll(w->hub);
}

static inline struct plm_hub_gauges world_gauges(struct world *w)
{
    struct plm_hub_gauges g;
    plm_hub_gauges(w->hub, &g);
    return g;
}

/** An empty world for each test of a program (cmocka's setup and teardown). */
static inline int world_setup(void **state)
{
    *state = world_create(NULL);
    return 0;
}

static inline int world_teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

/** The transport is gone by itself. */
static inline void world_lose(struct world *w, plm_transport_id id, enum plm_close_reason reason)
{
    struct plm_event ev = {.type = PLM_EV_TRANSPORT,
        .transport = id,
        .transport_state = {.state = PLM_TRANSPORT_CLOSED, .reason = reason}};
    world_close(w, id);
    plm_hub_on_media_event(w->hub, &ev);
    plm_hub_flush(w->hub);
}

/* ---- peers ---- */

static inline void peer_send(void *ctx, struct plm_text *text)
{
    struct peer *p = ctx;
    if (p->n < PEER_TEXTS)
        p->texts[p->n++] = plm_text_ref(text);
}

static inline void peer_close(void *ctx, unsigned code, const char *reason)
{
    struct peer *p = ctx;
    (void)reason;
    p->closed = code;
}

static inline struct peer *peer_create(struct world *w)
{
    struct peer *p = calloc(1, sizeof *p);
    struct plm_session_out out = {.ctx = p, .send = peer_send, .close = peer_close};
    p->w = w;
    snprintf(out.source, sizeof out.source, "%s", w->source ? w->source : "");
    if (plm_session_open(&p->session, w->hub, &out)) {
        free(p);
        return NULL;
    }
    return p;
}

static inline void peer_forget(struct peer *p)
{
    for (size_t i = 0; i < p->n; i++)
        plm_text_unref(p->texts[i]);
    p->n = p->read = 0;
}

/** The socket is gone. */
static inline void peer_destroy(struct peer *p)
{
    plm_session_on_lost(p->session);
    peer_forget(p);
    free(p);
}

/* Exactly the octets, so that a reader that goes too far is seen. */
static inline void peer_say_octets(struct peer *p, const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, text, len);
    plm_session_on_text(p->session, copy, len);
    free(copy);
}

__attribute__((format(printf, 2, 3))) static inline void peer_say(struct peer *p, const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    peer_say_octets(p, text, (size_t)len);
    free(text);
}

/** Encode a request as a client would, send it. @return its id */
static inline uint32_t peer_request(struct peer *p, struct plm_msg *msg)
{
    msg->has_id = true;
    msg->id = ++p->next_id;
    struct plm_text *text = plm_msg_encode(msg);
    peer_say_octets(p, text->data, text->len);
    plm_text_unref(text);
    return msg->id;
}

/** The next message that has not been read; plm_msg_free. NULL: none. Whatever the server sends must be readable. */
static inline struct plm_msg *peer_read(struct peer *p)
{
    struct plm_msg *msg = NULL;
    struct plm_msg_fault fault;
    if (p->read == p->n)
        return NULL;
    struct plm_text *t = p->texts[p->read++];
    if (plm_msg_decode(&msg, t->data, t->len, PLM_FROM_SERVER, &fault)) {
        fprintf(stderr, "unreadable: %s: %s in %s\n", fault.field, fault.message, t->data);
        abort();
    }
    return msg;
}

/** Skip to the next message of a type. NULL: there is none among the unread, which are read then. */
static inline struct plm_msg *peer_expect(struct peer *p, enum plm_msg_type type)
{
    struct plm_msg *msg;
    while ((msg = peer_read(p)) && msg->type != type)
        plm_msg_free(msg);
    return msg;
}

/** A request was granted, with nothing more to say. */
static inline bool peer_is_done(struct peer *p)
{
    struct plm_msg *done = peer_expect(p, PLM_MSG_done);
    plm_msg_free(done);
    return done;
}

/* The next roster message that tells of somebody who came, changed or left. */
static inline struct plm_msg *peer_expect_joined(struct peer *p)
{
    struct plm_msg *msg;
    while ((msg = peer_expect(p, PLM_MSG_roster)) && !msg->roster.n_joined)
        plm_msg_free(msg);
    return msg;
}
static inline struct plm_msg *peer_expect_changed(struct peer *p)
{
    struct plm_msg *msg;
    while ((msg = peer_expect(p, PLM_MSG_roster)) && !msg->roster.n_changed)
        plm_msg_free(msg);
    return msg;
}
static inline struct plm_msg *peer_expect_left(struct peer *p)
{
    struct plm_msg *msg;
    while ((msg = peer_expect(p, PLM_MSG_roster)) && !msg->roster.n_left)
        plm_msg_free(msg);
    return msg;
}

static inline struct plm_msg *peer_join(struct peer *p, const char *room, const char *name)
{
    struct plm_msg msg = {.type = PLM_MSG_join, .join = {.room = room, .name = name}};
    peer_request(p, &msg);
    return peer_expect(p, PLM_MSG_joined);
}

/** Join and throw the reply away. @param id may be NULL */
static inline struct peer *peer_enter(struct world *w, const char *room, const char *name, uint32_t *id)
{
    struct peer *p = peer_create(w);
    struct plm_msg *joined = peer_join(p, room, name);
    if (!joined)
        abort();
    if (id)
        *id = joined->joined.participant;
    plm_msg_free(joined);
    return p;
}

/** Ask to come in with whatever one has: password, token, device. @return the request's id */
static inline uint32_t peer_knock(struct peer *p, const struct plm_msg_join *join)
{
    struct plm_msg msg = {.type = PLM_MSG_join, .join = *join};
    return peer_request(p, &msg);
}

/** The code of the error that answers the last request; -1: it was not refused. */
static inline int peer_error(struct peer *p)
{
    struct plm_msg *msg = peer_expect(p, PLM_MSG_error);
    int code = msg ? (int)msg->error.code : -1;
    plm_msg_free(msg);
    return code;
}

/** Make a request and look only for its answer: -1: it was granted, else the code of the error. What else came stays unread. */
static inline int peer_ask(struct peer *p, struct plm_msg *request)
{
    size_t from = p->n, read = p->read;
    uint32_t id = peer_request(p, request);
    int code = -2;
    p->read = from;
    for (struct plm_msg *msg; (msg = peer_read(p)); plm_msg_free(msg))
        if (msg->has_id && msg->id == id)
            code = msg->type == PLM_MSG_error ? (int)msg->error.code : -1;
    p->read = read;
    return code;
}

/** How many unread messages are of a type. */
static inline unsigned peer_count(struct peer *p, enum plm_msg_type type)
{
    size_t read = p->read;
    unsigned n = 0;
    for (struct plm_msg *msg; (msg = peer_read(p)); plm_msg_free(msg))
        n += msg->type == type;
    p->read = read;
    return n;
}

/* ---- SDP of clients ---- */

/* Take every line that begins so out of a description. */
static inline void sdp_drop(char *sdp, const char *begin)
{
    size_t len = strlen(begin);
    char *line = sdp;
    while (*line) {
        char *end = strchr(line, '\n');
        end = end ? end + 1 : line + strlen(line);
        if (strncmp(line, begin, len) != 0)
            line = end;
        else
            memmove(line, end, strlen(end) + 1);
    }
}

static inline void sdp_replace(char *sdp, const char *from, const char *to)
{
    size_t len = strlen(from); /* of equal length */
    for (char *at = sdp; (at = strstr(at, from));)
        memcpy(at, to, len);
}

static inline struct plm_sdp_local sdp_client(const char *ufrag, int fingerprint)
{
    struct plm_sdp_local local = {.ufrag = ufrag, .pwd = "clientclientclientclient", .session_id = 77};
    local.fingerprint.len = 32;
    memset(local.fingerprint.value, fingerprint, 32);
    return local;
}

static inline struct plm_sdp_policy sdp_policy(struct world *w)
{
    struct plm_sdp_policy policy = {
        .codecs = {PLM_CODEC_OPUS, PLM_CODEC_VP8}, .publish = true, .random_ssrc = world_ssrc, .arg = w};
    if (w->client_codec != PLM_CODEC_NONE)
        policy.codecs[2] = w->client_codec;
    return policy;
}

/**
 * A browser's publish offer: audio "0", video "1", and so on, each pair sendonly; free().
 * @param fingerprint any octet: names the peer connection
 */
static inline char *sdp_publish(struct world *w, const char *ufrag, int fingerprint, unsigned pairs)
{
    struct plm_sdp_local local = sdp_client(ufrag, fingerprint);
    struct plm_sdp_policy policy = sdp_policy(w);
    struct plm_sdp_layout layout = {.pairs = (uint8_t)pairs};
    struct plm_transport_params *params = calloc(1, sizeof *params);
    struct plm_sdp_error err;
    char *text = NULL;
    if (plm_sdp_offer(&local, &layout, &policy, params, &text, &err))
        abort();
    free(params);
    sdp_drop(text, "a=ice-lite");
    return text;
}

/** Publish microphone, camera and so on, as `lines` say. @return as peer_ask */
static inline int peer_publish(
    struct peer *p, const char *ufrag, int fingerprint, struct plm_msg_track_line *lines, size_t n)
{
    char *offer = sdp_publish(p->w, ufrag, fingerprint, (unsigned)(n + 1) / 2);
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = lines, .n_tracks = n}};
    int code = peer_ask(p, &publish);
    free(offer);
    return code;
}

/** A WHEP client's offer: the same m-lines, recvonly. */
static inline char *sdp_watch(struct world *w, const char *ufrag, unsigned pairs)
{
    char *text = sdp_publish(w, ufrag, 0x33, pairs);
    sdp_drop(text, "a=ssrc");
    sdp_drop(text, "a=msid:");
    sdp_replace(text, "a=sendonly", "a=recvonly");
    return text;
}

/** A browser's answer to our offer of slots. */
static inline char *sdp_reply(struct world *w, const char *offer, const char *ufrag, int fingerprint)
{
    struct plm_sdp_local local = sdp_client(ufrag, fingerprint);
    struct plm_sdp_policy policy = sdp_policy(w);
    struct plm_sdp_error err = {0};
    struct plm_sdp *parsed = NULL;
    char *mine = strdup(offer), *text = NULL;
    struct plm_transport_params *params = calloc(1, sizeof *params);
    sdp_drop(mine, "a=ice-lite");
    /* Only two m-lines of a kind can be tracks for plm_sdp_answer; as slots they have no such limit. */
    sdp_replace(mine, "a=sendonly", "a=recvonly");
    policy.publish = false;
    policy.subscribe = true;
    if (plm_sdp_parse(&parsed, mine, strlen(mine), &err) ||
        plm_sdp_answer(parsed, &local, &policy, params, &text, &err)) {
        fprintf(stderr, "client's answer: line %u: %s\n%s\n", err.line, err.text, mine);
        abort();
    }
    plm_sdp_destroy(parsed);
    free(params);
    free(mine);
    sdp_drop(text, "a=ice-lite");
    sdp_drop(text, "a=ssrc");
    sdp_drop(text, "a=msid:");
    sdp_replace(text, "a=sendonly", "a=recvonly");
    return text;
}

/** A description that a program made (tests/corpus/sdp); free(). */
static inline char *sdp_corpus(const char *name)
{
    char path[1024];
    char *text = calloc(1, PLM_SDP_MAX_SIZE + 1);
    snprintf(path, sizeof path, PLM_SOURCE_DIR "/tests/corpus/sdp/%s.sdp", name);
    FILE *f = fopen(path, "rb");
    if (!f || !fread(text, 1, PLM_SDP_MAX_SIZE, f))
        abort();
    fclose(f);
    return text;
}

#endif
