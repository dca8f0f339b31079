/*
 * What belongs to a meeting's leaders and its room's owner: rules, start and end, ownership, removal. For the files of this folder.
 */
#ifndef PLM_SIGNALING_LEAD_H
#define PLM_SIGNALING_LEAD_H

#include "records.h"

#define PLM_LEAD_WARNING_MS 300000 /* that the end is near; of short meetings a fifth of their length */

/* The requests of their names. @return 0, or negative with why; then nothing changed */

int plm_lead_claim(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_lead_start(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_lead_configure(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);
int plm_lead_kick(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_lead_end(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);

/** May somebody of this role decide whether this room may be recorded? @return 0, or negative with why */
int plm_lead_may_permit_recording(
    enum plm_msg_role by, const struct plm_record *record, struct plm_refusal *why);
/** May somebody of the role by remove whom? @return 0, or negative with why */
int plm_lead_may_kick(enum plm_msg_role by, const struct plm_member *whom, struct plm_refusal *why);

/** Change what the message names of a room's rules. @param password_hash "": takes it away; NULL: as it is */
void plm_lead_apply(
    struct plm_record *record, const struct plm_msg_settings *change, const char *password_hash);
/** The record was changed: keep it, and let its meeting follow. Receivers that came without a token end when one is needed from now on. */
void plm_lead_changed(struct plm_record *record);
/**
 * Remove somebody for good, and everybody else who is the same by identity, token or device: connections end, and everything by which
 * they could come back is revoked.
 */
void plm_member_kick(struct plm_member *m);

/** Reckon anew when the meeting ends. */
void plm_room_set_end(struct plm_room *room);
/** In ms since 1970; only with an end_at. */
uint64_t plm_room_ends_at(const struct plm_room *room);
/**
 * Somebody left: there may be a place for who waits. A meeting that is nobody's ends for those who wait when the last is gone, though
 * encoders may stay, and hands nothing on. @param encoder it was one that left
 */
void plm_room_on_left(struct plm_room *room, bool encoder);
/** Nobody takes part for the linger time, but some watch or wait: what runs of a recording ends, and of a meeting that is nobody's nothing is left. */
void plm_lead_forget(struct plm_room *room);
/** Somebody takes part again: from now on it lasts. */
void plm_lead_begin_anew(struct plm_room *room);
/** End what is over, warn who is near. @return when the next is due, UINT64_MAX: nothing waits */
uint64_t plm_lead_poll(struct plm_hub *hub, uint64_t now);

#endif
