/*
 * What a publisher's stream may turn into on its way, and what that costs those who watch.
 */
#include "worker_world.h"

enum { FRAME_US = 33000, VP8_PT = 96, OTHER_PT = 98 };

/* A camera whose pictures come as VP8 under two payload types that are codecs of their own, for all that a receiver knows. */
static void two_codecs(struct plm_media_params *m)
{
    m->codecs[1] = m->codecs[0];
    m->codecs[1].codec = PLM_CODEC_VP9;
    m->codecs[1].pt = OTHER_PT;
    m->codecs[1].rtx_pt = OTHER_PT + 1;
    m->n_codecs = 2;
}

static struct peer *camera(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_MID] = 4}};
    video(&params.media[0], "0");
    two_codecs(&params.media[0]);
    params.media[0].direction = PLM_DIR_RECV;
    params.media[0].source = PLM_SOURCE_CAMERA;
    return connected(add_peer(w, who, &params, false));
}

static struct peer *watcher(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_TWCC] = 5}};
    video(&params.media[0], "v");
    two_codecs(&params.media[0]);
    params.media[0].direction = PLM_DIR_SEND;
    params.media[0].ssrc = RECEIVER_SSRC;
    params.media[0].pair = 0;
    return connected(add_peer(w, who, &params, false));
}

struct frame {
    uint32_t ssrc, ts;
    uint64_t ext_seq;
    uint8_t pt;
    bool key;
};

/* One packet: of VP8 with a picture id, or of VP9 without. */
static void send_one(struct peer *p, struct frame f)
{
    uint16_t seq = (uint16_t)f.ext_seq;
    uint8_t b[900] = {0x90, 0x80 | f.pt, (uint8_t)(seq >> 8), (uint8_t)seq, (uint8_t)(f.ts >> 24),
        (uint8_t)(f.ts >> 16), (uint8_t)(f.ts >> 8), (uint8_t)f.ts, 0, 0, 0, (uint8_t)f.ssrc, 0xbe, 0xde, 0,
        1, 0x40, '0', 0, 0};
    const uint8_t vp8[] = {0x90, 0x80, (uint8_t)(0x80 | seq >> 8), (uint8_t)seq, f.key ? 0x10 : 0x11, 2, 0,
        0x9d, 1, 0x2a, 0x80, 2, 0x68, 1};
    const uint8_t vp9[] = {f.key ? 0x0c : 0x4c, 1, 1};
    if (f.pt == VP8_PT)
        memcpy(b + 20, vp8, sizeof vp8);
    else
        memcpy(b + 20, vp9, sizeof vp9);
    b[sizeof b - 1] = (uint8_t)p->who;
    send_rtp(p, f.ssrc, f.ext_seq, b, 20, sizeof b);
}

static unsigned count_events(const struct world *w, enum plm_event_type type)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->n_events; i++)
        n += w->events[i].type == type;
    return n;
}

static uint64_t unsteady(struct world *w)
{
    take_stats(w);
    return w->stats.drops[PLM_DROP_RTP_UNSTEADY];
}

/** Each change makes all who watch begin anew: of two codecs in turn one is taken, until a second is over. */
static void codecs_do_not_alternate(void **state)
{
    struct world *w = *state;
    struct peer *a = camera(w, 1), *b = watcher(w, 2);
    struct frame f = {.ssrc = 42, .ts = 3000, .ext_seq = 100, .pt = VP8_PT, .key = true};
    send_one(a, f);
    assert_int_equal(b->rtp, 1);
    w->n_events = 0;
    for (unsigned i = 0; i < 60; i++) {
        f.ext_seq++;
        f.ts += 270;
        f.pt = i % 2 ? VP8_PT : OTHER_PT;
        send_one(a, f);
        run_for(w, 5000);
        if (i == 0)
            assert_int_equal(b->rtp, 2); /* whoever changes does so once, and need not wait */
    }
    assert_int_equal(b->rtp, 1 + 30);
    assert_int_equal(unsteady(w), 30);
    assert_int_equal(count_events(w, PLM_EV_SLOT), 1);
    run_for(w, 1000000);
    f.ext_seq++;
    send_one(a, f);
    assert_int_equal(b->rtp, 1 + 30 + 1);
}

static void ssrcs_do_not_alternate(void **state)
{
    struct world *w = *state;
    struct peer *a = camera(w, 1), *b = watcher(w, 2);
    struct frame f = {.ssrc = 42, .ts = 3000, .ext_seq = 100, .pt = VP8_PT, .key = true};
    send_one(a, f);
    w->n_events = 0;
    for (unsigned i = 0; i < 60; i++) {
        f.ext_seq++;
        f.ts += 270;
        f.ssrc = i % 2 ? 42 : 43;
        send_one(a, f);
        run_for(w, 5000);
    }
    assert_int_equal(b->rtp, 1 + 30);
    assert_int_equal(unsteady(w), 30);
    assert_int_equal(count_events(w, PLM_EV_SLOT), 1);
    run_for(w, 1000000);
    f.ext_seq++;
    send_one(a, f);
    assert_int_equal(b->rtp, 1 + 30 + 1);
}

