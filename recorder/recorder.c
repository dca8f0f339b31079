#include "recorder.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "base/u32_map.h"
#include "catalogue.h"

/* A recording that is known: one that runs, or what there is to tell of one that lies on the disk. */
struct entry {
    char id[PLM_RECORDING_ID_SIZE];
    struct plm_recording *running; /* NULL: the rest tells */
    char *key, *name;
    struct plm_control_state told; /* texts point here */
    bool remove;                   /* as soon as nothing is written to it */
    bool wanted;                   /* named by the "sync" that is being looked at */
    uint64_t told_us;
    UT_hash_handle hh;
};

struct plm_recorder {
    struct plm_recorder_env env;
    struct plm_recording_env recordings;
    struct entry *entries;
    struct plm_u32_map rooms; /* room -> struct entry that runs */
    unsigned n_running;
    bool server, changed; /* changed: a room's map or an entry's kind may be old */
    enum plm_disk_level level;
    uint64_t free_bytes;
    uint64_t now_us, busy_us; /* busy: when there was last a server or something to do */
    uint64_t malformed;
};

static void say(struct plm_recorder *r, enum plm_log_level level, const char *id, const char *text)
{
    r->env.log(r->env.ctx, level, id, text);
}

static struct entry *find(struct plm_recorder *r, const char *id)
{
    struct entry *e;
    HASH_FIND_STR(r->entries, id, e);
    return e;
}

static struct entry *add(struct plm_recorder *r, const char *id)
{
    struct entry *e = calloc(1, sizeof(*e));
    if (!e)
        return NULL;
    snprintf(e->id, sizeof(e->id), "%s", id);
    HASH_ADD_STR(r->entries, id, e);
    return e;
}

static void forget(struct plm_recorder *r, struct entry *e)
{
    HASH_DEL(r->entries, e);
    plm_recording_destroy(e->running);
    free(e->key);
    free(e->name);
    free(e);
}

/* ---- to the server ---- */

static void send_state(struct plm_recorder *r, const struct plm_control_state *s)
{
    size_t len = 0;
    char *text = r->server ? plm_control_write_state(s, &len) : NULL;
    if (text)
        r->env.send_control(r->env.ctx, text, len);
    free(text);
}

static void tell(struct plm_recorder *r, struct entry *e)
{
    struct plm_control_state s = e->told;
    e->told_us = r->now_us;
    if (e->running)
        plm_recording_tell(e->running, r->now_us, &s);
    send_state(r, &s);
}

/* Of one that we do not have: so that nobody waits for it. */
static void tell_gone(struct plm_recorder *r, const char *id, enum plm_recording_reason reason)
{
    const struct plm_control_state s = {
        .id = id, .key = "", .name = "", .state = PLM_RECORDING_FAILED, .reason = reason};
    send_state(r, &s);
}

static void tell_disk(struct plm_recorder *r)
{
    size_t len = 0;
    char *text = r->server ? plm_control_write_disk(r->level, r->free_bytes, &len) : NULL;
    if (text)
        r->env.send_control(r->env.ctx, text, len);
    free(text);
}

/* ---- from recordings ---- */

static void on_demand(
    void *ctx, uint32_t link, const struct plm_link_header *h, const struct plm_link_demand *d)
{
    struct plm_recorder *r = ctx;
    r->env.send(r->env.ctx, link, h, d);
}

static void on_changed(void *ctx, struct plm_recording *recording)
{
    struct plm_recorder *r = ctx;
    struct entry *e = find(r, plm_recording_id(recording));
    r->changed = true;
    if (e && e->running)
        tell(r, e);
}

static void on_log(void *ctx, const char *id, const char *text)
{
    say(ctx, PLM_LOG_INFO, id, text);
}

static void on_written(void *ctx, const char *id, const char *run, uint64_t n)
{
    struct plm_recorder *r = ctx;
    size_t len = 0;
    char *text = r->server ? plm_control_write_written(id, run, n, &len) : NULL;
    if (text)
        r->env.send_control(r->env.ctx, text, len);
    free(text);
}

/* ---- what has changed ---- */

static void log_figures(struct plm_recorder *r, const struct plm_recording *recording)
{
    struct plm_recording_stats s;
    char text[256];
    plm_recording_stats(recording, &s);
    snprintf(text, sizeof(text),
        "%" PRIu64 " packets, %" PRIu64 " lost, %" PRIu64 " frames, %" PRIu64 " broken, %" PRIu64
        " key frames asked for, %" PRIu64 " clock jumps, %" PRIu64 " refused by the disk, %" PRIu64
        " malformed",
        s.streams.packets, s.streams.lost, s.streams.frames, s.streams.frames_broken,
        s.streams.keyframes_asked, s.streams.clock_jumps, s.refused, s.malformed + s.streams.malformed);
    say(r, PLM_LOG_INFO, plm_recording_id(recording), text);
}

