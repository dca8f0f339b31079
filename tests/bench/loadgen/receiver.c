#include "receiver.h"

#include "codec.h"
#include "die.h"
#include "mark.h"
#include "proc.h"
#include "rtp.h"

#include <string.h>

#define FEEDBACK_US 100000
#define REPORT_US   1000000
#define OUR_SSRC    1
#define FEEDBACK    1200

static struct plm_ext_map ext_map;

static struct incoming *stream_of(struct receiver *r, uint32_t ssrc)
{
    for (uint32_t i = ssrc * 2654435761u;; i++) {
        struct incoming *s = &r->streams[(i >> 8) % RECEIVER_STREAMS];
        if (s->ssrc == ssrc || s->ssrc == 0)
            return s;
        i += 255;
    }
}

static void count(struct receiver *r, const struct plm_rtp_view *v)
{
    struct incoming *s = stream_of(r, v->ssrc);
    if (s->ssrc == 0) {
        s->ssrc = v->ssrc;
        s->max_ext = s->from_ext = ((uint64_t)1 << 32) + v->seq;
    }
    uint64_t ext = plm_seq_extend(s->max_ext, v->seq);
    if (ext > s->max_ext)
        s->max_ext = ext;
    if (ext >= s->from_ext)
        s->received++;
    r->octets += v->len;
    if (v->pt == PEER_PT_VIDEO)
        r->video++;
    else
        r->audio++;
}

static size_t mark_at(const struct plm_rtp_view *v)
{
    struct plm_frame_info info;
    if (v->pt == PEER_PT_AUDIO)
        return 1;
    if (plm_codec_parse(PLM_CODEC_VP8, v->payload, v->payload_len, &info) != 0)
        return SIZE_MAX - MARK_LEN;
    return info.desc_len + 10u;
}

static void measure(struct receiver *r, uint8_t *pkt, size_t len, uint64_t wall_ns)
{
    struct plm_rtp_view v;
    uint64_t sent_ns;
    if (plm_security_dtls.open_rtp(r->peer.sec, pkt, &len) != 0 || plm_rtp_parse(&v, pkt, len) != 0) {
        r->undecryptable++;
        return;
    }
    if (v.payload_len == 0) { /* a number whose packet was left out where the picture changed */
        r->fills++;
        return;
    }
    size_t at = mark_at(&v);
    if (at + MARK_LEN > v.payload_len || !mark_get(v.payload + at, &sent_ns)) {
        r->unmarked++;
        return;
    }
    samples_add(r->latency, wall_ns > sent_ns ? (wall_ns - sent_ns) / 1000 : 0);
}

/* Header and extensions are in the clear: counting and feedback need no key. */
static void on_rtp(void *arg, uint8_t *pkt, size_t len, uint64_t wall_ns)
{
    struct receiver *r = arg;
    struct plm_rtp_view v;
    struct plm_rtp_exts e;
    uint8_t first = pkt[0];
    pkt[0] &= (uint8_t)~0x20; /* the padding count is still encrypted */
    int rc = plm_rtp_parse(&v, pkt, len);
    pkt[0] = first;
    if (rc != 0 || plm_rtp_exts_parse(&e, &v, &ext_map) != 0)
        return;
    if (e.val[PLM_EXT_TWCC] && e.len[PLM_EXT_TWCC] >= 2)
        plm_twcc_rx_on_packet(&r->twcc, plm_get16(e.val[PLM_EXT_TWCC]), r->peer.loop->now_us);
    if (v.pt == PEER_PT_RTX) {
        r->rtx++;
        return;
    }
    if (!r->first_media_us)
        r->first_media_us = clock_us();
    count(r, &v);
    if (r->decrypts)
        measure(r, pkt, len, wall_ns);
}

static void on_sr(void *arg, uint32_t ssrc, uint64_t ntp, uint32_t rtp_ts, uint32_t packets, uint32_t octets)
{
    struct receiver *r = arg;
    struct incoming *s = stream_of(r, ssrc);
    (void)rtp_ts;
    (void)packets;
    (void)octets;
    if (s->ssrc == ssrc) {
        s->lsr = (uint32_t)(ntp >> 16);
        s->lsr_at_us = r->peer.loop->now_us;
    }
}

static void on_rtcp(void *arg, const uint8_t *pkt, size_t len)
{
    static const struct plm_rtcp_handler h = {.sr = on_sr};
    (void)plm_rtcp_parse(pkt, len, 0, &h, arg);
}

