/* What is known of how pictures fared: gathered from media, told by clients, joined to causes, and told to whom it concerns. */
#define WORLD_TELLS_STATS true
#include "quality.h"
#include "room.h"
#include "world.h"

#include <setjmp.h>

#include <cmocka.h>

#define SECOND_US 1000000u

struct meeting {
    struct world *w;
    struct peer *ada, *bob; /* Ada leads, Bob sends */
    uint32_t id[2];
    plm_transport_id received, sent;               /* Ada's, Bob's */
    uint64_t reported_us;                          /* up to where media told */
    struct plm_slot_second out[PLM_STATS_SECONDS]; /* what it remembers, oldest first */
    struct plm_encoding_second in[PLM_STATS_SECONDS];
    unsigned n;
};

static void publish(struct peer *p)
{
    struct plm_msg_track_line lines[] = {
        {.mid = "0", .source = PLM_MSG_source_microphone}, {.mid = "1", .source = PLM_MSG_source_camera}};
    char *offer = sdp_publish(p->w, "user", 0x11, 1);
    struct plm_msg msg = {.type = PLM_MSG_publish, .publish = {.sdp = offer, .tracks = lines, .n_tracks = 2}};
    assert_int_equal(peer_ask(p, &msg), -1);
    free(offer);
}

static void receive(struct peer *p)
{
    struct plm_msg msg = {.type = PLM_MSG_receive, .receive = {.pairs = 2}};
    peer_request(p, &msg);
    struct plm_msg *offered = peer_expect(p, PLM_MSG_offered);
    char *sdp = sdp_reply(p->w, offered->offered.sdp, "peer", 0x22);
    struct plm_msg answer = {.type = PLM_MSG_answer, .answer = {.sdp = sdp}};
    assert_int_equal(peer_ask(p, &answer), -1);
    plm_msg_free(offered);
    free(sdp);
}

static int setup(void **state)
{
    struct meeting *m = calloc(1, sizeof *m);
    m->w = world_create(NULL);
    m->ada = peer_enter(m->w, "r", "Ada", &m->id[0]);
    m->bob = peer_enter(m->w, "r", "Bob", &m->id[1]);
    publish(m->bob);
    m->sent = m->w->last_transport;
    receive(m->ada);
    m->received = m->w->last_transport;
    m->reported_us = m->w->now * 1000;
    peer_forget(m->ada);
    *state = m;
    return 0;
}

static int teardown(void **state)
{
    struct meeting *m = *state;
    peer_destroy(m->ada);
    peer_destroy(m->bob);
    world_destroy(m->w);
    free(m);
    return 0;
}

/** How one of media's seconds differs from a calm one. */
struct second {
    uint16_t lost_in, lost_out, packets_in;
};

static void end_second(struct meeting *m, const struct second *as)
{
    if (m->n == PLM_STATS_SECONDS) {
        memmove(m->out, m->out + 1, sizeof m->out - sizeof m->out[0]);
        memmove(m->in, m->in + 1, sizeof m->in - sizeof m->in[0]);
        m->n--;
    }
    m->reported_us += SECOND_US;
    m->out[m->n] = (struct plm_slot_second){.end_us = m->reported_us,
        .octets = 125000,
        .packets = 100,
        .lost = as->lost_out,
        .estimate_bps = 3000000,
        .state = PLM_SLOT_FORWARDING,
        .shows = m->id[1],
        .source = PLM_SOURCE_CAMERA};
    m->in[m->n++] = (struct plm_encoding_second){.end_us = m->reported_us,
        .octets = 125000,
        .packets = as->packets_in,
        .lost = as->lost_in,
        .frames = 30,
        .gap_ms = 34,
        .step_ms = 34};
}

/* Media tells of the last seconds, those that it told before among them; the new ones are like `as`. */
static void tell(struct meeting *m, const struct second *as)
{
    struct plm_slot_stats slots[2] = {{.media = 1, .shows = m->id[1], .source = PLM_SOURCE_CAMERA}};
    struct plm_track_stats track = {.source = PLM_SOURCE_CAMERA, .n_encodings = 1};
    struct plm_transport_stats to = {.id = m->received, .n_slots = 2, .slots = slots, .rtt_us = 40000};
    struct plm_transport_stats from = {.id = m->sent, .n_tracks = 1, .tracks = &track, .rtt_us = 20000};
    while (m->reported_us + SECOND_US <= m->w->now * 1000)
        end_second(m, as);
    slots[0].n_seconds = track.encodings[0].n_seconds = (uint8_t)m->n;
    memcpy(slots[0].seconds, m->out, sizeof m->out);
    memcpy(track.encodings[0].seconds, m->in, sizeof m->in);
    slots[1] = slots[0]; /* another slot with the same picture */
    slots[1].media = 3;
    plm_hub_on_stats(m->w->hub, &to);
    plm_hub_on_stats(m->w->hub, &from);
}

