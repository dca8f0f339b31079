#include "hub.h"

#include "admission.h"
#include "bans.h"
#include "breakout.h"
#include "connection.h"
#include "guess.h"
#include "journal.h"
#include "lead.h"
#include "lobby.h"
#include "makers.h"
#include "news.h"
#include "quality.h"
#include "recordings.h"
#include "resource.h"
#include "room.h"
#include "video_codec.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUSPEND_ROUNDS 10000

int plm_refuse(
    struct plm_refusal *r, enum plm_msg_error_code code, const char *field, const char *format, ...)
{
    va_list args;
    r->code = code;
    snprintf(r->field, sizeof r->field, "%s", field);
    va_start(args, format);
    vsnprintf(r->message, sizeof r->message, format, args);
    va_end(args);
    return PLM_EINVAL;
}

int plm_hub_refuse_full(
    struct plm_hub *hub, struct plm_refusal *why, enum plm_hub_limit limit, const char *message)
{
    hub->counters.limits[limit]++;
    return plm_refuse(why, PLM_MSG_error_code_full, "", "%s", message);
}

void plm_hub_random_hex(struct plm_hub *hub, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t octets[64];
    size_t n = (size - 1) / 2;
    hub->host.random(hub->host.ctx, octets, n);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[octets[i] >> 4];
        out[2 * i + 1] = digits[octets[i] & 15];
    }
    out[2 * n] = 0;
}

void plm_hub_log(struct plm_hub *hub, const struct plm_room *room, const char *format, ...)
{
    char text[512];
    va_list args;
    if (!hub->host.log)
        return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    hub->host.log(hub->host.ctx, room ? room->name : "", text);
}

static void set_default(uint32_t *value, uint32_t otherwise)
{
    if (!*value)
        *value = otherwise;
}

static void set_defaults(struct plm_hub_config *c)
{
    static const enum plm_codec codecs[] = {
        PLM_CODEC_OPUS, PLM_CODEC_VP9, PLM_CODEC_VP8, PLM_CODEC_H264, PLM_CODEC_AV1};
    set_default(&c->grace_ms, 30000);
    set_default(&c->linger_ms, 60000);
    set_default(&c->max_rooms, 1000);
    set_default(&c->max_sessions, 5000);
    set_default(&c->max_resources, 1000);
    set_default(&c->max_participants, 500);
    set_default(&c->max_viewers, 500);
    set_default(&c->max_waiting, 500);
    set_default(&c->max_records, 10000);
    set_default(&c->make_rate, 30);
    set_default(&c->make_burst, 60);
    set_default(&c->forget_days, 30);
    set_default(&c->max_recordings, 200);
    set_default(&c->recording_limit_s, PLM_RECORDING_LIMIT_S);
    set_default(&c->recording_token_s, 600);
    set_default(&c->chat_messages, 200);
    set_default(&c->msg_rate, 20);
    set_default(&c->msg_burst, 60);
    set_default(&c->chat_rate, 3);
    set_default(&c->chat_burst, 8);
    set_default(&c->sdp_rate, 2);
    set_default(&c->sdp_burst, 10);
    set_default(&c->report_rate, 2);
    set_default(&c->report_burst, 10);
    if (c->max_participants > 1000)
        c->max_participants = 1000; /* what joined can list */
    if (c->chat_messages > 200)
        c->chat_messages = 200;
    if (c->codecs[0] == PLM_CODEC_NONE)
        memcpy(c->codecs, codecs, sizeof codecs);
}

int plm_hub_create(struct plm_hub **out, const struct plm_hub_config *config, const struct plm_hub_host *host,
    const struct plm_media_port *media)
{
    struct plm_hub *hub = calloc(1, sizeof *hub);
    if (!hub)
        return PLM_ENOMEM;
    if (config)
        hub->config = *config;
    set_defaults(&hub->config);
    hub->host = *host;
    hub->media = *media;
    *out = hub;
    return 0;
}

void plm_hub_set_store(struct plm_hub *hub, const struct plm_store_port *store)
{
    hub->store = *store;
}

static void close_rooms(struct plm_hub *hub)
{
    struct plm_room *room, *next;
    HASH_ITER (hh, hub->rooms, room, next)
        plm_room_close(room, PLM_MSG_leave_reason_closed);
}

void plm_hub_close(struct plm_hub *hub)
{
    struct plm_session *s;
    hub->closing = true;
    close_rooms(hub);
    DL_FOREACH (hub->sessions, s)
        plm_session_close(s, PLM_SESSION_CLOSE_AWAY, "the server goes down");
}

void plm_hub_suspend(struct plm_hub *hub)
{
    struct plm_session *s;
    DL_FOREACH (hub->sessions, s)
        plm_session_drop(s, PLM_SESSION_CLOSE_AWAY, "the server goes down");
    plm_hub_settle(hub);
    /* A flush puts a bounded number; more rounds than there can be documents mean that memory is short. */
    for (int round = 0; round < SUSPEND_ROUNDS && plm_journal_flush(hub, UINT64_MAX) != UINT64_MAX; round++)
        ;
}

void plm_hub_destroy(struct plm_hub *hub)
{
    struct plm_session *s, *next;
    if (!hub)
        return;
    DL_FOREACH (hub->sessions, s) {
        s->state = PLM_SESSION_CLOSED; /* silent */
        s->member = NULL;
        s->waiting = NULL;
    }
    hub->closing = true;
    hub->store = (struct plm_store_port){0}; /* what stands now is what the next start finds */
    hub->recorder = (struct plm_recording_port){0};
    hub->host.on_event = NULL;
    close_rooms(hub);
    plm_admission_clear(hub);
    plm_records_clear(hub);
    plm_recordings_clear(hub);
    plm_bans_clear(hub);
    plm_guess_clear(hub);
    plm_makers_clear(hub);
    DL_FOREACH_SAFE (hub->sessions, s, next)
        plm_session_on_lost(s);
    plm_journal_clear(hub);
    free(hub);
}

