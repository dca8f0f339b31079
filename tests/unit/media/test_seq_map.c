#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../fakes/frame_source.h"
#include "../../fakes/ref_finder.h"
#include "layer_select.h"
#include "seq_map.h"

/* ---- single rules ---- */

static struct plm_pkt pkt;
static struct plm_map_out out;

static enum plm_map_verdict push_as(
    struct plm_seq_map *m, uint64_t source, uint64_t seq, uint64_t ts, bool wanted)
{
    pkt.ext_seq = seq;
    pkt.ext_ts = ts;
    return plm_seq_map_push(m, source, &pkt, wanted, &out);
}

static struct plm_seq_map *begin_sized(
    uint32_t size, enum plm_codec codec, uint16_t first_seq, uint64_t seq, uint64_t ts)
{
    memset(&pkt, 0, sizeof pkt);
    pkt.codec = codec;
    pkt.ext_seq = seq;
    pkt.ext_ts = ts;
    pkt.arrival_us = 1000000;
    struct plm_seq_map *m = plm_seq_map_create(size, first_seq, 100, 7, 5000);
    assert_non_null(m);
    plm_seq_map_switch(m, 1, &pkt, 90000, 1000000);
    return m;
}

static struct plm_seq_map *begin(enum plm_codec codec, uint16_t first_seq, uint64_t seq, uint64_t ts)
{
    return begin_sized(PLM_MAP_SIZE, codec, first_seq, seq, ts);
}

