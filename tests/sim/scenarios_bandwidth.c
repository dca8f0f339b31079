/*
 * What a receiver's line carries: the estimate, what is sent by it, and the queue that it makes.
 */
#include <math.h>
#include <stdlib.h>

#include "base/u32_map.h"
#include "bwe.h"
#include "scenarios.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#define LOOK_US  100000
#define MAX_LOOK 2000

/** One camera in three encodings of about 150, 500 and 2400 kbit/s, one who watches it. */
struct flow {
    struct meeting m;
    struct sim_person *watcher;
    unsigned n;
    struct look {
        uint32_t estimate;
        uint32_t queue_us;
        uint64_t octets;
        uint8_t encoding;
    } looks[MAX_LOOK];
};

static struct plm_transport *transport_of(const struct sim_person *p)
{
    return plm_u32_map_find(&p->sim->workers[0].core->transports, p->receive->local.id);
}

static void look(struct sim *s, void *arg)
{
    struct flow *f = arg;
    if (f->n == MAX_LOOK || !f->watcher->receive)
        return;
    sim_at(s, s->now + LOOK_US, look, f);
    struct plm_transport *t = transport_of(f->watcher);
    if (!t)
        return;
    struct look *l = &f->looks[f->n++];
    l->estimate = plm_bwe_estimate(t->bwe);
    l->queue_us =
        f->watcher->receive->down_free > s->now ? (uint32_t)(f->watcher->receive->down_free - s->now) : 0;
    l->octets = t->tx_bytes;
    l->encoding = PLM_LAYER_NONE;
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (t->slots[i].kind == PLM_KIND_VIDEO && t->slots[i].track)
            l->encoding = t->slots[i].layers.current;
    }
}

static void line(struct flow *f, uint32_t bps, uint32_t queue_us)
{
    f->watcher->receive->down.rate_bps = bps;
    f->watcher->receive->down.queue_us = queue_us;
}

static void open_flow(struct flow *f, const struct run *r, uint32_t delay_us, unsigned loss)
{
    struct sim_config config = {.seed = r->seed,
        .n_workers = 1,
        .up = {.delay_us = 5000, .jitter_us = 1000},
        .down = {.delay_us = delay_us, .jitter_us = 2000, .loss = loss},
        .log_file = r->log_file};
    static const uint16_t octets[] = {220, 770, 1000};
    struct sim *s = &f->m.sim;
    sim_init(s, &config);
    struct sim_join camera = {
        .id = 10, .room = 1, .codec = PLM_CODEC_VP8, .n_encodings = 3, .publishes = true};
    struct sim_join watcher = {.id = 11, .room = 1, .codec = PLM_CODEC_VP8, .n_pairs = 1, .n_audio = 0};
    f->m.n = 2;
    f->m.people[0] = sim_join(s, &camera);
    for (unsigned i = 0; i < 3; i++)
        f->m.people[0]->octets[i] = octets[i];
    f->m.people[0]->video[2].source.heavy = 4;
    f->m.people[1] = f->watcher = sim_join(s, &watcher);
    f->watcher->receive->up.delay_us = delay_us;
    sim_at(s, s->now + LOOK_US, look, f);
}

static void run_for(struct flow *f, uint64_t ms)
{
    sim_run_until(&f->m.sim, f->m.sim.now + ms * 1000);
}

static void close_flow(struct flow *f, const struct run *r)
{
    sim_write_log(&f->m.sim, r->log_file);
    part(&f->m);
    free(f);
}

