/*
 * u32 → pointer, open addressing with linear probing. Key 0 is not allowed. One owner, one thread.
 */
#ifndef PLM_U32_MAP_H
#define PLM_U32_MAP_H

#include <stdint.h>

struct plm_u32_map {
    uint32_t *keys;
    void **values;
    uint32_t size, n; /**< size is 0 or a power of two */
};

void plm_u32_map_init(struct plm_u32_map *m);
void plm_u32_map_destroy(struct plm_u32_map *m);
/** @return the value or NULL */
void *plm_u32_map_find(const struct plm_u32_map *m, uint32_t key);
/** Add or replace. @return 0 or PLM_ENOMEM */
int plm_u32_map_set(struct plm_u32_map *m, uint32_t key, void *value);
/** @return what was there, or NULL */
void *plm_u32_map_remove(struct plm_u32_map *m, uint32_t key);
/** Walk: start with *at = 0. @return the next value, NULL at the end. Nothing may be added or removed meanwhile. */
void *plm_u32_map_next(const struct plm_u32_map *m, uint32_t *at);

#endif
