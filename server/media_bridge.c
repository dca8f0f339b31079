#include "media_bridge.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define MAX_CANDIDATES (PLM_MAX_LISTEN * 4)

/* The engine hands credentials out by value; signalling borrows them for the life of the transport. */
struct credentials {
    plm_transport_id id;
    struct plm_transport_local local;
    UT_hash_handle hh;
};

struct plm_media_bridge {
    struct plm_engine *engine;
    struct credentials *transports;
    struct plm_addr candidates[MAX_CANDIDATES];
    struct plm_addr tcp_candidates[MAX_CANDIDATES];
    struct plm_addr tcp_bound[PLM_MEDIA_BRIDGE_TCP], tcp_told[PLM_MEDIA_BRIDGE_TCP];
    size_t n_tcp_bound, n_tcp_told;
    plm_media_bridge_stats_fn *on_stats;
    void *stats_arg;
    plm_media_bridge_capture_fn *is_captured;
    void *capture_arg;
};

static void forget(struct plm_media_bridge *b, plm_transport_id id)
{
    struct credentials *c;
    HASH_FIND(hh, b->transports, &id, sizeof(id), c);
    if (!c)
        return;
    HASH_DEL(b->transports, c);
    free(c);
}

static void fill(struct plm_media_bridge *b, const struct credentials *c, struct plm_sdp_local *out)
{
    out->ufrag = c->local.ufrag;
    out->pwd = c->local.pwd;
    out->fingerprint = *plm_engine_fingerprint(b->engine);
    out->candidates = b->candidates;
    out->n_candidates = plm_engine_candidates(b->engine, b->candidates, MAX_CANDIDATES);
    out->tcp_candidates = b->tcp_candidates;
    out->n_tcp_candidates = plm_engine_tcp_candidates(b->engine, b->tcp_bound, b->n_tcp_bound, b->tcp_told,
        b->n_tcp_told, b->tcp_candidates, MAX_CANDIDATES);
}

static int room_open(void *ctx, const struct plm_room_config *config, plm_room_id *out)
{
    return plm_engine_room_open(((struct plm_media_bridge *)ctx)->engine, config, out);
}

static void room_close(void *ctx, plm_room_id room)
{
    plm_engine_room_close(((struct plm_media_bridge *)ctx)->engine, room);
}

static int transport_open(void *ctx, plm_room_id room, plm_participant_id participant,
    struct plm_sdp_local *local, plm_transport_id *out)
{
    struct plm_media_bridge *b = ctx;
    const struct plm_transport_open open = {.room = room,
        .participant = participant,
        .capture = b->is_captured && b->is_captured(b->capture_arg, room, participant)};
    struct credentials *c = calloc(1, sizeof(*c));
    if (!c)
        return PLM_ENOMEM;

    int rc = plm_engine_transport_open(b->engine, &open, &c->local);
    if (rc) {
        free(c);
        return rc;
    }
    c->id = c->local.id;
    HASH_ADD(hh, b->transports, id, sizeof(c->id), c);
    fill(b, c, local);
    *out = c->id;
    return 0;
}

static int transport_restart(void *ctx, plm_transport_id id, struct plm_sdp_local *local)
{
    struct plm_media_bridge *b = ctx;
    struct plm_transport_local renewed;
    struct credentials *c;

    HASH_FIND(hh, b->transports, &id, sizeof(id), c);
    if (!c)
        return PLM_ENOENT;
    int rc = plm_engine_transport_restart(b->engine, id, &renewed);
    if (rc)
        return rc;
    c->local = renewed;
    fill(b, c, local);
    return 0;
}

static int transport_describe(void *ctx, plm_transport_id id, const struct plm_transport_params *params)
{
    return plm_engine_transport_describe(((struct plm_media_bridge *)ctx)->engine, id, params);
}

static int transport_view(void *ctx, plm_transport_id id, const struct plm_view *view)
{
    return plm_engine_transport_view(((struct plm_media_bridge *)ctx)->engine, id, view);
}