/* A recording that is over becomes what there is to tell of it. */
static bool retire(struct plm_recorder *r, struct entry *e)
{
    plm_recording_tell(e->running, r->now_us, &e->told);
    e->key = strdup(e->told.key);
    e->name = strdup(e->told.name);
    log_figures(r, e->running);
    plm_recording_destroy(e->running);
    e->running = NULL;
    r->n_running--;
    e->told.id = e->id;
    e->told.key = e->key ? e->key : "";
    e->told.name = e->name ? e->name : "";
    return e->remove;
}

static void remove_folder(struct plm_recorder *r, struct entry *e)
{
    e->remove = true;
    if (r->env.disk->remove(r->env.disk->ctx, e->id))
        say(r, PLM_LOG_WARN, e->id, "cannot be removed now");
}

static void map_room(struct plm_recorder *r, struct entry *e)
{
    uint32_t room = plm_recording_room(e->running);
    if (room && plm_u32_map_set(&r->rooms, room, e))
        say(r, PLM_LOG_ERROR, e->id, "no memory for its room");
}

/* After whatever may have changed states: never within a recording's own call. */
static void settle(struct plm_recorder *r)
{
    struct entry *e, *next;
    while (r->changed) {
        r->changed = false;
        plm_u32_map_destroy(&r->rooms);
        plm_u32_map_init(&r->rooms);
        HASH_ITER (hh, r->entries, e, next) {
            if (e->running && plm_recording_is_over(e->running) && retire(r, e))
                remove_folder(r, e);
            else if (e->running)
                map_room(r, e);
        }
    }
    if (r->server || r->n_running)
        r->busy_us = r->now_us;
}

/* ---- begin ---- */

int plm_recorder_create(struct plm_recorder **out, const struct plm_recorder_env *env)
{
    struct plm_recorder *r = calloc(1, sizeof(*r));
    if (!r)
        return PLM_ENOMEM;
    r->env = *env;
    r->recordings =
        (struct plm_recording_env){r, env->disk, env->boot_id, on_demand, on_changed, on_log, on_written};
    plm_u32_map_init(&r->rooms);
    *out = r;
    return 0;
}

void plm_recorder_destroy(struct plm_recorder *r)
{
    struct entry *e, *next;
    if (!r)
        return;
    plm_recorder_leave(r, r->now_us);
    r->server = false;
    HASH_ITER (hh, r->entries, e, next)
        forget(r, e);
    plm_u32_map_destroy(&r->rooms);
    free(r);
}

/* What a manifest tells. @return false: it is none */
static bool load_finished(struct plm_recorder *r, int dir_fd, const char *id)
{
    char *text = NULL;
    size_t len = 0;
    if (plm_catalogue_read(&text, &len, dir_fd, id, PLM_RECORDING_MANIFEST))
        return false;
    json_t *o = plm_json_read(text, len);
    const char *key = plm_json_string(o, "key"), *name = plm_json_string(o, "name"),
               *reason = plm_json_string(o, "reason");
    struct entry *e = key && name ? add(r, id) : NULL;
    free(text);
    if (e) {
        size_t files = json_array_size(json_object_get(o, "files"));
        enum plm_recording_reason why = plm_recording_reason_from(reason ? reason : "");
        e->key = strdup(key);
        e->name = strdup(name);
        e->told = (struct plm_control_state){
            .id = e->id,
            .key = e->key ? e->key : "",
            .name = e->name ? e->name : "",
            .state = files ? PLM_RECORDING_READY : PLM_RECORDING_FAILED,
            .reason = why < PLM_RECORDING_REASON_COUNT ? why : PLM_RECORDING_NO_REASON,
            .started_ms = (uint64_t)plm_json_int(o, "started_ms", 0),
            .bytes = (uint64_t)plm_json_int(o, "bytes", 0),
            .duration_us = plm_json_int(o, "duration_us", 0),
            .files = (uint32_t)files,
        };
    }
    json_decref(o);
    return e != NULL;
}

static int load_unfinished(struct plm_recorder *r, int dir_fd, const char *id, uint64_t now_us)
{
    struct plm_catalogue_names names = {0};
    char *text = NULL;
    size_t len = 0;
    struct entry *e = NULL;
    int rc = plm_catalogue_read(&text, &len, dir_fd, id, PLM_RECORDING_JOURNAL);
    if (!rc)
        rc = plm_catalogue_list(&names, dir_fd, id);
    if (!rc && !(e = add(r, id)))
        rc = PLM_ENOMEM;
    if (!rc)
        rc = plm_recording_restore(&e->running, &r->recordings, text, len, names.names, names.n, now_us);
    if (rc && e)
        forget(r, e);
    else if (!rc)
        r->n_running++;
    free(text);
    plm_catalogue_names_free(&names);
    return rc;
}

