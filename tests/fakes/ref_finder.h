/*
 * What a receiver makes of the numbers in its packets: which frames may be handed to the decoder. It knows nothing of the source. Frames are
 * pushed in the order of their sequence numbers, complete or not. Header-only, for tests.
 */
#ifndef PLM_TESTS_REF_FINDER_H
#define PLM_TESTS_REF_FINDER_H

#include <string.h>

#include "plenum/types.h"

struct rf_frame {
    enum plm_codec codec;
    bool complete, key, sync;
    bool gap_before;  /* sequence numbers are missing right before it */
    uint16_t picture; /* 15 bits */
    uint8_t tl0, tid, n_diffs;
    uint16_t diffs[4]; /* VP9: picture ids back */
};

struct rf_finder {
    bool any, decoded_last;
    uint16_t newest_picture, key_picture;
    struct {
        bool known, decoded;
    } pictures[0x8000];
    struct {
        bool known, decoded;
        uint16_t picture;
        uint8_t tl0;
    } layer[4];
};

static inline bool rf_all_known(const struct rf_finder *f, uint16_t from, uint16_t to)
{
    for (uint16_t p = (from + 1) & 0x7fff; p != to; p = (p + 1) & 0x7fff) {
        if (!f->pictures[p].known)
            return false;
    }
    return true;
}

static inline bool rf_vp8(const struct rf_finder *f, const struct rf_frame *in)
{
    if (!f->layer[0].known || !f->layer[0].decoded)
        return false;
    if (in->tid == 0)
        return (uint8_t)(f->layer[0].tl0 + 1) == in->tl0;
    if (f->layer[0].tl0 != in->tl0)
        return false;
    if (in->sync)
        return true;
    /* It may refer to the newest frame of each layer up to its own; a frame that is missing since then could be that. */
    for (unsigned l = 1; l <= in->tid; l++) {
        if (f->layer[l].known && !f->layer[l].decoded)
            return false;
        if (!rf_all_known(f, f->layer[l].known ? f->layer[l].picture : f->key_picture, in->picture))
            return false;
    }
    return true;
}

static inline bool rf_vp9(const struct rf_finder *f, const struct rf_frame *in)
{
    for (unsigned i = 0; i < in->n_diffs; i++) {
        uint16_t p = (in->picture - in->diffs[i]) & 0x7fff;
        if (!f->pictures[p].known || !f->pictures[p].decoded)
            return false;
    }
    return true;
}

/** Forget ids half the range away, which come again. */
static inline void rf_advance(struct rf_finder *f, uint16_t picture)
{
    uint16_t d = (picture - f->newest_picture) & 0x7fff;
    for (uint16_t i = 1; f->any && d < 0x4000 && i <= d; i++)
        memset(&f->pictures[(f->newest_picture + i + 0x4000) & 0x7fff], 0, sizeof f->pictures[0]);
    f->newest_picture = picture;
    f->any = true;
}

static inline void rf_note(struct rf_finder *f, const struct rf_frame *in, bool decoded)
{
    if (in->key)
        f->key_picture = in->picture;
    f->pictures[in->picture].known = in->complete;
    f->pictures[in->picture].decoded = decoded;
    for (unsigned l = in->tid; l < 4; l++) {
        if (l > in->tid && !in->key)
            break;
        f->layer[l].known = l == in->tid;
        f->layer[l].decoded = decoded;
        f->layer[l].picture = in->picture;
        f->layer[l].tl0 = in->tl0;
    }
}

/** @return may this frame be decoded? */
static inline bool rf_push(struct rf_finder *f, const struct rf_frame *in)
{
    bool ok = in->complete;
    if (ok && !in->key) {
        if (in->codec == PLM_CODEC_VP8)
            ok = rf_vp8(f, in);
        else if (in->codec == PLM_CODEC_VP9)
            ok = rf_vp9(f, in);
        else
            ok = f->decoded_last && !in->gap_before;
    }
    rf_advance(f, in->picture);
    rf_note(f, in, ok);
    f->decoded_last = ok;
    return ok;
}

#endif
