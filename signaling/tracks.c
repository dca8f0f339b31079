/* What a participant publishes: the publish conversation, mutes, and which encodings are wanted. */
#include "room.h"

#include "connection.h"
#include "moderation.h"
#include "news.h"
#include "roles.h"

#include <string.h>

static const struct plm_msg_track_line *find_line(const struct plm_msg_publish *request, const char *mid)
{
    for (size_t i = 0; i < request->n_tracks; i++)
        if (!strcmp(request->tracks[i].mid, mid))
            return &request->tracks[i];
    return NULL;
}

static struct plm_media_params *find_media(struct plm_transport_params *params, const char *mid)
{
    for (size_t i = 0; i < params->n_media; i++)
        if (!strcmp(params->media[i].mid, mid))
            return &params->media[i];
    return NULL;
}

static int check_lines(
    const struct plm_msg_publish *request, struct plm_transport_params *params, struct plm_refusal *why)
{
    for (size_t i = 0; i < request->n_tracks; i++) {
        const struct plm_msg_track_line *line = &request->tracks[i];
        const struct plm_media_params *media = find_media(params, line->mid);
        if (!media)
            return plm_refuse(
                why, PLM_MSG_error_code_bad_message, "tracks", "no m-line has the mid %s", line->mid);
        if (media->kind != plm_source_kind((enum plm_source)line->source))
            return plm_refuse(why, PLM_MSG_error_code_bad_message, "tracks",
                "m-line %s is %s, not what a %s needs", line->mid, plm_kind_name(media->kind),
                plm_msg_source_name(line->source));
        for (size_t k = 0; k < i; k++)
            if (request->tracks[k].source == line->source || !strcmp(request->tracks[k].mid, line->mid))
                return plm_refuse(
                    why, PLM_MSG_error_code_bad_message, "tracks", "mid or source stands there twice");
    }
    return 0;
}

/* plm_connection_adjust: sources as the client named them; an m-line without a name carries nothing. */
static int name_tracks(
    void *arg, const struct plm_sdp *offer, struct plm_transport_params *params, struct plm_refusal *why)
{
    const struct plm_msg_publish *request = arg;
    int err = check_lines(request, params, why);
    if (err)
        return err;
    for (size_t i = 0; i < params->n_media; i++) {
        struct plm_media_params *media = &params->media[i];
        const struct plm_msg_track_line *line = find_line(request, media->mid);
        if (line && media->direction != PLM_DIR_RECV && plm_sdp_media_peer_sends(offer, i))
            return plm_refuse(
                why, PLM_MSG_error_code_bad_sdp, "sdp", "m-line %s: no codec in common", media->mid);
        if (line)
            media->source = (enum plm_source)line->source;
        else
            media->direction = PLM_DIR_INACTIVE;
    }
    return 0;
}

/* plm_connection_adjust for WHIP: sources were guessed by order; one that was guessed twice stays with the first. */
static int keep_first(
    void *arg, const struct plm_sdp *offer, struct plm_transport_params *params, struct plm_refusal *why)
{
    bool seen[PLM_SOURCE_COUNT] = {false}, any = false;
    (void)arg;
    (void)offer;
    for (size_t i = 0; i < params->n_media; i++) {
        struct plm_media_params *media = &params->media[i];
        if (media->direction != PLM_DIR_RECV)
            continue;
        if ((unsigned)media->source >= PLM_SOURCE_COUNT || seen[media->source])
            media->direction = PLM_DIR_INACTIVE;
        else
            any = seen[media->source] = true;
    }
    return any ? 0
               : plm_refuse(
                     why, PLM_MSG_error_code_bad_sdp, "sdp", "nothing is sent that is understood here");
}

static bool set_tracks(struct plm_member *m, const struct plm_track_state *tracks, size_t n)
{
    bool changed = n != m->n_tracks;
    for (size_t i = 0; i < n && !changed; i++)
        changed = tracks[i].source != m->tracks[i].source || tracks[i].muted != m->tracks[i].muted;
    memcpy(m->tracks, tracks, n * sizeof *tracks);
    m->n_tracks = n;
    return changed;
}

/* What one joins with is off by the room's rule, until one turns it on. */
static bool starts_off(const struct plm_member *m, enum plm_source source)
{
    const struct plm_room_settings *rules = plm_room_rules(m->room);
    if (m->has_published || m->resource || plm_role_leads(m->role))
        return false;
    return (source == PLM_SOURCE_MICROPHONE && rules->start_muted) ||
           (source == PLM_SOURCE_CAMERA && rules->start_camera_off);
}

/* Whatever its publisher says: by the rules, and by a mute that the client may not have heard of before the server was gone. */
static bool is_kept_off(const struct plm_member *m, enum plm_source source)
{
    return m->stays_muted[source] || starts_off(m, source) || !plm_member_may_send(m, source);
}

