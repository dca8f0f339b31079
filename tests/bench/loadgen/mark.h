/*
 * The mark that publishers put into payloads and receivers read back: when the packet was sent.
 */
#ifndef BENCH_MARK_H
#define BENCH_MARK_H

#include "base/bytes.h"

#include <stdbool.h>

#define MARK_LEN   12
#define MARK_MAGIC 0x504c4d42

static inline void mark_put(uint8_t *p, uint64_t wall_ns)
{
    plm_put32(p, MARK_MAGIC);
    plm_put64(p + 4, wall_ns);
}

static inline bool mark_get(const uint8_t *p, uint64_t *wall_ns)
{
    *wall_ns = plm_get64(p + 4);
    return plm_get32(p) == MARK_MAGIC;
}

#endif
