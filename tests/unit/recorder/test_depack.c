#include "depack.h"

#include "base/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MAX 100000

static int add(struct plm_depack *d, const void *payload, size_t len)
{
    uint8_t *copy = malloc(len); /* of exactly its size */
    memcpy(copy, payload, len);
    int err = plm_depack_add(d, copy, len);
    free(copy);
    return err;
}

#define ADD(d, ...) add(d, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

#define EXPECT(sample, ...)                                                                                  \
    do {                                                                                                     \
        const uint8_t want_[] = {__VA_ARGS__};                                                               \
        assert_int_equal((sample).len, sizeof want_);                                                        \
        assert_memory_equal((sample).data, want_, sizeof want_);                                             \
    } while (0)

/* ---- Opus ---- */

static void opus_durations(void **state)
{
    (void)state;
    /* RFC 6716 section 3.1: configuration, count code */
    static const struct {
        uint8_t octets[2];
        size_t len;
        uint32_t us;
    } table[] = {
        {{0xfc}, 1, 20000},                              /* CELT FB 20 ms */
        {{0xe0}, 1, 2500},                               /* CELT FB 2.5 ms */
        {{0xe8}, 1, 5000},                               /* 5 ms */
        {{0xf0}, 1, 10000},                              /* 10 ms */
        {{0x78}, 1, 20000},                              /* hybrid FB 20 ms */
        {{0x60}, 1, 10000},                              /* hybrid SWB 10 ms */
        {{0x18}, 1, 60000},                              /* SILK NB 60 ms */
        {{0x10}, 1, 40000},                              /* SILK NB 40 ms */
        {{0x00}, 1, 10000},                              /* SILK NB 10 ms */
        {{0x79}, 1, 40000},                              /* two frames */
        {{0x7b, 0x03}, 2, 60000},                        /* three frames */
        {{0x7b, 0x06}, 2, 120000}, {{0x7b, 0x07}, 2, 0}, /* more than 120 ms */
        {{0x7b, 0x00}, 2, 0},                            /* no frame */
        {{0x7b}, 1, 0},                                  /* no count */
    };
    for (unsigned i = 0; i < sizeof table / sizeof table[0]; i++) {
        uint8_t *copy = malloc(table[i].len);
        memcpy(copy, table[i].octets, table[i].len);
        assert_int_equal(plm_opus_duration_us(copy, table[i].len), table[i].us);
        free(copy);
    }
    assert_int_equal(plm_opus_duration_us(NULL, 0), 0);
}

static void opus_is_the_payload(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_OPUS, MAX);
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x78, 1, 2), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0x78, 1, 2);
    assert_true(s.keyframe);
    assert_int_equal(s.duration_us, 20000);
    assert_int_equal(ADD(&d, 0x78, 1, 2), PLM_EINVAL); /* one payload, one packet */
    plm_depack_destroy(&d);
}

/* ---- VP8 ---- */

static void vp8_strips_descriptors(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_VP8, MAX);
    plm_depack_begin(&d);
    assert_true(plm_depack_starts(PLM_CODEC_VP8, (const uint8_t[]){0x10, 1}, 2));
    assert_false(plm_depack_starts(PLM_CODEC_VP8, (const uint8_t[]){0x00, 1}, 2));
    /* X, S; I L T; picture id 0x123; TL0PICIDX 9; TID 0 Y; a key frame of 176x144 with scaling bits set */
    assert_int_equal(
        ADD(&d, 0x90, 0xe0, 0x81, 0x23, 9, 0x20, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xb0, 0x40, 0x90, 0x80), 0);
    assert_int_equal(ADD(&d, 0x80, 0xe0, 0x81, 0x23, 9, 0x20, 77), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xb0, 0x40, 0x90, 0x80, 77);
    assert_true(s.keyframe);
    assert_int_equal(s.width, 176);
    assert_int_equal(s.height, 144);
    assert_true(d.place.has_picture_id && d.place.picture_id == 0x123 && d.place.picture_id_bits == 15);
    assert_true(d.place.has_tl0 && d.place.tl0picidx == 9 && d.place.tid == 0 && d.place.sync);
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x10, 0x11, 2, 3), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    assert_false(s.keyframe);
    assert_int_equal(s.width, 176); /* of the last key frame */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x00, 0x11, 2, 3), PLM_EINVAL); /* no beginning */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x10, 0x11, 2, 3), 0);
    assert_int_equal(ADD(&d, 0x10, 0x11, 2, 3), PLM_EINVAL); /* two */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x10, 0x10, 0, 0, 0x9d, 0x01, 0x2a, 0xb0, 0x40, 0x90), 0);
    assert_int_equal(plm_depack_end(&d, &s), PLM_EINVAL); /* a key frame without its height */
    plm_depack_destroy(&d);
}

