/*
 * Spatial and temporal layers in one stream, VP9 by its payload descriptor and AV1 by dependency descriptor: a made-up encoder's packets, out of order, twice and late, through the selector and the
 * map, with ten thousand switches. Afterwards every forwarded frame is whole, all that it refers to was forwarded, and the marker stands where
 * a picture ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../fakes/frame_source.h"
#include "dd_writer.h"
#include "layer_select.h"
#include "seq_map.h"

#define SWITCHES     10000
#define MAX_PICTURES 400000
#define SPATIAL      3
#define TICKS        3000
#define ARRIVAL_US   40000 /* not the time of TICKS: each segment gets a timestamp offset of its own */
#define FLIGHTS      512   /* under way at once, at most */

enum mode {
    L1T3,
    L3T3,
    L3T3_KEY,
};

/** A layer frame and what became of it. */
struct layer_frame {
    uint8_t n_packets, sent; /* sent: bit per packet */
};

struct picture {
    struct layer_frame of[SPATIAL];
    uint32_t refs[2]; /* pictures, of the same spatial layer */
    uint8_t n_refs, n_sids, tid;
    bool key, up;
    uint64_t first_seq;
    uint32_t first_frame; /* frames are counted through all layers */
    uint8_t structure;    /* first id of the templates that hold for it */
};

struct flight {
    uint64_t due; /* picture times */
    uint32_t picture;
    uint8_t sid, at;
};

struct sent_packet {
    uint64_t out_seq;
    uint64_t ts_offset; /* of its segment */
    uint32_t picture;
    uint16_t picture_out; /* of AV1 the frame number */
    uint8_t sid;
    bool marker, fill;
};

struct scene {
    enum plm_codec codec;
    enum mode mode;
    unsigned late, duplicate; /* per mille */
    uint64_t seed;
    struct picture *pictures;
    uint32_t n_pictures, last[3]; /* by temporal layer */
    bool any_of[3], open_group;
    unsigned position, key_in;
    uint64_t next_seq;
    struct flight flights[FLIGHTS];
    unsigned n_flights;
    struct plm_layer_select layers;
    struct plm_seq_map *map;
    struct sent_packet *sent;
    size_t n_sent;
    unsigned switches, spatial_up, spatial_down;
    uint32_t next_frame, last_key;
    struct plm_dd_states dd;
};

static struct plm_pkt pkt;

/* ---- the encoder ---- */

static void add_ref(const struct scene *s, struct picture *p, unsigned tid)
{
    if (s->any_of[tid])
        p->refs[p->n_refs++] = s->last[tid];
}

/** Order 0 2 1 2. Pictures of an open group refer to higher layers of the group before it too. */
static void make_picture(struct scene *s, bool key)
{
    static const uint8_t order[] = {0, 2, 1, 2};
    assert_true(s->n_pictures < MAX_PICTURES);
    struct picture *p = &s->pictures[s->n_pictures];
    if (key) {
        s->position = 0;
        memset(s->any_of, 0, sizeof s->any_of);
    }
    p->key = key;
    p->tid = order[s->position];
    if (p->tid == 0)
        s->open_group = !key && fs_chance(&s->seed, 500);
    p->up = (p->tid == 0 && !s->open_group) || p->tid == 1;
    unsigned layers = s->mode == L1T3 ? 1 : SPATIAL;
    /* An encoder that lacks bandwidth leaves out the highest. */
    p->n_sids = key ? (uint8_t)(fs_chance(&s->seed, 200) ? 1 + fs_random(&s->seed) % layers : layers)
                    : s->pictures[s->n_pictures - 1].n_sids;
    if (!key)
        add_ref(s, p, s->position == 3 ? 1 : 0);
    if (p->tid > 0 && s->open_group && s->position < 3)
        add_ref(s, p, p->tid);
    unsigned templates = s->mode == L1T3 ? 3 : 3 * SPATIAL;
    p->structure = s->n_pictures ? s->pictures[s->n_pictures - 1].structure : 0;
    if (key) {
        p->structure = (uint8_t)((p->structure + templates) % 64);
        s->last_key = s->n_pictures;
    }
    p->first_frame = s->next_frame;
    s->next_frame += p->n_sids;
    p->first_seq = s->next_seq;
    for (unsigned sid = 0; sid < p->n_sids; sid++) {
        p->of[sid].n_packets = (uint8_t)(1 + fs_random(&s->seed) % 3);
        s->next_seq += p->of[sid].n_packets;
    }
    s->last[p->tid] = s->n_pictures;
    s->any_of[p->tid] = true;
    s->position = (s->position + 1) % 4;
    s->n_pictures++;
}

