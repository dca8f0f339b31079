#include <math.h>

#include "bwe_aimd.h"

#define BACK_OFF         0.85
#define BACK_OFF_LITTLE  0.93 /* empties a short queue within a second */
#define GROW_PER_S       0.08
#define SETTLE_US        100000 /* beside a round trip: what was sent before a decrease has been answered then */
#define FEEDBACK_US      100000
#define PACKET_BITS      9600.0
#define LEAST_GROWTH_BPS 4000.0 /* a second */
#define CAPACITY_WEIGHT  0.05
#define DEVIATIONS       3.0
#define LEAST_DEVIATION  0.05
#define GROW_MAX_US      1000000

/* What went through when it was too much, and how much that varies. Far from it, the line is another one. */
static void note_capacity(struct plm_bwe_aimd *a, double acked)
{
    if (a->capacity <= 0 || fabs(acked - a->capacity) > DEVIATIONS * a->deviation) {
        a->capacity = acked;
        a->deviation = acked * 0.1;
        return;
    }
    double off = acked - a->capacity;
    a->capacity += CAPACITY_WEIGHT * off;
    a->deviation += CAPACITY_WEIGHT * (fabs(off) - a->deviation);
    if (a->deviation < a->capacity * LEAST_DEVIATION)
        a->deviation = a->capacity * LEAST_DEVIATION;
}

uint64_t plm_bwe_aimd_decrease(
    struct plm_bwe_aimd *a, uint64_t estimate, uint64_t acked, bool little, uint32_t rtt_us, uint64_t now_us)
{
    bool too_soon = a->decreased_us && now_us - a->decreased_us < SETTLE_US + rtt_us;
    /* Far less goes through than was thought a moment ago: the line has become another. */
    if (too_soon && !(acked && acked < estimate / 2))
        return estimate;
    a->rising = false;
    a->decreased_us = a->grown_us = now_us;
    uint64_t to = (uint64_t)((double)(acked ? acked : estimate) * (little ? BACK_OFF_LITTLE : BACK_OFF));
    if (acked)
        note_capacity(a, (double)acked);
    return to < estimate ? to : estimate;
}

void plm_bwe_aimd_settle(struct plm_bwe_aimd *a)
{
    a->rising = true;
}

void plm_bwe_aimd_hold(struct plm_bwe_aimd *a, uint64_t now_us)
{
    a->grown_us = now_us;
}

uint64_t plm_bwe_aimd_grow(struct plm_bwe_aimd *a, uint64_t estimate, uint32_t rtt_us, uint64_t now_us)
{
    uint64_t since = a->grown_us && now_us > a->grown_us ? now_us - a->grown_us : 0;
    a->grown_us = now_us;
    since = since < GROW_MAX_US ? since : GROW_MAX_US;
    if (!a->rising && a->decreased_us)
        return estimate;
    double seconds = (double)since / 1e6, e = (double)estimate;
    if (a->capacity > 0 && e > a->capacity + DEVIATIONS * a->deviation)
        a->capacity = 0; /* it carries more than it did */
    if (a->capacity <= 0 || e < a->capacity - DEVIATIONS * a->deviation)
        return (uint64_t)(e + e * GROW_PER_S * seconds + 0.5);
    double per_s = PACKET_BITS * 1e6 / (double)(rtt_us + FEEDBACK_US);
    double share = e * GROW_PER_S;
    per_s = per_s < share ? per_s : share; /* of a slow line a packet is much */
    per_s = per_s > LEAST_GROWTH_BPS ? per_s : LEAST_GROWTH_BPS;
    return (uint64_t)(e + per_s * seconds + 0.5);
}