static void pictures_have_a_largest_size(void **state)
{
    (void)state;
    struct plm_depack d;
    uint8_t p[1001] = {0x10, 0x11};
    plm_depack_init(&d, PLM_CODEC_VP8, 10000);
    plm_depack_begin(&d);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(add(&d, p, sizeof p), 0);
        p[0] = 0;
    }
    assert_int_equal(add(&d, p, sizeof p), PLM_EFULL);
    assert_true(d.out.cap <= 16384);
    plm_depack_destroy(&d);
}

/* ---- VP9 ---- */

static void vp9_takes_layer_0(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_VP9, MAX);
    plm_depack_begin(&d);
    /* I L B; picture id 5; TID 0, U, SID 0; TL0PICIDX 3; key frame of profile 0: 320x180 */
    static const uint8_t key[] = {0xa8, 5, 0x10, 3, 0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30};
    assert_true(plm_depack_starts(PLM_CODEC_VP9, key, sizeof key));
    assert_int_equal(add(&d, key, sizeof key), 0);
    static const uint8_t last[] = {0xa4, 5, 0x10, 3, 1, 2};
    assert_true(plm_depack_ends(PLM_CODEC_VP9, last, sizeof last));
    assert_int_equal(add(&d, last, sizeof last), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0x82, 0x49, 0x83, 0x42, 0x20, 0x13, 0xf0, 0x0b, 0x30, 1, 2);
    assert_true(s.keyframe);
    assert_int_equal(s.width, 320);
    assert_int_equal(s.height, 180);
    assert_int_equal(s.profile, 0);
    assert_true(d.place.up && d.place.has_tl0 && d.place.picture_id == 5 && !d.place.has_refs);
    /* SID 1 of the same picture */
    static const uint8_t above[] = {0xac, 5, 0x13, 3, 1, 2};
    assert_true(plm_depack_ignores(PLM_CODEC_VP9, above, sizeof above));
    assert_false(plm_depack_starts(PLM_CODEC_VP9, above, sizeof above));
    assert_false(plm_depack_ends(PLM_CODEC_VP9, above, sizeof above));
    plm_depack_begin(&d);
    assert_int_equal(add(&d, above, sizeof above), PLM_EINVAL);
    plm_depack_destroy(&d);
}

static void vp9_lists_references_in_flexible_mode(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_VP9, MAX);
    plm_depack_begin(&d);
    /* I P L F B E; picture id 0x105; TID 2; references 1 and 4 back; an inter frame that is shown */
    assert_int_equal(ADD(&d, 0xfc, 0x81, 0x05, 0x40, 1 << 1 | 1, 4 << 1, 0x86, 0, 1), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    assert_false(s.keyframe);
    assert_true(d.place.has_refs);
    assert_int_equal(d.place.number, 0x105);
    assert_int_equal(d.place.number_bits, 15);
    assert_int_equal(d.place.n_refs, 2);
    assert_int_equal(d.place.refs[0], 1);
    assert_int_equal(d.place.refs[1], 4);
    assert_int_equal(d.place.tid, 2);
    plm_depack_destroy(&d);
}

/* ---- H264 ---- */

/* Baseline, 640x360, as OpenH264 writes it; and its picture parameter set. */
#define SPS 0x67, 0x42, 0xc0, 0x1f, 0x8c, 0x8d, 0x40, 0x50, 0x17, 0xfc, 0xb0, 0x0f, 0x08, 0x84, 0x6a
#define PPS 0x68, 0xce, 0x3c, 0x80

static void h264_key_frame(struct plm_depack *d)
{
    plm_depack_begin(d);
    assert_int_equal(ADD(d, 24, 0, 15, SPS, 0, 4, PPS), 0);
    assert_int_equal(ADD(d, 0x7c, 0x85, 0x88, 1), 0); /* FU-A of an IDR slice */
    assert_int_equal(ADD(d, 0x7c, 0x05, 2), 0);
    assert_int_equal(ADD(d, 0x7c, 0x45, 3), 0);
}

