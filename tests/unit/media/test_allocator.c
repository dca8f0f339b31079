#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "alloc_rules.h"
#include "allocator.h"

#define SECOND UINT64_C(1000000)

/** Three encodings of 150, 500 and 1500 kbit/s, three temporal layers each of 40, 60 and 100 %. */
static struct plm_alloc_slot simulcast(struct plm_alloc_memory *memory, uint8_t priority, uint16_t width)
{
    struct plm_alloc_slot s = {.priority = priority,
        .want_width = width,
        .want_height = (uint16_t)(width * 9 / 16),
        .n_layers = 3,
        .present = PLM_LAYER_NONE,
        .memory = memory};
    static const uint32_t bps[] = {150000, 500000, 1500000};
    for (unsigned i = 0; i < 3; i++)
        s.layers[i] = (struct plm_alloc_layer){.sent = true,
            .bps = {bps[i] * 4 / 10, bps[i] * 6 / 10, bps[i], bps[i]},
            .width = (uint16_t)(320u << i),
            .height = (uint16_t)(180u << i),
            .temporal_layers = 3};
    return s;
}

/** Share among slots of which nothing is remembered. */
static void share_anew(struct plm_alloc_slot *s, size_t n, uint32_t budget)
{
    struct plm_alloc_line line = {0};
    struct plm_alloc_total total;
    for (size_t i = 0; i < n; i++)
        *s[i].memory = (struct plm_alloc_memory){0};
    plm_allocate(&line, s, n, budget, SECOND, &total);
}

/** A receiver whose slots are looked at again and again. */
struct receiver {
    struct plm_alloc_line line;
    struct plm_alloc_memory memory[PLM_MAX_MEDIA];
    struct plm_alloc_slot slots[PLM_MAX_MEDIA];
    size_t n;
    uint64_t now;
    struct plm_alloc_total total;
};

static void receiver_init(struct receiver *r, size_t n)
{
    memset(r, 0, sizeof *r);
    r->n = n;
    r->now = 100 * SECOND;
    for (size_t i = 0; i < n; i++)
        r->slots[i] = simulcast(&r->memory[i], 0, 0);
}

static void share(struct receiver *r, uint32_t budget)
{
    plm_allocate(&r->line, r->slots, r->n, budget, r->now, &r->total);
}

/** Twice a second, as a transport does. */
static void share_for(struct receiver *r, uint32_t budget, uint64_t us)
{
    for (uint64_t end = r->now + us; r->now < end; r->now += SECOND / 2)
        share(r, budget);
    share(r, budget);
}

static void without_an_estimate_everybody_gets_his_wish(void **state)
{
    (void)state;
    struct plm_alloc_memory m[6];
    struct plm_alloc_slot s[] = {simulcast(&m[0], 0, 0), simulcast(&m[1], 0, 300), simulcast(&m[2], 0, 640),
        simulcast(&m[3], 0, 641), {.n_layers = 0, .memory = &m[4]}, {.n_layers = 9, .memory = &m[5]}};
    share_anew(s, 6, 0);
    static const uint8_t expect[] = {2, 0, 1, 2, PLM_LAYER_NONE, PLM_LAYER_NONE};
    for (int i = 0; i < 6; i++) {
        assert_int_equal(s[i].encoding, expect[i]);
        assert_int_equal(s[i].wish, expect[i]);
        assert_int_equal(s[i].tid, i < 4 ? 2 : 0);
    }
    share_anew(NULL, 0, 100000);
}

static void floors_come_first_by_priority(void **state)
{
    (void)state;
    struct plm_alloc_memory m[4];
    struct plm_alloc_slot s[4];
    for (uint8_t i = 0; i < 4; i++)
        s[i] = simulcast(&m[i], i, 0);
    share_anew(s, 4, 200000); /* 60 kbit/s each for the lowest temporal layer: three fit */
    assert_int_equal(s[0].encoding, PLM_LAYER_NONE);
    for (int i = 1; i < 4; i++) {
        assert_int_equal(s[i].encoding, 0);
        assert_int_equal(s[i].tid, 0);
    }
    share_anew(s, 4, 290000); /* the rest goes to the highest priority: 60 → 90 */
    assert_int_equal(s[3].tid, 1);
    assert_int_equal(s[2].tid, 0);
    assert_int_equal(s[0].encoding, 0);
}

