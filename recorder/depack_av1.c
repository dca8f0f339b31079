/*
 * AV1 (AV1 RTP specification version 1.0, section 4): OBUs, which get a size of their own. Section and syntax names below are those of
 * the AV1 bitstream specification.
 */
#include "base/planted.h"
#include "bits.h"
#include "depack.h"

#define AGG_CONTINUES 0x80 /* Z */
#define AGG_GOES_ON   0x40 /* Y */

enum obu {
    OBU_SEQUENCE = 1,
    OBU_DELIMITER = 2,
    OBU_FRAME_HEADER = 3,
    OBU_FRAME = 6,
    OBU_TILE_LIST = 8,
    OBU_PADDING = 15,
};

#define OBU_TYPE(octet) ((octet) >> 3 & 0xf)
#define HAS_EXTENSION   0x04
#define HAS_SIZE        0x02
#define SELECT          2 /* seq_force_screen_content_tools, seq_force_integer_mv */

/* Section 4.10.5: up to eight octets, also of a number that needs fewer. @return octets used, 0: cut short or too large */
static size_t leb128(const uint8_t *p, size_t len, size_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < len && i < 8; i++) {
        v |= (uint64_t)(p[i] & 0x7f) << (7 * i);
        if (!(p[i] & 0x80)) {
            *out = (size_t)v;
            return v <= UINT32_MAX ? i + 1 : 0;
        }
    }
    return 0;
}

/* ---- what a key frame says ---- */

static void skip_uvlc(struct plm_bits *b)
{
    unsigned zeros = 0;
    while (!b->failed && !plm_bits(b, 1))
        zeros++;
    if (zeros < 32)
        (void)plm_bits(b, zeros);
}

/* Section 5.5.3. @return equal_picture_interval's field is skipped, buffer_delay_length_minus_1 returned where there is one */
static unsigned skip_decoder_model(struct plm_bits *b)
{
    unsigned delay_bits = plm_bits(b, 5) + 1;
    (void)plm_bits(b, 32);
    (void)plm_bits(b, 10);
    return delay_bits;
}

/* Section 5.5.1 from timing_info_present_flag on, up to the operating points' end */
static void skip_operating_points(struct plm_bits *b)
{
    bool model = false;
    unsigned delay_bits = 0;
    if (plm_bits(b, 1)) {
        (void)plm_bits(b, 32);
        (void)plm_bits(b, 32);
        if (plm_bits(b, 1))
            skip_uvlc(b);
        model = plm_bits(b, 1);
        if (model)
            delay_bits = skip_decoder_model(b);
    }
    bool initial_delay = plm_bits(b, 1);
    unsigned points = plm_bits(b, 5) + 1;
    for (unsigned i = 0; i < points && !b->failed; i++) {
        (void)plm_bits(b, 12);
        if (plm_bits(b, 5) > 7)
            (void)plm_bits(b, 1);
        if (model && plm_bits(b, 1)) {
            (void)plm_bits(b, delay_bits);
            (void)plm_bits(b, delay_bits);
            (void)plm_bits(b, 1);
        }
        if (initial_delay && plm_bits(b, 1))
            (void)plm_bits(b, 4);
    }
}

static bool read_sequence(struct plm_depack *d, const uint8_t *p, size_t len)
{
    struct plm_bits b = plm_bits_of(p, len);
    uint8_t profile = (uint8_t)plm_bits(&b, 3);
    (void)plm_bits(&b, 1);
    if (plm_bits(&b, 1)) /* reduced_still_picture_header */
        (void)plm_bits(&b, 5);
    else
        skip_operating_points(&b);
    unsigned width_bits = plm_bits(&b, 4) + 1, height_bits = plm_bits(&b, 4) + 1;
    uint32_t width = plm_bits(&b, width_bits) + 1, height = plm_bits(&b, height_bits) + 1;
    if (b.failed || width > UINT16_MAX || height > UINT16_MAX)
        return false;
    d->profile = profile;
    d->width = (uint16_t)width;
    d->height = (uint16_t)height;
    return true;
}

/* Section 5.9.2: show_existing_frame 0, frame_type KEY_FRAME, show_frame 1 */
static bool begins_sequence(const uint8_t *p, size_t len)
{
    return len > 0 && (p[0] & 0xf0) == 0x10;
}

/* ---- OBUs ---- */

