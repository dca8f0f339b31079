#include "stream_clock.h"

#define JUMP_US  80000
#define LATE_US  1000000 /* the least delay is looked for in pieces of so long */
#define FALSE_US 20000   /* nothing arrives before it was captured */
#define MIN_RATE 8000
#define MAX_RATE 192000

void plm_stream_clock_init(struct plm_stream_clock *c, uint32_t clock_rate)
{
    *c = (struct plm_stream_clock){0};
    plm_ntp_map_init(&c->line, clock_rate);
}

static int64_t late_us(const struct plm_stream_clock *c, uint64_t ext_ts, uint64_t arrival_us)
{
    return (int64_t)arrival_us - plm_stream_clock_us(c, ext_ts);
}

static void forget_delay(struct plm_stream_clock *c, int64_t late)
{
    c->usual_late_us = c->next_late_us = late;
    c->next_us = c->last_arrival_us + LATE_US;
}

void plm_stream_clock_on_told(struct plm_stream_clock *c, uint64_t ext_ts, int64_t us, uint32_t clock_rate)
{
    struct plm_ntp_map line = c->line;
    if (clock_rate < MIN_RATE || clock_rate > MAX_RATE || ext_ts > PLM_CLOCK_MAX || us < 0 ||
        us > (int64_t)PLM_CLOCK_MAX)
        return;
    line.clock_rate = clock_rate;
    line.ts0 = ext_ts;
    line.us0 = us;
    line.anchored = true;
    uint64_t at = c->any ? c->last_ts : ext_ts;
    int64_t before = c->line.anchored ? plm_stream_clock_us(c, at) : 0;
    int64_t moved = c->line.anchored ? plm_ntp_map_us(&line, at) - plm_ntp_map_us(&c->line, at) : 0;
    bool jumped = moved > JUMP_US || moved < -JUMP_US;
    if (jumped)
        c->shift_us = 0;
    if (jumped && c->told)
        c->jumps++;
    c->line = line;
    c->told = true;
    if (!c->any)
        return;
    moved = plm_stream_clock_us(c, at) - before;
    c->usual_late_us -= moved;
    c->next_late_us -= moved;
}

void plm_stream_clock_on_packet(struct plm_stream_clock *c, uint64_t ext_ts, uint64_t arrival_us)
{
    if (!c->told)
        plm_ntp_map_on_packet(&c->line, ext_ts, arrival_us);
    int64_t late = late_us(c, ext_ts, arrival_us);
    if (c->shift_us > 0 && late < -FALSE_US) { /* it was the network after all, at least in part */
        c->shift_us = c->shift_us > -late ? c->shift_us + late : 0;
        late = late_us(c, ext_ts, arrival_us);
    }
    if (!c->any)
        forget_delay(c, late);
    c->any = true;
    c->last_ts = ext_ts;
    c->last_arrival_us = arrival_us;
    if (late < c->next_late_us)
        c->next_late_us = late;
    if (late < c->usual_late_us)
        c->usual_late_us = late;
    if (arrival_us >= c->next_us) {
        c->usual_late_us = c->next_late_us;
        c->next_late_us = late;
        c->next_us = arrival_us + LATE_US;
    }
}

int64_t plm_stream_clock_held_us(const struct plm_stream_clock *c, uint64_t ext_ts, uint64_t arrival_us)
{
    if (!c->any)
        return 0;
    int64_t step = plm_ntp_map_us(&c->line, ext_ts) - plm_ntp_map_us(&c->line, c->last_ts);
    return (int64_t)(arrival_us - c->last_arrival_us) - step;
}

void plm_stream_clock_on_stop(struct plm_stream_clock *c, uint64_t ext_ts, uint64_t arrival_us)
{
    int64_t stood = late_us(c, ext_ts, arrival_us) - c->usual_late_us;
    if (stood <= 0)
        return;
    c->shift_us += stood;
    c->jumps++;
}

int64_t plm_stream_clock_us(const struct plm_stream_clock *c, uint64_t ext_ts)
{
    return plm_ntp_map_us(&c->line, ext_ts) + c->shift_us;
}
