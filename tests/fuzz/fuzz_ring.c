/* The ring between two workers: what comes out is what went in, whole and in order, once it is published; it refuses only what has no room. */
#include "fuzz.h"
#include "ring.h"

#include <stdbool.h>
#include <string.h>

#define SIZE   4096
#define FRAMES 1024 /* more than fit */

static struct {
    uint16_t len;
    uint8_t first; /* octets count up from here */
} frames[FRAMES];  /* those that are not drained yet, at positions modulo FRAMES */

static unsigned begin, published, end;
static size_t held; /* octets of frames, as they lie in the ring */
static uint8_t octets[2 * SIZE + 256];

static size_t in_ring(size_t len)
{
    return (len + 8 + 7) & ~(size_t)7;
}

static void on_frame(void *arg, const uint8_t *frame, size_t len)
{
    size_t *drained = arg;
    CHECK(begin != published);
    CHECK(((uintptr_t)frame & 7) == 0);
    CHECK(len == frames[begin % FRAMES].len);
    CHECK(memcmp(frame, octets + frames[begin % FRAMES].first, len) == 0);
    held -= in_ring(len);
    *drained += in_ring(len);
    begin++;
}

static void append(struct plm_ring *r, struct fuzz_input *in, bool urgent)
{
    size_t len = fuzz_u16(in) % (SIZE / 2 + 16), head = fuzz_u8(in) % (len + 1);
    uint8_t first = fuzz_u8(in);
    const uint8_t *from = octets + first;
    if (!plm_ring_append(r, from, head, from + head, len - head, urgent)) {
        size_t usable = urgent ? SIZE : SIZE - SIZE / 8;
        /* The ring's end may be left empty, by one frame that waits or by this one: less than the largest needs. */
        CHECK(!len || in_ring(len) > SIZE / 2 || held + in_ring(len) + SIZE / 2 > usable);
        return;
    }
    CHECK(len > 0 && end - begin < FRAMES);
    held += in_ring(len);
    CHECK(held <= (urgent ? SIZE : SIZE - SIZE / 8));
    frames[end % FRAMES].len = (uint16_t)len;
    frames[end++ % FRAMES].first = first;
}

static void drain(struct plm_ring *r, size_t max)
{
    unsigned before = begin;
    size_t drained = 0;
    bool more = plm_ring_drain(r, on_frame, &drained, max);
    CHECK(more == plm_ring_readable(r));
    CHECK(more || begin == published);
    CHECK(drained < max + in_ring(SIZE / 2));
    CHECK(!max || before == published || begin != before ||
          more); /* the ring's end alone may be all that was done */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct plm_ring *r;
    begin = published = end = 0;
    held = 0;
    for (size_t i = 0; i < sizeof octets; i++)
        octets[i] = (uint8_t)i;
    CHECK(plm_ring_create(&r, SIZE) == 0);
    while (in.left) {
        switch (fuzz_u8(&in) & 7) {
        case 0:
            CHECK(plm_ring_publish(r) == (end != published));
            published = end;
            break;
        case 1:
            drain(r, fuzz_u16(&in) % (2 * SIZE));
            break;
        case 2:
            append(r, &in, true);
            break;
        default:
            append(r, &in, false);
        }
        CHECK(plm_ring_readable(r) || begin == published);
    }
    plm_ring_publish(r);
    published = end;
    while (plm_ring_readable(r))
        drain(r, SIZE);
    CHECK(begin == end && held == 0);
    plm_ring_destroy(r);
    return 0;
}
