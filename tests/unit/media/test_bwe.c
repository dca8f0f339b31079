#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bwe.h"
#include "rtcp.h"

/** A receiver of packets that writes transport-cc feedback about those that a lossy line lets through. */
#define LATE_MAX 32

struct line {
    struct plm_bwe *bwe;
    struct plm_twcc_rx rx;
    uint16_t seq;
    uint64_t now, credit, octets;
    unsigned loss_percent; /* random */
    bool overtaken;        /* each tenth packet comes 60 ms late, behind others and often behind the report of them */
    uint64_t late_us;
    uint16_t late_seq;
    uint64_t capacity_bps; /* beyond it everything is lost; 0: no limit */
    uint64_t line_bps;     /* the same with 200 ms of queue in front */
    uint64_t free_us;      /* of the line */
    uint64_t window_us, window_octets;
    /* What is on its way back, and how many feedbacks that are. */
    unsigned late;
    struct {
        uint8_t octets[1500];
        size_t n;
    } back[LATE_MAX];
    unsigned written, read;
};

static struct line l;

static int set_up(void **state)
{
    (void)state;
    l = (struct line){.bwe = plm_bwe_create(), .now = 1000000};
    plm_twcc_rx_init(&l.rx);
    srand(23);
    return l.bwe == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    plm_bwe_destroy(l.bwe);
    return 0;
}

static void send_one(void)
{
    plm_bwe_on_sent(l.bwe, l.seq, 1200, l.now);
    if (l.now - l.window_us >= 50000) {
        l.window_us = l.now;
        l.window_octets = 0;
    }
    l.window_octets += 1200;
    bool over = l.capacity_bps && l.window_octets * 8 * 20 > l.capacity_bps;
    uint64_t from = l.free_us > l.now ? l.free_us : l.now;
    over |= from - l.now > 200000;
    if (l.line_bps && !over)
        l.free_us = from += 1200 * 8000000ull / l.line_bps;
    if (l.overtaken && l.seq % 10 == 0) {
        l.late_us = l.now + 80000;
        l.late_seq = l.seq;
    } else if (!over && (unsigned)rand() % 100 >= l.loss_percent)
        plm_twcc_rx_on_packet(&l.rx, l.seq, from + 20000);
    l.seq++;
}

static void feed_back(void)
{
    while (plm_twcc_rx_pending(&l.rx)) {
        size_t n = plm_twcc_rx_write(&l.rx, l.back[l.written % LATE_MAX].octets, 1500, 1, 2);
        if (n <= 20)
            break;
        l.back[l.written++ % LATE_MAX].n = n;
    }
    for (; l.read + l.late < l.written; l.read++)
        plm_bwe_on_twcc(
            l.bwe, l.back[l.read % LATE_MAX].octets + 12, l.back[l.read % LATE_MAX].n - 12, l.now);
}

/** Send at a rate for a while, with feedback each 100 ms and the poll each 200. */
static void run_for(uint64_t ms, uint64_t bps)
{
    for (uint64_t i = 0; i < ms; i++) {
        l.now += 1000;
        for (l.credit += bps / 8000; l.credit >= 1200; l.credit -= 1200)
            send_one();
        if (l.late_us && l.now >= l.late_us) {
            plm_twcc_rx_on_packet(&l.rx, l.late_seq, l.now);
            l.late_us = 0;
        }
        if (l.now % 100000 == 0)
            feed_back();
        if (l.now % 200000 == 0)
            plm_bwe_poll(l.bwe, l.now);
    }
}

static void is_unknown_before_a_second_of_feedback(void **state)
{
    (void)state;
    assert_int_equal(plm_bwe_estimate(l.bwe), 0);
    run_for(1000, 500000);
    assert_int_equal(plm_bwe_estimate(l.bwe), 0);
    run_for(400, 500000);
    assert_in_range(plm_bwe_estimate(l.bwe), 1000000, 3000000);
    assert_in_range(plm_bwe_acked(l.bwe), 400000, 600000);
}

