#include "sdp/codecs.h"
#include "sdp/exchange.h"
#include "sdp/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** An offer while it is made. */
struct offer {
    const struct plm_sdp_policy *policy;
    struct plm_sdp_error *err;
    struct plm_transport_params params;
    struct plm_sdp_section sections[PLM_MAX_MEDIA];
};

/* ---- slots ---- */

static int add_slot(struct offer *o, enum plm_kind kind, uint8_t pair, bool screen)
{
    struct plm_transport_params *params = &o->params;
    if (params->n_media == PLM_MAX_MEDIA)
        return plm_sdp_fail(o->err, 0, PLM_ELIMIT, "more than %d m-lines", PLM_MAX_MEDIA);
    struct plm_media_params *m = &params->media[params->n_media];
    *m = (struct plm_media_params){.kind = kind, .direction = PLM_DIR_SEND, .pair = pair, .screen = screen};
    snprintf(m->mid, sizeof m->mid, "%u", params->n_media);
    plm_sdp_own_codecs(m, kind, o->policy);
    if (m->n_codecs == 0)
        return plm_sdp_fail(o->err, 0, PLM_ENOTSUP, "the policy has no %s codec", plm_kind_name(kind));
    for (unsigned i = 0; i < m->n_codecs; i++)
        m->codecs[i].feedback |= o->policy->slot_remb ? 0 : PLM_FB_TWCC;
    for (unsigned i = 0; kind == PLM_KIND_VIDEO && i < m->n_codecs; i++)
        m->codecs[i].feedback |= PLM_FB_REMB;
    if (plm_sdp_new_slot_ssrcs(o->policy, params, m) != 0)
        return plm_sdp_fail(o->err, 0, PLM_EINVAL, "the source of random SSRCs repeats itself");
    params->n_media++;
    return 0;
}

static int add_pair(struct offer *o, bool screen)
{
    unsigned pair = 0;
    for (unsigned i = 0; i < o->params.n_media; i++)
        if (o->params.media[i].pair != PLM_NO_PAIR && o->params.media[i].pair >= pair)
            pair = o->params.media[i].pair + 1u;
    int err = add_slot(o, PLM_KIND_AUDIO, (uint8_t)pair, screen);
    return err ? err : add_slot(o, PLM_KIND_VIDEO, (uint8_t)pair, screen);
}

static struct plm_sdp_layout layout_of(const struct plm_transport_params *params)
{
    struct plm_sdp_layout have = {0};
    for (unsigned i = 0; i < params->n_media; i++) {
        const struct plm_media_params *m = &params->media[i];
        if (m->pair == PLM_NO_PAIR)
            have.audio_only++;
        else if (m->kind == PLM_KIND_VIDEO)
            *(m->screen ? &have.screen_pairs : &have.pairs) += 1;
    }
    return have;
}

static int add_missing(struct offer *o, const struct plm_sdp_layout *want)
{
    struct plm_sdp_layout have = layout_of(&o->params);
    int err = 0;
    for (unsigned n = have.pairs; n < want->pairs && err == 0; n++)
        err = add_pair(o, false);
    for (unsigned n = have.audio_only; n < want->audio_only && err == 0; n++)
        err = add_slot(o, PLM_KIND_AUDIO, PLM_NO_PAIR, false);
    for (unsigned n = have.screen_pairs; n < want->screen_pairs && err == 0; n++)
        err = add_pair(o, true);
    if (err == 0 && o->params.n_media == 0)
        err = plm_sdp_fail(o->err, 0, PLM_EINVAL, "the layout is empty");
    return err;
}

/* ---- header extensions ---- */

static void own_exts(struct plm_transport_params *params, const struct plm_sdp_policy *policy)
{
    static const struct plm_ext_ids own = {.id = {
                                               [PLM_EXT_MID] = 1,
                                               [PLM_EXT_AUDIO_LEVEL] = 2,
                                               [PLM_EXT_TWCC] = 3,
                                               [PLM_EXT_ABS_SEND_TIME] = 4,
                                               [PLM_EXT_VIDEO_ORIENTATION] = 5,
                                               [PLM_EXT_PLAYOUT_DELAY] = 6,
                                               [PLM_EXT_DEPENDENCY_DESCRIPTOR] = 7,
                                           }};
    params->exts = own;
    if (policy->slot_remb)
        params->exts.id[PLM_EXT_TWCC] = 0;
    params->extmap_allow_mixed = true;
    params->rtcp_reduced_size = true;
}

