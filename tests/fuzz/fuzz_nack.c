/* What is asked for again, against a record of what is missing: nothing that came, nothing too soon, too often or too late. */
#include "fuzz.h"
#include "nack_gen.h"

#include <string.h>

#define FIRST 65000
#define SPAN  4096

static struct {
    bool missing;
    uint8_t asked;
    uint64_t noticed_us, asked_us;
} seqs[SPAN];

static struct plm_nack_gen g;
static uint64_t newest, now, forgotten;

static void check_list(void)
{
    CHECK(g.n <= PLM_NACK_MAX);
    for (uint32_t i = 0; i < g.n; i++) {
        uint64_t seq = g.lost[i].ext_seq;
        CHECK(seqs[seq - FIRST].missing && seq < newest && seq >= forgotten);
        CHECK(i == 0 || g.lost[i - 1].ext_seq < seq);
    }
}

static bool is_listed(uint64_t seq)
{
    for (uint32_t i = 0; i < g.n; i++) {
        if (g.lost[i].ext_seq == seq)
            return true;
    }
    return false;
}

static void packet(uint64_t seq)
{
    bool opens = seq > newest + 1;
    if (seq < FIRST || seq >= FIRST + SPAN)
        return;
    uint32_t others = g.n - is_listed(seq);
    CHECK(plm_nack_gen_on_packet(&g, seq, now) == opens);
    CHECK(opens || g.n == others);
    seqs[seq - FIRST].missing = false;
    for (uint64_t s = newest + 1; s < seq; s++) {
        seqs[s - FIRST].missing = true;
        seqs[s - FIRST].noticed_us = now;
    }
    newest = seq > newest ? seq : newest;
}

static void poll(uint32_t rtt_us, size_t max)
{
    uint16_t out[PLM_NACK_MAX];
    uint64_t next;
    bool keyframe;
    uint32_t before = g.n, given_up = (uint32_t)g.given_up;
    size_t n = plm_nack_gen_poll(&g, now, rtt_us, out, max, &next, &keyframe);
    CHECK(n <= max && n <= before);
    CHECK((next == UINT64_MAX) == (g.n == 0));
    CHECK(g.n == 0 || n == max || next > now); /* else its caller would spin */
    CHECK(g.given_up == given_up || keyframe);
    for (size_t i = 0; i < n; i++) {
        uint64_t seq = newest - (uint16_t)((uint16_t)newest - out[i]);
        CHECK(seq >= FIRST && seqs[seq - FIRST].missing && seq >= forgotten);
        CHECK(++seqs[seq - FIRST].asked <= 8);
        CHECK(seqs[seq - FIRST].asked == 1 || now - seqs[seq - FIRST].asked_us >= 20000);
        CHECK(now - seqs[seq - FIRST].noticed_us < 1500000);
        seqs[seq - FIRST].asked_us = now;
        for (size_t k = 0; k < i; k++)
            CHECK(out[k] != out[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    memset(seqs, 0, sizeof seqs);
    plm_nack_gen_init(&g);
    newest = FIRST;
    now = 1000000;
    forgotten = 0;
    CHECK(!plm_nack_gen_on_packet(&g, FIRST, now));
    while (in.left) {
        uint8_t op = fuzz_u8(&in);
        now += (uint64_t)(op >> 3) * (op & 128 ? 20000 : 250);
        switch (op & 7) {
        case 0:
            packet(newest + 1 + fuzz_u16(&in) % 600);
            break;
        case 1:
            packet(newest - fuzz_u8(&in));
            break;
        case 2:
            poll(fuzz_u16(&in) * 16u, fuzz_u8(&in) % (PLM_NACK_MAX + 1u));
            break;
        case 3:
            forgotten = newest - fuzz_u8(&in);
            plm_nack_gen_forget_before(&g, forgotten);
            break;
        case 4:
            packet(newest + 1 + fuzz_u8(&in) % 8);
            break;
        case 5:
            poll(50000, PLM_NACK_MAX);
            break;
        default:
            packet(newest + 1);
        }
        check_list();
    }
    return 0;
}
