/* What is kept of meetings, and how they stand again: two hubs, one after the other, and a store between them that is a list. */
#include "store_list.h"
#include "world.h"

#include "digest.h"
#include "journal.h"

#include <setjmp.h>

#include <cmocka.h>

/* ---- hubs ---- */

static struct world *start(struct store *s, const struct plm_hub_config *config)
{
    struct world *w = world_create(config);
    plm_hub_set_store(w->hub, &(struct plm_store_port){.ctx = s, .put = store_put, .drop = store_drop});
    w->random = (uint64_t)(uintptr_t)w; /* secrets of another process are others */
    return w;
}

/* Everything is kept; then the process is killed, and the next one stands. */
static struct world *restart(struct world *w, struct store *s)
{
    world_pass(w, PLM_JOURNAL_PERIOD_MS + 1);
    uint64_t now = w->now;
    world_destroy(w);
    w = start(s, NULL);
    w->now = now + 2000;
    assert_int_equal(store_restore(w->hub, s), 0);
    return w;
}

struct person {
    struct peer *peer;
    char secret[PLM_SECRET_SIZE];
    uint32_t id;
};

static struct person join(struct world *w, const char *room, const char *name)
{
    struct person p = {.peer = peer_create(w)};
    struct plm_msg *joined = peer_join(p.peer, room, name);
    assert_non_null(joined);
    strcpy(p.secret, joined->joined.secret);
    p.id = joined->joined.participant;
    plm_msg_free(joined);
    return p;
}

/* The peers of a hub that is gone are only memory. */
static void bury(struct person *p)
{
    peer_forget(p->peer);
    free(p->peer);
    p->peer = NULL;
}

/* @return the reply; NULL: refused */
static struct plm_msg *resume(struct world *w, struct person *p)
{
    struct plm_msg msg = {.type = PLM_MSG_resume, .resume = {.secret = p->secret}};
    p->peer = peer_create(w);
    peer_request(p->peer, &msg);
    struct plm_msg *reply = peer_read(p->peer);
    assert_non_null(reply);
    if (reply->type == PLM_MSG_joined)
        return reply;
    plm_msg_free(reply);
    return NULL;
}

static void ask(struct person *p, const char *format, uint32_t id)
{
    char request[512];
    snprintf(request, sizeof request, format, id);
    peer_say(p->peer, "%s", request);
    struct plm_msg *msg = peer_expect(p->peer, PLM_MSG_done);
    if (!msg)
        fail_msg("refused: %s", request);
    plm_msg_free(msg);
}

static const struct plm_msg_participant *listed(const struct plm_msg *joined, uint32_t id)
{
    for (size_t i = 0; i < joined->joined.n_participants; i++)
        if (joined->joined.participants[i].id == id)
            return &joined->joined.participants[i];
    fail_msg("%u is not there", id);
    return NULL;
}

/* ---- what is kept ---- */

static void test_no_secret_is_kept(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna");
    char digest[PLM_KEY_DIGEST_SIZE];
    (void)state;
    world_pass(w, PLM_JOURNAL_PERIOD_MS + 1);
    plm_digest(digest, a.secret);
    assert_non_null(store_find(s, PLM_STORE_MEMBER, digest));
    for (size_t i = 0; i < s->n; i++) {
        assert_null(strstr(s->all[i].text, a.secret));
        assert_null(strstr(s->all[i].key, a.secret));
    }
    world_destroy(w);
    bury(&a);
    store_free(s);
}

/* Many changes within the period are one document; nothing changes, nothing is put. */
static void test_changes_are_merged(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna");
    (void)state;
    assert_int_equal(s->puts, 0);
    for (int i = 0; i < 20; i++)
        peer_say(a.peer, "{\"type\":\"rename\",\"id\":%d,\"name\":\"Anna %d\"}", i, i);
    assert_int_equal(s->puts, 0);
    assert_int_equal(plm_hub_poll(w->hub), w->now + PLM_JOURNAL_PERIOD_MS);
    world_pass(w, PLM_JOURNAL_PERIOD_MS);
    assert_int_equal(s->puts, 2); /* the meeting, Anna */
    char digest[PLM_KEY_DIGEST_SIZE];
    plm_digest(digest, a.secret);
    assert_non_null(strstr(store_find(s, PLM_STORE_MEMBER, digest)->text, "Anna 19"));
    world_pass(w, 1000);
    assert_int_equal(s->puts, 2);
    world_destroy(w);
    assert_int_equal(s->drops, 0); /* a hub that is destroyed leaves everything to the next */
    assert_int_equal(s->n, 3);
    bury(&a);
    store_free(s);
}

