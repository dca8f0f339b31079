/*
 * plenum-sim [scenario] [seed] [--log file]: meetings under the network's worst, checked at every packet. See sim.h.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "replay.h"
#include "scenarios.h"
#include "shard.h"
#include "worker_core.h"

#define LOSSY_FREEZE_US 1500000
#define LOSSY_PERCENT   60 /* of the frames that are made */

static const struct sim_path good_path = {.delay_us = 20000, .jitter_us = 4000};

double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct sim_join someone(unsigned id, enum plm_codec codec)
{
    return (struct sim_join){.id = id,
        .room = 1,
        .codec = codec,
        .n_encodings = 3,
        .n_pairs = 9,
        .n_audio = 3,
        .publishes = true,
        .talks_at_random = true};
}

void print_speed(const struct sim *s, uint64_t virtual_us, double cpu)
{
    double factor = (double)virtual_us / 1e6 / cpu;
    printf(
        "  %.0f s in %.2f s of CPU: %.0f times faster than life; %llu datagrams, %.2f us each; log %016llx\n",
        (double)virtual_us / 1e6, cpu, factor, (unsigned long long)s->n_datagrams,
        cpu * 1e6 / (double)s->n_datagrams, (unsigned long long)s->log_hash);
}

void print_person(const struct sim_person *p)
{
    printf("  %3u: frames %llu decoded %llu incomplete %llu stalled %llu, longest freeze %llu ms; audio "
           "%llu, padding %llu, rtx %llu, "
           "pli %llu; published %u key frames for %u pli, %u nacks\n",
        p->id, (unsigned long long)p->frames, (unsigned long long)p->decoded,
        (unsigned long long)p->incomplete, (unsigned long long)p->stalled,
        (unsigned long long)p->longest_freeze_us / 1000, (unsigned long long)p->audio_packets,
        (unsigned long long)p->padding, (unsigned long long)p->rtx, (unsigned long long)p->plis_sent,
        p->keyframes, p->plis_received, p->nacks_received);
}

static void check_all_gone(struct sim *s)
{
    sim_take_stats(s);
    for (int g = 0; g < PLM_GAUGE_COUNT; g++)
        SIM_CHECK(s, sim_gauge(s, (enum plm_gauge)g) == 0 || g == PLM_GAUGE_STRAY_TUPLES, "%u %s are left",
            sim_gauge(s, (enum plm_gauge)g), plm_gauge_name((enum plm_gauge)g));
}

static void meet(struct meeting *m, const struct sim_config *config, unsigned n, enum plm_codec codec)
{
    sim_init(&m->sim, config);
    m->n = n;
    for (unsigned i = 0; i < n; i++) {
        struct sim_join j = someone(10 + i, codec);
        j.publish_worker = i;
        j.receive_worker = i + 1;
        m->people[i] = sim_join(&m->sim, &j);
    }
}

void part(struct meeting *m)
{
    struct sim *s = &m->sim;
    for (unsigned i = 0; i < m->n; i++) {
        if (m->people[i])
            sim_leave(m->people[i], i % 2);
    }
    sim_run_until(s, s->now + 45 * SECOND); /* consent of those who vanished ends after 30 s */
    check_all_gone(s);
    for (unsigned i = 0; i < m->n; i++)
        free(m->people[i]);
    sim_destroy(s);
}

/* ---- a meeting of four ---- */

static void four(const struct run *r)
{
    struct sim_config config = {
        .seed = r->seed, .n_workers = 1, .up = good_path, .down = good_path, .log_file = r->log_file};
    static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264};
    for (int k = 0; k < 3; k++) {
        struct meeting *m = calloc(1, sizeof *m);
        double from = cpu_seconds();
        meet(m, &config, 4, codecs[k]);
        struct sim *s = &m->sim;
        uint64_t seconds = 60;
        sim_run_until(s, s->now + seconds * SECOND);
        double cpu = cpu_seconds() - from;
        printf("%s:\n", plm_codec_name(codecs[k]));
        print_speed(s, seconds * SECOND, cpu);
        for (unsigned i = 0; i < 4; i++) {
            const struct sim_person *p = m->people[i];
            print_person(p);
            SIM_CHECK(s, p->decoded > 3 * (seconds - 2) * 29, "only %llu frames were decoded",
                (unsigned long long)p->decoded);
            SIM_CHECK(s, p->longest_freeze_us < 150000, "a freeze of %llu us",
                (unsigned long long)p->longest_freeze_us);
            SIM_CHECK(s, p->audio_packets > 3 * (seconds - 2) * 49, "only %llu audio packets",
                (unsigned long long)p->audio_packets);
            SIM_CHECK(
                s, p->incomplete <= p->frames / 1000 && p->stalled == 0, "frames were broken without loss");
        }
#if defined(__OPTIMIZE__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
        SIM_CHECK(s, cpu * 100 < (double)seconds, "slower than 100 times life");
#endif
        sim_write_log(s, r->log_file);
        part(m);
        free(m);
    }
}

/* ---- loss, reordering ---- */

