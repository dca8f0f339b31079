/* RTCP compounds: work is bounded by the length and the allowance; report blocks survive being written again. */
#include "fuzz.h"
#include "rtcp.h"

#include <string.h>

#define MAX_ITEMS 50

struct counts {
    const uint8_t *data;
    size_t size;
    unsigned items, blocks, others;
};

static void on_sr(void *arg, uint32_t ssrc, uint64_t ntp, uint32_t rtp_ts, uint32_t packets, uint32_t octets)
{
    struct counts *c = arg;
    uint8_t buf[28];
    CHECK(plm_rtcp_write_sr(buf, sizeof buf, ssrc, ntp, rtp_ts, packets, octets, NULL, 0) == sizeof buf);
    c->others++;
}

static void same_block(void *arg, uint32_t sender, const struct plm_rtcp_block *b)
{
    const struct plm_rtcp_block *want = arg;
    CHECK(sender == 7 && b->ssrc == want->ssrc && b->fraction_lost == want->fraction_lost);
    CHECK(b->total_lost == want->total_lost && b->highest_seq == want->highest_seq &&
          b->jitter == want->jitter);
    CHECK(b->lsr == want->lsr && b->dlsr == want->dlsr);
}

static void on_block(void *arg, uint32_t sender, const struct plm_rtcp_block *b)
{
    struct counts *c = arg;
    struct plm_rtcp_block copy = *b;
    struct plm_rtcp_handler h = {.block = same_block};
    uint8_t buf[32];
    (void)sender;
    CHECK(b->total_lost >= -0x800000 && b->total_lost <= 0x7fffff);
    CHECK(plm_rtcp_write_rr(buf, sizeof buf, 7, b, 1) == sizeof buf);
    CHECK(plm_rtcp_parse(buf, sizeof buf, 0, &h, &copy) == 0);
    c->blocks++;
}

static void on_bye(void *arg, uint32_t ssrc)
{
    struct counts *c = arg;
    (void)ssrc;
    c->others++;
}

static void on_nack(void *arg, uint32_t media, uint16_t pid, uint16_t blp)
{
    struct counts *c = arg;
    (void)media;
    (void)pid;
    (void)blp;
    c->items++;
}

static void on_fir(void *arg, uint32_t media, uint8_t seq)
{
    struct counts *c = arg;
    (void)media;
    (void)seq;
    c->items++;
}

static void on_remb(void *arg, uint64_t bitrate_bps)
{
    struct counts *c = arg;
    uint8_t buf[20];
    CHECK(plm_rtcp_write_remb(buf, sizeof buf, 1, bitrate_bps, NULL, 0) == sizeof buf);
    c->others++;
}

static void on_twcc(void *arg, const uint8_t *fci, size_t len)
{
    struct counts *c = arg;
    static struct plm_twcc_packet packets[300];
    uint8_t count;
    CHECK(fci >= c->data && len <= c->size && fci + len <= c->data + c->size);
    CHECK(plm_twcc_parse(fci, len, packets, 300, &count) <= 300);
    c->others++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct plm_rtcp_handler h = {
        on_sr, on_block, on_bye, on_nack, on_bye, on_fir, on_remb, on_twcc};
    struct counts c = {.data = data, .size = size};
    (void)plm_rtcp_parse(data, size, MAX_ITEMS, &h, &c);
    CHECK(c.items <= MAX_ITEMS);
    CHECK(c.blocks <= size / 24 && c.others <= size / 4);
    return 0;
}
