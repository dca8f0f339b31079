/* Meetings from the documents of a process that is gone (journal.c wrote them). */
#include "journal.h"

#include "bans.h"
#include "base/planted.h"
#include "breakout.h"
#include "json_text.h"
#include "lead.h"
#include "lobby.h"
#include "recordings.h"
#include "records.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

#define MAX_TEXT 4000 /* of a chat message: messages.def */

/* Numbers that the last tenth of a second may have given out without a trace: they are never given out again. */
#define UNSEEN 64

/** A document that waits until all are there. Owned by the hub. */
struct plm_kept {
    char *key;
    json_t *o;
    struct plm_kept *prev, *next;
};

/* ---- fields ---- */

static bool read_number(const json_t *o, const char *name, uint64_t max, uint64_t *out)
{
    const json_t *v = json_object_get(o, name);
    if (!json_is_integer(v) || json_integer_value(v) < 0 || (uint64_t)json_integer_value(v) > max)
        return false;
    *out = (uint64_t)json_integer_value(v);
    return true;
}

static bool read_id(const json_t *o, const char *name, uint32_t min, uint32_t *out)
{
    uint64_t n;
    if (!read_number(o, name, UINT32_MAX - UNSEEN, &n) || n < min)
        return false;
    *out = (uint32_t)n;
    return true;
}

static bool read_time(const json_t *o, const char *name, uint64_t *out)
{
    return read_number(o, name, (UINT64_C(1) << 53) - 1, out); /* what clients can read */
}

static bool read_bool(const json_t *o, const char *name, bool *out)
{
    const json_t *v = json_object_get(o, name);
    *out = json_is_true(v);
    return json_is_boolean(v);
}

/* One that documents of former versions do not have. */
static bool read_new_bool(const json_t *o, const char *name, bool *out)
{
    *out = false;
    return !json_object_get(o, name) || read_bool(o, name, out);
}

/* Text that is as clean as it was when it was taken. */
static bool read_text(const json_t *o, const char *name, bool lines, char *out, size_t size)
{
    const json_t *v = json_object_get(o, name);
    size_t len = json_string_length(v);
    if (!json_is_string(v) || !len || !PLM_FITS(restore, len < size) || strlen(json_string_value(v)) != len)
        return false;
    memcpy(out, json_string_value(v), len + 1);
    return plm_text_clean(out, lines) > 0;
}

/* Text that may be empty and was never shown. */
static bool read_word(const json_t *o, const char *name, char *out, size_t size)
{
    const json_t *v = json_object_get(o, name);
    size_t len = json_string_length(v);
    if (!json_is_string(v) || !PLM_FITS(restore, len < size) || strlen(json_string_value(v)) != len)
        return false;
    memcpy(out, json_string_value(v), len + 1);
    return true;
}

static bool read_role(const json_t *o, enum plm_msg_role *out)
{
    const char *name = json_string_value(json_object_get(o, "role"));
    for (int i = 0; name && i < PLM_MSG_role_COUNT; i++)
        if (!strcmp(name, plm_msg_role_name((enum plm_msg_role)i))) {
            *out = (enum plm_msg_role)i;
            return true;
        }
    return false;
}

static bool read_reason(const json_t *o, enum plm_msg_wait_reason *out)
{
    const char *name = json_string_value(json_object_get(o, "waits"));
    for (int i = 0; name && i < PLM_MSG_wait_reason_COUNT; i++)
        if (!strcmp(name, plm_msg_wait_reason_name((enum plm_msg_wait_reason)i))) {
            *out = (enum plm_msg_wait_reason)i;
            return true;
        }
    return false;
}

static bool read_identity(const json_t *o, struct plm_identity *out)
{
    const json_t *who = json_object_get(o, "who");
    return read_word(who, "identity", out->identity, sizeof out->identity) &&
           read_word(who, "token_id", out->token_id, sizeof out->token_id) &&
           read_word(who, "device", out->device, sizeof out->device) &&
           read_number(who, "expires_at", INT64_MAX, &out->expires_at);
}

