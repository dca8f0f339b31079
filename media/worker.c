#include "worker_core.h"

#include "base/link_frame.h"
#include "base/util.h"
#include "look_ahead.h"
#include "shard.h"
#include "slot.h"
#include "track.h"
#include "transport.h"

#include <stdlib.h>
#include <string.h>

#define SWEEP_US  5000000
#define SECOND_US 1000000
#define HELD_US   100000 /* late by less: a picture does not stand still for that */
#define QUIET_US  1000000
#define PATIENCE_US                                                                                          \
    20000 /* little beside a jitter buffer, and of 200 silent receivers' datagrams five come meanwhile */
#define STRAY_EXPIRE_US 35000000 /* a little more than RFC 7675's 30 s of consent */

static void on_sweep(struct plm_timer *timer, uint64_t now_us);

uint32_t plm_worker_random32(struct plm_worker *w)
{
    uint32_t r;
    w->config.security->random(w->config.security_ctx, &r, sizeof r);
    return r;
}

struct plm_transport *plm_worker_find_transport(const struct plm_worker *w, plm_transport_id id)
{
    return plm_u32_map_find(&w->transports, id);
}

struct plm_shard *plm_worker_find_shard(const struct plm_worker *w, plm_room_id room)
{
    return plm_u32_map_find(&w->shards, room);
}

uint64_t plm_worker_ntp(const struct plm_worker *w)
{
    return plm_ntp_from_us(w->now_us + w->config.unix_offset_us);
}

/* ---- life ---- */

static uint32_t or_default(uint32_t value, uint32_t fallback)
{
    return value ? value : fallback;
}

static void fill_defaults(struct plm_worker_config *c)
{
    struct plm_limits *l = &c->limits;
    l->ssrcs_per_transport = or_default(l->ssrcs_per_transport, 32);
    l->tracks_per_room = or_default(l->tracks_per_room, 1024);
    l->transports = or_default(l->transports, 4096);
    l->stun_unauth_per_sec = or_default(l->stun_unauth_per_sec, 2000);
    l->packets_per_worker = or_default(l->packets_per_worker, 65536);
    l->nack_items_per_packet = or_default(l->nack_items_per_packet, 256);
    l->rtx_share_percent = or_default(l->rtx_share_percent, 40);
    l->feed_queue = or_default(l->feed_queue, 24u << 20);
    c->consent_timeout_ms = or_default(c->consent_timeout_ms, 30000);
    c->connect_timeout_ms = or_default(c->connect_timeout_ms, 30000);
}

int plm_worker_create(struct plm_worker **out, const struct plm_worker_config *config, uint64_t now_us)
{
    struct plm_worker *w = calloc(1, sizeof *w);
    if (!w)
        return PLM_ENOMEM;
    w->config = *config;
    fill_defaults(&w->config);
    w->now_us = now_us;
    plm_wheel_init(&w->wheel, now_us);
    plm_tuple_map_init(&w->tuples);
    plm_strays_init(&w->strays);
    plm_u32_map_init(&w->transports);
    plm_u32_map_init(&w->shards);
    int err = plm_pkt_pool_create(&w->pool, w->config.limits.packets_per_worker);
    if (err == 0)
        err = plm_ice_lite_create(&w->ice);
    if (err == 0)
        err = plm_egress_init(&w->egress);
    if (err == 0)
        err = plm_pacer_pool_init(&w->pacer);
    if (err != 0) {
        plm_worker_destroy(w);
        return err;
    }
    w->stun_tokens = w->config.limits.stun_unauth_per_sec;
    plm_timer_start_coarse(&w->wheel, &w->sweep, now_us + SWEEP_US, on_sweep);
    *out = w;
    return 0;
}

static void free_closed(struct plm_worker *w)
{
    while (w->closing) {
        struct plm_transport *t = w->closing;
        w->closing = t->next_closing;
        plm_transport_free(t);
    }
}

