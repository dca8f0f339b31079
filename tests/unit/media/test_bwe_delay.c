#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bwe_delay.h"

#define FRAME_US 33333

static struct plm_bwe_delay t;
static uint64_t now;
static double queue_us; /* in front of the line */

/** Frames of five packets, each of which waits for those before it. @param load what is sent, of what the line carries @return groups until a verdict, 0: none */
static unsigned send(unsigned frames, double load, unsigned jitter_us, enum plm_bwe_usage wanted)
{
    for (unsigned i = 1; i <= frames; i++) {
        for (unsigned k = 0; k < 5; k++) {
            queue_us += FRAME_US * load / 5;
            int64_t late = jitter_us ? (int64_t)((unsigned)rand() % jitter_us) : 0;
            plm_bwe_delay_add(&t, 1200, (int64_t)now, (int64_t)now + 20000 + (int64_t)queue_us + late);
        }
        now += FRAME_US;
        queue_us = queue_us > FRAME_US ? queue_us - FRAME_US : 0;
        if (wanted != PLM_BWE_NORMAL && plm_bwe_delay_usage(&t) == wanted)
            return i;
        if (wanted == PLM_BWE_NORMAL)
            assert_int_equal(plm_bwe_delay_usage(&t), PLM_BWE_NORMAL);
    }
    return 0;
}

static int set_up(void **state)
{
    (void)state;
    memset(&t, 0, sizeof t);
    now = 1000000;
    queue_us = 0;
    srand(7);
    return 0;
}

static void a_line_that_carries_it_is_normal(void **state)
{
    (void)state;
    send(3000, 0.6, 0, PLM_BWE_NORMAL);
    send(3000, 0.6, 3000, PLM_BWE_NORMAL);
}

static void a_growing_queue_is_seen_soon(void **state)
{
    (void)state;
    send(60, 0.5, 1000, PLM_BWE_NORMAL);
    assert_in_range(send(30, 1.5, 1000, PLM_BWE_OVER), 2, 12); /* at most 0.4 s */
}

static void an_emptying_queue_is_no_reason_to_send_less(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_BWE_NORMAL);
    send(30, 1.5, 0, PLM_BWE_OVER);
    send(20, 2, 0, PLM_BWE_OVER);
    assert_true(send(30, 0.2, 0, PLM_BWE_UNDER) > 0);
}

/* The clocks of both ends differ in origin and speed; a route may take longer from one moment on. */
static void clocks_do_not_matter(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3000; i++, now += FRAME_US) {
        int64_t arrival = -5000000000 + (int64_t)(now + now / 5000); /* 200 ppm */
        plm_bwe_delay_add(&t, 1200, (int64_t)now, arrival);
        assert_int_equal(plm_bwe_delay_usage(&t), PLM_BWE_NORMAL);
    }
}

static void a_set_clock_and_a_silence_begin_anew(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_BWE_NORMAL);
    for (unsigned i = 0; i < 60; i++, now += FRAME_US) {
        plm_bwe_delay_add(&t, 1200, (int64_t)now, (int64_t)now + 3600000000);
        assert_int_equal(plm_bwe_delay_usage(&t), PLM_BWE_NORMAL);
    }
    now += 60000000;
    for (unsigned i = 0; i < 60; i++, now += FRAME_US)
        plm_bwe_delay_add(&t, 1200, (int64_t)now, (int64_t)now + 3600000000);
    assert_int_equal(plm_bwe_delay_usage(&t), PLM_BWE_NORMAL);
}

static void late_packets_teach_nothing(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_BWE_NORMAL);
    for (unsigned i = 0; i < 200; i++) {
        plm_bwe_delay_add(&t, 1200, (int64_t)now - 1000000, (int64_t)now + 900000);
        send(1, 0.5, 0, PLM_BWE_NORMAL);
    }
}

/* The first frame that a line holds up tells what it lets through; what was held up elsewhere and comes at once does not. */
static void a_narrow_line_shows_in_its_first_frame(void **state)
{
    (void)state;
    send(60, 0.5, 1000, PLM_BWE_NORMAL);
    plm_bwe_delay_begin_feedback(&t, 0);
    for (int i = 0; i < 10; i++) /* 1200 octets each 10 ms */
        plm_bwe_delay_add(&t, 1200, (int64_t)now, (int64_t)now + 30000 + i * 10000);
    assert_in_range(plm_bwe_delay_narrow(&t), 900000, 1100000);
    assert_in_range(plm_bwe_delay_last_wait(&t), 80000, 110000);
    now += 300000;
    plm_bwe_delay_begin_feedback(&t, 0);
    for (int i = 0; i < 10; i++)
        plm_bwe_delay_add(&t, 1200, (int64_t)now + i * 10000, (int64_t)now + 150000);
    assert_int_equal(plm_bwe_delay_narrow(&t), 0);
}

