#include <stdlib.h>

#include "bwe.h"
#include "bwe_probe.h"
#include "delay_trend.h"
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
#define OWN_LOSS_Q8        77 /* 30 %: no line loses more by itself */
#define LESS_SENT_PERCENT  80 /* of what went through well: if as much is lost still, it is not for the rate */
#define LESS_TOLD_PERCENT  40 /* the same for the estimate, which a sender may not be able to follow */
#define HELPED_PERCENT     70
#define QUEUE_US           40000   /* mean wait in front of the line that says that it is full */
#define BASE_US            5000000 /* the shortest way is that of the last one to two of these */
#define LEAST_CUT_Q8       26      /* 5 %: less empties no queue */
#define GROW_PERCENT_S     8
#define MIN_BPS            50000 /* sound, and a picture now and then */
#define MAX_BPS            200000000
#define START_BPS          1000000
#define HEADROOM           3
/* with transport-cc */
#define ARRIVAL_BIN_US     25000
#define ARRIVAL_BINS       16
#define LEAST_ARRIVAL_US   80000
#define ARRIVAL_SHORT      8 /* bins: 200 ms, in which a line that is full shows what it carries */
#define ARRIVAL_SHORTEST   4
#define DELAY_CUT_US       150000 /* and a round trip between two cuts: until the first shows */
#define FULL_US            60000
#define WAIT_US            15000   /* mean wait below which no queue is worth a cut, whatever its trend */
#define STANDING_US        1000000 /* between two cuts for a queue that neither grows nor goes */
#define CUT_PERCENT        85      /* draft-ietf-rmcat-gcc-02 section 5.5, beta */
#define STANDING_PERCENT   90
#define USED_PERCENT       80 /* who sends less of what it may proves nothing */
#define NEAR_PERCENT       10 /* around where it was cut last, growth is by a packet per response */
#define PACKET_BITS        9600
#define RESPONSE_US        100000  /* beside the round trip: feedback, and the detector */
#define STRAINED_US        2000000 /* after a cut: what it overtook is asked for until then */
#define CALM_US            1000000 /* after a cut, before anything grows */
#define PROBE_CALM_US      250000  /* after a cut; a queue that is still there makes it wait longer */
#define PROBE_FACTOR       2
#define PROBE_PERCENT      120 /* of what is wanted: a step up needs head-room */
#define PROBE_AGAIN_US     2500000
#define PROBE_KEEP_PERCENT 95     /* of what a line that became full carried */
#define PROBE_QUIET_US     150000 /* what a cluster put into the queue is not the sender's doing */

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

/** How much longer packets take than the shortest way. The clocks at both ends differ; only differences of one end count. */
struct delay {
    int64_t base[2]; /* shortest of the present time and of the one before */
    uint64_t base_us;
    int64_t sum; /* since the last verdict */
    uint32_t n;
    bool any;
};

/** Octets by the receiver's clock. */
struct arrivals {
    uint32_t bins[ARRIVAL_BINS];
    int64_t newest; /* bin */
    int64_t first_us;
    int64_t newest_us;
    bool any;
};

struct plm_bwe {
    uint64_t estimate; /* bit/s */
    struct arrivals arrivals;
    struct plm_delay_trend trend;
    struct plm_probe probe;
    uint64_t want_bps, capacity_bps; /* capacity: where it was cut last, 0 unknown */
    uint64_t next_probe_us, quiet_until_us;
    int64_t wait_us; /* mean of the last feedback's packets, in front of the line */
    bool padding;
    uint64_t first_feedback_us, last_feedback_us, last_grow_us, last_cut_us;
    uint64_t remb_bps;                              /* the last one */
    uint64_t remb_cap, remb_until_us, remb_hold_us; /* what limits, while it limits */
    uint32_t rtt_us;
    bool valid;
    struct rate sent_rate, acked_rate;
    uint64_t window_start_us; /* of the loss counted from transport-cc */
    uint32_t window_lost, window_got;
    struct delay delay;
    int32_t loss_q16;  /* of about the last two seconds */
    int32_t own_q16;   /* what of it the line loses whatever is sent (radio) */
    int32_t cut_q16;   /* when the present time of cutting began; 0: none */
    uint64_t good_bps; /* what was sent, at most, with nothing lost beyond that */
    bool queueing;     /* at the last verdict */
    bool has_twcc;
    struct sent ring[SENT_RING];
};

struct plm_bwe *plm_bwe_create(void)
{
    struct plm_bwe *b = calloc(1, sizeof *b);
    if (b)
        plm_delay_trend_init(&b->trend);
    return b;
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
    plm_probe_on_sent(&b->probe, twcc_seq, size, now_us);
}

