#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bwe_trial.h"

#define MS  UINT64_C(1000)
#define BPS 1000000u

static struct plm_bwe_trial t;
static uint64_t now;
static uint32_t lost_before_q16;

static int set_up(void **state)
{
    (void)state;
    t = (struct plm_bwe_trial){0};
    now = 100000 * MS;
    lost_before_q16 = 0;
    return 0;
}

/** Send one, at a share of what is due, with feedback each 100 ms over a line of this rate. @return whether there was an answer */
static bool run(uint32_t bps, uint32_t line_bps, unsigned percent, unsigned lost_percent)
{
    assert_int_equal(plm_bwe_trial_at(&t, bps, now), now);
    plm_bwe_trial_begin(&t, bps, 600000, now);
    struct plm_bwe_trial_state s = {.estimate = bps,
        .acked = bps < line_bps ? bps : line_bps,
        .lost_q16 = lost_before_q16,
        .rtt_us = 50000};
    uint64_t sent = 0;
    for (unsigned ms = 0; ms < 3000; ms += 10, now += 10 * MS) {
        uint64_t due = plm_bwe_trial_due(&t, 10000, now) * percent / 100;
        t.octets += due;
        sent += due;
        if (ms % 100 != 90)
            continue;
        uint64_t gone = line_bps / 8 * (uint64_t)(ms + 10) / 1000;
        s.least_wait_us = sent > gone ? (int64_t)((sent - gone) * 8000000 / line_bps) : 0;
        s.now_us = now;
        if (plm_bwe_trial_judge(&t, 20 - lost_percent / 5, lost_percent / 5, &s))
            return true;
        if (!t.bps)
            return false;
    }
    fail();
    return false;
}

static void what_goes_through_is_proved_for_a_while(void **state)
{
    (void)state;
    assert_int_equal(plm_bwe_trial_at(&t, 0, now), UINT64_MAX);
    assert_true(run(BPS, 1500000, 100, 0));
    assert_int_equal(plm_bwe_trial_proved(&t, now), BPS);
    assert_int_equal(plm_bwe_trial_cap(&t, now), 0);
    plm_bwe_trial_on_fall(&t, 800000);
    assert_int_equal(plm_bwe_trial_proved(&t, now), 800000);
    assert_int_equal(plm_bwe_trial_proved(&t, now + 11000 * MS), 0);
}

static void a_queue_fails_it_before_it_is_long(void **state)
{
    (void)state;
    uint64_t began = now;
    assert_true(run(BPS, 850000, 100, 0));
    assert_int_equal(plm_bwe_trial_proved(&t, now), 0);
    assert_in_range(now - began, 1, 500 * MS);
    /* What went through meanwhile is believed, and never less than what was sent before. */
    assert_int_equal(plm_bwe_trial_cap(&t, now), 850000 * 95 / 100);
    now += 60000 * MS;
    assert_true(run(BPS, 400000, 100, 0));
    assert_int_equal(plm_bwe_trial_cap(&t, now), 600000);
}

static void loss_fails_it_too(void **state)
{
    (void)state;
    assert_true(run(BPS, 2000000, 100, 10));
    assert_int_equal(plm_bwe_trial_proved(&t, now), 0);
    assert_int_equal(t.failed_bps, BPS);
}

static void as_much_loss_as_before_does_not(void **state)
{
    (void)state;
    lost_before_q16 = 65536 / 20;
    assert_true(run(BPS, 2000000, 100, 5));
    assert_int_equal(plm_bwe_trial_proved(&t, now), BPS);
    now += 2000 * MS;
    assert_true(run(BPS, 2000000, 100, 15));
    assert_int_equal(t.failed_bps, BPS);
}

/** Four of forty where two are usual may be chance; ten of eighty are none. */
static void a_few_packets_say_little(void **state)
{
    (void)state;
    struct plm_bwe_trial_state s = {.estimate = BPS, .acked = BPS, .lost_q16 = 65536 / 20, .rtt_us = 50000};
    plm_bwe_trial_begin(&t, BPS, 600000, now);
    s.now_us = now + 400 * MS;
    assert_false(plm_bwe_trial_judge(&t, 36, 4, &s));
    s.now_us = now + 700 * MS;
    assert_true(plm_bwe_trial_judge(&t, 34, 6, &s));
    assert_int_equal(t.failed_bps, BPS);
}

static void patience_doubles(void **state)
{
    (void)state;
    static const unsigned seconds[] = {5, 10, 20, 40, 60, 60};
    for (unsigned i = 0; i < 6; i++) {
        assert_true(run(BPS, 850000, 100, 0));
        uint64_t at = plm_bwe_trial_at(&t, BPS, now);
        assert_int_equal(at - now, seconds[i] * 1000 * MS);
        /* A smaller step is another question. */
        assert_int_equal(plm_bwe_trial_at(&t, 700000, now), now + 1000 * MS);
        now = at;
    }
    assert_int_equal(plm_bwe_trial_cap(&t, now), 0);
    now += 200000 * MS;
    assert_true(run(BPS, 850000, 100, 0));
    assert_int_equal(plm_bwe_trial_at(&t, BPS, now), now + 5000 * MS);
}

