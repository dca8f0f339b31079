/*
 * A worker and its peers: connectivity, media, repair, links, and what strangers may not do.
 */
#include "worker_world.h"

/* ---- tests ---- */

static void media_flows_and_is_repaired(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    assert_true(a->connected);
    assert_true(b->connected);
    send_frame(a, 100, 9000, 7, false);
    run_for(w, 100000);
    assert_int_equal(b->rtp, 0); /* no keyframe yet */
    assert_int_equal(a->pli, 1); /* asked once */
    send_frame(a, 101, 12000, 8, true);
    assert_int_equal(b->rtp, 1);
    assert_int_equal(b->last_ssrc, RECEIVER_SSRC);
    assert_int_equal(b->last_pt, 96);
    uint16_t first = b->last_seq;
    uint16_t picture = (uint16_t)((b->last_payload[2] & 0x7f) << 8 | b->last_payload[3]);
    assert_in_range(first, 1, 32767);
    b->drop_next_rtp = true;
    send_frame(a, 102, 15000, 9, false);
    send_frame(a, 103, 18000, 10, false);
    assert_int_equal(b->rtp, 2);
    assert_int_equal((uint16_t)(b->last_seq - first), 2);
    assert_int_equal(((b->last_payload[2] & 0x7f) << 8 | b->last_payload[3]), (picture + 2) & 0x7fff);
    assert_int_equal(b->last_payload_len, 900);
    /* The receiver asks for what it lost. */
    send_nack(b, RECEIVER_SSRC, b->dropped_seq);
    assert_int_equal(b->rtx, 1);
    run_for(w, 600000);
    assert_true(b->sr >= 1);
    assert_true(a->twcc >= 1);
    assert_true(a->rr >= 1);
}

/** Where some are lost a retransmission comes once more a little later, for one that is lost too costs another round trip. */
static void retransmissions_come_twice_where_some_are_lost(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    send_frame(a, 101, 12000, 8, true);
    b->drop_next_rtp = true;
    send_frame(a, 102, 15000, 9, false);
    send_frame(a, 103, 18000, 10, false);
    send_nack(b, RECEIVER_SSRC, b->dropped_seq);
    run_for(w, 100000);
    assert_int_equal(b->rtx, 1);
    send_loss(b, RECEIVER_SSRC, 0);
    for (uint16_t i = 4; i < 24; i++)
        send_frame(a, 100 + i, 9000 + i * 3000u, 7 + i, false);
    run_for(w, 2000000);
    send_loss(b, RECEIVER_SSRC, 26);
    b->drop_next_rtp = true;
    send_frame(a, 124, 81000, 31, false);
    send_frame(a, 125, 84000, 32, false);
    send_nack(b, RECEIVER_SSRC, b->dropped_seq);
    assert_int_equal(b->rtx, 2);
    run_for(w, 20000);
    assert_int_equal(b->rtx, 3);
    run_for(w, 200000);
    assert_int_equal(b->rtx, 3);
    send_loss(b, RECEIVER_SSRC, 60); /* of so much copies would only fill the line */
    b->drop_next_rtp = true;
    send_frame(a, 126, 87000, 33, false);
    send_frame(a, 127, 90000, 34, false);
    send_nack(b, RECEIVER_SSRC, b->dropped_seq);
    run_for(w, 200000);
    assert_int_equal(b->rtx, 4);
}

/** Who loses the very first packet knows of it, and has it after a round trip. */
static void the_first_packet_can_be_asked_for(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    b->drop_first_rtp = true;
    send_frame(a, 101, 12000, 8, true);
    assert_int_equal(b->rtp, 0);
    assert_int_equal((uint16_t)(b->dropped_seq - b->lead_seq), 1);
    send_nack(b, RECEIVER_SSRC, b->dropped_seq);
    assert_int_equal(b->rtx, 1);
    send_nack(b, RECEIVER_SSRC, b->lead_seq); /* nothing was in it */
    assert_int_equal(b->rtx, 1);
    send_frame(a, 102, 15000, 9, false);
    assert_int_equal(b->rtp, 1);
}

