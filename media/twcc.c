/*
 * Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3): reading it, and
 * writing it from a log of arrivals.
 */
#include "base/bytes.h"
#include "base/planted.h"
#include "rtcp.h"
#include "rtcp_fb.h"
#include "rtp.h"

#include <string.h>

#define FCI_HEADER      8
#define PACKET_HEADER   20
#define TICK_US         250
#define REFERENCE_TICKS 256 /* 64 ms */
#define RUN_MAX         8191
#define BIT_CHUNK       14
#define TWO_BIT_CHUNK   7
#define VECTOR          0x8000
#define VECTOR_TWO_BITS 0x4000

enum symbol {
    NOT_RECEIVED = 0,
    SMALL_DELTA = 1, /* one octet, unsigned */
    LARGE_DELTA = 2, /* two octets, signed */
    RESERVED = 3,
};

/* ---- reading ---- */

static unsigned chunk_count(uint16_t chunk)
{
    if (!(chunk & VECTOR))
        return chunk & 0x1fff;
    return chunk & VECTOR_TWO_BITS ? TWO_BIT_CHUNK : BIT_CHUNK;
}

static enum symbol chunk_symbol(uint16_t chunk, unsigned i)
{
    if (!(chunk & VECTOR))
        return (enum symbol)((chunk >> 13) & 3);
    if (chunk & VECTOR_TWO_BITS)
        return (enum symbol)((chunk >> (2 * (TWO_BIT_CHUNK - 1 - i))) & 3);
    return (enum symbol)((chunk >> (BIT_CHUNK - 1 - i)) & 1);
}

/* Octets of the chunks that hold count statuses, 0 when they do not fit or do not get there. */
static size_t chunks_len(const uint8_t *p, size_t len, unsigned count)
{
    size_t used = 0;
    for (unsigned seen = 0; seen < count; used += 2) {
        if (len - used < 2)
            return 0;
        unsigned n = chunk_count(plm_get16(p + used));
        if (n == 0)
            return 0;
        seen += n;
    }
    return used;
}

/* What is left of the deltas, and the time they have added up to. */
struct deltas {
    const uint8_t *p;
    size_t left;
    int64_t ticks;
};

static int read_delta(struct deltas *d, enum symbol symbol, int64_t *arrival_us)
{
    *arrival_us = PLM_TWCC_LOST;
    if (symbol == NOT_RECEIVED)
        return 0;
    size_t size = symbol == LARGE_DELTA ? 2 : 1;
    if (symbol == RESERVED || !PLM_FITS(twcc, size <= d->left))
        return PLM_EINVAL;
    d->ticks += size == 2 ? (int16_t)plm_get16(d->p) : *d->p;
    d->p += size;
    d->left -= size;
    *arrival_us = d->ticks * TICK_US;
    return 0;
}

int plm_twcc_parse(
    const uint8_t *fci, size_t len, struct plm_twcc_packet *out, size_t max, uint8_t *feedback_count)
{
    if (len < FCI_HEADER)
        return PLM_EINVAL;
    uint16_t seq = plm_get16(fci);
    unsigned count = plm_get16(fci + 2);
    uint32_t reference = plm_get24(fci + 4);
    const uint8_t *chunk = fci + FCI_HEADER;
    size_t chunks = chunks_len(chunk, len - FCI_HEADER, count);
    if (count == 0 || chunks == 0)
        return PLM_EINVAL;
    struct deltas d = {
        .p = chunk + chunks,
        .left = len - FCI_HEADER - chunks,
        .ticks =
            (reference & 0x800000 ? (int64_t)reference - 0x1000000 : (int64_t)reference) * REFERENCE_TICKS,
    };
    unsigned n = count < max ? count : (unsigned)max;
    unsigned in_chunk = 0;
    for (unsigned i = 0; i < n; i++) {
        uint16_t bits = plm_get16(chunk);
        out[i].seq = seq++;
        int rc = read_delta(&d, chunk_symbol(bits, in_chunk), &out[i].arrival_us);
        if (rc)
            return rc;
        if (++in_chunk == chunk_count(bits)) {
            chunk += 2;
            in_chunk = 0;
        }
    }
    *feedback_count = fci[7];
    return (int)n;
}

/* ---- the log ---- */

static uint64_t *logged(struct plm_twcc_rx *t, uint64_t ext)
{
    return &t->arrival_us[ext % PLM_TWCC_LOG];
}

void plm_twcc_rx_init(struct plm_twcc_rx *t)
{
    memset(t, 0, sizeof *t);
}

static void advance(struct plm_twcc_rx *t, uint64_t ext)
{
    uint64_t gap = ext - t->max_ext;
    for (uint64_t i = 1; i < gap && i < PLM_TWCC_LOG; i++)
        *logged(t, ext - i) = 0;
    t->max_ext = ext;
    if (t->next_ext + PLM_TWCC_LOG <= ext) /* what the log cannot hold any more is never reported */
        t->next_ext = ext - PLM_TWCC_LOG + 1;
}

void plm_twcc_rx_on_packet(struct plm_twcc_rx *t, uint16_t seq, uint64_t now_us)
{
    if (!t->any) {
        t->any = true;
        t->max_ext = t->next_ext = (1 << 16) + (uint64_t)seq; /* room for a reordered one before the first */
        *logged(t, t->max_ext) = now_us ? now_us : 1;
        return;
    }
    uint64_t ext = plm_seq_extend(t->max_ext, seq);
    if (ext + PLM_TWCC_LOG <= t->max_ext)
        return;
    if (ext > t->max_ext)
        advance(t, ext);
    else if (*logged(t, ext))
        return;
    *logged(t, ext) = now_us ? now_us : 1;
    if (ext < t->next_ext) /* reported as lost before: report again from here */
        t->next_ext = ext;
}

