#include "plenum/engine.h"

#include "../../fakes/leave_out.h"
#include "own_network.h"
#include "stun_client.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define MAX_EVENTS 256

/** An engine with all that it ever said. */
struct host {
    struct plm_engine *e;
    struct plm_addr at;
    struct plm_event events[MAX_EVENTS];
    size_t n_events;
    struct plm_worker_stats totals; /**< of the last statistics, all workers together */
    uint32_t per_worker[4];
    struct plm_transport_stats transports[8];
    uint32_t n_transports;
    unsigned answers;
};

static void on_event(void *arg, const struct plm_event *ev)
{
    struct host *h = arg;
    if (h->n_events < MAX_EVENTS)
        h->events[h->n_events++] = *ev;
}

static int start(struct host *h, const struct plm_engine_config *config)
{
    memset(h, 0, sizeof *h);
    int err = plm_engine_create(&h->e, config, on_event, h);
    if (err == 0)
        assert_int_equal(plm_engine_candidates(h->e, &h->at, 1), 1);
    return err;
}

static struct plm_engine_config loopback(unsigned workers)
{
    struct plm_engine_config c = {.workers = workers, .n_listen = 1, .rcvbuf = 1 << 18, .sndbuf = 1 << 18};
    assert_int_equal(plm_addr_parse(&c.listen[0], "127.0.0.1:0"), 0);
    return c;
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/** Dispatch for a time, or until done says so. @return whether it did */
static bool run_until(struct host *h, int ms, bool (*done)(const struct host *h, uint32_t arg), uint32_t arg)
{
    uint64_t end = now_ms() + (uint64_t)ms;
    for (;;) {
        if (done && done(h, arg))
            return true;
        uint64_t now = now_ms();
        if (now >= end)
            return false;
        struct pollfd p = {.fd = plm_engine_fd(h->e), .events = POLLIN};
        if (poll(&p, 1, (int)(end - now)) == 1)
            plm_engine_dispatch(h->e);
    }
}

static const struct plm_event *state_event(const struct host *h, uint32_t id, enum plm_transport_state state)
{
    for (size_t i = 0; i < h->n_events; i++)
        if (h->events[i].type == PLM_EV_TRANSPORT && h->events[i].transport == id &&
            h->events[i].transport_state.state == state)
            return &h->events[i];
    return NULL;
}
static bool is_claimed(const struct host *h, uint32_t id)
{
    return state_event(h, id, PLM_TRANSPORT_ICE) != NULL;
}
static bool is_closed(const struct host *h, uint32_t id)
{
    return state_event(h, id, PLM_TRANSPORT_CLOSED) != NULL;
}
static bool is_answered(const struct host *h, uint32_t n)
{
    return h->answers >= n;
}

static void expect_closed(struct host *h, uint32_t id, enum plm_close_reason reason)
{
    unsigned n = 0;
    assert_true(run_until(h, 3000, is_closed, id));
    run_until(h, 20, NULL, 0); /* a second event would come by now */
    for (size_t i = 0; i < h->n_events; i++) {
        const struct plm_event *ev = &h->events[i];
        if (ev->type != PLM_EV_TRANSPORT || ev->transport != id ||
            ev->transport_state.state != PLM_TRANSPORT_CLOSED)
            continue;
        assert_int_equal(ev->transport_state.reason, reason);
        n++;
    }
    assert_int_equal(n, 1);
    assert_int_equal(plm_engine_transport_close(h->e, id), PLM_ENOENT);
}

static plm_room_id open_room(struct host *h)
{
    plm_room_id room = 0;
    assert_int_equal(plm_engine_room_open(h->e, NULL, &room), 0);
    assert_true(room != 0);
    return room;
}

static struct plm_transport_local open_transport(struct host *h, plm_room_id room, plm_participant_id who)
{
    struct plm_transport_local local;
    struct plm_transport_open open = {.room = room, .participant = who};
    assert_int_equal(plm_engine_transport_open(h->e, &open, &local), 0);
    assert_true(local.id != 0);
    return local;
}

static bool check_from(
    int fd, const struct plm_addr *to, const struct plm_transport_local *local, int timeout_ms)
{
    struct stun_client c;
    stun_client_init(&c);
    return stun_client_send(&c, fd, to, local) && stun_client_wait(&c, fd, to, local, timeout_ms);
}

/** One check from a new port. */
static bool check_once(struct host *h, const struct plm_transport_local *local)
{
    int fd = socket(h->at.sa.sa_family, SOCK_DGRAM, 0);
    bool good = check_from(fd, &h->at, local, 2000);
    close(fd);
    return good;
}

static void on_stats(void *arg, const struct plm_stats *s)
{
    struct host *h = arg;
    memset(&h->totals, 0, sizeof h->totals);
    for (unsigned w = 0; w < s->n_workers; w++) {
        h->per_worker[w] = s->workers[w].gauges[PLM_GAUGE_TRANSPORTS];
        for (int i = 0; i < PLM_CNT_COUNT; i++)
            h->totals.counters[i] += s->workers[w].counters[i];
        for (int i = 0; i < PLM_DROP_COUNT; i++)
            h->totals.drops[i] += s->workers[w].drops[i];
        for (int i = 0; i < PLM_GAUGE_COUNT; i++)
            h->totals.gauges[i] += s->workers[w].gauges[i];
    }
    h->n_transports = s->n_transports;
    for (uint32_t i = 0; i < s->n_transports && i < 8; i++)
        h->transports[i] = s->transports[i];
    h->answers++;
}

static void ask_stats(struct host *h, enum plm_stats_scope scope, plm_transport_id id)
{
    unsigned before = h->answers;
    assert_int_equal(plm_engine_stats(h->e, scope, id, on_stats, h), 0);
    assert_true(run_until(h, 3000, is_answered, before + 1));
}

/* ---- life ---- */

static void refuses_bad_configurations(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config c = loopback(33);
    assert_int_equal(start(&h, &c), PLM_EINVAL);
    c = loopback(1);
    c.limits.transports = 65537;
    assert_int_equal(start(&h, &c), PLM_EINVAL);
    c = loopback(1);
    c.listen[0].sa.sa_family = AF_UNIX;
    assert_int_equal(start(&h, &c), PLM_EINVAL);
    c = loopback(1);
    c.n_listen = PLM_MAX_LISTEN + 1;
    assert_int_equal(start(&h, &c), PLM_EINVAL);
    c = loopback(1);
    assert_int_equal(plm_addr_parse(&c.listen[0], "192.0.2.1:0"), 0);
    assert_int_equal(start(&h, &c), -EADDRNOTAVAIL);
    c = loopback(1);
    assert_int_equal(plm_engine_create(&h.e, &c, NULL, NULL), PLM_EINVAL);
    plm_engine_destroy(NULL);
}

static void engines_never_share_a_port(void **state)
{
    (void)state;
    struct host a, b, c;
    struct plm_engine_config config = loopback(2);
    assert_int_equal(start(&a, &config), 0);
    assert_int_equal(start(&b, &config), 0);
    assert_true(plm_addr_port(&a.at) != plm_addr_port(&b.at));
    config.listen[0] = a.at;
    assert_int_equal(start(&c, &config), -EADDRINUSE);
    assert_int_equal(plm_engine_workers(a.e), 2);
    assert_int_equal(plm_engine_fingerprint(a.e)->len, 32);
    assert_memory_not_equal(plm_engine_fingerprint(a.e)->value, plm_engine_fingerprint(b.e)->value, 32);
    assert_true(plm_engine_random_ssrc(a.e) != plm_engine_random_ssrc(a.e));
    plm_engine_destroy(a.e);
    plm_engine_destroy(b.e);
    assert_int_equal(start(&c, &config), 0);
    plm_engine_destroy(c.e);
}

static void listens_everywhere_by_default_on_one_port(void **state)
{
    (void)state;
    struct plm_engine *e;
    struct plm_addr candidates[32];
    struct host h = {0};
    assert_int_equal(plm_engine_create(&e, NULL, on_event, &h), 0);
    size_t n = plm_engine_candidates(e, candidates, 32);
    assert_true(n >= 1);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(plm_addr_port(&candidates[i]), plm_addr_port(&candidates[0]));
    plm_engine_destroy(e);
}

static void log_line(void *arg, enum plm_log_level level, const char *tag, const char *text)
{
    unsigned *seen = arg;
    (void)level;
    if (strcmp(tag, "net") == 0 && strstr(text, "receive buffer"))
        *seen |= 1;
    if (strcmp(tag, "ice") == 0 && strstr(text, "candidate 203.0.113.9:"))
        *seen |= 2;
}

static void tells_its_log_what_it_got(void **state)
{
    (void)state;
    struct host h;
    unsigned seen = 0;
    struct plm_engine_config config = loopback(1);
    config.log = log_line;
    config.log_arg = &seen;
    config.n_advertise = 1;
    assert_int_equal(plm_addr_parse(&config.advertise[0], "203.0.113.9"), 0);
    assert_int_equal(start(&h, &config), 0);
    assert_true(plm_addr_port(&h.at) != 0);
    assert_int_equal(seen, 3);
    plm_engine_destroy(h.e);
}

static unsigned open_fds(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

/** Creating fails at every point where a descriptor is needed, and leaves nothing behind. */
static void survives_a_lack_of_descriptors(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(3);
    struct rlimit before, tight;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    unsigned used = open_fds(), failures = 0;
    int err = -1;
    for (unsigned room = 0; err != 0 && room < 100; room++) {
        tight = (struct rlimit){used + room, before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        err = start(&h, &config);
        assert_true(err <= 0);
        failures += err != 0;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        if (err != 0)
            assert_int_equal(open_fds(), used);
    }
    assert_int_equal(err, 0);
    assert_true(failures > 10);
    plm_engine_destroy(h.e);
    assert_int_equal(open_fds(), used);
}

/* ---- rooms and transports ---- */

static void knows_its_limits_and_ids(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(1);
    struct plm_room_config loud = {.max_speakers = PLM_MAX_SPEAKERS + 1};
    struct plm_transport_local local;
    struct plm_transport_params params = {.n_media = PLM_MAX_MEDIA + 1};
    struct plm_view view = {.n_items = PLM_MAX_VIEW + 1};
    plm_room_id third;
    config.limits.rooms = config.limits.transports = 2;
    assert_int_equal(start(&h, &config), 0);
    assert_int_equal(plm_engine_room_open(h.e, &loud, &third), PLM_EINVAL);
    plm_room_id a = open_room(&h), b = open_room(&h);
    assert_int_equal(plm_engine_room_open(h.e, NULL, &third), PLM_ELIMIT);

    struct plm_transport_local one = open_transport(&h, a, 1), two = open_transport(&h, b, 2);
    struct plm_transport_open open = {.room = a, .participant = 3};
    assert_int_equal(plm_engine_transport_open(h.e, &open, &local), PLM_ELIMIT);
    open.participant = 0;
    assert_int_equal(plm_engine_transport_open(h.e, &open, &local), PLM_EINVAL);
    open.room = a + 1000;
    assert_int_equal(plm_engine_transport_open(h.e, &open, &local), PLM_ENOENT);

    assert_int_equal(plm_engine_transport_describe(h.e, one.id, &params), PLM_EINVAL);
    assert_int_equal(plm_engine_transport_view(h.e, one.id, &view), PLM_EINVAL);
    assert_int_equal(plm_engine_transport_pin(h.e, one.id, NULL, 1), PLM_EINVAL);
    assert_int_equal(plm_engine_transport_mute(h.e, one.id, PLM_SOURCE_COUNT, true), PLM_EINVAL);
    assert_int_equal(plm_engine_transport_move(h.e, one.id, b, 0), PLM_EINVAL);
    assert_int_equal(plm_engine_transport_move(h.e, one.id, 77, 1), PLM_ENOENT);
    params.n_media = view.n_items = 0;
    assert_int_equal(plm_engine_transport_describe(h.e, 0, &params), PLM_ENOENT);
    assert_int_equal(plm_engine_transport_view(h.e, 12345, &view), PLM_ENOENT);
    assert_int_equal(plm_engine_transport_pin(h.e, 0, NULL, 0), PLM_ENOENT);
    assert_int_equal(plm_engine_transport_mute(h.e, 0, PLM_SOURCE_CAMERA, true), PLM_ENOENT);
    assert_int_equal(plm_engine_transport_restart(h.e, 0, &local), PLM_ENOENT);
    assert_int_equal(plm_engine_transport_close(h.e, 0), PLM_ENOENT);
    assert_int_equal(plm_engine_room_close(h.e, 0), PLM_ENOENT);
    assert_int_equal(plm_engine_stats(h.e, PLM_STATS_TRANSPORT, 0, on_stats, &h), PLM_ENOENT);

    assert_int_equal(plm_engine_transport_close(h.e, one.id), 0);
    struct plm_transport_local again = open_transport(&h, b, 4); /* its place is free at once */
    assert_true(again.id != one.id && again.id != two.id);
    assert_int_equal(plm_engine_room_close(h.e, a), 0);
    assert_true(open_room(&h) != a);
    plm_engine_destroy(h.e);
}

static void closes_what_nobody_called(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(1);
    config.connect_timeout_ms = 60;
    assert_int_equal(start(&h, &config), 0);
    plm_room_id room = open_room(&h);
    struct plm_transport_local a = open_transport(&h, room, 1), b = open_transport(&h, room, 2);
    assert_int_equal(plm_engine_transport_close(h.e, a.id), 0);
    expect_closed(&h, a.id, PLM_CLOSE_LOCAL);
    const struct plm_event *ev = state_event(&h, a.id, PLM_TRANSPORT_CLOSED);
    assert_int_equal(ev->room, room);
    assert_int_equal(ev->participant, 1);
    expect_closed(&h, b.id, PLM_CLOSE_NEVER);
    /* the timer goes on for later ones */
    struct plm_transport_local c = open_transport(&h, room, 3);
    expect_closed(&h, c.id, PLM_CLOSE_NEVER);
    assert_false(check_from(socket(AF_INET, SOCK_DGRAM, 0), &h.at, &c, 50));
    plm_engine_destroy(h.e);
}

static void a_check_claims_and_is_answered(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(1);
    assert_int_equal(start(&h, &config), 0);
    plm_room_id room = open_room(&h), other = open_room(&h);
    struct plm_transport_local a = open_transport(&h, room, 7), wrong = a;
    struct plm_view view = {.mode = PLM_VIEW_FOLLOW, .max_width = 640};
    struct plm_pin pin = {.media = 0, .participant = 1};
    struct plm_transport_params params = {0};

    /* everything may be said before anybody has claimed it */
    assert_int_equal(plm_engine_transport_view(h.e, a.id, &view), 0);
    assert_int_equal(plm_engine_transport_pin(h.e, a.id, &pin, 1), 0);
    assert_int_equal(plm_engine_transport_mute(h.e, a.id, PLM_SOURCE_CAMERA, true), 0);
    assert_int_equal(plm_engine_transport_describe(h.e, a.id, &params), 0);
    assert_int_equal(plm_engine_transport_move(h.e, a.id, other, 8), 0);

    wrong.pwd[3] = wrong.pwd[3] == 'x' ? 'y' : 'x';
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_false(check_from(fd, &h.at, &wrong, 100));
    assert_true(check_from(fd, &h.at, &a, 2000));
    assert_true(run_until(&h, 2000, is_claimed, a.id));
    const struct plm_event *ev = state_event(&h, a.id, PLM_TRANSPORT_ICE);
    assert_int_equal(ev->room, other);
    assert_int_equal(ev->participant, 8);

    /* and afterwards */
    assert_int_equal(plm_engine_transport_view(h.e, a.id, &view), 0);
    assert_int_equal(plm_engine_transport_pin(h.e, a.id, NULL, 0), 0);
    assert_int_equal(plm_engine_transport_mute(h.e, a.id, PLM_SOURCE_CAMERA, false), 0);
    assert_int_equal(plm_engine_transport_describe(h.e, a.id, &params), 0);
    assert_int_equal(plm_engine_transport_move(h.e, a.id, room, 9), 0);

    /* ICE restart: both answer, then only the new one */
    struct plm_transport_local b;
    assert_int_equal(plm_engine_transport_restart(h.e, a.id, &b), 0);
    assert_int_equal(b.id, a.id);
    assert_true(check_from(fd, &h.at, &a, 2000));
    assert_true(check_from(fd, &h.at, &b, 2000));
    assert_false(check_from(fd, &h.at, &a, 100));
    close(fd);

    ask_stats(&h, PLM_STATS_ALL, 0);
    assert_int_equal(h.totals.drops[PLM_DROP_STUN_AUTH], 1);
    assert_int_equal(h.totals.drops[PLM_DROP_STUN_UNKNOWN_USER], 1);
    assert_int_equal(h.totals.counters[PLM_CNT_RX_STUN], 5);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_TRANSPORTS], 1);
    assert_true(h.totals.counters[PLM_CNT_TX_SYSCALLS] >= 3);
    assert_int_equal(h.n_transports, 1);
    assert_int_equal(h.transports[0].id, a.id);
    assert_int_equal(h.transports[0].room, room);
    assert_int_equal(h.transports[0].participant, 9);

    assert_int_equal(plm_engine_transport_close(h.e, a.id), 0);
    expect_closed(&h, a.id, PLM_CLOSE_LOCAL);
    ask_stats(&h, PLM_STATS_ALL, 0);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_TRANSPORTS], 0);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_SHARDS], 0);
    assert_int_equal(h.n_transports, 0);
    plm_engine_destroy(h.e);
}

