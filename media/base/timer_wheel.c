#include "base/timer.h"

#include <string.h>

#define SLOT_BITS 8
#define SLOT_MASK (PLM_WHEEL_SLOTS - 1)
#define REACH_MS  ((UINT64_C(1) << (SLOT_BITS * PLM_WHEEL_LEVELS)) - 1)

void plm_wheel_init(struct plm_wheel *w, uint64_t now_us)
{
    memset(w, 0, sizeof *w);
    w->now_ms = now_us / 1000;
}

static void link_at(struct plm_timer **head, struct plm_timer *t)
{
    t->next = *head;
    if (t->next)
        t->next->prev = &t->next;
    t->prev = head;
    *head = t;
}

static void unlink_timer(struct plm_timer *t)
{
    *t->prev = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->next = NULL;
    t->prev = NULL;
}

/** Rounded up, so that nothing fires before its deadline. */
static uint64_t due_ms(const struct plm_timer *t)
{
    return t->due_us / 1000 + (t->due_us % 1000 != 0);
}

/** Put a timer that is due now or later into the finest level that reaches it. */
static void place(struct plm_wheel *w, struct plm_timer *t)
{
    uint64_t due = due_ms(t), delta = due > w->now_ms ? due - w->now_ms : 0;
    if (delta > REACH_MS)
        delta = REACH_MS;
    unsigned level = 0;
    while (delta >> (SLOT_BITS * (level + 1)))
        level++;
    unsigned slot = (unsigned)((w->now_ms + delta) >> (SLOT_BITS * level)) & SLOT_MASK;
    w->occupied[level][slot / 64] |= UINT64_C(1) << (slot % 64);
    link_at(&w->slots[level][slot], t);
}

void plm_timer_start(struct plm_wheel *w, struct plm_timer *t, uint64_t due_us, plm_timer_fn *fn)
{
    plm_timer_stop(w, t);
    t->due_us = due_us;
    t->fn = fn;
    w->active++;
    if (due_ms(t) <= w->now_ms)
        link_at(&w->past, t);
    else
        place(w, t);
}

void plm_timer_start_coarse(struct plm_wheel *w, struct plm_timer *t, uint64_t due_us, plm_timer_fn *fn)
{
    uint64_t grid_us = due_us / PLM_TIMER_GRID_US * PLM_TIMER_GRID_US;
    plm_timer_start(w, t, grid_us / 1000 > w->now_ms ? grid_us : due_us, fn);
}

void plm_timer_stop(struct plm_wheel *w, struct plm_timer *t)
{
    if (!t->prev)
        return;
    unlink_timer(t); /* an empty slot's bit is cleared when it is next looked at */
    w->active--;
}

bool plm_timer_active(const struct plm_timer *t)
{
    return t->prev != NULL;
}

/** Distance (1..256) from `from` to the next occupied slot of a level, going round; 0 when the level is empty. */
static unsigned distance_to_next(const struct plm_wheel *w, unsigned level, unsigned from)
{
    for (unsigned step = 1; step <= PLM_WHEEL_SLOTS;) {
        unsigned slot = (from + step) & SLOT_MASK;
        uint64_t word = w->occupied[level][slot / 64] >> (slot % 64);
        if (!word) {
            step += 64 - slot % 64;
            continue;
        }
        step += (unsigned)__builtin_ctzll(word);
        slot = (from + step) & SLOT_MASK;
        if (step > PLM_WHEEL_SLOTS)
            return 0;
        if (w->slots[level][slot])
            return step;
        step++;
    }
    return 0;
}

/** The next millisecond at which a timer fires or moves to a finer level. */
static uint64_t next_ms(const struct plm_wheel *w)
{
    uint64_t next = UINT64_MAX;
    for (unsigned level = 0; level < PLM_WHEEL_LEVELS; level++) {
        uint64_t index = w->now_ms >> (SLOT_BITS * level);
        unsigned d = distance_to_next(w, level, (unsigned)index & SLOT_MASK);
        uint64_t at = (index + d) << (SLOT_BITS * level);
        if (d && at < next)
            next = at;
    }
    return next;
}

uint64_t plm_wheel_next(const struct plm_wheel *w)
{
    if (!w->active)
        return UINT64_MAX;
    if (w->past)
        return w->now_ms * 1000;
    return next_ms(w) * 1000;
}

static struct plm_timer *take_slot(struct plm_wheel *w, unsigned level, unsigned slot)
{
    struct plm_timer *list = w->slots[level][slot];
    w->slots[level][slot] = NULL;
    w->occupied[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
    return list;
}

/** At now_ms: hand down the timers of each coarser slot that begins here. */
static void cascade(struct plm_wheel *w)
{
    for (unsigned level = 1; level < PLM_WHEEL_LEVELS; level++) {
        if (w->now_ms & ((UINT64_C(1) << (SLOT_BITS * level)) - 1))
            return;
        struct plm_timer *t = take_slot(w, level, (unsigned)(w->now_ms >> (SLOT_BITS * level)) & SLOT_MASK);
        while (t) {
            struct plm_timer *next = t->next;
            place(w, t);
            t = next;
        }
    }
}

/** Fire what the list holds; callbacks may stop what is still in it. */
static void fire(struct plm_wheel *w, struct plm_timer *list, uint64_t now_us)
{
    if (list)
        list->prev = &list;
    while (list) {
        struct plm_timer *t = list;
        unlink_timer(t);
        w->active--;
        t->fn(t, now_us);
    }
}

void plm_wheel_run(struct plm_wheel *w, uint64_t now_us)
{
    struct plm_timer *past = w->past;
    w->past = NULL;
    fire(w, past, now_us);
    uint64_t until = now_us / 1000;
    for (uint64_t at; w->active && (at = next_ms(w)) <= until;) {
        w->now_ms = at;
        cascade(w);
        fire(w, take_slot(w, 0, (unsigned)at & SLOT_MASK), now_us);
    }
    if (until > w->now_ms)
        w->now_ms = until;
}
