/*
 * The whole core in memory, with real STUN, DTLS and SRTP: peers made of the same security objects in the client's role.
 */
#ifndef WORKER_WORLD_H
#define WORKER_WORLD_H

#include "plenum/worker.h"

#include "../../fakes/stun_check.h"
#include "base/link_frame.h"
#include "codec.h"
#include "command.h"
#include "plenum/engine.h"
#include "registry.h"
#include "rtcp.h"
#include "rtp.h"
#include "security.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/rand.h>

enum {
    MAX_PEERS = 6,
    MAX_LOG = 1024,
    MAX_EVENTS = 256,
    RECEIVER_SSRC = 7777 /* of the picture that add_receiver lets it get; + 1: RTX */
};

struct world;

/** A media packet that a peer got. */
struct got {
    uint32_t ssrc, ts;
    uint16_t seq;
    uint8_t who; /* last octet of the payload: whose it is */
    uint64_t at;
    bool marker;
};

struct peer {
    struct world *world;
    plm_participant_id who;
    struct plm_addr addr;
    struct plm_transport_local local;
    struct plm_identity *identity;
    void *sec_ctx;
    struct plm_sec_session *sec;
    bool connected, closed;
    unsigned stun_replies, rtp, rtx, rtcp;
    unsigned nack, pli, twcc, sr, rr;
    struct plm_twcc_packet told[64]; /* by the feedback that came last */
    int n_told;
    uint32_t last_ts, last_ssrc;
    uint16_t last_seq;
    uint8_t last_pt, last_payload[64];
    size_t last_payload_len;
    uint8_t dd_id; /* of the dependency descriptor that it reads: each packet has one that can be read. 0: it reads none */
    struct plm_dd_state dd;
    unsigned dd_structures;
    bool drop_next_rtp, drop_first_rtp;
    uint16_t lead_seq;
    uint8_t sealed[1500]; /* sent last */
    size_t sealed_len;
    uint16_t dropped_seq;
    struct got log[MAX_LOG];
    unsigned n_log;
    /* what it sends */
    uint64_t video_seq, audio_seq;
    uint32_t video_ts, audio_ts;
};

struct world {
    struct plm_worker *worker;
    struct plm_registry *registry;
    struct plm_identity *identity;
    void *sec_ctx;
    uint64_t now;
    struct peer peers[MAX_PEERS];
    unsigned n_peers;
    struct plm_event events[MAX_EVENTS];
    unsigned n_events;
    unsigned gone, reports;
    unsigned link_offers, link_packets;
    bool link_full;
    void (*on_link)(struct world *w, const void *head, size_t head_len, const void *body, size_t body_len); /**< what goes to worker 1; may be NULL */
    struct plm_worker_stats stats;
    bool (*on_capture)(struct world *w, const void *head, size_t head_len, const void *body, size_t body_len); /**< NULL: transports are not captured */
    void (*on_report)(struct world *w, const struct plm_worker_report *report); /**< before it is freed; may be NULL */
    plm_transport_id next_id;
    struct plm_room_config room_config;
    struct plm_link_demand demand; /* that was sent over a link last, of whom */
    plm_participant_id demand_of;
    unsigned keyframes_by_link;  /* demands that asked for one */
    struct plm_link_clock clock; /* told over a link last */
    unsigned clocks;
    struct { /* on the way to the worker: it must not be entered from within its own sending */
        uint8_t data[1500];
        size_t len;
        struct plm_addr addr; /* of the peer */
        bool to_worker;
    } wire[256];
    unsigned n_wire;
    uint32_t age_us; /* of what is delivered to the worker */
    bool strays;     /* it comes by way of another worker */
};

static inline void random_octets(void *arg, void *buf, size_t len)
{
    (void)arg;
    RAND_bytes(buf, (int)len);
}

/* ---- peers ---- */

static inline void put_on_wire(
    struct world *w, const uint8_t *data, size_t len, const struct plm_addr *addr, bool to_worker)
{
    assert_true(w->n_wire < 256 && len <= 1500);
    memcpy(w->wire[w->n_wire].data, data, len);
    w->wire[w->n_wire].len = len;
    w->wire[w->n_wire].addr = *addr;
    w->wire[w->n_wire++].to_worker = to_worker;
}

