/* Numbers of a slot: a script of packets, switches and look-ups against a record of every number given out. */
#include "fuzz.h"
#include "seq_map.h"

#include <string.h>

#define RECORDS 8192

/** What became of one outgoing number, by its distance from the first. */
struct record {
    enum {
        UNUSED,
        SENT,
        FILLED,
        OWN
    } use;
    uint64_t source, src_seq;
    uint8_t encoding;
    struct plm_map_out out;
};

static struct record records[RECORDS];
static struct plm_pkt pkt;
static uint64_t first, source, seqs[4], times[4], now;
static uint32_t map_size;

static void make_packet(struct fuzz_input *in, uint8_t encoding)
{
    static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264, PLM_CODEC_OPUS};
    uint8_t flags = fuzz_u8(in);
    memset(&pkt.info, 0, sizeof pkt.info);
    pkt.codec = codecs[flags & 3];
    pkt.encoding = encoding;
    seqs[encoding & 3] += flags & 4 ? (uint64_t)(int8_t)fuzz_u8(in) : 1;
    seqs[encoding & 3] += flags & 8 ? fuzz_u16(in) : 0;
    times[encoding & 3] += flags & 16 ? (uint64_t)(int64_t)(int16_t)fuzz_u16(in) : 0;
    pkt.ext_seq = seqs[encoding & 3];
    pkt.ext_ts = times[encoding & 3];
    pkt.arrival_us = now += flags & 32 ? fuzz_u16(in) : 0;
    if (flags & 64) {
        pkt.info.has_picture_id = pkt.info.has_tl0 = true;
        pkt.info.picture_id_15 = fuzz_u8(in) & 1;
        pkt.info.picture_id = fuzz_u16(in) & 0x7fff;
        pkt.info.tl0picidx = fuzz_u8(in);
        pkt.info.sid = pkt.info.tl0picidx & 3;
        pkt.info.frame_end = pkt.info.picture_id & 1;
    }
    pkt.dd_off = flags & 128 ? 100 : 0;
    pkt.dd_len = flags & 128 ? fuzz_u8(in) & 31 : 0;
    for (unsigned i = 0; i < pkt.dd_len; i++)
        pkt.data[100 + i] = fuzz_u8(in);
}

static void check_push(struct plm_seq_map *m, bool wanted)
{
    struct plm_map_out out;
    uint64_t before = plm_seq_map_last(m);
    plm_seq_map_prefetch(m);
    enum plm_map_verdict v = plm_seq_map_push(m, source, &pkt, wanted, &out);
    CHECK(plm_seq_map_last(m) - before <= 257);
    CHECK(v <= PLM_MAP_TOO_OLD);
    if (v != PLM_MAP_SEND && v != PLM_MAP_FILL)
        return;
    CHECK(wanted == (v == PLM_MAP_SEND));
    CHECK(plm_seq_map_last(m) - out.ext_seq < map_size);
    CHECK(out.numbers.picture_id < 0x8000);
    struct record *r = &records[out.ext_seq - first];
    if (v == PLM_MAP_SEND && pkt.info.frame_end)
        plm_seq_map_end_picture(m, &out);
    CHECK(r->use == UNUSED); /* no number twice: it would be a nonce used twice */
    *r = (struct record){v == PLM_MAP_SEND ? SENT : FILLED, source, pkt.ext_seq, pkt.encoding, out};
}

static void check_find(const struct plm_seq_map *m, uint16_t seq)
{
    struct plm_segment segment;
    struct plm_map_out out;
    uint64_t src;
    if (!plm_seq_map_find(m, seq, &segment, &src, &out))
        return;
    CHECK(out.ext_seq >= first && out.ext_seq <= plm_seq_map_last(m) && (uint16_t)out.ext_seq == seq);
    const struct record *r = &records[out.ext_seq - first];
    CHECK(r->use == SENT && r->source == segment.source && r->encoding == segment.encoding &&
          r->src_seq == src);
    CHECK(out.ts == r->out.ts && out.numbers.picture_id == r->out.numbers.picture_id);
    CHECK(out.numbers.tl0picidx == r->out.numbers.tl0picidx);
    CHECK(out.dd_offset == r->out.dd_offset && out.dd_shift == r->out.dd_shift);
    CHECK(out.ends_picture == r->out.ends_picture);
}

/* @param span of what came since pkt and goes out at once, in 90 kHz; 0: pkt is the newest */
static void do_switch(struct plm_seq_map *m, uint16_t span)
{
    static struct plm_pkt newest;
    struct plm_map_out out;
    bool any = plm_seq_map_segment(m) != NULL;
    uint32_t ts = plm_seq_map_last_ts(m);
    uint64_t last = plm_seq_map_last(m);
    newest.ext_ts = pkt.ext_ts + span;
    newest.arrival_us = now;
    if (span)
        plm_seq_map_switch_back(m, source, &pkt, &newest, 90000);
    else
        plm_seq_map_switch(m, source, &pkt, 90000, now);
    CHECK(plm_seq_map_push(m, source, &pkt, true, &out) == PLM_MAP_SEND);
    CHECK(out.ext_seq == last + 1);
    CHECK(!any || (int32_t)(out.ts - ts) > 0 || now > UINT64_C(1000000000));
    records[out.ext_seq - first] = (struct record){SENT, source, pkt.ext_seq, pkt.encoding, out};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    memset(records, 0, sizeof records);
    first = fuzz_u16(&in) & 0x7fff;
    source = 1;
    now = 1000000;
    for (int i = 0; i < 4; i++) {
        seqs[i] = 65536 + fuzz_u16(&in);
        times[i] = UINT32_MAX - (uint64_t)fuzz_u16(&in);
    }
    map_size = first & 1 ? PLM_MAP_SIZE_AUDIO : PLM_MAP_SIZE;
    struct plm_seq_map *m = plm_seq_map_create(
        map_size, (uint16_t)first, fuzz_u16(&in), fuzz_u8(&in), UINT32_MAX - fuzz_u16(&in));
    CHECK(m);
    while (in.left && plm_seq_map_last(m) + 1 - first < RECORDS - 300) {
        uint8_t op = fuzz_u8(&in);
        switch (op >> 5) {
        case 0:
            make_packet(&in, op & 3);
            source += op >> 4 & 1;
            do_switch(m, op & 8 ? fuzz_u16(&in) : 0);
            break;
        case 1: {
            uint64_t own = plm_seq_map_take(m);
            CHECK(own == plm_seq_map_last(m) && records[own - first].use == UNUSED);
            records[own - first].use = OWN;
            break;
        }
        case 2:
            check_find(m, (uint16_t)(plm_seq_map_last(m) - fuzz_u16(&in)));
            break;
        default:
            make_packet(&in, op & 3);
            check_push(m, op & 4);
        }
    }
    for (unsigned i = 0; i < 600; i++)
        check_find(m, (uint16_t)(plm_seq_map_last(m) - i));
    plm_seq_map_destroy(m);
    return 0;
}
