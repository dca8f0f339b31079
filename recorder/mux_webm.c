#include <string.h>

#include "base/bytes.h"
#include "ebml.h"
#include "mux_internal.h"
#include "webm_head.h"

#define UNIX_TO_2001_MS INT64_C(978307200000) /* RFC 8794 section 7.6: dates count from 2001 */
#define SEEK_PREROLL_NS 80000000              /* RFC 7845 section 4.6 */
#define TYPE_VIDEO      1
#define TYPE_AUDIO      2
#define KEYFRAME        0x80 /* flags of a SimpleBlock */

static void write_seek(struct plm_blob *o, uint32_t id, uint64_t position)
{
    uint8_t octets[4];
    plm_put32(octets, id);
    size_t seek = plm_ebml_begin(o, PLM_WEBM_SEEK);
    plm_ebml_binary(o, PLM_WEBM_SEEK_ID, octets, sizeof octets);
    plm_ebml_uint(o, PLM_WEBM_SEEK_POSITION, position);
    plm_ebml_end(o, seek);
}

void plm_webm_write_places(struct plm_blob *o, const struct plm_webm_places *places)
{
    plm_ebml_head(o, PLM_WEBM_SEGMENT, places->segment_size);
    if (places->cues_at) {
        size_t at = plm_ebml_begin(o, PLM_WEBM_SEEK_HEAD);
        write_seek(o, PLM_WEBM_INFO, PLM_WEBM_SEEK_HEAD_SIZE);
        write_seek(o, PLM_WEBM_TRACKS, places->tracks_at);
        write_seek(o, PLM_WEBM_TAGS, places->tags_at);
        write_seek(o, PLM_WEBM_CUES, places->cues_at);
        plm_ebml_end(o, at);
    } else {
        plm_ebml_void(o, PLM_WEBM_SEEK_HEAD_SIZE);
    }
    plm_ebml_head(o, PLM_WEBM_INFO, places->info_size);
    if (places->duration_ms > 0)
        plm_ebml_float(o, PLM_WEBM_DURATION, places->duration_ms);
    else
        plm_ebml_void(o, PLM_WEBM_DURATION_SIZE);
}

static void write_ebml_head(struct plm_blob *o)
{
    size_t at = plm_ebml_begin(o, PLM_EBML_HEAD);
    plm_ebml_uint(o, 0x4286, 1); /* EBMLVersion, EBMLReadVersion, EBMLMaxIDLength, EBMLMaxSizeLength */
    plm_ebml_uint(o, 0x42f7, 1);
    plm_ebml_uint(o, 0x42f2, 4);
    plm_ebml_uint(o, 0x42f3, 8);
    plm_ebml_text(o, 0x4282, "webm");
    plm_ebml_uint(o, 0x4287, 4); /* DocTypeVersion, DocTypeReadVersion */
    plm_ebml_uint(o, 0x4285, 2);
    plm_ebml_end(o, at);
}

static void write_rest_of_info(struct plm_blob *o, const struct plm_writer_track_config *c)
{
    plm_ebml_uint(o, PLM_WEBM_TIMESTAMP_SCALE, PLM_WEBM_TICK_US * 1000);
    plm_ebml_uint(o, PLM_WEBM_DATE, (uint64_t)(((int64_t)c->unix_ms - UNIX_TO_2001_MS) * 1000000));
    if (c->title[0])
        plm_ebml_text(o, PLM_WEBM_TITLE, c->title);
    plm_ebml_text(o, PLM_WEBM_MUXING_APP, "Plenum " PLM_VERSION);
    plm_ebml_text(o, PLM_WEBM_WRITING_APP, "Plenum " PLM_VERSION);
}

static void write_video(struct plm_blob *o, const struct plm_writer_track_config *c)
{
    size_t video = plm_ebml_begin(o, PLM_WEBM_VIDEO);
    plm_ebml_uint(o, PLM_WEBM_WIDTH, c->width);
    plm_ebml_uint(o, PLM_WEBM_HEIGHT, c->height);
    if (c->rotation) {
        size_t projection = plm_ebml_begin(o, PLM_WEBM_PROJECTION);
        plm_ebml_uint(o, PLM_WEBM_PROJECTION_TYPE, 0);
        /* RFC 9559 section 5.1.4.1.28.46: counter-clockwise, -180 to 180 */
        plm_ebml_float(o, PLM_WEBM_POSE_ROLL, c->rotation == 270 ? 90 : -(double)c->rotation);
        plm_ebml_end(o, projection);
    }
    plm_ebml_end(o, video);
}

static void write_audio(struct plm_blob *o)
{
    static const uint8_t head[19] = {
        'O', 'p', 'u', 's', 'H', 'e', 'a', 'd', 1, 2, 0, 0, 0x80, 0xbb}; /* RFC 7845 section 5.1 */
    plm_ebml_binary(o, PLM_WEBM_CODEC_PRIVATE, head, sizeof head);
    plm_ebml_uint(o, PLM_WEBM_CODEC_DELAY, 0);
    plm_ebml_uint(o, PLM_WEBM_SEEK_PREROLL, SEEK_PREROLL_NS);
    size_t audio = plm_ebml_begin(o, PLM_WEBM_AUDIO);
    plm_ebml_float(o, PLM_WEBM_SAMPLING, PLM_MUX_SOUND_HZ);
    plm_ebml_uint(o, PLM_WEBM_CHANNELS, 2);
    plm_ebml_end(o, audio);
}

