#include <string.h>

#include "base/bytes.h"
#include "ebml.h"
#include "finish_internal.h"
#include "mux_internal.h"
#include "webm_head.h"

#define MAX_CLUSTER  (256 * 1024 * 1024)
#define CLUSTER_HEAD 64 /* octets enough for the heads of a cluster, its time and its first block */
#define TAIL                                                                                                 \
    4 /* clusters at the end that are looked at for the last times: kinds may lag behind each other */
#define BLOCK_HEAD 4
#define MAX_MS     INT64_C(1000000000000) /* of a time in a file: what is later is no file of ours */
#define KEYFRAME   0x80
#define FIRST_STEP 33 /* ms that the last picture is shown when nothing tells */

/* A cluster that begins with a key frame: a place to seek to. */
struct cue {
    uint64_t ms, at; /* at: from the Segment's data */
    uint8_t track;
};

struct state {
    struct plm_finish_file *f;
    struct plm_blob buf;
    uint64_t segment_at, data_at; /* the Segment's id; what is in it */
    uint64_t segment_size, info_size, tracks_at, tags_at;
    uint64_t tags_end;    /* where the first cluster begins */
    uint64_t end;         /* behind the last whole cluster */
    bool patched;         /* the places of the head are filled */
    struct plm_blob cues; /* array of struct cue */
    uint64_t clusters[TAIL];
    uint32_t n_clusters;
    int64_t picture_ms, picture_before_ms, sound_end_ms; /* the last ones; -1: none */
};

/* ---- the head ---- */

static int read_element(const struct state *s, uint64_t at, struct plm_ebml_element *out)
{
    uint8_t head[PLM_EBML_MAX_HEAD];
    uint64_t left = at < s->f->size ? s->f->size - at : 0;
    size_t len = left < sizeof head ? (size_t)left : sizeof head;
    int rc = plm_finish_read(s->f, at, head, len);
    return rc ? rc : plm_ebml_read(out, head, len) ? 0 : PLM_EINVAL;
}

/* The element at *at has this id; step into it or over it. */
static int expect(const struct state *s, uint64_t *at, uint32_t id, bool into, uint64_t *size)
{
    struct plm_ebml_element e;
    int rc = read_element(s, *at, &e);
    if (rc || e.id != id || (!into && e.size > s->f->size - *at))
        return rc ? rc : PLM_EINVAL;
    *at += e.head + (into ? 0 : e.size);
    *size = e.size;
    return 0;
}

/* A place that is kept. What is in it does not matter, a crash may have torn the write to it; but whether it is filled does. */
static int pass_place(struct state *s, uint64_t *at, uint32_t id, uint64_t size)
{
    struct plm_ebml_element e;
    int rc = read_element(s, *at, &e);
    s->patched &= rc == 0 && e.id == id && e.size == size - e.head;
    *at += size;
    return rc == PLM_EINVAL ? 0 : rc;
}

/* Everything in front of the first cluster. PLM_EINVAL: torn, or not of ours. */
static int parse_head(struct state *s)
{
    uint64_t at = 0, size;
    int rc = expect(s, &at, PLM_EBML_HEAD, false, &size);
    s->segment_at = at;
    if (rc == 0)
        rc = expect(s, &at, PLM_WEBM_SEGMENT, true, &s->segment_size);
    s->data_at = at;
    s->patched = true;
    if (rc == 0)
        rc = pass_place(s, &at, PLM_WEBM_SEEK_HEAD, PLM_WEBM_SEEK_HEAD_SIZE);
    uint64_t info = at;
    if (rc == 0)
        rc = expect(s, &at, PLM_WEBM_INFO, true, &s->info_size);
    if (rc == 0)
        rc = pass_place(s, &at, PLM_WEBM_DURATION, PLM_WEBM_DURATION_SIZE);
    if (rc == 0)
        rc = expect(s, &info, PLM_WEBM_INFO, false, &size);
    if (rc == 0 && info < at)
        rc = PLM_EINVAL; /* what is written to the place of Duration would reach beyond Info */
    s->tracks_at = info - s->data_at;
    if (rc == 0)
        rc = expect(s, &info, PLM_WEBM_TRACKS, false, &size);
    s->tags_at = info - s->data_at;
    if (rc == 0)
        rc = expect(s, &info, PLM_WEBM_TAGS, false, &size);
    s->end = s->tags_end = info;
    return rc ? rc : info <= PLM_WEBM_HEAD_MAX ? 0 : PLM_EINVAL;
}