/** 1600 packets at a time of which nothing is known yet: feedback is 800 ms late. */
static void long_ways_of_fast_senders_are_remembered(void **state)
{
    (void)state;
    l.late = 8;
    run_for(8000, 19200000);
    assert_in_range(plm_bwe_acked(l.bwe), 18500000, 20000000);
}

static void grows_while_little_is_lost(void **state)
{
    (void)state;
    run_for(1500, 1000000);
    uint32_t before = plm_bwe_estimate(l.bwe);
    assert_true(before);
    l.loss_percent = 1;
    run_for(3000, 1000000);
    double growth = (double)plm_bwe_estimate(l.bwe) / before;
    assert_true(growth > 1.15 && growth < 1.30); /* 8 % a second, three seconds */
    run_for(60000, 1000000);
    assert_in_range(plm_bwe_estimate(l.bwe), 3500000, 4500000); /* no further than a few times what is sent */
}

static void what_is_overtaken_is_not_lost(void **state)
{
    (void)state;
    l.overtaken = true;
    run_for(20000, 500000);
    assert_true(plm_bwe_lost_q8(l.bwe) <= 5);
}

static void holds_between_two_and_ten_percent(void **state)
{
    (void)state;
    run_for(1500, 2000000);
    l.loss_percent = 6;
    run_for(1000, 2000000);
    uint32_t before = plm_bwe_estimate(l.bwe);
    run_for(3000, 2000000);
    assert_in_range(plm_bwe_estimate(l.bwe), before * 9ull / 10, before * 11ull / 10);
}

static void cuts_by_half_the_loss(void **state)
{
    (void)state;
    run_for(2000, 2000000);
    l.loss_percent = 20;
    run_for(700, 2000000);
    assert_in_range(
        plm_bwe_estimate(l.bwe), 1600000, 1990000); /* from what is sent, not from what was hoped for */
    run_for(60000, 2000000); /* who does not follow, and loses no more for it, is not pushed down for ever */
    assert_true(plm_bwe_estimate(l.bwe) > 1900000);
    l.loss_percent = 60;
    run_for(20000, 2000000);
    assert_in_range(plm_bwe_estimate(l.bwe), 50000, 200000);
}

/** Send what is estimated, between bounds. @return mean of the estimates */
static uint64_t follow(unsigned seconds, uint64_t least, uint64_t most)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < seconds * 10; i++) {
        uint64_t bps = plm_bwe_estimate(l.bwe);
        run_for(100, bps < least ? least : bps > most ? most : bps);
        sum += plm_bwe_estimate(l.bwe);
    }
    return sum / (seconds * 10);
}

/** A sender that follows the estimate ends near what the line carries, with a queue in front of it or without. */
static void finds_the_capacity(void **state)
{
    (void)state;
    l.capacity_bps = 1500000;
    run_for(1500, 1000000);
    follow(20, 0, UINT64_MAX);
    assert_in_range(follow(40, 0, UINT64_MAX), 1000000, 1900000);
    l.capacity_bps = 600000;
    follow(20, 0, UINT64_MAX);
    assert_in_range(follow(40, 0, UINT64_MAX), 400000, 800000);
    l.capacity_bps = 0;
    l.line_bps = 1500000;
    follow(30, 0, UINT64_MAX);
    assert_in_range(follow(40, 0, UINT64_MAX), 1200000, 1700000);
    l.line_bps = 400000;
    follow(20, 0, UINT64_MAX);
    assert_in_range(follow(40, 0, UINT64_MAX), 300000, 480000);
}

/** Less is sent, and as much is lost, and nothing waits: this line loses by itself. */
static void a_line_that_loses_by_itself(void **state)
{
    (void)state;
    run_for(2000, 2000000);
    l.loss_percent = 14;
    assert_true(follow(60, 0, 2000000) > 1500000);
    assert_true(follow(60, 0, 2000000) > 1900000);
    l.line_bps = 1000000; /* and then it is too narrow as well */
    follow(20, 0, UINT64_MAX);
    assert_in_range(follow(40, 0, UINT64_MAX), 700000, 1150000);
    l.line_bps = 0;
    l.loss_percent = 0;
    assert_true(follow(60, 0, 2000000) > 1500000);
    l.loss_percent = 40; /* a radio at its edge: less is sent for a while, to see whether that helps */
    follow(60, 0, 2000000);
    assert_true(follow(60, 0, 2000000) > 1500000);
    l.loss_percent = 0;
    follow(60, 0, 2000000);
    l.loss_percent = 50; /* no radio loses half */
    follow(60, 0, UINT64_MAX);
    assert_in_range(plm_bwe_estimate(l.bwe), 50000, 200000);
}

