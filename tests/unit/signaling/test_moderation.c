#include "meeting.h"
#include "moderation.h"

#include <setjmp.h>

#include <cmocka.h>

#define PEOPLE 5 /* the first leads */

static int publish_as(struct peer *p, bool microphone, bool camera)
{
    struct plm_msg_track_line lines[] = {
        {.mid = "0", .source = PLM_MSG_source_microphone, .muted = !microphone},
        {.mid = "1", .source = PLM_MSG_source_camera, .muted = !camera},
        {.mid = "3", .source = PLM_MSG_source_screen, .muted = true}};
    return peer_publish(p, "user", 0x11, lines, 3);
}

static void publish(struct peer *p)
{
    assert_int_equal(publish_as(p, true, true), -1);
}

static int setup(void **state)
{
    *state = meeting_create(PEOPLE, publish);
    return 0;
}

/* As setup opened them. */
static struct world_transport *publisher(const struct meeting *m, unsigned i)
{
    return &m->w->transports[i + 1];
}

static bool is_muted(const struct meeting *m, unsigned i, enum plm_source source)
{
    return publisher(m, i)->muted[source];
}

static int mute_others(struct peer *p, uint32_t *who, size_t n, enum plm_msg_source source)
{
    struct plm_msg msg = {.type = PLM_MSG_mute_others,
        .mute_others = {.participants = who, .n_participants = n, .source = source}};
    return peer_ask(p, &msg);
}

static int mute(struct peer *p, enum plm_msg_source source, bool muted)
{
    struct plm_msg msg = {.type = PLM_MSG_mute, .mute = {.source = source, .muted = muted}};
    return peer_ask(p, &msg);
}

static int permit(struct peer *p, uint32_t *who, size_t n, enum plm_msg_source source, bool permitted)
{
    struct plm_msg msg = {.type = PLM_MSG_permit,
        .permit = {.participants = who, .n_participants = n, .source = source, .permitted = permitted}};
    return peer_ask(p, &msg);
}

static int set_role(struct peer *p, uint32_t who, enum plm_msg_role role)
{
    struct plm_msg msg = {.type = PLM_MSG_set_role, .set_role = {.participant = who, .role = role}};
    return peer_ask(p, &msg);
}

static void expect_notice(struct peer *p, enum plm_msg_notice what, enum plm_msg_source source, uint32_t by)
{
    struct plm_msg *msg = peer_expect(p, PLM_MSG_noticed);
    assert_non_null(msg);
    assert_int_equal(msg->noticed.notice, what);
    assert_int_equal(msg->noticed.has_by, by != 0);
    assert_int_equal(msg->noticed.by, by);
    assert_int_equal(msg->noticed.source, source);
    plm_msg_free(msg);
}

static void test_mute_others(void **state)
{
    struct meeting *m = *state;
    uint32_t who[] = {m->id[1], 4711};
    assert_int_equal(mute_others(m->p[1], who, 1, PLM_MSG_source_microphone), PLM_MSG_error_code_forbidden);
    assert_int_equal(mute_others(m->p[0], who, 2, PLM_MSG_source_camera), -1); /* who is gone is left out */
    assert_true(is_muted(m, 1, PLM_SOURCE_CAMERA));
    assert_false(is_muted(m, 2, PLM_SOURCE_CAMERA));
    expect_notice(m->p[1], PLM_MSG_notice_muted, PLM_MSG_source_camera, m->id[0]);
    assert_int_equal(mute_others(m->p[0], who + 1, 1, PLM_MSG_source_camera), PLM_MSG_error_code_not_found);

    assert_int_equal(set_role(m->p[0], m->id[2], PLM_MSG_role_moderator), -1);
    assert_int_equal(mute_others(m->p[0], NULL, 0, PLM_MSG_source_microphone), -1);
    for (unsigned i = 0; i < PEOPLE; i++)
        assert_int_equal(is_muted(m, i, PLM_SOURCE_MICROPHONE), i != 0 && i != 2);
    struct plm_msg *changed = peer_expect_changed(m->p[2]);
    assert_non_null(changed);
    plm_msg_free(changed);
    unsigned before = peer_count(m->p[3], PLM_MSG_noticed);
    assert_int_equal(mute_others(m->p[0], NULL, 0, PLM_MSG_source_microphone), -1);
    assert_int_equal(
        peer_count(m->p[3], PLM_MSG_noticed), before); /* nothing happened to those who are muted */
    assert_int_equal(mute(m->p[1], PLM_MSG_source_microphone, false), -1); /* they may go on */
    assert_false(is_muted(m, 1, PLM_SOURCE_MICROPHONE));
}

