#include "base/ntp_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define UNIX_US UINT64_C(1790000000000000) /* some day of 2026 */

static void ntp_and_back(void **state)
{
    (void)state;
    /* RFC 5905 figure 4: the Unix epoch is second 2208988800 of era 0. */
    assert_true(plm_ntp_from_us(0) == UINT64_C(2208988800) << 32);
    assert_true(plm_ntp_from_us(500000) == (UINT64_C(2208988800) << 32 | 0x80000000u));
    for (uint64_t us = UNIX_US; us < UNIX_US + 3000000; us += 977)
        assert_true(plm_ntp_to_us(plm_ntp_from_us(us)) == us);
}

static void arrival_anchors_and_the_earliest_wins(void **state)
{
    (void)state;
    struct plm_ntp_map m;
    plm_ntp_map_init(&m, 90000);
    uint64_t ts = UINT32_MAX - 90000u; /* extended timestamps go on over 2^32 */
    srand(3);
    /* 30 fps with up to 40 ms of queueing; every 20th frame without any. */
    for (unsigned i = 0; i < 600; i++) {
        uint64_t captured = 1000000 + i * 33333;
        plm_ntp_map_on_packet(&m, ts + i * 3000, captured + (i % 20 == 7 ? 0 : (unsigned)rand() % 40000));
    }
    int64_t err = plm_ntp_map_us(&m, ts + 600 * 3000) - (1000000 + 600 * 33333);
    assert_in_range(err + 1000, 0, 3000);
    assert_false(m.by_report);
}

/** Without reports a slow source's line must not stay behind for good, nor a fast one's run ahead. */
static void arrival_follows_drift(void **state)
{
    (void)state;
    for (int ppm = -200; ppm <= 200; ppm += 100) {
        struct plm_ntp_map m;
        plm_ntp_map_init(&m, 48000);
        uint64_t now = 0;
        for (uint64_t i = 0; i < 30000; i++) { /* ten minutes of 20 ms */
            now = i * 20000 + (uint64_t)((int64_t)(i * 20000) * ppm / 1000000);
            plm_ntp_map_on_packet(&m, i * 960, now);
        }
        int64_t err = plm_ntp_map_us(&m, 29999 * 960) - (int64_t)now;
        assert_in_range(err + 2000, 0, 4000);
    }
}

static void a_jump_of_the_source_anchors_anew(void **state)
{
    (void)state;
    struct plm_ntp_map m;
    plm_ntp_map_init(&m, 90000);
    plm_ntp_map_on_packet(&m, 90000, 1000000);
    plm_ntp_map_on_packet(&m, 90000 + 3000, 61000000); /* a pause that the timestamps do not know of */
    assert_int_equal(plm_ntp_map_us(&m, 93000), 61000000);
    plm_ntp_map_on_packet(&m, UINT64_C(1) << 33, 61033000);
    assert_int_equal(plm_ntp_map_us(&m, UINT64_C(1) << 33), 61033000);
}

static void reports_slew_and_jump(void **state)
{
    (void)state;
    struct plm_ntp_map m;
    plm_ntp_map_init(&m, 90000);
    int64_t offset = -(int64_t)UNIX_US;
    plm_ntp_map_on_packet(&m, 0, 50000);
    plm_ntp_map_on_report(&m, plm_ntp_from_us(UNIX_US + 20000), 0, offset); /* the first is taken as it is */
    assert_true(m.by_report);
    assert_int_equal(plm_ntp_map_us(&m, 0), 20000);
    assert_int_equal(plm_ntp_map_us(&m, 90000), 1020000);
    plm_ntp_map_on_packet(&m, 90000, 900000); /* arrival says nothing more */
    assert_int_equal(plm_ntp_map_us(&m, 90000), 1020000);
    plm_ntp_map_on_report(&m, plm_ntp_from_us(UNIX_US + 1060000), 90000, offset); /* 40 ms off: by 5 */
    assert_int_equal(plm_ntp_map_us(&m, 90000), 1025000);
    plm_ntp_map_on_report(&m, plm_ntp_from_us(UNIX_US + 1985000), 180000, offset); /* -40 ms */
    assert_int_equal(plm_ntp_map_us(&m, 180000), 2020000);
    plm_ntp_map_on_report(&m, plm_ntp_from_us(UNIX_US + 3101000), 270000, offset); /* 81 ms: at once */
    assert_int_equal(plm_ntp_map_us(&m, 270000), 3101000);
    plm_ntp_map_on_report(&m, 0, 270000, offset); /* RFC 3550 section 6.4.1: no wall clock */
    assert_int_equal(plm_ntp_map_us(&m, 270000), 3101000);
}