static void lossy(const struct run *r, unsigned loss, unsigned reorder, unsigned duplicate)
{
    struct sim_path path = {
        .delay_us = 20000, .jitter_us = 10000, .loss = loss, .reorder = reorder, .duplicate = duplicate};
    static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264};
    for (int k = 0; k < 3; k++) {
        struct sim_config config = {
            .seed = r->seed + (unsigned)k, .n_workers = 2, .up = path, .down = path, .log_file = r->log_file};
        struct meeting *m = calloc(1, sizeof *m);
        double from = cpu_seconds();
        meet(m, &config, 4, codecs[k]);
        struct sim *s = &m->sim;
        sim_run_until(s, s->now + 60 * SECOND);
        printf("%s, loss %u/1000, reordered %u/1000, repeated %u/1000 each way:\n", plm_codec_name(codecs[k]),
            loss, reorder, duplicate);
        print_speed(s, 60 * SECOND, cpu_seconds() - from);
        for (unsigned i = 0; i < 4; i++) {
            const struct sim_person *p = m->people[i];
            print_person(p);
            SIM_CHECK(s,
                p->decoded * 100 >= p->frames * (loss > 50      ? 85
                                                    : loss > 20 ? 92
                                                                : 96),
                "only %llu of %llu frames were decoded", (unsigned long long)p->decoded,
                (unsigned long long)p->frames);
            SIM_CHECK(s, p->frames > 3 * 50 * 10, "only %llu frames arrived", (unsigned long long)p->frames);
            SIM_CHECK(s, loss || !p->given_up, "%llu numbers were never filled without loss",
                (unsigned long long)p->given_up);
        }
        sim_write_log(s, r->log_file);
        part(m);
        free(m);
    }
}

/** Three shards and a tenth lost each way: after the first 10 s no picture stands still for longer than a lost key frame explains. */
static void lossy_shards(const struct run *r)
{
    struct sim_path path = {.delay_us = 20000, .jitter_us = 10000, .loss = 100};
    static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264};
    for (int k = 0; k < 3; k++) {
        struct sim_config config = {
            .seed = r->seed, .n_workers = 3, .up = path, .down = path, .log_file = r->log_file};
        struct meeting *m = calloc(1, sizeof *m);
        uint64_t frames[6];
        double from = cpu_seconds();
        meet(m, &config, 6, codecs[k]);
        struct sim *s = &m->sim;
        sim_run_until(s, s->now + 10 * SECOND);
        for (unsigned i = 0; i < 6; i++) {
            frames[i] = m->people[i]->decoded;
            sim_receiver_forget_freezes(m->people[i]);
        }
        sim_run_until(s, s->now + 50 * SECOND);
        printf("%s:\n", plm_codec_name(codecs[k]));
        print_speed(s, 60 * SECOND, cpu_seconds() - from);
        for (unsigned i = 0; i < 6; i++) {
            struct sim_person *p = m->people[i];
            p->longest_freeze_us = sim_receiver_longest_freeze(p);
            print_person(p);
            SIM_CHECK(s, p->longest_freeze_us <= LOSSY_FREEZE_US, "%u saw a picture stand still for %llu ms",
                p->id, (unsigned long long)p->longest_freeze_us / 1000);
            SIM_CHECK(s, p->decoded - frames[i] >= 5 * 50 * 30 * LOSSY_PERCENT / 100, "only %llu frames",
                (unsigned long long)(p->decoded - frames[i]));
        }
        sim_write_log(s, r->log_file);
        part(m);
        free(m);
    }
}

static void loss_2(const struct run *r)
{
    lossy(r, 20, 0, 0);
}
static void loss_5(const struct run *r)
{
    lossy(r, 50, 0, 0);
}
static void loss_10(const struct run *r)
{
    lossy(r, 100, 0, 0);
}
static void reorder(const struct run *r)
{
    lossy(r, 0, 100, 50);
}

/* ---- a narrow line ---- */

/** What arrives within a while, of one person. */
static double frames_per_second(struct sim *s, const struct sim_person *p, uint64_t seconds)
{
    uint64_t before = p->decoded;
    sim_run_until(s, s->now + seconds * SECOND);
    return (double)(p->decoded - before) / (double)seconds;
}

/** One of four gets a line that carries a third of what they send, and then a good one again: less is sent to him, nobody else is touched. */
static void narrow(const struct run *r)
{
    struct sim_config config = {
        .seed = r->seed, .n_workers = 1, .up = good_path, .down = good_path, .log_file = r->log_file};
    struct meeting *m = calloc(1, sizeof *m);
    double from = cpu_seconds();
    meet(m, &config, 4, PLM_CODEC_VP8);
    struct sim *s = &m->sim;
    struct sim_person *p = m->people[0];
    double before = frames_per_second(s, p, 10);
    p->receive->down.rate_bps = 700000;
    p->receive->down.queue_us = 200000;
    double narrow_first = frames_per_second(s, p, 10);
    sim_receiver_forget_freezes(p);
    double narrow_then = frames_per_second(s, p, 30);
    uint64_t freeze = sim_receiver_longest_freeze(p);
    p->receive->down.rate_bps = 0;
    double back = frames_per_second(s, p, 40);
    printf("  frames per second of three cameras: %.0f, narrow %.0f then %.0f (longest freeze %llu ms), wide "
           "again %.0f\n",
        before, narrow_first, narrow_then, (unsigned long long)freeze / 1000, back);
    print_speed(s, 90 * SECOND, cpu_seconds() - from);
    for (unsigned i = 0; i < 4; i++)
        print_person(m->people[i]);
    SIM_CHECK(s, before > 80 && narrow_then > 65 && back > 70, "the video does not follow the line");
    SIM_CHECK(s, freeze < 3 * SECOND, "a picture stood still for %llu ms", (unsigned long long)freeze / 1000);
    SIM_CHECK(s, m->people[1]->longest_freeze_us < 300000, "somebody else froze for %llu us",
        (unsigned long long)m->people[1]->longest_freeze_us);
    sim_write_log(s, r->log_file);
    part(m);
    free(m);
}