static void test_ends_are_dropped_at_once(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna"), b = join(w, "Room", "Ben");
    (void)state;
    ask(&a, "{\"type\":\"chat\",\"id\":1,\"text\":\"hello\"}", 0);
    assert_int_equal(store_count(s, PLM_STORE_CHAT), 1); /* at once */
    world_pass(w, PLM_JOURNAL_PERIOD_MS);
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), 2);
    ask(&b, "{\"type\":\"leave\",\"id\":1}", 0);
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), 1);
    plm_hub_close(w->hub);
    assert_int_equal(
        store_count(s, PLM_STORE_MEMBER) + store_count(s, PLM_STORE_CHAT) + store_count(s, PLM_STORE_MEETING),
        0);
    peer_destroy(a.peer);
    peer_destroy(b.peer);
    world_destroy(w);
    store_free(s);
}

/* A stop in good order loses no more than a crash: sockets close so that clients resume, and the next start finds all. */
static void test_suspended(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna"), b = join(w, "Room", "Ben");
    (void)state;
    ask(&b, "{\"type\":\"hand\",\"id\":%u,\"raised\":true}", 1); /* nothing of this was written yet */
    plm_hub_suspend(w->hub);
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), 2);
    assert_int_equal(a.peer->closed, PLM_SESSION_CLOSE_AWAY);
    assert_null(peer_expect(a.peer, PLM_MSG_ended));
    w = restart(w, s);
    bury(&b);
    struct plm_msg *joined = resume(w, &b);
    assert_non_null(joined);
    assert_true(joined->joined.resumed);
    assert_int_equal(joined->joined.n_participants, 2);
    assert_true(joined->joined.participants[1].has_hand);
    plm_msg_free(joined);
    world_destroy(w);
    bury(&a);
    bury(&b);
    store_free(s);
}

static void test_old_chat_goes(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct plm_hub_config config = {.chat_messages = 3, .chat_burst = 100, .msg_burst = 200};
    struct world *w = start(s, &config);
    struct person a = join(w, "Room", "Anna");
    (void)state;
    for (uint32_t i = 1; i <= 10; i++)
        ask(&a, "{\"type\":\"chat\",\"id\":%u,\"text\":\"hello\"}", i);
    assert_int_equal(store_count(s, PLM_STORE_CHAT), 3);
    assert_non_null(store_find(s, PLM_STORE_CHAT, "room/0000000010"));
    world_destroy(w);
    bury(&a);
    store_free(s);
}

/* A turn writes a bounded number of documents; the rest follows. */
static void test_a_crowd_is_written_in_turns(void **state)
{
    enum {
        CROWD = 400
    };
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    static struct person all[CROWD];
    char name[16];
    (void)state;
    for (int i = 0; i < CROWD; i++) {
        snprintf(name, sizeof name, "%d", i);
        all[i] = join(w, "Room", name);
    }
    world_pass(w, PLM_JOURNAL_PERIOD_MS);
    assert_int_equal(s->puts, PLM_JOURNAL_MAX_PUTS);
    world_pass(w, 1);
    assert_int_equal(s->puts, CROWD + 1);
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), CROWD);
    world_destroy(w);
    for (int i = 0; i < CROWD; i++)
        bury(&all[i]);
    store_free(s);
}

/* ---- what stands again ---- */

