/*
 * The packets of one encoding since its last key frame, as far as its ring still holds them: with them a receiver gets a picture without a
 * request to the publisher. Nothing is stored twice: the group is a place in the ring that retransmission is served from. No I/O, no clock.
 */
#ifndef PLM_KEY_GROUP_H
#define PLM_KEY_GROUP_H

#include "pkt.h"

#define PLM_KEY_GROUP_US     3000000 /* an older one takes its receiver longer than a request does */
#define PLM_KEY_GROUP_OCTETS 1000000
#define PLM_KEY_GROUP_PACKETS                                                                                \
    448 /* the ring goes on being filled while they leave, and a slot's map keeps 512 */

/** An embedded value; all zero: none. */
struct plm_key_group {
    bool any;
    uint64_t first_seq, first_ts, first_us; /**< the key frame's first packet */
};

/** A packet that was put into the ring. */
void plm_key_group_on_packet(struct plm_key_group *g, const struct plm_pkt *pkt);
/** What comes next does not follow what came: the publisher stopped, or a link was not asked for a while. */
void plm_key_group_end(struct plm_key_group *g);
/**
 * @param may_have_holes what is missing since a short while is being repaired; never over a link, where it may not have been sent
 * @param octets what its lowest temporal layer comes to
 * @return the first packet, or NULL: none, too old, too large, or with a hole that nothing will fill any more
 */
struct plm_pkt *plm_key_group_find(const struct plm_key_group *g, const struct plm_pkt_ring *ring,
    uint64_t now_us, bool may_have_holes, size_t *octets);

#endif
