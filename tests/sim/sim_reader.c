/*
 * A recorder as workers see it: reads their feeds, asks for sound and encodings, and compares with what the network delivered. What reached a
 * worker is read from datagrams in the air: headers are not sealed, and the simulated sealing leaves the payload as it is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/link_frame.h"
#include "feed.h"
#include "feed_in.h"
#include "sim.h"

#define N_SEQS     65536 /* a scenario sends fewer of one stream */
#define REFRESH_US 1000000
#define SOCKET_US  60 /* from one process to the other */
#define MAX_PEOPLE 32

/** One encoding of somebody's camera, or a microphone: what arrived of it, when, and how often it came out. */
struct stream {
    uint64_t arrived_us[N_SEQS]; /* 0: never */
    uint8_t fed[N_SEQS];
    bool key_begin[N_SEQS]; /* first packet of a key frame, as its payload says */
    uint16_t first_seq;
    bool any;
};

struct person {
    plm_participant_id id;
    struct stream *streams[4]; /* encodings; the last is the microphone */
    const struct sim_end *end; /* what it sends by, also after it has left */
    uint32_t ssrcs[4], rtx_ssrcs[4];
    bool announced; /* some feed has told of it */
};

struct track {
    bool used, muted;
    unsigned worker;
    plm_room_id room;
    plm_participant_id participant;
    uint8_t source, n_encodings;
};

struct socket_in { /* octets on their way, and what is left of a frame */
    uint8_t data[1 << 16];
    size_t n;
};

struct sim_reader {
    struct sim *sim;
    size_t queue;
    uint8_t encodings;
    bool paused, gone;
    struct plm_feed *feeds[SIM_MAX_WORKERS];
    struct socket_in in[SIM_MAX_WORKERS];
    struct plm_feed_in back[SIM_MAX_WORKERS];
    struct track tracks[MAX_PEOPLE * 4];
    struct person people[MAX_PEOPLE];
    unsigned n_people, gaps, clocks;
};

static struct person *find_person(struct sim_reader *r, plm_participant_id id)
{
    unsigned i = 0;
    while (i < r->n_people && r->people[i].id != id)
        i++;
    SIM_CHECK(r->sim, i < MAX_PEOPLE, "too many people");
    if (i == r->n_people)
        r->people[r->n_people++].id = id;
    return &r->people[i];
}

static struct stream *stream_of(struct sim_reader *r, plm_participant_id id, unsigned index)
{
    SIM_CHECK(r->sim, index < 4, "an encoding %u", index);
    struct stream **s = &find_person(r, id)->streams[index];
    if (!*s && !(*s = calloc(1, sizeof **s)))
        abort();
    return *s;
}

/* ---- what reaches a worker ---- */

static void note_arrival(struct sim_reader *r, struct stream *s, uint16_t seq)
{
    if (!s->arrived_us[seq])
        s->arrived_us[seq] = r->sim->now;
    if (!s->any)
        s->first_seq = seq;
    s->any = true;
}

static struct person *sender(struct sim_reader *r, const struct sim_end *e)
{
    const struct sim_person *p = e->person;
    for (unsigned i = 0; i < r->n_people; i++) {
        if (r->people[i].end == e)
            return &r->people[i];
    }
    if (!p || p->publish != e)
        return NULL;
    struct person *known = find_person(r, p->id);
    known->end = e;
    known->ssrcs[3] = p->audio_ssrc;
    for (unsigned i = 0; i < p->n_encodings; i++) {
        known->ssrcs[i] = p->video[i].ssrc;
        known->rtx_ssrcs[i] = p->video[i].rtx_ssrc;
    }
    return known;
}

