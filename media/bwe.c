#include <stdlib.h>

#include "bwe.h"
#include "rtcp.h"

#define SENT_RING          1024 /* packets: a second of 10 Mbit/s; feedback comes ten times a second */
#define STATUSES_MAX       1024
#define N_BINS             10
#define BIN_US             100000
#define VALID_AFTER_US     1000000
#define LOSS_WINDOW_US     500000
#define LOSS_WINDOW_MAX_US 2000000
#define LOSS_PACKETS       100 /* fewer say little: of 100 that lose one in ten, chance makes it 7 to 13 */
#define LOSS_PACKETS_MIN   10
#define CUT_INTERVAL_US    300000
#define STALE_US           5000000
#define REMB_HOLD_US       8000000 /* how long a REMB that fell limits; doubled when it falls again soon */
#define REMB_HOLD_MAX_US   60000000
#define REMB_FALL_PERCENT  97
#define LOW_LOSS_Q8        5  /* 2 % */
#define HIGH_LOSS_Q8       26 /* 10 % */
#define RADIO_LOSS_Q8      77 /* 30 %: no line loses more by itself */
#define SENT_PERCENT       60 /* of when a time of high loss began: low enough to see whether it helps */
#define ESTIMATE_PERCENT   40
#define GROW_PERCENT_S     8
#define MIN_BPS            100000
#define MAX_BPS            200000000
#define START_BPS          1000000
#define HEADROOM           3

/** Octets over a sliding second. */
struct rate {
    uint32_t bins[N_BINS];
    uint64_t start_us; /* of the present bin */
    uint8_t at;
};

struct sent {
    uint64_t at_us;
    uint16_t seq, size;
    bool open; /* not reported yet */
};

struct plm_bwe {
    uint64_t estimate; /* bit/s */
    uint64_t first_feedback_us, last_feedback_us, last_grow_us, last_cut_us;
    uint64_t remb_bps;                              /* the last one */
    uint64_t remb_cap, remb_until_us, remb_hold_us; /* what limits, while it limits */
    uint32_t rtt_us;
    bool valid;
    struct rate sent_rate, acked_rate;
    uint64_t window_start_us; /* of the loss counted from transport-cc */
    uint32_t window_lost, window_got;
    uint32_t loss_q8;     /* newest verdict */
    int32_t loss_avg_q16; /* of about the last two seconds */
    uint64_t episode_bps; /* what was sent, and lost, when the present time of high loss began; 0: none */
    uint32_t episode_loss_q8;
    bool has_twcc;
    struct sent ring[SENT_RING];
    struct plm_twcc_packet statuses[STATUSES_MAX]; /* scratch of on_twcc */
};

struct plm_bwe *plm_bwe_create(void)
{
    return calloc(1, sizeof(struct plm_bwe));
}

void plm_bwe_destroy(struct plm_bwe *b)
{
    free(b);
}

static void rate_move(struct rate *r, uint64_t now_us)
{
    if (now_us - r->start_us >= N_BINS * BIN_US) {
        for (unsigned i = 0; i < N_BINS; i++)
            r->bins[i] = 0;
        r->start_us = now_us;
    }
    while (now_us - r->start_us >= BIN_US) {
        r->start_us += BIN_US;
        r->at = (uint8_t)((r->at + 1) % N_BINS);
        r->bins[r->at] = 0;
    }
}

static void rate_add(struct rate *r, uint32_t octets, uint64_t now_us)
{
    rate_move(r, now_us);
    r->bins[r->at] += octets;
}

static uint64_t rate_bps(const struct rate *r)
{
    uint64_t octets = 0;
    for (unsigned i = 0; i < N_BINS; i++)
        octets += r->bins[i];
    return octets * 8;
}

void plm_bwe_on_sent(struct plm_bwe *b, uint16_t twcc_seq, uint16_t size, uint64_t now_us)
{
    struct sent *s = &b->ring[twcc_seq % SENT_RING];
    s->at_us = now_us;
    s->seq = twcc_seq;
    s->size = size;
    s->open = true;
    rate_add(&b->sent_rate, size, now_us);
}