static int put_obu(struct plm_depack *d, uint8_t header, uint8_t extension, const uint8_t *p, size_t len)
{
    uint8_t head[2 + 4];
    size_t n = 0, at = d->out.len;
    head[n++] = header | HAS_SIZE;
    if (header & HAS_EXTENSION)
        head[n++] = extension;
    size_t v = len;
    for (; v >= 0x80; v >>= 7)
        head[n++] = (uint8_t)(v | 0x80);
    head[n++] = (uint8_t)v;
    int err = plm_depack_append(&d->out, head, n, d->max);
    if (err == 0)
        err = plm_depack_append(&d->out, p, len, d->max);
    if (err == 0 && OBU_TYPE(header) == OBU_SEQUENCE) {
        d->av1.sequence = true;
        d->av1.sequence_at = at;
        d->av1.sequence_len = d->out.len - at;
    }
    return err;
}

/** One whole OBU as it came: with or without a size of its own. */
static int add_obu(struct plm_depack *d, const uint8_t *p, size_t len)
{
    if (len < 1 || p[0] & 0x80)
        return PLM_EINVAL;
    uint8_t header = p[0], type = OBU_TYPE(header), extension = 0;
    size_t at = 1;
    if (header & HAS_EXTENSION) {
        if (len < 2)
            return PLM_EINVAL;
        extension = p[at++];
    }
    size_t size = len - at;
    if (header & HAS_SIZE) {
        size_t used = leb128(p + at, len - at, &size);
        at += used;
        if (used == 0 || size > len - at)
            return PLM_EINVAL;
    }
    if (type == OBU_DELIMITER || type == OBU_TILE_LIST || type == OBU_PADDING)
        return 0;
    if (type == OBU_SEQUENCE && !read_sequence(d, p + at, size))
        return PLM_EINVAL;
    if ((type == OBU_FRAME || type == OBU_FRAME_HEADER) && !d->av1.frame_seen) {
        d->av1.frame_seen = true;
        d->place.keyframe = d->av1.sequence && begins_sequence(p + at, size);
    }
    return put_obu(d, header, extension, p + at, size);
}

static int add_element(struct plm_depack *d, const uint8_t *p, size_t len, bool continues, bool goes_on)
{
    if (continues != d->av1.in_fragment)
        return PLM_EINVAL;
    if (!continues && !goes_on)
        return add_obu(d, p, len);
    int err = plm_depack_append(&d->av1.obu, p, len, d->max);
    d->av1.in_fragment = goes_on;
    if (err != 0 || goes_on)
        return err;
    err = add_obu(d, d->av1.obu.data, d->av1.obu.len);
    d->av1.obu.len = 0;
    return err;
}

/* AV1 RTP specification section 4.4: W elements, the last without a length; 0: all have one. */
int plm_depack_av1_add(struct plm_depack *d, const uint8_t *payload, size_t len)
{
    uint8_t head = payload[0];
    unsigned count = head >> 4 & 3;
    const uint8_t *p = payload + 1;
    size_t left = len - 1;
    if (left == 0)
        return PLM_EINVAL;
    for (unsigned i = 1; left > 0; i++) {
        size_t size = left;
        if (count == 0 || i < count) {
            size_t used = leb128(p, left, &size);
            p += used;
            left -= used;
            if (used == 0 || !PLM_FITS(depack_av1, size <= left))
                return PLM_EINVAL;
        }
        bool last = size == left;
        if (count > 0 && last != (i == count))
            return PLM_EINVAL;
        int err = add_element(d, p, size, i == 1 && head & AGG_CONTINUES, last && head & AGG_GOES_ON);
        if (err != 0)
            return err;
        p += size;
        left -= size;
    }
    return 0;
}

void plm_depack_av1_begin(struct plm_depack *d)
{
    plm_blob_clear(&d->av1.obu);
    d->av1.in_fragment = d->av1.sequence = d->av1.frame_seen = false;
}

int plm_depack_av1_end(struct plm_depack *d)
{
    if (d->av1.in_fragment || !d->av1.frame_seen)
        return PLM_EINVAL;
    if (!d->place.keyframe)
        return 0;
    return plm_depack_append(&d->config, d->out.data + d->av1.sequence_at, d->av1.sequence_len, d->max);
}

void plm_depack_av1_destroy(struct plm_depack *d)
{
    plm_blob_free(&d->av1.obu);
}
