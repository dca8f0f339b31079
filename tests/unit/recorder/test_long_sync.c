/*
 * Three hours of a speaker whose clocks run off, from capture to the file's times: sound and picture of one moment stay together. Also where
 * reports say of sound, as libwebrtc's do, that its timestamp is the moment at which it was sent.
 */
#include "base/ntp_map.h"
#include "rtp_maker.h"
#include "sound_line.h"
#include "stream.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HOURS_US   (INT64_C(3) * 3600 * 1000000)
#define START      INT64_C(1000000000)
#define UNIX_US    UINT64_C(1790000000000000)
#define SOUND_US   20000
#define PICTURE_US 100000 /* ten a second */
#define ENCODER_US 6500   /* what comes out of a decoder is older by this than its timestamp */

/** A source: its sampling clock runs off by so much, and its reports come every so often. */
struct source {
    struct plm_stream *stream;
    struct rtp_maker maker;
    struct plm_ntp_map forwarder; /* its line, as the forwarder keeps it */
    uint32_t rate;
    int ppm;
    int64_t report_late_us; /* so much later than it was its reports say a sample was captured */
    int64_t report_every_us, next_report_us, next_told_us;
};

/** What the file says of the samples, in their order, against when they were captured. */
static struct {
    int64_t captured[HOURS_US / SOUND_US + 1000];
    size_t n, at;
    int64_t end_us;
} sound;
static int64_t picture_off_us;
static int32_t offsets[HOURS_US / PICTURE_US + 2];
static size_t n_offsets;
static int64_t sound_off_us;
static struct plm_sound_line line;
static uint64_t seed = 99;

static void on_line(void *arg, const struct plm_sample *s)
{
    const struct plm_sample *packet = arg;
    sound.end_us = s->time_us + s->duration_us;
    if (s->len != packet->len)
        return; /* silence */
    sound_off_us = s->time_us - sound.captured[sound.at];
}

static void on_sound(void *ctx, const struct plm_sample *s)
{
    (void)ctx;
    struct plm_sample packet = *s;
    plm_sound_line_put(&line, &packet, on_line, &packet);
    sound.at++; /* every one comes out, in order */
}

static void on_picture(void *ctx, const struct plm_sample *s)
{
    (void)ctx;
    int64_t captured = START + (int64_t)n_offsets * PICTURE_US;
    picture_off_us = s->time_us - captured;
    offsets[n_offsets++] = (int32_t)llabs(picture_off_us - sound_off_us);
}

static uint64_t jitter(void)
{
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return 15000 + (seed >> 40) % 30000; /* 15 to 45 ms on the way */
}

/** A clock that is fast gives more ticks in the same time; a packet of sound is always 960 of them. */
static uint64_t ticks(const struct source *s, int64_t captured)
{
    int64_t since = captured - START;
    return (UINT64_C(1) << 32) +
           (uint64_t)((since + since / 100 * s->ppm / 10000) * (int64_t)(s->rate / 1000) / 1000);
}

/** The forwarder's part: its line from arrivals, then reports, told each second. */
static void forward(struct source *s, int64_t captured, uint64_t now, const uint8_t *payload, size_t len)
{
    s->maker.ext_ts = ticks(s, captured);
    plm_ntp_map_on_packet(&s->forwarder, s->maker.ext_ts, now);
    if (captured >= s->next_report_us) {
        s->next_report_us += s->report_every_us;
        int64_t offset = START - (int64_t)UNIX_US + 15000; /* the least delay of a report */
        uint64_t said = UNIX_US + (uint64_t)(captured + s->report_late_us - START);
        plm_ntp_map_on_report(&s->forwarder, plm_ntp_from_us(said), s->maker.ext_ts, offset);
    }
    if (captured >= s->next_told_us) {
        s->next_told_us += 1000000;
        struct plm_link_clock c = {
            .clock_rate = s->rate, .ext_ts = s->forwarder.ts0, .us = s->forwarder.us0, .bitrate_bps = 1000};
        plm_stream_on_clock(s->stream, &c, now);
    }
    struct made p = make_packet(&s->maker, payload, len, true, now);
    plm_stream_on_packet(s->stream, &p.head, p.rtp, p.len, now);
}

