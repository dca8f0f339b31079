#include <stdlib.h>
#include <string.h>

#include "base/ntp_map.h"
#include "sim.h"

#define RTCP_US      1000000
#define KEY_EVERY_US 300000 /* encoders do not make key frames faster than this */
#define WALL_US      UINT64_C(1790000000000000)

static void put16(uint8_t *p, unsigned v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

/* ---- description ---- */

static void describe_video(struct sim_person *p, struct plm_media_params *m)
{
    m->mid[0] = '1';
    m->kind = PLM_KIND_VIDEO;
    m->direction = PLM_DIR_RECV;
    m->source = PLM_SOURCE_CAMERA;
    m->n_codecs = 1;
    m->codecs[0] = (struct plm_codec_params){.codec = p->codec,
        .pt = SIM_PT_VIDEO,
        .rtx_pt = SIM_PT_RTX,
        .feedback = PLM_FB_NACK | PLM_FB_PLI,
        .clock_rate = 90000};
    if (p->n_encodings < 2)
        return;
    m->n_rids = (uint8_t)p->n_encodings;
    for (unsigned i = 0; i < p->n_encodings; i++)
        m->rids[i][0] = "lmh"[i];
}

void sim_publisher_describe(struct sim_person *p, struct plm_transport_params *out)
{
    memset(out, 0, sizeof *out);
    static const uint8_t ids[][2] = {{PLM_EXT_MID, SIM_EXT_MID}, {PLM_EXT_RID, SIM_EXT_RID},
        {PLM_EXT_REPAIRED_RID, SIM_EXT_RRID}, {PLM_EXT_AUDIO_LEVEL, SIM_EXT_LEVEL},
        {PLM_EXT_TWCC, SIM_EXT_TWCC}};
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++)
        out->exts.id[ids[i][0]] = ids[i][1];
    out->rtcp_reduced_size = true;
    out->n_media = p->n_encodings ? 2 : 1;
    struct plm_media_params *audio = &out->media[0];
    audio->mid[0] = '0';
    audio->kind = PLM_KIND_AUDIO;
    audio->direction = PLM_DIR_RECV;
    audio->source = PLM_SOURCE_MICROPHONE;
    audio->n_codecs = 1;
    audio->codecs[0] = (struct plm_codec_params){
        .codec = PLM_CODEC_OPUS, .pt = SIM_PT_OPUS, .rtx_pt = PLM_NO_PT, .channels = 2, .clock_rate = 48000};
    if (p->n_encodings)
        describe_video(p, &out->media[1]);
}

/* ---- packets ---- */

static size_t write_header(
    struct sim_person *p, uint8_t *b, const struct plm_rtp_fixed *f, char mid, char rid, bool rtx, int level)
{
    struct plm_ext_out x[4];
    uint8_t twcc[2], lv = (uint8_t)level;
    size_t n = 0;
    x[n++] = (struct plm_ext_out){SIM_EXT_MID, 1, (const uint8_t *)&mid};
    if (rid)
        x[n++] = (struct plm_ext_out){rtx ? SIM_EXT_RRID : SIM_EXT_RID, 1, (const uint8_t *)&rid};
    if (level >= 0)
        x[n++] = (struct plm_ext_out){SIM_EXT_LEVEL, 1, &lv};
    put16(twcc, p->publish->twcc_seq++);
    x[n++] = (struct plm_ext_out){SIM_EXT_TWCC, 2, twcc};
    return plm_rtp_write_header(b, SIM_DATAGRAM, f, x, n, NULL);
}

static size_t vp8_descriptor(const struct sim_encoding *e, const struct fs_frame *f, unsigned at, uint8_t *b)
{
    size_t n = 0;
    b[n++] = (uint8_t)(0x80 | (at == 0 ? 0x10 : 0));
    b[n++] = 0xe0; /* I, L, T */
    if (e->source.picture_15) {
        put16(b + n, 0x8000u | f->picture);
        n += 2;
    } else {
        b[n++] = (uint8_t)f->picture;
    }
    b[n++] = f->tl0;
    b[n++] = (uint8_t)(f->tid << 6 | f->sync << 5);
    if (at)
        return n;
    b[n++] = f->key ? 0x10 : 0x11; /* the frame tag's P bit */
    b[n++] = 2;
    b[n++] = 0;
    if (f->key) {
        memcpy(b + n, "\x9d\x01\x2a", 3);
        n += 3;
    }
    return n;
}