static void a_guess_pauses_nobody(void **state)
{
    (void)state;
    struct plm_alloc_memory m[3];
    struct plm_alloc_slot s[3];
    for (uint8_t i = 0; i < 3; i++) {
        s[i] = simulcast(&m[i], 0, 0);
        for (unsigned k = 0; k < 3; k++)
            memset(s[i].layers[k].bps, 0, sizeof s[i].layers[k].bps);
    }
    share_anew(s, 3, 100000); /* an encoding of unknown rate is thought to take more */
    for (int i = 0; i < 3; i++)
        assert_int_equal(s[i].encoding, 0);
    share_anew(s, 3, 1); /* but there has to be something */
    assert_int_equal(s[0].encoding, PLM_LAYER_NONE);
    for (unsigned i = 0; i < PLM_ALLOC_TEMPORAL; i++)
        s[0].layers[0].bps[i] = 150000;
    share_anew(s, 1, 100000); /* known by now */
    assert_int_equal(s[0].encoding, PLM_LAYER_NONE);
}

static void steps_up_by_rank(void **state)
{
    (void)state;
    struct plm_alloc_memory m[3];
    struct plm_alloc_slot s[] = {simulcast(&m[0], 5, 0), simulcast(&m[1], 0, 0), simulcast(&m[2], 0, 0)};
    s[1].screen = true;
    share_anew(s, 3, 1500000 + 60000 + 60000);
    assert_int_equal(s[1].encoding, 2); /* the screen before everybody */
    assert_int_equal(s[0].tid, 0);
    assert_int_equal(s[2].tid, 0);
    share_anew(s, 3, 1500000 + 500000 + 60000);
    assert_int_equal(s[0].encoding, 1);
    assert_int_equal(s[2].tid, 0);
    /* Equal ranks share: neither climbs far ahead. */
    struct plm_alloc_slot e[] = {simulcast(&m[0], 0, 0), simulcast(&m[1], 0, 0)};
    share_anew(e, 2, 1100000);
    assert_int_equal(e[0].encoding, 1);
    assert_int_equal(e[1].encoding, 1);
}

/** Of equal priority the one that is large beside the others comes first, those nearly as large with it. */
static void the_large_one_climbs_first(void **state)
{
    (void)state;
    struct plm_alloc_memory m[3];
    struct plm_alloc_slot s[] = {
        simulcast(&m[0], 0, 300), simulcast(&m[1], 0, 1280), simulcast(&m[2], 0, 300)};
    share_anew(s, 3, 1500000 + 2 * 60000);
    assert_int_equal(s[1].encoding, 2);
    assert_int_equal(s[0].tid, 0);
    assert_int_equal(s[2].tid, 0);
    s[0].want_width = 1100; /* 0.74 of the area */
    s[0].want_height = 618;
    share_anew(s, 3, 500000 + 500000 + 60000 + 29000);
    assert_int_equal(s[0].encoding, 1);
    assert_int_equal(s[1].encoding, 1);
    assert_int_equal(s[2].tid, 0);
}

/** A screen gets its pixels before its frames; a camera the other way round. */
static void screens_are_sharp_before_they_are_smooth(void **state)
{
    (void)state;
    struct plm_alloc_memory m[2];
    struct plm_alloc_slot s[] = {simulcast(&m[0], 0, 0), simulcast(&m[1], 0, 0)};
    s[0].screen = true;
    share_anew(s, 1, 650000);
    assert_int_equal(s[0].encoding, 2);
    assert_int_equal(s[0].tid, 0);
    share_anew(s, 1, 950000);
    assert_int_equal(s[0].encoding, 2);
    assert_int_equal(s[0].tid, 1);
    share_anew(s + 1, 1, 650000);
    assert_int_equal(s[1].encoding, 1);
    assert_int_equal(s[1].tid, 2);
    share_anew(s + 1, 1, 100000);
    assert_int_equal(s[1].encoding, 0);
    assert_int_equal(s[1].tid, 1);
}

