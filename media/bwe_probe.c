#include <string.h>

#include "bwe_probe.h"

#define FIRST_BPS       1000000
#define LENGTH_US       20000
#define LEAST_OCTETS    1500 /* of a slow line: some small packets */
#define MOST_OCTETS     60000
#define LEAST_PACKETS   5
#define GIVE_UP_US      100000 /* a cluster that does not get out is none */
#define STEP            2      /* times the estimate */
#define WANT_PERCENT    165 /* of what would be used: the allocator wants half as much again after a fall */
#define ENOUGH_PERCENT  150
#define EVERY_US        2000000
#define EVERY_MORE_US   250000 /* for each that showed nothing more */
#define MORE_MAX        2
#define LATE_US         1000000 /* beside a round trip: an answer that never comes */
#define LOST_US         250000
#define GOT_PERCENT     80
#define FULL_PERCENT    90 /* of the sent rate: the line could not carry all of it */
#define FULL_SHARE      95
#define GOES_ON_PERCENT 70 /* of the probed rate: more may well go */

static uint32_t cap_of(uint32_t want)
{
    uint64_t cap = (uint64_t)want * WANT_PERCENT / 100;
    return cap < UINT32_MAX ? (uint32_t)cap : UINT32_MAX;
}

static bool is_enough(const struct plm_bwe_probe_state *s)
{
    return (uint64_t)s->estimate * 100 >= (uint64_t)s->want * ENOUGH_PERCENT;
}

uint64_t plm_bwe_probe_next(
    const struct plm_bwe_probe *p, const struct plm_bwe_probe_state *s, uint64_t now_us)
{
    if (p->cluster.id || !s->want || is_enough(s) || !s->calm)
        return UINT64_MAX;
    return p->next_us > now_us ? p->next_us : now_us;
}

bool plm_bwe_probe_begin(struct plm_bwe_probe *p, const struct plm_bwe_probe_state *s, uint64_t now_us)
{
    if (plm_bwe_probe_next(p, s, now_us) > now_us)
        return false;
    uint64_t bps = s->estimate ? (uint64_t)s->estimate * STEP : FIRST_BPS, cap = cap_of(s->want);
    bps = bps < cap ? bps : cap;
    uint64_t octets = bps / 8 * LENGTH_US / 1000000;
    octets = octets > LEAST_OCTETS ? octets : LEAST_OCTETS;
    octets = octets < MOST_OCTETS ? octets : MOST_OCTETS;
    struct plm_bwe_probe fresh = {.failed = p->failed, .began_us = now_us, .sending = true};
    fresh.last_id = p->last_id % PLM_BWE_CLUSTERS + 1;
    fresh.cluster = (struct plm_bwe_cluster){(uint32_t)bps, (uint32_t)octets, fresh.last_id};
    *p = fresh;
    return true;
}

size_t plm_bwe_probe_due(struct plm_bwe_probe *p, uint32_t step_us, uint64_t now_us)
{
    if (!p->sending)
        return 0;
    uint64_t since = now_us - p->began_us;
    if ((p->sent_octets >= p->cluster.octets && p->n_sent >= LEAST_PACKETS) || since >= GIVE_UP_US ||
        p->sent_octets >= MOST_OCTETS) {
        p->sending = false;
        p->ended_us = now_us;
        return 0;
    }
    /* What has left meanwhile counts, whatever it was: padding only fills up. */
    uint64_t due = (uint64_t)p->cluster.bps * (since + step_us) / 8000000;
    return due > p->sent_octets ? (size_t)(due - p->sent_octets) : 0;
}

void plm_bwe_probe_on_sent(struct plm_bwe_probe *p, uint32_t octets, int64_t sent_us)
{
    if (!p->n_sent++)
        p->first_sent_us = sent_us;
    p->last_sent_us = sent_us;
    p->sent_octets += octets;
    p->last_sent_octets = octets;
}

void plm_bwe_probe_on_acked(struct plm_bwe_probe *p, uint8_t id, uint32_t octets, int64_t arrival_us)
{
    if (!id || id != p->cluster.id)
        return;
    if (!p->n_got++ || arrival_us < p->first_got_us) {
        p->first_got_us = arrival_us;
        p->first_got_octets = octets;
    }
    if (p->n_got == 1 || arrival_us > p->last_got_us)
        p->last_got_us = arrival_us;
    p->got_octets += octets;
}

static void over(struct plm_bwe_probe *p, bool more, uint64_t now_us)
{
    p->cluster.id = 0;
    p->sending = false;
    p->failed = more ? 0 : p->failed < MORE_MAX ? p->failed + 1 : MORE_MAX;
    p->next_us = now_us + (more ? 0 : EVERY_US + p->failed * EVERY_MORE_US);
}

/* Of n packets at a rate the first one's octets have come before the time begins, the last one's leave after it has ended. */
static uint32_t measure(const struct plm_bwe_probe *p)
{
    int64_t sent_us = p->last_sent_us - p->first_sent_us, got_us = p->last_got_us - p->first_got_us;
    if (sent_us <= 0 || got_us < 0 || sent_us > LATE_US || got_us > 5 * LATE_US)
        return 0;
    double sent = (p->sent_octets - p->last_sent_octets) * 8e6 / (double)sent_us;
    /* What comes all at once came over a line that bunches: it was no faster than it was sent. */
    double got = got_us ? (p->got_octets - p->first_got_octets) * 8e6 / (double)got_us : sent;
    double bps = got < sent ? got : sent;
    if (got * 100 < sent * FULL_PERCENT)
        bps = got * FULL_SHARE / 100;
    return bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
}

uint32_t plm_bwe_probe_answer(struct plm_bwe_probe *p, const struct plm_bwe_probe_state *s, uint64_t now_us)
{
    if (!p->cluster.id || p->sending)
        return 0;
    uint64_t since = now_us - p->ended_us;
    bool enough = p->n_got >= LEAST_PACKETS && p->n_got * 100 >= p->n_sent * GOT_PERCENT &&
                  (uint64_t)p->got_octets * 100 >= (uint64_t)p->sent_octets * GOT_PERCENT;
    /* With the last of it the answer is more exact; some of it may be lost. */
    bool whole = p->n_got == p->n_sent || (enough && since > s->rtt_us + LOST_US);
    if (!whole && since <= s->rtt_us + LATE_US)
        return 0;
    uint32_t bps = enough ? measure(p) : 0;
    bool more = bps && (uint64_t)bps * 100 >= (uint64_t)p->cluster.bps * GOES_ON_PERCENT &&
                bps > s->estimate && bps >= s->doubted;
    over(p, more, now_us);
    return bps;
}

bool plm_bwe_probe_goes_on(
    const struct plm_bwe_probe *p, const struct plm_bwe_probe_state *s, uint64_t now_us)
{
    return !p->cluster.id && p->next_us <= now_us && s->want && !is_enough(s);
}

void plm_bwe_probe_hurry(struct plm_bwe_probe *p, uint64_t at_us)
{
    if (p->next_us > at_us)
        p->next_us = at_us;
}
