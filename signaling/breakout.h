/*
 * Breakout rooms: rooms with a parent. Everybody of a meeting keeps their id wherever they go; going is re-wiring, their connections
 * stand. All are opened together and closed together. For the files of this folder.
 */
#ifndef PLM_SIGNALING_BREAKOUT_H
#define PLM_SIGNALING_BREAKOUT_H

#include "state.h"

#define PLM_MAX_BREAKOUTS      50  /* messages.def says so too */
#define PLM_BREAKOUT_PERIOD_MS 250 /* the rooms as they are are told at most so often */

/* The requests of their names. @return 0, or negative with why; then nothing changed */

int plm_breakout_open(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
/** Who is gone meanwhile is left out. */
int plm_breakout_assign(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_breakout_go(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_breakout_time(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_breakout_close(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_breakout_say(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);

/** One participant to another room of the meeting, at once. @param number 0: the main room */
int plm_breakout_send(struct plm_member *m, uint32_t number, struct plm_refusal *why);
/** All come back, now, and the rooms close. */
void plm_breakout_end(struct plm_room *main);
/** Somebody left the meeting: with the last of them its breakout rooms are over, and what was said in them is gone. */
void plm_breakout_on_left(struct plm_room *main);
/** Somebody came into a breakout room or left one: to be told. */
void plm_breakout_changed(struct plm_room *room);

/**
 * The rooms as they are. @param out room for PLM_MAX_BREAKOUTS @param ids room for everybody of the meeting @return how many
 */
size_t plm_breakout_describe(const struct plm_room *main, struct plm_msg_breakout_room *out, uint32_t *ids);
/** When all come back, in ms since 1970. @return false: no limit */
bool plm_breakout_end_at(const struct plm_room *main, uint64_t *out);
/** Bring back whose time is over, and tell what is due. @return when the next is due, UINT64_MAX: nothing waits */
uint64_t plm_breakout_poll(struct plm_hub *hub, uint64_t now);

#endif
