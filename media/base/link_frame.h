/*
 * Frames that shards exchange over links: the same octets on a ring between workers, a Unix socket to the recorder, or TLS between nodes.
 * All numbers are little-endian (the rings carry them untouched on every machine that Debian runs servers on; a big-endian host swaps).
 * A frame is a header and a body of `size` octets; one of an unknown type is skipped.
 */
#ifndef PLM_LINK_FRAME_H
#define PLM_LINK_FRAME_H

#include <stdint.h>

enum plm_link_type {
    PLM_LINK_STRAY = 1,   /**< body: struct plm_link_stray, then a datagram that reached the wrong worker */
    PLM_LINK_TRACK,       /**< body: struct plm_link_track: a track is published here, or changed */
    PLM_LINK_TRACK_GONE,  /**< no body */
    PLM_LINK_PACKET,      /**< body: struct plm_link_packet, then the RTP packet */
    PLM_LINK_CLOCK,       /**< body: struct plm_link_clock: an encoding's line to the clock, and what it is; each second, demanded or not */
    PLM_LINK_DEMAND,      /**< body: struct plm_link_demand: what the shard at the other end needs of a track */
    PLM_LINK_LEVELS,      /**< body: struct plm_link_level[]: audio levels of the last 50 ms, to the home shard */
    PLM_LINK_SPEAKERS,    /**< body: struct plm_link_level[]: the chosen ones, dominant first, from the home shard */
    /* On sockets alone, which carry the same frames as the rings between workers: */
    PLM_LINK_HELLO,       /**< body: struct plm_link_hello: the first frame in each direction */
    PLM_LINK_CONTROL,     /**< body: one JSON object in UTF-8 without NUL (base/recording_format.h) */
    PLM_LINK_RING,        /**< no body: to a worker with a ring's descriptor, from it: the rest comes by that ring (base/feed_ring.h) */
};

#define PLM_LINK_MAX_BODY (256 * 1024) /**< a longer frame on a socket ends the connection */

#define PLM_LINK_MAGIC   0x4b4e4c50u /**< "PLNK" */
#define PLM_LINK_VERSION 2

enum plm_link_role {
    PLM_LINK_ROLE_CONTROL = 1, /**< of the server's main thread: PLM_LINK_CONTROL both ways */
    PLM_LINK_ROLE_WORKER,      /**< of one worker: tracks, packets and clocks out, PLM_LINK_DEMAND back */
};

/** Says who speaks. Another magic or version ends the connection. Both ends run on one machine: they share CLOCK_MONOTONIC. */
struct plm_link_hello {
    uint32_t magic;
    uint16_t version;
    uint8_t role;     /**< enum plm_link_role, of the connection */
    uint8_t worker;   /**< index, PLM_LINK_ROLE_WORKER */
    uint64_t epoch;   /**< random, of one run of the server; its room ids and instances mean nothing in another. From a recorder: 0 */
    uint64_t mono_us; /**< CLOCK_MONOTONIC when it was written */
    uint64_t unix_us; /**< CLOCK_REALTIME then */
};

struct plm_link_header {
    uint32_t size;     /**< octets of body */
    uint8_t type;      /**< enum plm_link_type */
    uint8_t source;    /**< enum plm_source, where a track is meant */
    uint16_t reserved;
    uint32_t room;
    uint32_t instance; /**< of the sending shard */
    uint32_t participant;
    uint32_t pad;
};

struct plm_link_stray {
    uint8_t addr[28]; /**< struct plm_addr: stays on this machine */
    uint8_t sock, pad[3];
    uint64_t came_us; /**< CLOCK_MONOTONIC when it came to this machine */
};

#define PLM_LINK_MAX_CODECS 12
#define PLM_LINK_DD_TARGETS 12 /**< decode targets that a packet tells of */

struct plm_link_track {
    uint8_t kind, n_encodings, n_codecs, muted;
    uint32_t joined_order; /**< for following receivers: who came first */
    struct {
        uint8_t codec, pad[3];
        uint32_t variant;
    } codecs[PLM_LINK_MAX_CODECS];
};

struct plm_link_packet {
    uint64_t ext_seq, ext_ts, arrival_us;
    uint16_t payload_off, payload_len;
    uint8_t encoding, codec, codec_index, flags; /**< flags: 1 marker, 2 recovered */
    uint16_t audio_level_off, orientation_off, playout_off, dd_off;
    uint8_t dd_len, playout_len, audio_level, tid;
    uint16_t width, height, picture_id;
    uint8_t info_flags, info_flags2, tl0picidx, desc_len;
    uint8_t sid;
    uint8_t spatial_layers;                /**< from this picture on; 0: it does not tell */
    uint8_t dd_targets, dd_targets_told;   /**< of its dependency descriptor: how many there are, 0: none; whether it says which are active */
    uint16_t dd_at, dd_active;             /**< the bit where it says so, or would; bit per target */
    uint8_t dd_layers[PLM_LINK_DD_TARGETS]; /**< the highest of each target: spatial << 4 | temporal */
    uint8_t restarts; /**< of its encoding, modulo 256: under another number come another stream and time */
    uint8_t pad[5];
};

struct plm_link_clock {
    uint8_t encoding;
    uint8_t temporal_layers; /**< 0: unknown */
    uint8_t shares[2];       /**< of bitrate_bps up to temporal layer 0, and up to 1, in 256ths; 0: unknown */
    uint32_t clock_rate;
    uint64_t ext_ts;
    int64_t us;
    uint32_t bitrate_bps;   /**< of video: what the publisher sends, 0: nothing */
    uint16_t width, height; /**< 0: unknown */
    uint8_t spatial_layers; /**< to choose from; 0 or 1: none */
    uint8_t spatial_shares[2]; /**< of bitrate_bps up to spatial layer 0, and up to 1, in 256ths; 0: unknown */
    uint8_t pad[5];
};

#define PLM_LINK_DEMAND_HOLDS_US 3000000

struct plm_link_demand {
    uint8_t encodings; /**< bit per encoding; sound has one, bit 0. Holds PLM_LINK_DEMAND_HOLDS_US: refreshed each second */
    uint8_t keyframes; /**< bit per encoding: a keyframe is wanted now */
    uint8_t audio;     /**< it is a track of sound */
    uint8_t pad;
};

struct plm_link_level {
    uint32_t participant;
    uint8_t source, level, pad[2];
};

#endif