static void test_a_meeting_stands_again(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna"), b = join(w, "room", "Ben"), c = join(w, "Room", "Cleo");
    (void)state;
    ask(&a, "{\"type\":\"set_role\",\"id\":1,\"participant\":%u,\"role\":\"viewer\"}", c.id);
    ask(&a, "{\"type\":\"permit\",\"id\":2,\"participants\":[%u],\"source\":\"screen\",\"permitted\":false}",
        b.id);
    ask(&c, "{\"type\":\"hand\",\"id\":1,\"raised\":true}", 0);
    ask(&b, "{\"type\":\"hand\",\"id\":1,\"raised\":true}", 0);
    ask(&b, "{\"type\":\"chat\",\"id\":2,\"text\":\"one\\ntwo\"}", 0);
    ask(&b, "{\"type\":\"chat\",\"id\":3,\"text\":\"psst\",\"to\":%u}", a.id);
    ask(&c, "{\"type\":\"rename\",\"id\":4,\"name\":\"Kleo\"}", 0);
    w = restart(w, s);
    struct plm_hub_gauges g;
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.rooms, 1);
    assert_int_equal(g.participants, 3);
    assert_int_equal(g.detached, 3);
    bury(&a);
    bury(&b);
    bury(&c);

    struct plm_msg *joined = resume(w, &b);
    assert_non_null(joined);
    assert_true(joined->joined.resumed);
    assert_int_equal(joined->joined.participant, b.id);
    assert_string_equal(joined->joined.secret, b.secret);
    assert_string_equal(joined->joined.room.name, "Room");
    assert_int_equal(joined->joined.total, 3);
    assert_int_equal(listed(joined, a.id)->role, PLM_MSG_role_moderator);
    assert_int_equal(listed(joined, b.id)->role, PLM_MSG_role_speaker);
    assert_false(listed(joined, b.id)->may_share);
    assert_true(listed(joined, b.id)->may_speak);
    assert_int_equal(listed(joined, c.id)->role, PLM_MSG_role_viewer);
    assert_string_equal(listed(joined, c.id)->name, "Kleo");
    assert_true(listed(joined, c.id)->has_hand);
    assert_true(listed(joined, c.id)->hand < listed(joined, b.id)->hand);
    assert_false(listed(joined, a.id)->has_hand);
    assert_int_equal(joined->joined.n_chat, 2);
    assert_string_equal(joined->joined.chat[0].text, "one\ntwo");
    assert_string_equal(joined->joined.chat[0].name, "Ben");
    assert_int_equal(joined->joined.chat[1].to, a.id);
    plm_msg_free(joined);
    for (int i = 0; i < 2; i++) {
        struct plm_msg *lost = peer_expect(b.peer, PLM_MSG_connection_lost);
        assert_non_null(lost);
        assert_int_equal(lost->connection_lost.publish, i == 0);
        plm_msg_free(lost);
    }
    joined = resume(w, &c);
    assert_int_equal(joined->joined.n_chat, 1); /* the whisper is still one */
    plm_msg_free(joined);
    peer_destroy(b.peer);
    peer_destroy(c.peer);
    world_destroy(w);
    store_free(s);
}

static void test_numbers_go_on(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna");
    (void)state;
    ask(&a, "{\"type\":\"chat\",\"id\":2,\"text\":\"one\"}", 0);
    w = restart(w, s);
    bury(&a);
    struct person b = join(w, "Room", "Ben");
    assert_true(b.id > a.id);
    struct plm_msg *joined = resume(w, &a);
    plm_msg_free(joined);
    ask(&a, "{\"type\":\"chat\",\"id\":2,\"text\":\"two\"}", 0);
    peer_forget(a.peer);
    peer_destroy(a.peer);
    joined = resume(w, &a);
    assert_int_equal(joined->joined.n_chat, 2);
    assert_true(joined->joined.chat[1].number > joined->joined.chat[0].number);
    plm_msg_free(joined);
    peer_destroy(a.peer);
    peer_destroy(b.peer);
    world_destroy(w);
    store_free(s);
}

static void test_breakout_places(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna"), b = join(w, "Room", "Ben"), c = join(w, "Room", "Cleo");
    (void)state;
    peer_say(a.peer,
        "{\"type\":\"breakout_open\",\"id\":9,\"rooms\":[{\"name\":\"Red\"},{\"name\":\"Blue\"}],\"minutes\":"
        "10,"
        "\"may_choose\":true,\"force\":true,\"places\":[{\"participant\":%u,\"room\":2},{\"participant\":%u,"
        "\"room\":1}]}",
        b.id, c.id);
    ask(&b, "{\"type\":\"chat\",\"id\":2,\"text\":\"in blue\"}", 0);
    ask(&b, "{\"type\":\"hand\",\"id\":3,\"raised\":true}", 0);
    w = restart(w, s);
    assert_int_equal(w->rooms, 3);
    bury(&a);
    bury(&b);
    bury(&c);
    struct plm_msg *joined = resume(w, &b);
    assert_true(joined->joined.room.has_breakout);
    assert_int_equal(joined->joined.room.breakout, 2);
    assert_string_equal(joined->joined.room.name, "Blue");
    assert_int_equal(joined->joined.participant, b.id);
    assert_int_equal(joined->joined.total, 1);
    assert_string_equal(joined->joined.chat[0].text, "in blue");
    assert_true(joined->joined.breakouts_open);
    assert_true(joined->joined.breakouts_may_choose);
    assert_true(joined->joined.has_breakouts_end_at);
    assert_int_equal(joined->joined.n_breakouts, 2);
    assert_string_equal(joined->joined.breakouts[0].name, "Red");
    assert_int_equal(joined->joined.breakouts[0].participants[0], c.id);
    assert_int_equal(joined->joined.breakouts[1].participants[0], b.id);
    uint64_t left = joined->joined.breakouts_end_at - world_wall(w);
    assert_true(left < 600000 && left > 590000);
    plm_msg_free(joined);
    world_pass(w, left - 20000); /* the time ends as it would have; Cleo did not come back in time */
    struct plm_hub_gauges g;
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.participants, 1);
    world_pass(w, 20000);
    struct plm_msg *moved = peer_expect(b.peer, PLM_MSG_moved);
    assert_non_null(moved);
    assert_false(moved->moved.room.has_breakout);
    plm_msg_free(moved);
    assert_int_equal(w->rooms, 1);
    world_pass(w, PLM_JOURNAL_PERIOD_MS);
    assert_int_equal(store_count(s, PLM_STORE_MEETING), 1);
    peer_destroy(b.peer);
    world_destroy(w);
    store_free(s);
}

