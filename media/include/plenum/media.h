/*
 * The vocabulary of the media plane that control code and workers share: ids, configuration, commands' values, events, statistics.
 * Everything here is a plain value.
 */
#ifndef PLENUM_MEDIA_H
#define PLENUM_MEDIA_H

#include "plenum/rtp_params.h"

#ifdef __cplusplus
extern "C" {
#endif

/** Ids are given by the engine (rooms, transports) or by the caller (participants: unique in the room, never reused in it). 0 is "none". */
typedef uint32_t plm_room_id;
typedef uint32_t plm_participant_id;
typedef uint32_t plm_transport_id;

#define PLM_MAX_SPEAKERS 16

/** Caps on what a peer can make grow. Zero means the default, given in brackets. */
struct plm_limits {
    uint32_t transports;            /**< of the engine [4096]; at most 65536 */
    uint32_t rooms;                 /**< of the engine [4096] */
    uint32_t ssrcs_per_transport;   /**< bound inbound SSRCs [32] */
    uint32_t tracks_per_room;       /**< more are left out [1024] */
    uint32_t stun_unauth_per_sec;   /**< unauthenticated STUN requests looked at, per worker and second [2000]; of each transport at most 50 */
    uint32_t datagrams_per_turn;    /**< read before others run [256] */
    uint32_t packets_per_worker;    /**< packet buffers kept for retransmission and in flight; at the cap the oldest go [65536] */
    uint32_t nack_items_per_packet; /**< sequence numbers answered per RTCP packet [256] */
    uint32_t rtx_share_percent;     /**< retransmissions at most this share of a receiver's bitrate, plus a burst [40] */
    uint32_t tcp_streams;           /**< connections of ICE-TCP, of the engine [4096] */
    uint32_t tcp_unproven;          /**< of these per source (IPv6: one /64) without an authenticated check so far [64] */
    uint32_t tcp_queue;             /**< octets that wait for one of them, rounded up to a power of two [512 KiB] */
    uint32_t feed_queue;            /**< octets that wait for the reader of a worker's feed: a second of 100 cameras [24 MiB]; 64 KiB to 1 GiB */
};

/** How a room's media behaves. Zero means the default, given in brackets. */
struct plm_room_config {
    uint8_t max_speakers; /**< audio tracks that following slots carry at a time [4], at most PLM_MAX_SPEAKERS */
    bool all_audio;       /**< forward every audio track (small rooms of an integrator); speakers are still reported */
};

/** A wish of a receiver for one of its pairs, in order of importance. */
struct plm_view_item {
    plm_participant_id participant;
    enum plm_source source;  /**< CAMERA or SCREEN; the pair's audio is MICROPHONE or SCREEN_AUDIO of the same participant */
    uint16_t width, height;  /**< pixels the client shows it at; 0: any */
    uint8_t priority;        /**< higher is served first by the allocator */
};
#define PLM_MAX_VIEW 64

enum plm_view_mode {
    PLM_VIEW_FOLLOW = 0, /**< the server fills pairs: screen shares, then speakers, then who joined first; stable */
    PLM_VIEW_ITEMS,      /**< the client says what it shows */
};

struct plm_view {
    enum plm_view_mode mode;
    uint16_t n_items;
    struct plm_view_item items[PLM_MAX_VIEW];
    bool audio_off; /**< send no audio at all */
    bool video_off;
    uint16_t max_width; /**< FOLLOW: wanted width of every tile; 0: any */
};

/** Ties one slot to one track for good: loudest-N does not govern it (WHEP by names). */
struct plm_pin {
    uint16_t media; /**< index of the slot's m-line */
    plm_participant_id participant;
    enum plm_source source;
};

enum plm_transport_state {
    PLM_TRANSPORT_NEW = 0,   /**< prepared, no authenticated check yet */
    PLM_TRANSPORT_ICE,       /**< claimed by a worker */
    PLM_TRANSPORT_DTLS,      /**< handshake runs */
    PLM_TRANSPORT_CONNECTED,
    PLM_TRANSPORT_CLOSED,
};
PLM_EXPORT const char *plm_transport_state_name(enum plm_transport_state s);

enum plm_close_reason {
    PLM_CLOSE_NONE = 0,
    PLM_CLOSE_LOCAL,        /**< the application asked */
    PLM_CLOSE_PEER,         /**< DTLS close_notify */
    PLM_CLOSE_CONSENT,      /**< no valid check for 30 s (RFC 7675) */
    PLM_CLOSE_NEVER,        /**< no valid check or no handshake in time */
    PLM_CLOSE_FINGERPRINT,  /**< the peer's certificate is not the one it announced */
    PLM_CLOSE_DTLS,         /**< handshake failed */
    PLM_CLOSE_ROOM,         /**< its room was closed */
    PLM_CLOSE_RESOURCES,
};
PLM_EXPORT const char *plm_close_reason_name(enum plm_close_reason r);

enum plm_slot_state {
    PLM_SLOT_EMPTY = 0,
    PLM_SLOT_WAITING,    /**< shows a track, no keyframe yet */
    PLM_SLOT_FORWARDING,
    PLM_SLOT_PAUSED,     /**< shows a track of which nothing flows, see plm_slot_reason; resumes by itself */
};
PLM_EXPORT const char *plm_slot_state_name(enum plm_slot_state s);

/** Why no picture flows. */
enum plm_slot_reason {
    PLM_SLOT_FLOWS = 0,
    PLM_SLOT_NO_BANDWIDTH, /**< paused: the way to this receiver carries too little */
    PLM_SLOT_MUTED,        /**< paused: its publisher has muted it */
    PLM_SLOT_STOPPED,      /**< paused: its publisher sends nothing, though it is not muted */
    PLM_SLOT_UNWANTED,     /**< empty: this receiver wants no video */
    PLM_SLOT_NO_CODEC,     /**< paused: its publisher sends a codec that this receiver did not agree to */
};
PLM_EXPORT const char *plm_slot_reason_name(enum plm_slot_reason r);

enum plm_event_type {
    PLM_EV_TRANSPORT = 1, /**< a transport changed state */
    PLM_EV_TRACK,         /**< a track began, changed codec, or ended */
    PLM_EV_SLOT,          /**< what a slot shows changed; of a change of picture when the new one is there, or the former one ended */
    PLM_EV_SPEAKERS,      /**< who speaks, or did a moment ago; the dominant speaker first */
    PLM_EV_DEMAND,        /**< which encodings of a track somebody needs (dynacast) */
    PLM_EV_FEED,          /**< a worker's feed ended without being asked to; its socket is closed */
};

struct plm_event {
    enum plm_event_type type;
    plm_room_id room;
    plm_transport_id transport;
    plm_participant_id participant; /**< whose transport it is */
    union {
        struct {
            enum plm_transport_state state;
            enum plm_close_reason reason;
            struct plm_addr peer;
            uint8_t worker;
        } transport_state;
        struct {
            enum plm_source source;
            enum plm_codec codec;
            bool active;
            uint8_t encodings; /**< seen so far */
        } track;
        struct {
            uint16_t media; /**< index of the m-line in the transport's params */
            enum plm_slot_state state;
            enum plm_slot_reason reason; /**< of a video slot that is paused or empty */
            plm_participant_id shows; /**< 0: nobody */
            enum plm_source source;
            uint16_t width, height;   /**< of the forwarded encoding, 0 unknown */
            uint32_t first_ts;        /**< RTP timestamp of the first packet of this showing, valid in FORWARDING */
        } slot;
        struct {
            uint8_t n;
            plm_participant_id who[PLM_MAX_SPEAKERS];
            uint8_t level[PLM_MAX_SPEAKERS]; /**< 0 loudest .. 127 silence, -dBov */
        } speakers; /* neither who is muted nor who is silent */
        struct {
            enum plm_source source;
            uint8_t needed; /**< bit per encoding, in the order of the publisher's rids */
        } demand;
        struct {
            uint8_t worker;
            int error; /**< 0: the reader closed; else negated errno, or PLM_EINVAL: it sent nonsense */
        } feed;
    };
};

/** Live objects, for the metrics and for churn tests: each returns to its start. */
enum plm_gauge {
    PLM_GAUGE_TRANSPORTS = 0,
    PLM_GAUGE_TRANSPORTS_CONNECTED,
    PLM_GAUGE_SHARDS,
    PLM_GAUGE_TRACKS,
    PLM_GAUGE_REMOTE_TRACKS, /**< tracks known through a link */
    PLM_GAUGE_SLOTS,
    PLM_GAUGE_LINKS,
    PLM_GAUGE_PACKETS,       /**< packet buffers in use */
    PLM_GAUGE_TUPLES,
    PLM_GAUGE_STRAY_TUPLES,
    PLM_GAUGE_HANDSHAKES,
    PLM_GAUGE_FEEDS,         /**< workers whose feed has a reader */
    PLM_GAUGE_TCP_STREAMS,   /**< connections of ICE-TCP */
    PLM_GAUGE_COUNT
};
PLM_EXPORT const char *plm_gauge_name(enum plm_gauge g);

enum plm_counter {
    PLM_CNT_RX_DATAGRAMS = 0,
    PLM_CNT_RX_BYTES,
    PLM_CNT_RX_BATCHES,
    PLM_CNT_RX_RTP,
    PLM_CNT_RX_RTX,
    PLM_CNT_RX_RTCP,
    PLM_CNT_RX_STUN,
    PLM_CNT_RX_OVERFLOW,  /**< datagrams that the kernel dropped because our socket's buffer was full */
    PLM_CNT_TX_DATAGRAMS,
    PLM_CNT_TX_BYTES,
    PLM_CNT_TX_TRAINS,    /**< sends to the kernel that the datagrams left in */
    PLM_CNT_TX_SYSCALLS,
    PLM_CNT_TX_RTP,
    PLM_CNT_TX_RTX,
    PLM_CNT_TX_PADDING_BYTES,
    PLM_CNT_TX_RTCP,
    PLM_CNT_TX_DROPPED,   /**< the kernel's buffer was full */
    PLM_CNT_LINK_PACKETS,
    PLM_CNT_LINK_BYTES,
    PLM_CNT_STRAY_DATAGRAMS,
    PLM_CNT_NACK_SENT,
    PLM_CNT_NACK_RECEIVED,
    PLM_CNT_PLI_SENT,
    PLM_CNT_PLI_RECEIVED,
    PLM_CNT_FIR_RECEIVED,
    PLM_CNT_REMB_RECEIVED,
    PLM_CNT_TWCC_SENT,
    PLM_CNT_TWCC_RECEIVED,
    PLM_CNT_SLOT_SWITCHES,
    PLM_CNT_LAYER_SWITCHES,
    PLM_CNT_HANDSHAKES,
    PLM_CNT_HANDSHAKE_FAILURES,
    PLM_CNT_ICE_RESTARTS, /**< that took effect: a check nominated with the new credentials */
    PLM_CNT_FEED_PACKETS,    /**< to the reader of the workers' feeds, a recorder */
    PLM_CNT_FEED_BYTES,
    PLM_CNT_FEED_DROPPED,    /**< packets that it did not get: it read too slowly */
    PLM_CNT_FEED_WRITES,     /**< system calls */
    PLM_CNT_PACKETS_EVICTED, /**< kept ones that were forgotten early because the cap was reached */
    PLM_CNT_TCP_ACCEPTED,    /**< connections of ICE-TCP that came */
    PLM_CNT_TCP_REFUSED,     /**< likewise, over a cap */
    PLM_CNT_TCP_UNPROVEN,    /**< ended: no authenticated check in time, or something else before it */
    PLM_CNT_TCP_MALFORMED,   /**< ended: no datagrams of RFC 4571 */
    PLM_CNT_TCP_MOVED,       /**< handed to the worker that has their transport */
    PLM_CNT_TCP_BACKLOGS,    /**< video was stopped because a peer took too little */
    PLM_CNT_GROUPS_REPLAYED, /**< pictures that began with what was kept since a key frame, without asking for one */
    PLM_CNT_TX_RED,          /**< packets of sound that carried copies of earlier ones */
    PLM_CNT_COUNT
};
PLM_EXPORT const char *plm_counter_name(enum plm_counter c);

struct plm_worker_stats {
    uint64_t counters[PLM_CNT_COUNT];
    uint64_t drops[PLM_DROP_COUNT];
    uint32_t gauges[PLM_GAUGE_COUNT];
};

#define PLM_STATS_SECONDS 8 /**< that are kept of each picture, there and here */

/** What came of one encoding in one second. */
struct plm_encoding_second {
    uint64_t end_us; /**< on the worker's clock (CLOCK_MONOTONIC) */
    uint32_t octets;
    uint16_t packets, lost, recovered; /**< lost: did not come by themselves; recovered: of these, what came when it was asked for */
    uint16_t keyframes, asked;         /**< asked: for key frames */
    uint16_t frames;                   /**< that ended in it; of video */
    uint16_t gap_ms, step_ms; /**< longest time between two frames that follow each other, as they came and as their timestamps say; counted where the second came; of video */
    uint16_t held_ms;         /**< longest time that the worker did nothing while something was due; 0: none worth telling */
};

/** What one slot was sent in one second. */
struct plm_slot_second {
    uint64_t end_us;
    uint32_t octets, estimate_bps; /**< the estimate towards this receiver, 0: none */
    uint16_t packets, lost, repeated; /**< lost: the receiver asked for what had been sent; repeated: retransmissions */
    uint16_t keyframes_asked;         /**< by the receiver */
    uint16_t switches;                /**< of what it shows, of encoding or layer */
    uint16_t held_ms;                 /**< as of an encoding, of the worker that sends */
    plm_participant_id shows;         /**< at the end of it; 0: nobody */
    uint8_t source;                   /**< enum plm_source, then */
    uint8_t state, reason;            /**< enum plm_slot_state, plm_slot_reason, at the end of it */
    uint8_t encoding, temporal;       /**< then; 255: none */
};

struct plm_encoding_stats {
    char rid[PLM_TOKEN_SIZE];
    uint32_t ssrc;
    uint64_t packets, bytes, lost, recovered, duplicates;
    uint32_t bitrate_bps, jitter_us, nacks, plis, keyframes;
    uint16_t width, height, fps;
    bool active;
    uint8_t n_seconds;
    struct plm_encoding_second seconds[PLM_STATS_SECONDS]; /**< oldest first */
};

struct plm_track_stats {
    plm_participant_id participant;
    enum plm_source source;
    enum plm_codec codec;
    bool remote; /**< seen through a link */
    uint8_t n_encodings;
    struct plm_encoding_stats encodings[PLM_MAX_ENCODINGS];
    uint8_t audio_level;
};

struct plm_slot_stats {
    uint16_t media;
    uint32_t ssrc;
    enum plm_slot_state state;
    enum plm_slot_reason reason;
    plm_participant_id shows;
    enum plm_source source;
    uint8_t encoding, temporal;
    uint64_t packets, bytes, rtx_packets, nacks, plis;
    uint32_t bitrate_bps, fraction_lost_q8, jitter_us, switches, layer_switches;
    uint8_t n_seconds;
    struct plm_slot_second seconds[PLM_STATS_SECONDS]; /**< oldest first; of video, since it first showed something */
};

/** @param iana  number of the registry of DTLS-SRTP protection profiles. @return "AEAD_AES_128_GCM", "none" for 0 (not yet agreed), else "unknown" */
PLM_EXPORT const char *plm_srtp_profile_name(unsigned iana);

struct plm_transport_stats {
    plm_transport_id id;
    plm_room_id room;
    plm_participant_id participant;
    enum plm_transport_state state;
    struct plm_addr peer;
    uint8_t worker;
    uint16_t srtp_profile; /**< IANA number: 1 AES128_CM_SHA1_80, 7 AEAD_AES_128_GCM, 8 AEAD_AES_256_GCM */
    uint64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
    uint32_t rtt_us, estimate_bps; /**< estimate towards this receiver, 0: none yet */
    uint64_t drops[PLM_DROP_COUNT];
    uint16_t n_tracks, n_slots;
    struct plm_track_stats *tracks; /**< owned by the snapshot that holds this */
    struct plm_slot_stats *slots;
};

#ifdef __cplusplus
}
#endif
#endif
