#include "registry.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

/** Not random at all, but never the same twice: what the tests need. */
static void fill(void *arg, void *buf, size_t len)
{
    uint64_t *state = arg;
    for (size_t i = 0; i < len; i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)buf)[i] = (uint8_t)(*state >> 56);
    }
}

static struct plm_transport_plan *plan_of(uint32_t participant)
{
    struct plm_transport_plan *plan = calloc(1, sizeof *plan);
    assert_non_null(plan);
    plan->participant = participant;
    return plan;
}

static uint64_t seed = 1;

static struct plm_registry *make(uint32_t max)
{
    struct plm_registry *r;
    assert_int_equal(plm_registry_create(&r, max, fill, &seed), 0);
    return r;
}

static bool find(struct plm_registry *r, const struct plm_transport_local *l, struct plm_registry_view *v)
{
    return plm_registry_find(r, l->ufrag, strlen(l->ufrag), v);
}

static void refuses_bad_sizes(void **state)
{
    (void)state;
    struct plm_registry *r = NULL;
    assert_int_equal(plm_registry_create(&r, 0, fill, &seed), PLM_EINVAL);
    assert_int_equal(plm_registry_create(&r, 65537, fill, &seed), PLM_EINVAL);
    assert_int_equal(plm_registry_create(&r, 1, NULL, NULL), PLM_EINVAL);
    assert_null(r);
    plm_registry_destroy(NULL);
}

