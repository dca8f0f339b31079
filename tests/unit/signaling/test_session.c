#include "state.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

static void test_join(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w), *b = peer_create(w);
    struct plm_msg *joined = peer_join(a, "  Standup ", "Ada");
    assert_non_null(joined);
    assert_true(joined->has_id);
    assert_int_equal(joined->id, 1);
    assert_int_equal(joined->joined.role, PLM_MSG_role_moderator);
    assert_string_equal(joined->joined.room.name, "Standup");
    assert_int_equal(strlen(joined->joined.secret), 32);
    assert_int_equal(joined->joined.grace_seconds, 30);
    assert_false(joined->joined.resumed);
    assert_int_equal(joined->joined.n_participants, 1);
    assert_string_equal(joined->joined.participants[0].name, "Ada");
    assert_int_equal(joined->joined.n_ice_servers, 1);
    uint32_t ada = joined->joined.participant;
    plm_msg_free(joined);

    joined = peer_join(b, "STANDUP", "Bob"); /* the same room: case of A-Z does not matter */
    assert_int_equal(joined->joined.role, PLM_MSG_role_speaker);
    assert_int_equal(joined->joined.n_participants, 2);
    assert_int_equal(joined->joined.participants[0].id, ada);
    uint32_t bob = joined->joined.participant;
    assert_int_not_equal(ada, bob);
    plm_msg_free(joined);

    struct plm_msg *event = peer_expect_joined(a);
    assert_non_null(event);
    assert_int_equal(event->roster.joined[0].id, bob);
    plm_msg_free(event);

    peer_destroy(a);
    peer_destroy(b);
}

static void test_publish(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    char *offer = sdp_publish(w, "peerA", 0x11, 2);
    struct plm_msg_track_line lines[] = {{.mid = "0", .source = PLM_MSG_source_microphone},
        {.mid = "1", .source = PLM_MSG_source_camera},
        {.mid = "3", .source = PLM_MSG_source_screen, .muted = true}};
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = lines, .n_tracks = 3}};
    uint32_t id = peer_request(a, &publish);
    struct plm_msg *reply = peer_read(a);
    while (reply && !reply->has_id) {
        plm_msg_free(reply);
        reply = peer_read(a);
    }
    assert_non_null(reply);
    assert_int_equal(reply->type, PLM_MSG_published);
    assert_int_equal(reply->id, id);
    assert_non_null(strstr(reply->published.sdp, "a=ice-ufrag:srv1.0\r\n"));
    plm_msg_free(reply);
    struct world_transport *t = &w->transports[1];
    assert_int_equal(t->describes, 1);
    assert_int_equal(t->params->media[0].source, PLM_SOURCE_MICROPHONE);
    assert_int_equal(t->params->media[1].source, PLM_SOURCE_CAMERA);
    assert_int_equal(t->params->media[2].direction, PLM_DIR_INACTIVE); /* nobody named it */
    assert_int_equal(t->params->media[3].source, PLM_SOURCE_SCREEN);
    assert_true(t->muted[PLM_SOURCE_SCREEN]);
    assert_false(t->muted[PLM_SOURCE_CAMERA]);
    struct plm_msg *event = peer_expect_changed(b);
    assert_int_equal(event->roster.changed[0].n_tracks, 3);
    assert_true(event->roster.changed[0].tracks[2].muted);
    plm_msg_free(event);
    free(offer);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_receive(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    struct plm_msg receive = {
        .type = PLM_MSG_receive, .receive = {.pairs = 2, .audio_only = 1, .screens = 1}};
    peer_request(a, &receive);
    struct plm_msg *offered = peer_expect(a, PLM_MSG_offered);
    assert_non_null(offered);
    assert_int_equal(offered->offered.n_slots, 7);
    assert_false(offered->offered.slots[0].video);
    assert_true(offered->offered.slots[1].video);
    assert_int_equal(offered->offered.slots[1].pair, offered->offered.slots[0].pair);
    assert_false(offered->offered.slots[4].has_pair);
    assert_true(offered->offered.slots[6].screen);
    char *answer = sdp_reply(w, offered->offered.sdp, "peerA", 0x22);
    plm_msg_free(offered);
    struct plm_msg msg = {.type = PLM_MSG_answer, .answer = {.sdp = answer}};
    peer_request(a, &msg);
    struct plm_msg *done = peer_read(a);
    assert_non_null(done);
    assert_int_equal(done->type, PLM_MSG_done);
    plm_msg_free(done);
    assert_int_equal(w->transports[1].describes, 1);
    assert_int_equal(w->transports[1].params->fingerprint.value[0], 0x22);
    free(answer);

    struct plm_event ev = {.type = PLM_EV_SLOT,
        .transport = 1,
        .slot = {.media = 1,
            .state = PLM_SLOT_FORWARDING,
            .shows = 9,
            .source = PLM_SOURCE_CAMERA,
            .width = 640,
            .height = 360,
            .first_ts = 5}};
    plm_hub_on_media_event(w->hub, &ev);
    ev.slot.media = 0;
    ev.slot.state = PLM_SLOT_WAITING;
    plm_hub_on_media_event(w->hub, &ev);
    assert_null(peer_read(a));
    plm_hub_flush(w->hub);
    struct plm_msg *slots = peer_read(a);
    assert_int_equal(slots->type, PLM_MSG_slots);
    assert_int_equal(slots->slots.n_slots, 2);
    assert_string_equal(slots->slots.slots[1].mid, "1");
    assert_int_equal(slots->slots.slots[1].first_ts, 5);
    assert_false(slots->slots.slots[0].has_first_ts);
    assert_false(slots->slots.slots[1].has_reason);
    plm_msg_free(slots);
    assert_null(peer_read(a));

    /* Why a picture stands still. */
    ev.slot.media = 1;
    ev.slot.state = PLM_SLOT_PAUSED;
    ev.slot.reason = PLM_SLOT_NO_BANDWIDTH;
    plm_hub_on_media_event(w->hub, &ev);
    plm_hub_flush(w->hub);
    slots = peer_read(a);
    assert_int_equal(slots->slots.n_slots, 1);
    assert_int_equal(slots->slots.slots[0].state, PLM_MSG_slot_state_paused);
    assert_true(slots->slots.slots[0].has_reason);
    assert_int_equal(slots->slots.slots[0].reason, PLM_MSG_slot_reason_bandwidth);
    plm_msg_free(slots);
    peer_destroy(a);
}

/* ---- helpers ---- */

static struct plm_msg_track_line two_lines[] = {
    {.mid = "0", .source = PLM_MSG_source_microphone}, {.mid = "1", .source = PLM_MSG_source_camera}};

/* Offer; the reply is the next message with an id. NULL: refused, and why is in *code. */
static struct plm_msg *request_publish(struct peer *p, const char *offer, int *code)
{
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = two_lines, .n_tracks = 2}};
    peer_request(p, &publish);
    struct plm_msg *reply;
    while ((reply = peer_read(p)) && !reply->has_id)
        plm_msg_free(reply);
    assert_non_null(reply);
    *code = -1;
    if (reply->type == PLM_MSG_published)
        return reply;
    assert_int_equal(reply->type, PLM_MSG_error);
    *code = (int)reply->error.code;
    plm_msg_free(reply);
    return NULL;
}

