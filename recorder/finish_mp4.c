#include <string.h>

#include "base/bytes.h"
#include "finish_internal.h"
#include "mux_internal.h"
#include "sample_table.h"

#define N_TRACKS       2
#define MAX_FTYP       64
#define MAX_HEAD       (1024 * 1024)        /* of the first moov */
#define MAX_MOOF       (64 * 1024 * 1024)   /* of one fragment's */
#define MAX_MOOV       (1024 * 1024 * 1024) /* of a finished file's */
#define MAX_DEPTH      6
#define MOVIE_HZ       1000
#define MVHD_DURATION  24 /* where a box of version 1 has its duration */
#define TKHD_DURATION  28
#define TKHD_TRACK     20
#define MDHD_DURATION  24
#define RUN_OFFSET     0x001
#define RUN_FIRST      0x004
#define RUN_DURATION   0x100
#define RUN_SIZE       0x200
#define RUN_FLAGS      0x400
#define RUN_CTS        0x800
#define NO_SYNC_SAMPLE 0x00010000
#define DEFAULT_BASE   0x020000

static const uint32_t rates[N_TRACKS] = {PLM_MUX_PICTURE_HZ, PLM_MUX_SOUND_HZ};

struct state {
    struct plm_finish_file *f;
    struct plm_sample_table tables[N_TRACKS]; /* by number of the track, from 1 */
    struct plm_blob head, moof;
    uint64_t place; /* where the empty box, later the mdat, begins; the first moov follows */
    uint64_t end;   /* behind the last whole fragment */
    uint32_t fragments;
};

/* One trun: samples of one track that follow one another. */
struct run {
    unsigned track;    /* index of its table */
    uint64_t time, at; /* in ticks; in the file */
    uint32_t n, tells;
    const uint8_t *entries;
};

/* ---- fragments ---- */

static size_t entry_size(uint32_t tells)
{
    return (tells & RUN_FLAGS ? 12 : 8);
}

/* The run's octets lie in the mdat that follows. `end` is behind that. */
static bool run_fits(const struct run *r, uint64_t mdat, uint64_t end)
{
    uint64_t at = r->at;
    if (at < mdat || at > end)
        return false;
    for (uint32_t i = 0; i < r->n; i++) {
        uint32_t size = plm_get32(r->entries + i * entry_size(r->tells) + 4);
        if (size > PLM_SAMPLE_MAX_LEN || size > end - at)
            return false;
        at += size;
    }
    return true;
}

static bool parse_trun(const struct plm_box *box, uint64_t moof, struct run *out)
{
    if (box->len < 12)
        return false;
    uint32_t flags = plm_get32(box->data) & 0xffffff;
    const uint32_t must = RUN_OFFSET | RUN_DURATION | RUN_SIZE;
    if ((flags & must) != must || flags & (RUN_FIRST | RUN_CTS))
        return false;
    out->tells = flags;
    out->n = plm_get32(box->data + 4);
    out->at = moof + plm_get32(box->data + 8);
    out->entries = box->data + 12;
    return out->n <= (box->len - 12) / entry_size(flags);
}

static bool parse_traf(const struct plm_box *traf, uint64_t moof, struct run *out)
{
    struct plm_box tfhd, tfdt, trun;
    if (!plm_box_find(traf->data, traf->len, PLM_BOX('t', 'f', 'h', 'd'), &tfhd) || tfhd.len < 8 ||
        !plm_box_find(traf->data, traf->len, PLM_BOX('t', 'f', 'd', 't'), &tfdt) || tfdt.len < 12 ||
        !plm_box_find(traf->data, traf->len, PLM_BOX('t', 'r', 'u', 'n'), &trun))
        return false;
    uint32_t track = plm_get32(tfhd.data + 4);
    if (!(plm_get32(tfhd.data) & DEFAULT_BASE) || track < 1 || track > N_TRACKS || tfdt.data[0] != 1)
        return false;
    out->track = track - 1;
    out->time = plm_get64(tfdt.data + 4);
    return parse_trun(&trun, moof, out);
}