static void ignore_event(void *ctx, const struct plm_event *ev)
{
    (void)ctx;
    (void)ev;
}
static void ignore_shard(void *ctx, plm_room_id room, uint32_t instance, bool up)
{
    (void)ctx;
    (void)room;
    (void)instance;
    (void)up;
}
static void ignore_gone(void *ctx, plm_transport_id id)
{
    (void)ctx;
    (void)id;
}
static bool ignore_link(void *ctx, unsigned worker, const void *head, size_t head_len, const void *body,
    size_t body_len, bool urgent)
{
    (void)ctx, (void)worker, (void)head, (void)head_len, (void)body, (void)body_len, (void)urgent;
    return false;
}

void plm_worker_destroy(struct plm_worker *w)
{
    if (!w)
        return;
    w->config.io.event = ignore_event;
    w->config.io.shard = ignore_shard;
    w->config.io.gone = ignore_gone;
    w->config.io.link = ignore_link;
    plm_worker_set_feed(w, NULL, w->now_us);
    uint32_t at = 0;
    struct plm_transport *t;
    while ((t = plm_u32_map_next(&w->transports, &at))) {
        plm_transport_close(t, PLM_CLOSE_LOCAL);
        at = 0; /* the map changed */
    }
    if (w->egress.arena)
        plm_egress_flush(w); /* close_notify */
    free_closed(w);
    plm_egress_destroy(w);
    plm_pacer_pool_destroy(&w->pacer);
    plm_ice_lite_destroy(w->ice);
    plm_pkt_pool_destroy(w->pool);
    plm_tuple_map_destroy(&w->tuples);
    plm_strays_destroy(&w->strays);
    plm_u32_map_destroy(&w->transports);
    plm_u32_map_destroy(&w->shards);
    free(w);
}

static void on_sweep(struct plm_timer *timer, uint64_t now_us)
{
    struct plm_worker *w = PLM_CONTAINER_OF(timer, struct plm_worker, sweep);
    if (now_us > STRAY_EXPIRE_US) {
        uint32_t n = plm_strays_expire(&w->strays, &w->tuples, now_us - STRAY_EXPIRE_US);
        plm_gauge_add(w, PLM_GAUGE_STRAY_TUPLES, -(int)n);
    }
    plm_timer_start_coarse(&w->wheel, timer, now_us + SWEEP_US, on_sweep);
}

/* ---- end of a turn ---- */

static void assign_dirty(struct plm_worker *w)
{
    while (w->dirty_shards) {
        struct plm_shard *s = w->dirty_shards;
        w->dirty_shards = s->next_dirty;
        s->dirty = false;
        for (struct plm_transport *t = s->transports; t; t = t->next_in_shard)
            plm_transport_assign(t);
    }
}

static void end_turn(struct plm_worker *w)
{
    assign_dirty(w);
    plm_track_settle_demands(w);
    plm_egress_flush(w);
    free_closed(w);
    w->turn++;
}

/* ---- datagrams ---- */

/* A datagram for a transport that another worker owns. */
static void forward_stray(struct plm_worker *w, uint8_t owner, uint8_t sock, const struct plm_addr *from,
    const uint8_t *data, size_t len)
{
    struct {
        struct plm_link_header h;
        struct plm_link_stray s;
    } head = {.h = {.size = (uint32_t)(sizeof head.s + len), .type = PLM_LINK_STRAY},
        .s = {.sock = sock, .came_us = w->came_us}};
    _Static_assert(sizeof(struct plm_addr) <= sizeof head.s.addr, "an address fits a stray's header");
    memcpy(head.s.addr, from, sizeof *from);
    plm_count(w, PLM_CNT_STRAY_DATAGRAMS);
    if (!w->config.io.link(w->config.io.ctx, owner, &head, sizeof head, data, len, false))
        plm_count_drop(w, PLM_DROP_LINK_FULL);
}

