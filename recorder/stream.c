#include "stream.h"

#include "encoding_choice.h"
#include "picture_maker.h"
#include "rtp.h"
#include "sound_hold.h"
#include "stream_clock.h"

#include <stdlib.h>
#include <string.h>

#define RESTART_BACK    16384 /* sequence numbers; further back it is another stream under the same SSRC */
#define RESTART_FORWARD 32768
#define LOOKAHEAD_US    6500     /* of libopus, but in its mode of restricted delay */
#define MAX_LATE_US     10000000 /* a line that says more between capture and arrival is no use */
#define MAX_EARLY_US    1000000
#define START_US        100000 /* so long the first packets wait, when what they belong to may have begun before */
#define MIN_STEP_US     1000 /* between two pictures: containers count milliseconds */
#define FORMER_US       2000000

struct encoding {
    struct plm_stream *stream;
    uint8_t index;
    bool seen;
    uint32_t ssrc, former_ssrc;
    uint64_t former_until_us; /* so long packets of the former SSRC may still come, and are late */
    struct plm_reorder reorder;
    struct plm_stream_clock clock;
    struct plm_picture_maker maker;
};

struct plm_stream {
    enum plm_kind kind;
    struct plm_stream_ops ops;
    struct plm_encoding_choice choice;
    struct encoding encodings[PLM_MAX_ENCODINGS];
    struct plm_sound_hold hold;
    bool muted;
    uint8_t told_mask; /**< demand as it was told last */
    bool told;
    bool any;
    int64_t last_us;  /**< of the last sample */
    int64_t until_us; /**< pictures from then on come from another encoding */
    struct plm_stream_stats stats;
};

/* ---- samples ---- */

/*
 * When a sample was captured that is so long. It is sent once its end is there, so none arrives earlier than that; what arrives with the least
 * delay so bounds the line. That is needed: libwebrtc's sender reports take the moment at which a packet of sound is sent for that of its
 * timestamp, and where reports are late at first the forwarder's line is, too, and comes back by 5 ms a report only.
 */
static int64_t captured_us(
    const struct encoding *enc, uint64_t ext_ts, uint64_t arrival_us, uint32_t duration_us)
{
    int64_t us = plm_stream_clock_us(&enc->clock, ext_ts), arrival = (int64_t)arrival_us;
    int64_t early = (int64_t)duration_us - enc->clock.usual_late_us;
    if (us > arrival + MAX_EARLY_US || us < arrival - MAX_LATE_US)
        return arrival;
    return early > 0 ? us - early : us;
}

static void emit(struct plm_stream *s, struct plm_sample *sample, int64_t us)
{
    int64_t least = s->last_us + (s->kind == PLM_KIND_VIDEO ? MIN_STEP_US : 0);
    sample->time_us = s->any && us < least ? least : us;
    s->last_us = sample->time_us;
    s->any = true;
    s->stats.frames++;
    s->ops.sample(s->ops.ctx, sample);
}

static void give_up_gap(struct encoding *enc);
static void drain(struct encoding *enc);

/** Give out what there is without waiting. */
static void flush_encoding(struct encoding *enc)
{
    plm_reorder_begin(&enc->reorder);
    drain(enc);
    while (enc->reorder.first) {
        give_up_gap(enc);
        drain(enc);
    }
}

static void restart_encoding(struct encoding *enc)
{
    plm_reorder_reset(&enc->reorder);
    plm_picture_maker_restart(&enc->maker);
    enc->seen = false;
}

/** The key frame of another encoding is there: what the present one has from before it goes first. */
static void go_to(struct encoding *enc, int64_t key_us)
{
    struct plm_stream *s = enc->stream;
    uint8_t old = s->choice.current;
    if (old == enc->index)
        return;
    if (old != PLM_CHOICE_NONE) {
        s->until_us = key_us;
        flush_encoding(&s->encodings[old]);
        s->until_us = INT64_MAX;
        restart_encoding(&s->encodings[old]);
        s->stats.encoding_switches++;
    }
    plm_encoding_choice_go(&s->choice, enc->index);
}

