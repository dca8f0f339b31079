#include "quality.h"

#include "connection.h"
#include "freeze_cause.h"
#include "roles.h"
#include "room.h"

#include <stdlib.h>
#include <string.h>

#define ASK_MS    5000 /* media keeps PLM_STATS_SECONDS of them */
#define GATHER_MS 500  /* asks are gathered: each wakes every worker */
#define MAX_ASKS  200  /* in one turn */
#define SECOND_MS 1100 /* until the second of a freeze is over */
#define LOG_MS    10000
#define ANSWER_MS 500 /* until media's answers are there */

/** What is known of a meeting. */
struct plm_quality {
    struct plm_hub *hub;
    struct plm_room *room;                /* the main one */
    struct plm_quality_person *people;    /* by id */
    struct plm_quality_person *undecided; /* who have freezes that are not decided */
    struct plm_quality *prev, *next;      /* in hub->undecided, while there are any */
};

/* ---- rings ---- */

unsigned plm_quality_nth(const struct plm_quality_ring *r, unsigned size, unsigned i)
{
    return (r->next + size - r->n + i) % size;
}

static unsigned turn(struct plm_quality_ring *r, unsigned size)
{
    unsigned at = r->next;
    r->next = (uint8_t)((at + 1) % size);
    r->n = (uint8_t)(r->n < size ? r->n + 1 : r->n);
    return at;
}

/* ---- people ---- */

static struct plm_quality *meeting_of(struct plm_room *room)
{
    struct plm_room *main = plm_room_main(room);
    if (!main->quality && (main->quality = calloc(1, sizeof *main->quality)))
        *main->quality = (struct plm_quality){.hub = room->hub, .room = main};
    return main->quality;
}

static struct plm_quality_person *find(const struct plm_quality *q, plm_participant_id id)
{
    struct plm_quality_person *p = NULL;
    if (q)
        HASH_FIND(hh, q->people, &id, sizeof id, p);
    return p;
}

const struct plm_quality_person *plm_quality_find(struct plm_room *room, plm_participant_id who)
{
    return find(plm_room_main(room)->quality, who);
}

static void decide_no_more(struct plm_quality_person *p)
{
    struct plm_quality *q = p->meeting;
    if (!p->undecided)
        return;
    p->undecided = false;
    DL_DELETE(q->undecided, p);
    if (!q->undecided)
        DL_DELETE(q->hub->undecided, q);
}

static void shorten(struct plm_quality_person *p)
{
    struct plm_quality_slot *s, *next;
    LL_FOREACH_SAFE(p->slots, s, next)
    {
        free(s->seconds);
        free(s->reports);
        free(s);
    }
    p->slots = NULL;
    for (unsigned i = 0; i < PLM_SOURCE_COUNT; i++) {
        free(p->sources[i]);
        p->sources[i] = NULL;
    }
    free(p->received);
    free(p->sent);
    p->received = p->sent = NULL;
}

static void forget(struct plm_quality_person *p)
{
    decide_no_more(p);
    shorten(p);
    HASH_DELETE(hh, p->meeting->people, p);
    free(p->freezes);
    free(p);
}

/* Who left first makes room. @return false: all are there */
static bool make_room(struct plm_quality *q)
{
    struct plm_quality_person *p, *next, *first = NULL;
    if (HASH_COUNT(q->people) < PLM_QUALITY_PEOPLE)
        return true;
    HASH_ITER (hh, q->people, p, next)
        if (p->left_ms && (!first || p->left_ms < first->left_ms))
            first = p;
    if (first)
        forget(first);
    return first != NULL;
}

/* @return NULL: no memory, or no room */
static struct plm_quality_person *person_of(struct plm_connection *c)
{
    struct plm_quality *q = meeting_of(plm_room_find_media(c->hub, c->room));
    struct plm_quality_person *p = find(q, c->participant);
    if (p || !q || !make_room(q))
        return p;
    p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->id = c->participant;
    p->meeting = q;
    HASH_ADD(hh, q->people, id, sizeof p->id, p);
    if (!p->hh.tbl) {
        free(p);
        return NULL;
    }
    return p;
}

void plm_quality_on_left(struct plm_room *room, plm_participant_id who)
{
    struct plm_quality_person *p = find(plm_room_main(room)->quality, who);
    if (!p)
        return;
    decide_no_more(p);
    shorten(p);
    p->left_ms = room->hub->host.now_ms(room->hub->host.ctx);
}

