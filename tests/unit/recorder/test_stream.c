#include "stream.h"

#include "rtp_maker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FRAME_US 33333
#define FRAME_TS 3000
#define NOW      UINT64_C(100000000)

struct seen {
    unsigned n, keys;
    int64_t times[4000];
    uint16_t pictures[4000];
    uint16_t rotation, width, height;
    int64_t last_us;
};

static struct seen seen;

static void on_sample(void *ctx, const struct plm_sample *s)
{
    (void)ctx;
    assert_true(seen.n < 4000);
    assert_true(seen.n > 0 || s->keyframe);
    assert_true(seen.n == 0 || s->time_us >= seen.last_us);
    assert_true(s->len > 0);
    if (s->codec == PLM_CODEC_VP8)
        seen.pictures[seen.n] = plm_get16(s->data + (s->keyframe ? 10 : 1));
    seen.times[seen.n++] = seen.last_us = s->time_us;
    seen.keys += s->keyframe;
    seen.rotation = s->rotation;
    seen.width = s->width;
    seen.height = s->height;
}

static struct plm_stream *create(enum plm_source source, uint8_t n_encodings)
{
    struct plm_stream *s;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(plm_stream_create(&s, source, &(struct plm_stream_ops){.sample = on_sample}), 0);
    struct plm_link_track track = {
        .kind = (uint8_t)plm_source_kind(source), .n_encodings = n_encodings, .n_codecs = 1};
    plm_stream_on_track(s, &track, NOW);
    return s;
}

static void put_at(struct plm_stream *s, const struct made *p, uint64_t now)
{
    uint8_t *copy = malloc(p->len); /* of exactly its size */
    memcpy(copy, p->rtp, p->len);
    plm_stream_on_packet(s, &p->head, copy, p->len, now);
    free(copy);
}

static void put_all(struct plm_stream *s, const struct made *p, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        put_at(s, &p[i], p[i].head.arrival_us);
}

static struct plm_stream_stats stats_of(const struct plm_stream *s)
{
    struct plm_stream_stats st;
    plm_stream_stats(s, &st);
    return st;
}

/** The next picture of a source of 30 a second. */
static unsigned picture(
    struct rtp_maker *m, struct made *out, unsigned n, bool key, uint8_t tid, bool sync, unsigned index)
{
    m->ext_ts += FRAME_TS;
    return make_vp8(m, out, n, key, tid, sync, NOW + (uint64_t)index * FRAME_US);
}

static void pictures_in_order(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[5];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    for (unsigned i = 0; i < 100; i++)
        put_all(s, p, picture(&m, p, 1 + i % 5, i == 0, 0, false, i));
    assert_int_equal(seen.n, 100);
    assert_int_equal(seen.keys, 1);
    assert_int_equal(seen.width, 640);
    assert_int_equal(seen.height, 360);
    for (unsigned i = 1; i < 100; i++) {
        assert_int_equal(seen.pictures[i], (seen.pictures[0] + i) & 0x7fff);
        assert_in_range(seen.times[i] - seen.times[i - 1], FRAME_US - 2, FRAME_US + 2);
    }
    assert_int_equal(stats_of(s).frames_broken, 0);
    plm_stream_destroy(s);
}

static void nothing_before_a_key_frame(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3];
    struct plm_link_demand d;
    rtp_maker_init(&m, PLM_CODEC_VP8);
    assert_true(plm_stream_demand(s, NOW, &d));
    assert_int_equal(d.encodings, 1);
    assert_int_equal(d.keyframes, 1);
    assert_false(plm_stream_demand(s, NOW + 1, &d)); /* told once */
    for (unsigned i = 0; i < 10; i++)
        put_all(s, p, picture(&m, p, 3, false, 0, false, i));
    assert_int_equal(seen.n, 0);
    assert_false(plm_stream_demand(s, NOW + 999999, &d));
    assert_true(plm_stream_demand(s, NOW + 1000000, &d)); /* again, until it comes */
    assert_int_equal(d.keyframes, 1);
    put_all(s, p, picture(&m, p, 3, true, 0, false, 30));
    assert_int_equal(seen.n, 1);
    assert_false(plm_stream_demand(s, NOW + 5000000, &d));
    assert_int_equal(d.keyframes, 0);
    plm_stream_destroy(s);
}