static void publish_well(struct world *w, struct peer *p, const char *ufrag, int fingerprint)
{
    int code;
    char *offer = sdp_publish(w, ufrag, fingerprint, 1);
    struct plm_msg *reply = request_publish(p, offer, &code);
    assert_non_null(reply);
    plm_msg_free(reply);
    free(offer);
}

static void request_receive(struct peer *p, uint32_t pairs, bool restart)
{
    struct plm_msg receive = {.type = PLM_MSG_receive,
        .receive = {.pairs = pairs, .audio_only = 1, .has_restart = restart, .restart = restart}};
    peer_request(p, &receive);
}

/* Receive and answer. @return the offer, free() */
static char *receive_well(
    struct world *w, struct peer *p, uint32_t pairs, bool restart, const char *ufrag, int fingerprint)
{
    request_receive(p, pairs, restart);
    struct plm_msg *offered = peer_expect(p, PLM_MSG_offered);
    assert_non_null(offered);
    char *offer = strdup(offered->offered.sdp), *answer = sdp_reply(w, offer, ufrag, fingerprint);
    plm_msg_free(offered);
    struct plm_msg msg = {.type = PLM_MSG_answer, .answer = {.sdp = answer}};
    peer_request(p, &msg);
    free(answer);
    return offer;
}

static void expect_done(struct peer *p)
{
    struct plm_msg *done = peer_expect(p, PLM_MSG_done);
    assert_non_null(done);
    assert_int_equal(done->id, p->next_id);
    plm_msg_free(done);
}

static char *secret_of(struct peer *p, const char *room, const char *name)
{
    struct plm_msg *joined = peer_join(p, room, name);
    assert_non_null(joined);
    char *secret = strdup(joined->joined.secret);
    plm_msg_free(joined);
    return secret;
}

static struct plm_msg *resume(struct peer *p, const char *secret)
{
    struct plm_msg msg = {.type = PLM_MSG_resume, .resume = {.secret = secret}};
    peer_request(p, &msg);
    return peer_expect(p, PLM_MSG_joined);
}

/* What browsers offer: microphone, camera, screen, its sound. */
static void test_publish_of_browsers(void **state)
{
    static const char *const offers[] = {"chromium_publish_offer", "firefox_publish_offer"};
    static struct plm_msg_track_line lines[] = {{.mid = "0", .source = PLM_MSG_source_microphone},
        {.mid = "1", .source = PLM_MSG_source_camera},
        {.mid = "2", .source = PLM_MSG_source_screen, .muted = true},
        {.mid = "3", .source = PLM_MSG_source_screen_audio, .muted = true}};
    struct world *w = *state;
    for (size_t i = 0; i < sizeof offers / sizeof offers[0]; i++) {
        struct peer *p = peer_enter(w, "r", "Ada", NULL);
        char *offer = sdp_corpus(offers[i]);
        struct plm_msg publish = {
            .type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = lines, .n_tracks = 4}};
        peer_request(p, &publish);
        struct plm_msg *reply = peer_expect(p, PLM_MSG_published);
        assert_non_null(reply);
        plm_msg_free(reply);
        const struct plm_transport_params *params = w->transports[w->last_transport].params;
        for (unsigned k = 0; k < 4; k++) {
            assert_int_equal(params->media[k].direction, PLM_DIR_RECV);
            assert_int_equal(params->media[k].source, lines[k].source);
        }
        assert_int_equal(params->media[1].n_rids, 3);
        free(offer);
        peer_destroy(p);
    }
}

/* ---- publishing again ---- */

static void test_publish_again(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    publish_well(w, a, "ones", 0x11);
    publish_well(w, a, "ones", 0x11); /* the same connection, the same ICE session */
    assert_int_equal(w->last_transport, 1);
    assert_int_equal(w->transports[1].restarts, 0);
    assert_int_equal(w->transports[1].describes, 2);

    int code;
    char *offer = sdp_publish(w, "twos", 0x11, 1);
    struct plm_msg *reply = request_publish(a, offer, &code);
    assert_non_null(strstr(reply->published.sdp, "a=ice-ufrag:srv1.1\r\n")); /* restarted */
    assert_int_equal(w->last_transport, 1);
    assert_int_equal(w->transports[1].restarts, 1);
    plm_msg_free(reply);
    free(offer);

    offer = sdp_publish(w, "sixs", 0x66, 1);
    reply = request_publish(a, offer, &code);
    assert_non_null(strstr(reply->published.sdp, "a=ice-ufrag:srv2.0\r\n")); /* another peer connection */
    assert_false(w->transports[1].open);
    assert_true(w->transports[2].open);
    plm_msg_free(reply);
    free(offer);
    peer_destroy(a);
}

static void test_publish_refused(void **state)
{
    static const struct {
        struct plm_msg_track_line lines[2];
        enum plm_msg_error_code code;
    } cases[] = {
        {{{.mid = "9", .source = PLM_MSG_source_microphone}, {.mid = "1", .source = PLM_MSG_source_camera}},
            PLM_MSG_error_code_bad_message},
        {{{.mid = "1", .source = PLM_MSG_source_microphone}, {.mid = "0", .source = PLM_MSG_source_camera}},
            PLM_MSG_error_code_bad_message},
        {{{.mid = "0", .source = PLM_MSG_source_microphone},
             {.mid = "0", .source = PLM_MSG_source_microphone}},
            PLM_MSG_error_code_bad_message},
    };
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    char *offer = sdp_publish(w, "ones", 0x11, 1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct plm_msg publish = {.type = PLM_MSG_publish,
            .publish = {.sdp = offer, .tracks = (struct plm_msg_track_line *)cases[i].lines, .n_tracks = 2}};
        peer_request(a, &publish);
        assert_int_equal(peer_error(a), cases[i].code);
        assert_int_equal(w->open_transports, 0);
    }
    int code;
    assert_null(request_publish(a, "v=0\r\n", &code));
    assert_int_equal(code, PLM_MSG_error_code_bad_sdp);
    peer_say(a, "{\"type\":\"mute\",\"id\":9,\"source\":\"camera\",\"muted\":true}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_not_found); /* nothing is published */
    free(offer);
    peer_destroy(a);
}

/* What media refuses is an error, and leaves things as they were. */
static void test_failing_port(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w);
    struct plm_msg join = {.type = PLM_MSG_join, .join = {.room = "r", .name = "Ada"}};
    char *offer = sdp_publish(w, "ones", 0x11, 1), *restart = sdp_publish(w, "twos", 0x11, 1),
         *other = sdp_publish(w, "sixs", 0x66, 1);
    int code;
    w->fail.room_open = PLM_ELIMIT;
    peer_request(a, &join);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_full);
    w->fail.room_open = 0;
    peer_request(a, &join);
    assert_int_equal(peer_error(a), -1);

    w->fail.open = PLM_ELIMIT;
    assert_null(request_publish(a, offer, &code));
    assert_int_equal(code, PLM_MSG_error_code_full);
    request_receive(a, 1, false);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_full);
    w->fail.open = 0;
    w->fail.describe = PLM_ENOMEM;
    assert_null(request_publish(a, offer, &code));
    assert_int_equal(code, PLM_MSG_error_code_internal);
    assert_int_equal(w->open_transports, 0); /* the one just opened is closed again */
    w->fail.describe = 0;

    publish_well(w, a, "ones", 0x11);
    plm_transport_id mine = w->last_transport;
    w->fail.restart = PLM_ENOENT;
    assert_null(request_publish(a, restart, &code));
    assert_int_equal(code, PLM_MSG_error_code_internal);
    w->fail.restart = 0;
    w->fail.describe = PLM_ENOMEM;
    assert_null(request_publish(a, other, &code));
    assert_true(w->transports[mine].open); /* the old one stands */
    assert_int_equal(w->open_transports, 1);
    w->fail.describe = 0;

    w->fail.mute = PLM_ENOENT;
    peer_say(a, "{\"type\":\"mute\",\"id\":9,\"source\":\"camera\",\"muted\":true}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_internal);
    w->fail.mute = 0;
    peer_say(a, "{\"type\":\"mute\",\"id\":9,\"source\":\"camera\",\"muted\":true}");
    assert_int_equal(peer_error(a), -1);
    assert_true(w->transports[mine].muted[PLM_SOURCE_CAMERA]);
    free(offer);
    free(restart);
    free(other);
    peer_destroy(a);
}

