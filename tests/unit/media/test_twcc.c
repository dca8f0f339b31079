#include "rtcp.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "exact.h"

#define MAX_PACKETS 4096

static int parse(const void *data, size_t len, struct plm_twcc_packet *out, size_t max)
{
    uint8_t count = 0;
    uint8_t *copy = exact_copy(data, len);
    int n = plm_twcc_parse(copy, len, out, max, &count);
    free(copy);
    return n;
}

static void reads_run_length(void **state)
{
    (void)state;
    /* Draft section 3.1.3: a run of three lost, a run of two with small deltas; reference 2, so 128 ms */
    static const uint8_t fci[] = {0xff, 0xff, 0, 5, 0, 0, 2, 77, 0x00, 0x03, 0x20, 0x02, 4, 255};
    struct plm_twcc_packet p[8];
    uint8_t count;
    assert_int_equal(plm_twcc_parse(fci, sizeof fci, p, 8, &count), 5);
    assert_int_equal(count, 77);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(p[i].seq, (uint16_t)(0xffff + i));
        assert_true(p[i].arrival_us == PLM_TWCC_LOST);
    }
    assert_int_equal(p[3].arrival_us, 128000 + 1000);
    assert_int_equal(p[4].arrival_us, 128000 + 1000 + 63750);
    assert_int_equal(p[4].seq, 3);
}

static void reads_vectors(void **state)
{
    (void)state;
    /* Section 3.1.4: fourteen symbols of one bit; then seven of two, of which the count uses three */
    static const uint8_t fci[] = {0, 1, 0, 17, 0, 0, 0, 0, 0xa0, 0x01, 0xd8, 0x00, 1, 2, 3, 0xff, 0xfe};
    struct plm_twcc_packet p[20];
    assert_int_equal(parse(fci, sizeof fci, p, 20), 17);
    assert_int_equal(p[0].arrival_us, 250);
    assert_true(p[1].arrival_us == PLM_TWCC_LOST);
    assert_int_equal(p[13].arrival_us, 750);
    assert_int_equal(p[14].arrival_us, 1500);
    assert_int_equal(p[15].arrival_us, 1000); /* negative delta: it came before */
    assert_true(p[16].arrival_us == PLM_TWCC_LOST);
}

static void reads_negative_reference(void **state)
{
    (void)state;
    static const uint8_t fci[] = {0, 1, 0, 1, 0xff, 0xff, 0xff, 0, 0x20, 0x01, 0};
    struct plm_twcc_packet p;
    assert_int_equal(parse(fci, sizeof fci, &p, 1), 1);
    assert_true(p.arrival_us == -64000);
}

static void refuses(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[16];
        size_t len;
    } bad[] = {
        {{0, 1, 0, 0, 0, 0, 0, 0}, 8}, /* no status */
        {{0, 1, 0, 0, 0, 0, 0, 0, 0x20, 0}, 10},
        {{0, 1, 0, 1, 0, 0, 0, 0, 0x00, 0x00, 0x20, 0x01, 1}, 13}, /* a run of nothing */
        {{0, 1, 0, 1, 0, 0, 0, 0, 0x60, 0x01, 1, 2}, 12},          /* reserved symbol */
        {{0, 1, 0, 1, 0, 0, 0, 0, 0xf0, 0x00, 1, 2}, 12},
        {{0, 1, 0xff, 0xff, 0, 0, 0, 0, 0x1f, 0xff, 0x1f, 0xff}, 12}, /* 65 535 claimed, chunks for fewer */
    };
    struct plm_twcc_packet p[4];
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(parse(bad[i].data, bad[i].len, p, 4), PLM_EINVAL);
    static const uint8_t good[] = {0, 1, 0, 9, 0, 0, 0, 0, 0xd6, 0x00, 0x20, 0x02, 1, 0, 2, 0, 3, 4};
    assert_int_equal(parse(good, sizeof good, p, 4), 4);
    struct plm_twcc_packet all[9];
    for (size_t len = 0; len < sizeof good; len++)
        assert_int_equal(parse(good, len, all, 9), PLM_EINVAL);
    assert_int_equal(parse(good, sizeof good, all, 9), 9);
}

