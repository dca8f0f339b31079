/*
 * Who needs a track: slots that show it, its shards on other workers, the reader of our feed. What is needed goes to its home or to the
 * application; packets go to links as far as they asked for them.
 */
#ifndef PLM_TRACK_DEMAND_H
#define PLM_TRACK_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

struct plm_pkt;
struct plm_slot;
struct plm_track;
struct plm_worker;

/** What a shard on another worker, or the reader of our feed, needs of a track of ours: bit per encoding. */
struct plm_track_demand {
    uint8_t encodings;
    uint8_t starved; /**< the link had no room for a packet, nothing more goes before the next keyframe */
    uint8_t left;    /**< needed until just now; what comes late of it may have a number reserved there */
    uint64_t expires_us, left_us; /**< end of the demand; when `left` was set */
};

/** s shows it from now on, or is going to; a slot is listed once. @return 0, PLM_ENOMEM */
int plm_track_add_slot(struct plm_track *tr, struct plm_slot *s);
/** Of a slot that is listed. The last of the list takes its place. */
void plm_track_remove_slot(struct plm_track *tr, struct plm_slot *s);
/**
 * Slots or links changed what they need: tell the home of the track, or the application. What is needed is told at once, what nobody needs any
 * more after 2 to 3 s, which is also when a new track hears that nobody wants it.
 */
void plm_track_update_demand(struct plm_track *tr);
/** The same at the end of the turn: all who show a track change their mind in one, and each look at what is needed asks all of them. */
void plm_track_note_demand(struct plm_track *tr);
/** That end. */
void plm_track_settle_demands(struct plm_worker *w);
/** Before it goes: what was noted of it is not settled any more. */
void plm_track_forget_demand(struct plm_track *tr);
/** Each second: demands of links end by themselves, and that of a remote track is told to its home again. */
void plm_track_refresh_demand(struct plm_track *tr);

/** A packet of a track of ours, in a room and not muted: it goes to the links that asked for its encoding. Once per packet. */
void plm_track_send_to_links(struct plm_track *tr, struct plm_pkt *pkt);
/** A shard on another worker has just asked for sound: what plm_track_preroll says goes first. */
void plm_track_send_preroll(struct plm_track *tr, unsigned worker);

#endif
