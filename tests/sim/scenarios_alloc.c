/*
 * Who is sent which layers when lines get narrow, and wide again: each rule of the allocator on a whole meeting.
 */
#include "scenarios.h"

#include <stdlib.h>
#include <string.h>

#include "bwe.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#define TICK 10000 /* how often slots are looked at */

enum {
    CAMERAS = 3,
    WATCHERS = 10,
    SLOTS = 2 * CAMERAS, /* pairs of sound and picture */
    SWITCHES = 64
};

/** What one watcher's slot of video has been doing. */
struct seen {
    uint8_t aim;
    unsigned n; /* switches by the allocator */
    uint64_t at[SWITCHES];
};

struct scene {
    struct sim sim;
    struct sim_person *cameras[CAMERAS];
    struct sim_person *watchers[WATCHERS];
    unsigned n_watchers;
    struct seen seen[WATCHERS][SLOTS];
    unsigned paused, unpaused, other_reasons; /* events of the first watcher's slots of video */
    bool looking;
};

static const struct sim_path near = {.delay_us = 20000, .jitter_us = 4000};

static struct plm_transport *transport_of(struct sim *s, const struct sim_person *p)
{
    for (unsigned i = 0; i < s->config.n_workers; i++) {
        struct plm_transport *t = plm_worker_find_transport(s->workers[i].core, p->receive->local.id);
        if (t)
            return t;
    }
    return NULL;
}

/** Notes each change of what a slot aims at. */
static void look(struct sim *s, void *arg)
{
    struct scene *c = arg;
    for (unsigned k = 0; k < c->n_watchers; k++) {
        struct plm_transport *t = c->looking ? transport_of(s, c->watchers[k]) : NULL;
        for (unsigned i = 0; t && i < t->n_slots && i < SLOTS; i++) {
            struct seen *seen = &c->seen[k][i];
            if (t->slots[i].kind != PLM_KIND_VIDEO || t->slots[i].layers.target == seen->aim)
                continue;
            seen->aim = t->slots[i].layers.target;
            if (seen->n < SWITCHES)
                seen->at[seen->n] = s->now;
            seen->n++;
        }
    }
    if (c->looking)
        sim_at(s, s->now + TICK, look, c);
}

static void forget_switches(struct scene *c)
{
    for (unsigned k = 0; k < c->n_watchers; k++) {
        for (unsigned i = 0; i < SLOTS; i++)
            c->seen[k][i].n = 0;
    }
}

static void on_event(struct sim *s, const struct plm_event *ev)
{
    struct scene *c = s->onlooker;
    if (ev->type != PLM_EV_SLOT || !c->n_watchers || ev->participant != c->watchers[0]->id ||
        ev->slot.media % 2 == 0)
        return;
    c->paused += ev->slot.reason == PLM_SLOT_NO_BANDWIDTH;
    c->other_reasons += ev->slot.reason != PLM_SLOT_NO_BANDWIDTH && ev->slot.reason != PLM_SLOT_FLOWS;
    c->unpaused += ev->slot.state == PLM_SLOT_FORWARDING;
}

/** Three cameras of about 0.13, 0.3 and 0.7 Mbit/s in 30 frames, and those who look at them. */
static struct scene *begin(const struct run *r, unsigned n_watchers)
{
    struct sim_config config = {
        .seed = r->seed, .n_workers = 1, .up = near, .down = near, .log_file = r->log_file};
    struct scene *c = calloc(1, sizeof *c);
    if (!c)
        abort();
    sim_init(&c->sim, &config);
    c->sim.onlooker = c;
    c->sim.on_event = on_event;
    for (unsigned i = 0; i < CAMERAS; i++) {
        struct sim_join j = {
            .id = 10 + i, .room = 1, .codec = PLM_CODEC_VP8, .n_encodings = 3, .publishes = true};
        c->cameras[i] = sim_join(&c->sim, &j);
        static const uint16_t octets[] = {200, 450, 1100};
        memcpy(c->cameras[i]->octets, octets, sizeof octets);
        c->cameras[i]->talking = true;
    }
    for (unsigned i = 0; i < n_watchers; i++) {
        struct sim_join j = {.id = 50 + i, .room = 1, .n_pairs = CAMERAS, .codec = PLM_CODEC_VP8};
        c->watchers[c->n_watchers++] = sim_join(&c->sim, &j);
        for (unsigned k = 0; k < SLOTS; k++)
            c->seen[i][k].aim = PLM_LAYER_NONE;
    }
    c->looking = true;
    look(&c->sim, c);
    return c;
}

