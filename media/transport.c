#include "transport.h"

#include "base/planted.h"
#include "base/util.h"
#include "capture.h"
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "worker_core.h"

#include <stdlib.h>
#include <string.h>

#define RTCP_INTERVAL_US 500000
#define FEEDBACK_INTERVAL_US                                                                                 \
    50000 /* transport-cc towards publishers: 100 ms costs browsers reaction, 25 ms costs packets */
#define NACK_DELAY_US 5000
#define ICE_TICK_US   1000000
#define MOVED_US      1000000 /* media comes from another address, and nothing from the one in use */
#define DESERTED_US   8000000 /* RFC 7675 section 5.1: an address in use is checked every 4 to 6 s */

static void on_ice_timer(struct plm_timer *timer, uint64_t now_us);
static void on_dtls_timer(struct plm_timer *timer, uint64_t now_us);

void plm_transport_drop(struct plm_transport *t, enum plm_drop d)
{
    t->drops[d]++;
    plm_count_drop(t->worker, d);
}

static void set_state(struct plm_transport *t, enum plm_transport_state state)
{
    if (t->state == state)
        return;
    t->state = state;
    struct plm_event ev = {
        .type = PLM_EV_TRANSPORT, .room = t->room, .transport = t->id, .participant = t->participant};
    ev.transport_state.state = state;
    ev.transport_state.reason = t->reason;
    ev.transport_state.peer = t->peer;
    ev.transport_state.worker = (uint8_t)t->worker->config.index;
    t->worker->config.io.event(t->worker->config.io.ctx, &ev);
}

void plm_transport_event_slot(struct plm_transport *t, const struct plm_slot *s, uint32_t first_ts)
{
    struct plm_event ev = {
        .type = PLM_EV_SLOT, .room = t->room, .transport = t->id, .participant = t->participant};
    ev.slot.media = s->media;
    ev.slot.state = s->state;
    ev.slot.reason = plm_slot_why(s);
    ev.slot.shows = s->track ? s->track->participant : 0;
    ev.slot.source = s->track ? s->track->source : s->want_source;
    ev.slot.width = s->shown_width;
    ev.slot.height = s->shown_height;
    ev.slot.first_ts = first_ts;
    t->worker->config.io.event(t->worker->config.io.ctx, &ev);
}

/* ---- security ---- */

static void sec_send(void *arg, const uint8_t *data, size_t len)
{
    struct plm_transport *t = arg;
    plm_egress_raw(t->worker, &t->peer, t->sock, data, len);
}

static void on_established(struct plm_transport *t)
{
    struct plm_worker *w = t->worker;
    t->key = w->config.security->seal_key(t->sec);
    t->seal_overhead = (uint8_t)w->config.security->seal_overhead(t->key);
    plm_count(w, PLM_CNT_HANDSHAKES);
    plm_gauge_add(w, PLM_GAUGE_HANDSHAKES, -1);
    plm_gauge_add(w, PLM_GAUGE_TRANSPORTS_CONNECTED, 1);
    set_state(t, PLM_TRANSPORT_CONNECTED);
    plm_timer_start_coarse(
        &w->wheel, &t->rtcp_timer, w->now_us + RTCP_INTERVAL_US, plm_transport_on_rtcp_timer);
    plm_transport_allocate(t);
    if (t->shard)
        plm_shard_set_dirty(t->shard);
}

static void sec_event(void *arg, enum plm_sec_event ev)
{
    struct plm_transport *t = arg;
    switch (ev) {
    case PLM_SEC_ESTABLISHED:
        on_established(t);
        break;
    case PLM_SEC_FAILED:
        plm_count(t->worker, PLM_CNT_HANDSHAKE_FAILURES);
        plm_transport_close(t, PLM_CLOSE_DTLS);
        break;
    case PLM_SEC_BAD_FINGERPRINT:
        plm_count(t->worker, PLM_CNT_HANDSHAKE_FAILURES);
        plm_transport_close(t, PLM_CLOSE_FINGERPRINT);
        break;
    case PLM_SEC_CLOSED:
        plm_transport_close(t, PLM_CLOSE_PEER);
        break;
    }
}

static void schedule_dtls(struct plm_transport *t)
{
    struct plm_worker *w = t->worker;
    uint64_t next = w->config.security->poll(t->sec, w->now_us);
    if (t->closing)
        return;
    if (next == UINT64_MAX)
        plm_timer_stop(&w->wheel, &t->dtls_timer);
    else
        plm_timer_start(&w->wheel, &t->dtls_timer, next, on_dtls_timer);
}

static void on_dtls_timer(struct plm_timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, dtls_timer);
    if (t->sec)
        schedule_dtls(t);
}

