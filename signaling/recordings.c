#include "recordings.h"

#include "digest.h"
#include "journal.h"
#include "recording_log.h"
#include "records.h"
#include "roles.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

_Static_assert(
    (int)PLM_MSG_recording_state_COUNT == (int)PLM_RECORDING_STATE_COUNT, "the table names the states");
_Static_assert((int)PLM_MSG_recording_state_ready == (int)PLM_RECORDING_READY, "in the same order");
_Static_assert((int)PLM_MSG_recording_reason_COUNT + 1 == (int)PLM_RECORDING_REASON_COUNT, "and the reasons");
_Static_assert(
    (int)PLM_MSG_recording_reason_server_gone + 1 == (int)PLM_RECORDING_SERVER_GONE, "in the same order");

static uint64_t now_ms(const struct plm_hub *hub)
{
    return hub->host.now_ms(hub->host.ctx);
}

static uint64_t wall_ms(const struct plm_hub *hub)
{
    return hub->host.wall_ms(hub->host.ctx);
}

/* ---- finding ---- */

bool plm_recording_runs(const struct plm_recording *rec)
{
    return rec->state <= PLM_RECORDING_PAUSED;
}

static struct plm_recording *find(struct plm_hub *hub, const char *id)
{
    struct plm_recording *rec = NULL;
    if (plm_recording_id_valid(id))
        HASH_FIND_STR(hub->recordings, id, rec);
    return rec;
}

struct plm_recording *plm_recording_find(struct plm_hub *hub, const char *id)
{
    struct plm_recording *rec = find(hub, id);
    return rec && !rec->deleted_at ? rec : NULL;
}

bool plm_recording_is_of(const struct plm_recording *rec, const struct plm_record *record)
{
    return rec->room_made_at == record->value.created_at && !strcmp(rec->key, record->value.key);
}

static bool began(const struct plm_recording *rec, const struct plm_member *m)
{
    char device[PLM_KEY_DIGEST_SIZE] = "";
    if (*m->who.device)
        plm_digest(device, m->who.device);
    return plm_digest_equal(device, rec->starter_device) ||
           (*rec->starter && !strcmp(rec->starter, m->who.identity));
}

bool plm_recording_may_see(const struct plm_recording *rec, const struct plm_member *m)
{
    const struct plm_record *record = plm_room_main(m->room)->record;
    if (rec->deleted_at || !plm_recording_is_of(rec, record))
        return false;
    return plm_record_is_owned(record) || rec->of_meeting || began(rec, m);
}

static int by_time(const void *a, const void *b)
{
    const struct plm_recording *const *x = a, *const *y = b;
    if ((*x)->started_ms != (*y)->started_ms)
        return (*x)->started_ms > (*y)->started_ms ? -1 : 1;
    return strcmp((*x)->id, (*y)->id);
}

size_t plm_recordings_sorted(struct plm_hub *hub, struct plm_recording ***out)
{
    size_t n = 0;
    struct plm_recording *rec, *next;
    *out = calloc(HASH_COUNT(hub->recordings) + 1, sizeof **out);
    if (!*out)
        return SIZE_MAX;
    HASH_ITER (hh, hub->recordings, rec, next)
        if (!rec->deleted_at)
            (*out)[n++] = rec;
    qsort(*out, n, sizeof **out, by_time);
    return n;
}

/* ---- telling ---- */

static void describe(const struct plm_recording *rec, struct plm_msg_recording_status *out)
{
    *out = (struct plm_msg_recording_status){.state = (enum plm_msg_recording_state)rec->state,
        .since = rec->started_ms,
        .has_by = rec->by != 0,
        .by = rec->by,
        .has_ends_at = plm_recording_runs(rec),
        .ends_at = rec->started_ms + rec->limit_s * UINT64_C(1000)};
    if (rec->reason == PLM_RECORDING_NO_REASON)
        return;
    out->has_reason = true;
    out->reason = (enum plm_msg_recording_reason)(rec->reason - 1);
}

