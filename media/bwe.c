#include "bwe.h"

#include <stddef.h>
#include <stdlib.h>

#include "base/prefetch.h"
#include "bwe_aimd.h"
#include "bwe_delay.h"
#include "bwe_log.h"
#include "bwe_loss.h"
#include "bwe_others.h"
#include "bwe_probe.h"
#include "bwe_rate.h"
#include "bwe_trial.h"
#include "rtcp.h"

#define HISTORY_LEAST     512     /* packets: two seconds of a camera and sound */
#define HISTORY_MOST      4096    /* the same of 20 Mbit/s */
#define HISTORY_US        2000000 /* so long a line may stand still, and a packet be acknowledged after it */
#define STATUSES_MAX      1024
#define VALID_AFTER_US    1000000
#define STALE_US          10000000
#define REMB_HOLD_US      8000000 /* how long a REMB that fell limits; doubled when it falls again soon */
#define REMB_HOLD_MAX_US  60000000
#define REMB_FALL_PERCENT 97
#define REMB_SAME         2  /* and once more: an estimate would have moved, so it is a bound */
#define NARROW_PERCENT    75 /* of the estimate */
#define HINT_PERCENT      40 /* of it, where few packets say it */
#define HINT_SENT_PERCENT 65 /* and of what is sent */
#define FULL_US           50000
#define QUEUE_US          40000 /* a wait that says that the line is full */
#define PROBE_QUEUE_US    80000 /* the same while a cluster of ours may be what waits */
#define CLUSTER_MAX_US    400000
#define PROBE_DRAIN_US    300000
#define FELL_PERCENT      75
#define AT_ONCE_PERCENT   50 /* of what is sent: little comes over a line that stands still */
#define OVER_N            3  /* feedbacks in a row */
#define OVER_LONG_US      40000
#define CROWDED_US        200000 /* beside a round trip: feedback has told of the queue then */
#define SPARE_PERCENT     105    /* of what was given out: pictures may come to take a little more */
#define SPARED_OF_PERCENT 95     /* of what goes through */
#define SPARE_US          700000 /* a burst goes by itself within that */
#define SPARE_AGAIN_US    5000000
#define CALM_US           600000 /* after a decrease, before more is asked for */
#define TRIAL_STEP_US     10000
#define START_BPS         1000000
#define HEADROOM          3
#define FLOWS_PERCENT     120
#define CARRIED_US        1500000 /* after a decrease: what was acknowledged before it is history */
#define CARRIED_AGE_US    1500000 /* of counting, before a second of it says what is carried */
#define FLOWED_US         5000000
#define STOOD_PERCENT     75      /* of what flowed before a fall: less, and the line may have stood still */
#define STOOD_US          3000000 /* after that fall a cluster may say so */
#define STOOD_SPARE       120     /* percent of what flowed: with what a step up needs beside it */
#define FULL_PERCENT      90      /* of the estimate goes through: it is nearly proved */
#define BINS_1S           PLM_BWE_BINS
#define BINS_500MS        10
#define BINS_200MS        4
#define BINS_100MS        2
#define FRESH_PACKETS     8    /* of one feedback */
#define GROW_PERCENT_S    8    /* where only loss is known */
#define SHARED_MOST_Q8    51   /* 20 %: more is not for others alone */
#define SHARED_LOST_Q16   6000 /* 9 %: a trial may be what makes the queue of others overflow */
#define SIZE_BITS         11
#define SIZE_MAX_SENT     ((1u << SIZE_BITS) - 1)

/** A packet that was sent, in as few octets as can be: one is written for each that leaves. */
struct sent {
    uint32_t at_us; /* low bits */
    uint16_t seq;
    uint16_t size : SIZE_BITS;
    uint16_t open : 1; /* not acknowledged yet */
    uint16_t lost : 1; /* then: it was told as lost, and counted */
    uint16_t cluster : 3;
};
_Static_assert(sizeof(struct sent) == 8, "an entry of the history has grown");

#define STRAINED_US  2000000 /* after a fall: what it overtook is asked for until then */
#define EASE_US      3000000 /* and so many packets: of a line that loses 3 % one of them would have been lost */
#define EASE_PACKETS 100
#define WHOLE_US     1000000 /* after it: rates are of all that is sent again */

