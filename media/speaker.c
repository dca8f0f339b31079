#include "speaker.h"

#include <stdlib.h>
#include <string.h>

#define SILENCE 127

/* Activity: louder than the room's noise, and loud enough to be a voice at all. */
#define FLOOR_MARGIN_DB 9
#define FLOOR_CAP       82  /* 127 - 45: what is louder than this is never noise */
#define FLOOR_RISE_MS   400 /* per decibel; it falls at once */
#define VOICE_MIN       67  /* 127 - 60 */

/* Dominance, in polls of 50 ms: a cough of 300 ms touches at most 7, a fast typist's clicks rarely more than 6 of any 10. */
#define WINDOW         10
#define WINDOW_NEEDED  8
#define SILENT_WINDOW  7 /* no pause for breath is that long: the present speaker has ended */
#define SILENT_ALLOWED 1
#define LONG_WINDOW    20
#define LONG_NEEDED    17
#define LOUDER_DB                                                                                            \
    6 /* a voice that is this much louder for a second takes over even while the other goes on */

/* The set. */
#define ENTER_WINDOW    3
#define ENTER_NEEDED    2
#define STAY_US         2000000
#define DISPLACE_DB     6
#define DISPLACE_ACTIVE 6

struct member {
    plm_participant_id who;
    uint8_t level;       /* newest, 127 - dB */
    bool fresh;          /* since the last poll */
    uint32_t history;    /* activity, newest poll in bit 0 */
    int32_t loudness_q8; /* of the newest speech, smoothed over about half a second of it */
    int32_t floor_q8;
    bool chosen;
    uint64_t spoke_us; /* last active */
};

struct plm_speakers {
    unsigned max;
    struct member *members;
    size_t n, cap;
    plm_participant_id dominant;
    size_t n_set;
    plm_participant_id set[PLM_MAX_SPEAKERS];
    uint64_t last_poll_us;
};

struct plm_speakers *plm_speakers_create(unsigned max_speakers)
{
    struct plm_speakers *s = calloc(1, sizeof *s);
    if (s)
        s->max = max_speakers > PLM_MAX_SPEAKERS ? PLM_MAX_SPEAKERS : max_speakers;
    return s;
}

void plm_speakers_destroy(struct plm_speakers *s)
{
    if (!s)
        return;
    free(s->members);
    free(s);
}

static struct member *find(const struct plm_speakers *s, plm_participant_id who)
{
    for (size_t i = 0; who && i < s->n; i++) {
        if (s->members[i].who == who)
            return &s->members[i];
    }
    return NULL;
}

static struct member *enter(struct plm_speakers *s, plm_participant_id who)
{
    if (s->n == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct member *members = realloc(s->members, cap * sizeof *members);
        if (!members)
            return NULL;
        s->members = members;
        s->cap = cap;
    }
    struct member *m = &s->members[s->n++];
    memset(m, 0, sizeof *m);
    m->who = who;
    m->floor_q8 = FLOOR_CAP << 8; /* learned from the first quiet moment */
    return m;
}

void plm_speakers_level(struct plm_speakers *s, plm_participant_id who, uint8_t level, uint64_t now_us)
{
    (void)now_us;
    struct member *m = find(s, who);
    if (!m && who)
        m = enter(s, who);
    if (!m)
        return;
    m->level = level > SILENCE ? 0 : SILENCE - level;
    m->fresh = true;
}

void plm_speakers_remove(struct plm_speakers *s, plm_participant_id who)
{
    struct member *m = find(s, who);
    if (!m)
        return;
    size_t at = (size_t)(m - s->members);
    memmove(m, m + 1, (s->n - at - 1) * sizeof *m);
    s->n--;
    if (s->dominant == who)
        s->dominant = 0;
}

static unsigned activity(const struct member *m, unsigned polls)
{
    return (unsigned)__builtin_popcount(m->history & ((1u << polls) - 1));
}

/** Take the newest level in: noise floor, activity, loudness. */
static void update(struct member *m, uint64_t now_us, uint64_t since_us)
{
    int32_t level_q8 = m->fresh ? m->level << 8 : 0;
    m->fresh = false;
    if (!level_q8) {
        /* Digital silence (muted, discontinuous transmission) says nothing about the room. */
    } else if (level_q8 < m->floor_q8) {
        m->floor_q8 = level_q8;
    } else {
        int32_t rise = (int32_t)(since_us * 256 / (FLOOR_RISE_MS * 1000));
        m->floor_q8 += rise;
        if (m->floor_q8 > level_q8)
            m->floor_q8 = level_q8;
        if (m->floor_q8 > FLOOR_CAP << 8)
            m->floor_q8 = FLOOR_CAP << 8;
    }
    bool active = level_q8 >= VOICE_MIN << 8 && level_q8 >= m->floor_q8 + (FLOOR_MARGIN_DB << 8);
    if (active)
        m->spoke_us = now_us;
    if (active && !activity(m, LONG_WINDOW))
        m->loudness_q8 = level_q8;
    else if (active)
        m->loudness_q8 += (level_q8 - m->loudness_q8) / 8;
    m->history = m->history << 1 | active;
}