bool plm_recording_describe(const struct plm_room *main, struct plm_msg_recording_status *out)
{
    if (main->recording)
        describe(main->recording, out);
    return main->recording != NULL;
}

/* Of one that is over nothing is told while the next one runs. */
static void tell(struct plm_recording *rec)
{
    struct plm_msg msg = {.type = PLM_MSG_recording, .recording = {.now = wall_ms(rec->hub)}};
    struct plm_member *m, *next;
    if (!rec->room || (rec->room->recording && rec->room->recording != rec))
        return;
    describe(rec, &msg.recording.recording);
    plm_room_broadcast_all(rec->room, &msg);
    if (plm_recording_runs(rec))
        HASH_ITER (hh_id, rec->room->people, m, next)
            plm_recording_log_consent(m);
}

static void tell_host(const struct plm_recording *rec, enum plm_hub_event_type type)
{
    struct plm_hub *hub = rec->hub;
    struct plm_api_recording shown;
    plm_recording_show(rec, &shown);
    const struct plm_hub_event ev = {.type = type,
        .room = rec->name,
        .at = wall_ms(hub),
        .name = "",
        .identity = "",
        .reason = plm_recording_reason_name(rec->reason),
        .recording = &shown};
    if (hub->host.on_event)
        hub->host.on_event(hub->host.ctx, &ev);
}

/* ---- one setter of the state ---- */

/* What the recorder says of one that was ended here may be on its way still; one that failed may be saved by a repair. */
static bool may_become(enum plm_recording_state from, enum plm_recording_state to)
{
    switch (from) {
    case PLM_RECORDING_STARTING:
    case PLM_RECORDING_ON:
    case PLM_RECORDING_PAUSED:
        return to != PLM_RECORDING_STARTING;
    case PLM_RECORDING_CLOSING:
        return to > PLM_RECORDING_CLOSING;
    default:
        return to == PLM_RECORDING_READY || to == PLM_RECORDING_FAILED;
    }
}

static void end_running(struct plm_recording *rec)
{
    DL_DELETE(rec->hub->running, rec);
    rec->hub->gauges.recordings--;
    if (rec->room && rec->room->recording == rec)
        rec->room->recording = NULL;
}

static void set_state(
    struct plm_recording *rec, enum plm_recording_state state, enum plm_recording_reason reason)
{
    bool ran = plm_recording_runs(rec);
    if (rec->state == state && rec->reason == reason)
        return;
    plm_hub_log(rec->hub, rec->room, "recording %.8s: %s -> %s%s%s", rec->id,
        plm_recording_state_name(rec->state), plm_recording_state_name(state), reason ? ", " : "",
        plm_recording_reason_name(reason));
    rec->state = state;
    rec->reason = reason;
    rec->answer_by = 0;
    if (ran && !plm_recording_runs(rec))
        end_running(rec);
    plm_recording_put(rec);
    tell(rec);
    if (state == PLM_RECORDING_ON && !rec->told_started)
        tell_host(rec, PLM_HUB_RECORDING_STARTED);
    rec->told_started |= state == PLM_RECORDING_ON;
    if (state < PLM_RECORDING_READY)
        return;
    tell_host(rec, state == PLM_RECORDING_READY ? PLM_HUB_RECORDING_READY : PLM_HUB_RECORDING_FAILED);
    rec->room = NULL; /* nothing more is to be told */
}

/* ---- beginning and ending ---- */

static int call_recorder(const struct plm_recording *rec, bool goes_on)
{
    const struct plm_recording_port *port = &rec->hub->recorder;
    const struct plm_recording_start start = {.id = rec->id,
        .room = rec->room->media,
        .key = rec->key,
        .name = rec->name,
        .started_ms = rec->started_ms,
        .limit_s = rec->limit_s,
        .goes_on = goes_on};
    return port->start ? port->start(port->ctx, &start) : PLM_ENOTSUP;
}

