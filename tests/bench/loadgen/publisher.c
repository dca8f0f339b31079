#include "publisher.h"

#include "mark.h"
#include "proc.h"
#include "rtcp.h"
#include "rtp.h"

#include <string.h>

#define AUDIO_US       20000
#define AUDIO_TICKS    960
#define VIDEO_CLOCK    90000
#define KEY_FACTOR     4 /* a key frame is so many times larger */
#define REPORT_US      1000000
#define MAX_FRAME      64
#define MAX_PACKET     1300
#define MAX_LATE_US    200000 /* when this client was held up longer, it does not catch up */
#define VP8_PREFIX     (6 + 10)
#define NTP_UNIX_EPOCH 2208988800u

static uint8_t noise[MAX_PACKET];

/* Header, then the place for the payload; the body is shared noise. */
static void make_packet(struct publisher *p, struct outgoing *s, uint8_t *buf, struct plm_seal_job *job,
    uint8_t *prefix, uint16_t prefix_len, size_t payload_len, bool audio, bool marker)
{
    uint8_t twcc[2], level = 0x80 | 30;
    plm_put16(twcc, p->twcc_seq++);
    struct plm_ext_out exts[] = {
        {.id = peer_ext_ids.id[PLM_EXT_TWCC], .len = 2, .val = twcc},
        {.id = audio ? peer_ext_ids.id[PLM_EXT_AUDIO_LEVEL] : 0, .len = 1, .val = &level},
    };
    struct plm_rtp_fixed fixed = {.ts = s->ts,
        .ssrc = s->ssrc,
        .seq = (uint16_t)s->ext_seq,
        .pt = audio ? PEER_PT_AUDIO : PEER_PT_VIDEO,
        .marker = marker};
    *job = (struct plm_seal_job){
        .ext_seq = s->ext_seq++,
        .ssrc = s->ssrc,
        .out = buf,
        .hdr_len = (uint16_t)plm_rtp_write_header(buf, MAX_PACKET, &fixed, exts, 2, NULL),
        .prefix = prefix,
        .prefix_len = prefix_len,
        .body = noise,
        .body_len = (uint16_t)(payload_len - prefix_len),
    };
    s->packets++;
    s->octets += (uint32_t)payload_len;
}

static void send_audio(struct publisher *p)
{
    uint8_t buf[MAX_PACKET + PLM_SRTP_MAX_OVERHEAD],
        prefix[1 + MARK_LEN] = {0x78}; /* CELT, 20 ms, stereo off */
    struct plm_seal_job job;
    mark_put(prefix + 1, clock_wall_ns());
    make_packet(p, &p->audio, buf, &job, prefix, sizeof prefix, PUBLISHER_AUDIO_LEN, true, false);
    peer_send_rtp(&p->peer, &job, 1);
    p->audio.ts += AUDIO_TICKS;
}

static void begin_frame(struct publisher *p)
{
    p->frame_is_key = p->key_wanted;
    p->key_wanted = false;
    p->key_frames += p->frame_is_key;
    p->frame_len = p->config.packets_per_frame * (p->frame_is_key ? KEY_FACTOR : 1);
    if (p->frame_len > MAX_FRAME)
        p->frame_len = MAX_FRAME;
    p->frame_at = 0;
    p->video.ts += VIDEO_CLOCK / p->config.fps;
    p->picture_id = (p->picture_id + 1) & 0x7fff;
    p->tl0picidx++;
}

/* RFC 7741 section 4.2, one temporal layer; a key frame's header (RFC 6386 section 9.1) says 1280x720 */
static void make_prefix(const struct publisher *p, uint8_t prefix[VP8_PREFIX + MARK_LEN], uint64_t wall_ns)
{
    bool first = p->frame_at == 0;
    static const uint8_t key_header[10] = {0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x00, 0x05, 0xd0, 0x02};
    prefix[0] = first ? 0x90 : 0x80;
    prefix[1] = 0xe0;
    plm_put16(prefix + 2, p->picture_id | 0x8000);
    prefix[4] = p->tl0picidx;
    prefix[5] = 0;
    memset(prefix + 6, 0, 10);
    if (first && p->frame_is_key)
        memcpy(prefix + 6, key_header, sizeof key_header);
    else
        prefix[6] = 1; /* inter frame */
    mark_put(prefix + VP8_PREFIX, wall_ns);
}

