/*
 * The hub as a program sees it that manages meetings from outside: what /api/v1 does, and what webhooks tell. Main thread; nothing
 * blocks. Functions that change something return 0 or a negative plm_err with why, whose code the caller turns into a status of
 * HTTP; texts come from outside and are checked here.
 */
#ifndef PLM_SIGNALING_API_H
#define PLM_SIGNALING_API_H

#include "grants.h"
#include "hub.h"
#include "quality.h"
#include "refusal.h"
#include "settings.h"

struct plm_room;

/** What can be told of a room. Strings live until the hub is called again. */
struct plm_api_room {
    const struct plm_room_record *record;
    bool running;
    uint32_t participants, viewers, waiting, breakouts;
    uint64_t started_at, ends_at; /**< ms since 1970; 0: not running, no limit */
};

struct plm_api_participant {
    uint32_t id;
    const char *name, *identity; /**< identity: of the token, "" without */
    enum plm_msg_role role;
    uint64_t joined_at;
    uint32_t breakout;               /**< 0: the main room */
    bool detached;                   /**< its socket is lost */
    bool microphone, camera, screen; /**< being sent */
    bool hand;
};

/** What to change of a room; NULL members stay as they are. */
struct plm_api_change {
    const struct plm_room_settings *settings;
    const char *password_hash; /**< "" takes it away */
    const char *owner_digest;  /**< "" makes it nobody's */
    const enum plm_codec *codecs;
};

/**
 * Call f for each known room in the order of their keys, from the first after `after` ("": from the start), until it returns false.
 * @param after name, in any case, also of a room that is gone by now; number of a room @return 0, PLM_ENOMEM, PLM_EINVAL (after is neither)
 */
int plm_api_rooms(
    struct plm_hub *hub, const char *after, bool (*f)(void *arg, const struct plm_api_room *room), void *arg);
/** @param room name or code @return 0, PLM_ENOENT */
int plm_api_room_get(struct plm_hub *hub, const char *room, struct plm_api_room *out);
/**
 * Is whoever bears this token kept out: was its id revoked by a removal, or its identity removed from the meeting that runs in this room?
 * @param room name or code; NULL: none in particular, so that only the id is looked at
 */
bool plm_api_is_banned(struct plm_hub *hub, const char *room, const struct plm_grants *grants);
/** May this source, which has no key, make a room? Then it counts (makers.h). @return 0; PLM_EINVAL with why */
int plm_api_room_may_make(struct plm_hub *hub, const char *source, struct plm_refusal *why);
/** Make a lasting room. @return 0; PLM_EEXIST; negative with why */
int plm_api_room_create(
    struct plm_hub *hub, const char *name, const struct plm_api_change *change, struct plm_refusal *why);
/**
 * Applies at once to a running meeting too.
 * @param by whose token asks, an owner's or a moderator's of this room: they may what they may in the meeting, so that a moderator is refused
 *           the owner, the codecs, and in an owned room may_record; NULL: a key, which may everything
 */
int plm_api_room_change(struct plm_hub *hub, const struct plm_grants *by, const char *room,
    const struct plm_api_change *change, struct plm_refusal *why);
/** End its meeting, if any, and forget the room. */
int plm_api_room_delete(struct plm_hub *hub, const char *room, struct plm_refusal *why);
/** End its meeting; the room stays. */
int plm_api_room_end(struct plm_hub *hub, const char *room, struct plm_refusal *why);

/** Everybody of the meeting, breakout rooms included, by ascending id. */
int plm_api_participants(struct plm_hub *hub, const char *room,
    bool (*f)(void *arg, const struct plm_api_participant *p), void *arg, struct plm_refusal *why);
/**
 * Names behind media's numbers; they live until the hub is called again. @param room of the meeting, also of a breakout room
 * @param name of the participant; "": a viewer by WHEP, or nobody @return false: no such room
 */
bool plm_api_names(struct plm_hub *hub, plm_room_id media, plm_participant_id participant, const char **room,
    const char **name);
/** One of the meeting. @return 0; negative with why */
int plm_api_participant_get(struct plm_hub *hub, const char *room, uint32_t participant,
    struct plm_api_participant *out, struct plm_refusal *why);

/** How somebody's pictures fared. Valid until the hub is called again. */
struct plm_api_quality {
    const struct plm_quality_person *person;
    int64_t wall_offset_ms; /**< from the monotonic times in it to those since 1970 */
};
/**
 * Of everybody of whom something is known, by ascending id, those who left too, until f returns false.
 * @param participant 0: all
 */