void plm_quality_clear(struct plm_room *room)
{
    struct plm_quality_person *p, *next;
    if (!room->quality)
        return;
    HASH_ITER (hh, room->quality->people, p, next)
        forget(p);
    free(room->quality);
    room->quality = NULL;
}

/* ---- what media says ---- */

void plm_quality_connect(struct plm_connection *c)
{
    if (!c->hub->media.transport_stats)
        return;
    c->ask_ms = c->hub->host.now_ms(c->hub->host.ctx) + ASK_MS;
    DL_APPEND2(c->hub->to_ask, c, ask_prev, ask_next);
}

void plm_quality_disconnect(struct plm_connection *c)
{
    if (c->ask_ms)
        DL_DELETE2(c->hub->to_ask, c, ask_prev, ask_next);
    c->ask_ms = 0;
}

/* @param line made if need be @return the second that ends then; NULL: one that was added up before, or no memory */
static struct plm_quality_second *second_of(
    struct plm_quality_line **line, uint64_t end_us, uint64_t since_us)
{
    if (end_us <= since_us || (!*line && !(*line = calloc(1, sizeof **line))))
        return NULL;
    struct plm_quality_line *l = *line;
    for (unsigned i = l->ring.n; i-- > 0;) {
        struct plm_quality_second *s = &l->seconds[plm_quality_nth(&l->ring, PLM_QUALITY_SECONDS, i)];
        if (s->end_us == end_us)
            return s;
        if (s->end_us < end_us)
            break;
        if (i == 0)
            return NULL;
    }
    struct plm_quality_second *s = &l->seconds[turn(&l->ring, PLM_QUALITY_SECONDS)];
    *s = (struct plm_quality_second){.end_us = end_us};
    return s;
}

static uint64_t end_of(const struct plm_quality_line *l)
{
    return l && l->ring.n ? l->seconds[plm_quality_nth(&l->ring, PLM_QUALITY_SECONDS, l->ring.n - 1u)].end_us
                          : 0;
}

static struct plm_quality_slot *find_slot(const struct plm_quality_person *p, uint16_t media)
{
    struct plm_quality_slot *s;
    LL_SEARCH_SCALAR(p->slots, s, media, media);
    return s;
}

const struct plm_quality_slot *plm_quality_find_slot(const struct plm_quality_person *p, uint16_t media)
{
    return find_slot(p, media);
}

/* @return NULL: no such m-line, or no memory */
static struct plm_quality_slot *slot_of(struct plm_quality_person *p, uint16_t media)
{
    struct plm_quality_slot *s = find_slot(p, media);
    if (s || media >= PLM_MAX_MEDIA || !(s = calloc(1, sizeof *s)))
        return s;
    s->media = media;
    LL_PREPEND(p->slots, s);
    return s;
}

static uint64_t slot_end(const struct plm_quality_slot *s)
{
    return s->seconds_at.n
               ? s->seconds[plm_quality_nth(&s->seconds_at, PLM_QUALITY_SLOT_SECONDS, s->seconds_at.n - 1u)]
                     .end_us
               : 0;
}

static uint16_t added(uint16_t a, uint16_t b)
{
    return (uint16_t)(b < UINT16_MAX - a ? a + b : UINT16_MAX);
}

static void add_slot(struct plm_quality_person *p, const struct plm_transport_stats *t,
    const struct plm_slot_stats *stats, uint64_t since_us)
{
    struct plm_quality_slot *s = stats->n_seconds ? slot_of(p, stats->media) : NULL;
    if (!s || (!s->seconds && !(s->seconds = calloc(PLM_QUALITY_SLOT_SECONDS, sizeof *s->seconds))))
        return;
    for (unsigned i = 0; i < stats->n_seconds; i++) {
        const struct plm_slot_second *from = &stats->seconds[i];
        if (from->end_us > slot_end(s))
            s->seconds[turn(&s->seconds_at, PLM_QUALITY_SLOT_SECONDS)] = *from;
        struct plm_quality_second *sum = second_of(&p->received, from->end_us, since_us);
        if (!sum)
            continue;
        sum->octets += from->octets;
        sum->packets = added(sum->packets, from->packets);
        sum->lost = added(sum->lost, from->lost);
        sum->estimate_bps = from->estimate_bps;
        sum->rtt_us = t->rtt_us;
    }
}

