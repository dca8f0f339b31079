/*
 * ICE-TCP's framing, both ways: the same datagrams come out however the octets are cut, and what goes into the queue comes out in order, within
 * its size, whatever the peer takes.
 */
#include "fuzz.h"

#include <string.h>

#include "plenum/types.h"
#include "stream_frames.h"
#include "stream_queue.h"

#define QUEUE 4096

/** FNV-1a over the datagrams and their lengths. */
static uint64_t add_datagram(uint64_t sum, const uint8_t *data, size_t len)
{
    sum = (sum ^ len) * 0x100000001b3ull;
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ data[i]) * 0x100000001b3ull;
    return sum;
}

/** The connection goes to another worker, with what has come of a datagram. */
static struct plm_stream_frames *move(struct plm_stream_frames *from)
{
    struct plm_stream_frames *to = malloc(sizeof *to);
    size_t len, room;
    const uint8_t *rest = plm_stream_frames_rest(from, &len);
    plm_stream_frames_init(to);
    uint8_t *at = plm_stream_frames_room(to, &room);
    CHECK(len <= room);
    memcpy(at, rest, len);
    plm_stream_frames_filled(to, len);
    free(from);
    return to;
}

/* cut: octets a read gives at most; after each the connection moves, if it does. @return what came out, 0: nonsense came */
static uint64_t read_in(const uint8_t *data, size_t size, size_t cut, bool moves)
{
    struct plm_stream_frames *f = malloc(sizeof *f);
    uint64_t sum = 0xcbf29ce484222325ull;
    int len = 0;
    plm_stream_frames_init(f);
    for (size_t at = 0; at < size && len >= 0;) {
        size_t room, n = size - at < cut ? size - at : cut;
        uint8_t *to = plm_stream_frames_room(f, &room), *datagram;
        CHECK(room > PLM_STREAM_FRAME_MAX);
        n = n < room ? n : room;
        memcpy(to, data + at, n);
        plm_stream_frames_filled(f, n);
        at += n;
        while ((len = plm_stream_frames_next(f, &datagram)) > 0) {
            CHECK(
                len <= PLM_STREAM_FRAME_MAX && datagram >= f->octets && datagram + len <= f->octets + f->end);
            sum = add_datagram(sum, datagram, (size_t)len);
            plm_stream_frames_pass(f, (size_t)len);
        }
        f = moves ? move(f) : f;
    }
    free(f);
    return len < 0 ? 0 : sum;
}

static void write_out(const uint8_t *data, size_t size)
{
    struct plm_stream_queue q;
    size_t in = 0, out = 0;
    uint64_t now = 0;
    plm_stream_queue_init(&q, QUEUE, 1000);
    for (size_t i = 0; i + 1 < size; i += 2) {
        size_t n = (size_t)data[i] * 8 < size ? (size_t)data[i] * 8 : size;
        struct iovec v[2] = {
            {(void *)(uintptr_t)data, n / 2}, {(void *)(uintptr_t)(data + n / 2), n - n / 2}};
        bool room = n <= QUEUE - plm_stream_queue_len(&q);
        CHECK(plm_stream_queue_add(&q, v, 2, now) == room);
        in += room ? n : 0;
        now += data[i + 1] * 100u;
        size_t pieces = plm_stream_queue_peek(&q, v), waits = 0;
        for (size_t p = 0; p < pieces; p++)
            waits += v[p].iov_len;
        CHECK(waits == in - out && waits == plm_stream_queue_len(&q) && waits <= QUEUE);
        CHECK(plm_stream_queue_age(&q, now) <= now);
        size_t taken = waits * (data[i + 1] & 7) / 7;
        plm_stream_queue_consume(&q, taken);
        out += taken;
        CHECK((plm_stream_queue_len(&q) == 0) == (q.octets == NULL));
    }
    plm_stream_queue_reset(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = read_in(data, size, SIZE_MAX, false);
    for (size_t cut = 1; cut <= 3000; cut = cut * 7 + 1)
        CHECK(read_in(data, size, cut, cut % 2) == whole);
    write_out(data, size);
    return 0;
}