void plm_recording_run(struct plm_recording *rec, struct plm_room *main)
{
    struct plm_hub *hub = rec->hub;
    uint64_t now = now_ms(hub), wall = wall_ms(hub), ends = rec->started_ms + rec->limit_s * UINT64_C(1000);
    rec->room = main;
    rec->stop_at = now + (ends > wall ? ends - wall : 1);
    rec->answer_by = now + PLM_RECORDING_ANSWER_MS;
    main->recording = rec;
    DL_APPEND(hub->running, rec);
    hub->gauges.recordings++;
    plm_room_on_population(main);
}

static bool has_too_many(struct plm_hub *hub, const struct plm_record *record)
{
    uint32_t n = 0;
    const struct plm_recording *rec, *next;
    HASH_ITER (hh, hub->recordings, rec, next)
        n += !rec->deleted_at && plm_recording_is_of(rec, record);
    return n >= hub->config.max_recordings;
}

static int check_start(struct plm_room *main, struct plm_refusal *why)
{
    struct plm_hub *hub = main->hub;
    if (!hub->recorder.start)
        return plm_refuse(why, PLM_MSG_error_code_not_available, "", "this server does not record");
    if (!main->settings.may_record)
        return plm_refuse(why, PLM_MSG_error_code_forbidden, "", "meetings in this room are not recorded");
    if (main->recording)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "the meeting is being recorded");
    if (has_too_many(hub, main->record))
        return plm_hub_refuse_full(
            hub, why, PLM_HUB_LIMIT_RECORDINGS, "the room has too many recordings; delete some");
    return 0;
}

/* Of those who lead the one who came first. NULL: nobody does */
static const struct plm_member *find_leader(const struct plm_room *main)
{
    const struct plm_member *m, *next, *first = NULL;
    HASH_ITER (hh_id, main->people, m, next)
        if (plm_role_leads(m->role) && (!first || m->id < first->id))
            first = m;
    return first;
}

static void set_starter(struct plm_recording *rec, const struct plm_member *starter)
{
    memcpy(rec->starter, starter->who.identity, sizeof rec->starter);
    if (*starter->who.device)
        plm_digest(rec->starter_device, starter->who.device);
}

/* Nobody began it: in a room that is nobody's it would be closed to all when the meeting is over. @return true: it is somebody's now */
static bool give_to_leader(struct plm_recording *rec, const struct plm_room *main)
{
    const struct plm_member *leader = plm_record_is_owned(main->record) ? NULL : find_leader(main);
    if (!leader || !rec->of_meeting || rec->by || *rec->starter || *rec->starter_device)
        return false;
    set_starter(rec, leader);
    return *rec->starter || *rec->starter_device;
}

static struct plm_recording *create(struct plm_room *main, const struct plm_member *by)
{
    struct plm_hub *hub = main->hub;
    const struct plm_room_record *record = &main->record->value;
    char id[PLM_RECORDING_ID_SIZE];
    plm_hub_random_hex(hub, id, sizeof id);
    struct plm_recording *rec = plm_recording_add(hub, id);
    if (!rec)
        return NULL;
    memcpy(rec->key, record->key, sizeof rec->key);
    memcpy(rec->name, record->name, sizeof rec->name);
    rec->room_made_at = record->created_at;
    rec->started_ms = wall_ms(hub);
    rec->limit_s = hub->config.recording_limit_s;
    rec->of_meeting = true;
    if (by) {
        rec->by = by->id;
        set_starter(rec, by);
    } else {
        give_to_leader(rec, main);
    }
    return rec;
}

static int refuse_start(struct plm_hub *hub, int err, struct plm_refusal *why)
{
    if (err == PLM_EFULL)
        return plm_hub_refuse_full(
            hub, why, PLM_HUB_LIMIT_RECORDINGS, "no space is left for another recording");
    if (err == PLM_ENOTSUP)
        return plm_refuse(why, PLM_MSG_error_code_not_available, "", "this server does not record");
    return plm_refuse(why, PLM_MSG_error_code_internal, "", "recorder: %s", plm_strerror(err));
}

