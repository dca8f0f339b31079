#include "meeting.h"

#include <setjmp.h>

#include <cmocka.h>

#define PEOPLE 6 /* the first leads */

/* Two peer connections for each, so that moves have something to re-wire. */
static void connect_media(struct peer *p)
{
    struct plm_msg_track_line lines[] = {
        {.mid = "0", .source = PLM_MSG_source_microphone}, {.mid = "1", .source = PLM_MSG_source_camera}};
    struct plm_msg receive = {.type = PLM_MSG_receive, .receive = {.pairs = 2}};
    assert_int_equal(peer_publish(p, "user", 0x11, lines, 2), -1);
    peer_request(p, &receive);
    struct plm_msg *offered = peer_expect(p, PLM_MSG_offered);
    assert_non_null(offered);
    char *answer = sdp_reply(p->w, offered->offered.sdp, "user", 0x11);
    struct plm_msg reply = {.type = PLM_MSG_answer, .answer = {.sdp = answer}};
    assert_int_equal(peer_ask(p, &reply), -1);
    plm_msg_free(offered);
    free(answer);
}

static int setup(void **state)
{
    *state = meeting_create(PEOPLE, connect_media);
    return 0;
}

static plm_transport_id publisher(unsigned i)
{
    return 2 * i + 1; /* as connect_media opened them */
}

static plm_transport_id receiver(unsigned i)
{
    return 2 * i + 2;
}

static struct plm_msg_breakout_name two_rooms[] = {{.name = "Red"}, {.name = "Blue"}};

static struct plm_msg open_request(struct plm_msg_breakout_place *places, size_t n, bool force)
{
    return (struct plm_msg){.type = PLM_MSG_breakout_open,
        .breakout_open = {.rooms = two_rooms,
            .n_rooms = 2,
            .places = places,
            .n_places = n,
            .has_force = true,
            .force = force}};
}

static int go(struct peer *p, uint32_t room)
{
    struct plm_msg msg = {.type = PLM_MSG_breakout_go, .breakout_go = {.room = room}};
    return peer_ask(p, &msg);
}

static int close_in(struct peer *p, uint32_t seconds)
{
    struct plm_msg msg = {
        .type = PLM_MSG_breakout_close, .breakout_close = {.has_seconds = seconds != 0, .seconds = seconds}};
    return peer_ask(p, &msg);
}

/* Bob and Cy into Red, by force. */
static void send_two(struct meeting *m)
{
    struct plm_msg_breakout_place places[] = {{m->id[1], 1}, {m->id[2], 1}};
    struct plm_msg msg = open_request(places, 2, true);
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
}

