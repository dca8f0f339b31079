/*
 * RTP from a transport's peer: opened, put to the track that its SSRC belongs to.
 */
#include "transport.h"

#include "base/bytes.h"
#include "base/planted.h"
#include "capture.h"
#include "track.h"
#include "track_change.h"
#include "worker_core.h"

#include <string.h>

static struct plm_ssrc_binding *binding_of(const struct plm_transport *t, uint32_t ssrc)
{
    if (t->last_binding < t->n_bindings && t->bindings[t->last_binding].ssrc == ssrc)
        return &t->bindings[t->last_binding];
    for (uint16_t i = 0; i < t->n_bindings; i++) {
        if (t->bindings[i].ssrc == ssrc)
            return &t->bindings[i];
    }
    return NULL;
}

/* Of an authentic packet. */
static struct plm_ssrc_binding *find_binding(struct plm_transport *t, uint32_t ssrc)
{
    struct plm_ssrc_binding *b = binding_of(t, ssrc);
    if (b)
        t->last_binding = (uint16_t)(b - t->bindings);
    return b;
}

/* Of a packet that nobody has opened yet. */
static const struct plm_ssrc_binding *peek_binding(
    const struct plm_transport *t, const uint8_t *data, size_t len)
{
    return len < PLM_RTP_HEADER ? NULL : binding_of(t, plm_get32(data + 8));
}

void plm_transport_prefetch_media(const struct plm_transport *t, const uint8_t *data, size_t len)
{
    if (len < 2 || data[0] < 128 || data[0] > 191)
        return;
    if (t->sec)
        t->worker->config.security->prefetch(t->sec);
    if (plm_is_rtcp(data)) {
        if (t->bwe)
            plm_bwe_prefetch_feedback(t->bwe);
        return;
    }
    const struct plm_ssrc_binding *b = peek_binding(t, data, len);
    if (b)
        plm_track_prefetch(b->track, b->encoding);
}

static bool has_token(const uint8_t *val, uint8_t len, const char *token)
{
    return val && len == strlen(token) && memcmp(val, token, len) == 0;
}

static bool knows_pt(const struct plm_media_params *m, uint8_t pt, bool *rtx)
{
    for (unsigned i = 0; i < m->n_codecs; i++) {
        if (m->codecs[i].pt == pt || m->codecs[i].rtx_pt == pt) {
            *rtx = m->codecs[i].rtx_pt == pt;
            return true;
        }
    }
    return false;
}

/* Which m-line a packet of an unknown SSRC belongs to: MID, else announced SSRC, else the only one with this payload type (RFC 8843 section 9.2). */
static int find_media(
    const struct plm_transport *t, const struct plm_rtp_view *v, const struct plm_rtp_exts *x)
{
    int by_pt = -1;
    bool rtx;
    for (int i = 0; i < t->params->n_media; i++) {
        const struct plm_media_params *m = &t->params->media[i];
        if (!t->tracks[i])
            continue;
        if (x->val[PLM_EXT_MID]) {
            if (has_token(x->val[PLM_EXT_MID], x->len[PLM_EXT_MID], m->mid))
                return i;
            continue;
        }
        if (m->recv_ssrc == v->ssrc || (m->recv_rtx_ssrc != 0 && m->recv_rtx_ssrc == v->ssrc))
            return i;
        if (m->recv_ssrc == 0 && knows_pt(m, v->pt, &rtx))
            by_pt = by_pt == -1 ? i : -2;
    }
    return by_pt;
}

static int find_encoding(const struct plm_media_params *m, const struct plm_rtp_exts *x, bool rtx)
{
    if (m->n_rids == 0)
        return 0;
    enum plm_ext ext = rtx ? PLM_EXT_REPAIRED_RID : PLM_EXT_RID;
    for (int i = 0; i < m->n_rids; i++) {
        if (has_token(x->val[ext], x->len[ext], m->rids[i]))
            return i;
    }
    return -1;
}

