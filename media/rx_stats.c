#include <string.h>

#include "rtp.h"
#include "rx_stats.h"

#define BIN_US         100000
#define N_BINS         (sizeof((struct plm_rx_stats *)0)->bins / sizeof((struct plm_rx_stats *)0)->bins[0])
#define TRANSIT_JUMP_S 5

void plm_rx_stats_init(struct plm_rx_stats *s, uint32_t clock_rate)
{
    memset(s, 0, sizeof *s);
    s->clock_rate = clock_rate ? clock_rate : 90000;
}

/** RFC 3550 appendix A.8, with the difference of transit times in RTP ticks. */
static void update_jitter(struct plm_rx_stats *s, uint32_t ts, uint64_t now_us)
{
    int64_t arrival = (int64_t)((now_us - s->last_arrival_us) * s->clock_rate / 1000000);
    int64_t d = arrival - (int32_t)(ts - (uint32_t)s->last_ts);
    if (d < 0)
        d = -d;
    if (d > (int64_t)s->clock_rate * TRANSIT_JUMP_S)
        return; /* the source's timestamps jumped: nothing that the network did */
    s->jitter_q4 += (uint32_t)d - ((s->jitter_q4 + 8) >> 4);
}

/** Let go of bins that now lie more than a second back. */
static void move_bins(struct plm_rx_stats *s, uint64_t now_us)
{
    if (now_us - s->bin_start_us >= N_BINS * BIN_US) {
        memset(s->bins, 0, sizeof s->bins);
        s->bin_start_us = now_us;
        return;
    }
    while (now_us - s->bin_start_us >= BIN_US) {
        s->bin_start_us += BIN_US;
        s->bin = (uint8_t)((s->bin + 1) % N_BINS);
        s->bins[s->bin] = 0;
    }
}

uint64_t plm_rx_stats_on_packet(
    struct plm_rx_stats *s, uint16_t seq, uint32_t ts, size_t len, uint64_t now_us)
{
    uint64_t ext;
    if (!s->any) {
        s->any = true;
        /* One cycle up, so that an older packet of the start still has a number above zero. */
        ext = UINT64_C(65536) + seq;
        s->base_ext = s->max_ext = ext;
        s->bin_start_us = now_us;
    } else {
        ext = plm_seq_extend(s->max_ext, seq);
        if (ext > s->max_ext)
            s->max_ext = ext;
        if (ext < s->base_ext)
            s->base_ext = ext;
        update_jitter(s, ts, now_us);
    }
    s->last_ts = ts;
    s->last_arrival_us = now_us;
    s->packets++;
    s->bytes += len;
    move_bins(s, now_us);
    s->bins[s->bin] += (uint32_t)len;
    return ext;
}

void plm_rx_stats_on_sr(struct plm_rx_stats *s, uint64_t ntp, uint64_t now_us)
{
    s->last_sr_mid = (uint32_t)(ntp >> 16);
    s->last_sr_us = now_us;
}

/** RFC 3550 appendix A.3. */
void plm_rx_stats_block(struct plm_rx_stats *s, uint32_t ssrc, uint64_t now_us, struct plm_rtcp_block *out)
{
    memset(out, 0, sizeof *out);
    out->ssrc = ssrc;
    uint64_t expected = s->any ? s->max_ext - s->base_ext + 1 : 0;
    int64_t lost = (int64_t)(expected - s->packets);
    out->total_lost = lost > 0x7fffff ? 0x7fffff : lost < -0x800000 ? -0x800000 : (int32_t)lost;

    int64_t expected_now = (int64_t)(expected - s->expected_prior);
    int64_t lost_now = expected_now - (int64_t)(s->packets - s->received_prior);
    s->expected_prior = expected;
    s->received_prior = s->packets;
    if (expected_now > 0 && lost_now > 0)
        out->fraction_lost = lost_now >= expected_now ? 255 : (uint8_t)((lost_now << 8) / expected_now);

    /* The first cycle on the wire is 0. */
    out->highest_seq = s->any ? (uint32_t)(s->max_ext - 65536) : 0;
    out->jitter = s->jitter_q4 >> 4;
    if (s->last_sr_us) {
        out->lsr = s->last_sr_mid;
        uint64_t delay = (now_us - s->last_sr_us) * 65536 / 1000000;
        out->dlsr = delay > UINT32_MAX ? UINT32_MAX : (uint32_t)delay;
    }
}

uint32_t plm_rx_stats_bitrate(const struct plm_rx_stats *s, uint64_t now_us)
{
    if (!s->any)
        return 0;
    uint64_t since = now_us - s->bin_start_us, gone = since / BIN_US, bytes = 0;
    for (uint64_t age = 0; age + gone < N_BINS; age++)
        bytes += s->bins[(s->bin + N_BINS - age) % N_BINS];
    return (uint32_t)(bytes * 8 * 1000000 / ((N_BINS - 1) * BIN_US + since % BIN_US + 1));
}

uint32_t plm_rx_stats_jitter_us(const struct plm_rx_stats *s)
{
    return (uint32_t)((uint64_t)(s->jitter_q4 >> 4) * 1000000 / s->clock_rate);
}