static uint64_t ceiling(const struct plm_bwe *b)
{
    uint64_t top = MAX_BPS, sending = rate_bps(&b->sent_rate);
    if (sending)
        top = sending * HEADROOM + START_BPS;
    if (b->remb_cap && b->remb_cap < top)
        top = b->remb_cap;
    return top < MIN_BPS ? MIN_BPS : top;
}

static void bound(struct plm_bwe *b)
{
    uint64_t top = ceiling(b);
    if (b->estimate > top)
        b->estimate = top;
    if (b->estimate < MIN_BPS)
        b->estimate = MIN_BPS;
}

/** Feedback of any kind came: the estimate becomes valid a second after the first. */
static void note_feedback(struct plm_bwe *b, uint64_t now_us)
{
    if (!b->first_feedback_us || now_us - b->last_feedback_us > STALE_US) {
        b->first_feedback_us = now_us;
        b->valid = false;
    }
    b->last_feedback_us = now_us;
    if (b->valid || now_us - b->first_feedback_us < VALID_AFTER_US)
        return;
    b->valid = true;
    b->last_grow_us = now_us;
    b->estimate = rate_bps(&b->sent_rate) * 2 + START_BPS;
    bound(b);
}

/**
 * Would sending less help? Where much less is sent than when the loss began, and as much of it is lost, the line loses by itself (radio):
 * cutting on would only end the picture. A loss that doubles again is congestion after all.
 */
static bool cutting_helps(struct plm_bwe *b, uint32_t loss_q8)
{
    uint64_t sending = rate_bps(&b->sent_rate);
    if (!sending)
        sending = b->estimate;
    if (!b->episode_bps || loss_q8 > b->episode_loss_q8 * 2) {
        b->episode_bps = sending;
        b->episode_loss_q8 = loss_q8;
    }
    /* Retransmissions may keep what is sent above the estimate. */
    bool reduced = sending * 100 <= b->episode_bps * SENT_PERCENT ||
                   b->estimate * 100 <= b->episode_bps * ESTIMATE_PERCENT;
    return loss_q8 > RADIO_LOSS_Q8 || !reduced ||
           b->loss_avg_q16 / 256 * 10 < (int32_t)b->episode_loss_q8 * 7;
}

/** One verdict on the last half second: cut by half the loss when it is high. */
static void on_loss(struct plm_bwe *b, uint32_t loss_q8, uint64_t now_us)
{
    b->loss_q8 = loss_q8;
    b->loss_avg_q16 += ((int32_t)(loss_q8 << 8) - b->loss_avg_q16) / 4;
    if (loss_q8 < LOW_LOSS_Q8)
        b->episode_bps = 0;
    if (!b->valid || loss_q8 < HIGH_LOSS_Q8 || now_us - b->last_cut_us < CUT_INTERVAL_US + b->rtt_us)
        return;
    if (!cutting_helps(b, loss_q8))
        return;
    /* Where less is sent than the estimate allows, it is the sending rate that loses. */
    uint64_t sending = rate_bps(&b->sent_rate);
    if (sending && sending < b->estimate)
        b->estimate = sending;
    b->estimate -= b->estimate * loss_q8 / 512;
    b->last_cut_us = now_us;
    bound(b);
}

static void on_status(struct plm_bwe *b, const struct plm_twcc_packet *p, uint64_t now_us)
{
    struct sent *s = &b->ring[p->seq % SENT_RING];
    if (!s->open || s->seq != p->seq)
        return;
    if (p->arrival_us == PLM_TWCC_LOST) {
        b->window_lost++; /* stays open: a later report may still acknowledge it */
        return;
    }
    s->open = false;
    b->window_got++;
    rate_add(&b->acked_rate, s->size, now_us);
}

