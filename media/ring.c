#include "ring.h"

#include "base/planted.h"
#include "plenum/types.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define CACHE_LINE 64
#define MIN_SIZE   4096
#define ALIGN      8
#define SKIP       UINT32_MAX /* length of a frame that only fills the ring's end */

struct frame_head {
    uint32_t len;
    uint32_t reserved;
};

/*
 * Positions run on without wrapping; the place in data is position & mask. Each side keeps a copy of the other's position and looks at
 * the real one only when the copy is not enough, so that cache lines travel once per batch.
 */
struct plm_ring {
    uint8_t *data;
    uint32_t size, mask;

    _Alignas(CACHE_LINE) _Atomic uint64_t tail; /**< published; written by the producer */
    uint64_t write;                             /**< appended */
    uint64_t head_seen;

    _Alignas(CACHE_LINE) _Atomic uint64_t head; /**< consumed; written by the consumer */
};

int plm_ring_create(struct plm_ring **out, uint32_t size)
{
    if (size < MIN_SIZE || (size & (size - 1)))
        return PLM_EINVAL;
    struct plm_ring *r = aligned_alloc(CACHE_LINE, sizeof *r);
    if (!r)
        return PLM_ENOMEM;
    memset(r, 0, sizeof *r);
    r->data = aligned_alloc(CACHE_LINE, size);
    if (!r->data) {
        free(r);
        return PLM_ENOMEM;
    }
    r->size = size;
    r->mask = size - 1;
    *out = r;
    return 0;
}

void plm_ring_destroy(struct plm_ring *r)
{
    if (!r)
        return;
    free(r->data);
    free(r);
}

static struct frame_head *head_at(const struct plm_ring *r, uint64_t position)
{
    return (struct frame_head *)(void *)(r->data + (position & r->mask));
}

static size_t padded(size_t len)
{
    return (sizeof(struct frame_head) + len + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static bool has_room(struct plm_ring *r, size_t need, bool urgent)
{
    size_t usable = urgent ? r->size : r->size - r->size / 8;
    if (r->write + need - r->head_seen <= usable)
        return true;
    r->head_seen = atomic_load_explicit(&r->head, memory_order_acquire);
    return PLM_FITS(ring, r->write + need - r->head_seen <= usable);
}

bool plm_ring_append(
    struct plm_ring *r, const void *head, size_t head_len, const void *body, size_t body_len, bool urgent)
{
    if (head_len > r->size / 2 || body_len > r->size / 2 || head_len + body_len == 0)
        return false;
    size_t len = head_len + body_len, need = padded(len);
    if (need > r->size / 2)
        return false;
    size_t to_end = r->size - (size_t)(r->write & r->mask);
    size_t skip = to_end < need ? to_end : 0;
    if (!has_room(r, skip + need, urgent))
        return false;
    if (skip) {
        head_at(r, r->write)->len = SKIP;
        r->write += skip;
    }
    struct frame_head *f = head_at(r, r->write);
    uint8_t *at = (uint8_t *)(f + 1);
    f->len = (uint32_t)len;
    if (head_len)
        memcpy(at, head, head_len);
    if (body_len)
        memcpy(at + head_len, body, body_len);
    r->write += need;
    return true;
}

bool plm_ring_publish(struct plm_ring *r)
{
    if (atomic_load_explicit(&r->tail, memory_order_relaxed) == r->write)
        return false;
    /* Sequentially consistent: the producer's look at the consumer's "asleep" must not come before this store. */
    atomic_store(&r->tail, r->write);
    return true;
}

bool plm_ring_drain(struct plm_ring *r, plm_ring_fn *fn, void *arg, size_t max)
{
    uint64_t tail = atomic_load_explicit(&r->tail, memory_order_acquire);
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed), begin = head;
    while (head != tail && head - begin < max) {
        const struct frame_head *f = head_at(r, head);
        if (f->len == SKIP) {
            head += r->size - (head & r->mask);
            continue;
        }
        fn(arg, (const uint8_t *)(f + 1), f->len);
        head += padded(f->len);
    }
    atomic_store_explicit(&r->head, head, memory_order_release);
    return head != tail;
}

bool plm_ring_readable(const struct plm_ring *r)
{
    return atomic_load(&r->tail) != atomic_load_explicit(&r->head, memory_order_relaxed);
}
