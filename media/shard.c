#include "shard.h"

#include "base/util.h"
#include "slot.h"
#include "track.h"
#include "transport.h"
#include "worker_core.h"

#include <stdlib.h>
#include <string.h>

#define SECOND_US 1000000

static void on_level_timer(struct plm_timer *timer, uint64_t now_us);
static void on_second_timer(struct plm_timer *timer, uint64_t now_us);

static unsigned max_speakers(const struct plm_shard *s)
{
    unsigned n = s->config.max_speakers ? s->config.max_speakers : 4;
    return n < PLM_MAX_SPEAKERS ? n : PLM_MAX_SPEAKERS;
}

struct plm_shard *plm_shard_get(struct plm_worker *w, plm_room_id room, const struct plm_room_config *config)
{
    struct plm_shard *s = plm_worker_find_shard(w, room);
    if (s)
        return s;
    s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->worker = w;
    s->room = room;
    s->instance = ++w->next_instance;
    s->config = *config;
    s->home = (uint8_t)w->config.index;
    s->n_told = PLM_MAX_SPEAKERS + 1; /* nothing yet, not even that nobody speaks */
    s->decider = plm_speakers_create(max_speakers(s));
    if (!s->decider || plm_u32_map_set(&w->shards, room, s) != 0) {
        plm_speakers_destroy(s->decider);
        free(s);
        return NULL;
    }
    plm_gauge_add(w, PLM_GAUGE_SHARDS, 1);
    plm_timer_start_coarse(&w->wheel, &s->second_timer, w->now_us + SECOND_US, on_second_timer);
    w->config.io.shard(w->config.io.ctx, room, s->instance, true);
    return s;
}

void plm_shard_destroy(struct plm_shard *s)
{
    struct plm_worker *w = s->worker;
    while (s->n_tracks > 0) { /* only remote ones are left */
        struct plm_track *tr = s->tracks[s->n_tracks - 1];
        plm_shard_remove_track(s, tr);
        plm_track_destroy(tr);
    }
    plm_timer_stop(&w->wheel, &s->level_timer);
    plm_timer_stop(&w->wheel, &s->second_timer);
    for (struct plm_shard **p = &w->dirty_shards; *p; p = &(*p)->next_dirty) {
        if (*p == s) {
            *p = s->next_dirty;
            break;
        }
    }
    plm_u32_map_remove(&w->shards, s->room);
    plm_speakers_destroy(s->decider);
    plm_gauge_add(w, PLM_GAUGE_SHARDS, -1);
    plm_gauge_add(w, PLM_GAUGE_LINKS, -(int)s->n_peers);
    w->config.io.shard(w->config.io.ctx, s->room, s->instance, false);
    free(s->tracks);
    free(s);
}

void plm_shard_attach(struct plm_shard *s, struct plm_transport *t)
{
    t->shard = s;
    t->prev_in_shard = NULL;
    t->next_in_shard = s->transports;
    if (s->transports)
        s->transports->prev_in_shard = t;
    s->transports = t;
    s->n_transports++;
    plm_shard_set_dirty(s);
}

void plm_shard_detach(struct plm_shard *s, struct plm_transport *t)
{
    if (t->prev_in_shard)
        t->prev_in_shard->next_in_shard = t->next_in_shard;
    else
        s->transports = t->next_in_shard;
    if (t->next_in_shard)
        t->next_in_shard->prev_in_shard = t->prev_in_shard;
    t->next_in_shard = t->prev_in_shard = NULL;
    t->shard = NULL;
    if (--s->n_transports == 0)
        plm_shard_destroy(s);
}

void plm_shard_event(struct plm_shard *s, struct plm_event *ev)
{
    ev->room = s->room;
    s->worker->config.io.event(s->worker->config.io.ctx, ev);
}

void plm_shard_set_dirty(struct plm_shard *s)
{
    if (s->dirty)
        return;
    s->dirty = true;
    s->next_dirty = s->worker->dirty_shards;
    s->worker->dirty_shards = s;
}

/* ---- tracks ---- */

struct plm_track *plm_shard_find_track(
    const struct plm_shard *s, plm_participant_id who, enum plm_source source)
{
    for (uint32_t i = 0; i < s->n_tracks; i++) {
        if (s->tracks[i]->participant == who && s->tracks[i]->source == source)
            return s->tracks[i];
    }
    return NULL;
}