static void test_ask_unmute(void **state)
{
    struct meeting *m = *state;
    struct plm_msg ask = {.type = PLM_MSG_ask_unmute,
        .ask_unmute = {.participant = m->id[1], .source = PLM_MSG_source_microphone}};
    assert_int_equal(mute(m->p[1], PLM_MSG_source_microphone, true), -1);
    assert_int_equal(peer_ask(m->p[1], &ask), PLM_MSG_error_code_forbidden);
    assert_int_equal(peer_ask(m->p[0], &ask), -1);
    expect_notice(m->p[1], PLM_MSG_notice_unmute_asked, PLM_MSG_source_microphone, m->id[0]);
    assert_true(is_muted(m, 1, PLM_SOURCE_MICROPHONE)); /* only they themselves can */
    ask.ask_unmute.participant = 99;
    assert_int_equal(peer_ask(m->p[0], &ask), PLM_MSG_error_code_not_found);
    ask.ask_unmute.participant = m->id[1];
    ask.ask_unmute.source = PLM_MSG_source_screen;
    assert_int_equal(peer_ask(m->p[0], &ask), PLM_MSG_error_code_bad_message);
    uint32_t who[] = {m->id[1]};
    assert_int_equal(permit(m->p[0], who, 1, PLM_MSG_source_camera, false), -1);
    ask.ask_unmute.source = PLM_MSG_source_camera;
    assert_int_equal(peer_ask(m->p[0], &ask), PLM_MSG_error_code_bad_state);
}

static void test_permit(void **state)
{
    struct meeting *m = *state;
    uint32_t bob[] = {m->id[1]}, ada[] = {m->id[0]};
    assert_int_equal(permit(m->p[1], bob, 1, PLM_MSG_source_microphone, true), PLM_MSG_error_code_forbidden);
    assert_int_equal(permit(m->p[0], bob, 1, PLM_MSG_source_microphone, false), -1);
    assert_true(is_muted(m, 1, PLM_SOURCE_MICROPHONE));
    expect_notice(m->p[1], PLM_MSG_notice_muted, PLM_MSG_source_microphone, m->id[0]);
    struct plm_msg *changed = peer_expect_changed(m->p[2]);
    assert_false(changed->roster.changed[0].may_speak);
    assert_true(changed->roster.changed[0].may_show);
    plm_msg_free(changed);
    assert_int_equal(mute(m->p[1], PLM_MSG_source_microphone, false), PLM_MSG_error_code_forbidden);
    assert_true(is_muted(m, 1, PLM_SOURCE_MICROPHONE));
    assert_int_equal(mute(m->p[1], PLM_MSG_source_microphone, true), -1);

    peer_forget(m->p[1]);
    publish(m->p[1]); /* another door */
    assert_true(is_muted(m, 1, PLM_SOURCE_MICROPHONE));
    assert_false(is_muted(m, 1, PLM_SOURCE_CAMERA));
    expect_notice(m->p[1], PLM_MSG_notice_muted, PLM_MSG_source_microphone, 0);

    meeting_rules(m)->may_speak = false; /* for all, but Bob gets a permission of his own */
    plm_room_apply_rules(m->w->hub->rooms);
    for (unsigned i = 0; i < PEOPLE; i++)
        assert_int_equal(is_muted(m, i, PLM_SOURCE_MICROPHONE), i != 0);
    assert_int_equal(permit(m->p[0], bob, 1, PLM_MSG_source_microphone, true), -1);
    assert_true(is_muted(m, 1, PLM_SOURCE_MICROPHONE)); /* permitted is not unmuted */
    assert_int_equal(mute(m->p[1], PLM_MSG_source_microphone, false), -1);
    assert_int_equal(mute(m->p[2], PLM_MSG_source_microphone, false), PLM_MSG_error_code_forbidden);
    assert_int_equal(mute(m->p[0], PLM_MSG_source_microphone, true), -1);
    assert_int_equal(mute(m->p[0], PLM_MSG_source_microphone, false), -1);

    assert_int_equal(permit(m->p[0], NULL, 0, PLM_MSG_source_screen, false), -1);
    for (unsigned i = 0; i < PEOPLE; i++)
        assert_int_equal(plm_member_may_send(meeting_member(m, i), PLM_SOURCE_SCREEN), i == 0);
    assert_false(plm_member_may_send(meeting_member(m, 1), PLM_SOURCE_SCREEN_AUDIO));
    assert_int_equal(
        permit(m->p[0], NULL, 0, PLM_MSG_source_screen_audio, false), PLM_MSG_error_code_bad_message);
    assert_int_equal(permit(m->p[0], ada, 1, PLM_MSG_source_camera, false), -1); /* leaders may always */
    assert_false(is_muted(m, 0, PLM_SOURCE_CAMERA));
}

