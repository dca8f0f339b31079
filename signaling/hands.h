/* Hands and reactions. A raised hand has a number; who raised it earlier has the lower one. For the files of this folder. */
#ifndef PLM_SIGNALING_HANDS_H
#define PLM_SIGNALING_HANDS_H

#include "state.h"

/* The requests of their names. @return 0, or negative with why; then nothing changed */

int plm_hands_raise(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_hands_lower_others(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_hands_react(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);

#endif
