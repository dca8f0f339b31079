/*
 * Reading RTCP compounds (RFC 3550 section 6; reduced-size ones, RFC 5506) and writing reports.
 */
#include "rtcp.h"

#include "base/bytes.h"
#include "base/planted.h"
#include "rtcp_fb.h"

#include <string.h>

#define HEADER    4
#define BLOCK_LEN 24

static int32_t sign_extend24(uint32_t v)
{
    return v & 0x800000 ? (int32_t)v - 0x1000000 : (int32_t)v;
}

static void read_block(struct plm_rtcp_block *b, const uint8_t *p)
{
    *b = (struct plm_rtcp_block){
        .ssrc = plm_get32(p),
        .fraction_lost = p[4],
        .total_lost = sign_extend24(plm_get24(p + 5)),
        .highest_seq = plm_get32(p + 8),
        .jitter = plm_get32(p + 12),
        .lsr = plm_get32(p + 16),
        .dlsr = plm_get32(p + 20),
    };
}

/* n is at most 31: five bits of the header */
static int read_blocks(
    uint32_t sender, unsigned n, const uint8_t *p, size_t len, const struct plm_rtcp_handler *h, void *arg)
{
    if (!PLM_FITS(rtcp, (size_t)n * BLOCK_LEN <= len))
        return PLM_EINVAL;
    for (unsigned i = 0; i < n && h->block; i++) {
        struct plm_rtcp_block b;
        read_block(&b, p + (size_t)i * BLOCK_LEN);
        h->block(arg, sender, &b);
    }
    return 0;
}

static int read_sr(unsigned n, const uint8_t *p, size_t len, const struct plm_rtcp_handler *h, void *arg)
{
    if (len < 24 || (size_t)n * BLOCK_LEN > len - 24)
        return PLM_EINVAL;
    uint32_t ssrc = plm_get32(p);
    if (h->sr)
        h->sr(arg, ssrc, plm_get64(p + 4), plm_get32(p + 12), plm_get32(p + 16), plm_get32(p + 20));
    return read_blocks(ssrc, n, p + 24, len - 24, h, arg);
}

static int read_rr(unsigned n, const uint8_t *p, size_t len, const struct plm_rtcp_handler *h, void *arg)
{
    if (len < 4)
        return PLM_EINVAL;
    return read_blocks(plm_get32(p), n, p + 4, len - 4, h, arg);
}

/* RFC 3550 section 6.6: n SSRCs, then perhaps a reason with its length */
static int read_bye(unsigned n, const uint8_t *p, size_t len, const struct plm_rtcp_handler *h, void *arg)
{
    size_t ssrcs = (size_t)n * 4;
    if (ssrcs > len)
        return PLM_EINVAL;
    if (len > ssrcs && p[ssrcs] > len - ssrcs - 1)
        return PLM_EINVAL;
    for (unsigned i = 0; i < n && h->bye; i++)
        h->bye(arg, plm_get32(p + (size_t)i * 4));
    return 0;
}

/* One packet of a compound; p and len are what stands behind the common header, without padding. */
static int read_packet(uint8_t count, uint8_t type, const uint8_t *p, size_t len, unsigned *items,
    const struct plm_rtcp_handler *h, void *arg)
{
    switch (type) {
    case PLM_RTCP_SR:
        return read_sr(count, p, len, h, arg);
    case PLM_RTCP_RR:
        return read_rr(count, p, len, h, arg);
    case PLM_RTCP_BYE:
        return read_bye(count, p, len, h, arg);
    case PLM_RTCP_RTPFB:
        return plm_rtcp_read_rtpfb(count, p, len, items, h, arg);
    case PLM_RTCP_PSFB:
        return plm_rtcp_read_psfb(count, p, len, items, h, arg);
    default: /* SDES, APP, XR and what is not known: RFC 3550 section 6.1 says to skip */
        return 0;
    }
}

