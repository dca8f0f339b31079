#include "lobby.h"

#include "api.h"
#include "digest.h"
#include "journal.h"
#include "roles.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

/* ---- what is told ---- */

static void tell_waiting(struct plm_waiting *w)
{
    struct plm_msg msg = {
        .type = PLM_MSG_waiting, .waiting = {.reason = w->reason, .secret = w->guest.secret}};
    if (w->session)
        plm_session_send(w->session, &msg);
}

static void gather(struct plm_room *room)
{
    if (room->lobby.due)
        return;
    room->lobby.due = true;
    DL_APPEND2(room->hub->with_lobby, room, lobby_prev, lobby_next);
}

static void leave_list(struct plm_room *room)
{
    if (!room->lobby.due)
        return;
    room->lobby.due = false;
    DL_DELETE2(room->hub->with_lobby, room, lobby_prev, lobby_next);
}

/* Who waits, the first of them. */
static struct plm_text *describe(const struct plm_room *room)
{
    struct plm_msg_waiting_person people[PLM_LOBBY_MAX_SHOWN];
    struct plm_msg msg = {.type = PLM_MSG_lobby, .lobby = {.waiting = people, .total = room->n_waiting}};
    const struct plm_waiting *w;
    DL_FOREACH (room->waiting, w) {
        if (msg.lobby.n_waiting == PLM_LOBBY_MAX_SHOWN)
            break;
        people[msg.lobby.n_waiting++] =
            (struct plm_msg_waiting_person){.id = w->guest.id, .name = w->guest.name, .since = w->since};
    }
    return plm_msg_encode(&msg);
}

static void tell_leaders(struct plm_room *room)
{
    struct plm_text *text = describe(room);
    struct plm_member *m, *next;
    if (!text)
        return;
    HASH_ITER (hh_id, room->people, m, next)
        if (m->session && plm_role_leads(m->role))
            plm_session_send_text(m->session, text);
    plm_text_unref(text);
}

void plm_lobby_show(struct plm_member *m)
{
    struct plm_room *room = plm_room_main(m->room);
    if (!room->n_waiting || !m->session || !plm_role_leads(m->role))
        return;
    struct plm_text *text = describe(room);
    if (text)
        plm_session_send_text(m->session, text);
    plm_text_unref(text);
}

uint64_t plm_lobby_flush(struct plm_hub *hub, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    struct plm_room *room, *after;
    DL_FOREACH_SAFE2(hub->with_lobby, room, after, lobby_next)
    {
        if (now < room->lobby.next_at) {
            next = room->lobby.next_at < next ? room->lobby.next_at : next;
            continue;
        }
        leave_list(room);
        tell_leaders(room);
        room->lobby.next_at = now + PLM_LOBBY_PERIOD_MS;
    }
    return next;
}

/* ---- coming, waiting, going ---- */

static void unlist_lost(struct plm_waiting *w)
{
    if (!w->grace_end)
        return;
    DL_DELETE2(w->room->hub->lost_waiting, w, lost_prev, lost_next);
    w->grace_end = 0;
}

/* Take them out of the room and free them; the session is nobody's again. */
static void destroy(struct plm_waiting *w)
{
    struct plm_room *room = w->room;
    unlist_lost(w);
    if (w->session) {
        w->session->waiting = NULL;
        if (w->session->state == PLM_SESSION_WAITING)
            w->session->state = PLM_SESSION_OPEN;
    }
    plm_journal_forget_waiting(w);
    HASH_DELETE(hh, room->hub->waiting, w);
    DL_DELETE(room->waiting, w);
    room->n_waiting--;
    room->hub->gauges.waiting--;
    gather(room);
    free(w);
}

static void enter_list(struct plm_waiting *w)
{
    DL_APPEND(w->room->waiting, w);
    w->room->n_waiting++;
    w->room->hub->gauges.waiting++;
    plm_room_on_population(w->room);
}

