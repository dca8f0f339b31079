#include "control.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/planted.h"
#include "base/util.h"
#include "journal_line.h"

#define MAX_TIME ((json_int_t)1 << 62)

static const char *const levels[] = {"ok", "warn", "refuse", "stop"};

const char *plm_disk_level_name(enum plm_disk_level level)
{
    return (size_t)level < PLM_COUNT_OF(levels) ? levels[level] : "unknown";
}

/* A number within [low, high]. */
static bool number(const json_t *o, const char *key, json_int_t low, json_int_t high, json_int_t *out)
{
    const json_t *v = json_object_get(o, key);
    *out = json_integer_value(v);
    return json_is_integer(v) && *out >= low && *out <= high;
}

static bool text(const json_t *o, const char *key, const char **out)
{
    *out = plm_json_string(o, key);
    return *out && strlen(*out) <= PLM_CONTROL_MAX_TEXT;
}

/* The valid id of a message, NULL: there is none. */
static const char *id_of(const json_t *v)
{
    const char *id = json_string_value(v);
    return id && PLM_FITS(control, plm_recording_id_valid(id)) ? id : NULL;
}

static bool read_start(struct plm_control *c, const json_t *o)
{
    json_int_t room, mono, wall, limit = PLM_RECORDING_LIMIT_S;
    if (!number(o, "room", 1, UINT32_MAX, &room) || !number(o, "mono_us", 0, MAX_TIME, &mono) ||
        !number(o, "unix_ms", 0, MAX_TIME / 1000, &wall))
        return false;
    if (json_object_get(o, "limit_s") && !number(o, "limit_s", 1, PLM_CONTROL_MAX_LIMIT, &limit))
        return false;
    c->room = (uint32_t)room;
    c->mono_us = mono;
    c->unix_ms = (uint64_t)wall;
    c->limit_s = (uint32_t)limit;
    return text(o, "key", &c->key) && text(o, "name", &c->name);
}

/* Which event it is: both or none. */
static bool read_number(struct plm_control *c, const json_t *o)
{
    json_int_t n;
    c->run = plm_json_string(o, "run");
    if (!json_object_get(o, "run") && !json_object_get(o, "n"))
        return true;
    if (!c->run || !plm_recording_run_valid(c->run) || !number(o, "n", 1, PLM_RECORDING_MAX_N, &n))
        return false;
    c->n = (uint64_t)n;
    return true;
}

static bool read_event(struct plm_control *c, const json_t *o)
{
    json_int_t mono;
    c->event = json_object_get(o, "event");
    if (!read_number(c, o) || !number(o, "mono_us", 0, MAX_TIME, &mono) || !json_is_object(c->event))
        return false;
    c->mono_us = mono;
    const char *type = plm_json_string(c->event, "type");
    return type && !plm_journal_is_own(type);
}

static bool read_stop(struct plm_control *c, const json_t *o)
{
    json_int_t mono;
    const char *reason = plm_json_string(o, "reason");
    if (!number(o, "mono_us", 0, MAX_TIME, &mono) || !reason)
        return false;
    c->mono_us = mono;
    c->reason = plm_recording_reason_from(reason);
    return c->reason != PLM_RECORDING_REASON_COUNT;
}

static int read_sync(struct plm_control *c, const json_t *o)
{
    const json_t *ids = json_object_get(o, "ids");
    if (!json_is_array(ids) || json_array_size(ids) > PLM_CONTROL_MAX_IDS)
        return PLM_EINVAL;
    size_t n = json_array_size(ids);
    c->ids = calloc(n ? n : 1, sizeof(*c->ids));
    if (!c->ids)
        return PLM_ENOMEM;
    for (; c->n_ids < n; c->n_ids++)
        if (!(c->ids[c->n_ids] = id_of(json_array_get(ids, c->n_ids))))
            return PLM_EINVAL;
    return 0;
}

static enum plm_control_op op_of(const char *name)
{
    static const char *const names[] = {
        [PLM_CONTROL_START] = "start",
        [PLM_CONTROL_EVENT] = "event",
        [PLM_CONTROL_STOP] = "stop",
        [PLM_CONTROL_DELETE] = "delete",
        [PLM_CONTROL_SYNC] = "sync",
    };
    for (size_t i = PLM_CONTROL_START; i < PLM_COUNT_OF(names); i++)
        if (!strcmp(name, names[i]))
            return (enum plm_control_op)i;
    return PLM_CONTROL_IGNORED;
}

static int read_message(struct plm_control *c)
{
    const char *op = plm_json_string(c->json, "op");
    if (!op)
        return PLM_EINVAL;
    c->op = op_of(op);
    if (c->op == PLM_CONTROL_IGNORED)
        return 0;
    if (c->op == PLM_CONTROL_SYNC)
        return read_sync(c, c->json);
    c->id = id_of(json_object_get(c->json, "id"));
    if (!c->id)
        return PLM_EINVAL;
    bool good = c->op == PLM_CONTROL_START   ? read_start(c, c->json)
                : c->op == PLM_CONTROL_EVENT ? read_event(c, c->json)
                : c->op == PLM_CONTROL_STOP  ? read_stop(c, c->json)
                                             : true;
    return good ? 0 : PLM_EINVAL;
}

int plm_control_parse(struct plm_control *out, const char *text_, size_t len)
{
    struct plm_control c = {.json = plm_json_read(text_, len)};
    int rc = c.json ? read_message(&c) : PLM_EINVAL;
    if (rc)
        plm_control_free(&c);
    else
        *out = c;
    return rc;
}

void plm_control_free(struct plm_control *c)
{
    free(c->ids);
    json_decref(c->json);
    *c = (struct plm_control){0};
}

char *plm_control_write_state(const struct plm_control_state *s, size_t *len)
{
    return plm_json_line(
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "op", "state", "id", s->id, "state",
            plm_recording_state_name(s->state), "reason", plm_recording_reason_name(s->reason), "key", s->key,
            "name", s->name, "started_ms", (json_int_t)s->started_ms, "duration_us",
            (json_int_t)s->duration_us, "bytes", (json_int_t)s->bytes, "files", (json_int_t)s->files),
        len);
}

char *plm_control_write_written(const char *id, const char *run, uint64_t n, size_t *len)
{
    return plm_json_line(
        json_pack("{s:s, s:s, s:s, s:I}", "op", "written", "id", id, "run", run, "n", (json_int_t)n), len);
}

char *plm_control_write_disk(enum plm_disk_level level, uint64_t free_bytes, size_t *len)
{
    return plm_json_line(json_pack("{s:s, s:s, s:I}", "op", "disk", "level", plm_disk_level_name(level),
                             "free", (json_int_t)free_bytes),
        len);
}
