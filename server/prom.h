/*
 * Prometheus' text format 0.0.4.
 */
#ifndef PLM_SERVER_PROM_H
#define PLM_SERVER_PROM_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Begin a family. All its samples follow. @param type "counter", "gauge" or "histogram" */
void plm_prom_family(FILE *f, const char *name, const char *type, const char *help);

/** Labels of one sample; values are escaped when written. */
struct plm_prom_label {
    const char *name;
    const char *value;
};
void plm_prom_uint(FILE *f, const char *name, const struct plm_prom_label *labels, size_t n, uint64_t value);
void plm_prom_float(FILE *f, const char *name, const struct plm_prom_label *labels, size_t n, double value);

#define PLM_HISTOGRAM_BUCKETS 12
/** Times by bucket, for one family without labels. Zeroed is empty; bounds are the same for all: 0.5 ms to 1 s. */
struct plm_histogram {
    uint64_t counts[PLM_HISTOGRAM_BUCKETS + 1]; /**< the last: beyond all bounds */
    uint64_t sum_us;
};
void plm_histogram_add(struct plm_histogram *h, uint64_t us);
/** Write buckets (cumulative, in seconds), sum and count. */
void plm_prom_histogram(FILE *f, const char *name, const char *help, const struct plm_histogram *h);

#endif
