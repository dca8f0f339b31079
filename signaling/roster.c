/* Participants: who is in a room, and what the others are told of them. */
#include "room.h"

#include "connection.h"
#include "news.h"
#include "resource.h"
#include "roles.h"

#include <stdlib.h>
#include <string.h>

/* ---- on the wire ---- */

void plm_member_describe(
    const struct plm_member *m, struct plm_msg_participant *out, struct plm_msg_track tracks[PLM_MAX_TRACKS])
{
    for (size_t i = 0; i < m->n_tracks; i++)
        tracks[i] = (struct plm_msg_track){
            .source = (enum plm_msg_source)m->tracks[i].source, .muted = m->tracks[i].muted};
    *out = (struct plm_msg_participant){.id = m->id,
        .name = m->name,
        .role = m->role,
        .joined_at = m->joined_at,
        .tracks = tracks,
        .n_tracks = m->n_tracks,
        .may_speak = true,
        .may_show = true,
        .may_share = true};
}

void plm_member_announce(struct plm_member *m)
{
    struct plm_hub *hub = m->room->hub;
    m->announced = true;
    hub->counters.joins++;
    plm_hub_log(hub, m->room, "%u (%s) joined as %s", m->id, m->name, plm_msg_role_name(m->role));
    plm_news_joined(m);
    plm_resource_repin(m->room, m->name);
}

void plm_member_rename(struct plm_member *m, const char *name)
{
    if (!strcmp(m->name, name))
        return;
    plm_hub_log(m->room->hub, m->room, "%u (%s) is now %s", m->id, m->name, name);
    memcpy(m->name, name, strlen(name) + 1);
    plm_news_changed(m);
    plm_resource_repin(m->room, m->name);
}

void plm_member_send(struct plm_member *m, const struct plm_msg *msg)
{
    if (m->session)
        plm_session_send(m->session, msg);
}

/* ---- coming and going ---- */

static bool has_leader(const struct plm_room *room)
{
    const struct plm_member *m;
    DL_FOREACH (room->members, m)
        if (plm_role_leads(m->role))
            return true;
    return false;
}

/* The longest present leads when nobody does; an encoder cannot. */
static void succeed(struct plm_room *room)
{
    struct plm_member *m;
    if (has_leader(room))
        return;
    DL_FOREACH (room->members, m) {
        if (m->resource)
            continue;
        m->role = PLM_MSG_role_moderator;
        plm_hub_log(room->hub, room, "%u (%s) leads now", m->id, m->name);
        plm_news_changed(m);
        return;
    }
}

static int index_secret(struct plm_member *m, struct plm_refusal *why)
{
    struct plm_hub *hub = m->room->hub;
    plm_hub_random_hex(hub, m->secret, sizeof m->secret);
    HASH_ADD_STR(hub->members, secret, m);
    return m->hh.tbl ? 0 : plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
}

int plm_member_create(struct plm_member **out, struct plm_room *room, const char *name,
    struct plm_session *session, struct plm_resource *resource, struct plm_refusal *why)
{
    struct plm_hub *hub = room->hub;
    if (room->n_members >= hub->config.max_participants)
        return plm_hub_refuse_full(hub, why, PLM_HUB_LIMIT_PARTICIPANTS, "the meeting is full");
    struct plm_member *m = calloc(1, sizeof *m);
    if (!m)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    m->room = room;
    int err = session ? index_secret(m, why) : 0;
    if (err) {
        free(m);
        return err;
    }
    m->id = plm_room_next_id(room);
    memcpy(m->name, name, strlen(name) + 1);
    m->role = resource || has_leader(room) ? PLM_MSG_role_speaker : PLM_MSG_role_moderator;
    m->joined_at = hub->host.wall_ms(hub->host.ctx);
    m->session = session;
    m->resource = resource;
    DL_APPEND(room->members, m);
    room->n_members++;
    hub->gauges.participants++;
    plm_room_on_population(room);
    *out = m;
    return 0;
}

static void undetach(struct plm_member *m)
{
    struct plm_hub *hub = m->room->hub;
    if (!m->grace_end)
        return;
    DL_DELETE2(hub->detached, m, detached_prev, detached_next);
    hub->gauges.detached--;
    m->grace_end = 0;
}

void plm_member_destroy(struct plm_member *m)
{
    struct plm_room *room = m->room;
    struct plm_hub *hub = room->hub;
    undetach(m);
    plm_connection_destroy(m->publish);
    plm_connection_destroy(m->receive);
    if (m->hh.tbl)
        HASH_DELETE(hh, hub->members, m);
    if (m->resource)
        plm_resource_destroy(m->resource);
    DL_DELETE(room->members, m);
    room->n_members--;
    hub->gauges.participants--;
    free(m);
}

void plm_member_remove(struct plm_member *m, enum plm_msg_leave_reason reason)
{
    struct plm_room *room = m->room;
    if (m->announced) {
        plm_hub_log(room->hub, room, "%u (%s) left: %s", m->id, m->name, plm_msg_leave_reason_name(reason));
        plm_news_left(m, reason);
    }
    plm_member_destroy(m);
    succeed(room);
    plm_room_on_population(room);
}

