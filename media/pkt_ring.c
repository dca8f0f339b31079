#include <stdlib.h>
#include <string.h>

#include "base/planted.h"
#include "pkt.h"

#define NO_SEQ UINT64_MAX

int plm_pkt_ring_init(struct plm_pkt_ring *r, struct plm_pkt_pool *pool, uint32_t size)
{
    memset(r, 0, sizeof *r);
    if (!size || size & (size - 1))
        return PLM_EINVAL;
    r->slots = calloc(size, sizeof *r->slots);
    r->seqs = malloc(size * sizeof *r->seqs);
    if (!r->slots || !r->seqs) {
        free(r->slots);
        free(r->seqs);
        memset(r, 0, sizeof *r);
        return PLM_ENOMEM;
    }
    for (uint32_t i = 0; i < size; i++)
        r->seqs[i] = NO_SEQ;
    r->size = size;
    r->pool = pool;
    return 0;
}

void plm_pkt_ring_reset(struct plm_pkt_ring *r)
{
    for (uint32_t i = 0; i < r->size; i++) {
        plm_pkt_let_go(r->pool, &r->slots[i]);
        r->seqs[i] = NO_SEQ;
    }
    r->any = false;
    r->newest = 0;
}

void plm_pkt_ring_destroy(struct plm_pkt_ring *r)
{
    if (!r->slots)
        return;
    plm_pkt_ring_reset(r);
    free(r->slots);
    free(r->seqs);
    memset(r, 0, sizeof *r);
}

static bool reaches(const struct plm_pkt_ring *r, uint64_t ext_seq)
{
    return ext_seq <= r->newest && r->newest - ext_seq < r->size;
}

/*
 * What lies in the ring has not been looked at for seconds. The packet that leaves it after the next one is asked for, and what the next one is linked
 * with, to be taken out; so is the place of the octets that come next, which mostly is the one that was let go of.
 */
static void prefetch_next(const struct plm_pkt_ring *r, uint64_t at, size_t octets)
{
    const struct plm_pkt *next = r->slots[(at + 1) & (r->size - 1)];
    plm_pkt_prefetch(r->pool, octets);
    __builtin_prefetch(r->slots[(at + 2) & (r->size - 1)], 1);
    if (!next)
        return;
    __builtin_prefetch(next->older, 1);
    __builtin_prefetch(next->newer, 1);
}

bool plm_pkt_ring_put(struct plm_pkt_ring *r, struct plm_pkt *pkt)
{
    uint64_t at = pkt->ext_seq & (r->size - 1);
    if (!r->any || pkt->ext_seq > r->newest) {
        r->any = true;
        r->newest = pkt->ext_seq;
    } else if (!reaches(r, pkt->ext_seq) || r->seqs[at] == pkt->ext_seq) {
        return false;
    }
    plm_pkt_let_go(r->pool, &r->slots[at]);
    plm_pkt_hold(r->pool, &r->slots[at], pkt);
    r->seqs[at] = pkt->ext_seq;
    prefetch_next(r, at, pkt->len);
    return true;
}

struct plm_pkt *plm_pkt_ring_find(const struct plm_pkt_ring *r, uint64_t ext_seq)
{
    if (!r->any || !reaches(r, ext_seq))
        return NULL;
    struct plm_pkt *pkt = r->slots[ext_seq & (r->size - 1)];
    return pkt && PLM_FITS(pkt_ring, pkt->ext_seq == ext_seq) ? pkt : NULL;
}

uint64_t plm_pkt_ring_from(const struct plm_pkt_ring *r, uint64_t ext_seq)
{
    uint64_t oldest = r->newest < r->size ? 0 : r->newest - r->size + 1;
    return ext_seq > oldest ? ext_seq : oldest;
}
