/*
 * Bandwidth towards one receiver, from its feedback. No I/O, no clock.
 */
#ifndef PLM_BWE_H
#define PLM_BWE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * With transport-cc: a queue that grows in front of the line cuts to what arrives (delay_trend.h, draft-ietf-rmcat-gcc-02), and so does one
 * that stands; a sender that uses what it is allowed grows by 8 % a second, slower near where it was cut last; one that uses less proves
 * nothing, so clusters of padding find out what the line carries (bwe_probe.h), as long as the slots want more than the estimate.
 * Loss: what the line loses whatever is sent is learned and left out: of what is lost beyond it 10 % cut the estimate, or 2 % while
 * packets queue. A receiver that takes no padding grows by itself, to a few times what is sent. REMB: a fall below what is sent limits.
 * It is valid after a second of feedback, or with the first queue.
 */
struct plm_bwe;
struct plm_bwe *plm_bwe_create(void);
void plm_bwe_destroy(struct plm_bwe *b);
void plm_bwe_on_sent(struct plm_bwe *b, uint16_t twcc_seq, uint16_t size, uint64_t now_us);
/** @return whether the estimate fell: what is sent has to follow at once */
bool plm_bwe_on_twcc(struct plm_bwe *b, const uint8_t *fci, size_t len, uint64_t now_us);
void plm_bwe_on_remb(struct plm_bwe *b, uint64_t bitrate_bps, uint64_t now_us);
/** @param fraction_q8 lost of 256, worst of the report's blocks weighted by packets */
void plm_bwe_on_report(struct plm_bwe *b, uint8_t fraction_q8, uint32_t rtt_us, uint64_t now_us);
/** Run timers, at least every 200 ms. */
void plm_bwe_poll(struct plm_bwe *b, uint64_t now_us);
/**
 * The rate that all slots of this receiver together would take if there were no limit, bit/s; 0: nothing to gain by probing.
 * @param padding whether there is something to send for a probe
 */
void plm_bwe_want(struct plm_bwe *b, uint32_t bps, bool padding);
#define PLM_BWE_PROBE_STEP_US 3000 /* between two portions of a probe */
/** When plm_bwe_padding is to be asked next, UINT64_MAX: no probe is due. */
uint64_t plm_bwe_probe_at(const struct plm_bwe *b, uint64_t now_us);
/** @return octets of padding that should leave now */
size_t plm_bwe_padding(struct plm_bwe *b, uint64_t now_us);
/** @return bit/s, 0 while the estimate is not valid: nothing may be paused then */
uint32_t plm_bwe_estimate(const struct plm_bwe *b);
/** Whether a long queue stands before the line: what is not needed is better not sent. */
bool plm_bwe_is_full(const struct plm_bwe *b);
/** Whether it is so, or was just now. */
bool plm_bwe_is_strained(const struct plm_bwe *b, uint64_t now_us);
uint32_t plm_bwe_rtt_us(const struct plm_bwe *b);
/** Bit/s acknowledged over the last second (0 unknown). */
uint32_t plm_bwe_acked(const struct plm_bwe *b);

#endif
