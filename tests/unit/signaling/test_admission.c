#include "admission.h"
#include "digest.h"
#include "guess.h"
#include "room.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

/* A room that was made before anybody came. */
static struct plm_record *make(struct world *w, const char *name)
{
    struct plm_refusal why;
    struct plm_api_change change = {0};
    struct plm_room_ref ref;
    assert_int_equal(plm_api_room_create(w->hub, name, &change, &why), 0);
    assert_int_equal(plm_room_ref_read(&ref, name, &why), 0);
    return plm_record_find(w->hub, &ref);
}

static void set_password(struct plm_record *r, const char *password)
{
    snprintf(r->value.password_hash, sizeof r->value.password_hash, "#%s", password);
}

static void set_owner(struct plm_record *r, const char *key)
{
    plm_digest(r->value.owner_digest, key);
}

/* @return the code of the refusal; -1: joined, -2: waiting, -3: no answer yet */
static int try(struct peer *p, const struct plm_msg_join *join)
{
    struct plm_msg *msg;
    int result = -3;
    peer_knock(p, join);
    world_passwords(p->w);
    while ((msg = peer_read(p))) {
        if (msg->type == PLM_MSG_error)
            result = (int)msg->error.code;
        else if (msg->type == PLM_MSG_joined)
            result = -1;
        else if (msg->type == PLM_MSG_waiting)
            result = -2;
        plm_msg_free(msg);
    }
    return result;
}

/* The same by somebody who goes again. */
static int try_once(struct world *w, const struct plm_msg_join *join)
{
    struct peer *p = peer_create(w);
    int result = try(p, join);
    if (result == -1) {
        peer_say(p, "{\"type\":\"leave\",\"id\":99}");
    }
    peer_destroy(p);
    return result;
}

static void test_password(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    struct peer *p = peer_create(w);
    set_password(r, "open sesame");
    assert_int_equal(try(p, &(struct plm_msg_join){.room = "r", .name = "A"}), PLM_MSG_error_code_password);
    assert_int_equal(w->all_jobs, 0);
    assert_int_equal(try(p, &(struct plm_msg_join){.room = "r", .name = "A", .password = "open"}),
        PLM_MSG_error_code_password);
    assert_int_equal(try(p, &(struct plm_msg_join){.room = "r", .name = "A", .password = "open sesame"}), -1);
    assert_int_equal(w->all_jobs, 2);
    assert_int_equal(w->rooms, 1);
    peer_destroy(p);
}

/* While the password is under way nothing else is taken, and nothing is opened. */
static void test_checking(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    struct peer *p = peer_create(w);
    set_password(r, "x");
    peer_knock(p, &(struct plm_msg_join){.room = "r", .name = "A", .password = "x"});
    assert_null(peer_read(p));
    assert_int_equal(w->rooms, 0);
    assert_false(plm_session_is_joined(p->session));
    peer_knock(p, &(struct plm_msg_join){.room = "other", .name = "A"});
    assert_int_equal(peer_error(p), PLM_MSG_error_code_bad_state);
    world_passwords(w);
    struct plm_msg *msg = peer_read(p);
    assert_int_equal(msg->type, PLM_MSG_joined);
    assert_int_equal(msg->id, 1);
    assert_true(msg->joined.room.has_password);
    plm_msg_free(msg);
    peer_destroy(p);
}

