#include "key_group.h"

#define REPAIR_US 200000 /* what is missing for longer does not come by retransmission */
#define HOLE_MAX  32     /* a longer one is not loss, but a time that was not asked for */

/* H264 marks each packet that a decoder may start at: without parameter sets in front it was not the frame's first. */
static bool is_whole_start(const struct plm_pkt *pkt)
{
    return pkt->codec != PLM_CODEC_H264 || pkt->info.width > 0;
}

void plm_key_group_on_packet(struct plm_key_group *g, const struct plm_pkt *pkt)
{
    if (!pkt->info.keyframe_start)
        return;
    if (g->any && pkt->ext_ts <= g->first_ts) {
        if (pkt->ext_ts == g->first_ts && pkt->ext_seq < g->first_seq && is_whole_start(pkt))
            g->first_seq = pkt->ext_seq;
        return;
    }
    *g = (struct plm_key_group){.any = is_whole_start(pkt),
        .first_seq = pkt->ext_seq,
        .first_ts = pkt->ext_ts,
        .first_us = pkt->arrival_us};
}

void plm_key_group_end(struct plm_key_group *g)
{
    *g = (struct plm_key_group){0};
}

/* Workers read the clock each for themselves: what came over a link may seem to be of a moment from now. */
static uint64_t age(uint64_t now_us, uint64_t then_us)
{
    return now_us > then_us ? now_us - then_us : 0;
}

struct plm_pkt *plm_key_group_find(const struct plm_key_group *g, const struct plm_pkt_ring *ring,
    uint64_t now_us, bool may_have_holes, size_t *octets)
{
    if (!g->any || !ring->any || ring->newest < g->first_seq)
        return NULL;
    if (age(now_us, g->first_us) > PLM_KEY_GROUP_US || ring->newest - g->first_seq >= PLM_KEY_GROUP_PACKETS)
        return NULL;
    struct plm_pkt *first = plm_pkt_ring_find(ring, g->first_seq);
    size_t sum = 0, all = 0;
    unsigned hole = 0, hole_max = may_have_holes ? HOLE_MAX : 0;
    for (uint64_t at = g->first_seq; first && at <= ring->newest; at++) {
        const struct plm_pkt *pkt = plm_pkt_ring_find(ring, at);
        if (!pkt) {
            hole++;
            continue;
        }
        if (hole > hole_max || (hole && age(now_us, pkt->arrival_us) > REPAIR_US))
            return NULL;
        hole = 0;
        all += pkt->len;
        sum += pkt->info.has_layers && pkt->info.tid > 0 ? 0 : pkt->len;
    }
    if (!first || all > PLM_KEY_GROUP_OCTETS)
        return NULL;
    *octets = sum;
    return first;
}
