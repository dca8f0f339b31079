#include "sim_flow.h"

#include <stdlib.h>
#include <string.h>

#include "../fakes/frame_source.h"

#define START_BPS   300000
#define PACKET      1200
#define PADDING     280
#define FRAME_MS    33
#define FEEDBACK_MS 100
#define LOG_OCTETS  (4u << 20)

struct flow *flow_open(uint64_t seed, const struct flow_line *line)
{
    struct flow *f = calloc(1, sizeof *f);
    uint8_t *log = malloc(LOG_OCTETS);
    if (!f || !log || !(f->bwe = plm_bwe_create()))
        abort();
    f->seed = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    f->now = 5000000;
    f->line = *line;
    f->least_bps = 30000;
    f->most_bps = 5000000;
    f->probes = true;
    f->since_us = f->now;
    plm_twcc_rx_init(&f->rx);
    plm_bwe_log_init(&f->log, log, LOG_OCTETS);
    plm_bwe_set_log(f->bwe, &f->log);
    return f;
}

void flow_close(struct flow *f)
{
    plm_bwe_destroy(f->bwe);
    free(f->log.data);
    free(f);
}

void flow_forget(struct flow *f)
{
    f->sent_octets = f->got_octets = f->lost = f->n_waits = 0;
    memset(f->waits, 0, sizeof f->waits);
    f->since_us = f->now;
}

uint64_t flow_got(const struct flow *f)
{
    return f->now > f->since_us ? f->got_octets * 8000000 / (f->now - f->since_us) : 0;
}

unsigned flow_wait(const struct flow *f, unsigned percent)
{
    uint64_t left = f->n_waits * percent / 100;
    unsigned ms = 0;
    while (ms < 1999 && left > f->waits[ms])
        left -= f->waits[ms++];
    return ms;
}

/* ---- the line ---- */

static void put(struct flow *f, uint16_t size)
{
    const struct flow_line *l = &f->line;
    uint16_t seq = f->seq++;
    f->sent_octets += size;
    plm_bwe_on_sent(f->bwe, seq, size, f->now);
    uint64_t at = f->now;
    if (l->rate_bps) {
        uint64_t from = f->free_us > f->now ? f->free_us : f->now;
        uint64_t wait = from - f->now;
        if (wait > l->queue_us) {
            f->lost++;
            return;
        }
        f->waits[wait / 1000 < 1999 ? wait / 1000 : 1999]++;
        f->n_waits++;
        f->free_us = at = from + (size + 28) * UINT64_C(8000000) / l->rate_bps;
    }
    if (fs_chance(&f->seed, l->loss) || f->n == FLOW_PACKETS) {
        f->lost++;
        return;
    }
    at += l->delay_us + (l->jitter_us ? fs_random(&f->seed) % l->jitter_us : 0);
    at = at > f->last_us ? at : f->last_us; /* in order */
    f->last_us = at;
    unsigned i = (f->first + f->n++) % FLOW_PACKETS;
    f->way[i].at = at;
    f->way[i].seq = seq;
    f->way[i].size = size;
}

static void arrive(struct flow *f)
{
    for (; f->n && f->way[f->first].at <= f->now; f->n--) {
        f->got_octets += f->way[f->first].size;
        plm_twcc_rx_on_packet(&f->rx, f->way[f->first].seq, f->way[f->first].at);
        f->first = (f->first + 1) % FLOW_PACKETS;
    }
}

/* ---- feedback ---- */

static void report(struct flow *f)
{
    uint8_t b[1500];
    size_t n;
    while (f->n_reports < 16 && plm_twcc_rx_pending(&f->rx) &&
           (n = plm_twcc_rx_write(&f->rx, b, sizeof b, 1, 2)) > 12) {
        f->reports[f->n_reports].at = f->now + f->line.back_us;
        f->reports[f->n_reports].len = n - 12;
        memcpy(f->reports[f->n_reports++].fci, b + 12, n - 12);
    }
}

static void hear(struct flow *f)
{
    while (f->n_reports && f->reports[0].at <= f->now) {
        plm_bwe_on_twcc(f->bwe, f->reports[0].fci, f->reports[0].len, f->now);
        memmove(&f->reports[0], &f->reports[1], --f->n_reports * sizeof f->reports[0]);
    }
}

/* ---- sending ---- */

static void send_octets(struct flow *f, uint64_t octets, uint16_t most)
{
    while (octets) {
        uint16_t size = (uint16_t)(octets < most ? octets : most);
        put(f, size);
        octets -= size;
    }
}

static void encode(struct flow *f)
{
    uint64_t bps = plm_bwe_estimate(f->bwe);
    bps = bps ? bps : START_BPS;
    bps = bps < f->least_bps ? f->least_bps : bps > f->most_bps ? f->most_bps : bps;
    send_octets(f, bps * FRAME_MS / 8000 * (85 + fs_random(&f->seed) % 21) / 100, PACKET);
}

/* As a transport does it: in portions of whole packets. */
static void probe(struct flow *f)
{
    if (f->probe_at > f->now)
        return;
    size_t due = plm_bwe_padding(f->bwe, f->now);
    for (size_t sent = 0; sent < due; sent += PADDING)
        put(f, PADDING);
    f->probe_at = plm_bwe_probe_at(f->bwe, f->now);
    if (f->probe_at <= f->now)
        f->probe_at = f->now + PLM_BWE_PROBE_STEP_US;
}

void flow_run(struct flow *f, uint64_t ms)
{
    plm_bwe_want(f->bwe, (uint32_t)f->most_bps, f->probes);
    for (; ms; ms--) {
        f->now += 1000;
        uint64_t at = f->now / 1000;
        arrive(f);
        if (at % FEEDBACK_MS == 0)
            report(f);
        hear(f);
        if (f->probe_at == UINT64_MAX)
            f->probe_at = plm_bwe_probe_at(f->bwe, f->now);
        if (at % FRAME_MS == 0)
            encode(f);
        probe(f);
        if (at % 200 == 0)
            plm_bwe_poll(f->bwe, f->now);
    }
}