static void reordered_and_doubled(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[200];
    unsigned n = 0;
    rtp_maker_init(&m, PLM_CODEC_VP8);
    for (unsigned i = 0; i < 50; i++)
        n += picture(&m, p + n, 4, i == 0, 0, false, i);
    srand(11);
    for (unsigned i = 1; i + 1 < n; i++) { /* up to some places apart */
        unsigned j = i + (unsigned)rand() % (n - i < 8 ? n - i : 8);
        struct made t = p[i];
        p[i] = p[j];
        p[j] = t;
    }
    for (unsigned i = 0; i < n; i++) {
        put_at(s, &p[i], NOW + 2000000);
        put_at(s, &p[i], NOW + 2000000);
    }
    assert_int_equal(seen.n, 50);
    assert_int_equal(stats_of(s).duplicates, n);
    assert_int_equal(stats_of(s).lost, 0);
    plm_stream_destroy(s);
}

static void a_lost_packet_waits_then_needs_a_key_frame(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3];
    struct plm_link_demand d;
    rtp_maker_init(&m, PLM_CODEC_VP8);
    m.numbers = false;
    put_all(s, p, picture(&m, p, 3, true, 0, false, 0));
    (void)plm_stream_demand(s, NOW, &d);
    (void)picture(&m, p, 3, false, 0, false, 1);
    put_at(s, &p[0], NOW + FRAME_US);
    put_at(s, &p[2], NOW + FRAME_US);
    for (unsigned i = 2; i < 20; i++)
        put_all(s, p, picture(&m, p, 3, false, 0, false, i));
    assert_int_equal(seen.n, 1);
    assert_int_equal(
        plm_stream_poll(s, NOW + FRAME_US + PLM_STREAM_WAIT_US - 1), NOW + FRAME_US + PLM_STREAM_WAIT_US);
    assert_false(plm_stream_demand(s, NOW + FRAME_US, &d));
    (void)plm_stream_poll(s, NOW + FRAME_US + PLM_STREAM_WAIT_US);
    assert_int_equal(stats_of(s).lost, 1);
    assert_int_equal(stats_of(s).frames_broken, 19);
    assert_true(plm_stream_demand(s, NOW + FRAME_US + PLM_STREAM_WAIT_US, &d));
    assert_int_equal(d.keyframes, 1);
    put_all(s, p, picture(&m, p, 3, false, 0, false, 30));
    assert_int_equal(seen.n, 1);
    put_all(s, p, picture(&m, p, 3, true, 0, false, 31));
    put_all(s, p, picture(&m, p, 3, false, 0, false, 32));
    assert_int_equal(seen.n, 3);
    plm_stream_destroy(s);
}

static void a_late_packet_mends_it(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3], missing;
    rtp_maker_init(&m, PLM_CODEC_VP8);
    put_all(s, p, picture(&m, p, 3, true, 0, false, 0));
    (void)picture(&m, p, 3, false, 0, false, 1);
    missing = p[1];
    put_at(s, &p[0], NOW + FRAME_US);
    put_at(s, &p[2], NOW + FRAME_US);
    for (unsigned i = 2; i < 20; i++)
        put_all(s, p, picture(&m, p, 3, false, 0, false, i));
    put_at(s, &missing, NOW + 700000);
    assert_int_equal(seen.n, 20);
    assert_int_equal(stats_of(s).frames_broken, 0);
    plm_stream_destroy(s);
}

static void the_first_packet_may_come_late(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    (void)picture(&m, p, 3, true, 0, false, 0);
    put_at(s, &p[1], NOW);
    put_at(s, &p[2], NOW);
    put_at(s, &p[0], NOW + 30000);
    assert_int_equal(plm_stream_poll(s, NOW + 50000), NOW + 100000);
    assert_true(plm_stream_poll(s, NOW + 100000) == UINT64_MAX);
    assert_int_equal(seen.n, 1);
    put_all(s, p, picture(&m, p, 3, false, 0, false, 4));
    assert_int_equal(seen.n, 2);
    plm_stream_destroy(s);
}

