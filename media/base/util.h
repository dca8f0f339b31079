/*
 * Two macros that everybody needs.
 */
#ifndef PLM_UTIL_H
#define PLM_UTIL_H

#include <stddef.h>

/** The object that embeds a member. */
#define PLM_CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr) - offsetof(type, member)))
#define PLM_COUNT_OF(array)                 (sizeof(array) / sizeof((array)[0]))

#endif
