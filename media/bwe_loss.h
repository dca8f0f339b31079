/*
 * What loss says about a line. What it loses whatever is sent (radio) is learned and left out; what is lost beyond that is for sending
 * too much. No I/O, no clock.
 */
#ifndef PLM_BWE_LOSS_H
#define PLM_BWE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

/** Zeroed memory is a beginning. */
struct plm_bwe_loss {
    uint64_t window_start_us;
    uint32_t window_lost, window_got;
    int32_t loss_q16;  /**< of about the last two seconds */
    int32_t own_q16;   /**< what of it the line loses whatever is sent */
    int32_t cut_q16;   /**< when the present time of cutting began; 0: none */
    uint64_t cut_bps;  /**< what was sent then */
    uint64_t good_bps; /**< what was sent, at most, with nothing lost beyond that */
    uint64_t last_cut_us;
    uint8_t verdicts; /**< up to those that begin */
};

/** What a verdict is given on. */
struct plm_bwe_state {
    uint64_t estimate, sending; /**< bit/s */
    bool queueing;              /**< packets wait in front of the line */
    uint32_t rtt_us;
    uint64_t now_us;
};

/** Count statuses of one feedback. @return whether enough is counted for a verdict; *loss_q8: lost of 256, and counting begins anew */
bool plm_bwe_loss_count(
    struct plm_bwe_loss *l, uint32_t got, uint32_t lost, uint64_t now_us, uint32_t *loss_q8);
/** For seconds nothing was lost: what is lost from now on is none of the line's own. What was counted since the last verdict is forgotten. */
void plm_bwe_loss_end_ease(struct plm_bwe_loss *l);
/** One that was counted as lost has come after all. */
void plm_bwe_loss_take_back(struct plm_bwe_loss *l);
/**
 * One of the first verdicts, or one before the estimate is valid: what is lost from the first, without a queue, is the line's own, as long as
 * nobody knows better.
 */
void plm_bwe_loss_begin(struct plm_bwe_loss *l, uint32_t loss_q8, const struct plm_bwe_state *s);
bool plm_bwe_loss_has_begun(const struct plm_bwe_loss *l);
/** A verdict on a while. @return by how much of 512 to cut what is sent; 0: not at all */
uint32_t plm_bwe_loss_judge(struct plm_bwe_loss *l, uint32_t loss_q8, const struct plm_bwe_state *s);
/** Of 65536 packets, how many the line loses whatever is sent; below half. */
uint32_t plm_bwe_loss_own_q16(const struct plm_bwe_loss *l);
/** Little enough is lost that more may be sent. @param shared with others who fill the line: it loses for them, too */
bool plm_bwe_loss_allows_growth(const struct plm_bwe_loss *l, bool shared);
/** So little is lost that more may be tried: whether as much is lost of it tells whose loss that is. */
bool plm_bwe_loss_allows_trial(const struct plm_bwe_loss *l);
/** What was counted since the last verdict is forgotten: it was not sent as what comes now is. */
void plm_bwe_loss_count_anew(struct plm_bwe_loss *l);
/** Of 65536 packets, how many are lost at present, or the line loses whatever is sent if that is more; below half. */
uint32_t plm_bwe_loss_now_q16(const struct plm_bwe_loss *l);
/** More is lost than any line is believed to lose by itself. */
bool plm_bwe_loss_is_heavy(const struct plm_bwe_loss *l);
/** What the line loses at present it loses whatever is sent. */
void plm_bwe_loss_take_as_own(struct plm_bwe_loss *l);

#endif