/* The result comes when the socket is gone, was closed, or the room is another than it was. */
static void test_races(void **state)
{
    struct world *w = *state;
    const struct plm_msg_join join = {.room = "r", .name = "A", .password = "x"};
    struct plm_record *r = make(w, "r");
    struct plm_hub_gauges g;
    struct plm_refusal why;
    struct peer *p = peer_create(w);
    set_password(r, "x");
    peer_knock(p, &join);
    peer_destroy(p); /* gone */
    world_passwords(w);
    plm_hub_on_password(w->hub, 4711, true, NULL); /* a job that nobody gave */
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.participants, 0);

    p = peer_create(w);
    peer_knock(p, &join);
    set_password(r, "y"); /* another password since */
    world_passwords(w);
    assert_int_equal(peer_error(p), PLM_MSG_error_code_password);
    set_password(r, "x");
    peer_knock(p, &join);
    r->value.settings.locked = true; /* locked since */
    world_passwords(w);
    assert_int_equal(peer_error(p), PLM_MSG_error_code_locked);
    r->value.settings.locked = false;
    peer_knock(p, &join);
    assert_int_equal(plm_api_room_delete(w->hub, "r", &why), 0); /* no longer there */
    world_passwords(w);
    assert_int_equal(peer_error(p), PLM_MSG_error_code_password);

    r = make(w, "r");
    set_password(r, "x");
    peer_knock(p, &join);
    plm_hub_close(w->hub); /* closed */
    assert_int_equal(p->closed, PLM_SESSION_CLOSE_AWAY);
    world_passwords(w);
    assert_null(peer_expect(p, PLM_MSG_joined));
    plm_hub_gauges(w->hub, &g);
    assert_int_equal(g.participants, 0);
    peer_destroy(p);
}

/* Two at a time of a source that guessed wrong; the host may say that it has too many. */
static void test_jobs(void **state)
{
    struct world *w = *state;
    const struct plm_msg_join join = {.room = "r", .name = "A", .password = "no"};
    struct plm_record *r = make(w, "r");
    struct plm_hub_counters n;
    struct peer *p[4];
    set_password(r, "x");
    w->source = "2001:db8:1:2::7";
    plm_guess_wrong(w->hub, w->source, NULL);
    for (size_t i = 0; i < 2; i++) {
        p[i] = peer_create(w);
        peer_knock(p[i], &join);
        assert_null(peer_read(p[i]));
    }
    peer_destroy(p[0]);                 /* its job goes on, and counts */
    w->source = "2001:db8:1:2:ffff::1"; /* the same /64 */
    p[2] = peer_create(w);
    peer_knock(p[2], &join);
    assert_int_equal(peer_error(p[2]), PLM_MSG_error_code_too_fast);
    w->source = "2001:db8:1:3::1";
    p[3] = peer_create(w);
    peer_knock(p[3], &join);
    assert_null(peer_read(p[3]));
    world_passwords(w);
    assert_int_equal(peer_error(p[1]), PLM_MSG_error_code_password);
    w->fail.password = PLM_ELIMIT;
    peer_knock(p[2], &join);
    assert_int_equal(peer_error(p[2]), PLM_MSG_error_code_too_fast);
    w->fail.password = PLM_ENOMEM;
    peer_knock(p[2], &join);
    assert_int_equal(peer_error(p[2]), PLM_MSG_error_code_internal);
    plm_hub_counters(w->hub, &n);
    assert_int_equal(n.limits[PLM_HUB_LIMIT_PASSWORDS], 2);
    for (size_t i = 1; i < 4; i++)
        peer_destroy(p[i]);
}

#define CLASS PLM_GUESS_QUEUE

/* A class at the door, all behind one address and with the same password. */
static void knock_all(struct world *w, struct peer *p[CLASS], const char *password)
{
    const struct plm_msg_join join = {.room = "r", .name = "Pupil", .password = password};
    w->source = "203.0.113.7";
    for (size_t i = 0; i < CLASS; i++) {
        p[i] = peer_create(w);
        peer_knock(p[i], &join);
        assert_null(peer_read(p[i]));
    }
    assert_int_equal(w->n_jobs, PLM_GUESS_JOBS);
}

/* Whoever is more than can be looked at at a time waits for the answer, up to so many; others need not. */
static void test_class(void **state)
{
    struct world *w = *state;
    struct peer *p[CLASS], *other;
    const struct plm_msg_join join = {.room = "r", .name = "A", .password = "x"};
    set_password(make(w, "r"), "x");
    knock_all(w, p, "x");
    other = peer_create(w);
    peer_knock(other, &join);
    assert_int_equal(peer_error(other), PLM_MSG_error_code_too_fast);
    peer_destroy(other);
    w->source = "198.51.100.7";
    other = peer_create(w);
    peer_knock(other, &join);
    assert_int_equal(w->n_jobs, PLM_GUESS_JOBS + 1);
    peer_destroy(p[5]); /* gone while it waited: its password is not looked at */
    world_passwords(w);
    assert_int_equal(w->all_jobs, CLASS);
    for (size_t i = 0; i < CLASS; i++) {
        if (i == 5)
            continue;
        assert_int_equal(peer_count(p[i], PLM_MSG_joined), 1);
        peer_destroy(p[i]);
    }
    assert_int_equal(peer_count(other, PLM_MSG_joined), 1);
    peer_destroy(other);
}

