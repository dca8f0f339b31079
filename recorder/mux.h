/*
 * Makes a track file of samples: octets out, which the writer puts behind those before. No I/O, no clock. Fragmented MP4 (ISO/IEC 14496-12
 * section 8.8) for H264, VP9, AV1 and sound alone; WebM clusters (RFC 9559) for VP8.
 *
 * Time in the file: the first picture stands at 0 however late it came, the others where they were captured; packets of sound follow one
 * another without a gap. Should sound be missing after all (the queue was full), silence takes its place. There are no edit lists: browsers
 * disagree about them.
 */
#ifndef PLM_RECORDER_MUX_H
#define PLM_RECORDER_MUX_H

#include "blob.h"
#include "writer.h"

#define PLM_MUX_PICTURE_HZ 90000 /**< MP4: ticks of a second */
#define PLM_MUX_SOUND_HZ   48000

struct plm_mux;

/** @param config copied @return 0, PLM_ENOMEM, PLM_EINVAL: no such file can be made */
int plm_mux_create(struct plm_mux **out, const struct plm_writer_track_config *config);
void plm_mux_destroy(struct plm_mux *m); /**< NULL is fine */

/** What a file begins with. @return 0 or PLM_ENOMEM */
int plm_mux_head(const struct plm_mux *m, struct plm_blob *out);
/** Has the fragment to be cut before this sample? So that none is longer than PLM_WRITER_FRAGMENT_MS. */
bool plm_mux_is_due(const struct plm_mux *m, const struct plm_sample *sample);
/**
 * Take a sample into the fragment.
 * @return 0; PLM_ENOMEM; PLM_EINVAL: it has no place in this file (another codec, a picture that cannot be decoded) and is left out
 */
int plm_mux_put(struct plm_mux *m, const struct plm_sample *sample);
bool plm_mux_is_empty(const struct plm_mux *m); /**< nothing waits for the next cut */
/** End the fragment: its octets are added to out. @return 0 or PLM_ENOMEM: the fragment is lost */
int plm_mux_cut(struct plm_mux *m, struct plm_blob *out);

#endif