static void command(struct peer *p, struct plm_command of)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    *cmd = of;
    cmd->transport = p->local.id;
    plm_worker_command(p->world->worker, cmd, p->world->now);
}

/** What is needed of a track is told at the end of a turn, in which the track may have gone. */
static void who_leaves_is_needed_no_more(void **state)
{
    struct world *w = *state;
    struct peer *a = camera(w, 1), *b = watcher(w, 2), *c = watcher(w, 3);
    run_for(w, 100000);
    w->n_events = 0;
    for (struct peer *p = b; p <= c; p++) {
        struct plm_view *off = calloc(1, sizeof *off);
        off->video_off = true;
        command(p, (struct plm_command){.type = PLM_CMD_VIEW, .view = off});
    }
    plm_worker_poll(w->worker, w->now);
    command(b, (struct plm_command){.type = PLM_CMD_VIEW, .view = calloc(1, sizeof(struct plm_view))});
    plm_worker_poll(w->worker, w->now);
    command(b, (struct plm_command){.type = PLM_CMD_CLOSE, .reason = PLM_CLOSE_LOCAL});
    command(a, (struct plm_command){.type = PLM_CMD_CLOSE, .reason = PLM_CLOSE_LOCAL});
    plm_worker_poll(w->worker, w->now);
    run_for(w, 5000000);
    assert_int_equal(count_events(w, PLM_EV_DEMAND), 0);
    take_stats(w);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_TRACKS], 0);
}

/* ---- on another worker ---- */

static struct world *elsewhere;

static void pass_on(struct world *w, const void *head, size_t head_len, const void *body, size_t body_len)
{
    uint8_t b[2048];
    struct plm_link_header h;
    (void)w;
    memcpy(&h, head, sizeof h);
    if (h.type != PLM_LINK_TRACK && h.type != PLM_LINK_PACKET && h.type != PLM_LINK_CLOCK)
        return;
    assert_true(head_len + body_len <= sizeof b);
    memcpy(b, head, head_len);
    if (body_len > 0)
        memcpy(b + head_len, body, body_len);
    plm_worker_link(elsewhere->worker, 0, b, head_len + body_len, elsewhere->now);
}

static void demand_by_link(struct world *w)
{
    struct {
        struct plm_link_header h;
        struct plm_link_demand d;
    } frame = {
        .h = {.size = sizeof frame.d,
            .type = PLM_LINK_DEMAND,
            .source = PLM_SOURCE_CAMERA,
            .room = 1,
            .instance = 5,
            .participant = 1},
        .d = {.encodings = 1},
    };
    plm_worker_link(w->worker, 1, (const uint8_t *)&frame, sizeof frame, w->now);
}

static void open_elsewhere(void)
{
    void *other;
    setup(&other);
    elsewhere = other;
}

static void close_elsewhere(void)
{
    void *other = elsewhere;
    teardown(&other);
}

/* What w shows comes to those elsewhere, too. */
static void link_worlds(struct world *w)
{
    w->on_link = pass_on;
    two_workers(w);
    run_for(elsewhere, 10000);
}

/* Two seconds of pictures, a key frame first. */
static void send_pictures(struct peer *a, struct frame *f)
{
    for (unsigned i = 0; i < 60; i++) {
        if (i % 30 == 0)
            demand_by_link(a->world);
        f->key = i == 0;
        f->ext_seq++;
        f->ts += 3000;
        send_one(a, *f);
        run_for(a->world, FRAME_US);
        run_for(elsewhere, FRAME_US);
    }
}

/** Another SSRC has numbers and times of its own, whatever those of the former one were: those who watch from another worker go on too. */
static void another_ssrc_is_seen_everywhere(void **state)
{
    struct world *w = *state;
    open_elsewhere();
    struct peer *a = camera(w, 1), *here = watcher(w, 2), *there = watcher(elsewhere, 3);
    link_worlds(w);
    struct frame f = {.ssrc = 42, .ts = 1000, .ext_seq = 30000, .pt = VP8_PT};
    send_pictures(a, &f);
    assert_int_equal(here->rtp, 60);
    assert_int_equal(there->rtp, 60);
    f = (struct frame){.ssrc = 43, .ts = 77777777, .ext_seq = 100, .pt = VP8_PT};
    send_pictures(a, &f);
    assert_int_equal(here->rtp, 120);
    assert_int_equal(there->rtp, 120);
    assert_true(there->last_ts - there->log[0].ts < 6 * 90000); /* by their clocks nothing happened */
    w->on_link = NULL;
    close_elsewhere();
}

