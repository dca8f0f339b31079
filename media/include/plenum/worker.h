/*
 * A worker's core: datagrams, time and commands in; datagrams, events and the next deadline out. No socket, no clock, no thread of its own,
 * so that a driver (driver_uv.c), a simulator, or your own loop can run it. Calls on one worker come from one thread.
 *
 * A turn:  plm_worker_command()* → plm_worker_link()* → plm_worker_input()* → plm_worker_poll() → sleep until the deadline
 * Everything sent leaves through io.send, gathered per receiver, at the end of plm_worker_input, _link and _poll.
 */
#ifndef PLENUM_WORKER_H
#define PLENUM_WORKER_H

#include "plenum/media.h"

#ifdef __cplusplus
extern "C" {
#endif

struct plm_worker;
struct plm_command;
struct plm_feed;
struct plm_link_header;
struct plm_link_demand;
struct plm_registry;
struct plm_security_ops;
struct plm_worker_report;

/** One read of a socket: a datagram, or several of equal size that the kernel joined (UDP_GRO; the last may be shorter). */
struct plm_datagram {
    uint8_t *data;       /**< may be changed in place by the core */
    uint32_t len;
    uint16_t segment;    /**< size of each datagram in data; 0: data is one */
    uint8_t sock;        /**< which socket of the driver */
    uint32_t age_us;     /**< how long before `now` it came to this machine, where that is known */
    struct plm_addr from;
};

/**
 * `sock` of what comes and goes by a TCP connection that the peer has opened (ICE-TCP, RFC 6544): the peer's address names the connection.
 */
#define PLM_SOCK_STREAM 255

/** What the core asks about such a connection. */
enum plm_stream_order {
    PLM_STREAM_KEEP = 0, /**< an authenticated check came by it: it belongs to a transport here */
    PLM_STREAM_CLOSE,    /**< it belongs to none any more; what is sent in this turn still goes out */
    PLM_STREAM_MOVE,     /**< its transport lives on another worker: hand it on, beginning with the datagram at hand */
};

/** Datagrams of equal size (the last may be shorter) to one receiver, contiguous: one UDP_SEGMENT send. */
struct plm_train {
    const struct plm_addr *to;
    const uint8_t *data;
    uint32_t len;
    uint16_t segment; /**< size of each but the last */
    uint16_t count;   /**< 1..64 */
    uint8_t sock;
};

/** What the core asks of whoever runs it. All are called on the worker's thread, within a call to the core. */
struct plm_worker_io {
    void *ctx;
    /** Send; octets and addresses are borrowed for the call. @return trains that the kernel took, in order; the rest is dropped and counted */
    size_t (*send)(void *ctx, const struct plm_train *trains, size_t n);
    /** An event for the control thread. */
    void (*event)(void *ctx, const struct plm_event *ev);
    /**
     * Append one frame (media/base/link_frame.h) to the ring towards another worker: head, then body. Published by the driver after the call
     * into the core returns. @param urgent control and audio: may use the ring's reserve @return false: no room
     */
    bool (*link)(void *ctx, unsigned worker, const void *head, size_t head_len, const void *body, size_t body_len, bool urgent);
    /** A shard of a room came into being on this worker, or ended. instance tells one life from the next. */
    void (*shard)(void *ctx, plm_room_id room, uint32_t instance, bool up);
    /** A transport ended: the driver's owner may forget it. Always the last word about it. */
    void (*gone)(void *ctx, plm_transport_id id);
    /** Answer to PLM_CMD_STATS: snapshot handed over, to be freed with plm_worker_report_free. */
    void (*stats)(void *ctx, struct plm_worker_report *report);
    /** About the connection of PLM_SOCK_STREAM from this address. @param worker of PLM_STREAM_MOVE. May be NULL where there are none */
    void (*stream)(void *ctx, const struct plm_addr *from, enum plm_stream_order order, unsigned worker);
    /** A frame of what is captured (media/capture.h): head, then body; borrowed. May be NULL: nothing is. @return false: it has no room */
    bool (*capture)(void *ctx, const void *head, size_t head_len, const void *body, size_t body_len);
};

/** One worker's part of a statistics snapshot. */
struct plm_worker_report {
    uint64_t request;
    struct plm_worker_stats totals;
    uint32_t n_transports;
    struct plm_transport_stats *transports;
};
PLM_EXPORT void plm_worker_report_free(struct plm_worker_report *report);

struct plm_worker_config {
    unsigned index;      /**< of this worker, below n_workers */
    unsigned n_workers;
    struct plm_limits limits;
    uint32_t consent_timeout_ms, connect_timeout_ms;
    struct plm_registry *registry;           /**< shared by all workers of an engine; borrowed */
    const struct plm_security_ops *security; /**< borrowed */
    void *security_ctx;                      /**< this worker's */
    struct plm_worker_io io;
    uint64_t unix_offset_us; /**< wall clock minus monotonic clock: sender reports carry wall time */
};

PLM_EXPORT int plm_worker_create(struct plm_worker **out, const struct plm_worker_config *config, uint64_t now_us);
/** Frees everything at once; events are not sent. */
PLM_EXPORT void plm_worker_destroy(struct plm_worker *w);
/** Take what a socket gave. @param now_us monotonic, the same for the whole batch */
PLM_EXPORT void plm_worker_input(struct plm_worker *w, struct plm_datagram *batch, size_t n, uint64_t now_us);
/** A connection of PLM_SOCK_STREAM is gone: its peer has that address no longer. Call plm_worker_poll after it. */
PLM_EXPORT void plm_worker_stream_gone(struct plm_worker *w, const struct plm_addr *from, uint64_t now_us);
/** A connection takes less than it is sent: no more video until it has caught up, each slot then goes on with a key frame. Call plm_worker_poll after it. */
PLM_EXPORT void plm_worker_stream_backlog(struct plm_worker *w, const struct plm_addr *from, bool on, uint64_t now_us);
/** Take one frame from another worker's ring. Frames of one read go in one after the other; call plm_worker_poll after the last. */
PLM_EXPORT void plm_worker_link(struct plm_worker *w, unsigned from, const uint8_t *frame, size_t len, uint64_t now_us);
/**
 * What this worker feeds goes into that queue from now on (media/feed.h); NULL: nobody reads. Tracks of fed rooms are announced in it, what the
 * former reader had asked for is forgotten.
 * @param feed borrowed until the next call or destroy
 */
PLM_EXPORT void plm_worker_set_feed(struct plm_worker *w, struct plm_feed *feed, uint64_t now_us);
/** The reader asked for something (media/feed_in.h). Call plm_worker_poll after the last of a read. */
PLM_EXPORT void plm_worker_feed_demand(struct plm_worker *w, const struct plm_link_header *h, const struct plm_link_demand *d, uint64_t now_us);
/** Carry out a command; takes over what it points to. */
PLM_EXPORT void plm_worker_command(struct plm_worker *w, struct plm_command *cmd, uint64_t now_us);
/** Run timers and flush. @return when to be called again at the latest (monotonic µs), UINT64_MAX: no deadline */
PLM_EXPORT uint64_t plm_worker_poll(struct plm_worker *w, uint64_t now_us);
/**
 * After plm_worker_poll: how long what comes may wait in the sockets, us; 0: not at all. While nothing is sent, and nothing comes but checks and
 * reports of who is there, these can be read together. Whoever begins to send then is heard that much later, once.
 */
PLM_EXPORT uint32_t plm_worker_patience(struct plm_worker *w);

#ifdef __cplusplus
}
#endif
#endif