/* ---- sockets ---- */

struct plm_member *plm_member_find_secret(struct plm_hub *hub, const char *secret)
{
    struct plm_member *m;
    HASH_FIND_STR(hub->members, secret, m);
    return m;
}

void plm_member_detach(struct plm_member *m)
{
    struct plm_hub *hub = m->room->hub;
    m->session = NULL;
    m->grace_end = hub->host.now_ms(hub->host.ctx) + hub->config.grace_ms;
    DL_APPEND2(
        hub->detached, m, detached_prev, detached_next); /* one grace time for all: always the last to end */
    hub->gauges.detached++;
    hub->counters.lost++;
}

void plm_member_attach(struct plm_member *m, struct plm_session *session)
{
    struct plm_session *old = m->session;
    undetach(m);
    m->session = session;
    m->room->hub->counters.resumes++;
    if (old)
        plm_session_close(old, PLM_SESSION_CLOSE_TAKEN, "resumed elsewhere");
}

static void tell_lost(struct plm_member *m, bool publish)
{
    struct plm_msg msg = {.type = PLM_MSG_connection_lost, .connection_lost = {.publish = publish}};
    plm_member_send(m, &msg);
}

void plm_member_connection_lost(struct plm_member *m, struct plm_connection *c, bool by_peer)
{
    bool publish = c == m->publish;
    if (!m->session && !by_peer)
        *(publish ? &m->lost_publish : &m->lost_receive) = true;
    if (!by_peer) /* else the client may be making the next one already, and would throw that away */
        tell_lost(m, publish);
    if (publish && m->n_tracks) {
        m->n_tracks = 0;
        memset(m->has_demand, 0, sizeof m->has_demand);
        plm_news_changed(m);
    }
}

/* What happened while there was no socket to tell it. */
static void catch_up(struct plm_member *m)
{
    if (m->lost_publish)
        tell_lost(m, true);
    if (m->lost_receive)
        tell_lost(m, false);
    m->lost_publish = m->lost_receive = false;
    for (size_t i = 0; i < m->n_tracks; i++)
        plm_member_send_demand(m, m->tracks[i].source);
    if (m->receive)
        plm_connection_repeat_slots(m->receive);
}

/* The lists of one joined reply; one allocation. */
struct joined_lists {
    struct plm_msg_participant *participants;
    struct plm_msg_track *tracks;
    struct plm_msg_chat_message *chat;
};

static bool make_lists(struct joined_lists *l, const struct plm_room *room)
{
    memset(l, 0, sizeof *l);
    l->participants = calloc(room->n_members, sizeof *l->participants);
    l->tracks = calloc(room->n_members, PLM_MAX_TRACKS * sizeof *l->tracks);
    l->chat = calloc(room->n_chat + 1, sizeof *l->chat);
    return l->participants && l->tracks && l->chat;
}

static void free_lists(struct joined_lists *l)
{
    free(l->participants);
    free(l->tracks);
    free(l->chat);
}

static void fill_joined(
    struct plm_msg_joined *out, const struct plm_member *m, bool resumed, struct joined_lists *l)
{
    const struct plm_room *room = m->room;
    const struct plm_member *other;
    size_t n = 0;
    bool listed = false; /* m itself */
    DL_FOREACH (room->members, other) {
        if (n == PLM_NEWS_MAX_PEOPLE || (n == PLM_NEWS_MAX_PEOPLE - 1 && !listed && other != m))
            continue;
        listed |= other == m;
        plm_member_describe(other, &l->participants[n], &l->tracks[n * PLM_MAX_TRACKS]);
        n++;
    }
    *out = (struct plm_msg_joined){.participant = m->id,
        .role = m->role,
        .room = {.name = room->name, .started_at = room->opened_at},
        .secret = m->secret,
        .grace_seconds = room->hub->config.grace_ms / 1000,
        .resumed = resumed,
        .participants = l->participants,
        .n_participants = n,
        .total = room->n_members,
        .viewers = room->n_receivers,
        .chat = l->chat,
        .n_chat = plm_chat_latest(room, l->chat)};
}

void plm_member_send_joined(struct plm_member *m, uint32_t request, bool resumed)
{
    struct plm_hub *hub = m->room->hub;
    struct plm_msg_ice_server servers[PLM_HUB_MAX_ICE_SERVERS];
    struct plm_msg msg = {.type = PLM_MSG_joined, .has_id = true, .id = request};
    struct joined_lists lists;
    if (make_lists(&lists, m->room)) {
        fill_joined(&msg.joined, m, resumed, &lists);
        msg.joined.ice_servers = servers;
        msg.joined.n_ice_servers = hub->host.ice_servers ? hub->host.ice_servers(hub->host.ctx, servers) : 0;
        plm_member_send(m, &msg);
    }
    free_lists(&lists);
    if (m->room->n_speakers) {
        struct plm_msg speakers = {.type = PLM_MSG_speakers,
            .speakers = {.participants = m->room->speakers, .n_participants = m->room->n_speakers}};
        plm_member_send(m, &speakers);
    }
    if (resumed)
        catch_up(m);
}
