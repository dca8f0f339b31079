/* Recordings as the store keeps them: one document each, put whenever its state changes. */
#include "recordings.h"

#include "journal.h"
#include "json_text.h"
#include "records.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

#define DAY_MS (24ull * 3600 * 1000)

/* ---- the table ---- */

struct plm_recording *plm_recording_add(struct plm_hub *hub, const char *id)
{
    struct plm_recording *rec = calloc(1, sizeof *rec);
    if (!rec)
        return NULL;
    rec->hub = hub;
    memcpy(rec->id, id, sizeof rec->id);
    HASH_ADD_STR(hub->recordings, id, rec);
    if (rec->hh.tbl)
        return rec;
    free(rec);
    return NULL;
}

void plm_recording_free(struct plm_recording *rec)
{
    HASH_DELETE(hh, rec->hub->recordings, rec);
    free(rec);
}

void plm_recordings_clear(struct plm_hub *hub)
{
    struct plm_recording *rec, *next;
    hub->running = NULL;
    HASH_ITER (hh, hub->recordings, rec, next)
        plm_recording_free(rec);
}

/* ---- writing ---- */

void plm_recording_put(const struct plm_recording *rec)
{
    const struct plm_store_port *store = &rec->hub->store;
    if (!store->put)
        return;
    struct plm_text *text = plm_json_text(json_pack(
        "{s:i,s:s,s:s,s:s,s:I,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:b,s:b,s:I}", "v", PLM_JOURNAL_VERSION,
        "id", rec->id, "key", rec->key, "name", rec->name, "room_made_at", (json_int_t)rec->room_made_at,
        "state", plm_recording_state_name(rec->state), "reason", plm_recording_reason_name(rec->reason),
        "started_ms", (json_int_t)rec->started_ms, "duration_us", (json_int_t)rec->duration_us, "bytes",
        (json_int_t)rec->bytes, "files", (json_int_t)rec->files, "limit_s", (json_int_t)rec->limit_s, "by",
        (json_int_t)rec->by, "starter", rec->starter, "starter_device", rec->starter_device, "of_meeting",
        rec->of_meeting, "told_started", rec->told_started, "deleted_at", (json_int_t)rec->deleted_at));
    if (text)
        store->put(store->ctx, PLM_STORE_RECORDING, rec->id, text);
    plm_text_unref(text);
}

/* ---- reading ---- */

static bool read_text(const json_t *o, const char *name, char *out, size_t size)
{
    const json_t *v = json_object_get(o, name);
    size_t len = json_string_length(v);
    if (!json_is_string(v) || len >= size || strlen(json_string_value(v)) != len)
        return false;
    memcpy(out, json_string_value(v), len + 1);
    return true;
}