static void test_forced(void **state)
{
    struct meeting *m = *state;
    plm_room_id school = m->w->transports[1].room;
    send_two(m);
    struct plm_msg *moved = peer_expect(m->p[1], PLM_MSG_moved);
    assert_non_null(moved);
    assert_int_equal(moved->moved.participant, m->id[1]);
    assert_int_equal(moved->moved.role, PLM_MSG_role_speaker);
    assert_string_equal(moved->moved.room.name, "Red");
    assert_true(moved->moved.room.has_breakout);
    assert_int_equal(moved->moved.room.breakout, 1);
    assert_int_equal(moved->moved.n_participants, 2); /* both who go together are there */
    assert_int_equal(moved->moved.participants[0].id, m->id[1]);
    assert_int_equal(moved->moved.participants[1].id, m->id[2]);
    assert_int_equal(moved->moved.participants[1].n_tracks, 2);
    assert_true(moved->moved.breakouts_open);
    assert_int_equal(moved->moved.n_breakouts, 2);
    assert_int_equal(moved->moved.breakouts[0].n_participants, 2);
    assert_int_equal(moved->moved.breakouts[1].n_participants, 0);
    plm_msg_free(moved);

    for (unsigned i = 0; i < PEOPLE; i++) { /* connections stand; those of the two are re-wired */
        bool gone = i == 1 || i == 2;
        assert_int_equal(m->w->transports[publisher(i)].room == school, !gone);
        assert_int_equal(m->w->transports[receiver(i)].room == school, !gone);
        assert_int_equal(m->w->transports[publisher(i)].participant, m->id[i]);
        assert_int_equal(m->w->transports[receiver(i)].participant, m->id[i]);
        assert_int_equal(m->w->transports[receiver(i)].describes, 1);
    }
    assert_int_equal(m->w->transports[publisher(1)].room, m->w->transports[receiver(2)].room);

    struct plm_msg *left = peer_expect_left(m->p[3]);
    assert_non_null(left);
    assert_int_equal(left->roster.n_left, 2);
    assert_int_equal(left->roster.left[0].reason, PLM_MSG_leave_reason_moved);
    assert_int_equal(left->roster.total, PEOPLE - 2);
    plm_msg_free(left);
    m->p[3]->read = 0;
    struct plm_msg *rooms = peer_expect(m->p[3], PLM_MSG_breakouts);
    assert_true(rooms->breakouts.open);
    assert_int_equal(rooms->breakouts.rooms[0].n_participants, 2);
    assert_int_equal(rooms->breakouts.rooms[0].participants[1], m->id[2]);
    assert_false(rooms->breakouts.has_end_at);
    plm_msg_free(rooms);

    assert_int_equal(close_in(m->p[0], 0), -1);
    moved = peer_expect(m->p[1], PLM_MSG_moved);
    assert_string_equal(moved->moved.room.name, "r");
    assert_false(moved->moved.room.has_breakout);
    assert_int_equal(moved->moved.n_participants, PEOPLE);
    assert_int_equal(moved->moved.participant, m->id[1]);
    assert_false(moved->moved.breakouts_open);
    assert_int_equal(moved->moved.n_breakouts, 0);
    plm_msg_free(moved);
    assert_int_equal(m->w->transports[publisher(1)].room, school);
    assert_int_equal(m->w->rooms, 1);
    world_pass(m->w, 250);
    rooms = peer_expect(m->p[1], PLM_MSG_breakouts);
    assert_non_null(rooms);
    assert_false(rooms->breakouts.open);
    plm_msg_free(rooms);
    assert_int_equal(go(m->p[0], 1), PLM_MSG_error_code_not_found);
    assert_int_equal(close_in(m->p[0], 0), PLM_MSG_error_code_bad_state);
    assert_int_equal(m->w->events[PLM_HUB_BREAKOUTS_OPENED], 1);
    assert_int_equal(m->w->events[PLM_HUB_BREAKOUTS_CLOSED], 1);
    assert_int_equal(m->w->events[PLM_HUB_PARTICIPANT_LEFT], 0); /* who moves is still in the meeting */
    assert_int_equal(m->w->events[PLM_HUB_PARTICIPANT_JOINED], PEOPLE);
}

/* Everybody but leaders, evenly within one, whatever was set by hand before. */
static void test_random(void **state)
{
    struct meeting *m = *state;
    struct plm_msg_breakout_place places[] = {{m->id[1], 2}};
    struct plm_msg msg = open_request(places, 1, true);
    msg.breakout_open.has_random = msg.breakout_open.random = true;
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
    struct plm_msg *rooms = peer_expect(m->p[0], PLM_MSG_breakouts);
    size_t red = rooms->breakouts.rooms[0].n_participants, blue = rooms->breakouts.rooms[1].n_participants;
    assert_int_equal(red + blue, PEOPLE - 1);
    assert_true(red - blue + 1 <= 2);
    bool by_hand = false;
    for (size_t i = 0; i < blue; i++)
        by_hand |= rooms->breakouts.rooms[1].participants[i] == m->id[1];
    assert_true(by_hand);
    plm_msg_free(rooms);
    assert_int_equal(peer_count(m->p[0], PLM_MSG_moved), 0);
}

/* Who goes where is drawn anew each time: in twenty draws nobody is always in one room. */
static void test_drawn(void **state)
{
    struct meeting *m = *state;
    unsigned in_red[PEOPLE] = {0};
    for (unsigned draw = 0; draw < 20; draw++) {
        struct plm_msg msg = open_request(NULL, 0, true);
        msg.breakout_open.has_random = msg.breakout_open.random = true;
        assert_int_equal(peer_ask(m->p[0], &msg), -1);
        for (unsigned i = 1; i < PEOPLE; i++)
            in_red[i] += plm_room_find_member(m->w->hub->rooms, m->id[i])->room->number == 1;
        assert_int_equal(close_in(m->p[0], 0), -1);
        world_pass(m->w, 10000);
    }
    for (unsigned i = 1; i < PEOPLE; i++)
        assert_in_range(in_red[i], 1, 19);
}