static void on_up(struct sim *sim, struct sim_end *e, const uint8_t *data, size_t len)
{
    struct sim_reader *r = sim->onlooker;
    struct plm_rtp_view v;
    uint8_t copy[SIM_DATAGRAM];
    bool rtp = len >= PLM_RTP_HEADER && data[0] >> 6 == 2 && (data[1] < 192 || data[1] > 223);
    const struct person *p = rtp ? sender(r, e) : NULL;
    if (!p)
        return;
    memcpy(copy, data, len);
    if (plm_rtp_parse(&v, copy, len) != 0)
        return;
    for (unsigned i = 0; i < 4; i++) {
        if (v.ssrc == p->ssrcs[i])
            note_arrival(r, stream_of(r, p->id, i), v.seq);
        else if (v.ssrc == p->rtx_ssrcs[i] && v.payload_len > 2)
            note_arrival(r, stream_of(r, p->id, i), plm_get16(v.payload));
    }
}

/* ---- what it asks for ---- */

struct asked {
    struct sim_reader *reader;
    unsigned worker;
    uint8_t octets[sizeof(struct plm_link_header) + sizeof(struct plm_link_demand)];
};

static void on_demand(void *arg, const struct plm_link_header *h, const struct plm_link_demand *d)
{
    struct asked *a = arg;
    plm_worker_feed_demand(a->reader->sim->workers[a->worker].core, h, d, a->reader->sim->now);
}

static void arrive_demand(struct sim *s, void *arg)
{
    struct asked *a = arg;
    if (!a->reader->gone)
        SIM_CHECK(s,
            plm_feed_in_take(&a->reader->back[a->worker], a->octets, sizeof a->octets, on_demand, a) == 0,
            "a demand was refused");
    free(a);
}

static void ask(struct sim_reader *r, const struct track *t, bool key)
{
    bool sound = t->source == PLM_SOURCE_MICROPHONE;
    struct plm_link_header h = {.size = sizeof(struct plm_link_demand),
        .type = PLM_LINK_DEMAND,
        .source = t->source,
        .room = t->room,
        .participant = t->participant};
    struct plm_link_demand d = {
        .encodings = sound ? 1 : r->encodings, .keyframes = key && !sound ? r->encodings : 0, .audio = sound};
    struct asked *a = malloc(sizeof *a);
    if (!a)
        abort();
    a->reader = r;
    a->worker = t->worker;
    memcpy(a->octets, &h, sizeof h);
    memcpy(a->octets + sizeof h, &d, sizeof d);
    sim_at(r->sim, r->sim->now + SOCKET_US, arrive_demand, a);
}

static void refresh(struct sim *s, void *arg)
{
    struct sim_reader *r = arg;
    if (r->gone)
        return;
    for (size_t i = 0; !r->paused && i < sizeof r->tracks / sizeof r->tracks[0]; i++) {
        if (r->tracks[i].used)
            ask(r, &r->tracks[i], false);
    }
    sim_at(s, s->now + REFRESH_US, refresh, r);
}

/* ---- what it is sent ---- */

static struct track *find_track(
    struct sim_reader *r, unsigned worker, const struct plm_link_header *h, bool make)
{
    struct track *unused = NULL;
    for (size_t i = 0; i < sizeof r->tracks / sizeof r->tracks[0]; i++) {
        struct track *t = &r->tracks[i];
        if (!t->used)
            unused = unused ? unused : t;
        else if (t->room == h->room && t->participant == h->participant && t->source == h->source) {
            SIM_CHECK(r->sim, t->worker == worker, "a track of two workers");
            return t;
        }
    }
    if (!make)
        return NULL;
    SIM_CHECK(r->sim, unused, "too many tracks");
    *unused = (struct track){
        .used = true, .worker = worker, .room = h->room, .participant = h->participant, .source = h->source};
    return unused;
}

static void on_track(
    struct sim_reader *r, unsigned worker, const struct plm_link_header *h, const uint8_t *body)
{
    struct plm_link_track info;
    SIM_CHECK(r->sim, h->size == sizeof info && r->sim->rooms[h->room].fed, "a track that nobody records");
    memcpy(&info, body, sizeof info);
    bool known = find_track(r, worker, h, false) != NULL;
    struct track *t = find_track(r, worker, h, true);
    find_person(r, h->participant)->announced = true;
    t->n_encodings = info.n_encodings;
    t->muted = info.muted;
    if (!known)
        ask(r, t, true);
}