static void arrivals_add(struct arrivals *a, uint16_t octets, int64_t arrival_us)
{
    int64_t bin = arrival_us / ARRIVAL_BIN_US;
    if (!a->any || bin > a->newest + ARRIVAL_BINS || bin <= a->newest - ARRIVAL_BINS) {
        *a = (struct arrivals){.newest = bin, .first_us = arrival_us, .newest_us = arrival_us, .any = true};
    }
    while (a->newest < bin)
        a->bins[++a->newest & (ARRIVAL_BINS - 1)] = 0;
    a->bins[bin & (ARRIVAL_BINS - 1)] += octets;
    if (arrival_us > a->newest_us)
        a->newest_us = arrival_us;
}

/* Of the last n bins, the newest of which is not over yet. @return 0: too little is known */
static uint64_t arrivals_bps(const struct arrivals *a, unsigned n)
{
    uint64_t octets = 0;
    uint64_t us = (uint64_t)(n - 1) * ARRIVAL_BIN_US + (uint64_t)(a->newest_us - a->newest * ARRIVAL_BIN_US);
    if (a->newest_us - a->first_us < LEAST_ARRIVAL_US)
        return 0;
    if (us > (uint64_t)(a->newest_us - a->first_us))
        us = (uint64_t)(a->newest_us - a->first_us);
    for (unsigned i = 0; i < n; i++)
        octets += a->bins[(a->newest - i) & (ARRIVAL_BINS - 1)];
    return octets * 8000000 / us;
}

/* What can be found out by probing need not be hoped for. */
static bool can_probe(const struct plm_bwe *b)
{
    return b->has_twcc && b->padding;
}

static uint64_t ceiling(const struct plm_bwe *b)
{
    uint64_t top = MAX_BPS, sending = rate_bps(&b->sent_rate);
    if (sending && !can_probe(b))
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
    if (can_probe(b)) /* what flows without a queue goes through; more shows when it is asked for */
        b->estimate = rate_bps(&b->sent_rate) * PROBE_PERCENT / 100;
    bound(b);
}

static void delay_add(struct delay *d, int64_t us, uint64_t now_us)
{
    if (!d->any || now_us - d->base_us >= BASE_US) {
        d->base[1] = d->any ? d->base[0] : us;
        d->base[0] = us;
        d->base_us = now_us;
        d->any = true;
    }
    if (us < d->base[0])
        d->base[0] = us;
    d->sum += us;
    d->n++;
}

static int64_t shortest(const struct delay *d)
{
    return d->base[0] < d->base[1] ? d->base[0] : d->base[1];
}

/** Since the last time it was asked. */
static bool is_queueing(struct delay *d)
{
    bool queueing = d->n && d->sum / d->n - shortest(d) > QUEUE_US;
    d->sum = 0;
    d->n = 0;
    return queueing;
}

/**
 * Tell what the line loses by itself from what it loses because too much is sent: where clearly less is sent than went through well, nothing
 * waits in front of the line, and it loses as much as before, cutting on would only end the picture. A time of cutting that did lessen
 * the loss shows what is too much.
 */
static void learn_loss(struct plm_bwe *b, uint64_t sending, bool queueing)
{
    if (queueing)
        b->own_q16 -= b->own_q16 / 8; /* a full line has lost for that all along, it may be */
    int32_t excess = b->loss_q16 - b->own_q16;
    if (b->cut_q16 && b->loss_q16 * 100 < b->cut_q16 * HELPED_PERCENT) {
        b->good_bps = sending;
        b->cut_q16 = b->loss_q16;
    }
    if (excess < LOW_LOSS_Q8 << 8) {
        b->cut_q16 = 0;
        if (sending > b->good_bps)
            b->good_bps = sending;
        if (excess < 0)
            b->own_q16 += excess / 8;
        return;
    }
    bool less = sending * 100 <= b->good_bps * LESS_SENT_PERCENT ||
                b->estimate * 100 <= b->good_bps * LESS_TOLD_PERCENT;
    if (less && !queueing && b->loss_q16 <= OWN_LOSS_Q8 << 8)
        b->own_q16 += excess / 4;
}

