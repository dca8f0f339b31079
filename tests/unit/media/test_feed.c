#include "feed.h"
#include "plenum/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SIZE PLM_FEED_MIN_SIZE

static struct plm_feed *make(void)
{
    struct plm_feed *f;
    assert_int_equal(plm_feed_create(&f, SIZE), 0);
    return f;
}

static bool append(struct plm_feed *f, enum plm_feed_class class, size_t len, uint8_t octet)
{
    uint8_t *body = malloc(len); /* of its exact size */
    memset(body, octet, len);
    bool fits = plm_feed_append(f, class, body, len / 2, body + len / 2, len - len / 2);
    free(body);
    return fits;
}

/** Take n octets out, as a socket would. */
static void take(struct plm_feed *f, uint8_t *out, size_t n)
{
    struct iovec v[2];
    int pieces = plm_feed_peek(f, v);
    size_t at = 0;
    for (int i = 0; i < pieces; i++) {
        size_t len = v[i].iov_len < n - at ? v[i].iov_len : n - at;
        memcpy(out + at, v[i].iov_base, len);
        at += len;
    }
    assert_int_equal(at, n);
    plm_feed_consume(f, n);
}

static void keeps_octets_in_order_whatever_is_read_at_a_time(void **state)
{
    (void)state;
    struct plm_feed *f = make();
    uint8_t next_in = 0, next_out = 0, out[4000];
    size_t waits = 0;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        uint8_t frame[1300];
        size_t len = 1 + (size_t)rand() % sizeof frame;
        for (size_t k = 0; k < len; k++)
            frame[k] = (uint8_t)(next_in + k);
        size_t head = (size_t)rand() % (len + 1);
        if (plm_feed_append(f, PLM_FEED_PICTURE, frame, head, frame + head, len - head)) {
            next_in = (uint8_t)(next_in + len);
            waits += len;
        }
        assert_int_equal(plm_feed_pending(f), waits);
        size_t n = (size_t)rand() % sizeof out;
        n = n < waits ? n : waits;
        if (i % 3)
            n = n / 3; /* so that it fills up now and then */
        take(f, out, n);
        waits -= n;
        for (size_t k = 0; k < n; k++)
            assert_int_equal(out[k], next_out++);
    }
    assert_false(plm_feed_is_broken(f));
    plm_feed_destroy(f);
}

static void pictures_leave_room_for_sound_and_sound_for_tracks(void **state)
{
    (void)state;
    struct plm_feed *f = make();
    while (append(f, PLM_FEED_PICTURE, 1000, 1))
        continue;
    assert_in_range(plm_feed_pending(f), SIZE - SIZE / 8 - 999, SIZE - SIZE / 8);
    assert_false(plm_feed_is_roomy(f));
    assert_true(append(f, PLM_FEED_SOUND, 100, 2));
    while (append(f, PLM_FEED_SOUND, 100, 2))
        continue;
    assert_in_range(plm_feed_pending(f), SIZE - SIZE / 64 - 99, SIZE - SIZE / 64);
    assert_false(append(f, PLM_FEED_PICTURE, 1, 1));
    assert_false(plm_feed_is_broken(f));
    while (append(f, PLM_FEED_TRACK, 10, 3))
        continue;
    assert_in_range(plm_feed_pending(f), SIZE - 9, SIZE);
    assert_true(plm_feed_is_broken(f));
    plm_feed_destroy(f);
}

static void is_roomy_again_below_one_half(void **state)
{
    (void)state;
    static uint8_t out[SIZE];
    struct plm_feed *f = make();
    assert_true(plm_feed_is_roomy(f));
    assert_true(append(f, PLM_FEED_PICTURE, SIZE / 2, 1));
    assert_false(plm_feed_is_roomy(f));
    take(f, out, 1);
    assert_true(plm_feed_is_roomy(f));
    plm_feed_destroy(f);
}

static void what_does_not_fit_leaves_nothing_behind(void **state)
{
    (void)state;
    struct iovec v[2];
    struct plm_feed *f = make();
    assert_int_equal(plm_feed_peek(f, v), 0);
    assert_false(append(f, PLM_FEED_PICTURE, SIZE, 1));
    uint8_t octet = 0;
    assert_false(
        plm_feed_append(f, PLM_FEED_TRACK, &octet, SIZE_MAX, &octet, SIZE_MAX)); /* nothing is read */
    assert_int_equal(plm_feed_pending(f), 0);
    assert_true(plm_feed_is_broken(f));
    plm_feed_destroy(f);
    plm_feed_destroy(NULL);
    assert_int_equal(plm_feed_create(&f, PLM_FEED_MIN_SIZE - 1), PLM_EINVAL);
    assert_int_equal(plm_feed_create(&f, SIZE_MAX), PLM_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_octets_in_order_whatever_is_read_at_a_time),
        cmocka_unit_test(pictures_leave_room_for_sound_and_sound_for_tracks),
        cmocka_unit_test(is_roomy_again_below_one_half),
        cmocka_unit_test(what_does_not_fit_leaves_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
