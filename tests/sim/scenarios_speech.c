/*
 * Who begins to speak in a room where others hold the places of those who are heard: nothing of what they say is lost.
 */
#include <stdlib.h>

#include "scenarios.h"

#define PEOPLE  12
#define PLACES  4
#define TURNS   60
#define PREROLL (300 / 20) /* packets */

static struct sim_person *join(struct meeting *m, struct sim_join j)
{
    j.room = 1;
    j.codec = PLM_CODEC_VP8;
    j.audio_ms = 20;
    j.max_speakers = PLACES;
    return m->people[m->n++] = sim_join(&m->sim, &j);
}

static void open_room(struct meeting *m, const struct run *r, unsigned workers)
{
    struct sim_config config = {.seed = r->seed,
        .n_workers = workers,
        .up = {.delay_us = 30000, .jitter_us = 5000},
        .down = {.delay_us = 30000, .jitter_us = 5000},
        .log_file = r->log_file};
    sim_init(&m->sim, &config);
    for (unsigned i = 0; i < PEOPLE; i++)
        join(m, (struct sim_join){.id = 1 + i, .publishes = true, .publish_worker = i % workers});
    for (unsigned i = 0; i < workers; i++)
        join(m, (struct sim_join){.id = 100 + i, .n_audio = PLACES, .receive_worker = i});
    sim_run_until(&m->sim, 5 * SECOND);
}

/** Somebody says something of 1.5 to 4 s. @return packets that came before the first word, the least of all listeners */
static unsigned take_turn(struct meeting *m, struct sim_person *who)
{
    struct sim *s = &m->sim;
    unsigned before = PREROLL * 2;
    bool heard_already[MEETING_MAX];
    for (unsigned i = PEOPLE; i < m->n; i++)
        sim_receiver_listen(m->people[i], who->id);
    sim_run_until(s, s->now + 200000);
    for (unsigned i = PEOPLE; i < m->n; i++) {
        heard_already[i] = m->people[i]->heard > 0; /* they still have their place */
        sim_receiver_listen(m->people[i], who->id);
    }
    uint64_t first_word = who->audio_index;
    who->talking = true;
    sim_run_until(s, s->now + 1500000 + sim_random(s) % 2500000);
    who->talking = false;
    for (unsigned i = PEOPLE; i < m->n; i++) {
        const struct sim_person *l = m->people[i];
        SIM_CHECK(s, l->heard > 0, "%u is not heard", who->id);
        SIM_CHECK(s, l->heard == l->heard_last - l->heard_first + 1, "of %u's packets %llu to %llu came %llu",
            who->id, (unsigned long long)l->heard_first, (unsigned long long)l->heard_last,
            (unsigned long long)l->heard);
        SIM_CHECK(s, l->heard_first <= first_word, "the first %llu packets of %u are missing",
            (unsigned long long)(l->heard_first - first_word), who->id);
        if (!heard_already[i] && first_word - l->heard_first < before)
            before = (unsigned)(first_word - l->heard_first);
        SIM_CHECK(s, heard_already[i] || first_word - l->heard_first <= PREROLL,
            "%llu packets from before the first word", (unsigned long long)(first_word - l->heard_first));
    }
    sim_run_until(s, s->now + 300000 + sim_random(s) % 3000000);
    return before;
}

static void first_words_of(const struct run *r, unsigned workers)
{
    struct meeting *m = calloc(1, sizeof *m);
    open_room(m, r, workers);
    struct sim *s = &m->sim;
    unsigned least = PREROLL * 2, turns = 0;
    for (unsigned i = 0; i < TURNS; i++) {
        unsigned before = take_turn(m, m->people[sim_random(s) % PEOPLE]);
        turns += before <= PREROLL;
        least = before < least ? before : least;
    }
    printf("%u workers: %u turns of people who had no place, at least %u ms from before their first word\n",
        workers, turns, least * 20);
    SIM_CHECK(s, turns >= TURNS / 4, "only %u turns of people who had no place", turns);
    sim_write_log(s, r->log_file);
    part(m);
    free(m);
}

/** Of each turn every packet is heard, from the first word on, and none twice; on one worker and on three. */
void first_words(const struct run *r)
{
    first_words_of(r, 1);
    first_words_of(r, 3);
}