uint64_t plm_hub_poll(struct plm_hub *hub)
{
    uint64_t now = hub->host.now_ms(hub->host.ctx), next = UINT64_MAX;
    while (hub->detached && hub->detached->grace_end <= now)
        plm_member_expire(hub->detached);
    while (hub->lingering && hub->lingering->linger_end <= now)
        plm_room_on_linger_end(hub->lingering);
    uint64_t breakouts = plm_breakout_poll(hub, now), news = plm_news_flush(hub, now);
    uint64_t lobby = plm_lobby_poll(hub, now), ends = plm_lead_poll(hub, now);
    plm_records_poll(hub);
    uint64_t recordings = plm_recordings_poll(hub, now);
    uint64_t codecs = plm_codecs_poll(hub, now);
    uint64_t journal = plm_journal_flush(hub, now), quality = plm_quality_poll(hub, now);
    next = news < breakouts ? news : breakouts;
    next = lobby < next ? lobby : next;
    next = ends < next ? ends : next;
    next = journal < next ? journal : next;
    next = recordings < next ? recordings : next;
    next = quality < next ? quality : next;
    next = codecs < next ? codecs : next;
    if (hub->detached && hub->detached->grace_end < next)
        next = hub->detached->grace_end;
    if (hub->lingering && hub->lingering->linger_end < next)
        next = hub->lingering->linger_end;
    return next;
}

static void on_transport(struct plm_hub *hub, const struct plm_event *ev)
{
    struct plm_connection *c = plm_connection_find(hub, ev->transport);
    if (c && ev->transport_state.state == PLM_TRANSPORT_CLOSED &&
        ev->transport_state.reason != PLM_CLOSE_LOCAL)
        plm_connection_on_closed(c, ev->transport_state.reason);
}

void plm_hub_on_media_event(struct plm_hub *hub, const struct plm_event *ev)
{
    struct plm_connection *c = NULL;
    struct plm_room *room = NULL;
    switch (ev->type) {
    case PLM_EV_TRANSPORT:
        on_transport(hub, ev);
        break;
    case PLM_EV_SLOT:
        if ((c = plm_connection_find(hub, ev->transport)))
            plm_connection_on_slot(c, ev);
        break;
    case PLM_EV_SPEAKERS:
        if ((room = plm_room_find_media(hub, ev->room)))
            plm_room_on_speakers(room, ev);
        break;
    case PLM_EV_DEMAND:
        c = plm_connection_find(hub, ev->transport);
        if (c && c->member && c == c->member->publish)
            plm_member_on_demand(c->member, ev->demand.source, ev->demand.needed);
        break;
    case PLM_EV_TRACK: /* the roster shows what publishers announce, before and after packets flow */
    case PLM_EV_FEED:  /* of a worker, not of a room */
        break;
    }
}

void plm_hub_flush(struct plm_hub *hub)
{
    while (hub->dirty)
        plm_connection_flush(hub->dirty);
    plm_hub_settle(hub);
}

void plm_hub_settle(struct plm_hub *hub)
{
    uint64_t now = hub->host.now_ms(hub->host.ctx);
    plm_breakout_poll(hub, now);
    plm_codecs_poll(hub, now);
    plm_news_flush(hub, now);
    plm_lobby_flush(hub, now);
    plm_journal_flush(hub, now);
}

void plm_hub_gauges(const struct plm_hub *hub, struct plm_hub_gauges *out)
{
    *out = hub->gauges;
}

void plm_hub_count_limit(struct plm_hub *hub, enum plm_hub_limit limit)
{
    hub->counters.limits[limit]++;
}

const char *plm_hub_limit_name(enum plm_hub_limit limit)
{
    static const char *const names[] = {
        [PLM_HUB_LIMIT_ROOMS] = "rooms",
        [PLM_HUB_LIMIT_PARTICIPANTS] = "participants",
        [PLM_HUB_LIMIT_VIEWERS] = "viewers",
        [PLM_HUB_LIMIT_RESOURCES] = "resources",
        [PLM_HUB_LIMIT_TRANSPORTS] = "transports",
        [PLM_HUB_LIMIT_SLOTS] = "slots",
        [PLM_HUB_LIMIT_NAMES] = "names",
        [PLM_HUB_LIMIT_MESSAGE_RATE] = "message_rate",
        [PLM_HUB_LIMIT_CHAT_RATE] = "chat_rate",
        [PLM_HUB_LIMIT_SDP_RATE] = "sdp_rate",
        [PLM_HUB_LIMIT_MESSAGE_SIZE] = "message_size",
        [PLM_HUB_LIMIT_RECORDS] = "records",
        [PLM_HUB_LIMIT_MAKE_RATE] = "make_rate",
        [PLM_HUB_LIMIT_WAITING] = "waiting",
        [PLM_HUB_LIMIT_GUESSES] = "guesses",
        [PLM_HUB_LIMIT_PASSWORDS] = "passwords",
        [PLM_HUB_LIMIT_RECORDINGS] = "recordings",
        [PLM_HUB_LIMIT_SDP] = "sdp",
        [PLM_HUB_LIMIT_REPORT_RATE] = "report_rate",
    };
    _Static_assert(sizeof names / sizeof names[0] == PLM_HUB_LIMIT_COUNT, "a name for each");
    return (unsigned)limit < PLM_HUB_LIMIT_COUNT ? names[limit] : "unknown";
}

void plm_hub_counters(const struct plm_hub *hub, struct plm_hub_counters *out)
{
    *out = hub->counters;
}