int plm_shard_add_track(struct plm_shard *s, struct plm_track *tr)
{
    if (s->n_tracks >= s->worker->config.limits.tracks_per_room)
        return PLM_ELIMIT;
    if (s->n_tracks == s->max_tracks) {
        uint32_t max = s->max_tracks ? s->max_tracks * 2 : 8;
        struct plm_track **tracks = realloc(s->tracks, max * sizeof(struct plm_track *));
        if (!tracks)
            return PLM_ENOMEM;
        s->tracks = tracks;
        s->max_tracks = max;
    }
    s->tracks[s->n_tracks++] = tr;
    tr->shard = s;
    tr->unheard_us = s->worker->now_us;
    tr->chosen_us = 0;
    if (tr->transport)
        plm_shard_announce(s, tr, -1);
    if (tr->kind == PLM_KIND_AUDIO && !plm_timer_active(&s->level_timer))
        plm_timer_start(
            &s->worker->wheel, &s->level_timer, s->worker->now_us + PLM_LEVEL_INTERVAL_US, on_level_timer);
    plm_shard_set_dirty(s);
    return 0;
}

void plm_shard_remove_track(struct plm_shard *s, struct plm_track *tr)
{
    tr->shard = NULL;
    while (tr->n_slots > 0)
        plm_slot_lose(tr->slots[tr->n_slots - 1], tr);
    for (uint32_t i = 0; i < s->n_tracks; i++) {
        if (s->tracks[i] != tr)
            continue;
        memmove(&s->tracks[i], &s->tracks[i + 1], (s->n_tracks - i - 1) * sizeof(struct plm_track *));
        s->n_tracks--;
        break;
    }
    if (tr->kind == PLM_KIND_AUDIO)
        plm_speakers_remove(s->decider, tr->participant);
    if (tr->transport) {
        plm_shard_announce_gone(s, tr, -1);
        tr->links[PLM_LINK_FEED] = (struct plm_track_demand){0}; /* it may go on in another room */
        if (tr->active) {
            struct plm_event ev = {
                .type = PLM_EV_TRACK, .transport = tr->transport->id, .participant = tr->participant};
            ev.track.source = tr->source;
            ev.track.codec = tr->codec;
            plm_shard_event(s, &ev);
            tr->active = false;
        }
    }
    plm_shard_set_dirty(s);
}

/* ---- who speaks ---- */

static bool is_in_set(const struct plm_shard *s, plm_participant_id who)
{
    for (unsigned i = 0; i < s->n_speakers; i++) {
        if (s->speakers[i] == who)
            return true;
    }
    return false;
}

bool plm_shard_is_speaker(const struct plm_shard *s, plm_participant_id who)
{
    return s->config.all_audio || is_in_set(s, who);
}

static bool is_home(const struct plm_shard *s)
{
    return s->home == s->worker->config.index;
}

static void note_chosen(struct plm_shard *s)
{
    for (uint32_t i = 0; i < s->n_tracks; i++) {
        struct plm_track *tr = s->tracks[i];
        bool chosen = tr->source == PLM_SOURCE_MICROPHONE && is_in_set(s, tr->participant);
        if (chosen == (tr->chosen_us != 0))
            continue;
        if (!chosen)
            tr->unheard_us = s->worker->now_us;
        tr->chosen_us = chosen ? s->worker->now_us : 0;
        tr->chosen_turn = s->worker->turn;
    }
}

static void set_speakers(struct plm_shard *s, const struct plm_link_level *v, size_t n)
{
    s->n_speakers = (uint8_t)(n < PLM_MAX_SPEAKERS ? n : PLM_MAX_SPEAKERS);
    for (unsigned i = 0; i < s->n_speakers; i++) {
        s->speakers[i] = v[i].participant;
        s->speaker_levels[i] = v[i].level;
    }
    note_chosen(s);
    plm_shard_set_dirty(s);
}

/*
 * The set is whose sound is forwarded: in it is also who is silent, or muted, as long as nobody else needs the place, so that their first word
 * is heard. They do not speak.
 */
static void tell_speakers(struct plm_shard *s, const struct plm_link_level *v, size_t n, uint64_t now_us)
{
    struct plm_event ev = {.type = PLM_EV_SPEAKERS};
    for (size_t i = 0; i < n; i++) {
        const struct plm_track *tr = plm_shard_find_track(s, v[i].participant, PLM_SOURCE_MICROPHONE);
        if ((tr && tr->muted) || !plm_speakers_speaks(s->decider, v[i].participant, now_us))
            continue;
        ev.speakers.level[ev.speakers.n] = v[i].level;
        ev.speakers.who[ev.speakers.n++] = v[i].participant;
    }
    if (ev.speakers.n == s->n_told && !memcmp(ev.speakers.who, s->told, s->n_told * sizeof s->told[0]))
        return;
    memcpy(s->told, ev.speakers.who, sizeof s->told);
    s->n_told = ev.speakers.n;
    plm_shard_event(s, &ev);
}

