/*
 * The structs behind hub.h, session.h and whip.h, for the files of this folder. Who owns whom: README.md.
 */
#ifndef PLM_SIGNALING_STATE_H
#define PLM_SIGNALING_STATE_H

#include "hub.h"
#include "name_hash.h"
#include "recording_port.h"
#include "refusal.h"
#include "session.h"
#include "settings.h"
#include "whip.h"

#include <utlist.h>

#define PLM_NAME_SIZE   129 /* 128 octets and a NUL */
#define PLM_SECRET_SIZE 33  /* 128 random bits as hex */
#define PLM_MAX_TRACKS  PLM_SOURCE_COUNT

_Static_assert((int)PLM_MSG_source_COUNT == (int)PLM_SOURCE_COUNT, "the table names the sources of media");
_Static_assert((int)PLM_MSG_source_microphone == (int)PLM_SOURCE_MICROPHONE, "in the same order");
_Static_assert((int)PLM_MSG_source_camera == (int)PLM_SOURCE_CAMERA, "in the same order");
_Static_assert((int)PLM_MSG_source_screen == (int)PLM_SOURCE_SCREEN, "in the same order");
_Static_assert((int)PLM_MSG_source_screen_audio == (int)PLM_SOURCE_SCREEN_AUDIO, "in the same order");
_Static_assert(
    (int)PLM_MSG_slot_state_forwarding == (int)PLM_SLOT_FORWARDING, "the table names the states of slots");
_Static_assert((int)PLM_MSG_slot_state_COUNT == (int)PLM_SLOT_PAUSED + 1, "all of them");
_Static_assert((int)PLM_MSG_slot_reason_bandwidth == (int)PLM_SLOT_NO_BANDWIDTH, "and why they stand still");
_Static_assert((int)PLM_MSG_slot_reason_stopped == (int)PLM_SLOT_STOPPED, "in the same order");
_Static_assert((int)PLM_MSG_slot_reason_COUNT == (int)PLM_SLOT_NO_CODEC + 1, "all of it");

struct plm_room;
struct plm_member;
struct plm_resource;
struct plm_check;
struct plm_guesser;
struct plm_maker;
struct plm_ban;
struct plm_recording;
struct plm_quality;

/** A room record (records.h) in the hub's tables. */
struct plm_record {
    struct plm_hub *hub;
    struct plm_room_record value;
    struct plm_room *meeting;     /* that runs in it; NULL: none */
    uint64_t guessed, guessed_at; /* wrong guesses, as time that they take to be forgotten (guess.h) */
    bool listed;                  /* in hub->idle_records */
    struct plm_record *prev, *next;
    UT_hash_handle hh;      /* by key */
    UT_hash_handle hh_code; /* by code */
};

/** By what somebody is known again: what a kick revokes. Empty texts: not known so. */
struct plm_identity {
    char identity[PLM_NAME_SIZE]; /* of a token: who it is for */
    char token_id[65];
    char device[65];
    uint64_t expires_at; /* of the token */
};

/** Somebody at the door of a room: who they are and what they bring (admission.h). A plain value. */
struct plm_guest {
    char name[PLM_NAME_SIZE];
    char source[48];
    struct plm_identity who;
    bool trusted;           /* by a good token or the owner's key, which stand for the password */
    enum plm_msg_role role; /* of who is trusted */
    bool may_publish, may_subscribe, skip_lobby, may_record;
    bool watches;                     /* by WHEP: takes no place */
    plm_participant_id id;            /* of who waited; 0: a new one */
    char secret[PLM_SECRET_SIZE];     /* the same; empty: restored, and not resumed yet */
    char digest[PLM_KEY_DIGEST_SIZE]; /* of the secret of who waited; empty: a new one */
};

