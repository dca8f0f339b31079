#include "api.h"
#include "records.h"
#include "world.h"

#include <errno.h>
#include <setjmp.h>

#include <cmocka.h>

static const struct plm_api_change nothing;

struct seen {
    char keys[256];
    size_t n, stop_after;
};

static bool see_room(void *arg, const struct plm_api_room *room)
{
    struct seen *s = arg;
    size_t len = strlen(s->keys);
    snprintf(s->keys + len, sizeof s->keys - len, "%s%s", room->record->key, room->running ? "* " : " ");
    return ++s->n != s->stop_after;
}

static void test_list(void **state)
{
    struct world *w = *state;
    struct plm_refusal why;
    const char *const names[] = {"delta", "Alpha", "charlie", "Bravo"};
    struct seen none = {0}, all = {0}, some = {.stop_after = 2};
    plm_api_rooms(w->hub, "", see_room, &none);
    assert_int_equal(none.n, 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(plm_api_room_create(w->hub, names[i], &nothing, &why), 0);
    struct peer *p = peer_enter(w, "charlie", "Ada", NULL);
    plm_api_rooms(w->hub, "", see_room, &all);
    assert_string_equal(all.keys, "alpha bravo charlie* delta ");
    plm_api_rooms(w->hub, "Alpha", see_room, &some);
    assert_string_equal(some.keys, "bravo charlie* ");
    struct plm_api_room bravo;
    struct seen by_number = {0}, gone = {0};
    assert_int_equal(plm_api_room_get(w->hub, "bravo", &bravo), 0);
    assert_int_equal(plm_api_rooms(w->hub, bravo.record->code, see_room, &by_number), 0);
    assert_string_equal(by_number.keys, "charlie* delta ");
    assert_int_equal(plm_api_rooms(w->hub, "Caesar", see_room, &gone), 0);
    assert_string_equal(gone.keys, "charlie* delta ");
    assert_int_equal(plm_api_rooms(w->hub, "a/b", see_room, &gone), PLM_EINVAL);
    assert_int_equal(plm_api_rooms(w->hub, "000-0000-000", see_room, &gone), PLM_EINVAL);
    peer_destroy(p);
}

static void test_create(void **state)
{
    static const enum plm_codec codecs[PLM_CODEC_COUNT] = {PLM_CODEC_OPUS, PLM_CODEC_VP8};
    struct world *w = *state;
    struct plm_room_settings rules;
    struct plm_refusal why;
    struct plm_api_room room;
    plm_room_settings_default(&rules);
    rules.lobby = true;
    snprintf(rules.title, sizeof rules.title, "  Title ");
    struct plm_api_change change = {.settings = &rules, .password_hash = "#x", .codecs = codecs};
    assert_int_equal(plm_api_room_create(w->hub, "Room", &change, &why), 0);
    assert_int_equal(plm_api_room_get(w->hub, "rOOM", &room), 0);
    assert_string_equal(room.record->settings.title, "Title");
    assert_true(room.record->lasting);
    assert_string_equal(room.record->password_hash, "#x");
    assert_int_equal(room.record->codecs[1], PLM_CODEC_VP8);
    assert_false(room.running);
    char code[PLM_ROOM_CODE_SIZE];
    memcpy(code, room.record->code, sizeof code);
    assert_int_equal(plm_api_room_get(w->hub, code, &room), 0);
    assert_int_equal(plm_api_room_get(w->hub, "none", &room), PLM_ENOENT);
    assert_int_equal(plm_api_room_create(w->hub, "ROOM", &change, &why), -EEXIST);
    assert_true(plm_api_room_create(w->hub, "0123456789", &change, &why) < 0);
    assert_int_equal(why.code, PLM_MSG_error_code_bad_message);
    assert_true(plm_api_room_create(w->hub, "a/b", &change, &why) < 0);
}

static void test_bad_changes(void **state)
{
    struct world *w = *state;
    struct plm_room_settings rules;
    struct plm_refusal why;
    struct plm_api_room room;
    char long_hash[PLM_HASH_SIZE + 1];
    memset(long_hash, 'x', PLM_HASH_SIZE);
    long_hash[PLM_HASH_SIZE] = 0;
    plm_room_settings_default(&rules);
    struct plm_api_change c = {.password_hash = long_hash};
    assert_int_equal(plm_api_room_create(w->hub, "r", &c, &why), PLM_EINVAL);
    c = (struct plm_api_change){.owner_digest = "0123"};
    assert_int_equal(plm_api_room_create(w->hub, "r", &c, &why), PLM_EINVAL);
    c = (struct plm_api_change){.settings = &rules};
    rules.max_minutes = 1441;
    assert_int_equal(plm_api_room_create(w->hub, "r", &c, &why), PLM_EINVAL);
    rules.max_minutes = 0;
    rules.max_participants = 1001;
    assert_int_equal(plm_api_room_create(w->hub, "r", &c, &why), PLM_EINVAL);
    rules.max_participants = 0;
    snprintf(rules.title, sizeof rules.title, "a\nb");
    assert_int_equal(plm_api_room_create(w->hub, "r", &c, &why), PLM_EINVAL);
    assert_int_equal(plm_api_room_get(w->hub, "r", &room), PLM_ENOENT);
    assert_int_equal(plm_api_room_change(w->hub, NULL, "r", &nothing, &why), PLM_ENOENT);
}

static int change_as(
    struct world *w, enum plm_msg_role role, const struct plm_api_change *c, const char *field)
{
    const struct plm_grants by = {.role = role};
    struct plm_refusal why = {0};
    int err = plm_api_room_change(w->hub, &by, "r", c, &why);
    if (err)
        assert_int_equal(why.code, PLM_MSG_error_code_forbidden);
    assert_string_equal(why.field, field);
    return err;
}

/* A moderator's token decides what a moderator decides in the meeting: not whose the room is, nor whether an owned one is recorded. */
static void test_change_by_rank(void **state)
{
    struct world *w = *state;
    struct plm_room_settings rules;
    struct plm_refusal why;
    struct plm_api_room room;
    char digest[PLM_KEY_DIGEST_SIZE];
    const enum plm_codec codecs[PLM_CODEC_COUNT] = {PLM_CODEC_VP8};
    const struct plm_api_change owner = {.owner_digest = digest}, nobodys = {.owner_digest = ""},
                                list = {.codecs = codecs}, c = {.settings = &rules};
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    memset(digest, 'a', sizeof digest - 1);
    digest[sizeof digest - 1] = 0;
    plm_room_settings_default(&rules);
    rules.may_record = false;
    assert_int_equal(change_as(w, PLM_MSG_role_moderator, &owner, "owner"), PLM_EINVAL);
    assert_int_equal(change_as(w, PLM_MSG_role_moderator, &list, "codecs"), PLM_EINVAL);
    assert_int_equal(change_as(w, PLM_MSG_role_moderator, &c, ""), 0); /* it is nobody's */
    assert_int_equal(plm_api_room_get(w->hub, "r", &room), 0);
    assert_false(room.record->lasting);
    assert_int_equal(plm_api_room_change(w->hub, NULL, "r", &owner, &why), 0);
    assert_true(room.record->lasting);
    assert_int_equal(change_as(w, PLM_MSG_role_moderator, &nobodys, "owner"), PLM_EINVAL);
    rules.lobby = true;
    assert_int_equal(change_as(w, PLM_MSG_role_moderator, &c, ""), 0);
    rules.may_record = true;
    assert_int_equal(change_as(w, PLM_MSG_role_moderator, &c, "settings.may_record"), PLM_EINVAL);
    assert_false(room.record->settings.may_record);
    assert_int_equal(change_as(w, PLM_MSG_role_owner, &c, ""), 0);
    assert_true(room.record->settings.may_record);
    assert_int_equal(change_as(w, PLM_MSG_role_owner, &list, ""), 0);
    assert_int_equal(change_as(w, PLM_MSG_role_owner, &nobodys, ""), 0);
    assert_string_equal(room.record->owner_digest, "");
    peer_destroy(a);
}

/* A change is told to those who are there, and the lobby let in when it is taken away. */
static void test_change(void **state)
{
    struct world *w = *state;
    struct plm_room_settings rules;
    struct plm_refusal why;
    struct plm_api_room room;
    const struct plm_api_change c = {.settings = &rules, .owner_digest = ""};
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_create(w);
    plm_room_settings_default(&rules);
    rules.lobby = true;
    assert_int_equal(plm_api_room_change(w->hub, NULL, "r", &c, &why), 0);
    struct plm_msg *msg = peer_expect(a, PLM_MSG_room_changed);
    assert_true(msg->room_changed.room.settings.lobby);
    plm_msg_free(msg);
    assert_null(peer_join(b, "r", "Bob"));
    assert_int_equal(plm_api_room_get(w->hub, "r", &room), 0);
    assert_true(room.running);
    assert_int_equal(room.participants, 1);
    assert_int_equal(room.waiting, 1);
    assert_true(room.started_at != 0);
    assert_int_equal(room.ends_at, 0);
    rules.lobby = false;
    rules.max_minutes = 30;
    assert_int_equal(plm_api_room_change(w->hub, NULL, "r", &c, &why), 0);
    msg = peer_expect(b, PLM_MSG_joined);
    assert_non_null(msg);
    plm_msg_free(msg);
    assert_int_equal(plm_api_room_get(w->hub, "r", &room), 0);
    assert_int_equal(room.ends_at, room.started_at + 30 * 60000);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_end_and_delete(void **state)
{
    struct world *w = *state;
    struct plm_refusal why;
    struct plm_api_room room;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    assert_int_equal(w->events[PLM_HUB_ROOM_STARTED], 1);
    assert_int_equal(plm_api_room_end(w->hub, "r", &why), 0);
    assert_int_equal(a->closed, PLM_SESSION_CLOSE_DONE);
    assert_int_equal(w->events[PLM_HUB_ROOM_ENDED], 1);
    assert_int_equal(plm_api_room_end(w->hub, "r", &why), PLM_ENOENT);
    assert_int_equal(plm_api_room_get(w->hub, "r", &room), 0);
    peer_destroy(a);
    a = peer_enter(w, "r", "Ada", NULL);
    assert_int_equal(plm_api_room_delete(w->hub, "r", &why), 0);
    assert_int_equal(a->closed, PLM_SESSION_CLOSE_DONE);
    assert_int_equal(plm_api_room_get(w->hub, "r", &room), PLM_ENOENT);
    assert_int_equal(plm_api_room_delete(w->hub, "r", &why), PLM_ENOENT);
    assert_int_equal(w->rooms, 0);
    peer_destroy(a);
}

/* What is agreed with publishers: the room's own codecs in place of the server's. */
static void test_codecs(void **state)
{
    static const enum plm_codec h264[PLM_CODEC_COUNT] = {PLM_CODEC_OPUS, PLM_CODEC_H264};
    struct world *w = *state;
    struct plm_refusal why;
    const struct plm_api_change change = {.codecs = h264};
    char *offer = sdp_publish(w, "adas", 0x11, 1); /* Opus and VP8 */
    struct plm_msg_track_line line = {.mid = "0", .source = PLM_MSG_source_microphone};
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = &line, .n_tracks = 1}};
    assert_int_equal(plm_api_room_create(w->hub, "own", &change, &why), 0);
    const char *const rooms[] = {"own", "usual"};
    for (size_t i = 0; i < 2; i++) {
        struct peer *p = peer_enter(w, rooms[i], "Ada", NULL);
        peer_request(p, &publish);
        struct plm_msg *msg = peer_expect(p, PLM_MSG_published);
        assert_non_null(msg);
        assert_non_null(strstr(msg->published.sdp, "opus/48000"));
        assert_int_equal(strstr(msg->published.sdp, "VP8/90000") != NULL, i == 1);
        plm_msg_free(msg);
        peer_destroy(p);
    }
    free(offer);
}

