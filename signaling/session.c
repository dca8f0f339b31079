#include "room.h"

#include "admission.h"
#include "breakout.h"
#include "connection.h"
#include "hands.h"
#include "lead.h"
#include "lobby.h"
#include "moderation.h"
#include "people.h"
#include "quality.h"
#include "recordings.h"
#include "roles.h"

#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

void plm_session_send_text(struct plm_session *s, struct plm_text *text)
{
    if (s->state != PLM_SESSION_CLOSED)
        s->out.send(s->out.ctx, text);
}

void plm_session_send(struct plm_session *s, const struct plm_msg *msg)
{
    struct plm_text *text = plm_msg_encode(msg);
    if (!text)
        return;
    plm_session_send_text(s, text);
    plm_text_unref(text);
}

void plm_session_close(struct plm_session *s, enum plm_session_close code, const char *reason)
{
    if (s->state == PLM_SESSION_CLOSED)
        return;
    s->state = PLM_SESSION_CLOSED;
    s->member = NULL;
    s->waiting = NULL;
    plm_admission_forget(s);
    s->out.close(s->out.ctx, code, reason);
}

void plm_session_done(struct plm_session *s, uint32_t id)
{
    struct plm_msg msg = {.type = PLM_MSG_done, .has_id = true, .id = id};
    plm_session_send(s, &msg);
}

void plm_session_refuse(struct plm_session *s, bool has_id, uint32_t id, const struct plm_refusal *why)
{
    struct plm_msg msg = {.type = PLM_MSG_error,
        .has_id = has_id,
        .id = id,
        .error = {.code = why->code, .message = why->message, .field = *why->field ? why->field : NULL}};
    s->hub->counters.refused++;
    plm_session_send(s, &msg);
}

void plm_session_drop(struct plm_session *s, enum plm_session_close code, const char *reason)
{
    struct plm_member *member = s->member;
    struct plm_waiting *waiting = s->waiting;
    plm_session_close(s, code, reason);
    if (member)
        plm_member_detach(member);
    if (waiting)
        plm_lobby_detach(waiting);
}

/* ---- requests ---- */

/* Each answers by itself and returns 0, or returns negative with why and has changed nothing. */
typedef int handler(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);

static int on_leave(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_member *member = s->member;
    (void)why;
    plm_session_done(s, m->id);
    if (s->waiting) {
        plm_lobby_leave(s->waiting);
        plm_session_close(s, PLM_SESSION_CLOSE_DONE, "left");
        return 0;
    }
    if (m->leave.has_soft && m->leave.soft) {
        plm_session_close(s, PLM_SESSION_CLOSE_DONE, "left");
        plm_member_leave_softly(member);
        return 0;
    }
    member->session = NULL;
    plm_member_remove(member, PLM_MSG_leave_reason_left);
    plm_session_close(s, PLM_SESSION_CLOSE_DONE, "left");
    return 0;
}

static int on_publish(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    char *answer = NULL;
    int err = plm_member_publish(s->member, &m->publish, &answer, why);
    if (err)
        return err;
    struct plm_msg reply = {
        .type = PLM_MSG_published, .has_id = true, .id = m->id, .published = {.sdp = answer}};
    plm_session_send(s, &reply);
    free(answer);
    return 0;
}

static void describe_slots(const struct plm_transport_params *params, struct plm_msg_slot_line *out)
{
    for (size_t i = 0; i < params->n_media; i++)
        out[i] = (struct plm_msg_slot_line){.mid = params->media[i].mid,
            .video = params->media[i].kind == PLM_KIND_VIDEO,
            .has_pair = params->media[i].pair != PLM_NO_PAIR,
            .pair = params->media[i].pair,
            .screen = params->media[i].screen};
}

static int on_receive(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    char *offer = NULL;
    struct plm_msg_slot_line slots[PLM_MAX_MEDIA];
    int err = plm_member_receive(s->member, &m->receive, &offer, why);
    if (err)
        return err;
    const struct plm_transport_params *params = s->member->receive->pending;
    describe_slots(params, slots);
    struct plm_msg reply = {.type = PLM_MSG_offered,
        .has_id = true,
        .id = m->id,
        .offered = {.sdp = offer, .slots = slots, .n_slots = params->n_media}};
    plm_session_send(s, &reply);
    free(offer);
    return 0;
}

static int on_answer(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    if (!s->member->receive)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "nothing was offered");
    int err = plm_connection_on_answer(s->member->receive, m->answer.sdp, strlen(m->answer.sdp), why);
    if (!err)
        plm_session_done(s, m->id);
    return err;
}

static int on_view(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    int err = plm_member_view(s->member, &m->view, why);
    if (!err)
        plm_session_done(s, m->id);
    return err;
}

