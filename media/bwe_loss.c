#include "bwe_loss.h"

#define WINDOW_US         500000
#define WINDOW_MAX_US     2000000
#define PACKETS           100 /* fewer say little: of 100 that lose one in ten, chance makes it 7 to 13 */
#define PACKETS_MIN       10
#define FIRST             3 /* verdicts that tell the own loss: one alone may be a lucky one */
#define CUT_INTERVAL_US   300000
#define LOW_LOSS_Q8       5   /* 2 % */
#define SHARED_LOSS_Q8    15  /* 6 %: a download loses so much, at times, and others with it */
#define HIGH_LOSS_Q8      26  /* 10 % */
#define OWN_LOSS_Q8       77  /* 30 %: of more it takes a proof that it is the line's own */
#define PROVED_LOSS_Q8    115 /* 45 %: no line loses more by itself */
#define PROVED_PERCENT    60  /* of what was sent when cutting began */
#define AS_MUCH_PERCENT   80  /* of what was lost then; a bound on the rate leaves two thirds of it at most */
#define LESS_SENT_PERCENT 80 /* of what went through well: if as much is lost still, it is not for the rate */
#define LESS_TOLD_PERCENT 40 /* the same for the estimate, which a sender may not be able to follow */
#define HELPED_PERCENT    70
#define LEAST_CUT_Q8      26 /* 5 %: less empties no queue */

bool plm_bwe_loss_count(
    struct plm_bwe_loss *l, uint32_t got, uint32_t lost, uint64_t now_us, uint32_t *loss_q8)
{
    if (!l->window_start_us)
        l->window_start_us = now_us;
    l->window_got += got;
    l->window_lost += lost;
    uint32_t total = l->window_lost + l->window_got;
    uint64_t since = now_us - l->window_start_us;
    if (total < PACKETS_MIN || since < WINDOW_US || (total < PACKETS && since < WINDOW_MAX_US))
        return false;
    *loss_q8 = (uint32_t)((uint64_t)l->window_lost * 256 / total);
    l->window_lost = l->window_got = 0;
    l->window_start_us = now_us;
    return true;
}

void plm_bwe_loss_count_anew(struct plm_bwe_loss *l)
{
    l->window_start_us = 0;
    l->window_lost = l->window_got = 0;
}

void plm_bwe_loss_end_ease(struct plm_bwe_loss *l)
{
    l->verdicts = FIRST;
    plm_bwe_loss_count_anew(l);
}

void plm_bwe_loss_take_back(struct plm_bwe_loss *l)
{
    l->window_lost -= l->window_lost > 0;
}

void plm_bwe_loss_begin(struct plm_bwe_loss *l, uint32_t loss_q8, const struct plm_bwe_state *s)
{
    int32_t own = s->queueing || loss_q8 > OWN_LOSS_Q8 ? 0 : (int32_t)loss_q8 << 8;
    l->verdicts = own || !loss_q8 ? (uint8_t)(l->verdicts + (l->verdicts < FIRST)) : FIRST;
    l->loss_q16 += (((int32_t)loss_q8 << 8) - l->loss_q16) / l->verdicts;
    l->own_q16 += (own - l->own_q16) / l->verdicts;
    if (s->sending > l->good_bps)
        l->good_bps = s->sending;
}

bool plm_bwe_loss_has_begun(const struct plm_bwe_loss *l)
{
    return l->verdicts == FIRST;
}

/*
 * Less is sent, and as much is lost. Of heavy loss that takes more to show: what a line that drops all beyond a bound loses falls slowly at
 * first.
 */
static bool is_own(const struct plm_bwe_loss *l, uint64_t sending, uint64_t estimate)
{
    if (l->loss_q16 <= OWN_LOSS_Q8 << 8)
        return sending * 100 <= l->good_bps * LESS_SENT_PERCENT ||
               estimate * 100 <= l->good_bps * LESS_TOLD_PERCENT;
    bool less = sending * 100 <= l->cut_bps * PROVED_PERCENT;
    bool as_much = l->cut_q16 && (int64_t)l->loss_q16 * 100 >= (int64_t)l->cut_q16 * AS_MUCH_PERCENT;
    return less && as_much && l->loss_q16 <= PROVED_LOSS_Q8 << 8;
}

