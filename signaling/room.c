#include "room.h"

#include "api.h"
#include "bans.h"
#include "connection.h"
#include "journal.h"
#include "lead.h"
#include "lobby.h"
#include "news.h"
#include "quality.h"
#include "recording_log.h"
#include "recordings.h"
#include "records.h"
#include "resource.h"
#include "video_codec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int plm_name_clean(char out[PLM_NAME_SIZE], const char *name, const char *field, struct plm_refusal *why)
{
    size_t len = strlen(name);
    if (len >= PLM_NAME_SIZE)
        return plm_refuse(
            why, PLM_MSG_error_code_bad_message, field, "longer than %d octets", PLM_NAME_SIZE - 1);
    memcpy(out, name, len + 1);
    if (plm_text_clean(out, false) <= 0)
        return plm_refuse(
            why, PLM_MSG_error_code_bad_message, field, "must be a text without control characters");
    return 0;
}

/* A breakout room has no key: nobody enters it by name. */
static bool index_room(struct plm_room *room)
{
    struct plm_hub *hub = room->hub;
    HASH_ADD(hh_media, hub->rooms_by_media, media, sizeof room->media, room);
    if (!room->parent)
        HASH_ADD_STR(hub->rooms, key, room);
    return room->hh_media.tbl && (room->parent || room->hh.tbl);
}

static int refuse_room(struct plm_hub *hub, struct plm_refusal *why)
{
    return plm_hub_refuse_full(hub, why, PLM_HUB_LIMIT_ROOMS, "the server has no room for another meeting");
}

static int room_open(struct plm_room **out, struct plm_hub *hub, struct plm_room *parent, const char *name,
    const char *key, struct plm_refusal *why)
{
    /* Anybody may begin a meeting and open fifty breakout rooms: half of the places stay for meetings. */
    bool taken = hub->gauges.rooms >= hub->config.max_rooms ||
                 (parent && hub->n_breakouts >= hub->config.max_rooms / 2);
    if (taken)
        return refuse_room(hub, why);
    struct plm_room *room = calloc(1, sizeof *room);
    if (!room)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    room->hub = hub;
    room->parent = parent;
    room->opened_at = room->started_at = hub->host.wall_ms(hub->host.ctx);
    room->started = true;
    memcpy(room->name, name, strlen(name) + 1);
    memcpy(room->key, key, strlen(key) + 1);
    plm_room_settings_default(&room->settings);
    int err = hub->media.room_open(hub->media.ctx, &hub->config.media, &room->media);
    if (err) {
        free(room);
        if (err == PLM_ELIMIT)
            return refuse_room(hub, why);
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "media: %s", plm_strerror(err));
    }
    hub->gauges.rooms++;
    hub->n_breakouts += parent != NULL;
    if (!index_room(room)) {
        plm_room_close(room, PLM_MSG_leave_reason_closed);
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    }
    plm_hub_log(hub, room, "opened");
    plm_journal_room(room);
    *out = room;
    return 0;
}

int plm_room_enter(struct plm_room **out, struct plm_record *record, struct plm_refusal *why)
{
    *out = record->meeting;
    if (*out)
        return 0;
    int err = room_open(out, record->hub, NULL, record->value.name, record->value.key, why);
    if (err)
        return err;
    struct plm_room *room = *out;
    room->record = record;
    room->settings = record->value.settings;
    room->started = !room->settings.organised;
    plm_record_use(record, room);
    plm_room_set_end(room);
    plm_room_on_population(room);
    plm_api_tell(room, PLM_HUB_ROOM_STARTED, 0, "", "", "");
    return 0;
}

int plm_room_open_breakout(struct plm_room **out, struct plm_room *parent, const char *name, uint32_t number,
    struct plm_refusal *why)
{
    int err = room_open(out, parent->hub, parent, name, "", why);
    if (err)
        return err;
    (*out)->number = number;
    DL_APPEND2(parent->breakouts.rooms, *out, sibling_prev, sibling_next);
    parent->breakouts.n_rooms++;
    return 0;
}

/* ---- the whole meeting ---- */

struct plm_room *plm_room_main(struct plm_room *room)
{
    return room->parent ? room->parent : room;
}

