/*
 * A small meeting, again and again, in which the Nth allocation within the hub fails: nothing breaks, nothing leaks, and with
 * enough memory for N everything works.
 */
#include "../../fakes/own_alloc.h"
#include "json_memory.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

static unsigned left; /* allocations of the hub until one fails */
static bool armed;    /* the hub runs */

OWN_ALLOC_EARLY static bool alloc_fails(const void *caller)
{
    (void)caller;
    return armed && left && --left == 0;
}

static struct peer *open_peer(struct world *w)
{
    struct peer *p = calloc(1, sizeof *p);
    struct plm_session_out out = {.ctx = p, .send = peer_send, .close = peer_close};
    p->w = w;
    armed = true;
    plm_session_open(&p->session, w->hub, &out);
    armed = false;
    return p;
}

static void close_peer(struct peer *p)
{
    armed = true;
    plm_session_on_lost(p->session);
    armed = false;
    peer_forget(p);
    free(p);
}

static void say(struct peer *p, struct plm_msg *msg)
{
    if (!p->session)
        return;
    msg->has_id = true;
    msg->id = ++p->next_id;
    struct plm_text *text = plm_msg_encode(msg);
    armed = true;
    plm_session_on_text(p->session, text->data, text->len);
    armed = false;
    plm_text_unref(text);
}

static void offer_slots(struct world *w, struct peer *p)
{
    struct plm_msg receive = {.type = PLM_MSG_receive, .receive = {.pairs = 1}};
    say(p, &receive);
    struct plm_msg *offered = peer_expect(p, PLM_MSG_offered);
    if (!offered)
        return;
    char *answer = sdp_reply(w, offered->offered.sdp, "peer", 0x22);
    plm_msg_free(offered);
    struct plm_msg msg = {.type = PLM_MSG_answer, .answer = {.sdp = answer}};
    say(p, &msg);
    free(answer);
}

static void post(struct world *w, enum plm_resource_kind kind, const char *offer, unsigned *made)
{
    static const char *const names[] = {"cam"};
    static const char fresh[] = "a=ice-ufrag:newu\r\na=ice-pwd:newpassnewpassnewpassnew\r\n";
    struct plm_resource_request request = {
        .kind = kind, .room = "r", .names = names, .n_names = 1, .sdp = offer, .len = strlen(offer)};
    struct plm_resource_reply reply;
    armed = true;
    int err = plm_resource_post(w->hub, &request, &reply);
    plm_resource_reply_clear(&reply);
    if (!err) {
        plm_resource_patch(w->hub, reply.id, "*", fresh, sizeof fresh - 1, &reply);
        plm_resource_reply_clear(&reply);
    }
    armed = false;
    *made += !err;
}

/* Ada leads: hands, roles, rules, and a walk to breakout rooms and back. */
static void lead(struct world *w, struct peer *a, struct peer *b)
{
    struct plm_msg_breakout_name rooms[] = {{.name = "Red"}, {.name = "Blue"}};
    struct plm_msg_breakout_place place = {.participant = 2, .room = 0};
    struct plm_msg requests[] = {
        {.type = PLM_MSG_people},
        {.type = PLM_MSG_react, .react = {.kind = "clap"}},
        {.type = PLM_MSG_lower_hands},
        {.type = PLM_MSG_mute_others, .mute_others = {.source = PLM_MSG_source_camera}},
        {.type = PLM_MSG_permit, .permit = {.source = PLM_MSG_source_screen}},
        {.type = PLM_MSG_set_role, .set_role = {.participant = 2, .role = PLM_MSG_role_moderator}},
        {.type = PLM_MSG_set_role, .set_role = {.participant = 2, .role = PLM_MSG_role_viewer}},
        {.type = PLM_MSG_chat, .chat = {.text = "psst", .has_to = true, .to = 2}},
        {.type = PLM_MSG_breakout_open,
            .breakout_open = {.rooms = rooms,
                .n_rooms = 2,
                .has_random = true,
                .random = true,
                .has_force = true,
                .force = true}},
        {.type = PLM_MSG_breakout_say, .breakout_say = {.text = "soon"}},
        {.type = PLM_MSG_breakout_go, .breakout_go = {.room = 1}},
        {.type = PLM_MSG_breakout_assign, .breakout_assign = {.places = &place, .n_places = 1}},
        {.type = PLM_MSG_breakout_time, .breakout_time = {.seconds = 60}},
        {.type = PLM_MSG_breakout_close},
    };
    struct plm_msg hand = {.type = PLM_MSG_hand, .hand = {.raised = true}};
    say(b, &hand);
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        w->now += 300;
        say(a, &requests[i]);
    }
}

