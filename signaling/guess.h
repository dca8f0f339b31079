/*
 * Guessing of passwords, numbers and tokens is slowed: each source (an IPv4 address, or the /64 of an IPv6 one) has a few wrong guesses
 * free, then must wait, longer each time; each room takes wrong guesses of all sources together at a limited rate. Nothing is slowed
 * for those who guess nothing, nor for a good token or key, which nobody guesses: whoever shares an address or a room with somebody
 * who guesses comes in by it. For the files of this folder.
 */
#ifndef PLM_SIGNALING_GUESS_H
#define PLM_SIGNALING_GUESS_H

#include "state.h"

#define PLM_GUESS_FREE        5      /* wrong ones of a source before it has to wait */
#define PLM_GUESS_MAX_WAIT_MS 900000 /* the longest wait; after as long in quiet all is forgotten */
#define PLM_GUESS_ROOM_BURST  30     /* wrong ones about a room at once … */
#define PLM_GUESS_ROOM_MS     2000   /* … and then one in so long */
#define PLM_GUESS_LOOKS       60     /* wrong tokens of a source that waits are looked at, at once … */
#define PLM_GUESS_LOOK_MS     50     /* … and then one in so long: a signature takes time to check */
#define PLM_GUESS_SOURCES     4096   /* known; of more the one that was quiet for longest is forgotten */
#define PLM_GUESS_JOBS        2      /* passwords of one source that are looked at at a time */
#define PLM_GUESS_QUEUE       32     /* with those in line, of a source that guessed nothing wrong */

/**
 * May this source guess now? @param source address as text; "": unknown, only the room's rate counts
 * @param record the room, NULL: none of this number
 * @return 0, or PLM_EINVAL with too_fast
 */
int plm_guess_allowed(
    struct plm_hub *hub, const char *source, const struct plm_record *record, struct plm_refusal *why);
/** Has it guessed wrong lately? */
bool plm_guess_is_known(struct plm_hub *hub, const char *source);
/** Is a token of this source to be looked at, though it may have to wait? */
bool plm_guess_may_show(struct plm_hub *hub, const char *source);
/**
 * A token was wrong: it counts as a guess, unless source or room have to wait.
 * @param record may be NULL @param was_good it was made by whoever may, and its time is over: no guess
 * @return PLM_EINVAL with token or too_fast
 */
int plm_guess_refuse_token(struct plm_hub *hub, const char *source, struct plm_record *record, bool was_good,
    struct plm_refusal *why);
/** It guessed wrong. @param record may be NULL */
void plm_guess_wrong(struct plm_hub *hub, const char *source, struct plm_record *record);
/** What sources are told apart by: "192.0.2.1", or "2001:db8:0:0" of an IPv6 one; as it is when it is no address. */
void plm_guess_source(char out[48], const char *address);
/** Forget all. */
void plm_guess_clear(struct plm_hub *hub);

#endif
