/*
 * The hub: every room, session and WHIP/WHEP resource of one process. A state machine without I/O: in come messages
 * (session.h), requests (whip.h), media events and time; out go texts to sessions and calls to the media port.
 *
 * One thread. Nothing here blocks. The host's functions and the sessions' outputs must not call back into the hub before
 * they return.
 */
#ifndef PLM_SIGNALING_HUB_H
#define PLM_SIGNALING_HUB_H

#include "grants.h"
#include "media_port.h"
#include "proto.h"
#include "recording_port.h"
#include "store_port.h"

struct plm_hub;
struct plm_hub_event; /* api.h */

/** Zero means the default, given in brackets. */
struct plm_hub_config {
    uint32_t grace_ms;              /**< how long a session without a socket may be resumed [30000] */
    uint32_t linger_ms; /**< how long an empty room is kept, with its chat [60000] */
    uint32_t max_rooms;             /**< breakout rooms count, and may be half of them [1000] */
    uint32_t max_sessions;          /**< sockets, joined or not [5000] */
    uint32_t max_resources;         /**< WHIP and WHEP [1000] */
    uint32_t max_participants;      /**< of a room [500], at most 1000 */
    uint32_t max_viewers;           /**< WHEP receivers of a room [500] */
    uint32_t max_waiting;           /**< who wait to be let into a room [500] */
    uint32_t max_records;           /**< rooms known, running or not [10000] */
    uint32_t max_recordings;        /**< known, of a room [200] */
    uint32_t recording_limit_s;     /**< a recording ends after so long [PLM_RECORDING_LIMIT_S] */
    uint32_t recording_token_s;     /**< a token for one recording is good so long [600], at most 3600 */
    uint32_t forget_days;           /**< a room that nobody owns is forgotten when unused for so long [30] */
    uint32_t make_rate, make_burst; /**< new rooms of one source per minute, and at once [30, 60] */
    bool lobby;                     /**< new rooms have a lobby */
    uint32_t chat_messages;         /**< kept per room [200], at most 200 */
    uint32_t msg_rate, msg_burst;   /**< messages per second of a session, and at once [20, 60] */
    uint32_t chat_rate, chat_burst; /**< of them chat [3, 8] */
    uint32_t sdp_rate, sdp_burst;   /**< of them publish, receive and answer [2, 10] */
    uint32_t report_rate, report_burst; /**< of them report and quality [2, 10] */
    enum plm_codec
        codecs[PLM_CODEC_COUNT]; /**< of rooms, best first, PLM_CODEC_NONE ends [Opus, VP9, VP8, H264, AV1] */
    struct plm_room_config media; /**< of every room */
};

#define PLM_HUB_MAX_ICE_SERVERS  8
#define PLM_RECORDING_TOKEN_SIZE 129 /**< octets of a token for one recording, with the NUL */

/** What the hub asks of the program around it. */
struct plm_hub_host {
    void *ctx;
    uint64_t (*now_ms)(void *ctx);                    /**< monotonic */
    uint64_t (*wall_ms)(void *ctx);                   /**< since 1970, UTC */
    void (*random)(void *ctx, void *out, size_t len); /**< fit for secrets */
    /** STUN and TURN servers for a client that joins; strings stay valid until the next call. May be NULL. @return how many */
    size_t (*ice_servers)(void *ctx, struct plm_msg_ice_server out[PLM_HUB_MAX_ICE_SERVERS]);
    /**
     * Is this token good now, and what does it grant? Synchronous: a signature, no I/O. May be NULL: no token is.
     * @param room name of the room it is to be used for
     * @return 0; PLM_ESTATE: signed as it should be, but its time is over; PLM_EINVAL. Which is not told to the peer
     */
    int (*check_token)(void *ctx, const char *token, const char *room, struct plm_grants *out);
    /**
     * Hash a password, or compare one with a hash, away from this thread; the result comes by plm_hub_on_password. May be NULL:
     * passwords cannot be set. @param hash NULL: make one @return 0; PLM_ELIMIT when too many wait already
     */
    int (*password)(void *ctx, uint64_t job, const char *password, const char *hash);
    /**
     * What opens a recording and its files to whoever shows it, until expires_ms (UTC). May be NULL: nothing does.
     * @param epoch one that was made for another epoch of this recording is void
     */
    void (*recording_token)(
        void *ctx, const char *id, uint32_t epoch, uint64_t expires_ms, char out[PLM_RECORDING_TOKEN_SIZE]);
    /** Something for webhooks. May be NULL. */
    void (*on_event)(void *ctx, const struct plm_hub_event *ev);
    /** One line for the log; text holds no control character. May be NULL. */
    void (*log)(void *ctx, const char *room, const char *text);
};

/** @param config copied; NULL for defaults @param host,media copied, their ctx borrowed @return 0, PLM_ENOMEM */
int plm_hub_create(struct plm_hub **out, const struct plm_hub_config *config, const struct plm_hub_host *host,
    const struct plm_media_port *media);
/** End every meeting: sessions are told (ended, closed) and their sockets closed, transports close, resources vanish. */
void plm_hub_close(struct plm_hub *hub);
/**
 * The program goes down and will be back: sockets are closed so that clients resume (PLM_SESSION_CLOSE_AWAY), and what the store shall
 * know is put. Meetings stand until plm_hub_destroy, and again with the next start.
 */
