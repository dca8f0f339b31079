/*
 * How a WebM file of ours begins. All that finishing has to write into the head lies in one run of octets at its start:
 *
 *   EBML head | Segment's id and size | SeekHead, or a Void of its size | Info's id and size | Duration, or a Void of its size | the rest
 */
#ifndef PLM_RECORDER_WEBM_HEAD_H
#define PLM_RECORDER_WEBM_HEAD_H

#include "ebml.h"

#define PLM_WEBM_HEAD_MAX 65536 /**< octets before the first cluster, at most */
#define PLM_WEBM_TICK_US  1000  /**< TimestampScale: milliseconds */

#define PLM_WEBM_SEEK_SIZE      35 /**< octets of a Seek: of an id of four octets and its position */
#define PLM_WEBM_SEEK_HEAD_SIZE (PLM_EBML_LONG_HEAD + 4 * PLM_WEBM_SEEK_SIZE)
#define PLM_WEBM_DURATION_SIZE  11

/** The patched part of the head, all of it: what is unknown is a Void. */
struct plm_webm_places {
    uint64_t segment_size; /**< PLM_EBML_UNKNOWN while the file is written */
    uint64_t info_size;
    uint64_t tracks_at, tags_at,
        cues_at;        /**< from the Segment's data; all of them known or none: cues_at 0 */
    double duration_ms; /**< 0: not known */
};

/** From the Segment's id up to and with Duration; the length is the same whatever is known. */
void plm_webm_write_places(struct plm_blob *o, const struct plm_webm_places *places);

#endif
