#include "track.h"

#include "base/util.h"
#include "shard.h"
#include "slot.h"
#include "track_change.h"
#include "transport.h"
#include "worker_core.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_AHEAD          3      /* of the one that is given a packet: fetched in three steps */
#define VIDEO_RING           512    /* packets: more than 3 s of 1.5 Mbit/s */
#define PREROLL_US           300000 /* a speaker is chosen 100 to 150 ms after the first syllable began */
#define AUDIO_RING           64 /* more than 1 s of 20 ms packets; audio has no RTX, the ring finds duplicates */
#define LAYERS_FRAMES        4 /* of three temporal layers all are seen among so many */
#define BEHIND_FRAMES        6 /* of the lowest encoding without a packet of this one: it ended */
#define WAIT_MAX_US          500000
#define QUEUE_US             50000 /* less is the way's unrest */
#define LONG_WAIT_US         100000
#define GOES_ON_US           300000
#define LAGS_FRAMES          2 /* the same: it may end */
#define LAGS_PACKETS         2 /* that are missing of it */
#define AGAIN_PACKETS        8 /* of one that ended: it goes on after all */
#define ASKS_IN_A_ROW        3 /* requests may be lost: so many come at the usual interval, however silent it is */
#define ASK_DOUBLINGS        3 /* then each is twice as far from the next, up to 4 s */
#define LAYERS_UNKNOWN       3 /* temporal layers of an encoding that was not counted yet: as browsers send */
#define STOPPED_S            3 /* without a packet: a camera's publisher has stopped */
#define TOLD_US              3000000 /* a dead link's word holds no longer; it is given each second */
#define LEVEL_UNKNOWN_SPEECH 30 /* a sender without RFC 6464 levels: packets of speech size count as speech */
#define OPUS_DTX_OCTETS      8  /* comfort noise and DTX frames are smaller than this */

static void on_key_timer(struct plm_timer *timer, uint64_t now_us);

static struct plm_track *track_new(
    struct plm_worker *w, plm_participant_id participant, enum plm_source source)
{
    struct plm_track *tr = calloc(1, sizeof *tr);
    if (!tr)
        return NULL;
    tr->worker = w;
    tr->key = ++w->next_track_key;
    tr->participant = participant;
    tr->source = source;
    plm_audio_level_init(&tr->level);
    return tr;
}

static bool agreed_nack(const struct plm_track *tr)
{
    for (unsigned i = 0; i < tr->n_codecs; i++) {
        if (tr->codecs[i].feedback & PLM_FB_NACK)
            return true;
    }
    return false;
}

int plm_track_open_encoding(struct plm_track *tr, uint8_t e)
{
    struct plm_encoding *enc = &tr->encodings[e];
    if (!enc->nack && agreed_nack(tr)) {
        enc->nack = malloc(sizeof *enc->nack);
        if (!enc->nack)
            return PLM_ENOMEM;
        plm_nack_gen_init(enc->nack);
    }
    if (enc->ring.size > 0)
        return 0;
    return plm_pkt_ring_init(
        &enc->ring, tr->worker->pool, tr->kind == PLM_KIND_VIDEO ? VIDEO_RING : AUDIO_RING);
}

static void init_encodings(struct plm_track *tr, unsigned n)
{
    uint32_t clock = tr->n_codecs > 0 ? tr->codecs[0].clock_rate : 90000;
    for (unsigned i = 0; i < n; i++) {
        tr->n_encodings++;
        tr->told |= (uint8_t)(1u << i); /* a publisher sends all until it hears otherwise */
        tr->left_us[i] = tr->worker->now_us;
        plm_rx_stats_init(&tr->encodings[i].stats, clock);
        plm_ntp_map_init(&tr->encodings[i].clock, clock);
    }
}

struct plm_track *plm_track_create(struct plm_worker *w, struct plm_transport *t, uint16_t media)
{
    const struct plm_media_params *m = &t->params->media[media];
    struct plm_track *tr = track_new(w, t->participant, m->source);
    if (!tr)
        return NULL;
    plm_gauge_add(w, PLM_GAUGE_TRACKS, 1);
    tr->transport = t;
    tr->media = media;
    tr->kind = m->kind;
    tr->n_codecs = m->n_codecs;
    memcpy(tr->codecs, m->codecs, sizeof m->codecs);
    init_encodings(tr, m->n_rids > 0 ? m->n_rids : 1);
    return tr;
}

