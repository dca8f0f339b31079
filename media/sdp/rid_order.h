/*
 * The order of simulcast encodings by the names that are in use: SDP does not say which one is the larger.
 */
#ifndef PLM_SDP_RID_ORDER_H
#define PLM_SDP_RID_ORDER_H

#include "plenum/rtp_params.h"

/**
 * Sort rids lowest quality first when all of them follow one convention (q h f, l m h, low mid high, 0 1 2, 180p 360p 720p, …);
 * else leave them as they are.
 */
void plm_sdp_order_rids(char rids[][PLM_TOKEN_SIZE], unsigned n);

#endif
