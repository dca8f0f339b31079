/*
 * Inside of a worker: what its transports, shards and tracks share. Private to media/; one thread.
 */
#ifndef PLM_WORKER_CORE_H
#define PLM_WORKER_CORE_H

#include "base/timer.h"
#include "base/u32_map.h"
#include "command.h"
#include "egress.h"
#include "ice_lite.h"
#include "pacer.h"
#include "pkt.h"
#include "registry.h"
#include "security.h"
#include "strays.h"
#include "tuple_map.h"

struct plm_worker {
    struct plm_worker_config config;
    uint64_t now_us;  /**< of this turn: one clock read per batch */
    uint64_t came_us; /**< when the datagram at hand came to this machine: now_us, or somewhat before */
    struct plm_wheel wheel;
    uint64_t due_us;                 /**< when the wheel is to run next, 0: at no time */
    uint64_t held_until_us, held_us; /**< when it was late last, and how much at most in the second before */
    struct plm_pkt_pool *pool;
    struct plm_ice_lite *ice;
    struct plm_tuple_map tuples;
    struct plm_strays strays;      /**< which of them are other workers' */
    struct plm_u32_map transports; /**< by plm_transport_id */
    struct plm_u32_map shards;     /**< by plm_room_id */
    struct plm_transport *closing; /**< ended in this turn, freed at its end */
    struct plm_shard *dirty_shards; /**< what their receivers see must be decided anew */
    uint32_t turn;                 /**< counts those that ended; while one lasts, the clock may be read anew */
    struct plm_track *changed_tracks; /**< what is needed of them is told at the end of this turn */
    struct plm_feed *feed;         /**< what its reader will get; NULL: nobody reads. Borrowed from the driver */
    struct plm_egress egress;
    struct plm_pacer_pool pacer;
    struct plm_timer sweep;
    uint64_t stir, stirred_us;     /**< what plm_worker_patience counted last; when that had changed */
    uint64_t next_track_key;       /**< names tracks in slots' maps; never reused */
    uint32_t next_instance;
    uint32_t stun_tokens;          /**< unauthenticated requests that may still be looked at this second */
    uint64_t stun_second;
    struct plm_worker_stats stats;
};

static inline void plm_count(struct plm_worker *w, enum plm_counter c)
{
    w->stats.counters[c]++;
}
static inline void plm_count_drop(struct plm_worker *w, enum plm_drop d)
{
    w->stats.drops[d]++;
}
static inline void plm_gauge_add(struct plm_worker *w, enum plm_gauge g, int by)
{
    w->stats.gauges[g] += (uint32_t)by;
}

uint32_t plm_worker_random32(struct plm_worker *w);
struct plm_transport *plm_worker_find_transport(const struct plm_worker *w, plm_transport_id id);
struct plm_shard *plm_worker_find_shard(const struct plm_worker *w, plm_room_id room);
/** Longest time in the last second that it did nothing while something was due, 0: none worth telling. */
uint16_t plm_worker_held_ms(const struct plm_worker *w);
/** Wall clock of this turn as NTP time. */
uint64_t plm_worker_ntp(const struct plm_worker *w);

#endif
