/* Numbers in as few octets as they need: seven bits in each, the lowest first, the top bit says that more follow (unsigned LEB128). */
#ifndef PLM_LEB128_H
#define PLM_LEB128_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLM_LEB128_MAX 10 /* octets of a number */

/** @param p PLM_LEB128_MAX octets @return how many were written */
static inline size_t plm_leb128_put(uint8_t *p, uint64_t v)
{
    size_t n = 0;
    for (; v >= 0x80; v >>= 7)
        p[n++] = (uint8_t)(v | 0x80);
    p[n++] = (uint8_t)v;
    return n;
}

struct plm_leb128_reader {
    const uint8_t *p, *end;
    bool bad; /* something was cut off, or too long; stays so */
};

/** @return 0 when it is bad */
static inline uint64_t plm_leb128_get(struct plm_leb128_reader *r)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64 && r->p < r->end; shift += 7) {
        uint8_t octet = *r->p++;
        v |= (uint64_t)(octet & 0x7f) << shift;
        if (!(octet & 0x80))
            return v;
    }
    r->bad = true;
    return 0;
}

#endif
