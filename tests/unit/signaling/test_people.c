/* Hands, reactions, who may write to whom, and the lists of a large room. */
#include "meeting.h"
#include "news.h"
#include "people.h"

#include <setjmp.h>

#include <cmocka.h>

#define FEW 4 /* the first leads */

static int setup(void **state)
{
    *state = meeting_create(FEW, NULL);
    return 0;
}

static int hand(struct peer *p, bool raised)
{
    struct plm_msg msg = {.type = PLM_MSG_hand, .hand = {.raised = raised}};
    return peer_ask(p, &msg);
}

static int react(struct peer *p, const char *kind)
{
    struct plm_msg msg = {.type = PLM_MSG_react, .react = {.kind = kind}};
    return peer_ask(p, &msg);
}

static int whisper(struct peer *p, uint32_t to, const char *text)
{
    struct plm_msg msg = {.type = PLM_MSG_chat, .chat = {.text = text, .has_to = to != 0, .to = to}};
    return peer_ask(p, &msg);
}

static uint32_t next_hand(struct peer *p)
{
    struct plm_msg *msg = peer_expect_changed(p);
    assert_non_null(msg);
    uint32_t number = msg->roster.changed[0].has_hand ? msg->roster.changed[0].hand : 0;
    plm_msg_free(msg);
    return number;
}

static void test_hands(void **state)
{
    struct meeting *m = *state;
    assert_int_equal(hand(m->p[2], true), -1);
    uint32_t first = next_hand(m->p[0]);
    assert_int_equal(hand(m->p[1], true), -1);
    uint32_t second = next_hand(m->p[0]);
    assert_true(0 < first && first < second);
    assert_int_equal(hand(m->p[1], true), -1); /* up already: keeps its place */
    assert_int_equal(meeting_member(m, 1)->hand, second);
    assert_int_equal(hand(m->p[2], false), -1);
    assert_int_equal(next_hand(m->p[0]), 0);
    assert_int_equal(hand(m->p[2], true), -1); /* and to the end of the row */
    assert_true(next_hand(m->p[0]) > second);

    struct plm_msg lower = {
        .type = PLM_MSG_lower_hands, .lower_hands = {.participants = &m->id[1], .n_participants = 1}};
    assert_int_equal(peer_ask(m->p[2], &lower), PLM_MSG_error_code_forbidden);
    assert_int_equal(peer_ask(m->p[0], &lower), -1);
    struct plm_msg *noticed = peer_expect(m->p[1], PLM_MSG_noticed);
    assert_int_equal(noticed->noticed.notice, PLM_MSG_notice_hand_lowered);
    assert_int_equal(noticed->noticed.by, m->id[0]);
    plm_msg_free(noticed);
    assert_int_equal(meeting_member(m, 1)->hand, 0);
    assert_int_not_equal(meeting_member(m, 2)->hand, 0);
    assert_int_equal(hand(m->p[0], true), -1);
    lower.lower_hands.n_participants = 0;
    assert_int_equal(peer_ask(m->p[0], &lower), -1);
    for (unsigned i = 0; i < FEW; i++)
        assert_int_equal(meeting_member(m, i)->hand, 0);
    uint32_t gone = 99;
    lower.lower_hands.participants = &gone;
    lower.lower_hands.n_participants = 1;
    assert_int_equal(peer_ask(m->p[0], &lower), PLM_MSG_error_code_not_found);
}

static void test_reactions(void **state)
{
    struct meeting *m = *state;
    assert_int_equal(react(m->p[1], "heart"), -1);
    struct plm_msg *roster = peer_expect(m->p[0], PLM_MSG_roster);
    assert_int_equal(roster->roster.n_reactions, 1);
    assert_int_equal(roster->roster.reactions[0].participant, m->id[1]);
    assert_string_equal(roster->roster.reactions[0].kind, "heart");
    assert_int_equal(roster->roster.n_changed + roster->roster.n_joined + roster->roster.n_left, 0);
    plm_msg_free(roster);
    assert_int_equal(react(m->p[1], "rude_gesture"), PLM_MSG_error_code_bad_message);
    assert_int_equal(peer_count(m->p[0], PLM_MSG_roster), 0);
}