/** What overtook the key frame on its way is forwarded behind it, whether the receiver was there in time to see it or not. */
static void a_late_key_frame_is_caught_up_with(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    struct peer *b = add_receiver(w, 2);
    struct peer *c = add_receiver(w, 3);
    connect_peer(a);
    connect_peer(b);
    send_frame(a, 101, 12000, 8, false);
    send_frame(a, 103, 18000, 10, false);
    connect_peer(c);
    assert_int_equal(b->rtp + c->rtp, 0);
    send_frame(a, 100, 9000, 7, true);
    for (struct peer *p = b; p <= c; p++) {
        assert_int_equal(p->rtp, 3);
        assert_int_equal(p->last_payload[4], 0x11);
        uint16_t newest = p->last_seq;
        uint32_t ts = p->last_ts;
        for (uint16_t back = 2; back <= 3; back++) { /* nothing is missing but what never came */
            unsigned had = p->rtx;
            p->dropped_seq = (uint16_t)(newest - back);
            send_nack(p, RECEIVER_SSRC, p->dropped_seq);
            assert_int_equal(p->rtx, had + 1);
        }
        send_nack(p, RECEIVER_SSRC, (uint16_t)(newest - 1));
        assert_int_equal(p->rtx, 2);
        assert_int_equal(p->last_ts, ts);
    }
    send_frame(a, 102, 15000, 9, false);
    assert_int_equal(b->rtp, 4);
    assert_int_equal(c->rtp, 4);
}

static void lost_packets_are_asked_for(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    send_frame(a, 65534, 9000, 1, true);
    send_frame(a, 65537, 18000, 4, false); /* over a wrap, two missing */
    run_for(w, 60000);
    assert_true(a->nack >= 1);
    assert_int_equal(b->rtp, 2);
    uint16_t newest = b->last_seq;
    send_frame(a, 65535, 12000, 2, false);
    assert_int_equal(b->rtp, 3);
    assert_int_equal((uint16_t)(newest - b->last_seq), 2);
    peer_send(a, a->sealed, a->sealed_len);
    deliver(w);
    assert_int_equal(b->rtp, 3);
    take_stats(w);
    assert_int_equal(w->stats.drops[PLM_DROP_SRTP_REPLAY], 1);
}

static void wrong_fingerprint_gets_nothing(void **state)
{
    struct world *w = *state;
    struct plm_transport_params params = {.n_media = 1};
    video(&params.media[0], "v");
    params.media[0].direction = PLM_DIR_SEND;
    params.media[0].ssrc = 5;
    struct peer *p = add_peer(w, 9, &params, true);
    connect_peer(p);
    assert_false(p->connected && !p->closed && w->gone == 0);
    assert_int_equal(w->gone, 1);
    const struct plm_event *last = &w->events[w->n_events - 1];
    assert_int_equal(last->type, PLM_EV_TRANSPORT);
    assert_int_equal(last->transport_state.state, PLM_TRANSPORT_CLOSED);
    assert_int_equal(last->transport_state.reason, PLM_CLOSE_FINGERPRINT);
}

static void everything_goes_when_consent_ends(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    send_frame(a, 1, 1, 1, true);
    assert_int_equal(b->rtp, 1);
    take_stats(w);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_TRANSPORTS_CONNECTED], 2);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_SLOTS], 1);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_TRACKS], 1);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_SHARDS], 1);
    run_for(w, 32000000);
    assert_int_equal(w->gone, 2);
    take_stats(w);
    for (int g = 0; g < PLM_GAUGE_COUNT; g++)
        assert_int_equal(w->stats.gauges[g], 0);
}

/* The shard of worker 1 asks for the first encoding of a camera. */
static void demand_by_link(struct world *w, plm_participant_id who)
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
            .participant = who},
        .d = {.encodings = 1},
    };
    plm_worker_link(w->worker, 1, (const uint8_t *)&frame, sizeof frame, w->now);
}

static void a_full_link_loses_whole_pictures(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    connect_peer(a);
    two_workers(w);
    send_frame(a, 1, 3000, 1, true);
    assert_int_equal(w->link_offers, 0); /* nobody has asked */
    demand_by_link(w, 1);
    send_frame(a, 2, 6000, 2, false);
    assert_int_equal(w->link_packets, 1);

    w->link_full = true;
    send_frame(a, 3, 9000, 3, false);
    assert_int_equal(w->link_offers, 2);
    assert_int_equal(a->pli, 1);
    w->link_full = false;
    send_frame(a, 4, 12000, 4, false);
    demand_by_link(w, 1); /* the refresh changes nothing */
    send_frame(a, 5, 15000, 5, false);
    assert_int_equal(w->link_offers, 2);
    send_frame(a, 6, 18000, 6, true);
    send_frame(a, 7, 21000, 7, false);
    assert_int_equal(w->link_packets, 3);
    take_stats(w);
    assert_int_equal(w->stats.drops[PLM_DROP_LINK_FULL], 3);
    assert_int_equal(w->stats.counters[PLM_CNT_LINK_PACKETS], 3);
}