/* Many at once do not guess more than one after the other. */
static void test_class_of_guessers(void **state)
{
    struct world *w = *state;
    struct peer *p[CLASS];
    unsigned wrong = 0, waits = 0;
    set_password(make(w, "r"), "x");
    knock_all(w, p, "no");
    world_passwords(w);
    for (size_t i = 0; i < CLASS; i++) {
        int code = peer_error(p[i]);
        wrong += code == PLM_MSG_error_code_password;
        waits += code == PLM_MSG_error_code_too_fast;
        peer_destroy(p[i]);
    }
    assert_int_equal(wrong, w->all_jobs);
    assert_int_equal(wrong, PLM_GUESS_FREE + PLM_GUESS_JOBS - 1);
    assert_int_equal(wrong + waits, CLASS);
}

/* What changes while they wait: the password, the room, the host, and whether there is a server at all. */
static void test_class_races(void **state)
{
    struct world *w = *state;
    struct peer *p[CLASS];
    struct plm_record *r = make(w, "r");
    struct plm_refusal why;
    set_password(r, "x");
    knock_all(w, p, "y");
    set_password(r, "y");
    world_passwords(w);
    for (size_t i = 0; i < CLASS; i++) /* only what was under way is of the old one */
        assert_int_equal(peer_count(p[i], PLM_MSG_joined), i >= PLM_GUESS_JOBS);
    for (size_t i = 0; i < CLASS; i++)
        peer_destroy(p[i]);
    world_pass(w, 2 * PLM_GUESS_MAX_WAIT_MS);

    knock_all(w, p, "y");
    assert_int_equal(plm_api_room_delete(w->hub, "r", &why), 0);
    w->fail.password = PLM_ELIMIT;
    world_passwords(w);
    w->fail.password = 0;
    for (size_t i = 0; i < CLASS; i++) {
        assert_int_equal(
            peer_error(p[i]), i < PLM_GUESS_JOBS ? PLM_MSG_error_code_password : PLM_MSG_error_code_too_fast);
        peer_destroy(p[i]);
    }
    world_pass(w, 2 * PLM_GUESS_MAX_WAIT_MS);

    set_password(make(w, "r"), "y");
    knock_all(w, p, "y");
    plm_hub_close(w->hub);
    world_passwords(w);
    for (size_t i = 0; i < CLASS; i++) {
        assert_int_equal(p[i]->closed, PLM_SESSION_CLOSE_AWAY);
        assert_int_equal(peer_count(p[i], PLM_MSG_joined), 0);
        peer_destroy(p[i]);
    }
}

/* A number that no room has and one with a wrong password: the same answer, as much work. */
static void test_unknown_number(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    char unknown[PLM_ROOM_CODE_SIZE];
    set_password(r, "x");
    memcpy(unknown, r->value.code, sizeof unknown);
    unknown[0] = unknown[0] == '9' ? '8' : '9';
    const char *const numbers[] = {r->value.code, unknown};
    struct plm_text *texts[2][2];
    for (size_t i = 0; i < 2; i++) {
        struct peer *p = peer_create(w);
        peer_knock(p, &(struct plm_msg_join){.room = numbers[i], .name = "A"});
        assert_int_equal(p->n, 1);
        peer_knock(p, &(struct plm_msg_join){.room = numbers[i], .name = "A", .password = "wrong"});
        assert_int_equal(p->n, 1);
        assert_int_equal(w->n_jobs, 1);
        world_passwords(w);
        assert_int_equal(p->n, 2);
        texts[i][0] = plm_text_ref(p->texts[0]);
        texts[i][1] = plm_text_ref(p->texts[1]);
        peer_destroy(p);
    }
    for (size_t k = 0; k < 2; k++) {
        assert_string_equal(texts[0][k]->data, texts[1][k]->data);
        plm_text_unref(texts[0][k]);
        plm_text_unref(texts[1][k]);
    }
    assert_null(plm_record_find(w->hub, &(struct plm_room_ref){.code = "000-0000-000"}));
}