struct plm_bwe {
    /* What each packet looks at. */
    uint64_t sent_octets; /* since the sent rate was fed last */
    struct plm_bwe_log *log;
    struct sent *history; /* by the low bits of the number */
    uint32_t history_mask;
    uint8_t cluster; /* what leaves belongs to it */
    bool tight;      /* what was sent within HISTORY_US was overwritten */
    bool valid, has_twcc;
    bool sampled; /* not each packet is acknowledged */
    bool padding; /* there is something to send for a cluster */
    bool gave_up; /* far less was given out than before */
    uint32_t rtt_us, feedback_rtt_us, want_bps, used_bps, next_bps;
    uint64_t estimate; /* bit/s */
    uint64_t shown;    /* by the first clusters, until the estimate is valid */
    uint64_t first_feedback_us, last_feedback_us, last_grow_us, fell_us;
    uint64_t crowded_us;            /* until then */
    uint64_t uneasy_us;             /* something was lost or waited then */
    uint32_t eased;                 /* packets that have come since */
    uint64_t whole_us;              /* what is known of rates is of a sample until then */
    uint64_t flowed_bps, flowed_us; /* what was carried last, and when */
    uint64_t stood_bps, stood_us;   /* the same before the estimate fell far below it; when it did */
    uint64_t spared_us;             /* what was given out has been spared since then */
    uint8_t n_over;                 /* feedbacks in a row that found a queue growing */
    uint64_t remb_bps;              /* the last one */
    uint8_t remb_same;              /* how often it has come since, and no other */
    uint64_t remb_cap, remb_until_us, remb_hold_us; /* what limits, while it limits */
    struct plm_bwe_rate sent_rate, acked_rate;      /* of our clock, of the receiver's */
    struct plm_bwe_delay delay;
    struct plm_bwe_others others;
    struct plm_bwe_aimd aimd;
    struct plm_bwe_loss loss;
    uint32_t lost_q16; /* as plm_bwe_lost_q8 tells it */
    struct plm_bwe_probe probe;
    struct plm_bwe_trial trial;
    uint32_t trial_cap; /* as plm_bwe_trial_cap last told it; 0: none */
    struct sent first_history[HISTORY_LEAST];
};

struct plm_bwe *plm_bwe_create(void)
{
    struct plm_bwe *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->history = b->first_history;
    b->history_mask = HISTORY_LEAST - 1;
    return b;
}

static void free_history(struct plm_bwe *b)
{
    if (b->history != b->first_history)
        free(b->history);
}

void plm_bwe_destroy(struct plm_bwe *b)
{
    if (b)
        free_history(b);
    free(b);
}

static struct sent *sent_at(const struct plm_bwe *b, uint16_t seq)
{
    return &b->history[seq & b->history_mask];
}

/* Between packets; where there is no memory it stays as short as it is. */
static void lengthen_history(struct plm_bwe *b)
{
    uint32_t size = b->history_mask + 1;
    b->tight = false;
    struct sent *history = size < HISTORY_MOST ? calloc(size * 2, sizeof *history) : NULL;
    if (!history)
        return;
    for (uint32_t i = 0; i < size; i++)
        history[b->history[i].seq & (size * 2 - 1)] = b->history[i];
    free_history(b);
    b->history = history;
    b->history_mask = size * 2 - 1;
}

void plm_bwe_set_log(struct plm_bwe *b, struct plm_bwe_log *log)
{
    b->log = log;
}

/* ---- what is sent ---- */

void plm_bwe_prefetch(const struct plm_bwe *b, uint16_t twcc_seq)
{
    if (b)
        __builtin_prefetch(sent_at(b, twcc_seq), 1);
}

void plm_bwe_prefetch_feedback(const struct plm_bwe *b)
{
    plm_prefetch(b, offsetof(struct plm_bwe, first_history));
}

void plm_bwe_on_sent(struct plm_bwe *b, uint16_t twcc_seq, uint16_t size, uint64_t now_us)
{
    if (size > SIZE_MAX_SENT)
        size = SIZE_MAX_SENT;
    struct sent *s = sent_at(b, twcc_seq);
    b->tight |= b->has_twcc && s->size && (uint32_t)now_us - s->at_us < HISTORY_US;
    *s = (struct sent){
        .at_us = (uint32_t)now_us, .seq = twcc_seq, .size = size, .open = 1, .cluster = b->cluster};
    b->sent_octets += size;
    if (b->cluster)
        plm_bwe_probe_on_sent(&b->probe, size, (int64_t)now_us);
    if (b->log)
        plm_bwe_log_sent(b->log, twcc_seq, size, now_us);
}

static void feed_sent_rate(struct plm_bwe *b, uint64_t now_us)
{
    plm_bwe_rate_add(&b->sent_rate, (uint32_t)b->sent_octets, (int64_t)now_us);
    b->trial.octets += b->sent_octets;
    b->sent_octets = 0;
}

static uint64_t sending(const struct plm_bwe *b)
{
    return plm_bwe_rate_bps(&b->sent_rate, BINS_1S);
}

static uint32_t round_trip(const struct plm_bwe *b)
{
    return b->rtt_us ? b->rtt_us : b->feedback_rtt_us;
}

/* ---- the estimate and its bounds ---- */

static void set_estimate(struct plm_bwe *b, uint64_t bps)
{
    uint64_t top = b->remb_cap ? b->remb_cap : PLM_BWE_MAX_BPS;
    top = b->trial_cap && b->trial_cap < top ? b->trial_cap : top;
    bps = bps < top ? bps : top;
    b->estimate = bps > PLM_BWE_MIN_BPS ? bps : PLM_BWE_MIN_BPS;
}