/* @return how many runs, -1: this is no fragment of ours */
static int parse_moof(const struct state *s, uint64_t moof, uint64_t mdat, uint64_t end, struct run *runs)
{
    const uint8_t *p = s->moof.data + PLM_BOX_HEAD;
    size_t left = s->moof.len - PLM_BOX_HEAD;
    struct plm_box box;
    int n = 0;
    while (plm_box_next(&p, &left, &box)) {
        if (box.type != PLM_BOX('t', 'r', 'a', 'f'))
            continue;
        if (n == N_TRACKS || !parse_traf(&box, moof, &runs[n]) || !run_fits(&runs[n], mdat, end))
            return -1;
        if (!plm_sample_table_takes(&s->tables[runs[n].track], runs[n].time, runs[n].n) ||
            (n == 1 && runs[0].track == runs[1].track))
            return -1;
        n++;
    }
    return left == 0 ? n : -1;
}

/* The time that the fragment tells decides: until then the sample before it is shown. */
static int take_run(struct plm_sample_table *t, const struct run *r)
{
    if (r->n == 0)
        return 0;
    int rc = plm_sample_table_stretch(t, r->time);
    if (rc == 0)
        rc = plm_sample_table_chunk(t, r->at);
    for (uint32_t i = 0; i < r->n && rc == 0; i++) {
        const uint8_t *e = r->entries + i * entry_size(r->tells);
        bool keyframe = !(r->tells & RUN_FLAGS) || !(plm_get32(e + 8) & NO_SYNC_SAMPLE);
        rc = plm_sample_table_add(t, plm_get32(e + 4), plm_get32(e), keyframe);
    }
    return rc;
}

/* @return 0, PLM_EINVAL: no whole fragment begins at s->end, or an error */
static int take_fragment(struct state *s)
{
    uint8_t head[PLM_BOX_HEAD];
    struct run runs[N_TRACKS];
    uint64_t moof = s->end;
    int rc = plm_finish_read(s->f, moof, head, sizeof head);
    uint32_t size = rc ? 0 : plm_get32(head);
    if (rc || plm_get32(head + 4) != PLM_BOX('m', 'o', 'o', 'f') || size < PLM_BOX_HEAD || size > MAX_MOOF)
        return rc ? rc : PLM_EINVAL;
    rc = plm_finish_load(s->f, moof, size, &s->moof);
    if (rc == 0)
        rc = plm_finish_read(s->f, moof + size, head, sizeof head);
    if (rc || plm_get32(head + 4) != PLM_BOX('m', 'd', 'a', 't'))
        return rc ? rc : PLM_EINVAL;
    uint64_t mdat = moof + size, mdat_size = plm_get32(head);
    if (mdat_size < PLM_BOX_HEAD || mdat_size > s->f->size - mdat)
        return PLM_EINVAL;
    int n = parse_moof(s, moof, mdat + PLM_BOX_HEAD, mdat + mdat_size, runs);
    if (n < 0)
        return PLM_EINVAL;
    for (int i = 0; i < n && rc == 0; i++)
        rc = take_run(&s->tables[runs[i].track], &runs[i]);
    if (rc)
        return rc;
    s->end = mdat + mdat_size;
    s->fragments++;
    return 0;
}

/* ---- the moov that is appended ---- */

/* In the movie's ticks; what is begun counts, so that no player cuts a picture short. */
static uint64_t track_duration(const struct state *s, const struct plm_sample_table *t)
{
    uint32_t rate = rates[t - s->tables];
    return (t->duration * MOVIE_HZ + rate - 1) / rate;
}

static uint64_t movie_duration(const struct state *s)
{
    uint64_t longest = 0;
    for (unsigned i = 0; i < N_TRACKS; i++) {
        uint64_t duration = track_duration(s, &s->tables[i]);
        longest = duration > longest ? duration : longest;
    }
    return longest;
}

static void copy_box(struct plm_blob *o, const struct plm_box *box)
{
    size_t at = plm_box_begin(o, box->type);
    plm_blob_put(o, box->data, box->len);
    plm_box_end(o, at);
}

static void copy_with_duration(struct plm_blob *o, const struct plm_box *box, size_t where, uint64_t duration)
{
    size_t at = o->len;
    copy_box(o, box);
    if (!o->failed && box->len >= where + 8 && box->data[0] == 1)
        plm_put64(o->data + at + PLM_BOX_HEAD + where, duration);
}

