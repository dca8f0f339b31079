/* The commands on a folder: what they say, what they repair, and their exit status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>

#include "cli.h"
#include "finish.h"
#include "lock.h"
#include "track_file.h"

#define ID   "0123456789abcdef0123456789abcdef"
#define NAME "p1-camera-1.mp4"

static const char journal[] =
    "{\"type\":\"recording\",\"t_us\":0,\"format\":1,\"id\":\"" ID
    "\",\"key\":\"hall\",\"name\":\"Hall\",\"started_ms\":1790000000000,\"mono_us\":5000000000}\n"
    "{\"type\":\"joined\",\"t_us\":0,\"participant\":1,\"name\":\"Ada\",\"role\":\"moderator\",\"breakout\":"
    "0}\n"
    "{\"type\":\"file\",\"t_us\":0,\"file\":\"" NAME
    "\",\"participant\":1,\"pair\":\"camera\",\"start_us\":0,\"audio\":\"opus\",\"video\":{\"codec\":\"VP9\","
    "\"width\":320,\"height\":180,\"rotation\":0}}\n";

static char dir[64];

static void path_of(char out[160], const char *name)
{
    snprintf(out, 160, "%s/" ID "/%s", dir, name);
}

static void write_file(const char *name, const void *data, size_t len)
{
    char path[160];
    path_of(path, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_int_equal(write(fd, data, len), len);
    close(fd);
}

static bool exists(const char *name)
{
    char path[160];
    path_of(path, name);
    return access(path, F_OK) == 0;
}

static int set_up(void **state)
{
    struct track_file t;
    char path[160];
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/plenum-cli-XXXXXX");
    assert_non_null(mkdtemp(dir));
    path_of(path, "");
    assert_int_equal(mkdir(path, 0700), 0);
    track_file_make(&t, PLM_CODEC_VP9, true, 3);
    write_file(NAME ".part", t.octets.data, t.octets.len - 10); /* torn in its last fragment */
    write_file("journal.jsonl", journal, sizeof journal - 1);
    track_file_free(&t);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    return system(command);
}

static int run(const char *command, const char *id)
{
    char *argv[] = {"plenum-recorder", (char *)command, "--json", dir, (char *)id, NULL};
    return plm_cli_main(id ? 5 : 4, argv);
}

static void test_repair(void **state)
{
    (void)state;
    assert_int_equal(run("list", NULL), PLM_CLI_GOOD);
    assert_int_equal(run("verify", NULL), PLM_CLI_BROKEN);
    assert_true(exists(NAME ".part")); /* neither changes anything */
    assert_int_equal(run("repair", ID), PLM_CLI_GOOD);
    assert_true(exists(NAME) && exists("manifest.json") && !exists(NAME ".part"));
    assert_int_equal(run("verify", ID), PLM_CLI_GOOD);
    assert_int_equal(run("verify", NULL), PLM_CLI_GOOD);
    assert_int_equal(run("repair", NULL), PLM_CLI_GOOD);
    assert_int_equal(run("list", NULL), PLM_CLI_GOOD);
}

static void test_verify_finds(void **state)
{
    (void)state;
    char path[160], away[160];
    assert_int_equal(run("repair", NULL), PLM_CLI_GOOD);
    path_of(path, NAME);
    path_of(away, "p2-camera-1.mp4");
    assert_int_equal(rename(path, away), 0); /* one missing, one that nobody named */
    assert_int_equal(run("verify", NULL), PLM_CLI_BROKEN);
    assert_int_equal(rename(away, path), 0);
    assert_int_equal(run("verify", NULL), PLM_CLI_GOOD);
    assert_int_equal(truncate(path, 2000), 0);
    assert_int_equal(run("verify", NULL), PLM_CLI_BROKEN);
}

/* A recorder serves the folder: nothing is repaired behind its back. */
static void test_locked(void **state)
{
    (void)state;
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(plm_lock_is_held(dir_fd), 0);
    int lock = plm_lock_take(dir_fd);
    assert_true(lock >= 0);
    assert_int_equal(plm_lock_is_held(dir_fd), 1);
    assert_true(plm_lock_take(dir_fd) < 0);
    assert_int_equal(run("repair", NULL), PLM_CLI_IO);
    assert_true(exists(NAME ".part"));
    assert_int_equal(run("verify", NULL), PLM_CLI_GOOD); /* it is being recorded */
    close(lock);
    assert_int_equal(plm_lock_is_held(dir_fd), 0);
    assert_int_equal(run("repair", NULL), PLM_CLI_GOOD);
    close(dir_fd);
}

static void test_a_part_with_nothing_in_it(void **state)
{
    (void)state;
    write_file("p2-camera-1.webm.part", "\x1a\x45\xdf\xa3", 4);
    assert_int_equal(run("repair", NULL), PLM_CLI_GOOD);
    assert_true(exists("p2-camera-1.webm.part"));
    assert_int_equal(run("verify", NULL), PLM_CLI_GOOD); /* nothing is lost with it */
}

static void test_usage(void **state)
{
    (void)state;
    static char *const wrong[][5] = {{"p", NULL}, {"p", "list", NULL}, {"p", "mend", "/tmp", NULL},
        {"p", "list", "/tmp", "--wrong", NULL}, {"p", "list", "/tmp", ID, NULL},
        {"p", "repair", "/tmp", "../x", NULL}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        int argc = 0;
        while (wrong[i][argc])
            argc++;
        assert_int_equal(plm_cli_main(argc, (char **)wrong[i]), PLM_CLI_USAGE);
    }
    char *help[] = {"p", "--help", NULL}, *nowhere[] = {"p", "list", "/nowhere/at/all", NULL};
    assert_int_equal(plm_cli_main(2, help), PLM_CLI_GOOD);
    assert_int_equal(plm_cli_main(3, nowhere), PLM_CLI_IO);
    assert_true(plm_cli_is_command("verify") && plm_cli_is_command("--help") && !plm_cli_is_command("serve"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {TEST(test_repair), TEST(test_verify_finds), TEST(test_locked),
        TEST(test_a_part_with_nothing_in_it), cmocka_unit_test(test_usage)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
