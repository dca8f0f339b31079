/*
 * A place in a receiver's transport: one m-line, one SSRC for life, into which tracks are put.
 *
 * A picture that flows is not given up for one that is still to come: while the next track's key frame is awaited, the slot goes on
 * forwarding the present one, for PLM_SLOT_HOLD_US at most, and then switches between two packets.
 */
#ifndef PLM_SLOT_H
#define PLM_SLOT_H

#include "pkt.h"
#include "plenum/worker.h"
#include "allocator.h"
#include "layer_select.h"
#include "seq_map.h"

struct plm_red_block;
struct plm_slot_log;
struct plm_track;
struct plm_transport;

#define PLM_SLOT_HOLD_US  2000000 /* how long a slot keeps its picture for the sake of one to come */
#define PLM_SLOT_DEFER_US 250000  /* for what comes in its place; with a frame more a picture stands for less than the 300 ms of a freeze */

/** The track that a slot will show as soon as its key frame is there. */
struct plm_slot_next {
    struct plm_track *track; /**< NULL: none; never the one that is shown */
    uint32_t track_index;    /**< in the track's list */
    struct plm_layer_select layers;
    uint8_t wish;
    struct plm_alloc_memory memory;
    uint8_t pt_of[PLM_MAX_CODECS];
    uint8_t rtx_pt_of[PLM_MAX_CODECS];
    uint64_t until_us;       /**< then it is shown anyway, and waits */
};

struct plm_slot {
    /* What each packet looks at, together: with many receivers all of this comes from far. */
    struct plm_transport *transport;
    struct plm_track *track; /**< shown, or NULL */
    struct plm_seq_map *map; /**< made when it first shows something */
    uint32_t ssrc, rtx_ssrc;
    enum plm_kind kind;
    enum plm_slot_state state;
    uint8_t pt_of[PLM_MAX_CODECS]; /**< publisher's codec index → our payload type here */
    uint16_t media;
    uint8_t mid_left;        /**< packets that still carry the MID */
    uint8_t wish;            /**< encoding it would have if all were sent, PLM_LAYER_NONE: paused */
    uint64_t packets, bytes, rate_bytes, last_sent_us;
    uint32_t last_ts, sr_packets, sr_octets;
    struct plm_slot_next next;
    bool replays;            /**< what came since the last key frame goes out first; what comes meanwhile waits in the ring */
    bool resumes;            /**< of sound: what was not forwarded before the next packet is not missing */
    bool defers;             /**< what comes waits in the ring: the key frame of a lower encoding may take its place before it has gone out */
    struct plm_layer_select layers;
    uint32_t track_index;    /**< in the track's list */
    uint8_t rtx_pt_of[PLM_MAX_CODECS];
    uint8_t pair;
    bool screen;
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
    uint64_t rtx_packets, nacks, plis, rtx_bytes;
    uint64_t lost;            /**< NACKs of what had been sent: it was lost behind us */
    uint64_t begun_us;        /**< when its last key frame for a switch went out */
    uint64_t replay_seq;      /**< of the source: what goes out next, while it replays, or after it defers */
    uint64_t defer_until_us;  /**< then it goes on with what waited */
    uint16_t shown_width, shown_height;
    uint32_t switches, layer_switches;
    uint8_t fraction_lost;
    uint64_t told_packets; /**< that had been sent when the last report block came */
    uint32_t peer_jitter;
    /* bitrate over a second */
    uint64_t rate_since_us;
    uint32_t bitrate_bps;
    uint32_t first_ts;        /**< of this showing, or of its present encoding */
    enum plm_slot_reason paused; /**< why, while it is */
    struct plm_slot_log *log; /**< of video, with the map; NULL: no memory, or nothing to note yet */
    uint32_t peak_bps;        /**< of late: falls by an eighth a second */
    struct plm_alloc_memory memory;
};

/** It will be given a packet soon. */
static inline void plm_slot_prefetch(const struct plm_slot *s)
{
    __builtin_prefetch(s);
    __builtin_prefetch(&s->next.track, 1);
    __builtin_prefetch(&s->layers);
}
/** It is the next but one, and what plm_slot_prefetch asked for has come. */
static inline void plm_slot_prefetch_map(const struct plm_slot *s)
{
    __builtin_prefetch(s->map, 1);
    __builtin_prefetch(s->transport, 1);
}
/** It is next to be given a packet, and what plm_slot_prefetch_map asked for has come. */
static inline void plm_slot_prefetch_entry(const struct plm_slot *s)
{
    plm_seq_map_prefetch(s->map);
}

