/* Participants: who is in a room, and what the others are told of them. */
#include "room.h"

#include "admission.h"
#include "api.h"
#include "breakout.h"
#include "connection.h"
#include "digest.h"
#include "journal.h"
#include "lead.h"
#include "lobby.h"
#include "moderation.h"
#include "news.h"
#include "people.h"
#include "quality.h"
#include "recording_log.h"
#include "recordings.h"
#include "resource.h"
#include "roles.h"
#include "video_codec.h"

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
        .has_hand = m->hand != 0,
        .hand = m->hand,
        .may_speak = plm_member_may_send(m, PLM_SOURCE_MICROPHONE),
        .may_show = plm_member_may_send(m, PLM_SOURCE_CAMERA),
        .may_share = plm_member_may_send(m, PLM_SOURCE_SCREEN)};
}

void plm_member_announce(struct plm_member *m)
{
    struct plm_hub *hub = m->room->hub;
    m->announced = true;
    plm_member_apply_rules(m);
    hub->counters.joins++;
    plm_hub_log(hub, m->room, "%u (%s) joined as %s", m->id, m->name, plm_msg_role_name(m->role));
    plm_news_joined(m);
    plm_recording_log_joined(m);
    plm_resource_repin(m->room, m->name);
    plm_api_tell(m->room, PLM_HUB_PARTICIPANT_JOINED, m->id, m->name, m->who.identity, "");
}

void plm_member_rename(struct plm_member *m, const char *name)
{
    if (!strcmp(m->name, name))
        return;
    plm_hub_log(m->room->hub, m->room, "%u (%s) is now %s", m->id, m->name, name);
    memcpy(m->name, name, strlen(name) + 1);
    plm_recording_log_renamed(m);
    plm_news_changed(m);
    plm_resource_repin(m->room, m->name);
}

void plm_member_send(struct plm_member *m, const struct plm_msg *msg)
{
    if (m->session)
        plm_session_send(m->session, msg);
}

/* ---- coming and going ---- */

bool plm_room_has_leader(struct plm_room *room)
{
    const struct plm_member *m, *next;
    HASH_ITER (hh_id, plm_room_main(room)->people, m, next)
        if (plm_role_leads(m->role))
            return true;
    return false;
}

bool plm_room_is_attended(const struct plm_room *room)
{
    const struct plm_member *m, *next;
    HASH_ITER (hh_id, room->people, m, next)
        if (!m->resource)
            return true;
    return false;
}

void plm_room_succeed(struct plm_room *room)
{
    struct plm_member *m, *next, *first = NULL;
    if (plm_room_has_leader(room) || plm_record_is_owned(plm_room_main(room)->record))
        return;
    HASH_ITER (hh_id, plm_room_main(room)->people, m, next)
        if (!m->resource && m->role != PLM_MSG_role_viewer && (!first || m->id < first->id))
            first = m;
    if (!first)
        return;
    first->role = PLM_MSG_role_moderator;
    plm_hub_log(room->hub, first->room, "%u (%s) leads now", first->id, first->name);
    plm_news_changed(first);
    plm_lobby_show(first);
}

static void unindex(struct plm_member *m)
{
    if (m->hh.tbl)
        HASH_DELETE(hh, m->room->hub->members, m);
    if (m->hh_id.tbl)
        HASH_DELETE(hh_id, plm_room_main(m->room)->people, m);
}

/* By id, and those of sockets by their secret's digest. */
static int index_member(struct plm_member *m)
{
    HASH_ADD(hh_id, plm_room_main(m->room)->people, id, sizeof m->id, m);
    if (*m->digest)
        HASH_ADD_STR(m->room->hub->members, digest, m);
    if (m->hh_id.tbl && (!*m->digest || m->hh.tbl))
        return 0;
    unindex(m);
    return PLM_ENOMEM;
}

static void make_secret(struct plm_member *m)
{
    plm_hub_random_hex(m->room->hub, m->secret, sizeof m->secret);
    plm_digest(m->digest, m->secret);
}

/* A large room does not list the viewers who come. */
static void enter_list(struct plm_member *m, struct plm_room *room)
{
    m->room = room;
    DL_APPEND(room->members, m);
    room->n_members++;
    m->unlisted = m->role == PLM_MSG_role_viewer && room->n_members > PLM_NEWS_SMALL_ROOM;
    room->n_unlisted += m->unlisted;
}

static void forget_speaker(struct plm_room *room, plm_participant_id who)
{
    size_t n = 0;
    for (size_t i = 0; i < room->n_speakers; i++)
        if (room->speakers[i] != who)
            room->speakers[n++] = room->speakers[i];
    room->n_speakers = n;
}

static void leave_list(struct plm_member *m)
{
    forget_speaker(m->room, m->id);
    DL_DELETE(m->room->members, m);
    m->room->n_members--;
    m->room->n_unlisted -= m->unlisted;
}

