#include "api.h"

#include "admission.h"
#include "bans.h"
#include "breakout.h"
#include "lead.h"
#include "makers.h"
#include "moderation.h"
#include "roles.h"
#include "room.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void plm_api_tell(struct plm_room *room, enum plm_hub_event_type type, uint32_t participant, const char *name,
    const char *identity, const char *reason)
{
    struct plm_hub *hub = room->hub;
    if (!hub->host.on_event || hub->restoring) /* what stands again was told before */
        return;
    struct plm_hub_event ev = {.type = type,
        .room = plm_room_main(room)->name,
        .at = hub->host.wall_ms(hub->host.ctx),
        .participant = participant,
        .name = name,
        .identity = identity,
        .reason = reason};
    hub->host.on_event(hub->host.ctx, &ev);
}

/* ---- rooms ---- */

static void describe(const struct plm_record *record, struct plm_api_room *out)
{
    const struct plm_room *room = record->meeting;
    *out = (struct plm_api_room){.record = &record->value, .running = room != NULL};
    if (!room)
        return;
    const struct plm_room *breakout;
    out->participants = plm_room_population(room);
    out->viewers = room->n_receivers;
    DL_FOREACH2 (room->breakouts.rooms, breakout, sibling_next)
        out->viewers += breakout->n_receivers;
    out->waiting = room->n_waiting;
    out->breakouts = room->breakouts.n_rooms;
    out->started_at = room->started ? room->started_at : 0;
    out->ends_at = room->end_at ? plm_room_ends_at(room) : 0;
}

static int by_key(const void *a, const void *b)
{
    const struct plm_record *const *x = a, *const *y = b;
    return strcmp((*x)->value.key, (*y)->value.key);
}

/* @return whether after is a name, or the number of a room */
static bool read_after(struct plm_hub *hub, const char *after, struct plm_room_ref *out)
{
    struct plm_refusal unused;
    *out = (struct plm_room_ref){0};
    if (!*after)
        return true;
    if (plm_room_ref_read(out, after, &unused))
        return false;
    const struct plm_record *record = *out->code ? plm_record_find(hub, out) : NULL;
    if (record)
        memcpy(out->key, record->value.key, sizeof out->key);
    return *out->key != 0;
}

int plm_api_rooms(
    struct plm_hub *hub, const char *after, bool (*f)(void *arg, const struct plm_api_room *room), void *arg)
{
    size_t n = 0, max = HASH_COUNT(hub->records);
    struct plm_record *record, *next;
    struct plm_api_room room;
    struct plm_room_ref from;
    if (!read_after(hub, after, &from))
        return PLM_EINVAL;
    const struct plm_record **sorted = max ? calloc(max, sizeof *sorted) : NULL;
    if (!sorted)
        return max ? PLM_ENOMEM : 0;
    HASH_ITER (hh, hub->records, record, next)
        if (strcmp(record->value.key, from.key) > 0)
            sorted[n++] = record;
    qsort(sorted, n, sizeof *sorted, by_key);
    for (size_t i = 0; i < n; i++) {
        describe(sorted[i], &room);
        if (!f(arg, &room))
            break;
    }
    free(sorted);
    return 0;
}

static struct plm_record *find(struct plm_hub *hub, const char *room)
{
    struct plm_room_ref ref;
    struct plm_refusal unused;
    return plm_room_ref_read(&ref, room, &unused) ? NULL : plm_record_find(hub, &ref);
}

static int refuse_unknown(struct plm_refusal *why, const char *field, const char *message)
{
    plm_refuse(why, PLM_MSG_error_code_not_found, field, "%s", message);
    return PLM_ENOENT;
}

int plm_api_room_get(struct plm_hub *hub, const char *room, struct plm_api_room *out)
{
    const struct plm_record *record = find(hub, room);
    if (!record)
        return PLM_ENOENT;
    describe(record, out);
    return 0;
}

