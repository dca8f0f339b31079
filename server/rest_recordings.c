/* Operations on recordings. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rest_call.h"

#define PAGE 100 /* recordings in a list, unless the request says fewer */

static json_t *describe(const struct plm_api_recording *rec)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:i}", "id", rec->id, "room", rec->name, "state",
        plm_recording_state_name(rec->state), "reason", plm_recording_reason_name(rec->reason), "started_at",
        (json_int_t)rec->started_ms, "duration_ms", (json_int_t)(rec->duration_us / 1000), "bytes",
        (json_int_t)rec->bytes, "files", (int)rec->files);
}

/* ---- lists ---- */

struct list {
    json_t *recordings;
    size_t left;
    bool more, all; /* all: also those of former rooms of this name */
};

static bool add(void *arg, const struct plm_api_recording *rec)
{
    struct list *list = arg;
    if (!list->all && !rec->of_room)
        return true;
    list->more = !list->left;
    if (list->more)
        return false;
    list->left--;
    return !json_array_append_new(list->recordings, describe(rec));
}

/* @return false: refused already */
static bool read_number(
    struct plm_rest_call *c, const char *name, uint64_t min, uint64_t max, uint64_t *out, const char *message)
{
    char text[24];
    char *end;
    if (!plm_rest_query(c, name, text, sizeof(text)))
        return true;
    unsigned long long n = *text >= '0' && *text <= '9' ? strtoull(text, &end, 10) : 0;
    if (*text >= '0' && *text <= '9' && !*end && n >= min && n <= max) {
        *out = n;
        return true;
    }
    plm_rest_fail(c, 400, message);
    return false;
}

static void list(struct plm_rest_call *c, const char *room)
{
    uint64_t before = UINT64_MAX, limit = PAGE;
    struct list l = {.all = c->access >= PLM_REST_ACCESS_KEY};
    if (!read_number(c, "before", 0, INT64_MAX, &before, "before: milliseconds since 1970") ||
        !read_number(c, "limit", 1, PAGE, &limit, "limit: a whole number from 1 to 100"))
        return;
    l.recordings = json_array();
    l.left = (size_t)limit;
    int err = plm_api_recordings(c->rest->setup.hub, room, before, add, &l);
    if (!err) {
        plm_rest_answer(c, 200, json_pack("{s:o, s:b}", "recordings", l.recordings, "more", l.more));
        return;
    }
    json_decref(l.recordings);
    plm_rest_fail(c, err == PLM_ENOENT ? 404 : 500, err == PLM_ENOENT ? "no such room" : "out of memory");
}

void plm_rest_list_recordings(struct plm_rest_call *c)
{
    list(c, NULL);
}

static bool may_manage(struct plm_rest_call *c)
{
    if (plm_rest_may_record(c, c->argument[0]))
        return true;
    plm_rest_deny(c, c->access > PLM_REST_ACCESS_LOCAL);
    return false;
}

void plm_rest_list_room_recordings(struct plm_rest_call *c)
{
    if (may_manage(c))
        list(c, c->argument[0]);
}

/* ---- one ---- */

void plm_rest_start_recording(struct plm_rest_call *c)
{
    struct plm_api_recording rec;
    struct plm_refusal why = {0};
    if (!may_manage(c))
        return;
    int err = plm_api_record_start(c->rest->setup.hub, c->argument[0], &rec, &why);
    if (err)
        plm_rest_refuse(c, err, &why);
    else
        plm_rest_answer(c, 201, describe(&rec));
}

static bool is_opened_by_token(const struct plm_rest_call *c, const struct plm_api_recording *rec)
{
    char token[PLM_RECORDING_TOKEN_SIZE];
    return c->rest->setup.recording_tokens && plm_rest_query(c, "token", token, sizeof(token)) &&
           plm_recording_token_good(
               c->rest->setup.recording_tokens, rec->id, rec->epoch, c->rest->setup.wall_ms(), token);
}

/*
 * The recording that the request names, if who asks may. Whether an id exists is a secret: who may not gets the answer that an
 * unknown one has.
 * @param by_token also by a token in the address, which opens but changes nothing
 */
