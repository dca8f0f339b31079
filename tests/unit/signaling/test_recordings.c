/* Recordings: who begins and ends them, who is told, what the recorder is told, who sees which, and what survives. */
#include "fake_recorder.h"
#include "recording_log.h"
#include "recordings.h"
#include "room.h"
#include "store_list.h"

#include <setjmp.h>

#include <cmocka.h>

#define TOKEN_S UINT64_C(90)

struct scene {
    struct world *w;
    struct recorder *r;
    struct store *store;
    struct peer *a, *b; /* Ada leads, Bob speaks */
    uint32_t ada, bob;
    char a_secret[PLM_SECRET_SIZE];
};

static struct peer *enter(struct world *w, const struct plm_msg_join *join, uint32_t *id, char *secret)
{
    struct peer *p = peer_create(w);
    peer_knock(p, join);
    struct plm_msg *joined = peer_expect(p, PLM_MSG_joined);
    assert_non_null(joined);
    if (id)
        *id = joined->joined.participant;
    if (secret)
        strcpy(secret, joined->joined.secret);
    plm_msg_free(joined);
    return p;
}

static void attach_store(struct scene *s)
{
    plm_hub_set_store(
        s->w->hub, &(struct plm_store_port){.ctx = s->store, .put = store_put, .drop = store_drop});
}

static int setup(void **state)
{
    struct scene *s = calloc(1, sizeof *s);
    s->w = world_create(&(struct plm_hub_config){.recording_token_s = TOKEN_S});
    s->r = calloc(1, sizeof *s->r);
    s->store = calloc(1, sizeof *s->store);
    attach_store(s);
    recorder_attach(s->r, s->w);
    s->a = enter(s->w, &(struct plm_msg_join){.room = "Room", .name = "Ada", .device = "ada-device"}, &s->ada,
        s->a_secret);
    s->b = enter(s->w, &(struct plm_msg_join){.room = "Room", .name = "Bob"}, &s->bob, NULL);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    struct scene *s = *state;
    if (s->a)
        peer_destroy(s->a);
    if (s->b)
        peer_destroy(s->b);
    world_destroy(s->w);
    recorder_free(s->r);
    store_free(s->store);
    free(s);
    return 0;
}

static int ask(struct peer *p, enum plm_msg_type type)
{
    struct plm_msg msg = {.type = type};
    return peer_ask(p, &msg);
}

static int ask_delete(struct peer *p, const char *id)
{
    struct plm_msg msg = {.type = PLM_MSG_record_delete, .record_delete = {.recording = id}};
    return peer_ask(p, &msg);
}

/* The state that p was last told; what was told before is read. -1: none */
static int told(struct peer *p)
{
    struct plm_msg *msg;
    int last = -1;
    while ((msg = peer_expect(p, PLM_MSG_recording))) {
        last = (int)msg->recording.recording.state;
        plm_msg_free(msg);
    }
    return last;
}

static void record(struct scene *s)
{
    assert_int_equal(ask(s->a, PLM_MSG_record_start), -1);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
}

/* ---- begin and end ---- */

static void test_start_and_stop(void **state)
{
    struct scene *s = *state;
    assert_int_equal(ask(s->a, PLM_MSG_record_stop), PLM_MSG_error_code_bad_state);
    peer_forget(s->a);
    peer_forget(s->b);
    assert_int_equal(ask(s->a, PLM_MSG_record_start), -1);
    assert_int_equal(s->r->starts, 1);
    assert_true(plm_recording_id_valid(s->r->id));
    assert_string_equal(s->r->key, "room");
    assert_string_equal(s->r->name, "Room");
    assert_int_equal(s->r->room, plm_room_find(s->w->hub, "room")->media);
    assert_int_equal(s->r->limit_s, PLM_RECORDING_LIMIT_S);
    assert_int_equal(s->r->started_ms, world_wall(s->w));
    struct plm_msg *msg = peer_expect(s->b, PLM_MSG_recording);
    assert_non_null(msg);
    assert_int_equal(msg->recording.recording.state, PLM_MSG_recording_state_starting);
    assert_int_equal(msg->recording.recording.since, world_wall(s->w));
    assert_int_equal(msg->recording.now, world_wall(s->w));
    assert_int_equal(msg->recording.recording.by, s->ada);
    assert_false(msg->recording.recording.has_reason);
    assert_int_equal(
        msg->recording.recording.ends_at, world_wall(s->w) + PLM_RECORDING_LIMIT_S * UINT64_C(1000));
    plm_msg_free(msg);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_STARTED], 0);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_on);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_STARTED], 1);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON); /* every 5 s */
    assert_int_equal(told(s->b), -1);
    assert_int_equal(ask(s->a, PLM_MSG_record_start), PLM_MSG_error_code_bad_state);
    assert_int_equal(s->r->starts, 1);
    assert_int_equal(ask(s->a, PLM_MSG_record_stop), -1);
    assert_int_equal(s->r->stops, 1);
    assert_int_equal(s->r->reason, PLM_RECORDING_ASKED);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_closing);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ASKED);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_ready);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_READY], 1);
    assert_string_equal(s->w->event_reason, "asked");
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ASKED);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_READY], 1);
}

static void test_rights(void **state)
{
    struct scene *s = *state;
    struct plm_grants *g = world_token(s->w, "records", PLM_MSG_role_viewer);
    g->record = true;
    struct peer *v =
        enter(s->w, &(struct plm_msg_join){.room = "Room", .name = "Vic", .token = "records"}, NULL, NULL);
    struct peer *other = enter(s->w, &(struct plm_msg_join){.room = "Room", .name = "Wil"}, NULL, NULL);
    static const enum plm_msg_type verbs[] = {
        PLM_MSG_record_start, PLM_MSG_record_stop, PLM_MSG_recordings, PLM_MSG_record_delete};
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(ask(other, verbs[i]), PLM_MSG_error_code_forbidden);
    assert_int_equal(ask_delete(other, "00000000000000000000000000000000"), PLM_MSG_error_code_forbidden);
    assert_int_equal(s->r->starts, 0);
    assert_int_equal(ask(v, PLM_MSG_record_start), -1); /* a viewer, by the grant */
    assert_int_equal(ask(v, PLM_MSG_record_stop), -1);
    assert_int_equal(ask(v, PLM_MSG_recordings), -1);
    assert_int_equal(ask(v, PLM_MSG_configure), PLM_MSG_error_code_forbidden); /* and nothing else */
    peer_destroy(v);
    peer_destroy(other);
}

