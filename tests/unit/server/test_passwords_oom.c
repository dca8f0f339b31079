/* Passwords when memory is short: told at once, nothing is under way. */
#include "../../fakes/failing_alloc.h"

#include "passwords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "plenum/types.h"

static void on_done(void *arg, uint64_t job, bool ok, const char *hash)
{
    (void)job;
    (void)hash;
    *(int *)arg += ok;
}

static void shortage_is_told(void **state)
{
    uv_loop_t loop;
    struct plm_passwords *p = NULL;
    int done = 0;
    (void)state;
    assert_int_equal(uv_loop_init(&loop), 0);
    fail_nth_alloc(1);
    assert_int_equal(plm_passwords_create(&p, &loop, on_done, &done), PLM_ENOMEM);
    assert_null(p);
    fail_nth_alloc(0);
    assert_int_equal(plm_passwords_create(&p, &loop, on_done, &done), 0);
    fail_nth_alloc(1);
    assert_int_equal(plm_passwords_submit(p, 1, "secret", NULL), PLM_ENOMEM);
    fail_nth_alloc(0);
    assert_int_equal(plm_passwords_pending(p), 0);
    assert_int_equal(plm_passwords_submit(p, 2, "secret", NULL), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(done, 1);
    plm_passwords_close(p);
    plm_passwords_destroy(p);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(shortage_is_told)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
