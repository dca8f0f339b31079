/*
 * A line from one RTP stream's timestamps to a monotonic clock: arrival until the first sender report, then sender reports, slewed by at
 * most 5 ms for each second since the one before; a jump above 80 ms is taken at once. Shared by the forwarder and the recorder; no I/O, no clock.
 */
#ifndef PLM_NTP_MAP_H
#define PLM_NTP_MAP_H

#include <stdbool.h>
#include <stdint.h>

/** NTP time (seconds since 1900 in 32.32) of a microsecond count that starts at the Unix epoch. */
uint64_t plm_ntp_from_us(uint64_t unix_us);
uint64_t plm_ntp_to_us(uint64_t ntp);

struct plm_ntp_map {
    uint32_t clock_rate;
    bool anchored;   /**< by arrival */
    bool by_report;  /**< by at least one sender report */
    uint64_t ts0;    /**< extended RTP timestamp of the anchor */
    int64_t us0;     /**< our clock at ts0 */
    bool have_offset;
    int64_t offset_us; /**< our clock minus the sender's NTP clock, shared by streams of one sender: min-filtered over reports */
};
void plm_ntp_map_init(struct plm_ntp_map *m, uint32_t clock_rate);
/** Feed an arrival: anchors the line, and while no report is known follows the earliest arrivals. */
void plm_ntp_map_on_packet(struct plm_ntp_map *m, uint64_t ext_ts, uint64_t now_us);
/** Feed a sender report. @param offset_us our clock minus sender's NTP clock as the transport knows it */
void plm_ntp_map_on_report(struct plm_ntp_map *m, uint64_t ntp, uint64_t ext_ts, int64_t offset_us);
/** Our clock at which the sample of this timestamp was captured. */
int64_t plm_ntp_map_us(const struct plm_ntp_map *m, uint64_t ext_ts);
/** The timestamp at an instant of our clock. */
uint64_t plm_ntp_map_ts(const struct plm_ntp_map *m, int64_t us);

/** One sender's NTP clock against ours, from arrivals of its sender reports: the smallest seen of late, so that queueing adds nothing. */
struct plm_ntp_offset {
    bool any;
    int64_t offset_us;
    int64_t window[8];
    uint8_t n, at;
};
void plm_ntp_offset_on_report(struct plm_ntp_offset *o, uint64_t ntp, uint64_t now_us);

#endif
