#include "codec.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "dd_writer.h"
#include "exact.h"

/* Three temporal layers as the AV1 RTP specification, section A.10.2.1 (L1T3), has them: one chain, three targets. */
static const struct dd_template l1t3[] = {
    {0, 0, "SSS", {0}, {0}},
    {0, 0, "SSS", {4}, {4}},
    {0, 1, "-DS", {2}, {2}},
    {0, 2, "--D", {1}, {1}},
    {0, 2, "--D", {1}, {3}},
};

/* Two spatial layers, both of two temporal ones: targets S0T0, S0T1, S1T0, S1T1, two chains. */
static const struct dd_template l2t2[] = {
    {0, 0, "SSSS", {0}, {0, 0}},
    {0, 0, "SSRR", {4}, {4, 3}},
    {0, 1, "-D-R", {2}, {2, 1}},
    {1, 0, "--SS", {1}, {1, 1}},
    {1, 0, "--SS", {4, 1}, {1, 1}},
    {1, 1, "---D", {2, 1}, {3, 2}},
};

static size_t make_l1t3(struct dd_writer *w, unsigned offset, unsigned template_index, unsigned number)
{
    dd_begin(w, true, true, (offset + template_index) % 64, number);
    dd_flags(w, true, false, false, false, false);
    dd_structure(w, offset, 3, l1t3, 5, 1, "\0\0\0", true);
    dd_size(w, 1280, 720);
    return dd_len(w);
}

static size_t make_short(struct dd_writer *w, unsigned template_id, unsigned number)
{
    dd_begin(w, true, true, template_id, number);
    return dd_len(w);
}

static int parse(struct plm_dd_state *s, const struct dd_writer *w, size_t len, struct plm_dd_info *info)
{
    uint8_t *copy = exact_copy(w->data, len);
    int rc = plm_dd_parse(s, copy, len, info);
    free(copy);
    return rc;
}

static void reads_key_frame(void **state)
{
    (void)state;
    struct plm_dd_state s = {0};
    struct plm_dd_info i;
    struct dd_writer w;
    size_t len = make_l1t3(&w, 60, 0, 0xfffe);
    assert_int_equal(parse(&s, &w, len, &i), 0);
    assert_true(i.start && i.end && i.has_structure && i.switch_up);
    assert_false(i.has_active_targets);
    assert_int_equal(i.frame_number, 0xfffe);
    assert_int_equal(i.template_id, 60);
    assert_int_equal(i.n_fdiffs, 0);
    assert_true(s.valid);
    assert_int_equal(s.n_templates, 5);
    assert_int_equal(s.n_targets, 3);
    assert_int_equal(s.n_chains, 1);
    assert_int_equal(s.max_tid, 2);
    assert_int_equal(s.max_sid, 0);
    assert_int_equal(s.active_targets, 7);
    assert_int_equal(s.width[0], 1280);
    assert_int_equal(s.height[0], 720);
    assert_int_equal(s.templates[2].dti[0], 0);
    assert_int_equal(s.templates[2].dti[1], 1);
    assert_int_equal(s.templates[2].dti[2], 2);

    struct plm_frame_info f = {.frame_start = false};
    plm_dd_to_frame_info(&i, &s, &f);
    assert_true(f.frame_start && f.frame_end && f.keyframe && f.keyframe_start && f.has_layers);
    assert_int_equal(f.width, 1280);
    assert_int_equal(f.height, 720);
}

static void reads_frames_by_template(void **state)
{
    (void)state;
    static const struct {
        unsigned index, tid, fdiff;
    } cases[] = {{1, 0, 4}, {2, 1, 2}, {3, 2, 1}, {4, 2, 1}};
    struct plm_dd_state s = {0};
    struct plm_dd_info i;
    struct dd_writer w;
    assert_int_equal(parse(&s, &w, make_l1t3(&w, 62, 0, 1), &i), 0);
    for (size_t n = 0; n < 4; n++) {
        assert_int_equal(parse(&s, &w, make_short(&w, (62 + cases[n].index) % 64, 2), &i), 0);
        assert_int_equal(i.tid, cases[n].tid);
        assert_int_equal(i.sid, 0);
        assert_int_equal(i.n_fdiffs, 1);
        assert_int_equal(i.fdiffs[0], cases[n].fdiff);
        assert_int_equal(i.switch_up, cases[n].tid < 2); /* above the highest layer there is nothing to add */
        struct plm_frame_info f = {0};
        plm_dd_to_frame_info(&i, &s, &f);
        assert_false(f.keyframe || f.keyframe_start || f.inter_layer);
        assert_int_equal(f.tid, cases[n].tid);
    }
    assert_int_equal(parse(&s, &w, make_short(&w, (62 + 5) % 64, 2), &i), PLM_EINVAL); /* no such template */
    assert_int_equal(parse(&s, &w, make_short(&w, 61, 2), &i), PLM_EINVAL);
}

