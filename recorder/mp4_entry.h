/*
 * Sample entries of the stsd box: what a player must know to open a decoder.
 *   avc3, avcC  ISO/IEC 14496-15 section 5.4.2; "avc3" because parameter sets come in band
 *   vp09, vpcC  VP Codec ISO Media File Format Binding 1.0
 *   av01, av1C  AV1 Codec ISO Media File Format Binding 1.2.0
 *   Opus, dOps  Encapsulation of Opus in ISO Base Media File Format 0.8.1
 */
#ifndef PLM_RECORDER_MP4_ENTRY_H
#define PLM_RECORDER_MP4_ENTRY_H

#include "blob.h"
#include "writer.h"

void plm_mp4_entry_picture(struct plm_blob *o, const struct plm_writer_track_config *c);
void plm_mp4_entry_sound(struct plm_blob *o);

/** What av1C repeats of a sequence header (AV1 specification, section 5.5). */
struct plm_av1_sequence {
    uint8_t profile, level, tier;
    bool high_bitdepth, twelve_bit, monochrome, subsampling_x, subsampling_y;
    uint8_t chroma_position;
};

/** @param obu a sequence header OBU with its header @return 0 or PLM_EINVAL */
int plm_av1_sequence_parse(struct plm_av1_sequence *out, const uint8_t *obu, size_t len);

#endif
