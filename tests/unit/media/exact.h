/*
 * Input for parsers in heap blocks of exactly its length, so that a sanitizer sees every octet read too far.
 */
#ifndef TESTS_EXACT_H
#define TESTS_EXACT_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/** @return a copy to be freed; of length 0 too */
static inline uint8_t *exact_copy(const void *data, size_t len)
{
    uint8_t *p = malloc(len ? len : 1);
    if (!p)
        abort();
    if (len)
        memcpy(p, data, len);
    return len ? p : (p[0] = 0, p);
}

/** A small random source with a seed of its own (xorshift). */
static inline uint32_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (uint32_t)(*state >> 32);
}

#endif
