#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "nack_gen.h"

static struct plm_nack_gen g;
static uint16_t out[PLM_NACK_MAX];
static uint64_t next;
static bool key;

static size_t poll_at(uint64_t now, uint32_t rtt)
{
    return plm_nack_gen_poll(&g, now, rtt, out, PLM_NACK_MAX, &next, &key);
}

static void begin(uint64_t seq)
{
    plm_nack_gen_init(&g);
    assert_false(plm_nack_gen_on_packet(&g, seq, 1000000));
}

static void nothing_is_lost_in_order(void **state)
{
    (void)state;
    plm_nack_gen_init(&g);
    for (uint64_t seq = 65500; seq < 65600; seq++)
        assert_false(plm_nack_gen_on_packet(&g, seq, seq));
    assert_int_equal(poll_at(70000, 40000), 0);
    assert_true(next == UINT64_MAX);
    assert_false(key);
}

/** A full line: what was asked for waits in it. Asking again before it can have come would only fill it more. */
static void asks_less_often_where_answers_wait(void **state)
{
    (void)state;
    begin(10);
    uint64_t now = 1000000;
    unsigned asked = 0;
    for (uint64_t seq = 12; seq < 60; seq += 2) { /* every other packet is lost, and comes 300 ms after it was asked for */
        plm_nack_gen_on_packet(&g, seq, now);
        for (uint64_t end = now + 33000; now < end; now += 1000)
            asked += (unsigned)poll_at(now, 40000);
        if (seq >= 28)
            plm_nack_gen_on_packet(&g, seq - 17, now);
    }
    assert_in_range(g.answer_us, 250000, 320000);
    unsigned before = asked, lost = 0;
    for (uint64_t seq = 60; seq < 120; seq += 2, lost++) {
        plm_nack_gen_on_packet(&g, seq, now);
        for (uint64_t end = now + 33000; now < end; now += 1000)
            asked += (unsigned)poll_at(now, 40000);
        plm_nack_gen_on_packet(&g, seq - 17, now);
    }
    assert_in_range(asked - before, lost, lost * 3 / 2); /* about once each; every 50 ms it would be six times */
}

static void asks_after_the_reordering_delay(void **state)
{
    (void)state;
    begin(65534);
    assert_true(plm_nack_gen_on_packet(&g, 65538, 1000000));
    assert_int_equal(poll_at(1000000, 40000), 0);
    assert_int_equal(next, 1010000);
    assert_false(plm_nack_gen_on_packet(&g, 65536, 1005000)); /* merely late */
    assert_int_equal(poll_at(1010000, 40000), 2);
    assert_int_equal(out[0], 65535);
    assert_int_equal(out[1], 1);
    assert_int_equal(next, 1060000); /* 1.25 round trips */
    assert_int_equal(g.recovered, 0);
    assert_int_equal(poll_at(1059999, 40000), 0);
    assert_int_equal(poll_at(1060000, 40000), 2);
    assert_false(plm_nack_gen_on_packet(&g, 65535, 1070000));
    assert_int_equal(g.recovered, 1);
    assert_int_equal(poll_at(1110000, 40000), 1);
    /* A short round trip: the reordering delay follows it, the repetition does not fall below 20 ms. */
    begin(10);
    plm_nack_gen_on_packet(&g, 12, 1000000);
    assert_int_equal(poll_at(1000499, 2000), 0);
    assert_int_equal(poll_at(1000500, 2000), 1);
    assert_int_equal(next, 1020500);
}

static void gives_up_after_eight_tries(void **state)
{
    (void)state;
    begin(10);
    plm_nack_gen_on_packet(&g, 12, 1000000);
    uint64_t now = 1000000;
    unsigned tries = 0;
    poll_at(now, 20000);
    while (next != UINT64_MAX) {
        assert_false(key);
        assert_true(next > now);
        now = next;
        tries += (unsigned)poll_at(now, 20000);
    }
    assert_int_equal(tries, 8);
    assert_true(key);
    assert_int_equal(g.given_up, 1);
    assert_int_equal(poll_at(now, 20000), 0);
    assert_false(key); /* said once */
    assert_int_equal(now, 1005000 + 8 * 25000);
}

static void gives_up_after_a_second_and_a_half(void **state)
{
    (void)state;
    begin(10);
    plm_nack_gen_on_packet(&g, 12, 1000000);
    assert_int_equal(poll_at(1010000, 900000), 1);
    assert_int_equal(poll_at(next, 900000), 1);
    assert_int_equal(next, 2500000);
    assert_int_equal(poll_at(2499999, 900000), 0);
    assert_false(key);
    assert_int_equal(poll_at(2500000, 900000), 0);
    assert_true(key);
    assert_int_equal(g.n, 0);
}