static void claims_are_bounded_by_max(void **state)
{
    (void)state;
    /* 65 535 statuses, all lost, in nine chunks */
    uint8_t fci[8 + 18] = {0, 0, 0xff, 0xff, 0, 0, 0, 0};
    for (size_t i = 8; i < sizeof fci; i += 2) {
        fci[i] = 0x1f;
        fci[i + 1] = 0xff;
    }
    struct plm_twcc_packet *p = calloc(100, sizeof *p);
    assert_int_equal(parse(fci, sizeof fci, p, 100), 100);
    assert_int_equal(parse(fci, sizeof fci, p, 0), 0);
    free(p);
    p = calloc(65535, sizeof *p);
    assert_int_equal(parse(fci, sizeof fci, p, 65535), 65535);
    assert_int_equal(p[65534].seq, 65534);
    free(p);
}

static const uint8_t *fci_of(const uint8_t *pkt)
{
    return pkt + 12;
}

static void writes_small_example(void **state)
{
    (void)state;
    struct plm_twcc_rx t;
    uint8_t buf[100];
    plm_twcc_rx_init(&t);
    assert_false(plm_twcc_rx_pending(&t));
    assert_int_equal(plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2), 0);
    plm_twcc_rx_on_packet(&t, 10, 64000 * 3 + 500);
    plm_twcc_rx_on_packet(&t, 12, 64000 * 3 + 1500);
    assert_true(plm_twcc_rx_pending(&t));
    static const uint8_t want[] = {
        0x8f, 205, 0, 5, 0, 0, 0, 1, 0, 0, 0, 2, 0, 10, 0, 3, 0, 0, 3, 0, 0xa8, 0x00, 2, 4};
    assert_int_equal(plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2), sizeof want);
    assert_memory_equal(buf, want, sizeof want);
    assert_false(plm_twcc_rx_pending(&t));
    assert_int_equal(plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2), 0);
    plm_twcc_rx_on_packet(&t, 12, 64000 * 9); /* a duplicate is nothing new */
    assert_false(plm_twcc_rx_pending(&t));
    plm_twcc_rx_on_packet(&t, 13, 64000 * 9);
    assert_true(plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2) > 0);
    assert_int_equal(buf[19], 1); /* feedback packets are counted */
}

static void reports_late_packets_again(void **state)
{
    (void)state;
    struct plm_twcc_rx t;
    uint8_t buf[100];
    struct plm_twcc_packet p[8];
    plm_twcc_rx_init(&t);
    plm_twcc_rx_on_packet(&t, 0, 100000);
    plm_twcc_rx_on_packet(&t, 2, 101000);
    size_t n = plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2);
    assert_int_equal(parse(fci_of(buf), n - 12, p, 8), 3);
    assert_true(p[1].arrival_us == PLM_TWCC_LOST);
    plm_twcc_rx_on_packet(&t, 1, 105000);
    assert_true(plm_twcc_rx_pending(&t));
    n = plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2);
    assert_int_equal(parse(fci_of(buf), n - 12, p, 8), 2);
    assert_int_equal(p[0].seq, 1);
    assert_int_equal(p[0].arrival_us, 105000);
    assert_int_equal(p[1].arrival_us, 101000);
    plm_twcc_rx_on_packet(&t, 65535, 106000); /* one before the first */
    n = plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2);
    assert_int_equal(parse(fci_of(buf), n - 12, p, 8), 4);
    assert_int_equal(p[0].seq, 65535);
}

