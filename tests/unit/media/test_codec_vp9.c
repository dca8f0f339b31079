#include "codec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "exact.h"

static int parse(struct plm_frame_info *info, const void *data, size_t len)
{
    uint8_t *copy = exact_copy(data, len);
    int rc = plm_codec_parse(PLM_CODEC_VP9, copy, len, info);
    free(copy);
    return rc;
}

/*
 * RFC 9628 section 4.2: I, L, B, E, V; 15-bit picture id; tid 0, U, sid 0; TL0PICIDX; structure of two layers with sizes and
 * a group of two pictures, the second with one reference
 */
static const uint8_t key[] = {0xae, 0x81, 0x02, 0x10, 0x07, 0x38, 0x01, 0x40, 0x00, 0xb4, 0x02, 0x80, 0x01,
    0x68, 0x02, 0x00, 0x24, 0x01, 0xff};

static void reads_structure(void **state)
{
    (void)state;
    struct plm_frame_info i;
    assert_int_equal(parse(&i, key, sizeof key), 0);
    assert_int_equal(i.desc_len, 18);
    assert_true(i.frame_start && i.frame_end && i.keyframe && i.keyframe_start && i.layer_sync);
    assert_true(i.has_picture_id && i.picture_id_15 && i.has_layers && i.has_tl0);
    assert_int_equal(i.picture_id, 0x102);
    assert_int_equal(i.tl0picidx, 7);
    assert_int_equal(i.tid, 0);
    assert_int_equal(i.sid, 0);
    assert_int_equal(i.width, 640);
    assert_int_equal(i.height, 360);
    for (size_t len = 0; len < sizeof key; len++)
        assert_int_equal(parse(&i, key, len), PLM_EINVAL);
}

static void reads_forms(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[10];
        size_t len;
        uint8_t desc_len, tid, sid;
        bool start, end, key, key_start, inter, tl0;
    } cases[] = {
        {{0x08, 0xff}, 2, 1, 0, 0, true, false, true, true, false,
            false}, /* nothing but B: a key frame begins */
        {{0x00, 0xff}, 2, 1, 0, 0, false, false, true, false, false, false}, /* its continuation */
        {{0x4c, 0xff}, 2, 1, 0, 0, true, true, false, false, false, false},  /* P */
        {{0xe8, 0x05, 0x50, 0x01, 0xff}, 5, 4, 2, 0, true, false, false, false, false,
            true}, /* non-flexible, 7-bit id, tid 2, U */
        {{0xa8, 0x05, 0x03, 0x01, 0xff}, 5, 4, 0, 1, true, false, true, false, true,
            true}, /* upper layer of a key superframe */
        {{0xf8, 0x05, 0x24, 0x02, 0xff}, 5, 4, 1, 2, true, false, false, false, false,
            false}, /* flexible, one reference */
        {{0xf8, 0x05, 0x24, 0x03, 0x05, 0x08, 0xff}, 7, 6, 1, 2, true, false, false, false, false,
            false}, /* three */
        {{0xb8, 0x05, 0x00, 0xff}, 4, 3, 0, 0, true, false, true, true, false,
            false},                                                              /* flexible key frame */
        {{0x0a, 0x00, 0xff}, 3, 2, 0, 0, true, false, true, true, false, false}, /* empty structure */
    };
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        struct plm_frame_info i;
        assert_int_equal(parse(&i, cases[n].data, cases[n].len), 0);
        assert_int_equal(i.desc_len, cases[n].desc_len);
        assert_int_equal(i.tid, cases[n].tid);
        assert_int_equal(i.sid, cases[n].sid);
        assert_int_equal(i.frame_start, cases[n].start);
        assert_int_equal(i.frame_end, cases[n].end);
        assert_int_equal(i.keyframe, cases[n].key);
        assert_int_equal(i.keyframe_start, cases[n].key_start);
        assert_int_equal(i.inter_layer, cases[n].inter);
        assert_int_equal(i.has_tl0, cases[n].tl0);
        for (size_t len = 0; len < cases[n].len; len++)
            assert_int_equal(parse(&i, cases[n].data, len), PLM_EINVAL);
    }
}

