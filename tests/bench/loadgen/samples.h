/*
 * Durations collected for percentiles. One thread.
 */
#ifndef BENCH_SAMPLES_H
#define BENCH_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
    uint32_t *us;
    size_t n, cap;
};

void samples_add(struct samples *s, uint64_t us);
/** @param share 0.5 is the median @return microseconds, 0 when there is no sample; sorts */
uint32_t samples_percentile(struct samples *s, double share);
void samples_clear(struct samples *s);
void samples_free(struct samples *s);

#endif