/** Somebody who waits to be let in. Owned by the room; has no place in it. */
struct plm_waiting {
    struct plm_room *room;
    struct plm_guest guest; /* with id and secret */
    enum plm_msg_wait_reason reason;
    uint64_t since;
    struct plm_session *session;               /* NULL: lost */
    uint32_t request;                          /* to be answered by joined */
    uint64_t grace_end;                        /* of one whose socket is lost */
    struct plm_waiting *prev, *next;           /* in the room, by time of coming */
    struct plm_waiting *lost_prev, *lost_next; /* in hub->lost_waiting, by grace_end */
    UT_hash_handle hh;                         /* by the secret's digest */
};

/** What those who may admit have not been told yet of the lobby (lobby.h). */
struct plm_lobby_news {
    bool due; /* in hub->with_lobby */
    uint64_t next_at;
};

enum plm_connection_kind {
    PLM_CONNECTION_PUBLISH = 0,
    PLM_CONNECTION_RECEIVE,
};

/** What a slot was last said to show. */
struct plm_slot_shown {
    enum plm_slot_state state;
    enum plm_slot_reason reason;
    plm_participant_id shows;
    enum plm_source source;
    uint16_t width, height;
    uint32_t first_ts;
    bool dirty; /* not told yet */
};

/** One media transport and the state of its SDP conversation. Owned by a member or a resource. */
struct plm_connection {
    struct plm_hub *hub;
    struct plm_member *member;     /* whose it is … */
    struct plm_resource *resource; /* … or whose */
    enum plm_connection_kind kind;
    plm_room_id room;
    plm_participant_id participant;
    plm_transport_id id; /* 0: no transport */
    struct plm_sdp_local local;
    uint64_t sdp_session;
    uint32_t sdp_version;
    char peer_ufrag[PLM_PEER_UFRAG_SIZE];
    struct plm_sdp_layout layout;         /* of our offer */
    struct plm_transport_params *params;  /* agreed, trimmed; NULL before the first agreement */
    struct plm_transport_params *pending; /* offered by us, not answered yet, trimmed */
    struct plm_slot_shown *slots;         /* of a receive connection, PLM_MAX_MEDIA of them */
    enum plm_codec video;                 /* of a publish connection: what it is to send (video_codec.h) */
    bool video_told;                      /* it was told to change to that */
    bool dirty;                           /* in hub->dirty */
    struct plm_connection *dirty_prev, *dirty_next;
    uint64_t ask_ms; /* when media is asked how it fares (quality.h); 0: not in hub->to_ask */
    struct plm_connection *ask_prev, *ask_next;
    UT_hash_handle hh; /* by id */
};

/** What somebody may send, beside the room's rule. */
enum plm_permit {
    PLM_PERMIT_BY_RULE = 0,
    PLM_PERMIT_YES,
    PLM_PERMIT_NO,
};

struct plm_track_state {
    enum plm_source source;
    bool muted;
};

struct plm_news_departure {
    plm_participant_id who;
    enum plm_msg_leave_reason why;
};

#define PLM_NEWS_MAX_REACTIONS 50

struct plm_news_reaction {
    plm_participant_id who;
    const char *kind; /* static */
};

/** What a room has not told yet (news.h); members that came or changed are marked themselves. */
struct plm_news {
    bool waiting; /* in hub->with_news */
    uint64_t next_at;
    uint64_t filled_at; /* credit was counted then */
    uint32_t credit;    /* messages that a small room may send at once, in thousandths */
    struct plm_news_departure *left;
    size_t n_left, max_left;
    struct plm_news_reaction reactions[PLM_NEWS_MAX_REACTIONS];
    size_t n_reactions;
};

/** What the journal of a running recording knows of somebody (recording_log.h). */
struct plm_recorded {
    enum plm_msg_role role;
    bool known, hand, consented;
    uint8_t active, muted; /* bits by source */
};

