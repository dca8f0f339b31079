#include "base/feed_ring.h"

#include "plenum/types.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE PLM_FEED_RING_MIN

struct ends {
    struct plm_feed_ring *reader, *writer;
    int fd;
};

static struct ends make(void)
{
    struct ends e;
    assert_int_equal(plm_feed_ring_create(&e.reader, SIZE, &e.fd), 0);
    assert_int_equal(plm_feed_ring_attach(&e.writer, e.fd), 0);
    return e;
}

static void unmake(struct ends *e)
{
    plm_feed_ring_destroy(e->reader);
    plm_feed_ring_destroy(e->writer);
    close(e->fd);
}

static size_t readable(const struct plm_feed_ring *r)
{
    const uint8_t *at;
    ssize_t n = plm_feed_ring_peek(r, &at);
    assert_true(n >= 0);
    return (size_t)n;
}

/* Octets 0, 1, 2 ... of a stream. */
static bool write_next(struct plm_feed_ring *r, uint8_t *next, size_t head, size_t body)
{
    uint8_t octets[2000];
    for (size_t i = 0; i < head + body; i++)
        octets[i] = (uint8_t)(*next + i);
    if (!plm_feed_ring_append(r, octets, head, octets + head, body))
        return false;
    *next = (uint8_t)(*next + head + body);
    return true;
}

static void read_next(struct plm_feed_ring *r, uint8_t *next, size_t n)
{
    const uint8_t *at;
    assert_true(plm_feed_ring_peek(r, &at) >= (ssize_t)n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(at[i], (*next)++);
    plm_feed_ring_consume(r, n);
}

static void octets_come_in_order_and_in_one_piece(void **state)
{
    (void)state;
    struct ends e = make();
    uint8_t in = 0, out = 0;
    size_t waits = 0;
    unsigned full = 0;
    srand(1);
    for (int i = 0; i < 20000; i++) {
        size_t head = (size_t)rand() % 100, body = (size_t)rand() % 1300;
        bool fits = write_next(e.writer, &in, head, body);
        assert_int_equal(fits, waits + head + body <= SIZE);
        waits += fits ? head + body : 0;
        full += !fits;
        assert_int_equal(readable(e.reader), waits);
        size_t n = (size_t)rand() % (i % 3 ? 700 : 2500);
        n = n < waits ? n : waits;
        read_next(e.reader, &out, n);
        waits -= n;
        assert_int_equal(plm_feed_ring_room(e.writer), SIZE - waits);
    }
    assert_true(full > 10);
    unmake(&e);
}

static void what_cannot_fit_changes_nothing(void **state)
{
    (void)state;
    static uint8_t much[SIZE + 1];
    struct ends e = make();
    assert_false(plm_feed_ring_append(e.writer, much, SIZE + 1, NULL, 0));
    assert_false(plm_feed_ring_append(e.writer, much, SIZE_MAX, much, SIZE_MAX)); /* nothing is read */
    assert_false(plm_feed_ring_append(e.writer, much, 1, much, SIZE));
    assert_int_equal(readable(e.reader), 0);
    assert_true(plm_feed_ring_append(e.writer, much, 1, much, SIZE - 1));
    assert_int_equal(readable(e.reader), SIZE);
    assert_false(plm_feed_ring_append(e.writer, much, 1, NULL, 0));
    unmake(&e);
}

static void what_was_written_outlives_its_writer(void **state)
{
    (void)state;
    struct ends e = make();
    uint8_t in = 0, out = 0;
    assert_true(write_next(e.writer, &in, 100, 900));
    plm_feed_ring_destroy(e.writer);
    e.writer = NULL;
    read_next(e.reader, &out, 1000);
    unmake(&e);
}

/* Another writer begins with positions of its own: to the reader it is one that goes back. */
static void a_position_that_cannot_be_is_told(void **state)
{
    (void)state;
    struct ends e = make();
    struct plm_feed_ring *other;
    const uint8_t *at;
    uint8_t in = 0, out = 0;
    assert_int_equal(plm_feed_ring_attach(&other, e.fd), 0);
    assert_true(write_next(e.writer, &in, 0, 1000));
    read_next(e.reader, &out, 1000);
    assert_true(write_next(other, &in, 0, 10));
    assert_int_equal(plm_feed_ring_peek(e.reader, &at), PLM_EINVAL);
    plm_feed_ring_destroy(other);

    struct ends f = make(); /* and a reader that has taken what was never there */
    plm_feed_ring_consume(f.reader, 1000);
    assert_int_equal(plm_feed_ring_room(f.writer), 0);
    assert_false(plm_feed_ring_append(f.writer, "1", 1, NULL, 0));
    unmake(&e);
    unmake(&f);
}

static void other_memory_is_no_ring(void **state)
{
    (void)state;
    struct plm_feed_ring *r;
    int fd;
    assert_int_equal(plm_feed_ring_create(&r, SIZE / 2, &fd), PLM_EINVAL);
    assert_int_equal(plm_feed_ring_create(&r, SIZE + 1, &fd), PLM_EINVAL);
    assert_int_equal(plm_feed_ring_create(&r, 2 * PLM_FEED_RING_MAX, &fd), PLM_EINVAL);

    assert_int_equal(plm_feed_ring_attach(&r, -1), PLM_EINVAL);
    fd = open("/dev/null", O_RDWR);
    assert_int_equal(plm_feed_ring_attach(&r, fd), PLM_EINVAL);
    close(fd);
    fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(fd, 2 * SIZE), 0);
    assert_int_equal(plm_feed_ring_attach(&r, fd), PLM_EINVAL); /* it could be cut */
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK), 0);
    assert_int_equal(plm_feed_ring_attach(&r, fd), PLM_EINVAL); /* it says nothing of itself */
    assert_int_equal(ftruncate(fd, 2 * SIZE + 4096), 0);
    assert_int_equal(plm_feed_ring_attach(&r, fd), PLM_EINVAL); /* no size that a ring has */
    close(fd);

    struct ends e = make();
    assert_int_equal(ftruncate(e.fd, 0), -1);
    assert_int_equal(ftruncate(e.fd, 1 << 20), -1);
    unmake(&e);
    plm_feed_ring_destroy(NULL);
}

#define MANY 200000

static void *write_many(void *arg)
{
    struct plm_feed_ring *r = arg;
    uint8_t next = 0;
    for (unsigned i = 0; i < MANY;)
        i += write_next(r, &next, i % 7, i % 61);
    return NULL;
}

static void two_threads_agree(void **state)
{
    (void)state;
    struct ends e = make();
    pthread_t thread;
    size_t left = 0;
    uint8_t next = 0;
    for (unsigned i = 0; i < MANY; i++)
        left += i % 7 + i % 61;
    assert_int_equal(pthread_create(&thread, NULL, write_many, e.writer), 0);
    while (left) {
        size_t n = readable(e.reader);
        read_next(e.reader, &next, n);
        left -= n;
    }
    pthread_join(thread, NULL);
    unmake(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(octets_come_in_order_and_in_one_piece),
        cmocka_unit_test(what_cannot_fit_changes_nothing),
        cmocka_unit_test(what_was_written_outlives_its_writer),
        cmocka_unit_test(a_position_that_cannot_be_is_told),
        cmocka_unit_test(other_memory_is_no_ring),
        cmocka_unit_test(two_threads_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
