/*
 * A transport's RTCP in both directions, and the timers behind it.
 */
#include "base/util.h"
#include "capture.h"
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <string.h>

#define RTCP_INTERVAL_US 500000
#define SPARSE_US        2000000 /* between reports of mere sound; RFC 3550 section 6.2: 5 s */
#define FEEDBACK_INTERVAL_US                                                                                 \
    50000 /* transport-cc towards publishers: 100 ms costs browsers reaction, 25 ms costs packets */
#define RTCP_MAX       1200 /* octets of one compound before sealing */
#define DEFAULT_RTT_US 50000
#define NACK_DELAY_US  5000
#define CNAME          "plenum"

/* ---- what the peer says ---- */

struct rtcp_in {
    struct plm_transport *t;
    unsigned nacks_left;
};

static struct plm_encoding *find_encoding(
    struct plm_transport *t, uint32_t ssrc, struct plm_track **track, uint8_t *index)
{
    for (uint16_t i = 0; i < t->n_bindings; i++) {
        if (t->bindings[i].ssrc != ssrc || t->bindings[i].rtx)
            continue;
        *track = t->bindings[i].track;
        *index = t->bindings[i].encoding;
        return &(*track)->encodings[*index];
    }
    return NULL;
}

static void on_sr(void *arg, uint32_t ssrc, uint64_t ntp, uint32_t rtp_ts, uint32_t packets, uint32_t octets)
{
    (void)packets;
    (void)octets;
    struct plm_transport *t = ((struct rtcp_in *)arg)->t;
    struct plm_track *tr;
    uint8_t e;
    if (!find_encoding(t, ssrc, &tr, &e))
        return;
    plm_ntp_offset_on_report(&t->clock, ntp, t->worker->now_us);
    plm_track_on_sender_report(tr, e, ntp, rtp_ts);
}

static void on_block(void *arg, uint32_t sender, const struct plm_rtcp_block *b)
{
    (void)sender;
    struct plm_transport *t = ((struct rtcp_in *)arg)->t;
    struct plm_slot *s = plm_transport_find_slot(t, b->ssrc);
    if (!s || s->packets == 0)
        return;
    s->fraction_lost = b->fraction_lost;
    s->peer_jitter = b->jitter;
    if (b->lsr != 0) {
        /* RFC 3550 section 6.4.1: A - LSR - DLSR, in 1/65536 s */
        const struct plm_worker *w = t->worker; /* what waited in the socket was not on its way */
        uint32_t now = (uint32_t)(plm_ntp_from_us(w->came_us + w->config.unix_offset_us) >> 16);
        uint32_t rtt = now - b->lsr - b->dlsr;
        if (rtt < 10u << 16)
            t->rtt_us = (uint32_t)((uint64_t)rtt * 1000000 >> 16);
    }
    uint64_t sent = s->packets - s->told_packets;
    s->told_packets = s->packets;
    plm_bwe_on_report(
        t->bwe, sent < UINT32_MAX ? (uint32_t)sent : UINT32_MAX, b->fraction_lost, t->rtt_us, t->worker->now_us);
}

static void on_nack(void *arg, uint32_t media_ssrc, uint16_t pid, uint16_t blp)
{
    struct rtcp_in *in = arg;
    struct plm_slot *s = plm_transport_find_slot(in->t, media_ssrc);
    plm_count(in->t->worker, PLM_CNT_NACK_RECEIVED);
    if (!s) {
        plm_transport_drop(in->t, PLM_DROP_RTP_UNKNOWN_SSRC);
        return;
    }
    for (int i = -1; i < 16; i++) {
        if (i >= 0 && !(blp >> i & 1))
            continue;
        if (in->nacks_left == 0) {
            plm_transport_drop(in->t, PLM_DROP_NACK_LIMIT);
            return;
        }
        in->nacks_left--;
        plm_slot_on_nack(s, (uint16_t)(pid + i + 1));
    }
}

static void on_keyframe_request(struct plm_transport *t, uint32_t media_ssrc)
{
    struct plm_slot *s = plm_transport_find_slot(t, media_ssrc);
    if (s)
        plm_slot_on_keyframe_request(s);
    else
        plm_transport_drop(t, PLM_DROP_RTP_UNKNOWN_SSRC);
}

static void on_pli(void *arg, uint32_t media_ssrc)
{
    struct plm_transport *t = ((struct rtcp_in *)arg)->t;
    plm_count(t->worker, PLM_CNT_PLI_RECEIVED);
    on_keyframe_request(t, media_ssrc);
}