static void h264_lengths_before_units(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_H264, MAX);
    h264_key_frame(&d);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0, 0, 0, 15, SPS, 0, 0, 0, 4, PPS, 0, 0, 0, 5, 0x65, 0x88, 1, 2, 3);
    assert_true(s.keyframe);
    assert_int_equal(s.width, 640);
    assert_int_equal(s.height, 360);
    static const uint8_t avcc[] = {1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 15, SPS, 1, 0, 4, PPS};
    assert_int_equal(s.config_len, sizeof avcc);
    assert_memory_equal(s.config, avcc, sizeof avcc);
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 9, 0xf0), 0); /* a delimiter: left out */
    assert_int_equal(ADD(&d, 0x41, 0x9a, 7), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0, 0, 0, 3, 0x41, 0x9a, 7);
    assert_false(s.keyframe);
    assert_int_equal(s.config_len, 0);
    /* A key frame without parameter sets gets those that are known. */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x65, 0x88, 9), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0, 0, 0, 15, SPS, 0, 0, 0, 4, PPS, 0, 0, 0, 3, 0x65, 0x88, 9);
    assert_int_equal(s.config_len, sizeof avcc);
    plm_depack_destroy(&d);
}

static void h264_refuses_parts(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_H264, MAX);
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x65, 0x88, 9), 0);
    assert_int_equal(plm_depack_end(&d, &s), PLM_EINVAL); /* no parameter sets ever came */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x7c, 0x05, 2), PLM_EINVAL); /* the middle */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x7c, 0x85, 2), 0);
    assert_int_equal(plm_depack_end(&d, &s), PLM_EINVAL); /* no end */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x7c, 0x85, 2), 0);
    assert_int_equal(ADD(&d, 0x7c, 0x41, 2), PLM_EINVAL); /* the end of another */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x7c, 0x85, 2), 0);
    assert_int_equal(ADD(&d, 0x41, 2), PLM_EINVAL); /* another in between */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 24, 0, 9, 1, 2), PLM_EINVAL);
    assert_int_equal(ADD(&d, 24, 0), PLM_EINVAL);
    assert_int_equal(ADD(&d, 24, 0, 0), PLM_EINVAL);
    assert_int_equal(ADD(&d, 0x7c), PLM_EINVAL);
    assert_int_equal(ADD(&d, 0x7d, 1, 2), PLM_EINVAL); /* FU-B */
    plm_depack_destroy(&d);
}

/** Delimiters and filler, which MP4 leaves out, however they come. */
static void h264_leaves_out_what_is_no_picture(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_H264, MAX);
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x09, 0xf0), 0);
    assert_int_equal(ADD(&d, 0x7c, 0x89, 0xf0), 0);
    assert_int_equal(ADD(&d, 0x7c, 0x49, 0xf0), 0);
    assert_int_equal(ADD(&d, 0x7c, 0x8c, 0xff), 0);
    assert_int_equal(ADD(&d, 0x7c, 0x4c, 0xff), 0);
    assert_int_equal(ADD(&d, 0x41, 0x9a, 7), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0, 0, 0, 3, 0x41, 0x9a, 7);
    plm_depack_destroy(&d);
}

static void h264_high_profile_says_its_chroma(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_H264, MAX);
    plm_depack_begin(&d);
    /* High, 640x360, from x264 */
    static const uint8_t sps[] = {0x67, 0x64, 0x00, 0x1e, 0xac, 0xd9, 0x40, 0xa0, 0x2f, 0xf9, 0x70, 0x16,
        0xd4, 0x04, 0x04, 0x05, 0x00, 0x00, 0x03, 0x00, 0x01, 0x00, 0x00, 0x03, 0x00, 0x3c, 0x0f, 0x16, 0x2d,
        0x96};
    assert_int_equal(add(&d, sps, sizeof sps), 0);
    assert_int_equal(ADD(&d, 0x68, 0xeb, 0xe3, 0xcb, 0x22, 0xc0), 0);
    assert_int_equal(ADD(&d, 0x65, 0x88, 9), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    assert_int_equal(s.width, 640);
    assert_int_equal(s.height, 360);
    static const uint8_t tail[] = {0xfd, 0xf8, 0xf8, 0};
    assert_memory_equal(s.config + s.config_len - 4, tail, 4);
    plm_depack_destroy(&d);
}

