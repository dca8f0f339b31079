#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "freeze_cause.h"

#define SECONDS 8
#define AT      5                   /* the second of the freeze */
#define BEGIN   UINT64_C(104400000) /* in the sixth of the seconds, which end at 100 s … 107 s */

/** What differs from a picture that flows, in the second of the freeze. */
struct scene {
    const char *what;
    enum plm_msg_freeze_cause cause;
    unsigned still_ms; /* 400 if 0 */
    struct plm_encoding_second sent;
    struct plm_slot_second received;
    bool silent, sent_unknown, received_unknown, no_packets, nothing_forwarded;
    uint32_t dropped, decode_us, jitter_ms;
};

#define UNKNOWN PLM_MSG_freeze_cause_unknown
#define UPLINK  PLM_MSG_freeze_cause_publisher_uplink
#define ENCODER PLM_MSG_freeze_cause_publisher_encoder
#define SERVER  PLM_MSG_freeze_cause_server
#define DOWN    PLM_MSG_freeze_cause_receiver_downlink
#define DECODER PLM_MSG_freeze_cause_receiver_decoder

static const struct scene scenes[] = {
    {.what = "a hole on the way in that nothing fills", .cause = UPLINK, .sent = {.lost = 3, .recovered = 1}},
    {.what = "the receiver asks for it, too", .cause = UPLINK, .sent = {.lost = 3}, .received = {.lost = 3}},
    {.what = "heavy loss on the way in, all of it repaired",
        .cause = UPLINK,
        .sent = {.lost = 30, .recovered = 30}},
    {.what = "frames late on the way in", .cause = UPLINK, .sent = {.gap_ms = 450, .step_ms = 33}},
    {.what = "nothing comes of its publisher", .cause = UPLINK, .no_packets = true, .silent = true},
    {.what = "sound comes, but no picture", .cause = ENCODER, .no_packets = true},
    {.what = "no frame made for a while", .cause = ENCODER, .sent = {.gap_ms = 420, .step_ms = 400}},
    {.what = "no encoding had frames, and another one was shown afterwards",
        .cause = ENCODER,
        .still_ms = 2500,
        .no_packets = true,
        .nothing_forwarded = true,
        .received = {.switches = 1}},
    {.what = "paused, because nothing comes",
        .cause = ENCODER,
        .received = {.state = PLM_SLOT_PAUSED, .reason = PLM_SLOT_STOPPED}},
    {.what = "a short stop does not explain a long freeze",
        .cause = DECODER,
        .still_ms = 1200,
        .sent = {.gap_ms = 200, .step_ms = 200}},
    {.what = "we were held up, and all came late at once",
        .cause = SERVER,
        .still_ms = 1500,
        .sent = {.gap_ms = 1500, .step_ms = 33, .held_ms = 1450},
        .received = {.held_ms = 1450, .estimate_bps = 300000}},
    {.what = "what sends to the receiver was held up", .cause = SERVER, .received = {.held_ms = 350}},
    {.what = "a short time of that does not explain a long freeze",
        .cause = DOWN,
        .still_ms = 1200,
        .received = {.held_ms = 400, .lost = 9}},
    {.what = "a key frame awaited", .cause = SERVER, .received = {.state = PLM_SLOT_WAITING}},
    {.what = "a change of encoding, whose frames began to be made for it",
        .cause = SERVER,
        .sent = {.gap_ms = 9000, .step_ms = 9000},
        .received = {.switches = 1}},
    {.what = "a change does not explain a long freeze",
        .cause = DECODER,
        .still_ms = 1500,
        .received = {.switches = 1}},
    {.what = "a change for want of bandwidth",
        .cause = DOWN,
        .received = {.switches = 1, .estimate_bps = 500000}},
    {.what = "the estimate fell", .cause = DOWN, .received = {.estimate_bps = 700000}},
    {.what = "it fell a little", .cause = DECODER, .received = {.estimate_bps = 1600000}},
    {.what = "loss on the way out", .cause = DOWN, .received = {.lost = 9, .repeated = 9}},
    {.what = "much more of it than on the way in",
        .cause = DOWN,
        .sent = {.lost = 1},
        .received = {.lost = 9}},
    {.what = "paused for want of bandwidth",
        .cause = DOWN,
        .received = {.state = PLM_SLOT_PAUSED, .reason = PLM_SLOT_NO_BANDWIDTH}},
    {.what = "jitter", .cause = DOWN, .jitter_ms = 400},
    {.what = "the buffer is deep still, but that explains no such time",
        .cause = DECODER,
        .still_ms = 1800,
        .jitter_ms = 430},
    {.what = "frames too late to be shown", .cause = DECODER, .dropped = 5, .jitter_ms = 400},
    {.what = "decoding takes all the time", .cause = DECODER, .decode_us = 33000},
    {.what = "all arrived", .cause = DECODER},
    {.what = "of the way in nothing is known", .cause = UNKNOWN, .sent_unknown = true},
    {.what = "but of the way out it is", .cause = DOWN, .sent_unknown = true, .received = {.lost = 2}},
    {.what = "of the way out nothing is known", .cause = UNKNOWN, .received_unknown = true},
};