static void test_not_here(void **state)
{
    struct scene *s = *state;
    plm_hub_set_recorder(s->w->hub, &(struct plm_recording_port){.ctx = NULL});
    assert_int_equal(ask(s->a, PLM_MSG_record_start), PLM_MSG_error_code_not_available);
    recorder_attach(s->r, s->w);
    s->r->fail = PLM_ENOTSUP;
    assert_int_equal(ask(s->a, PLM_MSG_record_start), PLM_MSG_error_code_not_available);
    s->r->fail = PLM_EFULL;
    assert_int_equal(ask(s->a, PLM_MSG_record_start), PLM_MSG_error_code_full);
    assert_int_equal(store_count(s->store, PLM_STORE_RECORDING), 0);
    assert_int_equal(told(s->b), -1);
    s->r->fail = 0;
    record(s);
}

static void test_forbidden_in_room(void **state)
{
    struct scene *s = *state;
    struct plm_msg msg = {
        .type = PLM_MSG_configure, .configure = {.settings = {.has_may_record = true, .may_record = false}}};
    record(s);
    assert_int_equal(peer_ask(s->a, &msg), -1);
    assert_int_equal(s->r->stops, 1); /* at once */
    assert_int_equal(ask(s->a, PLM_MSG_record_start), PLM_MSG_error_code_forbidden);
    /* In a room with an owner a moderator does not decide it. */
    char digest[PLM_KEY_DIGEST_SIZE];
    struct plm_api_change change = {.owner_digest = digest};
    struct plm_refusal why;
    memset(digest, 'a', sizeof digest - 1);
    digest[sizeof digest - 1] = 0;
    assert_int_equal(plm_api_room_change(s->w->hub, NULL, "room", &change, &why), 0);
    msg.configure.settings.may_record = true;
    assert_int_equal(peer_ask(s->a, &msg), PLM_MSG_error_code_forbidden);
    assert_int_equal(ask(s->a, PLM_MSG_record_start), PLM_MSG_error_code_forbidden);
}

static void test_late_and_waiting(void **state)
{
    struct scene *s = *state;
    struct plm_msg lobby = {
        .type = PLM_MSG_configure, .configure = {.settings = {.has_lobby = true, .lobby = true}}};
    assert_int_equal(peer_ask(s->a, &lobby), -1);
    struct peer *w = peer_create(s->w);
    peer_knock(w, &(struct plm_msg_join){.room = "Room", .name = "Wil"});
    record(s);
    uint64_t began = world_wall(s->w);
    s->w->now += 5000;
    for (size_t i = 0; i < w->n; i++) /* who waits is told that they wait */
        assert_non_null(strstr(w->texts[i]->data, "\"type\":\"waiting\""));
    struct plm_msg admit = {.type = PLM_MSG_admit, .admit = {.admitted = true}};
    assert_int_equal(peer_ask(s->a, &admit), -1);
    struct plm_msg *joined = peer_expect(w, PLM_MSG_joined);
    assert_non_null(joined);
    assert_true(joined->joined.records);
    assert_true(joined->joined.has_recording);
    assert_int_equal(joined->joined.recording.state, PLM_MSG_recording_state_on);
    assert_int_equal(joined->joined.recording.since, began);
    assert_int_equal(joined->joined.now, began + 5000);
    plm_msg_free(joined);
    assert_int_equal(ask(s->a, PLM_MSG_record_stop), -1);
    struct peer *late = peer_create(s->w);
    lobby.configure.settings.lobby = false;
    assert_int_equal(peer_ask(s->a, &lobby), -1);
    joined = peer_join(late, "Room", "Lea");
    assert_non_null(joined);
    assert_false(joined->joined.has_recording);
    plm_msg_free(joined);
    peer_destroy(w);
    peer_destroy(late);
}

static void test_breakout_rooms_are_told(void **state)
{
    struct scene *s = *state;
    static struct plm_msg_breakout_name rooms[] = {{.name = "Red"}};
    struct plm_msg_breakout_place places[] = {{s->bob, 1}};
    struct plm_msg open = {.type = PLM_MSG_breakout_open,
        .breakout_open = {
            .rooms = rooms, .n_rooms = 1, .places = places, .n_places = 1, .has_force = true, .force = true}};
    assert_int_equal(peer_ask(s->a, &open), -1);
    record(s);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_on);
}

/* ---- states ---- */

static void test_disk_ends_it(void **state)
{
    struct scene *s = *state;
    record(s);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_PAUSED, PLM_RECORDING_DISK_SLOW);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_paused);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_on);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_CLOSING, PLM_RECORDING_DISK_FULL);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_closing);
    char first[PLM_RECORDING_ID_SIZE];
    strcpy(first, s->r->id);
    record(s); /* another one may begin; the end of the first is not mistaken for its */
    assert_int_equal(told(s->b), PLM_MSG_recording_state_on);
    recorder_tell(s->r, s->w, first, PLM_RECORDING_READY, PLM_RECORDING_DISK_FULL);
    assert_int_equal(told(s->b), -1);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_READY], 1);
    assert_string_equal(s->w->event_reason, "disk_full");
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_FAILED, PLM_RECORDING_DISK_ERROR);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_failed);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_FAILED], 1);
}

static void test_silent_recorder(void **state)
{
    struct scene *s = *state;
    assert_int_equal(ask(s->a, PLM_MSG_record_start), -1);
    world_pass(s->w, PLM_RECORDING_ANSWER_MS - 1);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_starting);
    world_pass(s->w, 1);
    struct plm_msg *msg = peer_expect(s->b, PLM_MSG_recording);
    assert_non_null(msg);
    assert_int_equal(msg->recording.recording.state, PLM_MSG_recording_state_paused);
    assert_int_equal(msg->recording.recording.reason, PLM_MSG_recording_reason_no_recorder);
    plm_msg_free(msg);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_on);
}

static void test_end_crosses_news(void **state)
{
    struct scene *s = *state;
    record(s);
    assert_int_equal(ask(s->a, PLM_MSG_record_stop), -1);
    told(s->b);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_int_equal(told(s->b), -1);
    assert_int_equal(s->r->stops, 2); /* it is told once more */
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_FAILED, PLM_RECORDING_NO_REASON);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ASKED); /* a repair saved it */
    assert_int_equal(plm_recording_find(s->w->hub, s->r->id)->state, PLM_RECORDING_READY);
}

