/*
 * A recorder's stream on a script of link frames: VP8 pictures with numbers of their own in their octets, packets lost, late, twice and out of
 * order, other SSRCs, clocks, mutes, and raw nonsense. Holds: samples begin with a key frame, never go back in time, have all their parts, and
 * follow those that they refer to.
 */
#include "base/bytes.h"
#include "fuzz.h"
#include "stream.h"

#include <string.h>

#define MAX_PARTS 4
#define HELD      8

struct packet {
    struct plm_link_packet head;
    uint8_t rtp[64];
    size_t len;
};

/** A made-up source: each picture refers to the one before it, and says which parts it has. */
static struct source {
    uint32_t ssrc;
    uint64_t ext_seq, ext_ts;
    uint16_t picture; /* 0: none yet, a key frame comes first */
} sources[2];

static struct packet held[HELD];
static struct plm_stream *stream;
static uint64_t now;
static bool any;
static int64_t last_us;
static uint32_t last_picture;

/* A part is the number of its picture, which says the encoding too, its own, and how many there are. */
static void on_sample(void *ctx, const struct plm_sample *s)
{
    (void)ctx;
    CHECK(any || s->keyframe);
    CHECK(!any || s->time_us >= last_us);
    CHECK(s->rotation % 90 == 0 && s->rotation < 360);
    const uint8_t *p = s->data + (s->keyframe ? 10 : 1);
    size_t len = s->len - (s->keyframe ? 10 : 1);
    CHECK(s->len >= (s->keyframe ? 10 : 1) && len % 6 == 0 && len > 0);
    uint32_t picture = plm_get32(p);
    unsigned parts = p[5];
    CHECK(len == parts * 6u);
    for (unsigned i = 0; i < parts; i++)
        CHECK(plm_get32(p + i * 6) == picture && p[i * 6 + 4] == i && p[i * 6 + 5] == parts);
    CHECK(s->keyframe || picture == last_picture + 1);
    any = true;
    last_us = s->time_us;
    last_picture = picture;
}

