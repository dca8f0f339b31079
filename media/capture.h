/*
 * What is noted of a transport that somebody looks into: headers of what comes and goes, never a payload, and what estimator and allocator were
 * told and decided. The core hands it on in frames; a file is made of them elsewhere (capture_file.h), off the packet path.
 */
#ifndef PLM_CAPTURE_H
#define PLM_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "plenum/media.h"

struct plm_alloc_log;
struct plm_transport;

enum plm_capture_kind {
    PLM_CAPTURE_TRANSPORT = 1, /**< first of a transport; body: struct plm_capture_who */
    PLM_CAPTURE_PACKET, /**< body: an RTP header with its extensions, or a whole RTCP compound; both not encrypted */
    PLM_CAPTURE_ESTIMATOR, /**< body: the next piece of bwe_log.h */
    PLM_CAPTURE_ALLOCATOR, /**< body: a record of alloc_log.h */
    PLM_CAPTURE_LOST,      /**< frames before this one had no room; len says how many */
};

/** Begin of a frame. Of one machine: no byte order, no versions. */
struct plm_capture_head {
    uint8_t kind;
    bool outgoing; /**< of a packet */
    uint32_t len;  /**< of a packet: octets without encryption, payload included */
    uint32_t transport;
    uint64_t at_us;       /**< the worker's clock */
    struct plm_addr peer; /**< of a packet */
};

struct plm_capture_who {
    uint32_t room, participant;
};

/** Look into a transport that has just been created. What there is no memory for is not seen. */
void plm_capture_begin(struct plm_transport *t);
/** It ends. Fine for others, too. */
void plm_capture_end(struct plm_transport *t);
/** Its estimator was made. */
void plm_capture_estimator(struct plm_transport *t);

/* Only of transports whose capture is not NULL. */

/** A packet. @param data plain, of len octets in all; nothing behind the header is looked at @param head how many are there */
void plm_capture_rtp(struct plm_transport *t, bool outgoing, const uint8_t *data, size_t head, size_t len);
void plm_capture_rtcp(struct plm_transport *t, bool outgoing, const uint8_t *data, size_t len);
void plm_capture_allocation(struct plm_transport *t, const struct plm_alloc_log *log);
/** Now and then: what the estimator's log holds is handed on. */
void plm_capture_flush(struct plm_transport *t);

#endif