/* What can be found out by probing need not be hoped for. */
static bool can_probe(const struct plm_bwe *b)
{
    return b->has_twcc && b->padding;
}

/* Where nothing but what is sent proves anything, and no cluster can ask: a few times that. */
static uint64_t hope(const struct plm_bwe *b)
{
    uint64_t s = sending(b);
    return s ? s * HEADROOM + START_BPS : PLM_BWE_MAX_BPS;
}

static void validate(struct plm_bwe *b, uint64_t bps, uint64_t now_us)
{
    b->valid = true;
    b->last_grow_us = now_us;
    plm_bwe_aimd_hold(&b->aimd, now_us);
    set_estimate(b, bps);
}

/** Feedback of any kind came: the estimate becomes valid a second after the first. */
static void note_feedback(struct plm_bwe *b, uint64_t now_us)
{
    bool stale = now_us - b->last_feedback_us > STALE_US;
    if (!b->first_feedback_us || stale) {
        b->uneasy_us = now_us;
        b->eased = 0;
    }
    if (!b->first_feedback_us || (stale && !b->valid)) {
        b->first_feedback_us = now_us;
        b->shown = 0;
    } else if (stale) { /* the line may be another one: until that shows it is taken for the one it was */
        plm_bwe_probe_hurry(&b->probe, now_us);
    }
    b->last_feedback_us = now_us;
    if (b->valid || now_us - b->first_feedback_us < VALID_AFTER_US)
        return;
    /* What flows without a queue goes through; more shows when it is asked for. */
    uint64_t flows = can_probe(b) ? sending(b) * FLOWS_PERCENT / 100 : sending(b) * 2 + START_BPS;
    validate(b, flows > b->shown ? flows : b->shown, now_us);
}

static bool loss_allows_growth(const struct plm_bwe *b)
{
    return plm_bwe_loss_allows_growth(&b->loss, plm_bwe_others_fill(&b->others));
}

static bool is_queueing(const struct plm_bwe *b)
{
    return plm_bwe_delay_wait(&b->delay) > QUEUE_US;
}

/* What the last cluster may make others wait at most, at the rate that is known to go through. */
static uint64_t cluster_us(const struct plm_bwe *b)
{
    uint64_t us = b->estimate ? b->probe.sent_octets * UINT64_C(8000000) / b->estimate : 0;
    return us < CLUSTER_MAX_US ? us : CLUSTER_MAX_US;
}

/* A cluster of ours is on its way, or has been until a moment ago, and may be what waits. */
static bool is_ours(const struct plm_bwe *b, uint64_t now_us)
{
    uint64_t since = now_us - b->probe.ended_us, own_us = cluster_us(b);
    bool probing = b->probe.cluster.id ||
                   (b->probe.ended_us && since < PROBE_DRAIN_US + own_us + round_trip(b)) ||
                   plm_bwe_trial_is_felt(&b->trial, round_trip(b), now_us);
    return probing && plm_bwe_delay_least_wait(&b->delay) < (int64_t)(PROBE_QUEUE_US + own_us);
}

static struct plm_bwe_state state_of(const struct plm_bwe *b, uint64_t now_us)
{
    return (struct plm_bwe_state){.estimate = b->estimate,
        .sending = sending(b),
        .queueing = is_queueing(b),
        .rtt_us = round_trip(b),
        .now_us = now_us};
}

/* What has arrived for a second without a queue is carried, whatever is thought of the line. 0: nothing is known of it */
static uint64_t carried(const struct plm_bwe *b, uint64_t now_us)
{
    bool cut = (b->aimd.decreased_us && now_us - b->aimd.decreased_us < CARRIED_US) ||
               (b->loss.last_cut_us && now_us - b->loss.last_cut_us < CARRIED_US);
    /* After a second of nothing what was held up comes at once. */
    bool fresh = b->valid && plm_bwe_rate_age(&b->acked_rate) < CARRIED_AGE_US;
    return cut || fresh || is_queueing(b) ? 0 : plm_bwe_rate_bps(&b->acked_rate, BINS_1S);
}

/* What is known of rates is of some packets: nothing is judged by them. */
static bool is_sampled(const struct plm_bwe *b, uint64_t now_us)
{
    return b->sampled || now_us < b->whole_us;
}

