/*
 * The codecs behind plm_codec_parse and plm_codec_rewrite, one file each. Parsers fill a zeroed *out and return 0 or PLM_EINVAL;
 * rewriters keep to the contract of plm_codec_rewrite.
 */
#ifndef PLM_CODEC_DESC_H
#define PLM_CODEC_DESC_H

#include "codec.h"

int plm_opus_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out);
int plm_vp8_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out);
int plm_vp9_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out);
int plm_h264_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out);
int plm_av1_parse(const uint8_t *payload, size_t len, struct plm_frame_info *out);

int plm_vp8_rewrite(const uint8_t *payload, size_t len, const struct plm_codec_numbers *num,
    uint8_t out[PLM_MAX_DESC], size_t *consumed);
int plm_vp9_rewrite(const uint8_t *payload, size_t len, const struct plm_codec_numbers *num,
    uint8_t out[PLM_MAX_DESC], size_t *consumed);

/**
 * Read the picture size from a sequence parameter set (ITU-T H.264 section 7.3.2.1.1).
 * @param sps the NAL unit with its header octet; emulation prevention octets still in it
 * @return false when it is cut short or out of range; width and height untouched
 */
bool plm_h264_sps_size(const uint8_t *sps, size_t len, uint16_t *width, uint16_t *height);

#endif
