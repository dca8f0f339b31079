/*
 * Pictures that are there at once: who joins begins with what was kept since the last key frame.
 */
#include <stdlib.h>

#include "scenarios.h"

#define ROUNDS    60 /* so that a twentieth of them is more than chance */
#define CACHED_MS 300
#define ASKED_MS  700

struct wait {
    unsigned ms[ROUNDS], n;
};

static int by_size(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}

static unsigned percent(struct wait *w, unsigned p)
{
    qsort(w->ms, w->n, sizeof w->ms[0], by_size);
    return w->ms[(w->n - 1) * p / 100];
}

static struct sim_person *watch(struct meeting *m, unsigned worker)
{
    struct sim_join j = {.id = 100 + m->n,
        .room = 1,
        .codec = m->people[0]->codec,
        .n_pairs = 1,
        .n_audio = 1,
        .receive_worker = worker};
    return m->people[m->n++] = sim_join(&m->sim, &j);
}

/** A camera, and one who watches it for as long as the meeting lasts. */
static void open_room(
    struct meeting *m, const struct run *r, enum plm_codec codec, unsigned loss, unsigned workers)
{
    struct sim_config config = {.seed = r->seed,
        .n_workers = workers,
        .up = {.delay_us = 40000, .jitter_us = 5000, .loss = loss},
        .down = {.delay_us = 20000, .jitter_us = 5000, .loss = loss},
        .log_file = r->log_file};
    struct sim *s = &m->sim;
    sim_init(s, &config);
    struct sim_join camera = {
        .id = 10, .room = 1, .codec = codec, .n_encodings = 1, .publishes = true, .talks_at_random = true};
    m->people[m->n++] = sim_join(s, &camera);
    watch(m, 0);
    sim_run_until(s, s->now + 10 * SECOND);
}

/** From the connection to the first decoded frame. */
static unsigned join_ms(struct meeting *m, unsigned worker)
{
    struct sim *s = &m->sim;
    struct sim_person *p = watch(m, worker);
    uint64_t begin = s->now;
    while (!p->decoded) {
        sim_run_until(s, s->now + 1000);
        SIM_CHECK(s, s->now - begin < 10 * SECOND, "no picture within 10 s");
    }
    unsigned ms = (unsigned)((s->now - p->receive->connected_us) / 1000);
    sim_run_until(s, s->now + SECOND);
    SIM_CHECK(s, sim_receiver_longest_freeze(p) < (s->config.down.loss ? 1500000 : 200000),
        "after the first picture it stood still for %llu ms",
        (unsigned long long)sim_receiver_longest_freeze(p) / 1000);
    SIM_CHECK(s, s->config.down.loss || (!p->stalled && !p->incomplete), "broken frames without loss");
    return ms;
}

static void leave(struct meeting *m)
{
    struct sim_person *p = m->people[--m->n];
    sim_leave(p, true);
    free(p);
    m->people[m->n] = NULL;
}

static void instant_join_of(const struct run *r, enum plm_codec codec, unsigned loss, unsigned workers)
{
    struct meeting *m = calloc(1, sizeof *m);
    struct wait cached = {0}, asked = {0};
    unsigned requests = 0;
    open_room(m, r, codec, loss, workers);
    struct sim *s = &m->sim;
    struct sim_person *camera = m->people[0];
    for (unsigned i = 0; i < ROUNDS; i++) {
        /* Nothing is kept any more: one request, whoever comes within its answer. */
        sim_run_until(s, s->now + 4 * SECOND);
        unsigned before = camera->plis_received;
        asked.ms[asked.n++] = join_ms(m, workers - 1);
        SIM_CHECK(
            s, loss || camera->plis_received == before + 1, "%u requests", camera->plis_received - before);
        /* The key frame that it brought is kept: its age is that of a second and up to another one. */
        sim_run_until(s, s->now + sim_random(s) % 900000);
        before = camera->plis_received;
        cached.ms[cached.n++] = join_ms(m, workers - 1);
        requests += camera->plis_received - before;
        leave(m);
        leave(m);
    }
    sim_take_stats(s);
    printf("%s, %u workers, loss %u/1000: first picture with a kept group p50 %u, p95 %u, most %u ms, %u "
           "requests in %u "
           "joins; without p50 %u, p95 %u ms; %llu groups replayed\n",
        plm_codec_name(codec), workers, loss, percent(&cached, 50), percent(&cached, 95),
        percent(&cached, 100), requests, ROUNDS, percent(&asked, 50), percent(&asked, 95),
        (unsigned long long)sim_counter(s, PLM_CNT_GROUPS_REPLAYED));
    SIM_CHECK(s, percent(&cached, loss ? 95 : 100) <= CACHED_MS, "a picture came after %u ms",
        percent(&cached, 100));
    SIM_CHECK(s, percent(&asked, 95) <= ASKED_MS, "a picture that was asked for came after %u ms",
        percent(&asked, 95));
    /* A group may be too large for a line of which nothing is known yet: then it is asked for, too. */
    uint64_t replayed = sim_counter(s, PLM_CNT_GROUPS_REPLAYED);
    SIM_CHECK(s, loss || requests + replayed == ROUNDS, "the publisher was asked %u times", requests);
    SIM_CHECK(s, replayed * 10 >= ROUNDS * (loss ? 8 : 9), "only %llu groups were replayed",
        (unsigned long long)replayed);
    sim_write_log(s, r->log_file);
    part(m);
    free(m);
}

/** Who joins a running call, at any time after a key frame. */
void instant_join(const struct run *r)
{
    static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264};
    for (unsigned i = 0; i < 3; i++) {
        instant_join_of(r, codecs[i], 0, 1);
        instant_join_of(r, codecs[i], 20, 1);
    }
    /* Both come on a worker that the camera is not on: the second one finds what the link brought for the first. */
    instant_join_of(r, PLM_CODEC_VP8, 0, 2);
}