static void on_packet(struct sim_reader *r, const struct track *t, const uint8_t *body, size_t size)
{
    struct plm_link_packet p;
    struct sim_truth truth;
    SIM_CHECK(r->sim, size > sizeof p && t, "a packet of nobody's");
    memcpy(&p, body, sizeof p);
    const uint8_t *payload = body + sizeof p + p.payload_off;
    SIM_CHECK(r->sim,
        (size_t)p.payload_off + p.payload_len <= size - sizeof p && p.payload_len > sizeof truth,
        "a packet of %zu octets with a payload of %u", size, p.payload_len);
    memcpy(&truth, payload + p.payload_len - sizeof truth, sizeof truth);
    bool sound = t->source == PLM_SOURCE_MICROPHONE;
    SIM_CHECK(
        r->sim, truth.magic == SIM_MAGIC && truth.participant == t->participant, "somebody else's packet");
    SIM_CHECK(r->sim, sound || (truth.encoding == p.encoding && r->encodings >> p.encoding & 1),
        "encoding %u was not asked for", p.encoding);
    struct stream *s = stream_of(r, t->participant, sound ? 3 : p.encoding);
    uint16_t seq = (uint16_t)p.ext_seq;
    SIM_CHECK(r->sim, s->arrived_us[seq] && s->fed[seq] < UINT8_MAX, "%u of %u was never received", seq,
        t->participant);
    s->fed[seq]++;
    s->key_begin[seq] = truth.key && truth.at == 0;
}

static void on_frame(
    struct sim_reader *r, unsigned worker, const struct plm_link_header *h, const uint8_t *body)
{
    struct track *t = find_track(r, worker, h, false);
    switch (h->type) {
    case PLM_LINK_TRACK:
        on_track(r, worker, h, body);
        break;
    case PLM_LINK_TRACK_GONE:
        SIM_CHECK(r->sim, t, "a track ends that was not there");
        t->used = false;
        break;
    case PLM_LINK_PACKET:
        on_packet(r, t, body, h->size);
        break;
    case PLM_LINK_CLOCK:
        SIM_CHECK(r->sim, t && h->size == sizeof(struct plm_link_clock), "a clock of nobody's");
        r->clocks++;
        break;
    default:
        SIM_CHECK(r->sim, false, "a frame of type %u does not concern a reader", h->type);
    }
}

static void take(struct sim_reader *r, unsigned worker, const uint8_t *data, size_t len)
{
    struct socket_in *in = &r->in[worker];
    while (len > 0) {
        size_t n = len < sizeof in->data - in->n ? len : sizeof in->data - in->n, at = 0;
        struct plm_link_header h;
        memcpy(in->data + in->n, data, n);
        in->n += n;
        data += n;
        len -= n;
        while (in->n - at >= sizeof h) {
            memcpy(&h, in->data + at, sizeof h);
            if (in->n - at - sizeof h < h.size)
                break;
            on_frame(r, worker, &h, in->data + at + sizeof h);
            at += sizeof h + h.size;
        }
        SIM_CHECK(r->sim, at > 0 || in->n < sizeof in->data, "a frame without end");
        in->n -= at;
        memmove(in->data, in->data + at, in->n);
    }
}

static void on_turn(struct sim *s, unsigned worker)
{
    struct sim_reader *r = s->onlooker;
    struct iovec v[2];
    if (r->gone || r->paused)
        return;
    struct plm_feed *f = r->feeds[worker];
    SIM_CHECK(s, !plm_feed_is_broken(f), "the feed is broken");
    size_t waits = plm_feed_pending(f),
           once = 1 + (size_t)(sim_random(s) % 50000); /* whatever a socket takes */
    size_t left = once < waits ? once : waits;
    int n = plm_feed_peek(f, v);
    for (int i = 0; i < n && left > 0; i++) {
        size_t len = v[i].iov_len < left ? v[i].iov_len : left;
        sim_log_octets(s, v[i].iov_base, len);
        take(r, worker, v[i].iov_base, len);
        left -= len;
    }
    plm_feed_consume(f, once < waits ? once : waits);
}