static int transport_pin(void *ctx, plm_transport_id id, const struct plm_pin *pins, size_t n)
{
    return plm_engine_transport_pin(((struct plm_media_bridge *)ctx)->engine, id, pins, n);
}

static int transport_mute(void *ctx, plm_transport_id id, enum plm_source source, bool muted)
{
    return plm_engine_transport_mute(((struct plm_media_bridge *)ctx)->engine, id, source, muted);
}

static int transport_move(void *ctx, plm_transport_id id, plm_room_id room, plm_participant_id participant)
{
    return plm_engine_transport_move(((struct plm_media_bridge *)ctx)->engine, id, room, participant);
}

static void on_stats(void *arg, const struct plm_stats *stats)
{
    struct plm_media_bridge *b = arg;
    for (uint32_t i = 0; i < stats->n_transports && b->on_stats; i++)
        b->on_stats(b->stats_arg, &stats->transports[i]);
}

static int transport_stats(void *ctx, plm_transport_id id)
{
    struct plm_media_bridge *b = ctx;
    return plm_engine_stats(b->engine, PLM_STATS_TRANSPORT, id, on_stats, b);
}

static void transport_close(void *ctx, plm_transport_id id)
{
    struct plm_media_bridge *b = ctx;
    plm_engine_transport_close(b->engine, id);
    forget(b, id);
}

static uint32_t random_ssrc(void *ctx)
{
    return plm_engine_random_ssrc(((struct plm_media_bridge *)ctx)->engine);
}

int plm_media_bridge_create(struct plm_media_bridge **out, struct plm_engine *engine)
{
    struct plm_media_bridge *b = calloc(1, sizeof(*b));
    if (!b)
        return PLM_ENOMEM;
    b->engine = engine;
    *out = b;
    return 0;
}

static size_t copy_addrs(struct plm_addr *out, const struct plm_addr *v, size_t n)
{
    size_t m = n < PLM_MEDIA_BRIDGE_TCP ? n : PLM_MEDIA_BRIDGE_TCP;
    if (m)
        memcpy(out, v, m * sizeof(*v));
    return m;
}

void plm_media_bridge_set_tcp(struct plm_media_bridge *b, const struct plm_addr *bound, size_t n_bound,
    const struct plm_addr *told, size_t n_told)
{
    b->n_tcp_bound = copy_addrs(b->tcp_bound, bound, n_bound);
    b->n_tcp_told = copy_addrs(b->tcp_told, told, n_told);
}

void plm_media_bridge_destroy(struct plm_media_bridge *b)
{
    if (!b)
        return;
    struct credentials *c, *next;
    HASH_ITER (hh, b->transports, c, next) {
        HASH_DEL(b->transports, c);
        free(c);
    }
    free(b);
}

void plm_media_bridge_port(struct plm_media_bridge *b, struct plm_media_port *out)
{
    *out = (struct plm_media_port){.ctx = b,
        .room_open = room_open,
        .room_close = room_close,
        .transport_open = transport_open,
        .transport_restart = transport_restart,
        .transport_describe = transport_describe,
        .transport_view = transport_view,
        .transport_pin = transport_pin,
        .transport_mute = transport_mute,
        .transport_move = transport_move,
        .transport_stats = transport_stats,
        .transport_close = transport_close,
        .random_ssrc = random_ssrc};
}

void plm_media_bridge_on_stats(struct plm_media_bridge *b, plm_media_bridge_stats_fn *fn, void *arg)
{
    b->on_stats = fn;
    b->stats_arg = arg;
}

void plm_media_bridge_set_capture(struct plm_media_bridge *b, plm_media_bridge_capture_fn *fn, void *arg)
{
    b->is_captured = fn;
    b->capture_arg = arg;
}

void plm_media_bridge_on_event(struct plm_media_bridge *b, const struct plm_event *ev)
{
    if (ev->type == PLM_EV_TRANSPORT && ev->transport_state.state == PLM_TRANSPORT_CLOSED)
        forget(b, ev->transport);
}
