#include "lobby.h"
#include "room.h"
#include "world.h"

#include <jansson.h>
#include <setjmp.h>

#include <cmocka.h>

/* Somebody who is told to wait. @param secret as it was told, may be NULL */
static struct peer *knock(
    struct world *w, const char *room, const char *name, enum plm_msg_wait_reason reason, char secret[40])
{
    struct peer *p = peer_create(w);
    peer_knock(p, &(struct plm_msg_join){.room = room, .name = name});
    struct plm_msg *msg = peer_read(p);
    assert_non_null(msg);
    assert_int_equal(msg->type, PLM_MSG_waiting);
    assert_int_equal(msg->waiting.reason, reason);
    if (secret)
        snprintf(secret, 40, "%s", msg->waiting.secret);
    plm_msg_free(msg);
    assert_null(peer_read(p));
    return p;
}

static void configure(struct peer *p, const char *settings)
{
    peer_say(p, "{\"type\":\"configure\",\"id\":%u,\"settings\":{%s}}", ++p->next_id, settings);
    assert_true(peer_is_done(p));
}

static void admit(struct peer *p, const char *ids, bool admitted)
{
    peer_say(p, "{\"type\":\"admit\",\"id\":%u,\"waiting\":[%s],\"admitted\":%s}", ++p->next_id, ids,
        admitted ? "true" : "false");
    assert_true(peer_is_done(p));
}

/* The last lobby that p was told of; its size. */
static uint32_t waiting_seen(struct peer *p, uint32_t first[2])
{
    struct plm_msg *msg;
    uint32_t total = UINT32_MAX;
    while ((msg = peer_expect(p, PLM_MSG_lobby))) {
        total = msg->lobby.total;
        for (size_t i = 0; i < 2 && i < msg->lobby.n_waiting; i++)
            first[i] = msg->lobby.waiting[i].id;
        plm_msg_free(msg);
    }
    return total;
}

static void test_admit(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    uint32_t ids[2];
    char list[32];
    configure(a, "\"lobby\":true");
    struct peer *b = knock(w, "r", "Bob", PLM_MSG_wait_reason_lobby, NULL);
    assert_int_equal(waiting_seen(a, ids), 1);
    struct peer *c = knock(w, "r", "Cy", PLM_MSG_wait_reason_lobby, NULL);
    world_pass(w, PLM_LOBBY_PERIOD_MS);
    assert_int_equal(waiting_seen(a, ids), 2);
    assert_int_equal(w->events[PLM_HUB_PARTICIPANT_WAITING], 2);
    struct plm_hub_gauges g;
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.waiting, 2);
    assert_int_equal(g.participants, 1);
    assert_int_equal(w->open_transports, 0);
    snprintf(list, sizeof list, "%u,4711", ids[0]); /* one who is gone is left out */
    admit(a, list, true);
    struct plm_msg *joined = peer_read(b);
    assert_int_equal(joined->type, PLM_MSG_joined);
    assert_int_equal(joined->id, 1); /* the reply to the join of long ago */
    assert_int_equal(joined->joined.participant, ids[0]);
    assert_int_equal(joined->joined.role, PLM_MSG_role_speaker);
    assert_int_equal(joined->joined.n_participants, 2);
    plm_msg_free(joined);
    admit(a, "", false);
    struct plm_msg *refused = peer_read(c);
    assert_int_equal(refused->type, PLM_MSG_error);
    assert_int_equal(refused->id, 1);
    assert_int_equal(refused->error.code, PLM_MSG_error_code_refused);
    plm_msg_free(refused);
    world_pass(w, PLM_LOBBY_PERIOD_MS);
    assert_int_equal(waiting_seen(a, ids), 0);
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
}

