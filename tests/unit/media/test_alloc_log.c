#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_log.h"
#include "plenum/types.h"

#define SLOTS 9

/** A receiver whose line gets narrow and wide again, and what is decided for it. */
struct receiver {
    struct plm_alloc_line line;
    struct plm_alloc_memory memory[PLM_MAX_MEDIA];
    struct plm_alloc_slot slots[PLM_MAX_MEDIA];
    struct plm_alloc_log log;
};

static void describe(struct receiver *r, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct plm_alloc_slot *s = &r->slots[i];
        *s = (struct plm_alloc_slot){.priority = (uint8_t)(i * 20),
            .screen = i == 2,
            .want_width = (uint16_t)(i % 2 ? 0 : 1280),
            .want_height = (uint16_t)(i % 2 ? 0 : 720),
            .n_layers = (uint8_t)(1 + i % 3),
            .present = r->memory[i].known ? r->memory[i].encoding : PLM_LAYER_NONE,
            .memory = &r->memory[i]};
        for (unsigned k = 0; k < s->n_layers; k++)
            s->layers[k] = (struct plm_alloc_layer){.sent = true,
                .bps = {100000u << k, 150000u << k, 250000u << k, 250000u << k},
                .width = (uint16_t)(320u << k),
                .height = (uint16_t)(180u << k),
                .temporal_layers = 3};
    }
}

static void decide(struct receiver *r, size_t n, uint32_t budget, uint64_t now_us)
{
    struct plm_alloc_total total;
    describe(r, n);
    plm_alloc_log_begin(&r->log, &r->line, r->slots, n, budget, now_us);
    plm_allocate(&r->line, r->slots, n, budget, now_us, &total);
    plm_alloc_log_end(&r->log, r->slots, n, &total);
}

static uint32_t budget_at(unsigned step)
{
    static const uint32_t budgets[] = {4000000, 900000, 200000, 0, 3000000, 8000000};
    return budgets[step / 10 % 6];
}

static void the_same_is_decided_again(void **state)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct plm_alloc_replay again;
    size_t paused = 0;
    (void)state;
    for (unsigned step = 0; step < 120; step++) {
        decide(r, SLOTS, budget_at(step), 5000000 + step * 500000);
        assert_int_equal(plm_alloc_log_replay(r->log.data, r->log.len, &again), 0);
        assert_int_equal(again.differing, 0);
        assert_int_equal(again.slots, SLOTS);
        assert_int_equal(again.at_us, 5000000 + step * 500000);
        assert_int_equal(again.budget_bps, budget_at(step));
        paused += again.paused;
    }
    assert_true(paused > 0);
    free(r);
}

static void another_decision_is_seen(void **state)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct plm_alloc_replay again;
    (void)state;
    decide(r, 1, 4000000, 5000000);
    struct plm_alloc_log other = r->log;
    other.len = 0;
    struct plm_alloc_total total = {250000, 250000, 0};
    plm_alloc_log_begin(&other, &(struct plm_alloc_line){0}, r->slots, 1, 4000000, 5000000);
    r->slots[0].encoding ^= 1; /* as if another allocator had decided */
    plm_alloc_log_end(&other, r->slots, 1, &total);
    assert_int_equal(plm_alloc_log_replay(other.data, other.len, &again), 0);
    assert_int_equal(again.differing, 1);
    free(r);
}

/* All slots that there can be, with the longest numbers, have room. */
static void the_longest_fits(void **state)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct plm_alloc_replay again;
    struct plm_alloc_total total;
    (void)state;
    memset(&r->line, 0xff, sizeof r->line);
    for (size_t i = 0; i < PLM_MAX_MEDIA; i++) {
        memset(&r->slots[i], 0xff, sizeof r->slots[i]);
        r->slots[i].screen = true;
        r->slots[i].n_layers = PLM_MAX_ENCODINGS;
        for (unsigned k = 0; k < PLM_MAX_ENCODINGS; k++)
            r->slots[i].layers[k].sent = true;
        r->memory[i] =
            (struct plm_alloc_memory){true, 3, 3, 255, 65535, 65535, UINT64_MAX, UINT64_MAX, UINT64_MAX};
        r->slots[i].memory = &r->memory[i];
    }
    plm_alloc_log_begin(&r->log, &r->line, r->slots, PLM_MAX_MEDIA + 1, UINT32_MAX, UINT64_MAX);
    plm_allocate(&r->line, r->slots, PLM_MAX_MEDIA, UINT32_MAX, UINT64_MAX, &total);
    plm_alloc_log_end(&r->log, r->slots, PLM_MAX_MEDIA + 1, &total);
    assert_true(r->log.len <= PLM_ALLOC_LOG_MAX);
    assert_int_equal(plm_alloc_log_replay(r->log.data, r->log.len, &again), 0);
    assert_int_equal(again.slots, PLM_MAX_MEDIA);
    assert_int_equal(again.differing, 0);
    free(r);
}

static void what_is_cut_or_wrong_is_refused(void **state)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct plm_alloc_replay again;
    (void)state;
    decide(r, SLOTS, 900000, 5000000);
    for (size_t len = 0; len < r->log.len; len++) {
        uint8_t *exact = malloc(len ? len : 1);
        memcpy(exact, r->log.data, len);
        assert_int_equal(plm_alloc_log_replay(exact, len, &again), PLM_EINVAL);
        free(exact);
    }
    for (size_t i = 0; i < r->log.len; i++) { /* whatever stands in a record, it is read or refused */
        struct plm_alloc_log other = r->log;
        other.data[i] ^= 0x55;
        plm_alloc_log_replay(other.data, other.len, &again);
        other.data[i] = 0xff;
        plm_alloc_log_replay(other.data, other.len, &again);
    }
    r->log.data[r->log.len++] = 0;
    assert_int_equal(plm_alloc_log_replay(r->log.data, r->log.len, &again), PLM_EINVAL);
    free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_decided_again),
        cmocka_unit_test(another_decision_is_seen),
        cmocka_unit_test(the_longest_fits),
        cmocka_unit_test(what_is_cut_or_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
