#include "slot.h"

#include "base/util.h"
#include "egress.h"
#include "red.h"
#include "second_log.h"
#include "shard.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <stdlib.h>
#include <string.h>

#define REPLAY_UNKNOWN_BPS  2000000
#define REPLAY_MAX_US       300000 /* a picture that takes longer is rather asked for */
#define REPLAY_STEP_US      5000
#define REPLAY_LEAST_OCTETS 3000 /* of a step: two packets and a bit */
#define REPLAY_ALL_US                                                                                        \
    100000 /* of a group this short no layer is left out: it would be missing for longer than it saves */
#define RTT_UNKNOWN_US 100000
#define MID_PACKETS    25 /* first packets that carry the MID, for peers that do not bind by a=ssrc */

static void set_state(struct plm_slot *s, enum plm_slot_state state, uint32_t first_ts)
{
    s->state = state;
    s->first_ts = first_ts;
    plm_transport_event_slot(s->transport, s, first_ts);
}

static void bind_codecs(
    const struct plm_slot *s, const struct plm_track *tr, uint8_t *pt_of, uint8_t *rtx_pt_of)
{
    const struct plm_media_params *m = &s->transport->params->media[s->media];
    memset(pt_of, PLM_NO_PT, PLM_MAX_CODECS);
    memset(rtx_pt_of, PLM_NO_PT, PLM_MAX_CODECS);
    for (unsigned i = 0; tr && i < tr->n_codecs; i++) {
        const struct plm_codec_params *theirs = &tr->codecs[i];
        for (unsigned j = 0; j < m->n_codecs; j++) {
            const struct plm_codec_params *ours = &m->codecs[j];
            if (ours->codec != theirs->codec || ours->variant != theirs->variant)
                continue;
            pt_of[i] = ours->pt;
            rtx_pt_of[i] = ours->rtx_pt;
            break;
        }
    }
}

void plm_slot_bind_codecs(struct plm_slot *s)
{
    bind_codecs(s, s->track, s->pt_of, s->rtx_pt_of);
    bind_codecs(s, s->next.track, s->next.pt_of, s->next.rtx_pt_of);
}

static bool make_map(struct plm_slot *s)
{
    uint32_t r = plm_worker_random32(s->transport->worker);
    uint32_t r2 = plm_worker_random32(s->transport->worker);
    /* Below 2^15, so that losing the first packets cannot put the peer's roll-over counter out of step (RFC 3711 section 3.3.1). */
    s->map = plm_seq_map_create(s->kind == PLM_KIND_VIDEO ? PLM_MAP_SIZE : PLM_MAP_SIZE_AUDIO,
        (uint16_t)(r & 0x3fff) + 1, (uint16_t)(r2 & 0x7fff), (uint8_t)(r2 >> 16), r >> 2);
    s->rtx_seq = (r >> 16 & 0x3fff) + 1;
    s->mid_left = MID_PACKETS;
    if (s->kind == PLM_KIND_VIDEO)
        s->log = calloc(1, sizeof *s->log);
    return s->map != NULL;
}

/* ---- what it shows ---- */

uint32_t *plm_slot_index_in(struct plm_slot *s, const struct plm_track *tr)
{
    return tr == s->next.track ? &s->next.track_index : &s->track_index;
}

void plm_slot_moved(struct plm_slot *s)
{
    if (s->track)
        s->track->slots[s->track_index] = s;
    if (s->next.track)
        s->next.track->slots[s->next.track_index] = s;
}

static void drop_next(struct plm_slot *s)
{
    struct plm_track *next = s->next.track;
    if (!next)
        return;
    plm_track_remove_slot(next, s);
    s->next.track = NULL;
    plm_track_note_demand(next);
}

static void drop_shown(struct plm_slot *s)
{
    struct plm_track *old = s->track;
    if (!old)
        return;
    plm_track_remove_slot(old, s);
    s->track = NULL;
    s->replays = s->defers = false;
    plm_layer_select_aim(&s->layers, PLM_LAYER_NONE, 0);
    plm_layer_select_restart(&s->layers);
    s->wish = PLM_LAYER_NONE;
    s->memory = (struct plm_alloc_memory){0};
    s->shown_width = s->shown_height = 0;
    plm_track_note_demand(old);
}