int plm_recorder_load(struct plm_recorder *r, int dir_fd, uint64_t now_us)
{
    struct plm_catalogue_names ids;
    r->now_us = r->busy_us = now_us;
    int rc = plm_catalogue_list(&ids, dir_fd, NULL);
    if (rc)
        return rc;
    for (size_t i = 0; i < ids.n; i++) {
        if (load_finished(r, dir_fd, ids.names[i]))
            continue;
        rc = load_unfinished(r, dir_fd, ids.names[i], now_us);
        if (rc) /* a folder without a journal is not ours to touch */
            say(r, PLM_LOG_WARN, ids.names[i], plm_strerror(rc));
    }
    plm_catalogue_names_free(&ids);
    r->changed = true;
    settle(r);
    return 0;
}

/* ---- the server ---- */

void plm_recorder_on_server(struct plm_recorder *r, bool there, uint64_t now_us)
{
    struct entry *e, *next;
    r->now_us = now_us;
    say(r, PLM_LOG_INFO, NULL, there ? "a server is there" : "the server is gone");
    r->server = there;
    r->busy_us = now_us;
    if (there)
        tell_disk(r);
    HASH_ITER (hh, r->entries, e, next)
        if (!there && e->running)
            plm_recording_detach(e->running, now_us);
    r->changed = true;
    settle(r);
}

static void begin(struct plm_recorder *r, const struct plm_control *c)
{
    if (r->level >= PLM_DISK_REFUSE || r->n_running >= PLM_RECORDER_MAX_RUNNING) {
        tell_gone(r, c->id, r->level >= PLM_DISK_REFUSE ? PLM_RECORDING_DISK_FULL : PLM_RECORDING_NO_REASON);
        return;
    }
    struct entry *e = add(r, c->id);
    int rc = e ? plm_recording_create(&e->running, &r->recordings, c, r->now_us) : PLM_ENOMEM;
    if (rc) {
        say(r, PLM_LOG_ERROR, c->id, plm_strerror(rc));
        if (e)
            forget(r, e);
        tell_gone(r, c->id, PLM_RECORDING_DISK_ERROR);
        return;
    }
    r->n_running++;
    plm_recording_on_disk(e->running, r->level, r->now_us);
    plm_recording_attach(e->running, c, r->now_us);
}

static void on_start(struct plm_recorder *r, const struct plm_control *c)
{
    struct entry *e = find(r, c->id);
    if (!e) {
        begin(r, c);
    } else if (!e->running) {
        tell(r, e);
    } else {
        plm_recording_on_disk(e->running, r->level, r->now_us);
        plm_recording_attach(e->running, c, r->now_us);
        tell(r, e);
    }
    r->changed = true;
}

static void on_event(struct plm_recorder *r, const struct plm_control *c)
{
    struct entry *e = find(r, c->id);
    if (e && e->running)
        plm_recording_on_event(e->running, c);
}

static void on_stop(struct plm_recorder *r, const struct plm_control *c)
{
    struct entry *e = find(r, c->id);
    if (!e)
        tell_gone(r, c->id, c->reason);
    else if (e->running)
        plm_recording_end(e->running, c->reason, r->now_us);
    else
        tell(r, e);
}

static void on_delete(struct plm_recorder *r, const struct plm_control *c)
{
    struct entry *e = find(r, c->id);
    if (!e) {
        tell_gone(r, c->id, PLM_RECORDING_DELETED);
    } else if (e->running) {
        e->remove = true;
        plm_recording_end(e->running, PLM_RECORDING_DELETED, r->now_us);
    } else {
        remove_folder(r, e);
    }
}

static void on_sync(struct plm_recorder *r, const struct plm_control *c)
{
    struct entry *e, *next;
    for (size_t i = 0; i < c->n_ids; i++)
        if ((e = find(r, c->ids[i])))
            e->wanted = true;
    HASH_ITER (hh, r->entries, e, next) {
        if (e->running && !e->wanted)
            plm_recording_end(e->running, PLM_RECORDING_ENDED, r->now_us);
        e->wanted = false;
    }
    settle(r);
    HASH_ITER (hh, r->entries, e, next)
        tell(r, e);
}

void plm_recorder_on_control(struct plm_recorder *r, const char *text, size_t len, uint64_t now_us)
{
    struct plm_control c;
    r->now_us = now_us;
    int rc = plm_control_parse(&c, text, len);
    if (rc) {
        r->malformed++;
        say(r, PLM_LOG_WARN, NULL, "a control message makes no sense");
        return;
    }
    static void (*const on[])(struct plm_recorder * r, const struct plm_control *c) = {
        [PLM_CONTROL_START] = on_start,
        [PLM_CONTROL_EVENT] = on_event,
        [PLM_CONTROL_STOP] = on_stop,
        [PLM_CONTROL_DELETE] = on_delete,
        [PLM_CONTROL_SYNC] = on_sync,
    };
    if (on[c.op])
        on[c.op](r, &c);
    plm_control_free(&c);
    settle(r);
}

