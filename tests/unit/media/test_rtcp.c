#include "rtcp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "exact.h"

/* What the callbacks saw, as text in order. */
struct seen {
    char text[4096];
    size_t len;
    unsigned calls;
};

#define NOTE(s, ...)                                                                                         \
    ((s)->len += (size_t)snprintf((s)->text + (s)->len, sizeof(s)->text - (s)->len, __VA_ARGS__),            \
        (s)->calls++)

static void on_sr(void *arg, uint32_t ssrc, uint64_t ntp, uint32_t rtp_ts, uint32_t packets, uint32_t octets)
{
    struct seen *s = arg;
    NOTE(s, "sr %x %llx %u %u %u;", ssrc, (unsigned long long)ntp, rtp_ts, packets, octets);
}

static void on_block(void *arg, uint32_t sender, const struct plm_rtcp_block *b)
{
    struct seen *s = arg;
    NOTE(s, "block %x %x %u %d %u %u %x %u;", sender, b->ssrc, b->fraction_lost, b->total_lost,
        b->highest_seq, b->jitter, b->lsr, b->dlsr);
}

static void on_bye(void *arg, uint32_t ssrc)
{
    struct seen *s = arg;
    NOTE(s, "bye %x;", ssrc);
}

static void on_nack(void *arg, uint32_t media, uint16_t pid, uint16_t blp)
{
    struct seen *s = arg;
    NOTE(s, "nack %x %u %x;", media, pid, blp);
}

static void on_pli(void *arg, uint32_t media)
{
    struct seen *s = arg;
    NOTE(s, "pli %x;", media);
}

static void on_fir(void *arg, uint32_t media, uint8_t seq)
{
    struct seen *s = arg;
    NOTE(s, "fir %x %u;", media, seq);
}

static void on_remb(void *arg, uint64_t bitrate_bps)
{
    struct seen *s = arg;
    NOTE(s, "remb %llu;", (unsigned long long)bitrate_bps);
}

static void on_twcc(void *arg, const uint8_t *fci, size_t len)
{
    struct seen *s = arg;
    NOTE(s, "twcc %zu %u;", len, len ? fci[0] : 0);
}

static const struct plm_rtcp_handler all = {
    on_sr, on_block, on_bye, on_nack, on_pli, on_fir, on_remb, on_twcc};

static int parse(struct seen *s, const void *data, size_t len, unsigned max_items)
{
    memset(s, 0, sizeof *s);
    uint8_t *copy = exact_copy(data, len);
    int rc = plm_rtcp_parse(copy, len, max_items, &all, s);
    free(copy);
    return rc;
}

static void expect(const void *data, size_t len, const char *text)
{
    struct seen s;
    assert_int_equal(parse(&s, data, len, 100), 0);
    assert_string_equal(s.text, text);
}

static void reads_reports(void **state)
{
    (void)state;
    /* RFC 3550 sections 6.4.1 and 6.4.2 */
    uint8_t buf[512];
    struct plm_rtcp_block b[2] = {
        {0xa, 128, -5, 0x10005, 77, 0x1234, 65536}, {0xb, 255, 0x7fffff, 9, 8, 7, 6}};
    size_t n =
        plm_rtcp_write_sr(buf, sizeof buf, 0x1111, UINT64_C(0xe000000080000000), 90000, 10, 12345, b, 2);
    assert_int_equal(n, 28 + 48);
    expect(buf, n,
        "sr 1111 e000000080000000 90000 10 12345;block 1111 a 128 -5 65541 77 1234 65536;block 1111 b 255 "
        "8388607 9 8 7 6;");
    n = plm_rtcp_write_rr(buf, sizeof buf, 0x2222, b, 1);
    assert_int_equal(n, 32);
    expect(buf, n, "block 2222 a 128 -5 65541 77 1234 65536;");
    n = plm_rtcp_write_rr(buf, sizeof buf, 0x2222, NULL, 0);
    assert_int_equal(n, 8);
    expect(buf, n, "");
}

