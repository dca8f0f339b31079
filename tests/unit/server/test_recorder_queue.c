#include "recorder_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add(struct plm_recorder_queue *q, const char *text, enum plm_recorder_waiting kind)
{
    plm_recorder_queue_add(q, plm_text_create(text, strlen(text)), kind);
}

static void expect(struct plm_recorder_queue *q, const char *all)
{
    char text[256] = "";
    while (plm_recorder_queue_front(q)) {
        strcat(text, plm_recorder_queue_front(q)->data);
        plm_recorder_queue_drop_front(q);
    }
    assert_string_equal(text, all);
    assert_int_equal(q->n, 0);
}

static void keeps_the_order(void **state)
{
    (void)state;
    struct plm_recorder_queue q;
    plm_recorder_queue_init(&q, 10);
    assert_null(plm_recorder_queue_front(&q));
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
    plm_recorder_queue_add(&q, NULL, PLM_RECORDER_EVENT);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_order),
        cmocka_unit_test(gives_up_the_oldest_chat_then_events_never_orders),
        cmocka_unit_test(the_last_may_go_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