bool plm_api_is_banned(struct plm_hub *hub, const char *room, const struct plm_grants *grants)
{
    const struct plm_record *record = room ? find(hub, room) : NULL;
    struct plm_identity who = {0};
    memcpy(who.token_id, grants->token_id, sizeof who.token_id);
    if (record)
        memcpy(who.identity, grants->identity, sizeof who.identity);
    return plm_ban_holds(hub, record ? record->value.key : "", &who);
}

static bool is_digest(const char *text)
{
    return !*text || (strlen(text) == PLM_KEY_DIGEST_SIZE - 1 &&
                         strspn(text, "0123456789abcdef") == PLM_KEY_DIGEST_SIZE - 1);
}

static int check_change(const struct plm_api_change *c, struct plm_refusal *why)
{
    char title[PLM_NAME_SIZE];
    if (c->password_hash && strlen(c->password_hash) >= PLM_HASH_SIZE)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "password", "its hash is too long");
    if (c->owner_digest && !is_digest(c->owner_digest))
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "owner", "not a SHA-256 digest");
    if (!c->settings)
        return 0;
    if (c->settings->max_participants > 1000 || c->settings->max_minutes > 1440)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "settings", "out of range");
    return *c->settings->title ? plm_name_clean(title, c->settings->title, "settings.title", why) : 0;
}

static bool owns(const struct plm_grants *by)
{
    return !by || by->role == PLM_MSG_role_owner;
}

/* The same as in the meeting, which has no request for an owner or codecs at all. */
static int check_rank(const struct plm_grants *by, const struct plm_record *record,
    const struct plm_api_change *c, struct plm_refusal *why)
{
    if (owns(by))
        return 0;
    if (c->owner_digest || c->codecs)
        return plm_refuse(why, PLM_MSG_error_code_forbidden, c->owner_digest ? "owner" : "codecs",
            "only an owner decides that");
    return c->settings && c->settings->may_record != record->value.settings.may_record
               ? plm_lead_may_permit_recording(by->role, record, why)
               : 0;
}

static void change(struct plm_record *record, const struct plm_api_change *c)
{
    struct plm_room_record *r = &record->value;
    struct plm_refusal unused;
    if (c->settings) {
        r->settings = *c->settings;
        if (*r->settings.title)
            plm_name_clean(r->settings.title, c->settings->title, "", &unused);
    }
    if (c->password_hash)
        memcpy(r->password_hash, c->password_hash, strlen(c->password_hash) + 1);
    if (c->owner_digest)
        memcpy(r->owner_digest, c->owner_digest, strlen(c->owner_digest) + 1);
    if (c->codecs)
        memcpy(r->codecs, c->codecs, sizeof r->codecs);
    plm_lead_changed(record);
}

int plm_api_room_may_make(struct plm_hub *hub, const char *source, struct plm_refusal *why)
{
    return plm_maker_take(hub, source, why);
}

int plm_api_room_create(
    struct plm_hub *hub, const char *name, const struct plm_api_change *c, struct plm_refusal *why)
{
    struct plm_room_ref ref;
    struct plm_record *record;
    int err = plm_room_ref_read(&ref, name, why);
    if (!err)
        err = check_change(c, why);
    if (err)
        return err;
    if (*ref.code)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "name", "ten digits are a number, not a name");
    if (plm_record_find(hub, &ref)) {
        plm_refuse(why, PLM_MSG_error_code_bad_state, "name", "there is such a room");
        return -EEXIST;
    }
    err = plm_record_create(&record, hub, &ref, why);
    if (err)
        return why->code == PLM_MSG_error_code_full ? PLM_ELIMIT : PLM_ENOMEM;
    record->value.lasting = true;
    change(record, c);
    plm_hub_settle(hub);
    return 0;
}

int plm_api_room_change(struct plm_hub *hub, const struct plm_grants *by, const char *room,
    const struct plm_api_change *c, struct plm_refusal *why)
{
    struct plm_record *record = find(hub, room);
    if (!record)
        return refuse_unknown(why, "room", "no such room");
    int err = check_rank(by, record, c, why);
    if (!err)
        err = check_change(c, why);
    if (err)
        return err;
    record->value.lasting |= owns(by);
    change(record, c);
    plm_hub_settle(hub);
    return 0;
}

