/*
 * A publisher describes itself anew: what becomes of its tracks, and of what others know of them.
 */
#include "worker_world.h"

static struct plm_transport_params publisher_params(unsigned n_media)
{
    struct plm_transport_params params = {
        .n_media = (uint16_t)n_media, .exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_RID] = 5}};
    for (unsigned i = 0; i < n_media; i++) {
        video(&params.media[i], i ? "1" : "0");
        params.media[i].direction = PLM_DIR_RECV;
        params.media[i].source = i ? PLM_SOURCE_SCREEN : PLM_SOURCE_CAMERA;
    }
    return params;
}

static void describe(struct peer *p, const struct plm_transport_params *params)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_DESCRIBE;
    cmd->transport = p->local.id;
    cmd->params = malloc(sizeof *params);
    *cmd->params = *params;
    cmd->params->fingerprint = *plm_identity_fingerprint(p->identity);
    plm_worker_command(p->world->worker, cmd, p->world->now);
    plm_worker_poll(p->world->worker, p->world->now);
}

static void add_rids(struct plm_media_params *m)
{
    m->n_rids = 3;
    for (unsigned i = 0; i < 3; i++)
        m->rids[i][0] = "qhf"[i];
}

/* A key frame of VP8 that says which encoding it is of. */
static void send_key_frame_of(struct peer *p, uint32_t ssrc, char rid, uint8_t pt, uint16_t seq)
{
    uint8_t b[900] = {0x90, 0x80 | pt, (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0, 0, 0, 0, 0, (uint8_t)ssrc,
        0xbe, 0xde, 0, 1, 0x40, '0', 0x50, (uint8_t)rid};
    const uint8_t payload[] = {0x90, 0x80, 0x80, 1, 0x10, 2, 0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1};
    memcpy(b + 20, payload, sizeof payload);
    send_rtp(p, ssrc, seq, b, 20, sizeof b);
}

/* What worker 1 was told of tracks: '+' and '-' for a track that is there, or gone; in capitals of a screen. */
static char told[64];

static void note_told(struct world *w, const void *head, size_t head_len, const void *body, size_t body_len)
{
    struct plm_link_header h;
    (void)w, (void)head_len, (void)body, (void)body_len;
    memcpy(&h, head, sizeof h);
    if (h.type != PLM_LINK_TRACK && h.type != PLM_LINK_TRACK_GONE)
        return;
    size_t n = strlen(told);
    assert_true(n + 3 < sizeof told);
    told[n] = h.type == PLM_LINK_TRACK ? '+' : '-';
    told[n + 1] = h.source == PLM_SOURCE_SCREEN ? 'S' : 'C';
    told[n + 2] = '\0';
}

static void hear_what_is_told(struct world *w)
{
    two_workers(w);
    w->on_link = note_told;
    told[0] = '\0';
}

static void simulcast_begins_in_a_later_description(void **state)
{
    struct world *w = *state;
    struct plm_transport_params params = publisher_params(1);
    struct peer *a = connected(add_peer(w, 1, &params, false));
    struct peer *b = connected(add_receiver(w, 2));
    add_rids(&params.media[0]);
    describe(a, &params);
    for (uint16_t seq = 1; seq <= 3; seq++) {
        for (unsigned i = 0; i < 3; i++)
            send_key_frame_of(a, 70 + i, "qhf"[i], 96, seq);
    }
    run_for(w, 100000);
    assert_true(b->rtp > 0);
    /* And ends in another one. */
    params.media[0].n_rids = 0;
    describe(a, &params);
    unsigned before = b->rtp;
    send_key_frame_of(a, 80, 'q', 96, 1);
    assert_int_equal(b->rtp, before + 1);
}

static void the_same_description_changes_nothing(void **state)
{
    struct world *w = *state;
    struct plm_transport_params params = publisher_params(2);
    add_rids(&params.media[0]);
    struct peer *a = connected(add_peer(w, 1, &params, false));
    hear_what_is_told(w);
    describe(a, &params);
    assert_string_equal(told, "");
}

static void swapped_sources_are_told_in_order(void **state)
{
    struct world *w = *state;
    struct plm_transport_params params = publisher_params(2);
    struct peer *a = connected(add_peer(w, 1, &params, false));
    hear_what_is_told(w);
    params.media[0].source = PLM_SOURCE_SCREEN;
    params.media[1].source = PLM_SOURCE_CAMERA;
    describe(a, &params);
    assert_string_equal(told, "-C-S+S+C");
}

static void a_payload_type_may_come_later(void **state)
{
    struct world *w = *state;
    struct plm_transport_params params = publisher_params(1);
    struct peer *a = connected(add_peer(w, 1, &params, false));
    struct peer *b = connected(add_receiver(w, 2));
    send_key_frame_of(a, 70, 'q', 96, 1);
    assert_int_equal(b->rtp, 1);
    params.media[0].codecs[1] = params.media[0].codecs[0];
    params.media[0].codecs[1].pt = 100;
    params.media[0].codecs[1].rtx_pt = 101;
    params.media[0].n_codecs = 2;
    hear_what_is_told(w);
    describe(a, &params);
    assert_string_equal(told, "+C");
    send_key_frame_of(a, 70, 'q', 100, 2);
    assert_int_equal(b->rtp, 2);
    assert_int_equal(b->last_pt, 96);
}

/** Which of its codecs is wanted first, or at all, may change with each offer: whoever watches sees nothing of that. */
static void the_order_of_codecs_may_change(void **state)
{
    struct world *w = *state;
    struct plm_transport_params params = publisher_params(1);
    struct plm_media_params *m = &params.media[0];
    m->codecs[1] = m->codecs[0];
    m->codecs[1].codec = PLM_CODEC_VP9;
    m->codecs[1].pt = 98;
    m->codecs[1].rtx_pt = 99;
    m->n_codecs = 2;
    struct peer *a = connected(add_peer(w, 1, &params, false));
    struct peer *b = connected(add_receiver(w, 2));
    hear_what_is_told(w);
    send_frame(a, 1, 3000, 1, true);
    struct plm_codec_params first = m->codecs[0];
    m->codecs[0] = m->codecs[1];
    m->codecs[1] = first;
    describe(a, &params);
    send_frame(a, 2, 6000, 2, false);
    m->n_codecs = 1;
    describe(a, &params);
    send_frame(a, 3, 9000, 3, false);
    assert_int_equal(b->rtp, 3);
    assert_string_equal(told, "");
}

static unsigned count_demands(const struct world *w, uint8_t needed)
{
    unsigned n = 0;
    for (unsigned i = 0; i < w->n_events; i++)
        n += w->events[i].type == PLM_EV_DEMAND && w->events[i].demand.needed == needed;
    return n;
}

/** What the application was told of a source holds for the track that takes its place: only what differs from it is told. */
static void what_is_needed_is_known_of_the_source(void **state)
{
    struct world *w = *state;
    struct plm_transport_params params = publisher_params(1);
    struct peer *a = connected(add_peer(w, 1, &params, false));
    run_for(w, 4000000);
    assert_int_equal(count_demands(w, 0), 1); /* nobody is there */
    params.media[0].codecs[0].feedback = PLM_FB_PLI;
    describe(a, &params);
    run_for(w, 1000000);
    w->n_events = 0;
    connected(add_receiver(w, 2));
    assert_int_equal(count_demands(w, 1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(simulcast_begins_in_a_later_description, setup, teardown),
        cmocka_unit_test_setup_teardown(the_same_description_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(swapped_sources_are_told_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_payload_type_may_come_later, setup, teardown),
        cmocka_unit_test_setup_teardown(the_order_of_codecs_may_change, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_needed_is_known_of_the_source, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
