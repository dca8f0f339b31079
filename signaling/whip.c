#include "whip.h"

#include "admission.h"
#include "connection.h"
#include "recordings.h"
#include "quality.h"
#include "resource.h"
#include "room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- replies ---- */

static int reply_error(struct plm_resource_reply *reply, unsigned status, int err, const char *text)
{
    reply->status = status;
    snprintf(reply->error, sizeof reply->error, "%s", text);
    return err;
}

static int reply_refusal(struct plm_resource_reply *reply, const struct plm_refusal *why)
{
    switch (why->code) {
    case PLM_MSG_error_code_full:
        return reply_error(reply, 503, PLM_ELIMIT, why->message);
    case PLM_MSG_error_code_internal:
        return reply_error(reply, 500, PLM_ENOMEM, why->message);
    default:
        return reply_error(reply, 400, PLM_EINVAL, why->message);
    }
}

void plm_resource_reply_clear(struct plm_resource_reply *reply)
{
    free(reply->body);
    reply->body = NULL;
}

/* RFC 9725 section 4.3.1: one entity tag per ICE session. */
static void new_etag(struct plm_resource *r)
{
    char hex[17];
    plm_hub_random_hex(r->hub, hex, sizeof hex);
    snprintf(r->etag, sizeof r->etag, "\"%s\"", hex);
}

/* ---- life ---- */

static struct plm_resource *find(struct plm_hub *hub, const char *id)
{
    struct plm_resource *r;
    HASH_FIND_STR(hub->resources, id, r);
    return r;
}

static struct plm_connection *connection_of(const struct plm_resource *r)
{
    return r->kind == PLM_RESOURCE_WHIP ? r->member->publish : r->connection;
}

static struct plm_resource *create(struct plm_room *room, enum plm_resource_kind kind)
{
    struct plm_hub *hub = room->hub;
    struct plm_resource *r = calloc(1, sizeof *r);
    if (!r)
        return NULL;
    r->hub = hub;
    r->room = room;
    r->kind = kind;
    plm_hub_random_hex(hub, r->id, sizeof r->id);
    new_etag(r);
    HASH_ADD_STR(hub->resources, id, r);
    if (!r->hh.tbl) {
        free(r);
        return NULL;
    }
    hub->gauges.resources++;
    if (kind == PLM_RESOURCE_WHEP) {
        DL_APPEND(room->receivers, r);
        room->n_receivers++;
        hub->gauges.viewers++;
    }
    return r;
}

void plm_resource_destroy(struct plm_resource *r)
{
    if (r->kind == PLM_RESOURCE_WHEP) {
        DL_DELETE(r->room->receivers, r);
        r->room->n_receivers--;
        r->hub->gauges.viewers--;
    }
    if (r->connection)
        plm_quality_on_left(r->room, r->connection->participant);
    plm_connection_destroy(r->connection);
    HASH_DELETE(hh, r->hub->resources, r);
    r->hub->gauges.resources--;
    free(r->names);
    free(r->pinned);
    free(r);
}

/* End one that was in use, and look after its room. */
static void end(struct plm_resource *r, enum plm_msg_leave_reason reason)
{
    struct plm_room *room = r->room;
    if (r->member) {
        plm_member_remove(r->member, reason); /* takes the resource along */
        return;
    }
    plm_resource_destroy(r);
    plm_room_on_population(room);
}

void plm_resource_connection_lost(struct plm_resource *r)
{
    end(r, PLM_MSG_leave_reason_lost);
}

/* ---- pins ---- */

/* Whom a name means: the encoder of this name that came last (one that reconnects must be seen at once), else the first
   participant of this name. */
static const struct plm_member *resolve(const struct plm_room *room, const char *name)
{
    const struct plm_member *m, *found = NULL;
    DL_FOREACH (room->members, m) {
        if (strcmp(m->name, name) != 0)
            continue;
        if (m->resource || !found)
            found = m;
    }
    return found;
}

/* Refresh whom the names mean. A name that means nobody keeps whom it meant before: an id that is never used again. */
static bool resolve_all(struct plm_resource *r)
{
    bool changed = false;
    for (size_t i = 0; i < r->n_names; i++) {
        const struct plm_member *m = resolve(r->room, r->names[i]);
        plm_participant_id id = m ? m->id : r->pinned[i] ? r->pinned[i] : plm_room_next_id(r->room);
        changed = changed || id != r->pinned[i];
        r->pinned[i] = id;
    }
    return changed;
}

