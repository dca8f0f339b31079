#include "plenum/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void parses_and_formats(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } good[] = {
        {"1.2.3.4:80", "1.2.3.4:80"},
        {"1.2.3.4", "1.2.3.4:0"},
        {"[::1]:65535", "[::1]:65535"},
        {"[2001:DB8::1]", "[2001:db8::1]:0"},
        {"::1", "[::1]:0"},
        {"0.0.0.0:0", "0.0.0.0:0"},
        {"[::ffff:10.0.0.1]:5", "10.0.0.1:5"},
        {"ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:0"},
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct plm_addr a;
        char buf[PLM_ADDR_TEXT];
        assert_int_equal(plm_addr_parse(&a, good[i].in), 0);
        assert_string_equal(plm_addr_format(&a, buf, sizeof buf), good[i].out);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {"", ":", ":80", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:8x",
        "1.2.3.4:-1", "1.2.3.4:000080", "localhost:80", "[::1", "[::1]80", "[::1]:", "[]:80", "[1.2.3.4]:80",
        "::1%lo", "1111:2222:3333:4444:5555:6666:7777:8888:9999", " 1.2.3.4",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:1"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct plm_addr a = {.in4 = {.sin_family = 77}};
        assert_int_equal(plm_addr_parse(&a, bad[i]), PLM_EINVAL);
        assert_int_equal(a.sa.sa_family, 77);
    }
}

static void compares(void **state)
{
    (void)state;
    struct plm_addr a, b;
    assert_int_equal(plm_addr_parse(&a, "10.0.0.1:5000"), 0);
    assert_int_equal(plm_addr_parse(&b, "[::ffff:10.0.0.1]:5000"), 0);
    assert_true(plm_addr_equal(&a, &b));
    plm_addr_set_port(&b, 5001);
    assert_false(plm_addr_equal(&a, &b));
    assert_int_equal(plm_addr_port(&b), 5001);
    assert_int_equal(plm_addr_parse(&a, "[fe80::1]:1"), 0);
    assert_false(plm_addr_equal(&a, &b));
    b = a;
    assert_true(plm_addr_equal(&a, &b));
    b.in6.sin6_scope_id = 3;
    assert_false(plm_addr_equal(&a, &b));
}

static void formats_none_and_short(void **state)
{
    (void)state;
    struct plm_addr none = {0};
    char buf[PLM_ADDR_TEXT];
    assert_string_equal(plm_addr_format(&none, buf, sizeof buf), "none");
    assert_int_equal(plm_addr_port(&none), 0);
    assert_true(plm_addr_equal(&none, &none));
    struct plm_addr a;
    assert_int_equal(plm_addr_parse(&a, "10.0.0.1:5000"), 0);
    char tiny[6];
    assert_string_equal(plm_addr_format(&a, tiny, sizeof tiny), "10.0.");
    assert_string_equal(plm_addr_format_host(&a, buf, sizeof buf), "10.0.0.1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_and_formats),
        cmocka_unit_test(refuses),
        cmocka_unit_test(compares),
        cmocka_unit_test(formats_none_and_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
