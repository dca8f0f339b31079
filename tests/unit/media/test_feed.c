#include "feed.h"

#include "base/feed_ring.h"
#include "base/link_frame.h"
#include "plenum/types.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/** Append a frame of a random length whose octets go on from *next. @return that length; 0: no room */
static size_t append_next(struct plm_feed *f, uint8_t *next)
{
    uint8_t frame[1300];
    size_t len = 1 + (size_t)rand() % sizeof frame, head = (size_t)rand() % (len + 1);
    for (size_t k = 0; k < len; k++)
        frame[k] = (uint8_t)(*next + k);
    if (!plm_feed_append(f, PLM_FEED_PICTURE, frame, head, frame + head, len - head))
        return 0;
    *next = (uint8_t)(*next + len);
    return len;
}

static void keeps_octets_in_order_whatever_is_read_at_a_time(void **state)
{
    (void)state;
    struct plm_feed *f = make();
    uint8_t next_in = 0, next_out = 0, out[4000];
    size_t waits = 0;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        waits += append_next(f, &next_in);
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

/** Octets of a reader's ring, each of this value. */
static void expect_in_ring(struct plm_feed_ring *r, size_t n, uint8_t octet)
{
    const uint8_t *at;
    assert_true(plm_feed_ring_peek(r, &at) >= (ssize_t)n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(at[i], octet);
    plm_feed_ring_consume(r, n);
}

static struct plm_feed_ring *give_ring(struct plm_feed *f, uint32_t size)
{
    struct plm_feed_ring *reader, *writer;
    int fd;
    assert_int_equal(plm_feed_ring_create(&reader, size, &fd), 0);
    assert_int_equal(plm_feed_ring_attach(&writer, fd), 0);
    close(fd);
    assert_true(plm_feed_use_ring(f, writer));
    return reader;
}

static void the_ring_begins_where_the_socket_ends(void **state)
{
    (void)state;
    static uint8_t out[SIZE];
    struct plm_feed *f = make();
    struct plm_link_header last;
    assert_false(plm_feed_to_ring(f)); /* without one nothing waits for it */
    assert_true(append(f, PLM_FEED_PICTURE, 1000, 1));
    struct plm_feed_ring *ring = give_ring(f, PLM_FEED_RING_MIN);
    assert_false(plm_feed_use_ring(f, ring));
    assert_true(append(f, PLM_FEED_PICTURE, 500, 2));
    assert_int_equal(plm_feed_pending(f), 1000 + sizeof last);
    take(f, out, 1010);
    assert_false(plm_feed_to_ring(f));
    expect_in_ring(ring, 0, 0);
    take(f, out, sizeof last - 10);
    assert_int_equal(plm_feed_pending(f), 0);
    assert_true(append(f, PLM_FEED_PICTURE, 500, 3)); /* behind what waits */
    assert_false(plm_feed_to_ring(f));
    assert_true(append(f, PLM_FEED_PICTURE, 500, 4)); /* at once */
    expect_in_ring(ring, 500, 2);
    expect_in_ring(ring, 500, 3);
    expect_in_ring(ring, 500, 4);
    assert_int_equal(plm_feed_pending(f), 0);
    plm_feed_destroy(f);
    plm_feed_ring_destroy(ring);
}

static void the_socket_ends_with_a_frame_that_says_so(void **state)
{
    (void)state;
    uint8_t out[sizeof(struct plm_link_header)];
    struct plm_link_header last;
    struct plm_feed *f = make();
    struct plm_feed_ring *ring = give_ring(f, PLM_FEED_RING_MIN);
    take(f, out, sizeof out);
    memcpy(&last, out, sizeof last);
    assert_int_equal(last.type, PLM_LINK_RING);
    assert_int_equal(last.size, 0);
    plm_feed_destroy(f);
    plm_feed_ring_destroy(ring);
}

static void what_the_ring_has_no_room_for_waits_in_order(void **state)
{
    (void)state;
    static uint8_t out[SIZE];
    struct plm_feed *f = make();
    struct plm_feed_ring *ring = give_ring(f, PLM_FEED_RING_MIN);
    take(f, out, plm_feed_pending(f));
    uint8_t in = 0, next = 0;
    size_t waits = 0;
    unsigned refused = 0;
    srand(2);
    for (int i = 0; i < 20000; i++) {
        size_t len = append_next(f, &in);
        waits += len;
        if (len == 0) { /* the queue is full, the ring was when it was last looked at */
            assert_true(waits + 1300 > SIZE - SIZE / 8);
            refused++;
        }
        if (i % 5 == 0)
            assert_int_equal(plm_feed_to_ring(f), waits > PLM_FEED_RING_MIN);
        const uint8_t *at;
        ssize_t there = plm_feed_ring_peek(ring, &at);
        size_t n = (size_t)rand() % (i % 1000 < 700 ? 900 : 4000);
        n = n < (size_t)there ? n : (size_t)there;
        for (size_t k = 0; k < n; k++)
            assert_int_equal(at[k], next++);
        plm_feed_ring_consume(ring, n);
        waits -= n;
    }
    assert_true(refused > 10);
    assert_false(plm_feed_is_broken(f));
    plm_feed_destroy(f);
    plm_feed_ring_destroy(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_octets_in_order_whatever_is_read_at_a_time),
        cmocka_unit_test(pictures_leave_room_for_sound_and_sound_for_tracks),
        cmocka_unit_test(is_roomy_again_below_one_half),
        cmocka_unit_test(what_does_not_fit_leaves_nothing_behind),
        cmocka_unit_test(the_ring_begins_where_the_socket_ends),
        cmocka_unit_test(the_socket_ends_with_a_frame_that_says_so),
        cmocka_unit_test(what_the_ring_has_no_room_for_waits_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
