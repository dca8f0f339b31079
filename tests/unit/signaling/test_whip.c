#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

/* POST; the status. The reply's id and ETag stay, its body is freed. */
static unsigned post(struct world *w, enum plm_resource_kind kind, const char *room, const char *const *names,
    size_t n_names, const char *sdp, struct plm_resource_reply *reply)
{
    char *exact = malloc(strlen(sdp) ? strlen(sdp) : 1); /* not NUL-terminated, as it comes from HTTP */
    memcpy(exact, sdp, strlen(sdp));
    struct plm_resource_request request = {
        .kind = kind, .room = room, .names = names, .n_names = n_names, .sdp = exact, .len = strlen(sdp)};
    int err = plm_resource_post(w->hub, &request, reply);
    free(exact);
    assert_int_equal(!err, reply->status < 400);
    assert_int_equal(!err, !*reply->error);
    assert_int_equal(!err, reply->body != NULL);
    if (reply->body)
        assert_non_null(strstr(reply->body, "a=ice-lite\r\n"));
    plm_resource_reply_clear(reply);
    return reply->status;
}

static unsigned post_whip(
    struct world *w, const char *room, const char *name, struct plm_resource_reply *reply)
{
    char *offer = sdp_publish(w, "whip", 0x41, 1);
    unsigned status = post(w, PLM_RESOURCE_WHIP, room, &name, name ? 1 : 0, offer, reply);
    free(offer);
    return status;
}

static unsigned post_whep(struct world *w, const char *room, const char *const *names, size_t n,
    unsigned pairs, struct plm_resource_reply *reply)
{
    char *offer = sdp_watch(w, "whep", pairs);
    unsigned status = post(w, PLM_RESOURCE_WHEP, room, names, n, offer, reply);
    free(offer);
    return status;
}

static unsigned patch(
    struct world *w, const char *id, const char *if_match, const char *body, struct plm_resource_reply *reply)
{
    char *exact = malloc(strlen(body) ? strlen(body) : 1);
    memcpy(exact, body, strlen(body));
    int err = plm_resource_patch(w->hub, id, if_match, exact, strlen(body), reply);
    free(exact);
    assert_int_equal(!err, reply->status < 400);
    return reply->status;
}

static unsigned drop(struct world *w, const char *id)
{
    struct plm_resource_reply reply;
    plm_resource_delete(w->hub, id, &reply);
    return reply.status;
}

static void test_whip(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    struct plm_resource_reply reply;
    assert_int_equal(post_whip(w, "R", "camera 1", &reply), 201);
    assert_int_equal(strlen(reply.id), 32);
    assert_int_equal(reply.etag[0], '"');
    assert_int_equal(w->transports[1].participant, 2);
    assert_int_equal(w->transports[1].params->media[0].direction, PLM_DIR_RECV);
    struct plm_msg *event = peer_read(a);
    assert_string_equal(event->roster.joined[0].name, "camera 1");
    assert_int_equal(event->roster.joined[0].role, PLM_MSG_role_speaker);
    assert_int_equal(event->roster.joined[0].n_tracks, 2);
    assert_int_equal(event->roster.joined[0].tracks[1].source, PLM_MSG_source_camera);
    plm_msg_free(event);
    assert_null(peer_read(a));
    assert_int_equal(drop(w, reply.id), 200);
    event = peer_read(a);
    assert_int_equal(event->roster.left[0].reason, PLM_MSG_leave_reason_left);
    plm_msg_free(event);
    assert_int_equal(w->open_transports, 0);
    assert_int_equal(drop(w, reply.id), 404);
    peer_destroy(a);
}

static void test_whip_generated_name(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    struct plm_resource_reply reply;
    assert_int_equal(post_whip(w, "r", NULL, &reply), 201);
    struct plm_msg *event = peer_read(a);
    assert_int_equal(strncmp(event->roster.joined[0].name, "whip-", 5), 0);
    plm_msg_free(event);
    peer_destroy(a);
}