int plm_recording_start(struct plm_room *main, const struct plm_member *by, struct plm_refusal *why)
{
    struct plm_hub *hub = main->hub;
    int err = check_start(main, why);
    if (err)
        return err;
    struct plm_recording *rec = create(main, by);
    if (!rec)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    rec->room = main;
    err = call_recorder(rec, false);
    if (err) {
        plm_recording_free(rec);
        return refuse_start(hub, err, why);
    }
    plm_recording_run(rec, main);
    plm_hub_log(hub, main, "recording %.8s begins", rec->id);
    plm_recording_log_asked(main, rec->by, true);
    plm_recording_log_present(main);
    /* A recording whose meeting the store does not know would end with the process. */
    plm_journal_room(main);
    plm_journal_flush(hub, UINT64_MAX);
    plm_recording_put(rec);
    tell(rec);
    return 0;
}

void plm_recording_stop(
    struct plm_recording *rec, enum plm_recording_reason reason, const struct plm_member *by)
{
    const struct plm_recording_port *port = &rec->hub->recorder;
    if (!plm_recording_runs(rec))
        return;
    rec->by = by ? by->id : 0;
    if (rec->room && reason == PLM_RECORDING_ASKED)
        plm_recording_log_asked(rec->room, rec->by, false);
    if (port->stop)
        port->stop(port->ctx, rec->id, reason);
    set_state(rec, PLM_RECORDING_CLOSING, reason);
}

void plm_recording_delete(struct plm_recording *rec)
{
    struct plm_hub *hub = rec->hub;
    plm_recording_stop(rec, PLM_RECORDING_DELETED, NULL);
    plm_hub_log(hub, NULL, "recording %.8s is deleted", rec->id);
    rec->deleted_at = wall_ms(hub);
    rec->room = NULL;
    plm_recording_put(rec);
    if (hub->recorder.remove)
        hub->recorder.remove(hub->recorder.ctx, rec->id);
}

/* ---- requests ---- */

int plm_recording_on_start(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    (void)m;
    return plm_recording_start(plm_room_main(by->room), by, why);
}

int plm_recording_on_stop(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_room *main = plm_room_main(by->room);
    (void)m;
    if (!main->recording)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "nothing is recorded");
    plm_recording_stop(main->recording, PLM_RECORDING_ASKED, by);
    return 0;
}

static void describe_item(const struct plm_recording *rec, uint64_t expires,
    char token[PLM_RECORDING_TOKEN_SIZE], struct plm_msg_recording_item *out)
{
    const struct plm_hub_host *host = &rec->hub->host;
    *out = (struct plm_msg_recording_item){.id = rec->id,
        .state = (enum plm_msg_recording_state)rec->state,
        .started_at = rec->started_ms,
        .seconds = (uint32_t)(rec->duration_us / 1000000),
        .size_kb = (uint32_t)(rec->bytes / 1000),
        .files = rec->files};
    if (rec->reason != PLM_RECORDING_NO_REASON) {
        out->has_reason = true;
        out->reason = (enum plm_msg_recording_reason)(rec->reason - 1);
    }
    if (rec->state != PLM_RECORDING_READY || !host->recording_token)
        return;
    host->recording_token(host->ctx, rec->id, rec->epoch, expires, token);
    out->token = token;
}

int plm_recording_on_list(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_hub *hub = s->hub;
    struct plm_msg_recording_item items[PLM_RECORDING_PAGE];
    char tokens[PLM_RECORDING_PAGE][PLM_RECORDING_TOKEN_SIZE];
    uint64_t before = m->recordings.has_before ? m->recordings.before : UINT64_MAX;
    uint64_t expires = wall_ms(hub) + hub->config.recording_token_s * UINT64_C(1000);
    struct plm_recording **all;
    struct plm_msg reply = {.type = PLM_MSG_recordings_page,
        .has_id = true,
        .id = m->id,
        .recordings_page = {.recordings = items, .token_seconds = hub->config.recording_token_s}};
    struct plm_msg_recordings_page *page = &reply.recordings_page;
    size_t n = plm_recordings_sorted(hub, &all);
    if (n == SIZE_MAX)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    for (size_t i = 0; i < n && !page->more; i++) {
        if (all[i]->started_ms >= before || !plm_recording_may_see(all[i], s->member))
            continue;
        page->more = page->n_recordings == PLM_RECORDING_PAGE;
        if (!page->more) {
            describe_item(all[i], expires, tokens[page->n_recordings], &items[page->n_recordings]);
            page->n_recordings++;
        }
    }
    plm_session_send(s, &reply);
    free(all);
    return 0;
}