static bool is_same_codec(const struct plm_codec_params *a, const struct plm_codec_params *b)
{
    return a->codec == b->codec && a->variant == b->variant && a->pt == b->pt && a->rtx_pt == b->rtx_pt &&
           a->clock_rate == b->clock_rate && a->channels == b->channels && a->feedback == b->feedback;
}

static bool is_number_of(const struct plm_codec_params *c, uint8_t pt)
{
    return pt != PLM_NO_PT && (c->pt == pt || c->rtx_pt == pt);
}

bool plm_track_take_codecs(struct plm_track *tr, const struct plm_media_params *m)
{
    struct plm_codec_params all[PLM_MAX_CODECS];
    uint8_t n = tr->n_codecs;
    memcpy(all, tr->codecs, sizeof all);
    for (unsigned i = 0; i < m->n_codecs; i++) {
        const struct plm_codec_params *c = &m->codecs[i];
        bool known = false, clashes = false;
        for (unsigned k = 0; k < n; k++) {
            known |= is_same_codec(&all[k], c);
            clashes |= is_number_of(&all[k], c->pt) || is_number_of(&all[k], c->rtx_pt);
        }
        if (known)
            continue;
        if (clashes || n == PLM_MAX_CODECS)
            return false;
        all[n++] = *c;
    }
    if (n == tr->n_codecs)
        return true;
    memcpy(tr->codecs, all, sizeof all);
    tr->n_codecs = n;
    for (uint32_t i = 0; i < tr->n_slots; i++)
        plm_slot_bind_codecs(tr->slots[i]);
    if (tr->shard)
        plm_shard_announce(tr->shard, tr, -1);
    return true;
}

void plm_track_end_groups(struct plm_track *tr, uint8_t encodings)
{
    for (unsigned e = 0; e < tr->n_encodings; e++) {
        if (encodings >> e & 1)
            plm_key_group_end(&tr->encodings[e].group);
    }
}

void plm_track_update_remote(struct plm_track *tr, const struct plm_link_track *info)
{
    bool changed = tr->muted != (info->muted != 0);
    tr->muted = info->muted != 0;
    if (changed)
        plm_track_end_groups(tr, UINT8_MAX);
    /* What its publisher sent meanwhile never came here: nothing may refer to it. */
    for (uint32_t i = 0; changed && i < tr->n_slots; i++) {
        plm_slot_restart(tr->slots[i], tr, !tr->muted);
        plm_slot_settle(tr->slots[i], tr);
    }
    tr->n_codecs = info->n_codecs < PLM_MAX_CODECS ? info->n_codecs : PLM_MAX_CODECS;
    for (unsigned i = 0; i < tr->n_codecs; i++) {
        tr->codecs[i] = (struct plm_codec_params){
            .codec = info->codecs[i].codec < PLM_CODEC_COUNT ? (enum plm_codec)info->codecs[i].codec
                                                             : PLM_CODEC_NONE,
            .pt = PLM_NO_PT,
            .rtx_pt = PLM_NO_PT,
            .clock_rate = info->kind == PLM_KIND_AUDIO ? 48000 : 90000,
            .variant = info->codecs[i].variant,
        };
    }
}

struct plm_track *plm_track_create_remote(struct plm_worker *w, plm_participant_id participant,
    enum plm_source source, const struct plm_link_track *info)
{
    if (info->n_encodings == 0 || info->n_encodings > PLM_MAX_ENCODINGS)
        return NULL;
    struct plm_track *tr = track_new(w, participant, source);
    if (!tr)
        return NULL;
    plm_gauge_add(w, PLM_GAUGE_REMOTE_TRACKS, 1);
    tr->kind = info->kind == PLM_KIND_AUDIO ? PLM_KIND_AUDIO : PLM_KIND_VIDEO;
    plm_track_update_remote(tr, info);
    init_encodings(tr, info->n_encodings);
    return tr;
}

void plm_track_destroy(struct plm_track *tr)
{
    plm_track_forget_demand(tr);
    plm_timer_stop(&tr->worker->wheel, &tr->key_timer);
    for (unsigned i = 0; i < tr->n_encodings; i++) {
        free(tr->encodings[i].nack);
        free(tr->encodings[i].dd);
        plm_pkt_ring_destroy(&tr->encodings[i].ring);
    }
    plm_gauge_add(tr->worker, tr->transport ? PLM_GAUGE_TRACKS : PLM_GAUGE_REMOTE_TRACKS, -1);
    free(tr->slots);
    free(tr);
}

