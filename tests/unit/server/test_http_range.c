#include "http_range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 9110 section 14.1.2 and 14.2 */
static void test_ranges(void **state)
{
    static const struct {
        const char *header;
        uint64_t size;
        enum plm_http_range which;
        uint64_t first, len;
    } cases[] = {
        {NULL, 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=0-499", 1000, PLM_HTTP_RANGE_PART, 0, 500},
        {"bytes=500-999", 1000, PLM_HTTP_RANGE_PART, 500, 500},
        {"bytes=500-1999", 1000, PLM_HTTP_RANGE_PART, 500, 500},
        {"bytes=999-999", 1000, PLM_HTTP_RANGE_PART, 999, 1},
        {"bytes=0-", 1000, PLM_HTTP_RANGE_PART, 0, 1000},
        {"bytes=9-", 10, PLM_HTTP_RANGE_PART, 9, 1},
        {"bytes=-500", 1000, PLM_HTTP_RANGE_PART, 500, 500},
        {"bytes=-5000", 1000, PLM_HTTP_RANGE_PART, 0, 1000},
        {"bytes= 0-4 ", 1000, PLM_HTTP_RANGE_PART, 0, 5},
        {"bytes=0-18446744073709551614", 1000, PLM_HTTP_RANGE_PART, 0, 1000},
        {"bytes=5000000000-5000000009", 6000000000, PLM_HTTP_RANGE_PART, 5000000000, 10},
        {"bytes=1000-", 1000, PLM_HTTP_RANGE_NONE, 0, 0},
        {"bytes=1000-2000", 1000, PLM_HTTP_RANGE_NONE, 0, 0},
        {"bytes=-0", 1000, PLM_HTTP_RANGE_NONE, 0, 0},
        {"bytes=0-", 0, PLM_HTTP_RANGE_NONE, 0, 0},
        {"bytes=-1", 0, PLM_HTTP_RANGE_NONE, 0, 0},
        /* not understood: the whole */
        {"", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=-", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=5", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=5-4", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=a-b", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=0x1-2", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=+1-2", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=--1", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=0-1,5-6", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=0-1x", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=99999999999999999999-", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"bytes=0-99999999999999999999", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
        {"lines=0-4", 1000, PLM_HTTP_RANGE_ALL, 0, 1000},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t first = 7, len = 7;
        char *exact = cases[i].header ? strdup(cases[i].header) : NULL;
        enum plm_http_range which = plm_http_range_read(exact, cases[i].size, &first, &len);
        if (which != cases[i].which || first != cases[i].first || len != cases[i].len)
            fail_msg("%s of %llu: %d, %llu + %llu", cases[i].header, (unsigned long long)cases[i].size, which,
                (unsigned long long)first, (unsigned long long)len);
        free(exact);
    }
}

/* Whatever is sent lies within the file. */
static void test_anything(void **state)
{
    static const char letters[] = "bytes=0123456789-, 19";
    unsigned random = 5;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        char text[24] = "bytes=";
        size_t n = 6 + (random >> 16) % 12;
        for (size_t k = i % 3 ? 6 : 0; k < n; k++) {
            random = random * 1103515245u + 12345u;
            text[k] = letters[(random >> 16) % (sizeof letters - 1)];
        }
        text[n] = 0;
        uint64_t first, len, size = (random >> 8) % 50;
        enum plm_http_range which = plm_http_range_read(text, size, &first, &len);
        assert_true(which == PLM_HTTP_RANGE_NONE ? len == 0 : first <= size && len <= size - first);
        assert_true(which != PLM_HTTP_RANGE_PART || len > 0);
    }
}

static void test_etags(void **state)
{
    char etag[PLM_HTTP_ETAG_SIZE], other[PLM_HTTP_ETAG_SIZE];
    (void)state;
    plm_http_etag(etag, UINT64_MAX, (struct timespec){.tv_sec = 17000000000, .tv_nsec = 999999999});
    assert_int_equal(etag[strlen(etag) - 1], '"');
    plm_http_etag(etag, 1000, (struct timespec){.tv_sec = 5, .tv_nsec = 1});
    plm_http_etag(other, 1000, (struct timespec){.tv_sec = 5, .tv_nsec = 2});
    assert_string_not_equal(etag, other);
    assert_true(plm_http_etag_listed("\"a\"", "\"a\"", false));
    assert_true(plm_http_etag_listed(" \"b\" , \"a\"", "\"a\"", false));
    assert_true(plm_http_etag_listed("*", "\"a\"", false));
    assert_true(plm_http_etag_listed("W/\"a\"", "\"a\"", true));
    assert_false(plm_http_etag_listed("W/\"a\"", "\"a\"", false));
    assert_false(plm_http_etag_listed("\"ab\"", "\"a\"", true));
    assert_false(plm_http_etag_listed("a", "\"a\"", true));
    assert_false(plm_http_etag_listed("\"a", "\"a\"", true));
    assert_false(plm_http_etag_listed("", "\"a\"", true));
    assert_false(plm_http_etag_listed("*x", "\"a\"", true));
    assert_false(plm_http_etag_listed("\"b\" \"a\"", "\"a\"", true));
}

static void test_dates(void **state)
{
    char date[PLM_HTTP_DATE_SIZE];
    (void)state;
    plm_http_date(date, 784111777);
    assert_string_equal(date, "Sun, 06 Nov 1994 08:49:37 GMT");
    assert_true(plm_http_date_covers(date, 784111777));
    assert_false(plm_http_date_covers(date, 784111778));
    assert_false(plm_http_date_covers("yesterday", 0));
    assert_false(plm_http_date_covers("Sun, 06 Nov 1994 08:49:37 GMT and more", 0));
    assert_true(plm_http_if_range(NULL, "\"a\"", date));
    assert_true(plm_http_if_range("\"a\"", "\"a\"", date));
    assert_true(plm_http_if_range("Sun, 06 Nov 1994 08:49:37 GMT", "\"a\"", date));
    assert_false(plm_http_if_range("Sun, 06 Nov 1994 08:49:38 GMT", "\"a\"", date)); /* the very date */
    assert_false(plm_http_if_range("W/\"a\"", "\"a\"", date));
    assert_false(plm_http_if_range("", "\"a\"", date));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ranges), cmocka_unit_test(test_anything),
        cmocka_unit_test(test_etags), cmocka_unit_test(test_dates)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