/* Opus needs 80 ms before a place to play it well (Encapsulation of Opus in ISOBMFF, section 4.3.6.2): four packets of 20 ms. */
static void write_roll(struct plm_blob *o, uint32_t n)
{
    size_t at = plm_box_begin_full(o, PLM_BOX('s', 'g', 'p', 'd'), 1, 0);
    plm_blob_text(o, "roll");
    plm_blob_put32(o, 2);
    plm_blob_put32(o, 1);
    plm_blob_put16(o, (uint16_t)-4);
    plm_box_end(o, at);
    at = plm_box_begin_full(o, PLM_BOX('s', 'b', 'g', 'p'), 0, 0);
    plm_blob_text(o, "roll");
    plm_blob_put32(o, 1);
    plm_blob_put32(o, n);
    plm_blob_put32(o, 1);
    plm_box_end(o, at);
}

static bool holds_boxes(uint32_t type)
{
    return type == PLM_BOX('m', 'o', 'o', 'v') || type == PLM_BOX('t', 'r', 'a', 'k') ||
           type == PLM_BOX('m', 'd', 'i', 'a') || type == PLM_BOX('m', 'i', 'n', 'f') ||
           type == PLM_BOX('s', 't', 'b', 'l');
}

/* Which table the track fills; NULL: none, or nothing is in it, and a track without samples is left out. */
static const struct plm_sample_table *table_of(const struct state *s, const struct plm_box *trak)
{
    struct plm_box tkhd;
    if (!plm_box_find(trak->data, trak->len, PLM_BOX('t', 'k', 'h', 'd'), &tkhd) || tkhd.len < TKHD_TRACK + 4)
        return NULL;
    uint32_t track = plm_get32(tkhd.data + TKHD_TRACK);
    return track >= 1 && track <= N_TRACKS && s->tables[track - 1].n ? &s->tables[track - 1] : NULL;
}

/* The first moov again, without what speaks of fragments, with tables and durations. */
static void rewrite(const struct state *s, struct plm_blob *o, const struct plm_box *parent,
    const struct plm_sample_table *t, unsigned depth)
{
    const uint8_t *p = parent->data;
    size_t left = parent->len;
    struct plm_box box;
    size_t at = plm_box_begin(o, parent->type);
    while (plm_box_next(&p, &left, &box)) {
        const struct plm_sample_table *table = t;
        switch (box.type) {
        case PLM_BOX('m', 'v', 'e', 'x'):
        case PLM_BOX('s', 't', 't', 's'):
        case PLM_BOX('s', 't', 's', 'c'):
        case PLM_BOX('s', 't', 's', 'z'):
        case PLM_BOX('s', 't', 'c', 'o'):
            continue;
        case PLM_BOX('m', 'v', 'h', 'd'):
            copy_with_duration(o, &box, MVHD_DURATION, movie_duration(s));
            continue;
        case PLM_BOX('t', 'k', 'h', 'd'):
            copy_with_duration(o, &box, TKHD_DURATION, t ? track_duration(s, t) : 0);
            continue;
        case PLM_BOX('m', 'd', 'h', 'd'):
            copy_with_duration(o, &box, MDHD_DURATION, t ? t->duration : 0);
            continue;
        case PLM_BOX('t', 'r', 'a', 'k'):
            table = table_of(s, &box);
            if (!table)
                continue;
            break;
        default:
            break;
        }
        if (holds_boxes(box.type) && depth < MAX_DEPTH)
            rewrite(s, o, &box, table, depth + 1);
        else
            copy_box(o, &box);
    }
    if (parent->type == PLM_BOX('s', 't', 'b', 'l') && t) {
        plm_sample_table_write(t, o);
        if (t == &s->tables[PLM_TRACK_SOUND - 1])
            write_roll(o, t->n);
    }
    plm_box_end(o, at);
}