static void add_encoding(struct plm_quality_person *p, const struct plm_transport_stats *t,
    const struct plm_encoding_stats *e, uint64_t since_us)
{
    for (unsigned i = 0; i < e->n_seconds; i++) {
        struct plm_quality_second *sum = second_of(&p->sent, e->seconds[i].end_us, since_us);
        if (!sum)
            continue;
        sum->octets += e->seconds[i].octets;
        sum->packets = added(sum->packets, e->seconds[i].packets);
        sum->lost = added(sum->lost, e->seconds[i].lost);
        sum->rtt_us = t->rtt_us;
    }
}

static void add_track(struct plm_quality_person *p, const struct plm_transport_stats *t,
    const struct plm_track_stats *stats, uint64_t since_us)
{
    if ((unsigned)stats->source >= PLM_SOURCE_COUNT)
        return;
    struct plm_quality_sent **at = &p->sources[stats->source];
    if (!*at && !(*at = calloc(1, sizeof **at)))
        return;
    for (unsigned e = 0; e < stats->n_encodings && e < PLM_MAX_ENCODINGS; e++) {
        (*at)->n[e] = stats->encodings[e].n_seconds;
        memcpy((*at)->seconds[e], stats->encodings[e].seconds, sizeof(*at)->seconds[e]);
        if (plm_source_kind(stats->source) == PLM_KIND_VIDEO)
            add_encoding(p, t, &stats->encodings[e], since_us);
    }
}

void plm_hub_on_stats(struct plm_hub *hub, const struct plm_transport_stats *t)
{
    struct plm_connection *c = plm_connection_find(hub, t->id);
    struct plm_quality_person *p = c ? person_of(c) : NULL;
    if (!p)
        return;
    if (c->member)
        memcpy(p->name, c->member->name, sizeof p->name);
    uint64_t received_us = end_of(p->received), sent_us = end_of(p->sent);
    for (unsigned i = 0; i < t->n_slots && c->kind == PLM_CONNECTION_RECEIVE; i++)
        add_slot(p, t, &t->slots[i], received_us);
    for (unsigned i = 0; i < t->n_tracks && c->kind == PLM_CONNECTION_PUBLISH; i++)
        add_track(p, t, &t->tracks[i], sent_us);
}

static void ask(struct plm_hub *hub, const struct plm_connection *c)
{
    if (c && c->id && hub->media.transport_stats)
        hub->media.transport_stats(hub->media.ctx, c->id);
}

static uint64_t gather(struct plm_hub *hub, uint64_t now)
{
    if (!hub->to_ask)
        return UINT64_MAX;
    if (now < hub->gather_ms)
        return hub->gather_ms;
    for (unsigned i = 0; i < MAX_ASKS && hub->to_ask && hub->to_ask->ask_ms <= now; i++) {
        struct plm_connection *c = hub->to_ask;
        DL_DELETE2(hub->to_ask, c, ask_prev, ask_next);
        c->ask_ms = now + ASK_MS;
        DL_APPEND2(hub->to_ask, c, ask_prev, ask_next);
        ask(hub, c);
    }
    hub->gather_ms = now + GATHER_MS;
    if (!hub->to_ask)
        return UINT64_MAX;
    return hub->to_ask->ask_ms > hub->gather_ms ? hub->to_ask->ask_ms : hub->gather_ms;
}

/* ---- freezes ---- */

/* A picture of a screen on which nothing moves has nothing new to show. */
static bool is_still(const struct plm_quality_freeze *f, enum plm_msg_freeze_cause cause)
{
    return f->source == PLM_SOURCE_SCREEN && cause == PLM_MSG_freeze_cause_publisher_encoder;
}

/* The seconds of the slot while it showed the frozen one; the encoding of the last that is not later than the freeze. */
static size_t received_of(const struct plm_quality_slot *s, const struct plm_quality_freeze *f,
    struct plm_slot_second *out, unsigned *encoding)
{
    size_t n = 0;
    for (unsigned i = 0; s && i < s->seconds_at.n; i++) {
        const struct plm_slot_second *from =
            &s->seconds[plm_quality_nth(&s->seconds_at, PLM_QUALITY_SLOT_SECONDS, i)];
        if (from->shows != f->shows || from->source != f->source)
            continue;
        out[n++] = *from;
        if (from->encoding < PLM_MAX_ENCODINGS && (from->end_us <= f->end_us || *encoding == UINT8_MAX))
            *encoding = from->encoding;
    }
    return n;
}

