#include "rtp.h"

#include "base/bytes.h"
#include "base/planted.h"

#include <string.h>

int plm_rtp_parse(struct plm_rtp_view *v, const uint8_t *pkt, size_t len)
{
    if (len < PLM_RTP_HEADER || len > UINT16_MAX || pkt[0] >> 6 != 2)
        return PLM_EINVAL;
    struct plm_rtp_view r = {
        .data = pkt,
        .len = len,
        .ts = plm_get32(pkt + 4),
        .ssrc = plm_get32(pkt + 8),
        .seq = plm_get16(pkt + 2),
        .pt = pkt[1] & 0x7f,
        .n_csrc = pkt[0] & 0x0f,
        .marker = pkt[1] >> 7,
    };
    size_t at = PLM_RTP_HEADER + (size_t)r.n_csrc * 4;
    if (at > len)
        return PLM_EINVAL;
    if (pkt[0] & 0x10) { /* RFC 3550 section 5.3.1 */
        if (len - at < 4)
            return PLM_EINVAL;
        size_t ext_len = (size_t)plm_get16(pkt + at + 2) * 4;
        r.ext_profile = plm_get16(pkt + at);
        at += 4;
        if (!PLM_FITS(rtp, ext_len <= len - at))
            return PLM_EINVAL;
        r.ext = pkt + at;
        r.ext_len = (uint16_t)ext_len;
        at += ext_len;
    }
    if (pkt[0] & 0x20) { /* the last octet counts the padding, itself included: 0 cannot be */
        r.padding = at < len ? pkt[len - 1] : 0;
        if (r.padding == 0 || r.padding > len - at)
            return PLM_EINVAL;
    }
    r.payload = pkt + at;
    r.payload_len = len - at - r.padding;
    *v = r;
    return 0;
}

uint64_t plm_seq_extend(uint64_t last, uint16_t seq)
{
    int16_t diff = (int16_t)(seq - (uint16_t)last);
    uint64_t ext = last + (uint64_t)(int64_t)diff;
    return diff < 0 && ext > last ? ext + (1 << 16) : ext;
}

uint64_t plm_ts_extend(uint64_t last, uint32_t ts)
{
    int32_t diff = (int32_t)(ts - (uint32_t)last);
    uint64_t ext = last + (uint64_t)(int64_t)diff;
    return diff < 0 && ext > last ? ext + (UINT64_C(1) << 32) : ext;
}