/* H.264: the slice of a key frame overtakes the parameter sets, which come in a packet of their own. */
static void parameter_sets_may_be_overtaken(void **state)
{
    static const uint8_t sets[] = {24, 0, 15, 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc,
        0xb0, 0x0f, 0x08, 0x84, 0x6a, 0, 4, 0x68, 0xce, 0x3c, 0x80};
    static const uint8_t slice[] = {0x65, 0x88, 1, 2, 3};
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    rtp_maker_init(&m, PLM_CODEC_H264);
    struct made first = make_packet(&m, sets, sizeof sets, false, NOW);
    struct made second = make_packet(&m, slice, sizeof slice, true, NOW);
    put_at(s, &second, NOW);
    put_at(s, &first, NOW + 30000);
    assert_true(plm_stream_poll(s, NOW + 100000) == UINT64_MAX);
    assert_int_equal(seen.n, 1);
    assert_int_equal(stats_of(s).late, 0);
    plm_stream_destroy(s);
}

static void what_waits_is_bounded(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    put_all(s, p, picture(&m, p, 3, true, 0, false, 0));
    m.ext_seq++; /* one that never comes */
    for (unsigned i = 1; i <= PLM_STREAM_MAX_QUEUED; i++) {
        (void)picture(&m, p, 1, false, 0, false, 1);
        put_at(s, &p[0], NOW);
        assert_int_equal(stats_of(s).lost, 0);
    }
    (void)picture(&m, p, 1, false, 0, false, 1);
    put_at(s, &p[0], NOW);
    assert_int_equal(stats_of(s).lost, 1);
    assert_true(plm_stream_poll(s, NOW) == UINT64_MAX);
    plm_stream_destroy(s);
}

static void lost_padding_costs_nothing(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    for (unsigned i = 0; i < 20; i++) {
        put_all(s, p, picture(&m, p, 3, i == 0, 0, false, i));
        struct made padding = make_packet(&m, NULL, 0, false, NOW + i * FRAME_US);
        if (i % 3)
            put_at(s, &padding, padding.head.arrival_us);
        (void)plm_stream_poll(s, NOW + i * FRAME_US + PLM_STREAM_WAIT_US);
    }
    (void)plm_stream_poll(s, NOW + 10000000);
    assert_int_equal(seen.n, 20);
    plm_stream_destroy(s);
}

/** Layers 0 2 1 2: what is lost above layer 0 costs no more than its layers until the next sync. */
static void temporal_layers_outlive_a_loss(void **state)
{
    (void)state;
    static const uint8_t pattern[] = {0, 2, 1, 2};
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[2];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    for (unsigned i = 0; i < 16; i++) {
        unsigned n = picture(&m, p, 2, i == 0, pattern[i % 4], i % 8 == 1 || i % 8 == 2, i);
        if (i != 5) /* one of layer 2 */
            put_all(s, p, n);
    }
    plm_stream_flush(s, NOW + 1000000);
    /* 6 is layer 1 without sync, 7 layer 2: both in doubt, as 9 (sync of layer 2, but 1 is not whole) is. 10 is a sync of layer 1. */
    static const unsigned expected[] = {0, 1, 2, 3, 4, 8, 10, 12, 14};
    unsigned at = 0;
    for (unsigned i = 0; i < seen.n; i++)
        at += seen.pictures[i] == ((0x7ff1 + expected[at]) & 0x7fff);
    assert_int_equal(at, sizeof expected / sizeof expected[0]);
    struct plm_link_demand d;
    assert_true(plm_stream_demand(s, NOW + 1000000, &d)); /* the first */
    assert_int_equal(d.keyframes, 0);
    /* Now one of layer 0 */
    (void)picture(&m, p, 2, false, 0, false, 16);
    put_all(s, p, picture(&m, p, 2, false, 2, true, 17));
    plm_stream_flush(s, NOW + 2000000);
    put_all(s, p, picture(&m, p, 2, false, 0, false, 20));
    plm_stream_flush(s, NOW + 2000000);
    assert_int_equal(seen.n, at);
    assert_true(plm_stream_demand(s, NOW + 2000000, &d));
    assert_int_equal(d.keyframes, 1);
    plm_stream_destroy(s);
}

