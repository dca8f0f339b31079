#include "stream_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 64
#define MARK 10

static bool add(struct plm_stream_queue *q, const char *text, uint64_t now_us)
{
    const struct iovec v[2] = {
        {(void *)(uintptr_t)text, 1}, {(void *)(uintptr_t)(text + 1), strlen(text) - 1}};
    return plm_stream_queue_add(q, v, 2, now_us);
}

static void expect(struct plm_stream_queue *q, const char *text)
{
    struct iovec v[2];
    size_t at = 0, n = plm_stream_queue_peek(q, v);
    for (size_t i = 0; i < n; i++) {
        assert_memory_equal(v[i].iov_base, text + at, v[i].iov_len);
        at += v[i].iov_len;
    }
    assert_int_equal(at, strlen(text));
    assert_int_equal(plm_stream_queue_len(q), at);
}

static void octets_keep_their_order_round_the_end(void **state)
{
    (void)state;
    struct plm_stream_queue q;
    plm_stream_queue_init(&q, SIZE, MARK);
    expect(&q, "");
    assert_true(add(&q, "something to begin with", 0));
    for (unsigned i = 0; i < 1000; i++) {
        assert_true(add(&q, "0123456789", i));
        plm_stream_queue_consume(&q, i ? 10 : 23);
        expect(&q, "0123456789");
    }
    plm_stream_queue_consume(&q, 10);
    assert_null(q.octets); /* what nobody needs takes no memory */
}

static void it_takes_all_or_nothing(void **state)
{
    (void)state;
    struct plm_stream_queue q;
    plm_stream_queue_init(&q, SIZE, MARK);
    char text[SIZE + 2] = {0};
    memset(text, 'x', SIZE + 1);
    assert_false(add(&q, text, 0));
    assert_int_equal(plm_stream_queue_len(&q), 0);
    assert_true(add(&q, text + 1, 0));
    assert_false(add(&q, "ab", 0));
    plm_stream_queue_consume(&q, 1);
    assert_false(add(&q, "ab", 0));
    plm_stream_queue_consume(&q, 1);
    assert_true(add(&q, "ab", 0));
    plm_stream_queue_reset(&q);
}

static void the_age_is_that_of_the_oldest(void **state)
{
    (void)state;
    struct plm_stream_queue q;
    plm_stream_queue_init(&q, SIZE, MARK);
    assert_int_equal(plm_stream_queue_age(&q, 1000), 0);
    assert_true(add(&q, "ab", 1000));
    assert_true(add(&q, "cd", 1005)); /* between two marks */
    assert_true(add(&q, "ef", 1020));
    assert_int_equal(plm_stream_queue_age(&q, 1100), 100);
    plm_stream_queue_consume(&q, 3);
    assert_int_equal(plm_stream_queue_age(&q, 1100), 100); /* "d" is of the first mark */
    plm_stream_queue_consume(&q, 1);
    assert_int_equal(plm_stream_queue_age(&q, 1100), 80);
    plm_stream_queue_consume(&q, 2);
    assert_int_equal(plm_stream_queue_age(&q, 1100), 0);
}

static void more_marks_than_it_has_are_told_too_old(void **state)
{
    (void)state;
    struct plm_stream_queue q;
    plm_stream_queue_init(&q, SIZE, MARK);
    for (unsigned i = 0; i < 2 * PLM_STREAM_QUEUE_MARKS; i++)
        assert_true(add(&q, "ab", 100 * i));
    plm_stream_queue_consume(
        &q, 2 * (2 * PLM_STREAM_QUEUE_MARKS - 1)); /* the last one is left, of 31 * 100 */
    assert_int_equal(plm_stream_queue_age(&q, 4000), 4000 - 100 * (PLM_STREAM_QUEUE_MARKS - 1));
    plm_stream_queue_reset(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_keep_their_order_round_the_end),
        cmocka_unit_test(it_takes_all_or_nothing),
        cmocka_unit_test(the_age_is_that_of_the_oldest),
        cmocka_unit_test(more_marks_than_it_has_are_told_too_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