/** Loss that was there before anything could be compared is the line's own. */
static void loss_from_the_first_is_no_congestion(void **state)
{
    (void)state;
    l.loss_percent = 15;
    run_for(2000, 2000000);
    uint32_t first = plm_bwe_estimate(l.bwe);
    assert_true(first > 3000000);
    for (int i = 0; i < 60; i++) {
        run_for(1000, 2000000);
        assert_true(plm_bwe_estimate(l.bwe) > 1500000);
    }
}

/* A number below or above what is sent limits nothing; a fall below it does, for a while, and longer when it happens again. */
static void a_falling_remb_bounds(void **state)
{
    (void)state;
    plm_bwe_on_remb(l.bwe, 700000, l.now);
    run_for(1200, 600000);
    plm_bwe_on_remb(l.bwe, 690000, l.now);
    assert_true(plm_bwe_estimate(l.bwe) > 1000000);
    plm_bwe_on_remb(l.bwe, 500000, l.now);
    assert_int_equal(plm_bwe_estimate(l.bwe), 500000);
    run_for(5000, 600000);
    assert_int_equal(plm_bwe_estimate(l.bwe), 500000);
    plm_bwe_on_remb(l.bwe, 0, l.now);
    assert_int_equal(plm_bwe_estimate(l.bwe), 50000);
    plm_bwe_on_remb(l.bwe, UINT64_MAX, l.now);
    assert_true(plm_bwe_estimate(l.bwe) <= 200000000);
    run_for(12000, 600000);
    plm_bwe_on_remb(l.bwe, 650000, l.now);
    plm_bwe_on_remb(l.bwe, 110000, l.now);
    assert_int_equal(plm_bwe_estimate(l.bwe), 110000);
    run_for(12000, 600000); /* longer than the first time */
    assert_int_equal(plm_bwe_estimate(l.bwe), 110000);
    run_for(15000, 600000);
    assert_true(plm_bwe_estimate(l.bwe) > 130000);
}

/** One that does not move is no estimate but a bound: it holds as long as it is said. */
static void a_constant_remb_bounds(void **state)
{
    (void)state;
    run_for(3000, 2000000);
    for (int i = 0; i < 60; i++) {
        plm_bwe_on_remb(l.bwe, 500000, l.now);
        run_for(1000, i < 3 ? 2000000 : 450000);
        if (i >= 3)
            assert_int_equal(plm_bwe_estimate(l.bwe), 500000);
    }
    run_for(60000, 450000);
    assert_true(plm_bwe_estimate(l.bwe) > 500000);
    /* An estimate that fell and cannot rise for want of what it is made of. */
    plm_bwe_on_remb(l.bwe, 450000, l.now);
    plm_bwe_on_remb(l.bwe, 400000, l.now);
    for (int i = 0; i < 60; i++) {
        run_for(1000, 150000);
        plm_bwe_on_remb(l.bwe, 400000, l.now);
    }
    assert_true(plm_bwe_estimate(l.bwe) > 400000);
}

/** As a transport does it: padding in small portions as long as a probe runs. @return octets of padding */
static size_t run_with_probes(unsigned ms, uint64_t bps)
{
    size_t octets = 0;
    uint64_t timer = UINT64_MAX;
    for (unsigned i = 0; i < ms; i++) {
        if (timer > l.now) {
            timer = plm_bwe_probe_at(l.bwe, l.now) < timer ? plm_bwe_probe_at(l.bwe, l.now) : timer;
        } else {
            size_t due = plm_bwe_padding(l.bwe, l.now);
            for (size_t sent = 0; sent < due; sent += 1200, octets += 1200)
                send_one();
            timer = UINT64_MAX;
        }
        run_for(1, bps);
    }
    return octets;
}