static void count_switch(struct plm_slot *s)
{
    s->switches++;
    plm_count(s->transport->worker, PLM_CNT_SLOT_SWITCHES);
}

/* The next track becomes the shown one. No packet of the former one goes out from here on; the state is the caller's. */
static void adopt_next(struct plm_slot *s)
{
    drop_shown(s);
    s->track = s->next.track;
    s->track_index = s->next.track_index;
    s->layers = s->next.layers;
    s->wish = s->next.wish;
    s->memory = s->next.memory;
    memcpy(s->pt_of, s->next.pt_of, sizeof s->pt_of);
    memcpy(s->rtx_pt_of, s->next.rtx_pt_of, sizeof s->rtx_pt_of);
    s->next.track = NULL;
    count_switch(s);
    /* At the end of this turn the sound of the pair follows, and bandwidth is shared anew. */
    if (s->transport->shard)
        plm_shard_set_dirty(s->transport->shard);
}

/* ---- pauses ---- */

/* Does the receiver decode what comes of the encoding that it is to get, as far as any has come? */
static bool is_decoded(
    const struct plm_track *tr, const struct plm_layer_select *layers, const uint8_t *pt_of)
{
    const struct plm_encoding *enc = layers->target < tr->n_encodings ? &tr->encodings[layers->target] : NULL;
    return !enc || !enc->seen || pt_of[enc->codec_index] != PLM_NO_PT;
}

static enum plm_slot_reason why_paused(const struct plm_slot *s)
{
    const struct plm_track *tr = s->track;
    if (!tr || s->kind != PLM_KIND_VIDEO)
        return PLM_SLOT_FLOWS;
    if (tr->muted)
        return PLM_SLOT_MUTED;
    if (!is_decoded(tr, &s->layers, s->pt_of))
        return PLM_SLOT_NO_CODEC;
    if (s->memory.known && s->layers.target == PLM_LAYER_NONE)
        return PLM_SLOT_NO_BANDWIDTH;
    return tr->stopped ? PLM_SLOT_STOPPED : PLM_SLOT_FLOWS;
}

enum plm_slot_reason plm_slot_why(const struct plm_slot *s)
{
    if (s->state == PLM_SLOT_PAUSED)
        return s->paused;
    const struct plm_view *view = s->transport->view;
    bool off = s->state == PLM_SLOT_EMPTY && s->kind == PLM_KIND_VIDEO && view && view->video_off;
    return off ? PLM_SLOT_UNWANTED : PLM_SLOT_FLOWS;
}

/* It begins, or stands still, and why. */
static void settle(struct plm_slot *s)
{
    enum plm_slot_reason why = why_paused(s);
    if (why == PLM_SLOT_FLOWS) {
        if (s->state == PLM_SLOT_PAUSED)
            set_state(
                s, s->layers.current != PLM_LAYER_NONE ? PLM_SLOT_FORWARDING : PLM_SLOT_WAITING, s->first_ts);
    } else if (s->state != PLM_SLOT_PAUSED || s->paused != why) {
        s->paused = why;
        set_state(s, PLM_SLOT_PAUSED, s->first_ts);
    }
}

void plm_slot_settle(struct plm_slot *s, const struct plm_track *tr)
{
    /* With another one to come, what becomes of the slot is decided at the end of the turn. */
    if (tr == s->track && !s->next.track)
        settle(s);
}

/* Another track is shown: its picture is awaited, if any can come. */
static void begin(struct plm_slot *s)
{
    s->paused = why_paused(s);
    set_state(s, s->paused ? PLM_SLOT_PAUSED : PLM_SLOT_WAITING, 0);
}

/* What flowed ends before the next track's key frame is there. */
static void stop_holding(struct plm_slot *s)
{
    adopt_next(s);
    begin(s);
}

