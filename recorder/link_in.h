/*
 * The recorder's end of the links: a Unix socket that the server connects to, its connections, frames in and out. On a libuv loop; its thread.
 *
 * One server at a time: a connection of another epoch ends those of the former. A connection that makes no sense, is silent at its beginning, or reads
 * nothing is closed; the server connects again.
 */
#ifndef PLM_RECORDER_LINK_IN_H
#define PLM_RECORDER_LINK_IN_H

#include "frames.h"

#include <stdbool.h>
#include <uv.h>

#define PLM_LINK_IN_MAX_CONNECTIONS 300  /**< a server has one, and one for each of at most 256 workers */
#define PLM_LINK_IN_HELLO_MS        5000 /**< a connection without a hello by then is closed */
/** Octets that wait for a reader; above it the connection is closed. */
#define PLM_LINK_IN_MAX_UNSENT (8u << 20)

struct plm_link_in;

struct plm_link_in_ops {
    void *ctx;
    /** A server's control connection is there, or is gone. Before a new one is there the former one is gone. */
    void (*server)(void *ctx, bool there);
    /** A control message; borrowed. */
    void (*control)(void *ctx, const char *text, size_t len);
    /** A frame of a worker's. @param link names the connection, never used again; not 0 */
    void (*frame)(void *ctx, uint32_t link, const struct plm_link_header *h, const uint8_t *body);
    void (*link_gone)(void *ctx, uint32_t link);
    void (*log)(void *ctx, const char *text);
};

struct plm_link_in_stats {
    uint32_t connections;
    uint64_t frames, bytes, refused; /**< refused: connections that were closed for what they sent */
};

/**
 * Listen. Whoever calls holds the folder's lock: a socket that lies there is stale and is removed; anything else is left alone.
 * @param path at most 107 octets, the kernel's limit @param ops copied
 * @return 0, PLM_EINVAL: too long, or no socket is at that path, PLM_ENOMEM, or libuv's error
 */
int plm_link_in_create(
    struct plm_link_in **out, uv_loop_t *loop, const char *path, const struct plm_link_in_ops *ops);
/** Close everything without a word and remove the socket; the memory is freed once the loop has run. NULL is fine. */
void plm_link_in_close(struct plm_link_in *l);

/** Send a control message; without a server it is dropped. */
void plm_link_in_send_control(struct plm_link_in *l, const char *text, size_t len);
/** Send a frame to a worker before the loop sleeps, with all others of that turn: each write wakes the worker. A link that is gone drops it. */
void plm_link_in_send(
    struct plm_link_in *l, uint32_t link, const struct plm_link_header *h, const void *body);

/** Is there a ring that had no room when something was last read of it? Then its worker may have more, which comes as soon as that is awake. */
bool plm_link_in_is_behind(const struct plm_link_in *l);
void plm_link_in_stats(const struct plm_link_in *l, struct plm_link_in_stats *out);

#endif
