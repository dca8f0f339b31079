#include "allocator.h"

#define WIDER_PERCENT 150 /* of the budget that turned out too large: the line is another one now */
#define BACK_PERCENT  160 /* of the least since it fell by itself, sound included: that was for a moment */
#define AMPLE_PERCENT 300 /* of the lowest layers of all */
#define SPARE_PERCENT 130 /* of what was used before: on a line that was full it means little */
#define LARGE_PERCENT 50  /* of the largest picture's area: as large as that */
#define FIRST_BPS                                                                                            \
    150000 /* of the lowest encoding, before it was measured; each further one three times that */
#define AWAIT_US  3000000  /* for what a publisher begins to send: an encoder has to start */
#define FAILED_US 10000000 /* a step down so soon after one up takes it back */
#define DOUBT_US  5000000  /* after a switch up: what lacks then is saved on frames */
#define MAX_STEPS (PLM_MAX_ENCODINGS * PLM_ALLOC_TEMPORAL)

struct step {
    uint8_t encoding, tid;
    uint32_t cost; /* never less than that of the step below */
};

/** One slot's ladder, and how far up it is. */
struct climb {
    struct plm_alloc_slot *slot;
    struct step steps[MAX_STEPS];
    int n;
    int held;        /* chosen last, -1: paused */
    int cap;         /* as far as it may climb in this run */
    int at;          /* -1: nothing yet */
    int desired;     /* what it would choose if it need not wait */
    bool fresh;      /* nothing was chosen before: no margin, no wait */
    bool asked;      /* for what it has not got yet: no wait */
    bool stuck;      /* the next step did not fit */
    bool doubted;    /* it came up by itself of late: what that takes shows only now */
    bool thinned;    /* of what it has not all frames */
    uint8_t tid;     /* then: so many of them */
    uint64_t beyond; /* the budget: as far may its lowest step go */
    uint32_t cost;
};

/* ---- ladders ---- */

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

static unsigned temporal_layers(const struct plm_alloc_slot *s, unsigned encoding)
{
    unsigned n = s->layers[encoding].temporal_layers;
    return n < 1 ? 1 : n > PLM_ALLOC_TEMPORAL ? PLM_ALLOC_TEMPORAL : n;
}

static uint32_t bitrate_of(const struct plm_alloc_slot *s, unsigned encoding, unsigned tid)
{
    uint32_t bps = s->layers[encoding].bps[tid];
    if (bps)
        return bps;
    bps = FIRST_BPS;
    while (encoding--)
        bps *= 3;
    return bps;
}

static void add_step(struct climb *c, unsigned encoding, unsigned tid)
{
    uint32_t below = c->n ? c->steps[c->n - 1].cost : 0, cost = bitrate_of(c->slot, encoding, tid);
    c->steps[c->n++] = (struct step){(uint8_t)encoding, (uint8_t)tid, cost > below ? cost : below};
}

/** Encodings that the ladder has: those that flow, up to the wanted one; at least one. Lowest first. */
static unsigned usable_encodings(const struct plm_alloc_slot *s, unsigned top, uint8_t *out)
{
    unsigned n = 0;
    for (unsigned i = 0; i < s->n_layers && (i <= top || n == 0); i++) {
        if (s->layers[i].sent)
            out[n++] = (uint8_t)i;
    }
    if (n == 0) /* a source that fell silent is no reason to switch */
        out[n++] = s->present < s->n_layers ? s->present : 0;
    return n;
}

static void add_steps(struct climb *c, const uint8_t *encodings, unsigned n)
{
    const struct plm_alloc_slot *s = c->slot;
    for (unsigned i = 0; i < n; i++) {
        unsigned layers = temporal_layers(s, encodings[i]);
        unsigned from = i == 0 || s->screen ? 0 : layers - 1;
        unsigned to = s->screen && i + 1 < n ? 1 : layers;
        for (unsigned tid = from; tid < to; tid++)
            add_step(c, encodings[i], tid);
    }
}

/** Where on the ladder the last choice is; the highest step below it when it is there no more. */
static int find_held(const struct climb *c)
{
    const struct plm_alloc_memory *m = c->slot->memory;
    if (m->encoding == PLM_LAYER_NONE)
        return -1;
    int at = 0;
    for (int i = 1; i < c->n; i++) {
        const struct step *s = &c->steps[i];
        if (s->encoding < m->encoding || (s->encoding == m->encoding && s->tid <= m->tid))
            at = i;
    }
    return at;
}

