#include "feed_ring.h"

#include "plenum/types.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define CACHE_LINE   64
#define CONTROL_SIZE (64u << 10) /* whole pages on every machine */
#define MAGIC        0x474e5250u /* "PRNG" */

/* Before the octets. Positions run on without wrapping; the place of one is position & (size - 1). */
struct control {
    uint32_t magic, size;
    _Alignas(CACHE_LINE) _Atomic uint64_t written;
    _Alignas(CACHE_LINE) _Atomic uint64_t taken;
};

struct plm_feed_ring {
    struct control *control;
    uint8_t *data; /* mapped twice in a row: octets across the end lie in one piece, too */
    uint32_t size;
    uint64_t written, taken; /* one's own is ours alone to know; the other as it was last seen */
};

_Static_assert(sizeof(struct control) <= CONTROL_SIZE, "it lies before the octets");

static bool is_size(uint64_t size)
{
    return size >= PLM_FEED_RING_MIN && size <= PLM_FEED_RING_MAX && (size & (size - 1)) == 0;
}

static size_t mapped_size(uint32_t size)
{
    return CONTROL_SIZE + 2 * (size_t)size;
}

static int map(struct plm_feed_ring **out, int fd, uint32_t size)
{
    struct plm_feed_ring *r = calloc(1, sizeof *r);
    if (!r)
        return PLM_ENOMEM;
    uint8_t *at =
        mmap(NULL, mapped_size(size), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (at == MAP_FAILED) {
        free(r);
        return -errno;
    }
    *r = (struct plm_feed_ring){.control = (void *)at, .data = at + CONTROL_SIZE, .size = size};
    const int rights = PROT_READ | PROT_WRITE, how = MAP_SHARED | MAP_FIXED;
    if (mmap(at, CONTROL_SIZE + size, rights, how, fd, 0) == MAP_FAILED ||
        mmap(r->data + size, size, rights, how, fd, CONTROL_SIZE) == MAP_FAILED) {
        int err = -errno;
        plm_feed_ring_destroy(r);
        return err;
    }
    *out = r;
    return 0;
}

int plm_feed_ring_create(struct plm_feed_ring **out, uint32_t size, int *fd)
{
    if (!is_size(size))
        return PLM_EINVAL;
    *fd = memfd_create("plenum-feed", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (*fd < 0)
        return -errno;
    /* All of it now: memory that is missing later would be a signal to whoever touches it. */
    int err = fallocate(*fd, 0, 0, CONTROL_SIZE + size) ? -errno : 0;
    if (!err && fcntl(*fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        err = -errno;
    if (!err)
        err = map(out, *fd, size);
    if (err) {
        close(*fd);
        return err;
    }
    (*out)->control->magic = MAGIC;
    (*out)->control->size = size;
    return 0;
}

int plm_feed_ring_attach(struct plm_feed_ring **out, int fd)
{
    struct stat st;
    int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0 || !(seals & F_SEAL_SHRINK) || fstat(fd, &st) || st.st_size < CONTROL_SIZE ||
        !is_size((uint64_t)st.st_size - CONTROL_SIZE))
        return PLM_EINVAL;
    int err = map(out, fd, (uint32_t)(st.st_size - CONTROL_SIZE));
    if (!err && ((*out)->control->magic != MAGIC || (*out)->control->size != (*out)->size)) {
        plm_feed_ring_destroy(*out);
        err = PLM_EINVAL;
    }
    return err;
}

void plm_feed_ring_destroy(struct plm_feed_ring *r)
{
    if (!r)
        return;
    munmap(r->control, mapped_size(r->size));
    free(r);
}

/* ---- writer ---- */

static size_t room_seen(const struct plm_feed_ring *r)
{
    uint64_t used = r->written - r->taken;
    return used <= r->size ? (size_t)(r->size - used) : 0;
}

size_t plm_feed_ring_room(struct plm_feed_ring *r)
{
    r->taken = atomic_load_explicit(&r->control->taken, memory_order_acquire);
    return room_seen(r);
}

static bool fits(size_t room, size_t head_len, size_t body_len)
{
    return head_len <= room && body_len <= room - head_len;
}

bool plm_feed_ring_append(
    struct plm_feed_ring *r, const void *head, size_t head_len, const void *body, size_t body_len)
{
    /* The reader's cache line is asked for only where it matters. */
    if (!fits(room_seen(r), head_len, body_len) && !fits(plm_feed_ring_room(r), head_len, body_len))
        return false;
    uint8_t *to = r->data + (r->written & (r->size - 1));
    memcpy(to, head, head_len);
    if (body_len)
        memcpy(to + head_len, body, body_len);
    r->written += head_len + body_len;
    atomic_store_explicit(&r->control->written, r->written, memory_order_release);
    return true;
}

/* ---- reader ---- */

ssize_t plm_feed_ring_peek(const struct plm_feed_ring *r, const uint8_t **at)
{
    uint64_t n = atomic_load_explicit(&r->control->written, memory_order_acquire) - r->taken;
    *at = r->data + (r->taken & (r->size - 1));
    return n <= r->size ? (ssize_t)n : PLM_EINVAL;
}

void plm_feed_ring_consume(struct plm_feed_ring *r, size_t n)
{
    r->taken += n;
    atomic_store_explicit(&r->control->taken, r->taken, memory_order_release);
}
