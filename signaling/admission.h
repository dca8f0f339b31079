/*
 * Admission: whether somebody comes into a room, decided before any transport exists, by the same rules for sockets, WHIP and WHEP.
 * In this order: banned, password, lock, caps, organised, lobby; a good token or the owner's key stands for the password, and who leads
 * by it passes lock, organised and lobby. For the files of this folder.
 */
#ifndef PLM_SIGNALING_ADMISSION_H
#define PLM_SIGNALING_ADMISSION_H

#include "records.h"

enum plm_verdict {
    PLM_COME_IN = 0,
    PLM_WAIT_LOBBY,
    PLM_WAIT_START,
};

/** Somebody without any right yet. @param name clean @param source,device may be NULL */
void plm_guest_init(struct plm_guest *g, const char *name, const char *source, const char *device);
/**
 * Take what a token (or the owner's key) grants for this room, whoever guessed wrong before; a token unless its source shows wrong ones all
 * the time. A wrong one counts as a guess of the guest's source, unless it was good until its
 * time was over.
 * @param record NULL: a number that no room has
 * @return 0, or PLM_EINVAL with "token" or "too_fast"
 */
int plm_guest_show_token(struct plm_hub *hub, struct plm_guest *g, const char *token, const char *room,
    struct plm_record *record, struct plm_refusal *why);
/** Whether the guest comes in now; the password is settled. @return 0, or PLM_EINVAL with why */
int plm_admission_decide(const struct plm_record *record, const struct plm_guest *g, enum plm_verdict *out,
    struct plm_refusal *why);
/**
 * Let a guest in whom the rules let in: they become a participant, and others are told.
 * @param session NULL: lost meanwhile; they have the grace time to resume
 */
int plm_admission_enter(struct plm_room *room, const struct plm_guest *g, struct plm_session *session,
    uint32_t request, struct plm_refusal *why);
/** A participant was made of a guest: their session and the others are told. Without a session they have the grace time to resume. */
void plm_admission_welcome(struct plm_member *m, uint32_t request);
/** How many the meeting takes. */
uint32_t plm_admission_cap(const struct plm_record *record);
/**
 * configure with a password: hash it, then change all that was asked. @return 0 (the reply comes later), or negative with why
 */
int plm_admission_hash(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);
/**
 * The same for WHIP and WHEP, which cannot wait and know no password: the bearer token decides.
 * @param out the room, open
 * @param status of HTTP when refused
 */
int plm_admission_resource(struct plm_room **out, struct plm_hub *hub,
    const struct plm_resource_request *request, struct plm_guest *g, unsigned *status,
    struct plm_refusal *why);

/** Are there rules that a resource without a token does not pass? */
bool plm_admission_needs_token(const struct plm_record *record);

/** The requests join and resume: answered now, or when a password was looked at, or when they are let in. */
int plm_admission_join(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);
int plm_admission_resume(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);
/** The session is gone: what is under way for it comes to nothing. */
void plm_admission_forget(struct plm_session *s);
/** Free what is still under way: the hub ends. */
void plm_admission_clear(struct plm_hub *hub);

#endif
