/*
 * A small meeting, again and again, in which the Nth allocation within the hub fails: nothing breaks, nothing leaks, and with
 * enough memory for N everything works.
 */
#include "../../fakes/own_alloc.h"
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

/* @return steps that went well, of 6 */
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
    post(w, PLM_RESOURCE_WHIP, publish_offer, &made);
    post(w, PLM_RESOURCE_WHEP, whep_offer, &made);
    close_peer(a);
    struct peer *again = open_peer(w);
    say(again, &join);
    armed = true;
    w->now += 30000;
    plm_hub_poll(w->hub);
    plm_hub_flush(w->hub);
    armed = false;
    plm_hub_gauges(w->hub, &g);
    made += g.participants == 3; /* Bob, who came again, the encoder */
    made += g.viewers == 1;
    made += g.connections == 3;
    made += w->open_transports == 3;
    close_peer(b);
    close_peer(again);
    plm_hub_close(w->hub);
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(
        g.sessions + g.rooms + g.participants + g.detached + g.viewers + g.resources + g.connections, 0);
    world_destroy(w);
    return made;
}

static void test_each_allocation(void **state)
{
    (void)state;
    struct world *w = world_create(NULL);
    char *publish_offer = sdp_publish(w, "ones", 0x11, 1), *whep_offer = sdp_watch(w, "whep", 1);
    world_destroy(w);
    left = 0;
    assert_int_equal(meeting(publish_offer, whep_offer), 6);
    unsigned n = 0;
    do {
        long before = alloc_live;
        left = ++n;
        unsigned made = meeting(publish_offer, whep_offer);
        if (alloc_live != before)
            fail_msg("allocation %u: %ld live, %ld before", n, alloc_live, before);
        if (left)
            assert_int_equal(made, 6); /* it did not come to a failure */
    } while (!left);
    assert_true(n > 100);
    print_message("%u allocations, each failed once\n", n - 1);
    left = 0;
    free(publish_offer);
    free(whep_offer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
