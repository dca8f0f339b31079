#include "connection.h"

#include "quality.h"
#include "resource.h"
#include "room.h"
#include "video_codec.h"

#include <stdlib.h>
#include <string.h>

struct plm_connection *plm_connection_create(struct plm_room *room, enum plm_connection_kind kind,
    plm_participant_id participant, struct plm_member *member, struct plm_resource *resource)
{
    struct plm_connection *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    if (kind == PLM_CONNECTION_RECEIVE && !(c->slots = calloc(PLM_MAX_MEDIA, sizeof *c->slots))) {
        free(c);
        return NULL;
    }
    c->hub = room->hub;
    c->kind = kind;
    c->room = room->media;
    c->participant = participant;
    c->member = member;
    c->resource = resource;
    c->hub->host.random(c->hub->host.ctx, &c->sdp_session, sizeof c->sdp_session);
    c->sdp_session &=
        INT64_MAX >> 1; /* RFC 8829 section 5.2.1: the sign bit is 0; some parsers want 62 bits */
    c->hub->gauges.connections++;
    return c;
}

struct plm_connection *plm_connection_find(struct plm_hub *hub, plm_transport_id id)
{
    struct plm_connection *c;
    HASH_FIND(hh, hub->connections, &id, sizeof id, c);
    return c;
}

static void clear_dirty(struct plm_connection *c)
{
    if (c->dirty)
        DL_DELETE2(c->hub->dirty, c, dirty_prev, dirty_next);
    c->dirty = false;
}

static void forget_slots(struct plm_connection *c)
{
    clear_dirty(c);
    if (c->slots)
        memset(c->slots, 0, PLM_MAX_MEDIA * sizeof *c->slots);
}

/* Forget the transport, which is closed or about to be; what was agreed on it is void. */
static void forget_transport(struct plm_connection *c)
{
    if (!c->id)
        return;
    HASH_DELETE(hh, c->hub->connections, c);
    plm_quality_disconnect(c);
    c->id = 0;
    forget_slots(c);
    free(c->params);
    free(c->pending);
    c->params = c->pending = NULL;
    c->peer_ufrag[0] = 0;
    c->video = PLM_CODEC_NONE;
    c->video_told = false;
    memset(&c->layout, 0, sizeof c->layout);
}

static void close_transport(struct plm_connection *c)
{
    plm_transport_id id = c->id;
    forget_transport(c);
    if (id)
        c->hub->media.transport_close(c->hub->media.ctx, id);
}

void plm_connection_destroy(struct plm_connection *c)
{
    if (!c)
        return;
    close_transport(c);
    c->hub->gauges.connections--;
    free(c->slots);
    free(c);
}

static int refuse_media(struct plm_hub *hub, struct plm_refusal *why, int err)
{
    if (err == PLM_ELIMIT)
        return plm_hub_refuse_full(
            hub, why, PLM_HUB_LIMIT_TRANSPORTS, "the server has no room for another connection");
    return plm_refuse(why, PLM_MSG_error_code_internal, "", "media: %s", plm_strerror(err));
}

static int refuse_sdp(struct plm_hub *hub, struct plm_refusal *why, int err, const struct plm_sdp_error *at)
{
    if (err == PLM_ELIMIT)
        hub->counters.limits[PLM_HUB_LIMIT_SDP]++;
    if (err == PLM_ENOMEM)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    if (!at->line)
        return plm_refuse(why, PLM_MSG_error_code_bad_sdp, "sdp", "%s", at->text);
    return plm_refuse(why, PLM_MSG_error_code_bad_sdp, "sdp", "line %u: %.140s", at->line, at->text);
}

static int parse(const struct plm_connection *c, struct plm_sdp **out, const char *sdp, size_t len,
    struct plm_refusal *why)
{
    struct plm_sdp_error at = {0};
    int err = plm_sdp_parse(out, sdp, len, &at);
    return err ? refuse_sdp(c->hub, why, err, &at) : 0;
}

static void make_policy(const struct plm_connection *c, struct plm_sdp_policy *policy)
{
    memset(policy, 0, sizeof *policy);
    memcpy(policy->codecs, plm_codecs_of_room(c), sizeof policy->codecs);
    policy->publish = c->kind == PLM_CONNECTION_PUBLISH;
    policy->subscribe = c->kind == PLM_CONNECTION_RECEIVE;
    /* Who can be told to change gets all to choose from; an encoder might take another than the first. */
    policy->single_video_codec = !c->member || c->member->resource;
    policy->random_ssrc = c->hub->media.random_ssrc;
    policy->arg = c->hub->media.ctx;
}

