/*
 * Reading bits, most significant first. Past the end come zeros, and `failed` is set.
 */
#ifndef PLM_RECORDER_BITS_H
#define PLM_RECORDER_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plm_bits {
    const uint8_t *p;
    size_t at, end; /**< in bits */
    bool failed;
};

static inline struct plm_bits plm_bits_of(const uint8_t *p, size_t len)
{
    return (struct plm_bits){.p = p, .end = len * 8};
}

/** @param n at most 32 */
static inline uint32_t plm_bits(struct plm_bits *b, unsigned n)
{
    if (b->end - b->at < n) {
        b->failed = true;
        b->at = b->end;
        return 0;
    }
    uint64_t v = 0;
    for (; n > 0; n--, b->at++)
        v = v << 1 | (b->p[b->at / 8] >> (7 - b->at % 8) & 1);
    return (uint32_t)v;
}

#endif
