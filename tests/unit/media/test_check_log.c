#include "check_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/** A header whose transaction ids differ at their end. */
static uint8_t *request(uint32_t n)
{
    static uint8_t header[20];
    memcpy(header + 16, &n, sizeof n);
    return header;
}

static void remembers_the_last(void **state)
{
    (void)state;
    static struct plm_check_log log;
    assert_false(plm_check_log_has(&log, request(0)));
    assert_false(plm_check_log_has(&log, request(1)));
    for (uint32_t n = 1; n <= PLM_CHECK_LOG_SIZE; n++) {
        plm_check_log_note(&log, request(n));
        plm_check_log_note(&log, request(n)); /* a repetition takes no place */
        assert_true(plm_check_log_has(&log, request(n)));
        assert_true(plm_check_log_has(&log, request(1)));
        assert_false(plm_check_log_has(&log, request(n + 1)));
    }
    plm_check_log_note(&log, request(5000));
    assert_false(plm_check_log_has(&log, request(1)));
    assert_true(plm_check_log_has(&log, request(2)));
    assert_true(plm_check_log_has(&log, request(5000)));
}

/** Whoever has two of them and sends them in turn, with the peer's address as their source, makes the log forget nothing. */
static void repeated_ones_take_no_places(void **state)
{
    (void)state;
    static struct plm_check_log log;
    for (uint32_t n = 1; n <= 3; n++)
        plm_check_log_note(&log, request(n));
    for (uint32_t i = 0; i < PLM_CHECK_LOG_SIZE; i++)
        plm_check_log_note(&log, request(1 + i % 2));
    assert_true(plm_check_log_has(&log, request(3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(remembers_the_last),
        cmocka_unit_test(repeated_ones_take_no_places),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
