#include <string.h>

#include "base/planted.h"
#include "layer_select.h"

#define LATE_START_TICKS 27000 /* 300 ms of 90 kHz: what came meanwhile goes out at once */

void plm_layer_select_init(struct plm_layer_select *s)
{
    memset(s, 0, sizeof *s);
    s->current = s->target = PLM_LAYER_NONE;
    s->current_sid = s->target_sid = PLM_SID_ALL;
}

static bool after(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) > 0;
}

static void note_change(struct plm_layer_history *h, uint64_t from_ts, uint8_t tid, uint8_t sid)
{
    if (h->n == PLM_LAYER_CHANGES) {
        memmove(&h->changes[0], &h->changes[1], (PLM_LAYER_CHANGES - 1) * sizeof h->changes[0]);
        h->n--;
    }
    h->changes[h->n].from_ts = from_ts;
    h->changes[h->n].tid = tid;
    h->changes[h->n].sid = sid;
    h->n++;
}

/** Is a frame of this time and layer among what was chosen then? */
static bool chosen(const struct plm_layer_history *h, const struct plm_pkt *pkt)
{
    for (unsigned i = h->n; i-- > 0;) {
        if (after(h->changes[i].from_ts, pkt->ext_ts))
            continue;
        if (h->changes[i].tid == PLM_LAYER_NONE)
            return false;
        return !pkt->info.has_layers ||
               (pkt->info.tid <= h->changes[i].tid && pkt->info.sid <= h->changes[i].sid);
    }
    return false;
}

/** Leave the present encoding: what belongs to its frames so far may still come late. */
static void leave_current(struct plm_layer_select *s)
{
    if (s->current == PLM_LAYER_NONE)
        return;
    struct plm_layer_history *h = &s->history[s->current];
    note_change(h, h->newest_ts + 1, PLM_LAYER_NONE, 0);
    s->current = PLM_LAYER_NONE;
}

/** At the next frame; the rest of the newest one still goes. */
static void lower_to(struct plm_layer_select *s, uint8_t tid)
{
    if (s->current == PLM_LAYER_NONE || s->current_tid <= tid)
        return;
    struct plm_layer_history *h = &s->history[s->current];
    s->current_tid = tid;
    note_change(h, h->newest_ts + 1, tid, s->current_sid);
}

static void note_want(struct plm_layer_select *s)
{
    bool spatial_up = s->current != PLM_LAYER_NONE && s->target_sid > s->current_sid;
    s->want_keyframe = s->target != s->current || spatial_up;
}

void plm_layer_select_aim(struct plm_layer_select *s, uint8_t encoding, uint8_t tid)
{
    if (encoding >= PLM_MAX_ENCODINGS)
        encoding = PLM_LAYER_NONE;
    s->target = encoding;
    s->target_tid = tid;
    if (encoding == PLM_LAYER_NONE)
        leave_current(s);
    note_want(s);
    s->hurried = false;
    lower_to(s, tid);
}

void plm_layer_select_aim_spatial(struct plm_layer_select *s, uint8_t sid)
{
    s->target_sid = sid;
    if (s->current != PLM_LAYER_NONE && sid < s->current_sid) {
        struct plm_layer_history *h = &s->history[s->current];
        s->current_sid = sid;
        note_change(h, h->newest_ts + 1, s->current_tid, sid);
    }
    note_want(s);
}

bool plm_layer_select_descends(const struct plm_layer_select *s)
{
    return s->current != PLM_LAYER_NONE && s->target < s->current;
}

bool plm_layer_select_is_ahead(const struct plm_layer_select *s, const struct plm_pkt *pkt)
{
    const struct plm_layer_history *h = &s->history[pkt->encoding % PLM_MAX_ENCODINGS];
    return !h->any || after(pkt->ext_ts, h->newest_ts);
}

void plm_layer_select_hurry(struct plm_layer_select *s)
{
    if (!plm_layer_select_descends(s))
        return;
    s->hurried = true;
    lower_to(s, 0);
}

void plm_layer_select_restart(struct plm_layer_select *s)
{
    memset(s->history, 0, sizeof s->history);
    s->current = PLM_LAYER_NONE;
    s->want_keyframe = s->target != PLM_LAYER_NONE;
}

/**
 * Up a temporal layer, at the first packet seen of a frame. VP8's sync bit says that this very frame needs the base layer alone: one layer at a
 * time. VP9 and the dependency descriptor mark the frame after which higher layers need nothing from before.
 */
static void temporal_up(struct plm_layer_select *s, struct plm_layer_history *h, const struct plm_pkt *pkt)
{
    const struct plm_frame_info *info = &pkt->info;
    if (s->current_tid >= s->target_tid || !info->has_layers || s->hurried)
        return;
    if (info->keyframe && info->tid == 0 && info->sid == 0) {
        s->current_tid = s->target_tid;
        note_change(h, pkt->ext_ts, s->current_tid, s->current_sid);
    } else if (info->layer_sync && pkt->codec == PLM_CODEC_VP8 && !pkt->dd_len) {
        if (info->tid != s->current_tid + 1)
            return;
        s->current_tid = info->tid;
        note_change(h, pkt->ext_ts, s->current_tid, s->current_sid);
    } else if (info->layer_sync && info->tid <= s->current_tid) {
        s->current_tid = s->target_tid;
        note_change(h, pkt->ext_ts + 1, s->current_tid, s->current_sid);
    }
}