/* The i-th audio and the i-th video m-line show the i-th name, in whatever order they stand. */
static int pin(struct plm_resource *r)
{
    struct plm_pin pins[PLM_MAX_MEDIA];
    const struct plm_transport_params *params = r->connection->params;
    const struct plm_media_port *media = &r->hub->media;
    size_t n = 0, seen[2] = {0};
    for (size_t i = 0; i < params->n_media; i++) {
        const struct plm_media_params *m = &params->media[i];
        size_t nth = seen[m->kind == PLM_KIND_VIDEO]++;
        if (m->direction != PLM_DIR_SEND || nth >= r->n_names)
            continue;
        pins[n++] = (struct plm_pin){.media = (uint16_t)i,
            .participant = r->pinned[nth],
            .source = m->kind == PLM_KIND_VIDEO ? PLM_SOURCE_CAMERA : PLM_SOURCE_MICROPHONE};
    }
    return media->transport_pin(media->ctx, r->connection->id, pins, n);
}

static bool has_name(const struct plm_resource *r, const char *name)
{
    for (size_t i = 0; i < r->n_names; i++)
        if (!strcmp(r->names[i], name))
            return true;
    return false;
}

void plm_resource_repin(struct plm_room *room, const char *name)
{
    struct plm_resource *r;
    DL_FOREACH (room->receivers, r)
        if (has_name(r, name) && r->connection && r->connection->params && resolve_all(r))
            pin(r);
}

void plm_resource_on_left(struct plm_room *room, const char *name, bool encoder)
{
    const struct plm_member *other = resolve(room, name);
    if (other && (other->resource || !encoder))
        plm_resource_repin(room, name);
}

/* ---- POST ---- */

static int make_name(struct plm_hub *hub, const struct plm_resource_request *request, char out[PLM_NAME_SIZE],
    struct plm_refusal *why)
{
    char hex[9];
    *out = 0;
    if (request->kind == PLM_RESOURCE_WHEP)
        return 0;
    if (request->n_names)
        return plm_name_clean(out, request->names[0], "name", why);
    plm_hub_random_hex(hub, hex, sizeof hex);
    snprintf(out, PLM_NAME_SIZE, "whip-%s", hex);
    return 0;
}

static int post_whip(struct plm_resource *r, const struct plm_resource_request *request,
    const struct plm_guest *guest, char **answer, struct plm_refusal *why)
{
    int err = plm_member_create(&r->member, r->room, guest, NULL, r, why);
    if (!err)
        err = plm_member_publish_whip(r->member, request->sdp, request->len, answer, why);
    if (err)
        return err;
    plm_member_announce(r->member);
    plm_recording_reconsider(plm_room_main(r->room));
    return 0;
}

static int take_names(
    struct plm_resource *r, const struct plm_resource_request *request, struct plm_refusal *why)
{
    if (!request->n_names)
        return 0;
    if (request->n_names > PLM_WHEP_MAX_NAMES) {
        r->hub->counters.limits[PLM_HUB_LIMIT_NAMES]++;
        return plm_refuse(
            why, PLM_MSG_error_code_bad_message, "names", "more than %d names", PLM_WHEP_MAX_NAMES);
    }
    r->names = calloc(request->n_names, sizeof *r->names);
    r->pinned = calloc(request->n_names, sizeof *r->pinned);
    if (!r->names || !r->pinned)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    for (size_t i = 0; i < request->n_names; i++) {
        int err = plm_name_clean(r->names[i], request->names[i], "names", why);
        if (err)
            return err;
    }
    r->n_names = request->n_names;
    return 0;
}

static int post_whep(struct plm_resource *r, const struct plm_resource_request *request, char **answer,
    struct plm_refusal *why)
{
    if (r->room->n_receivers > r->hub->config.max_viewers)
        return plm_hub_refuse_full(r->hub, why, PLM_HUB_LIMIT_VIEWERS, "no more viewers in this room");
    int err = take_names(r, request, why);
    if (err)
        return err;
    r->connection =
        plm_connection_create(r->room, PLM_CONNECTION_RECEIVE, plm_room_next_id(r->room), NULL, r);
    if (!r->connection)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    err = plm_connection_answer(r->connection, request->sdp, request->len, NULL, NULL, answer, why);
    if (err || !r->n_names)
        return err;
    resolve_all(r);
    err = pin(r);
    return err ? plm_refuse(why, PLM_MSG_error_code_internal, "", "media: %s", plm_strerror(err)) : 0;
}

