/*
 * Receivers of one stream in three spatial layers, VP9 or AV1, by the size that they show it in: on the worker that it comes to, or on another.
 */
#include "dd_writer.h"
#include "worker_world.h"

#include "shard.h"
#include "track.h"
#include "worker_core.h"

enum {
    ADA = 1,
    BIG,
    SMALL,
    FRAME_US = 35000,
    WIDTH = 1280, /* of the highest layer; the others are half as large each */
    HEIGHT = 720,
    LAYERS = 3,
};

static enum plm_codec codec;

/* What is on its way from one worker to the other: none is entered from within its own sending. */
struct road {
    struct world *from, *to;
    uint8_t frames[1 << 16];
    size_t n;
};
static struct road roads[2];
static struct world *away; /* where the receivers are; NULL: where the publisher is */

static void on_link(struct world *w, const void *head, size_t head_len, const void *body, size_t body_len)
{
    struct road *r = &roads[w == roads[1].from];
    assert_true(r->n + head_len + body_len <= sizeof r->frames);
    memcpy(r->frames + r->n, head, head_len);
    if (body_len)
        memcpy(r->frames + r->n + head_len, body, body_len);
    r->n += head_len + body_len;
}

static void travel(struct road *r)
{
    static uint8_t frames[sizeof r->frames];
    size_t n = r->n, at = 0;
    memcpy(frames, r->frames, n);
    r->n = 0;
    while (at < n) {
        struct plm_link_header h;
        memcpy(&h, frames + at, sizeof h);
        plm_worker_link(r->to->worker, 1, frames + at, sizeof h + h.size, r->to->now);
        at += sizeof h + h.size;
    }
    plm_worker_poll(r->to->worker, r->to->now);
    deliver(r->to);
}

static void run_both(struct world *home, uint64_t us)
{
    run_for(home, us);
    if (!away)
        return;
    travel(&roads[0]);
    run_for(away, us);
    travel(&roads[1]);
}

static void layered(struct plm_media_params *m, const char *mid)
{
    video(m, mid);
    m->codecs[0].codec = codec;
}

static struct peer *publisher(struct world *w)
{
    struct plm_transport_params params = {.n_media = 1,
        .exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_TWCC] = 3, [PLM_EXT_DEPENDENCY_DESCRIPTOR] = 5},
        .extmap_allow_mixed = true};
    layered(&params.media[0], "0");
    params.media[0].direction = PLM_DIR_RECV;
    params.media[0].source = PLM_SOURCE_CAMERA;
    struct peer *p = add_peer(w, ADA, &params, false);
    connect_peer(p);
    p->video_seq = 100;
    return p;
}

static struct peer *receiver(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1,
        .exts.id = {[PLM_EXT_TWCC] = 5, [PLM_EXT_DEPENDENCY_DESCRIPTOR] = 6},
        .extmap_allow_mixed = true};
    layered(&params.media[0], "v");
    params.media[0].direction = PLM_DIR_SEND;
    params.media[0].ssrc = RECEIVER_SSRC;
    params.media[0].rtx_ssrc = RECEIVER_SSRC + 1;
    params.media[0].pair = 0;
    struct peer *p = add_peer(w, who, &params, false);
    connect_peer(p);
    p->dd_id = codec == PLM_CODEC_AV1 ? 6 : 0;
    return p;
}

static void look_at(struct peer *p, plm_participant_id who, uint16_t width, uint16_t height)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_VIEW;
    cmd->transport = p->local.id;
    cmd->view = calloc(1, sizeof *cmd->view);
    cmd->view->mode = PLM_VIEW_ITEMS;
    cmd->view->items[cmd->view->n_items++] = (struct plm_view_item){who, PLM_SOURCE_CAMERA, width, height, 9};
    plm_worker_command(p->world->worker, cmd, p->world->now);
    plm_worker_poll(p->world->worker, p->world->now);
    deliver(p->world);
}

static void look(struct peer *p, uint16_t width, uint16_t height)
{
    look_at(p, ADA, width, height);
}