/* The handshake may begin: the address is validated and the peer's fingerprint is known. */
static void begin_security(struct plm_transport *t)
{
    struct plm_worker *w = t->worker;
    if (t->sec || !t->params || t->params->fingerprint.len == 0 || t->peer.sa.sa_family == 0 || t->closing)
        return;
    struct plm_sec_config config = {
        .setup = t->params->setup,
        .fingerprint = t->params->fingerprint,
        .cb = {.send = sec_send, .event = sec_event},
        .arg = t,
    };
    if (w->config.security->session_create(w->config.security_ctx, &config, &t->sec, w->now_us) != 0) {
        plm_transport_close(t, PLM_CLOSE_RESOURCES);
        return;
    }
    plm_gauge_add(w, PLM_GAUGE_HANDSHAKES, 1);
    set_state(t, PLM_TRANSPORT_DTLS);
    if (config.setup == PLM_SETUP_ACTIVE) {
        w->config.security->start(t->sec, w->now_us);
        schedule_dtls(t);
    }
}

void plm_transport_on_dtls(struct plm_transport *t, const uint8_t *data, size_t len)
{
    struct plm_worker *w = t->worker;
    begin_security(t);
    if (!t->sec || t->closing) {
        plm_transport_drop(t, PLM_DROP_DTLS_UNEXPECTED);
        return;
    }
    if (w->config.security->on_datagram(t->sec, data, len, w->now_us) != 0)
        plm_transport_drop(t, PLM_DROP_DTLS_INVALID);
    if (!t->closing)
        schedule_dtls(t);
}

/* ---- addresses ---- */

/** Of an address that is the far end of a connection: what becomes of the connection. */
static void order_stream(
    struct plm_transport *t, uint8_t sock, const struct plm_addr *a, enum plm_stream_order order)
{
    const struct plm_worker_io *io = &t->worker->config.io;
    if (sock == PLM_SOCK_STREAM && io->stream)
        io->stream(io->ctx, a, order, t->worker->config.index);
}

static void forget_tuple(struct plm_transport *t, unsigned i)
{
    struct plm_tuple *tuple = plm_tuple_map_find(&t->worker->tuples, t->tuples[i].sock, &t->tuples[i].addr);
    if (tuple && tuple->transport == t) {
        plm_tuple_map_remove(&t->worker->tuples, t->tuples[i].sock, &t->tuples[i].addr);
        plm_gauge_add(t->worker, PLM_GAUGE_TUPLES, -1);
        order_stream(t, t->tuples[i].sock, &t->tuples[i].addr, PLM_STREAM_CLOSE);
    }
    t->tuples[i] = t->tuples[--t->n_tuples];
}

static int find_tuple(const struct plm_transport *t, uint8_t sock, const struct plm_addr *a)
{
    for (int i = 0; i < t->n_tuples; i++) {
        if (t->tuples[i].sock == sock && plm_addr_equal(&t->tuples[i].addr, a))
            return i;
    }
    return -1;
}

/* When something authentic came from one of its addresses. */
static uint64_t heard_from(const struct plm_transport *t, int i)
{
    const struct plm_tuple *tuple =
        plm_tuple_map_find(&t->worker->tuples, t->tuples[i].sock, &t->tuples[i].addr);
    return tuple && tuple->transport == t ? tuple->heard_us : 0;
}

/* Make room: the address that is silent the longest goes, never the one in use. */
static void evict_tuple(struct plm_transport *t)
{
    int oldest = -1;
    for (int i = 0; i < t->n_tuples; i++) {
        bool in_use = t->tuples[i].sock == t->sock && plm_addr_equal(&t->tuples[i].addr, &t->peer);
        if (!in_use && (oldest < 0 || heard_from(t, i) < heard_from(t, oldest)))
            oldest = i;
    }
    forget_tuple(t, (unsigned)oldest);
}

static int add_tuple(struct plm_transport *t, uint8_t sock, const struct plm_addr *a)
{
    struct plm_worker *w = t->worker;
    if (t->n_tuples == PLM_MAX_TUPLES)
        evict_tuple(t);
    struct plm_tuple *tuple = plm_tuple_map_set(&w->tuples, sock, a);
    if (!tuple)
        return -1;
    if (!tuple->transport) {
        if (tuple->heard_us) /* was a stray's */
            plm_gauge_add(w, PLM_GAUGE_STRAY_TUPLES, -1);
        plm_gauge_add(w, PLM_GAUGE_TUPLES, 1);
    } else { /* belongs to whoever authenticated on it last */
        int i = find_tuple(tuple->transport, sock, a);
        if (i >= 0)
            tuple->transport->tuples[i] = tuple->transport->tuples[--tuple->transport->n_tuples];
    }
    tuple->transport = t;
    order_stream(t, sock, a, PLM_STREAM_KEEP);
    t->tuples[t->n_tuples].addr = *a;
    t->tuples[t->n_tuples].sock = sock;
    return t->n_tuples++;
}

