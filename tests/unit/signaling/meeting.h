/* A meeting that runs: a world with one room "r" and a few people in it, of whom the first leads. */
#ifndef PLM_TEST_MEETING_H
#define PLM_TEST_MEETING_H

#include "room.h"
#include "world.h"

#define MEETING_MOST 230

struct meeting {
    struct world *w;
    unsigned n;
    struct peer *p[MEETING_MOST]; /* NULL: the test has destroyed it */
    uint32_t id[MEETING_MOST];
};

/** @param connect what each does on coming in, NULL: nothing. What they were told so far is forgotten. */
static inline struct meeting *meeting_create(unsigned n, void (*connect)(struct peer *p))
{
    static const char *const names[] = {"Ada", "Bob", "Cy", "Dee", "Eve", "Fay"};
    struct meeting *m = calloc(1, sizeof *m);
    m->w = world_create(NULL);
    m->n = n;
    for (unsigned i = 0; i < n; i++) {
        m->p[i] = peer_enter(m->w, "r", i < 6 ? names[i] : "somebody", &m->id[i]);
        if (connect)
            connect(m->p[i]);
    }
    for (unsigned i = 0; i < n; i++)
        peer_forget(m->p[i]);
    return m;
}

/** cmocka's teardown */
static inline int meeting_destroy(void **state)
{
    struct meeting *m = *state;
    for (unsigned i = 0; i < m->n; i++)
        if (m->p[i])
            peer_destroy(m->p[i]);
    world_destroy(m->w);
    free(m);
    return 0;
}

static inline struct plm_member *meeting_member(const struct meeting *m, unsigned i)
{
    return plm_room_find_member(m->w->hub->rooms, m->id[i]);
}

/* As if the rules of the room had been configured so. */
static inline struct plm_room_settings *meeting_rules(const struct meeting *m)
{
    return (struct plm_room_settings *)plm_room_rules(m->w->hub->rooms);
}

#endif
