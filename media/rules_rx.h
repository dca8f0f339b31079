/*
 * Rules of the receiving side, each without I/O and clock: loss repair requests, statistics for report blocks, audio levels.
 */
#ifndef PLM_RULES_RX_H
#define PLM_RULES_RX_H

#include "rtcp.h"

/* ---- NACK to publishers ---- */

#define PLM_NACK_MAX 256

/** Which sequence numbers to ask for again. An embedded value. */
struct plm_nack_gen {
    bool any;
    uint64_t newest;
    uint32_t n;
    struct {
        uint64_t ext_seq;
        uint64_t first_us, last_us; /**< noticed; asked last (0: never) */
        uint8_t tries;
    } lost[PLM_NACK_MAX];
    uint64_t recovered, given_up;
    bool gave_up; /**< since the last poll */
};
void plm_nack_gen_init(struct plm_nack_gen *g);
/** @return true when a gap opened: poll soon. A jump of more than PLM_NACK_MAX empties the list (a keyframe is cheaper). */
bool plm_nack_gen_on_packet(struct plm_nack_gen *g, uint64_t ext_seq, uint64_t now_us);
/**
 * Sequence numbers due: first after a reordering delay of min(10 ms, rtt/4), then every max(rtt*1.25, 20 ms), at most 8 times and 1.5 s.
 * @param keyframe_wanted set when packets were given up: only a keyframe helps
 * @return how many were written to out
 */
size_t plm_nack_gen_poll(struct plm_nack_gen *g, uint64_t now_us, uint32_t rtt_us, uint16_t *out, size_t max, uint64_t *next_us,
    bool *keyframe_wanted);
/** Forget what is older (a keyframe made it useless). */
void plm_nack_gen_forget_before(struct plm_nack_gen *g, uint64_t ext_seq);

/* ---- receive statistics of one SSRC (RFC 3550 appendices A.1, A.3, A.8) ---- */

struct plm_rx_stats {
    bool any;
    uint32_t clock_rate;
    uint64_t base_ext, max_ext, last_arrival_us, last_ts;
    uint64_t packets, bytes, duplicates, recovered;
    uint64_t expected_prior, received_prior;
    uint32_t jitter_q4; /**< RTP ticks << 4 */
    uint32_t last_sr_mid;  /**< middle 32 bits of the last SR's NTP time */
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
uint64_t plm_rx_stats_on_packet(struct plm_rx_stats *s, uint16_t seq, uint32_t ts, size_t len, uint64_t now_us);
void plm_rx_stats_on_sr(struct plm_rx_stats *s, uint64_t ntp, uint64_t now_us);
/** Fill a report block and begin the next interval. */
void plm_rx_stats_block(struct plm_rx_stats *s, uint32_t ssrc, uint64_t now_us, struct plm_rtcp_block *out);
uint32_t plm_rx_stats_bitrate(const struct plm_rx_stats *s, uint64_t now_us);
uint32_t plm_rx_stats_jitter_us(const struct plm_rx_stats *s);

#endif
