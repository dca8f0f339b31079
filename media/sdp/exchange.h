/*
 * What answers and offers have in common: extensions and feedback of an m-line, new SSRCs, checks of the caller's values.
 */
#ifndef PLM_SDP_EXCHANGE_H
#define PLM_SDP_EXCHANGE_H

#include "sdp/description.h"

/** Extensions that an m-line of this kind may name, bit per enum plm_ext. RID extensions make sense only towards us. */
uint16_t plm_sdp_allowed_exts(enum plm_kind kind, enum plm_direction direction);

/** Reduce offered feedback to what serves a slot or a track. @param twcc the m-line also has the header extension */
void plm_sdp_mask_feedback(struct plm_media_params *m, bool twcc);

/** A new SSRC, different from all in params. @return 0, PLM_EINVAL (the random source repeats itself) */
int plm_sdp_new_ssrc(
    const struct plm_sdp_policy *policy, const struct plm_transport_params *params, uint32_t *out);

/** Give a slot its SSRCs. */
int plm_sdp_new_slot_ssrcs(const struct plm_sdp_policy *policy, const struct plm_transport_params *params,
    struct plm_media_params *slot);

/** Any codec of the m-line has a payload type for retransmission. */
bool plm_sdp_has_rtx(const struct plm_media_params *m);

/** Our side is complete enough to be written. @return 0, PLM_EINVAL with err filled */
int plm_sdp_check_local(const struct plm_sdp_local *local, struct plm_sdp_error *err);

#endif