/* ---- wraps ---- */

/** Sequence numbers, picture ids, TL0PICIDX and transport-wide numbers wrap in half an hour; timestamps in twelve hours of silence. */
static void wraps(const struct run *r)
{
    struct sim_config config = {
        .seed = r->seed, .n_workers = 1, .up = good_path, .down = good_path, .log_file = r->log_file};
    struct meeting *m = calloc(1, sizeof *m);
    double from = cpu_seconds();
    meet(m, &config, 2, PLM_CODEC_VP8);
    struct sim *s = &m->sim;
    uint64_t begin = s->now;
    sim_run_until(s, s->now + (r->quick ? 1200 : 2400) * SECOND);
    uint64_t decoded = m->people[0]->decoded;
    for (int k = 0; k < 4; k++) {
        for (unsigned i = 0; i < 2; i++)
            m->people[i]->silent = true;
        sim_run_until(s, s->now + 4 * 3600 * SECOND); /* 90 kHz wraps each 13.3 hours */
        for (unsigned i = 0; i < 2; i++) {
            m->people[i]->silent = false;
            m->people[i]->longest_freeze_us = 0;
            for (unsigned e = 0; e < m->people[i]->n_encodings; e++)
                m->people[i]->video[e].source.next_ts += 4ull * 3600 * 90000;
        }
        sim_run_until(s, s->now + 30 * SECOND);
    }
    print_speed(s, s->now - begin, cpu_seconds() - from);
    for (unsigned i = 0; i < 2; i++) {
        print_person(m->people[i]);
        SIM_CHECK(
            s, m->people[i]->decoded >= decoded + 4 * 28 * 28, "the video does not come back after a pause");
        SIM_CHECK(s, m->people[i]->stalled == 0, "frames were broken without loss");
    }
    sim_write_log(s, r->log_file);
    part(m);
    free(m);
}

/* ---- churn ---- */

struct churn {
    struct meeting m;
    unsigned next_id, joins;
    uint64_t until;
};

static void join_one(struct churn *c, unsigned place)
{
    struct sim *s = &c->m.sim;
    struct sim_join j = someone(++c->next_id, c->joins % 3 == 0 ? PLM_CODEC_VP9 : PLM_CODEC_VP8);
    j.fps = 10;
    j.audio_ms = 60;
    j.n_encodings = 2;
    j.n_pairs = 4;
    j.n_audio = 2;
    j.publish_worker = (unsigned)sim_random(s);
    j.receive_worker = (unsigned)sim_random(s);
    c->m.people[place] = sim_join(s, &j);
    c->joins++;
}

static void churn_tick(struct sim *s, void *arg)
{
    struct churn *c = arg;
    if (s->now >= c->until)
        return;
    unsigned place = (unsigned)(sim_random(s) % c->m.n);
    if (c->m.people[place]) {
        sim_leave(c->m.people[place], sim_chance(s, 500));
        free(c->m.people[place]);
        c->m.people[place] = NULL;
    }
    if (sim_chance(s, 900))
        join_one(c, place);
    sim_at(s, s->now + sim_random(s) % (6 * SECOND), churn_tick, c);
}

static void churn(const struct run *r)
{
    struct sim_path path = {.delay_us = 20000, .jitter_us = 5000, .loss = 10};
    struct sim_config config = {
        .seed = r->seed, .n_workers = 2, .up = path, .down = path, .log_file = r->log_file};
    struct churn *c = calloc(1, sizeof *c);
    double from = cpu_seconds();
    sim_init(&c->m.sim, &config);
    struct sim *s = &c->m.sim;
    c->m.n = 20;
    c->next_id = 100;
    for (unsigned i = 0; i < 20; i++)
        join_one(c, i);
    uint64_t length = (r->quick ? 300 : 3600) * SECOND;
    c->until = s->now + length;
    sim_at(s, s->now + 5 * SECOND, churn_tick, c);
    sim_run_until(s, c->until);
    sim_take_stats(s);
    printf("%u people came and went; now %u transports, %u tracks, %u from other workers, %u slots, %u "
           "packets kept\n",
        c->joins, sim_gauge(s, PLM_GAUGE_TRANSPORTS), sim_gauge(s, PLM_GAUGE_TRACKS),
        sim_gauge(s, PLM_GAUGE_REMOTE_TRACKS), sim_gauge(s, PLM_GAUGE_SLOTS),
        sim_gauge(s, PLM_GAUGE_PACKETS));
    print_speed(s, length, cpu_seconds() - from);
    uint64_t frames = 0, decoded = 0;
    for (unsigned i = 0; i < 20; i++) {
        frames += c->m.people[i] ? c->m.people[i]->frames : 0;
        decoded += c->m.people[i] ? c->m.people[i]->decoded : 0;
    }
    SIM_CHECK(s, decoded * 100 > frames * 90 && frames > 1000, "only %llu of %llu frames were decoded",
        (unsigned long long)decoded, (unsigned long long)frames);
    sim_write_log(s, r->log_file);
    part(&c->m);
    free(c);
}

