/*
 * Who waits: in the lobby, or for the start of an organised meeting. They are told that they wait, and nothing else. Those who may admit
 * are told who waits, at most once in PLM_LOBBY_PERIOD_MS. For the files of this folder.
 */
#ifndef PLM_SIGNALING_LOBBY_H
#define PLM_SIGNALING_LOBBY_H

#include "admission.h"

#define PLM_LOBBY_PERIOD_MS 250
#define PLM_LOBBY_MAX_SHOWN 100 /* in one message */

/** The session waits from now on. @return 0, or negative with why */
int plm_lobby_wait(struct plm_room *room, const struct plm_guest *g, struct plm_session *s, uint32_t request,
    enum plm_msg_wait_reason reason, struct plm_refusal *why);
/**
 * Somebody whom the store knew waits again, for the grace time, until they resume.
 * @param g with id and digest @return 0; PLM_EINVAL (there already), PLM_ELIMIT, PLM_ENOMEM
 */
int plm_lobby_restore(
    struct plm_room *room, const struct plm_guest *g, enum plm_msg_wait_reason reason, uint64_t since);
/** NULL: nobody has it. A restored one knows its secret from here on. */
struct plm_waiting *plm_lobby_find_secret(struct plm_hub *hub, const char *secret);
/** Another socket takes the place up; an old one is closed. */
void plm_lobby_attach(struct plm_waiting *w, struct plm_session *s, uint32_t request);
/** The socket is lost: the place is kept for the grace time. */
void plm_lobby_detach(struct plm_waiting *w);
/** Give the place up, without a word. Frees w. */
void plm_lobby_leave(struct plm_waiting *w);
/** They were removed: told banned. Frees w. */
void plm_lobby_ban(struct plm_waiting *w);
/** Somebody leads from now on: show them who waits. */
void plm_lobby_show(struct plm_member *m);
/** Rules changed, or somebody went: who need not wait any more comes in, unless the room is locked. */
void plm_lobby_reconsider(struct plm_room *room);
/** The request admit. Whom somebody else decided about, or who is gone, is left out; when the meeting is full, so are the rest. */
int plm_lobby_admit(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
/** All who wait are refused, or forgotten without a word. */
void plm_lobby_refuse_all(struct plm_room *room, const char *message);
void plm_lobby_clear(struct plm_room *room);
/** Tell what is due, end what is over. @return when the next is due, UINT64_MAX: nothing waits */
uint64_t plm_lobby_poll(struct plm_hub *hub, uint64_t now);
/** Tell only. */
uint64_t plm_lobby_flush(struct plm_hub *hub, uint64_t now);

#endif