static void down_at_once_up_when_there_is_room_for_a_while(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 1);
    share(&r, 510000);
    assert_int_equal(r.slots[0].encoding, 1); /* the first choice needs no margin */
    share_for(&r, 510000, 10 * SECOND);
    assert_int_equal(r.slots[0].encoding, 1); /* what is there stays */
    share(&r, 499999);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[0].tid, 2);
    r.now += 20 * SECOND;
    share_for(&r, 570000, 10 * SECOND); /* less than 15 % would be left */
    assert_int_equal(r.slots[0].encoding, 0);
    share(&r, 576000);
    assert_int_equal(r.slots[0].encoding, 0);
    r.now += SECOND - 1;
    share(&r, 576000);
    assert_int_equal(r.slots[0].encoding, 0);
    r.now += 1;
    share(&r, 576000);
    assert_int_equal(r.slots[0].encoding, 1);
    /* Room that goes in between does not count. */
    share(&r, 430000);
    r.now += 20 * SECOND;
    share(&r, 600000);
    r.now += SECOND / 2;
    share(&r, 550000);
    r.now += SECOND / 2;
    share(&r, 600000);
    assert_int_equal(r.slots[0].encoding, 0);
}

static void after_a_step_down_there_is_none_up_for_a_while(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 1);
    uint64_t waits[6];
    share(&r, 600000);
    for (int i = 0; i < 6; i++) { /* a line that carries what it seems to for a second only */
        share(&r, 430000);
        assert_int_equal(r.slots[0].encoding, 0);
        uint64_t fell = r.now;
        while (r.slots[0].encoding == 0)
            share_for(&r, 600000, SECOND / 2);
        waits[i] = r.now - fell;
        r.now += SECOND;
        share(&r, 600000);
    }
    static const uint64_t expect[] = {5, 10, 20, 40, 60, 60};
    for (int i = 0; i < 6; i++)
        assert_in_range(waits[i], expect[i] * SECOND, (expect[i] + 1) * SECOND);
    /* A line that is far wider now needs no patience. */
    share(&r, 430000);
    share_for(&r, 2300000, 3 * SECOND / 2);
    assert_int_equal(r.slots[0].encoding, 2);
}

/* A budget that fell by itself, and has doubled since, had fallen for a moment: only what took a step up back needs patience then. */
static void a_fall_for_a_moment_needs_no_patience(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 1);
    share_for(&r, 600000, 20 * SECOND);
    share(&r, 50000);
    assert_int_equal(r.slots[0].encoding, PLM_LAYER_NONE);
    share_for(&r, 90000, 3 * SECOND / 2);
    assert_int_equal(r.slots[0].encoding, PLM_LAYER_NONE);
    share_for(&r, 640000, 3 * SECOND / 2); /* 500 were used: on a line that was full it means little */
    assert_int_equal(r.slots[0].encoding, PLM_LAYER_NONE);
    share_for(&r, 700000, 3 * SECOND / 2);
    assert_int_equal(r.slots[0].encoding, 1);
    share(&r, 200000); /* so soon after a step up */
    share_for(&r, 600000, 4 * SECOND);
    assert_int_equal(r.slots[0].encoding, 0);
}

/* What a line carries beside pictures did not come back: where sound takes most of it, a little more leaves several times as much for them. */
static void sound_makes_no_line_come_back(void **state)
{
    (void)state;
    for (unsigned kbit = 0; kbit <= 130; kbit += 130) {
        struct receiver r;
        receiver_init(&r, 2);
        r.line.beside_bps = kbit * 1000;
        share_for(&r, 130000, 20 * SECOND);
        share(&r, 70000);
        assert_int_equal(r.slots[1].encoding, PLM_LAYER_NONE);
        share_for(&r, 160000, 3 * SECOND);
        assert_int_equal(r.slots[1].encoding, kbit ? PLM_LAYER_NONE : 0);
        share_for(&r, 160000, 3 * SECOND);
        assert_int_equal(r.slots[1].encoding, 0);
    }
}