static void test_whispers(void **state)
{
    struct meeting *m = *state;
    assert_int_equal(whisper(m->p[1], m->id[2], "psst"), -1);
    assert_int_equal(peer_count(m->p[1], PLM_MSG_chat_posted), 1); /* both sides see it, and nobody else */
    struct plm_msg *posted = peer_expect(m->p[2], PLM_MSG_chat_posted);
    assert_int_equal(posted->chat_posted.message.from, m->id[1]);
    assert_int_equal(posted->chat_posted.message.to, m->id[2]);
    plm_msg_free(posted);
    assert_int_equal(m->p[0]->n, 0);
    assert_int_equal(m->p[3]->n, 0);
    assert_int_equal(whisper(m->p[1], m->id[1], "note to myself"), -1);
    assert_int_equal(peer_count(m->p[1], PLM_MSG_chat_posted), 2);
    assert_int_equal(whisper(m->p[1], 77, "anybody?"), PLM_MSG_error_code_not_found);
    assert_int_equal(whisper(m->p[1], 0, "hello"), -1);

    struct peer *late = peer_create(m->w);
    struct plm_msg *joined = peer_join(late, "r", "Eve");
    assert_int_equal(joined->joined.n_chat, 1);
    assert_string_equal(joined->joined.chat[0].text, "hello");
    plm_msg_free(joined);
    peer_destroy(late);
    struct plm_msg_chat_message history[8];
    assert_int_equal(plm_chat_latest(meeting_member(m, 1), history), 3);
    assert_int_equal(plm_chat_latest(meeting_member(m, 2), history), 2);
    assert_string_equal(history[0].text, "psst");
    assert_int_equal(
        plm_chat_latest(meeting_member(m, 0), history), 1); /* who leads has no ears everywhere */
}

static void test_rules_of_chat(void **state)
{
    struct meeting *m = *state;
    meeting_rules(m)->may_chat = false;
    assert_int_equal(whisper(m->p[1], 0, "hello"), PLM_MSG_error_code_forbidden);
    assert_int_equal(whisper(m->p[0], 0, "quiet, please"), -1);
    assert_int_equal(whisper(m->p[1], m->id[2], "psst"), -1);
    meeting_rules(m)->may_whisper = false;
    assert_int_equal(whisper(m->p[1], m->id[2], "psst"), PLM_MSG_error_code_forbidden);
    assert_int_equal(whisper(m->p[1], m->id[0], "may I?"), -1); /* a moderator can always be written to */
    assert_int_equal(whisper(m->p[0], m->id[1], "you may"), -1);
    meeting_rules(m)->may_chat = true;
    assert_int_equal(whisper(m->p[2], 0, "hello"), -1);
}

/* A reply has room for so much of the chat: the latest of what is for them. */
static void test_history_is_bounded(void **state)
{
    struct meeting *m = *state;
    char text[4001];
    memset(text, 'x', 4000);
    text[4000] = 0;
    for (unsigned i = 0; i < 40; i++) {
        m->w->now += 1000;
        assert_int_equal(whisper(m->p[1], i % 2 ? m->id[2] : 0, text), -1);
    }
    struct plm_msg_chat_message history[64];
    size_t n = plm_chat_latest(meeting_member(m, 1), history),
           of_others = plm_chat_latest(meeting_member(m, 3), history);
    assert_in_range(n, 14, 16);
    assert_in_range(of_others, 14, 16);
    for (size_t i = 0; i < of_others; i++)
        assert_false(history[i].has_to);
    assert_int_equal(history[of_others - 1].number, 39); /* the 40th was for one */
}

/* However many messages are kept, a room keeps so many octets of them; the oldest go. */
static void test_history_is_small(void **state)
{
    struct meeting *m = *state;
    char text[4001];
    memset(text, 'x', 4000);
    text[4000] = 0;
    for (unsigned i = 0; i < 100; i++) {
        m->w->now += 1000;
        assert_int_equal(whisper(m->p[1], 0, text), -1);
    }
    const struct plm_room *room = meeting_member(m, 1)->room;
    assert_in_range(room->chat_size, 250 * 1024, 256 * 1024);
    assert_int_equal(room->n_chat, room->chat_size / (4000 + 3)); /* and the name */
    assert_int_equal(room->last_chat - room->chat->number + 1, room->n_chat);
}

/* ---- a large room ---- */

#define MANY MEETING_MOST

static int setup_many(void **state)
{
    struct meeting *m = meeting_create(MANY, NULL);
    for (unsigned i = 0; i < 5; i++) /* all is told */
        world_pass(m->w, 1000);
    *state = m;
    return 0;
}