static void pass(struct meeting *m, uint64_t ms)
{
    for (uint64_t end = m->w->now + ms; m->w->now < end; m->w->now += 50)
        plm_hub_poll(m->w->hub);
}

static const struct second calm = {.packets_in = 100};

/* The answer to quality about somebody; plm_msg_free. NULL: refused, and error has the code. */
static struct plm_msg *ask(struct peer *p, uint32_t who, int *error)
{
    struct plm_msg request = {.type = PLM_MSG_quality, .quality = {.participant = who}};
    peer_forget(p);
    uint32_t id = peer_request(p, &request);
    struct plm_msg *msg;
    while ((msg = peer_read(p)) && !(msg->has_id && msg->id == id))
        plm_msg_free(msg);
    assert_non_null(msg);
    *error = msg->type == PLM_MSG_error ? (int)msg->error.code : -1;
    if (msg->type == PLM_MSG_quality_report)
        return msg;
    plm_msg_free(msg);
    return NULL;
}

static struct plm_msg *told_to_ada(struct meeting *m)
{
    int error;
    struct plm_msg *report = ask(m->ada, m->id[0], &error);
    assert_non_null(report);
    return report;
}

static void report_freeze(struct meeting *m, uint32_t freezes, uint32_t ms, enum plm_msg_source source)
{
    struct plm_msg_slot_report slot = {.mid = "1",
        .participant = m->id[1],
        .source = source,
        .has_frames = true,
        .frames = 120,
        .has_decode_us = true,
        .decode_us = 3000,
        .has_freezes = freezes > 0,
        .freezes = freezes,
        .has_frozen_ms = true,
        .frozen_ms = ms};
    struct plm_msg msg = {.type = PLM_MSG_report, .report = {.ms = 5000, .slots = &slot, .n_slots = 1}};
    assert_int_equal(peer_ask(m->ada, &msg), -1);
}

/* Each transport is asked every five seconds, as long as it is there. */
static void media_is_asked(void **state)
{
    struct meeting *m = *state;
    pass(m, 26000);
    assert_in_range(m->w->transports[m->received].asks, 4, 6);
    assert_in_range(m->w->transports[m->sent].asks, 4, 6);
    unsigned asks = m->w->transports[m->received].asks;
    world_lose(m->w, m->received, PLM_CLOSE_CONSENT);
    pass(m, 26000);
    assert_int_equal(m->w->transports[m->received].asks, asks);
    assert_in_range(m->w->transports[m->sent].asks, 9, 11);
}

static void seconds_add_up(void **state)
{
    struct meeting *m = *state;
    int error;
    for (unsigned i = 0; i < 15; i++) {
        pass(m, 5000);
        tell(m, &calm);
    }
    struct plm_msg *a = told_to_ada(m);
    assert_int_equal(a->quality_report.n_received, PLM_QUALITY_SECONDS);
    assert_int_equal(a->quality_report.n_sent, 0);
    const struct plm_msg_quality_second *s = &a->quality_report.received[PLM_QUALITY_SECONDS - 1];
    assert_int_equal(s->kbps, 2000); /* two slots */
    assert_int_equal(s->packets, 200);
    assert_int_equal(s->rtt_ms, 40);
    assert_int_equal(s->estimate_kbps, 3000);
    assert_int_equal(s->at - s[-1].at, 1000);
    assert_true(s->at <= world_wall(m->w) && s->at + 1000 >= world_wall(m->w));
    plm_msg_free(a);
    struct plm_msg *b = ask(m->ada, m->id[1], &error);
    assert_int_equal(b->quality_report.n_sent, PLM_QUALITY_SECONDS);
    assert_int_equal(b->quality_report.sent[0].kbps, 1000);
    assert_int_equal(b->quality_report.sent[0].rtt_ms, 20);
    plm_msg_free(b);
    const struct plm_quality_slot *slot =
        plm_quality_find_slot(plm_quality_find(plm_room_find(m->w->hub, "r"), m->id[0]), 1);
    assert_int_equal(slot->seconds_at.n, PLM_QUALITY_SLOT_SECONDS);
    for (unsigned i = 1; i < PLM_QUALITY_SLOT_SECONDS; i++)
        assert_int_equal(
            slot->seconds[plm_quality_nth(&slot->seconds_at, PLM_QUALITY_SLOT_SECONDS, i)].end_us -
                slot->seconds[plm_quality_nth(&slot->seconds_at, PLM_QUALITY_SLOT_SECONDS, i - 1)].end_us,
            SECOND_US);
}