static void test_lobby_off(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    configure(a, "\"lobby\":true");
    struct peer *b = knock(w, "r", "Bob", PLM_MSG_wait_reason_lobby, NULL);
    configure(a, "\"lobby\":false");
    struct plm_msg *joined = peer_read(b);
    assert_int_equal(joined->type, PLM_MSG_joined);
    assert_false(joined->joined.room.settings.lobby);
    plm_msg_free(joined);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_start(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    configure(a, "\"organised\":true");
    peer_say(a, "{\"type\":\"leave\",\"id\":90}");
    peer_destroy(a);
    world_pass(w, 3600 * 1000); /* that meeting is over; the next is to be started */
    a = peer_enter(w, "r", "Ada", NULL);
    struct peer *b = knock(w, "r", "Bob", PLM_MSG_wait_reason_not_started, NULL);
    struct peer *c = knock(w, "r", "Cy", PLM_MSG_wait_reason_not_started, NULL);
    configure(a, "\"lobby\":true");
    assert_null(peer_read(b)); /* for now it is the start that they wait for */
    peer_say(a, "{\"type\":\"start\",\"id\":91}");
    struct plm_msg *msg = peer_read(b);
    assert_int_equal(msg->type, PLM_MSG_waiting);
    assert_int_equal(msg->waiting.reason, PLM_MSG_wait_reason_lobby);
    plm_msg_free(msg);
    peer_say(a, "{\"type\":\"start\",\"id\":92}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_state);
    configure(a, "\"lobby\":false");
    msg = peer_expect(c, PLM_MSG_joined);
    assert_non_null(msg);
    assert_int_equal(msg->joined.role, PLM_MSG_role_speaker);
    plm_msg_free(msg);
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
}

/* The place is kept while the socket is away, the order too, and only for the grace time. */
static void test_resume(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    char secret[40], other[40];
    uint32_t ids[2];
    configure(a, "\"lobby\":true");
    struct peer *b = knock(w, "r", "Bob", PLM_MSG_wait_reason_lobby, secret);
    struct peer *c = knock(w, "r", "Cy", PLM_MSG_wait_reason_lobby, other);
    peer_destroy(b);
    world_pass(w, 29000);
    b = peer_create(w);
    peer_say(b, "{\"type\":\"resume\",\"id\":7,\"secret\":\"%s\"}", secret);
    struct plm_msg *msg = peer_read(b);
    assert_int_equal(msg->type, PLM_MSG_waiting);
    assert_string_equal(msg->waiting.secret, secret);
    plm_msg_free(msg);
    waiting_seen(a, ids);
    struct peer *thief = peer_create(w); /* whoever has the secret has the place; the other socket is told */
    peer_say(thief, "{\"type\":\"resume\",\"id\":8,\"secret\":\"%s\"}", secret);
    assert_int_equal(b->closed, PLM_SESSION_CLOSE_TAKEN);
    peer_destroy(b);
    char list[16];
    snprintf(list, sizeof list, "%u", ids[0]);
    admit(a, list, true);
    msg = peer_expect(thief, PLM_MSG_joined);
    assert_int_equal(msg->id, 8);
    assert_int_equal(msg->joined.participant, ids[0]);
    plm_msg_free(msg);
    peer_destroy(c);
    world_pass(w, 31000);
    c = peer_create(w);
    peer_say(c, "{\"type\":\"resume\",\"id\":9,\"secret\":\"%s\"}", other);
    assert_int_equal(peer_error(c), PLM_MSG_error_code_not_found);
    peer_destroy(a);
    peer_destroy(thief);
    peer_destroy(c);
}

/* Who is let in while their socket is away finds themselves in on resume. */
static void test_admitted_while_lost(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    char secret[40];
    configure(a, "\"lobby\":true");
    struct peer *b = knock(w, "r", "Bob", PLM_MSG_wait_reason_lobby, secret);
    peer_destroy(b);
    admit(a, "", true);
    struct plm_hub_gauges g;
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.participants, 2);
    assert_int_equal(g.detached, 1);
    b = peer_create(w);
    peer_say(b, "{\"type\":\"resume\",\"id\":7,\"secret\":\"%s\"}", secret);
    struct plm_msg *msg = peer_read(b);
    assert_int_equal(msg->type, PLM_MSG_joined);
    assert_string_equal(msg->joined.secret, secret);
    plm_msg_free(msg);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_leave(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    uint32_t ids[2];
    configure(a, "\"lobby\":true");
    struct peer *b = knock(w, "r", "Bob", PLM_MSG_wait_reason_lobby, NULL);
    peer_say(b, "{\"type\":\"leave\",\"id\":5}");
    struct plm_msg *msg = peer_read(b);
    assert_int_equal(msg->type, PLM_MSG_done);
    plm_msg_free(msg);
    assert_int_equal(b->closed, PLM_SESSION_CLOSE_DONE);
    world_pass(w, PLM_LOBBY_PERIOD_MS);
    assert_int_equal(waiting_seen(a, ids), 0);
    peer_destroy(a);
    peer_destroy(b);
}

/* A crowd at the door costs a leader four messages a second, and no more than the cap wait. */
static void test_crowd(void **state)
{
    struct plm_hub_config config = {.max_waiting = 300};
    struct world *w = world_create(&config);
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *crowd[300];
    unsigned told = 0;
    struct plm_msg *msg;
    (void)state;
    configure(a, "\"lobby\":true");
    for (size_t i = 0; i < 300; i++) {
        crowd[i] = knock(w, "r", "Bob", PLM_MSG_wait_reason_lobby, NULL);
        world_pass(w, 10); /* all within three seconds */
    }
    world_pass(w, PLM_LOBBY_PERIOD_MS);
    uint32_t total = 0, shown = 0;
    while ((msg = peer_expect(a, PLM_MSG_lobby))) {
        told++;
        total = msg->lobby.total;
        shown = (uint32_t)msg->lobby.n_waiting;
        plm_msg_free(msg);
    }
    assert_in_range(told, 2, 14);
    assert_int_equal(total, 300);
    assert_int_equal(shown, PLM_LOBBY_MAX_SHOWN);
    struct peer *late = peer_create(w);
    peer_knock(late, &(struct plm_msg_join){.room = "r", .name = "Late"});
    assert_int_equal(peer_error(late), PLM_MSG_error_code_full);
    admit(a, "", false);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(peer_error(crowd[i]), PLM_MSG_error_code_refused);
        peer_destroy(crowd[i]);
    }
    peer_destroy(late);
    peer_destroy(a);
    world_destroy(w);
}

/* Let in are as many as the meeting takes. */
static void test_full(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    configure(a, "\"lobby\":true,\"max_participants\":2");
    struct peer *b = knock(w, "r", "Bob", PLM_MSG_wait_reason_lobby, NULL);
    struct peer *c = knock(w, "r", "Cy", PLM_MSG_wait_reason_lobby, NULL);
    peer_say(a, "{\"type\":\"admit\",\"id\":80,\"waiting\":[],\"admitted\":true}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_full);
    struct plm_msg *joined = peer_expect(b, PLM_MSG_joined);
    assert_non_null(joined);
    plm_msg_free(joined);
    assert_null(peer_read(c));
    configure(a, "\"max_participants\":0");
    admit(a, "", true);
    joined = peer_expect(c, PLM_MSG_joined);
    assert_non_null(joined);
    plm_msg_free(joined);
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
}

/* Who found it full comes in when somebody goes; while the room is locked nobody does. */
static void test_place_is_free(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    configure(a, "\"lobby\":true,\"max_participants\":2");
    struct peer *c = knock(w, "r", "Cy", PLM_MSG_wait_reason_lobby, NULL);
    configure(a, "\"lobby\":false,\"locked\":true");
    peer_say(b, "{\"type\":\"leave\",\"id\":40}");
    assert_null(peer_read(c));
    b = (peer_destroy(b), peer_enter(w, "other", "Bob", NULL));
    configure(a, "\"locked\":false");
    struct plm_msg *joined = peer_expect(c, PLM_MSG_joined);
    assert_non_null(joined);
    plm_msg_free(joined);
    configure(a, "\"lobby\":true");
    struct peer *d = knock(w, "r", "Di", PLM_MSG_wait_reason_lobby, NULL);
    configure(a, "\"lobby\":false");
    assert_null(peer_read(d)); /* full */
    peer_say(c, "{\"type\":\"leave\",\"id\":41}");
    joined = peer_expect(d, PLM_MSG_joined);
    assert_non_null(joined);
    plm_msg_free(joined);
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
    peer_destroy(d);
}

/* In a room that is nobody's the last to leave ends it for those who wait, and whoever comes first next finds nothing of it. */
static void test_abandoned(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    configure(a, "\"lobby\":true,\"locked\":false");
    peer_say(a, "{\"type\":\"chat\",\"id\":70,\"text\":\"among us\"}");
    struct peer *b = knock(w, "r", "Bob", PLM_MSG_wait_reason_lobby, NULL);
    peer_say(a, "{\"type\":\"leave\",\"id\":71}");
    peer_destroy(a);
    assert_int_equal(peer_error(b), PLM_MSG_error_code_refused);
    struct plm_msg *joined = peer_join(b, "r", "Bob");
    assert_non_null(joined);
    assert_int_equal(joined->joined.role, PLM_MSG_role_moderator);
    assert_int_equal(joined->joined.n_chat, 0);
    plm_msg_free(joined);
    peer_destroy(b);
}

/* A leader who comes later, or becomes one, is shown who waits. */
static void test_shown_to_new_leader(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    uint32_t ids[2];
    configure(a, "\"lobby\":true");
    struct peer *c = knock(w, "r", "Cy", PLM_MSG_wait_reason_lobby, NULL);
    assert_int_equal(waiting_seen(b, ids), UINT32_MAX);
    peer_say(a, "{\"type\":\"leave\",\"id\":70}");
    assert_int_equal(waiting_seen(b, ids), 1); /* the longest present leads now */
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
}

/* ---- what somebody who waits can learn ---- */

static const char *const allowed_keys[] = {"type", "id", "code", "message", "field", "reason", "secret"};

static void check_keys(const json_t *v, const char *frame)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)v, key, value) {
        bool good = json_is_string(value) || json_is_integer(value);
        size_t i = 0;
        while (i < sizeof allowed_keys / sizeof allowed_keys[0] && strcmp(key, allowed_keys[i]) != 0)
            i++;
        if (!good || i == sizeof allowed_keys / sizeof allowed_keys[0])
            fail_msg("\"%s\" is told to somebody who waits: %s", key, frame);
    }
}