static void on_fir(void *arg, uint32_t media_ssrc, uint8_t seq)
{
    (void)seq;
    struct plm_transport *t = ((struct rtcp_in *)arg)->t;
    plm_count(t->worker, PLM_CNT_FIR_RECEIVED);
    on_keyframe_request(t, media_ssrc);
}

static void on_remb(void *arg, uint64_t bitrate_bps)
{
    struct plm_transport *t = ((struct rtcp_in *)arg)->t;
    plm_count(t->worker, PLM_CNT_REMB_RECEIVED);
    if (t->bwe)
        plm_bwe_on_remb(t->bwe, bitrate_bps, t->worker->now_us);
}

/* ---- probing ---- */

/* The slot whose latest packets can be sent once more, NULL: there is none. */
static struct plm_slot *padding_slot(struct plm_transport *t)
{
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (plm_slot_can_pad(&t->slots[i]))
            return &t->slots[i];
    }
    return NULL;
}

bool plm_transport_can_probe(struct plm_transport *t)
{
    return padding_slot(t) != NULL;
}

static void wake_probe(struct plm_transport *t);

static void on_probe_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, probe_timer);
    struct plm_slot *s = padding_slot(t);
    size_t due = s ? plm_bwe_padding(t->bwe, now_us) : 0;
    t->pacer.open = true; /* a cluster has a rate of its own */
    if (due > 0)
        plm_slot_pad(s, due);
    t->pacer.open = false;
    wake_probe(t);
}

static void wake_probe(struct plm_transport *t)
{
    uint64_t at = plm_bwe_probe_at(t->bwe, t->worker->now_us);
    if (at == UINT64_MAX)
        return;
    /* What cannot be sent now, or not yet, is looked at again. */
    if (at <= t->worker->now_us)
        at = t->worker->now_us + PLM_BWE_PROBE_STEP_US;
    if (!plm_timer_active(&t->probe_timer) || at < t->probe_timer.due_us)
        plm_timer_start(&t->worker->wheel, &t->probe_timer, at, on_probe_timer);
}

static void on_twcc(void *arg, const uint8_t *fci, size_t len)
{
    struct plm_transport *t = ((struct rtcp_in *)arg)->t;
    plm_count(t->worker, PLM_CNT_TWCC_RECEIVED);
    if (!t->bwe)
        return;
    bool fell = plm_bwe_on_twcc(t->bwe, fci, len, t->worker->now_us);
    plm_pacer_set(&t->pacer, plm_bwe_estimate(t->bwe), plm_bwe_is_crowded(t->bwe, t->worker->now_us));
    if (fell)
        plm_transport_allocate(t);
    wake_probe(t);
}

bool plm_transport_on_rtcp(struct plm_transport *t, uint8_t *data, size_t len)
{
    static const struct plm_rtcp_handler handler = {
        .sr = on_sr,
        .block = on_block,
        .nack = on_nack,
        .pli = on_pli,
        .fir = on_fir,
        .remb = on_remb,
        .twcc = on_twcc,
    };
    struct plm_worker *w = t->worker;
    if (!t->key) {
        plm_transport_drop(t, PLM_DROP_NO_KEYS);
        return false;
    }
    int err = w->config.security->open_rtcp(t->sec, data, &len);
    if (err != 0) {
        plm_transport_drop_sealed(t, err, true);
        return false;
    }
    t->heard_us = w->now_us;
    if (t->capture)
        plm_capture_rtcp(t, false, data, len);
    plm_count(w, PLM_CNT_RX_RTCP);
    struct rtcp_in in = {.t = t, .nacks_left = w->config.limits.nack_items_per_packet};
    /* One item more than is answered, so that what is too much is seen and counted. */
    if (plm_rtcp_parse(data, len, in.nacks_left + 1, &handler, &in) != 0)
        plm_transport_drop(t, PLM_DROP_RTCP_MALFORMED);
    if (t->bwe)
        plm_transport_on_estimate(t);
    return true;
}

/* ---- what we say ---- */

void plm_transport_send_rtcp(struct plm_transport *t, uint8_t *buf, size_t len, size_t cap)
{
    struct plm_worker *w = t->worker;
    if (!t->key || t->closing || len == 0)
        return;
    if (t->capture)
        plm_capture_rtcp(t, true, buf, len);
    if (w->config.security->seal_rtcp(t->sec, buf, &len, cap) != 0)
        return;
    plm_count(w, PLM_CNT_TX_RTCP);
    plm_egress_raw(w, &t->peer, t->sock, buf, len);
}