static void loss_is_clamped(void **state)
{
    (void)state;
    uint8_t buf[64];
    struct plm_rtcp_block b = {.total_lost = INT32_MIN};
    size_t n = plm_rtcp_write_rr(buf, sizeof buf, 1, &b, 1);
    expect(buf, n, "block 1 0 0 -8388608 0 0 0 0;");
    b.total_lost = INT32_MAX;
    n = plm_rtcp_write_rr(buf, sizeof buf, 1, &b, 1);
    expect(buf, n, "block 1 0 0 8388607 0 0 0 0;");
}

static void reads_31_blocks(void **state)
{
    (void)state;
    uint8_t buf[1024];
    struct plm_rtcp_block b[32] = {0};
    struct seen s;
    size_t n = plm_rtcp_write_rr(buf, sizeof buf, 1, b, 31);
    assert_int_equal(n, 8 + 31 * 24);
    assert_int_equal(parse(&s, buf, n, 0), 0);
    assert_int_equal(s.calls, 31);
    assert_int_equal(plm_rtcp_write_rr(buf, sizeof buf, 1, b, 32), 0);
    assert_int_equal(plm_rtcp_write_sr(buf, sizeof buf, 1, 2, 3, 4, 5, b, 32), 0);
    /* 31 blocks claimed, one there */
    buf[3] = 7;
    assert_int_equal(parse(&s, buf, 32, 0), PLM_EINVAL);
    assert_int_equal(s.calls, 0);
}

static void walks_compounds(void **state)
{
    (void)state;
    uint8_t buf[1024];
    size_t n = plm_rtcp_write_sr(buf, sizeof buf, 1, 2, 3, 4, 5, NULL, 0);
    n += plm_rtcp_write_sdes_cname(buf + n, sizeof buf - n, 1, "abcde");
    static const uint8_t skipped[] = {
        0x80, 204, 0, 2, 0, 0, 0, 1, 'n', 'a', 'm', 'e', 0x80, 207, 0, 1, 0, 0, 0, 1, 0x80, 199, 0, 0};
    memcpy(buf + n, skipped, sizeof skipped); /* APP, XR, unknown */
    n += sizeof skipped;
    n += plm_rtcp_write_pli(buf + n, sizeof buf - n, 1, 0xcafe);
    n += plm_rtcp_write_fir(buf + n, sizeof buf - n, 1, 0xbeef, 200);
    n += plm_rtcp_write_bye(buf + n, sizeof buf - n, 1);
    expect(buf, n, "sr 1 2 3 4 5;pli cafe;fir beef 200;bye 1;");
    assert_int_equal(plm_rtcp_parse(buf, n, 9, &(struct plm_rtcp_handler){0}, NULL), 0);
}

/* A compound cut anywhere is refused unless it is cut between packets, and never read past its end. */
static void refuses_truncation(void **state)
{
    (void)state;
    uint8_t buf[512];
    struct plm_rtcp_block b = {1, 2, 3, 4, 5, 6, 7};
    uint16_t lost[] = {5, 6, 100};
    uint32_t ssrc = 9;
    size_t ends[8], n = 0, n_ends = 0;
    ends[n_ends++] = n += plm_rtcp_write_sr(buf + n, sizeof buf - n, 1, 2, 3, 4, 5, &b, 1);
    ends[n_ends++] = n += plm_rtcp_write_sdes_cname(buf + n, sizeof buf - n, 1, "cname");
    ends[n_ends++] = n += plm_rtcp_write_nack(buf + n, sizeof buf - n, 1, 2, lost, 3);
    ends[n_ends++] = n += plm_rtcp_write_remb(buf + n, sizeof buf - n, 1, 1000, &ssrc, 1);
    ends[n_ends++] = n += plm_rtcp_write_bye(buf + n, sizeof buf - n, 1);
    for (size_t len = 0; len <= n; len++) {
        bool whole = false;
        for (size_t i = 0; i < n_ends; i++)
            whole |= ends[i] == len;
        struct seen s;
        assert_int_equal(parse(&s, buf, len, 10), whole ? 0 : PLM_EINVAL);
    }
}

