#include "key_group.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    FRAME_US = 33333,
    OCTETS = 1000,
};

static struct plm_pkt_pool *pool;
static struct plm_pkt_ring ring;
static struct plm_key_group group;
static size_t octets;

static int set_up(void **state)
{
    (void)state;
    pool = NULL;
    memset(&group, 0, sizeof group);
    return plm_pkt_pool_create(&pool, 2000) || plm_pkt_ring_init(&ring, pool, 512);
}

static int tear_down(void **state)
{
    (void)state;
    plm_pkt_ring_destroy(&ring);
    plm_pkt_pool_destroy(pool);
    return 0;
}

/* One packet, a frame of its own, that arrives in its time. */
static void put(uint64_t seq, bool key, enum plm_codec codec, uint16_t width, uint8_t tid)
{
    struct plm_pkt *pkt = plm_pkt_get(pool);
    assert_non_null(pkt);
    memset(&pkt->info, 0, sizeof pkt->info);
    pkt->ext_seq = seq;
    pkt->ext_ts = seq * 3000;
    pkt->arrival_us = seq * FRAME_US;
    pkt->len = OCTETS;
    pkt->codec = codec;
    pkt->info.keyframe_start = key;
    pkt->info.width = width;
    pkt->info.has_layers = true;
    pkt->info.tid = tid;
    assert_true(plm_pkt_ring_put(&ring, pkt));
    plm_key_group_on_packet(&group, pkt);
    plm_pkt_put(pool, pkt);
}

static struct plm_pkt *find_at(uint64_t seq)
{
    return plm_key_group_find(&group, &ring, seq * FRAME_US, true, &octets);
}

static void it_begins_with_the_last_key_frame(void **state)
{
    (void)state;
    assert_null(find_at(0));
    put(100, false, PLM_CODEC_VP8, 0, 0);
    assert_null(find_at(100));
    put(101, true, PLM_CODEC_VP8, 0, 0);
    put(102, false, PLM_CODEC_VP8, 0, 2);
    assert_int_equal(find_at(102)->ext_seq, 101);
    assert_int_equal(octets, OCTETS); /* the lowest layer alone */
    put(103, true, PLM_CODEC_VP8, 0, 0);
    assert_int_equal(find_at(103)->ext_seq, 103);
    plm_key_group_end(&group);
    assert_null(find_at(103));
}

static void it_is_neither_old_nor_large(void **state)
{
    (void)state;
    put(100, true, PLM_CODEC_VP8, 0, 0);
    for (uint64_t seq = 101; seq <= 190; seq++)
        put(seq, false, PLM_CODEC_VP8, 0, 0);
    assert_non_null(find_at(190));
    assert_null(find_at(191));
    /* By a clock that is behind, as another worker's may be. */
    assert_non_null(find_at(99));
    for (uint64_t seq = 191; seq < 100 + PLM_KEY_GROUP_PACKETS; seq++)
        put(seq, false, PLM_CODEC_VP8, 0, 0);
    assert_non_null(find_at(100));
    put(100 + PLM_KEY_GROUP_PACKETS, false, PLM_CODEC_VP8, 0, 0);
    assert_null(find_at(100));
}

static void a_hole_may_be_fresh_and_small(void **state)
{
    (void)state;
    put(100, true, PLM_CODEC_VP8, 0, 0);
    put(102, false, PLM_CODEC_VP8, 0, 0);
    assert_non_null(find_at(102));
    assert_null(plm_key_group_find(&group, &ring, 102 * FRAME_US, false, &octets));
    assert_null(find_at(110)); /* it is not repaired any more */
    put(101, false, PLM_CODEC_VP8, 0, 0);
    assert_non_null(find_at(110));
    put(150, false, PLM_CODEC_VP8, 0, 0);
    assert_null(find_at(150));
}

static void h264_begins_with_its_parameters(void **state)
{
    (void)state;
    put(100, true, PLM_CODEC_H264, 640, 0);
    assert_int_equal(find_at(100)->ext_seq, 100);
    put(101, true, PLM_CODEC_H264, 0, 0); /* they were lost */
    assert_null(find_at(101));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_begins_with_the_last_key_frame, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_is_neither_old_nor_large, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_hole_may_be_fresh_and_small, set_up, tear_down),
        cmocka_unit_test_setup_teardown(h264_begins_with_its_parameters, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