/** A participant: of a socket (session or waiting for one) or of a WHIP resource. Owned by its room. */
struct plm_member {
    struct plm_room *room;
    plm_participant_id id;
    char name[PLM_NAME_SIZE];
    enum plm_msg_role role;
    uint32_t hand;                             /* 0: down; ascends in the order of raising */
    enum plm_permit permits[PLM_SOURCE_COUNT]; /* a leader's word about this one */
    uint32_t place;                            /* breakout room they were sent or invited to; 0: none */
    bool unkept;                               /* in hub->journal.members */
    bool unlisted;                             /* a viewer who came to a large room: only counted */
    bool is_moved;                             /* not told of their new room yet */
    bool has_published;
    bool stays_muted[PLM_SOURCE_COUNT]; /* was so before a restart: until they have published again */
    uint8_t may_send;                   /* bits by source, as the others were last told (moderation.h) */
    struct plm_identity who;
    bool may_subscribe;
    bool may_record; /* by their token, whatever the role */
    struct plm_recorded recorded;
    bool announced;          /* the others know, or will at the end of the turn */
    bool is_new, is_changed; /* not told yet (news.h) */
    uint64_t joined_at;
    struct plm_track_state tracks[PLM_MAX_TRACKS];
    size_t n_tracks;
    struct plm_connection *publish, *receive;
    struct plm_view view;
    bool has_view;
    struct plm_session *session;     /* NULL: detached, or WHIP */
    struct plm_resource *resource;   /* WHIP */
    uint64_t grace_end;              /* of a detached one */
    bool leaves_softly;              /* detached: its page went away, and may be back at once */
    bool lost_publish, lost_receive; /* to be told on resume */
    bool has_demand[PLM_SOURCE_COUNT];
    uint8_t demand[PLM_SOURCE_COUNT];
    char secret[PLM_SECRET_SIZE];                     /* empty: it was restored and has not resumed yet */
    char digest[PLM_KEY_DIGEST_SIZE];                 /* of the secret; empty: WHIP */
    struct plm_member *prev, *next;                   /* in the room, by time of joining */
    struct plm_member *detached_prev, *detached_next; /* in hub->detached, by grace_end */
    struct plm_member *journal_prev, *journal_next;
    UT_hash_handle hh;    /* by digest */
    UT_hash_handle hh_id; /* in the main room's people, by id */
};

/** One chat message; owned by the room. */
struct plm_chat_entry {
    struct plm_chat_entry *prev, *next;
    uint32_t number;
    plm_participant_id from;
    uint64_t at;
    size_t size;           /* octets of text and name */
    plm_participant_id to; /* 0: everybody */
    bool announcement;     /* to all rooms of the meeting */
    char name[PLM_NAME_SIZE];
    char text[];
};

/** The breakout rooms of a meeting: part of its main room (breakout.h). */
struct plm_breakouts {
    bool open, may_choose;
    struct plm_room *rooms; /* by number */
    uint32_t n_rooms;
    uint64_t end_at;  /* when all come back, by the host's monotonic clock; 0: no limit */
    bool listed;      /* in hub->with_breakouts: open, or something is to be told */
    bool changed;     /* not told yet */
    uint64_t next_at; /* not to be told before */
};

/** When publishers may be told to send another codec (video_codec.h): part of a main room. */
struct plm_codecs {
    bool due; /* in hub->with_codecs */
    uint64_t next_at;
};