static void test_limit(void **state)
{
    struct scene *s = *state;
    record(s);
    peer_forget(s->a);
    peer_forget(s->b);
    world_pass(s->w, PLM_RECORDING_LIMIT_S * UINT64_C(1000) - PLM_RECORDING_WARNING_MS - 1);
    assert_int_equal(peer_count(s->a, PLM_MSG_noticed), 0);
    world_pass(s->w, 1);
    struct plm_msg *msg = peer_expect(s->a, PLM_MSG_noticed);
    assert_non_null(msg);
    assert_int_equal(msg->noticed.notice, PLM_MSG_notice_recording_ending);
    plm_msg_free(msg);
    assert_int_equal(peer_count(s->b, PLM_MSG_noticed), 0); /* who could not begin another is not told */
    world_pass(s->w, PLM_RECORDING_WARNING_MS - 1);
    assert_int_equal(s->r->stops, 0);
    world_pass(s->w, 1);
    assert_int_equal(s->r->stops, 1);
    assert_int_equal(s->r->reason, PLM_RECORDING_LIMIT);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_closing);
}

static void test_meeting_ends(void **state)
{
    struct scene *s = *state;
    record(s);
    assert_int_equal(ask(s->a, PLM_MSG_end), -1);
    assert_int_equal(s->r->stops, 1);
    assert_int_equal(s->r->reason, PLM_RECORDING_ENDED);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ENDED);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_READY], 1);
    struct plm_hub_gauges g;
    plm_hub_gauges(s->w->hub, &g);
    assert_int_equal(g.recordings, 0);
}

static void test_too_many(void **state)
{
    struct scene *s = *state;
    for (uint32_t i = 0; i < s->w->hub->config.max_recordings; i++) {
        struct plm_refusal why;
        assert_int_equal(plm_recording_start(plm_room_find(s->w->hub, "room"), NULL, &why), 0);
        plm_recording_stop(plm_recording_find(s->w->hub, s->r->id), PLM_RECORDING_ASKED, NULL);
        recorder_forget(s->r);
    }
    world_pass(s->w, 10000);
    assert_int_equal(ask(s->a, PLM_MSG_record_start), PLM_MSG_error_code_full);
    assert_int_equal(ask_delete(s->a, s->r->id), -1);
    assert_int_equal(ask(s->a, PLM_MSG_record_start), -1);
}

static void test_auto(void **state)
{
    struct scene *s = *state;
    struct plm_room_settings settings;
    struct plm_refusal why;
    plm_room_settings_default(&settings);
    settings.auto_record = true;
    assert_int_equal(
        plm_api_room_create(s->w->hub, "talk", &(struct plm_api_change){.settings = &settings}, &why), 0);
    assert_int_equal(s->r->starts, 0);
    struct peer *p = peer_create(s->w);
    struct plm_msg *joined = peer_join(p, "talk", "Pia");
    assert_non_null(joined); /* and is told of the recording afterwards */
    plm_msg_free(joined);
    assert_int_equal(told(p), PLM_MSG_recording_state_starting);
    assert_int_equal(s->r->starts, 1);
    assert_int_equal(ask(p, PLM_MSG_record_stop), -1);
    struct peer *q = peer_enter(s->w, "talk", "Quin", NULL); /* what was ended does not begin again */
    assert_int_equal(s->r->starts, 1);
    peer_destroy(p);
    peer_destroy(q);
}

static void post_encoder(struct world *w, const char *room, struct plm_resource_reply *reply)
{
    const char *name = "Camera 1";
    char *offer = sdp_publish(w, "whip", 0x41, 1);
    const struct plm_resource_request request = {.kind = PLM_RESOURCE_WHIP,
        .room = room,
        .names = &name,
        .n_names = 1,
        .sdp = offer,
        .len = strlen(offer)};
    assert_int_equal(plm_resource_post(w->hub, &request, reply), 0);
    plm_resource_reply_clear(reply);
    free(offer);
}

/* Who comes by WHIP is somebody, too. */
static void test_auto_by_whip(void **state)
{
    struct scene *s = *state;
    struct plm_room_settings settings;
    struct plm_refusal why;
    plm_room_settings_default(&settings);
    settings.auto_record = true;
    assert_int_equal(
        plm_api_room_create(s->w->hub, "stage", &(struct plm_api_change){.settings = &settings}, &why), 0);
    struct plm_resource_reply reply;
    post_encoder(s->w, "stage", &reply);
    assert_int_equal(s->r->starts, 1);
    assert_true(recorder_expect(s->r, "{\"type\":\"asked\",\"participant\":0,\"what\":\"start\"}"));
    assert_true(plm_room_find(s->w->hub, "stage")->recording != NULL);
}

/* ---- the journal ---- */

static void publish(struct peer *p)
{
    struct plm_msg_track_line lines[] = {{.mid = "0", .source = PLM_MSG_source_microphone, .muted = false},
        {.mid = "1", .source = PLM_MSG_source_camera, .muted = true}};
    assert_int_equal(peer_publish(p, "user", 0x11, lines, 2), -1);
}

static void speak(struct scene *s, const char *room, uint32_t who)
{
    struct plm_event ev = {.type = PLM_EV_SPEAKERS, .room = plm_room_find(s->w->hub, room)->media};
    ev.speakers.n = 1;
    ev.speakers.who[0] = who;
    plm_hub_on_media_event(s->w->hub, &ev);
    plm_hub_flush(s->w->hub);
}

static void say(struct peer *p, const char *text, uint32_t to)
{
    struct plm_msg msg = {.type = PLM_MSG_chat, .chat = {.text = text, .has_to = to != 0, .to = to}};
    assert_int_equal(peer_ask(p, &msg), -1);
}

