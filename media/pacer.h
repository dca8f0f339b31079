/*
 * Bursts towards one receiver leave in steps: what exceeds a few milliseconds of a multiple of its estimate waits, a key frame for example, so
 * that it does not fill the queue in front of the line, and the packets of others get between. While a long queue stands there nothing leaves
 * faster than the estimate: the key frame that would end the trouble must not be what finds no room. Sound never waits, but takes its share;
 * retransmissions go before pictures, padding keeps its own time. Without an estimate, and while nothing waits, packets pass through.
 *
 * A packet that waits has its RTP number already: it is never dropped. What cannot be held any more passes; what belongs to a track that its
 * slot no longer shows leaves as padding under its number.
 */
#ifndef PLM_PACER_H
#define PLM_PACER_H

#include "base/timer.h"
#include "egress.h"

#define PLM_PACER_ITEMS 4096 /* of a worker: five seconds of 10 Mbit/s; only what waits takes one */

struct plm_paced;

/** What waits at a worker, of all its receivers. */
struct plm_pacer_pool {
    struct plm_paced *items;
    uint32_t free; /**< index + 1, 0: none */
};

int plm_pacer_pool_init(struct plm_pacer_pool *pool);
void plm_pacer_pool_destroy(struct plm_pacer_pool *pool);

struct plm_pacer_queue {
    uint32_t first, last; /**< index + 1 */
};

/** Embedded in its transport. Zeroed memory is one that lets everything pass. */
struct plm_pacer {
    uint32_t octets_per_ms; /**< 0: everything passes */
    int32_t budget; /**< octets that may leave at once; below 0: the last packet took more than there was */
    uint64_t filled_us; /**< when the budget was */
    bool waiting, open;
    struct plm_pacer_queue rtx, media;
    uint32_t octets; /**< that wait */
    struct plm_timer timer;
};

/** What the receiver's line is thought to carry, bit/s; 0: not known. full: a long queue stands before it */
void plm_pacer_set(struct plm_pacer *p, uint32_t estimate_bps, bool full);
/** @return whether the packet waits (with a reference of its own); else it is to leave now */
bool plm_pacer_hold(struct plm_worker *w, struct plm_slot *slot, struct plm_pkt *pkt,
    enum plm_egress_kind kind, uint8_t pt, const struct plm_map_out *out);
/** A transport ends: let go of what waits. */
void plm_pacer_forget(struct plm_worker *w, struct plm_transport *t);

#endif
