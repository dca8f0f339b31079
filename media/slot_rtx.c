#include "slot.h"

#include "base/util.h"
#include "egress.h"
#include "red.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

/* What a slot has sent, once more: retransmissions, padding, copies of sound. */

#define RTX_BURST_OCTETS 50000   /* what may be retransmitted in a second beside the configured share */
#define RTX_LINE_PERCENT 30      /* of the estimate, once there is one, are retransmissions at most */
#define RTX_LEAST_OCTETS 10000   /* but so much in any case */
#define PAD_LOOK         64      /* numbers back for padding: the packets of a few pictures */
#define AGAIN_LOST_Q8    2       /* of 256 packets: 0.8 % */
#define AGAIN_MOST_Q8    38      /* 15 %, as the receiver reports it: of more, copies only fill the line */
#define AGAIN_HOLD_US    5000000 /* a line that loses at random seems to lose nothing now and then */
#define AGAIN_US         8000
#define AGAIN_PERCENT    50 /* of what may be retransmitted: the rest is for first answers */

/* Retransmissions may take a share of what is sent, and a burst: a receiver's NACKs cannot multiply traffic. */
static bool rtx_allowed(struct plm_transport *t, size_t octets, unsigned percent)
{
    struct plm_worker *w = t->worker;
    uint64_t second = w->now_us / 1000000;
    if (t->rtx_second != second) {
        t->last_second_octets =
            t->rtx_second + 1 == second ? (uint32_t)(t->tx_bytes - t->tx_bytes_second) : 0;
        t->tx_bytes_second = t->tx_bytes;
        t->rtx_second = second;
        t->rtx_used = 0;
    }
    uint64_t allowed =
        RTX_BURST_OCTETS + (uint64_t)t->last_second_octets * w->config.limits.rtx_share_percent / 100;
    uint64_t line = t->bwe ? (uint64_t)plm_bwe_estimate(t->bwe) / 8 * RTX_LINE_PERCENT / 100 : 0;
    if (line && line < allowed) /* what a full line loses makes it no fuller */
        allowed = line > RTX_LEAST_OCTETS ? line : RTX_LEAST_OCTETS;
    if (t->rtx_used + octets > allowed * percent / 100)
        return false;
    t->rtx_used += (uint32_t)octets;
    return true;
}

/* Of any codec: an RTX stream takes padding under each. */
static uint8_t rtx_pt(const struct plm_slot *s)
{
    const struct plm_media_params *m = &s->transport->params->media[s->media];
    for (unsigned i = 0; i < m->n_codecs; i++) {
        if (m->codecs[i].rtx_pt != PLM_NO_PT)
            return m->codecs[i].rtx_pt;
    }
    return PLM_NO_PT;
}

bool plm_slot_can_pad(const struct plm_slot *s)
{
    return s->kind == PLM_KIND_VIDEO && s->map && s->rtx_ssrc != 0 && rtx_pt(s) != PLM_NO_PT;
}

/* The packet that was sent under this number, and in which segment, NULL: it is not kept any more. */
static struct plm_pkt *kept_packet(
    const struct plm_slot *s, uint16_t seq, struct plm_segment *segment, struct plm_map_out *out)
{
    uint64_t src;
    /* Only what the shown track still holds: a former track's packets went with it. */
    if (!plm_seq_map_find(s->map, seq, segment, &src, out) || segment->source != s->track->key ||
        segment->encoding >= s->track->n_encodings)
        return NULL;
    return plm_pkt_ring_find(&s->track->encodings[segment->encoding].ring, src);
}

/* The same, if it can be sent again. */
static struct plm_pkt *sent_packet(
    const struct plm_slot *s, uint16_t seq, struct plm_segment *segment, struct plm_map_out *out)
{
    struct plm_pkt *pkt = kept_packet(s, seq, segment, out);
    return pkt && s->rtx_pt_of[pkt->codec_index] != PLM_NO_PT ? pkt : NULL;
}

bool plm_slot_copy(
    const struct plm_slot *s, uint16_t seq, const struct plm_pkt *pkt, uint32_t ts, struct plm_red_block *out)
{
    struct plm_segment segment;
    struct plm_map_out sent;
    const struct plm_pkt *earlier = s->track && s->map ? kept_packet(s, seq, &segment, &sent) : NULL;
    if (!earlier || earlier->codec_index != pkt->codec_index)
        return false;
    *out = (struct plm_red_block){.payload = earlier->data + earlier->payload_off,
        .len = earlier->payload_len,
        .ts_back = ts - sent.ts};
    return plm_red_fits(out);
}

