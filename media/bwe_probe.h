/*
 * Clusters of packets at an exact rate that show what a line carries beyond what is sent. No I/O, no clock: says when and how fast to probe,
 * and reads the answer. Who sends marks what leaves meanwhile with the cluster's number.
 */
#ifndef PLM_BWE_PROBE_H
#define PLM_BWE_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#define PLM_BWE_CLUSTERS 7 /* numbers go round; 0: no cluster */

/** A cluster to be sent: whatever leaves, at this rate, until so much has. */
struct plm_bwe_cluster {
    uint32_t bps, octets;
    uint8_t id;
};

/** Zeroed memory is a beginning. */
struct plm_bwe_probe {
    struct plm_bwe_cluster cluster; /**< under way or awaiting its answer; id 0: none */
    uint8_t last_id;
    bool sending;
    uint8_t failed; /**< in a row that showed nothing more */
    uint64_t began_us, ended_us, next_us;
    /* its answer */
    uint32_t n_sent, n_got, sent_octets, got_octets;
    uint32_t last_sent_octets, first_got_octets;
    int64_t first_sent_us, last_sent_us, first_got_us, last_got_us;
};

/** What it decides by. */
struct plm_bwe_probe_state {
    uint32_t estimate; /**< bit/s; 0: not valid */
    uint32_t want;     /**< bit/s that would be used */
    bool calm;         /**< no queue, not much loss, no decrease of late */
    uint32_t rtt_us;
    uint64_t doubted; /**< bit/s: an answer below it shows nothing more; 0: any may */
};

/** @return whether a cluster is to begin now; sending has begun then */
bool plm_bwe_probe_begin(struct plm_bwe_probe *p, const struct plm_bwe_probe_state *s, uint64_t now_us);
/** When to ask plm_bwe_probe_begin again, UINT64_MAX: not before something else has changed. */
uint64_t plm_bwe_probe_next(
    const struct plm_bwe_probe *p, const struct plm_bwe_probe_state *s, uint64_t now_us);
/** @return octets of the cluster that are due within step_us; 0 also: it has been sent, or cannot be, and sending has ended */
size_t plm_bwe_probe_due(struct plm_bwe_probe *p, uint32_t step_us, uint64_t now_us);
/** A packet marked with id has left. */
void plm_bwe_probe_on_sent(struct plm_bwe_probe *p, uint32_t octets, int64_t sent_us);
/** One was acknowledged. */
void plm_bwe_probe_on_acked(struct plm_bwe_probe *p, uint8_t id, uint32_t octets, int64_t arrival_us);
/** After a feedback. @return bit/s that the cluster was seen to carry, 0: no answer (yet) */
uint32_t plm_bwe_probe_answer(struct plm_bwe_probe *p, const struct plm_bwe_probe_state *s, uint64_t now_us);
/** After an answer: whether a faster cluster follows at once. */
bool plm_bwe_probe_goes_on(
    const struct plm_bwe_probe *p, const struct plm_bwe_probe_state *s, uint64_t now_us);
/** The estimate fell: ask at that time at the latest. */
void plm_bwe_probe_hurry(struct plm_bwe_probe *p, uint64_t at_us);

#endif