/* An encoder alone opens a room, leads nobody, and its end lets the room close. */
static void test_whip_alone(void **state)
{
    struct world *w = *state;
    struct plm_resource_reply reply;
    assert_int_equal(post_whip(w, "r", "cam", &reply), 201);
    assert_int_equal(plm_hub_poll(w->hub), UINT64_MAX); /* in use: does not linger */
    struct peer *a = peer_create(w);
    struct plm_msg *joined = peer_join(a, "r", "Ada");
    assert_int_equal(joined->joined.role, PLM_MSG_role_moderator);
    assert_int_equal(joined->joined.n_participants, 2);
    plm_msg_free(joined);
    peer_say(a, "{\"type\":\"leave\",\"id\":9}");
    peer_destroy(a);
    world_lose(w, 1, PLM_CLOSE_CONSENT);
    assert_int_equal(world_gauges(w).resources, 0);
    assert_int_equal(world_gauges(w).participants, 0);
    assert_int_equal(drop(w, reply.id), 404);
    world_pass(w, 60000);
    assert_int_equal(world_gauges(w).rooms, 0);
}

/* Who only watches keeps no meeting going: the next to come are strangers, in another one. */
static void test_whep_keeps_nothing(void **state)
{
    struct world *w = *state;
    struct plm_resource_reply reply;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    assert_int_equal(post_whep(w, "r", NULL, 0, 1, &reply), 201);
    peer_say(a, "{\"type\":\"chat\",\"id\":8,\"text\":\"between us\"}");
    peer_say(a, "{\"type\":\"configure\",\"id\":7,\"settings\":{\"max_minutes\":60}}");
    peer_say(a, "{\"type\":\"leave\",\"id\":9}");
    peer_destroy(a);
    world_pass(w, 59999);
    assert_int_equal(world_gauges(w).resources, 1); /* an encoder may come back */
    assert_int_equal(post_whip(w, "r", "cam", &reply), 201);
    world_pass(w, 3000000);
    assert_int_equal(world_gauges(w).resources, 2);
    assert_int_equal(drop(w, reply.id), 200);
    world_pass(w, 3600000);
    assert_int_equal(world_gauges(w).resources, 1); /* a screen on a wall */
    a = peer_create(w);
    struct plm_msg *joined = peer_join(a, "r", "Eve");
    assert_int_equal(joined->joined.n_chat, 0);
    plm_msg_free(joined);
    world_pass(w, 3590000); /* it lasts from now on */
    assert_int_equal(world_gauges(w).resources, 1);
    world_pass(w, 20000);
    assert_int_equal(world_gauges(w).rooms, 0);
    assert_int_equal(w->open_transports, 0);
    peer_destroy(a);
}

static void test_refused(void **state)
{
    static char longest[130];
    memset(longest, 'x', 129);
    struct world *w = *state;
    struct plm_resource_reply reply;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    static const char *const bad[] = {"", " ", "a\nb", "\xff", longest};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(post_whip(w, "r", bad[i], &reply), 400);
        assert_int_equal(post_whip(w, bad[i], "x", &reply), 400);
        assert_int_equal(post_whep(w, "r", &bad[i], 1, 1, &reply), 400);
    }
    assert_int_equal(post_whip(w, "a/b", "x", &reply), 400);
    const char *name = "x";
    assert_int_equal(post(w, PLM_RESOURCE_WHIP, "r", &name, 1, "", &reply), 400);
    assert_int_equal(post(w, PLM_RESOURCE_WHIP, "r", &name, 1, "v=0\r\n", &reply), 400);
    char *watch = sdp_watch(w, "whep", 1);
    assert_int_equal(post(w, PLM_RESOURCE_WHIP, "r", &name, 1, watch, &reply), 400); /* sends nothing */
    char *publish = sdp_publish(w, "whip", 0x41, 1);
    assert_int_equal(post(w, PLM_RESOURCE_WHEP, "r", NULL, 0, publish, &reply), 400); /* takes nothing */
    const char *many[PLM_WHEP_MAX_NAMES + 1];
    for (size_t i = 0; i <= PLM_WHEP_MAX_NAMES; i++)
        many[i] = "x";
    assert_int_equal(post(w, PLM_RESOURCE_WHEP, "r", many, PLM_WHEP_MAX_NAMES + 1, watch, &reply), 400);
    free(watch);
    free(publish);
    assert_null(peer_read(a)); /* nobody was told of those who never came */
    assert_int_equal(w->open_transports, 0);
    assert_int_equal(world_gauges(w).resources, 0);
    assert_int_equal(world_gauges(w).viewers, 0);
    assert_int_equal(world_gauges(w).connections, 0);
    peer_destroy(a);
}