static bool see_person(void *arg, const struct plm_api_participant *p)
{
    struct seen *s = arg;
    size_t len = strlen(s->keys);
    snprintf(s->keys + len, sizeof s->keys - len, "%u:%s:%s:%d%d%d%u ", p->id, p->name,
        plm_msg_role_name(p->role), p->detached, p->microphone, p->hand, p->breakout);
    return ++s->n != s->stop_after;
}

static void test_participants(void **state)
{
    struct world *w = *state;
    struct plm_refusal why;
    struct seen all = {0}, one = {.stop_after = 1}, moved = {0};
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    char *offer = sdp_publish(w, "adas", 0x11, 1);
    struct plm_msg_track_line line = {.mid = "0", .source = PLM_MSG_source_microphone};
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = &line, .n_tracks = 1}};
    peer_request(a, &publish);
    free(offer);
    peer_say(b, "{\"type\":\"hand\",\"id\":4,\"raised\":true}");
    peer_destroy(b);
    assert_int_equal(plm_api_participants(w->hub, "r", see_person, &all, &why), 0);
    assert_string_equal(all.keys, "1:Ada:moderator:0100 2:Bob:speaker:1010 ");
    assert_int_equal(plm_api_participants(w->hub, "r", see_person, &one, &why), 0);
    assert_int_equal(one.n, 1);
    assert_int_equal(plm_api_participants(w->hub, "s", see_person, &all, &why), PLM_ENOENT);
    assert_int_equal(plm_api_mute(w->hub, "r", 1, PLM_SOURCE_MICROPHONE, &why), 0);
    struct plm_msg *msg = peer_expect(a, PLM_MSG_noticed);
    assert_int_equal(msg->noticed.notice, PLM_MSG_notice_muted);
    assert_false(msg->noticed.has_by);
    plm_msg_free(msg);
    assert_int_equal(plm_api_mute(w->hub, "r", 9, PLM_SOURCE_MICROPHONE, &why), PLM_ENOENT);
    assert_int_equal(plm_api_set_role(w->hub, NULL, "r", 2, PLM_MSG_role_owner, &why), 0);
    peer_say(a, "{\"type\":\"breakout_open\",\"id\":5,\"rooms\":[{\"name\":\"Den\"}]}");
    assert_int_equal(plm_api_move(w->hub, "r", 2, 1, &why), 0);
    assert_true(plm_api_move(w->hub, "r", 2, 7, &why) < 0);
    assert_int_equal(plm_api_participants(w->hub, "r", see_person, &moved, &why), 0);
    assert_non_null(strstr(moved.keys, "2:Bob:owner:1001 "));
    assert_int_equal(plm_api_kick(w->hub, NULL, "r", 2, &why), 0);
    assert_int_equal(plm_api_kick(w->hub, NULL, "r", 2, &why), PLM_ENOENT);
    assert_string_equal(w->event_reason, "removed");
    peer_destroy(a);
}