static void reads_spatial_layers(void **state)
{
    (void)state;
    struct plm_dd_state s = {0};
    struct plm_dd_info i;
    struct plm_frame_info f = {0};
    struct dd_writer w;
    dd_begin(&w, true, false, 3, 7);
    dd_flags(&w, true, true, false, false, false);
    dd_structure(&w, 0, 4, l2t2, 6, 2, "\0\0\1\1", true);
    dd_size(&w, 640, 360);
    dd_size(&w, 65536, 720);
    dd_bits(&w, 4, 0x5); /* active targets */
    assert_int_equal(parse(&s, &w, dd_len(&w), &i), 0);
    assert_int_equal(s.max_sid, 1);
    assert_int_equal(s.n_chains, 2);
    assert_int_equal(s.active_targets, 5);
    assert_int_equal(s.width[1], 65535); /* 65536 does not fit and is no real size */
    assert_true(i.has_active_targets);
    assert_true(i.switch_up);
    plm_dd_to_frame_info(&i, &s, &f);
    assert_int_equal(f.sid, 1);
    assert_true(f.inter_layer && f.frame_start);
    assert_false(f.frame_end || f.keyframe || f.keyframe_start);
    assert_int_equal(f.spatial_layers, 2);
    assert_int_equal(f.height, 720);

    dd_begin(&w, true, true, 1, 8);
    dd_flags(&w, false, true, false, false, false);
    dd_bits(&w, 4, 0xf);
    assert_int_equal(parse(&s, &w, dd_len(&w), &i), 0);
    assert_int_equal(s.active_targets, 15);
    assert_true(i.has_active_targets);

    static const bool up[] = {true, true, false, true, true, false}; /* what S1 requires of S0 is no matter */
    for (unsigned t = 0; t < 6; t++) {
        assert_int_equal(parse(&s, &w, make_short(&w, t, 9), &i), 0);
        assert_int_equal(i.switch_up, up[t]);
    }
}

static void switching_up_needs_an_indication(void **state)
{
    (void)state;
    /* Layer 1 refers to itself: only some frames of layer 0 let a receiver in. */
    static const struct dd_template chained[] = {
        {0, 0, "SS", {0}, {0}},
        {0, 0, "SR", {2}, {2}},
        {0, 0, "SS", {2}, {2}},
        {0, 1, "-R", {1, 2}, {1}},
        {0, 1, "-S", {1}, {1}},
    };
    static const bool want[] = {true, false, true, false, false};
    struct plm_dd_state s = {0};
    struct plm_dd_info i;
    struct dd_writer w;
    dd_begin(&w, true, true, 0, 7);
    dd_flags(&w, true, false, false, false, false);
    dd_structure(&w, 0, 2, chained, 5, 1, "\0\0", false);
    assert_int_equal(parse(&s, &w, dd_len(&w), &i), 0);
    for (unsigned t = 0; t < 5; t++) {
        assert_int_equal(parse(&s, &w, make_short(&w, t, 1), &i), 0);
        assert_int_equal(i.switch_up, want[t]);
    }
    dd_begin(&w, true, true, 1, 9);
    dd_flags(&w, false, false, true, false, false);
    dd_dtis(&w, "SS"); /* custom indications count instead of the template's */
    assert_int_equal(parse(&s, &w, dd_len(&w), &i), 0);
    assert_true(i.switch_up);

    struct plm_frame_info f = {.has_layers = true, .layer_sync = false}; /* VP8 has its own say */
    plm_dd_to_frame_info(&i, &s, &f);
    assert_false(f.layer_sync);
    f.has_layers = false;
    plm_dd_to_frame_info(&i, &s, &f);
    assert_true(f.layer_sync && f.has_layers);
}