static void finds_by_ufrag_until_removed(void **state)
{
    (void)state;
    struct plm_registry *r = make(8);
    struct plm_transport_local a, b;
    struct plm_registry_view v;
    assert_int_equal(plm_registry_add(r, plan_of(1), &a), 0);
    assert_int_equal(plm_registry_add(r, plan_of(2), &b), 0);
    assert_true(a.id != 0 && b.id != 0 && a.id != b.id);
    /* RFC 8839 section 5.4: at least 4 characters of ufrag, 22 of password, all of ice-char */
    assert_int_equal(strlen(a.ufrag), 12);
    assert_int_equal(strlen(a.pwd), 24);
    assert_int_equal(strspn(a.ufrag, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), 12);
    assert_int_equal(strspn(a.pwd, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"), 24);
    assert_string_not_equal(a.pwd, b.pwd);

    assert_true(find(r, &a, &v));
    assert_int_equal(v.id, a.id);
    assert_int_equal(v.owner, PLM_NO_OWNER);
    assert_int_equal(v.generation, 0);
    assert_true(v.newest);
    assert_string_equal(v.pwd, a.pwd);
    assert_int_equal(v.pwd_len, 24);

    plm_registry_remove(r, a.id);
    assert_false(find(r, &a, &v));
    assert_true(find(r, &b, &v));
    plm_registry_remove(r, a.id); /* of no effect */
    plm_registry_destroy(r);      /* frees the plan of b */
}

static void refuses_foreign_ufrags(void **state)
{
    (void)state;
    struct plm_registry *r = make(2);
    struct plm_transport_local a, other;
    struct plm_registry_view v;
    assert_int_equal(plm_registry_add(r, plan_of(1), &a), 0);
    static const char *const bad[] = {
        "", "AAAA", "AAAAAAAAAAA", "AAAAAAAAAAAAA", "AAAAAAAAAAAA", "////////////", "AAA-AAAAAAAA"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t len = strlen(bad[i]);
        char *exact = malloc(len ? len : 1);
        memcpy(exact, bad[i], len);
        assert_false(plm_registry_find(r, exact, len, &v));
        free(exact);
    }
    other = a;
    other.ufrag[11] = other.ufrag[11] == 'A' ? 'B' : 'A';
    assert_false(find(r, &other, &v));
    /* an entry in use nowhere: its tag is all zero octets */
    assert_false(plm_registry_find(r, "AAAB\0\0\0\0\0\0\0\0", 12, &v));
    plm_registry_destroy(r);
}

static void stops_at_its_limit_and_gives_new_ids(void **state)
{
    (void)state;
    struct plm_registry *r = make(2);
    struct plm_transport_local a, b, c;
    struct plm_registry_view v;
    assert_int_equal(plm_registry_add(r, plan_of(1), &a), 0);
    assert_int_equal(plm_registry_add(r, plan_of(2), &b), 0);
    struct plm_transport_plan *refused = plan_of(3);
    assert_int_equal(plm_registry_add(r, refused, &c), PLM_ELIMIT);
    plm_registry_remove(r, a.id);
    assert_int_equal(plm_registry_add(r, refused, &c), 0);
    assert_true(c.id != a.id && c.id != b.id);
    assert_false(find(r, &a, &v));
    assert_int_equal(plm_registry_owner(r, a.id), PLM_NO_OWNER);
    assert_false(plm_registry_claim(r, a.id, 0, &refused));
    plm_registry_destroy(r);
}

static void claims_once_and_amends_before(void **state)
{
    (void)state;
    struct plm_registry *r = make(4);
    struct plm_transport_local a;
    struct plm_registry_view v;
    struct plm_transport_plan *plan = NULL, *late = plan_of(9);
    assert_int_equal(plm_registry_add(r, plan_of(1), &a), 0);
    assert_int_equal(plm_registry_amend(r, a.id, plan_of(2)), PLM_NO_OWNER);
    assert_int_equal(plm_registry_amend(r, a.id, plan_of(3)), PLM_NO_OWNER);
    assert_true(plm_registry_claim(r, a.id, 5, &plan));
    assert_int_equal(plan->participant, 3);
    assert_int_equal(plan->id, a.id);
    plm_transport_plan_free(plan);
    assert_false(plm_registry_claim(r, a.id, 6, &plan));
    assert_int_equal(plm_registry_owner(r, a.id), 5);
    assert_true(find(r, &a, &v));
    assert_int_equal(v.owner, 5);
    assert_int_equal(plm_registry_amend(r, a.id, late), 5);
    plm_transport_plan_free(late);
    assert_int_equal(plm_registry_withdraw(r, a.id), 5);
    assert_true(find(r, &a, &v));
    plm_registry_remove(r, a.id);
    assert_false(find(r, &a, &v));
    plm_registry_destroy(r);
}

static void withdraws_what_nobody_claimed(void **state)
{
    (void)state;
    struct plm_registry *r = make(4);
    struct plm_transport_local a;
    struct plm_registry_view v;
    struct plm_transport_plan *plan;
    assert_int_equal(plm_registry_add(r, plan_of(1), &a), 0);
    assert_int_equal(plm_registry_withdraw(r, a.id), PLM_NO_OWNER);
    assert_false(find(r, &a, &v));
    assert_false(plm_registry_claim(r, a.id, 0, &plan));
    assert_int_equal(plm_registry_withdraw(r, a.id), PLM_NO_OWNER);
    plm_registry_destroy(r);
}

static void restart_keeps_former_credentials_until_retired(void **state)
{
    (void)state;
    struct plm_registry *r = make(4);
    struct plm_transport_local a, b, c;
    struct plm_registry_view v;
    assert_int_equal(plm_registry_add(r, plan_of(1), &a), 0);
    assert_int_equal(plm_registry_restart(r, a.id, &b), 0);
    assert_int_equal(b.id, a.id);
    assert_string_not_equal(a.ufrag, b.ufrag);
    assert_true(find(r, &a, &v));
    assert_false(v.newest);
    assert_string_equal(v.pwd, a.pwd);
    assert_false(plm_registry_retire(r, a.id, v.generation)); /* the former are still the ones in use */
    assert_true(find(r, &a, &v));
    assert_true(find(r, &b, &v));
    assert_true(v.newest);
    assert_int_equal(v.generation, 1);
    assert_string_equal(v.pwd, b.pwd);
    assert_true(plm_registry_retire(r, a.id, v.generation));
    assert_false(plm_registry_retire(r, a.id, v.generation));
    assert_false(find(r, &a, &v));
    assert_true(find(r, &b, &v));

    /* two restarts in a row: the newest and the one before it answer */
    assert_int_equal(plm_registry_restart(r, a.id, &c), 0);
    assert_int_equal(plm_registry_restart(r, a.id, &a), 0);
    assert_false(find(r, &b, &v));
    assert_true(find(r, &c, &v));
    assert_true(find(r, &a, &v));
    assert_int_equal(plm_registry_restart(r, a.id + 1, &b), PLM_ENOENT);
    plm_registry_destroy(r);
}

/* Threads: workers look up and claim while the control thread adds, amends, restarts and takes out. */

#define WORKERS 3
#define ROUNDS  4000

struct arena {
    struct plm_registry *r;
    pthread_mutex_t mutex; /* of `current` only: the registry has none */
    struct plm_transport_local current;
    _Atomic uint32_t round;
    _Atomic uint32_t claims, torn;
    _Atomic bool stop;
};

static void *work(void *arg)
{
    struct arena *a = arg;
    static _Atomic uint8_t names;
    uint8_t me = atomic_fetch_add(&names, 1);
    while (!atomic_load(&a->stop)) {
        struct plm_transport_local local;
        struct plm_registry_view v;
        struct plm_transport_plan *plan;
        pthread_mutex_lock(&a->mutex);
        local = a->current;
        pthread_mutex_unlock(&a->mutex);
        if (local.id == 0 || !find(a->r, &local, &v))
            continue;
        if (strcmp(v.pwd, local.pwd) != 0 || v.id != local.id)
            atomic_fetch_add(&a->torn, 1);
        if (plm_registry_claim(a->r, v.id, me, &plan)) {
            if (plan->id != v.id || (plan->participant != v.id && plan->participant != 0))
                atomic_fetch_add(&a->torn, 1);
            plm_transport_plan_free(plan);
            atomic_fetch_add(&a->claims, 1);
        }
        plm_registry_retire(a->r, v.id, v.generation);
    }
    return NULL;
}

static void threads_agree_on_one_owner(void **state)
{
    (void)state;
    struct arena a = {.r = make(4)};
    pthread_t threads[WORKERS];
    uint32_t owned = 0, withdrawn = 0;
    pthread_mutex_init(&a.mutex, NULL);
    for (int i = 0; i < WORKERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, &a), 0);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        struct plm_transport_local local;
        uint32_t claims = atomic_load(&a.claims);
        assert_int_equal(plm_registry_add(a.r, plan_of(0), &local), 0);
        pthread_mutex_lock(&a.mutex);
        a.current = local;
        pthread_mutex_unlock(&a.mutex);
        for (int i = 0; i < 3; i++) {
            struct plm_transport_plan *plan = plan_of(local.id);
            if (plm_registry_amend(a.r, local.id, plan) != PLM_NO_OWNER)
                plm_transport_plan_free(plan);
        }
        struct plm_transport_local again;
        assert_int_equal(plm_registry_restart(a.r, local.id, &again), 0);
        if (round % 2) {
            pthread_mutex_lock(&a.mutex);
            a.current = again;
            pthread_mutex_unlock(&a.mutex);
            sched_yield();
        }
        /* On a busy machine nobody else may get a turn in all the rounds: now and then one is waited for. */
        for (unsigned ms = 0; round % 64 == 1 && ms < 1000 && atomic_load(&a.claims) == claims; ms++)
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        if (plm_registry_withdraw(a.r, local.id) == PLM_NO_OWNER) {
            withdrawn++;
            continue;
        }
        owned++;
        plm_registry_remove(a.r, local.id);
    }
    atomic_store(&a.stop, true);
    for (int i = 0; i < WORKERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&a.torn), 0);
    assert_int_equal(owned + withdrawn, ROUNDS);
    assert_int_equal(atomic_load(&a.claims), owned); /* exactly one worker won each */
    assert_true(owned > 0);
    pthread_mutex_destroy(&a.mutex);
    plm_registry_destroy(a.r);
}