uint32_t plm_track_bitrate(const struct plm_track *tr, uint8_t e)
{
    const struct plm_encoding *enc = &tr->encodings[e];
    uint64_t now = tr->worker->now_us;
    if (enc->behind >= BEHIND_FRAMES)
        return 0;
    uint32_t bps = plm_rx_stats_bitrate(&enc->stats, now);
    if (tr->transport || !enc->told_us || now - enc->told_us >= TOLD_US)
        return bps;
    bool came_since = enc->seen && enc->stats.last_arrival_us > enc->told_us;
    return came_since && bps > enc->told_bps ? bps : enc->told_bps;
}

void plm_track_describe_layer(const struct plm_track *tr, uint8_t e, struct plm_alloc_layer *out)
{
    const struct plm_encoding *enc = &tr->encodings[e];
    uint32_t bps = plm_track_bitrate(tr, e);
    unsigned layers = enc->temporal_layers ? enc->temporal_layers : LAYERS_UNKNOWN;
    unsigned top = layers < PLM_ALLOC_TEMPORAL ? layers - 1 : PLM_ALLOC_TEMPORAL - 1;
    *out = (struct plm_alloc_layer){
        .sent = bps > 0, .width = enc->width, .height = enc->height, .temporal_layers = (uint8_t)layers};
    if (enc->rate.bps[top])
        bps = enc->rate.bps[top];
    for (unsigned i = 0; i < PLM_ALLOC_TEMPORAL; i++)
        out->bps[i] = (uint32_t)((uint64_t)bps * plm_layer_rate_share(&enc->rate, i, layers) / 256);
}

uint64_t plm_track_lost(const struct plm_encoding *enc)
{
    uint64_t expected = enc->seen ? enc->stats.max_ext - enc->stats.base_ext + 1 : 0;
    return expected > enc->stats.packets ? expected - enc->stats.packets : 0;
}

uint32_t plm_track_wait_us(const struct plm_encoding *enc)
{
    int64_t us = (int64_t)enc->stats.last_arrival_us - plm_ntp_map_us(&enc->clock, enc->last_ext_ts);
    return us < QUEUE_US ? 0 : us < WAIT_MAX_US ? (uint32_t)us : WAIT_MAX_US;
}

static void note_second(struct plm_encoding *enc, uint64_t now_us, uint16_t held_ms)
{
    const struct plm_encoding_gauges gauges = {.end_us = now_us,
        .frames = enc->fps,
        .gap_us = enc->gap_us,
        .step_us = enc->step_us,
        .held_ms = held_ms};
    const struct plm_encoding_totals totals = {
        .packets = enc->stats.packets,
        .octets = enc->stats.bytes,
        .lost = plm_track_lost(enc),
        .recovered = enc->stats.recovered,
        .keyframes = enc->keyframes,
        .asked = enc->plis,
    };
    plm_encoding_log_note(&enc->log, &gauges, &totals);
    enc->gap_us = enc->step_us = 0;
}

unsigned plm_track_spatial_layers(const struct plm_track *tr)
{
    unsigned n = tr->n_encodings == 1 ? tr->encodings[0].spatial_layers : 0;
    return n >= 2 && n <= PLM_SPATIAL_LAYERS ? n : 0;
}

void plm_track_describe_spatial(const struct plm_track *tr, uint8_t sid, struct plm_alloc_layer *out)
{
    const struct plm_encoding *enc = &tr->encodings[0];
    unsigned halvings = plm_track_spatial_layers(tr) - 1 - sid;
    plm_track_describe_layer(tr, 0, out);
    out->width = (uint16_t)(out->width >> halvings);
    out->height = (uint16_t)(out->height >> halvings);
    memcpy(out->bps, enc->up_to[sid].bps, sizeof out->bps);
}

static void set_stopped(struct plm_track *tr, bool stopped)
{
    if (tr->stopped == stopped)
        return;
    tr->stopped = stopped;
    for (uint32_t i = 0; i < tr->n_slots; i++)
        plm_slot_settle(tr->slots[i], tr);
}