static void check_freeze(struct meeting *m, unsigned nth, uint32_t ms, enum plm_msg_freeze_cause cause)
{
    struct plm_msg *r = told_to_ada(m);
    assert_true(r->quality_report.n_freezes > nth);
    assert_int_equal(r->quality_report.freezes[nth].ms, ms);
    assert_int_equal(r->quality_report.freezes[nth].participant, m->id[1]);
    assert_int_equal(r->quality_report.freezes[nth].source, PLM_MSG_source_camera);
    assert_int_equal(r->quality_report.freezes[nth].cause, cause);
    plm_msg_free(r);
}

/* It has no cause until its second is over and both legs were asked for it. */
static void a_freeze_gets_its_cause(void **state)
{
    static const struct {
        struct second second;
        enum plm_msg_freeze_cause cause;
    } rows[] = {
        {{.packets_in = 100, .lost_in = 7}, PLM_MSG_freeze_cause_publisher_uplink},
        {{.packets_in = 0}, PLM_MSG_freeze_cause_publisher_encoder},
        {{.packets_in = 100, .lost_out = 7}, PLM_MSG_freeze_cause_receiver_downlink},
        {{.packets_in = 100}, PLM_MSG_freeze_cause_receiver_decoder},
    };
    struct meeting *m = *state;
    struct plm_hub_counters counters;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pass(m, 8000);
        tell(m, &calm);
        pass(m, 1000);
        unsigned asks[] = {m->w->transports[m->received].asks, m->w->transports[m->sent].asks};
        report_freeze(m, 1, 400, PLM_MSG_source_camera);
        check_freeze(m, i, 400, PLM_MSG_freeze_cause_unknown);
        pass(m, 1200);
        assert_in_range(m->w->transports[m->received].asks - asks[0], 1, 2);
        assert_in_range(m->w->transports[m->sent].asks - asks[1], 1, 2);
        tell(m, &rows[i].second);
        pass(m, 600);
        check_freeze(m, i, 400, rows[i].cause);
        struct plm_msg *r = told_to_ada(m);
        assert_int_equal(r->quality_report.n_causes, i + 1);
        plm_hub_counters(m->w->hub, &counters);
        assert_int_equal(counters.freezes[rows[i].cause], 1);
        for (unsigned k = 0; k <= i; k++) {
            assert_int_equal(r->quality_report.causes[k].freezes, 1);
            assert_int_equal(r->quality_report.causes[k].ms, 400);
        }
        plm_msg_free(r);
    }
}

static void a_freeze_that_goes_on_is_one(void **state)
{
    struct meeting *m = *state;
    report_freeze(m, 1, 1000, PLM_MSG_source_camera);
    pass(m, 1000);
    report_freeze(m, 0, 1000, PLM_MSG_source_camera);
    pass(m, 3000);
    report_freeze(m, 0, 500, PLM_MSG_source_camera);
    struct plm_msg *r = told_to_ada(m);
    assert_int_equal(r->quality_report.n_freezes, 1);
    assert_int_equal(r->quality_report.freezes[0].ms, 2500);
    assert_int_equal(r->quality_report.n_causes, 1);
    assert_int_equal(r->quality_report.causes[0].ms, 2500);
    plm_msg_free(r);
}

/* A page on which nothing moves is no freeze, and a loss on its way is one. */
static void a_still_screen_is_none(void **state)
{
    struct meeting *m = *state;
    pass(m, 3000);
    report_freeze(m, 1, 900, PLM_MSG_source_screen);
    pass(m, 1200);
    struct plm_slot_stats slot = {.media = 1, .n_seconds = 1};
    struct plm_track_stats track = {.source = PLM_SOURCE_SCREEN, .n_encodings = 1};
    struct plm_transport_stats to = {.id = m->received, .n_slots = 1, .slots = &slot};
    struct plm_transport_stats from = {.id = m->sent, .n_tracks = 1, .tracks = &track};
    slot.seconds[0] = (struct plm_slot_second){.end_us = (m->w->now - 1000) * 1000,
        .state = PLM_SLOT_FORWARDING,
        .shows = m->id[1],
        .source = PLM_SOURCE_SCREEN};
    track.encodings[0].n_seconds = 1;
    track.encodings[0].seconds[0].end_us = slot.seconds[0].end_us;
    plm_hub_on_stats(m->w->hub, &to);
    plm_hub_on_stats(m->w->hub, &from);
    pass(m, 600);
    struct plm_msg *r = told_to_ada(m);
    assert_int_equal(r->quality_report.n_freezes, 0);
    assert_int_equal(r->quality_report.n_causes, 0);
    plm_msg_free(r);
}

