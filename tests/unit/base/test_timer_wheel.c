#include "base/timer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define N_TIMERS 200
#define N_OPS    100000

/** The model: an array of deadlines, searched in full. */
struct model {
    struct plm_timer timer;
    bool active;
    uint64_t due_us;
};

static struct plm_wheel wheel;
static struct model models[N_TIMERS];
static uint64_t now;
static unsigned fired;
static uint64_t seed;

static uint64_t rnd(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static uint64_t ceil_ms(uint64_t us)
{
    return (us + 999) / 1000;
}

static uint64_t random_delay(void)
{
    static const uint64_t scales[] = {
        1, 1000, 300000, 70000000, UINT64_C(20000000000), UINT64_C(5000000000000)};
    return rnd() % scales[rnd() % 6];
}

static void on_timer(struct plm_timer *t, uint64_t now_us);

static void start(struct model *m, uint64_t due)
{
    m->active = true;
    m->due_us = due;
    plm_timer_start(&wheel, &m->timer, due, on_timer);
}

static void stop(struct model *m)
{
    m->active = false;
    plm_timer_stop(&wheel, &m->timer);
}

static void on_timer(struct plm_timer *t, uint64_t now_us)
{
    struct model *m = (struct model *)t;
    assert_int_equal(now_us, now);
    assert_true(m->active);
    assert_false(plm_timer_active(t));
    assert_true(ceil_ms(m->due_us) <= now / 1000);
    m->active = false;
    fired++;
    switch (rnd() % 8) {
    case 0:
        start(m, now + random_delay());
        break;
    case 1:
        start(m, now - rnd() % 1000);
        break;
    case 2:
        stop(&models[rnd() % N_TIMERS]);
        break;
    default:
        break;
    }
}

static uint64_t model_next(void)
{
    uint64_t next = UINT64_MAX;
    for (int i = 0; i < N_TIMERS; i++) {
        if (models[i].active && models[i].due_us < next)
            next = models[i].due_us;
    }
    return next;
}

static void check(void)
{
    uint64_t next = model_next(), wheel_next = plm_wheel_next(&wheel);
    if (next == UINT64_MAX)
        assert_true(wheel_next == UINT64_MAX);
    else if (ceil_ms(next) <= wheel.now_ms)
        assert_true(wheel_next <= now);
    else
        assert_true(wheel_next <= ceil_ms(next) * 1000);
    uint32_t active = 0;
    for (int i = 0; i < N_TIMERS; i++) {
        active += models[i].active;
        assert_int_equal(models[i].active, plm_timer_active(&models[i].timer));
    }
    assert_int_equal(active, wheel.active);
}

/** After a run nothing is left that was due, except what callbacks started too late for it. */
static void run_and_check(void)
{
    plm_wheel_run(&wheel, now);
    unsigned rounds = 0;
    while (model_next() != UINT64_MAX && ceil_ms(model_next()) <= now / 1000) {
        assert_true(++rounds < 1000);
        unsigned at = fired;
        plm_wheel_run(&wheel, now);
        assert_true(fired > at);
    }
}

static void random_ops_match_a_sorted_list(void **state)
{
    (void)state;
    for (uint64_t s = 1; s <= 4; s++) {
        seed = s * UINT64_C(0x9e3779b97f4a7c15);
        memset(models, 0, sizeof models);
        now = s == 1 ? 0 : rnd() % UINT64_C(10000000000000);
        plm_wheel_init(&wheel, now);
        fired = 0;
        for (int op = 0; op < N_OPS / 4; op++) {
            struct model *m = &models[rnd() % N_TIMERS];
            switch (rnd() % 4) {
            case 0:
                start(m, now + random_delay());
                break;
            case 1:
                stop(m);
                break;
            case 2: {
                /* to the next deadline exactly, or somewhere */
                uint64_t next = plm_wheel_next(&wheel);
                now = rnd() % 2 && next != UINT64_MAX && next > now ? next : now + random_delay();
                run_and_check();
                break;
            }
            default:
                now += rnd() % 700;
                run_and_check();
                break;
            }
            if (op % 16 == 0)
                check();
        }
        assert_true(fired > 1000);
    }
}

static unsigned order_n;
static uint64_t order[300];
static void note_order(struct plm_timer *t, uint64_t now_us)
{
    (void)now_us;
    order[order_n++] = t->due_us;
}

static void fires_in_order_of_milliseconds(void **state)
{
    (void)state;
    static struct plm_timer timers[300];
    plm_wheel_init(&wheel, 12345678);
    seed = 99;
    order_n = 0;
    for (int i = 0; i < 300; i++)
        plm_timer_start(&wheel, &timers[i], 12345678 + 1000 + rnd() % 90000000, note_order);
    plm_wheel_run(&wheel, 12345678 + 100000000);
    assert_int_equal(order_n, 300);
    for (int i = 1; i < 300; i++)
        assert_true(ceil_ms(order[i - 1]) <= ceil_ms(order[i]));
}

static unsigned again_n;
static void again_at_once(struct plm_timer *t, uint64_t now_us)
{
    again_n++;
    plm_timer_start(&wheel, t, now_us, again_at_once);
}

/** A callback that starts its own timer for now must not keep the run from ending. */
static void restart_at_once_waits_for_the_next_run(void **state)
{
    (void)state;
    struct plm_timer t = {0};
    plm_wheel_init(&wheel, 5000);
    again_n = 0;
    plm_timer_start(&wheel, &t, 0, again_at_once);
    assert_int_equal(plm_wheel_next(&wheel), 5000);
    for (unsigned i = 1; i <= 5; i++) {
        plm_wheel_run(&wheel, 5000);
        assert_int_equal(again_n, i);
    }
    plm_timer_stop(&wheel, &t);
    plm_timer_stop(&wheel, &t);
    plm_wheel_run(&wheel, 6000);
    assert_int_equal(again_n, 5);
    assert_true(plm_wheel_next(&wheel) == UINT64_MAX);
}

static struct plm_timer victims[3];
static void stop_the_others(struct plm_timer *t, uint64_t now_us)
{
    (void)now_us;
    again_n++;
    for (int i = 0; i < 3; i++) {
        if (&victims[i] != t)
            plm_timer_stop(&wheel, &victims[i]);
    }
}

/** Of three timers due together, the first to fire stops the others, in the same slot and in the list of past ones. */
static void callbacks_may_stop_their_neighbours(void **state)
{
    (void)state;
    static const uint64_t dues[] = {7000, 500}; /* in time, and past */
    for (int k = 0; k < 2; k++) {
        plm_wheel_init(&wheel, 1000);
        memset(victims, 0, sizeof victims);
        again_n = 0;
        for (int i = 0; i < 3; i++)
            plm_timer_start(&wheel, &victims[i], dues[k], stop_the_others);
        plm_wheel_run(&wheel, 8000);
        assert_int_equal(again_n, 1);
        assert_int_equal(wheel.active, 0);
    }
}

/** Nothing is early by even a microsecond, and idle time of any length costs no more than its timers. */
static void far_deadlines_are_exact(void **state)
{
    (void)state;
    static const uint64_t far[] = {
        255, 256, 257, 65535, 65536, 65537, 16777215, 16777216, 4294967295u, 5000000000u};
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++) {
        struct plm_timer t = {0};
        plm_wheel_init(&wheel, 999);
        order_n = 0;
        uint64_t due = far[i] * 1000 + 1;
        plm_timer_start(&wheel, &t, due, note_order);
        unsigned wakes = 0;
        for (uint64_t at; (at = plm_wheel_next(&wheel)) <= due;) {
            plm_wheel_run(&wheel, at);
            assert_int_equal(order_n, 0);
            assert_true(++wakes < 16);
        }
        plm_wheel_run(&wheel, due);
        assert_int_equal(order_n, 0);
        plm_wheel_run(&wheel, far[i] * 1000 + 1000);
        assert_int_equal(order_n, 1);
    }
}

/** What need not be exact meets: never later than asked for, never before now. */
static void coarse_timers_meet(void **state)
{
    (void)state;
    struct plm_timer t[3] = {0};
    plm_wheel_init(&wheel, 1007000);
    order_n = 0;
    plm_timer_start_coarse(&wheel, &t[0], 1507001, note_order);
    plm_timer_start_coarse(&wheel, &t[1], 1549999, note_order);
    plm_timer_start_coarse(&wheel, &t[2], 1040000, note_order); /* no multiple comes before it */
    plm_wheel_run(&wheel, 1039999);
    assert_int_equal(order_n, 0);
    plm_wheel_run(&wheel, 1040000);
    assert_int_equal(order_n, 1);
    plm_wheel_run(&wheel, 1499999);
    assert_int_equal(order_n, 1);
    plm_wheel_run(&wheel, 1500000);
    assert_int_equal(order_n, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_ops_match_a_sorted_list),
        cmocka_unit_test(fires_in_order_of_milliseconds),
        cmocka_unit_test(restart_at_once_waits_for_the_next_run),
        cmocka_unit_test(callbacks_may_stop_their_neighbours),
        cmocka_unit_test(far_deadlines_are_exact),
        cmocka_unit_test(coarse_timers_meet),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
