#include "text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Exactly the octets on the heap, so that a reader that goes too far is seen. */
static size_t next(const char *s, size_t len, uint32_t *code)
{
    char *copy = malloc(len ? len : 1);
    memcpy(copy, s, len);
    size_t n = plm_text_next(copy, len, code);
    free(copy);
    return n;
}

static void test_next(void **state)
{
    static const struct {
        const char *s;
        size_t len;
        uint32_t code;
    } good[] = {
        {"a", 1, 'a'},
        {"\x7f", 1, 0x7f},
        {"\xc2\x80", 2, 0x80},
        {"\xdf\xbf", 2, 0x7ff},
        {"\xe0\xa0\x80", 3, 0x800},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xee\x80\x80", 3, 0xe000},
        {"\xef\xbf\xbf", 3, 0xffff},
        {"\xf0\x90\x80\x80", 4, 0x10000},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
    };
    /* RFC 3629 sections 3 and 10: overlong forms, surrogates, beyond U+10FFFF, stray and missing continuations. */
    static const char *const bad[] = {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x41",
        "\xe0\x9f\xbf", "\xe2\x82", "\xe2\x82\x41", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf0\x90\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xfe"};
    uint32_t code = 0;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_int_equal(next(good[i].s, good[i].len, &code), good[i].len);
        assert_int_equal(code, good[i].code);
        assert_int_equal(next(good[i].s, good[i].len - 1, &code), 0);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(next(bad[i], strlen(bad[i]), &code), 0);
    assert_int_equal(next("", 0, &code), 0);
}

static void test_clean(void **state)
{
    static const struct {
        const char *in;
        bool lines;
        const char *out; /* NULL: refused */
    } cases[] = {
        {"Ada", false, "Ada"}, {"  Ada Lovelace \xe3\x80\x80", false, "Ada Lovelace"},
        {"\xe2\x80\x8b\xef\xbb\xbf", false, ""}, {"", false, ""}, {"a\tb", false, NULL},
        {"a\nb", false, NULL}, {"a\nb\t", true, "a\nb"}, {"\n\n a\r\nb\rc\r\n", true, "a\nb\nc"},
        {"\r", true, ""}, {"a\x01", true, NULL}, {"a\x7f", false, NULL}, {"a\xc2\x85", true, NULL}, /* NEL */
        {"a\xe2\x80\xa8z", true, NULL},              /* U+2028 */
        {"a\xe2\x80\xaegpj.exe", false, "agpj.exe"}, /* U+202E turns what follows around */
        {"\xe2\x81\xa6x\xe2\x81\xa9", false, "x"}, {"\xd8\x9c\xe2\x80\x8f", false, ""}, {"\xff", false, NULL},
        {"\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac", false,
            "\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x94\xac"}, /* ZWJ stays */
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *s = strdup(cases[i].in);
        long n = plm_text_clean(s, cases[i].lines);
        if (!cases[i].out) {
            assert_int_equal(n, -1);
        } else {
            assert_string_equal(s, cases[i].out);
            assert_int_equal(n, (long)strlen(cases[i].out));
        }
        free(s);
    }
}

static void test_refs(void **state)
{
    (void)state;
    struct plm_text *t = plm_text_create("ab\0c", 4);
    assert_int_equal(t->len, 4);
    assert_int_equal(t->data[4], 0);
    assert_ptr_equal(plm_text_ref(t), t);
    plm_text_unref(t);
    assert_memory_equal(t->data, "ab\0c", 4);
    plm_text_unref(t);
    plm_text_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_next),
        cmocka_unit_test(test_clean),
        cmocka_unit_test(test_refs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