static struct plm_msg_track_line two_lines[] = {
    {.mid = "0", .source = PLM_MSG_source_microphone}, {.mid = "1", .source = PLM_MSG_source_camera}};

/* A mute by others that the client may not have heard of; its own word comes after it. */
static void test_mutes_stay(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna"), b = join(w, "Room", "Ben");
    (void)state;
    assert_int_equal(peer_publish(b.peer, "ones", 0x11, two_lines, 2), -1);
    ask(&a, "{\"type\":\"mute_others\",\"id\":1,\"participants\":[%u],\"source\":\"microphone\"}", b.id);
    w = restart(w, s);
    bury(&a);
    bury(&b);
    plm_msg_free(resume(w, &b));
    assert_int_equal(peer_publish(b.peer, "twos", 0x22, two_lines, 2), -1);
    peer_forget(b.peer);
    peer_destroy(b.peer);
    struct plm_msg *joined = resume(w, &b);
    bool muted = false, camera = true;
    const struct plm_msg_participant *me = listed(joined, b.id);
    for (size_t i = 0; i < me->n_tracks; i++)
        *(me->tracks[i].source == PLM_MSG_source_microphone ? &muted : &camera) = me->tracks[i].muted;
    assert_true(muted);
    assert_false(camera);
    plm_msg_free(joined);
    peer_destroy(b.peer);
    world_destroy(w);
    store_free(s);
}

static void test_who_does_not_come_back_leaves(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna"), b = join(w, "Room", "Ben");
    (void)state;
    w = restart(w, s);
    bury(&a);
    bury(&b);
    plm_msg_free(resume(w, &b));
    world_pass(w, 30001);
    struct plm_msg *left = peer_expect_left(b.peer);
    assert_non_null(left);
    assert_int_equal(left->roster.left[0].participant, a.id);
    plm_msg_free(left);
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), 1);
    assert_null(resume(w, &a));
    peer_destroy(a.peer);
    struct plm_hub_gauges g; /* and somebody leads */
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.participants, 1);
    ask(&b, "{\"type\":\"breakout_open\",\"id\":5,\"rooms\":[{\"name\":\"x\"}]}", 0);
    peer_destroy(b.peer);
    world_destroy(w);
    store_free(s);
}

/* Twice killed, and before anybody came back. */
static void test_restarts_follow_each_other(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna");
    (void)state;
    for (int i = 0; i < 3; i++)
        w = restart(w, s);
    bury(&a);
    struct plm_msg *joined = resume(w, &a);
    assert_int_equal(joined->joined.participant, a.id);
    plm_msg_free(joined);
    peer_destroy(a.peer);
    world_destroy(w);
    store_free(s);
}

static void test_empty_room_lingers_on(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna");
    (void)state;
    ask(&a, "{\"type\":\"chat\",\"id\":2,\"text\":\"one\"}", 0);
    ask(&a, "{\"type\":\"leave\",\"id\":3}", 0);
    w = restart(w, s);
    bury(&a);
    assert_int_equal(w->rooms, 1);
    world_pass(w, 60001);
    assert_int_equal(w->rooms, 0);
    assert_int_equal(store_count(s, PLM_STORE_MEETING) + store_count(s, PLM_STORE_CHAT), 0);
    world_destroy(w);
    store_free(s);
}