static void make_ladder(struct climb *c, struct plm_alloc_slot *s, uint64_t now_us)
{
    uint8_t encodings[PLM_MAX_ENCODINGS];
    c->slot = s;
    c->n = 0;
    c->fresh = !s->memory->known;
    add_steps(c, encodings, usable_encodings(s, wanted_encoding(s), encodings));
    c->held = c->fresh ? -1 : find_held(c);
    c->doubted = !s->screen && s->memory->rose_us && now_us - s->memory->rose_us < DOUBT_US;
}

/* ---- order ---- */

/** Screen first, then priority. */
static int rank(const struct plm_alloc_slot *a)
{
    return a->screen * 256 + a->priority;
}

/** What is wanted in any size is as large as can be. */
static uint64_t area(const struct plm_alloc_slot *a)
{
    uint64_t width = a->want_width, height = a->want_height;
    if (!width && !height)
        return UINT32_MAX;
    return (width ? width : height * 16 / 9) * (height ? height : width * 9 / 16);
}

/** Of equals those that have more come first, so that nobody changes places for nothing. */
static bool before(const struct climb *a, const struct climb *b)
{
    if (rank(a->slot) != rank(b->slot))
        return rank(a->slot) > rank(b->slot);
    if (area(a->slot) != area(b->slot))
        return area(a->slot) > area(b->slot);
    if (a->held != b->held)
        return a->held > b->held;
    return a->doubted < b->doubted;
}

static bool climb_together(const struct climb *first, const struct climb *c)
{
    return rank(c->slot) == rank(first->slot) && area(c->slot) * 100 >= area(first->slot) * LARGE_PERCENT;
}

static size_t prepare(
    struct climb *all, struct climb **order, struct plm_alloc_slot *slots, size_t n, uint64_t now_us)
{
    size_t m = 0;
    for (size_t i = 0; i < n && m < PLM_MAX_MEDIA; i++) {
        struct plm_alloc_slot *s = &slots[i];
        s->encoding = s->wish = PLM_LAYER_NONE;
        s->tid = 0;
        if (!s->n_layers || s->n_layers > PLM_MAX_ENCODINGS)
            continue;
        struct climb *c = &all[m];
        make_ladder(c, s, now_us);
        size_t at = m++;
        for (; at && before(c, order[at - 1]); at--)
            order[at] = order[at - 1];
        order[at] = c;
    }
    return m;
}

/* ---- climbing ---- */

/**
 * What a step costs. Nobody goes without a picture for a guess: what the lowest one takes shows within two seconds. Until then it counts as half of
 * what is left at most, so that there is something for others of whom nothing is known either.
 */
static uint32_t cost_of(const struct climb *c, int at, bool up, uint64_t left)
{
    const struct step *s = &c->steps[at];
    bool guessed = !c->slot->layers[s->encoding].bps[s->tid];
    return at == 0 && guessed && !up && left >= 2 && left / 2 < s->cost ? (uint32_t)(left / 2) : s->cost;
}

/**
 * A camera that has come up by itself of late, and lacks no more than the head-room that it was to have: it saves that on its frames, at once and
 * without a key frame. Where one came back the lowest layers, which have no frames to save, stay if little of the whole line lacks. @return what it costs then,
 * 0: it does not fit
 */
static uint32_t thin(struct climb *c, int at, uint64_t others, uint64_t budget)
{
    const struct step *s = &c->steps[at];
    if (at == 0 && others + s->cost <= budget + c->beyond) {
        c->thinned = true;
        c->tid = s->tid;
        return s->cost;
    }
    if (!c->doubted || at != c->held || at == 0 || (others + s->cost) * 100 > budget * PLM_ALLOC_UP_PERCENT)
        return 0;
    for (unsigned tid = s->tid; tid-- > 0;) {
        uint32_t cost = bitrate_of(c->slot, s->encoding, tid), below = c->steps[at - 1].cost;
        cost = cost > below ? cost : below;
        if (others + cost > budget)
            continue;
        c->thinned = true;
        c->tid = (uint8_t)tid;
        return cost;
    }
    return 0;
}