static unsigned width_of(const struct sim_person *p, unsigned encoding)
{
    return p->n_encodings == 1 ? 640 : 320u << encoding;
}

/** Flexible mode: references as differences of picture ids; a key frame tells its size (RFC 9628 section 4.2.1). */
static size_t vp9_descriptor(
    const struct sim_person *p, unsigned encoding, const struct fs_frame *f, unsigned at, uint8_t *b)
{
    size_t n = 1;
    bool end = at + 1u == f->n_packets, structure = f->key && at == 0;
    b[0] = (uint8_t)(0xb0 | (f->key ? 0 : 0x40) | (at == 0 ? 0x08 : 0) | (end ? 0x04 : 0) |
                     (structure ? 0x02 : 0));
    if (p->video[encoding].source.picture_15) {
        put16(b + n, 0x8000u | f->picture);
        n += 2;
    } else {
        b[n++] = (uint8_t)f->picture;
    }
    b[n++] = (uint8_t)(f->tid << 5 | f->sync << 4);
    for (unsigned i = 0; !f->key && i < f->n_refs; i++) {
        uint64_t diff = f->index - f->refs[i];
        b[n++] = (uint8_t)(diff << 1 | (i + 1u < f->n_refs));
    }
    if (structure) { /* one spatial layer, with its size */
        b[n++] = 0x10;
        put16(b + n, width_of(p, encoding));
        put16(b + n + 2, width_of(p, encoding) * 9 / 16);
        n += 4;
    }
    return n;
}

struct bit_writer {
    uint8_t *b;
    unsigned at;
};

static void put_bits(struct bit_writer *w, unsigned v, unsigned n)
{
    for (; n--; w->at++)
        w->b[w->at / 8] |= (uint8_t)((v >> n & 1) << (7 - w->at % 8));
}

/** ue(v), ITU-T H.264 section 9.1 */
static void put_golomb(struct bit_writer *w, unsigned v)
{
    unsigned bits = 32 - (unsigned)__builtin_clz(v + 1);
    put_bits(w, v + 1, 2 * bits - 1);
}

/** A sequence parameter set of the baseline profile (section 7.3.2.1.1). @return octets */
static size_t write_sps(uint8_t *b, unsigned width, unsigned height)
{
    unsigned rows = (height + 15) / 16;
    static const uint8_t begin[] = {0x67, 66, 0, 31};
    memset(b, 0, 24);
    memcpy(b, begin, sizeof begin);
    struct bit_writer w = {b, 32};
    static const unsigned fields[] = {
        0, 0, 2, 1}; /* id, log2 of frame numbers, order count type, reference frames */
    for (int i = 0; i < 4; i++)
        put_golomb(&w, fields[i]);
    put_bits(&w, 0, 1);
    put_golomb(&w, width / 16 - 1);
    put_golomb(&w, rows - 1);
    put_bits(&w, 3, 2); /* frames only, direct inference */
    put_bits(&w, rows * 16 > height, 1);
    if (rows * 16 > height) {
        for (int i = 0; i < 3; i++)
            put_golomb(&w, 0);
        put_golomb(&w, (rows * 16 - height) / 2);
    }
    put_bits(&w, 1, 2); /* no VUI; the stop bit */
    return (w.at + 7) / 8;
}

/** A key frame begins with an aggregation of parameter set and slice; the rest are fragments or single units (RFC 6184 section 5). */
static size_t h264_header(
    const struct sim_person *p, unsigned encoding, const struct fs_frame *f, unsigned at, uint8_t *b)
{
    unsigned first = f->key ? 1 : 0,
             fragments = f->n_packets - first; /* packets of the slice that is cut up */
    uint8_t type = f->key ? 5 : 1;
    if (f->key && at == 0) {
        unsigned width = width_of(p, encoding);
        size_t n = write_sps(b + 3, width, width * 9 / 16);
        b[0] = 0x78; /* STAP-A */
        put16(b + 1, (unsigned)n);
        /* The second unit's size is filled in when the packet's is known. */
        b[3 + n + 2] = 0x65;
        return 3 + n + 3;
    }
    if (fragments == 1) {
        b[0] = 0x60 | type;
        return 1;
    }
    b[0] = 0x60 | 28;
    b[1] = (uint8_t)(type | (at == first ? 0x80 : 0) | (at + 1u == f->n_packets ? 0x40 : 0));
    return 2;
}

