/*
 * Our UDP sockets: opening them, reading and sending in batches. Nothing here knows a loop, a clock, or what a datagram means.
 *
 * A datagram's `sock` names a path: the listen address it came in by and, where that is a wildcard, the local address it was sent to. Replies
 * leave by the same path, so that a host with several addresses answers from the one that was asked (RFC 8445 section 7.3.1.2 needs that).
 * The table of paths is shared by all workers of an engine and only grows, so a path means the same on each of them.
 */
#ifndef PLM_UDP_H
#define PLM_UDP_H

#include "plenum/engine.h"
#include "plenum/worker.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#define PLM_UDP_MAX_PATHS 128

struct plm_udp_path {
    uint8_t listener;      /**< index of the listen address */
    struct plm_addr local; /**< family 0: leave the choice to the kernel */
};

struct plm_udp_paths {
    pthread_mutex_t mutex; /**< of growth only */
    _Atomic unsigned n;
    struct plm_udp_path v[PLM_UDP_MAX_PATHS];
};

/** The first n_listen paths are the listen addresses themselves. */
void plm_udp_paths_init(struct plm_udp_paths *p, size_t n_listen);
void plm_udp_paths_destroy(struct plm_udp_paths *p);
/** Path of a local address (port ignored), entered when new. A full table gives the listener's own path. */
uint8_t plm_udp_path(struct plm_udp_paths *p, uint8_t listener, const struct plm_addr *local);

/** One socket. */
struct plm_udp {
    int fd;
    uint8_t listener;
    bool wildcard; /**< its datagrams tell which local address they were sent to */
    bool gso;      /**< the kernel knows UDP_SEGMENT */
    uint8_t last_path;
    uint32_t
        overflow; /**< datagrams that the kernel has dropped because the receive buffer was full, as of the last one read */
};

struct plm_udp_options {
    uint32_t rcvbuf, sndbuf; /**< octets to ask for */
    bool exclusive; /**< refuse an address that anybody else has bound; otherwise join those that share it */
    bool shared;    /**< others of ours will join, or have */
};
/**
 * Open and bind. Non-blocking, IPv6 only for IPv6, UDP_GRO where the kernel has it.
 * @param addr  port 0: the kernel chooses; replaced by what was bound
 * @param got_rcvbuf,got_sndbuf octets that the kernel granted, may be NULL
 * @return 0 or a negated errno
 */
int plm_udp_open(struct plm_udp *out, uint8_t listener, struct plm_addr *addr,
    const struct plm_udp_options *options, uint32_t *got_rcvbuf, uint32_t *got_sndbuf);
void plm_udp_close(struct plm_udp *u);

/* ---- reading ---- */

#define PLM_UDP_BATCH 64

struct plm_udp_reader; /**< buffers of one thread: 64 of 64 KiB, touched only as far as datagrams reach */

int plm_udp_reader_create(struct plm_udp_reader **out, struct plm_udp_paths *paths);
void plm_udp_reader_destroy(struct plm_udp_reader *r);
/**
 * Read what is there.
 * @param batch room for max; data is valid until the next call; ages are as of this call
 * @param max   datagrams as the kernel joined them, 1..PLM_UDP_BATCH
 * @return how many were read; fewer than max: the socket was emptied
 */
size_t plm_udp_read(struct plm_udp_reader *r, struct plm_udp *u, struct plm_datagram *batch, size_t max);

/* ---- sending ---- */

struct plm_udp_sender; /**< headers of one thread */

/** @param socks one per listen address, borrowed @param gso send trains whole where the sockets can */
int plm_udp_sender_create(struct plm_udp_sender **out, struct plm_udp *socks, size_t n_socks,
    struct plm_udp_paths *paths, bool gso);
void plm_udp_sender_destroy(struct plm_udp_sender *s);
/**
 * Send. A full socket buffer is waited for twice for 1 ms, then the rest is dropped; a train that the kernel refuses whole goes out in pieces.
 * @return trains taken
 */
size_t plm_udp_send(struct plm_udp_sender *s, const struct plm_train *trains, size_t n);
/** System calls made so far. */
uint64_t plm_udp_sender_syscalls(const struct plm_udp_sender *s);
/** Are trains still sent whole? False after the kernel has refused too many. */
bool plm_udp_sender_gso(const struct plm_udp_sender *s);

#endif
