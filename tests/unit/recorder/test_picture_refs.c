#include "picture_refs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plm_picture_refs refs;

static bool key(void)
{
    struct plm_picture_place p = {.keyframe = true};
    plm_picture_refs_init(&refs);
    return plm_picture_refs_take(&refs, &p);
}

static void without_numbers_a_loss_ends_it(void **state)
{
    (void)state;
    struct plm_picture_place p = {0};
    plm_picture_refs_init(&refs);
    assert_false(plm_picture_refs_take(&refs, &p)); /* nothing before a key frame */
    assert_true(key());
    assert_true(plm_picture_refs_take(&refs, &p));
    plm_picture_refs_on_loss(&refs, 1);
    assert_false(plm_picture_refs_take(&refs, &p));
    assert_false(refs.intact);
    assert_false(plm_picture_refs_take(&refs, &p));
    assert_true(key());
    assert_true(plm_picture_refs_take(&refs, &p));
}

static void picture_ids_tell_that_nothing_was_lost(void **state)
{
    (void)state;
    for (uint8_t bits = 7; bits <= 15; bits += 8) {
        uint16_t last = (uint16_t)((1u << bits) - 1);
        struct plm_picture_place p = {
            .keyframe = true, .has_picture_id = true, .picture_id_bits = bits, .picture_id = last};
        plm_picture_refs_init(&refs);
        assert_true(plm_picture_refs_take(&refs, &p));
        p.keyframe = false;
        p.picture_id = 0;
        plm_picture_refs_on_loss(&refs, 5);
        assert_true(plm_picture_refs_take(&refs, &p));
        plm_picture_refs_on_loss(&refs, UINT64_C(1) << bits); /* they may have gone round */
        p.picture_id = 1;
        assert_false(plm_picture_refs_take(&refs, &p));
    }
}

static bool layered(uint8_t tid, uint8_t tl0, bool sync, bool up)
{
    struct plm_picture_place p = {.has_tl0 = true, .tid = tid, .tl0picidx = tl0, .sync = sync, .up = up};
    return plm_picture_refs_take(&refs, &p);
}

static void layer_0_counts_itself(void **state)
{
    (void)state;
    struct plm_picture_place p = {.keyframe = true, .has_tl0 = true, .tl0picidx = 255};
    plm_picture_refs_init(&refs);
    assert_true(plm_picture_refs_take(&refs, &p));
    plm_picture_refs_on_loss(&refs, 2);
    assert_true(layered(0, 0, false, false));
    assert_false(layered(1, 0, false, false)); /* what of layer 1 came before it? */
    assert_true(refs.intact);
    assert_true(layered(0, 1, false, false));
    assert_true(layered(1, 1, true, false));
    assert_true(layered(1, 1, false, false));
    assert_false(layered(2, 1, false, false));
    assert_true(layered(0, 2, false, true)); /* VP9: all may come again */
    assert_true(layered(2, 2, false, false));
    plm_picture_refs_on_loss(&refs, 2);
    assert_false(layered(1, 3, true, false)); /* the one of layer 0 was lost */
    assert_false(refs.intact);
}

static bool named(uint16_t number, uint8_t tid, uint8_t n, const uint16_t *back)
{
    struct plm_picture_place p = {
        .has_refs = true, .number = number, .number_bits = 16, .tid = tid, .n_refs = n};
    memcpy(p.refs, back, n * sizeof *back);
    return plm_picture_refs_take(&refs, &p);
}

static void named_references_must_be_there(void **state)
{
    (void)state;
    struct plm_picture_place p = {.keyframe = true, .has_refs = true, .number = 65534, .number_bits = 16};
    const uint16_t one[] = {1}, two[] = {2}, both[] = {1, 2};
    plm_picture_refs_init(&refs);
    assert_true(plm_picture_refs_take(&refs, &p));
    plm_picture_refs_on_loss(&refs, 3);
    /* 65535 is lost: of layer 1, as it turns out */
    assert_true(named(0, 0, 1, two));
    assert_false(named(1, 1, 2, both)); /* 0 is there, 65535 is not */
    assert_true(refs.intact);
    assert_false(named(2, 1, 1, one)); /* 1 was left out */
    assert_true(named(2, 0, 1, two));
    plm_picture_refs_on_loss(&refs, 1);
    assert_false(named(4, 0, 1, one)); /* 3 was of layer 0 */
    assert_false(refs.intact);
    assert_true(plm_picture_refs_take(&refs, &p));
    p.keyframe = false;
    p.has_refs = false; /* from naming to not */
    assert_false(plm_picture_refs_take(&refs, &p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_numbers_a_loss_ends_it),
        cmocka_unit_test(picture_ids_tell_that_nothing_was_lost),
        cmocka_unit_test(layer_0_counts_itself),
        cmocka_unit_test(named_references_must_be_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
