#include <stdlib.h>
#include <string.h>

#include "hmac_sha1.h"
#include "sim.h"

#define CHECK_FAST_US 50000   /* until the first answer */
#define CHECK_SLOW_US 2500000 /* consent (RFC 7675) */

/* ---- connectivity checks (RFC 8445 section 7.1, as a controlling agent) ---- */

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    uint32_t crc = 0xffffffffu;
    while (n--) {
        crc ^= *p++;
        for (int i = 0; i < 8; i++)
            crc = crc >> 1 ^ (0xedb88320u & (0u - (crc & 1)));
    }
    return ~crc;
}

static size_t put_attribute(uint8_t *b, size_t at, unsigned type, const void *val, size_t len)
{
    b[at] = (uint8_t)(type >> 8);
    b[at + 1] = (uint8_t)type;
    b[at + 2] = (uint8_t)(len >> 8);
    b[at + 3] = (uint8_t)len;
    memcpy(b + at + 4, val, len);
    memset(b + at + 4 + len, 0, (4 - len % 4) % 4);
    return at + 4 + (len + 3) / 4 * 4;
}

static void set_length(uint8_t *b, size_t end)
{
    b[2] = (uint8_t)((end - 20) >> 8);
    b[3] = (uint8_t)(end - 20);
}

static void send_check(struct sim_end *e)
{
    uint8_t b[256] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42};
    for (int i = 8; i < 20; i++)
        b[i] = (uint8_t)(sim_random(e->sim) >> 16);
    char user[PLM_UFRAG_SIZE + 8];
    int user_len = snprintf(user, sizeof user, "%s:peer", e->local.ufrag);
    size_t at = put_attribute(b, 20, 0x0006, user, (size_t)user_len);
    at = put_attribute(b, at, 0x0024, "\x6e\0\x1e\xff", 4);
    at = put_attribute(b, at, 0x802a, "\0\0\0\0\0\0\0\1", 8);
    at = put_attribute(b, at, 0x0025, "", 0);
    set_length(b, at + 24);
    struct plm_hmac_sha1 h;
    uint8_t mac[PLM_SHA1_DIGEST];
    plm_hmac_sha1_init(&h, (const uint8_t *)e->local.pwd, strlen(e->local.pwd));
    SHA_CTX running = h.inner;
    SHA1_Update(&running, b, at);
    plm_hmac_sha1_final(&h, &running, mac);
    at = put_attribute(b, at, 0x0008, mac, sizeof mac);
    set_length(b, at + 8);
    uint32_t crc = crc32_of(b, at) ^ 0x5354554e;
    uint8_t fingerprint[4] = {(uint8_t)(crc >> 24), (uint8_t)(crc >> 16), (uint8_t)(crc >> 8), (uint8_t)crc};
    at = put_attribute(b, at, 0x8028, fingerprint, 4);
    sim_end_send(e, b, at);
}

/* ---- handshake ---- */

static void sec_send(void *arg, const uint8_t *data, size_t len)
{
    sim_end_send(arg, data, len);
}

static void sec_event(void *arg, enum plm_sec_event ev)
{
    struct sim_end *e = arg;
    if (ev == PLM_SEC_CLOSED) {
        e->dead = true;
        return;
    }
    SIM_CHECK(e->sim, ev == PLM_SEC_ESTABLISHED, "the handshake of %u failed", e->index);
    e->connected = true;
    e->connected_us = e->sim->now;
}

/** Checks and handshake go by this timer. */
static void on_timer(struct sim *s, void *arg)
{
    struct sim_end *e = arg;
    if (e->dead)
        return;
    uint64_t period = e->replied ? CHECK_SLOW_US : CHECK_FAST_US;
    if (!e->checked_us || s->now - e->checked_us >= period) {
        e->checked_us = s->now;
        send_check(e);
    }
    if (e->replied)
        sim_security.poll(e->sec, s->now);
    sim_at(s, s->now + (e->connected ? CHECK_SLOW_US : CHECK_FAST_US), on_timer, e);
}

