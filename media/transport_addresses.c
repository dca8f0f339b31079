/*
 * A transport's addresses: which of them its peer has proved to be at, and which one it is sent to.
 */
#include "transport.h"

#include "worker_core.h"

#define MOVED_US    1000000 /* media comes from another address, and nothing from the one in use */
#define DESERTED_US 8000000 /* RFC 7675 section 5.1: an address in use is checked every 4 to 6 s */

/** Of an address that is the far end of a connection: what becomes of the connection. */
static void order_stream(
    struct plm_transport *t, uint8_t sock, const struct plm_addr *a, enum plm_stream_order order)
{
    const struct plm_worker_io *io = &t->worker->config.io;
    if (sock == PLM_SOCK_STREAM && io->stream)
        io->stream(io->ctx, a, order, t->worker->config.index);
}

static void forget_tuple(struct plm_transport *t, unsigned i)
{
    struct plm_tuple *tuple = plm_tuple_map_find(&t->worker->tuples, t->tuples[i].sock, &t->tuples[i].addr);
    if (tuple && tuple->transport == t) {
        plm_tuple_map_remove(&t->worker->tuples, t->tuples[i].sock, &t->tuples[i].addr);
        plm_gauge_add(t->worker, PLM_GAUGE_TUPLES, -1);
        order_stream(t, t->tuples[i].sock, &t->tuples[i].addr, PLM_STREAM_CLOSE);
    }
    t->tuples[i] = t->tuples[--t->n_tuples];
}

static int find_tuple(const struct plm_transport *t, uint8_t sock, const struct plm_addr *a)
{
    for (int i = 0; i < t->n_tuples; i++) {
        if (t->tuples[i].sock == sock && plm_addr_equal(&t->tuples[i].addr, a))
            return i;
    }
    return -1;
}

/* When something authentic came from one of its addresses. */
static uint64_t heard_from(const struct plm_transport *t, int i)
{
    const struct plm_tuple *tuple =
        plm_tuple_map_find(&t->worker->tuples, t->tuples[i].sock, &t->tuples[i].addr);
    return tuple && tuple->transport == t ? tuple->heard_us : 0;
}

/* Make room: the address that is silent the longest goes, never the one in use. */
static void evict_tuple(struct plm_transport *t)
{
    int oldest = -1;
    for (int i = 0; i < t->n_tuples; i++) {
        bool in_use = t->tuples[i].sock == t->sock && plm_addr_equal(&t->tuples[i].addr, &t->peer);
        if (!in_use && (oldest < 0 || heard_from(t, i) < heard_from(t, oldest)))
            oldest = i;
    }
    forget_tuple(t, (unsigned)oldest);
}

static int add_tuple(struct plm_transport *t, uint8_t sock, const struct plm_addr *a)
{
    struct plm_worker *w = t->worker;
    if (t->n_tuples == PLM_MAX_TUPLES)
        evict_tuple(t);
    struct plm_tuple *tuple = plm_tuple_map_set(&w->tuples, sock, a);
    if (!tuple)
        return -1;
    if (!tuple->transport) {
        if (tuple->heard_us) /* was a stray's */
            plm_gauge_add(w, PLM_GAUGE_STRAY_TUPLES, -1);
        plm_gauge_add(w, PLM_GAUGE_TUPLES, 1);
    } else { /* belongs to whoever authenticated on it last */
        int i = find_tuple(tuple->transport, sock, a);
        if (i >= 0)
            tuple->transport->tuples[i] = tuple->transport->tuples[--tuple->transport->n_tuples];
    }
    tuple->transport = t;
    order_stream(t, sock, a, PLM_STREAM_KEEP);
    t->tuples[t->n_tuples].addr = *a;
    t->tuples[t->n_tuples].sock = sock;
    return t->n_tuples++;
}

static bool is_in_use(const struct plm_transport *t, uint8_t sock, const struct plm_addr *a)
{
    return sock == t->sock && plm_addr_equal(a, &t->peer);
}

void plm_transport_set_backlog(struct plm_transport *t, uint8_t sock, const struct plm_addr *addr, bool on)
{
    if (t->backlogged == on || !is_in_use(t, sock, addr))
        return;
    t->backlogged = on;
    plm_transport_allocate(t);
}

void plm_transport_forget_addresses(struct plm_transport *t)
{
    while (t->n_tuples > 0)
        forget_tuple(t, 0);
}

void plm_transport_forget_address(struct plm_transport *t, uint8_t sock, const struct plm_addr *addr)
{
    int i = find_tuple(t, sock, addr);
    plm_transport_set_backlog(t, sock, addr, false);
    if (i >= 0)
        forget_tuple(t, (unsigned)i);
}

/*
 * A NAT may give a peer another address behind its back. The peer then goes on checking what it nominated long ago, without the flag (RFC
 * 7675 has no use for it), and our answers tell it that all is well: without this it would see nothing for ever. Packets count like checks:
 * some stacks send none while media flows, and a check of another path must not take them from theirs.
 */
static bool is_silent_for(const struct plm_transport *t, uint64_t us)
{
    int i = find_tuple(t, t->sock, &t->peer);
    return i < 0 || t->worker->now_us - heard_from(t, i) > us;
}

static void use_address(struct plm_transport *t, uint8_t sock, const struct plm_addr *a)
{
    if (!is_in_use(t, sock, a))
        plm_transport_set_backlog(t, t->sock, &t->peer, false);
    t->peer = *a;
    t->sock = sock;
}

void plm_transport_on_media_from(struct plm_transport *t, uint8_t sock, const struct plm_addr *from)
{
    if (!t->closing && !is_in_use(t, sock, from) && is_silent_for(t, MOVED_US))
        use_address(t, sock, from);
}

bool plm_transport_is_fresh_check(
    struct plm_transport *t, uint8_t sock, const struct plm_addr *from, const uint8_t *request)
{
    if (find_tuple(t, sock, from) < 0 && plm_check_log_has(&t->checks, request)) {
        plm_transport_drop(t, PLM_DROP_STUN_REPLAY);
        return false;
    }
    plm_check_log_note(&t->checks, request);
    return true;
}

void plm_transport_on_check(
    struct plm_transport *t, uint8_t sock, const struct plm_addr *from, bool nominated)
{
    struct plm_worker *w = t->worker;
    struct plm_tuple *tuple = plm_tuple_map_find(&w->tuples, sock, from);
    int i = tuple && tuple->transport == t ? find_tuple(t, sock, from) : add_tuple(t, sock, from);
    if (i < 0)
        return;
    tuple = plm_tuple_map_find(&w->tuples, sock, from);
    t->heard_us = tuple->heard_us = w->now_us;
    bool first = t->peer.sa.sa_family == 0;
    if (first || nominated || is_silent_for(t, DESERTED_US))
        use_address(t, sock, from);
    if (t->state == PLM_TRANSPORT_NEW)
        plm_transport_set_state(t, PLM_TRANSPORT_ICE);
    if (first && t->params && t->params->setup == PLM_SETUP_ACTIVE)
        plm_transport_begin_security(t);
}