/*
 * Makes a track file that was written in fragments one that plays and seeks everywhere, in place: no octet of media is copied. The same
 * code finishes a file that was closed in good order and one that a crash left behind.
 *
 * MP4: fragments are walked and what lies behind the last whole one is cut off; one moov with the whole sample table is appended and synced; then an empty
 * box in front of the first moov becomes one mdat that covers that and all fragments, and is synced. WebM: cut after the last whole cluster; cues are
 * appended and synced; duration, seek head and segment size are written into the places that the head keeps for them.
 *
 * Nothing that is needed to do it again is ever overwritten: killed at any octet of any write, the file can be finished to the same end.
 */
#ifndef PLM_RECORDER_FINISH_H
#define PLM_RECORDER_FINISH_H

#include <stdbool.h>
#include <stdint.h>

struct plm_finish_result {
    bool usable; /**< at least one whole fragment with a sample */
    int64_t duration_us;
    uint64_t bytes, cut_bytes;
    uint32_t fragments;
    bool sound, picture;
};

/**
 * Finish the file behind fd (read and write). A finished one is recognised and left alone. Blocks.
 * @param hold_us the last picture is held until here, in time of the file; 0: as it was written
 * @return 0; PLM_EINVAL: no such file of ours, or torn within its head (untouched); PLM_ENOMEM; negated errno
 */
int plm_finish(int fd, int64_t hold_us, struct plm_finish_result *out);
/** The same without changing anything: what plm_finish would do, or what a finished file holds, with every sample's place checked. */
int plm_finish_check(int fd, struct plm_finish_result *out);

#endif
