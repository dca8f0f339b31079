/*
 * What waits for the reader of a worker's feed (a recorder): frames of base/link_frame.h, octet after octet. The core appends, whoever runs
 * the core takes out and writes. The worker's thread; no I/O, no allocation after create.
 *
 * A reader that does not keep up costs nobody but itself. Of the queue, pictures may use seven eighths, sound and clocks all but a 64th,
 * and what names tracks the rest, too: where that does not fit, the reader would misread all that follows, and the feed is broken.
 */
#ifndef PLM_FEED_H
#define PLM_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define PLM_FEED_MIN_SIZE (64u << 10)

enum plm_feed_class {
    PLM_FEED_PICTURE = 0,
    PLM_FEED_SOUND, /**< clocks, too */
    PLM_FEED_TRACK,
};

struct plm_feed;
struct plm_feed_ring; /* base/feed_ring.h */

/** @param size octets, at least PLM_FEED_MIN_SIZE; a ring comes on top @return 0, PLM_EINVAL, PLM_ENOMEM */
int plm_feed_create(struct plm_feed **out, size_t size);
/** NULL is fine. */
void plm_feed_destroy(struct plm_feed *f);

/** Append one frame: head, then body. @return false: no room */
bool plm_feed_append(struct plm_feed *f, enum plm_feed_class class, const void *head, size_t head_len,
    const void *body, size_t body_len);
/** Less than half of it is used: pictures that were left out may begin again. */
bool plm_feed_is_roomy(const struct plm_feed *f);
/** A frame that must not be missing did not fit. */
bool plm_feed_is_broken(const struct plm_feed *f);

/** Octets that wait for the socket. */
size_t plm_feed_pending(const struct plm_feed *f);
/** They, in one or two pieces; valid until the next append. @return number of pieces */
int plm_feed_peek(const struct plm_feed *f, struct iovec out[2]);
/** The first n of them are written. */
void plm_feed_consume(struct plm_feed *f, size_t n);

/**
 * What is appended from here on is for the ring, once the socket has what waits for it now and a frame PLM_LINK_RING after it. While the
 * ring has room, and nothing waits, frames go there as they are appended.
 * @param ring the queue's from here on @return false: no room for that frame, or there is a ring; nothing has changed
 */
bool plm_feed_use_ring(struct plm_feed *f, struct plm_feed_ring *ring);
/** Move what waits for the ring's room, as far as there is some. @return whether anything waits for it still */
bool plm_feed_to_ring(struct plm_feed *f);

#endif