static void test_mute(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    publish_well(w, a, "ones", 0x11);
    peer_forget(b);
    for (int muted = 1; muted >= 0; muted--) {
        peer_say(a, "{\"type\":\"mute\",\"id\":9,\"source\":\"microphone\",\"muted\":%s}",
            muted ? "true" : "false");
        struct plm_msg *event = peer_expect_changed(b);
        assert_non_null(event);
        assert_int_equal(event->roster.changed[0].tracks[0].muted, muted);
        assert_false(event->roster.changed[0].tracks[1].muted);
        assert_int_equal(w->transports[1].muted[PLM_SOURCE_MICROPHONE], muted);
        plm_msg_free(event);
    }
    peer_say(a, "{\"type\":\"mute\",\"id\":9,\"source\":\"microphone\",\"muted\":false}");
    assert_null(peer_read(b)); /* no news, no event */
    peer_destroy(a);
    peer_destroy(b);
}

/* ---- receiving again ---- */

static void test_receive_again(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    char *first = receive_well(w, a, 2, false, "peer", 0x22);
    expect_done(a);
    uint32_t ssrc = w->transports[1].params->media[1].ssrc;
    assert_int_not_equal(ssrc, 0);
    char *more = receive_well(w, a, 4, false, "peer", 0x22);
    expect_done(a);
    assert_int_equal(w->last_transport, 1);
    assert_int_equal(w->transports[1].params->n_media, 9);
    assert_int_equal(w->transports[1].params->media[1].ssrc, ssrc); /* slots that were there stay */
    assert_int_equal(w->transports[1].restarts, 0);
    char *again = receive_well(w, a, 4, true, "anew", 0x22);
    expect_done(a);
    assert_non_null(strstr(again, "a=ice-ufrag:srv1.1\r\n"));
    request_receive(a, 1, false);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_message); /* fewer */
    struct plm_msg big = {.type = PLM_MSG_receive, .receive = {.pairs = 25, .audio_only = 8, .screens = 4}};
    peer_request(a, &big);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_full); /* 66 m-lines */
    struct plm_msg none = {.type = PLM_MSG_receive};
    peer_request(a, &none);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_message);
    free(first);
    free(more);
    free(again);
    peer_destroy(a);
}

static void test_answer_refused(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    peer_say(a, "{\"type\":\"answer\",\"id\":9,\"sdp\":\"v=0\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_state);
    request_receive(a, 1, false);
    peer_say(a, "{\"type\":\"answer\",\"id\":9,\"sdp\":\"v=0\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_sdp);
    assert_true(w->transports[1].open); /* it may try again */
    assert_int_equal(w->transports[1].describes, 0);
    char *other = sdp_publish(w, "peer", 0x22, 1); /* fewer m-lines than were offered, and an offer at that */
    struct plm_msg wrong = {.type = PLM_MSG_answer, .answer = {.sdp = other}};
    peer_request(a, &wrong);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_sdp);
    free(other);
    w->fail.describe = PLM_ENOMEM;
    free(receive_well(w, a, 1, false, "peer", 0x22));
    assert_int_equal(peer_error(a), PLM_MSG_error_code_internal);
    w->fail.describe = 0;
    free(receive_well(w, a, 1, false, "peer", 0x22));
    expect_done(a);
    peer_say(a, "{\"type\":\"answer\",\"id\":9,\"sdp\":\"v=0\"}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_state); /* answered already */
    peer_destroy(a);
}

/* The same slots once more: for a new peer connection, which gets a transport of its own. */
static void test_receive_anew(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    peer_say(a, "{\"type\":\"view\",\"id\":9,\"items\":[]}");
    request_receive(a, 1, false);
    free(receive_well(
        w, a, 1, false, "peer", 0x22)); /* the reply may have been lost: nothing was agreed yet */
    expect_done(a);
    assert_int_equal(w->last_transport, 1);
    free(receive_well(w, a, 1, false, "peer", 0x33));
    expect_done(a);
    assert_false(w->transports[1].open);
    assert_true(w->transports[2].open);
    assert_int_equal(w->transports[2].params->fingerprint.value[0], 0x33);
    assert_int_equal(w->transports[2].views, 1);
    assert_null(peer_expect(a, PLM_MSG_connection_lost));
    w->fail.open = PLM_ELIMIT;
    request_receive(a, 1, false);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_full);
    assert_true(w->transports[2].open); /* what there was stands */
    peer_destroy(a);
}

/* A client that made a new peer connection without a word: its old transport is of no use. */
static void test_answer_of_another(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    free(receive_well(w, a, 1, false, "peer", 0x22));
    expect_done(a);
    free(receive_well(w, a, 2, false, "peer", 0x77));
    struct plm_msg *lost = peer_expect(a, PLM_MSG_connection_lost);
    assert_non_null(lost);
    assert_false(lost->connection_lost.publish);
    plm_msg_free(lost);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_state);
    assert_int_equal(w->open_transports, 0);
    free(receive_well(w, a, 1, false, "peer", 0x77));
    expect_done(a);
    assert_true(w->transports[2].open);
    peer_destroy(a);
}

static void test_view(void **state)
{
    static const char item[] =
        "{\"type\":\"view\",\"id\":9,\"items\":[{\"participant\":3,\"source\":\"%s\",\"width\":640,"
        "\"height\":360,\"priority\":7}]}";
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    peer_say(a, item, "screen"); /* before there is a connection: remembered */
    assert_int_equal(peer_error(a), -1);
    free(receive_well(w, a, 1, false, "peer", 0x22));
    assert_int_equal(w->transports[1].views, 1);
    assert_int_equal(w->transports[1].view.mode, PLM_VIEW_ITEMS);
    assert_int_equal(w->transports[1].view.n_items, 1);
    assert_int_equal(w->transports[1].view.items[0].participant, 3);
    assert_int_equal(w->transports[1].view.items[0].source, PLM_SOURCE_SCREEN);
    assert_int_equal(w->transports[1].view.items[0].width, 640);
    assert_int_equal(w->transports[1].view.items[0].priority, 7);
    peer_say(a, item, "microphone");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_message);
    peer_say(a, "{\"type\":\"view\",\"id\":9,\"items\":[],\"follow\":true}");
    assert_int_equal(w->transports[1].view.mode, PLM_VIEW_FOLLOW);
    w->fail.view = PLM_ENOENT;
    peer_say(a, "{\"type\":\"view\",\"id\":9,\"items\":[]}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_internal);
    peer_destroy(a);
}

