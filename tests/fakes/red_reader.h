/*
 * A receiver's reading of RFC 2198, of its own so that it proves what the server writes.
 */
#ifndef FAKES_RED_READER_H
#define FAKES_RED_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RED_MAX_BLOCKS 8

struct red_read_block {
    uint8_t pt;
    uint32_t ts_back; /**< 0: the packet's own payload, the last block */
    const uint8_t *payload;
    size_t len;
};

/** @return blocks in *out, 0: not RFC 2198, or more than RED_MAX_BLOCKS */
static inline size_t red_read(const uint8_t *p, size_t len, struct red_read_block out[RED_MAX_BLOCKS])
{
    size_t n = 0, octets = 0;
    const uint8_t *end = p + len;
    for (;; p += 4) {
        if (p == end || n == RED_MAX_BLOCKS)
            return 0;
        struct red_read_block *b = &out[n++];
        b->pt = *p & 0x7f;
        b->ts_back = 0;
        if (!(*p & 0x80))
            break;
        if (end - p < 4)
            return 0;
        uint32_t word = (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        b->ts_back = word >> 10;
        b->len = word & 0x3ff;
        octets += b->len;
    }
    p++;
    if ((size_t)(end - p) < octets)
        return 0;
    out[n - 1].len = (size_t)(end - p) - octets;
    for (size_t i = 0; i < n; i++) {
        out[i].payload = p;
        p += out[i].len;
    }
    return n;
}

#endif
