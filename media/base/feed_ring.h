/*
 * The short way of a worker's feed to a reader on its machine: a ring of octets in memory that both have mapped. The worker copies each frame once
 * and makes no system call; the reader looks when it likes, and wakes nobody either.
 *
 * The reader makes the ring and sends its descriptor (unix(7), SCM_RIGHTS) with a frame PLM_LINK_RING. A worker that takes it sends such a frame,
 * too, its last one over the socket: what follows, the rest of the stream of frames (base/link_frame.h), comes by the ring. The socket
 * stays for demands, and tells by its end that the feed has ended: what the ring holds then, even of a process that was killed, can still be read.
 *
 * Neither side believes the other: positions that cannot be give nothing, and the memory cannot be taken back (F_SEAL_SHRINK). One writer, one reader;
 * no lock, no allocation after create.
 */
#ifndef PLM_FEED_RING_H
#define PLM_FEED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PLM_FEED_RING_MIN (64u << 10)
#define PLM_FEED_RING_MAX (64u << 20)

struct plm_feed_ring;

/**
 * The reader's end.
 * @param size octets, a power of two from PLM_FEED_RING_MIN to PLM_FEED_RING_MAX; they are allocated at once
 * @param fd   out: for the writer, close-on-exec; the caller's
 * @return 0, PLM_EINVAL, PLM_ENOMEM, or a negated errno
 */
int plm_feed_ring_create(struct plm_feed_ring **out, uint32_t size, int *fd);
/** The writer's end. @param fd of plm_feed_ring_create; stays the caller's @return 0, PLM_EINVAL: it is no such ring, PLM_ENOMEM, or a negated errno */
int plm_feed_ring_attach(struct plm_feed_ring **out, int fd);
/** This end is unmapped; the memory goes with the last one. NULL is fine. */
void plm_feed_ring_destroy(struct plm_feed_ring *r);

/* ---- writer ---- */

/** Octets that there is room for. */
size_t plm_feed_ring_room(struct plm_feed_ring *r);
/** Append head, then body; the reader sees both at once. @return false: no room, nothing was appended */
bool plm_feed_ring_append(
    struct plm_feed_ring *r, const void *head, size_t head_len, const void *body, size_t body_len);

/* ---- reader ---- */

/** What was appended, in one piece, until it is consumed. @return octets at *at, or PLM_EINVAL: the writer's position cannot be */
ssize_t plm_feed_ring_peek(const struct plm_feed_ring *r, const uint8_t **at);
/** The first n octets are read: there is room for as many. */
void plm_feed_ring_consume(struct plm_feed_ring *r, size_t n);

#endif
