#include <stdlib.h>
#include <string.h>

#include "../fakes/red_reader.h"
#include "codec.h"
#include "sim.h"

#define FREEZE_US                                                                                            \
    (33000 +                                                                                                 \
        150000) /* of 30 frames a second, as getStats counts them: 150 ms more than usual, or three times that */
#define PACKETS       1024   /* kept per slot: 10 s of video */
#define WAIT_US       700000 /* for a missing packet, then its frame is given up */
#define KEY_WAIT_US   60000  /* not as long when a whole key frame is there behind it */
#define AUDIO_WAIT_US 60000
#define PLAYOUT_US                                                                                           \
    60000 /* a receiver's buffer: sound is heard this much after the earliest that it could be */
#define PLAYED       64 /* packets of sound of which is known whether they were there in time */
#define FEEDBACK_US  100000
#define PLI_EVERY_US 500000
#define STARVED_US   1500000
#define DECODED      256 /* frames of the present stream remembered */

struct received {
    bool given_up; /* not waited for any more; it may still come */
    bool have, padding, start, marker, key, sync;
    enum plm_codec codec;
    uint64_t arrived_us;
    uint64_t ext_seq;
    uint32_t ts;
    uint16_t picture;
    uint8_t tl0, tid;
    struct sim_truth truth;
};

struct sim_slot {
    struct sim_person *person;
    enum plm_kind kind;
    uint32_t ssrc, rtx_ssrc;
    bool any;
    uint64_t newest, next; /* extended sequence numbers: highest received, next to be looked at */
    bool stuck;
    struct received *packets;
    struct plm_nack_gen nack;
    struct plm_rx_stats stats;
    struct rf_finder *finder;
    /* the frame that is being put together */
    bool in_frame, gap_before;
    struct received first;
    unsigned n;
    /* what was handed on last */
    bool any_frame;
    uint32_t last_ts;
    uint16_t last_picture;
    unsigned missing;        /* numbers without a packet of a frame since then */
    unsigned missing_before; /* the same, up to the frame that is being put together */
    plm_participant_id ordered_participant;
    uint64_t last_audio_index;
    plm_participant_id last_participant;
    /* what is heard, by the source's count of packets */
    struct {
        plm_participant_id participant;
        uint64_t next, newest; /* to be played, and the newest that came */
        int64_t earliest_us;   /* arrival of number 0, had it come as fast as the fastest */
        bool there[PLAYED];
    } played;
    uint64_t decoded_at, pli_at, arrived_at;
    struct {
        uint64_t frame;
        uint32_t sequence;
    } decoded[DECODED];
    uint32_t sequence;
};

/* ---- description ---- */

static void describe_slot(
    struct sim_slot *slot, unsigned i, unsigned pair, struct plm_media_params *m, uint32_t ssrc)
{
    slot->ssrc = m->ssrc = ssrc;
    snprintf(m->mid, sizeof m->mid, "%u", i);
    m->direction = PLM_DIR_SEND;
    m->kind = slot->kind;
    m->pair = (uint8_t)pair;
    if (slot->kind == PLM_KIND_AUDIO) {
        m->n_codecs = 1;
        m->codecs[0] = (struct plm_codec_params){.codec = PLM_CODEC_OPUS,
            .pt = SIM_PT_OPUS,
            .rtx_pt = PLM_NO_PT,
            .channels = 2,
            .clock_rate = 48000};
        return;
    }
    static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264};
    slot->rtx_ssrc = m->rtx_ssrc = ssrc + 1;
    m->n_codecs = 3;
    for (unsigned k = 0; k < 3; k++)
        m->codecs[k] = (struct plm_codec_params){.codec = codecs[k],
            .pt = (uint8_t)(SIM_PT_VIDEO + 2 * k),
            .rtx_pt = (uint8_t)(SIM_PT_RTX + 2 * k),
            .feedback = PLM_FB_NACK | PLM_FB_PLI,
            .clock_rate = 90000};
}