/* ---- lobby and bans ---- */

/* @return the secret is that of waiting */
static struct person knock(struct world *w, const char *room, const char *name)
{
    struct person p = {.peer = peer_create(w)};
    struct plm_msg msg = {.type = PLM_MSG_join, .join = {.room = room, .name = name}};
    peer_request(p.peer, &msg);
    struct plm_msg *waiting = peer_expect(p.peer, PLM_MSG_waiting);
    assert_non_null(waiting);
    strcpy(p.secret, waiting->waiting.secret);
    plm_msg_free(waiting);
    return p;
}

static void wait_again(struct world *w, struct person *p)
{
    struct plm_msg msg = {.type = PLM_MSG_resume, .resume = {.secret = p->secret}};
    p->peer = peer_create(w);
    peer_request(p->peer, &msg);
    struct plm_msg *waiting = peer_read(p->peer);
    assert_int_equal(waiting->type, PLM_MSG_waiting);
    assert_string_equal(waiting->waiting.secret, p->secret);
    plm_msg_free(waiting);
}

static void test_the_lobby_stands_again(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna");
    (void)state;
    ask(&a, "{\"type\":\"configure\",\"id\":1,\"settings\":{\"lobby\":true}}", 0);
    struct person all[4];
    static const char *const names[] = {"Zoe", "Ben", "Xi", "Cleo"};
    for (int i = 0; i < 4; i++)
        all[i] = knock(w, "Room", names[i]);
    peer_say(all[2].peer, "{\"type\":\"leave\",\"id\":7}");
    plm_session_on_lost(all[2].peer->session);
    w = restart(w, s);
    bury(&a);
    for (int i = 0; i < 4; i++)
        bury(&all[i]);
    struct plm_hub_gauges g;
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.participants, 1);

    plm_msg_free(resume(w, &a));
    wait_again(w, &all[3]);
    wait_again(w, &all[0]);
    struct plm_msg *lobby = peer_expect(a.peer, PLM_MSG_lobby);
    assert_non_null(lobby);
    assert_string_equal(lobby->lobby.waiting[0].name, "Zoe");
    assert_string_equal(lobby->lobby.waiting[1].name, "Ben");
    assert_string_equal(lobby->lobby.waiting[lobby->lobby.n_waiting - 1].name, "Cleo");
    uint32_t zoe = lobby->lobby.waiting[0].id, ben = lobby->lobby.waiting[1].id;
    plm_msg_free(lobby);

    /* Zoe is let in and comes; Ben too, before he is back. A restart in between forgets neither. */
    ask(&a, "{\"type\":\"admit\",\"id\":2,\"waiting\":[%u],\"admitted\":true}", zoe);
    struct plm_msg *joined = peer_expect(all[0].peer, PLM_MSG_joined);
    assert_non_null(joined);
    assert_int_equal(joined->joined.participant, zoe);
    assert_string_equal(joined->joined.secret, all[0].secret);
    plm_msg_free(joined);
    ask(&a, "{\"type\":\"admit\",\"id\":3,\"waiting\":[%u],\"admitted\":true}", ben);
    w = restart(w, s);
    bury(&all[0]);
    bury(&all[3]);
    bury(&a);
    joined = resume(w, &all[1]);
    assert_non_null(joined);
    assert_int_equal(joined->joined.participant, ben);
    assert_int_equal(joined->joined.total, 3);
    plm_msg_free(joined);
    peer_destroy(all[1].peer);
    wait_again(w, &all[3]);
    peer_destroy(all[3].peer);
    world_pass(w, 30001); /* nobody came back */
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), 0);
    world_destroy(w);
    store_free(s);
}

static void test_who_was_removed_stays_out(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna"), b = {.peer = peer_create(w)};
    struct plm_msg msg = {
        .type = PLM_MSG_join, .join = {.room = "Room", .name = "Ben", .device = "browser7"}};
    (void)state;
    peer_request(b.peer, &msg);
    struct plm_msg *joined = peer_expect(b.peer, PLM_MSG_joined);
    strcpy(b.secret, joined->joined.secret);
    b.id = joined->joined.participant;
    plm_msg_free(joined);
    world_pass(w, PLM_JOURNAL_PERIOD_MS);
    w = restart(w, s); /* what he is known by survives */
    bury(&a);
    bury(&b);
    plm_msg_free(resume(w, &a));
    ask(&a, "{\"type\":\"kick\",\"id\":3,\"participant\":%u}", b.id);
    w = restart(w, s);
    bury(&a);
    assert_null(resume(w, &b));
    peer_request(b.peer, &msg);
    assert_int_equal(peer_error(b.peer), PLM_MSG_error_code_banned);
    peer_destroy(b.peer);
    world_destroy(w);
    store_free(s);
}

