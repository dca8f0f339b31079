#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bwe.h"
#include "bwe_log.h"
#include "plenum/types.h"
#include "rtcp.h"

static uint8_t octets[200000];

static uint8_t gathered[200000];
static size_t n_gathered, max_gathered; /* max_gathered 0: nobody takes it */

static bool gather(void *arg, const uint8_t *data, size_t len)
{
    (void)arg;
    if (n_gathered + len > max_gathered)
        return false;
    memcpy(gathered + n_gathered, data, len);
    n_gathered += len;
    return true;
}

/** Ten seconds over a line that carries 1 Mbit/s, logged. @return octets of the log */
static size_t record(size_t cap, bool *full)
{
    struct plm_bwe *b = plm_bwe_create();
    struct plm_bwe_log log;
    struct plm_twcc_rx rx;
    assert_non_null(b);
    plm_twcc_rx_init(&rx);
    plm_bwe_log_init(&log, octets, cap);
    log.drain = max_gathered ? gather : NULL;
    plm_bwe_set_log(b, &log);
    plm_bwe_want(b, 2000000, true);
    uint64_t now = 7000000, line = now;
    uint16_t seq = 65000;
    for (unsigned ms = 0; ms < 10000; ms++, now += 1000) {
        bool due = plm_bwe_probe_at(b, now) <= now + PLM_BWE_PROBE_STEP_US;
        unsigned n = (ms % 7 == 0) + (due && plm_bwe_padding(b, now) > 0);
        for (unsigned i = 0; i < n; i++, seq++) {
            plm_bwe_on_sent(b, seq, 1000, now);
            if (line > now + 200000)
                continue;
            line = (line > now ? line : now) + 8000;
            plm_twcc_rx_on_packet(&rx, seq, line);
        }
        uint8_t fci[1500];
        size_t len;
        while (ms % 100 == 99 && plm_twcc_rx_pending(&rx) &&
               (len = plm_twcc_rx_write(&rx, fci, sizeof fci, 1, 2)) > 12)
            plm_bwe_on_twcc(b, fci + 12, len - 12, now);
        if (ms % 500 == 0) {
            plm_bwe_poll(b, now);
            plm_bwe_aim(b, 600000, ms % 4000 ? plm_bwe_estimate(b) : 0);
        }
        if (ms == 3000)
            plm_bwe_on_report(b, 200, 3, 40000, now);
        if (ms == 4000 || ms == 5000) /* cuts nothing in between */
            plm_bwe_sample(b, ms == 4000, now);
        if (ms == 6000)
            plm_bwe_on_remb(b, 700000, now);
    }
    plm_bwe_destroy(b);
    if (max_gathered)
        plm_bwe_log_drain(&log);
    *full = log.full;
    return log.len;
}

static void count(void *arg, uint64_t at_us, uint32_t logged_bps, uint32_t bps)
{
    (void)at_us;
    assert_int_equal(logged_bps, bps);
    ++*(unsigned *)arg;
}

static void the_same_is_decided_again(void **state)
{
    (void)state;
    bool full;
    unsigned n = 0;
    struct plm_bwe_replay r;
    size_t len = record(sizeof octets, &full);
    assert_false(full);
    assert_int_equal(plm_bwe_log_replay(octets, len, &r, count, &n), 0);
    assert_true(n >= 99 && r.decisions > n && r.differing == 0 && r.last_bps > 0);
    assert_in_range(r.last_us - r.first_us, 9900000, 10000000);
    assert_in_range(len, 5000, 20000); /* some octets a packet */
}

static void another_decision_is_seen(void **state)
{
    (void)state;
    bool full;
    struct plm_bwe_replay r;
    size_t len = record(sizeof octets, &full);
    octets[len - 1] ^= 1; /* of the last estimate */
    assert_int_equal(plm_bwe_log_replay(octets, len, &r, NULL, NULL), 0);
    assert_int_equal(r.differing, 1);
}

static void a_full_log_ends_whole(void **state)
{
    (void)state;
    bool full;
    struct plm_bwe_replay r;
    for (size_t cap = 0; cap < 3000; cap += 97) {
        size_t len = record(cap, &full);
        assert_true(full && len <= cap);
        assert_int_equal(plm_bwe_log_replay(octets, len, &r, NULL, NULL), len < 3 ? PLM_EINVAL : 0);
        assert_int_equal(r.differing, 0);
    }
}

/* However small the pieces, together they are the same log; one that nobody takes ends it where it is whole. */
static void pieces_are_the_log(void **state)
{
    (void)state;
    bool full;
    struct plm_bwe_replay r;
    size_t whole = record(sizeof octets, &full);
    uint8_t *expected = malloc(whole);
    memcpy(expected, octets, whole);
    for (size_t cap = 2000; cap < 9000; cap += 1777) {
        n_gathered = 0;
        max_gathered = sizeof gathered;
        record(cap, &full);
        assert_false(full);
        assert_int_equal(n_gathered, whole);
        assert_memory_equal(gathered, expected, whole);
        n_gathered = 0;
        max_gathered = whole / 2;
        record(cap, &full);
        assert_true(full && n_gathered <= max_gathered);
        assert_int_equal(
            plm_bwe_log_replay(gathered, n_gathered, &r, NULL, NULL), n_gathered ? 0 : PLM_EINVAL);
        assert_int_equal(r.differing, 0);
    }
    max_gathered = 0;
    free(expected);
}

static void what_is_cut_or_wrong_is_refused(void **state)
{
    (void)state;
    bool full;
    struct plm_bwe_replay r;
    size_t len = record(sizeof octets, &full), refused = 0;
    for (size_t cut = 0; cut < 400; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1);
        memcpy(exact, octets, cut);
        refused += plm_bwe_log_replay(exact, cut, &r, NULL, NULL) != 0;
        free(exact);
    }
    assert_true(refused > 200);
    octets[3] = 99; /* no such record */
    assert_int_equal(plm_bwe_log_replay(octets, len, &r, NULL, NULL), PLM_EINVAL);
    octets[2] = 2; /* no such version */
    assert_int_equal(plm_bwe_log_replay(octets, len, &r, NULL, NULL), PLM_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_is_decided_again),
        cmocka_unit_test(another_decision_is_seen),
        cmocka_unit_test(a_full_log_ends_whole),
        cmocka_unit_test(pieces_are_the_log),
        cmocka_unit_test(what_is_cut_or_wrong_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
