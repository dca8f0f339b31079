/* When a queue in front of a line is one of others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bwe_others.h"

#define STEP_US UINT64_C(100000)
#define RTT_US  50000
#define MBIT    UINT64_C(1000000)

static struct plm_bwe_others o;
static uint64_t now;

static int set_up(void **state)
{
    (void)state;
    o = (struct plm_bwe_others){0};
    now = 100 * STEP_US;
    return 0;
}

/* Feedbacks with these waits, one after the other. @return the last news that was any */
static enum plm_bwe_others_news hear(uint64_t sending, int64_t from_us, int64_t step_us, unsigned n)
{
    enum plm_bwe_others_news last = PLM_BWE_OTHERS_NO_NEWS;
    for (unsigned i = 0; i<n; i++, now += STEP_US, from_us = from_us + step_us> 0 ? from_us + step_us : 0) {
        enum plm_bwe_others_news news = plm_bwe_others_hear(&o, sending, from_us, RTT_US, now);
        last = news ? news : last;
    }
    return last;
}

static void cut(uint64_t through, uint64_t sending, uint64_t acked)
{
    plm_bwe_others_on_cut(&o, through, sending, acked, now);
}

/* 2 Mbit/s went through, 0.5 are sent: a queue of our own would be gone within a second. */
static void a_queue_that_stays_is_of_others(void **state)
{
    (void)state;
    cut(2 * MBIT, 24 * MBIT / 10, 2 * MBIT);
    assert_int_equal(hear(MBIT / 2, 150000, 0, 20), PLM_BWE_OTHERS_FOUND);
    assert_true(plm_bwe_others_fill(&o));
    assert_true(plm_bwe_others_lose(&o));
    assert_true(o.queue_us >= 150000);
    assert_int_equal(plm_bwe_others_again(&o), 12 * MBIT / 10);
    assert_int_equal(hear(MBIT / 2, 150000, 0, 20), PLM_BWE_OTHERS_NO_NEWS); /* it has been said */
    hear(18 * MBIT / 10, 150000, 0, 1);
    assert_true(plm_bwe_others_fill(&o));
    assert_false(plm_bwe_others_lose(&o)); /* as much is sent as went through: who knows */
}

static void a_queue_that_goes_was_ours(void **state)
{
    (void)state;
    cut(2 * MBIT, 24 * MBIT / 10, 2 * MBIT);
    assert_int_equal(hear(MBIT / 2, 300000, -30000, 30), PLM_BWE_OTHERS_NO_NEWS);
    assert_false(plm_bwe_others_fill(&o));
}

/* 1.5 of 2 Mbit/s are no test: it may well be our own that does not get shorter. */
static void it_takes_clearly_less(void **state)
{
    (void)state;
    cut(2 * MBIT, 24 * MBIT / 10, 2 * MBIT);
    assert_int_equal(hear(15 * MBIT / 10, 150000, 0, 50), PLM_BWE_OTHERS_NO_NEWS);
    assert_false(plm_bwe_others_fill(&o));
}

/* Each step down finds less to go through, for less is sent: what counts is the first. But a tenth of what is sent is the line's own. */
static void what_went_through_is_that_of_the_first_step(void **state)
{
    (void)state;
    cut(2 * MBIT, 24 * MBIT / 10, 2 * MBIT);
    now += STEP_US;
    cut(MBIT / 2, MBIT, 9 * MBIT / 10);
    assert_int_equal(o.went_bps, 2 * MBIT);
    cut(MBIT / 10, MBIT, MBIT / 10);
    assert_int_equal(o.went_bps, MBIT / 10);
    assert_int_equal(o.sent_bps, 24 * MBIT / 10);
    now += 200 * STEP_US;
    cut(MBIT / 20, MBIT / 20, MBIT / 20);
    assert_int_equal(o.went_bps, MBIT / 20); /* of another time */
}

static void it_is_gone_when_nothing_waits(void **state)
{
    (void)state;
    cut(2 * MBIT, 24 * MBIT / 10, 2 * MBIT);
    hear(MBIT / 2, 150000, 0, 20);
    int64_t was = o.queue_us;
    assert_int_equal(hear(2 * MBIT, 40000, 0, 100), PLM_BWE_OTHERS_NO_NEWS);
    assert_true(o.queue_us > 0 && o.queue_us < was);
    assert_int_equal(hear(2 * MBIT, 0, 0, 15), PLM_BWE_OTHERS_NO_NEWS);
    assert_int_equal(hear(2 * MBIT, 0, 0, 15), PLM_BWE_OTHERS_GONE);
    assert_false(plm_bwe_others_fill(&o));
}

static void what_is_denied_shows_once_more(void **state)
{
    (void)state;
    cut(2 * MBIT, 24 * MBIT / 10, 2 * MBIT);
    hear(MBIT / 2, 150000, 0, 20);
    plm_bwe_others_deny(&o);
    assert_false(plm_bwe_others_fill(&o));
    hear(MBIT / 2, 150000, 0, 5);
    assert_false(plm_bwe_others_fill(&o));
    hear(MBIT / 2, 150000, 0, 20);
    assert_true(plm_bwe_others_fill(&o));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_queue_that_stays_is_of_others, set_up),
        cmocka_unit_test_setup(a_queue_that_goes_was_ours, set_up),
        cmocka_unit_test_setup(it_takes_clearly_less, set_up),
        cmocka_unit_test_setup(what_went_through_is_that_of_the_first_step, set_up),
        cmocka_unit_test_setup(it_is_gone_when_nothing_waits, set_up),
        cmocka_unit_test_setup(what_is_denied_shows_once_more, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
