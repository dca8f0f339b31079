/*
 * Octets that wait until a peer's TCP connection takes them: bounded, and it knows how long the oldest has waited. No I/O, no clock.
 */
#ifndef PLM_STREAM_QUEUE_H
#define PLM_STREAM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define PLM_STREAM_QUEUE_MARKS 16

/** An embedded value; its buffer is made at the first octet and goes when it is empty. */
struct plm_stream_queue {
    uint8_t *octets;
    uint32_t size;         /**< of the buffer: what may wait at most */
    uint64_t in, out;      /**< octets that came and went */
    uint64_t mark_us;      /**< between two marks */
    uint8_t first_mark, n_marks;
    struct {
        uint64_t in, at_us; /**< octet number `in` came then */
    } marks[PLM_STREAM_QUEUE_MARKS];
};

/** @param size octets, a power of two @param mark_us ages are told to this accuracy, and up to PLM_STREAM_QUEUE_MARKS times this */
void plm_stream_queue_init(struct plm_stream_queue *q, uint32_t size, uint64_t mark_us);
void plm_stream_queue_reset(struct plm_stream_queue *q);
/** All of these, or none. @return false: no room, or no memory */
bool plm_stream_queue_add(struct plm_stream_queue *q, const struct iovec *v, size_t n, uint64_t now_us);
size_t plm_stream_queue_len(const struct plm_stream_queue *q);
/** How long the oldest octet has waited, rounded down; 0 when nothing waits. */
uint64_t plm_stream_queue_age(const struct plm_stream_queue *q, uint64_t now_us);
/** What waits, in at most two pieces. @return how many */
size_t plm_stream_queue_peek(const struct plm_stream_queue *q, struct iovec v[2]);
void plm_stream_queue_consume(struct plm_stream_queue *q, size_t len);

#endif
