#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rx_stats.h"

static struct plm_rx_stats s;
static struct plm_rtcp_block block;

static void extends_over_wraps_both_ways(void **state)
{
    (void)state;
    plm_rx_stats_init(&s, 90000);
    assert_int_equal(plm_rx_stats_on_packet(&s, 65534, 0, 100, 0), 65536 + 65534);
    assert_int_equal(plm_rx_stats_on_packet(&s, 1, 0, 100, 0), 2 * 65536 + 1);
    assert_int_equal(plm_rx_stats_on_packet(&s, 65535, 0, 100, 0), 65536 + 65535);
    assert_int_equal(plm_rx_stats_on_packet(&s, 65530, 0, 100, 0), 65536 + 65530); /* before the first */
    plm_rx_stats_block(&s, 77, 0, &block);
    assert_int_equal(block.ssrc, 77);
    assert_int_equal(block.highest_seq, 65536 + 1);
    assert_int_equal(block.total_lost, 8 - 4);

    plm_rx_stats_init(&s, 90000);
    assert_int_equal(plm_rx_stats_on_packet(&s, 0, 0, 100, 0), 65536);
    assert_int_equal(
        plm_rx_stats_on_packet(&s, 65535, 0, 100, 0), 65535); /* older than the first, over the wrap */
}

/** RFC 3550 appendix A.3: fraction of the interval only, total over all; duplicates make it negative. */
static void loss_by_interval(void **state)
{
    (void)state;
    plm_rx_stats_init(&s, 90000);
    plm_rx_stats_block(&s, 1, 0, &block);
    assert_int_equal(block.fraction_lost, 0);
    assert_int_equal(block.highest_seq, 0);
    for (uint16_t i = 0; i < 100; i++) {
        if (i % 4 != 1)
            plm_rx_stats_on_packet(&s, i, 0, 100, 0);
    }
    plm_rx_stats_block(&s, 1, 0, &block);
    assert_int_equal(block.fraction_lost, 64);
    assert_int_equal(block.total_lost, 25);
    for (uint16_t i = 100; i < 200; i++)
        plm_rx_stats_on_packet(&s, i, 0, 100, 0);
    plm_rx_stats_block(&s, 1, 0, &block);
    assert_int_equal(block.fraction_lost, 0);
    assert_int_equal(block.total_lost, 25);
    for (int i = 0; i < 40; i++)
        plm_rx_stats_on_packet(&s, 199, 0, 100, 0);
    plm_rx_stats_block(&s, 1, 0, &block);
    assert_int_equal(block.fraction_lost, 0);
    assert_int_equal(block.total_lost, -15);
    plm_rx_stats_on_packet(&s, 30199, 0, 100, 0);
    plm_rx_stats_block(&s, 1, 0, &block);
    assert_int_equal(block.fraction_lost, 255);
}

static void totals_stay_within_24_bits(void **state)
{
    (void)state;
    plm_rx_stats_init(&s, 90000);
    uint16_t seq = 0;
    for (int i = 0; i < 300; i++)
        plm_rx_stats_on_packet(&s, seq = (uint16_t)(seq + 32000), 0, 100, 0);
    plm_rx_stats_block(&s, 1, 0, &block);
    assert_int_equal(block.total_lost, 0x7fffff);
    plm_rx_stats_init(&s, 90000);
    for (int i = 0; i < 0x800010; i++)
        plm_rx_stats_on_packet(&s, 5, 0, 1, 0);
    plm_rx_stats_block(&s, 1, 0, &block);
    assert_int_equal(block.total_lost, -0x800000);
}

/** RFC 3550 appendix A.8, computed beside it as written there. */
static void jitter_as_in_the_rfc(void **state)
{
    (void)state;
    plm_rx_stats_init(&s, 8000);
    uint32_t transit = 0, jitter = 0, ts = UINT32_MAX - 50000;
    srand(11);
    for (int i = 0; i < 2000; i++) {
        /* Arrivals on whole ticks (125 us), so that both compute with the same numbers. */
        uint64_t arrival_ticks = 100000 + (uint64_t)i * 160 + (uint64_t)(rand() % 80);
        uint32_t now_transit = (uint32_t)arrival_ticks - ts;
        int d = (int)(now_transit - transit);
        transit = now_transit;
        if (d < 0)
            d = -d;
        if (i)
            jitter += (uint32_t)d - ((jitter + 8) >> 4);
        plm_rx_stats_on_packet(&s, (uint16_t)i, ts, 100, arrival_ticks * 125);
        ts += 160;
        plm_rx_stats_block(&s, 1, arrival_ticks * 125, &block);
        assert_int_equal(block.jitter, jitter >> 4);
    }
    assert_in_range(block.jitter, 15, 40);
    assert_int_equal(plm_rx_stats_jitter_us(&s), block.jitter * 125);
    /* The source's timestamps jump by a minute: that is not jitter. */
    plm_rx_stats_on_packet(&s, 2000, ts + 480000, 100, (100000 + 2000 * 160) * 125);
    plm_rx_stats_block(&s, 1, 0, &block);
    assert_int_equal(block.jitter, jitter >> 4);
}

static void echoes_the_last_sender_report(void **state)
{
    (void)state;
    plm_rx_stats_init(&s, 8000);
    plm_rx_stats_block(&s, 1, 9000000, &block);
    assert_int_equal(block.lsr, 0);
    assert_int_equal(block.dlsr, 0);
    plm_rx_stats_on_sr(&s, UINT64_C(0x1122334455667788), 1000000);
    plm_rx_stats_block(&s, 1, 2500000, &block);
    assert_int_equal(block.lsr, 0x33445566);
    assert_int_equal(block.dlsr, 98304);
    plm_rx_stats_block(&s, 1, UINT64_C(100000000000), &block);
    assert_int_equal(block.dlsr, UINT32_MAX);
}

static void bitrate_over_the_last_second(void **state)
{
    (void)state;
    plm_rx_stats_init(&s, 90000);
    assert_int_equal(plm_rx_stats_bitrate(&s, 0), 0);
    uint64_t now = 123456;
    for (int i = 0; i < 500; i++, now += 10000) /* 1000 octets each 10 ms: 800 kbit/s */
        plm_rx_stats_on_packet(&s, (uint16_t)i, 0, 1000, now);
    assert_in_range(plm_rx_stats_bitrate(&s, now), 780000, 820000);
    assert_in_range(plm_rx_stats_bitrate(&s, now + 500000), 330000, 480000);
    assert_int_equal(plm_rx_stats_bitrate(&s, now + 1100000), 0);
    plm_rx_stats_on_packet(&s, 500, 0, 1000, now + UINT64_C(3600000000));
    assert_in_range(plm_rx_stats_bitrate(&s, now + UINT64_C(3600000000)), 7000, 9000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(extends_over_wraps_both_ways),
        cmocka_unit_test(loss_by_interval),
        cmocka_unit_test(totals_stay_within_24_bits),
        cmocka_unit_test(jitter_as_in_the_rfc),
        cmocka_unit_test(echoes_the_last_sender_report),
        cmocka_unit_test(bitrate_over_the_last_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
