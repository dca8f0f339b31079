/*
 * A receiver's line gets narrow: what comes of the encoding that is to be left waits for the key frame of the lower one. When that comes, nothing
 * of it was sent; when it does not, nothing of it is missing.
 */
#include "worker_world.h"

#include "bwe.h"
#include "slot.h"
#include "transport.h"
#include "worker_core.h"

enum {
    ADA = 1,
    EVE,
    FRAME_US = 35000,
    HIGH = 0x80, /* in a packet's last octet: of the upper encoding; the rest is the frame's number */
};

/* ---- the estimate, as far as it matters here ---- */

static bool fell;

bool __wrap_plm_bwe_fell_far(const struct plm_bwe *b, uint64_t now_us);
bool __wrap_plm_bwe_fell_far(const struct plm_bwe *b, uint64_t now_us)
{
    (void)b, (void)now_us;
    return fell;
}

static void line_carries(struct peer *eve, uint64_t bps)
{
    uint8_t b[256];
    uint32_t ssrc = RECEIVER_SSRC;
    size_t n = plm_rtcp_write_rr(b, sizeof b, 1, NULL, 0);
    n += plm_rtcp_write_remb(b + n, sizeof b - n, 1, bps, &ssrc, 1);
    assert_int_equal(plm_security_dtls.seal_rtcp(eve->sec, b, &n, sizeof b), 0);
    peer_send(eve, b, n);
    deliver(eve->world);
}

/* ---- Ada's camera, in two encodings ---- */

struct scene {
    struct world *w;
    struct peer *ada, *eve;
    uint64_t seqs[2];
    uint32_t frame;
};

static struct peer *publisher(struct world *w)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_RID] = 5}};
    struct plm_media_params *m = &params.media[0];
    video(m, "0");
    m->direction = PLM_DIR_RECV;
    m->source = PLM_SOURCE_CAMERA;
    m->n_rids = 2;
    m->rids[0][0] = 'l';
    m->rids[1][0] = 'h';
    struct peer *p = add_peer(w, ADA, &params, false);
    connect_peer(p);
    return p;
}

/* VP8 with 15-bit picture id. */
static void send_packet(
    struct scene *s, unsigned e, uint64_t seq, uint32_t frame, bool first, bool last, bool key)
{
    uint32_t ts = frame * FRAME_US / 1000 * 90;
    uint8_t b[1400] = {0x90, (uint8_t)(96 | (last ? 0x80 : 0)), (uint8_t)(seq >> 8), (uint8_t)seq,
        (uint8_t)(ts >> 24), (uint8_t)(ts >> 16), (uint8_t)(ts >> 8), (uint8_t)ts, 0, 0, 0, (uint8_t)(42 + e),
        0xbe, 0xde, 0, 1, 0x40, '0', 0x50, "lh"[e], (uint8_t)(first ? 0x90 : 0x80), 0x80,
        (uint8_t)(0x80 | frame >> 8), (uint8_t)frame, first && key ? 0x10 : 0x11, 2, 0, 0x9d, 1, 0x2a, 0x80,
        2, 0x68, 1};
    size_t len = e ? 950 : 300;
    b[len - 1] = (uint8_t)((e ? HIGH : 0) | (frame & 0x7f));
    send_rtp(s->ada, 42 + e, seq, b, 20, len);
}

static void send_high(struct scene *s, bool key)
{
    send_packet(s, 1, s->seqs[1]++, s->frame, true, false, key);
    send_packet(s, 1, s->seqs[1]++, s->frame, false, true, key);
}

/* Of the upper encoding's last frame, as padding has it. */
static void send_padding(struct scene *s)
{
    uint64_t seq = s->seqs[1]++;
    uint32_t ts = s->frame * FRAME_US / 1000 * 90;
    uint8_t b[] = {0xb0, 96, (uint8_t)(seq >> 8), (uint8_t)seq, (uint8_t)(ts >> 24), (uint8_t)(ts >> 16),
        (uint8_t)(ts >> 8), (uint8_t)ts, 0, 0, 0, 43, 0xbe, 0xde, 0, 1, 0x40, '0', 0x50, 'h', 0, 0, 0, 4};
    send_rtp(s->ada, 43, seq, b, 20, sizeof b);
}

/* A frame of both. */
static void send_both(struct scene *s, bool low_key, bool high_key)
{
    s->frame++;
    send_high(s, high_key);
    send_packet(s, 0, s->seqs[0]++, s->frame, true, true, low_key);
}

