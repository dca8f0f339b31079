#include "base/bytes.h"
#include "mp4_box.h"
#include "mp4_entry.h"
#include "mux_internal.h"

#define MOVIE_HZ      1000
#define SINCE_1904_S  UINT64_C(2082844800) /* 14496-12 counts from 1904, UTC from 1970 */
#define ONE           0x00010000           /* 16.16 */
#define MINUS         0xffff0000           /* 16.16, -1 */
#define UNIT          0x40000000           /* 2.30 */
#define UND           0x55c4               /* language: undetermined */
#define DEFAULT_BASE  0x020000             /* tfhd: default-base-is-moof */
#define DEFAULT_FLAGS 0x20
#define RUN_OFFSET    0x001 /* trun: what it tells */
#define RUN_DURATION  0x100
#define RUN_SIZE      0x200
#define RUN_FLAGS     0x400
#define NO_KEYFRAME   0x01010000 /* depends on others, is no sync sample */
#define KEYFRAME      0x02000000 /* depends on none */

static uint64_t created(const struct plm_mux *m)
{
    return m->config.unix_ms / 1000 + SINCE_1904_S;
}

static void put_matrix(struct plm_blob *o, const uint32_t matrix[9])
{
    for (unsigned i = 0; i < 9; i++)
        plm_blob_put32(o, matrix[i]);
}

static const uint32_t straight[9] = {ONE, 0, 0, 0, ONE, 0, 0, 0, UNIT};

/* Turned clockwise; the last two rows move the picture back to where it was (14496-12 section 6.2.2). */
static void put_rotation(struct plm_blob *o, const struct plm_writer_track_config *c)
{
    const uint32_t w = (uint32_t)c->width << 16, h = (uint32_t)c->height << 16;
    const uint32_t turn[4][9] = {
        {ONE, 0, 0, 0, ONE, 0, 0, 0, UNIT},
        {0, ONE, 0, MINUS, 0, 0, h, 0, UNIT},
        {MINUS, 0, 0, 0, MINUS, 0, w, h, UNIT},
        {0, MINUS, 0, ONE, 0, 0, 0, w, UNIT},
    };
    put_matrix(o, turn[c->rotation / 90 % 4]);
}

static void write_ftyp(struct plm_blob *o)
{
    size_t at = plm_box_begin(o, PLM_BOX('f', 't', 'y', 'p'));
    plm_blob_text(o, "isom");
    plm_blob_put32(o, 0x200);
    plm_blob_text(o, "isomiso6mp41");
    plm_box_end(o, at);
}

/* An empty box that finishing makes the mdat: its size covers moov and fragments then. */
static void write_place(struct plm_blob *o)
{
    plm_blob_put32(o, 1);
    plm_blob_text(o, "free");
    plm_blob_put64(o, PLM_BOX_LARGE_HEAD);
}

static void write_mvhd(struct plm_blob *o, const struct plm_mux *m)
{
    size_t at = plm_box_begin_full(o, PLM_BOX('m', 'v', 'h', 'd'), 1, 0);
    plm_blob_put64(o, created(m));
    plm_blob_put64(o, created(m));
    plm_blob_put32(o, MOVIE_HZ);
    plm_blob_put64(o, 0); /* duration: not known yet */
    plm_blob_put32(o, ONE);
    plm_blob_put16(o, 0x0100);
    plm_blob_zero(o, 10);
    put_matrix(o, straight);
    plm_blob_zero(o, 24);
    plm_blob_put32(o, 3); /* next_track_ID */
    plm_box_end(o, at);
}

static void write_tkhd(struct plm_blob *o, const struct plm_mux *m, bool sound)
{
    size_t at = plm_box_begin_full(o, PLM_BOX('t', 'k', 'h', 'd'), 1, 3); /* enabled, in the movie */
    plm_blob_put64(o, created(m));
    plm_blob_put64(o, created(m));
    plm_blob_put32(o, sound ? PLM_TRACK_SOUND : PLM_TRACK_PICTURE);
    plm_blob_put32(o, 0);
    plm_blob_put64(o, 0);
    plm_blob_zero(o, 10);
    plm_blob_put16(o, 0);
    plm_blob_put16(o, sound ? 0x0100 : 0); /* volume */
    plm_blob_zero(o, 2);
    if (sound)
        put_matrix(o, straight);
    else
        put_rotation(o, &m->config);
    plm_blob_put32(o, sound ? 0 : (uint32_t)m->config.width << 16);
    plm_blob_put32(o, sound ? 0 : (uint32_t)m->config.height << 16);
    plm_box_end(o, at);
}

static void write_hdlr(struct plm_blob *o, const char *type, const char *name)
{
    size_t at = plm_box_begin_full(o, PLM_BOX('h', 'd', 'l', 'r'), 0, 0);
    plm_blob_put32(o, 0);
    plm_blob_text(o, type);
    plm_blob_zero(o, 12);
    plm_blob_text(o, name);
    plm_blob_put8(o, 0);
    plm_box_end(o, at);
}