static void test_pages(void **state)
{
    struct meeting *m = *state;
    struct plm_msg people = {.type = PLM_MSG_people};
    unsigned n = 0, pages = 0;
    bool more = true;
    for (; more; pages++) {
        uint32_t id = peer_request(m->p[7], &people);
        struct plm_msg *page = peer_expect(m->p[7], PLM_MSG_people_page);
        assert_int_equal(page->id, id);
        for (size_t i = 0; i < page->people_page.n_participants; i++)
            assert_int_equal(page->people_page.participants[i].id, m->id[n++]);
        people.people.after = m->id[n - 1];
        more = page->people_page.more;
        plm_msg_free(page);
    }
    assert_int_equal(n, MANY);
    assert_int_equal(pages, 3);

    struct peer *last = peer_create(m->w); /* a joined reply begins the list, and its reader is on it */
    struct plm_msg *joined = peer_join(last, "r", "Zoe");
    assert_int_equal(joined->joined.n_participants, PLM_PEOPLE_PAGE);
    assert_int_equal(joined->joined.total, MANY + 1);
    assert_int_equal(joined->joined.participants[98].id, m->id[98]);
    assert_int_equal(joined->joined.participants[99].id, joined->joined.participant);
    plm_msg_free(joined);
    peer_destroy(last);
}

/* Who watches a large room is a number, until they raise a hand or may speak. */
static void test_viewers(void **state)
{
    struct meeting *m = *state;
    struct plm_room *room = m->w->hub->rooms;
    struct plm_msg_breakout_name name = {.name = "aside"};
    struct plm_msg_breakout_place places[] = {{m->id[1], 1}, {m->id[2], 1}, {m->id[3], 1}};
    struct plm_msg open = {.type = PLM_MSG_breakout_open,
        .breakout_open = {
            .rooms = &name, .n_rooms = 1, .places = places, .n_places = 3, .force = true, .has_force = true}};
    struct plm_msg close = {.type = PLM_MSG_breakout_close};
    assert_int_equal(peer_ask(m->p[0], &open), -1);
    for (unsigned i = 1; i <= 3; i++) {
        struct plm_msg demote = {
            .type = PLM_MSG_set_role, .set_role = {.participant = m->id[i], .role = PLM_MSG_role_viewer}};
        assert_int_equal(peer_ask(m->p[0], &demote), -1);
    }
    assert_int_equal(plm_people_listed(room), MANY - 3);
    assert_int_equal(plm_people_watching(room), 0);
    peer_forget(m->p[1]);
    assert_int_equal(peer_ask(m->p[0], &close), -1); /* three viewers come to a large room */
    assert_int_equal(plm_people_listed(room), MANY - 3);
    assert_int_equal(plm_people_watching(room), 3);
    struct plm_msg *moved = peer_expect(m->p[1], PLM_MSG_moved);
    assert_int_equal(moved->moved.total, MANY - 3);
    assert_int_equal(moved->moved.viewers, 3);
    assert_int_equal(moved->moved.participants[1].id, m->id[1]); /* oneself is always on the list */
    assert_int_equal(moved->moved.participants[2].id, m->id[4]);
    plm_msg_free(moved);
    peer_forget(m->p[9]);
    world_pass(m->w, 1000);
    struct plm_msg *roster = peer_expect(m->p[9], PLM_MSG_roster);
    assert_non_null(roster);
    assert_int_equal(roster->roster.n_joined, 0);
    assert_int_equal(roster->roster.viewers, 3);
    plm_msg_free(roster);

    assert_int_equal(hand(m->p[2], true), -1);
    struct plm_msg promote = {
        .type = PLM_MSG_set_role, .set_role = {.participant = m->id[3], .role = PLM_MSG_role_speaker}};
    assert_int_equal(peer_ask(m->p[0], &promote), -1);
    peer_forget(m->p[9]);
    world_pass(m->w, 1000);
    roster = peer_expect_joined(m->p[9]);
    assert_non_null(roster);
    assert_int_equal(roster->roster.n_joined, 2);
    assert_int_equal(roster->roster.viewers, 1);
    assert_int_equal(roster->roster.total, MANY - 1);
    plm_msg_free(roster);
    struct plm_msg leave = {.type = PLM_MSG_leave};
    assert_int_equal(peer_ask(m->p[1], &leave), -1);
    peer_forget(m->p[9]);
    world_pass(m->w, 1000);
    roster = peer_expect(m->p[9], PLM_MSG_roster);
    assert_int_equal(roster->roster.n_left, 0); /* was never on the list */
    assert_int_equal(roster->roster.viewers, 0);
    plm_msg_free(roster);
}

