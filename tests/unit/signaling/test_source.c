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
    struct plm_source_net trusted[3];
    (void)state;
    assert_int_equal(plm_source_net_parse(&trusted[0], "10.0.0.1"), 0);
    assert_int_equal(plm_source_net_parse(&trusted[1], "10.0.0.2"), 0);
    assert_int_equal(plm_source_net_parse(&trusted[2], "[fd00::1]"), 0);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[PLM_SOURCE_SIZE];
        char *forwarded = rows[i].forwarded ? strdup(rows[i].forwarded) : NULL; /* exactly as long */
        plm_source_find(out, rows[i].peer, forwarded, trusted, 3);
        assert_string_equal(out, rows[i].source);
        free(forwarded);
    }
}

static void test_networks(void **state)
{
    static const struct {
        const char *net, *peer;
        bool is_trusted;
    } rows[] = {
        {"10.0.0.0/8", "10.255.255.255", true},
        {"10.0.0.0/8", "11.0.0.0", false},
        {"10.0.0.0/8", "9.255.255.255", false},
        {"10.0.0.0/8", "::ffff:10.1.2.3", true},
        {"10.0.0.0/8", "a00::1", false},
        {"172.16.9.9/12", "172.31.0.1", true},
        {"172.16.9.9/12", "172.32.0.1", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7/32", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"fd00::/8", "fdff::1", true},
        {"fd00::/8", "fe00::1", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"[::1]", "::1", true},
        {"::1/128", "::2", false},
        {"::/0", "unix", false},
    };
    static const char *const bad[] = {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
        "10.0.0.0/8 ", "10.0.0.0/0008", "10.0.0.0/8/8", "10.0.0.1:80", "10.0.0/8", "fd00::/129",
        "::ffff:10.0.0.0/104", "proxy", "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc"};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct plm_source_net net;
        char text[PLM_SOURCE_NET], out[PLM_SOURCE_SIZE];
        assert_int_equal(plm_source_net_parse(&net, rows[i].net), 0);
        assert_int_equal(plm_source_is_trusted(rows[i].peer, &net, 1), rows[i].is_trusted);
        plm_source_find(out, rows[i].peer, "198.51.100.1", &net, 1);
        assert_int_equal(!strcmp(out, "198.51.100.1"), rows[i].is_trusted);
        plm_source_net_format(&net, text, sizeof text);
        assert_int_equal(plm_source_net_parse(&net, text), 0);
        assert_int_equal(plm_source_is_trusted(rows[i].peer, &net, 1), rows[i].is_trusted);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct plm_source_net net;
        assert_int_equal(plm_source_net_parse(&net, bad[i]), PLM_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_find), cmocka_unit_test(test_networks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
