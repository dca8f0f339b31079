/*
 * Making rooms is slowed per source (an IPv4 address, or the /64 of an IPv6 one): a few at once, then so many a minute. Each room that a
 * name makes is remembered, has a number and may run; without this one source could push others' rooms out of what is remembered. Only
 * strangers are slowed: a token or a key of the API answers for what is done with it. For the files of this folder.
 */
#ifndef PLM_SIGNALING_MAKERS_H
#define PLM_SIGNALING_MAKERS_H

#include "state.h"

#define PLM_MAKERS_MAX 4096 /* sources known; of more the one that made none for longest is forgotten */

/**
 * This source makes a room, if it may: then it counts. @param source address as text; "": unknown, and may
 * @return 0, or PLM_EINVAL with too_fast
 */
int plm_maker_take(struct plm_hub *hub, const char *source, struct plm_refusal *why);
/** Forget all. */
void plm_makers_clear(struct plm_hub *hub);

#endif
