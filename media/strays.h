/*
 * Addresses that authenticated checks of other workers' transports came from: datagrams from there are handed on. Of each transport a few
 * are known, so that nobody takes the places of others. Entries of the worker's tuple map; one thread.
 */
#ifndef PLM_STRAYS_H
#define PLM_STRAYS_H

#include "tuple_map.h"

#include "base/u32_map.h"

struct plm_stray_list;

struct plm_strays {
    struct plm_u32_map by_transport; /**< lists by plm_transport_id */
    struct plm_stray_list *first;
};

void plm_strays_init(struct plm_strays *s);
void plm_strays_destroy(struct plm_strays *s);
/**
 * An address is noted in m as one of this transport's: a new entry, or one of a stray. The one of this transport that is silent the longest, and for 8 s,
 * gives way. @param owner the worker that has it
 * @return by how many strays m has more than before: 1, 0, or -1 where memory is short
 */
int plm_strays_note(struct plm_strays *s, struct plm_tuple_map *m, uint32_t transport, uint8_t owner, uint8_t sock,
    const struct plm_addr *from, uint64_t now_us);
/** Forget those that were last heard of before. @return how many */
uint32_t plm_strays_expire(struct plm_strays *s, struct plm_tuple_map *m, uint64_t before_us);

#endif