static void starts_where_it_is_told(void **state)
{
    (void)state;
    struct plm_seq_map *m = plm_seq_map_create(PLM_MAP_SIZE, 0xffff, 0xffff, 7, 5000);
    assert_null(plm_seq_map_segment(m));
    assert_int_equal(push_as(m, 1, 10, 10, true), PLM_MAP_DROP);
    plm_seq_map_destroy(m);

    m = begin(PLM_CODEC_VP8, 0x7fff, 70000, 1234567);
    pkt.info.has_picture_id = pkt.info.picture_id_15 = pkt.info.has_tl0 = true;
    pkt.info.picture_id = 0x7ffe;
    pkt.info.tl0picidx = 200;
    assert_int_equal(push_as(m, 1, 70000, 1234567, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 0x7fff);
    assert_int_equal(out.ts, 5000);
    assert_int_equal(out.numbers.picture_id, 100);
    assert_int_equal(out.numbers.tl0picidx, 7);
    assert_int_equal(push_as(m, 1, 70001, 1234567, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 0x8000);
    assert_int_equal(out.numbers.picture_id, 100);
    assert_int_equal(plm_seq_map_last(m), 0x8000);
    assert_int_equal(plm_seq_map_last_ts(m), 5000);
    assert_int_equal(plm_seq_map_segment(m)->source, 1);
    plm_seq_map_destroy(m);
}

static void a_gap_keeps_its_numbers(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_OPUS, 10, 70000, 0);
    assert_int_equal(push_as(m, 1, 70000, 0, true), PLM_MAP_SEND);
    assert_int_equal(push_as(m, 1, 70003, 300, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 13);
    assert_int_equal(push_as(m, 1, 70001, 100, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 11);
    assert_int_equal(out.ts, 5100);
    assert_int_equal(push_as(m, 1, 70001, 100, true), PLM_MAP_DUPLICATE);
    assert_int_equal(push_as(m, 1, 70002, 200, false), PLM_MAP_FILL);
    assert_int_equal(out.ext_seq, 12);
    assert_int_equal(push_as(m, 1, 70002, 200, true), PLM_MAP_DUPLICATE);
    assert_int_equal(push_as(m, 1, 70003, 300, true), PLM_MAP_DUPLICATE);
    assert_int_equal(push_as(m, 1, 69999, 0, true), PLM_MAP_DROP);
    assert_int_equal(push_as(m, 2, 70004, 400, true), PLM_MAP_DROP);
    plm_seq_map_destroy(m);
}

/** Without layers, padding in a frame's place would hide from the receiver that what follows refers to nothing. */
static void padding_never_hides_a_frame(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_H264, 10, 70000, 0);
    pkt.payload_len = 100;
    assert_int_equal(push_as(m, 1, 70000, 0, true), PLM_MAP_SEND);
    assert_int_equal(push_as(m, 1, 70002, 200, true), PLM_MAP_SEND);
    assert_int_equal(push_as(m, 1, 70001, 100, false), PLM_MAP_DROP);
    assert_int_equal(push_as(m, 1, 70001, 100, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 11);
    assert_int_equal(push_as(m, 1, 70005, 300, false), PLM_MAP_DROP); /* a pause begins: nothing is kept */
    assert_int_equal(push_as(m, 1, 70006, 400, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 13);
    plm_seq_map_destroy(m);
}

static void what_is_dropped_leaves_no_gap(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_OPUS, 10, 70000, 0);
    assert_int_equal(push_as(m, 1, 70000, 0, true), PLM_MAP_SEND);
    assert_int_equal(push_as(m, 1, 70001, 100, false), PLM_MAP_DROP);
    assert_int_equal(push_as(m, 1, 70002, 200, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 11);
    assert_int_equal(push_as(m, 1, 70001, 100, true), PLM_MAP_DROP);
    /* Longer gaps than anybody would repair are closed too. */
    assert_int_equal(push_as(m, 1, 70003 + 257, 900, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 12);
    assert_int_equal(push_as(m, 1, 70003 + 257 + 257, 1900, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 12 + 257);
    assert_int_equal(push_as(m, 1, 70100, 200, true), PLM_MAP_DROP);
    plm_seq_map_destroy(m);
}

static void old_numbers_are_forgotten_by_a_map_of(uint32_t size)
{
    struct plm_seq_map *m = begin_sized(size, PLM_CODEC_OPUS, 10, 70000, 0);
    struct plm_segment segment;
    uint64_t src;
    assert_false(plm_seq_map_find(m, 10, &segment, &src, &out));
    assert_int_equal(push_as(m, 1, 70000, 0, true), PLM_MAP_SEND);
    for (uint64_t i = 2; i < 2000; i++)
        assert_int_equal(push_as(m, 1, 70000 + i, i, true), PLM_MAP_SEND);
    assert_int_equal(push_as(m, 1, 70001, 1, true), PLM_MAP_TOO_OLD);
    assert_int_equal(push_as(m, 1, 70100, 1, true), PLM_MAP_TOO_OLD);
    for (uint64_t i = 0; i < 2000; i++) {
        bool known = i >= 2000 - size;
        assert_int_equal(plm_seq_map_find(m, (uint16_t)(10 + i), &segment, &src, &out), known);
        if (known) {
            assert_int_equal(src, 70000 + i);
            assert_int_equal(out.ext_seq, 10 + i);
            assert_int_equal(out.ts, 5000 + i);
        }
    }
    assert_false(plm_seq_map_find(m, 2010, &segment, &src, &out));
    assert_false(plm_seq_map_find(m, 9, &segment, &src, &out));
    plm_seq_map_destroy(m);
}

static void old_numbers_are_forgotten(void **state)
{
    (void)state;
    old_numbers_are_forgotten_by_a_map_of(PLM_MAP_SIZE);
    old_numbers_are_forgotten_by_a_map_of(PLM_MAP_SIZE_AUDIO);
}

/** More packets missing than a small map remembers: those that it does can still come. */
static void a_gap_longer_than_the_map(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin_sized(PLM_MAP_SIZE_AUDIO, PLM_CODEC_OPUS, 10, 70000, 0);
    assert_int_equal(push_as(m, 1, 70000, 0, true), PLM_MAP_SEND);
    assert_int_equal(push_as(m, 1, 70200, 200, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 210);
    assert_int_equal(push_as(m, 1, 70010, 10, true), PLM_MAP_TOO_OLD);
    assert_int_equal(push_as(m, 1, 70100, 100, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 110);
    assert_int_equal(push_as(m, 1, 70100, 100, true), PLM_MAP_DUPLICATE);
    plm_seq_map_destroy(m);
}

static void own_packets_take_a_number(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP8, 10, 70000, 0);
    struct plm_segment segment;
    uint64_t src;
    assert_int_equal(push_as(m, 1, 70000, 0, true), PLM_MAP_SEND);
    assert_int_equal(plm_seq_map_take(m), 11);
    assert_int_equal(plm_seq_map_take(m), 12);
    assert_int_equal(push_as(m, 1, 70000, 0, true), PLM_MAP_DUPLICATE);
    assert_int_equal(push_as(m, 1, 70001, 0, false), PLM_MAP_DROP);
    assert_int_equal(plm_seq_map_take(m), 13);
    assert_int_equal(push_as(m, 1, 70001, 0, true), PLM_MAP_DROP);
    assert_int_equal(push_as(m, 1, 70003, 0, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 15);
    assert_int_equal(push_as(m, 1, 70002, 0, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 14);
    assert_false(plm_seq_map_find(m, 12, &segment, &src, &out));
    assert_true(plm_seq_map_find(m, 14, &segment, &src, &out));
    plm_seq_map_destroy(m);

    m = plm_seq_map_create(PLM_MAP_SIZE, 0, 0, 0, 0);
    assert_int_equal(plm_seq_map_take(m), 0);
    assert_int_equal(plm_seq_map_last(m), 0);
    plm_seq_map_destroy(m);
}

/** FACTS: a switch continues by elapsed arrival time, one tick at least, and never goes back. */
static void timestamps_continue_by_elapsed_time(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP8, 10, 70000, 777777);
    assert_int_equal(push_as(m, 1, 70000, 777777, true), PLM_MAP_SEND);
    pkt.encoding = 1;
    pkt.ext_seq = 5;
    pkt.ext_ts = UINT32_MAX - 5ull;
    plm_seq_map_switch(m, 1, &pkt, 90000, 1500000); /* half a second later */
    pkt.arrival_us = 1500000;
    assert_int_equal(push_as(m, 1, 5, UINT32_MAX - 5ull, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 11);
    assert_int_equal(out.ts, 5000 + 45000);
    pkt.encoding = 2;
    plm_seq_map_switch(m, 1, &pkt, 90000, 1500000); /* at once */
    assert_int_equal(push_as(m, 1, 5, UINT32_MAX - 5ull, true), PLM_MAP_SEND);
    assert_int_equal(out.ts, 50001);
    plm_seq_map_switch(m, 1, &pkt, 90000, 1400000); /* a clock that goes back is no reason to */
    assert_int_equal(push_as(m, 1, 5, UINT32_MAX - 5ull, true), PLM_MAP_SEND);
    assert_int_equal(out.ts, 50002);
    plm_seq_map_switch(
        m, 3, &pkt, 90000, UINT64_C(1500000) + 100000 * UINT64_C(1000000)); /* a day's pause wraps */
    assert_int_equal(push_as(m, 3, 5, UINT32_MAX - 5ull, true), PLM_MAP_SEND);
    assert_int_equal(out.ts, (uint32_t)(50002 + UINT64_C(9000000000)));
    plm_seq_map_destroy(m);
}

static void late_packets_of_a_left_segment_keep_its_offsets(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP9, 10, 70000, 1000);
    pkt.info.has_picture_id = true;
    pkt.info.picture_id = 127; /* seven bits */
    assert_int_equal(push_as(m, 1, 70000, 1000, true), PLM_MAP_SEND);
    pkt.info.picture_id = 2;
    assert_int_equal(push_as(m, 1, 70003, 4000, true), PLM_MAP_SEND);
    assert_int_equal(out.numbers.picture_id, 103);
    pkt.encoding = 1;
    pkt.info.picture_id = 50;
    pkt.ext_seq = 900;
    pkt.ext_ts = 88;
    plm_seq_map_switch(m, 1, &pkt, 90000, 1100000);
    assert_int_equal(push_as(m, 1, 900, 88, true), PLM_MAP_SEND);
    assert_int_equal(out.numbers.picture_id, 104);
    assert_int_equal(out.ext_seq, 14);
    pkt.encoding = 0;
    pkt.info.picture_id = 0;
    assert_int_equal(push_as(m, 1, 70001, 2000, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 11);
    assert_int_equal(out.ts, 6000);
    assert_int_equal(out.numbers.picture_id, 101);
    assert_int_equal(
        push_as(m, 1, 70004, 5000, true), PLM_MAP_DROP); /* nothing is reserved beyond the switch */
    plm_seq_map_destroy(m);
}

static void more_segments_than_are_kept(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP8, 10, 70000, 1000);
    assert_int_equal(push_as(m, 1, 70000, 1000, true), PLM_MAP_SEND);
    assert_int_equal(push_as(m, 1, 70002, 1000, true), PLM_MAP_SEND);
    for (uint64_t i = 0; i < 40; i++) {
        pkt.ext_seq = 80000 + 10 * i;
        pkt.ext_ts = 2000 + i;
        plm_seq_map_switch(m, 2 + i, &pkt, 90000, 1100000);
        assert_int_equal(push_as(m, 2 + i, 80000 + 10 * i, 2000 + i, true), PLM_MAP_SEND);
    }
    struct plm_segment segment;
    uint64_t src;
    assert_int_equal(push_as(m, 1, 70001, 1000, true), PLM_MAP_DROP);
    assert_false(plm_seq_map_find(m, 10, &segment, &src, &out));
    assert_false(plm_seq_map_find(m, 13 + 40 - 1 - PLM_MAP_SEGMENTS, &segment, &src, &out));
    for (unsigned i = 0; i < PLM_MAP_SEGMENTS; i++) {
        assert_true(plm_seq_map_find(m, (uint16_t)(13 + 39 - i), &segment, &src, &out));
        assert_int_equal(segment.source, 41 - i);
        assert_int_equal(src, 80000 + 10 * (39 - i));
    }
    plm_seq_map_destroy(m);
}

static void vp8_frames_that_are_dropped_give_up_their_id(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP8, 10, 70000, 1000);
    pkt.info.has_picture_id = true;
    uint64_t seq = 70000;
    for (unsigned i = 0; i < 1000; i++) { /* a 7-bit id, several times round */
        pkt.info.picture_id = i & 0x7f;
        bool wanted = i % 4 == 0;
        for (int k = 0; k < 3; k++) {
            enum plm_map_verdict v = push_as(m, 1, seq++, 1000 + i * 3000, wanted);
            assert_int_equal(v, wanted ? PLM_MAP_SEND : PLM_MAP_DROP);
            if (wanted)
                assert_int_equal(out.numbers.picture_id, 100 + i / 4);
        }
    }
    plm_seq_map_destroy(m);
}

static void a_source_that_begins_anew_goes_on_densely(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP8, 10, 70000, 1000);
    pkt.info.has_picture_id = pkt.info.picture_id_15 = pkt.info.has_tl0 = true;
    pkt.info.picture_id = 20000;
    pkt.info.tl0picidx = 50;
    assert_int_equal(push_as(m, 1, 70000, 1000, true), PLM_MAP_SEND);
    pkt.info.picture_id = 5; /* the encoder was restarted */
    pkt.info.tl0picidx = 180;
    assert_int_equal(push_as(m, 1, 70001, 4000, true), PLM_MAP_SEND);
    assert_int_equal(out.numbers.picture_id, 101);
    assert_int_equal(out.numbers.tl0picidx, 8);
    pkt.info.picture_id = 4; /* and back */
    assert_int_equal(push_as(m, 1, 70002, 7000, true), PLM_MAP_SEND);
    assert_int_equal(out.numbers.picture_id, 102);
    assert_int_equal(push_as(m, 1, 70003, 10000, true), PLM_MAP_SEND); /* the same id for another frame */
    assert_int_equal(out.numbers.picture_id, 103);
    plm_seq_map_destroy(m);
}

/** Once a frame's id is given up nothing of the frame may go out, and what is missing inside of it is not kept a place for. */
static void a_dropped_frame_stays_dropped(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP8, 10, 70000, 1000);
    pkt.info.has_picture_id = pkt.info.picture_id_15 = true;
    pkt.info.picture_id = 7;
    assert_int_equal(push_as(m, 1, 70000, 1000, true), PLM_MAP_SEND);
    pkt.info.picture_id = 8;
    assert_int_equal(push_as(m, 1, 70001, 4000, false), PLM_MAP_DROP);
    assert_int_equal(push_as(m, 1, 70004, 4000, false), PLM_MAP_DROP);
    assert_int_equal(push_as(m, 1, 70005, 4000, true), PLM_MAP_DROP);
    pkt.info.picture_id = 9;
    assert_int_equal(push_as(m, 1, 70006, 7000, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 11);
    assert_int_equal(out.numbers.picture_id, 101);
    plm_seq_map_destroy(m);
}

/** VP9 keeps the gaps of its own dropped frames; a stream that begins behind them owes nothing to these. */
static void a_switch_goes_on_from_what_was_sent(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP9, 10, 70000, 1000);
    pkt.info.has_picture_id = pkt.info.picture_id_15 = pkt.info.has_layers = true;
    pkt.info.picture_id = 500;
    assert_int_equal(push_as(m, 1, 70000, 1000, true), PLM_MAP_SEND);
    assert_int_equal(out.numbers.picture_id, 100);
    pkt.info.picture_id = 501;
    assert_int_equal(push_as(m, 1, 70001, 4000, false), PLM_MAP_DROP);
    pkt.info.picture_id = 502;
    assert_int_equal(push_as(m, 1, 70002, 7000, false), PLM_MAP_DROP);
    pkt.codec = PLM_CODEC_VP8;
    pkt.info.picture_id = 9;
    pkt.ext_seq = 70000;
    plm_seq_map_switch(m, 2, &pkt, 90000, 1100000);
    assert_int_equal(push_as(m, 2, 70000, 7000, true), PLM_MAP_SEND);
    assert_int_equal(out.ext_seq, 11);
    assert_int_equal(out.numbers.picture_id, 101);
    /* One that is missing may still come: its id is kept. */
    pkt.info.picture_id = 11;
    assert_int_equal(push_as(m, 2, 70002, 13000, false), PLM_MAP_DROP);
    pkt.info.picture_id = 60;
    pkt.ext_seq = 80000;
    plm_seq_map_switch(m, 3, &pkt, 90000, 1200000);
    assert_int_equal(push_as(m, 3, 80000, 20000, true), PLM_MAP_SEND);
    assert_int_equal(out.numbers.picture_id, 103);
    pkt.info.picture_id = 10;
    assert_true(plm_seq_map_awaits(m, 2, &pkt) == false); /* another number */
    pkt.ext_seq = 70001;
    assert_true(plm_seq_map_awaits(m, 2, &pkt));
    assert_int_equal(push_as(m, 2, 70001, 10000, true), PLM_MAP_SEND);
    assert_int_equal(out.numbers.picture_id, 102);
    assert_false(plm_seq_map_awaits(m, 2, &pkt));
    pkt.ext_seq = 70009; /* behind the end of its segment */
    assert_false(plm_seq_map_awaits(m, 2, &pkt));
    assert_false(plm_seq_map_awaits(m, 4, &pkt));
    plm_seq_map_destroy(m);
}

/** Not twice within a round trip, by a clock that wraps each 65 s; what takes its place in the map begins anew. */
static void is_retried_once_per_round_trip(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP8, 10, 70000, 1000);
    assert_false(plm_seq_map_retry(m, 10, 65536000, 50000)); /* nothing was sent */
    for (uint64_t i = 0; i < PLM_MAP_SIZE; i++)
        assert_int_equal(push_as(m, 1, 70000 + i, 1000, true), PLM_MAP_SEND);
    assert_true(plm_seq_map_retry(m, 10, 65536000, 50000));
    assert_false(plm_seq_map_retry(m, 10, 65536000 + 48000, 50000));
    assert_true(plm_seq_map_retry(m, 11, 65536000 + 48000, 50000));
    assert_true(plm_seq_map_retry(m, 10, 65536000 + 51000, 50000));
    assert_false(plm_seq_map_retry(m, 10, 65536000 + 100000, 50000));
    assert_true(plm_seq_map_retry(m, 10, 65536000 + 100000, 0)); /* no round trip known */
    assert_int_equal(push_as(m, 1, 70000 + PLM_MAP_SIZE, 1000, true), PLM_MAP_SEND);
    assert_false(plm_seq_map_retry(m, 10, 66000000, 0)); /* forgotten */
    assert_true(plm_seq_map_retry(m, 10 + PLM_MAP_SIZE, 65536000 + 100000, 50000));
    assert_false(plm_seq_map_retry(m, 11 + PLM_MAP_SIZE, 66000000, 0)); /* not sent yet */
    plm_seq_map_destroy(m);
}

/** A source whose timestamps step back below its first does not upset what a later switch continues from. */
static void timestamps_below_the_first(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_VP8, 10, 70000, 90000);
    assert_int_equal(push_as(m, 1, 70000, 90000, true), PLM_MAP_SEND);
    assert_int_equal(push_as(m, 1, 70001, 80000, true), PLM_MAP_SEND);
    assert_int_equal(out.ts, (uint32_t)(5000 - 10000));
    assert_int_equal(plm_seq_map_last_ts(m), 5000);
    pkt.encoding = 1;
    plm_seq_map_switch(m, 1, &pkt, 90000, 1500000);
    assert_int_equal(push_as(m, 1, 70001, 80000, true), PLM_MAP_SEND);
    assert_int_equal(out.ts, 5000 + 45000);
    plm_seq_map_destroy(m);
}

/** Dependency descriptor: structure with 6-bit first id and n templates of layer idc 1, ended by 3. */
static void set_dd(uint16_t frame, uint8_t template_id, int first_id, unsigned n)
{
    uint8_t *dd = pkt.data + 40;
    memset(dd, 0, 16);
    pkt.dd_off = 40;
    dd[0] = 0xc0 | template_id;
    dd[1] = (uint8_t)(frame >> 8);
    dd[2] = (uint8_t)frame;
    pkt.dd_len = 3;
    if (first_id < 0)
        return;
    pkt.dd_len = 16;
    unsigned bit = 24;
#define PUT(v, w)                                                                                            \
    for (int b_ = (w); b_-- > 0; bit++)                                                                      \
    dd[bit / 8] |= (uint8_t)(((unsigned)(v) >> b_ & 1) << (7 - bit % 8))
    PUT(0x10, 5);
    PUT(first_id, 6);
    PUT(1, 5);
    for (unsigned i = 0; i < n; i++)
        PUT(i + 1 == n ? 3 : 1, 2);
}

static void dependency_descriptors_do_not_collide(void **state)
{
    (void)state;
    struct plm_seq_map *m = begin(PLM_CODEC_AV1, 10, 70000, 1000);
    set_dd(65530, 10, 10, 5);
    assert_int_equal(push_as(m, 1, 70000, 1000, true), PLM_MAP_SEND);
    assert_int_equal(out.dd_offset, 0);
    assert_int_equal(out.dd_shift, 0);
    set_dd(4, 12, -1, 0); /* wraps */
    assert_int_equal(push_as(m, 1, 70002, 4000, true), PLM_MAP_SEND);
    pkt.encoding = 1;
    set_dd(300, 62, 62, 7);
    pkt.ext_seq = 900;
    plm_seq_map_switch(m, 1, &pkt, 90000, 1100000);
    assert_int_equal(push_as(m, 1, 900, 88, true), PLM_MAP_SEND);
    assert_int_equal((uint16_t)(300 + out.dd_offset), 5);
    assert_int_equal((62 + out.dd_shift) & 63, 15);
    pkt.encoding = 0;
    set_dd(65535, 11, -1, 0);
    assert_int_equal(push_as(m, 1, 70001, 2500, true), PLM_MAP_SEND);
    assert_int_equal(out.dd_offset, 0);
    assert_int_equal(out.dd_shift, 0);
    pkt.encoding = 2;
    set_dd(1, 0, 0, 3);
    pkt.dd_len = 5; /* cut off: the frame number still goes on */
    pkt.ext_seq = 10;
    plm_seq_map_switch(m, 1, &pkt, 90000, 1200000);
    assert_int_equal(push_as(m, 1, 10, 88, true), PLM_MAP_SEND);
    assert_int_equal((uint16_t)(1 + out.dd_offset), 6);
    plm_seq_map_destroy(m);
}

/* ---- random streams against the reference finder ---- */

#define N_ENCODINGS 3
#define FRAME_US    33333

struct flight { /* a packet on its way to us */
    uint64_t arrival_us;
    uint32_t frame; /* index of its encoding's */
    uint8_t encoding, at;
};

struct sent_packet {
    uint64_t out_seq;
    uint32_t ts, frame;
    uint16_t picture;
    uint8_t tl0, encoding, at;
    bool fill;
};

struct truth {
    struct fs_frame f;
    uint8_t arrived; /* bit per packet, before the end */
    uint8_t lost;    /* packets that never came */
    bool refused;    /* a packet was dropped by choice */
    bool sent;
    bool decoded;      /* by the present sequence of the receiver */
    uint32_t sequence; /* in which coded sequence it was decoded */
};

struct scene {
    enum plm_codec codec;
    unsigned loss, real_loss, duplicate, reorder; /* per mille */
    unsigned switches;
    bool steady_layers; /* never drop temporal layers */

    uint64_t seed, now_us;
    struct fs_source sources[N_ENCODINGS];
    struct truth *frames[N_ENCODINGS];
    size_t n_frames[N_ENCODINGS], cap_frames;
    struct flight *heap;
    size_t n_heap, cap_heap;
    struct sent_packet *sent;
    size_t n_sent, cap_sent;
    struct plm_seq_map *map;
    struct plm_layer_select layers;
    unsigned segments;
    int key_in[N_ENCODINGS];
    uint64_t verdicts[8];
};

static void heap_push(struct scene *s, struct flight f)
{
    if (s->n_heap == s->cap_heap) {
        s->cap_heap = s->cap_heap ? s->cap_heap * 2 : 256;
        s->heap = realloc(s->heap, s->cap_heap * sizeof *s->heap);
        assert_non_null(s->heap);
    }
    size_t i = s->n_heap++;
    for (; i && s->heap[(i - 1) / 2].arrival_us > f.arrival_us; i = (i - 1) / 2)
        s->heap[i] = s->heap[(i - 1) / 2];
    s->heap[i] = f;
}

static struct flight heap_pop(struct scene *s)
{
    struct flight top = s->heap[0], last = s->heap[--s->n_heap];
    size_t i = 0;
    for (size_t c; (c = 2 * i + 1) < s->n_heap; i = c) {
        if (c + 1 < s->n_heap && s->heap[c + 1].arrival_us < s->heap[c].arrival_us)
            c++;
        if (s->heap[c].arrival_us >= last.arrival_us)
            break;
        s->heap[i] = s->heap[c];
    }
    s->heap[i] = last;
    return top;
}

static void launch(struct scene *s, uint8_t encoding, uint32_t frame)
{
    struct truth *t = &s->frames[encoding][frame];
    for (uint8_t at = 0; at < t->f.n_packets; at++) {
        struct flight f = {s->now_us + at * 300u + encoding * 5000u, frame, encoding, at};
        if (fs_chance(&s->seed, s->reorder))
            f.arrival_us += fs_random(&s->seed) % 60000;
        if (fs_chance(&s->seed, s->real_loss)) {
            t->lost++;
            continue;
        }
        if (fs_chance(&s->seed, s->loss)) /* repaired: comes much later, sometimes too late to be of use */
            f.arrival_us += 30000 + fs_random(&s->seed) % 270000;
        heap_push(s, f);
        if (fs_chance(&s->seed, s->duplicate)) {
            f.arrival_us += fs_random(&s->seed) % 100000;
            heap_push(s, f);
        }
    }
}

static void make_frame(struct scene *s, uint8_t e)
{
    bool key = fs_chance(&s->seed, 4) || s->key_in[e] == 1;
    s->key_in[e] -= s->key_in[e] > 0;
    assert_true(s->n_frames[e] < s->cap_frames);
    struct truth *t = &s->frames[e][s->n_frames[e]];
    fs_next(&s->sources[e], key, 3000 + (unsigned)e, &t->f);
    launch(s, e, (uint32_t)s->n_frames[e]++);
}

static void fill_packet(const struct scene *s, const struct flight *f)
{
    const struct fs_frame *fr = &s->frames[f->encoding][f->frame].f;
    memset(&pkt, 0, offsetof(struct plm_pkt, data));
    pkt.codec = s->codec;
    pkt.encoding = f->encoding;
    pkt.ext_seq = fr->first_seq + f->at;
    pkt.ext_ts = fr->ts;
    pkt.arrival_us = f->arrival_us;
    pkt.payload_len = 1000;
    pkt.marker = f->at + 1 == fr->n_packets;
    pkt.info.frame_start = f->at == 0;
    pkt.info.keyframe = fr->key && f->at == 0;
    pkt.info.keyframe_start = pkt.info.keyframe;
    if (s->codec == PLM_CODEC_H264)
        return;
    pkt.info.has_layers = pkt.info.has_picture_id = pkt.info.has_tl0 = true;
    pkt.info.picture_id_15 = s->sources[f->encoding].picture_15;
    pkt.info.picture_id = fr->picture;
    pkt.info.tl0picidx = fr->tl0;
    pkt.info.tid = fr->tid;
    pkt.info.layer_sync = fr->sync;
}

static void receive(struct scene *s, const struct flight *f)
{
    struct truth *t = &s->frames[f->encoding][f->frame];
    fill_packet(s, f);
    t->arrived |= (uint8_t)(1u << f->at);
    enum plm_layer_verdict layer = plm_layer_select_on_packet(&s->layers, &pkt);
    if (layer == PLM_LAYER_SWITCH) {
        plm_seq_map_switch(s->map, 1, &pkt, 90000, f->arrival_us);
        s->segments++;
    }
    bool wanted = layer == PLM_LAYER_FORWARD || layer == PLM_LAYER_SWITCH;
    enum plm_map_verdict v = plm_seq_map_push(s->map, 1, &pkt, wanted, &out);
    s->verdicts[v]++;
    if (v == PLM_MAP_DROP || v == PLM_MAP_FILL)
        t->refused = true;
    if (v != PLM_MAP_SEND && v != PLM_MAP_FILL)
        return;
    assert_true(s->n_sent < s->cap_sent);
    s->sent[s->n_sent++] = (struct sent_packet){.out_seq = out.ext_seq,
        .ts = out.ts,
        .frame = f->frame,
        .picture = out.numbers.picture_id,
        .tl0 = out.numbers.tl0picidx,
        .encoding = f->encoding,
        .at = f->at,
        .fill = v == PLM_MAP_FILL};
    t->sent |= v == PLM_MAP_SEND;
    if (v != PLM_MAP_SEND)
        return;
    /* What was sent is found again, under the same numbers. */
    struct plm_segment segment;
    struct plm_map_out again;
    uint64_t src;
    assert_true(plm_seq_map_find(s->map, (uint16_t)out.ext_seq, &segment, &src, &again));
    assert_int_equal(src, pkt.ext_seq);
    assert_int_equal(segment.encoding, pkt.encoding);
    assert_int_equal((uint32_t)(pkt.ext_ts + segment.ts_offset), out.ts);
    assert_int_equal(again.ts, out.ts);
    assert_int_equal(again.ext_seq, out.ext_seq);
    assert_int_equal(again.numbers.picture_id, out.numbers.picture_id);
    assert_int_equal(again.numbers.tl0picidx, out.numbers.tl0picidx);
}

static void aim_somewhere(struct scene *s)
{
    uint8_t encoding = (uint8_t)(fs_random(&s->seed) % N_ENCODINGS);
    uint8_t tid = s->steady_layers ? 2 : (uint8_t)(fs_random(&s->seed) % 3);
    if (fs_chance(&s->seed, 20))
        encoding = PLM_LAYER_NONE;
    plm_layer_select_aim(&s->layers, encoding, tid);
}

static void run(struct scene *s)
{
    s->cap_frames = s->switches * 40u;
    for (uint8_t e = 0; e < N_ENCODINGS; e++) {
        s->frames[e] = calloc(s->cap_frames, sizeof *s->frames[e]);
        assert_non_null(s->frames[e]);
        fs_init(&s->sources[e], s->codec, 3, fs_random(&s->seed));
    }
    s->cap_sent = s->switches * 120u;
    s->sent = calloc(s->cap_sent, sizeof *s->sent);
    assert_non_null(s->sent);
    s->map = plm_seq_map_create(PLM_MAP_SIZE, 32700, 32700, 250, UINT32_MAX - 100000);
    plm_layer_select_init(&s->layers);
    plm_layer_select_aim(&s->layers, 0, 2);
    while (s->segments < s->switches) {
        s->now_us += FRAME_US;
        if (fs_chance(&s->seed, 150))
            aim_somewhere(s);
        uint8_t target = s->layers.target;
        if (s->layers.want_keyframe && target != PLM_LAYER_NONE && !s->key_in[target])
            s->key_in[target] = 1 + (int)(fs_random(&s->seed) % 3);
        for (uint8_t e = 0; e < N_ENCODINGS; e++)
            make_frame(s, e);
        while (s->n_heap && s->heap[0].arrival_us <= s->now_us) {
            struct flight f = heap_pop(s);
            receive(s, &f);
        }
    }
}

static int by_out(const void *a, const void *b)
{
    const struct sent_packet *x = a, *y = b;
    return x->out_seq < y->out_seq ? -1 : x->out_seq > y->out_seq;
}

/** Packets of an encoding that never came (so far), from a frame on over the next few. */
static unsigned missing_after(const struct scene *s, const struct sent_packet *p)
{
    unsigned n = 0;
    for (uint32_t i = p->frame; i < p->frame + 100 && i < s->n_frames[p->encoding]; i++) {
        const struct truth *t = &s->frames[p->encoding][i];
        n += t->f.n_packets - (unsigned)__builtin_popcount(t->arrived);
    }
    return n;
}

static void check_sequence_numbers(const struct scene *s, unsigned *holes)
{
    *holes = 0;
    for (size_t i = 1; i < s->n_sent; i++) {
        const struct sent_packet *a = &s->sent[i - 1], *b = &s->sent[i];
        assert_true(b->out_seq > a->out_seq); /* each number once */
        uint64_t hole = b->out_seq - a->out_seq - 1;
        if (!hole)
            continue;
        *holes += (unsigned)hole;
        assert_true(hole <= missing_after(s, a) + missing_after(s, b));
        if (!s->loss && !s->real_loss && !s->reorder)
            assert_int_equal(hole, 0);
    }
}

static bool same_frame(const struct sent_packet *a, const struct sent_packet *b)
{
    return a->encoding == b->encoding && a->frame == b->frame;
}

/** Timestamps and ids of what was really sent, in order. */
static void check_frames(const struct scene *s)
{
    const struct sent_packet *last = NULL;
    unsigned gap = 0; /* numbers missing or filled since then */
    for (size_t i = 0; i < s->n_sent; i++) {
        const struct sent_packet *p = &s->sent[i];
        if (i)
            gap += (unsigned)(p->out_seq - s->sent[i - 1].out_seq - 1);
        if (p->fill) {
            gap++;
            continue;
        }
        if (last && same_frame(last, p)) {
            assert_int_equal(p->ts, last->ts);
            assert_int_equal(p->picture, last->picture);
            assert_int_equal(p->tl0, last->tl0);
            assert_true(p->at > last->at);
        } else if (last) {
            assert_true((int32_t)(p->ts - last->ts) > 0);
            unsigned step = (p->picture - last->picture) & 0x7fff;
            if (s->codec == PLM_CODEC_VP8)
                assert_in_range(step, 1, 1 + gap);
            else if (s->codec == PLM_CODEC_VP9 && p->encoding == last->encoding && p->frame > last->frame &&
                     !s->frames[p->encoding][p->frame].f.key)
                assert_int_equal(step, p->frame - last->frame);
            else if (s->codec == PLM_CODEC_VP9)
                assert_in_range(step, 1, 0x3fff);
        }
        last = p;
        gap = 0;
    }
}

/** A frame by its true references: is all of it there, in this coded sequence? */
static bool truly_decodable(
    const struct scene *s, uint8_t encoding, const struct truth *t, uint32_t sequence, bool complete)
{
    if (!complete)
        return false;
    for (unsigned i = 0; i < t->f.n_refs; i++) {
        const struct truth *ref = &s->frames[encoding][t->f.refs[i]];
        if (!ref->decoded || ref->sequence != sequence)
            return false;
    }
    return true;
}

struct decode_counts {
    unsigned frames, complete, decoded, decodable, refs_refused;
};

static void push_frame(struct scene *s, struct rf_finder *finder, const struct sent_packet *p, unsigned n,
    bool gap_before, uint32_t *sequence, struct decode_counts *c)
{
    struct truth *t = &s->frames[p->encoding][p->frame];
    struct rf_frame in = {.codec = s->codec,
        .complete = n == t->f.n_packets,
        .key = t->f.key,
        .sync = t->f.sync && s->codec == PLM_CODEC_VP8,
        .gap_before = gap_before,
        .picture = p->picture,
        .tl0 = p->tl0,
        .tid = t->f.tid};
    for (unsigned i = 0; i < t->f.n_refs; i++) {
        const struct truth *ref = &s->frames[p->encoding][t->f.refs[i]];
        in.diffs[in.n_diffs++] = (uint16_t)(t->f.index - t->f.refs[i]);
        c->refs_refused += !ref->sent && ref->refused;
    }
    *sequence += t->f.key;
    bool truly = t->f.key ? in.complete : truly_decodable(s, p->encoding, t, *sequence, in.complete);
    bool found = rf_push(finder, &in);
    if (found && !truly)
        fail_msg("%s: a receiver would decode frame %u of encoding %u without its references",
            plm_codec_name(s->codec), p->frame, p->encoding);
    c->frames++;
    c->complete += in.complete;
    c->decodable += truly;
    c->decoded += found;
    t->decoded = found;
    t->sequence = *sequence;
}

static struct decode_counts check_references(struct scene *s)
{
    struct rf_finder *finder = calloc(1, sizeof *finder);
    assert_non_null(finder);
    struct decode_counts c = {0};
    uint32_t sequence = 0;
    uint64_t expect = s->sent[0].out_seq;
    for (size_t i = 0; i < s->n_sent;) {
        if (s->sent[i].fill) {
            expect += s->sent[i].out_seq == expect; /* padding closes the gap */
            i++;
            continue;
        }
        size_t end = i, n = 0;
        for (; end < s->n_sent && (s->sent[end].fill || same_frame(&s->sent[i], &s->sent[end])); end++)
            n += !s->sent[end].fill;
        push_frame(s, finder, &s->sent[i], (unsigned)n, s->sent[i].out_seq != expect, &sequence, &c);
        expect = s->sent[end - 1].out_seq + 1;
        i = end;
    }
    free(finder);
    return c;
}

static struct decode_counts play(struct scene *s)
{
    run(s);
    qsort(s->sent, s->n_sent, sizeof *s->sent, by_out);
    unsigned holes;
    check_sequence_numbers(s, &holes);
    check_frames(s);
    struct decode_counts c = check_references(s);
    print_message("%s loss %u+%u reorder %u: %u switches, %zu packets, %u holes, %u frames: %u complete, %u "
                  "decodable, %u decoded; "
                  "fill %llu dup %llu old %llu\n",
        plm_codec_name(s->codec), s->loss, s->real_loss, s->reorder, s->segments, s->n_sent, holes, c.frames,
        c.complete, c.decodable, c.decoded, (unsigned long long)s->verdicts[PLM_MAP_FILL],
        (unsigned long long)s->verdicts[PLM_MAP_DUPLICATE], (unsigned long long)s->verdicts[PLM_MAP_TOO_OLD]);
    for (int e = 0; e < N_ENCODINGS; e++)
        free(s->frames[e]);
    free(s->heap);
    free(s->sent);
    plm_seq_map_destroy(s->map);
    return c;
}

static const enum plm_codec codecs[] = {PLM_CODEC_VP8, PLM_CODEC_VP9, PLM_CODEC_H264};

static void a_clean_network_loses_nothing(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct scene s = {.codec = codecs[i], .switches = 2000, .seed = 42u + (unsigned)i};
        struct decode_counts c = play(&s);
        assert_int_equal(c.refs_refused, 0);
        assert_int_equal(c.decoded, c.decodable);
        /* Only the frame that a switch cuts off is ever incomplete. */
        assert_true(c.frames - c.complete <= 2000);
        assert_int_equal(c.decodable, c.complete);
    }
}

static void ten_thousand_switches_under_loss(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct scene s = {.codec = codecs[i],
            .switches = 10000,
            .seed = 1234u + (unsigned)i,
            .loss = 50,
            .real_loss = 3,
            .duplicate = 20,
            .reorder = 50};
        struct decode_counts c = play(&s);
        assert_int_equal(c.refs_refused, 0);
        assert_true(c.decoded * 10 >= c.decodable * 8);
    }
}

static void reordering_alone(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct scene s = {.codec = codecs[i],
            .switches = 3000,
            .seed = 99u + (unsigned)i,
            .duplicate = 100,
            .reorder = 200,
            .steady_layers = true};
        struct decode_counts c = play(&s);
        assert_int_equal(c.refs_refused, 0);
        assert_true(c.decoded * 100 >= c.decodable * 95);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(starts_where_it_is_told),
        cmocka_unit_test(a_gap_keeps_its_numbers),
        cmocka_unit_test(padding_never_hides_a_frame),
        cmocka_unit_test(what_is_dropped_leaves_no_gap),
        cmocka_unit_test(old_numbers_are_forgotten),
        cmocka_unit_test(a_gap_longer_than_the_map),
        cmocka_unit_test(own_packets_take_a_number),
        cmocka_unit_test(timestamps_continue_by_elapsed_time),
        cmocka_unit_test(late_packets_of_a_left_segment_keep_its_offsets),
        cmocka_unit_test(more_segments_than_are_kept),
        cmocka_unit_test(vp8_frames_that_are_dropped_give_up_their_id),
        cmocka_unit_test(a_source_that_begins_anew_goes_on_densely),
        cmocka_unit_test(a_dropped_frame_stays_dropped),
        cmocka_unit_test(a_switch_goes_on_from_what_was_sent),
        cmocka_unit_test(is_retried_once_per_round_trip),
        cmocka_unit_test(timestamps_below_the_first),
        cmocka_unit_test(dependency_descriptors_do_not_collide),
        cmocka_unit_test(a_clean_network_loses_nothing),
        cmocka_unit_test(ten_thousand_switches_under_loss),
        cmocka_unit_test(reordering_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
