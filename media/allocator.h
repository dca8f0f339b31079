/*
 * Who gets which layer: one budget shared among the video slots of a receiver. No I/O, no clock.
 */
#ifndef PLM_ALLOCATOR_H
#define PLM_ALLOCATOR_H

#include "layer_select.h"

#define PLM_ALLOC_TEMPORAL    4       /* temporal layers that are told apart */
#define PLM_ALLOC_UP_PERCENT  115     /* what a step up must find room for, of what is used with it */
#define PLM_ALLOC_PROVED_PERCENT 93 /* of what was to be proved: meanwhile pictures have come to take a little more */
#define PLM_ALLOC_SUSTAIN_US  1000000 /* and for how long */
#define PLM_ALLOC_PATIENCE_US 5000000 /* after a step down for want of bandwidth there is none up */
#define PLM_ALLOC_PAUSE_US    20000000 /* the longest that a pause lasts for it */
#define PLM_ALLOC_PATIENCE_MAX_US                                                                            \
    60000000 /* doubled up to this each time that a step up had to be taken back */

/** One quality of a track: an encoding of a simulcast. */
struct plm_alloc_layer {
    bool sent;                        /**< flows from the publisher at present */
    uint32_t bps[PLM_ALLOC_TEMPORAL]; /**< of all that flows up to this temporal layer; 0: never measured */
    uint16_t width, height;           /**< 0: unknown */
    uint8_t temporal_layers;          /**< 0: unknown, taken as one */
};

/** What is remembered of one showing of a track in a slot; all zero at its begin. The allocator's own but for its life. */
struct plm_alloc_memory {
    bool known;            /**< the rest is valid */
    uint8_t encoding, tid; /**< chosen last; PLM_LAYER_NONE: paused */
    uint8_t priority;      /**< asked for then */
    uint16_t want_width, want_height;
    uint64_t rose_us;       /**< to this encoding, or from a pause, by itself: since then; 0: it did not */
    uint64_t room_since_us; /**< for a step up; 0: there is none */
    uint64_t awaited_us;    /**< an encoding that was not sent when it was asked for: since then; 0: none */
};

/** What is remembered of a receiver's line; all zero at its begin. */
struct plm_alloc_line {
    uint64_t rose_us, fell_us; /**< the last switch up; the last one down for want of bandwidth. 0: never */
    uint32_t patience_us;      /**< after that one */
    uint64_t failed_bps;       /**< the budget that had turned out too large then */
    uint64_t fallen_bps;       /**< the least budget since then; 0: what fell was a step up, taken back */
    uint64_t back_bps;         /**< all that was used before, with room to spare */
    uint64_t budget_bps;       /**< of the last time */
    uint64_t used_bps;         /**< the same */
    uint64_t proved_bps; /**< the caller's, each time: what of the budget is proved; 0: nothing ever is, a step up proves it */
    uint64_t beside_bps; /**< the same: what the line carries beside the budget, for sound */
};

struct plm_alloc_slot {
    /* in */
    uint8_t priority;
    bool screen;
    uint16_t want_width, want_height; /**< 0: any */
    uint8_t n_layers;                 /**< lowest first */
    struct plm_alloc_layer layers[PLM_MAX_ENCODINGS];
    uint8_t present; /**< encoding that is forwarded now, PLM_LAYER_NONE */
    struct plm_alloc_memory *memory;
    /* out */
    uint8_t encoding, tid; /**< among what is being sent; encoding PLM_LAYER_NONE: paused */
    uint8_t wish; /**< what it would get if every encoding were sent: the demand towards the publisher */
};

struct plm_alloc_total {
    uint64_t used_bps; /**< by what was chosen */
    uint64_t want_bps; /**< by all of it, if there were no limit */
    uint64_t next_bps; /**< to be proved for the next step up, head-room included; 0: there is none */
};

/**
 * Share a budget among the video slots (at most PLM_MAX_MEDIA are looked at): each its floor first, the lowest temporal layer of the lowest
 * encoding; then steps up, screens before everybody, then by priority, then those that are large beside the others. Who is equal in this
 * climbs together, step by step, up to the smallest encoding that covers the wanted size. A camera gets all its frames before more pixels, a
 * screen all its pixels before more frames, as browsers do with what they encode. A budget of 0 means unknown: everybody gets what it wants.
 *
 * Down at once; a camera within 5 s of its switch up by fewer frames, if no more lacks than the head-room was. Up from what was chosen before only if 15 % would be left, and have
 * been for a second, and all of it is proved. No switch up within 5 s of one down for
 * want of bandwidth, and longer each time that one up had to be taken back, unless the budget is half as large again as the one that failed, or, where no step
 * up was taken back, has, with sound, grown by three fifths since its least, and is far more than was used: the line stood still for a moment, or was thought to; more frames of the
 * same encoding cost no key frame, and do not wait for this; a paused slot's return waits 20 s at most. Nor does anything that somebody asks for otherwise than before (another size,
 * another priority, another track); where the publisher had to begin with what is asked for, not for some seconds. The sum never exceeds the budget, but
 * for 5 s after a camera came back from a pause: lowest layers of cameras stay then if, sound included, no more than 15 % of the line lack.
 *
 * Called whenever something has changed, and at least twice a second.
 */
void plm_allocate(struct plm_alloc_line *line, struct plm_alloc_slot *slots, size_t n, uint32_t budget_bps,
    uint64_t now_us, struct plm_alloc_total *total);

#endif
