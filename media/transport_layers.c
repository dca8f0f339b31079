/*
 * Which layers a receiver is sent: what its slots show goes to the allocator, what it decides goes to the slots.
 */
#include "alloc_log.h"
#include "capture.h"
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#define SAMPLE_LENGTH_US 60000 /* of sound, three packets: a line on which copies would help shows soon */

/* Spatial layers take the place of encodings where a track has one alone that consists of them. */
static void describe_spatial(
    const struct plm_track *tr, unsigned layers, struct plm_alloc_slot *a, uint8_t sid)
{
    a->n_layers = (uint8_t)layers;
    for (unsigned i = 0; i < layers; i++)
        plm_track_describe_spatial(tr, (uint8_t)i, &a->layers[i]);
    if (a->present != PLM_LAYER_NONE)
        a->present = sid < layers ? sid : (uint8_t)(layers - 1);
}

/* How many there are is known from the first key picture on, and may change: what was chosen before is counted among the present ones. */
static void remember_spatial(
    const struct plm_track *tr, const struct plm_layer_select *s, struct plm_alloc_memory *memory)
{
    unsigned layers = plm_track_spatial_layers(tr);
    if (layers && memory->known && memory->encoding != PLM_LAYER_NONE)
        memory->encoding = s->target_sid < layers ? s->target_sid : (uint8_t)(layers - 1);
}

/* What was decided of spatial layers is of the one encoding. */
static void aim_spatial(const struct plm_track *tr, struct plm_layer_select *s, struct plm_alloc_slot *a)
{
    unsigned layers = plm_track_spatial_layers(tr);
    if (a->encoding != PLM_LAYER_NONE)
        plm_layer_select_aim_spatial(s, a->encoding + 1u < layers ? a->encoding : PLM_SID_ALL);
    if (!layers)
        return;
    a->encoding = a->encoding != PLM_LAYER_NONE ? 0 : PLM_LAYER_NONE;
    a->wish = a->wish != PLM_LAYER_NONE ? 0 : PLM_LAYER_NONE;
}

static void describe_slot(const struct plm_slot *s, const struct plm_track *tr, struct plm_alloc_slot *a)
{
    *a = (struct plm_alloc_slot){
        .priority = s->priority,
        .screen = tr->source == PLM_SOURCE_SCREEN,
        .want_width = s->want_width,
        .want_height = s->want_height,
        .n_layers = tr->n_encodings,
        .present = tr == s->track ? s->layers.current : PLM_LAYER_NONE,
        .encoding = PLM_LAYER_NONE,
    };
    for (unsigned i = 0; i < tr->n_encodings; i++)
        plm_track_describe_layer(tr, (uint8_t)i, &a->layers[i]);
    if (plm_track_spatial_layers(tr))
        describe_spatial(tr, plm_track_spatial_layers(tr), a, s->layers.current_sid);
    /* What is on its way out stays as it is, or gets smaller where it must: the wish is about what comes. */
    if (tr == s->track && s->next.track && a->present < a->n_layers) {
        a->n_layers = (uint8_t)(a->present + 1);
        a->want_width = a->want_height = 0;
    }
}

/* Video slots and what each is described by: the track to come where there is one and `next` says so, else the shown one. */
static size_t describe_slots(
    struct plm_transport *t, bool next, struct plm_alloc_slot *v, struct plm_slot **of)
{
    size_t n = 0;
    for (unsigned i = 0; i < t->n_slots && n < PLM_MAX_MEDIA; i++) {
        struct plm_slot *s = &t->slots[i];
        if (s->kind != PLM_KIND_VIDEO || !s->track)
            continue;
        bool coming = next && s->next.track;
        of[n] = s;
        struct plm_track *tr = coming ? s->next.track : s->track;
        describe_slot(s, tr, &v[n]);
        v[n].memory = coming ? &s->next.memory : &s->memory;
        remember_spatial(tr, coming ? &s->next.layers : &s->layers, v[n++].memory);
    }
    return n;
}

/* Sound comes first, and whoever begins to speak again needs room at once. */
static uint32_t audio_bps(const struct plm_transport *t)
{
    uint32_t bps = 0;
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (t->slots[i].kind == PLM_KIND_AUDIO && t->slots[i].track)
            bps += t->slots[i].peak_bps;
    }
    return bps;
}

static uint32_t capped(uint64_t bps)
{
    return bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
}

/* Decide, and keep what was decided of what, where somebody looks into it. */
static void decide(struct plm_transport *t, struct plm_alloc_line *line, struct plm_alloc_slot *v, size_t n,
    uint32_t budget, struct plm_alloc_total *total)
{
    struct plm_alloc_log log;
    if (t->capture)
        plm_alloc_log_begin(&log, line, v, n, budget, t->worker->now_us);
    plm_allocate(line, v, n, budget, t->worker->now_us, total);
    if (!t->capture)
        return;
    plm_alloc_log_end(&log, v, n, total);
    plm_capture_allocation(t, &log);
}

static bool anything_flows(const struct plm_alloc_slot *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (unsigned k = 0; k < v[i].n_layers; k++) {
            if (v[i].layers[k].sent)
                return true;
        }
    }
    return false;
}

/* Where all that is shown is silent nothing is gained by probing: padding would be all that its receiver gets. */
static void tell_estimator(
    struct plm_transport *t, const struct plm_alloc_total *total, bool flows, uint32_t audio)
{
    uint64_t want = flows ? total->want_bps : 0, next = flows ? total->next_bps : 0;
    plm_bwe_want(t->bwe, want ? capped(want + audio) : 0, plm_transport_can_probe(t));
    plm_bwe_aim(t->bwe, capped(total->used_bps + audio), next ? capped(next + audio) : 0);
}

