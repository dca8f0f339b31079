/*
 * uthash with a keyed hash. Names come from peers: with a hash that can be computed elsewhere somebody could choose thousands that all fall
 * into one bucket. Include this instead of uthash.h wherever a table is keyed by text.
 */
#ifndef PLM_NAME_HASH_H
#define PLM_NAME_HASH_H

#include <stddef.h>
#include <stdint.h>

/** SipHash-2-4 (Aumasson and Bernstein, 2012). */
uint64_t plm_siphash(const uint8_t key[16], const void *data, size_t len);
/** With the key of this process, drawn at the first call. Any thread. */
uint32_t plm_name_hash(const void *name, size_t len);

#define HASH_NONFATAL_OOM              1 /* an element that could not be added has hh.tbl == NULL */
#define HASH_FUNCTION(name, len, hash) ((hash) = plm_name_hash(name, len))
#include <uthash.h>

#endif
