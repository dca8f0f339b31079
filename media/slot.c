#include "slot.h"

#include "egress.h"
#include "shard.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <string.h>

#define RTX_BURST_OCTETS 50000 /* what may be retransmitted in a second beside the configured share */
#define MID_PACKETS      25    /* first packets that carry the MID, for peers that do not bind by a=ssrc */

static void set_state(struct plm_slot *s, enum plm_slot_state state, uint32_t first_ts)
{
    s->state = state;
    plm_transport_event_slot(s->transport, s, first_ts);
}

void plm_slot_bind_codecs(struct plm_slot *s)
{
    const struct plm_media_params *m = &s->transport->params->media[s->media];
    memset(s->pt_of, PLM_NO_PT, sizeof s->pt_of);
    memset(s->rtx_pt_of, PLM_NO_PT, sizeof s->rtx_pt_of);
    if (!s->track)
        return;
    for (unsigned i = 0; i < s->track->n_codecs; i++) {
        const struct plm_codec_params *theirs = &s->track->codecs[i];
        for (unsigned j = 0; j < m->n_codecs; j++) {
            const struct plm_codec_params *ours = &m->codecs[j];
            if (ours->codec != theirs->codec || ours->variant != theirs->variant)
                continue;
            s->pt_of[i] = ours->pt;
            s->rtx_pt_of[i] = ours->rtx_pt;
            break;
        }
    }
}

static bool make_map(struct plm_slot *s)
{
    uint32_t r = plm_worker_random32(s->transport->worker);
    uint32_t r2 = plm_worker_random32(s->transport->worker);
    /* Below 2^15, so that losing the first packets cannot put the peer's roll-over counter out of step (RFC 3711 section 3.3.1). */
    s->map =
        plm_seq_map_create((uint16_t)(r & 0x3fff) + 1, (uint16_t)(r2 & 0x7fff), (uint8_t)(r2 >> 16), r >> 2);
    s->rtx_seq = (r >> 16 & 0x3fff) + 1;
    s->mid_left = MID_PACKETS;
    return s->map != NULL;
}

void plm_slot_show(struct plm_slot *s, struct plm_track *track)
{
    if (s->track == track)
        return;
    struct plm_track *old = s->track;
    if (old) {
        plm_track_remove_slot(old, s);
        s->track = NULL;
    }
    plm_layer_select_restart(&s->layers);
    plm_layer_select_aim(&s->layers, PLM_LAYER_NONE, 0);
    if (track && plm_track_add_slot(track, s) == 0)
        s->track = track;
    s->shown_width = s->shown_height = 0;
    s->wish = PLM_LAYER_NONE;
    if (!s->track) {
        set_state(s, PLM_SLOT_EMPTY, 0);
    } else {
        s->switches++;
        plm_count(s->transport->worker, PLM_CNT_SLOT_SWITCHES);
        plm_slot_bind_codecs(s);
        if (s->kind == PLM_KIND_VIDEO && s->transport->state == PLM_TRANSPORT_CONNECTED)
            plm_transport_allocate(s->transport);
        set_state(s, PLM_SLOT_WAITING, 0);
        plm_track_update_demand(s->track);
    }
    if (old)
        plm_track_update_demand(old);
}

void plm_slot_release(struct plm_slot *s)
{
    struct plm_track *old = s->track;
    if (old) {
        plm_track_remove_slot(old, s);
        s->track = NULL;
        plm_track_update_demand(old);
    }
    plm_seq_map_destroy(s->map);
    s->map = NULL;
}

void plm_slot_aim(struct plm_slot *s, uint8_t encoding, uint8_t tid, uint8_t wish)
{
    if (!s->track || s->kind != PLM_KIND_VIDEO)
        return;
    bool changed = s->layers.target != encoding || s->wish != wish;
    s->wish = wish;
    plm_layer_select_aim(&s->layers, encoding, tid);
    if (encoding == PLM_LAYER_NONE) {
        if (s->state != PLM_SLOT_PAUSED) {
            plm_layer_select_restart(&s->layers);
            set_state(s, PLM_SLOT_PAUSED, 0);
        }
    } else {
        if (s->state == PLM_SLOT_PAUSED)
            set_state(s, PLM_SLOT_WAITING, 0);
        if (s->layers.want_keyframe)
            plm_track_want_keyframe(s->track, encoding);
    }
    if (changed)
        plm_track_update_demand(s->track);
}

uint8_t plm_slot_needs(const struct plm_slot *s)
{
    if (!s->track)
        return 0;
    if (s->kind == PLM_KIND_AUDIO)
        return 1;
    uint8_t bits = 0;
    if (s->layers.current < PLM_MAX_ENCODINGS)
        bits |= (uint8_t)(1u << s->layers.current);
    if (s->layers.target < PLM_MAX_ENCODINGS)
        bits |= (uint8_t)(1u << s->layers.target);
    if (s->wish < PLM_MAX_ENCODINGS)
        bits |= (uint8_t)(1u << s->wish);
    return bits;
}

