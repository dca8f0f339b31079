#include "rtp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "exact.h"

static int parse(struct plm_rtp_view *v, const void *data, size_t len)
{
    uint8_t *copy = exact_copy(data, len);
    int rc = plm_rtp_parse(v, copy, len);
    free(copy);
    return rc;
}

/* RFC 3550 section 5.1: every field of the fixed header, two CSRCs, an extension of one word, padding of three */
static const uint8_t full[] = {0xb2, 0xe0, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 0, 0, 0, 1, 0, 0,
    0, 2, 0xbe, 0xde, 0, 1, 0x10, 0xaa, 0, 0, 'p', 'a', 'y', 0, 0, 3};

static void reads_every_field(void **state)
{
    (void)state;
    struct plm_rtp_view v;
    assert_int_equal(plm_rtp_parse(&v, full, sizeof full), 0);
    assert_ptr_equal(v.data, full);
    assert_int_equal(v.len, sizeof full);
    assert_int_equal(v.pt, 96);
    assert_true(v.marker);
    assert_int_equal(v.seq, 0x1234);
    assert_int_equal(v.ts, 0xdeadbeef);
    assert_int_equal(v.ssrc, 0x01020304);
    assert_int_equal(v.n_csrc, 2);
    assert_int_equal(v.ext_profile, 0xbede);
    assert_int_equal(v.ext_len, 4);
    assert_ptr_equal(v.ext, full + 24);
    assert_int_equal(v.padding, 3);
    assert_int_equal(v.payload_len, 3);
    assert_memory_equal(v.payload, "pay", 3);
}

static void refuses_every_truncation(void **state)
{
    (void)state;
    uint8_t plain[sizeof full];
    memcpy(plain, full, sizeof full);
    plain[0] &= (uint8_t)~0x20; /* without padding any length from the payload on is a packet */
    for (size_t len = 0; len < 28; len++) {
        struct plm_rtp_view v = {.pt = 55};
        assert_int_equal(parse(&v, plain, len), PLM_EINVAL);
        assert_int_equal(v.pt, 55);
    }
    for (size_t len = 28; len <= sizeof full; len++) {
        struct plm_rtp_view v;
        assert_int_equal(parse(&v, plain, len), 0);
        assert_int_equal(v.payload_len, len - 28);
    }
}

static void refuses_malformed(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[16];
        size_t len;
    } bad[] = {
        {{0x40, 96, 0, 1}, 12}, /* version 1 */
        {{0xc0, 96, 0, 1}, 12}, /* version 3 */
        {{0x81, 96, 0, 1}, 12}, /* one CSRC, no room */
        {{0x8f, 96, 0, 1}, 16}, /* fifteen CSRCs */
        {{0x90, 96, 0, 1}, 12}, /* extension without header */
        {{0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 0, 1},
            16}, /* extension longer than the packet */
        {{0x90, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0xbe, 0xde, 255, 255}, 16},
        {{0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}, 12},       /* padding of nothing */
        {{0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 13},    /* padding count 0 */
        {{0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3}, 14}, /* padding longer than the payload */
        {{0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255}, 15},
    };
    struct plm_rtp_view v;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse(&v, bad[i].data, bad[i].len), PLM_EINVAL);
    uint8_t *large = calloc(1, UINT16_MAX + 1);
    large[0] = 0x80;
    assert_int_equal(plm_rtp_parse(&v, large, UINT16_MAX + 1), PLM_EINVAL);
    assert_int_equal(plm_rtp_parse(&v, large, UINT16_MAX), 0);
    free(large);
}

static void takes_padding_only(void **state)
{
    (void)state;
    static const uint8_t probe[] = {0xa0, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 4};
    struct plm_rtp_view v;
    assert_int_equal(parse(&v, probe, sizeof probe), 0);
    assert_int_equal(v.payload_len, 0);
    assert_int_equal(v.padding, 4);
    assert_null(v.ext);
}

static void extends_sequence_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t last;
        uint16_t seq;
        uint64_t want;
    } cases[] = {
        {0, 0, 0},
        {0, 1, 1},
        {0x1ffff, 0, 0x20000},      /* wrap forward */
        {0x20000, 0xffff, 0x1ffff}, /* and back */
        {0x20005, 0xfff0, 0x1fff0},
        {100, 65500, 65500}, /* there is nothing below zero: forward */
        {5, 0, 0},
        {0x10000, 0x7fff, 0x17fff},
        {0x10000, 0x8001, 0x8001},
        {UINT64_C(0xffffffffffff0000), 1, UINT64_C(0xffffffffffff0001)},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_true(plm_seq_extend(cases[i].last, cases[i].seq) == cases[i].want);
}

static void extends_over_many_wraps(void **state)
{
    (void)state;
    uint64_t seed = 7, truth = 1000, known = 1000, ts = 0, ts_known = 0;
    for (int i = 0; i < 100000; i++) {
        int32_t step = (int32_t)(next_random(&seed) % 3000) - 900;
        truth = truth + (uint64_t)(int64_t)step < 1 || (step < 0 && truth < 1000)
                    ? truth + 1
                    : truth + (uint64_t)(int64_t)step;
        known = plm_seq_extend(known, (uint16_t)truth);
        assert_true(known == truth);
        ts += next_random(&seed) % 90000000;
        ts_known = plm_ts_extend(ts_known, (uint32_t)ts);
        assert_true(ts_known == ts);
    }
    assert_true(known > 10 * 65536);
    assert_true(plm_ts_extend(UINT64_C(0x200000000), 0xfffffff0) == UINT64_C(0x1fffffff0));
    assert_true(plm_ts_extend(3, 0xfffffff0) == 0xfffffff0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_field),
        cmocka_unit_test(refuses_every_truncation),
        cmocka_unit_test(refuses_malformed),
        cmocka_unit_test(takes_padding_only),
        cmocka_unit_test(extends_sequence_numbers),
        cmocka_unit_test(extends_over_many_wraps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
