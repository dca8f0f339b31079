/*
 * A meeting that is looked into: what estimator and allocator decided in it is decided again from the capture alone.
 */
#include "scenarios.h"

#include <stdlib.h>
#include <string.h>

#include "capture_file.h"
#include "replay.h"

#define FILE_MAX (32u << 20)

enum {
    CAMERAS = 3,
    WATCHERS = 2
};

struct scene {
    struct sim sim;
    struct plm_capture_file file;
    uint8_t *octets;
    size_t len;
    struct sim_person *people[CAMERAS + WATCHERS];
};

static bool keep(void *arg, const void *data, size_t len)
{
    struct scene *c = arg;
    memcpy(c->octets + c->len, data, len);
    c->len += len;
    return true;
}

static bool on_capture(struct sim *s, const void *head, size_t head_len, const void *body, size_t body_len)
{
    struct scene *c = s->onlooker;
    uint8_t *frame = malloc(head_len + body_len);
    if (!frame)
        abort();
    memcpy(frame, head, head_len);
    if (body_len)
        memcpy(frame + head_len, body, body_len);
    plm_capture_file_frame(&c->file, frame, head_len + body_len);
    free(frame);
    return true;
}

static void set_line(struct scene *c, unsigned watcher, uint32_t rate_bps)
{
    struct sim_path path = {.delay_us = 30000, .jitter_us = 4000, .loss = 5};
    path.rate_bps = rate_bps;
    path.queue_us = 300000;
    c->people[CAMERAS + watcher]->receive->down = path;
}

static void come(struct scene *c)
{
    static const uint16_t octets[] = {200, 450, 1100};
    for (unsigned i = 0; i < CAMERAS + WATCHERS; i++) {
        struct sim_join j = {.id = 10 + i, .room = 1, .codec = PLM_CODEC_VP8, .n_pairs = CAMERAS};
        j.publishes = i < CAMERAS;
        j.n_encodings = i < CAMERAS ? 3 : 0;
        c->people[i] = sim_join(&c->sim, &j);
        if (i < CAMERAS)
            memcpy(c->people[i]->octets, octets, sizeof octets);
    }
}

void capture(const struct run *r)
{
    static const struct sim_path near = {.delay_us = 20000, .jitter_us = 4000};
    struct sim_config config = {
        .seed = r->seed, .n_workers = 2, .up = near, .down = near, .log_file = r->log_file};
    struct scene *c = calloc(1, sizeof *c);
    struct replay_totals t;
    if (!c || !(c->octets = malloc(FILE_MAX)))
        abort();
    sim_init(&c->sim, &config);
    c->sim.onlooker = c;
    c->sim.on_capture = on_capture;
    c->file = (struct plm_capture_file){.write = keep, .arg = c, .max = FILE_MAX};
    plm_capture_file_begin(&c->file);
    come(c);
    sim_run_until(&c->sim, c->sim.now + 10 * SECOND);
    set_line(c, 0, 600000);
    set_line(c, 1, 200000);
    sim_run_until(&c->sim, c->sim.now + 15 * SECOND);
    set_line(c, 0, 5000000);
    sim_run_until(&c->sim, c->sim.now + 15 * SECOND);
    for (unsigned i = 0; i < CAMERAS + WATCHERS; i++)
        sim_leave(c->people[i], true);
    sim_run_until(&c->sim, c->sim.now + 2 * SECOND);
    for (unsigned i = 0; i < CAMERAS + WATCHERS; i++)
        free(c->people[i]);
    plm_capture_file_end(&c->file);
    SIM_CHECK(&c->sim, replay_octets(c->octets, c->len, true, &t), "the capture of %zu octets cannot be read",
        c->len);
    SIM_CHECK(&c->sim, !c->file.ended, "the capture did not fit");
    SIM_CHECK(&c->sim, t.estimates > 1000 && t.allocations > 300, "%llu estimates, %llu allocations",
        (unsigned long long)t.estimates, (unsigned long long)t.allocations);
    SIM_CHECK(&c->sim, t.packets_in > 5000 && t.packets_out > 10000, "%u packets in, %u out", t.packets_in,
        t.packets_out);
    SIM_CHECK(&c->sim, t.differing == 0, "%llu decisions differ", (unsigned long long)t.differing);
    sim_destroy(&c->sim);
    free(c->octets);
    free(c);
}
