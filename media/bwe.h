/*
 * Bandwidth towards one receiver, from its feedback. No I/O, no clock.
 */
#ifndef PLM_BWE_H
#define PLM_BWE_H

#include <stddef.h>
#include <stdint.h>

/**
 * First rule: loss, the queue in front of the line, and REMB. What the line loses whatever is sent is learned and left out: of what is lost
 * beyond it 10 % cut the estimate, or 2 % while packets queue; below 2 % and without a queue it grows by 8 % a second, to a few times what is
 * being sent (an application-limited sender proves no more). It is valid after a second of feedback.
 * The delay-based estimator takes its place behind the same functions.
 */
struct plm_bwe;
struct plm_bwe *plm_bwe_create(void);
void plm_bwe_destroy(struct plm_bwe *b);
void plm_bwe_on_sent(struct plm_bwe *b, uint16_t twcc_seq, uint16_t size, uint64_t now_us);
void plm_bwe_on_twcc(struct plm_bwe *b, const uint8_t *fci, size_t len, uint64_t now_us);
void plm_bwe_on_remb(struct plm_bwe *b, uint64_t bitrate_bps, uint64_t now_us);
/** @param fraction_q8 lost of 256, worst of the report's blocks weighted by packets */
void plm_bwe_on_report(struct plm_bwe *b, uint8_t fraction_q8, uint32_t rtt_us, uint64_t now_us);
/** Run timers, at least every 200 ms. */
void plm_bwe_poll(struct plm_bwe *b, uint64_t now_us);
/** @return bit/s, 0 while the estimate is not valid: nothing may be paused then */
uint32_t plm_bwe_estimate(const struct plm_bwe *b);
uint32_t plm_bwe_rtt_us(const struct plm_bwe *b);
/** Bit/s acknowledged over the last second (0 unknown). */
uint32_t plm_bwe_acked(const struct plm_bwe *b);

#endif