static void on_loss(struct plm_bwe *b, uint32_t loss_q8, uint64_t now_us)
{
    struct plm_bwe_state s = state_of(b, now_us);
    uint32_t lost_q16 = loss_q8 << 8;
    b->lost_q16 = lost_q16 > b->lost_q16 ? lost_q16 : b->lost_q16 - (b->lost_q16 - lost_q16) / 4;
    /* What is lost of a trial it judges itself; beside others it may be theirs. */
    bool tries = b->trial.bps && !plm_bwe_others_fill(&b->others);
    if (tries || (is_sampled(b, now_us) && loss_q8))
        return;
    if (!b->valid || !plm_bwe_loss_has_begun(&b->loss)) {
        plm_bwe_loss_begin(&b->loss, loss_q8, &s);
        return;
    }
    uint32_t cut = plm_bwe_loss_judge(&b->loss, loss_q8, &s);
    if (plm_bwe_loss_is_heavy(&b->loss))
        plm_bwe_others_deny(&b->others);
    if (plm_bwe_others_lose(&b->others) && loss_q8 <= SHARED_MOST_Q8) {
        plm_bwe_loss_take_as_own(&b->loss);
        return;
    }
    if (!cut)
        return;
    /* Where less is sent than the estimate allows, it is the sending rate that loses. */
    bool ours = s.sending && s.sending < b->estimate && !plm_bwe_others_fill(&b->others);
    uint64_t from = ours ? s.sending : b->estimate;
    set_estimate(b, from - from * cut / 512);
    plm_bwe_aimd_hold(&b->aimd, now_us);
}

/* ---- transport-cc ---- */

/* @return whether it is one that was sent and not known to have arrived */
static bool on_arrival(struct plm_bwe *b, const struct plm_twcc_packet *p, uint64_t now_us)
{
    struct sent *s = sent_at(b, p->seq);
    if (!s->open || s->seq != p->seq)
        return false;
    s->open = 0;
    if (s->lost) /* it had only been overtaken */
        plm_bwe_loss_take_back(&b->loss);
    uint64_t sent_us = now_us - (uint32_t)((uint32_t)now_us - s->at_us);
    b->feedback_rtt_us = (uint32_t)(now_us - sent_us);
    plm_bwe_delay_add(&b->delay, s->size, (int64_t)sent_us, p->arrival_us);
    plm_bwe_rate_add(&b->acked_rate, s->size, p->arrival_us);
    plm_bwe_probe_on_acked(&b->probe, s->cluster, s->size, p->arrival_us);
    return true;
}

/* It stays open: a later report may still acknowledge it, or tell the same once more. @return whether it is one that was sent, for the first time */
static bool on_missing(struct plm_bwe *b, uint16_t seq)
{
    struct sent *s = sent_at(b, seq);
    if (!s->open || s->lost || s->seq != seq)
        return false;
    s->lost = 1;
    return true;
}

/* What goes through a full line, as fresh as there are packets enough to tell: what was acknowledged before it became narrow does not count. */
static uint64_t through(const struct plm_bwe *b, uint32_t got)
{
    uint64_t acked = plm_bwe_rate_bps(&b->acked_rate, BINS_200MS);
    uint64_t fresh = got >= FRESH_PACKETS ? plm_bwe_rate_bps(&b->acked_rate, BINS_100MS) : acked;
    return fresh < acked ? fresh : acked;
}

/*
 * What was given out cannot follow a step down by a little: a picture becomes smaller for it. If clearly more than that goes through, the
 * queue came by a burst, and is waited for, once in a while.
 */
static uint64_t spare(struct plm_bwe *b, uint64_t to, uint64_t acked, uint64_t now_us)
{
    uint64_t used = (uint64_t)b->used_bps * SPARE_PERCENT / 100;
    if (to >= used || used > b->estimate || used * 100 > acked * SPARED_OF_PERCENT)
        return to;
    if (!b->spared_us || now_us - b->spared_us > SPARE_AGAIN_US)
        b->spared_us = now_us;
    return now_us - b->spared_us < SPARE_US ? used : to;
}

/* A queue that a narrow line does not explain goes by itself, or is felt again in the next feedback. */
static uint64_t not_at_once(const struct plm_bwe *b, uint64_t to)
{
    uint64_t sent = sending(b), least = (sent < b->estimate ? sent : b->estimate) * AT_ONCE_PERCENT / 100;
    return to > least ? to : least;
}

/* So little that a few packets which come too late say it. */
static uint64_t hint_below(const struct plm_bwe *b)
{
    uint64_t of_estimate = b->estimate * HINT_PERCENT / 100, of_sent = sending(b) * HINT_SENT_PERCENT / 100;
    return of_estimate < of_sent ? of_estimate : of_sent;
}

/* What the line lets through if it has become narrow, else 0. A queue that lets through far less than the estimate is none of a cluster's making. */
static uint64_t narrow_line(const struct plm_bwe *b)
{
    uint64_t narrow = plm_bwe_delay_narrow(&b->delay);
    return narrow && narrow * 100 < b->estimate * NARROW_PERCENT ? narrow : plm_bwe_delay_hint(&b->delay);
}