/* Their microphone is on, and had a second without a packet meanwhile: then it is not the camera alone that is silent. */
static bool is_silent(
    struct plm_room *room, const struct plm_quality_person *p, const struct plm_quality_freeze *f)
{
    const struct plm_member *m = plm_room_find_member(room, f->shows);
    const struct plm_quality_sent *sound = p->sources[PLM_SOURCE_MICROPHONE];
    bool silent = false;
    if (!m || !sound)
        return false;
    for (size_t i = 0; i < m->n_tracks; i++)
        if (m->tracks[i].source == PLM_SOURCE_MICROPHONE && m->tracks[i].muted)
            return false;
    for (unsigned i = 0; i < sound->n[0]; i++)
        silent |= sound->seconds[0][i].end_us > f->begin_us && sound->seconds[0][i].packets == 0;
    return silent;
}

/* A client says as often as it likes that a picture stands still; the log takes one line of each in ten seconds. */
static void write_log(
    struct plm_quality_person *p, const struct plm_room *room, const struct plm_quality_freeze *f)
{
    struct plm_hub *hub = p->meeting->hub;
    uint64_t now = hub->host.now_ms(hub->host.ctx);
    if (p->logged_ms && now - p->logged_ms < LOG_MS)
        return;
    p->logged_ms = now;
    plm_hub_log(hub, room, "%u: the picture of %u stood still for %u ms: %s", p->id, f->shows, f->ms,
        plm_msg_freeze_cause_name(f->cause));
}

static void decide(struct plm_room *room, struct plm_quality_person *p, struct plm_quality_freeze *f)
{
    const struct plm_quality_person *from = find(p->meeting, f->shows);
    struct plm_slot_second received[PLM_QUALITY_SLOT_SECONDS];
    unsigned encoding = UINT8_MAX;
    struct plm_freeze_evidence e = {.begin_us = f->begin_us,
        .end_us = f->end_us,
        .received = received,
        .n_received = received_of(find_slot(p, f->media), f, received, &encoding),
        .report_ms = f->report.ms,
        .frames = f->report.frames,
        .dropped = f->report.dropped,
        .decode_us = f->report.decode_us,
        .jitter_ms = f->report.jitter_ms};
    const struct plm_quality_sent *sent = from ? from->sources[f->source] : NULL;
    if (sent) {
        encoding = encoding < PLM_MAX_ENCODINGS ? encoding : 0;
        e.sent = sent->seconds[encoding];
        e.n_sent = sent->n[encoding];
        e.publisher_is_silent = is_silent(room, from, f);
    }
    f->due_ms = 0;
    f->cause = plm_freeze_cause(&e);
    if (is_still(f, f->cause)) {
        f->ms = 0;
        return;
    }
    p->n_freezes[f->cause]++;
    p->meeting->hub->counters.freezes[f->cause]++;
    p->frozen_ms[f->cause] += f->ms;
    write_log(p, room, f);
}

/* First both legs are asked for, then what they said is looked at. */
static void look(
    struct plm_quality_person *p, struct plm_room *room, struct plm_quality_freeze *f, uint64_t now)
{
    const struct plm_member *receiver = plm_room_find_member(room, p->id);
    const struct plm_member *publisher = plm_room_find_member(room, f->shows);
    if (f->asked) {
        decide(room, p, f);
        return;
    }
    ask(p->meeting->hub, receiver ? receiver->receive : NULL);
    ask(p->meeting->hub, publisher ? publisher->publish : NULL);
    f->asked = true;
    f->due_ms = now + ANSWER_MS;
}

/* @return when the next one of this receiver is due */
static uint64_t decide_due(struct plm_quality_person *p, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < p->freezes_at.n; i++) {
        struct plm_quality_freeze *f = &p->freezes[i];
        if (f->due_ms && f->due_ms <= now)
            look(p, p->meeting->room, f, now);
        if (f->due_ms && f->due_ms < next)
            next = f->due_ms;
    }
    if (next == UINT64_MAX)
        decide_no_more(p);
    return next;
}

