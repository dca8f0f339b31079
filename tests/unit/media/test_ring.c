#include "ring.h"

#include "plenum/types.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE 4096

struct seen {
    unsigned n;
    size_t octets;
    uint8_t last[SIZE];
    size_t last_len;
};

static void on_frame(void *arg, const uint8_t *frame, size_t len)
{
    struct seen *s = arg;
    assert_int_equal((uintptr_t)frame % 8, 0);
    s->n++;
    s->octets += len;
    memcpy(s->last, frame, len);
    s->last_len = len;
}

static void refuses_odd_sizes(void **state)
{
    (void)state;
    struct plm_ring *r = NULL;
    assert_int_equal(plm_ring_create(&r, 0), PLM_EINVAL);
    assert_int_equal(plm_ring_create(&r, 2048), PLM_EINVAL);
    assert_int_equal(plm_ring_create(&r, 5000), PLM_EINVAL);
    assert_null(r);
    plm_ring_destroy(NULL);
}

static void shows_only_what_is_published(void **state)
{
    (void)state;
    struct plm_ring *r;
    struct seen s = {0};
    assert_int_equal(plm_ring_create(&r, SIZE), 0);
    assert_false(plm_ring_publish(r));
    assert_true(plm_ring_append(r, "head", 4, "body", 4, false));
    assert_false(plm_ring_readable(r));
    assert_false(plm_ring_drain(r, on_frame, &s, SIZE));
    assert_int_equal(s.n, 0);
    assert_true(plm_ring_publish(r));
    assert_false(plm_ring_publish(r));
    assert_true(plm_ring_readable(r));
    assert_false(plm_ring_drain(r, on_frame, &s, SIZE));
    assert_int_equal(s.n, 1);
    assert_int_equal(s.last_len, 8);
    assert_memory_equal(s.last, "headbody", 8);
    assert_false(plm_ring_readable(r));
    plm_ring_destroy(r);
}

static void refuses_what_cannot_fit(void **state)
{
    (void)state;
    struct plm_ring *r;
    static const uint8_t body[SIZE];
    assert_int_equal(plm_ring_create(&r, SIZE), 0);
    assert_false(plm_ring_append(r, NULL, 0, NULL, 0, true));
    assert_false(plm_ring_append(r, body, 1, body, SIZE / 2, true));
    assert_false(plm_ring_append(r, body, SIZE_MAX, body, 2, true)); /* the sum would wrap */
    assert_true(plm_ring_append(r, body, 8, body, SIZE / 2 - 16, true));
    plm_ring_destroy(r);
}

static void keeps_a_reserve_for_urgent_frames(void **state)
{
    (void)state;
    struct plm_ring *r;
    struct seen s = {0};
    static const uint8_t body[120]; /* with its head 128 octets: 32 fill the ring, 28 leave an eighth */
    unsigned n = 0, urgent = 0;
    assert_int_equal(plm_ring_create(&r, SIZE), 0);
    while (plm_ring_append(r, NULL, 0, body, sizeof body, false))
        n++;
    assert_int_equal(n, 28);
    while (plm_ring_append(r, NULL, 0, body, sizeof body, true))
        urgent++;
    assert_int_equal(urgent, 4);
    plm_ring_publish(r);
    assert_false(plm_ring_drain(r, on_frame, &s, SIZE));
    assert_int_equal(s.n, 32);
    assert_true(plm_ring_append(r, NULL, 0, body, sizeof body, false));
    plm_ring_destroy(r);
}

static void drains_in_bounded_turns(void **state)
{
    (void)state;
    struct plm_ring *r;
    struct seen s = {0};
    static const uint8_t body[120];
    assert_int_equal(plm_ring_create(&r, SIZE), 0);
    for (int i = 0; i < 10; i++)
        assert_true(plm_ring_append(r, NULL, 0, body, sizeof body, false));
    plm_ring_publish(r);
    assert_true(plm_ring_drain(r, on_frame, &s, 512));
    assert_int_equal(s.n, 4);
    assert_true(plm_ring_readable(r));
    assert_false(plm_ring_drain(r, on_frame, &s, SIZE));
    assert_int_equal(s.n, 10);
    plm_ring_destroy(r);
}

/* Two threads: every length, with wrapping; the consumer sleeps as a worker does, and must never sleep through a frame. */

#define FRAMES 200000

struct pair {
    struct plm_ring *r;
    _Atomic bool asleep;
    _Atomic unsigned wakes;
};

static size_t length_of(uint32_t i)
{
    return 4 + (i * 2654435761u >> 20) % 900;
}

static void *produce(void *arg)
{
    struct pair *p = arg;
    uint8_t body[1000];
    for (uint32_t i = 0; i < FRAMES;) {
        for (int batch = 0; batch < 5 && i < FRAMES; batch++) {
            size_t len = length_of(i);
            memset(body, (int)(i & 0xff), sizeof body);
            if (!plm_ring_append(p->r, &i, sizeof i, body, len - sizeof i, i % 7 == 0))
                break;
            i++;
        }
        if (plm_ring_publish(p->r) && atomic_load(&p->asleep) && atomic_exchange(&p->asleep, false))
            atomic_fetch_add(&p->wakes, 1);
        else
            sched_yield();
    }
    return NULL;
}

struct check {
    uint32_t next;
    bool good;
};

static void on_checked(void *arg, const uint8_t *frame, size_t len)
{
    struct check *c = arg;
    uint32_t i;
    memcpy(&i, frame, sizeof i);
    c->good = c->good && i == c->next && len == length_of(i);
    for (size_t k = sizeof i; k < len && c->good; k++)
        c->good = frame[k] == (i & 0xff);
    c->next++;
}

static void threads_lose_nothing(void **state)
{
    (void)state;
    struct pair p = {0};
    struct check c = {0, true};
    pthread_t thread;
    assert_int_equal(plm_ring_create(&p.r, SIZE), 0);
    assert_int_equal(pthread_create(&thread, NULL, produce, &p), 0);
    while (c.next < FRAMES && c.good) {
        if (plm_ring_drain(p.r, on_checked, &c, SIZE / 2))
            continue;
        atomic_store(&p.asleep, true);
        if (plm_ring_readable(p.r)) {
            atomic_store(&p.asleep, false);
            continue;
        }
        while (c.next < FRAMES && atomic_load(&p.asleep))
            sched_yield();
    }
    pthread_join(thread, NULL);
    assert_true(c.good);
    assert_int_equal(c.next, FRAMES);
    plm_ring_destroy(p.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_odd_sizes),
        cmocka_unit_test(shows_only_what_is_published),
        cmocka_unit_test(refuses_what_cannot_fit),
        cmocka_unit_test(keeps_a_reserve_for_urgent_frames),
        cmocka_unit_test(drains_in_bounded_turns),
        cmocka_unit_test(threads_lose_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
