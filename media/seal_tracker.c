#include "seal_tracker.h"

#include <stdlib.h>
#include <string.h>

static struct plm_seal_tracked *get(struct plm_seal_tracker *t, uint32_t ssrc)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->streams[i].ssrc == ssrc)
            return &t->streams[i];
    }
    if (t->n == t->cap) {
        size_t cap = t->cap ? t->cap * 2 : 4;
        struct plm_seal_tracked *more = realloc(t->streams, cap * sizeof *more);
        if (!more)
            return NULL;
        t->streams = more;
        t->cap = cap;
    }
    struct plm_seal_tracked *s = &t->streams[t->n++];
    memset(s, 0, sizeof *s);
    s->ssrc = ssrc;
    return s;
}

static void advance(struct plm_seal_tracked *s, uint64_t index)
{
    if (index - s->highest >= PLM_SEAL_TRACKER_WINDOW)
        memset(s->seen, 0, sizeof s->seen);
    else
        for (uint64_t i = s->highest + 1; i <= index; i++)
            s->seen[i % PLM_SEAL_TRACKER_WINDOW / 64] &= ~(1ull << (i % 64));
    s->highest = index;
}

bool plm_seal_tracker_take(struct plm_seal_tracker *t, uint32_t ssrc, uint64_t index)
{
    struct plm_seal_tracked *s = get(t, ssrc);
    if (!s)
        return true;
    if (index > s->highest)
        advance(s, index);
    else if (s->highest - index >= PLM_SEAL_TRACKER_WINDOW)
        return false;
    uint64_t *word = &s->seen[index % PLM_SEAL_TRACKER_WINDOW / 64];
    uint64_t bit = 1ull << (index % 64);
    bool fresh = !(*word & bit);
    *word |= bit;
    return fresh;
}

void plm_seal_tracker_reset(struct plm_seal_tracker *t)
{
    free(t->streams);
    memset(t, 0, sizeof *t);
}
