/*
 * The rule of references: a picture is stored only when everything that it refers to was. After a loss that is known to have hit no reference
 * (numbers of pictures go on without a gap, temporal layer 0 does, or every reference is named) it goes on at once, else at a key frame.
 */
#ifndef PLM_RECORDER_PICTURE_REFS_H
#define PLM_RECORDER_PICTURE_REFS_H

#include "depack.h"

#define PLM_REFS_NUMBERS 256

struct plm_picture_refs {
    bool
        intact; /**< temporal layer 0 is whole since the last key frame; else nothing goes on before the next */
    uint64_t doubt; /**< packets lost since the last picture that was seen whole */
    uint8_t top;    /**< highest temporal layer that is whole */
    struct plm_picture_place
        last; /**< of the last picture seen whole; tl0picidx of the last stored in layer 0 */
    bool stored_any[PLM_REFS_NUMBERS];
    uint16_t stored[PLM_REFS_NUMBERS]; /**< numbers of stored pictures, by their low bits */
};

void plm_picture_refs_init(struct plm_picture_refs *r);
/** Packets are missing before the next picture. */
void plm_picture_refs_on_loss(struct plm_picture_refs *r, uint64_t packets);
/** A picture is of no use. @param p what its first packet said, NULL: that is missing */
void plm_picture_refs_on_broken(struct plm_picture_refs *r, const struct plm_picture_place *p);
/** A whole picture, in order. @return true: store it */
bool plm_picture_refs_take(struct plm_picture_refs *r, const struct plm_picture_place *p);

#endif
