#include "codec.h"

#include "codec_desc.h"

#include <string.h>

int plm_codec_parse(enum plm_codec codec, const uint8_t *payload, size_t len, struct plm_frame_info *out)
{
    memset(out, 0, sizeof *out);
    switch (codec) {
    case PLM_CODEC_OPUS:
        return plm_opus_parse(payload, len, out);
    case PLM_CODEC_VP8:
        return plm_vp8_parse(payload, len, out);
    case PLM_CODEC_VP9:
        return plm_vp9_parse(payload, len, out);
    case PLM_CODEC_H264:
        return plm_h264_parse(payload, len, out);
    case PLM_CODEC_AV1:
        return plm_av1_parse(payload, len, out);
    default:
        return PLM_EINVAL;
    }
}

int plm_codec_rewrite(enum plm_codec codec, const uint8_t *payload, size_t len,
    const struct plm_codec_numbers *num, uint8_t out[PLM_MAX_DESC], size_t *consumed)
{
    switch (codec) {
    case PLM_CODEC_VP8:
        return plm_vp8_rewrite(payload, len, num, out, consumed);
    case PLM_CODEC_VP9:
        return plm_vp9_rewrite(payload, len, num, out, consumed);
    default:
        *consumed = 0;
        return 0;
    }
}