static void build(
    const struct scene *s, struct plm_encoding_second sent[SECONDS], struct plm_slot_second received[SECONDS])
{
    for (unsigned i = 0; i < SECONDS; i++) {
        sent[i] = (struct plm_encoding_second){.end_us = (100 + i) * 1000000,
            .packets = 120,
            .octets = 120000,
            .frames = 30,
            .gap_ms = 34,
            .step_ms = 34};
        received[i] = (struct plm_slot_second){.end_us = (100 + i) * 1000000,
            .packets = 120,
            .octets = 120000,
            .estimate_bps = 2000000,
            .state = PLM_SLOT_FORWARDING};
    }
    if (s->sent.gap_ms) {
        sent[AT].gap_ms = s->sent.gap_ms;
        sent[AT].step_ms = s->sent.step_ms;
    }
    sent[AT].held_ms = s->sent.held_ms;
    sent[AT].lost = s->sent.lost;
    sent[AT].recovered = s->sent.recovered;
    sent[AT].packets = s->no_packets ? 0 : 120;
    if (s->received.estimate_bps)
        received[AT].estimate_bps = s->received.estimate_bps;
    if (s->received.state)
        received[AT].state = s->received.state;
    received[AT].reason = s->received.reason;
    received[AT].packets = s->nothing_forwarded ? 0 : 120;
    received[AT].held_ms = s->received.held_ms;
    received[AT].lost = s->received.lost;
    received[AT].switches = s->received.switches;
}

static enum plm_msg_freeze_cause cause_of(const struct scene *s, const struct plm_encoding_second *sent,
    const struct plm_slot_second *received, uint64_t begin_us)
{
    const struct plm_freeze_evidence e = {.begin_us = begin_us,
        .end_us = begin_us + (s->still_ms ? s->still_ms : 400) * 1000,
        .received = received,
        .n_received = s->received_unknown ? 0 : SECONDS,
        .sent = sent,
        .n_sent = s->sent_unknown ? 0 : SECONDS,
        .publisher_is_silent = s->silent,
        .report_ms = 5000,
        .frames = 140,
        .dropped = s->dropped,
        .decode_us = s->decode_us ? s->decode_us : 4000,
        .jitter_ms = s->jitter_ms ? s->jitter_ms : 40};
    return plm_freeze_cause(&e);
}

static void each_scene_has_its_cause(void **state)
{
    struct plm_encoding_second sent[SECONDS];
    struct plm_slot_second received[SECONDS];
    (void)state;
    for (size_t i = 0; i < sizeof scenes / sizeof scenes[0]; i++) {
        build(&scenes[i], sent, received);
        enum plm_msg_freeze_cause cause = cause_of(&scenes[i], sent, received, BEGIN);
        if (cause != scenes[i].cause)
            fail_msg("%s: %s", scenes[i].what, plm_msg_freeze_cause_name(cause));
    }
}

/* What went before, and long ago, is no cause: neither leg of another second is looked at. */
static void other_seconds_are_none(void **state)
{
    struct plm_encoding_second sent[SECONDS];
    struct plm_slot_second received[SECONDS];
    const struct scene lossy = {.sent = {.lost = 50}, .received = {.lost = 90, .estimate_bps = 100000}};
    (void)state;
    build(&lossy, sent, received);
    assert_int_equal(cause_of(&lossy, sent, received, BEGIN), UPLINK);
    assert_int_equal(cause_of(&lossy, sent, received, BEGIN - 3500000), DECODER);
    const struct scene narrow = {.received = {.estimate_bps = 100000}};
    build(&narrow, sent, received);
    received[0].estimate_bps =
        50000000; /* of a time that is forgotten when the line has been as it is for long */
    received[AT].estimate_bps = 2000000;
    assert_int_equal(cause_of(&narrow, sent, received, BEGIN), DECODER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_scene_has_its_cause),
        cmocka_unit_test(other_seconds_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
