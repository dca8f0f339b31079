#include "recorder_paths.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct plm_config config(int enabled, char *data_dir)
{
    struct plm_config c = {0};
    c.recording.enabled = enabled;
    c.recording.supervise = true;
    c.data.dir = data_dir;
    return c;
}

static void follow_from_the_data_folder_and_our_own_place(void **state)
{
    (void)state;
    struct plm_recorder_paths p;
    char err[256] = "", here[PATH_MAX], expected[PATH_MAX + 64], exe[PATH_MAX];
    bool enabled = true;
    struct plm_config c = config(PLM_CONFIG_AUTO, "data");
    c.recording.program = "/bin/sh";
    assert_non_null(getcwd(here, sizeof(here)));
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), 0);
    assert_true(enabled);
    assert_string_equal(p.program, "/bin/sh");
    snprintf(expected, sizeof(expected), "%s/data/recordings", here);
    assert_string_equal(p.dir, expected);
    c.data.dir = "/d";
    c.recording.dir = "/srv/r";
    c.recording.program = NULL;
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), 0);
    assert_string_equal(p.dir, "/srv/r");
    assert_string_equal(p.socket, "/d/recorder.sock");
    ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    assert_true(n > 0);
    exe[n] = 0;
    *strrchr(exe, '/') = 0;
    snprintf(expected, sizeof(expected), "%s/plenum-recorder", exe);
    assert_string_equal(p.program, expected);
}

static void auto_needs_the_program_or_somebody_who_starts_it(void **state)
{
    (void)state;
    struct plm_recorder_paths p;
    char err[256] = "";
    bool enabled = true;
    struct plm_config c = config(PLM_CONFIG_AUTO, "/d");
    c.recording.program = "/nonexistent/recorder";
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), 0);
    assert_false(enabled);
    c.recording.supervise = false;
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), 0);
    assert_true(enabled);
    c.recording.supervise = true;
    c.recording.enabled = PLM_CONFIG_TRUE;
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), PLM_EINVAL);
    assert_non_null(strstr(err, "recording.program: /nonexistent/recorder"));
    c.recording.enabled = PLM_CONFIG_FALSE;
    enabled = true;
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), 0);
    assert_false(enabled);
}

static void a_socket_has_a_short_name(void **state)
{
    (void)state;
    struct plm_recorder_paths p;
    char err[256] = "", deep[200];
    bool enabled = true;
    memset(deep, 'd', sizeof(deep));
    deep[0] = '/';
    deep[sizeof(deep) - 1] = 0;
    struct plm_config c = config(PLM_CONFIG_TRUE, deep);
    c.recording.program = "/bin/sh";
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), PLM_EINVAL);
    assert_non_null(strstr(err, "recording.socket: "));
    c.recording.enabled = PLM_CONFIG_AUTO;
    *err = 0;
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), 0);
    assert_false(enabled);
    assert_non_null(strstr(err, "recording.socket: "));
    c.recording.socket = "/run/plenum/r.sock";
    assert_int_equal(plm_recorder_paths_find(&p, &enabled, &c, err, sizeof(err)), 0);
    assert_true(enabled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follow_from_the_data_folder_and_our_own_place),
        cmocka_unit_test(auto_needs_the_program_or_somebody_who_starts_it),
        cmocka_unit_test(a_socket_has_a_short_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
