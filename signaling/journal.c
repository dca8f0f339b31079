#include "journal.h"

#include "breakout.h"
#include "json_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- keys ---- */

static void room_key(const struct plm_room *room, char out[PLM_JOURNAL_KEY_SIZE])
{
    if (room->parent)
        snprintf(out, PLM_JOURNAL_KEY_SIZE, "%s/%u", room->parent->key, room->number);
    else
        snprintf(out, PLM_JOURNAL_KEY_SIZE, "%s", room->key);
}

static void chat_key(
    const struct plm_room *room, const struct plm_chat_entry *e, char out[PLM_JOURNAL_KEY_SIZE])
{
    room_key(room, out);
    size_t len = strlen(out);
    snprintf(out + len, PLM_JOURNAL_KEY_SIZE - len, "/%010u", e->number);
}

/* ---- documents ---- */

static bool put(struct plm_hub *hub, enum plm_store_kind kind, const char *key, json_t *o)
{
    struct plm_text *text = plm_json_text(o);
    if (!text)
        return false;
    hub->store.put(hub->store.ctx, kind, key, text);
    plm_text_unref(text);
    return true;
}

/* Times are those of the wall: a monotonic clock does not outlive the machine. */
static json_int_t breakouts_end(const struct plm_room *room)
{
    uint64_t at = 0;
    return plm_breakout_end_at(room, &at) ? (json_int_t)at : 0;
}

static bool put_room(const struct plm_room *room)
{
    char key[PLM_JOURNAL_KEY_SIZE];
    room_key(room, key);
    return put(room->hub, PLM_STORE_MEETING, key,
        json_pack("{s:i,s:s,s:I,s:I,s:I,s:b,s:I,s:b,s:I,s:b}", "v", PLM_JOURNAL_VERSION, "name", room->name,
            "last_id", (json_int_t)room->last_id, "last_chat", (json_int_t)room->last_chat, "opened_at",
            (json_int_t)room->opened_at, "started", room->started, "started_at", (json_int_t)room->started_at,
            "may_choose", room->breakouts.may_choose, "breakouts_end", breakouts_end(room), "auto_recorded",
            room->auto_recorded));
}

static json_t *identity(const struct plm_identity *who)
{
    return json_pack("{s:s,s:s,s:s,s:I}", "identity", who->identity, "token_id", who->token_id, "device",
        who->device, "expires_at", (json_int_t)who->expires_at);
}

/* A list of which a part is missing is none. */
static json_t *whole(json_t *list, int err)
{
    if (!err)
        return list;
    json_decref(list);
    return NULL;
}

static json_t *muted_sources(const struct plm_member *m)
{
    json_t *list = json_array();
    int err = 0;
    for (size_t i = 0; i < m->n_tracks; i++)
        if (m->tracks[i].muted)
            err |= json_array_append_new(
                list, json_string(plm_msg_source_name((enum plm_msg_source)m->tracks[i].source)));
    return whole(list, err);
}

static json_t *permits(const struct plm_member *m)
{
    json_t *list = json_array();
    int err = 0;
    for (size_t i = 0; i < PLM_SOURCE_COUNT; i++)
        err |= json_array_append_new(list, json_integer(m->permits[i]));
    return whole(list, err);
}

static bool put_member(const struct plm_member *m)
{
    char key[PLM_JOURNAL_KEY_SIZE];
    room_key(m->room, key);
    return put(m->room->hub, PLM_STORE_MEMBER, m->digest,
        json_pack("{s:i,s:s,s:I,s:s,s:s,s:I,s:I,s:I,s:b,s:b,s:b,s:o,s:o,s:o}", "v", PLM_JOURNAL_VERSION,
            "room", key, "id", (json_int_t)m->id, "name", m->name, "role", plm_msg_role_name(m->role),
            "joined_at", (json_int_t)m->joined_at, "hand", (json_int_t)m->hand, "place", (json_int_t)m->place,
            "has_published", m->has_published, "may_subscribe", m->may_subscribe, "may_record", m->may_record,
            "who", identity(&m->who), "permits", permits(m), "muted", muted_sources(m)));
}