/* What the next roster messages tell p of itself; NULL: nothing. plm_msg_free(*out) */
static const struct plm_msg_participant *told_of_self(struct peer *p, uint32_t id, struct plm_msg **out)
{
    while ((*out = peer_expect_joined(p))) {
        for (size_t i = 0; i < (*out)->roster.n_joined; i++)
            if ((*out)->roster.joined[i].id == id)
                return &(*out)->roster.joined[i];
        plm_msg_free(*out);
    }
    return NULL;
}

/* Somebody comes to a large room and nobody else does. */
static struct peer *come_alone(struct meeting *m, const char *token, uint32_t *id)
{
    struct peer *p = peer_create(m->w);
    peer_knock(p, &(struct plm_msg_join){.room = "r", .name = "Vi", .token = token});
    struct plm_msg *joined = peer_expect(p, PLM_MSG_joined);
    *id = joined->joined.participant;
    plm_msg_free(joined);
    return p;
}

/* The others hear of somebody for the first time, and they themselves of what became of them. */
static void test_told_of_oneself(void **state)
{
    struct meeting *m = *state;
    struct plm_refusal why;
    struct plm_msg *msg;
    uint32_t id;
    world_token(m->w, "viewer", PLM_MSG_role_viewer);
    struct peer *v = come_alone(m, "viewer", &id);
    world_pass(m->w, 1000);
    assert_null(told_of_self(v, id, &msg));
    assert_int_equal(plm_api_set_role(m->w->hub, NULL, "r", id, PLM_MSG_role_speaker, &why), 0);
    world_pass(m->w, 1000);
    const struct plm_msg_participant *self = told_of_self(v, id, &msg);
    assert_non_null(self);
    assert_int_equal(self->role, PLM_MSG_role_speaker);
    assert_true(self->may_speak);
    plm_msg_free(msg);
    peer_destroy(v);

    v = come_alone(m, "viewer", &id);
    world_pass(m->w, 1000);
    assert_int_equal(hand(v, true), -1);
    world_pass(m->w, 1000);
    self = told_of_self(v, id, &msg);
    assert_non_null(self);
    assert_true(self->has_hand);
    plm_msg_free(msg);
    peer_destroy(v);
}

/* Who came knows so from the reply, but not what changed between it and the first news. */
static void test_changed_before_told(void **state)
{
    struct meeting *m = *state;
    struct plm_msg *msg;
    uint32_t id;
    struct peer *first = come_alone(m, NULL, &id);
    struct peer *p = come_alone(m, NULL, &id); /* told later */
    peer_forget(m->p[9]);
    world_pass(m->w, 1000);
    assert_int_equal(peer_count(m->p[9], PLM_MSG_roster), 1);
    assert_null(told_of_self(p, id, &msg));
    peer_destroy(p);
    peer_destroy(first);
    world_pass(m->w, 1000);

    first = come_alone(m, NULL, &id);
    p = come_alone(m, NULL, &id);
    assert_int_equal(hand(p, true), -1);
    world_pass(m->w, 1000);
    const struct plm_msg_participant *self = told_of_self(p, id, &msg);
    assert_non_null(self);
    assert_true(self->has_hand);
    plm_msg_free(msg);
    peer_destroy(p);
    peer_destroy(first);
}

/* Reactions beyond what fits into a message are not seen; nothing grows. */
static void test_many_reactions(void **state)
{
    struct meeting *m = *state;
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(react(m->p[i], "clap"), -1);
    peer_forget(m->p[0]);
    world_pass(m->w, 1000);
    size_t n = 0;
    for (struct plm_msg *msg; (msg = peer_expect(m->p[0], PLM_MSG_roster)); plm_msg_free(msg))
        n += msg->roster.n_reactions;
    assert_int_equal(n, PLM_NEWS_MAX_REACTIONS);
}

#define TEST(name)  cmocka_unit_test_setup_teardown(name, setup, meeting_destroy)
#define LARGE(name) cmocka_unit_test_setup_teardown(name, setup_many, meeting_destroy)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_hands), TEST(test_reactions), TEST(test_whispers),
        TEST(test_rules_of_chat), TEST(test_history_is_bounded), TEST(test_history_is_small),
        LARGE(test_pages), LARGE(test_viewers), LARGE(test_told_of_oneself), LARGE(test_changed_before_told),
        LARGE(test_many_reactions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
