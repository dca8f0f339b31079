#include "sdp/codecs.h"
#include "sdp/exchange.h"
#include "sdp/rid_order.h"
#include "sdp/write.h"

#include <stdlib.h>
#include <string.h>

/** An answer while it is made. */
struct answer {
    const struct plm_sdp *offer;
    const struct plm_sdp_policy *policy;
    struct plm_sdp_error *err;
    struct plm_transport_params params;
    struct plm_sdp_section sections[PLM_MAX_MEDIA];
    unsigned seen[2];        /**< m-lines so far that could be tracks, by kind */
    const char *refused_for; /**< why the first refused m-line was refused */
};

/* ---- one m-line ---- */

/** @return NULL, or why the m-line is refused */
static const char *choose_direction(
    const struct plm_sdp_media *o, const struct plm_sdp_policy *policy, struct plm_media_params *m)
{
    unsigned way = o->common.way;
    if (o->type == PLM_SDP_OTHER)
        return "neither audio nor video over SRTP";
    if (!plm_sdp_media_in_use(o))
        return "port 0";
    if (!o->bundled)
        return "outside BUNDLE";
    if (policy->publish && (way & PLM_SDP_WAY_SEND))
        m->direction = PLM_DIR_RECV;
    else if (policy->subscribe && (way & PLM_SDP_WAY_RECV))
        m->direction = PLM_DIR_SEND;
    else if (!(way & PLM_SDP_WAY_INACTIVE))
        return "its direction does not serve here";
    return NULL;
}

/** First microphone and camera, then screen and its sound; by place among all m-lines, so that a stopped one shifts none. */
static const char *guess_source(struct answer *a, struct plm_media_params *m)
{
    static const enum plm_source sources[2][2] = {
        [PLM_KIND_AUDIO] = {PLM_SOURCE_MICROPHONE, PLM_SOURCE_SCREEN_AUDIO},
        [PLM_KIND_VIDEO] = {PLM_SOURCE_CAMERA, PLM_SOURCE_SCREEN},
    };
    unsigned place = a->seen[m->kind]++;
    if (place >= 2)
        return "more than two of its kind are published";
    m->source = sources[m->kind][place];
    return NULL;
}

/** One set of ids for the transport: what the first m-line calls by a number, a later one may not call otherwise. */
static void choose_exts(struct answer *a, const struct plm_sdp_media *o, struct plm_sdp_section *s)
{
    const struct plm_media_params *m = s->params;
    unsigned allowed = plm_sdp_allowed_exts(m->kind, m->direction);
    unsigned need = m->direction == PLM_DIR_SEND ? PLM_SDP_WAY_RECV : PLM_SDP_WAY_SEND;
    uint8_t *ids = a->params.exts.id;
    for (int e = PLM_EXT_NONE + 1; e < PLM_EXT_COUNT; e++) {
        uint8_t id = o->common.ext_id[e];
        bool taken = false;
        if (!(allowed & 1u << e) || id == 0 || !(o->common.ext_way[e] & need) ||
            (id > 14 && !o->common.allow_mixed))
            continue;
        for (int other = PLM_EXT_NONE + 1; other < PLM_EXT_COUNT; other++)
            taken |= other != e && ids[other] == id;
        if (taken || (ids[e] && ids[e] != id))
            continue;
        ids[e] = id;
        s->exts |= (uint16_t)(1u << e);
    }
}

/** Where the policy wants REMB of receivers, transport-cc is not agreed with those that can give it. */
static void prefer_remb(struct answer *a, struct plm_sdp_section *s, struct plm_media_params *m)
{
    bool remb = m->kind == PLM_KIND_AUDIO;
    for (unsigned i = 0; i < m->n_codecs; i++)
        remb |= (m->codecs[i].feedback & PLM_FB_REMB) != 0;
    if (a->policy->slot_remb && m->direction == PLM_DIR_SEND && remb)
        s->exts &= (uint16_t) ~(1u << PLM_EXT_TWCC);
}

/* ---- encodings ---- */

static bool rid_may_use(const struct plm_sdp_rid *rid, uint8_t pt)
{
    return !rid->restricted || (pt < 128 && (rid->pts[pt / 64] >> pt % 64 & 1));
}

static const struct plm_sdp_rid *find_rid(const struct plm_sdp_media *o, const char *id)
{
    unsigned i = 0;
    while (i + 1u < o->n_rids && strcmp(o->rids[i].id, id) != 0)
        i++;
    return &o->rids[i];
}

