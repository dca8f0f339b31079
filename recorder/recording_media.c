/* A recording's tracks: frames in, streams, pairs, demands out. */
#include "recording_internal.h"

#include <stdlib.h>
#include <string.h>

#define DEMAND_US                                                                                            \
    1000000 /* each demand is told again after, all at the same time; at the other end it expires */
#define KEY_ASKED_US 1000000 /* between two key frames that are asked for beside the stream's own wishes */

struct person *plm_rec_person(struct plm_recording *r, uint32_t id)
{
    struct person *p;
    HASH_FIND(hh, r->people, &id, sizeof(id), p);
    if (p || HASH_COUNT(r->people) >= PLM_RECORDING_MAX_PEOPLE)
        return p;
    p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    p->id = id;
    HASH_ADD(hh, r->people, id, sizeof(p->id), p);
    return p;
}

static enum pair_kind pair_of(enum plm_source s)
{
    return s == PLM_SOURCE_SCREEN || s == PLM_SOURCE_SCREEN_AUDIO ? PAIR_SCREEN : PAIR_CAMERA;
}

/* ---- out of streams, into pairs, into files ---- */

static plm_writer_file open_file(void *ctx, const struct plm_writer_track_config *config)
{
    return plm_rec_open(ctx, config);
}

static int put(void *ctx, plm_writer_file file, const struct plm_sample *sample)
{
    struct plm_recording *r = ((struct pair *)ctx)->r;
    int rc = r->env->disk->put(r->env->disk->ctx, file, sample);
    if (rc)
        plm_rec_on_refused(r);
    return rc;
}

static void close_file(void *ctx, plm_writer_file file, int64_t end_us, const char *reason)
{
    plm_rec_close(((struct pair *)ctx)->r, file, end_us, reason);
}

static struct pair *get_pair(struct plm_recording *r, struct person *person, enum pair_kind kind)
{
    struct pair *p = person->pairs[kind];
    if (p)
        return p;
    p = calloc(1, sizeof(*p));
    if (!p)
        return NULL;
    const struct plm_pair_ops ops = {p, open_file, put, close_file};
    p->r = r;
    p->person = person;
    plm_pair_init(&p->pair, kind == PAIR_SCREEN, &ops);
    person->pairs[kind] = p;
    return p;
}

static void on_sample(void *ctx, const struct plm_sample *sample)
{
    struct track *t = ctx;
    struct plm_recording *r = t->r;
    struct pair *p = t->person->pairs[pair_of(t->source)];
    struct plm_sample s = *sample;
    if (r->state != PLM_RECORDING_ON || !p)
        return;
    if (s.time_us < r->from_us) { /* captured before it was asked for, or before the gap ended */
        if (s.codec == PLM_CODEC_OPUS)
            return;
        s.time_us = r->from_us;
    }
    plm_pair_on_sample(&p->pair, &s, r->now_us);
}

/* ---- demands ---- */

/* While this process stood still nobody asked: what the server had of the track after a while was not fed, and is lost. */
static void note_unfed(const struct track *t)
{
    struct plm_recording *r = t->r;
    int64_t from = (int64_t)t->demanded_us + PLM_LINK_DEMAND_HOLDS_US;
    if (from < r->from_us)
        from = r->from_us;
    if (!t->demanded_us || r->state != PLM_RECORDING_ON || from >= (int64_t)r->now_us)
        return;
    if (r->unfed_from_us < 0 || plm_rec_t(r, from) < r->unfed_from_us)
        r->unfed_from_us = plm_rec_t(r, from);
}

static void send_demand(struct track *t, uint8_t keyframes)
{
    struct plm_recording *r = t->r;
    note_unfed(t);
    const struct plm_link_header h = {
        .size = sizeof(struct plm_link_demand),
        .type = PLM_LINK_DEMAND,
        .source = (uint8_t)t->source,
        .room = r->room,
        .instance = t->instance,
        .participant = t->person->id,
    };
    struct plm_link_demand d = t->demand;
    d.keyframes = keyframes;
    t->demanded_us = r->now_us;
    r->env->demand(r->env->ctx, t->link, &h, &d);
}

/* @return is a key frame wanted by whoever writes, and may it be asked for? */
static bool key_is_due(struct track *t)
{
    struct pair *p = t->person->pairs[pair_of(t->source)];
    if (!p || !p->pair.key_wanted || t->r->state != PLM_RECORDING_ON ||
        plm_source_kind(t->source) != PLM_KIND_VIDEO ||
        (t->key_asked_us && t->r->now_us < t->key_asked_us + KEY_ASKED_US))
        return false;
    t->key_asked_us = t->r->now_us;
    p->pair.key_wanted = false;
    return true;
}

