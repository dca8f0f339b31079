#include "samples.h"

#include "die.h"

#include <stdlib.h>

void samples_add(struct samples *s, uint64_t us)
{
    if (s->n == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 4096;
        s->us = realloc(s->us, s->cap * sizeof *s->us);
        if (!s->us)
            die("out of memory");
    }
    s->us[s->n++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

uint32_t samples_percentile(struct samples *s, double share)
{
    if (s->n == 0)
        return 0;
    qsort(s->us, s->n, sizeof *s->us, ascending);
    size_t at = (size_t)((double)s->n * share);
    return s->us[at < s->n ? at : s->n - 1];
}

void samples_clear(struct samples *s)
{
    s->n = 0;
}

void samples_free(struct samples *s)
{
    free(s->us);
    *s = (struct samples){0};
}
