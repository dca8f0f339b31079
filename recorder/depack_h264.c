/*
 * H.264 (RFC 6184, packetization modes 0 and 1): NAL units behind lengths of four octets. Parameter sets stay in band and are remembered:
 * a key frame that comes without them gets those in front.
 */
#include "base/bytes.h"
#include "base/planted.h"
#include "bits.h"
#include "codec_desc.h"
#include "depack.h"

#include <stdlib.h>
#include <string.h>

enum nal {
    NAL_IDR = 5,
    NAL_SEI = 6,
    NAL_SPS = 7,
    NAL_PPS = 8,
    NAL_DELIMITER = 9,
    NAL_FILLER = 12,
    NAL_SINGLE_MAX = 23,
    NAL_STAP_A = 24,
    NAL_FU_A = 28,
};

#define NAL_TYPE(octet) ((octet)&0x1f)
#define FU_START        0x80
#define FU_END          0x40
#define LENGTH_SIZE     4

/* ue(v), ITU-T H.264 section 9.1 */
static uint32_t golomb(struct plm_bits *b)
{
    unsigned zeros = 0;
    while (!b->failed && !plm_bits(b, 1))
        zeros++;
    if (b->failed || zeros > 31) {
        b->failed = true;
        return 0;
    }
    return (UINT32_C(1) << zeros) - 1 + plm_bits(b, zeros);
}

/* ---- parameter sets ---- */

/* Section 7.3.2.1.1: the id stands behind profile, constraints and level; in a picture parameter set it comes first. */
static bool set_id(uint8_t type, const uint8_t *nal, size_t len, uint8_t *id)
{
    size_t skip = type == NAL_SPS ? 4 : 1;
    if (len <= skip)
        return false;
    struct plm_bits b = plm_bits_of(nal + skip, len - skip);
    uint32_t v = golomb(&b);
    *id = (uint8_t)v;
    return !b.failed && v < (type == NAL_SPS ? 32 : 256);
}

static void forget_set(struct plm_depack *d, unsigned i)
{
    free(d->h264.sets[i].data);
    d->h264.n_sets--;
    memmove(&d->h264.sets[i], &d->h264.sets[i + 1], (d->h264.n_sets - i) * sizeof d->h264.sets[0]);
}

/* Another sequence's picture parameter sets mean nothing in a new one. */
static void forget_outdated(struct plm_depack *d, const struct plm_h264_set *s)
{
    bool changed = false;
    for (unsigned i = d->h264.n_sets; i-- > 0;) {
        const struct plm_h264_set *old = &d->h264.sets[i];
        if (old->type != s->type || old->id != s->id)
            continue;
        changed |= old->len != s->len || memcmp(old->data, s->data, s->len) != 0;
        forget_set(d, i);
    }
    for (unsigned i = d->h264.n_sets; s->type == NAL_SPS && changed && i-- > 0;) {
        if (d->h264.sets[i].type == NAL_PPS)
            forget_set(d, i);
    }
}

/* The oldest goes; for a picture's set one of those, since without its sequence's none can be read. */
static void make_room(struct plm_depack *d, uint8_t type)
{
    unsigned i = 0;
    while (type == NAL_PPS && i < d->h264.n_sets && d->h264.sets[i].type != NAL_PPS)
        i++;
    forget_set(d, i < d->h264.n_sets ? i : 0);
}

static int remember_set(struct plm_depack *d, uint8_t type, const uint8_t *nal, size_t len)
{
    struct plm_h264_set s = {.type = type, .len = (uint16_t)len};
    if (len > PLM_DEPACK_MAX_SET_SIZE || !set_id(type, nal, len, &s.id))
        return PLM_EINVAL;
    s.data = malloc(len);
    if (!s.data)
        return PLM_ENOMEM;
    memcpy(s.data, nal, len);
    forget_outdated(d, &s);
    if (d->h264.n_sets == PLM_DEPACK_MAX_SETS)
        make_room(d, type);
    d->h264.sets[d->h264.n_sets++] = s;
    return 0;
}

static const struct plm_h264_set *newest_sps(const struct plm_depack *d)
{
    for (unsigned i = d->h264.n_sets; i-- > 0;) {
        if (d->h264.sets[i].type == NAL_SPS)
            return &d->h264.sets[i];
    }
    return NULL;
}

