/*
 * Depacketizers: the first octet chooses the codec, then come payloads behind their lengths; length 0 ends a picture. What is taken is sound: sizes
 * of a key frame, a header for the file, lengths and OBUs that fill the sample, nothing of a higher spatial layer. Headers of AV1 sequences are
 * read for the file's, too, whether their pictures are of use or not.
 */
#include "base/bytes.h"
#include "codec.h"
#include "depack.h"
#include "fuzz.h"
#include "mp4_entry.h"

#include <string.h>

#define MAX_PICTURE 20000

static void check_h264(const struct plm_sample *s)
{
    size_t at = 0;
    bool idr = false;
    while (at < s->len) {
        CHECK(s->len - at > 4);
        size_t len = plm_get32(s->data + at);
        CHECK(len > 0 && len <= s->len - at - 4);
        uint8_t type = s->data[at + 4] & 0x1f;
        CHECK(type > 0 && type < 24 && type != 9);
        idr |= type == 5;
        at += 4 + len;
    }
    CHECK(s->keyframe == idr);
}

static void check_av1(const struct plm_sample *s)
{
    size_t at = 0;
    while (at < s->len) {
        uint8_t head = s->data[at++];
        CHECK(!(head & 0x80) && head & 2);
        at += head >> 2 & 1;
        size_t len = 0;
        unsigned shift = 0;
        bool more = true;
        for (; more; shift += 7) {
            CHECK(at < s->len && shift < 28);
            len |= (size_t)(s->data[at] & 0x7f) << shift;
            more = s->data[at++] & 0x80;
        }
        CHECK(len <= s->len - at);
        unsigned type = head >> 3 & 15;
        CHECK(type != 2 && type != 8 && type != 15);
        at += len;
    }
}

static void read_sequence(const uint8_t *obu, size_t len)
{
    struct plm_av1_sequence s;
    if (plm_av1_sequence_parse(&s, obu, len) != 0)
        return;
    CHECK(s.profile <= 2 && s.level < 32 && s.tier <= 1 && s.chroma_position < 4);
    CHECK(!s.twelve_bit || s.high_bitdepth);
    CHECK(s.subsampling_x || !s.subsampling_y);
}

static void check_sample(const struct plm_depack *d, const struct plm_sample *s)
{
    CHECK(s->codec == d->codec && s->len > 0 && s->len <= MAX_PICTURE);
    if (s->codec == PLM_CODEC_OPUS) {
        CHECK(
            s->keyframe && s->duration_us >= 2500 && s->duration_us <= 120000 && s->duration_us % 2500 == 0);
        return;
    }
    CHECK(!s->keyframe || (s->width > 0 && s->height > 0));
    CHECK(!s->config == !s->config_len);
    bool has_config = s->codec == PLM_CODEC_H264 || s->codec == PLM_CODEC_AV1;
    CHECK((s->config_len > 0) == (has_config && s->keyframe));
    CHECK(s->codec != PLM_CODEC_VP8 || !s->keyframe || s->len >= 10);
    if (s->codec == PLM_CODEC_H264)
        check_h264(s);
    if (s->codec != PLM_CODEC_AV1)
        return;
    check_av1(s);
    if (s->keyframe)
        read_sequence(s->config, s->config_len);
}

/** @return false: the picture is of no use */
static bool add(struct plm_depack *d, struct fuzz_input *in, size_t len)
{
    if (len > in->left)
        len = in->left;
    uint8_t *payload = malloc(len ? len : 1); /* of exactly its size */
    memcpy(payload, in->p, len);
    in->p += len;
    in->left -= len;
    (void)plm_depack_starts(d->codec, payload, len);
    (void)plm_depack_ends(d->codec, payload, len);
    bool ignored = plm_depack_ignores(d->codec, payload, len);
    bool taken = plm_depack_add(d, payload, len) == 0;
    CHECK(!ignored || !taken);
    if (d->codec == PLM_CODEC_AV1 && len > 1)
        read_sequence(payload + 1, len - 1);
    free(payload);
    return taken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct plm_depack d;
    struct plm_sample s;
    plm_depack_init(&d, (enum plm_codec)(1 + fuzz_u8(&in) % (PLM_CODEC_COUNT - 1)), MAX_PICTURE);
    plm_depack_begin(&d);
    bool good = true;
    while (in.left > 0) {
        size_t len = fuzz_u8(&in);
        if (len > 0) {
            good = good && add(&d, &in, len);
            continue;
        }
        if (good && plm_depack_end(&d, &s) == 0)
            check_sample(&d, &s);
        plm_depack_begin(&d);
        good = true;
    }
    plm_depack_destroy(&d);
    return 0;
}
