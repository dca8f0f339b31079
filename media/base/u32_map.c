#include "base/u32_map.h"

#include "base/planted.h"

#include "plenum/types.h"

#include <stdlib.h>
#include <string.h>

static uint32_t place(const struct plm_u32_map *m, uint32_t key)
{
    return (key * 2654435761u) >> 7 & (m->size - 1); /* Knuth's multiplicative hash */
}

void plm_u32_map_init(struct plm_u32_map *m)
{
    memset(m, 0, sizeof *m);
}

void plm_u32_map_destroy(struct plm_u32_map *m)
{
    free(m->keys);
    free(m->values);
    plm_u32_map_init(m);
}

static uint32_t probe(const struct plm_u32_map *m, uint32_t key)
{
    uint32_t i = place(m, key);
    while (m->keys[i] != 0 && m->keys[i] != key)
        i = (i + 1) & (m->size - 1);
    return i;
}

void *plm_u32_map_find(const struct plm_u32_map *m, uint32_t key)
{
    if (m->n == 0 || key == 0)
        return NULL;
    uint32_t i = probe(m, key);
    return m->keys[i] == key ? m->values[i] : NULL;
}

static int grow(struct plm_u32_map *m)
{
    struct plm_u32_map bigger = {.size = m->size ? m->size * 2 : 16};
    bigger.keys = calloc(bigger.size, sizeof *bigger.keys);
    bigger.values = calloc(bigger.size, sizeof *bigger.values);
    if (!bigger.keys || !bigger.values) {
        plm_u32_map_destroy(&bigger);
        return PLM_ENOMEM;
    }
    for (uint32_t i = 0; i < m->size; i++) {
        if (m->keys[i] == 0)
            continue;
        uint32_t at = probe(&bigger, m->keys[i]);
        bigger.keys[at] = m->keys[i];
        bigger.values[at] = m->values[i];
    }
    bigger.n = m->n;
    plm_u32_map_destroy(m);
    *m = bigger;
    return 0;
}

int plm_u32_map_set(struct plm_u32_map *m, uint32_t key, void *value)
{
    if ((m->n + 1) * 4 > m->size * 3 && grow(m) != 0)
        return PLM_ENOMEM;
    uint32_t i = probe(m, key);
    if (m->keys[i] == 0)
        m->n++;
    m->keys[i] = key;
    m->values[i] = value;
    return 0;
}

void *plm_u32_map_remove(struct plm_u32_map *m, uint32_t key)
{
    if (m->n == 0 || key == 0)
        return NULL;
    uint32_t hole = probe(m, key);
    if (m->keys[hole] != key)
        return NULL;
    void *value = m->values[hole];
    /* Close the hole: pull back each entry of the run that may stand there. */
    for (uint32_t i = (hole + 1) & (m->size - 1); m->keys[i] != 0; i = (i + 1) & (m->size - 1)) {
        uint32_t home = place(m, m->keys[i]);
        if (PLM_FITS(u32_map, ((i - home) & (m->size - 1)) < ((i - hole) & (m->size - 1))))
            continue;
        m->keys[hole] = m->keys[i];
        m->values[hole] = m->values[i];
        hole = i;
    }
    m->keys[hole] = 0;
    m->values[hole] = NULL;
    m->n--;
    return value;
}

void *plm_u32_map_next(const struct plm_u32_map *m, uint32_t *at)
{
    while (*at < m->size) {
        uint32_t i = (*at)++;
        if (m->keys[i] != 0)
            return m->values[i];
    }
    return NULL;
}