/* ---- media events ---- */

static void test_connection_lost(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    publish_well(w, a, "ones", 0x11);
    free(receive_well(w, a, 1, false, "peer", 0x22));
    peer_forget(a);
    peer_forget(b);
    world_lose(w, 1, PLM_CLOSE_CONSENT);
    struct plm_msg *event = peer_expect(a, PLM_MSG_connection_lost);
    assert_true(event->connection_lost.publish);
    plm_msg_free(event);
    event = peer_expect_changed(b);
    assert_int_equal(event->roster.changed[0].n_tracks, 0);
    plm_msg_free(event);
    world_lose(w, 2, PLM_CLOSE_DTLS);
    event = peer_expect(a, PLM_MSG_connection_lost);
    assert_false(event->connection_lost.publish);
    plm_msg_free(event);
    request_receive(a, 1, true); /* of one that is gone: the old peer connection has no use for another */
    assert_int_equal(peer_error(a), PLM_MSG_error_code_bad_state);
    assert_int_equal(w->open_transports, 0);
    free(receive_well(w, a, 1, false, "peer", 0x23));
    expect_done(a);
    world_lose(w, 3, PLM_CLOSE_PEER); /* the client closed it: it knows */
    assert_null(peer_read(a));
    publish_well(w, a, "ones", 0x11); /* even the same peer connection gets a new transport */
    assert_true(w->transports[4].open);
    struct plm_event local = {.type = PLM_EV_TRANSPORT,
        .transport = 4,
        .transport_state = {.state = PLM_TRANSPORT_CLOSED, .reason = PLM_CLOSE_LOCAL}};
    plm_hub_on_media_event(w->hub, &local);
    local.transport_state.state = PLM_TRANSPORT_CONNECTED;
    plm_hub_on_media_event(w->hub, &local);
    local.transport = 999;
    plm_hub_on_media_event(w->hub, &local);
    assert_null(peer_expect(a, PLM_MSG_connection_lost));
    peer_destroy(a);
    peer_destroy(b);
}

static void test_speakers(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *other = peer_enter(w, "s", "Eve", NULL);
    struct plm_event ev = {.type = PLM_EV_SPEAKERS, .room = 1, .speakers = {.n = 2, .who = {2, 1}}};
    plm_hub_on_media_event(w->hub, &ev);
    struct plm_msg *event = peer_read(a);
    assert_int_equal(event->type, PLM_MSG_speakers);
    assert_int_equal(event->speakers.n_participants, 2);
    assert_int_equal(event->speakers.participants[0], 2);
    plm_msg_free(event);
    ev.speakers.level[0] = 3; /* only levels changed */
    plm_hub_on_media_event(w->hub, &ev);
    assert_null(peer_read(a));
    struct peer *b = peer_create(w);
    struct plm_msg *joined = peer_join(b, "r", "Bob");
    plm_msg_free(joined);
    event = peer_expect(b, PLM_MSG_speakers); /* a newcomer learns who speaks */
    assert_non_null(event);
    plm_msg_free(event);
    ev.speakers.n = 0;
    plm_hub_on_media_event(w->hub, &ev);
    event = peer_expect(a, PLM_MSG_speakers);
    assert_int_equal(event->speakers.n_participants, 0);
    plm_msg_free(event);
    ev.room = 77;
    plm_hub_on_media_event(w->hub, &ev);
    assert_null(peer_read(other));
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(other);
}

static void test_demand(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    publish_well(w, a, "ones", 0x11);
    peer_forget(a);
    struct plm_event ev = {
        .type = PLM_EV_DEMAND, .transport = 1, .demand = {.source = PLM_SOURCE_CAMERA, .needed = 5}};
    plm_hub_on_media_event(w->hub, &ev);
    plm_hub_on_media_event(w->hub, &ev);
    struct plm_msg *event = peer_read(a);
    assert_int_equal(event->type, PLM_MSG_demand);
    assert_int_equal(event->demand.source, PLM_MSG_source_camera);
    assert_int_equal(event->demand.n_needed, 2);
    assert_int_equal(event->demand.needed[1], 2);
    plm_msg_free(event);
    assert_null(peer_read(a));
    ev.demand.needed = 0;
    plm_hub_on_media_event(w->hub, &ev);
    event = peer_read(a);
    assert_int_equal(event->demand.n_needed, 0);
    plm_msg_free(event);
    peer_destroy(a);
}

/* ---- chat and names ---- */

static void test_chat(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    peer_forget(a);
    peer_say(b, "{\"type\":\"chat\",\"id\":9,\"text\":\" two\\nlines \"}");
    struct plm_msg *event = peer_expect(a, PLM_MSG_chat_posted);
    assert_string_equal(event->chat_posted.message.text, "two\nlines");
    assert_string_equal(event->chat_posted.message.name, "Bob");
    assert_int_equal(event->chat_posted.message.from, 2);
    assert_int_equal(event->chat_posted.message.number, 1);
    plm_msg_free(event);
    event = peer_expect(b, PLM_MSG_chat_posted); /* the sender sees it where the others do */
    assert_non_null(event);
    plm_msg_free(event);
    peer_say(b, "{\"type\":\"rename\",\"id\":10,\"name\":\"Robert\"}");
    event = peer_expect_changed(a);
    assert_string_equal(event->roster.changed[0].name, "Robert");
    plm_msg_free(event);
    struct peer *c = peer_create(w);
    struct plm_msg *joined = peer_join(c, "r", "Cy");
    assert_int_equal(joined->joined.n_chat, 1);
    assert_string_equal(joined->joined.chat[0].name, "Bob"); /* as it was when it was said */
    plm_msg_free(joined);
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
}

static void test_chat_bounded(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    char text[4001];
    for (unsigned i = 1; i <= 250; i++) {
        w->now += 1000;
        peer_say(a, "{\"type\":\"chat\",\"id\":9,\"text\":\"%u\"}", i);
    }
    struct peer *b = peer_create(w);
    struct plm_msg *joined = peer_join(b, "r", "Bob");
    assert_int_equal(joined->joined.n_chat, 200);
    assert_string_equal(joined->joined.chat[0].text, "51");
    assert_string_equal(joined->joined.chat[199].text, "250");
    plm_msg_free(joined);
    memset(text, 'x', 4000);
    text[4000] = 0;
    for (unsigned i = 0; i < 100; i++) {
        w->now += 1000;
        peer_say(a, "{\"type\":\"chat\",\"id\":9,\"text\":\"%s\"}", text);
    }
    struct peer *c = peer_create(w);
    joined = peer_join(c, "r", "Cy");
    assert_in_range(joined->joined.n_chat, 10, 16); /* what fits into 64 kB */
    assert_int_equal(joined->joined.chat[joined->joined.n_chat - 1].number, 350);
    plm_msg_free(joined);
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
}

