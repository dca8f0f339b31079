/*
 * What an estimator was told and what it said, in a few octets per call: the same estimator says the same when it is told the same. A log
 * holds no payload and no address.
 *
 * Format: octets 'P' 'B' 1, then records of a kind, the time since the record before in us, and its values; numbers are unsigned LEB128, a
 * signed one is zigzag-coded. Whoever reads one checks every length.
 */
#ifndef PLM_BWE_LOG_H
#define PLM_BWE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Bounded: what does not fit any more is left out, and everything behind it. With a drain it fits again. */
struct plm_bwe_log {
    uint8_t *data; /**< the caller's, of cap octets */
    size_t cap, len;
    bool full;
    /** Takes what is there; the pieces in their order are the log. NULL: nobody does. @return false: it is lost, and the log ends */
    bool (*drain)(void *arg, const uint8_t *data, size_t len);
    void *arg;
    uint64_t last_us;
    uint16_t last_seq;
};

/** Begin one in the caller's memory. */
void plm_bwe_log_init(struct plm_bwe_log *log, uint8_t *data, size_t cap);
void plm_bwe_log_sent(struct plm_bwe_log *log, uint16_t twcc_seq, uint16_t size, uint64_t now_us);
void plm_bwe_log_sample(struct plm_bwe_log *log, bool on, uint64_t now_us);
void plm_bwe_log_twcc(struct plm_bwe_log *log, const uint8_t *fci, size_t len, uint64_t now_us);
void plm_bwe_log_remb(struct plm_bwe_log *log, uint64_t bitrate_bps, uint64_t now_us);
void plm_bwe_log_report(
    struct plm_bwe_log *log, uint32_t packets, uint8_t fraction_q8, uint32_t rtt_us, uint64_t now_us);
void plm_bwe_log_want(struct plm_bwe_log *log, uint32_t bps, bool padding);
void plm_bwe_log_aim(struct plm_bwe_log *log, uint32_t used_bps, uint32_t next_bps);
void plm_bwe_log_poll(struct plm_bwe_log *log, uint64_t now_us);
/** It was asked for padding, and wanted so much. */
void plm_bwe_log_padding(struct plm_bwe_log *log, size_t octets, uint64_t now_us);
/** What the estimator says after a feedback. */
void plm_bwe_log_decision(struct plm_bwe_log *log, uint32_t estimate_bps);

/** Hand over what is there to the drain, which the owner has set. */
void plm_bwe_log_drain(struct plm_bwe_log *log);

struct plm_bwe_replay {
    uint32_t decisions, differing; /**< estimates and portions of padding, compared with the logged ones */
    uint64_t padding;              /**< octets */
    uint32_t last_bps;
    uint64_t first_us, last_us;
};
/**
 * Run a log through a new estimator.
 * @param each called for every decision, may be NULL
 * @return 0; PLM_EINVAL: not a log, or cut off in the midst of a record (what came before has been run); PLM_ENOMEM
 */
int plm_bwe_log_replay(const uint8_t *data, size_t len, struct plm_bwe_replay *out,
    void (*each)(void *arg, uint64_t at_us, uint32_t logged_bps, uint32_t bps), void *arg);

#endif
