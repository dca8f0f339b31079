#include "mp4_entry.h"

#define OBU_SEQUENCE_HEADER 1
#define SELECT_VALUE        2 /* seq_force_…: chosen in each frame */

struct bits {
    const uint8_t *p;
    size_t left; /* in bits */
    unsigned at; /* in *p */
    bool overrun;
};

static uint32_t get(struct bits *b, unsigned n)
{
    uint32_t v = 0;
    if (n > b->left) {
        b->overrun = true;
        b->left = 0;
        return 0;
    }
    b->left -= n;
    while (n--) {
        v = v << 1 | (uint32_t)(*b->p >> (7 - b->at) & 1);
        b->at = (b->at + 1) % 8;
        b->p += b->at == 0;
    }
    return v;
}

/* uvlc() of section 4.10.3. */
static void skip_uvlc(struct bits *b)
{
    unsigned zeros = 0;
    while (!b->overrun && !get(b, 1))
        zeros++;
    if (zeros < 32)
        get(b, zeros);
}

/* timing_info() and decoder_model_info(). @return buffer_delay_length, 0: no decoder model */
static unsigned skip_timing(struct bits *b)
{
    get(b, 32); /* num_units_in_display_tick */
    get(b, 32); /* time_scale */
    if (get(b, 1))
        skip_uvlc(b);
    if (!get(b, 1))
        return 0;
    unsigned delay = get(b, 5) + 1;
    get(b, 32); /* num_units_in_decoding_tick */
    get(b, 10);
    return delay;
}

/* The first operating point is the one that counts. */
static void parse_operating_points(struct bits *b, struct plm_av1_sequence *out)
{
    unsigned delay = get(b, 1) ? skip_timing(b) : 0;
    bool display_delay = get(b, 1);
    unsigned n = get(b, 5) + 1;
    for (unsigned i = 0; i < n && !b->overrun; i++) {
        get(b, 12); /* operating_point_idc */
        uint8_t level = (uint8_t)get(b, 5);
        uint8_t tier = level > 7 ? (uint8_t)get(b, 1) : 0;
        if (delay && get(b, 1)) {
            get(b, delay);
            get(b, delay);
            get(b, 1);
        }
        if (display_delay && get(b, 1))
            get(b, 4);
        if (i == 0) {
            out->level = level;
            out->tier = tier;
        }
    }
}

static void skip_tools(struct bits *b)
{
    get(b, 4); /* interintra, masked compound, warped motion, dual filter */
    bool order_hint = get(b, 1);
    if (order_hint)
        get(b, 2);
    uint32_t screen_content = get(b, 1) ? SELECT_VALUE : get(b, 1);
    if (screen_content > 0 && !get(b, 1))
        get(b, 1); /* seq_force_integer_mv */
    if (order_hint)
        get(b, 3);
}

static void parse_color(struct bits *b, struct plm_av1_sequence *out)
{
    uint32_t primaries = 2, transfer = 2, matrix = 2;
    out->high_bitdepth = get(b, 1);
    out->twelve_bit = out->profile == 2 && out->high_bitdepth && get(b, 1);
    out->monochrome = out->profile != 1 && get(b, 1);
    if (get(b, 1)) {
        primaries = get(b, 8);
        transfer = get(b, 8);
        matrix = get(b, 8);
    }
    out->subsampling_x = out->subsampling_y = true;
    if (out->monochrome) {
        get(b, 1);
        return;
    }
    if (primaries == 1 && transfer == 13 && matrix == 0) { /* sRGB */
        out->subsampling_x = out->subsampling_y = false;
        return;
    }
    get(b, 1); /* color_range */
    if (out->profile == 1) {
        out->subsampling_x = out->subsampling_y = false;
    } else if (out->profile == 2 && !out->twelve_bit) {
        out->subsampling_y = false;
    } else if (out->profile == 2) {
        out->subsampling_x = get(b, 1);
        out->subsampling_y = out->subsampling_x && get(b, 1);
    }
    if (out->subsampling_x && out->subsampling_y)
        out->chroma_position = (uint8_t)get(b, 2);
}

static void parse_sequence(struct bits *b, struct plm_av1_sequence *out)
{
    out->profile = (uint8_t)get(b, 3);
    get(b, 1); /* still_picture */
    bool reduced = get(b, 1);
    if (reduced)
        out->level = (uint8_t)get(b, 5);
    else
        parse_operating_points(b, out);
    unsigned width_bits = get(b, 4) + 1, height_bits = get(b, 4) + 1;
    get(b, width_bits);
    get(b, height_bits);
    if (!reduced && get(b, 1))
        get(b, 7); /* lengths of frame ids */
    get(b, 3);     /* superblocks, filter intra, intra edge */
    if (!reduced)
        skip_tools(b);
    get(b, 3); /* superres, cdef, restoration */
    parse_color(b, out);
}

int plm_av1_sequence_parse(struct plm_av1_sequence *out, const uint8_t *obu, size_t len)
{
    *out = (struct plm_av1_sequence){0};
    if (len < 2 || (obu[0] >> 3 & 15) != OBU_SEQUENCE_HEADER)
        return PLM_EINVAL;
    bool extension = obu[0] & 4, has_size = obu[0] & 2;
    size_t at = extension ? 2 : 1;
    while (has_size && at < len && obu[at] & 0x80)
        at++;
    at += has_size;
    if (at >= len)
        return PLM_EINVAL;
    struct bits b = {.p = obu + at, .left = (len - at) * 8};
    parse_sequence(&b, out);
    return b.overrun || out->profile > 2 ? PLM_EINVAL : 0;
}
