#include "recorder_link.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "logger.h"
#include "recorder_conn.h"
#include "recorder_process.h"
#include "recorder_queue.h"

#define WORK_MS       100
#define SOON_MS       100 /* between tries to reach a recorder that was just started */
#define FEED_RETRY_MS 500

/** A recording that signalling holds to be running, or one that ended before any recorder heard of it. */
struct recording {
    struct recording *next;
    char id[PLM_RECORDING_ID_SIZE];
    char *key, *name;
    plm_room_id room; /* 0: its meeting has none at present */
    uint64_t mono_us, unix_ms, asked_ms, bytes;
    uint32_t limit_s;
    bool told;    /* to the recorder that is connected */
    bool known;   /* some recorder has confirmed it */
    bool offered; /* a recorder may have it, and tells of its end whenever it comes back */
    bool fed, paused, stopped;
};

/** The way of one worker's packets. */
struct feed {
    struct plm_recorder_link *link;
    struct plm_recorder_conn *conn; /* while it is being made */
    bool given;                     /* the engine has it */
    uint64_t due_ms;
};

struct plm_recorder_link {
    uv_loop_t *loop;
    struct plm_recorder_config config;
    struct plm_recorder_host host;
    struct plm_recorder_process *process; /* NULL: somebody else's affair */
    struct plm_recorder_conn *control;
    bool up, closed;
    bool wanted;   /* once there is something to record, a recorder is kept running */
    bool sync_due; /* the recorder has not been told which recordings run */
    uint64_t epoch, due_ms, heard_ms;
    char run[PLM_RECORDING_RUN_SIZE]; /* the epoch, as events name it */
    uint64_t last_event;              /* its number */
    uv_timer_t timer;
    struct feed *feeds;
    struct recording *recordings;
    struct plm_recorder_queue waiting;
    enum plm_recorder_disk disk;
    uint64_t disk_free, bad_messages;
};

