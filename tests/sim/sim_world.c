#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define RING_OCTETS    (1u << 20)
#define RING_WAKE_US   30 /* from publishing to the other worker's turn */
#define POST_US        50 /* of a command through the mailbox */
#define WALL_OFFSET_US UINT64_C(1790000000000000)

struct sim_event {
    uint64_t at, order;
    sim_fn *fn;
    void *arg;
};

/* ---- chance and log ---- */

uint64_t sim_random(struct sim *s)
{
    return fs_random(&s->seed);
}

bool sim_chance(struct sim *s, unsigned per_mille)
{
    return per_mille && sim_random(s) % 1000 < per_mille;
}

static void hash_octets(struct sim *s, const void *data, size_t len)
{
    const uint8_t *p = data;
    uint64_t h = s->log_hash;
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        h = (h ^ v) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
    }
    while (len--)
        h = (h ^ *p++) * UINT64_C(0x100000001b3);
    s->log_hash = h;
}

void sim_log_octets(struct sim *s, const void *data, size_t len)
{
    hash_octets(s, &s->now, sizeof s->now);
    hash_octets(s, data, len);
}

void sim_log(struct sim *s, const char *format, ...)
{
    char line[512];
    va_list ap;
    int at = snprintf(line, sizeof line, "%12" PRIu64 " ", s->now);
    va_start(ap, format);
    int n = vsnprintf(line + at, sizeof line - (size_t)at - 1, format, ap);
    va_end(ap);
    size_t len = strlen(line);
    if (n < 0)
        return;
    line[len++] = '\n';
    hash_octets(s, line, len);
    if (!s->config.keep_log && !s->config.log_file)
        return;
    if (s->log_len + len > s->log_cap) {
        s->log_cap = (s->log_len + len) * 2;
        s->log = realloc(s->log, s->log_cap);
        if (!s->log)
            abort();
    }
    memcpy(s->log + s->log_len, line, len);
    s->log_len += len;
}

void sim_write_log(const struct sim *s, const char *file)
{
    FILE *f = file ? fopen(file, "w") : NULL;
    if (!f)
        return;
    fwrite(s->log, 1, s->log_len, f);
    fclose(f);
}