/* ---- NAL units ---- */

/** The NAL unit behind the length at `at` is whole. */
static bool is_left_out(uint8_t type)
{
    return type == NAL_DELIMITER || type == NAL_FILLER;
}

static int end_nal(struct plm_depack *d, size_t at)
{
    const uint8_t *nal = d->out.data + at + LENGTH_SIZE;
    size_t len = d->out.len - at - LENGTH_SIZE;
    uint8_t type = NAL_TYPE(nal[0]);
    if (is_left_out(type)) { /* it came in fragments */
        d->out.len = at;
        return 0;
    }
    plm_put32(d->out.data + at, (uint32_t)len);
    d->h264.has_idr |= type == NAL_IDR;
    if (type != NAL_SPS && type != NAL_PPS)
        return 0;
    d->h264.has_sets |= type == NAL_SPS;
    return remember_set(d, type, nal, len);
}

static int add_nal(struct plm_depack *d, const uint8_t *nal, size_t len)
{
    uint8_t type = NAL_TYPE(nal[0]);
    if (type == 0 || type > NAL_SINGLE_MAX || d->h264.in_fragment)
        return PLM_EINVAL;
    if (is_left_out(type))
        return 0;
    size_t at = d->out.len;
    int err = plm_depack_append(&d->out, NULL, LENGTH_SIZE, d->max);
    if (err == 0)
        err = plm_depack_append(&d->out, nal, len, d->max);
    return err == 0 ? end_nal(d, at) : err;
}

/* RFC 6184 section 5.7.1 */
static int add_stap_a(struct plm_depack *d, const uint8_t *p, size_t left)
{
    while (left > 0) {
        if (left < 2)
            return PLM_EINVAL;
        size_t len = plm_get16(p);
        p += 2;
        left -= 2;
        if (len == 0 || !PLM_FITS(depack_h264, len <= left))
            return PLM_EINVAL;
        int err = add_nal(d, p, len);
        if (err != 0)
            return err;
        p += len;
        left -= len;
    }
    return 0;
}

/* Section 5.8: the NAL unit's header is made of the indicator and the FU header. */
static int add_fu_a(struct plm_depack *d, const uint8_t *p, size_t len)
{
    if (len < 3)
        return PLM_EINVAL;
    uint8_t header = (uint8_t)((p[0] & 0xe0) | NAL_TYPE(p[1]));
    bool start = p[1] & FU_START;
    if (start == d->h264.in_fragment || NAL_TYPE(header) == 0 || NAL_TYPE(header) > NAL_SINGLE_MAX)
        return PLM_EINVAL;
    int err = 0;
    if (start) {
        d->h264.fragment_at = d->out.len;
        d->h264.in_fragment = true;
        err = plm_depack_append(&d->out, NULL, LENGTH_SIZE, d->max);
        if (err == 0)
            err = plm_depack_append(&d->out, &header, 1, d->max);
    } else if (NAL_TYPE(d->out.data[d->h264.fragment_at + LENGTH_SIZE]) != NAL_TYPE(header)) {
        return PLM_EINVAL;
    }
    if (err == 0)
        err = plm_depack_append(&d->out, p + 2, len - 2, d->max);
    if (err != 0 || !(p[1] & FU_END))
        return err;
    d->h264.in_fragment = false;
    return end_nal(d, d->h264.fragment_at);
}

int plm_depack_h264_add(struct plm_depack *d, const uint8_t *payload, size_t len)
{
    switch (NAL_TYPE(payload[0])) {
    case NAL_STAP_A:
        return add_stap_a(d, payload + 1, len - 1);
    case NAL_FU_A:
        return add_fu_a(d, payload, len);
    default:
        return add_nal(d, payload, len);
    }
}

bool plm_depack_h264_starts(const uint8_t *payload, size_t len)
{
    uint8_t type = len > 0 ? NAL_TYPE(payload[0]) : 0;
    if (type == NAL_STAP_A && len > 3)
        type = NAL_TYPE(payload[3]);
    return type == NAL_SPS || type == NAL_DELIMITER;
}

void plm_depack_h264_begin(struct plm_depack *d)
{
    d->h264.in_fragment = d->h264.has_idr = d->h264.has_sets = false;
}

