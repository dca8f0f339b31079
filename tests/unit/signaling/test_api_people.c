/* What the API does to people: mutes, moves, words and roles, as if a leader without a seat did it. */
#include "api.h"
#include "room.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

struct meeting {
    struct world *w;
    struct peer *ada, *bob;
    uint32_t id[2];
    struct plm_refusal why;
};

static int setup(void **state)
{
    struct plm_msg_track_line lines[] = {
        {.mid = "0", .source = PLM_MSG_source_microphone}, {.mid = "1", .source = PLM_MSG_source_camera}};
    struct meeting *m = calloc(1, sizeof *m);
    m->w = world_create(NULL);
    m->ada = peer_enter(m->w, "r", "Ada", &m->id[0]);
    m->bob = peer_enter(m->w, "r", "Bob", &m->id[1]);
    char *offer = sdp_publish(m->w, "user", 0x11, 1);
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = lines, .n_tracks = 2}};
    assert_int_equal(peer_ask(m->bob, &publish), -1);
    free(offer);
    peer_forget(m->ada);
    peer_forget(m->bob);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    struct meeting *m = *state;
    peer_destroy(m->ada);
    peer_destroy(m->bob);
    world_destroy(m->w);
    free(m);
    return 0;
}

static void test_mute(void **state)
{
    struct meeting *m = *state;
    assert_int_equal(plm_api_mute(m->w->hub, "R", m->id[1], PLM_SOURCE_CAMERA, &m->why), 0);
    assert_true(m->w->transports[1].muted[PLM_SOURCE_CAMERA]);
    assert_false(m->w->transports[1].muted[PLM_SOURCE_MICROPHONE]);
    struct plm_msg *noticed = peer_expect(m->bob, PLM_MSG_noticed);
    assert_int_equal(noticed->noticed.notice, PLM_MSG_notice_muted);
    assert_int_equal(noticed->noticed.source, PLM_MSG_source_camera);
    assert_false(noticed->noticed.has_by); /* the API, nobody in the room */
    plm_msg_free(noticed);
    assert_int_equal(peer_count(m->ada, PLM_MSG_roster), 1); /* told without another turn */
    assert_int_equal(plm_api_mute(m->w->hub, "r", 99, PLM_SOURCE_CAMERA, &m->why), PLM_ENOENT);
    assert_int_equal(plm_api_mute(m->w->hub, "nowhere", 1, PLM_SOURCE_CAMERA, &m->why), PLM_ENOENT);
    assert_int_equal(
        plm_api_mute(m->w->hub, "r", m->id[0], PLM_SOURCE_CAMERA, &m->why), 0); /* sends nothing */
    assert_int_equal(peer_count(m->ada, PLM_MSG_noticed), 0);
}

static void test_move(void **state)
{
    struct meeting *m = *state;
    struct plm_msg_breakout_name rooms[] = {{.name = "Red"}};
    struct plm_msg open = {.type = PLM_MSG_breakout_open, .breakout_open = {.rooms = rooms, .n_rooms = 1}};
    assert_int_not_equal(plm_api_move(m->w->hub, "r", m->id[1], 1, &m->why), 0);
    assert_int_equal(m->why.code, PLM_MSG_error_code_not_found);
    assert_int_equal(peer_ask(m->ada, &open), -1);
    assert_int_equal(plm_api_move(m->w->hub, "r", m->id[1], 1, &m->why), 0);
    struct plm_msg *moved = peer_expect(m->bob, PLM_MSG_moved);
    assert_string_equal(moved->moved.room.name, "Red");
    plm_msg_free(moved);
    assert_int_equal(m->w->transports[1].moves, 1);
    struct plm_msg *left = peer_expect_left(m->ada);
    assert_int_equal(left->roster.left[0].reason, PLM_MSG_leave_reason_moved);
    plm_msg_free(left);
    assert_int_equal(plm_api_move(m->w->hub, "r", m->id[1], 0, &m->why), 0);
    assert_int_equal(m->w->transports[1].moves, 2);
    assert_int_not_equal(plm_api_move(m->w->hub, "r", 99, 0, &m->why), 0);
}