void sim_fail(struct sim *s, const char *file, int line, const char *condition, const char *format, ...)
{
    va_list ap;
    fflush(stdout);
    sim_write_log(s, s->config.log_file);
    fprintf(stderr, "%s:%d: at %" PRIu64 " us of seed %" PRIu64 ": %s does not hold: ", file, line, s->now,
        s->config.seed, condition);
    va_start(ap, format);
    vfprintf(stderr, format, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

/* ---- events in order of time, then of their making ---- */

static bool sooner(const struct sim_event *a, const struct sim_event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void sim_at(struct sim *s, uint64_t at_us, sim_fn *fn, void *arg)
{
    if (s->n_heap == s->cap_heap) {
        s->cap_heap = s->cap_heap ? s->cap_heap * 2 : 1024;
        s->heap = realloc(s->heap, s->cap_heap * sizeof *s->heap);
        if (!s->heap)
            abort();
    }
    struct sim_event ev = {at_us > s->now ? at_us : s->now, s->order++, fn, arg};
    size_t i = s->n_heap++;
    for (; i && sooner(&ev, &s->heap[(i - 1) / 2]); i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = ev;
}

static struct sim_event pop(struct sim *s)
{
    struct sim_event top = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0;
    for (size_t c; (c = 2 * i + 1) < s->n_heap; i = c) {
        c += c + 1 < s->n_heap && sooner(&s->heap[c + 1], &s->heap[c]);
        if (!sooner(&s->heap[c], &last))
            break;
        s->heap[i] = s->heap[c];
    }
    s->heap[i] = last;
    return top;
}

/* ---- the network ---- */

struct sim_event_data {
    struct sim_event_data *next;
    struct sim_end *end;
    uint32_t len;
    bool up;
    uint8_t octets[SIM_DATAGRAM];
};

static void after_turn(struct sim *s, struct sim_worker *w);

static void put_back(struct sim *s, struct sim_event_data *d)
{
    d->next = s->free_data;
    s->free_data = d;
}

static void arrive(struct sim *s, void *arg)
{
    struct sim_event_data *d = arg;
    s->n_datagrams++;
    hash_octets(s, &s->now, sizeof s->now);
    hash_octets(s, d->octets, d->len);
    if (d->up) {
        struct sim_worker *w = &s->workers[d->end->worker];
        if (s->on_up)
            s->on_up(s, d->end, d->octets, d->len);
        struct plm_datagram in = {.data = d->octets, .len = d->len, .from = d->end->addr};
        plm_worker_input(w->core, &in, 1, s->now);
        after_turn(s, w);
    } else {
        sim_end_receive(d->end, d->octets, d->len);
    }
    put_back(s, d);
}

static void fly(struct sim *s, struct sim_end *e, bool up, uint64_t at, const uint8_t *data, size_t len)
{
    struct sim_event_data *d = s->free_data;
    if (d)
        s->free_data = d->next;
    else if (!(d = malloc(sizeof *d)))
        abort();
    memcpy(d->octets, data, len);
    d->len = (uint32_t)len;
    d->end = e;
    d->up = up;
    sim_at(s, at, arrive, d);
}

static void transmit(struct sim_end *e, bool up, const uint8_t *data, size_t len)
{
    struct sim *s = e->sim;
    const struct sim_path *path = up ? &e->up : &e->down;
    uint64_t *free_at = up             ? &e->up_free
                        : e->neighbour ? &e->neighbour->down_free
                                       : &e->down_free,
             *last = up ? &e->up_last : &e->down_last;
    SIM_CHECK(s, len > 0 && len <= 1500, "a datagram of %zu octets", len);
    uint64_t at = s->now;
    if (path->rate_bps) {
        uint64_t from = *free_at > s->now ? *free_at : s->now;
        if (from - s->now > path->queue_us)
            return;
        *free_at = at = from + (len + 28) * UINT64_C(8000000) / path->rate_bps;
    }
    if (sim_chance(s, path->loss))
        return;
    at += path->delay_us + (path->jitter_us ? sim_random(s) % path->jitter_us : 0);
    at += path->again && sim_chance(s, path->again) ? path->again_us : 0;
    at = at > path->held_until_us ? at : path->held_until_us;
    if (sim_chance(s, path->reorder)) {
        at += sim_random(s) % 40000;
    } else {
        at = at < *last ? *last : at;
        *last = at;
    }
    fly(s, e, up, at, data, len);
    if (sim_chance(s, path->duplicate))
        fly(s, e, up, at + sim_random(s) % 20000, data, len);
}

void sim_end_send(struct sim_end *e, const uint8_t *data, size_t len)
{
    if (!e->dead)
        transmit(e, true, data, len);
}

/* ---- what a worker asks of us ---- */

static size_t io_send(void *ctx, const struct plm_train *trains, size_t n)
{
    struct sim_worker *w = ctx;
    struct sim *s = w->sim;
    for (size_t i = 0; i < n; i++) {
        const struct plm_train *t = &trains[i];
        size_t index = ((ntohl(t->to->in4.sin_addr.s_addr) & 0xffffff) << 8) | (plm_addr_port(t->to) & 0xff);
        SIM_CHECK(s, index < s->n_ends, "sent to an address that nobody has");
        unsigned count = 0;
        for (size_t off = 0; off < t->len; off += t->segment, count++) {
            size_t left = t->len - off;
            transmit(s->ends[index], false, t->data + off, left < t->segment ? left : t->segment);
        }
        SIM_CHECK(s, count == t->count && count <= 64, "a train of %u said to be %u", count, t->count);
    }
    return n;
}

static void io_event(void *ctx, const struct plm_event *ev)
{
    struct sim_worker *w = ctx;
    struct sim *s = w->sim;
    if (s->on_event)
        s->on_event(s, ev);
    switch (ev->type) {
    case PLM_EV_TRANSPORT:
        sim_log(s, "transport %u of %u: %s, %s", ev->transport, ev->participant,
            plm_transport_state_name(ev->transport_state.state),
            plm_close_reason_name(ev->transport_state.reason));
        s->transports_closed += ev->transport_state.state == PLM_TRANSPORT_CLOSED;
        break;
    case PLM_EV_TRACK:
        sim_log(s, "track %u %s: %s", ev->participant, plm_source_name(ev->track.source),
            ev->track.active ? "on" : "off");
        break;
    case PLM_EV_SLOT:
        s->slot_events++;
        sim_log(s, "slot %u of %u: %s, %s, %u %s %ux%u", ev->slot.media, ev->participant,
            plm_slot_state_name(ev->slot.state), plm_slot_reason_name(ev->slot.reason), ev->slot.shows,
            plm_source_name(ev->slot.source), ev->slot.width, ev->slot.height);
        break;
    case PLM_EV_SPEAKERS:
        s->speaker_events++;
        s->dominant = ev->speakers.n ? ev->speakers.who[0] : 0;
        sim_log(s, "speakers %u of room %u: %u first", ev->speakers.n, ev->room, s->dominant);
        break;
    case PLM_EV_DEMAND:
        if (ev->demand.source == PLM_SOURCE_CAMERA)
            s->camera_needed[ev->participant % SIM_MAX_IDS] = ev->demand.needed;
        sim_log(
            s, "demand %u %s: %x", ev->participant, plm_source_name(ev->demand.source), ev->demand.needed);
        break;
    case PLM_EV_FEED: /* comes from a driver, and there is none here */
        break;
    }
}

static bool io_link(void *ctx, unsigned worker, const void *head, size_t head_len, const void *body,
    size_t body_len, bool urgent)
{
    struct sim_worker *w = ctx;
    SIM_CHECK(
        w->sim, worker < w->sim->config.n_workers && worker != w->index, "a frame to worker %u", worker);
    return plm_ring_append(w->sim->rings[w->index][worker], head, head_len, body, body_len, urgent);
}

static void post_peers(struct sim *s, plm_room_id room)
{
    const struct sim_room *r = &s->rooms[room];
    for (unsigned i = 0; i < r->n_peers; i++) {
        struct plm_command *cmd = calloc(1, sizeof *cmd);
        if (!cmd)
            abort();
        cmd->type = PLM_CMD_PEERS;
        cmd->room = room;
        cmd->peers.home = r->peers[0].worker;
        cmd->peers.n = r->n_peers;
        cmd->peers.fed = r->fed;
        memcpy(cmd->peers.v, r->peers, r->n_peers * sizeof r->peers[0]);
        sim_post(s, r->peers[i].worker, cmd);
    }
}

void sim_feed_room(struct sim *s, plm_room_id room, bool on)
{
    s->rooms[room].fed = on;
    post_peers(s, room);
}

/** As the engine does it: the home is the shard that has been there longest. */
static void io_shard(void *ctx, plm_room_id room, uint32_t instance, bool up)
{
    struct sim_worker *w = ctx;
    struct sim_room *r = &w->sim->rooms[room];
    sim_log(w->sim, "shard of room %u on worker %u: %s", room, w->index, up ? "up" : "down");
    unsigned i = 0;
    while (i < r->n_peers && r->peers[i].worker != w->index)
        i++;
    if (up) {
        if (i == r->n_peers)
            r->n_peers++;
        r->peers[i] = (struct plm_shard_peer){(uint8_t)w->index, instance};
    } else if (i < r->n_peers && r->peers[i].instance == instance) {
        r->n_peers--;
        memmove(&r->peers[i], &r->peers[i + 1], (r->n_peers - i) * sizeof r->peers[0]);
    }
    post_peers(w->sim, room);
}

static void forget_transport(struct sim *s, void *arg)
{
    plm_registry_remove(s->registry, (plm_transport_id)(uintptr_t)arg);
}

static void io_gone(void *ctx, plm_transport_id id)
{
    struct sim_worker *w = ctx;
    sim_at(w->sim, w->sim->now + POST_US, forget_transport, (void *)(uintptr_t)id);
}

static void io_stats(void *ctx, struct plm_worker_report *report)
{
    struct sim_worker *w = ctx;
    w->stats = report->totals;
    plm_worker_report_free(report);
}

static bool io_capture(void *ctx, const void *head, size_t head_len, const void *body, size_t body_len)
{
    struct sim *s = ((struct sim_worker *)ctx)->sim;
    return s->on_capture && s->on_capture(s, head, head_len, body, body_len);
}

/* ---- turns ---- */

struct drain {
    struct sim *sim;
    unsigned from, to;
};

static void on_frame(void *arg, const uint8_t *frame, size_t len)
{
    struct drain *d = arg;
    sim_log_octets(d->sim, frame, len);
    plm_worker_link(d->sim->workers[d->to].core, d->from, frame, len, d->sim->now);
}

static void drain_ring(struct sim *s, void *arg)
{
    unsigned pair = (unsigned)(uintptr_t)arg;
    struct drain d = {s, pair / SIM_MAX_WORKERS, pair % SIM_MAX_WORKERS};
    s->drain_due[d.from][d.to] = false;
    while (plm_ring_drain(s->rings[d.from][d.to], on_frame, &d, SIZE_MAX / 2))
        continue;
    after_turn(s, &s->workers[d.to]);
}

/** What the driver does behind every call into a core. */
static void after_turn(struct sim *s, struct sim_worker *w)
{
    w->deadline = plm_worker_poll(w->core, s->now);
    for (unsigned to = 0; to < s->config.n_workers; to++) {
        if (to == w->index || !plm_ring_publish(s->rings[w->index][to]) || s->drain_due[w->index][to])
            continue;
        s->drain_due[w->index][to] = true;
        sim_at(s, s->now + RING_WAKE_US, drain_ring, (void *)(uintptr_t)(w->index * SIM_MAX_WORKERS + to));
    }
    if (s->on_turn)
        s->on_turn(s, w->index);
}

bool sim_links_idle(const struct sim *s)
{
    for (unsigned i = 0; i < s->config.n_workers; i++) {
        for (unsigned k = 0; k < s->config.n_workers; k++) {
            if (s->drain_due[i][k])
                return false;
        }
    }
    return true;
}

struct posted {
    unsigned worker;
    struct plm_command *cmd;
};

static void carry_out(struct sim *s, void *arg)
{
    struct posted *p = arg;
    plm_worker_command(s->workers[p->worker].core, p->cmd, s->now);
    after_turn(s, &s->workers[p->worker]);
    free(p);
}

void sim_post(struct sim *s, unsigned worker, struct plm_command *cmd)
{
    struct posted *p = malloc(sizeof *p);
    if (!p)
        abort();
    *p = (struct posted){worker, cmd};
    sim_at(s, s->now + POST_US, carry_out, p);
}

void sim_take_stats(struct sim *s)
{
    for (unsigned i = 0; i < s->config.n_workers; i++) {
        struct plm_command *cmd = calloc(1, sizeof *cmd);
        if (!cmd)
            abort();
        cmd->type = PLM_CMD_STATS;
        plm_worker_command(s->workers[i].core, cmd, s->now);
    }
}

uint64_t sim_counter(const struct sim *s, enum plm_counter c)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->config.n_workers; i++)
        sum += s->workers[i].stats.counters[c];
    return sum;
}

uint64_t sim_drops(const struct sim *s, enum plm_drop d)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < s->config.n_workers; i++)
        sum += s->workers[i].stats.drops[d];
    return sum;
}

