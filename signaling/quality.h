/*
 * How everybody's pictures fared: what media tells of each second, what clients report, and the cause of each freeze from both. Kept in
 * bounded rings, for as long as the meeting lasts. For the files of this folder, but for the values.
 */
#ifndef PLM_SIGNALING_QUALITY_H
#define PLM_SIGNALING_QUALITY_H

#include "name_hash.h"
#include "plenum/media.h"
#include "proto.h"
#include "refusal.h"

#define PLM_QUALITY_SECONDS      60   /* kept of all that somebody receives, and sends; what a reply holds */
#define PLM_QUALITY_SLOT_SECONDS 30   /* kept of each slot */
#define PLM_QUALITY_REPORTS      12   /* of a client, kept of each slot */
#define PLM_QUALITY_FREEZES      32   /* kept of each receiver */
#define PLM_QUALITY_PEOPLE       1500 /* of a meeting, those who left among them */

/** A ring's place. */
struct plm_quality_ring {
    uint8_t n, next;
};
/** Where the i-th of a ring lies, oldest first. */
unsigned plm_quality_nth(const struct plm_quality_ring *r, unsigned size, unsigned i);

/** A second of all pictures that somebody received, or sent. */
struct plm_quality_second {
    uint64_t end_us; /* monotonic */
    uint32_t octets;
    uint16_t packets, lost;        /* at most so many */
    uint32_t estimate_bps, rtt_us; /* 0: not known */
};
struct plm_quality_line {
    struct plm_quality_ring ring;
    struct plm_quality_second seconds[PLM_QUALITY_SECONDS];
};

/** What a client said of a slot. */
struct plm_quality_report {
    uint64_t at_ms; /* monotonic */
    plm_participant_id shows;
    enum plm_source source;
    uint32_t ms, frames, dropped, decode_us, freezes, frozen_ms, concealed, jitter_ms;
};

/** A slot that showed something. */
struct plm_quality_slot {
    struct plm_quality_slot *next;
    uint16_t media;
    struct plm_quality_ring seconds_at, reports_at;
    struct plm_slot_second *seconds;    /* PLM_QUALITY_SLOT_SECONDS of them; NULL: of sound */
    struct plm_quality_report *reports; /* PLM_QUALITY_REPORTS of them; NULL: no client reported */
};

/** The last seconds of one source that somebody sends, by encoding. */
struct plm_quality_sent {
    uint8_t n[PLM_MAX_ENCODINGS];
    struct plm_encoding_second seconds[PLM_MAX_ENCODINGS][PLM_STATS_SECONDS];
};

struct plm_quality_freeze {
    uint64_t begin_us, end_us; /* monotonic, as far as it is known */
    uint32_t ms;
    uint16_t media;
    plm_participant_id shows;
    enum plm_source source;
    enum plm_msg_freeze_cause cause; /* unknown until it is decided */
    uint64_t due_ms;                 /* to be decided; 0: it was */
    bool asked;                      /* what media knows of it was asked for */
    struct plm_quality_report report;
};

struct plm_quality_person {
    plm_participant_id id;
    char name[129];
    uint64_t left_ms;                         /* monotonic; 0: is there */
    struct plm_quality_line *received, *sent; /* NULL: nothing yet */
    struct plm_quality_slot *slots;           /* in no order; gone when they left */
    struct plm_quality_sent *sources[PLM_SOURCE_COUNT];
    struct plm_quality_ring freezes_at;
    struct plm_quality_freeze *freezes; /* PLM_QUALITY_FREEZES of them; NULL: there was none */
    uint32_t n_freezes[PLM_MSG_freeze_cause_COUNT], frozen_ms[PLM_MSG_freeze_cause_COUNT];
    uint64_t logged_ms; /* a freeze of theirs was written into the log; 0: never */
    bool undecided;     /* in the meeting's list: has freezes that are not decided */
    struct plm_quality *meeting;
    struct plm_quality_person *prev, *next;
    UT_hash_handle hh;
};

struct plm_room;
struct plm_member;
struct plm_session;
struct plm_connection;
struct plm_hub;

/** A transport is there, or gone: is it to be asked? */
void plm_quality_connect(struct plm_connection *c);
void plm_quality_disconnect(struct plm_connection *c);
/** Somebody is gone: what they had is shortened. */
void plm_quality_on_left(struct plm_room *room, plm_participant_id who);
/** The meeting is over. */
void plm_quality_clear(struct plm_room *room);
/** Ask media for what is due, decide causes. @return when to call again (monotonic ms) */
uint64_t plm_quality_poll(struct plm_hub *hub, uint64_t now);
/** NULL: nothing is known. @param room any of the meeting's */
const struct plm_quality_person *plm_quality_find(struct plm_room *room, plm_participant_id who);

/** A slot of somebody's. NULL: nothing is known of it. @param media index of its m-line */
const struct plm_quality_slot *plm_quality_find_slot(const struct plm_quality_person *p, uint16_t media);

/* Answers to the requests of their names. @return 0, or negative with why */
int plm_quality_report(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_quality_ask(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);

#endif
