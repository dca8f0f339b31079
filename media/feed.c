#include "feed.h"

#include "base/feed_ring.h"
#include "base/link_frame.h"
#include "plenum/types.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct plm_feed {
    size_t size, head, used; /* head: of the oldest octet */
    size_t by_socket;        /* with a ring: the oldest of them, which go by the socket still */
    struct plm_feed_ring *ring;
    bool broken;
    uint8_t data[];
};

int plm_feed_create(struct plm_feed **out, size_t size)
{
    if (size < PLM_FEED_MIN_SIZE || size > SIZE_MAX / 2)
        return PLM_EINVAL;
    struct plm_feed *f = malloc(sizeof *f + size); /* its pages are taken as they are first used */
    if (!f)
        return PLM_ENOMEM;
    f->size = size;
    f->head = f->used = f->by_socket = 0;
    f->ring = NULL;
    f->broken = false;
    *out = f;
    return 0;
}

void plm_feed_destroy(struct plm_feed *f)
{
    if (f)
        plm_feed_ring_destroy(f->ring);
    free(f);
}

static size_t usable(const struct plm_feed *f, enum plm_feed_class class)
{
    switch (class) {
    case PLM_FEED_PICTURE:
        return f->size - f->size / 8;
    case PLM_FEED_SOUND:
        return f->size - f->size / 64;
    case PLM_FEED_TRACK:
        break;
    }
    return f->size;
}

static void put(struct plm_feed *f, const void *from, size_t len)
{
    size_t at = f->head + f->used;
    at = at >= f->size ? at - f->size : at;
    size_t first = len < f->size - at ? len : f->size - at;
    if (first)
        memcpy(f->data + at, from, first);
    if (len > first)
        memcpy(f->data, (const uint8_t *)from + first, len - first);
    f->used += len;
}

bool plm_feed_append(struct plm_feed *f, enum plm_feed_class class, const void *head, size_t head_len,
    const void *body, size_t body_len)
{
    if (f->ring && f->used == 0 && plm_feed_ring_append(f->ring, head, head_len, body, body_len))
        return true;
    size_t max = usable(f, class);
    if (f->used > max || head_len > max - f->used || body_len > max - f->used - head_len) {
        f->broken |= class == PLM_FEED_TRACK;
        return false;
    }
    put(f, head, head_len);
    put(f, body, body_len);
    return true;
}

bool plm_feed_is_roomy(const struct plm_feed *f)
{
    return f->used < f->size / 2;
}

bool plm_feed_is_broken(const struct plm_feed *f)
{
    return f->broken;
}

/* The oldest n octets. @return number of pieces */
static int oldest(const struct plm_feed *f, size_t n, struct iovec out[2])
{
    size_t to_end = f->size - f->head, first = n < to_end ? n : to_end;
    if (n == 0)
        return 0;
    out[0] = (struct iovec){(void *)(uintptr_t)(f->data + f->head), first};
    if (first == n)
        return 1;
    out[1] = (struct iovec){(void *)(uintptr_t)f->data, n - first};
    return 2;
}

static void take(struct plm_feed *f, size_t n)
{
    assert(n <= f->used);
    f->used -= n;
    f->head += n;
    if (f->head >= f->size)
        f->head -= f->size;
    if (f->used == 0)
        f->head = 0; /* what is used stays in the cache, and memory that was never needed is never touched */
}

size_t plm_feed_pending(const struct plm_feed *f)
{
    return f->ring ? f->by_socket : f->used;
}

int plm_feed_peek(const struct plm_feed *f, struct iovec out[2])
{
    return oldest(f, plm_feed_pending(f), out);
}

void plm_feed_consume(struct plm_feed *f, size_t n)
{
    assert(n <= plm_feed_pending(f));
    take(f, n);
    if (f->ring)
        f->by_socket -= n;
}

bool plm_feed_use_ring(struct plm_feed *f, struct plm_feed_ring *ring)
{
    const struct plm_link_header last = {.type = PLM_LINK_RING};
    if (f->ring || !plm_feed_append(f, PLM_FEED_SOUND, &last, sizeof last, NULL, 0))
        return false;
    f->by_socket = f->used;
    f->ring = ring;
    return true;
}

bool plm_feed_to_ring(struct plm_feed *f)
{
    struct iovec v[2];
    if (!f->ring || f->by_socket)
        return false;
    while (f->used) {
        size_t room = plm_feed_ring_room(f->ring);
        if (oldest(f, f->used < room ? f->used : room, v) == 0)
            return true;
        plm_feed_ring_append(f->ring, v[0].iov_base, v[0].iov_len, NULL, 0);
        take(f, v[0].iov_len);
    }
    return false;
}