/* What a step up takes shows after it: what lacks then is saved on frames, which come back without head-room; on pixels if it is more than the head-room was, or lasts. */
static void after_a_step_up_frames_go_before_pixels(void **state)
{
    (void)state;
    struct receiver r;
    for (int little = 0; little <= 1; little++) {
        receiver_init(&r, 1);
        share(&r, 300000);
        share_for(&r, 600000, 2 * SECOND);
        assert_int_equal(r.slots[0].encoding, 1);
        share(&r, little ? 450000 : 430000);
        assert_int_equal(r.slots[0].encoding, little ? 1 : 0);
        assert_int_equal(r.slots[0].tid, little ? 1 : 2);
    }
    share_for(&r, 510000, SECOND);
    assert_int_equal(r.slots[0].encoding, 1);
    assert_int_equal(r.slots[0].tid, 2);
    share_for(&r, 450000, 2 * SECOND);
    assert_int_equal(r.slots[0].encoding, 1);
    share_for(&r, 450000, 3 * SECOND);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[0].tid, 2);
}

/* Of equals whoever has come up last saves on frames: nobody who had its picture before goes down for it. */
static void the_last_to_rise_saves(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 2);
    r.slots[0].layers[1].sent = r.slots[0].layers[2].sent = false;
    share(&r, 700000);
    r.slots[0].layers[1].sent = true;
    r.now += 4 * SECOND; /* it is not awaited any more */
    share_for(&r, 1160000, 2 * SECOND);
    assert_int_equal(r.slots[0].encoding, 1);
    assert_int_equal(r.slots[1].encoding, 1);
    share(&r, 950000);
    assert_int_equal(r.slots[0].encoding, 1);
    assert_int_equal(r.slots[0].tid, 1);
    assert_int_equal(r.slots[1].encoding, 1);
    assert_int_equal(r.slots[1].tid, 2);
}

/* What it began with, or somebody asked for, falls as ever. */
static void what_did_not_rise_by_itself_falls_at_once(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 1);
    share(&r, 600000);
    share(&r, 450000);
    assert_int_equal(r.slots[0].encoding, 0);
    receiver_init(&r, 1);
    r.slots[0].want_width = 300;
    share(&r, 600000);
    r.slots[0].want_width = 600;
    share(&r, 600000);
    assert_int_equal(r.slots[0].encoding, 1);
    share(&r, 450000);
    assert_int_equal(r.slots[0].encoding, 0);
}

/* A publisher begins with what is asked for: then it is taken at once, for a while. */
static void what_was_not_sent_yet_is_taken_when_it_comes(void **state)
{
    (void)state;
    for (unsigned seconds = 1; seconds <= 4; seconds += 3) {
        struct receiver r;
        receiver_init(&r, 1);
        r.line.proved_bps = 1;
        r.slots[0].layers[1].sent = r.slots[0].layers[2].sent = false;
        share_for(&r, 2500000, seconds * SECOND);
        assert_int_equal(r.slots[0].encoding, 0);
        assert_int_equal(r.slots[0].wish, 2);
        r.slots[0].layers[2].sent = true;
        share(&r, 2500000);
        assert_int_equal(r.slots[0].encoding, seconds == 1 ? 2 : 0);
        share(&r, 600000);
        share_for(&r, 2500000, SECOND); /* it had it: now it waits as ever */
        assert_int_equal(r.slots[0].encoding, 0);
    }
}