/* Descriptors as Chromium 156 sends them for L1T3. */
static void reads_chromium(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[32];
        size_t len;
        unsigned n_templates, tid, n_fdiffs, fdiff;
        bool up;
    } cases[] = {
        /* VP8: some frames of layer 0 are no place to switch ("SRR") */
        {{0xc0, 0x00, 0x0a, 0x80, 0x02, 0x04, 0x4e, 0xaa, 0xaf, 0x28, 0x60, 0x41, 0x4d, 0x34, 0x53, 0x8a,
             0x09, 0x40, 0x40, 0x4f, 0xc0, 0x2c, 0xc0},
            23, 7, 0, 0, 0, true},
        {{0xc2, 0x00, 0x0b}, 3, 7, 0, 1, 4, false},
        {{0xc3, 0x00, 0x0b}, 3, 7, 1, 1, 2, true},
        {{0xc6, 0x00, 0x0b}, 3, 7, 2, 2, 3, false},
        /* VP9 */
        {{0xc0, 0x00, 0xed, 0x80, 0x02, 0x14, 0xea, 0xa8, 0x60, 0x41, 0x4d, 0x14, 0x10, 0x20, 0x84, 0x27,
             0x01, 0x3f, 0x00, 0xb3},
            20, 5, 0, 0, 0, true},
        {{0xc1, 0x00, 0xee}, 3, 5, 0, 1, 4, true},
        {{0xc2, 0x00, 0x2e, 0x13, 0x60}, 5, 5, 1, 1, 12, true}, /* frames were left out: custom reference */
        {{0xc3, 0x00, 0xb8, 0x1a, 0x20, 0x10}, 6, 5, 2, 1, 2, false},
    };
    struct plm_dd_state s = {0};
    for (size_t n = 0; n < sizeof cases / sizeof cases[0]; n++) {
        struct plm_dd_info i;
        uint8_t *copy = exact_copy(cases[n].data, cases[n].len);
        assert_int_equal(plm_dd_parse(&s, copy, cases[n].len, &i), 0);
        free(copy);
        assert_int_equal(s.n_templates, cases[n].n_templates);
        assert_int_equal(s.n_targets, 3);
        assert_int_equal(i.has_structure, cases[n].len > 6);
        assert_int_equal(i.tid, cases[n].tid);
        assert_int_equal(i.n_fdiffs, cases[n].n_fdiffs);
        assert_true(cases[n].n_fdiffs == 0 || i.fdiffs[0] == cases[n].fdiff);
        assert_int_equal(i.switch_up, cases[n].up);
    }
    assert_int_equal(s.width[0], 320);
    assert_int_equal(s.height[0], 180);
}

static void reads_custom_fields(void **state)
{
    (void)state;
    struct plm_dd_state s = {0};
    struct plm_dd_info i;
    struct dd_writer w;
    assert_int_equal(parse(&s, &w, make_l1t3(&w, 0, 0, 1), &i), 0);
    dd_begin(&w, true, true, 2, 9);
    dd_flags(&w, false, false, true, true, true);
    dd_dtis(&w, "-RR");
    dd_fdiff(&w, 1, 16);
    dd_fdiff(&w, 2, 256);
    dd_fdiff(&w, 3, 4096);
    dd_bits(&w, 2, 0);
    dd_bits(&w, 8, 200); /* the chain */
    size_t len = dd_len(&w);
    assert_int_equal(parse(&s, &w, len, &i), 0);
    assert_int_equal(i.n_fdiffs, 3);
    assert_int_equal(i.fdiffs[0], 16);
    assert_int_equal(i.fdiffs[1], 256);
    assert_int_equal(i.fdiffs[2], 4096);
    assert_false(i.switch_up);
    for (size_t cut = 4; cut < len; cut++)
        assert_int_equal(parse(&s, &w, cut, &i), PLM_EINVAL);

    dd_begin(&w, true, true, 2, 9); /* more references than are kept */
    dd_flags(&w, false, false, false, true, false);
    for (unsigned n = 0; n <= PLM_DD_MAX_FDIFFS; n++)
        dd_fdiff(&w, 1, 1);
    dd_bits(&w, 2, 0);
    assert_int_equal(parse(&s, &w, dd_len(&w), &i), PLM_EINVAL);
}