/** A verdict on a while: cut by half the loss where it is high. */
static void on_loss(struct plm_bwe *b, uint32_t loss_q8, uint64_t now_us)
{
    uint64_t sending = rate_bps(&b->sent_rate);
    b->queueing = is_queueing(&b->delay);
    b->loss_q16 += ((int32_t)(loss_q8 << 8) - b->loss_q16) / 4;
    if (!b->valid) { /* what is lost from the first is the line's own, as long as nobody knows better */
        b->loss_q16 = (int32_t)loss_q8 << 8;
        b->own_q16 = b->queueing || loss_q8 > OWN_LOSS_Q8 ? 0 : b->loss_q16;
        b->good_bps = sending;
        return;
    }
    learn_loss(b, sending ? sending : b->estimate, b->queueing);
    /* With a queue in front of the line less is enough: it is full, and only sending less empties it. */
    int32_t high = (b->queueing ? LOW_LOSS_Q8 : HIGH_LOSS_Q8) << 8;
    if ((int32_t)(loss_q8 << 8) - b->own_q16 < high || b->loss_q16 - b->own_q16 < high / 2 ||
        now_us - b->last_cut_us < CUT_INTERVAL_US + b->rtt_us)
        return;
    if (b->loss_q16 > b->cut_q16)
        b->cut_q16 = b->loss_q16;
    /* Where less is sent than the estimate allows, it is the sending rate that loses. */
    if (sending && sending < b->estimate)
        b->estimate = sending;
    b->estimate -= b->estimate * (loss_q8 > LEAST_CUT_Q8 ? loss_q8 : LEAST_CUT_Q8) / 512;
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
    delay_add(&b->delay, p->arrival_us - (int64_t)s->at_us, now_us);
    rate_add(&b->acked_rate, s->size, now_us);
    arrivals_add(&b->arrivals, s->size, p->arrival_us);
    if (plm_probe_has(&b->probe, p->seq)) {
        plm_probe_on_arrival(&b->probe, s->size, p->arrival_us);
        plm_delay_trend_skip(&b->trend);
    } else {
        plm_delay_trend_on_packet(&b->trend, s->at_us, p->arrival_us);
    }
}

static bool cut_to(struct plm_bwe *b, uint64_t bps, uint64_t now_us)
{
    if (!bps || (b->valid && bps >= b->estimate))
        return false;
    b->valid = true;
    b->estimate = bps;
    b->last_cut_us = b->last_grow_us = now_us;
    if (b->next_probe_us < now_us + PROBE_CALM_US)
        b->next_probe_us = now_us + PROBE_CALM_US;
    bound(b);
    return true;
}

/* What the line carries while a queue stands before it is what arrives. */
static bool judge_delay(struct plm_bwe *b, uint64_t now_us)
{
    uint64_t calm = now_us - b->last_cut_us;
    if (b->wait_us < WAIT_US || b->probe.sending || b->probe.waiting || now_us < b->quiet_until_us ||
        calm < DELAY_CUT_US + b->rtt_us)
        return false;
    uint64_t carried = arrivals_bps(&b->arrivals, ARRIVAL_SHORT);
    if (b->trend.use == PLM_LINE_OVER) {
        uint64_t lately = arrivals_bps(&b->arrivals, ARRIVAL_SHORTEST);
        /* So long a queue lets through what the line carries, no less. */
        if (b->wait_us > FULL_US && lately && lately < carried)
            carried = lately;
        b->capacity_bps = carried;
        return cut_to(b, carried * CUT_PERCENT / 100, now_us);
    }
    if (b->wait_us > QUEUE_US && b->trend.use == PLM_LINE_NORMAL && calm > STANDING_US)
        return cut_to(b, arrivals_bps(&b->arrivals, ARRIVAL_BINS) * STANDING_PERCENT / 100, now_us);
    return false;
}

static void judge_probe(struct plm_bwe *b, uint16_t newest_seq, uint64_t now_us)
{
    bool full;
    if (!b->probe.waiting)
        return;
    uint64_t bps = plm_probe_result(&b->probe, newest_seq, now_us, &full);
    if (b->probe.waiting)
        return;
    b->quiet_until_us = now_us + PROBE_QUIET_US;
    b->next_probe_us = now_us + (full ? 0 : PROBE_AGAIN_US);
    if (!full) {
        bps = bps * PROBE_KEEP_PERCENT / 100;
        b->capacity_bps = bps ? bps : b->capacity_bps;
    }
    if (b->valid && bps > b->estimate) {
        b->estimate = bps;
        bound(b);
    }
}

/* Once enough packets are known of. */
static void judge_loss(struct plm_bwe *b, uint64_t now_us)
{
    uint32_t total = b->window_lost + b->window_got;
    uint64_t since = now_us - b->window_start_us;
    if (total < LOSS_PACKETS_MIN || since < LOSS_WINDOW_US ||
        (total < LOSS_PACKETS && since < LOSS_WINDOW_MAX_US))
        return;
    on_loss(b, b->window_lost * 256 / total, now_us);
    b->window_lost = b->window_got = 0;
    b->window_start_us = now_us;
}

