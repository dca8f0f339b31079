#include "delay_trend.h"

#include <string.h>

#define GROUP_US  5000 /* what leaves within it is one group: draft section 5.2 */
#define SMOOTHING 0.9
#define GAIN                                                                                                 \
    4.0 /* how steep a line looks in the threshold's unit, which is that of the draft: milliseconds */
#define MAX_GROUPS    60   /* a line through more groups is no surer */
#define OVER_MS       10.0 /* draft section 5.4, overuse_time_th */
#define THRESHOLD     12.5 /* draft section 5.4, del_var_th(0), with its bounds and speeds */
#define THRESHOLD_MIN 6.0
#define THRESHOLD_MAX 600.0
#define SPEED_UP      0.0087
#define SPEED_DOWN    0.039
#define OUTLIER       15.0 /* further away than that, a value does not move the threshold */
#define ADAPT_MAX_MS  100.0
#define JUMP_US       3000000 /* between two groups: clocks were set, or a long silence ended */

void plm_delay_trend_init(struct plm_delay_trend *t)
{
    memset(t, 0, sizeof *t);
    t->threshold = THRESHOLD;
}

void plm_delay_trend_skip(struct plm_delay_trend *t)
{
    t->now.any = t->before.any = false;
}

/* Least squares. Fewer points, or points at one time, have no slope. */
static double slope_of(const struct plm_delay_trend *t)
{
    double x = 0, y = 0, xx = 0, xy = 0;
    for (unsigned i = 0; i < PLM_TREND_WINDOW; i++) {
        x += t->points[i].at_ms;
        y += t->points[i].delay_ms;
    }
    x /= PLM_TREND_WINDOW;
    y /= PLM_TREND_WINDOW;
    for (unsigned i = 0; i < PLM_TREND_WINDOW; i++) {
        double dx = t->points[i].at_ms - x;
        xx += dx * dx;
        xy += dx * (t->points[i].delay_ms - y);
    }
    return xx > 0 ? xy / xx : 0;
}

static void adapt_threshold(struct plm_delay_trend *t, double size, uint64_t now_us)
{
    double elapsed = t->adapted_us ? (double)(now_us - t->adapted_us) / 1000 : 0;
    t->adapted_us = now_us;
    if (size > t->threshold + OUTLIER)
        return;
    if (elapsed > ADAPT_MAX_MS)
        elapsed = ADAPT_MAX_MS;
    t->threshold += (size < t->threshold ? SPEED_DOWN : SPEED_UP) * (size - t->threshold) * elapsed;
    if (t->threshold < THRESHOLD_MIN)
        t->threshold = THRESHOLD_MIN;
    if (t->threshold > THRESHOLD_MAX)
        t->threshold = THRESHOLD_MAX;
}

static void judge(struct plm_delay_trend *t, double slope, double sent_ms, uint64_t now_us)
{
    double value = slope * GAIN * (t->n < MAX_GROUPS ? t->n : MAX_GROUPS);
    if (value > t->threshold) {
        /* The first time it has been so for about half of the time between the groups. */
        t->over_ms += t->overs ? sent_ms : sent_ms / 2;
        t->overs++;
        if (t->over_ms > OVER_MS && t->overs > 1 && slope >= t->slope) {
            t->over_ms = 0;
            t->overs = 0;
            t->use = PLM_LINE_OVER;
        }
    } else {
        t->over_ms = 0;
        t->overs = 0;
        t->use = value < -t->threshold ? PLM_LINE_UNDER : PLM_LINE_NORMAL;
    }
    t->slope = slope;
    adapt_threshold(t, value < 0 ? -value : value, now_us);
}

static void add_point(struct plm_delay_trend *t, double longer_ms)
{
    t->delay_ms += longer_ms;
    t->smooth_ms = SMOOTHING * t->smooth_ms + (1 - SMOOTHING) * t->delay_ms;
    t->points[t->at].at_ms = (double)(t->now.last_arrival_us - t->origin_us) / 1000;
    t->points[t->at].delay_ms = t->smooth_ms;
    t->at = (t->at + 1) % PLM_TREND_WINDOW;
    if (t->n < MAX_GROUPS)
        t->n++;
}

static void start_over(struct plm_delay_trend *t)
{
    double threshold = t->threshold;
    plm_delay_trend_init(t);
    t->threshold = threshold;
}

/* Compare the group that is whole now with the one before. */
static void end_group(struct plm_delay_trend *t)
{
    const struct plm_trend_group *g = &t->now, *b = &t->before;
    if (b->any) {
        int64_t sent = (int64_t)(g->last_sent_us - b->last_sent_us),
                arrived = g->last_arrival_us - b->last_arrival_us;
        if (sent > JUMP_US || arrived > JUMP_US || arrived < -JUMP_US) {
            start_over(t);
            return;
        }
        if (!t->n)
            t->origin_us = g->last_arrival_us;
        add_point(t, (double)(arrived - sent) / 1000);
        if (t->n >= PLM_TREND_WINDOW)
            judge(t, slope_of(t), (double)sent / 1000, g->last_sent_us);
    }
    t->before = *g;
}

/* A queue lets a burst through in one piece: what arrives so, faster than it was sent, belongs together. */
static bool is_burst(const struct plm_trend_group *g, uint64_t sent_us, int64_t arrival_us)
{
    int64_t sent = (int64_t)(sent_us - g->last_sent_us), arrived = arrival_us - g->last_arrival_us;
    return arrived < sent && arrived <= GROUP_US && arrival_us - g->first_arrival_us < 20 * GROUP_US;
}

void plm_delay_trend_on_packet(struct plm_delay_trend *t, uint64_t sent_us, int64_t arrival_us)
{
    struct plm_trend_group *g = &t->now;
    if (g->any && sent_us < g->first_sent_us)
        return; /* came late */
    if (g->any && sent_us - g->first_sent_us > GROUP_US && !is_burst(g, sent_us, arrival_us)) {
        end_group(t);
        g->any = false;
    }
    if (!g->any) {
        *g = (struct plm_trend_group){sent_us, sent_us, arrival_us, arrival_us, true};
        return;
    }
    g->last_sent_us = sent_us > g->last_sent_us ? sent_us : g->last_sent_us;
    g->last_arrival_us = arrival_us > g->last_arrival_us ? arrival_us : g->last_arrival_us;
}