static void on_picture(void *ctx, struct plm_sample *sample, uint64_t ext_ts, uint64_t arrival_us)
{
    struct encoding *enc = ctx;
    struct plm_stream *s = enc->stream;
    int64_t us = captured_us(enc, ext_ts, arrival_us, 0);
    if (sample->keyframe)
        s->choice.e[enc->index].asked_us = 0;
    if (sample->keyframe && plm_encoding_choice_awaits(&s->choice, enc->index))
        go_to(enc, us);
    if (enc->index == s->choice.current && us < s->until_us)
        emit(s, sample, us);
}

static void on_sound(void *ctx, const uint8_t *data, size_t len, uint64_t ext_ts, uint64_t arrival_us)
{
    struct encoding *enc = ctx;
    struct plm_sample sample = {
        .codec = PLM_CODEC_OPUS,
        .keyframe = true,
        .duration_us = plm_opus_duration_us(data, len),
        .data = data,
        .len = len,
    };
    int64_t us = captured_us(enc, ext_ts, arrival_us, sample.duration_us);
    emit(enc->stream, &sample, us - LOOKAHEAD_US);
}

/* ---- packets in order ---- */

static void take_sound(struct encoding *enc, const struct plm_stream_packet *p, uint64_t now_us)
{
    struct plm_stream *s = enc->stream;
    if (p->payload_len == 0)
        return;
    if (plm_opus_duration_us(p->data + p->payload_off, p->payload_len) == 0) {
        s->stats.malformed++;
        return;
    }
    s->choice.current = enc->index;
    plm_sound_hold_put(&s->hold, p->data + p->payload_off, p->payload_len, p->ext_ts, p->arrival_us, now_us);
}

static void take(struct encoding *enc, const struct plm_stream_packet *p, uint64_t now_us)
{
    if (enc->stream->kind == PLM_KIND_AUDIO) {
        take_sound(enc, p, now_us);
        return;
    }
    plm_stream_clock_on_packet(&enc->clock, p->ext_ts, p->arrival_us);
    plm_picture_maker_put(&enc->maker, p);
}

static void drain(struct encoding *enc)
{
    struct plm_queued *q;
    while ((q = plm_reorder_take(&enc->reorder))) {
        take(enc, &q->packet, q->since_us);
        free(q);
    }
}

static void give_up_gap(struct encoding *enc)
{
    uint64_t n = plm_reorder_give_up(&enc->reorder);
    enc->stream->stats.lost += n;
    if (n > 0 && enc->stream->kind == PLM_KIND_VIDEO)
        plm_picture_maker_on_loss(&enc->maker, n);
}

static uint32_t waiting(const struct plm_stream *s)
{
    uint32_t n = 0;
    for (unsigned e = 0; e < PLM_MAX_ENCODINGS; e++)
        n += s->encodings[e].reorder.n;
    return n;
}

/** Encodings that are no longer asked for begin anew when they are again. */
static void update_choice(struct plm_stream *s, uint64_t now_us)
{
    if (s->kind == PLM_KIND_AUDIO)
        return;
    plm_encoding_choice_update(&s->choice, now_us);
    for (uint8_t e = 0; e < PLM_MAX_ENCODINGS; e++) {
        if (!(s->choice.mask >> e & 1) && s->encodings[e].seen)
            restart_encoding(&s->encodings[e]);
    }
}

/* ---- what comes ---- */

static bool is_inside(size_t off, size_t n, size_t len)
{
    return off == 0 || (off <= len && n <= len - off);
}

