/*
 * What comes from far can be asked for before it is needed: the packet path touches a kilobyte or more of each transport, and with many of them none
 * of it is in a near cache. An address that is no object's is harmless, for nothing is read.
 */
#ifndef PLM_PREFETCH_H
#define PLM_PREFETCH_H

#include <stddef.h>
#include <stdint.h>

#define PLM_CACHE_LINE 64 /* of x86-64, and of most others */

/** Ask for the lines of `octets` from p on, to be written. */
static inline void plm_prefetch(const void *p, size_t octets)
{
    uintptr_t at = (uintptr_t)p & ~(uintptr_t)(PLM_CACHE_LINE - 1), end = (uintptr_t)p + octets;
    for (; at < end; at += PLM_CACHE_LINE)
        __builtin_prefetch((const void *)at, 1);
}

#endif
