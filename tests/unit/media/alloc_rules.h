/*
 * The allocator's rules, held against any script: a receiver whose slots, layers, wishes, budget and time change as the script's octets say.
 * Used by its unit test over generated scripts and by the fuzz target.
 */
#ifndef TESTS_ALLOC_RULES_H
#define TESTS_ALLOC_RULES_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "allocator.h"

#define ALLOC_SLOTS     12
#define ALLOC_STEADY_US UINT64_C(150000000)

static inline uint64_t alloc_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

struct alloc_script {
    const uint8_t *p;
    size_t left;
};

static inline unsigned alloc_next(struct alloc_script *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->p++;
}

struct alloc_world {
    struct plm_alloc_line line;
    struct plm_alloc_memory memory[ALLOC_SLOTS];
    struct plm_alloc_slot slots[ALLOC_SLOTS];
    size_t n;
    uint32_t budget;
    uint64_t now;
};

static inline void alloc_make_layer(struct alloc_script *in, struct plm_alloc_layer *l, unsigned i)
{
    unsigned flags = alloc_next(in);
    uint32_t whole = (alloc_next(in) + 1) * 2000u << 2 * i;
    *l = (struct plm_alloc_layer){.sent = flags & 7,
        .temporal_layers = (uint8_t)(flags >> 3 & 7),
        .width = (uint16_t)(320u << i),
        .height = (uint16_t)(180u << i)};
    if (flags & 64)
        l->width = l->height = 0;
    unsigned share = 64 + (alloc_next(in) & 127);
    for (unsigned t = PLM_ALLOC_TEMPORAL; t-- > 0;) {
        l->bps[t] = flags & 128 ? 0 : whole;
        if (t < l->temporal_layers)
            whole = whole * share / 256 + 1;
    }
}

static inline void alloc_make_slot(struct alloc_script *in, struct alloc_world *w, size_t k)
{
    struct plm_alloc_slot *s = &w->slots[k];
    unsigned flags = alloc_next(in);
    if (flags & 16 && k > 0) /* like another, so that the two can be compared */
        *s = w->slots[k - 1];
    else {
        *s = (struct plm_alloc_slot){.n_layers = (uint8_t)(flags & 7), .present = (uint8_t)(flags >> 3 & 1)};
        for (unsigned i = 0; i < PLM_MAX_ENCODINGS; i++)
            alloc_make_layer(in, &s->layers[i], i);
        s->want_width = (uint16_t)(alloc_next(in) * 8);
        s->want_height = (uint16_t)(s->want_width * 9 / 16);
    }
    s->screen = flags >> 5 == 7;
    s->priority = (uint8_t)(alloc_next(in) & 3);
    s->memory = &w->memory[k];
    w->memory[k] = (struct plm_alloc_memory){0};
}

/** At least; of what was never measured some of a guess. */
static inline uint64_t alloc_cost(const struct plm_alloc_slot *s)
{
    return s->encoding == PLM_LAYER_NONE ? 0 : s->layers[s->encoding].bps[s->tid];
}

static inline int alloc_height(const struct plm_alloc_slot *s)
{
    return s->encoding == PLM_LAYER_NONE ? -1 : s->encoding * 8 + s->tid;
}

static inline bool alloc_same_layers(const struct plm_alloc_slot *a, const struct plm_alloc_slot *b)
{
    return a->n_layers == b->n_layers && a->screen == b->screen && a->want_width == b->want_width &&
           a->want_height == b->want_height && !memcmp(a->layers, b->layers, sizeof a->layers);
}

/** Some picture came back or rose by itself in the last 5 s. */
static inline bool alloc_is_late(const struct alloc_world *w)
{
    bool late = false;
    for (size_t i = 0; i < w->n; i++)
        late |= w->memory[i].rose_us && w->now - w->memory[i].rose_us < 5000000;
    return late;
}

/** @param late somebody was, before it @return what is wrong with one choice, NULL: nothing */
static inline const char *alloc_check_choice(const struct plm_alloc_slot *v, size_t n, uint32_t budget,
    bool late, const struct plm_alloc_total *total)
{
    uint64_t used = 0, most = (uint64_t)budget * (late ? PLM_ALLOC_UP_PERCENT : 100) / 100;
    for (size_t i = 0; i < n; i++) {
        const struct plm_alloc_slot *s = &v[i];
        bool valid = s->n_layers > 0 && s->n_layers <= PLM_MAX_ENCODINGS;
        if (!valid) {
            if (s->encoding != PLM_LAYER_NONE || s->wish != PLM_LAYER_NONE)
                return "a slot without layers is given one";
            continue;
        }
        if (s->wish >= s->n_layers)
            return "a wish for an encoding that there is not";
        if (s->encoding == PLM_LAYER_NONE) {
            if (!budget)
                return "paused without an estimate";
            continue;
        }
        if (s->encoding >= s->n_layers || s->tid >= PLM_ALLOC_TEMPORAL ||
            (s->tid > 0 && s->tid >= s->layers[s->encoding].temporal_layers))
            return "a layer that there is not";
        bool any = false;
        for (unsigned k = 0; k < s->n_layers; k++)
            any |= s->layers[k].sent;
        if (any && !s->layers[s->encoding].sent)
            return "an encoding that does not flow, though others do";
        used += alloc_cost(s);
    }
    if (used > total->used_bps)
        return "more is used than is told";
    return budget && total->used_bps > most ? "more is given than there is" : NULL;
}

