#include "codec_desc.h"

/* Bits of a NAL unit without its emulation prevention octets (ITU-T H.264 section 7.3.1). Reading past the end gives zeros and fails. */
struct bits {
    const uint8_t *p, *end;
    unsigned zeros; /* zero octets before p */
    unsigned left;  /* unread bits of cur */
    uint8_t cur;
    bool failed;
};

static unsigned bit(struct bits *b)
{
    if (b->left == 0) {
        if (b->zeros >= 2 && b->p < b->end && *b->p == 3) {
            b->p++;
            b->zeros = 0;
        }
        if (b->p == b->end) {
            b->failed = true;
            return 0;
        }
        b->cur = *b->p++;
        b->zeros = b->cur ? 0 : b->zeros + 1;
        b->left = 8;
    }
    return (b->cur >> --b->left) & 1;
}

static uint32_t fixed(struct bits *b, unsigned n)
{
    uint32_t v = 0;
    while (n-- > 0)
        v = v << 1 | bit(b);
    return v;
}

/* ue(v), section 9.1; longer codes than any field here may have fail */
static uint32_t golomb(struct bits *b)
{
    unsigned zeros = 0;
    while (!b->failed && !bit(b))
        zeros++;
    if (b->failed || zeros > 31) {
        b->failed = true;
        return 0;
    }
    return (UINT32_C(1) << zeros) - 1 + fixed(b, zeros);
}

static int32_t signed_golomb(struct bits *b)
{
    uint32_t v = golomb(b);
    return v & 1 ? (int32_t)(v / 2) + 1 : -(int32_t)(v / 2);
}

static void skip_scaling_list(struct bits *b, int size)
{
    int32_t last = 8, next = 8;
    for (int i = 0; i < size && !b->failed; i++) {
        if (next != 0)
            next = (int32_t)(((uint32_t)last + (uint32_t)signed_golomb(b)) & 0xff);
        last = next ? next : last;
    }
}

static bool has_chroma_fields(uint32_t profile)
{
    static const uint8_t high[] = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135};
    for (unsigned i = 0; i < sizeof high; i++)
        if (high[i] == profile)
            return true;
    return false;
}

/* @return chroma_format_idc, 0 for separate planes (ChromaArrayType) */
static uint32_t read_chroma(struct bits *b)
{
    uint32_t format = golomb(b);
    bool separate = format == 3 && bit(b);
    (void)golomb(b); /* bit depths */
    (void)golomb(b);
    (void)bit(b);
    if (bit(b)) {
        int lists = format == 3 ? 12 : 8;
        for (int i = 0; i < lists && !b->failed; i++)
            if (bit(b))
                skip_scaling_list(b, i < 6 ? 16 : 64);
    }
    return separate ? 0 : format;
}

static void skip_order_count(struct bits *b)
{
    uint32_t type = golomb(b);
    if (type == 0) {
        (void)golomb(b);
    } else if (type == 1) {
        (void)bit(b);
        (void)golomb(b);
        (void)golomb(b);
        for (uint32_t n = golomb(b); n > 0 && !b->failed; n--)
            (void)golomb(b);
    }
}

struct crop {
    uint32_t x, y; /* luma samples cut off in all */
};

static struct crop read_crop(struct bits *b, uint32_t chroma, bool frames_only)
{
    uint32_t left = golomb(b), right = golomb(b), top = golomb(b), bottom = golomb(b);
    uint32_t unit_x = chroma == 1 || chroma == 2 ? 2 : 1;
    uint32_t unit_y = (chroma == 1 ? 2 : 1) * (frames_only ? 1 : 2);
    if (left > UINT16_MAX || right > UINT16_MAX || top > UINT16_MAX || bottom > UINT16_MAX)
        b->failed = true;
    return (struct crop){(left + right) * unit_x, (top + bottom) * unit_y};
}

bool plm_h264_sps_size(const uint8_t *sps, size_t len, uint16_t *width, uint16_t *height)
{
    if (len < 4)
        return false;
    struct bits b = {.p = sps + 4, .end = sps + len};
    uint32_t chroma = 1;
    (void)golomb(&b); /* seq_parameter_set_id */
    if (has_chroma_fields(sps[1]))
        chroma = read_chroma(&b);
    (void)golomb(&b); /* log2_max_frame_num_minus4 */
    skip_order_count(&b);
    (void)golomb(&b); /* max_num_ref_frames */
    (void)bit(&b);
    uint32_t mbs_x = golomb(&b), map_units_y = golomb(&b);
    bool frames_only = bit(&b);
    if (!frames_only)
        (void)bit(&b);
    (void)bit(&b);
    struct crop crop = {0};
    if (bit(&b))
        crop = read_crop(&b, chroma, frames_only);
    if (b.failed || mbs_x >= UINT16_MAX / 16 || map_units_y >= UINT16_MAX / 32)
        return false;
    uint32_t w = (mbs_x + 1) * 16, h = (map_units_y + 1) * (frames_only ? 16 : 32);
    if (crop.x >= w || crop.y >= h)
        return false;
    *width = (uint16_t)(w - crop.x);
    *height = (uint16_t)(h - crop.y);
    return true;
}