/* ---- three shards ---- */

/** Every shard has the home's set of speakers, whenever nothing is on its way. */
static void check_speakers(struct sim *s, unsigned *compared)
{
    if (!sim_links_idle(s))
        return;
    const struct plm_shard *home = plm_worker_find_shard(s->workers[s->rooms[1].peers[0].worker].core, 1);
    for (unsigned i = 0; i < s->config.n_workers; i++) {
        const struct plm_shard *shard = plm_worker_find_shard(s->workers[i].core, 1);
        SIM_CHECK(s, shard && home, "worker %u has no shard", i);
        SIM_CHECK(s,
            shard->n_speakers == home->n_speakers &&
                memcmp(shard->speakers, home->speakers, home->n_speakers * sizeof home->speakers[0]) == 0,
            "worker %u has other speakers than the home", i);
    }
    ++*compared;
}

static void shards(const struct run *r)
{
    struct sim_config config = {
        .seed = r->seed, .n_workers = 3, .up = good_path, .down = good_path, .log_file = r->log_file};
    struct meeting *m = calloc(1, sizeof *m);
    double from = cpu_seconds();
    meet(m, &config, 9, PLM_CODEC_VP8);
    struct sim *s = &m->sim;
    unsigned compared = 0;
    sim_run_until(s, s->now + 2 * SECOND);
    sim_end_move(m->people[4]->publish, 0); /* its datagrams reach a worker that does not own it */
    sim_end_move(m->people[5]->receive, 1);
    unsigned before = s->speaker_events;
    for (int i = 0; i < 6000; i++) {
        sim_run_until(s, s->now + 10000);
        check_speakers(s, &compared);
    }
    sim_take_stats(s);
    printf("%u speaker events, compared %u times; %llu packets over links, %llu stray datagrams\n",
        s->speaker_events, compared, (unsigned long long)sim_counter(s, PLM_CNT_LINK_PACKETS),
        (unsigned long long)sim_counter(s, PLM_CNT_STRAY_DATAGRAMS));
    print_speed(s, 62 * SECOND, cpu_seconds() - from);
    SIM_CHECK(s, compared > 3000 && s->speaker_events > before + 10, "nobody spoke, or nothing was compared");
    SIM_CHECK(s, sim_counter(s, PLM_CNT_LINK_PACKETS) > 1000, "no packets crossed links");
    SIM_CHECK(s, sim_counter(s, PLM_CNT_STRAY_DATAGRAMS) > 100, "no datagram went astray");
    for (unsigned i = 0; i < 9; i++) {
        const struct sim_person *p = m->people[i];
        print_person(p);
        SIM_CHECK(s, p->decoded > 8 * 58 * 28, "%u decoded only %llu frames", p->id,
            (unsigned long long)p->decoded);
        SIM_CHECK(s, p->audio_packets > 2 * 58 * 48, "%u heard only %llu packets", p->id,
            (unsigned long long)p->audio_packets);
    }
    sim_write_log(s, r->log_file);
    part(m);
    free(m);
}

/* ---- switches ---- */

