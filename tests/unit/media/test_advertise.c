#include "advertise.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MAX 16

static size_t parse(struct plm_addr *out, const char *const *text)
{
    size_t n = 0;
    for (; text[n]; n++)
        assert_int_equal(plm_addr_parse(&out[n], text[n]), 0);
    return n;
}

static void expect(const struct plm_addr *got, size_t n, const char *const *want)
{
    char text[PLM_ADDR_TEXT];
    size_t i = 0;
    for (; want[i]; i++) {
        assert_true(i < n);
        assert_string_equal(plm_addr_format(&got[i], text, sizeof text), want[i]);
    }
    assert_int_equal(n, i);
}

static void check(const char *const *bound, const char *const *ifaces, const char *const *want)
{
    struct plm_addr b[MAX], f[MAX], out[MAX];
    size_t n_bound = parse(b, bound), n_ifaces = parse(f, ifaces);
    expect(out, plm_candidates_from_bound(out, MAX, b, n_bound, f, n_ifaces), want);
}
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NONE      ((const char *const[]){NULL})

static void wildcards_mean_the_interfaces(void **state)
{
    (void)state;
    check(LIST("0.0.0.0:3478", "[::]:3478"),
        LIST("127.0.0.1", "10.1.2.3", "198.51.100.7", "169.254.3.4", "[::1]", "[fd00::1]", "[2001:db8::1]",
            "[fe80::1]"),
        LIST("198.51.100.7:3478", "10.1.2.3:3478", "[2001:db8::1]:3478", "[fd00::1]:3478"));
    check(LIST("0.0.0.0:3478"),
        LIST("100.64.0.1", "100.128.0.1", "172.15.0.1", "172.31.0.1", "[2001:db8::1]"),
        LIST("100.128.0.1:3478", "172.15.0.1:3478", "100.64.0.1:3478", "172.31.0.1:3478"));
}

static void loopback_is_the_last_resort(void **state)
{
    (void)state;
    check(LIST("0.0.0.0:5"), LIST("127.0.0.1", "[::1]"), LIST("127.0.0.1:5"));
    check(LIST("127.0.0.1:5"), LIST("127.0.0.1", "10.0.0.1"), LIST("127.0.0.1:5"));
    check(LIST("0.0.0.0:5"), NONE, NONE);
}

static void bound_addresses_stand_for_themselves(void **state)
{
    (void)state;
    check(LIST("10.0.0.1:5", "10.0.0.1:5", "[fe80::1]:6", "0.0.0.0:7"), LIST("10.0.0.1"),
        LIST("10.0.0.1:5", "[fe80::1]:6", "10.0.0.1:7"));
}

static void configured_addresses_get_the_bound_port(void **state)
{
    (void)state;
    struct plm_addr told[MAX], bound[MAX], out[MAX];
    size_t n_told = parse(told, LIST("203.0.113.1", "203.0.113.2:99", "[2001:db8::9]", "203.0.113.1"));
    size_t n_bound = parse(bound, LIST("10.0.0.1:5", "[::]:6"));
    expect(out, plm_candidates_from_config(out, MAX, told, n_told, bound, n_bound),
        LIST("203.0.113.1:5", "203.0.113.2:99", "[2001:db8::9]:6"));
    expect(out, plm_candidates_from_config(out, MAX, told, n_told, bound, 1),
        LIST("203.0.113.1:5", "203.0.113.2:99", "[2001:db8::9]:5"));
}

static void never_more_than_asked_for(void **state)
{
    (void)state;
    struct plm_addr b[MAX], f[MAX], out[2];
    size_t n_bound = parse(b, LIST("0.0.0.0:5")), n = parse(f, LIST("10.0.0.1", "10.0.0.2", "10.0.0.3"));
    expect(out, plm_candidates_from_bound(out, 2, b, n_bound, f, n), LIST("10.0.0.1:5", "10.0.0.2:5"));
}

static void interfaces_of_this_machine(void **state)
{
    (void)state;
    struct plm_addr out[64];
    size_t n = plm_interface_addrs(out, 64);
    assert_true(n <= 64);
    for (size_t i = 0; i < n; i++) {
        assert_true(out[i].sa.sa_family == AF_INET || out[i].sa.sa_family == AF_INET6);
        assert_int_equal(plm_addr_port(&out[i]), 0);
    }
    assert_true(plm_interface_addrs(out, 1) <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_mean_the_interfaces),
        cmocka_unit_test(loopback_is_the_last_resort),
        cmocka_unit_test(bound_addresses_stand_for_themselves),
        cmocka_unit_test(configured_addresses_get_the_bound_port),
        cmocka_unit_test(never_more_than_asked_for),
        cmocka_unit_test(interfaces_of_this_machine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