static void test_failing_port(void **state)
{
    struct world *w = *state;
    struct plm_resource_reply reply;
    const char *name = "x";
    w->fail.room_open = PLM_ELIMIT;
    assert_int_equal(post_whip(w, "r", name, &reply), 503);
    w->fail.room_open = 0;
    w->fail.open = PLM_ELIMIT;
    assert_int_equal(post_whip(w, "r", name, &reply), 503);
    assert_int_equal(post_whep(w, "r", NULL, 0, 1, &reply), 503);
    w->fail.open = 0;
    w->fail.describe = PLM_ENOMEM;
    assert_int_equal(post_whip(w, "r", name, &reply), 500);
    w->fail.describe = 0;
    w->fail.pin = PLM_EINVAL;
    assert_int_equal(post_whep(w, "r", &name, 1, 1, &reply), 500);
    w->fail.pin = 0;
    assert_int_equal(w->open_transports, 0);
    assert_int_equal(world_gauges(w).resources, 0);
    world_pass(w, 60000); /* the room that they opened closes */
    assert_int_equal(world_gauges(w).rooms, 0);
}

static void test_limits(void **state)
{
    struct plm_hub_config config = {.max_resources = 3, .max_viewers = 1, .max_participants = 1};
    struct world *w = world_create(&config);
    struct plm_resource_reply reply;
    (void)state;
    assert_int_equal(post_whip(w, "r", "a", &reply), 201);
    assert_int_equal(post_whip(w, "r", "b", &reply), 503);
    assert_int_equal(post_whep(w, "r", NULL, 0, 1, &reply), 201);
    assert_int_equal(post_whep(w, "r", NULL, 0, 1, &reply), 503);
    assert_int_equal(post_whip(w, "s", "a", &reply), 201);
    assert_int_equal(post_whip(w, "t", "a", &reply), 503);
    assert_int_equal(world_gauges(w).rooms, 2);
    world_destroy(w);
}

/* Where each new room has a lobby nobody is past it for having come before anybody. */
static void test_new_room_with_lobby(void **state)
{
    struct plm_hub_config config = {.lobby = true};
    struct world *w = world_create(&config);
    struct plm_resource_reply reply;
    (void)state;
    assert_int_equal(post_whep(w, "r", NULL, 0, 1, &reply), 401);
    assert_int_equal(post_whip(w, "r", "a", &reply), 401);
    assert_int_equal(world_gauges(w).rooms, 0);
    world_destroy(w);
}

/* ---- WHEP ---- */

static void test_whep_following(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    struct plm_resource_reply reply;
    assert_int_equal(post_whep(w, "r", NULL, 0, 2, &reply), 201);
    assert_null(peer_read(a)); /* a viewer is not in the roster */
    assert_int_equal(world_gauges(w).viewers, 1);
    assert_int_equal(world_gauges(w).participants, 1);
    struct world_transport *t = &w->transports[1];
    assert_int_equal(t->participant, 2);
    assert_int_equal(t->pin_calls, 0);
    assert_int_equal(t->params->n_media, 4);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(t->params->media[i].direction, PLM_DIR_SEND);
        assert_int_not_equal(t->params->media[i].ssrc, 0);
    }
    struct plm_event slot = {
        .type = PLM_EV_SLOT, .transport = 1, .slot = {.media = 1, .state = PLM_SLOT_FORWARDING, .shows = 1}};
    plm_hub_on_media_event(w->hub, &slot);
    plm_hub_flush(w->hub); /* there is nobody to tell */
    assert_null(peer_read(a));
    assert_int_equal(drop(w, reply.id), 200);
    assert_int_equal(world_gauges(w).viewers, 0);
    peer_destroy(a);
}

