#include "bans.h"
#include "digest.h"
#include "guess.h"
#include "lead.h"
#include "room.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

/* @param id of the participant, may be NULL */
static struct peer *enter(struct world *w, const struct plm_msg_join *join, uint32_t *id)
{
    struct peer *p = peer_create(w);
    peer_knock(p, join);
    struct plm_msg *joined = peer_expect(p, PLM_MSG_joined);
    assert_non_null(joined);
    if (id)
        *id = joined->joined.participant;
    plm_msg_free(joined);
    return p;
}

static struct peer *enter_as(struct world *w, const char *name)
{
    return enter(w, &(struct plm_msg_join){.room = "r", .name = name}, NULL);
}

static void configure(struct peer *p, const char *rest)
{
    peer_say(p, "{\"type\":\"configure\",\"id\":%u,%s}", ++p->next_id, rest);
    world_passwords(p->w);
    assert_true(peer_is_done(p));
}

static int refused(struct world *w, const struct plm_msg_join *join)
{
    struct peer *p = peer_create(w);
    peer_knock(p, join);
    world_passwords(w);
    int code = peer_error(p);
    peer_destroy(p);
    return code;
}

/* ---- rules ---- */

static void test_configure(void **state)
{
    struct world *w = *state;
    struct peer *a = enter_as(w, "Ada"), *b = enter_as(w, "Bob");
    configure(a, "\"settings\":{\"title\":\"Planning\",\"may_chat\":false,\"max_minutes\":60}");
    struct plm_msg *msg = peer_expect(b, PLM_MSG_room_changed);
    const struct plm_msg_room_info *room = &msg->room_changed.room;
    assert_string_equal(room->settings.title, "Planning");
    assert_false(room->settings.may_chat);
    assert_true(room->settings.may_share); /* not named: as it was */
    assert_int_equal(room->settings.max_minutes, 60);
    assert_true(room->has_ends_at);
    assert_int_equal(room->ends_at, room->started_at + 3600000);
    assert_false(room->has_password);
    plm_msg_free(msg);
    peer_say(b, "{\"type\":\"configure\",\"id\":8,\"settings\":{\"may_chat\":true}}");
    assert_int_equal(peer_error(b), PLM_MSG_error_code_forbidden);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_password(void **state)
{
    struct world *w = *state;
    const struct plm_msg_join with = {.room = "r", .name = "C", .password = "new"},
                              without = {.room = "r", .name = "C"};
    struct peer *a = enter_as(w, "Ada");
    peer_say(a, "{\"type\":\"configure\",\"id\":8,\"settings\":{\"title\":\"T\"},\"password\":\"new\"}");
    assert_null(peer_expect(a, PLM_MSG_done)); /* nothing is changed before it is hashed */
    peer_say(a, "{\"type\":\"configure\",\"id\":9,\"settings\":{},\"password\":\"other\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_state);
    world_passwords(w);
    struct plm_msg *msg = peer_expect(a, PLM_MSG_room_changed);
    assert_true(msg->room_changed.room.has_password);
    assert_string_equal(msg->room_changed.room.settings.title, "T");
    plm_msg_free(msg);
    assert_true(peer_is_done(a));
    assert_int_equal(refused(w, &without), PLM_MSG_error_code_password);
    assert_int_equal(refused(w, &with), -1);
    configure(a, "\"settings\":{},\"no_password\":true");
    assert_int_equal(refused(w, &without), -1);
    peer_say(a, "{\"type\":\"configure\",\"id\":10,\"settings\":{},\"no_password\":true,\"password\":\"x\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_message);
    w->fail.password = PLM_ELIMIT;
    peer_say(a, "{\"type\":\"configure\",\"id\":11,\"settings\":{},\"password\":\"x\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_too_fast);
    peer_destroy(a);
}

/* The hash comes when who asked is gone, or leads no longer. */
static void test_password_races(void **state)
{
    struct world *w = *state;
    uint32_t id;
    struct peer *a = enter_as(w, "Ada");
    struct peer *b = enter(w, &(struct plm_msg_join){.room = "r", .name = "Bob"}, &id);
    struct plm_room *room = w->hub->rooms;
    peer_say(a, "{\"type\":\"set_role\",\"id\":7,\"participant\":%u,\"role\":\"moderator\"}", id);
    peer_say(b, "{\"type\":\"configure\",\"id\":8,\"settings\":{},\"password\":\"x\"}");
    struct plm_refusal why;
    assert_int_equal(plm_api_set_role(w->hub, NULL, "r", id, PLM_MSG_role_speaker, &why), 0);
    world_passwords(w);
    assert_int_equal(peer_error(b), PLM_MSG_error_code_forbidden);
    peer_say(a, "{\"type\":\"configure\",\"id\":8,\"settings\":{},\"password\":\"x\"}");
    peer_destroy(a);
    world_passwords(w);
    assert_string_equal(room->record->value.password_hash, "");
    peer_destroy(b);
}

/* ---- ends ---- */

static void test_end(void **state)
{
    struct world *w = *state;
    struct peer *a = enter_as(w, "Ada"), *b = enter_as(w, "Bob");
    peer_say(b, "{\"type\":\"end\",\"id\":8}");
    assert_int_equal(peer_error(b), PLM_MSG_error_code_forbidden);
    peer_say(a, "{\"type\":\"end\",\"id\":8}");
    assert_true(peer_is_done(a));
    struct plm_msg *msg = peer_expect(b, PLM_MSG_ended);
    assert_int_equal(msg->ended.reason, PLM_MSG_leave_reason_closed);
    plm_msg_free(msg);
    assert_int_equal(a->closed, PLM_SESSION_CLOSE_DONE);
    assert_int_equal(b->closed, PLM_SESSION_CLOSE_DONE);
    assert_int_equal(w->rooms, 0);
    assert_int_equal(w->events[PLM_HUB_ROOM_ENDED], 1);
    assert_int_equal(w->events[PLM_HUB_PARTICIPANT_LEFT], 2);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_duration(void **state)
{
    struct world *w = *state;
    struct peer *a = enter_as(w, "Ada");
    configure(a, "\"settings\":{\"max_minutes\":60}");
    w->now += 55 * 60000 - 1;
    assert_int_equal(plm_hub_poll(w->hub), w->now + 1);
    assert_null(peer_expect(a, PLM_MSG_noticed));
    w->now += 1;
    assert_int_equal(plm_hub_poll(w->hub), w->now + 5 * 60000);
    struct plm_msg *msg = peer_expect(a, PLM_MSG_noticed);
    assert_int_equal(msg->noticed.notice, PLM_MSG_notice_ending);
    plm_msg_free(msg);
    plm_hub_poll(w->hub);
    assert_null(peer_expect(a, PLM_MSG_noticed)); /* once */
    configure(a, "\"settings\":{\"max_minutes\":57}");
    world_pass(w, 2 * 60000);
    msg = peer_expect(a, PLM_MSG_ended);
    assert_int_equal(msg->ended.reason, PLM_MSG_leave_reason_closed);
    plm_msg_free(msg);
    assert_int_equal(w->rooms, 0);
    peer_destroy(a);
    a = enter_as(w, "Ada"); /* the next meeting has its time anew */
    world_pass(w, 10 * 60000);
    assert_int_equal(w->rooms, 1);
    peer_destroy(a);
}

/* The time of an organised meeting begins when it is started. */
static void test_duration_from_start(void **state)
{
    struct world *w = *state;
    struct peer *a = enter_as(w, "Ada");
    configure(a, "\"settings\":{\"organised\":true,\"max_minutes\":60}");
    peer_say(a, "{\"type\":\"end\",\"id\":90}");
    peer_destroy(a);
    a = enter_as(w, "Ada");
    world_pass(w, 61 * 60000);
    assert_int_equal(w->rooms, 1);
    assert_null(peer_expect(a, PLM_MSG_noticed));
    peer_say(a, "{\"type\":\"start\",\"id\":91}");
    assert_true(peer_is_done(a));
    world_pass(w, 59 * 60000);
    assert_int_equal(w->rooms, 1);
    world_pass(w, 60000);
    assert_int_equal(w->rooms, 0);
    peer_destroy(a);
}

/* A locked room that is nobody's is open again when all are gone: nobody could unlock it. */
static void test_unlocked_when_empty(void **state)
{
    struct world *w = *state;
    struct peer *a = enter_as(w, "Ada");
    configure(a, "\"settings\":{\"locked\":true}");
    assert_int_equal(refused(w, &(struct plm_msg_join){.room = "r", .name = "B"}), PLM_MSG_error_code_locked);
    peer_say(a, "{\"type\":\"leave\",\"id\":9}");
    peer_destroy(a);
    struct peer *b = enter_as(w, "Bob");
    peer_destroy(b);
}

/* ---- ownership ---- */

static void test_claim(void **state)
{
    struct world *w = *state;
    char digest[PLM_KEY_DIGEST_SIZE];
    struct plm_api_change change = {.owner_digest = digest};
    struct plm_refusal why;
    plm_digest(digest, "mykey");
    assert_int_equal(plm_api_room_create(w->hub, "r", &change, &why), 0);
    world_token(w, "says-owner", PLM_MSG_role_owner);
    world_token(w, "says-speaker", PLM_MSG_role_speaker);
    struct peer *a = enter_as(w, "Ada"), *b = enter_as(w, "Bob");
    peer_say(a, "{\"type\":\"claim\",\"id\":7,\"key\":\"not-mykey\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_token);
    peer_say(a, "{\"type\":\"claim\",\"id\":8,\"key\":\"says-speaker\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_token);
    peer_say(a, "{\"type\":\"claim\",\"id\":9,\"key\":\"%s\"}", digest); /* the digest is not the key */
    assert_int_equal(peer_error(a), PLM_MSG_error_code_token);
    peer_say(a, "{\"type\":\"claim\",\"id\":10,\"key\":\"mykey\"}");
    struct plm_msg *msg = peer_expect_changed(b);
    assert_int_equal(msg->roster.changed[0].role, PLM_MSG_role_owner);
    plm_msg_free(msg);
    peer_say(b, "{\"type\":\"claim\",\"id\":11,\"key\":\"says-owner\"}");
    assert_true(peer_is_done(b));
    peer_say(a, "{\"type\":\"kick\",\"id\":12,\"participant\":2}"); /* owners may remove each other */
    assert_true(peer_is_done(a));
    assert_int_equal(b->closed, PLM_SESSION_CLOSE_DONE);
    peer_destroy(a);
    peer_destroy(b);
}

/* A key is guessed no faster by who is in already; the right one is no guess. */
static void test_claim_by_guessing(void **state)
{
    struct world *w = *state;
    w->source = "192.0.2.9";
    struct peer *a = enter_as(w, "Ada");
    for (unsigned i = 0; i < PLM_GUESS_FREE; i++) {
        peer_say(a, "{\"type\":\"claim\",\"id\":%u,\"key\":\"not-the-key-%u\"}", 100 + i, i);
        assert_int_equal(peer_error(a), PLM_MSG_error_code_token);
    }
    peer_say(a, "{\"type\":\"claim\",\"id\":120,\"key\":\"not-the-key\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_too_fast);
    world_token(w, "says-owner", PLM_MSG_role_owner);
    peer_say(a, "{\"type\":\"claim\",\"id\":121,\"key\":\"says-owner\"}");
    assert_true(peer_is_done(a));
    peer_destroy(a);
}

/* Who was removed does not become an owner by coming in as somebody else and showing a token of their own. */
static void test_claim_by_removed(void **state)
{
    struct world *w = *state;
    snprintf(world_token(w, "speaker", PLM_MSG_role_speaker)->identity, PLM_NAME_SIZE, "eve");
    snprintf(world_token(w, "owner", PLM_MSG_role_owner)->identity, PLM_NAME_SIZE, "eve");
    struct peer *a = enter_as(w, "Ada"), *e = peer_create(w);
    peer_knock(e, &(struct plm_msg_join){.room = "r", .name = "Eve", .token = "speaker"});
    peer_say(a, "{\"type\":\"kick\",\"id\":7,\"participant\":2}");
    assert_true(peer_is_done(a));
    struct peer *again = enter_as(w, "Nobody");
    peer_say(again, "{\"type\":\"claim\",\"id\":8,\"key\":\"owner\"}");
    assert_int_equal(peer_error(again), PLM_MSG_error_code_token);
    peer_destroy(a);
    peer_destroy(e);
    peer_destroy(again);
}

/* ---- removal: every door ---- */

struct scene {
    struct world *w;
    struct peer *a, *b; /* Ada leads; Bob has a token and a device */
    uint32_t bob;
    char secret[40];
};

static void open_scene(struct scene *s, struct world *w)
{
    struct plm_grants *g = world_token(w, "bobs", PLM_MSG_role_speaker);
    snprintf(g->identity, sizeof g->identity, "u-bob");
    snprintf(g->token_id, sizeof g->token_id, "jti-1");
    g = world_token(w, "bobs-second", PLM_MSG_role_speaker);
    snprintf(g->identity, sizeof g->identity, "u-bob");
    snprintf(g->token_id, sizeof g->token_id, "jti-2");
    g = world_token(w, "same-jti", PLM_MSG_role_moderator);
    snprintf(g->token_id, sizeof g->token_id, "jti-1");
    snprintf(world_token(w, "cys", PLM_MSG_role_speaker)->identity, 129, "u-cy");
    s->w = w;
    s->a = enter_as(w, "Ada");
    s->b = peer_create(w);
    peer_knock(
        s->b, &(struct plm_msg_join){.room = "r", .name = "Bob", .token = "bobs", .device = "bobs-browser"});
    struct plm_msg *joined = peer_expect(s->b, PLM_MSG_joined);
    s->bob = joined->joined.participant;
    snprintf(s->secret, sizeof s->secret, "%s", joined->joined.secret);
    plm_msg_free(joined);
}

static void kick(struct scene *s, const char *rest)
{
    peer_say(s->a, "{\"type\":\"kick\",\"id\":%u,\"participant\":%u%s}", ++s->a->next_id, s->bob, rest);
    assert_true(peer_is_done(s->a));
}

static void close_scene(struct scene *s)
{
    peer_destroy(s->a);
    peer_destroy(s->b);
}

static void test_kick_tells(void **state)
{
    struct scene s;
    open_scene(&s, *state);
    kick(&s, "");
    struct plm_msg *msg = peer_expect(s.b, PLM_MSG_ended);
    assert_int_equal(msg->ended.reason, PLM_MSG_leave_reason_removed);
    plm_msg_free(msg);
    assert_int_equal(s.b->closed, PLM_SESSION_CLOSE_DONE);
    msg = peer_expect_left(s.a);
    assert_int_equal(msg->roster.left[0].reason, PLM_MSG_leave_reason_removed);
    plm_msg_free(msg);
    assert_string_equal(s.w->event_reason, "removed");
    assert_int_equal(s.w->events[PLM_HUB_PARTICIPANT_LEFT], 1);
    close_scene(&s);
}

static void test_kick_transports(void **state)
{
    struct scene s;
    open_scene(&s, *state);
    char *offer = sdp_publish(s.w, "bobs", 0x11, 1);
    struct plm_msg_track_line line = {.mid = "0", .source = PLM_MSG_source_microphone};
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = &line, .n_tracks = 1}};
    peer_request(s.b, &publish);
    free(offer);
    peer_say(s.b, "{\"type\":\"receive\",\"id\":70,\"pairs\":1,\"audio_only\":0,\"screens\":0}");
    assert_int_equal(s.w->open_transports, 2);
    kick(&s, "");
    assert_int_equal(s.w->open_transports, 0); /* what still comes on them is nobody's */
    close_scene(&s);
}

static void test_kick_token(void **state)
{
    struct scene s;
    open_scene(&s, *state);
    kick(&s, "");
    const char *const doors[] = {
        "bobs", "bobs-second", "same-jti"}; /* the token, the identity, the token's id */
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(refused(s.w, &(struct plm_msg_join){.room = "r", .name = "Bob", .token = doors[i]}),
            PLM_MSG_error_code_banned);
    assert_int_equal(refused(s.w, &(struct plm_msg_join){.room = "r", .name = "Cy", .token = "cys"}), -1);
    close_scene(&s);
}

static void test_kick_secret(void **state)
{
    struct scene s;
    open_scene(&s, *state);
    kick(&s, "");
    struct peer *p = peer_create(s.w);
    peer_say(p, "{\"type\":\"resume\",\"id\":1,\"secret\":\"%s\"}", s.secret);
    assert_int_equal(peer_error(p), PLM_MSG_error_code_not_found);
    peer_destroy(p);
    close_scene(&s);
}

/* The same when the socket was lost before: who is detached is removed as well. */
static void test_kick_detached(void **state)
{
    struct scene s;
    struct plm_hub_gauges g;
    open_scene(&s, *state);
    peer_destroy(s.b);
    kick(&s, "");
    plm_hub_gauges(s.w->hub, &g);
    assert_int_equal(g.participants, 1);
    assert_int_equal(g.detached, 0);
    s.b = peer_create(s.w);
    peer_say(s.b, "{\"type\":\"resume\",\"id\":1,\"secret\":\"%s\"}", s.secret);
    assert_int_equal(peer_error(s.b), PLM_MSG_error_code_not_found);
    close_scene(&s);
}

/* Banned says no more than that: not that the room is locked, has a password, or is full. */
static void test_kick_device(void **state)
{
    struct scene s;
    const struct plm_msg_join again = {.room = "r", .name = "Robert", .device = "bobs-browser"},
                              guessing = {
                                  .room = "r", .name = "R", .device = "bobs-browser", .password = "x"};
    open_scene(&s, *state);
    kick(&s, "");
    assert_int_equal(refused(s.w, &again), PLM_MSG_error_code_banned);
    configure(s.a, "\"settings\":{\"locked\":true},\"password\":\"pass\"");
    size_t jobs = s.w->all_jobs;
    assert_int_equal(refused(s.w, &again), PLM_MSG_error_code_banned);
    assert_int_equal(refused(s.w, &guessing), PLM_MSG_error_code_banned);
    assert_int_equal(s.w->all_jobs, jobs); /* no password was looked at */
    close_scene(&s);
}

static unsigned post(
    struct world *w, enum plm_resource_kind kind, const char *token, char id[PLM_RESOURCE_ID_SIZE])
{
    char *offer = kind == PLM_RESOURCE_WHIP ? sdp_publish(w, "whip", 1, 1) : sdp_watch(w, "whep", 1);
    struct plm_resource_request request = {
        .kind = kind, .room = "r", .token = token, .sdp = offer, .len = strlen(offer)};
    struct plm_resource_reply reply;
    plm_resource_post(w->hub, &request, &reply);
    if (id)
        memcpy(id, reply.id, PLM_RESOURCE_ID_SIZE);
    plm_resource_reply_clear(&reply);
    free(offer);
    return reply.status;
}

static void test_kick_resources(void **state)
{
    struct scene s;
    struct plm_resource_reply reply;
    struct plm_hub_gauges g;
    char ids[3][PLM_RESOURCE_ID_SIZE];
    open_scene(&s, *state);
    assert_int_equal(post(s.w, PLM_RESOURCE_WHIP, "bobs-second", ids[0]), 201);
    assert_int_equal(post(s.w, PLM_RESOURCE_WHEP, "same-jti", ids[1]), 201);
    assert_int_equal(post(s.w, PLM_RESOURCE_WHEP, "cys", ids[2]), 201);
    kick(&s, "");
    plm_hub_gauges(s.w->hub, &g);
    assert_int_equal(g.resources, 1);
    assert_int_equal(s.w->open_transports, 1);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(plm_resource_patch(s.w->hub, ids[i], "*", "", 0, &reply), PLM_ENOENT);
        assert_int_equal(reply.status, 404);
        assert_int_equal(plm_resource_delete(s.w->hub, ids[i], &reply), PLM_ENOENT);
        assert_int_equal(reply.status, 404);
    }
    assert_int_equal(post(s.w, PLM_RESOURCE_WHIP, "bobs", NULL), 403);
    assert_int_equal(post(s.w, PLM_RESOURCE_WHEP, "bobs-second", NULL), 403);
    assert_int_equal(post(s.w, PLM_RESOURCE_WHEP, "same-jti", NULL), 403);
    assert_int_equal(plm_resource_delete(s.w->hub, ids[2], &reply), 0);
    plm_resource_reply_clear(&reply);
    close_scene(&s);
}

/* Somebody else's second window, and a place in the lobby, are theirs too. */
/* Receivers of whom nobody knows whose they are end with the first rule that would have kept them out; encoders are on the list. */
static void test_anonymous_receivers(void **state)
{
    static const char *const rules[] = {"\"settings\":{\"lobby\":true}", "\"settings\":{\"locked\":true}",
        "\"settings\":{},\"password\":\"pass\"", "\"settings\":{\"organised\":true}"};
    struct world *w = *state;
    struct plm_resource_reply reply;
    char ids[3][PLM_RESOURCE_ID_SIZE];
    world_token(w, "good", PLM_MSG_role_speaker);
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct peer *a = enter_as(w, "Ada");
        assert_int_equal(post(w, PLM_RESOURCE_WHEP, NULL, ids[0]), 201);
        assert_int_equal(post(w, PLM_RESOURCE_WHEP, "good", ids[1]), 201);
        assert_int_equal(post(w, PLM_RESOURCE_WHIP, NULL, ids[2]), 201);
        configure(a, "\"settings\":{\"may_chat\":false}");
        assert_int_equal(world_gauges(w).resources, 3);
        configure(a, rules[i]);
        assert_int_equal(plm_resource_delete(w->hub, ids[0], &reply), PLM_ENOENT);
        assert_int_equal(w->open_transports, 2);
        for (size_t k = 1; k < 3; k++) {
            assert_int_equal(plm_resource_delete(w->hub, ids[k], &reply), 0);
            plm_resource_reply_clear(&reply);
        }
        configure(
            a, "\"settings\":{\"lobby\":false,\"locked\":false,\"organised\":false},\"no_password\":true");
        peer_destroy(a);
        world_pass(w, 3600000);
    }
}

static void test_kick_all_of_them(void **state)
{
    struct scene s;
    open_scene(&s, *state);
    struct peer *second =
        enter(s.w, &(struct plm_msg_join){.room = "r", .name = "Bob's phone", .token = "bobs"}, NULL);
    configure(s.a, "\"settings\":{\"lobby\":true}");
    struct peer *third = peer_create(s.w);
    peer_knock(third, &(struct plm_msg_join){.room = "r", .name = "B", .device = "bobs-browser"});
    struct plm_msg *msg = peer_expect(third, PLM_MSG_waiting);
    assert_non_null(msg);
    plm_msg_free(msg);
    kick(&s, "");
    assert_int_equal(second->closed, PLM_SESSION_CLOSE_DONE);
    assert_int_equal(peer_error(third), PLM_MSG_error_code_banned);
    peer_destroy(second);
    peer_destroy(third);
    close_scene(&s);
}

/* Of a guest nothing is known; so the lobby goes on. It stays so, and the meeting's bans end with it. */
static void test_kick_lobby(void **state)
{
    struct scene s;
    struct plm_msg *msg;
    open_scene(&s, *state);
    kick(&s, ",\"lobby\":true");
    struct peer *p = peer_create(s.w);
    peer_knock(p, &(struct plm_msg_join){.room = "r", .name = "Bob"});
    msg = peer_read(p);
    assert_int_equal(msg->type, PLM_MSG_waiting);
    plm_msg_free(msg);
    peer_destroy(p);
    peer_say(s.a, "{\"type\":\"end\",\"id\":80}");
    close_scene(&s);
    s.a = enter(s.w, &(struct plm_msg_join){.room = "r", .name = "Bob", .device = "bobs-browser"}, NULL);
    assert_int_equal(/* but a token that was revoked stays so */
        refused(s.w, &(struct plm_msg_join){.room = "r", .name = "Bob", .token = "bobs"}),
        PLM_MSG_error_code_banned);
    peer_destroy(s.a);
}

static void test_kick_whom(void **state)
{
    struct world *w = *state;
    uint32_t ada, bob;
    world_token(w, "owner", PLM_MSG_role_owner);
    struct peer *a = enter(w, &(struct plm_msg_join){.room = "r", .name = "Ada", .token = "owner"}, &ada);
    struct peer *b = enter(w, &(struct plm_msg_join){.room = "r", .name = "Bob"}, &bob);
    peer_say(a, "{\"type\":\"set_role\",\"id\":7,\"participant\":%u,\"role\":\"moderator\"}", bob);
    peer_say(b, "{\"type\":\"kick\",\"id\":8,\"participant\":%u}", ada);
    assert_int_equal(peer_error(b), PLM_MSG_error_code_forbidden);
    peer_say(b, "{\"type\":\"kick\",\"id\":9,\"participant\":%u}", bob);
    assert_int_equal(peer_error(b), PLM_MSG_error_code_bad_state);
    peer_say(b, "{\"type\":\"kick\",\"id\":10,\"participant\":4711}");
    assert_int_equal(peer_error(b), PLM_MSG_error_code_not_found);
    assert_int_equal(a->closed, 0);
    peer_destroy(a);
    peer_destroy(b);
}

/* ---- bans ---- */

static void test_ban_documents(void **state)
{
    static const char *const bad[] = {"", "{}", "{\"expires_at\":}", "{\"expires_at\":-1}",
        "{\"expires_at\":1} ", "{\"expires_at\":1",
        "{\"expires_at\":11111111111111111111111111111111111111111111111111111111111111}"};
    struct world *w = *state;
    const struct plm_identity who = {.device = "d", .token_id = "t/1"};
    static const char good[] = "{\"expires_at\":0}";
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        size_t len = strlen(bad[i]);
        char *exact = malloc(len ? len : 1);
        memcpy(exact, bad[i], len);
        assert_int_equal(plm_ban_restore(w->hub, PLM_STORE_BAN, "r/d/d", exact, len), PLM_EINVAL);
        free(exact);
    }
    struct peer *a = enter_as(w, "Ada");
    assert_false(plm_ban_holds(w->hub, "r", &who));
    assert_int_equal(plm_ban_restore(w->hub, PLM_STORE_BAN, "r/d/d", good, sizeof good - 1), 0);
    assert_int_equal(plm_ban_restore(w->hub, PLM_STORE_BAN, "gone/d/d", good, sizeof good - 1), 0);
    plm_bans_restored(w->hub);
    assert_true(plm_ban_holds(w->hub, "r", &who));
    assert_false(plm_ban_holds(w->hub, "gone", &who)); /* no such meeting any more */
    assert_false(plm_ban_holds(w->hub, "R2", &who));
    assert_int_equal(plm_ban_restore(w->hub, PLM_STORE_REVOKED, "t/1", good, sizeof good - 1), 0);
    assert_true(plm_ban_holds(w->hub, "anywhere", &who));
    plm_ban_lift(w->hub, "r");
    assert_false(plm_ban_holds(w->hub, "r", &(struct plm_identity){.device = "d"}));
    peer_destroy(a);
}

static void test_ban_expiry(void **state)
{
    struct world *w = *state;
    struct plm_identity who = {.token_id = "t", .expires_at = world_wall(w) + 1000};
    plm_ban_add(w->hub, "r", &who);
    plm_ban_lift(w->hub, "r");
    assert_true(plm_ban_holds(w->hub, "r", &who)); /* not with the meeting */
    w->now += 2000;
    plm_ban_lift(w->hub, "r");
    assert_false(plm_ban_holds(w->hub, "r", &who)); /* by now nobody takes the token */
}

static void ban_device(struct world *w, const char *room, unsigned n)
{
    struct plm_identity d = {0};
    snprintf(d.device, sizeof d.device, "device-%u", n);
    plm_ban_add(w->hub, room, &d);
}

/* A room that removes many makes its own place; others' bans go only when nothing of it is left. */
static void test_ban_caps(void **state)
{
    struct world *w = *state;
    const struct plm_identity first = {.device = "device-0"}, second = {.device = "device-1"};
    char room[16];
    ban_device(w, "quiet", 0);
    for (unsigned i = 0; i < PLM_BANS_PER_ROOM; i++)
        ban_device(w, "noisy", i);
    assert_true(plm_ban_holds(w->hub, "noisy", &first));
    ban_device(w, "noisy", PLM_BANS_PER_ROOM);
    assert_false(plm_ban_holds(w->hub, "noisy", &first));
    assert_true(plm_ban_holds(w->hub, "noisy", &second));
    for (unsigned i = 0; i < PLM_BANS_MAX - PLM_BANS_PER_ROOM - 1; i++) {
        snprintf(room, sizeof room, "r%u", i / PLM_BANS_PER_ROOM);
        ban_device(w, room, i);
    }
    ban_device(w, "noisy", PLM_BANS_PER_ROOM + 1);
    assert_false(plm_ban_holds(w->hub, "noisy", &second));
    assert_true(plm_ban_holds(w->hub, "quiet", &first));
    ban_device(w, "new", 0);
    assert_true(plm_ban_holds(w->hub, "new", &first));
    assert_false(plm_ban_holds(w->hub, "quiet", &first)); /* the oldest of all */
}

#define UNIT(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        UNIT(test_configure),
        UNIT(test_password),
        UNIT(test_password_races),
        UNIT(test_end),
        UNIT(test_duration),
        UNIT(test_duration_from_start),
        UNIT(test_unlocked_when_empty),
        UNIT(test_claim),
        UNIT(test_claim_by_removed),
        UNIT(test_claim_by_guessing),
        UNIT(test_kick_tells),
        UNIT(test_kick_transports),
        UNIT(test_kick_token),
        UNIT(test_kick_secret),
        UNIT(test_kick_detached),
        UNIT(test_kick_device),
        UNIT(test_kick_resources),
        UNIT(test_anonymous_receivers),
        UNIT(test_kick_all_of_them),
        UNIT(test_kick_lobby),
        UNIT(test_kick_whom),
        UNIT(test_ban_documents),
        UNIT(test_ban_expiry),
        UNIT(test_ban_caps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