/* Does a picture flow that is worth keeping until that of `next` is there? */
static bool is_worth_holding(const struct plm_slot *s, const struct plm_track *next)
{
    return s->kind == PLM_KIND_VIDEO && s->state == PLM_SLOT_FORWARDING && s->track && !s->track->muted &&
           next && !next->muted && s->track->shard == s->transport->shard;
}

static void stop_deferring(struct plm_slot *s);

/* When the next of what a slot does for a while ends. */
static uint64_t holds_until(const struct plm_slot *s)
{
    uint64_t next = s->next.track ? s->next.until_us : UINT64_MAX;
    return s->defers && s->defer_until_us < next ? s->defer_until_us : next;
}

static void on_hold_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, hold_timer);
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < t->n_slots; i++) {
        struct plm_slot *s = &t->slots[i];
        if (s->next.track && s->next.until_us <= now_us)
            stop_holding(s);
        if (s->defers && s->defer_until_us <= now_us)
            stop_deferring(s);
        if (holds_until(s) < next)
            next = holds_until(s);
    }
    if (next != UINT64_MAX)
        plm_timer_start(&t->worker->wheel, timer, next, on_hold_timer);
}

static void wake_hold(struct plm_transport *t, uint64_t at_us)
{
    if (!plm_timer_active(&t->hold_timer) || at_us < t->hold_timer.due_us)
        plm_timer_start(&t->worker->wheel, &t->hold_timer, at_us, on_hold_timer);
}

/* @return false: no memory */
static bool hold_for(struct plm_slot *s, struct plm_track *track)
{
    struct plm_transport *t = s->transport;
    struct plm_slot_next *n = &s->next;
    n->track = track;
    if (plm_track_add_slot(track, s) != 0) {
        n->track = NULL;
        return false;
    }
    plm_layer_select_init(&n->layers);
    n->wish = PLM_LAYER_NONE;
    n->memory = (struct plm_alloc_memory){0};
    bind_codecs(s, track, n->pt_of, n->rtx_pt_of);
    n->until_us = t->worker->now_us + PLM_SLOT_HOLD_US;
    wake_hold(t, n->until_us);
    return true;
}

static void show_at_once(struct plm_slot *s, struct plm_track *track)
{
    drop_shown(s);
    if (track && plm_track_add_slot(track, s) == 0)
        s->track = track;
    if (!s->track) {
        set_state(s, PLM_SLOT_EMPTY, 0);
        return;
    }
    count_switch(s);
    plm_slot_bind_codecs(s);
    begin(s);
    if (s->kind == PLM_KIND_VIDEO)
        plm_transport_allocate(s->transport);
    plm_track_note_demand(track);
}

void plm_slot_show(struct plm_slot *s, struct plm_track *track)
{
    bool hold = is_worth_holding(s, track);
    if (track && track == s->next.track) {
        if (!hold)
            stop_holding(s);
        return;
    }
    drop_next(s);
    if (track == s->track)
        return;
    if (!hold || !hold_for(s, track))
        show_at_once(s, track);
}

void plm_slot_lose(struct plm_slot *s, struct plm_track *tr)
{
    if (tr == s->next.track)
        drop_next(s);
    else if (s->next.track)
        stop_holding(s);
    else
        plm_slot_show(s, NULL);
}

void plm_slot_release(struct plm_slot *s)
{
    drop_next(s);
    drop_shown(s);
    plm_seq_map_destroy(s->map);
    s->map = NULL;
    free(s->log);
    s->log = NULL;
}

/* ---- layers ---- */

/* @return whether what is needed of the track changed */
static bool aim(
    struct plm_layer_select *layers, uint8_t *wish, uint8_t encoding, uint8_t tid, uint8_t new_wish)
{
    bool changed = layers->target != encoding || *wish != new_wish;
    *wish = new_wish;
    plm_layer_select_aim(layers, encoding, tid);
    return changed;
}

static bool replay(struct plm_slot *s);

