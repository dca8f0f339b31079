/*
 * Boxes of ISO/IEC 14496-12 (section 4.2): writing them into octets, and walking over those in memory.
 */
#ifndef PLM_RECORDER_MP4_BOX_H
#define PLM_RECORDER_MP4_BOX_H

#include "blob.h"

#define PLM_BOX(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define PLM_BOX_HEAD        8  /**< octets of size and type */
#define PLM_BOX_LARGE_HEAD  16 /**< the same with a size of 64 bits */

/** Begin a box. @return where it is, for plm_box_end */
size_t plm_box_begin(struct plm_blob *o, uint32_t type);
/** Begin one with version and flags ("full box"). */
size_t plm_box_begin_full(struct plm_blob *o, uint32_t type, uint8_t version, uint32_t flags);
/** Its size becomes what was written since. */
void plm_box_end(struct plm_blob *o, size_t at);

struct plm_box {
    uint32_t type;
    const uint8_t *data; /**< what is in it, behind size and type */
    size_t len;          /**< of data */
};

/**
 * Take the next box off the front.
 * @return false: none is left, or what is there is no whole box (then *left is not 0). Boxes with 64-bit sizes are not taken: none of ours
 *         that is read into memory has one
 */
bool plm_box_next(const uint8_t **p, size_t *left, struct plm_box *out);
/** The first one of this type among those in data. @return false: there is none before the end or a malformed one */
bool plm_box_find(const uint8_t *data, size_t len, uint32_t type, struct plm_box *out);

#endif