/** Mean estimate of the last looks, kbit/s. */
static uint32_t estimate_kbps(const struct flow *f, unsigned looks)
{
    uint64_t sum = 0;
    for (unsigned i = f->n - looks; i < f->n; i++)
        sum += f->looks[i].estimate;
    return (uint32_t)(sum / looks / 1000);
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t queue_ms(const struct flow *f, unsigned from, unsigned percent)
{
    uint32_t *all = malloc((f->n - from) * sizeof *all);
    if (!all)
        abort();
    for (unsigned i = from; i < f->n; i++)
        all[i - from] = f->looks[i].queue_us;
    qsort(all, f->n - from, sizeof *all, by_size);
    uint32_t at = all[(f->n - from - 1) * percent / 100];
    free(all);
    return at / 1000;
}

/** How long after `from` the encoding shown was one of this or below (above: or above), ms. */
static unsigned until_encoding(const struct flow *f, unsigned from, uint8_t encoding, bool above)
{
    for (unsigned i = from; i < f->n; i++) {
        uint8_t e = f->looks[i].encoding;
        if (e != PLM_LAYER_NONE && (above ? e >= encoding : e <= encoding))
            return (i - from) * (unsigned)(LOOK_US / 1000);
    }
    return UINT32_MAX;
}

static void print_flow(const struct flow *f)
{
    if (!getenv("PLM_SIM_VERBOSE"))
        return;
    for (unsigned i = 1; i < f->n; i++)
        printf("    %5.1f s: estimate %5u kbit/s, sent %5llu, queue %4u ms, encoding %d\n", i / 10.0,
            f->looks[i].estimate / 1000,
            (unsigned long long)(f->looks[i].octets - f->looks[i - 1].octets) * 80 / 1000,
            f->looks[i].queue_us / 1000, f->looks[i].encoding == PLM_LAYER_NONE ? -1 : f->looks[i].encoding);
}

/** libwebrtc's own bands: 500 kbit/s, then 800, then 100, 100 ms each way. */
void bandwidth_steps(const struct run *r)
{
    static const struct {
        uint32_t kbps, seconds, middle, off;
    } steps[] = {{500, 25, 450, 100}, {800, 20, 750, 150}, {100, 50, 90, 25}};
    struct flow *f = calloc(1, sizeof *f);
    open_flow(f, r, 100000, 0);
    for (unsigned i = 0; i < 3; i++) {
        line(f, steps[i].kbps * 1000, 500000);
        run_for(f, steps[i].seconds * 1000);
        uint32_t found = estimate_kbps(f, 20);
        printf("  %u kbit/s: estimate %u after %u s\n", steps[i].kbps, found, steps[i].seconds);
        SIM_CHECK(&f->m.sim,
            found + steps[i].off >= steps[i].middle && found <= steps[i].middle + steps[i].off,
            "%u kbit/s on a line of %u", found, steps[i].kbps);
    }
    print_flow(f);
    close_flow(f, r);
}

/** A line of 3 Mbit/s is found within 2 s of the start. */
void bandwidth_found(const struct run *r)
{
    struct flow *f = calloc(1, sizeof *f);
    open_flow(f, r, 25000, 0);
    line(f, 3000000, 300000);
    while (!f->watcher->receive->connected)
        run_for(f, 10);
    run_for(f, 2000);
    uint32_t now = estimate_kbps(f, 1), most = 0;
    for (unsigned i = 0; i < f->n; i++)
        most = f->looks[i].estimate / 1000 > most ? f->looks[i].estimate / 1000 : most;
    printf("  3 Mbit/s: at most %u kbit/s within 2 s of the connection, %u then\n", most, now);
    print_flow(f);
    /* The best encoding alone fills this line by turns: it is cut to 85 % of what goes through, and probes again. */
    SIM_CHECK(&f->m.sim, most >= 2500 && most <= 3600 && now >= 2400, "%u then %u kbit/s", most, now);
    close_flow(f, r);
}

/** A line of 20 Mbit/s that sends again what it lost, and keeps the order: packets come late, and nothing else is wrong. */
void bandwidth_jitter(const struct run *r)
{
    static const struct {
        unsigned ms,
            share; /* per mille of the packets, and what was sent behind them waits; 0: each by any time up to that */
    } rows[] = {{60, 0}, {80, 50}, {60, 200}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flow *f = calloc(1, sizeof *f);
        open_flow(f, r, 25000, 0);
        line(f, 20000000, 300000);
        run_for(f, 12000);
        struct sim_path *down = &f->watcher->receive->down;
        *(rows[i].share ? &down->again_us : &down->jitter_us) = rows[i].ms * 1000;
        down->again = rows[i].share;
        unsigned from = f->n, best = 0;
        run_for(f, 48000);
        uint64_t sum = 0;
        for (unsigned k = from; k < f->n; k++) {
            best += f->looks[k].encoding == 2;
            sum += f->looks[k].estimate / 1000;
        }
        unsigned mean = (unsigned)(sum / (f->n - from));
        printf("  %u of 1000 up to %u ms later: estimate %u kbit/s in the mean, the best layer %u %% of the "
               "time\n",
            rows[i].share ? rows[i].share : 1000, rows[i].ms, mean, best * 100 / (f->n - from));
        print_flow(f);
        SIM_CHECK(&f->m.sim, mean >= 800, "%u kbit/s in the mean", mean);
        close_flow(f, r);
    }
}

/** How much of the time since `from` this encoding was shown, percent; PLM_LAYER_NONE: none. */
static unsigned share_of(const struct flow *f, unsigned from, uint8_t encoding)
{
    unsigned n = 0;
    for (unsigned i = from; i < f->n; i++)
        n += f->looks[i].encoding == encoding;
    return n * 100 / (f->n - from);
}

static void print_shares(const struct flow *f, unsigned from)
{
    printf("estimate %u kbit/s in the mean, encodings %u %u %u %%, none %u %%, frozen %llu ms, %llu at most, "
           "queue p50 %u ms, p95 %u\n",
        estimate_kbps(f, f->n - from), share_of(f, from, 0), share_of(f, from, 1), share_of(f, from, 2),
        share_of(f, from, PLM_LAYER_NONE), (unsigned long long)f->watcher->frozen_us / 1000,
        (unsigned long long)sim_receiver_longest_freeze(f->watcher) / 1000, queue_ms(f, from, 50),
        queue_ms(f, from, 95));
}

/** A download over the same line, as CUBIC (RFC 9438) does it: its window grows until the queue overflows, and is seven tenths of that then. */
struct download {
    struct flow *f;
    bool runs;
    double window, most, credit; /* packets */
    uint64_t lost_us, octets;
};

static void on_download_tick(struct sim *s, void *arg)
{
    struct download *d = arg;
    struct sim_end *e = d->f->watcher->receive;
    if (!d->runs)
        return;
    sim_at(s, s->now + 1000, on_download_tick, d);
    uint64_t wait = e->down_free > s->now ? e->down_free - s->now : 0, rtt_us = 2 * e->down.delay_us + wait;
    double t = (double)(s->now - d->lost_us) / 1e6, k = cbrt(d->most * 0.3 / 0.4);
    double reno = d->most * 0.7 + 0.53 * t * 1e6 / (double)rtt_us;
    double cubic = 0.4 * (t - k) * (t - k) * (t - k) + d->most;
    d->window = d->most > 0 ? fmax(cubic, reno) : d->window * (1 + 1000.0 / (double)rtt_us);
    for (d->credit += d->window * 1000 / (double)rtt_us; d->credit >= 1; d->credit--) {
        uint64_t from = e->down_free > s->now ? e->down_free : s->now;
        if (from - s->now > e->down.queue_us) {
            d->credit = 0;
            if (s->now - d->lost_us <= rtt_us)
                return;
            d->most = d->window;
            d->lost_us = s->now;
            return;
        }
        e->down_free = from + UINT64_C(1500) * 8000000 / e->down.rate_bps;
        d->octets += 1500;
    }
}

static void begin_download(struct download *d, struct flow *f)
{
    *d = (struct download){.f = f, .runs = true, .window = 10, .octets = d->octets};
    on_download_tick(&f->m.sim, d);
}

#define DOWNLOADS 4

/** Somebody downloads over the same line for 40 s: the picture stays, if smaller, and the download goes on too. */
void bandwidth_shared(const struct run *r)
{
    static const struct {
        uint32_t mbps, queue_ms;
        unsigned downloads;
        bool before, fits;  /* it has begun before the call; it comes and goes */
        unsigned most_none; /* percent of the time without a picture */
    } rows[] = {
        {10, 60, 1, false, false, 15},
        {10, 150, 1, false, false, 15},
        {10, 400, 1, false, false, 40},
        {50, 100, 1, false, false, 15},
        {5, 300, 1, false, false, 35},
        {3, 200, 1, false, false, 95},
        {10, 150, DOWNLOADS, false, false, 25},
        {20, 200, DOWNLOADS, false, false, 25},
        {10, 150, 1, true, false, 70},
        {10, 400, 1, true, false, 40},
        {5, 150, 1, true, false, 15},
        {10, 200, 1, false, true, 25},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i += r->quick ? 3 : 1) {
        struct flow *f = calloc(1, sizeof *f);
        struct download d[DOWNLOADS] = {0};
        open_flow(f, r, 15000, 0);
        struct sim *s = &f->m.sim;
        line(f, rows[i].mbps * 1000000, rows[i].queue_ms * 1000);
        if (!rows[i].before)
            run_for(f, 12000);
        sim_receiver_forget_freezes(f->watcher);
        unsigned from = f->n;
        for (unsigned k = 0; k < 8; k++) {
            for (unsigned n = 0; n < rows[i].downloads; n++) {
                if (!d[n].runs)
                    begin_download(&d[n], f);
            }
            run_for(f, 3000);
            d[0].runs &= !rows[i].fits;
            run_for(f, 2000);
        }
        uint64_t octets = 0;
        for (unsigned n = 0; n < DOWNLOADS; n++) {
            octets += d[n].octets;
            d[n].runs = false;
        }
        unsigned ended = f->n, kbps = (unsigned)(octets * 8 / 40000);
        printf("  %u Mbit/s, queue of %u ms, %u downloads%s, %u kbit/s: ", rows[i].mbps, rows[i].queue_ms,
            rows[i].downloads,
            rows[i].before ? " that had begun"
            : rows[i].fits ? " by fits"
                           : "",
            kbps);
        print_shares(f, from);
        unsigned none = share_of(f, from, PLM_LAYER_NONE);
        SIM_CHECK(s, none <= rows[i].most_none, "no picture for %u %% of the time", none);
        SIM_CHECK(s, rows[i].fits || kbps >= rows[i].mbps * 400, "the download had only %u kbit/s", kbps);
        run_for(f, 15000);
        unsigned best = until_encoding(f, ended, 2, true);
        printf("    best layer %u ms after the end\n", best);
        SIM_CHECK(s, rows[i].mbps < 10 || rows[i].fits || best <= 15000, "no best layer after it");
        print_flow(f);
        close_flow(f, r);
    }
}

/** Two who watch over the same line, each with an estimator of their own: neither takes the other's queue for one that it need not mind. */
void bandwidth_neighbours(const struct run *r)
{
    static const struct {
        uint32_t mbps, queue_ms;
        uint64_t most_frozen_ms;
    } rows[] = {{1, 300, 25000}, {2, 100, 500}, {3, 300, 500}, {4, 150, 500}, {6, 400, 500}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flow *f = calloc(1, sizeof *f);
        open_flow(f, r, 15000, 0);
        struct sim *s = &f->m.sim;
        line(f, rows[i].mbps * 1000000, rows[i].queue_ms * 1000);
        struct sim_join join = {.id = 12, .room = 1, .codec = PLM_CODEC_VP8, .n_pairs = 1, .n_audio = 0};
        struct sim_person *other = f->m.people[f->m.n++] = sim_join(s, &join);
        other->receive->up = f->watcher->receive->up;
        other->receive->down = f->watcher->receive->down;
        other->receive->neighbour = f->watcher->receive;
        run_for(f, 12000);
        sim_receiver_forget_freezes(f->watcher);
        sim_receiver_forget_freezes(other);
        unsigned from = f->n;
        run_for(f, 60000);
        printf("  %u Mbit/s, queue of %u ms, two: ", rows[i].mbps, rows[i].queue_ms);
        print_shares(f, from);
        uint64_t mine = sim_receiver_longest_freeze(f->watcher), theirs = sim_receiver_longest_freeze(other);
        SIM_CHECK(s, queue_ms(f, from, 95) < 100, "a queue of %u ms", queue_ms(f, from, 95));
        SIM_CHECK(s, mine < rows[i].most_frozen_ms * 1000 && theirs < rows[i].most_frozen_ms * 1000,
            "the pictures stood still for %llu and %llu ms", (unsigned long long)mine / 1000,
            (unsigned long long)theirs / 1000);
        print_flow(f);
        close_flow(f, r);
    }
}

static void show(struct flow *f, uint16_t width)
{
    struct plm_view view = {.mode = PLM_VIEW_ITEMS, .n_items = 1};
    view.items[0] = (struct plm_view_item){10, PLM_SOURCE_CAMERA, width, (uint16_t)(width * 9 / 16), 1};
    sim_set_view(f->watcher, &view);
}

static uint32_t longest_queue_ms(const struct flow *f, unsigned from)
{
    uint32_t most = 0;
    for (unsigned i = from; i < f->n; i++)
        most = f->looks[i].queue_us > most ? f->looks[i].queue_us : most;
    return most / 1000;
}

/** Nothing comes through for a while, or all of it late and at once: the line behind it is as wide as it was, and is not flooded. */
void bandwidth_tunnel(const struct run *r)
{
    static const unsigned lost_ms[] = {3000, 8000, 12000, 25000}, held_ms[] = {900, 1300, 2000};
    for (size_t i = 0; i < sizeof lost_ms / sizeof lost_ms[0]; i++) {
        struct flow *f = calloc(1, sizeof *f);
        open_flow(f, r, 25000, 0);
        line(f, 700000, 2000000);
        run_for(f, 20000);
        struct sim_end *e = f->watcher->receive;
        e->down.loss = e->up.loss = 1000;
        run_for(f, lost_ms[i]);
        e->down.loss = e->up.loss = 0;
        unsigned from = f->n;
        run_for(f, 10000);
        uint32_t queue = longest_queue_ms(f, from);
        printf("  nothing for %u ms: queue %u ms at most after it, estimate %u kbit/s after 10 s\n",
            lost_ms[i], queue, estimate_kbps(f, 1));
        print_flow(f);
        SIM_CHECK(&f->m.sim, queue <= 300, "a queue of %u ms", queue);
        SIM_CHECK(&f->m.sim, estimate_kbps(f, 1) >= 450, "%u kbit/s after 10 s", estimate_kbps(f, 1));
        close_flow(f, r);
    }
    for (size_t i = 0; i < sizeof held_ms / sizeof held_ms[0]; i++) {
        struct flow *f = calloc(1, sizeof *f);
        open_flow(f, r, 25000, 0);
        line(f, 1200000, 2000000);
        run_for(f, 100);
        show(f, 640);
        run_for(f, 20000);
        f->watcher->receive->down.held_until_us = f->m.sim.now + held_ms[i] * 1000;
        run_for(f, 4000);
        unsigned from = f->n;
        show(f, 1280);
        run_for(f, 10000);
        uint32_t queue = longest_queue_ms(f, from);
        printf("  held up for %u ms: then larger, queue %u ms at most, estimate %u kbit/s\n", held_ms[i],
            queue, estimate_kbps(f, 1));
        print_flow(f);
        SIM_CHECK(&f->m.sim, queue <= 200, "a queue of %u ms", queue);
        SIM_CHECK(&f->m.sim, estimate_kbps(f, 1) <= 1500, "%u kbit/s of 1200", estimate_kbps(f, 1));
        close_flow(f, r);
    }
}

/**
 * 2, 5 and 10 % lost at random, 50 ms of round trip: of the time at most 0.1, 0.5 and 1 % is frozen. Of 30 % it is much of the time, but the
 * picture goes on.
 */
void loss_freezes(const struct run *r)
{
    static const struct {
        unsigned loss, most, longest_ms; /* per mille; of 10 000 */
    } rows[] = {{20, 10, 2000}, {50, 50, 2000}, {100, 100, 2000}, {300, 4000, 5000}};
    const unsigned seconds = r->quick ? 300 : 1200;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct flow *f = calloc(1, sizeof *f);
        open_flow(f, r, 25000, rows[i].loss);
        run_for(f, 10000);
        sim_receiver_forget_freezes(f->watcher);
        uint64_t decoded = f->watcher->decoded;
        run_for(f, seconds * 1000);
        decoded = f->watcher->decoded - decoded;
        unsigned frozen = (unsigned)(f->watcher->frozen_us / (seconds * 100));
        unsigned longest_ms = (unsigned)(sim_receiver_longest_freeze(f->watcher) / 1000);
        printf(
            "  %u of 1000 lost: %.2f %% of %u s frozen, longest %u ms; %llu frames, %llu retransmissions\n",
            rows[i].loss, frozen / 100.0, seconds, longest_ms, (unsigned long long)decoded,
            (unsigned long long)f->watcher->rtx);
        SIM_CHECK(&f->m.sim, decoded >= seconds * 27, "only %llu frames", (unsigned long long)decoded);
        SIM_CHECK(&f->m.sim, frozen <= rows[i].most, "%u of 10 000 frozen", frozen);
        SIM_CHECK(&f->m.sim, longest_ms <= rows[i].longest_ms, "frozen for %u ms", longest_ms);
        close_flow(f, r);
    }
}