/* The encodings that were said to be needed last; -1: nothing was said. Forgets what was said. */
static int take_demand(struct world *w)
{
    int needed = -1;
    for (unsigned i = 0; i < w->n_events; i++) {
        if (w->events[i].type == PLM_EV_DEMAND) {
            assert_int_equal(w->events[i].demand.source, PLM_SOURCE_CAMERA);
            assert_int_equal(w->events[i].participant, 1);
            needed = w->events[i].demand.needed;
        }
    }
    w->n_events = 0;
    return needed;
}

static struct peer *add_simulcast_publisher(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_RID] = 5}};
    video(&params.media[0], "0");
    params.media[0].direction = PLM_DIR_RECV;
    params.media[0].source = PLM_SOURCE_CAMERA;
    params.media[0].n_rids = 3;
    for (unsigned i = 0; i < 3; i++)
        params.media[0].rids[i][0] = "qhf"[i];
    return add_peer(w, who, &params, false);
}

static void show_video(struct world *w, struct peer *p, bool on)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_VIEW;
    cmd->transport = p->local.id;
    cmd->view = calloc(1, sizeof *cmd->view);
    cmd->view->video_off = !on;
    plm_worker_command(w->worker, cmd, w->now);
    plm_worker_poll(w->worker, w->now);
}

static void encodings_that_nobody_needs_are_told(void **state)
{
    struct world *w = *state;
    struct peer *a = add_simulcast_publisher(w, 1);
    connect_peer(a);
    run_for(w, 1500000);
    assert_int_equal(take_demand(w), -1); /* somebody may be about to come */
    run_for(w, 2000000);
    assert_int_equal(take_demand(w), 0);
    run_for(w, 5000000);
    assert_int_equal(take_demand(w), -1); /* once */

    /* A receiver that has yet to shake hands: the publisher begins meanwhile. */
    struct peer *b = add_receiver(w, 2);
    uint8_t check[256];
    peer_send(b, check, make_check(&b->local, true, check));
    deliver(w);
    assert_false(b->connected);
    assert_int_equal(take_demand(w), 4);
    plm_security_dtls.start(b->sec, w->now);
    deliver(w);
    run_for(w, 100000);
    assert_true(b->connected);
    assert_int_equal(take_demand(w), 7); /* the largest is wanted; what is smaller will do until it comes */

    show_video(w, b, false);
    run_for(w, 1500000);
    show_video(w, b, true);
    run_for(w, 5000000);
    assert_int_equal(take_demand(w), -1); /* looking away for a moment stops nothing */
    show_video(w, b, false);
    run_for(w, 1900000);
    assert_int_equal(take_demand(w), -1);
    run_for(w, 1200000);
    assert_int_equal(take_demand(w), 0);
    show_video(w, b, true);
    assert_int_equal(take_demand(w), 7); /* at once */
}

/** What nobody looks at is not repaired: its answers would take the line of what is looked at. */
static void nothing_is_asked_for_again_for_nobody(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    connect_peer(a);
    run_for(w, 4000000);
    send_frame(a, 100, 9000, 1, true);
    send_frame(a, 103, 18000, 4, false);
    run_for(w, 300000);
    assert_int_equal(a->nack, 0);
    assert_int_equal(a->pli, 0);
    struct peer *b = add_receiver(w, 2);
    connect_peer(b);
    run_for(w, 300000);
    assert_int_equal(a->nack, 0); /* what was lost before is of no use */
    send_frame(a, 104, 27000, 5, true);
    send_frame(a, 106, 36000, 7, false);
    run_for(w, 60000);
    assert_int_equal(a->nack, 1);
    send_frame(a, 105, 31500, 6, false);
    assert_int_equal(b->rtp, 3);

    show_video(w, b, false);
    send_frame(a, 108, 45000, 9, false);
    run_for(w, 60000);
    assert_int_equal(a->nack, 2); /* it may look again in a moment */
    run_for(w, 4000000);
    send_frame(a, 109, 405000, 10, false);
    unsigned before = a->nack;
    send_frame(a, 111, 414000, 12, false);
    run_for(w, 300000);
    assert_int_equal(a->nack, before);
}

static void a_link_that_fell_silent_needs_nothing(void **state)
{
    struct world *w = *state;
    struct peer *a = add_simulcast_publisher(w, 1);
    connect_peer(a);
    two_workers(w);
    demand_by_link(w, 1);
    run_for(w, 2000000);
    demand_by_link(w, 1);
    run_for(w, 1500000);
    assert_int_equal(take_demand(w), 1); /* the upper ones stop, what the link shows goes on */
    run_for(w, 4500000);
    assert_int_equal(take_demand(w), 0); /* 3 s without a refresh, and 2 s more */
}

