#include <math.h>
#include <string.h>

#include "bwe_delay.h"

#define GROUP_US       5000
#define BURST_US       100000  /* longest group that a bunched arrival may make */
#define JUMP_US        3000000 /* between two groups: a clock was set, or the line stood still */
#define SMOOTHING      0.9
#define GAIN           4.0
#define DELTAS_MAX     60 /* the slope counts in full from so many groups on */
#define THRESHOLD      12.5
#define THRESHOLD_MIN  6.0
#define THRESHOLD_MAX  600.0
#define THRESHOLD_SKIP 15.0 /* a single leap beyond it teaches nothing */
#define RISE           0.0087
#define FALL           0.039
#define MOVE_MAX_MS    100.0
#define OVER_MS        10.0
#define BASE_US        15000000 /* long: a queue that stays must not become the shortest way */
#define WAIT_SHIFT     4
#define STANDING_US    50000 /* that even the luckiest packet of a feedback waits, and longer than before */
#define STANDING_UP_US 5000
#define RISING                                                                                               \
    3 /* groups in a row; what was held up somewhere and let go together waits less from one to the next */
#define RISING_LESS_US      1000  /* so much less is the same */
#define CLIMB_N             5     /* packets in a row */
#define BUSY_US             10000 /* a wait that shows that the line was sending something else */
#define CLIMB_US            30000 /* from the first to the last of them */
#define CLIMB_END_US        40000 /* that the last packet of a feedback still waits */
#define CLIMB_GAP_US        60000 /* between two of them: a queue lets one through after the other */
#define CLIMB_LESS_US       8000  /* unrest that is none */
#define CLIMB_STEP          60    /* percent of the climb that one of them may be: a leap is no queue */
#define CLIMB_PUSHED        25 /* percent of its time that it grew by: what was sent one by one shows no rate */
#define HINT_PUSHED         50 /* the same of the short ones */
#define HINT_N              3  /* the same of a line of which little is left: packets in a row */
#define HINT_US             15000
#define HINT_WAIT_US        35000 /* that the last one has, and that of the feedback */
#define HINT_CALM           60    /* feedbacks without such a run before it counts */
#define STANDING_N          3
#define UNREST_SHIFT        5     /* of so many feedbacks */
#define UNREST_TIMES        5     /* as the mean it may be */
#define UNREST_NONE_US      12000 /* of it, that any line has */
#define UNREST_MAX_US       70000 /* a single leap beyond it teaches nothing */
#define UNREST_PACKETS      16    /* of fewer in one feedback the luckiest is chance, or waits for ours */
#define UNREST_FORGET_SHIFT 9
#define STANDING_MAX        5 /* feedbacks: it does not go by itself */
#define TRIES               3
#define LEAST_WAIT_US       8000  /* a queue that cannot be seen is none */
#define LET_GO_US           30000 /* of sending: of less, chance makes it any time of arriving */
#define LET_GO_PERCENT      70    /* of that time */
#define SHORTER_US          20000 /* more than unrest does to the shortest way */

/* ---- the wait ---- */

static int64_t base_of(const struct plm_bwe_delay *d)
{
    return d->base_us[0] < d->base_us[1] ? d->base_us[0] : d->base_us[1];
}

/* What the luckiest packet's wait may be for nothing that we do: what it differs by from one feedback to the next, and the queue of others. */
static int64_t unrest(const struct plm_bwe_delay *d)
{
    int64_t us = d->unrest_us * UNREST_TIMES / (1 << UNREST_SHIFT) - UNREST_NONE_US;
    return (us > 0 ? us : 0) + d->others_us;
}

static int64_t standing_us(const struct plm_bwe_delay *d)
{
    return STANDING_US + unrest(d);
}

/* Of lines that send again what they lost, and of those that bunch. It is learned from what is sent fast, where no queue is felt, once there is an estimate. */
static void note_unrest(struct plm_bwe_delay *d, int64_t before)
{
    int64_t moved = d->least_us > before ? d->least_us - before : before - d->least_us;
    if (!d->hint_below_bps || d->n_ways < UNREST_PACKETS)
        d->unrest_us -= d->unrest_us / (1 << UNREST_FORGET_SHIFT);
    else if (moved <= UNREST_MAX_US && !d->let_go && d->usage != PLM_BWE_OVER && !d->narrow_bps)
        d->unrest_us += moved - d->unrest_us / (1 << UNREST_SHIFT);
}

