#include "roles.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* Every cell of the table, written out: what a role may do changes here or nowhere. */
static void test_every_cell(void **state)
{
    static const struct {
        enum plm_msg_type verb;
        bool owner, moderator, speaker, viewer;
    } rows[] = {
        {PLM_MSG_join, false, false, false, false},
        {PLM_MSG_resume, false, false, false, false},
        {PLM_MSG_leave, true, true, true, true},
        {PLM_MSG_publish, true, true, true, false},
        {PLM_MSG_receive, true, true, true, true},
        {PLM_MSG_answer, true, true, true, true},
        {PLM_MSG_view, true, true, true, true},
        {PLM_MSG_report, true, true, true, true},
        {PLM_MSG_quality, true, true, true, true},
        {PLM_MSG_mute, true, true, true, false},
        {PLM_MSG_chat, true, true, true, true},
        {PLM_MSG_rename, true, true, true, true},
        {PLM_MSG_claim, true, true, true, true},
        {PLM_MSG_hand, true, true, true, true},
        {PLM_MSG_react, true, true, true, true},
        {PLM_MSG_people, true, true, true, true},
        {PLM_MSG_start, true, true, false, false},
        {PLM_MSG_configure, true, true, false, false},
        {PLM_MSG_admit, true, true, false, false},
        {PLM_MSG_mute_others, true, true, false, false},
        {PLM_MSG_ask_unmute, true, true, false, false},
        {PLM_MSG_permit, true, true, false, false},
        {PLM_MSG_lower_hands, true, true, false, false},
        {PLM_MSG_set_role, true, true, false, false},
        {PLM_MSG_kick, true, true, false, false},
        {PLM_MSG_end, true, true, false, false},
        {PLM_MSG_breakout_open, true, true, false, false},
        {PLM_MSG_breakout_assign, true, true, false, false},
        {PLM_MSG_breakout_go, true, true, true, true},
        {PLM_MSG_breakout_time, true, true, false, false},
        {PLM_MSG_breakout_close, true, true, false, false},
        {PLM_MSG_breakout_say, true, true, false, false},
        {PLM_MSG_record_start, true, true, false, false},
        {PLM_MSG_record_stop, true, true, false, false},
        {PLM_MSG_recordings, true, true, false, false},
        {PLM_MSG_record_delete, true, true, false, false},
    };
    bool seen[PLM_MSG_COUNT] = {false};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(plm_role_may(PLM_MSG_role_owner, rows[i].verb), rows[i].owner);
        assert_int_equal(plm_role_may(PLM_MSG_role_moderator, rows[i].verb), rows[i].moderator);
        assert_int_equal(plm_role_may(PLM_MSG_role_speaker, rows[i].verb), rows[i].speaker);
        assert_int_equal(plm_role_may(PLM_MSG_role_viewer, rows[i].verb), rows[i].viewer);
        seen[rows[i].verb] = true;
    }
#define PLM_REQUEST(name, reply, doc) assert_true(seen[PLM_MSG_##name]);
#include "messages.def"
    for (int verb = 0; verb <= PLM_MSG_COUNT; verb++) /* what is no request is nobody's right */
        for (int role = 0; role <= PLM_MSG_role_COUNT; role++)
            if (verb == PLM_MSG_COUNT || role == PLM_MSG_role_COUNT || !seen[verb])
                assert_false(plm_role_may((enum plm_msg_role)role, (enum plm_msg_type)verb));
}

/* What the grant "record" of a token adds, for every verb. */
static void test_recorder(void **state)
{
    (void)state;
    for (int verb = 0; verb <= PLM_MSG_COUNT; verb++) {
        bool record = verb == PLM_MSG_record_start || verb == PLM_MSG_record_stop ||
                      verb == PLM_MSG_recordings || verb == PLM_MSG_record_delete;
        assert_int_equal(plm_recorder_may((enum plm_msg_type)verb), record);
    }
}

/* Every request in every state: join and resume before anything else, leave when there is something to leave, all else within. */
static void test_every_state(void **state)
{
    (void)state;
    for (int v = 0; v <= PLM_MSG_COUNT; v++) {
        enum plm_msg_type verb = (enum plm_msg_type)v;
        bool request = false;
#define PLM_REQUEST(name, reply, doc) request |= verb == PLM_MSG_##name;
#include "messages.def"
        bool enters = verb == PLM_MSG_join || verb == PLM_MSG_resume;
        assert_int_equal(plm_verb_fits(verb, PLM_SESSION_OPEN), enters);
        assert_false(plm_verb_fits(verb, PLM_SESSION_CHECKING));
        assert_int_equal(plm_verb_fits(verb, PLM_SESSION_WAITING), verb == PLM_MSG_leave);
        assert_int_equal(plm_verb_fits(verb, PLM_SESSION_JOINED), request && !enters);
        assert_false(plm_verb_fits(verb, PLM_SESSION_CLOSED));
        assert_false(plm_verb_fits(verb, PLM_SESSION_STATE_COUNT));
    }
    for (int s = 0; s < PLM_SESSION_STATE_COUNT; s++)
        assert_true(*plm_session_state_hint((enum plm_session_state)s) != 0);
    assert_string_equal(plm_session_state_hint(PLM_SESSION_STATE_COUNT), "");
}

static void test_leads(void **state)
{
    (void)state;
    assert_true(plm_role_leads(PLM_MSG_role_owner));
    assert_true(plm_role_leads(PLM_MSG_role_moderator));
    assert_false(plm_role_leads(PLM_MSG_role_speaker));
    assert_false(plm_role_leads(PLM_MSG_role_viewer));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_cell), cmocka_unit_test(test_recorder),
        cmocka_unit_test(test_every_state), cmocka_unit_test(test_leads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
