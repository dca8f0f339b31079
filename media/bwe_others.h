/*
 * A queue that others keep in front of the line. A download fills it however little is sent beside it, and goes on until it overflows: whoever
 * gave way to each queue would be left with nothing, for as long as the download takes.
 *
 * A queue of our own making is gone soon after clearly less is sent than went through it. One that stays then is of others: so long a wait is
 * none of ours, nor is what the line loses meanwhile. No I/O, no clock.
 */
#ifndef PLM_BWE_OTHERS_H
#define PLM_BWE_OTHERS_H

#include <stdbool.h>
#include <stdint.h>

enum plm_bwe_others_news {
    PLM_BWE_OTHERS_NO_NEWS = 0,
    PLM_BWE_OTHERS_FOUND, /**< less was sent for a queue that is not ours: go on with plm_bwe_others_again */
    PLM_BWE_OTHERS_GONE,  /**< what failed beside them may go well now */
};

/** Zeroed memory is a beginning. */
struct plm_bwe_others {
    uint64_t went_bps, sent_bps; /**< what went through when less was sent for a queue; what was sent then */
    uint64_t cut_us;             /**< when that was last */
    uint64_t less_us;            /**< since when clearly less than that is sent; 0: it is not */
    int64_t from_us, least_us, most_us; /**< the wait then, the shortest and the longest since */
    int64_t queue_us;                   /**< what others keep there at most, 0: nothing */
    uint64_t faded_us, told_us;
    uint64_t clear_us; /**< since when nothing of it is seen; 0: it is */
};

/**
 * From now on less is sent, for a queue.
 *
 * @param through bit/s that went through it, of late @param sending, acked bit/s that were sent and that arrived in the last second
 */
void plm_bwe_others_on_cut(
    struct plm_bwe_others *o, uint64_t through, uint64_t sending, uint64_t acked, uint64_t now_us);
/** After a feedback. @param sending bit/s of the last half second @param wait_us how long its luckiest packet waited */
enum plm_bwe_others_news plm_bwe_others_hear(
    struct plm_bwe_others *o, uint64_t sending, int64_t wait_us, uint32_t rtt_us, uint64_t now_us);
/** Bit/s: a part of what was sent before way was given, for others share the line. */
uint64_t plm_bwe_others_again(const struct plm_bwe_others *o);
/** It may be our own after all: it has to show once more. */
void plm_bwe_others_deny(struct plm_bwe_others *o);
/** There is such a queue. */
bool plm_bwe_others_fill(const struct plm_bwe_others *o);
/** There is one, and clearly less is sent than went through: what is lost is not for that. */
bool plm_bwe_others_lose(const struct plm_bwe_others *o);

#endif