void sim_receiver_describe(struct sim_person *p, const struct sim_join *j, struct plm_transport_params *out)
{
    unsigned n_pairs = j->n_pairs, n_audio = j->n_audio;
    memset(out, 0, sizeof *out);
    out->exts.id[PLM_EXT_MID] = SIM_EXT_MID;
    out->exts.id[PLM_EXT_TWCC] = SIM_EXT_TWCC;
    out->rtcp_reduced_size = true;
    p->n_slots = n_pairs * 2 + n_audio;
    p->slots = calloc(p->n_slots, sizeof *p->slots);
    if (!p->slots)
        abort();
    out->n_media = (uint16_t)p->n_slots;
    for (unsigned i = 0; i < p->n_slots; i++) {
        struct sim_slot *slot = &p->slots[i];
        slot->person = p;
        slot->kind = i < n_pairs * 2 && i % 2 ? PLM_KIND_VIDEO : PLM_KIND_AUDIO;
        describe_slot(slot, i, i < n_pairs * 2 ? i / 2 : PLM_NO_PAIR, &out->media[i], 1000 + 10 * i);
        out->media[i].red_pt = slot->kind == PLM_KIND_AUDIO && j->red ? SIM_PT_RED : 0;
        slot->packets = calloc(PACKETS, sizeof *slot->packets);
        slot->finder = slot->kind == PLM_KIND_VIDEO ? calloc(1, sizeof *slot->finder) : NULL;
        if (!slot->packets || (slot->kind == PLM_KIND_VIDEO && !slot->finder))
            abort();
        plm_nack_gen_init(&slot->nack);
        plm_rx_stats_init(&slot->stats, slot->kind == PLM_KIND_VIDEO ? 90000 : 48000);
    }
}

/* ---- frames ---- */

static bool was_decoded(const struct sim_slot *slot, uint64_t frame)
{
    return slot->decoded[frame % DECODED].frame == frame + 1 &&
           slot->decoded[frame % DECODED].sequence == slot->sequence;
}

static void want_keyframe(struct sim_slot *slot)
{
    struct sim *s = slot->person->sim;
    if (s->now - slot->pli_at < PLI_EVERY_US)
        return;
    uint8_t b[SIM_DATAGRAM];
    slot->pli_at = s->now;
    slot->person->plis_sent++;
    sim_end_send_rtcp(slot->person->receive, b, plm_rtcp_write_pli(b, 1200, 1, slot->ssrc));
}

/** Timestamps go on, ids are dense. */
static void check_order(struct sim_slot *slot, const struct received *f)
{
    struct sim *s = slot->person->sim;
    if (slot->any_frame) {
        SIM_CHECK(s, (int32_t)(f->ts - slot->last_ts) > 0, "slot %u goes back in time: %u after %u",
            slot->ssrc, f->ts, slot->last_ts);
        unsigned step = (f->picture - slot->last_picture) & 0x7fff;
        /* Ids that VP9 leaves out go by unseen where numbers are missing: of those nothing is known but that they had one each. */
        bool known = !slot->missing_before || f->truth.participant == slot->ordered_participant;
        SIM_CHECK(s,
            f->codec != PLM_CODEC_VP8 ||
                (step >= 1 && step < 0x4000 && (!known || step <= 1 + slot->missing_before)),
            "slot %u: picture id %u after %u with %u numbers missing", slot->ssrc, f->picture,
            slot->last_picture, slot->missing_before);
        SIM_CHECK(s, f->codec != PLM_CODEC_VP9 || (step >= 1 && step < 0x4000),
            "slot %u: picture id %u after %u", slot->ssrc, f->picture, slot->last_picture);
    }
    slot->any_frame = true;
    slot->last_ts = f->ts;
    slot->last_picture = f->picture;
    slot->ordered_participant = f->truth.participant;
    slot->missing -= slot->missing_before;
}

