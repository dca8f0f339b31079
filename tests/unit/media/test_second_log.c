#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "second_log.h"

static void a_slot_is_told_in_seconds(void **state)
{
    (void)state;
    struct plm_slot_log log = {0};
    struct plm_slot_second out[PLM_STATS_SECONDS];
    assert_int_equal(plm_slot_log_read(&log, out), 0);
    for (unsigned i = 1; i <= PLM_STATS_SECONDS + 3; i++) {
        struct plm_slot_second gauges = {.end_us = i * 1000000,
            .estimate_bps = i * 1000,
            .encoding = (uint8_t)(i % 3),
            .state = PLM_SLOT_FORWARDING};
        struct plm_slot_totals totals = {.packets = i * 100,
            .octets = i * 100000,
            .lost = i * i,
            .repeated = i * i / 2,
            .keyframes_asked = i / 4,
            .switches = i / 5};
        plm_slot_log_note(&log, &gauges, &totals);
        assert_int_equal(plm_slot_log_read(&log, out), i < PLM_STATS_SECONDS ? i : PLM_STATS_SECONDS);
    }
    for (unsigned i = 0; i < PLM_STATS_SECONDS; i++) {
        unsigned second = 4 + i;
        assert_int_equal(out[i].end_us, second * 1000000);
        assert_int_equal(out[i].estimate_bps, second * 1000);
        assert_int_equal(out[i].encoding, second % 3);
        assert_int_equal(out[i].packets, 100);
        assert_int_equal(out[i].octets, 100000);
        assert_int_equal(out[i].lost, second * second - (second - 1) * (second - 1));
        assert_int_equal(out[i].keyframes_asked, second % 4 == 0);
        assert_int_equal(out[i].switches, second % 5 == 0);
    }
}

static void note(struct plm_encoding_log *log, uint64_t end_us, const struct plm_encoding_totals *totals)
{
    const struct plm_encoding_gauges gauges = {
        .end_us = end_us, .frames = 30, .gap_us = 133700, .step_us = 33399, .held_ms = 120};
    plm_encoding_log_note(log, &gauges, totals);
}

static void an_encoding_is_told_in_seconds(void **state)
{
    (void)state;
    struct plm_encoding_log log = {0};
    struct plm_encoding_second out[PLM_STATS_SECONDS];
    struct plm_encoding_totals totals = {
        .packets = 90, .octets = 9000, .lost = 10, .keyframes = 1, .asked = 1};
    note(&log, 1000000, &totals);
    totals.packets += 102;
    totals.lost -= 2; /* they were only late */
    totals.recovered = 8;
    note(&log, 2000000, &totals);
    totals.packets += 100000; /* more than a field holds */
    note(&log, 3000000, &totals);
    totals = (struct plm_encoding_totals){.packets = 5, .octets = 500}; /* another stream */
    note(&log, 4000000, &totals);
    totals.packets = 6;
    note(&log, 5000000, &totals);
    assert_int_equal(plm_encoding_log_read(&log, out), 5);
    assert_int_equal(out[0].lost, 10);
    assert_int_equal(out[0].keyframes, 1);
    assert_int_equal(out[1].packets, 102);
    assert_int_equal(out[1].lost, 0);
    assert_int_equal(out[1].recovered, 8);
    assert_int_equal(out[2].packets, UINT16_MAX);
    assert_int_equal(out[3].packets, 0);
    assert_int_equal(out[4].packets, 1);
    assert_int_equal(out[4].end_us, 5000000);
    assert_int_equal(out[4].frames, 30);
    assert_int_equal(out[4].gap_ms, 133);
    assert_int_equal(out[4].step_ms, 33);
    assert_int_equal(out[4].held_ms, 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_slot_is_told_in_seconds),
        cmocka_unit_test(an_encoding_is_told_in_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
