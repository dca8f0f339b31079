#include "base/ntp_map.h"

#include <string.h>

#define UNIX_TO_NTP_S 2208988800u
#define SLEW_US       5000 /* a second; reports of sound come each 5 s from Chromium */
#define JUMP_US       80000
#define REANCHOR_US   2000000
/* A source's clock may run slow by up to 1/1024: the floor of arrivals rises by that much, else it would be left behind for good. */
#define LEAK_SHIFT    10
#define CLOCK_STEP_US 1000000

uint64_t plm_ntp_from_us(uint64_t unix_us)
{
    uint64_t s = unix_us / 1000000 + UNIX_TO_NTP_S;
    uint64_t frac = ((unix_us % 1000000) << 32) / 1000000;
    return s << 32 | frac;
}

uint64_t plm_ntp_to_us(uint64_t ntp)
{
    uint64_t s = (ntp >> 32) - UNIX_TO_NTP_S;
    return s * 1000000 + (((ntp & UINT32_MAX) * 1000000 + (UINT64_C(1) << 31)) >> 32);
}

void plm_ntp_map_init(struct plm_ntp_map *m, uint32_t clock_rate)
{
    memset(m, 0, sizeof *m);
    m->clock_rate = clock_rate ? clock_rate : 90000;
}

/** Ticks to microseconds without overflow for any distance of extended timestamps. */
static int64_t ticks_to_us(const struct plm_ntp_map *m, int64_t ticks)
{
    int64_t rate = m->clock_rate;
    return ticks / rate * 1000000 + ticks % rate * 1000000 / rate;
}

static void anchor(struct plm_ntp_map *m, uint64_t ext_ts, int64_t us)
{
    m->ts0 = ext_ts;
    m->us0 = us;
    m->anchored = true;
}

void plm_ntp_map_on_packet(struct plm_ntp_map *m, uint64_t ext_ts, uint64_t now_us)
{
    if (m->by_report)
        return;
    if (!m->anchored) {
        anchor(m, ext_ts, (int64_t)now_us);
        return;
    }
    int64_t late = (int64_t)now_us - plm_ntp_map_us(m, ext_ts);
    if (late <= 0 || late > REANCHOR_US) {
        anchor(m, ext_ts, (int64_t)now_us);
        return;
    }
    int64_t ahead = ticks_to_us(m, (int64_t)(ext_ts - m->ts0));
    if (ahead >= 1 << LEAK_SHIFT) {
        int64_t leak = ahead >> LEAK_SHIFT;
        anchor(m, ext_ts, plm_ntp_map_us(m, ext_ts) + (leak < late ? leak : late));
    }
}

/** How far a report may move the line: by the time since the one before. */
static int64_t slew_us(const struct plm_ntp_map *m, uint64_t ext_ts)
{
    int64_t slew = ticks_to_us(m, (int64_t)(ext_ts - m->ts0)) / (1000000 / SLEW_US);
    return slew < SLEW_US ? SLEW_US : slew > JUMP_US ? JUMP_US : slew;
}

void plm_ntp_map_on_report(struct plm_ntp_map *m, uint64_t ntp, uint64_t ext_ts, int64_t offset_us)
{
    if (!ntp) /* RFC 3550 section 6.4.1: a sender without a wall clock says 0 */
        return;
    int64_t target = (int64_t)plm_ntp_to_us(ntp) + offset_us;
    int64_t err = m->anchored ? target - plm_ntp_map_us(m, ext_ts) : 0;
    bool at_once = !m->by_report || err > JUMP_US || err < -JUMP_US;
    int64_t slew = slew_us(m, ext_ts);
    if (!at_once && err > slew)
        target -= err - slew;
    if (!at_once && err < -slew)
        target -= err + slew;
    anchor(m, ext_ts, target);
    m->by_report = true;
    m->have_offset = true;
    m->offset_us = offset_us;
}

int64_t plm_ntp_map_us(const struct plm_ntp_map *m, uint64_t ext_ts)
{
    return m->us0 + ticks_to_us(m, (int64_t)(ext_ts - m->ts0));
}

uint64_t plm_ntp_map_ts(const struct plm_ntp_map *m, int64_t us)
{
    int64_t d = us - m->us0, rate = m->clock_rate;
    return m->ts0 + (uint64_t)(d / 1000000 * rate + d % 1000000 * rate / 1000000);
}

void plm_ntp_offset_on_report(struct plm_ntp_offset *o, uint64_t ntp, uint64_t now_us)
{
    if (!ntp)
        return;
    int64_t offset = (int64_t)now_us - (int64_t)plm_ntp_to_us(ntp);
    if (o->any && (offset - o->offset_us > CLOCK_STEP_US || o->offset_us - offset > CLOCK_STEP_US))
        o->n = o->at = 0; /* the sender's clock was set: what was learned is void */
    unsigned size = sizeof o->window / sizeof o->window[0];
    o->window[o->at] = offset;
    o->at = (uint8_t)((o->at + 1) % size);
    if (o->n < size)
        o->n++;
    o->offset_us = o->window[0];
    for (unsigned i = 1; i < o->n; i++) {
        if (o->window[i] < o->offset_us)
            o->offset_us = o->window[i];
    }
    o->any = true;
}