/* RFC 9628 section 4.2, flexible mode. @return octets */
static size_t write_vp9(const struct peer *p, uint8_t sid, bool key, uint8_t *b)
{
    uint16_t picture = (uint16_t)(p->video_ts / 3000) & 0x7fff;
    bool structure = key && sid == 0;
    size_t n = 0;
    b[n++] = (uint8_t)(0xbc | (key ? 0 : 0x40) | (structure ? 2 : 0));
    b[n++] = (uint8_t)(0x80 | picture >> 8);
    b[n++] = (uint8_t)picture;
    b[n++] = (uint8_t)(sid << 1 | (sid > 0));
    if (!key)
        b[n++] = 1 << 1;
    if (structure) {
        b[n++] = (LAYERS - 1) << 5 | 0x10;
        for (unsigned i = LAYERS; i-- > 0; n += 4) {
            b[n] = (uint8_t)(WIDTH >> i >> 8);
            b[n + 1] = (uint8_t)(WIDTH >> i);
            b[n + 2] = (uint8_t)(HEIGHT >> i >> 8);
            b[n + 3] = (uint8_t)(HEIGHT >> i);
        }
    }
    return n;
}

/* L3T3 as encoders send it (AV1 RTP specification, section A.10.2): the long structure of nine targets and three chains. */
static const struct dd_template l3t3[] = {
    {0, 0, "SSSRRRRRR", {12}, {12, 11, 10}},
    {0, 0, "SSSSSSSSS", {0}, {0, 0, 0}},
    {0, 1, "-DS-RR-RR", {6}, {6, 5, 4}},
    {0, 2, "--D--R--R", {3}, {3, 2, 1}},
    {0, 2, "--D--R--R", {3}, {9, 8, 7}},
    {1, 0, "---SSSRRR", {12, 1}, {1, 1, 1}},
    {1, 0, "---SSSSSS", {1}, {1, 1, 1}},
    {1, 1, "----DS-RR", {6, 1}, {7, 6, 5}},
    {1, 2, "-----D--R", {3, 1}, {4, 3, 2}},
    {1, 2, "-----D--R", {3, 1}, {10, 9, 8}},
    {2, 0, "------SSS", {12, 1}, {2, 1, 1}},
    {2, 0, "------SSS", {1}, {2, 1, 1}},
    {2, 1, "-------DS", {6, 1}, {8, 7, 6}},
    {2, 2, "--------D", {3, 1}, {5, 4, 3}},
    {2, 2, "--------D", {3, 1}, {11, 10, 9}},
};

/* All of it is of the lowest temporal layer, so each picture refers to the one before. */
static void write_dd(struct dd_writer *w, const struct peer *p, uint8_t sid, bool key)
{
    dd_begin(w, true, true, sid * 5u + key, p->video_ts / 3000 * LAYERS + sid);
    if (!key) {
        dd_flags(w, false, false, false, true, false);
        dd_fdiff(w, 1, LAYERS);
        if (sid)
            dd_fdiff(w, 1, 1);
        dd_bits(w, 2, 0);
    } else if (sid == 0) {
        dd_flags(w, true, false, false, false, false);
        dd_structure(w, 0, 9, l3t3, 15, 3, "\0\0\0\1\1\1\2\2\2", true);
        for (unsigned i = LAYERS; i-- > 0;)
            dd_size(w, WIDTH >> i, HEIGHT >> i);
    }
}

static size_t write_element(uint8_t *b, uint8_t id, const void *val, size_t len)
{
    b[0] = id;
    b[1] = (uint8_t)len;
    memcpy(b + 2, val, len);
    return len + 2;
}