static uint16_t named_exts(const struct plm_transport_params *params, const struct plm_media_params *m)
{
    unsigned exts = plm_sdp_allowed_exts(m->kind, m->direction);
    for (int e = PLM_EXT_NONE; e < PLM_EXT_COUNT; e++)
        if (params->exts.id[e] == 0)
            exts &= ~(1u << e);
    return (uint16_t)exts;
}

/* ---- the offer ---- */

static int write_offer(struct offer *o, const struct plm_sdp_local *local, char **text)
{
    for (unsigned i = 0; i < o->params.n_media; i++) {
        const struct plm_media_params *m = &o->params.media[i];
        o->sections[i] = (struct plm_sdp_section){
            .params = m,
            .index = i,
            .accepted = m->direction == PLM_DIR_SEND,
            .exts = named_exts(&o->params, m),
            .rtcp_rsize = o->params.rtcp_reduced_size,
        };
    }
    const struct plm_sdp_document doc = {
        .local = local,
        .ext_ids = &o->params.exts,
        .setup = "actpass",
        .allow_mixed = o->params.extmap_allow_mixed,
        .n_sections = o->params.n_media,
        .sections = o->sections,
    };
    int err = plm_sdp_write(&doc, text);
    return err ? plm_sdp_fail(o->err, 0, err, "out of memory") : 0;
}

int plm_sdp_offer(const struct plm_sdp_local *local, const struct plm_sdp_layout *layout,
    const struct plm_sdp_policy *policy, struct plm_transport_params *params, char **text,
    struct plm_sdp_error *err)
{
    int rc = plm_sdp_check_local(local, err);
    if (rc)
        return rc;
    if (!policy->random_ssrc)
        return plm_sdp_fail(err, 0, PLM_EINVAL, "no source of random SSRCs");
    struct offer *o = calloc(1, sizeof *o);
    if (!o)
        return plm_sdp_fail(err, 0, PLM_ENOMEM, "out of memory");
    o->policy = policy;
    o->err = err;
    if (params->n_media)
        o->params = *params;
    else
        own_exts(&o->params, policy);
    rc = add_missing(o, layout);
    if (rc == 0)
        rc = write_offer(o, local, text);
    if (rc == 0)
        *params = o->params;
    free(o);
    return rc;
}

/* ---- the peer's answer ---- */

/** Keep those codecs, with RTX and feedback, that the peer's m-line has under the same numbers. */
static void keep_answered_codecs(struct plm_media_params *m, const struct plm_sdp_media *answer)
{
    unsigned kept = 0;
    uint8_t red_pt = 0;
    for (unsigned i = 0; i < m->n_codecs; i++) {
        struct plm_codec_params c = m->codecs[i];
        const struct plm_sdp_payload *p = plm_sdp_media_payload(answer, c.pt);
        if (!p || p->codec != c.codec || plm_sdp_variant(p->codec, &p->fmtp) != c.variant)
            continue;
        if (p->rtx_pt != c.rtx_pt)
            c.rtx_pt = PLM_NO_PT;
        if (c.codec == PLM_CODEC_OPUS && p->red_pt == m->red_pt)
            red_pt = m->red_pt;
        c.feedback &= p->feedback;
        m->codecs[kept++] = c;
    }
    m->n_codecs = (uint8_t)kept;
    m->red_pt = red_pt;
    if (!plm_sdp_has_rtx(m))
        m->rtx_ssrc = 0;
}

static void keep_answered_exts(
    struct plm_ext_ids *kept, const struct plm_ext_ids *offered, const struct plm_sdp_media *answer)
{
    for (int e = PLM_EXT_NONE + 1; e < PLM_EXT_COUNT; e++)
        if (offered->id[e] && answer->common.ext_id[e] == offered->id[e] &&
            (answer->common.ext_way[e] & PLM_SDP_WAY_RECV))
            kept->id[e] = offered->id[e];
}