static bool find(struct plm_rest_call *c, bool by_token, struct plm_api_recording *out)
{
    bool found = !plm_api_recording_get(c->rest->setup.hub, c->argument[0], out);
    bool may = c->access >= PLM_REST_ACCESS_KEY;
    if (found && !may)
        may = (out->of_room && plm_rest_may_record(c, out->name)) || (by_token && is_opened_by_token(c, out));
    if (found && may)
        return true;
    if (c->request->authorization || *c->request->query)
        plm_rest_fail(c, 404, "no such recording");
    else
        plm_rest_deny(c, false);
    return false;
}

void plm_rest_get_recording(struct plm_rest_call *c)
{
    struct plm_api_recording rec;
    if (!find(c, true, &rec))
        return;
    json_t *shown = describe(&rec);
    if (shown && rec.state == PLM_RECORDING_READY)
        json_object_set_new(
            shown, "manifest", json_sprintf("/api/v1/recordings/%s/files/" PLM_RECORDING_MANIFEST, rec.id));
    plm_rest_answer(c, 200, shown);
}

void plm_rest_stop_recording(struct plm_rest_call *c)
{
    struct plm_api_recording rec;
    struct plm_refusal why = {0};
    if (find(c, false, &rec))
        plm_rest_done(c, plm_api_record_stop(c->rest->setup.hub, rec.id, &why), &why);
}

void plm_rest_delete_recording(struct plm_rest_call *c)
{
    struct plm_api_recording rec;
    struct plm_refusal why = {0};
    if (find(c, false, &rec))
        plm_rest_done(c, plm_api_recording_delete(c->rest->setup.hub, rec.id, &why), &why);
}

/* ---- files ---- */

static bool ends_in(const char *name, const char *end)
{
    size_t n = strlen(name), k = strlen(end);
    return n >= k && !strcmp(name + n - k, end);
}

static const char *type_of(const char *name)
{
    if (ends_in(name, ".mp4"))
        return "video/mp4";
    if (ends_in(name, ".webm"))
        return "video/webm";
    return ends_in(name, ".json") ? "application/json" : "application/x-ndjson";
}

static bool is_there(void *arg, const char *id)
{
    const struct plm_rest *r = arg;
    struct plm_api_recording rec;
    return !plm_api_recording_get(r->setup.hub, id, &rec);
}

/* "20261128-163500-p12-camera-1.mp4": the room's name may hold anything, and stays out. */
static void name_to_save(const struct plm_api_recording *rec, const char *name, char *out, size_t size)
{
    time_t at = (time_t)(rec->started_ms / 1000);
    struct tm tm;
    gmtime_r(&at, &tm);
    size_t n = strftime(out, size, "%Y%m%d-%H%M%S-", &tm);
    if (n + strlen(name) < size)
        memcpy(out + n, name, strlen(name) + 1);
}

void plm_rest_get_recording_file(struct plm_rest_call *c)
{
    const struct plm_rest *r = c->rest;
    const char *name = c->argument[1];
    struct plm_api_recording rec;
    char save_as[128] = "recording";
    uint64_t piece = 0;
    if (!find(c, true, &rec) ||
        !read_number(c, "piece", 1, INT64_MAX, &piece, "piece: a number of octets, from 1"))
        return;
    /* What is being written changes under the reader's hands. */
    if (!r->setup.files || rec.state < PLM_RECORDING_READY || !plm_recording_id_valid(rec.id) ||
        !plm_recording_file_valid(name) || ends_in(name, PLM_RECORDING_PART)) {
        plm_rest_fail(c, 404, "no such file");
        return;
    }
    name_to_save(&rec, name, save_as, sizeof(save_as));
    const struct plm_http_file file = {.folder = rec.id,
        .name = name,
        .content_type = type_of(name),
        .save_as = save_as,
        .most = piece,
        .still = is_there,
        .arg = c->rest};
    plm_http_files_send(r->setup.files, c->request, &file);
}
