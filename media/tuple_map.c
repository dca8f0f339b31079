#include "tuple_map.h"

#include "base/planted.h"

#include <stdlib.h>
#include <string.h>

static uint32_t mix(uint64_t x)
{
    x ^= x >> 33;
    x *= 0xff51afd7ed558ccdull; /* finaliser of MurmurHash3 */
    x ^= x >> 33;
    x *= 0xc4ceb9fe1a85ec53ull;
    return (uint32_t)(x >> 32);
}

static uint32_t hash(uint8_t sock, const struct plm_addr *a)
{
    if (a->sa.sa_family == AF_INET)
        return mix((uint64_t)a->in4.sin_addr.s_addr << 24 | (uint64_t)a->in4.sin_port << 8 | sock);
    uint64_t hi, lo;
    memcpy(&hi, a->in6.sin6_addr.s6_addr, 8);
    memcpy(&lo, a->in6.sin6_addr.s6_addr + 8, 8);
    return mix(hi ^ (lo + ((uint64_t)a->in6.sin6_port << 8 | sock)));
}

static bool same(const struct plm_tuple *t, uint8_t sock, const struct plm_addr *a)
{
    return t->sock == sock && plm_addr_equal(&t->addr, a);
}

void plm_tuple_map_init(struct plm_tuple_map *m)
{
    memset(m, 0, sizeof *m);
}

void plm_tuple_map_destroy(struct plm_tuple_map *m)
{
    free(m->v);
    plm_tuple_map_init(m);
}

static uint32_t probe(const struct plm_tuple_map *m, uint8_t sock, const struct plm_addr *addr)
{
    uint32_t i = hash(sock, addr) & (m->size - 1);
    while (m->v[i].used && !same(&m->v[i], sock, addr))
        i = (i + 1) & (m->size - 1);
    return i;
}

struct plm_tuple *plm_tuple_map_find(const struct plm_tuple_map *m, uint8_t sock, const struct plm_addr *addr)
{
    if (m->n == 0)
        return NULL;
    struct plm_tuple *t = &m->v[probe(m, sock, addr)];
    return t->used ? t : NULL;
}

static bool grow(struct plm_tuple_map *m)
{
    struct plm_tuple_map bigger = {.size = m->size ? m->size * 2 : 64, .n = m->n};
    bigger.v = calloc(bigger.size, sizeof *bigger.v);
    if (!bigger.v)
        return false;
    for (uint32_t i = 0; i < m->size; i++) {
        if (m->v[i].used)
            bigger.v[probe(&bigger, m->v[i].sock, &m->v[i].addr)] = m->v[i];
    }
    free(m->v);
    *m = bigger;
    return true;
}

struct plm_tuple *plm_tuple_map_set(struct plm_tuple_map *m, uint8_t sock, const struct plm_addr *addr)
{
    if ((m->n + 1) * 4 > m->size * 3 && !grow(m))
        return NULL;
    struct plm_tuple *t = &m->v[probe(m, sock, addr)];
    if (!t->used) {
        *t = (struct plm_tuple){.addr = *addr, .sock = sock, .used = true};
        m->n++;
    }
    return t;
}

static void remove_at(struct plm_tuple_map *m, uint32_t hole)
{
    uint32_t mask = m->size - 1;
    for (uint32_t i = (hole + 1) & mask; m->v[i].used; i = (i + 1) & mask) {
        uint32_t home = hash(m->v[i].sock, &m->v[i].addr) & mask;
        if (PLM_FITS(tuple_map, ((i - home) & mask) < ((i - hole) & mask)))
            continue;
        m->v[hole] = m->v[i];
        hole = i;
    }
    m->v[hole].used = false;
    m->n--;
}

void plm_tuple_map_remove(struct plm_tuple_map *m, uint8_t sock, const struct plm_addr *addr)
{
    if (m->n == 0)
        return;
    uint32_t i = probe(m, sock, addr);
    if (m->v[i].used)
        remove_at(m, i);
}

uint32_t plm_tuple_map_expire(struct plm_tuple_map *m, uint64_t before_us)
{
    uint32_t removed = 0;
    for (uint32_t i = 0; i < m->size;) {
        struct plm_tuple *t = &m->v[i];
        if (t->used && !t->transport && t->heard_us < before_us) {
            remove_at(m, i); /* another may have moved here: look again */
            removed++;
        } else {
            i++;
        }
    }
    return removed;
}
