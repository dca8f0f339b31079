/*
 * What is legal: one table, verb by state of the session by role. A room may take rights away that the table gives (its rules about chat,
 * microphones, cameras and screens: moderation.h, chat.c); it never gives any.
 */
#ifndef PLM_SIGNALING_ROLES_H
#define PLM_SIGNALING_ROLES_H

#include "state.h"

/** Is this request legal in this state at all? What is no request never is. */
bool plm_verb_fits(enum plm_msg_type request, enum plm_session_state state);
/** Why a request is not, for people. */
const char *plm_session_state_hint(enum plm_session_state state);
/** May this role make this request? Requests that need no role (join, resume) and everything that is no request: false. */
bool plm_role_may(enum plm_msg_role role, enum plm_msg_type request);
/** May somebody whose token grants recording make this request, whatever their role? */
bool plm_recorder_may(enum plm_msg_type request);
/** Does the role lead the meeting? */
bool plm_role_leads(enum plm_msg_role role);

#endif
