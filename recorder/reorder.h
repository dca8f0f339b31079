/*
 * Packets of one encoding in the order in which they were sent. What comes in order passes through untouched; what comes early is copied and
 * waits for those before it, for a bounded time and in bounded number. No I/O, no clock.
 */
#ifndef PLM_RECORDER_REORDER_H
#define PLM_RECORDER_REORDER_H

#include "plenum/types.h"

/** A packet of a link, checked: offsets lie within data. */
struct plm_stream_packet {
    uint64_t ext_seq, ext_ts, arrival_us;
    enum plm_codec codec;
    bool marker;
    const uint8_t *data; /**< the RTP packet */
    uint16_t len;
    uint16_t payload_off, payload_len;
    uint16_t orientation_off, dd_off; /**< 0: absent */
    uint8_t dd_len;
};

/** One that waits. */
struct plm_queued {
    struct plm_queued *prev, *next;
    uint64_t since_us;
    struct plm_stream_packet packet; /**< data is the octets below */
    uint8_t data[];
};

#define PLM_REORDER_SEEN 2048 /* sequence numbers before the next one that are remembered */

struct plm_reorder {
    bool any;
    uint64_t next; /**< extended sequence number that is due */
    struct plm_queued *first, *last;
    uint32_t n;
    uint64_t seen[PLM_REORDER_SEEN / 64]; /**< a bit per number: was it taken */
};

enum plm_reorder_verdict {
    PLM_REORDER_NOW,  /**< it is due: use it, then plm_reorder_take */
    PLM_REORDER_KEPT, /**< a copy waits */
    PLM_REORDER_LATE, /**< its place was given up */
    PLM_REORDER_DUPLICATE,
    PLM_REORDER_NO_MEMORY,
};

void plm_reorder_init(struct plm_reorder *r);
/** Lets go of what waits; the next packet that comes is the one that is due. */
void plm_reorder_reset(struct plm_reorder *r);
enum plm_reorder_verdict plm_reorder_put(
    struct plm_reorder *r, const struct plm_stream_packet *packet, uint64_t now_us);
/** Before the first one is due: a copy waits for those that may have been sent before it. @return KEPT, DUPLICATE or NO_MEMORY */
enum plm_reorder_verdict plm_reorder_put_early(
    struct plm_reorder *r, const struct plm_stream_packet *packet, uint64_t now_us);
/** The first that waits is due now. */
void plm_reorder_begin(struct plm_reorder *r);
/** @return one that waited and is due, to be freed with free(); NULL: none */
struct plm_queued *plm_reorder_take(struct plm_reorder *r);
/** Give up the numbers before the first that waits. @return how many */
uint64_t plm_reorder_give_up(struct plm_reorder *r);
/** Since when something waits, UINT64_MAX: nothing does. */
uint64_t plm_reorder_waits_since(const struct plm_reorder *r);

#endif