/* A camera that is on sends something each second. A screen on which nothing moves need not, and what nobody needs its publisher may end. */
static void note_silence(struct plm_track *tr)
{
    bool flows = tr->muted || tr->source != PLM_SOURCE_CAMERA || !tr->demanded;
    for (uint8_t e = 0; e < tr->n_encodings && !flows; e++)
        flows = plm_track_bitrate(tr, e) > 0;
    if (flows)
        tr->silent = 0;
    else if (tr->silent < STOPPED_S)
        tr->silent++;
    set_stopped(tr, tr->silent == STOPPED_S);
}

void plm_track_tick(struct plm_track *tr)
{
    uint64_t now = tr->worker->now_us;
    for (unsigned i = 0; i < tr->n_encodings; i++) {
        tr->encodings[i].fps = tr->encodings[i].frames;
        tr->encodings[i].frames = 0;
        if (tr->encodings[i].fps >= LAYERS_FRAMES)
            tr->encodings[i].temporal_layers = tr->encodings[i].layers;
        tr->encodings[i].layers = 0;
        plm_layer_rate_tick(&tr->encodings[i].rate);
        if (tr->encodings[i].seen)
            note_second(&tr->encodings[i], now, plm_worker_held_ms(tr->worker));
        for (unsigned k = 0; k < PLM_SPATIAL_LAYERS; k++)
            plm_layer_rate_tick(&tr->encodings[i].up_to[k]);
        if (tr->transport && tr->encodings[i].seen && tr->shard)
            plm_shard_send_clock(tr->shard, tr, (uint8_t)i, -1);
    }
    note_silence(tr);
    plm_track_refresh_demand(tr);
}

/* ---- keyframes ---- */

static bool is_forwarded(const struct plm_track *tr, uint8_t e)
{
    for (uint32_t i = 0; i < tr->n_slots; i++) {
        if (tr->slots[i]->track == tr && tr->slots[i]->layers.current == e)
            return true;
    }
    for (unsigned i = 0; i < PLM_MAX_LINKS; i++) {
        if (tr->links[i].encodings >> e & 1)
            return true;
    }
    return false;
}

/* How many requests nothing has come after, of any kind: whoever sends nothing is asked by each slot that waits, twice a second. */
static uint8_t asked_in_vain(const struct plm_encoding *enc)
{
    return enc->seen && enc->stats.last_arrival_us > enc->asked_us ? 0 : enc->in_vain;
}

/*
 * A key frame that waits before a line that is full comes no sooner for being asked for again; another one would wait behind it. Nor does one
 * of a camera that delivers nothing.
 */
static uint64_t may_ask_at(const struct plm_track *tr, const struct plm_encoding *enc)
{
    uint64_t interval = PLM_KEYFRAME_INTERVAL_US;
    unsigned in_vain = tr->transport ? asked_in_vain(enc) : 0;
    if (tr->transport && enc->seen && plm_track_wait_us(enc) >= LONG_WAIT_US)
        interval *= 2;
    if (in_vain > ASKS_IN_A_ROW)
        interval = PLM_KEYFRAME_INTERVAL_US << (in_vain - ASKS_IN_A_ROW);
    return enc->asked_us + interval;
}

static void ask_keyframe(struct plm_track *tr, uint8_t e)
{
    struct plm_encoding *enc = &tr->encodings[e];
    unsigned in_vain = asked_in_vain(enc) + 1u, most = ASKS_IN_A_ROW + ASK_DOUBLINGS;
    enc->in_vain = (uint8_t)(in_vain < most ? in_vain : most);
    enc->asked_us = tr->worker->now_us;
    enc->key_wanted = false;
    enc->plis++;
    if (!tr->transport) {
        plm_shard_send_demand(tr->shard, tr, tr->demanded | (uint8_t)(1u << e), (uint8_t)(1u << e));
        return;
    }
    enc->unseen_us = is_forwarded(tr, e) ? 0 : enc->asked_us;
    if (enc->nack && enc->unseen_us)
        plm_nack_gen_forget_before(enc->nack, UINT64_MAX);
    uint8_t feedback = plm_track_codec(tr, enc->codec_index)->feedback;
    plm_transport_send_keyframe_request(tr->transport, enc->ssrc, feedback);
}

void plm_track_want_keyframe(struct plm_track *tr, uint8_t e)
{
    if (e >= tr->n_encodings || tr->kind != PLM_KIND_VIDEO || !tr->shard || tr->muted)
        return;
    struct plm_encoding *enc = &tr->encodings[e];
    uint64_t now = tr->worker->now_us;
    if (enc->behind >= BEHIND_FRAMES)
        return;
    bool reachable = !tr->transport || enc->ssrc != 0;
    if (reachable && (enc->asked_us == 0 || now >= may_ask_at(tr, enc))) {
        ask_keyframe(tr, e);
        return;
    }
    enc->key_wanted = true;
    if (reachable && !plm_timer_active(&tr->key_timer))
        plm_timer_start(&tr->worker->wheel, &tr->key_timer, may_ask_at(tr, enc), on_key_timer);
}

