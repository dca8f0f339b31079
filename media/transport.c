#include "transport.h"

#include "base/util.h"
#include "capture.h"
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "worker_core.h"

#include <stdlib.h>

#define ICE_TICK_US 1000000

static void on_ice_timer(struct plm_timer *timer, uint64_t now_us);
static void on_dtls_timer(struct plm_timer *timer, uint64_t now_us);

void plm_transport_drop(struct plm_transport *t, enum plm_drop d)
{
    t->drops[d]++;
    plm_count_drop(t->worker, d);
}

void plm_transport_set_state(struct plm_transport *t, enum plm_transport_state state)
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
    plm_transport_set_state(t, PLM_TRANSPORT_CONNECTED);
    plm_transport_start_reports(t);
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

void plm_transport_begin_security(struct plm_transport *t)
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
    plm_transport_set_state(t, PLM_TRANSPORT_DTLS);
    if (config.setup == PLM_SETUP_ACTIVE) {
        w->config.security->start(t->sec, w->now_us);
        schedule_dtls(t);
    }
}

void plm_transport_on_dtls(struct plm_transport *t, const uint8_t *data, size_t len)
{
    struct plm_worker *w = t->worker;
    plm_transport_begin_security(t);
    if (!t->sec || t->closing) {
        plm_transport_drop(t, PLM_DROP_DTLS_UNEXPECTED);
        return;
    }
    if (w->config.security->on_datagram(t->sec, data, len, w->now_us) != 0)
        plm_transport_drop(t, PLM_DROP_DTLS_INVALID);
    if (!t->closing)
        schedule_dtls(t);
}

/* ---- life ---- */

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
    t->view = plan->view;
    plan->view = NULL;
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
    plm_transport_forget_addresses(t);
    struct plm_timer *timers[] = {&t->ice_timer, &t->dtls_timer, &t->rtcp_timer, &t->feedback_timer,
        &t->nack_timer, &t->probe_timer, &t->hold_timer, &t->replay_timer, &t->again.timer};
    for (unsigned i = 0; i < PLM_COUNT_OF(timers); i++)
        plm_timer_stop(&w->wheel, timers[i]);
    plm_u32_map_remove(&w->transports, t->id);
    plm_transport_set_state(t, PLM_TRANSPORT_CLOSED);
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
    free(t->view);
    free(t->params);
    w->config.io.gone(w->config.io.ctx, t->id);
    free(t);
}

/* ---- wishes ---- */

void plm_transport_set_view(struct plm_transport *t, struct plm_view *view)
{
    free(t->view);
    t->view = view;
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

struct plm_slot *plm_transport_find_slot(const struct plm_transport *t, uint32_t ssrc)
{
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (t->slots[i].ssrc == ssrc)
            return &t->slots[i];
    }
    return NULL;
}
