/* Hashing in libuv's pool (uv_thread_create inside it). */
#include "passwords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "plenum/types.h"
#include "settings.h"

struct results {
    struct plm_passwords *p;
    unsigned n, most_pending;
    uint64_t job[128];
    bool ok[128];
    char hash[PLM_HASH_SIZE];
    const char *again; /* to be submitted from within the call */
};

static void on_done(void *arg, uint64_t job, bool ok, const char *hash)
{
    struct results *r = arg;
    r->job[r->n] = job;
    r->ok[r->n++] = ok;
    if (hash) {
        assert_true(strlen(hash) < sizeof r->hash);
        strcpy(r->hash, hash);
    }
    if (r->again) {
        assert_int_equal(plm_passwords_submit(r->p, job + 1, r->again, hash), 0);
        r->again = NULL;
    }
}

static uv_loop_t loop;

static struct plm_passwords *start(struct results *r)
{
    memset(r, 0, sizeof *r);
    assert_int_equal(uv_loop_init(&loop), 0);
    assert_int_equal(plm_passwords_create(&r->p, &loop, on_done, r), 0);
    return r->p;
}

static void stop(struct plm_passwords *p)
{
    plm_passwords_close(p);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(plm_passwords_pending(p), 0);
    plm_passwords_destroy(p);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void hashes_and_compares(void **state)
{
    struct results r;
    struct plm_passwords *p = start(&r);
    char hash[PLM_HASH_SIZE];
    (void)state;
    assert_int_equal(plm_passwords_submit(p, 7, "correct horse", NULL), 0);
    assert_int_equal(r.n, 0); /* never from within */
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(r.n, 1);
    assert_int_equal(r.job[0], 7);
    assert_true(r.ok[0]);
    assert_memory_equal(r.hash, "$argon2id$", 10);
    assert_null(strstr(r.hash, "horse"));
    strcpy(hash, r.hash);
    r.hash[0] = 0;
    assert_int_equal(plm_passwords_submit(p, 8, "correct horse", hash), 0);
    assert_int_equal(plm_passwords_submit(p, 9, "correct horsf", hash), 0);
    assert_int_equal(plm_passwords_submit(p, 10, "", hash), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(r.n, 4);
    for (unsigned i = 1; i < 4; i++)
        assert_int_equal(r.ok[i], r.job[i] == 8);
    assert_string_equal(r.hash, ""); /* none was made */
    stop(p);
}

static void what_is_no_hash_equals_nothing(void **state)
{
    static const char *const hashes[] = {
        "", "x", "$argon2id$v=19$m=65536,t=2,p=1$", "$argon2id$v=19$m=1,t=99999999,p=1$c$d"};
    struct results r;
    struct plm_passwords *p = start(&r);
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(plm_passwords_submit(p, i, "", hashes[i]), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(r.n, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_false(r.ok[i]);
    stop(p);
}

static void too_long_is_refused(void **state)
{
    struct results r;
    struct plm_passwords *p = start(&r);
    char text[PLM_PASSWORD_MAX + 2];
    (void)state;
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    assert_int_equal(plm_passwords_submit(p, 1, text, NULL), PLM_EINVAL);
    text[PLM_PASSWORD_MAX] = 0;
    assert_int_equal(plm_passwords_submit(p, 2, "x", text), PLM_EINVAL);
    assert_int_equal(plm_passwords_submit(p, 3, text, NULL), 0);
    text[PLM_HASH_SIZE - 1] = 0;
    assert_int_equal(plm_passwords_submit(p, 4, "x", text), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(r.n, 2);
    stop(p);
}

static void line_is_bounded(void **state)
{
    struct results r;
    struct plm_passwords *p = start(&r);
    (void)state;
    for (unsigned i = 0; i < PLM_PASSWORDS_AT_ONCE + PLM_PASSWORDS_WAITING; i++)
        assert_int_equal(plm_passwords_submit(p, i, "x", "no hash"), 0);
    assert_int_equal(plm_passwords_pending(p), PLM_PASSWORDS_AT_ONCE + PLM_PASSWORDS_WAITING);
    assert_int_equal(plm_passwords_submit(p, 99, "x", "no hash"), PLM_ELIMIT);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(r.n, PLM_PASSWORDS_AT_ONCE + PLM_PASSWORDS_WAITING);
    assert_int_equal(plm_passwords_submit(p, 99, "x", "no hash"), 0);
    stop(p);
}

static void a_result_may_submit(void **state)
{
    struct results r;
    struct plm_passwords *p = start(&r);
    (void)state;
    r.again = "secret";
    assert_int_equal(plm_passwords_submit(p, 1, "secret", NULL), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(r.n, 2);
    assert_int_equal(r.job[1], 2);
    assert_true(r.ok[1]);
    stop(p);
}

static void nothing_is_told_after_close(void **state)
{
    struct results r;
    struct plm_passwords *p = start(&r);
    (void)state;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(plm_passwords_submit(p, i, "x", NULL), 0);
    plm_passwords_close(p);
    assert_int_equal(plm_passwords_pending(p), PLM_PASSWORDS_AT_ONCE);
    assert_int_equal(plm_passwords_submit(p, 11, "x", NULL), PLM_ELIMIT);
    stop(p);
    assert_int_equal(r.n, 0);
    plm_passwords_close(NULL);
    plm_passwords_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_and_compares),
        cmocka_unit_test(what_is_no_hash_equals_nothing),
        cmocka_unit_test(too_long_is_refused),
        cmocka_unit_test(line_is_bounded),
        cmocka_unit_test(a_result_may_submit),
        cmocka_unit_test(nothing_is_told_after_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
