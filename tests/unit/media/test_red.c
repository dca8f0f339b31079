#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "../../fakes/red_reader.h"
#include "exact.h"
#include "red.h"

#define BIT(distance) (1u << (distance))

/** RFC 2198 section 3: F, block PT, timestamp offset of 14 bits, block length of 10 bits; the last header is one octet. */
static void octets_of_the_rfc(void **state)
{
    (void)state;
    const struct plm_red_block blocks[] = {
        {.payload = (const uint8_t *)"abc", .len = 3, .ts_back = 1920},
        {.payload = (const uint8_t *)"de", .len = 2, .ts_back = 960},
    };
    static const uint8_t two[] = {0xef, 0x1e, 0x00, 0x03, /* 1, 111, 1920, 3 */
        0xef, 0x0f, 0x00, 0x02,                           /* 1, 111, 960, 2 */
        0x6f,                                             /* 0, 111 */
        'a', 'b', 'c', 'd', 'e'};
    uint8_t out[64];
    assert_int_equal(plm_red_write(out, sizeof out, 111, blocks, 2), sizeof two);
    assert_memory_equal(out, two, sizeof two);
    assert_int_equal(plm_red_write(out, sizeof two, 111, blocks, 2), sizeof two);
    assert_int_equal(plm_red_write(out, sizeof two - 1, 111, blocks, 2), 0);
    static const uint8_t none[] = {0x6f};
    assert_int_equal(plm_red_write(out, sizeof out, 111, blocks, 0), 1);
    assert_memory_equal(out, none, 1);
}

static void largest_numbers(void **state)
{
    (void)state;
    uint8_t payload[1023] = {7}, out[PLM_RED_MAX_OCTETS];
    struct plm_red_block b = {.payload = payload, .len = 1023, .ts_back = 16383};
    assert_true(plm_red_fits(&b));
    const struct plm_red_block both[] = {b, b};
    assert_int_equal(plm_red_write(out, sizeof out, 0x7f, both, 2), sizeof out);
    static const uint8_t header[] = {0xff, 0xff, 0xff, 0xff};
    assert_memory_equal(out, header, 4);
    b.len = 1024;
    assert_false(plm_red_fits(&b));
    b.len = 1;
    b.ts_back = 16384;
    assert_false(plm_red_fits(&b));
    b.ts_back = 0;
    assert_false(plm_red_fits(&b));
    b.ts_back = 1;
    b.len = 0;
    assert_false(plm_red_fits(&b));
    /* Timestamps that go backwards are a large step on 32 bits. */
    b = (struct plm_red_block){.payload = payload, .len = 1, .ts_back = (uint32_t)-960};
    assert_false(plm_red_fits(&b));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    uint64_t seed = 7;
    uint8_t payload[1500], out[PLM_RED_MAX_OCTETS + 200];
    for (size_t i = 0; i < sizeof payload; i++)
        payload[i] = (uint8_t)next_random(&seed);
    for (int round = 0; round < 20000; round++) {
        struct plm_red_block blocks[PLM_RED_MAX_COPIES];
        size_t n = next_random(&seed) % (PLM_RED_MAX_COPIES + 1);
        for (size_t i = 0; i < n; i++) {
            blocks[i] = (struct plm_red_block){
                .payload = payload + next_random(&seed) % 400,
                .len = (uint16_t)(1 + next_random(&seed) % 1023),
                .ts_back = 1 + next_random(&seed) % 16383,
            };
            assert_true(plm_red_fits(&blocks[i]));
        }
        uint8_t pt = next_random(&seed) & 0x7f;
        size_t own = next_random(&seed) % 200, len = plm_red_write(out, PLM_RED_MAX_OCTETS, pt, blocks, n);
        assert_true(len > 0);
        memcpy(out + len, payload, own);
        uint8_t *packet = exact_copy(out, len + own);
        struct red_read_block read[RED_MAX_BLOCKS];
        assert_int_equal(red_read(packet, len + own, read), n + 1);
        for (size_t i = 0; i < n; i++) {
            assert_int_equal(read[i].pt, pt);
            assert_int_equal(read[i].ts_back, blocks[i].ts_back);
            assert_int_equal(read[i].len, blocks[i].len);
            assert_memory_equal(read[i].payload, blocks[i].payload, blocks[i].len);
        }
        assert_int_equal(read[n].pt, pt);
        assert_int_equal(read[n].len, own);
        assert_memory_equal(read[n].payload, payload, own);
        free(packet);
    }
}