/* A burst of five at 4 Mbit/s in each. */
static void calm_feedbacks(unsigned n)
{
    for (unsigned i = 0; i < n; i++, now += 50000) {
        plm_bwe_delay_begin_feedback(&t, 1500000);
        for (int k = 0; k < 5; k++)
            plm_bwe_delay_add(&t, 1200, (int64_t)now, (int64_t)now + k * 2400);
        plm_bwe_delay_end_feedback(&t);
    }
}

static uint64_t hint_of(const int *waits_ms, unsigned n, int lost_after, int sent_apart_us)
{
    plm_bwe_delay_begin_feedback(&t, 1500000);
    for (unsigned i = 0; i < n; i++) {
        int64_t sent = (int64_t)now + (int64_t)i * sent_apart_us;
        plm_bwe_delay_add(&t, 1200, sent, sent + waits_ms[i] * 1000);
        if ((int)i == lost_after)
            plm_bwe_delay_on_lost(&t);
    }
    plm_bwe_delay_end_feedback(&t);
    now += 50000;
    return plm_bwe_delay_hint(&t);
}

/* Of a line that carried 4 Mbit/s three packets say that it carries one. */
static void little_of_a_line_shows_in_three_packets(void **state)
{
    (void)state;
    static const int even[] = {20, 29, 38}, leap[] = {20, 37, 38}, comes_and_goes[] = {20, 29, 38, 12};
    calm_feedbacks(100);
    assert_int_equal(hint_of(leap, 3, -1, 0), 0);
    calm_feedbacks(100);
    assert_int_equal(hint_of(even, 3, 1, 0), 0); /* who knows how long the lost one took */
    calm_feedbacks(100);
    assert_int_equal(hint_of(even, 3, -1, 20000), 0); /* sent one by one: no queue's rate */
    calm_feedbacks(100);
    assert_in_range(hint_of(even, 3, -1, 0), 1000000, 1100000);
    calm_feedbacks(30);
    assert_int_equal(hint_of(even, 3, -1, 0), 0); /* it has been said */
    calm_feedbacks(100);
    assert_int_equal(hint_of(comes_and_goes, 4, -1, 0), 0);
    calm_feedbacks(30);
    assert_int_equal(hint_of(even, 3, -1, 0), 0); /* this line does so now and then */
    calm_feedbacks(100);
    assert_in_range(hint_of(even, 3, -1, 0), 1000000, 1100000);
}

/* A wait that stays, however little is sent, is the way itself: after some tries it is no queue any more. */
static void a_longer_way_is_no_queue(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_BWE_NORMAL);
    unsigned over = 0;
    for (unsigned i = 0; i < 300; i++, now += FRAME_US) {
        plm_bwe_delay_begin_feedback(&t, 0);
        for (int k = 0; k < 4; k++)
            plm_bwe_delay_add(&t, 100, (int64_t)now, (int64_t)now + 120000);
        plm_bwe_delay_end_feedback(&t);
        over += plm_bwe_delay_usage(&t) == PLM_BWE_OVER;
    }
    assert_in_range(over, 1, 40);
    assert_true(plm_bwe_delay_usage(&t) == PLM_BWE_NORMAL && plm_bwe_delay_wait(&t) < 10000);
}

/** A queue that stood from the first was taken for the way: that it is gone is told once, and no unrest is taken for it. */
static void a_way_that_became_shorter_is_told(void **state)
{
    (void)state;
    static const int64_t way_us[] = {120000, 120000, 105000, 118000, 94000, 25000, 20000, 10000, 4000};
    for (unsigned i = 0; i < sizeof way_us / sizeof *way_us; i++) {
        plm_bwe_delay_begin_feedback(&t, 0);
        for (unsigned k = 0; k < 10; k++, now += 10000)
            plm_bwe_delay_add(&t, 1200, (int64_t)now, (int64_t)now + way_us[i]);
        plm_bwe_delay_end_feedback(&t);
        assert_int_equal(plm_bwe_delay_became_shorter(&t), i == 4 || i == 5 || i == 8); /* slowly, too */
    }
}