static void test_rooms_by_name(void **state)
{
    static const struct {
        const char *name;
        int code; /* -1: fine */
    } cases[] = {
        {"a/b", PLM_MSG_error_code_bad_message},
        {"\\u202e", PLM_MSG_error_code_bad_message},
        {"a\\nb", PLM_MSG_error_code_bad_message},
        {"..", -1},
        {"\xc3\x84rger", -1},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct peer *p = peer_create(w);
        peer_say(p, "{\"type\":\"join\",\"id\":1,\"room\":\"%s\",\"name\":\"x\"}", cases[i].name);
        assert_int_equal(peer_error(p), cases[i].code);
        peer_destroy(p);
    }
    assert_int_equal(world_gauges(w).rooms, 2);
}

/* ---- lost sockets ---- */

static void test_resume(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w), *b = peer_enter(w, "r", "Bob", NULL);
    char *secret = secret_of(a, "r", "Ada");
    publish_well(w, a, "ones", 0x11);
    free(receive_well(w, a, 1, false, "peer", 0x22));
    struct plm_event slot = {.type = PLM_EV_SLOT,
        .transport = 2,
        .slot = {.media = 1, .state = PLM_SLOT_FORWARDING, .shows = 1, .source = PLM_SOURCE_CAMERA}};
    struct plm_event demand = {
        .type = PLM_EV_DEMAND, .transport = 1, .demand = {.source = PLM_SOURCE_CAMERA, .needed = 1}};
    peer_destroy(a);
    peer_forget(b);
    assert_int_equal(world_gauges(w).detached, 1);
    assert_int_equal(w->open_transports, 2); /* media goes on */
    plm_hub_on_media_event(w->hub, &slot);
    plm_hub_on_media_event(w->hub, &demand);
    plm_hub_flush(w->hub);
    peer_say(b, "{\"type\":\"chat\",\"id\":9,\"text\":\"where is Ada?\"}");
    assert_int_equal(plm_hub_poll(w->hub), w->now + 30000);
    world_pass(w, 29999);

    a = peer_create(w);
    struct plm_msg *joined = resume(a, secret);
    assert_non_null(joined);
    assert_true(joined->joined.resumed);
    assert_string_equal(joined->joined.secret, secret);
    assert_int_equal(joined->joined.n_participants, 2);
    assert_int_equal(joined->joined.n_chat, 1);
    plm_msg_free(joined);
    struct plm_msg *event = peer_read(a);
    assert_int_equal(event->type, PLM_MSG_demand); /* what was missed */
    plm_msg_free(event);
    plm_hub_flush(w->hub);
    event = peer_read(a);
    assert_int_equal(event->type, PLM_MSG_slots);
    assert_int_equal(event->slots.n_slots, 3); /* all of them: some may have ended meanwhile */
    assert_int_equal(event->slots.slots[1].participant, 1);
    plm_msg_free(event);
    assert_int_equal(world_gauges(w).detached, 0);
    w->now += 60000;
    assert_int_equal(plm_hub_poll(w->hub), UINT64_MAX);
    assert_null(peer_expect_left(b));
    assert_null(peer_expect_joined(b)); /* nobody noticed */
    free(secret);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_grace_over(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w), *b = peer_enter(w, "r", "Bob", NULL);
    char *secret = secret_of(a, "r", "Ada");
    publish_well(w, a, "ones", 0x11);
    peer_destroy(a);
    w->now += 30000;
    assert_int_equal(plm_hub_poll(w->hub), UINT64_MAX);
    struct plm_msg *event = peer_expect_left(b);
    assert_int_equal(event->roster.left[0].participant, 2);
    assert_int_equal(event->roster.left[0].reason, PLM_MSG_leave_reason_lost);
    plm_msg_free(event);
    assert_int_equal(w->open_transports, 0);
    a = peer_create(w);
    assert_null(resume(a, secret));
    peer_say(a, "{\"type\":\"resume\",\"id\":9,\"secret\":\"%s\"}", secret);
    assert_int_equal(peer_error(a), PLM_MSG_error_code_not_found);
    struct plm_msg *joined = peer_join(a, "r", "Ada"); /* the same socket may join anew */
    assert_non_null(joined);
    assert_string_not_equal(joined->joined.secret, secret);
    assert_int_equal(joined->joined.participant, 3);
    plm_msg_free(joined);
    free(secret);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_takeover(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w), *again = peer_create(w);
    char *secret = secret_of(a, "r", "Ada");
    struct plm_msg *joined = resume(again, secret);
    assert_non_null(joined);
    assert_int_equal(joined->joined.n_participants, 1);
    plm_msg_free(joined);
    assert_int_equal(a->closed, PLM_SESSION_CLOSE_TAKEN);
    peer_forget(a);
    peer_say(a, "{\"type\":\"chat\",\"id\":9,\"text\":\"still me\"}"); /* has no voice any more */
    assert_null(peer_read(a));
    assert_null(peer_read(again));
    peer_destroy(a); /* and its end changes nothing */
    assert_int_equal(world_gauges(w).detached, 0);
    assert_int_equal(world_gauges(w).participants, 1);
    free(secret);
    peer_destroy(again);
}

static void test_lost_while_away(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w);
    char *secret = secret_of(a, "r", "Ada");
    publish_well(w, a, "ones", 0x11);
    free(receive_well(w, a, 1, false, "peer", 0x22));
    peer_destroy(a);
    world_lose(w, 1, PLM_CLOSE_CONSENT);
    world_lose(w, 2, PLM_CLOSE_CONSENT);
    a = peer_create(w);
    struct plm_msg *joined = resume(a, secret);
    assert_int_equal(joined->joined.participants[0].n_tracks, 0);
    plm_msg_free(joined);
    for (int publish = 1; publish >= 0; publish--) {
        struct plm_msg *event = peer_read(a);
        assert_int_equal(event->type, PLM_MSG_connection_lost);
        assert_int_equal(event->connection_lost.publish, publish);
        plm_msg_free(event);
    }
    peer_destroy(a);
    a = peer_create(w);
    joined = resume(a, secret);
    plm_msg_free(joined);
    assert_null(peer_read(a)); /* told once */
    free(secret);
    peer_destroy(a);
}

/* ---- who leads ---- */

static enum plm_msg_role role_of(struct peer *p, uint32_t id)
{
    struct plm_msg *event;
    enum plm_msg_role role = PLM_MSG_role_COUNT;
    while ((event = peer_expect_changed(p))) {
        if (event->roster.changed[0].id == id)
            role = event->roster.changed[0].role;
        plm_msg_free(event);
    }
    return role;
}

static void test_succession(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL),
                *c = peer_enter(w, "r", "Cy", NULL);
    peer_say(b, "{\"type\":\"leave\",\"id\":9}");
    assert_int_equal(role_of(c, 3), PLM_MSG_role_COUNT); /* the moderator is still there */
    assert_int_equal(b->closed, PLM_SESSION_CLOSE_DONE);
    assert_true(peer_is_done(b));
    peer_destroy(b);
    peer_destroy(a);
    plm_hub_poll(w->hub);
    assert_int_equal(role_of(c, 3), PLM_MSG_role_COUNT); /* may come back */
    world_pass(w, 30000);
    assert_int_equal(role_of(c, 3), PLM_MSG_role_moderator);
    struct peer *d = peer_enter(w, "r", "Di", NULL), *e = peer_enter(w, "r", "Eve", NULL);
    peer_say(c, "{\"type\":\"set_role\",\"id\":10,\"participant\":4,\"role\":\"moderator\"}");
    peer_say(c, "{\"type\":\"set_role\",\"id\":11,\"participant\":3,\"role\":\"speaker\"}");
    peer_say(e, "{\"type\":\"leave\",\"id\":12}");
    assert_int_equal(role_of(d, 3), PLM_MSG_role_speaker); /* the longest present, but somebody leads */
    peer_destroy(c);
    peer_destroy(d);
    peer_destroy(e);
}