static void keeps_state_on_failure(void **state)
{
    (void)state;
    struct plm_dd_state s = {0}, before;
    struct plm_dd_info i = {.frame_number = 4242};
    struct dd_writer w;
    assert_int_equal(parse(&s, &w, make_short(&w, 0, 1), &i), PLM_ESTATE);
    size_t len = make_l1t3(&w, 5, 0, 1);
    memcpy(&before, &s, sizeof s);
    for (size_t cut = 0; cut < len; cut++) {
        int rc = parse(&s, &w, cut, &i);
        assert_int_equal(rc, cut == 3 ? PLM_ESTATE : PLM_EINVAL);
        assert_memory_equal(&s, &before, sizeof s);
        assert_int_equal(i.frame_number, 4242);
    }
    assert_int_equal(parse(&s, &w, len, &i), 0);
    memcpy(&before, &s, sizeof s);
    len = make_l1t3(&w, 5, 7, 1); /* a structure whose own frame has no template */
    assert_int_equal(parse(&s, &w, len, &i), PLM_EINVAL);
    assert_memory_equal(&s, &before, sizeof s);
}

static void refuses_too_many_layers(void **state)
{
    (void)state;
    static const struct {
        unsigned next_layer_idc, repeats;
    } cases[] = {{0, 64}, {1, 8}, {2, 4}};
    for (size_t n = 0; n < 3; n++) {
        struct plm_dd_state s = {0};
        struct plm_dd_info i;
        struct dd_writer w;
        dd_begin(&w, true, true, 0, 1);
        dd_flags(&w, true, false, false, false, false);
        dd_bits(&w, 6, 0);
        dd_bits(&w, 5, 0);
        for (unsigned k = 0; k < cases[n].repeats; k++)
            dd_bits(&w, 2, cases[n].next_layer_idc);
        dd_bits(&w, 2, 3);
        for (unsigned k = 0; k < 200; k++) /* what would make the rest valid */
            dd_bits(&w, 1, 0);
        assert_int_equal(parse(&s, &w, dd_len(&w), &i), PLM_EINVAL);
        assert_false(s.valid);
    }
}

static void rewrites(void **state)
{
    (void)state;
    struct plm_dd_state s = {0}, moved = {0};
    struct plm_dd_info i, j;
    struct dd_writer w, x;
    size_t len = make_l1t3(&w, 60, 0, 0xfff0);
    x.bit = len * 8;
    assert_int_equal(plm_dd_rewrite(x.data, sizeof x.data, w.data, len, 0x20, 9), len);
    assert_int_equal(parse(&s, &w, len, &i), 0);
    assert_int_equal(parse(&moved, &x, len, &j), 0);
    assert_int_equal(j.frame_number, 0x10);
    assert_int_equal(j.template_id, 5);
    assert_int_equal(moved.template_id_offset, 5);
    moved.template_id_offset = s.template_id_offset;
    assert_memory_equal(&moved, &s, sizeof s);
    moved.template_id_offset = 5;
    for (unsigned t = 1; t < 5; t++) {
        make_short(&w, (60 + t) % 64, t);
        assert_int_equal(plm_dd_rewrite(x.data, 3, w.data, 3, 0x20, 9), 3);
        assert_int_equal(parse(&moved, &x, 3, &j), 0);
        assert_int_equal(j.frame_number, 0x20 + t);
        assert_int_equal(j.tid, l1t3[t].tid);
        assert_true(j.start && j.end);
    }
    assert_int_equal(plm_dd_rewrite(x.data, 2, w.data, 3, 1, 1), 0);
    assert_int_equal(plm_dd_rewrite(x.data, sizeof x.data, w.data, 2, 1, 1), 0);
    assert_int_equal(plm_dd_rewrite(x.data, sizeof x.data, (const uint8_t *)"\0\0\0\x80", 4, 1, 1), 0);
    assert_int_equal(plm_dd_rewrite(x.data, sizeof x.data, (const uint8_t *)"\0\0\0\x40", 4, 1, 1), 4);
}

