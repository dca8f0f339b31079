/*
 * Frames to and from the other shards of a room (base/link_frame.h).
 */
#include "base/link_frame.h"
#include "feed.h"
#include "shard.h"
#include "track.h"
#include "track_change.h"
#include "worker_core.h"

#include <string.h>

enum {
    FLAG_MARKER = 1,
    FLAG_RECOVERED = 2,
};
enum {
    INFO_FRAME_START = 1,
    INFO_FRAME_END = 2,
    INFO_KEYFRAME = 4,
    INFO_KEYFRAME_START = 8,
    INFO_LAYER_SYNC = 16,
    INFO_HAS_LAYERS = 32,
    INFO_INTER_LAYER = 64,
    INFO2_PICTURE_ID = 1,
    INFO2_PICTURE_ID_15 = 2,
    INFO2_TL0 = 4,
    INFO2_KEYIDX = 8,
};

_Static_assert(PLM_LINK_DD_TARGETS == PLM_DD_TOLD, "a frame has room for all that is told of a packet");

static struct plm_link_header header(
    const struct plm_shard *s, enum plm_link_type type, const struct plm_track *tr, size_t size)
{
    return (struct plm_link_header){
        .size = (uint32_t)size,
        .type = (uint8_t)type,
        .source = tr ? (uint8_t)tr->source : 0,
        .room = s->room,
        .instance = s->instance,
        .participant = tr ? tr->participant : 0,
    };
}

static bool post(
    struct plm_shard *s, unsigned worker, struct plm_link_header h, const void *body, bool urgent)
{
    return s->worker->config.io.link(s->worker->config.io.ctx, worker, &h, sizeof h, body, h.size, urgent);
}

static void feed(struct plm_shard *s, enum plm_feed_class class, struct plm_link_header h, const void *body)
{
    plm_feed_append(s->worker->feed, class, &h, sizeof h, body, h.size);
}

static bool is_meant(int only_worker, unsigned worker)
{
    return only_worker < 0 || (unsigned)only_worker == worker;
}

void plm_shard_announce(struct plm_shard *s, const struct plm_track *tr, int only_worker)
{
    struct plm_link_track t = {
        .kind = (uint8_t)tr->kind,
        .n_encodings = tr->n_encodings,
        .n_codecs = tr->n_codecs < PLM_LINK_MAX_CODECS ? tr->n_codecs : PLM_LINK_MAX_CODECS,
        .muted = tr->muted,
    };
    for (unsigned i = 0; i < t.n_codecs; i++) {
        t.codecs[i].codec = (uint8_t)tr->codecs[i].codec;
        t.codecs[i].variant = tr->codecs[i].variant;
    }
    struct plm_link_header h = header(s, PLM_LINK_TRACK, tr, sizeof t);
    for (unsigned i = 0; i < s->n_peers; i++) {
        if (is_meant(only_worker, s->peers[i].worker))
            post(s, s->peers[i].worker, h, &t, true);
    }
    if (s->feeding && is_meant(only_worker, PLM_LINK_FEED))
        feed(s, PLM_FEED_TRACK, h, &t);
}

void plm_shard_announce_gone(struct plm_shard *s, const struct plm_track *tr, int only_worker)
{
    struct plm_link_header h = header(s, PLM_LINK_TRACK_GONE, tr, 0);
    for (unsigned i = 0; i < s->n_peers; i++) {
        if (is_meant(only_worker, s->peers[i].worker))
            post(s, s->peers[i].worker, h, NULL, true);
    }
    if (s->feeding && is_meant(only_worker, PLM_LINK_FEED))
        feed(s, PLM_FEED_TRACK, h, NULL);
}

void plm_shard_send_demand(
    struct plm_shard *s, const struct plm_track *tr, uint8_t encodings, uint8_t keyframes)
{
    struct plm_link_demand d = {
        .encodings = encodings, .keyframes = keyframes, .audio = tr->kind == PLM_KIND_AUDIO};
    post(s, tr->peer_worker, header(s, PLM_LINK_DEMAND, tr, sizeof d), &d, true);
}

void plm_shard_send_levels(
    struct plm_shard *s, unsigned worker, const struct plm_link_level *v, size_t n, bool speakers)
{
    post(s, worker, header(s, speakers ? PLM_LINK_SPEAKERS : PLM_LINK_LEVELS, NULL, n * sizeof *v), v, true);
}

static uint8_t share_of(const struct plm_encoding *enc, unsigned tid)
{
    if (tid + 1u >= enc->temporal_layers)
        return 0;
    unsigned share = plm_layer_rate_share(&enc->rate, tid, enc->temporal_layers);
    return (uint8_t)(share < 255 ? share : 255);
}