/* @return the binding, or NULL and the reason */
static struct plm_ssrc_binding *bind_ssrc(
    struct plm_transport *t, const struct plm_rtp_view *v, const struct plm_rtp_exts *x, enum plm_drop *why)
{
    *why = PLM_DROP_RTP_UNKNOWN_SSRC;
    int media = find_media(t, v, x);
    if (media < 0)
        return NULL;
    const struct plm_media_params *m = &t->params->media[media];
    bool rtx = false;
    if (!knows_pt(m, v->pt, &rtx)) {
        *why = PLM_DROP_RTP_UNKNOWN_PT;
        return NULL;
    }
    struct plm_track *tr = t->tracks[media];
    int e = find_encoding(m, x, rtx);
    if (e < 0 || e >= tr->n_encodings)
        return NULL;
    struct plm_encoding *enc = &tr->encodings[e];
    uint32_t *known = rtx ? &enc->rtx_ssrc : &enc->ssrc;
    if (*known != 0) {
        if (!rtx && !plm_track_may_change(tr, (uint8_t)e)) {
            *why = PLM_DROP_RTP_UNSTEADY;
            return NULL;
        }
        /* The sender changed its SSRC (RFC 3550 section 8.2): its statistics and ring begin anew. */
        for (uint16_t i = 0; i < t->n_bindings; i++) {
            if (t->bindings[i].ssrc == *known && t->bindings[i].track == tr)
                t->bindings[i] = t->bindings[--t->n_bindings];
        }
        *known = 0; /* a key frame cannot be asked of it any more */
        if (!rtx)
            plm_track_restart_encoding(tr, (uint8_t)e);
    }
    if (t->n_bindings >= t->worker->config.limits.ssrcs_per_transport) {
        *why = PLM_DROP_RTP_SSRC_LIMIT;
        return NULL;
    }
    if (!rtx && plm_track_open_encoding(tr, (uint8_t)e) != 0) {
        *why = PLM_DROP_NO_BUFFER;
        return NULL;
    }
    *known = v->ssrc;
    t->bindings[t->n_bindings] =
        (struct plm_ssrc_binding){.ssrc = v->ssrc, .track = tr, .encoding = (uint8_t)e, .rtx = rtx};
    t->last_binding = t->n_bindings;
    return &t->bindings[t->n_bindings++];
}

/* Undo RFC 4588: the original sequence number stands before the original payload. @return false: malformed or padding */
static bool unwrap_rtx(
    struct plm_transport *t, struct plm_pkt *pkt, struct plm_rtp_view *v, const struct plm_ssrc_binding *b)
{
    struct plm_encoding *enc = &b->track->encodings[b->encoding];
    plm_count(t->worker, PLM_CNT_RX_RTX);
    if (!PLM_FITS(rtx, v->payload_len >= 2) || enc->ssrc == 0) {
        plm_transport_drop(t, v->payload_len == 0 ? PLM_DROP_RTP_PADDING_ONLY : PLM_DROP_RTX_MALFORMED);
        return false;
    }
    unsigned codec = PLM_MAX_CODECS;
    for (unsigned i = 0; i < b->track->n_codecs; i++) {
        if (b->track->codecs[i].rtx_pt == v->pt)
            codec = i;
    }
    if (codec == PLM_MAX_CODECS) {
        plm_transport_drop(t, PLM_DROP_RTP_UNKNOWN_PT);
        return false;
    }
    size_t off = (size_t)(v->payload - v->data);
    uint8_t *d = pkt->data;
    d[1] = (uint8_t)((d[1] & 0x80) | b->track->codecs[codec].pt);
    d[2] = d[off];
    d[3] = d[off + 1];
    for (int i = 0; i < 4; i++)
        d[8 + i] = (uint8_t)(enc->ssrc >> (24 - 8 * i));
    memmove(d + off, d + off + 2, pkt->len - off - 2);
    pkt->len = (uint16_t)(pkt->len - 2);
    pkt->recovered = true;
    enc->stats.recovered++;
    return plm_rtp_parse(v, d, pkt->len) == 0;
}

