/* The other rules that decide without a clock: layers, loss repair, statistics, clock lines, bandwidth, allocation, speakers. */
#include "alloc_rules.h"
#include "base/ntp_map.h"
#include "bwe.h"
#include "fuzz.h"
#include "layer_select.h"
#include "nack_gen.h"
#include "rx_stats.h"
#include "speaker.h"

#include <string.h>

static uint64_t fuzz_u64(struct fuzz_input *in)
{
    uint64_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 16 | fuzz_u16(in);
    return v;
}

static void layers(struct fuzz_input *in)
{
    static struct plm_pkt pkt;
    struct plm_layer_select s;
    plm_layer_select_init(&s);
    uint64_t seq[8] = {0}, ts[8] = {0};
    while (in->left) {
        uint8_t op = fuzz_u8(in), e = op & 7, flags = fuzz_u8(in);
        if (op >= 0xf0) {
            plm_layer_select_restart(&s);
        } else if (op >= 0xc0) {
            plm_layer_select_aim(&s, e == 7 ? PLM_LAYER_NONE : e, flags & 7);
        } else {
            pkt = (struct plm_pkt){.encoding = e, .codec = flags & 1 ? PLM_CODEC_VP8 : PLM_CODEC_VP9};
            pkt.ext_seq = seq[e] += op & 8 ? (uint64_t)(int64_t)(int8_t)fuzz_u8(in) : 1;
            pkt.ext_ts = ts[e] += op & 16 ? (uint64_t)(int64_t)(int8_t)fuzz_u8(in) : 0;
            pkt.info.has_layers = flags & 2;
            pkt.info.layer_sync = flags & 4;
            pkt.info.keyframe = pkt.info.keyframe_start = flags & 8;
            pkt.info.tid = flags >> 4 & 7;
            uint8_t target = s.target, before = s.current;
            enum plm_layer_verdict v = plm_layer_select_on_packet(&s, &pkt);
            CHECK(v != PLM_LAYER_SWITCH || (e == target && pkt.info.keyframe_start && s.current == target));
            CHECK(v == PLM_LAYER_SWITCH || s.current == before);
        }
        CHECK(s.current < PLM_MAX_ENCODINGS || s.current == PLM_LAYER_NONE);
        CHECK(s.want_keyframe == (s.target != PLM_LAYER_NONE && s.target != s.current));
        for (int i = 0; i < PLM_MAX_ENCODINGS; i++)
            CHECK(s.history[i].n <= PLM_LAYER_CHANGES);
    }
}

static void repair(struct fuzz_input *in)
{
    struct plm_nack_gen g;
    plm_nack_gen_init(&g);
    uint64_t now = 0, seq = 65536, next;
    uint16_t out[PLM_NACK_MAX];
    bool key;
    while (in->left) {
        uint8_t op = fuzz_u8(in);
        now += fuzz_u16(in);
        seq += (uint64_t)(int64_t)(int16_t)fuzz_u16(in) >> (op & 7);
        if (op & 64)
            plm_nack_gen_forget_before(&g, seq);
        else if (op & 32)
            CHECK(plm_nack_gen_poll(&g, now, fuzz_u16(in), out, op, &next, &key) <= op &&
                  (g.n == 0) == (next == UINT64_MAX));
        else
            plm_nack_gen_on_packet(&g, seq, now);
        CHECK(g.n <= PLM_NACK_MAX);
        for (uint32_t i = 0; i < g.n; i++)
            CHECK(g.lost[i].ext_seq < g.newest && (!i || g.lost[i - 1].ext_seq < g.lost[i].ext_seq));
    }
}

