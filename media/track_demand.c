#include "track_demand.h"

#include "feed.h"
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <stdlib.h>

#define PREROLL_LINK_US      200000 /* until another worker has learned of it and asks */
#define LATE_AFTER_SWITCH_US 500000 /* what was lost before a switch comes this much later at most */
#define DEMAND_REFRESH_US    1000000
#define STOP_AFTER_US        2000000 /* stopping and starting costs a keyframe: not for what is soon needed again */

int plm_track_add_slot(struct plm_track *tr, struct plm_slot *s)
{
    if (tr->n_slots == tr->max_slots) {
        uint32_t max = tr->max_slots ? tr->max_slots * 2 : 4;
        struct plm_slot **slots = realloc(tr->slots, max * sizeof(struct plm_slot *));
        if (!slots)
            return PLM_ENOMEM;
        tr->slots = slots;
        tr->max_slots = max;
    }
    *plm_slot_index_in(s, tr) = tr->n_slots;
    tr->slots[tr->n_slots++] = s;
    return 0;
}

void plm_track_remove_slot(struct plm_track *tr, struct plm_slot *s)
{
    struct plm_slot *last = tr->slots[--tr->n_slots];
    uint32_t index = *plm_slot_index_in(s, tr);
    tr->slots[index] = last;
    *plm_slot_index_in(last, tr) = index;
}

static uint8_t wanted_encodings(const struct plm_track *tr)
{
    uint8_t bits = 0;
    for (uint32_t i = 0; i < tr->n_slots; i++)
        bits |= plm_slot_needs(tr->slots[i], tr);
    for (unsigned i = 0; tr->transport && tr->shard && i < tr->shard->n_peers; i++) {
        const struct plm_track_demand *d = &tr->links[tr->shard->peers[i].worker];
        if (d->expires_us > tr->worker->now_us)
            bits |= d->encodings;
    }
    const struct plm_track_demand *feed = &tr->links[PLM_LINK_FEED];
    if (feed->encodings && feed->expires_us > tr->worker->now_us)
        bits |= feed->encodings;
    return bits;
}

/* An encoding that was needed until just now goes on for a while. */
static void tell_application(struct plm_track *tr)
{
    uint8_t bits = tr->demanded;
    for (unsigned e = 0; e < tr->n_encodings; e++) {
        if (tr->worker->now_us - tr->left_us[e] < STOP_AFTER_US)
            bits |= tr->told & (uint8_t)(1u << e);
    }
    if (bits == tr->told)
        return;
    tr->told = bits;
    struct plm_event ev = {
        .type = PLM_EV_DEMAND, .transport = tr->transport->id, .participant = tr->participant};
    ev.demand.source = tr->source;
    ev.demand.needed = bits;
    plm_shard_event(tr->shard, &ev);
}

void plm_track_update_demand(struct plm_track *tr)
{
    if (!tr->shard)
        return;
    uint8_t bits = wanted_encodings(tr), left = tr->demanded & (uint8_t)~bits, changed = tr->demanded ^ bits;
    if (!tr->transport && bits == tr->demanded)
        return;
    tr->demanded = bits;
    if (!tr->transport) {
        /* Of those left what follows does not come, of those added it does not follow what is here. */
        plm_track_end_groups(tr, changed);
        tr->demand_sent_us = tr->worker->now_us;
        plm_shard_send_demand(tr->shard, tr, bits, 0);
        return;
    }
    for (unsigned e = 0; e < tr->n_encodings; e++) {
        if (left >> e & 1)
            tr->left_us[e] = tr->worker->now_us;
    }
    if (tr->kind == PLM_KIND_VIDEO)
        tell_application(tr);
}

void plm_track_note_demand(struct plm_track *tr)
{
    struct plm_worker *w = tr->worker;
    if (!tr->shard || tr->changed_at)
        return;
    tr->next_changed = w->changed_tracks;
    if (tr->next_changed)
        tr->next_changed->changed_at = &tr->next_changed;
    tr->changed_at = &w->changed_tracks;
    w->changed_tracks = tr;
}

void plm_track_forget_demand(struct plm_track *tr)
{
    if (!tr->changed_at)
        return;
    *tr->changed_at = tr->next_changed;
    if (tr->next_changed)
        tr->next_changed->changed_at = tr->changed_at;
    tr->next_changed = NULL;
    tr->changed_at = NULL;
}