static void begin_grace(struct plm_waiting *w)
{
    struct plm_hub *hub = w->room->hub;
    w->grace_end = hub->host.now_ms(hub->host.ctx) + hub->config.grace_ms;
    DL_APPEND2(hub->lost_waiting, w, lost_prev, lost_next); /* one grace time for all */
}

int plm_lobby_restore(
    struct plm_room *room, const struct plm_guest *g, enum plm_msg_wait_reason reason, uint64_t since)
{
    struct plm_hub *hub = room->hub;
    struct plm_waiting *w;
    HASH_FIND_STR(hub->waiting, g->digest, w);
    if (w)
        return PLM_EINVAL;
    if (room->n_waiting >= hub->config.max_waiting)
        return PLM_ELIMIT;
    w = calloc(1, sizeof *w);
    if (!w)
        return PLM_ENOMEM;
    w->room = room;
    w->guest = *g;
    w->reason = reason;
    w->since = since;
    HASH_ADD_STR(hub->waiting, guest.digest, w);
    if (!w->hh.tbl) {
        free(w);
        return PLM_ENOMEM;
    }
    enter_list(w);
    begin_grace(w);
    return 0;
}

int plm_lobby_wait(struct plm_room *room, const struct plm_guest *g, struct plm_session *s, uint32_t request,
    enum plm_msg_wait_reason reason, struct plm_refusal *why)
{
    struct plm_hub *hub = room->hub;
    if (room->n_waiting >= hub->config.max_waiting)
        return plm_hub_refuse_full(hub, why, PLM_HUB_LIMIT_WAITING, "too many wait already");
    struct plm_waiting *w = calloc(1, sizeof *w);
    if (!w)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    w->room = room;
    w->guest = *g;
    plm_hub_random_hex(hub, w->guest.secret, sizeof w->guest.secret);
    plm_digest(w->guest.digest, w->guest.secret);
    HASH_ADD_STR(hub->waiting, guest.digest, w);
    if (!w->hh.tbl) {
        free(w);
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    }
    w->guest.id = plm_room_next_id(room);
    w->reason = reason;
    w->since = hub->host.wall_ms(hub->host.ctx);
    w->session = s;
    w->request = request;
    s->waiting = w;
    s->state = PLM_SESSION_WAITING;
    enter_list(w);
    plm_journal_waiting(w);
    plm_hub_log(hub, room, "%u (%s) waits: %s", w->guest.id, w->guest.name, plm_msg_wait_reason_name(reason));
    tell_waiting(w);
    gather(room);
    plm_api_tell(room, PLM_HUB_PARTICIPANT_WAITING, w->guest.id, w->guest.name, w->guest.who.identity, "");
    return 0;
}

struct plm_waiting *plm_lobby_find_secret(struct plm_hub *hub, const char *secret)
{
    char digest[PLM_KEY_DIGEST_SIZE];
    struct plm_waiting *w;
    if (strlen(secret) != PLM_SECRET_SIZE - 1)
        return NULL;
    plm_digest(digest, secret);
    HASH_FIND_STR(hub->waiting, digest, w);
    if (w)
        memcpy(w->guest.secret, secret, sizeof w->guest.secret);
    return w;
}

void plm_lobby_attach(struct plm_waiting *w, struct plm_session *s, uint32_t request)
{
    struct plm_session *old = w->session;
    unlist_lost(w);
    w->session = s;
    w->request = request;
    s->waiting = w;
    s->state = PLM_SESSION_WAITING;
    if (old)
        plm_session_close(old, PLM_SESSION_CLOSE_TAKEN, "resumed elsewhere");
    w->room->hub->counters.resumes++;
    tell_waiting(w);
}

void plm_lobby_detach(struct plm_waiting *w)
{
    w->session = NULL;
    begin_grace(w);
}

void plm_lobby_leave(struct plm_waiting *w)
{
    struct plm_room *room = w->room;
    destroy(w);
    plm_room_on_population(room);
}

