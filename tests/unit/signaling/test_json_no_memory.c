/*
 * JSON when memory ends: from the Nth allocation on jansson gets nothing from malloc. What is read is right or refused, nothing is written
 * past its end, and the reserve is free again and was never used up.
 */
#include "../../fakes/own_alloc.h"

#include "json_memory.h"
#include "json_text.h"
#include "plenum/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned left; /* allocations until all fail; 0: none does */
static bool armed, ended;

OWN_ALLOC_EARLY static bool alloc_fails(const void *caller)
{
    (void)caller;
    if (!armed || !left)
        return false;
    ended = ended || --left == 0;
    left += ended; /* stays at the last */
    return ended;
}

static int read_from(unsigned nth, json_t **out, const char *text, size_t len)
{
    left = nth;
    ended = false;
    armed = true;
    int err = plm_json_read(out, text, len, NULL);
    armed = false;
    return err;
}

/* Every N until N is more than it needs. @return how many that was */
static unsigned each_shortage(const char *text, size_t len, unsigned step)
{
    json_t *whole = NULL, *o;
    assert_int_equal(plm_json_read(&whole, text, len, NULL), 0);
    for (unsigned nth = 1;; nth += step) {
        long before = alloc_live;
        o = NULL;
        int err = read_from(nth, &o, text, len);
        if (err) {
            assert_int_equal(err, PLM_ENOMEM);
            assert_null(o);
            assert_true(ended);
        } else {
            assert_true(json_equal(o, whole));
        }
        json_decref(o);
        assert_int_equal(plm_json_memory_used(), 0);
        assert_int_equal(alloc_live, before);
        if (ended)
            continue;
        json_decref(whole);
        return nth;
    }
}

static void test_small(void **state)
{
    static const char *const texts[] = {"{}", "[]", "[\"text\"]", "[1]",
        "{\"a\":[1,2.5,true,null,\"b\"],\"c\":{\"d\":\"\\u20ac\"}}",
        "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890123456789\",\"b\":\"x\"}",
        "[\"0123456789abcde\",\"0123456789abcdef\",\"0123456789abcdef0\"]"};
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        each_shortage(texts[i], strlen(texts[i]), 1);
}

/* As large as anything that is read, and as greedy as JSON can be. */
static void test_large(void **state)
{
    static const size_t size = 1024 * 1024;
    char *text = malloc(size + 1);
    (void)state;
    memset(text, 'x', size); /* one text: its buffer doubles */
    memcpy(text, "[\"", 2);
    memcpy(text + size - 2, "\"]", 2);
    each_shortage(text, size, 1);

    size_t n = 0; /* objects in a list, of the fewest octets */
    text[n++] = '[';
    while (n < 64 * 1024)
        n += (size_t)sprintf(text + n, "{},");
    text[n - 1] = ']';
    each_shortage(text, n, 997);

    n = 0; /* as deep as jansson goes */
    for (; n < 2000; n++)
        text[n] = '[';
    for (; n < 4000; n++)
        text[n] = ']';
    each_shortage(text, n, 17);

    free(text);
    assert_in_range(plm_json_memory_most(), 1024 * 1024, PLM_JSON_RESERVE);
    print_message(
        "at most %zu kB of the reserve's %u\n", plm_json_memory_most() / 1024, PLM_JSON_RESERVE / 1024);
}

static void test_not_json(void **state)
{
    static const char *const texts[] = {
        "", "{", "{\"a\":1,\"a\":2}", "[1,]", "\"a\0\"", "nul", "{} {}", "\xff", "\"\\ud800\""};
    json_t *o = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(plm_json_read(&o, texts[i], strlen(texts[i]), NULL), PLM_EINVAL);
    assert_null(o);
}

/* What is written is whole, or nothing. */
static void test_write(void **state)
{
    (void)state;
    for (unsigned nth = 1;; nth++) {
        long before = alloc_live;
        left = nth;
        ended = false;
        armed = true;
        json_t *o = json_pack("{s:s, s:[i, i], s:{s:b}}", "some name", "a text that is longer than others",
            "numbers", 1, 2, "inner", "yes", 1);
        struct plm_text *text = plm_json_text(o);
        armed = false;
        if (text)
            assert_string_equal(text->data, "{\"some name\":\"a text that is longer than "
                                            "others\",\"numbers\":[1,2],\"inner\":{\"yes\":true}}");
        assert_true(text || ended);
        plm_text_unref(text);
        assert_int_equal(alloc_live, before);
        assert_int_equal(plm_json_memory_used(), 0);
        if (!ended)
            return;
    }
}

int main(void)
{
    plm_json_memory_install();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_small), cmocka_unit_test(test_large),
        cmocka_unit_test(test_not_json), cmocka_unit_test(test_write)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
