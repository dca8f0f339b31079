/*
 * Receivers of one VP9 stream in three spatial layers, by the size that they show it in.
 */
#include "worker_world.h"

enum {
    ADA = 1,
    BIG,
    SMALL,
    FRAME_US = 35000,
    WIDTH = 1280, /* of the highest layer; the others are half as large each */
    HEIGHT = 720,
    LAYERS = 3,
    RECEIVER_SSRC = 7777,
};

static void vp9(struct plm_media_params *m, const char *mid)
{
    video(m, mid);
    m->codecs[0].codec = PLM_CODEC_VP9;
}

static struct peer *publisher(struct world *w)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_TWCC] = 3}};
    vp9(&params.media[0], "0");
    params.media[0].direction = PLM_DIR_RECV;
    params.media[0].source = PLM_SOURCE_CAMERA;
    struct peer *p = add_peer(w, ADA, &params, false);
    connect_peer(p);
    p->video_seq = 100;
    return p;
}

static struct peer *receiver(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_TWCC] = 5}};
    vp9(&params.media[0], "v");
    params.media[0].direction = PLM_DIR_SEND;
    params.media[0].ssrc = RECEIVER_SSRC;
    params.media[0].rtx_ssrc = RECEIVER_SSRC + 1;
    params.media[0].pair = 0;
    struct peer *p = add_peer(w, who, &params, false);
    connect_peer(p);
    return p;
}

static void look(struct peer *p, uint16_t width, uint16_t height)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_VIEW;
    cmd->transport = p->local.id;
    cmd->view = calloc(1, sizeof *cmd->view);
    cmd->view->mode = PLM_VIEW_ITEMS;
    cmd->view->items[cmd->view->n_items++] = (struct plm_view_item){ADA, PLM_SOURCE_CAMERA, width, height, 9};
    plm_worker_command(p->world->worker, cmd, p->world->now);
    plm_worker_poll(p->world->worker, p->world->now);
    deliver(p->world);
}

/* One layer of a picture in one packet, which ends with the layer's number (RFC 9628 section 4.2, flexible mode). */
static void send_layer(struct peer *p, uint8_t sid, bool key)
{
    uint64_t seq = ++p->video_seq;
    uint16_t picture = (uint16_t)(p->video_ts / 3000) & 0x7fff;
    bool structure = key && sid == 0;
    uint8_t b[1400] = {0x90, (uint8_t)(96 | (sid + 1 == LAYERS ? 0x80 : 0)), (uint8_t)(seq >> 8),
        (uint8_t)seq, (uint8_t)(p->video_ts >> 24), (uint8_t)(p->video_ts >> 16), (uint8_t)(p->video_ts >> 8),
        (uint8_t)p->video_ts, 0, 0, 0, 42, 0xbe, 0xde, 0, 2, 0x40, '0', 0x31, (uint8_t)(seq >> 8),
        (uint8_t)seq, 0, 0, 0};
    size_t n = 24;
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
    n += 200u << sid;
    b[n++] = sid;
    queue_rtp(p, 42, seq, b, 24, n);
}

/* A key picture where one was asked for. */
static void go_on(struct peer *p, uint64_t us, bool *key)
{
    for (uint64_t end = p->world->now + us; p->world->now < end;) {
        unsigned asked = p->pli;
        run_for(p->world, FRAME_US);
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

static void each_gets_what_it_shows(void **state)
{
    struct world *w = *state;
    bool key = true;
    struct peer *ada = publisher(w), *big = receiver(w, BIG), *small = receiver(w, SMALL);
    look(big, WIDTH, HEIGHT);
    look(small, WIDTH / 4, HEIGHT / 4);
    go_on(ada, 4000000, &key);
    big->n_log = small->n_log = 0;
    go_on(ada, 1500000, &key);
    assert_int_equal(check_pictures(big, 0), 2);
    assert_int_equal(check_pictures(small, 0), 0);
    /* The small one becomes larger, and small again. */
    unsigned asked = ada->pli;
    look(small, WIDTH / 2, HEIGHT / 2);
    go_on(ada, 3000000, &key);
    assert_true(ada->pli > asked);
    big->n_log = small->n_log = 0;
    go_on(ada, 1500000, &key);
    assert_int_equal(check_pictures(small, 0), 1);
    asked = ada->pli;
    look(small, WIDTH / 4, HEIGHT / 4);
    small->n_log = 0;
    go_on(ada, 1500000, &key);
    assert_int_equal(check_pictures(small, 0), 0);
    assert_int_equal(check_pictures(big, 0), 2);
    assert_int_equal(ada->pli, asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_gets_what_it_shows, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