static bool is_in_use(const struct plm_transport *t, uint8_t sock, const struct plm_addr *a)
{
    return sock == t->sock && plm_addr_equal(a, &t->peer);
}

void plm_transport_set_backlog(struct plm_transport *t, uint8_t sock, const struct plm_addr *addr, bool on)
{
    if (t->backlogged == on || !is_in_use(t, sock, addr))
        return;
    t->backlogged = on;
    plm_transport_allocate(t);
}

void plm_transport_forget_address(struct plm_transport *t, uint8_t sock, const struct plm_addr *addr)
{
    int i = find_tuple(t, sock, addr);
    plm_transport_set_backlog(t, sock, addr, false);
    if (i >= 0)
        forget_tuple(t, (unsigned)i);
}

/*
 * A NAT may give a peer another address behind its back. The peer then goes on checking what it nominated long ago, without the flag (RFC
 * 7675 has no use for it), and our answers tell it that all is well: without this it would see nothing for ever. Packets count like checks:
 * some stacks send none while media flows, and a check of another path must not take them from theirs.
 */
static bool is_silent_for(const struct plm_transport *t, uint64_t us)
{
    int i = find_tuple(t, t->sock, &t->peer);
    return i < 0 || t->worker->now_us - heard_from(t, i) > us;
}

static void use_address(struct plm_transport *t, uint8_t sock, const struct plm_addr *a)
{
    if (!is_in_use(t, sock, a))
        plm_transport_set_backlog(t, t->sock, &t->peer, false);
    t->peer = *a;
    t->sock = sock;
}

void plm_transport_on_media_from(struct plm_transport *t, uint8_t sock, const struct plm_addr *from)
{
    if (!t->closing && !is_in_use(t, sock, from) && is_silent_for(t, MOVED_US))
        use_address(t, sock, from);
}

bool plm_transport_is_fresh_check(
    struct plm_transport *t, uint8_t sock, const struct plm_addr *from, const uint8_t *request)
{
    if (find_tuple(t, sock, from) < 0 && plm_check_log_has(&t->checks, request)) {
        plm_transport_drop(t, PLM_DROP_STUN_REPLAY);
        return false;
    }
    plm_check_log_note(&t->checks, request);
    return true;
}

void plm_transport_on_check(
    struct plm_transport *t, uint8_t sock, const struct plm_addr *from, bool nominated)
{
    struct plm_worker *w = t->worker;
    struct plm_tuple *tuple = plm_tuple_map_find(&w->tuples, sock, from);
    int i = tuple && tuple->transport == t ? find_tuple(t, sock, from) : add_tuple(t, sock, from);
    if (i < 0)
        return;
    tuple = plm_tuple_map_find(&w->tuples, sock, from);
    t->heard_us = tuple->heard_us = w->now_us;
    bool first = t->peer.sa.sa_family == 0;
    if (first || nominated || is_silent_for(t, DESERTED_US))
        use_address(t, sock, from);
    if (t->state == PLM_TRANSPORT_NEW)
        set_state(t, PLM_TRANSPORT_ICE);
    if (first && t->params && t->params->setup == PLM_SETUP_ACTIVE)
        begin_security(t);
}

static void on_ice_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, ice_timer);
    const struct plm_worker_config *c = &t->worker->config;
    if (t->state != PLM_TRANSPORT_CONNECTED &&
        now_us - t->opened_us > (uint64_t)c->connect_timeout_ms * 1000) {
        plm_transport_close(t, PLM_CLOSE_NEVER);
        return;
    }
    /* RFC 7675 section 5.1: consent expires after 30 s. A lite agent cannot ask, and some stacks send no checks while media flows, or
       only indications: media that authenticates, from an address that was checked, says the same. */
    if (t->heard_us && now_us - t->heard_us > (uint64_t)c->consent_timeout_ms * 1000) {
        plm_transport_close(t, PLM_CLOSE_CONSENT);
        return;
    }
    plm_timer_start_coarse(&t->worker->wheel, timer, now_us + ICE_TICK_US, on_ice_timer);
}

/* ---- life ---- */

