/*
 * Which codecs of an m-line are taken, in which order, and what of them is written.
 */
#ifndef PLM_SDP_CODECS_H
#define PLM_SDP_CODECS_H

#include "sdp/description.h"

/** plm_codec_params.variant of an offered payload. */
uint32_t plm_sdp_variant(enum plm_codec codec, const struct plm_sdp_fmtp *f);

/**
 * Choose codecs of an offered m-line: the best variant of each in the order of the policy, then the other variants, each once.
 * @param one_variant no others: what a publisher sends should be what most can decode
 * Feedback is the peer's; the caller masks it.
 */
void plm_sdp_choose_codecs(struct plm_media_params *out, const struct plm_sdp_media *offered,
    const struct plm_sdp_policy *policy, bool one_variant);

/** Our own codecs for an offer, with our payload types, in the order of the policy. */
void plm_sdp_own_codecs(
    struct plm_media_params *out, enum plm_kind kind, const struct plm_sdp_policy *policy);

/** What an a=fmtp of ours says for a codec whose peer's line is not at hand. */
struct plm_sdp_fmtp plm_sdp_own_fmtp(const struct plm_codec_params *c);

#endif
