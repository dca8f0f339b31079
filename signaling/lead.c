#include "lead.h"

#include "admission.h"
#include "bans.h"
#include "journal.h"
#include "lobby.h"
#include "moderation.h"
#include "news.h"
#include "recordings.h"
#include "resource.h"
#include "roles.h"
#include "room.h"

#include <string.h>

/* ---- rules ---- */

static void tell_changed(struct plm_room *room)
{
    struct plm_msg msg = {.type = PLM_MSG_room_changed};
    struct plm_room *breakout;
    plm_room_describe(room, &msg.room_changed.room);
    plm_room_broadcast(room, &msg, NULL);
    DL_FOREACH2 (room->breakouts.rooms, breakout, sibling_next) {
        plm_room_describe(breakout, &msg.room_changed.room);
        plm_room_broadcast(breakout, &msg, NULL);
    }
}

/* Nobody sees them, and nobody knows whose they are: an encoder is on the list and can be removed. */
static void close_anonymous_receivers(struct plm_room *room)
{
    struct plm_resource *r, *next;
    DL_FOREACH_SAFE (room->receivers, r, next)
        if (!r->trusted)
            plm_resource_destroy(r);
}

void plm_lead_changed(struct plm_record *record)
{
    struct plm_room *room = record->meeting;
    plm_record_put(record);
    if (!room)
        return;
    room->settings = record->value.settings;
    if (!room->settings.organised && !room->started) {
        room->started = true;
        room->started_at = room->hub->host.wall_ms(room->hub->host.ctx);
        plm_journal_room(room);
    }
    plm_room_set_end(room);
    plm_room_apply_rules(room);
    if (plm_admission_needs_token(record))
        close_anonymous_receivers(room);
    tell_changed(room);
    plm_lobby_reconsider(room);
    plm_recording_reconsider(room);
    plm_room_on_population(room);
}

void plm_lead_apply(struct plm_record *record, const struct plm_msg_settings *c, const char *password_hash)
{
    struct plm_room_settings *s = &record->value.settings;
#define TAKE(member)                                                                                         \
    if (c->has_##member)                                                                                     \
    s->member = c->member
    TAKE(lobby);
    TAKE(locked);
    TAKE(organised);
    TAKE(max_participants);
    TAKE(max_minutes);
    TAKE(start_muted);
    TAKE(start_camera_off);
    TAKE(may_speak);
    TAKE(may_show);
    TAKE(may_share);
    TAKE(may_chat);
    TAKE(may_whisper);
    TAKE(sounds);
    TAKE(may_record);
    TAKE(auto_record);
#undef TAKE
    if (c->title)
        memcpy(s->title, c->title, strlen(c->title) + 1);
    if (password_hash)
        memcpy(record->value.password_hash, password_hash, strlen(password_hash) + 1);
    plm_lead_changed(record);
}

int plm_lead_may_permit_recording(
    enum plm_msg_role by, const struct plm_record *record, struct plm_refusal *why)
{
    if (by == PLM_MSG_role_owner || !plm_record_is_owned(record))
        return 0;
    return plm_refuse(why, PLM_MSG_error_code_forbidden, "settings.may_record", "only an owner decides that");
}

int plm_lead_configure(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    const struct plm_msg_configure *c = &m->configure;
    struct plm_record *record = plm_room_main(s->member->room)->record;
    bool takes_away = c->has_no_password && c->no_password;
    if (takes_away && c->password)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "password", "with no_password there is none");
    if (c->settings.has_may_record && plm_lead_may_permit_recording(s->member->role, record, why))
        return PLM_EINVAL;
    if (c->password)
        return plm_admission_hash(s, m, why);
    plm_lead_apply(record, &c->settings, takes_away ? "" : NULL);
    plm_session_done(s, m->id);
    return 0;
}

/* ---- start and end ---- */