static uint8_t spatial_share_of(const struct plm_encoding *enc, unsigned sid)
{
    const unsigned whole = PLM_ALLOC_TEMPORAL - 1;
    if (sid + 1u >= enc->spatial_layers || enc->spatial_layers > PLM_SPATIAL_LAYERS)
        return 0;
    uint32_t all = enc->up_to[enc->spatial_layers - 1].bps[whole];
    uint64_t share = all ? (uint64_t)enc->up_to[sid].bps[whole] * 256 / all : 0;
    return (uint8_t)(share < 255 ? share : 255);
}

void plm_shard_send_clock(struct plm_shard *s, const struct plm_track *tr, uint8_t e, int only_worker)
{
    const struct plm_encoding *enc = &tr->encodings[e];
    const struct plm_ntp_map *m = &enc->clock;
    if (!m->anchored)
        return;
    struct plm_link_clock c = {
        .encoding = e,
        .temporal_layers = enc->temporal_layers,
        .shares = {share_of(enc, 0), share_of(enc, 1)},
        .clock_rate = m->clock_rate,
        .ext_ts = m->ts0,
        .us = m->us0,
        .bitrate_bps = plm_track_bitrate(tr, e),
        .width = enc->width,
        .height = enc->height,
        .spatial_layers = enc->spatial_layers,
        .spatial_shares = {spatial_share_of(enc, 0), spatial_share_of(enc, 1)},
    };
    struct plm_link_header h = header(s, PLM_LINK_CLOCK, tr, sizeof c);
    /* A choice among encodings needs to know them all; of sound there is one, known when it flows. */
    bool choice = tr->kind == PLM_KIND_VIDEO;
    for (unsigned i = 0; i < s->n_peers; i++) {
        unsigned worker = s->peers[i].worker;
        if (is_meant(only_worker, worker) && (choice || tr->links[worker].encodings & (1u << e)))
            post(s, worker, h, &c, true);
    }
    if (s->feeding && is_meant(only_worker, PLM_LINK_FEED) &&
        (choice || tr->links[PLM_LINK_FEED].encodings & (1u << e)))
        feed(s, PLM_FEED_SOUND, h, &c);
}

bool plm_shard_send_packet(
    struct plm_shard *s, const struct plm_track *tr, unsigned worker, const struct plm_pkt *pkt)
{
    const struct plm_frame_info *f = &pkt->info;
    struct {
        struct plm_link_header h;
        struct plm_link_packet p;
    } head = {
        .h = header(s, PLM_LINK_PACKET, tr, sizeof head.p + pkt->len),
        .p =
            {
                .ext_seq = pkt->ext_seq,
                .ext_ts = pkt->ext_ts,
                .arrival_us = pkt->arrival_us,
                .payload_off = pkt->payload_off,
                .payload_len = pkt->payload_len,
                .encoding = pkt->encoding,
                .codec = (uint8_t)pkt->codec,
                .codec_index = pkt->codec_index,
                .flags = (uint8_t)((pkt->marker ? FLAG_MARKER : 0) | (pkt->recovered ? FLAG_RECOVERED : 0)),
                .audio_level_off = pkt->audio_level_off,
                .orientation_off = pkt->orientation_off,
                .playout_off = pkt->playout_off,
                .dd_off = pkt->dd_off,
                .dd_len = pkt->dd_len,
                .playout_len = pkt->playout_len,
                .audio_level = pkt->audio_level,
                .tid = f->tid,
                .sid = f->sid,
                .spatial_layers = f->spatial_layers,
                .restarts = tr->encodings[pkt->encoding].restarts,
                .dd_targets = f->targets.n,
                .dd_targets_told = f->targets.present,
                .dd_at = f->targets.at,
                .dd_active = f->targets.active,
                .width = f->width,
                .height = f->height,
                .picture_id = f->picture_id,
                .tl0picidx = f->tl0picidx,
                .desc_len = f->desc_len,
                .info_flags =
                    (uint8_t)((f->frame_start ? INFO_FRAME_START : 0) | (f->frame_end ? INFO_FRAME_END : 0) |
                              (f->keyframe ? INFO_KEYFRAME : 0) |
                              (f->keyframe_start ? INFO_KEYFRAME_START : 0) |
                              (f->layer_sync ? INFO_LAYER_SYNC : 0) | (f->has_layers ? INFO_HAS_LAYERS : 0) |
                              (f->inter_layer ? INFO_INTER_LAYER : 0)),
                .info_flags2 = (uint8_t)((f->has_picture_id ? INFO2_PICTURE_ID : 0) |
                                         (f->picture_id_15 ? INFO2_PICTURE_ID_15 : 0) |
                                         (f->has_tl0 ? INFO2_TL0 : 0) | (f->has_keyidx ? INFO2_KEYIDX : 0)),
            },
    };
    memcpy(head.p.dd_layers, f->targets.layers, sizeof head.p.dd_layers);
    bool sound = tr->kind == PLM_KIND_AUDIO;
    if (worker == PLM_LINK_FEED)
        return plm_feed_append(s->worker->feed, sound ? PLM_FEED_SOUND : PLM_FEED_PICTURE, &head, sizeof head,
            pkt->data, pkt->len);
    return s->worker->config.io.link(
        s->worker->config.io.ctx, worker, &head, sizeof head, pkt->data, pkt->len, sound);
}