static const struct plm_pin *pin_of(const struct world_transport *t, unsigned media)
{
    for (size_t i = 0; i < t->n_pins; i++)
        if (t->pins[i].media == media)
            return &t->pins[i];
    return NULL;
}

static void test_whep_pinned(void **state)
{
    static const char *const names[] = {"cam", "Ada"};
    struct world *w = *state;
    struct plm_resource_reply reply, encoder;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);              /* 1 */
    assert_int_equal(post_whep(w, "r", names, 2, 3, &reply), 201); /* 2 is the viewer, 3 is kept for cam */
    struct world_transport *t = &w->transports[1];
    assert_int_equal(t->n_pins, 4); /* the third pair follows */
    assert_int_equal(pin_of(t, 0)->participant, 3);
    assert_int_equal(pin_of(t, 0)->source, PLM_SOURCE_MICROPHONE);
    assert_int_equal(pin_of(t, 1)->participant, 3);
    assert_int_equal(pin_of(t, 1)->source, PLM_SOURCE_CAMERA);
    assert_int_equal(pin_of(t, 2)->participant, 1);
    assert_int_equal(pin_of(t, 3)->participant, 1);
    assert_null(pin_of(t, 4));
    for (size_t i = 0; i < t->n_pins; i++)
        assert_int_equal(t->params->media[t->pins[i].media].kind, plm_source_kind(t->pins[i].source));

    assert_int_equal(post_whip(w, "r", "cam", &encoder), 201); /* 4 */
    assert_int_equal(pin_of(t, 1)->participant, 4);
    assert_int_equal(pin_of(t, 3)->participant, 1);
    unsigned calls = (unsigned)t->pin_calls;
    struct peer *impostor =
        peer_enter(w, "r", "cam", NULL); /* a name in a meeting does not take an encoder's place */
    assert_int_equal(t->pin_calls, calls);
    struct plm_resource_reply again;
    assert_int_equal(
        post_whip(w, "r", "cam", &again), 201); /* 6: it came back before the old one was given up */
    assert_int_equal(pin_of(t, 1)->participant, 6);
    world_lose(w, 2, PLM_CLOSE_CONSENT);
    assert_int_equal(pin_of(t, 1)->participant, 6);
    assert_int_equal(drop(w, again.id), 200);
    peer_destroy(impostor);
    peer_destroy(a);
}

/* One of two of a name goes: the other one is shown, but nobody in the meeting in an encoder's place. */
static void test_whep_one_goes(void **state)
{
    static const char *const names[] = {"cam", "Ada"};
    struct world *w = *state;
    struct plm_resource_reply reply, first, second;
    struct peer *a = peer_enter(w, "r", "Ada", NULL), *b = peer_enter(w, "r", "Ada", NULL); /* 1, 2 */
    struct peer *impostor = peer_enter(w, "r", "cam", NULL);
    assert_int_equal(post_whip(w, "r", "cam", &first), 201); /* 4 */
    assert_int_equal(post_whep(w, "r", names, 2, 2, &reply), 201);
    assert_int_equal(post_whip(w, "r", "cam", &second), 201); /* 6 */
    const struct world_transport *t = &w->transports[2];
    assert_int_equal(pin_of(t, 1)->participant, 6);
    assert_int_equal(pin_of(t, 3)->participant, 1);
    assert_int_equal(drop(w, second.id), 200);
    assert_int_equal(pin_of(t, 1)->participant, 4);
    assert_int_equal(drop(w, first.id), 200);
    assert_int_equal(pin_of(t, 1)->participant, 4);
    struct plm_msg_breakout_name aside = {.name = "aside"};
    struct plm_msg_breakout_place place = {1, 1};
    struct plm_msg open = {.type = PLM_MSG_breakout_open,
        .breakout_open = {.rooms = &aside,
            .n_rooms = 1,
            .places = &place,
            .n_places = 1,
            .force = true,
            .has_force = true}};
    assert_int_equal(peer_ask(a, &open), -1);
    assert_int_equal(pin_of(t, 3)->participant, 2);
    peer_destroy(impostor);
    peer_destroy(a);
    peer_destroy(b);
}