static void note_wait(struct plm_bwe_delay *d, int64_t sent_us, int64_t way_us)
{
    if (!d->any_base || sent_us - d->base_since_us >= BASE_US) {
        d->base_us[1] = d->any_base ? d->base_us[0] : way_us;
        d->base_us[0] = way_us;
        d->base_since_us = sent_us;
        d->any_base = true;
    }
    if (way_us < d->base_us[0])
        d->base_us[0] = way_us;
    if (!d->n_ways) {
        d->first_sent_us = d->last_sent_us = sent_us;
        d->first_arrival_us = d->last_arrival_us = sent_us + way_us;
    }
    d->last_sent_us = sent_us > d->last_sent_us ? sent_us : d->last_sent_us;
    d->last_arrival_us = sent_us + way_us > d->last_arrival_us ? sent_us + way_us : d->last_arrival_us;
    if (!d->n_ways++ || way_us < d->least_way_us)
        d->least_way_us = way_us;
    d->wait_us += (way_us - base_of(d) - d->wait_us) / (1 << WAIT_SHIFT);
}

/* A queue grows evenly, and by much of the time: after a leap those behind it only come as they were sent. */
static bool is_pushed(const struct plm_bwe_delay *d, int64_t grown_us, int64_t us, int percent)
{
    return d->climb_step_us * 100 <= grown_us * CLIMB_STEP && grown_us * 100 >= us * percent;
}

/* Few packets in a row happen to come later and later on any line: they have to do so evenly, with nothing lost between them, and far too slowly. */
static bool is_hint(const struct plm_bwe_delay *d, int64_t grown_us, int64_t us, uint64_t bps)
{
    return d->climb_packets >= HINT_N && grown_us >= HINT_US && bps < d->hint_below_bps && !d->climb_lost &&
           d->highest_way_us - base_of(d) >= HINT_WAIT_US + d->others_us &&
           is_pushed(d, grown_us, us, HINT_PUSHED);
}

/* Whether the run shows a queue: it has to be long, and to have grown by much. */
static void judge_climb(struct plm_bwe_delay *d)
{
    int64_t us = d->climb_to_us - d->climb_from_us, grown_us = d->highest_way_us - d->climb_way_us;
    if (us <= 0)
        return;
    uint64_t bps = (uint64_t)d->climb_octets * 8000000 / (uint64_t)us;
    if (d->climb_packets >= CLIMB_N && grown_us >= CLIMB_US + unrest(d) &&
        d->highest_way_us - base_of(d) >= standing_us(d) && is_pushed(d, grown_us, us, CLIMB_PUSHED))
        d->narrow_bps = bps;
    if (is_hint(d, grown_us, us, bps))
        d->hint_bps = bps;
}

static void note_climb(struct plm_bwe_delay *d, uint32_t octets, int64_t way_us, int64_t arrival_us)
{
    int64_t since = arrival_us - d->climb_to_us;
    if (way_us - base_of(d) < BUSY_US) { /* the line may have been idle before it */
        d->climb_packets = 0;
        d->last_way_us = way_us;
        return;
    }
    bool climbs =
        d->climb_packets && way_us >= d->highest_way_us - CLIMB_LESS_US && since >= 0 && since < CLIMB_GAP_US;
    if (climbs) {
        int64_t step = way_us - d->last_way_us;
        d->climb_octets += octets;
        d->climb_step_us = step > d->climb_step_us ? step : d->climb_step_us;
    } else {
        d->climb_packets = d->climb_octets = 0;
        d->climb_step_us = 0;
        d->climb_lost = false;
        d->climb_way_us = way_us;
        d->climb_from_us = arrival_us;
    }
    d->climb_packets++;
    d->climb_to_us = arrival_us;
    d->highest_way_us = climbs && way_us < d->highest_way_us ? d->highest_way_us : way_us;
    d->last_way_us = way_us;
    judge_climb(d);
}

uint64_t plm_bwe_delay_narrow(const struct plm_bwe_delay *d)
{
    return d->narrow_bps;
}

uint64_t plm_bwe_delay_hint(const struct plm_bwe_delay *d)
{
    return d->hint_bps;
}

/* What stays though less was sent, and again less, is no queue: the way has become longer. */
static void judge_standing(struct plm_bwe_delay *d, int64_t before)
{
    if (d->least_us <= standing_us(d)) {
        d->standing = d->tried = 0;
    } else if (d->least_us > before + STANDING_UP_US) {
        d->usage = PLM_BWE_OVER;
        d->standing = 0;
    } else if (d->least_us < before - STANDING_UP_US) {
        d->standing = 0;
    } else if (++d->standing == STANDING_MAX) {
        d->standing = 0;
        if (d->tried++ < TRIES) {
            d->usage = PLM_BWE_OVER;
        } else {
            d->base_us[0] = d->base_us[1] = d->least_way_us;
            d->least_us = d->wait_us = 0;
            d->tried = 0;
        }
    }
}

void plm_bwe_delay_on_lost(struct plm_bwe_delay *d)
{
    d->climb_lost = true;
}