static bool read_number(const json_t *o, const char *name, uint64_t max, uint64_t *out)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool read_small(const json_t *o, const char *name, uint32_t *out)
{
    uint64_t n;
    if (!read_number(o, name, UINT32_MAX, &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_flag(const json_t *o, const char *name, bool *out)
{
    const json_t *v = json_object_get(o, name);
    *out = json_is_true(v);
    return json_is_boolean(v);
}

static bool read_state(const json_t *o, struct plm_recording *rec)
{
    const char *state = json_string_value(json_object_get(o, "state"));
    const char *reason = json_string_value(json_object_get(o, "reason"));
    if (!state || !reason)
        return false;
    rec->state = plm_recording_state_from(state);
    rec->reason = plm_recording_reason_from(reason);
    return rec->state < PLM_RECORDING_STATE_COUNT && rec->reason < PLM_RECORDING_REASON_COUNT;
}

static bool is_digest(const char *s)
{
    return !*s || (strlen(s) == PLM_KEY_DIGEST_SIZE - 1 && !s[strspn(s, "0123456789abcdef")]);
}

static bool read_all(const json_t *o, struct plm_recording *rec)
{
    const uint64_t most = (UINT64_C(1) << 53) - 1; /* what clients can read */
    char id[PLM_RECORDING_ID_SIZE];
    uint64_t duration;
    bool good = json_integer_value(json_object_get(o, "v")) == PLM_JOURNAL_VERSION &&
                read_text(o, "id", id, sizeof id) && !strcmp(id, rec->id) &&
                read_text(o, "key", rec->key, sizeof rec->key) && *rec->key &&
                read_text(o, "name", rec->name, sizeof rec->name) && *rec->name &&
                read_number(o, "room_made_at", most, &rec->room_made_at) && read_state(o, rec) &&
                read_number(o, "started_ms", most, &rec->started_ms) &&
                read_number(o, "duration_us", most, &duration) &&
                read_number(o, "bytes", most, &rec->bytes) && read_small(o, "files", &rec->files) &&
                read_small(o, "limit_s", &rec->limit_s) && read_small(o, "by", &rec->by) &&
                read_text(o, "starter", rec->starter, sizeof rec->starter) &&
                read_text(o, "starter_device", rec->starter_device, sizeof rec->starter_device) &&
                is_digest(rec->starter_device) && read_flag(o, "of_meeting", &rec->of_meeting) &&
                read_flag(o, "told_started", &rec->told_started) &&
                read_number(o, "deleted_at", most, &rec->deleted_at);
    if (good)
        rec->duration_us = (int64_t)duration;
    return good;
}

int plm_recording_restore(struct plm_hub *hub, const char *key, const char *document, size_t len)
{
    struct plm_recording *rec = NULL;
    if (plm_recording_id_valid(key))
        HASH_FIND_STR(hub->recordings, key, rec);
    if (rec || !plm_recording_id_valid(key))
        return PLM_EINVAL;
    json_error_t error;
    json_t *o = json_loadb(document, len, JSON_REJECT_DUPLICATES, &error);
    if (!o)
        return json_error_code(&error) == json_error_out_of_memory ? PLM_ENOMEM : PLM_EINVAL;
    rec = plm_recording_add(hub, key);
    int err = !rec ? PLM_ENOMEM : read_all(o, rec) ? 0 : PLM_EINVAL;
    json_decref(o);
    if (err && rec)
        plm_recording_free(rec);
    return err;
}

/* ---- standing again ---- */

static struct plm_room *meeting_of(const struct plm_recording *rec)
{
    struct plm_room *meeting = plm_room_find(rec->hub, rec->key);
    return meeting && plm_recording_is_of(rec, meeting->record) ? meeting : NULL;
}

/* The recorder, which may have gone on by itself, is told when there is one (plm_hub_set_recorder). */
static void stand_again(struct plm_recording *rec)
{
    struct plm_room *meeting = rec->of_meeting ? meeting_of(rec) : NULL;
    bool changed = rec->of_meeting != (meeting != NULL);
    rec->of_meeting = meeting != NULL;
    if (plm_recording_runs(rec) && meeting && !meeting->recording) {
        plm_recording_run(rec, meeting);
    } else if (plm_recording_runs(rec)) {
        changed = true;
        rec->state = PLM_RECORDING_CLOSING;
        rec->reason = PLM_RECORDING_ENDED;
    } else if (rec->state == PLM_RECORDING_CLOSING) {
        rec->room = meeting;
    }
    if (changed)
        plm_recording_put(rec);
}

void plm_recordings_restored(struct plm_hub *hub)
{
    uint64_t now = hub->host.wall_ms(hub->host.ctx);
    struct plm_recording *rec, *next;
    HASH_ITER (hh, hub->recordings, rec, next) {
        if (!rec->deleted_at) {
            stand_again(rec);
            continue;
        }
        if (rec->deleted_at + PLM_RECORDING_TOMB_DAYS * DAY_MS > now)
            continue;
        if (hub->store.drop)
            hub->store.drop(hub->store.ctx, PLM_STORE_RECORDING, rec->id);
        plm_recording_free(rec);
    }
}
