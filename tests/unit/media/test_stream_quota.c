#include "stream_quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct plm_addr addr(const char *text)
{
    struct plm_addr a;
    assert_int_equal(plm_addr_parse(&a, text), 0);
    return a;
}

static bool enter(struct plm_stream_quota *q, const char *text)
{
    struct plm_addr a = addr(text);
    return plm_stream_quota_enter(q, &a);
}

static void leave(struct plm_stream_quota *q, const char *text, bool proven)
{
    struct plm_addr a = addr(text);
    plm_stream_quota_leave(q, &a, proven);
}

static void a_source_is_an_address_or_a_slash_64(void **state)
{
    (void)state;
    struct plm_stream_quota *q;
    assert_int_equal(plm_stream_quota_create(&q, 100, 2), 0);
    assert_true(enter(q, "192.0.2.1:1"));
    assert_true(enter(q, "192.0.2.1:2"));
    assert_false(enter(q, "192.0.2.1:3"));
    assert_true(enter(q, "192.0.2.2:3"));
    assert_true(enter(q, "[2001:db8::1]:1"));
    assert_true(enter(q, "[2001:db8::2]:1"));
    assert_false(enter(q, "[2001:db8::ffff:0:0:3]:1"));
    assert_true(enter(q, "[2001:db8:0:1::1]:1"));
    leave(q, "192.0.2.1:2", false);
    assert_true(enter(q, "192.0.2.1:4"));
    plm_stream_quota_destroy(q);
}

static void what_is_proven_counts_no_more_for_its_source(void **state)
{
    (void)state;
    struct plm_stream_quota *q;
    struct plm_addr a = addr("192.0.2.1:1");
    uint64_t accepted, refused;
    assert_int_equal(plm_stream_quota_create(&q, 5, 1), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_true(plm_stream_quota_enter(q, &a));
        assert_false(plm_stream_quota_enter(q, &a));
        plm_stream_quota_prove(q, &a);
    }
    assert_true(plm_stream_quota_enter(q, &a));
    assert_false(enter(q, "192.0.2.9:1")); /* that was the fifth of all */
    leave(q, "192.0.2.1:1", true);
    assert_true(enter(q, "192.0.2.9:1"));
    plm_stream_quota_counts(q, &accepted, &refused);
    assert_int_equal(accepted, 6);
    assert_int_equal(refused, 5);
    plm_stream_quota_destroy(q);
}

static void many_come_and_go(void **state)
{
    (void)state;
    struct plm_stream_quota *q;
    char text[PLM_ADDR_TEXT];
    assert_int_equal(plm_stream_quota_create(&q, 300, 2), 0);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 300; i++) {
            snprintf(text, sizeof text, "10.0.%u.%u:%u", round, i / 2, i + 1);
            assert_true(enter(q, text));
        }
        assert_false(enter(q, "10.9.9.9:1"));
        for (unsigned i = 300; i-- > 0;) {
            snprintf(text, sizeof text, "10.0.%u.%u:%u", round, i / 2, i + 1);
            leave(q, text, false);
        }
    }
    plm_stream_quota_destroy(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_an_address_or_a_slash_64),
        cmocka_unit_test(what_is_proven_counts_no_more_for_its_source),
        cmocka_unit_test(many_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