/* ---- life ---- */

static void connect_all(struct sim_reader *r)
{
    struct sim *s = r->sim;
    r->gone = r->paused = false;
    memset(r->tracks, 0, sizeof r->tracks);
    memset(r->in, 0, sizeof r->in);
    for (unsigned i = 0; i < s->config.n_workers; i++) {
        plm_feed_in_init(&r->back[i]);
        if (plm_feed_create(&r->feeds[i], r->queue) != 0)
            abort();
        plm_worker_set_feed(s->workers[i].core, r->feeds[i], s->now);
    }
    sim_at(s, s->now + REFRESH_US, refresh, r);
}

struct sim_reader *sim_reader_open(struct sim *s, size_t queue, uint8_t encodings)
{
    struct sim_reader *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->sim = s;
    r->queue = queue;
    r->encodings = encodings;
    s->onlooker = r;
    s->on_up = on_up;
    s->on_turn = on_turn;
    connect_all(r);
    return r;
}

void sim_reader_pause(struct sim_reader *r, bool on)
{
    r->paused = on;
}

void sim_reader_leave(struct sim_reader *r)
{
    r->gone = true;
    for (unsigned i = 0; i < r->sim->config.n_workers; i++) {
        plm_worker_set_feed(r->sim->workers[i].core, NULL, r->sim->now);
        plm_feed_destroy(r->feeds[i]);
        r->feeds[i] = NULL;
    }
}

void sim_reader_return(struct sim_reader *r)
{
    connect_all(r);
}

void sim_reader_free(struct sim_reader *r)
{
    for (unsigned i = 0; i < r->n_people; i++) {
        for (unsigned k = 0; k < 4; k++)
            free(r->people[i].streams[k]);
    }
    free(r);
}

/* ---- what came out ---- */

static unsigned check_stream(struct sim_reader *r, const struct person *p, unsigned index, uint64_t from_us,
    uint64_t to_us, bool complete)
{
    const struct stream *s = p->streams[index];
    unsigned n = 0;
    bool missing = false;
    for (unsigned i = 0; i < N_SEQS; i++) {
        uint16_t seq = (uint16_t)(s->first_seq - 1000 + i);
        if (!s->arrived_us[seq] || s->arrived_us[seq] < from_us || s->arrived_us[seq] > to_us)
            continue;
        SIM_CHECK(r->sim, s->fed[seq] <= 1, "%u of %u came out %u times", seq, p->id, s->fed[seq]);
        SIM_CHECK(r->sim, s->fed[seq] || (!complete && index < 3), "%u of %u, stream %u, did not come out",
            seq, p->id, index);
        if (missing && s->fed[seq]) {
            SIM_CHECK(r->sim, s->key_begin[seq], "%u of %u goes on in the middle", seq, p->id);
            r->gaps++;
        }
        missing = !s->fed[seq];
        n++;
    }
    return n;
}

unsigned sim_reader_check(struct sim_reader *r, uint64_t from_us, uint64_t to_us, bool complete)
{
    unsigned n = 0;
    r->gaps = 0;
    for (unsigned i = 0; i < r->n_people; i++) {
        for (unsigned k = 0; k < 4; k++) {
            if (r->people[i].announced && r->people[i].streams[k] && (k == 3 || r->encodings >> k & 1))
                n += check_stream(r, &r->people[i], k, from_us, to_us, complete);
        }
    }
    SIM_CHECK(r->sim, r->clocks > 0, "no clock was told");
    return n;
}

unsigned sim_reader_tracks(const struct sim_reader *r)
{
    unsigned n = 0;
    for (size_t i = 0; i < sizeof r->tracks / sizeof r->tracks[0]; i++)
        n += r->tracks[i].used;
    return n;
}

unsigned sim_reader_gaps(const struct sim_reader *r)
{
    return r->gaps;
}