static void follow_delay(struct plm_bwe *b, uint32_t got, uint64_t now_us)
{
    enum plm_bwe_usage usage = plm_bwe_delay_usage(&b->delay);
    b->n_over = usage == PLM_BWE_OVER ? (uint8_t)(b->n_over + (b->n_over < OVER_N)) : 0;
    /* A key frame passes, and its queue with it: only what stays, or is long, is too much. */
    bool is_long = plm_bwe_delay_least_wait(&b->delay) > OVER_LONG_US, lasts = is_long || b->n_over >= OVER_N;
    uint64_t acked = through(b, got), narrow = narrow_line(b);
    bool is_narrow = narrow != 0;
    if (is_narrow && narrow < acked)
        acked = narrow;
    bool over = usage == PLM_BWE_OVER && lasts && !is_ours(b, now_us);
    if (is_narrow || (over && !plm_bwe_delay_was_let_go(&b->delay))) {
        plm_bwe_others_on_cut(
            &b->others, acked, sending(b), plm_bwe_rate_bps(&b->acked_rate, BINS_1S), now_us);
        uint64_t from = b->valid ? b->estimate : acked ? acked : START_BPS;
        uint64_t to =
            plm_bwe_aimd_decrease(&b->aimd, from, acked, !is_narrow && !is_long, round_trip(b), now_us);
        if (!is_narrow && b->valid)
            to = spare(b, not_at_once(b, to), acked, now_us);
        if (to < b->estimate * FELL_PERCENT / 100) { /* perhaps too far: ask soon */
            plm_bwe_probe_hurry(&b->probe, now_us + CALM_US);
            b->crowded_us = now_us + CROWDED_US + round_trip(b);
        }
        if (b->valid)
            set_estimate(b, to);
        else
            validate(b, to, now_us);
        return;
    }
    if (usage == PLM_BWE_NORMAL && !is_queueing(b))
        plm_bwe_aimd_settle(&b->aimd);
}

/* @return whether a step down is taken back: it was for a queue that others keep */
static bool hear_others(struct plm_bwe *b, uint64_t now_us)
{
    enum plm_bwe_others_news news =
        plm_bwe_others_hear(&b->others, plm_bwe_rate_bps(&b->sent_rate, BINS_500MS),
            plm_bwe_delay_lucky_wait(&b->delay), round_trip(b), now_us);
    plm_bwe_delay_share(&b->delay, b->others.queue_us);
    if (plm_bwe_delay_became_shorter(&b->delay)) /* theirs, and taken for a long way */
        news = PLM_BWE_OTHERS_GONE;
    if (!news)
        return false;
    plm_bwe_probe_hurry(&b->probe, now_us);
    if (news == PLM_BWE_OTHERS_GONE) {
        plm_bwe_trial_forgive(&b->trial);
        return false;
    }
    uint64_t again = plm_bwe_others_again(&b->others);
    plm_bwe_loss_take_as_own(&b->loss);
    if (b->valid && again > b->estimate)
        set_estimate(b, again);
    return true;
}

static struct plm_bwe_probe_state probe_state(const struct plm_bwe *b, uint64_t now_us)
{
    bool decreased = b->aimd.decreased_us && now_us - b->aimd.decreased_us < CALM_US;
    bool cut = b->loss.last_cut_us && now_us - b->loss.last_cut_us < CALM_US;
    return (struct plm_bwe_probe_state){
        .estimate = (uint32_t)(b->valid ? b->estimate : b->shown),
        .want = b->want_bps,
        .calm = !decreased && !cut && !is_queueing(b) && plm_bwe_loss_allows_trial(&b->loss) &&
                plm_bwe_delay_usage(&b->delay) != PLM_BWE_OVER,
        .rtt_us = round_trip(b),
        .doubted = plm_bwe_trial_wider(&b->trial, now_us),
    };
}

/* What goes through by other evidence than a trial's may end its doubts. */
static void believe(struct plm_bwe *b, uint64_t bps, bool sent, uint64_t now_us)
{
    plm_bwe_trial_on_carried(&b->trial, bps, sent, now_us);
    b->trial_cap = plm_bwe_trial_cap(&b->trial, now_us);
}

/* @return whether a trial is over */
static bool hear_trial(struct plm_bwe *b, uint32_t got, uint32_t lost, uint64_t now_us)
{
    bool shared = plm_bwe_others_fill(&b->others);
    struct plm_bwe_trial_state s = {.estimate = (uint32_t)b->estimate,
        .acked = (uint32_t)plm_bwe_rate_bps(&b->acked_rate, BINS_200MS),
        .least_wait_us = plm_bwe_delay_least_wait(&b->delay),
        .let_go = plm_bwe_delay_was_let_go(&b->delay),
        .lost_q16 =
            shared ? plm_bwe_loss_own_q16(&b->loss) + SHARED_LOST_Q16 : plm_bwe_loss_now_q16(&b->loss),
        .rtt_us = round_trip(b),
        .now_us = now_us};
    if (!plm_bwe_trial_judge(&b->trial, got, lost, &s))
        return false;
    if (!shared) {
        if (plm_bwe_trial_lost_no_more(&b->trial, now_us))
            plm_bwe_loss_take_as_own(&b->loss);
        plm_bwe_loss_count_anew(&b->loss);
    }
    b->trial_cap = plm_bwe_trial_cap(&b->trial, now_us);
    set_estimate(b, b->estimate);
    return true;
}

