/*
 * Bandwidth towards receivers: an estimator alone on a line, then whole meetings.
 */
#include <stdlib.h>
#include <string.h>

#include "scenarios.h"

#include "sim_flow.h"

#define SECOND_MS 1000

/** A rule for a flow was broken. */
static void expect(bool holds, const struct flow *f, const char *what, double found)
{
    if (holds)
        return;
    fprintf(stderr, "at %.1f s: %s: %.0f; estimate %u, acknowledged %u bit/s\n", (double)f->now / 1e6, what,
        found, plm_bwe_estimate(f->bwe), plm_bwe_acked(f->bwe));
    exit(1);
}

static void end_flow(struct flow *f)
{
    struct plm_bwe_replay replayed;
    int err = plm_bwe_log_replay(f->log.data, f->log.len, &replayed, NULL, NULL);
    printf("  log of %zu octets: %u decisions again, %llu octets of padding\n", f->log.len,
        replayed.decisions, (unsigned long long)replayed.padding);
    expect(!err && !f->log.full, f, "the log is not whole", err);
    expect(replayed.decisions > 0 && replayed.differing == 0, f, "decisions that differ when replayed",
        replayed.differing);
    flow_close(f);
}

static void print_flow(const struct flow *f, const char *what)
{
    printf("  %s: estimate %u, through %llu bit/s, wait p95 %u ms, %llu lost\n", what,
        plm_bwe_estimate(f->bwe), (unsigned long long)flow_got(f), flow_wait(f, 95),
        (unsigned long long)f->lost);
}

/** One flow, 100 ms each way, over lines that become another: the bands that an estimate has to be in after a while. */
void bwe_bands(const struct run *r)
{
    static const struct {
        const char *what;
        uint64_t rate;
        unsigned seconds, least, most;
    } parts[] = {
        {"500 kbit/s", 500000, 25, 350000, 550000},
        {"800 kbit/s", 800000, 20, 600000, 900000},
        {"100 kbit/s", 100000, 50, 65000, 115000},
    };
    struct flow_line line = {.delay_us = 100000, .back_us = 100000, .queue_us = 300000};
    struct flow *f = flow_open(r->seed, &line);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        f->line.rate_bps = parts[i].rate;
        flow_forget(f);
        flow_run(f, (uint64_t)parts[i].seconds * SECOND_MS);
        uint32_t bps = plm_bwe_estimate(f->bwe);
        print_flow(f, parts[i].what);
        expect(bps >= parts[i].least && bps <= parts[i].most, f, "out of its band", bps);
    }
    end_flow(f);
}

/** A wide line is found by clusters, not by creeping up to it. */
void bwe_start(const struct run *r)
{
    struct flow_line line = {.rate_bps = 3000000, .delay_us = 100000, .back_us = 100000, .queue_us = 300000};
    struct flow *f = flow_open(r->seed, &line);
    flow_run(f, 2 * SECOND_MS);
    print_flow(f, "3 Mbit/s after 2 s");
    uint32_t bps = plm_bwe_estimate(f->bwe);
    expect(bps >= 2500000, f, "not found within two seconds", bps);
    expect(bps <= 3300000, f, "more than there is", bps);
    flow_run(f, 20 * SECOND_MS);
    flow_forget(f);
    flow_run(f, 40 * SECOND_MS);
    print_flow(f, "then");
    expect(flow_wait(f, 95) < 100, f, "waits in front of the line, ms", flow_wait(f, 95));
    expect(flow_got(f) >= 2400000, f, "the line is not used", (double)flow_got(f));
    end_flow(f);
}

/** 4 to 1 to 4 Mbit/s: down within half a second, back within five. */
void bwe_step(const struct run *r)
{
    struct flow_line line = {.rate_bps = 4000000, .delay_us = 25000, .back_us = 25000, .queue_us = 300000};
    struct flow *f = flow_open(r->seed, &line);
    f->most_bps = 3000000;
    flow_run(f, 20 * SECOND_MS);
    flow_forget(f);
    expect(plm_bwe_estimate(f->bwe) >= 3000000, f, "the line is not found", plm_bwe_estimate(f->bwe));
    f->line.rate_bps = 1000000;
    unsigned down = 0, up = 0;
    while (plm_bwe_estimate(f->bwe) > 1000000 && down < 2000) {
        flow_run(f, 10);
        down += 10;
    }
    flow_run(f, 30 * SECOND_MS);
    print_flow(f, "1 Mbit/s");
    uint64_t used = flow_got(f);
    f->line.rate_bps = 4000000;
    while (plm_bwe_estimate(f->bwe) < 3000000 && up < 20000) {
        flow_run(f, 10);
        up += 10;
    }
    flow_run(f, 10 * SECOND_MS);
    print_flow(f, "1 and 4 Mbit/s");
    printf("  down after %u ms, back after %u ms\n", down, up);
    expect(down <= 500, f, "too late down, ms", down);
    expect(up <= 5000, f, "too late back, ms", up);
    expect(used >= 800000, f, "the narrow line is not used", (double)used);
    expect(flow_wait(f, 95) < 100, f, "waits in front of the line, ms", flow_wait(f, 95));
    end_flow(f);
}