static void on_key_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_track *tr = PLM_CONTAINER_OF(timer, struct plm_track, key_timer);
    uint64_t next = UINT64_MAX;
    for (uint8_t i = 0; i < tr->n_encodings; i++) {
        struct plm_encoding *enc = &tr->encodings[i];
        if (!enc->key_wanted || (tr->transport && enc->ssrc == 0) || !tr->shard)
            continue;
        uint64_t due = may_ask_at(tr, enc);
        if (due <= now_us)
            ask_keyframe(tr, i);
        else if (due < next)
            next = due;
    }
    if (next != UINT64_MAX)
        plm_timer_start(&tr->worker->wheel, timer, next, on_key_timer);
}

/* ---- packets ---- */

struct plm_pkt *plm_track_preroll(const struct plm_track *tr)
{
    const struct plm_encoding *enc = &tr->encodings[0];
    uint64_t from = tr->chosen_us > PREROLL_US ? tr->chosen_us - PREROLL_US : 0;
    struct plm_pkt *first = NULL;
    if (!tr->chosen_us || tr->muted || !enc->seen)
        return NULL;
    if (from < tr->unheard_us)
        from = tr->unheard_us;
    for (uint64_t seq = enc->newest_seq; seq + AUDIO_RING > enc->newest_seq; seq--) {
        struct plm_pkt *pkt = plm_pkt_ring_find(&enc->ring, seq);
        if (pkt && pkt->arrival_us < from)
            break;
        if (pkt && pkt->payload_len > 0)
            first = pkt;
    }
    return first;
}

void plm_track_prefetch_slots(const struct plm_track *tr)
{
    for (uint32_t i = 0; i < tr->n_slots && i < SLOTS_AHEAD; i++)
        plm_slot_prefetch(tr->slots[i]);
}

static void prefetch_slot_parts(const struct plm_track *tr, uint32_t i)
{
    if (i >= tr->n_slots)
        return;
    plm_slot_prefetch_map(tr->slots[i]);
    plm_transport_prefetch_pacer(tr->slots[i]->transport);
}

/* The first slots have been fetched by plm_track_prefetch_slots, if the packet was foreseen. */
static void forward(struct plm_track *tr, struct plm_pkt *pkt)
{
    if (tr->muted)
        return;
    prefetch_slot_parts(tr, 0);
    prefetch_slot_parts(tr, 1);
    for (uint32_t i = 0; i < tr->n_slots; i++) {
        if (i + SLOTS_AHEAD < tr->n_slots)
            plm_slot_prefetch(tr->slots[i + SLOTS_AHEAD]);
        prefetch_slot_parts(tr, i + 2);
        if (i + 1 < tr->n_slots)
            plm_slot_prefetch_entry(tr->slots[i + 1]);
        plm_slot_on_rtp(tr->slots[i], tr, pkt);
    }
    if (tr->transport && tr->shard)
        plm_track_send_to_links(tr, pkt);
}

static uint16_t offset_of(const uint8_t *base, const uint8_t *val)
{
    return val ? (uint16_t)(val - base) : 0;
}

static void note_extensions(
    struct plm_track *tr, struct plm_pkt *pkt, const struct plm_rtp_view *v, const struct plm_rtp_exts *x)
{
    pkt->audio_level_off =
        offset_of(v->data, x->len[PLM_EXT_AUDIO_LEVEL] == 1 ? x->val[PLM_EXT_AUDIO_LEVEL] : NULL);
    pkt->orientation_off =
        offset_of(v->data, x->len[PLM_EXT_VIDEO_ORIENTATION] == 1 ? x->val[PLM_EXT_VIDEO_ORIENTATION] : NULL);
    pkt->playout_off =
        offset_of(v->data, x->len[PLM_EXT_PLAYOUT_DELAY] == 3 ? x->val[PLM_EXT_PLAYOUT_DELAY] : NULL);
    pkt->playout_len = 3;
    pkt->dd_off = offset_of(v->data, x->val[PLM_EXT_DEPENDENCY_DESCRIPTOR]);
    pkt->dd_len = x->len[PLM_EXT_DEPENDENCY_DESCRIPTOR];
    pkt->audio_level = 127;
    if (tr->kind != PLM_KIND_AUDIO)
        return;
    bool voice;
    if (pkt->audio_level_off)
        pkt->audio_level = plm_audio_level_parse(*x->val[PLM_EXT_AUDIO_LEVEL], &voice);
    else if (v->payload_len >= OPUS_DTX_OCTETS)
        pkt->audio_level = LEVEL_UNKNOWN_SPEECH;
    plm_audio_level_on_packet(&tr->level, pkt->audio_level, tr->worker->now_us);
}