/* Home: decide from everybody's levels, tell the other shards and the application. */
static void decide_speakers(struct plm_shard *s, uint64_t now_us)
{
    bool changed = plm_speakers_poll(s->decider, now_us);
    plm_participant_id who[PLM_MAX_SPEAKERS];
    uint8_t level[PLM_MAX_SPEAKERS];
    struct plm_link_level v[PLM_MAX_SPEAKERS];
    size_t n = plm_speakers_get(s->decider, who, level);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct plm_link_level){.participant = who[i], .level = level[i]};
    if (changed) {
        set_speakers(s, v, n);
        for (unsigned i = 0; i < s->n_peers; i++)
            plm_shard_send_levels(s, s->peers[i].worker, v, n, true);
    }
    tell_speakers(s, v, n, now_us);
}

static void on_level_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_shard *s = PLM_CONTAINER_OF(timer, struct plm_shard, level_timer);
    struct plm_link_level v[64];
    size_t n = 0;
    bool any = false;
    for (uint32_t i = 0; i < s->n_tracks; i++) {
        struct plm_track *tr = s->tracks[i];
        if (tr->kind != PLM_KIND_AUDIO)
            continue;
        any = true;
        if (!tr->transport ||
            tr->source != PLM_SOURCE_MICROPHONE) /* a shared screen's sound is always chosen */
            continue;
        uint8_t level = tr->muted ? 127 : plm_audio_level_take(&tr->level, now_us);
        if (is_home(s)) {
            plm_speakers_level(s->decider, tr->participant, level, now_us);
            continue;
        }
        if (n == PLM_COUNT_OF(v)) {
            plm_shard_send_levels(s, s->home, v, n, false);
            n = 0;
        }
        v[n++] = (struct plm_link_level){
            .participant = tr->participant, .source = (uint8_t)tr->source, .level = level};
    }
    if (is_home(s))
        decide_speakers(s, now_us);
    else if (n > 0)
        plm_shard_send_levels(s, s->home, v, n, false);
    if (any)
        plm_timer_start_coarse(&s->worker->wheel, timer, now_us + PLM_LEVEL_INTERVAL_US, on_level_timer);
}

static void on_second_timer(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_shard *s = PLM_CONTAINER_OF(timer, struct plm_shard, second_timer);
    for (uint32_t i = 0; i < s->n_tracks; i++)
        plm_track_tick(s->tracks[i]);
    for (struct plm_transport *t = s->transports; t; t = t->next_in_shard)
        plm_transport_note_second(t);
    plm_timer_start_coarse(&s->worker->wheel, timer, now_us + SECOND_US, on_second_timer);
}

/* ---- other shards ---- */

static bool listed(const struct plm_shard_peer *v, unsigned n, struct plm_shard_peer p)
{
    for (unsigned i = 0; i < n; i++) {
        if (v[i].worker == p.worker && v[i].instance == p.instance)
            return true;
    }
    return false;
}

static void drop_remote_tracks(struct plm_shard *s, struct plm_shard_peer gone)
{
    for (uint32_t i = s->n_tracks; i-- > 0;) {
        struct plm_track *tr = s->tracks[i];
        if (tr->transport || tr->peer_worker != gone.worker || tr->peer_instance != gone.instance)
            continue;
        plm_shard_remove_track(s, tr);
        plm_track_destroy(tr);
    }
}

static void forget_feed_demand(struct plm_shard *s)
{
    for (uint32_t k = 0; k < s->n_tracks; k++) {
        s->tracks[k]->links[PLM_LINK_FEED] = (struct plm_track_demand){0};
        plm_track_update_demand(s->tracks[k]);
    }
}

static void announce_to_feed(struct plm_shard *s)
{
    for (uint32_t k = 0; s->feeding && k < s->n_tracks; k++) {
        if (s->tracks[k]->transport)
            plm_shard_announce(s, s->tracks[k], PLM_LINK_FEED);
    }
}

static void set_fed(struct plm_shard *s, bool fed)
{
    if (s->fed == fed)
        return;
    for (uint32_t k = 0; !fed && k < s->n_tracks; k++) {
        if (s->tracks[k]->transport)
            plm_shard_announce_gone(s, s->tracks[k], PLM_LINK_FEED);
    }
    s->fed = fed;
    s->feeding = fed && s->worker->feed;
    forget_feed_demand(s);
    announce_to_feed(s);
}

