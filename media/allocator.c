#include "allocator.h"

#define STEP_UP_PERCENT 115
#define DEFAULT_BPS                                                                                          \
    150000 /* of the lowest encoding, before it was measured; each further one three times that */

/** One slot's climb: temporal layers of the lowest encoding, then whole encodings. */
struct climb {
    struct plm_alloc_slot *slot;
    uint8_t top; /* the smallest encoding that covers the wanted size */
    int8_t step; /* -1: nothing yet */
    bool stuck;  /* the next step did not fit */
    uint32_t cost;
};

static bool is_sent(const struct plm_alloc_slot *s, unsigned encoding)
{
    return s->layers[encoding].bitrate_bps > 0;
}

static unsigned wanted_encoding(const struct plm_alloc_slot *s)
{
    unsigned top = s->n_layers - 1u;
    if (!s->want_width && !s->want_height)
        return top;
    for (unsigned i = 0; i < top; i++) {
        const struct plm_alloc_layer *l = &s->layers[i];
        if (l->width && l->width >= s->want_width && l->height >= s->want_height)
            return i;
    }
    return top;
}

static uint32_t bitrate_of(const struct plm_alloc_slot *s, unsigned encoding)
{
    uint32_t bps = s->layers[encoding].bitrate_bps;
    if (bps)
        return bps;
    bps = DEFAULT_BPS;
    while (encoding--)
        bps *= 3;
    return bps;
}

static unsigned temporal_layers(const struct plm_alloc_slot *s, unsigned encoding)
{
    unsigned n = s->layers[encoding].temporal_layers;
    return n < 1 ? 1 : n > 4 ? 4 : n;
}

/** Steps: 0 .. T-1 are the temporal layers of the lowest encoding sent, then one per further encoding. */
static unsigned lowest_encoding(const struct plm_alloc_slot *s)
{
    for (unsigned i = 0; i < s->n_layers; i++) {
        if (is_sent(s, i))
            return i;
    }
    return s->present < s->n_layers ? s->present : 0; /* a source that fell silent is no reason to switch */
}

/** The encoding of a step; false when the climb ends before it. */
static bool step_layer(const struct climb *c, unsigned step, uint8_t *encoding, uint8_t *tid)
{
    const struct plm_alloc_slot *s = c->slot;
    unsigned at = lowest_encoding(s), layers = temporal_layers(s, at);
    if (step < layers) {
        *encoding = (uint8_t)at;
        *tid = (uint8_t)step;
        return true;
    }
    for (unsigned left = step - layers + 1; left;) {
        if (++at > c->top)
            return false;
        left -= is_sent(s, at);
    }
    *encoding = (uint8_t)at;
    *tid = (uint8_t)(temporal_layers(s, at) - 1);
    return true;
}

static uint32_t step_cost(const struct plm_alloc_slot *s, uint8_t encoding, uint8_t tid)
{
    /* Usual shares of temporal layers; of two: 60, 100; of three: 40, 60, 100; of four: 25, 40, 60, 100 %. */
    static const uint8_t share[] = {100, 60, 40, 25};
    unsigned below = temporal_layers(s, encoding) - 1u - tid;
    return (uint32_t)((uint64_t)bitrate_of(s, encoding) * share[below < 4 ? below : 3] / 100);
}

/** Take the next step if it fits. Beyond what is forwarded now, only with head-room. */
static bool climb_step(struct climb *c, uint64_t *used, uint64_t budget)
{
    uint8_t encoding, tid;
    if (c->stuck || !step_layer(c, (unsigned)(c->step + 1), &encoding, &tid)) {
        c->stuck = true;
        return false;
    }
    uint32_t cost = step_cost(c->slot, encoding, tid);
    uint64_t after = *used - c->cost + cost;
    bool up = c->slot->present != PLM_LAYER_NONE && encoding > c->slot->present;
    if ((up ? after * STEP_UP_PERCENT / 100 : after) > budget) {
        c->stuck = true;
        return false;
    }
    *used = after;
    c->cost = cost;
    c->step++;
    c->slot->encoding = encoding;
    c->slot->tid = tid;
    return true;
}

/** Screen first, then priority. */
static int rank(const struct plm_alloc_slot *a)
{
    return a->screen * 256 + a->priority;
}

static bool before(const struct plm_alloc_slot *a, const struct plm_alloc_slot *b)
{
    if (rank(a) != rank(b))
        return rank(a) > rank(b);
    uint32_t area_a = (uint32_t)a->want_width * a->want_height,
             area_b = (uint32_t)b->want_width * b->want_height;
    return area_a > area_b;
}

static size_t prepare(struct climb *order, struct plm_alloc_slot *slots, size_t n)
{
    size_t m = 0;
    for (size_t i = 0; i < n && m < PLM_MAX_MEDIA; i++) {
        struct plm_alloc_slot *s = &slots[i];
        s->encoding = s->wish = PLM_LAYER_NONE;
        s->tid = 0;
        if (!s->n_layers || s->n_layers > PLM_MAX_ENCODINGS)
            continue;
        size_t at = m++;
        for (; at && before(s, order[at - 1].slot); at--)
            order[at] = order[at - 1];
        order[at] = (struct climb){.slot = s, .top = (uint8_t)wanted_encoding(s), .step = -1};
    }
    return m;
}

/** All of one rank climb together, a step each in turn. */
static void climb_rank(struct climb *order, size_t n, uint64_t *used, uint64_t budget)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < n; i++)
            moved |= climb_step(&order[i], used, budget);
    }
}

/** What the publisher should send for this slot: the wanted encoding, if the rest of the budget could carry it. */
static void set_wish(struct climb *c, uint64_t used, uint64_t budget)
{
    struct plm_alloc_slot *s = c->slot;
    unsigned wish = c->top;
    while (wish && !is_sent(s, wish) && used - c->cost + bitrate_of(s, wish) > budget)
        wish--;
    /* A sent one that did not fit is not wished for either. */
    while (wish && is_sent(s, wish) && s->encoding != PLM_LAYER_NONE && wish > s->encoding)
        wish--;
    s->wish = (uint8_t)wish;
}

void plm_allocate(struct plm_alloc_slot *slots, size_t n, uint32_t budget_bps)
{
    struct climb order[PLM_MAX_MEDIA];
    size_t m = prepare(order, slots, n);
    uint64_t used = 0, budget = budget_bps ? budget_bps : UINT64_MAX / 2;
    for (size_t i = 0; i < m; i++)
        climb_step(&order[i], &used, budget); /* floors */
    for (size_t i = 0, end; i < m; i = end) {
        for (end = i + 1; end < m && rank(order[end].slot) == rank(order[i].slot);)
            end++;
        climb_rank(&order[i], end - i, &used, budget);
    }
    for (size_t i = 0; i < m; i++)
        set_wish(&order[i], used, budget);
}

uint32_t plm_alloc_wanted(const struct plm_alloc_slot *slots, size_t n)
{
    uint64_t bps = 0;
    for (size_t i = 0; i < n && i < PLM_MAX_MEDIA; i++) {
        if (slots[i].n_layers && slots[i].n_layers <= PLM_MAX_ENCODINGS)
            bps += bitrate_of(&slots[i], wanted_encoding(&slots[i]));
    }
    return bps < UINT32_MAX ? (uint32_t)bps : UINT32_MAX;
}