void plm_recorder_on_frame(struct plm_recorder *r, uint32_t link, const struct plm_link_header *h,
    const uint8_t *body, uint64_t now_us)
{
    struct entry *e = h->room ? plm_u32_map_find(&r->rooms, h->room) : NULL;
    r->now_us = now_us;
    if (!e) {
        r->malformed++;
        return;
    }
    plm_recording_on_frame(e->running, link, h, body, now_us);
    if (r->changed)
        settle(r);
}

void plm_recorder_on_link_gone(struct plm_recorder *r, uint32_t link, uint64_t now_us)
{
    struct entry *e, *next;
    r->now_us = now_us;
    HASH_ITER (hh, r->entries, e, next)
        if (e->running)
            plm_recording_on_link_gone(e->running, link, now_us);
    settle(r);
}

/* ---- the disk ---- */

static void on_level(struct plm_recorder *r, const struct plm_writer_event *ev)
{
    struct entry *e, *next;
    char text[96];
    r->level = ev->level;
    r->free_bytes = ev->free_bytes;
    snprintf(text, sizeof(text), "disk: %s, %" PRIu64 " MB free", plm_disk_level_name(r->level),
        r->free_bytes >> 20);
    say(r, r->level == PLM_DISK_OK ? PLM_LOG_INFO : PLM_LOG_WARN, NULL, text);
    tell_disk(r);
    HASH_ITER (hh, r->entries, e, next)
        if (e->running)
            plm_recording_on_disk(e->running, r->level, r->now_us);
}

static void on_removed(struct plm_recorder *r, struct entry *e, int error)
{
    if (error) {
        say(r, PLM_LOG_ERROR, e->id, plm_strerror(error));
        return;
    }
    say(r, PLM_LOG_INFO, e->id, "removed");
    tell_gone(r, e->id, PLM_RECORDING_DELETED);
    forget(r, e);
}

void plm_recorder_on_writer(struct plm_recorder *r, const struct plm_writer_event *ev, uint64_t now_us)
{
    struct entry *e = find(r, ev->id);
    r->now_us = now_us;
    if (ev->type == PLM_WRITER_DISK)
        on_level(r, ev);
    else if (e && ev->type == PLM_WRITER_REMOVED && !e->running)
        on_removed(r, e, ev->error);
    else if (e && e->running)
        plm_recording_on_writer(e->running, ev, now_us);
    if (ev->type == PLM_WRITER_FAILED) {
        char text[160];
        snprintf(text, sizeof(text), "%s: %s", ev->name, plm_strerror(ev->error));
        say(r, PLM_LOG_ERROR, ev->id, text);
    }
    settle(r);
}

/* ---- time ---- */

void plm_recorder_poll(struct plm_recorder *r, uint64_t now_us)
{
    struct entry *e, *next;
    r->now_us = now_us;
    HASH_ITER (hh, r->entries, e, next) {
        if (!e->running)
            continue;
        plm_recording_poll(e->running, now_us);
        if (now_us >= e->told_us + PLM_RECORDER_TELL_US)
            tell(r, e);
    }
    settle(r);
}

void plm_recorder_leave(struct plm_recorder *r, uint64_t now_us)
{
    struct entry *e, *next;
    r->now_us = now_us;
    HASH_ITER (hh, r->entries, e, next)
        if (e->running)
            plm_recording_leave(e->running, now_us);
}

uint64_t plm_recorder_idle_since(const struct plm_recorder *r)
{
    return r->server || r->n_running ? UINT64_MAX : r->busy_us;
}

void plm_recorder_stats(const struct plm_recorder *r, struct plm_recorder_stats *out)
{
    *out = (struct plm_recorder_stats){
        .known = HASH_COUNT(r->entries), .running = r->n_running, .malformed = r->malformed};
    for (const struct entry *e = r->entries; e; e = e->hh.next) {
        struct plm_recording_stats s;
        if (!e->running)
            continue;
        plm_recording_stats(e->running, &s);
        out->running_stats.tracks += s.tracks;
        out->running_stats.pairs += s.pairs;
        out->running_stats.files_open += s.files_open;
        out->running_stats.refused += s.refused;
        out->running_stats.malformed += s.malformed;
        out->running_stats.streams.packets += s.streams.packets;
        out->running_stats.streams.lost += s.streams.lost;
        out->running_stats.streams.frames += s.streams.frames;
        out->running_stats.streams.frames_broken += s.streams.frames_broken;
    }
}
