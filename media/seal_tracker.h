/*
 * Proof, in debug builds, that no packet index is sealed twice under one key: per SSRC the highest index and a window below it.
 * A nonce used twice tells an eavesdropper the difference of two packets and, with GCM, the authentication key.
 */
#ifndef PLM_SEAL_TRACKER_H
#define PLM_SEAL_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLM_SEAL_TRACKER_WINDOW 1024

struct plm_seal_tracked {
    uint32_t ssrc;
    uint64_t highest;
    uint64_t seen[PLM_SEAL_TRACKER_WINDOW / 64]; /* ring of bits by index */
};

struct plm_seal_tracker {
    struct plm_seal_tracked *streams;
    size_t n, cap;
};

/** @return false: sealed before, or so old that nobody knows. Out of memory counts as fresh. */
bool plm_seal_tracker_take(struct plm_seal_tracker *t, uint32_t ssrc, uint64_t index);
/** Frees what it holds; zeroed is a valid empty one. */
void plm_seal_tracker_reset(struct plm_seal_tracker *t);

#endif
