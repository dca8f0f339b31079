/*
 * A rate is tried before it is needed: for as long as it takes a queue to show, padding makes what is sent as much as it will be. A step up that
 * the line cannot carry fails there, where nobody sees it. No I/O, no clock.
 */
#ifndef PLM_BWE_TRIAL_H
#define PLM_BWE_TRIAL_H

#include <stdbool.h>
#include <stdint.h>

/** Zeroed memory is a beginning. */
struct plm_bwe_trial {
    uint32_t bps; /**< under way, or awaiting its answer; 0: none */
    bool sending;
    uint32_t used_bps; /**< what was given out when it began: whatever it shows, that went through */
    uint64_t began_us, ended_us;
    uint64_t octets;    /**< that have left since it began */
    uint32_t got, lost; /**< of what left then */
    uint8_t waited;     /**< feedbacks in a row that found a queue */
    /* what is known from it */
    uint32_t proved_bps, failed_bps;
    uint64_t proved_us, failed_us;
    uint32_t patience_us; /**< after the last failure */
    uint64_t next_us;     /**< no other one before; of what failed, no other before its patience is over */
    uint32_t cap_bps;     /**< what a failure has shown, while it is believed; 0: nothing */
};

/** What an answer is read from. */
struct plm_bwe_trial_state {
    uint32_t estimate, acked; /**< bit/s */
    int64_t least_wait_us;    /**< of the last feedback */
    bool let_go;              /**< it tells of what was held up and let go: that wait is no queue */
    uint32_t lost_q16;        /**< what is lost without it, of 65536 */
    uint32_t rtt_us;
    uint64_t now_us;
};

/** @return when a trial of this rate may begin, UINT64_MAX: not before something else has changed */
uint64_t plm_bwe_trial_at(const struct plm_bwe_trial *t, uint32_t bps, uint64_t now_us);
void plm_bwe_trial_begin(struct plm_bwe_trial *t, uint32_t bps, uint32_t used_bps, uint64_t now_us);
/** @return octets of padding that are due within step_us, beside what has left meanwhile; 0 also: sending has ended. Is asked each step. */
uint64_t plm_bwe_trial_due(struct plm_bwe_trial *t, uint32_t step_us, uint64_t now_us);
/** After a feedback. @return whether it is over: what is proved, or what the cap is, has changed */
bool plm_bwe_trial_judge(
    struct plm_bwe_trial *t, uint32_t got, uint32_t lost, const struct plm_bwe_trial_state *s);
/** One of enough packets to tell how many are lost went well just now: no more was lost of it than before. */
bool plm_bwe_trial_lost_no_more(const struct plm_bwe_trial *t, uint64_t now_us);
/** It is on its way, or has been until a moment ago: a queue may be its own. */
bool plm_bwe_trial_is_felt(const struct plm_bwe_trial *t, uint32_t rtt_us, uint64_t now_us);
/** @return bit/s that went through for long enough, lately; 0: nothing */
uint32_t plm_bwe_trial_proved(const struct plm_bwe_trial *t, uint64_t now_us);
/** @return bit/s above which nothing is believed, 0: no bound */
uint32_t plm_bwe_trial_cap(const struct plm_bwe_trial *t, uint64_t now_us);
/** What clearly more than that says that the line has become another. @return bit/s; 0: no bound */
uint64_t plm_bwe_trial_wider(const struct plm_bwe_trial *t, uint64_t now_us);
/** So much goes through, by other evidence: a failure counts no more, if it is clearly more, or if it has been sent for a while. */
void plm_bwe_trial_on_carried(struct plm_bwe_trial *t, uint64_t bps, bool sent, uint64_t now_us);
/** So much went through for long, until the line stood still, and goes through again. */
void plm_bwe_trial_renew(struct plm_bwe_trial *t, uint32_t bps, uint64_t now_us);
/** What failed says nothing any more. */
void plm_bwe_trial_forgive(struct plm_bwe_trial *t);
/** The estimate fell to this: more is not proved any longer, and what is under way cannot be. */
void plm_bwe_trial_on_fall(struct plm_bwe_trial *t, uint32_t estimate);

#endif