/* Whose check it claims to be has a ration of its own: nobody else waits for somebody who guesses. */
static bool take_stun_token(struct plm_worker *w, plm_transport_id id)
{
    uint64_t second = w->now_us / 1000000;
    if (second != w->stun_second) {
        w->stun_second = second;
        w->stun_tokens = w->config.limits.stun_unauth_per_sec;
    }
    if (w->stun_tokens == 0 || !plm_registry_take_check(w->config.registry, id, second))
        return false;
    w->stun_tokens--;
    return true;
}

static void note_stray(struct plm_worker *w, plm_transport_id id, uint8_t sock, const struct plm_addr *from,
    uint8_t owner)
{
    if (w->stats.gauges[PLM_GAUGE_STRAY_TUPLES] >= w->config.limits.transports * PLM_MAX_TUPLES) {
        plm_count_drop(w, PLM_DROP_LIMIT);
        return;
    }
    int more = plm_strays_note(&w->strays, &w->tuples, id, owner, sock, from, w->now_us);
    plm_gauge_add(w, PLM_GAUGE_STRAY_TUPLES, more);
}

/* The owner of a transport that nobody has had yet is whoever gets its first authenticated check. */
static struct plm_transport *claim(struct plm_worker *w, const struct plm_registry_view *view)
{
    struct plm_transport_plan *plan;
    if (!plm_registry_claim(w->config.registry, view->id, (uint8_t)w->config.index, &plan))
        return NULL;
    struct plm_transport *t = plm_transport_create(w, plan);
    if (!t)
        w->config.io.gone(w->config.io.ctx, view->id);
    return t;
}

static void on_authenticated_check(struct plm_worker *w, const struct plm_registry_view *view, uint8_t sock,
    const struct plm_addr *from, const uint8_t *data, size_t len, const struct plm_stun_result *r)
{
    uint8_t owner = view->owner != PLM_NO_OWNER ? view->owner : view->prefer;
    if (owner != PLM_NO_OWNER && owner != w->config.index) {
        if (sock == PLM_SOCK_STREAM) {
            if (w->config.io.stream)
                w->config.io.stream(w->config.io.ctx, from, PLM_STREAM_MOVE, owner);
            return;
        }
        note_stray(w, view->id, sock, from, owner);
        forward_stray(w, owner, sock, from, data, len);
        return;
    }
    struct plm_transport *t =
        view->owner == PLM_NO_OWNER ? claim(w, view) : plm_worker_find_transport(w, view->id);
    if (!t) {
        plm_count_drop(w, PLM_DROP_CLOSED);
        return;
    }
    if (!plm_transport_is_fresh_check(t, sock, from, data))
        return;
    if (r->reply_len > 0)
        plm_egress_raw(w, from, sock, r->reply, r->reply_len);
    if (!r->success)
        return;
    plm_transport_on_check(t, sock, from, r->nominated);
    if (view->newest && view->generation > 0 && r->nominated &&
        plm_registry_retire(w->config.registry, view->id, view->generation))
        plm_count(w, PLM_CNT_ICE_RESTARTS);
}

static void on_stun(struct plm_worker *w, uint8_t sock, const struct plm_addr *from, bool known,
    const uint8_t *data, size_t len)
{
    plm_count(w, PLM_CNT_RX_STUN);
    /* Looking a user up costs nothing; verifying a tag does: only that is rationed, and only for addresses that nobody vouched for. */
    const char *ufrag;
    size_t ufrag_len = plm_stun_peek_user(data, len, &ufrag);
    if (ufrag_len == 0) {
        plm_count_drop(w, PLM_DROP_STUN_IGNORED);
        return;
    }
    struct plm_registry_view view;
    if (!plm_registry_find(w->config.registry, ufrag, ufrag_len, &view)) {
        plm_count_drop(w, PLM_DROP_STUN_UNKNOWN_USER);
        return;
    }
    if (!known && !take_stun_token(w, view.id)) {
        plm_count_drop(w, PLM_DROP_STUN_RATE);
        return;
    }
    struct plm_stun_result r;
    plm_ice_lite_on_request(w->ice, data, len, from, ufrag, ufrag_len, view.pwd, view.pwd_len, &r);
    switch (r.kind) {
    case PLM_STUN_MALFORMED:
        plm_count_drop(w, PLM_DROP_STUN_MALFORMED);
        break;
    case PLM_STUN_IGNORE:
        plm_count_drop(w, PLM_DROP_STUN_IGNORED);
        break;
    case PLM_STUN_UNKNOWN_USER:
        plm_count_drop(w, PLM_DROP_STUN_UNKNOWN_USER);
        break;
    case PLM_STUN_BAD_AUTH:
        plm_count_drop(w, PLM_DROP_STUN_AUTH);
        break;
    case PLM_STUN_CHECK:
        on_authenticated_check(w, &view, sock, from, data, len, &r);
        break;
    }
}