/* What a token says; else who comes first leads, unless the room is somebody's. An encoder takes part. */
static enum plm_msg_role first_role(
    struct plm_room *room, const struct plm_guest *g, const struct plm_resource *resource)
{
    if (resource)
        return PLM_MSG_role_speaker;
    if (g->trusted)
        return g->role;
    bool led = plm_room_has_leader(room) || plm_record_is_owned(plm_room_main(room)->record);
    return led ? PLM_MSG_role_speaker : PLM_MSG_role_moderator;
}

int plm_member_create(struct plm_member **out, struct plm_room *room, const struct plm_guest *guest,
    struct plm_session *session, struct plm_resource *resource, struct plm_refusal *why)
{
    struct plm_hub *hub = room->hub;
    if (plm_room_population(room) >= plm_admission_cap(plm_room_main(room)->record))
        return plm_hub_refuse_full(hub, why, PLM_HUB_LIMIT_PARTICIPANTS, "the meeting is full");
    struct plm_member *m = calloc(1, sizeof *m);
    if (!m)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    m->room = room;
    m->id = guest->id ? guest->id : plm_room_next_id(room);
    m->session = session;
    m->resource = resource;
    m->who = guest->who;
    m->may_subscribe = guest->may_subscribe;
    m->may_record = guest->may_record;
    memcpy(m->secret, guest->secret, sizeof m->secret);
    memcpy(m->digest, guest->digest, sizeof m->digest);
    memcpy(m->name, guest->name, sizeof m->name);
    m->role = first_role(room, guest, resource);
    if (!resource && !*m->digest)
        make_secret(m);
    if (index_member(m)) {
        free(m);
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    }
    m->joined_at = hub->host.wall_ms(hub->host.ctx);
    enter_list(m, room);
    hub->gauges.participants++;
    plm_room_on_population(room);
    *out = m;
    return 0;
}

static void begin_grace(struct plm_member *m)
{
    struct plm_hub *hub = m->room->hub;
    m->grace_end = hub->host.now_ms(hub->host.ctx) + hub->config.grace_ms;
    DL_APPEND2(
        hub->detached, m, detached_prev, detached_next); /* one grace time for all: always the last to end */
    hub->gauges.detached++;
}

static void fill_from(struct plm_member *m, const struct plm_member_kept *kept)
{
    memcpy(m->digest, kept->digest, sizeof m->digest);
    m->id = kept->id;
    memcpy(m->name, kept->name, sizeof m->name);
    m->role = kept->role;
    m->joined_at = kept->joined_at;
    m->hand = kept->hand;
    m->place = kept->place;
    m->has_published = kept->has_published;
    memcpy(m->permits, kept->permits, sizeof m->permits);
    memcpy(m->stays_muted, kept->muted, sizeof m->stays_muted);
    m->who = kept->who;
    m->may_subscribe = kept->may_subscribe;
    m->may_record = kept->may_record;
    m->announced = true;
    m->lost_publish = m->lost_receive = true; /* whether there were any, their client knows */
}

int plm_member_restore(struct plm_member **out, struct plm_room *room, const struct plm_member_kept *kept)
{
    struct plm_hub *hub = room->hub;
    struct plm_member *m;
    if (plm_room_population(room) >= hub->config.max_participants)
        return PLM_ELIMIT;
    HASH_FIND_STR(hub->members, kept->digest, m);
    if (m || plm_room_find_member(room, kept->id))
        return PLM_EINVAL;
    m = calloc(1, sizeof *m);
    if (!m)
        return PLM_ENOMEM;
    m->room = room;
    fill_from(m, kept);
    if (index_member(m)) {
        free(m);
        return PLM_ENOMEM;
    }
    enter_list(m, room);
    hub->gauges.participants++;
    plm_room_on_population(room);
    begin_grace(m);
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
    m->leaves_softly = false;
}

void plm_member_destroy(struct plm_member *m)
{
    struct plm_room *room = m->room;
    struct plm_hub *hub = room->hub;
    undetach(m);
    plm_connection_destroy(m->publish);
    plm_connection_destroy(m->receive);
    plm_journal_forget_member(m);
    unindex(m);
    if (m->resource)
        plm_resource_destroy(m->resource);
    plm_quality_on_left(room, m->id);
    leave_list(m);
    hub->gauges.participants--;
    free(m);
}

void plm_member_remove(struct plm_member *m, enum plm_msg_leave_reason reason)
{
    struct plm_room *room = m->room, *main = plm_room_main(room);
    char name[PLM_NAME_SIZE];
    bool encoder = m->resource != NULL;
    memcpy(name, m->name, sizeof name);
    if (m->announced) {
        plm_hub_log(room->hub, room, "%u (%s) left: %s", m->id, m->name, plm_msg_leave_reason_name(reason));
        plm_news_left(m, reason);
        plm_recording_log_left(m, reason);
        plm_api_tell(room, PLM_HUB_PARTICIPANT_LEFT, m->id, m->name, m->who.identity,
            plm_msg_leave_reason_name(reason));
    }
    if (room->parent)
        plm_breakout_changed(room);
    plm_member_destroy(m);
    plm_resource_on_left(room, name, encoder);
    plm_room_succeed(main);
    plm_breakout_on_left(main); /* room may be gone with it */
    plm_room_on_left(main, encoder);
    plm_room_on_population(main);
}