void plm_journal_waiting(const struct plm_waiting *w)
{
    const struct plm_guest *g = &w->guest;
    if (!w->room->hub->store.put)
        return;
    put(w->room->hub, PLM_STORE_MEMBER, g->digest,
        json_pack("{s:i,s:s,s:I,s:s,s:s,s:s,s:I,s:b,s:b,s:b,s:b,s:b,s:o,s:s}", "v", PLM_JOURNAL_VERSION,
            "room", w->room->key, "id", (json_int_t)g->id, "name", g->name, "role",
            plm_msg_role_name(g->role), "waits", plm_msg_wait_reason_name(w->reason), "since",
            (json_int_t)w->since, "trusted", g->trusted, "may_publish", g->may_publish, "may_subscribe",
            g->may_subscribe, "skip_lobby", g->skip_lobby, "may_record", g->may_record, "who",
            identity(&g->who), "source", g->source));
}

/* Who was let in is the one of that secret now: their document is replaced, not dropped. */
void plm_journal_forget_waiting(const struct plm_waiting *w)
{
    struct plm_hub *hub = w->room->hub;
    const struct plm_member *m;
    HASH_FIND_STR(hub->members, w->guest.digest, m);
    if (hub->store.drop && !m)
        hub->store.drop(hub->store.ctx, PLM_STORE_MEMBER, w->guest.digest);
}

/* ---- marks ---- */

static void schedule(struct plm_hub *hub)
{
    if (!hub->journal.rooms && !hub->journal.members)
        hub->journal.due_at = hub->host.now_ms(hub->host.ctx) + PLM_JOURNAL_PERIOD_MS;
}

void plm_journal_room(struct plm_room *room)
{
    if (room->unkept || !room->hub->store.put)
        return;
    schedule(room->hub);
    room->unkept = true;
    DL_APPEND2(room->hub->journal.rooms, room, journal_prev, journal_next);
}

void plm_journal_member(struct plm_member *m)
{
    if (m->unkept || m->resource || !m->room->hub->store.put)
        return;
    schedule(m->room->hub);
    m->unkept = true;
    DL_APPEND2(m->room->hub->journal.members, m, journal_prev, journal_next);
}

static void unmark_room(struct plm_room *room)
{
    if (room->unkept)
        DL_DELETE2(room->hub->journal.rooms, room, journal_prev, journal_next);
    room->unkept = false;
}

static void unmark_member(struct plm_member *m)
{
    if (m->unkept)
        DL_DELETE2(m->room->hub->journal.members, m, journal_prev, journal_next);
    m->unkept = false;
}

void plm_journal_forget_room(struct plm_room *room)
{
    const struct plm_store_port *store = &room->hub->store;
    char key[PLM_JOURNAL_KEY_SIZE];
    unmark_room(room);
    room_key(room, key);
    if (store->drop)
        store->drop(store->ctx, PLM_STORE_MEETING, key);
}

void plm_journal_forget_member(struct plm_member *m)
{
    const struct plm_store_port *store = &m->room->hub->store;
    unmark_member(m);
    if (store->drop && *m->digest)
        store->drop(store->ctx, PLM_STORE_MEMBER, m->digest);
}

/* ---- chat ---- */

void plm_journal_chat(const struct plm_room *room, const struct plm_chat_entry *e)
{
    char key[PLM_JOURNAL_KEY_SIZE];
    if (!room->hub->store.put)
        return;
    chat_key(room, e, key);
    put(room->hub, PLM_STORE_CHAT, key,
        json_pack("{s:i,s:I,s:I,s:s,s:I,s:b,s:s}", "v", PLM_JOURNAL_VERSION, "from", (json_int_t)e->from,
            "to", (json_int_t)e->to, "name", e->name, "at", (json_int_t)e->at, "announcement",
            e->announcement, "text", e->text));
}

void plm_journal_forget_chat(const struct plm_room *room, const struct plm_chat_entry *e)
{
    const struct plm_store_port *store = &room->hub->store;
    char key[PLM_JOURNAL_KEY_SIZE];
    if (!store->drop)
        return;
    chat_key(room, e, key);
    store->drop(store->ctx, PLM_STORE_CHAT, key);
}

/* ---- time ---- */

/* Rooms first: a participant whose room is not known is nobody. What memory is too short for is tried again. */
uint64_t plm_journal_flush(struct plm_hub *hub, uint64_t now)
{
    struct plm_journal *j = &hub->journal;
    int left = PLM_JOURNAL_MAX_PUTS;
    if (!j->rooms && !j->members)
        return UINT64_MAX;
    if (now < j->due_at)
        return j->due_at;
    while (j->rooms && left-- > 0 && put_room(j->rooms))
        unmark_room(j->rooms);
    while (!j->rooms && j->members && left-- > 0 && put_member(j->members))
        unmark_member(j->members);
    if (!j->rooms && !j->members)
        return UINT64_MAX;
    j->due_at = now + 1;
    return j->due_at;
}