/**
 * A wide line begins to lose by itself in the midst of a call, as a radio does that somebody walked away from. Who then looks at a larger picture
 * gets it, and who sees the largest keeps it.
 */
void loss_begins(const struct run *r)
{
    static const struct {
        unsigned loss, most_s, least_grown,
            least_kept; /* per mille; seconds and percent of a minute that the best is shown */
    } rows[] = {{20, 15, 75, 90}, {40, 15, 75, 90}, {60, 15, 75, 90}, {80, 30, 45, 75}, {100, 40, 40, 75}};
    for (size_t i = 0; i < 2 * sizeof rows / sizeof rows[0]; i++) {
        bool grows = i % 2 == 0;
        struct flow *f = calloc(1, sizeof *f);
        open_flow(f, r, 25000, 0);
        line(f, 20000000, 200000);
        run_for(f, 100);
        show(f, grows ? 320 : 1280);
        run_for(f, 20000);
        f->watcher->receive->down.loss = rows[i / 2].loss;
        run_for(f, 5000);
        show(f, 1280);
        unsigned from = f->n;
        run_for(f, 60000);
        unsigned best_ms = until_encoding(f, from, 2, true), best = share_of(f, from, 2);
        printf("  %u of 1000 lost from the midst of it on, %s: best after %d ms, %u %% of a minute\n",
            rows[i / 2].loss, grows ? "then larger" : "large", (int)best_ms, best);
        print_flow(f);
        SIM_CHECK(&f->m.sim, best_ms <= rows[i / 2].most_s * 1000, "the best layer after %u ms", best_ms);
        SIM_CHECK(&f->m.sim, best >= (grows ? rows[i / 2].least_grown : rows[i / 2].least_kept),
            "the best layer for %u %% of a minute", best);
        close_flow(f, r);
    }
}