static void a_worker_gives_up_on_what_never_connects(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(1);
    config.connect_timeout_ms = 800;
    assert_int_equal(start(&h, &config), 0);
    struct plm_transport_local a = open_transport(&h, open_room(&h), 1);
    assert_true(check_once(&h, &a));
    expect_closed(&h, a.id, PLM_CLOSE_NEVER);
    assert_true(is_claimed(&h, a.id));
    plm_engine_destroy(h.e);
}

static void a_room_takes_its_transports_along(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(1);
    assert_int_equal(start(&h, &config), 0);
    plm_room_id room = open_room(&h);
    struct plm_transport_local waiting = open_transport(&h, room, 1), claimed = open_transport(&h, room, 2);
    assert_true(check_once(&h, &claimed));
    assert_int_equal(plm_engine_room_close(h.e, room), 0);
    assert_int_equal(plm_engine_room_close(h.e, room), PLM_ENOENT);
    struct plm_transport_open open = {.room = room, .participant = 3};
    struct plm_transport_local local;
    assert_int_equal(plm_engine_transport_open(h.e, &open, &local), PLM_ENOENT);
    expect_closed(&h, waiting.id, PLM_CLOSE_ROOM);
    expect_closed(&h, claimed.id, PLM_CLOSE_ROOM);
    ask_stats(&h, PLM_STATS_TOTALS, 0);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_SHARDS], 0);
    plm_engine_destroy(h.e);
}