static void decode(struct sim_slot *slot, bool complete)
{
    struct sim_person *p = slot->person;
    struct sim *s = p->sim;
    const struct received *f = &slot->first;
    struct rf_frame in = {.codec = f->codec,
        .complete = complete,
        .key = f->truth.key,
        .sync = f->truth.sync && f->codec == PLM_CODEC_VP8,
        .gap_before = slot->gap_before,
        .picture = f->picture,
        .tl0 = f->tl0,
        .tid = f->truth.tid,
        .n_diffs = f->truth.n_refs};
    bool truly = complete;
    slot->sequence += f->truth.key;
    for (unsigned i = 0; i < f->truth.n_refs; i++) {
        in.diffs[i] = f->truth.refs[i];
        truly &= was_decoded(slot, f->truth.frame - f->truth.refs[i]);
    }
    bool found = rf_push(slot->finder, &in);
    SIM_CHECK(s, !found || truly, "slot %u would decode frame %llu of %u without its references", slot->ssrc,
        (unsigned long long)f->truth.frame, f->truth.participant);
    p->frames++;
    p->incomplete += !complete;
    p->stalled += truly && !found;
    if (!found) {
        want_keyframe(slot);
        return;
    }
    p->decoded++;
    if (!p->shown_us[f->truth.encoding])
        p->shown_us[f->truth.encoding] = s->now;
    uint64_t from = slot->decoded_at > p->freezes_since_us ? slot->decoded_at : p->freezes_since_us;
    uint64_t freeze = slot->decoded_at ? s->now - from : 0;
    if (f->truth.participant == slot->last_participant && freeze > p->longest_freeze_us)
        p->longest_freeze_us = freeze;
    if (freeze >= FREEZE_US)
        p->frozen_us += freeze;
    if (slot->last_participant && f->truth.participant != slot->last_participant) {
        p->changes++;
        if (freeze > p->longest_change_us)
            p->longest_change_us = freeze;
    }
    if (freeze > 1000000)
        sim_log(
            s, "slot %u of %u stood still for %llu ms", slot->ssrc, p->id, (unsigned long long)freeze / 1000);
    slot->last_participant = f->truth.participant;
    slot->decoded_at = s->now;
    slot->decoded[f->truth.frame % DECODED].frame = f->truth.frame + 1;
    slot->decoded[f->truth.frame % DECODED].sequence = slot->sequence;
}

static void end_frame(struct sim_slot *slot, bool complete)
{
    if (!slot->in_frame)
        return;
    slot->in_frame = false;
    check_order(slot, &slot->first);
    decode(slot, complete);
    slot->gap_before = !complete;
}

static void take_video(struct sim_slot *slot, const struct received *r)
{
    struct sim *s = slot->person->sim;
    if (slot->in_frame && slot->first.ts != r->ts)
        end_frame(slot, false); /* cut off by a switch, or its end is lost */
    if (!slot->in_frame) {
        slot->in_frame = true;
        slot->first = *r;
        slot->missing_before = slot->missing;
        slot->n = 0;
    }
    SIM_CHECK(s,
        slot->first.truth.frame == r->truth.frame && slot->first.truth.participant == r->truth.participant &&
            slot->first.truth.encoding == r->truth.encoding,
        "slot %u: two frames under one timestamp", slot->ssrc);
    SIM_CHECK(s, slot->first.picture == r->picture && slot->first.tl0 == r->tl0,
        "slot %u: two ids in one frame", slot->ssrc);
    slot->n++;
    if (r->marker)
        end_frame(slot, slot->n == r->truth.n_packets);
}

static void take_audio(struct sim_slot *slot, const struct received *r)
{
    struct sim_person *p = slot->person;
    if (slot->any_frame)
        SIM_CHECK(
            p->sim, (int32_t)(r->ts - slot->last_ts) > 0, "audio slot %u goes back in time", slot->ssrc);
    if (r->truth.participant == slot->last_participant)
        SIM_CHECK(p->sim, r->truth.frame > slot->last_audio_index, "audio slot %u goes back in its source",
            slot->ssrc);
    slot->any_frame = true;
    slot->last_ts = r->ts;
    slot->last_participant = r->truth.participant;
    slot->last_audio_index = r->truth.frame;
    p->audio_packets++;
    if (r->truth.participant != p->listens_to)
        return;
    if (p->heard++ == 0)
        p->heard_first = r->truth.frame;
    p->heard_last = r->truth.frame;
}

void sim_receiver_listen(struct sim_person *p, plm_participant_id who)
{
    p->listens_to = who;
    p->heard = p->heard_first = p->heard_last = 0;
}