static uint64_t clock_us(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* ---- recordings ---- */

static struct recording *find(const struct plm_recorder_link *l, const char *id)
{
    struct recording *r = l->recordings;
    while (r && strcmp(r->id, id) != 0)
        r = r->next;
    return r;
}

static void free_recording(struct recording *r)
{
    free(r->key);
    free(r->name);
    free(r);
}

static void forget(struct plm_recorder_link *l, struct recording *r)
{
    struct recording **p = &l->recordings;
    while (*p != r)
        p = &(*p)->next;
    *p = r->next;
    free_recording(r);
}

static void set_fed(struct plm_recorder_link *l, struct recording *r, bool fed)
{
    if (r->fed == fed)
        return;
    if (r->room)
        l->host.room_feed(
            l->host.ctx, r->room, fed); /* a room that has gone meanwhile is fed no more anyway */
    r->fed = fed;
}

/** What no recorder tells, because there is none. */
static void tell_without_recorder(
    struct plm_recorder_link *l, const struct recording *r, enum plm_recording_state state)
{
    struct plm_recording_news news = {.id = r->id,
        .key = r->key,
        .name = r->name,
        .state = state,
        .reason = PLM_RECORDING_NO_RECORDER,
        .started_ms = r->unix_ms,
        .bytes = r->bytes};
    l->host.news(l->host.ctx, &news);
}

/* ---- the control connection ---- */

/* To be made when it is sent: an older one would end what was started since. */
static struct plm_text *sync_text(const struct plm_recorder_link *l)
{
    size_t n = 0, k = 0;
    for (const struct recording *r = l->recordings; r; r = r->next)
        n++;
    const char **ids = calloc(n + 1, sizeof(char *));
    for (const struct recording *r = l->recordings; ids && r; r = r->next)
        if (!r->stopped)
            ids[k++] = r->id;
    struct plm_text *text = ids ? plm_recorder_msg_sync(ids, k) : NULL;
    free(ids);
    return text;
}

static int send_now(struct plm_recorder_link *l, struct plm_text *text)
{
    int err = text ? plm_recorder_conn_send(l->control, text->data, text->len) : PLM_ENOMEM;
    plm_text_unref(text);
    return err;
}

static void pump(struct plm_recorder_link *l)
{
    struct plm_text *text;
    while (l->up && (text = plm_recorder_queue_next(&l->waiting))) {
        int err = plm_recorder_conn_send(l->control, text->data, text->len);
        if (err == PLM_EFULL && text->len <= PLM_LINK_MAX_BODY)
            return; /* goes on when it has drained */
        if (err)
            plm_recorder_queue_lose(&l->waiting);
        else
            plm_recorder_queue_sent(&l->waiting);
    }
    if (l->up && l->sync_due) /* behind the events and ends that waited */
        l->sync_due = send_now(l, sync_text(l)) != 0;
}

static void add(struct plm_recorder_link *l, const struct plm_recorder_waits *waits)
{
    plm_recorder_queue_add(&l->waiting, waits);
    pump(l);
}

static struct plm_text *start_text(const struct recording *r)
{
    const struct plm_recorder_start start = {.id = r->id,
        .key = r->key,
        .name = r->name,
        .room = r->room,
        .mono_us = r->mono_us,
        .unix_ms = r->unix_ms,
        .limit_s = r->limit_s};
    return plm_recorder_msg_start(&start);
}

static void lose_recorder(struct plm_recorder_link *l)
{
    bool was_up = l->up;
    plm_recorder_conn_close(l->control);
    l->control = NULL;
    l->up = false;
    plm_recorder_queue_again(&l->waiting);
    for (unsigned i = 0; i < l->config.n_workers; i++) {
        struct feed *f = &l->feeds[i];
        plm_recorder_conn_close(f->conn);
        f->conn = NULL;
        if (f->given)
            l->host.feed(l->host.ctx, i, -1);
        f->given = false;
    }
    for (struct recording *r = l->recordings; r; r = r->next) {
        set_fed(l, r, false);
        r->told = false;
        r->asked_ms = uv_now(l->loop);
    }
    l->due_ms = uv_now(l->loop) + SOON_MS;
    if (!was_up)
        return;
    plm_log(PLM_LOG_WARN, "rec", "the recorder cannot be reached");
    /* A list that signalling may change meanwhile: one at a time, from its beginning. */
    for (struct recording *r = l->recordings; r;) {
        if (r->stopped || r->paused) {
            r = r->next;
            continue;
        }
        r->paused = true;
        tell_without_recorder(l, r, PLM_RECORDING_PAUSED);
        r = l->recordings;
    }
}

static void on_control_ready(struct plm_recorder_conn *c, void *arg)
{
    struct plm_recorder_link *l = arg;
    int err = 0;
    (void)c;
    l->heard_ms = uv_now(l->loop);
    for (struct recording *r = l->recordings; r && !err; r = r->next) {
        if (r->stopped)
            continue;
        err = send_now(l, start_text(r));
        r->told = r->offered = true;
    }
    if (err) {
        plm_log(PLM_LOG_ERROR, "rec", "cannot speak to the recorder: %s", plm_strerror(err));
        lose_recorder(l);
        return;
    }
    plm_log(PLM_LOG_INFO, "rec", "connected to the recorder");
    l->up = true;
    l->sync_due = true;
    pump(l);
    for (unsigned i = 0; i < l->config.n_workers; i++)
        l->feeds[i].due_ms = 0;
}

static void on_state(struct plm_recorder_link *l, const struct plm_recording_news *news)
{
    struct recording *r = find(l, news->id);
    if (r && !r->stopped) {
        r->bytes = news->bytes;
        r->known = true;
        r->paused = news->state == PLM_RECORDING_PAUSED;
        set_fed(l, r, r->told && (news->state == PLM_RECORDING_ON || r->paused));
        if (news->state > PLM_RECORDING_PAUSED)
            forget(l, r); /* the recorder ended it: the limit, the disk */
    }
    if (news->state >= PLM_RECORDING_READY)
        plm_recorder_queue_over(&l->waiting, news->id);
    l->host.news(l->host.ctx, news);
}

static void on_control_message(struct plm_recorder_conn *c, void *arg, const char *text, size_t len)
{
    struct plm_recorder_link *l = arg;
    struct plm_recorder_msg m;
    (void)c;
    l->heard_ms = uv_now(l->loop);
    if (plm_recorder_msg_parse(&m, text, len) != 0) {
        l->bad_messages++;
        plm_log(PLM_LOG_WARN, "rec", "the recorder sent a message that cannot be read");
        return;
    }
    if (m.op == PLM_RECORDER_OP_STATE) {
        on_state(l, &m.news);
    } else if (m.op == PLM_RECORDER_OP_DISK) {
        if (m.level != l->disk)
            plm_log(m.level > PLM_RECORDER_DISK_OK ? PLM_LOG_WARN : PLM_LOG_INFO, "rec",
                "space for recordings: %s, %llu MB free", plm_recorder_disk_name(m.level),
                (unsigned long long)(m.free >> 20));
        l->disk = m.level;
        l->disk_free = m.free;
    } else if (m.op == PLM_RECORDER_OP_WRITTEN && strcmp(m.run, l->run) == 0) {
        plm_recorder_queue_written(&l->waiting, m.id, m.n);
    }
    plm_recorder_msg_clear(&m);
}

static void on_control_drain(struct plm_recorder_conn *c, void *arg)
{
    (void)c;
    pump(arg);
}

static void on_control_end(struct plm_recorder_conn *c, void *arg, int error)
{
    struct plm_recorder_link *l = arg;
    (void)c;
    l->control = NULL;
    if (error)
        plm_log(PLM_LOG_WARN, "rec", "control connection: %s", plm_strerror(error));
    lose_recorder(l);
}

static struct plm_link_hello hello(
    const struct plm_recorder_link *l, enum plm_link_role role, unsigned worker)
{
    return (struct plm_link_hello){.magic = PLM_LINK_MAGIC,
        .version = PLM_LINK_VERSION,
        .role = (uint8_t)role,
        .worker = (uint8_t)worker,
        .epoch = l->epoch};
}

static void connect_control(struct plm_recorder_link *l)
{
    static const struct plm_recorder_conn_events events = {
        on_control_ready, on_control_message, on_control_drain, on_control_end};
    const struct plm_link_hello h = hello(l, PLM_LINK_ROLE_CONTROL, 0);
    int err = plm_recorder_conn_open(&l->control, l->loop, l->config.socket, &h, &events, l);
    if (!err)
        return;
    l->wanted |= l->recordings || l->waiting.n;
    bool start = l->process && l->wanted;
    if (start)
        plm_recorder_process_want(l->process);
    l->due_ms = uv_now(l->loop) + (start ? SOON_MS : PLM_RECORDER_RETRY_MS);
}

/* ---- feeds ---- */

static void on_feed_ready(struct plm_recorder_conn *c, void *arg)
{
    struct feed *f = arg;
    struct plm_recorder_link *l = f->link;
    f->conn = NULL;
    int err = l->host.feed(l->host.ctx, (unsigned)(f - l->feeds), plm_recorder_conn_release(c));
    f->given = err == 0;
    f->due_ms = uv_now(l->loop) + FEED_RETRY_MS;
    if (err)
        plm_log(PLM_LOG_ERROR, "rec", "worker %u cannot be recorded: %s", (unsigned)(f - l->feeds),
            plm_strerror(err));
}

/** Nothing is read of it before it is given away. */
static void on_feed_message(struct plm_recorder_conn *c, void *arg, const char *text, size_t len)
{
    (void)c;
    (void)arg;
    (void)text;
    (void)len;
}

static void on_feed_drain(struct plm_recorder_conn *c, void *arg)
{
    (void)c;
    (void)arg;
}

static void on_feed_end(struct plm_recorder_conn *c, void *arg, int error)
{
    struct feed *f = arg;
    (void)c;
    f->conn = NULL;
    f->due_ms = uv_now(f->link->loop) + FEED_RETRY_MS;
    plm_log(PLM_LOG_WARN, "rec", "worker %u's connection to the recorder: %s", (unsigned)(f - f->link->feeds),
        error ? plm_strerror(error) : "closed");
}

static void connect_feed(struct plm_recorder_link *l, struct feed *f)
{
    static const struct plm_recorder_conn_events events = {
        on_feed_ready, on_feed_message, on_feed_drain, on_feed_end};
    const struct plm_link_hello h = hello(l, PLM_LINK_ROLE_WORKER, (unsigned)(f - l->feeds));
    if (plm_recorder_conn_open(&f->conn, l->loop, l->config.socket, &h, &events, f) != 0)
        f->due_ms = uv_now(l->loop) + FEED_RETRY_MS;
}

void plm_recorder_link_on_feed(struct plm_recorder_link *l, unsigned worker)
{
    if (worker >= l->config.n_workers)
        return;
    struct feed *f = &l->feeds[worker];
    f->given = false;
    f->due_ms = uv_now(l->loop) + FEED_RETRY_MS;
}

/* ---- what is due ---- */

static bool is_running(const struct plm_recorder_link *l)
{
    for (const struct recording *r = l->recordings; r; r = r->next)
        if (r->told && r->known)
            return true;
    return false;
}

/** News that cannot be told when they come about, because signalling is in the middle of something. */
static void tell_late(struct plm_recorder_link *l)
{
    uint64_t now = uv_now(l->loop);
    for (struct recording *r = l->recordings; r;) {
        bool ended = r->stopped, missed = !l->up && !r->paused && now - r->asked_ms >= PLM_RECORDER_MISSED_MS;
        if (!ended && !missed) {
            r = r->next;
            continue;
        }
        if (ended) {
            struct recording copy = *r;
            struct recording **p = &l->recordings;
            while (*p != r)
                p = &(*p)->next;
            *p = r->next;
            tell_without_recorder(l, &copy, PLM_RECORDING_FAILED);
            free_recording(r);
        } else {
            r->paused = true;
            tell_without_recorder(l, r, PLM_RECORDING_PAUSED);
        }
        r = l->recordings;
    }
}

static void work(uv_timer_t *timer)
{
    struct plm_recorder_link *l = timer->data;
    uint64_t now = uv_now(l->loop);
    if (!l->control && now >= l->due_ms)
        connect_control(l);
    if (l->up && is_running(l) && now - l->heard_ms >= PLM_RECORDER_SILENCE_MS) {
        plm_log(
            PLM_LOG_ERROR, "rec", "the recorder has said nothing for %d s", PLM_RECORDER_SILENCE_MS / 1000);
        lose_recorder(l);
    }
    for (unsigned i = 0; l->up && i < l->config.n_workers; i++) {
        struct feed *f = &l->feeds[i];
        if (!f->given && !f->conn && now >= f->due_ms)
            connect_feed(l, f);
    }
    tell_late(l);
}

/* ---- the port ---- */

static int set_text(char **at, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return PLM_ENOMEM;
    free(*at);
    *at = copy;
    return 0;
}

static struct recording *new_recording(const struct plm_recorder_link *l, const struct plm_recording_start *s)
{
    struct recording *r = calloc(1, sizeof(*r));
    if (!r || set_text(&r->key, s->key) != 0 || set_text(&r->name, s->name) != 0) {
        if (r)
            free_recording(r);
        return NULL;
    }
    memcpy(r->id, s->id, sizeof(r->id));
    /* Both clocks at its very beginning, which may lie before this server's. */
    uint64_t mono_us = clock_us(CLOCK_MONOTONIC), unix_ms = clock_us(CLOCK_REALTIME) / 1000;
    uint64_t age_us = s->started_ms && s->started_ms < unix_ms ? (unix_ms - s->started_ms) * 1000 : 0;
    r->mono_us = age_us < mono_us ? mono_us - age_us : 0;
    r->unix_ms = s->started_ms ? s->started_ms : unix_ms;
    r->asked_ms = uv_now(l->loop);
    return r;
}

static void tell_start(struct plm_recorder_link *l, struct recording *r)
{
    if (!l->up)
        return; /* all are told when it comes */
    r->told = r->offered = true;
    add(l, &(struct plm_recorder_waits){start_text(r), PLM_RECORDER_START, r->id, 0});
}

static int port_start(void *ctx, const struct plm_recording_start *s)
{
    struct plm_recorder_link *l = ctx;
    if (!plm_recording_id_valid(s->id))
        return PLM_EINVAL;
    struct recording *r = find(l, s->id);
    if (!r) {
        if (l->disk >= PLM_RECORDER_DISK_REFUSE)
            return PLM_EFULL;
        if (!(r = new_recording(l, s)))
            return PLM_ENOMEM;
        r->next = l->recordings;
        l->recordings = r;
    } else {
        if (set_text(&r->key, s->key) != 0 || set_text(&r->name, s->name) != 0)
            return PLM_ENOMEM;
        if (r->room != s->room)
            set_fed(l, r, false);
        r->stopped = false;
    }
    r->room = s->room;
    r->offered |= s->goes_on;
    r->limit_s = s->limit_s ? s->limit_s : PLM_RECORDING_LIMIT_S;
    tell_start(l, r);
    return 0;
}

static void port_stop(void *ctx, const char *id, enum plm_recording_reason reason)
{
    struct plm_recorder_link *l = ctx;
    struct recording *r = find(l, id);
    if (!plm_recording_id_valid(id))
        return;
    if (r) {
        set_fed(l, r, false);
        r->stopped = !r->offered; /* nobody will tell of its end */
        if (!r->stopped)
            forget(l, r);
    }
    struct plm_text *text = reason == PLM_RECORDING_DELETED
                                ? plm_recorder_msg_delete(id)
                                : plm_recorder_msg_stop(id, clock_us(CLOCK_MONOTONIC), reason);
    add(l, &(struct plm_recorder_waits){text, PLM_RECORDER_ORDER, id, 0});
}

static void port_room(void *ctx, const char *id, plm_room_id room)
{
    struct plm_recorder_link *l = ctx;
    struct recording *r = find(l, id);
    if (!r || r->room == room)
        return;
    set_fed(l, r, false);
    r->room = room;
    if (room && !r->stopped)
        tell_start(l, r); /* fed when it is confirmed */
}

static void port_event(void *ctx, const char *id, struct plm_text *json)
{
    struct plm_recorder_link *l = ctx;
    bool chat = false;
    if (!plm_recording_id_valid(id))
        return;
    const struct plm_recorder_event e = {id, l->run, ++l->last_event, clock_us(CLOCK_MONOTONIC), json};
    struct plm_text *text = plm_recorder_msg_event(&e, &chat);
    add(l, &(struct plm_recorder_waits){text, chat ? PLM_RECORDER_CHAT : PLM_RECORDER_EVENT, id, e.n});
}

static void port_remove(void *ctx, const char *id)
{
    port_stop(ctx, id, PLM_RECORDING_DELETED);
}

void plm_recorder_link_port(struct plm_recorder_link *l, struct plm_recording_port *out)
{
    *out = (struct plm_recording_port){.ctx = l,
        .start = port_start,
        .stop = port_stop,
        .room = port_room,
        .event = port_event,
        .remove = port_remove};
}

/* ---- what others want to know ---- */

void plm_recorder_link_stats(const struct plm_recorder_link *l, struct plm_recorder_link_stats *out)
{
    *out = (struct plm_recorder_link_stats){.up = l->up,
        .waiting = (uint32_t)l->waiting.n,
        .starts = l->process ? plm_recorder_process_starts(l->process) : 0,
        .lost_events = l->waiting.lost,
        .bad_messages = l->bad_messages,
        .disk = l->disk,
        .disk_free = l->disk_free};
    for (const struct recording *r = l->recordings; r; r = r->next) {
        out->running += !r->stopped;
        out->bytes += r->bytes;
    }
    for (unsigned i = 0; i < l->config.n_workers; i++)
        out->feeds += l->feeds[i].given;
}

/* ---- life ---- */

/* It is looked at once, before anything runs. */
static bool has_entries(const char *dir)
{
    DIR *d = opendir(dir);
    const struct dirent *e;
    bool any = false;
    while (d && !any && (e = readdir(d)))
        any = e->d_name[0] != '.';
    if (d)
        closedir(d);
    return any;
}

int plm_recorder_link_create(struct plm_recorder_link **out, uv_loop_t *loop,
    const struct plm_recorder_config *config, const struct plm_recorder_host *host)
{
    const struct plm_recorder_process_config p = {
        config->program, config->dir, config->socket, config->log_level};
    struct plm_recorder_link *l = calloc(1, sizeof(*l));
    struct feed *feeds = calloc(config->n_workers, sizeof(*feeds));
    if (!l || !feeds || (config->supervise && plm_recorder_process_create(&l->process, loop, &p) != 0)) {
        free(l);
        free(feeds);
        return PLM_ENOMEM;
    }
    l->loop = loop;
    l->config = *config;
    l->host = *host;
    l->feeds = feeds;
    l->wanted = config->eager || has_entries(config->dir);
    for (unsigned i = 0; i < config->n_workers; i++)
        feeds[i].link = l;
    host->random(&l->epoch, sizeof(l->epoch));
    snprintf(l->run, sizeof(l->run), "%016" PRIx64, l->epoch);
    plm_recorder_queue_init(&l->waiting, PLM_RECORDER_MAX_WAITING);
    uv_timer_init(loop, &l->timer);
    l->timer.data = l;
    uv_timer_start(&l->timer, work, 0, WORK_MS);
    *out = l;
    return 0;
}

void plm_recorder_link_close(struct plm_recorder_link *l)
{
    if (!l || l->closed)
        return;
    l->closed = true;
    plm_recorder_conn_close(l->control);
    for (unsigned i = 0; i < l->config.n_workers; i++)
        plm_recorder_conn_close(l->feeds[i].conn);
    l->control = NULL;
    l->up = false;
    plm_recorder_process_leave(l->process);
    l->process = NULL;
    uv_close((uv_handle_t *)&l->timer, NULL);
}

void plm_recorder_link_destroy(struct plm_recorder_link *l)
{
    if (!l)
        return;
    while (l->recordings)
        forget(l, l->recordings);
    plm_recorder_queue_destroy(&l->waiting);
    free(l->feeds);
    free(l);
}