static void end(struct scene *c, const struct run *r)
{
    struct sim *s = &c->sim;
    sim_write_log(s, r->log_file);
    c->looking = false;
    for (unsigned i = 0; i < CAMERAS; i++)
        sim_leave(c->cameras[i], true);
    for (unsigned i = 0; i < c->n_watchers; i++)
        sim_leave(c->watchers[i], true);
    sim_run_until(s, s->now + 2 * SECOND);
    for (unsigned i = 0; i < CAMERAS; i++)
        free(c->cameras[i]);
    for (unsigned i = 0; i < c->n_watchers; i++)
        free(c->watchers[i]);
    sim_destroy(s);
    free(c);
}

static void run_for(struct scene *c, uint64_t us)
{
    sim_run_until(&c->sim, c->sim.now + us);
}

static void line(struct scene *c, unsigned watcher, uint32_t bps)
{
    struct sim_path *down = &c->watchers[watcher]->receive->down;
    down->rate_bps = bps;
    down->queue_us = 300000;
}

/** Video slots of a watcher that aim at this encoding. */
static unsigned count_aims(struct scene *c, unsigned watcher, uint8_t encoding)
{
    struct plm_transport *t = transport_of(&c->sim, c->watchers[watcher]);
    unsigned n = 0;
    for (unsigned i = 0; t && i < t->n_slots; i++)
        n += t->slots[i].kind == PLM_KIND_VIDEO && t->slots[i].layers.target == encoding;
    return n;
}

/** What a watcher's picture of a camera is made of now. */
static const struct plm_slot *slot_of(struct scene *c, unsigned watcher, plm_participant_id who)
{
    struct plm_transport *t = transport_of(&c->sim, c->watchers[watcher]);
    for (unsigned i = 0; t && i < t->n_slots; i++) {
        if (t->slots[i].kind == PLM_KIND_VIDEO && t->slots[i].track && t->slots[i].track->participant == who)
            return &t->slots[i];
    }
    sim_fail(&c->sim, __FILE__, __LINE__, "a slot", "%u is not shown", who);
}

/** Run until so many of a watcher's slots aim at an encoding. @return how long that took, at most `us` */
static uint64_t run_until_aims(struct scene *c, uint8_t encoding, unsigned n, bool at_least, uint64_t us)
{
    uint64_t from = c->sim.now;
    while (c->sim.now - from < us) {
        unsigned aims = count_aims(c, 0, encoding);
        if (at_least ? aims >= n : aims <= n)
            break;
        run_for(c, TICK);
    }
    return c->sim.now - from;
}

/** The most switches of one slot within 5 s. */
static unsigned densest(const struct scene *c, unsigned watcher)
{
    unsigned most = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        const struct seen *seen = &c->seen[watcher][i];
        for (unsigned from = 0; from < seen->n && from < SWITCHES; from++) {
            unsigned n = 0;
            while (
                from + n < seen->n && from + n < SWITCHES && seen->at[from + n] - seen->at[from] < 5 * SECOND)
                n++;
            most = n > most ? n : most;
        }
    }
    return most;
}

static unsigned all_switches(const struct scene *c, unsigned watcher)
{
    unsigned n = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        n += c->seen[watcher][i].n;
    return n;
}

/** 4 → 1 → 4 Mbit/s: lower layers soon after the line got narrow, the best ones again soon after it got wide. */
void alloc_step(const struct run *r)
{
    struct scene *c = begin(r, 1);
    line(c, 0, 4000000);
    run_for(c, 25 * SECOND);
    SIM_CHECK(&c->sim, count_aims(c, 0, 2) == CAMERAS, "only %u of the best layers on a wide line",
        count_aims(c, 0, 2));
    sim_receiver_forget_freezes(c->watchers[0]);
    line(c, 0, 1000000);
    uint64_t down = run_until_aims(c, 2, 1, false, 5 * SECOND);
    run_for(c, 5 * SECOND);
    uint64_t freeze = sim_receiver_longest_freeze(c->watchers[0]);
    run_for(c, 20 * SECOND);
    uint64_t then = sim_receiver_longest_freeze(c->watchers[0]);
    unsigned n_paused = c->paused;
    line(c, 0, 4000000);
    uint64_t up = run_until_aims(c, 2, CAMERAS, true, 40 * SECOND);
    printf("  lower layers after %llu ms, longest freeze %llu ms then, %llu ms up to 25 s later; all layers "
           "again after %llu ms; "
           "%u pauses\n",
        (unsigned long long)down / 1000, (unsigned long long)freeze / 1000, (unsigned long long)then / 1000,
        (unsigned long long)up / 1000, n_paused);
    SIM_CHECK(&c->sim, down <= 500000, "lower layers after %llu us", (unsigned long long)down);
    SIM_CHECK(&c->sim, then < 300000, "a picture stood still for %llu us", (unsigned long long)then);
    SIM_CHECK(&c->sim, up <= 5 * SECOND, "the best layers are back after %llu us", (unsigned long long)up);
    SIM_CHECK(&c->sim, n_paused == 0, "%u pauses on a line that carries all floors", n_paused);
    end(c, r);
}