static void test_whep_rename(void **state)
{
    static const char *const names[] = {"Eve"};
    struct world *w = *state;
    struct plm_resource_reply reply;
    struct peer *a = peer_enter(w, "r", "Ada", NULL);
    assert_int_equal(post_whep(w, "r", names, 1, 1, &reply), 201);
    assert_int_equal(pin_of(&w->transports[1], 1)->participant, 3);
    peer_say(a, "{\"type\":\"rename\",\"id\":9,\"name\":\"Eve\"}");
    assert_int_equal(pin_of(&w->transports[1], 1)->participant, 1);
    peer_destroy(a);
}

/* Kinds in any order: the i-th audio and the i-th video m-line belong to the i-th name. */
static void test_whep_order(void **state)
{
    static const char *const names[] = {"a", "b"};
    struct world *w = *state;
    struct plm_resource_reply reply;
    struct peer *a = peer_enter(w, "r", "a", NULL), *b = peer_enter(w, "r", "b", NULL);
    char *offer = sdp_watch(w, "whep", 2), *third, *fourth;
    /* audio, video, audio, video becomes audio, video, video, audio */
    third = strstr(strstr(offer, "m=video"), "m=audio");
    fourth = strstr(third, "m=video");
    char *swapped = malloc(strlen(offer) + 1);
    sprintf(swapped, "%.*s%s%.*s", (int)(third - offer), offer, fourth, (int)(fourth - third), third);
    assert_int_equal(post(w, PLM_RESOURCE_WHEP, "r", names, 2, swapped, &reply), 201);
    struct world_transport *t = &w->transports[1];
    assert_int_equal(t->params->media[2].kind, PLM_KIND_VIDEO);
    assert_int_equal(pin_of(t, 0)->participant, 1);
    assert_int_equal(pin_of(t, 1)->participant, 1);
    assert_int_equal(pin_of(t, 2)->participant, 2);
    assert_int_equal(pin_of(t, 2)->source, PLM_SOURCE_CAMERA);
    assert_int_equal(pin_of(t, 3)->participant, 2);
    free(swapped);
    free(offer);
    peer_destroy(a);
    peer_destroy(b);
}

/* ---- PATCH ---- */

static const char trickle[] =
    "a=ice-ufrag:whip\r\na=ice-pwd:clientclientclientclient\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\n"
    "a=candidate:1 1 udp 1 192.0.2.9 9 typ host\r\n";
static const char fresh[] = "a=ice-ufrag:newu\r\na=ice-pwd:newpassnewpassnewpassnew\r\n";

static void test_patch(void **state)
{
    struct world *w = *state;
    struct plm_resource_reply made, reply;
    assert_int_equal(post_whip(w, "r", "cam", &made), 201);
    assert_int_equal(patch(w, "0123", made.etag, trickle, &reply), 404);
    assert_int_equal(patch(w, made.id, NULL, trickle, &reply), 428);
    assert_int_equal(patch(w, made.id, "\"other\"", trickle, &reply), 412);
    assert_int_equal(patch(w, made.id, made.etag, "nonsense", &reply), 400);
    assert_int_equal(patch(w, made.id, made.etag, trickle, &reply), 204);
    assert_string_equal(reply.etag, made.etag);
    assert_null(reply.body);
    assert_int_equal(
        patch(w, made.id, "*", trickle, &reply), 204); /* the credentials that it has: no restart */
    assert_int_equal(patch(w, made.id, made.etag, fresh, &reply), 412);
    assert_int_equal(w->transports[1].restarts, 0);

    w->fail.restart = PLM_ENOENT;
    assert_int_equal(patch(w, made.id, "*", fresh, &reply), 500);
    w->fail.restart = 0;
    assert_int_equal(patch(w, made.id, "*", fresh, &reply), 200);
    assert_int_equal(w->transports[1].restarts, 1);
    assert_string_not_equal(reply.etag, made.etag);
    struct plm_sdp_fragment fragment;
    struct plm_sdp_error err;
    assert_int_equal(plm_sdp_parse_fragment(&fragment, reply.body, strlen(reply.body), &err), 0);
    assert_string_equal(fragment.ufrag, "srv1.1");
    assert_string_equal(fragment.pwd, "0123456789abcdefghijklmn");
    assert_int_equal(fragment.candidates, 1);
    assert_non_null(strstr(reply.body, "a=candidate:1 1 udp 2130706431 192.0.2.1 3478 typ host\r\n"));
    plm_resource_reply_clear(&reply);
    assert_int_equal(patch(w, made.id, made.etag, trickle, &reply), 412); /* of the session before */
    assert_int_equal(
        patch(w, made.id, "\"*\"", trickle, &reply), 200); /* the old credentials are new again */
    plm_resource_reply_clear(&reply);
    assert_int_equal(w->transports[1].restarts, 2);
}

