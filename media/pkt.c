#include "pkt.h"

#include <stdlib.h>

#define SLAB_PACKETS 64

struct slab {
    struct slab *next;
    struct plm_pkt packets[SLAB_PACKETS];
};

struct plm_pkt_pool {
    struct slab *slabs;
    struct plm_pkt *free;
    uint32_t made, used, max;
};

int plm_pkt_pool_create(struct plm_pkt_pool **out, uint32_t max_packets)
{
    struct plm_pkt_pool *pool = calloc(1, sizeof *pool);
    if (!pool)
        return PLM_ENOMEM;
    pool->max = max_packets;
    *out = pool;
    return 0;
}

void plm_pkt_pool_destroy(struct plm_pkt_pool *pool)
{
    if (!pool)
        return;
    while (pool->slabs) {
        struct slab *next = pool->slabs->next;
        free(pool->slabs);
        pool->slabs = next;
    }
    free(pool);
}

static void grow(struct plm_pkt_pool *pool)
{
    uint32_t n = pool->max - pool->made;
    if (n > SLAB_PACKETS)
        n = SLAB_PACKETS;
    struct slab *slab = n ? malloc(sizeof *slab) : NULL;
    if (!slab)
        return;
    slab->next = pool->slabs;
    pool->slabs = slab;
    pool->made += n;
    while (n--) {
        slab->packets[n].next_free = pool->free;
        pool->free = &slab->packets[n];
    }
}

struct plm_pkt *plm_pkt_get(struct plm_pkt_pool *pool)
{
    if (!pool->free)
        grow(pool);
    struct plm_pkt *pkt = pool->free;
    if (!pkt)
        return NULL;
    pool->free = pkt->next_free;
    pool->used++;
    pkt->next_free = NULL;
    pkt->refs = 1;
    return pkt;
}

void plm_pkt_put(struct plm_pkt_pool *pool, struct plm_pkt *pkt)
{
    if (!pkt || --pkt->refs)
        return;
    pkt->next_free = pool->free;
    pool->free = pkt;
    pool->used--;
}

uint32_t plm_pkt_pool_used(const struct plm_pkt_pool *pool)
{
    return pool->used;
}