int plm_api_room_delete(struct plm_hub *hub, const char *room, struct plm_refusal *why)
{
    struct plm_record *record = find(hub, room);
    if (!record)
        return refuse_unknown(why, "room", "no such room");
    if (record->meeting)
        plm_room_close(record->meeting, PLM_MSG_leave_reason_closed);
    plm_record_forget(record);
    plm_hub_settle(hub);
    return 0;
}

static int find_meeting(struct plm_hub *hub, const char *room, struct plm_room **out, struct plm_refusal *why)
{
    const struct plm_record *record = find(hub, room);
    if (!record)
        return refuse_unknown(why, "room", "no such room");
    if (!record->meeting)
        return refuse_unknown(why, "room", "nobody meets there now");
    *out = record->meeting;
    return 0;
}

int plm_api_room_end(struct plm_hub *hub, const char *room, struct plm_refusal *why)
{
    struct plm_room *meeting;
    int err = find_meeting(hub, room, &meeting, why);
    if (err)
        return err;
    plm_room_close(meeting, PLM_MSG_leave_reason_closed);
    plm_hub_settle(hub);
    return 0;
}

/* ---- people ---- */

static bool sends(const struct plm_member *m, enum plm_source source)
{
    for (size_t i = 0; i < m->n_tracks; i++)
        if (m->tracks[i].source == source)
            return !m->tracks[i].muted;
    return false;
}