/** Four fifths of 1 Mbit/s are used, or nothing of what is sent would have fitted beside the best that was shown. */
static void check_use(struct flow *f, uint64_t bps)
{
    const struct plm_transport *t = transport_of(f->watcher);
    const struct plm_track *tr = NULL;
    for (unsigned i = 0; i < t->n_slots; i++) {
        if (t->slots[i].kind == PLM_KIND_VIDEO)
            tr = t->slots[i].track;
    }
    SIM_CHECK(&f->m.sim, tr, "nothing is shown");
    for (uint8_t e = 0; e < tr->n_encodings; e++) {
        struct plm_alloc_layer l;
        plm_track_describe_layer(tr, e, &l);
        uint32_t whole = l.bps[l.temporal_layers - 1];
        bool fits = (uint64_t)whole * PLM_ALLOC_UP_PERCENT / 100 <= 1000000;
        SIM_CHECK(&f->m.sim, bps >= 800000 || !fits || whole <= bps, "%llu bit/s used, encoding %u takes %u",
            (unsigned long long)bps, e, whole);
    }
}

/** @return after how many ms, since freezes are counted, a lower layer than the top one was decoded; UINT32_MAX: never */
static unsigned until_shown(const struct sim_person *watcher)
{
    uint64_t first = UINT64_MAX;
    for (unsigned e = 0; e < 2; e++) {
        if (watcher->shown_us[e] && watcher->shown_us[e] < first)
            first = watcher->shown_us[e];
    }
    return first == UINT64_MAX ? UINT32_MAX : (unsigned)((first - watcher->freezes_since_us) / 1000);
}