/* What the room is and its rules are told to those in breakout rooms, too, and hold there. */
static void test_rules_reach_breakouts(void **state)
{
    struct meeting *m = *state;
    send_two(m);
    peer_forget(m->p[1]);
    peer_say(
        m->p[0], "{\"type\":\"configure\",\"id\":900,\"settings\":{\"may_speak\":false,\"title\":\"New\"}}");
    struct plm_msg *changed = peer_expect(m->p[1], PLM_MSG_room_changed);
    assert_non_null(changed);
    assert_string_equal(changed->room_changed.room.name, "Red");
    assert_int_equal(changed->room_changed.room.breakout, 1);
    assert_string_equal(changed->room_changed.room.settings.title, "New");
    assert_false(changed->room_changed.room.settings.may_speak);
    plm_msg_free(changed);
    assert_true(m->w->transports[publisher(1)].muted[PLM_SOURCE_MICROPHONE]); /* in Red */
    assert_true(m->w->transports[publisher(3)].muted[PLM_SOURCE_MICROPHONE]); /* in the main room */
    assert_false(m->w->transports[publisher(0)].muted[PLM_SOURCE_MICROPHONE]);
}

/* After the command, not a word of the old room; and not of the new one to those who stay. */
static void test_apart(void **state)
{
    struct meeting *m = *state;
    struct plm_msg say = {.type = PLM_MSG_chat, .chat = {.text = "between us"}};
    struct plm_msg view = {.type = PLM_MSG_view};
    struct plm_msg_view_item item = {.participant = m->id[3], .source = PLM_MSG_source_camera};
    view.view.items = &item;
    view.view.n_items = 1;
    assert_int_equal(peer_ask(m->p[1], &view), -1);
    assert_int_equal(m->w->transports[receiver(1)].view.mode, PLM_VIEW_ITEMS);
    struct plm_msg hand = {.type = PLM_MSG_hand, .hand = {.raised = true}};
    assert_int_equal(peer_ask(m->p[1], &hand), -1);
    send_two(m);
    struct plm_msg *moved = peer_expect(m->p[1], PLM_MSG_moved);
    assert_false(moved->moved.participants[0].has_hand); /* it was raised to others */
    plm_msg_free(moved);
    assert_int_equal(m->w->transports[receiver(1)].view.mode, PLM_VIEW_FOLLOW);
    assert_int_equal(m->w->transports[receiver(2)].views, 0); /* followed before */
    for (unsigned i = 0; i < PEOPLE; i++)
        peer_forget(m->p[i]);

    assert_int_equal(peer_ask(m->p[3], &say), -1);
    struct plm_msg rename = {.type = PLM_MSG_rename, .rename = {.name = "Dora"}};
    assert_int_equal(peer_ask(m->p[4], &rename), -1);
    struct plm_event ev = {.type = PLM_EV_SPEAKERS,
        .room = m->w->transports[publisher(0)].room,
        .speakers = {.n = 1, .who = {m->id[3]}}};
    plm_hub_on_media_event(m->w->hub, &ev);
    ev = (struct plm_event){.type = PLM_EV_SLOT, /* on its way when the command came */
        .transport = receiver(1),
        .slot = {.media = 1, .state = PLM_SLOT_FORWARDING, .shows = m->id[3], .source = PLM_SOURCE_CAMERA}};
    plm_hub_on_media_event(m->w->hub, &ev);
    plm_hub_flush(m->w->hub);
    struct plm_msg *slots = peer_expect(m->p[1], PLM_MSG_slots);
    assert_non_null(slots);
    assert_int_equal(slots->slots.slots[0].state, PLM_MSG_slot_state_empty);
    assert_false(slots->slots.slots[0].has_participant);
    plm_msg_free(slots);
    assert_int_equal(m->p[1]->n, 1);
    assert_int_equal(m->p[2]->n, 0);
    assert_true(m->p[5]->n >= 3);

    size_t heard = m->p[5]->n;
    assert_int_equal(peer_ask(m->p[1], &say), -1);
    assert_int_equal(peer_count(m->p[2], PLM_MSG_chat_posted), 1);
    assert_int_equal(m->p[5]->n, heard);
    say.chat.has_to = true;
    say.chat.to = m->id[5];
    assert_int_equal(peer_ask(m->p[1], &say), PLM_MSG_error_code_not_found);

    assert_int_equal(go(m->p[2], 0), -1); /* each room keeps its own chat */
    moved = peer_expect(m->p[2], PLM_MSG_moved);
    assert_int_equal(moved->moved.n_chat, 1);
    assert_int_equal(moved->moved.chat[0].from, m->id[3]);
    plm_msg_free(moved);
    assert_int_equal(peer_count(m->p[2], PLM_MSG_speakers), 1);
}