/* ---- the transport ---- */

/* A transport that is being negotiated and is not the connection's yet. */
struct leg {
    plm_transport_id id;
    struct plm_sdp_local local;
};

static int open_leg(struct plm_connection *c, struct leg *leg, struct plm_refusal *why)
{
    memset(leg, 0, sizeof *leg);
    int err = c->hub->media.transport_open(c->hub->media.ctx, c->room, c->participant, &leg->local, &leg->id);
    return err ? refuse_media(c->hub, why, err) : 0;
}

/* Make an open transport the connection's, in place of what it had. */
static int adopt_leg(struct plm_connection *c, const struct leg *leg, struct plm_refusal *why)
{
    close_transport(c);
    c->id = leg->id;
    c->local = leg->local;
    HASH_ADD(hh, c->hub->connections, id, sizeof c->id, c);
    if (c->hh.tbl) {
        plm_quality_connect(c);
        return 0;
    }
    c->id = 0;
    c->hub->media.transport_close(c->hub->media.ctx, leg->id);
    return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
}

int plm_connection_restart(struct plm_connection *c, const char *peer_ufrag, struct plm_refusal *why)
{
    struct plm_sdp_local local = {0};
    int err = c->hub->media.transport_restart(c->hub->media.ctx, c->id, &local);
    if (err)
        return refuse_media(c->hub, why, err);
    c->local = local;
    if (peer_ufrag)
        strncpy(c->peer_ufrag, peer_ufrag, sizeof c->peer_ufrag - 1);
    return 0;
}

static struct plm_sdp_local local_of(const struct plm_connection *c, const struct plm_sdp_local *base)
{
    struct plm_sdp_local local = *base;
    local.session_id = c->sdp_session;
    local.session_version = c->sdp_version;
    return local;
}

/* ---- the peer offers ---- */

struct offer {
    const struct plm_sdp *sdp;
    plm_connection_adjust *adjust;
    void *arg;
    struct plm_transport_params *params;
    char *answer;
};

/* @param again of a peer connection that was answered before */
static int write_answer(struct plm_connection *c, struct offer *o, const struct plm_sdp_local *base,
    bool again, struct plm_refusal *why)
{
    struct plm_sdp_error at = {0};
    struct plm_sdp_policy policy;
    struct plm_sdp_local local = local_of(c, base);
    make_policy(c, &policy);
    if (policy.publish)
        plm_codecs_for_publisher(c, again, policy.codecs);
    memset(o->params, 0, sizeof *o->params);
    free(o->answer);
    o->answer = NULL;
    int err = plm_sdp_answer(o->sdp, &local, &policy, o->params, &o->answer, &at);
    if (err)
        return refuse_sdp(c->hub, why, err, &at);
    return o->adjust ? o->adjust(o->arg, o->sdp, o->params, why) : 0;
}

static int describe(struct plm_connection *c, plm_transport_id id, const struct plm_transport_params *params,
    struct plm_refusal *why)
{
    int err = c->hub->media.transport_describe(c->hub->media.ctx, id, params);
    return err ? refuse_media(c->hub, why, err) : 0;
}

/* The offer is of a peer connection that we have not seen: a transport of its own. */
static int answer_anew(struct plm_connection *c, struct offer *o, struct plm_refusal *why)
{
    struct leg leg;
    int err = open_leg(c, &leg, why);
    if (err)
        return err;
    err = write_answer(c, o, &leg.local, false, why);
    if (!err)
        err = describe(c, leg.id, o->params, why);
    if (err) {
        c->hub->media.transport_close(c->hub->media.ctx, leg.id);
        return err;
    }
    return adopt_leg(c, &leg, why);
}

static bool same_peer(const struct plm_transport_params *a, const struct plm_transport_params *b)
{
    return a->fingerprint.len == b->fingerprint.len &&
           !memcmp(a->fingerprint.value, b->fingerprint.value, a->fingerprint.len);
}

static int answer_again(struct plm_connection *c, struct offer *o, struct plm_refusal *why)
{
    int err = write_answer(c, o, &c->local, true, why);
    if (err)
        return err;
    if (!same_peer(o->params, c->params))
        return answer_anew(c, o, why);
    if (strcmp(c->peer_ufrag, plm_sdp_ufrag(o->sdp)) != 0) {
        err = plm_connection_restart(c, plm_sdp_ufrag(o->sdp), why);
        if (!err)
            err = write_answer(c, o, &c->local, true, why);
    }
    return err ? err : describe(c, c->id, o->params, why);
}

