/*
 * Copies of earlier sound on their way out of a worker: what stands in the packet, what fits into it, and that nothing of another source comes.
 */
#include "../../fakes/red_reader.h"
#include "red.h"
#include "worker_core.h"
#include "worker_world.h"

#include "transport.h"

enum { ADA = 1, BOB = 2, EVE = 9, SLOT_SSRC = 8000, RED_PT = 63 };

static void opus(struct plm_media_params *m, const char *mid, enum plm_direction direction)
{
    snprintf(m->mid, sizeof m->mid, "%s", mid);
    m->kind = PLM_KIND_AUDIO;
    m->direction = direction;
    m->n_codecs = 1;
    m->codecs[0] = (struct plm_codec_params){
        .codec = PLM_CODEC_OPUS, .pt = 111, .rtx_pt = PLM_NO_PT, .channels = 2, .clock_rate = 48000};
}

static struct peer *speaker(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_MID] = 4}};
    opus(&params.media[0], "1", PLM_DIR_RECV);
    params.media[0].source = PLM_SOURCE_MICROPHONE;
    struct peer *p = add_peer(w, who, &params, false);
    connect_peer(p);
    p->audio_seq = 100;
    return p;
}

/* One who hears one at a time, and gets these copies. */
static struct peer *listener(struct world *w, uint8_t red_pt, uint8_t distances)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_TWCC] = 5}};
    opus(&params.media[0], "0", PLM_DIR_SEND);
    params.media[0].pair = PLM_NO_PAIR;
    params.media[0].ssrc = SLOT_SSRC;
    params.media[0].red_pt = red_pt;
    struct peer *p = add_peer(w, EVE, &params, false);
    connect_peer(p);
    plm_worker_find_transport(w->worker, p->local.id)->red.distances = distances;
    return p;
}

/* Twenty milliseconds of it; the payload is `who`, over and over. */
static void say(struct peer *p, size_t octets)
{
    p->audio_ts += 960;
    p->audio_seq++;
    uint16_t seq = (uint16_t)p->audio_seq;
    uint32_t ts = p->audio_ts;
    uint8_t b[1400] = {0x90, 111, (uint8_t)(seq >> 8), (uint8_t)seq, (uint8_t)(ts >> 24), (uint8_t)(ts >> 16),
        (uint8_t)(ts >> 8), (uint8_t)ts, 0, 0, 0, (uint8_t)(43 + p->who), 0xbe, 0xde, 0, 1, 0x40, '1', 0, 0};
    memset(b + 20, (int)(p->who << 4 | (p->audio_seq & 15)), octets);
    send_rtp(p, 43 + p->who, p->audio_seq, b, 20, 20 + octets);
    run_for(p->world, 20000);
}

static void check_block(const struct red_read_block *b, const struct peer *from, unsigned back, size_t octets)
{
    assert_int_equal(b->pt, 111);
    assert_int_equal(b->ts_back, 960 * back);
    assert_int_equal(b->len, octets);
    for (size_t i = 0; i < octets; i++)
        assert_int_equal(b->payload[i], from->who << 4 | ((from->audio_seq - back) & 15));
}

static void packets_carry_the_ones_before(void **state)
{
    struct world *w = *state;
    struct red_read_block b[RED_MAX_BLOCKS];
    struct peer *ada = speaker(w, ADA), *eve = listener(w, RED_PT, 1 << 1 | 1 << 3);
    say(ada, 10);
    assert_int_equal(eve->rtp, 1);
    assert_int_equal(eve->last_pt, 111); /* there is nothing before it */
    assert_int_equal(eve->last_payload_len, 10);
    say(ada, 11);
    assert_int_equal(eve->last_pt, RED_PT);
    assert_int_equal(red_read(eve->last_payload, eve->last_payload_len, b), 2);
    check_block(&b[0], ada, 1, 10);
    check_block(&b[1], ada, 0, 11);
    say(ada, 12);
    uint16_t seq = eve->last_seq;
    uint32_t ts = eve->last_ts;
    say(ada, 13);
    assert_int_equal(red_read(eve->last_payload, eve->last_payload_len, b), 3);
    check_block(&b[0], ada, 3, 10);
    check_block(&b[1], ada, 1, 12);
    check_block(&b[2], ada, 0, 13);
    assert_int_equal(eve->last_seq, (uint16_t)(seq + 1));
    assert_int_equal(eve->last_ts, ts + 960);
    /* With and without, it is one stream. */
    plm_worker_find_transport(w->worker, eve->local.id)->red.distances = 0;
    say(ada, 14);
    assert_int_equal(eve->last_pt, 111);
    assert_int_equal(eve->last_payload_len, 14);
    assert_int_equal(eve->last_seq, (uint16_t)(seq + 2));
    assert_int_equal(eve->last_ts, ts + 2 * 960);
    take_stats(w);
    assert_int_equal(w->stats.counters[PLM_CNT_TX_RED], 3);
}

static void who_did_not_agree_gets_none(void **state)
{
    struct world *w = *state;
    struct peer *ada = speaker(w, ADA), *eve = listener(w, 0, 1 << 1 | 1 << 2);
    for (int i = 0; i < 4; i++) {
        say(ada, 20);
        assert_int_equal(eve->last_pt, 111);
        assert_int_equal(eve->last_payload_len, 20);
    }
}

/* Sizes are the peer's choice: a datagram grows no larger than the network's, and no block beyond what ten bits say. */
static void copies_fit_or_stay_behind(void **state)
{
    struct world *w = *state;
    static const struct {
        size_t far, near, own;
        unsigned pt;
        size_t payload; /* with headers */
    } rows[] = {
        {100, 100, 100, RED_PT, 309},
        {600, 500, 300, RED_PT, 805},     /* the far one is left out */
        {500, 900, 600, 111, 600},        /* the near one does not fit, and the far one not with it */
        {100, 1030, 100, RED_PT, 205},    /* longer than can be said */
        {1030, 1030, 100, 111, 100},
        {100, 100, 1300, 111, 1300},
    };
    struct peer *ada = speaker(w, ADA), *eve = listener(w, RED_PT, 1 << 1 | 1 << 2);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        say(ada, rows[i].far);
        say(ada, rows[i].near);
        say(ada, rows[i].own);
        assert_int_equal(eve->rtp, 3 * (i + 1));
        assert_int_equal(eve->last_pt, rows[i].pt);
        assert_int_equal(eve->last_payload_len, rows[i].payload);
    }
}

/* After a pause the earlier sound is too far back for its 14 bits. */
static void a_pause_is_not_copied(void **state)
{
    struct world *w = *state;
    struct red_read_block b[RED_MAX_BLOCKS];
    struct peer *ada = speaker(w, ADA), *eve = listener(w, RED_PT, 1 << 1 | 1 << 2);
    say(ada, 20);
    ada->audio_ts += 16384 - 960;
    say(ada, 20);
    assert_int_equal(eve->last_pt, 111);
    say(ada, 20);
    assert_int_equal(red_read(eve->last_payload, eve->last_payload_len, b), 2);
    check_block(&b[0], ada, 1, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(packets_carry_the_ones_before, setup, teardown),
        cmocka_unit_test_setup_teardown(who_did_not_agree_gets_none, setup, teardown),
        cmocka_unit_test_setup_teardown(copies_fit_or_stay_behind, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pause_is_not_copied, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
