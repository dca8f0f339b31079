#include "video_codec.h"

#include "room.h"

#include <string.h>

const enum plm_codec *plm_codecs_of_room(const struct plm_connection *c)
{
    const struct plm_record *record = plm_room_main(plm_room_find_media(c->hub, c->room))->record;
    return record->value.codecs[0] != PLM_CODEC_NONE ? record->value.codecs : c->hub->config.codecs;
}

static uint32_t bit_of(enum plm_codec codec)
{
    return UINT32_C(1) << codec;
}

/* Bit per video codec that its slots were agreed for, 0: none, or nothing was agreed yet. */
static uint32_t decodes(const struct plm_connection *c)
{
    uint32_t bits = 0;
    for (unsigned i = 0; c && c->params && i < c->params->n_media; i++) {
        const struct plm_media_params *m = &c->params->media[i];
        for (unsigned k = 0; m->kind == PLM_KIND_VIDEO && m->direction == PLM_DIR_SEND && k < m->n_codecs;
             k++)
            bits |= bit_of(m->codecs[k].codec);
    }
    return bits;
}

/* ---- who decodes what ---- */

/* How many said what they decode, and how many of them decode each codec. */
struct census {
    uint32_t people, decode[PLM_CODEC_COUNT];
};

static uint32_t counts_with(const struct plm_member *m)
{
    return m->role == PLM_MSG_role_viewer ? 0 : decodes(m->receive);
}

static void take_census(struct census *all, const struct plm_room *main)
{
    memset(all, 0, sizeof *all);
    for (const struct plm_member *m = main->people; m; m = m->hh_id.next) {
        uint32_t bits = counts_with(m);
        all->people += bits != 0;
        for (unsigned c = 0; c < PLM_CODEC_COUNT; c++)
            all->decode[c] += bits >> c & 1;
    }
}

/* What all decode but m itself, which may be NULL; all of them while nobody has said anything. */
static uint32_t decoded_by_others(const struct census *all, const struct plm_member *m)
{
    uint32_t own = m ? counts_with(m) : 0, bits = 0;
    uint32_t others = all->people - (own != 0);
    for (unsigned c = 0; c < PLM_CODEC_COUNT; c++)
        bits |= all->decode[c] - (own >> c & 1) == others ? UINT32_C(1) << c : 0;
    return bits;
}

/* ---- answers ---- */

/* Those of `bits` come first, both parts in the order that they had. */
static void put_first(enum plm_codec codecs[PLM_CODEC_COUNT], uint32_t bits)
{
    enum plm_codec sorted[PLM_CODEC_COUNT] = {PLM_CODEC_NONE};
    size_t n = 0;
    for (int part = 1; part >= 0; part--) {
        for (size_t i = 0; i < PLM_CODEC_COUNT && codecs[i] != PLM_CODEC_NONE; i++) {
            if ((bits >> codecs[i] & 1) == (uint32_t)part)
                sorted[n++] = codecs[i];
        }
    }
    memcpy(codecs, sorted, sizeof sorted);
}

void plm_codecs_for_publisher(const struct plm_connection *c, bool again, enum plm_codec out[PLM_CODEC_COUNT])
{
    memcpy(out, plm_codecs_of_room(c), PLM_CODEC_COUNT * sizeof *out);
    if (again && c->video != PLM_CODEC_NONE) {
        put_first(out, bit_of(c->video));
        return;
    }
    struct census all;
    take_census(&all, plm_room_main(plm_room_find_media(c->hub, c->room)));
    put_first(out, decoded_by_others(&all, c->member));
}

static const struct plm_media_params *first_video(const struct plm_connection *c)
{
    for (unsigned i = 0; c->params && i < c->params->n_media; i++) {
        const struct plm_media_params *m = &c->params->media[i];
        if (m->kind == PLM_KIND_VIDEO && m->direction == PLM_DIR_RECV && m->n_codecs > 0)
            return m;
    }
    return NULL;
}

void plm_codecs_on_published(struct plm_connection *c)
{
    const struct plm_media_params *m = first_video(c);
    c->video = m ? m->codecs[0].codec : PLM_CODEC_NONE;
}

/* ---- changes ---- */

static void leave_list(struct plm_room *room)
{
    if (room->codecs.due)
        DL_DELETE2(room->hub->with_codecs, room, codecs_prev, codecs_next);
    room->codecs.due = false;
}

void plm_codecs_forget(struct plm_room *room)
{
    leave_list(room);
}

void plm_codecs_on_receiver(const struct plm_connection *c)
{
    struct plm_room *room = c ? plm_room_main(plm_room_find_media(c->hub, c->room)) : NULL;
    uint32_t bits = decodes(c);
    bool all = true;
    if (!bits || !c->member || c->member->role == PLM_MSG_role_viewer || room->codecs.due)
        return;
    const enum plm_codec *codecs = plm_codecs_of_room(c);
    for (size_t i = 0; i < PLM_CODEC_COUNT && codecs[i] != PLM_CODEC_NONE; i++)
        all &= codecs[i] == PLM_CODEC_OPUS || (bits & bit_of(codecs[i])) != 0;
    if (all)
        return;
    room->codecs.due = true;
    DL_APPEND2(room->hub->with_codecs, room, codecs_prev, codecs_next);
}

void plm_codecs_tell(struct plm_member *m)
{
    static const enum plm_msg_video_codec names[PLM_CODEC_COUNT] = {[PLM_CODEC_VP8] = PLM_MSG_video_codec_vp8,
        [PLM_CODEC_VP9] = PLM_MSG_video_codec_vp9,
        [PLM_CODEC_H264] = PLM_MSG_video_codec_h264,
        [PLM_CODEC_AV1] = PLM_MSG_video_codec_av1};
    if (!m->publish || !m->publish->video_told)
        return;
    struct plm_msg msg = {.type = PLM_MSG_codec, .codec = {.codec = names[m->publish->video]}};
    plm_member_send(m, &msg);
}

/* @return whether it is to change */
static bool change(struct plm_member *m, const struct census *all)
{
    const struct plm_media_params *agreed = m->publish && !m->resource ? first_video(m->publish) : NULL;
    uint32_t bits = decoded_by_others(all, m);
    if (!agreed || (bits & bit_of(m->publish->video)))
        return false;
    unsigned i = 0;
    while (i < agreed->n_codecs && !(bits & bit_of(agreed->codecs[i].codec)))
        i++;
    if (i == agreed->n_codecs)
        return false; /* there is none: who does not decode it is told so by its slot */
    m->publish->video = agreed->codecs[i].codec;
    m->publish->video_told = true;
    plm_hub_log(
        m->room->hub, m->room, "%u (%s) is to send %s", m->id, m->name, plm_codec_name(m->publish->video));
    plm_codecs_tell(m);
    return true;
}

uint64_t plm_codecs_poll(struct plm_hub *hub, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    struct plm_room *room, *after;
    DL_FOREACH_SAFE2(hub->with_codecs, room, after, codecs_next)
    {
        if (now < room->codecs.next_at) {
            next = room->codecs.next_at < next ? room->codecs.next_at : next;
            continue;
        }
        struct census all;
        struct plm_member *m, *other;
        bool any = false;
        leave_list(room);
        take_census(&all, room);
        HASH_ITER (hh_id, room->people, m, other)
            any |= change(m, &all);
        if (any)
            room->codecs.next_at = now + PLM_CODEC_PERIOD_MS;
    }
    return next;
}