static bool check_packet(const struct plm_stream *s, const struct plm_link_packet *p, const uint8_t *rtp,
    size_t len, uint64_t now_us, struct plm_rtp_view *v)
{
    if (len > UINT16_MAX || plm_rtp_parse(v, rtp, len) != 0 || p->encoding >= s->choice.n)
        return false;
    bool sound = p->codec == PLM_CODEC_OPUS, known = p->codec > PLM_CODEC_NONE && p->codec < PLM_CODEC_COUNT;
    if (!known || sound != (s->kind == PLM_KIND_AUDIO))
        return false;
    return v->seq == (uint16_t)p->ext_seq && v->ts == (uint32_t)p->ext_ts && p->ext_seq <= PLM_CLOCK_MAX &&
           p->ext_ts <= PLM_CLOCK_MAX && p->arrival_us <= PLM_CLOCK_MAX &&
           (p->arrival_us <= now_us || p->arrival_us - now_us <= MAX_EARLY_US) &&
           is_inside(p->orientation_off, 1, len) && is_inside(p->dd_off, p->dd_len, len);
}

/** What was on its way when the SSRC changed: its pictures were given up then. */
static bool is_of_former(const struct encoding *enc, uint32_t ssrc, uint64_t now_us)
{
    return enc->seen && ssrc == enc->former_ssrc && ssrc != enc->ssrc && now_us < enc->former_until_us;
}

/** Another SSRC, or numbers that are out of all order: a publisher that came again. */
static void notice_restart(struct encoding *enc, uint32_t ssrc, uint64_t ext_seq, uint64_t now_us)
{
    uint64_t next = enc->reorder.next;
    bool near = !enc->reorder.any || (ext_seq + RESTART_BACK >= next && ext_seq < next + RESTART_FORWARD);
    bool same = ssrc == enc->ssrc && near;
    if (enc->seen && !same) {
        flush_encoding(enc);
        plm_sound_hold_release(&enc->stream->hold);
        restart_encoding(enc);
        plm_stream_clock_init(&enc->clock, enc->clock.line.clock_rate);
        enc->former_ssrc = enc->ssrc;
        enc->former_until_us = now_us + FORMER_US;
    }
    enc->seen = true;
    enc->ssrc = ssrc;
}

/* Of H.264 only what tells a size, the parameter sets: slices, which come in packets of their own, need them. */
static bool begins_key_frame(const struct plm_stream_packet *p)
{
    struct plm_frame_info info;
    return plm_codec_parse(p->codec, p->data + p->payload_off, p->payload_len, &info) == 0 &&
           info.keyframe_start && (p->codec != PLM_CODEC_H264 || info.width);
}

/* The first packet that comes need not be the first of its picture, and the first picture is the one that all others need. */
static enum plm_reorder_verdict put_in_order(
    struct encoding *enc, const struct plm_stream_packet *p, uint64_t now_us)
{
    struct plm_reorder *r = &enc->reorder;
    bool at_once = enc->stream->kind == PLM_KIND_AUDIO || (!r->first && begins_key_frame(p));
    if (r->any || at_once)
        return plm_reorder_put(r, p, now_us);
    enum plm_reorder_verdict v = plm_reorder_put_early(r, p, now_us);
    if (v == PLM_REORDER_KEPT && now_us - plm_reorder_waits_since(r) >= START_US) {
        plm_reorder_begin(r);
        drain(enc);
    }
    return v;
}

