#include "rtcp_fb.h"

#include "base/bytes.h"

#include <string.h>

#define FMT_PLI    1  /* PSFB, RFC 4585 section 6.3.1 */
#define FMT_FIR    4  /* PSFB, RFC 5104 section 4.3.1 */
#define FMT_AFB    15 /* PSFB, application layer: REMB */
#define FB_HEADER  12
#define SSRCS      8          /* sender and media source in a body */
#define REMB_MAGIC 0x52454d42 /* "REMB" */

static void read_nack(uint32_t media, const uint8_t *p, size_t len, unsigned *items,
    const struct plm_rtcp_handler *h, void *arg)
{
    for (; len >= 4 && *items > 0; p += 4, len -= 4, --*items)
        h->nack(arg, media, plm_get16(p), plm_get16(p + 2));
}

static void read_fir(
    const uint8_t *p, size_t len, unsigned *items, const struct plm_rtcp_handler *h, void *arg)
{
    for (; len >= 8 && *items > 0; p += 8, len -= 8, --*items)
        h->fir(arg, plm_get32(p), p[4]);
}

/* draft-alvestrand-rmcat-remb-03 section 2.2; what does not fit 64 bits counts as no limit */
static int read_remb(const uint8_t *p, size_t len, const struct plm_rtcp_handler *h, void *arg)
{
    if (len < 4 || plm_get32(p) != REMB_MAGIC)
        return 0; /* another application's */
    if (len < 8 || (size_t)p[4] * 4 > len - 8)
        return PLM_EINVAL;
    unsigned exponent = p[5] >> 2;
    uint64_t mantissa = plm_get24(p + 5) & 0x3ffff;
    uint64_t bitrate = mantissa << exponent;
    if (bitrate >> exponent != mantissa)
        bitrate = UINT64_MAX;
    h->remb(arg, bitrate);
    return 0;
}

int plm_rtcp_read_rtpfb(
    uint8_t fmt, const uint8_t *p, size_t len, unsigned *items, const struct plm_rtcp_handler *h, void *arg)
{
    if (len < SSRCS)
        return PLM_EINVAL;
    if (fmt == PLM_RTCP_FMT_NACK && h->nack)
        read_nack(plm_get32(p + 4), p + SSRCS, len - SSRCS, items, h, arg);
    else if (fmt == PLM_RTCP_FMT_TWCC && h->twcc)
        h->twcc(arg, p + SSRCS, len - SSRCS);
    return 0;
}

int plm_rtcp_read_psfb(
    uint8_t fmt, const uint8_t *p, size_t len, unsigned *items, const struct plm_rtcp_handler *h, void *arg)
{
    if (len < SSRCS)
        return PLM_EINVAL;
    if (fmt == FMT_PLI && h->pli)
        h->pli(arg, plm_get32(p + 4));
    else if (fmt == FMT_FIR && h->fir)
        read_fir(p + SSRCS, len - SSRCS, items, h, arg);
    else if (fmt == FMT_AFB && h->remb)
        return read_remb(p + SSRCS, len - SSRCS, h, arg);
    return 0;
}

static void put_fb_header(
    uint8_t *dst, uint8_t fmt, uint8_t type, size_t len, uint32_t sender, uint32_t media)
{
    plm_rtcp_put_header(dst, fmt, type, len);
    plm_put32(dst + 4, sender);
    plm_put32(dst + 8, media);
}

size_t plm_rtcp_write_pli(uint8_t *dst, size_t cap, uint32_t sender, uint32_t media)
{
    if (cap < FB_HEADER)
        return 0;
    put_fb_header(dst, FMT_PLI, PLM_RTCP_PSFB, FB_HEADER, sender, media);
    return FB_HEADER;
}

size_t plm_rtcp_write_fir(uint8_t *dst, size_t cap, uint32_t sender, uint32_t media, uint8_t seq)
{
    size_t len = FB_HEADER + 8;
    if (cap < len)
        return 0;
    put_fb_header(
        dst, FMT_FIR, PLM_RTCP_PSFB, len, sender, 0); /* RFC 5104 section 4.3.1.2: media source is 0 */
    plm_put32(dst + 12, media);
    plm_put32(dst + 16, (uint32_t)seq << 24);
    return len;
}

size_t plm_rtcp_write_nack(
    uint8_t *dst, size_t cap, uint32_t sender, uint32_t media, const uint16_t *seqs, size_t n)
{
    size_t len = FB_HEADER;
    for (size_t i = 0; i < n;) {
        uint16_t pid = seqs[i++], mask = 0;
        for (; i < n && (uint16_t)(seqs[i] - pid - 1) < 16; i++)
            mask |= (uint16_t)(1 << (uint16_t)(seqs[i] - pid - 1));
        if (cap < 4 || len > cap - 4)
            return 0;
        plm_put16(dst + len, pid);
        plm_put16(dst + len + 2, mask);
        len += 4;
    }
    if (n == 0)
        return 0;
    put_fb_header(dst, PLM_RTCP_FMT_NACK, PLM_RTCP_RTPFB, len, sender, media);
    return len;
}

size_t plm_rtcp_write_remb(
    uint8_t *dst, size_t cap, uint32_t sender, uint64_t bitrate_bps, const uint32_t *ssrcs, size_t n)
{
    if (n > UINT8_MAX || cap < FB_HEADER + 8 + n * 4)
        return 0;
    size_t len = FB_HEADER + 8 + n * 4;
    unsigned exponent = 0;
    while (bitrate_bps >> exponent > 0x3ffff)
        exponent++;
    put_fb_header(dst, FMT_AFB, PLM_RTCP_PSFB, len, sender, 0);
    plm_put32(dst + 12, REMB_MAGIC);
    dst[16] = (uint8_t)n;
    plm_put24(dst + 17, exponent << 18 | (uint32_t)(bitrate_bps >> exponent));
    for (size_t i = 0; i < n; i++)
        plm_put32(dst + 20 + i * 4, ssrcs[i]);
    return len;
}