static void test_journal(void **state)
{
    struct scene *s = *state;
    struct recorder *r = s->r;
    publish(s->a);
    say(s->a, "before", 0);
    speak(s, "room", s->ada);
    assert_int_equal(r->n, 0); /* nothing while nothing is recorded */
    record(s);
    assert_true(recorder_expect(r, "{\"type\":\"asked\",\"participant\":1,\"what\":\"start\"}"));
    assert_true(recorder_expect(
        r, "{\"type\":\"joined\",\"participant\":1,\"name\":\"Ada\",\"role\":\"moderator\",\"breakout\":0}"));
    assert_true(recorder_expect(r,
        "{\"type\":\"track\",\"participant\":1,\"source\":\"microphone\",\"active\":true,\"muted\":false}"));
    assert_true(recorder_expect(
        r, "{\"type\":\"track\",\"participant\":1,\"source\":\"camera\",\"active\":true,\"muted\":true}"));
    assert_true(recorder_expect(
        r, "{\"type\":\"joined\",\"participant\":2,\"name\":\"Bob\",\"role\":\"speaker\",\"breakout\":0}"));
    assert_true(recorder_expect(r, "{\"type\":\"consent\",\"participant\":1}"));
    assert_true(recorder_expect(r, "{\"type\":\"consent\",\"participant\":2}"));
    assert_true(recorder_expect(r, NULL));

    struct plm_msg mute = {.type = PLM_MSG_mute, .mute = {.source = PLM_MSG_source_camera, .muted = false}};
    assert_int_equal(peer_ask(s->a, &mute), -1);
    assert_true(recorder_expect(
        r, "{\"type\":\"track\",\"participant\":1,\"source\":\"camera\",\"active\":true,\"muted\":false}"));
    struct plm_msg hand = {.type = PLM_MSG_hand, .hand = {.raised = true}};
    assert_int_equal(peer_ask(s->b, &hand), -1);
    assert_true(recorder_expect(r, "{\"type\":\"hand\",\"participant\":2,\"raised\":true}"));
    struct plm_msg rename = {.type = PLM_MSG_rename, .rename = {.name = "Robert"}};
    assert_int_equal(peer_ask(s->b, &rename), -1);
    assert_true(recorder_expect(r, "{\"type\":\"renamed\",\"participant\":2,\"name\":\"Robert\"}"));
    struct plm_msg role = {
        .type = PLM_MSG_set_role, .set_role = {.participant = s->bob, .role = PLM_MSG_role_moderator}};
    assert_int_equal(peer_ask(s->a, &role), -1);
    assert_true(recorder_expect(r, "{\"type\":\"role\",\"participant\":2,\"role\":\"moderator\"}"));
    say(s->b, "for one", s->ada);
    say(s->b, "for \"all\"", 0);
    char line[300];
    snprintf(line, sizeof line,
        "{\"type\":\"chat\",\"participant\":2,\"name\":\"Robert\",\"text\":\"for "
        "\\\"all\\\"\",\"sent_ms\":%llu}",
        (unsigned long long)world_wall(s->w));
    assert_true(recorder_expect(r, line));

    struct peer *c = peer_enter(s->w, "Room", "Cy", NULL);
    assert_true(recorder_expect(
        r, "{\"type\":\"joined\",\"participant\":3,\"name\":\"Cy\",\"role\":\"speaker\",\"breakout\":0}"));
    assert_true(recorder_expect(r, "{\"type\":\"consent\",\"participant\":3}"));
    peer_say(c, "{\"type\":\"leave\",\"id\":5}");
    assert_true(recorder_expect(r, "{\"type\":\"left\",\"participant\":3,\"reason\":\"left\"}"));
    peer_destroy(c);
    assert_true(recorder_expect(r, NULL));

    assert_int_equal(ask(s->a, PLM_MSG_record_stop), -1);
    assert_true(recorder_expect(r, "{\"type\":\"asked\",\"participant\":1,\"what\":\"stop\"}"));
    say(s->b, "after", 0);
    assert_true(recorder_expect(r, NULL));
}

static void test_journal_of_moves(void **state)
{
    struct scene *s = *state;
    struct recorder *r = s->r;
    static struct plm_msg_breakout_name rooms[] = {{.name = "Red"}};
    struct plm_msg_breakout_place places[] = {{s->bob, 1}};
    struct plm_msg open = {.type = PLM_MSG_breakout_open,
        .breakout_open = {
            .rooms = rooms, .n_rooms = 1, .places = places, .n_places = 1, .has_force = true, .force = true}};
    record(s);
    recorder_forget(r);
    assert_int_equal(peer_ask(s->a, &open), -1);
    assert_true(
        recorder_expect(r, "{\"type\":\"moved\",\"participant\":2,\"breakout\":1,\"title\":\"Red\"}"));
    say(s->b, "among us", 0); /* what is said there stays there */
    struct plm_event ev = {.type = PLM_EV_SPEAKERS,
        .room = plm_room_find_member(plm_room_find(s->w->hub, "room"), s->bob)->room->media};
    ev.speakers.n = 1;
    ev.speakers.who[0] = s->bob;
    plm_hub_on_media_event(s->w->hub, &ev);
    assert_true(recorder_expect(r, NULL));
    assert_int_equal(ask(s->a, PLM_MSG_breakout_close), -1);
    assert_true(recorder_expect(r, "{\"type\":\"moved\",\"participant\":2,\"breakout\":0,\"title\":\"\"}"));
    assert_true(recorder_expect(r, NULL));
}

static void test_speakers_are_limited(void **state)
{
    struct scene *s = *state;
    record(s);
    recorder_forget(s->r);
    speak(s, "room", s->ada);
    assert_true(recorder_expect(s->r, "{\"type\":\"speakers\",\"participants\":[1]}"));
    speak(s, "room", s->bob);
    speak(s, "room", s->ada);
    speak(s, "room", s->bob);
    assert_true(recorder_expect(s->r, NULL));
    world_pass(s->w, PLM_RECORDING_SPEAKERS_MS); /* the last of them is not lost */
    assert_true(recorder_expect(s->r, "{\"type\":\"speakers\",\"participants\":[2]}"));
    world_pass(s->w, 1000);
    assert_true(recorder_expect(s->r, NULL));
}

/* ---- which exist ---- */

/* How many p sees. */
static size_t seen(struct peer *p, bool *with_token)
{
    struct plm_msg msg = {.type = PLM_MSG_recordings};
    p->read = p->n;
    peer_request(p, &msg);
    struct plm_msg *page = peer_expect(p, PLM_MSG_recordings_page);
    assert_non_null(page);
    size_t n = page->recordings_page.n_recordings;
    if (n && with_token)
        *with_token = page->recordings_page.recordings[0].token != NULL;
    plm_msg_free(page);
    return n;
}

static void tokens(
    void *ctx, const char *id, uint32_t epoch, uint64_t expires_ms, char out[PLM_RECORDING_TOKEN_SIZE])
{
    (void)ctx;
    snprintf(out, PLM_RECORDING_TOKEN_SIZE, "%.4s.%u.%llu", id, epoch, (unsigned long long)expires_ms);
}

