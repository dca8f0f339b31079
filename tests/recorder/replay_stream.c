/*
 * Plays a captured feed (capture.c) into recorder/stream.c, once as it is and once with mischief, and decodes what comes out.
 *
 *   plm-replay-stream FILE [-l PERCENT lost] [-r MS after which what was lost comes all the same] [-o PERCENT out of order] [-d PERCENT twice]
 *                      [-w wraps in the middle] [-c ends within a picture] [-k PPM of skew] [-s SEED]
 *
 * Holds: samples begin with a key frame and go forward in time; each is one that the untouched feed gives too, octet by octet; its decoded
 * picture is the same, which it would not be without all its references; nothing is missing that had its packets and references. One line
 * for each track; exit status 1 when anything does not hold.
 */
#include "base/bytes.h"
#include "base/link_frame.h"
#include "depack.h"
#include "rtp.h"
#include "sound_line.h"
#include "stream.h"

#include <libavcodec/avcodec.h>

#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TRACKS      8 /* who publishes anew has others */
#define MAX_RUNS        32
#define MAX_ENCODINGS   4
#define LATEST_ORDER_US 60000     /* how far a packet out of order comes late */
#define TIME_US         3000      /* what a sample's time may differ by between the two */
#define MAX_PACKETS     (1 << 20) /* under an SSRC */
#define KEYFRAME_START  8         /* struct plm_link_packet, info_flags */

struct record {
    uint64_t us;
    size_t order; /* among those of the same time */
    uint32_t len;
    uint8_t *frame;
    int track, run; /* -1: none */
};

struct records {
    struct record *v;
    size_t n, cap;
};

struct out {
    struct plm_sample s;
    uint64_t hash;    /* of its octets */
    uint64_t picture; /* of what is decoded, 0: nothing */
    bool decoded;
};

struct track {
    uint32_t participant;
    enum plm_source source;
    uint8_t n_encodings;
    bool gone;
    struct plm_stream *stream;
    struct plm_sound_line line;
    struct out *out;
    size_t n, cap;
};

struct pass {
    struct track tracks[MAX_TRACKS];
    unsigned n_tracks;
};

static struct {
    double loss, reorder, twice;
    uint64_t recover_us;
    bool wrap, cut;
    int skew_ppm;
} mischief;
static bool failed;

#define HOLDS(condition, ...)                                                                                \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            failed = true;                                                                                   \
            printf("FAILED: ");                                                                              \
            printf(__VA_ARGS__);                                                                             \
            printf("\n");                                                                                    \
        }                                                                                                    \
    } while (0)

static uint64_t hash(uint64_t h, const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        h = (h ^ p[i]) * UINT64_C(1099511628211);
    return h;
}

static void *grow(void *v, size_t n, size_t *cap, size_t size)
{
    if (n < *cap)
        return v;
    *cap = *cap ? *cap * 2 : 1024;
    v = realloc(v, *cap * size);
    if (!v)
        abort();
    return v;
}

/* ---- the file ---- */

static struct record *add_record(struct records *r, uint64_t us, const uint8_t *frame, uint32_t len)
{
    r->v = grow(r->v, r->n, &r->cap, sizeof *r->v);
    uint8_t *copy = malloc(len);
    if (!copy)
        abort();
    memcpy(copy, frame, len);
    r->v[r->n] = (struct record){us, r->n, len, copy, -1, -1};
    return &r->v[r->n++];
}

static void free_records(struct records *r)
{
    for (size_t i = 0; i < r->n; i++)
        free(r->v[i].frame);
    free(r->v);
}

static bool load(struct records *r, const char *name)
{
    static uint8_t frame[PLM_LINK_MAX_BODY + sizeof(struct plm_link_header)];
    FILE *f = fopen(name, "rb");
    uint64_t us;
    uint32_t len;
    if (!f)
        return false;
    while (fread(&us, sizeof us, 1, f) == 1 && fread(&len, sizeof len, 1, f) == 1 && len <= sizeof frame &&
           len >= sizeof(struct plm_link_header) && fread(frame, 1, len, f) == len)
        add_record(r, us, frame, len);
    bool whole = feof(f);
    fclose(f);
    return whole && r->n > 0;
}

