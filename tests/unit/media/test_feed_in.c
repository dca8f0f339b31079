#include "feed_in.h"
#include "plenum/media.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct seen {
    unsigned n;
    struct plm_link_header h[8];
    struct plm_link_demand d[8];
};

static void on_demand(void *arg, const struct plm_link_header *h, const struct plm_link_demand *d)
{
    struct seen *s = arg;
    assert_true(s->n < 8);
    s->h[s->n] = *h;
    s->d[s->n++] = *d;
}

static size_t put(
    uint8_t *out, uint8_t type, uint8_t source, uint32_t participant, const void *body, uint32_t size)
{
    struct plm_link_header h = {
        .size = size, .type = type, .source = source, .room = 0x10002, .participant = participant};
    memcpy(out, &h, sizeof h);
    if (size)
        memcpy(out + sizeof h, body, size);
    return sizeof h + size;
}

/** Give it piece by piece; each lies on the heap in its exact size. */
static int give(struct plm_feed_in *in, const uint8_t *data, size_t len, size_t piece, struct seen *s)
{
    int err = 0;
    for (size_t at = 0; at < len && err == 0; at += piece) {
        size_t n = len - at < piece ? len - at : piece;
        uint8_t *copy = malloc(n);
        memcpy(copy, data + at, n);
        err = plm_feed_in_take(in, copy, n, on_demand, s);
        free(copy);
    }
    return err;
}

static void finds_demands_however_they_are_cut(void **state)
{
    (void)state;
    uint8_t b[4096], nothing[700] = {0};
    struct plm_link_demand first = {.encodings = 5, .keyframes = 4}, second = {.encodings = 1, .audio = 1};
    size_t n = put(b, PLM_LINK_DEMAND, PLM_SOURCE_CAMERA, 7, &first, sizeof first);
    n += put(b + n, 99, 200, 0, nothing, sizeof nothing); /* of a later version */
    n += put(b + n, 100, 0, 0, NULL, 0);
    n += put(b + n, PLM_LINK_DEMAND, PLM_SOURCE_MICROPHONE, 8, &second, sizeof second);
    for (size_t piece = 1; piece <= n; piece++) {
        struct plm_feed_in in;
        struct seen s = {0};
        plm_feed_in_init(&in);
        assert_int_equal(give(&in, b, n, piece, &s), 0);
        assert_int_equal(s.n, 2);
        assert_int_equal(s.h[0].participant, 7);
        assert_int_equal(s.h[0].room, 0x10002);
        assert_int_equal(s.h[0].source, PLM_SOURCE_CAMERA);
        assert_memory_equal(&s.d[0], &first, sizeof first);
        assert_int_equal(s.h[1].participant, 8);
        assert_memory_equal(&s.d[1], &second, sizeof second);
    }
}

static void refuses_what_no_reader_sends(void **state)
{
    (void)state;
    static const uint8_t body[PLM_LINK_MAX_BODY + 1];
    static uint8_t b[sizeof(struct plm_link_header) + sizeof body];
    const struct {
        uint8_t type, source;
        uint32_t size;
    } bad[] = {
        {0, 0, 4},
        {PLM_LINK_STRAY, 0, sizeof(struct plm_link_stray) + 100},
        {PLM_LINK_TRACK, 0, sizeof(struct plm_link_track)},
        {PLM_LINK_TRACK_GONE, 0, 0},
        {PLM_LINK_PACKET, 0, sizeof(struct plm_link_packet) + 12},
        {PLM_LINK_CLOCK, 0, sizeof(struct plm_link_clock)},
        {PLM_LINK_LEVELS, 0, 8},
        {PLM_LINK_SPEAKERS, 0, 8},
        {PLM_LINK_HELLO, 0, sizeof(struct plm_link_hello)},
        {PLM_LINK_CONTROL, 0, 2},
        {PLM_LINK_DEMAND, 0, sizeof(struct plm_link_demand) - 1},
        {PLM_LINK_DEMAND, 0, sizeof(struct plm_link_demand) + 1},
        {PLM_LINK_DEMAND, 0, 0},
        {PLM_LINK_DEMAND, PLM_SOURCE_COUNT, sizeof(struct plm_link_demand)},
        {77, 0, PLM_LINK_MAX_BODY + 1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct plm_feed_in in;
        struct seen s = {0};
        plm_feed_in_init(&in);
        size_t n = put(b, bad[i].type, bad[i].source, 1, body, bad[i].size);
        assert_int_equal(give(&in, b, n, 8192, &s), PLM_EINVAL);
        assert_int_equal(s.n, 0);
    }
}

static void skips_as_much_as_an_unknown_frame_may_have(void **state)
{
    (void)state;
    static const uint8_t body[PLM_LINK_MAX_BODY];
    static uint8_t b[sizeof body + 100];
    struct plm_link_demand d = {.encodings = 1};
    struct plm_feed_in in;
    struct seen s = {0};
    plm_feed_in_init(&in);
    size_t n = put(b, 11, 0, 0, body, sizeof body);
    n += put(b + n, PLM_LINK_DEMAND, 0, 3, &d, sizeof d);
    assert_int_equal(give(&in, b, n, 16384, &s), 0);
    assert_int_equal(s.n, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_demands_however_they_are_cut),
        cmocka_unit_test(refuses_what_no_reader_sends),
        cmocka_unit_test(skips_as_much_as_an_unknown_frame_may_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