/** Some sound came, by itself or as a copy. */
static void hear(struct sim_slot *slot, const struct sim_truth *t, bool copy)
{
    struct sim_person *p = slot->person;
    int64_t length = p->audio_ms * 1000, at = (int64_t)p->sim->now - (int64_t)t->frame * length;
    if (t->participant != slot->played.participant) {
        memset(&slot->played, 0, sizeof slot->played);
        slot->played.participant = t->participant;
        slot->played.next = slot->played.newest = t->frame;
        slot->played.earliest_us = at;
    }
    if (!copy && at < slot->played.earliest_us)
        slot->played.earliest_us = at;
    /* What is this old was played, or was not. */
    for (; slot->played.next + PLAYED <= t->frame; slot->played.next++) {
        bool *there = &slot->played.there[slot->played.next % PLAYED];
        p->sound_due++;
        p->concealed += !*there;
        *there = false;
    }
    if (t->frame >= slot->played.next && at <= slot->played.earliest_us + PLAYOUT_US)
        slot->played.there[t->frame % PLAYED] = true;
}

/** A packet of RFC 2198: its copies say what was sent under the timestamps that they name. @return its own payload */
static struct red_read_block unwrap(struct sim_slot *slot, const struct plm_rtp_view *v)
{
    struct sim *s = slot->person->sim;
    struct red_read_block blocks[RED_MAX_BLOCKS];
    struct sim_truth own, t;
    size_t n = red_read(v->payload, v->payload_len, blocks);
    SIM_CHECK(s, n >= 2 && blocks[n - 1].len >= sizeof own, "slot %u: RED of %zu blocks", slot->ssrc, n);
    memcpy(&own, blocks[n - 1].payload + blocks[n - 1].len - sizeof own, sizeof own);
    for (size_t i = 0; i + 1 < n; i++) {
        SIM_CHECK(s, blocks[i].pt == SIM_PT_OPUS && blocks[i].len >= sizeof t, "slot %u: a block of %zu",
            slot->ssrc, blocks[i].len);
        memcpy(&t, blocks[i].payload + blocks[i].len - sizeof t, sizeof t);
        SIM_CHECK(s,
            t.magic == SIM_MAGIC && t.participant == own.participant && t.frame < own.frame &&
                blocks[i].ts_back == (own.frame - t.frame) * slot->person->audio_ms * 48,
            "slot %u: packet %llu of %u, %u ticks before %llu of %u", slot->ssrc, (unsigned long long)t.frame,
            t.participant, blocks[i].ts_back, (unsigned long long)own.frame, own.participant);
        hear(slot, &t, true);
        slot->person->copies++;
    }
    return blocks[n - 1];
}

static const struct received *packet_at(const struct sim_slot *slot, uint64_t ext_seq)
{
    const struct received *r = &slot->packets[ext_seq % PACKETS];
    return r->have && r->ext_seq == ext_seq ? r : NULL;
}

/** Where the next whole key frame behind the hole begins: a receiver shows it rather than wait for what came before. 0: nowhere */
static uint64_t keyframe_ahead(const struct sim_slot *slot)
{
    for (uint64_t at = slot->next + 1; at <= slot->newest; at++) {
        const struct received *r = packet_at(slot, at);
        if (!r || r->padding || !r->truth.key || r->truth.at)
            continue;
        uint64_t end = at + 1;
        while (end < at + r->truth.n_packets && packet_at(slot, end))
            end++;
        if (end == at + r->truth.n_packets)
            return at;
    }
    return 0;
}

/** How long it has been known that the next packet is missing. */
static uint64_t missing_for(const struct sim_slot *slot)
{
    for (uint64_t at = slot->next + 1; at <= slot->newest; at++) {
        const struct received *r = packet_at(slot, at);
        if (r)
            return slot->person->sim->now - r->arrived_us;
    }
    return 0;
}

