/*
 * Datagrams within a TCP stream (RFC 4571): each behind its length in two octets, as ICE-TCP carries them (RFC 6544 section 3).
 * An embedded value, no I/O.
 */
#ifndef PLM_STREAM_FRAMES_H
#define PLM_STREAM_FRAMES_H

#include <stddef.h>
#include <stdint.h>

#define PLM_STREAM_FRAME_MAX  2048 /* octets of a datagram; a peer that announces more is no ICE agent */
#define PLM_STREAM_FRAME_HEAD 2
#define PLM_STREAM_BUFFER     8192

struct plm_stream_frames {
    uint32_t at, end; /* what has not been handed out */
    uint8_t octets[PLM_STREAM_BUFFER];
};

void plm_stream_frames_init(struct plm_stream_frames *f);
/** Where the next octets of the stream go, always some while frames are taken out. Moves what is there. @param len out: octets of room */
uint8_t *plm_stream_frames_room(struct plm_stream_frames *f, size_t *len);
/** So many octets were put there. */
void plm_stream_frames_filled(struct plm_stream_frames *f, size_t len);
/**
 * The next datagram, which stays the next until plm_stream_frames_pass. Empty ones (RFC 4571 section 2) are passed over.
 * @return its octets, 0: not all of it is there, PLM_EINVAL: longer than PLM_STREAM_FRAME_MAX
 */
int plm_stream_frames_next(struct plm_stream_frames *f, uint8_t **datagram);
/** Go on behind a datagram of so many octets. */
void plm_stream_frames_pass(struct plm_stream_frames *f, size_t len);
/** What has not been passed. @param len out */
const uint8_t *plm_stream_frames_rest(const struct plm_stream_frames *f, size_t *len);

#endif