static struct plm_link_clock clock_of(uint8_t encoding, uint32_t rate, uint64_t ext_ts, int64_t us)
{
    static const uint16_t widths[] = {320, 640, 1280};
    return (struct plm_link_clock){.encoding = encoding,
        .clock_rate = rate,
        .ext_ts = ext_ts,
        .us = us,
        .bitrate_bps = 1000000,
        .width = widths[encoding],
        .height = (uint16_t)(widths[encoding] * 9 / 16)};
}

static void time_follows_the_forwarders_line(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[1];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    uint64_t ts0 = m.ext_ts;
    put_all(s, p, picture(&m, p, 1, true, 0, false, 0));
    assert_int_equal(seen.last_us, NOW);
    struct plm_link_clock c = clock_of(0, 90000, ts0, (int64_t)NOW - 70000);
    plm_stream_on_clock(s, &c, NOW);
    put_all(s, p, picture(&m, p, 1, false, 0, false, 1)); /* before what is stored: no time goes back */
    assert_true(seen.last_us > (int64_t)NOW);
    for (unsigned i = 2; i < 10; i++)
        put_all(s, p, picture(&m, p, 1, false, 0, false, i));
    assert_int_equal(seen.last_us, (int64_t)NOW - 70000 + 10 * FRAME_TS * 100 / 9);
    c.us += INT64_C(3600) * 1000000; /* a line out of all reason */
    plm_stream_on_clock(s, &c, NOW);
    put_all(s, p, picture(&m, p, 1, false, 0, false, 10));
    assert_int_equal(seen.last_us, NOW + 10 * FRAME_US);
    plm_stream_destroy(s);
}

static void nothing_arrives_before_it_was_captured(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[1];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    struct plm_link_clock late = clock_of(0, 90000, m.ext_ts, (int64_t)NOW + 60000);
    plm_stream_on_clock(s, &late, NOW);
    for (unsigned i = 0; i < 10; i++)
        put_all(s, p, picture(&m, p, 1, i == 0, 0, false, i));
    assert_in_range(seen.last_us, NOW + 9 * FRAME_US, NOW + 9 * FRAME_US + 10);
    plm_stream_destroy(s);

    /* Sound not before its packet was whole; and a decoder's output is 6.5 ms older than the timestamp. */
    static const uint8_t opus[40] = {0x78};
    s = create(PLM_SOURCE_MICROPHONE, 1);
    rtp_maker_init(&m, PLM_CODEC_OPUS);
    late = clock_of(0, 48000, m.ext_ts, (int64_t)NOW - 5000);
    plm_stream_on_clock(s, &late, NOW);
    struct made one = make_packet(&m, opus, sizeof opus, false, NOW);
    put_at(s, &one, NOW);
    assert_int_equal(seen.last_us, NOW - 20000 - 6500);
    plm_stream_destroy(s);
}

/**
 * @param pause_us of silence @param held not the clock stood, but the network held everything for that long @param resent_us the first after it
 * came so much later, for it was lost and sent again @return what the samples say of the pause
 */
static int64_t sound_after_a_pause(uint64_t pause_us, bool held, uint64_t resent_us)
{
    struct plm_stream *s = create(PLM_SOURCE_MICROPHONE, 1);
    struct rtp_maker m;
    static const uint8_t opus[40] = {0x78};
    rtp_maker_init(&m, PLM_CODEC_OPUS);
    uint64_t now = NOW, resent_at = 0;
    struct made resent;
    struct plm_link_clock c = clock_of(0, 48000, m.ext_ts, (int64_t)NOW - 30000);
    for (unsigned i = 0; i < 500; i++) {
        if (i % 50 == 0)
            plm_stream_on_clock(s, &c, now);
        if (i == 100)
            now += pause_us;
        struct made p = make_packet(&m, opus, sizeof opus, false, now + (held ? 0 : i * 7 % 13 * 1000));
        if (resent_us && i == 100) {
            resent = p;
            resent.head.arrival_us = resent_at = now + resent_us;
        } else {
            put_at(s, &p, p.head.arrival_us);
        }
        if (resent_at && now >= resent_at) {
            put_at(s, &resent, resent_at);
            resent_at = 0;
        }
        (void)plm_stream_poll(s, p.head.arrival_us);
        m.ext_ts += 960;
        if (!held || i < 100 || i >= 350)
            now += 20000;
    }
    plm_stream_flush(s, now);
    assert_int_equal(seen.n, 500);
    int64_t gap = seen.times[100] - seen.times[99];
    for (unsigned i = 101; i < 500; i++)
        assert_in_range(seen.times[i] - seen.times[i - 1], 19999, 20001);
    plm_stream_destroy(s);
    return gap;
}

