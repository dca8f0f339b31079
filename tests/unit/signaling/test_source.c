#include "source.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_find(void **state)
{
    static const struct {
        const char *peer, *forwarded, *source;
    } rows[] = {
        {"198.51.100.7", NULL, "198.51.100.7"},
        {"198.51.100.7", "203.0.113.9", "198.51.100.7"}, /* no proxy: anybody can write the header */
        {"10.0.0.1", NULL, "10.0.0.1"},
        {"10.0.0.1", "", "10.0.0.1"},
        {"10.0.0.1", "203.0.113.9", "203.0.113.9"},
        {"10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"}, /* the first was written by the client */
        {"10.0.0.1", "6.6.6.6,203.0.113.9 ,  10.0.0.2", "203.0.113.9"},
        {"10.0.0.1", "10.0.0.2,10.0.0.2", "10.0.0.2"},
        {"10.0.0.1", "203.0.113.9, nonsense", "unknown"},
        {"10.0.0.1", "203.0.113.9,", "unknown"},
        {"10.0.0.1", "203.0.113.9, nonsense, 10.0.0.2", "unknown"},
        {"10.0.0.1", " ", "unknown"},
        {"::ffff:10.0.0.1", "2001:DB8::1", "2001:db8::1"},
        {"fd00:0::1", "::ffff:203.0.113.9", "203.0.113.9"},
        {"2001:db8:0:0::9", "203.0.113.9", "2001:db8::9"},
        {"", "203.0.113.9", ""},
        {"unix", NULL, "unix"},
        {"10.0.0.1", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd", "unknown"},
    };
    struct plm_addr trusted[3];
    (void)state;
    assert_int_equal(plm_addr_parse(&trusted[0], "10.0.0.1"), 0);
    assert_int_equal(plm_addr_parse(&trusted[1], "10.0.0.2"), 0);
    assert_int_equal(plm_addr_parse(&trusted[2], "[fd00::1]"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[PLM_SOURCE_SIZE];
        char *forwarded = rows[i].forwarded ? strdup(rows[i].forwarded) : NULL; /* exactly as long */
        plm_source_find(out, rows[i].peer, forwarded, trusted, 3);
        assert_string_equal(out, rows[i].source);
        free(forwarded);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