/* Take what was agreed into the roster and tell media what is muted. request NULL: its publisher mutes nothing. */
static void adopt_tracks(struct plm_member *m, const struct plm_msg_publish *request)
{
    struct plm_track_state tracks[PLM_MAX_TRACKS];
    const struct plm_transport_params *params = m->publish->params;
    const struct plm_media_port *media = &m->room->hub->media;
    size_t n = 0;
    for (size_t i = 0; i < params->n_media && n < PLM_MAX_TRACKS; i++) {
        if (params->media[i].direction != PLM_DIR_RECV)
            continue;
        const struct plm_msg_track_line *line = request ? find_line(request, params->media[i].mid) : NULL;
        enum plm_source source = params->media[i].source;
        bool is_muted = line && line->muted, off = is_kept_off(m, source);
        tracks[n++] = (struct plm_track_state){.source = source, .muted = is_muted || off};
        media->transport_mute(media->ctx, m->publish->id, source, is_muted || off);
        if (off && !is_muted)
            plm_member_tell_muted(m, source, 0);
    }
    m->has_published = true;
    memset(m->stays_muted, 0, sizeof m->stays_muted);
    if (set_tracks(m, tracks, n))
        plm_news_changed(m);
}

static int publish(struct plm_member *m, const char *sdp, size_t len, plm_connection_adjust *adjust,
    const struct plm_msg_publish *request, char **answer, struct plm_refusal *why)
{
    if (!m->publish)
        m->publish = plm_connection_create(m->room, PLM_CONNECTION_PUBLISH, m->id, m, NULL);
    if (!m->publish)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    plm_transport_id before = m->publish->id;
    int err = plm_connection_answer(m->publish, sdp, len, adjust, (void *)request, answer, why);
    if (err)
        return err;
    m->lost_publish = false;
    if (m->publish->id != before)
        memset(m->has_demand, 0, sizeof m->has_demand); /* of the old transport's tracks */
    adopt_tracks(m, request);
    return 0;
}

int plm_member_publish(
    struct plm_member *m, const struct plm_msg_publish *request, char **answer, struct plm_refusal *why)
{
    return publish(m, request->sdp, strlen(request->sdp), name_tracks, request, answer, why);
}

int plm_member_publish_whip(
    struct plm_member *m, const char *sdp, size_t len, char **answer, struct plm_refusal *why)
{
    return publish(m, sdp, len, keep_first, NULL, answer, why);
}

int plm_member_mute(struct plm_member *m, enum plm_source source, bool muted, struct plm_refusal *why)
{
    const struct plm_media_port *media = &m->room->hub->media;
    size_t i = 0;
    while (i < m->n_tracks && m->tracks[i].source != source)
        i++;
    if (i == m->n_tracks)
        return plm_refuse(why, PLM_MSG_error_code_not_found, "source", "nothing of that kind is published");
    if (m->tracks[i].muted == muted)
        return 0;
    if (!muted && !plm_member_may_send(m, source))
        return plm_refuse(why, PLM_MSG_error_code_forbidden, "source", "a moderator has to permit it");
    int err = media->transport_mute(media->ctx, m->publish->id, source, muted);
    if (err)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "media: %s", plm_strerror(err));
    m->tracks[i].muted = muted;
    plm_news_changed(m);
    return 0;
}

bool plm_member_silence(struct plm_member *m, enum plm_source source)
{
    struct plm_refusal why;
    for (size_t i = 0; i < m->n_tracks; i++)
        if (m->tracks[i].source == source && !m->tracks[i].muted)
            return !plm_member_mute(m, source, true, &why);
    return false;
}

void plm_member_silence_all(struct plm_member *m)
{
    for (size_t i = 0; i < m->n_tracks; i++)
        plm_member_silence(m, m->tracks[i].source);
}

void plm_member_unpublish(struct plm_member *m)
{
    plm_connection_destroy(m->publish);
    m->publish = NULL;
    m->n_tracks = 0;
    m->lost_publish = false;
    memset(m->has_demand, 0, sizeof m->has_demand);
    plm_news_changed(m);
}

void plm_member_send_demand(struct plm_member *m, enum plm_source source)
{
    uint32_t needed[PLM_MAX_ENCODINGS];
    size_t n = 0;
    if (!m->has_demand[source])
        return;
    for (uint32_t i = 0; i < PLM_MAX_ENCODINGS; i++)
        if (m->demand[source] & (1u << i))
            needed[n++] = i;
    struct plm_msg msg = {.type = PLM_MSG_demand,
        .demand = {.source = (enum plm_msg_source)source, .needed = needed, .n_needed = n}};
    plm_member_send(m, &msg);
}

void plm_member_on_demand(struct plm_member *m, enum plm_source source, uint8_t needed)
{
    if ((unsigned)source >= PLM_SOURCE_COUNT || (m->has_demand[source] && m->demand[source] == needed))
        return;
    m->has_demand[source] = true;
    m->demand[source] = needed;
    plm_member_send_demand(m, source);
}