static int on_mute(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    int err = plm_member_mute(s->member, (enum plm_source)m->mute.source, m->mute.muted, why);
    if (!err)
        plm_session_done(s, m->id);
    return err;
}

static int on_rename(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    (void)why;
    plm_member_rename(s->member, m->rename.name);
    plm_session_done(s, m->id);
    return 0;
}

/* One whose only answer is that it is done. */
typedef int deed(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);

/* Every request, and who answers it or does it; when it is legal: roles.c. */
static const struct {
    handler *on;
    deed *does;
} verbs[PLM_MSG_COUNT] = {
    [PLM_MSG_join] = {.on = plm_admission_join},
    [PLM_MSG_resume] = {.on = plm_admission_resume},
    [PLM_MSG_leave] = {.on = on_leave},
    [PLM_MSG_publish] = {.on = on_publish},
    [PLM_MSG_receive] = {.on = on_receive},
    [PLM_MSG_answer] = {.on = on_answer},
    [PLM_MSG_view] = {.on = on_view},
    [PLM_MSG_report] = {.does = plm_quality_report},
    [PLM_MSG_quality] = {.on = plm_quality_ask},
    [PLM_MSG_mute] = {.on = on_mute},
    [PLM_MSG_rename] = {.on = on_rename},
    [PLM_MSG_people] = {.on = plm_people_send_page},
    [PLM_MSG_chat] = {.does = plm_chat_say},
    [PLM_MSG_hand] = {.does = plm_hands_raise},
    [PLM_MSG_react] = {.does = plm_hands_react},
    [PLM_MSG_lower_hands] = {.does = plm_hands_lower_others},
    [PLM_MSG_mute_others] = {.does = plm_moderation_mute_others},
    [PLM_MSG_ask_unmute] = {.does = plm_moderation_ask_unmute},
    [PLM_MSG_permit] = {.does = plm_moderation_permit},
    [PLM_MSG_claim] = {.does = plm_lead_claim},
    [PLM_MSG_start] = {.does = plm_lead_start},
    [PLM_MSG_configure] = {.on = plm_lead_configure},
    [PLM_MSG_admit] = {.does = plm_lobby_admit},
    [PLM_MSG_kick] = {.does = plm_lead_kick},
    [PLM_MSG_end] = {.on = plm_lead_end},
    [PLM_MSG_set_role] = {.does = plm_moderation_set_role},
    [PLM_MSG_breakout_open] = {.does = plm_breakout_open},
    [PLM_MSG_breakout_assign] = {.does = plm_breakout_assign},
    [PLM_MSG_breakout_go] = {.does = plm_breakout_go},
    [PLM_MSG_breakout_time] = {.does = plm_breakout_time},
    [PLM_MSG_breakout_close] = {.does = plm_breakout_close},
    [PLM_MSG_breakout_say] = {.does = plm_breakout_say},
    [PLM_MSG_record_start] = {.does = plm_recording_on_start},
    [PLM_MSG_record_stop] = {.does = plm_recording_on_stop},
    [PLM_MSG_recordings] = {.on = plm_recording_on_list},
    [PLM_MSG_record_delete] = {.does = plm_recording_on_delete},
};

/* ---- how much a session may say ---- */

#define ONE 1000 /* thousandths that a message takes from a bucket */

/* Take one message out. The level may go below zero, down to four bursts: so a flood keeps itself locked out. */
static bool rate_take(struct plm_rate *r, uint64_t now, uint32_t per_second, uint32_t burst)
{
    int64_t top = (int64_t)burst * ONE, elapsed = (int64_t)(now - r->filled_at);
    r->level = elapsed >= 3600 * 1000 ? top : r->level + elapsed * per_second;
    if (r->level > top)
        r->level = top;
    r->filled_at = now;
    if (r->level > -4 * top)
        r->level -= ONE;
    return r->level >= 0;
}

static bool is_flooding(const struct plm_session *s)
{
    return s->messages.level <= -4 * (int64_t)s->hub->config.msg_burst * ONE;
}

static bool is_too_fast(struct plm_session *s, enum plm_msg_type type, uint64_t now)
{
    const struct plm_hub_config *c = &s->hub->config;
    uint64_t *counter = NULL;
    if ((type == PLM_MSG_chat || type == PLM_MSG_breakout_say) &&
        !rate_take(&s->chats, now, c->chat_rate, c->chat_burst))
        counter = &s->hub->counters.limits[PLM_HUB_LIMIT_CHAT_RATE];
    else if ((type == PLM_MSG_publish || type == PLM_MSG_receive || type == PLM_MSG_answer) &&
             !rate_take(&s->sdps, now, c->sdp_rate, c->sdp_burst))
        counter = &s->hub->counters.limits[PLM_HUB_LIMIT_SDP_RATE];
    else if ((type == PLM_MSG_report || type == PLM_MSG_quality) &&
             !rate_take(&s->reports, now, c->report_rate, c->report_burst))
        counter = &s->hub->counters.limits[PLM_HUB_LIMIT_REPORT_RATE];
    if (counter)
        ++*counter;
    return counter != NULL;
}