const struct plm_room_settings *plm_room_rules(const struct plm_room *room)
{
    return room->parent ? &room->parent->settings : &room->settings;
}

uint32_t plm_room_population(const struct plm_room *room)
{
    const struct plm_room *main = room->parent ? room->parent : room;
    return HASH_CNT(hh_id, main->people);
}

struct plm_member *plm_room_find_member(struct plm_room *room, plm_participant_id id)
{
    struct plm_member *m;
    HASH_FIND(hh_id, plm_room_main(room)->people, &id, sizeof id, m);
    return m;
}

static void describe_settings(const struct plm_room_settings *s, struct plm_msg_settings *out)
{
    *out = (struct plm_msg_settings){.title = *s->title ? s->title : NULL,
        .has_lobby = true,
        .lobby = s->lobby,
        .has_locked = true,
        .locked = s->locked,
        .has_organised = true,
        .organised = s->organised,
        .has_max_participants = true,
        .max_participants = s->max_participants,
        .has_max_minutes = true,
        .max_minutes = s->max_minutes,
        .has_start_muted = true,
        .start_muted = s->start_muted,
        .has_start_camera_off = true,
        .start_camera_off = s->start_camera_off,
        .has_may_speak = true,
        .may_speak = s->may_speak,
        .has_may_show = true,
        .may_show = s->may_show,
        .has_may_share = true,
        .may_share = s->may_share,
        .has_may_chat = true,
        .may_chat = s->may_chat,
        .has_may_whisper = true,
        .may_whisper = s->may_whisper,
        .has_sounds = true,
        .sounds = s->sounds,
        .has_may_record = true,
        .may_record = s->may_record,
        .has_auto_record = true,
        .auto_record = s->auto_record};
}

void plm_room_describe(const struct plm_room *room, struct plm_msg_room_info *out)
{
    const struct plm_room *main = room->parent ? room->parent : room;
    const struct plm_room_record *record = &main->record->value;
    *out = (struct plm_msg_room_info){.name = room->name,
        .code = room->parent ? NULL : record->code,
        .has_password = *record->password_hash != 0,
        .started_at = main->started ? main->started_at : 0,
        .has_ends_at = main->end_at != 0,
        .ends_at = plm_room_ends_at(main),
        .has_breakout = room->parent != NULL,
        .breakout = room->number};
    describe_settings(plm_room_rules(room), &out->settings);
}

struct plm_room *plm_room_find(struct plm_hub *hub, const char *key)
{
    struct plm_room *room;
    HASH_FIND_STR(hub->rooms, key, room);
    return room;
}

struct plm_room *plm_room_find_media(struct plm_hub *hub, plm_room_id media)
{
    struct plm_room *room;
    HASH_FIND(hh_media, hub->rooms_by_media, &media, sizeof media, room);
    return room;
}

static void dismiss(struct plm_member *m, enum plm_msg_leave_reason reason)
{
    struct plm_session *session = m->session;
    struct plm_msg msg = {.type = PLM_MSG_ended, .ended = {.reason = reason}};
    plm_member_send(m, &msg);
    plm_api_tell(m->room, PLM_HUB_PARTICIPANT_LEFT, m->id, m->name, m->who.identity,
        plm_msg_leave_reason_name(reason));
    m->session = NULL;
    plm_member_destroy(m);
    if (session)
        plm_session_close(session, PLM_SESSION_CLOSE_DONE, plm_msg_leave_reason_name(reason));
}

/* The meeting is over; the room goes on without it. Nobody could unlock one that is nobody's. */
static void leave_record(struct plm_room *room)
{
    struct plm_record *record = room->record;
    plm_ban_lift(room->hub, room->key);
    plm_api_tell(room, PLM_HUB_ROOM_ENDED, 0, "", "", "");
    if (!plm_record_is_owned(record))
        record->value.settings.locked = false;
    plm_record_use(record, NULL);
}

