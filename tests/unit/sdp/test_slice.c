#include "sdp/slice.h"
#include "sdp_fixture.h"

/** A slice of a heap copy of exactly this text, freed by the caller through p. */
static struct plm_slice exact(const char *text)
{
    size_t n = strlen(text);
    char *p = malloc(n ? n : 1);
    assert_non_null(p);
    memcpy(p, text, n);
    return (struct plm_slice){p, n};
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t max, value;
        int rc;
    } rows[] = {
        {"0", 0, 0, 0},
        {"127", 127, 127, 0},
        {"128", 127, 0, PLM_EINVAL},
        {"4294967295", UINT32_MAX, UINT32_MAX, 0},
        {"4294967296", UINT32_MAX, 0, PLM_EINVAL},
        {"9999999999", UINT32_MAX, 0, PLM_EINVAL},
        {"00000000001", UINT32_MAX, 0, PLM_EINVAL},
        {"", 9, 0, PLM_EINVAL},
        {"-1", 9, 0, PLM_EINVAL},
        {"1 ", 9, 0, PLM_EINVAL},
        {"0x1", 9, 0, PLM_EINVAL},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct plm_slice s = exact(rows[i].text);
        uint32_t value = 77;
        assert_int_equal(plm_slice_number(s, rows[i].max, &value), rows[i].rc);
        assert_int_equal(value, rows[i].rc ? 77 : rows[i].value);
        free((char *)s.p);
    }
}

static void cuts(void **state)
{
    (void)state;
    struct plm_slice all = exact(" a\t b;;c"), rest = all;
    assert_true(plm_slice_is(plm_slice_word(&rest), "a"));
    assert_true(plm_slice_is(plm_slice_cut(&rest, ';'), "\t b"));
    assert_true(plm_slice_is(plm_slice_cut(&rest, ';'), ""));
    assert_true(plm_slice_is(plm_slice_cut(&rest, ';'), "c"));
    assert_int_equal(rest.n, 0);
    assert_int_equal(plm_slice_cut(&rest, ';').n, 0);
    assert_int_equal(plm_slice_word(&rest).n, 0);
    assert_true(plm_slice_is(plm_slice_trim((struct plm_slice){all.p, 5}), "a\t b"));
    free((char *)all.p);
    struct plm_slice blank = exact(" \t ");
    assert_int_equal(plm_slice_trim(blank).n, 0);
    assert_int_equal(plm_slice_word(&(struct plm_slice){blank.p, blank.n}).n, 0);
    free((char *)blank.p);
}

static void compares_and_copies(void **state)
{
    (void)state;
    struct plm_slice s = exact("OpUs");
    assert_true(plm_slice_is_word(s, "opus"));
    assert_false(plm_slice_is(s, "opus"));
    assert_false(plm_slice_is_word(s, "opu"));
    assert_false(plm_slice_is_word(s, "opus1"));
    char four[4] = "xyz", five[5];
    assert_int_equal(plm_slice_copy(four, sizeof four, s), PLM_ELIMIT);
    assert_string_equal(four, "xyz");
    assert_int_equal(plm_slice_copy(five, sizeof five, s), 0);
    assert_string_equal(five, "OpUs");
    free((char *)s.p);
}

static void tokens(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool token, visible;
    } rows[] = {
        {"a-b_c.!#$%&'*+^`{|}~0", true, true},
        {"", false, true},
        {"a b", false, false},
        {"a\tb", false, false},
        {"a/b", false, true},
        {"a:b", false, true},
        {"a\x7f", false, false},
        {"\xc3\xa9", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct plm_slice s = exact(rows[i].text);
        assert_int_equal(plm_slice_is_token(s), rows[i].token);
        assert_int_equal(plm_slice_is_visible(s), rows[i].visible);
        free((char *)s.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(cuts),
        cmocka_unit_test(compares_and_copies),
        cmocka_unit_test(tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