static bool refers_down(const struct scene *s, const struct picture *p, unsigned sid)
{
    return sid > 0 && (p->key || s->mode == L3T3);
}

static uint16_t picture_id(uint32_t picture)
{
    return (uint16_t)(picture + 32700) & 0x7fff;
}

/** Flexible mode (RFC 9628 section 4.2). @return octets */
static size_t write_descriptor(const struct scene *s, const struct flight *f, uint8_t *b)
{
    const struct picture *p = &s->pictures[f->picture];
    bool start = f->at == 0, end = f->at + 1u == p->of[f->sid].n_packets;
    bool structure = p->key && start && f->sid == 0;
    size_t n = 0;
    b[n++] = (uint8_t)(0xb0 | (p->key ? 0 : 0x40) | (start ? 8 : 0) | (end ? 4 : 0) | (structure ? 2 : 0));
    b[n++] = (uint8_t)(0x80 | picture_id(f->picture) >> 8);
    b[n++] = (uint8_t)picture_id(f->picture);
    b[n++] = (uint8_t)(p->tid << 5 | p->up << 4 | f->sid << 1 | refers_down(s, p, f->sid));
    for (unsigned i = 0; i < p->n_refs; i++)
        b[n++] = (uint8_t)((f->picture - p->refs[i]) << 1 | (i + 1u < p->n_refs));
    if (structure)
        b[n++] = (uint8_t)((p->n_sids - 1) << 5);
    b[n++] = 0x55;
    return n;
}

/* What a frame is to the targets, which are the layers in order: indications as in the specification, "-DSR". */
static void make_dtis(const struct scene *s, const struct picture *p, unsigned sid, char out[3 * SPATIAL + 1])
{
    unsigned n = s->mode == L1T3 ? 3 : 3 * SPATIAL;
    for (unsigned d = 0; d < n; d++) {
        unsigned target_sid = d / 3, target_tid = d % 3;
        bool for_it = refers_down(s, p, target_sid) ? target_sid >= sid : target_sid == sid;
        if (p->key)
            for_it = target_sid >= sid;
        out[d] = !for_it || target_tid < p->tid  ? '-'
                 : p->tid == 2                   ? 'D'
                 : target_tid == p->tid || p->up ? 'S'
                                                 : 'R';
    }
    out[n] = '\0';
}

static void write_structure(const struct scene *s, struct dd_writer *w, uint8_t offset)
{
    static char dtis[3 * SPATIAL][3 * SPATIAL + 1];
    struct dd_template t[3 * SPATIAL] = {{0}};
    unsigned n = s->mode == L1T3 ? 3 : 3 * SPATIAL;
    for (unsigned i = 0; i < n; i++) {
        const struct picture like = {.tid = (uint8_t)(i % 3), .up = true, .key = s->mode == L3T3};
        make_dtis(s, &like, i / 3, dtis[i]);
        t[i] = (struct dd_template){.sid = i / 3, .tid = i % 3, .dtis = dtis[i], .fdiffs = {1}};
    }
    dd_structure(w, offset, n, t, n, 0, NULL, false);
}

static uint32_t frame_of(const struct scene *s, const struct flight *f)
{
    return s->pictures[f->picture].first_frame + f->sid;
}

static void write_dd(const struct scene *s, const struct flight *f, struct dd_writer *w)
{
    const struct picture *p = &s->pictures[f->picture];
    bool start = f->at == 0, end = f->at + 1u == p->of[f->sid].n_packets;
    bool structure = p->key && start && f->sid == 0;
    char dtis[3 * SPATIAL + 1];
    dd_begin(w, start, end, (p->structure + f->sid * 3u + p->tid) % 64, frame_of(s, f) & 0xffff);
    dd_flags(w, structure, false, true, true, false);
    if (structure)
        write_structure(s, w, p->structure);
    make_dtis(s, p, f->sid, dtis);
    dd_dtis(w, dtis);
    for (unsigned i = 0; i < p->n_refs; i++)
        dd_fdiff(w, 3, p->first_frame - s->pictures[p->refs[i]].first_frame);
    if (refers_down(s, p, f->sid))
        dd_fdiff(w, 1, 1);
    dd_bits(w, 2, 0);
}