static void caps_unauthenticated_checks(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(1);
    config.limits.stun_unauth_per_sec = 10;
    assert_int_equal(start(&h, &config), 0);
    struct plm_transport_local a = open_transport(&h, open_room(&h), 1), wrong = a, unknown = a;
    struct stun_client c;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    wrong.pwd[0] = wrong.pwd[0] == 'x' ? 'y' : 'x';
    unknown.ufrag[11] = unknown.ufrag[11] == 'x' ? 'y' : 'x';
    for (int i = 0; i < 100; i++) {
        stun_client_init(&c);
        assert_true(stun_client_send(&c, fd, &h.at, &wrong));
        assert_true(stun_client_send(&c, fd, &h.at, &unknown));
        assert_int_equal(sendto(fd, "\x16 no handshake yet", 19, 0, &h.at.sa, sizeof h.at.in4), 19);
        assert_int_equal(sendto(fd, "\0", 1, 0, &h.at.sa, sizeof h.at.in4), 1);
    }
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&answer, 1, 100), 0); /* nothing is sent to strangers */
    ask_stats(&h, PLM_STATS_TOTALS, 0);
    const uint64_t *drops = h.totals.drops;
    assert_int_equal(drops[PLM_DROP_STUN_AUTH] + drops[PLM_DROP_STUN_RATE], 100);
    assert_true(
        drops[PLM_DROP_STUN_AUTH] >= 10 && drops[PLM_DROP_STUN_AUTH] <= 20); /* the second may have ended */
    assert_int_equal(drops[PLM_DROP_STUN_UNKNOWN_USER], 100);
    assert_int_equal(drops[PLM_DROP_UNKNOWN_TUPLE], 100);
    assert_int_equal(drops[PLM_DROP_STUN_IGNORED], 100);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_TUPLES], 0);
    assert_int_equal(h.totals.counters[PLM_CNT_TX_DATAGRAMS], 0);
    close(fd);
    plm_engine_destroy(h.e);
}

