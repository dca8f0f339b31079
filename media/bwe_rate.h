/*
 * Octets over a sliding second, on whatever clock the caller has. No I/O, no clock.
 */
#ifndef PLM_BWE_RATE_H
#define PLM_BWE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define PLM_BWE_BINS   20
#define PLM_BWE_BIN_US 50000

/** Zeroed memory is a beginning. */
struct plm_bwe_rate {
    uint32_t bins[PLM_BWE_BINS];
    int64_t start_us, newest_us; /**< of the present bin; of what was added last */
    int64_t since_us;            /**< of the first octets that were not followed by a second of nothing */
    uint8_t at;
    bool any;
};

/** Time that goes back a little counts to the present bin; far back or ahead, counting begins anew. */
void plm_bwe_rate_add(struct plm_bwe_rate *r, uint32_t octets, int64_t now_us);
/** Time passes without octets. */
void plm_bwe_rate_move(struct plm_bwe_rate *r, int64_t now_us);
/** Bit/s over the last bins (at most PLM_BWE_BINS), the present one included as far as it has come; 0: nothing. */
uint64_t plm_bwe_rate_bps(const struct plm_bwe_rate *r, unsigned bins);
/** How long octets have been counted without a second of nothing, us. */
int64_t plm_bwe_rate_age(const struct plm_bwe_rate *r);

#endif
