#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "layer_rate.h"

/** A second of three layers that take `base`, as much again, and twice that. */
static void second_of(struct plm_layer_rate *r, size_t base)
{
    plm_layer_rate_on_packet(r, 0, base);
    plm_layer_rate_on_packet(r, 1, base);
    plm_layer_rate_on_packet(r, 2, 2 * base);
    plm_layer_rate_tick(r);
}

static void layers_add_up(void **state)
{
    (void)state;
    struct plm_layer_rate r = {0};
    assert_int_equal(plm_layer_rate_share(&r, 0, 3), 102); /* the usual ones: 40, 60, 100 % */
    assert_int_equal(plm_layer_rate_share(&r, 1, 3), 154);
    assert_int_equal(plm_layer_rate_share(&r, 2, 3), 256);
    assert_int_equal(plm_layer_rate_share(&r, 0, 1), 256);
    assert_int_equal(plm_layer_rate_share(&r, 0, 0), 256);
    assert_int_equal(plm_layer_rate_share(&r, 0, 9), 64);
    second_of(&r, 3000); /* not a whole second */
    assert_int_equal(r.bps[3], 0);
    second_of(&r, 10000);
    assert_int_equal(r.bps[0], 80000);
    assert_int_equal(r.bps[1], 160000);
    assert_int_equal(r.bps[2], 320000);
    assert_int_equal(r.bps[3], 320000);
    assert_int_equal(plm_layer_rate_share(&r, 0, 3), 64);
    assert_int_equal(plm_layer_rate_share(&r, 1, 3), 128);
}

/** A key frame is no rate; a new rate is one after some seconds. */
static void some_seconds_count(void **state)
{
    (void)state;
    struct plm_layer_rate r = {0};
    second_of(&r, 10000);
    second_of(&r, 10000);
    plm_layer_rate_on_packet(&r, 0, 20000);
    second_of(&r, 10000);
    assert_in_range(r.bps[2], 320000, 380000);
    for (int i = 0; i < 10; i++)
        second_of(&r, 20000);
    assert_in_range(r.bps[2], 630000, 640000);
}

/** An encoding that ends is remembered; its first and last seconds are not whole. */
static void silence_is_remembered_as_what_was(void **state)
{
    (void)state;
    struct plm_layer_rate r = {0};
    for (int i = 0; i < 4; i++)
        second_of(&r, 10000);
    for (int i = 0; i < 3; i++)
        plm_layer_rate_tick(&r);
    assert_int_equal(r.bps[2], 320000);
    second_of(&r, 100);
    assert_int_equal(r.bps[2], 320000);
}

static void what_is_told_counts_while_nothing_comes(void **state)
{
    (void)state;
    struct plm_layer_rate r = {0};
    plm_layer_rate_told(&r, 1000000, (const uint8_t[]){64, 128}, 3);
    assert_int_equal(r.bps[0], 250000);
    assert_int_equal(r.bps[1], 500000);
    assert_int_equal(r.bps[2], 1000000);
    plm_layer_rate_told(&r, 1000000, (const uint8_t[]){0, 0}, 2); /* shares unknown: the usual ones */
    assert_int_equal(r.bps[0], 601562);
    assert_int_equal(r.bps[1], 1000000);
    plm_layer_rate_told(&r, 0, (const uint8_t[]){64, 128}, 3);
    assert_int_equal(r.bps[1], 1000000);
    second_of(&r, 10000);
    second_of(&r, 10000);
    plm_layer_rate_told(&r, 1000, (const uint8_t[]){64, 128}, 3);
    assert_true(r.bps[2] > 300000);
    /* Nonsense never makes a lower layer larger. */
    r = (struct plm_layer_rate){0};
    plm_layer_rate_told(&r, UINT32_MAX, (const uint8_t[]){255, 1}, 4);
    for (unsigned i = 1; i < PLM_ALLOC_TEMPORAL; i++)
        assert_true(r.bps[i] >= r.bps[i - 1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_add_up),
        cmocka_unit_test(some_seconds_count),
        cmocka_unit_test(silence_is_remembered_as_what_was),
        cmocka_unit_test(what_is_told_counts_while_nothing_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
