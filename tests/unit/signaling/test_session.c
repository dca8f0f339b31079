#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = world_create(NULL);
    return 0;
}

static int teardown(void **state)
{
    world_destroy(*state);
    return 0;
}

/* Join and throw the reply away. */
static struct peer *enter(struct world *w, const char *room, const char *name)
{
    struct peer *p = peer_create(w);
    struct plm_msg *joined = peer_join(p, room, name);
    assert_non_null(joined);
    plm_msg_free(joined);
    return p;
}

static void test_join(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w), *b = peer_create(w);
    struct plm_msg *joined = peer_join(a, "  Standup ", "Ada");
    assert_non_null(joined);
    assert_true(joined->has_id);
    assert_int_equal(joined->id, 1);
    assert_int_equal(joined->joined.role, PLM_MSG_role_moderator);
    assert_string_equal(joined->joined.room, "Standup");
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

    struct plm_msg *event = peer_expect(a, PLM_MSG_participant_joined);
    assert_non_null(event);
    assert_int_equal(event->participant_joined.participant.id, bob);
    plm_msg_free(event);
    assert_null(peer_expect(b, PLM_MSG_participant_joined)); /* not told of oneself */
    peer_destroy(a);
    peer_destroy(b);
}

static void test_publish(void **state)
{
    struct world *w = *state;
    struct peer *a = enter(w, "r", "Ada"), *b = enter(w, "r", "Bob");
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
    struct plm_msg *event = peer_expect(b, PLM_MSG_participant_changed);
    assert_int_equal(event->participant_changed.participant.n_tracks, 3);
    assert_true(event->participant_changed.participant.tracks[2].muted);
    plm_msg_free(event);
    free(offer);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_receive(void **state)
{
    struct world *w = *state;
    struct peer *a = enter(w, "r", "Ada");
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
    plm_msg_free(slots);
    assert_null(peer_read(a));
    peer_destroy(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_join, setup, teardown),
        cmocka_unit_test_setup_teardown(test_publish, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receive, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
