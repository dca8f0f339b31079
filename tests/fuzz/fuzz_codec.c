/* Payload descriptors: the first octet chooses the codec. Rewriting changes numbers and nothing else. */
#include "codec.h"
#include "codec_desc.h"
#include "fuzz.h"

#include <string.h>

static void check_info(enum plm_codec codec, const struct plm_frame_info *i, size_t len)
{
    bool descriptor = codec == PLM_CODEC_VP8 || codec == PLM_CODEC_VP9;
    CHECK(descriptor ? i->desc_len > 0 && i->desc_len < len : i->desc_len == 0);
    CHECK(i->tid < 8 && i->sid < 8 && (i->has_layers || (i->tid == 0 && i->sid == 0)));
    CHECK(!i->keyframe_start || i->keyframe);
    CHECK(i->picture_id < (i->picture_id_15 ? 0x8000 : 0x80));
}

static void check_rewrite(
    enum plm_codec codec, const uint8_t *payload, size_t len, const struct plm_frame_info *before)
{
    struct plm_codec_numbers num = {.picture_id = 0x2345, .tl0picidx = 0x67};
    uint8_t out[PLM_MAX_DESC];
    size_t consumed;
    int n = plm_codec_rewrite(codec, payload, len, &num, out, &consumed);
    CHECK(n >= 0 && n <= PLM_MAX_DESC && consumed <= len && (size_t)n <= consumed + 1);
    CHECK((n > 0) == (before->has_picture_id || before->has_tl0));
    if (n == 0)
        return;
    uint8_t *joined = malloc((size_t)n + len - consumed);
    memcpy(joined, out, (size_t)n);
    memcpy(joined + n, payload + consumed, len - consumed);
    struct plm_frame_info after, want = *before;
    int rc = plm_codec_parse(codec, joined, (size_t)n + len - consumed, &after);
    free(joined);
    if (rc != 0) { /* a descriptor at the limit of its length may not grow */
        CHECK(before->desc_len == UINT8_MAX);
        return;
    }
    if (want.has_picture_id) {
        want.picture_id = num.picture_id;
        want.desc_len = (uint8_t)(want.desc_len + !want.picture_id_15);
        want.picture_id_15 = true;
    }
    if (want.has_tl0)
        want.tl0picidx = num.tl0picidx;
    CHECK(memcmp(&want, &after, sizeof want) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    enum plm_codec codec = (enum plm_codec)(1 + data[0] % (PLM_CODEC_COUNT - 1));
    size_t len = size - 1;
    uint8_t *payload = malloc(len ? len : 1);
    memcpy(payload, data + 1, len);
    struct plm_frame_info info;
    if (plm_codec_parse(codec, payload, len, &info) == 0) {
        check_info(codec, &info, len);
        check_rewrite(codec, payload, len, &info);
    }
    if (codec == PLM_CODEC_H264) {
        uint16_t width = 0, height = 0;
        CHECK(plm_h264_sps_size(payload, len, &width, &height) == (width && height));
    }
    free(payload);
    return 0;
}