bool plm_bwe_on_twcc(struct plm_bwe *b, const uint8_t *fci, size_t len, uint64_t now_us)
{
    struct plm_twcc_packet statuses[STATUSES_MAX];
    uint8_t count;
    int n = plm_twcc_parse(fci, len, statuses, STATUSES_MAX, &count);
    if (n <= 0)
        return false;
    b->has_twcc = true;
    if (!b->window_start_us)
        b->window_start_us = now_us;
    const int64_t sum = b->delay.sum;
    const uint32_t got = b->delay.n;
    for (int i = 0; i < n; i++)
        on_status(b, &statuses[i], now_us);
    note_feedback(b, now_us);
    uint64_t before = b->estimate;
    if (b->delay.n > got) {
        b->wait_us = (b->delay.sum - sum) / (b->delay.n - got) - shortest(&b->delay);
        judge_delay(b, now_us);
    }
    judge_probe(b, statuses[n - 1].seq, now_us);
    judge_loss(b, now_us);
    return b->valid && b->estimate < before;
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

/* By a packet per response near the limit that is known, by a share elsewhere; of what is not used nothing is learned. */
static void grow_used(struct plm_bwe *b, uint64_t since_us, uint64_t now_us)
{
    uint64_t sending = rate_bps(&b->sent_rate), before = b->estimate;
    if (b->trend.use != PLM_LINE_NORMAL || now_us - b->last_cut_us < CALM_US ||
        sending * 100 < b->estimate * USED_PERCENT)
        return;
    if (b->estimate * 100 > b->capacity_bps * (100 + NEAR_PERCENT))
        b->capacity_bps = 0; /* it grew beyond */
    if (b->estimate * 100 > b->capacity_bps * (100 - NEAR_PERCENT) && b->capacity_bps)
        b->estimate += PACKET_BITS * since_us / (b->rtt_us + RESPONSE_US);
    else
        b->estimate += b->estimate * since_us / 1000 * GROW_PERCENT_S / 100000;
    uint64_t most = rate_bps(&b->acked_rate) * 3 / 2; /* draft-ietf-rmcat-gcc-02 section 5.5 */
    if (b->estimate > most)
        b->estimate = most > before ? most : before;
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
    if (b->loss_q16 - b->own_q16 >= LOW_LOSS_Q8 << 8 || b->queueing || b->estimate >= ceiling(b))
        return;
    if (can_probe(b))
        grow_used(b, since, now_us);
    else /* what was reached earlier stays while less is being sent; it only does not grow */
        b->estimate += b->estimate * since / 1000 * GROW_PERCENT_S / 100000;
    bound(b);
}

void plm_bwe_want(struct plm_bwe *b, uint32_t bps, bool padding)
{
    b->want_bps = bps;
    b->padding = padding;
}

/* A cluster for as long as more is wanted than is known to go through. */
static bool has_reason_to_probe(const struct plm_bwe *b)
{
    return b->valid && can_probe(b) && b->estimate * 100 < b->want_bps * PROBE_PERCENT &&
           b->loss_q16 - b->own_q16 < HIGH_LOSS_Q8 << 8 && !b->remb_cap;
}

uint64_t plm_bwe_probe_at(const struct plm_bwe *b, uint64_t now_us)
{
    if (b->probe.sending)
        return now_us + PLM_BWE_PROBE_STEP_US;
    if (b->probe.waiting || !has_reason_to_probe(b))
        return UINT64_MAX;
    return b->next_probe_us > now_us ? b->next_probe_us : now_us;
}

size_t plm_bwe_padding(struct plm_bwe *b, uint64_t now_us)
{
    if (!b->probe.sending) {
        if (plm_bwe_probe_at(b, now_us) > now_us || b->trend.use != PLM_LINE_NORMAL || b->wait_us > WAIT_US)
            return 0;
        uint64_t most = b->want_bps * PROBE_PERCENT / 100, rate = b->estimate * PROBE_FACTOR;
        plm_probe_begin(&b->probe, rate < most ? rate : most, now_us);
        b->next_probe_us = now_us + PROBE_AGAIN_US;
    }
    return plm_probe_due(&b->probe, now_us);
}

uint32_t plm_bwe_estimate(const struct plm_bwe *b)
{
    return b->valid ? (uint32_t)b->estimate : 0;
}

bool plm_bwe_is_full(const struct plm_bwe *b)
{
    return b->has_twcc && b->wait_us > FULL_US;
}

bool plm_bwe_is_strained(const struct plm_bwe *b, uint64_t now_us)
{
    return plm_bwe_is_full(b) || (b->has_twcc && b->last_cut_us && now_us - b->last_cut_us < STRAINED_US);
}

uint32_t plm_bwe_rtt_us(const struct plm_bwe *b)
{
    return b->rtt_us;
}

uint32_t plm_bwe_acked(const struct plm_bwe *b)
{
    return (uint32_t)rate_bps(&b->acked_rate);
}