/* ---- in ---- */

static bool may(const struct plm_member *m, enum plm_msg_type request)
{
    return plm_role_may(m->role, request) || (m->may_record && plm_recorder_may(request));
}

static int dispatch(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    if (is_too_fast(s, m->type, s->messages.filled_at))
        return plm_refuse(why, PLM_MSG_error_code_too_fast, "", "too many of these; wait a moment");
    if (!plm_verb_fits(m->type, s->state))
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "%s", plm_session_state_hint(s->state));
    if (s->state == PLM_SESSION_JOINED && !may(s->member, m->type))
        return plm_refuse(why, PLM_MSG_error_code_forbidden, "", "a %s may not %s",
            plm_msg_role_name(s->member->role), plm_msg_type_name(m->type));
    if (verbs[m->type].on)
        return verbs[m->type].on(s, m, why);
    int err = verbs[m->type].does(s->member, m, why);
    if (!err)
        plm_session_done(s, m->id);
    return err;
}

static void refuse_unread(struct plm_session *s, const struct plm_msg_fault *fault)
{
    struct plm_refusal why;
    plm_refuse(&why, PLM_MSG_error_code_bad_message, fault->field, "%s", fault->message);
    s->hub->counters.bad_messages++;
    s->hub->counters.limits[PLM_HUB_LIMIT_MESSAGE_SIZE] += fault->too_large;
    plm_session_refuse(s, fault->has_id, fault->id, &why);
}

static void take(struct plm_session *s, const char *text, size_t len)
{
    struct plm_hub *hub = s->hub;
    struct plm_msg_fault fault;
    struct plm_refusal why = {0};
    struct plm_msg *m = NULL;
    if (s->state == PLM_SESSION_CLOSED)
        return;
    hub->counters.messages++;
    bool in_time =
        rate_take(&s->messages, hub->host.now_ms(hub->host.ctx), hub->config.msg_rate, hub->config.msg_burst);
    hub->counters.limits[PLM_HUB_LIMIT_MESSAGE_RATE] += !in_time;
    if (is_flooding(s)) {
        plm_session_drop(s, PLM_SESSION_CLOSE_POLICY, "too many messages");
        return;
    }
    int err = plm_msg_decode(&m, text, len, PLM_FROM_CLIENT, &fault);
    if (err == PLM_EINVAL) {
        refuse_unread(s, &fault);
        return;
    }
    if (err)
        return;
    if (!in_time)
        err = plm_refuse(&why, PLM_MSG_error_code_too_fast, "", "too many messages");
    else
        err = dispatch(s, m, &why);
    if (err)
        plm_session_refuse(s, true, m->id, &why);
    plm_msg_free(m);
}

void plm_session_on_text(struct plm_session *s, const char *text, size_t len)
{
    struct plm_hub *hub = s->hub;
    take(s, text, len);
    plm_hub_settle(hub);
}

/* ---- sockets ---- */

static void rate_init(struct plm_rate *r, uint64_t now, uint32_t burst)
{
    r->level = (int64_t)burst * ONE;
    r->filled_at = now;
}

int plm_session_open(struct plm_session **out, struct plm_hub *hub, const struct plm_session_out *to)
{
    if (hub->gauges.sessions >= hub->config.max_sessions)
        return PLM_ELIMIT;
    struct plm_session *s = calloc(1, sizeof *s);
    if (!s)
        return PLM_ENOMEM;
    uint64_t now = hub->host.now_ms(hub->host.ctx);
    s->hub = hub;
    s->out = *to;
    rate_init(&s->messages, now, hub->config.msg_burst);
    rate_init(&s->chats, now, hub->config.chat_burst);
    rate_init(&s->sdps, now, hub->config.sdp_burst);
    rate_init(&s->reports, now, hub->config.report_burst);
    DL_APPEND(hub->sessions, s);
    hub->gauges.sessions++;
    *out = s;
    return 0;
}

bool plm_session_is_joined(const struct plm_session *s)
{
    return s->state == PLM_SESSION_JOINED || s->state == PLM_SESSION_WAITING;
}

void plm_session_on_lost(struct plm_session *s)
{
    if (!s)
        return;
    if (s->member)
        plm_member_detach(s->member);
    if (s->waiting)
        plm_lobby_detach(s->waiting);
    plm_admission_forget(s);
    DL_DELETE(s->hub->sessions, s);
    s->hub->gauges.sessions--;
    plm_hub_settle(s->hub);
    free(s);
}