/** Other shards hear what a camera sends before they ask for any of it. */
static void encodings_are_told_to_other_shards(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    connect_peer(a);
    two_workers(w);
    run_for(w, 1100000);
    assert_int_equal(w->clocks, 0); /* nothing is sent yet */
    for (uint64_t i = 0; i < 60; i++) {
        send_frame(a, 1 + i, (uint32_t)(3000 * i), (uint16_t)i, i == 0);
        run_for(w, 33000);
    }
    assert_in_range(w->clocks, 1, 3);
    assert_int_equal(w->clock.encoding, 0);
    assert_int_equal(w->clock.clock_rate, 90000);
    assert_in_range(w->clock.bitrate_bps, 150000, 300000); /* 900 octets each 33 ms */
    assert_int_equal(w->clock.width, 640);
    assert_int_equal(w->clock.height, 360);
    assert_int_equal(w->clock.temporal_layers, 1);
    run_for(w, 3000000);
    assert_int_equal(w->clock.bitrate_bps, 0);
}

static void by_link(struct world *w, enum plm_link_type type, const void *body, size_t len)
{
    uint8_t b[256];
    struct plm_link_header h = {.size = (uint32_t)len,
        .type = (uint8_t)type,
        .source = PLM_SOURCE_CAMERA,
        .room = 1,
        .instance = 5,
        .participant = 9};
    memcpy(b, &h, sizeof h);
    memcpy(b + sizeof h, body, len);
    plm_worker_link(w->worker, 1, b, sizeof h + len, w->now);
}

static void tell_encoding(struct world *w, uint8_t encoding, uint32_t bps)
{
    struct plm_link_clock c = {.encoding = encoding,
        .temporal_layers = 3,
        .clock_rate = 90000,
        .ext_ts = 1,
        .us = 1,
        .bitrate_bps = bps,
        .width = (uint16_t)(320u << encoding),
        .height = (uint16_t)(180u << encoding)};
    by_link(w, PLM_LINK_CLOCK, &c, sizeof c);
}

/** What a camera on another worker sends is chosen from by what was told of it, not only by what came. */
static void encodings_elsewhere_are_chosen_from(void **state)
{
    struct world *w = *state;
    struct peer *b = add_receiver(w, 2);
    connect_peer(b);
    two_workers(w);
    struct plm_link_track t = {.kind = PLM_KIND_VIDEO, .n_encodings = 3, .n_codecs = 1};
    t.codecs[0].codec = PLM_CODEC_VP8;
    by_link(w, PLM_LINK_TRACK, &t, sizeof t);
    run_for(w, 600000);
    assert_int_equal(w->demand_of, 9);
    assert_int_equal(w->demand.encodings,
        1 | 2 |
            4); /* nothing is known to flow: the lowest, the wish for the highest, and what lies between */
    tell_encoding(w, 1, 400000);
    tell_encoding(w, 3, 400000); /* no such encoding */
    run_for(w, 600000);
    assert_int_equal(w->demand.encodings, 2 | 4);
    tell_encoding(w, 2, 1500000);
    run_for(w, 600000);
    assert_int_equal(w->demand.encodings, 4);
    /* The other end fell silent: its word holds for 3 s. */
    run_for(w, 1600000);
    assert_int_equal(w->demand.encodings, 4);
    run_for(w, 2000000);
    assert_int_equal(w->demand.encodings, 1 | 2 | 4);
}

/* A NAT gives the receiver another address, and it never nominates again: media follows once the former one is silent. */
static void media_follows_a_silent_move(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    struct peer *b = add_receiver(w, 2);
    uint8_t check[256];
    connect_peer(a);
    connect_peer(b);
    send_frame(a, 1, 1, 1, true);
    assert_int_equal(b->rtp, 1);
    assert_int_equal(plm_addr_parse(&b->addr, "203.0.113.7:999"), 0);
    for (int s = 1; s <= 8; s++) {
        run_for(w, 1000000);
        peer_send(b, check, make_check(&b->local, false, check));
        deliver(w);
        assert_int_equal(b->stun_replies, 1 + s);
        if (s == 2)
            send_frame(a, 2, 3001, 2, false);
        assert_int_equal(b->rtp, 1); /* one check alone moves nothing: another path may be on trial */
    }
    run_for(w, 1000000);
    peer_send(b, check, make_check(&b->local, false, check));
    deliver(w);
    send_frame(a, 3, 6001, 3, true);
    assert_true(b->rtp >= 2);
}

