#include "sdp/exchange.h"

#define BIT(e) (1u << (e))

uint16_t plm_sdp_allowed_exts(enum plm_kind kind, enum plm_direction direction)
{
    unsigned exts = BIT(PLM_EXT_MID) | BIT(PLM_EXT_TWCC) | BIT(PLM_EXT_ABS_SEND_TIME);
    if (kind == PLM_KIND_AUDIO)
        return (uint16_t)(exts | BIT(PLM_EXT_AUDIO_LEVEL));
    exts |= BIT(PLM_EXT_VIDEO_ORIENTATION) | BIT(PLM_EXT_PLAYOUT_DELAY) | BIT(PLM_EXT_DEPENDENCY_DESCRIPTOR);
    if (direction != PLM_DIR_SEND)
        exts |= BIT(PLM_EXT_RID) | BIT(PLM_EXT_REPAIRED_RID);
    return (uint16_t)exts;
}

void plm_sdp_mask_feedback(struct plm_media_params *m, bool twcc)
{
    for (unsigned i = 0; i < m->n_codecs; i++) {
        struct plm_codec_params *c = &m->codecs[i];
        if (m->kind == PLM_KIND_AUDIO)
            c->feedback &= (uint8_t) ~(PLM_FB_PLI | PLM_FB_FIR);
        if (!twcc)
            c->feedback &= (uint8_t)~PLM_FB_TWCC;
        if (c->feedback & PLM_FB_TWCC)
            c->feedback &= (uint8_t)~PLM_FB_REMB;
        /* A slot repairs by RTX only: the same packet sealed twice would repeat a nonce. */
        if (m->direction == PLM_DIR_SEND && c->rtx_pt == PLM_NO_PT)
            c->feedback &= (uint8_t)~PLM_FB_NACK;
    }
}

static bool ssrc_taken(const struct plm_transport_params *params, uint32_t ssrc)
{
    for (unsigned i = 0; i < params->n_media; i++) {
        const struct plm_media_params *m = &params->media[i];
        if (ssrc == m->ssrc || ssrc == m->rtx_ssrc || ssrc == m->recv_ssrc || ssrc == m->recv_rtx_ssrc)
            return true;
    }
    return false;
}

int plm_sdp_new_ssrc(
    const struct plm_sdp_policy *policy, const struct plm_transport_params *params, uint32_t *out)
{
    for (int tries = 0; tries < 16; tries++) {
        uint32_t ssrc = policy->random_ssrc(policy->arg);
        if (ssrc != 0 && !ssrc_taken(params, ssrc)) {
            *out = ssrc;
            return 0;
        }
    }
    return PLM_EINVAL;
}

int plm_sdp_new_slot_ssrcs(const struct plm_sdp_policy *policy, const struct plm_transport_params *params,
    struct plm_media_params *slot)
{
    int err = plm_sdp_new_ssrc(policy, params, &slot->ssrc);
    if (err == 0 && plm_sdp_has_rtx(slot))
        err = plm_sdp_new_ssrc(policy, params, &slot->rtx_ssrc);
    return err;
}

bool plm_sdp_has_rtx(const struct plm_media_params *m)
{
    for (unsigned i = 0; i < m->n_codecs; i++)
        if (m->codecs[i].rtx_pt != PLM_NO_PT)
            return true;
    return false;
}

int plm_sdp_check_local(const struct plm_sdp_local *local, struct plm_sdp_error *err)
{
    if (!local->ufrag || !local->ufrag[0] || !local->pwd || !local->pwd[0] || local->fingerprint.len == 0 ||
        local->fingerprint.len > PLM_FINGERPRINT_SIZE)
        return plm_sdp_fail(err, 0, PLM_EINVAL, "our own credentials or fingerprint are missing");
    return 0;
}