bool plm_twcc_rx_pending(const struct plm_twcc_rx *t)
{
    return t->any && t->next_ext <= t->max_ext;
}

/* ---- writing ---- */

/* One feedback packet in the making. */
struct report {
    uint8_t symbols[PLM_TWCC_LOG];
    uint8_t deltas[PLM_TWCC_LOG * 2];
    unsigned count;
    size_t deltas_len;
    int64_t last_tick;
    uint32_t reference;
    bool timed; /* a received packet has set the reference */
};

/* The newest arrival serves as reference time when room ends before a received packet. */
static void report_init(struct report *r, uint64_t newest_us)
{
    r->count = 0;
    r->deltas_len = 0;
    r->last_tick = 0;
    r->reference = (uint32_t)(newest_us / TICK_US / REFERENCE_TICKS) & 0xffffff;
    r->timed = false;
}

static size_t report_len(unsigned count, size_t deltas_len)
{
    size_t chunks =
        (count + TWO_BIT_CHUNK - 1) / TWO_BIT_CHUNK; /* every chunk but the last holds seven or more */
    return (PACKET_HEADER + chunks * 2 + deltas_len + 3) & ~(size_t)3;
}

/* Add the next status. @return false when it needs a report of its own */
static bool report_add(struct report *r, uint64_t arrival_us, size_t cap)
{
    enum symbol symbol = NOT_RECEIVED;
    int64_t tick = (int64_t)(arrival_us / TICK_US), delta = 0;
    if (arrival_us) {
        if (!r->timed) {
            r->timed = true;
            r->reference = (uint32_t)(tick / REFERENCE_TICKS) & 0xffffff;
            r->last_tick = tick - tick % REFERENCE_TICKS;
        }
        delta = tick - r->last_tick;
        if (delta < INT16_MIN || delta > INT16_MAX)
            return false;
        symbol = delta >= 0 && delta <= UINT8_MAX ? SMALL_DELTA : LARGE_DELTA;
    }
    size_t octets = (size_t)symbol; /* a symbol's value is the size of its delta */
    if (r->count == PLM_TWCC_LOG || report_len(r->count + 1, r->deltas_len + octets) > cap)
        return false;
    r->symbols[r->count++] = (uint8_t)symbol;
    if (symbol == NOT_RECEIVED)
        return true;
    if (symbol == LARGE_DELTA)
        r->deltas[r->deltas_len++] = (uint8_t)((uint16_t)delta >> 8);
    r->deltas[r->deltas_len++] = (uint8_t)delta;
    r->last_tick = tick;
    return true;
}

/* Length of the run of equal symbols at s. */
static unsigned run_at(const uint8_t *s, unsigned left)
{
    unsigned run = 1;
    while (run < left && run < RUN_MAX && s[run] == s[0])
        run++;
    return run;
}

/* Choose the chunk for the symbols at s. @return how many it holds */
static unsigned make_chunk(const uint8_t *s, unsigned left, uint16_t *chunk)
{
    unsigned run = run_at(s, left);
    if (run >= BIT_CHUNK || run == left || (run >= TWO_BIT_CHUNK && s[0] == LARGE_DELTA)) {
        *chunk = (uint16_t)(s[0] << 13 | run);
        return run;
    }
    unsigned n = left < BIT_CHUNK ? left : BIT_CHUNK, bits = 0;
    while (bits < n && s[bits] != LARGE_DELTA)
        bits++;
    *chunk = VECTOR;
    if (bits == n) {
        for (unsigned i = 0; i < n; i++)
            *chunk |= (uint16_t)(s[i] << (BIT_CHUNK - 1 - i));
        return n;
    }
    n = left < TWO_BIT_CHUNK ? left : TWO_BIT_CHUNK;
    *chunk |= VECTOR_TWO_BITS;
    for (unsigned i = 0; i < n; i++)
        *chunk |= (uint16_t)(s[i] << (2 * (TWO_BIT_CHUNK - 1 - i)));
    return n;
}

static size_t report_write(const struct report *r, uint8_t *dst)
{
    size_t len = PACKET_HEADER;
    for (unsigned done = 0; done < r->count; len += 2) {
        uint16_t chunk;
        done += make_chunk(r->symbols + done, r->count - done, &chunk);
        plm_put16(dst + len, chunk);
    }
    memcpy(dst + len, r->deltas, r->deltas_len);
    len += r->deltas_len;
    for (; len % 4; len++)
        dst[len] = 0; /* not RTCP padding: the counts say where the deltas end */
    return len;
}

size_t plm_twcc_rx_write(struct plm_twcc_rx *t, uint8_t *dst, size_t cap, uint32_t sender, uint32_t media)
{
    if (!plm_twcc_rx_pending(t))
        return 0;
    struct report r;
    report_init(&r, *logged(t, t->max_ext));
    uint64_t first = t->next_ext, ext = first;
    while (ext <= t->max_ext && report_add(&r, *logged(t, ext), cap))
        ext++;
    if (r.count == 0)
        return 0;
    size_t len = report_write(&r, dst);
    plm_rtcp_put_header(dst, PLM_RTCP_FMT_TWCC, PLM_RTCP_RTPFB, len);
    plm_put32(dst + 4, sender);
    plm_put32(dst + 8, media);
    plm_put16(dst + 12, (uint16_t)first);
    plm_put16(dst + 14, (uint16_t)r.count);
    plm_put24(dst + 16, r.reference);
    dst[19] = t->fb_count++;
    t->next_ext = ext;
    return len;
}