int plm_rtcp_parse(
    const uint8_t *pkt, size_t len, unsigned max_items, const struct plm_rtcp_handler *h, void *arg)
{
    unsigned items = max_items;
    if (len < HEADER)
        return PLM_EINVAL;
    while (len > 0) {
        if (len < HEADER || pkt[0] >> 6 != 2)
            return PLM_EINVAL;
        size_t whole = ((size_t)plm_get16(pkt + 2) + 1) * 4;
        if (whole > len)
            return PLM_EINVAL;
        size_t body = whole - HEADER;
        if (pkt[0] & 0x20) { /* the last octet counts the padding, itself included */
            uint8_t padding = pkt[whole - 1];
            if (padding == 0 || padding > body)
                return PLM_EINVAL;
            body -= padding;
        }
        int rc = read_packet(pkt[0] & 0x1f, pkt[1], pkt + HEADER, body, &items, h, arg);
        if (rc)
            return rc;
        pkt += whole;
        len -= whole;
    }
    return 0;
}

void plm_rtcp_put_header(uint8_t *dst, uint8_t count, uint8_t type, size_t len)
{
    dst[0] = (uint8_t)(0x80 | count);
    dst[1] = type;
    plm_put16(dst + 2, (uint16_t)(len / 4 - 1));
}

static uint32_t clamp24(int32_t v)
{
    if (v > 0x7fffff)
        v = 0x7fffff;
    if (v < -0x800000)
        v = -0x800000;
    return (uint32_t)v & 0xffffff;
}

static void put_blocks(uint8_t *p, const struct plm_rtcp_block *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++, p += BLOCK_LEN) {
        plm_put32(p, blocks[i].ssrc);
        p[4] = blocks[i].fraction_lost;
        plm_put24(p + 5, clamp24(blocks[i].total_lost));
        plm_put32(p + 8, blocks[i].highest_seq);
        plm_put32(p + 12, blocks[i].jitter);
        plm_put32(p + 16, blocks[i].lsr);
        plm_put32(p + 20, blocks[i].dlsr);
    }
}

size_t plm_rtcp_write_sr(uint8_t *dst, size_t cap, uint32_t ssrc, uint64_t ntp, uint32_t rtp_ts,
    uint32_t packets, uint32_t octets, const struct plm_rtcp_block *blocks, size_t n)
{
    if (n > PLM_RTCP_MAX_BLOCKS || cap < 28 + n * BLOCK_LEN)
        return 0;
    size_t len = 28 + n * BLOCK_LEN;
    plm_rtcp_put_header(dst, (uint8_t)n, PLM_RTCP_SR, len);
    plm_put32(dst + 4, ssrc);
    plm_put64(dst + 8, ntp);
    plm_put32(dst + 16, rtp_ts);
    plm_put32(dst + 20, packets);
    plm_put32(dst + 24, octets);
    put_blocks(dst + 28, blocks, n);
    return len;
}

size_t plm_rtcp_write_rr(
    uint8_t *dst, size_t cap, uint32_t ssrc, const struct plm_rtcp_block *blocks, size_t n)
{
    if (n > PLM_RTCP_MAX_BLOCKS || cap < 8 + n * BLOCK_LEN)
        return 0;
    size_t len = 8 + n * BLOCK_LEN;
    plm_rtcp_put_header(dst, (uint8_t)n, PLM_RTCP_RR, len);
    plm_put32(dst + 4, ssrc);
    put_blocks(dst + 8, blocks, n);
    return len;
}

size_t plm_rtcp_write_sdes_cname(uint8_t *dst, size_t cap, uint32_t ssrc, const char *cname)
{
    size_t n = strlen(cname);
    size_t len = (HEADER + 4 + 2 + n + 1 + 3) & ~(size_t)3; /* at least one zero octet ends the list */
    if (n > UINT8_MAX || len > cap)
        return 0;
    memset(dst, 0, len);
    plm_rtcp_put_header(dst, 1, PLM_RTCP_SDES, len);
    plm_put32(dst + 4, ssrc);
    dst[8] = 1; /* CNAME, RFC 3550 section 6.5.1 */
    dst[9] = (uint8_t)n;
    memcpy(dst + 10, cname, n);
    return len;
}

size_t plm_rtcp_write_bye(uint8_t *dst, size_t cap, uint32_t ssrc)
{
    if (cap < 8)
        return 0;
    plm_rtcp_put_header(dst, 1, PLM_RTCP_BYE, 8);
    plm_put32(dst + 4, ssrc);
    return 8;
}