static void test_tokens(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    make(w, "other");
    set_password(r, "x");
    snprintf(world_token(w, "here", PLM_MSG_role_moderator)->room, 129, "R");
    snprintf(world_token(w, "there", PLM_MSG_role_moderator)->room, 129, "other");
    snprintf(world_token(w, "bynumber", PLM_MSG_role_speaker)->room, 129, "%s", r->value.code);
    struct plm_grants *named = world_token(w, "named", PLM_MSG_role_speaker);
    snprintf(named->name, sizeof named->name, "Grace");
    snprintf(named->identity, sizeof named->identity, "u-1");
    world_token(w, "watcher", PLM_MSG_role_speaker)->publish = false;
    world_token(w, "sender", PLM_MSG_role_speaker)->subscribe = false;

    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "here"}), -1);
    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "bynumber"}), -1);
    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "there"}),
        PLM_MSG_error_code_token);
    assert_int_equal(
        try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "forged", .password = "x"}),
        PLM_MSG_error_code_token); /* a wrong one is not made good by the password */
    assert_int_equal(
        try_once(w, &(struct plm_msg_join){.room = "999-9999-999", .name = "A", .token = "named"}),
        PLM_MSG_error_code_not_found);
    assert_int_equal(w->all_jobs, 0);

    struct peer *p = peer_create(w);
    peer_knock(p, &(struct plm_msg_join){.room = "r", .name = "A", .token = "named"});
    struct plm_msg *msg = peer_expect(p, PLM_MSG_joined);
    assert_string_equal(msg->joined.participants[0].name, "Grace");
    assert_int_equal(msg->joined.role, PLM_MSG_role_speaker); /* what the token says, though first */
    plm_msg_free(msg);
    assert_string_equal(w->event_identity, "u-1");
    peer_destroy(p);

    p = peer_create(w);
    peer_knock(p, &(struct plm_msg_join){.room = "r", .name = "A", .token = "watcher"});
    msg = peer_expect(p, PLM_MSG_joined);
    assert_int_equal(msg->joined.role, PLM_MSG_role_viewer);
    plm_msg_free(msg);
    peer_destroy(p);

    p = peer_create(w);
    peer_knock(p, &(struct plm_msg_join){.room = "r", .name = "A", .token = "sender"});
    msg = peer_expect(p, PLM_MSG_joined);
    plm_msg_free(msg);
    peer_say(p, "{\"type\":\"receive\",\"id\":5,\"pairs\":1,\"audio_only\":0,\"screens\":0}");
    assert_int_equal(peer_error(p), PLM_MSG_error_code_forbidden);
    assert_int_equal(w->open_transports, 0);
    peer_destroy(p);
}

/* Locked, full, organised, lobby: who leads by a token or the key passes, others do not. */
static void test_rules(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    struct plm_room_settings *rules = &r->value.settings;
    const struct plm_msg_join guest = {.room = "r", .name = "A"},
                              owner = {.room = "r", .name = "O", .token = "key"},
                              speaker = {.room = "r", .name = "S", .token = "s"},
                              skipper = {.room = "r", .name = "S", .token = "skip"};
    set_owner(r, "key");
    world_token(w, "s", PLM_MSG_role_speaker);
    world_token(w, "skip", PLM_MSG_role_speaker)->skip_lobby = true;
    rules->locked = true;
    assert_int_equal(try_once(w, &guest), PLM_MSG_error_code_locked);
    assert_int_equal(try_once(w, &speaker), PLM_MSG_error_code_locked);
    assert_int_equal(try_once(w, &owner), -1);
    rules->locked = false;
    rules->organised = true;
    world_pass(w, 3600000);
    assert_int_equal(try_once(w, &guest), -2);
    assert_int_equal(try_once(w, &skipper), -2);
    assert_int_equal(try_once(w, &owner), -1);
    rules->organised = false;
    world_pass(w, 3600000);
    rules->lobby = true;
    assert_int_equal(try_once(w, &guest), -2);
    assert_int_equal(try_once(w, &speaker), -2);
    assert_int_equal(try_once(w, &skipper), -1);
    assert_int_equal(try_once(w, &owner), -1);
    rules->lobby = false;
    rules->max_participants = 1;
    struct peer *p = peer_create(w);
    assert_int_equal(try(p, &guest), -1);
    assert_int_equal(try_once(w, &speaker), PLM_MSG_error_code_full);
    peer_destroy(p);
    assert_int_equal(w->open_transports, 0);
}

