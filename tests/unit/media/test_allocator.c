#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "allocator.h"

/** Three encodings of 150, 500 and 1500 kbit/s, three temporal layers each. */
static struct plm_alloc_slot simulcast(uint8_t priority, uint16_t width, uint8_t present)
{
    struct plm_alloc_slot s = {.priority = priority,
        .want_width = width,
        .want_height = (uint16_t)(width * 9 / 16),
        .n_layers = 3,
        .present = present};
    static const uint32_t bps[] = {150000, 500000, 1500000};
    for (unsigned i = 0; i < 3; i++)
        s.layers[i] = (struct plm_alloc_layer){.bitrate_bps = bps[i],
            .width = (uint16_t)(320u << i),
            .height = (uint16_t)(180u << i),
            .temporal_layers = 3};
    return s;
}

static void without_an_estimate_everybody_gets_his_wish(void **state)
{
    (void)state;
    struct plm_alloc_slot s[] = {simulcast(0, 0, PLM_LAYER_NONE), simulcast(0, 300, PLM_LAYER_NONE),
        simulcast(0, 640, 0), simulcast(0, 641, 2), {.n_layers = 0}, {.n_layers = 9}};
    plm_allocate(s, 6, 0);
    static const uint8_t expect[] = {2, 0, 1, 2, PLM_LAYER_NONE, PLM_LAYER_NONE};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(s[i].encoding, expect[i]);
        assert_int_equal(s[i].wish, expect[i]);
        assert_int_equal(s[i].tid, i < 4 ? 2 : 0);
    }
    plm_allocate(NULL, 0, 100000);
}

static void floors_come_first_by_priority(void **state)
{
    (void)state;
    struct plm_alloc_slot s[4];
    for (uint8_t i = 0; i < 4; i++)
        s[i] = simulcast(i, 0, PLM_LAYER_NONE);
    plm_allocate(s, 4, 200000); /* 60 kbit/s each for the lowest temporal layer: three fit */
    assert_int_equal(s[0].encoding, PLM_LAYER_NONE);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(s[i].encoding, 0);
        assert_int_equal(s[i].tid, 0);
    }
    plm_allocate(s, 4, 290000); /* the rest goes to the highest priority: 60 → 90 */
    assert_int_equal(s[3].tid, 1);
    assert_int_equal(s[2].tid, 0);
    assert_int_equal(s[0].encoding, 0);
}

static void steps_up_by_rank(void **state)
{
    (void)state;
    struct plm_alloc_slot s[] = {
        simulcast(5, 0, PLM_LAYER_NONE), simulcast(0, 0, PLM_LAYER_NONE), simulcast(0, 0, PLM_LAYER_NONE)};
    s[1].screen = true;
    plm_allocate(s, 3, 1500000 + 60000 + 60000);
    assert_int_equal(s[1].encoding, 2); /* the screen before everybody */
    assert_int_equal(s[0].tid, 0);
    assert_int_equal(s[2].tid, 0);
    plm_allocate(s, 3, 1500000 + 500000 + 60000);
    assert_int_equal(s[0].encoding, 1);
    assert_int_equal(s[2].tid, 0);
    /* Equal ranks share: neither climbs far ahead. */
    struct plm_alloc_slot e[] = {simulcast(0, 0, PLM_LAYER_NONE), simulcast(0, 0, PLM_LAYER_NONE)};
    plm_allocate(e, 2, 1100000);
    assert_int_equal(e[0].encoding, 1);
    assert_int_equal(e[1].encoding, 1);
    /* Of equal ranks the larger is served first. */
    struct plm_alloc_slot b[] = {simulcast(0, 640, PLM_LAYER_NONE), simulcast(0, 1280, PLM_LAYER_NONE)};
    plm_allocate(b, 2, 660000);
    assert_int_equal(b[0].encoding, 0);
    assert_int_equal(b[1].encoding, 1);
}

static void up_needs_head_room_down_does_not(void **state)
{
    (void)state;
    struct plm_alloc_slot s = simulcast(0, 0, 0);
    plm_allocate(&s, 1, 550000);
    assert_int_equal(s.encoding, 0);
    plm_allocate(&s, 1, 576000);
    assert_int_equal(s.encoding, 1);
    s.present = 1;
    plm_allocate(&s, 1, 510000); /* what is there stays */
    assert_int_equal(s.encoding, 1);
    plm_allocate(&s, 1, 499999);
    assert_int_equal(s.encoding, 0);
    assert_int_equal(s.tid, 2);
}