/* An organised meeting that has not begun has not begun afterwards; its rules and its end are as they were. */
static void test_start_and_rules(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna");
    (void)state;
    ask(&a, "{\"type\":\"configure\",\"id\":1,\"settings\":{\"max_minutes\":60,\"may_chat\":false}}", 0);
    w = restart(w, s);
    bury(&a);
    struct plm_msg *joined = resume(w, &a);
    assert_false(joined->joined.room.settings.may_chat);
    assert_true(joined->joined.room.has_ends_at);
    assert_int_equal(joined->joined.room.ends_at, joined->joined.room.started_at + 3600000);
    plm_msg_free(joined);
    peer_destroy(a.peer);
    world_destroy(w);
    store_free(s);
}

/* ---- what does not ---- */

/* A store that knows a room, and no meeting in it. */
static struct store *with_room(const char *name)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, name, "Anna");
    world_destroy(w);
    bury(&a);
    assert_int_equal(s->n, 1);
    return s;
}

#define DIGEST "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define MEETING                                                                                              \
    "{\"v\":1,\"name\":\"Room\",\"last_id\":5,\"last_chat\":1,\"opened_at\":1,\"started\":true,"             \
    "\"started_at\":1,\"may_choose\":false,\"breakouts_end\":0}"
#define WHO "{\"identity\":\"\",\"token_id\":\"\",\"device\":\"\",\"expires_at\":0}"
#define PERSON                                                                                               \
    "{\"v\":1,\"room\":\"good\",\"id\":1,\"name\":\"Anna\",\"role\":\"speaker\",\"joined_at\":1,\"hand\":0," \
    "\"place\":0,\"has_published\":false,\"may_subscribe\":true,\"permits\":[0,0,0,0],\"muted\":[],"         \
    "\"who\":" WHO "}"
#define WAITING                                                                                              \
    "{\"v\":1,\"room\":\"good\",\"id\":1,\"name\":\"Anna\",\"role\":\"speaker\",\"waits\":\"lobby\","        \
    "\"since\":1,\"trusted\":false,\"may_publish\":true,\"may_subscribe\":true,\"skip_lobby\":false,"        \
    "\"source\":\"\",\"who\":" WHO "}"
#define MESSAGE "{\"v\":1,\"from\":1,\"to\":0,\"name\":\"A\",\"at\":1,\"announcement\":false,\"text\":\"x\"}"

static const struct {
    enum plm_store_kind kind;
    const char *key, *text;
} refused[] = {
    {PLM_STORE_MEETING, "room", ""}, {PLM_STORE_MEETING, "room", "[]"}, {PLM_STORE_MEETING, "room", "{"},
    {PLM_STORE_MEETING, "room", "{\"v\":2,\"name\":\"Room\"}"}, {PLM_STORE_MEETING, "room", "{\"v\":1}"},
    {PLM_STORE_MEETING, "other", MEETING}, {PLM_STORE_MEETING, "nowhere/1", MEETING},
    {PLM_STORE_MEETING, "good/0", MEETING}, {PLM_STORE_MEETING, "good/51", MEETING},
    {PLM_STORE_MEETING, "good/1x", MEETING}, {PLM_STORE_MEETING, "good/", MEETING},
    {PLM_STORE_MEMBER, DIGEST, MEETING}, {PLM_STORE_MEMBER, "short", PERSON},
    {PLM_STORE_MEMBER, DIGEST "0", PERSON}, {PLM_STORE_CHAT, "good", MESSAGE},
    {PLM_STORE_CHAT, "good/1", "{\"v\":1}"}, {PLM_STORE_CHAT, "good/0000000000", MESSAGE},
    {PLM_STORE_CHAT, "good/4294967295", MESSAGE}, {PLM_STORE_CHAT, "good/7/0000000001", MESSAGE},
    {PLM_STORE_CHAT, "nowhere/0000000001", MESSAGE}, {PLM_STORE_ROOM, "broken", "{}"},
    {PLM_STORE_BAN, "good/d/x", "{}"},
    {PLM_STORE_BAN, "gone/d/x", "{\"expires_at\":0}"}, /* its meeting is over */
};

