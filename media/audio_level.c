#include "speaker.h"

#include <string.h>

#define SILENCE 127
#define HOLD_US 130000

void plm_audio_level_init(struct plm_audio_level *a)
{
    memset(a, 0, sizeof *a);
    a->last = SILENCE;
}

/** Energy of a level in -dBov: three decibels are a halving, to 0.3 %. */
static uint64_t energy_of(uint8_t level)
{
    static const uint64_t mantissa[3] = {
        17592186044416u, 13974062171136u, 11100063244288u}; /* 2^44 by 0, 1, 2 dB */
    return mantissa[level % 3] >> (level / 3);
}

static uint8_t level_of(uint64_t energy)
{
    uint8_t level = 0;
    while (level < SILENCE && energy_of(level) > energy)
        level++;
    return level;
}

void plm_audio_level_on_packet(struct plm_audio_level *a, uint8_t level, uint64_t now_us)
{
    if (level < SILENCE)
        a->energy += energy_of(level);
    a->n++;
    a->last_us = now_us;
}

uint8_t plm_audio_level_take(struct plm_audio_level *a, uint64_t now_us)
{
    if (a->n)
        a->last = a->energy ? level_of(a->energy / a->n) : SILENCE;
    else if (now_us - a->last_us > HOLD_US)
        a->last = SILENCE;
    a->energy = 0;
    a->n = 0;
    return a->last;
}