static inline void peer_send(void *arg, const uint8_t *data, size_t len)
{
    struct peer *p = arg;
    put_on_wire(p->world, data, len, &p->addr, true);
}

static inline void peer_event(void *arg, enum plm_sec_event ev)
{
    struct peer *p = arg;
    p->connected |= ev == PLM_SEC_ESTABLISHED;
    p->closed |= ev == PLM_SEC_CLOSED || ev == PLM_SEC_FAILED || ev == PLM_SEC_BAD_FINGERPRINT;
}

static inline void on_sr(
    void *arg, uint32_t ssrc, uint64_t ntp, uint32_t ts, uint32_t packets, uint32_t octets)
{
    (void)ssrc, (void)ntp, (void)ts, (void)packets, (void)octets;
    ((struct peer *)arg)->sr++;
}
static inline void on_block(void *arg, uint32_t sender, const struct plm_rtcp_block *b)
{
    (void)sender, (void)b;
    ((struct peer *)arg)->rr++;
}
static inline void on_nack(void *arg, uint32_t ssrc, uint16_t pid, uint16_t blp)
{
    (void)ssrc, (void)pid, (void)blp;
    ((struct peer *)arg)->nack++;
}
static inline void on_pli(void *arg, uint32_t ssrc)
{
    (void)ssrc;
    ((struct peer *)arg)->pli++;
}
static inline void on_twcc(void *arg, const uint8_t *fci, size_t len)
{
    struct peer *p = arg;
    uint8_t count;
    p->n_told = plm_twcc_parse(fci, len, p->told, sizeof p->told / sizeof p->told[0], &count);
    p->twcc++;
}

static inline void peer_on_rtcp(struct peer *p, uint8_t *data, size_t len)
{
    static const struct plm_rtcp_handler h = {
        .sr = on_sr, .block = on_block, .nack = on_nack, .pli = on_pli, .twcc = on_twcc};
    assert_int_equal(plm_security_dtls.open_rtcp(p->sec, data, &len), 0);
    assert_int_equal(plm_rtcp_parse(data, len, 100, &h, p), 0);
    p->rtcp++;
}

static inline void peer_read_dd(struct peer *p, const struct plm_rtp_view *v)
{
    struct plm_ext_ids ids = {.id = {[PLM_EXT_DEPENDENCY_DESCRIPTOR] = p->dd_id}};
    struct plm_ext_map map;
    struct plm_rtp_exts x;
    struct plm_dd_info info;
    plm_ext_map_init(&map, &ids);
    assert_int_equal(plm_rtp_exts_parse(&x, v, &map), 0);
    assert_non_null(x.val[PLM_EXT_DEPENDENCY_DESCRIPTOR]);
    assert_int_equal(plm_dd_parse(&p->dd, x.val[PLM_EXT_DEPENDENCY_DESCRIPTOR],
                         x.len[PLM_EXT_DEPENDENCY_DESCRIPTOR], &info),
        0);
    assert_int_equal(info.sid, v->payload[v->payload_len - 1]);
    p->dd_structures += info.has_structure;
}

static inline void peer_on_rtp(struct peer *p, uint8_t *data, size_t len)
{
    struct plm_rtp_view v;
    if (p->drop_next_rtp) {
        p->drop_next_rtp = false;
        p->dropped_seq = (uint16_t)(data[2] << 8 | data[3]);
        return;
    }
    assert_int_equal(plm_security_dtls.open_rtp(p->sec, data, &len), 0);
    assert_int_equal(plm_rtp_parse(&v, data, len), 0);
    if (v.pt == 97) {
        p->rtx++;
        assert_int_equal(v.payload[0] << 8 | v.payload[1], p->dropped_seq);
        return;
    }
    if (v.payload_len == 0 && p->rtp == 0) { /* goes ahead of the first one */
        p->lead_seq = v.seq;
        p->drop_next_rtp = p->drop_first_rtp;
        return;
    }
    p->rtp++;
    if (p->dd_id && v.payload_len > 0)
        peer_read_dd(p, &v);
    if (p->n_log < MAX_LOG && v.payload_len > 0)
        p->log[p->n_log++] =
            (struct got){v.ssrc, v.ts, v.seq, v.payload[v.payload_len - 1], p->world->now, v.marker};
    p->last_ts = v.ts;
    p->last_seq = v.seq;
    p->last_ssrc = v.ssrc;
    p->last_pt = v.pt;
    p->last_payload_len = v.payload_len;
    memcpy(p->last_payload, v.payload, v.payload_len < 64 ? v.payload_len : 64);
}

