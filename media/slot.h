/*
 * A place in a receiver's transport: one m-line, one SSRC for life, into which tracks are put.
 */
#ifndef PLM_SLOT_H
#define PLM_SLOT_H

#include "pkt.h"
#include "plenum/worker.h"
#include "allocator.h"
#include "layer_select.h"
#include "seq_map.h"

struct plm_track;
struct plm_transport;

struct plm_slot {
    struct plm_transport *transport;
    struct plm_track *track; /**< shown, or NULL */
    uint32_t track_index;    /**< in the track's list */
    uint16_t media;
    enum plm_kind kind;
    uint8_t pair;
    bool screen;
    enum plm_slot_state state;
    uint32_t ssrc, rtx_ssrc;
    struct plm_layer_select layers;
    uint8_t wish;             /**< encoding it would have if all were sent, PLM_LAYER_NONE: paused */
    struct plm_seq_map *map;  /**< made when it first shows something */
    uint8_t pt_of[PLM_MAX_CODECS];     /**< publisher's codec index → our payload type here */
    uint8_t rtx_pt_of[PLM_MAX_CODECS];
    uint8_t mid_left;         /**< packets that still carry the MID */
    uint64_t rtx_seq;
    /* what it is meant to show */
    plm_participant_id want;
    enum plm_source want_source;
    bool pinned;
    plm_participant_id pin;
    enum plm_source pin_source;
    uint16_t want_width, want_height;
    uint8_t priority;
    /* sent */
    uint64_t packets, bytes, rtx_packets, nacks, plis, rtx_bytes;
    uint32_t last_ts, sr_packets, sr_octets;
    uint64_t last_sent_us, last_sr_us, first_sent_us;
    uint16_t dd_next;         /**< frame number that follows in the dependency descriptor */
    uint16_t shown_width, shown_height;
    uint32_t switches, layer_switches;
    uint8_t fraction_lost;
    uint32_t peer_jitter;
    bool sr_due;              /**< soon: a switch happened */
    /* bitrate over a second */
    uint64_t rate_bytes, rate_since_us;
    uint32_t bitrate_bps;
};

/** Which of its tracks shows in s from now on; NULL: none. The application is told. */
void plm_slot_show(struct plm_slot *s, struct plm_track *track);
/** A packet of the shown track. */
void plm_slot_on_rtp(struct plm_slot *s, struct plm_pkt *pkt);
/** The receiver lacks a sequence number of our SSRC. @return octets queued, 0: nothing */
size_t plm_slot_on_nack(struct plm_slot *s, uint16_t seq);
void plm_slot_on_keyframe_request(struct plm_slot *s);
/** Aim at an encoding and temporal layer; PLM_LAYER_NONE pauses. */
void plm_slot_aim(struct plm_slot *s, uint8_t encoding, uint8_t tid, uint8_t wish);
/** Encodings it needs at present, bit per encoding. */
uint8_t plm_slot_needs(const struct plm_slot *s);
void plm_slot_release(struct plm_slot *s);
/** Learn how this receiver calls the track's codecs. */
void plm_slot_bind_codecs(struct plm_slot *s);
/** The RTP timestamp that belongs to `now` in this slot's stream. @return false: unknown yet */
bool plm_slot_clock(const struct plm_slot *s, uint64_t now_us, uint32_t *ts);

#endif