static void ask(struct plm_track *tr, const struct plm_layer_select *layers, const uint8_t *pt_of)
{
    if (tr && layers->want_keyframe && layers->target != PLM_LAYER_NONE && is_decoded(tr, layers, pt_of))
        plm_track_want_keyframe(tr, layers->target);
}

/*
 * What goes on of the present encoding stands in the line's queue before the key frame that takes its place. So it waits here: when that key frame
 * comes soon it is left out, else it goes on, late, and nothing that it refers to is missing.
 */
static void defer(struct plm_slot *s)
{
    if (!plm_layer_select_descends(&s->layers) || s->replays || s->defers)
        return;
    s->defers = true;
    s->replay_seq = UINT64_MAX;
    s->defer_until_us = s->transport->worker->now_us + PLM_SLOT_DEFER_US;
    wake_hold(s->transport, s->defer_until_us);
}

void plm_slot_aim(struct plm_slot *s, uint8_t encoding, uint8_t tid, uint8_t wish)
{
    if (!s->track || s->kind != PLM_KIND_VIDEO)
        return;
    if (encoding == PLM_LAYER_NONE && s->next.track) {
        stop_holding(s);
        return;
    }
    bool aimed = s->layers.target != encoding, changed = aim(&s->layers, &s->wish, encoding, tid, wish);
    uint64_t now = s->transport->worker->now_us;
    if (plm_bwe_is_crowded(s->transport->bwe, now))
        plm_layer_select_hurry(&s->layers);
    if (aimed && plm_bwe_fell_far(s->transport->bwe, now))
        defer(s);
    if (s->defers && !plm_layer_select_descends(&s->layers))
        stop_deferring(s);
    settle(s);
    if (!replay(s))
        ask(s->track, &s->layers, s->pt_of);
    if (changed)
        plm_track_note_demand(s->track);
}

void plm_slot_aim_next(struct plm_slot *s, uint8_t encoding, uint8_t tid, uint8_t wish)
{
    struct plm_slot_next *n = &s->next;
    if (!n->track)
        return;
    if (encoding == PLM_LAYER_NONE) {
        stop_holding(s);
        plm_slot_aim(s, encoding, tid, wish);
        return;
    }
    bool changed = aim(&n->layers, &n->wish, encoding, tid, wish);
    ask(n->track, &n->layers, n->pt_of);
    if (changed)
        plm_track_note_demand(n->track);
}

void plm_slot_restart(struct plm_slot *s, struct plm_track *tr, bool ask_for_it)
{
    bool next = tr == s->next.track;
    struct plm_layer_select *layers = next ? &s->next.layers : &s->layers;
    if (tr == s->track)
        s->replays = s->defers = false;
    s->resumes = true;
    plm_layer_select_restart(layers);
    if (ask_for_it)
        ask(tr, layers, next ? s->next.pt_of : s->pt_of);
}

void plm_slot_on_codec(struct plm_slot *s, struct plm_track *tr, uint8_t e, bool changed, bool ask_for_it)
{
    const struct plm_layer_select *layers = tr == s->next.track ? &s->next.layers : &s->layers;
    if (changed && layers->current == e)
        plm_slot_restart(s, tr, ask_for_it);
    plm_slot_settle(s, tr);
}

void plm_slot_foresee(struct plm_slot *s, uint8_t wish)
{
    if (s->wish == wish || s->kind != PLM_KIND_VIDEO)
        return;
    s->wish = wish;
    plm_track_note_demand(s->track);
}

uint8_t plm_slot_needs(const struct plm_slot *s, const struct plm_track *tr)
{
    if (s->kind == PLM_KIND_AUDIO)
        return 1;
    bool next = tr == s->next.track;
    const struct plm_layer_select *layers = next ? &s->next.layers : &s->layers;
    uint8_t wish = next ? s->next.wish : s->wish;
    uint8_t bits = 0;
    if (layers->current < PLM_MAX_ENCODINGS)
        bits |= (uint8_t)(1u << layers->current);
    if (layers->target < PLM_MAX_ENCODINGS)
        bits |= (uint8_t)(1u << layers->target);
    /* What lies between flows too until the wish itself does: a publisher may be unable to send that one. */
    if (wish < PLM_MAX_ENCODINGS) {
        for (unsigned i = layers->target < wish ? layers->target + 1u : wish; i <= wish; i++)
            bits |= (uint8_t)(1u << i);
    }
    return bits;
}