static inline void peer_on_datagram(struct peer *p, const uint8_t *data, size_t len)
{
    uint8_t copy[2048];
    assert_true(len <= sizeof copy);
    memcpy(copy, data, len);
    if (copy[0] <= 3)
        p->stun_replies++;
    else if (copy[0] <= 63) {
        if (!p->sec)
            return;
        plm_security_dtls.on_datagram(p->sec, copy, len, p->world->now);
        if (!p->closed)
            plm_security_dtls.poll(p->sec, p->world->now);
    } else if (copy[1] >= 192 && copy[1] <= 223)
        peer_on_rtcp(p, copy, len);
    else
        peer_on_rtp(p, copy, len);
}

static inline size_t make_check(const struct plm_transport_local *local, bool nominate, uint8_t *b)
{
    uint8_t id[STUN_ID];
    RAND_bytes(id, sizeof id);
    return stun_check_write(local->ufrag, local->pwd, id, nominate, b);
}

/* ---- the world ---- */

static inline size_t io_send(void *ctx, const struct plm_train *trains, size_t n)
{
    struct world *w = ctx;
    for (size_t i = 0; i < n; i++) {
        unsigned count = 0;
        for (size_t off = 0; off < trains[i].len; off += trains[i].segment) {
            size_t left = trains[i].len - off;
            put_on_wire(w, trains[i].data + off, left < trains[i].segment ? left : trains[i].segment,
                trains[i].to, false);
            count++;
        }
        assert_int_equal(count, trains[i].count);
    }
    return n;
}
static inline void io_event(void *ctx, const struct plm_event *ev)
{
    struct world *w = ctx;
    if (w->n_events < MAX_EVENTS)
        w->events[w->n_events++] = *ev;
}
static inline bool io_link(void *ctx, unsigned worker, const void *head, size_t head_len, const void *body,
    size_t body_len, bool urgent)
{
    struct world *w = ctx;
    struct plm_link_header h;
    (void)worker, (void)urgent;
    assert_true(head_len >= sizeof h);
    memcpy(&h, head, sizeof h);
    if (w->on_link)
        w->on_link(w, head, head_len, body, body_len);
    if (h.type == PLM_LINK_DEMAND) {
        assert_int_equal(body_len, sizeof w->demand);
        memcpy(&w->demand, body, sizeof w->demand);
        w->demand_of = h.participant;
        w->keyframes_by_link += w->demand.keyframes != 0;
    }
    if (h.type == PLM_LINK_CLOCK) {
        assert_int_equal(body_len, sizeof w->clock);
        memcpy(&w->clock, body, sizeof w->clock);
        w->clocks++;
    }
    if (h.type != PLM_LINK_PACKET)
        return true;
    w->link_offers++;
    w->link_packets += !w->link_full;
    return !w->link_full;
}
static inline void io_shard(void *ctx, plm_room_id room, uint32_t instance, bool up)
{
    (void)ctx, (void)room, (void)instance, (void)up;
}
static inline void io_gone(void *ctx, plm_transport_id id)
{
    struct world *w = ctx;
    w->gone++;
    plm_registry_remove(w->registry, id);
}
static inline void io_stats(void *ctx, struct plm_worker_report *report)
{
    struct world *w = ctx;
    w->reports++;
    w->stats = report->totals;
    if (w->on_report)
        w->on_report(w, report);
    plm_worker_report_free(report);
}

static inline bool io_capture(
    void *ctx, const void *head, size_t head_len, const void *body, size_t body_len)
{
    struct world *w = ctx;
    return w->on_capture && w->on_capture(w, head, head_len, body, body_len);
}

