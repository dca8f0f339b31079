/*
 * What the reader of a feed sends back, from octets as a socket gives them to frames (base/link_frame.h): demands, and nothing else.
 * No I/O, no allocation.
 */
#ifndef PLM_FEED_IN_H
#define PLM_FEED_IN_H

#include "base/link_frame.h"

#include <stddef.h>

struct plm_feed_in {
    uint8_t have;  /**< octets of the frame in buf */
    uint32_t skip; /**< of a frame of an unknown type, still to come */
    union {
        struct plm_link_header header;
        uint8_t octets[sizeof(struct plm_link_header) + sizeof(struct plm_link_demand)];
    } buf;
};

typedef void plm_feed_in_fn(void *arg, const struct plm_link_header *h, const struct plm_link_demand *d);

void plm_feed_in_init(struct plm_feed_in *in);
/**
 * Take octets, hand over each demand that is whole. Its source is one of enum plm_source; whether there is such a room and participant,
 * and how many encodings, is for the taker to see. Frames of types that this version does not know are skipped.
 * @return 0; PLM_EINVAL: a frame that no reader sends, a length that cannot be; nothing may be taken any more
 */
int plm_feed_in_take(struct plm_feed_in *in, const uint8_t *data, size_t len, plm_feed_in_fn *fn, void *arg);

#endif