void plm_room_close(struct plm_room *room, enum plm_msg_leave_reason reason)
{
    struct plm_hub *hub = room->hub;
    if (!room->parent)
        plm_recording_on_close(room);
    while (room->breakouts.rooms)
        plm_room_close(room->breakouts.rooms, reason);
    if (!hub->closing)
        plm_lobby_refuse_all(room, "the meeting ended");
    plm_lobby_clear(room);
    while (room->receivers)
        plm_resource_destroy(room->receivers);
    while (room->members)
        dismiss(room->members, reason);
    plm_quality_clear(room);
    plm_chat_clear(room);
    plm_news_clear(room);
    plm_codecs_forget(room);
    plm_journal_forget_room(room);
    if (room->lingers)
        DL_DELETE2(hub->lingering, room, linger_prev, linger_next);
    if (room->breakouts.listed)
        DL_DELETE2(hub->with_breakouts, room, breakouts_prev, breakouts_next);
    if (room->record)
        leave_record(room);
    if (room->number) {
        DL_DELETE2(room->parent->breakouts.rooms, room, sibling_prev, sibling_next);
        room->parent->breakouts.n_rooms--;
    }
    if (room->hh.tbl)
        HASH_DELETE(hh, hub->rooms, room);
    if (room->hh_media.tbl)
        HASH_DELETE(hh_media, hub->rooms_by_media, room);
    hub->media.room_close(hub->media.ctx, room->media);
    hub->gauges.rooms--;
    hub->n_breakouts -= room->parent != NULL;
    plm_hub_log(hub, room, "closed");
    free(room);
}

/* Who only watches keeps nothing going, and who waits no recording; what is left when all of it is forgotten is theirs. */
static bool is_empty(const struct plm_room *room)
{
    if (room->forgotten)
        return !room->people && !room->waiting && !room->receivers;
    return !room->people && (!room->waiting || room->recording);
}

void plm_room_on_population(struct plm_room *room)
{
    struct plm_hub *hub = room->hub;
    room = plm_room_main(room); /* a breakout room lasts until they are closed, or the meeting is over */
    if (room->forgotten && room->people)
        plm_lead_begin_anew(room);
    bool empty = is_empty(room);
    if (empty == room->lingers)
        return;
    room->lingers = empty;
    if (!empty) {
        DL_DELETE2(hub->lingering, room, linger_prev, linger_next);
        return;
    }
    room->linger_end = hub->host.now_ms(hub->host.ctx) + hub->config.linger_ms;
    DL_APPEND2(hub->lingering, room, linger_prev, linger_next);
}

void plm_room_on_linger_end(struct plm_room *room)
{
    if (!room->waiting && !room->receivers) {
        plm_room_close(room, PLM_MSG_leave_reason_closed);
        return;
    }
    plm_lead_forget(room); /* who watches waits for whoever comes next */
    plm_room_on_population(room);
}

plm_participant_id plm_room_next_id(struct plm_room *room)
{
    struct plm_room *main = plm_room_main(room);
    plm_journal_room(main);
    return ++main->last_id;
}

void plm_room_broadcast(struct plm_room *room, const struct plm_msg *msg, const struct plm_member *except)
{
    struct plm_text *text = plm_msg_encode(msg);
    struct plm_member *m;
    if (!text)
        return;
    DL_FOREACH (room->members, m)
        if (m != except && m->session)
            plm_session_send_text(m->session, text);
    plm_text_unref(text);
}

void plm_room_broadcast_all(struct plm_room *room, const struct plm_msg *msg)
{
    struct plm_text *text = plm_msg_encode(msg);
    struct plm_member *m, *next;
    if (!text)
        return;
    HASH_ITER (hh_id, plm_room_main(room)->people, m, next)
        if (m->session)
            plm_session_send_text(m->session, text);
    plm_text_unref(text);
}

void plm_room_on_speakers(struct plm_room *room, const struct plm_event *ev)
{
    uint32_t who[PLM_MAX_SPEAKERS];
    size_t n = ev->speakers.n < PLM_MAX_SPEAKERS ? ev->speakers.n : PLM_MAX_SPEAKERS;
    for (size_t i = 0; i < n; i++)
        who[i] = ev->speakers.who[i];
    if (n == room->n_speakers && !memcmp(who, room->speakers, n * sizeof *who))
        return;
    memcpy(room->speakers, who, n * sizeof *who);
    room->n_speakers = n;
    struct plm_msg msg = {
        .type = PLM_MSG_speakers, .speakers = {.participants = room->speakers, .n_participants = n}};
    plm_recording_log_speakers(room);
    plm_room_broadcast(room, &msg, NULL);
}