static void test_linger(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    peer_say(a, "{\"type\":\"chat\",\"id\":9,\"text\":\"hello\"}");
    peer_say(a, "{\"type\":\"leave\",\"id\":10}");
    peer_destroy(a);
    assert_int_equal(plm_hub_poll(w->hub), w->now + 60000);
    world_pass(w, 59999);
    struct peer *b = peer_create(w);
    struct plm_msg *joined = peer_join(b, "r", "Bob");
    assert_int_equal(joined->joined.n_chat, 1);
    assert_int_equal(joined->joined.role, PLM_MSG_role_moderator); /* nobody else leads */
    assert_int_equal(joined->joined.participant, 2);               /* ids are not used again */
    plm_msg_free(joined);
    peer_say(b, "{\"type\":\"leave\",\"id\":10}");
    peer_destroy(b);
    w->now += 60000;
    assert_int_equal(plm_hub_poll(w->hub), UINT64_MAX);
    assert_int_equal(world_gauges(w).rooms, 0);
    assert_int_equal(w->rooms, 0);
    b = peer_create(w);
    joined = peer_join(b, "r", "Bob");
    assert_int_equal(joined->joined.n_chat, 0); /* forgotten */
    plm_msg_free(joined);
    peer_destroy(b);
}

/* ---- roles ---- */

static void test_forbidden(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    a->session->member->role = PLM_MSG_role_viewer; /* nobody can become one yet */
    int code;
    char *offer = sdp_publish(w, "ones", 0x11, 1);
    assert_null(request_publish(a, offer, &code));
    assert_int_equal(code, PLM_MSG_error_code_forbidden);
    assert_int_equal(w->open_transports, 0);
    peer_say(a, "{\"type\":\"mute\",\"id\":9,\"source\":\"camera\",\"muted\":true}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_forbidden);
    peer_say(a, "{\"type\":\"chat\",\"id\":9,\"text\":\"x\"}");
    assert_int_equal(peer_error(a), -1);
    free(offer);
    peer_destroy(a);
}

static void test_codecs(void **state)
{
    struct plm_hub_config config = {.codecs = {PLM_CODEC_OPUS, PLM_CODEC_H264}};
    struct world *w = world_create(&config);
    (void)state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    int code;
    char *offer = sdp_publish(w, "ones", 0x11, 1); /* VP8 */
    assert_null(request_publish(a, offer, &code));
    assert_int_equal(code, PLM_MSG_error_code_bad_sdp);
    assert_int_equal(w->open_transports, 0);
    request_receive(a, 1, false);
    struct plm_msg *offered = peer_expect(a, PLM_MSG_offered);
    assert_null(strstr(offered->offered.sdp, "VP8"));
    assert_non_null(strstr(offered->offered.sdp, "H264"));
    plm_msg_free(offered);
    free(offer);
    peer_destroy(a);
    world_destroy(w);
}

/* What a publisher sends is the first of the answer; what it may change to follows. */
static void expect_published_in(
    struct world *w, struct peer *p, int fingerprint, const char *ufrag, const char *codec)
{
    int code;
    w->client_codec = PLM_CODEC_H264;
    char *offer = sdp_publish(w, ufrag, fingerprint, 1);
    struct plm_msg *reply = request_publish(p, offer, &code);
    assert_non_null(reply);
    const char *vp8 = strstr(reply->published.sdp, "VP8/90000");
    const char *h264 = strstr(reply->published.sdp, "H264/90000");
    assert_true(vp8 && h264);
    assert_int_equal(vp8 < h264, !strcmp(codec, "VP8"));
    plm_msg_free(reply);
    free(offer);
}

/* Somebody who decodes VP8 alone. */
static struct peer *enter_with_vp8(struct world *w, const char *name, int fingerprint)
{
    struct peer *p = peer_enter(w, "r", name, NULL);
    w->client_codec = PLM_CODEC_NONE;
    free(receive_well(w, p, 1, false, "only", fingerprint));
    return p;
}

/* @return the codec that p was told to send, -1: it was told nothing */
static int told_codec(struct peer *p)
{
    struct plm_msg *event = peer_expect(p, PLM_MSG_codec);
    int codec = event ? (int)event->codec.codec : -1;
    plm_msg_free(event);
    return codec;
}

/* The room's first codec, but one that all who take part decode comes before it. */
static void test_codec_for_all(void **state)
{
    struct plm_hub_config config = {.codecs = {PLM_CODEC_OPUS, PLM_CODEC_H264, PLM_CODEC_VP8}};
    struct world *w = world_create(&config);
    (void)state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    expect_published_in(w, b, 0x11, "bob1", "H264"); /* nobody has said anything */
    expect_published_in(w, b, 0x11, "bob2", "H264"); /* an ICE restart changes no codec */
    w->client_codec = PLM_CODEC_NONE;
    free(receive_well(w, a, 1, false, "ada1", 0x22)); /* decodes VP8 alone */
    expect_done(a);
    expect_published_in(w, b, 0x33, "bob3", "VP8");
    w->client_codec = PLM_CODEC_H264;
    free(receive_well(w, b, 1, false, "bob4", 0x44));
    expect_done(b);
    expect_published_in(w, a, 0x55, "ada2", "H264"); /* its own decoder does not matter */
    struct peer *c = peer_enter(w, "r", "Cyd", NULL);
    expect_published_in(w, c, 0x66, "cyd1", "VP8");
    a->session->member->role = PLM_MSG_role_viewer;
    expect_published_in(w, c, 0x77, "cyd2", "H264");
    a->session->member->role = PLM_MSG_role_speaker;
    peer_say(a, "{\"type\":\"leave\",\"id\":90}");
    expect_published_in(w, c, 0x88, "cyd3", "H264");
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
    world_destroy(w);
}

/* Who publishes changes when somebody comes who does not decode what is sent; once in a while, and never back. */
static void test_codec_changes(void **state)
{
    struct plm_hub_config config = {.codecs = {PLM_CODEC_OPUS, PLM_CODEC_H264, PLM_CODEC_VP8}};
    struct world *w = world_create(&config);
    (void)state;
    struct peer *a = peer_create(w);
    char *secret = secret_of(a, "r", "Ada");
    expect_published_in(w, a, 0x11, "ada1", "H264");
    struct peer *c = peer_enter(w, "r", "Cyd", NULL);
    w->client_codec = PLM_CODEC_H264;
    free(receive_well(w, c, 1, false, "cyd1", 0x22)); /* decodes both */
    assert_int_equal(told_codec(a), -1);
    struct peer *b = enter_with_vp8(w, "Bob", 0x33);
    assert_int_equal(told_codec(a), PLM_MSG_video_codec_vp8);
    assert_int_equal(told_codec(b), -1);
    assert_int_equal(told_codec(c), -1);
    expect_published_in(w, a, 0x11, "ada1", "VP8"); /* another offer on the same connection has it first */
    assert_int_equal(told_codec(a), -1);
    peer_destroy(a);
    a = peer_create(w);
    plm_msg_free(resume(a, secret));
    assert_int_equal(told_codec(a), PLM_MSG_video_codec_vp8); /* it may have been missed */
    peer_say(b, "{\"type\":\"leave\",\"id\":90}");
    world_pass(w, 10000);
    assert_int_equal(told_codec(a), -1); /* never back */

    expect_published_in(w, a, 0x44, "ada2", "H264"); /* a new connection; Bob is gone */
    struct peer *d = enter_with_vp8(w, "Dan", 0x55);
    assert_int_equal(told_codec(a), -1);
    assert_int_equal(plm_hub_poll(w->hub), w->now + 50000);
    world_pass(w, 49999);
    assert_int_equal(told_codec(a), -1);
    world_pass(w, 1);
    assert_int_equal(told_codec(a), PLM_MSG_video_codec_vp8);
    free(secret);
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
    peer_destroy(d);
    world_destroy(w);
}

/* Viewers change nothing, until they take part. */
static void test_codec_of_viewers(void **state)
{
    struct plm_hub_config config = {.codecs = {PLM_CODEC_OPUS, PLM_CODEC_H264, PLM_CODEC_VP8}};
    struct world *w = world_create(&config);
    (void)state;
    world_token(w, "looks-on", PLM_MSG_role_viewer);
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_create(w);
    expect_published_in(w, a, 0x11, "ada1", "H264");
    peer_knock(b, &(struct plm_msg_join){.room = "r", .name = "Bob", .token = "looks-on"});
    plm_msg_free(peer_expect(b, PLM_MSG_joined));
    w->client_codec = PLM_CODEC_NONE;
    free(receive_well(w, b, 1, false, "bob1", 0x22));
    assert_int_equal(told_codec(a), -1);
    peer_say(a, "{\"type\":\"set_role\",\"id\":90,\"participant\":2,\"role\":\"speaker\"}");
    assert_int_equal(told_codec(a), PLM_MSG_video_codec_vp8);
    peer_destroy(a);
    peer_destroy(b);
    world_destroy(w);
}

/* A page that is loaded anew: its place stands for a moment, with the role; then they left. */
static void test_soft_leave(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w), *b;
    char *secret = secret_of(a, "r", "Ada");
    b = peer_enter(w, "r", "Bob", NULL);
    struct peer *lost = peer_enter(w, "r", "Cyd", NULL);
    peer_destroy(lost); /* has a longer time, though it was lost before */
    peer_forget(b);
    peer_say(a, "{\"type\":\"leave\",\"id\":90,\"soft\":true}");
    assert_true(a->closed != 0);
    assert_int_equal(plm_hub_poll(w->hub), w->now + 6000);
    world_pass(w, 5999);
    peer_destroy(a);
    a = peer_create(w);
    struct plm_msg *joined = resume(a, secret);
    assert_true(joined->joined.resumed);
    assert_int_equal(joined->joined.participant, 1);
    assert_int_equal(joined->joined.role, PLM_MSG_role_moderator);
    plm_msg_free(joined);
    world_pass(w, 6000);
    assert_null(peer_expect_left(b)); /* nobody noticed */

    peer_say(a, "{\"type\":\"leave\",\"id\":91,\"soft\":true}");
    world_pass(w, 6000);
    struct plm_msg *left = peer_expect_left(b);
    assert_non_null(left);
    assert_int_equal(left->roster.left[0].participant, 1);
    assert_int_equal(left->roster.left[0].reason, PLM_MSG_leave_reason_left);
    plm_msg_free(left);
    peer_destroy(a);
    a = peer_create(w);
    assert_null(resume(a, secret));
    free(secret);
    peer_destroy(a);
    peer_destroy(b);
}