/* RFC 7983 section 7. */
static void on_datagram(struct plm_worker *w, struct plm_tuple *tuple, uint8_t sock,
    const struct plm_addr *from, uint8_t *data, size_t len)
{
    plm_count(w, PLM_CNT_RX_DATAGRAMS);
    w->stats.counters[PLM_CNT_RX_BYTES] += len;
    if (len == 0)
        return;
    uint8_t first = data[0];
    if (first <= 3) {
        on_stun(w, sock, from, tuple != NULL, data, len);
        return;
    }
    if (!tuple) {
        plm_count_drop(w, PLM_DROP_UNKNOWN_TUPLE);
        return;
    }
    struct plm_transport *t = tuple->transport;
    if (!t) {
        tuple->heard_us = w->now_us; /* not every stack sends checks while media flows */
        forward_stray(w, tuple->owner, sock, from, data, len);
    } else if (first >= 20 && first <= 63)
        plm_transport_on_dtls(t, data, len);
    else if (first < 128 || first > 191 || len < 8)
        plm_transport_drop(t, PLM_DROP_UNKNOWN_PROTOCOL);
    else if (plm_is_rtcp(data) ? plm_transport_on_rtcp(t, data, len) : plm_transport_on_rtp(t, data, len)) {
        tuple->heard_us = w->now_us;
        plm_transport_on_media_from(t, sock, from);
    }
}

/* Datagrams of one read come from one address: one look-up serves them all, until one of them changes what the address belongs to. */
static void on_read(struct plm_worker *w, struct plm_datagram *d)
{
    size_t segment = d->segment ? d->segment : d->len;
    w->came_us = w->now_us - (d->age_us < w->now_us ? d->age_us : 0);
    struct plm_tuple *tuple = plm_tuple_map_find(&w->tuples, d->sock, &d->from);
    for (size_t off = 0; off < d->len; off += segment) {
        size_t len = d->len - off < segment ? d->len - off : segment;
        bool changes = d->data[off] <= 63;
        on_datagram(w, tuple, d->sock, &d->from, d->data + off, len);
        if (changes)
            tuple = plm_tuple_map_find(&w->tuples, d->sock, &d->from);
    }
}

void plm_worker_stream_gone(struct plm_worker *w, const struct plm_addr *from, uint64_t now_us)
{
    struct plm_tuple *tuple = plm_tuple_map_find(&w->tuples, PLM_SOCK_STREAM, from);
    w->now_us = now_us;
    if (tuple && tuple->transport)
        plm_transport_forget_address(tuple->transport, PLM_SOCK_STREAM, from);
}

void plm_worker_stream_backlog(struct plm_worker *w, const struct plm_addr *from, bool on, uint64_t now_us)
{
    const struct plm_tuple *tuple = plm_tuple_map_find(&w->tuples, PLM_SOCK_STREAM, from);
    w->now_us = now_us;
    if (tuple && tuple->transport)
        plm_transport_set_backlog(tuple->transport, PLM_SOCK_STREAM, from, on);
}