/* Every rule at every door: a new publication, unmuting, an encoder, a change while the socket is away. */
/* The room's rule for screens, and for their sound. */
static void test_sharing(void **state)
{
    struct meeting *m = *state;
    assert_int_equal(mute(m->p[1], PLM_MSG_source_screen, false), -1);
    meeting_rules(m)->may_share = false;
    plm_room_apply_rules(m->w->hub->rooms);
    assert_true(is_muted(m, 1, PLM_SOURCE_SCREEN));
    assert_false(is_muted(m, 1, PLM_SOURCE_CAMERA));
    assert_int_equal(mute(m->p[1], PLM_MSG_source_screen, false), PLM_MSG_error_code_forbidden);
    assert_false(plm_member_may_send(meeting_member(m, 1), PLM_SOURCE_SCREEN_AUDIO));
    assert_int_equal(mute(m->p[0], PLM_MSG_source_screen, false), -1);
}

static void test_rules(void **state)
{
    struct meeting *m = *state;
    struct plm_resource_reply reply;
    char *offer = sdp_publish(m->w, "whip", 0x44, 1);
    struct plm_resource_request request = {
        .kind = PLM_RESOURCE_WHIP, .room = "r", .sdp = offer, .len = strlen(offer)};
    meeting_rules(m)->may_show = false;
    plm_room_apply_rules(m->w->hub->rooms);
    assert_true(is_muted(m, 1, PLM_SOURCE_CAMERA));
    assert_false(is_muted(m, 1, PLM_SOURCE_MICROPHONE));
    expect_notice(m->p[1], PLM_MSG_notice_muted, PLM_MSG_source_camera, 0);
    assert_false(is_muted(m, 0, PLM_SOURCE_CAMERA));

    assert_int_equal(plm_resource_post(m->w->hub, &request, &reply), 0);
    plm_resource_reply_clear(&reply);
    const struct world_transport *encoder = &m->w->transports[m->w->last_transport];
    assert_true(encoder->muted[PLM_SOURCE_CAMERA]);
    assert_false(encoder->muted[PLM_SOURCE_MICROPHONE]);

    struct peer *p = peer_create(m->w);
    struct plm_msg *joined = peer_join(p, "r", "Fay");
    char secret[65];
    snprintf(secret, sizeof secret, "%s", joined->joined.secret);
    assert_false(joined->joined.room.settings.may_show);
    plm_msg_free(joined);
    publish(p);
    const struct world_transport *t = &m->w->transports[m->w->last_transport];
    assert_true(t->muted[PLM_SOURCE_CAMERA]);
    assert_false(t->muted[PLM_SOURCE_MICROPHONE]);
    peer_destroy(p);
    meeting_rules(m)->may_speak = false;
    plm_room_apply_rules(m->w->hub->rooms);
    assert_true(t->muted[PLM_SOURCE_MICROPHONE]); /* though nobody can be told now */
    p = peer_create(m->w);
    struct plm_msg resume = {.type = PLM_MSG_resume, .resume = {.secret = secret}};
    peer_request(p, &resume);
    joined = peer_expect(p, PLM_MSG_joined);
    const struct plm_msg_participant *fay = &joined->joined.participants[joined->joined.n_participants - 1];
    assert_string_equal(fay->name, "Fay");
    assert_false(fay->may_speak);
    assert_true(fay->tracks[0].muted);
    plm_msg_free(joined);
    assert_int_equal(mute(p, PLM_MSG_source_microphone, false), PLM_MSG_error_code_forbidden);
    peer_destroy(p);
    free(offer);
}

static void test_start_off(void **state)
{
    struct meeting *m = *state;
    meeting_rules(m)->start_muted = meeting_rules(m)->start_camera_off = true;
    struct peer *p = peer_enter(m->w, "r", "Fay", NULL);
    publish(p);
    struct world_transport *t = &m->w->transports[m->w->last_transport];
    assert_true(t->muted[PLM_SOURCE_MICROPHONE]);
    assert_true(t->muted[PLM_SOURCE_CAMERA]);
    assert_int_equal(mute(p, PLM_MSG_source_microphone, false), -1); /* only the start */
    assert_false(t->muted[PLM_SOURCE_MICROPHONE]);
    publish(p);
    assert_false(t->muted[PLM_SOURCE_CAMERA]);
    peer_destroy(p);
    world_token(m->w, "leads", PLM_MSG_role_moderator);
    p = peer_create(m->w);
    peer_knock(p, &(struct plm_msg_join){.room = "r", .name = "Gus", .token = "leads"});
    publish(p); /* who leads begins as they like */
    t = &m->w->transports[m->w->last_transport];
    assert_false(t->muted[PLM_SOURCE_MICROPHONE]);
    assert_false(t->muted[PLM_SOURCE_CAMERA]);
    peer_destroy(p);
    publish(m->p[1]); /* whoever was there before */
    assert_false(is_muted(m, 1, PLM_SOURCE_MICROPHONE));
}