static void switches_of(const struct run *r, enum plm_codec codec)
{
    struct sim_path path = {.delay_us = 15000, .jitter_us = 8000, .loss = 20, .reorder = 50, .duplicate = 20};
    struct sim_config config = {
        .seed = r->seed, .n_workers = 2, .up = path, .down = path, .log_file = r->log_file};
    struct meeting *m = calloc(1, sizeof *m);
    double from = cpu_seconds();
    sim_init(&m->sim, &config);
    struct sim *s = &m->sim;
    uint64_t begin = s->now, wanted = r->quick ? 2000 : 10000, done = 0;
    m->n = 10;
    for (unsigned i = 0; i < m->n; i++) {
        struct sim_join j = someone(10 + i, codec);
        j.publishes = i == 0;
        j.n_pairs = i == 0 ? 0 : 1;
        j.n_audio = 0;
        j.publish_worker = j.receive_worker = i;
        m->people[i] = sim_join(s, &j);
    }
    while (done < wanted) {
        sim_run_until(s, s->now + 100000 + sim_random(s) % 100000);
        struct sim_person *p = m->people[1 + sim_random(s) % (m->n - 1)];
        struct plm_view view = {.mode = PLM_VIEW_ITEMS, .n_items = 1};
        uint16_t width = (uint16_t)(320u << sim_random(s) % 3);
        view.items[0] = (struct plm_view_item){10, PLM_SOURCE_CAMERA, width, (uint16_t)(width * 9 / 16), 1};
        sim_set_view(p, &view);
        sim_take_stats(s);
        done = sim_counter(s, PLM_CNT_LAYER_SWITCHES);
        SIM_CHECK(s, s->now - begin < wanted * 3 * SECOND, "only %llu switches", (unsigned long long)done);
    }
    uint64_t frames = 0, decoded = 0, stalled = 0;
    for (unsigned i = 1; i < m->n; i++) {
        frames += m->people[i]->frames;
        decoded += m->people[i]->decoded;
        stalled += m->people[i]->stalled;
    }
    printf("%s: %llu switches, %llu frames, %llu decoded, %llu stalled\n", plm_codec_name(codec),
        (unsigned long long)done, (unsigned long long)frames, (unsigned long long)decoded,
        (unsigned long long)stalled);
    print_speed(s, s->now - begin, cpu_seconds() - from);
    SIM_CHECK(s, decoded * 100 > frames * 90, "too few frames were decoded");
    sim_write_log(s, r->log_file);
    part(m);
    free(m);
}

static void switches_vp8(const struct run *r)
{
    switches_of(r, PLM_CODEC_VP8);
}
static void switches_vp9(const struct run *r)
{
    switches_of(r, PLM_CODEC_VP9);
}
static void switches_h264(const struct run *r)
{
    switches_of(r, PLM_CODEC_H264);
}

/* ---- one slot, many people ---- */

enum {
    PUBLISHERS = 4
};

static void post_to(struct sim *s, const struct sim_end *e, struct plm_command cmd)
{
    struct plm_command *copy = malloc(sizeof *copy);
    uint8_t owner = plm_registry_owner(s->registry, e->local.id);
    if (!copy || owner == PLM_NO_OWNER)
        abort();
    *copy = cmd;
    copy->transport = e->local.id;
    sim_post(s, owner, copy);
}

/** From when on nothing may arrive of what a command, posted now, has ended. */
static void expect_gone(struct sim_person *p, plm_participant_id who)
{
    const struct sim_path *down = &p->receive->down;
    p->gone = who;
    p->gone_us = p->sim->now + 1000 + down->delay_us + down->jitter_us;
}

static void look_at(struct sim_person *p, plm_participant_id who)
{
    struct plm_view view = {.mode = PLM_VIEW_ITEMS, .n_items = 1};
    uint16_t width = (uint16_t)(320u << (p->id + who) % 3);
    view.items[0] = (struct plm_view_item){who, PLM_SOURCE_CAMERA, width, (uint16_t)(width * 9 / 16), 1};
    sim_set_view(p, &view);
}

static struct sim_join onlooker(unsigned id, enum plm_codec codec)
{
    struct sim_join j = someone(id, codec);
    j.publishes = false;
    j.n_pairs = j.n_audio = 1;
    j.receive_worker = id;
    return j;
}

/** Publishers far away: a key frame that is asked for takes longer to come than a gap may last. Some changes overtake others. */
static void change_often(struct meeting *m, unsigned n)
{
    struct sim *s = &m->sim;
    for (unsigned i = 0; i < n; i++) {
        for (unsigned k = PUBLISHERS; k < m->n; k++)
            look_at(m->people[k], 10 + (unsigned)(sim_random(s) % PUBLISHERS));
        sim_run_until(s, s->now + (i % 4 == 3 ? 50000 : 1500000) + sim_random(s) % 100000);
    }
}