static void who_is_told(void **state)
{
    struct meeting *m = *state;
    struct peer *eve = peer_enter(m->w, "r", "Eve", NULL);
    int error;
    struct plm_msg *r = ask(m->bob, m->id[1], &error);
    assert_non_null(r); /* of oneself everybody is */
    plm_msg_free(r);
    assert_null(ask(m->bob, m->id[0], &error));
    assert_int_equal(error, PLM_MSG_error_code_forbidden);
    assert_null(ask(eve, m->id[0], &error));
    assert_int_equal(error, PLM_MSG_error_code_forbidden);
    assert_null(ask(m->ada, 99, &error));
    assert_int_equal(error, PLM_MSG_error_code_not_found);
    peer_destroy(eve);
}

/* Whatever a client says costs it no more than its own ring: unknown slots and people, too many, too much, too often. */
static void reports_are_bounded(void **state)
{
    struct meeting *m = *state;
    struct plm_msg_slot_report slot = {.mid = "no", .participant = 77, .source = PLM_MSG_source_camera};
    struct plm_msg msg = {.type = PLM_MSG_report, .report = {.ms = 5000, .slots = &slot, .n_slots = 1}};
    assert_int_equal(peer_ask(m->ada, &msg), -1);
    slot.mid = "1";
    slot.has_frozen_ms = slot.has_freezes = true;
    slot.freezes = slot.frozen_ms = 5;
    assert_int_equal(peer_ask(m->ada, &msg), -1); /* of somebody who is not there */
    assert_null(plm_quality_find(plm_room_find(m->w->hub, "r"), m->id[1]));
    slot.participant = m->id[1];
    for (unsigned i = 0; i < 100; i++) {
        m->w->now += 1000;
        assert_int_equal(peer_ask(m->ada, &msg), -1);
    }
    unsigned logs = m->w->logs;
    pass(m, 3000);
    assert_int_equal(m->w->logs, logs + 1); /* not a line for each */
    struct plm_msg *r = told_to_ada(m);
    assert_int_equal(r->quality_report.n_freezes, PLM_QUALITY_FREEZES);
    plm_msg_free(r);
    unsigned refused = 0;
    for (unsigned i = 0; i < 40; i++)
        refused += peer_ask(m->ada, &msg) == PLM_MSG_error_code_too_fast;
    assert_in_range(refused, 25, 39);
    m->w->now += 60000;
    slot.frozen_ms = 60001;
    assert_int_equal(peer_ask(m->ada, &msg), PLM_MSG_error_code_bad_message);
    /* Who receives nothing has nothing to report. */
    slot.frozen_ms = 1;
    assert_int_equal(peer_ask(m->bob, &msg), PLM_MSG_error_code_bad_state);
}

static void who_left_is_kept_shortly(void **state)
{
    struct meeting *m = *state;
    struct plm_msg leave = {.type = PLM_MSG_leave};
    pass(m, 5000);
    tell(m, &calm);
    report_freeze(m, 1, 400, PLM_MSG_source_camera);
    pass(m, 3000);
    peer_request(m->ada, &leave);
    struct plm_room *room = plm_room_find(m->w->hub, "r");
    const struct plm_quality_person *p = plm_quality_find(room, m->id[0]);
    assert_non_null(p);
    assert_string_equal(p->name, "Ada");
    assert_true(p->left_ms);
    assert_null(p->received);
    assert_int_equal(p->freezes_at.n, 1);
    assert_non_null(plm_quality_find(room, m->id[1]));
    /* The meeting goes with freezes that nobody decided: Bob's memory is looked at by the sanitizer. */
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(media_is_asked),
        CASE(seconds_add_up),
        CASE(a_freeze_gets_its_cause),
        CASE(a_freeze_that_goes_on_is_one),
        CASE(a_still_screen_is_none),
        CASE(who_is_told),
        CASE(reports_are_bounded),
        CASE(who_left_is_kept_shortly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