/* Layers and keyframe bits: the dependency descriptor where there is one, else the payload descriptor. */
static int read_frame_info(struct plm_encoding *enc, struct plm_pkt *pkt, unsigned changes)
{
    int err = plm_codec_parse(pkt->codec, pkt->data + pkt->payload_off, pkt->payload_len, &pkt->info);
    if (err != 0 || pkt->dd_off == 0)
        return err;
    if (!enc->dd)
        enc->dd = calloc(1, sizeof *enc->dd);
    else if (changes & PLM_CHANGE_CODEC)
        memset(enc->dd, 0, sizeof *enc->dd); /* its templates were the other encoder's */
    if (enc->dd)
        (void)plm_dd_read(enc->dd, pkt->ext_seq, pkt->data + pkt->dd_off, pkt->dd_len, &pkt->info);
    return 0;
}

static void on_active(struct plm_track *tr, enum plm_codec codec)
{
    if (tr->active && tr->codec == codec)
        return;
    tr->active = true;
    tr->codec = codec;
    struct plm_event ev = {.type = PLM_EV_TRACK,
        .transport = tr->transport ? tr->transport->id : 0,
        .participant = tr->participant};
    ev.track.source = tr->source;
    ev.track.codec = codec;
    ev.track.active = true;
    ev.track.encodings = tr->n_encodings;
    if (tr->shard && tr->transport)
        plm_shard_event(tr->shard, &ev);
}

/* A frame began to come; which of the two is late, the frame or its way, is seen in the longest of both times. */
static void note_gap(struct plm_encoding *enc, uint64_t ext_ts, uint64_t now_us)
{
    uint64_t gap = now_us - enc->frame_us;
    uint64_t step = ext_ts > enc->last_ext_ts ? (ext_ts - enc->last_ext_ts) * 100 / 9 : 0; /* of 90 kHz */
    bool first = enc->frame_us == 0;
    enc->frame_us = now_us;
    if (first)
        return;
    if (gap > enc->gap_us)
        enc->gap_us = gap < UINT32_MAX ? (uint32_t)gap : UINT32_MAX;
    if (step > enc->step_us)
        enc->step_us = step < UINT32_MAX ? (uint32_t)step : UINT32_MAX;
}

static void end_encoding(struct plm_track *tr, uint8_t e)
{
    struct plm_encoding *enc = &tr->encodings[e];
    enc->behind = BEHIND_FRAMES;
    enc->again = 0;
    plm_shard_set_dirty(tr->shard);
    plm_shard_send_clock(tr->shard, tr, e, -1);
    /* What it lacks would come by a line that is full already. */
    if (enc->nack)
        plm_nack_gen_forget_before(enc->nack, UINT64_MAX);
}

/*
 * A frame of an encoding begins: those above it that send nothing meanwhile fall behind. A publisher whose line got narrow ends them without a word.
 * Only their home sees all of them; it tells the others.
 */
static void note_frame(struct plm_track *tr, uint8_t e)
{
    bool one_ended = false;
    /* The lowest that goes on is the measure: of several together, few frames would be many. */
    for (uint8_t i = 0; i < e; i++) {
        if (tr->encodings[i].seen && tr->worker->now_us - tr->encodings[i].stats.last_arrival_us < GOES_ON_US)
            return;
    }
    for (uint8_t i = (uint8_t)(e + 1); i < tr->n_encodings && tr->transport; i++) {
        struct plm_encoding *above = &tr->encodings[i];
        if (!above->seen || above->behind >= BEHIND_FRAMES || ++above->behind < BEHIND_FRAMES || !tr->shard)
            continue;
        end_encoding(tr, i);
        one_ended = true;
    }
    /* Where one has ended, those that lag or have lost much are about to: nobody goes down by two steps, with a key frame for each. */
    for (uint8_t i = 1; i < tr->n_encodings && one_ended; i++) {
        const struct plm_encoding *enc = &tr->encodings[i];
        bool fails = enc->behind >= LAGS_FRAMES || (enc->nack && enc->nack->n >= LAGS_PACKETS);
        if (fails && enc->behind < BEHIND_FRAMES)
            end_encoding(tr, i);
    }
}

