#include "pkt.h"

#include "base/prefetch.h"

#include <stdlib.h>

#define SLAB_PACKETS 64
#define EVICT_MAX    16 /* at a time: who is in flight comes back only at the next flush */

struct slab {
    struct slab *next;
    struct plm_pkt packets[SLAB_PACKETS];
};

struct plm_pkt_pool {
    struct slab *slabs;
    struct plm_pkt *free;
    struct plm_pkt *oldest, *newest; /* that are held */
    uint64_t evicted;
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

void plm_pkt_hold(struct plm_pkt_pool *pool, struct plm_pkt **place, struct plm_pkt *pkt)
{
    *place = plm_pkt_ref(pkt);
    pkt->place = place;
    pkt->older = pool->newest;
    pkt->newer = NULL;
    *(pool->newest ? &pool->newest->newer : &pool->oldest) = pkt;
    pool->newest = pkt;
}

void plm_pkt_let_go(struct plm_pkt_pool *pool, struct plm_pkt **place)
{
    struct plm_pkt *pkt = *place;
    if (!pkt)
        return;
    *(pkt->older ? &pkt->older->newer : &pool->oldest) = pkt->newer;
    *(pkt->newer ? &pkt->newer->older : &pool->newest) = pkt->older;
    pkt->place = NULL;
    *place = NULL;
    plm_pkt_put(pool, pkt);
}

static void evict(struct plm_pkt_pool *pool)
{
    for (int i = 0; i < EVICT_MAX && !pool->free && pool->oldest; i++) {
        plm_pkt_let_go(pool, pool->oldest->place);
        pool->evicted++;
    }
}

struct plm_pkt *plm_pkt_get(struct plm_pkt_pool *pool)
{
    if (!pool->free)
        grow(pool);
    if (!pool->free)
        evict(pool);
    struct plm_pkt *pkt = pool->free;
    if (!pkt)
        return NULL;
    pool->free = pkt->next_free;
    pool->used++;
    pkt->next_free = NULL;
    pkt->place = NULL;
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

void plm_pkt_prefetch(const struct plm_pkt_pool *pool, size_t octets)
{
    if (pool->free)
        plm_prefetch(pool->free, offsetof(struct plm_pkt, data) + octets);
}

uint32_t plm_pkt_pool_used(const struct plm_pkt_pool *pool)
{
    return pool->used;
}

uint64_t plm_pkt_pool_evicted(const struct plm_pkt_pool *pool)
{
    return pool->evicted;
}