/** Go past a hole. @return false: it is still waited for */
static bool pass_hole(struct sim_slot *slot)
{
    uint64_t since = missing_for(slot), key;
    uint64_t to = slot->next + 1;
    if (slot->newest - slot->next < PACKETS - 1) {
        if (slot->kind == PLM_KIND_AUDIO && since < AUDIO_WAIT_US)
            return false;
        if (slot->kind == PLM_KIND_VIDEO && since >= KEY_WAIT_US && (key = keyframe_ahead(slot)) != 0)
            to = key;
        else if (slot->kind == PLM_KIND_VIDEO && since < WAIT_US)
            return false;
    }
    sim_log(slot->person->sim, "slot %u of %u gives up %llu numbers from %llu", slot->ssrc, slot->person->id,
        (unsigned long long)(to - slot->next), (unsigned long long)slot->next);
    slot->missing += (unsigned)(to - slot->next);
    for (uint64_t at = slot->next; at < to && slot->kind == PLM_KIND_VIDEO; at++) {
        struct received *r = &slot->packets[at % PACKETS];
        if (r->have && r->ext_seq == at)
            continue;
        *r = (struct received){.ext_seq = at, .given_up = true};
        slot->person->given_up++;
    }
    slot->gap_before = true;
    slot->next = to;
    return true;
}

/** Look at packets in the order of their numbers as far as they are there, or have been waited for. */
static void advance(struct sim_slot *slot)
{
    while (slot->next <= slot->newest) {
        const struct received *r = packet_at(slot, slot->next);
        slot->stuck = !r;
        if (!r) {
            if (!pass_hole(slot))
                return;
            continue;
        }
        slot->next++;
        if (r->padding)
            slot->missing++; /* stands for what its frame would have been */
        else if (slot->kind == PLM_KIND_VIDEO)
            take_video(slot, r);
        else
            take_audio(slot, r);
    }
    slot->stuck = false;
}

/* ---- packets ---- */

static bool read_payload(struct sim_slot *slot, const struct plm_rtp_view *v, const uint8_t *payload,
    size_t len, struct received *r)
{
    r->ts = v->ts;
    r->marker = v->marker;
    r->padding = len == 0;
    if (r->padding)
        return true;
    if (len < sizeof r->truth)
        return false;
    memcpy(&r->truth, payload + len - sizeof r->truth, sizeof r->truth);
    if (r->truth.magic != SIM_MAGIC)
        return false;
    if (slot->kind == PLM_KIND_AUDIO)
        return true;
    struct plm_frame_info info = {0};
    if (plm_codec_parse(r->codec, payload, len, &info) != 0)
        return false;
    r->picture = info.picture_id;
    r->tl0 = info.tl0picidx;
    r->start = info.frame_start;
    r->key = info.keyframe;
    return r->codec == PLM_CODEC_H264 ||
           (info.has_picture_id && info.picture_id_15 == (r->codec == PLM_CODEC_VP8 || info.picture_id_15));
}

static void store(struct sim_slot *slot, uint64_t ext, const struct received *r)
{
    struct sim *s = slot->person->sim;
    if (!slot->any) {
        slot->any = true;
        slot->next = slot->newest = ext;
    }
    if (ext > slot->newest)
        slot->newest = ext;
    struct received *at = &slot->packets[ext % PACKETS];
    if (ext < slot->next) {
        slot->person->given_up -= at->given_up && at->ext_seq == ext;
        at->given_up &= at->ext_seq != ext;
        return;
    }
    if (at->have && at->ext_seq == ext)
        return;
    *at = *r;
    at->have = true;
    at->ext_seq = ext;
    at->arrived_us = s->now;
    slot->arrived_at = s->now;
    slot->person->padding += r->padding;
    advance(slot);
}

static struct sim_slot *slot_of(struct sim_person *p, uint32_t ssrc, bool *rtx)
{
    unsigned i = (ssrc - 1000) / 10;
    if (ssrc < 1000 || i >= p->n_slots)
        return NULL;
    *rtx = p->slots[i].rtx_ssrc == ssrc;
    return *rtx || p->slots[i].ssrc == ssrc ? &p->slots[i] : NULL;
}