/* ---- statistics ---- */

static void statistics_have_three_scopes(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(2);
    assert_int_equal(start(&h, &config), 0);
    plm_room_id room = open_room(&h);
    struct plm_transport_local a = open_transport(&h, room, 1), b = open_transport(&h, room, 2);
    assert_true(check_once(&h, &a));
    ask_stats(&h, PLM_STATS_TOTALS, 0);
    assert_int_equal(h.n_transports, 0);
    ask_stats(&h, PLM_STATS_ALL, 0);
    assert_int_equal(h.n_transports, 2);
    ask_stats(&h, PLM_STATS_TRANSPORT, a.id);
    assert_int_equal(h.n_transports, 1);
    assert_int_equal(h.transports[0].id, a.id);
    assert_int_equal(h.transports[0].state, PLM_TRANSPORT_ICE);
    ask_stats(&h, PLM_STATS_TRANSPORT, b.id);
    assert_int_equal(h.n_transports, 1);
    assert_int_equal(h.transports[0].id, b.id);
    assert_int_equal(h.transports[0].state, PLM_TRANSPORT_NEW);
    assert_int_equal(h.transports[0].participant, 2);

    /* several at a time, and one that is never answered */
    for (int i = 0; i < 5; i++)
        assert_int_equal(plm_engine_stats(h.e, PLM_STATS_ALL, 0, on_stats, &h), 0);
    assert_true(run_until(&h, 3000, is_answered, 9));
    assert_int_equal(plm_engine_stats(h.e, PLM_STATS_ALL, 0, on_stats, &h), 0);
    plm_engine_destroy(h.e);
}