/** How a receiver's line, or its machine, stands still for a while. */
struct stall {
    const char *what;
    uint32_t line_bps; /* 0: no limit */
    uint64_t lasts_us;
    uint64_t step_us; /* what is held comes in batches so far apart at most; 0: all at the end */
    bool at_rate;     /* what is held then comes as fast as the line carries it, else all at once */
    bool both;        /* nothing comes from the receiver either */
};

static void stand_still(struct scene *c, const struct stall *st)
{
    struct sim_end *e = c->watchers[0]->receive;
    uint64_t until = c->sim.now + st->lasts_us;
    while (c->sim.now < until) {
        uint64_t us = st->step_us ? st->step_us / 2 + sim_random(&c->sim) % (st->step_us / 2) : st->lasts_us;
        us = us < until - c->sim.now ? us : until - c->sim.now;
        e->down.held_until_us = c->sim.now + us;
        if (st->at_rate)
            e->down_free = e->down.held_until_us;
        if (st->both)
            e->up.held_until_us = e->down.held_until_us;
        run_for(c, us);
    }
}

/** What stood still for a moment, and lost nothing, is as wide as before: so are the pictures. */
void alloc_stall(const struct run *r)
{
    static const struct stall stalls[] = {
        {"line, wide", 0, 1500000, 0, false, false},
        {"line of 3 Mbit/s, all at once", 3000000, 1500000, 0, false, false},
        {"line of 10 Mbit/s, at its rate", 10000000, 1500000, 0, true, false},
        {"machine, 1 s", 0, 1000000, 0, false, true},
        {"machine, 2 s", 0, 2000000, 0, false, true},
        {"machine, by fits of 100 ms", 0, 2000000, 100000, false, true},
        {"machine, by fits of 400 ms", 0, 2000000, 400000, false, true},
        {"line, by fits of 200 ms", 10000000, 2000000, 200000, true, false},
    };
    for (unsigned i = 0; i < sizeof stalls / sizeof stalls[0]; i++) {
        const struct stall *st = &stalls[i];
        struct scene *c = begin(r, 1);
        line(c, 0, st->line_bps);
        c->watchers[0]->receive->down.queue_us = 3000000;
        run_for(c, 25 * SECOND);
        SIM_CHECK(&c->sim, count_aims(c, 0, 2) == CAMERAS, "only %u of the best layers", count_aims(c, 0, 2));
        uint32_t before = plm_bwe_estimate(transport_of(&c->sim, c->watchers[0])->bwe), least = before;
        sim_receiver_forget_freezes(c->watchers[0]);
        c->paused = 0;
        stand_still(c, st);
        uint64_t from = c->sim.now, back = 0;
        while (c->sim.now - from < 10 * SECOND) {
            uint32_t bps = plm_bwe_estimate(transport_of(&c->sim, c->watchers[0])->bwe);
            least = bps < least ? bps : least;
            run_for(c, TICK);
            if (count_aims(c, 0, 2) < CAMERAS)
                back = c->sim.now - from;
        }
        uint64_t freeze = sim_receiver_longest_freeze(c->watchers[0]);
        printf("  %s: the best layers after %llu ms, longest freeze %llu ms, %u pauses; estimate %u, then %u "
               "at least, kbit/s\n",
            st->what, (unsigned long long)back / 1000, (unsigned long long)freeze / 1000, c->paused,
            before / 1000, least / 1000);
        /* By fits, it goes on for two seconds. */
        SIM_CHECK(&c->sim, back <= (st->step_us ? 2500000 : 2 * SECOND),
            "the best layers are back after %llu us", (unsigned long long)back);
        SIM_CHECK(&c->sim, freeze <= st->lasts_us + SECOND / 4, "a picture stood still for %llu us",
            (unsigned long long)freeze);
        SIM_CHECK(&c->sim, c->paused == 0, "%u pauses", c->paused);
        end(c, r);
    }
}