/**
 * Put a track into s; NULL: empty it at once. Asking for the track that is shown takes back a change under way.
 *
 * A picture that flows stays until the new track's first key frame, which then takes its place in the same packet; the application is told
 * at that moment. There is nothing to wait for, and the change is at once, with the state WAITING until the key frame: when the slot's
 * picture does not flow, when either track is muted, for audio. What cannot wait any longer (the shown track ends, is muted or paused, or the
 * time is over) changes in the same way later. Whoever must not be seen any more is shown out with NULL.
 *
 * Bandwidth is to be shared anew afterwards (plm_transport_allocate): that chooses the new track's layer and asks for its key frame.
 */
void plm_slot_show(struct plm_slot *s, struct plm_track *track);
/** s has just been given somebody's sound that this receiver did not hear before: what plm_track_preroll says goes first. */
void plm_slot_preroll(struct plm_slot *s);
/** tr, which s shows or was going to show, ends. */
void plm_slot_lose(struct plm_slot *s, struct plm_track *tr);
/** A packet of a track that s shows or is going to show. */
void plm_slot_on_rtp(struct plm_slot *s, const struct plm_track *tr, struct plm_pkt *pkt);
/**
 * The receiver lacks a sequence number of our SSRC. Where it loses some, not most, the packet goes once more 8 ms later, if what may be retransmitted has
 * room for that. @return octets queued at once, 0: nothing
 */
size_t plm_slot_on_nack(struct plm_slot *s, uint16_t seq);
/** What was sent under seq goes out once more at once, if there is an RTX stream and what may be retransmitted has room for it. */
void plm_slot_twice(struct plm_slot *s, uint16_t seq);
/** Whether plm_slot_pad can send: it has shown something, and has an RTX stream. */
bool plm_slot_can_pad(const struct plm_slot *s);
/**
 * Fill the line with at least `octets`: the latest packets once more, which the receiver has, then padding alone; both under RTX numbers of
 * their own, so that the picture's stay dense.
 */
void plm_slot_pad(struct plm_slot *s, size_t octets);
/**
 * What sound went out under a number, to be carried once more by pkt.
 * @param ts of pkt
 * @return false: it is not there any more, or of another source, or too long ago
 */
bool plm_slot_copy(const struct plm_slot *s, uint16_t seq, const struct plm_pkt *pkt, uint32_t ts, struct plm_red_block *out);
void plm_slot_on_keyframe_request(struct plm_slot *s);
/** Aim at an encoding and temporal layer of the shown track; PLM_LAYER_NONE pauses. */
void plm_slot_aim(struct plm_slot *s, uint8_t encoding, uint8_t tid, uint8_t wish);
/** The same for the track to come. One that there is no bandwidth for is shown at once, and paused. */
void plm_slot_aim_next(struct plm_slot *s, uint8_t encoding, uint8_t tid, uint8_t wish);
/** Why no picture flows in it; of sound always PLM_SLOT_FLOWS. */
enum plm_slot_reason plm_slot_why(const struct plm_slot *s);
/** Whether tr can flow changed: it is muted or not, its publisher sends or does not. The slot pauses or goes on, and the application is told. */
void plm_slot_settle(struct plm_slot *s, const struct plm_track *tr);
/**
 * What comes of encoding `e` of tr is in a codec that was not known before, or in another one: what s forwards of it next is a key frame.
 * @param ask for it: it does not come now
 */
void plm_slot_on_codec(struct plm_slot *s, struct plm_track *tr, uint8_t e, bool changed, bool ask);
/** Encodings of tr that it needs at present, bit per encoding. */
uint8_t plm_slot_needs(const struct plm_slot *s, const struct plm_track *tr);
/** tr stopped or began anew: what s forwards of it next is a key frame. @param ask for it */
void plm_slot_restart(struct plm_slot *s, struct plm_track *tr, bool ask);
/** s lies at another address now: tell the tracks that list it. */
void plm_slot_moved(struct plm_slot *s);
/** Where tr's list notes that it holds s at this index. */
uint32_t *plm_slot_index_in(struct plm_slot *s, const struct plm_track *tr);
/** Of a receiver that is still connecting: what it will wish for, so that a publisher who had stopped begins meanwhile. */
void plm_slot_foresee(struct plm_slot *s, uint8_t wish);
void plm_slot_release(struct plm_slot *s);
/** Learn how this receiver calls the codecs of its tracks. */
void plm_slot_bind_codecs(struct plm_slot *s);
/** The RTP timestamp that belongs to `now` in this slot's stream. @return false: unknown yet */
bool plm_slot_clock(const struct plm_slot *s, uint64_t now_us, uint32_t *ts);

#endif
