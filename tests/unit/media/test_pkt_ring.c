#include "pkt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct plm_pkt_pool *pool;
static struct plm_pkt_ring ring;

static int set_up(void **state)
{
    (void)state;
    pool = NULL;
    return plm_pkt_pool_create(&pool, 1000) || plm_pkt_ring_init(&ring, pool, 64);
}

static int tear_down(void **state)
{
    (void)state;
    plm_pkt_ring_destroy(&ring);
    int left = (int)plm_pkt_pool_used(pool);
    plm_pkt_pool_destroy(pool);
    return left;
}

static bool put(uint64_t seq)
{
    struct plm_pkt *pkt = plm_pkt_get(pool);
    assert_non_null(pkt);
    pkt->ext_seq = seq;
    bool stored = plm_pkt_ring_put(&ring, pkt);
    plm_pkt_put(pool, pkt);
    return stored;
}

static void pool_keeps_its_cap(void **state)
{
    (void)state;
    struct plm_pkt *all[1000];
    for (int i = 0; i < 1000; i++) {
        assert_non_null(all[i] = plm_pkt_get(pool));
        all[i]->ext_seq = (uint64_t)i;
    }
    assert_null(plm_pkt_get(pool));
    assert_int_equal(plm_pkt_pool_used(pool), 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(all[i]->ext_seq, i); /* no two are the same */
    plm_pkt_put(pool, all[500]);
    assert_ptr_equal(plm_pkt_get(pool), all[500]);
    for (int i = 0; i < 1000; i++)
        plm_pkt_put(pool, all[i]);
    assert_int_equal(plm_pkt_pool_used(pool), 0);
    plm_pkt_put(pool, NULL);
}

static void references_keep_a_packet(void **state)
{
    (void)state;
    assert_true(put(5));
    struct plm_pkt *pkt = plm_pkt_ref(plm_pkt_ring_find(&ring, 5));
    plm_pkt_ring_reset(&ring);
    assert_int_equal(plm_pkt_pool_used(pool), 1);
    assert_int_equal(pkt->ext_seq, 5);
    plm_pkt_put(pool, pkt);
    assert_int_equal(plm_pkt_pool_used(pool), 0);
}

static void finds_what_it_reaches(void **state)
{
    (void)state;
    assert_null(plm_pkt_ring_find(&ring, 0));
    for (uint64_t seq = 65500; seq < 65600; seq++)
        assert_true(put(seq));
    assert_int_equal(plm_pkt_pool_used(pool), 64);
    assert_null(plm_pkt_ring_find(&ring, 65535));
    assert_int_equal(plm_pkt_ring_find(&ring, 65536)->ext_seq, 65536);
    assert_int_equal(plm_pkt_ring_find(&ring, 65599)->ext_seq, 65599);
    assert_null(plm_pkt_ring_find(&ring, 65600));
    assert_false(put(65599)); /* duplicate */
    assert_false(put(65535)); /* too old */
    assert_false(put(3));
}

static void tells_from_where_it_reaches(void **state)
{
    (void)state;
    assert_int_equal(plm_pkt_ring_from(&ring, 0), 0);
    assert_true(put(10));
    assert_int_equal(plm_pkt_ring_from(&ring, 0), 0);
    assert_int_equal(plm_pkt_ring_from(&ring, 12), 12);
    assert_true(put(1000000));
    assert_int_equal(plm_pkt_ring_from(&ring, 10), 1000000 - 63);
    assert_int_equal(plm_pkt_ring_from(&ring, 1000000 - 64), 1000000 - 63);
    assert_int_equal(plm_pkt_ring_from(&ring, 1000000 - 62), 1000000 - 62);
    assert_int_equal(plm_pkt_ring_from(&ring, UINT64_MAX), UINT64_MAX);
}

/** After a jump the stale packets in other slots must not be found under their old numbers, nor keep late ones out. */
static void jumps_leave_nothing_stale(void **state)
{
    (void)state;
    for (uint64_t seq = 100; seq < 164; seq++)
        assert_true(put(seq));
    assert_true(put(1000));
    for (uint64_t seq = 100; seq < 164; seq++)
        assert_null(plm_pkt_ring_find(&ring, seq));
    assert_false(put(1000 - 64));
    assert_true(put(1000 - 63));
    assert_int_equal(plm_pkt_ring_find(&ring, 937)->ext_seq, 937);
    assert_false(put(937));
}

static void sizes_are_powers_of_two(void **state)
{
    (void)state;
    struct plm_pkt_ring r;
    assert_int_equal(plm_pkt_ring_init(&r, pool, 0), PLM_EINVAL);
    assert_int_equal(plm_pkt_ring_init(&r, pool, 65), PLM_EINVAL);
    plm_pkt_ring_destroy(&r); /* harmless after a failed init */
}

/** Random order against an array of what was stored. */
static void random_order_matches_a_model(void **state)
{
    (void)state;
    static bool stored[20000];
    memset(stored, 0, sizeof stored);
    srand(7);
    uint64_t newest = 0;
    bool any = false;
    for (int i = 0; i < 20000; i++) {
        uint64_t seq = any ? newest + (uint64_t)(rand() % 100) : 500;
        seq = seq > 90 ? seq - 90 : 0;
        if (seq >= 20000)
            break;
        bool expect = !any || (seq + 64 > newest && !stored[seq]);
        assert_int_equal(put(seq), expect);
        stored[seq] |= expect;
        newest = !any || seq > newest ? seq : newest;
        any = true;
        uint64_t probe = newest - (uint64_t)(rand() % 80);
        bool known = probe < 20000 && stored[probe] && probe + 64 > newest;
        assert_int_equal(plm_pkt_ring_find(&ring, probe) != NULL, known);
    }
    assert_true(newest > 1000);
}

/* At the cap the oldest goes, whosever it is; it is known as a duplicate all the same, and one in flight is not touched. */
static void a_full_pool_forgets_the_oldest(void **state)
{
    (void)state;
    struct plm_pkt_ring other;
    assert_int_equal(plm_pkt_ring_init(&other, pool, 1024), 0);
    for (uint64_t seq = 1; seq <= 8; seq++)
        assert_true(put(seq));
    struct plm_pkt *in_flight = plm_pkt_ref(plm_pkt_ring_find(&ring, 2));
    for (uint64_t seq = 1; seq <= 994; seq++) {
        struct plm_pkt *pkt = plm_pkt_get(pool);
        assert_non_null(pkt);
        assert_ptr_not_equal(pkt, in_flight);
        pkt->ext_seq = seq;
        assert_true(plm_pkt_ring_put(&other, pkt));
        plm_pkt_put(pool, pkt);
    }
    assert_int_equal(plm_pkt_pool_used(pool), 1000);
    assert_int_equal(plm_pkt_pool_evicted(pool), 3); /* the one in flight freed nothing */
    for (uint64_t seq = 1; seq <= 8; seq++)
        assert_int_equal(plm_pkt_ring_find(&ring, seq) != NULL, seq > 3);
    assert_int_equal(in_flight->ext_seq, 2);
    assert_false(put(3));
    plm_pkt_put(pool, in_flight);
    plm_pkt_ring_destroy(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pool_keeps_its_cap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(references_keep_a_packet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_what_it_reaches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(tells_from_where_it_reaches, set_up, tear_down),
        cmocka_unit_test_setup_teardown(jumps_leave_nothing_stale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sizes_are_powers_of_two, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_pool_forgets_the_oldest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(random_order_matches_a_model, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
