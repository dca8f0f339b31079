/*
 * What the delay of acknowledged packets says about a line: does a queue grow in front of it, does it shrink, how long is it.
 *
 * Packets that left together are one group; how much later than its sending a group arrived, against the one before, is summed up, and the
 * slope of that sum over the last groups is compared with a threshold that follows the line's own unrest. No I/O, no clock.
 */
#ifndef PLM_BWE_DELAY_H
#define PLM_BWE_DELAY_H

#include <stdbool.h>
#include <stdint.h>

enum plm_bwe_usage {
    PLM_BWE_NORMAL = 0,
    PLM_BWE_OVER,  /**< the queue grows: more is sent than the line carries */
    PLM_BWE_UNDER, /**< it shrinks */
};

#define PLM_BWE_TREND 20 /* groups that the slope is taken over: a quarter of a second of video and sound */

struct plm_bwe_group {
    int64_t first_sent_us, last_sent_us, first_arrival_us, last_arrival_us;
    bool any;
};

/** Zeroed memory is a beginning. The two clocks differ; only differences of one of them count. */
struct plm_bwe_delay {
    struct plm_bwe_group present, before;
    /* the slope */
    double sum_ms, smoothed_ms;
    double x[PLM_BWE_TREND], y[PLM_BWE_TREND]; /**< arrival and smoothed sum, ms */
    unsigned at, n, deltas;
    int64_t origin_us; /**< of x */
    double threshold, slope_before, over_ms;
    unsigned over_count;
    int64_t threshold_us; /**< when it was moved last */
    enum plm_bwe_usage usage;
    /* the wait */
    bool any_base;
    int64_t base_us[2]; /**< shortest way of the present while and of the one before */
    int64_t base_since_us;
    int64_t base_told_us; /**< the longest of these since one was told to be shorter */
    bool knows_base, shorter;
    int64_t wait_us;      /**< smoothed, above the shortest way */
    int64_t least_us;     /**< shortest of the last feedback, above the shortest way */
    int64_t others_us;    /**< plm_bwe_delay_share */
    int64_t unrest_us;    /**< what that one moves by from one feedback to the next, sum of some */
    int64_t least_way_us; /**< of the present feedback */
    unsigned n_ways;
    int64_t first_sent_us, first_arrival_us, last_sent_us, last_arrival_us; /**< of the present feedback */
    bool let_go; /**< the last feedback told of packets that had been held up */
    /* packets in a row of which each waited no less than the one before */
    int64_t highest_way_us, climb_way_us, climb_from_us, climb_to_us;
    int64_t climb_step_us; /**< the largest from one to the next */
    uint32_t climb_octets, climb_packets;
    uint64_t narrow_bps;     /**< of such a run in the present feedback */
    uint64_t hint_bps;       /**< of a shorter one */
    uint64_t hint_below_bps; /**< what would be one */
    bool climb_lost;         /**< something was lost since the run began */
    unsigned calm;           /**< feedbacks in a row without a short one */
    int64_t last_way_us;
    int64_t group_wait_us; /**< of the last group's first packet */
    unsigned rising;       /**< groups in a row that waited long, and no less than the one before */
    unsigned standing,
        tried; /**< feedbacks in a row that found the same wait; times that less was sent for it */
};

/** A packet of this feedback was acknowledged; call in the order of sending. */
void plm_bwe_delay_add(struct plm_bwe_delay *d, uint32_t octets, int64_t sent_us, int64_t arrival_us);
/** The next one was lost, in the same order: what a queue lets through cannot be told any more from what came. */
void plm_bwe_delay_on_lost(struct plm_bwe_delay *d);
/** @param hint_below_bps so little that a few packets say it; see plm_bwe_delay_hint */
void plm_bwe_delay_begin_feedback(struct plm_bwe_delay *d, uint64_t hint_below_bps);
/** The feedback ends: judge the shortest wait in it too. A line that has become much narrower shows there first. */
void plm_bwe_delay_end_feedback(struct plm_bwe_delay *d);
/**
 * What a long queue let through in this feedback, bit/s: packets that come one by one, each having waited longer than the one before. A line that has
 * become narrow shows in the first frame that it holds up. 0: no such queue.
 */
uint64_t plm_bwe_delay_narrow(const struct plm_bwe_delay *d);
/**
 * The same by three packets and a shorter queue, where that is a small part of what the line seemed to carry, bit/s; 0: nothing of the kind, or
 * this line's waits come and go like that.
 */
uint64_t plm_bwe_delay_hint(const struct plm_bwe_delay *d);
enum plm_bwe_usage plm_bwe_delay_usage(const struct plm_bwe_delay *d);
/**
 * What the last feedback tells of came in clearly less time than it was sent in: it was held up, by a line or a machine that stood still, and let go.
 * Its wait is long, and goes by itself; how much came while nothing moved says nothing of what the line carries.
 */
bool plm_bwe_delay_was_let_go(const struct plm_bwe_delay *d);
/** How long packets wait in front of the line at present, us: smoothed, and the shortest of the last feedback. */
int64_t plm_bwe_delay_wait(const struct plm_bwe_delay *d);
int64_t plm_bwe_delay_least_wait(const struct plm_bwe_delay *d);
/** The same of the packet that was sent last. */
int64_t plm_bwe_delay_last_wait(const struct plm_bwe_delay *d);
/** The shortest of the last feedback, whoever made it wait: the others below leave out unrest and what others keep there. */
int64_t plm_bwe_delay_lucky_wait(const struct plm_bwe_delay *d);
/** So long packets may wait for a queue that others keep in front of the line, us: it is none of ours. */
void plm_bwe_delay_share(struct plm_bwe_delay *d, int64_t others_us);
/** With the last feedback the shortest way of late became clearly shorter: a queue that had stood all along is gone, or it is another way. */
bool plm_bwe_delay_became_shorter(const struct plm_bwe_delay *d);
/** Begin anew with the slope: what comes now cannot be compared with what came. */
void plm_bwe_delay_restart(struct plm_bwe_delay *d);

#endif