void plm_bwe_delay_begin_feedback(struct plm_bwe_delay *d, uint64_t hint_below_bps)
{
    d->hint_below_bps = hint_below_bps;
    d->narrow_bps = d->hint_bps = 0;
}

static void judge_base(struct plm_bwe_delay *d)
{
    int64_t base = base_of(d);
    d->shorter = d->knows_base && base < d->base_told_us - SHORTER_US;
    if (!d->knows_base || d->shorter || base > d->base_told_us)
        d->base_told_us = base;
    d->knows_base = true;
}

bool plm_bwe_delay_became_shorter(const struct plm_bwe_delay *d)
{
    return d->shorter;
}

bool plm_bwe_delay_was_let_go(const struct plm_bwe_delay *d)
{
    return d->let_go;
}

/* On a line with such runs now and then they say nothing; and what was said once has been heard. */
static void judge_hint(struct plm_bwe_delay *d)
{
    bool any = d->hint_bps, stays = !d->let_go && d->last_way_us - base_of(d) >= HINT_WAIT_US + d->others_us;
    if (!stays || d->calm < HINT_CALM)
        d->hint_bps = 0;
    d->calm = any ? 0 : d->calm + (d->calm < HINT_CALM);
}

void plm_bwe_delay_end_feedback(struct plm_bwe_delay *d)
{
    d->let_go = d->shorter = false;
    if (!d->n_ways)
        return;
    int64_t sent_us = d->last_sent_us - d->first_sent_us, us = d->last_arrival_us - d->first_arrival_us;
    d->let_go = sent_us >= LET_GO_US && us * 100 < sent_us * LET_GO_PERCENT;
    /* A wait that is over at the end was no line that has become narrow. */
    if (d->let_go || d->last_way_us - base_of(d) < CLIMB_END_US)
        d->narrow_bps = 0;
    judge_hint(d);
    int64_t before = d->least_us;
    d->least_us = d->least_way_us - base_of(d);
    /* Where the luckiest packet does not wait, a burst has come and gone. */
    if (d->usage == PLM_BWE_OVER && d->least_us - d->others_us < LEAST_WAIT_US)
        d->usage = PLM_BWE_NORMAL;
    if (d->n_ways >= STANDING_N)
        judge_standing(d, before);
    judge_base(d);
    if (d->rising >= RISING)
        d->usage = PLM_BWE_OVER;
    note_unrest(d, before);
    d->n_ways = 0;
}

/* What waits for a queue, and not for the line's own unrest. */
static int64_t queued(const struct plm_bwe_delay *d, int64_t wait_us)
{
    int64_t us = wait_us - unrest(d);
    return us > 0 ? us : 0;
}

int64_t plm_bwe_delay_last_wait(const struct plm_bwe_delay *d)
{
    return queued(d, d->last_way_us - base_of(d));
}

int64_t plm_bwe_delay_least_wait(const struct plm_bwe_delay *d)
{
    return queued(d, d->least_us);
}

int64_t plm_bwe_delay_lucky_wait(const struct plm_bwe_delay *d)
{
    return d->least_us;
}

void plm_bwe_delay_share(struct plm_bwe_delay *d, int64_t others_us)
{
    d->others_us = others_us;
}

int64_t plm_bwe_delay_wait(const struct plm_bwe_delay *d)
{
    return queued(d, d->wait_us);
}

/* ---- the slope ---- */

void plm_bwe_delay_restart(struct plm_bwe_delay *d)
{
    memset(&d->present, 0, sizeof d->present);
    memset(&d->before, 0, sizeof d->before);
    d->sum_ms = d->smoothed_ms = d->slope_before = d->over_ms = 0;
    d->at = d->n = d->deltas = d->over_count = 0;
    d->usage = PLM_BWE_NORMAL;
}

/* Least squares; 0 until there are enough points, or when they lie above each other. */
static double slope_of(const struct plm_bwe_delay *d)
{
    if (d->n < PLM_BWE_TREND)
        return 0;
    double mean_x = 0, mean_y = 0, up = 0, down = 0;
    for (unsigned i = 0; i < d->n; i++) {
        mean_x += d->x[i] / d->n;
        mean_y += d->y[i] / d->n;
    }
    for (unsigned i = 0; i < d->n; i++) {
        up += (d->x[i] - mean_x) * (d->y[i] - mean_y);
        down += (d->x[i] - mean_x) * (d->x[i] - mean_x);
    }
    return down > 0 ? up / down : 0;
}

