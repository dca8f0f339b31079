/* The store while the Nth allocation of ours fails: it says so, leaks nothing, and what was kept before stays. */
#include "../../fakes/failing_alloc.h"

#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "plenum/types.h"

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/plenum-store-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"plenum.db", "plenum.db-wal", "plenum.db-shm", "plenum.lock"};
    char path[128];
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    return rmdir(folder);
}

static struct plm_store *open_store(void)
{
    struct plm_store *s = NULL;
    char err[256];
    assert_int_equal(plm_store_open(&s, folder, err, sizeof err), 0);
    return s;
}

static void put(struct plm_store *s, const char *key, const char *document, unsigned nth)
{
    struct plm_store_port port;
    struct plm_text *text = plm_text_create(document, strlen(document));
    plm_store_port(s, &port);
    fail_nth_alloc(nth);
    port.put(port.ctx, PLM_STORE_ROOM, key, text);
    fail_nth_alloc(0);
    plm_text_unref(text);
}

static int open_and_close(void)
{
    struct plm_store *s = NULL;
    char err[256] = "";
    int rc = plm_store_open(&s, folder, err, sizeof err);
    alloc_countdown = 0;
    if (!rc)
        plm_store_close(s);
    else
        assert_non_null(strstr(err, "out of memory"));
    return rc;
}

static void opening_says_so(void **state)
{
    char key[16];
    (void)state;
    struct plm_store *s = open_store();
    assert_int_equal(plm_store_start(s), 0);
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "room %d", i);
        put(s, key, "{}", 0);
    }
    assert_int_equal(plm_store_close(s), 0);
    unsigned n = 0;
    bool failed = true;
    while (failed) {
        fail_nth_alloc(++n);
        int rc = open_and_close();
        failed = alloc_failed;
        assert_int_equal(rc, failed ? PLM_ENOMEM : 0);
    }
    assert_true(n > 80); /* each document, each key */
}

static void see(void *arg, enum plm_store_kind kind, const char *key, const char *document, size_t len)
{
    (void)kind;
    (void)key;
    (void)len;
    strcat(arg, document);
}

static void a_document_that_is_not_taken_leaves_the_last(void **state)
{
    struct plm_store_stats stats;
    char found[64] = "";
    (void)state;
    struct plm_store *s = open_store();
    assert_int_equal(plm_store_start(s), 0);
    put(s, "a", "old", 0);
    put(s, "a", "new", 1);   /* no memory for the copy */
    put(s, "b", "never", 2); /* none for its place */
    plm_store_stats(s, &stats);
    assert_int_equal(stats.failures, 2);
    assert_int_equal(plm_store_close(s), 0);
    s = open_store();
    plm_store_read(s, see, found);
    assert_string_equal(found, "old");
    plm_store_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opening_says_so, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(
            a_document_that_is_not_taken_leaves_the_last, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