/* ---- several workers ---- */

static void strays_find_their_way(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(2);
    assert_int_equal(start(&h, &config), 0);
    struct plm_transport_local a = open_transport(&h, open_room(&h), 1);
    /* the first check decides who owns it; of sixteen further ports about half reach the other worker */
    for (int i = 0; i < 17; i++)
        assert_true(check_once(&h, &a));
    ask_stats(&h, PLM_STATS_ALL, 0);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_TRANSPORTS], 1);
    assert_int_equal(h.per_worker[0] + h.per_worker[1], 1);
    assert_true(h.totals.counters[PLM_CNT_STRAY_DATAGRAMS] > 0);
    assert_true(h.totals.gauges[PLM_GAUGE_STRAY_TUPLES] > 0);
    assert_int_equal(h.totals.drops[PLM_DROP_LINK_FULL], 0);

    /* so do the new credentials of an ICE restart; the former end everywhere */
    struct plm_transport_local b;
    assert_int_equal(plm_engine_transport_restart(h.e, a.id, &b), 0);
    for (int i = 0; i < 8; i++)
        assert_true(check_once(&h, &b));
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_false(check_from(fd, &h.at, &a, 100));
    close(fd);
    plm_engine_destroy(h.e);
}

static void rooms_span_workers(void **state)
{
    (void)state;
    struct host h;
    struct plm_engine_config config = loopback(2);
    assert_int_equal(start(&h, &config), 0);
    plm_room_id room = open_room(&h);
    struct plm_transport_local locals[16];
    for (unsigned i = 0; i < 16; i++) {
        locals[i] = open_transport(&h, room, i + 1);
        assert_true(check_once(&h, &locals[i]));
    }
    plm_engine_dispatch(h.e); /* shards hear of each other through the control thread */
    ask_stats(&h, PLM_STATS_TOTALS, 0);
    assert_int_equal(h.per_worker[0] + h.per_worker[1], 16);
    assert_true(h.per_worker[0] > 0 && h.per_worker[1] > 0);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_SHARDS], 2);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_LINKS], 2); /* each knows of the other */
    assert_int_equal(plm_engine_room_close(h.e, room), 0);
    for (unsigned i = 0; i < 16; i++)
        assert_true(run_until(&h, 3000, is_closed, locals[i].id));
    run_until(&h, 20, NULL, 0);
    ask_stats(&h, PLM_STATS_TOTALS, 0);
    for (int g = 0; g < PLM_GAUGE_COUNT; g++)
        if (g != PLM_GAUGE_STRAY_TUPLES)
            assert_int_equal(h.totals.gauges[g], 0);
    plm_engine_destroy(h.e);
}