static void go_on(struct scene *s, unsigned frames)
{
    while (frames--) {
        run_for(s->w, FRAME_US);
        send_both(s, false, false);
    }
}

static struct plm_slot *slot_of(struct scene *s)
{
    return &plm_worker_find_transport(s->w->worker, s->eve->local.id)->slots[0];
}

/* Eve is shown the upper encoding. */
static struct scene begin(void **state)
{
    struct scene s = {.w = *state, .seqs = {100, 100}};
    fell = false;
    s.ada = publisher(s.w);
    s.eve = add_receiver(s.w, EVE);
    connect_peer(s.eve);
    send_both(&s, true, true);
    for (int i = 0; i < 15; i++) { /* until the estimate counts */
        go_on(&s, 3);
        line_carries(s.eve, 10000000);
    }
    send_both(&s, false, true);
    go_on(&s, 30);
    assert_int_equal(slot_of(&s)->layers.current, 1);
    s.eve->n_log = 0;
    return s;
}

static unsigned got(const struct scene *s, unsigned high)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->eve->n_log; i++)
        n += (s->eve->log[i].who & HIGH) == high;
    return n;
}

/* Numbers go on without a gap, frames of each encoding in order. */
static void expect_dense(const struct scene *s)
{
    for (unsigned i = 1; i < s->eve->n_log; i++) {
        const struct got *g = &s->eve->log[i];
        assert_int_equal((uint16_t)(g->seq - g[-1].seq), 1);
        assert_true((int32_t)(g->ts - g[-1].ts) >= 0);
    }
}

/* The line falls while a frame is under way, of which the second packet then comes. */
static void fall(struct scene *s)
{
    unsigned asked = s->ada->pli;
    run_for(s->w, FRAME_US);
    s->frame++;
    send_packet(s, 1, s->seqs[1]++, s->frame, true, false, false);
    s->eve->n_log = 0;
    fell = true;
    line_carries(s->eve, 200000);
    assert_int_equal(slot_of(s)->layers.target, 0);
    assert_int_equal(s->ada->pli, asked + 1);
    send_packet(s, 1, s->seqs[1]++, s->frame, false, true, false);
    assert_int_equal(got(s, HIGH), 1);
}

static void ada_leaves(struct scene *s)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    assert_non_null(cmd);
    cmd->type = PLM_CMD_CLOSE;
    cmd->transport = s->ada->local.id;
    cmd->reason = PLM_CLOSE_LOCAL;
    plm_worker_command(s->w->worker, cmd, s->w->now);
    run_for(s->w, 400000);
}

/* ---- tests ---- */

static void a_key_frame_in_time_takes_its_place(void **state)
{
    struct scene s = begin(state);
    fall(&s);
    go_on(&s, 3);
    assert_int_equal(s.eve->n_log, 1); /* the frame that was under way, to its end */
    send_both(&s, true, false);
    assert_int_equal(got(&s, 0), 1);
    send_both(&s, false, false);
    assert_int_equal(got(&s, 0), 2);
    go_on(&s, 9);
    assert_int_equal(got(&s, HIGH), 1);
    assert_int_equal(got(&s, 0), 11);
    expect_dense(&s);
    /* What waited is not asked for by any number that Eve knows, and what was sent is still there. */
    s.eve->dropped_seq = s.eve->log[0].seq;
    send_nack(s.eve, RECEIVER_SSRC, s.eve->dropped_seq);
    assert_int_equal(s.eve->rtx, 1);
}

static void without_one_all_of_it_goes_on(void **state)
{
    struct scene s = begin(state);
    fall(&s);
    go_on(&s, 7);
    assert_int_equal(s.eve->n_log, 1);
    go_on(&s, 3);
    assert_int_equal(got(&s, HIGH), 1 + 2 * 10);
    assert_int_equal(s.eve->log[1].who, HIGH | ((s.frame - 9) & 0x7f));
    expect_dense(&s);
    /* It does not wait again for the same aim. */
    plm_slot_aim(slot_of(&s), 0, 2, 1);
    go_on(&s, 3);
    assert_int_equal(got(&s, HIGH), 1 + 2 * 13);
    send_both(&s, true, false);
    go_on(&s, 3);
    assert_int_equal(got(&s, HIGH), 1 + 2 * 14); /* of the key frame's time the upper encoding came first */
    assert_int_equal(got(&s, 0), 4);
    expect_dense(&s);
}

