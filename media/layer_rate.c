#include <string.h>

#include "layer_rate.h"

#define SMOOTH 3 /* seconds: a key frame, or a scene, must not look like a rate */

void plm_layer_rate_on_packet(struct plm_layer_rate *r, uint8_t tid, size_t octets)
{
    r->octets[tid < PLM_ALLOC_TEMPORAL ? tid : PLM_ALLOC_TEMPORAL - 1] += (uint32_t)octets;
}

void plm_layer_rate_tick(struct plm_layer_rate *r)
{
    uint32_t sum[PLM_ALLOC_TEMPORAL], all = 0;
    for (unsigned i = 0; i < PLM_ALLOC_TEMPORAL; i++)
        sum[i] = all += r->octets[i];
    bool whole = r->running && all > 0;
    for (unsigned i = 0; whole && i < PLM_ALLOC_TEMPORAL; i++) {
        int64_t now = (int64_t)sum[i] * 8, was = r->bps[i];
        r->bps[i] = (uint32_t)(was ? was + (now - was) / SMOOTH : now);
    }
    r->running = all > 0;
    memset(r->octets, 0, sizeof r->octets);
}

static unsigned top_of(unsigned layers)
{
    return layers < 1 ? 0 : layers > PLM_ALLOC_TEMPORAL ? PLM_ALLOC_TEMPORAL - 1 : layers - 1;
}

/** Of two layers 60, 100; of three 40, 60, 100; of four 25, 40, 60, 100 %. */
static unsigned usual_share(unsigned tid, unsigned layers)
{
    static const uint16_t usual[] = {256, 154, 102, 64};
    unsigned top = top_of(layers);
    return tid >= top ? 256 : usual[top - tid];
}

unsigned plm_layer_rate_share(const struct plm_layer_rate *r, unsigned tid, unsigned layers)
{
    unsigned top = top_of(layers);
    if (tid >= top || !r->bps[top])
        return usual_share(tid, layers);
    uint64_t share = (uint64_t)r->bps[tid] * 256 / r->bps[top];
    return share < 1 ? 1 : share > 256 ? 256 : (unsigned)share;
}

void plm_layer_rate_told(struct plm_layer_rate *r, uint32_t bps, const uint8_t shares[2], unsigned layers)
{
    if (r->running || bps == 0)
        return;
    uint32_t least = 0;
    for (unsigned i = 0; i < PLM_ALLOC_TEMPORAL; i++) {
        unsigned share = usual_share(i, layers);
        if (i < 2 && i + 1 < layers && shares[i])
            share = shares[i];
        uint32_t up_to = (uint32_t)((uint64_t)bps * share / 256);
        r->bps[i] = least = up_to > least ? up_to : least;
    }
}