int plm_recording_on_delete(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_recording *rec = plm_recording_find(by->room->hub, m->record_delete.recording);
    if (!rec || !plm_recording_may_see(
                    rec, by)) /* one answer for both: whether there is such a one is nobody's business */
        return plm_refuse(why, PLM_MSG_error_code_not_found, "recording", "no such recording");
    plm_recording_delete(rec);
    return 0;
}

/* ---- the meeting ---- */

void plm_recording_reconsider(struct plm_room *main)
{
    struct plm_refusal why;
    if (main->recording && !main->settings.may_record)
        plm_recording_stop(main->recording, PLM_RECORDING_ASKED, NULL);
    if (main->recording && !main->recording->of_meeting && plm_room_is_attended(main)) {
        plm_recording_stop(main->recording, PLM_RECORDING_ENDED, NULL); /* it was others' */
        main->auto_recorded = false;
    }
    if (main->recording && give_to_leader(main->recording, main)) /* an encoder came before whoever leads */
        plm_recording_put(main->recording);
    if (main->hub->restoring || main->auto_recorded || !main->settings.auto_record || !main->started ||
        !main->people || main->recording)
        return;
    main->auto_recorded = true;
    plm_journal_room(main);
    if (plm_recording_start(main, NULL, &why))
        plm_hub_log(main->hub, main, "the recording did not begin: %s", why.message);
}

static void leave_to_starter(struct plm_room *main)
{
    struct plm_recording *rec, *next;
    HASH_ITER (hh, main->hub->recordings, rec, next) {
        if (!rec->of_meeting || !plm_recording_is_of(rec, main->record))
            continue;
        rec->of_meeting = false;
        rec->epoch++;
        plm_recording_put(rec);
    }
}

void plm_recording_on_unattended(struct plm_room *main)
{
    leave_to_starter(main);
}

void plm_recording_on_empty(struct plm_room *main)
{
    if (main->recording)
        plm_recording_stop(main->recording, PLM_RECORDING_ENDED, NULL);
    if (!plm_record_is_owned(main->record))
        leave_to_starter(main);
    main->auto_recorded = false;
    plm_journal_room(main);
}

void plm_recording_on_close(struct plm_room *main)
{
    struct plm_recording *rec, *next;
    if (main->recording)
        plm_recording_stop(main->recording, PLM_RECORDING_ENDED, NULL);
    if (main->record)
        leave_to_starter(main);
    HASH_ITER (hh, main->hub->recordings, rec, next)
        if (rec->room == main)
            rec->room = NULL;
}

void plm_recording_revoke(const struct plm_record *record)
{
    struct plm_recording *rec, *next;
    HASH_ITER (hh, record->hub->recordings, rec, next)
        rec->epoch += plm_recording_is_of(rec, record);
}

/* ---- the recorder ---- */

void plm_hub_set_recorder(struct plm_hub *hub, const struct plm_recording_port *recorder)
{
    struct plm_recording *rec, *next;
    hub->recorder = *recorder;
    DL_FOREACH_SAFE (hub->running, rec, next) {
        rec->answer_by = now_ms(hub) + PLM_RECORDING_ANSWER_MS;
        if (call_recorder(rec, true))
            set_state(rec, PLM_RECORDING_FAILED, PLM_RECORDING_NO_RECORDER);
        else
            plm_recording_log_resumed(rec->room);
    }
    plm_hub_settle(hub);
}