void plm_track_settle_demands(struct plm_worker *w)
{
    while (w->changed_tracks) {
        struct plm_track *tr = w->changed_tracks;
        plm_track_forget_demand(tr);
        plm_track_update_demand(tr);
    }
}

void plm_track_refresh_demand(struct plm_track *tr)
{
    uint64_t now = tr->worker->now_us;
    if (tr->transport)
        plm_track_update_demand(tr); /* links whose demand expired, encodings that nobody needed again */
    else if (tr->demanded && now - tr->demand_sent_us >= DEMAND_REFRESH_US) {
        tr->demand_sent_us = now;
        plm_shard_send_demand(tr->shard, tr, tr->demanded, 0);
    }
}

/* ---- links ---- */

static bool is_wanted(const struct plm_track *tr, const struct plm_track_demand *d, const struct plm_pkt *pkt)
{
    uint8_t bit = (uint8_t)(1u << pkt->encoding);
    if (d->encodings & bit && d->expires_us >= tr->worker->now_us)
        return true;
    return d->left & bit && pkt->late && tr->worker->now_us - d->left_us < LATE_AFTER_SWITCH_US;
}

/* What a full link loses is video, and then all of it up to the next keyframe: a part of it is of no use to anybody. */
static void forward_by_link(struct plm_track *tr, unsigned worker, struct plm_pkt *pkt)
{
    struct plm_track_demand *d = &tr->links[worker];
    uint8_t bit = (uint8_t)(1u << pkt->encoding);
    if (!is_wanted(tr, d, pkt))
        return;
    if (pkt->info.keyframe_start)
        d->starved &= (uint8_t)~bit;
    if (!(d->starved & bit) && plm_shard_send_packet(tr->shard, tr, worker, pkt)) {
        plm_count(tr->worker, PLM_CNT_LINK_PACKETS);
        tr->worker->stats.counters[PLM_CNT_LINK_BYTES] += pkt->len;
        return;
    }
    plm_count_drop(tr->worker, PLM_DROP_LINK_FULL);
    if (tr->kind == PLM_KIND_VIDEO) {
        d->starved |= bit;
        plm_track_want_keyframe(tr, pkt->encoding);
    }
}

/* A reader may be away for seconds: unlike a link between workers it is asked for a keyframe only when it could take one. */
static bool may_feed(struct plm_track *tr, struct plm_track_demand *d, const struct plm_pkt *pkt)
{
    uint8_t bit = (uint8_t)(1u << pkt->encoding);
    if (!(d->starved & bit))
        return true;
    if (!plm_feed_is_roomy(tr->worker->feed))
        return false;
    if (pkt->info.keyframe_start)
        d->starved &= (uint8_t)~bit;
    else
        plm_track_want_keyframe(tr, pkt->encoding);
    return pkt->info.keyframe_start;
}

static void forward_by_feed(struct plm_track *tr, struct plm_pkt *pkt)
{
    struct plm_track_demand *d = &tr->links[PLM_LINK_FEED];
    if (!is_wanted(tr, d, pkt))
        return;
    if (may_feed(tr, d, pkt) && plm_shard_send_packet(tr->shard, tr, PLM_LINK_FEED, pkt)) {
        plm_count(tr->worker, PLM_CNT_FEED_PACKETS);
        tr->worker->stats.counters[PLM_CNT_FEED_BYTES] += pkt->len;
        return;
    }
    plm_count(tr->worker, PLM_CNT_FEED_DROPPED);
    if (tr->kind == PLM_KIND_VIDEO)
        d->starved |= (uint8_t)(1u << pkt->encoding);
}

void plm_track_send_to_links(struct plm_track *tr, struct plm_pkt *pkt)
{
    const struct plm_shard *shard = tr->shard;
    for (unsigned i = 0; i < shard->n_peers; i++)
        forward_by_link(tr, shard->peers[i].worker, pkt);
    if (shard->feeding)
        forward_by_feed(tr, pkt);
}

void plm_track_send_preroll(struct plm_track *tr, unsigned worker)
{
    const struct plm_encoding *enc = &tr->encodings[0];
    bool soon = tr->worker->now_us - tr->chosen_us <= PREROLL_LINK_US;
    const struct plm_pkt *first = soon ? plm_track_preroll(tr) : NULL;
    for (uint64_t seq = first ? first->ext_seq : enc->newest_seq + 1; seq <= enc->newest_seq; seq++) {
        struct plm_pkt *pkt = plm_pkt_ring_find(&enc->ring, seq);
        if (pkt)
            forward_by_link(tr, worker, pkt);
    }
}
