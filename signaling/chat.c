#include "journal.h"
#include "recording_log.h"
#include "roles.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_SIZE  (256 * 1024) /* octets of chat per room */
#define REPLY_SIZE (64 * 1024)  /* of them in one joined reply, which has to fit into a socket's queue */

static void drop_oldest(struct plm_room *room)
{
    struct plm_chat_entry *oldest = room->chat;
    plm_journal_forget_chat(room, oldest);
    DL_DELETE(room->chat, oldest);
    room->n_chat--;
    room->chat_size -= oldest->size;
    free(oldest);
}

void plm_chat_clear(struct plm_room *room)
{
    while (room->chat)
        drop_oldest(room);
}

static void describe(const struct plm_chat_entry *e, struct plm_msg_chat_message *out)
{
    *out = (struct plm_msg_chat_message){.number = e->number,
        .from = e->from,
        .name = e->name,
        .at = e->at,
        .text = e->text,
        .has_to = e->to != 0,
        .to = e->to,
        .has_announcement = e->announcement,
        .announcement = e->announcement};
}

int plm_chat_post(struct plm_room *room, const struct plm_chat_from *from, struct plm_member *to,
    const char *text, struct plm_refusal *why)
{
    size_t len = strlen(text);
    struct plm_chat_entry *e = malloc(sizeof *e + len + 1);
    if (!e)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    e->number = ++room->last_chat;
    e->from = from->id;
    e->to = to ? to->id : 0;
    e->announcement = from->announcement;
    e->at = room->hub->host.wall_ms(room->hub->host.ctx);
    memcpy(e->name, from->name, strlen(from->name) + 1);
    memcpy(e->text, text, len + 1);
    e->size = len + strlen(e->name);
    DL_APPEND(room->chat, e);
    room->n_chat++;
    room->chat_size += e->size;
    room->hub->counters.chats++;
    struct plm_msg msg = {.type = PLM_MSG_chat_posted};
    describe(e, &msg.chat_posted.message);
    plm_journal_chat(room, e);
    plm_recording_log_chat(room, e);
    if (!to)
        plm_room_broadcast(room, &msg, NULL);
    else
        plm_member_send(to, &msg);
    if (to && from->member && from->member != to)
        plm_member_send(from->member, &msg);
    while (room->n_chat > room->hub->config.chat_messages || room->chat_size > KEPT_SIZE)
        drop_oldest(room);
    return 0;
}

int plm_chat_restore(struct plm_room *room, const struct plm_chat_entry *e, const char *text)
{
    size_t len = strlen(text);
    if (room->n_chat >= room->hub->config.chat_messages)
        return PLM_ELIMIT;
    struct plm_chat_entry *copy = malloc(sizeof *copy + len + 1);
    if (!copy)
        return PLM_ENOMEM;
    *copy = *e;
    memcpy(copy->text, text, len + 1);
    copy->size = len + strlen(copy->name);
    DL_APPEND(room->chat, copy);
    room->n_chat++;
    room->chat_size += copy->size;
    return 0;
}

static struct plm_chat_from sender(struct plm_member *m)
{
    return (struct plm_chat_from){.id = m->id, .name = m->name, .member = m};
}

/* Whom the room's rules let write: to all, or to one. Leaders may always, and always be written to. */
static int check_rules(const struct plm_member *from, const struct plm_member *to, struct plm_refusal *why)
{
    const struct plm_room_settings *rules = plm_room_rules(from->room);
    if (plm_role_leads(from->role) || (to && plm_role_leads(to->role)))
        return 0;
    if (!to && !rules->may_chat)
        return plm_refuse(why, PLM_MSG_error_code_forbidden, "", "only moderators write to all");
    if (to && !rules->may_whisper)
        return plm_refuse(why, PLM_MSG_error_code_forbidden, "to", "only moderators can be written to");
    return 0;
}

int plm_chat_say(struct plm_member *from, const struct plm_msg *m, struct plm_refusal *why)
{
    const struct plm_chat_from who = sender(from);
    struct plm_member *to = NULL;
    if (m->chat.has_to) {
        to = plm_room_find_member(from->room, m->chat.to);
        if (!to || to->room != from->room || to->resource)
            return plm_refuse(why, PLM_MSG_error_code_not_found, "to", "nobody of this id is here");
    }
    int err = check_rules(from, to, why);
    return err ? err : plm_chat_post(from->room, &who, to, m->chat.text, why);
}

int plm_chat_announce(struct plm_member *from, const char *text, struct plm_refusal *why)
{
    struct plm_chat_from who = sender(from);
    struct plm_room *main = plm_room_main(from->room), *room;
    who.announcement = true;
    int err = plm_chat_post(main, &who, NULL, text, why);
    DL_FOREACH2 (main->breakouts.rooms, room, sibling_next)
        if (!err)
            err = plm_chat_post(room, &who, NULL, text, why);
    return err;
}

static bool may_see(const struct plm_member *m, const struct plm_chat_entry *e)
{
    return !e->to || e->to == m->id || e->from == m->id;
}

size_t plm_chat_latest(const struct plm_member *m, struct plm_msg_chat_message *out)
{
    size_t size = 0, n = 0;
    const struct plm_chat_entry *e;
    DL_FOREACH (m->room->chat, e)
        size += may_see(m, e) ? e->size : 0;
    DL_FOREACH (m->room->chat, e) {
        if (!may_see(m, e))
            continue;
        if (size <= REPLY_SIZE)
            describe(e, &out[n++]);
        else
            size -= e->size;
    }
    return n;
}