uint32_t sim_gauge(const struct sim *s, enum plm_gauge g)
{
    uint32_t sum = 0;
    for (unsigned i = 0; i < s->config.n_workers; i++)
        sum += s->workers[i].stats.gauges[g];
    return sum;
}

static struct sim_worker *next_worker(struct sim *s)
{
    struct sim_worker *next = &s->workers[0];
    for (unsigned i = 1; i < s->config.n_workers; i++) {
        if (s->workers[i].deadline < next->deadline)
            next = &s->workers[i];
    }
    return next;
}

void sim_run_until(struct sim *s, uint64_t at_us)
{
    for (;;) {
        struct sim_worker *w = next_worker(s);
        uint64_t event_at = s->n_heap ? s->heap[0].at : UINT64_MAX;
        uint64_t at = w->deadline < event_at ? w->deadline : event_at;
        if (at > at_us)
            break;
        s->n_events++;
        if (w->deadline < event_at) {
            s->now = w->deadline > s->now ? w->deadline : s->now;
            after_turn(s, w);
            SIM_CHECK(s, w->deadline > s->now || w->deadline == UINT64_MAX, "worker %u does not come to rest",
                w->index);
        } else {
            struct sim_event ev = pop(s);
            s->now = ev.at;
            ev.fn(s, ev.arg);
        }
    }
    s->now = at_us;
}