static void test_message(void **state)
{
    struct meeting *m = *state;
    char longer[4002];
    assert_int_equal(plm_api_message(m->w->hub, "r", 0, "Desk", "the hall closes", &m->why), 0);
    struct plm_msg *posted = peer_expect(m->ada, PLM_MSG_chat_posted);
    assert_string_equal(posted->chat_posted.message.name, "Desk");
    assert_string_equal(posted->chat_posted.message.text, "the hall closes");
    assert_int_equal(posted->chat_posted.message.from, 0);
    plm_msg_free(posted);
    assert_int_equal(peer_count(m->bob, PLM_MSG_chat_posted), 1);
    assert_int_equal(plm_api_message(m->w->hub, "r", m->id[1], "Desk", "your taxi is here", &m->why), 0);
    assert_int_equal(peer_count(m->bob, PLM_MSG_chat_posted), 2);
    assert_int_equal(peer_count(m->ada, PLM_MSG_chat_posted), 0); /* the first was read above */
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    assert_int_not_equal(plm_api_message(m->w->hub, "r", 0, "Desk", longer, &m->why), 0);
    assert_int_not_equal(plm_api_message(m->w->hub, "r", 0, "Desk", " ", &m->why), 0);
    assert_int_not_equal(plm_api_message(m->w->hub, "r", 0, "D\x01", "text", &m->why), 0);
    assert_int_not_equal(plm_api_message(m->w->hub, "r", 0, "Desk", "\xff", &m->why), 0);
    assert_int_not_equal(plm_api_message(m->w->hub, "r", 99, "Desk", "text", &m->why), 0);
    assert_int_equal(peer_count(m->bob, PLM_MSG_chat_posted), 2);
}

static void test_set_role(void **state)
{
    struct meeting *m = *state;
    assert_int_not_equal(plm_api_set_role(m->w->hub, NULL, "r", m->id[0], PLM_MSG_role_speaker, &m->why),
        0); /* nobody else leads */
    assert_int_equal(m->why.code, PLM_MSG_error_code_bad_state);
    assert_int_equal(plm_api_set_role(m->w->hub, NULL, "r", m->id[1], PLM_MSG_role_owner, &m->why), 0);
    struct plm_msg *changed = peer_expect_changed(m->ada);
    assert_int_equal(changed->roster.changed[0].role, PLM_MSG_role_owner);
    plm_msg_free(changed);
    assert_int_equal(plm_api_set_role(m->w->hub, NULL, "r", m->id[0], PLM_MSG_role_viewer, &m->why), 0);
    assert_int_equal(
        plm_api_set_role(m->w->hub, NULL, "r", m->id[1], PLM_MSG_role_owner, &m->why), 0); /* is it already */
    assert_int_not_equal(plm_api_set_role(m->w->hub, NULL, "r", 99, PLM_MSG_role_owner, &m->why), 0);
}

static int give(struct meeting *m, const struct plm_grants *by, int whom, enum plm_msg_role role)
{
    m->why = (struct plm_refusal){0};
    return plm_api_set_role(m->w->hub, by, "r", m->id[whom], role, &m->why);
}

/* By a moderator's token the same as with a moderator's seat; an owner's may what a key may. */
static void test_rank(void **state)
{
    struct meeting *m = *state;
    const struct plm_grants moderator = {.role = PLM_MSG_role_moderator, .identity = "mo"},
                            owner = {.role = PLM_MSG_role_owner};
    assert_int_equal(give(m, &moderator, 1, PLM_MSG_role_owner), PLM_EINVAL);
    assert_int_equal(m->why.code, PLM_MSG_error_code_forbidden);
    assert_int_equal(give(m, &moderator, 0, PLM_MSG_role_speaker), PLM_EINVAL); /* Ada leads */
    assert_int_equal(m->why.code, PLM_MSG_error_code_forbidden);
    assert_int_equal(give(m, &moderator, 1, PLM_MSG_role_moderator), 0);
    assert_int_equal(give(m, &owner, 1, PLM_MSG_role_owner), 0);
    assert_int_equal(give(m, &moderator, 1, PLM_MSG_role_viewer), PLM_EINVAL);
    assert_int_equal(m->why.code, PLM_MSG_error_code_forbidden);
    assert_int_equal(plm_api_kick(m->w->hub, &moderator, "r", m->id[1], &m->why), PLM_EINVAL);
    assert_int_equal(m->why.code, PLM_MSG_error_code_forbidden);
    assert_string_equal(m->why.field, "participant");
    struct plm_member *ada = plm_room_find_member(m->w->hub->rooms, m->id[0]);
    memcpy(ada->who.identity, "mo", sizeof "mo");
    assert_int_equal(give(m, &moderator, 0, PLM_MSG_role_speaker), 0); /* themselves */
    assert_int_equal(plm_api_kick(m->w->hub, &moderator, "r", m->id[0], &m->why), 0);
    assert_int_equal(plm_api_kick(m->w->hub, &owner, "r", m->id[1], &m->why), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mute), TEST(test_move), TEST(test_message), TEST(test_set_role), TEST(test_rank)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
