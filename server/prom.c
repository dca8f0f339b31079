#include "prom.h"

#include <inttypes.h>

static const uint32_t bounds_us[PLM_HISTOGRAM_BUCKETS] = {
    500, 1000, 2000, 3000, 5000, 10000, 20000, 50000, 100000, 200000, 500000, 1000000};

void plm_prom_family(FILE *f, const char *name, const char *type, const char *help)
{
    fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Backslash, quote and line feed are what the format escapes. */
static void print_value(FILE *f, const char *s)
{
    for (; *s; s++) {
        if (*s == '\n')
            fputs("\\n", f);
        else if (*s == '"' || *s == '\\')
            fprintf(f, "\\%c", *s);
        else
            fputc(*s, f);
    }
}

static void print_labels(FILE *f, const struct plm_prom_label *labels, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        fprintf(f, "%c%s=\"", i ? ',' : '{', labels[i].name);
        print_value(f, labels[i].value);
        fputc('"', f);
    }
    if (n)
        fputc('}', f);
}

void plm_prom_uint(FILE *f, const char *name, const struct plm_prom_label *labels, size_t n, uint64_t value)
{
    fputs(name, f);
    print_labels(f, labels, n);
    fprintf(f, " %" PRIu64 "\n", value);
}

void plm_prom_float(FILE *f, const char *name, const struct plm_prom_label *labels, size_t n, double value)
{
    fputs(name, f);
    print_labels(f, labels, n);
    fprintf(f, " %.9g\n", value);
}

void plm_histogram_add(struct plm_histogram *h, uint64_t us)
{
    size_t i = 0;
    while (i < PLM_HISTOGRAM_BUCKETS && us > bounds_us[i])
        i++;
    h->counts[i]++;
    h->sum_us += us;
}

void plm_prom_histogram(FILE *f, const char *name, const char *help, const struct plm_histogram *h)
{
    uint64_t total = 0;
    plm_prom_family(f, name, "histogram", help);
    for (size_t i = 0; i < PLM_HISTOGRAM_BUCKETS; i++) {
        total += h->counts[i];
        fprintf(f, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name, bounds_us[i] / 1e6, total);
    }
    total += h->counts[PLM_HISTOGRAM_BUCKETS];
    fprintf(f, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.9g\n%s_count %" PRIu64 "\n", name, total, name,
        (double)h->sum_us / 1e6, name, total);
}
