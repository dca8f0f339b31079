/*
 * A transport is described, and described anew: its tracks and slots become what its m-lines say.
 */
#include "transport.h"

#include "capture.h"
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "worker_core.h"

#include <stdlib.h>
#include <string.h>

/* A room that is full of tracks does without this one; the connection and its other tracks go on. */
static int add_track(struct plm_transport *t, uint16_t media)
{
    struct plm_track *tr = plm_track_create(t->worker, t, media);
    if (!tr)
        return PLM_ENOMEM;
    tr->muted = t->muted >> tr->source & 1;
    int err = plm_shard_add_track(t->shard, tr);
    if (err == 0) {
        t->tracks[media] = tr;
        return 0;
    }
    plm_track_destroy(tr);
    if (err != PLM_ELIMIT)
        return err;
    plm_transport_drop(t, PLM_DROP_TRACK_LIMIT);
    return 0;
}

static void init_slot(struct plm_transport *t, struct plm_slot *s, uint16_t media)
{
    const struct plm_media_params *m = &t->params->media[media];
    memset(s, 0, sizeof *s);
    s->transport = t;
    s->media = media;
    s->kind = m->kind;
    s->pair = m->pair;
    s->screen = m->screen;
    s->ssrc = m->ssrc;
    s->rtx_ssrc = m->rtx_ssrc;
    plm_layer_select_init(&s->layers);
    s->wish = PLM_LAYER_NONE;
    plm_gauge_add(t->worker, PLM_GAUGE_SLOTS, 1);
}

/* Slots that are there keep their place in life; their addresses change, so tracks' lists are told. */
static int grow_slots(struct plm_transport *t)
{
    unsigned wanted = 0;
    for (unsigned i = 0; i < t->params->n_media; i++)
        wanted += t->params->media[i].direction == PLM_DIR_SEND;
    if (wanted <= t->n_slots)
        return 0;
    plm_egress_flush(t->worker); /* queued items point to slots */
    struct plm_slot *slots = calloc(wanted, sizeof *slots);
    if (!slots)
        return PLM_ENOMEM;
    for (unsigned i = 0; i < t->n_slots; i++) {
        slots[i] = t->slots[i];
        plm_slot_moved(&slots[i]);
    }
    free(t->slots);
    t->slots = slots;
    for (uint16_t i = 0; i < t->params->n_media && t->n_slots < wanted; i++) {
        bool known = t->params->media[i].direction != PLM_DIR_SEND;
        for (unsigned k = 0; k < t->n_slots && !known; k++)
            known = t->slots[k].media == i;
        if (!known)
            init_slot(t, &t->slots[t->n_slots++], i);
    }
    return 0;
}

/* Whether a track of `former` is what `m` describes too: what its encodings are is said when it begins. */
static bool has_same_encodings(const struct plm_media_params *former, const struct plm_media_params *m)
{
    if (m->source != former->source || m->kind != former->kind || m->n_rids != former->n_rids)
        return false;
    for (unsigned i = 0; i < m->n_rids; i++) {
        if (strcmp(m->rids[i], former->rids[i]) != 0)
            return false;
    }
    return true;
}

static bool is_track(const struct plm_transport_params *params, uint16_t media)
{
    const struct plm_media_params *m = &params->media[media];
    return media < params->n_media && m->direction == PLM_DIR_RECV && m->n_codecs > 0;
}

static void end_track(struct plm_transport *t, uint16_t media)
{
    struct plm_track *tr = t->tracks[media];
    plm_shard_remove_track(t->shard, tr);
    for (uint16_t b = t->n_bindings; b-- > 0;) {
        if (t->bindings[b].track == tr)
            t->bindings[b] = t->bindings[--t->n_bindings];
    }
    plm_track_destroy(tr);
    t->tracks[media] = NULL;
}

/*
 * A further description: tracks whose m-line ended go, those that became something else begin anew, new ones come. First what goes: where two
 * m-lines swap their sources, the end of one would be taken for that of the other.
 */
static int update_tracks(struct plm_transport *t, const struct plm_transport_params *former)
{
    uint8_t told[PLM_SOURCE_COUNT];
    memset(told, UINT8_MAX, sizeof told);
    for (uint16_t i = 0; i < PLM_MAX_MEDIA; i++) {
        struct plm_track *tr = t->tracks[i];
        const struct plm_media_params *m = &t->params->media[i];
        bool goes_on = tr && is_track(t->params, i) && has_same_encodings(&former->media[i], m) &&
                       plm_track_take_codecs(tr, m);
        if (!tr || goes_on)
            continue;
        told[tr->source] = tr->told;
        end_track(t, i);
    }
    for (uint16_t i = 0; i < t->params->n_media; i++) {
        if (t->tracks[i] || !is_track(t->params, i))
            continue;
        int err = add_track(t, i);
        if (err != 0)
            return err;
        if (t->tracks[i]) /* the application knows of a source, not of the track that was before */
            t->tracks[i]->told &= told[t->tracks[i]->source];
    }
    return 0;
}

static int prepare_receiving(struct plm_transport *t)
{
    if (!t->tracks)
        t->tracks = calloc(PLM_MAX_MEDIA, sizeof(struct plm_track *));
    if (!t->bindings)
        t->bindings = calloc(t->worker->config.limits.ssrcs_per_transport, sizeof *t->bindings);
    if (!t->twcc_rx && t->params->exts.id[PLM_EXT_TWCC]) {
        t->twcc_rx = malloc(sizeof *t->twcc_rx);
        if (t->twcc_rx)
            plm_twcc_rx_init(t->twcc_rx);
    }
    return t->tracks && t->bindings ? 0 : PLM_ENOMEM;
}

/* M-lines never go (RFC 8829 section 5.2.2), and slots name theirs by its index: what a description lacks is inactive. */
static struct plm_transport_params *with_former_media(
    const struct plm_transport *t, struct plm_transport_params *params)
{
    if (!t->params || params->n_media >= t->params->n_media)
        return params;
    struct plm_transport_params *whole = malloc(sizeof *whole);
    if (!whole)
        return NULL;
    plm_transport_params_copy(whole, params);
    free(params);
    whole->n_media = t->params->n_media;
    return plm_transport_params_trim(whole);
}

static int make_estimator(struct plm_transport *t)
{
    t->bwe = plm_bwe_create();
    if (!t->bwe)
        return PLM_ENOMEM;
    plm_capture_estimator(t);
    return 0;
}

int plm_transport_describe(struct plm_transport *t, struct plm_transport_params *described)
{
    bool tracks = false, slots = false;
    struct plm_transport_params *params = with_former_media(t, described);
    if (!params) {
        free(described);
        return PLM_ENOMEM;
    }
    for (unsigned i = 0; i < params->n_media; i++) {
        tracks |= params->media[i].direction == PLM_DIR_RECV;
        slots |= params->media[i].direction == PLM_DIR_SEND;
    }
    struct plm_transport_params *former = t->params;
    t->params = params;
    t->ext_ids = params->exts;
    plm_ext_map_init(&t->exts, &params->exts);
    int err = tracks || t->tracks ? prepare_receiving(t) : 0;
    if (err == 0 && t->tracks)
        err = update_tracks(t, former);
    free(former);
    if (err == 0 && slots && !t->bwe)
        err = make_estimator(t);
    if (err == 0)
        err = grow_slots(t);
    for (unsigned i = 0; i < t->n_slots; i++)
        plm_slot_bind_codecs(&t->slots[i]);
    if (t->shard)
        plm_shard_set_dirty(t->shard);
    plm_transport_begin_security(t);
    return err;
}
