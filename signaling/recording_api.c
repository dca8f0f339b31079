/* Recordings as a program outside manages them (api.h). */
#include "recordings.h"

#include "api.h"
#include "records.h"

#include <stdlib.h>
#include <string.h>

static int refuse_unknown(struct plm_refusal *why, const char *field, const char *message)
{
    plm_refuse(why, PLM_MSG_error_code_not_found, field, "%s", message);
    return PLM_ENOENT;
}

static struct plm_record *find_record(struct plm_hub *hub, const char *key)
{
    struct plm_room_ref ref = {0};
    memcpy(ref.key, key, strlen(key) + 1);
    return plm_record_find(hub, &ref);
}

void plm_recording_show(const struct plm_recording *rec, struct plm_api_recording *out)
{
    const struct plm_record *record = find_record(rec->hub, rec->key);
    *out = (struct plm_api_recording){.id = rec->id,
        .key = rec->key,
        .name = rec->name,
        .state = rec->state,
        .reason = rec->reason,
        .started_ms = rec->started_ms,
        .bytes = rec->bytes,
        .duration_us = rec->duration_us,
        .files = rec->files,
        .epoch = rec->epoch,
        .of_room = record && plm_recording_is_of(rec, record)};
}

int plm_api_recording_get(struct plm_hub *hub, const char *id, struct plm_api_recording *out)
{
    const struct plm_recording *rec = plm_recording_find(hub, id);
    if (!rec)
        return PLM_ENOENT;
    plm_recording_show(rec, out);
    return 0;
}

int plm_api_record_start(
    struct plm_hub *hub, const char *room, struct plm_api_recording *out, struct plm_refusal *why)
{
    struct plm_room_ref ref;
    struct plm_record *record = plm_room_ref_read(&ref, room, why) ? NULL : plm_record_find(hub, &ref);
    if (!record)
        return refuse_unknown(why, "room", "no such room");
    if (!record->meeting)
        return refuse_unknown(why, "room", "nobody meets there now");
    int err = plm_recording_start(record->meeting, NULL, why);
    if (err)
        return err;
    plm_recording_show(record->meeting->recording, out);
    plm_hub_settle(hub);
    return 0;
}

int plm_api_record_stop(struct plm_hub *hub, const char *id, struct plm_refusal *why)
{
    struct plm_recording *rec = plm_recording_find(hub, id);
    if (!rec)
        return refuse_unknown(why, "recording", "no such recording");
    if (!plm_recording_runs(rec))
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "recording", "it has ended");
    plm_recording_stop(rec, PLM_RECORDING_ASKED, NULL);
    plm_hub_settle(hub);
    return 0;
}

int plm_api_recording_delete(struct plm_hub *hub, const char *id, struct plm_refusal *why)
{
    struct plm_recording *rec = plm_recording_find(hub, id);
    if (!rec)
        return refuse_unknown(why, "recording", "no such recording");
    plm_recording_delete(rec);
    plm_hub_settle(hub);
    return 0;
}

int plm_api_recordings(struct plm_hub *hub, const char *room, uint64_t before,
    bool (*f)(void *arg, const struct plm_api_recording *recording), void *arg)
{
    struct plm_room_ref ref;
    struct plm_refusal unused;
    struct plm_recording **all;
    struct plm_api_recording shown;
    const struct plm_record *record = NULL;
    bool found = !room, more = true;
    if (room) {
        if (plm_room_ref_read(&ref, room, &unused))
            return PLM_ENOENT;
        record = plm_record_find(hub, &ref);
        found = record != NULL;
    }
    size_t n = plm_recordings_sorted(hub, &all);
    if (n == SIZE_MAX)
        return PLM_ENOMEM;
    const char *key = record ? record->value.key : room ? ref.key : NULL;
    for (size_t i = 0; i < n && more; i++) {
        if (key && strcmp(all[i]->key, key) != 0)
            continue;
        found = true;
        if (all[i]->started_ms >= before)
            continue;
        plm_recording_show(all[i], &shown);
        more = f(arg, &shown);
    }
    free(all);
    return found ? 0 : PLM_ENOENT;
}