/* One layer of a picture in one packet, which ends with the layer's number. */
static void send_layer(struct peer *p, uint8_t sid, bool key)
{
    uint64_t seq = ++p->video_seq;
    uint8_t b[1400] = {0x90, (uint8_t)(96 | (sid + 1 == LAYERS ? 0x80 : 0)), (uint8_t)(seq >> 8),
        (uint8_t)seq, (uint8_t)(p->video_ts >> 24), (uint8_t)(p->video_ts >> 16), (uint8_t)(p->video_ts >> 8),
        (uint8_t)p->video_ts, 0, 0, 0, 42, 0x10, 0};
    const uint8_t twcc[] = {(uint8_t)(seq >> 8), (uint8_t)seq};
    size_t n = 16;
    n += write_element(b + n, 4, "0", 1);
    n += write_element(b + n, 3, twcc, 2);
    if (codec == PLM_CODEC_AV1) {
        struct dd_writer w;
        write_dd(&w, p, sid, key);
        n += write_element(b + n, 5, w.data, dd_len(&w));
    }
    n = (n + 3) / 4 * 4;
    b[15] = (uint8_t)((n - 16) / 4);
    size_t hdr = n;
    if (codec == PLM_CODEC_AV1)
        b[n++] = key && sid == 0 ? 0x18 : 0x10; /* aggregation header: N, W = 1 */
    else
        n += write_vp9(p, sid, key, b + n);
    n += 200u << sid;
    b[n++] = sid;
    queue_rtp(p, 42, seq, b, hdr, n);
}

/* A key picture where one was asked for. */
static void go_on(struct peer *p, uint64_t us, bool *key)
{
    for (uint64_t end = p->world->now + us; p->world->now < end;) {
        unsigned asked = p->pli;
        run_both(p->world, FRAME_US);
        *key |= p->pli != asked;
        p->video_ts += 3000;
        for (uint8_t sid = 0; sid < LAYERS; sid++)
            send_layer(p, sid, *key);
        *key = false;
        deliver(p->world);
    }
}

/* Of what it got from the `from`th packet on. @return the highest layer */
static unsigned check_pictures(const struct peer *p, unsigned from)
{
    unsigned top = 0;
    for (unsigned i = from; i < p->n_log; i++)
        top = p->log[i].who > top ? p->log[i].who : top;
    assert_true(p->n_log > from + 20);
    for (unsigned i = from; i < p->n_log; i++) {
        assert_int_equal(p->log[i].marker, p->log[i].who == top);
        if (i > from)
            assert_int_equal(p->log[i].seq, (uint16_t)(p->log[i - 1].seq + 1));
    }
    return top;
}

/* The highest spatial layer that it has been told to expect. */
static int told(const struct peer *p)
{
    int top = -1;
    for (int target = 0; target < 9; target++)
        top = p->dd.active_targets >> target & 1 ? target / 3 : top;
    return top;
}

static void check_told(const struct peer *big, int top, const struct peer *small, int small_top)
{
    assert_int_equal(told(big), codec == PLM_CODEC_AV1 ? top : -1);
    assert_int_equal(told(small), codec == PLM_CODEC_AV1 ? small_top : -1);
}

static void each_gets_what_it_shows(struct world *w)
{
    bool key = true;
    struct world *theirs = away ? away : w;
    struct peer *ada = publisher(w), *big = receiver(theirs, BIG), *small = receiver(theirs, SMALL);
    if (away) {
        two_workers(w);
        two_workers(away);
    }
    look(big, WIDTH, HEIGHT);
    look(small, WIDTH / 4, HEIGHT / 4);
    go_on(ada, 4000000, &key);
    big->n_log = small->n_log = 0;
    go_on(ada, 1500000, &key);
    assert_int_equal(check_pictures(big, 0), 2);
    assert_int_equal(check_pictures(small, 0), 0);
    check_told(big, 2, small, 0);
    /* The small one becomes larger, and small again. */
    unsigned asked = ada->pli;
    look(small, WIDTH / 2, HEIGHT / 2);
    go_on(ada, 3000000, &key);
    assert_true(ada->pli > asked);
    big->n_log = small->n_log = 0;
    go_on(ada, 1500000, &key);
    assert_int_equal(check_pictures(small, 0), 1);
    check_told(big, 2, small, 1);
    asked = ada->pli;
    look(small, WIDTH / 4, HEIGHT / 4);
    small->n_log = 0;
    go_on(ada, 1500000, &key);
    assert_int_equal(check_pictures(small, 0), 0);
    assert_int_equal(check_pictures(big, 0), 2);
    check_told(big, 2, small, 0);
    assert_int_equal(ada->pli, asked);
    assert_int_equal(big->dd_structures > 0, codec == PLM_CODEC_AV1);
}

