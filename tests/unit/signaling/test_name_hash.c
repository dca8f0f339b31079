#include "name_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The reference implementation's: key 00 01 … 0f, messages of the octets 00, 01, … */
static void test_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } rows[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},
        {1, UINT64_C(0x74f839c593dc67fd)},
        {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)},
    };
    uint8_t key[16];
    for (unsigned i = 0; i < 16; i++)
        key[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint8_t *message = malloc(rows[i].len + 1);
        memcpy(message, key, rows[i].len);
        assert_true(plm_siphash(key, message, rows[i].len) == rows[i].hash);
        free(message);
    }
}

static uint32_t hash_of_another_process(const char *program)
{
    int ends[2];
    uint32_t hash = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(program, program, "--hash", (char *)NULL);
        _exit(1);
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &hash, sizeof hash), sizeof hash);
    close(ends[0]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    return hash;
}

static void test_each_process_has_its_key(void **state)
{
    (void)state;
    assert_int_equal(plm_name_hash("name", 4), plm_name_hash("name", 4));
    uint32_t here = plm_name_hash("name", 4), there = hash_of_another_process("/proc/self/exe");
    uint32_t elsewhere = hash_of_another_process("/proc/self/exe");
    assert_true(here != there || here != elsewhere);
}

struct named {
    char name[16];
    UT_hash_handle hh;
};

static void test_tables_use_it(void **state)
{
    (void)state;
    struct named ada = {.name = "ada"}, *table = NULL, *found;
    HASH_ADD_STR(table, name, &ada);
    assert_int_equal(ada.hh.hashv, plm_name_hash("ada", 3));
    HASH_FIND_STR(table, "ada", found);
    assert_ptr_equal(found, &ada);
    HASH_FIND_STR(table, "bob", found);
    assert_null(found);
    HASH_CLEAR(hh, table);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_each_process_has_its_key),
        cmocka_unit_test(test_tables_use_it),
    };
    if (argc > 1 && !strcmp(argv[1], "--hash")) {
        uint32_t hash = plm_name_hash("name", 4);
        return write(STDOUT_FILENO, &hash, sizeof hash) == sizeof hash ? 0 : 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
