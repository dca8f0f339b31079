/*
 * A writer of dependency descriptors for tests: the oracle of the parser (AV1 RTP specification, appendix A).
 */
#ifndef TESTS_DD_WRITER_H
#define TESTS_DD_WRITER_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct dd_writer {
    uint8_t data[256];
    size_t bit;
};

/** One template, in the order of layers: indications as in the specification ("-DSR"), references, chain differences. */
struct dd_template {
    unsigned sid, tid;
    const char *dtis;
    unsigned fdiffs[4]; /* until 0 */
    unsigned chains[4];
};

static inline void dd_bits(struct dd_writer *w, unsigned n, unsigned v)
{
    assert(w->bit + n <= sizeof w->data * 8);
    for (; n > 0; n--, w->bit++)
        w->data[w->bit / 8] |= (uint8_t)(((v >> (n - 1)) & 1) << (7 - w->bit % 8));
}

static inline size_t dd_len(const struct dd_writer *w)
{
    return (w->bit + 7) / 8;
}

static inline void dd_begin(struct dd_writer *w, bool start, bool end, unsigned template_id, unsigned number)
{
    memset(w, 0, sizeof *w);
    dd_bits(w, 1, start);
    dd_bits(w, 1, end);
    dd_bits(w, 6, template_id);
    dd_bits(w, 16, number);
}

static inline void dd_flags(
    struct dd_writer *w, bool structure, bool active, bool dtis, bool fdiffs, bool chains)
{
    dd_bits(w, 5, structure << 4 | active << 3 | dtis << 2 | fdiffs << 1 | chains);
}

static inline void dd_dtis(struct dd_writer *w, const char *dtis)
{
    for (; *dtis; dtis++)
        dd_bits(w, 2, (unsigned)(strchr("-DSR", *dtis) - "-DSR"));
}

static inline void dd_fdiff(struct dd_writer *w, unsigned size, unsigned fdiff)
{
    dd_bits(w, 2, size);
    dd_bits(w, size * 4, fdiff - 1);
}

static inline void dd_size(struct dd_writer *w, unsigned width, unsigned height)
{
    dd_bits(w, 16, width - 1);
    dd_bits(w, 16, height - 1);
}

static inline void dd_non_symmetric(struct dd_writer *w, unsigned n, unsigned v)
{
    unsigned bits = 0;
    while (n >> bits)
        bits++;
    unsigned m = (1u << bits) - n;
    if (v < m)
        dd_bits(w, bits - 1, v);
    else
        dd_bits(w, bits, v + m);
}

/** @param protected_by per target, the chain that protects it; sizes follow with dd_size when resolutions is set */
static inline void dd_structure(struct dd_writer *w, unsigned offset, unsigned n_targets,
    const struct dd_template *t, unsigned n, unsigned n_chains, const char *protected_by, bool resolutions)
{
    dd_bits(w, 6, offset);
    dd_bits(w, 5, n_targets - 1);
    for (unsigned i = 1; i < n; i++)
        dd_bits(w, 2, t[i].sid != t[i - 1].sid ? 2 : t[i].tid != t[i - 1].tid ? 1 : 0);
    dd_bits(w, 2, 3);
    for (unsigned i = 0; i < n; i++)
        dd_dtis(w, t[i].dtis);
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = 0; k < 4 && t[i].fdiffs[k]; k++)
            dd_bits(w, 5, 16 | (t[i].fdiffs[k] - 1));
        dd_bits(w, 1, 0);
    }
    dd_non_symmetric(w, n_targets + 1, n_chains);
    for (unsigned i = 0; n_chains && i < n_targets; i++)
        dd_non_symmetric(w, n_chains, (unsigned)protected_by[i]);
    for (unsigned i = 0; i < n; i++)
        for (unsigned c = 0; c < n_chains; c++)
            dd_bits(w, 4, t[i].chains[c]);
    dd_bits(w, 1, resolutions);
}

#endif