int plm_connection_answer(struct plm_connection *c, const char *sdp, size_t len,
    plm_connection_adjust *adjust, void *arg, char **answer, struct plm_refusal *why)
{
    struct plm_sdp *parsed = NULL;
    struct offer o = {.adjust = adjust, .arg = arg};
    int err = parse(c, &parsed, sdp, len, why);
    if (err)
        return err;
    o.sdp = parsed;
    o.params = malloc(sizeof *o.params);
    if (!o.params)
        err = plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    else
        err = c->id && c->params ? answer_again(c, &o, why) : answer_anew(c, &o, why);
    if (err) {
        free(o.params);
        free(o.answer);
    } else {
        free(c->params);
        c->params = plm_transport_params_trim(o.params);
        c->sdp_version++;
        strncpy(c->peer_ufrag, plm_sdp_ufrag(parsed), sizeof c->peer_ufrag - 1);
        plm_codecs_on_published(c);
        *answer = o.answer;
    }
    plm_sdp_destroy(parsed);
    return err;
}

/* ---- we offer ---- */

static bool same_layout(const struct plm_sdp_layout *a, const struct plm_sdp_layout *b)
{
    return a->pairs == b->pairs && a->audio_only == b->audio_only && a->screen_pairs == b->screen_pairs;
}

/* Slots that were agreed on and are asked for once more, neither more of them nor a restart: for a new peer connection. */
static int prepare_transport(
    struct plm_connection *c, const struct plm_sdp_layout *layout, bool restart, struct plm_refusal *why)
{
    struct leg leg;
    bool anew = !c->id || (c->params && !restart && same_layout(&c->layout, layout));
    if (restart && !c->id) /* a new one would not suit the peer connection that the client still has */
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "restart", "there is no connection to restart");
    if (!anew)
        return restart ? plm_connection_restart(c, NULL, why) : 0;
    int err = open_leg(c, &leg, why);
    if (!err)
        err = adopt_leg(c, &leg, why);
    return err;
}

int plm_connection_offer(struct plm_connection *c, const struct plm_sdp_layout *layout, bool restart,
    char **offer, struct plm_refusal *why)
{
    if (2 * (layout->pairs + layout->screen_pairs) + layout->audio_only > PLM_MAX_MEDIA) {
        c->hub->counters.limits[PLM_HUB_LIMIT_SLOTS]++;
        return plm_refuse(why, PLM_MSG_error_code_full, "pairs", "more than %d slots", PLM_MAX_MEDIA);
    }
    if (layout->pairs < c->layout.pairs || layout->audio_only < c->layout.audio_only ||
        layout->screen_pairs < c->layout.screen_pairs)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "pairs", "slots can be added, not taken away");
    int err = prepare_transport(c, layout, restart, why);
    if (err)
        return err;
    struct plm_transport_params *params = calloc(1, sizeof *params);
    if (!params)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    if (c->pending || c->params)
        plm_transport_params_copy(params, c->pending ? c->pending : c->params);
    struct plm_sdp_error at = {0};
    struct plm_sdp_policy policy;
    struct plm_sdp_local local = local_of(c, &c->local);
    make_policy(c, &policy);
    err = plm_sdp_offer(&local, layout, &policy, params, offer, &at);
    if (err) {
        free(params);
        return refuse_sdp(c->hub, why, err, &at);
    }
    free(c->pending);
    c->pending = plm_transport_params_trim(params);
    c->layout = *layout;
    c->sdp_version++;
    return 0;
}

static int take_answer(struct plm_connection *c, const struct plm_sdp *answer,
    struct plm_transport_params *params, struct plm_refusal *why)
{
    struct plm_sdp_error at = {0};
    plm_transport_params_copy(params, c->pending);
    params->fingerprint.len =
        0; /* compared here, because another one is a lost connection and no mistake in SDP */
    int err = plm_sdp_apply_answer(params, answer, &at);
    if (err)
        return refuse_sdp(c->hub, why, err, &at);
    if (c->params && !same_peer(params, c->params)) {
        close_transport(c);
        plm_member_connection_lost(c->member, c, false);
        return plm_refuse(
            why, PLM_MSG_error_code_bad_state, "", "the answer is from another peer connection");
    }
    return describe(c, c->id, params, why);
}