static void refuses(void **state)
{
    (void)state;
    struct plm_frame_info i;
    static const uint8_t four_references[] = {0xf8, 0x05, 0x24, 0x03, 0x05, 0x09, 0x08, 0xff};
    assert_int_equal(parse(&i, four_references, sizeof four_references), PLM_EINVAL);
    /* A group of 255 pictures with three references each is longer than any descriptor. */
    uint8_t large[3 + 255 * 4 + 1];
    memset(large, 0x0c, sizeof large);
    large[0] = 0x0a;
    large[1] = 0x08;
    large[2] = 255;
    assert_int_equal(parse(&i, large, sizeof large), PLM_EINVAL);
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
        {{0xe8, 0x05, 0x50, 0x01, 0xff}, 5, 4, {0xe8, 0x80, 0x81, 0x50, 0x44}, 5},
        {{0xe8, 0x85, 0x05, 0x50, 0x01, 0xff}, 6, 5, {0xe8, 0x80, 0x81, 0x50, 0x44}, 5},
        {{0xf8, 0x05, 0x24, 0x02, 0xff}, 5, 3, {0xf8, 0x80, 0x81, 0x24},
            4}, /* references stay in the payload */
        {{0xc8, 0x05, 0xff}, 3, 2, {0xc8, 0x80, 0x81}, 3},
        {{0x68, 0x50, 0x01, 0xff}, 4, 3, {0x68, 0x50, 0x44}, 3},
        {{0x48, 0xff}, 2, 0, {0}, 0},
    };
    struct plm_codec_numbers num = {.picture_id = 0x81, .tl0picidx = 0x44};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        uint8_t out[PLM_MAX_DESC];
        size_t consumed = 99;
        uint8_t *copy = exact_copy(cases[n].in, cases[n].len);
        assert_int_equal(
            plm_codec_rewrite(PLM_CODEC_VP9, copy, cases[n].len, &num, out, &consumed), cases[n].out_len);
        assert_int_equal(consumed, cases[n].consumed);
        assert_memory_equal(out, cases[n].out, (size_t)cases[n].out_len);
        free(copy);
    }
}

/* A rewritten descriptor says the same as the old one but for its numbers. */
static void rewriting_keeps_the_rest(void **state)
{
    (void)state;
    uint64_t seed = 99;
    unsigned rewritten = 0;
    for (int round = 0; round < 100000; round++) {
        uint8_t in[40], out[PLM_MAX_DESC], joined[80];
        size_t len = 1 + next_random(&seed) % sizeof in, consumed;
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)next_random(&seed);
        enum plm_codec codec = round % 2 ? PLM_CODEC_VP9 : PLM_CODEC_VP8;
        struct plm_frame_info before, after;
        struct plm_codec_numbers num = {
            .picture_id = next_random(&seed) & 0x7fff, .tl0picidx = (uint8_t)round};
        int rc = plm_codec_parse(codec, in, len, &before);
        int n = plm_codec_rewrite(codec, in, len, &num, out, &consumed);
        assert_int_equal(rc < 0, n < 0);
        if (n <= 0)
            continue;
        rewritten++;
        assert_in_range(n, consumed, consumed + 1);
        memcpy(joined, out, (size_t)n);
        memcpy(joined + n, in + consumed, len - consumed);
        assert_int_equal(plm_codec_parse(codec, joined, (size_t)n + len - consumed, &after), 0);
        if (before.has_picture_id) {
            assert_int_equal(after.picture_id, num.picture_id);
            before.picture_id = num.picture_id;
            before.desc_len = (uint8_t)(before.desc_len + !before.picture_id_15);
            before.picture_id_15 = true;
        }
        if (before.has_tl0)
            before.tl0picidx = num.tl0picidx;
        assert_memory_equal(&before, &after, sizeof before);
    }
    assert_in_range(rewritten, 10000, 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_structure),
        cmocka_unit_test(reads_forms),
        cmocka_unit_test(refuses),
        cmocka_unit_test(rewrites),
        cmocka_unit_test(rewriting_keeps_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