static inline int setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    w->now = 1000000;
    assert_int_equal(plm_identity_create(&w->identity), 0);
    struct plm_security_dtls_config sc = {.flags = PLM_REPLACE_SRTP_KERNELS, .identity = w->identity};
    assert_int_equal(plm_security_dtls_create(&w->sec_ctx, &sc), 0);
    assert_int_equal(plm_registry_create(&w->registry, 64, random_octets, NULL), 0);
    struct plm_worker_config c = {
        .n_workers = 2,
        .registry = w->registry,
        .security = &plm_security_dtls,
        .security_ctx = w->sec_ctx,
        .io = {.ctx = w,
            .send = io_send,
            .event = io_event,
            .link = io_link,
            .shard = io_shard,
            .gone = io_gone,
            .stats = io_stats,
            .capture = io_capture},
    };
    assert_int_equal(plm_worker_create(&w->worker, &c, w->now), 0);
    *state = w;
    return 0;
}

static inline int teardown(void **state)
{
    struct world *w = *state;
    plm_worker_destroy(w->worker);
    for (unsigned i = 0; i < w->n_peers; i++) {
        plm_security_dtls.session_destroy(w->peers[i].sec);
        plm_security_dtls_destroy(w->peers[i].sec_ctx);
        plm_identity_destroy(w->peers[i].identity);
    }
    plm_security_dtls_destroy(w->sec_ctx);
    plm_registry_destroy(w->registry);
    plm_identity_destroy(w->identity);
    free(w);
    return 0;
}

static inline void deliver_stray(struct world *w, const uint8_t *data, size_t len, const struct plm_addr *from)
{
    struct {
        struct plm_link_header h;
        struct plm_link_stray s;
        uint8_t data[2048];
    } frame = {.h = {.size = (uint32_t)(sizeof frame.s + len), .type = PLM_LINK_STRAY},
        .s = {.came_us = w->now - w->age_us}};
    memcpy(frame.s.addr, from, sizeof *from);
    memcpy(frame.data, data, len);
    plm_worker_link(w->worker, 1, (const uint8_t *)&frame, sizeof frame.h + sizeof frame.s + len, w->now);
    plm_worker_poll(w->worker, w->now);
}

/* What lies on the wire from `first` on until something goes to a peer, read at once. @return how many datagrams */
static inline unsigned deliver_batch(struct world *w, unsigned first)
{
    struct plm_datagram batch[256];
    unsigned n = 0;
    for (unsigned i = first; i < w->n_wire && w->wire[i].to_worker; i++) {
        batch[n++] = (struct plm_datagram){.data = w->wire[i].data,
            .len = (uint32_t)w->wire[i].len,
            .age_us = w->age_us,
            .from = w->wire[i].addr};
    }
    plm_worker_input(w->worker, batch, n, w->now);
    return n;
}

/* Nobody is entered from within his own sending: everything goes over the wire first. */
static inline void deliver(struct world *w)
{
    for (unsigned i = 0; i < w->n_wire; i++) {
        if (w->wire[i].to_worker && w->strays) {
            deliver_stray(w, w->wire[i].data, w->wire[i].len, &w->wire[i].addr);
            continue;
        }
        if (w->wire[i].to_worker) {
            i += deliver_batch(w, i) - 1;
            continue;
        }
        for (unsigned p = 0; p < w->n_peers; p++) {
            if (plm_addr_equal(&w->peers[p].addr, &w->wire[i].addr))
                peer_on_datagram(&w->peers[p], w->wire[i].data, w->wire[i].len);
        }
    }
    w->n_wire = 0;
}

static inline void run_for(struct world *w, uint64_t us)
{
    for (uint64_t end = w->now + us; w->now < end; w->now += 5000) {
        plm_worker_poll(w->worker, w->now);
        deliver(w);
        for (unsigned i = 0; i < w->n_peers; i++) {
            if (w->peers[i].sec && !w->peers[i].closed)
                plm_security_dtls.poll(w->peers[i].sec, w->now);
        }
    }
}

static inline void video(struct plm_media_params *m, const char *mid)
{
    memset(m, 0, sizeof *m);
    snprintf(m->mid, sizeof m->mid, "%s", mid);
    m->kind = PLM_KIND_VIDEO;
    m->n_codecs = 1;
    m->codecs[0] = (struct plm_codec_params){.codec = PLM_CODEC_VP8,
        .pt = 96,
        .rtx_pt = 97,
        .feedback = PLM_FB_NACK | PLM_FB_PLI,
        .clock_rate = 90000};
}