/** A packet's head and where its RTP begins. */
static bool packet_of(
    const struct record *r, struct plm_link_header *h, struct plm_link_packet *p, uint8_t **rtp, size_t *len)
{
    memcpy(h, r->frame, sizeof *h);
    if (h->type != PLM_LINK_PACKET || r->len < sizeof *h + sizeof *p)
        return false;
    memcpy(p, r->frame + sizeof *h, sizeof *p);
    *rtp = r->frame + sizeof *h + sizeof *p;
    *len = r->len - sizeof *h - sizeof *p;
    return true;
}

static void set_packet(struct record *r, const struct plm_link_packet *p)
{
    uint8_t *rtp = r->frame + sizeof(struct plm_link_header) + sizeof *p;
    memcpy(r->frame + sizeof(struct plm_link_header), p, sizeof *p);
    plm_put16(rtp + 2, (uint16_t)p->ext_seq);
    plm_put32(rtp + 4, (uint32_t)p->ext_ts);
}

static bool ends_picture(const struct plm_link_packet *p, const uint8_t *rtp, size_t len)
{
    struct plm_rtp_view v;
    return plm_rtp_parse(&v, rtp, len) == 0 &&
           (v.marker || plm_depack_ends((enum plm_codec)p->codec, v.payload, v.payload_len));
}

/* ---- mischief ---- */

/** Is the one before the other of its picture, too? */
static bool is_of_its_picture(
    const struct record *r, const struct plm_link_header *of, const struct plm_link_packet *packet)
{
    struct plm_link_header h;
    struct plm_link_packet p;
    uint8_t *rtp;
    size_t len;
    return packet_of(r, &h, &p, &rtp, &len) && h.participant == of->participant && h.source == of->source &&
           p.encoding == packet->encoding && p.ext_ts == packet->ext_ts;
}

/** Ends the feed before the packet that ends a picture of several, the last such. */
static void cut(struct records *r)
{
    struct plm_link_header h;
    struct plm_link_packet p;
    uint8_t *rtp;
    size_t len, i = r->n;
    while (i-- > 1) {
        if (!packet_of(&r->v[i], &h, &p, &rtp, &len) || p.codec == PLM_CODEC_OPUS ||
            !ends_picture(&p, rtp, len) || !is_of_its_picture(&r->v[i - 1], &h, &p))
            continue;
        while (r->n > i)
            free(r->v[--r->n].frame);
        return;
    }
    printf("no picture has several packets: nothing is cut\n");
}

static bool chance(double percent)
{
    return rand() < percent / 100 * RAND_MAX;
}