static void test_by_choice(void **state)
{
    struct meeting *m = *state;
    struct plm_msg_breakout_place places[] = {{m->id[1], 2}, {99, 1}};
    struct plm_msg msg = open_request(places, 2, false);
    assert_int_equal(peer_ask(m->p[1], &msg), PLM_MSG_error_code_forbidden);
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
    assert_int_equal(peer_ask(m->p[0], &msg), PLM_MSG_error_code_bad_state);
    struct plm_msg *invited = peer_expect(m->p[1], PLM_MSG_breakout_invited);
    assert_int_equal(invited->breakout_invited.room, 2);
    assert_string_equal(invited->breakout_invited.name, "Blue");
    plm_msg_free(invited);
    assert_int_equal(go(m->p[1], 1), PLM_MSG_error_code_forbidden);
    assert_int_equal(go(m->p[1], 3), PLM_MSG_error_code_not_found);
    assert_int_equal(go(m->p[1], 2), -1);
    assert_int_equal(peer_count(m->p[1], PLM_MSG_moved), 1);
    assert_int_equal(go(m->p[1], 2), -1); /* there already */
    assert_int_equal(peer_count(m->p[1], PLM_MSG_moved), 1);
    assert_int_equal(go(m->p[1], 0), -1);
    assert_int_equal(go(m->p[1], 2), -1); /* still the room they belong to */
    assert_int_equal(go(m->p[3], 2), PLM_MSG_error_code_forbidden);
    assert_int_equal(go(m->p[0], 2), -1); /* who leads goes anywhere */
    assert_int_equal(close_in(m->p[0], 0), -1);

    msg.breakout_open.n_places = 0;
    msg.breakout_open.has_may_choose = msg.breakout_open.may_choose = true;
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
    assert_int_equal(go(m->p[3], 2), -1);
    assert_int_equal(go(m->p[3], 1), -1);
    struct plm_msg_breakout_place back[] = {{m->id[3], 0}};
    struct plm_msg assign = {
        .type = PLM_MSG_breakout_assign, .breakout_assign = {.places = back, .n_places = 1, .force = true}};
    peer_forget(m->p[3]);
    assert_int_equal(peer_ask(m->p[0], &assign), -1);
    assert_int_equal(peer_count(m->p[3], PLM_MSG_moved), 1);
    back[0].room = 3;
    assert_int_equal(peer_ask(m->p[0], &assign), PLM_MSG_error_code_not_found);
    msg.breakout_open.n_rooms = 0;
    assert_int_equal(close_in(m->p[0], 0), -1);
    assert_int_equal(peer_ask(m->p[0], &msg), PLM_MSG_error_code_bad_message);
}

static void test_listen(void **state)
{
    struct meeting *m = *state;
    struct plm_msg msg = {
        .type = PLM_MSG_breakout_go, .breakout_go = {.room = 1, .has_listen = true, .listen = true}};
    send_two(m);
    assert_int_equal(peer_ask(m->p[1], &msg), PLM_MSG_error_code_forbidden);
    peer_forget(m->p[0]);
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
    assert_true(m->w->transports[publisher(0)].muted[PLM_SOURCE_MICROPHONE]);
    assert_true(m->w->transports[publisher(0)].muted[PLM_SOURCE_CAMERA]);
    struct plm_msg *moved = peer_expect(m->p[0], PLM_MSG_moved);
    for (size_t i = 0; i < moved->moved.n_participants; i++)
        assert_int_equal(
            moved->moved.participants[i].tracks[0].muted, moved->moved.participants[i].id == m->id[0]);
    plm_msg_free(moved);
}

