#include <stdlib.h>
#include <string.h>

#include "../fakes/stun_check.h"
#include "sim.h"

#define CHECK_FAST_US 50000   /* until the first answer */
#define CHECK_SLOW_US 2500000 /* consent (RFC 7675) */

/* ---- connectivity checks ---- */

static void send_check(struct sim_end *e)
{
    uint8_t b[STUN_CHECK_MAX], id[STUN_ID];
    for (int i = 0; i < STUN_ID; i++)
        id[i] = (uint8_t)(sim_random(e->sim) >> 16);
    sim_end_send(e, b, stun_check_write(e->local.ufrag, e->local.pwd, id, true, b));
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
    plan->capture = s->on_capture != NULL;
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
