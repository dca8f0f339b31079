#include "rtp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "exact.h"

static struct plm_ext_map map_of(void)
{
    struct plm_ext_ids ids = {.id = {[PLM_EXT_MID] = 1,
                                  [PLM_EXT_AUDIO_LEVEL] = 2,
                                  [PLM_EXT_TWCC] = 14,
                                  [PLM_EXT_RID] = 15,
                                  [PLM_EXT_ABS_SEND_TIME] = 255}};
    struct plm_ext_map map;
    plm_ext_map_init(&map, &ids);
    return map;
}

/* Parse a block in a heap copy of exactly its size; the values are checked through the copy. */
static int parse(struct plm_rtp_exts *out, uint16_t profile, const void *body, size_t len, uint8_t **copy)
{
    struct plm_ext_map map = map_of();
    *copy = exact_copy(body, len);
    struct plm_rtp_view v = {.ext = *copy, .ext_len = (uint16_t)len, .ext_profile = profile};
    return plm_rtp_exts_parse(out, &v, &map);
}

static void reads_one_byte_form(void **state)
{
    (void)state;
    /* RFC 8285 section 4.2: padding octets before, between and behind elements */
    static const uint8_t body[] = {0, 0x10, 'a', 0, 0, 0x20, 0x85, 0x71, 9, 9, 0xe1, 0x12, 0x34, 0, 0, 0};
    struct plm_rtp_exts e;
    uint8_t *copy;
    assert_int_equal(parse(&e, 0xbede, body, sizeof body, &copy), 0);
    assert_int_equal(e.len[PLM_EXT_MID], 1);
    assert_memory_equal(e.val[PLM_EXT_MID], "a", 1);
    assert_int_equal(*e.val[PLM_EXT_AUDIO_LEVEL], 0x85);
    assert_ptr_equal(e.val[PLM_EXT_TWCC], copy + 11);
    assert_int_equal(e.len[PLM_EXT_TWCC], 2);
    assert_null(e.val[PLM_EXT_RID]);
    free(copy);
}

static void stops_at_reserved_ids(void **state)
{
    (void)state;
    static const uint8_t id15[] = {0x10, 'a', 0xf3, 0x20, 0x85, 0, 0, 0};
    static const uint8_t id0[] = {0x10, 'a', 0x05, 0x20, 0x85, 0, 0, 0};
    struct plm_rtp_exts e;
    uint8_t *copy;
    assert_int_equal(parse(&e, 0xbede, id15, sizeof id15, &copy), 0);
    assert_non_null(e.val[PLM_EXT_MID]);
    assert_null(e.val[PLM_EXT_AUDIO_LEVEL]);
    assert_null(e.val[PLM_EXT_RID]); /* 15 is an id in the two-byte form only */
    free(copy);
    assert_int_equal(parse(&e, 0xbede, id0, sizeof id0, &copy), 0);
    assert_non_null(e.val[PLM_EXT_MID]);
    assert_null(e.val[PLM_EXT_AUDIO_LEVEL]);
    free(copy);
}

static void reads_two_byte_form(void **state)
{
    (void)state;
    /* RFC 8285 section 4.3, with application bits and an element without octets */
    static const uint8_t body[] = {1, 0, 0, 255, 3, 1, 2, 3, 15, 2, 'h', 'i', 77, 1, 0, 0};
    struct plm_rtp_exts e;
    uint8_t *copy;
    for (uint16_t bits = 0; bits < 16; bits++) {
        assert_int_equal(parse(&e, 0x1000 | bits, body, sizeof body, &copy), 0);
        assert_non_null(e.val[PLM_EXT_MID]);
        assert_int_equal(e.len[PLM_EXT_MID], 0);
        assert_int_equal(e.len[PLM_EXT_ABS_SEND_TIME], 3);
        assert_memory_equal(e.val[PLM_EXT_RID], "hi", 2);
        free(copy);
    }
}

static void ignores_other_profiles(void **state)
{
    (void)state;
    static const uint8_t body[] = {0x10, 'a', 0xff, 0xff};
    struct plm_rtp_exts e = {.len = {[PLM_EXT_MID] = 3}};
    uint8_t *copy;
    assert_int_equal(parse(&e, 0x1100, body, sizeof body, &copy), 0);
    assert_null(e.val[PLM_EXT_MID]);
    assert_int_equal(e.len[PLM_EXT_MID], 0);
    free(copy);
    struct plm_rtp_view none = {0};
    struct plm_ext_map map = map_of();
    assert_int_equal(plm_rtp_exts_parse(&e, &none, &map), 0);
    assert_null(e.val[PLM_EXT_MID]);
}

static void first_of_two_counts(void **state)
{
    (void)state;
    static const uint8_t body[] = {0x10, 'a', 0x10, 'b'};
    struct plm_rtp_exts e;
    uint8_t *copy;
    assert_int_equal(parse(&e, 0xbede, body, sizeof body, &copy), 0);
    assert_int_equal(*e.val[PLM_EXT_MID], 'a');
    free(copy);
}

static void refuses_truncation(void **state)
{
    (void)state;
    static const uint8_t one[] = {0x13, 'a', 'b', 'c', 'd'};
    static const uint8_t two[] = {1, 4, 'a', 'b', 'c', 'd'};
    struct plm_rtp_exts e;
    uint8_t *copy;
    for (size_t len = 1; len < sizeof one; len++) {
        assert_int_equal(parse(&e, 0xbede, one, len, &copy), PLM_EINVAL);
        free(copy);
    }
    for (size_t len = 1; len < sizeof two; len++) {
        assert_int_equal(parse(&e, 0x1000, two, len, &copy), PLM_EINVAL);
        free(copy);
    }
    assert_int_equal(parse(&e, 0xbede, one, 0, &copy), 0);
    free(copy);
}