struct plm_transport *plm_transport_create(struct plm_worker *w, struct plm_transport_plan *plan)
{
    struct plm_transport *t = calloc(1, sizeof *t);
    struct plm_shard *shard = t ? plm_shard_get(w, plan->room, &plan->room_config) : NULL;
    if (!shard || plm_u32_map_set(&w->transports, plan->id, t) != 0) {
        if (shard && shard->n_transports == 0)
            plm_shard_destroy(shard);
        free(t);
        plm_transport_plan_free(plan);
        return NULL;
    }
    t->worker = w;
    t->id = plan->id;
    t->room = plan->room;
    t->participant = plan->participant;
    t->opened_us = plan->opened_us;
    t->muted = plan->muted;
    t->rtcp_ssrc = plm_worker_random32(w) | 1;
    plm_gauge_add(w, PLM_GAUGE_TRANSPORTS, 1);
    plm_shard_attach(shard, t);
    plm_timer_start_coarse(&w->wheel, &t->ice_timer, w->now_us + ICE_TICK_US, on_ice_timer);
    if (plan->capture)
        plm_capture_begin(t);
    if (plan->view)
        t->view = *plan->view;
    if (plan->params) {
        struct plm_transport_params *params = plan->params;
        plan->params = NULL;
        if (plm_transport_describe(t, params) == 0 && plan->n_pins > 0)
            plm_transport_set_pins(t, plan->pins, plan->n_pins);
    }
    plm_transport_plan_free(plan);
    return t;
}

static void end_tracks_and_slots(struct plm_transport *t)
{
    for (unsigned i = 0; t->tracks && i < PLM_MAX_MEDIA; i++) {
        if (!t->tracks[i])
            continue;
        if (t->tracks[i]->shard)
            plm_shard_remove_track(t->shard, t->tracks[i]);
        plm_track_destroy(t->tracks[i]);
        t->tracks[i] = NULL;
    }
    for (unsigned i = 0; i < t->n_slots; i++)
        plm_slot_release(&t->slots[i]);
    plm_gauge_add(t->worker, PLM_GAUGE_SLOTS, -(int)t->n_slots);
    t->n_slots = 0;
}

void plm_transport_close(struct plm_transport *t, enum plm_close_reason reason)
{
    struct plm_worker *w = t->worker;
    if (t->closing)
        return;
    t->closing = true;
    t->reason = reason;
    if (t->state == PLM_TRANSPORT_CONNECTED)
        plm_gauge_add(w, PLM_GAUGE_TRANSPORTS_CONNECTED, -1);
    else if (t->sec)
        plm_gauge_add(w, PLM_GAUGE_HANDSHAKES, -1);
    if (t->sec && (reason == PLM_CLOSE_LOCAL || reason == PLM_CLOSE_ROOM))
        w->config.security->close(t->sec);
    plm_pacer_forget(w, t);
    plm_egress_forget(w, t);
    end_tracks_and_slots(t);
    t->key = NULL;
    while (t->n_tuples > 0)
        forget_tuple(t, 0);
    struct plm_timer *timers[] = {&t->ice_timer, &t->dtls_timer, &t->rtcp_timer, &t->feedback_timer,
        &t->nack_timer, &t->probe_timer, &t->hold_timer, &t->replay_timer};
    for (unsigned i = 0; i < PLM_COUNT_OF(timers); i++)
        plm_timer_stop(&w->wheel, timers[i]);
    plm_u32_map_remove(&w->transports, t->id);
    set_state(t, PLM_TRANSPORT_CLOSED);
    if (t->shard)
        plm_shard_detach(t->shard, t);
    t->next_closing = w->closing;
    w->closing = t;
}

void plm_transport_free(struct plm_transport *t)
{
    struct plm_worker *w = t->worker;
    if (t->sec)
        w->config.security->session_destroy(t->sec);
    plm_gauge_add(w, PLM_GAUGE_TRANSPORTS, -1);
    plm_capture_end(t);
    plm_bwe_destroy(t->bwe);
    free(t->twcc_rx);
    free(t->bindings);
    free(t->tracks);
    free(t->slots);
    free(t->params);
    w->config.io.gone(w->config.io.ctx, t->id);
    free(t);
}

/* ---- description ---- */

/* A room that is full of tracks does without this one; the connection and its other tracks go on. */
static int add_track(struct plm_transport *t, uint16_t media)
{
    struct plm_track *tr = plm_track_create(t->worker, t, media);
    if (!tr)
        return PLM_ENOMEM;
    tr->muted = t->muted >> tr->source & 1;
    int err = plm_shard_add_track(t->shard, tr);
    if (err == 0) {
        t->tracks[media] = tr;
        return 0;
    }
    plm_track_destroy(tr);
    if (err != PLM_ELIMIT)
        return err;
    plm_transport_drop(t, PLM_DROP_TRACK_LIMIT);
    return 0;
}