/* Whose socket is away goes too, and finds themself there. */
static void test_detached(void **state)
{
    struct meeting *m = *state;
    struct peer *p = peer_create(m->w);
    struct plm_msg *joined = peer_join(p, "r", "Gus");
    char secret[65];
    uint32_t id = joined->joined.participant;
    snprintf(secret, sizeof secret, "%s", joined->joined.secret);
    plm_msg_free(joined);
    peer_destroy(p);
    struct plm_msg_breakout_place places[] = {{id, 2}};
    struct plm_msg msg = open_request(places, 1, true);
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
    p = peer_create(m->w);
    struct plm_msg resume = {.type = PLM_MSG_resume, .resume = {.secret = secret}};
    peer_request(p, &resume);
    joined = peer_expect(p, PLM_MSG_joined);
    assert_non_null(joined);
    assert_int_equal(joined->joined.participant, id);
    assert_int_equal(joined->joined.room.breakout, 2);
    assert_string_equal(joined->joined.room.name, "Blue");
    assert_int_equal(joined->joined.n_participants, 1);
    assert_true(joined->joined.breakouts_open);
    plm_msg_free(joined);
    peer_destroy(p);
}

static void test_time(void **state)
{
    struct meeting *m = *state;
    struct plm_msg_breakout_place places[] = {{m->id[1], 1}};
    struct plm_msg msg = open_request(places, 1, true);
    msg.breakout_open.has_minutes = true;
    msg.breakout_open.minutes = 2;
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
    struct plm_msg *rooms = peer_expect(m->p[1], PLM_MSG_breakouts);
    assert_true(rooms->breakouts.has_end_at);
    assert_int_equal(rooms->breakouts.end_at, world_wall(m->w) + 120000);
    plm_msg_free(rooms);
    struct plm_msg time = {.type = PLM_MSG_breakout_time, .breakout_time = {.seconds = 0}};
    assert_int_equal(peer_ask(m->p[0], &time), -1);
    world_pass(m->w, 300000);
    rooms = peer_expect(m->p[1], PLM_MSG_breakouts);
    assert_false(rooms->breakouts.has_end_at); /* no limit any more */
    plm_msg_free(rooms);
    assert_int_equal(m->w->rooms, 3);
    time.breakout_time.seconds = 60;
    assert_int_equal(peer_ask(m->p[0], &time), -1);
    assert_int_equal(close_in(m->p[0], 10), -1);
    assert_true(plm_hub_poll(m->w->hub) <= m->w->now + 10000);
    peer_forget(m->p[1]);
    world_pass(m->w, 9999);
    assert_int_equal(peer_count(m->p[1], PLM_MSG_moved), 0);
    world_pass(m->w, 1);
    assert_int_equal(peer_count(m->p[1], PLM_MSG_moved), 1);
    assert_int_equal(m->w->rooms, 1);
    assert_int_equal(peer_ask(m->p[0], &time), PLM_MSG_error_code_bad_state);
}

/* However many moves there are, the rooms are told four times a second. */
static void test_merged(void **state)
{
    struct meeting *m = *state;
    struct plm_msg msg = open_request(NULL, 0, false);
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
    for (unsigned i = 0; i < PEOPLE; i++)
        peer_forget(m->p[i]);
    world_pass(m->w, 250);
    for (unsigned i = 0; i < 100; i++) {
        assert_int_equal(go(m->p[0], 1 + i % 2), -1);
        world_pass(m->w, 10);
        if (i % 20 == 19)
            world_pass(m->w, 2000); /* within the rate of messages */
    }
    world_pass(m->w, 250);
    unsigned told = peer_count(m->p[5], PLM_MSG_breakouts);
    assert_in_range(told, 6, 16); /* five seconds' worth of 200 ms each */
    assert_int_equal(m->w->transports[publisher(0)].moves, 100);
}

static void test_not_by_name(void **state)
{
    struct meeting *m = *state;
    send_two(m);
    uint32_t id;
    struct peer *p = peer_enter(m->w, "Red", "Mallory", &id);
    assert_int_equal(m->w->rooms, 4); /* a meeting of that name, of its own */
    assert_int_equal(id, 1);
    peer_destroy(p);
    p = peer_enter(m->w, "r", "Gus", &id); /* ids go on where the meeting is */
    assert_int_equal(id, PEOPLE + 1);
    peer_destroy(p);
}

