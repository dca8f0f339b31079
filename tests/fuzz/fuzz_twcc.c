/* Transport-cc: octets as a feedback's FCI; or as a script of arrivals whose feedback must tell them again. */
#include "fuzz.h"
#include "rtcp.h"
#include "rtp.h"

#include <string.h>

#define MAX_STATUSES 600

static void read_fci(const uint8_t *data, size_t size)
{
    struct plm_twcc_packet *out = malloc(MAX_STATUSES * sizeof *out);
    uint8_t count;
    int n = plm_twcc_parse(data, size, out, MAX_STATUSES, &count);
    CHECK(n == PLM_EINVAL || (n > 0 && n <= MAX_STATUSES));
    for (int i = 1; i < n; i++)
        CHECK((uint16_t)(out[i].seq - out[i - 1].seq) == 1);
    free(out);
}

struct truth {
    uint64_t arrival_us[1 << 16]; /* of the last packet with this number; 0 never */
};

static void read_back(const struct truth *t, const uint8_t *pkt, size_t len)
{
    static struct plm_twcc_packet p[PLM_TWCC_LOG];
    uint8_t count;
    int n = plm_twcc_parse(pkt + 12, len - 12, p, PLM_TWCC_LOG, &count);
    CHECK(n > 0);
    for (int i = 0; i < n; i++) {
        if (p[i].arrival_us == PLM_TWCC_LOST)
            continue;
        uint64_t arrived = t->arrival_us[p[i].seq];
        CHECK(arrived >= (uint64_t)p[i].arrival_us && arrived - (uint64_t)p[i].arrival_us < 250);
    }
}

static void flush(struct plm_twcc_rx *rx, const struct truth *t, size_t cap)
{
    uint8_t *buf = malloc(cap);
    while (plm_twcc_rx_pending(rx)) {
        uint64_t before = rx->next_ext;
        size_t n = plm_twcc_rx_write(rx, buf, cap, 1, 2);
        CHECK(n >= 20 && n <= cap && n % 4 == 0 && rx->next_ext > before);
        read_back(t, buf, n);
    }
    free(buf);
}

static void run_script(struct fuzz_input in)
{
    static struct truth t;
    static struct plm_twcc_rx rx;
    memset(&t, 0, sizeof t);
    plm_twcc_rx_init(&rx);
    size_t cap = 24u + fuzz_u8(&in) * 5u;
    uint16_t seq = fuzz_u16(&in);
    uint64_t now = 1 + fuzz_u16(&in) * UINT64_C(10000);
    while (in.left > 0) {
        uint8_t op = fuzz_u8(&in);
        if (op < 8) {
            flush(&rx, &t, cap);
            continue;
        }
        seq = (uint16_t)(seq + (op & 0x80 ? (int8_t)fuzz_u8(&in) : 1));
        now += op & 0x40 ? fuzz_u16(&in) * UINT64_C(200) : fuzz_u8(&in);
        uint64_t ext = plm_seq_extend(rx.max_ext, seq);
        bool known = rx.any && ext <= rx.max_ext &&
                     (ext + PLM_TWCC_LOG <= rx.max_ext || rx.arrival_us[ext % PLM_TWCC_LOG]);
        plm_twcc_rx_on_packet(&rx, seq, now);
        if (!known)
            t.arrival_us[seq] = now;
    }
    flush(&rx, &t, cap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t *rest = malloc(size); /* exact, so that a read past the end is seen */
    memcpy(rest, data + 1, size - 1);
    uint8_t *exact = realloc(rest, size > 1 ? size - 1 : 1);
    if (data[0] & 1)
        run_script((struct fuzz_input){exact, size - 1});
    else
        read_fci(exact, size - 1);
    free(exact);
    return 0;
}