/** Timestamps that begin anew under the same SSRC are no reason to wait until they are where they were. */
static void time_may_begin_anew(void **state)
{
    struct world *w = *state;
    open_elsewhere();
    struct peer *a = camera(w, 1), *here = watcher(w, 2), *there = watcher(elsewhere, 3);
    link_worlds(w);
    struct frame f = {.ssrc = 42, .ts = 1000000000, .ext_seq = 100, .pt = VP8_PT};
    send_pictures(a, &f);
    f.ts = 5000;
    send_pictures(a, &f);
    assert_int_equal(here->rtp, 120);
    assert_int_equal(there->rtp, 120);
    assert_true(here->last_ts - here->log[0].ts < 6 * 90000);
    assert_true(there->last_ts - there->log[0].ts < 6 * 90000);
    /* But not with each packet. */
    for (unsigned i = 0; i < 20; i++) {
        f.ext_seq++;
        f.key = true;
        f.ts = i % 2 ? 5000 : 1000000000;
        send_one(a, f);
    }
    assert_int_equal(unsteady(w), 9);
    w->on_link = NULL;
    close_elsewhere();
}

/* Of a stream that may have ended meanwhile. */
static void send_again(struct peer *p, uint16_t rtx_seq, uint16_t of_seq)
{
    uint8_t b[100] = {0x90, 0x80 | (VP8_PT + 1), (uint8_t)(rtx_seq >> 8), (uint8_t)rtx_seq, 0, 0, 0x10, 0, 0, 0, 0, 142,
        0xbe, 0xde, 0, 1, 0x40, '0', 0, 0, (uint8_t)(of_seq >> 8), (uint8_t)of_seq, 0x90, 0x80, 0x80, 1, 0x11};
    b[sizeof b - 1] = (uint8_t)p->who;
    send_rtp(p, 142, rtx_seq, b, 20, sizeof b);
}

/** A retransmission of the former stream, and padding of whatever time, take nothing from what comes. */
static void leftovers_stop_nothing(void **state)
{
    struct world *w = *state;
    open_elsewhere();
    struct peer *a = camera(w, 1), *b = watcher(w, 2);
    two_workers(w);
    struct frame f = {.ssrc = 42, .ts = 1000000000, .ext_seq = 40000, .pt = VP8_PT};
    send_pictures(a, &f);
    send_again(a, 1, 40010);
    f = (struct frame){.ssrc = 43, .ts = 5000, .ext_seq = 20000, .pt = VP8_PT};
    send_pictures(a, &f);
    assert_int_equal(b->rtp, 120);
    send_again(a, 2, 40059);
    const uint8_t padding[20] = {0x90, VP8_PT, 0x4e, 0x20 + 61, 0, 0, 0, 0, 0, 0, 0, 43, 0xbe, 0xde, 0, 1, 0x40, '0'};
    f.ext_seq++;
    run_for(w, 2000000);
    send_rtp(a, 43, f.ext_seq, padding, 20, 20);
    f.key = false;
    for (unsigned i = 0; i < 10; i++) {
        f.ext_seq++;
        f.ts += 3000;
        send_one(a, f);
    }
    assert_int_equal(b->rtp, 130);
    close_elsewhere();
}

/** The late start of a key frame from before the times began anew is not the picture that others begin with, nor stands in the way of one. */
static void late_key_frame_is_not_kept(void **state)
{
    struct world *w = *state;
    struct peer *a = camera(w, 1);
    watcher(w, 2);
    struct frame f = {.ssrc = 42, .ts = 1000000000, .ext_seq = 100, .pt = VP8_PT, .key = true};
    send_one(a, f);
    struct frame late = f;
    late.ext_seq++;
    late.ts += 3000;
    f.ext_seq += 2;
    f.ts = 5000;
    send_one(a, f);
    send_one(a, late);
    for (unsigned i = 0; i < 100; i++) { /* longer than a key frame is kept */
        run_for(w, FRAME_US);
        f.ext_seq++;
        f.ts += 3000;
        f.key = i == 95;
        send_one(a, f);
    }
    struct peer *c = watcher(w, 3);
    run_for(w, 100000);
    take_stats(w);
    assert_int_equal(w->stats.counters[PLM_CNT_GROUPS_REPLAYED], 1);
    assert_int_equal(c->rtp, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(codecs_do_not_alternate, setup, teardown),
        cmocka_unit_test_setup_teardown(ssrcs_do_not_alternate, setup, teardown),
        cmocka_unit_test_setup_teardown(who_leaves_is_needed_no_more, setup, teardown),
        cmocka_unit_test_setup_teardown(another_ssrc_is_seen_everywhere, setup, teardown),
        cmocka_unit_test_setup_teardown(time_may_begin_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(leftovers_stop_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(late_key_frame_is_not_kept, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