/* To a receiver of these layers, which parses it on. */
static void tell(struct plm_dd_states *source, uint64_t ext_seq, struct dd_writer *w, uint8_t sid,
    uint8_t tid, struct plm_dd_state *told)
{
    size_t len = dd_len(w), n;
    struct plm_frame_info f = {0};
    struct plm_dd_info plain, i;
    assert_int_equal(plm_dd_read(source, ext_seq, w->data, len, &f), 0);
    assert_int_equal(f.targets.n, 4);
    struct plm_dd_state state = source->now;
    assert_int_equal(parse(&state, w, len, &plain), 0);
    if (!f.targets.present) /* without room nothing is told */
        assert_int_equal(plm_dd_tell_active(w->data, len, len, &f.targets, 1), len);
    memset(w->data + len, 0xff, sizeof w->data - len);
    n = plm_dd_tell_active(w->data, sizeof w->data, len, &f.targets, plm_dd_active(&f.targets, sid, tid));
    assert_in_range(n, len, len + PLM_DD_TELL_OCTETS);
    assert_int_equal(parse(told, w, n, &i), 0);
    assert_true(i.has_active_targets);
    assert_int_equal(i.active_at, plain.active_at);
    assert_true(i.start == plain.start && i.end == plain.end && i.has_structure == plain.has_structure);
    assert_true(i.frame_number == plain.frame_number && i.template_id == plain.template_id);
    assert_true(i.sid == plain.sid && i.tid == plain.tid && i.switch_up == plain.switch_up);
    assert_int_equal(i.n_fdiffs, plain.n_fdiffs);
    assert_memory_equal(i.fdiffs, plain.fdiffs, sizeof i.fdiffs);
    state.active_targets = told->active_targets;
    assert_memory_equal(told, &state, sizeof state);
}

/* Whoever gets a part of the layers is told so in descriptors of each shape, and what else they say stays. */
static void tells_what_is_active(void **state)
{
    (void)state;
    struct plm_dd_states source = {0};
    struct plm_dd_state told = {0};
    struct dd_writer w;
    dd_begin(&w, true, false, 0, 7);
    dd_flags(&w, true, false, false, false, false);
    dd_structure(&w, 0, 4, l2t2, 6, 2, "\0\0\1\1", true);
    dd_size(&w, 320, 180);
    dd_size(&w, 640, 360);
    tell(&source, 1, &w, 0, 1, &told); /* with a structure */
    assert_int_equal(told.active_targets, 3);
    assert_int_equal(told.width[1], 640);
    dd_begin(&w, true, true, 2, 8);
    tell(&source, 2, &w, 1, 0, &told); /* without anything */
    assert_int_equal(told.active_targets, 5);
    dd_begin(&w, true, true, 1, 9);
    dd_flags(&w, false, false, true, true, true);
    dd_dtis(&w, "SSSR");
    dd_fdiff(&w, 2, 33);
    dd_bits(&w, 2, 0);
    dd_bits(&w, 16, 0xabcd);
    tell(&source, 3, &w, 7, 7, &told); /* with fields of its own */
    assert_int_equal(told.active_targets, 15);
    dd_begin(&w, true, true, 1, 10);
    dd_flags(&w, false, true, false, true, false);
    dd_bits(&w, 4, 7); /* the sender has stopped the highest */
    dd_fdiff(&w, 1, 4);
    dd_bits(&w, 2, 0);
    tell(&source, 4, &w, 0, 7, &told);
    assert_int_equal(told.active_targets, 3);
    dd_begin(&w, true, true, 1, 11);
    tell(&source, 5, &w, 1, 7, &told);
    assert_int_equal(told.active_targets, 7);
}

static void survives_random_octets(void **state)
{
    (void)state;
    struct plm_dd_state s = {0};
    struct plm_dd_info i;
    struct dd_writer w;
    uint64_t seed = 8;
    unsigned good = 0, attached = 0;
    for (int round = 0; round < 200000; round++) {
        size_t len = make_l1t3(&w, 0, 0, 1);
        for (unsigned n = next_random(&seed) % 4; n > 0; n--)
            w.data[next_random(&seed) % len] ^= (uint8_t)(1u << next_random(&seed) % 8);
        if (round % 3 == 0)
            len = next_random(&seed) % (len + 1);
        if (parse(&s, &w, len, &i) != 0)
            continue;
        good++;
        attached += i.has_structure;
        assert_in_range(i.n_fdiffs, 0, PLM_DD_MAX_FDIFFS);
        assert_true(i.sid <= s.max_sid && i.tid <= s.max_tid && s.max_sid <= 3 && s.max_tid <= 7);
        assert_true(s.n_targets == 32 || s.active_targets >> s.n_targets == 0);
    }
    assert_true(attached > 1000 && good >= attached);
}