static void test_list(void **state)
{
    struct scene *s = *state;
    bool token = true;
    s->w->hub->host.recording_token = tokens;
    record(s);
    assert_int_equal(seen(s->a, &token), 1);
    assert_false(token); /* nothing is there to be opened */
    assert_int_equal(ask(s->a, PLM_MSG_record_stop), -1);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ASKED);
    struct plm_msg msg = {.type = PLM_MSG_recordings};
    peer_request(s->a, &msg);
    struct plm_msg *page = peer_expect(s->a, PLM_MSG_recordings_page);
    while (page && page->recordings_page.recordings[0].state != PLM_MSG_recording_state_ready) {
        plm_msg_free(page);
        page = peer_expect(s->a, PLM_MSG_recordings_page);
    }
    assert_non_null(page);
    const struct plm_msg_recording_item *item = &page->recordings_page.recordings[0];
    assert_string_equal(item->id, s->r->id);
    assert_int_equal(item->seconds, 61);
    assert_int_equal(item->size_kb, 1234);
    assert_int_equal(item->files, 3);
    assert_int_equal(item->reason, PLM_MSG_recording_reason_asked);
    char expected[PLM_RECORDING_TOKEN_SIZE];
    tokens(NULL, s->r->id, 0, world_wall(s->w) + TOKEN_S * 1000, expected);
    assert_string_equal(item->token, expected);
    assert_int_equal(page->recordings_page.token_seconds, TOKEN_S);
    plm_msg_free(page);
    msg.recordings.has_before = true;
    msg.recordings.before = s->r->started_ms; /* itself is no part of the next page */
    s->a->read = s->a->n;
    peer_request(s->a, &msg);
    page = peer_expect(s->a, PLM_MSG_recordings_page);
    assert_int_equal(page->recordings_page.n_recordings, 0);
    plm_msg_free(page);
}

/* A meeting of nobody's room ends; who comes first next leads, and is a stranger. */
static void test_strangers(void **state)
{
    struct scene *s = *state;
    record(s);
    peer_say(s->b, "{\"type\":\"leave\",\"id\":7}");
    peer_say(s->a, "{\"type\":\"leave\",\"id\":7}");
    assert_int_equal(s->r->stops, 1);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ENDED);
    struct peer *x =
        enter(s->w, &(struct plm_msg_join){.room = "Room", .name = "Ada", .device = "another"}, NULL, NULL);
    assert_int_equal(seen(x, NULL), 0);
    assert_int_equal(ask_delete(x, s->r->id), PLM_MSG_error_code_not_found);
    struct plm_msg *msg;
    peer_say(x, "{\"type\":\"leave\",\"id\":7}");
    struct peer *again = enter(
        s->w, &(struct plm_msg_join){.room = "Room", .name = "Whoever", .device = "ada-device"}, NULL, NULL);
    assert_int_equal(seen(again, NULL), 1); /* who began it has it */
    msg = peer_expect(again, PLM_MSG_recordings_page);
    plm_msg_free(msg);
    peer_destroy(x);
    peer_destroy(again);
    /* A later room of the same name is another room, whoever owns it. */
    struct plm_refusal why;
    assert_int_equal(plm_api_room_delete(s->w->hub, "room", &why), 0);
    s->w->now += 5;
    world_token(s->w, "owner", PLM_MSG_role_owner);
    char digest[PLM_KEY_DIGEST_SIZE];
    memset(digest, 'b', sizeof digest - 1);
    digest[sizeof digest - 1] = 0;
    assert_int_equal(
        plm_api_room_create(s->w->hub, "Room", &(struct plm_api_change){.owner_digest = digest}, &why), 0);
    struct peer *owner = enter(s->w,
        &(struct plm_msg_join){.room = "Room", .name = "Olga", .token = "owner", .device = "ada-device"},
        NULL, NULL);
    assert_int_equal(seen(owner, NULL), 0);
    struct plm_api_recording shown;
    assert_int_equal(plm_api_recording_get(s->w->hub, s->r->id, &shown), 0); /* the operator's keys see it */
    assert_false(shown.of_room);
    peer_destroy(owner);
}

/* An encoder is recorded on when the last who took part has left; who comes next does not see it. */
static void test_strangers_at_encoder(void **state)
{
    struct scene *s = *state;
    struct plm_resource_reply encoder;
    post_encoder(s->w, "Room", &encoder);
    record(s);
    peer_say(s->b, "{\"type\":\"leave\",\"id\":7}");
    peer_say(s->a, "{\"type\":\"leave\",\"id\":7}");
    world_pass(s->w, 600000);
    assert_int_equal(s->r->stops, 0);
    struct peer *x =
        enter(s->w, &(struct plm_msg_join){.room = "Room", .name = "Eve", .device = "another"}, NULL, NULL);
    assert_int_equal(s->r->stops, 1); /* what she says is not in it */
    assert_int_equal(seen(x, NULL), 0);
    assert_int_equal(ask_delete(x, s->r->id), PLM_MSG_error_code_not_found);
    struct peer *again = enter(
        s->w, &(struct plm_msg_join){.room = "Room", .name = "Ada", .device = "ada-device"}, NULL, NULL);
    peer_say(x, "{\"type\":\"leave\",\"id\":7}");
    assert_int_equal(seen(again, NULL), 1);
    peer_destroy(x);
    peer_destroy(again);
}

/* One that begins with the meeting belongs to who leads then; where an encoder came first, to the first who leads. */
static void test_auto_is_of_leader(void **state)
{
    struct scene *s = *state;
    const struct plm_msg_join lea = {.room = "stage", .name = "Lea", .device = "lea-device"},
                              eve = {.room = "stage", .name = "Eve", .device = "eve-device"};
    const char leave[] = "{\"type\":\"leave\",\"id\":7}";
    struct plm_room_settings settings;
    struct plm_refusal why;
    plm_room_settings_default(&settings);
    settings.auto_record = true;
    assert_int_equal(
        plm_api_room_create(s->w->hub, "stage", &(struct plm_api_change){.settings = &settings}, &why), 0);
    for (int with_encoder = 0; with_encoder < 2; with_encoder++) {
        struct plm_resource_reply encoder, other, gone;
        if (with_encoder) { /* two even, of which one goes before anybody is there */
            post_encoder(s->w, "stage", &encoder);
            post_encoder(s->w, "stage", &other);
            plm_resource_delete(s->w->hub, other.id, &gone);
        }
        struct peer *p = enter(s->w, &lea, NULL, NULL), *q = enter(s->w, &eve, NULL, NULL);
        assert_int_equal(s->r->starts, with_encoder + 1);
        recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
        struct plm_msg_recording_status shown;
        assert_true(plm_recording_describe(plm_room_find(s->w->hub, "stage"), &shown));
        assert_false(shown.has_by); /* nobody began it all the same */
        if (with_encoder)
            plm_resource_delete(s->w->hub, encoder.id, &gone);
        peer_say(q, leave);
        peer_say(p, leave);
        recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ENDED);
        peer_destroy(p);
        peer_destroy(q);
        world_pass(s->w, 120000);
    }
    settings.auto_record = false;
    assert_int_equal(
        plm_api_room_change(s->w->hub, NULL, "stage", &(struct plm_api_change){.settings = &settings}, &why),
        0);
    struct peer *p = enter(s->w, &eve, NULL, NULL);
    assert_int_equal(seen(p, NULL), 0);
    peer_say(p, leave);
    peer_destroy(p);
    p = enter(s->w, &lea, NULL, NULL);
    assert_int_equal(seen(p, NULL), 2);
    peer_destroy(p);
}