void plm_worker_input(struct plm_worker *w, struct plm_datagram *batch, size_t n, uint64_t now_us)
{
    struct plm_look_ahead ahead;
    w->now_us = now_us;
    plm_count(w, PLM_CNT_RX_BATCHES);
    plm_look_ahead_begin(&ahead, &w->tuples, batch, n);
    for (size_t i = 0; i < n; i++) {
        plm_look_ahead_step(&ahead, i);
        on_read(w, &batch[i]);
    }
    end_turn(w);
}

static void on_stray(struct plm_worker *w, const uint8_t *body, size_t size)
{
    struct plm_link_stray s;
    uint8_t data[2048];
    struct plm_addr from;
    if (size < sizeof s || size - sizeof s > sizeof data)
        return;
    memcpy(&s, body, sizeof s);
    memcpy(&from, s.addr, sizeof from);
    memcpy(data, body + sizeof s, size - sizeof s); /* a ring is read-only, opening works in place */
    struct plm_datagram d = {.data = data, .len = (uint32_t)(size - sizeof s), .sock = s.sock, .from = from};
    if (s.came_us < w->now_us)
        d.age_us = (uint32_t)(w->now_us - s.came_us);
    on_read(w, &d);
}

void plm_worker_link(struct plm_worker *w, unsigned from, const uint8_t *frame, size_t len, uint64_t now_us)
{
    struct plm_link_header h;
    w->now_us = now_us;
    if (len < sizeof h)
        return;
    memcpy(&h, frame, sizeof h);
    if (h.size != len - sizeof h)
        return;
    const uint8_t *body = frame + sizeof h;
    if (h.type == PLM_LINK_STRAY) {
        on_stray(w, body, h.size);
        return;
    }
    struct plm_shard *s = plm_worker_find_shard(w, h.room);
    if (s)
        plm_shard_on_link(s, from, &h, body, h.size);
}

/* ---- the feed ---- */

void plm_worker_set_feed(struct plm_worker *w, struct plm_feed *feed, uint64_t now_us)
{
    w->now_us = now_us;
    plm_gauge_add(w, PLM_GAUGE_FEEDS, (feed != NULL) - (w->feed != NULL));
    w->feed = feed;
    uint32_t at = 0;
    struct plm_shard *s;
    while ((s = plm_u32_map_next(&w->shards, &at)))
        plm_shard_on_feed(s);
}

void plm_worker_feed_demand(
    struct plm_worker *w, const struct plm_link_header *h, const struct plm_link_demand *d, uint64_t now_us)
{
    w->now_us = now_us;
    struct plm_shard *s = plm_worker_find_shard(w, h->room);
    if (s)
        plm_shard_on_feed_demand(s, h, d);
}

/* ---- commands ---- */

static void on_transport_command(struct plm_worker *w, struct plm_command *cmd)
{
    struct plm_transport *t = plm_worker_find_transport(w, cmd->transport);
    if (!t)
        return;
    switch (cmd->type) {
    case PLM_CMD_DESCRIBE:
        if (plm_transport_describe(t, cmd->params) != 0)
            plm_transport_close(t, PLM_CLOSE_RESOURCES);
        cmd->params = NULL;
        break;
    case PLM_CMD_VIEW:
        plm_transport_set_view(t, cmd->view);
        cmd->view = NULL;
        break;
    case PLM_CMD_PIN:
        plm_transport_set_pins(t, cmd->pins.v, cmd->pins.n);
        break;
    case PLM_CMD_MUTE:
        plm_transport_set_muted(t, cmd->mute.source, cmd->mute.on);
        break;
    case PLM_CMD_MOVE:
        plm_transport_move(t, cmd->room, cmd->move.participant, &cmd->move.room_config);
        break;
    case PLM_CMD_CLOSE:
        plm_transport_close(t, cmd->reason);
        break;
    case PLM_CMD_PEERS:
    case PLM_CMD_FEED: /* the driver has taken its socket */
    case PLM_CMD_STREAM:
    case PLM_CMD_STATS:
        break;
    }
}

