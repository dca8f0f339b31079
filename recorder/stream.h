/*
 * One source of one participant: packets of a link in, samples out, in order and on the room's clock. No I/O, no thread, no clock of its own.
 *
 * Packets wait at most PLM_STREAM_WAIT_US for those before them, which the forwarder asks for again at the publisher; then what is whole is taken and
 * the rest given up. A picture whose predecessors are lost is not written: a key frame is asked for at once (once a second at most) and everything
 * until it is left out. One encoding of a track is recorded, the largest that flows; to another one it goes at a key frame of that.
 *
 * Time: plm_ntp_map for each encoding, from the clocks that the forwarder tells, arrival before. A stopped clock (sound after replaceTrack(null): FACTS are a
 * step of one frame in RTP against more than half a second of arrival) and jumps above 80 ms are taken at once, drift by at most 5 ms a report.
 * Sound leaves as it came; that it has no gaps in a file is the business of sound_line.h.
 */
#ifndef PLM_RECORDER_STREAM_H
#define PLM_RECORDER_STREAM_H

#include "base/link_frame.h"
#include "sample.h"

#define PLM_STREAM_WAIT_US    800000
#define PLM_STREAM_MAX_FRAME  (4 * 1024 * 1024) /**< octets of one picture; a larger one is left out */
#define PLM_STREAM_MAX_QUEUED 2048              /**< packets that wait; above it the oldest gap is given up */

struct plm_stream;

struct plm_stream_ops {
    void *ctx;
    /** A sample, borrowed for the call. Not to call back into the stream. */
    void (*sample)(void *ctx, const struct plm_sample *sample);
};

struct plm_stream_stats {
    uint64_t packets, late, duplicates, malformed;
    uint64_t lost;   /**< packets that were given up */
    uint64_t frames; /**< samples given out */
    uint64_t
        frames_broken; /**< pictures left out since the first key frame: a part, or one that they refer to, was lost */
    uint64_t keyframes_asked, encoding_switches, clock_jumps;
};

/** @param ops copied @return 0 or PLM_ENOMEM */
int plm_stream_create(struct plm_stream **out, enum plm_source source, const struct plm_stream_ops *ops);
void plm_stream_destroy(struct plm_stream *s); /**< what still waits is dropped; NULL is fine */

/** What the track is: on announcement and on each change (PLM_LINK_TRACK). */
void plm_stream_on_track(struct plm_stream *s, const struct plm_link_track *track, uint64_t now_us);
/**
 * A packet (PLM_LINK_PACKET). Everything in it is checked: a frame that contradicts itself is counted as malformed.
 * @param rtp the RTP packet, borrowed
 */
void plm_stream_on_packet(struct plm_stream *s, const struct plm_link_packet *packet, const uint8_t *rtp,
    size_t len, uint64_t now_us);
/** An encoding's line to the clock (PLM_LINK_CLOCK). */
void plm_stream_on_clock(struct plm_stream *s, const struct plm_link_clock *clock, uint64_t now_us);

/**
 * Give up what waited long enough. @return when to be called again at the latest, UINT64_MAX: when something comes
 */
uint64_t plm_stream_poll(struct plm_stream *s, uint64_t now_us);
/** Give out everything that can be, without waiting: at the end of a recording or of a track. */
void plm_stream_flush(struct plm_stream *s, uint64_t now_us);
/** Start anew after a gap in the feed: nothing is waited for, the next picture is a key frame. */
void plm_stream_reset(struct plm_stream *s, uint64_t now_us);

/**
 * What to ask of the forwarder now (PLM_LINK_DEMAND), each second and whenever it differs from what was asked last.
 * @return true: it differs, or a key frame is wanted now (told once)
 */
bool plm_stream_demand(struct plm_stream *s, uint64_t now_us, struct plm_link_demand *out);

void plm_stream_stats(const struct plm_stream *s, struct plm_stream_stats *out);

#endif
