#include "stream_queue.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void plm_stream_queue_init(struct plm_stream_queue *q, uint32_t size, uint64_t mark_us)
{
    assert(size && !(size & (size - 1)));
    memset(q, 0, sizeof *q);
    q->size = size;
    q->mark_us = mark_us;
}

void plm_stream_queue_reset(struct plm_stream_queue *q)
{
    free(q->octets);
    q->octets = NULL;
    q->in = q->out = 0;
    q->n_marks = 0;
}

size_t plm_stream_queue_len(const struct plm_stream_queue *q)
{
    return (size_t)(q->in - q->out);
}

/* Too many marks: the newest covers what comes, and ages are told too high rather than not at all. */
static void mark(struct plm_stream_queue *q, uint64_t now_us)
{
    if (q->n_marks > 0) {
        unsigned newest = (q->first_mark + q->n_marks - 1u) % PLM_STREAM_QUEUE_MARKS;
        if (now_us - q->marks[newest].at_us < q->mark_us || q->n_marks == PLM_STREAM_QUEUE_MARKS)
            return;
    }
    unsigned i = (q->first_mark + q->n_marks++) % PLM_STREAM_QUEUE_MARKS;
    q->marks[i].in = q->in;
    q->marks[i].at_us = now_us;
}

static void append(struct plm_stream_queue *q, const uint8_t *data, size_t len)
{
    size_t at = q->in & (q->size - 1);
    size_t first = len < q->size - at ? len : q->size - at;
    memcpy(q->octets + at, data, first);
    memcpy(q->octets, data + first, len - first);
    q->in += len;
}

bool plm_stream_queue_add(struct plm_stream_queue *q, const struct iovec *v, size_t n, uint64_t now_us)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += v[i].iov_len;
    if (len > q->size - plm_stream_queue_len(q))
        return false;
    if (!q->octets)
        q->octets = malloc(q->size);
    if (!q->octets)
        return false;
    mark(q, now_us);
    for (size_t i = 0; i < n; i++)
        append(q, v[i].iov_base, v[i].iov_len);
    return true;
}

uint64_t plm_stream_queue_age(const struct plm_stream_queue *q, uint64_t now_us)
{
    return q->n_marks ? now_us - q->marks[q->first_mark].at_us : 0;
}

size_t plm_stream_queue_peek(const struct plm_stream_queue *q, struct iovec v[2])
{
    size_t len = plm_stream_queue_len(q), at = q->out & (q->size - 1);
    size_t first = len < q->size - at ? len : q->size - at;
    if (len == 0)
        return 0;
    v[0] = (struct iovec){q->octets + at, first};
    v[1] = (struct iovec){q->octets, len - first};
    return len > first ? 2 : 1;
}

void plm_stream_queue_consume(struct plm_stream_queue *q, size_t len)
{
    assert(len <= plm_stream_queue_len(q));
    q->out += len;
    if (q->out == q->in) {
        plm_stream_queue_reset(q);
        return;
    }
    /* The mark that covers the oldest octet is the last one that is not behind it. */
    while (q->n_marks > 1 && q->marks[(q->first_mark + 1) % PLM_STREAM_QUEUE_MARKS].in <= q->out) {
        q->first_mark = (uint8_t)((q->first_mark + 1) % PLM_STREAM_QUEUE_MARKS);
        q->n_marks--;
    }
}
