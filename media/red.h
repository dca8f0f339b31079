/*
 * Copies of earlier sound in the packets of a receiver that loses some (RFC 2198): how many, how far back, and their octets.
 * No I/O, no clock.
 */
#ifndef PLM_RED_H
#define PLM_RED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLM_RED_MAX_COPIES   2
#define PLM_RED_MAX_DISTANCE 3
/** Of all copies of one packet with their headers: ten bits count a block's octets (RFC 2198 section 3), each block has 4 before it. */
#define PLM_RED_MAX_OCTETS (PLM_RED_MAX_COPIES * (4 + 1023) + 1)

/** One packet that went out before. */
struct plm_red_block {
    const uint8_t *payload;
    uint16_t len;
    uint32_t ts_back; /**< from the packet that carries the copy, in ticks */
};

/** Whether a block can be said at all: 14 bits of timestamp, 10 bits of length, and not nothing. */
static inline bool plm_red_fits(const struct plm_red_block *b)
{
    return b->len > 0 && b->len < 1 << 10 && b->ts_back > 0 && b->ts_back < 1 << 14;
}

/**
 * Write what stands before the packet's own payload: a header for each block and for the payload, then the blocks. @param pt of all of them
 * @param blocks oldest first, each of which fits
 * @return octets written, 0: cap is too small
 */
size_t plm_red_write(uint8_t *out, size_t cap, uint8_t pt, const struct plm_red_block *blocks, size_t n);

/** What is known of a receiver and its line. */
struct plm_red_line {
    uint32_t lost_q8;      /**< of 256 packets */
    uint32_t rtt_us;       /**< 0: unknown */
    uint32_t estimate_bps; /**< 0: unknown */
    uint32_t sound_bps;    /**< that it is sent, without copies */
    bool full;             /**< a queue stands before it: more octets would lose more */
};

/** The copies that one receiver gets. Zeroed memory is a beginning. */
struct plm_red {
    uint8_t distances;       /**< bit d: of the packet d before the one that carries it; 0: none */
    bool beyond;             /**< they take more than the estimate surely has for them: a trial */
    uint32_t lost_before_q8; /**< when that began */
    uint32_t pause_s;        /**< after the last harm it did: longer each time */
    uint64_t not_before_us;  /**< then that may be tried again */
};

/** Decide anew, with each feedback. */
void plm_red_update(struct plm_red *r, const struct plm_red_line *line, uint64_t now_us);

#endif