/*
 * Tell what the line loses by itself from what it loses because too much is sent: where clearly less is sent than went through well,
 * nothing waits in front of the line, and it loses as much as before, cutting on would only end the picture. A time of cutting that did
 * lessen the loss shows what is too much.
 */
static void learn(struct plm_bwe_loss *l, const struct plm_bwe_state *s)
{
    uint64_t sending = s->sending ? s->sending : s->estimate;
    if (s->queueing)
        l->own_q16 -= l->own_q16 / 8; /* a full line has lost for that all along, it may be */
    int32_t excess = l->loss_q16 - l->own_q16;
    if (l->cut_q16 && l->loss_q16 * 100 < l->cut_q16 * HELPED_PERCENT) {
        l->good_bps = l->cut_bps = sending;
        l->cut_q16 = l->loss_q16;
    }
    if (excess < LOW_LOSS_Q8 << 8) {
        l->cut_q16 = 0;
        if (sending > l->good_bps)
            l->good_bps = sending;
        if (excess < 0)
            l->own_q16 += excess / 8;
        return;
    }
    if (!s->queueing && is_own(l, sending, s->estimate))
        l->own_q16 += excess / 4;
}

uint32_t plm_bwe_loss_judge(struct plm_bwe_loss *l, uint32_t loss_q8, const struct plm_bwe_state *s)
{
    l->loss_q16 += ((int32_t)(loss_q8 << 8) - l->loss_q16) / 4;
    learn(l, s);
    /* With a queue in front of the line less is enough: it is full, and only sending less empties it. */
    int32_t high = (s->queueing ? LOW_LOSS_Q8 : HIGH_LOSS_Q8) << 8;
    if ((int32_t)(loss_q8 << 8) - l->own_q16 < high || l->loss_q16 - l->own_q16 < high / 2 ||
        s->now_us - l->last_cut_us < CUT_INTERVAL_US + s->rtt_us)
        return 0;
    if (!l->cut_q16)
        l->cut_bps = s->sending;
    if (l->loss_q16 > l->cut_q16)
        l->cut_q16 = l->loss_q16;
    l->last_cut_us = s->now_us;
    return loss_q8 > LEAST_CUT_Q8 ? loss_q8 : LEAST_CUT_Q8;
}

bool plm_bwe_loss_allows_growth(const struct plm_bwe_loss *l, bool shared)
{
    return l->loss_q16 - l->own_q16 < (shared ? SHARED_LOSS_Q8 : LOW_LOSS_Q8) << 8;
}

bool plm_bwe_loss_allows_trial(const struct plm_bwe_loss *l)
{
    return l->loss_q16 - l->own_q16 < HIGH_LOSS_Q8 << 8;
}

bool plm_bwe_loss_is_heavy(const struct plm_bwe_loss *l)
{
    return l->loss_q16 > OWN_LOSS_Q8 << 8;
}

void plm_bwe_loss_take_as_own(struct plm_bwe_loss *l)
{
    if (l->own_q16 < l->loss_q16 && !plm_bwe_loss_is_heavy(l))
        l->own_q16 = l->loss_q16;
}

static uint32_t bounded(int32_t q16)
{
    int32_t most = PROVED_LOSS_Q8 << 8;
    return (uint32_t)(q16 < 0 ? 0 : q16 > most ? most : q16);
}

uint32_t plm_bwe_loss_own_q16(const struct plm_bwe_loss *l)
{
    return bounded(l->own_q16);
}

uint32_t plm_bwe_loss_now_q16(const struct plm_bwe_loss *l)
{
    return bounded(l->loss_q16 > l->own_q16 ? l->loss_q16 : l->own_q16);
}
