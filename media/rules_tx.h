/*
 * Rules of the sending side, each without I/O and clock: which packet of which encoding goes on, under which numbers.
 */
#ifndef PLM_RULES_TX_H
#define PLM_RULES_TX_H

#include "codec.h"
#include "pkt.h"

/* ---- numbers of one slot: dense sequence numbers, timestamps, picture ids over switches, drops, loss and reordering ---- */

/** Identifies where a run of packets came from, so that an entry can be found again in its pkt_ring. */
struct plm_segment {
    uint64_t source;     /**< the shard's key of the track, never reused; 0 none */
    uint8_t encoding;
    uint8_t codec_index;
    uint64_t ts_offset;  /**< out_ts = ext_ts + ts_offset (mod 2^32) */
    uint16_t dd_offset;  /**< added to the dependency descriptor's frame number */
    uint8_t dd_shift;    /**< added to its template ids */
};

enum plm_map_verdict {
    PLM_MAP_SEND = 0,
    PLM_MAP_FILL,      /**< a number was reserved for this packet, but it is not wanted: send a padding-only packet under it, or nothing */
    PLM_MAP_DROP,
    PLM_MAP_DUPLICATE,
    PLM_MAP_TOO_OLD,
};

struct plm_map_out {
    uint64_t ext_seq;  /**< outgoing; its low 16 bits go on the wire, the rest is the roll-over counter */
    uint32_t ts;
    struct plm_codec_numbers numbers;
    uint16_t dd_offset;
    uint8_t dd_shift;
};

#define PLM_MAP_SIZE     512 /* entries: about 2 s of 2.5 Mbit/s */
#define PLM_MAP_SEGMENTS 16

/** About 6 kB; made when a slot first shows something. */
struct plm_seq_map;
/** @param first_seq outgoing start, below 2^15 (so that a first loss cannot confuse the peer's roll-over counter) */
struct plm_seq_map *plm_seq_map_create(uint16_t first_seq, uint16_t first_picture_id, uint8_t first_tl0, uint32_t first_ts);
void plm_seq_map_destroy(struct plm_seq_map *m);
/**
 * A new segment begins with pkt (first packet of a keyframe for video, any packet for audio): its number follows the last one without a gap,
 * its timestamp continues by elapsed arrival time (clock_rate), at least one tick on.
 */
void plm_seq_map_switch(struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt, uint32_t clock_rate, uint64_t now_us);
/**
 * Give pkt its numbers. Packets of the present segment and late ones of earlier segments (same source and encoding, number reserved) are
 * known; `wanted` says whether the layer selection wants it. Not wanted in order: the gap is closed. Missing in the source: numbers
 * are reserved (a gap above 256 is closed instead).
 */
enum plm_map_verdict plm_seq_map_push(struct plm_seq_map *m, uint64_t source, const struct plm_pkt *pkt, bool wanted, struct plm_map_out *out);
/** For retransmission: what was sent under this number. @return false: unknown, never sent, or too old */
bool plm_seq_map_find(const struct plm_seq_map *m, uint16_t seq, struct plm_segment *segment, uint64_t *src_ext_seq, struct plm_map_out *out);
/** The next outgoing number for a packet of our own making (padding on the media SSRC, only at a frame's end). */
uint64_t plm_seq_map_take(struct plm_seq_map *m);
uint64_t plm_seq_map_last(const struct plm_seq_map *m);
uint32_t plm_seq_map_last_ts(const struct plm_seq_map *m);
/** The segment that is sent now; NULL before the first switch. */
const struct plm_segment *plm_seq_map_segment(const struct plm_seq_map *m);

/* ---- which encoding and temporal layer ---- */

#define PLM_LAYER_NONE 0xff

#define PLM_LAYER_CHANGES 8

/** Which temporal layers of one encoding go on, by the timestamp of the frame: so a frame is never forwarded in half. */
struct plm_layer_history {
    bool any;
    uint64_t newest_seq, newest_ts;
    uint8_t n;       /**< changes, oldest first */
    struct {
        uint64_t from_ts;
        uint8_t tid; /**< highest forwarded; PLM_LAYER_NONE: nothing */
    } changes[PLM_LAYER_CHANGES];
};