/* ---- packets ---- */

/* The first packet of a new showing, or of another encoding, goes out. */
static void on_switched(struct plm_slot *s, const struct plm_pkt *pkt, uint32_t ts)
{
    struct plm_transport *t = s->transport;
    s->begun_us = t->worker->now_us;
    plm_transport_wake_reports(t);
    if (pkt->info.width && pkt->info.height) {
        s->shown_width = pkt->info.width;
        s->shown_height = pkt->info.height;
    } else {
        s->shown_width = s->track->encodings[pkt->encoding].width;
        s->shown_height = s->track->encodings[pkt->encoding].height;
    }
    set_state(s, PLM_SLOT_FORWARDING, ts);
    plm_track_note_demand(s->track);
}

static void forward(struct plm_slot *s, struct plm_pkt *pkt, bool wanted, bool first)
{
    struct plm_worker *w = s->transport->worker;
    struct plm_map_out out;
    switch (plm_seq_map_push(s->map, s->track->key, pkt, wanted, &out)) {
    case PLM_MAP_SEND:
        if (first)
            on_switched(s, pkt, out.ts);
        if (plm_layer_select_ends_picture(&s->layers, pkt))
            plm_seq_map_end_picture(s->map, &out);
        plm_egress_push(w, s, pkt, PLM_EGRESS_MEDIA, s->pt_of[pkt->codec_index], &out);
        break;
    case PLM_MAP_FILL:
        plm_egress_push(w, s, NULL, PLM_EGRESS_FILL, s->pt_of[pkt->codec_index], &out);
        break;
    case PLM_MAP_DROP:
    case PLM_MAP_DUPLICATE:
    case PLM_MAP_TOO_OLD:
        break;
    }
}

static void on_audio(struct plm_slot *s, struct plm_pkt *pkt)
{
    const struct plm_segment *seg = plm_seq_map_segment(s->map);
    bool first = s->state != PLM_SLOT_FORWARDING;
    if (!seg || seg->source != s->track->key || first || s->resumes) {
        uint32_t clock = plm_track_codec(s->track, pkt->codec_index)->clock_rate;
        plm_seq_map_switch(s->map, s->track->key, pkt, clock, s->transport->worker->now_us);
        s->resumes = false;
        s->transport->reported_us = 0;
    }
    forward(s, pkt, true, first);
}

/* The time that a switch continues at: of a late packet when it was due by the newest one, so that what follows is not ahead of its time. */
static uint64_t due_us(const struct plm_slot *s, const struct plm_pkt *pkt, uint32_t clock_rate)
{
    const struct plm_encoding *enc = &s->track->encodings[pkt->encoding];
    uint64_t now = s->transport->worker->now_us;
    const struct plm_pkt *newest = pkt->late ? plm_pkt_ring_find(&enc->ring, enc->newest_seq) : NULL;
    if (!newest || newest->ext_ts <= pkt->ext_ts || !clock_rate)
        return now;
    uint64_t behind = (newest->ext_ts - pkt->ext_ts) * 1000000 / clock_rate;
    return behind < newest->arrival_us && newest->arrival_us <= now ? newest->arrival_us - behind : now;
}

/*
 * A receiver knows of what is missing by the number before it: the very first packet would be lost without a NACK, and its key frame with it, until
 * it is asked for half a second later. So a packet that may be lost goes ahead of it. Not with H264: aiortc hands its empty payload to the decoder,
 * which takes it for the end of the stream. There the first packet comes twice before the second one: a browser throws away what needs parameter
 * sets that it has not seen.
 */