/** What a line loses by itself, and its jitter, are no reason to send less. */
void bwe_radio(const struct run *r)
{
    static const unsigned losses[] = {0, 20, 50, 100};
    for (size_t i = 0; i < sizeof losses / sizeof losses[0]; i++) {
        struct flow_line line = {.rate_bps = 2500000,
            .delay_us = 25000,
            .back_us = 25000,
            .jitter_us = 20000,
            .queue_us = 300000,
            .loss = losses[i]};
        struct flow *f = flow_open(r->seed, &line);
        f->most_bps = 1500000;
        flow_run(f, 20 * SECOND_MS);
        flow_forget(f);
        flow_run(f, 60 * SECOND_MS);
        char what[32];
        snprintf(what, sizeof what, "%u of 1000 lost", losses[i]);
        print_flow(f, what);
        uint64_t least = 1500000 * UINT64_C(85) / 100 * (1000 - losses[i]) / 1000;
        expect(flow_got(f) >= least, f, "sends less for it", (double)flow_got(f));
        end_flow(f);
    }
}

/** Without a receiver that clusters can be sent to, it gets there more slowly, and as well. */
void bwe_no_probes(const struct run *r)
{
    struct flow_line line = {.rate_bps = 1500000, .delay_us = 50000, .back_us = 50000, .queue_us = 300000};
    struct flow *f = flow_open(r->seed, &line);
    f->probes = false;
    flow_run(f, 40 * SECOND_MS);
    flow_forget(f);
    flow_run(f, 40 * SECOND_MS);
    print_flow(f, "1.5 Mbit/s");
    expect(flow_got(f) >= 1200000, f, "the line is not used", (double)flow_got(f));
    expect(flow_wait(f, 95) < 100, f, "waits in front of the line, ms", flow_wait(f, 95));
    end_flow(f);
}

/* ---- the pacer, in a whole meeting ---- */

#define WINDOW_US 5000

/** What reaches one who watches, as it comes. */
struct watch {
    struct {
        uint64_t at;
        size_t octets;
    } last[4096];
    unsigned n, first;
    size_t in_window, most_in_window;
    uint32_t ts;
    size_t frame, largest_frame;
    uint64_t audio_us, audio_gap_us;
};

static struct watch watch;

static void look_at_packet(struct sim_end *e, uint8_t *data, size_t len)
{
    struct plm_rtp_view v;
    struct watch *w = &watch;
    uint64_t now = e->sim->now;
    if (plm_rtp_parse(&v, data, len) == 0 && v.pt == SIM_PT_OPUS) {
        if (w->audio_us && now - w->audio_us > w->audio_gap_us)
            w->audio_gap_us = now - w->audio_us;
        w->audio_us = now;
    } else if (v.ssrc % 10 == 0) { /* a slot's media, not its RTX */
        w->frame = v.ts == w->ts ? w->frame + len : len;
        w->ts = v.ts;
        w->largest_frame = w->frame > w->largest_frame ? w->frame : w->largest_frame;
        unsigned i = w->n++ % 4096;
        w->last[i].at = now;
        w->last[i].octets = len;
        w->in_window += len;
        for (; w->last[w->first % 4096].at + WINDOW_US < now; w->first++)
            w->in_window -= w->last[w->first % 4096].octets;
        w->most_in_window = w->in_window > w->most_in_window ? w->in_window : w->most_in_window;
    }
    sim_receiver_on_rtp(e, data, len);
}

/** A key frame leaves in steps, all of it, and sound between them; with the same packets as before. */
void bwe_pacer(const struct run *r)
{
    struct sim_path path = {.delay_us = 20000};
    struct sim_config config = {
        .seed = r->seed, .n_workers = 1, .up = path, .down = path, .log_file = r->log_file};
    struct meeting *m = calloc(1, sizeof *m);
    struct sim *s = &m->sim;
    sim_init(s, &config);
    struct sim_join camera = {
        .id = 10, .room = 1, .codec = PLM_CODEC_VP8, .n_encodings = 1, .publishes = true};
    struct sim_join watcher = {.id = 11, .room = 1, .codec = PLM_CODEC_VP8, .n_pairs = 1, .n_audio = 1};
    m->n = 2;
    m->people[0] = sim_join(s, &camera);
    m->people[0]->octets[0] = 1000;
    m->people[0]->video[0].source.heavy = 12;
    m->people[0]->talking = true;
    struct sim_person *p = m->people[1] = sim_join(s, &watcher);
    sim_run_until(s, s->now + 5 * SECOND);
    memset(&watch, 0, sizeof watch);
    p->receive->on_rtp = look_at_packet;
    sim_receiver_forget_freezes(p);
    uint64_t frames = p->frames;
    for (int i = 0; i < 20; i++) {
        m->people[0]->video[0].key_wanted = true;
        sim_run_until(s, s->now + SECOND);
    }
    printf("  largest frame %zu octets, most within 5 ms %zu; %llu frames, longest freeze %llu ms; longest "
           "time without sound %llu ms\n",
        watch.largest_frame, watch.most_in_window, (unsigned long long)(p->frames - frames),
        (unsigned long long)p->longest_freeze_us / 1000, (unsigned long long)watch.audio_gap_us / 1000);
    print_person(p);
    SIM_CHECK(
        s, watch.most_in_window * 2 < watch.largest_frame, "a burst of %zu octets", watch.most_in_window);
    SIM_CHECK(s, p->incomplete == 0 && p->stalled == 0 && p->frames - frames >= 590, "frames were lost");
    SIM_CHECK(
        s, p->longest_freeze_us < 150000, "a freeze of %llu us", (unsigned long long)p->longest_freeze_us);
    SIM_CHECK(
        s, watch.audio_gap_us < 30000, "sound waited for %llu us", (unsigned long long)watch.audio_gap_us);
    sim_write_log(s, r->log_file);
    part(m);
    free(m);
}