/* Somebody who wants more than is known to go through is found out what does, in steps; who has enough is not bothered. */
static void probes_find_what_is_wanted(void **state)
{
    (void)state;
    plm_bwe_want(l.bwe, 300000, true);
    assert_int_equal(plm_bwe_probe_at(l.bwe, l.now), UINT64_MAX);
    run_with_probes(3000, 400000);
    assert_in_range(plm_bwe_estimate(l.bwe), 400000, 600000); /* what was proven, not what is hoped for */
    assert_int_equal(run_with_probes(5000, 400000), 0);
    plm_bwe_want(l.bwe, 4000000, true);
    size_t padding = run_with_probes(2000, 400000);
    assert_in_range(padding, 6000, 60000);
    assert_true(plm_bwe_estimate(l.bwe) >= 4000000);
    l.line_bps = 1000000;
    plm_bwe_want(l.bwe, 20000000, true);
    run_with_probes(6000, 400000);
    assert_in_range(plm_bwe_estimate(l.bwe), 500000, 20000000);
    plm_bwe_want(l.bwe, 20000000, false);
    assert_int_equal(plm_bwe_probe_at(l.bwe, l.now), UINT64_MAX);
}

/** What began to be lost in the midst of it is asked about by sending more: it is the line's own if no more of that is lost. */
static void loss_that_begins_is_asked_about(void **state)
{
    (void)state;
    plm_bwe_want(l.bwe, 300000, true);
    run_with_probes(5000, 300000);
    l.loss_percent = 6;
    run_with_probes(5000, 300000);
    assert_true(plm_bwe_estimate(l.bwe) < 700000);
    plm_bwe_want(l.bwe, 2000000, true);
    plm_bwe_aim(l.bwe, 300000, 1000000);
    run_with_probes(6000, 300000);
    assert_true(plm_bwe_estimate(l.bwe) > 1000000);
    assert_true(plm_bwe_proved(l.bwe, l.now) >= 1000000);
    uint32_t before = plm_bwe_estimate(l.bwe);
    run_with_probes(20000, 1000000);
    assert_true(plm_bwe_estimate(l.bwe) >= before);
}

/** And it is for what is sent if more of it is lost. */
static void loss_of_too_much_stays_that(void **state)
{
    (void)state;
    plm_bwe_want(l.bwe, 2000000, true);
    plm_bwe_aim(l.bwe, 300000, 0);
    run_with_probes(5000, 300000);
    assert_true(plm_bwe_estimate(l.bwe) > 1000000);
    l.loss_percent = 6;
    l.capacity_bps = 600000;
    run_with_probes(3000, 300000);
    plm_bwe_aim(l.bwe, 300000, 1000000);
    size_t padding = 0;
    for (int i = 0; i < 20; i++) {
        padding += run_with_probes(1000, 300000);
        assert_true(plm_bwe_proved(l.bwe, l.now) < 700000);
    }
    assert_true(padding > 20000); /* it was tried */
    assert_true(plm_bwe_estimate(l.bwe) < 1000000);
}

/** When pictures had to become smaller: the line may carry more than it was thought to. */
static void what_was_given_up_is_asked_for_soon(void **state)
{
    (void)state;
    l.line_bps = 2500000;
    plm_bwe_want(l.bwe, 4000000, true);
    plm_bwe_aim(l.bwe, 2000000, 0);
    run_for(3000, 2000000);
    uint64_t at = plm_bwe_probe_at(l.bwe, l.now);
    while (at <= l.now + 1000000 || at > l.now + 10000000) { /* just after a cluster */
        plm_bwe_padding(l.bwe, l.now);
        run_for(100, 2000000);
        at = plm_bwe_probe_at(l.bwe, l.now);
    }
    plm_bwe_aim(l.bwe, 1900000, 2000000);
    plm_bwe_poll(l.bwe, l.now);
    assert_int_equal(plm_bwe_probe_at(l.bwe, l.now), at);
    plm_bwe_aim(l.bwe, 500000, 2000000);
    plm_bwe_poll(l.bwe, l.now);
    assert_true(plm_bwe_probe_at(l.bwe, l.now) <= l.now);
}