/** As a receiver just come would be treated: among equals priority decides, and with more in hand the first gets no less. */
static inline const char *alloc_check_anew(const struct alloc_world *w)
{
    struct plm_alloc_slot v[2][ALLOC_SLOTS];
    struct plm_alloc_memory m[2][ALLOC_SLOTS];
    for (int k = 0; k < 2; k++) {
        struct plm_alloc_line line = {0};
        struct plm_alloc_total total;
        memcpy(v[k], w->slots, sizeof v[k]);
        memset(m[k], 0, sizeof m[k]);
        for (size_t i = 0; i < w->n; i++)
            v[k][i].memory = &m[k][i];
        uint32_t budget = k ? w->budget + w->budget / 3 : w->budget;
        plm_allocate(&line, v[k], w->n, budget, w->now, &total);
        const char *broken = alloc_check_choice(v[k], w->n, budget, false, &total);
        if (broken)
            return broken;
    }
    /* Whoever was left out takes a share of more, before the first goes on. */
    bool paused = false;
    for (size_t i = 0; i < w->n; i++)
        paused |= v[0][i].n_layers > 0 && v[0][i].n_layers <= PLM_MAX_ENCODINGS &&
                  v[0][i].encoding == PLM_LAYER_NONE;
    for (size_t a = 0; a < w->n; a++) {
        bool first = w->budget > 0 && !paused;
        for (size_t b = 0; b < w->n; b++) {
            const struct plm_alloc_slot *one = &w->slots[a], *other = &w->slots[b];
            if (one->priority > other->priority && alloc_same_layers(one, other) &&
                alloc_height(&v[0][a]) < alloc_height(&v[0][b]))
                return "of two alike the less important one gets more";
            int rank_one = one->screen * 256 + one->priority,
                rank_other = other->screen * 256 + other->priority;
            first &= a == b || rank_one > rank_other;
        }
        if (first && alloc_height(&v[1][a]) < alloc_height(&v[0][a]))
            return "the first gets less of more";
    }
    return NULL;
}

/** Nothing changes any more: after a minute of patience neither do choices, and each slot has changed its encoding a few times at most. */
static inline const char *alloc_check_steady(struct alloc_world *w)
{
    unsigned switches[ALLOC_SLOTS] = {0};
    uint64_t begin = w->now;
    for (; w->now - begin < ALLOC_STEADY_US; w->now += 500000) {
        struct plm_alloc_total total;
        int was[ALLOC_SLOTS];
        for (size_t i = 0; i < w->n; i++)
            was[i] = alloc_height(&w->slots[i]);
        bool late = alloc_is_late(w);
        plm_allocate(&w->line, w->slots, w->n, w->budget, w->now, &total);
        const char *broken = alloc_check_choice(w->slots, w->n, w->budget, late, &total);
        if (broken)
            return broken;
        for (size_t i = 0; i < w->n; i++) {
            int is = alloc_height(&w->slots[i]);
            if (is != was[i] && w->now - begin > ALLOC_STEADY_US / 2)
                return "a choice changes though nothing else does";
            switches[i] += w->now > begin && is >> 3 != was[i] >> 3;
            if (switches[i] > 3)
                return "a slot flaps though nothing changes";
        }
    }
    return NULL;
}

static inline void alloc_change(struct alloc_script *in, struct alloc_world *w)
{
    unsigned op = alloc_next(in);
    size_t k = w->n ? alloc_next(in) % w->n : 0;
    switch (op & 7) {
    case 0:
        w->budget = (alloc_next(in) << 8 | alloc_next(in)) * 100u;
        break;
    case 1:
        if (w->n < ALLOC_SLOTS)
            alloc_make_slot(in, w, w->n++);
        break;
    case 2:
        if (w->n)
            alloc_make_slot(in, w, k);
        break;
    case 3:
        if (w->n)
            w->slots[k].layers[op >> 3 & 3].sent ^= true;
        break;
    case 4:
        if (w->n)
            alloc_make_layer(in, &w->slots[k].layers[op >> 3 & 3], op >> 3 & 3);
        break;
    case 5:
        if (w->n)
            w->slots[k].priority = (uint8_t)(op >> 3 & 3);
        break;
    default:
        w->now += (op >> 3) * UINT64_C(200000);
        break;
    }
}

/** @return the rule that does not hold, NULL: all do */
static inline const char *alloc_rules_check(const uint8_t *script, size_t len)
{
    struct alloc_script in = {script, len};
    static struct alloc_world w;
    memset(&w, 0, sizeof w);
    w.now = 1000000;
    w.budget = 500000;
    for (unsigned n = 1 + alloc_next(&in) % ALLOC_SLOTS; w.n < n; w.n++)
        alloc_make_slot(&in, &w, w.n);
    for (unsigned round = 0; in.left; round++) {
        struct plm_alloc_total total;
        alloc_change(&in, &w);
        bool late = alloc_is_late(&w);
        plm_allocate(&w.line, w.slots, w.n, w.budget, w.now, &total);
        const char *broken = alloc_check_choice(w.slots, w.n, w.budget, late, &total);
        if (!broken && round % 8 == 0)
            broken = alloc_check_anew(&w);
        if (broken)
            return broken;
    }
    return alloc_check_steady(&w);
}

#endif
