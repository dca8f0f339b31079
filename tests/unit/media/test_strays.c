#include "strays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#define SECOND UINT64_C(1000000)

enum { OF_EACH = 8 };

static struct plm_addr address(unsigned n)
{
    struct plm_addr a;
    char text[PLM_ADDR_TEXT];
    snprintf(text, sizeof text, "192.0.2.%u:%u", n / 1000, 1000 + n % 1000);
    assert_int_equal(plm_addr_parse(&a, text), 0);
    return a;
}

static bool is_known(const struct plm_tuple_map *m, unsigned n)
{
    struct plm_addr a = address(n);
    return plm_tuple_map_find(m, 0, &a) != NULL;
}

static void of_each_the_latest_are_known(void **state)
{
    (void)state;
    struct plm_strays s;
    struct plm_tuple_map m;
    int n = 0;
    plm_strays_init(&s);
    plm_tuple_map_init(&m);
    for (unsigned i = 0; i < 2000; i++) {
        struct plm_addr a = address(i);
        n += plm_strays_note(&s, &m, 1 + i % 100, 1, 0, &a, (1 + i) * SECOND);
        a = address(0);
        n += plm_strays_note(&s, &m, 1, 1, 0, &a, (1 + i) * SECOND); /* that is heard of all the time */
    }
    assert_int_equal(n, 100 * OF_EACH);
    assert_int_equal(m.n, n);
    assert_true(is_known(&m, 0));
    assert_false(is_known(&m, 1));
    assert_false(is_known(&m, 2000 - 100 * OF_EACH));
    assert_true(is_known(&m, 2000 - 100 * OF_EACH + 1));
    assert_true(is_known(&m, 1999));
    assert_int_equal(plm_strays_expire(&s, &m, 2000 * SECOND), n - 2); /* not the last, nor that one */
    assert_int_equal(plm_strays_expire(&s, &m, 5000 * SECOND), 2);
    assert_int_equal(m.n, 0);
    assert_null(s.first);
    assert_int_equal(s.by_transport.n, 0);
    plm_strays_destroy(&s);
    plm_tuple_map_destroy(&m);
}

static void what_became_ours_is_none(void **state)
{
    (void)state;
    struct plm_strays s;
    struct plm_tuple_map m;
    plm_strays_init(&s);
    plm_tuple_map_init(&m);
    for (unsigned i = 0; i < OF_EACH; i++) {
        struct plm_addr a = address(i);
        assert_int_equal(plm_strays_note(&s, &m, 1, 1, 0, &a, 1 + i), 1);
        plm_tuple_map_find(&m, 0, &a)->transport = i < 3 ? (struct plm_transport *)&m : NULL;
    }
    struct plm_addr a = address(0);
    assert_int_equal(plm_strays_note(&s, &m, 1, 1, 0, &a, 50), 0);
    assert_int_equal(plm_tuple_map_find(&m, 0, &a)->heard_us, 1); /* it is the transport's to say */
    for (unsigned i = OF_EACH; i < OF_EACH + 3; i++) {
        a = address(i);
        assert_int_equal(plm_strays_note(&s, &m, 1, 1, 0, &a, 50), 1); /* in their places */
    }
    a = address(20);
    assert_int_equal(plm_strays_note(&s, &m, 1, 1, 0, &a, 7 * SECOND), 0); /* those that speak stay */
    assert_false(is_known(&m, 20));
    assert_int_equal(plm_strays_note(&s, &m, 1, 1, 0, &a, 9 * SECOND), 0);
    assert_true(is_known(&m, 20));
    for (unsigned i = 0; i < OF_EACH + 3; i++)
        assert_int_equal(is_known(&m, i), i != 3);
    assert_int_equal(plm_strays_expire(&s, &m, 10 * SECOND), OF_EACH);
    assert_int_equal(m.n, 3);
    plm_strays_destroy(&s);
    plm_tuple_map_destroy(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_each_the_latest_are_known),
        cmocka_unit_test(what_became_ours_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