static void up_goes_what_is_proved(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 1);
    share(&r, 450000);
    assert_int_equal(r.slots[0].encoding, 0);
    share_for(&r, 450000, 6 * SECOND);
    r.line.proved_bps = 160000;
    share_for(&r, 600000, 10 * SECOND);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.total.next_bps, 575000); /* 500 and 15 % */
    r.line.proved_bps = 530000;
    share(&r, 600000);
    assert_int_equal(r.slots[0].encoding, 0);
    r.line.proved_bps = 540000; /* 93 % of it */
    share(&r, 600000);
    assert_int_equal(r.slots[0].encoding, 1);
    assert_int_equal(r.total.next_bps, 575000);
    share(&r, 600000);
    assert_int_equal(r.total.next_bps, 0);
    /* What is asked for otherwise does not wait for it, nor does anything where nothing is proved. */
    r.line.proved_bps = 1;
    r.slots[0].priority = 3;
    share(&r, 1800000);
    assert_int_equal(r.slots[0].encoding, 2);
    assert_int_equal(r.total.next_bps, 0);
    share(&r, 600000);
    assert_int_equal(r.slots[0].encoding, 1);
    share(&r, 1800000); /* patience: nothing to prove */
    assert_int_equal(r.total.next_bps, 0);
}

static void what_is_asked_for_anew_does_not_wait(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 2);
    r.slots[0].want_width = r.slots[1].want_width = 320;
    r.slots[0].want_height = r.slots[1].want_height = 180;
    share_for(&r, 800000, 5 * SECOND);
    assert_int_equal(r.slots[0].encoding, 0);
    r.slots[0].want_width = 640; /* a tile grows */
    r.slots[0].want_height = 360;
    share(&r, 800000);
    assert_int_equal(r.slots[0].encoding, 1);
    assert_int_equal(r.slots[1].encoding, 0);
    r.slots[0].want_width = 320; /* and another */
    r.slots[0].want_height = 180;
    r.slots[1].priority = 1;
    r.slots[1].want_width = 640;
    r.slots[1].want_height = 360;
    share(&r, 800000);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[1].encoding, 1);
    r.slots[0].priority = 2;
    r.slots[0].want_width = 640;
    r.slots[0].want_height = 360;
    share(&r, 800000);
    assert_int_equal(r.slots[0].encoding, 1);
    assert_int_equal(r.slots[1].encoding, 0);
    assert_int_equal(r.line.fell_us, 0); /* that is no want of bandwidth */
}

static void a_paused_slot_comes_back_by_itself(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 2);
    share(&r, 300000);
    share(&r, 100000);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[1].encoding, PLM_LAYER_NONE);
    assert_int_equal(r.slots[1].wish, 0); /* its publisher goes on */
    share_for(&r, 119999, 30 * SECOND);
    assert_int_equal(r.slots[1].encoding, PLM_LAYER_NONE);
    share_for(&r, 138001, 10 * SECOND);
    assert_int_equal(r.slots[1].encoding, 0);
    assert_int_equal(r.slots[1].tid, 0);
}

/** What more it could have is not proved: where there is ample room for the lowest layer it does not wait for that. */
static void a_paused_slot_comes_back_small_where_there_is_ample_room(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 1);
    share(&r, 300000);
    share(&r, 20000);
    assert_int_equal(r.slots[0].encoding, PLM_LAYER_NONE);
    r.line.proved_bps = 1;
    share_for(&r, 170000, 30 * SECOND);
    assert_int_equal(r.slots[0].encoding, PLM_LAYER_NONE);
    share_for(&r, 1000000, 2 * SECOND); /* of a lowest layer of 60 */
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[0].tid, 0);
    share_for(&r, 1000000, 10 * SECOND);
    assert_int_equal(r.slots[0].encoding, 0);
}

/** What lacks right after is no more than the head-room of the whole line, sound included: it would flap. For a while, and not when much lacks. */
static void a_picture_that_came_back_is_kept_for_a_while(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 2);
    r.line.beside_bps = 130000;
    share(&r, 300000);
    share_for(&r, 100000, 25 * SECOND);
    assert_int_equal(r.slots[1].encoding, PLM_LAYER_NONE);
    while (r.slots[1].encoding == PLM_LAYER_NONE)
        share_for(&r, 138001, SECOND / 2);
    share_for(&r, 90000, 4 * SECOND);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[1].encoding, 0);
    assert_int_equal(r.slots[1].tid, 0);
    share_for(&r, 90000, 2 * SECOND);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[1].encoding, PLM_LAYER_NONE);
    while (r.slots[1].encoding == PLM_LAYER_NONE)
        share_for(&r, 138001, SECOND / 2);
    share(&r, 85000);
    assert_int_equal(r.slots[1].encoding, PLM_LAYER_NONE);
}