/** Take the next step if it fits. Beyond what was chosen last, only with head-room. */
static bool climb_step(struct climb *c, uint64_t *used, uint64_t budget)
{
    int next = c->at + 1;
    if (c->stuck || next > c->cap) {
        c->stuck = true;
        return false;
    }
    bool up = !c->fresh && next > c->held;
    uint32_t cost = cost_of(c, next, up, budget > *used ? budget - *used : 0);
    uint64_t after = *used - c->cost + cost;
    if ((up ? after * PLM_ALLOC_UP_PERCENT / 100 : after) > budget) {
        cost = up ? 0 : thin(c, next, *used - c->cost, budget);
        c->stuck = true;
        if (!cost)
            return false;
        after = *used - c->cost + cost;
    }
    *used = after;
    c->cost = cost;
    c->at = next;
    return true;
}

/** @return what all use */
static uint64_t climb_all(struct climb **order, size_t m, uint64_t budget)
{
    uint64_t used = 0;
    for (size_t i = 0; i < m; i++) {
        order[i]->at = -1;
        order[i]->cost = 0;
        order[i]->stuck = order[i]->thinned = false;
        climb_step(order[i], &used, budget); /* floors */
    }
    for (size_t i = 0, end; i < m; i = end) {
        for (end = i + 1; end < m && climb_together(order[i], order[end]);)
            end++;
        for (bool moved = true; moved;) {
            moved = false;
            for (size_t k = i; k < end; k++)
                moved |= climb_step(order[k], &used, budget);
        }
    }
    return used;
}

/* ---- patience ---- */

static bool asked_otherwise(const struct plm_alloc_slot *s)
{
    const struct plm_alloc_memory *m = s->memory;
    return m->priority != s->priority || m->want_width != s->want_width || m->want_height != s->want_height;
}

/** How long switches up still have to wait: not, all but a paused slot's return, or all. */
enum patience {
    PATIENT_NOT,
    PATIENT_ABOVE_FLOORS,
    PATIENT
};

/** Of late, or for what was not sent then. */
static bool is_asked(const struct climb *c, uint64_t now_us)
{
    const struct plm_alloc_memory *m = c->slot->memory;
    return c->fresh || asked_otherwise(c->slot) || (m->awaited_us && now_us - m->awaited_us < AWAIT_US);
}

/** As far up as patience lets it go; whoever has no room goes nowhere. */
static int highest(const struct climb *c, enum patience patience)
{
    if (c->asked)
        return c->n - 1;
    if (c->desired <= c->held)
        return c->held;
    if (c->held < 0)
        return patience == PATIENT ? -1 : patience == PATIENT_ABOVE_FLOORS ? 0 : c->n - 1;
    int top = c->n - 1;
    while (patience != PATIENT_NOT && c->steps[top].encoding > c->steps[c->held].encoding)
        top--;
    return top;
}

/** Whether it would go up by itself, and may now: there has been room for a while, and it is proved. */
static bool waits(struct climb *c, bool proved, uint64_t now_us)
{
    struct plm_alloc_memory *m = c->slot->memory;
    if (c->asked)
        return false;
    if (c->desired <= c->held) {
        m->room_since_us = 0;
        return false;
    }
    if (!m->room_since_us)
        m->room_since_us = now_us;
    return !proved || now_us - m->room_since_us < PLM_ALLOC_SUSTAIN_US;
}

/** @param ample so much room that a paused picture may come back in its lowest layer, whatever more is not proved yet */
static void hold_back(struct climb *c, bool proved, bool ample, uint64_t now_us)
{
    if (!waits(c, proved, now_us))
        return;
    bool back = ample && c->held < 0 && c->cap >= 0 && !waits(c, true, now_us);
    c->cap = back ? 0 : c->held;
}

/** Room for what all have and the lowest layers of who is paused, with head-room, and for all of the lowest layers several times. */
static bool is_ample(struct climb **order, size_t m, uint64_t budget)
{
    uint64_t lowest = 0, with = 0;
    for (size_t i = 0; i < m; i++) {
        const struct climb *c = order[i];
        lowest += c->steps[0].cost;
        with += c->steps[c->held < 0 ? 0 : c->held].cost;
    }
    return lowest * AMPLE_PERCENT / 100 <= budget && with * PLM_ALLOC_UP_PERCENT / 100 <= budget;
}