static void init_slot(struct plm_transport *t, struct plm_slot *s, uint16_t media)
{
    const struct plm_media_params *m = &t->params->media[media];
    memset(s, 0, sizeof *s);
    s->transport = t;
    s->media = media;
    s->kind = m->kind;
    s->pair = m->pair;
    s->screen = m->screen;
    s->ssrc = m->ssrc;
    s->rtx_ssrc = m->rtx_ssrc;
    plm_layer_select_init(&s->layers);
    s->wish = PLM_LAYER_NONE;
    plm_gauge_add(t->worker, PLM_GAUGE_SLOTS, 1);
}

/* Slots that are there keep their place in life; their addresses change, so tracks' lists are told. */
static int grow_slots(struct plm_transport *t)
{
    unsigned wanted = 0;
    for (unsigned i = 0; i < t->params->n_media; i++)
        wanted += t->params->media[i].direction == PLM_DIR_SEND;
    if (wanted <= t->n_slots)
        return 0;
    plm_egress_flush(t->worker); /* queued items point to slots */
    struct plm_slot *slots = calloc(wanted, sizeof *slots);
    if (!slots)
        return PLM_ENOMEM;
    for (unsigned i = 0; i < t->n_slots; i++) {
        slots[i] = t->slots[i];
        plm_slot_moved(&slots[i]);
    }
    free(t->slots);
    t->slots = slots;
    for (uint16_t i = 0; i < t->params->n_media && t->n_slots < wanted; i++) {
        bool known = t->params->media[i].direction != PLM_DIR_SEND;
        for (unsigned k = 0; k < t->n_slots && !known; k++)
            known = t->slots[k].media == i;
        if (!known)
            init_slot(t, &t->slots[t->n_slots++], i);
    }
    return 0;
}

/* A further description: tracks whose m-line ended go, changed sources move, new ones come. */
static int update_tracks(struct plm_transport *t)
{
    for (uint16_t i = 0; i < PLM_MAX_MEDIA; i++) {
        const struct plm_media_params *m = &t->params->media[i];
        struct plm_track *tr = t->tracks[i];
        bool wanted = i < t->params->n_media && m->direction == PLM_DIR_RECV && m->n_codecs > 0;
        if (tr && (!wanted || tr->source != m->source)) {
            plm_shard_remove_track(t->shard, tr);
            for (uint16_t b = t->n_bindings; b-- > 0;) {
                if (t->bindings[b].track == tr)
                    t->bindings[b] = t->bindings[--t->n_bindings];
            }
            plm_track_destroy(tr);
            t->tracks[i] = NULL;
        }
        if (wanted && !t->tracks[i]) {
            int err = add_track(t, i);
            if (err != 0)
                return err;
        }
    }
    return 0;
}

static int prepare_receiving(struct plm_transport *t)
{
    if (!t->tracks)
        t->tracks = calloc(PLM_MAX_MEDIA, sizeof(struct plm_track *));
    if (!t->bindings)
        t->bindings = calloc(t->worker->config.limits.ssrcs_per_transport, sizeof *t->bindings);
    if (!t->twcc_rx && t->params->exts.id[PLM_EXT_TWCC]) {
        t->twcc_rx = malloc(sizeof *t->twcc_rx);
        if (t->twcc_rx)
            plm_twcc_rx_init(t->twcc_rx);
    }
    return t->tracks && t->bindings ? 0 : PLM_ENOMEM;
}

/* M-lines never go (RFC 8829 section 5.2.2), and slots name theirs by its index: what a description lacks is inactive. */
static struct plm_transport_params *with_former_media(
    const struct plm_transport *t, struct plm_transport_params *params)
{
    if (!t->params || params->n_media >= t->params->n_media)
        return params;
    struct plm_transport_params *whole = malloc(sizeof *whole);
    if (!whole)
        return NULL;
    plm_transport_params_copy(whole, params);
    free(params);
    whole->n_media = t->params->n_media;
    return plm_transport_params_trim(whole);
}

static int make_estimator(struct plm_transport *t)
{
    t->bwe = plm_bwe_create();
    if (!t->bwe)
        return PLM_ENOMEM;
    plm_capture_estimator(t);
    return 0;
}

int plm_transport_describe(struct plm_transport *t, struct plm_transport_params *described)
{
    bool tracks = false, slots = false;
    struct plm_transport_params *params = with_former_media(t, described);
    if (!params) {
        free(described);
        return PLM_ENOMEM;
    }
    for (unsigned i = 0; i < params->n_media; i++) {
        tracks |= params->media[i].direction == PLM_DIR_RECV;
        slots |= params->media[i].direction == PLM_DIR_SEND;
    }
    free(t->params);
    t->params = params;
    t->ext_ids = params->exts;
    plm_ext_map_init(&t->exts, &params->exts);
    int err = tracks || t->tracks ? prepare_receiving(t) : 0;
    if (err == 0 && t->tracks)
        err = update_tracks(t);
    if (err == 0 && slots && !t->bwe)
        err = make_estimator(t);
    if (err == 0)
        err = grow_slots(t);
    for (unsigned i = 0; i < t->n_slots; i++)
        plm_slot_bind_codecs(&t->slots[i]);
    if (t->shard)
        plm_shard_set_dirty(t->shard);
    begin_security(t);
    return err;
}