static inline struct peer *add_peer(
    struct world *w, plm_participant_id who, struct plm_transport_params *params, bool bad_fingerprint)
{
    struct peer *p = &w->peers[w->n_peers];
    memset(p, 0, sizeof *p);
    p->world = w;
    p->who = who;
    char text[PLM_ADDR_TEXT];
    snprintf(text, sizeof text, "192.0.2.%u:4000", ++w->n_peers);
    assert_int_equal(plm_addr_parse(&p->addr, text), 0);
    assert_int_equal(plm_identity_create(&p->identity), 0);
    struct plm_security_dtls_config sc = {.flags = PLM_REPLACE_SRTP_KERNELS, .identity = p->identity};
    assert_int_equal(plm_security_dtls_create(&p->sec_ctx, &sc), 0);
    struct plm_sec_config config = {
        .setup = PLM_SETUP_ACTIVE,
        .fingerprint = *plm_identity_fingerprint(w->identity),
        .cb = {.send = peer_send, .event = peer_event},
        .arg = p,
    };
    assert_int_equal(plm_security_dtls.session_create(p->sec_ctx, &config, &p->sec, w->now), 0);
    struct plm_transport_plan *plan = calloc(1, sizeof *plan);
    plan->id = ++w->next_id;
    plan->room = 1;
    plan->participant = who;
    plan->room_config = w->room_config;
    plan->opened_us = w->now;
    plan->capture = w->on_capture != NULL;
    plan->params = malloc(sizeof *params);
    *plan->params = *params;
    plan->params->fingerprint = *plm_identity_fingerprint(p->identity);
    if (bad_fingerprint)
        plan->params->fingerprint.value[3] ^= 1;
    assert_int_equal(plm_registry_add(w->registry, plan, &p->local), 0);
    return p;
}

static inline void connect_peer(struct peer *p)
{
    uint8_t b[256];
    size_t n = make_check(&p->local, true, b);
    peer_send(p, b, n);
    deliver(p->world);
    assert_int_equal(p->stun_replies, 1);
    plm_security_dtls.start(p->sec, p->world->now);
    deliver(p->world);
    run_for(p->world, 50000);
}

static inline struct peer *connected(struct peer *p)
{
    connect_peer(p);
    return p;
}

static inline struct peer *add_publisher(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_MID] = 4, [PLM_EXT_TWCC] = 3}};
    video(&params.media[0], "0");
    params.media[0].direction = PLM_DIR_RECV;
    params.media[0].source = PLM_SOURCE_CAMERA;
    return add_peer(w, who, &params, false);
}

static inline struct peer *add_receiver(struct world *w, plm_participant_id who)
{
    struct plm_transport_params params = {.n_media = 1, .exts.id = {[PLM_EXT_TWCC] = 5}};
    video(&params.media[0], "v");
    params.media[0].direction = PLM_DIR_SEND;
    params.media[0].ssrc = RECEIVER_SSRC;
    params.media[0].rtx_ssrc = RECEIVER_SSRC + 1;
    params.media[0].pair = 0;
    return add_peer(w, who, &params, false);
}

/* Seal a packet of hdr_len and more octets, and put it on the wire. */
static inline void queue_rtp(
    struct peer *p, uint32_t ssrc, uint64_t ext_seq, const uint8_t *b, size_t hdr_len, size_t len)
{
    struct plm_seal_key *k = plm_security_dtls.seal_key(p->sec);
    uint8_t out[1500];
    memcpy(out, b, hdr_len);
    struct plm_seal_job job = {.key = k,
        .ext_seq = ext_seq,
        .ssrc = ssrc,
        .out = out,
        .body = b + hdr_len,
        .hdr_len = (uint8_t)hdr_len,
        .body_len = (uint16_t)(len - hdr_len)};
    plm_security_dtls.seal_rtp(p->sec_ctx, &job, 1);
    assert_true(job.out_len > 0);
    memcpy(p->sealed, out, job.out_len);
    p->sealed_len = job.out_len;
    peer_send(p, out, job.out_len);
}

static inline void send_rtp(
    struct peer *p, uint32_t ssrc, uint64_t ext_seq, const uint8_t *b, size_t hdr_len, size_t len)
{
    queue_rtp(p, ssrc, ext_seq, b, hdr_len, len);
    deliver(p->world);
}

