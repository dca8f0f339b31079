/*
 * What the allocator was told and what it decided, each time: whoever has the record decides again, and compares. A record stands alone, for
 * what is remembered between two decisions is in it. It holds no payload and no address.
 *
 * Format: octets 'P' 'A' 4, then unsigned LEB128 numbers. Whoever reads one checks every length.
 */
#ifndef PLM_ALLOC_LOG_H
#define PLM_ALLOC_LOG_H

#include <stdint.h>

#include "allocator.h"

#define PLM_ALLOC_LOG_MAX 16384 /* octets that a record may take */

/** A record that is being written. */
struct plm_alloc_log {
    size_t len;
    uint8_t data[PLM_ALLOC_LOG_MAX];
};

/** Before the decision: what plm_allocate is called with. More than PLM_MAX_MEDIA slots are left out. */
void plm_alloc_log_begin(struct plm_alloc_log *log, const struct plm_alloc_line *line,
    const struct plm_alloc_slot *slots, size_t n, uint32_t budget_bps, uint64_t now_us);
/** Behind it: what became of it. */
void plm_alloc_log_end(struct plm_alloc_log *log, const struct plm_alloc_slot *slots, size_t n,
    const struct plm_alloc_total *total);

struct plm_alloc_replay {
    uint64_t at_us;
    uint32_t budget_bps;
    size_t slots, paused;
    uint64_t used_bps;
    size_t differing; /**< slots that are given something else this time, and 1 for another sum */
};
/** Decide one record again. @return 0; PLM_EINVAL: not a record, or cut off */
int plm_alloc_log_replay(const uint8_t *data, size_t len, struct plm_alloc_replay *out);

#endif