static bool read_permits(const json_t *o, enum plm_permit out[PLM_SOURCE_COUNT])
{
    const json_t *list = json_object_get(o, "permits");
    if (json_array_size(list) != PLM_SOURCE_COUNT)
        return false;
    for (size_t i = 0; i < PLM_SOURCE_COUNT; i++) {
        json_int_t n = json_integer_value(json_array_get(list, i));
        if (n < PLM_PERMIT_BY_RULE || n > PLM_PERMIT_NO)
            return false;
        out[i] = (enum plm_permit)n;
    }
    return true;
}

static bool read_muted(const json_t *o, bool out[PLM_SOURCE_COUNT])
{
    const json_t *list = json_object_get(o, "muted"), *v;
    size_t i;
    json_array_foreach(list, i,
        v) for (int s = 0; s < PLM_SOURCE_COUNT;
                s++) if (json_is_string(v) && !strcmp(json_string_value(v),
                                                  plm_msg_source_name((enum plm_msg_source)s))) out[s] = true;
    return json_is_array(list);
}

/* ---- gathering ---- */

#define WRONG_FIELD "a field is wrong"

static void free_kept(struct plm_kept *k)
{
    json_decref(k->o);
    free(k->key);
    free(k);
}

static void leave_out(struct plm_hub *hub, enum plm_store_kind kind, const char *key, const char *why)
{
    plm_hub_log(hub, NULL, "a document that was kept (%s) is left out: %s", plm_store_kind_name(kind), why);
    if (hub->store.drop)
        hub->store.drop(hub->store.ctx, kind, key);
}

static int gather(
    struct plm_hub *hub, enum plm_store_kind kind, const char *key, const char *document, size_t len)
{
    json_t *o = NULL;
    if (plm_json_read(&o, document, len, NULL) == PLM_ENOMEM)
        return PLM_ENOMEM;
    if (!json_is_object(o) || json_integer_value(json_object_get(o, "v")) != PLM_JOURNAL_VERSION) {
        leave_out(hub, kind, key, json_is_object(o) ? "of another version" : "not readable");
        json_decref(o);
        return PLM_EINVAL;
    }
    struct plm_kept *k = calloc(1, sizeof *k);
    if (k)
        k->key = strdup(key);
    if (!k || !k->key) {
        free(k);
        json_decref(o);
        return PLM_ENOMEM;
    }
    k->o = o;
    DL_APPEND(hub->journal.kept[kind], k);
    return 0;
}

int plm_hub_restore(
    struct plm_hub *hub, enum plm_store_kind kind, const char *key, const char *document, size_t len)
{
    int err = PLM_EINVAL;
    switch (kind) {
    case PLM_STORE_MEETING:
    case PLM_STORE_MEMBER:
    case PLM_STORE_CHAT:
        return gather(hub, kind, key, document, len);
    case PLM_STORE_ROOM:
        err = plm_record_restore(hub, key, document, len);
        break;
    case PLM_STORE_RECORDING:
        err = plm_recording_restore(hub, key, document, len);
        break;
    case PLM_STORE_BAN:
    case PLM_STORE_REVOKED:
        err = plm_ban_restore(hub, kind, key, document, len);
        break;
    default:
        return err;
    }
    if (err == PLM_EINVAL)
        leave_out(hub, kind, key, WRONG_FIELD);
    else if (err)
        plm_hub_log(hub, NULL, "a document that was kept (%s) is not taken: %s", plm_store_kind_name(kind),
            plm_strerror(err));
    return err;
}

/* ---- rooms ---- */

/* Each @return NULL, or why it cannot be */
typedef const char *builder(struct plm_hub *hub, const struct plm_kept *k);

/* "main" or "main/3": the room as it stands now; NULL: it does not. */
static struct plm_room *find_room(struct plm_hub *hub, const char *key, size_t len)
{
    char main_key[PLM_NAME_SIZE];
    struct plm_room *room;
    const char *slash = memchr(key, '/', len);
    size_t main_len = slash ? (size_t)(slash - key) : len;
    if (main_len >= sizeof main_key)
        return NULL;
    memcpy(main_key, key, main_len);
    main_key[main_len] = 0;
    struct plm_room *main = plm_room_find(hub, main_key);
    if (!main || !slash)
        return main;
    unsigned long number = strtoul(slash + 1, NULL, 10);
    DL_FOREACH2 (main->breakouts.rooms, room, sibling_next)
        if (room->number == number)
            return room;
    return NULL;
}