static void test_roles(void **state)
{
    struct meeting *m = *state;
    const enum plm_msg_role owner = PLM_MSG_role_owner, moderator = PLM_MSG_role_moderator,
                            speaker = PLM_MSG_role_speaker;
    assert_int_equal(set_role(m->p[1], m->id[1], moderator), PLM_MSG_error_code_forbidden);
    assert_int_equal(set_role(m->p[0], 99, moderator), PLM_MSG_error_code_not_found);
    assert_int_equal(set_role(m->p[0], m->id[0], owner), PLM_MSG_error_code_forbidden);
    assert_int_equal(set_role(m->p[0], m->id[1], owner), PLM_MSG_error_code_forbidden);
    assert_int_equal(
        set_role(m->p[0], m->id[0], speaker), PLM_MSG_error_code_bad_state); /* nobody else leads */
    assert_int_equal(set_role(m->p[0], m->id[1], moderator), -1);
    struct plm_msg *changed = peer_expect_changed(m->p[2]);
    assert_int_equal(changed->roster.changed[0].role, moderator);
    plm_msg_free(changed);
    assert_int_equal(set_role(m->p[1], m->id[0], speaker), PLM_MSG_error_code_forbidden);
    assert_int_equal(set_role(m->p[0], m->id[0], speaker), -1);
    assert_int_equal(set_role(m->p[0], m->id[0], moderator), PLM_MSG_error_code_forbidden);

    meeting_member(m, 2)->role = PLM_MSG_role_owner; /* as by the owner's key */
    assert_int_equal(set_role(m->p[1], m->id[2], speaker), PLM_MSG_error_code_forbidden);
    assert_int_equal(set_role(m->p[2], m->id[3], owner), -1);
    assert_int_equal(set_role(m->p[2], m->id[1], speaker), -1);
    assert_int_equal(set_role(m->p[3], m->id[2], speaker), -1);
    assert_int_equal(set_role(m->p[3], m->id[3], speaker), PLM_MSG_error_code_bad_state);
}

static void test_viewer(void **state)
{
    struct meeting *m = *state;
    assert_int_equal(set_role(m->p[0], m->id[1], PLM_MSG_role_viewer), -1);
    assert_false(publisher(m, 1)->open);
    struct plm_msg *changed = peer_expect_changed(m->p[2]);
    assert_int_equal(changed->roster.changed[0].role, PLM_MSG_role_viewer);
    assert_int_equal(changed->roster.changed[0].n_tracks, 0);
    assert_false(changed->roster.changed[0].may_speak);
    plm_msg_free(changed);
    assert_int_equal(publish_as(m->p[1], true, true), PLM_MSG_error_code_forbidden);
    assert_int_equal(mute(m->p[1], PLM_MSG_source_microphone, false), PLM_MSG_error_code_forbidden);
    assert_int_equal(set_role(m->p[0], m->id[1], PLM_MSG_role_speaker), -1);
    publish(m->p[1]);
    meeting_rules(m)->may_speak = false;
    assert_int_equal(set_role(m->p[0], m->id[2], PLM_MSG_role_moderator), -1);
    assert_int_equal(
        set_role(m->p[0], m->id[0], PLM_MSG_role_speaker), -1); /* rules bind whoever leads no more */
    assert_true(is_muted(m, 0, PLM_SOURCE_MICROPHONE));
}

static void test_encoders_have_no_role(void **state)
{
    struct meeting *m = *state;
    struct plm_resource_reply reply;
    char *offer = sdp_publish(m->w, "whip", 0x44, 1);
    struct plm_resource_request request = {
        .kind = PLM_RESOURCE_WHIP, .room = "r", .sdp = offer, .len = strlen(offer)};
    assert_int_equal(plm_resource_post(m->w->hub, &request, &reply), 0);
    plm_resource_reply_clear(&reply);
    free(offer);
    uint32_t encoder = m->id[PEOPLE - 1] + 1;
    assert_int_equal(set_role(m->p[0], encoder, PLM_MSG_role_moderator), PLM_MSG_error_code_bad_state);
    assert_int_equal(mute_others(m->p[0], &encoder, 1, PLM_MSG_source_camera), -1);
    assert_true(m->w->transports[m->w->last_transport].muted[PLM_SOURCE_CAMERA]);
}