/** A meeting's room: a main room, or a breakout room, which is owned by its parent. */
struct plm_room {
    struct plm_hub *hub;
    char key
        [PLM_NAME_SIZE]; /* the name in lower case (ASCII); empty: a breakout room, which nobody enters by name */
    char name[PLM_NAME_SIZE];
    plm_room_id media;
    struct plm_room *parent;           /* of a breakout room */
    uint32_t number;                   /* of a breakout room, from 1 */
    struct plm_breakouts breakouts;    /* of a main room */
    struct plm_member *people;         /* of a main room: everybody of the meeting, by id */
    struct plm_room_settings settings; /* of a main room: they are for all */
    uint32_t last_hand;                /* of a main room */
    struct plm_member *members;
    uint32_t n_members, n_unlisted;
    struct plm_resource *receivers; /* WHEP */
    uint32_t n_receivers;
    plm_participant_id last_id;
    struct plm_chat_entry *chat;
    size_t n_chat, chat_size;
    uint32_t last_chat;
    uint32_t speakers[PLM_MAX_SPEAKERS];
    size_t n_speakers;
    struct plm_record *record;       /* of a main room */
    struct plm_recording *recording; /* of a main room: the one that runs; NULL: none */
    bool auto_recorded;              /* the recording that begins with the meeting did begin */
    bool started;                    /* always, but for an organised meeting before its start */
    uint64_t started_at;             /* ms since 1970 */
    uint64_t end_at;                 /* by the host's monotonic clock; 0: no limit */
    bool end_told;                   /* that it is near */
    struct plm_waiting *waiting;
    uint32_t n_waiting;
    struct plm_lobby_news lobby;
    struct plm_room *lobby_prev, *lobby_next; /* in hub->with_lobby */
    struct plm_codecs codecs;
    struct plm_room *codecs_prev, *codecs_next; /* in hub->with_codecs */
    struct plm_news news;
    struct plm_room *news_prev, *news_next; /* in hub->with_news */
    uint64_t opened_at;                     /* ms since 1970 */
    bool unkept;                            /* in hub->journal.rooms */
    struct plm_room *journal_prev, *journal_next;
    struct plm_quality *quality;            /* of a main room (quality.h); NULL: nothing yet */
    bool lingers, forgotten; /* nobody came back: who watches or waits is all that is left */
    uint64_t linger_end;
    struct plm_room *linger_prev, *linger_next;       /* in hub->lingering, by linger_end */
    struct plm_room *sibling_prev, *sibling_next;     /* in parent->breakouts.rooms */
    struct plm_room *breakouts_prev, *breakouts_next; /* in hub->with_breakouts */
    UT_hash_handle hh;                                /* by key */
    UT_hash_handle hh_media;                          /* by media */
};

/** A recording that is known: one that runs, or one of the past (recordings.h). Owned by the hub. */
struct plm_recording {
    struct plm_hub *hub;
    char id[PLM_RECORDING_ID_SIZE];
    char key[PLM_NAME_SIZE], name[PLM_NAME_SIZE]; /* of the room's record */
    uint64_t room_made_at; /* of that record: a later room of this name is another one; 0: not known */
    enum plm_recording_state state;
    enum plm_recording_reason reason;
    uint64_t started_ms, bytes;
    int64_t duration_us;
    uint32_t files, limit_s;
    struct plm_room *room;       /* main room of the meeting that is told of it; NULL: that is over */
    plm_participant_id by;       /* who began or ended it; 0: nobody in the meeting */
    char starter[PLM_NAME_SIZE]; /* who began it, or led then: the identity of their token; empty: none */
    char starter_device[PLM_KEY_DIGEST_SIZE]; /* the digest of their device; empty: none */
    bool of_meeting;      /* whoever leads its meeting sees it, also in a room that is nobody's */
    bool told_started;    /* by a webhook */
    uint64_t deleted_at;  /* ms since 1970; 0: it is there. Else kept until the recorder knows */
    uint32_t epoch;       /* ascends when what was granted for it shall be void */
    uint64_t answer_by;   /* STARTING: by the host's monotonic clock */
    uint64_t stop_at;     /* by it, while it runs */
    bool end_told;        /* that this is near */
    bool speakers_due;    /* for its journal */
    uint64_t speakers_at; /* not before */
    struct plm_recording *prev, *next; /* in hub->running */
    UT_hash_handle hh;                 /* by id */
};

struct plm_resource {
    struct plm_hub *hub;
    struct plm_room *room;
    enum plm_resource_kind kind;
    char id[PLM_RESOURCE_ID_SIZE];
    char etag[40];
    struct plm_identity who;
    bool trusted;                      /* came by a good token */
    struct plm_member *member;         /* WHIP */
    struct plm_connection *connection; /* WHEP; that of a WHIP one is its member's */
    size_t n_names;
    char (*names)[PLM_NAME_SIZE];     /* WHEP: whom its slots are pinned to */
    plm_participant_id *pinned;       /* who that is now, or a reserved id */
    struct plm_resource *prev, *next; /* in room->receivers */
    UT_hash_handle hh;                /* by id */
};