static void test_leaders(void **state)
{
    struct meeting *m = *state;
    send_two(m);
    uint32_t who[] = {m->id[1]};
    struct plm_msg mute = {.type = PLM_MSG_mute_others,
        .mute_others = {.participants = who, .n_participants = 1, .source = PLM_MSG_source_microphone}};
    assert_int_equal(peer_ask(m->p[0], &mute), -1);
    assert_true(m->w->transports[publisher(1)].muted[PLM_SOURCE_MICROPHONE]);
    struct plm_msg *noticed = peer_expect(m->p[1], PLM_MSG_noticed);
    assert_int_equal(noticed->noticed.by, m->id[0]);
    plm_msg_free(noticed);

    assert_int_equal(go(m->p[0], 2), -1);
    peer_forget(m->p[1]);
    struct plm_msg leave = {.type = PLM_MSG_leave};
    assert_int_equal(peer_ask(m->p[0], &leave), -1);
    struct plm_msg *changed = peer_expect_changed(m->p[1]); /* the longest present, wherever they are */
    assert_non_null(changed);
    assert_int_equal(changed->roster.changed[0].id, m->id[1]);
    assert_int_equal(changed->roster.changed[0].role, PLM_MSG_role_moderator);
    plm_msg_free(changed);
    assert_int_equal(close_in(m->p[1], 0), -1);
}

static void test_say(void **state)
{
    struct meeting *m = *state;
    struct plm_msg say = {.type = PLM_MSG_breakout_say, .breakout_say = {.text = "ten minutes"}};
    send_two(m);
    assert_int_equal(peer_ask(m->p[2], &say), PLM_MSG_error_code_forbidden);
    assert_int_equal(peer_ask(m->p[0], &say), -1);
    for (unsigned i = 0; i < PEOPLE; i++) {
        struct plm_msg *posted = peer_expect(m->p[i], PLM_MSG_chat_posted);
        assert_non_null(posted);
        assert_true(posted->chat_posted.message.has_announcement);
        assert_true(posted->chat_posted.message.announcement);
        assert_int_equal(posted->chat_posted.message.from, m->id[0]);
        plm_msg_free(posted);
    }
}

/* What media cannot move is lost: the client is told, and connects anew in the room where it is now. */
static void test_media_fails(void **state)
{
    struct meeting *m = *state;
    m->w->fail.move = PLM_ENOMEM;
    send_two(m);
    m->w->fail.move = 0;
    assert_int_equal(peer_count(m->p[1], PLM_MSG_connection_lost), 2);
    assert_int_equal(peer_count(m->p[1], PLM_MSG_moved), 1);
    assert_int_equal(m->w->open_transports, 2 * (PEOPLE - 2));
    connect_media(m->p[1]);
    assert_int_equal(m->w->transports[m->w->last_transport].room, 2);
    assert_int_equal(close_in(m->p[0], 0), -1);

    m->w->fail.room_open = PLM_ELIMIT;
    struct plm_msg msg = open_request(NULL, 0, false);
    assert_int_equal(peer_ask(m->p[0], &msg), PLM_MSG_error_code_full);
    m->w->fail.room_open = 0;
    assert_int_equal(m->w->rooms, 1);
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
}

/* Breakout rooms leave half of the places to meetings. */
static void test_share(void **state)
{
    const struct plm_hub_config config = {.max_rooms = 5};
    (void)state;
    struct world *w = world_create(&config);
    struct peer *a = peer_enter(w, "one", "Ada", NULL), *b = peer_enter(w, "two", "Bob", NULL);
    struct plm_msg msg = open_request(NULL, 0, false);
    assert_int_equal(peer_ask(a, &msg), -1);
    assert_int_equal(peer_ask(b, &msg), PLM_MSG_error_code_full);
    assert_int_equal(w->rooms, 4);
    peer_destroy(peer_enter(w, "three", "Cy", NULL));
    assert_int_equal(close_in(a, 0), -1);
    assert_int_equal(peer_ask(b, &msg), -1);
    peer_destroy(a);
    peer_destroy(b);
    world_destroy(w);
}

