#include "reorder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static enum plm_reorder_verdict put(struct plm_reorder *r, uint64_t seq, uint64_t now_us)
{
    uint8_t octets[4] = {(uint8_t)seq, 1, 2, 3};
    struct plm_stream_packet p = {.ext_seq = seq, .data = octets, .len = sizeof octets};
    return plm_reorder_put(r, &p, now_us);
}

static void expect_take(struct plm_reorder *r, uint64_t seq)
{
    struct plm_queued *q = plm_reorder_take(r);
    assert_non_null(q);
    assert_true(q->packet.ext_seq == seq);
    assert_int_equal(q->packet.data[0], (uint8_t)seq);
    free(q);
}

static void in_order_nothing_waits(void **state)
{
    (void)state;
    struct plm_reorder r;
    plm_reorder_init(&r);
    for (uint64_t seq = 65530; seq < 65550; seq++) {
        assert_int_equal(put(&r, seq, 0), PLM_REORDER_NOW);
        assert_null(plm_reorder_take(&r));
    }
    assert_true(plm_reorder_waits_since(&r) == UINT64_MAX);
    plm_reorder_reset(&r);
}

static void early_ones_wait(void **state)
{
    (void)state;
    struct plm_reorder r;
    plm_reorder_init(&r);
    assert_int_equal(put(&r, 10, 0), PLM_REORDER_NOW);
    assert_int_equal(put(&r, 14, 1), PLM_REORDER_KEPT);
    assert_int_equal(put(&r, 12, 2), PLM_REORDER_KEPT);
    assert_int_equal(put(&r, 13, 3), PLM_REORDER_KEPT);
    assert_true(plm_reorder_waits_since(&r) == 1);
    assert_null(plm_reorder_take(&r));
    assert_int_equal(put(&r, 11, 4), PLM_REORDER_NOW);
    for (uint64_t seq = 12; seq <= 14; seq++)
        expect_take(&r, seq);
    assert_null(plm_reorder_take(&r));
    assert_int_equal(r.n, 0);
    assert_int_equal(put(&r, 15, 5), PLM_REORDER_NOW);
    plm_reorder_reset(&r);
}

static void duplicates_and_late_ones(void **state)
{
    (void)state;
    struct plm_reorder r;
    plm_reorder_init(&r);
    assert_int_equal(put(&r, 100, 0), PLM_REORDER_NOW);
    assert_int_equal(put(&r, 100, 0), PLM_REORDER_DUPLICATE);
    assert_int_equal(put(&r, 103, 0), PLM_REORDER_KEPT);
    assert_int_equal(put(&r, 103, 0), PLM_REORDER_DUPLICATE);
    assert_true(plm_reorder_give_up(&r) == 2);
    expect_take(&r, 103);
    assert_int_equal(put(&r, 101, 0), PLM_REORDER_LATE);
    assert_int_equal(put(&r, 103, 0), PLM_REORDER_DUPLICATE);
    assert_int_equal(put(&r, 100 + PLM_REORDER_SEEN, 0), PLM_REORDER_KEPT);
    assert_true(plm_reorder_give_up(&r) == PLM_REORDER_SEEN - 4);
    expect_take(&r, 100 + PLM_REORDER_SEEN);
    assert_int_equal(put(&r, 101 + PLM_REORDER_SEEN - 1000, 0), PLM_REORDER_LATE);
    assert_int_equal(put(&r, 99, 0), PLM_REORDER_LATE); /* too long ago to know */
    assert_true(plm_reorder_give_up(&r) == 0);
    plm_reorder_reset(&r);
}

static void any_order_comes_out_in_order(void **state)
{
    (void)state;
    enum {
        N = 500
    };
    struct plm_reorder r;
    plm_reorder_init(&r);
    uint64_t seqs[N], next = 70000;
    srand(5);
    for (unsigned i = 0; i < N; i++)
        seqs[i] = next + i;
    for (unsigned i = N - 1; i > 1; i--) { /* the first stays: it says where to begin */
        unsigned j = 1 + (unsigned)rand() % i;
        uint64_t t = seqs[i];
        seqs[i] = seqs[j];
        seqs[j] = t;
    }
    for (unsigned i = 0; i < N; i++) {
        enum plm_reorder_verdict v = put(&r, seqs[i], i);
        assert_int_equal(v, seqs[i] == next ? PLM_REORDER_NOW : PLM_REORDER_KEPT);
        next += v == PLM_REORDER_NOW;
        struct plm_queued *q;
        while ((q = plm_reorder_take(&r))) {
            assert_true(q->packet.ext_seq == next++);
            free(q);
        }
    }
    assert_true(next == 70000 + N);
    assert_int_equal(r.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_order_nothing_waits),
        cmocka_unit_test(early_ones_wait),
        cmocka_unit_test(duplicates_and_late_ones),
        cmocka_unit_test(any_order_comes_out_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