static void lead(struct plm_slot *s, const struct plm_pkt *first)
{
    if (first->codec == PLM_CODEC_H264)
        return;
    struct plm_map_out out = {.ext_seq = plm_seq_map_take(s->map), .ts = plm_seq_map_last_ts(s->map)};
    plm_egress_push(s->transport->worker, s, NULL, PLM_EGRESS_FILL, s->pt_of[first->codec_index], &out);
}

static void follow_up(struct plm_slot *s, const struct plm_pkt *first)
{
    if (first->codec == PLM_CODEC_H264)
        plm_slot_twice(s, (uint16_t)plm_seq_map_last(s->map));
}

/* pkt begins a key frame: of the shown track's other encoding, or of one that is new here. */
static void begin_with(struct plm_slot *s, struct plm_pkt *pkt)
{
    const struct plm_encoding *enc = &s->track->encodings[pkt->encoding];
    uint32_t clock_rate = plm_track_codec(s->track, pkt->codec_index)->clock_rate;
    bool very_first = !plm_seq_map_segment(s->map);
    s->replays = s->defers = false;
    if (very_first)
        lead(s, pkt);
    plm_seq_map_switch(s->map, s->track->key, pkt, clock_rate, due_us(s, pkt, clock_rate));
    forward(s, pkt, true, true);
    if (very_first)
        follow_up(s, pkt);
    /* One that came late is behind the others of its frame: they have been here before, and passed this slot by. */
    for (uint64_t at = pkt->ext_seq + 1; pkt->late && at <= enc->newest_seq; at++) {
        struct plm_pkt *passed = plm_pkt_ring_find(&enc->ring, at);
        if (passed)
            plm_slot_on_rtp(s, s->track, passed);
    }
}

static void on_video(struct plm_slot *s, struct plm_pkt *pkt)
{
    switch (plm_layer_select_on_packet(&s->layers, pkt)) {
    case PLM_LAYER_SWITCH:
        if (s->state == PLM_SLOT_FORWARDING) {
            s->layer_switches++;
            plm_count(s->transport->worker, PLM_CNT_LAYER_SWITCHES);
        }
        begin_with(s, pkt);
        break;
    case PLM_LAYER_FORWARD:
        forward(s, pkt, true, false);
        break;
    case PLM_LAYER_DROP:
        /* Close its gap in our numbers; a late one of an encoding shown before may have a number kept for it. Nothing else of that encoding
         * may reach the map: its segment has ended, though none may have begun since. */
        if (pkt->encoding == s->layers.current ||
            (pkt->late && plm_seq_map_awaits(s->map, s->track->key, pkt)))
            forward(s, pkt, false, false);
        break;
    case PLM_LAYER_DROP_NOT_KEY:
        break;
    }
}

/* A packet of the track to come: its key frame is what the slot has been waiting for. */
static void on_next(struct plm_slot *s, struct plm_pkt *pkt)
{
    if (s->next.pt_of[pkt->codec_index] == PLM_NO_PT || pkt->payload_len == 0 ||
        plm_layer_select_on_packet(&s->next.layers, pkt) != PLM_LAYER_SWITCH)
        return;
    adopt_next(s);
    begin_with(s, pkt);
}

static void take(struct plm_slot *s, struct plm_pkt *pkt)
{
    if (pkt->payload_len == 0) { /* probing: close the gap in our numbers */
        if (plm_seq_map_segment(s->map) && s->state == PLM_SLOT_FORWARDING)
            forward(s, pkt, false, false);
    } else if (s->kind == PLM_KIND_AUDIO) {
        on_audio(s, pkt);
    } else {
        on_video(s, pkt);
    }
}

/* The frame that is under way is completed. From the first packet after it on all waits. */
static bool is_deferred(struct plm_slot *s, const struct plm_pkt *pkt)
{
    if (!s->defers || pkt->encoding != s->layers.current)
        return false;
    if (pkt->ext_seq < s->replay_seq && !plm_layer_select_is_ahead(&s->layers, pkt))
        return false;
    if (pkt->ext_seq < s->replay_seq)
        s->replay_seq = pkt->ext_seq;
    return true;
}