static void check_demand(struct track *t)
{
    struct plm_link_demand d;
    bool news = plm_stream_demand(t->stream, t->r->now_us, &d);
    if (news)
        t->demand = d;
    uint8_t keyframes = news ? d.keyframes : 0;
    if (key_is_due(t)) {
        keyframes |= t->demand.encodings;
        news = true;
    }
    if (news)
        send_demand(t, keyframes);
}

/* At a whole second of the clock, whichever recording it is of: what is told together wakes the server once. */
static void repeat_demand(struct track *t)
{
    if (t->r->now_us / DEMAND_US != t->demanded_us / DEMAND_US)
        send_demand(t, 0);
}

/* ---- tracks come and go ---- */

static void add_stats(struct plm_stream_stats *sum, const struct plm_stream_stats *s)
{
    sum->packets += s->packets;
    sum->late += s->late;
    sum->duplicates += s->duplicates;
    sum->malformed += s->malformed;
    sum->lost += s->lost;
    sum->frames += s->frames;
    sum->frames_broken += s->frames_broken;
    sum->keyframes_asked += s->keyframes_asked;
    sum->encoding_switches += s->encoding_switches;
    sum->clock_jumps += s->clock_jumps;
}

static void drop_track(struct track *t)
{
    struct plm_recording *r = t->r;
    struct plm_stream_stats s;
    note_unfed(t);
    plm_stream_flush(t->stream, r->now_us);
    plm_stream_stats(t->stream, &s);
    add_stats(&r->stats.streams, &s);
    plm_stream_destroy(t->stream);
    t->person->tracks[t->source] = NULL;
    r->n_tracks--;
    free(t);
}

static struct track *add_track(
    struct plm_recording *r, struct person *person, enum plm_source source, uint32_t link, uint32_t instance)
{
    struct track *t = r->n_tracks < PLM_RECORDING_MAX_TRACKS ? calloc(1, sizeof(*t)) : NULL;
    if (!t)
        return NULL;
    *t = (struct track){.r = r, .person = person, .source = source, .link = link, .instance = instance};
    const struct plm_stream_ops ops = {t, on_sample};
    if (plm_stream_create(&t->stream, source, &ops)) {
        free(t);
        return NULL;
    }
    person->tracks[source] = t;
    r->n_tracks++;
    return t;
}

static void on_track(
    struct plm_recording *r, uint32_t link, const struct plm_link_header *h, const uint8_t *body)
{
    struct plm_link_track info;
    const enum plm_source source = (enum plm_source)h->source;
    struct person *person = plm_rec_person(r, h->participant);
    struct pair *pair = person ? get_pair(r, person, pair_of(source)) : NULL;
    if (!pair)
        return;
    memcpy(&info, body, sizeof(info));
    struct track *t = person->tracks[source];
    if (t && (t->link != link || t->instance != h->instance)) {
        drop_track(
            t); /* published anew, on another transport: its numbers and clock begin anew, the file goes on */
        t = NULL;
    }
    if (!t)
        t = add_track(r, person, source, link, h->instance);
    if (!t)
        return;
    plm_stream_on_track(t->stream, &info, r->now_us);
    plm_pair_on_track(&pair->pair, plm_source_kind(source), true, info.muted != 0);
    check_demand(t);
}

static void end_pair(struct person *person, enum pair_kind kind, int64_t end_us, const char *reason)
{
    struct pair *p = person->pairs[kind];
    if (!p)
        return;
    plm_pair_end(&p->pair, end_us, reason, p->r->now_us);
    plm_pair_reset(&p->pair);
    free(p);
    person->pairs[kind] = NULL;
}

static bool has_tracks(const struct person *person, enum pair_kind kind)
{
    for (size_t s = 0; s < PLM_SOURCE_COUNT; s++)
        if (person->tracks[s] && pair_of((enum plm_source)s) == kind)
            return true;
    return false;
}

static void on_gone(struct track *t, int64_t end_us, const char *reason)
{
    struct person *person = t->person;
    const enum plm_source source = t->source;
    const enum pair_kind kind = pair_of(source);
    drop_track(t);
    if (has_tracks(person, kind))
        plm_pair_on_track(&person->pairs[kind]->pair, plm_source_kind(source), false, false);
    else
        end_pair(person, kind, end_us, reason);
}

static struct track *find_track(struct plm_recording *r, uint32_t link, const struct plm_link_header *h)
{
    struct person *p;
    HASH_FIND(hh, r->people, &h->participant, sizeof(h->participant), p);
    struct track *t = p ? p->tracks[h->source] : NULL;
    return t && t->link == link && t->instance == h->instance ? t : NULL;
}

