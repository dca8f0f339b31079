#include "base/u32_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* Against a plain array: 200 000 random operations on keys that collide often. */
static void behaves_like_an_array(void **state)
{
    (void)state;
    enum {
        KEYS = 700
    };
    static void *model[KEYS + 1];
    struct plm_u32_map m;
    plm_u32_map_init(&m);
    unsigned seed = 7;
    uint32_t n = 0;
    for (int i = 0; i < 200000; i++) {
        seed = seed * 1103515245u + 12345u;
        uint32_t key = seed / 65536u % KEYS + 1;
        if (seed / 7 % 3 != 0) {
            void *value = &model[seed % KEYS];
            n += model[key] == NULL;
            model[key] = value;
            assert_int_equal(plm_u32_map_set(&m, key, value), 0);
        } else {
            n -= model[key] != NULL;
            assert_ptr_equal(plm_u32_map_remove(&m, key), model[key]);
            model[key] = NULL;
        }
        assert_int_equal(m.n, n);
        uint32_t probe = seed / 3 % KEYS + 1;
        assert_ptr_equal(plm_u32_map_find(&m, probe), model[probe]);
    }
    uint32_t at = 0, seen = 0;
    while (plm_u32_map_next(&m, &at))
        seen++;
    assert_int_equal(seen, n);
    plm_u32_map_destroy(&m);
}

static void zero_is_no_key(void **state)
{
    (void)state;
    struct plm_u32_map m;
    plm_u32_map_init(&m);
    assert_null(plm_u32_map_find(&m, 0));
    assert_null(plm_u32_map_remove(&m, 0));
    assert_int_equal(plm_u32_map_set(&m, 4294967295u, &m), 0);
    assert_null(plm_u32_map_find(&m, 0));
    assert_ptr_equal(plm_u32_map_find(&m, 4294967295u), &m);
    plm_u32_map_destroy(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(behaves_like_an_array),
        cmocka_unit_test(zero_is_no_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
