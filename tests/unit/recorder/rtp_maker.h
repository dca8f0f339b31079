/*
 * Pictures of made-up content as packets of a link, for tests. A picture's octets tell its number, so that what comes out can be checked.
 */
#ifndef TESTS_RTP_MAKER_H
#define TESTS_RTP_MAKER_H

#include "base/bytes.h"
#include "base/link_frame.h"
#include "plenum/types.h"

#include <string.h>

#define MADE_MAX 600

struct made {
    struct plm_link_packet head;
    uint8_t rtp[MADE_MAX];
    size_t len;
};

struct rtp_maker {
    enum plm_codec codec;
    uint8_t encoding;
    uint32_t ssrc;
    uint64_t ext_seq, ext_ts;
    uint16_t picture;
    uint8_t tl0;
    bool numbers; /**< VP8: picture id and temporal layer are told */
};

static inline void rtp_maker_init(struct rtp_maker *m, enum plm_codec codec)
{
    *m = (struct rtp_maker){.codec = codec,
        .ssrc = 0x1234,
        .ext_seq = 65536 + 65500, /* wraps soon */
        .ext_ts = (UINT64_C(1) << 32) + UINT32_MAX - 50000,
        .picture = 0x7ff0,
        .tl0 = 250,
        .numbers = true};
}

/** A packet of any payload, at the maker's place; the next one has the next number. */
static inline struct made make_packet(
    struct rtp_maker *m, const uint8_t *payload, size_t len, bool marker, uint64_t arrival_us)
{
    struct made p = {.len = 12 + len};
    p.rtp[0] = 0x80;
    p.rtp[1] = (uint8_t)((marker ? 0x80 : 0) | 96);
    plm_put16(p.rtp + 2, (uint16_t)m->ext_seq);
    plm_put32(p.rtp + 4, (uint32_t)m->ext_ts);
    plm_put32(p.rtp + 8, m->ssrc);
    if (len)
        memcpy(p.rtp + 12, payload, len);
    p.head = (struct plm_link_packet){
        .ext_seq = m->ext_seq++,
        .ext_ts = m->ext_ts,
        .arrival_us = arrival_us,
        .payload_off = 12,
        .payload_len = (uint16_t)len,
        .encoding = m->encoding,
        .codec = (uint8_t)m->codec,
        .flags = marker,
    };
    return p;
}

/** A VP8 picture of n packets (RFC 7741): key 640x360 or not. @return n */
static inline unsigned make_vp8(
    struct rtp_maker *m, struct made *out, unsigned n, bool key, uint8_t tid, bool sync, uint64_t arrival_us)
{
    m->picture = (m->picture + 1) & 0x7fff;
    m->tl0 = (uint8_t)(m->tl0 + (tid == 0));
    for (unsigned i = 0; i < n; i++) {
        uint8_t p[100] = {0};
        size_t at = 0;
        p[at++] = (uint8_t)((m->numbers ? 0x80 : 0) | (i == 0 ? 0x10 : 0));
        if (m->numbers) {
            p[at++] = 0x80 | 0x40 | 0x20;
            plm_put16(p + at, m->picture | 0x8000);
            at += 2;
            p[at++] = m->tl0;
            p[at++] = (uint8_t)(tid << 6 | (sync ? 0x20 : 0));
        }
        if (i == 0 && key) {
            static const uint8_t head[] = {0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
            memcpy(p + at, head, sizeof head);
            at += sizeof head;
        } else if (i == 0) {
            p[at++] = 0x11;
        }
        plm_put16(p + at, m->picture);
        p[at + 2] = (uint8_t)i;
        p[at + 3] = (uint8_t)n;
        out[i] = make_packet(m, p, at + 4, i + 1 == n, arrival_us);
    }
    return n;
}

#endif