struct sim_end *sim_end_open(struct sim *s, struct sim_person *p, plm_room_id room, unsigned worker,
    struct plm_transport_params *params)
{
    struct sim_end *e = calloc(1, sizeof *e);
    struct plm_transport_plan *plan = calloc(1, sizeof *plan);
    if (s->n_ends == s->cap_ends) {
        s->cap_ends = s->cap_ends ? s->cap_ends * 2 : 64;
        s->ends = realloc(s->ends, s->cap_ends * sizeof(struct sim_end *));
    }
    if (!e || !plan || !s->ends)
        abort();
    e->sim = s;
    e->person = p;
    e->index = (unsigned)s->n_ends;
    s->ends[s->n_ends++] = e;
    e->worker = worker % s->config.n_workers;
    e->up = s->config.up;
    e->down = s->config.down;
    e->addr.in4.sin_family = AF_INET;
    e->addr.in4.sin_addr.s_addr = htonl(0x0a000000u + (e->index >> 8));
    e->addr.in4.sin_port = htons((uint16_t)(0x5000 + (e->index & 0xff)));
    params->fingerprint = sim_fingerprint(e->index);
    plan->room = room;
    plan->participant = p->id;
    plan->opened_us = s->now;
    plan->params = malloc(sizeof *params);
    if (!plan->params)
        abort();
    *plan->params = *params;
    if (plm_registry_add(s->registry, plan, &e->local) != 0)
        abort();
    e->sec_ctx = sim_security_create(s, sim_random(s));
    struct plm_sec_config config = {
        .setup = PLM_SETUP_ACTIVE, .fingerprint = params->fingerprint, .cb = {sec_send, sec_event}, .arg = e};
    if (sim_security.session_create(e->sec_ctx, &config, &e->sec, s->now) != 0)
        abort();
    sim_at(s, s->now, on_timer, e);
    return e;
}

void sim_end_move(struct sim_end *e, unsigned worker)
{
    e->worker = worker % e->sim->config.n_workers;
    e->checked_us = e->sim->now;
    send_check(e);
}

void sim_end_close(struct sim_end *e, bool announce)
{
    if (announce && !e->dead)
        sim_security.close(e->sec);
    if (plm_registry_owner(e->sim->registry, e->local.id) == PLM_NO_OWNER)
        plm_registry_withdraw(e->sim->registry, e->local.id);
    e->dead = true;
    e->person = NULL;
    sim_security.session_destroy(e->sec);
    sim_security_destroy(e->sec_ctx);
    free(e->twcc_rx);
    e->sec = NULL;
    e->twcc_rx = NULL;
}

/* ---- datagrams ---- */

static void on_stun(struct sim_end *e, const uint8_t *data)
{
    if (data[0] != 1 || data[1] != 1 || e->replied)
        return;
    e->replied = true;
    sim_security.start(e->sec, e->sim->now);
}

void sim_end_receive(struct sim_end *e, uint8_t *data, size_t len)
{
    if (e->dead)
        return;
    if (data[0] <= 3) {
        on_stun(e, data);
    } else if (data[0] <= 63) {
        sim_security.on_datagram(e->sec, data, len, e->sim->now);
    } else if (data[1] >= 192 && data[1] <= 223) {
        if (e->connected && sim_security.open_rtcp(e->sec, data, &len) == 0)
            SIM_CHECK(e->sim, plm_rtcp_parse(data, len, 10000, e->rtcp, e) == 0, "RTCP that cannot be read");
    } else if (e->connected) {
        int err = sim_security.open_rtp(e->sec, data, &len);
        SIM_CHECK(e->sim, err != PLM_EAUTH,
            "a packet that does not open: its index was not what a receiver takes it for");
        if (err == 0 && e->on_rtp)
            e->on_rtp(e, data, len);
    }
}

void sim_end_send_rtp(
    struct sim_end *e, uint32_t ssrc, uint64_t ext_seq, const uint8_t *pkt, size_t hdr_len, size_t len)
{
    uint8_t out[SIM_DATAGRAM];
    if (!e->connected || e->dead)
        return;
    memcpy(out, pkt, hdr_len);
    struct plm_seal_job job = {.key = sim_security.seal_key(e->sec),
        .ext_seq = ext_seq,
        .ssrc = ssrc,
        .out = out,
        .body = pkt + hdr_len,
        .hdr_len = (uint16_t)hdr_len,
        .body_len = (uint16_t)(len - hdr_len)};
    sim_security.seal_rtp(e->sec_ctx, &job, 1);
    sim_end_send(e, out, job.out_len);
}

void sim_end_send_rtcp(struct sim_end *e, uint8_t *buf, size_t len)
{
    if (e->connected && !e->dead && len && sim_security.seal_rtcp(e->sec, buf, &len, SIM_DATAGRAM) == 0)
        sim_end_send(e, buf, len);
}
