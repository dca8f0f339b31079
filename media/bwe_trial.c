#include "bwe_trial.h"

#define LENGTH_US       800000 /* of what is a twentieth too much, a queue of 40 ms */
#define QUEUE_US        25000  /* that even the luckiest packet of a feedback waits */
#define QUEUE_LONG_US   50000  /* of one feedback alone */
#define WAITED          2      /* feedbacks in a row */
#define LATE_US         500000 /* beside a round trip: an answer that never comes */
#define ANSWER_US       100000 /* beside a round trip: what was sent last has been answered */
#define DRAIN_US        500000
#define SENT_PERCENT    90   /* of the rate; of less it says nothing */
#define LOST_Q16        2000 /* 3 % more than is lost without it */
#define LOST_PACKETS    40
#define DEVIATIONS      2
#define STEPS_MAX       4       /* what could not leave in time is not made up for at once */
#define AGAIN_US        1000000 /* after one that said nothing */
#define PATIENCE_US     5000000
#define PATIENCE_MAX_US 60000000
#define PROVED_US       10000000
#define LESS_PERCENT                                                                                         \
    95 /* of what failed is another question; of what went through meanwhile goes through well */
#define WIDER_PERCENT 130

uint64_t plm_bwe_trial_at(const struct plm_bwe_trial *t, uint32_t bps, uint64_t now_us)
{
    if (t->bps || !bps)
        return UINT64_MAX;
    uint64_t at = t->next_us;
    bool failed = t->failed_bps && (uint64_t)bps * 100 > (uint64_t)t->failed_bps * LESS_PERCENT;
    if (failed && t->failed_us + t->patience_us > at)
        at = t->failed_us + t->patience_us;
    return at > now_us ? at : now_us;
}

void plm_bwe_trial_begin(struct plm_bwe_trial *t, uint32_t bps, uint32_t used_bps, uint64_t now_us)
{
    t->bps = bps;
    t->used_bps = used_bps;
    t->sending = true;
    t->began_us = t->ended_us = now_us;
    t->octets = 0;
    t->got = t->lost = t->waited = 0;
}

uint64_t plm_bwe_trial_due(struct plm_bwe_trial *t, uint32_t step_us, uint64_t now_us)
{
    if (!t->sending)
        return 0;
    uint64_t since = now_us - t->began_us;
    t->ended_us = now_us;
    if (since >= LENGTH_US) {
        t->sending = false;
        return 0;
    }
    uint64_t due = t->bps * (since + step_us) / 8000000,
             most = t->bps * (uint64_t)step_us * STEPS_MAX / 8000000;
    due = due > t->octets ? due - t->octets : 0;
    return due < most ? due : most;
}

static void over(struct plm_bwe_trial *t, uint64_t next_us)
{
    t->bps = 0;
    t->sending = false;
    t->next_us = next_us;
}

void plm_bwe_trial_forgive(struct plm_bwe_trial *t)
{
    t->failed_bps = t->cap_bps = t->patience_us = 0;
}

static void prove(struct plm_bwe_trial *t, uint64_t now_us)
{
    t->proved_bps = t->bps;
    t->proved_us = now_us;
    if (t->bps >= t->failed_bps)
        plm_bwe_trial_forgive(t);
    over(t, now_us);
}

static void fail(struct plm_bwe_trial *t, const struct plm_bwe_trial_state *s)
{
    bool again = t->failed_us && s->now_us - t->failed_us < 2 * (uint64_t)t->patience_us;
    uint32_t longer = t->patience_us < PATIENCE_MAX_US / 2 ? t->patience_us * 2 : PATIENCE_MAX_US;
    uint64_t through = (uint64_t)s->acked * LESS_PERCENT / 100;
    t->patience_us = again ? longer : PATIENCE_US;
    t->failed_us = s->now_us;
    t->failed_bps = t->bps;
    through = through < t->bps ? through : (uint64_t)t->bps * LESS_PERCENT / 100;
    t->cap_bps = through > t->used_bps ? (uint32_t)through : t->used_bps;
    if (t->proved_bps > t->cap_bps)
        t->proved_bps = t->cap_bps;
    over(t, s->now_us + AGAIN_US);
}