static void refuses_malformed(void **state)
{
    (void)state;
    static const struct {
        uint8_t data[32];
        size_t len;
    } bad[] = {
        {{0x40, 201, 0, 1, 0, 0, 0, 1}, 8},                    /* version 1 */
        {{0x80, 201, 0, 0}, 4},                                /* RR without SSRC */
        {{0x80, 200, 0, 1, 0, 0, 0, 1}, 8},                    /* SR without sender info */
        {{0x81, 201, 0, 1, 0, 0, 0, 1}, 8},                    /* one block, none there */
        {{0x9f, 203, 0, 1, 0, 0, 0, 1}, 8},                    /* 31 SSRCs say goodbye, one there */
        {{0x81, 203, 0, 2, 0, 0, 0, 1, 4, 'b', 'y', 'e'}, 12}, /* reason too long */
        {{0x81, 203, 0, 2, 0, 0, 0, 1, 255, 'b', 'y', 'e'}, 12},
        {{0xa0, 201, 0, 1, 0, 0, 0, 0}, 8}, /* padding of 0 */
        {{0xa0, 201, 0, 1, 0, 0, 0, 5}, 8}, /* longer than the body */
        {{0xa0, 201, 0, 0}, 4},             /* padding count would be the header's last octet */
        {{0x81, 205, 0, 1, 0, 0, 0, 1}, 8}, /* feedback without media SSRC */
        {{0x81, 206, 0, 0}, 4},
        {{0x8f, 206, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B'}, 16},
        {{0x8f, 206, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 'R', 'E', 'M', 'B', 1, 0, 0, 1}, 20}, /* an SSRC missing */
        {{0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 0, 0}, 11},
        {{0x80, 201, 255, 255, 0, 0, 0, 1}, 8},
    };
    struct seen s;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parse(&s, bad[i].data, bad[i].len, 10), PLM_EINVAL);
        assert_int_equal(s.calls, 0);
    }
}

static void takes_odd_but_valid(void **state)
{
    (void)state;
    expect("\x80\xca\0\0\x80\xcb\0\0", 8, "");                  /* empty SDES, empty BYE */
    expect("\x81\xcb\0\x02\0\0\0\x07\x03why", 12, "bye 7;");    /* reason that fits exactly */
    expect("\xa1\xcb\0\x02\0\0\0\x07\0\0\0\x04", 12, "bye 7;"); /* padding */
    expect("\x8f\xce\0\x03\0\0\0\x01\0\0\0\0OTHR", 16, "");     /* another application's feedback */
    expect("\x9f\xcd\0\x02\0\0\0\x01\0\0\0\x02", 12, "");       /* unknown format */
    expect("\x8f\xcd\0\x02\0\0\0\x01\0\0\0\x02", 12, "twcc 0 0;");
}

static void nacks_round_trip(void **state)
{
    (void)state;
    uint8_t buf[256];
    /* RFC 4585 section 6.2.1: the mask holds the 16 after the first; and a wrap */
    static const uint16_t lost[] = {65530, 65531, 0, 10, 11, 27};
    size_t n = plm_rtcp_write_nack(buf, sizeof buf, 1, 2, lost, 6);
    assert_int_equal(n, 20);
    expect(buf, n, "nack 2 65530 8021;nack 2 11 8000;");
    assert_int_equal(plm_rtcp_write_nack(buf, sizeof buf, 1, 2, lost, 0), 0);
    assert_int_equal(plm_rtcp_write_nack(buf, 19, 1, 2, lost, 6), 0);
    assert_int_equal(plm_rtcp_write_nack(buf, 3, 1, 2, lost, 6), 0);
    assert_int_equal(plm_rtcp_write_nack(buf, 16, 1, 2, lost, 3), 16);
}

