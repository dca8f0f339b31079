/*
 * A track as one shard sees it: published by a transport here, or known through a link. It owns the packets' ring; slots only borrow.
 */
#ifndef PLM_TRACK_H
#define PLM_TRACK_H

#include "base/link_frame.h"
#include "base/ntp_map.h"
#include "base/prefetch.h"
#include "base/timer.h"
#include "command.h"
#include "pkt.h"
#include "plenum/worker.h"
#include "key_group.h"
#include "layer_rate.h"
#include "nack_gen.h"
#include "rx_stats.h"
#include "second_log.h"
#include "speaker.h"
#include "track_demand.h"

struct plm_slot;
struct plm_shard;
struct plm_transport;
struct plm_worker;

#define PLM_KEYFRAME_INTERVAL_US 500000 /* at most one request per encoding in this time, whatever receivers ask */

#define PLM_SPATIAL_LAYERS 3 /* that are told apart; an encoding with more is forwarded whole */

struct plm_encoding {
    uint32_t ssrc, rtx_ssrc; /**< 0: not bound yet */
    uint8_t codec_index;     /**< last seen */
    bool seen;
    struct plm_rx_stats stats;
    struct plm_nack_gen *nack;   /**< NULL: not agreed, or not open yet */
    struct plm_pkt_ring ring;    /**< of size 0 until the encoding is open */
    struct plm_ntp_map clock;
    struct plm_dd_states *dd;    /**< NULL: no dependency descriptor seen */
    uint64_t last_ext_ts, newest_seq;
    uint16_t width, height;
    uint64_t keyframes, plis, nacks;
    uint64_t asked_us;           /**< keyframe asked last */
    uint8_t in_vain;             /**< of the requests up to that one, those that nothing came after */
    uint64_t unseen_us;          /**< nobody shows what was captured before that; 0: somebody does */
    bool key_wanted;             /**< asked again when the interval is over */
    uint32_t frames, fps;        /**< frames of this second, of the last */
    uint8_t restarts;            /**< became another stream, or of another time, so often, modulo 256; of a remote track, as its packets say */
    uint64_t changed_us;         /**< when it became another stream last, or came in another codec; 0: never */
    uint64_t frame_us;           /**< the last one began to come */
    uint32_t gap_us, step_us;    /**< of this second: longest time between two frames, as they came and as their timestamps say */
    uint32_t told_bps;           /**< of a remote track: what its home measured last, and when that came */
    uint64_t told_us;
    struct plm_layer_rate rate;
    struct plm_encoding_log log;
    uint8_t spatial_layers;      /**< of the present key picture, to choose from; 0 or 1: none */
    struct plm_layer_rate up_to[PLM_SPATIAL_LAYERS]; /**< each spatial layer with those below it */
    struct plm_key_group group;  /**< what its ring holds since the last key frame */
    uint8_t behind;              /**< frames of lower encodings since its last packet */
    uint8_t layers, temporal_layers; /**< temporal layers seen in this second; in the last one of enough frames, 0: unknown yet */
    uint8_t again;               /**< packets since it ended */
};

struct plm_track {
    struct plm_worker *worker;
    struct plm_shard *shard;         /**< NULL while not in a room */
    struct plm_transport *transport; /**< NULL: known through a link */
    uint64_t key;                    /**< never reused in this worker */
    plm_participant_id participant;
    enum plm_source source;
    enum plm_kind kind;
    uint8_t peer_worker;             /**< where a remote track comes from */
    uint32_t peer_instance;
    uint16_t media;                  /**< index of its m-line, when ours */
    bool muted, active;
    bool stopped;                    /**< nothing has come of any encoding for a while, though it is not muted */
    uint8_t silent;                  /**< whole seconds of that */
    uint8_t n_codecs, n_encodings;
    struct plm_codec_params codecs[PLM_MAX_CODECS]; /**< as the publisher numbers them */
    enum plm_codec codec;            /**< last seen */
    struct plm_encoding encodings[PLM_MAX_ENCODINGS];
    struct plm_audio_level level;
    uint64_t unheard_us;             /**< nothing from before is to be heard late: it was elsewhere, muted, or heard already */
    uint64_t chosen_us;              /**< of a microphone: when its participant became one of the shard's speakers, 0: is none */
    uint32_t chosen_turn;            /**< of the worker: in which that was */
    struct plm_slot **slots;         /**< that show it or are going to */
    uint32_t n_slots, max_slots;
    uint8_t demanded;                /**< bit per encoding: somebody needs it; of a remote track, as told to its home */
    uint8_t told;                    /**< bit per encoding: needed, for all that the application knows; at first all */
    uint64_t left_us[PLM_MAX_ENCODINGS]; /**< when an encoding that is told, but not demanded, was last needed */
    uint64_t demand_sent_us;
    struct plm_track *next_changed;
    struct plm_track **changed_at;   /**< in the worker's list: what is needed of it changed in this turn; NULL: it did not */
    struct plm_track_demand links[PLM_MAX_LINKS]; /**< by worker; PLM_LINK_FEED: what the reader of our feed asked for */
    struct plm_timer key_timer;
};