static void test_what_cannot_be_read_is_left_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        struct store *s = with_room("Good");
        store_set(s, PLM_STORE_MEETING, "good", MEETING, strlen(MEETING));
        store_set(s, refused[i].kind, refused[i].key, refused[i].text, strlen(refused[i].text));
        struct world *w = start(s, NULL);
        unsigned logs = w->logs;
        store_restore(w->hub, s);
        if (w->rooms != 1 || s->n != 2 || s->drops != 1 || w->logs == logs)
            fail_msg("%zu: %u rooms, %zu documents left", i, w->rooms, s->n);
        world_destroy(w);
        store_free(s);
    }
}

struct change {
    const char *from, *to;
};

/* The document once as it is, then with each change: only the first stands. */
static void try_each(const char *document, const struct change *changes, size_t n, bool waits)
{
    for (size_t i = 0; i <= n; i++) {
        char text[1024], rest[1024];
        struct store *s = with_room("Good");
        snprintf(text, sizeof text, "%s", document);
        if (i) {
            char *at = strstr(text, changes[i - 1].from);
            assert_non_null(at);
            strcpy(rest, at + strlen(changes[i - 1].from));
            snprintf(at, sizeof text - (size_t)(at - text), "%s%s", changes[i - 1].to, rest);
        }
        store_set(s, PLM_STORE_MEETING, "good", MEETING, strlen(MEETING));
        store_set(s, PLM_STORE_MEMBER, DIGEST, text, strlen(text));
        struct world *w = start(s, NULL);
        struct plm_hub_gauges g;
        store_restore(w->hub, s);
        plm_hub_gauges(w->hub, &g);
        if ((waits ? g.waiting : g.participants) != (i == 0) || store_count(s, PLM_STORE_MEMBER) != (i == 0))
            fail_msg("%s: %u", text, g.participants);
        world_destroy(w);
        store_free(s);
    }
}

static void test_each_field_of_a_person_counts(void **state)
{
    static const struct change changes[] = {
        {"\"v\":1", "\"v\":\"1\""},
        {"\"room\":\"good\"", "\"room\":1"},
        {"\"room\":\"good\"", "\"room\":\"nowhere\""},
        {"\"id\":1", "\"id\":0"},
        {"\"id\":1", "\"id\":4294967296"},
        {"\"id\":1", "\"id\":-1"},
        {"\"id\":1", "\"id\":1.5"},
        {"\"name\":\"Anna\"", "\"name\":\"\""},
        {"\"name\":\"Anna\"", "\"name\":\"a\\u0007b\""},
        {"\"role\":\"speaker\"", "\"role\":\"king\""},
        {"\"role\":\"speaker\"", "\"role\":2"},
        {"\"joined_at\":1", "\"joined_at\":9007199254740992"},
        {"\"hand\":0", "\"hand\":null"},
        {"\"place\":0", "\"place\":[]"},
        {"\"has_published\":false", "\"has_published\":0"},
        {"\"may_subscribe\":true,", ""},
        {"[0,0,0,0]", "[0,0,0]"},
        {"[0,0,0,0]", "[0,0,0,3]"},
        {"[0,0,0,0]", "{}"},
        {"\"muted\":[]", "\"muted\":true"},
        {"\"muted\":[]", "\"id\":1"},
        {"\"who\":{", "\"who\":[],\"x\":{"},
        {"\"expires_at\":0", "\"expires_at\":-1"},
        {"\"device\":\"\"",
            "\"device\":\"0123456789012345678901234567890123456789012345678901234567890123456789\""},
    };
    (void)state;
    try_each(PERSON, changes, sizeof changes / sizeof changes[0], false);
}

static void test_each_field_of_who_waits_counts(void **state)
{
    static const struct change changes[] = {
        {"\"room\":\"good\"", "\"room\":\"good/1\""},
        {"\"id\":1", "\"id\":0"},
        {"\"name\":\"Anna\"", "\"name\":3"},
        {"\"waits\":\"lobby\"", "\"waits\":\"bus\""},
        {"\"since\":1", "\"since\":true"},
        {"\"trusted\":false", "\"trusted\":null"},
        {"\"may_publish\":true,", ""},
        {"\"source\":\"\"", "\"source\":\"a\\u0000b\""},
    };
    (void)state;
    try_each(WAITING, changes, sizeof changes / sizeof changes[0], true);
}