static void note_video(struct plm_track *tr, const struct plm_pkt *pkt)
{
    struct plm_encoding *enc = &tr->encodings[pkt->encoding];
    set_stopped(tr, false);
    /* What is sent again, to fill holes, is no sign of life; nor is what waited before a full line when its encoding ended. */
    if (!pkt->late && !pkt->recovered && (enc->behind < BEHIND_FRAMES || ++enc->again == AGAIN_PACKETS))
        enc->behind = enc->again = 0;
    plm_layer_rate_on_packet(&enc->rate, pkt->info.has_layers ? pkt->info.tid : 0, pkt->len);
    if (pkt->info.width && pkt->info.height) {
        enc->width = pkt->info.width;
        enc->height = pkt->info.height;
    }
    for (unsigned i = pkt->info.sid; enc->spatial_layers > 1 && i < PLM_SPATIAL_LAYERS; i++)
        plm_layer_rate_on_packet(&enc->up_to[i], pkt->info.tid, pkt->len);
    if (pkt->info.keyframe_start || pkt->info.spatial_layers)
        enc->spatial_layers = pkt->info.spatial_layers;
    if (pkt->info.keyframe_start) {
        enc->keyframes++;
        enc->key_wanted = false;
        enc->unseen_us = 0;
    }
    if (pkt->marker)
        enc->frames++;
    uint8_t layers = pkt->info.has_layers ? pkt->info.tid + 1 : 1;
    if (layers > enc->layers)
        enc->layers = layers;
}

/*
 * What is missing is asked for, unless nobody would show it: of an encoding that ended, or from before the key frame that one is awaited with. A
 * publisher whose line got narrow would send all that before what is shown next.
 */
static void on_gap(struct plm_track *tr, struct plm_encoding *enc, const struct plm_pkt *pkt)
{
    bool before_key = enc->unseen_us && plm_ntp_map_us(&enc->clock, pkt->ext_ts) < (int64_t)enc->unseen_us;
    if (enc->behind >= BEHIND_FRAMES || before_key)
        plm_nack_gen_forget_before(enc->nack, UINT64_MAX);
    else
        plm_transport_wake_nack(tr->transport, tr->worker->now_us);
}