static void an_aim_that_goes_back_lets_it_go_on(void **state)
{
    struct scene s = begin(state);
    fall(&s);
    go_on(&s, 3);
    unsigned asked = s.ada->pli;
    plm_slot_aim(slot_of(&s), 1, 2, 1);
    run_for(s.w, 5000);
    assert_int_equal(got(&s, HIGH), 1 + 2 * 3);
    assert_int_equal(s.ada->pli, asked);
    expect_dense(&s);
}

static void packets_out_of_order_keep_their_places(void **state)
{
    struct scene s = begin(state);
    fall(&s);
    run_for(s.w, FRAME_US);
    s.frame++;
    uint64_t first = s.seqs[1]++;
    send_packet(&s, 1, s.seqs[1]++, s.frame, false, true, false);
    send_packet(&s, 1, first, s.frame, true, false, false);
    assert_int_equal(s.eve->n_log, 1);
    go_on(&s, 9);
    assert_int_equal(got(&s, HIGH), 1 + 2 * 10);
    expect_dense(&s);
}

/* Numbers that jump leave what waited behind: what is there goes on, and is looked for no further back than it can be. */
static void numbers_that_jump_meanwhile(void **state)
{
    struct scene s = begin(state);
    fall(&s);
    for (int i = 0; i < 50; i++) {
        s.seqs[1] += 30000;
        s.frame++;
        send_high(&s, false);
    }
    assert_int_equal(s.eve->n_log, 1);
    go_on(&s, 10);
    assert_false(slot_of(&s)->defers);
    assert_int_equal(s.eve->log[s.eve->n_log - 1].who, HIGH | (s.frame & 0x7f));
}

/* Padding among what waits: numbers that were kept for the rest would be missing for good. */
static void padding_waits_too(void **state)
{
    struct scene s = begin(state);
    fall(&s);
    send_padding(&s);
    run_for(s.w, FRAME_US);
    s.frame++;
    send_high(&s, false);
    s.frame--;
    send_padding(&s);
    s.frame++;
    send_both(&s, true, false);
    go_on(&s, 10);
    assert_int_equal(got(&s, HIGH), 1);
    assert_int_equal(got(&s, 0), 11);
    expect_dense(&s);
}

static void a_line_that_fell_by_little_waits_for_nothing(void **state)
{
    struct scene s = begin(state);
    line_carries(s.eve, 200000);
    assert_int_equal(slot_of(&s)->layers.target, 0);
    go_on(&s, 3);
    assert_int_equal(got(&s, HIGH), 2 * 3);
    expect_dense(&s);
}

static void what_is_paused_or_gone_waits_no_longer(void **state)
{
    struct scene s = begin(state);
    fall(&s);
    go_on(&s, 3);
    plm_slot_aim(slot_of(&s), PLM_LAYER_NONE, 0, 1);
    assert_false(slot_of(&s)->defers);
    go_on(&s, 2);
    assert_int_equal(s.eve->n_log, 1);
    /* Begun anew, it needs a key frame. */
    plm_slot_aim(slot_of(&s), 1, 2, 1);
    go_on(&s, 2);
    assert_int_equal(s.eve->n_log, 1);
    ada_leaves(&s);
    assert_int_equal(s.eve->n_log, 1);
}

static void its_publisher_may_go_meanwhile(void **state)
{
    struct scene s = begin(state);
    fall(&s);
    go_on(&s, 3);
    ada_leaves(&s);
    assert_false(slot_of(&s)->defers);
    assert_int_equal(s.eve->n_log, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_frame_in_time_takes_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(without_one_all_of_it_goes_on, setup, teardown),
        cmocka_unit_test_setup_teardown(an_aim_that_goes_back_lets_it_go_on, setup, teardown),
        cmocka_unit_test_setup_teardown(packets_out_of_order_keep_their_places, setup, teardown),
        cmocka_unit_test_setup_teardown(numbers_that_jump_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(padding_waits_too, setup, teardown),
        cmocka_unit_test_setup_teardown(a_line_that_fell_by_little_waits_for_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_paused_or_gone_waits_no_longer, setup, teardown),
        cmocka_unit_test_setup_teardown(its_publisher_may_go_meanwhile, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