/** A track of m-line `media` of a transport's params. @return NULL: no memory */
struct plm_track *plm_track_create(struct plm_worker *w, struct plm_transport *t, uint16_t media);
/** A track that a link announced. */
struct plm_track *plm_track_create_remote(struct plm_worker *w, plm_participant_id participant, enum plm_source source,
    const struct plm_link_track *info);
/** A packet of encoding e will come soon: fetch what that looks at, */
static inline void plm_track_prefetch(const struct plm_track *tr, uint8_t e)
{
    plm_prefetch(tr, offsetof(struct plm_track, encodings));
    __builtin_prefetch(&tr->slots);
    plm_prefetch(&tr->encodings[e], sizeof tr->encodings[e]);
}
/** next its list of slots, */
static inline void plm_track_prefetch_list(const struct plm_track *tr)
{
    __builtin_prefetch(tr->slots);
}
/** and then the first of them; forwarding fetches those after. */
void plm_track_prefetch_slots(const struct plm_track *tr);
/** Before the first packet of an encoding: most that are announced are never sent. Nothing happens to an open one. @return 0, PLM_ENOMEM */
int plm_track_open_encoding(struct plm_track *tr, uint8_t e);
/**
 * The first packet of sound that somebody who hears it from now on gets: speakers are chosen a moment after their first syllable, and what came
 * since up to 300 ms before is kept; nothing of the time before it came to its shard, when it was muted, or was a speaker already.
 * @return NULL: it goes on with what comes next
 */
struct plm_pkt *plm_track_preroll(const struct plm_track *tr);
/** It must have left its shard. */
void plm_track_destroy(struct plm_track *tr);
/**
 * A further description of its m-line: codecs that are new are added, those that it has stay as they are, for what comes next may be in any of
 * them. @return false: a payload type means something else now, or there is no room; nothing changed, and it cannot go on as this track
 */
bool plm_track_take_codecs(struct plm_track *tr, const struct plm_media_params *m);
/** Take announced codecs, mute; what changed is said to nobody. */
void plm_track_update_remote(struct plm_track *tr, const struct plm_link_track *info);

/**
 * An authenticated RTP packet of encoding `e`, RTX undone: statistics, ring, forwarding. pkt holds len octets of RTP and is the caller's.
 */
void plm_track_on_rtp(struct plm_track *tr, uint8_t e, struct plm_pkt *pkt, const struct plm_rtp_view *v, const struct plm_rtp_exts *x);
/** A packet that came over a link, fields filled. */
void plm_track_on_link(struct plm_track *tr, struct plm_pkt *pkt);
void plm_track_on_sender_report(struct plm_track *tr, uint8_t e, uint64_t ntp, uint32_t rtp_ts);

/** Ask the publisher for a keyframe, throttled and merged; of a muted track none is wanted, and its slots ask when it is unmuted. */
void plm_track_want_keyframe(struct plm_track *tr, uint8_t e);
void plm_track_set_muted(struct plm_track *tr, bool muted);
/** What comes next of those encodings (bit per encoding) does not follow what came: no receiver begins with that. */
void plm_track_end_groups(struct plm_track *tr, uint8_t encodings);
/**
 * What the publisher sends of an encoding, bit/s, whether it comes to this shard or not; 0: nothing. One of which nothing comes while lower ones
 * go on has ended, before a second without it is over.
 */
uint32_t plm_track_bitrate(const struct plm_track *tr, uint8_t e);
/** Packets of an encoding that did not come by themselves so far. */
uint64_t plm_track_lost(const struct plm_encoding *enc);
/** Of a track that is published here: how long its newest packet waited on its way, beyond the shortest: in front of a line that is full, us. */
uint32_t plm_track_wait_us(const struct plm_encoding *enc);
/** An encoding as the allocator sees it. */
void plm_track_describe_layer(const struct plm_track *tr, uint8_t e, struct plm_alloc_layer *out);
/** How many spatial layers of its one encoding a receiver may be given part of; 0: there is nothing to choose. */
unsigned plm_track_spatial_layers(const struct plm_track *tr);
/** The same of a spatial layer and those below it. Sizes by halves, as in every scalability mode without "h" in its name. */
void plm_track_describe_spatial(const struct plm_track *tr, uint8_t sid, struct plm_alloc_layer *out);
/** Each second: frame rates, demand refresh. */
void plm_track_tick(struct plm_track *tr);

static inline struct plm_codec_params *plm_track_codec(struct plm_track *tr, uint8_t index)
{
    return &tr->codecs[index < tr->n_codecs ? index : 0];
}

#endif
