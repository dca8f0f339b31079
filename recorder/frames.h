/*
 * Frames of base/link_frame.h out of octets as a socket gives them. Pure.
 */
#ifndef PLM_RECORDER_FRAMES_H
#define PLM_RECORDER_FRAMES_H

#include "base/link_frame.h"

#include <stddef.h>
#include <sys/types.h>

#define PLM_FRAMES_MAX (sizeof(struct plm_link_header) + PLM_LINK_MAX_BODY)

/**
 * The first frame of these octets.
 * @param body out: where the header's size octets of body are in data
 * @return octets that the frame takes; 0: there is no whole frame yet; PLM_EINVAL: longer than a frame may be
 */
ssize_t plm_frames_next(
    const uint8_t *data, size_t len, struct plm_link_header *header, const uint8_t **body);

/** Is this frame a hello of a version that we speak? @return 0, PLM_EINVAL */
int plm_frames_hello(const struct plm_link_header *header, const uint8_t *body, struct plm_link_hello *out);

#endif