static void hear_probe(struct plm_bwe *b, uint64_t now_us)
{
    struct plm_bwe_probe_state s = probe_state(b, now_us);
    uint64_t bps = plm_bwe_probe_answer(&b->probe, &s, now_us);
    if (!bps)
        return;
    believe(b, bps, false, now_us);
    if (b->stood_us && now_us - b->stood_us < STOOD_US) {
        uint64_t again = b->stood_bps * STOOD_SPARE / 100;
        plm_bwe_trial_renew(&b->trial, (uint32_t)(bps < again ? bps : again), now_us);
    }
    if (!b->valid) {
        /* The first answers only lead to faster clusters: nobody's picture gets smaller for them. */
        b->shown = bps > b->shown ? bps : b->shown;
        s.estimate = (uint32_t)b->shown;
        if (!plm_bwe_probe_goes_on(&b->probe, &s, now_us)) {
            /* A cluster goes no higher than what the slots were thought to take: what is sent anyway may show more. */
            uint64_t flows = carried(b, now_us);
            validate(b, flows > b->shown ? flows : b->shown, now_us);
        }
    } else if (bps > b->estimate && plm_bwe_delay_wait(&b->delay) < PROBE_QUEUE_US) {
        set_estimate(b, bps);
    }
}

/* More than was proved is only hoped for where no cluster can ask. */
static void grow(struct plm_bwe *b, uint64_t now_us)
{
    /* What a line of that loss would have let through, of all that is sent. */
    uint64_t through =
        plm_bwe_rate_bps(&b->acked_rate, BINS_1S) * 65536 / (65536 - plm_bwe_loss_own_q16(&b->loss));
    bool proved = through * 100 >= b->estimate * FULL_PERCENT;
    bool hoped = !can_probe(b) && b->estimate < hope(b);
    uint64_t flows = carried(b, now_us);
    if (flows) {
        b->flowed_bps = flows;
        b->flowed_us = now_us;
    }
    if (!b->valid || is_queueing(b) || !loss_allows_growth(b) || !(proved || hoped)) {
        plm_bwe_aimd_hold(&b->aimd, now_us);
        return;
    }
    uint64_t bps = plm_bwe_aimd_grow(&b->aimd, b->estimate, round_trip(b), now_us);
    believe(b, flows, true, now_us);
    set_estimate(b, flows > bps ? flows : bps);
}

static void note_ease(struct plm_bwe *b, uint32_t got, uint32_t lost, uint64_t now_us)
{
    b->eased += got;
    if (!lost && !is_queueing(b) && !plm_bwe_is_full(b))
        return;
    b->uneasy_us = now_us;
    b->eased = 0;
}

/* @return whether a trial is over */
static bool follow_feedback(struct plm_bwe *b, const uint8_t *fci, size_t len, uint64_t now_us)
{
    struct plm_twcc_packet statuses[STATUSES_MAX];
    uint8_t count;
    int n = plm_twcc_parse(fci, len, statuses, STATUSES_MAX, &count);
    if (n <= 0)
        return false;
    uint32_t got = 0, lost = 0;
    b->has_twcc = true;
    feed_sent_rate(b, now_us);
    plm_bwe_delay_begin_feedback(&b->delay, hint_below(b));
    for (int i = 0; i < n; i++) {
        if (statuses[i].arrival_us != PLM_TWCC_LOST) {
            got += on_arrival(b, &statuses[i], now_us);
            continue;
        }
        lost += on_missing(b, statuses[i].seq);
        plm_bwe_delay_on_lost(&b->delay);
    }
    plm_bwe_delay_end_feedback(&b->delay);
    note_feedback(b, now_us);
    note_ease(b, got, lost, now_us);
    bool sampled = is_sampled(b, now_us), taken_back = !sampled && hear_others(b, now_us);
    bool tried = hear_trial(b, got, lost, now_us);
    if (!sampled && !taken_back)
        follow_delay(b, got, now_us);
    uint32_t loss_q8;
    bool counts = !b->sampled || !lost; /* beside a sample one that was lost says nothing of how many are */
    if (counts && plm_bwe_loss_count(&b->loss, got, lost, now_us, &loss_q8))
        on_loss(b, loss_q8, now_us);
    hear_probe(b, now_us);
    grow(b, now_us);
    return tried;
}

static void on_fall(struct plm_bwe *b, uint32_t bps, uint64_t now_us)
{
    plm_bwe_trial_on_fall(&b->trial, bps);
    if (now_us - b->flowed_us > FLOWED_US || bps * UINT64_C(100) > b->flowed_bps * STOOD_PERCENT)
        return;
    b->stood_bps = b->flowed_bps;
    b->stood_us = now_us;
}