void plm_transport_set_view(struct plm_transport *t, const struct plm_view *view)
{
    t->view = *view;
    if (t->shard)
        plm_shard_set_dirty(t->shard);
}

void plm_transport_set_pins(struct plm_transport *t, const struct plm_pin *pins, size_t n)
{
    for (unsigned i = 0; i < t->n_slots; i++)
        t->slots[i].pinned = false;
    for (size_t k = 0; k < n; k++) {
        for (unsigned i = 0; i < t->n_slots; i++) {
            struct plm_slot *s = &t->slots[i];
            if (s->media != pins[k].media || plm_source_kind(pins[k].source) != s->kind)
                continue;
            s->pinned = true;
            s->pin = pins[k].participant;
            s->pin_source = pins[k].source;
        }
    }
    if (t->shard)
        plm_shard_set_dirty(t->shard);
}

void plm_transport_set_muted(struct plm_transport *t, enum plm_source source, bool muted)
{
    t->muted = (uint8_t)((t->muted & ~(1u << source)) | (unsigned)muted << source);
    for (unsigned i = 0; t->tracks && i < PLM_MAX_MEDIA; i++) {
        if (t->tracks[i] && t->tracks[i]->source == source)
            plm_track_set_muted(t->tracks[i], muted);
    }
}

void plm_transport_move(struct plm_transport *t, plm_room_id room, plm_participant_id participant,
    const struct plm_room_config *config)
{
    struct plm_shard *to = plm_shard_get(t->worker, room, config);
    if (!to || to == t->shard)
        return;
    for (unsigned i = 0; t->tracks && i < PLM_MAX_MEDIA; i++) {
        if (t->tracks[i])
            plm_shard_remove_track(t->shard, t->tracks[i]);
    }
    for (unsigned i = 0; i < t->n_slots; i++)
        plm_slot_show(&t->slots[i], NULL);
    plm_shard_detach(t->shard, t);
    t->room = room;
    t->participant = participant;
    plm_shard_attach(to, t);
    for (unsigned i = 0; t->tracks && i < PLM_MAX_MEDIA; i++) {
        if (!t->tracks[i])
            continue;
        t->tracks[i]->participant = participant;
        if (plm_shard_add_track(to, t->tracks[i]) != 0)
            plm_transport_drop(t, PLM_DROP_TRACK_LIMIT);
    }
}

/* ---- RTP from the peer ---- */

static struct plm_ssrc_binding *find_binding(struct plm_transport *t, uint32_t ssrc)
{
    if (t->last_binding < t->n_bindings && t->bindings[t->last_binding].ssrc == ssrc)
        return &t->bindings[t->last_binding];
    for (uint16_t i = 0; i < t->n_bindings; i++) {
        if (t->bindings[i].ssrc == ssrc) {
            t->last_binding = i;
            return &t->bindings[i];
        }
    }
    return NULL;
}

static bool has_token(const uint8_t *val, uint8_t len, const char *token)
{
    return val && len == strlen(token) && memcmp(val, token, len) == 0;
}

static bool knows_pt(const struct plm_media_params *m, uint8_t pt, bool *rtx)
{
    for (unsigned i = 0; i < m->n_codecs; i++) {
        if (m->codecs[i].pt == pt || m->codecs[i].rtx_pt == pt) {
            *rtx = m->codecs[i].rtx_pt == pt;
            return true;
        }
    }
    return false;
}

/* Which m-line a packet of an unknown SSRC belongs to: MID, else announced SSRC, else the only one with this payload type (RFC 8843 section 9.2). */
static int find_media(
    const struct plm_transport *t, const struct plm_rtp_view *v, const struct plm_rtp_exts *x)
{
    int by_pt = -1;
    bool rtx;
    for (int i = 0; i < t->params->n_media; i++) {
        const struct plm_media_params *m = &t->params->media[i];
        if (!t->tracks[i])
            continue;
        if (x->val[PLM_EXT_MID]) {
            if (has_token(x->val[PLM_EXT_MID], x->len[PLM_EXT_MID], m->mid))
                return i;
            continue;
        }
        if (m->recv_ssrc == v->ssrc || (m->recv_rtx_ssrc != 0 && m->recv_rtx_ssrc == v->ssrc))
            return i;
        if (m->recv_ssrc == 0 && knows_pt(m, v->pt, &rtx))
            by_pt = by_pt == -1 ? i : -2;
    }
    return by_pt;
}