static void write_mdhd(struct plm_blob *o, const struct plm_mux *m, bool sound)
{
    size_t at = plm_box_begin_full(o, PLM_BOX('m', 'd', 'h', 'd'), 1, 0);
    plm_blob_put64(o, created(m));
    plm_blob_put64(o, created(m));
    plm_blob_put32(o, sound ? PLM_MUX_SOUND_HZ : PLM_MUX_PICTURE_HZ);
    plm_blob_put64(o, 0);
    plm_blob_put16(o, UND);
    plm_blob_put16(o, 0);
    plm_box_end(o, at);
}

static void write_dinf(struct plm_blob *o)
{
    size_t dinf = plm_box_begin(o, PLM_BOX('d', 'i', 'n', 'f'));
    size_t dref = plm_box_begin_full(o, PLM_BOX('d', 'r', 'e', 'f'), 0, 0);
    plm_blob_put32(o, 1);
    plm_box_end(o, plm_box_begin_full(o, PLM_BOX('u', 'r', 'l', ' '), 0, 1)); /* in this file */
    plm_box_end(o, dref);
    plm_box_end(o, dinf);
}

/* A sample table without samples: they are in the fragments. finish_mp4.c fills it. */
static void write_stbl(struct plm_blob *o, const struct plm_mux *m, bool sound)
{
    static const uint32_t empty[] = {
        PLM_BOX('s', 't', 't', 's'), PLM_BOX('s', 't', 's', 'c'), PLM_BOX('s', 't', 'c', 'o')};
    size_t stbl = plm_box_begin(o, PLM_BOX('s', 't', 'b', 'l'));
    size_t stsd = plm_box_begin_full(o, PLM_BOX('s', 't', 's', 'd'), 0, 0);
    plm_blob_put32(o, 1);
    if (sound)
        plm_mp4_entry_sound(o);
    else
        plm_mp4_entry_picture(o, &m->config);
    plm_box_end(o, stsd);
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        size_t at = plm_box_begin_full(o, empty[i], 0, 0);
        plm_blob_put32(o, 0);
        plm_box_end(o, at);
    }
    size_t stsz = plm_box_begin_full(o, PLM_BOX('s', 't', 's', 'z'), 0, 0);
    plm_blob_put64(o, 0);
    plm_box_end(o, stsz);
    plm_box_end(o, stbl);
}

static void write_trak(struct plm_blob *o, const struct plm_mux *m, bool sound)
{
    const char *name = m->config.title[0] ? m->config.title : sound ? "Sound" : "Picture";
    size_t trak = plm_box_begin(o, PLM_BOX('t', 'r', 'a', 'k'));
    write_tkhd(o, m, sound);
    size_t mdia = plm_box_begin(o, PLM_BOX('m', 'd', 'i', 'a'));
    write_mdhd(o, m, sound);
    write_hdlr(o, sound ? "soun" : "vide", name);
    size_t minf = plm_box_begin(o, PLM_BOX('m', 'i', 'n', 'f'));
    size_t head = sound ? plm_box_begin_full(o, PLM_BOX('s', 'm', 'h', 'd'), 0, 0)
                        : plm_box_begin_full(o, PLM_BOX('v', 'm', 'h', 'd'), 0, 1);
    plm_blob_zero(o, sound ? 4 : 8);
    plm_box_end(o, head);
    write_dinf(o);
    write_stbl(o, m, sound);
    plm_box_end(o, minf);
    plm_box_end(o, mdia);
    plm_box_end(o, trak);
}

static void write_trex(struct plm_blob *o, uint32_t track)
{
    size_t at = plm_box_begin_full(o, PLM_BOX('t', 'r', 'e', 'x'), 0, 0);
    plm_blob_put32(o, track);
    plm_blob_put32(o, 1);
    plm_blob_zero(o, 12);
    plm_box_end(o, at);
}

/* One text of the list that iTunes began and every player reads. */
static void write_text(struct plm_blob *o, uint32_t type, const char *text)
{
    if (!text[0])
        return;
    size_t item = plm_box_begin(o, type);
    size_t data = plm_box_begin_full(o, PLM_BOX('d', 'a', 't', 'a'), 0, 1); /* UTF-8 */
    plm_blob_put32(o, 0);
    plm_blob_text(o, text);
    plm_box_end(o, data);
    plm_box_end(o, item);
}

static void write_udta(struct plm_blob *o, const struct plm_mux *m)
{
    size_t udta = plm_box_begin(o, PLM_BOX('u', 'd', 't', 'a'));
    size_t meta = plm_box_begin_full(o, PLM_BOX('m', 'e', 't', 'a'), 0, 0);
    write_hdlr(o, "mdir", "");
    size_t ilst = plm_box_begin(o, PLM_BOX('i', 'l', 's', 't'));
    write_text(o, PLM_BOX(0xa9, 'n', 'a', 'm'), m->config.title);
    write_text(o, PLM_BOX(0xa9, 'c', 'm', 't'), m->config.comment);
    write_text(o, PLM_BOX(0xa9, 't', 'o', 'o'), "Plenum " PLM_VERSION);
    plm_box_end(o, ilst);
    plm_box_end(o, meta);
    plm_box_end(o, udta);
}