static bool is_kept(const struct climb *c)
{
    return !c->asked && c->held >= 0 && c->steps[0].encoding == c->slot->memory->encoding;
}

/** While a picture has come back of late, what the lowest layers may take that the budget has not: the head-room of the whole line. */
static void spare_lowest(struct climb **order, size_t m, const struct plm_alloc_line *line, uint64_t budget)
{
    bool came_back = false;
    for (size_t i = 0; i < m; i++)
        came_back |= order[i]->doubted && is_kept(order[i]);
    uint64_t beyond = (budget + line->beside_bps) * (PLM_ALLOC_UP_PERCENT - 100) / 100;
    for (size_t i = 0; i < m; i++)
        order[i]->beyond = came_back && !order[i]->slot->screen && is_kept(order[i]) ? beyond : 0;
}

/**
 * What all would use after the next step up, with head-room: of those that may go up. 0: nobody may. Asked otherwise, a slot does not wait: no step.
 */
static uint64_t next_bps(struct climb **order, size_t m, uint64_t budget)
{
    bool any = false;
    for (size_t i = 0; i < m; i++)
        any |= order[i]->cap > order[i]->held && !order[i]->asked;
    if (!any)
        return 0;
    uint64_t used = climb_all(order, m, budget);
    any = false;
    for (size_t i = 0; i < m; i++)
        any |= !order[i]->fresh && order[i]->at > order[i]->held;
    return any ? used * PLM_ALLOC_UP_PERCENT / 100 : 0;
}

/** It is as good as it was, or nearly: it had fallen for a moment. Where sound takes most of a line the rest of it says little. */
static bool is_back(const struct plm_alloc_line *line, uint64_t budget)
{
    return line->fallen_bps &&
           (budget + line->beside_bps) * 100 >= (line->fallen_bps + line->beside_bps) * BACK_PERCENT &&
           budget >= line->back_bps;
}

static enum patience patience_of(const struct plm_alloc_line *line, uint64_t budget, uint64_t now_us)
{
    uint64_t since = now_us - line->fell_us;
    bool wider = budget * 100 >= line->failed_bps * WIDER_PERCENT || is_back(line, budget);
    if (!line->fell_us || wider || since >= line->patience_us)
        return PATIENT_NOT;
    return since >= PLM_ALLOC_PAUSE_US ? PATIENT_ABOVE_FLOORS : PATIENT;
}

static void note_fall(struct plm_alloc_line *line, uint64_t budget, uint64_t now_us)
{
    bool failed = line->rose_us > line->fell_us && now_us - line->rose_us < FAILED_US;
    bool again = line->fell_us && now_us - line->fell_us < 2 * (uint64_t)line->patience_us;
    if (failed && line->patience_us)
        line->patience_us = line->patience_us < PLM_ALLOC_PATIENCE_MAX_US / 2 ? line->patience_us * 2
                                                                              : PLM_ALLOC_PATIENCE_MAX_US;
    else if (!again)
        line->patience_us = PLM_ALLOC_PATIENCE_US;
    uint64_t back = line->used_bps * SPARE_PERCENT / 100;
    line->back_bps = again && line->back_bps > back ? line->back_bps : back;
    line->fell_us = now_us;
    line->failed_bps = line->budget_bps;
    line->fallen_bps = failed ? 0 : budget;
}

static uint8_t encoding_at(const struct climb *c, int at)
{
    return at < 0 ? PLM_LAYER_NONE : c->steps[at].encoding;
}

/** Take the choice, and remember it. */
static void choose(struct climb *c, uint64_t now_us)
{
    struct plm_alloc_slot *s = c->slot;
    struct plm_alloc_memory *m = s->memory;
    unsigned wanted = wanted_encoding(s);
    s->encoding = encoding_at(c, c->at);
    s->tid = c->at < 0 ? 0 : c->thinned ? c->tid : c->steps[c->at].tid;
    if (c->fresh || c->asked || s->encoding != m->encoding)
        m->rose_us = !c->asked && c->at > c->held ? now_us : 0;
    if (c->at > c->held)
        m->room_since_us = 0;
    if (c->fresh || asked_otherwise(s))
        m->awaited_us = s->layers[wanted].sent ? 0 : now_us;
    else if (!c->asked || c->at < c->held || s->encoding == wanted)
        m->awaited_us = 0;
    m->known = true;
    m->encoding = s->encoding;
    m->tid = c->at < 0 ? 0 : c->steps[c->at].tid; /* of the other frames: they come back without head-room */
    m->priority = s->priority;
    m->want_width = s->want_width;
    m->want_height = s->want_height;
}