void plm_shard_on_feed(struct plm_shard *s)
{
    s->feeding = s->fed && s->worker->feed;
    forget_feed_demand(s);
    announce_to_feed(s);
}

void plm_shard_set_peers(struct plm_shard *s, const struct plm_command *cmd)
{
    struct plm_shard_peer old[PLM_MAX_WORKERS];
    unsigned n_old = s->n_peers;
    memcpy(old, s->peers, sizeof old);
    s->n_peers = 0;
    for (unsigned i = 0; i < cmd->peers.n && i < PLM_MAX_WORKERS; i++) {
        if (cmd->peers.v[i].worker != s->worker->config.index)
            s->peers[s->n_peers++] = cmd->peers.v[i];
    }
    plm_gauge_add(s->worker, PLM_GAUGE_LINKS, (int)s->n_peers - (int)n_old);
    s->home = cmd->peers.home;
    /* Only what was listed and is no more: a new life of a shard may have announced itself before this command came. */
    for (unsigned i = 0; i < n_old; i++) {
        if (listed(s->peers, s->n_peers, old[i]))
            continue;
        drop_remote_tracks(s, old[i]);
        for (uint32_t k = 0; k < s->n_tracks; k++)
            s->tracks[k]->links[old[i].worker] = (struct plm_track_demand){0};
    }
    for (unsigned i = 0; i < s->n_peers; i++) {
        if (listed(old, n_old, s->peers[i]))
            continue;
        for (uint32_t k = 0; k < s->n_tracks; k++) {
            if (s->tracks[k]->transport)
                plm_shard_announce(s, s->tracks[k], s->peers[i].worker);
        }
        if (is_home(s) && s->n_speakers > 0) {
            struct plm_link_level v[PLM_MAX_SPEAKERS] = {0};
            for (unsigned k = 0; k < s->n_speakers; k++) {
                v[k].participant = s->speakers[k];
                v[k].level = s->speaker_levels[k];
            }
            plm_shard_send_levels(s, s->peers[i].worker, v, s->n_speakers, true);
        }
    }
    for (uint32_t k = 0; k < s->n_tracks; k++)
        plm_track_update_demand(s->tracks[k]);
    set_fed(s, cmd->peers.fed);
}

static void on_track_announced(
    struct plm_shard *s, unsigned from, const struct plm_link_header *h, const struct plm_link_track *info)
{
    struct plm_track *tr = plm_shard_find_track(s, h->participant, (enum plm_source)h->source);
    if (tr && tr->transport)
        return; /* moved here meanwhile: the nearer one counts */
    if (tr && (tr->peer_instance != h->instance || tr->peer_worker != from ||
                  tr->n_encodings != info->n_encodings)) {
        plm_shard_remove_track(s, tr);
        plm_track_destroy(tr);
        tr = NULL;
    }
    if (tr) {
        plm_track_update_remote(tr, info);
        for (uint32_t i = 0; i < tr->n_slots; i++)
            plm_slot_bind_codecs(tr->slots[i]);
        plm_shard_set_dirty(s);
        return;
    }
    tr = plm_track_create_remote(s->worker, h->participant, (enum plm_source)h->source, info);
    if (!tr)
        return;
    tr->peer_worker = (uint8_t)from;
    tr->peer_instance = h->instance;
    int err = plm_shard_add_track(s, tr);
    if (err == PLM_ELIMIT)
        plm_count_drop(s->worker, PLM_DROP_TRACK_LIMIT);
    if (err != 0)
        plm_track_destroy(tr);
}

/* A reader learns the time of what it asks for before the first packet, and not within a second. */
static void tell_clocks(struct plm_shard *s, const struct plm_track *tr, uint8_t encodings)
{
    for (uint8_t e = 0; e < tr->n_encodings; e++) {
        if (encodings & (1u << e) && tr->encodings[e].seen)
            plm_shard_send_clock(s, tr, e, PLM_LINK_FEED);
    }
}

static void on_demand(
    struct plm_shard *s, unsigned from, const struct plm_link_header *h, const struct plm_link_demand *d)
{
    struct plm_track *tr = plm_shard_find_track(s, h->participant, (enum plm_source)h->source);
    if (!tr || !tr->transport)
        return;
    struct plm_track_demand *of = &tr->links[from];
    uint8_t wanted = d->encodings & (uint8_t)((1u << tr->n_encodings) - 1),
            added = wanted & (uint8_t)~of->encodings;
    if (of->encodings & (uint8_t)~wanted) {
        of->left = of->encodings & (uint8_t)~wanted;
        of->left_us = s->worker->now_us;
    }
    of->encodings = wanted;
    of->expires_us = s->worker->now_us + PLM_LINK_DEMAND_HOLDS_US; /* a dead link's demand ends by itself */
    if (from == PLM_LINK_FEED)
        tell_clocks(s, tr, added);
    else if (added)
        plm_track_send_preroll(tr, from);
    plm_track_update_demand(tr);
    for (uint8_t e = 0; e < tr->n_encodings; e++) {
        if (d->keyframes & (1u << e))
            plm_track_want_keyframe(tr, e);
    }
}