/* @return steps that went well, of 7 */
static unsigned meeting(const char *publish_offer, const char *whep_offer)
{
    struct plm_msg_track_line lines[] = {{.mid = "1", .source = PLM_MSG_source_camera}};
    struct plm_msg join = {.type = PLM_MSG_join, .join = {.room = "r", .name = "Ada"}};
    struct plm_msg publish = {
        .type = PLM_MSG_publish, .publish = {.sdp = publish_offer, .tracks = lines, .n_tracks = 1}};
    struct plm_msg chat = {.type = PLM_MSG_chat, .chat = {.text = "hello"}};
    struct plm_hub_gauges g;
    unsigned made = 0;
    struct world *w = world_create(NULL);
    struct peer *a = open_peer(w), *b = open_peer(w);
    say(a, &join);
    say(b, &join);
    say(a, &publish);
    say(a, &chat);
    offer_slots(w, b);
    lead(w, a, b);
    post(w, PLM_RESOURCE_WHIP, publish_offer, &made);
    post(w, PLM_RESOURCE_WHEP, whep_offer, &made);
    close_peer(a);
    struct peer *again = open_peer(w);
    say(again, &join);
    armed = true;
    world_pass(w, 30000);
    plm_hub_flush(w->hub);
    armed = false;
    plm_hub_gauges(w->hub, &g);
    made += g.participants == 3; /* Bob, who came again, the encoder */
    made += g.viewers == 1;
    made += g.connections == 3;
    made += w->open_transports == 3;
    made += w->transports[1].moves == 2 && g.rooms == 1; /* there and back */
    close_peer(b);
    close_peer(again);
    plm_hub_close(w->hub);
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(
        g.sessions + g.rooms + g.participants + g.detached + g.viewers + g.resources + g.connections, 0);
    world_destroy(w);
    return made;
}

static void passwords(struct world *w)
{
    armed = true;
    world_passwords(w);
    armed = false;
}

/* A room with a password and a lobby; somebody comes in by both, and is removed. @return steps that went well, of 6 */
static unsigned closed_meeting(void)
{
    struct plm_msg create = {.type = PLM_MSG_join, .join = {.room = "d", .name = "Ada"}};
    struct plm_msg join = {
        .type = PLM_MSG_join, .join = {.room = "d", .name = "Bob", .password = "x", .device = "bobs"}};
    struct plm_msg close = {.type = PLM_MSG_configure,
        .configure = {.settings = {.title = "T", .has_lobby = true, .lobby = true}, .password = "x"}};
    struct plm_msg admit = {.type = PLM_MSG_admit, .admit = {.admitted = true}};
    struct plm_msg kick = {.type = PLM_MSG_kick, .kick = {.participant = 2}};
    struct plm_msg end = {.type = PLM_MSG_end};
    struct plm_hub_gauges g;
    struct plm_msg *msg;
    unsigned made = 0;
    struct world *w = world_create(NULL);
    w->source = "192.0.2.1";
    struct peer *a = open_peer(w), *b = open_peer(w), *c = open_peer(w);
    say(a, &create);
    say(a, &close);
    passwords(w);
    say(b, &join);
    passwords(w);
    msg = peer_expect(b, PLM_MSG_waiting);
    struct plm_msg resume = {
        .type = PLM_MSG_resume, .resume = {.secret = msg ? msg->waiting.secret : "none"}};
    made += msg != NULL;
    say(c, &resume); /* another socket of Bob's */
    made += b->closed != 0;
    say(a, &admit);
    plm_hub_gauges(w->hub, &g);
    made += g.participants == 2;
    say(a, &kick);
    made += c->closed != 0;
    say(b, &join);
    struct peer *d = open_peer(w);
    say(d, &join); /* banned */
    passwords(w);
    plm_hub_gauges(w->hub, &g);
    made += g.participants == 1 && g.waiting == 0;
    say(a, &end);
    plm_hub_gauges(w->hub, &g);
    made += g.rooms == 0;
    plm_msg_free(msg);
    close_peer(a);
    close_peer(b);
    close_peer(c);
    close_peer(d);
    plm_hub_close(w->hub);
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.sessions + g.rooms + g.participants + g.detached + g.waiting, 0);
    world_destroy(w);
    return made;
}

static void test_closed_meeting(void **state)
{
    (void)state;
    left = 0;
    assert_int_equal(closed_meeting(), 6);
    unsigned n = 0;
    do {
        long before = alloc_live;
        left = ++n;
        unsigned made = closed_meeting();
        if (alloc_live != before)
            fail_msg("allocation %u: %ld live, %ld before", n, alloc_live, before);
        if (left)
            assert_int_equal(made, 6);
    } while (!left);
    assert_true(n > 50);
    print_message("%u allocations, each failed once\n", n - 1);
    left = 0;
}

static void test_each_allocation(void **state)
{
    (void)state;
    struct world *w = world_create(NULL);
    char *publish_offer = sdp_publish(w, "ones", 0x11, 1), *whep_offer = sdp_watch(w, "whep", 1);
    world_destroy(w);
    left = 0;
    assert_int_equal(meeting(publish_offer, whep_offer), 7);
    unsigned n = 0;
    do {
        long before = alloc_live;
        left = ++n;
        unsigned made = meeting(publish_offer, whep_offer);
        if (alloc_live != before)
            fail_msg("allocation %u: %ld live, %ld before", n, alloc_live, before);
        if (left)
            assert_int_equal(made, 7); /* it did not come to a failure */
    } while (!left);
    assert_true(n > 100);
    print_message("%u allocations, each failed once\n", n - 1);
    left = 0;
    free(publish_offer);
    free(whep_offer);
}

int main(void)
{
    plm_json_memory_install();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_allocation), cmocka_unit_test(test_closed_meeting)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
