#include <string.h>

#include "bwe_rate.h"

#define WINDOW_US ((int64_t)PLM_BWE_BINS * PLM_BWE_BIN_US)

void plm_bwe_rate_move(struct plm_bwe_rate *r, int64_t now_us)
{
    if (!r->any)
        return;
    if (now_us - r->start_us >= WINDOW_US || r->start_us - now_us >= WINDOW_US) {
        memset(r, 0, sizeof *r);
        return;
    }
    for (; now_us - r->start_us >= PLM_BWE_BIN_US; r->start_us += PLM_BWE_BIN_US) {
        r->at = (uint8_t)((r->at + 1) % PLM_BWE_BINS);
        r->bins[r->at] = 0;
    }
    if (now_us > r->newest_us)
        r->newest_us = now_us;
}

void plm_bwe_rate_add(struct plm_bwe_rate *r, uint32_t octets, int64_t now_us)
{
    plm_bwe_rate_move(r, now_us);
    if (!r->any) {
        r->start_us = r->since_us = r->newest_us = now_us;
        r->any = true;
    }
    r->bins[r->at] += octets;
}

int64_t plm_bwe_rate_age(const struct plm_bwe_rate *r)
{
    return r->any ? r->newest_us - r->since_us : 0;
}

uint64_t plm_bwe_rate_bps(const struct plm_bwe_rate *r, unsigned bins)
{
    if (!r->any || !bins)
        return 0;
    bins = bins < PLM_BWE_BINS ? bins : PLM_BWE_BINS;
    uint64_t octets = 0;
    for (unsigned i = 0; i < bins; i++)
        octets += r->bins[(r->at + PLM_BWE_BINS - i) % PLM_BWE_BINS];
    int64_t span = (int64_t)(bins - 1) * PLM_BWE_BIN_US + (r->newest_us - r->start_us),
            age = plm_bwe_rate_age(r);
    span = span < age ? span : age;
    span = span > PLM_BWE_BIN_US ? span : PLM_BWE_BIN_US;
    return octets * 8000000 / (uint64_t)span;
}