static void small_rooms_stay_on_one_worker(void **state)
{
    (void)state;
    enum {
        SMALL = 6,
        LARGE = 24
    };
    struct host h;
    struct plm_engine_config config = loopback(2);
    config.spread_above = SMALL;
    assert_int_equal(start(&h, &config), 0);
    plm_room_id rooms[2] = {open_room(&h), open_room(&h)};
    for (unsigned i = 0; i < 2 * SMALL; i++) {
        struct plm_transport_local a = open_transport(&h, rooms[i % 2], i + 1);
        assert_true(check_once(&h, &a));
    }
    plm_engine_dispatch(h.e);
    ask_stats(&h, PLM_STATS_TOTALS, 0);
    assert_int_equal(h.per_worker[0], SMALL);
    assert_int_equal(h.per_worker[1], SMALL);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_SHARDS], 2);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_LINKS], 0);
    assert_true(h.totals.counters[PLM_CNT_STRAY_DATAGRAMS] > 0);
    for (unsigned i = SMALL; i < LARGE; i++) {
        struct plm_transport_local a = open_transport(&h, rooms[0], 100 + i);
        assert_true(check_once(&h, &a));
    }
    plm_engine_dispatch(h.e);
    ask_stats(&h, PLM_STATS_TOTALS, 0);
    assert_int_equal(h.totals.gauges[PLM_GAUGE_SHARDS], 3);
    assert_true(h.per_worker[1] > SMALL);
    plm_engine_destroy(h.e);
}