/** What arrives without a queue is carried, though little was thought to be wanted, and asked for. */
static void what_flows_is_carried(void **state)
{
    (void)state;
    plm_bwe_want(l.bwe, 150000, true);
    run_with_probes(2000, 1500000);
    assert_in_range(plm_bwe_estimate(l.bwe), 1400000, 2000000);
    run_with_probes(1500, 3600000);
    assert_in_range(plm_bwe_estimate(l.bwe), 3500000, 4200000);
    l.line_bps = 2000000;
    run_with_probes(1000, 3600000);
    assert_in_range(plm_bwe_estimate(l.bwe), 1200000, 2000000);
}

/** A queue says so before anything is lost; what arrives is what the line carries. */
static void a_queue_cuts_before_loss_does(void **state)
{
    (void)state;
    plm_bwe_want(l.bwe, 2000000, true);
    run_for(3000, 2000000);
    l.line_bps = 1000000;
    unsigned ms = 0;
    while (plm_bwe_estimate(l.bwe) > 1000000 && ms < 2000) {
        run_for(50, 2000000);
        ms += 50;
    }
    assert_in_range(ms, 50, 500);
    assert_in_range(plm_bwe_estimate(l.bwe), 600000, 1000000);
    run_for(300, 2000000);
    assert_true(plm_bwe_is_full(l.bwe));
    run_for(3000, 500000);
    assert_false(plm_bwe_is_full(l.bwe));
}

static void reports_alone_are_enough(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++, l.now += 1000000)
        plm_bwe_on_report(l.bwe, 200, 0, 80000, l.now);
    assert_true(plm_bwe_estimate(l.bwe) >= 1000000);
    assert_int_equal(plm_bwe_rtt_us(l.bwe), 80000);
    uint32_t before = plm_bwe_estimate(l.bwe);
    plm_bwe_on_report(l.bwe, 200, 128, 0, l.now);
    assert_in_range(plm_bwe_estimate(l.bwe), before * 3ull / 4 - 2, before * 3ull / 4 + 2);
    plm_bwe_on_report(l.bwe, 200, 128, 0, l.now + 1000); /* once per interval */
    assert_in_range(plm_bwe_estimate(l.bwe), before * 3ull / 4 - 2, before * 3ull / 4 + 2);
    assert_int_equal(plm_bwe_rtt_us(l.bwe), 80000);
}

/** One lost packet of three of a quiet microphone, beside hundreds of a camera: it is half a percent. */
static void a_stream_of_few_packets_says_little(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++, l.now += 1000000)
        plm_bwe_on_report(l.bwe, 200, 0, 80000, l.now);
    uint32_t before = plm_bwe_estimate(l.bwe);
    for (int i = 0; i < 60; i++, l.now += 1000000) {
        plm_bwe_on_report(l.bwe, 200, 0, 80000, l.now);
        plm_bwe_on_report(l.bwe, 3, i % 4 ? 0 : 85, 80000, l.now);
        plm_bwe_poll(l.bwe, l.now);
    }
    assert_true(plm_bwe_estimate(l.bwe) >= before && plm_bwe_lost_q8(l.bwe) <= 5);
}

/** Sends one that never comes. */
static void lose_one(void)
{
    plm_bwe_on_sent(l.bwe, l.seq++, 1200, l.now);
}

/** Where for seconds, and of enough packets, nothing was lost or waited, little feedback is enough; for a while after that none of it can be spared. */
static void a_line_at_ease_may_be_sampled(void **state)
{
    (void)state;
    run_for(3000, 500000);
    assert_false(plm_bwe_may_sample(l.bwe, l.now));
    run_for(500, 500000);
    assert_true(plm_bwe_may_sample(l.bwe, l.now));
    plm_bwe_on_report(l.bwe, 50, 5, 0, l.now); /* what a publisher's line lost all its listeners report */
    assert_true(plm_bwe_may_sample(l.bwe, l.now));

    lose_one();
    run_for(200, 500000);
    assert_false(plm_bwe_may_sample(l.bwe, l.now));
    run_for(2500, 500000);
    assert_false(plm_bwe_may_sample(l.bwe, l.now));
    run_for(1000, 500000);
    assert_true(plm_bwe_may_sample(l.bwe, l.now));

    lose_one();
    run_for(200, 500000);
    run_for(8000, 9600); /* of eight packets nobody knows what would have been lost */
    assert_false(plm_bwe_may_sample(l.bwe, l.now));
    run_for(2000, 500000);
    assert_true(plm_bwe_may_sample(l.bwe, l.now));

    l.line_bps = 450000; /* a queue grows */
    run_for(1500, 500000);
    assert_false(plm_bwe_may_sample(l.bwe, l.now));
}

