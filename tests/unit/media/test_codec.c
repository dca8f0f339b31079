/* Opus, AV1, H264 and the dispatch. */
#include "codec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "codec_desc.h"
#include "exact.h"

static int parse(enum plm_codec codec, struct plm_frame_info *info, const void *data, size_t len)
{
    uint8_t *copy = exact_copy(data, len);
    int rc = plm_codec_parse(codec, copy, len, info);
    free(copy);
    return rc;
}

static void every_opus_packet_is_a_frame(void **state)
{
    (void)state;
    struct plm_frame_info i;
    assert_int_equal(parse(PLM_CODEC_OPUS, &i, "\x78", 1), 0);
    assert_true(i.frame_start && i.frame_end && i.keyframe_start && i.keyframe);
    assert_false(i.has_layers);
    assert_int_equal(parse(PLM_CODEC_OPUS, &i, "", 0), PLM_EINVAL);
}

static void reads_av1_aggregation_header(void **state)
{
    (void)state;
    struct plm_frame_info i;
    assert_int_equal(parse(PLM_CODEC_AV1, &i, "\x18\x0a", 2), 0); /* W 1, N */
    assert_true(i.frame_start && i.keyframe && i.keyframe_start);
    assert_int_equal(parse(PLM_CODEC_AV1, &i, "\x10\x32", 2), 0);
    assert_true(i.frame_start);
    assert_false(i.keyframe || i.keyframe_start);
    assert_int_equal(parse(PLM_CODEC_AV1, &i, "\xd0\x32", 2), 0); /* Z, Y */
    assert_false(i.frame_start || i.keyframe);
    assert_int_equal(parse(PLM_CODEC_AV1, &i, "\x88\x32", 2), PLM_EINVAL); /* section 4.4: N excludes Z */
    assert_int_equal(parse(PLM_CODEC_AV1, &i, "\x18", 1), PLM_EINVAL);
    assert_int_equal(parse(PLM_CODEC_AV1, &i, "", 0), PLM_EINVAL);
}

/* Baseline, level 3.1, 1280x720: as OpenH264 writes it */
static const uint8_t sps[] = {
    0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x28, 0x02, 0xdc, 0x90, 0x0f, 0x08, 0x84, 0x6a};

static void reads_h264_nal_units(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[12];
        size_t len;
        bool start, key, key_start;
    } cases[] = {
        {{0x65, 0xb8}, 2, true, true, true},  /* IDR, first slice */
        {{0x65, 0x40}, 2, false, true, true}, /* IDR, a later slice */
        {{0x65}, 1, false, true, true},
        {{0x41, 0x9a}, 2, true, false, false}, /* slice */
        {{0x41, 0x22}, 2, false, false, false},
        {{0x68, 0xce}, 2, false, false, false},                            /* PPS */
        {{0x09, 0x10}, 2, true, false, false},                             /* delimiter */
        {{0x06, 0x05}, 2, true, false, false},                             /* SEI */
        {{0x7c, 0x85, 0x88}, 3, true, true, true},                         /* FU-A of an IDR: start */
        {{0x7c, 0x05, 0x88}, 3, false, true, false},                       /* middle */
        {{0x7c, 0x45, 0x88}, 3, false, true, false},                       /* end */
        {{0x7c, 0x81, 0x9a}, 3, true, false, false},                       /* FU-A of a slice */
        {{0x78, 0, 2, 0x09, 0x10, 0, 2, 0x65, 0x88}, 9, true, true, true}, /* STAP-A: delimiter, IDR */
        {{0x78, 0, 2, 0x68, 0xce, 0, 2, 0x41, 0x22}, 9, false, false, false},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        struct plm_frame_info i;
        assert_int_equal(parse(PLM_CODEC_H264, &i, cases[n].data, cases[n].len), 0);
        assert_int_equal(i.frame_start, cases[n].start);
        assert_int_equal(i.keyframe, cases[n].key);
        assert_int_equal(i.keyframe_start, cases[n].key_start);
        assert_int_equal(i.desc_len, 0);
    }
}

