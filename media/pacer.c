#include "pacer.h"

#include "base/util.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <stdlib.h>

#define RATE_PERCENT 250  /* of the estimate */
#define FULL_PERCENT 100  /* the same while a queue stands before the line: what it has no room for is lost */
#define STEP_US      5000 /* between two bursts */
#define BURST_MS     20   /* of the rate may leave at once: a usual frame in one train */
#define BURST_MIN    3000 /* octets */
#define BURST_MAX    20000
#define DRAIN_MS     250 /* what waits longer makes the rate higher */
#define FILL_OCTETS  40  /* of a padding packet */

/** A packet that waits. */
struct plm_paced {
    struct plm_pkt *pkt; /* a reference; NULL for FILL */
    uint64_t source;     /* key of the track that the slot showed */
    struct plm_map_out out;
    uint32_t next; /* index + 1 */
    uint16_t slot, octets;
    uint8_t kind, pt;
};

int plm_pacer_pool_init(struct plm_pacer_pool *pool)
{
    pool->items = malloc(PLM_PACER_ITEMS * sizeof *pool->items);
    if (!pool->items)
        return PLM_ENOMEM;
    for (uint32_t i = 0; i < PLM_PACER_ITEMS; i++)
        pool->items[i].next = i + 1 < PLM_PACER_ITEMS ? i + 2 : 0;
    pool->free = 1;
    return 0;
}

void plm_pacer_pool_destroy(struct plm_pacer_pool *pool)
{
    free(pool->items);
    pool->items = NULL;
}

/* ---- what may leave ---- */

void plm_pacer_set(struct plm_pacer *p, uint32_t estimate_bps, bool full)
{
    uint64_t octets_per_ms = (uint64_t)estimate_bps * (full ? FULL_PERCENT : RATE_PERCENT) / 100 / 8000;
    p->octets_per_ms = estimate_bps && !octets_per_ms ? 1 : (uint32_t)octets_per_ms;
}

static int32_t burst_of(const struct plm_pacer *p)
{
    uint64_t octets = (uint64_t)p->octets_per_ms * BURST_MS;
    return (int32_t)(octets < BURST_MIN ? BURST_MIN : octets > BURST_MAX ? BURST_MAX : octets);
}

static void fill(struct plm_pacer *p, uint64_t now_us)
{
    uint64_t since_us = now_us - p->filled_us, rate = p->octets_per_ms;
    int32_t burst = burst_of(p);
    if (rate < p->octets / DRAIN_MS)
        rate = p->octets / DRAIN_MS;
    p->filled_us = now_us;
    if (since_us >= BURST_MAX * UINT64_C(1000)) { /* more than any burst, and the product below stays small */
        p->budget = burst;
        return;
    }
    int64_t budget = p->budget + (int64_t)(rate * since_us / 1000);
    p->budget = (int32_t)(budget < burst ? budget : burst);
}

/* ---- what waits ---- */

static void append(struct plm_pacer_pool *pool, struct plm_pacer_queue *q, uint32_t i)
{
    pool->items[i - 1].next = 0;
    if (q->last)
        pool->items[q->last - 1].next = i;
    else
        q->first = i;
    q->last = i;
}

static uint32_t take(struct plm_pacer_pool *pool, struct plm_pacer_queue *q)
{
    uint32_t i = q->first;
    q->first = pool->items[i - 1].next;
    if (!q->first)
        q->last = 0;
    return i;
}

static void give_back(struct plm_pacer_pool *pool, uint32_t i)
{
    pool->items[i - 1].next = pool->free;
    pool->free = i;
}

/* One of the oldest leaves. */
static void release(struct plm_worker *w, struct plm_transport *t)
{
    struct plm_pacer *p = &t->pacer;
    uint32_t i = take(&w->pacer, p->rtx.first ? &p->rtx : &p->media);
    struct plm_paced *item = &w->pacer.items[i - 1];
    struct plm_slot *slot = &t->slots[item->slot];
    bool shown = slot->track && slot->track->key == item->source;
    p->octets -= item->octets;
    p->budget -= item->octets;
    if (shown)
        plm_egress_depart(w, slot, item->pkt, (enum plm_egress_kind)item->kind, item->pt, &item->out);
    else if (item->kind != PLM_EGRESS_RTX) /* its number has to be used; what is repaired has none yet */
        plm_egress_depart(w, slot, NULL, PLM_EGRESS_FILL, item->pt, &item->out);
    if (item->pkt)
        plm_pkt_put(w->pool, item->pkt);
    give_back(&w->pacer, i);
}

static void on_step(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_transport *t = PLM_CONTAINER_OF(timer, struct plm_transport, pacer.timer);
    struct plm_pacer *p = &t->pacer;
    fill(p, now_us);
    while ((p->rtx.first || p->media.first) && (p->budget > 0 || !p->octets_per_ms))
        release(t->worker, t);
    p->waiting = p->rtx.first || p->media.first;
    if (p->waiting)
        plm_timer_start(&t->worker->wheel, timer, now_us + STEP_US, on_step);
}

bool plm_pacer_hold(struct plm_worker *w, struct plm_slot *slot, struct plm_pkt *pkt,
    enum plm_egress_kind kind, uint8_t pt, const struct plm_map_out *out)
{
    struct plm_transport *t = slot->transport;
    struct plm_pacer *p = &t->pacer;
    if (t->samples_sound && slot->kind == PLM_KIND_AUDIO) /* its budget is for pictures */
        return false;
    if ((!p->octets_per_ms && !p->waiting) || kind == PLM_EGRESS_PADDING || p->open)
        return false;
    uint16_t octets = pkt ? pkt->len : FILL_OCTETS;
    struct plm_pacer_queue *q = kind == PLM_EGRESS_RTX ? &p->rtx : &p->media;
    if (p->filled_us != w->now_us)
        fill(p, w->now_us);
    bool sound = slot->kind == PLM_KIND_AUDIO;
    /* Of a line that carries hardly more than sound: pictures do not wait for all of it. */
    if (sound && p->budget < -burst_of(p))
        return false;
    if (sound || (!q->first && p->budget > 0)) {
        p->budget -= octets;
        return false;
    }
    uint32_t i = w->pacer.free;
    if (!i) {
        while (p->media.first && kind != PLM_EGRESS_RTX) /* in order */
            release(w, t);
        return false;
    }
    w->pacer.free = w->pacer.items[i - 1].next;
    w->pacer.items[i - 1] = (struct plm_paced){.pkt = pkt ? plm_pkt_ref(pkt) : NULL,
        .source = slot->track ? slot->track->key : 0,
        .out = *out,
        .slot = (uint16_t)(slot - t->slots),
        .octets = octets,
        .kind = (uint8_t)kind,
        .pt = pt};
    append(&w->pacer, q, i);
    p->octets += octets;
    if (!p->waiting) {
        p->waiting = true;
        plm_timer_start(&w->wheel, &p->timer, w->now_us + STEP_US, on_step);
    }
    return true;
}

static void drop_all(struct plm_worker *w, struct plm_pacer_queue *q)
{
    while (q->first) {
        uint32_t i = take(&w->pacer, q);
        if (w->pacer.items[i - 1].pkt)
            plm_pkt_put(w->pool, w->pacer.items[i - 1].pkt);
        give_back(&w->pacer, i);
    }
}

void plm_pacer_forget(struct plm_worker *w, struct plm_transport *t)
{
    drop_all(w, &t->pacer.rtx);
    drop_all(w, &t->pacer.media);
    t->pacer.octets = 0;
    t->pacer.waiting = false;
    plm_timer_stop(&w->wheel, &t->pacer.timer);
}