/* Who is removed meanwhile does not come back so, and whose role is taken comes back without it. */
static void test_soft_leave_and_rules(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w), *b = peer_create(w);
    plm_msg_free(peer_join(a, "r", "Ada"));
    char *secret = secret_of(b, "r", "Bob");
    peer_say(a, "{\"type\":\"set_role\",\"id\":90,\"participant\":2,\"role\":\"moderator\"}");
    peer_say(b, "{\"type\":\"leave\",\"id\":90,\"soft\":true}");
    w->hub->detached->role = PLM_MSG_role_speaker;
    peer_destroy(b);
    b = peer_create(w);
    struct plm_msg *joined = resume(b, secret);
    assert_int_equal(joined->joined.role, PLM_MSG_role_speaker);
    plm_msg_free(joined);
    peer_say(b, "{\"type\":\"leave\",\"id\":91,\"soft\":true}");
    peer_say(a, "{\"type\":\"kick\",\"id\":91,\"participant\":2}");
    peer_destroy(b);
    b = peer_create(w);
    assert_null(resume(b, secret));
    free(secret);
    peer_destroy(a);
    peer_destroy(b);
}

/* ---- limits ---- */

static void test_states(void **state)
{
    static const char *const before[] = {"{\"type\":\"leave\",\"id\":9}",
        "{\"type\":\"chat\",\"id\":9,\"text\":\"x\"}", "{\"type\":\"rename\",\"id\":9,\"name\":\"x\"}",
        "{\"type\":\"answer\",\"id\":9,\"sdp\":\"x\"}",
        "{\"type\":\"publish\",\"id\":9,\"sdp\":\"x\",\"tracks\":[]}",
        "{\"type\":\"receive\",\"id\":9,\"pairs\":1,\"audio_only\":0,\"screens\":0}",
        "{\"type\":\"view\",\"id\":9,\"items\":[]}",
        "{\"type\":\"mute\",\"id\":9,\"source\":\"camera\",\"muted\":true}"};
    static const char *const after[] = {"{\"type\":\"join\",\"id\":9,\"room\":\"r\",\"name\":\"x\"}",
        "{\"type\":\"resume\",\"id\":9,\"secret\":\"x\"}"};
    struct world *w = *state;
    struct peer *p = peer_create(w);
    for (size_t i = 0; i < sizeof before / sizeof before[0]; i++) {
        peer_say(p, "%s", before[i]);
        assert_int_equal(peer_error(p), PLM_MSG_error_code_bad_state);
    }
    peer_say(p, "{\"type\":\"nonsense\",\"id\":9}");
    assert_int_equal(peer_error(p), PLM_MSG_error_code_bad_message);
    peer_say(p, "nonsense");
    assert_int_equal(peer_error(p), PLM_MSG_error_code_bad_message);
    assert_int_equal(world_gauges(w).rooms, 0);
    plm_msg_free(peer_join(p, "r", "Ada"));
    for (size_t i = 0; i < sizeof after / sizeof after[0]; i++) {
        peer_say(p, "%s", after[i]);
        assert_int_equal(peer_error(p), PLM_MSG_error_code_bad_state);
    }
    assert_int_equal(world_gauges(w).participants, 1);
    peer_destroy(p);
}