/* ---- the way ---- */

/* Packets behind an AV1 structure that is late itself are of unknown layers, and go to all. */
static bool is_structure(const struct scene *s, const struct flight *f)
{
    return s->codec == PLM_CODEC_AV1 && s->pictures[f->picture].key && f->sid == 0 && f->at == 0;
}

static void launch(struct scene *s, struct flight f)
{
    if (!is_structure(s, &f) && fs_chance(&s->seed, s->late))
        f.due += 1 + fs_random(&s->seed) % 6;
    assert_true(s->n_flights < FLIGHTS);
    s->flights[s->n_flights++] = f;
}

static void launch_picture(struct scene *s, uint32_t picture)
{
    const struct picture *p = &s->pictures[picture];
    for (uint8_t sid = 0; sid < p->n_sids; sid++) {
        for (uint8_t at = 0; at < p->of[sid].n_packets; at++) {
            struct flight f = {.due = picture, .picture = picture, .sid = sid, .at = at};
            launch(s, f);
            if (fs_chance(&s->seed, s->duplicate))
                launch(s, f);
        }
    }
}

/* ---- what a slot does with a packet ---- */

static void read_payload(struct scene *s, const struct flight *f)
{
    pkt.codec = s->codec;
    if (s->codec == PLM_CODEC_VP9) {
        pkt.payload_len = (uint16_t)write_descriptor(s, f, pkt.data);
        assert_int_equal(plm_codec_parse(PLM_CODEC_VP9, pkt.data, pkt.payload_len, &pkt.info), 0);
        return;
    }
    struct dd_writer w;
    write_dd(s, f, &w);
    pkt.data[0] = is_structure(s, f) ? 0x18 : 0x10; /* aggregation header: N, W = 1 */
    pkt.payload_len = 100;
    pkt.dd_off = 100;
    pkt.dd_len = (uint8_t)dd_len(&w);
    memcpy(pkt.data + pkt.dd_off, w.data, pkt.dd_len);
    assert_int_equal(plm_codec_parse(PLM_CODEC_AV1, pkt.data, pkt.payload_len, &pkt.info), 0);
    assert_int_equal(plm_dd_read(&s->dd, pkt.ext_seq, w.data, pkt.dd_len, &pkt.info), 0);
    assert_true(pkt.info.sid == f->sid && pkt.info.tid == s->pictures[f->picture].tid);
}

/** Not marked as late: a late key frame is no beginning then, and nobody has to go on with what came after it. */
static void fill_packet(struct scene *s, const struct flight *f)
{
    const struct picture *p = &s->pictures[f->picture];
    memset(&pkt, 0, sizeof pkt);
    pkt.ext_seq = p->first_seq + f->at;
    for (unsigned sid = 0; sid < f->sid; sid++)
        pkt.ext_seq += p->of[sid].n_packets;
    read_payload(s, f);
    pkt.ext_ts = (UINT64_C(1) << 32) - 90000 + (uint64_t)f->picture * TICKS;
    pkt.arrival_us = (uint64_t)f->picture * ARRIVAL_US;
    pkt.marker = f->sid + 1u == p->n_sids && f->at + 1u == p->of[f->sid].n_packets;
}

static void note_switches(struct scene *s, const struct plm_layer_select *before)
{
    s->switches +=
        before->current_sid != s->layers.current_sid || before->current_tid != s->layers.current_tid;
    s->spatial_up += s->layers.current_sid > before->current_sid;
    s->spatial_down += s->layers.current_sid < before->current_sid;
}