/* A room that is somebody's is led by nobody who merely comes first, or stays longest. */
static void test_owned(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    struct peer *a = peer_create(w), *o = peer_create(w);
    set_owner(r, "key");
    struct plm_msg *joined = peer_join(a, "r", "Ada");
    assert_int_equal(joined->joined.role, PLM_MSG_role_speaker);
    plm_msg_free(joined);
    peer_knock(o, &(struct plm_msg_join){.room = "r", .name = "O", .token = "key"});
    joined = peer_expect(o, PLM_MSG_joined);
    assert_int_equal(joined->joined.role, PLM_MSG_role_owner);
    plm_msg_free(joined);
    peer_say(o, "{\"type\":\"leave\",\"id\":50}");
    peer_destroy(o);
    assert_int_equal(r->meeting->members->role, PLM_MSG_role_speaker);
    peer_say(a, "{\"type\":\"configure\",\"id\":51,\"settings\":{},\"no_password\":true}");
    assert_int_equal(peer_error(a), PLM_MSG_error_code_forbidden);
    peer_destroy(a);
}

/* Succession passes over viewers and encoders. */
static void test_succession(void **state)
{
    struct world *w = *state;
    struct peer *a = peer_create(w), *v = peer_create(w), *s = peer_create(w);
    world_token(w, "v", PLM_MSG_role_viewer);
    plm_msg_free(peer_join(a, "r", "Ada"));
    peer_knock(v, &(struct plm_msg_join){.room = "r", .name = "V", .token = "v"});
    char *offer = sdp_publish(w, "whip", 1, 1);
    struct plm_resource_request request = {
        .kind = PLM_RESOURCE_WHIP, .room = "r", .sdp = offer, .len = strlen(offer)};
    struct plm_resource_reply reply;
    assert_int_equal(plm_resource_post(w->hub, &request, &reply), 0);
    plm_resource_reply_clear(&reply);
    free(offer);
    plm_msg_free(peer_join(s, "r", "Sue"));
    peer_say(a, "{\"type\":\"leave\",\"id\":50}");
    peer_destroy(a);
    struct plm_msg *msg = peer_expect_changed(s);
    assert_string_equal(msg->roster.changed[0].name, "Sue");
    assert_int_equal(msg->roster.changed[0].role, PLM_MSG_role_moderator);
    plm_msg_free(msg);
    peer_say(s, "{\"type\":\"leave\",\"id\":50}");
    peer_destroy(s);
    peer_say(v, "{\"type\":\"end\",\"id\":51}");
    assert_int_equal(peer_error(v), PLM_MSG_error_code_forbidden); /* nobody leads */
    peer_destroy(v);
}

/* ---- guessing ---- */

