/*
 * VP8 payload descriptor (RFC 7741 section 4.2) and, in the first packet of a frame, the P bit and size of section 4.3, which
 * stay in the clear under end-to-end encryption.
 */
#include "base/bytes.h"
#include "base/planted.h"
#include "codec_desc.h"

#define X_EXTENDED     0x80
#define S_START        0x10
#define PID_MASK       0x07
#define I_PICTURE_ID   0x80
#define L_TL0PICIDX    0x40
#define T_TID          0x20
#define K_KEYIDX       0x10
#define M_LONG         0x80
#define INTER_FRAME    0x01
#define KEY_HEADER_LEN 10

struct vp8_desc {
    uint8_t len;         /* of the whole descriptor */
    uint8_t flags;       /* of the extension octet */
    uint8_t picture_len; /* octets of the picture id */
};

static int measure(struct vp8_desc *d, const uint8_t *p, size_t len)
{
    *d = (struct vp8_desc){.len = 1};
    if (len < 1)
        return PLM_EINVAL;
    if (p[0] & X_EXTENDED) {
        if (len < 2)
            return PLM_EINVAL;
        d->flags = p[1];
        d->len = 2;
        if (d->flags & I_PICTURE_ID) {
            if (!PLM_FITS(vp8, len > 2))
                return PLM_EINVAL;
            d->picture_len = p[2] & M_LONG ? 2 : 1;
        }
        d->len = (uint8_t)(d->len + d->picture_len);
        d->len = (uint8_t)(d->len + !!(d->flags & L_TL0PICIDX) + !!(d->flags & (T_TID | K_KEYIDX)));
    }
    return d->len < len ? 0 : PLM_EINVAL; /* a descriptor without payload is of no use */
}

static void read_numbers(struct plm_frame_info *out, const struct vp8_desc *d, const uint8_t *p)
{
    if (d->picture_len) {
        out->has_picture_id = true;
        out->picture_id_15 = d->picture_len == 2;
        out->picture_id = out->picture_id_15 ? plm_get16(p) & 0x7fff : p[0];
        p += d->picture_len;
    }
    if (d->flags & L_TL0PICIDX) {
        out->has_tl0 = true;
        out->tl0picidx = *p++;
    }
    if (d->flags & T_TID) {
        out->has_layers = true;
        out->tid = *p >> 6;
        out->layer_sync = *p & 0x20;
    }
    out->has_keyidx = d->flags & K_KEYIDX;
}

/* RFC 6386 section 9.1: frame tag of 3 octets, start code, 14 bits of width and of height below their scaling bits */
static void read_key_header(struct plm_frame_info *out, const uint8_t *p, size_t len)
{
    out->keyframe = out->keyframe_start = true;
    if (len < KEY_HEADER_LEN || plm_get24(p + 3) != 0x9d012a)
        return;
    out->width = (uint16_t)((p[6] | p[7] << 8) & 0x3fff);
    out->height = (uint16_t)((p[8] | p[9] << 8) & 0x3fff);
}

int plm_vp8_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out)
{
    struct vp8_desc d;
    int rc = measure(&d, payload, len);
    if (rc)
        return rc;
    out->desc_len = d.len;
    out->frame_start = (payload[0] & S_START) && !(payload[0] & PID_MASK);
    read_numbers(out, &d, payload + 2);
    if (out->frame_start && !(payload[d.len] & INTER_FRAME))
        read_key_header(out, payload + d.len, len - d.len);
    return 0;
}

int plm_vp8_rewrite(const uint8_t *payload, size_t len, const struct plm_codec_numbers *num,
    uint8_t out[PLM_MAX_DESC], size_t *consumed)
{
    struct vp8_desc d;
    int rc = measure(&d, payload, len);
    if (rc)
        return rc;
    *consumed = 0;
    if (!(d.flags & (I_PICTURE_ID | L_TL0PICIDX)))
        return 0;
    int n = 0;
    out[n++] = payload[0];
    out[n++] = payload[1];
    if (d.picture_len) {
        plm_put16(out + n, num->picture_id | M_LONG << 8);
        n += 2;
    }
    if (d.flags & L_TL0PICIDX)
        out[n++] = num->tl0picidx;
    if (d.flags & (T_TID | K_KEYIDX))
        out[n++] = payload[d.len - 1];
    *consumed = d.len;
    return n;
}