static void receive(struct scene *s, const struct flight *f, uint64_t *newest)
{
    struct layer_frame *frame = &s->pictures[f->picture].of[f->sid];
    struct plm_map_out out;
    fill_packet(s, f);
    bool late = pkt.ext_seq < *newest;
    *newest = late ? *newest : pkt.ext_seq;
    struct plm_layer_select before = s->layers;
    enum plm_layer_verdict layer = plm_layer_select_on_packet(&s->layers, &pkt);
    note_switches(s, &before);
    if (layer == PLM_LAYER_SWITCH)
        plm_seq_map_switch(s->map, 1, &pkt, 90000, pkt.arrival_us);
    bool wanted = layer == PLM_LAYER_FORWARD || layer == PLM_LAYER_SWITCH;
    /* After a pause nothing reaches the map but what a number is kept for. */
    if (!wanted && s->layers.current == PLM_LAYER_NONE && !(late && plm_seq_map_awaits(s->map, 1, &pkt)))
        return;
    enum plm_map_verdict v = plm_seq_map_push(s->map, 1, &pkt, wanted, &out);
    if (v != PLM_MAP_SEND && v != PLM_MAP_FILL)
        return;
    if (v == PLM_MAP_SEND && plm_layer_select_ends_picture(&s->layers, &pkt))
        plm_seq_map_end_picture(s->map, &out);
    struct sent_packet *sent = &s->sent[s->n_sent++];
    *sent = (struct sent_packet){.out_seq = out.ext_seq,
        .picture = f->picture,
        .picture_out =
            s->codec == PLM_CODEC_AV1 ? (uint16_t)(frame_of(s, f) + out.dd_offset) : out.numbers.picture_id,
        .sid = f->sid,
        .marker = pkt.marker || out.ends_picture,
        .fill = v == PLM_MAP_FILL};
    if (v != PLM_MAP_SEND)
        return;
    frame->sent |= (uint8_t)(1u << f->at);
    struct plm_segment segment;
    struct plm_map_out again; /* retransmitted as it was sent */
    uint64_t src;
    assert_true(plm_seq_map_find(s->map, (uint16_t)out.ext_seq, &segment, &src, &again));
    assert_int_equal(again.ends_picture, out.ends_picture);
    sent->ts_offset = segment.ts_offset;
}

static void deliver(struct scene *s, uint64_t now, uint64_t *newest)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < s->n_flights; i++) {
        if (s->flights[i].due <= now)
            receive(s, &s->flights[i], newest);
        else
            s->flights[kept++] = s->flights[i];
    }
    s->n_flights = kept;
}

static void aim_somewhere(struct scene *s)
{
    static const uint8_t sids[] = {0, 1, PLM_SID_ALL};
    struct plm_layer_select before = s->layers;
    uint8_t encoding = fs_chance(&s->seed, 30) ? PLM_LAYER_NONE : 0;
    plm_layer_select_aim(&s->layers, encoding, (uint8_t)(fs_random(&s->seed) % 3));
    plm_layer_select_aim_spatial(&s->layers, sids[fs_random(&s->seed) % 3]);
    note_switches(s, &before);
}

static void run(struct scene *s)
{
    uint64_t newest = 0, now = 0;
    s->pictures = calloc(MAX_PICTURES, sizeof *s->pictures);
    s->sent = calloc((size_t)MAX_PICTURES * SPATIAL * 4, sizeof *s->sent);
    s->map = plm_seq_map_create(PLM_MAP_SIZE, 32700, 32700, 250, UINT32_MAX - 100000);
    assert_true(s->pictures && s->sent && s->map);
    s->next_seq = 65536 * 3 - 100;
    plm_layer_select_init(&s->layers);
    plm_layer_select_aim(&s->layers, 0, 2);
    for (; s->switches < SWITCHES; now++) {
        if (fs_chance(&s->seed, 150))
            aim_somewhere(s);
        if (s->layers.want_keyframe && !s->key_in)
            s->key_in = 1 + (unsigned)(fs_random(&s->seed) % 3);
        /* No two key frames of AV1 so near that packets of three structures are under way. */
        bool may = s->codec != PLM_CODEC_AV1 || s->n_pictures - s->last_key > 8;
        make_picture(s, now == 0 || (may && (s->key_in == 1 || fs_chance(&s->seed, 4))));
        s->key_in -= s->key_in > 1 || (s->key_in == 1 && may);
        launch_picture(s, s->n_pictures - 1);
        deliver(s, now, &newest);
    }
    deliver(s, UINT64_MAX, &newest);
}

/* ---- what a receiver makes of it ---- */

static bool is_whole(const struct layer_frame *f)
{
    return f->n_packets && f->sent == (1u << f->n_packets) - 1;
}