static void items_are_bounded(void **state)
{
    (void)state;
    uint8_t buf[2048];
    uint16_t lost[200];
    for (size_t i = 0; i < 200; i++)
        lost[i] = (uint16_t)(i * 100);
    size_t n = plm_rtcp_write_nack(buf, sizeof buf, 1, 2, lost, 200);
    n += plm_rtcp_write_fir(buf + n, sizeof buf - n, 1, 3, 4);
    struct seen s;
    assert_int_equal(parse(&s, buf, n, 25), 0);
    assert_int_equal(s.calls, 25);
    assert_int_equal(parse(&s, buf, n, 201), 0);
    assert_int_equal(s.calls, 201);
    assert_int_equal(parse(&s, buf, n, 0), 0);
    assert_int_equal(s.calls, 0);
}

static void remb_saturates(void **state)
{
    (void)state;
    uint8_t buf[64];
    static const struct {
        uint64_t in;
        const char *out;
    } cases[] = {
        {0, "remb 0;"},
        {1, "remb 1;"},
        {0x3ffff, "remb 262143;"},
        {0x40000, "remb 262144;"},
        {2500001, "remb 2500000;"},
        {UINT64_MAX, "remb 18446673704965373952;"},
    };
    uint32_t ssrcs[2] = {1, 2};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = plm_rtcp_write_remb(buf, sizeof buf, 1, cases[i].in, ssrcs, 2);
        assert_int_equal(n, 28);
        expect(buf, n, cases[i].out);
    }
    size_t n = plm_rtcp_write_remb(buf, sizeof buf, 1, 1, NULL, 0);
    buf[17] = 0xff; /* 2^63 times 3 << 16 and more */
    expect(buf, n, "remb 18446744073709551615;");
    buf[17] = 0xfc;
    buf[18] = buf[19] = 0;
    expect(buf, n, "remb 0;"); /* nothing, however far it is shifted */
    assert_int_equal(plm_rtcp_write_remb(buf, 27, 1, 1, ssrcs, 2), 0);
    assert_int_equal(plm_rtcp_write_remb(buf, sizeof buf, 1, 1, ssrcs, 256), 0);
}

static void writers_need_room(void **state)
{
    (void)state;
    uint8_t buf[600];
    char name[300];
    memset(name, 'x', sizeof name);
    name[256] = 0;
    assert_int_equal(plm_rtcp_write_sdes_cname(buf, sizeof buf, 1, name), 0);
    name[255] = 0;
    assert_int_equal(plm_rtcp_write_sdes_cname(buf, sizeof buf, 1, name), 268);
    for (size_t n = 0; n < 8; n++) { /* padded to words, a zero octet always behind the name */
        name[n] = 0;
        size_t len = plm_rtcp_write_sdes_cname(buf, sizeof buf, 1, name);
        assert_int_equal(len % 4, 0);
        assert_in_range(len, 8 + 2 + n + 1, 8 + 2 + n + 4);
        assert_int_equal(plm_rtcp_write_sdes_cname(buf, len - 1, 1, name), 0);
        name[n] = 'x';
    }
    assert_int_equal(plm_rtcp_write_sr(buf, 27, 1, 2, 3, 4, 5, NULL, 0), 0);
    assert_int_equal(plm_rtcp_write_rr(buf, 7, 1, NULL, 0), 0);
    assert_int_equal(plm_rtcp_write_bye(buf, 7, 1), 0);
    assert_int_equal(plm_rtcp_write_pli(buf, 11, 1, 2), 0);
    assert_int_equal(plm_rtcp_write_fir(buf, 19, 1, 2, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_reports),
        cmocka_unit_test(loss_is_clamped),
        cmocka_unit_test(reads_31_blocks),
        cmocka_unit_test(walks_compounds),
        cmocka_unit_test(refuses_truncation),
        cmocka_unit_test(refuses_malformed),
        cmocka_unit_test(takes_odd_but_valid),
        cmocka_unit_test(nacks_round_trip),
        cmocka_unit_test(items_are_bounded),
        cmocka_unit_test(remb_saturates),
        cmocka_unit_test(writers_need_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