static void what_is_not_sent_is_wished_for(void **state)
{
    (void)state;
    struct plm_alloc_slot s = simulcast(0, 1280, PLM_LAYER_NONE);
    s.layers[1].bitrate_bps = s.layers[2].bitrate_bps = 0;
    plm_allocate(&s, 1, 0);
    assert_int_equal(s.encoding, 0);
    assert_int_equal(s.wish, 2);
    plm_allocate(&s, 1, 700000); /* no room for 1350 kbit/s, but for 450 */
    assert_int_equal(s.encoding, 0);
    assert_int_equal(s.wish, 1);
    /* Only a higher one is sent: better than nothing. */
    s = simulcast(0, 320, PLM_LAYER_NONE);
    s.layers[0].bitrate_bps = 0;
    plm_allocate(&s, 1, 0);
    assert_int_equal(s.encoding, 1);
    assert_int_equal(s.wish, 0);
    /* Nothing is measured yet: begin with the lowest. */
    s = simulcast(0, 0, PLM_LAYER_NONE);
    for (int i = 0; i < 3; i++)
        s.layers[i].bitrate_bps = 0;
    plm_allocate(&s, 1, 0);
    assert_int_equal(s.encoding, 0);
    assert_int_equal(s.wish, 2);
    /* Nothing is sent any more: what was shown last stays the aim, and nobody is asked for key frames. */
    s.present = 2;
    plm_allocate(&s, 1, 0);
    assert_int_equal(s.encoding, 2);
}

/** Any slots, any budget: never above it, and never nothing for a slot whose floor would fit. */
static void stays_within_the_budget(void **state)
{
    (void)state;
    srand(31);
    for (int round = 0; round < 5000; round++) {
        struct plm_alloc_slot s[PLM_MAX_MEDIA];
        size_t n = (size_t)rand() % (PLM_MAX_MEDIA + 1);
        for (size_t i = 0; i < n; i++) {
            s[i] = simulcast((uint8_t)(rand() % 4), (uint16_t)(rand() % 1500),
                (uint8_t)(rand() % 4 == 3 ? PLM_LAYER_NONE : rand() % 3));
            s[i].screen = rand() % 10 == 0;
            s[i].n_layers = (uint8_t)(1 + rand() % 3);
            for (unsigned k = 0; k < 3; k++)
                s[i].layers[k].bitrate_bps = rand() % 5 ? (uint32_t)(1 + rand() % 3000000) : 0;
            s[i].layers[0].temporal_layers = (uint8_t)(rand() % 6);
        }
        uint32_t budget = (uint32_t)(1 + rand() % 20000000);
        plm_allocate(s, n, budget);
        static const unsigned share[] = {100, 60, 40, 25};
        uint64_t used = 0;
        for (size_t i = 0; i < n; i++) {
            if (s[i].encoding == PLM_LAYER_NONE)
                continue;
            assert_in_range(s[i].encoding, 0, s[i].n_layers - 1);
            const struct plm_alloc_layer *at = &s[i].layers[s[i].encoding];
            unsigned layers = at->temporal_layers < 1 ? 1 : at->temporal_layers > 4 ? 4 : at->temporal_layers;
            assert_in_range(s[i].tid, 0, layers - 1);
            assert_true(s[i].wish < s[i].n_layers);
            used += (uint64_t)(at->bitrate_bps      ? at->bitrate_bps
                               : s[i].encoding == 0 ? 150000
                               : s[i].encoding == 1 ? 450000
                                                    : 1350000) *
                    share[layers - 1 - s[i].tid] / 100;
        }
        assert_true(used <= budget);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_estimate_everybody_gets_his_wish),
        cmocka_unit_test(floors_come_first_by_priority),
        cmocka_unit_test(steps_up_by_rank),
        cmocka_unit_test(up_needs_head_room_down_does_not),
        cmocka_unit_test(what_is_not_sent_is_wished_for),
        cmocka_unit_test(stays_within_the_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