static void test_owned(void **state)
{
    struct scene *s = *state;
    char digest[PLM_KEY_DIGEST_SIZE];
    struct plm_refusal why;
    memset(digest, 'c', sizeof digest - 1);
    digest[sizeof digest - 1] = 0;
    world_token(s->w, "mod", PLM_MSG_role_moderator);
    assert_int_equal(
        plm_api_room_create(s->w->hub, "own", &(struct plm_api_change){.owner_digest = digest}, &why), 0);
    struct peer *m =
        enter(s->w, &(struct plm_msg_join){.room = "own", .name = "Mo", .token = "mod"}, NULL, NULL);
    assert_int_equal(ask(m, PLM_MSG_record_start), -1);
    peer_say(m, "{\"type\":\"end\",\"id\":7}");
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ENDED);
    peer_destroy(m);
    m = enter(s->w, &(struct plm_msg_join){.room = "own", .name = "Max", .token = "mod"}, NULL, NULL);
    assert_int_equal(seen(m, NULL), 1);    /* whoever leads there */
    assert_int_equal(seen(s->a, NULL), 0); /* not those of another room */
    assert_int_equal(ask_delete(s->a, s->r->id), PLM_MSG_error_code_not_found);
    assert_int_equal(ask_delete(m, s->r->id), -1);
    peer_destroy(m);
}

/* Room "own" has an owner and a lobby, and records each meeting; token "mod" leads there. */
static void own_a_room_with_lobby(struct scene *s)
{
    struct plm_room_settings settings;
    struct plm_refusal why;
    char digest[PLM_KEY_DIGEST_SIZE];
    memset(digest, 'c', sizeof digest - 1);
    digest[sizeof digest - 1] = 0;
    plm_room_settings_default(&settings);
    settings.lobby = settings.auto_record = true;
    world_token(s->w, "mod", PLM_MSG_role_moderator);
    assert_int_equal(plm_api_room_create(s->w->hub, "own",
                         &(struct plm_api_change){.settings = &settings, .owner_digest = digest}, &why),
        0);
}

/* Who waits in the lobby, or watches by WHEP, is nobody to record; whoever waits waits on. */
static void test_ends_without_people(void **state)
{
    struct scene *s = *state;
    own_a_room_with_lobby(s);
    struct peer *tabs[2];
    for (unsigned meeting = 1; meeting <= 2; meeting++) { /* the second begins while somebody waits */
        struct peer *m =
            enter(s->w, &(struct plm_msg_join){.room = "own", .name = "Mo", .token = "mod"}, NULL, NULL);
        assert_int_equal(s->r->starts, meeting);
        recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
        struct peer *t = peer_create(s->w);
        peer_knock(t, &(struct plm_msg_join){.room = "own", .name = "Tab"});
        peer_say(m, "{\"type\":\"leave\",\"id\":7}");
        peer_destroy(m);
        world_pass(s->w, 59999);
        assert_int_equal(s->r->stops, meeting - 1); /* they may come back */
        world_pass(s->w, 1);
        assert_int_equal(s->r->stops, meeting);
        assert_int_equal(s->r->reason, PLM_RECORDING_ENDED);
        assert_int_equal(world_gauges(s->w).waiting, meeting);
        recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ENDED);
        tabs[meeting - 1] = t;
    }
    for (unsigned i = 0; i < 2; i++)
        peer_destroy(tabs[i]);
    world_pass(s->w, 30000); /* of the grace time */
    world_pass(s->w, 60000);
    assert_null(plm_room_find(s->w->hub, "own"));
}

static void test_tokens_end(void **state)
{
    struct scene *s = *state;
    record(s);
    struct plm_recording *rec = plm_recording_find(s->w->hub, s->r->id);
    uint32_t epoch = rec->epoch;
    struct plm_msg role = {
        .type = PLM_MSG_set_role, .set_role = {.participant = s->bob, .role = PLM_MSG_role_moderator}};
    assert_int_equal(peer_ask(s->a, &role), -1);
    assert_int_equal(rec->epoch, epoch);
    role.set_role.role = PLM_MSG_role_speaker;
    peer_say(s->b, "{\"type\":\"set_role\",\"id\":9,\"participant\":2,\"role\":\"speaker\"}");
    assert_int_equal(rec->epoch, epoch + 1);
    struct plm_msg kick = {.type = PLM_MSG_kick, .kick = {.participant = s->bob}};
    assert_int_equal(peer_ask(s->a, &kick), -1);
    assert_int_equal(rec->epoch, epoch + 2);
}

static void test_delete(void **state)
{
    struct scene *s = *state;
    char id[PLM_RECORDING_ID_SIZE];
    struct plm_api_recording shown;
    record(s);
    strcpy(id, s->r->id);
    assert_int_equal(ask_delete(s->a, "nonsense"), PLM_MSG_error_code_not_found);
    assert_int_equal(ask_delete(s->a, id), -1); /* while it runs */
    assert_int_equal(s->r->stops, 1);
    assert_int_equal(s->r->reason, PLM_RECORDING_DELETED);
    assert_int_equal(s->r->removes, 1);
    assert_string_equal(s->r->removed, id);
    assert_int_equal(told(s->b), PLM_MSG_recording_state_closing);
    assert_int_equal(plm_api_recording_get(s->w->hub, id, &shown), PLM_ENOENT);
    assert_int_equal(seen(s->a, NULL), 0);
    assert_int_equal(ask_delete(s->a, id), PLM_MSG_error_code_not_found);
    /* A recorder that was away finds it on its disk: nobody sees it, and it is asked again. */
    recorder_tell(s->r, s->w, id, PLM_RECORDING_READY, PLM_RECORDING_ENDED);
    assert_int_equal(s->r->removes, 2);
    assert_int_equal(plm_api_recording_get(s->w->hub, id, &shown), PLM_ENOENT);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_READY], 0);
    assert_non_null(store_find(s->store, PLM_STORE_RECORDING, id));
    recorder_tell(s->r, s->w, id, PLM_RECORDING_FAILED, PLM_RECORDING_DELETED);
    assert_null(store_find(s->store, PLM_STORE_RECORDING, id));
}