static void jumps_lose_what_the_log_cannot_hold(void **state)
{
    (void)state;
    static struct plm_twcc_rx t;
    static struct plm_twcc_packet p[PLM_TWCC_LOG];
    uint8_t buf[1200];
    plm_twcc_rx_init(&t);
    for (uint16_t i = 0; i < 100; i++)
        plm_twcc_rx_on_packet(&t, i, 5000 + i);
    plm_twcc_rx_on_packet(&t, 20000, 9000);
    size_t n = plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2);
    assert_int_equal(parse(fci_of(buf), n - 12, p, PLM_TWCC_LOG), PLM_TWCC_LOG);
    assert_int_equal(p[0].seq, 20000 - PLM_TWCC_LOG + 1);
    for (size_t i = 0; i + 1 < PLM_TWCC_LOG; i++)
        assert_true(p[i].arrival_us == PLM_TWCC_LOST);
    assert_int_equal(p[PLM_TWCC_LOG - 1].arrival_us, 9000);
    assert_false(plm_twcc_rx_pending(&t));
    plm_twcc_rx_on_packet(&t, 20000 - PLM_TWCC_LOG, 9500); /* older than the log */
    assert_false(plm_twcc_rx_pending(&t));
}

static void splits_at_large_gaps_in_time(void **state)
{
    (void)state;
    static struct plm_twcc_rx t;
    uint8_t buf[200];
    struct plm_twcc_packet p[8];
    plm_twcc_rx_init(&t);
    plm_twcc_rx_on_packet(&t, 1, 1000000);
    plm_twcc_rx_on_packet(&t, 3, 1000000 + 8000000);           /* still fits a large delta */
    plm_twcc_rx_on_packet(&t, 4, 1000000 + 8000000 + 9000000); /* does not */
    size_t n = plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2);
    assert_int_equal(parse(fci_of(buf), n - 12, p, 8), 3);
    assert_int_equal(p[2].arrival_us, 9000000);
    assert_true(plm_twcc_rx_pending(&t));
    n = plm_twcc_rx_write(&t, buf, sizeof buf, 1, 2);
    assert_int_equal(parse(fci_of(buf), n - 12, p, 8), 1);
    assert_int_equal(p[0].seq, 4);
    assert_int_equal(p[0].arrival_us, 18000000);
    assert_false(plm_twcc_rx_pending(&t));
}

static void needs_room(void **state)
{
    (void)state;
    static struct plm_twcc_rx t;
    uint8_t buf[64];
    plm_twcc_rx_init(&t);
    plm_twcc_rx_on_packet(&t, 1, 1000000);
    for (size_t cap = 0; cap < 24; cap++)
        assert_int_equal(plm_twcc_rx_write(&t, buf, cap, 1, 2), 0);
    assert_true(plm_twcc_rx_pending(&t));
    assert_int_equal(plm_twcc_rx_write(&t, buf, 24, 1, 2), 24);
}

/* The truth about one pattern, by extended sequence number. */
struct pattern {
    uint64_t arrival_us[MAX_PACKETS];
    bool told_lost[MAX_PACKETS], told[MAX_PACKETS];
    uint64_t start_us;
    uint16_t first_seq;
};

static int64_t unwrap_reference(int64_t told_us, uint64_t near_us)
{
    const int64_t period = INT64_C(64000) << 24;
    int64_t diff = (told_us - (int64_t)(near_us % (uint64_t)period)) % period;
    if (diff > period / 2)
        diff -= period;
    if (diff < -period / 2)
        diff += period;
    return (int64_t)near_us + diff;
}

static void read_feedback(struct pattern *pt, const uint8_t *buf, size_t n)
{
    static struct plm_twcc_packet p[PLM_TWCC_LOG];
    int count = parse(fci_of(buf), n - 12, p, PLM_TWCC_LOG);
    assert_in_range(count, 1, PLM_TWCC_LOG);
    for (int i = 0; i < count; i++) {
        uint16_t index = (uint16_t)(p[i].seq - pt->first_seq);
        assert_in_range(index, 0, MAX_PACKETS - 1);
        if (p[i].arrival_us == PLM_TWCC_LOST) {
            pt->told_lost[index] = true;
            continue;
        }
        assert_true(pt->arrival_us[index] != 0);
        pt->told[index] = true;
        int64_t told = unwrap_reference(p[i].arrival_us, pt->arrival_us[index]);
        int64_t off = (int64_t)pt->arrival_us[index] - told;
        assert_in_range(off + 1, 1, 250); /* floor to a tick: never late, less than a tick early */
    }
}