/* The same of one who sends media: from the first check on, its packets tell where it is, unless the other address is still in use. */
static void media_moves_with_media(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    struct peer *b = add_receiver(w, 2);
    uint8_t check[256];
    uint64_t seq = 1;
    connect_peer(a);
    connect_peer(b);
    send_frame(a, seq, 1, 1, true);
    send_nack(b, RECEIVER_SSRC, 1);
    struct plm_addr former = b->addr;
    assert_int_equal(plm_addr_parse(&b->addr, "203.0.113.7:999"), 0);
    send_nack(b, RECEIVER_SSRC, 1); /* not validated yet */
    take_stats(w);
    assert_int_equal(w->stats.drops[PLM_DROP_UNKNOWN_TUPLE], 1);
    peer_send(b, check, make_check(&b->local, false, check));
    deliver(w);
    unsigned had = b->rtp;
    send_nack(b, RECEIVER_SSRC, 1);
    send_frame(a, ++seq, 3001, 2, false);
    assert_int_equal(b->rtp, had); /* the other address was heard just now: that is a path on trial */
    run_for(w, 900000);
    b->addr = former;
    send_nack(b, RECEIVER_SSRC, 1);
    assert_int_equal(plm_addr_parse(&b->addr, "203.0.113.7:999"), 0);
    run_for(w, 900000);
    send_nack(b, RECEIVER_SSRC, 1);
    had = b->rtp;
    send_frame(a, ++seq, 6001, 3, false);
    assert_int_equal(b->rtp, had);
    run_for(w, 200000);
    send_nack(b, RECEIVER_SSRC, 1);
    send_frame(a, ++seq, 9001, 4, false);
    assert_true(b->rtp > had);
}

/* A captured check is authentic for as long as the password is valid: from elsewhere it moves nothing and gets no answer. */
static void captured_checks_move_nothing(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    struct peer *b = add_receiver(w, 2);
    uint8_t check[256];
    connect_peer(a);
    connect_peer(b);
    size_t len = make_check(&b->local, true, check);
    peer_send(b, check, len);
    peer_send(b, check, len); /* repeated by the peer itself: answered again */
    deliver(w);
    assert_int_equal(b->stun_replies, 3);

    struct plm_addr true_addr = b->addr;
    assert_int_equal(plm_addr_parse(&b->addr, "203.0.113.66:666"), 0);
    peer_send(b, check, len);
    deliver(w);
    assert_int_equal(b->stun_replies, 3);
    take_stats(w);
    assert_int_equal(w->stats.drops[PLM_DROP_STUN_REPLAY], 1);
    send_frame(a, 1, 1, 1, true);
    assert_int_equal(b->rtp, 0);
    b->addr = true_addr;
    send_frame(a, 2, 3001, 2, false);
    assert_int_equal(b->rtp, 1);
}

/* Pion sends no checks while it sends media, libnice only indications. */
static void media_is_a_sign_of_life(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    connected(add_receiver(w, 2));
    for (unsigned second = 1; second <= 40; second++) {
        send_frame(a, second, second * 90000, (uint16_t)second, second == 1);
        run_for(w, 1000000);
    }
    assert_int_equal(w->gone, 1);
    take_stats(w);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_TRANSPORTS_CONNECTED], 1);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_TRACKS], 1);
    run_for(w, 32000000);
    assert_int_equal(w->gone, 2);
}

/* A stack that sends no checks while media flows: a check from elsewhere, which nominates nothing, does not take the path away. */
static void media_stays_where_media_comes_from(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    struct plm_addr elsewhere;
    uint8_t check[256];
    connect_peer(a);
    assert_int_equal(plm_addr_parse(&elsewhere, "203.0.113.7:999"), 0);
    for (unsigned second = 1; second <= 12; second++) {
        send_frame(a, second, second * 90000, (uint16_t)second, second == 1);
        run_for(w, 1000000);
        put_on_wire(w, check, make_check(&a->local, false, check), &elsewhere, true);
        deliver(w);
    }
    unsigned reports = a->rr;
    run_for(w, 1000000);
    assert_true(a->rr > reports);

    run_for(w, 8000000); /* now it is silent there, and checked elsewhere */
    put_on_wire(w, check, make_check(&a->local, false, check), &elsewhere, true);
    deliver(w);
    reports = a->rr;
    run_for(w, 2000000);
    assert_int_equal(a->rr, reports);
}

static void describe_again(struct world *w, const struct peer *p, const struct plm_transport_params *params)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_DESCRIBE;
    cmd->transport = p->local.id;
    cmd->params = plm_transport_params_dup(params);
    cmd->params->fingerprint = *plm_identity_fingerprint(p->identity);
    plm_worker_command(w->worker, cmd, w->now);
    plm_worker_poll(w->worker, w->now);
}