static void statistics(struct fuzz_input *in)
{
    struct plm_rx_stats s;
    struct plm_ntp_map m;
    struct plm_ntp_offset o = {0};
    struct plm_rtcp_block b;
    plm_rx_stats_init(&s, fuzz_u16(in));
    plm_ntp_map_init(&m, fuzz_u16(in));
    uint64_t now = 1;
    while (in->left) {
        uint8_t op = fuzz_u8(in);
        now += fuzz_u16(in) * (uint64_t)(op & 15);
        if (op & 64) {
            uint64_t ntp = fuzz_u64(in);
            plm_rx_stats_on_sr(&s, ntp, now);
            plm_ntp_offset_on_report(&o, ntp, now);
            plm_ntp_map_on_report(&m, ntp, s.last_ts, o.offset_us);
        } else if (op & 128) {
            plm_rx_stats_block(&s, 1, now, &b);
            CHECK(b.total_lost <= 0x7fffff && b.total_lost >= -0x800000);
        } else {
            uint64_t ext = plm_rx_stats_on_packet(&s, fuzz_u16(in), (uint32_t)fuzz_u64(in), op, now);
            CHECK(ext <= s.max_ext && ext >= s.base_ext);
            plm_ntp_map_on_packet(&m, s.last_ts, now);
        }
        (void)plm_rx_stats_bitrate(&s, now);
        (void)plm_rx_stats_jitter_us(&s);
        (void)plm_ntp_map_ts(&m, plm_ntp_map_us(&m, s.last_ts));
    }
}

static void bandwidth(struct fuzz_input *in)
{
    struct plm_bwe *b = plm_bwe_create();
    CHECK(b);
    uint64_t now = 1;
    while (in->left) {
        uint8_t op = fuzz_u8(in);
        now += fuzz_u16(in) * (uint64_t)(op & 31);
        switch (op >> 6) {
        case 0:
            plm_bwe_on_sent(b, fuzz_u16(in), fuzz_u16(in), now);
            break;
        case 1: {
            size_t n = in->left < (op & 63u) ? in->left : op & 63u;
            plm_bwe_on_twcc(b, in->p, n, now);
            in->p += n;
            in->left -= n;
            break;
        }
        case 2:
            plm_bwe_on_remb(b, fuzz_u64(in), now);
            break;
        default:
            if (op & 32 && op & 8)
                plm_bwe_aim(b, (uint32_t)fuzz_u64(in), (uint32_t)fuzz_u64(in));
            else if (op & 32)
                plm_bwe_want(b, (uint32_t)fuzz_u64(in), op & 16);
            else
                plm_bwe_on_report(b, 100, fuzz_u8(in), (uint32_t)fuzz_u64(in), now);
        }
        plm_bwe_poll(b, now);
        uint64_t at = plm_bwe_probe_at(b, now);
        CHECK(at >= now);
        CHECK(plm_bwe_padding(b, now) <= 30000000); /* the highest rate for 60 ms */
        uint32_t bps = plm_bwe_estimate(b);
        CHECK(!bps || (bps >= PLM_BWE_MIN_BPS && bps <= PLM_BWE_MAX_BPS));
    }
    plm_bwe_destroy(b);
}

/** Its own target is fuzz_alloc; kept inputs of this one know it by its place in the table. */
static void allocation(struct fuzz_input *in)
{
    CHECK(alloc_rules_check(in->p, in->left) == NULL);
}

static void speakers(struct fuzz_input *in)
{
    unsigned max = fuzz_u8(in) % 24;
    struct plm_speakers *s = plm_speakers_create(max);
    CHECK(s);
    uint64_t now = 0;
    while (in->left) {
        uint8_t op = fuzz_u8(in), who = fuzz_u8(in) & 31;
        if (op >= 0xf0)
            plm_speakers_remove(s, who);
        else if (op >= 0x80)
            plm_speakers_level(s, who, op & 127, now);
        else
            plm_speakers_poll(s, now += op * UINT64_C(2000));
        plm_participant_id set[PLM_MAX_SPEAKERS];
        uint8_t level[PLM_MAX_SPEAKERS];
        size_t n = plm_speakers_get(s, set, level);
        CHECK(n <= max && n <= PLM_MAX_SPEAKERS);
        for (size_t i = 0; i < n; i++) {
            CHECK(set[i] && level[i] <= 127);
            for (size_t k = 0; k < i; k++)
                CHECK(set[i] != set[k]);
        }
    }
    plm_speakers_destroy(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const scripts[])(struct fuzz_input * in) = {
        layers, repair, statistics, bandwidth, allocation, speakers};
    struct fuzz_input in = {data, size};
    scripts[fuzz_u8(&in) % (sizeof scripts / sizeof scripts[0])](&in);
    return 0;
}
