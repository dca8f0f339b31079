/*
 * How much room the disk has left, and a file that keeps some of it back, so that files can be finished when there is no more. Blocks;
 * one thread at a time, the writer sees to that.
 */
#ifndef PLM_RECORDER_DISK_H
#define PLM_RECORDER_DISK_H

#include "writer.h"

#define PLM_DISK_RESERVE ".reserve"
#define PLM_DISK_FULL_MS 10000 /**< so long STOP lasts at least after a write failed */

struct plm_disk {
    int dir_fd;
    uint64_t reserve_bytes;
    bool reserved;          /**< the file is there, in its whole size */
    uint64_t full_until_ms; /**< a write failed for lack of space: STOP, whatever statvfs says (quotas) */
    enum plm_disk_level level;
    uint64_t free_bytes; /**< what files may take; the reserve does not count */
};

/**
 * Below how many free octets a level begins: a share of the disk, but not more than makes sense on a large one, nor less than on a small one.
 * @param level WARN, REFUSE or STOP
 */
uint64_t plm_disk_threshold(enum plm_disk_level level, uint64_t total);
/** The level at this much room, coming from another: to a better one only when there is a tenth more than it needs. */
enum plm_disk_level plm_disk_judge(enum plm_disk_level was, uint64_t free_bytes, uint64_t total);

void plm_disk_init(struct plm_disk *d, int dir_fd, uint64_t reserve_bytes);
/** Look at the disk, and make the reserve again if there is room. @return did the level change? */
bool plm_disk_watch(struct plm_disk *d, uint64_t now_ms);
/** A write failed for lack of space: the level is STOP at once, and the reserve is to be released. Does not block. */
void plm_disk_on_full(struct plm_disk *d, uint64_t now_ms);
void plm_disk_release(int dir_fd); /**< give the reserve free */

#endif