/*
 * Only one of a slot's two tracks is sent at a time. So each is measured against the whole budget with the other left out: no slot is counted
 * twice, and nobody else gets less for a change that is under way. Those that change nothing were decided already, and are remembered once.
 */
static void allocate_next(struct plm_transport *t, uint32_t budget)
{
    struct plm_alloc_slot v[PLM_MAX_MEDIA];
    struct plm_alloc_memory kept[PLM_MAX_MEDIA];
    struct plm_slot *of[PLM_MAX_MEDIA];
    struct plm_alloc_total total;
    size_t n = describe_slots(t, true, v, of);
    for (size_t i = 0; i < n; i++) {
        if (of[i]->next.track)
            continue;
        kept[i] = of[i]->memory;
        v[i].memory = &kept[i];
    }
    struct plm_alloc_line line = t->line;
    decide(t, &line, v, n, budget, &total);
    for (size_t i = 0; i < n; i++) {
        if (!of[i]->next.track)
            continue;
        aim_spatial(of[i]->next.track, &of[i]->next.layers, &v[i]);
        plm_slot_aim_next(of[i], v[i].encoding, v[i].tid, v[i].wish);
    }
}

/* As the allocator does it when there is no bandwidth: the frame that is under way is completed, the application is told. */
static void stop_video(struct plm_transport *t)
{
    for (unsigned i = 0; i < t->n_slots; i++)
        plm_slot_aim(&t->slots[i], PLM_LAYER_NONE, 0, t->slots[i].wish);
}

static bool takes_copies(const struct plm_transport *t)
{
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (t->params->media[t->slots[i].media].red_pt)
            return true;
    }
    return false;
}

static void sample_sound(struct plm_transport *t, bool on)
{
    t->samples_sound = on;
    t->sample_length_us = on && takes_copies(t) ? SAMPLE_LENGTH_US : 0;
    plm_bwe_sample(t->bwe, on, t->worker->now_us);
}

void plm_transport_allocate(struct plm_transport *t)
{
    struct plm_alloc_slot v[PLM_MAX_MEDIA];
    struct plm_slot *of[PLM_MAX_MEDIA];
    struct plm_alloc_total total;
    if (!t->bwe || t->closing)
        return;
    if (t->backlogged) {
        stop_video(t);
        return;
    }
    uint32_t audio = audio_bps(t), estimate = plm_bwe_estimate(t->bwe);
    /* 0 says "unknown" to the allocator: nothing is paused then. */
    uint32_t budget = estimate == 0 ? 0 : estimate > audio ? estimate - audio : 1;
    uint32_t proved = plm_bwe_proved(t->bwe, t->worker->now_us);
    t->line.beside_bps = audio;
    t->line.proved_bps = proved > audio ? proved - audio : proved > 0;
    bool held = false;
    size_t n = describe_slots(t, false, v, of);
    decide(t, &t->line, v, n, budget, &total);
    t->allocated_bps = capped(total.used_bps + audio);
    tell_estimator(t, &total, anything_flows(v, n), audio);
    sample_sound(t, n == 0 && t->ext_ids.id[PLM_EXT_TWCC] && plm_bwe_may_sample(t->bwe, t->worker->now_us));
    for (size_t i = 0; i < n; i++) {
        aim_spatial(of[i]->track, &of[i]->layers, &v[i]);
        if (t->state != PLM_TRANSPORT_CONNECTED) {
            plm_slot_foresee(of[i], v[i].wish);
            continue;
        }
        plm_slot_aim(of[i], v[i].encoding, v[i].tid, v[i].wish);
        held |= of[i]->next.track != NULL;
    }
    if (held)
        allocate_next(t, budget);
}

/* What sound it is sent takes without copies: as its publishers send it, of those that were forwarded of late. */
static uint32_t plain_sound_bps(const struct plm_transport *t)
{
    uint64_t bps = 0;
    for (unsigned i = 0; i < t->n_slots; i++) {
        const struct plm_slot *s = &t->slots[i];
        if (s->kind != PLM_KIND_AUDIO || !s->track || !s->peak_bps)
            continue;
        uint32_t plain = plm_track_bitrate(s->track, 0);
        bps += plain && plain < s->peak_bps ? plain : s->peak_bps;
    }
    return capped(bps);
}

static void repeat_sound(struct plm_transport *t, uint32_t estimate)
{
    uint32_t lost_q8 = plm_bwe_lost_q8(t->bwe), rtt_us = plm_bwe_rtt_us(t->bwe);
    if (!lost_q8 && !t->red.distances)
        return;
    const struct plm_red_line line = {.lost_q8 = lost_q8,
        .rtt_us = rtt_us ? rtt_us : t->rtt_us,
        .estimate_bps = estimate,
        .sound_bps = plain_sound_bps(t),
        .full = plm_bwe_is_full(t->bwe)};
    plm_red_update(&t->red, &line, t->worker->now_us);
}

void plm_transport_on_estimate(struct plm_transport *t)
{
    uint32_t estimate = plm_bwe_estimate(t->bwe);
    if (t->samples_sound && !plm_bwe_may_sample(t->bwe, t->worker->now_us))
        sample_sound(t, false);
    repeat_sound(t, estimate);
    if (estimate && estimate < t->allocated_bps)
        plm_transport_allocate(t);
}