static void a_clock_that_stood_still(void **state)
{
    (void)state;
    assert_in_range(sound_after_a_pause(5000000, false, 0), 5020000 - 20000, 5020000 + 20000);
    assert_in_range(sound_after_a_pause(5000000, true, 0), 19999, 20001);
}

/** What is sent again comes late by itself: that is neither a clock that stood nor a network that held everything. */
static void a_packet_sent_again_after_a_pause(void **state)
{
    (void)state;
    for (uint64_t us = 60000; us <= 360000; us += 60000)
        assert_in_range(sound_after_a_pause(5000000, false, us), 5020000 - 20000, 5020000 + 20000);
    for (uint64_t us = 60000; us <= 360000; us += 60000)
        assert_in_range(sound_after_a_pause(5000000, true, us), 19999, 20001);
    assert_in_range(sound_after_a_pause(0, false, 540000), 19999, 20001);
}

/** The same of the first two, with a silence behind them of which a packet comes now and then. */
static void packets_sent_again_in_a_silence(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_MICROPHONE, 1);
    struct rtp_maker m;
    static const uint8_t opus[40] = {0x78};
    struct made p[62];
    rtp_maker_init(&m, PLM_CODEC_OPUS);
    struct plm_link_clock c = clock_of(0, 48000, m.ext_ts, (int64_t)NOW - 30000);
    plm_stream_on_clock(s, &c, NOW);
    uint64_t at = NOW;
    for (unsigned i = 0; i < 62; i++) {
        p[i] = make_packet(&m, opus, sizeof opus, false, at);
        unsigned step_ms = i < 51 ? 20 : i == 51 ? 260 : 400;
        m.ext_ts += step_ms * 48;
        at += step_ms * 1000 + (i == 49 ? 5000000 : 0);
    }
    p[50].head.arrival_us += 300000;
    p[51].head.arrival_us += 300000;
    for (unsigned i = 0; i < 62; i++) {
        static const unsigned order[] = {52, 50, 51};
        struct made *next = i >= 50 && i < 53 ? &p[order[i - 50]] : &p[i];
        put_at(s, next, next->head.arrival_us);
        (void)plm_stream_poll(s, next->head.arrival_us);
    }
    plm_stream_flush(s, at);
    assert_int_equal(seen.n, 62);
    assert_in_range(seen.times[50] - seen.times[49], 5020000 - 20000, 5020000 + 20000);
    plm_stream_destroy(s);
}

/** The sender's report tells the truth in the end, and once. */
static void a_report_after_the_pause(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_MICROPHONE, 1);
    struct rtp_maker m;
    static const uint8_t opus[40] = {0x78};
    rtp_maker_init(&m, PLM_CODEC_OPUS);
    uint64_t now = NOW;
    struct plm_link_clock c = clock_of(0, 48000, m.ext_ts, (int64_t)NOW - 30000);
    plm_stream_on_clock(s, &c, now);
    for (unsigned i = 0; i < 300; i++) {
        if (i == 100)
            now += 5000000;
        if (i == 200)
            c.us += 5000000;
        if (i % 50 == 0)
            plm_stream_on_clock(s, &c, now);
        struct made p = make_packet(&m, opus, sizeof opus, false, now);
        put_at(s, &p, now);
        m.ext_ts += 960;
        now += 20000;
    }
    plm_stream_flush(s, now);
    assert_int_equal(seen.n, 300);
    assert_in_range(seen.times[150] - seen.times[0], 8000000 - 20000, 8000000 + 20000);
    assert_int_equal(seen.times[299] - seen.times[0], 299 * 20000 + 5000000);
    plm_stream_destroy(s);
}

