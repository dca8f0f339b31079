#include "sample_table.h"

#include <stdlib.h>

#include "base/bytes.h"
#include "plenum/types.h"

#define FIRST_CAP   1024
#define NO_KEYFRAME 0x80000000u

static bool grow(void *array, uint32_t cap, size_t size)
{
    void **p = array;
    void *grown = realloc(*p, cap * size);
    if (grown)
        *p = grown;
    return grown != NULL;
}

int plm_sample_table_chunk(struct plm_sample_table *t, uint64_t offset)
{
    if (t->n_chunks == t->cap_chunks) {
        uint32_t cap = t->cap_chunks ? 2 * t->cap_chunks : FIRST_CAP;
        if (!grow(&t->chunks, cap, sizeof *t->chunks) || !grow(&t->chunk_sizes, cap, sizeof *t->chunk_sizes))
            return PLM_ENOMEM;
        t->cap_chunks = cap;
    }
    t->chunks[t->n_chunks] = offset;
    t->chunk_sizes[t->n_chunks++] = 0;
    return 0;
}

int plm_sample_table_add(struct plm_sample_table *t, uint32_t size, uint32_t ticks, bool keyframe)
{
    if (t->n == t->cap) {
        uint32_t cap = t->cap ? 2 * t->cap : FIRST_CAP;
        if (!grow(&t->ticks, cap, sizeof *t->ticks) || !grow(&t->sizes, cap, sizeof *t->sizes))
            return PLM_ENOMEM;
        t->cap = cap;
    }
    t->ticks[t->n] = ticks;
    t->sizes[t->n++] = size | (keyframe ? 0 : NO_KEYFRAME);
    t->chunk_sizes[t->n_chunks - 1]++;
    t->n_keyframes += keyframe;
    t->duration += ticks;
    t->octets += size;
    return 0;
}

uint64_t plm_sample_table_last(const struct plm_sample_table *t)
{
    return t->duration - t->ticks[t->n - 1];
}

bool plm_sample_table_takes(const struct plm_sample_table *t, uint64_t time, uint32_t n)
{
    if (n > PLM_SAMPLE_MAX_N || t->n > PLM_SAMPLE_MAX_N - n)
        return false;
    if (t->n == 0)
        return time == 0;
    uint64_t last = plm_sample_table_last(t);
    return time <= last || time - last <= UINT32_MAX;
}

int plm_sample_table_stretch(struct plm_sample_table *t, uint64_t until)
{
    if (!plm_sample_table_takes(t, until, 0))
        return PLM_EINVAL;
    if (t->n == 0)
        return 0;
    uint64_t last = plm_sample_table_last(t), ticks = until > last ? until - last : 1;
    t->ticks[t->n - 1] = (uint32_t)ticks;
    t->duration = last + ticks;
    return 0;
}

/* A table whose length is known when it was written. */
static size_t begin_table(struct plm_blob *o, uint32_t type, size_t *count)
{
    size_t at = plm_box_begin_full(o, type, 0, 0);
    *count = o->len;
    plm_blob_put32(o, 0);
    return at;
}

static void end_table(struct plm_blob *o, size_t at, size_t count, uint32_t n)
{
    if (!o->failed)
        plm_put32(o->data + count, n);
    plm_box_end(o, at);
}

static void write_stts(const struct plm_sample_table *t, struct plm_blob *o)
{
    size_t count, at = begin_table(o, PLM_BOX('s', 't', 't', 's'), &count);
    uint32_t n = 0;
    for (uint32_t i = 0, run; i < t->n; i += run, n++) {
        for (run = 1; i + run < t->n && t->ticks[i + run] == t->ticks[i];)
            run++;
        plm_blob_put32(o, run);
        plm_blob_put32(o, t->ticks[i]);
    }
    end_table(o, at, count, n);
}

static void write_stss(const struct plm_sample_table *t, struct plm_blob *o)
{
    if (t->n_keyframes == t->n)
        return;
    size_t at = plm_box_begin_full(o, PLM_BOX('s', 't', 's', 's'), 0, 0);
    plm_blob_put32(o, t->n_keyframes);
    for (uint32_t i = 0; i < t->n; i++)
        if (!(t->sizes[i] & NO_KEYFRAME))
            plm_blob_put32(o, i + 1);
    plm_box_end(o, at);
}

static void write_stsc(const struct plm_sample_table *t, struct plm_blob *o)
{
    size_t count, at = begin_table(o, PLM_BOX('s', 't', 's', 'c'), &count);
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->n_chunks; i++) {
        if (i > 0 && t->chunk_sizes[i] == t->chunk_sizes[i - 1])
            continue;
        plm_blob_put32(o, i + 1);
        plm_blob_put32(o, t->chunk_sizes[i]);
        plm_blob_put32(o, 1); /* sample entry */
        n++;
    }
    end_table(o, at, count, n);
}

static void write_stsz(const struct plm_sample_table *t, struct plm_blob *o)
{
    size_t at = plm_box_begin_full(o, PLM_BOX('s', 't', 's', 'z'), 0, 0);
    plm_blob_put32(o, 0);
    plm_blob_put32(o, t->n);
    for (uint32_t i = 0; i < t->n; i++)
        plm_blob_put32(o, t->sizes[i] & ~NO_KEYFRAME);
    plm_box_end(o, at);
}

