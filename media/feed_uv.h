/*
 * A worker's feed on its loop: the socket to the reader, the queue before it (feed.h), and what the reader sends (feed_in.h).
 *
 * Octets are written at the end of a turn, by one system call, once there are PLM_FEED_BATCH of them or the first has waited for
 * PLM_FEED_DELAY_US: a call costs as much as some twenty packets, and who records is in no hurry. A turn costs more than that: one is made
 * for the feed alone only after PLM_FEED_SLACK_US more without any other. After EAGAIN when the socket takes more.
 * A reader that offers a ring (base/feed_ring.h) has frames from there: no call, no turn; where it is full the queue waits for room.
 */
#ifndef PLM_FEED_UV_H
#define PLM_FEED_UV_H

#include "feed.h"
#include "feed_in.h"

#include <uv.h>

#define PLM_FEED_BATCH    (64u << 10)
#define PLM_FEED_DELAY_US 10000
#define PLM_FEED_SLACK_US 20000

struct plm_feed_uv;

/** @param fd a connected stream socket, non-blocking; owned from here on, also on error @param queue octets @return 0, PLM_EINVAL, PLM_ENOMEM, or libuv's */
int plm_feed_uv_open(struct plm_feed_uv **out, uv_loop_t *loop, int fd, size_t queue);
struct plm_feed *plm_feed_uv_queue(struct plm_feed_uv *f);
/** What came is handed over; bounded, the rest comes in the next turn. @return 0, PLM_ECLOSED, PLM_EINVAL (nonsense), or a negated errno */
int plm_feed_uv_read(struct plm_feed_uv *f, plm_feed_in_fn *fn, void *arg);
/**
 * At the end of a turn: write what is due.
 * @param deadline in: when the loop is to wake; out: not later than what waits is due
 * @param writes   counted up by system calls
 * @return 0, PLM_EFULL (the queue is broken), or a negated errno
 */
int plm_feed_uv_write(struct plm_feed_uv *f, uint64_t now_us, uint64_t *deadline, uint64_t *writes);
/** What waits is offered to the socket once more. Memory goes in the loop's next turn. NULL is fine. */
void plm_feed_uv_close(struct plm_feed_uv *f);

#endif
