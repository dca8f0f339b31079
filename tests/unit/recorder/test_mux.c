/*
 * The muxer's times: a picture that came late, sound that was lost, clocks that step back; and what no file can hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "finish.h"
#include "mp4_entry.h"
#include "track_file.h"

struct file {
    struct plm_mux *mux;
    struct plm_blob octets;
};

static struct file begin(enum plm_codec video, bool sound)
{
    struct plm_writer_track_config c = track_config(video, sound);
    struct file f = {0};
    assert_int_equal(plm_mux_create(&f.mux, &c), 0);
    assert_int_equal(plm_mux_head(f.mux, &f.octets), 0);
    return f;
}

static void put(struct file *f, const struct plm_sample *s)
{
    if (plm_mux_is_due(f->mux, s))
        assert_int_equal(plm_mux_cut(f->mux, &f->octets), 0);
    assert_int_equal(plm_mux_put(f->mux, s), 0);
}

static struct plm_finish_result end(struct file *f)
{
    struct plm_finish_result r;
    int fd = memfd_create("mux", MFD_CLOEXEC);
    assert_int_equal(plm_mux_cut(f->mux, &f->octets), 0);
    assert_true(plm_mux_is_empty(f->mux));
    assert_int_equal(pwrite(fd, f->octets.data, f->octets.len, 0), f->octets.len);
    assert_int_equal(plm_finish(fd, 0, &r), 0);
    assert_int_equal(plm_finish_check(fd, &(struct plm_finish_result){0}), 0);
    close(fd);
    plm_mux_destroy(f->mux);
    plm_blob_free(&f->octets);
    return r;
}

static void test_fragments_of_a_second(void **state)
{
    (void)state;
    struct file f = begin(PLM_CODEC_NONE, true);
    for (int64_t us = 0; us < 10000000; us += 20000) {
        struct plm_sample s = track_sound(us);
        put(&f, &s);
    }
    struct plm_finish_result r = end(&f);
    assert_int_equal(r.fragments, 10);
    assert_int_equal(r.duration_us, 10000000);
}

/* A picture at 5 s stands from 0 on: its track is as long as the file. */
static void test_first_picture_stretches(void **state)
{
    (void)state;
    const enum plm_codec codecs[] = {PLM_CODEC_VP9, PLM_CODEC_VP8};
    for (unsigned i = 0; i < 2; i++) {
        struct file f = begin(codecs[i], false);
        struct plm_sample first = track_picture(codecs[i], 5000000, true),
                          second = track_picture(codecs[i], 5040000, false);
        put(&f, &first);
        put(&f, &second);
        assert_in_range(end(&f).duration_us, 5040000, 10080000 + 1000);
    }
}

static void test_first_picture_is_a_keyframe(void **state)
{
    (void)state;
    struct file f = begin(PLM_CODEC_VP9, true);
    struct plm_sample s = track_picture(PLM_CODEC_VP9, 0, false);
    assert_int_equal(plm_mux_put(f.mux, &s), PLM_EINVAL);
    assert_true(plm_mux_is_empty(f.mux));
    s.keyframe = true;
    put(&f, &s);
    assert_true(end(&f).picture);
}

/* The queue had no room for a second of sound: what follows is still where it was captured. */
static void test_lost_sound_becomes_silence(void **state)
{
    (void)state;
    struct file f = begin(PLM_CODEC_NONE, true);
    for (int64_t us = 0; us < 4000000; us += 20000) {
        struct plm_sample s = track_sound(us);
        if (us < 1000000 || us >= 2000000)
            put(&f, &s);
    }
    assert_int_equal(end(&f).duration_us, 4000000);
}

static void test_sound_that_begins_late(void **state)
{
    (void)state;
    struct file f = begin(PLM_CODEC_NONE, true);
    struct plm_sample s = track_sound(3000000), far = track_sound(INT64_C(7200000000));
    put(&f, &s);
    assert_int_equal(
        plm_mux_put(f.mux, &far), PLM_EINVAL); /* two hours of silence at once are no gap but a mistake */
    assert_int_equal(end(&f).duration_us, 3020000);
}