/* ---- the end of a picture ---- */

static bool has_chroma_fields(uint8_t profile)
{
    return profile == 100 || profile == 110 || profile == 122 || profile == 144;
}

static int add_octet(struct plm_depack *d, unsigned v)
{
    uint8_t octet = (uint8_t)v;
    return plm_depack_append(&d->config, &octet, 1, d->max);
}

static int add_sets(struct plm_depack *d, uint8_t type, unsigned flags)
{
    unsigned n = 0;
    for (unsigned i = 0; i < d->h264.n_sets; i++)
        n += d->h264.sets[i].type == type;
    int err = add_octet(d, flags | n);
    for (unsigned i = 0; i < d->h264.n_sets && err == 0; i++) {
        const struct plm_h264_set *s = &d->h264.sets[i];
        if (s->type != type)
            continue;
        uint8_t size[2];
        plm_put16(size, s->len);
        err = plm_depack_append(&d->config, size, sizeof size, d->max);
        if (err == 0)
            err = plm_depack_append(&d->config, s->data, s->len, d->max);
    }
    return err;
}

/* ISO/IEC 14496-15 section 5.3.3.1.2: AVCDecoderConfigurationRecord */
static int make_config(struct plm_depack *d, const struct plm_h264_set *sps)
{
    uint8_t head[] = {1, sps->data[1], sps->data[2], sps->data[3], 0xfc | (LENGTH_SIZE - 1)};
    int err = plm_depack_append(&d->config, head, sizeof head, d->max);
    if (err == 0)
        err = add_sets(d, NAL_SPS, 0xe0);
    if (err == 0)
        err = add_sets(d, NAL_PPS, 0);
    if (err != 0 || !has_chroma_fields(sps->data[1]))
        return err;
    struct plm_bits b = plm_bits_of(sps->data + 4, sps->len - 4u);
    (void)golomb(&b); /* seq_parameter_set_id */
    uint32_t chroma = golomb(&b);
    if (chroma == 3)
        (void)plm_bits(&b, 1);
    uint32_t luma_depth = golomb(&b), chroma_depth = golomb(&b);
    if (b.failed || chroma > 3 || luma_depth > 6 || chroma_depth > 6)
        return PLM_EINVAL;
    unsigned fields[] = {0xfc | chroma, 0xf8 | luma_depth, 0xf8 | chroma_depth, 0};
    for (unsigned i = 0; i < 4 && err == 0; i++)
        err = add_octet(d, fields[i]);
    return err;
}

/** The remembered sets in front of a key frame that came without. */
static int put_sets_in_front(struct plm_depack *d)
{
    size_t picture = d->out.len, more = 0;
    for (unsigned i = 0; i < d->h264.n_sets; i++)
        more += LENGTH_SIZE + d->h264.sets[i].len;
    int err = plm_depack_append(&d->out, NULL, more, d->max);
    if (err != 0)
        return err;
    memmove(d->out.data + more, d->out.data, picture);
    uint8_t *p = d->out.data;
    for (int pass = 0; pass < 2; pass++) { /* a picture parameter set follows that of its sequence */
        for (unsigned i = 0; i < d->h264.n_sets; i++) {
            const struct plm_h264_set *s = &d->h264.sets[i];
            if ((s->type == NAL_SPS) != (pass == 0))
                continue;
            plm_put32(p, s->len);
            memcpy(p + LENGTH_SIZE, s->data, s->len);
            p += LENGTH_SIZE + s->len;
        }
    }
    return 0;
}

int plm_depack_h264_end(struct plm_depack *d)
{
    if (d->h264.in_fragment)
        return PLM_EINVAL;
    d->place.keyframe = d->h264.has_idr;
    if (!d->place.keyframe)
        return 0;
    const struct plm_h264_set *sps = newest_sps(d);
    if (!sps || !plm_h264_sps_size(sps->data, sps->len, &d->width, &d->height))
        return PLM_EINVAL;
    int err = make_config(d, sps);
    return err == 0 && !d->h264.has_sets ? put_sets_in_front(d) : err;
}

void plm_depack_h264_destroy(struct plm_depack *d)
{
    while (d->h264.n_sets > 0)
        forget_set(d, 0);
}