static void show_large(struct scene *c, unsigned watcher, unsigned large)
{
    struct plm_view view = {.mode = PLM_VIEW_ITEMS, .n_items = CAMERAS};
    for (unsigned i = 0; i < CAMERAS; i++) {
        uint16_t width = i == large ? 1280 : 300;
        view.items[i] = (struct plm_view_item){
            10 + i, PLM_SOURCE_CAMERA, width, (uint16_t)(width * 9 / 16), i == large ? 2 : 1};
    }
    sim_set_view(c->watchers[watcher], &view);
}

/** One large tile and two small ones on a line that carries not all: the large one has its best layer, and whom it shows is the person's choice. */
void alloc_main(const struct run *r)
{
    struct scene *c = begin(r, 1);
    line(c, 0, 1400000);
    show_large(c, 0, 0);
    run_for(c, 30 * SECOND);
    show_large(c, 0, 1);
    run_for(c, 1500000);
    for (unsigned i = 0; i < CAMERAS; i++) {
        const struct plm_slot *s = slot_of(c, 0, 10 + i);
        printf("  %u %s: encoding %u, temporal layer %u\n", 10 + i, i == 1 ? "large" : "small",
            s->layers.target, s->layers.target_tid);
        SIM_CHECK(
            &c->sim, s->layers.target == (i == 1 ? 2 : 0), "encoding %u of %u", s->layers.target, 10 + i);
    }
    end(c, r);
}

/** Lines that stay as they are: so do the layers. */
void alloc_steady(const struct run *r)
{
    static const uint32_t lines[] = {300000, 500000, 800000, 1200000, 1800000, 2600000};
    for (unsigned i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct scene *c = begin(r, 1);
        line(c, 0, lines[i]);
        run_for(c, 30 * SECOND);
        forget_switches(c);
        uint64_t decoded = c->watchers[0]->decoded;
        run_for(c, 60 * SECOND);
        printf("  %4u kbit/s: %u switches in a minute, at most %u of a slot in 5 s; %.0f frames a second\n",
            lines[i] / 1000, all_switches(c, 0), densest(c, 0),
            (double)(c->watchers[0]->decoded - decoded) / 60);
        /* What a line does not carry is found out by padding: no step up shows that has to be taken back. */
        SIM_CHECK(&c->sim, all_switches(c, 0) <= 3, "%u switches in a minute", all_switches(c, 0));
        SIM_CHECK(&c->sim, densest(c, 0) <= 1, "%u switches of a slot in 5 s", densest(c, 0));
        end(c, r);
    }
}

/** Hardly anything fits: some pictures pause, sound goes on, and all come back by themselves. */
void alloc_pause(const struct run *r)
{
    struct scene *c = begin(r, 1);
    run_for(c, 15 * SECOND);
    c->paused = c->unpaused = 0;
    line(c, 0, 250000);
    run_for(c, 30 * SECOND);
    unsigned n_paused = c->paused, still = count_aims(c, 0, PLM_LAYER_NONE);
    uint64_t sound = c->watchers[0]->audio_packets;
    run_for(c, 10 * SECOND);
    sound = c->watchers[0]->audio_packets - sound;
    unsigned others = c->other_reasons;
    c->unpaused = 0;
    line(c, 0, 0);
    uint64_t back = run_until_aims(c, PLM_LAYER_NONE, 0, false, 60 * SECOND);
    run_for(c, 2 * SECOND);
    printf("  %u pauses told, %u pictures paused after 30 s, %.0f packets of sound a second; all back after "
           "%llu ms\n",
        n_paused, still, (double)sound / 10, (unsigned long long)back / 1000);
    SIM_CHECK(&c->sim, n_paused > 0 && others == 0, "%u pauses, %u for other reasons", n_paused, others);
    SIM_CHECK(&c->sim, sound >= 1450, "only %llu packets of sound", (unsigned long long)sound);
    SIM_CHECK(&c->sim, back <= 6 * SECOND && c->unpaused >= still, "%u of %u pictures are back", c->unpaused,
        still);
    end(c, r);
}

/**
 * A publisher's line has fallen from wide to 300 kbit/s. A browser sees it after a while: it ends its upper encodings without a word, makes less of
 * the lowest one, and sends no faster than the line carries: what is too much, and what is sent again, waits with it instead of being lost.
 */
static void cut_uplink(struct sim *s, void *arg)
{
    struct sim_person *p = arg;
    (void)s;
    p->ended = 6;
    p->octets[0] = 130;
    p->publish->up.queue_us = 1000000;
}

