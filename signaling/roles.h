/*
 * What each role may do: one table, verb by role. Every request passes it after the session's own table of states.
 */
#ifndef PLM_SIGNALING_ROLES_H
#define PLM_SIGNALING_ROLES_H

#include "proto.h"

/** May this role make this request? Requests that need no role (join, resume) and everything that is no request: false. */
bool plm_role_may(enum plm_msg_role role, enum plm_msg_type request);
/** Does the role lead the meeting? A room with people in it always has one who does. */
bool plm_role_leads(enum plm_msg_role role);

#endif