/* Append, make it last, and only then let the head speak of it. */
static int commit(struct state *s, const struct plm_blob *moov)
{
    uint8_t head[PLM_BOX_LARGE_HEAD];
    plm_put32(head, 1); /* the size follows in 64 bits */
    plm_put32(head + 4, PLM_BOX('m', 'd', 'a', 't'));
    plm_put64(head + 8, s->end - s->place);
    int rc = plm_finish_cut(s->f, s->end);
    if (rc == 0)
        rc = plm_finish_write(s->f, s->end, moov->data, moov->len);
    if (rc == 0)
        rc = plm_finish_sync(s->f);
    if (rc == 0)
        rc = plm_finish_write(s->f, s->place, head, sizeof head);
    return rc ? rc : plm_finish_sync(s->f);
}

static void hold(struct state *s, int64_t hold_us)
{
    struct plm_sample_table *t = &s->tables[PLM_TRACK_PICTURE - 1];
    uint64_t until = hold_us > 0 ? (uint64_t)plm_mux_picture_ticks(hold_us) : 0;
    if (t->n && until > plm_sample_table_last(t))
        plm_sample_table_stretch(
            t, until); /* fails when that is out of range: then it stays as it was written */
}

/* ---- is every sample where a moov says? ---- */

static int check_trak(const struct plm_box *trak, uint64_t from, uint64_t to, struct plm_finish_result *out)
{
    struct plm_box tkhd, box = *trak;
    static const uint32_t way[] = {
        PLM_BOX('m', 'd', 'i', 'a'), PLM_BOX('m', 'i', 'n', 'f'), PLM_BOX('s', 't', 'b', 'l')};
    uint64_t ticks;
    uint32_t n;
    if (!plm_box_find(trak->data, trak->len, PLM_BOX('t', 'k', 'h', 'd'), &tkhd) || tkhd.len < TKHD_TRACK + 4)
        return PLM_EINVAL;
    uint32_t track = plm_get32(tkhd.data + TKHD_TRACK);
    for (unsigned i = 0; i < sizeof way / sizeof way[0]; i++)
        if (!plm_box_find(box.data, box.len, way[i], &box))
            return PLM_EINVAL;
    if (track < 1 || track > N_TRACKS || plm_sample_table_check(box.data, box.len, from, to, &ticks, &n) != 0)
        return PLM_EINVAL;
    out->picture |= n && track == PLM_TRACK_PICTURE;
    out->sound |= n && track == PLM_TRACK_SOUND;
    if (ticks > UINT64_MAX / 1000000)
        return PLM_EINVAL;
    int64_t us = (int64_t)(ticks * 1000000 / rates[track - 1]);
    out->duration_us = us > out->duration_us ? us : out->duration_us;
    return 0;
}

/* @param data what is in the moov; samples have to lie in front of `end` */
static int check_moov(
    const struct state *s, const uint8_t *data, size_t len, uint64_t end, struct plm_finish_result *out)
{
    struct plm_box box;
    int rc = 0;
    while (rc == 0 && plm_box_next(&data, &len, &box))
        if (box.type == PLM_BOX('t', 'r', 'a', 'k'))
            rc = check_trak(&box, s->place + PLM_BOX_LARGE_HEAD, end, out);
    out->usable = rc == 0 && len == 0 && (out->picture || out->sound);
    return rc == 0 && !out->usable ? PLM_EINVAL : rc;
}

/* Should the first moov be damaged, so is what was made of it: better found out before it is written than when somebody plays it. */
static int check_built(
    const struct state *s, const struct plm_blob *moov, const struct plm_finish_result *want)
{
    struct plm_finish_result built = {0};
    int rc = check_moov(s, moov->data + PLM_BOX_HEAD, moov->len - PLM_BOX_HEAD, s->end, &built);
    return rc ? rc : built.picture == want->picture && built.sound == want->sound ? 0 : PLM_EINVAL;
}