/* VP8 with 15-bit picture id; a keyframe of 640x360 or a delta frame. */
static inline void queue_frame(struct peer *p, uint64_t ext_seq, uint32_t ts, uint16_t picture, bool key)
{
    uint16_t seq = (uint16_t)ext_seq;
    uint8_t b[1400] = {0x90, 0x80 | 96, (uint8_t)(seq >> 8), (uint8_t)seq, (uint8_t)(ts >> 24),
        (uint8_t)(ts >> 16), (uint8_t)(ts >> 8), (uint8_t)ts, 0, 0, 0, 42, 0xbe, 0xde, 0, 2, 0x40, '0', 0x31,
        (uint8_t)(seq >> 8), (uint8_t)seq, 0, 0, 0};
    size_t at = 24;
    uint8_t payload[] = {0x90, 0x80, (uint8_t)(0x80 | picture >> 8), (uint8_t)picture, key ? 0x10 : 0x11, 2,
        0, 0x9d, 1, 0x2a, 0x80, 2, 0x68, 1};
    memcpy(b + at, payload, sizeof payload);
    at += 900;
    b[at - 1] = (uint8_t)p->who;
    queue_rtp(p, 42, ext_seq, b, 24, at);
}

static inline void send_frame(struct peer *p, uint64_t ext_seq, uint32_t ts, uint16_t picture, bool key)
{
    queue_frame(p, ext_seq, ts, picture, key);
    deliver(p->world);
}

/* Opus, on the m-line "1". */
static inline void send_sound(struct peer *p, uint64_t ext_seq, uint32_t ts)
{
    uint16_t seq = (uint16_t)ext_seq;
    uint8_t b[100] = {0x90, 111, (uint8_t)(seq >> 8), (uint8_t)seq, (uint8_t)(ts >> 24), (uint8_t)(ts >> 16),
        (uint8_t)(ts >> 8), (uint8_t)ts, 0, 0, 0, 43, 0xbe, 0xde, 0, 1, 0x40, '1', 0, 0, 0x78};
    b[sizeof b - 1] = (uint8_t)p->who;
    send_rtp(p, 43, ext_seq, b, 20, sizeof b);
}

/** An RTCP compound: an empty report, and a NACK of one packet where it is of an SSRC. */
static inline void send_feedback(struct peer *p, uint32_t ssrc, uint16_t seq)
{
    uint8_t b[128];
    size_t n = plm_rtcp_write_rr(b, sizeof b, 1, NULL, 0);
    if (ssrc)
        n += plm_rtcp_write_nack(b + n, sizeof b - n, 1, ssrc, &seq, 1);
    assert_int_equal(plm_security_dtls.seal_rtcp(p->sec, b, &n, sizeof b), 0);
    peer_send(p, b, n);
    deliver(p->world);
}

/** A report of this loss, in 256ths, of a stream that p gets. */
static inline void send_loss(struct peer *p, uint32_t ssrc, uint8_t lost_q8)
{
    uint8_t b[128];
    const struct plm_rtcp_block block = {.ssrc = ssrc, .fraction_lost = lost_q8};
    size_t n = plm_rtcp_write_rr(b, sizeof b, 1, &block, 1);
    assert_int_equal(plm_security_dtls.seal_rtcp(p->sec, b, &n, sizeof b), 0);
    peer_send(p, b, n);
    deliver(p->world);
}

static inline void send_report(struct peer *p)
{
    send_feedback(p, 0, 0);
}

static inline void send_nack(struct peer *p, uint32_t ssrc, uint16_t seq)
{
    send_feedback(p, ssrc, seq);
}

/** Its room, which somebody has joined, is on worker 1 too. */
static inline void two_workers(struct world *w)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_PEERS;
    cmd->room = 1;
    cmd->peers.n = 2;
    cmd->peers.v[1] = (struct plm_shard_peer){1, 5};
    plm_worker_command(w->worker, cmd, w->now);
}

static inline void take_stats(struct world *w)
{
    struct plm_command *cmd = calloc(1, sizeof *cmd);
    cmd->type = PLM_CMD_STATS;
    cmd->stats.scope = PLM_STATS_ALL;
    plm_worker_command(w->worker, cmd, w->now);
}

#endif
