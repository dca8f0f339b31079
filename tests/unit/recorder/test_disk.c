/* Room on the disk: thresholds for small and large ones, and levels that do not flutter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

static void test_thresholds(void **state)
{
    (void)state;
    static const struct {
        uint64_t total, warn, refuse, stop;
    } table[] = {
        {100 * GIB, 10 * GIB, 5 * GIB, 2 * GIB},
        {UINT64_C(10000) * GIB, 40 * GIB, 16 * GIB, 4 * GIB}, /* a tenth of a large disk is no shortage */
        {4000 * MIB, 512 * MIB, 256 * MIB, 80 * MIB},
        {100 * MIB, 20 * MIB, 10 * MIB, 5 * MIB}, /* of a tiny one something is left to use */
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_in_range(
            plm_disk_threshold(PLM_DISK_WARN, table[i].total), table[i].warn - 100, table[i].warn);
        assert_in_range(
            plm_disk_threshold(PLM_DISK_REFUSE, table[i].total), table[i].refuse - 100, table[i].refuse);
        assert_in_range(
            plm_disk_threshold(PLM_DISK_STOP, table[i].total), table[i].stop - 100, table[i].stop);
    }
}

static void test_levels(void **state)
{
    (void)state;
    const uint64_t total = 100 * GIB;
    assert_int_equal(plm_disk_judge(PLM_DISK_OK, 11 * GIB, total), PLM_DISK_OK);
    assert_int_equal(plm_disk_judge(PLM_DISK_OK, 9 * GIB, total), PLM_DISK_WARN);
    assert_int_equal(plm_disk_judge(PLM_DISK_OK, 4 * GIB, total), PLM_DISK_REFUSE);
    assert_int_equal(plm_disk_judge(PLM_DISK_OK, 1 * GIB, total), PLM_DISK_STOP);
    /* Back only with a tenth more than it needs. */
    assert_int_equal(plm_disk_judge(PLM_DISK_STOP, 2 * GIB + 100 * MIB, total), PLM_DISK_STOP);
    assert_int_equal(plm_disk_judge(PLM_DISK_STOP, 2 * GIB + 300 * MIB, total), PLM_DISK_REFUSE);
    assert_int_equal(plm_disk_judge(PLM_DISK_WARN, 10 * GIB + 500 * MIB, total), PLM_DISK_WARN);
    assert_int_equal(plm_disk_judge(PLM_DISK_STOP, 50 * GIB, total), PLM_DISK_OK);
}

static void test_reserve(void **state)
{
    (void)state;
    char path[] = "/tmp/plenum-disk-XXXXXX";
    struct plm_disk d;
    struct stat st;
    assert_non_null(mkdtemp(path));
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    plm_disk_init(&d, fd, 1 * MIB);
    plm_disk_watch(&d, 0);
    assert_true(d.reserved);
    assert_int_equal(fstatat(fd, PLM_DISK_RESERVE, &st, 0), 0);
    assert_int_equal(st.st_size, 1 * MIB);
    assert_true((uint64_t)st.st_blocks * 512 >= 1 * MIB); /* really taken */
    plm_disk_on_full(&d, 1000);
    plm_disk_release(fd);
    assert_int_equal(d.level, PLM_DISK_STOP);
    assert_int_not_equal(fstatat(fd, PLM_DISK_RESERVE, &st, 0), 0);
    plm_disk_watch(&d, 1000 + PLM_DISK_FULL_MS - 1); /* however much statvfs promises */
    assert_int_equal(d.level, PLM_DISK_STOP);
    assert_false(d.reserved);
    plm_disk_watch(&d, 1000 + PLM_DISK_FULL_MS);
    assert_true(d.reserved);
    assert_int_not_equal(d.level, PLM_DISK_STOP);
    plm_disk_init(&d, fd, 1 * MIB); /* of another run: found, not made again */
    plm_disk_watch(&d, 0);
    assert_true(d.reserved);
    unlinkat(fd, PLM_DISK_RESERVE, 0);
    close(fd);
    rmdir(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_thresholds),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_reserve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