static int by_time(const void *a, const void *b)
{
    const struct record *x = a, *y = b;
    if (x->us != y->us)
        return x->us < y->us ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

/** Numbers and timestamps of an encoding under one SSRC: how they are changed. */
struct run {
    int track;
    uint8_t encoding;
    uint32_t ssrc;
    uint64_t first_seq, last_seq, first_ts, last_ts;
};

static struct run runs[MAX_RUNS];
static int n_runs;

/** Tracks as they come: one that is gone and comes again is another. */
struct known {
    uint32_t participant;
    uint8_t source;
    bool gone;
};

static int track_in(struct known *known, int *n, const struct plm_link_header *h)
{
    for (int i = *n - 1; i >= 0; i--)
        if (known[i].participant == h->participant && known[i].source == h->source && !known[i].gone)
            return i;
    if (h->type != PLM_LINK_TRACK || *n == MAX_TRACKS || h->source >= PLM_SOURCE_COUNT)
        return -1;
    known[*n] = (struct known){h->participant, h->source, false};
    return (*n)++;
}

static int last_run(int track, uint8_t encoding)
{
    int i = n_runs - 1;
    while (i >= 0 && (runs[i].track != track || runs[i].encoding != encoding))
        i--;
    return i;
}

static int first_run(int track, uint8_t encoding)
{
    int i = 0;
    while (i < n_runs && (runs[i].track != track || runs[i].encoding != encoding))
        i++;
    return i < n_runs ? i : -1;
}

static int run_of_packet(int track, const struct plm_link_packet *p, const uint8_t *rtp)
{
    uint32_t ssrc = plm_get32(rtp + 8);
    int i = last_run(track, p->encoding);
    if (i < 0 || runs[i].ssrc != ssrc) {
        if (n_runs == MAX_RUNS)
            return -1;
        i = n_runs++;
        runs[i] = (struct run){track, p->encoding, ssrc, p->ext_seq, p->ext_seq, p->ext_ts, p->ext_ts};
    }
    runs[i].last_seq = p->ext_seq;
    runs[i].last_ts = p->ext_ts;
    return i;
}

/** Which track and which run each frame is of. */
static void measure(struct records *r)
{
    struct known known[MAX_TRACKS];
    int n = 0;
    struct plm_link_header h;
    struct plm_link_packet p;
    struct plm_link_clock c;
    uint8_t *rtp;
    size_t len;
    for (size_t i = 0; i < r->n; i++) {
        struct record *x = &r->v[i];
        memcpy(&h, x->frame, sizeof h);
        x->track = track_in(known, &n, &h);
        if (x->track < 0)
            continue;
        if (packet_of(x, &h, &p, &rtp, &len) && len >= 12) {
            x->run = run_of_packet(x->track, &p, rtp);
        } else if (h.type == PLM_LINK_CLOCK && h.size >= sizeof c) {
            memcpy(&c, x->frame + sizeof h, sizeof c);
            x->run = last_run(x->track, c.encoding);
        } else if (h.type == PLM_LINK_TRACK_GONE) {
            known[x->track].gone = true;
        }
    }
    /* A line by arrival may be told just before the packet whose arrival it is. */
    for (size_t i = 0; i < r->n; i++) {
        struct record *x = &r->v[i];
        memcpy(&h, x->frame, sizeof h);
        if (x->track < 0 || x->run >= 0 || h.type != PLM_LINK_CLOCK || h.size < sizeof c)
            continue;
        memcpy(&c, x->frame + sizeof h, sizeof c);
        x->run = first_run(x->track, c.encoding);
    }
}

static uint64_t new_seq(const struct run *n, uint64_t seq)
{
    uint64_t middle = (n->first_seq + n->last_seq) / 2;
    return mischief.wrap ? seq - middle + 65536 * 3 : seq;
}

static uint64_t new_ts(const struct run *n, uint64_t ts)
{
    uint64_t middle = (n->first_ts + n->last_ts) / 2;
    int64_t since = (int64_t)(ts - n->first_ts);
    ts += (uint64_t)(since * mischief.skew_ppm / 1000000);
    return mischief.wrap ? ts - middle + (UINT64_C(3) << 32) : ts;
}

static void renumber(struct record *r)
{
    struct plm_link_header h;
    struct plm_link_packet p;
    struct plm_link_clock c;
    uint8_t *rtp;
    size_t len;
    if (r->run < 0)
        return;
    const struct run *n = &runs[r->run];
    memcpy(&h, r->frame, sizeof h);
    if (packet_of(r, &h, &p, &rtp, &len)) {
        p.ext_seq = new_seq(n, p.ext_seq);
        p.ext_ts = new_ts(n, p.ext_ts);
        set_packet(r, &p);
    } else if (h.type == PLM_LINK_CLOCK) {
        memcpy(&c, r->frame + sizeof h, sizeof c);
        c.ext_ts = new_ts(n, c.ext_ts);
        memcpy(r->frame + sizeof h, &c, sizeof c);
    }
}

static void delay(struct record *r, uint64_t by_us)
{
    struct plm_link_header h;
    struct plm_link_packet p;
    uint8_t *rtp;
    size_t len;
    r->us += by_us;
    if (!packet_of(r, &h, &p, &rtp, &len))
        return;
    p.arrival_us += by_us;
    set_packet(r, &p);
}

/** The first and the last packet under an SSRC: no other would show that it is missing. */
static bool is_at_an_end(const struct record *r, const struct plm_link_packet *p)
{
    return r->run >= 0 && (p->ext_seq == runs[r->run].first_seq || p->ext_seq == runs[r->run].last_seq);
}

/** The feed with everything that was asked for; a lost packet of a source that is not recovered is left out. */
static void spoil(const struct records *from, struct records *to)
{
    struct plm_link_header h;
    struct plm_link_packet p;
    uint8_t *rtp;
    size_t len;
    for (size_t i = 0; i < from->n; i++) {
        const struct record *r = &from->v[i];
        bool packet = packet_of(r, &h, &p, &rtp, &len);
        bool lost = packet && chance(mischief.loss) && !is_at_an_end(r, &p);
        if (lost && !mischief.recover_us)
            continue;
        struct record *last = add_record(to, r->us, r->frame, r->len);
        last->track = r->track;
        last->run = r->run;
        renumber(last);
        if (lost)
            delay(last, mischief.recover_us);
        else if (packet && chance(mischief.reorder))
            delay(last, (uint64_t)rand() % LATEST_ORDER_US);
        if (packet && chance(mischief.twice)) {
            struct record of = *last;
            struct record *copy = add_record(to, of.us + 5000, of.frame, of.len);
            copy->track = of.track;
            copy->run = of.run;
        }
    }
    qsort(to->v, to->n, sizeof *to->v, by_time);
}

/* ---- streams ---- */

static void keep(struct track *t, const struct plm_sample *s)
{
    t->out = grow(t->out, t->n, &t->cap, sizeof *t->out);
    struct out *o = &t->out[t->n];
    *o = (struct out){.s = *s, .hash = hash(14695981039346656037u, s->data, s->len)};
    uint8_t *data = malloc(s->len + s->config_len + AV_INPUT_BUFFER_PADDING_SIZE);
    if (!data)
        abort();
    memcpy(data, s->data, s->len);
    if (s->config_len)
        memcpy(data + s->len, s->config, s->config_len);
    o->s.data = data;
    o->s.config = data + s->len;
    HOLDS(t->n > 0 || s->keyframe, "the first is no key frame");
    HOLDS(t->n == 0 || s->time_us >= t->out[t->n - 1].s.time_us, "time goes back");
    t->n++;
}

static void on_line(void *arg, const struct plm_sample *s)
{
    keep(arg, s);
}

static void on_sample(void *ctx, const struct plm_sample *s)
{
    struct track *t = ctx;
    if (s->codec != PLM_CODEC_OPUS) {
        keep(t, s);
        return;
    }
    if (t->line.next_us == 0)
        plm_sound_line_init(&t->line, s->time_us);
    plm_sound_line_put(&t->line, s, on_line, t);
}

static struct track *track_of(struct pass *pass, const struct record *r, const struct plm_link_header *h)
{
    if (r->track < 0)
        return NULL;
    struct track *t = &pass->tracks[r->track];
    if (t->stream)
        return t->gone ? NULL : t;
    t->participant = h->participant;
    t->source = (enum plm_source)h->source;
    if (plm_stream_create(&t->stream, t->source, &(struct plm_stream_ops){t, on_sample}) != 0)
        abort();
    if ((unsigned)r->track >= pass->n_tracks)
        pass->n_tracks = (unsigned)r->track + 1;
    return t;
}

static void play_one(struct pass *pass, const struct record *r)
{
    struct plm_link_header h;
    struct plm_link_packet p;
    struct plm_link_track info;
    struct plm_link_clock clock;
    struct plm_link_demand demand;
    uint8_t *rtp;
    size_t len;
    memcpy(&h, r->frame, sizeof h);
    struct track *t = track_of(pass, r, &h);
    if (!t)
        return;
    if (packet_of(r, &h, &p, &rtp, &len)) {
        plm_stream_on_packet(t->stream, &p, rtp, len, r->us);
    } else if (h.type == PLM_LINK_TRACK && h.size >= sizeof info) {
        memcpy(&info, r->frame + sizeof h, sizeof info);
        t->n_encodings = info.n_encodings;
        plm_stream_on_track(t->stream, &info, r->us);
    } else if (h.type == PLM_LINK_CLOCK && h.size >= sizeof clock) {
        memcpy(&clock, r->frame + sizeof h, sizeof clock);
        plm_stream_on_clock(t->stream, &clock, r->us);
    } else if (h.type == PLM_LINK_TRACK_GONE) {
        plm_stream_flush(t->stream, r->us);
        t->gone = true;
    }
    for (unsigned i = 0; i < pass->n_tracks; i++) {
        if (pass->tracks[i].gone)
            continue;
        (void)plm_stream_poll(pass->tracks[i].stream, r->us);
        (void)plm_stream_demand(pass->tracks[i].stream, r->us, &demand);
    }
}

/** Does a frame tell of a video encoding other than this one? */
static bool is_of_another(const struct record *r, int encoding)
{
    struct plm_link_header h;
    memcpy(&h, r->frame, sizeof h);
    bool video = h.source < PLM_SOURCE_COUNT && plm_source_kind((enum plm_source)h.source) == PLM_KIND_VIDEO;
    const uint8_t *body = r->frame + sizeof h;
    if (h.type == PLM_LINK_CLOCK)
        return video && body[offsetof(struct plm_link_clock, encoding)] != encoding;
    return h.type == PLM_LINK_PACKET && video && body[offsetof(struct plm_link_packet, encoding)] != encoding;
}

/** @param only of video this encoding; -1: all, and the stream chooses */
static void play(struct pass *pass, const struct records *r, int only)
{
    memset(pass, 0, sizeof *pass);
    for (size_t i = 0; i < r->n; i++) {
        if (only < 0 || !is_of_another(&r->v[i], only))
            play_one(pass, &r->v[i]);
    }
    for (unsigned i = 0; i < pass->n_tracks; i++)
        if (!pass->tracks[i].gone)
            plm_stream_flush(pass->tracks[i].stream, r->v[r->n - 1].us);
}

static void free_pass(struct pass *pass)
{
    for (unsigned i = 0; i < pass->n_tracks; i++) {
        plm_stream_destroy(pass->tracks[i].stream);
        for (size_t k = 0; k < pass->tracks[i].n; k++)
            free((void *)(uintptr_t)pass->tracks[i].out[k].s.data);
        free(pass->tracks[i].out);
    }
}

/* ---- what should come out ---- */

/** Pictures of one encoding that had all their packets, and all before them back to a key frame. */
struct expected {
    unsigned pictures, whole, usable;
};

static bool is_followed_by(const struct run *n, int later)
{
    return later >= 0 && &runs[later] > n && runs[later].track == n->track &&
           runs[later].encoding == n->encoding;
}

/** Its packet is here if it came before the track went, or another SSRC took its place. */
static void mark(uint8_t *came, const struct records *got, int run)
{
    struct plm_link_header h;
    struct plm_link_packet p;
    uint8_t *rtp;
    size_t len;
    const struct run *n = &runs[run];
    for (size_t i = 0; i < got->n; i++) {
        memcpy(&h, got->v[i].frame, sizeof h);
        if (h.type == PLM_LINK_TRACK_GONE && got->v[i].track == n->track)
            return;
        if (h.type == PLM_LINK_PACKET && is_followed_by(n, got->v[i].run))
            return;
        if (got->v[i].run == run && packet_of(&got->v[i], &h, &p, &rtp, &len))
            came[(p.ext_seq - new_seq(n, n->first_seq)) & (MAX_PACKETS - 1)] = 1;
    }
}

static void add_picture(struct expected *x, bool counts, bool whole, bool *usable)
{
    if (!counts)
        return;
    *usable &= whole;
    x->pictures++;
    x->whole += whole;
    x->usable += *usable;
}

/**
 * What is in the feed under one SSRC of a track with one encoding: `all` the untouched feed, `got` what came of it. A capture ends when it is told
 * to, which may be between two packets of the last picture: that one is none.
 */
static void expect_run(struct expected *x, const struct records *all, const struct records *got, int run)
{
    struct plm_link_header h;
    struct plm_link_packet p;
    uint8_t *rtp, *came = calloc(1, MAX_PACKETS);
    size_t len;
    uint64_t ts = 0;
    bool any = false, usable = false, whole = true, ended = false;
    mark(came, got, run);
    for (size_t i = 0; i < all->n; i++) {
        if (all->v[i].run != run || !packet_of(&all->v[i], &h, &p, &rtp, &len) || p.payload_len == 0)
            continue;
        if (p.ext_ts != ts) {
            add_picture(x, any, whole, &usable);
            whole = true;
            ended = false;
        }
        ts = p.ext_ts;
        ended |= ends_picture(&p, rtp, len);
        whole &= came[(p.ext_seq - runs[run].first_seq) & (MAX_PACKETS - 1)] != 0;
        if (p.info_flags & KEYFRAME_START)
            any = usable = true;
    }
    add_picture(x, any && ended, whole, &usable);
    free(came);
}

static struct expected expect(const struct records *all, const struct records *got, unsigned track)
{
    struct expected x = {0};
    for (int i = 0; i < n_runs; i++)
        if (runs[i].track == (int)track)
            expect_run(&x, all, got, i);
    return x;
}

/* ---- decoding ---- */

static unsigned complaints;

static void on_log(void *ctx, int level, const char *format, va_list args)
{
    (void)ctx;
    if (level > AV_LOG_ERROR)
        return;
    complaints++;
    fprintf(stderr, "decoder: ");
    vfprintf(stderr, format, args);
}

static AVCodecContext *open_decoder(const struct plm_sample *first)
{
    static const char *const names[] = {
        [PLM_CODEC_OPUS] = "opus",
        [PLM_CODEC_VP8] = "vp8",
        [PLM_CODEC_VP9] = "vp9",
        [PLM_CODEC_H264] = "h264",
        [PLM_CODEC_AV1] = "libdav1d",
    };
    static const uint8_t opus_head[19] = {'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0, 0, 0x80, 0xbb};
    const uint8_t *extra = first->codec == PLM_CODEC_OPUS ? opus_head : first->config;
    size_t len = first->codec == PLM_CODEC_OPUS ? sizeof opus_head : first->config_len;
    const AVCodec *codec = avcodec_find_decoder_by_name(names[first->codec]);
    AVCodecContext *c = codec ? avcodec_alloc_context3(codec) : NULL;
    if (!c)
        return NULL;
    c->thread_count = 1;
    c->flags |= AV_CODEC_FLAG_LOW_DELAY;
    c->err_recognition = AV_EF_CRCCHECK | AV_EF_EXPLODE;
    if (len) {
        c->extradata = av_mallocz(len + AV_INPUT_BUFFER_PADDING_SIZE);
        memcpy(c->extradata, extra, len);
        c->extradata_size = (int)len;
    }
    if (avcodec_open2(c, codec, NULL) != 0)
        avcodec_free_context(&c);
    return c;
}

static uint64_t hash_picture(const AVFrame *f)
{
    uint64_t h = 14695981039346656037u;
    if (f->nb_samples > 0)
        return 1;
    for (int plane = 0; plane < 3 && f->data[plane]; plane++) {
        int shift = plane ? 1 : 0, width = (f->width + shift) >> shift, height = (f->height + shift) >> shift;
        for (int y = 0; y < height; y++)
            h = hash(h, f->data[plane] + (ptrdiff_t)y * f->linesize[plane], (size_t)width);
    }
    return h;
}

static void receive(AVCodecContext *c, AVFrame *f, struct track *t)
{
    while (avcodec_receive_frame(c, f) == 0) {
        size_t i = (size_t)f->pts;
        if (i < t->n) {
            struct out *o = &t->out[i];
            HOLDS(!o->decoded, "one sample, two pictures: %zu", i);
            o->decoded = true;
            o->picture = hash_picture(f);
            HOLDS(f->nb_samples > 0 || (f->width == o->s.width && f->height == o->s.height),
                "picture %zu: %dx%d is %dx%d", i, o->s.width, o->s.height, f->width, f->height);
        }
        av_frame_unref(f);
    }
}

static void end_decoder(AVCodecContext **c, AVFrame *f, struct track *t)
{
    if (!*c)
        return;
    avcodec_send_packet(*c, NULL);
    receive(*c, f, t);
    avcodec_free_context(c);
}

/** Each codec in turn has a decoder of its own. @return samples that gave a picture */
static size_t decode(struct track *t)
{
    AVCodecContext *c = NULL;
    AVPacket *p = av_packet_alloc();
    AVFrame *f = av_frame_alloc();
    size_t decoded = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (i == 0 || t->out[i].s.codec != t->out[i - 1].s.codec) {
            end_decoder(&c, f, t);
            c = open_decoder(&t->out[i].s);
            HOLDS(c, "no decoder");
        }
        if (!c)
            break;
        if (av_new_packet(p, (int)t->out[i].s.len) != 0)
            abort();
        memcpy(p->data, t->out[i].s.data, t->out[i].s.len);
        p->pts = p->dts = (int64_t)i;
        int err = avcodec_send_packet(c, p);
        HOLDS(err == 0, "sample %zu of %zu: %s", i, t->n, av_err2str(err));
        av_packet_unref(p);
        receive(c, f, t);
    }
    end_decoder(&c, f, t);
    for (size_t i = 0; i < t->n; i++)
        decoded += t->out[i].decoded;
    av_frame_free(&f);
    av_packet_free(&p);
    return decoded;
}

/* ---- comparing ---- */

/** The untouched feed: each encoding by itself. */
static struct pass untouched[MAX_ENCODINGS];

/** Pictures of nothing new may be the same octets: the nearest in time is meant. */
static const struct out *find(unsigned track, const struct out *o)
{
    const struct out *best = NULL;
    for (unsigned e = 0; e < MAX_ENCODINGS; e++) {
        const struct track *t = &untouched[e].tracks[track];
        for (size_t i = 0; i < t->n; i++) {
            const struct out *w = &t->out[i];
            if (w->hash != o->hash || w->s.len != o->s.len)
                continue;
            if (!best || llabs(w->s.time_us - o->s.time_us) < llabs(best->s.time_us - o->s.time_us))
                best = w;
        }
    }
    return best;
}

/** Each sample must be one of the untouched feed, with its picture and about its time. @return the largest difference in time */
static int64_t compare(unsigned track, const struct track *t)
{
    int64_t worst = 0;
    for (size_t i = 0; i < t->n; i++) {
        const struct out *o = &t->out[i], *w = find(track, o);
        HOLDS(w, "sample %zu is none of the feed's", i);
        if (!w)
            continue;
        HOLDS(!o->decoded || !w->decoded || o->picture == w->picture, "picture %zu lacks a reference", i);
        int64_t off = llabs(o->s.time_us - w->s.time_us);
        worst = off > worst ? off : worst;
    }
    return worst;
}

static void check_video(const struct records *all, const struct records *got, unsigned track, struct track *t)
{
    const struct track *whole = &untouched[0].tracks[track];
    struct expected x = {0};
    if (t->n_encodings == 1) {
        x = expect(all, got, track);
        HOLDS(whole->n == x.pictures, "%zu samples of %u pictures", whole->n, x.pictures);
        HOLDS(t->n >= x.usable && t->n <= x.whole, "%zu samples, %u pictures have all they need", t->n,
            x.usable);
        HOLDS(x.usable < x.pictures || t->n == whole->n, "%zu samples, not %zu", t->n, whole->n);
    }
    size_t decoded = decode(t);
    int64_t worst = compare(track, t);
    HOLDS(decoded == t->n, "%zu pictures of %zu samples", decoded, t->n);
    bool arrivals = mischief.reorder > 0 || mischief.loss > 0; /* they are what the first second goes by */
    HOLDS(worst <= TIME_US || arrivals || t->n_encodings > 1, "times differ by %lld us", (long long)worst);
    struct plm_stream_stats st;
    plm_stream_stats(t->stream, &st);
    printf("%s %s: pictures %u, whole %u, chain %u, out %zu, decoded %zu, broken %llu, lost %llu, late %llu, "
           "twice %llu, malformed %llu, "
           "switches %llu, keys asked %llu, time off %lld us, %ux%u, turn %u, %.3f s\n",
        plm_source_name(t->source), t->n ? plm_codec_name(t->out[t->n - 1].s.codec) : "-", x.pictures,
        x.whole, x.usable, t->n, decoded, (unsigned long long)st.frames_broken, (unsigned long long)st.lost,
        (unsigned long long)st.late, (unsigned long long)st.duplicates, (unsigned long long)st.malformed,
        (unsigned long long)st.encoding_switches, (unsigned long long)st.keyframes_asked, (long long)worst,
        t->n ? t->out[t->n - 1].s.width : 0, t->n ? t->out[t->n - 1].s.height : 0,
        t->n ? t->out[t->n - 1].s.rotation : 0,
        t->n ? (double)(t->out[t->n - 1].s.time_us - t->out[0].s.time_us) / 1e6 : 0);
}

static void check_sound(const struct track *whole, struct track *t)
{
    size_t decoded = decode(t);
    HOLDS(decoded == t->n, "%zu pieces of %zu packets", decoded, t->n);
    int64_t first = whole->n ? whole->out[0].s.time_us : 0, length = 0, length_whole = 0;
    for (size_t i = 0; i < t->n; i++)
        length += t->out[i].s.duration_us;
    for (size_t i = 0; i < whole->n; i++)
        length_whole += whole->out[i].s.duration_us;
    HOLDS(llabs(length - length_whole) <= 100000, "%.3f s of sound, not %.3f", (double)length / 1e6,
        (double)length_whole / 1e6);
    struct plm_stream_stats st;
    plm_stream_stats(t->stream, &st);
    printf("%s opus: packets %llu, out %zu, silence %llu, left out %llu, decoded %zu, lost %llu, clock jumps "
           "%llu, begins %lld us later, %.3f s\n",
        plm_source_name(t->source), (unsigned long long)st.frames, t->n, (unsigned long long)t->line.filled,
        (unsigned long long)t->line.left_out, decoded, (unsigned long long)st.lost,
        (unsigned long long)st.clock_jumps, t->n ? (long long)(t->out[0].s.time_us - first) : 0,
        (double)length / 1e6);
}

static bool read_options(int argc, char **argv)
{
    int option;
    while ((option = getopt(argc, argv, "l:r:o:d:wck:s:")) != -1) {
        switch (option) {
        case 'l':
            mischief.loss = atof(optarg);
            break;
        case 'r':
            mischief.recover_us = strtoull(optarg, NULL, 10) * 1000;
            break;
        case 'o':
            mischief.reorder = atof(optarg);
            break;
        case 'd':
            mischief.twice = atof(optarg);
            break;
        case 'w':
            mischief.wrap = true;
            break;
        case 'c':
            mischief.cut = true;
            break;
        case 'k':
            mischief.skew_ppm = atoi(optarg);
            break;
        case 's':
            srand((unsigned)atoi(optarg));
            break;
        default:
            return false;
        }
    }
    return optind + 1 == argc;
}

int main(int argc, char **argv)
{
    struct records all = {0}, got = {0};
    struct pass pass;
    if (!read_options(argc, argv) || !load(&all, argv[optind])) {
        fprintf(
            stderr, "usage: %s [-l %%] [-r ms] [-o %%] [-d %%] [-w] [-c] [-k ppm] [-s seed] FILE\n", argv[0]);
        return 2;
    }
    av_log_set_callback(on_log);
    if (mischief.cut)
        cut(&all);
    measure(&all);
    spoil(&all, &got);
    for (int e = 0; e < MAX_ENCODINGS; e++) {
        play(&untouched[e], &all, e);
        for (unsigned i = 0; i < untouched[e].n_tracks; i++)
            decode(&untouched[e].tracks[i]);
    }
    play(&pass, &got, -1);
    for (unsigned i = 0; i < pass.n_tracks && i < untouched[0].n_tracks; i++) {
        if (plm_source_kind(pass.tracks[i].source) == PLM_KIND_VIDEO)
            check_video(&all, &got, i, &pass.tracks[i]);
        else
            check_sound(&untouched[0].tracks[i], &pass.tracks[i]);
    }
    HOLDS(pass.n_tracks > 0 && pass.n_tracks == untouched[0].n_tracks, "%u tracks", pass.n_tracks);
    HOLDS(complaints == 0, "decoders complained %u times", complaints);
    for (int e = 0; e < MAX_ENCODINGS; e++)
        free_pass(&untouched[e]);
    free_pass(&pass);
    free_records(&all);
    free_records(&got);
    return failed;
}
