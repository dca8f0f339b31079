#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "delay_trend.h"

#define FRAME_US 33333

static struct plm_delay_trend t;
static uint64_t now;
static double queue_us; /* in front of the line */

/** Frames of five packets, each of which waits for those before it. @param load what is sent, of what the line carries @return groups until a verdict, 0: none */
static unsigned send(unsigned frames, double load, unsigned jitter_us, enum plm_line_use wanted)
{
    for (unsigned i = 1; i <= frames; i++) {
        for (unsigned k = 0; k < 5; k++) {
            queue_us += FRAME_US * load / 5;
            int64_t late = jitter_us ? (int64_t)((unsigned)rand() % jitter_us) : 0;
            plm_delay_trend_on_packet(&t, now, (int64_t)now + 20000 + (int64_t)queue_us + late);
        }
        now += FRAME_US;
        queue_us = queue_us > FRAME_US ? queue_us - FRAME_US : 0;
        if (wanted != PLM_LINE_NORMAL && t.use == wanted)
            return i;
        if (wanted == PLM_LINE_NORMAL)
            assert_int_equal(t.use, PLM_LINE_NORMAL);
    }
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    plm_delay_trend_init(&t);
    now = 1000000;
    queue_us = 0;
    srand(7);
    return 0;
}

static void a_line_that_carries_it_is_normal(void **state)
{
    (void)state;
    send(3000, 0.6, 0, PLM_LINE_NORMAL);
    send(3000, 0.6, 3000, PLM_LINE_NORMAL);
}

static void a_growing_queue_is_seen_soon(void **state)
{
    (void)state;
    send(60, 0.5, 1000, PLM_LINE_NORMAL);
    assert_in_range(send(30, 1.5, 1000, PLM_LINE_OVER), 2, 12); /* at most 0.4 s */
}

static void an_emptying_queue_is_no_reason_to_send_less(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_LINE_NORMAL);
    send(30, 1.5, 0, PLM_LINE_OVER);
    send(20, 2, 0, PLM_LINE_OVER);
    assert_true(send(30, 0.2, 0, PLM_LINE_UNDER) > 0);
}

/* The clocks of both ends differ in origin and speed; a route may take longer from one moment on. */
static void clocks_do_not_matter(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++, now += FRAME_US) {
        int64_t arrival = -5000000000 + (int64_t)(now + now / 5000); /* 200 ppm */
        plm_delay_trend_on_packet(&t, now, arrival);
        assert_int_equal(t.use, PLM_LINE_NORMAL);
    }
}

static void a_set_clock_and_a_silence_begin_anew(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_LINE_NORMAL);
    for (unsigned i = 0; i < 60; i++, now += FRAME_US) {
        plm_delay_trend_on_packet(&t, now, (int64_t)now + 3600000000);
        assert_int_equal(t.use, PLM_LINE_NORMAL);
    }
    now += 60000000;
    for (unsigned i = 0; i < 60; i++, now += FRAME_US)
        plm_delay_trend_on_packet(&t, now, (int64_t)now + 3600000000);
    assert_int_equal(t.use, PLM_LINE_NORMAL);
}

static void late_packets_and_skips_teach_nothing(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_LINE_NORMAL);
    for (unsigned i = 0; i < 200; i++) {
        plm_delay_trend_on_packet(&t, now - 1000000, (int64_t)now + 900000);
        plm_delay_trend_skip(&t);
        send(1, 0.5, 0, PLM_LINE_NORMAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_that_carries_it_is_normal, set_up),
        cmocka_unit_test_setup(a_growing_queue_is_seen_soon, set_up),
        cmocka_unit_test_setup(an_emptying_queue_is_no_reason_to_send_less, set_up),
        cmocka_unit_test_setup(clocks_do_not_matter, set_up),
        cmocka_unit_test_setup(a_set_clock_and_a_silence_begin_anew, set_up),
        cmocka_unit_test_setup(late_packets_and_skips_teach_nothing, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
