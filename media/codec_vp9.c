/*
 * VP9 payload descriptor (RFC 9628 section 4.2), flexible and non-flexible mode.
 */
#include "base/bytes.h"
#include "base/planted.h"
#include "codec_desc.h"

#define I_PICTURE_ID 0x80
#define P_PREDICTED  0x40
#define L_LAYERS     0x20
#define F_FLEXIBLE   0x10
#define B_START      0x08
#define E_END        0x04
#define V_STRUCTURE  0x02
#define M_LONG       0x80
#define MAX_PDIFF    3

/* What is left to read. */
struct cursor {
    const uint8_t *p;
    size_t left;
};

static bool take(struct cursor *c, size_t n, const uint8_t **at)
{
    if (!PLM_FITS(vp9, n <= c->left))
        return false;
    *at = c->p;
    c->p += n;
    c->left -= n;
    return true;
}

static bool read_picture_id(struct cursor *c, struct plm_frame_info *out)
{
    const uint8_t *p, *low;
    if (!take(c, 1, &p))
        return false;
    out->has_picture_id = true;
    out->picture_id = *p & 0x7f;
    out->picture_id_15 = *p & M_LONG;
    if (!out->picture_id_15)
        return true;
    if (!take(c, 1, &low))
        return false;
    out->picture_id = (uint16_t)(out->picture_id << 8 | *low);
    return true;
}

static bool read_layers(struct cursor *c, bool flexible, struct plm_frame_info *out)
{
    const uint8_t *p;
    if (!take(c, 1, &p))
        return false;
    out->has_layers = true;
    out->tid = *p >> 5;
    out->layer_sync = *p & 0x10;
    out->sid = (*p >> 1) & 7;
    out->inter_layer = *p & 1;
    if (flexible)
        return true;
    if (!take(c, 1, &p))
        return false;
    out->has_tl0 = true;
    out->tl0picidx = *p;
    return true;
}

/* Section 4.2.1: at most three references, each says whether another follows */
static bool skip_references(struct cursor *c)
{
    const uint8_t *p;
    for (int i = 0; i < MAX_PDIFF; i++) {
        if (!take(c, 1, &p))
            return false;
        if (!(*p & 1))
            return true;
    }
    return false;
}

/* Section 4.2.1, scalability structure; the size is that of the highest spatial layer */
static bool read_structure(struct cursor *c, struct plm_frame_info *out)
{
    const uint8_t *head, *p;
    if (!take(c, 1, &head))
        return false;
    size_t n_layers = (size_t)(*head >> 5) + 1;
    out->spatial_layers = (uint8_t)n_layers;
    if (*head & 0x10) {
        if (!take(c, n_layers * 4, &p))
            return false;
        out->width = plm_get16(p + (n_layers - 1) * 4);
        out->height = plm_get16(p + (n_layers - 1) * 4 + 2);
    }
    if (!(*head & 0x08))
        return true;
    if (!take(c, 1, &p))
        return false;
    for (unsigned pictures = *p; pictures > 0; pictures--) {
        if (!take(c, 1, &p) || !take(c, (*p >> 2) & 3, &p))
            return false;
    }
    return true;
}

int plm_vp9_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out)
{
    struct cursor c = {payload, len};
    const uint8_t *p;
    if (!take(&c, 1, &p))
        return PLM_EINVAL;
    uint8_t flags = *p;
    bool flexible = flags & F_FLEXIBLE, predicted = flags & P_PREDICTED;
    if ((flags & I_PICTURE_ID) && !read_picture_id(&c, out))
        return PLM_EINVAL;
    if ((flags & L_LAYERS) && !read_layers(&c, flexible, out))
        return PLM_EINVAL;
    if (flexible && predicted && !skip_references(&c))
        return PLM_EINVAL;
    if ((flags & V_STRUCTURE) && !read_structure(&c, out))
        return PLM_EINVAL;
    if (c.left == 0 || len - c.left > UINT8_MAX)
        return PLM_EINVAL;
    out->desc_len = (uint8_t)(len - c.left);
    out->frame_start = flags & B_START;
    out->frame_end = flags & E_END;
    out->keyframe = !predicted;
    out->keyframe_start = out->keyframe && out->frame_start && out->sid == 0;
    return 0;
}

int plm_vp9_rewrite(const uint8_t *payload, size_t len, const struct plm_codec_numbers *num,
    uint8_t out[PLM_MAX_DESC], size_t *consumed)
{
    struct plm_frame_info info = {0};
    int rc = plm_vp9_parse(payload, len, &info);
    if (rc)
        return rc;
    *consumed = 0;
    if (!info.has_picture_id && !info.has_tl0)
        return 0;
    size_t in = 1;
    int n = 0;
    out[n++] = payload[0];
    if (info.has_picture_id) {
        plm_put16(out + n, num->picture_id | M_LONG << 8);
        n += 2;
        in += info.picture_id_15 ? 2 : 1;
    }
    if (info.has_layers)
        out[n++] = payload[in++];
    if (info.has_tl0) {
        out[n++] = num->tl0picidx;
        in++;
    }
    *consumed = in;
    return n;
}
