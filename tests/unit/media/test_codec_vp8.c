#include "codec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "exact.h"

static int parse(struct plm_frame_info *info, const void *data, size_t len)
{
    uint8_t *copy = exact_copy(data, len);
    int rc = plm_codec_parse(PLM_CODEC_VP8, copy, len, info);
    free(copy);
    return rc;
}

/* RFC 7741 section 4.2: all optional fields, 15-bit picture id; section 4.3: a key frame of 640x480, scaling bits set */
static const uint8_t key[] = {
    0x90, 0xf0, 0xd2, 0x34, 0x99, 0x65, 0x10, 0x02, 0x00, 0x9d, 0x01, 0x2a, 0x80, 0x42, 0xe0, 0xc1, 0x00};

static void reads_full_descriptor(void **state)
{
    (void)state;
    struct plm_frame_info i;
    assert_int_equal(parse(&i, key, sizeof key), 0);
    assert_int_equal(i.desc_len, 6);
    assert_true(i.frame_start && i.keyframe && i.keyframe_start);
    assert_false(i.frame_end);
    assert_true(i.has_picture_id && i.picture_id_15 && i.has_tl0 && i.has_layers && i.has_keyidx);
    assert_int_equal(i.picture_id, 0x5234);
    assert_int_equal(i.tl0picidx, 0x99);
    assert_int_equal(i.tid, 1);
    assert_true(i.layer_sync);
    assert_int_equal(i.sid, 0);
    assert_int_equal(i.width, 640);
    assert_int_equal(i.height, 480);
}

static void reads_forms(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[8];
        size_t len;
        uint8_t desc_len;
        bool start, key, pid, tl0, layers, sync;
        uint16_t picture_id;
    } cases[] = {
        {{0x10, 0x01}, 2, 1, true, false, false, false, false, false,
            0}, /* RFC 7741 section 4.2, no extension */
        {{0x10, 0x00}, 2, 1, true, true, false, false, false, false, 0},   /* key frame, header cut short */
        {{0x00, 0x00}, 2, 1, false, false, false, false, false, false, 0}, /* continuation: P is not there */
        {{0x11, 0x00}, 2, 1, false, false, false, false, false, false, 0}, /* start of partition 1 */
        {{0x90, 0x80, 0x7f, 0x01}, 4, 3, true, false, true, false, false, false, 127}, /* 7-bit picture id */
        {{0x90, 0x80, 0x80, 0x00, 0x01}, 5, 4, true, false, true, false, false, false, 0},
        {{0x90, 0x20, 0x80, 0x01}, 4, 3, true, false, false, false, true, false, 0}, /* T alone */
        {{0x90, 0x10, 0xe0, 0x01}, 4, 3, true, false, false, false, false, false,
            0}, /* K alone: TID and Y are to be ignored */
        {{0x90, 0x40, 0x07, 0x01}, 4, 3, true, false, false, true, false, false, 0},
        {{0x90, 0x00, 0x01}, 3, 2, true, false, false, false, false, false, 0},
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        struct plm_frame_info i;
        assert_int_equal(parse(&i, cases[n].data, cases[n].len), 0);
        assert_int_equal(i.desc_len, cases[n].desc_len);
        assert_int_equal(i.frame_start, cases[n].start);
        assert_int_equal(i.keyframe, cases[n].key);
        assert_int_equal(i.keyframe_start, cases[n].key);
        assert_int_equal(i.has_picture_id, cases[n].pid);
        assert_int_equal(i.has_tl0, cases[n].tl0);
        assert_int_equal(i.has_layers, cases[n].layers);
        assert_int_equal(i.layer_sync, cases[n].sync);
        assert_int_equal(i.picture_id, cases[n].picture_id);
        assert_int_equal(i.width, 0);
    }
}

static void refuses_truncation(void **state)
{
    (void)state;
    struct plm_frame_info i;
    for (size_t len = 0; len <= 6; len++)
        assert_int_equal(parse(&i, key, len), PLM_EINVAL);
    for (size_t len = 7; len < 16; len++) { /* the size needs all ten octets */
        assert_int_equal(parse(&i, key, len), 0);
        assert_true(i.keyframe_start);
        assert_int_equal(i.width, 0);
    }
}

static void no_size_without_start_code(void **state)
{
    (void)state;
    uint8_t hidden[sizeof key];
    memcpy(hidden, key, sizeof key);
    hidden[10] ^= 1;
    struct plm_frame_info i;
    assert_int_equal(parse(&i, hidden, sizeof hidden), 0);
    assert_int_equal(i.width | i.height, 0);
}

static void rewrites(void **state)
{
    (void)state;
    static const struct {
        uint8_t in[8];
        size_t len, consumed;
        uint8_t out[8];
        int out_len;
    } cases[] = {
        {{0x90, 0xf0, 0xd2, 0x34, 0x99, 0x65, 0xee}, 7, 6, {0x90, 0xf0, 0xff, 0xfe, 0x44, 0x65}, 6},
        {{0x90, 0x80, 0x05, 0xee}, 4, 3, {0x90, 0x80, 0xff, 0xfe}, 4}, /* 7 bits become 15 */
        {{0x90, 0xe0, 0x05, 0x01, 0x40, 0xee}, 6, 5, {0x90, 0xe0, 0xff, 0xfe, 0x44, 0x40}, 6},
        {{0x90, 0x40, 0x05, 0xee}, 4, 3, {0x90, 0x40, 0x44}, 3},
        {{0x90, 0x20, 0x40, 0xee}, 4, 0, {0}, 0}, /* no number in it */
        {{0x10, 0xee}, 2, 0, {0}, 0},
    };
    struct plm_codec_numbers num = {.picture_id = 0x7ffe, .tl0picidx = 0x44};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        uint8_t out[PLM_MAX_DESC];
        size_t consumed = 99;
        uint8_t *copy = exact_copy(cases[n].in, cases[n].len);
        assert_int_equal(
            plm_codec_rewrite(PLM_CODEC_VP8, copy, cases[n].len, &num, out, &consumed), cases[n].out_len);
        assert_int_equal(consumed, cases[n].consumed);
        assert_memory_equal(out, cases[n].out, (size_t)cases[n].out_len);
        for (size_t len = 0; len < cases[n].len; len++) {
            uint8_t *shorter = exact_copy(cases[n].in, len);
            assert_int_equal(
                plm_codec_rewrite(PLM_CODEC_VP8, shorter, len, &num, out, &consumed), PLM_EINVAL);
            free(shorter);
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_full_descriptor),
        cmocka_unit_test(reads_forms),
        cmocka_unit_test(refuses_truncation),
        cmocka_unit_test(no_size_without_start_code),
        cmocka_unit_test(rewrites),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