void plm_room_set_end(struct plm_room *room)
{
    struct plm_hub *hub = room->hub;
    room->end_told = false;
    room->end_at = 0;
    if (!room->started || !room->settings.max_minutes)
        return;
    uint64_t ends = room->started_at + room->settings.max_minutes * 60000ull;
    uint64_t wall = hub->host.wall_ms(hub->host.ctx);
    room->end_at = hub->host.now_ms(hub->host.ctx) + (ends > wall ? ends - wall : 1);
}

uint64_t plm_room_ends_at(const struct plm_room *room)
{
    return room->started_at + room->settings.max_minutes * 60000ull;
}

static uint64_t warning_at(const struct plm_room *room)
{
    uint64_t fifth = room->settings.max_minutes * 60000ull / 5;
    uint64_t before = fifth < PLM_LEAD_WARNING_MS ? fifth : PLM_LEAD_WARNING_MS;
    return room->end_at - (before < room->end_at ? before : room->end_at);
}

uint64_t plm_lead_poll(struct plm_hub *hub, uint64_t now)
{
    static const struct plm_msg ending = {
        .type = PLM_MSG_noticed, .noticed = {.notice = PLM_MSG_notice_ending}};
    uint64_t next = UINT64_MAX;
    struct plm_room *room, *after;
    HASH_ITER (hh, hub->rooms, room, after) {
        if (!room->end_at)
            continue;
        if (room->end_at <= now) {
            plm_room_close(room, PLM_MSG_leave_reason_closed);
            continue;
        }
        if (!room->end_told && warning_at(room) <= now) {
            room->end_told = true;
            plm_room_broadcast_all(room, &ending);
        }
        uint64_t due = room->end_told ? room->end_at : warning_at(room);
        next = due < next ? due : next;
    }
    return next;
}

int plm_lead_start(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_room *room = plm_room_main(by->room);
    (void)m;
    if (room->started)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "the meeting has begun");
    room->started = true;
    room->started_at = room->hub->host.wall_ms(room->hub->host.ctx);
    plm_journal_room(room);
    plm_room_set_end(room);
    plm_hub_log(room->hub, room, "%u (%s) started the meeting", by->id, by->name);
    tell_changed(room);
    plm_lobby_reconsider(room);
    plm_recording_reconsider(room);
    return 0;
}

int plm_lead_end(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_room *room = plm_room_main(s->member->room);
    (void)why;
    plm_hub_log(room->hub, room, "%u (%s) ended the meeting", s->member->id, s->member->name);
    plm_session_done(s, m->id);
    plm_room_close(room, PLM_MSG_leave_reason_closed);
    return 0;
}

static void clear_chat(struct plm_room *room)
{
    struct plm_room *breakout;
    plm_chat_clear(room);
    DL_FOREACH2 (room->breakouts.rooms, breakout, sibling_next)
        plm_chat_clear(breakout);
}

void plm_room_on_left(struct plm_room *room, bool encoder)
{
    struct plm_room_settings *rules = &room->record->value.settings;
    if (room->people && room->waiting)
        plm_lobby_reconsider(room);
    if (plm_room_is_attended(room) || plm_record_is_owned(room->record))
        return;
    if (encoder && room->people) /* nobody was there, or this was done when they left */
        return;
    if (rules->lobby || rules->locked || room->people)
        clear_chat(room); /* who comes next was not among those who were let in, or comes long after them */
    rules->locked = room->settings.locked = false;
    if (room->people)
        plm_recording_on_unattended(room);
    else
        plm_recording_on_empty(room);
    plm_lobby_refuse_all(room, "the meeting ended");
}

void plm_lead_begin_anew(struct plm_room *room)
{
    room->forgotten = false;
    room->started_at = room->hub->host.wall_ms(room->hub->host.ctx);
    plm_room_set_end(room);
    plm_journal_room(room);
}

void plm_lead_forget(struct plm_room *room)
{
    room->forgotten = true;
    room->started = !room->settings.organised;
    room->end_at = 0;
    plm_recording_on_empty(room);
    if (plm_record_is_owned(room->record))
        return;
    clear_chat(room);
    plm_ban_lift(room->hub, room->key);
}

/* ---- ownership ---- */

