#include "sdp/codecs.h"

#include <stdlib.h>
#include <string.h>

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

enum {
    H264_CONSTRAINED_BASELINE = 0x42e0,
    H264_MAIN = 0x4d00,
    H264_HIGH = 0x6400,
    H264_CONSTRAINED_HIGH = 0x640c,
};

/**
 * One name for what RFC 6184 table 5 allows to be written in several ways. Baseline counts as Constrained Baseline: no encoder
 * in use makes the slice groups by which they differ, and stacks disagree on which of the two to announce.
 */
static uint32_t h264_profile(uint32_t profile_level_id)
{
    static const struct {
        uint8_t idc, mask, bits;
        uint16_t profile;
    } rows[] = {
        {0x42, 0x0f, 0x00, H264_CONSTRAINED_BASELINE},
        {0x4d, 0x8f, 0x80, H264_CONSTRAINED_BASELINE},
        {0x58, 0x8f, 0x80, H264_CONSTRAINED_BASELINE},
        {0x4d, 0x8f, 0x00, H264_MAIN},
        {0x64, 0xff, 0x00, H264_HIGH},
        {0x64, 0xff, 0x0c, H264_CONSTRAINED_HIGH},
    };
    uint32_t idc = profile_level_id >> 16, bits = profile_level_id >> 8 & 0xff;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (rows[i].idc == idc && (bits & rows[i].mask) == rows[i].bits)
            return rows[i].profile;
    return idc << 8 | bits;
}

uint32_t plm_sdp_variant(enum plm_codec codec, const struct plm_sdp_fmtp *f)
{
    switch (codec) {
    case PLM_CODEC_H264:
        return h264_profile(f->profile_level_id) << 8 | f->packetization_mode;
    case PLM_CODEC_VP9:
        return f->profile_id;
    case PLM_CODEC_AV1:
        return f->profile;
    default:
        return 0;
    }
}

/** Lower is more widely decoded. */
static uint32_t variant_rank(enum plm_codec codec, const struct plm_sdp_fmtp *f)
{
    if (codec != PLM_CODEC_H264)
        return plm_sdp_variant(codec, f);
    static const uint32_t profiles[] = {
        H264_CONSTRAINED_BASELINE, H264_MAIN, H264_CONSTRAINED_HIGH, H264_HIGH};
    uint32_t profile = h264_profile(f->profile_level_id), rank = 0;
    while (rank < COUNT_OF(profiles) && profiles[rank] != profile)
        rank++;
    /* Mode 1 first: single NAL units do not hold a 720p keyframe. Then, of equals, the one that says "constrained". */
    bool constrained = f->profile_level_id >> 8 & 0x40;
    return (f->packetization_mode == 1 ? 0 : 16) + rank * 2 + (constrained ? 0 : 1);
}

static unsigned policy_rank(const struct plm_sdp_policy *policy, enum plm_codec codec)
{
    unsigned i = 0;
    while (i < PLM_CODEC_COUNT && policy->codecs[i] != PLM_CODEC_NONE && policy->codecs[i] != codec)
        i++;
    return i < PLM_CODEC_COUNT && policy->codecs[i] == codec ? i : PLM_CODEC_COUNT;
}

struct candidate {
    const struct plm_sdp_payload *payload;
    unsigned policy;
    uint32_t variant;
};

static int by_wish(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->policy != y->policy)
        return x->policy < y->policy ? -1 : 1;
    if (x->variant != y->variant)
        return x->variant < y->variant ? -1 : 1;
    return x->payload < y->payload ? -1 : x->payload > y->payload; /* as offered: qsort alone is not stable */
}

static bool has_codec(
    const struct plm_media_params *m, enum plm_codec codec, uint32_t variant, bool any_variant)
{
    for (unsigned i = 0; i < m->n_codecs; i++)
        if (m->codecs[i].codec == codec && (any_variant || m->codecs[i].variant == variant))
            return true;
    return false;
}