static void refuses_h264(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[8];
        size_t len;
    } bad[] = {
        {{0}, 0}, {{0x60}, 1}, {{0x79, 0, 0, 0}, 4}, {{0x7a, 0}, 2}, {{0x7b, 0}, 2},
        {{0x7d, 0, 0}, 3},              /* 0, STAP-B, MTAPs, FU-B */
        {{0x7e, 0}, 2}, {{0x7f, 0}, 2}, /* 30, 31 */
        {{0x78}, 1}, {{0x78, 0}, 2}, {{0x78, 0, 1}, 3},
        {{0x78, 0, 0, 0x65}, 4}, /* STAP-A cut short, empty unit */
        {{0x78, 0, 2, 0x65}, 4}, {{0x78, 0, 1, 0x65, 0}, 5}, {{0x78, 0xff, 0xff, 0x65}, 4}, {{0x7c}, 1},
        {{0x7c, 0x85}, 2}, /* FU-A without a body */
    };
    struct plm_frame_info i;
    for (size_t n = 0; n < sizeof bad / sizeof bad[0]; n++)
        assert_int_equal(parse(PLM_CODEC_H264, &i, bad[n].data, bad[n].len), PLM_EINVAL);
}

static void reads_h264_size(void **state)
{
    (void)state;
    struct plm_frame_info i;
    assert_int_equal(parse(PLM_CODEC_H264, &i, sps, sizeof sps), 0);
    assert_true(i.frame_start && i.keyframe_start && i.keyframe);
    assert_int_equal(i.width, 1280);
    assert_int_equal(i.height, 720);
    unsigned known = 0;
    for (size_t len = 1; len < sizeof sps; len++) {
        assert_int_equal(parse(PLM_CODEC_H264, &i, sps, len), 0);
        assert_true(i.width == 0 || (i.width == 1280 && i.height == 720));
        known += i.width != 0;
    }
    assert_in_range(known, 1, sizeof sps - 8); /* the rest behind the size is of no interest */
}

static void reads_h264_sps_variants(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[32];
        size_t len;
        uint16_t width, height;
    } cases[] = {
        /* High 1920x1080 with cropping: chroma fields, 8 lines cut off */
        {{0x67, 0x64, 0x00, 0x28, 0xac, 0xd9, 0x40, 0x78, 0x02, 0x27, 0xe5, 0xc0, 0x44, 0x00, 0x00, 0x03,
             0x00, 0x04, 0x00, 0x00, 0x03, 0x00, 0xf0, 0x3c, 0x60, 0xc6, 0x58},
            27, 1920, 1080},
        /* Baseline 320x240 */
        {{0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0xfb, 0x01, 0x10}, 10, 320, 240},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        uint16_t w = 0, h = 0;
        assert_true(plm_h264_sps_size(cases[n].data, cases[n].len, &w, &h));
        assert_int_equal(w, cases[n].width);
        assert_int_equal(h, cases[n].height);
    }
    uint16_t w = 7, h = 8;
    uint8_t zeros[64] = {0x67, 0x42};
    assert_false(plm_h264_sps_size(zeros, sizeof zeros, &w, &h)); /* an endless code */
    assert_int_equal(w, 7);
    assert_int_equal(h, 8);
}

static void survives_random_sps(void **state)
{
    (void)state;
    uint64_t seed = 3;
    unsigned good = 0;
    for (int round = 0; round < 100000; round++) {
        uint8_t data[48];
        size_t len = next_random(&seed) % (sizeof data + 1);
        for (size_t i = 0; i < len; i++)
            data[i] = (uint8_t)next_random(&seed);
        if (len > 1 && round % 2)
            data[1] = 100;
        uint8_t *copy = exact_copy(data, len);
        uint16_t w = 0, h = 0;
        bool ok = plm_h264_sps_size(copy, len, &w, &h);
        assert_int_equal(ok, w != 0 && h != 0);
        good += ok;
        free(copy);
    }
    assert_in_range(good, 100, 99900);
}

static void other_codecs(void **state)
{
    (void)state;
    struct plm_frame_info i;
    uint8_t out[PLM_MAX_DESC];
    size_t consumed = 5;
    struct plm_codec_numbers num = {0};
    assert_int_equal(parse(PLM_CODEC_NONE, &i, "abc", 3), PLM_EINVAL);
    assert_int_equal(parse(PLM_CODEC_COUNT, &i, "abc", 3), PLM_EINVAL);
    assert_int_equal(plm_codec_rewrite(PLM_CODEC_H264, sps, sizeof sps, &num, out, &consumed), 0);
    assert_int_equal(consumed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_opus_packet_is_a_frame),
        cmocka_unit_test(reads_av1_aggregation_header),
        cmocka_unit_test(reads_h264_nal_units),
        cmocka_unit_test(refuses_h264),
        cmocka_unit_test(reads_h264_size),
        cmocka_unit_test(reads_h264_sps_variants),
        cmocka_unit_test(survives_random_sps),
        cmocka_unit_test(other_codecs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