static int read_next(
    struct plm_dd_states *s, uint64_t seq, const struct dd_writer *w, struct plm_frame_info *f)
{
    memset(f, 0, sizeof *f);
    uint8_t *copy = exact_copy(w->data, dd_len(w));
    int rc = plm_dd_read(s, seq, copy, dd_len(w), f);
    free(copy);
    return rc;
}

/** A key frame that comes again to probe the line, and what is left of the time before the newest. */
static void old_structures_stay_old(void **state)
{
    (void)state;
    struct plm_dd_states s = {0};
    struct plm_frame_info f;
    struct dd_writer first, second, w;
    make_short(&w, 2, 5);
    assert_int_equal(read_next(&s, 999, &w, &f), PLM_ESTATE);
    make_l1t3(&first, 0, 0, 10);
    make_l1t3(&second, 5, 0, 20);
    assert_int_equal(read_next(&s, 1000, &first, &f), 0);
    assert_true(f.keyframe_start);
    make_short(&w, 7, 21); /* of the second, whose first packet is on its way */
    assert_int_equal(read_next(&s, 1011, &w, &f), PLM_EINVAL);
    assert_false(f.has_layers);
    assert_int_equal(read_next(&s, 1010, &second, &f), 0);
    assert_int_equal(read_next(&s, 1011, &w, &f), 0);
    assert_int_equal(f.tid, 1);
    assert_int_equal(read_next(&s, 1000, &first, &f), 0); /* once more */
    assert_true(f.keyframe_start);
    make_short(&w, 3, 12); /* late */
    assert_int_equal(read_next(&s, 1002, &w, &f), 0);
    assert_int_equal(f.tid, 2);
    make_short(&w, 8, 22);
    assert_int_equal(read_next(&s, 1012, &w, &f), 0);
    assert_int_equal(f.tid, 2);
    make_short(&w, 2, 22);
    assert_int_equal(read_next(&s, 1013, &w, &f), PLM_EINVAL);
}

/** Layers that the encoder leaves out, and takes up again, without a key frame. */
static void active_targets_tell_the_layers(void **state)
{
    (void)state;
    static const struct {
        uint64_t seq;
        unsigned active, layers; /* 0: nothing is said */
    } rows[] = {{101, 0x3, 1}, {102, 0xf, 2}, {101, 0x3, 0}, {103, 0x5, 2}, {104, 0x1, 1}};
    struct plm_dd_states s = {0};
    struct plm_frame_info f;
    struct dd_writer w;
    dd_begin(&w, true, false, 0, 7);
    dd_flags(&w, true, false, false, false, false);
    dd_structure(&w, 0, 4, l2t2, 6, 2, "\0\0\1\1", true);
    dd_size(&w, 640, 360);
    dd_size(&w, 1280, 720);
    assert_int_equal(read_next(&s, 100, &w, &f), 0);
    assert_int_equal(f.spatial_layers, 2);
    assert_int_equal(f.width, 1280);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        dd_begin(&w, true, true, 1, 8);
        dd_flags(&w, false, true, false, false, false);
        dd_bits(&w, 4, rows[i].active);
        assert_int_equal(read_next(&s, rows[i].seq, &w, &f), 0);
        assert_int_equal(f.spatial_layers, rows[i].layers);
        assert_int_equal(f.width, rows[i].layers == 2 ? 1280 : rows[i].layers ? 640 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_key_frame),
        cmocka_unit_test(reads_frames_by_template),
        cmocka_unit_test(reads_spatial_layers),
        cmocka_unit_test(old_structures_stay_old),
        cmocka_unit_test(active_targets_tell_the_layers),
        cmocka_unit_test(switching_up_needs_an_indication),
        cmocka_unit_test(reads_chromium),
        cmocka_unit_test(reads_custom_fields),
        cmocka_unit_test(keeps_state_on_failure),
        cmocka_unit_test(refuses_too_many_layers),
        cmocka_unit_test(rewrites),
        cmocka_unit_test(tells_what_is_active),
        cmocka_unit_test(survives_random_octets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