/** A clock that is off by 200 ppm, reports each second with offsets that jitter: the line stays within two milliseconds. */
static void reports_follow_drift(void **state)
{
    (void)state;
    for (int ppm = -200; ppm <= 200; ppm += 400) {
        struct plm_ntp_map m;
        struct plm_ntp_offset o = {0};
        plm_ntp_map_init(&m, 90000);
        srand(5);
        for (uint64_t s = 1; s <= 600; s++) {
            uint64_t ours = s * 1000000;
            uint64_t theirs = UNIX_US + ours + (uint64_t)((int64_t)ours * ppm / 1000000);
            plm_ntp_offset_on_report(
                &o, plm_ntp_from_us(theirs), ours + (s % 4 ? (unsigned)rand() % 30000 : 0));
            plm_ntp_map_on_report(&m, plm_ntp_from_us(theirs), s * 90000, o.offset_us);
            if (s > 8) {
                int64_t err = plm_ntp_map_us(&m, s * 90000) - (int64_t)ours;
                assert_in_range(err + 2500, 0, 5000);
            }
        }
    }
}

/** The sound of a busy sender, whose clock stands still for 2 ms in each second, and reports each 5 s: the line is never left behind. */
static void seldom_reports_are_followed(void **state)
{
    (void)state;
    struct plm_ntp_map m;
    int64_t offset = -(int64_t)UNIX_US;
    plm_ntp_map_init(&m, 48000);
    for (uint64_t s = 0; s <= 300; s++) {
        uint64_t ours = 1000000 + s * 1002000;
        if (s > 5) {
            int64_t err = plm_ntp_map_us(&m, s * 48000) - (int64_t)ours;
            assert_in_range(err + 10000, 0, 10000);
        }
        if (s % 5 == 0)
            plm_ntp_map_on_report(&m, plm_ntp_from_us(UNIX_US + ours), s * 48000, offset);
    }
}

static void ts_is_the_inverse(void **state)
{
    (void)state;
    static const uint32_t rates[] = {8000, 48000, 90000};
    for (int r = 0; r < 3; r++) {
        struct plm_ntp_map m;
        plm_ntp_map_init(&m, rates[r]);
        uint64_t ts0 = UINT64_C(1) << 32;
        plm_ntp_map_on_packet(&m, ts0, 5000000);
        for (int64_t d = -4000; d < 4000; d++) {
            uint64_t ts = ts0 + (uint64_t)(d * 123457);
            int64_t back = (int64_t)(plm_ntp_map_ts(&m, plm_ntp_map_us(&m, ts)) - ts);
            assert_in_range(back + 1, 0, 2);
        }
        /* Years away, without overflow. */
        uint64_t far = ts0 + (uint64_t)rates[r] * 86400 * 3650;
        assert_int_equal(plm_ntp_map_us(&m, far), 5000000 + INT64_C(86400000000) * 3650);
    }
    struct plm_ntp_map m;
    plm_ntp_map_init(&m, 0);
    assert_int_equal(m.clock_rate, 90000);
}

static void offset_is_the_smallest_of_late(void **state)
{
    (void)state;
    struct plm_ntp_offset o = {0};
    plm_ntp_offset_on_report(&o, 0, 5);
    assert_false(o.any);
    static const int queued[] = {30000, 5000, 20000, 40000, 9000, 30000, 30000, 30000, 30000, 30000};
    static const int expect[] = {30000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 5000, 9000};
    for (unsigned i = 0; i < 10; i++) {
        plm_ntp_offset_on_report(
            &o, plm_ntp_from_us(UNIX_US + i * 1000000), i * 1000000 + (unsigned)queued[i]);
        assert_true(o.offset_us == expect[i] - (int64_t)UNIX_US);
    }
    /* The sender's clock is set by an hour: at once. */
    plm_ntp_offset_on_report(&o, plm_ntp_from_us(UNIX_US - UINT64_C(3600000000)), 0);
    assert_true(o.offset_us == INT64_C(3600000000) - (int64_t)UNIX_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ntp_and_back),
        cmocka_unit_test(arrival_anchors_and_the_earliest_wins),
        cmocka_unit_test(arrival_follows_drift),
        cmocka_unit_test(a_jump_of_the_source_anchors_anew),
        cmocka_unit_test(reports_slew_and_jump),
        cmocka_unit_test(seldom_reports_are_followed),
        cmocka_unit_test(reports_follow_drift),
        cmocka_unit_test(ts_is_the_inverse),
        cmocka_unit_test(offset_is_the_smallest_of_late),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
