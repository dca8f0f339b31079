#include "bwe_probe.h"

#include <string.h>

#define LEAST_US      15000 /* shorter ones measure the clocks */
#define LEAST_PACKETS 5
#define MOST_US       60000  /* nothing to send in all that time */
#define MOST_OCTETS   60000  /* what a cluster may put into a queue at the very most */
#define TIMEOUT_US    800000 /* feedback takes a round trip and up to 250 ms */
#define GOT_PERCENT   80
#define FULL_PERCENT  90

void plm_probe_begin(struct plm_probe *p, uint64_t rate_bps, uint64_t now_us)
{
    *p = (struct plm_probe){.sending = true, .rate_bps = rate_bps, .begun_us = now_us};
}

static void end(struct plm_probe *p, uint64_t now_us)
{
    p->sending = false;
    p->waiting = p->packets >= LEAST_PACKETS;
    p->ended_us = now_us;
}

size_t plm_probe_due(struct plm_probe *p, uint64_t now_us)
{
    uint64_t since = now_us - p->begun_us;
    if (!p->sending)
        return 0;
    if ((p->packets >= LEAST_PACKETS && since >= LEAST_US) || since >= MOST_US || p->octets >= MOST_OCTETS) {
        end(p, now_us);
        return 0;
    }
    uint64_t aim = p->rate_bps * (since + PLM_BWE_PROBE_STEP_US) / 8000000;
    return aim > p->octets ? (size_t)(aim - p->octets) : 0;
}

void plm_probe_on_sent(struct plm_probe *p, uint16_t seq, uint16_t size, uint64_t now_us)
{
    if (!p->sending)
        return;
    if (!p->any) {
        p->any = true;
        p->first_seq = seq;
        p->first_sent_us = now_us;
    }
    p->last_seq = seq;
    p->last_sent_us = now_us;
    p->last_octets = size;
    p->packets++;
    p->octets += size;
}

bool plm_probe_has(const struct plm_probe *p, uint16_t seq)
{
    return p->any && (uint16_t)(seq - p->first_seq) <= (uint16_t)(p->last_seq - p->first_seq);
}

void plm_probe_on_arrival(struct plm_probe *p, uint16_t size, int64_t arrival_us)
{
    if (!p->got || arrival_us < p->first_arrival_us) {
        p->first_arrival_us = arrival_us;
        p->first_octets = size;
    }
    if (!p->got || arrival_us > p->last_arrival_us)
        p->last_arrival_us = arrival_us;
    p->got++;
    p->got_octets += size;
}

/* The last packet sent and the first that arrived have no time after and before them. */
static uint64_t carried(const struct plm_probe *p, uint64_t *sent_bps)
{
    uint64_t sent_us = p->last_sent_us - p->first_sent_us;
    int64_t arrived_us = p->last_arrival_us - p->first_arrival_us;
    *sent_bps = sent_us ? (uint64_t)(p->octets - p->last_octets) * 8000000 / sent_us : 0;
    if (p->got * 100u < p->packets * GOT_PERCENT || arrived_us < 0 || !*sent_bps)
        return 0;
    uint64_t bps = arrived_us ? (uint64_t)(p->got_octets - p->first_octets) * 8000000 / (uint64_t)arrived_us
                              : UINT64_MAX;
    return bps;
}

uint64_t plm_probe_result(struct plm_probe *p, uint16_t newest_seq, uint64_t now_us, bool *full)
{
    uint64_t sent;
    *full = false;
    if (!p->waiting)
        return 0;
    bool told = (int16_t)(newest_seq - p->last_seq) >= 0;
    if (!told && now_us - p->ended_us < TIMEOUT_US)
        return 0;
    p->waiting = false;
    p->any = false;
    uint64_t bps = told ? carried(p, &sent) : 0;
    if (!bps)
        return 0;
    uint64_t asked = sent < p->rate_bps
                         ? sent
                         : p->rate_bps; /* its first portion makes the cluster a little faster than that */
    *full = bps >= asked * FULL_PERCENT / 100;
    return bps < asked ? bps : asked;
}