static void a_jump_empties_the_list(void **state)
{
    (void)state;
    begin(10);
    assert_true(plm_nack_gen_on_packet(&g, 12, 1000000));
    assert_true(plm_nack_gen_on_packet(&g, 13 + PLM_NACK_MAX + 1, 1000000));
    assert_int_equal(g.n, 0);
    assert_int_equal(g.given_up, 1 + PLM_NACK_MAX + 1);
    assert_int_equal(poll_at(2000000, 40000), 0);
    assert_true(key);
    /* The largest gap that is repaired. */
    begin(10);
    assert_true(plm_nack_gen_on_packet(&g, 11 + PLM_NACK_MAX, 1000000));
    assert_int_equal(poll_at(2000000, 40000), PLM_NACK_MAX);
    assert_false(key);
    /* More on top: the oldest go. */
    assert_true(plm_nack_gen_on_packet(&g, 11 + PLM_NACK_MAX + 11, 2000000));
    assert_int_equal(g.n, PLM_NACK_MAX);
    assert_int_equal(g.lost[0].ext_seq, 11 + 10);
    assert_int_equal(g.given_up, 10);
    poll_at(2000000, 40000);
    assert_true(key);
}

static void what_does_not_fit_is_asked_next(void **state)
{
    (void)state;
    begin(10);
    plm_nack_gen_on_packet(&g, 111, 1000000);
    assert_int_equal(plm_nack_gen_poll(&g, 1010000, 40000, out, 60, &next, &key), 60);
    assert_int_equal(next, 1010000);
    assert_int_equal(plm_nack_gen_poll(&g, 1010000, 40000, out, 60, &next, &key), 40);
    assert_int_equal(out[0], 71);
    assert_int_equal(next, 1060000);
}

static void a_keyframe_makes_the_past_useless(void **state)
{
    (void)state;
    begin(10);
    plm_nack_gen_on_packet(&g, 15, 1000000);
    plm_nack_gen_on_packet(&g, 20, 1000000);
    plm_nack_gen_forget_before(&g, 17);
    assert_int_equal(poll_at(1010000, 40000), 3);
    assert_int_equal(out[0], 17);
    assert_int_equal(g.given_up, 0);
    plm_nack_gen_forget_before(&g, 1000);
    assert_int_equal(g.n, 0);
    plm_nack_gen_forget_before(&g, 1000);
    assert_int_equal(g.n, 0);
    plm_nack_gen_on_packet(&g, 1000, 1020000); /* too much to ask for */
    assert_true(g.gave_up);
    plm_nack_gen_forget_before(&g, UINT64_MAX);
    assert_false(g.gave_up);
}

/** Random loss over a line with a round trip of 50 ms and 20 % loss both ways: nearly all is repaired, and the list is always sorted. */
static void repairs_a_lossy_line(void **state)
{
    (void)state;
    enum {
        N = 20000
    };
    static uint64_t back_at[N];
    memset(back_at, 0, sizeof back_at);
    plm_nack_gen_init(&g);
    srand(17);
    uint64_t now = 0;
    unsigned lost = 0;
    for (uint64_t seq = 1; seq < N; seq++, now += 3000) {
        bool drop = seq > 1 && rand() % 10 == 0;
        lost += drop;
        if (!drop)
            plm_nack_gen_on_packet(&g, seq, now);
        for (uint64_t s = seq > 800 ? seq - 800 : 1; s < seq; s++) {
            if (back_at[s] && back_at[s] <= now) {
                plm_nack_gen_on_packet(&g, s, now);
                back_at[s] = 0;
            }
        }
        size_t n = poll_at(now, 50000);
        for (size_t i = 0; i < n; i++) {
            uint64_t s = (seq & ~UINT64_C(0xffff)) | out[i];
            if (s < N && rand() % 5 && rand() % 5)
                back_at[s] = now + 50000;
        }
        for (uint32_t i = 1; i < g.n; i++)
            assert_true(g.lost[i - 1].ext_seq < g.lost[i].ext_seq);
    }
    assert_true(lost > 1500);
    assert_true(g.recovered + g.n + g.given_up >= lost - 1);
    assert_true(g.given_up < lost / 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_in_order),
        cmocka_unit_test(asks_after_the_reordering_delay),
        cmocka_unit_test(asks_less_often_where_answers_wait),
        cmocka_unit_test(gives_up_after_eight_tries),
        cmocka_unit_test(gives_up_after_a_second_and_a_half),
        cmocka_unit_test(a_jump_empties_the_list),
        cmocka_unit_test(what_does_not_fit_is_asked_next),
        cmocka_unit_test(a_keyframe_makes_the_past_useless),
        cmocka_unit_test(repairs_a_lossy_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
