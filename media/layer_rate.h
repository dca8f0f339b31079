/*
 * What each temporal layer of an encoding takes, as measured. No I/O, no clock.
 */
#ifndef PLM_LAYER_RATE_H
#define PLM_LAYER_RATE_H

#include "allocator.h"

/** All zero: nothing measured yet. */
struct plm_layer_rate {
    uint32_t octets[PLM_ALLOC_TEMPORAL]; /**< of the present second, by layer */
    uint32_t bps
        [PLM_ALLOC_TEMPORAL]; /**< up to each layer, over some seconds; kept while nothing flows. 0: never measured */
    bool running;             /**< packets flowed when the present second began: it is a whole one */
};
void plm_layer_rate_on_packet(struct plm_layer_rate *r, uint8_t tid, size_t octets);
/** Each second. A second in which an encoding began or ended says nothing. */
void plm_layer_rate_tick(struct plm_layer_rate *r);
/** 256ths of the whole that flow up to a layer; of `layers` the usual ones where nothing was measured. @return 1..256 */
unsigned plm_layer_rate_share(const struct plm_layer_rate *r, unsigned tid, unsigned layers);

/**
 * What somebody else measured counts for as long as nothing of it comes here.
 * @param bps of the whole; 0: it does not flow, and what was known stays
 * @param shares 256ths up to temporal layer 0, and up to 1; 0: unknown
 */
void plm_layer_rate_told(struct plm_layer_rate *r, uint32_t bps, const uint8_t shares[2], unsigned layers);

#endif
