/*
 * Which transport, or which other worker, an address belongs to. Entries come only from authenticated checks.
 */
#ifndef PLM_TUPLE_MAP_H
#define PLM_TUPLE_MAP_H

#include "plenum/types.h"

struct plm_transport;

struct plm_tuple {
    struct plm_addr addr;
    uint8_t sock;
    uint8_t owner;                /**< the worker to forward to, when transport is NULL */
    bool used;
    struct plm_transport *transport; /**< ours */
    uint64_t heard_us;            /**< last authenticated check or packet; of a stray its last datagram */
};

struct plm_tuple_map {
    struct plm_tuple *v;
    uint32_t size, n;
};

void plm_tuple_map_init(struct plm_tuple_map *m);
void plm_tuple_map_destroy(struct plm_tuple_map *m);
/** @return the entry, valid until the next set or remove; NULL: unknown */
struct plm_tuple *plm_tuple_map_find(const struct plm_tuple_map *m, uint8_t sock, const struct plm_addr *addr);
/** Find or add. @return NULL: no memory */
struct plm_tuple *plm_tuple_map_set(struct plm_tuple_map *m, uint8_t sock, const struct plm_addr *addr);
void plm_tuple_map_remove(struct plm_tuple_map *m, uint8_t sock, const struct plm_addr *addr);
/** Remove entries for strays that were last heard of before. @return how many */
uint32_t plm_tuple_map_expire(struct plm_tuple_map *m, uint64_t before_us);

#endif