static void people_of(const struct run *r, enum plm_codec codec, unsigned n_workers)
{
    struct sim_path far = {.delay_us = 150000, .jitter_us = 4000},
                    near = {.delay_us = 15000, .jitter_us = 4000};
    struct sim_config config = {
        .seed = r->seed, .n_workers = n_workers, .up = far, .down = near, .log_file = r->log_file};
    struct meeting *m = calloc(1, sizeof *m);
    double from = cpu_seconds();
    sim_init(&m->sim, &config);
    struct sim *s = &m->sim;
    uint64_t begin = s->now;
    m->n = PUBLISHERS + 3;
    for (unsigned i = 0; i < m->n; i++) {
        struct sim_join j = i < PUBLISHERS ? someone(10 + i, codec) : onlooker(10 + i, codec);
        j.publish_worker = i;
        if (i < PUBLISHERS)
            j.n_pairs = j.n_audio = 0;
        m->people[i] = sim_join(s, &j);
    }
    sim_run_until(s, s->now + 3 * SECOND);
    sim_take_stats(s);
    uint64_t layer_switches = sim_counter(s, PLM_CNT_LAYER_SWITCHES);
    change_often(m, r->quick ? 40 : 400);
    sim_take_stats(s);
    layer_switches = sim_counter(s, PLM_CNT_LAYER_SWITCHES) - layer_switches;
    uint64_t gap = 0;
    unsigned changes = 0;
    for (unsigned k = PUBLISHERS; k < m->n; k++) {
        const struct sim_person *p = m->people[k];
        gap = p->longest_change_us > gap ? p->longest_change_us : gap;
        changes += p->changes;
        SIM_CHECK(s, p->stalled == 0 && p->given_up == 0, "%u lost frames", p->id);
    }
    printf("%s, %u workers: %u changes of participant, longest gap %llu ms; %llu changes of layer\n",
        plm_codec_name(codec), n_workers, changes, (unsigned long long)gap / 1000,
        (unsigned long long)layer_switches);
    /* Frames of two publishers are never more than two apart, and each may be delayed by its way. */
    uint64_t bound = 2 * SECOND / 30 + far.jitter_us + near.jitter_us;
    SIM_CHECK(s, changes >= (r->quick ? 40u : 400u) && gap <= bound, "a gap of %llu us at a change",
        (unsigned long long)gap);

    SIM_CHECK(s, layer_switches * 10 < changes, "what is on its way out changed its layer %llu times",
        (unsigned long long)layer_switches);

    /* Somebody is put out while they are shown, still or already. */
    for (unsigned k = PUBLISHERS; k < m->n; k++)
        look_at(m->people[k], 10 + k % 2);
    sim_run_until(s, s->now + 2 * SECOND);
    for (unsigned k = PUBLISHERS; k < m->n; k++)
        look_at(m->people[k], 11 - k % 2);
    sim_run_until(s, s->now + 100000);
    post_to(s, m->people[0]->publish, (struct plm_command){.type = PLM_CMD_CLOSE, .reason = PLM_CLOSE_LOCAL});
    for (unsigned k = PUBLISHERS; k < m->n; k++)
        expect_gone(m->people[k], 10);
    sim_run_until(s, s->now + 3 * SECOND);

    /* And whoever goes to another room in the middle of a change takes nothing along. */
    for (unsigned k = PUBLISHERS; k < m->n; k++)
        look_at(m->people[k], 12);
    sim_run_until(s, s->now + 2 * SECOND);
    for (unsigned k = PUBLISHERS; k < m->n; k++)
        look_at(m->people[k], 13);
    sim_run_until(s, s->now + 100000);
    for (unsigned k = PUBLISHERS; k < m->n; k++) {
        post_to(s, m->people[k]->receive,
            (struct plm_command){.type = PLM_CMD_MOVE, .room = 2, .move.participant = m->people[k]->id});
        expect_gone(m->people[k], SIM_EVERYBODY);
    }
    sim_run_until(s, s->now + 3 * SECOND);
    print_speed(s, s->now - begin, cpu_seconds() - from);
    sim_write_log(s, r->log_file);
    part(m);
    free(m);
}

static void people(const struct run *r)
{
    people_of(r, PLM_CODEC_VP8, 1);
    people_of(r, PLM_CODEC_VP8, 2);
    people_of(r, PLM_CODEC_VP9, 2);
    people_of(r, PLM_CODEC_H264, 2);
}

/* ---- a recorder ---- */

/** Somebody whom nobody watches. */
static struct sim_person *join_alone(struct sim *s, unsigned id, plm_room_id room, unsigned worker)
{
    struct sim_join j = someone(id, PLM_CODEC_VP8);
    j.room = room;
    j.n_pairs = j.n_audio = 0;
    j.publish_worker = worker;
    return sim_join(s, &j);
}

