#include <stdlib.h>
#include <string.h>

#include "sim.h"

/*
 * The handshake, four datagrams over two round trips, each repeated by the client until it is answered:
 *   client 1 + nonce →   ← 2 + nonce   client 3 + fingerprint →   ← 4
 * Sealing leaves the octets as they are and appends 16: a tag over packet, key and full index. Opening guesses the index as RFC 3711
 * section 3.3.1 says and finds the tag wrong when the guess is.
 */
#define HANDSHAKE    22 /* content type of a DTLS handshake record */
#define CLOSE_NOTIFY 21
#define TAG          16
#define RETRY_US     100000
#define RETRY_MAX_US 3000000
#define N_SSRCS      96
#define WINDOW       4096 /* indices remembered behind the highest */

/** Indices of one SSRC and direction. */
struct indices {
    uint32_t ssrc;
    bool any;
    uint64_t highest;
    uint64_t seen[WINDOW / 64];
};

struct plm_seal_key {
    uint64_t secret;
    bool from_client;
    struct sim *sim;
    unsigned n;
    struct indices *sent; /* N_SSRCS: nothing may be sealed twice */
};

struct plm_sec_session {
    struct sim *sim;
    struct plm_sec_config config;
    uint64_t nonce, theirs;
    uint8_t step; /* of the client: what it sent last; of the server: what it answered last */
    bool established, dead;
    uint64_t retry_at, retry_us;
    struct plm_seal_key key;
    unsigned n_received;
    struct indices *received;
    uint32_t rtcp_index;
};

struct security {
    struct sim *sim;
    uint64_t seed;
};

void *sim_security_create(struct sim *s, uint64_t seed)
{
    struct security *c = malloc(sizeof *c);
    if (!c)
        abort();
    *c = (struct security){s, seed | 1};
    return c;
}

void sim_security_destroy(void *ctx)
{
    free(ctx);
}

struct plm_fingerprint sim_fingerprint(unsigned end)
{
    struct plm_fingerprint f = {.len = 32};
    memcpy(f.value, &end, sizeof end);
    return f;
}

static void fill_random(void *ctx, void *buf, size_t len)
{
    struct security *c = ctx;
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)buf)[i] = (uint8_t)(fs_random(&c->seed) >> 24);
}

/* ---- handshake ---- */

static int session_create(
    void *ctx, const struct plm_sec_config *config, struct plm_sec_session **out, uint64_t now_us)
{
    (void)now_us;
    struct security *c = ctx;
    struct plm_sec_session *s = calloc(1, sizeof *s);
    struct indices *sent = calloc(N_SSRCS, sizeof *sent), *received = calloc(N_SSRCS, sizeof *received);
    if (!s || !sent || !received)
        abort();
    s->sim = s->key.sim = c->sim;
    s->config = *config;
    s->nonce = fs_random(&c->seed);
    s->key.from_client = config->setup == PLM_SETUP_ACTIVE;
    s->key.sent = sent;
    s->received = received;
    *out = s;
    return 0;
}

static void session_destroy(struct plm_sec_session *s)
{
    if (!s)
        return;
    free(s->key.sent);
    free(s->received);
    free(s);
}

static void send_step(struct plm_sec_session *s, uint8_t step)
{
    uint8_t b[64] = {HANDSHAKE, step};
    s->step = step;
    memcpy(b + 2, &s->nonce, 8);
    memcpy(b + 10, s->config.fingerprint.value, 32); /* the simulated client shows whichever it is told to */
    s->config.cb.send(s->config.arg, b, sizeof b);
}

static void start(struct plm_sec_session *s, uint64_t now_us)
{
    s->retry_us = RETRY_US;
    s->retry_at = now_us + RETRY_US;
    send_step(s, 1);
}

static void finish(struct plm_sec_session *s)
{
    if (s->established)
        return;
    s->established = true;
    s->retry_at = 0;
    s->key.secret = s->nonce ^ s->theirs;
    s->config.cb.event(s->config.arg, PLM_SEC_ESTABLISHED);
}

static void on_client(struct plm_sec_session *s, uint8_t step, uint64_t now_us)
{
    if (step == 2 && s->step == 1) {
        s->retry_us = RETRY_US;
        s->retry_at = now_us + RETRY_US;
        send_step(s, 3);
    } else if (step == 4 && s->step == 3) {
        finish(s);
    }
}