static void check_references(const struct scene *s)
{
    for (uint32_t i = 0; i < s->n_pictures; i++) {
        const struct picture *p = &s->pictures[i];
        for (unsigned sid = 0; sid < p->n_sids; sid++) {
            if (!p->of[sid].sent)
                continue;
            assert_true(is_whole(&p->of[sid]));
            if (refers_down(s, p, sid))
                assert_true(is_whole(&p->of[sid - 1]));
            for (unsigned k = 0; k < p->n_refs; k++)
                assert_true(is_whole(&s->pictures[p->refs[k]].of[sid]));
        }
    }
}

static int by_out(const void *a, const void *b)
{
    const struct sent_packet *x = a, *y = b;
    return x->out_seq < y->out_seq ? -1 : x->out_seq > y->out_seq;
}

/** Numbers go on from one that was sent to another by as much as the source's do, and over a switch by something. */
static void check_ids(const struct scene *s, const struct sent_packet *last, const struct sent_packet *p)
{
    const struct flight was = {.picture = last->picture, .sid = last->sid},
                        is = {.picture = p->picture, .sid = p->sid};
    uint32_t mask = s->codec == PLM_CODEC_AV1 ? 0xffff : 0x7fff;
    uint32_t step =
        s->codec == PLM_CODEC_AV1 ? frame_of(s, &is) - frame_of(s, &was) : p->picture - last->picture;
    if (p->ts_offset == last->ts_offset)
        assert_int_equal((p->picture_out - last->picture_out) & mask, step);
    else
        assert_in_range((p->picture_out - last->picture_out) & mask, 1, 0x3fff);
}

/** Dense, for in the end everything came; picture ids by one offset; the marker on the last packet of each picture and nowhere else. */
static void check_numbers(struct scene *s)
{
    const struct sent_packet *last = NULL;
    qsort(s->sent, s->n_sent, sizeof *s->sent, by_out);
    for (size_t i = 0; i < s->n_sent; i++) {
        const struct sent_packet *p = &s->sent[i];
        if (i)
            assert_int_equal(p->out_seq, s->sent[i - 1].out_seq + 1);
        if (p->fill)
            continue;
        if (last) {
            assert_true(p->picture >= last->picture);
            assert_int_equal(last->marker, p->picture != last->picture);
            check_ids(s, last, p);
        }
        last = p;
    }
}

static void free_scene(struct scene *s)
{
    plm_seq_map_destroy(s->map);
    free(s->pictures);
    free(s->sent);
}

static void switches_in(enum plm_codec codec, enum mode mode, unsigned late, unsigned duplicate)
{
    static struct scene s;
    memset(&s, 0, sizeof s);
    s.codec = codec;
    s.mode = mode;
    s.late = late;
    s.duplicate = duplicate;
    s.seed = 0x5eed5eed + mode;
    run(&s);
    check_references(&s);
    check_numbers(&s);
    printf("%s: %u switches, %u spatial up, %u down, %u pictures, %zu packets sent\n", plm_codec_name(codec),
        s.switches, s.spatial_up, s.spatial_down, s.n_pictures, s.n_sent);
    if (mode != L1T3)
        assert_true(s.spatial_up > SWITCHES / 10 && s.spatial_down > SWITCHES / 10);
    free_scene(&s);
}

static void vp9_in_order(void **state)
{
    (void)state;
    for (enum mode mode = L1T3; mode <= L3T3_KEY; mode++)
        switches_in(PLM_CODEC_VP9, mode, 0, 0);
}

static void vp9_late_and_twice(void **state)
{
    (void)state;
    for (enum mode mode = L1T3; mode <= L3T3_KEY; mode++)
        switches_in(PLM_CODEC_VP9, mode, 50, 20);
}

static void av1_in_order(void **state)
{
    (void)state;
    for (enum mode mode = L1T3; mode <= L3T3_KEY; mode++)
        switches_in(PLM_CODEC_AV1, mode, 0, 0);
}

static void av1_late_and_twice(void **state)
{
    (void)state;
    for (enum mode mode = L1T3; mode <= L3T3_KEY; mode++)
        switches_in(PLM_CODEC_AV1, mode, 50, 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vp9_in_order),
        cmocka_unit_test(vp9_late_and_twice),
        cmocka_unit_test(av1_in_order),
        cmocka_unit_test(av1_late_and_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