/* M-lines never go, but a description may be wrong: slots keep a place to look at. */
static void fewer_lines_than_before_are_inactive_ones(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    send_frame(a, 1, 3000, 1, true);
    assert_int_equal(b->rtp, 1);
    struct plm_transport_params params = {.exts.id = {[PLM_EXT_TWCC] = 5}};
    describe_again(w, b, &params);
    send_frame(a, 2, 6000, 2, true);
    assert_int_equal(b->rtp, 1);
    params.n_media = 1;
    video(&params.media[0], "v");
    params.media[0].direction = PLM_DIR_SEND;
    params.media[0].ssrc = RECEIVER_SSRC;
    params.media[0].rtx_ssrc = 7778;
    describe_again(w, b, &params);
    send_frame(a, 3, 9000, 3, true);
    assert_int_equal(b->rtp, 2);
    assert_int_equal(w->gone, 0);
}

static void check_told_arrivals(struct world *w, bool strays)
{
    struct peer *a = add_publisher(w, 1);
    connect_peer(a);
    w->strays = strays;
    w->age_us = 20000;
    send_frame(a, 1, 3000, 1, true);
    w->age_us = 7000;
    send_frame(a, 2, 6000, 2, false);
    w->age_us = 0;
    run_for(w, 200000);
    assert_int_equal(a->twcc, 1);
    assert_int_equal(a->n_told, 2);
    assert_int_equal(a->told[1].arrival_us - a->told[0].arrival_us, 13000);
}

/** A busy worker reads together what came one after the other: a publisher's estimate goes by when it came. */
static void feedback_tells_when_a_packet_came(void **state)
{
    check_told_arrivals(*state, false);
}

/** What reached another worker first is no younger for it. */
static void feedback_tells_when_a_stray_came(void **state)
{
    check_told_arrivals(*state, true);
}

/** RFC 3550 section 6.4: no sender reports of what is not sent, and again from the first packet on. */
static void silence_is_not_reported(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    send_frame(a, 1, 1, 1, true);
    run_for(w, 2000000);
    assert_in_range(b->sr, 1, 4);
    b->sr = 0;
    run_for(w, 3000000);
    assert_int_equal(b->sr, 0);
    send_frame(a, 2, 450001, 2, false);
    run_for(w, 600000);
    assert_in_range(b->sr, 1, 2);
}

/** Who sends nothing is asked ever more seldom, and as soon as something comes, and as often as ever while it does. */
static void the_silent_are_asked_seldom(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    send_frame(a, 1, 1, 1, false);
    run_for(w, 1800000);
    assert_int_equal(a->pli, 4);
    run_for(w, 18200000);
    assert_in_range(a->pli, 7, 9);
    run_for(w, 1000000);
    a->pli = 0;
    send_frame(a, 2, 1890001, 2, false);
    assert_int_equal(a->pli, 1);
    for (unsigned i = 0; i < 30; i++) {
        run_for(w, 100000);
        send_frame(a, 3 + i, 1899001 + 9000 * i, (uint16_t)(3 + i), false);
    }
    assert_in_range(a->pli, 6, 7);
    send_frame(a, 33, 2169001, 33, true);
    assert_int_equal(b->rtp, 1);
    run_for(w, 5000000);
    assert_in_range(a->pli, 6, 7);
}

/** Checks and reports of who is silent can wait for each other; media, and whoever comes, cannot. */
static void only_silence_can_wait(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    struct peer *b = add_receiver(w, 2);
    uint8_t check[256];
    connect_peer(a);
    connect_peer(b);
    send_frame(a, 1, 1, 1, true);
    assert_int_equal(plm_worker_patience(w->worker), 0);
    run_for(w, 1100000);
    assert_in_range(plm_worker_patience(w->worker), 1, 50000);
    send_report(b);
    peer_send(b, check, make_check(&b->local, false, check));
    deliver(w);
    take_stats(w);
    run_for(w, 5000);
    assert_in_range(plm_worker_patience(w->worker), 1, 50000);
    send_frame(a, 2, 90001, 2, false);
    assert_int_equal(plm_worker_patience(w->worker), 0);
    run_for(w, 1100000);
    assert_in_range(plm_worker_patience(w->worker), 1, 50000);
    struct plm_command *mute = calloc(1, sizeof *mute);
    mute->type = PLM_CMD_MUTE;
    mute->transport = 1;
    mute->mute.source = PLM_SOURCE_CAMERA;
    plm_worker_command(w->worker, mute, w->now);
    assert_int_equal(plm_worker_patience(w->worker), 0);
    run_for(w, 1100000);
    assert_in_range(plm_worker_patience(w->worker), 1, 50000);
    struct peer *c = add_receiver(w, 3);
    peer_send(c, check, make_check(&c->local, true, check));
    deliver(w);
    assert_int_equal(plm_worker_patience(w->worker), 0);
}