static int find_encoding(const struct plm_media_params *m, const struct plm_rtp_exts *x, bool rtx)
{
    if (m->n_rids == 0)
        return 0;
    enum plm_ext ext = rtx ? PLM_EXT_REPAIRED_RID : PLM_EXT_RID;
    for (int i = 0; i < m->n_rids; i++) {
        if (has_token(x->val[ext], x->len[ext], m->rids[i]))
            return i;
    }
    return -1;
}

/* @return the binding, or NULL and the reason */
static struct plm_ssrc_binding *bind_ssrc(
    struct plm_transport *t, const struct plm_rtp_view *v, const struct plm_rtp_exts *x, enum plm_drop *why)
{
    *why = PLM_DROP_RTP_UNKNOWN_SSRC;
    int media = find_media(t, v, x);
    if (media < 0)
        return NULL;
    const struct plm_media_params *m = &t->params->media[media];
    bool rtx = false;
    if (!knows_pt(m, v->pt, &rtx)) {
        *why = PLM_DROP_RTP_UNKNOWN_PT;
        return NULL;
    }
    int e = find_encoding(m, x, rtx);
    if (e < 0)
        return NULL;
    struct plm_track *tr = t->tracks[media];
    struct plm_encoding *enc = &tr->encodings[e];
    uint32_t *known = rtx ? &enc->rtx_ssrc : &enc->ssrc;
    if (*known != 0) {
        /* The sender changed its SSRC (RFC 3550 section 8.2): its statistics and ring begin anew. */
        for (uint16_t i = 0; i < t->n_bindings; i++) {
            if (t->bindings[i].ssrc == *known && t->bindings[i].track == tr)
                t->bindings[i] = t->bindings[--t->n_bindings];
        }
        if (!rtx)
            plm_track_restart_encoding(tr, (uint8_t)e);
        *known = 0;
    }
    if (t->n_bindings >= t->worker->config.limits.ssrcs_per_transport) {
        *why = PLM_DROP_RTP_SSRC_LIMIT;
        return NULL;
    }
    if (!rtx && plm_track_open_encoding(tr, (uint8_t)e) != 0) {
        *why = PLM_DROP_NO_BUFFER;
        return NULL;
    }
    *known = v->ssrc;
    t->bindings[t->n_bindings] =
        (struct plm_ssrc_binding){.ssrc = v->ssrc, .track = tr, .encoding = (uint8_t)e, .rtx = rtx};
    t->last_binding = t->n_bindings;
    return &t->bindings[t->n_bindings++];
}

/* Undo RFC 4588: the original sequence number stands before the original payload. @return false: malformed or padding */
static bool unwrap_rtx(
    struct plm_transport *t, struct plm_pkt *pkt, struct plm_rtp_view *v, const struct plm_ssrc_binding *b)
{
    struct plm_encoding *enc = &b->track->encodings[b->encoding];
    plm_count(t->worker, PLM_CNT_RX_RTX);
    if (!PLM_FITS(rtx, v->payload_len >= 2) || enc->ssrc == 0) {
        plm_transport_drop(t, v->payload_len == 0 ? PLM_DROP_RTP_PADDING_ONLY : PLM_DROP_RTX_MALFORMED);
        return false;
    }
    unsigned codec = PLM_MAX_CODECS;
    for (unsigned i = 0; i < b->track->n_codecs; i++) {
        if (b->track->codecs[i].rtx_pt == v->pt)
            codec = i;
    }
    if (codec == PLM_MAX_CODECS) {
        plm_transport_drop(t, PLM_DROP_RTP_UNKNOWN_PT);
        return false;
    }
    size_t off = (size_t)(v->payload - v->data);
    uint8_t *d = pkt->data;
    d[1] = (uint8_t)((d[1] & 0x80) | b->track->codecs[codec].pt);
    d[2] = d[off];
    d[3] = d[off + 1];
    for (int i = 0; i < 4; i++)
        d[8 + i] = (uint8_t)(enc->ssrc >> (24 - 8 * i));
    memmove(d + off, d + off + 2, pkt->len - off - 2);
    pkt->len = (uint16_t)(pkt->len - 2);
    pkt->recovered = true;
    enc->stats.recovered++;
    return plm_rtp_parse(v, d, pkt->len) == 0;
}