/* Nobody sits at an encoder: a mute of everybody leaves it alone, and what is permitted again is heard again. */
static void test_encoders_are_unmuted(void **state)
{
    struct meeting *m = *state;
    struct plm_resource_reply reply;
    char *offer = sdp_publish(m->w, "whip", 0x44, 1);
    struct plm_resource_request request = {
        .kind = PLM_RESOURCE_WHIP, .room = "r", .sdp = offer, .len = strlen(offer)};
    assert_int_equal(plm_resource_post(m->w->hub, &request, &reply), 0);
    plm_resource_reply_clear(&reply);
    free(offer);
    uint32_t encoder = m->id[PEOPLE - 1] + 1;
    const bool *muted = m->w->transports[m->w->last_transport].muted;
    const enum plm_msg_source microphone = PLM_MSG_source_microphone;
    struct plm_msg ask = {
        .type = PLM_MSG_ask_unmute, .ask_unmute = {.participant = encoder, .source = microphone}};
    assert_int_equal(mute_others(m->p[0], NULL, 0, microphone), -1);
    assert_true(is_muted(m, 1, PLM_SOURCE_MICROPHONE));
    assert_false(muted[PLM_SOURCE_MICROPHONE]);

    assert_int_equal(mute_others(m->p[0], &encoder, 1, microphone), -1);
    assert_true(muted[PLM_SOURCE_MICROPHONE]);
    assert_int_equal(peer_ask(m->p[0], &ask), PLM_MSG_error_code_bad_state);
    for (int i = 0; i < 2; i++) { /* also of what was permitted before */
        assert_int_equal(permit(m->p[0], &encoder, 1, microphone, true), -1);
        assert_false(muted[PLM_SOURCE_MICROPHONE]);
        assert_int_equal(mute_others(m->p[0], &encoder, 1, microphone), -1);
        assert_true(muted[PLM_SOURCE_MICROPHONE]);
    }
    assert_int_equal(permit(m->p[0], &encoder, 1, PLM_MSG_source_camera, true), -1);
    assert_true(muted[PLM_SOURCE_MICROPHONE]);
    assert_int_equal(permit(m->p[0], &encoder, 1, microphone, false), -1);
    assert_int_equal(permit(m->p[0], NULL, 0, microphone, true), -1);
    assert_false(muted[PLM_SOURCE_MICROPHONE]);
}

static void test_encoders_follow_rules(void **state)
{
    struct meeting *m = *state;
    struct plm_resource_reply reply;
    char *offer = sdp_publish(m->w, "whip", 0x44, 1);
    struct plm_resource_request request = {
        .kind = PLM_RESOURCE_WHIP, .room = "r", .sdp = offer, .len = strlen(offer)};
    meeting_rules(m)->may_speak = false;
    plm_room_apply_rules(m->w->hub->rooms);
    assert_int_equal(plm_resource_post(m->w->hub, &request, &reply), 0);
    plm_resource_reply_clear(&reply);
    free(offer);
    const bool *muted = m->w->transports[m->w->last_transport].muted;
    assert_true(muted[PLM_SOURCE_MICROPHONE]);
    meeting_rules(m)->may_speak = true;
    plm_room_apply_rules(m->w->hub->rooms);
    assert_false(muted[PLM_SOURCE_MICROPHONE]);
    assert_true(is_muted(m, 1, PLM_SOURCE_MICROPHONE)); /* people unmute themselves */
}

/* A media plane that refuses to mute leaves the picture as it is, and says so to who asked for their own. */
static void test_media_refuses(void **state)
{
    struct meeting *m = *state;
    m->w->fail.mute = PLM_ENOENT;
    assert_int_equal(mute(m->p[1], PLM_MSG_source_microphone, true), PLM_MSG_error_code_internal);
    assert_int_equal(mute_others(m->p[0], NULL, 0, PLM_MSG_source_microphone), -1);
    assert_int_equal(peer_count(m->p[1], PLM_MSG_noticed), 0);
    m->w->fail.mute = 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, meeting_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_mute_others), TEST(test_ask_unmute), TEST(test_permit),
        TEST(test_sharing), TEST(test_rules), TEST(test_start_off), TEST(test_roles), TEST(test_viewer),
        TEST(test_encoders_have_no_role), TEST(test_encoders_are_unmuted), TEST(test_encoders_follow_rules),
        TEST(test_media_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