static void test_backoff(void **state)
{
    struct world *w = *state;
    const struct plm_msg_join wrong = {.room = "r", .name = "A", .password = "no"},
                              right = {.room = "r", .name = "A", .password = "x"};
    struct plm_record *r = make(w, "r");
    struct plm_hub_counters n;
    set_password(r, "x");
    w->source = "198.51.100.7";
    for (unsigned i = 0; i < PLM_GUESS_FREE; i++)
        assert_int_equal(try_once(w, &wrong), PLM_MSG_error_code_password);
    assert_int_equal(try_once(w, &right), PLM_MSG_error_code_too_fast); /* even the right one has to wait */
    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "s", .name = "A"}), -1); /* no guess */
    w->source = "198.51.100.8";
    assert_int_equal(try_once(w, &right), -1);
    w->source = "198.51.100.7";
    uint64_t waited = 0;
    unsigned guesses = PLM_GUESS_FREE;
    for (; guesses < 15; guesses++) { /* each wait is twice as long */
        uint64_t from = w->now;
        while (try_once(w, &wrong) == PLM_MSG_error_code_too_fast)
            w->now += 500;
        waited += w->now - from;
    }
    assert_in_range(waited, 1000000, 1100000); /* 1 + 2 + … + 512 s */
    w->now += 2 * PLM_GUESS_MAX_WAIT_MS;       /* after long quiet all is forgotten */
    assert_int_equal(try_once(w, &right), -1);
    plm_hub_counters(w->hub, &n);
    assert_true(n.limits[PLM_HUB_LIMIT_GUESSES] > 10);
}

/* Many sources about one room: the room as a whole takes one in two seconds. */
static void test_room_backoff(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    char source[48];
    unsigned taken = 0;
    set_password(r, "x");
    for (unsigned i = 0; i < 200; i++) {
        snprintf(source, sizeof source, "203.0.113.%u", i);
        w->source = source;
        taken += try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .password = "no"}) ==
                 PLM_MSG_error_code_password;
        w->now += 100;
    }
    assert_in_range(taken, PLM_GUESS_ROOM_BURST, PLM_GUESS_ROOM_BURST + 12);
    w->now += PLM_GUESS_ROOM_MS;
    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .password = "x"}), -1);
}

/* Tokens, keys and numbers are guessed too; what is remembered of sources is bounded. */
static void test_other_guesses(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    set_owner(r, "key");
    w->source = "198.51.100.7";
    for (unsigned i = 0; i < PLM_GUESS_FREE; i++)
        assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "no"}),
            PLM_MSG_error_code_token);
    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "no"}),
        PLM_MSG_error_code_too_fast);
    w->source = "198.51.100.8";
    for (unsigned i = 0; i < PLM_GUESS_FREE; i++)
        assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "999-9999-999", .name = "A"}),
            PLM_MSG_error_code_password);
    assert_int_equal(
        try_once(w, &(struct plm_msg_join){.room = r->value.code, .name = "A"}), PLM_MSG_error_code_too_fast);
    struct peer *p;
    w->source = "198.51.100.9";
    p = peer_create(w);
    plm_msg_free(peer_join(p, "r", "Ada"));
    for (unsigned i = 0; i < PLM_GUESS_FREE; i++) {
        peer_say(p, "{\"type\":\"claim\",\"id\":%u,\"key\":\"no\"}", 10 + i);
        assert_int_equal(peer_error(p), PLM_MSG_error_code_token);
    }
    peer_say(p, "{\"type\":\"claim\",\"id\":30,\"key\":\"no\"}");
    assert_int_equal(peer_error(p), PLM_MSG_error_code_too_fast);
    peer_say(p, "{\"type\":\"claim\",\"id\":31,\"key\":\"key\"}");
    assert_true(peer_is_done(p));
    peer_destroy(p);
    for (unsigned i = 0; i < PLM_GUESS_SOURCES + 100; i++) {
        char source[48];
        snprintf(source, sizeof source, "10.1.%u.%u", i >> 8, i & 255);
        plm_guess_wrong(w->hub, source, NULL);
    }
    assert_int_equal(w->hub->n_guessers, PLM_GUESS_SOURCES);
}

