/*
 * Rooms and the participants in them. A room is made by the first who names it and closes when it has stood empty for the
 * linger time. For the files of this folder.
 */
#ifndef PLM_SIGNALING_ROOM_H
#define PLM_SIGNALING_ROOM_H

#include "state.h"

/** Clean a name from outside (UTF-8, PLM_NAME_SIZE - 1 octets, no control characters, not empty). @return 0 or PLM_EINVAL */
int plm_name_clean(char out[PLM_NAME_SIZE], const char *name, const char *field, struct plm_refusal *why);

/* ---- rooms (room.c) ---- */

/** The meeting of a room; begins it if there is none. @return 0, or negative with why */
int plm_room_enter(struct plm_room **out, struct plm_record *record, struct plm_refusal *why);
/** Make a breakout room of a main room; its name is clean. @return 0, or negative with why */
int plm_room_open_breakout(struct plm_room **out, struct plm_room *parent, const char *name, uint32_t number,
    struct plm_refusal *why);
/** The meeting's main room: of a breakout room its parent, else the room itself. */
struct plm_room *plm_room_main(struct plm_room *room);
/** The rules that hold in it: those of the main room. */
const struct plm_room_settings *plm_room_rules(const struct plm_room *room);
/** How many take part in the whole meeting. */
uint32_t plm_room_population(const struct plm_room *room);
/** Somebody of the whole meeting, wherever they are. NULL: nobody has this id. */
struct plm_member *plm_room_find_member(struct plm_room *room, plm_participant_id id);
/** Does anybody of the meeting lead? */
bool plm_room_has_leader(struct plm_room *room);
/** Does anybody take part who is no encoder? @param room a main room */
bool plm_room_is_attended(const struct plm_room *room);
/**
 * The longest present of the meeting leads when nobody does; an encoder or a viewer cannot. In a room that is somebody's its owner
 * comes back, or whom they promoted: nobody gets hold of it by staying on.
 */
void plm_room_succeed(struct plm_room *room);
/** As its people are told of it. */
void plm_room_describe(const struct plm_room *room, struct plm_msg_room_info *out);
/** @param key its name, A-Z folded @return NULL: no meeting runs there */
struct plm_room *plm_room_find(struct plm_hub *hub, const char *key);
struct plm_room *plm_room_find_media(struct plm_hub *hub, plm_room_id media);
/** End it and its breakout rooms: everybody in them is told, every connection closes, and they are freed. */
void plm_room_close(struct plm_room *room, enum plm_msg_leave_reason reason);
/** Look whether it is empty now, and let it linger; or take it back. Receivers do not count, who waits does, but for a recording. */
void plm_room_on_population(struct plm_room *room);
/** Nobody came back for the linger time: it ends, or when somebody watches or waits, what was of those who took part. */
void plm_room_on_linger_end(struct plm_room *room);
/** Serialise once, send to everybody in this very room but one (NULL: to all). */
void plm_room_broadcast(struct plm_room *room, const struct plm_msg *msg, const struct plm_member *except);
/** Serialise once, send to everybody of the meeting. */
void plm_room_broadcast_all(struct plm_room *room, const struct plm_msg *msg);
/** An id that nobody of the meeting has had. */
plm_participant_id plm_room_next_id(struct plm_room *room);
/** Who speaks, from media: told when it changed. */
void plm_room_on_speakers(struct plm_room *room, const struct plm_event *ev);

/* ---- participants (roster.c) ---- */

/**
 * Let somebody in. Nobody is told before plm_member_announce.
 * @param guest   admitted; the name is clean
 * @param session of a socket; NULL with resource, or when it was lost while the guest waited
 */
int plm_member_create(struct plm_member **out, struct plm_room *room, const struct plm_guest *guest,
    struct plm_session *session, struct plm_resource *resource, struct plm_refusal *why);
/** What the store knew of a participant (journal.h). */
struct plm_member_kept {
    const char *digest; /* of their secret */
    plm_participant_id id;
    char name[PLM_NAME_SIZE];
    enum plm_msg_role role;
    uint64_t joined_at;
    uint32_t hand, place;
    bool has_published;
    enum plm_permit permits[PLM_SOURCE_COUNT];
    bool muted[PLM_SOURCE_COUNT];
    struct plm_identity who;
    bool may_subscribe, may_record;
};
/**
 * They stand again, detached: the grace time begins. Nobody is told.
 * @return 0; PLM_EINVAL (the id or the digest is there already), PLM_ELIMIT, PLM_ENOMEM
 */
int plm_member_restore(struct plm_member **out, struct plm_room *room, const struct plm_member_kept *kept);
/** Tell the others that m came; from now on they are told of changes and of its leaving. */
void plm_member_announce(struct plm_member *m);
/** They are gone: transports close, the others are told, somebody else leads if need be. Frees m; the session stays. */
void plm_member_remove(struct plm_member *m, enum plm_msg_leave_reason reason);
/**
 * Re-wire them to another room of the meeting, same id: their connections stand and follow whoever is there; the hand is lowered. The
 * others of both rooms are told; they themselves are not. A connection that media cannot move is lost; with it goes an encoder (m is freed).
 */