void plm_mux_mp4_head(const struct plm_mux *m, struct plm_blob *o)
{
    bool picture = m->config.video != PLM_CODEC_NONE;
    write_ftyp(o);
    write_place(o);
    size_t moov = plm_box_begin(o, PLM_BOX('m', 'o', 'o', 'v'));
    write_mvhd(o, m);
    if (picture)
        write_trak(o, m, false);
    if (m->config.sound)
        write_trak(o, m, true);
    size_t mvex = plm_box_begin(o, PLM_BOX('m', 'v', 'e', 'x'));
    if (picture)
        write_trex(o, PLM_TRACK_PICTURE);
    if (m->config.sound)
        write_trex(o, PLM_TRACK_SOUND);
    plm_box_end(o, mvex);
    write_udta(o, m);
    plm_box_end(o, moov);
}

static void begin_traf(struct plm_blob *o, uint32_t track, uint64_t ticks)
{
    size_t tfhd = plm_box_begin_full(o, PLM_BOX('t', 'f', 'h', 'd'), 0, DEFAULT_BASE | DEFAULT_FLAGS);
    plm_blob_put32(o, track);
    plm_blob_put32(o, KEYFRAME);
    plm_box_end(o, tfhd);
    size_t tfdt = plm_box_begin_full(o, PLM_BOX('t', 'f', 'd', 't'), 1, 0);
    plm_blob_put64(o, ticks);
    plm_box_end(o, tfdt);
}

/* @return where the offset of its data is to be written */
static size_t begin_trun(struct plm_blob *o, uint32_t tells, size_t n)
{
    plm_box_begin_full(o, PLM_BOX('t', 'r', 'u', 'n'), 0, tells | RUN_OFFSET);
    plm_blob_put32(o, (uint32_t)n);
    size_t offset = o->len;
    plm_blob_put32(o, 0);
    return offset;
}

/*
 * How long the last picture is held shows only when the next one comes, perhaps in another fragment: it is written with the step before it, and the time of
 * the next fragment's first picture says what is true. Finishing goes by that.
 */
static size_t write_pictures(struct plm_mux *m, struct plm_blob *o)
{
    const struct plm_mux_run *r = &m->picture;
    size_t traf = plm_box_begin(o, PLM_BOX('t', 'r', 'a', 'f'));
    begin_traf(o, PLM_TRACK_PICTURE, (uint64_t)plm_mux_picture_ticks(r->entries[0].time_us));
    size_t trun = o->len, offset = begin_trun(o, RUN_DURATION | RUN_SIZE | RUN_FLAGS, r->n);
    for (size_t i = 0; i < r->n; i++) {
        const struct plm_mux_entry *e = &r->entries[i];
        if (i + 1 < r->n)
            m->picture_step =
                (uint32_t)(plm_mux_picture_ticks(e[1].time_us) - plm_mux_picture_ticks(e->time_us));
        plm_blob_put32(o, m->picture_step);
        plm_blob_put32(o, e->len);
        plm_blob_put32(o, e->keyframe ? KEYFRAME : NO_KEYFRAME);
    }
    plm_box_end(o, trun);
    plm_box_end(o, traf);
    return offset;
}

static size_t write_sound(const struct plm_mux *m, struct plm_blob *o)
{
    const struct plm_mux_run *r = &m->sound;
    size_t traf = plm_box_begin(o, PLM_BOX('t', 'r', 'a', 'f'));
    begin_traf(o, PLM_TRACK_SOUND, m->cut_ticks);
    size_t trun = o->len, offset = begin_trun(o, RUN_DURATION | RUN_SIZE, r->n);
    for (size_t i = 0; i < r->n; i++) {
        plm_blob_put32(o, r->entries[i].ticks);
        plm_blob_put32(o, r->entries[i].len);
    }
    plm_box_end(o, trun);
    plm_box_end(o, traf);
    return offset;
}

/* The run whose offset waits at `at` begins where o ends now. */
static void append_run(struct plm_blob *o, size_t moof, size_t at, const struct plm_mux_run *r)
{
    if (o->failed || r->n == 0)
        return;
    plm_put32(o->data + at, (uint32_t)(o->len - moof));
    plm_blob_put(o, r->octets.data, r->octets.len);
}

void plm_mux_mp4_fragment(struct plm_mux *m, struct plm_blob *o)
{
    size_t picture = 0, sound = 0;
    size_t moof = plm_box_begin(o, PLM_BOX('m', 'o', 'o', 'f'));
    size_t mfhd = plm_box_begin_full(o, PLM_BOX('m', 'f', 'h', 'd'), 0, 0);
    plm_blob_put32(o, ++m->n_fragments);
    plm_box_end(o, mfhd);
    if (m->picture.n)
        picture = write_pictures(m, o);
    if (m->sound.n)
        sound = write_sound(m, o);
    plm_box_end(o, moof);
    size_t mdat = plm_box_begin(o, PLM_BOX('m', 'd', 'a', 't'));
    append_run(o, moof, picture, &m->picture);
    append_run(o, moof, sound, &m->sound);
    plm_box_end(o, mdat);
}