/* @return whether it is to be acknowledged */
static bool note_twcc(struct sim_end *e, const struct plm_rtp_view *v)
{
    static struct plm_ext_map map;
    static bool made;
    if (!made) {
        struct plm_ext_ids ids = {.id = {[PLM_EXT_TWCC] = SIM_EXT_TWCC}};
        plm_ext_map_init(&map, &ids);
        made = true;
    }
    struct plm_rtp_exts x;
    SIM_CHECK(e->sim, plm_rtp_exts_parse(&x, v, &map) == 0, "extensions that cannot be read");
    if (!x.val[PLM_EXT_TWCC])
        return false;
    plm_twcc_rx_on_packet(
        e->twcc_rx, (uint16_t)(x.val[PLM_EXT_TWCC][0] << 8 | x.val[PLM_EXT_TWCC][1]), e->sim->now);
    return true;
}

void sim_receiver_on_rtp(struct sim_end *e, uint8_t *data, size_t len)
{
    struct sim_person *p = e->person;
    struct plm_rtp_view v;
    bool rtx = false;
    SIM_CHECK(e->sim, plm_rtp_parse(&v, data, len) == 0, "RTP that cannot be read");
    struct sim_slot *slot = slot_of(p, v.ssrc, &rtx);
    SIM_CHECK(e->sim, slot, "SSRC %u was never announced", v.ssrc);
    bool numbered = note_twcc(e, &v);
    SIM_CHECK(e->sim, numbered || slot->kind == PLM_KIND_AUDIO, "a picture's packet without a number");
    p->numbered_sound += numbered && slot->kind == PLM_KIND_AUDIO;
    p->unnumbered_sound += !numbered;
    const uint8_t *payload = v.payload;
    size_t payload_len = v.payload_len;
    uint16_t seq = v.seq;
    if (rtx && v.payload_len == 0) { /* fills the line */
        p->padding++;
        return;
    }
    if (rtx) {
        SIM_CHECK(e->sim, payload_len >= 2, "RTX of %zu octets", payload_len);
        seq = (uint16_t)(payload[0] << 8 | payload[1]);
        payload += 2;
        payload_len -= 2;
        p->rtx++;
    }
    if (slot->kind == PLM_KIND_AUDIO && v.pt == SIM_PT_RED) {
        struct red_read_block own = unwrap(slot, &v);
        payload = own.payload;
        payload_len = own.len;
    }
    static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264};
    struct received r = {0};
    if (slot->kind == PLM_KIND_VIDEO)
        r.codec = codecs[(v.pt - SIM_PT_VIDEO) / 2 % 3];
    SIM_CHECK(e->sim, read_payload(slot, &v, payload, payload_len, &r),
        "slot %u: a payload that cannot be read", slot->ssrc);
    if (slot->kind == PLM_KIND_AUDIO && !r.padding)
        hear(slot, &r.truth, false);
    SIM_CHECK(e->sim, r.padding || r.truth.participant != p->id, "%u gets itself back", p->id);
    SIM_CHECK(e->sim,
        !p->gone || e->sim->now <= p->gone_us ||
            (p->gone != SIM_EVERYBODY && (r.padding || r.truth.participant != p->gone)),
        "%u gets something of %u, who is gone", p->id, r.truth.participant);
    /* What comes twice may come by its retransmission alone. */
    uint64_t ext = rtx && slot->any ? plm_seq_extend(slot->newest, seq)
                                    : plm_rx_stats_on_packet(&slot->stats, seq, v.ts, len, e->sim->now);
    if (slot->kind == PLM_KIND_VIDEO)
        plm_nack_gen_on_packet(&slot->nack, ext, e->sim->now);
    store(slot, ext, &r);
}

/* ---- RTCP ---- */

static void on_sr(void *arg, uint32_t ssrc, uint64_t ntp, uint32_t ts, uint32_t packets, uint32_t octets)
{
    (void)ts, (void)packets, (void)octets;
    struct sim_end *e = arg;
    bool rtx;
    struct sim_slot *slot = e->person ? slot_of(e->person, ssrc, &rtx) : NULL;
    if (!slot)
        return;
    plm_rx_stats_on_sr(&slot->stats, ntp, e->sim->now);
    e->person->reports++;
}

const struct plm_rtcp_handler sim_receiver_rtcp = {.sr = on_sr};