static void test_encoder(void **state)
{
    struct meeting *m = *state;
    struct plm_resource_reply reply;
    char *offer = sdp_publish(m->w, "whip", 0x44, 1);
    struct plm_resource_request request = {
        .kind = PLM_RESOURCE_WHIP, .room = "r", .sdp = offer, .len = strlen(offer)};
    assert_int_equal(plm_resource_post(m->w->hub, &request, &reply), 0);
    plm_resource_reply_clear(&reply);
    free(offer);
    plm_transport_id id = m->w->last_transport;
    struct plm_msg_breakout_place places[] = {{m->id[PEOPLE - 1] + 1, 1}};
    struct plm_msg msg = open_request(places, 1, true);
    assert_int_equal(peer_ask(m->p[0], &msg), -1);
    assert_int_equal(m->w->transports[id].moves, 1);
    m->w->fail.move = PLM_ENOENT;
    assert_int_equal(close_in(m->p[0], 0), -1); /* it goes with its connection */
    m->w->fail.move = 0;
    assert_false(m->w->transports[id].open);
    struct plm_hub_gauges g;
    plm_hub_gauges(m->w->hub, &g);
    assert_int_equal(g.resources, 0);
    assert_int_equal(g.participants, PEOPLE);
}

/* A receiver by name stays where it is and shows them again when they come back. */
static void test_pins(void **state)
{
    struct meeting *m = *state;
    static const char *const names[] = {"Bob"};
    struct plm_resource_reply reply;
    char *offer = sdp_watch(m->w, "whep", 1);
    struct plm_resource_request request = {.kind = PLM_RESOURCE_WHEP,
        .room = "r",
        .names = names,
        .n_names = 1,
        .sdp = offer,
        .len = strlen(offer)};
    assert_int_equal(plm_resource_post(m->w->hub, &request, &reply), 0);
    plm_resource_reply_clear(&reply);
    free(offer);
    const struct world_transport *t = &m->w->transports[m->w->last_transport];
    plm_room_id school = t->room;
    assert_int_equal(t->pins[0].participant, m->id[1]);
    send_two(m);
    assert_int_equal(t->room, school);
    assert_int_equal(t->moves, 0);
    assert_int_equal(t->pins[0].participant, m->id[1]);
    struct peer *other = peer_enter(m->w, "r", "Bob", NULL); /* meanwhile another of this name is shown */
    assert_int_not_equal(t->pins[0].participant, m->id[1]);
    peer_destroy(other);
    assert_int_equal(close_in(m->p[0], 0), -1);
    assert_int_equal(t->room, school);
}

/* Rooms last until the last of the meeting has left, wherever they are; nothing of them is there for who comes next. */
static void test_ends(void **state)
{
    struct meeting *m = *state;
    send_two(m);
    struct plm_msg leave = {.type = PLM_MSG_leave};
    for (unsigned i = 0; i < PEOPLE; i++)
        if (i != 1)
            assert_int_equal(peer_ask(m->p[i], &leave), -1);
    world_pass(m->w, 100000);
    assert_int_equal(m->w->rooms, 3); /* Bob is in Red */
    assert_int_equal(peer_ask(m->p[1], &leave), -1);
    assert_int_equal(m->w->rooms, 1);
    struct peer *next = peer_create(m->w);
    struct plm_msg *joined = peer_join(next, "r", "Gus");
    assert_false(joined->joined.breakouts_open);
    assert_int_equal(joined->joined.n_breakouts, 0);
    plm_msg_free(joined);
    assert_int_equal(peer_ask(next, &leave), -1);
    peer_destroy(next);
    world_pass(m->w, 59999);
    assert_int_equal(m->w->rooms, 1);
    world_pass(m->w, 1);
    assert_int_equal(m->w->rooms, 0);
    struct plm_hub_gauges g;
    plm_hub_gauges(m->w->hub, &g);
    assert_int_equal(g.rooms + g.participants + g.connections, 0);
}

static void test_closed_with_the_hub(void **state)
{
    struct meeting *m = *state;
    send_two(m);
    plm_hub_close(m->w->hub);
    for (unsigned i = 0; i < PEOPLE; i++)
        assert_int_equal(peer_count(m->p[i], PLM_MSG_ended), 1);
    assert_int_equal(m->w->rooms, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, meeting_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_forced), TEST(test_random), TEST(test_drawn),
        TEST(test_rules_reach_breakouts), TEST(test_apart), TEST(test_by_choice), TEST(test_listen),
        TEST(test_detached), TEST(test_time), TEST(test_merged), TEST(test_not_by_name), TEST(test_leaders),
        TEST(test_say), TEST(test_media_fails), cmocka_unit_test(test_share), TEST(test_encoder),
        TEST(test_pins), TEST(test_ends), TEST(test_closed_with_the_hub)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