uint64_t plm_quality_poll(struct plm_hub *hub, uint64_t now)
{
    struct plm_quality *q, *next_meeting;
    struct plm_quality_person *p, *next_person;
    uint64_t next = gather(hub, now);
    DL_FOREACH_SAFE (hub->undecided, q, next_meeting) {
        DL_FOREACH_SAFE (q->undecided, p, next_person) {
            uint64_t due = decide_due(p, now);
            next = due < next ? due : next;
        }
    }
    return next;
}

/* ---- what clients say ---- */

static void await_cause(struct plm_quality_person *p)
{
    struct plm_quality *q = p->meeting;
    if (p->undecided)
        return;
    if (!q->undecided)
        DL_APPEND(q->hub->undecided, q);
    p->undecided = true;
    DL_APPEND(q->undecided, p);
}

static void begin_freeze(struct plm_quality_person *p, uint16_t media, const struct plm_quality_report *r)
{
    uint64_t end_us = r->at_ms * 1000, ms = r->frozen_ms;
    if (!p->freezes && !(p->freezes = calloc(PLM_QUALITY_FREEZES, sizeof *p->freezes)))
        return;
    struct plm_quality_freeze *f = &p->freezes[turn(&p->freezes_at, PLM_QUALITY_FREEZES)];
    *f = (struct plm_quality_freeze){.begin_us = end_us > ms * 1000 ? end_us - ms * 1000 : 0,
        .end_us = end_us,
        .ms = r->frozen_ms,
        .media = media,
        .shows = r->shows,
        .source = r->source,
        .due_ms = r->at_ms + SECOND_MS,
        .report = *r};
    await_cause(p);
}

/* One that goes on is told on; it began when it was told first. */
static void prolong_freeze(struct plm_quality_person *p, uint16_t media, const struct plm_quality_report *r)
{
    for (unsigned i = p->freezes_at.n; i-- > 0;) {
        struct plm_quality_freeze *f = &p->freezes[plm_quality_nth(&p->freezes_at, PLM_QUALITY_FREEZES, i)];
        if (f->media != media || f->shows != r->shows)
            continue;
        if (!f->due_ms && f->ms == 0) /* of a screen on which nothing moves */
            return;
        f->ms += r->frozen_ms;
        f->end_us = r->at_ms * 1000;
        if (!f->due_ms)
            p->frozen_ms[f->cause] += r->frozen_ms;
        return;
    }
}

static int find_line(const struct plm_connection *c, const char *mid, uint16_t *media)
{
    for (uint16_t i = 0; c->params && i < c->params->n_media; i++) {
        *media = i;
        if (!strcmp(c->params->media[i].mid, mid))
            return 0;
    }
    return PLM_ENOENT;
}

static void take_report(struct plm_member *by, struct plm_quality_person *p, const struct plm_msg_report *m,
    const struct plm_msg_slot_report *from)
{
    struct plm_hub *hub = by->room->hub;
    uint16_t media;
    /* Of slots that are no more, and of people whom nobody knows, nothing is kept. */
    if (find_line(by->receive, from->mid, &media) || !plm_room_find_member(by->room, from->participant))
        return;
    struct plm_quality_slot *s = slot_of(p, media);
    if (!s || (!s->reports && !(s->reports = calloc(PLM_QUALITY_REPORTS, sizeof *s->reports))))
        return;
    struct plm_quality_report *r = &s->reports[turn(&s->reports_at, PLM_QUALITY_REPORTS)];
    *r = (struct plm_quality_report){.at_ms = hub->host.now_ms(hub->host.ctx),
        .shows = from->participant,
        .source = (enum plm_source)from->source,
        .ms = m->ms,
        .frames = from->has_frames ? from->frames : 0,
        .dropped = from->has_dropped ? from->dropped : 0,
        .decode_us = from->has_decode_us ? from->decode_us : 0,
        .freezes = from->has_freezes ? from->freezes : 0,
        .frozen_ms = from->has_frozen_ms ? from->frozen_ms : 0,
        .concealed = from->has_concealed ? from->concealed : 0,
        .jitter_ms = from->has_jitter_ms ? from->jitter_ms : 0};
    if (plm_source_kind(r->source) != PLM_KIND_VIDEO || !r->frozen_ms)
        return;
    if (r->freezes)
        begin_freeze(p, media, r);
    else
        prolong_freeze(p, media, r);
}