void plm_slot_pad(struct plm_slot *s, size_t octets)
{
    const uint64_t last = plm_seq_map_last(s->map);
    struct plm_segment segment;
    struct plm_map_out out;
    size_t sent = 0;
    for (unsigned back = 0; s->track && back < PAD_LOOK && sent < octets; back++) {
        struct plm_pkt *pkt = sent_packet(s, (uint16_t)(last - back), &segment, &out);
        /* What is larger than what is due would make a slow cluster a few lumps, which measure nothing. */
        if (!pkt || pkt->len > octets - sent)
            continue;
        plm_egress_push(s->transport->worker, s, pkt, PLM_EGRESS_RTX, s->rtx_pt_of[pkt->codec_index], &out);
        sent += pkt->len;
    }
    for (out = (struct plm_map_out){.ts = s->last_ts}; sent < octets; sent += PLM_EGRESS_PADDING_OCTETS)
        plm_egress_push(s->transport->worker, s, NULL, PLM_EGRESS_PADDING, rtx_pt(s), &out);
}

/* Not of what a key frame has replaced: of that a receiver behind a line that was full shows nothing any more. */
static bool is_of_present(const struct plm_slot *s, const struct plm_segment *segment)
{
    const struct plm_segment *now = plm_seq_map_segment(s->map);
    return !now || (segment->encoding == now->encoding && segment->ts_offset == now->ts_offset);
}

/**
 * @param least_us since it was sent again last
 * @param percent of what may be sent again that is there for this
 * @return octets queued, 0: it is not there any more, or too much was sent again
 */
static size_t send_again(struct plm_slot *s, uint16_t seq, uint32_t least_us, unsigned percent)
{
    struct plm_transport *t = s->transport;
    struct plm_worker *w = t->worker;
    struct plm_segment segment;
    struct plm_map_out out;
    struct plm_pkt *pkt = s->map && s->track && s->rtx_ssrc ? sent_packet(s, seq, &segment, &out) : NULL;
    if (!pkt || (t->bwe && plm_bwe_is_strained(t->bwe, w->now_us) && !is_of_present(s, &segment)))
        return 0;
    if (!plm_seq_map_retry(s->map, seq, w->now_us, least_us))
        return 0;
    if (!rtx_allowed(t, pkt->len, percent)) {
        if (percent == 100) /* a copy is left out, not dropped */
            plm_transport_drop(t, PLM_DROP_RTX_SHARE);
        return 0;
    }
    plm_egress_push(w, s, pkt, PLM_EGRESS_RTX, s->rtx_pt_of[pkt->codec_index], &out);
    return pkt->len;
}

/* ---- twice ---- */

void plm_slot_twice(struct plm_slot *s, uint16_t seq)
{
    send_again(s, seq, 0, AGAIN_PERCENT);
}

static void on_again_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, again.timer);
    (void)now_us;
    for (unsigned i = 0; i < t->again.n; i++)
        send_again(&t->slots[t->again.v[i].slot], t->again.v[i].seq, 0, AGAIN_PERCENT);
    t->again.n = 0;
}

/*
 * A retransmission that is lost too is missed a round trip later and comes after another one: a freeze. Where some are lost each comes twice,
 * with a while between them, for losses come together.
 */
static void send_again_later(struct plm_slot *s, uint16_t seq)
{
    struct plm_transport *t = s->transport;
    uint64_t now = t->worker->now_us;
    if (t->bwe && plm_bwe_lost_q8(t->bwe) >= AGAIN_LOST_Q8)
        t->again.until_us = now + AGAIN_HOLD_US;
    if (now >= t->again.until_us || s->fraction_lost > AGAIN_MOST_Q8 || plm_bwe_is_full(t->bwe) ||
        t->again.n == PLM_COUNT_OF(t->again.v))
        return;
    t->again.v[t->again.n++] = (struct plm_sent_again){(uint16_t)(s - t->slots), seq};
    if (!plm_timer_active(&t->again.timer))
        plm_timer_start(&t->worker->wheel, &t->again.timer, now + AGAIN_US, on_again_timer);
}

size_t plm_slot_on_nack(struct plm_slot *s, uint16_t seq)
{
    struct plm_segment segment;
    struct plm_map_out out;
    uint64_t src;
    s->nacks++;
    s->lost += s->map && plm_seq_map_find(s->map, seq, &segment, &src, &out);
    /* Whoever asks again before a round trip is over has not seen the answer yet; less than that, for the measured one varies. */
    size_t octets = send_again(s, seq, s->transport->rtt_us / 4 * 3, 100);
    if (octets)
        send_again_later(s, seq);
    return octets;
}