/* Every frame: its keys are allowed, and nothing of the meeting stands in it. */
static void check_frames(const struct peer *p, const char *const *forbidden, size_t n)
{
    for (size_t i = 0; i < p->n; i++) {
        json_t *v = json_loadb(p->texts[i]->data, p->texts[i]->len, 0, NULL);
        const char *type = json_string_value(json_object_get(v, "type"));
        assert_true(json_is_object(v));
        assert_true(!strcmp(type, "waiting") || !strcmp(type, "error"));
        check_keys(v, p->texts[i]->data);
        for (size_t k = 0; k < n; k++)
            if (strstr(p->texts[i]->data, forbidden[k]))
                fail_msg("\"%s\" is told: %s", forbidden[k], p->texts[i]->data);
        json_decref(v);
    }
}

/* One of every request there is, with guessed ids and somebody else's secret. */
static void try_everything(struct peer *p, const char *foreign, const char *offer, uint32_t id)
{
    static const char *const bodies[PLM_MSG_COUNT] = {
        [PLM_MSG_join] = "\"room\":\"r\",\"name\":\"Eve\",\"password\":\"x\",\"token\":\"t\"",
        [PLM_MSG_leave] = NULL, /* test_leave */
        [PLM_MSG_receive] = "\"pairs\":1,\"audio_only\":0,\"screens\":0",
        [PLM_MSG_answer] = "\"sdp\":\"v=0\"",
        [PLM_MSG_view] = "\"items\":[]",
        [PLM_MSG_mute] = "\"source\":\"microphone\",\"muted\":false",
        [PLM_MSG_chat] = "\"text\":\"hello\",\"to\":%u",
        [PLM_MSG_rename] = "\"name\":\"Ada\"",
        [PLM_MSG_hand] = "\"raised\":true",
        [PLM_MSG_react] = "\"kind\":\"clap\"",
        [PLM_MSG_people] = "\"after\":0",
        [PLM_MSG_report] = "\"ms\":5000,\"slots\":[]",
        [PLM_MSG_quality] = "\"participant\":%u",
        [PLM_MSG_claim] = "\"key\":\"guess\"",
        [PLM_MSG_start] = "",
        [PLM_MSG_configure] = "\"settings\":{\"lobby\":false}",
        [PLM_MSG_admit] = "\"waiting\":[],\"admitted\":true",
        [PLM_MSG_mute_others] = "\"participants\":[],\"source\":\"microphone\"",
        [PLM_MSG_ask_unmute] = "\"participant\":%u,\"source\":\"microphone\"",
        [PLM_MSG_permit] = "\"participants\":[],\"source\":\"microphone\",\"permitted\":true",
        [PLM_MSG_lower_hands] = "\"participants\":[]",
        [PLM_MSG_set_role] = "\"participant\":%u,\"role\":\"owner\"",
        [PLM_MSG_kick] = "\"participant\":%u",
        [PLM_MSG_end] = "",
        [PLM_MSG_breakout_open] = "\"rooms\":[{\"name\":\"x\"}]",
        [PLM_MSG_breakout_assign] = "\"places\":[],\"force\":true",
        [PLM_MSG_breakout_go] = "\"room\":1",
        [PLM_MSG_breakout_time] = "\"seconds\":1",
        [PLM_MSG_breakout_close] = "",
        [PLM_MSG_breakout_say] = "\"text\":\"hello\"",
        [PLM_MSG_record_start] = "",
        [PLM_MSG_record_stop] = "",
        [PLM_MSG_recordings] = "",
        [PLM_MSG_record_delete] = "\"recording\":\"00000000000000000000000000000000\"",
    };
    unsigned tried = 0;
#define PLM_REQUEST(verb, reply, doc)                                                                        \
    if (bodies[PLM_MSG_##verb]) {                                                                            \
        char body[256];                                                                                      \
        const char *at = strstr(bodies[PLM_MSG_##verb], "%u");                                               \
        int head = at ? (int)(at - bodies[PLM_MSG_##verb]) : (int)strlen(bodies[PLM_MSG_##verb]);            \
        snprintf(body, sizeof body, "%.*s", head, bodies[PLM_MSG_##verb]);                                   \
        if (at)                                                                                              \
            snprintf(body + head, sizeof body - (size_t)head, "%u%s", id, at + 2);                           \
        peer_say(p, "{\"type\":\"" #verb "\",\"id\":1%s%s}", *body ? "," : "", body);                        \
        tried++;                                                                                             \
    }
#include "messages.def"
    peer_say(p, "{\"type\":\"resume\",\"id\":1,\"secret\":\"%s\"}", foreign);
    peer_say(p, "{\"type\":\"resume\",\"id\":1,\"secret\":\"00000000000000000000000000000000\"}");
    struct plm_msg_track_line line = {.mid = "0", .source = PLM_MSG_source_microphone};
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = &line, .n_tracks = 1}};
    peer_request(p, &publish);
    tried += 2; /* resume and publish */
    unsigned all = 0;
#define PLM_REQUEST(verb, reply, doc) all++;
#include "messages.def"
    assert_int_equal(tried, all - 1); /* all but leave */
}

/* Who comes, and what they are: the role, or -1 while they wait. @param chat how many messages they are shown, may be NULL */
static int come(struct peer *p, const struct plm_msg_join *join, size_t *chat)
{
    peer_forget(p);
    peer_knock(p, join);
    struct plm_msg *joined = peer_expect(p, PLM_MSG_joined);
    int role = joined ? (int)joined->joined.role : -1;
    if (joined && chat)
        *chat = joined->joined.n_chat;
    plm_msg_free(joined);
    return role;
}

static void leave(struct peer *p)
{
    peer_say(p, "{\"type\":\"leave\",\"id\":%u}", ++p->next_id);
    peer_destroy(p);
}

/* Whoever was refused does not lead those who only watch; when they are gone nobody is in, and the next one leads. */
static void test_viewers_are_left(void **state)
{
    struct world *w = *state;
    const struct plm_msg_join join = {.room = "r", .name = "Xena"};
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *v = peer_create(w), *x;
    size_t chat = 9;
    world_token(w, "viewer", PLM_MSG_role_viewer);
    assert_int_equal(come(v, &(struct plm_msg_join){.room = "r", .name = "Vi", .token = "viewer"}, NULL),
        PLM_MSG_role_viewer);
    configure(a, "\"lobby\":true");
    peer_say(a, "{\"type\":\"chat\",\"id\":70,\"text\":\"the secret\"}");
    x = knock(w, "r", "Xena", PLM_MSG_wait_reason_lobby, NULL);
    admit(a, "", false);
    assert_int_equal(peer_error(x), PLM_MSG_error_code_refused);
    leave(a);
    assert_int_equal(come(x, &join, NULL), -1);
    assert_int_equal(peer_count(x, PLM_MSG_error), 0); /* they wait */
    world_pass(w, 3600000);
    assert_int_equal(peer_count(x, PLM_MSG_joined), 0);
    leave(v);
    assert_int_equal(peer_error(x), PLM_MSG_error_code_refused);
    assert_int_equal(come(x, &join, &chat), PLM_MSG_role_moderator);
    assert_int_equal(chat, 0);
    peer_destroy(x);
}

/* Encoders are nobody: the room is as an empty one. */
static void test_encoders_are_left(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *x;
    size_t chat = 9;
    char *offer = sdp_publish(w, "whip", 1, 1);
    struct plm_resource_request request = {
        .kind = PLM_RESOURCE_WHIP, .room = "r", .sdp = offer, .len = strlen(offer)};
    struct plm_resource_reply reply;
    assert_int_equal(plm_resource_post(w->hub, &request, &reply), 0);
    plm_resource_reply_clear(&reply);
    free(offer);
    configure(a, "\"lobby\":true");
    peer_say(a, "{\"type\":\"chat\",\"id\":70,\"text\":\"the secret\"}");
    x = knock(w, "r", "Xena", PLM_MSG_wait_reason_lobby, NULL);
    leave(a);
    assert_int_equal(peer_error(x), PLM_MSG_error_code_refused);
    assert_int_equal(
        come(x, &(struct plm_msg_join){.room = "r", .name = "Xena"}, &chat), PLM_MSG_role_moderator);
    assert_int_equal(chat, 0);
    assert_int_equal(w->open_transports, 1);
    peer_destroy(x);
}

/* Somebody who does not lead by their token is in: they do when somebody waits whom nobody else could let in. */
static void test_somebody_can_admit(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *s = peer_create(w), *x, *y;
    uint32_t ids[2];
    char list[32];
    world_token(w, "skip", PLM_MSG_role_speaker)->skip_lobby = true;
    world_token(w, "speaker", PLM_MSG_role_speaker);
    configure(a, "\"lobby\":true");
    leave(a);
    assert_int_equal(come(s, &(struct plm_msg_join){.room = "r", .name = "Sue", .token = "skip"}, NULL),
        PLM_MSG_role_speaker);
    y = peer_create(w);
    assert_int_equal(
        come(y, &(struct plm_msg_join){.room = "r", .name = "Yan", .token = "speaker"}, NULL), -1);
    world_pass(w, 1000);
    assert_int_equal(waiting_seen(s, ids), UINT32_MAX); /* whose token tells what they are */
    peer_destroy(y);
    world_pass(w, 60000);
    x = knock(w, "r", "Xena", PLM_MSG_wait_reason_lobby, NULL);
    world_pass(w, 1000);
    assert_int_equal(waiting_seen(s, ids), 1);
    snprintf(list, sizeof list, "%u", ids[0]);
    admit(s, list, true);
    struct plm_msg *joined = peer_expect(x, PLM_MSG_joined);
    assert_int_equal(joined->joined.role, PLM_MSG_role_speaker);
    plm_msg_free(joined);
    peer_destroy(x);
    peer_destroy(s);
}

static void test_nothing_is_told(void **state)
{
    struct plm_hub_config config = {.msg_burst = 1000, .sdp_burst = 1000, .chat_burst = 1000};
    struct world *w = world_create(&config);
    struct peer *a = peer_create(w);
    (void)state;
    struct plm_msg *joined = peer_join(a, "r", "Ada");
    char secret[40], code[16], mine[40];
    snprintf(secret, sizeof secret, "%s", joined->joined.secret);
    snprintf(code, sizeof code, "%s", joined->joined.room.code);
    uint32_t ada = joined->joined.participant;
    plm_msg_free(joined);
    configure(a, "\"lobby\":true,\"title\":\"Hidden title\"");
    peer_say(a, "{\"type\":\"chat\",\"id\":60,\"text\":\"confidential\"}");
    char *offer = sdp_publish(w, "adas", 0x11, 1), *eves = sdp_publish(w, "eves", 0x12, 1);
    struct plm_msg_track_line line = {.mid = "0", .source = PLM_MSG_source_microphone};
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = &line, .n_tracks = 1}};
    peer_request(a, &publish);
    struct peer *eve = knock(w, "r", "Eve", PLM_MSG_wait_reason_lobby, mine);
    unsigned transports = w->open_transports;
    /* What happens in the meeting meanwhile is told to those in it. */
    peer_say(a, "{\"type\":\"chat\",\"id\":61,\"text\":\"confidential too\"}");
    peer_say(a, "{\"type\":\"rename\",\"id\":62,\"name\":\"Ada L\"}");
    configure(a, "\"title\":\"Hidden as well\"");
    peer_say(a, "{\"type\":\"breakout_open\",\"id\":63,\"rooms\":[{\"name\":\"Den\"}]}");
    for (uint32_t id = 0; id < 4; id++)
        try_everything(eve, "11111111111111111111111111111111", eves, id == 3 ? ada : id);
    world_pass(w, 1000);
    plm_hub_flush(w->hub);
    assert_true(eve->n > 100);
    const char *const hidden[] = {"Ada", "Hidden", "confidential", "Den", "v=0", "candidate", secret, code};
    check_frames(eve, hidden, sizeof hidden / sizeof hidden[0]);
    assert_int_equal(w->open_transports, transports);
    struct plm_hub_gauges g;
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.participants, 1);
    assert_int_equal(g.waiting, 1);
    free(offer);
    free(eves);
    peer_destroy(a);
    peer_destroy(eve);
    world_destroy(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_admit, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_lobby_off, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_start, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_resume, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_admitted_while_lost, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_leave, world_setup, world_teardown),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test_setup_teardown(test_full, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_place_is_free, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_abandoned, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_shown_to_new_leader, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_viewers_are_left, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_encoders_are_left, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_somebody_can_admit, world_setup, world_teardown),
        cmocka_unit_test(test_nothing_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
