#include "depack.h"

#include "codec.h"

#include <string.h>

int plm_depack_append(struct plm_blob *o, const uint8_t *data, size_t len, size_t max)
{
    if (len > max || o->len > max - len)
        return PLM_EFULL;
    if (len == 0)
        return 0;
    uint8_t *to = plm_blob_add(o, len);
    if (!to)
        return PLM_ENOMEM;
    if (data)
        memcpy(to, data, len);
    return 0;
}

void plm_depack_init(struct plm_depack *d, enum plm_codec codec, size_t max)
{
    memset(d, 0, sizeof *d);
    d->codec = codec;
    d->max = max;
}

void plm_depack_destroy(struct plm_depack *d)
{
    if (d->codec == PLM_CODEC_H264)
        plm_depack_h264_destroy(d);
    if (d->codec == PLM_CODEC_AV1)
        plm_depack_av1_destroy(d);
    plm_blob_free(&d->out);
    plm_blob_free(&d->config);
    plm_depack_init(d, PLM_CODEC_NONE, 0);
}

bool plm_depack_starts(enum plm_codec codec, const uint8_t *payload, size_t len)
{
    struct plm_frame_info info;
    if (plm_codec_parse(codec, payload, len, &info) != 0)
        return false;
    if (codec == PLM_CODEC_H264) /* of several slices none tells whether others came before it */
        return plm_depack_h264_starts(payload, len);
    if (codec == PLM_CODEC_AV1)
        return info.keyframe_start;
    return info.frame_start && info.sid == 0;
}

bool plm_depack_ends(enum plm_codec codec, const uint8_t *payload, size_t len)
{
    struct plm_frame_info info;
    return codec == PLM_CODEC_VP9 && plm_codec_parse(codec, payload, len, &info) == 0 && info.frame_end &&
           info.sid == 0;
}

bool plm_depack_ignores(enum plm_codec codec, const uint8_t *payload, size_t len)
{
    struct plm_frame_info info;
    return codec == PLM_CODEC_VP9 && plm_codec_parse(codec, payload, len, &info) == 0 && info.sid > 0;
}

void plm_depack_begin(struct plm_depack *d)
{
    plm_blob_clear(&d->out);
    plm_blob_clear(&d->config);
    d->any = false;
    d->place = (struct plm_picture_place){0};
    if (d->codec == PLM_CODEC_H264)
        plm_depack_h264_begin(d);
    if (d->codec == PLM_CODEC_AV1)
        plm_depack_av1_begin(d);
}

static int add(struct plm_depack *d, const uint8_t *payload, size_t len)
{
    switch (d->codec) {
    case PLM_CODEC_OPUS:
        return plm_depack_opus_add(d, payload, len);
    case PLM_CODEC_VP8:
        return plm_depack_vp8_add(d, payload, len);
    case PLM_CODEC_VP9:
        return plm_depack_vp9_add(d, payload, len);
    case PLM_CODEC_H264:
        return plm_depack_h264_add(d, payload, len);
    case PLM_CODEC_AV1:
        return plm_depack_av1_add(d, payload, len);
    default:
        return PLM_EINVAL;
    }
}

int plm_depack_add(struct plm_depack *d, const uint8_t *payload, size_t len)
{
    if (len == 0)
        return PLM_EINVAL;
    int err = add(d, payload, len);
    d->any = true;
    return err;
}

static int end(struct plm_depack *d)
{
    switch (d->codec) {
    case PLM_CODEC_OPUS:
        return plm_depack_opus_end(d);
    case PLM_CODEC_VP8:
        return plm_depack_vp8_end(d);
    case PLM_CODEC_VP9:
        return plm_depack_vp9_end(d);
    case PLM_CODEC_H264:
        return plm_depack_h264_end(d);
    case PLM_CODEC_AV1:
        return plm_depack_av1_end(d);
    default:
        return PLM_EINVAL;
    }
}

int plm_depack_end(struct plm_depack *d, struct plm_sample *out)
{
    int err = d->any ? end(d) : PLM_EINVAL;
    if (err == 0 && d->out.len == 0)
        err = PLM_EINVAL;
    if (err != 0)
        return err;
    *out = (struct plm_sample){
        .codec = d->codec,
        .keyframe = d->place.keyframe,
        .duration_us = d->duration_us,
        .width = d->width,
        .height = d->height,
        .profile = d->profile,
        .data = d->out.data,
        .len = d->out.len,
        .config = d->place.keyframe && d->config.len > 0 ? d->config.data : NULL,
        .config_len = d->place.keyframe ? d->config.len : 0,
    };
    return 0;
}
