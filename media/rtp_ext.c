/*
 * Header extensions (RFC 8285): reading both forms, and writing header and block in one go.
 */
#include "base/bytes.h"
#include "base/planted.h"
#include "rtp.h"

#include <string.h>

#define ONE_BYTE_PROFILE 0xBEDE
#define TWO_BYTE_PROFILE 0x1000 /* the low four bits are application bits, to be ignored */

void plm_ext_map_init(struct plm_ext_map *m, const struct plm_ext_ids *ids)
{
    memset(m, 0, sizeof *m);
    for (unsigned e = PLM_EXT_NONE + 1; e < PLM_EXT_COUNT; e++)
        if (ids->id[e])
            m->type_of[ids->id[e]] = (uint8_t)e;
}

static void keep(struct plm_rtp_exts *out, uint8_t type, const uint8_t *val, size_t len)
{
    if (type == PLM_EXT_NONE || out->val[type])
        return;
    out->val[type] = val;
    out->len[type] = (uint8_t)len;
}

/* RFC 8285 section 4.2 */
static int parse_one_byte(
    struct plm_rtp_exts *out, const uint8_t *p, const uint8_t *end, const uint8_t *type_of)
{
    while (p < end) {
        uint8_t id = *p >> 4;
        size_t len = (*p & 0x0fu) + 1;
        if (*p++ == 0)
            continue;
        if (id == 0 || id == 15) /* both end the block: 15 is reserved, 0 must not have a length */
            return 0;
        if (!PLM_FITS(rtp_ext, len <= (size_t)(end - p)))
            return PLM_EINVAL;
        keep(out, type_of[id], p, len);
        p += len;
    }
    return 0;
}

/* RFC 8285 section 4.3 */
static int parse_two_byte(
    struct plm_rtp_exts *out, const uint8_t *p, const uint8_t *end, const uint8_t *type_of)
{
    while (p < end) {
        uint8_t id = *p++;
        if (id == 0)
            continue;
        if (p == end)
            return PLM_EINVAL;
        size_t len = *p++;
        if (len > (size_t)(end - p))
            return PLM_EINVAL;
        keep(out, type_of[id], p, len);
        p += len;
    }
    return 0;
}

int plm_rtp_exts_parse(struct plm_rtp_exts *out, const struct plm_rtp_view *v, const struct plm_ext_map *map)
{
    memset(out, 0, sizeof *out);
    if (!v->ext)
        return 0;
    const uint8_t *end = v->ext + v->ext_len;
    if (v->ext_profile == ONE_BYTE_PROFILE)
        return parse_one_byte(out, v->ext, end, map->type_of);
    if ((v->ext_profile & 0xfff0) == TWO_BYTE_PROFILE)
        return parse_two_byte(out, v->ext, end, map->type_of);
    return 0;
}

/* Octets of the elements without block header and padding. */
static size_t block_len(const struct plm_ext_out *exts, size_t n, bool *two_byte)
{
    size_t elements = 0, values = 0;
    *two_byte = false;
    for (size_t i = 0; i < n; i++) {
        if (!exts[i].id)
            continue;
        elements++;
        values += exts[i].len;
        if (exts[i].id > 14 || exts[i].len == 0 || exts[i].len > 16)
            *two_byte = true;
    }
    return values + elements * (*two_byte ? 2 : 1);
}

static uint8_t *write_element(uint8_t *p, const struct plm_ext_out *e, bool two_byte)
{
    if (two_byte) {
        *p++ = e->id;
        *p++ = e->len;
    } else {
        *p++ = (uint8_t)(e->id << 4 | (e->len - 1));
    }
    if (e->val)
        memcpy(p, e->val, e->len);
    else
        memset(p, 0, e->len);
    return p;
}

size_t plm_rtp_write_header(uint8_t *dst, size_t cap, const struct plm_rtp_fixed *f,
    const struct plm_ext_out *exts, size_t n, uint16_t *val_at)
{
    bool two_byte;
    size_t body = block_len(exts, n, &two_byte);
    size_t padded = (body + 3) & ~(size_t)3;
    size_t total = PLM_RTP_HEADER + (body ? 4 + padded : 0);
    if (total > cap || total > UINT16_MAX)
        return 0;
    dst[0] = (uint8_t)(0x80 | (f->padding ? 0x20 : 0) | (body ? 0x10 : 0));
    dst[1] = (uint8_t)((f->marker ? 0x80 : 0) | (f->pt & 0x7f));
    plm_put16(dst + 2, f->seq);
    plm_put32(dst + 4, f->ts);
    plm_put32(dst + 8, f->ssrc);
    uint8_t *p = dst + PLM_RTP_HEADER;
    if (body) {
        plm_put16(p, two_byte ? TWO_BYTE_PROFILE : ONE_BYTE_PROFILE);
        plm_put16(p + 2, (uint16_t)(padded / 4));
        p += 4;
    }
    for (size_t i = 0; i < n; i++) {
        uint16_t at = 0;
        if (exts[i].id) {
            p = write_element(p, &exts[i], two_byte);
            at = (uint16_t)(p - dst);
            p += exts[i].len;
        }
        if (val_at)
            val_at[i] = at;
    }
    memset(p, 0, padded - body);
    return total;
}

uint8_t plm_audio_level_parse(uint8_t octet, bool *voice)
{
    *voice = octet >> 7;
    return octet & 0x7f;
}

uint32_t plm_abs_send_time(uint64_t now_us)
{
    uint64_t seconds = now_us / 1000000, rest_us = now_us % 1000000;
    return (uint32_t)(((seconds << 18) + (rest_us << 18) / 1000000) & 0xffffff);
}