static void report_all(struct plm_worker *w, struct plm_worker_report *report)
{
    struct plm_transport *t;
    uint32_t at = 0;
    report->transports = w->transports.n ? calloc(w->transports.n, sizeof *report->transports) : NULL;
    while (report->transports && (t = plm_u32_map_next(&w->transports, &at)))
        plm_transport_report(t, &report->transports[report->n_transports++]);
}

static void report_one(struct plm_worker *w, plm_transport_id id, struct plm_worker_report *report)
{
    struct plm_transport *t = plm_u32_map_find(&w->transports, id);
    report->transports = t ? calloc(1, sizeof *report->transports) : NULL;
    if (report->transports)
        plm_transport_report(t, &report->transports[report->n_transports++]);
}

static void send_report(struct plm_worker *w, const struct plm_command *cmd)
{
    struct plm_worker_report *report = calloc(1, sizeof *report);
    if (!report)
        return;
    report->request = cmd->stats.request;
    w->stats.gauges[PLM_GAUGE_PACKETS] = plm_pkt_pool_used(w->pool);
    w->stats.counters[PLM_CNT_PACKETS_EVICTED] = plm_pkt_pool_evicted(w->pool);
    report->totals = w->stats;
    if (cmd->stats.scope == PLM_STATS_ALL)
        report_all(w, report);
    else if (cmd->stats.scope == PLM_STATS_TRANSPORT)
        report_one(w, cmd->transport, report);
    w->config.io.stats(w->config.io.ctx, report);
}

void plm_worker_command(struct plm_worker *w, struct plm_command *cmd, uint64_t now_us)
{
    w->now_us = now_us;
    if (cmd->type != PLM_CMD_STATS)
        w->stirred_us = now_us;
    if (cmd->type == PLM_CMD_PEERS) {
        struct plm_shard *s = plm_worker_find_shard(w, cmd->room);
        if (s)
            plm_shard_set_peers(s, cmd);
    } else if (cmd->type == PLM_CMD_STATS) {
        send_report(w, cmd);
    } else {
        on_transport_command(w, cmd);
    }
    plm_command_free(cmd);
}

/* The process was stopped, or its processors were others': what was to be forwarded meanwhile came late to everybody. */
static void note_held(struct plm_worker *w)
{
    uint64_t late_us = w->due_us && w->now_us > w->due_us ? w->now_us - w->due_us : 0;
    if (late_us < HELD_US)
        return;
    if (late_us > w->held_us || w->now_us - w->held_until_us >= SECOND_US)
        w->held_us = late_us;
    w->held_until_us = w->now_us;
}

uint16_t plm_worker_held_ms(const struct plm_worker *w)
{
    if (!w->held_until_us || w->now_us - w->held_until_us >= SECOND_US)
        return 0;
    return (uint16_t)(w->held_us < UINT16_MAX * UINT64_C(1000) ? w->held_us / 1000 : UINT16_MAX);
}

uint64_t plm_worker_poll(struct plm_worker *w, uint64_t now_us)
{
    w->now_us = now_us;
    note_held(w);
    plm_wheel_run(&w->wheel, now_us);
    end_turn(w);
    uint64_t next = plm_wheel_next(&w->wheel);
    w->due_us = next == UINT64_MAX ? 0 : next;
    return next;
}

/* Changes with every packet that is sent, with every datagram but checks and reports, and with whoever comes and goes. */
static uint64_t stir(const struct plm_worker *w)
{
    const uint64_t *c = w->stats.counters;
    const uint32_t *g = w->stats.gauges;
    return c[PLM_CNT_TX_RTP] + c[PLM_CNT_RX_DATAGRAMS] - c[PLM_CNT_RX_STUN] - c[PLM_CNT_RX_RTCP] +
           g[PLM_GAUGE_TUPLES] + g[PLM_GAUGE_STRAY_TUPLES];
}

uint32_t plm_worker_patience(struct plm_worker *w)
{
    uint64_t now = stir(w);
    if (w->stir != now)
        w->stirred_us = w->now_us;
    w->stir = now;
    return w->now_us - w->stirred_us > QUIET_US ? PATIENCE_US : 0;
}