static void stop_deferring(struct plm_slot *s)
{
    s->defers = false;
    if (s->layers.current >= s->track->n_encodings)
        return;
    const struct plm_encoding *enc = &s->track->encodings[s->layers.current];
    for (uint64_t seq = plm_pkt_ring_from(&enc->ring, s->replay_seq); seq <= enc->newest_seq; seq++) {
        struct plm_pkt *pkt = plm_pkt_ring_find(&enc->ring, seq);
        if (pkt)
            take(s, pkt);
    }
}

void plm_slot_on_rtp(struct plm_slot *s, const struct plm_track *tr, struct plm_pkt *pkt)
{
    struct plm_transport *t = s->transport;
    if (tr == s->next.track) {
        on_next(s, pkt);
        return;
    }
    if (!t->key || s->pt_of[pkt->codec_index] == PLM_NO_PT)
        return;
    if (!s->map && !make_map(s))
        return;
    if (s->replays && pkt->encoding == s->layers.current && pkt->ext_seq >= s->replay_seq)
        return; /* its turn comes */
    if (is_deferred(s, pkt))
        return;
    take(s, pkt);
}

void plm_slot_preroll(struct plm_slot *s)
{
    const struct plm_pkt *first = s->track && s->kind == PLM_KIND_AUDIO ? plm_track_preroll(s->track) : NULL;
    const struct plm_encoding *enc = s->track ? &s->track->encodings[0] : NULL;
    for (uint64_t seq = first ? first->ext_seq : 0; first && seq <= enc->newest_seq; seq++) {
        struct plm_pkt *pkt = plm_pkt_ring_find(&enc->ring, seq);
        if (pkt)
            plm_slot_on_rtp(s, s->track, pkt);
    }
}

/* ---- what came since the last key frame ---- */

/* Half as fast again as the line, or as a common one while nothing is known of this: little of it waits, and not for long. */
static uint64_t replay_bps(const struct plm_transport *t)
{
    uint32_t estimate = plm_bwe_estimate(t->bwe);
    return estimate ? (uint64_t)estimate * 3 / 2 : REPLAY_UNKNOWN_BPS;
}

/* The first packet of a group that gives the slot tr's picture sooner than its publisher could, NULL: there is none. */
static struct plm_pkt *group_for(const struct plm_slot *s, const struct plm_track *tr,
    const struct plm_layer_select *layers, const uint8_t *pt_of)
{
    const struct plm_transport *t = s->transport;
    if (!tr || !t->key || !t->bwe || tr->muted || layers->target >= tr->n_encodings ||
        layers->current != PLM_LAYER_NONE || plm_bwe_is_full(t->bwe))
        return NULL;
    const struct plm_encoding *enc = &tr->encodings[layers->target];
    size_t octets;
    struct plm_pkt *first =
        plm_key_group_find(&enc->group, &enc->ring, t->worker->now_us, tr->transport != NULL, &octets);
    bool brief = first && octets * 8 * 1000000 / replay_bps(t) <= REPLAY_MAX_US;
    return brief && pt_of[first->codec_index] != PLM_NO_PT && plm_pkt_ring_find(&enc->ring, enc->newest_seq)
               ? first
               : NULL;
}

/* One picture at a time: several together would take several times the line, and sound would wait behind them. */
static bool replays_another(const struct plm_transport *t)
{
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (t->slots[i].replays)
            return true;
    }
    return false;
}