static size_t put_truth(
    const struct sim_person *p, unsigned encoding, const struct fs_frame *f, unsigned at, uint8_t *b)
{
    struct sim_truth t = {.magic = SIM_MAGIC,
        .participant = p->id,
        .frame = f->index,
        .encoding = (uint8_t)encoding,
        .at = (uint8_t)at,
        .n_packets = f->n_packets,
        .n_refs = f->n_refs,
        .tid = f->tid,
        .key = f->key,
        .sync = f->sync};
    for (unsigned i = 0; i < f->n_refs; i++)
        t.refs[i] = (uint16_t)(f->index - f->refs[i]);
    memcpy(b, &t, sizeof t);
    return sizeof t;
}

static size_t write_payload(
    const struct sim_person *p, unsigned encoding, const struct fs_frame *f, unsigned at, uint8_t *b)
{
    const struct sim_encoding *e = &p->video[encoding];
    size_t n = p->codec == PLM_CODEC_VP8   ? vp8_descriptor(e, f, at, b)
               : p->codec == PLM_CODEC_VP9 ? vp9_descriptor(p, encoding, f, at, b)
                                           : h264_header(p, encoding, f, at, b);
    size_t descriptor = n;
    size_t fill = p->octets[encoding] + (f->index * 7 + at * 13) % 60;
    memset(b + n, 0x55, fill);
    if (f->key && at == 0 && p->codec == PLM_CODEC_VP8) { /* width and height of the key frame's header */
        unsigned width = width_of(p, encoding), height = width * 9 / 16;
        b[n] = (uint8_t)width;
        b[n + 1] = (uint8_t)(width >> 8);
        b[n + 2] = (uint8_t)height;
        b[n + 3] = (uint8_t)(height >> 8);
    }
    n += fill;
    n += put_truth(p, encoding, f, at, b + n);
    if (f->key && at == 0 && p->codec == PLM_CODEC_H264)
        put16(b + descriptor - 3, (unsigned)(n - (descriptor - 1)));
    return n;
}

static void send_packet(struct sim_person *p, unsigned encoding, const struct fs_frame *f, unsigned at)
{
    struct sim_encoding *e = &p->video[encoding];
    uint64_t ext_seq = f->first_seq + at;
    uint8_t b[SIM_DATAGRAM];
    struct plm_rtp_fixed fixed = {.ts = (uint32_t)f->ts,
        .ssrc = e->ssrc,
        .seq = (uint16_t)ext_seq,
        .pt = SIM_PT_VIDEO,
        .marker = at + 1u == f->n_packets};
    size_t hdr = write_header(p, b, &fixed, '1', p->n_encodings > 1 ? "lmh"[encoding] : 0, false, -1);
    size_t len = hdr + write_payload(p, encoding, f, at, b + hdr);
    unsigned slot = ext_seq % SIM_HISTORY;
    e->history[slot].ext_seq = ext_seq;
    e->history[slot].hdr_len = (uint16_t)hdr;
    e->history[slot].len = (uint16_t)len;
    memcpy(e->history[slot].data, b, len);
    e->packets++;
    e->octets += (uint32_t)(len - hdr);
    sim_end_send_rtp(p->publish, e->ssrc, ext_seq, b, hdr, len);
}

static void send_frame(struct sim_person *p, unsigned encoding)
{
    struct sim *s = p->sim;
    struct sim_encoding *e = &p->video[encoding];
    bool key =
        e->key_wanted && s->now - e->key_at >= KEY_EVERY_US && s->now - e->key_wanted_at >= p->key_takes_us;
    struct fs_frame f;
    fs_next(&e->source, key, 90000 / p->fps, &f);
    if (f.key) {
        e->key_wanted = false;
        e->key_at = s->now;
        p->keyframes++;
    }
    e->last_ts = f.ts;
    e->last_ts_at = s->now;
    for (unsigned at = 0; at < f.n_packets; at++)
        send_packet(p, encoding, &f, at);
}