enum plm_session_state {
    PLM_SESSION_OPEN = 0, /* nobody yet */
    PLM_SESSION_CHECKING, /* a password is under way */
    PLM_SESSION_WAITING,  /* in the lobby, or for the start */
    PLM_SESSION_JOINED,
    PLM_SESSION_CLOSED,
    PLM_SESSION_STATE_COUNT
};

/** A bucket of thousandths of messages: fills with time, each message takes 1000. */
struct plm_rate {
    int64_t level;
    uint64_t filled_at;
};

struct plm_session {
    struct plm_hub *hub;
    struct plm_session_out out;
    enum plm_session_state state;
    struct plm_member *member;   /* JOINED */
    struct plm_waiting *waiting; /* WAITING */
    struct plm_check *check;     /* CHECKING, or JOINED while a new password is made */
    struct plm_rate messages, chats, sdps, reports;
    struct plm_session *prev, *next;
};

struct plm_kept;

/** What is not put into the store yet, and what it gave at the start (journal.h). */
struct plm_journal {
    struct plm_room *rooms;
    struct plm_member *members;
    uint64_t due_at;
    struct plm_kept *kept[PLM_STORE_KIND_COUNT];
};

struct plm_hub {
    struct plm_hub_config config;
    struct plm_hub_host host;
    struct plm_media_port media;
    struct plm_store_port store;        /* put NULL: nothing is kept */
    struct plm_recording_port recorder; /* start NULL: nothing is recorded here */
    struct plm_recording *recordings;   /* by id */
    struct plm_recording *running;      /* of them: starting, on or paused */
    struct plm_journal journal;
    struct plm_room *rooms; /* by key */
    struct plm_room *rooms_by_media;
    struct plm_member *members;         /* those of sockets, by their secret's digest */
    struct plm_connection *connections; /* by transport */
    struct plm_resource *resources;     /* by id */
    struct plm_session *sessions;
    struct plm_member *detached;
    struct plm_room *lingering;
    struct plm_connection *dirty;
    struct plm_room *with_news;
    struct plm_room *with_breakouts;
    struct plm_room *with_codecs;
    uint32_t n_breakouts;       /* of gauges.rooms */
    struct plm_record *records; /* by key */
    struct plm_record *records_by_code;
    struct plm_record *idle_records;
    struct plm_waiting *waiting; /* by their secret's digest */
    struct plm_waiting *lost_waiting;
    struct plm_room *with_lobby;
    struct plm_check *checks;        /* passwords under way */
    struct plm_check *queued_checks; /* that wait to be, in the order of coming */
    uint64_t last_job;
    struct plm_ban *bans, *revoked; /* bans.h */
    struct plm_maker *makers;       /* by source, in the order of making */
    uint32_t n_makers;
    struct plm_guesser *guessers; /* by source */
    struct plm_guesser *guessers_by_age;
    uint32_t n_guessers;
    struct plm_connection *to_ask; /* by ask_ms (quality.h) */
    uint64_t gather_ms;            /* not to be asked before */
    struct plm_quality *undecided; /* whose freezes have no cause yet */
    bool closing, restoring;
    struct plm_hub_gauges gauges;
    struct plm_hub_counters counters;
};

/** Refuse with "full" because a cap is reached, and count it. @return PLM_EINVAL */
int plm_hub_refuse_full(
    struct plm_hub *hub, struct plm_refusal *why, enum plm_hub_limit limit, const char *message);
/** End of a turn: tell what is due. Every entry from outside ends with it. */
void plm_hub_settle(struct plm_hub *hub);
/** size - 1 random hexadecimal digits and a NUL. */
void plm_hub_random_hex(struct plm_hub *hub, char *out, size_t size);
__attribute__((format(printf, 3, 4))) void plm_hub_log(
    struct plm_hub *hub, const struct plm_room *room, const char *format, ...);

#endif