static void on_rtp_packet(struct plm_transport *t, struct plm_pkt *pkt)
{
    struct plm_worker *w = t->worker;
    struct plm_rtp_view v;
    struct plm_rtp_exts x;
    if (plm_rtp_parse(&v, pkt->data, pkt->len) != 0 || plm_rtp_exts_parse(&x, &v, &t->exts) != 0) {
        plm_transport_drop(t, PLM_DROP_RTP_MALFORMED);
        return;
    }
    if (t->twcc_rx && x.val[PLM_EXT_TWCC] && x.len[PLM_EXT_TWCC] == 2) {
        plm_twcc_rx_on_packet(
            t->twcc_rx, (uint16_t)(x.val[PLM_EXT_TWCC][0] << 8 | x.val[PLM_EXT_TWCC][1]), w->came_us);
        if (!plm_timer_active(&t->feedback_timer))
            plm_timer_start(&w->wheel, &t->feedback_timer, w->now_us + FEEDBACK_INTERVAL_US,
                plm_transport_on_feedback_timer);
    }
    enum plm_drop why;
    struct plm_ssrc_binding *b = find_binding(t, v.ssrc);
    if (!b && !(b = bind_ssrc(t, &v, &x, &why))) {
        plm_transport_drop(t, why);
        return;
    }
    pkt->recovered = false;
    if (b->rtx && !unwrap_rtx(t, pkt, &v, b))
        return;
    if (b->rtx && plm_rtp_exts_parse(&x, &v, &t->exts) != 0)
        return;
    struct plm_track *tr = b->track;
    for (uint8_t i = 0; i < tr->n_codecs; i++) {
        if (tr->codecs[i].pt == v.pt) {
            pkt->codec_index = i;
            plm_track_on_rtp(tr, b->encoding, pkt, &v, &x);
            return;
        }
    }
    plm_transport_drop(t, PLM_DROP_RTP_UNKNOWN_PT);
}

void plm_transport_drop_sealed(struct plm_transport *t, int err, bool rtcp)
{
    switch (err) {
    case PLM_EREPLAY:
        plm_transport_drop(t, PLM_DROP_SRTP_REPLAY);
        break;
    case PLM_ELIMIT:
        plm_transport_drop(t, PLM_DROP_RTP_SSRC_LIMIT);
        break;
    case PLM_EINVAL:
        plm_transport_drop(t, rtcp ? PLM_DROP_RTCP_MALFORMED : PLM_DROP_RTP_MALFORMED);
        break;
    default:
        plm_transport_drop(t, rtcp ? PLM_DROP_RTCP_AUTH : PLM_DROP_SRTP_AUTH);
        break;
    }
}

bool plm_transport_on_rtp(struct plm_transport *t, const uint8_t *data, size_t len)
{
    struct plm_worker *w = t->worker;
    if (!t->key || !t->tracks) {
        plm_transport_drop(t, PLM_DROP_NO_KEYS);
        return false;
    }
    if (len > PLM_PKT_SIZE) {
        plm_transport_drop(t, PLM_DROP_TOO_LARGE);
        return false;
    }
    struct plm_pkt *pkt = plm_pkt_get(w->pool);
    if (!pkt) {
        plm_transport_drop(t, PLM_DROP_NO_BUFFER);
        return false;
    }
    memcpy(pkt->data, data, len);
    size_t plain = len;
    int err = w->config.security->open_rtp(t->sec, pkt->data, &plain);
    if (err != 0) {
        plm_transport_drop_sealed(t, err, false);
    } else {
        pkt->len = (uint16_t)plain;
        if (t->capture)
            plm_capture_rtp(t, false, pkt->data, plain, plain);
        t->heard_us = w->now_us;
        t->rx_packets++;
        t->rx_bytes += len;
        plm_count(w, PLM_CNT_RX_RTP);
        on_rtp_packet(t, pkt);
    }
    plm_pkt_put(w->pool, pkt);
    return err == 0;
}

void plm_transport_wake_nack(struct plm_transport *t, uint64_t at_us)
{
    uint64_t due = at_us + NACK_DELAY_US;
    /* What was asked for before may be due much later, when its answer waits before a full line. */
    if (!plm_timer_active(&t->nack_timer) || t->nack_timer.due_us > due)
        plm_timer_start(&t->worker->wheel, &t->nack_timer, due, plm_transport_on_nack_timer);
}

void plm_transport_wake_reports(struct plm_transport *t)
{
    struct plm_worker *w = t->worker;
    /* Within 50 ms of a switch; a little wait lets the other kind of the pair switch too. */
    uint64_t soon = w->now_us + 20000;
    if (t->state == PLM_TRANSPORT_CONNECTED &&
        (!plm_timer_active(&t->rtcp_timer) || t->rtcp_timer.due_us > soon))
        plm_timer_start(&w->wheel, &t->rtcp_timer, soon, plm_transport_on_rtcp_timer);
}

struct plm_slot *plm_transport_find_slot(const struct plm_transport *t, uint32_t ssrc)
{
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (t->slots[i].ssrc == ssrc)
            return &t->slots[i];
    }
    return NULL;
}