static void on_server(struct plm_sec_session *s, uint8_t step, const uint8_t *fingerprint)
{
    if (step == 1 && !s->established) {
        send_step(s, 2);
    } else if (step == 3 && s->step >= 2) {
        if (memcmp(fingerprint, s->config.fingerprint.value, 32) != 0) {
            s->dead = true;
            s->config.cb.event(s->config.arg, PLM_SEC_BAD_FINGERPRINT);
            return;
        }
        send_step(s, 4);
        finish(s);
    }
}

static int on_datagram(struct plm_sec_session *s, const uint8_t *data, size_t len, uint64_t now_us)
{
    if (s->dead || len != 64)
        return PLM_EINVAL;
    if (data[0] == CLOSE_NOTIFY && s->established) {
        s->dead = true;
        s->config.cb.event(s->config.arg, PLM_SEC_CLOSED);
        return 0;
    }
    if (data[0] != HANDSHAKE)
        return PLM_EINVAL;
    if (!s->established)
        memcpy(&s->theirs, data + 2, 8);
    if (s->config.setup == PLM_SETUP_ACTIVE)
        on_client(s, data[1], now_us);
    else
        on_server(s, data[1], data + 10);
    return 0;
}

static uint64_t poll_session(struct plm_sec_session *s, uint64_t now_us)
{
    if (!s->retry_at)
        return UINT64_MAX;
    if (now_us >= s->retry_at) {
        s->retry_us = s->retry_us * 2 < RETRY_MAX_US ? s->retry_us * 2 : RETRY_MAX_US;
        s->retry_at = now_us + s->retry_us;
        send_step(s, s->step);
    }
    return s->retry_at;
}

static void close_session(struct plm_sec_session *s)
{
    uint8_t b[64] = {CLOSE_NOTIFY};
    if (s->established)
        s->config.cb.send(s->config.arg, b, sizeof b);
}

static uint16_t profile(const struct plm_sec_session *s)
{
    return s->established ? 7 : 0;
}

/* ---- sealing ---- */

static uint64_t mix(uint64_t h, const uint8_t *p, size_t len)
{
    for (; len >= 8; p += 8, len -= 8) {
        uint64_t v;
        memcpy(&v, p, 8);
        h = (h ^ v) * UINT64_C(0xff51afd7ed558ccd);
        h ^= h >> 32;
    }
    uint64_t v = len;
    memcpy(&v, p, len);
    return (h ^ v) * UINT64_C(0xc4ceb9fe1a85ec53);
}

static void make_tag(
    uint64_t secret, bool from_client, uint64_t index, const uint8_t *pkt, size_t len, uint8_t tag[TAG])
{
    uint64_t h = mix(secret + from_client, (const uint8_t *)&index, sizeof index);
    h = mix(h, pkt, len);
    memcpy(tag, &h, 8);
    memcpy(tag + 8, &index, 8);
}

static struct indices *of_ssrc(struct indices *v, unsigned *n, uint32_t ssrc)
{
    for (unsigned i = 0; i < *n; i++) {
        if (v[i].ssrc == ssrc)
            return &v[i];
    }
    if (*n == N_SSRCS)
        return NULL;
    v[*n].ssrc = ssrc;
    return &v[(*n)++];
}

/** @return 0; PLM_EREPLAY: seen before, or too old to know */
static int note_index(struct indices *x, uint64_t index)
{
    if (!x->any || index > x->highest) {
        uint64_t from = x->any ? x->highest + 1 : index;
        if (index - from >= WINDOW)
            from = index - WINDOW + 1;
        for (uint64_t i = from; i <= index; i++)
            x->seen[i % WINDOW / 64] &= ~(UINT64_C(1) << (i % 64));
        x->any = true;
        x->highest = index;
    } else if (x->highest - index >= WINDOW || x->seen[index % WINDOW / 64] >> (index % 64) & 1) {
        return PLM_EREPLAY;
    }
    x->seen[index % WINDOW / 64] |= UINT64_C(1) << (index % 64);
    return 0;
}

static struct plm_seal_key *seal_key(struct plm_sec_session *s)
{
    return s->established ? &s->key : NULL;
}

static size_t seal_overhead(const struct plm_seal_key *key)
{
    (void)key;
    return TAG;
}

static void prefetch(const struct plm_sec_session *s)
{
    (void)s;
}

static void prefetch_key(const struct plm_seal_key *key)
{
    (void)key;
}