/* One that only the recorder knew: the store was lost, or its folder brought from elsewhere. Only the API sees it. */
static struct plm_recording *adopt(struct plm_hub *hub, const struct plm_recording_news *news)
{
    if (!plm_recording_id_valid(news->id) || !news->key || !news->name ||
        strlen(news->key) >= PLM_NAME_SIZE || strlen(news->name) >= PLM_NAME_SIZE)
        return NULL;
    struct plm_recording *rec = plm_recording_add(hub, news->id);
    if (!rec)
        return NULL;
    memcpy(rec->key, news->key, strlen(news->key) + 1);
    memcpy(rec->name, news->name, strlen(news->name) + 1);
    rec->started_ms = news->started_ms;
    rec->state = PLM_RECORDING_CLOSING;
    rec->told_started = true;
    plm_recording_put(rec);
    return rec;
}

static void on_news_of_deleted(struct plm_recording *rec, const struct plm_recording_news *news)
{
    const struct plm_hub *hub = rec->hub;
    if (news->state == PLM_RECORDING_FAILED && news->reason == PLM_RECORDING_DELETED) {
        if (hub->store.drop)
            hub->store.drop(hub->store.ctx, PLM_STORE_RECORDING, rec->id);
        plm_recording_free(rec);
    } else if (hub->recorder.remove) {
        hub->recorder.remove(hub->recorder.ctx, rec->id);
    }
}

void plm_hub_on_recording(struct plm_hub *hub, const struct plm_recording_news *news)
{
    struct plm_recording *rec = find(hub, news->id);
    if (rec && rec->deleted_at) {
        on_news_of_deleted(rec, news);
        return;
    }
    if (!rec && !(rec = adopt(hub, news)))
        return;
    rec->bytes = news->bytes;
    rec->duration_us = news->duration_us > 0 ? news->duration_us : 0;
    rec->files = news->files;
    bool ours = plm_recording_runs(rec);
    if (!ours && news->state <= PLM_RECORDING_PAUSED && hub->recorder.stop) /* it did not hear of the end */
        hub->recorder.stop(hub->recorder.ctx, rec->id, rec->reason ? rec->reason : PLM_RECORDING_ENDED);
    if (may_become(rec->state, news->state))
        set_state(rec, news->state,
            news->reason || news->state <= PLM_RECORDING_PAUSED ? news->reason : rec->reason);
    plm_hub_settle(hub);
}

/* ---- time ---- */

static uint64_t warning_at(const struct plm_recording *rec)
{
    uint64_t fifth = rec->limit_s * UINT64_C(1000) / 5;
    uint64_t before = fifth < PLM_RECORDING_WARNING_MS ? fifth : PLM_RECORDING_WARNING_MS;
    return rec->stop_at - (before < rec->stop_at ? before : rec->stop_at);
}

static void warn(struct plm_recording *rec)
{
    static const struct plm_msg ending = {
        .type = PLM_MSG_noticed, .noticed = {.notice = PLM_MSG_notice_recording_ending}};
    struct plm_member *m, *next;
    rec->end_told = true;
    HASH_ITER (hh_id, rec->room->people, m, next)
        if (plm_role_leads(m->role) || m->may_record)
            plm_member_send(m, &ending);
}

uint64_t plm_recordings_poll(struct plm_hub *hub, uint64_t now)
{
    struct plm_recording *rec, *after;
    uint64_t next = UINT64_MAX;
    DL_FOREACH_SAFE (hub->running, rec, after) {
        if (rec->stop_at <= now) {
            plm_recording_stop(rec, PLM_RECORDING_LIMIT, NULL);
            continue;
        }
        if (rec->answer_by && rec->answer_by <= now) {
            rec->answer_by = 0;
            if (rec->state == PLM_RECORDING_STARTING)
                set_state(rec, PLM_RECORDING_PAUSED, PLM_RECORDING_NO_RECORDER);
        }
        if (!rec->end_told && warning_at(rec) <= now)
            warn(rec);
        uint64_t due = rec->end_told ? rec->stop_at : warning_at(rec), log = plm_recording_log_poll(rec, now);
        due = rec->answer_by && rec->answer_by < due ? rec->answer_by : due;
        due = log < due ? log : due;
        next = due < next ? due : next;
    }
    return next;
}