/** @param feedback_ms of the watcher @param key_takes_ms of the publisher @param most_down_ms until the lower layer is chosen @param most_frozen_ms at a time */
static void fall(const struct run *r, unsigned feedback_ms, unsigned key_takes_ms, unsigned most_down_ms,
    unsigned most_frozen_ms)
{
    struct flow *f = calloc(1, sizeof *f);
    open_flow(f, r, 25000, 0);
    struct sim *s = &f->m.sim;
    f->m.people[0]->key_takes_us = key_takes_ms * 1000;
    f->watcher->feedback_us = feedback_ms * 1000;
    line(f, 4000000, 300000);
    run_for(f, 10000);
    SIM_CHECK(s, f->looks[f->n - 1].encoding == 2, "the top layer is not shown on 4 Mbit/s");
    sim_receiver_forget_freezes(f->watcher);
    unsigned fell = f->n;
    line(f, 1000000, 300000);
    run_for(f, 20000);
    unsigned down = until_encoding(f, fell, 1, false);
    unsigned shown = until_shown(f->watcher);
    uint64_t octets = f->looks[f->n - 1].octets - f->looks[fell + 20].octets;
    uint64_t freeze = sim_receiver_longest_freeze(f->watcher);
    unsigned rose = f->n;
    line(f, 4000000, 300000);
    run_for(f, 10000);
    unsigned up = until_encoding(f, rose, 2, true);
    print_flow(f);
    printf("  feedback every %u ms: lower layer chosen after %u ms and decoded after %u, longest freeze %llu "
           "ms, top layer back after "
           "%u ms, queue p95 %u ms, %llu kbit/s of 1000 used\n",
        feedback_ms, down, shown, (unsigned long long)freeze / 1000, up, queue_ms(f, 30, 95),
        (unsigned long long)octets * 8 / 18 / 1000);
    SIM_CHECK(s, down <= most_down_ms, "the lower layer came after %u ms", down);
    SIM_CHECK(s, freeze < most_frozen_ms * 1000, "the picture stood still for %llu ms",
        (unsigned long long)freeze / 1000);
    SIM_CHECK(s, up <= 5000, "the top layer came back after %u ms", up);
    SIM_CHECK(s, queue_ms(f, 30, 95) < 100, "a queue of %u ms", queue_ms(f, 30, 95));
    check_use(f, octets * 8 / 18);
    close_flow(f, r);
}