void plm_shard_on_feed_demand(
    struct plm_shard *s, const struct plm_link_header *h, const struct plm_link_demand *d)
{
    if (s->feeding)
        on_demand(s, PLM_LINK_FEED, h, d);
}

/* A share of it by each spatial layer with those below, as long as nothing of it comes here. */
static void tell_spatial(struct plm_encoding *enc, const struct plm_link_clock *c)
{
    enc->spatial_layers = c->spatial_layers;
    for (unsigned i = 0; i < c->spatial_layers && c->spatial_layers <= PLM_SPATIAL_LAYERS; i++) {
        unsigned share = i + 1u < c->spatial_layers ? c->spatial_shares[i] : 256;
        uint32_t bps = (uint32_t)((uint64_t)c->bitrate_bps * share / 256);
        plm_layer_rate_told(&enc->up_to[i], bps, c->shares, c->temporal_layers);
    }
}

static void on_clock(struct plm_shard *s, const struct plm_link_header *h, const struct plm_link_clock *c)
{
    struct plm_track *tr = plm_shard_find_track(s, h->participant, (enum plm_source)h->source);
    if (!tr || tr->transport || c->encoding >= tr->n_encodings || c->clock_rate == 0)
        return;
    struct plm_encoding *enc = &tr->encodings[c->encoding];
    if (enc->told_bps && !c->bitrate_bps)
        plm_shard_set_dirty(s); /* it flows no more: whoever shows it goes on with another */
    enc->told_bps = c->bitrate_bps;
    enc->told_us = s->worker->now_us;
    enc->temporal_layers = c->temporal_layers;
    plm_layer_rate_told(&enc->rate, c->bitrate_bps, c->shares, c->temporal_layers);
    if (enc->spatial_layers != c->spatial_layers)
        plm_shard_set_dirty(s);
    tell_spatial(enc, c);
    if (c->width && c->height) {
        enc->width = c->width;
        enc->height = c->height;
    }
    struct plm_ntp_map *m = &enc->clock;
    m->clock_rate = c->clock_rate;
    m->anchored = true;
    m->ts0 = c->ext_ts;
    m->us0 = c->us;
}

void plm_shard_on_link(
    struct plm_shard *s, unsigned from, const void *header, const uint8_t *body, size_t size)
{
    const struct plm_link_header *h = header;
    union {
        struct plm_link_track track;
        struct plm_link_demand demand;
        struct plm_link_clock clock;
        struct plm_link_level levels[64];
    } b; /* a copy: bodies in a ring need not be aligned */
    if (h->source >= PLM_SOURCE_COUNT || from >= PLM_MAX_WORKERS)
        return;
    if (h->type == PLM_LINK_PACKET) {
        plm_shard_on_packet_frame(s, h, body, size);
        return;
    }
    if (size > sizeof b)
        return;
    memcpy(&b, body, size);
    if (h->type == PLM_LINK_TRACK && size == sizeof b.track) {
        on_track_announced(s, from, h, &b.track);
    } else if (h->type == PLM_LINK_TRACK_GONE) {
        struct plm_track *tr = plm_shard_find_track(s, h->participant, (enum plm_source)h->source);
        if (tr && !tr->transport && tr->peer_worker == from) {
            plm_shard_remove_track(s, tr);
            plm_track_destroy(tr);
        }
    } else if (h->type == PLM_LINK_DEMAND && size == sizeof b.demand) {
        on_demand(s, from, h, &b.demand);
    } else if (h->type == PLM_LINK_CLOCK && size == sizeof b.clock) {
        on_clock(s, h, &b.clock);
    } else if (h->type == PLM_LINK_LEVELS && is_home(s)) {
        for (size_t i = 0; i < size / sizeof b.levels[0]; i++)
            plm_speakers_level(s->decider, b.levels[i].participant, b.levels[i].level, s->worker->now_us);
    } else if (h->type == PLM_LINK_SPEAKERS && !is_home(s)) {
        set_speakers(s, b.levels, size / sizeof b.levels[0]);
    }
}