int plm_quality_report(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why)
{
    struct plm_quality_person *p = by->receive ? person_of(by->receive) : NULL;
    if (!by->receive || !by->receive->params)
        return plm_refuse(why, PLM_MSG_error_code_bad_state, "", "nothing is received");
    if (!p)
        return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
    memcpy(p->name, by->name, sizeof p->name);
    for (size_t i = 0; i < m->report.n_slots; i++)
        take_report(by, p, &m->report, &m->report.slots[i]);
    return 0;
}

/* ---- what is told ---- */

static uint64_t wall_of(struct plm_hub *hub, uint64_t us)
{
    uint64_t ago = hub->host.now_ms(hub->host.ctx) - us / 1000;
    return hub->host.wall_ms(hub->host.ctx) - ago;
}

static size_t tell_line(
    struct plm_hub *hub, const struct plm_quality_line *l, struct plm_msg_quality_second *out)
{
    for (unsigned i = 0; l && i < l->ring.n; i++) {
        const struct plm_quality_second *s = &l->seconds[plm_quality_nth(&l->ring, PLM_QUALITY_SECONDS, i)];
        out[i] = (struct plm_msg_quality_second){.at = wall_of(hub, s->end_us),
            .kbps = s->octets / 125,
            .packets = s->packets,
            .lost = s->lost,
            .has_rtt_ms = s->rtt_us != 0,
            .rtt_ms = s->rtt_us / 1000 < 65535 ? s->rtt_us / 1000 : 65535,
            .has_estimate_kbps = s->estimate_bps != 0,
            .estimate_kbps = s->estimate_bps / 1000};
    }
    return l ? l->ring.n : 0;
}

static size_t tell_freezes(
    struct plm_hub *hub, const struct plm_quality_person *p, struct plm_msg_freeze *out)
{
    size_t n = 0;
    for (unsigned i = 0; i < p->freezes_at.n; i++) {
        const struct plm_quality_freeze *f =
            &p->freezes[plm_quality_nth(&p->freezes_at, PLM_QUALITY_FREEZES, i)];
        if (f->ms)
            out[n++] = (struct plm_msg_freeze){.at = wall_of(hub, f->end_us),
                .ms = f->ms,
                .participant = f->shows,
                .source = (enum plm_msg_source)f->source,
                .cause = f->cause};
    }
    return n;
}

static size_t tell_causes(const struct plm_quality_person *p, struct plm_msg_freeze_total *out)
{
    size_t n = 0;
    for (unsigned i = 0; i < PLM_MSG_freeze_cause_COUNT; i++)
        if (p->n_freezes[i])
            out[n++] = (struct plm_msg_freeze_total){
                .cause = (enum plm_msg_freeze_cause)i, .freezes = p->n_freezes[i], .ms = p->frozen_ms[i]};
    return n;
}

int plm_quality_ask(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why)
{
    static const struct plm_quality_person nobody;
    struct plm_msg_quality_second received[PLM_QUALITY_SECONDS], sent[PLM_QUALITY_SECONDS];
    struct plm_msg_freeze freezes[PLM_QUALITY_FREEZES];
    struct plm_msg_freeze_total causes[PLM_MSG_freeze_cause_COUNT];
    uint32_t who = m->quality.participant;
    if (who != s->member->id && !plm_role_leads(s->member->role))
        return plm_refuse(
            why, PLM_MSG_error_code_forbidden, "participant", "of others only leaders are told");
    if (!plm_room_find_member(s->member->room, who))
        return plm_refuse(why, PLM_MSG_error_code_not_found, "participant", "nobody of this id is there");
    const struct plm_quality_person *p = plm_quality_find(s->member->room, who);
    p = p ? p : &nobody;
    struct plm_msg reply = {.type = PLM_MSG_quality_report,
        .has_id = true,
        .id = m->id,
        .quality_report = {.participant = who,
            .received = received,
            .n_received = tell_line(s->hub, p->received, received),
            .sent = sent,
            .n_sent = tell_line(s->hub, p->sent, sent),
            .freezes = freezes,
            .n_freezes = tell_freezes(s->hub, p, freezes),
            .causes = causes,
            .n_causes = tell_causes(p, causes)}};
    plm_session_send(s, &reply);
    return 0;
}