static void checks_are_rationed_by_transport(void **state)
{
    (void)state;
    struct plm_registry *r = make(4);
    struct plm_transport_local a, b;
    assert_int_equal(plm_registry_add(r, plan_of(1), &a), 0);
    assert_int_equal(plm_registry_add(r, plan_of(2), &b), 0);
    for (unsigned second = 0; second < 3; second++) {
        for (unsigned i = 0; i < PLM_CHECKS_PER_SEC; i++)
            assert_true(plm_registry_take_check(r, a.id, second << 24 | 7));
        assert_false(plm_registry_take_check(r, a.id, second << 24 | 7));
        assert_true(plm_registry_take_check(r, b.id, second));
        assert_true(plm_registry_take_check(r, a.id, second));
    }
    assert_false(plm_registry_take_check(r, 4, 1)); /* no such place */
    plm_registry_destroy(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_sizes),
        cmocka_unit_test(finds_by_ufrag_until_removed),
        cmocka_unit_test(refuses_foreign_ufrags),
        cmocka_unit_test(stops_at_its_limit_and_gives_new_ids),
        cmocka_unit_test(claims_once_and_amends_before),
        cmocka_unit_test(withdraws_what_nobody_claimed),
        cmocka_unit_test(restart_keeps_former_credentials_until_retired),
        cmocka_unit_test(threads_agree_on_one_owner),
        cmocka_unit_test(checks_are_rationed_by_transport),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