void plm_hub_suspend(struct plm_hub *hub);
/** Free everything that is left, silently; sessions still open are gone with it. NULL is fine. */
void plm_hub_destroy(struct plm_hub *hub);

/**
 * Do what is due by now: sessions whose grace is over leave, rooms that lingered close.
 * @return when to call again at the latest (host's monotonic ms), UINT64_MAX: nothing is waiting
 */
uint64_t plm_hub_poll(struct plm_hub *hub);

/**
 * The result of host.password.
 * @param ok   hashed, or equal
 * @param hash when one was made, else NULL
 */
void plm_hub_on_password(struct plm_hub *hub, uint64_t job, bool ok, const char *hash);
/**
 * Where to keep what must survive; before the first message. Without it nothing does. @param store copied
 */
void plm_hub_set_store(struct plm_hub *hub, const struct plm_store_port *store);
/**
 * Who records, after plm_hub_restored. Recordings that ran when the process before this one ended go on: port.start with their ids.
 * Without it nothing is recorded. @param recorder copied
 */
void plm_hub_set_recorder(struct plm_hub *hub, const struct plm_recording_port *recorder);
/**
 * A document that the store kept, at the start, before any message; in any order. After the last call plm_hub_restored.
 * @return 0; PLM_EINVAL (not readable: left out, and dropped from the store), PLM_ENOMEM, PLM_ELIMIT
 */
int plm_hub_restore(
    struct plm_hub *hub, enum plm_store_kind kind, const char *key, const char *document, size_t len);
/** All documents were given: meetings stand again, and their people have the grace time to come back. */
void plm_hub_restored(struct plm_hub *hub);

/** Take an event of the media plane. */
void plm_hub_on_media_event(struct plm_hub *hub, const struct plm_event *ev);
/** How a transport fares, after media_port.transport_stats. */
void plm_hub_on_stats(struct plm_hub *hub, const struct plm_transport_stats *t);
/** Send what media events changed in slots, merged per session: once per turn of the main loop, after the events. */
void plm_hub_flush(struct plm_hub *hub);

/** Live objects, for the metrics; each returns to its start. */
struct plm_hub_gauges {
    uint32_t sessions, rooms, participants, detached, viewers, resources, connections, waiting;
    uint32_t recordings; /**< that run */
};
void plm_hub_gauges(const struct plm_hub *hub, struct plm_hub_gauges *out);
/** Caps of signalling; each refusal for one of them is counted under its name. */
enum plm_hub_limit {
    PLM_HUB_LIMIT_ROOMS = 0,    /**< max_rooms, or what the media plane takes */
    PLM_HUB_LIMIT_PARTICIPANTS, /**< max_participants */
    PLM_HUB_LIMIT_VIEWERS,      /**< max_viewers */
    PLM_HUB_LIMIT_RESOURCES,    /**< max_resources */
    PLM_HUB_LIMIT_TRANSPORTS,   /**< what the media plane takes */
    PLM_HUB_LIMIT_SLOTS,        /**< PLM_MAX_MEDIA in an offer of ours */
    PLM_HUB_LIMIT_NAMES,        /**< PLM_WHEP_MAX_NAMES */
    PLM_HUB_LIMIT_MESSAGE_RATE, /**< msg_rate; messages refused and sessions closed */
    PLM_HUB_LIMIT_CHAT_RATE,    /**< chat_rate */
    PLM_HUB_LIMIT_SDP_RATE,     /**< sdp_rate */
    PLM_HUB_LIMIT_MESSAGE_SIZE, /**< PLM_MSG_MAX_SIZE, PLM_MSG_MAX_SDP_SIZE */
    PLM_HUB_LIMIT_RECORDS,      /**< max_records */
    PLM_HUB_LIMIT_MAKE_RATE,    /**< make_rate */
    PLM_HUB_LIMIT_WAITING,      /**< max_waiting */
    PLM_HUB_LIMIT_GUESSES, /**< attempts refused because their source, or all about their room, guessed wrong too often */
    PLM_HUB_LIMIT_PASSWORDS,  /**< passwords being looked at */
    PLM_HUB_LIMIT_RECORDINGS, /**< max_recordings, or a disk that takes no new one */
    PLM_HUB_LIMIT_SDP,        /**< size of a description, of its lines, m-lines, payload types, rids */
    PLM_HUB_LIMIT_REPORT_RATE, /**< report_rate */
    PLM_HUB_LIMIT_COUNT
};
/** Count a refusal that the program around the hub decided. */
void plm_hub_count_limit(struct plm_hub *hub, enum plm_hub_limit limit);
/** "rooms" …; static storage. */
const char *plm_hub_limit_name(enum plm_hub_limit limit);

/** Things that happened since the start, for the metrics. */
struct plm_hub_counters {
    uint64_t messages, bad_messages, refused, joins, resumes, lost, connections_lost, chats;
    uint64_t limits[PLM_HUB_LIMIT_COUNT];
    uint64_t freezes[PLM_MSG_freeze_cause_COUNT]; /**< of pictures, as clients report them */
};
void plm_hub_counters(const struct plm_hub *hub, struct plm_hub_counters *out);

#endif