void plm_bwe_on_twcc(struct plm_bwe *b, const uint8_t *fci, size_t len, uint64_t now_us)
{
    uint8_t count;
    int n = plm_twcc_parse(fci, len, b->statuses, STATUSES_MAX, &count);
    if (n <= 0)
        return;
    b->has_twcc = true;
    if (!b->window_start_us)
        b->window_start_us = now_us;
    for (int i = 0; i < n; i++)
        on_status(b, &b->statuses[i], now_us);
    note_feedback(b, now_us);
    uint32_t total = b->window_lost + b->window_got;
    uint64_t since = now_us - b->window_start_us;
    if (total < LOSS_PACKETS_MIN || since < LOSS_WINDOW_US ||
        (total < LOSS_PACKETS && since < LOSS_WINDOW_MAX_US))
        return;
    on_loss(b, b->window_lost * 256 / total, now_us);
    b->window_lost = b->window_got = 0;
    b->window_start_us = now_us;
}

/*
 * A receiver's estimate never rises beyond one and a half times what it receives, so a sender that sends little is told little: the
 * number itself says nothing then. That it falls says that there is too much.
 */
void plm_bwe_on_remb(struct plm_bwe *b, uint64_t bitrate_bps, uint64_t now_us)
{
    uint64_t bps = bitrate_bps < MIN_BPS ? MIN_BPS : bitrate_bps > MAX_BPS ? MAX_BPS : bitrate_bps;
    bool fell = b->remb_bps && bps < b->remb_bps * REMB_FALL_PERCENT / 100;
    b->remb_bps = bps;
    if (fell && bps < rate_bps(&b->sent_rate)) {
        bool again = b->remb_hold_us && now_us < b->remb_until_us + b->remb_hold_us;
        if (!b->remb_cap)
            b->remb_hold_us = !again                                   ? REMB_HOLD_US
                              : b->remb_hold_us * 2 < REMB_HOLD_MAX_US ? b->remb_hold_us * 2
                                                                       : REMB_HOLD_MAX_US;
        b->remb_cap = bps;
        b->remb_until_us = now_us + b->remb_hold_us;
    } else if (b->remb_cap && bps > b->remb_cap) {
        b->remb_cap = bps;
    }
    note_feedback(b, now_us);
    if (b->valid)
        bound(b);
}

void plm_bwe_on_report(struct plm_bwe *b, uint8_t fraction_q8, uint32_t rtt_us, uint64_t now_us)
{
    if (rtt_us)
        b->rtt_us = b->rtt_us ? (b->rtt_us * 7 + rtt_us) / 8 : rtt_us;
    note_feedback(b, now_us);
    if (!b->has_twcc) /* which tells more, and sooner */
        on_loss(b, fraction_q8, now_us);
}

void plm_bwe_poll(struct plm_bwe *b, uint64_t now_us)
{
    rate_move(&b->sent_rate, now_us);
    rate_move(&b->acked_rate, now_us);
    if (now_us > b->remb_until_us)
        b->remb_cap = 0;
    if (!b->valid)
        return;
    uint64_t since = now_us - b->last_grow_us;
    b->last_grow_us = now_us;
    if (since > 1000000)
        since = 1000000;
    /* What was reached earlier stays while less is being sent; it only does not grow. */
    if (b->loss_q8 < LOW_LOSS_Q8 && b->estimate < ceiling(b)) {
        b->estimate += b->estimate * since / 1000 * GROW_PERCENT_S / 100000;
        bound(b);
    }
}

uint32_t plm_bwe_estimate(const struct plm_bwe *b)
{
    return b->valid ? (uint32_t)b->estimate : 0;
}

uint32_t plm_bwe_rtt_us(const struct plm_bwe *b)
{
    return b->rtt_us;
}

uint32_t plm_bwe_acked(const struct plm_bwe *b)
{
    return (uint32_t)rate_bps(&b->acked_rate);
}
