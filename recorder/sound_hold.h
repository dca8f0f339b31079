/*
 * Sound that comes after a silence which its timestamps do not know of: either the sender's clock stood still (replaceTrack(null)) and the packets
 * belong to their arrival, or the network held them and they belong to their timestamps. What the network held comes in a burst, so the first
 * packets are held until that is known. No I/O.
 */
#ifndef PLM_RECORDER_SOUND_HOLD_H
#define PLM_RECORDER_SOUND_HOLD_H

#include "stream_clock.h"

#include <stddef.h>

#define PLM_SOUND_HOLD_MAX 64 /* packets */

struct plm_sound_hold_ops {
    void *ctx;
    /** A packet whose time is known. */
    void (*packet)(void *ctx, const uint8_t *data, size_t len, uint64_t ext_ts, uint64_t arrival_us);
};

struct plm_sound_hold {
    struct plm_stream_clock *clock; /**< borrowed */
    struct plm_sound_hold_ops ops;
    unsigned n;
    uint64_t since_us;
    struct plm_held {
        uint8_t *data;
        size_t len;
        uint64_t ext_ts, arrival_us;
    } held[PLM_SOUND_HOLD_MAX];
};

void plm_sound_hold_init(
    struct plm_sound_hold *h, struct plm_stream_clock *clock, const struct plm_sound_hold_ops *ops);
void plm_sound_hold_destroy(struct plm_sound_hold *h);
/** A packet, in order; octets are copied when it must wait. */
void plm_sound_hold_put(struct plm_sound_hold *h, const uint8_t *data, size_t len, uint64_t ext_ts,
    uint64_t arrival_us, uint64_t now_us);
/** Decide by what came. @return when to be called again at the latest, UINT64_MAX: nothing waits */
uint64_t plm_sound_hold_poll(struct plm_sound_hold *h, uint64_t now_us);
/** Decide now. */
void plm_sound_hold_release(struct plm_sound_hold *h);

#endif