/** Three meet, one is alone in another room, both rooms are fed: all that arrived comes out, once, whatever the network does. */
static void feed(const struct run *r)
{
    struct sim_path path = {
        .delay_us = 20000, .jitter_us = 10000, .loss = 50, .reorder = 50, .duplicate = 20};
    struct sim_config config = {
        .seed = r->seed, .n_workers = 2, .up = path, .down = path, .log_file = r->log_file};
    struct meeting *m = calloc(1, sizeof *m);
    double from = cpu_seconds();
    meet(m, &config, 3, PLM_CODEC_VP8);
    struct sim *s = &m->sim;
    struct sim_reader *reader = sim_reader_open(s, 1u << 20, 4);
    m->people[m->n++] = join_alone(s, 20, 2, 0);
    m->people[m->n++] = join_alone(s, 21, 3, 1); /* of a room that is not fed */
    sim_run_until(s, s->now + 3 * SECOND);
    SIM_CHECK(s, sim_reader_tracks(reader) == 0, "a room is fed without being asked for");
    sim_feed_room(s, 1, true);
    sim_feed_room(s, 2, true);
    sim_run_until(s, s->now + SECOND);
    uint64_t begin = s->now;
    sim_run_until(s, s->now + 30 * SECOND);
    uint64_t end = s->now;
    SIM_CHECK(s, sim_reader_tracks(reader) == 8, "%u tracks are known", sim_reader_tracks(reader));
    SIM_CHECK(s, s->camera_needed[20] == 4, "encodings %x of the one alone are needed", s->camera_needed[20]);
    SIM_CHECK(s, s->camera_needed[21] == 0, "encodings %x are needed by nobody", s->camera_needed[21]);
    sim_run_until(s, s->now + SECOND);
    unsigned compared = sim_reader_check(reader, begin, end, true);
    sim_take_stats(s);
    printf("  %u packets compared, %llu fed, %llu dropped\n", compared,
        (unsigned long long)sim_counter(s, PLM_CNT_FEED_PACKETS),
        (unsigned long long)sim_counter(s, PLM_CNT_FEED_DROPPED));
    SIM_CHECK(s, compared > 4 * 30 * (50 + 2 * 28) && sim_counter(s, PLM_CNT_FEED_DROPPED) == 0,
        "only %u packets", compared);
    SIM_CHECK(s, sim_counter(s, PLM_CNT_RX_RTX) > 100, "nothing was repaired");

    /* The reader goes: what it asked for is needed no more. Another comes, and is told everything. */
    sim_reader_leave(reader);
    sim_run_until(s, s->now + 5 * SECOND);
    SIM_CHECK(s, s->camera_needed[20] == 0, "encodings %x are needed without a reader", s->camera_needed[20]);
    sim_reader_return(reader);
    sim_run_until(s, s->now + 2 * SECOND);
    SIM_CHECK(s, sim_reader_tracks(reader) == 8, "%u tracks are known again", sim_reader_tracks(reader));
    begin = s->now;
    sim_run_until(s, s->now + 5 * SECOND);
    end = s->now;
    /* One moves to a room that is not fed, one leaves, and a room is fed no more. */
    post_to(s, m->people[0]->publish,
        (struct plm_command){.type = PLM_CMD_MOVE, .room = 3, .move.participant = m->people[0]->id});
    m->people[1]->publish->up.loss = 0; /* its goodbye must come */
    sim_leave(m->people[1], true);
    free(m->people[1]);
    m->people[1] = NULL;
    sim_run_until(s, s->now + SECOND);
    SIM_CHECK(s, sim_reader_tracks(reader) == 4, "%u tracks are left", sim_reader_tracks(reader));
    SIM_CHECK(s, sim_reader_check(reader, begin, end, true) > 4 * 5 * 100, "too few packets");
    sim_feed_room(s, 1, false);
    sim_run_until(s, s->now + SECOND);
    SIM_CHECK(s, sim_reader_tracks(reader) == 2, "%u tracks are left", sim_reader_tracks(reader));
    print_speed(s, 50 * SECOND, cpu_seconds() - from);
    sim_write_log(s, r->log_file);
    sim_reader_leave(reader);
    part(m);
    sim_reader_free(reader);
    free(m);
}

/** A reader that stands still for more than its queue holds: sound is whole, pictures begin again with key frames, asked for once. */
static void feed_slow(const struct run *r)
{
    struct sim_config config = {
        .seed = r->seed, .n_workers = 2, .up = good_path, .down = good_path, .log_file = r->log_file};
    struct meeting *m = calloc(1, sizeof *m);
    double from = cpu_seconds();
    sim_init(&m->sim, &config);
    struct sim *s = &m->sim;
    struct sim_reader *reader = sim_reader_open(s, 256u << 10, 4);
    m->n = 4;
    for (unsigned i = 0; i < m->n; i++)
        m->people[i] = join_alone(s, 20 + i, 1, i);
    sim_feed_room(s, 1, true);
    sim_run_until(s, s->now + 3 * SECOND);
    uint64_t begin = s->now;
    sim_run_until(s, s->now + 5 * SECOND);
    unsigned asked[MEETING_MAX], gaps = 0;
    for (int k = 0; k < 5; k++) {
        for (unsigned i = 0; i < m->n; i++)
            asked[i] = m->people[i]->plis_received;
        sim_reader_pause(reader, true);
        sim_run_until(s, s->now + 2 * SECOND);
        for (unsigned i = 0; i < m->n; i++)
            SIM_CHECK(s, m->people[i]->plis_received == asked[i],
                "%u was asked for a key frame that nobody would read", m->people[i]->id);
        sim_reader_pause(reader, false);
        sim_run_until(s, s->now + 3 * SECOND);
        for (unsigned i = 0; i < m->n; i++)
            SIM_CHECK(s, m->people[i]->plis_received == asked[i] + 1, "%u was asked %u times",
                m->people[i]->id, m->people[i]->plis_received - asked[i]);
    }
    uint64_t end = s->now - SECOND;
    unsigned compared = sim_reader_check(reader, begin, end, false);
    gaps = sim_reader_gaps(reader);
    sim_take_stats(s);
    printf("  %u packets compared, %llu dropped, %u times\n", compared,
        (unsigned long long)sim_counter(s, PLM_CNT_FEED_DROPPED), gaps);
    SIM_CHECK(s, gaps == 5 * m->n && sim_counter(s, PLM_CNT_FEED_DROPPED) > 500, "nothing was left out");
    SIM_CHECK(s, sim_reader_tracks(reader) == 2 * m->n, "%u tracks are known", sim_reader_tracks(reader));
    print_speed(s, 35 * SECOND, cpu_seconds() - from);
    sim_write_log(s, r->log_file);
    sim_reader_leave(reader);
    part(m);
    sim_reader_free(reader);
    free(m);
}