static void on_rtp_packet(struct plm_transport *t, struct plm_pkt *pkt)
{
    struct plm_worker *w = t->worker;
    struct plm_rtp_view v;
    struct plm_rtp_exts x;
    if (plm_rtp_parse(&v, pkt->data, pkt->len) != 0 || plm_rtp_exts_parse(&x, &v, &t->exts) != 0) {
        plm_transport_drop(t, PLM_DROP_RTP_MALFORMED);
        return;
    }
    if (t->twcc_rx && x.val[PLM_EXT_TWCC] && x.len[PLM_EXT_TWCC] == 2) {
        plm_twcc_rx_on_packet(
            t->twcc_rx, (uint16_t)(x.val[PLM_EXT_TWCC][0] << 8 | x.val[PLM_EXT_TWCC][1]), w->came_us);
        if (!plm_timer_active(&t->feedback_timer))
            plm_transport_start_feedback(t);
    }
    enum plm_drop why;
    struct plm_ssrc_binding *b = find_binding(t, v.ssrc);
    if (!b && !(b = bind_ssrc(t, &v, &x, &why))) {
        plm_transport_drop(t, why);
        return;
    }
    pkt->recovered = false;
    if (b->rtx && !unwrap_rtx(t, pkt, &v, b))
        return;
    if (b->rtx && plm_rtp_exts_parse(&x, &v, &t->exts) != 0)
        return;
    struct plm_track *tr = b->track;
    for (uint8_t i = 0; i < tr->n_codecs; i++) {
        if (tr->codecs[i].pt == v.pt) {
            pkt->codec_index = i;
            plm_track_on_rtp(tr, b->encoding, pkt, &v, &x);
            return;
        }
    }
    plm_transport_drop(t, PLM_DROP_RTP_UNKNOWN_PT);
}

void plm_transport_drop_sealed(struct plm_transport *t, int err, bool rtcp)
{
    switch (err) {
    case PLM_EREPLAY:
        plm_transport_drop(t, PLM_DROP_SRTP_REPLAY);
        break;
    case PLM_ELIMIT:
        plm_transport_drop(t, PLM_DROP_RTP_SSRC_LIMIT);
        break;
    case PLM_EINVAL:
        plm_transport_drop(t, rtcp ? PLM_DROP_RTCP_MALFORMED : PLM_DROP_RTP_MALFORMED);
        break;
    default:
        plm_transport_drop(t, rtcp ? PLM_DROP_RTCP_AUTH : PLM_DROP_SRTP_AUTH);
        break;
    }
}

bool plm_transport_on_rtp(struct plm_transport *t, const uint8_t *data, size_t len)
{
    struct plm_worker *w = t->worker;
    if (!t->key || !t->tracks) {
        plm_transport_drop(t, PLM_DROP_NO_KEYS);
        return false;
    }
    if (len > PLM_PKT_SIZE) {
        plm_transport_drop(t, PLM_DROP_TOO_LARGE);
        return false;
    }
    struct plm_pkt *pkt = plm_pkt_get(w->pool);
    if (!pkt) {
        plm_transport_drop(t, PLM_DROP_NO_BUFFER);
        return false;
    }
    const struct plm_ssrc_binding *b = peek_binding(t, data, len);
    if (b)
        plm_track_prefetch_list(b->track);
    memcpy(pkt->data, data, len);
    if (b) /* while it is opened */
        plm_track_prefetch_slots(b->track);
    size_t plain = len;
    int err = w->config.security->open_rtp(t->sec, pkt->data, &plain);
    if (err != 0) {
        plm_transport_drop_sealed(t, err, false);
    } else {
        pkt->len = (uint16_t)plain;
        if (t->capture)
            plm_capture_rtp(t, false, pkt->data, plain, plain);
        t->heard_us = w->now_us;
        t->rx_packets++;
        t->rx_bytes += len;
        plm_count(w, PLM_CNT_RX_RTP);
        on_rtp_packet(t, pkt);
    }
    plm_pkt_put(w->pool, pkt);
    return err == 0;
}