/* What is fetched ahead of time belongs to nobody any more when its turn comes. */
static void who_closes_within_a_batch_is_gone_for_the_rest_of_it(void **state)
{
    struct world *w = *state;
    struct peer *a = connected(add_publisher(w, 1));
    struct peer *b = connected(add_receiver(w, 2));
    send_frame(a, 101, 12000, 8, true);
    assert_int_equal(b->rtp, 1);
    queue_frame(a, 102, 15000, 9, false);
    queue_frame(a, 103, 18000, 10, false);
    plm_security_dtls.close(a->sec);
    for (uint16_t i = 0; i < 5; i++)
        queue_frame(a, 104 + i, 21000 + i * 3000, 11 + i, false);
    deliver(w);
    assert_int_equal(b->rtp, 3);
    assert_int_equal(w->gone, 1);
    take_stats(w);
    assert_int_equal(w->stats.drops[PLM_DROP_UNKNOWN_TUPLE], 5);
}

static void strangers_are_counted_and_never_answered(void **state)
{
    struct world *w = *state;
    struct peer *a = add_publisher(w, 1);
    struct peer ghost = {.world = w};
    assert_int_equal(plm_addr_parse(&ghost.addr, "198.51.100.1:9"), 0);
    uint8_t b[256];
    size_t n = make_check(&a->local, true, b);
    b[n - 20] ^= 1; /* inside MESSAGE-INTEGRITY */
    peer_send(&ghost, b, n);
    struct plm_transport_local wrong = a->local;
    wrong.ufrag[5] ^= 1;
    n = make_check(&wrong, true, b);
    peer_send(&ghost, b, n);
    uint8_t dtls[64] = {22, 254, 253}, rtp[64] = {0x80, 96}, junk[5] = {255};
    peer_send(&ghost, dtls, sizeof dtls);
    peer_send(&ghost, rtp, sizeof rtp);
    peer_send(&ghost, junk, sizeof junk);
    deliver(w);
    take_stats(w);
    assert_int_equal(w->stats.counters[PLM_CNT_TX_DATAGRAMS], 0);
    assert_int_equal(w->stats.drops[PLM_DROP_UNKNOWN_TUPLE], 3);
    assert_int_equal(w->stats.drops[PLM_DROP_STUN_UNKNOWN_USER], 1);
    assert_int_equal(w->stats.drops[PLM_DROP_STUN_AUTH] + w->stats.drops[PLM_DROP_STUN_MALFORMED], 1);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_TRANSPORTS], 0);
}

/* A check of this transport from a port of its own. */
static void check_from_port(
    struct world *w, const struct plm_transport_local *local, const char *host, unsigned port)
{
    uint8_t b[256];
    char text[PLM_ADDR_TEXT];
    struct plm_addr from;
    snprintf(text, sizeof text, "%s:%u", host, port);
    assert_int_equal(plm_addr_parse(&from, text), 0);
    put_on_wire(w, b, make_check(local, false, b), &from, true);
    if (w->n_wire > 100)
        deliver(w);
}

/** Whoever guesses at one connection's password, be it the own one, takes the ration of that one alone. */
static void who_guesses_keeps_nobody_out(void **state)
{
    struct world *w = *state;
    struct peer *evil = connected(add_publisher(w, 1));
    struct plm_transport_local wrong = evil->local;
    wrong.pwd[0] = wrong.pwd[0] == 'x' ? 'y' : 'x';
    for (unsigned i = 0; i < 2500; i++)
        check_from_port(w, &wrong, "198.51.100.1", 1000 + i);
    deliver(w);
    assert_true(connected(add_receiver(w, 2))->connected);
    take_stats(w);
    assert_int_equal(w->stats.drops[PLM_DROP_STUN_AUTH] + w->stats.drops[PLM_DROP_STUN_RATE], 2500);
    assert_in_range(w->stats.drops[PLM_DROP_STUN_AUTH], 40, PLM_CHECKS_PER_SEC);
    w->now += 1000000;
    check_from_port(w, &evil->local, "198.51.100.1", 900);
    deliver(w);
    take_stats(w);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_TUPLES], 3); /* in the next second it may move again */
}