/** Codecs that no encoding may use cannot be sent. */
static void drop_unused_codecs(const struct plm_sdp_media *o, struct plm_media_params *m)
{
    uint8_t n = 0;
    for (unsigned i = 0; i < m->n_codecs; i++) {
        bool used = o->n_simulcast == 0;
        for (unsigned r = 0; r < o->n_simulcast && !used; r++)
            used = rid_may_use(find_rid(o, o->simulcast[r]), m->codecs[i].pt);
        if (used)
            m->codecs[n++] = m->codecs[i];
    }
    m->n_codecs = n;
}

/** RFC 8851 section 6.3: a rid that may use none of the codecs is left out of the answer. */
static void take_rids(const struct plm_sdp_media *o, struct plm_sdp_section *s, struct plm_media_params *m)
{
    for (unsigned r = 0; r < o->n_simulcast && m->n_rids < PLM_MAX_ENCODINGS; r++) {
        bool usable = false;
        for (unsigned i = 0; i < m->n_codecs; i++)
            usable |= rid_may_use(find_rid(o, o->simulcast[r]), m->codecs[i].pt);
        if (usable)
            memcpy(m->rids[m->n_rids++], o->simulcast[r], PLM_TOKEN_SIZE);
    }
    s->n_rids = m->n_rids;
    memcpy(s->rids, m->rids, m->n_rids * sizeof s->rids[0]);
    plm_sdp_order_rids(m->rids, m->n_rids);
}

/** RFC 8853 needs the RID extension: without it the encodings cannot be told apart, and only one is taken. */
static void choose_encodings(
    const struct plm_sdp_media *o, struct plm_sdp_section *s, struct plm_media_params *m)
{
    if (m->direction != PLM_DIR_RECV)
        return;
    if (m->kind == PLM_KIND_VIDEO && (s->exts & 1u << PLM_EXT_RID)) {
        take_rids(o, s, m);
    }
    if (m->n_rids > 1)
        return;
    m->recv_ssrc = o->fid_ssrc ? o->fid_ssrc : o->ssrc;
    if (o->fid_ssrc && plm_sdp_has_rtx(m))
        m->recv_rtx_ssrc = o->fid_rtx;
}

static const char *answer_media(struct answer *a, unsigned i)
{
    const struct plm_sdp_media *o = &a->offer->media[i];
    struct plm_media_params *m = &a->params.media[i];
    struct plm_sdp_section *s = &a->sections[i];
    m->kind = o->type == PLM_SDP_VIDEO ? PLM_KIND_VIDEO : PLM_KIND_AUDIO;
    m->pair = PLM_NO_PAIR;
    memcpy(m->mid, o->mid, sizeof m->mid);
    *s = (struct plm_sdp_section){.params = m, .offered = o, .index = i};
    const char *why = choose_direction(o, a->policy, m);
    if (o->type != PLM_SDP_OTHER && m->direction != PLM_DIR_SEND) {
        const char *no_source = guess_source(a, m);
        why = why ? why : no_source;
    }
    if (why)
        return why;
    plm_sdp_choose_codecs(m, o, a->policy, m->direction != PLM_DIR_SEND);
    if (m->n_codecs == 0)
        return "no codec in common";
    if (m->kind == PLM_KIND_VIDEO && m->direction != PLM_DIR_SEND) {
        drop_unused_codecs(o, m);
        if (m->n_codecs == 0)
            return "no rid may use a codec in common";
    }
    if (a->policy->single_video_codec && m->kind == PLM_KIND_VIDEO && m->direction != PLM_DIR_SEND)
        m->n_codecs = 1;
    choose_exts(a, o, s);
    prefer_remb(a, s, m);
    plm_sdp_mask_feedback(m, s->exts & 1u << PLM_EXT_TWCC);
    choose_encodings(o, s, m);
    s->rtcp_rsize = o->rtcp_rsize;
    s->accepted = true;
    return NULL;
}

static int answer_all_media(struct answer *a)
{
    bool any = false, mixed = true;
    a->params.n_media = a->offer->n_media;
    for (unsigned i = 0; i < a->offer->n_media; i++) {
        const char *why = answer_media(a, i);
        if (why) {
            struct plm_media_params *m = &a->params.media[i];
            m->direction = PLM_DIR_INACTIVE;
            m->n_codecs = 0;
            a->refused_for = a->refused_for ? a->refused_for : why;
            continue;
        }
        any = true;
        mixed &= a->offer->media[i].common.allow_mixed;
        a->params.rtcp_reduced_size |= a->offer->media[i].rtcp_rsize;
    }
    if (!any)
        return plm_sdp_fail(a->err, 0, PLM_ENOTSUP, "no m-line is acceptable; the first: %s", a->refused_for);
    a->params.extmap_allow_mixed = mixed;
    return 0;
}