static int finish_fragments(struct state *s, int64_t hold_us, struct plm_finish_result *out)
{
    struct plm_blob moov = {0};
    struct plm_box first = {.type = PLM_BOX('m', 'o', 'o', 'v'),
        .data = s->head.data + PLM_BOX_HEAD,
        .len = s->head.len - PLM_BOX_HEAD};
    int rc;
    while ((rc = take_fragment(s)) == 0)
        ;
    if (rc != PLM_EINVAL)
        return rc;
    out->cut_bytes = s->f->size - s->end;
    out->fragments = s->fragments;
    out->picture = s->tables[PLM_TRACK_PICTURE - 1].n > 0;
    out->sound = s->tables[PLM_TRACK_SOUND - 1].n > 0;
    out->usable = out->picture || out->sound;
    if (!out->usable)
        return 0;
    hold(s, hold_us);
    rewrite(s, &moov, &first, NULL, 0);
    rc = moov.failed ? PLM_ENOMEM : check_built(s, &moov, out);
    if (rc == 0 && s->f->write)
        rc = commit(s, &moov);
    out->usable = rc == 0;
    out->duration_us = (int64_t)movie_duration(s) * (1000000 / MOVIE_HZ);
    out->bytes = s->end + moov.len;
    plm_blob_free(&moov);
    return rc;
}

/* ---- a finished file ---- */

/* Is there a moov that begins where the mdat ends, and ends where the file does? */
static bool is_finished(const struct state *s, uint32_t type, uint64_t mdat_size)
{
    uint8_t head[PLM_BOX_HEAD];
    if (type != PLM_BOX('m', 'd', 'a', 't') || mdat_size <= PLM_BOX_LARGE_HEAD ||
        mdat_size > s->f->size - s->place)
        return false;
    uint64_t end = s->place + mdat_size;
    return plm_finish_read(s->f, end, head, sizeof head) == 0 && plm_get32(head) == s->f->size - end &&
           plm_get32(head + 4) == PLM_BOX('m', 'o', 'o', 'v');
}

static int check_finished(struct state *s, uint64_t mdat_size, struct plm_finish_result *out)
{
    uint64_t end = s->place + mdat_size, size = s->f->size - end;
    int rc = size <= MAX_MOOV ? plm_finish_load(s->f, end, size, &s->head) : PLM_EINVAL;
    out->bytes = s->f->size;
    return rc ? rc : check_moov(s, s->head.data + PLM_BOX_HEAD, s->head.len - PLM_BOX_HEAD, end, out);
}

static int run(struct state *s, int64_t hold_us, struct plm_finish_result *out)
{
    uint8_t head[PLM_BOX_LARGE_HEAD + PLM_BOX_HEAD];
    struct plm_box mvex;
    int rc = plm_finish_read(s->f, 0, head, PLM_BOX_HEAD);
    s->place = rc ? 0 : plm_get32(head);
    if (rc || s->place < PLM_BOX_HEAD || s->place > MAX_FTYP)
        return rc ? rc : PLM_EINVAL;
    rc = plm_finish_read(s->f, s->place, head, sizeof head);
    if (rc)
        return rc;
    uint64_t mdat_size = plm_get64(head + 8), moov = s->place + PLM_BOX_LARGE_HEAD;
    if (is_finished(s, plm_get32(head + 4), mdat_size))
        return check_finished(s, mdat_size, out);
    /* What the place holds else does not matter: a crash may have torn the write to it. */
    uint32_t size = plm_get32(head + PLM_BOX_LARGE_HEAD);
    if (plm_get32(head) != 1 || plm_get32(head + PLM_BOX_LARGE_HEAD + 4) != PLM_BOX('m', 'o', 'o', 'v') ||
        size < PLM_BOX_HEAD || size > MAX_HEAD)
        return PLM_EINVAL;
    rc = plm_finish_load(s->f, moov, size, &s->head);
    if (rc)
        return rc;
    if (!plm_box_find(
            s->head.data + PLM_BOX_HEAD, s->head.len - PLM_BOX_HEAD, PLM_BOX('m', 'v', 'e', 'x'), &mvex))
        return PLM_EINVAL; /* not written in fragments */
    s->end = moov + size;
    return finish_fragments(s, hold_us, out);
}

int plm_finish_mp4(struct plm_finish_file *f, int64_t hold_us, struct plm_finish_result *out)
{
    struct state s = {.f = f};
    int rc = run(&s, hold_us, out);
    for (unsigned i = 0; i < N_TRACKS; i++)
        plm_sample_table_free(&s.tables[i]);
    plm_blob_free(&s.head);
    plm_blob_free(&s.moof);
    return rc;
}