static void vp9_by_its_descriptor(void **state)
{
    codec = PLM_CODEC_VP9;
    each_gets_what_it_shows(*state);
}

static void av1_by_dependency_descriptor(void **state)
{
    codec = PLM_CODEC_AV1;
    each_gets_what_it_shows(*state);
}

/* Two workers of one room. */
static int setup_two(void **state)
{
    void *other;
    setup(state);
    setup(&other);
    struct world *w = *state;
    away = other;
    roads[0].from = roads[1].to = w;
    roads[1].from = roads[0].to = away;
    roads[0].n = roads[1].n = 0;
    w->on_link = away->on_link = on_link;
    return 0;
}

static int teardown_two(void **state)
{
    void *other = away;
    away = NULL;
    return teardown(state) + teardown(&other);
}

static void check_clock(const struct plm_link_clock *c)
{
    assert_int_equal(c->spatial_layers, LAYERS);
    /* 200, 400 and 800 octets of a picture, and what they are packed in */
    assert_in_range(c->spatial_shares[0], 256 * 200 / 1400, 256 * 270 / 1400);
    assert_in_range(c->spatial_shares[1], 256 * 600 / 1400, 256 * 680 / 1400);
}

/* Where nothing of it comes yet, what it takes is what its home measured: 30 pictures a second, without what they are packed in. */
static void what_is_told_of_it_can_be_chosen_from(void **state)
{
    struct world *w = *state;
    bool key = true;
    codec = PLM_CODEC_VP9;
    struct peer *ada = publisher(w);
    look_at(receiver(away, BIG), SMALL, WIDTH, HEIGHT);
    two_workers(w);
    two_workers(away);
    go_on(ada, 5000000, &key);
    check_clock(&w->clock);
    assert_int_equal(w->link_packets, 0);
    const struct plm_shard *s = plm_worker_find_shard(away->worker, 1);
    const struct plm_track *tr = plm_shard_find_track(s, ADA, PLM_SOURCE_CAMERA);
    assert_int_equal(plm_track_spatial_layers(tr), LAYERS);
    for (unsigned sid = 0, octets = 200; sid < LAYERS; octets += 400u << sid++) {
        struct plm_alloc_layer layer;
        plm_track_describe_spatial(tr, (uint8_t)sid, &layer);
        assert_true(layer.sent);
        assert_int_equal(layer.width, WIDTH >> (LAYERS - 1 - sid));
        assert_in_range(
            layer.bps[PLM_ALLOC_TEMPORAL - 1], octets * 8 * 28, (octets + 60 * (sid + 1)) * 8 * 30);
    }
}

/* A key picture tells how many layers there are, and not only the clock a while later. */
static void each_gets_it_from_another_worker(struct world *w)
{
    bool key = true;
    each_gets_what_it_shows(w);
    assert_true(w->link_packets > 0);
    check_clock(&w->clock);
    unsigned clocks = w->clocks;
    go_on(&w->peers[0], 3 * FRAME_US, &key);
    assert_int_equal(w->clocks, clocks);
    const struct plm_shard *s = plm_worker_find_shard(away->worker, 1);
    assert_int_equal(plm_track_spatial_layers(plm_shard_find_track(s, ADA, PLM_SOURCE_CAMERA)), LAYERS);
}

static void vp9_from_another_worker(void **state)
{
    codec = PLM_CODEC_VP9;
    each_gets_it_from_another_worker(*state);
}

static void av1_from_another_worker(void **state)
{
    codec = PLM_CODEC_AV1;
    each_gets_it_from_another_worker(*state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vp9_by_its_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(av1_by_dependency_descriptor, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_told_of_it_can_be_chosen_from, setup_two, teardown_two),
        cmocka_unit_test_setup_teardown(vp9_from_another_worker, setup_two, teardown_two),
        cmocka_unit_test_setup_teardown(av1_from_another_worker, setup_two, teardown_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
