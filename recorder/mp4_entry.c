#include "mp4_entry.h"

#include <string.h>

#include "mp4_box.h"
#include "mux.h"

#define RESOLUTION_72_DPI 0x00480000 /* 14496-12 section 12.1.3: 16.16 */
#define DEPTH_24          0x0018

/* SampleEntry and VisualSampleEntry (14496-12 sections 8.5.2, 12.1.3). */
static size_t begin_visual(struct plm_blob *o, uint32_t type, const struct plm_writer_track_config *c)
{
    size_t at = plm_box_begin(o, type);
    plm_blob_zero(o, 6);
    plm_blob_put16(o, 1); /* data_reference_index */
    plm_blob_zero(o, 16);
    plm_blob_put16(o, c->width);
    plm_blob_put16(o, c->height);
    plm_blob_put32(o, RESOLUTION_72_DPI);
    plm_blob_put32(o, RESOLUTION_72_DPI);
    plm_blob_put32(o, 0);
    plm_blob_put16(o, 1); /* frame_count */
    plm_blob_zero(o, 32); /* compressorname */
    plm_blob_put16(o, DEPTH_24);
    plm_blob_put16(o, 0xffff);
    return at;
}

/* The level that the size alone asks for, at 30 pictures a second (VP9 levels, luma picture size). */
static uint8_t vp9_level(const struct plm_writer_track_config *c)
{
    static const struct {
        uint32_t luma;
        uint8_t level;
    } table[] = {{36864, 10}, {73728, 11}, {122880, 20}, {245760, 21}, {552960, 30}, {983040, 31},
        {2228224, 40}, {8912896, 50}};
    uint32_t luma = (uint32_t)c->width * c->height;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (luma <= table[i].luma)
            return table[i].level;
    return 60;
}

static void write_vpcc(struct plm_blob *o, const struct plm_writer_track_config *c)
{
    bool subsampled = c->profile == 0 || c->profile == 2;
    uint8_t depth = c->profile < 2 ? 8 : 10, chroma = subsampled ? 1 : 3;
    size_t at = plm_box_begin_full(o, PLM_BOX('v', 'p', 'c', 'C'), 1, 0);
    plm_blob_put8(o, c->profile);
    plm_blob_put8(o, vp9_level(c));
    plm_blob_put8(o, (uint8_t)(depth << 4 | chroma << 1));
    plm_blob_put8(o, 2); /* colour primaries, transfer, matrix: unspecified */
    plm_blob_put8(o, 2);
    plm_blob_put8(o, 2);
    plm_blob_put16(o, 0); /* no initialisation data */
    plm_box_end(o, at);
}

static void write_av1c(struct plm_blob *o, const struct plm_writer_track_config *c)
{
    struct plm_av1_sequence s;
    if (plm_av1_sequence_parse(&s, c->config, c->config_len) != 0)
        s = (struct plm_av1_sequence){.level = 31, .subsampling_x = true, .subsampling_y = true};
    size_t at = plm_box_begin(o, PLM_BOX('a', 'v', '1', 'C'));
    plm_blob_put8(o, 0x81); /* marker, version 1 */
    plm_blob_put8(o, (uint8_t)(s.profile << 5 | s.level));
    plm_blob_put8(o, (uint8_t)(s.tier << 7 | s.high_bitdepth << 6 | s.twelve_bit << 5 | s.monochrome << 4 |
                               s.subsampling_x << 3 | s.subsampling_y << 2 | s.chroma_position));
    plm_blob_put8(o, 0);
    plm_blob_put(o, c->config, c->config_len);
    plm_box_end(o, at);
}

static void write_avcc(struct plm_blob *o, const struct plm_writer_track_config *c)
{
    size_t at = plm_box_begin(o, PLM_BOX('a', 'v', 'c', 'C'));
    plm_blob_put(o, c->config, c->config_len);
    plm_box_end(o, at);
}

void plm_mp4_entry_picture(struct plm_blob *o, const struct plm_writer_track_config *c)
{
    uint32_t type = c->video == PLM_CODEC_H264  ? PLM_BOX('a', 'v', 'c', '3')
                    : c->video == PLM_CODEC_VP9 ? PLM_BOX('v', 'p', '0', '9')
                                                : PLM_BOX('a', 'v', '0', '1');
    size_t at = begin_visual(o, type, c);
    if (c->video == PLM_CODEC_H264)
        write_avcc(o, c);
    else if (c->video == PLM_CODEC_VP9)
        write_vpcc(o, c);
    else
        write_av1c(o, c);
    plm_box_end(o, at);
}

void plm_mp4_entry_sound(struct plm_blob *o)
{
    size_t at = plm_box_begin(o, PLM_BOX('O', 'p', 'u', 's'));
    plm_blob_zero(o, 6);
    plm_blob_put16(o, 1); /* data_reference_index */
    plm_blob_zero(o, 8);
    plm_blob_put16(o, 2);  /* channels */
    plm_blob_put16(o, 16); /* bits of a sample */
    plm_blob_put32(o, 0);
    plm_blob_put32(o, (uint32_t)PLM_MUX_SOUND_HZ << 16);
    size_t ops = plm_box_begin(o, PLM_BOX('d', 'O', 'p', 's'));
    plm_blob_put8(o, 0);
    plm_blob_put8(o, 2);
    /* No pre-skip: a packet is played at the time of its capture, as in the meeting; what a decoder needs to settle was silence or is heard. */
    plm_blob_put16(o, 0);
    plm_blob_put32(o, PLM_MUX_SOUND_HZ);
    plm_blob_put16(o, 0); /* gain */
    plm_blob_put8(o, 0);  /* channel mapping family */
    plm_box_end(o, ops);
    plm_box_end(o, at);
}