void plm_transport_send_keyframe_request(struct plm_transport *t, uint32_t media_ssrc, uint8_t feedback)
{
    uint8_t buf[128];
    size_t cap = sizeof buf - PLM_SRTCP_OVERHEAD;
    /* A compound begins with a report (RFC 3550 section 6.1); an empty one is the least. */
    size_t len = t->params->rtcp_reduced_size ? 0 : plm_rtcp_write_rr(buf, cap, t->rtcp_ssrc, NULL, 0);
    if (feedback & PLM_FB_PLI || !(feedback & PLM_FB_FIR))
        len += plm_rtcp_write_pli(buf + len, cap - len, t->rtcp_ssrc, media_ssrc);
    else
        len +=
            plm_rtcp_write_fir(buf + len, cap - len, t->rtcp_ssrc, media_ssrc, (uint8_t)t->keyframes_asked);
    t->keyframes_asked++;
    plm_count(t->worker, PLM_CNT_PLI_SENT);
    plm_transport_send_rtcp(t, buf, len, sizeof buf);
}

static void on_nack_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, nack_timer);
    uint64_t next = UINT64_MAX;
    uint8_t buf[RTCP_MAX + PLM_SRTCP_OVERHEAD];
    size_t len = t->params->rtcp_reduced_size ? 0 : plm_rtcp_write_rr(buf, RTCP_MAX, t->rtcp_ssrc, NULL, 0);
    size_t empty = len;
    for (uint16_t i = 0; i < t->n_bindings; i++) {
        struct plm_track *tr = t->bindings[i].track;
        uint8_t e = t->bindings[i].encoding;
        struct plm_encoding *enc = &tr->encodings[e];
        if (t->bindings[i].rtx || !enc->nack)
            continue;
        if (!(tr->told >> e & 1)) { /* nobody needs it: answers would take the line of what is watched */
            plm_nack_gen_forget_before(enc->nack, UINT64_MAX);
            continue;
        }
        uint16_t seqs[PLM_NACK_MAX];
        uint64_t at = UINT64_MAX;
        bool keyframe = false;
        uint32_t answer_us = (t->rtt_us ? t->rtt_us : DEFAULT_RTT_US) + plm_track_wait_us(enc);
        size_t n = plm_nack_gen_poll(enc->nack, now_us, answer_us, seqs, PLM_NACK_MAX, &at, &keyframe);
        if (n > 0) {
            len += plm_rtcp_write_nack(buf + len, RTCP_MAX - len, t->rtcp_ssrc, enc->ssrc, seqs, n);
            enc->nacks += n;
            t->worker->stats.counters[PLM_CNT_NACK_SENT] += n;
        }
        if (keyframe && (tr->demanded >> e & 1))
            plm_track_want_keyframe(tr, e);
        next = at < next ? at : next;
    }
    if (len > empty)
        plm_transport_send_rtcp(t, buf, len, sizeof buf);
    if (next != UINT64_MAX)
        plm_timer_start(&t->worker->wheel, timer, next, on_nack_timer);
}

void plm_transport_wake_nack(struct plm_transport *t, uint64_t at_us)
{
    uint64_t due = at_us + NACK_DELAY_US;
    /* What was asked for before may be due much later, when its answer waits before a full line. */
    if (!plm_timer_active(&t->nack_timer) || t->nack_timer.due_us > due)
        plm_timer_start(&t->worker->wheel, &t->nack_timer, due, on_nack_timer);
}

static void on_feedback_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, feedback_timer);
    if (!t->twcc_rx || !plm_twcc_rx_pending(t->twcc_rx))
        return; /* begins again with the next packet */
    uint32_t media = t->n_bindings > 0 ? t->bindings[0].ssrc : 0;
    for (int packets = 0; packets < 4 && plm_twcc_rx_pending(t->twcc_rx); packets++) {
        uint8_t buf[RTCP_MAX + PLM_SRTCP_OVERHEAD];
        size_t len =
            t->params->rtcp_reduced_size ? 0 : plm_rtcp_write_rr(buf, RTCP_MAX, t->rtcp_ssrc, NULL, 0);
        size_t fb = plm_twcc_rx_write(t->twcc_rx, buf + len, RTCP_MAX - len, t->rtcp_ssrc, media);
        if (fb == 0)
            break;
        plm_count(t->worker, PLM_CNT_TWCC_SENT);
        plm_transport_send_rtcp(t, buf, len + fb, sizeof buf);
    }
    plm_timer_start(&t->worker->wheel, timer, now_us + FEEDBACK_INTERVAL_US, on_feedback_timer);
}

void plm_transport_start_feedback(struct plm_transport *t)
{
    struct plm_worker *w = t->worker;
    plm_timer_start(&w->wheel, &t->feedback_timer, w->now_us + FEEDBACK_INTERVAL_US, on_feedback_timer);
}

