#include "roles.h"

#define OWNER     (1u << PLM_MSG_role_owner)
#define MODERATOR (1u << PLM_MSG_role_moderator)
#define SPEAKER   (1u << PLM_MSG_role_speaker)
#define VIEWER    (1u << PLM_MSG_role_viewer)
#define SPEAKERS  (OWNER | MODERATOR | SPEAKER)
#define LEADERS   (OWNER | MODERATOR)
#define ANYBODY   (SPEAKERS | VIEWER)

static const unsigned allowed[PLM_MSG_COUNT] = {
    [PLM_MSG_leave] = ANYBODY,
    [PLM_MSG_publish] = SPEAKERS,
    [PLM_MSG_receive] = ANYBODY,
    [PLM_MSG_answer] = ANYBODY,
    [PLM_MSG_view] = ANYBODY,
    [PLM_MSG_mute] = SPEAKERS,
    [PLM_MSG_chat] = ANYBODY,
    [PLM_MSG_rename] = ANYBODY,
    [PLM_MSG_claim] = ANYBODY,
    [PLM_MSG_hand] = ANYBODY,
    [PLM_MSG_react] = ANYBODY,
    [PLM_MSG_people] = ANYBODY,
    [PLM_MSG_start] = LEADERS,
    [PLM_MSG_configure] = LEADERS,
    [PLM_MSG_admit] = LEADERS,
    [PLM_MSG_mute_others] = LEADERS,
    [PLM_MSG_ask_unmute] = LEADERS,
    [PLM_MSG_permit] = LEADERS,
    [PLM_MSG_lower_hands] = LEADERS,
    [PLM_MSG_set_role] = LEADERS,
    [PLM_MSG_kick] = LEADERS,
    [PLM_MSG_end] = LEADERS,
    [PLM_MSG_breakout_open] = LEADERS,
    [PLM_MSG_breakout_assign] = LEADERS,
    [PLM_MSG_breakout_go] = ANYBODY,
    [PLM_MSG_breakout_time] = LEADERS,
    [PLM_MSG_breakout_close] = LEADERS,
    [PLM_MSG_breakout_say] = LEADERS,
};

bool plm_role_may(enum plm_msg_role role, enum plm_msg_type request)
{
    return (unsigned)request < PLM_MSG_COUNT && (unsigned)role < PLM_MSG_role_COUNT &&
           (allowed[request] & (1u << role)) != 0;
}

bool plm_role_leads(enum plm_msg_role role)
{
    return role == PLM_MSG_role_owner || role == PLM_MSG_role_moderator;
}
