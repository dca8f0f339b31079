/*
 * Makes sound continuous from the start of a file: browsers play the packets of a track one after the other whatever their times say, so a
 * gap must be filled with silence, and a clock that runs slower or faster than ours must be followed by a packet more or less. No I/O.
 *
 * Gaps are filled with Opus packets that are silent; a packet that overlaps what is there is left out. Between those, the place of a packet in
 * the file is the sum of the durations before it; it is kept within PLM_SOUND_SLACK_US of the time it was captured.
 */
#ifndef PLM_RECORDER_SOUND_LINE_H
#define PLM_RECORDER_SOUND_LINE_H

#include "sample.h"

#define PLM_SOUND_SLACK_US 15000

struct plm_sound_line {
    int64_t next_us;           /**< where the next packet goes, in the room's clock */
    bool stereo;               /**< of the last packet: silence is made likewise */
    uint64_t filled, left_out; /**< packets */
};

typedef void plm_sound_fn(void *arg, const struct plm_sample *packet);

/** @param start_us time 0 of the file, in the room's clock */
void plm_sound_line_init(struct plm_sound_line *l, int64_t start_us);
/** A packet of sound: out come silence as needed, and the packet, with the times that the file gives them. */
void plm_sound_line_put(
    struct plm_sound_line *l, const struct plm_sample *packet, plm_sound_fn *out, void *arg);
/** Nothing came until then: fill with silence, so that a live file's sound is never more than about a fragment behind. */
void plm_sound_line_fill(struct plm_sound_line *l, int64_t until_us, plm_sound_fn *out, void *arg);

#endif