static struct packet make(
    struct source *from, uint8_t encoding, bool key, unsigned part, unsigned parts, uint32_t picture)
{
    struct packet k = {.len = 12};
    uint8_t *p = k.rtp;
    p[0] = 0x80;
    p[1] = (uint8_t)((part + 1 == parts ? 0x80 : 0) | 96);
    plm_put16(p + 2, (uint16_t)from->ext_seq);
    plm_put32(p + 4, (uint32_t)from->ext_ts);
    plm_put32(p + 8, from->ssrc);
    p[k.len++] = part == 0 ? 0x10 : 0;
    if (part == 0 && key) {
        static const uint8_t head[] = {0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
        memcpy(p + k.len, head, sizeof head);
        k.len += sizeof head;
    } else if (part == 0) {
        p[k.len++] = 0x11;
    }
    plm_put32(p + k.len, picture);
    p[k.len + 4] = (uint8_t)part;
    p[k.len + 5] = (uint8_t)parts;
    k.len += 6;
    k.head = (struct plm_link_packet){.ext_seq = from->ext_seq++,
        .ext_ts = from->ext_ts,
        .arrival_us = now,
        .payload_off = 12,
        .payload_len = (uint16_t)(k.len - 12),
        .encoding = encoding,
        .codec = PLM_CODEC_VP8,
        .flags = part + 1 == parts};
    return k;
}

static void put(const struct packet *k)
{
    uint8_t *copy = malloc(k->len); /* of exactly its size */
    memcpy(copy, k->rtp, k->len);
    plm_stream_on_packet(stream, &k->head, copy, k->len, now);
    free(copy);
}

static void picture(struct fuzz_input *in, uint8_t encoding)
{
    struct source *from = &sources[encoding];
    uint8_t how = fuzz_u8(in), fate = fuzz_u8(in);
    unsigned parts = 1 + (how & 3);
    bool key = how & 4 || from->picture == 0;
    from->picture++;
    from->ext_ts += how & 8 ? 3000 : 1 + fuzz_u8(in) * 50u;
    uint32_t number = (uint32_t)encoding << 24 | (from->ssrc & 0xff) << 16 | from->picture;
    for (unsigned part = 0; part < parts; part++) {
        struct packet k = make(from, encoding, key, part, parts, number);
        switch (fate >> part * 2 & 3) {
        case 0:
        case 1:
            put(&k);
            break;
        case 2: /* lost, or held back and given later */
            if (how & 16)
                held[fuzz_u8(in) % HELD] = k;
            break;
        default:
            put(&k);
            put(&k);
        }
    }
}

static void nonsense(struct fuzz_input *in)
{
    struct packet k = {0};
    uint8_t *head = (uint8_t *)&k.head;
    for (size_t i = 0; i < sizeof k.head; i++)
        head[i] = fuzz_u8(in);
    k.len = fuzz_u8(in) % sizeof k.rtp;
    for (size_t i = 0; i < k.len; i++)
        k.rtp[i] = fuzz_u8(in);
    if (k.len >= 12 && k.head.codec == PLM_CODEC_VP8 && k.head.encoding < 2 &&
        (uint16_t)k.head.ext_seq == plm_get16(k.rtp + 2))
        return; /* a picture of its own, which says nothing to on_sample */
    put(&k);
}

static void clock_frame(struct fuzz_input *in, uint8_t encoding)
{
    uint8_t how = fuzz_u8(in);
    struct plm_link_clock c = {.encoding = encoding,
        .clock_rate = how & 1 ? 90000 : fuzz_u16(in),
        .ext_ts = how & 2 ? sources[encoding].ext_ts : (uint64_t)fuzz_u16(in) << (how >> 4) * 3,
        .us = (int64_t)(how & 4 ? now - fuzz_u16(in) : (uint64_t)fuzz_u16(in) << 47),
        .bitrate_bps = how & 8 ? 100000 : 0,
        .width = how & 128 ? 640 : 0,
        .height = how & 128 ? 360 : 0};
    plm_stream_on_clock(stream, &c, now);
}

static void other(struct fuzz_input *in, uint8_t op)
{
    struct plm_link_demand d;
    struct plm_link_track track = {
        .kind = PLM_KIND_VIDEO, .n_encodings = 2, .n_codecs = 1, .muted = op >> 4 & 1};
    switch (op & 7) {
    case 0:
        (void)plm_stream_demand(stream, now, &d);
        CHECK(d.encodings != 0 && d.encodings < 4 && (d.keyframes & ~d.encodings) == 0);
        break;
    case 1:
        plm_stream_flush(stream, now);
        break;
    case 2:
        plm_stream_on_track(stream, &track, now);
        break;
    case 3:
        sources[op >> 4 & 1] =
            (struct source){sources[op >> 4 & 1].ssrc + 1, 65536 + fuzz_u16(in), UINT64_C(1) << 32, 0};
        break;
    case 4:
        plm_stream_reset(stream, now);
        break;
    case 5:
        sources[op >> 4 & 1].ext_seq += 1 + fuzz_u16(in) % 3000;
        sources[op >> 4 & 1].picture++;
        break;
    default:
        nonsense(in);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    now = 10000000;
    any = false;
    memset(held, 0, sizeof held);
    for (uint8_t e = 0; e < 2; e++)
        sources[e] =
            (struct source){1 + e, 131000 + fuzz_u8(&in), (UINT64_C(2) << 32) - 100 * fuzz_u8(&in), 0};
    CHECK(plm_stream_create(&stream, PLM_SOURCE_CAMERA, &(struct plm_stream_ops){.sample = on_sample}) == 0);
    struct plm_link_track track = {.kind = PLM_KIND_VIDEO, .n_encodings = 2, .n_codecs = 1};
    plm_stream_on_track(stream, &track, now);
    uint64_t put_in = 0;
    while (in.left > 0 && put_in++ < 5000) {
        uint8_t op = fuzz_u8(&in);
        switch (op >> 5) {
        case 0:
            other(&in, op);
            break;
        case 1:
            now += fuzz_u16(&in) * (op & 1 ? 10u : 1u);
            (void)plm_stream_poll(stream, now);
            break;
        case 2:
            if (held[op % HELD].len)
                put(&held[op % HELD]);
            break;
        case 3:
            clock_frame(&in, op & 1);
            break;
        default:
            picture(&in, op & 1);
            now += 10000;
        }
    }
    plm_stream_flush(stream, now);
    plm_stream_destroy(stream);
    return 0;
}