/* What a line or a machine held up comes faster than it was sent, and the climb in the midst of it is none of a narrow line's. */
static void what_is_let_go_is_told_apart(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_BWE_NORMAL);
    plm_bwe_delay_end_feedback(&t);
    plm_bwe_delay_begin_feedback(&t, 0);
    for (int i = 0; i < 40; i++)
        plm_bwe_delay_add(&t, 1200, (int64_t)now + i * 10000, (int64_t)now + 420000 + i * 1000);
    assert_int_equal(plm_bwe_delay_narrow(&t), 0);
    plm_bwe_delay_end_feedback(&t);
    assert_true(plm_bwe_delay_was_let_go(&t));
    assert_true(plm_bwe_delay_least_wait(&t) > 40000);
    /* What comes as slowly as a line carries it does not. */
    now += 1000000;
    plm_bwe_delay_begin_feedback(&t, 0);
    for (int i = 0; i < 10; i++)
        plm_bwe_delay_add(&t, 1200, (int64_t)now + i * 10000, (int64_t)now + 100000 + i * 20000);
    assert_true(plm_bwe_delay_narrow(&t) > 0);
    plm_bwe_delay_end_feedback(&t);
    assert_false(plm_bwe_delay_was_let_go(&t));
    assert_true(plm_bwe_delay_narrow(&t) > 0);
}

static void a_climb_that_is_over_is_no_narrow_line(void **state)
{
    (void)state;
    send(60, 0.5, 0, PLM_BWE_NORMAL);
    plm_bwe_delay_end_feedback(&t);
    plm_bwe_delay_begin_feedback(&t, 0);
    for (int i = 0; i < 10; i++)
        plm_bwe_delay_add(&t, 1200, (int64_t)now + i * 10000, (int64_t)now + 100000 + i * 20000);
    plm_bwe_delay_add(&t, 1200, (int64_t)now + 280000, (int64_t)now + 304000);
    assert_true(plm_bwe_delay_narrow(&t) > 0);
    plm_bwe_delay_end_feedback(&t);
    assert_int_equal(plm_bwe_delay_narrow(&t), 0);
}

/* Feedbacks of a line that sends again what it lost and keeps the order: each packet takes up to 60 ms more. @return those that find a queue */
static unsigned uneasy_feedbacks(unsigned n)
{
    static int64_t last;
    unsigned found = 0;
    for (unsigned i = 0; i < n; i++, now += 100000) {
        plm_bwe_delay_begin_feedback(&t, 1500000);
        for (int64_t k = 0; k < 25; k++) {
            int64_t sent = (int64_t)now + k * 4000, arrival = sent + 20000 + rand() % 60000;
            last = arrival > last ? arrival : last;
            plm_bwe_delay_add(&t, 1200, sent, last);
        }
        plm_bwe_delay_end_feedback(&t);
        found += plm_bwe_delay_narrow(&t) || plm_bwe_delay_usage(&t) == PLM_BWE_OVER ||
                 plm_bwe_delay_wait(&t) > 40000;
    }
    return found;
}

/* What a line does all the time is no queue; one that grows beyond it is. */
static void a_line_s_own_unrest_is_no_queue(void **state)
{
    (void)state;
    uneasy_feedbacks(60);
    assert_in_range(uneasy_feedbacks(600), 0, 60);
    uint64_t narrow = 0;
    int64_t free_us = (int64_t)now;
    for (unsigned i = 0; i < 4; i++, now += 100000) {
        plm_bwe_delay_begin_feedback(&t, 1500000);
        for (int64_t k = 0; k < 25; k++) {
            int64_t sent = (int64_t)now + k * 4000;
            free_us = (free_us > sent ? free_us : sent) + 9600; /* 1 Mbit/s of 2.4 */
            plm_bwe_delay_add(&t, 1200, sent, free_us + 50000);
        }
        plm_bwe_delay_end_feedback(&t);
        narrow = plm_bwe_delay_narrow(&t) ? plm_bwe_delay_narrow(&t) : narrow;
    }
    assert_in_range(narrow, 900000, 1100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_line_that_carries_it_is_normal, set_up),
        cmocka_unit_test_setup(a_growing_queue_is_seen_soon, set_up),
        cmocka_unit_test_setup(a_line_s_own_unrest_is_no_queue, set_up),
        cmocka_unit_test_setup(an_emptying_queue_is_no_reason_to_send_less, set_up),
        cmocka_unit_test_setup(clocks_do_not_matter, set_up),
        cmocka_unit_test_setup(a_set_clock_and_a_silence_begin_anew, set_up),
        cmocka_unit_test_setup(late_packets_teach_nothing, set_up),
        cmocka_unit_test_setup(little_of_a_line_shows_in_three_packets, set_up),
        cmocka_unit_test_setup(a_narrow_line_shows_in_its_first_frame, set_up),
        cmocka_unit_test_setup(a_longer_way_is_no_queue, set_up),
        cmocka_unit_test_setup(a_way_that_became_shorter_is_told, set_up),
        cmocka_unit_test_setup(what_is_let_go_is_told_apart, set_up),
        cmocka_unit_test_setup(a_climb_that_is_over_is_no_narrow_line, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