void plm_stream_on_packet(struct plm_stream *s, const struct plm_link_packet *packet, const uint8_t *rtp,
    size_t len, uint64_t now_us)
{
    struct plm_rtp_view v;
    s->stats.packets++;
    if (!check_packet(s, packet, rtp, len, now_us, &v)) {
        s->stats.malformed++;
        return;
    }
    if (!(s->choice.mask >> packet->encoding & 1))
        return;
    struct encoding *enc = &s->encodings[packet->encoding];
    struct plm_stream_packet p = {
        .ext_seq = packet->ext_seq,
        .ext_ts = packet->ext_ts,
        .arrival_us = packet->arrival_us,
        .codec = (enum plm_codec)packet->codec,
        .marker = v.marker,
        .data = rtp,
        .len = (uint16_t)len,
        .payload_off = (uint16_t)(v.payload - rtp),
        .payload_len = (uint16_t)v.payload_len,
        .orientation_off = packet->orientation_off,
        .dd_off = packet->dd_off,
        .dd_len = packet->dd_len,
    };
    if (is_of_former(enc, v.ssrc, now_us)) {
        s->stats.late++;
        return;
    }
    notice_restart(enc, v.ssrc, p.ext_seq, now_us);
    plm_encoding_choice_on_packet(&s->choice, packet->encoding, now_us);
    switch (put_in_order(enc, &p, now_us)) {
    case PLM_REORDER_NOW:
        take(enc, &p, now_us);
        drain(enc);
        break;
    case PLM_REORDER_KEPT:
        while (waiting(s) > PLM_STREAM_MAX_QUEUED) {
            plm_reorder_begin(&enc->reorder);
            give_up_gap(enc);
            drain(enc);
        }
        break;
    case PLM_REORDER_LATE:
        s->stats.late++;
        break;
    case PLM_REORDER_DUPLICATE:
        s->stats.duplicates++;
        break;
    case PLM_REORDER_NO_MEMORY: /* as if it were lost */
        break;
    }
    update_choice(s, now_us);
}

void plm_stream_on_clock(struct plm_stream *s, const struct plm_link_clock *clock, uint64_t now_us)
{
    if (clock->encoding >= s->choice.n)
        return;
    plm_stream_clock_on_told(
        &s->encodings[clock->encoding].clock, clock->ext_ts, clock->us, clock->clock_rate);
    plm_encoding_choice_on_told(&s->choice, clock, now_us);
    update_choice(s, now_us);
}

void plm_stream_on_track(struct plm_stream *s, const struct plm_link_track *track, uint64_t now_us)
{
    uint8_t n = track->n_encodings;
    if (n == 0 || n > PLM_MAX_ENCODINGS || (s->kind == PLM_KIND_AUDIO && n > 1))
        return;
    bool muted = track->muted != 0;
    if (n != s->choice.n) {
        plm_stream_reset(s, now_us);
        plm_encoding_choice_init(&s->choice, n);
    }
    if (muted == s->muted)
        return;
    s->muted = muted;
    /* What was sent meanwhile never comes: it is not waited for, and nothing may refer to it. */
    plm_stream_flush(s, now_us);
    for (unsigned e = 0; e < PLM_MAX_ENCODINGS; e++) {
        restart_encoding(&s->encodings[e]);
        s->choice.e[e].asked_us = 0;
    }
}

/* ---- time ---- */

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t plm_stream_poll(struct plm_stream *s, uint64_t now_us)
{
    uint64_t next = UINT64_MAX;
    for (unsigned e = 0; e < PLM_MAX_ENCODINGS; e++) {
        struct encoding *enc = &s->encodings[e];
        uint64_t since = plm_reorder_waits_since(&enc->reorder);
        if (!enc->reorder.any && since != UINT64_MAX) {
            if (now_us - since < START_US) {
                next = earlier(next, since + START_US);
                continue;
            }
            plm_reorder_begin(&enc->reorder);
            drain(enc);
        }
        while ((since = plm_reorder_waits_since(&enc->reorder)) != UINT64_MAX &&
               now_us - since >= PLM_STREAM_WAIT_US) {
            give_up_gap(enc);
            drain(enc);
        }
        if (since != UINT64_MAX)
            next = earlier(next, since + PLM_STREAM_WAIT_US);
    }
    next = earlier(next, plm_sound_hold_poll(&s->hold, now_us));
    update_choice(s, now_us);
    return next;
}

