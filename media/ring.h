/*
 * What one worker sends another: a ring of frames with one producer and one consumer. The producer appends without being seen and publishes
 * once per batch; each frame lies in one piece. No lock, no allocation after create.
 */
#ifndef PLM_RING_H
#define PLM_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plm_ring;

/** @param size octets, a power of two from 4096 on @return 0, PLM_EINVAL, PLM_ENOMEM */
int plm_ring_create(struct plm_ring **out, uint32_t size);
void plm_ring_destroy(struct plm_ring *r);

/* ---- producer ---- */

/**
 * Append one frame: head, then body. The last eighth of the ring is kept for urgent frames.
 * @return false: no room, or the frame is empty or longer than half of the ring
 */
bool plm_ring_append(
    struct plm_ring *r, const void *head, size_t head_len, const void *body, size_t body_len, bool urgent);
/** Let the consumer see what was appended. @return whether that is anything: then look whether the consumer sleeps */
bool plm_ring_publish(struct plm_ring *r);

/* ---- consumer ---- */

typedef void plm_ring_fn(void *arg, const uint8_t *frame, size_t len);
/**
 * Hand published frames to fn until about max octets are done. A frame is valid during its call, 8-octet aligned.
 * @return true: something is left
 */
bool plm_ring_drain(struct plm_ring *r, plm_ring_fn *fn, void *arg, size_t max);
/** Is something published, and not drained? The producer may ask as well. Ordered after every earlier store of the caller (sequentially consistent). */
bool plm_ring_readable(const struct plm_ring *r);

#endif
