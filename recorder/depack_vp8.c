/*
 * VP8 (RFC 7741): a frame is what lies behind the payload descriptors of its packets.
 */
#include "base/bytes.h"
#include "base/planted.h"
#include "codec.h"
#include "depack.h"

#define INTER_FRAME    0x01
#define KEY_HEADER_LEN 10
#define START_CODE     0x9d012a

int plm_depack_vp8_add(struct plm_depack *d, const uint8_t *payload, size_t len)
{
    struct plm_frame_info info;
    if (plm_codec_parse(PLM_CODEC_VP8, payload, len, &info) != 0 || info.frame_start == d->any)
        return PLM_EINVAL;
    if (!d->any) {
        d->place.has_picture_id = info.has_picture_id;
        d->place.picture_id = info.picture_id;
        d->place.picture_id_bits = info.picture_id_15 ? 15 : 7;
        d->place.has_tl0 = info.has_tl0 && info.has_layers;
        d->place.tl0picidx = info.tl0picidx;
        d->place.tid = info.tid;
        d->place.sync = info.layer_sync;
    }
    return plm_depack_append(&d->out, payload + info.desc_len, len - info.desc_len, d->max);
}

/* RFC 6386 section 9.1: frame tag of 3 octets; of a key frame start code, 14 bits of width and of height below their scaling bits */
int plm_depack_vp8_end(struct plm_depack *d)
{
    const uint8_t *p = d->out.data;
    if (d->out.len < 3)
        return PLM_EINVAL;
    d->place.keyframe = !(p[0] & INTER_FRAME);
    if (!d->place.keyframe)
        return 0;
    if (!PLM_FITS(depack_vp8, d->out.len >= KEY_HEADER_LEN) || plm_get24(p + 3) != START_CODE)
        return PLM_EINVAL;
    d->width = (uint16_t)((p[6] | p[7] << 8) & 0x3fff);
    d->height = (uint16_t)((p[8] | p[9] << 8) & 0x3fff);
    return d->width && d->height ? 0 : PLM_EINVAL;
}
