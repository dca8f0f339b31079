/*
 * H.264 payloads (RFC 6184, packetization modes 0 and 1): single NAL unit, STAP-A, FU-A. There is no descriptor with frame bounds:
 * frame_start is set where a picture may begin (parameter sets, delimiter, first slice), the end is the RTP marker.
 */
#include "base/bytes.h"
#include "base/planted.h"
#include "codec_desc.h"

enum nal {
    NAL_SLICE = 1,
    NAL_SINGLE_MAX = 23,
    NAL_IDR = 5,
    NAL_SEI = 6,
    NAL_SPS = 7,
    NAL_DELIMITER = 9,
    NAL_STAP_A = 24,
    NAL_FU_A = 28,
};

#define NAL_TYPE(octet) ((octet)&0x1f)
#define FU_START        0x80

/* One NAL unit or the first octets of one; len >= 1. */
static void read_nal(struct plm_frame_info *out, uint8_t type, const uint8_t *nal, size_t len)
{
    switch (type) {
    case NAL_SPS:
        out->frame_start = out->keyframe = out->keyframe_start = true;
        (void)plm_h264_sps_size(nal, len, &out->width, &out->height);
        break;
    case NAL_IDR:
        out->keyframe = out->keyframe_start = true;
        out->frame_start |= len > 1 && nal[1] & 0x80; /* first_mb_in_slice is 0: one bit */
        break;
    case NAL_SLICE:
        out->frame_start |= len > 1 && nal[1] & 0x80;
        break;
    case NAL_SEI:
    case NAL_DELIMITER:
        out->frame_start = true;
        break;
    default:
        break;
    }
}

/* Section 5.7.1 */
static int read_stap_a(struct plm_frame_info *out, const uint8_t *p, size_t left)
{
    if (left < 3)
        return PLM_EINVAL;
    while (left > 0) {
        if (left < 2)
            return PLM_EINVAL;
        size_t len = plm_get16(p);
        p += 2;
        left -= 2;
        if (len == 0 || !PLM_FITS(h264, len <= left))
            return PLM_EINVAL;
        read_nal(out, NAL_TYPE(p[0]), p, len);
        p += len;
        left -= len;
    }
    return 0;
}

/* Section 5.8: the FU header stands where the NAL unit's header octet was */
static int read_fu_a(struct plm_frame_info *out, const uint8_t *p, size_t left)
{
    if (left < 2)
        return PLM_EINVAL;
    if (p[0] & FU_START)
        read_nal(out, NAL_TYPE(p[0]), p, left);
    else
        out->keyframe = NAL_TYPE(p[0]) == NAL_IDR;
    return 0;
}

int plm_h264_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out)
{
    if (len < 1)
        return PLM_EINVAL;
    uint8_t type = NAL_TYPE(payload[0]);
    if (type == NAL_STAP_A)
        return read_stap_a(out, payload + 1, len - 1);
    if (type == NAL_FU_A)
        return read_fu_a(out, payload + 1, len - 1);
    if (type == 0 || type > NAL_SINGLE_MAX)
        return PLM_EINVAL;
    read_nal(out, type, payload, len);
    return 0;
}
