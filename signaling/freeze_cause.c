#include "freeze_cause.h"

#define SECOND_US                  1000000u
#define AFTER_US                   200000 /* what ends a freeze may be counted in the second that began then */
#define MEMORY_US                  4000000 /* how long before it an estimate is one to fall from */
#define HEAVY_LOSS                 5       /* per cent: repair takes round trips, and is itself lost */
#define LATE_MS                    100     /* a frame came so much later than its timestamp says */
#define STILL_MS                   150     /* without a new frame: seen as a freeze */
#define DEEP_BUFFER                250 /* ms that a receiver holds frames back for, because they come at different speeds */
#define SWITCH_MS                  1000 /* a change of encoding takes no longer: it begins with its key frame */
#define BUSY_PERMIL                800 /* of the time went into decoding */
#define ESTIMATE_FELL(now, before) ((uint64_t)(now)*4 < (uint64_t)(before)*3)

/** Sums over the seconds in which a picture stood still, and the one before: what is missing then was missing first. */
struct downlink {
    unsigned seconds;
    uint32_t lost, switches, held_ms;
    bool waited, fell, no_bandwidth, stopped;
    bool empty; /* a second in which there was nothing to forward */
};

struct uplink {
    unsigned seconds;
    uint32_t packets, lost, recovered, gap_ms, step_ms, held_ms;
    bool empty; /* a second without a packet */
};

static bool is_within(const struct plm_freeze_evidence *e, uint64_t second_end)
{
    uint64_t second_begin = second_end > SECOND_US ? second_end - SECOND_US : 0;
    return second_end + SECOND_US > e->begin_us && second_begin < e->end_us + AFTER_US;
}

static void add_downlink(const struct plm_freeze_evidence *e, struct downlink *d)
{
    uint32_t highest = 0;
    for (size_t i = 0; i < e->n_received; i++) {
        const struct plm_slot_second *s = &e->received[i];
        uint32_t before = highest;
        if (s->end_us + MEMORY_US < e->begin_us)
            continue;
        highest = s->estimate_bps > highest ? s->estimate_bps : highest;
        if (!is_within(e, s->end_us))
            continue;
        d->seconds++;
        d->lost += s->lost;
        d->switches += s->switches;
        d->held_ms = s->held_ms > d->held_ms ? s->held_ms : d->held_ms;
        d->waited |= s->state == PLM_SLOT_WAITING;
        d->empty |= s->state == PLM_SLOT_FORWARDING && s->packets == 0;
        d->no_bandwidth |= s->state == PLM_SLOT_PAUSED && s->reason == PLM_SLOT_NO_BANDWIDTH;
        d->stopped |= s->state == PLM_SLOT_PAUSED && s->reason == PLM_SLOT_STOPPED;
        d->fell |= s->estimate_bps && ESTIMATE_FELL(s->estimate_bps, before);
    }
}

static void add_uplink(const struct plm_freeze_evidence *e, struct uplink *u)
{
    for (size_t i = 0; i < e->n_sent; i++) {
        const struct plm_encoding_second *s = &e->sent[i];
        if (!is_within(e, s->end_us))
            continue;
        u->seconds++;
        u->packets += s->packets;
        u->lost += s->lost;
        u->recovered += s->recovered;
        u->gap_ms = s->gap_ms > u->gap_ms ? s->gap_ms : u->gap_ms;
        u->step_ms = s->step_ms > u->step_ms ? s->step_ms : u->step_ms;
        u->held_ms = s->held_ms > u->held_ms ? s->held_ms : u->held_ms;
        u->empty |= s->packets == 0;
    }
}

/* Whatever comes to us in such a time, and from us, is late: it says nothing of either way. */
static bool is_server(const struct plm_freeze_evidence *e, const struct uplink *u, const struct downlink *d)
{
    uint64_t still_ms = (e->end_us - e->begin_us) / 1000;
    uint32_t held_ms = u->held_ms > d->held_ms ? u->held_ms : d->held_ms;
    return held_ms >= STILL_MS && held_ms * UINT64_C(2) >= still_ms;
}

static bool is_uplink(const struct plm_freeze_evidence *e, const struct uplink *u, const struct downlink *d)
{
    uint32_t missing = u->lost > u->recovered ? u->lost - u->recovered : 0;
    bool heavy = u->lost * 100 >= (u->packets + u->lost) * HEAVY_LOSS && u->lost > 0;
    if (u->empty && e->publisher_is_silent)
        return true;
    /* What never came here is asked for by the receiver, too. What it misses beyond that was lost behind us. */
    if ((missing || heavy) && d->lost <= 4 * u->lost)
        return true;
    return u->gap_ms >= STILL_MS && u->gap_ms > u->step_ms + LATE_MS;
}

static bool is_encoder(const struct plm_freeze_evidence *e, const struct uplink *u)
{
    uint64_t still_ms = (e->end_us - e->begin_us) / 1000;
    return u->empty || (u->step_ms >= STILL_MS && u->step_ms * UINT64_C(2) >= still_ms);
}

static bool is_decoder(const struct plm_freeze_evidence *e)
{
    return e->dropped > 0 ||
           (e->report_ms && (uint64_t)e->frames * e->decode_us / e->report_ms >= BUSY_PERMIL);
}

/* Frames that come at different speeds are held back until the slow ones are there: that takes as long as the buffer gets deep, and little more. */
static bool is_held_back(const struct plm_freeze_evidence *e)
{
    uint64_t still_ms = (e->end_us - e->begin_us) / 1000;
    return e->jitter_ms >= DEEP_BUFFER && still_ms <= e->jitter_ms * UINT64_C(2);
}

enum plm_msg_freeze_cause plm_freeze_cause(const struct plm_freeze_evidence *e)
{
    uint64_t still_ms = (e->end_us - e->begin_us) / 1000;
    struct downlink d = {0};
    struct uplink u = {0};
    add_downlink(e, &d);
    add_uplink(e, &u);
    if (is_server(e, &u, &d))
        return PLM_MSG_freeze_cause_server;
    if (d.no_bandwidth)
        return PLM_MSG_freeze_cause_receiver_downlink;
    if (u.seconds && is_uplink(e, &u, &d))
        return PLM_MSG_freeze_cause_publisher_uplink;
    /* An encoding that was asked for just now had no frames before; but another one was forwarded then. */
    if (d.stopped || (u.seconds && (!d.switches || d.empty) && is_encoder(e, &u)))
        return PLM_MSG_freeze_cause_publisher_encoder;
    if (!d.seconds)
        return PLM_MSG_freeze_cause_unknown;
    if (d.fell || d.lost > u.lost)
        return PLM_MSG_freeze_cause_receiver_downlink;
    if (d.waited || (d.switches && still_ms <= SWITCH_MS))
        return PLM_MSG_freeze_cause_server;
    if (is_decoder(e))
        return PLM_MSG_freeze_cause_receiver_decoder;
    if (is_held_back(e))
        return PLM_MSG_freeze_cause_receiver_downlink;
    return u.seconds ? PLM_MSG_freeze_cause_receiver_decoder : PLM_MSG_freeze_cause_unknown;
}
