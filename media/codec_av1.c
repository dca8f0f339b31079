#include "codec_desc.h"

#define AGG_Z 0x80 /* begins with the rest of an OBU */
#define AGG_N 0x08 /* first packet of a coded video sequence */

/*
 * AV1 RTP specification, section 4.4. The aggregation header tells where a coded video sequence starts and nothing of layers or frame
 * ends: those come from the dependency descriptor. Later packets of the key frame cannot be told from others here.
 */
int plm_av1_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out)
{
    if (len < 2)
        return PLM_EINVAL;
    bool first = payload[0] & AGG_N, continues = payload[0] & AGG_Z;
    if (first && continues)
        return PLM_EINVAL;
    out->frame_start = !continues;
    out->keyframe = out->keyframe_start = first;
    return 0;
}
