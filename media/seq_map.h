/*
 * Numbers of one slot: dense sequence numbers, timestamps and picture ids over switches, drops, loss and reordering. No I/O, no clock.
 */
#ifndef PLM_SEQ_MAP_H
#define PLM_SEQ_MAP_H

#include "codec.h"
#include "pkt.h"

/** Identifies where a run of packets came from, so that an entry can be found again in its pkt_ring. */
struct plm_segment {
    uint64_t source; /**< the shard's key of the track, never reused; 0 none */
    uint8_t encoding;
    uint8_t codec_index;
    uint64_t ts_offset; /**< out_ts = ext_ts + ts_offset (mod 2^32) */
    uint64_t squeezed;  /**< what is older than this ext_ts lies closer together, by `squeeze` bits */
    uint8_t squeeze;
    uint16_t dd_offset; /**< added to the dependency descriptor's frame number */
    uint8_t dd_shift;   /**< added to its template ids */
};

enum plm_map_verdict {
    PLM_MAP_SEND = 0,
    PLM_MAP_FILL, /**< a number was reserved for this packet, but it is not wanted: send a padding-only packet under it, or nothing */
    PLM_MAP_DROP,
    PLM_MAP_DUPLICATE,
    PLM_MAP_TOO_OLD,
};

struct plm_map_out {
    uint64_t ext_seq; /**< outgoing; its low 16 bits go on the wire, the rest is the roll-over counter */
    uint32_t ts;
    struct plm_codec_numbers numbers;
    uint16_t dd_offset;
    uint8_t dd_shift;
    bool ends_picture; /**< the marker is set, whatever the source's is */
};

/* Numbers that are remembered, powers of two: */
#define PLM_MAP_SIZE       512 /* video: about 2 s of 2.5 Mbit/s */
#define PLM_MAP_SIZE_AUDIO 128 /* 2.5 s of packets of 20 ms */
#define PLM_MAP_SEGMENTS   16

/** About 9 kB for video, 4 for audio; made when a slot first shows something. */
struct plm_seq_map;
/**
 * @param size PLM_MAP_SIZE or PLM_MAP_SIZE_AUDIO
 * @param first_seq outgoing start, below 2^15 (so that a first loss cannot confuse the peer's roll-over counter)
 */
struct plm_seq_map *plm_seq_map_create(
    uint32_t size, uint16_t first_seq, uint16_t first_picture_id, uint8_t first_tl0, uint32_t first_ts);
void plm_seq_map_destroy(struct plm_seq_map *m);
/**
 * A new segment begins with pkt (first packet of a keyframe for video, any packet for audio): its number follows the last one without a gap,
 * its timestamp continues by elapsed arrival time (clock_rate), at least one tick on.
 */
void plm_seq_map_switch(
    struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt, uint32_t clock_rate, uint64_t now_us);
/**
 * The same with packets that came a while ago, `first` to `newest`: their timestamps are drawn together, so that they end where they would
 * be if all had been sent as they came, and what follows goes on at its own pace.
 */
void plm_seq_map_switch_back(struct plm_seq_map *m, uint64_t source, const struct plm_pkt *first,
    const struct plm_pkt *newest, uint32_t clock_rate);
/**
 * Give pkt its numbers. Packets of the present segment and late ones of earlier segments (same source and encoding, number reserved) are
 * known; `wanted` says whether the layer selection wants it. Not wanted in order: the gap is closed. Missing in the source: numbers
 * are reserved (a gap above 256 is closed instead). A late packet that is not wanted is filled in for only where nothing that was sent can
 * refer to it: a dropped layer, or padding; else its number stays missing, so that the receiver knows.
 */
enum plm_map_verdict plm_seq_map_push(
    struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt, bool wanted, struct plm_map_out *out);
/** What was just pushed under out->ext_seq ends its picture, for the layers after it are dropped: so too when it is retransmitted. */
void plm_seq_map_end_picture(struct plm_seq_map *m, struct plm_map_out *out);
/** Was pkt missing when what came after it was sent? Then a number is kept for it. */
bool plm_seq_map_awaits(struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt);
/** For retransmission: what was sent under this number. @return false: unknown, never sent, or too old */
bool plm_seq_map_find(const struct plm_seq_map *m, uint16_t seq, struct plm_segment *segment,
    uint64_t *src_ext_seq, struct plm_map_out *out);
/**
 * It is about to be retransmitted. @return false: it was, less than `least_us` ago; what was sent then may still be on its way
 */
bool plm_seq_map_retry(struct plm_seq_map *m, uint16_t seq, uint64_t now_us, uint32_t least_us);
/** The next outgoing number for a packet of our own making (padding on the media SSRC, only at a frame's end). */
uint64_t plm_seq_map_take(struct plm_seq_map *m);
uint64_t plm_seq_map_last(const struct plm_seq_map *m);
/** A packet will be pushed soon: fetch what that writes. The map's beginning has to be there already. */
void plm_seq_map_prefetch(const struct plm_seq_map *m);
uint32_t plm_seq_map_last_ts(const struct plm_seq_map *m);
/** The segment that is sent now; NULL before the first switch. */
const struct plm_segment *plm_seq_map_segment(const struct plm_seq_map *m);

#endif