/* The first packet of a new showing, or of another encoding, goes out. */
static void on_switched(struct plm_slot *s, const struct plm_pkt *pkt, uint32_t ts)
{
    struct plm_transport *t = s->transport;
    s->sr_due = true;
    plm_transport_wake_reports(t);
    if (pkt->info.width && pkt->info.height) {
        s->shown_width = pkt->info.width;
        s->shown_height = pkt->info.height;
    } else {
        s->shown_width = s->track->encodings[pkt->encoding].width;
        s->shown_height = s->track->encodings[pkt->encoding].height;
    }
    if (s->state == PLM_SLOT_FORWARDING) {
        s->layer_switches++;
        plm_count(t->worker, PLM_CNT_LAYER_SWITCHES);
    }
    set_state(s, PLM_SLOT_FORWARDING, ts);
    plm_track_update_demand(s->track);
}

static void forward(struct plm_slot *s, struct plm_pkt *pkt, bool wanted, bool first)
{
    struct plm_worker *w = s->transport->worker;
    struct plm_map_out out;
    switch (plm_seq_map_push(s->map, s->track->key, pkt, wanted, &out)) {
    case PLM_MAP_SEND:
        if (first)
            on_switched(s, pkt, out.ts);
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
    if (!seg || seg->source != s->track->key || first) {
        uint32_t clock = plm_track_codec(s->track, pkt->codec_index)->clock_rate;
        plm_seq_map_switch(s->map, s->track->key, pkt, clock, s->transport->worker->now_us);
    }
    forward(s, pkt, true, first);
}

static void on_video(struct plm_slot *s, struct plm_pkt *pkt)
{
    switch (plm_layer_select_on_packet(&s->layers, pkt)) {
    case PLM_LAYER_SWITCH:
        plm_seq_map_switch(s->map, s->track->key, pkt,
            plm_track_codec(s->track, pkt->codec_index)->clock_rate, s->transport->worker->now_us);
        forward(s, pkt, true, true);
        break;
    case PLM_LAYER_FORWARD:
        forward(s, pkt, true, false);
        break;
    case PLM_LAYER_DROP:
        /* Close its gap in our numbers; a late one of an encoding shown before may have a number kept for it. */
        if (pkt->encoding == s->layers.current || pkt->late)
            forward(s, pkt, false, false);
        break;
    case PLM_LAYER_DROP_NOT_KEY:
        break;
    }
}

void plm_slot_on_rtp(struct plm_slot *s, struct plm_pkt *pkt)
{
    struct plm_transport *t = s->transport;
    if (!t->key || s->pt_of[pkt->codec_index] == PLM_NO_PT || s->state == PLM_SLOT_PAUSED)
        return;
    if (!s->map && !make_map(s))
        return;
    if (pkt->payload_len == 0) { /* probing: close the gap in our numbers */
        if (plm_seq_map_segment(s->map) && s->state == PLM_SLOT_FORWARDING)
            forward(s, pkt, false, false);
    } else if (s->kind == PLM_KIND_AUDIO) {
        on_audio(s, pkt);
    } else {
        on_video(s, pkt);
    }
}

/* Retransmissions may take a share of what is sent, and a burst: a receiver's NACKs cannot multiply traffic. */
static bool rtx_allowed(struct plm_transport *t, size_t octets)
{
    struct plm_worker *w = t->worker;
    uint64_t second = w->now_us / 1000000;
    if (t->rtx_second != second) {
        t->last_second_octets =
            t->rtx_second + 1 == second ? (uint32_t)(t->tx_bytes - t->tx_bytes_second) : 0;
        t->tx_bytes_second = t->tx_bytes;
        t->rtx_second = second;
        t->rtx_used = 0;
    }
    uint64_t allowed =
        RTX_BURST_OCTETS + (uint64_t)t->last_second_octets * w->config.limits.rtx_share_percent / 100;
    if (t->rtx_used + octets > allowed)
        return false;
    t->rtx_used += (uint32_t)octets;
    return true;
}

size_t plm_slot_on_nack(struct plm_slot *s, uint16_t seq)
{
    struct plm_transport *t = s->transport;
    struct plm_worker *w = t->worker;
    struct plm_segment segment;
    struct plm_map_out out;
    uint64_t src;
    s->nacks++;
    /* Only what the shown track still holds: a former track's packets went with it. */
    if (!s->map || !s->track || s->rtx_ssrc == 0 || !plm_seq_map_find(s->map, seq, &segment, &src, &out) ||
        segment.source != s->track->key || segment.encoding >= s->track->n_encodings)
        return 0;
    struct plm_pkt *pkt = plm_pkt_ring_find(&s->track->encodings[segment.encoding].ring, src);
    if (!pkt || s->rtx_pt_of[pkt->codec_index] == PLM_NO_PT)
        return 0;
    if (!rtx_allowed(t, pkt->len)) {
        plm_transport_drop(t, PLM_DROP_RTX_SHARE);
        return 0;
    }
    plm_egress_push(w, s, pkt, PLM_EGRESS_RTX, s->rtx_pt_of[pkt->codec_index], &out);
    return pkt->len;
}

void plm_slot_on_keyframe_request(struct plm_slot *s)
{
    s->plis++;
    if (!s->track || s->state == PLM_SLOT_EMPTY || s->kind != PLM_KIND_VIDEO) {
        plm_transport_drop(s->transport, PLM_DROP_SLOT_EMPTY);
        return;
    }
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
