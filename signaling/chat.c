#include "room.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_SIZE  (256 * 1024) /* octets of chat per room */
#define REPLY_SIZE (64 * 1024)  /* of them in one joined reply, which has to fit into a socket's queue */

static void drop_oldest(struct plm_room *room)
{
    struct plm_chat_entry *oldest = room->chat;
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
    *out = (struct plm_msg_chat_message){
        .number = e->number, .from = e->from, .name = e->name, .at = e->at, .text = e->text};
}

int plm_chat_post(struct plm_member *from, const char *text, struct plm_refusal *why)
{
    struct plm_room *room = from->room;
    size_t len = strlen(text);
    struct plm_chat_entry *e = malloc(sizeof *e + len + 1);
    if (!e)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    e->number = ++room->last_chat;
    e->from = from->id;
    e->at = room->hub->host.wall_ms(room->hub->host.ctx);
    memcpy(e->name, from->name, sizeof e->name);
    memcpy(e->text, text, len + 1);
    e->size = len + strlen(e->name);
    DL_APPEND(room->chat, e);
    room->n_chat++;
    room->chat_size += e->size;
    room->hub->counters.chats++;
    struct plm_msg msg = {.type = PLM_MSG_chat_posted};
    describe(e, &msg.chat_posted.message);
    plm_room_broadcast(room, &msg, NULL);
    while (room->n_chat > room->hub->config.chat_messages || room->chat_size > KEPT_SIZE)
        drop_oldest(room);
    return 0;
}

size_t plm_chat_latest(const struct plm_room *room, struct plm_msg_chat_message *out)
{
    size_t size = room->chat_size, n = 0;
    const struct plm_chat_entry *e = room->chat;
    for (; e && size > REPLY_SIZE; e = e->next)
        size -= e->size;
    for (; e; e = e->next)
        describe(e, &out[n++]);
    return n;
}
