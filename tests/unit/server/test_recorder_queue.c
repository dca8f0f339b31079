#include "recorder_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void add_of(struct plm_recorder_queue *q, const char *text, enum plm_recorder_waiting kind,
    const char *id, uint64_t n)
{
    plm_recorder_queue_add(q, &(struct plm_recorder_waits){plm_text_create(text, strlen(text)), kind, id, n});
}

static void add(struct plm_recorder_queue *q, const char *text, enum plm_recorder_waiting kind)
{
    add_of(q, text, kind, A, 1);
}

/* What goes out now. */
static void expect_sent(struct plm_recorder_queue *q, const char *all)
{
    char text[256] = "";
    while (plm_recorder_queue_next(q)) {
        strcat(text, plm_recorder_queue_next(q)->data);
        plm_recorder_queue_sent(q);
    }
    assert_string_equal(text, all);
}

static void expect(struct plm_recorder_queue *q, const char *all)
{
    expect_sent(q, all);
    plm_recorder_queue_over(q, A);
    assert_int_equal(q->n, 0);
}

static void keeps_the_order(void **state)
{
    (void)state;
    struct plm_recorder_queue q;
    plm_recorder_queue_init(&q, 10);
    assert_null(plm_recorder_queue_next(&q));
    add(&q, "a", PLM_RECORDER_EVENT);
    add(&q, "b", PLM_RECORDER_CHAT);
    add(&q, "c", PLM_RECORDER_ORDER);
    expect(&q, "abc");
    add(&q, "d", PLM_RECORDER_EVENT);
    expect(&q, "d");
    assert_int_equal(q.lost, 0);
    plm_recorder_queue_destroy(&q);
}

static void gives_up_the_oldest_chat_then_events_never_orders(void **state)
{
    (void)state;
    struct plm_recorder_queue q;
    plm_recorder_queue_init(&q, 5);
    add(&q, "E1", PLM_RECORDER_EVENT);
    add(&q, "O1", PLM_RECORDER_ORDER);
    add(&q, "C1", PLM_RECORDER_CHAT);
    add(&q, "E2", PLM_RECORDER_EVENT);
    add(&q, "C2", PLM_RECORDER_CHAT);
    add(&q, "E3", PLM_RECORDER_EVENT);
    add(&q, "C3", PLM_RECORDER_CHAT);
    assert_int_equal(q.n, 5);
    assert_int_equal(q.lost, 2);
    add(&q, "O2", PLM_RECORDER_ORDER);
    add(&q, "O3", PLM_RECORDER_ORDER);
    assert_int_equal(q.lost, 4);
    add(&q, "O4", PLM_RECORDER_ORDER);
    add(&q, "O5", PLM_RECORDER_ORDER);
    add(&q, "O6", PLM_RECORDER_ORDER); /* nothing is left that might go */
    assert_int_equal(q.lost, 6);
    expect(&q, "O1O2O3O4O5O6");
    plm_recorder_queue_add(&q, &(struct plm_recorder_waits){NULL, PLM_RECORDER_EVENT, A, 1});
    assert_int_equal(q.lost, 7);
    add(&q, "x", PLM_RECORDER_CHAT);
    plm_recorder_queue_destroy(&q);
}

static void the_last_may_go_too(void **state)
{
    (void)state;
    struct plm_recorder_queue q;
    plm_recorder_queue_init(&q, 2);
    add(&q, "O1", PLM_RECORDER_ORDER);
    add(&q, "C1", PLM_RECORDER_CHAT);
    add(&q, "C2", PLM_RECORDER_CHAT);
    add(&q, "E1", PLM_RECORDER_EVENT);
    expect(&q, "O1E1");
    add(&q, "z", PLM_RECORDER_EVENT);
    expect(&q, "z");
    plm_recorder_queue_destroy(&q);
}

static void what_was_sent_is_kept_until_it_is_written(void **state)
{
    (void)state;
    struct plm_recorder_queue q;
    plm_recorder_queue_init(&q, 20);
    add_of(&q, "S", PLM_RECORDER_START, A, 0);
    add_of(&q, "1", PLM_RECORDER_EVENT, A, 1);
    add_of(&q, "2", PLM_RECORDER_EVENT, B, 2);
    add_of(&q, "3", PLM_RECORDER_CHAT, A, 3);
    add_of(&q, "x", PLM_RECORDER_ORDER, B, 0);
    plm_recorder_queue_written(&q, A, 9); /* of what was not sent nobody can say that */
    expect_sent(&q, "S123x");
    assert_int_equal(q.n, 4);
    add_of(&q, "4", PLM_RECORDER_EVENT, A, 4);
    plm_recorder_queue_written(&q, A, 4);
    assert_int_equal(q.n, 3);

    /* The recorder dies with 4 on the way, and a start that it never got. */
    expect_sent(&q, "4");
    add_of(&q, "5", PLM_RECORDER_EVENT, A, 5);
    add_of(&q, "S", PLM_RECORDER_START, A, 0);
    plm_recorder_queue_again(&q);
    expect_sent(&q, "2x45");
    plm_recorder_queue_written(&q, A, 4);
    plm_recorder_queue_again(&q);
    expect_sent(&q, "2x5");
    plm_recorder_queue_over(&q, B);
    assert_int_equal(q.n, 1);
    add_of(&q, "y", PLM_RECORDER_ORDER, B, 0);
    plm_recorder_queue_over(&q, B); /* not sent: it may be of a later one */
    expect_sent(&q, "y");
    plm_recorder_queue_over(&q, B);
    plm_recorder_queue_over(&q, A);
    assert_int_equal(q.n, 0);
    assert_null(plm_recorder_queue_next(&q));
    add(&q, "z", PLM_RECORDER_EVENT);
    plm_recorder_queue_lose(&q);
    assert_int_equal(q.lost, 1);
    expect(&q, "");
    plm_recorder_queue_destroy(&q);
}

static void what_was_sent_is_given_up_first(void **state)
{
    (void)state;
    struct plm_recorder_queue q;
    plm_recorder_queue_init(&q, 4);
    add_of(&q, "x", PLM_RECORDER_ORDER, A, 0);
    add_of(&q, "1", PLM_RECORDER_EVENT, A, 1);
    expect_sent(&q, "x1");
    add_of(&q, "2", PLM_RECORDER_CHAT, A, 2);
    add_of(&q, "3", PLM_RECORDER_EVENT, A, 3);
    add_of(&q, "4", PLM_RECORDER_EVENT, A, 4);
    assert_int_equal(q.lost, 0);
    add_of(&q, "5", PLM_RECORDER_EVENT, A, 5);
    assert_int_equal(q.lost, 1);
    plm_recorder_queue_again(&q);
    expect(&q, "x345");
    plm_recorder_queue_destroy(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order),
        cmocka_unit_test(gives_up_the_oldest_chat_then_events_never_orders),
        cmocka_unit_test(the_last_may_go_too),
        cmocka_unit_test(what_was_sent_is_kept_until_it_is_written),
        cmocka_unit_test(what_was_sent_is_given_up_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
