/*
 * Leading a meeting: who may send what, mutes, roles. Leaders of a meeting lead in all of its rooms. For the files of this folder.
 */
#ifndef PLM_SIGNALING_MODERATION_H
#define PLM_SIGNALING_MODERATION_H

#include "state.h"

/** May m send this now? By role, by what a leader said about m, by the room's rules; the sound of a screen goes with the screen. */
bool plm_member_may_send(const struct plm_member *m, enum plm_source source);
/** What m may not send any more is muted, and m told; what an encoder may send again is unmuted. The others are told what m may, if that changed. */
void plm_member_apply_rules(struct plm_member *m);
/** The rules of a meeting changed: mute whoever may not send any more, in all its rooms. */
void plm_room_apply_rules(struct plm_room *room);
/** Does m lead, and nobody else of the meeting? */
bool plm_member_leads_alone(const struct plm_member *m);

/** Tell m that a source of theirs is muted. @param by 0: the server or its API */
void plm_member_tell_muted(struct plm_member *m, enum plm_source source, plm_participant_id by);
/** Mute a source of m and tell m who did. @param by 0: the server or its API */
void plm_member_mute_by(struct plm_member *m, enum plm_source source, plm_participant_id by);
/**
 * May somebody of the role by give whom this role? Owners make owners and unmake leaders; moderators raise others up to their own rank, and
 * lower those who do not lead, or themselves.
 * @param own whom is who asks @return 0, or negative with why
 */
int plm_moderation_may_give(enum plm_msg_role by, bool own, const struct plm_member *whom,
    enum plm_msg_role role, struct plm_refusal *why);
/** Give a role without asking who may. @return 0, or negative with why (an encoder; the last who leads) */
int plm_member_set_role(struct plm_member *m, enum plm_msg_role role, struct plm_refusal *why);

/* The requests of their names. @return 0, or negative with why; then nothing changed */

int plm_moderation_mute_others(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_moderation_ask_unmute(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_moderation_permit(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_moderation_set_role(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);

/**
 * Whom a list of ids means, for a request of a leader: those of the meeting; an empty list: everybody in the leader's room who does not lead.
 * @param f called for each @return 0, or negative with why when the list names nobody who is there
 */
int plm_moderation_each(struct plm_member *by, const uint32_t *ids, size_t n,
    void (*f)(struct plm_member *m, void *arg), void *arg, struct plm_refusal *why);

#endif