static void copies_follow_loss_and_round_trip(void **state)
{
    (void)state;
    static const struct {
        uint8_t now;
        struct plm_red_line line;
        uint8_t then;
    } rows[] = {
        /* nothing lost, little lost, more lost */
        {0, {0, 50000, 1000000, 40000, false}, 0},
        {0, {2, 50000, 1000000, 40000, false}, 0},
        {0, {5, 50000, 1000000, 40000, false}, BIT(1)},
        {0, {13, 50000, 1000000, 40000, false}, BIT(1) | BIT(2)},
        {0, {128, 50000, 1000000, 40000, false}, BIT(1) | BIT(2)},
        /* what is carried stays for a little less loss */
        {BIT(1), {2, 50000, 1000000, 40000, false}, BIT(1)},
        {BIT(1), {0, 50000, 1000000, 40000, false}, 0},
        {BIT(1) | BIT(2), {9, 50000, 1000000, 40000, false}, BIT(1) | BIT(2)},
        {BIT(1) | BIT(2), {7, 50000, 1000000, 40000, false}, BIT(1)},
        {BIT(1) | BIT(2), {0, 50000, 1000000, 40000, false}, 0},
        /* a long line: further away */
        {0, {5, 200000, 1000000, 40000, false}, BIT(2)},
        {0, {26, 200000, 1000000, 40000, false}, BIT(1) | BIT(3)},
        {0, {26, 0, 1000000, 40000, false}, BIT(1) | BIT(2)},
        /* within three quarters of the estimate */
        {0, {26, 50000, 400000, 100000, false}, BIT(1) | BIT(2)},
        {0, {26, 50000, 399000, 100000, false}, BIT(1)},
        {0, {26, 50000, 267000, 100000, false}, BIT(1)},
        {0, {26, 50000, 266000, 100000, false}, 0},
        {0, {26, 50000, UINT32_MAX, UINT32_MAX / 2, false}, 0},
        /* or of one voice in any case */
        {0, {26, 50000, 50000, 50000, false}, BIT(1) | BIT(2)},
        {0, {26, 50000, 50000, 51000, false}, BIT(1)},
        {0, {26, 50000, 50000, 76000, false}, 0},
        /* nothing known of the line, or it is full */
        {0, {26, 50000, 0, 40000, false}, 0},
        {BIT(1), {26, 50000, 1000000, 40000, true}, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plm_red r = {.distances = rows[i].now};
        plm_red_update(&r, &rows[i].line, 1000000);
        if (r.distances != rows[i].then)
            fail_msg("row %zu: %x", i, r.distances);
    }
}

/** Beyond the estimate copies are a trial: a line that they fill, or that loses more for them, has rest for a minute. */
static void harm_ends_a_trial(void **state)
{
    (void)state;
    static const struct plm_red_line before = {15, 50000, 50000, 45000, false};
    static const struct plm_red_line harmed[] = {
        {36, 50000, 50000, 45000, false},
        {15, 50000, 50000, 45000, true},
    };
    for (size_t i = 0; i < sizeof harmed / sizeof harmed[0]; i++) {
        struct plm_red r = {0};
        uint64_t now = 5000000;
        struct plm_red_line as_before = before;
        plm_red_update(&r, &before, now);
        assert_int_equal(r.distances, BIT(1) | BIT(2));
        as_before.lost_q8 = 35; /* half as much again, and a bit: chance */
        plm_red_update(&r, &as_before, now += 100000);
        assert_int_equal(r.distances, BIT(1) | BIT(2));
        plm_red_update(&r, &harmed[i], now += 100000);
        assert_int_equal(r.distances, 0);
        plm_red_update(&r, &before, now + 59999999);
        assert_int_equal(r.distances, 0);
        /* The next rest is longer. */
        plm_red_update(&r, &before, now += 60000000);
        assert_int_equal(r.distances, BIT(1) | BIT(2));
        plm_red_update(&r, &harmed[i], now);
        plm_red_update(&r, &before, now + 119999999);
        assert_int_equal(r.distances, 0);
        /* Not where the estimate has room for them. */
        struct plm_red_line wide = before;
        wide.estimate_bps = 1000000;
        plm_red_update(&r, &wide, now + 1);
        assert_int_equal(r.distances, BIT(1) | BIT(2));
        wide.lost_q8 = 100;
        plm_red_update(&r, &wide, now + 2);
        assert_int_equal(r.distances, BIT(1) | BIT(2));
        plm_red_update(&r, &before, now + 120000000);
        assert_int_equal(r.distances, BIT(1) | BIT(2));
    }
}

static void copies_are_few_and_near(void **state)
{
    (void)state;
    uint64_t seed = 3;
    struct plm_red r = {0};
    for (int i = 0; i < 100000; i++) {
        struct plm_red_line line = {.lost_q8 = next_random(&seed) % 257,
            .rtt_us = next_random(&seed) % 1000000,
            .estimate_bps = next_random(&seed) % 500000,
            .sound_bps = next_random(&seed) % 200000,
            .full = next_random(&seed) % 8 == 0};
        plm_red_update(&r, &line, (uint64_t)i * 50000);
        assert_true(__builtin_popcount(r.distances) <= PLM_RED_MAX_COPIES);
        assert_true(r.distances < BIT(PLM_RED_MAX_DISTANCE + 1) && !(r.distances & 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_of_the_rfc),
        cmocka_unit_test(largest_numbers),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(copies_follow_loss_and_round_trip),
        cmocka_unit_test(harm_ends_a_trial),
        cmocka_unit_test(copies_are_few_and_near),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