static void write_offsets(const struct plm_sample_table *t, struct plm_blob *o)
{
    bool large = t->n_chunks && t->chunks[t->n_chunks - 1] > UINT32_MAX;
    size_t at =
        plm_box_begin_full(o, large ? PLM_BOX('c', 'o', '6', '4') : PLM_BOX('s', 't', 'c', 'o'), 0, 0);
    plm_blob_put32(o, t->n_chunks);
    for (uint32_t i = 0; i < t->n_chunks; i++) {
        if (large)
            plm_blob_put64(o, t->chunks[i]);
        else
            plm_blob_put32(o, (uint32_t)t->chunks[i]);
    }
    plm_box_end(o, at);
}

void plm_sample_table_write(const struct plm_sample_table *t, struct plm_blob *o)
{
    write_stts(t, o);
    write_stss(t, o);
    write_stsc(t, o);
    write_stsz(t, o);
    write_offsets(t, o);
}

void plm_sample_table_free(struct plm_sample_table *t)
{
    free(t->ticks);
    free(t->sizes);
    free(t->chunks);
    free(t->chunk_sizes);
    *t = (struct plm_sample_table){0};
}

/* ---- reading it again ---- */

/* A table of entries, each of so many octets, behind version, flags and a count. */
struct table {
    const uint8_t *entries;
    uint32_t n;
};

static bool find_table(const uint8_t *stbl, size_t len, uint32_t type, size_t entry, struct table *out)
{
    struct plm_box box;
    if (!plm_box_find(stbl, len, type, &box) || box.len < 8)
        return false;
    *out = (struct table){.entries = box.data + 8, .n = plm_get32(box.data + 4)};
    return out->n <= (box.len - 8) / entry;
}

/* @return false: more or fewer times than samples */
static bool sum_times(const struct table *stts, uint32_t n_samples, uint64_t *duration)
{
    uint64_t n = 0, sum = 0;
    for (uint32_t i = 0; i < stts->n; i++) {
        uint64_t run = plm_get32(stts->entries + 8 * (size_t)i);
        n += run;
        sum += run * plm_get32(stts->entries + 8 * (size_t)i + 4);
    }
    *duration = sum;
    return n == n_samples;
}

struct places {
    struct table stsc, offsets;
    bool large;
    const uint8_t *sizes;
    uint32_t n_samples;
};

static uint64_t offset_of(const struct places *p, uint32_t chunk)
{
    return p->large ? plm_get64(p->offsets.entries + 8 * (size_t)chunk)
                    : plm_get32(p->offsets.entries + 4 * (size_t)chunk);
}

/* Walk the chunks; each sample has to lie between `from` and `to`. */
static bool check_places(const struct places *p, uint64_t from, uint64_t to)
{
    uint32_t sample = 0, per_chunk = 0, entry = 0;
    for (uint32_t chunk = 0; chunk < p->offsets.n; chunk++) {
        if (entry < p->stsc.n && plm_get32(p->stsc.entries + 12 * (size_t)entry) == chunk + 1)
            per_chunk = plm_get32(p->stsc.entries + 12 * (size_t)entry++ + 4);
        uint64_t at = offset_of(p, chunk);
        if (at < from || per_chunk > p->n_samples - sample)
            return false;
        for (uint32_t i = 0; i < per_chunk; i++, sample++) {
            uint32_t size = plm_get32(p->sizes + 4 * (size_t)sample);
            if (at > to || size > to - at)
                return false;
            at += size;
        }
    }
    return sample == p->n_samples && entry == p->stsc.n;
}

int plm_sample_table_check(
    const uint8_t *stbl, size_t len, uint64_t from, uint64_t to, uint64_t *duration, uint32_t *n_samples)
{
    struct places p = {0};
    struct table stts;
    struct plm_box stsz;
    if (!find_table(stbl, len, PLM_BOX('s', 't', 't', 's'), 8, &stts) ||
        !find_table(stbl, len, PLM_BOX('s', 't', 's', 'c'), 12, &p.stsc))
        return PLM_EINVAL;
    if (!find_table(stbl, len, PLM_BOX('s', 't', 'c', 'o'), 4, &p.offsets)) {
        p.large = true;
        if (!find_table(stbl, len, PLM_BOX('c', 'o', '6', '4'), 8, &p.offsets))
            return PLM_EINVAL;
    }
    if (!plm_box_find(stbl, len, PLM_BOX('s', 't', 's', 'z'), &stsz) || stsz.len < 12 ||
        plm_get32(stsz.data + 4) != 0)
        return PLM_EINVAL;
    p.n_samples = plm_get32(stsz.data + 8);
    p.sizes = stsz.data + 12;
    if (p.n_samples > (stsz.len - 12) / 4 || !sum_times(&stts, p.n_samples, duration) ||
        !check_places(&p, from, to))
        return PLM_EINVAL;
    *n_samples = p.n_samples;
    return 0;
}