static int by_id(const void *a, const void *b)
{
    const struct plm_member *const *x = a, *const *y = b;
    return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static void describe_member(const struct plm_member *m, struct plm_api_participant *out)
{
    *out = (struct plm_api_participant){.id = m->id,
        .name = m->name,
        .identity = m->who.identity,
        .role = m->role,
        .joined_at = m->joined_at,
        .breakout = m->room->number,
        .detached = !m->session && !m->resource,
        .microphone = sends(m, PLM_SOURCE_MICROPHONE),
        .camera = sends(m, PLM_SOURCE_CAMERA),
        .screen = sends(m, PLM_SOURCE_SCREEN),
        .hand = m->hand != 0};
}

int plm_api_participants(struct plm_hub *hub, const char *room,
    bool (*f)(void *arg, const struct plm_api_participant *p), void *arg, struct plm_refusal *why)
{
    struct plm_room *meeting;
    struct plm_api_participant p;
    int err = find_meeting(hub, room, &meeting, why);
    if (err)
        return err;
    size_t n = 0, max = plm_room_population(meeting);
    const struct plm_member **sorted = calloc(max + 1, sizeof *sorted);
    struct plm_member *m, *next;
    if (!sorted) {
        plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
        return PLM_ENOMEM;
    }
    HASH_ITER (hh_id, meeting->people, m, next)
        sorted[n++] = m;
    qsort(sorted, n, sizeof *sorted, by_id);
    for (size_t i = 0; i < n; i++) {
        describe_member(sorted[i], &p);
        if (!f(arg, &p))
            break;
    }
    free(sorted);
    return 0;
}

static int find_member(struct plm_hub *hub, const char *room, uint32_t participant, struct plm_member **out,
    struct plm_refusal *why)
{
    struct plm_room *meeting;
    int err = find_meeting(hub, room, &meeting, why);
    if (err)
        return err;
    *out = plm_room_find_member(meeting, participant);
    return *out ? 0 : refuse_unknown(why, "participant", "nobody of this id is there");
}

bool plm_api_names(struct plm_hub *hub, plm_room_id media, plm_participant_id participant, const char **room,
    const char **name)
{
    struct plm_room *found = plm_room_find_media(hub, media);
    const struct plm_member *m = found ? plm_room_find_member(found, participant) : NULL;
    if (!found)
        return false;
    *room = plm_room_main(found)->name;
    *name = m ? m->name : "";
    return true;
}

int plm_api_participant_get(struct plm_hub *hub, const char *room, uint32_t participant,
    struct plm_api_participant *out, struct plm_refusal *why)
{
    struct plm_member *m;
    int err = find_member(hub, room, participant, &m, why);
    if (!err)
        describe_member(m, out);
    return err;
}

int plm_api_quality(struct plm_hub *hub, const char *room, uint32_t participant,
    bool (*f)(void *arg, const struct plm_api_quality *q), void *arg, struct plm_refusal *why)
{
    struct plm_room *meeting;
    struct plm_api_quality q = {
        .wall_offset_ms = (int64_t)(hub->host.wall_ms(hub->host.ctx) - hub->host.now_ms(hub->host.ctx))};
    int err = find_meeting(hub, room, &meeting, why);
    for (uint32_t id = participant ? participant : 1; !err && id <= meeting->last_id; id++) {
        q.person = plm_quality_find(meeting, id);
        if ((q.person && !f(arg, &q)) || participant)
            break;
    }
    return err;
}

int plm_api_mute(struct plm_hub *hub, const char *room, uint32_t participant, enum plm_source source,
    struct plm_refusal *why)
{
    struct plm_member *m;
    int err = find_member(hub, room, participant, &m, why);
    if (err)
        return err;
    plm_member_mute_by(m, source, 0);
    plm_hub_settle(hub);
    return 0;
}

int plm_api_kick(struct plm_hub *hub, const struct plm_grants *by, const char *room, uint32_t participant,
    struct plm_refusal *why)
{
    struct plm_member *m;
    int err = find_member(hub, room, participant, &m, why);
    if (!err && by)
        err = plm_lead_may_kick(by->role, m, why);
    if (err)
        return err;
    plm_member_kick(m);
    plm_hub_settle(hub);
    return 0;
}

int plm_api_move(
    struct plm_hub *hub, const char *room, uint32_t participant, uint32_t to, struct plm_refusal *why)
{
    struct plm_member *m;
    int err = find_member(hub, room, participant, &m, why);
    if (!err)
        err = plm_breakout_send(m, to, why);
    if (!err)
        plm_hub_settle(hub);
    return err;
}

/* Whoever bears the token is who they are in the meeting by its identity or its id. */
static bool is_own(const struct plm_grants *by, const struct plm_member *m)
{
    struct plm_identity who = {0};
    memcpy(who.identity, by->identity, sizeof who.identity);
    memcpy(who.token_id, by->token_id, sizeof who.token_id);
    return plm_identity_matches(&m->who, &who);
}

int plm_api_set_role(struct plm_hub *hub, const struct plm_grants *by, const char *room, uint32_t participant,
    enum plm_msg_role role, struct plm_refusal *why)
{
    struct plm_member *m;
    int err = find_member(hub, room, participant, &m, why);
    if (!err && by)
        err = plm_moderation_may_give(by->role, is_own(by, m), m, role, why);
    if (!err)
        err = plm_member_set_role(m, role, why);
    if (!err)
        plm_hub_settle(hub);
    return err;
}

#define MAX_TEXT 4000 /* octets of a chat message, as in messages.def */

int plm_api_message(struct plm_hub *hub, const char *room, uint32_t participant, const char *name,
    const char *text, struct plm_refusal *why)
{
    char from[PLM_NAME_SIZE], clean[MAX_TEXT + 1];
    struct plm_room *meeting;
    struct plm_member *to = NULL;
    struct plm_chat_from who = {.name = from};
    size_t len = strlen(text);
    int err = find_meeting(hub, room, &meeting, why);
    if (!err && participant)
        err = find_member(hub, room, participant, &to, why);
    if (!err)
        err = plm_name_clean(from, name, "name", why);
    if (err)
        return err;
    if (len > MAX_TEXT || (memcpy(clean, text, len + 1), plm_text_clean(clean, true)) <= 0)
        return plm_refuse(
            why, PLM_MSG_error_code_bad_message, "text", "empty, too long or with control characters");
    err = plm_chat_post(to ? to->room : meeting, &who, to, clean, why);
    plm_hub_settle(hub);
    return err;
}