static void test_room_takes_resources_along(void **state)
{
    struct world *w = *state;
    struct plm_resource_reply whip, whep;
    assert_int_equal(post_whip(w, "r", "cam", &whip), 201);
    assert_int_equal(post_whep(w, "r", NULL, 0, 1, &whep), 201);
    plm_hub_close(w->hub);
    assert_int_equal(world_gauges(w).resources, 0);
    assert_int_equal(world_gauges(w).connections, 0);
    assert_int_equal(w->open_transports, 0);
    assert_int_equal(drop(w, whip.id), 404);
    assert_int_equal(drop(w, whep.id), 404);
}

static void test_whep_lost(void **state)
{
    struct world *w = *state;
    struct plm_resource_reply reply;
    assert_int_equal(post_whep(w, "r", NULL, 0, 1, &reply), 201);
    world_lose(w, 1, PLM_CLOSE_PEER);
    assert_int_equal(world_gauges(w).resources, 0);
    assert_int_equal(world_gauges(w).viewers, 0);
    world_pass(w, 60000);
    assert_int_equal(world_gauges(w).rooms, 0);
}

/* What the programs of the field offer. */
static void test_real_offers(void **state)
{
    static const char *const whip[] = {"chromium_whip_offer", "firefox_whip_offer", "pion_whip_offer",
        "pion_simulcast_offer", "aiortc_whip_offer", "gstreamer_whip_offer", "gstreamer_h264_offer",
        "libdatachannel_whip_offer", "chromium_sendrecv_data_offer", "firefox_sendrecv_data_offer"};
    static const char *const whep[] = {"chromium_whep_offer", "firefox_whep_offer", "pion_whep_offer",
        "aiortc_whep_offer", "gstreamer_whep_offer", "libdatachannel_whep_offer"};
    static const char *const names[] = {"cam"};
    struct world *w = *state;
    struct plm_resource_reply reply;
    for (size_t i = 0; i < sizeof whip / sizeof whip[0]; i++) {
        char *offer = sdp_corpus(whip[i]);
        if (post(w, PLM_RESOURCE_WHIP, "r", names, 1, offer, &reply) != 201)
            fail_msg("%s: %s", whip[i], reply.error);
        free(offer);
    }
    for (size_t i = 0; i < sizeof whep / sizeof whep[0]; i++) {
        char *offer = sdp_corpus(whep[i]);
        if (post(w, PLM_RESOURCE_WHEP, "r", names, 1, offer, &reply) != 201)
            fail_msg("%s: %s", whep[i], reply.error);
        free(offer);
        const struct world_transport *t = &w->transports[w->last_transport];
        assert_true(t->n_pins >= 1);
        for (size_t k = 0; k < t->n_pins; k++)
            assert_int_equal(
                t->pins[k].participant, sizeof whip / sizeof whip[0]); /* the encoder that came last */
    }
    assert_int_equal(world_gauges(w).participants, sizeof whip / sizeof whip[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_whip, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whip_generated_name, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whip_alone, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whep_keeps_nothing, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_refused, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_failing_port, world_setup, world_teardown),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_new_room_with_lobby),
        cmocka_unit_test_setup_teardown(test_whep_following, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whep_pinned, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whep_one_goes, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whep_rename, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whep_order, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_patch, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_room_takes_resources_along, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_whep_lost, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_real_offers, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