/* @return how many refusals there were for this limit */
static uint64_t hits(const struct world *w, enum plm_hub_limit limit)
{
    struct plm_hub_counters c;
    plm_hub_counters(w->hub, &c);
    return c.limits[limit];
}

static void test_too_fast(void **state)
{
    struct world *w = *state;
    struct peer *p = peer_enter(w, "r", "Ada", NULL);
    for (int i = 0; i < 8; i++) {
        peer_say(p, "{\"type\":\"chat\",\"id\":9,\"text\":\"x\"}");
        assert_int_equal(peer_error(p), -1);
    }
    peer_say(p, "{\"type\":\"chat\",\"id\":9,\"text\":\"x\"}");
    assert_int_equal(peer_error(p), PLM_MSG_error_code_too_fast);
    assert_int_equal(hits(w, PLM_HUB_LIMIT_CHAT_RATE), 1);
    assert_int_equal(hits(w, PLM_HUB_LIMIT_MESSAGE_RATE), 0);
    peer_say(p, "{\"type\":\"rename\",\"id\":9,\"name\":\"x\"}"); /* only chat has to wait */
    assert_int_equal(peer_error(p), -1);
    w->now += 1000;
    peer_say(p, "{\"type\":\"chat\",\"id\":9,\"text\":\"x\"}");
    assert_int_equal(peer_error(p), -1);
    w->now += 3600 * 1000;
    int good = 0, bad = 0;
    for (int i = 0; i < 100; i++) {
        peer_say(p, "{\"type\":\"view\",\"id\":9,\"items\":[]}");
        *(peer_error(p) == -1 ? &good : &bad) += 1;
    }
    assert_int_equal(good, 60);
    assert_int_equal(bad, 40);
    for (int i = 0; i < 300; i++) /* who goes on like this loses the socket, not the place */
        peer_say(p, "{");
    assert_int_equal(p->closed, PLM_SESSION_CLOSE_POLICY);
    assert_int_equal(world_gauges(w).detached, 1);
    peer_destroy(p);
    assert_int_equal(world_gauges(w).detached, 1);
}

static void test_full(void **state)
{
    struct plm_hub_config config = {.max_rooms = 1, .max_participants = 2, .max_sessions = 4};
    struct world *w = world_create(&config);
    (void)state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL),
                *c = peer_create(w), *d = peer_create(w);
    assert_null(peer_create(w));
    assert_null(peer_join(c, "r", "Cy"));
    peer_say(c, "{\"type\":\"join\",\"id\":9,\"room\":\"r\",\"name\":\"x\"}");
    assert_int_equal(peer_error(c), PLM_MSG_error_code_full);
    peer_say(d, "{\"type\":\"join\",\"id\":9,\"room\":\"s\",\"name\":\"x\"}");
    assert_int_equal(peer_error(d), PLM_MSG_error_code_full);
    assert_int_equal(hits(w, PLM_HUB_LIMIT_PARTICIPANTS), 2);
    assert_int_equal(hits(w, PLM_HUB_LIMIT_ROOMS), 1);
    peer_say(b, "{\"type\":\"leave\",\"id\":9}");
    peer_say(c, "{\"type\":\"join\",\"id\":9,\"room\":\"r\",\"name\":\"x\"}");
    assert_int_equal(peer_error(c), -1);
    peer_destroy(a);
    peer_destroy(b);
    peer_destroy(c);
    peer_destroy(d);
    world_destroy(w);
}

/* 500 come, publish and receive, and go in every way there is: nothing is left. */
static void test_churn(void **state)
{
    static struct peer *peers[500];
    struct world *w = *state;
    for (int round = 0; round < 2; round++) {
        for (unsigned i = 0; i < 500; i++) {
            char name[16];
            snprintf(name, sizeof name, "p%u", i);
            peers[i] = peer_enter(w, i % 5 ? "big" : "small", name, NULL);
            publish_well(w, peers[i], "ones", (int)(i % 250) + 1);
            free(receive_well(w, peers[i], 1, false, "peer", 0x22));
        }
        assert_int_equal(world_gauges(w).participants, 500);
        assert_int_equal(world_gauges(w).connections, 1000);
        assert_int_equal(w->open_transports, 1000);
        for (unsigned i = 0; i < 500; i++) {
            if (i % 3 == 0)
                peer_say(peers[i], "{\"type\":\"leave\",\"id\":9}");
            if (i % 3 == 1)
                world_lose(w, w->last_transport - 999 + 2 * i, PLM_CLOSE_PEER);
            peer_destroy(peers[i]);
        }
        assert_int_equal(world_gauges(w).sessions, 0);
        assert_int_equal(world_gauges(w).detached, 333);
        world_pass(w, 30000);
        assert_int_equal(world_gauges(w).participants, 0);
        assert_int_equal(world_gauges(w).detached, 0);
        assert_int_equal(world_gauges(w).connections, 0);
        assert_int_equal(w->open_transports, 0);
        assert_int_equal(world_gauges(w).rooms, 2);
        w->now += 60000;
        assert_int_equal(plm_hub_poll(w->hub), UINT64_MAX);
        assert_int_equal(world_gauges(w).rooms, 0);
        w->last_transport = 0;
    }
}

static void test_hub_close(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *open = peer_create(w),
                *gone = peer_enter(w, "r", "Bob", NULL);
    publish_well(w, a, "ones", 0x11);
    peer_destroy(gone);
    plm_hub_close(w->hub);
    struct plm_msg *event = peer_expect(a, PLM_MSG_ended);
    assert_int_equal(event->ended.reason, PLM_MSG_leave_reason_closed);
    plm_msg_free(event);
    assert_int_equal(a->closed, PLM_SESSION_CLOSE_DONE);
    assert_int_equal(open->closed, PLM_SESSION_CLOSE_AWAY);
    assert_int_equal(w->open_transports, 0);
    assert_int_equal(w->rooms, 0);
    assert_int_equal(plm_hub_poll(w->hub), UINT64_MAX);
    peer_destroy(a);
    peer_destroy(open);
    assert_int_equal(world_gauges(w).sessions, 0);
}

/* A hub that is destroyed with everybody in it leaves nothing behind (the world looks), and says nothing. */
static void test_destroy_in_use(void **state)
{
    struct world *w = world_create(NULL);
    (void)state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Bob", NULL);
    publish_well(w, a, "ones", 0x11);
    plm_session_on_lost(b->session);
    size_t told = a->n;
    world_destroy(w);
    assert_int_equal(a->n, told);
    assert_int_equal(a->closed, 0);
    peer_forget(a);
    peer_forget(b);
    free(a);
    free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_join, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_publish, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_receive, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_publish_of_browsers, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_publish_again, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_publish_refused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_failing_port, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_mute, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_receive_again, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_answer_refused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_receive_anew, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_answer_of_another, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_view, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_connection_lost, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_speakers, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_demand, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_chat, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_chat_bounded, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_rooms_by_name, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_resume, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_grace_over, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_takeover, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_lost_while_away, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_succession, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_linger, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_forbidden, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_codecs, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_codec_for_all, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_soft_leave, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_soft_leave_and_rules, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_codec_changes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_codec_of_viewers, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_states, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_too_fast, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_full, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_churn, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_hub_close, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_destroy_in_use, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