static void another_ssrc_begins_anew(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    for (unsigned i = 0; i < 10; i++)
        put_all(s, p, picture(&m, p, 3, i == 0, 0, false, i));
    m.ssrc++;
    m.ext_seq = 65536 + 7;
    m.ext_ts = UINT64_C(1) << 32;
    put_all(s, p, picture(&m, p, 3, false, 0, false, 10));
    assert_int_equal(seen.n, 10);
    for (unsigned i = 11; i < 20; i++)
        put_all(s, p, picture(&m, p, 3, i == 11, 0, false, i));
    assert_int_equal(seen.n, 19);
    assert_in_range(seen.last_us, NOW + 18 * FRAME_US, NOW + 20 * FRAME_US);
    assert_int_equal(stats_of(s).lost, 0);
    plm_stream_destroy(s);
}

/* What was asked for again may come when another SSRC has taken the place: it is late, and nothing begins anew for it. */
static void late_packets_of_the_former_ssrc(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3], late[3];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    for (unsigned i = 0; i < 9; i++)
        put_all(s, p, picture(&m, p, 3, i == 0, 0, false, i));
    (void)picture(&m, late, 3, false, 0, false, 9);
    m.ssrc++;
    m.ext_seq = 65536 + 7;
    m.ext_ts = UINT64_C(1) << 32;
    for (unsigned i = 10; i < 80; i++) {
        put_all(s, p, picture(&m, p, 3, i == 10, 0, false, i));
        if (i == 12 || i == 40)
            put_at(s, &late[i == 40], NOW + (uint64_t)i * FRAME_US);
    }
    assert_int_equal(seen.n, 79);
    assert_int_equal(stats_of(s).late, 2);

    /* After a while it is a publisher that came again. */
    m.ssrc--;
    for (unsigned i = 80; i < 90; i++)
        put_all(s, p, picture(&m, p, 3, i == 80, 0, false, i));
    assert_int_equal(seen.n, 89);
    plm_stream_destroy(s);
}

static void orientation_turns_the_picture(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[2];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    (void)picture(&m, p, 2, true, 0, false, 0);
    p[1].head.orientation_off = (uint16_t)(p[1].len - 1); /* where the last octet says 2: number of packets */
    put_all(s, p, 2);
    assert_int_equal(seen.rotation, 180);
    put_all(s, p, picture(&m, p, 2, false, 0, false, 1));
    assert_int_equal(seen.rotation, 180);
    plm_stream_destroy(s);
}

static void nonsense_is_counted(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[1];
    rtp_maker_init(&m, PLM_CODEC_VP8);
    (void)picture(&m, p, 1, true, 0, false, 0);
    struct made bad[8];
    for (unsigned i = 0; i < 8; i++)
        bad[i] = p[0];
    bad[0].len = 11;
    bad[1].head.ext_seq++;
    bad[2].head.ext_ts++;
    bad[3].head.encoding = 1;
    bad[4].head.codec = PLM_CODEC_OPUS;
    bad[5].head.codec = PLM_CODEC_COUNT;
    bad[6].head.orientation_off = (uint16_t)bad[6].len;
    bad[7].head.dd_off = (uint16_t)(bad[7].len - 2), bad[7].head.dd_len = 3;
    for (unsigned i = 0; i < 8; i++)
        put_at(s, &bad[i], NOW);
    assert_int_equal(stats_of(s).malformed, 8);
    assert_int_equal(seen.n, 0);
    put_at(s, &p[0], NOW);
    assert_int_equal(seen.n, 1);
    plm_stream_destroy(s);
}

static void mute_waits_for_nothing(void **state)
{
    (void)state;
    struct plm_stream *s = create(PLM_SOURCE_CAMERA, 1);
    struct rtp_maker m;
    struct made p[3];
    struct plm_link_demand d;
    rtp_maker_init(&m, PLM_CODEC_VP8);
    put_all(s, p, picture(&m, p, 3, true, 0, false, 0));
    (void)plm_stream_demand(s, NOW, &d);
    struct plm_link_track track = {.kind = PLM_KIND_VIDEO, .n_encodings = 1, .n_codecs = 1, .muted = 1};
    plm_stream_on_track(s, &track, NOW);
    assert_false(plm_stream_demand(s, NOW + 5000000, &d));
    track.muted = 0;
    plm_stream_on_track(s, &track, NOW + 6000000);
    assert_true(plm_stream_demand(s, NOW + 6000000, &d));
    assert_int_equal(d.keyframes, 1);
    m.ext_seq += 3000;
    put_all(s, p, picture(&m, p, 3, true, 0, false, 190));
    assert_int_equal(seen.n, 2);
    assert_int_equal(stats_of(s).lost, 0);
    plm_stream_destroy(s);
}