/* More than are remembered: what a key frame refers to is its newest sequence, however many pictures' sets follow it. */
static void h264_many_picture_sets(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_H264, MAX);
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, SPS), 0);
    for (unsigned id = 0; id < 15; id++) { /* ue(v) of 0 to 14, left-aligned */
        static const uint8_t ids[] = {
            0x80, 0x40, 0x60, 0x20, 0x28, 0x30, 0x38, 0x10, 0x12, 0x14, 0x16, 0x18, 0x1a, 0x1c, 0x1e};
        assert_int_equal(ADD(&d, 0x68, ids[id], 0x80), 0);
    }
    assert_int_equal(ADD(&d, 0x65, 0x88, 9), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    assert_true(s.keyframe);
    assert_int_equal(s.width, 640);
    assert_int_equal(s.config[5], 0xe1);                         /* one sequence's */
    assert_int_equal(s.config[8 + 15], PLM_DEPACK_MAX_SETS - 1); /* and the newest of the pictures' */
    plm_depack_destroy(&d);
}

/* ---- AV1 ---- */

/* 640x360, profile 0, as libaom writes it */
#define SEQUENCE 0x00, 0x00, 0x00, 0x0c, 0xc4, 0xff, 0x67, 0x36, 0xbe, 0x40, 0x10

static void av1_gives_sizes(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_AV1, MAX);
    plm_depack_begin(&d);
    /* N, Y, W=2: a sequence header, the beginning of a frame; then the rest */
    static const uint8_t first[] = {0x68, 12, 0x08, SEQUENCE, 0x30, 0x10, 1};
    assert_true(plm_depack_starts(PLM_CODEC_AV1, first, sizeof first));
    assert_int_equal(add(&d, first, sizeof first), 0);
    assert_int_equal(ADD(&d, 0x90, 2, 3), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0x0a, 11, SEQUENCE, 0x32, 4, 0x10, 1, 2, 3);
    assert_true(s.keyframe);
    static const uint8_t config[] = {0x0a, 11, SEQUENCE};
    assert_int_equal(s.config_len, sizeof config);
    assert_memory_equal(s.config, config, sizeof config);
    assert_int_equal(s.width, 640);
    assert_int_equal(s.height, 360);
    /* W=0: every one with its length; a delimiter and padding are left out, a size that is there is kept */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x00, 2, 0x12, 0x00, 2, 0x78, 7, 4, 0x32, 2, 0x30, 5), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0x32, 2, 0x30, 5);
    assert_false(s.keyframe);
    /* Sizes in more octets than they need, up to eight (section 4.10.5), as whoever fills them in later leaves room */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x10, 0x32, 0x82, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00, 0x30, 5), 0);
    assert_int_equal(plm_depack_end(&d, &s), 0);
    EXPECT(s, 0x32, 2, 0x30, 5);
    plm_depack_destroy(&d);
}

static void av1_refuses_parts(void **state)
{
    (void)state;
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, PLM_CODEC_AV1, MAX);
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x90, 2, 3), PLM_EINVAL); /* the rest of what never began */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x50, 0x30, 0x30), 0);
    assert_int_equal(plm_depack_end(&d, &s), PLM_EINVAL); /* goes on */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x50, 0x30, 0x30), 0);
    assert_int_equal(ADD(&d, 0x10, 0x30, 0x30), PLM_EINVAL); /* another begins */
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x00, 9, 0x30), PLM_EINVAL);
    assert_int_equal(ADD(&d, 0x30, 1, 0x30, 1, 0x30), PLM_EINVAL); /* W=3, two */
    assert_int_equal(ADD(&d, 0x00, 0x80, 0x80, 0x80, 0x80, 1), PLM_EINVAL);
    assert_int_equal(ADD(&d, 0x00, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0, 0x30), PLM_EINVAL);
    assert_int_equal(ADD(&d, 0x00, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01, 0x30), PLM_EINVAL);
    assert_int_equal(ADD(&d, 0x10), PLM_EINVAL);
    plm_depack_begin(&d);
    assert_int_equal(ADD(&d, 0x10, 0x08, SEQUENCE), 0);
    assert_int_equal(plm_depack_end(&d, &s), PLM_EINVAL); /* no frame */
    plm_depack_destroy(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opus_durations),
        cmocka_unit_test(opus_is_the_payload),
        cmocka_unit_test(vp8_strips_descriptors),
        cmocka_unit_test(pictures_have_a_largest_size),
        cmocka_unit_test(vp9_takes_layer_0),
        cmocka_unit_test(vp9_lists_references_in_flexible_mode),
        cmocka_unit_test(h264_lengths_before_units),
        cmocka_unit_test(h264_refuses_parts),
        cmocka_unit_test(h264_leaves_out_what_is_no_picture),
        cmocka_unit_test(h264_high_profile_says_its_chroma),
        cmocka_unit_test(h264_many_picture_sets),
        cmocka_unit_test(av1_gives_sizes),
        cmocka_unit_test(av1_refuses_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