static void test_message(void **state)
{
    struct world *w = *state;
    struct plm_refusal why;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    char text[4002];
    assert_int_equal(plm_api_message(w->hub, "r", 0, " Desk ", "to all\nof you", &why), 0);
    struct plm_msg *msg = peer_expect(b, PLM_MSG_chat_posted);
    assert_string_equal(msg->chat_posted.message.name, "Desk");
    assert_string_equal(msg->chat_posted.message.text, "to all\nof you");
    assert_int_equal(msg->chat_posted.message.from, 0);
    plm_msg_free(msg);
    plm_msg_free(peer_expect(a, PLM_MSG_chat_posted));
    assert_int_equal(plm_api_message(w->hub, "r", 2, "Desk", "to Bob", &why), 0);
    msg = peer_expect(b, PLM_MSG_chat_posted);
    assert_string_equal(msg->chat_posted.message.text, "to Bob");
    plm_msg_free(msg);
    assert_null(peer_expect(a, PLM_MSG_chat_posted));
    memset(text, 'x', sizeof text);
    text[4001] = 0;
    assert_int_equal(plm_api_message(w->hub, "r", 0, "Desk", text, &why), PLM_EINVAL);
    text[4000] = 0;
    assert_int_equal(plm_api_message(w->hub, "r", 0, "Desk", text, &why), 0);
    assert_int_equal(plm_api_message(w->hub, "r", 0, "Desk", " ", &why), PLM_EINVAL);
    assert_int_equal(plm_api_message(w->hub, "r", 0, "", "x", &why), PLM_EINVAL);
    assert_int_equal(plm_api_message(w->hub, "r", 9, "Desk", "x", &why), PLM_ENOENT);
    assert_int_equal(plm_api_message(w->hub, "s", 0, "Desk", "x", &why), PLM_ENOENT);
    peer_destroy(a);
    peer_destroy(b);
}