static void test_clock_that_steps_back(void **state)
{
    (void)state;
    const enum plm_codec codecs[] = {PLM_CODEC_H264, PLM_CODEC_VP8};
    for (unsigned i = 0; i < 2; i++) {
        struct file f = begin(codecs[i], false);
        static const int64_t times[] = {0, 1000000, 900000, 900000, -5000000, 1200000};
        for (unsigned n = 0; n < 6; n++) {
            struct plm_sample s = track_picture(codecs[i], times[n], n == 0);
            put(&f, &s);
        }
        assert_in_range(end(&f).duration_us, 1200000, 1500000);
    }
}

static void test_what_has_no_place(void **state)
{
    (void)state;
    struct file f = begin(PLM_CODEC_VP9, false);
    struct plm_sample sound = track_sound(0), other = track_picture(PLM_CODEC_H264, 0, true),
                      empty = track_picture(PLM_CODEC_VP9, 0, true), picture = empty;
    empty.len = 0;
    assert_int_equal(plm_mux_put(f.mux, &sound), PLM_EINVAL);
    assert_int_equal(plm_mux_put(f.mux, &other), PLM_EINVAL);
    assert_int_equal(plm_mux_put(f.mux, &empty), PLM_EINVAL);
    put(&f, &picture);
    end(&f);
    f = begin(PLM_CODEC_NONE, true);
    sound.duration_us = 0;
    assert_int_equal(plm_mux_put(f.mux, &sound), PLM_EINVAL);
    sound.duration_us = 200000;
    assert_int_equal(plm_mux_put(f.mux, &sound), PLM_EINVAL);
    sound.duration_us = 60000;
    put(&f, &sound);
    assert_int_equal(end(&f).duration_us, 60000);
}

static void test_what_is_no_file(void **state)
{
    (void)state;
    struct plm_mux *m = NULL;
    struct plm_writer_track_config c = track_config(PLM_CODEC_NONE, false);
    assert_int_equal(plm_mux_create(&m, &c), PLM_EINVAL);
    c = track_config(PLM_CODEC_OPUS, true);
    assert_int_equal(plm_mux_create(&m, &c), PLM_EINVAL);
    c = track_config(PLM_CODEC_H264, true);
    c.config_len = 0;
    assert_int_equal(plm_mux_create(&m, &c), PLM_EINVAL);
    c = track_config(PLM_CODEC_VP9, true);
    c.rotation = 45;
    assert_int_equal(plm_mux_create(&m, &c), PLM_EINVAL);
    c.rotation = 0;
    c.width = 0;
    assert_int_equal(plm_mux_create(&m, &c), PLM_EINVAL);
    assert_null(m);
}

/* Written by an encoder for 320x180, main profile, level 2.0; every shorter one is refused. */
static void test_av1_sequence(void **state)
{
    (void)state;
    struct plm_av1_sequence s;
    for (size_t len = 0; len <= sizeof track_av1; len++) {
        uint8_t *exact = malloc(len + !len);
        memcpy(exact, track_av1, len);
        int rc = plm_av1_sequence_parse(&s, exact, len);
        free(exact);
        if (len < 6)
            assert_int_equal(rc, PLM_EINVAL);
    }
    assert_int_equal(plm_av1_sequence_parse(&s, track_av1, sizeof track_av1), 0);
    assert_int_equal(s.profile, 0);
    assert_true(s.subsampling_x && s.subsampling_y && !s.high_bitdepth && !s.monochrome);
    static const uint8_t frame[] = {0x32, 0x02, 0, 0};
    assert_int_equal(plm_av1_sequence_parse(&s, frame, sizeof frame), PLM_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fragments_of_a_second),
        cmocka_unit_test(test_first_picture_stretches),
        cmocka_unit_test(test_first_picture_is_a_keyframe),
        cmocka_unit_test(test_lost_sound_becomes_silence),
        cmocka_unit_test(test_sound_that_begins_late),
        cmocka_unit_test(test_clock_that_steps_back),
        cmocka_unit_test(test_what_has_no_place),
        cmocka_unit_test(test_what_is_no_file),
        cmocka_unit_test(test_av1_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