void plm_member_move(struct plm_member *m, struct plm_room *to);
/** Free without a word: the room is closing. */
void plm_member_destroy(struct plm_member *m);
/** As others see it. @param tracks room for all; what out points to */
void plm_member_describe(
    const struct plm_member *m, struct plm_msg_participant *out, struct plm_msg_track tracks[PLM_MAX_TRACKS]);
/** Change the display name; already clean. */
void plm_member_rename(struct plm_member *m, const char *name);
/** Tell one participant, if they have a socket. */
void plm_member_send(struct plm_member *m, const struct plm_msg *msg);
/** The socket is lost: grace begins. */
void plm_member_detach(struct plm_member *m);
#define PLM_SOFT_LEAVE_MS 6000 /* a page that is loaded anew asks for its place within that time, and others see no ghost for longer */
/** Their page went away: unless it is back within PLM_SOFT_LEAVE_MS, they left. */
void plm_member_leave_softly(struct plm_member *m);
/** The grace time of a detached one is over: they left, or were lost. */
void plm_member_expire(struct plm_member *m);
/** Another socket takes over; an old one is closed. */
void plm_member_attach(struct plm_member *m, struct plm_session *session);
/** NULL: nobody has it. A restored one knows its secret from here on. */
struct plm_member *plm_member_find_secret(struct plm_hub *hub, const char *secret);
/** One of the two connections is gone. @param by_peer the client closed it and need not be told */
void plm_member_connection_lost(struct plm_member *m, struct plm_connection *c, bool by_peer);
/** Tell m who speaks in its room, if anybody does. */
void plm_member_send_speakers(struct plm_member *m);
/** A viewer who was only counted appears on the lists. */
void plm_member_list(struct plm_member *m);
/** The reply to join and resume, then what a resumed client may have missed. */
void plm_member_send_joined(struct plm_member *m, uint32_t request, bool resumed);

/* ---- what participants publish (tracks.c) ---- */

int plm_member_publish(
    struct plm_member *m, const struct plm_msg_publish *request, char **answer, struct plm_refusal *why);
/** Take a WHIP offer: sources by the order of its m-lines. */
int plm_member_publish_whip(
    struct plm_member *m, const char *sdp, size_t len, char **answer, struct plm_refusal *why);
int plm_member_mute(struct plm_member *m, enum plm_source source, bool muted, struct plm_refusal *why);
/** Mute a source of theirs here, whatever its publisher says. @return false: there was nothing to mute */
bool plm_member_silence(struct plm_member *m, enum plm_source source);
void plm_member_silence_all(struct plm_member *m);
/** End their publish connection: nothing of theirs is received any more. */
void plm_member_unpublish(struct plm_member *m);
void plm_member_on_demand(struct plm_member *m, enum plm_source source, uint8_t needed);
void plm_member_send_demand(struct plm_member *m, enum plm_source source);

/* ---- what participants receive (view.c) ---- */

int plm_member_receive(
    struct plm_member *m, const struct plm_msg_receive *request, char **offer, struct plm_refusal *why);
/** Let the server choose what is shown: after a move. */
void plm_member_follow(struct plm_member *m);
/** Make the view that the request describes media's; remembered for a connection that comes later. */
int plm_member_view(struct plm_member *m, const struct plm_msg_view *request, struct plm_refusal *why);

/* ---- chat (chat.c) ---- */

/** Who says something. */
struct plm_chat_from {
    plm_participant_id id; /* 0: the server, or its API */
    const char *name;
    struct plm_member *member; /* NULL: nobody in the room */
    bool announcement;
};

/** Answer to chat: say something to all or to one of the room. @return 0, or negative with why */
int plm_chat_say(struct plm_member *from, const struct plm_msg *m, struct plm_refusal *why);
/** A word to the main room and all breakout rooms. @param text already clean */
int plm_chat_announce(struct plm_member *from, const char *text, struct plm_refusal *why);
/** Put into a room's chat under any name. @param to whom in this room; NULL: all @param name,text already clean */
int plm_chat_post(struct plm_room *room, const struct plm_chat_from *from, struct plm_member *to,
    const char *text, struct plm_refusal *why);
/** The latest messages that m may see, oldest first, as many as fit into one reply. @return how many; out has room for all that are kept */
size_t plm_chat_latest(const struct plm_member *m, struct plm_msg_chat_message *out);
/**
 * Put a message back, behind those that are there: the caller sorts.
 * @param e copied, but for what the room decides @return 0, PLM_ELIMIT, PLM_ENOMEM
 */
int plm_chat_restore(struct plm_room *room, const struct plm_chat_entry *e, const char *text);
void plm_chat_clear(struct plm_room *room);

#endif