int plm_api_quality(struct plm_hub *hub, const char *room, uint32_t participant,
    bool (*f)(void *arg, const struct plm_api_quality *q), void *arg, struct plm_refusal *why);
int plm_api_mute(struct plm_hub *hub, const char *room, uint32_t participant, enum plm_source source,
    struct plm_refusal *why);
/** @param by as in plm_api_room_change: not an owner by a moderator */
int plm_api_kick(struct plm_hub *hub, const struct plm_grants *by, const char *room, uint32_t participant,
    struct plm_refusal *why);
/** @param to number of a breakout room, 0: the main room */
int plm_api_move(
    struct plm_hub *hub, const char *room, uint32_t participant, uint32_t to, struct plm_refusal *why);
/** Into the room's chat under the name given. @param participant 0: to all */
int plm_api_message(struct plm_hub *hub, const char *room, uint32_t participant, const char *name,
    const char *text, struct plm_refusal *why);
/** @param by as in plm_api_room_change: neither of leaders nor to owners by a moderator, who may lower themselves */
int plm_api_set_role(struct plm_hub *hub, const struct plm_grants *by, const char *room, uint32_t participant,
    enum plm_msg_role role, struct plm_refusal *why);

/** What can be told of a recording. Strings live until the hub is called again. */
struct plm_api_recording {
    const char *id, *key, *name; /**< key and name: of its room */
    enum plm_recording_state state;
    enum plm_recording_reason reason;
    uint64_t started_ms, bytes;
    int64_t duration_us;
    uint32_t files;
    uint32_t epoch; /**< as in plm_hub_host.recording_token */
    bool of_room;   /**< its room is still the one that is known by this name */
};

/** Begin to record the meeting that runs in a room. @return 0; PLM_ENOENT, or negative with why */
int plm_api_record_start(
    struct plm_hub *hub, const char *room, struct plm_api_recording *out, struct plm_refusal *why);
/** End one that runs. @return 0; PLM_ENOENT, or negative with why */
int plm_api_record_stop(struct plm_hub *hub, const char *id, struct plm_refusal *why);
/** Delete one: from now on it is not known any more. @return 0, PLM_ENOENT */
int plm_api_recording_delete(struct plm_hub *hub, const char *id, struct plm_refusal *why);
/** @param id anything @return 0, PLM_ENOENT */
int plm_api_recording_get(struct plm_hub *hub, const char *id, struct plm_api_recording *out);
/**
 * Call f for each recording, newest first, until it returns false.
 * @param room name or code, also of a room that is forgotten by now; NULL: of all rooms
 * @param before only those that began earlier (ms since 1970); UINT64_MAX: all
 * @return 0; PLM_ENOENT: neither such a room nor a recording of it is known; PLM_ENOMEM
 */
int plm_api_recordings(struct plm_hub *hub, const char *room, uint64_t before,
    bool (*f)(void *arg, const struct plm_api_recording *recording), void *arg);

/** What webhooks tell. */
enum plm_hub_event_type {
    PLM_HUB_ROOM_STARTED = 0,
    PLM_HUB_ROOM_ENDED,
    PLM_HUB_PARTICIPANT_JOINED,
    PLM_HUB_PARTICIPANT_LEFT,
    PLM_HUB_PARTICIPANT_WAITING,
    PLM_HUB_BREAKOUTS_OPENED,
    PLM_HUB_BREAKOUTS_CLOSED,
    PLM_HUB_RECORDING_STARTED,
    PLM_HUB_RECORDING_READY,
    PLM_HUB_RECORDING_FAILED,
    PLM_HUB_EVENT_COUNT
};

/** Borrowed for the call of the host's function. */
struct plm_hub_event {
    enum plm_hub_event_type type;
    const char *room;                          /**< its name */
    uint64_t at;                               /**< ms since 1970 */
    uint32_t participant;                      /**< 0: concerns the room */
    const char *name, *identity;               /**< of the participant; "" */
    const char *reason;                        /**< why they left, why the recording ended, "" */
    const struct plm_api_recording *recording; /**< NULL: concerns none */
};

/** For the files of this folder: tell the host. @param participant 0: concerns the room @param name,identity,reason "" without */
void plm_api_tell(struct plm_room *room, enum plm_hub_event_type type, uint32_t participant, const char *name,
    const char *identity, const char *reason);

#endif