bool plm_bwe_on_twcc(struct plm_bwe *b, const uint8_t *fci, size_t len, uint64_t now_us)
{
    if (b->log)
        plm_bwe_log_twcc(b->log, fci, len, now_us);
    uint32_t before = plm_bwe_estimate(b);
    bool tried = follow_feedback(b, fci, len, now_us);
    uint32_t bps = plm_bwe_estimate(b);
    if (b->log)
        plm_bwe_log_decision(b->log, bps);
    if (bps < before)
        on_fall(b, bps, now_us);
    if (bps < before && !tried) /* of a trial nobody's picture has suffered */
        b->fell_us = now_us;
    return bps && (bps < before || !before || tried);
}

/* ---- other feedback ---- */

/*
 * A receiver's estimate never rises beyond one and a half times what it receives, so a sender that sends little is told little: the
 * number itself says nothing then. That it falls says that there is too much; one that never moves is what somebody has set.
 */
void plm_bwe_on_remb(struct plm_bwe *b, uint64_t bitrate_bps, uint64_t now_us)
{
    if (b->log)
        plm_bwe_log_remb(b->log, bitrate_bps, now_us);
    feed_sent_rate(b, now_us);
    uint64_t bps = bitrate_bps < PLM_BWE_MIN_BPS   ? PLM_BWE_MIN_BPS
                   : bitrate_bps > PLM_BWE_MAX_BPS ? PLM_BWE_MAX_BPS
                                                   : bitrate_bps;
    bool fell = b->remb_bps && bps < b->remb_bps * REMB_FALL_PERCENT / 100;
    /* libwebrtc's stands still where it is above one and a half times what comes. */
    bool same = bps == b->remb_bps && bps * 2 < sending(b) * 3;
    b->remb_same = same ? (uint8_t)(b->remb_same + (b->remb_same < REMB_SAME)) : 0;
    b->remb_bps = bps;
    bool meant = b->remb_same == REMB_SAME;
    if (meant && b->remb_cap == bps) {
        b->remb_until_us = now_us + b->remb_hold_us;
    } else if ((fell || meant) && bps < sending(b)) {
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
        set_estimate(b, b->estimate);
}

void plm_bwe_on_report(
    struct plm_bwe *b, uint32_t packets, uint8_t fraction_q8, uint32_t rtt_us, uint64_t now_us)
{
    uint32_t lost = (uint32_t)(((uint64_t)packets * fraction_q8 + 128) / 256), loss_q8;
    if (b->log)
        plm_bwe_log_report(b->log, packets, fraction_q8, rtt_us, now_us);
    if (rtt_us)
        b->rtt_us = b->rtt_us ? (uint32_t)(((uint64_t)b->rtt_us * 7 + rtt_us) / 8) : rtt_us;
    if (b->has_twcc) { /* which tells more, and sooner */
        note_feedback(b, now_us);
        return;
    }
    feed_sent_rate(b, now_us);
    note_feedback(b, now_us);
    if (plm_bwe_loss_count(&b->loss, packets - lost, lost, now_us, &loss_q8))
        on_loss(b, loss_q8, now_us);
}

void plm_bwe_want(struct plm_bwe *b, uint32_t bps, bool padding)
{
    if (b->log)
        plm_bwe_log_want(b->log, bps, padding);
    b->want_bps = bps;
    b->padding = padding;
}

void plm_bwe_aim(struct plm_bwe *b, uint32_t used_bps, uint32_t next_bps)
{
    if (b->log)
        plm_bwe_log_aim(b->log, used_bps, next_bps);
    b->gave_up |= used_bps * UINT64_C(100) < (uint64_t)b->used_bps * FELL_PERCENT;
    b->used_bps = used_bps;
    b->next_bps = next_bps;
}

/* ---- time ---- */

static void grow_without_twcc(struct plm_bwe *b, uint64_t now_us)
{
    uint64_t since = now_us - b->last_grow_us, top = hope(b);
    b->last_grow_us = now_us;
    since = since < 1000000 ? since : 1000000;
    /* What was reached earlier stays while less is being sent; it only does not grow. */
    if (!b->valid || b->estimate >= top || !loss_allows_growth(b))
        return;
    uint64_t bps = b->estimate + b->estimate * since / 1000 * GROW_PERCENT_S / 100000;
    set_estimate(b, bps < top ? bps : top);
}

void plm_bwe_poll(struct plm_bwe *b, uint64_t now_us)
{
    if (b->log)
        plm_bwe_log_poll(b->log, now_us);
    feed_sent_rate(b, now_us);
    if (b->tight)
        lengthen_history(b);
    if (b->remb_cap && now_us > b->remb_until_us)
        b->remb_cap = 0;
    b->trial_cap = plm_bwe_trial_cap(&b->trial, now_us);
    if (!b->has_twcc)
        grow_without_twcc(b, now_us);
    if (b->gave_up)
        plm_bwe_probe_hurry(&b->probe, now_us);
    b->gave_up = false;
}

/* ---- clusters and trials ---- */

static bool can_try(const struct plm_bwe *b)
{
    return can_probe(b) && !b->remb_cap;
}

uint32_t plm_bwe_proved(const struct plm_bwe *b, uint64_t now_us)
{
    if (!can_try(b))
        return 0;
    uint64_t flows = carried(b, now_us), tried = plm_bwe_trial_proved(&b->trial, now_us);
    flows = flows > tried ? flows : tried;
    return flows ? (uint32_t)flows : 1;
}

static uint64_t trial_at(const struct plm_bwe *b, bool calm, uint64_t now_us)
{
    if (!b->valid || !calm || b->probe.cluster.id || b->next_bps > b->estimate ||
        b->next_bps * (uint64_t)PLM_BWE_PROVED_PERCENT / 100 <= plm_bwe_proved(b, now_us))
        return UINT64_MAX;
    return plm_bwe_trial_at(&b->trial, b->next_bps, now_us);
}

uint64_t plm_bwe_probe_at(const struct plm_bwe *b, uint64_t now_us)
{
    if (b->cluster)
        return now_us + PLM_BWE_PROBE_STEP_US;
    if (b->trial.sending)
        return now_us + TRIAL_STEP_US;
    if (!can_try(b) || b->trial.bps)
        return UINT64_MAX;
    struct plm_bwe_probe_state s = probe_state(b, now_us);
    uint64_t cluster = plm_bwe_probe_next(&b->probe, &s, now_us), trial = trial_at(b, s.calm, now_us);
    return cluster < trial ? cluster : trial;
}

static void begin_some(struct plm_bwe *b, uint64_t now_us)
{
    struct plm_bwe_probe_state s = probe_state(b, now_us);
    if (b->cluster || b->trial.bps || !can_try(b))
        return;
    if (plm_bwe_probe_begin(&b->probe, &s, now_us)) {
        b->cluster = b->probe.cluster.id;
    } else if (trial_at(b, s.calm, now_us) <= now_us) {
        feed_sent_rate(b, now_us);
        plm_bwe_trial_begin(&b->trial, b->next_bps, b->used_bps, now_us);
        plm_bwe_loss_count_anew(&b->loss);
    }
}

static size_t due_padding(struct plm_bwe *b, uint64_t now_us)
{
    begin_some(b, now_us);
    if (b->trial.sending) {
        feed_sent_rate(b, now_us);
        return (size_t)plm_bwe_trial_due(&b->trial, TRIAL_STEP_US, now_us);
    }
    size_t octets = plm_bwe_probe_due(&b->probe, PLM_BWE_PROBE_STEP_US, now_us);
    if (!b->probe.sending)
        b->cluster = 0;
    return octets;
}

size_t plm_bwe_padding(struct plm_bwe *b, uint64_t now_us)
{
    size_t octets = due_padding(b, now_us);
    if (b->log)
        plm_bwe_log_padding(b->log, octets, now_us);
    return octets;
}

/* ---- what it says ---- */

uint32_t plm_bwe_estimate(const struct plm_bwe *b)
{
    return b->valid ? (uint32_t)b->estimate : 0;
}

uint32_t plm_bwe_lost_q8(const struct plm_bwe *b)
{
    return b->lost_q16 >> 8;
}

uint32_t plm_bwe_rtt_us(const struct plm_bwe *b)
{
    return b->rtt_us;
}

uint32_t plm_bwe_acked(const struct plm_bwe *b)
{
    return (uint32_t)plm_bwe_rate_bps(&b->acked_rate, BINS_1S);
}

bool plm_bwe_is_full(const struct plm_bwe *b)
{
    return b->has_twcc && plm_bwe_delay_last_wait(&b->delay) > FULL_US;
}

bool plm_bwe_fell_far(const struct plm_bwe *b, uint64_t now_us)
{
    return now_us < b->crowded_us;
}

bool plm_bwe_is_crowded(const struct plm_bwe *b, uint64_t now_us)
{
    return plm_bwe_is_full(b) || plm_bwe_fell_far(b, now_us);
}

bool plm_bwe_is_strained(const struct plm_bwe *b, uint64_t now_us)
{
    return plm_bwe_is_full(b) || (b->fell_us && now_us - b->fell_us < STRAINED_US);
}

bool plm_bwe_may_sample(const struct plm_bwe *b, uint64_t now_us)
{
    return b->has_twcc && b->valid && b->eased >= EASE_PACKETS && now_us - b->uneasy_us > EASE_US;
}

void plm_bwe_sample(struct plm_bwe *b, bool on, uint64_t now_us)
{
    if (on == b->sampled)
        return;
    if (b->log)
        plm_bwe_log_sample(b->log, on, now_us);
    b->sampled = on;
    if (on)
        return;
    plm_bwe_loss_end_ease(&b->loss);
    if (!plm_bwe_may_sample(b, now_us)) /* else a picture comes, and rates are soon its own */
        b->whole_us = now_us + WHOLE_US;
}