static void on_video_tick(struct sim *s, void *arg)
{
    struct sim_end *end = arg;
    struct sim_person *p = end->person;
    if (!p || end->dead)
        return;
    sim_at(s, s->now + 1000000 / p->fps, on_video_tick, end);
    for (unsigned i = 0; end->connected && !p->silent && i < p->n_encodings; i++) {
        if (!(p->ended >> i & 1))
            send_frame(p, i);
    }
}

/** Speech: syllables with dips, in turns of some seconds. */
static int speech_level(struct sim_person *p)
{
    struct sim *s = p->sim;
    if (p->talks_at_random && s->now >= p->talk_until) {
        p->talking = !p->talking;
        p->talk_until =
            s->now + (p->talking ? 1000000 + sim_random(s) % 6000000 : 3000000 + sim_random(s) % 30000000);
    }
    if (!p->talking)
        return 70 + (int)(sim_random(s) % 12);
    return s->now / 1000 % 230 > 180 ? 52 : 25 + (int)(sim_random(s) % 8);
}

static void on_audio_tick(struct sim *s, void *arg)
{
    struct sim_end *end = arg;
    struct sim_person *p = end->person;
    if (!p || end->dead)
        return;
    sim_at(s, s->now + p->audio_ms * 1000, on_audio_tick, end);
    p->audio_ts += p->audio_ms * 48;
    if (!end->connected || p->silent)
        return;
    uint8_t b[SIM_DATAGRAM];
    struct plm_rtp_fixed fixed = {
        .ts = (uint32_t)p->audio_ts, .ssrc = p->audio_ssrc, .seq = (uint16_t)p->audio_seq, .pt = SIM_PT_OPUS};
    size_t hdr = write_header(p, b, &fixed, '0', 0, false, speech_level(p));
    memset(b + hdr, 0x78, 40);
    struct sim_truth t = {
        .magic = SIM_MAGIC, .participant = p->id, .frame = p->audio_index++, .n_packets = 1};
    memcpy(b + hdr + 40, &t, sizeof t);
    sim_end_send_rtp(end, p->audio_ssrc, p->audio_seq++, b, hdr, hdr + 40 + sizeof t);
}

/* ---- RTCP ---- */

static uint64_t ntp_of(const struct sim_person *p)
{
    return plm_ntp_from_us(WALL_US + p->sim->now + (uint64_t)p->clock_offset_us);
}

static void on_rtcp_tick(struct sim *s, void *arg)
{
    struct sim_end *end = arg;
    struct sim_person *p = end->person;
    if (!p || end->dead)
        return;
    sim_at(s, s->now + RTCP_US, on_rtcp_tick, end);
    uint8_t b[SIM_DATAGRAM];
    size_t n = 0;
    for (unsigned i = 0; i < p->n_encodings; i++) {
        struct sim_encoding *e = &p->video[i];
        uint32_t ts = (uint32_t)(e->last_ts + (s->now - e->last_ts_at) * 90 / 1000);
        if (e->packets)
            n += plm_rtcp_write_sr(b + n, 1200 - n, e->ssrc, ntp_of(p), ts, e->packets, e->octets, NULL, 0);
    }
    if (p->audio_index)
        n += plm_rtcp_write_sr(b + n, 1200 - n, p->audio_ssrc, ntp_of(p), (uint32_t)p->audio_ts,
            (uint32_t)p->audio_index, 0, NULL, 0);
    sim_end_send_rtcp(end, b, n);
}