void plm_stream_flush(struct plm_stream *s, uint64_t now_us)
{
    for (unsigned e = 0; e < PLM_MAX_ENCODINGS; e++)
        flush_encoding(&s->encodings[e]);
    plm_sound_hold_release(&s->hold);
    update_choice(s, now_us);
}

void plm_stream_reset(struct plm_stream *s, uint64_t now_us)
{
    plm_stream_flush(s, now_us);
    for (unsigned e = 0; e < PLM_MAX_ENCODINGS; e++) {
        restart_encoding(&s->encodings[e]);
        plm_stream_clock_init(&s->encodings[e].clock, s->encodings[e].clock.line.clock_rate);
    }
    plm_encoding_choice_init(&s->choice, s->choice.n);
    s->told = false;
}

/* ---- demand ---- */

static bool wants_key(const struct plm_stream *s, uint8_t e)
{
    if (s->kind == PLM_KIND_AUDIO || s->muted || !(s->choice.mask >> e & 1))
        return false;
    if (e == s->choice.current)
        return plm_picture_maker_wants_key(&s->encodings[e].maker);
    if (s->choice.target != PLM_CHOICE_NONE)
        return e == s->choice.target;
    return s->choice.current == PLM_CHOICE_NONE;
}

bool plm_stream_demand(struct plm_stream *s, uint64_t now_us, struct plm_link_demand *out)
{
    update_choice(s, now_us);
    *out = (struct plm_link_demand){
        .encodings = s->choice.mask,
        .audio = s->kind == PLM_KIND_AUDIO,
    };
    for (uint8_t e = 0; e < s->choice.n; e++) {
        if (!wants_key(s, e) || !plm_encoding_choice_may_ask(&s->choice, e, now_us))
            continue;
        out->keyframes |= (uint8_t)(1u << e);
        s->choice.e[e].asked_us = now_us;
        s->stats.keyframes_asked++;
    }
    bool differs = !s->told || s->told_mask != out->encodings;
    s->told = true;
    s->told_mask = out->encodings;
    return differs || out->keyframes != 0;
}

/* ---- life ---- */

int plm_stream_create(struct plm_stream **out, enum plm_source source, const struct plm_stream_ops *ops)
{
    struct plm_stream *s = calloc(1, sizeof *s);
    if (!s)
        return PLM_ENOMEM;
    s->kind = plm_source_kind(source);
    s->ops = *ops;
    s->until_us = INT64_MAX;
    plm_encoding_choice_init(&s->choice, 1);
    for (uint8_t e = 0; e < PLM_MAX_ENCODINGS; e++) {
        struct encoding *enc = &s->encodings[e];
        enc->stream = s;
        enc->index = e;
        plm_reorder_init(&enc->reorder);
        plm_stream_clock_init(&enc->clock, s->kind == PLM_KIND_AUDIO ? 48000 : 90000);
        plm_picture_maker_init(
            &enc->maker, &(struct plm_picture_maker_ops){.ctx = enc, .picture = on_picture});
    }
    plm_sound_hold_init(&s->hold, &s->encodings[0].clock,
        &(struct plm_sound_hold_ops){.ctx = &s->encodings[0], .packet = on_sound});
    *out = s;
    return 0;
}

void plm_stream_destroy(struct plm_stream *s)
{
    if (!s)
        return;
    for (unsigned e = 0; e < PLM_MAX_ENCODINGS; e++) {
        plm_reorder_reset(&s->encodings[e].reorder);
        plm_picture_maker_destroy(&s->encodings[e].maker);
    }
    plm_sound_hold_destroy(&s->hold);
    free(s);
}

void plm_stream_stats(const struct plm_stream *s, struct plm_stream_stats *out)
{
    *out = s->stats;
    for (unsigned e = 0; e < PLM_MAX_ENCODINGS; e++) {
        out->frames_broken += s->encodings[e].maker.broken;
        out->malformed += s->encodings[e].maker.malformed;
        out->clock_jumps += s->encodings[e].clock.jumps;
    }
}