struct meeting {
    char name[PLM_NAME_SIZE];
    uint32_t last_id, last_chat;
    uint64_t opened_at, started_at, breakouts_end;
    bool started, may_choose, auto_recorded;
};

static bool read_meeting(const json_t *o, struct meeting *out)
{
    return read_text(o, "name", false, out->name, sizeof out->name) &&
           read_id(o, "last_id", 0, &out->last_id) && read_id(o, "last_chat", 0, &out->last_chat) &&
           read_time(o, "opened_at", &out->opened_at) && read_time(o, "started_at", &out->started_at) &&
           read_bool(o, "started", &out->started) && read_time(o, "breakouts_end", &out->breakouts_end) &&
           read_bool(o, "may_choose", &out->may_choose) &&
           read_new_bool(o, "auto_recorded", &out->auto_recorded);
}

static void end_breakouts_at(struct plm_room *room, uint64_t at)
{
    const struct plm_hub_host *host = &room->hub->host;
    uint64_t wall = host->wall_ms(host->ctx);
    if (at)
        room->breakouts.end_at = host->now_ms(host->ctx) + (at > wall ? at - wall : 1);
}

static const char *build_main(struct plm_hub *hub, const struct plm_kept *k)
{
    struct plm_room_ref ref = {0};
    struct plm_refusal why;
    struct plm_room *room;
    struct meeting meeting = {0};
    if (!read_meeting(k->o, &meeting) || strlen(k->key) >= sizeof ref.key)
        return WRONG_FIELD;
    memcpy(ref.key, k->key, strlen(k->key) + 1);
    struct plm_record *record = plm_record_find(hub, &ref);
    if (!record)
        return "its room is not known";
    if (record->meeting)
        return "there twice";
    if (plm_room_enter(&room, record, &why))
        return "the room cannot be opened";
    room->last_id = meeting.last_id;
    room->last_chat = meeting.last_chat;
    room->opened_at = meeting.opened_at;
    room->started = meeting.started || !room->settings.organised;
    room->started_at = meeting.started_at;
    plm_room_set_end(room);
    room->breakouts.may_choose = meeting.may_choose;
    end_breakouts_at(room, meeting.breakouts_end);
    room->auto_recorded = meeting.auto_recorded;
    return NULL;
}

static const char *build_breakout(struct plm_hub *hub, const struct plm_kept *k)
{
    struct plm_refusal why;
    struct plm_room *room;
    struct meeting meeting = {0};
    const char *slash = strchr(k->key, '/');
    char *end;
    unsigned long number = strtoul(slash + 1, &end, 10);
    if (!read_meeting(k->o, &meeting) || *end || number < 1 || number > PLM_MAX_BREAKOUTS)
        return WRONG_FIELD;
    struct plm_room *parent = find_room(hub, k->key, (size_t)(slash - k->key));
    if (!parent)
        return "its meeting is gone";
    if (find_room(hub, k->key, strlen(k->key)))
        return "there twice";
    if (plm_room_open_breakout(&room, parent, meeting.name, (uint32_t)number, &why))
        return "the room cannot be opened";
    room->last_chat = meeting.last_chat;
    room->opened_at = meeting.opened_at;
    return NULL;
}

static const char *build_meeting(struct plm_hub *hub, const struct plm_kept *k)
{
    return strchr(k->key, '/') ? NULL : build_main(hub, k);
}

/* A second pass: their parents stand. */
static const char *build_part(struct plm_hub *hub, const struct plm_kept *k)
{
    return strchr(k->key, '/') ? build_breakout(hub, k) : NULL;
}

/* ---- people and chat ---- */

static bool is_digest(const char *s)
{
    size_t n = strspn(s, "0123456789abcdef");
    return n == PLM_KEY_DIGEST_SIZE - 1 && !s[n];
}