/* ---- restarts ---- */

/* The process is killed and the next one stands; peers are gone with their sockets. */
static void restart(struct scene *s, bool keep_pending)
{
    struct peer *peers[] = {s->a, s->b};
    uint64_t now = s->w->now;
    if (!keep_pending)
        world_pass(s->w, 200);
    world_destroy(s->w);
    for (size_t i = 0; i < 2; i++) {
        peer_forget(peers[i]);
        free(peers[i]);
    }
    s->a = s->b = NULL;
    s->w = world_create(NULL);
    s->w->now = now + 2000;
    s->w->last_room = 70; /* rooms of another engine */
    attach_store(s);
    assert_int_equal(store_restore(s->w->hub, s->store), 0);
    recorder_attach(s->r, s->w);
}

static void test_restart(void **state)
{
    struct scene *s = *state;
    char id[PLM_RECORDING_ID_SIZE];
    publish(s->a);
    record(s);
    uint64_t started = s->r->started_ms;
    assert_false(s->r->goes_on);
    strcpy(id, s->r->id);
    recorder_forget(s->r);
    restart(s, true); /* at once: what the journal had not put yet is not needed */
    assert_int_equal(s->r->starts, 2);
    assert_string_equal(s->r->id, id);
    assert_int_equal(s->r->room, 71);
    assert_int_equal(s->r->started_ms, started);
    assert_true(s->r->goes_on);
    assert_true(recorder_expect(s->r, "{\"type\":\"present\",\"participants\":[2,1]}"));
    assert_int_equal(s->r->n, 1 + 2 * PLM_SOURCE_COUNT); /* nobody sends anything for now */
    for (size_t i = 1; i < s->r->n; i++)
        assert_non_null(strstr(s->r->lines[i], "\"active\":false"));
    recorder_forget(s->r);
    s->a = peer_create(s->w);
    struct plm_msg resume = {.type = PLM_MSG_resume, .resume = {.secret = s->a_secret}};
    peer_request(s->a, &resume);
    struct plm_msg *joined = peer_expect(s->a, PLM_MSG_joined);
    assert_non_null(joined);
    assert_true(joined->joined.has_recording);
    assert_int_equal(joined->joined.recording.since, started);
    plm_msg_free(joined);
    assert_true(recorder_expect(s->r, "{\"type\":\"consent\",\"participant\":1}"));
    assert_true(recorder_expect(s->r, NULL));
    recorder_tell(s->r, s->w, id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    assert_int_equal(s->w->events[PLM_HUB_RECORDING_STARTED], 0);    /* told by the one before */
    world_pass(s->w, PLM_RECORDING_LIMIT_S * UINT64_C(1000) - 2001); /* the limit is that of the whole */
    assert_int_equal(s->r->stops, 0);
    world_pass(s->w, 1);
    assert_int_equal(s->r->stops, 1);
    assert_int_equal(s->r->reason, PLM_RECORDING_LIMIT);
}

static void test_restart_too_late(void **state)
{
    struct scene *s = *state;
    record(s);
    restart(s, false);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_SERVER_GONE);
    assert_null(plm_room_find(s->w->hub, "room")->recording);
    struct plm_api_recording shown;
    assert_int_equal(plm_api_recording_get(s->w->hub, s->r->id, &shown), 0);
    assert_int_equal(shown.state, PLM_RECORDING_READY);
    assert_int_equal(shown.reason, PLM_RECORDING_SERVER_GONE);
}

static void test_restart_without_recorder(void **state)
{
    struct scene *s = *state;
    record(s);
    s->r->fail = PLM_ENOTSUP;
    restart(s, false);
    struct plm_api_recording shown;
    assert_int_equal(plm_api_recording_get(s->w->hub, s->r->id, &shown), 0);
    assert_int_equal(shown.state, PLM_RECORDING_FAILED);
    assert_int_equal(shown.reason, PLM_RECORDING_NO_RECORDER);
}

/* Its meeting is not found any more: it ends, and nobody but the API and who began it sees it. */
static void test_restart_without_meeting(void **state)
{
    struct scene *s = *state;
    record(s);
    world_pass(s->w, 200);
    for (size_t i = 0; i < s->store->n;)
        if (s->store->all[i].kind == PLM_STORE_MEETING)
            store_drop(s->store, PLM_STORE_MEETING, s->store->all[i].key);
        else if (s->store->all[i].kind == PLM_STORE_MEMBER)
            store_drop(s->store, PLM_STORE_MEMBER, s->store->all[i].key);
        else
            i++;
    restart(s, true);
    assert_int_equal(s->r->starts, 1);
    const struct plm_recording *rec = plm_recording_find(s->w->hub, s->r->id);
    assert_int_equal(rec->state, PLM_RECORDING_CLOSING);
    assert_int_equal(rec->reason, PLM_RECORDING_ENDED);
    assert_false(rec->of_meeting);
}

/* The last who took part has left when the process is killed, and somebody waits on: the recording ends as without that. */
static void test_restart_while_somebody_waits(void **state)
{
    struct scene *s = *state;
    char secret[PLM_SECRET_SIZE];
    own_a_room_with_lobby(s);
    struct peer *m =
        enter(s->w, &(struct plm_msg_join){.room = "own", .name = "Mo", .token = "mod"}, NULL, NULL);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    struct peer *t = peer_create(s->w);
    peer_knock(t, &(struct plm_msg_join){.room = "own", .name = "Tab"});
    struct plm_msg *waiting = peer_expect(t, PLM_MSG_waiting);
    assert_non_null(waiting);
    strcpy(secret, waiting->waiting.secret);
    plm_msg_free(waiting);
    peer_say(m, "{\"type\":\"leave\",\"id\":7}");
    peer_destroy(m);
    world_pass(s->w, 200);
    restart(s, true);
    peer_forget(t);
    free(t);
    assert_int_equal(s->r->starts, 2);
    t = peer_create(s->w);
    struct plm_msg resume = {.type = PLM_MSG_resume, .resume = {.secret = secret}};
    peer_request(t, &resume);
    waiting = peer_expect(t, PLM_MSG_waiting);
    assert_non_null(waiting);
    plm_msg_free(waiting);
    world_pass(s->w, 59999);
    assert_int_equal(s->r->stops, 0);
    world_pass(s->w, 1);
    assert_int_equal(s->r->stops, 1);
    assert_int_equal(s->r->reason, PLM_RECORDING_ENDED);
    assert_int_equal(world_gauges(s->w).waiting, 1);
    peer_destroy(t);
}