static void flush(struct pattern *pt, struct plm_twcc_rx *t, size_t cap)
{
    uint8_t *buf = malloc(cap);
    unsigned packets = 0;
    while (plm_twcc_rx_pending(t)) {
        size_t n = plm_twcc_rx_write(t, buf, cap, 1, 2);
        assert_in_range(n, 24, cap);
        assert_int_equal(n % 4, 0);
        assert_int_equal(n, ((size_t)(buf[2] << 8 | buf[3]) + 1) * 4);
        read_feedback(pt, buf, n);
        assert_in_range(++packets, 1, MAX_PACKETS);
    }
    free(buf);
}

/* Loss, reordering, pauses, base and time wraps; feedback after random numbers of packets in buffers of random size. */
static void random_patterns_round_trip(void **state)
{
    (void)state;
    static struct pattern pt;
    static struct plm_twcc_rx t;
    uint64_t seed = 12345, received = 0, lost = 0;
    for (int round = 0; round < 10000; round++) {
        memset(&pt, 0, sizeof pt);
        plm_twcc_rx_init(&t);
        unsigned n = 1 + next_random(&seed) % (round % 100 ? 200 : 3000);
        unsigned loss = next_random(&seed) % 60, style = next_random(&seed) % 4;
        size_t cap = 24 + next_random(&seed) % 1200;
        uint64_t now = UINT64_C(64000) * ((UINT64_C(1) << 24) - next_random(&seed) % 3) + next_random(&seed);
        pt.first_seq = (uint16_t)next_random(&seed);
        bool any = false;
        for (unsigned i = 0; i < n; i++) {
            now += next_random(&seed) % (style == 0 ? 300 : style == 1 ? 20000 : style == 2 ? 200000 : 1000);
            if (style == 3 && next_random(&seed) % 50 == 0)
                now += next_random(&seed) % 20000000;
            if ((i > 0 && next_random(&seed) % 100 < loss) || pt.arrival_us[i]) {
                lost += !pt.arrival_us[i];
                continue;
            }
            unsigned early = i + 1 + next_random(&seed) % 8;
            if (any && early < n && next_random(&seed) % 20 == 0 && !pt.arrival_us[early]) {
                pt.arrival_us[early] = now;
                plm_twcc_rx_on_packet(&t, (uint16_t)(pt.first_seq + early), now);
                now += 100;
            }
            any = true;
            pt.arrival_us[i] = now;
            plm_twcc_rx_on_packet(&t, (uint16_t)(pt.first_seq + i), now);
            received++;
            if (next_random(&seed) % 40 == 0)
                flush(&pt, &t, cap);
        }
        flush(&pt, &t, cap);
        unsigned last = n - 1;
        while (last > 0 && !pt.arrival_us[last])
            last--;
        for (unsigned i = 0; i <= last; i++) {
            assert_int_equal(pt.told[i], pt.arrival_us[i] != 0);
            assert_true(pt.told[i] || pt.told_lost[i]);
        }
    }
    assert_true(received > 500000 && lost > 100000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_run_length),
        cmocka_unit_test(reads_vectors),
        cmocka_unit_test(reads_negative_reference),
        cmocka_unit_test(refuses),
        cmocka_unit_test(claims_are_bounded_by_max),
        cmocka_unit_test(writes_small_example),
        cmocka_unit_test(reports_late_packets_again),
        cmocka_unit_test(jumps_lose_what_the_log_cannot_hold),
        cmocka_unit_test(splits_at_large_gaps_in_time),
        cmocka_unit_test(needs_room),
        cmocka_unit_test(random_patterns_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
