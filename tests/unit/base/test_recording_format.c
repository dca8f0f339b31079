#include "base/recording_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void names_come_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < PLM_RECORDING_STATE_COUNT; i++)
        assert_int_equal(plm_recording_state_from(plm_recording_state_name((enum plm_recording_state)i)), i);
    for (unsigned i = 0; i < PLM_RECORDING_REASON_COUNT; i++)
        assert_int_equal(
            plm_recording_reason_from(plm_recording_reason_name((enum plm_recording_reason)i)), i);
    assert_int_equal(plm_recording_state_from("On"), PLM_RECORDING_STATE_COUNT);
    assert_int_equal(plm_recording_reason_from("why"), PLM_RECORDING_REASON_COUNT);
}

static void ids(void **state)
{
    (void)state;
    assert_true(plm_recording_id_valid("0123456789abcdef0123456789abcdef"));
    assert_true(plm_recording_run_valid("0123456789abcdef"));
    assert_false(plm_recording_run_valid(""));
    assert_false(plm_recording_run_valid("0123456789ABCDEF"));
    assert_false(plm_recording_run_valid("0123456789abcdef0"));
    static const char *const bad[] = {"", "..", "0123456789abcdef0123456789abcde",
        "0123456789abcdef0123456789abcdef0", "0123456789ABCDEF0123456789abcdef",
        "0123456789abcdef/123456789abcdef", "../0123456789abcdef0123456789abc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(plm_recording_id_valid(bad[i]));
}

static void files(void **state)
{
    (void)state;
    static const char *const good[] = {"journal.jsonl", "manifest.json", "p1-camera-1.mp4",
        "p4294967295-screen-12.webm", "p1-camera-1.mp4.part", "p7-screen-3.webm.part"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(plm_recording_file_valid(good[i]));
    static const char *const bad[] = {"", ".", "..", "journal.jsonl.part", "p-camera-1.mp4", "p1-camera-.mp4",
        "p1-camera-1.mkv", "p1-window-1.mp4", "p1-camera-1.mp4/", "/p1-camera-1.mp4", "../p1-camera-1.mp4",
        "p1-camera-1.mp4.part.part", "P1-camera-1.mp4", "p12345678901-camera-1.mp4", "p1-camera-1.mp4 ",
        "p1-camera-1.mp"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(plm_recording_file_valid(bad[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_come_back),
        cmocka_unit_test(ids),
        cmocka_unit_test(files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
