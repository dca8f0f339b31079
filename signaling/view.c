/* What a participant receives: the receive conversation and the view. */
#include "room.h"

#include "connection.h"

#include <string.h>

static int apply_view(struct plm_member *m, const struct plm_view *view)
{
    const struct plm_media_port *media = &m->room->hub->media;
    return m->receive && m->receive->id ? media->transport_view(media->ctx, m->receive->id, view) : 0;
}

int plm_member_receive(
    struct plm_member *m, const struct plm_msg_receive *request, char **offer, struct plm_refusal *why)
{
    struct plm_sdp_layout layout = {.pairs = (uint8_t)request->pairs,
        .audio_only = (uint8_t)request->audio_only,
        .screen_pairs = (uint8_t)request->screens};
    if (!request->pairs && !request->audio_only && !request->screens)
        return plm_refuse(why, PLM_MSG_error_code_bad_message, "pairs", "no slot at all");
    if (!m->may_subscribe)
        return plm_refuse(why, PLM_MSG_error_code_forbidden, "", "the token does not grant this");
    if (!m->receive)
        m->receive = plm_connection_create(m->room, PLM_CONNECTION_RECEIVE, m->id, m, NULL);
    if (!m->receive)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    plm_transport_id before = m->receive->id;
    int err = plm_connection_offer(m->receive, &layout, request->has_restart && request->restart, offer, why);
    if (err)
        return err;
    m->lost_receive = false;
    if (m->has_view && m->receive->id != before)
        apply_view(m, &m->view);
    return 0;
}

void plm_member_follow(struct plm_member *m)
{
    const struct plm_view view = {.mode = PLM_VIEW_FOLLOW};
    if (m->has_view)
        apply_view(m, &view);
    m->has_view = false;
}

int plm_member_view(struct plm_member *m, const struct plm_msg_view *request, struct plm_refusal *why)
{
    struct plm_view view = {
        .mode = request->has_follow && request->follow ? PLM_VIEW_FOLLOW : PLM_VIEW_ITEMS};
    for (size_t i = 0; i < request->n_items; i++) {
        const struct plm_msg_view_item *item = &request->items[i];
        if (item->source != PLM_MSG_source_camera && item->source != PLM_MSG_source_screen)
            return plm_refuse(
                why, PLM_MSG_error_code_bad_message, "items", "only cameras and screens are shown");
        view.items[i] = (struct plm_view_item){.participant = item->participant,
            .source = (enum plm_source)item->source,
            .width = (uint16_t)item->width,
            .height = (uint16_t)item->height,
            .priority = (uint8_t)item->priority};
    }
    view.n_items = (uint16_t)request->n_items;
    int err = apply_view(m, &view);
    if (err)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "media: %s", plm_strerror(err));
    m->view = view;
    m->has_view = true;
    return 0;
}