int plm_resource_post(
    struct plm_hub *hub, const struct plm_resource_request *request, struct plm_resource_reply *reply)
{
    struct plm_refusal why = {0};
    struct plm_room *room = NULL;
    struct plm_guest guest;
    char name[PLM_NAME_SIZE];
    unsigned status = 0;
    memset(reply, 0, sizeof *reply);
    if (hub->gauges.resources >= hub->config.max_resources) {
        plm_hub_refuse_full(
            hub, &why, PLM_HUB_LIMIT_RESOURCES, "the server has no room for another connection");
        return reply_refusal(reply, &why);
    }
    int err = make_name(hub, request, name, &why);
    plm_guest_init(&guest, name, request->source, NULL);
    if (!err)
        err = plm_admission_resource(&room, hub, request, &guest, &status, &why);
    if (err && status)
        return reply_error(reply, status, PLM_EAUTH, why.message);
    if (err)
        return reply_refusal(reply, &why);
    struct plm_resource *r = create(room, request->kind);
    if (!r) {
        plm_room_on_population(room);
        return reply_error(reply, 500, PLM_ENOMEM, "out of memory");
    }
    r->who = guest.who;
    r->trusted = guest.trusted;
    plm_room_on_population(room);
    err = request->kind == PLM_RESOURCE_WHIP ? post_whip(r, request, &guest, &reply->body, &why)
                                             : post_whep(r, request, &reply->body, &why);
    if (err) {
        plm_resource_reply_clear(reply);
        end(r, PLM_MSG_leave_reason_left);
        return reply_refusal(reply, &why);
    }
    reply->status = 201;
    memcpy(reply->id, r->id, sizeof reply->id);
    memcpy(reply->etag, r->etag, sizeof reply->etag);
    plm_hub_settle(hub);
    return 0;
}

/* ---- PATCH and DELETE ---- */

static void write_candidates(FILE *out, const struct plm_sdp_local *local)
{
    char candidate[PLM_SDP_CANDIDATE_SIZE];
    for (size_t i = 0; plm_sdp_candidate(local, i, candidate); i++)
        fprintf(out, "a=%s\r\n", candidate);
    fputs("a=end-of-candidates\r\n", out);
}

static char *write_fragment(const struct plm_connection *c)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        return NULL;
    fputs("a=ice-lite\r\n", out);
    if (c->params && c->params->n_media)
        fprintf(out, "m=%s 9 UDP/TLS/RTP/SAVPF 0\r\na=mid:%s\r\n", plm_kind_name(c->params->media[0].kind),
            c->params->media[0].mid);
    fprintf(out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", c->local.ufrag, c->local.pwd);
    write_candidates(out, &c->local);
    if (fclose(out)) {
        free(text);
        return NULL;
    }
    return text;
}

static int restart(struct plm_resource *r, const char *peer_ufrag, struct plm_resource_reply *reply)
{
    struct plm_refusal why = {0};
    struct plm_connection *c = connection_of(r);
    if (plm_connection_restart(c, peer_ufrag, &why))
        return reply_refusal(reply, &why);
    new_etag(r);
    reply->body = write_fragment(c);
    if (!reply->body)
        return reply_error(reply, 500, PLM_ENOMEM, "out of memory");
    reply->status = 200;
    memcpy(reply->etag, r->etag, sizeof reply->etag);
    return 0;
}

int plm_resource_patch(struct plm_hub *hub, const char *id, const char *if_match, const char *body,
    size_t len, struct plm_resource_reply *reply)
{
    struct plm_sdp_fragment fragment;
    struct plm_sdp_error at = {0};
    struct plm_resource *r = find(hub, id);
    memset(reply, 0, sizeof *reply);
    if (!r)
        return reply_error(reply, 404, PLM_ENOENT, "no such resource");
    if (!if_match)
        return reply_error(reply, 428, PLM_EINVAL, "If-Match is missing");
    bool any = !strcmp(if_match, "*") || !strcmp(if_match, "\"*\""); /* with quotes: RFC 9725's own example */
    if (!any && strcmp(if_match, r->etag) != 0)
        return reply_error(reply, 412, PLM_EINVAL, "If-Match is not the present ETag");
    if (plm_sdp_parse_fragment(&fragment, body, len, &at))
        return reply_error(reply, 400, PLM_EINVAL, at.text);
    bool fresh = *fragment.ufrag && strcmp(fragment.ufrag, connection_of(r)->peer_ufrag) != 0;
    if (fresh && any)
        return restart(r, fragment.ufrag, reply);
    if (fresh)
        return reply_error(reply, 412, PLM_EINVAL, "new credentials need If-Match: *");
    reply->status = 204;
    memcpy(reply->etag, r->etag, sizeof reply->etag);
    return 0;
}

int plm_resource_delete(struct plm_hub *hub, const char *id, struct plm_resource_reply *reply)
{
    struct plm_resource *r = find(hub, id);
    memset(reply, 0, sizeof *reply);
    if (!r)
        return reply_error(reply, 404, PLM_ENOENT, "no such resource");
    end(r, PLM_MSG_leave_reason_left);
    plm_hub_settle(hub);
    reply->status = 200;
    return 0;
}