static size_t write_nacks(struct sim_slot *slot, uint8_t *b, size_t cap)
{
    uint16_t seqs[64];
    uint64_t next;
    bool keyframe;
    size_t n = plm_nack_gen_poll(&slot->nack, slot->person->sim->now, 50000, seqs, 64, &next, &keyframe);
    if (keyframe)
        want_keyframe(slot);
    return n ? plm_rtcp_write_nack(b, cap, 1, slot->ssrc, seqs, n) : 0;
}

static void on_nack_tick(struct sim *s, void *arg)
{
    struct sim_end *e = arg;
    struct sim_person *p = e->person;
    if (!p || e->dead)
        return;
    sim_at(s, s->now + 20000, on_nack_tick, e);
    uint8_t b[SIM_DATAGRAM];
    size_t n = 0;
    for (unsigned i = 0; i < p->n_slots; i++) {
        struct sim_slot *slot = &p->slots[i];
        if (!slot->any)
            continue;
        if (slot->nack.n)
            n += write_nacks(slot, b + n, 1200 - n);
        if (slot->stuck)
            advance(slot);
    }
    sim_end_send_rtcp(e, b, n);
}

static void on_rtcp_tick(struct sim *s, void *arg)
{
    struct sim_end *e = arg;
    struct sim_person *p = e->person;
    if (!p || e->dead)
        return;
    sim_at(s, s->now + p->feedback_us, on_rtcp_tick, e);
    if (!e->connected)
        return;
    uint8_t b[SIM_DATAGRAM];
    while (plm_twcc_rx_pending(e->twcc_rx)) {
        size_t n = plm_twcc_rx_write(e->twcc_rx, b, 1200, 1, 1000);
        if (!n)
            break;
        sim_end_send_rtcp(e, b, n);
    }
    struct plm_rtcp_block blocks[31];
    size_t n_blocks = 0;
    for (unsigned i = 0; i < p->n_slots; i++) {
        struct sim_slot *slot = &p->slots[i];
        if (slot->any && s->now / p->feedback_us % (1000000 / p->feedback_us) == 0 && n_blocks < 31)
            plm_rx_stats_block(&slot->stats, slot->ssrc, s->now, &blocks[n_blocks++]);
        bool flows = slot->any && s->now - slot->arrived_at < STARVED_US;
        if (slot->kind == PLM_KIND_VIDEO && flows && s->now - slot->decoded_at > STARVED_US)
            want_keyframe(slot);
    }
    if (n_blocks)
        sim_end_send_rtcp(e, b, plm_rtcp_write_rr(b, 1200, 1, blocks, n_blocks));
}

/* ---- freezes ---- */

void sim_receiver_forget_freezes(struct sim_person *p)
{
    p->longest_freeze_us = p->frozen_us = 0;
    memset(p->shown_us, 0, sizeof p->shown_us);
    p->freezes_since_us = p->sim->now;
}

uint64_t sim_receiver_longest_freeze(const struct sim_person *p)
{
    uint64_t longest = p->longest_freeze_us;
    for (unsigned i = 0; i < p->n_slots; i++) {
        const struct sim_slot *slot = &p->slots[i];
        uint64_t from = slot->decoded_at > p->freezes_since_us ? slot->decoded_at : p->freezes_since_us;
        if (slot->decoded_at && p->sim->now - from > longest)
            longest = p->sim->now - from;
    }
    return longest;
}

/* ---- life ---- */

void sim_receiver_start(struct sim_person *p)
{
    struct sim *s = p->sim;
    struct sim_end *e = p->receive;
    e->rtcp = &sim_receiver_rtcp;
    e->on_rtp = sim_receiver_on_rtp;
    e->twcc_rx = malloc(sizeof *e->twcc_rx);
    if (!e->twcc_rx)
        abort();
    plm_twcc_rx_init(e->twcc_rx);
    p->feedback_us = FEEDBACK_US;
    sim_at(s, s->now + sim_random(s) % FEEDBACK_US, on_rtcp_tick, e);
    sim_at(s, s->now + sim_random(s) % 20000, on_nack_tick, e);
}

void sim_receiver_end(struct sim_person *p)
{
    for (unsigned i = 0; i < p->n_slots; i++) {
        free(p->slots[i].packets);
        free(p->slots[i].finder);
    }
    free(p->slots);
    p->slots = NULL;
    p->n_slots = 0;
}
