/*
 * VP9 (RFC 9628): a frame is what lies behind the payload descriptors of its packets in spatial layer 0. Higher spatial layers would be
 * pictures of their own to most decoders.
 */
#include "base/planted.h"
#include "bits.h"
#include "codec.h"
#include "depack.h"

#define P_PREDICTED  0x40
#define L_LAYERS     0x20
#define F_FLEXIBLE   0x10
#define MAX_PDIFF    3
#define SYNC_CODE    0x498342
#define SPACE_RGB    7
#define FRAME_MARKER 2

/*
 * RFC 9628 section 4.2.1: in flexible mode the descriptor lists the pictures that this one refers to. plm_codec_parse has checked the
 * lengths.
 */
static void read_references(struct plm_picture_place *place, const uint8_t *payload)
{
    const uint8_t *p = payload + 1;
    if (!place->has_picture_id || !(payload[0] & F_FLEXIBLE))
        return;
    place->has_refs = true;
    place->number = place->picture_id;
    place->number_bits = place->picture_id_bits;
    p += place->picture_id_bits == 15 ? 2 : 1;
    p += payload[0] & L_LAYERS ? 1 : 0;
    bool more = payload[0] & P_PREDICTED;
    for (; more && place->n_refs < MAX_PDIFF; p++) {
        place->refs[place->n_refs++] = *p >> 1;
        more = *p & 1;
    }
}

int plm_depack_vp9_add(struct plm_depack *d, const uint8_t *payload, size_t len)
{
    struct plm_frame_info info;
    if (plm_codec_parse(PLM_CODEC_VP9, payload, len, &info) != 0 || info.frame_start == d->any ||
        !PLM_FITS(depack_vp9, info.sid == 0))
        return PLM_EINVAL;
    if (!d->any) {
        d->place.has_picture_id = info.has_picture_id;
        d->place.picture_id = info.picture_id;
        d->place.picture_id_bits = info.picture_id_15 ? 15 : 7;
        d->place.has_tl0 = info.has_tl0;
        d->place.tl0picidx = info.tl0picidx;
        d->place.tid = info.tid;
        d->place.up = info.layer_sync;
        read_references(&d->place, payload);
    }
    return plm_depack_append(&d->out, payload + info.desc_len, len - info.desc_len, d->max);
}

/* VP9 bitstream specification section 7.2.2, color_config */
static void skip_colour(struct plm_bits *b, uint8_t profile)
{
    if (profile >= 2)
        (void)plm_bits(b, 1);
    bool odd = profile & 1;
    if (plm_bits(b, 3) != SPACE_RGB)
        (void)plm_bits(b, odd ? 4 : 1);
    else if (odd)
        (void)plm_bits(b, 1);
}

/* Section 6.2, uncompressed_header up to the frame size */
int plm_depack_vp9_end(struct plm_depack *d)
{
    struct plm_bits b = plm_bits_of(d->out.data, d->out.len);
    if (plm_bits(&b, 2) != FRAME_MARKER)
        return PLM_EINVAL;
    unsigned low = plm_bits(&b, 1);
    uint8_t profile = (uint8_t)(plm_bits(&b, 1) << 1 | low);
    if (profile == 3)
        (void)plm_bits(&b, 1);
    bool shows_existing = plm_bits(&b, 1);
    bool inter = plm_bits(&b, 1);
    bool show = plm_bits(&b, 1);
    (void)plm_bits(&b, 1); /* error_resilient_mode */
    if (b.failed)
        return PLM_EINVAL;
    if (shows_existing || inter)
        return 0;
    if (plm_bits(&b, 24) != SYNC_CODE)
        return PLM_EINVAL;
    skip_colour(&b, profile);
    uint32_t width = plm_bits(&b, 16) + 1, height = plm_bits(&b, 16) + 1;
    if (b.failed || width > UINT16_MAX || height > UINT16_MAX)
        return PLM_EINVAL;
    d->place.keyframe = show;
    d->profile = profile;
    d->width = (uint16_t)width;
    d->height = (uint16_t)height;
    return 0;
}