/* ---- simulcast ---- */

struct three {
    struct plm_stream *s;
    struct rtp_maker m[3];
    bool flows[3];
    unsigned index;
    struct plm_link_demand d;
    uint8_t asked;
};

/** A second of a publisher with three encodings, that gives key frames when asked and sends what is demanded. */
static void second(struct three *t)
{
    struct made p[2];
    for (unsigned i = 0; i < 30; i++, t->index++) {
        uint64_t now = NOW + t->index * FRAME_US;
        for (uint8_t e = 0; e < 3; e++) {
            if (t->index % 30 == 0) {
                struct plm_link_clock c = clock_of(e, 90000, t->m[e].ext_ts, (int64_t)now - 20000);
                c.bitrate_bps = t->flows[e] ? 100000 : 0;
                plm_stream_on_clock(t->s, &c, now);
            }
            unsigned n = picture(&t->m[e], p, 2, t->asked >> e & 1, 0, false, t->index);
            t->asked &= (uint8_t) ~(1u << e);
            if (t->flows[e] && t->d.encodings >> e & 1)
                put_all(t->s, p, n);
        }
        (void)plm_stream_poll(t->s, now);
        if (plm_stream_demand(t->s, now, &t->d))
            t->asked |= t->d.keyframes;
    }
}

static void the_largest_that_flows(void **state)
{
    (void)state;
    struct three t = {.s = create(PLM_SOURCE_CAMERA, 3), .flows = {true, false, false}, .index = 0};
    for (uint8_t e = 0; e < 3; e++) {
        rtp_maker_init(&t.m[e], PLM_CODEC_VP8);
        t.m[e].encoding = e;
        t.m[e].ssrc += e;
    }
    second(&t);
    assert_int_equal(
        t.d.encodings, 7); /* the larger ones are asked for too: their publisher may have stopped them */
    assert_true(seen.n >= 28);
    t.flows[1] = t.flows[2] = true;
    second(&t);
    assert_int_equal(t.d.encodings, 7);
    second(&t);
    second(&t);
    assert_int_equal(t.d.encodings, 4);
    assert_int_equal(stats_of(t.s).encoding_switches, 1);
    unsigned before = seen.n;
    second(&t);
    assert_int_equal(seen.n, before + 30);
    t.flows[2] = false; /* it stops */
    second(&t);
    second(&t);
    second(&t);
    assert_int_equal(t.d.encodings, 6);
    assert_int_equal(stats_of(t.s).encoding_switches, 2);
    before = seen.n;
    second(&t);
    assert_int_equal(seen.n, before + 30);
    assert_int_equal(stats_of(t.s).frames_broken, 0);
    plm_stream_destroy(t.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pictures_in_order),
        cmocka_unit_test(nothing_before_a_key_frame),
        cmocka_unit_test(reordered_and_doubled),
        cmocka_unit_test(a_lost_packet_waits_then_needs_a_key_frame),
        cmocka_unit_test(a_late_packet_mends_it),
        cmocka_unit_test(the_first_packet_may_come_late),
        cmocka_unit_test(parameter_sets_may_be_overtaken),
        cmocka_unit_test(what_waits_is_bounded),
        cmocka_unit_test(lost_padding_costs_nothing),
        cmocka_unit_test(temporal_layers_outlive_a_loss),
        cmocka_unit_test(time_follows_the_forwarders_line),
        cmocka_unit_test(nothing_arrives_before_it_was_captured),
        cmocka_unit_test(a_clock_that_stood_still),
        cmocka_unit_test(a_packet_sent_again_after_a_pause),
        cmocka_unit_test(packets_sent_again_in_a_silence),
        cmocka_unit_test(a_report_after_the_pause),
        cmocka_unit_test(another_ssrc_begins_anew),
        cmocka_unit_test(late_packets_of_the_former_ssrc),
        cmocka_unit_test(orientation_turns_the_picture),
        cmocka_unit_test(nonsense_is_counted),
        cmocka_unit_test(mute_waits_for_nothing),
        cmocka_unit_test(the_largest_that_flows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