static size_t write_receiver_report(struct plm_transport *t, uint8_t *buf, size_t cap, uint64_t now_us)
{
    struct plm_rtcp_block blocks[31]; /* RFC 3550 section 6.4: five bits of count */
    size_t n = 0;
    for (uint16_t i = 0; i < t->n_bindings && n < PLM_COUNT_OF(blocks); i++) {
        struct plm_encoding *enc = &t->bindings[i].track->encodings[t->bindings[i].encoding];
        if (!t->bindings[i].rtx && enc->seen)
            plm_rx_stats_block(&enc->stats, enc->ssrc, now_us, &blocks[n++]);
    }
    return n > 0 ? plm_rtcp_write_rr(buf, cap, t->rtcp_ssrc, blocks, n) : 0;
}

static size_t write_sender_report(struct plm_slot *s, uint8_t *buf, size_t cap, uint64_t now_us)
{
    uint32_t ts;
    /* RFC 3550 section 6.4: who has sent nothing since the report before the last one is no sender. */
    uint64_t interval_us = s->transport->samples_sound ? SPARSE_US : RTCP_INTERVAL_US;
    if (s->state != PLM_SLOT_FORWARDING || now_us - s->last_sent_us > 2 * interval_us ||
        !plm_slot_clock(s, now_us, &ts))
        return 0;
    return plm_rtcp_write_sr(
        buf, cap, s->ssrc, plm_worker_ntp(s->transport->worker), ts, s->sr_packets, s->sr_octets, NULL, 0);
}

static void update_rate(struct plm_slot *s, uint64_t now_us)
{
    uint64_t elapsed = now_us - s->rate_since_us;
    if (elapsed < 1000000)
        return;
    s->bitrate_bps = s->rate_since_us ? (uint32_t)(s->rate_bytes * 8000000 / elapsed) : 0;
    uint32_t fading = s->peak_bps - s->peak_bps / 8;
    s->peak_bps = s->bitrate_bps > fading ? s->bitrate_bps : fading;
    s->rate_bytes = 0;
    s->rate_since_us = now_us;
}

static void on_rtcp_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, rtcp_timer);
    uint8_t buf[RTCP_MAX + PLM_SRTCP_OVERHEAD];
    size_t len = write_receiver_report(t, buf, RTCP_MAX, now_us);
    bool due = !t->samples_sound || now_us - t->reported_us >= SPARSE_US;
    if (due)
        t->reported_us = now_us;
    for (unsigned i = 0; i < t->n_slots; i++) {
        struct plm_slot *s = &t->slots[i];
        update_rate(s, now_us);
        if (!due)
            continue;
        /* A report of 28 octets; SDES at the end takes 20. */
        if (RTCP_MAX - len < 64) {
            plm_transport_send_rtcp(t, buf, len, sizeof buf);
            len = 0;
        }
        len += write_sender_report(s, buf + len, RTCP_MAX - len, now_us);
    }
    if (len > 0) {
        uint32_t who = t->n_slots > 0 ? t->slots[0].ssrc : t->rtcp_ssrc;
        len += plm_rtcp_write_sdes_cname(buf + len, RTCP_MAX - len, who, CNAME);
        plm_transport_send_rtcp(t, buf, len, sizeof buf);
    }
    if (t->bwe) {
        plm_bwe_poll(t->bwe, now_us);
        plm_pacer_set(&t->pacer, plm_bwe_estimate(t->bwe), plm_bwe_is_crowded(t->bwe, now_us));
        plm_transport_allocate(t);
        wake_probe(t);
    }
    plm_timer_start_coarse(&t->worker->wheel, timer, now_us + RTCP_INTERVAL_US, on_rtcp_timer);
}

void plm_transport_start_reports(struct plm_transport *t)
{
    struct plm_worker *w = t->worker;
    plm_timer_start_coarse(&w->wheel, &t->rtcp_timer, w->now_us + RTCP_INTERVAL_US, on_rtcp_timer);
}

void plm_transport_wake_reports(struct plm_transport *t)
{
    struct plm_worker *w = t->worker;
    /* Within 50 ms of a switch; a little wait lets the other kind of the pair switch too. */
    uint64_t soon = w->now_us + 20000;
    t->reported_us = 0;
    if (t->state == PLM_TRANSPORT_CONNECTED &&
        (!plm_timer_active(&t->rtcp_timer) || t->rtcp_timer.due_us > soon))
        plm_timer_start(&w->wheel, &t->rtcp_timer, soon, on_rtcp_timer);
}