static void write_track(struct plm_blob *o, const struct plm_writer_track_config *c, bool sound)
{
    uint32_t number = sound ? PLM_TRACK_SOUND : PLM_TRACK_PICTURE;
    size_t track = plm_ebml_begin(o, PLM_WEBM_TRACK);
    plm_ebml_uint(o, PLM_WEBM_TRACK_NUMBER, number);
    plm_ebml_uint(o, PLM_WEBM_TRACK_UID, number);
    plm_ebml_uint(o, PLM_WEBM_TRACK_TYPE, sound ? TYPE_AUDIO : TYPE_VIDEO);
    plm_ebml_uint(o, PLM_WEBM_LACING, 0);
    plm_ebml_text(o, PLM_WEBM_LANGUAGE, "und");
    if (c->title[0])
        plm_ebml_text(o, PLM_WEBM_TRACK_NAME, c->title);
    plm_ebml_text(o, PLM_WEBM_CODEC_ID, sound ? "A_OPUS" : "V_VP8");
    if (sound)
        write_audio(o);
    else
        write_video(o, c);
    plm_ebml_end(o, track);
}

static void write_tag(struct plm_blob *o, const char *name, const char *text)
{
    size_t tag = plm_ebml_begin(o, PLM_WEBM_SIMPLE_TAG);
    plm_ebml_text(o, PLM_WEBM_TAG_NAME, name);
    plm_ebml_text(o, PLM_WEBM_TAG_STRING, text);
    plm_ebml_end(o, tag);
}

static void write_tags(struct plm_blob *o, const struct plm_writer_track_config *c)
{
    size_t tags = plm_ebml_begin(o, PLM_WEBM_TAGS);
    size_t tag = plm_ebml_begin(o, PLM_WEBM_TAG);
    plm_ebml_end(o, plm_ebml_begin(o, PLM_WEBM_TARGETS)); /* all of the file */
    write_tag(o, "ENCODER", "Plenum " PLM_VERSION);
    if (c->comment[0])
        write_tag(o, "COMMENT", c->comment);
    plm_ebml_end(o, tag);
    plm_ebml_end(o, tags);
}

void plm_mux_webm_head(const struct plm_mux *m, struct plm_blob *o)
{
    const struct plm_writer_track_config *c = &m->config;
    struct plm_blob info = {0};
    write_rest_of_info(&info, c);
    write_ebml_head(o);
    plm_webm_write_places(o, &(struct plm_webm_places){.segment_size = PLM_EBML_UNKNOWN,
                                 .info_size = PLM_WEBM_DURATION_SIZE + info.len});
    plm_blob_put(o, info.data, info.len);
    o->failed |= info.failed;
    plm_blob_free(&info);
    size_t tracks = plm_ebml_begin(o, PLM_WEBM_TRACKS);
    write_track(o, c, false);
    if (c->sound)
        write_track(o, c, true);
    plm_ebml_end(o, tracks);
    write_tags(o, c);
}

/* ---- clusters ---- */

/* Takes the samples of both kinds in order of time; a key frame comes first whatever its time (finish_webm.c). */
struct merge {
    const struct plm_mux_run *runs[2]; /* picture, sound */
    size_t next[2], octets[2];
};

static int choose(const struct merge *g)
{
    const struct plm_mux_run *picture = g->runs[0], *sound = g->runs[1];
    if (g->next[0] == picture->n || g->next[1] == sound->n)
        return g->next[0] == picture->n;
    const struct plm_mux_entry *p = &picture->entries[g->next[0]], *s = &sound->entries[g->next[1]];
    return !p->keyframe && s->time_us < p->time_us;
}

static void write_block(
    struct plm_blob *o, const struct plm_mux_entry *e, const uint8_t *data, unsigned track, int64_t relative)
{
    relative = relative < INT16_MIN ? INT16_MIN : relative;
    plm_ebml_head(o, PLM_WEBM_SIMPLE_BLOCK, 4 + (uint64_t)e->len);
    plm_blob_put8(o, (uint8_t)(0x80 | track));
    plm_blob_put16(o, (uint16_t)(int16_t)relative);
    plm_blob_put8(o, e->keyframe ? KEYFRAME : 0);
    plm_blob_put(o, data, e->len);
}

static size_t begin_cluster(struct plm_mux *m, struct plm_blob *o, int64_t ms)
{
    m->cluster_ms = ms > m->cluster_ms ? ms : m->cluster_ms; /* clusters never go back in time, blocks may */
    m->n_fragments++;
    size_t at = plm_ebml_begin(o, PLM_WEBM_CLUSTER);
    plm_ebml_uint(o, PLM_WEBM_TIMESTAMP, (uint64_t)m->cluster_ms);
    return at;
}

void plm_mux_webm_cluster(struct plm_mux *m, struct plm_blob *o)
{
    struct merge g = {.runs = {&m->picture, &m->sound}};
    bool open = false;
    size_t cluster = 0;
    while (g.next[0] < m->picture.n || g.next[1] < m->sound.n) {
        int kind = choose(&g);
        const struct plm_mux_entry *e = &g.runs[kind]->entries[g.next[kind]++];
        int64_t ms = e->time_us / PLM_WEBM_TICK_US;
        if (open && ms - m->cluster_ms > INT16_MAX) {
            plm_ebml_end(o, cluster);
            open = false;
        }
        if (!open)
            cluster = begin_cluster(m, o, ms);
        open = true;
        write_block(o, e, g.runs[kind]->octets.data + g.octets[kind],
            kind ? PLM_TRACK_SOUND : PLM_TRACK_PICTURE, ms - m->cluster_ms);
        g.octets[kind] += e->len;
    }
    plm_ebml_end(o, cluster);
}
