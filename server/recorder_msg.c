#include "recorder_msg.h"

#include "json_text.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 1024 /* octets of a room's key or name: far more than signalling allows */

static const char *const levels[PLM_RECORDER_DISK_COUNT] = {"ok", "warn", "refuse", "stop"};

const char *plm_recorder_disk_name(enum plm_recorder_disk level)
{
    return level < PLM_RECORDER_DISK_COUNT ? levels[level] : "unknown";
}

/* ---- to the recorder ---- */

struct plm_text *plm_recorder_msg_start(const struct plm_recorder_start *start)
{
    return plm_json_text(json_pack("{s:s, s:s, s:I, s:s, s:s, s:I, s:I, s:I}", "op", "start", "id", start->id,
        "room", (json_int_t)start->room, "key", start->key, "name", start->name, "mono_us",
        (json_int_t)start->mono_us, "unix_ms", (json_int_t)start->unix_ms, "limit_s",
        (json_int_t)start->limit_s));
}

struct plm_text *plm_recorder_msg_stop(const char *id, uint64_t mono_us, enum plm_recording_reason reason)
{
    return plm_json_text(json_pack("{s:s, s:s, s:I, s:s}", "op", "stop", "id", id, "mono_us",
        (json_int_t)mono_us, "reason", plm_recording_reason_name(reason)));
}

struct plm_text *plm_recorder_msg_delete(const char *id)
{
    return plm_json_text(json_pack("{s:s, s:s}", "op", "delete", "id", id));
}

struct plm_text *plm_recorder_msg_sync(const char *const *ids, size_t n)
{
    json_t *list = json_array(), *o = list ? json_pack("{s:s, s:O}", "op", "sync", "ids", list) : NULL;
    for (size_t i = 0; o && i < n; i++) {
        if (json_array_append_new(list, json_string(ids[i])) != 0) {
            json_decref(o);
            o = NULL;
        }
    }
    json_decref(list);
    return plm_json_text(o);
}

struct plm_text *plm_recorder_msg_event(const struct plm_recorder_event *e, bool *chat)
{
    json_t *inner = json_loadb(e->json->data, e->json->len, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(inner, "type"));
    struct plm_text *text = NULL;
    if (type) {
        *chat = strcmp(type, "chat") == 0;
        text = plm_json_text(json_pack("{s:s, s:s, s:s, s:I, s:I, s:O}", "op", "event", "id", e->id, "run",
            e->run, "n", (json_int_t)e->n, "mono_us", (json_int_t)e->mono_us, "event", inner));
    }
    json_decref(inner);
    return text;
}

/* ---- from the recorder ---- */

static const char *get_text(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_string(v) && json_string_length(v) <= MAX_TEXT &&
                   strlen(json_string_value(v)) == json_string_length(v)
               ? json_string_value(v)
               : NULL;
}

static bool get_number(const json_t *o, const char *key, json_int_t max, uint64_t *out)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > max)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static const char *get_id(const json_t *o)
{
    const char *id = get_text(o, "id");
    return id && plm_recording_id_valid(id) ? id : NULL;
}

static bool read_state(struct plm_recording_news *n, const json_t *o)
{
    const char *state = get_text(o, "state"), *reason = get_text(o, "reason");
    uint64_t files, duration;
    n->id = get_id(o);
    n->key = get_text(o, "key");
    n->name = get_text(o, "name");
    if (!n->id || !n->key || !n->name || !state || !reason)
        return false;
    n->state = plm_recording_state_from(state);
    n->reason = plm_recording_reason_from(reason);
    if (n->state == PLM_RECORDING_STATE_COUNT || n->reason == PLM_RECORDING_REASON_COUNT ||
        !get_number(o, "started_ms", INT64_MAX, &n->started_ms) ||
        !get_number(o, "bytes", INT64_MAX, &n->bytes) ||
        !get_number(o, "duration_us", INT64_MAX, &duration) || !get_number(o, "files", UINT32_MAX, &files))
        return false;
    n->duration_us = (int64_t)duration;
    n->files = (uint32_t)files;
    return true;
}

static bool read_disk(struct plm_recorder_msg *m, const json_t *o)
{
    const char *level = get_text(o, "level");
    unsigned i = 0;
    while (level && i < PLM_RECORDER_DISK_COUNT && strcmp(levels[i], level) != 0)
        i++;
    m->level = (enum plm_recorder_disk)i;
    return level && i < PLM_RECORDER_DISK_COUNT && get_number(o, "free", INT64_MAX, &m->free);
}

static bool read_written(struct plm_recorder_msg *m, const json_t *o)
{
    m->id = get_id(o);
    m->run = get_text(o, "run");
    return m->id && m->run && plm_recording_run_valid(m->run) &&
           get_number(o, "n", PLM_RECORDING_MAX_N, &m->n);
}

int plm_recorder_msg_parse(struct plm_recorder_msg *out, const char *text, size_t len)
{
    struct plm_recorder_msg m = {0};
    json_t *o = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    const char *op = get_text(o, "op");
    bool good = op != NULL;
    if (good && strcmp(op, "state") == 0) {
        m.op = PLM_RECORDER_OP_STATE;
        good = read_state(&m.news, o);
    } else if (good && strcmp(op, "disk") == 0) {
        m.op = PLM_RECORDER_OP_DISK;
        good = read_disk(&m, o);
    } else if (good && strcmp(op, "written") == 0) {
        m.op = PLM_RECORDER_OP_WRITTEN;
        good = read_written(&m, o);
    }
    if (!good) {
        json_decref(o);
        return PLM_EINVAL;
    }
    m.json = o;
    *out = m;
    return 0;
}

void plm_recorder_msg_clear(struct plm_recorder_msg *m)
{
    json_decref(m->json);
    m->json = NULL;
}