/* ---- life ---- */

static void random_octets(void *arg, void *buf, size_t len)
{
    struct sim *s = arg;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (uint8_t)(sim_random(s) >> 24);
}

static void create_worker(struct sim *s, unsigned i)
{
    struct sim_worker *w = &s->workers[i];
    w->sim = s;
    w->index = i;
    w->security = sim_security_create(s, sim_random(s));
    struct plm_worker_config c = {
        .index = i,
        .n_workers = s->config.n_workers,
        .limits = s->config.limits,
        .registry = s->registry,
        .security = &sim_security,
        .security_ctx = w->security,
        .io = {.ctx = w,
            .send = io_send,
            .event = io_event,
            .link = io_link,
            .shard = io_shard,
            .gone = io_gone,
            .stats = io_stats,
            .capture = io_capture},
        .unix_offset_us = WALL_OFFSET_US,
    };
    if (plm_worker_create(&w->core, &c, s->now) != 0)
        abort();
    w->deadline = plm_worker_poll(w->core, s->now);
    for (unsigned k = 0; k < s->config.n_workers; k++) {
        if (k != i && plm_ring_create(&s->rings[i][k], RING_OCTETS) != 0)
            abort();
    }
}

void sim_init(struct sim *s, const struct sim_config *config)
{
    memset(s, 0, sizeof *s);
    s->config = *config;
    s->seed = config->seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
    s->now = 1000000;
    s->log_hash = 1;
    if (plm_registry_create(&s->registry, 4096, random_octets, s) != 0)
        abort();
    for (unsigned i = 0; i < config->n_workers; i++)
        create_worker(s, i);
}

void sim_destroy(struct sim *s)
{
    for (unsigned i = 0; i < s->config.n_workers; i++) {
        plm_worker_destroy(s->workers[i].core);
        sim_security_destroy(s->workers[i].security);
        for (unsigned k = 0; k < s->config.n_workers; k++)
            plm_ring_destroy(s->rings[i][k]);
    }
    for (size_t i = 0; i < s->n_ends; i++)
        free(s->ends[i]);
    while (s->n_heap) {
        struct sim_event ev = pop(s);
        if (ev.fn == arrive)
            free(ev.arg);
        if (ev.fn == carry_out) {
            plm_command_free(((struct posted *)ev.arg)->cmd);
            free(ev.arg);
        }
    }
    while (s->free_data) {
        struct sim_event_data *d = s->free_data;
        s->free_data = d->next;
        free(d);
    }
    plm_registry_destroy(s->registry);
    free(s->ends);
    free(s->heap);
    free(s->log);
}
