#include "bwe_log.h"

#include <string.h>

#include "base/leb128.h"
#include "bwe.h"
#include "plenum/types.h"

#define RECORD_MAX 40 /* of what has a fixed form */
#define FCI_MAX    1500
#define TIME_MAX   (UINT64_C(1) << 60) /* us; no clock says more */

enum record {
    SENT = 1,
    TWCC,
    REMB,
    REPORT,
    WANT,
    POLL,
    PADDING,
    DECISION,
    AIM,
    SAMPLE,
};

static const uint8_t magic[] = {'P', 'B', 1};

/* ---- writing ---- */

static void append(struct plm_bwe_log *log, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
    if (!log->full && log->drain && a_len + b_len > log->cap - log->len)
        plm_bwe_log_drain(log);
    if (log->full || a_len + b_len > log->cap - log->len) {
        log->full = true;
        return;
    }
    memcpy(log->data + log->len, a, a_len);
    if (b_len)
        memcpy(log->data + log->len + a_len, b, b_len);
    log->len += a_len + b_len;
}

void plm_bwe_log_init(struct plm_bwe_log *log, uint8_t *data, size_t cap)
{
    *log = (struct plm_bwe_log){.data = data, .cap = cap};
    append(log, magic, sizeof magic, NULL, 0);
}

void plm_bwe_log_drain(struct plm_bwe_log *log)
{
    if (log->drain && log->len && !log->full)
        log->full = !log->drain(log->arg, log->data, log->len);
    log->len = 0;
}

static size_t begin(struct plm_bwe_log *log, uint8_t *r, enum record kind, uint64_t now_us)
{
    uint64_t since = now_us > log->last_us ? now_us - log->last_us : 0;
    log->last_us += since;
    r[0] = (uint8_t)kind;
    return 1 + plm_leb128_put(r + 1, since);
}

void plm_bwe_log_sent(struct plm_bwe_log *log, uint16_t twcc_seq, uint16_t size, uint64_t now_us)
{
    uint8_t r[RECORD_MAX];
    size_t n = begin(log, r, SENT, now_us);
    n += plm_leb128_put(r + n, (uint16_t)(twcc_seq - log->last_seq)); /* the next one: 1 */
    n += plm_leb128_put(r + n, size);
    log->last_seq = twcc_seq;
    append(log, r, n, NULL, 0);
}

void plm_bwe_log_sample(struct plm_bwe_log *log, bool on, uint64_t now_us)
{
    uint8_t r[RECORD_MAX];
    size_t n = begin(log, r, SAMPLE, now_us);
    append(log, r, n + plm_leb128_put(r + n, on), NULL, 0);
}

void plm_bwe_log_twcc(struct plm_bwe_log *log, const uint8_t *fci, size_t len, uint64_t now_us)
{
    uint8_t r[RECORD_MAX];
    len = len < FCI_MAX ? len : FCI_MAX;
    size_t n = begin(log, r, TWCC, now_us);
    n += plm_leb128_put(r + n, len);
    append(log, r, n, fci, len);
}

void plm_bwe_log_remb(struct plm_bwe_log *log, uint64_t bitrate_bps, uint64_t now_us)
{
    uint8_t r[RECORD_MAX];
    size_t n = begin(log, r, REMB, now_us);
    append(log, r, n + plm_leb128_put(r + n, bitrate_bps), NULL, 0);
}

void plm_bwe_log_report(
    struct plm_bwe_log *log, uint32_t packets, uint8_t fraction_q8, uint32_t rtt_us, uint64_t now_us)
{
    uint8_t r[RECORD_MAX];
    size_t n = begin(log, r, REPORT, now_us);
    n += plm_leb128_put(r + n, packets);
    n += plm_leb128_put(r + n, fraction_q8);
    append(log, r, n + plm_leb128_put(r + n, rtt_us), NULL, 0);
}

void plm_bwe_log_want(struct plm_bwe_log *log, uint32_t bps, bool padding)
{
    uint8_t r[RECORD_MAX];
    size_t n = begin(log, r, WANT, log->last_us);
    append(log, r, n + plm_leb128_put(r + n, (uint64_t)bps << 1 | padding), NULL, 0);
}

void plm_bwe_log_aim(struct plm_bwe_log *log, uint32_t used_bps, uint32_t next_bps)
{
    uint8_t r[RECORD_MAX];
    size_t n = begin(log, r, AIM, log->last_us);
    n += plm_leb128_put(r + n, used_bps);
    append(log, r, n + plm_leb128_put(r + n, next_bps), NULL, 0);
}

void plm_bwe_log_poll(struct plm_bwe_log *log, uint64_t now_us)
{
    uint8_t r[RECORD_MAX];
    append(log, r, begin(log, r, POLL, now_us), NULL, 0);
}

void plm_bwe_log_padding(struct plm_bwe_log *log, size_t octets, uint64_t now_us)
{
    uint8_t r[RECORD_MAX];
    size_t n = begin(log, r, PADDING, now_us);
    append(log, r, n + plm_leb128_put(r + n, octets), NULL, 0);
}

