/*
 * What leaves a worker. RTP is gathered per receiver during a turn and numbered, sealed and laid out at the flush: a run to one receiver
 * becomes one GSO train, its packets levelled by RTP padding (RFC 3550 section 5.1). Everything else is copied as it is.
 */
#ifndef PLM_EGRESS_H
#define PLM_EGRESS_H

#include "plenum/worker.h"
#include "seq_map.h"
#include "security.h"

struct plm_transport;
struct plm_slot;

#define PLM_EGRESS_PADDING_OCTETS 224 /* one octet counts them (RFC 3550 section 5.1), levelling a train comes on top */

#define PLM_EGRESS_ITEMS  4096
#define PLM_EGRESS_JOBS   1024
#define PLM_EGRESS_ARENA  (512 * 1024)
#define PLM_EGRESS_ROOM   (256 * 1024) /* of one flush, for what is rarely needed: copies of sound, long headers */
#define PLM_EGRESS_HEADER 96   /* fixed header and the extensions we write, as they are nearly always */
#define PLM_MAX_DATAGRAM  1472 /* Ethernet's 1500 less IPv4 and UDP headers; what a peer sent larger is not forwarded */

enum plm_egress_kind {
    PLM_EGRESS_MEDIA = 0,
    PLM_EGRESS_RTX,  /**< under the slot's RTX SSRC */
    PLM_EGRESS_FILL, /**< padding only: closes a number that was reserved */
    PLM_EGRESS_PADDING, /**< padding only, under the slot's RTX SSRC: fills the line */
};

/** One RTP packet on its way to one receiver. */
struct plm_egress_item {
    uint32_t next; /**< index + 1 of the receiver's next item, 0: the last */
    uint8_t kind;
    uint8_t pt;
    uint8_t hdr_len;
    bool has_copies : 1; /**< prefix lies in `copies` instead */
    bool has_far_hdr : 1;
    uint16_t prefix_len;
    uint16_t pad;
    uint16_t consumed; /**< octets of payload that prefix replaces */
    uint16_t size;     /**< sealed, without padding */
    struct plm_pkt *pkt; /**< a reference; NULL for FILL */
    struct plm_slot *slot;
    uint64_t ext_seq;    /**< under ssrc */
    struct plm_map_out out;
    union {
        uint8_t prefix[PLM_MAX_DESC + 2];
        const uint8_t *copies; /**< of earlier sound, in the egress's room */
    };
    union {
        uint8_t hdr[PLM_EGRESS_HEADER];
        const uint8_t *far_hdr; /**< one that is longer, in the same room */
    };
};

struct plm_egress {
    struct plm_egress_item *items;
    uint32_t n_items;
    struct plm_transport *dirty; /**< receivers with items, in order of their first */
    struct plm_transport **dirty_tail;
    uint8_t *arena, *room;
    size_t arena_used, room_used;
    struct plm_seal_job *jobs;
    struct plm_pkt **held; /**< per job */
    uint32_t n_jobs;
    struct plm_train *trains;
    struct plm_addr *addrs; /**< per train */
    uint32_t n_trains;
};

int plm_egress_init(struct plm_egress *e);
void plm_egress_destroy(struct plm_worker *w);
/** One RTP packet goes out, by the receiver's pacer; takes a reference on pkt. */
void plm_egress_push(struct plm_worker *w, struct plm_slot *slot, struct plm_pkt *pkt, enum plm_egress_kind kind, uint8_t pt,
    const struct plm_map_out *out);
/** The same for what the pacer lets go: it leaves with the next flush, in the order of these calls. */
void plm_egress_depart(struct plm_worker *w, struct plm_slot *slot, struct plm_pkt *pkt, enum plm_egress_kind kind, uint8_t pt,
    const struct plm_map_out *out);
/** Copy one finished datagram. */
void plm_egress_raw(struct plm_worker *w, const struct plm_addr *to, uint8_t sock, const uint8_t *data, size_t len);
/** Seal and send everything. */
void plm_egress_flush(struct plm_worker *w);
/** A transport ends: drop what is queued for it. */
void plm_egress_forget(struct plm_worker *w, struct plm_transport *t);

#endif