static void apply_media(
    struct plm_media_params *m, const struct plm_sdp_media *answer, const struct plm_ext_ids *offered)
{
    bool takes = plm_sdp_media_in_use(answer) && answer->bundled && (answer->common.way & PLM_SDP_WAY_RECV);
    if (m->direction != PLM_DIR_SEND || !takes) {
        m->direction = PLM_DIR_INACTIVE;
        return;
    }
    keep_answered_codecs(m, answer);
    if (m->n_codecs == 0)
        m->direction = PLM_DIR_INACTIVE;
    plm_sdp_mask_feedback(
        m, offered->id[PLM_EXT_TWCC] && answer->common.ext_id[PLM_EXT_TWCC] == offered->id[PLM_EXT_TWCC]);
}

static int check_shape(
    const struct plm_transport_params *params, const struct plm_sdp *answer, struct plm_sdp_error *err)
{
    if (answer->n_media != params->n_media)
        return plm_sdp_fail(
            err, 0, PLM_EINVAL, "the answer has %u m-lines, the offer %u", answer->n_media, params->n_media);
    for (unsigned i = 0; i < params->n_media; i++) {
        const struct plm_media_params *m = &params->media[i];
        const struct plm_sdp_media *a = &answer->media[i];
        if (strcmp(a->name, plm_kind_name(m->kind)) != 0)
            return plm_sdp_fail(err, a->line, PLM_EINVAL, "m-line %u is not of the offered kind", i);
        if (plm_sdp_media_in_use(a) && strcmp(a->mid, m->mid) != 0)
            return plm_sdp_fail(err, a->line, PLM_EINVAL, "m-line %u has not the offered mid %s", i, m->mid);
    }
    return 0;
}

static int apply_transport(
    struct plm_transport_params *params, const struct plm_sdp *answer, struct plm_sdp_error *err)
{
    const struct plm_sdp_media *tagged = &answer->media[answer->tagged];
    const struct plm_fingerprint *f = &tagged->common.fingerprint;
    if (answer->ice_lite)
        return plm_sdp_fail(err, 0, PLM_ENOTSUP, "both sides are ICE-lite: nobody would check");
    if (tagged->common.setup == PLM_SDP_SETUP_ACTPASS || tagged->common.setup == PLM_SDP_SETUP_HOLDCONN)
        return plm_sdp_fail(err, tagged->line, PLM_EINVAL, "an answer's a=setup is active or passive");
    if (params->fingerprint.len) {
        if (f->len != params->fingerprint.len || memcmp(f->value, params->fingerprint.value, f->len) != 0)
            return plm_sdp_fail(
                err, tagged->line, PLM_ENOTSUP, "the fingerprint changed: a new DTLS association");
        return 0;
    }
    params->fingerprint = *f;
    params->setup = tagged->common.setup == PLM_SDP_SETUP_PASSIVE ? PLM_SETUP_ACTIVE : PLM_SETUP_PASSIVE;
    return 0;
}

int plm_sdp_apply_answer(
    struct plm_transport_params *params, const struct plm_sdp *answer, struct plm_sdp_error *err)
{
    struct plm_transport_params next = *params;
    int rc = check_shape(params, answer, err);
    if (rc == 0)
        rc = apply_transport(&next, answer, err);
    if (rc)
        return rc;
    memset(&next.exts, 0, sizeof next.exts);
    next.rtcp_reduced_size = false;
    bool mixed = true;
    for (unsigned i = 0; i < next.n_media; i++) {
        const struct plm_sdp_media *a = &answer->media[i];
        apply_media(&next.media[i], a, &params->exts);
        if (next.media[i].direction != PLM_DIR_SEND)
            continue;
        keep_answered_exts(&next.exts, &params->exts, a);
        next.rtcp_reduced_size |= params->rtcp_reduced_size && a->rtcp_rsize;
        mixed &= a->common.allow_mixed;
    }
    next.extmap_allow_mixed = params->extmap_allow_mixed && mixed;
    *params = next;
    return 0;
}
