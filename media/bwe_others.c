#include "bwe_others.h"

#define LESS_PERCENT 60 /* of what went through: a queue of our own is gone soon, then */
#define GOES_PERCENT                                                                                         \
    40 /* of what is sent in a second goes through, or the line itself has become that narrow */
#define LESS_US       800000   /* beside a round trip */
#define STAYS_US      30000    /* the luckiest wait of that time */
#define STAYS_PERCENT 50       /* the same of the wait that it began with */
#define ABOVE_US      20000    /* more than was seen may come */
#define TIME_US       10000000 /* of giving way: what went through at its beginning is what counts */
#define AGAIN_PERCENT 50       /* of what was sent then: others share the line */
#define AGAIN_US      2000000
#define FADE_US       200000
#define FADE_SHIFT    6       /* of a queue of which half is not seen any more, each time */
#define CLEAR_US      10000   /* a wait that shows no queue */
#define GONE_US       2000000 /* of those */

void plm_bwe_others_on_cut(
    struct plm_bwe_others *o, uint64_t through, uint64_t sending, uint64_t acked, uint64_t now_us)
{
    bool first = now_us - o->cut_us > TIME_US, narrow = acked * 100 < sending * GOES_PERCENT;
    o->cut_us = now_us;
    if (first || through > o->went_bps)
        o->sent_bps = sending;
    if (first || through > o->went_bps || narrow) /* else less was sent by then */
        o->went_bps = through;
}

/* @return whether nothing of it has been seen for a while */
static bool fade(struct plm_bwe_others *o, int64_t wait_us, uint64_t now_us)
{
    if (!o->queue_us || wait_us >= CLEAR_US)
        o->clear_us = 0;
    else if (!o->clear_us)
        o->clear_us = now_us;
    if (o->clear_us && now_us - o->clear_us >= GONE_US) {
        o->queue_us = 0;
        o->clear_us = 0;
        return true;
    }
    if (wait_us * 2 < o->queue_us && now_us - o->faded_us >= FADE_US) {
        o->faded_us = now_us;
        o->queue_us -= o->queue_us >> FADE_SHIFT;
    }
    return false;
}

static void watch(struct plm_bwe_others *o, int64_t wait_us, uint64_t now_us)
{
    o->less_us = now_us;
    o->from_us = o->least_us = o->most_us = wait_us;
}

/* @return whether the queue has stayed though less was sent, and is longer than was known */
static bool look(struct plm_bwe_others *o, int64_t wait_us, uint32_t rtt_us, uint64_t now_us)
{
    o->least_us = wait_us < o->least_us ? wait_us : o->least_us;
    o->most_us = wait_us > o->most_us ? wait_us : o->most_us;
    if (now_us - o->less_us < LESS_US + rtt_us)
        return false;
    int64_t queue_us = o->most_us + ABOVE_US;
    bool stays = o->least_us > STAYS_US && o->least_us * 100 > o->from_us * STAYS_PERCENT;
    watch(o, wait_us, now_us);
    if (!stays || queue_us <= o->queue_us)
        return false;
    o->queue_us = queue_us;
    return true;
}

enum plm_bwe_others_news plm_bwe_others_hear(
    struct plm_bwe_others *o, uint64_t sending, int64_t wait_us, uint32_t rtt_us, uint64_t now_us)
{
    if (fade(o, wait_us, now_us))
        return PLM_BWE_OTHERS_GONE;
    if (!o->went_bps || sending * 100 > o->went_bps * LESS_PERCENT) {
        o->less_us = 0;
        return PLM_BWE_OTHERS_NO_NEWS;
    }
    if (!o->less_us)
        watch(o, wait_us, now_us);
    if (!look(o, wait_us, rtt_us, now_us) || (o->told_us && now_us - o->told_us <= AGAIN_US))
        return PLM_BWE_OTHERS_NO_NEWS;
    o->told_us = now_us;
    return PLM_BWE_OTHERS_FOUND;
}

uint64_t plm_bwe_others_again(const struct plm_bwe_others *o)
{
    return o->sent_bps * AGAIN_PERCENT / 100;
}

void plm_bwe_others_deny(struct plm_bwe_others *o)
{
    o->queue_us = 0;
    o->less_us = 0;
}

bool plm_bwe_others_fill(const struct plm_bwe_others *o)
{
    return o->queue_us > 0;
}

bool plm_bwe_others_lose(const struct plm_bwe_others *o)
{
    return o->queue_us > 0 && o->less_us;
}
