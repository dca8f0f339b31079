/*
 * One encoding's timestamps on the room's clock. The forwarder keeps the line (base/ntp_map.h: sender reports, slewed) and tells it each second;
 * before that arrivals do. What the forwarder cannot know before the next sender report is a clock that stood still while the track was away
 * (replaceTrack(null)): arrival says so. No I/O, no clock of its own.
 */
#ifndef PLM_RECORDER_STREAM_CLOCK_H
#define PLM_RECORDER_STREAM_CLOCK_H

#include "base/ntp_map.h"

/** Arrival is that much further on than timestamps say: it stood, or the network did. */
#define PLM_CLOCK_STOPPED_US 500000
/** What the network held comes in a burst: after so long it is known which. */
#define PLM_CLOCK_DECIDE_US 200000

#define PLM_CLOCK_MAX (UINT64_C(1) << 50) /* timestamps and times in µs; with more, sums might overflow */

struct plm_stream_clock {
    struct plm_ntp_map line; /**< by arrival, until `told` */
    bool told;
    int64_t shift_us; /**< how long the sender's clock stood still, until a report of the sender says it */
    bool any;
    uint64_t last_ts, last_arrival_us;
    int64_t usual_late_us; /**< from capture to arrival, the least of late */
    int64_t next_late_us;  /**< the least of this second */
    uint64_t next_us;
    uint64_t jumps;
};

void plm_stream_clock_init(struct plm_stream_clock *c, uint32_t clock_rate);
/** A line from the forwarder; one out of range is passed over. What the clock stood is in it when it jumps. */
void plm_stream_clock_on_told(struct plm_stream_clock *c, uint64_t ext_ts, int64_t us, uint32_t clock_rate);
/** Packets in order, both values up to PLM_CLOCK_MAX. */
void plm_stream_clock_on_packet(struct plm_stream_clock *c, uint64_t ext_ts, uint64_t arrival_us);
/** Between the last packet and this one: how much further arrival went than timestamps did, µs. */
int64_t plm_stream_clock_held_us(const struct plm_stream_clock *c, uint64_t ext_ts, uint64_t arrival_us);
/** It stood still: a packet that came without delay of the network's belongs to its arrival. */
void plm_stream_clock_on_stop(struct plm_stream_clock *c, uint64_t ext_ts, uint64_t arrival_us);
/** The room's clock at which the sample of this timestamp was captured. */
int64_t plm_stream_clock_us(const struct plm_stream_clock *c, uint64_t ext_ts);

#endif
