/*
 * How an estimate moves by the delay: a step down to what the line was seen to carry, up by a share of itself while nothing is known, by
 * about a packet per round trip near where it was too much. No I/O, no clock.
 */
#ifndef PLM_BWE_AIMD_H
#define PLM_BWE_AIMD_H

#include <stdbool.h>
#include <stdint.h>

/** Zeroed memory is a beginning. */
struct plm_bwe_aimd {
    double capacity, deviation; /**< bit/s that went through when it was too much; 0: not known */
    uint64_t decreased_us, grown_us;
    bool rising; /**< the queue does not have to be waited for */
};

/** Too much is sent; acked bit/s go through (0: not known). little: the queue for it is short. @return the new estimate, never above the old one */
uint64_t plm_bwe_aimd_decrease(
    struct plm_bwe_aimd *a, uint64_t estimate, uint64_t acked, bool little, uint32_t rtt_us, uint64_t now_us);
/** The queue is empty again: growth may go on. */
void plm_bwe_aimd_settle(struct plm_bwe_aimd *a);
/** Nothing speaks against more. @return the new estimate */
uint64_t plm_bwe_aimd_grow(struct plm_bwe_aimd *a, uint64_t estimate, uint32_t rtt_us, uint64_t now_us);
/** Nothing may grow: the time that passes does not count. */
void plm_bwe_aimd_hold(struct plm_bwe_aimd *a, uint64_t now_us);

#endif