void plm_track_on_rtp(struct plm_track *tr, uint8_t e, struct plm_pkt *pkt, const struct plm_rtp_view *v,
    const struct plm_rtp_exts *x)
{
    struct plm_worker *w = tr->worker;
    struct plm_encoding *enc = &tr->encodings[e];
    const struct plm_codec_params *codec = plm_track_codec(tr, pkt->codec_index);
    uint64_t now = w->now_us;
    bool first = !enc->seen;
    pkt->encoding = e;
    pkt->codec = codec->codec;
    pkt->marker = v->marker;
    pkt->arrival_us = now;
    pkt->payload_off = (uint16_t)(v->payload - v->data);
    pkt->payload_len = (uint16_t)v->payload_len;
    /* A retransmission says nothing about the path that statistics describe. */
    pkt->ext_seq = pkt->recovered && enc->seen
                       ? plm_seq_extend(enc->newest_seq, v->seq)
                       : plm_rx_stats_on_packet(&enc->stats, v->seq, v->ts, v->len, now);
    /* Nobody missed it: it is of a former stream. */
    if (pkt->recovered && enc->seen && pkt->ext_seq > enc->newest_seq) {
        plm_transport_drop(tr->transport, PLM_DROP_RTP_DUPLICATE);
        return;
    }
    pkt->late = enc->seen && pkt->ext_seq < enc->newest_seq;
    /* 2^32 in front, so that a late packet of the very first ones has room below */
    pkt->ext_ts = first ? (1ull << 32) + v->ts : plm_ts_extend(enc->last_ext_ts, v->ts);
    note_extensions(tr, pkt, v, x);
    memset(&pkt->info, 0, sizeof pkt->info);
    if (enc->nack && plm_nack_gen_on_packet(enc->nack, pkt->ext_seq, now))
        on_gap(tr, enc, pkt);
    bool video = tr->kind == PLM_KIND_VIDEO;
    unsigned changes = plm_track_changes(tr, pkt);
    if (video && changes && !plm_track_may_change(tr, e)) {
        plm_transport_drop(tr->transport, PLM_DROP_RTP_UNSTEADY);
        return;
    }
    if (pkt->payload_len > 0 && read_frame_info(enc, pkt, changes) != 0) {
        plm_transport_drop(tr->transport, PLM_DROP_RTP_DESCRIPTOR);
        return;
    }
    if (!plm_pkt_ring_put(&enc->ring, pkt)) {
        enc->stats.duplicates++;
        plm_transport_drop(tr->transport, PLM_DROP_RTP_DUPLICATE);
        return;
    }
    if (first || changes)
        plm_track_take_changes(tr, pkt, changes);
    if (video && !pkt->late && pkt->ext_ts != enc->last_ext_ts) {
        note_gap(enc, pkt->ext_ts, now);
        note_frame(tr, e);
    }
    if (!plm_track_is_of_former_time(enc, pkt))
        plm_key_group_on_packet(&enc->group, pkt);
    if (!pkt->late) {
        enc->newest_seq = pkt->ext_seq;
        enc->last_ext_ts = pkt->ext_ts;
        plm_ntp_map_on_packet(&enc->clock, pkt->ext_ts, now);
    }
    if (pkt->payload_len == 0)
        plm_transport_drop(tr->transport, PLM_DROP_RTP_PADDING_ONLY);
    else if (video)
        note_video(tr, pkt);
    on_active(tr, pkt->codec);
    if (enc->key_wanted) /* it could not be asked, or was silent: now it may be time */
        plm_track_want_keyframe(tr, e);
    forward(tr, pkt);
}

void plm_track_on_link(struct plm_track *tr, struct plm_pkt *pkt)
{
    struct plm_encoding *enc = &tr->encodings[pkt->encoding];
    if (!enc->seen && plm_track_open_encoding(tr, pkt->encoding) != 0) {
        plm_count_drop(tr->worker, PLM_DROP_NO_BUFFER);
        return;
    }
    pkt->late = enc->seen && pkt->ext_seq < enc->newest_seq;
    if (!plm_pkt_ring_put(&enc->ring, pkt)) {
        plm_count_drop(tr->worker, PLM_DROP_RTP_DUPLICATE);
        return;
    }
    plm_rx_stats_on_packet(
        &enc->stats, (uint16_t)pkt->ext_seq, (uint32_t)pkt->ext_ts, pkt->len, tr->worker->now_us);
    unsigned changes = plm_track_changes(tr, pkt);
    if (!enc->seen || changes)
        plm_track_take_changes(tr, pkt, changes);
    /* Else it was on its way when its demand ended, and what follows it is not. */
    if (tr->demanded >> pkt->encoding & 1)
        plm_key_group_on_packet(&enc->group, pkt);
    if (!pkt->late)
        enc->newest_seq = pkt->ext_seq;
    if (tr->kind == PLM_KIND_VIDEO && pkt->payload_len > 0)
        note_video(tr, pkt);
    tr->active = true;
    tr->codec = pkt->codec;
    forward(tr, pkt);
}

void plm_track_on_sender_report(struct plm_track *tr, uint8_t e, uint64_t ntp, uint32_t rtp_ts)
{
    struct plm_encoding *enc = &tr->encodings[e];
    plm_rx_stats_on_sr(&enc->stats, ntp, tr->worker->now_us);
    if (!enc->seen || !tr->transport)
        return;
    plm_ntp_map_on_report(
        &enc->clock, ntp, plm_ts_extend(enc->last_ext_ts, rtp_ts), tr->transport->clock.offset_us);
}

void plm_track_set_muted(struct plm_track *tr, bool muted)
{
    if (tr->muted == muted)
        return;
    tr->muted = muted;
    tr->unheard_us = tr->worker->now_us;
    plm_track_end_groups(tr, UINT8_MAX);
    if (tr->shard && tr->transport)
        plm_shard_announce(tr->shard, tr, -1);
    for (uint32_t i = 0; i < tr->n_slots; i++) {
        plm_slot_restart(tr->slots[i], tr, !muted);
        plm_slot_settle(tr->slots[i], tr);
    }
    if (tr->shard)
        plm_shard_set_dirty(tr->shard);
}