/* ---- clusters ---- */

/* What the first octets of a cluster tell: its time and its first block. */
static bool parse_cluster_head(const uint8_t *p, size_t len, uint64_t *ms, struct cue *cue, bool *keyframe)
{
    struct plm_ebml_element e;
    if (!plm_ebml_read(&e, p, len) || e.id != PLM_WEBM_TIMESTAMP || e.size > 8 || e.size > len - e.head)
        return false;
    *ms = plm_ebml_read_uint(p + e.head, (size_t)e.size);
    if (*ms > MAX_MS)
        return false;
    p += e.head + e.size;
    len -= e.head + (size_t)e.size;
    if (!plm_ebml_read(&e, p, len) || e.id != PLM_WEBM_SIMPLE_BLOCK || e.size <= BLOCK_HEAD ||
        BLOCK_HEAD > len - e.head)
        return false;
    p += e.head;
    int64_t time = (int64_t)*ms + (int16_t)plm_get16(p + 1);
    cue->ms = time > 0 ? (uint64_t)time : 0;
    cue->track = p[0] & 0x7f;
    *keyframe = cue->track == PLM_TRACK_PICTURE && p[3] & KEYFRAME;
    return true;
}

/* @return 0, PLM_EINVAL: no whole cluster begins at s->end, or an error */
static int take_cluster(struct state *s)
{
    uint8_t head[CLUSTER_HEAD];
    struct plm_ebml_element e;
    struct cue cue;
    uint64_t ms;
    bool keyframe;
    uint64_t left = s->f->size - s->end;
    size_t len = left < sizeof head ? (size_t)left : sizeof head;
    int rc = plm_finish_read(s->f, s->end, head, len);
    if (rc)
        return rc;
    if (!plm_ebml_read(&e, head, len) || e.id != PLM_WEBM_CLUSTER || e.size > MAX_CLUSTER ||
        e.size > left - e.head)
        return PLM_EINVAL;
    size_t inside = len - e.head < e.size ? len - e.head : (size_t)e.size; /* not what follows a short one */
    if (!parse_cluster_head(head + e.head, inside, &ms, &cue, &keyframe))
        return PLM_EINVAL;
    cue.at = s->end - s->data_at;
    if (keyframe || s->n_clusters == 0)
        plm_blob_put(&s->cues, &cue, sizeof cue);
    s->clusters[s->n_clusters++ % TAIL] = s->end;
    s->end += e.head + e.size;
    return s->cues.failed ? PLM_ENOMEM : 0;
}

/* RFC 6716 section 3.1: how long the packet lasts, from its first octets. */
static int64_t opus_ms(const uint8_t *p, size_t len)
{
    static const uint16_t celt[4] = {25, 50, 100, 200}, silk[4] = {100, 200, 400, 600}; /* in 0.1 ms */
    unsigned config = p[0] >> 3, code = p[0] & 3;
    unsigned tenths = config < 12   ? silk[config & 3]
                      : config < 16 ? celt[2 + (config & 1)]
                                    : celt[config & 3];
    unsigned n = code == 0 ? 1 : code < 3 ? 2 : len > 1 ? p[1] & 63 : 1;
    return (int64_t)(tenths * n + 9) / 10;
}

static void take_times(struct state *s, unsigned track, int64_t ms, const uint8_t *data, size_t len)
{
    if (track == PLM_TRACK_SOUND && ms + opus_ms(data, len) > s->sound_end_ms)
        s->sound_end_ms = ms + opus_ms(data, len);
    if (track == PLM_TRACK_PICTURE && ms > s->picture_ms) {
        s->picture_before_ms = s->picture_ms;
        s->picture_ms = ms;
    }
}

