/*
 * Receive statistics of one SSRC (RFC 3550 appendices A.1, A.3 and A.8). No I/O, no clock.
 */
#ifndef PLM_RX_STATS_H
#define PLM_RX_STATS_H

#include "rtcp.h"

struct plm_rx_stats {
    bool any;
    uint32_t clock_rate;
    uint64_t base_ext, max_ext, last_arrival_us, last_ts;
    uint64_t packets, bytes, duplicates, recovered;
    uint64_t expected_prior, received_prior;
    uint32_t jitter_q4;   /**< RTP ticks << 4 */
    uint32_t last_sr_mid; /**< middle 32 bits of the last SR's NTP time */
    uint64_t last_sr_us;
    /* bitrate over a sliding second in 100 ms bins */
    uint32_t bins[10];
    uint64_t bin_start_us;
    uint8_t bin;
};
void plm_rx_stats_init(struct plm_rx_stats *s, uint32_t clock_rate);
/**
 * Every packet of the SSRC that came by itself, duplicates too (RFC 3550 appendix A.3 counts them); not what came by RTX.
 * `duplicates` and `recovered` are the owner's to count.
 * @return the extended sequence number; the first one lies in the second cycle
 */
uint64_t plm_rx_stats_on_packet(
    struct plm_rx_stats *s, uint16_t seq, uint32_t ts, size_t len, uint64_t now_us);
void plm_rx_stats_on_sr(struct plm_rx_stats *s, uint64_t ntp, uint64_t now_us);
/** Fill a report block and begin the next interval. */
void plm_rx_stats_block(struct plm_rx_stats *s, uint32_t ssrc, uint64_t now_us, struct plm_rtcp_block *out);
uint32_t plm_rx_stats_bitrate(const struct plm_rx_stats *s, uint64_t now_us);
uint32_t plm_rx_stats_jitter_us(const struct plm_rx_stats *s);

#endif
