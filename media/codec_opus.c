#include "codec_desc.h"

/* RFC 7587 section 4.2: one packet per payload, and each can be decoded by itself. */
int plm_opus_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out)
{
    (void)payload;
    if (len == 0)
        return PLM_EINVAL;
    out->frame_start = out->frame_end = true;
    out->keyframe = out->keyframe_start = true;
    return 0;
}