static void fill_packet(struct plm_pkt *pkt, const struct plm_link_packet *p)
{
    pkt->ext_seq = p->ext_seq;
    pkt->ext_ts = p->ext_ts;
    pkt->arrival_us = p->arrival_us;
    pkt->payload_off = p->payload_off;
    pkt->payload_len = p->payload_len;
    pkt->encoding = p->encoding;
    pkt->codec = (enum plm_codec)p->codec;
    pkt->codec_index = p->codec_index;
    pkt->marker = p->flags & FLAG_MARKER;
    pkt->recovered = p->flags & FLAG_RECOVERED;
    pkt->audio_level_off = p->audio_level_off;
    pkt->orientation_off = p->orientation_off;
    pkt->playout_off = p->playout_off;
    pkt->dd_off = p->dd_off;
    pkt->dd_len = p->dd_len;
    pkt->playout_len = p->playout_len;
    pkt->audio_level = p->audio_level;
    pkt->info = (struct plm_frame_info){
        .frame_start = p->info_flags & INFO_FRAME_START,
        .frame_end = p->info_flags & INFO_FRAME_END,
        .keyframe = p->info_flags & INFO_KEYFRAME,
        .keyframe_start = p->info_flags & INFO_KEYFRAME_START,
        .layer_sync = p->info_flags & INFO_LAYER_SYNC,
        .has_layers = p->info_flags & INFO_HAS_LAYERS,
        .inter_layer = p->info_flags & INFO_INTER_LAYER,
        .has_picture_id = p->info_flags2 & INFO2_PICTURE_ID,
        .picture_id_15 = p->info_flags2 & INFO2_PICTURE_ID_15,
        .has_tl0 = p->info_flags2 & INFO2_TL0,
        .has_keyidx = p->info_flags2 & INFO2_KEYIDX,
        .tid = p->tid,
        .sid = p->sid,
        .picture_id = p->picture_id,
        .tl0picidx = p->tl0picidx,
        .width = p->width,
        .height = p->height,
        .desc_len = p->desc_len,
        .spatial_layers = p->spatial_layers,
        .targets = {.n = p->dd_targets,
            .present = p->dd_targets_told,
            .at = p->dd_at,
            .active = p->dd_active},
    };
    memcpy(pkt->info.targets.layers, p->dd_layers, sizeof p->dd_layers);
}

static bool inside(uint16_t off, unsigned len, size_t size)
{
    return off == 0 || (size_t)off + len <= size;
}

/* Its numbers and times are those of the stream that it is of. */
static void note_restarts(struct plm_track *tr, const struct plm_link_packet *p)
{
    struct plm_encoding *enc = &tr->encodings[p->encoding];
    if (enc->seen && enc->restarts != p->restarts)
        plm_track_restart_encoding(tr, p->encoding);
    enc->restarts = p->restarts;
}

void plm_shard_on_packet_frame(
    struct plm_shard *s, const struct plm_link_header *h, const uint8_t *body, size_t size)
{
    struct plm_link_packet p;
    if (size < sizeof p || size - sizeof p > PLM_PKT_SIZE)
        return;
    memcpy(&p, body, sizeof p);
    size_t len = size - sizeof p;
    struct plm_track *tr = plm_shard_find_track(s, h->participant, (enum plm_source)h->source);
    if (!tr || tr->transport || p.encoding >= tr->n_encodings || p.codec_index >= tr->n_codecs ||
        p.codec >= PLM_CODEC_COUNT || (size_t)p.payload_off + p.payload_len > len ||
        p.desc_len > p.payload_len || !inside(p.audio_level_off, 1, len) ||
        !inside(p.orientation_off, 1, len) || !inside(p.playout_off, p.playout_len, len) ||
        !inside(p.dd_off, p.dd_len, len) || p.dd_targets > PLM_DD_TOLD)
        return;
    struct plm_pkt *pkt = plm_pkt_get(s->worker->pool);
    if (!pkt) {
        plm_count_drop(s->worker, PLM_DROP_NO_BUFFER);
        return;
    }
    fill_packet(pkt, &p);
    pkt->len = (uint16_t)len;
    memcpy(pkt->data, body + sizeof p, len);
    note_restarts(tr, &p);
    plm_track_on_link(tr, pkt);
    plm_pkt_put(s->worker->pool, pkt);
}
