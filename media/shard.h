/*
 * The part of a room that lives on one worker: its tracks, its receivers, its links to the other shards of the room.
 */
#ifndef PLM_SHARD_H
#define PLM_SHARD_H

#include "base/timer.h"
#include "base/u32_map.h"
#include "base/link_frame.h"
#include "command.h"
#include "pkt.h"
#include "speaker.h"

struct plm_track;
struct plm_transport;
struct plm_worker;

#define PLM_LEVEL_INTERVAL_US 50000

struct plm_shard {
    struct plm_worker *worker;
    plm_room_id room;
    uint32_t instance;
    struct plm_room_config config;
    uint8_t home;                     /**< worker of the home shard; this one until told otherwise */
    uint8_t n_peers;
    bool fed;                         /**< the room is one of those that are fed */
    bool feeding;                     /**< and this worker's feed has a reader: one more link, without levels and speakers */
    struct plm_shard_peer peers[PLM_MAX_WORKERS]; /**< the others */
    struct plm_track **tracks;
    uint32_t n_tracks, max_tracks;
    struct plm_transport *transports; /**< list: next_in_shard */
    uint32_t n_transports;
    uint8_t n_speakers;
    plm_participant_id speakers[PLM_MAX_SPEAKERS];
    uint8_t speaker_levels[PLM_MAX_SPEAKERS];
    struct plm_speakers *decider;     /**< at home only */
    uint8_t n_told;                   /**< whom the application was told of: the speakers without who is muted */
    plm_participant_id told[PLM_MAX_SPEAKERS];
    struct plm_timer level_timer, second_timer;
    bool dirty;
    struct plm_shard *next_dirty;
};

/** Find or create. @return NULL: no memory */
struct plm_shard *plm_shard_get(struct plm_worker *w, plm_room_id room, const struct plm_room_config *config);
void plm_shard_attach(struct plm_shard *s, struct plm_transport *t);
/** The last transport's leaving ends the shard. */
void plm_shard_detach(struct plm_shard *s, struct plm_transport *t);
int plm_shard_add_track(struct plm_shard *s, struct plm_track *tr);
void plm_shard_remove_track(struct plm_shard *s, struct plm_track *tr);
struct plm_track *plm_shard_find_track(const struct plm_shard *s, plm_participant_id who, enum plm_source source);
bool plm_shard_is_speaker(const struct plm_shard *s, plm_participant_id who);
/** What receivers see is decided anew at the end of the turn. */
void plm_shard_set_dirty(struct plm_shard *s);
void plm_shard_set_peers(struct plm_shard *s, const struct plm_command *cmd);
/** A frame from a shard of the same room. */
void plm_shard_on_link(struct plm_shard *s, unsigned from, const void *header, const uint8_t *body, size_t size);
/** Take the application's event about this room. */
void plm_shard_event(struct plm_shard *s, struct plm_event *ev);
void plm_shard_destroy(struct plm_shard *s);
/** The worker has another feed, or none: of the former one nothing is left, to the new one all tracks are announced. */
void plm_shard_on_feed(struct plm_shard *s);
/** The reader of the feed asks for something. */
void plm_shard_on_feed_demand(struct plm_shard *s, const struct plm_link_header *h, const struct plm_link_demand *d);

/* link.c: frames to and from the other shards, and to the reader of the feed (worker: PLM_LINK_FEED) */
void plm_shard_on_packet_frame(struct plm_shard *s, const struct plm_link_header *h, const uint8_t *body, size_t size);
void plm_shard_announce(struct plm_shard *s, const struct plm_track *tr, int only_worker);
void plm_shard_announce_gone(struct plm_shard *s, const struct plm_track *tr, int only_worker);
void plm_shard_send_demand(struct plm_shard *s, const struct plm_track *tr, uint8_t encodings, uint8_t keyframes);
void plm_shard_send_levels(struct plm_shard *s, unsigned worker, const struct plm_link_level *v, size_t n, bool speakers);
void plm_shard_send_clock(struct plm_shard *s, const struct plm_track *tr, uint8_t e, int only_worker);
/** @return false: the ring, or the feed, had no room */
bool plm_shard_send_packet(struct plm_shard *s, const struct plm_track *tr, unsigned worker, const struct plm_pkt *pkt);

#endif