static void refuse(struct plm_waiting *w, enum plm_msg_error_code code, const char *message)
{
    struct plm_refusal why;
    struct plm_session *s = w->session;
    uint32_t request = w->request;
    plm_refuse(&why, code, "", "%s", message);
    plm_hub_log(w->room->hub, w->room, "%u (%s) was not let in", w->guest.id, w->guest.name);
    destroy(w);
    if (s)
        plm_session_refuse(s, true, request, &why);
}

void plm_lobby_ban(struct plm_waiting *w)
{
    refuse(w, PLM_MSG_error_code_banned, "removed from this room");
}

/* Into the meeting, if it is not full. */
static int let_in(struct plm_waiting *w, struct plm_refusal *why)
{
    struct plm_room *room = w->room;
    struct plm_guest guest = w->guest;
    struct plm_session *s = w->session;
    uint32_t request = w->request;
    uint32_t cap = plm_admission_cap(room->record);
    if (plm_room_population(room) >= cap)
        return plm_hub_refuse_full(room->hub, why, PLM_HUB_LIMIT_PARTICIPANTS, "the meeting is full");
    struct plm_member *m;
    int err = plm_member_create(&m, room, &guest, s, NULL, why);
    if (err)
        return err;
    destroy(w);
    plm_admission_welcome(m, request);
    return 0;
}

void plm_lobby_reconsider(struct plm_room *room)
{
    struct plm_waiting *w, *next;
    struct plm_refusal why;
    const struct plm_room_settings *rules = &room->record->value.settings;
    if (rules->locked)
        return;
    DL_FOREACH_SAFE (room->waiting, w, next) {
        bool unstarted = rules->organised && !room->started;
        bool lobby = rules->lobby && !w->guest.skip_lobby;
        enum plm_msg_wait_reason reason =
            unstarted ? PLM_MSG_wait_reason_not_started : PLM_MSG_wait_reason_lobby;
        if (!unstarted && !lobby) {
            let_in(w, &why); /* who finds it full keeps waiting, for somebody to go */
        } else if (w->reason != reason) {
            w->reason = reason;
            plm_journal_waiting(w);
            tell_waiting(w);
        }
    }
}

void plm_lobby_refuse_all(struct plm_room *room, const char *message)
{
    while (room->waiting)
        refuse(room->waiting, PLM_MSG_error_code_refused, message);
}

void plm_lobby_clear(struct plm_room *room)
{
    while (room->waiting)
        destroy(room->waiting);
    leave_list(room);
}

uint64_t plm_lobby_poll(struct plm_hub *hub, uint64_t now)
{
    while (hub->lost_waiting && hub->lost_waiting->grace_end <= now)
        plm_lobby_leave(hub->lost_waiting);
    uint64_t next = plm_lobby_flush(hub, now);
    return hub->lost_waiting && hub->lost_waiting->grace_end < next ? hub->lost_waiting->grace_end : next;
}

/* ---- requests ---- */

static struct plm_waiting *find(struct plm_room *room, plm_participant_id id)
{
    struct plm_waiting *w;
    DL_SEARCH_SCALAR(room->waiting, w, guest.id, id);
    return w;
}

static int decide(struct plm_waiting *w, bool admitted, struct plm_refusal *why)
{
    if (admitted)
        return let_in(w, why);
    refuse(w, PLM_MSG_error_code_refused, "a moderator did not let you in");
    return 0;
}

/* Whom somebody else decided about meanwhile, or who is gone, is left out. */
int plm_lobby_admit(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_room *room = plm_room_main(by->room);
    struct plm_waiting *w, *next;
    int err = 0;
    for (size_t i = 0; i < m->admit.n_waiting && !err; i++)
        if ((w = find(room, m->admit.waiting[i])))
            err = decide(w, m->admit.admitted, why);
    if (!m->admit.n_waiting)
        DL_FOREACH_SAFE (room->waiting, w, next)
            if (!err)
                err = decide(w, m->admit.admitted, why);
    plm_room_on_population(room);
    return err;
}
