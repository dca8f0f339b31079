/*
 * Packet buffers of one worker. A packet is stored once per track and shard and never modified after it was filled; who needs it
 * longer takes a reference. The count is a plain integer: a buffer never leaves its worker.
 */
#ifndef PLM_PKT_H
#define PLM_PKT_H

#include "codec.h"
#include "rtp.h"

#define PLM_PKT_SIZE 1536 /* largest RTP packet stored: an Ethernet frame's worth */

struct plm_pkt {
    struct plm_pkt *next_free;
    struct plm_pkt **place;         /**< where it is held, NULL nowhere */
    struct plm_pkt *older, *newer;  /**< of those that are held */
    uint32_t refs;
    uint16_t len;
    uint16_t payload_off, payload_len; /**< without padding */
    uint8_t encoding;        /**< index within its track */
    bool marker;
    bool recovered;          /**< came by RTX */
    bool late;               /**< older than the newest of its encoding */
    enum plm_codec codec;
    uint8_t codec_index;     /**< in the publisher's m-line: tells the variant */
    uint64_t ext_seq;        /**< the source's, extended */
    uint64_t ext_ts;         /**< the source's, extended */
    uint64_t arrival_us;
    struct plm_frame_info info;
    /* Extension values to pass on: offsets into data, 0 absent. */
    uint16_t audio_level_off, orientation_off, playout_off, dd_off;
    uint8_t dd_len, playout_len;
    uint8_t audio_level;     /**< 127 silence … 0 */
    uint8_t data[PLM_PKT_SIZE];
};

/*
 * Slabs, grown on demand up to a cap, never returned before destroy. At the cap the packet that has been held longest is taken back:
 * histories get shorter, media goes on.
 */
struct plm_pkt_pool;

int plm_pkt_pool_create(struct plm_pkt_pool **out, uint32_t max_packets);
void plm_pkt_pool_destroy(struct plm_pkt_pool *pool);
/** @return a packet with one reference and undefined contents, NULL when the cap is reached and all are in flight */
struct plm_pkt *plm_pkt_get(struct plm_pkt_pool *pool);
void plm_pkt_put(struct plm_pkt_pool *pool, struct plm_pkt *pkt);
static inline struct plm_pkt *plm_pkt_ref(struct plm_pkt *pkt)
{
    pkt->refs++;
    return pkt;
}
uint32_t plm_pkt_pool_used(const struct plm_pkt_pool *pool);
/** Packets that were taken back from their place, since create. */
uint64_t plm_pkt_pool_evicted(const struct plm_pkt_pool *pool);

/**
 * Put a packet into a place that is empty and stays where it is. Takes a reference of its own. The place becomes NULL when the pool
 * takes the packet back, which happens within plm_pkt_get only. A packet is held in one place at a time.
 */
void plm_pkt_hold(struct plm_pkt_pool *pool, struct plm_pkt **place, struct plm_pkt *pkt);
/** Empty a place. An empty one is fine. */
void plm_pkt_let_go(struct plm_pkt_pool *pool, struct plm_pkt **place);
/** A packet with so many octets will be got soon: fetch where they go. */
void plm_pkt_prefetch(const struct plm_pkt_pool *pool, size_t octets);

/** The last packets of one encoding by extended sequence number: what retransmission is served from. */
struct plm_pkt_ring {
    struct plm_pkt **slots;
    uint64_t *seqs; /**< what each slot held last, also when the pool has taken it back: a second one is a duplicate */
    uint32_t size;  /**< power of two */
    uint64_t newest;
    bool any;
    struct plm_pkt_pool *pool;
};
int plm_pkt_ring_init(struct plm_pkt_ring *r, struct plm_pkt_pool *pool, uint32_t size);
void plm_pkt_ring_reset(struct plm_pkt_ring *r);   /**< lets go of all packets */
void plm_pkt_ring_destroy(struct plm_pkt_ring *r);
/** Store by pkt->ext_seq; takes its own reference. @return false: duplicate or older than the ring reaches */
bool plm_pkt_ring_put(struct plm_pkt_ring *r, struct plm_pkt *pkt);
/** @return the packet (not referenced for you), or NULL */
struct plm_pkt *plm_pkt_ring_find(const struct plm_pkt_ring *r, uint64_t ext_seq);
/** The first number, from this one on, that the ring reaches: who looks at one after the other begins there, however far numbers have jumped. */
uint64_t plm_pkt_ring_from(const struct plm_pkt_ring *r, uint64_t ext_seq);

#endif