static void seal_one(struct plm_seal_job *j)
{
    struct indices *x = of_ssrc(j->key->sent, &j->key->n, j->ssrc);
    struct sim *s = j->key->sim;
    SIM_CHECK(s, x, "more than %d SSRCs are sent to one peer", N_SSRCS);
    SIM_CHECK(s, note_index(x, j->ext_seq) == 0, "SSRC %u index %llu is sealed twice", j->ssrc,
        (unsigned long long)j->ext_seq);
    SIM_CHECK(s, (uint16_t)j->ext_seq == (uint16_t)(j->out[2] << 8 | j->out[3]),
        "the header has another number than its index");
    uint8_t *at = j->out + j->hdr_len;
    if (j->prefix_len)
        memcpy(at, j->prefix, j->prefix_len);
    at += j->prefix_len;
    if (j->body_len)
        memcpy(at, j->body, j->body_len);
    at += j->body_len;
    if (j->pad) {
        SIM_CHECK(s, j->out[0] & 0x20, "padding without its bit");
        memset(at, 0, j->pad);
        at[j->pad - 1] = (uint8_t)j->pad;
    }
    at += j->pad;
    make_tag(j->key->secret, j->key->from_client, j->ext_seq, j->out, (size_t)(at - j->out), at);
    j->out_len = (uint16_t)(at - j->out + TAG);
}

static void seal_rtp(void *ctx, struct plm_seal_job *jobs, size_t n)
{
    (void)ctx;
    for (size_t i = 0; i < n; i++)
        seal_one(&jobs[i]);
}

static int open_rtp(struct plm_sec_session *s, uint8_t *pkt, size_t *len)
{
    if (!s->established)
        return PLM_EKEY;
    if (*len < PLM_RTP_HEADER + TAG)
        return PLM_EINVAL;
    uint32_t ssrc = (uint32_t)pkt[8] << 24 | (uint32_t)pkt[9] << 16 | (uint32_t)pkt[10] << 8 | pkt[11];
    struct indices *x = of_ssrc(s->received, &s->n_received, ssrc);
    if (!x)
        return PLM_EKEY;
    uint16_t seq = (uint16_t)(pkt[2] << 8 | pkt[3]);
    uint64_t index = x->any ? plm_seq_extend(x->highest, seq) : seq;
    uint8_t tag[TAG];
    size_t plain = *len - TAG;
    make_tag(s->key.secret, !s->key.from_client, index, pkt, plain, tag);
    if (memcmp(tag, pkt + plain, TAG) != 0)
        return PLM_EAUTH;
    if (note_index(x, index) != 0)
        return PLM_EREPLAY;
    *len = plain;
    return 0;
}

static int seal_rtcp(struct plm_sec_session *s, uint8_t *pkt, size_t *len, size_t cap)
{
    if (!s->established)
        return PLM_EKEY;
    if (cap < *len || cap - *len < PLM_SRTCP_OVERHEAD)
        return PLM_EINVAL;
    uint32_t index = s->rtcp_index++;
    memcpy(pkt + *len, &index, 4);
    make_tag(s->key.secret, s->key.from_client, index, pkt, *len + 4, pkt + *len + 4);
    *len += 4 + TAG;
    return 0;
}

static int open_rtcp(struct plm_sec_session *s, uint8_t *pkt, size_t *len)
{
    if (!s->established)
        return PLM_EKEY;
    if (*len < 8 + 4 + TAG)
        return PLM_EINVAL;
    uint8_t tag[TAG];
    uint32_t index;
    size_t plain = *len - TAG;
    memcpy(&index, pkt + plain - 4, 4);
    make_tag(s->key.secret, !s->key.from_client, index, pkt, plain, tag);
    if (memcmp(tag, pkt + plain, TAG) != 0)
        return PLM_EAUTH;
    *len = plain - 4;
    return 0;
}

const struct plm_security_ops sim_security = {
    .session_create = session_create,
    .session_destroy = session_destroy,
    .start = start,
    .on_datagram = on_datagram,
    .poll = poll_session,
    .close = close_session,
    .profile = profile,
    .open_rtp = open_rtp,
    .open_rtcp = open_rtcp,
    .seal_rtcp = seal_rtcp,
    .seal_key = seal_key,
    .seal_overhead = seal_overhead,
    .prefetch_key = prefetch_key,
    .prefetch = prefetch,
    .seal_rtp = seal_rtp,
    .random = fill_random,
};