static void resend(struct sim_person *p, unsigned encoding, uint16_t seq)
{
    struct sim_encoding *e = &p->video[encoding];
    unsigned slot = seq % SIM_HISTORY;
    if (!e->history[slot].len || (uint16_t)e->history[slot].ext_seq != seq)
        return;
    uint8_t b[SIM_DATAGRAM];
    const uint8_t *old = e->history[slot].data;
    size_t old_hdr = e->history[slot].hdr_len, payload = e->history[slot].len - old_hdr;
    struct plm_rtp_fixed fixed = {
        .ts = (uint32_t)old[4] << 24 | (uint32_t)old[5] << 16 | (uint32_t)old[6] << 8 | old[7],
        .ssrc = e->rtx_ssrc,
        .seq = (uint16_t)e->rtx_seq,
        .pt = SIM_PT_RTX,
        .marker = old[1] & 0x80};
    size_t hdr = write_header(p, b, &fixed, '1', p->n_encodings > 1 ? "lmh"[encoding] : 0, true, -1);
    put16(b + hdr, seq);
    memcpy(b + hdr + 2, old + old_hdr, payload);
    sim_end_send_rtp(p->publish, e->rtx_ssrc, e->rtx_seq++, b, hdr, hdr + 2 + payload);
}

static struct sim_encoding *by_ssrc(struct sim_end *end, uint32_t ssrc, unsigned *index)
{
    struct sim_person *p = end->person;
    for (*index = 0; p && *index < p->n_encodings; ++*index) {
        if (p->video[*index].ssrc == ssrc)
            return &p->video[*index];
    }
    return NULL;
}

static void on_nack(void *arg, uint32_t ssrc, uint16_t pid, uint16_t blp)
{
    struct sim_end *end = arg;
    unsigned i;
    if (!by_ssrc(end, ssrc, &i))
        return;
    end->person->nacks_received++;
    resend(end->person, i, pid);
    for (unsigned bit = 0; bit < 16; bit++) {
        if (blp >> bit & 1)
            resend(end->person, i, (uint16_t)(pid + 1 + bit));
    }
}

static void on_pli(void *arg, uint32_t ssrc)
{
    struct sim_end *end = arg;
    unsigned i;
    struct sim_encoding *e = by_ssrc(end, ssrc, &i);
    if (!e)
        return;
    if (!e->key_wanted)
        e->key_wanted_at = end->sim->now;
    e->key_wanted = true;
    end->person->plis_received++;
    uint64_t gap = end->sim->now - end->person->pli_us;
    end->person->pli_gap_us = gap < end->person->pli_gap_us ? gap : end->person->pli_gap_us;
    end->person->pli_us = end->sim->now;
}

const struct plm_rtcp_handler sim_publisher_rtcp = {.nack = on_nack, .pli = on_pli};

/* ---- life ---- */

void sim_publisher_start(struct sim_person *p)
{
    struct sim *s = p->sim;
    static const uint16_t octets[] = {120, 300, 700};
    for (unsigned i = 0; i < p->n_encodings; i++) {
        struct sim_encoding *e = &p->video[i];
        fs_init(&e->source, p->codec, 3, sim_random(s));
        e->source.next_seq = 32000 + sim_random(s) % 700; /* below 2^15, as browsers do */
        e->ssrc = (uint32_t)sim_random(s) | 1;
        e->rtx_ssrc = (uint32_t)sim_random(s) & ~1u;
        e->rtx_seq = sim_random(s) % 1000;
        e->history = calloc(SIM_HISTORY, sizeof *e->history);
        if (!e->history)
            abort();
        p->octets[i] = octets[p->n_encodings == 1 ? 1 : i];
    }
    p->audio_ssrc = (uint32_t)sim_random(s);
    p->audio_seq = 32000 + sim_random(s) % 700;
    p->audio_ts = (UINT64_C(1) << 32) - sim_random(s) % 480000;
    p->clock_offset_us = (int64_t)(sim_random(s) % 2000000000) - 1000000000;
    p->publish->rtcp = &sim_publisher_rtcp;
    sim_at(s, s->now + sim_random(s) % 33000, on_video_tick, p->publish);
    sim_at(s, s->now + sim_random(s) % 20000, on_audio_tick, p->publish);
    sim_at(s, s->now + sim_random(s) % RTCP_US, on_rtcp_tick, p->publish);
}

void sim_publisher_end(struct sim_person *p)
{
    for (unsigned i = 0; i < p->n_encodings; i++)
        free(p->video[i].history);
}