/* Who shares an address or a room with somebody who guesses comes in by a good token or the key; passwords and numbers wait. */
static void test_good_token_among_guesses(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    const struct plm_msg_join good = {.room = "r", .name = "A", .token = "good"},
                              key = {.room = "r", .name = "O", .token = "key"},
                              stale = {.room = "r", .name = "A", .token = "stale"},
                              pass = {.room = "r", .name = "A", .password = "x"};
    char source[48];
    set_password(r, "x");
    set_owner(r, "key");
    world_token(w, "good", PLM_MSG_role_speaker);
    w->source = "198.51.100.7";
    for (unsigned i = 0; i < 3600; i += 5) { /* an encoder that tries again and again */
        int refused = try_once(w, &stale);
        assert_true(refused == PLM_MSG_error_code_token || refused == PLM_MSG_error_code_too_fast);
        assert_int_equal(try_once(w, &good), -1);
        assert_int_equal(try_once(w, &key), -1);
        world_pass(w, 5000);
    }
    assert_int_equal(try_once(w, &pass), PLM_MSG_error_code_too_fast);
    for (unsigned i = 0; i < 2 * PLM_GUESS_ROOM_BURST; i++) { /* the same room from many places */
        snprintf(source, sizeof source, "2001:db8:0:%x::1", i);
        w->source = source;
        try_once(w, &stale);
    }
    w->source = "198.51.100.8";
    assert_int_equal(try_once(w, &pass), PLM_MSG_error_code_too_fast);
    assert_int_equal(try_once(w, &good), -1);
    assert_int_equal(try_once(w, &key), -1);
}

/* An encoder whose token is over goes on trying; whoever shares its address, or guesses nothing about its room, waits for none of that. */
static void test_tokens_that_are_over(void **state)
{
    struct world *w = *state;
    const struct plm_msg_join over = {.room = "r", .name = "A", .token = "over"},
                              wrong = {.room = "r", .name = "A", .token = "wrong"},
                              pass = {.room = "r", .name = "A", .password = "x"};
    set_password(make(w, "r"), "x");
    world_token(w, "over", PLM_MSG_role_speaker)->expires_at = world_wall(w);
    w->source = "198.51.100.7";
    for (unsigned i = 0; i < 2 * PLM_GUESS_ROOM_BURST; i++)
        assert_int_equal(try_once(w, &over), PLM_MSG_error_code_token);
    assert_int_equal(w->hub->n_guessers, 0);
    assert_int_equal(try_once(w, &pass), -1);
    for (unsigned i = 0; i < PLM_GUESS_FREE; i++)
        assert_int_equal(try_once(w, &wrong), PLM_MSG_error_code_token);
    assert_int_equal(try_once(w, &wrong), PLM_MSG_error_code_too_fast);
    w->looks = 0; /* of a source that guesses each is one, as others are */
    for (unsigned i = 0; i < 1000; i++)
        try_once(w, &over);
    assert_in_range(w->looks, 1, PLM_GUESS_LOOKS);
}

/* What it takes to look at tokens is bounded, too, for a source that showed wrong ones. */
static void test_looks(void **state)
{
    struct world *w = *state;
    const struct plm_msg_join stale = {.room = "r", .name = "A", .token = "stale"};
    world_token(w, "good", PLM_MSG_role_speaker);
    w->source = "198.51.100.7";
    for (unsigned i = 0; i < 1000; i++)
        try_once(w, &stale);
    assert_int_equal(w->looks, PLM_GUESS_FREE + PLM_GUESS_LOOKS);
    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "good"}),
        PLM_MSG_error_code_too_fast);
    w->now += PLM_GUESS_LOOK_MS;
    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "good"}), -1);
    w->source = "198.51.100.8";
    assert_int_equal(try_once(w, &(struct plm_msg_join){.room = "r", .name = "A", .token = "good"}), -1);
}