/** An embedded value; one per video slot. */
struct plm_layer_select {
    uint8_t current, target;           /**< encodings; PLM_LAYER_NONE */
    uint8_t current_tid, target_tid;
    bool want_keyframe;                /**< of `target`: ask its publisher */
    struct plm_layer_history history[PLM_MAX_ENCODINGS];
};
enum plm_layer_verdict {
    PLM_LAYER_FORWARD = 0,
    PLM_LAYER_SWITCH,       /**< forward, and a new segment begins here */
    PLM_LAYER_DROP,         /**< other encoding or layer */
    PLM_LAYER_DROP_NOT_KEY, /**< waiting for a keyframe */
};
void plm_layer_select_init(struct plm_layer_select *s);
/**
 * Set the aim; up or down an encoding happens at its next keyframe (the present one goes on meanwhile), temporal down at the next frame, up
 * at a sync. Encoding PLM_LAYER_NONE pauses: the frame that is under way is completed.
 */
void plm_layer_select_aim(struct plm_layer_select *s, uint8_t encoding, uint8_t tid);
/** The present stream ends (track gone, slot re-used): the next packet forwarded is a keyframe of the target. */
void plm_layer_select_restart(struct plm_layer_select *s);
/**
 * Late packets of an encoding that was left are PLM_LAYER_FORWARD when their frame was being forwarded: the map knows whether a number is
 * reserved for them.
 */
enum plm_layer_verdict plm_layer_select_on_packet(struct plm_layer_select *s, const struct plm_pkt *pkt);

/* ---- bandwidth towards one receiver ---- */

/**
 * First rule: loss and REMB. Above 10 % loss the estimate is cut (not below half when that does not lessen the loss), below 2 % it grows by
 * 8 % a second, to a few times what is being sent (an application-limited sender proves no more). It is valid after a second of feedback.
 * The delay-based estimator takes its place behind the same functions.
 */
struct plm_bwe;
struct plm_bwe *plm_bwe_create(void);
void plm_bwe_destroy(struct plm_bwe *b);
void plm_bwe_on_sent(struct plm_bwe *b, uint16_t twcc_seq, uint16_t size, uint64_t now_us);
void plm_bwe_on_twcc(struct plm_bwe *b, const uint8_t *fci, size_t len, uint64_t now_us);
void plm_bwe_on_remb(struct plm_bwe *b, uint64_t bitrate_bps, uint64_t now_us);
/** @param fraction_q8 lost of 256, worst of the report's blocks weighted by packets */
void plm_bwe_on_report(struct plm_bwe *b, uint8_t fraction_q8, uint32_t rtt_us, uint64_t now_us);
/** Run timers, at least every 200 ms. */
void plm_bwe_poll(struct plm_bwe *b, uint64_t now_us);
/** @return bit/s, 0 while the estimate is not valid: nothing may be paused then */
uint32_t plm_bwe_estimate(const struct plm_bwe *b);
uint32_t plm_bwe_rtt_us(const struct plm_bwe *b);
/** Bit/s acknowledged over the last second (0 unknown). */
uint32_t plm_bwe_acked(const struct plm_bwe *b);

/* ---- who gets which layer ---- */

struct plm_alloc_layer {
    uint32_t bitrate_bps;  /**< measured; 0: not being sent at present */
    uint16_t width, height;
    uint8_t temporal_layers;
};
struct plm_alloc_slot {
    /* in */
    uint8_t priority;
    bool screen;
    uint16_t want_width, want_height; /**< 0: any */
    uint8_t n_layers;                 /**< lowest first */
    struct plm_alloc_layer layers[PLM_MAX_ENCODINGS];
    uint8_t present;                  /**< encoding forwarded now, PLM_LAYER_NONE */
    /* out */
    uint8_t encoding, tid;            /**< among what is being sent; encoding PLM_LAYER_NONE: paused */
    uint8_t wish;                     /**< what it would get if every encoding were sent: the demand towards the publisher */
};
/**
 * Share a budget among the video slots (at most PLM_MAX_MEDIA are looked at): every slot its floor first, by priority; then steps up by
 * priority, screen first, largest first, to the smallest encoding that covers the wanted size. A budget of 0 means unknown: everybody gets
 * what it wants.
 * Hysteresis: a step up needs 15 % head-room over what is used now.
 */
void plm_allocate(struct plm_alloc_slot *slots, size_t n, uint32_t budget_bps);

#endif