static void a_wider_line_ends_the_doubt(void **state)
{
    (void)state;
    assert_true(run(BPS, 850000, 100, 0));
    assert_int_equal(plm_bwe_trial_wider(&t, now), 1300000);
    plm_bwe_trial_on_carried(&t, 1200000, false, now);
    assert_int_equal(plm_bwe_trial_cap(&t, now), 807500);
    plm_bwe_trial_on_carried(&t, 900000, true, now); /* the trial's own, it may be */
    assert_int_equal(plm_bwe_trial_cap(&t, now), 807500);
    now += 2000 * MS;
    plm_bwe_trial_on_carried(&t, 900000, true, now);
    assert_int_equal(plm_bwe_trial_cap(&t, now), 900000);
    plm_bwe_trial_on_carried(&t, 1400000, false, now);
    assert_int_equal(plm_bwe_trial_cap(&t, now), 0);
    assert_int_equal(plm_bwe_trial_at(&t, BPS, now), now);
}

static void what_did_not_leave_says_nothing(void **state)
{
    (void)state;
    assert_false(run(BPS, 2000000, 20, 0));
    assert_int_equal(plm_bwe_trial_proved(&t, now), 0);
    assert_int_equal(t.failed_bps, 0);
    assert_int_equal(plm_bwe_trial_at(&t, BPS, now), now + 1000 * MS);
    /* What was not asked for in time is not made up for in one burst. */
    now += 2000 * MS;
    plm_bwe_trial_begin(&t, BPS, 0, now);
    assert_int_equal(plm_bwe_trial_due(&t, 10000, now + 700 * MS), 5000);
}

static void without_an_answer_it_ends(void **state)
{
    (void)state;
    plm_bwe_trial_begin(&t, BPS, 0, now);
    plm_bwe_trial_due(&t, 10000, now + 100 * MS);
    struct plm_bwe_trial_state s = {.estimate = BPS, .now_us = now + 5000 * MS};
    assert_false(plm_bwe_trial_judge(&t, 1, 0, &s));
    assert_int_equal(t.bps, 0);
    assert_false(t.sending);
}

static void a_line_that_stood_still_ends_it_without_a_verdict(void **state)
{
    (void)state;
    plm_bwe_trial_begin(&t, BPS, 0, now);
    struct plm_bwe_trial_state s = {
        .estimate = BPS, .least_wait_us = 300000, .let_go = true, .now_us = now + 300 * MS};
    assert_false(plm_bwe_trial_judge(&t, 20, 0, &s));
    assert_int_equal(t.bps, 0);
    assert_int_equal(t.failed_bps, 0);
    assert_int_equal(plm_bwe_trial_at(&t, BPS, s.now_us), s.now_us + 1000 * MS);
}

static void what_flowed_before_is_proved_again(void **state)
{
    (void)state;
    assert_true(run(BPS, 2000000, 100, 0));
    plm_bwe_trial_on_fall(&t, 200000);
    assert_int_equal(plm_bwe_trial_proved(&t, now), 200000);
    plm_bwe_trial_renew(&t, 900000, now);
    assert_int_equal(plm_bwe_trial_proved(&t, now), 900000);
    plm_bwe_trial_renew(&t, 800000, now); /* less says nothing */
    assert_int_equal(plm_bwe_trial_proved(&t, now), 900000);
    /* What failed is not proved by that. */
    now += 2000 * MS;
    assert_true(run(BPS, 850000, 100, 0));
    plm_bwe_trial_renew(&t, BPS, now);
    assert_true(plm_bwe_trial_proved(&t, now) < 900000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(what_goes_through_is_proved_for_a_while, set_up),
        cmocka_unit_test_setup(a_queue_fails_it_before_it_is_long, set_up),
        cmocka_unit_test_setup(loss_fails_it_too, set_up),
        cmocka_unit_test_setup(as_much_loss_as_before_does_not, set_up),
        cmocka_unit_test_setup(a_few_packets_say_little, set_up),
        cmocka_unit_test_setup(patience_doubles, set_up),
        cmocka_unit_test_setup(a_wider_line_ends_the_doubt, set_up),
        cmocka_unit_test_setup(what_did_not_leave_says_nothing, set_up),
        cmocka_unit_test_setup(without_an_answer_it_ends, set_up),
        cmocka_unit_test_setup(a_line_that_stood_still_ends_it_without_a_verdict, set_up),
        cmocka_unit_test_setup(what_flowed_before_is_proved_again, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