/** Nor does it push out one that was there all along. */
static void who_came_back_pushes_nobody_out(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 2);
    r.slots[1] = simulcast(&r.memory[1], 0, 320);
    for (unsigned t = 0; t < PLM_ALLOC_TEMPORAL; t++)
        r.slots[0].layers[0].bps[t] = 170000;
    share(&r, 300000);
    share_for(&r, 110000, 25 * SECOND);
    assert_int_equal(r.slots[0].encoding, PLM_LAYER_NONE);
    assert_int_equal(r.slots[1].encoding, 0);
    while (r.slots[0].encoding == PLM_LAYER_NONE)
        share_for(&r, 300000, SECOND / 2);
    share_for(&r, 220000, SECOND);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[1].encoding, 0);
}

/** More frames of the same encoding need no key frame: a failure is no reason to wait for them. */
static void frames_come_back_soon(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 1);
    share(&r, 600000);
    share(&r, 70000);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[0].tid, 0);
    share_for(&r, 200000, 3 * SECOND / 2);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[0].tid, 2);
}

/** An important small picture without its frames for what they seem to take, and a large one. @return with room for the frames, for not quite 1 s */
static struct receiver *frames_are_due(struct receiver *r)
{
    receiver_init(r, 2);
    r->slots[0] = simulcast(&r->memory[0], 1, 320);
    struct plm_alloc_layer small = r->slots[0].layers[0];
    for (unsigned t = 1; t < PLM_ALLOC_TEMPORAL; t++)
        r->slots[0].layers[0].bps[t] = 900000;
    share_for(r, 600000, 20 * SECOND);
    assert_int_equal(r->slots[0].tid, 0);
    assert_int_equal(r->slots[1].encoding, 1);
    r->slots[0].layers[0] = small;
    share_for(r, 600000, SECOND / 2);
    r->now += SECOND / 2;
    return r;
}

/** Only a line that carries less is a reason for patience, not another one's frames. */
static void a_place_taken_for_frames_is_no_fall(void **state)
{
    (void)state;
    struct receiver r;
    share(frames_are_due(&r), 600000);
    assert_int_equal(r.slots[0].tid, 2);
    assert_int_equal(r.slots[1].encoding, 0);
    assert_int_equal(r.line.fell_us, 0);

    share(frames_are_due(&r), 540000); /* 60 and 500 kbit/s were used */
    assert_int_equal(r.slots[0].tid, 2);
    assert_int_equal(r.slots[1].encoding, 0);
    assert_int_equal(r.line.fell_us, r.now);
}

static void what_is_not_sent_is_wished_for(void **state)
{
    (void)state;
    struct plm_alloc_memory m;
    struct plm_alloc_slot s = simulcast(&m, 0, 1280);
    s.layers[1].sent = s.layers[2].sent = false;
    share_anew(&s, 1, 0);
    assert_int_equal(s.encoding, 0);
    assert_int_equal(s.wish, 2);
    share_anew(&s, 1, 700000); /* no room for the 1500 kbit/s that it took when it flowed, but for 500 */
    assert_int_equal(s.encoding, 0);
    assert_int_equal(s.wish, 1);
    memset(s.layers[2].bps, 0, sizeof s.layers[2].bps); /* never measured: 1350 are guessed */
    share_anew(&s, 1, 1500000);
    assert_int_equal(s.wish, 1);
    share_anew(&s, 1, 1600000);
    assert_int_equal(s.wish, 2);
    /* Only a higher one is sent: better than nothing. */
    s = simulcast(&m, 0, 320);
    s.layers[0].sent = false;
    share_anew(&s, 1, 0);
    assert_int_equal(s.encoding, 1);
    assert_int_equal(s.wish, 0);
    /* Nothing is measured yet: begin with the lowest. */
    s = simulcast(&m, 0, 0);
    for (int i = 0; i < 3; i++)
        s.layers[i] = (struct plm_alloc_layer){0};
    share_anew(&s, 1, 0);
    assert_int_equal(s.encoding, 0);
    assert_int_equal(s.wish, 2);
    /* Nothing is sent any more: what was shown last stays the aim, and nobody is asked for key frames. */
    struct plm_alloc_line line = {0};
    struct plm_alloc_total total;
    m = (struct plm_alloc_memory){.known = true, .encoding = 2};
    s.present = 2;
    plm_allocate(&line, &s, 1, 0, SECOND, &total);
    assert_int_equal(s.encoding, 2);
}