static void on_packet(struct track *t, const struct plm_link_header *h, const uint8_t *body)
{
    struct plm_link_packet packet;
    memcpy(&packet, body, sizeof(packet));
    plm_stream_on_packet(t->stream, &packet, body + sizeof(packet), h->size - sizeof(packet), t->r->now_us);
    check_demand(t);
}

static void on_clock(struct track *t, const uint8_t *body)
{
    struct plm_link_clock clock;
    memcpy(&clock, body, sizeof(clock));
    plm_stream_on_clock(t->stream, &clock, t->r->now_us);
    check_demand(t);
}

/* Is the body of a length that this type has? */
static bool body_fits(const struct plm_link_header *h)
{
    switch (h->type) {
    case PLM_LINK_TRACK:
        return h->size == sizeof(struct plm_link_track);
    case PLM_LINK_TRACK_GONE:
        return true;
    case PLM_LINK_PACKET:
        return h->size >= sizeof(struct plm_link_packet);
    case PLM_LINK_CLOCK:
        return h->size == sizeof(struct plm_link_clock);
    default:
        return false;
    }
}

void plm_recording_on_frame(struct plm_recording *r, uint32_t link, const struct plm_link_header *h,
    const uint8_t *body, uint64_t now_us)
{
    r->now_us = now_us;
    if (h->source >= PLM_SOURCE_COUNT || h->participant == 0 || !body_fits(h)) {
        r->stats.malformed++;
        return;
    }
    if (!r->attached)
        return;
    if (h->type == PLM_LINK_TRACK) {
        on_track(r, link, h, body);
        return;
    }
    struct track *t = find_track(r, link, h);
    if (!t)
        return;
    if (h->type == PLM_LINK_PACKET)
        on_packet(t, h, body);
    else if (h->type == PLM_LINK_CLOCK)
        on_clock(t, body);
    else
        on_gone(t, (int64_t)now_us, "left");
}

void plm_recording_on_link_gone(struct plm_recording *r, uint32_t link, uint64_t now_us)
{
    struct person *p, *next;
    r->now_us = now_us;
    HASH_ITER (hh, r->people, p, next)
        for (size_t s = 0; s < PLM_SOURCE_COUNT; s++)
            if (p->tracks[s] && p->tracks[s]->link == link)
                on_gone(p->tracks[s], 0, "gap");
}

/* ---- all of them ---- */

void plm_rec_end_media(struct plm_recording *r, int64_t end_us, const char *reason)
{
    struct person *p, *next;
    HASH_ITER (hh, r->people, p, next) {
        for (size_t s = 0; s < PLM_SOURCE_COUNT; s++)
            if (p->tracks[s])
                drop_track(p->tracks[s]);
        for (size_t k = 0; k < PAIR_COUNT; k++)
            end_pair(p, (enum pair_kind)k, end_us, reason);
    }
}

void plm_rec_end_files(struct plm_recording *r, int64_t end_us, const char *reason)
{
    struct person *p, *next;
    HASH_ITER (hh, r->people, p, next)
        for (size_t k = 0; k < PAIR_COUNT; k++)
            if (p->pairs[k])
                plm_pair_end(&p->pairs[k]->pair, end_us, reason, r->now_us);
}

void plm_rec_poll_media(struct plm_recording *r)
{
    struct person *p, *next;
    HASH_ITER (hh, r->people, p, next) {
        for (size_t s = 0; s < PLM_SOURCE_COUNT; s++)
            if (p->tracks[s]) {
                plm_stream_poll(p->tracks[s]->stream, r->now_us);
                check_demand(p->tracks[s]);
                repeat_demand(p->tracks[s]);
            }
        for (size_t k = 0; k < PAIR_COUNT && r->state == PLM_RECORDING_ON; k++)
            if (p->pairs[k])
                plm_pair_poll(&p->pairs[k]->pair, r->now_us);
    }
}

void plm_rec_free_people(struct plm_recording *r)
{
    struct person *p, *next;
    plm_rec_end_media(r, 0, "stop");
    HASH_ITER (hh, r->people, p, next) {
        HASH_DEL(r->people, p);
        free(p->name);
        free(p);
    }
}

void plm_recording_stats(const struct plm_recording *r, struct plm_recording_stats *out)
{
    *out = r->stats;
    out->tracks = r->n_tracks;
    out->pairs = 0;
    out->files_open = (uint32_t)r->n_open;
    for (const struct person *p = r->people; p; p = p->hh.next) {
        for (size_t k = 0; k < PAIR_COUNT; k++)
            out->pairs += p->pairs[k] != NULL;
        for (size_t s = 0; s < PLM_SOURCE_COUNT; s++) {
            struct plm_stream_stats one;
            if (!p->tracks[s])
                continue;
            plm_stream_stats(p->tracks[s]->stream, &one);
            add_stats(&out->streams, &one);
        }
    }
}
