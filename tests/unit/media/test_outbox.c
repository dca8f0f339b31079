#include "outbox.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define WRITERS 3
#define EACH    20000

static bool readable(const struct plm_outbox *box)
{
    struct pollfd p = {.fd = box->fd, .events = POLLIN};
    return poll(&p, 1, 0) == 1;
}

static void post_gone(struct plm_outbox *box, uint8_t worker, uint32_t id)
{
    plm_outbox_post(box, &(struct plm_note){.type = PLM_NOTE_GONE, .worker = worker, .gone = id});
}

static void is_readable_while_something_waits(void **state)
{
    (void)state;
    struct plm_outbox box;
    struct plm_note *notes = NULL;
    size_t cap = 0;
    assert_int_equal(plm_outbox_init(&box), 0);
    assert_false(readable(&box));
    assert_int_equal(plm_outbox_take(&box, &notes, &cap), 0);
    for (uint32_t i = 0; i < 100; i++)
        post_gone(&box, 1, i);
    assert_true(readable(&box));
    assert_int_equal(plm_outbox_take(&box, &notes, &cap), 100);
    assert_false(readable(&box));
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(notes[i].type, PLM_NOTE_GONE);
        assert_int_equal(notes[i].gone, i);
    }
    post_gone(&box, 1, 7);
    assert_true(readable(&box));
    assert_int_equal(plm_outbox_take(&box, &notes, &cap), 1);
    assert_int_equal(notes[0].gone, 7);
    assert_int_equal(plm_outbox_lost(&box), 0);
    free(notes);
    plm_outbox_destroy(&box);
    plm_outbox_destroy(&box);
}

/** The leak checker is the assertion: what nobody took is freed. */
static void frees_reports_that_nobody_took(void **state)
{
    (void)state;
    struct plm_outbox box;
    assert_int_equal(plm_outbox_init(&box), 0);
    struct plm_note note = {.type = PLM_NOTE_STATS, .report = calloc(1, sizeof(struct plm_worker_report))};
    assert_non_null(note.report);
    plm_outbox_post(&box, &note);
    plm_outbox_destroy(&box);
    assert_int_equal(box.fd, -1);
}

struct writer {
    struct plm_outbox *box;
    uint8_t name;
};

static void *write_many(void *arg)
{
    struct writer *w = arg;
    for (uint32_t i = 0; i < EACH; i++)
        post_gone(w->box, w->name, i);
    return NULL;
}

static void hears_every_writer_in_order(void **state)
{
    (void)state;
    struct plm_outbox box;
    struct plm_note *notes = NULL;
    size_t cap = 0;
    uint32_t next[WRITERS] = {0}, got = 0;
    pthread_t threads[WRITERS];
    struct writer writers[WRITERS];
    assert_int_equal(plm_outbox_init(&box), 0);
    for (uint8_t i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){&box, i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &writers[i]), 0);
    }
    while (got < WRITERS * EACH) {
        struct pollfd p = {.fd = box.fd, .events = POLLIN};
        assert_int_equal(poll(&p, 1, 5000), 1); /* a lost wake-up would end here */
        size_t n = plm_outbox_take(&box, &notes, &cap);
        for (size_t i = 0; i < n; i++, got++)
            assert_int_equal(notes[i].gone, next[notes[i].worker]++);
    }
    for (int i = 0; i < WRITERS; i++)
        pthread_join(threads[i], NULL);
    free(notes);
    plm_outbox_destroy(&box);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_readable_while_something_waits),
        cmocka_unit_test(frees_reports_that_nobody_took),
        cmocka_unit_test(hears_every_writer_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