void plm_bwe_log_decision(struct plm_bwe_log *log, uint32_t estimate_bps)
{
    uint8_t r[RECORD_MAX];
    size_t n = begin(log, r, DECISION, log->last_us);
    append(log, r, n + plm_leb128_put(r + n, estimate_bps), NULL, 0);
}

/* ---- reading ---- */

struct replay {
    struct plm_bwe *b;
    struct plm_bwe_replay *out;
    uint64_t now;
    uint16_t seq;
    void (*each)(void *arg, uint64_t at_us, uint32_t logged_bps, uint32_t bps);
    void *arg;
};

static void run_twcc(struct replay *r, struct plm_leb128_reader *in)
{
    uint64_t len = plm_leb128_get(in);
    if (in->bad || len > (size_t)(in->end - in->p)) {
        in->bad = true;
        return;
    }
    plm_bwe_on_twcc(r->b, in->p, (size_t)len, r->now);
    in->p += len;
}

static void run_sent(struct replay *r, struct plm_leb128_reader *in)
{
    uint16_t seq = (uint16_t)(r->seq + plm_leb128_get(in)), size = (uint16_t)plm_leb128_get(in);
    if (in->bad)
        return;
    r->seq = seq;
    plm_bwe_on_sent(r->b, seq, size, r->now);
}

static void run_report(struct replay *r, struct plm_leb128_reader *in)
{
    uint32_t packets = (uint32_t)plm_leb128_get(in);
    uint8_t fraction = (uint8_t)plm_leb128_get(in);
    uint32_t rtt_us = (uint32_t)plm_leb128_get(in);
    if (!in->bad)
        plm_bwe_on_report(r->b, packets, fraction, rtt_us, r->now);
}

static void run_aim(struct replay *r, struct plm_leb128_reader *in)
{
    uint32_t used_bps = (uint32_t)plm_leb128_get(in), next_bps = (uint32_t)plm_leb128_get(in);
    if (!in->bad)
        plm_bwe_aim(r->b, used_bps, next_bps);
}

static void pad(struct replay *r, struct plm_leb128_reader *in)
{
    uint64_t logged = plm_leb128_get(in);
    if (in->bad)
        return;
    size_t octets = plm_bwe_padding(r->b, r->now);
    r->out->decisions++;
    r->out->differing += octets != logged;
    r->out->padding += octets;
}

static void compare(struct replay *r, struct plm_leb128_reader *in)
{
    uint32_t logged = (uint32_t)plm_leb128_get(in), bps = plm_bwe_estimate(r->b);
    if (in->bad)
        return;
    r->out->decisions++;
    r->out->differing += logged != bps;
    r->out->last_bps = bps;
    if (r->each)
        r->each(r->arg, r->now, logged, bps);
}

static void run_record(struct replay *r, struct plm_leb128_reader *in)
{
    enum record kind = (enum record) * in->p++;
    uint64_t since = plm_leb128_get(in);
    if (since > TIME_MAX - r->now)
        in->bad = true;
    else
        r->now += since;
    uint64_t v;
    if (in->bad)
        return;
    switch (kind) {
    case SENT:
        run_sent(r, in);
        break;
    case TWCC:
        run_twcc(r, in);
        break;
    case REMB:
        v = plm_leb128_get(in);
        if (!in->bad)
            plm_bwe_on_remb(r->b, v, r->now);
        break;
    case REPORT:
        run_report(r, in);
        break;
    case WANT:
        v = plm_leb128_get(in);
        if (!in->bad)
            plm_bwe_want(r->b, (uint32_t)(v >> 1), v & 1);
        break;
    case POLL:
        plm_bwe_poll(r->b, r->now);
        break;
    case PADDING:
        pad(r, in);
        break;
    case AIM:
        run_aim(r, in);
        break;
    case SAMPLE:
        v = plm_leb128_get(in);
        if (!in->bad)
            plm_bwe_sample(r->b, v & 1, r->now);
        break;
    case DECISION:
        compare(r, in);
        break;
    default:
        in->bad = true;
    }
}

int plm_bwe_log_replay(const uint8_t *data, size_t len, struct plm_bwe_replay *out,
    void (*each)(void *arg, uint64_t at_us, uint32_t logged_bps, uint32_t bps), void *arg)
{
    *out = (struct plm_bwe_replay){0};
    if (len < sizeof magic || memcmp(data, magic, sizeof magic) != 0)
        return PLM_EINVAL;
    struct replay r = {.b = plm_bwe_create(), .out = out, .each = each, .arg = arg};
    if (!r.b)
        return PLM_ENOMEM;
    struct plm_leb128_reader in = {data + sizeof magic, data + len, false};
    while (in.p < in.end && !in.bad) {
        run_record(&r, &in);
        if (!out->first_us)
            out->first_us = r.now;
    }
    out->last_us = r.now;
    plm_bwe_destroy(r.b);
    return in.bad ? PLM_EINVAL : 0;
}
