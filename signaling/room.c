#include "room.h"

#include "connection.h"
#include "news.h"
#include "resource.h"

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

static void fold(char *key, const char *name)
{
    size_t i = 0;
    for (; name[i]; i++)
        key[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] - 'A' + 'a' : name[i]);
    key[i] = 0;
}

static void index_room(struct plm_room *room)
{
    struct plm_hub *hub = room->hub;
    HASH_ADD_STR(hub->rooms, key, room);
    if (room->hh.tbl)
        HASH_ADD(hh_media, hub->rooms_by_media, media, sizeof room->media, room);
}

static int room_open(
    struct plm_room **out, struct plm_hub *hub, const char *name, const char *key, struct plm_refusal *why)
{
    if (hub->gauges.rooms >= hub->config.max_rooms)
        return plm_hub_refuse_full(
            hub, why, PLM_HUB_LIMIT_ROOMS, "the server has no room for another meeting");
    struct plm_room *room = calloc(1, sizeof *room);
    if (!room)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    room->hub = hub;
    room->opened_at = hub->host.wall_ms(hub->host.ctx);
    memcpy(room->name, name, strlen(name) + 1);
    memcpy(room->key, key, strlen(key) + 1);
    int err = hub->media.room_open(hub->media.ctx, &hub->config.media, &room->media);
    if (err) {
        free(room);
        if (err == PLM_ELIMIT)
            return plm_hub_refuse_full(
                hub, why, PLM_HUB_LIMIT_ROOMS, "the server has no room for another meeting");
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "media: %s", plm_strerror(err));
    }
    index_room(room);
    hub->gauges.rooms++;
    if (!room->hh.tbl || !room->hh_media.tbl) {
        plm_room_close(room, PLM_MSG_leave_reason_closed);
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    }
    plm_hub_log(hub, room, "opened");
    plm_room_on_population(room);
    *out = room;
    return 0;
}

int plm_room_enter(struct plm_room **out, struct plm_hub *hub, const char *name, struct plm_refusal *why)
{
    char clean[PLM_NAME_SIZE], key[PLM_NAME_SIZE];
    int err = plm_name_clean(clean, name, "room", why);
    if (err)
        return err;
    if (strchr(clean, '/'))
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "room", "must not hold '/'");
    fold(key, clean);
    struct plm_room *room;
    HASH_FIND_STR(hub->rooms, key, room);
    if (!room)
        return room_open(out, hub, clean, key, why);
    *out = room;
    return 0;
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
    m->session = NULL;
    plm_member_destroy(m);
    if (session)
        plm_session_close(session, PLM_SESSION_CLOSE_DONE, plm_msg_leave_reason_name(reason));
}

void plm_room_close(struct plm_room *room, enum plm_msg_leave_reason reason)
{
    struct plm_hub *hub = room->hub;
    while (room->receivers)
        plm_resource_destroy(room->receivers);
    while (room->members)
        dismiss(room->members, reason);
    plm_chat_clear(room);
    plm_news_clear(room);
    if (room->lingers)
        DL_DELETE2(hub->lingering, room, linger_prev, linger_next);
    if (room->hh.tbl)
        HASH_DELETE(hh, hub->rooms, room);
    if (room->hh_media.tbl)
        HASH_DELETE(hh_media, hub->rooms_by_media, room);
    hub->media.room_close(hub->media.ctx, room->media);
    hub->gauges.rooms--;
    plm_hub_log(hub, room, "closed");
    free(room);
}

void plm_room_on_population(struct plm_room *room)
{
    bool empty = !room->n_members && !room->n_receivers;
    if (empty == room->lingers)
        return;
    struct plm_hub *hub = room->hub;
    room->lingers = empty;
    if (!empty) {
        DL_DELETE2(hub->lingering, room, linger_prev, linger_next);
        return;
    }
    room->linger_end = hub->host.now_ms(hub->host.ctx) + hub->config.linger_ms;
    DL_APPEND2(hub->lingering, room, linger_prev, linger_next);
}

plm_participant_id plm_room_next_id(struct plm_room *room)
{
    return ++room->last_id;
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
    plm_room_broadcast(room, &msg, NULL);
}
