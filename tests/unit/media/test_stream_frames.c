#include "stream_frames.h"

#include "plenum/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void give(struct plm_stream_frames *f, const void *octets, size_t len)
{
    size_t room;
    uint8_t *at = plm_stream_frames_room(f, &room);
    assert_true(room >= len);
    memcpy(at, octets, len);
    plm_stream_frames_filled(f, len);
}

static void datagrams_come_whole_however_they_are_cut(void **state)
{
    (void)state;
    static const uint8_t wire[] = {0, 3, 'a', 'b', 'c', 0, 0, 0, 1, 'd', 0, 2, 'e', 'f'};
    static const char *const expected[] = {"abc", "d", "ef"};
    for (size_t cut = 1; cut <= sizeof wire; cut++) {
        struct plm_stream_frames f;
        uint8_t *datagram;
        unsigned seen = 0;
        plm_stream_frames_init(&f);
        for (size_t at = 0; at < sizeof wire; at += cut) {
            int len;
            give(&f, wire + at, sizeof wire - at < cut ? sizeof wire - at : cut);
            while ((len = plm_stream_frames_next(&f, &datagram)) > 0) {
                assert_int_equal(len, strlen(expected[seen]));
                assert_memory_equal(datagram, expected[seen], (size_t)len);
                /* It stays the next one until it is passed. */
                assert_int_equal(plm_stream_frames_next(&f, &datagram), len);
                plm_stream_frames_pass(&f, (size_t)len);
                seen++;
            }
            assert_int_equal(len, 0);
        }
        assert_int_equal(seen, 3);
    }
}

static void the_longest_fits_and_one_more_is_refused(void **state)
{
    (void)state;
    static uint8_t wire[PLM_STREAM_FRAME_HEAD + PLM_STREAM_FRAME_MAX] = {
        PLM_STREAM_FRAME_MAX >> 8, PLM_STREAM_FRAME_MAX & 255};
    struct plm_stream_frames f;
    uint8_t *datagram;
    plm_stream_frames_init(&f);
    for (unsigned i = 0; i < 20; i++) { /* more than the buffer holds at once */
        give(&f, wire, sizeof wire - 1);
        assert_int_equal(plm_stream_frames_next(&f, &datagram), 0);
        give(&f, wire + sizeof wire - 1, 1);
        assert_int_equal(plm_stream_frames_next(&f, &datagram), PLM_STREAM_FRAME_MAX);
        plm_stream_frames_pass(&f, PLM_STREAM_FRAME_MAX);
    }
    wire[1]++;
    give(&f, wire, 2);
    assert_int_equal(plm_stream_frames_next(&f, &datagram), PLM_EINVAL);
}

static void the_rest_is_what_was_not_passed(void **state)
{
    (void)state;
    static const uint8_t wire[] = {0, 1, 'a', 0, 2, 'b'};
    struct plm_stream_frames f;
    uint8_t *datagram;
    size_t len;
    plm_stream_frames_init(&f);
    give(&f, wire, sizeof wire);
    assert_int_equal(plm_stream_frames_next(&f, &datagram), 1);
    assert_memory_equal(plm_stream_frames_rest(&f, &len), wire, sizeof wire);
    assert_int_equal(len, sizeof wire);
    plm_stream_frames_pass(&f, 1);
    assert_memory_equal(plm_stream_frames_rest(&f, &len), wire + 3, 3);
    assert_int_equal(len, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(datagrams_come_whole_however_they_are_cut),
        cmocka_unit_test(the_longest_fits_and_one_more_is_refused),
        cmocka_unit_test(the_rest_is_what_was_not_passed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
