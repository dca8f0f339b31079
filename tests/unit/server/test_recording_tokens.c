#include "recording_tokens.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID    "0123456789abcdef0123456789abcdef"
#define OTHER "0123456789abcdef0123456789abcdee"

static void test_tokens(void **state)
{
    struct plm_recording_tokens t = {.key = "a key that is thirty-two octets"}, u = t;
    char token[PLM_RECORDING_TOKEN_SIZE];
    (void)state;
    u.key[31] ^= 1;
    plm_recording_token_make(&t, ID, 3, 600999, token);
    assert_true(plm_recording_token_good(&t, ID, 3, 0, token));
    assert_true(plm_recording_token_good(&t, ID, 3, 599999, token));
    assert_false(plm_recording_token_good(&t, ID, 3, 600000, token)); /* over */
    assert_false(plm_recording_token_good(&t, OTHER, 3, 0, token));   /* of another recording */
    assert_false(plm_recording_token_good(&t, ID, 4, 0, token));      /* void since */
    assert_false(plm_recording_token_good(&u, ID, 3, 0, token));      /* of another process */
    for (size_t i = 0; i < strlen(token); i++) {
        char bad[PLM_RECORDING_TOKEN_SIZE + 1];
        strcpy(bad, token);
        bad[i] = bad[i] == '1' ? '2' : '1';
        assert_false(plm_recording_token_good(&t, ID, 3, 0, bad));
        bad[i] = 0;
        assert_false(plm_recording_token_good(&t, ID, 3, 0, bad));
        sprintf(bad, "%s1", token);
        assert_false(plm_recording_token_good(&t, ID, 3, 0, bad));
    }
}

static void test_nonsense(void **state)
{
    struct plm_recording_tokens t = {.key = "a key that is thirty-two octets"};
    char longer[400];
    (void)state;
    memset(longer, '9', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    static const char *const bad[] = {
        "", ".", "1", "1.", "-1.00", "+1.00", " 1.00", "18446744073709551616.00", "0x10.00", "99999999999"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(plm_recording_token_good(&t, ID, 0, 0, bad[i]));
    assert_false(plm_recording_token_good(&t, ID, 0, 0, longer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_tokens), cmocka_unit_test(test_nonsense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