static void test_sources(void **state)
{
    static const struct {
        const char *address, *source;
    } rows[] = {{"192.0.2.1", "192.0.2.1"}, {"::ffff:192.0.2.1", "192.0.2.1"},
        {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2"}, {"2001:db8:1:2::", "2001:db8:1:2"}, {"::1", "0:0:0:0"},
        {"unix", "unix"}, {"", ""}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char out[48];
        plm_guess_source(out, rows[i].address);
        assert_string_equal(out, rows[i].source);
    }
}

/* ---- WHIP and WHEP ---- */

static unsigned post(struct world *w, enum plm_resource_kind kind, const char *room, const char *token)
{
    char *offer = kind == PLM_RESOURCE_WHIP ? sdp_publish(w, "whip", 1, 1) : sdp_watch(w, "whep", 1);
    struct plm_resource_request request = {
        .kind = kind, .room = room, .token = token, .source = w->source, .sdp = offer, .len = strlen(offer)};
    struct plm_resource_reply reply;
    int err = plm_resource_post(w->hub, &request, &reply);
    assert_int_equal(err == 0, reply.status == 201);
    assert_int_equal(err == 0, reply.body != NULL);
    assert_int_equal(err == 0, *reply.id != 0);
    plm_resource_reply_clear(&reply);
    free(offer);
    return reply.status;
}

static void test_resources(void **state)
{
    struct world *w = *state;
    struct plm_record *r = make(w, "r");
    struct plm_room_settings *rules = &r->value.settings;
    const enum plm_resource_kind whip = PLM_RESOURCE_WHIP, whep = PLM_RESOURCE_WHEP;
    bool *const closed[] = {&rules->lobby, &rules->locked, &rules->organised};
    set_owner(r, "key");
    world_token(w, "s", PLM_MSG_role_speaker);
    world_token(w, "m", PLM_MSG_role_moderator);
    world_token(w, "nopublish", PLM_MSG_role_speaker)->publish = false;
    world_token(w, "nosubscribe", PLM_MSG_role_speaker)->subscribe = false;
    world_token(w, "skip", PLM_MSG_role_speaker)->skip_lobby = true;
    for (size_t i = 0; i < 3; i++) {
        *closed[i] = true;
        assert_int_equal(post(w, whip, "r", NULL), 401);
        assert_int_equal(post(w, whep, "r", NULL), 401);
        assert_int_equal(post(w, whip, "r", "forged"), 401);
        assert_int_equal(post(w, whip, "r", "s"), 403);
        assert_int_equal(post(w, whep, "r", "s"), 403);
        assert_int_equal(w->rooms, 0);
        assert_int_equal(w->last_transport, 0); /* none was ever opened */
        *closed[i] = false;
    }
    set_password(r, "x");
    assert_int_equal(post(w, whep, "r", NULL), 401);
    assert_int_equal(post(w, whep, "r", "s"), 201);
    assert_int_equal(post(w, whip, "r", "nopublish"), 403);
    assert_int_equal(post(w, whep, "r", "nopublish"), 201);
    assert_int_equal(post(w, whep, "r", "nosubscribe"), 403);
    rules->lobby = rules->locked = true;
    assert_int_equal(post(w, whip, "r", "m"), 201);
    assert_int_equal(post(w, whip, "r", "key"), 201);
    rules->locked = false;
    assert_int_equal(post(w, whip, "r", "skip"), 201);
    assert_int_equal(post(w, whip, "999-9999-999", NULL), 401); /* as if it were there */
    assert_int_equal(post(w, whip, "999-9999-999", "s"), 404);
    rules->max_participants = 1;
    assert_int_equal(post(w, whip, "r", "m"), 503);
    assert_int_equal(post(w, whep, "r", "m"), 201); /* who only watches takes no place */
    w->source = "198.51.100.7";
    for (unsigned i = 0; i < PLM_GUESS_FREE; i++)
        assert_int_equal(post(w, whep, "r", "forged"), 401);
    assert_int_equal(post(w, whep, "r", "forged"), 429);
    assert_int_equal(post(w, whep, "r", "m"), 201); /* a good one is no guess */
    assert_int_equal(post(w, whep, "open", NULL), 201);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_password, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_checking, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_races, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_jobs, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_class, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_class_of_guessers, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_class_races, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_unknown_number, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_tokens, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_rules, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_owned, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_succession, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_backoff, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_room_backoff, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_other_guesses, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_good_token_among_guesses, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_tokens_that_are_over, world_setup, world_teardown),
        cmocka_unit_test_setup_teardown(test_looks, world_setup, world_teardown),
        cmocka_unit_test(test_sources),
        cmocka_unit_test_setup_teardown(test_resources, world_setup, world_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