/* ---- the same seed ---- */

static char *log_of(uint64_t seed, size_t *len, uint64_t *hash)
{
    struct sim_path path = {
        .delay_us = 20000, .jitter_us = 10000, .loss = 30, .reorder = 50, .duplicate = 20};
    struct sim_config config = {.seed = seed, .n_workers = 3, .up = path, .down = path, .keep_log = true};
    struct meeting *m = calloc(1, sizeof *m);
    meet(m, &config, 6, PLM_CODEC_VP8);
    struct sim_reader *reader = sim_reader_open(&m->sim, 1u << 20, 7);
    sim_feed_room(&m->sim, 1, true);
    sim_run_until(&m->sim, m->sim.now + 20 * SECOND);
    sim_leave(m->people[2], true);
    sim_run_until(&m->sim, m->sim.now + 5 * SECOND);
    char *copy = malloc(m->sim.log_len);
    memcpy(copy, m->sim.log, m->sim.log_len);
    *len = m->sim.log_len;
    *hash = m->sim.log_hash;
    free(m->people[2]);
    m->people[2] = NULL;
    sim_reader_leave(reader);
    part(m);
    sim_reader_free(reader);
    free(m);
    return copy;
}

static void same(const struct run *r)
{
    size_t len[3];
    uint64_t hash[3];
    char *log[3];
    for (int i = 0; i < 3; i++)
        log[i] = log_of(r->seed + (i == 2), &len[i], &hash[i]);
    printf("  %zu octets of log, hash of every datagram %016llx, %016llx; another seed %016llx\n", len[0],
        (unsigned long long)hash[0], (unsigned long long)hash[1], (unsigned long long)hash[2]);
    bool equal = len[0] == len[1] && memcmp(log[0], log[1], len[0]) == 0 && hash[0] == hash[1];
    bool differs = hash[2] != hash[0];
    for (int i = 0; i < 3; i++)
        free(log[i]);
    if (!equal || !differs) {
        fprintf(stderr, equal ? "another seed gave the same run\n" : "the same seed gave another run\n");
        exit(1);
    }
}

static const struct {
    const char *name;
    void (*run)(const struct run *r);
} scenarios[] = {
    {"four", four},
    {"loss_2", loss_2},
    {"loss_5", loss_5},
    {"loss_10", loss_10},
    {"lossy_shards", lossy_shards},
    {"reorder", reorder},
    {"narrow", narrow},
    {"wraps", wraps},
    {"churn", churn},
    {"shards", shards},
    {"switches_vp8", switches_vp8},
    {"switches_vp9", switches_vp9},
    {"switches_h264", switches_h264},
    {"people", people},
    {"feed", feed},
    {"feed_slow", feed_slow},
    {"same", same},
    {"bandwidth_steps", bandwidth_steps},
    {"bandwidth_found", bandwidth_found},
    {"bandwidth_jitter", bandwidth_jitter},
    {"bandwidth_tunnel", bandwidth_tunnel},
    {"loss_freezes", loss_freezes},
    {"loss_begins", loss_begins},
    {"bandwidth_shared", bandwidth_shared},
    {"bandwidth_neighbours", bandwidth_neighbours},
    {"bandwidth_falls", bandwidth_falls},
    {"bandwidth_falls_slowly", bandwidth_falls_slowly},
    {"bandwidth_silence", bandwidth_silence},
    {"bwe_bands", bwe_bands},
    {"bwe_start", bwe_start},
    {"bwe_step", bwe_step},
    {"bwe_radio", bwe_radio},
    {"bwe_no_probes", bwe_no_probes},
    {"bwe_pacer", bwe_pacer},
    {"alloc_step", alloc_step},
    {"alloc_main", alloc_main},
    {"alloc_steady", alloc_steady},
    {"alloc_pause", alloc_pause},
    {"alloc_stall", alloc_stall},
    {"alloc_uplink", alloc_uplink},
    {"alloc_one_bad", alloc_one_bad},
    {"instant_join", instant_join},
    {"first_words", first_words},
    {"sound_loss", sound_loss},
    {"sound_copies", sound_copies},
    {"sound_narrow", sound_narrow},
    {"sound_sampled", sound_sampled},
    {"capture", capture},
};

int main(int argc, char **argv)
{
    struct run r = {.seed = 1};
    const char *name = argc > 1 ? argv[1] : "";
    if (!strcmp(name, "replay") && argc == 3)
        return replay_file(argv[2]);
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--log") == 0 && i + 1 < argc)
            r.log_file = argv[++i];
        else if (strcmp(argv[i], "--quick") == 0)
            r.quick = true;
        else
            r.seed = strtoull(argv[i], NULL, 0);
    }
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        if (strcmp(name, scenarios[i].name) != 0)
            continue;
        scenarios[i].run(&r);
        return 0;
    }
    fprintf(stderr, "usage: plenum-sim scenario [seed] [--quick] [--log file]\n       plenum-sim replay "
                    "file\nscenarios:");
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
        fprintf(stderr, " %s", scenarios[i].name);
    fputc('\n', stderr);
    return 2;
}