/** Wildcards, both families, strays: the answer always comes from the address that was asked. */
static void answers_from_where_it_was_asked(void **state)
{
    (void)state;
    static const char *const asked[] = {"127.0.0.1", "127.0.0.2", "[::1]"};
    struct host h;
    struct plm_engine_config config = {.workers = 2, .n_advertise = 1};
    assert_int_equal(plm_addr_parse(&config.advertise[0], "127.0.0.1"), 0);
    assert_int_equal(start(&h, &config), 0);
    struct plm_transport_local a = open_transport(&h, open_room(&h), 1);
    uint16_t port = plm_addr_port(&h.at);
    for (int i = 0; i < 24; i++) {
        assert_int_equal(plm_addr_parse(&h.at, asked[i % 3]), 0);
        plm_addr_set_port(&h.at, port);
        assert_true(check_once(&h, &a)); /* looks at the source of the answer, too */
    }
    ask_stats(&h, PLM_STATS_TOTALS, 0);
    assert_true(h.totals.counters[PLM_CNT_STRAY_DATAGRAMS] > 0);
    assert_int_equal(h.totals.counters[PLM_CNT_TX_DROPPED], 0);
    plm_engine_destroy(h.e);
}

/** A machine that joins a network while we run. */
static void serves_addresses_that_come_later(void **state)
{
    (void)state;
    struct host h;
    struct plm_addr candidates[4], late;
    struct plm_engine_config config = {.workers = 2, .n_listen = 1};
    assert_int_equal(plm_addr_parse(&config.listen[0], "0.0.0.0:0"), 0);
    int former = own_network_enter(65536);
    if (former < 0)
        LEAVE_OUT("no right to make a network");
    assert_int_equal(start(&h, &config), 0);
    assert_int_equal(plm_engine_candidates(h.e, candidates, 4), 1);
    assert_int_equal(plm_addr_parse(&late, "127.0.0.1"), 0);
    plm_addr_set_port(&late, plm_addr_port(&h.at));
    assert_true(plm_addr_equal(&candidates[0], &late)); /* better than nothing */

    assert_int_equal(plm_addr_parse(&late, "10.9.8.7"), 0);
    assert_true(own_network_add(&late));
    plm_addr_set_port(&late, plm_addr_port(&h.at));
    assert_int_equal(plm_engine_candidates(h.e, candidates, 4), 1);
    assert_true(plm_addr_equal(&candidates[0], &late));
    struct plm_transport_local a = open_transport(&h, open_room(&h), 1);
    h.at = late;
    assert_true(check_once(&h, &a));
    plm_engine_destroy(h.e);
    assert_true(own_network_leave(former));
}

/** Floods an engine with checks, good and bad ones, and with rubbish. */
struct flood {
    struct plm_addr to;
    struct plm_transport_local local;
    _Atomic bool stop;
};

static void *flood(void *arg)
{
    struct flood *f = arg;
    struct stun_client c;
    while (!atomic_load(&f->stop)) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        for (int i = 0; i < 20; i++) {
            stun_client_init(&c);
            stun_client_send(&c, fd, &f->to, &f->local);
            sendto(fd, "\x80 rubbish", 9, 0, &f->to.sa, sizeof f->to.in4);
        }
        close(fd);
    }
    return NULL;
}