/* A removal takes the token's id from every room, the identity from this one until the meeting ends. */
static void test_banned(void **state)
{
    struct world *w = *state;
    struct plm_refusal why = {0};
    uint32_t id;
    struct plm_grants *g = world_token(w, "t", PLM_MSG_role_moderator), other;
    snprintf(g->identity, sizeof g->identity, "eve");
    snprintf(g->token_id, sizeof g->token_id, "one");
    other = *g;
    snprintf(other.token_id, sizeof other.token_id, "two");
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *e = peer_create(w);
    peer_knock(e, &(struct plm_msg_join){.room = "r", .name = "Eve", .token = "t"});
    struct plm_msg *joined = peer_expect(e, PLM_MSG_joined);
    assert_non_null(joined);
    id = joined->joined.participant;
    plm_msg_free(joined);
    assert_false(plm_api_is_banned(w->hub, "r", g));
    assert_int_equal(plm_api_kick(w->hub, NULL, "r", id, &why), 0);
    assert_true(plm_api_is_banned(w->hub, "R", g));
    assert_true(plm_api_is_banned(w->hub, NULL, g));
    assert_true(plm_api_is_banned(w->hub, "elsewhere", g));
    assert_true(plm_api_is_banned(w->hub, "r", &other));
    assert_false(plm_api_is_banned(w->hub, NULL, &other));
    assert_false(plm_api_is_banned(w->hub, "elsewhere", &other));
    assert_int_equal(plm_api_room_end(w->hub, "r", &why), 0);
    assert_true(plm_api_is_banned(w->hub, "r", g));
    assert_false(plm_api_is_banned(w->hub, "r", &other));
    peer_destroy(a);
    peer_destroy(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_banned, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_list, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_create, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_bad_changes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_change, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_change_by_rank, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_end_and_delete, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_codecs, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_participants, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_message, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