static void test_restart_of_deleted(void **state)
{
    struct scene *s = *state;
    struct plm_api_recording shown;
    record(s);
    assert_int_equal(ask_delete(s->a, s->r->id), -1);
    restart(s, false);
    assert_int_equal(plm_api_recording_get(s->w->hub, s->r->id, &shown), PLM_ENOENT);
    recorder_tell(s->r, s->w, s->r->id, PLM_RECORDING_READY, PLM_RECORDING_ASKED);
    assert_int_equal(s->r->removes, 2);
    assert_int_equal(plm_api_recording_get(s->w->hub, s->r->id, &shown), PLM_ENOENT);
    s->w->now += (PLM_RECORDING_TOMB_DAYS + 1) * UINT64_C(86400000);
    plm_hub_restored(s->w->hub);
    assert_null(store_find(s->store, PLM_STORE_RECORDING, s->r->id));
}

static void test_documents(void **state)
{
    struct scene *s = *state;
    record(s);
    assert_int_equal(ask(s->a, PLM_MSG_record_stop), -1);
    struct document *d = store_find(s->store, PLM_STORE_RECORDING, s->r->id);
    assert_non_null(d);
    assert_null(strstr(d->text, "ada-device")); /* kept as a digest */
    struct world *other = world_create(NULL);
    size_t len = strlen(d->text);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(
            plm_hub_restore(other->hub, PLM_STORE_RECORDING, s->r->id, d->text, cut), PLM_EINVAL);
    assert_int_equal(
        plm_hub_restore(other->hub, PLM_STORE_RECORDING, "../../etc/passwd", d->text, len), PLM_EINVAL);
    assert_int_equal(
        plm_hub_restore(other->hub, PLM_STORE_RECORDING, "00000000000000000000000000000000", d->text, len),
        PLM_EINVAL);
    assert_int_equal(plm_hub_restore(other->hub, PLM_STORE_RECORDING, s->r->id, d->text, len), 0);
    assert_int_equal(
        plm_hub_restore(other->hub, PLM_STORE_RECORDING, s->r->id, d->text, len), PLM_EINVAL); /* twice */
    world_destroy(other);
}

/* A recording that only the recorder knows: the API sees it, nobody else. */
static void test_unknown_to_us(void **state)
{
    struct scene *s = *state;
    static const char id[] = "0123456789abcdef0123456789abcdef";
    struct plm_api_recording shown;
    snprintf(s->r->key, sizeof s->r->key, "room");
    snprintf(s->r->name, sizeof s->r->name, "Room");
    recorder_tell(s->r, s->w, id, PLM_RECORDING_READY, PLM_RECORDING_ENDED);
    assert_int_equal(plm_api_recording_get(s->w->hub, id, &shown), 0);
    assert_int_equal(shown.state, PLM_RECORDING_READY);
    assert_false(shown.of_room);
    assert_int_equal(seen(s->a, NULL), 0);
    recorder_tell(s->r, s->w, "../0123456789abcdef0123456789abc", PLM_RECORDING_READY, PLM_RECORDING_ENDED);
    assert_int_equal(HASH_COUNT(s->w->hub->recordings), 1);
}

/* ---- from outside ---- */

static bool count(void *arg, const struct plm_api_recording *recording)
{
    (void)recording;
    ++*(unsigned *)arg;
    return true;
}

static void test_api(void **state)
{
    struct scene *s = *state;
    struct plm_refusal why;
    struct plm_api_recording rec;
    unsigned n = 0;
    assert_int_equal(plm_api_record_start(s->w->hub, "nowhere", &rec, &why), PLM_ENOENT);
    assert_int_equal(plm_api_recordings(s->w->hub, "nowhere", UINT64_MAX, count, &n), PLM_ENOENT);
    assert_int_equal(plm_api_recordings(s->w->hub, "room", UINT64_MAX, count, &n), 0);
    assert_int_equal(plm_api_record_start(s->w->hub, "room", &rec, &why), 0);
    assert_string_equal(rec.id, s->r->id);
    assert_true(rec.of_room);
    struct plm_msg *msg = peer_expect(s->b, PLM_MSG_recording);
    assert_false(msg->recording.recording.has_by);
    plm_msg_free(msg);
    assert_true(plm_api_record_start(s->w->hub, "room", &rec, &why) < 0);
    assert_int_equal(plm_api_record_stop(s->w->hub, s->r->id, &why), 0);
    assert_true(plm_api_record_stop(s->w->hub, s->r->id, &why) < 0);
    assert_int_equal(plm_api_record_stop(s->w->hub, "x", &why), PLM_ENOENT);
    assert_int_equal(plm_api_recordings(s->w->hub, NULL, UINT64_MAX, count, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(plm_api_recordings(s->w->hub, "room", s->r->started_ms, count, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(plm_api_room_delete(s->w->hub, "room", &why), 0);
    assert_int_equal(plm_api_recordings(s->w->hub, "ROOM", UINT64_MAX, count, &n), 0); /* it is still there */
    assert_int_equal(n, 2);
    assert_int_equal(plm_api_recording_delete(s->w->hub, s->r->id, &why), 0);
    assert_int_equal(plm_api_recording_delete(s->w->hub, s->r->id, &why), PLM_ENOENT);
    assert_int_equal(plm_api_recordings(s->w->hub, "room", UINT64_MAX, count, &n), PLM_ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_start_and_stop), TEST(test_rights), TEST(test_not_here),
        TEST(test_forbidden_in_room), TEST(test_late_and_waiting), TEST(test_breakout_rooms_are_told),
        TEST(test_disk_ends_it), TEST(test_silent_recorder), TEST(test_end_crosses_news), TEST(test_limit),
        TEST(test_meeting_ends), TEST(test_too_many), TEST(test_auto), TEST(test_auto_by_whip),
        TEST(test_journal), TEST(test_journal_of_moves), TEST(test_speakers_are_limited), TEST(test_list),
        TEST(test_strangers), TEST(test_strangers_at_encoder), TEST(test_auto_is_of_leader), TEST(test_owned),
        TEST(test_ends_without_people), TEST(test_tokens_end), TEST(test_delete), TEST(test_restart),
        TEST(test_restart_too_late), TEST(test_restart_without_recorder), TEST(test_restart_without_meeting),
        TEST(test_restart_while_somebody_waits), TEST(test_restart_of_deleted), TEST(test_documents),
        TEST(test_unknown_to_us), TEST(test_api)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
