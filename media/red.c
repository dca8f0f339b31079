#include "red.h"

#include <string.h>

#define SOME_Q8       3 /* 1.2 %: one copy; conceals less than a tenth of a percent then, up to the next step */
#define SOME_END_Q8   1  /* 0.4 % */
#define MUCH_Q8       13 /* 5 %: one copy alone would leave a quarter of a percent and more */
#define MUCH_END_Q8   8  /* 3 % */
#define LONG_RTT_US   150000
#define SAFE_PERCENT  50     /* of the estimate may be sound with its copies */
#define TRIAL_PERCENT 75     /* the same as a trial */
#define LITTLE_BPS    150000 /* or so much, whatever the estimate is: one voice and two copies */
#define HARM_Q8       13     /* 5 % */
#define PAUSE_S       60
#define PAUSE_MAX_S   960

#define BIT(distance) (1u << (distance))

size_t plm_red_write(uint8_t *out, size_t cap, uint8_t pt, const struct plm_red_block *blocks, size_t n)
{
    size_t len = n * 4 + 1;
    for (size_t i = 0; i < n; i++)
        len += blocks[i].len;
    if (len > cap)
        return 0;
    for (size_t i = 0; i < n; i++) {
        const struct plm_red_block *b = &blocks[i];
        *out++ = 0x80 | pt;
        *out++ = (uint8_t)(b->ts_back >> 6);
        *out++ = (uint8_t)(b->ts_back << 2 | b->len >> 8);
        *out++ = (uint8_t)b->len;
    }
    *out++ = pt;
    for (size_t i = 0; i < n; i++) {
        memcpy(out, blocks[i].payload, blocks[i].len);
        out += blocks[i].len;
    }
    return len;
}

/* What a step up needs is more than what keeps it: loss is counted over a second or two, and chance makes it more or less. */
static unsigned copies_for(unsigned now, uint32_t lost_q8)
{
    if (lost_q8 >= (now == 2 ? MUCH_END_Q8 : MUCH_Q8))
        return 2;
    return lost_q8 >= (now > 0 ? SOME_END_Q8 : SOME_Q8);
}

/*
 * Copies are heard as long as they come before their turn: one packet later than what they stand for is the best for a conversation. Behind a
 * long line, where 20 ms more are little, they lie further away, because queues on the way drop several packets in a row.
 */
static uint8_t distances(unsigned copies, uint32_t rtt_us)
{
    bool far = rtt_us >= LONG_RTT_US;
    if (copies == 0)
        return 0;
    if (copies == 1)
        return far ? BIT(2) : BIT(1);
    return far ? BIT(1) | BIT(3) : BIT(1) | BIT(2);
}

/* As many as fit. @param room of sound with its copies, bit/s */
static unsigned fitting(unsigned copies, uint32_t sound_bps, uint64_t room)
{
    while (copies > 0 && (uint64_t)sound_bps * (1 + copies) > room)
        copies--;
    return copies;
}

/*
 * An estimate says little of a line that carries little but sound: sound is the least that is sent, so nobody can see whether less of it would
 * lose less, and what it grows to is not proved. There copies are a trial, given up for a while when they fill the line or make it lose clearly more.
 */
static bool is_harmed(const struct plm_red *r, const struct plm_red_line *line, uint64_t trial)
{
    uint64_t carried = (uint64_t)line->sound_bps * (1 + (unsigned)__builtin_popcount(r->distances));
    /* A full line has an estimate that fell: if sound alone is too much for it, it is what filled it. */
    if (line->full)
        return r->distances && (r->beyond || carried > trial);
    return r->beyond && line->lost_q8 > r->lost_before_q8 * 3 / 2 + HARM_Q8;
}

static void pause_trials(struct plm_red *r, uint64_t now_us)
{
    r->beyond = false;
    r->pause_s = !r->pause_s ? PAUSE_S : r->pause_s < PAUSE_MAX_S ? r->pause_s * 2 : PAUSE_MAX_S;
    r->not_before_us = now_us + r->pause_s * UINT64_C(1000000);
}

void plm_red_update(struct plm_red *r, const struct plm_red_line *line, uint64_t now_us)
{
    uint64_t safe = (uint64_t)line->estimate_bps * SAFE_PERCENT / 100;
    uint64_t trial = (uint64_t)line->estimate_bps * TRIAL_PERCENT / 100;
    if (is_harmed(r, line, trial))
        pause_trials(r, now_us);
    unsigned wanted = copies_for((unsigned)__builtin_popcount(r->distances), line->lost_q8);
    if (line->full || !line->estimate_bps)
        wanted = 0;
    trial = trial > LITTLE_BPS ? trial : LITTLE_BPS;
    unsigned copies = fitting(wanted, line->sound_bps, now_us >= r->not_before_us ? trial : safe);
    bool beyond = copies > fitting(wanted, line->sound_bps, safe);
    if (beyond && !r->beyond)
        r->lost_before_q8 = line->lost_q8;
    r->beyond = beyond;
    if (copies > 0 && !beyond)
        r->pause_s = 0;
    r->distances = distances(copies, line->rtt_us);
}