static bool read_member(const json_t *o, struct plm_member_kept *out)
{
    return read_id(o, "id", 1, &out->id) && read_text(o, "name", false, out->name, sizeof out->name) &&
           read_role(o, &out->role) && read_time(o, "joined_at", &out->joined_at) &&
           read_id(o, "hand", 0, &out->hand) && read_id(o, "place", 0, &out->place) &&
           read_bool(o, "has_published", &out->has_published) && read_permits(o, out->permits) &&
           read_muted(o, out->muted) && read_bool(o, "may_subscribe", &out->may_subscribe) &&
           read_new_bool(o, "may_record", &out->may_record) && read_identity(o, &out->who);
}

/* Who was in a breakout room that is gone stands in the main one. */
static const char *build_present(struct plm_hub *hub, const struct plm_kept *k, const char *room_key)
{
    struct plm_member_kept kept = {.digest = k->key};
    struct plm_member *m;
    if (!read_member(k->o, &kept))
        return WRONG_FIELD;
    struct plm_room *room = find_room(hub, room_key, strlen(room_key));
    if (!room)
        room = find_room(hub, room_key, strcspn(room_key, "/"));
    if (!room)
        return "their meeting is gone";
    return plm_member_restore(&m, room, &kept) ? "no place for them" : NULL;
}

static bool read_guest(const json_t *o, struct plm_guest *out)
{
    return read_id(o, "id", 1, &out->id) && read_text(o, "name", false, out->name, sizeof out->name) &&
           read_word(o, "source", out->source, sizeof out->source) && read_role(o, &out->role) &&
           read_bool(o, "trusted", &out->trusted) && read_bool(o, "may_publish", &out->may_publish) &&
           read_bool(o, "may_subscribe", &out->may_subscribe) &&
           read_bool(o, "skip_lobby", &out->skip_lobby) && read_new_bool(o, "may_record", &out->may_record) &&
           read_identity(o, &out->who);
}

static const char *build_waiting(struct plm_hub *hub, const struct plm_kept *k, const char *room_key)
{
    struct plm_guest guest = {0};
    enum plm_msg_wait_reason reason;
    uint64_t since;
    if (!read_guest(k->o, &guest) || !read_reason(k->o, &reason) || !read_time(k->o, "since", &since))
        return WRONG_FIELD;
    memcpy(guest.digest, k->key, sizeof guest.digest);
    struct plm_room *room = plm_room_find(hub, room_key);
    if (!room)
        return "their meeting is gone";
    return plm_lobby_restore(room, &guest, reason, since) ? "no place for them" : NULL;
}

static const char *build_member(struct plm_hub *hub, const struct plm_kept *k)
{
    char key[PLM_JOURNAL_KEY_SIZE];
    if (!is_digest(k->key) || !read_text(k->o, "room", false, key, sizeof key))
        return WRONG_FIELD;
    return json_object_get(k->o, "waits") ? build_waiting(hub, k, key) : build_present(hub, k, key);
}

static bool read_chat(const json_t *o, struct plm_chat_entry *out, char text[MAX_TEXT + 1])
{
    return read_id(o, "from", 0, &out->from) && read_id(o, "to", 0, &out->to) &&
           read_text(o, "name", false, out->name, sizeof out->name) && read_time(o, "at", &out->at) &&
           read_bool(o, "announcement", &out->announcement) && read_text(o, "text", true, text, MAX_TEXT + 1);
}

static const char *build_chat(struct plm_hub *hub, const struct plm_kept *k)
{
    struct plm_chat_entry e = {0};
    char text[MAX_TEXT + 1], *end = NULL;
    const char *slash = strrchr(k->key, '/');
    unsigned long number = slash ? strtoul(slash + 1, &end, 10) : 0;
    if (!number || *end || number > UINT32_MAX - UNSEEN || !read_chat(k->o, &e, text))
        return WRONG_FIELD;
    struct plm_room *room = find_room(hub, k->key, (size_t)(slash - k->key));
    if (!room)
        return "its meeting is gone";
    e.number = (uint32_t)number;
    return plm_chat_restore(room, &e, text) ? "no place for it" : NULL;
}

/* ---- all together ---- */

