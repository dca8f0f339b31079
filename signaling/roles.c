#include "roles.h"

#define OWNER     (1u << PLM_MSG_role_owner)
#define MODERATOR (1u << PLM_MSG_role_moderator)
#define SPEAKER   (1u << PLM_MSG_role_speaker)
#define VIEWER    (1u << PLM_MSG_role_viewer)
#define SPEAKERS  (OWNER | MODERATOR | SPEAKER)
#define LEADERS   (OWNER | MODERATOR)
#define ANYBODY   (SPEAKERS | VIEWER)

#define OPEN    (1u << PLM_SESSION_OPEN)
#define WAITING (1u << PLM_SESSION_WAITING)
#define JOINED  (1u << PLM_SESSION_JOINED)

/* Of somebody who waits nobody has a role. */
static const struct {
    unsigned states, roles;
    bool by_grant; /* also for whose token grants recording */
} verbs[PLM_MSG_COUNT] = {
    [PLM_MSG_join] = {OPEN, 0, false},
    [PLM_MSG_resume] = {OPEN, 0, false},
    [PLM_MSG_leave] = {JOINED | WAITING, ANYBODY, false},
    [PLM_MSG_publish] = {JOINED, SPEAKERS, false},
    [PLM_MSG_receive] = {JOINED, ANYBODY, false},
    [PLM_MSG_answer] = {JOINED, ANYBODY, false},
    [PLM_MSG_view] = {JOINED, ANYBODY, false},
    [PLM_MSG_report] = {JOINED, ANYBODY, false},
    [PLM_MSG_quality] = {JOINED, ANYBODY, false},
    [PLM_MSG_mute] = {JOINED, SPEAKERS, false},
    [PLM_MSG_chat] = {JOINED, ANYBODY, false},
    [PLM_MSG_rename] = {JOINED, ANYBODY, false},
    [PLM_MSG_claim] = {JOINED, ANYBODY, false},
    [PLM_MSG_hand] = {JOINED, ANYBODY, false},
    [PLM_MSG_react] = {JOINED, ANYBODY, false},
    [PLM_MSG_people] = {JOINED, ANYBODY, false},
    [PLM_MSG_start] = {JOINED, LEADERS, false},
    [PLM_MSG_configure] = {JOINED, LEADERS, false},
    [PLM_MSG_admit] = {JOINED, LEADERS, false},
    [PLM_MSG_mute_others] = {JOINED, LEADERS, false},
    [PLM_MSG_ask_unmute] = {JOINED, LEADERS, false},
    [PLM_MSG_permit] = {JOINED, LEADERS, false},
    [PLM_MSG_lower_hands] = {JOINED, LEADERS, false},
    [PLM_MSG_set_role] = {JOINED, LEADERS, false},
    [PLM_MSG_kick] = {JOINED, LEADERS, false},
    [PLM_MSG_end] = {JOINED, LEADERS, false},
    [PLM_MSG_breakout_open] = {JOINED, LEADERS, false},
    [PLM_MSG_breakout_assign] = {JOINED, LEADERS, false},
    [PLM_MSG_breakout_go] = {JOINED, ANYBODY, false},
    [PLM_MSG_breakout_time] = {JOINED, LEADERS, false},
    [PLM_MSG_breakout_close] = {JOINED, LEADERS, false},
    [PLM_MSG_breakout_say] = {JOINED, LEADERS, false},
    [PLM_MSG_record_start] = {JOINED, LEADERS, true},
    [PLM_MSG_record_stop] = {JOINED, LEADERS, true},
    [PLM_MSG_recordings] = {JOINED, LEADERS, true},
    [PLM_MSG_record_delete] = {JOINED, LEADERS, true},
};

bool plm_verb_fits(enum plm_msg_type request, enum plm_session_state state)
{
    return (unsigned)request < PLM_MSG_COUNT && (unsigned)state < PLM_SESSION_STATE_COUNT &&
           (verbs[request].states & (1u << state)) != 0;
}

const char *plm_session_state_hint(enum plm_session_state state)
{
    static const char *const hints[] = {[PLM_SESSION_OPEN] = "join first",
        [PLM_SESSION_CHECKING] = "the password is being looked at",
        [PLM_SESSION_WAITING] = "wait to be let in",
        [PLM_SESSION_JOINED] = "joined already",
        [PLM_SESSION_CLOSED] = "it is over"};
    _Static_assert(sizeof hints / sizeof hints[0] == PLM_SESSION_STATE_COUNT, "one for each");
    return (unsigned)state < PLM_SESSION_STATE_COUNT ? hints[state] : "";
}

bool plm_role_may(enum plm_msg_role role, enum plm_msg_type request)
{
    return (unsigned)request < PLM_MSG_COUNT && (unsigned)role < PLM_MSG_role_COUNT &&
           (verbs[request].roles & (1u << role)) != 0;
}

bool plm_recorder_may(enum plm_msg_type request)
{
    return (unsigned)request < PLM_MSG_COUNT && verbs[request].by_grant;
}

bool plm_role_leads(enum plm_msg_role role)
{
    return role == PLM_MSG_role_owner || role == PLM_MSG_role_moderator;
}