int plm_lead_claim(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_room *room = plm_room_main(by->room);
    struct plm_hub *hub = room->hub;
    struct plm_guest guest;
    const char *source = by->session->out.source;
    plm_guest_init(&guest, by->name, source, NULL);
    int err = plm_guest_show_token(hub, &guest, m->claim.key, room->name, room->record, why);
    if (err)
        return err;
    if (guest.role != PLM_MSG_role_owner || plm_ban_holds(hub, room->key, &guest.who))
        return plm_refuse(why, PLM_MSG_error_code_token, "key", "does not say that you own the room");
    if (*guest.who.identity || *guest.who.token_id) {
        memcpy(by->who.identity, guest.who.identity, sizeof by->who.identity);
        memcpy(by->who.token_id, guest.who.token_id, sizeof by->who.token_id);
        by->who.expires_at = guest.who.expires_at;
    }
    err = plm_member_set_role(by, PLM_MSG_role_owner, why);
    if (!err)
        plm_lobby_show(by);
    return err;
}

/* ---- removal ---- */

/* They are told, and nothing of them stays. */
static void expel(struct plm_member *m)
{
    struct plm_msg msg = {.type = PLM_MSG_ended, .ended = {.reason = PLM_MSG_leave_reason_removed}};
    struct plm_session *session = m->session;
    plm_member_send(m, &msg);
    m->session = NULL;
    plm_member_remove(m, PLM_MSG_leave_reason_removed);
    if (session)
        plm_session_close(session, PLM_SESSION_CLOSE_DONE, "removed");
}

/* Anybody of the meeting who is the same person. NULL: nobody more. */
static struct plm_member *find_same(struct plm_room *room, const struct plm_identity *who)
{
    struct plm_member *m, *next;
    HASH_ITER (hh_id, room->people, m, next)
        if (plm_identity_matches(&m->who, who))
            return m;
    return NULL;
}

static void close_receivers(struct plm_room *room, const struct plm_identity *who)
{
    struct plm_resource *r, *next;
    DL_FOREACH_SAFE (room->receivers, r, next)
        if (plm_identity_matches(&r->who, who))
            plm_resource_destroy(r);
}

void plm_member_kick(struct plm_member *m)
{
    struct plm_room *room = plm_room_main(m->room), *breakout;
    struct plm_hub *hub = room->hub;
    struct plm_identity who = m->who;
    struct plm_waiting *w, *next;
    plm_ban_add(hub, room->key, &who);
    plm_recording_revoke(room->record);
    DL_FOREACH_SAFE (room->waiting, w, next)
        if (plm_identity_matches(&w->guest.who, &who))
            plm_lobby_ban(w);
    close_receivers(room, &who);
    DL_FOREACH2 (room->breakouts.rooms, breakout, sibling_next)
        close_receivers(breakout, &who);
    expel(m);
    while ((m = find_same(room, &who)))
        expel(m);
    plm_room_on_population(room);
}

int plm_lead_may_kick(enum plm_msg_role by, const struct plm_member *whom, struct plm_refusal *why)
{
    if (whom->role != PLM_MSG_role_owner || by == PLM_MSG_role_owner)
        return 0;
    return plm_refuse(why, PLM_MSG_error_code_forbidden, "participant", "an owner stays");
}

int plm_lead_kick(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_room *room = plm_room_main(by->room);
    struct plm_member *whom = plm_room_find_member(room, m->kick.participant);
    if (!whom)
        return plm_refuse(why, PLM_MSG_error_code_not_found, "participant", "nobody of this id is here");
    if (whom == by || plm_identity_matches(&whom->who, &by->who))
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "participant", "that is you");
    if (plm_lead_may_kick(by->role, whom, why))
        return PLM_EINVAL;
    plm_hub_log(room->hub, room, "%u (%s) removes %u (%s)", by->id, by->name, whom->id, whom->name);
    plm_member_kick(whom);
    if (m->kick.has_lobby && m->kick.lobby && !room->settings.lobby) {
        room->record->value.settings.lobby = true;
        plm_lead_changed(room->record);
    }
    return 0;
}
