#include "peer_count.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static void test_cap(void **state)
{
    struct plm_peer_count *counts = NULL, *taken[3], *other;
    (void)state;
    for (size_t i = 0; i < 3; i++)
        assert_non_null(taken[i] = plm_peer_count_take(&counts, "192.0.2.1", 3));
    assert_null(plm_peer_count_take(&counts, "192.0.2.1", 3));
    assert_null(plm_peer_count_take(&counts, "::ffff:192.0.2.1", 3)); /* the same one */
    assert_non_null(other = plm_peer_count_take(&counts, "192.0.2.2", 3));
    plm_peer_count_drop(&counts, taken[0]);
    assert_non_null(taken[0] = plm_peer_count_take(&counts, "192.0.2.1", 3));
    assert_null(plm_peer_count_take(&counts, "192.0.2.1", 3));
    for (size_t i = 0; i < 3; i++)
        plm_peer_count_drop(&counts, taken[i]);
    plm_peer_count_drop(&counts, other);
    plm_peer_count_drop(&counts, NULL);
    assert_null(counts); /* nothing is kept of who is gone */
}

/* Whoever has an IPv6 address has 2^64 of them. */
static void test_prefix(void **state)
{
    struct plm_peer_count *counts = NULL, *taken[64];
    char text[64];
    (void)state;
    for (size_t i = 0; i < 64; i++) {
        snprintf(text, sizeof text, "2001:db8:1:2:%zx::1", i);
        assert_non_null(taken[i] = plm_peer_count_take(&counts, text, 64));
    }
    assert_null(plm_peer_count_take(&counts, "2001:db8:1:2::ffff", 64));
    struct plm_peer_count *beside = plm_peer_count_take(&counts, "2001:db8:1:3::1", 64);
    assert_non_null(beside);
    plm_peer_count_drop(&counts, beside);
    for (size_t i = 0; i < 64; i++)
        plm_peer_count_drop(&counts, taken[i]);
    assert_null(counts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cap), cmocka_unit_test(test_prefix)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