/* Read a whole cluster: blocks have to tile it. */
static int walk_blocks(struct state *s, uint64_t at)
{
    struct plm_ebml_element e;
    int rc = read_element(s, at, &e);
    if (rc == 0)
        rc = e.size <= MAX_CLUSTER ? plm_finish_load(s->f, at + e.head, e.size, &s->buf) : PLM_EINVAL;
    if (rc)
        return rc;
    const uint8_t *p = s->buf.data;
    size_t left = s->buf.len;
    uint64_t ms = 0;
    while (left) {
        if (!plm_ebml_read(&e, p, left) || e.size > left - e.head)
            return PLM_EINVAL;
        const uint8_t *data = p + e.head;
        size_t size = (size_t)e.size;
        if (e.id == PLM_WEBM_TIMESTAMP && size <= 8)
            ms = plm_ebml_read_uint(data, size);
        else if (e.id == PLM_WEBM_SIMPLE_BLOCK && size > BLOCK_HEAD && ms <= MAX_MS)
            take_times(s, data[0] & 0x7f, (int64_t)ms + (int16_t)plm_get16(data + 1), data + BLOCK_HEAD,
                size - BLOCK_HEAD);
        else
            return PLM_EINVAL;
        p += e.head + size;
        left -= e.head + size;
    }
    return 0;
}

/* The last clusters are looked into: the very last may be torn inside. */
static int walk_tail(struct state *s)
{
    int rc = 0;
    uint32_t n = s->n_clusters < TAIL ? s->n_clusters : TAIL;
    for (uint32_t i = s->n_clusters - n; i < s->n_clusters && rc == 0; i++) {
        rc = walk_blocks(s, s->clusters[i % TAIL]);
        if (rc == PLM_EINVAL && i == s->n_clusters - 1) {
            s->end = s->clusters[i % TAIL];
            s->n_clusters--;
            return 0;
        }
    }
    return rc;
}

static int64_t duration_ms(const struct state *s, int64_t hold_us)
{
    int64_t ms = s->sound_end_ms > 0 ? s->sound_end_ms : 0;
    if (s->picture_ms >= 0) {
        int64_t step = s->picture_before_ms >= 0 ? s->picture_ms - s->picture_before_ms : FIRST_STEP;
        int64_t end = hold_us / 1000 > s->picture_ms ? hold_us / 1000 : s->picture_ms + step;
        ms = end > ms ? end : ms;
    }
    return ms;
}

/* ---- what is appended and patched ---- */

static void write_cues(const struct state *s, struct plm_blob *o)
{
    const struct cue *cue = (const struct cue *)(const void *)s->cues.data;
    size_t cues = plm_ebml_begin(o, PLM_WEBM_CUES);
    for (size_t n = s->cues.len / sizeof *cue; n; n--, cue++) {
        if (s->data_at + cue->at >= s->end)
            break;
        size_t point = plm_ebml_begin(o, PLM_WEBM_CUE_POINT);
        plm_ebml_uint(o, PLM_WEBM_CUE_TIME, cue->ms);
        size_t positions = plm_ebml_begin(o, PLM_WEBM_CUE_POSITIONS);
        plm_ebml_uint(o, PLM_WEBM_CUE_TRACK, cue->track);
        plm_ebml_uint(o, PLM_WEBM_CUE_CLUSTER, cue->at);
        plm_ebml_end(o, positions);
        plm_ebml_end(o, point);
    }
    plm_ebml_end(o, cues);
}

/* Append, make it last, and only then let the head speak of it; the size of the Segment last, since that says "finished". */
static int commit(struct state *s, const struct plm_blob *cues, int64_t ms)
{
    const struct plm_webm_places known = {.segment_size = s->end + cues->len - s->data_at,
        .info_size = s->info_size,
        .tracks_at = s->tracks_at,
        .tags_at = s->tags_at,
        .cues_at = s->end - s->data_at,
        .duration_ms = ms > 0 ? (double)ms : 1};
    const size_t before = PLM_EBML_LONG_HEAD; /* the Segment's own */
    struct plm_blob places = {0};
    plm_webm_write_places(&places, &known);
    int rc = places.failed ? PLM_ENOMEM : plm_finish_cut(s->f, s->end);
    if (rc == 0)
        rc = plm_finish_write(s->f, s->end, cues->data, cues->len);
    if (rc == 0)
        rc = plm_finish_sync(s->f);
    if (rc == 0)
        rc = plm_finish_write(s->f, s->segment_at + before, places.data + before, places.len - before);
    if (rc == 0)
        rc = plm_finish_write(s->f, s->segment_at, places.data, before);
    plm_blob_free(&places);
    return rc ? rc : plm_finish_sync(s->f);
}