static void writes_plain_header(void **state)
{
    (void)state;
    struct plm_rtp_fixed f = {.ts = 0x01020304, .ssrc = 0xa0b0c0d0, .seq = 0xfffe, .pt = 111, .marker = true};
    uint8_t buf[PLM_RTP_HEADER];
    static const uint8_t want[] = {0x80, 0xef, 0xff, 0xfe, 1, 2, 3, 4, 0xa0, 0xb0, 0xc0, 0xd0};
    assert_int_equal(plm_rtp_write_header(buf, sizeof buf, &f, NULL, 0, NULL), 12);
    assert_memory_equal(buf, want, sizeof want);
    assert_int_equal(plm_rtp_write_header(buf, 11, &f, NULL, 0, NULL), 0);
    struct plm_ext_out absent = {.id = 0, .len = 3};
    uint16_t at = 9;
    assert_int_equal(plm_rtp_write_header(buf, sizeof buf, &f, &absent, 1, &at), 12);
    assert_int_equal(at, 0);
    f.padding = true;
    assert_int_equal(plm_rtp_write_header(buf, sizeof buf, &f, NULL, 0, NULL), 12);
    assert_int_equal(buf[0], 0xa0);
}

static void chooses_the_form(void **state)
{
    (void)state;
    static const struct {
        struct plm_ext_out e;
        uint16_t profile;
    } cases[] = {
        {{14, 16, NULL}, 0xbede},
        {{1, 1, NULL}, 0xbede},
        {{15, 1, NULL}, 0x1000},
        {{1, 17, NULL}, 0x1000},
        {{1, 0, NULL}, 0x1000},
        {{255, 255, NULL}, 0x1000},
    };
    struct plm_rtp_fixed f = {.pt = 96};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t buf[512];
        size_t n = plm_rtp_write_header(buf, sizeof buf, &f, &cases[i].e, 1, NULL);
        struct plm_rtp_view v;
        assert_true(n > 0);
        assert_int_equal(plm_rtp_parse(&v, buf, n), 0);
        assert_int_equal(v.ext_profile, cases[i].profile);
        assert_int_equal(plm_rtp_write_header(buf, n - 1, &f, &cases[i].e, 1, NULL), 0);
    }
}

/* What was written is read back, at the offsets told, in both forms. */
static void round_trips(void **state)
{
    (void)state;
    uint64_t seed = 42;
    uint8_t values[256];
    for (size_t i = 0; i < sizeof values; i++)
        values[i] = (uint8_t)next_random(&seed);
    for (int round = 0; round < 20000; round++) {
        bool wide = round % 2;
        struct plm_ext_ids ids = {0};
        struct plm_ext_out exts[PLM_EXT_COUNT];
        size_t n = 0;
        for (unsigned e = 1; e < PLM_EXT_COUNT; e++) {
            if (next_random(&seed) % 2)
                continue;
            ids.id[e] = (uint8_t)(wide ? 20 + e * 20 : e);
            exts[n++] = (struct plm_ext_out){.id = ids.id[e],
                .len = (uint8_t)(wide ? next_random(&seed) % 60 : 1 + next_random(&seed) % 16),
                .val = next_random(&seed) % 4 ? values + next_random(&seed) % 100 : NULL};
        }
        uint8_t buf[1024];
        uint16_t at[PLM_EXT_COUNT];
        struct plm_rtp_fixed f = {.seq = (uint16_t)round, .pt = 100};
        size_t len = plm_rtp_write_header(buf, sizeof buf, &f, exts, n, at);
        struct plm_ext_map map;
        struct plm_rtp_view v;
        struct plm_rtp_exts got;
        plm_ext_map_init(&map, &ids);
        uint8_t *copy = exact_copy(buf, len);
        assert_int_equal(plm_rtp_parse(&v, copy, len), 0);
        assert_int_equal(v.payload_len, 0);
        assert_int_equal(plm_rtp_exts_parse(&got, &v, &map), 0);
        for (size_t i = 0; i < n; i++) {
            uint8_t type = map.type_of[exts[i].id];
            static const uint8_t zeros[256];
            assert_ptr_equal(got.val[type], copy + at[i]);
            assert_int_equal(got.len[type], exts[i].len);
            assert_memory_equal(got.val[type], exts[i].val ? exts[i].val : zeros, exts[i].len);
        }
        free(copy);
    }
}

static void reads_and_makes_values(void **state)
{
    (void)state;
    bool voice = false;
    assert_int_equal(plm_audio_level_parse(0xff, &voice), 127);
    assert_true(voice);
    assert_int_equal(plm_audio_level_parse(0x00, &voice), 0);
    assert_false(voice);
    assert_int_equal(plm_abs_send_time(0), 0);
    assert_int_equal(plm_abs_send_time(1000000), 1 << 18);
    assert_int_equal(plm_abs_send_time(500000), 1 << 17);
    assert_int_equal(plm_abs_send_time(64000000), 0); /* 64 s wrap */
    assert_int_equal(
        plm_abs_send_time(UINT64_C(1800000000) * 1000000 + 999999), ((1800000000 % 64) << 18) + 262143);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_one_byte_form),
        cmocka_unit_test(stops_at_reserved_ids),
        cmocka_unit_test(reads_two_byte_form),
        cmocka_unit_test(ignores_other_profiles),
        cmocka_unit_test(first_of_two_counts),
        cmocka_unit_test(refuses_truncation),
        cmocka_unit_test(writes_plain_header),
        cmocka_unit_test(chooses_the_form),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(reads_and_makes_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