int plm_connection_on_answer(struct plm_connection *c, const char *sdp, size_t len, struct plm_refusal *why)
{
    struct plm_sdp *answer = NULL;
    if (!c->pending)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "nothing was offered");
    int err = parse(c, &answer, sdp, len, why);
    if (err)
        return err;
    struct plm_transport_params *params = malloc(sizeof *params);
    if (!params)
        err = plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    else
        err = take_answer(c, answer, params, why);
    if (err) {
        free(params);
    } else {
        free(c->params);
        free(c->pending);
        c->params = plm_transport_params_trim(params);
        c->pending = NULL;
        strncpy(c->peer_ufrag, plm_sdp_ufrag(answer), sizeof c->peer_ufrag - 1);
        plm_codecs_on_receiver(c);
    }
    plm_sdp_destroy(answer);
    return err;
}

/* ---- slots ---- */

static void mark_dirty(struct plm_connection *c)
{
    if (c->dirty)
        return;
    c->dirty = true;
    DL_APPEND2(c->hub->dirty, c, dirty_prev, dirty_next);
}

void plm_connection_on_slot(struct plm_connection *c, const struct plm_event *ev)
{
    if (!c->member || !c->slots || ev->slot.media >= PLM_MAX_MEDIA)
        return;
    struct plm_slot_shown *s = &c->slots[ev->slot.media];
    const struct plm_member *shown = plm_room_find_member(c->member->room, ev->slot.shows);
    bool elsewhere = shown && shown->room != c->member->room; /* said before one of the two moved */
    *s = (struct plm_slot_shown){.state = elsewhere ? PLM_SLOT_EMPTY : ev->slot.state,
        .reason = elsewhere ? PLM_SLOT_FLOWS : ev->slot.reason,
        .shows = elsewhere ? 0 : ev->slot.shows,
        .source = ev->slot.source,
        .width = ev->slot.width,
        .height = ev->slot.height,
        .first_ts = ev->slot.first_ts,
        .dirty = true};
    mark_dirty(c);
}

void plm_connection_repeat_slots(struct plm_connection *c)
{
    if (!c->slots || !c->params)
        return;
    for (size_t i = 0; i < c->params->n_media; i++)
        c->slots[i].dirty = true;
    mark_dirty(c);
}

static void fill_slot(struct plm_msg_slot *out, const char *mid, const struct plm_slot_shown *s)
{
    bool shows = s->state != PLM_SLOT_EMPTY && s->shows;
    *out = (struct plm_msg_slot){.mid = mid,
        .state = shows ? (enum plm_msg_slot_state)s->state : PLM_MSG_slot_state_empty,
        .has_reason = s->reason != PLM_SLOT_FLOWS,
        .reason = (enum plm_msg_slot_reason)s->reason,
        .has_participant = shows,
        .participant = s->shows,
        .has_source = shows,
        .source = (enum plm_msg_source)s->source,
        .has_width = shows && s->width,
        .width = s->width,
        .has_height = shows && s->height,
        .height = s->height,
        .has_first_ts = shows && s->state == PLM_SLOT_FORWARDING,
        .first_ts = s->first_ts};
}

void plm_connection_move(struct plm_connection *c, struct plm_room *to)
{
    const struct plm_media_port *media = &c->hub->media;
    plm_transport_id id = c->id;
    c->room = to->media;
    forget_slots(c);
    if (!id || !media->transport_move(media->ctx, id, to->media, c->participant))
        return;
    plm_connection_on_closed(c, PLM_CLOSE_RESOURCES);
    media->transport_close(media->ctx, id);
}

void plm_connection_flush(struct plm_connection *c)
{
    struct plm_msg_slot slots[PLM_MAX_MEDIA];
    const struct plm_transport_params *params = c->pending ? c->pending : c->params; /* the longer one */
    size_t n = 0;
    clear_dirty(c);
    if (!c->member || !c->member->session || !params)
        return;
    for (size_t i = 0; i < params->n_media; i++) {
        if (!c->slots[i].dirty)
            continue;
        c->slots[i].dirty = false;
        fill_slot(&slots[n++], params->media[i].mid, &c->slots[i]);
    }
    if (!n)
        return;
    struct plm_msg msg = {.type = PLM_MSG_slots, .slots = {.slots = slots, .n_slots = n}};
    plm_member_send(c->member, &msg);
}

void plm_connection_on_closed(struct plm_connection *c, enum plm_close_reason reason)
{
    bool by_peer = reason == PLM_CLOSE_PEER;
    forget_transport(c);
    c->hub->counters.connections_lost += !by_peer;
    if (c->member && !c->member->resource)
        plm_member_connection_lost(c->member, c, by_peer);
    else
        plm_resource_connection_lost(c->resource ? c->resource : c->member->resource);
}
