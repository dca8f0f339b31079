/*
 * Big-endian reads and writes of unaligned octets. The caller has checked the length. Any thread.
 */
#ifndef PLM_BYTES_H
#define PLM_BYTES_H

#include <stdint.h>

static inline uint16_t plm_get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t plm_get24(const uint8_t *p)
{
    return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t plm_get32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | plm_get24(p + 1);
}

static inline uint64_t plm_get64(const uint8_t *p)
{
    return (uint64_t)plm_get32(p) << 32 | plm_get32(p + 4);
}

static inline void plm_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void plm_put24(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 16);
    plm_put16(p + 1, (uint16_t)v);
}

static inline void plm_put32(uint8_t *p, uint32_t v)
{
    plm_put16(p, (uint16_t)(v >> 16));
    plm_put16(p + 2, (uint16_t)v);
}

static inline void plm_put64(uint8_t *p, uint64_t v)
{
    plm_put32(p, (uint32_t)(v >> 32));
    plm_put32(p + 4, (uint32_t)v);
}

#endif