/** Addresses of a connection that lives on another worker: the latest few are known here, and no more for however many there are. */
static void strays_of_one_take_no_places_of_others(void **state)
{
    struct world *w = *state;
    struct peer *evil = add_publisher(w, 1), *other = add_receiver(w, 2);
    struct plm_transport_plan *plans[2];
    assert_true(plm_registry_claim(w->registry, evil->local.id, 1, &plans[0]));
    assert_true(plm_registry_claim(w->registry, other->local.id, 1, &plans[1]));
    check_from_port(w, &other->local, "203.0.113.9", 4000);
    for (unsigned second = 0; second < 20; second++) {
        for (unsigned i = 0; i < 50; i++)
            check_from_port(w, &evil->local, "198.51.100.1", 1000 + second * 50 + i);
        deliver(w);
        w->now += 1000000;
    }
    take_stats(w);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_STRAY_TUPLES], 8 + 1);
    uint64_t passed_on = w->stats.counters[PLM_CNT_STRAY_DATAGRAMS];
    const uint8_t hello[50] = {22, 0xfe, 0xff};
    struct plm_addr from;
    assert_int_equal(plm_addr_parse(&from, "203.0.113.9:4000"), 0);
    put_on_wire(w, hello, sizeof hello, &from, true);
    assert_int_equal(plm_addr_parse(&from, "198.51.100.1:1807"), 0); /* when those before were silent */
    put_on_wire(w, hello, sizeof hello, &from, true);
    assert_int_equal(plm_addr_parse(&from, "198.51.100.1:1000"), 0); /* long ago */
    put_on_wire(w, hello, sizeof hello, &from, true);
    deliver(w);
    take_stats(w);
    assert_int_equal(w->stats.counters[PLM_CNT_STRAY_DATAGRAMS], passed_on + 2);
    assert_int_equal(w->stats.drops[PLM_DROP_UNKNOWN_TUPLE], 1);
    run_for(w, 45000000);
    take_stats(w);
    assert_int_equal(w->stats.gauges[PLM_GAUGE_STRAY_TUPLES], 0);
    plm_transport_plan_free(plans[0]);
    plm_transport_plan_free(plans[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(media_flows_and_is_repaired, setup, teardown),
        cmocka_unit_test_setup_teardown(feedback_tells_when_a_packet_came, setup, teardown),
        cmocka_unit_test_setup_teardown(feedback_tells_when_a_stray_came, setup, teardown),
        cmocka_unit_test_setup_teardown(retransmissions_come_twice_where_some_are_lost, setup, teardown),
        cmocka_unit_test_setup_teardown(the_first_packet_can_be_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(a_late_key_frame_is_caught_up_with, setup, teardown),
        cmocka_unit_test_setup_teardown(lost_packets_are_asked_for, setup, teardown),
        cmocka_unit_test_setup_teardown(wrong_fingerprint_gets_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(everything_goes_when_consent_ends, setup, teardown),
        cmocka_unit_test_setup_teardown(a_full_link_loses_whole_pictures, setup, teardown),
        cmocka_unit_test_setup_teardown(encodings_that_nobody_needs_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(nothing_is_asked_for_again_for_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(a_link_that_fell_silent_needs_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(encodings_are_told_to_other_shards, setup, teardown),
        cmocka_unit_test_setup_teardown(encodings_elsewhere_are_chosen_from, setup, teardown),
        cmocka_unit_test_setup_teardown(media_moves_with_media, setup, teardown),
        cmocka_unit_test_setup_teardown(media_follows_a_silent_move, setup, teardown),
        cmocka_unit_test_setup_teardown(captured_checks_move_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(media_is_a_sign_of_life, setup, teardown),
        cmocka_unit_test_setup_teardown(media_stays_where_media_comes_from, setup, teardown),
        cmocka_unit_test_setup_teardown(fewer_lines_than_before_are_inactive_ones, setup, teardown),
        cmocka_unit_test_setup_teardown(silence_is_not_reported, setup, teardown),
        cmocka_unit_test_setup_teardown(the_silent_are_asked_seldom, setup, teardown),
        cmocka_unit_test_setup_teardown(only_silence_can_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(
            who_closes_within_a_batch_is_gone_for_the_rest_of_it, setup, teardown),
        cmocka_unit_test_setup_teardown(strangers_are_counted_and_never_answered, setup, teardown),
        cmocka_unit_test_setup_teardown(who_guesses_keeps_nobody_out, setup, teardown),
        cmocka_unit_test_setup_teardown(strays_of_one_take_no_places_of_others, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