static void send_video(struct publisher *p, unsigned n)
{
    static uint8_t bufs[MAX_FRAME][MAX_PACKET + PLM_SRTP_MAX_OVERHEAD];
    static uint8_t prefixes[MAX_FRAME][VP8_PREFIX + MARK_LEN];
    struct plm_seal_job jobs[MAX_FRAME];
    uint64_t wall_ns = clock_wall_ns();
    for (unsigned i = 0; i < n; i++) {
        make_prefix(p, prefixes[i], wall_ns);
        bool last = ++p->frame_at == p->frame_len;
        make_packet(p, &p->video, bufs[i], &jobs[i], prefixes[i], sizeof prefixes[i],
            p->config.packet_len - 20, false, last);
    }
    peer_send_rtp(&p->peer, jobs, n);
}

static void send_report(struct publisher *p, const struct outgoing *s)
{
    uint8_t buf[128];
    uint64_t ns = clock_wall_ns();
    uint64_t ntp = (ns / 1000000000 + NTP_UNIX_EPOCH) << 32 | ((ns % 1000000000) << 32) / 1000000000;
    size_t len =
        plm_rtcp_write_sr(buf, sizeof buf, s->ssrc, ntp, s->ts, (uint32_t)s->packets, s->octets, NULL, 0);
    len += plm_rtcp_write_sdes_cname(buf + len, sizeof buf - len, s->ssrc, "bench");
    peer_send_rtcp(&p->peer, buf, len);
}

/* The next time after one that was due, without catching up on long delays. */
static uint64_t next_time(uint64_t due, uint64_t now, uint64_t interval)
{
    return now - due > MAX_LATE_US ? now + interval : due + interval;
}

static void poll(void *arg, uint64_t now)
{
    struct publisher *p = arg;
    while (!p->silent && now >= p->next_audio_us) {
        send_audio(p);
        p->next_audio_us = next_time(p->next_audio_us, now, AUDIO_US);
    }
    if (p->config.video && !p->silent && now >= p->next_frame_us) {
        begin_frame(p);
        p->next_packet_us = now;
        p->next_frame_us = next_time(p->next_frame_us, now, 1000000 / p->config.fps);
    }
    if (p->config.pace_us == 0 && p->frame_at < p->frame_len)
        send_video(p, p->frame_len - p->frame_at);
    while (p->frame_at < p->frame_len && now >= p->next_packet_us) {
        send_video(p, 1);
        p->next_packet_us += p->config.pace_us;
    }
    if (now >= p->next_report_us) {
        send_report(p, &p->audio);
        if (p->config.video)
            send_report(p, &p->video);
        p->next_report_us = now + REPORT_US;
    }
}

static void on_pli(void *arg, uint32_t media)
{
    struct publisher *p = arg;
    (void)media;
    p->plis++;
    p->key_wanted = true;
}

static void on_fir(void *arg, uint32_t media, uint8_t seq)
{
    (void)seq;
    on_pli(arg, media);
}

static void on_nack(void *arg, uint32_t media, uint16_t pid, uint16_t blp)
{
    struct publisher *p = arg;
    (void)media;
    (void)pid;
    (void)blp;
    p->nacks++;
}

static void on_rtcp(void *arg, const uint8_t *pkt, size_t len)
{
    static const struct plm_rtcp_handler h = {.pli = on_pli, .fir = on_fir, .nack = on_nack};
    (void)plm_rtcp_parse(pkt, len, 100, &h, arg);
}

static void on_rtp(void *arg, uint8_t *pkt, size_t len, uint64_t wall_ns)
{
    (void)arg;
    (void)pkt;
    (void)len;
    (void)wall_ns;
}

static uint32_t random32(void)
{
    uint32_t v;
    plm_security_dtls.random(NULL, &v, sizeof v);
    return v | 1;
}

void publisher_start(struct publisher *p, struct loop *l, const struct publisher_config *config,
    const struct sockaddr_in *server, const char *path)
{
    static const struct peer_callbacks cb = {.rtp = on_rtp, .rtcp = on_rtcp, .poll = poll};
    memset(p, 0, sizeof *p);
    p->config = *config;
    p->key_wanted = true;
    peer_init(&p->peer, l, &cb, p);
    p->audio.ssrc = random32();
    p->video.ssrc = random32();
    p->audio.ext_seq =
        random32() & 0x7fff; /* below 2^15: a receiver that misses the first packets guesses the ROC right */
    p->video.ext_seq = random32() & 0x7fff;
    struct peer_media media[] = {
        {PLM_KIND_AUDIO, p->audio.ssrc, 0},
        {PLM_KIND_VIDEO, p->video.ssrc, random32()},
    };
    uint64_t start = l->now_us + random32() % 33000; /* publishers' frames do not coincide */
    p->next_audio_us = p->next_frame_us = p->next_report_us = start;
    peer_join(&p->peer, server, path, PEER_SENDS, media, config->video ? 2 : 1);
}

void publisher_stop(struct publisher *p, const struct sockaddr_in *server)
{
    peer_leave(&p->peer, server);
}
