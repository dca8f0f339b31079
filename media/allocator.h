/*
 * Who gets which layer: one budget shared among the video slots of a receiver.
 */
#ifndef PLM_ALLOCATOR_H
#define PLM_ALLOCATOR_H

#include "layer_select.h"

struct plm_alloc_layer {
    uint32_t bitrate_bps; /**< measured; 0: not being sent at present */
    uint16_t width, height;
    uint8_t temporal_layers;
};
struct plm_alloc_slot {
    /* in */
    uint8_t priority;
    bool screen;
    uint16_t want_width, want_height; /**< 0: any */
    uint8_t n_layers;                 /**< lowest first */
    struct plm_alloc_layer layers[PLM_MAX_ENCODINGS];
    uint8_t present; /**< encoding forwarded now, PLM_LAYER_NONE */
    /* out */
    uint8_t encoding, tid; /**< among what is being sent; encoding PLM_LAYER_NONE: paused */
    uint8_t wish; /**< what it would get if every encoding were sent: the demand towards the publisher */
};
/**
 * Share a budget among the video slots (at most PLM_MAX_MEDIA are looked at): every slot its floor first, by priority; then steps up by
 * priority, screen first, largest first, to the smallest encoding that covers the wanted size. A budget of 0 means unknown: everybody gets
 * what it wants.
 * Hysteresis: a step up needs 15 % head-room over what is used now.
 */
void plm_allocate(struct plm_alloc_slot *slots, size_t n, uint32_t budget_bps);
/** @return bit/s that all slots together would take if there were no limit */
uint32_t plm_alloc_wanted(const struct plm_alloc_slot *slots, size_t n);

#endif