/** Does this one take the floor from the present speaker? */
static bool takes_over(const struct member *m, const struct member *present)
{
    unsigned mine = activity(m, WINDOW);
    if (mine < WINDOW_NEEDED)
        return false;
    if (!present || activity(present, SILENT_WINDOW) <= SILENT_ALLOWED)
        return true;
    return activity(m, LONG_WINDOW) >= LONG_NEEDED &&
           m->loudness_q8 >= present->loudness_q8 + (LOUDER_DB << 8);
}

static void choose_dominant(struct plm_speakers *s)
{
    struct member *present = find(s, s->dominant), *best = NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct member *m = &s->members[i];
        if (m != present && takes_over(m, present) && (!best || m->loudness_q8 > best->loudness_q8))
            best = m;
    }
    if (best)
        s->dominant = best->who;
}

static struct member *weakest_chosen(const struct plm_speakers *s)
{
    struct member *weakest = NULL;
    for (size_t i = 0; i < s->n; i++) {
        struct member *m = &s->members[i];
        if (!m->chosen || m->who == s->dominant)
            continue;
        bool weaker = !weakest || m->spoke_us < weakest->spoke_us ||
                      (m->spoke_us == weakest->spoke_us && m->loudness_q8 < weakest->loudness_q8);
        if (weaker)
            weakest = m;
    }
    return weakest;
}

static bool wants_in(const struct plm_speakers *s, const struct member *m)
{
    return !m->chosen && (m->who == s->dominant || activity(m, ENTER_WINDOW) >= ENTER_NEEDED);
}

/** May a newcomer have the place of the weakest? A silent one's after a while, a speaker's only by being louder for longer than a cough. */
static bool displaces(
    const struct plm_speakers *s, const struct member *m, const struct member *weakest, uint64_t now_us)
{
    if (m->who == s->dominant || now_us - weakest->spoke_us >= STAY_US)
        return true;
    return activity(m, WINDOW) >= DISPLACE_ACTIVE &&
           m->loudness_q8 >= weakest->loudness_q8 + (DISPLACE_DB << 8);
}

static void choose_set(struct plm_speakers *s, uint64_t now_us)
{
    size_t chosen = 0;
    for (size_t i = 0; i < s->n; i++)
        chosen += s->members[i].chosen;
    /* Free places are filled with whoever is there: nobody waits in a small meeting. */
    for (size_t i = 0; i < s->n && chosen < s->max; i++) {
        chosen += !s->members[i].chosen;
        s->members[i].chosen = true;
    }
    for (size_t i = 0; i < s->n; i++) {
        struct member *m = &s->members[i], *weakest;
        if (!wants_in(s, m) || !(weakest = weakest_chosen(s)) || !displaces(s, m, weakest, now_us))
            continue;
        weakest->chosen = false;
        m->chosen = true;
    }
}

/** Write the set down, the dominant speaker first. @return true when it differs from the last one */
static bool publish(struct plm_speakers *s)
{
    plm_participant_id set[PLM_MAX_SPEAKERS];
    size_t n = 0;
    const struct member *dominant = find(s, s->dominant);
    if (dominant && dominant->chosen)
        set[n++] = dominant->who;
    for (size_t i = 0; i < s->n; i++) {
        if (s->members[i].chosen && &s->members[i] != dominant)
            set[n++] = s->members[i].who;
    }
    bool changed = n != s->n_set || memcmp(set, s->set, n * sizeof set[0]) != 0;
    memcpy(s->set, set, n * sizeof set[0]);
    s->n_set = n;
    return changed;
}

bool plm_speakers_poll(struct plm_speakers *s, uint64_t now_us)
{
    uint64_t since = s->last_poll_us && now_us > s->last_poll_us ? now_us - s->last_poll_us : 0;
    s->last_poll_us = now_us;
    for (size_t i = 0; i < s->n; i++)
        update(&s->members[i], now_us, since);
    plm_participant_id before = s->dominant;
    choose_dominant(s);
    choose_set(s, now_us);
    return publish(s) || s->dominant != before;
}

size_t plm_speakers_get(const struct plm_speakers *s, plm_participant_id *who, uint8_t *level)
{
    for (size_t i = 0; i < s->n_set; i++) {
        const struct member *m = find(s, s->set[i]);
        who[i] = s->set[i];
        level[i] = m ? (uint8_t)(SILENCE - m->level) : SILENCE;
    }
    return s->n_set;
}

bool plm_speakers_speaks(const struct plm_speakers *s, plm_participant_id who, uint64_t now_us)
{
    const struct member *m = find(s, who);
    return m && (who == s->dominant || (m->spoke_us && now_us - m->spoke_us < STAY_US));
}