static uint64_t lost_of(const struct incoming *s)
{
    uint64_t expected = s->max_ext + 1 - s->from_ext;
    return expected > s->received ? expected - s->received : 0;
}

/* RFC 3550 section 6.4.1 */
static void fill_block(struct plm_rtcp_block *b, struct incoming *s, uint64_t now_us)
{
    uint64_t expected = s->max_ext + 1 - s->from_ext;
    uint64_t new_expected = expected - s->told_expected, new_received = s->received - s->told_received;
    uint64_t lost = new_expected > new_received ? new_expected - new_received : 0;
    *b = (struct plm_rtcp_block){
        .ssrc = s->ssrc,
        .fraction_lost = (uint8_t)(new_expected ? lost * 255 / new_expected : 0),
        .total_lost = (int32_t)lost_of(s),
        .highest_seq = (uint32_t)s->max_ext,
        .lsr = s->lsr,
        .dlsr = s->lsr ? (uint32_t)((now_us - s->lsr_at_us) * 65536 / 1000000) : 0,
    };
    s->told_expected = expected;
    s->told_received = s->received;
}

static void send_report(struct receiver *r, uint64_t now_us)
{
    struct plm_rtcp_block blocks[PLM_RTCP_MAX_BLOCKS];
    uint8_t buf[1024];
    size_t n = 0;
    for (size_t i = 0; i < RECEIVER_STREAMS && n < PLM_RTCP_MAX_BLOCKS; i++)
        if (r->streams[i].ssrc)
            fill_block(&blocks[n++], &r->streams[i], now_us);
    size_t len = plm_rtcp_write_rr(buf, sizeof buf, OUR_SSRC, blocks, n);
    len += plm_rtcp_write_sdes_cname(buf + len, sizeof buf - len, OUR_SSRC, "bench");
    peer_send_rtcp(&r->peer, buf, len);
}

static void poll(void *arg, uint64_t now)
{
    struct receiver *r = arg;
    if (now >= r->next_feedback_us) {
        uint8_t buf[FEEDBACK];
        for (size_t len; (len = plm_twcc_rx_write(&r->twcc, buf, sizeof buf, OUR_SSRC, 0)) > 0;)
            peer_send_rtcp(&r->peer, buf, len);
        r->next_feedback_us = now + FEEDBACK_US;
    }
    if (now >= r->next_report_us) {
        send_report(r, now);
        r->next_report_us = now + REPORT_US;
    }
}

void receiver_start(struct receiver *r, struct loop *l, bool decrypts, struct samples *latency,
    size_t n_pairs, bool video, const struct sockaddr_in *server, const char *path)
{
    static const struct peer_callbacks cb = {.rtp = on_rtp, .rtcp = on_rtcp, .poll = poll};
    struct peer_media media[PLM_MAX_MEDIA];
    size_t n = 0;
    memset(r, 0, sizeof *r);
    memset(media, 0, sizeof media);
    plm_ext_map_init(&ext_map, &peer_ext_ids);
    plm_twcc_rx_init(&r->twcc);
    r->decrypts = decrypts;
    r->latency = latency;
    peer_init(&r->peer, l, &cb, r);
    for (size_t i = 0; i < n_pairs; i++) {
        if (n + 2 > PLM_MAX_MEDIA)
            die("more m-lines than a transport may have");
        media[n++].kind = PLM_KIND_AUDIO;
        if (video)
            media[n++].kind = PLM_KIND_VIDEO;
    }
    peer_join(&r->peer, server, path, PEER_RECEIVES, media, n);
}

void receiver_stop(struct receiver *r, const struct sockaddr_in *server)
{
    peer_leave(&r->peer, server);
}

void receiver_reset(struct receiver *r)
{
    for (size_t i = 0; i < RECEIVER_STREAMS; i++) {
        struct incoming *s = &r->streams[i];
        s->from_ext = s->max_ext + 1;
        s->received = s->told_expected = s->told_received = 0;
    }
    r->video = r->audio = r->octets = r->rtx = r->undecryptable = r->unmarked = r->fills = 0;
}

uint64_t receiver_lost(const struct receiver *r)
{
    uint64_t lost = 0;
    for (size_t i = 0; i < RECEIVER_STREAMS; i++)
        if (r->streams[i].ssrc)
            lost += lost_of(&r->streams[i]);
    return lost;
}