static void ends_while_traffic_runs(void **state)
{
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct host h;
        struct plm_engine_config config = loopback(2);
        config.limits.datagrams_per_turn = round % 2 ? 1 : 0;
        assert_int_equal(start(&h, &config), 0);
        plm_room_id room = open_room(&h);
        struct flood f = {.to = h.at, .local = open_transport(&h, room, 1)};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, flood, &f), 0);
        assert_true(run_until(&h, 3000, is_claimed, f.local.id));
        for (unsigned i = 0; i < 20; i++)
            open_transport(&h, room, 10 + i);
        ask_stats(&h, PLM_STATS_TOTALS, 0); /* commands are heard in between */
        assert_true(h.totals.counters[PLM_CNT_RX_DATAGRAMS] > 0);
        plm_engine_destroy(h.e);
        atomic_store(&f.stop, true);
        pthread_join(thread, NULL);
    }
}

/** A host of its own thread: rooms come and go, transports are claimed from many ports, moved and closed. */
static void *churn(void *arg)
{
    struct host *h = arg;
    struct plm_engine_config config = loopback(2);
    if (start(h, &config) != 0)
        return NULL;
    for (int round = 0; round < 10; round++) {
        plm_room_id rooms[2] = {open_room(h), open_room(h)};
        struct plm_transport_local locals[6];
        for (unsigned i = 0; i < 6; i++) {
            locals[i] = open_transport(h, rooms[i % 2], i + 1);
            if (i < 5 && !check_once(h, &locals[i]))
                return NULL;
        }
        plm_engine_dispatch(h->e);
        plm_engine_transport_move(h->e, locals[0].id, rooms[1], 20);
        plm_engine_transport_move(h->e, locals[5].id, rooms[0], 21);
        plm_engine_transport_close(h->e, locals[1].id);
        plm_engine_stats(h->e, PLM_STATS_ALL, 0, on_stats, h);
        plm_engine_room_close(h->e, rooms[0]);
        plm_engine_room_close(h->e, rooms[1]);
        for (unsigned i = 0; i < 6; i++)
            if (!run_until(h, 5000, is_closed, locals[i].id))
                return NULL;
        h->n_events = 0;
    }
    return run_until(h, 5000, is_answered, 10) ? h : NULL;
}

static void three_engines_in_one_process(void **state)
{
    (void)state;
    enum {
        ENGINES = 3
    };
    struct host *hosts = calloc(ENGINES, sizeof *hosts);
    pthread_t threads[ENGINES];
    for (int i = 0; i < ENGINES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &hosts[i]), 0);
    for (int i = 0; i < ENGINES; i++) {
        void *good = NULL;
        pthread_join(threads[i], &good);
        assert_ptr_equal(good, &hosts[i]);
    }
    for (int i = 0; i < ENGINES; i++) {
        ask_stats(&hosts[i], PLM_STATS_TOTALS, 0);
        assert_int_equal(hosts[i].totals.gauges[PLM_GAUGE_TRANSPORTS], 0);
        assert_int_equal(hosts[i].totals.gauges[PLM_GAUGE_SHARDS], 0);
        plm_engine_destroy(hosts[i].e);
    }
    free(hosts);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_configurations),
        cmocka_unit_test(engines_never_share_a_port),
        cmocka_unit_test(listens_everywhere_by_default_on_one_port),
        cmocka_unit_test(tells_its_log_what_it_got),
        cmocka_unit_test(survives_a_lack_of_descriptors),
        cmocka_unit_test(knows_its_limits_and_ids),
        cmocka_unit_test(closes_what_nobody_called),
        cmocka_unit_test(a_check_claims_and_is_answered),
        cmocka_unit_test(a_worker_gives_up_on_what_never_connects),
        cmocka_unit_test(a_room_takes_its_transports_along),
        cmocka_unit_test(caps_unauthenticated_checks),
        cmocka_unit_test(statistics_have_three_scopes),
        cmocka_unit_test(strays_find_their_way),
        cmocka_unit_test(rooms_span_workers),
        cmocka_unit_test(small_rooms_stay_on_one_worker),
        cmocka_unit_test(answers_from_where_it_was_asked),
        cmocka_unit_test(serves_addresses_that_come_later),
        cmocka_unit_test(ends_while_traffic_runs),
        cmocka_unit_test(three_engines_in_one_process),
    };
    return ended(cmocka_run_group_tests(tests, NULL, NULL));
}