/** Up to the wanted spatial layers: only a key picture refers to nothing of theirs that was not forwarded. */
static void spatial_up(struct plm_layer_select *s, struct plm_layer_history *h, const struct plm_pkt *pkt)
{
    const struct plm_frame_info *info = &pkt->info;
    if (s->current_sid >= s->target_sid || !PLM_FITS(layers, info->keyframe) || info->sid != 0 ||
        info->tid != 0)
        return;
    s->current_sid = s->target_sid;
    note_change(h, pkt->ext_ts, s->current_tid, s->current_sid);
    note_want(s);
}

/** What a packet is among those of its encoding. */
struct order {
    bool newest;    /**< none with a higher number was seen */
    bool new_frame; /**< newest, and the first seen of its frame */
    bool follows;   /**< nothing is missing before it */
};

static struct order note_order(struct plm_layer_history *h, const struct plm_pkt *pkt)
{
    struct order o = {0};
    if (h->any && pkt->ext_seq <= h->newest_seq)
        return o;
    o.newest = true;
    o.new_frame = !h->any || after(pkt->ext_ts, h->newest_ts);
    o.follows = !h->any || pkt->ext_seq == h->newest_seq + 1;
    h->any = true;
    h->newest_seq = pkt->ext_seq;
    if (o.new_frame)
        h->newest_ts = pkt->ext_ts;
    return o;
}

/** A key frame whose first packet was lost and came again: not long after, and nothing of its encoding was chosen since it was made. */
static bool late_start(const struct plm_layer_history *h, const struct plm_pkt *pkt)
{
    return pkt->late && h->newest_ts - pkt->ext_ts <= LATE_START_TICKS &&
           (!h->n || !after(h->changes[h->n - 1].from_ts, pkt->ext_ts));
}

/** May a receiver begin here? H264 marks the first packet of a frame only by parameter sets: they may have been lost before an IDR slice. */
static bool can_begin(const struct plm_layer_history *h, const struct order *o, const struct plm_pkt *pkt)
{
    if (!pkt->info.keyframe_start)
        return false;
    if (pkt->codec == PLM_CODEC_H264 && !pkt->info.width)
        return o->new_frame && o->follows;
    return o->newest ? o->new_frame : late_start(h, pkt);
}

static enum plm_layer_verdict switch_to(
    struct plm_layer_select *s, struct plm_layer_history *h, const struct plm_pkt *pkt)
{
    leave_current(s);
    s->current = pkt->encoding;
    s->current_tid = s->target_tid;
    s->current_sid = s->target_sid;
    s->want_keyframe = s->hurried = false;
    note_change(h, pkt->ext_ts, s->current_tid, s->current_sid);
    return PLM_LAYER_SWITCH;
}

void plm_layer_select_begin(struct plm_layer_select *s, const struct plm_pkt *pkt, bool base_only)
{
    struct plm_layer_history *h = &s->history[pkt->encoding];
    memset(h, 0, sizeof *h);
    note_order(h, pkt);
    switch_to(s, h, pkt);
    if (!base_only || !pkt->info.has_layers)
        return;
    s->hurried = true;
    s->current_tid = 0;
    h->changes[h->n - 1].tid = 0;
}

void plm_layer_select_caught_up(struct plm_layer_select *s)
{
    s->hurried = false;
}

enum plm_layer_verdict plm_layer_select_on_packet(struct plm_layer_select *s, const struct plm_pkt *pkt)
{
    if (pkt->encoding >= PLM_MAX_ENCODINGS)
        return PLM_LAYER_DROP;
    struct plm_layer_history *h = &s->history[pkt->encoding];
    struct order order = note_order(h, pkt);
    if (pkt->encoding == s->current) {
        if (order.new_frame) {
            temporal_up(s, h, pkt);
            spatial_up(s, h, pkt);
        }
        return chosen(h, pkt) ? PLM_LAYER_FORWARD : PLM_LAYER_DROP;
    }
    if (pkt->encoding == s->target && can_begin(h, &order, pkt))
        return switch_to(s, h, pkt);
    if (chosen(h, pkt))
        return PLM_LAYER_FORWARD;
    return pkt->encoding == s->target ? PLM_LAYER_DROP_NOT_KEY : PLM_LAYER_DROP;
}

bool plm_layer_select_chosen(
    const struct plm_layer_select *s, const struct plm_pkt *pkt, uint8_t *sid, uint8_t *tid)
{
    const struct plm_layer_history *h = &s->history[pkt->encoding % PLM_MAX_ENCODINGS];
    for (unsigned i = h->n; i-- > 0;) {
        if (after(h->changes[i].from_ts, pkt->ext_ts))
            continue;
        *sid = h->changes[i].sid;
        *tid = h->changes[i].tid;
        return h->changes[i].tid != PLM_LAYER_NONE;
    }
    return false;
}

bool plm_layer_select_ends_picture(const struct plm_layer_select *s, const struct plm_pkt *pkt)
{
    if (pkt->encoding >= PLM_MAX_ENCODINGS || !pkt->info.has_layers || !pkt->info.frame_end)
        return false;
    const struct plm_layer_history *h = &s->history[pkt->encoding];
    for (unsigned i = h->n; i-- > 0;) {
        if (!after(h->changes[i].from_ts, pkt->ext_ts))
            return pkt->info.sid == h->changes[i].sid;
    }
    return false;
}