/* Clearly more was lost than would have been anyway: by more than chance makes of it, too. */
static bool loses(const struct plm_bwe_trial *t, uint32_t lost_q16)
{
    uint64_t all = (uint64_t)t->got + t->lost, lost = (uint64_t)t->lost * 65536, expected = all * lost_q16;
    if (all < LOST_PACKETS || lost <= expected + all * LOST_Q16)
        return false;
    /* In packets; the square of their deviation is about what is expected. */
    uint64_t excess = (lost - expected) / 65536;
    return excess * excess * 65536 > expected * DEVIATIONS * DEVIATIONS;
}

bool plm_bwe_trial_judge(
    struct plm_bwe_trial *t, uint32_t got, uint32_t lost, const struct plm_bwe_trial_state *s)
{
    if (!t->bps || s->now_us - t->began_us <= s->rtt_us)
        return false;
    if (s->let_go) {
        over(t, s->now_us + AGAIN_US);
        return false;
    }
    t->got += got;
    t->lost += lost;
    t->waited = got && s->least_wait_us > QUEUE_US ? (uint8_t)(t->waited + 1) : 0;
    if (t->waited >= WAITED || (t->waited && s->least_wait_us > QUEUE_LONG_US) || loses(t, s->lost_q16) ||
        s->estimate < t->bps) {
        fail(t, s);
        return true;
    }
    uint64_t since = s->now_us - t->ended_us;
    bool late = since > s->rtt_us + LATE_US;
    if (!late && (t->sending || since < s->rtt_us + ANSWER_US || t->waited))
        return false;
    if (late || t->octets * 8000000 < (t->ended_us - t->began_us) * t->bps / 100 * SENT_PERCENT) {
        over(t, s->now_us + AGAIN_US);
        return false;
    }
    prove(t, s->now_us);
    return true;
}

bool plm_bwe_trial_lost_no_more(const struct plm_bwe_trial *t, uint64_t now_us)
{
    return t->proved_us == now_us && t->got + t->lost >= LOST_PACKETS;
}

bool plm_bwe_trial_is_felt(const struct plm_bwe_trial *t, uint32_t rtt_us, uint64_t now_us)
{
    return t->bps || (t->ended_us && now_us - t->ended_us < DRAIN_US + rtt_us);
}

uint32_t plm_bwe_trial_proved(const struct plm_bwe_trial *t, uint64_t now_us)
{
    return t->proved_us && now_us - t->proved_us < PROVED_US ? t->proved_bps : 0;
}

uint32_t plm_bwe_trial_cap(const struct plm_bwe_trial *t, uint64_t now_us)
{
    return t->cap_bps && now_us - t->failed_us < t->patience_us ? t->cap_bps : 0;
}

uint64_t plm_bwe_trial_wider(const struct plm_bwe_trial *t, uint64_t now_us)
{
    return plm_bwe_trial_cap(t, now_us) ? (uint64_t)t->failed_bps * WIDER_PERCENT / 100 : 0;
}

void plm_bwe_trial_on_carried(struct plm_bwe_trial *t, uint64_t bps, bool sent, uint64_t now_us)
{
    if (!plm_bwe_trial_cap(t, now_us))
        return;
    if (bps >= plm_bwe_trial_wider(t, now_us))
        plm_bwe_trial_forgive(t);
    else if (sent && bps > t->cap_bps && !plm_bwe_trial_is_felt(t, DRAIN_US, now_us))
        t->cap_bps = bps < t->failed_bps ? (uint32_t)bps : t->failed_bps;
}

void plm_bwe_trial_renew(struct plm_bwe_trial *t, uint32_t bps, uint64_t now_us)
{
    if (bps < plm_bwe_trial_proved(t, now_us) || (t->failed_bps && bps >= t->failed_bps))
        return;
    t->proved_bps = bps;
    t->proved_us = now_us;
}

void plm_bwe_trial_on_fall(struct plm_bwe_trial *t, uint32_t estimate)
{
    if (t->proved_bps > estimate)
        t->proved_bps = estimate;
}
