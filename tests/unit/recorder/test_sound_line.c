#include "sound_line.h"

#include "depack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START INT64_C(5000000000)

struct file {
    int64_t end_us;
    unsigned n, silent;
    uint8_t last_toc;
    int64_t last_time_us;
};

static void take(void *arg, const struct plm_sample *p)
{
    struct file *f = arg;
    assert_int_equal(p->codec, PLM_CODEC_OPUS);
    assert_true(p->keyframe);
    assert_int_equal(p->time_us, f->end_us); /* one after the other, without a gap */
    assert_int_equal(p->duration_us, plm_opus_duration_us(p->data, p->len));
    f->last_time_us = p->time_us;
    f->end_us += p->duration_us;
    f->n++;
    f->silent += p->len == 3 && p->data[1] == 0xff && p->data[2] == 0xfe;
    f->last_toc = p->data[0];
}

static const uint8_t voice[60] = {0x78}; /* 20 ms, mono */
static const uint8_t stereo[60] = {0x7c};
static const uint8_t comfort[3] = {0x78, 1, 2};

static struct plm_sample packet(const uint8_t *data, size_t len, int64_t time_us)
{
    return (struct plm_sample){.codec = PLM_CODEC_OPUS,
        .keyframe = true,
        .time_us = time_us,
        .duration_us = 20000,
        .data = data,
        .len = len};
}

static void begin(struct plm_sound_line *l, struct file *f)
{
    plm_sound_line_init(l, START);
    *f = (struct file){.end_us = START};
}

static void put(struct plm_sound_line *l, struct file *f, const uint8_t *data, size_t len, int64_t time_us)
{
    struct plm_sample p = packet(data, len, time_us);
    plm_sound_line_put(l, &p, take, f);
}

static void what_fits_goes_untouched(void **state)
{
    (void)state;
    struct plm_sound_line l;
    struct file f;
    begin(&l, &f);
    for (int i = 0; i < 100; i++) /* jitter of the line below the slack */
        put(&l, &f, voice, sizeof voice, START + i * 20000 + (i % 5 - 2) * 4000);
    assert_int_equal(f.n, 100);
    assert_int_equal(f.silent, 0);
    assert_true(l.filled == 0 && l.left_out == 0);
}

static void it_begins_with_the_file(void **state)
{
    (void)state;
    struct plm_sound_line l;
    struct file f;
    begin(&l, &f);
    put(&l, &f, stereo, sizeof stereo, START + 3017000);
    assert_in_range(f.last_time_us - START, 3017000 - 2500, 3017000);
    assert_int_equal(f.last_toc, stereo[0]);
    assert_int_equal(f.silent, l.filled);
}

static void gaps_are_filled_and_overlaps_left_out(void **state)
{
    (void)state;
    struct plm_sound_line l;
    struct file f;
    begin(&l, &f);
    put(&l, &f, voice, sizeof voice, START);
    put(&l, &f, voice, sizeof voice, START + 7020000);
    assert_int_equal(f.n, 2 + 350);
    assert_int_equal(f.last_time_us, START + 7020000);
    put(&l, &f, voice, sizeof voice, START + 6000000); /* the clock went back */
    assert_int_equal(f.n, 2 + 350);
    assert_int_equal(l.left_out, 1);
    put(&l, &f, voice, sizeof voice, START + 7040000);
    assert_int_equal(f.last_time_us, START + 7040000);
}

static void silence_has_the_channels_of_the_packet(void **state)
{
    (void)state;
    struct plm_sound_line l;
    struct file f;
    begin(&l, &f);
    put(&l, &f, voice, sizeof voice, START);
    plm_sound_line_fill(&l, START + 100000, take, &f);
    assert_int_equal(f.last_toc, 0xf8);
    assert_int_equal(f.end_us, START + 100000);
    put(&l, &f, stereo, sizeof stereo, START + 100000);
    plm_sound_line_fill(&l, START + 150000, take, &f);
    assert_int_equal(f.last_toc, 0xfc);
    assert_int_equal(f.end_us, START + 140000); /* whole packets, never too much */
}

static void quiet_places_are_used_first(void **state)
{
    (void)state;
    struct plm_sound_line l;
    struct file f;
    begin(&l, &f);
    put(&l, &f, voice, sizeof voice, START);
    put(&l, &f, voice, sizeof voice, START + 20000 + 12000);
    assert_int_equal(l.filled, 0);
    put(&l, &f, comfort, sizeof comfort, START + 40000 + 12000);
    assert_int_equal(l.filled, 1); /* 10 ms */
    assert_int_equal(f.last_time_us, START + 50000);
    put(&l, &f, comfort, sizeof comfort, START + 59000);
    assert_int_equal(l.left_out, 1);
}

/** A speaker's clock that is off for three hours: the sound stays in its place and the file has the length of the meeting. */
static void drift(int ppm, unsigned quiet_per_mille)
{
    struct plm_sound_line l;
    struct file f;
    begin(&l, &f);
    const int64_t hours = INT64_C(3) * 3600 * 1000000;
    int64_t worst = 0, at = 0;
    unsigned long long seed = 7;
    for (int64_t i = 0; at < hours; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        bool quiet = (seed >> 40) % 1000 < quiet_per_mille;
        at = i * 20000 + i * 20000 / 1000000 * ppm;
        unsigned before = f.n;
        put(&l, &f, quiet ? comfort : voice, quiet ? sizeof comfort : sizeof voice, START + at);
        int64_t off = f.last_time_us - START - at;
        if (f.n > before && llabs(off) > worst)
            worst = llabs(off);
    }
    assert_true(worst <= PLM_SOUND_SLACK_US);
    assert_true(llabs(f.end_us - START - hours) < 100000);
    assert_true(ppm == 0 || l.filled + l.left_out > 0);
}

static void three_hours_of_skew(void **state)
{
    (void)state;
    drift(200, 0);
    drift(-200, 0);
    drift(200, 100);
    drift(-200, 100);
    drift(0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_fits_goes_untouched),
        cmocka_unit_test(it_begins_with_the_file),
        cmocka_unit_test(gaps_are_filled_and_overlaps_left_out),
        cmocka_unit_test(silence_has_the_channels_of_the_packet),
        cmocka_unit_test(quiet_places_are_used_first),
        cmocka_unit_test(three_hours_of_skew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
