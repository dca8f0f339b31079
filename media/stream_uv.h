/*
 * ICE-TCP (RFC 6544) on a worker's loop: connections that peers have opened, each a stream of datagrams for the core (stream_frames.h) and a
 * bounded queue back (stream_queue.h).
 *
 * The core sees them as datagrams of the socket PLM_SOCK_STREAM, told apart by the peer's address. Until an authenticated check came on a
 * connection it may send nothing but a few STUN messages and has a few seconds; whatever else ends it. One whose transport lives on another
 * worker goes there with all that it has sent.
 *
 * A peer that takes less than it is sent loses pictures, never sound: what waited too long makes the core stop its video until the queue is
 * nearly empty. Only a peer that takes nothing at all fills the queue; then whole datagrams are dropped, and TCP's own timeout ends it.
 */
#ifndef PLM_STREAM_UV_H
#define PLM_STREAM_UV_H

#include "command.h"
#include "stream_quota.h"

#include <uv.h>

struct plm_streams;

struct plm_streams_config {
    uv_loop_t *loop;
    struct plm_stream_quota *quota; /**< borrowed; each connection given to plm_streams_take has been let in */
    uint32_t queue;                 /**< octets per connection, a power of two */
    void *arg;
    void (*datagram)(void *arg, struct plm_datagram *d);
    void (*gone)(void *arg, const struct plm_addr *from);
    void (*backlog)(void *arg, const struct plm_addr *from, bool on);
    /** Post this to another worker, which owns it then. */
    void (*move)(void *arg, unsigned worker, struct plm_command *cmd);
};

struct plm_stream_counts {
    uint32_t streams;
    uint64_t unproven;  /**< ended because they sent no authenticated check in time, or something else */
    uint64_t malformed; /**< ended because what they sent is no RFC 4571 */
    uint64_t moved;     /**< to other workers */
    uint64_t backlogs;  /**< video was stopped because a peer took too little */
};

int plm_streams_create(struct plm_streams **out, const struct plm_streams_config *config);
/** Ends all connections; the loop must run afterwards. NULL is fine. */
void plm_streams_destroy(struct plm_streams *s);
/** Take over a connection out of cmd. */
void plm_streams_take(struct plm_streams *s, struct plm_command *cmd, uint64_t now_us);
/** What the core asks for: plm_worker_io.stream. */
void plm_streams_order(struct plm_streams *s, const struct plm_addr *from, enum plm_stream_order order, unsigned worker);
/** Hand over what came. Bounded: what is left comes in the next turn. */
void plm_streams_read(struct plm_streams *s);
/** Send one train. @return false: dropped, whole or in part */
bool plm_streams_send(struct plm_streams *s, const struct plm_train *train, uint64_t now_us);
/**
 * Before the core's poll: end what has ended, tell the core, carry out its orders.
 * @param deadline in: when the loop is to wake; out: not later than this is to be called again
 */
void plm_streams_settle(struct plm_streams *s, uint64_t now_us, uint64_t *deadline);
/** Is there something to settle that is not due to time? */
bool plm_streams_unsettled(const struct plm_streams *s);
void plm_streams_counts(const struct plm_streams *s, struct plm_stream_counts *out);

#endif
