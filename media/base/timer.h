/*
 * Timers of one worker in one wheel: O(1) to start and stop, coarse by 1 ms, no allocation. Clock-free: the owner says what time it is.
 */
#ifndef PLM_TIMER_H
#define PLM_TIMER_H

#include <stdbool.h>
#include <stdint.h>

struct plm_timer;
typedef void plm_timer_fn(struct plm_timer *t, uint64_t now_us);

/** Embedded in its owner. Zeroed memory is a stopped timer. */
struct plm_timer {
    struct plm_timer *next, **prev; /**< prev is NULL when stopped */
    uint64_t due_us;
    plm_timer_fn *fn;
};

#define PLM_WHEEL_LEVELS 4
#define PLM_WHEEL_SLOTS  256

/** Four levels of 256 slots: reaches 49 days at 1 ms; later deadlines are clamped. */
struct plm_wheel {
    uint64_t now_ms;
    uint32_t active;
    struct plm_timer *past;                                     /**< started with a deadline that had passed */
    uint64_t occupied[PLM_WHEEL_LEVELS][PLM_WHEEL_SLOTS / 64]; /**< bit per slot that holds a timer */
    struct plm_timer *slots[PLM_WHEEL_LEVELS][PLM_WHEEL_SLOTS];
};

void plm_wheel_init(struct plm_wheel *w, uint64_t now_us);
/** Start or restart. Deadlines are rounded up to a millisecond; one in the past fires at the next run. */
void plm_timer_start(struct plm_wheel *w, struct plm_timer *t, uint64_t due_us, plm_timer_fn *fn);
/**
 * The same for what need not be exact: rounded down to a multiple of PLM_TIMER_GRID_US, but never to before now. Timers of many owners meet
 * there, so that one wake-up serves them and what they send leaves together.
 */
#define PLM_TIMER_GRID_US 50000
void plm_timer_start_coarse(struct plm_wheel *w, struct plm_timer *t, uint64_t due_us, plm_timer_fn *fn);
void plm_timer_stop(struct plm_wheel *w, struct plm_timer *t);
bool plm_timer_active(const struct plm_timer *t);
/** Fire what is due, in order of milliseconds. A callback may start and stop any timer, its own too. */
void plm_wheel_run(struct plm_wheel *w, uint64_t now_us);
/**
 * When to run next, in the same clock; UINT64_MAX when nothing is active. Never later than the first deadline's millisecond;
 * may be earlier (a far timer moves to a finer level then).
 */
uint64_t plm_wheel_next(const struct plm_wheel *w);

#endif