static void open_source(struct source *s, enum plm_source source, int ppm)
{
    bool audio = plm_source_kind(source) == PLM_KIND_AUDIO;
    *s = (struct source){
        .rate = audio ? 48000 : 90000, .ppm = ppm, .report_every_us = audio ? 5000000 : 1000000};
    s->next_report_us = START + (audio ? 2400000 : 400000);
    s->next_told_us = START + 1000000;
    rtp_maker_init(&s->maker, audio ? PLM_CODEC_OPUS : PLM_CODEC_VP8);
    plm_ntp_map_init(&s->forwarder, s->rate);
    struct plm_stream_ops ops = {.sample = audio ? on_sound : on_picture};
    assert_int_equal(plm_stream_create(&s->stream, source, &ops), 0);
}

static int by_size(const void *a, const void *b)
{
    return *(const int32_t *)a - *(const int32_t *)b;
}

static void three_hours(int audio_ppm, int video_ppm, unsigned quiet_per_mille, int64_t report_late_us)
{
    static const uint8_t voice[60] = {0x78}, quiet[4] = {0x78};
    static const uint8_t key[] = {0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x80, 0x02, 0x68, 0x01};
    struct source a, v;
    open_source(&a, PLM_SOURCE_MICROPHONE, audio_ppm);
    open_source(&v, PLM_SOURCE_CAMERA, video_ppm);
    a.report_late_us = report_late_us;
    plm_sound_line_init(&line, START);
    sound.n = sound.at = n_offsets = 0;
    uint64_t now = START, picture_now = START;
    int64_t at = START, next_picture = START;
    for (int64_t i = 0; at < START + HOURS_US; i++) {
        at = START + i * SOUND_US - i * SOUND_US / 100 * audio_ppm / 10000; /* 20 ms by the sender's clock */
        uint64_t arrival = (uint64_t)at + SOUND_US + jitter();
        now = arrival > now ? arrival : now;
        sound.captured[sound.n++] = at - ENCODER_US;
        bool still = seed >> 33 & 1023 && (seed >> 33 & 1023) <= quiet_per_mille;
        forward(&a, at, now, still ? quiet : voice, still ? sizeof quiet : sizeof voice);
        for (; next_picture <= at; next_picture += PICTURE_US) {
            uint64_t due = (uint64_t)next_picture + jitter();
            picture_now = due > picture_now ? due : picture_now;
            forward(&v, next_picture, picture_now, key, sizeof key);
        }
    }
    assert_int_equal(sound.at, sound.n);
    assert_in_range(n_offsets, HOURS_US / PICTURE_US, HOURS_US / PICTURE_US + 1);
    qsort(offsets, n_offsets, sizeof offsets[0], by_size);
    int32_t p95 = offsets[n_offsets * 95 / 100], worst = offsets[n_offsets - 1];
    print_message("sound %+d ppm, picture %+d ppm: apart p95 %.1f ms, worst %.1f ms; %lu silent, %lu left "
                  "out; %+.1f ms of three hours\n",
        audio_ppm, video_ppm, p95 / 1e3, worst / 1e3, (unsigned long)line.filled,
        (unsigned long)line.left_out, (double)(sound.end_us - START - HOURS_US) / 1e3);
    assert_true(p95 <= 20000);
    assert_true(worst <= 40000);
    assert_true(llabs(sound.end_us - START - HOURS_US) < 100000);
    plm_stream_destroy(a.stream);
    plm_stream_destroy(v.stream);
}

static void skew(void **state)
{
    (void)state;
    three_hours(200, -200, 0, 0);
    three_hours(-200, 200, 0, SOUND_US);
    three_hours(200, 200, 50, 0);
    three_hours(-200, 0, 50, SOUND_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(skew)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