static int finish_clusters(struct state *s, int64_t hold_us, struct plm_finish_result *out)
{
    struct plm_blob cues = {0};
    int rc = walk_tail(s);
    out->cut_bytes = s->f->size - s->end;
    if (rc || s->n_clusters == 0)
        return rc;
    int64_t ms = duration_ms(s, hold_us);
    write_cues(s, &cues);
    rc = cues.failed ? PLM_ENOMEM : s->f->write ? commit(s, &cues, ms) : 0;
    out->usable = true;
    out->fragments = s->n_clusters;
    out->duration_us = ms * 1000;
    out->bytes = s->end + cues.len;
    out->picture = s->picture_ms >= 0;
    out->sound = s->sound_end_ms >= 0;
    plm_blob_free(&cues);
    return rc;
}

/* ---- a finished file ---- */

/* Duration as the head has it. */
static int read_duration(const struct state *s, int64_t *us)
{
    uint8_t octets[8];
    uint64_t at = s->data_at + PLM_WEBM_SEEK_HEAD_SIZE + PLM_EBML_LONG_HEAD + PLM_WEBM_DURATION_SIZE - 8;
    int rc = plm_finish_read(s->f, at, octets, sizeof octets);
    if (rc)
        return rc;
    uint64_t bits = plm_get64(octets);
    double ms;
    memcpy(&ms, &bits, sizeof ms);
    if (!(ms > 0 && ms < 1e15))
        return PLM_EINVAL;
    *us = (int64_t)(ms * 1000);
    return 0;
}

/* s->end is behind the last cluster: Cues follow and end the file, and each names a cluster. */
static int check_cues(const struct state *s, struct plm_blob *buf)
{
    struct plm_ebml_element e, cluster;
    int rc = read_element(s, s->end, &e);
    if (rc || e.id != PLM_WEBM_CUES || e.size == 0 || e.size != s->f->size - s->end - e.head)
        return rc ? rc : PLM_EINVAL;
    rc = plm_finish_load(s->f, s->end + e.head, e.size, buf);
    const uint8_t *p = buf->data;
    for (size_t left = buf->len; rc == 0 && left;) {
        if (!plm_ebml_read(&e, p, left) || e.id != PLM_WEBM_CUE_POINT || e.size > left - e.head || e.size < 8)
            return PLM_EINVAL;
        /* The position is the last that a point of ours tells. */
        uint64_t at = plm_ebml_read_uint(p + e.head + e.size - 8, 8);
        rc = at < s->end - s->data_at ? read_element(s, s->data_at + at, &cluster) : PLM_EINVAL;
        if (rc == 0 && cluster.id != PLM_WEBM_CLUSTER)
            rc = PLM_EINVAL;
        p += e.head + e.size;
        left -= e.head + (size_t)e.size;
    }
    return rc;
}

/* plm_finish looks into the last clusters only, plm_finish_check into all. */
static int check_finished(struct state *s, struct plm_finish_result *out)
{
    uint64_t at = s->tags_end;
    int rc = read_duration(s, &out->duration_us);
    for (uint32_t i = 0; i < s->n_clusters && rc == 0; i++) {
        struct plm_ebml_element e;
        rc = read_element(s, at, &e);
        if (rc == 0 && (!s->f->write || s->n_clusters - i <= TAIL))
            rc = walk_blocks(s, at);
        at += e.head + e.size;
    }
    if (rc == 0)
        rc = check_cues(s, &s->buf);
    out->bytes = s->f->size;
    out->fragments = s->n_clusters;
    out->picture = s->picture_ms >= 0;
    out->sound = s->sound_end_ms >= 0;
    out->usable = rc == 0;
    return rc;
}

static int run(struct state *s, int64_t hold_us, struct plm_finish_result *out)
{
    int rc = parse_head(s);
    if (rc)
        return rc;
    while ((rc = take_cluster(s)) == 0)
        ;
    if (rc != PLM_EINVAL)
        return rc;
    if (s->n_clusters == 0) {
        out->cut_bytes = s->f->size - s->end;
        return 0;
    }
    if (s->patched && s->segment_size == s->f->size - s->data_at)
        return check_finished(s, out);
    return finish_clusters(s, hold_us, out);
}

int plm_finish_webm(struct plm_finish_file *f, int64_t hold_us, struct plm_finish_result *out)
{
    struct state s = {.f = f, .picture_ms = -1, .picture_before_ms = -1, .sound_end_ms = -1};
    int rc = run(&s, hold_us, out);
    plm_blob_free(&s.cues);
    plm_blob_free(&s.buf);
    return rc;
}