static void replay_some(struct plm_slot *s, size_t octets)
{
    const struct plm_encoding *enc = &s->track->encodings[s->layers.current];
    s->replay_seq = plm_pkt_ring_from(&enc->ring, s->replay_seq);
    while (s->replays && s->replay_seq <= enc->newest_seq && octets > 0) {
        struct plm_pkt *pkt = plm_pkt_ring_find(&enc->ring, s->replay_seq++);
        if (!pkt)
            continue;
        uint8_t tid = pkt->info.has_layers ? pkt->info.tid : 0;
        take(s, pkt);
        if (tid <= s->layers.current_tid)
            octets -= octets < pkt->len ? octets : pkt->len;
    }
    if (s->replay_seq <= enc->newest_seq)
        return;
    s->replays = false;
    plm_layer_select_caught_up(&s->layers);
}

static size_t portion(const struct plm_transport *t)
{
    size_t octets = (size_t)(replay_bps(t) * REPLAY_STEP_US / 8 / 1000000);
    return octets > REPLAY_LEAST_OCTETS ? octets : REPLAY_LEAST_OCTETS;
}

static void on_replay_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, replay_timer);
    bool more = false;
    for (unsigned i = 0; i < t->n_slots; i++) {
        struct plm_slot *s = &t->slots[i];
        if (!s->replays)
            continue;
        if (s->track && s->layers.current < s->track->n_encodings)
            replay_some(s, portion(t));
        else
            s->replays = false;
        more |= s->replays;
    }
    if (more)
        plm_timer_start(&t->worker->wheel, timer, now_us + REPLAY_STEP_US, on_replay_timer);
}

static bool replay(struct plm_slot *s)
{
    struct plm_transport *t = s->transport;
    /* For who joins. Where many move at once, all those groups together cost their receivers more than a key frame of each publisher. */
    if (s->map || replays_another(t))
        return false;
    struct plm_pkt *first = group_for(s, s->track, &s->layers, s->pt_of);
    if (!first || !make_map(s))
        return false;
    const struct plm_encoding *enc = &s->track->encodings[first->encoding];
    const struct plm_pkt *newest = plm_pkt_ring_find(&enc->ring, enc->newest_seq);
    lead(s, first);
    plm_layer_select_begin(&s->layers, first, newest->arrival_us - first->arrival_us > REPLAY_ALL_US);
    plm_seq_map_switch_back(
        s->map, s->track->key, first, newest, plm_track_codec(s->track, first->codec_index)->clock_rate);
    plm_count(t->worker, PLM_CNT_GROUPS_REPLAYED);
    s->replays = true;
    s->replay_seq = first->ext_seq + 1;
    forward(s, first, true, true);
    follow_up(s, first);
    replay_some(s, portion(t));
    if (s->replays && !plm_timer_active(&t->replay_timer))
        plm_timer_start(
            &t->worker->wheel, &t->replay_timer, t->worker->now_us + REPLAY_STEP_US, on_replay_timer);
    return true;
}

void plm_slot_on_keyframe_request(struct plm_slot *s)
{
    s->plis++;
    if (!s->track || s->state == PLM_SLOT_EMPTY || s->kind != PLM_KIND_VIDEO) {
        plm_transport_drop(s->transport, PLM_DROP_SLOT_EMPTY);
        return;
    }
    /* Whoever asks before a round trip is over has not seen the key frame that is on its way. */
    uint32_t rtt = s->transport->rtt_us ? s->transport->rtt_us : RTT_UNKNOWN_US;
    if (s->replays || (s->begun_us && s->transport->worker->now_us - s->begun_us < rtt))
        return;
    uint8_t e = s->layers.current != PLM_LAYER_NONE ? s->layers.current : s->layers.target;
    if (e != PLM_LAYER_NONE)
        plm_track_want_keyframe(s->track, e);
}

bool plm_slot_clock(const struct plm_slot *s, uint64_t now_us, uint32_t *ts)
{
    const struct plm_segment *seg = s->map ? plm_seq_map_segment(s->map) : NULL;
    if (!seg || !s->track || seg->source != s->track->key)
        return false;
    const struct plm_ntp_map *clock = &s->track->encodings[seg->encoding].clock;
    if (!clock->anchored)
        return false;
    *ts = (uint32_t)(plm_ntp_map_ts(clock, (int64_t)now_us) + seg->ts_offset);
    return true;
}