/** @param any_variant a codec that is there in another variant is not taken again */
static void take_codecs(
    struct plm_media_params *out, const struct candidate *list, size_t n, bool any_variant)
{
    for (size_t i = 0; i < n && out->n_codecs < PLM_MAX_CODECS; i++) {
        const struct plm_sdp_payload *p = list[i].payload;
        uint32_t variant = plm_sdp_variant(p->codec, &p->fmtp);
        if (has_codec(out, p->codec, variant, any_variant))
            continue;
        if (p->codec == PLM_CODEC_OPUS && out->direction == PLM_DIR_SEND)
            out->red_pt = p->red_pt;
        out->codecs[out->n_codecs++] = (struct plm_codec_params){
            .codec = p->codec,
            .pt = p->pt,
            .rtx_pt = p->rtx_pt,
            .channels = p->channels,
            .feedback = p->feedback,
            .clock_rate = p->clock_rate,
            .variant = variant,
        };
    }
}

void plm_sdp_choose_codecs(struct plm_media_params *out, const struct plm_sdp_media *offered,
    const struct plm_sdp_policy *policy, bool one_variant)
{
    struct candidate list[PLM_SDP_MAX_PAYLOADS];
    size_t n = 0;
    for (unsigned i = 0; i < offered->n_payloads; i++) {
        const struct plm_sdp_payload *p = &offered->payloads[i];
        unsigned rank = p->codec == PLM_CODEC_NONE ? PLM_CODEC_COUNT : policy_rank(policy, p->codec);
        if (rank < PLM_CODEC_COUNT)
            list[n++] = (struct candidate){p, rank, variant_rank(p->codec, &p->fmtp)};
    }
    qsort(list, n, sizeof list[0], by_wish);
    out->n_codecs = out->red_pt = 0;
    take_codecs(out, list, n, true);
    if (!one_variant)
        take_codecs(out, list, n, false);
}

void plm_sdp_own_codecs(struct plm_media_params *out, enum plm_kind kind, const struct plm_sdp_policy *policy)
{
    static const uint8_t video_fb = PLM_FB_NACK | PLM_FB_PLI | PLM_FB_FIR;
    static const struct {
        enum plm_kind kind;
        struct plm_codec_params params;
    } own[] = {
        {PLM_KIND_AUDIO, {PLM_CODEC_OPUS, 111, PLM_NO_PT, 2, 0, 48000, 0}},
        {PLM_KIND_VIDEO, {PLM_CODEC_VP8, 96, 97, 0, video_fb, 90000, 0}},
        {PLM_KIND_VIDEO, {PLM_CODEC_VP9, 98, 99, 0, video_fb, 90000, 0}},
        {PLM_KIND_VIDEO, {PLM_CODEC_H264, 102, 103, 0, video_fb, 90000, H264_CONSTRAINED_BASELINE << 8 | 1}},
        {PLM_KIND_VIDEO, {PLM_CODEC_AV1, 45, 46, 0, video_fb, 90000, 0}},
    };
    out->n_codecs = out->red_pt = 0;
    for (unsigned rank = 0; rank < PLM_CODEC_COUNT && policy->codecs[rank] != PLM_CODEC_NONE; rank++)
        for (size_t i = 0; i < COUNT_OF(own); i++)
            if (own[i].kind == kind && own[i].params.codec == policy->codecs[rank] &&
                !has_codec(out, own[i].params.codec, 0, true))
                out->codecs[out->n_codecs++] = own[i].params;
    if (has_codec(out, PLM_CODEC_OPUS, 0, true))
        out->red_pt = 63;
}

struct plm_sdp_fmtp plm_sdp_own_fmtp(const struct plm_codec_params *c)
{
    struct plm_sdp_fmtp f = {.apt = PLM_NO_PT, .inband_fec = true};
    switch (c->codec) {
    case PLM_CODEC_H264:
        f.profile_level_id = c->variant >> 8 << 8 | 0x1f; /* level 3.1; asymmetry lets each side send more */
        f.packetization_mode = (uint8_t)c->variant;
        f.level_asymmetry = true;
        break;
    case PLM_CODEC_VP9:
        f.profile_id = (uint8_t)c->variant;
        break;
    case PLM_CODEC_AV1:
        f.profile = (uint8_t)c->variant;
        break;
    default:
        break;
    }
    return f;
}
