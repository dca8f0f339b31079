#include "feed.h"

#include "plenum/types.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct plm_feed {
    size_t size, head, used; /* head: of the oldest octet */
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
    f->head = f->used = 0;
    f->broken = false;
    *out = f;
    return 0;
}

void plm_feed_destroy(struct plm_feed *f)
{
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

size_t plm_feed_pending(const struct plm_feed *f)
{
    return f->used;
}

int plm_feed_peek(const struct plm_feed *f, struct iovec out[2])
{
    size_t to_end = f->size - f->head, first = f->used < to_end ? f->used : to_end;
    if (f->used == 0)
        return 0;
    out[0] = (struct iovec){(void *)(uintptr_t)(f->data + f->head), first};
    if (first == f->used)
        return 1;
    out[1] = (struct iovec){(void *)(uintptr_t)f->data, f->used - first};
    return 2;
}

void plm_feed_consume(struct plm_feed *f, size_t n)
{
    assert(n <= f->used);
    f->used -= n;
    f->head += n;
    if (f->head >= f->size)
        f->head -= f->size;
    if (f->used == 0)
        f->head = 0; /* what is used stays in the cache, and memory that was never needed is never touched */
}