void alloc_uplink(const struct run *r)
{
    struct scene *c = begin(r, 2);
    run_for(c, 15 * SECOND);
    for (unsigned i = 0; i < 2; i++)
        sim_receiver_forget_freezes(c->watchers[i]);
    struct sim_person *p = c->cameras[0];
    unsigned asked = p->plis_received;
    p->pli_gap_us = 10 * SECOND;
    c->paused = c->other_reasons = 0;
    p->publish->up.rate_bps = 300000;
    p->publish->up.queue_us = 200000;
    uint64_t from = c->sim.now;
    sim_at(&c->sim, from + 300000, cut_uplink, p); /* as long as a browser takes to see it */
    while (c->sim.now - from < 5 * SECOND &&
           (slot_of(c, 0, 10)->layers.current != 0 || slot_of(c, 1, 10)->layers.current != 0))
        run_for(c, TICK);
    uint64_t followed = c->sim.now - from;
    run_for(c, 10 * SECOND - followed);
    asked = p->plis_received - asked;
    printf("  receivers follow after %llu ms; longest freezes %llu and %llu ms; %u requests in 10 s, two "
           "within %llu ms; paused "
           "%u times\n",
        (unsigned long long)followed / 1000,
        (unsigned long long)sim_receiver_longest_freeze(c->watchers[0]) / 1000,
        (unsigned long long)sim_receiver_longest_freeze(c->watchers[1]) / 1000, asked,
        (unsigned long long)p->pli_gap_us / 1000, c->paused + c->other_reasons);
    uint64_t freeze = sim_receiver_longest_freeze(c->watchers[0]),
             other = sim_receiver_longest_freeze(c->watchers[1]);
    freeze = other > freeze ? other : freeze;
    SIM_CHECK(&c->sim, followed <= SECOND, "receivers follow after %llu us", (unsigned long long)followed);
    SIM_CHECK(&c->sim, freeze <= SECOND, "a picture stood still for %llu us", (unsigned long long)freeze);
    SIM_CHECK(&c->sim, asked <= 5, "%u key frames were asked for in 10 s", asked);
    SIM_CHECK(&c->sim, c->paused + c->other_reasons == 0, "a picture was paused for it");
    p->publish->up.rate_bps = 0;
    p->ended = 0;
    p->octets[0] = 200;
    uint64_t up = run_until_aims(c, 2, CAMERAS, true, 20 * SECOND);
    printf("  all layers again after %llu ms\n", (unsigned long long)up / 1000);
    SIM_CHECK(&c->sim, up <= 5 * SECOND, "the best layers are back after %llu us", (unsigned long long)up);
    end(c, r);
}

/** One of ten has a line that is narrow and loses: nobody else notices. */
void alloc_one_bad(const struct run *r)
{
    struct scene *c = begin(r, WATCHERS);
    run_for(c, 15 * SECOND);
    forget_switches(c);
    unsigned keys = 0;
    uint64_t decoded = 0, freeze = 0, plis = 0;
    for (unsigned i = 1; i < WATCHERS; i++) {
        sim_receiver_forget_freezes(c->watchers[i]);
        decoded -= c->watchers[i]->decoded;
        plis -= c->watchers[i]->plis_sent;
    }
    for (unsigned i = 0; i < CAMERAS; i++)
        keys -= c->cameras[i]->keyframes;
    line(c, 0, 400000);
    c->watchers[0]->receive->down.loss = 50;
    run_for(c, 60 * SECOND);
    unsigned switches = 0;
    for (unsigned i = 1; i < WATCHERS; i++) {
        uint64_t longest = sim_receiver_longest_freeze(c->watchers[i]);
        freeze = longest > freeze ? longest : freeze;
        decoded += c->watchers[i]->decoded;
        plis += c->watchers[i]->plis_sent;
        switches += all_switches(c, i);
    }
    for (unsigned i = 0; i < CAMERAS; i++)
        keys += c->cameras[i]->keyframes;
    printf("  nine: %.2f frames a second each, longest freeze %llu ms, %llu requests, %u switches; key "
           "frames of three cameras: "
           "%u in a minute; the tenth: %u switches\n",
        (double)decoded / 60 / (WATCHERS - 1), (unsigned long long)freeze / 1000, (unsigned long long)plis,
        switches, keys, all_switches(c, 0));
    SIM_CHECK(&c->sim, decoded >= 60 * 89 * (WATCHERS - 1), "only %llu frames", (unsigned long long)decoded);
    SIM_CHECK(&c->sim, freeze < 100000 && plis == 0 && switches == 0, "the bad line is felt by others");
    SIM_CHECK(&c->sim, keys <= 60, "%u key frames", keys);
    end(c, r);
}
