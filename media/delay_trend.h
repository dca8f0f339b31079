/*
 * Does a queue grow in front of a receiver's line? The delay-based half of congestion control (draft-ietf-rmcat-gcc-02 sections 5.1 to 5.4,
 * with a straight line through the last groups in place of the Kalman filter). No clock.
 */
#ifndef PLM_DELAY_TREND_H
#define PLM_DELAY_TREND_H

#include <stdbool.h>
#include <stdint.h>

#define PLM_TREND_WINDOW 20 /* groups that the line goes through: two thirds of a second of video */

enum plm_line_use {
    PLM_LINE_NORMAL,
    PLM_LINE_UNDER, /**< a queue empties */
    PLM_LINE_OVER,  /**< a queue grows */
};

/** Packets that left within a few milliseconds. */
struct plm_trend_group {
    uint64_t first_sent_us, last_sent_us;
    int64_t first_arrival_us, last_arrival_us;
    bool any;
};

struct plm_delay_trend {
    struct plm_trend_group now, before;
    double delay_ms, smooth_ms; /**< sum of what each group took longer than the one before it */
    int64_t origin_us;          /**< arrival that times count from */
    struct {
        double at_ms, delay_ms;
    } points[PLM_TREND_WINDOW];
    unsigned n; /**< groups so far, as far as it matters */
    unsigned at;
    double slope, threshold;
    double over_ms; /**< how long it has been over the threshold */
    unsigned overs;
    uint64_t adapted_us;
    enum plm_line_use use;
};

void plm_delay_trend_init(struct plm_delay_trend *t);
/**
 * One packet that arrived, in the order of sending.
 * @param sent_us our clock @param arrival_us the receiver's, of any origin
 */
void plm_delay_trend_on_packet(struct plm_delay_trend *t, uint64_t sent_us, int64_t arrival_us);
/** The next group has none before it: what was sent in between is not to be judged. */
void plm_delay_trend_skip(struct plm_delay_trend *t);

#endif