/** What was counted of a few packets in a while is no share of what comes after it. */
static void what_was_lost_of_a_sample_is_no_verdict(void **state)
{
    (void)state;
    run_for(4000, 500000);
    plm_bwe_sample(l.bwe, true, l.now);
    run_for(1900, 48000); /* five in a second */
    lose_one();
    run_for(200, 48000);
    plm_bwe_sample(l.bwe, false, l.now);
    run_for(3000, 500000);
    assert_int_equal(plm_bwe_lost_q8(l.bwe), 0);
}

/** A line that has lost nothing for a sample's while loses nothing by itself: what is lost then is for sending too much. */
static void loss_after_a_sample_is_congestion(void **state)
{
    (void)state;
    run_for(3500, 500000);
    plm_bwe_sample(l.bwe, true, l.now);
    run_for(500, 48000);
    l.loss_percent = 15;
    run_for(200, 48000);
    plm_bwe_sample(l.bwe, false, l.now);
    uint32_t before = plm_bwe_estimate(l.bwe);
    run_for(6000, 500000);
    assert_true(plm_bwe_estimate(l.bwe) < before * 3ull / 4);
}

/** Rates of a sample are not what is sent: a queue that ends it cuts nothing until all is acknowledged again. */
static void a_sample_cuts_nothing(void **state)
{
    (void)state;
    run_for(4000, 500000);
    uint32_t before = plm_bwe_estimate(l.bwe);
    plm_bwe_sample(l.bwe, true, l.now);
    run_for(2000, 48000);
    l.line_bps = 40000;
    run_for(1000, 48000);
    assert_false(plm_bwe_may_sample(l.bwe, l.now));
    plm_bwe_sample(l.bwe, false, l.now);
    run_for(700, 48000);
    assert_true(plm_bwe_estimate(l.bwe) >= before);
    run_for(3000, 48000);
    assert_true(plm_bwe_estimate(l.bwe) < before);
}

static void malformed_feedback_teaches_nothing(void **state)
{
    (void)state;
    for (size_t n = 0; n < 8; n++) {
        uint8_t *exact = malloc(n ? n : 1);
        for (size_t i = 0; i < n; i++)
            exact[i] = 0xff;
        plm_bwe_on_twcc(l.bwe, exact, n, l.now + n * 1000000);
        free(exact);
    }
    assert_int_equal(plm_bwe_estimate(l.bwe), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(is_unknown_before_a_second_of_feedback, set_up, tear_down),
        cmocka_unit_test_setup_teardown(long_ways_of_fast_senders_are_remembered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(grows_while_little_is_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_overtaken_is_not_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holds_between_two_and_ten_percent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cuts_by_half_the_loss, set_up, tear_down),
        cmocka_unit_test_setup_teardown(finds_the_capacity, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_that_loses_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loss_from_the_first_is_no_congestion, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loss_that_begins_is_asked_about, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loss_of_too_much_stays_that, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_falling_remb_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_constant_remb_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(probes_find_what_is_wanted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_given_up_is_asked_for_soon, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_flows_is_carried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_queue_cuts_before_loss_does, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reports_alone_are_enough, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_stream_of_few_packets_says_little, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_at_ease_may_be_sampled, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_was_lost_of_a_sample_is_no_verdict, set_up, tear_down),
        cmocka_unit_test_setup_teardown(loss_after_a_sample_is_congestion, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_sample_cuts_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(malformed_feedback_teaches_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
