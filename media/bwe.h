/*
 * Bandwidth towards one receiver, from its feedback. No I/O, no clock: the same calls give the same decisions, and can be recorded.
 *
 * Where the receiver sends transport-cc feedback, these move one estimate:
 * - the delay (bwe_delay, bwe_aimd): a queue that grows in front of the line, and lasts or is long, cuts it to a little less than what goes through;
 * - a few packets that come one by one far too slowly say that the line has become narrow, before a queue can last;
 * - loss beyond what the line loses by itself (bwe_loss) cuts it too;
 * - without either it grows, but only while most of it is being sent: an application-limited sender proves nothing;
 * - what arrives for a second without a queue is carried, whatever was thought before;
 * - what a line or a machine held up and let go is neither: nothing is cut for it, and what flowed before is proved again by the next cluster;
 * - clusters of packets at a higher rate (bwe_probe) lift it to what they were seen to carry, at the start, and later as long as the slots would
 *   take more than there is;
 * - before the slots take more, a trial of nearly a second (bwe_trial) shows whether that much goes through. One that fails bounds the estimate
 *   for a while, longer each time. One of which hardly more is lost than before shows that the line loses that by itself.
 * Of sound alone, over a line on which nothing is lost or waits, a packet in a while is acknowledged: there is nothing to choose.
 * Without transport-cc it goes by the reports' loss, and by REMB.
 */
#ifndef PLM_BWE_H
#define PLM_BWE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLM_BWE_MIN_BPS 50000 /* sound, and a picture now and then */
#define PLM_BWE_MAX_BPS 200000000

struct plm_bwe;
struct plm_bwe_log;
struct plm_bwe *plm_bwe_create(void);
void plm_bwe_destroy(struct plm_bwe *b);
/** plm_bwe_on_sent will be called soon: fetch what it writes. Its beginning has to be there already. NULL is fine. */
void plm_bwe_prefetch(const struct plm_bwe *b, uint16_t twcc_seq);
/** plm_bwe_on_twcc will be called soon: fetch what it works on. */
void plm_bwe_prefetch_feedback(const struct plm_bwe *b);
/** Of each packet that is to be acknowledged, at departure. @param size octets of the datagram */
void plm_bwe_on_sent(struct plm_bwe *b, uint16_t twcc_seq, uint16_t size, uint64_t now_us);
/** @return whether the estimate fell, or a trial is over: what is sent has to follow at once */
bool plm_bwe_on_twcc(struct plm_bwe *b, const uint8_t *fci, size_t len, uint64_t now_us);
void plm_bwe_on_remb(struct plm_bwe *b, uint64_t bitrate_bps, uint64_t now_us);
/**
 * A report block of one stream (RFC 3550 section 6.4.1); all streams' count together, each by its packets.
 * @param packets sent since that stream's last one @param fraction_q8 lost of 256 @param rtt_us 0: it tells none
 */
void plm_bwe_on_report(
    struct plm_bwe *b, uint32_t packets, uint8_t fraction_q8, uint32_t rtt_us, uint64_t now_us);
/**
 * The rate that all slots of this receiver together would take if there were no limit, bit/s; 0: nothing to gain by probing. The estimator
 * probes only towards it.
 * @param padding whether there is something to send for a probe
 */
void plm_bwe_want(struct plm_bwe *b, uint32_t bps, bool padding);
/**
 * What the slots were given, and what they would take after their next step up, bit/s; next 0: there is none. The rate of the next step is
 * tried where it is not proved.
 */
void plm_bwe_aim(struct plm_bwe *b, uint32_t used_bps, uint32_t next_bps);
#define PLM_BWE_PROVED_PERCENT 93 /* of the next step: pictures come to take a little more while it is tried */
/** @return bit/s that went through for long enough, lately, at least 1; 0: nothing can be tried, so a step up is the trial */
uint32_t plm_bwe_proved(const struct plm_bwe *b, uint64_t now_us);
/** Run timers, at least every 200 ms. */
void plm_bwe_poll(struct plm_bwe *b, uint64_t now_us);
#define PLM_BWE_PROBE_STEP_US 3000 /* between two portions of a cluster */
/** When plm_bwe_padding is to be asked next, UINT64_MAX: no cluster is due before there is new feedback. */
uint64_t plm_bwe_probe_at(const struct plm_bwe *b, uint64_t now_us);
/** @return octets of padding that should leave now. What plm_bwe_on_sent is told while a cluster runs belongs to it. */
size_t plm_bwe_padding(struct plm_bwe *b, uint64_t now_us);

/**
 * @return bit/s, 0 while the estimate is not valid: nothing may be paused then. Valid it is once a cluster was answered or too much was sent,
 * else after a second of feedback. From PLM_BWE_MIN_BPS to PLM_BWE_MAX_BPS.
 */
uint32_t plm_bwe_estimate(const struct plm_bwe *b);
/** Of 256 packets, how many its line loses: more at once, less over some seconds. */
uint32_t plm_bwe_lost_q8(const struct plm_bwe *b);
uint32_t plm_bwe_rtt_us(const struct plm_bwe *b);
/** Bit/s acknowledged over the last second (0 unknown). */
uint32_t plm_bwe_acked(const struct plm_bwe *b);
/** Whether a long queue stands before the line: what is not needed is better not sent. */
bool plm_bwe_is_full(const struct plm_bwe *b);
/** Whether the estimate fell by much just now: what left before that is still on its way, and makes a long queue. */
bool plm_bwe_fell_far(const struct plm_bwe *b, uint64_t now_us);
/** Whether such a queue is there, or about to be. */
bool plm_bwe_is_crowded(const struct plm_bwe *b, uint64_t now_us);
/** Whether it is so, or the estimate fell just now. */
bool plm_bwe_is_strained(const struct plm_bwe *b, uint64_t now_us);
/**
 * Whether it is enough that a packet now and then is acknowledged, where sound alone is sent: for some seconds, of which enough is known, nothing was
 * lost or waited.
 */
bool plm_bwe_may_sample(const struct plm_bwe *b, uint64_t now_us);
/** From now on packets between samples leave without plm_bwe_on_sent, or again none does: no rate is judged by samples. */
void plm_bwe_sample(struct plm_bwe *b, bool on, uint64_t now_us);
/** Record what it is told and what it says; NULL: no more. Borrowed. Only a log that began with the estimator can be replayed. */
void plm_bwe_set_log(struct plm_bwe *b, struct plm_bwe_log *log);

#endif