/* ---- all together ---- */

/** A slot goes with the one before it when that is of the other kind and still alone. */
static void form_pairs(struct plm_transport_params *params)
{
    struct plm_media_params *alone = NULL;
    uint8_t next = 0;
    for (unsigned i = 0; i < params->n_media; i++) {
        struct plm_media_params *m = &params->media[i];
        if (m->direction != PLM_DIR_SEND)
            continue;
        if (alone && alone->kind != m->kind) {
            if (alone->pair == PLM_NO_PAIR)
                alone->pair = next++;
            m->pair = alone->pair;
            alone = NULL;
            continue;
        }
        if (m->kind == PLM_KIND_VIDEO)
            m->pair = next++;
        alone = m;
    }
}

static int number_slots(struct answer *a)
{
    for (unsigned i = 0; i < a->params.n_media; i++) {
        struct plm_media_params *m = &a->params.media[i];
        if (m->direction == PLM_DIR_SEND && plm_sdp_new_slot_ssrcs(a->policy, &a->params, m) != 0)
            return plm_sdp_fail(a->err, 0, PLM_EINVAL, "the source of random SSRCs repeats itself");
    }
    return 0;
}

static bool tracks_clash(const struct plm_media_params *x, const struct plm_media_params *y)
{
    return (x->recv_ssrc && (x->recv_ssrc == y->recv_ssrc || x->recv_ssrc == y->recv_rtx_ssrc)) ||
           (x->recv_rtx_ssrc && (x->recv_rtx_ssrc == y->recv_ssrc || x->recv_rtx_ssrc == y->recv_rtx_ssrc));
}

static int check_sources(const struct answer *a)
{
    for (unsigned i = 0; i < a->params.n_media; i++)
        for (unsigned k = 0; k < i; k++)
            if (tracks_clash(&a->params.media[i], &a->params.media[k]))
                return plm_sdp_fail(
                    a->err, a->offer->media[i].line, PLM_EINVAL, "an SSRC is announced in two m-lines");
    return 0;
}

static int choose_setup(struct answer *a)
{
    const struct plm_sdp_media *tagged = &a->offer->media[a->offer->tagged];
    if (a->offer->ice_lite)
        return plm_sdp_fail(a->err, 0, PLM_ENOTSUP, "both sides are ICE-lite: nobody would check");
    if (tagged->common.setup == PLM_SDP_SETUP_HOLDCONN)
        return plm_sdp_fail(a->err, tagged->line, PLM_ENOTSUP, "a=setup:holdconn");
    a->params.setup = tagged->common.setup == PLM_SDP_SETUP_PASSIVE ? PLM_SETUP_ACTIVE : PLM_SETUP_PASSIVE;
    a->params.fingerprint = tagged->common.fingerprint;
    return 0;
}

static int make(struct answer *a)
{
    int err = choose_setup(a);
    if (err == 0)
        err = answer_all_media(a);
    if (err == 0)
        err = check_sources(a);
    if (err)
        return err;
    form_pairs(&a->params);
    return number_slots(a);
}

int plm_sdp_answer(const struct plm_sdp *offer, const struct plm_sdp_local *local,
    const struct plm_sdp_policy *policy, struct plm_transport_params *params, char **text,
    struct plm_sdp_error *err)
{
    int rc = plm_sdp_check_local(local, err);
    if (rc)
        return rc;
    if (policy->subscribe && !policy->random_ssrc)
        return plm_sdp_fail(err, 0, PLM_EINVAL, "no source of random SSRCs");
    struct answer *a = calloc(1, sizeof *a);
    if (!a)
        return plm_sdp_fail(err, 0, PLM_ENOMEM, "out of memory");
    a->offer = offer;
    a->policy = policy;
    a->err = err;
    rc = make(a);
    if (rc == 0) {
        const struct plm_sdp_document doc = {
            .local = local,
            .ext_ids = &a->params.exts,
            .setup = a->params.setup == PLM_SETUP_ACTIVE ? "active" : "passive",
            .allow_mixed = a->params.extmap_allow_mixed,
            .n_sections = a->params.n_media,
            .sections = a->sections,
        };
        rc = plm_sdp_write(&doc, text);
        if (rc)
            plm_sdp_fail(err, 0, rc, "out of memory");
    }
    if (rc == 0)
        *params = a->params;
    free(a);
    return rc;
}