/** 4, 1, and 4 Mbit/s again: down at once, back soon, and little waits in between. Browsers tell 15 to 20 times a second what came. */
void bandwidth_falls(const struct run *r)
{
    fall(r, 100, 0, 500, 300);
    fall(r, 50, 0, 500, 300);
}

/** The same from a publisher whose key frames are long in coming: the present picture is not given up for them. */
void bandwidth_falls_slowly(const struct run *r)
{
    fall(r, 100, 400, 800, 550);
}

/** A camera that stays silent: no probe is sent for it. When it goes on, so does the picture. */
void bandwidth_silence(const struct run *r)
{
    struct flow *f = calloc(1, sizeof *f);
    open_flow(f, r, 25000, 0);
    struct sim *s = &f->m.sim;
    line(f, 1000000, 300000);
    run_for(f, 15000);
    f->m.people[0]->silent = true;
    run_for(f, 4000);
    uint64_t octets = transport_of(f->watcher)->tx_bytes, decoded = f->watcher->decoded;
    run_for(f, 30000);
    octets = transport_of(f->watcher)->tx_bytes - octets;
    SIM_CHECK(s, f->watcher->decoded == decoded, "a picture of nobody");
    f->m.people[0]->silent = false;
    run_for(f, 5000);
    print_flow(f);
    printf("  %llu octets in 30 s of silence, %llu frames in 5 s afterwards\n", (unsigned long long)octets,
        (unsigned long long)(f->watcher->decoded - decoded));
    SIM_CHECK(s, octets == 0, "%llu octets were sent for nothing", (unsigned long long)octets);
    SIM_CHECK(s, f->watcher->decoded - decoded >= 120, "the picture did not come back");
    close_flow(f, r);
}