/** Somebody switched, for better or worse, by the line's doing. */
static void note_switches(
    struct plm_alloc_line *line, struct climb **order, size_t m, uint64_t budget, uint64_t now_us)
{
    bool climbed = false, rose = false, fell = false, asked = false;
    uint64_t had = 0;
    for (size_t i = 0; i < m; i++) {
        const struct climb *c = order[i];
        asked |= c->fresh || asked_otherwise(c->slot);
        climbed |= c->at > c->held;
        had += c->held < 0 ? 0 : c->steps[c->held].cost;
        bool switched = !c->fresh && encoding_at(c, c->at) != encoding_at(c, c->held);
        rose |= switched && c->at > c->held;
        fell |= switched && c->at < c->held;
    }
    /* For another encoding, or for more frames while the line carries what all had: somebody took another one's place. */
    bool took = rose || (climbed && had <= budget);
    if (fell && !took && !asked)
        note_fall(line, budget, now_us);
    if (rose)
        line->rose_us = now_us;
}

/* ---- what the publisher should send ---- */

/** The wanted encoding, or the highest that the rest of the budget could carry with head-room; of those that flow, what would be chosen. */
static void set_wish(struct climb *c, uint64_t used, uint64_t budget)
{
    struct plm_alloc_slot *s = c->slot;
    int least = c->desired < 0 ? -1 : c->steps[c->desired].encoding;
    int wish = (int)wanted_encoding(s);
    for (; wish > 0 && wish > least; wish--) {
        uint64_t after =
            used - c->cost + bitrate_of(s, (unsigned)wish, temporal_layers(s, (unsigned)wish) - 1);
        if (!s->layers[wish].sent && after * PLM_ALLOC_UP_PERCENT / 100 <= budget)
            break;
    }
    s->wish = (uint8_t)wish;
}

static uint64_t wanted_bps(const struct plm_alloc_slot *s)
{
    unsigned top = wanted_encoding(s);
    return bitrate_of(s, top, temporal_layers(s, top) - 1);
}

void plm_allocate(struct plm_alloc_line *line, struct plm_alloc_slot *slots, size_t n, uint32_t budget_bps,
    uint64_t now_us, struct plm_alloc_total *total)
{
    struct climb all[PLM_MAX_MEDIA], *order[PLM_MAX_MEDIA];
    size_t m = prepare(all, order, slots, n, now_us);
    uint64_t budget = budget_bps ? budget_bps : UINT64_MAX / 1000;
    *total = (struct plm_alloc_total){0};
    for (size_t i = 0; i < m; i++) {
        order[i]->cap = order[i]->n - 1;
        order[i]->asked = is_asked(order[i], now_us);
    }
    spare_lowest(order, m, line, budget);
    uint64_t used = climb_all(order, m, budget);
    bool lacks = false;
    for (size_t i = 0; i < m; i++)
        lacks |= order[i]->thinned;
    if (budget < line->fallen_bps)
        line->fallen_bps = budget;
    enum patience patience = patience_of(line, budget, now_us);
    for (size_t i = 0; i < m; i++) {
        struct climb *c = order[i];
        c->desired = c->at;
        set_wish(c, used, budget);
        if (budget_bps)
            c->cap = highest(c, lacks ? PATIENT : patience);
        total->want_bps += wanted_bps(c->slot);
    }
    total->next_bps = budget_bps ? next_bps(order, m, budget) : 0;
    bool proved = !line->proved_bps || total->next_bps * PLM_ALLOC_PROVED_PERCENT / 100 <= line->proved_bps;
    bool ample = is_ample(order, m, budget);
    for (size_t i = 0; budget_bps && i < m; i++)
        hold_back(order[i], proved, ample, now_us);
    total->used_bps = climb_all(order, m, budget);
    note_switches(line, order, m, budget, now_us);
    line->budget_bps = budget;
    line->used_bps = total->used_bps;
    for (size_t i = 0; i < m; i++)
        choose(order[i], now_us);
}
