/*
 * A made-up encoder: frames with temporal layers, their true references, and the numbers that its packets carry. Header-only, for tests.
 * VP8: three layers in the order 0 2 1 2, the sync bit set where a frame refers to layer 0 alone. VP9: the up-switch bit set on layer 0
 * frames after which nothing refers to higher layers from before. H264: no layers.
 */
#ifndef PLM_TESTS_FRAME_SOURCE_H
#define PLM_TESTS_FRAME_SOURCE_H

#include <string.h>

#include "plenum/types.h"

static inline uint64_t fs_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/** True with a chance of n in 1000. */
static inline bool fs_chance(uint64_t *seed, unsigned per_mille)
{
    return fs_random(seed) % 1000 < per_mille;
}

#define FS_NO_FRAME UINT64_MAX

struct fs_frame {
    uint64_t index; /* within its source */
    uint64_t ts, first_seq;
    uint64_t refs[4];
    uint16_t picture;
    uint8_t n_refs, n_packets, tid, tl0;
    bool key, sync;
};

struct fs_source {
    enum plm_codec codec;
    uint8_t layers; /* 1..3 */
    uint8_t heavy;  /* times as many packets a frame; 0: once */
    bool picture_15;
    uint64_t seed;
    uint64_t next_index, next_seq, next_ts;
    uint16_t next_picture;
    uint8_t tl0;
    uint8_t position;   /* in the pattern of four */
    uint64_t newest[3]; /* frame of each layer since the last key frame */
    bool up_group;      /* VP9: this group refers to nothing above layer 0 from before */
    uint64_t group_first;
};

static inline void fs_init(struct fs_source *s, enum plm_codec codec, uint8_t layers, uint64_t seed)
{
    memset(s, 0, sizeof *s);
    s->codec = codec;
    s->layers = codec == PLM_CODEC_H264 ? 1 : layers;
    s->seed = seed | 1;
    s->picture_15 = fs_random(&s->seed) % 4;
    /* Near every wrap. */
    s->next_seq = 65536 * 3 - fs_random(&s->seed) % 300;
    s->next_ts = (UINT64_C(1) << 32) - fs_random(&s->seed) % 900000;
    s->next_picture = (uint16_t)(0x7fff - fs_random(&s->seed) % 100);
    s->tl0 = (uint8_t)fs_random(&s->seed);
    for (int i = 0; i < 3; i++)
        s->newest[i] = FS_NO_FRAME;
}

static inline void fs_add_ref(struct fs_frame *f, uint64_t index)
{
    if (index != FS_NO_FRAME)
        f->refs[f->n_refs++] = index;
}

static inline uint8_t fs_layer_at(const struct fs_source *s)
{
    static const uint8_t three[] = {0, 2, 1, 2}, two[] = {0, 1, 0, 1};
    return s->layers == 3 ? three[s->position] : s->layers == 2 ? two[s->position] : 0;
}

/** References of a frame above layer 0. */
static inline void fs_refs_above(struct fs_source *s, struct fs_frame *f)
{
    fs_add_ref(f, s->newest[0]);
    bool base_only = fs_chance(&s->seed, 300);
    for (unsigned layer = 1; layer <= f->tid && !base_only; layer++) {
        bool from_before = s->newest[layer] == FS_NO_FRAME || s->newest[layer] < s->group_first;
        if (!(s->up_group && from_before))
            fs_add_ref(f, s->newest[layer]);
    }
    if (s->codec == PLM_CODEC_VP8)
        f->sync = f->n_refs == 1;
}

/** Make the next frame. The clock goes on by `ticks`. */
static inline void fs_next(struct fs_source *s, bool key, uint64_t ticks, struct fs_frame *f)
{
    memset(f, 0, sizeof *f);
    if (key || !s->next_index) {
        f->key = true;
        s->position = 0;
        for (int i = 0; i < 3; i++)
            s->newest[i] = FS_NO_FRAME;
    }
    f->index = s->next_index++;
    f->tid = fs_layer_at(s);
    f->ts = s->next_ts;
    f->picture = s->picture_15 ? s->next_picture & 0x7fff : s->next_picture & 0x7f;
    f->first_seq = s->next_seq;
    f->n_packets = (uint8_t)(1 + fs_random(&s->seed) % (f->key ? 8 : 4));
    if (s->heavy)
        f->n_packets = (uint8_t)(f->n_packets * s->heavy);
    if (f->tid == 0) {
        s->tl0++;
        s->group_first = f->index;
        s->up_group = s->codec == PLM_CODEC_VP9 && (f->key || fs_chance(&s->seed, 300));
        f->sync = s->up_group;
        if (!f->key)
            fs_add_ref(f, s->newest[0]);
    } else {
        fs_refs_above(s, f);
    }
    f->tl0 = s->tl0;
    s->newest[f->tid] = f->index;
    s->position = (s->position + 1) % 4;
    s->next_picture++;
    s->next_seq += f->n_packets;
    s->next_ts += ticks;
}

#endif