static void forget(struct plm_hub *hub, int kind, struct plm_kept *k)
{
    DL_DELETE(hub->journal.kept[kind], k);
    free_kept(k);
}

static void build(struct plm_hub *hub, enum plm_store_kind kind, builder *f)
{
    struct plm_kept *k, *next;
    DL_FOREACH_SAFE (hub->journal.kept[kind], k, next) {
        const char *why = f(hub, k);
        if (!why)
            continue;
        leave_out(hub, kind, k->key, why);
        forget(hub, kind, k);
    }
}

/* Documents come in the order of their keys; rooms, people and messages have one of their own. */
static int by_room_number(const struct plm_room *a, const struct plm_room *b)
{
    return a->number < b->number ? -1 : a->number > b->number;
}

static int by_id(const struct plm_member *a, const struct plm_member *b)
{
    return a->id < b->id ? -1 : a->id > b->id;
}

static int by_waiting_id(const struct plm_waiting *a, const struct plm_waiting *b)
{
    return a->guest.id < b->guest.id ? -1 : a->guest.id > b->guest.id;
}

static int by_number(const struct plm_chat_entry *a, const struct plm_chat_entry *b)
{
    return a->number < b->number ? -1 : a->number > b->number;
}

static void put_in_order(struct plm_room *room)
{
    const struct plm_chat_entry *e;
    DL_SORT(room->members, by_id);
    DL_SORT(room->chat, by_number);
    DL_FOREACH (room->chat, e)
        room->last_chat = e->number > room->last_chat ? e->number : room->last_chat;
    room->last_chat += UNSEEN;
    plm_journal_room(room);
}

/* Numbers of breakout rooms have no gap, else they are closed: everybody is in the main room then. */
static void settle_breakouts(struct plm_room *main)
{
    struct plm_room *room;
    uint32_t expected = 0;
    bool whole = true;
    DL_SORT2(main->breakouts.rooms, by_room_number, sibling_prev, sibling_next);
    DL_FOREACH2 (main->breakouts.rooms, room, sibling_next)
        whole &= room->number == ++expected;
    main->breakouts.open = expected > 0;
    if (expected)
        plm_breakout_changed(main);
    else
        main->breakouts.end_at = 0;
    if (!whole)
        plm_breakout_end(main);
}

static void finish(struct plm_room *main)
{
    struct plm_member *m, *next;
    const struct plm_waiting *w;
    struct plm_room *room;
    DL_SORT(main->waiting, by_waiting_id);
    DL_FOREACH (main->waiting, w)
        main->last_id = w->guest.id > main->last_id ? w->guest.id : main->last_id;
    put_in_order(main);
    DL_FOREACH2 (main->breakouts.rooms, room, sibling_next)
        put_in_order(room);
    HASH_ITER (hh_id, main->people, m, next) {
        main->last_id = m->id > main->last_id ? m->id : main->last_id;
        main->last_hand = m->hand > main->last_hand ? m->hand : main->last_hand;
        m->place = m->place <= main->breakouts.n_rooms ? m->place : 0;
    }
    main->last_id += UNSEEN;
    settle_breakouts(main);
    plm_hub_log(main->hub, main, "stands again with %u people", plm_room_population(main));
}

void plm_hub_restored(struct plm_hub *hub)
{
    struct plm_room *room, *next;
    hub->restoring = true;
    plm_records_restored(hub);
    build(hub, PLM_STORE_MEETING, build_meeting);
    build(hub, PLM_STORE_MEETING, build_part);
    build(hub, PLM_STORE_MEMBER, build_member);
    build(hub, PLM_STORE_CHAT, build_chat);
    plm_journal_clear(hub);
    HASH_ITER (hh, hub->rooms, room, next)
        finish(room);
    plm_bans_restored(hub);
    plm_recordings_restored(hub);
    hub->restoring = false;
}

void plm_journal_clear(struct plm_hub *hub)
{
    struct plm_kept *k, *next;
    for (int kind = 0; kind < PLM_STORE_KIND_COUNT; kind++)
        DL_FOREACH_SAFE (hub->journal.kept[kind], k, next)
            forget(hub, kind, k);
}