void plm_member_list(struct plm_member *m)
{
    if (!m->unlisted)
        return;
    m->unlisted = false;
    m->room->n_unlisted--;
    plm_news_joined(m);
    plm_news_changed(m); /* for themselves: what they know is of the time when they came */
}

void plm_member_move(struct plm_member *m, struct plm_room *to)
{
    plm_hub_log(m->room->hub, m->room, "%u (%s) goes to %s", m->id, m->name, to->name);
    struct plm_room *from = m->room;
    plm_news_left(m, PLM_MSG_leave_reason_moved);
    leave_list(m);
    enter_list(m, to);
    m->hand = 0;
    plm_news_joined(m);
    plm_recording_log_moved(m);
    plm_recording_log_changed(m);
    plm_resource_on_left(from, m->name, m->resource != NULL);
    plm_resource_repin(to, m->name);
    if (m->receive)
        plm_connection_move(m->receive, to);
    plm_member_follow(m);
    if (m->resource)
        m->resource->room = to;
    if (m->publish)
        plm_connection_move(m->publish, to); /* the last: an encoder may go with it */
}

/* ---- sockets ---- */

struct plm_member *plm_member_find_secret(struct plm_hub *hub, const char *secret)
{
    char digest[PLM_KEY_DIGEST_SIZE];
    struct plm_member *m;
    if (strlen(secret) != PLM_SECRET_SIZE - 1)
        return NULL;
    plm_digest(digest, secret);
    HASH_FIND_STR(hub->members, digest, m);
    if (m)
        memcpy(m->secret, secret, sizeof m->secret);
    return m;
}

void plm_member_detach(struct plm_member *m)
{
    m->session = NULL;
    begin_grace(m);
    m->room->hub->counters.lost++;
}

void plm_member_leave_softly(struct plm_member *m)
{
    struct plm_hub *hub = m->room->hub;
    struct plm_member *after;
    m->session = NULL;
    m->leaves_softly = true;
    m->grace_end = hub->host.now_ms(hub->host.ctx) +
                   (hub->config.grace_ms < PLM_SOFT_LEAVE_MS ? hub->config.grace_ms : PLM_SOFT_LEAVE_MS);
    DL_FOREACH2 (hub->detached, after, detached_next)
        if (after->grace_end > m->grace_end)
            break;
    if (after)
        DL_PREPEND_ELEM2(hub->detached, after, m, detached_prev, detached_next);
    else
        DL_APPEND2(hub->detached, m, detached_prev, detached_next);
    hub->gauges.detached++;
}

void plm_member_expire(struct plm_member *m)
{
    plm_member_remove(m, m->leaves_softly ? PLM_MSG_leave_reason_left : PLM_MSG_leave_reason_lost);
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
    plm_codecs_tell(m);
    if (m->receive)
        plm_connection_repeat_slots(m->receive);
}

void plm_member_send_speakers(struct plm_member *m)
{
    struct plm_msg speakers = {.type = PLM_MSG_speakers,
        .speakers = {.participants = m->room->speakers, .n_participants = m->room->n_speakers}};
    if (m->room->n_speakers)
        plm_member_send(m, &speakers);
}

void plm_member_send_joined(struct plm_member *m, uint32_t request, bool resumed)
{
    struct plm_hub *hub = m->room->hub;
    struct plm_msg_ice_server servers[PLM_HUB_MAX_ICE_SERVERS];
    struct plm_msg msg = {.type = PLM_MSG_joined,
        .has_id = true,
        .id = request,
        .joined = {.secret = m->secret,
            .grace_seconds = hub->config.grace_ms / 1000,
            .resumed = resumed,
            .ice_servers = servers,
            .has_records = true,
            .records = hub->recorder.start != NULL,
            .has_may_record = true,
            .may_record = m->may_record,
            .now = hub->host.wall_ms(hub->host.ctx)}};
    struct plm_sight sight;
    if (!plm_sight_take(&sight, m)) {
        plm_sight_fill(&sight, &msg.joined);
        msg.joined.has_recording = plm_recording_describe(plm_room_main(m->room), &msg.joined.recording);
        msg.joined.n_ice_servers = hub->host.ice_servers ? hub->host.ice_servers(hub->host.ctx, servers) : 0;
        plm_member_send(m, &msg);
        if (m->is_new)
            m->is_changed = false; /* others are told of m as it is, and m was just now */
        plm_recording_log_consent(m);
    }
    plm_sight_drop(&sight);
    plm_member_send_speakers(m);
    if (resumed)
        catch_up(m);
}
