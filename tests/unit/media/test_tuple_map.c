#include "tuple_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    ADDRS = 500
};

static struct plm_addr address(unsigned i)
{
    char text[PLM_ADDR_TEXT];
    struct plm_addr a;
    if (i % 3 == 0)
        snprintf(text, sizeof text, "[fd00::%x]:%u", i % 7, 1000 + i);
    else
        snprintf(text, sizeof text, "10.0.%u.1:%u", i % 5, 1000 + i);
    assert_int_equal(plm_addr_parse(&a, text), 0);
    return a;
}

static void behaves_like_an_array(void **state)
{
    (void)state;
    static bool model[2][ADDRS];
    struct plm_tuple_map m;
    plm_tuple_map_init(&m);
    unsigned seed = 3;
    uint32_t n = 0;
    for (int i = 0; i < 100000; i++) {
        seed = seed * 1103515245u + 12345u;
        unsigned k = seed / 65536u % ADDRS;
        uint8_t sock = seed >> 30 & 1;
        struct plm_addr a = address(k);
        if (seed / 11 % 2) {
            struct plm_tuple *t = plm_tuple_map_set(&m, sock, &a);
            assert_non_null(t);
            n += !model[sock][k];
            model[sock][k] = true;
            t->owner = (uint8_t)k;
        } else {
            plm_tuple_map_remove(&m, sock, &a);
            n -= model[sock][k];
            model[sock][k] = false;
        }
        assert_int_equal(m.n, n);
        unsigned p = seed / 5 % ADDRS;
        struct plm_addr b = address(p);
        struct plm_tuple *t = plm_tuple_map_find(&m, sock, &b);
        assert_int_equal(t != NULL, model[sock][p]);
        if (t)
            assert_int_equal(t->owner, (uint8_t)p);
    }
    plm_tuple_map_destroy(&m);
}

static void only_strays_expire(void **state)
{
    (void)state;
    struct plm_tuple_map m;
    plm_tuple_map_init(&m);
    for (unsigned i = 0; i < 300; i++) {
        struct plm_addr a = address(i);
        struct plm_tuple *t = plm_tuple_map_set(&m, 0, &a);
        t->heard_us = i;
        t->transport = i % 10 == 0 ? (struct plm_transport *)&m : NULL;
    }
    assert_int_equal(plm_tuple_map_expire(&m, 200), 180);
    assert_int_equal(m.n, 120);
    for (unsigned i = 0; i < 300; i++) {
        struct plm_addr a = address(i);
        assert_int_equal(plm_tuple_map_find(&m, 0, &a) != NULL, i >= 200 || i % 10 == 0);
    }
    plm_tuple_map_destroy(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_like_an_array),
        cmocka_unit_test(only_strays_expire),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