/* The threshold follows the line's own unrest, faster down than up: a queue that grows slowly must not lift it out of its own way. */
static void move_threshold(struct plm_bwe_delay *d, double trend, int64_t arrival_us)
{
    double elapsed = d->threshold_us ? (double)(arrival_us - d->threshold_us) / 1000 : 0;
    d->threshold_us = arrival_us;
    double off = fabs(trend) - d->threshold;
    if (off > THRESHOLD_SKIP || elapsed <= 0)
        return;
    d->threshold += off * (off < 0 ? FALL : RISE) * (elapsed < MOVE_MAX_MS ? elapsed : MOVE_MAX_MS);
    d->threshold = d->threshold < THRESHOLD_MIN   ? THRESHOLD_MIN
                   : d->threshold > THRESHOLD_MAX ? THRESHOLD_MAX
                                                  : d->threshold;
}

static void judge(struct plm_bwe_delay *d, double slope, double sent_ms, int64_t arrival_us)
{
    double trend = (d->deltas < DELTAS_MAX ? d->deltas : DELTAS_MAX) * slope * GAIN;
    if (d->threshold <= 0)
        d->threshold = THRESHOLD;
    if (trend > d->threshold && d->wait_us - d->others_us > LEAST_WAIT_US) {
        d->over_ms += d->over_count ? sent_ms : sent_ms / 2;
        d->over_count++;
        if (d->over_ms > OVER_MS && d->over_count > 1 && slope >= d->slope_before) {
            d->usage = PLM_BWE_OVER;
            d->over_ms = 0;
            d->over_count = 0;
        }
    } else {
        d->usage = trend < -d->threshold ? PLM_BWE_UNDER : PLM_BWE_NORMAL;
        d->over_ms = 0;
        d->over_count = 0;
    }
    d->slope_before = slope;
    move_threshold(d, trend, arrival_us);
}

static void note_rise(struct plm_bwe_delay *d, const struct plm_bwe_group *g)
{
    int64_t wait = g->first_arrival_us - g->first_sent_us - base_of(d);
    bool rises = wait > standing_us(d) && wait >= d->group_wait_us - RISING_LESS_US;
    d->rising = rises ? d->rising + 1 : 0;
    d->group_wait_us = wait;
}

static void on_group(struct plm_bwe_delay *d)
{
    const struct plm_bwe_group *a = &d->before, *b = &d->present;
    /* By their first packets: what a burst makes its own last ones wait is no queue that stays. */
    int64_t sent = b->first_sent_us - a->first_sent_us, arrived = b->first_arrival_us - a->first_arrival_us;
    if (arrived - sent > JUMP_US || sent - arrived > JUMP_US || arrived < 0) {
        struct plm_bwe_group present = *b;
        plm_bwe_delay_restart(d);
        d->present = present;
        return;
    }
    d->deltas++;
    d->sum_ms += (double)(arrived - sent) / 1000;
    d->smoothed_ms = SMOOTHING * d->smoothed_ms + (1 - SMOOTHING) * d->sum_ms;
    if (!d->n)
        d->origin_us = b->first_arrival_us;
    d->x[d->at] = (double)(b->first_arrival_us - d->origin_us) / 1000;
    d->y[d->at] = d->smoothed_ms;
    d->at = (d->at + 1) % PLM_BWE_TREND;
    d->n += d->n < PLM_BWE_TREND;
    judge(d, slope_of(d), (double)sent / 1000, b->first_arrival_us);
}

/* Sent within a few ms of its first; or held up somewhere on the way and let go together with it. */
static bool belongs(const struct plm_bwe_group *g, int64_t sent_us, int64_t arrival_us)
{
    if (sent_us - g->first_sent_us <= GROUP_US)
        return true;
    int64_t closer = (arrival_us - g->last_arrival_us) - (sent_us - g->last_sent_us);
    return closer < 0 && arrival_us - g->last_arrival_us <= GROUP_US &&
           arrival_us - g->first_arrival_us < BURST_US;
}

void plm_bwe_delay_add(struct plm_bwe_delay *d, uint32_t octets, int64_t sent_us, int64_t arrival_us)
{
    struct plm_bwe_group *g = &d->present;
    note_wait(d, sent_us, arrival_us - sent_us);
    note_climb(d, octets, arrival_us - sent_us, arrival_us);
    if (g->any && sent_us < g->first_sent_us)
        return; /* acknowledged later than what was sent behind it: its group is closed */
    if (g->any && !belongs(g, sent_us, arrival_us)) {
        note_rise(d, g);
        if (d->before.any)
            on_group(d);
        d->before = *g;
        g->any = false;
    }
    if (!g->any) {
        *g = (struct plm_bwe_group){sent_us, sent_us, arrival_us, arrival_us, true};
        return;
    }
    g->last_sent_us = sent_us > g->last_sent_us ? sent_us : g->last_sent_us;
    g->last_arrival_us = arrival_us > g->last_arrival_us ? arrival_us : g->last_arrival_us;
}

enum plm_bwe_usage plm_bwe_delay_usage(const struct plm_bwe_delay *d)
{
    return d->usage;
}
