#include "red.h"

#include <string.h>

#define SOME_Q8       3 /* 1.2 %: one copy; conceals less than a tenth of a percent then, up to the next step */
#define SOME_END_Q8   1  /* 0.4 % */
#define MUCH_Q8       13 /* 5 %: one copy alone would leave a quarter of a percent and more */
#define MUCH_END_Q8   8  /* 3 % */
#define LONG_RTT_US   150000
#define SOUND_PERCENT 75 /* of the estimate may be sound with its copies */

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

uint8_t plm_red_choose(uint8_t now, const struct plm_red_line *line)
{
    unsigned carried = (unsigned)__builtin_popcount(now);
    unsigned copies = line->full || !line->estimate_bps ? 0 : copies_for(carried, line->lost_q8);
    uint64_t room = (uint64_t)line->estimate_bps * SOUND_PERCENT / 100;
    while (copies > 0 && (uint64_t)line->sound_bps * (1 + copies) > room)
        copies--;
    return distances(copies, line->rtt_us);
}