/** What is about to be shown is needed though it must wait: else its publisher would end it. */
static void what_is_waited_for_is_wished_for(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 1);
    share(&r, 200000);
    assert_int_equal(r.slots[0].encoding, 0);
    share(&r, 2000000);
    assert_int_equal(r.slots[0].encoding, 0);
    assert_int_equal(r.slots[0].wish, 2);
}

static void totals_say_what_is_used_and_wanted(void **state)
{
    (void)state;
    struct receiver r;
    receiver_init(&r, 3);
    r.slots[1].want_width = 640;
    r.slots[1].want_height = 360;
    r.slots[2].layers[2].sent = false;
    share(&r, 800000);
    assert_int_equal(r.total.want_bps, 1500000 + 500000 + 1500000);
    assert_int_equal(r.total.used_bps, 500000 + 150000 + 150000);
}

/** Any slots, any budgets: what alloc_rules.h says. */
static void rules_hold_for_any_slots(void **state)
{
    (void)state;
    uint64_t seed = 31;
    for (int round = 0; round < 3000; round++) {
        uint8_t script[1500];
        for (size_t i = 0; i < sizeof script; i++)
            script[i] = (uint8_t)(alloc_random(&seed) >> 13);
        const char *broken = alloc_rules_check(script, (size_t)(alloc_random(&seed) % sizeof script));
        if (broken)
            fail_msg("round %d: %s", round, broken);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_an_estimate_everybody_gets_his_wish),
        cmocka_unit_test(floors_come_first_by_priority),
        cmocka_unit_test(a_guess_pauses_nobody),
        cmocka_unit_test(steps_up_by_rank),
        cmocka_unit_test(the_large_one_climbs_first),
        cmocka_unit_test(screens_are_sharp_before_they_are_smooth),
        cmocka_unit_test(down_at_once_up_when_there_is_room_for_a_while),
        cmocka_unit_test(after_a_step_down_there_is_none_up_for_a_while),
        cmocka_unit_test(a_fall_for_a_moment_needs_no_patience),
        cmocka_unit_test(sound_makes_no_line_come_back),
        cmocka_unit_test(after_a_step_up_frames_go_before_pixels),
        cmocka_unit_test(the_last_to_rise_saves),
        cmocka_unit_test(what_did_not_rise_by_itself_falls_at_once),
        cmocka_unit_test(what_was_not_sent_yet_is_taken_when_it_comes),
        cmocka_unit_test(up_goes_what_is_proved),
        cmocka_unit_test(what_is_asked_for_anew_does_not_wait),
        cmocka_unit_test(a_paused_slot_comes_back_by_itself),
        cmocka_unit_test(a_paused_slot_comes_back_small_where_there_is_ample_room),
        cmocka_unit_test(a_picture_that_came_back_is_kept_for_a_while),
        cmocka_unit_test(who_came_back_pushes_nobody_out),
        cmocka_unit_test(frames_come_back_soon),
        cmocka_unit_test(a_place_taken_for_frames_is_no_fall),
        cmocka_unit_test(what_is_not_sent_is_wished_for),
        cmocka_unit_test(what_is_waited_for_is_wished_for),
        cmocka_unit_test(totals_say_what_is_used_and_wanted),
        cmocka_unit_test(rules_hold_for_any_slots),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