static void test_same_id_stands_once(void **state)
{
    struct store *s = with_room("Good");
    struct plm_hub_gauges g;
    (void)state;
    store_set(s, PLM_STORE_MEETING, "good", MEETING, strlen(MEETING));
    store_set(s, PLM_STORE_MEMBER, DIGEST, PERSON, strlen(PERSON));
    char other[] = DIGEST;
    other[0] = 'e';
    store_set(s, PLM_STORE_MEMBER, other, PERSON, strlen(PERSON));
    struct world *w = start(s, NULL);
    store_restore(w->hub, s);
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.participants, 1);
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), 1);
    world_destroy(w);
    store_free(s);
}

/* Of three breakout rooms the second is not readable: all are in the main room. */
static void test_a_gap_closes_breakout_rooms(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person a = join(w, "Room", "Anna"), b = join(w, "Room", "Ben");
    (void)state;
    peer_say(a.peer,
        "{\"type\":\"breakout_open\",\"id\":9,\"rooms\":[{\"name\":\"1\"},{\"name\":\"2\"},{\"name\":\"3\"}],"
        "\"force\":true,\"places\":[{\"participant\":%u,\"room\":2},{\"participant\":%u,\"room\":3}]}",
        a.id, b.id);
    world_pass(w, PLM_JOURNAL_PERIOD_MS + 1);
    world_destroy(w);
    bury(&a);
    bury(&b);
    store_set(s, PLM_STORE_MEETING, "room/2", "{}", 2);
    w = start(s, NULL);
    assert_int_equal(store_restore(w->hub, s), 1);
    assert_int_equal(w->rooms, 1);
    struct plm_msg *joined = resume(w, &a);
    assert_false(joined->joined.room.has_breakout);
    assert_false(joined->joined.breakouts_open);
    assert_int_equal(joined->joined.total, 2);
    plm_msg_free(joined);
    world_pass(w, PLM_JOURNAL_PERIOD_MS + 1);
    assert_int_equal(store_count(s, PLM_STORE_MEETING), 1);
    peer_destroy(a.peer);
    world_destroy(w);
    store_free(s);
}

/* Caps of a server that was configured smaller meanwhile. */
static void test_caps_hold(void **state)
{
    struct store *s = calloc(1, sizeof *s);
    struct world *w = start(s, NULL);
    struct person all[6];
    char name[16];
    (void)state;
    for (int i = 0; i < 6; i++) {
        snprintf(name, sizeof name, "%d", i);
        all[i] = join(w, i < 4 ? "one" : name, name);
    }
    world_pass(w, PLM_JOURNAL_PERIOD_MS + 1);
    world_destroy(w);
    struct plm_hub_config config = {.max_rooms = 2, .max_participants = 3};
    w = start(s, &config);
    struct plm_hub_gauges g;
    store_restore(w->hub, s);
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.rooms, 2);
    assert_int_equal(store_count(s, PLM_STORE_MEETING), 2);
    assert_int_equal(store_count(s, PLM_STORE_MEMBER), g.participants);
    world_destroy(w);
    for (int i = 0; i < 6; i++)
        bury(&all[i]);
    store_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_secret_is_kept),
        cmocka_unit_test(test_changes_are_merged),
        cmocka_unit_test(test_ends_are_dropped_at_once),
        cmocka_unit_test(test_suspended),
        cmocka_unit_test(test_old_chat_goes),
        cmocka_unit_test(test_a_crowd_is_written_in_turns),
        cmocka_unit_test(test_a_meeting_stands_again),
        cmocka_unit_test(test_numbers_go_on),
        cmocka_unit_test(test_breakout_places),
        cmocka_unit_test(test_mutes_stay),
        cmocka_unit_test(test_who_does_not_come_back_leaves),
        cmocka_unit_test(test_restarts_follow_each_other),
        cmocka_unit_test(test_empty_room_lingers_on),
        cmocka_unit_test(test_the_lobby_stands_again),
        cmocka_unit_test(test_who_was_removed_stays_out),
        cmocka_unit_test(test_start_and_rules),
        cmocka_unit_test(test_each_field_of_who_waits_counts),
        cmocka_unit_test(test_what_cannot_be_read_is_left_out),
        cmocka_unit_test(test_each_field_of_a_person_counts),
        cmocka_unit_test(test_same_id_stands_once),
        cmocka_unit_test(test_a_gap_closes_breakout_rooms),
        cmocka_unit_test(test_caps_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
