#include "webhooks.h"

#include "plenum/types.h"

#include <arpa/inet.h>
#include <jansson.h>
#include <openssl/hmac.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../media/own_network.h"

#define SECRET "kept between two"
#define CLOSE  1 /* instead of a status: close without a word */
#define HANG   2 /* take it and say nothing */

/** A program of the operator's, on the same loop. It answers as its script says, then with 200. */
struct receiver {
    uv_loop_t loop;
    uv_tcp_t listener;
    struct plm_webhooks *hooks;
    char url[64];
    int script[8];
    unsigned n; /* requests */
    unsigned open, most_open;
    struct {
        json_t *body;
        uint64_t at; /* ms */
    } got[64];
};

struct peer {
    uv_tcp_t tcp;
    uv_write_t write;
    struct receiver *r;
    char in[4096], out[128];
    size_t len;
};

static void random_octets(void *out, size_t len)
{
    static uint64_t n;
    for (size_t i = 0; i < len; i++) {
        n = n * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(n >> 56);
    }
}

static void on_peer_closed(uv_handle_t *h)
{
    struct peer *p = h->data;
    p->r->open--;
    free(p);
}

static void close_peer(struct peer *p)
{
    if (!uv_is_closing((uv_handle_t *)&p->tcp))
        uv_close((uv_handle_t *)&p->tcp, on_peer_closed);
}

static const char *header(const struct peer *p, const char *name)
{
    const char *at = strstr(p->in, name);
    return at ? at + strlen(name) : NULL;
}

/* As the header of webhooks.h says it, by other means than the sender's. */
static void check_signature(const struct peer *p, const char *body)
{
    unsigned char mac[32];
    unsigned long long t;
    char hex[65], text[4200], want[65];
    const char *signature = header(p, "Plenum-Signature: ");
    assert_non_null(signature);
    assert_int_equal(sscanf(signature, "t=%llu,v1=%64s", &t, hex), 2);
    assert_in_range(t, (unsigned long long)time(NULL) - 5, (unsigned long long)time(NULL));
    int n = snprintf(text, sizeof text, "%llu.%s", t, body);
    HMAC(EVP_sha256(), SECRET, (int)strlen(SECRET), (unsigned char *)text, (size_t)n, mac, NULL);
    for (size_t i = 0; i < sizeof mac; i++)
        snprintf(want + 2 * i, 3, "%02x", mac[i]);
    assert_string_equal(hex, want);
}

static void answer(struct peer *p)
{
    struct receiver *r = p->r;
    unsigned status = r->n <= 8 && r->script[r->n - 1] ? (unsigned)r->script[r->n - 1] : 200;
    if (status == CLOSE)
        close_peer(p);
    if (status <= HANG)
        return;
    int n = snprintf(p->out, sizeof p->out,
        "HTTP/1.1 %u X\r\nContent-Length: 2\r\nLocation: %s/other\r\n\r\nok", status, r->url);
    uv_buf_t buf = uv_buf_init(p->out, (unsigned)n);
    assert_int_equal(uv_write(&p->write, (uv_stream_t *)&p->tcp, &buf, 1, NULL), 0);
}

static void take_request(struct peer *p)
{
    struct receiver *r = p->r;
    const char *end = strstr(p->in, "\r\n\r\n"), *length = header(p, "Content-Length: ");
    if (!end || !length || strlen(end + 4) < strtoul(length, NULL, 10))
        return;
    assert_int_equal(strncmp(p->in, "POST /hook HTTP/1.1\r\n", 21), 0);
    assert_non_null(header(p, "Content-Type: application/json\r\n"));
    check_signature(p, end + 4);
    if (r->n < 64) {
        r->got[r->n].body = json_loads(end + 4, JSON_REJECT_DUPLICATES, NULL);
        assert_non_null(r->got[r->n].body);
        r->got[r->n].at = uv_now(&r->loop);
    }
    r->n++;
    p->len = 0;
    answer(p);
}

static void give_buffer(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct peer *p = h->data;
    (void)suggested;
    *buf = uv_buf_init(p->in + p->len, (unsigned)(sizeof p->in - 1 - p->len));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct peer *p = s->data;
    (void)buf;
    if (n < 0) {
        close_peer(p);
        return;
    }
    p->len += (size_t)n;
    p->in[p->len] = 0;
    take_request(p);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct receiver *r = listener->data;
    struct peer *p = calloc(1, sizeof *p);
    assert_int_equal(status, 0);
    p->r = r;
    p->tcp.data = p;
    uv_tcp_init(&r->loop, &p->tcp);
    assert_int_equal(uv_accept(listener, (uv_stream_t *)&p->tcp), 0);
    r->open++;
    r->most_open = r->open > r->most_open ? r->open : r->most_open;
    uv_read_start((uv_stream_t *)&p->tcp, give_buffer, on_read);
}

static int setup(void **state)
{
    struct receiver *r = calloc(1, sizeof *r);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int len = sizeof a;
    uv_loop_init(&r->loop);
    uv_tcp_init(&r->loop, &r->listener);
    r->listener.data = r;
    assert_int_equal(uv_tcp_bind(&r->listener, (struct sockaddr *)&a, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&r->listener, 16, on_connection), 0);
    uv_tcp_getsockname(&r->listener, (struct sockaddr *)&a, &len);
    snprintf(r->url, sizeof r->url, "http://127.0.0.1:%u/hook", ntohs(a.sin_port));
    assert_int_equal(plm_webhooks_create(&r->hooks, &r->loop, r->url, SECRET, random_octets), 0);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct receiver *r = *state;
    plm_webhooks_close(r->hooks);
    uv_close((uv_handle_t *)&r->listener, NULL);
    uv_run(&r->loop, UV_RUN_DEFAULT); /* peers see the end of their connections */
    plm_webhooks_destroy(r->hooks);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    for (unsigned i = 0; i < r->n && i < 64; i++)
        json_decref(r->got[i].body);
    free(r);
    return 0;
}

static void tell(struct receiver *r, unsigned number)
{
    char room[16];
    snprintf(room, sizeof room, "r%u", number);
    plm_webhooks_tell(r->hooks,
        &(struct plm_hub_event){
            .type = PLM_HUB_ROOM_STARTED, .room = room, .at = 7, .name = "", .identity = "", .reason = ""});
}

static void run_until(struct receiver *r, unsigned requests)
{
    uint64_t end = uv_hrtime() + UINT64_C(20000000000);
    while (r->n < requests && uv_hrtime() < end)
        uv_run(&r->loop, UV_RUN_ONCE);
    assert_true(r->n >= requests);
}

static struct plm_webhooks_stats stats_of(const struct receiver *r)
{
    struct plm_webhooks_stats s;
    plm_webhooks_stats(r->hooks, &s);
    return s;
}

static void run_until_taken(struct receiver *r, uint64_t delivered)
{
    uint64_t end = uv_hrtime() + UINT64_C(20000000000);
    while (stats_of(r).delivered < delivered && uv_hrtime() < end)
        uv_run(&r->loop, UV_RUN_ONCE);
    assert_int_equal(stats_of(r).delivered, delivered);
}

static const char *text_of(const struct receiver *r, unsigned i, const char *name)
{
    return json_string_value(json_object_get(r->got[i].body, name));
}

static void test_in_order(void **state)
{
    struct receiver *r = *state;
    for (unsigned i = 0; i < 20; i++)
        tell(r, i);
    assert_int_equal(stats_of(r).waiting, 20);
    run_until_taken(r, 20);
    for (unsigned i = 0; i < 20; i++) {
        char room[16];
        snprintf(room, sizeof room, "r%u", i);
        assert_string_equal(text_of(r, i, "room"), room);
        assert_string_equal(text_of(r, i, "type"), "room_started");
        assert_int_equal(strlen(text_of(r, i, "id")), 32);
        for (unsigned k = 0; k < i; k++)
            assert_string_not_equal(text_of(r, i, "id"), text_of(r, k, "id"));
    }
    assert_int_equal(r->n, 20);
    assert_int_equal(r->most_open, 1); /* one at a time */
    struct plm_webhooks_stats s = stats_of(r);
    assert_true(!s.waiting && !s.failed && !s.retried && !s.given_up && !s.oldest_ms);
}

static void test_bodies(void **state)
{
    struct receiver *r = *state;
    static const char *const types[] = {"room_started", "room_ended", "participant_joined",
        "participant_left", "participant_waiting", "breakouts_opened", "breakouts_closed"};
    for (int t = PLM_HUB_ROOM_STARTED; t <= PLM_HUB_BREAKOUTS_CLOSED; t++)
        plm_webhooks_tell(r->hooks, &(struct plm_hub_event){.type = (enum plm_hub_event_type)t,
                                        .room = "T\xc3\xa9 \"7\"",
                                        .at = UINT64_C(1800000000123),
                                        .participant = t % 2 ? 4294967295u : 0,
                                        .name = "<b>\\",
                                        .identity = "ada@example.org",
                                        .reason = t == PLM_HUB_PARTICIPANT_LEFT ? "removed" : NULL});
    run_until_taken(r, 7);
    for (unsigned t = 0; t < 7; t++) {
        const json_t *who = json_object_get(r->got[t].body, "participant");
        assert_string_equal(text_of(r, t, "type"), types[t]);
        assert_string_equal(text_of(r, t, "room"), "T\xc3\xa9 \"7\"");
        assert_int_equal(json_integer_value(json_object_get(r->got[t].body, "at")), 1800000000123);
        assert_int_equal(who != NULL, t % 2);
        assert_int_equal(json_object_size(r->got[t].body), 4 + t % 2 + (t == 3));
        if (!who)
            continue;
        assert_int_equal(json_integer_value(json_object_get(who, "id")), 4294967295);
        assert_string_equal(json_string_value(json_object_get(who, "name")), "<b>\\");
        assert_string_equal(json_string_value(json_object_get(who, "identity")), "ada@example.org");
    }
    assert_string_equal(text_of(r, 3, "reason"), "removed");
}

/* Whatever is no 2xx is tried again, later each time, the same event; those behind it wait. */
static void test_retry(void **state)
{
    struct receiver *r = *state;
    r->script[0] = CLOSE; /* of a connection that was kept open libcurl would try once more by itself */
    r->script[1] = 500;
    r->script[2] = 204;
    tell(r, 0);
    tell(r, 1);
    run_until(r, 1);
    while (!stats_of(r).failed)
        uv_run(&r->loop, UV_RUN_ONCE);
    tell(r, 2); /* does not hurry it */
    run_until_taken(r, 3);
    static const char *const rooms[] = {"r0", "r0", "r0", "r1", "r2"};
    for (unsigned i = 0; i < 5; i++)
        assert_string_equal(text_of(r, i, "room"), rooms[i]);
    assert_string_equal(text_of(r, 0, "id"), text_of(r, 2, "id"));
    assert_in_range(r->got[1].at - r->got[0].at, PLM_WEBHOOKS_FIRST_MS - 50, PLM_WEBHOOKS_FIRST_MS + 900);
    assert_in_range(
        r->got[2].at - r->got[1].at, 2 * PLM_WEBHOOKS_FIRST_MS - 50, 2 * PLM_WEBHOOKS_FIRST_MS + 900);
    struct plm_webhooks_stats s = stats_of(r);
    assert_int_equal(s.failed, 2);
    assert_int_equal(s.retried, 2);
    assert_int_equal(s.given_up, 0);
}

/* The address is the operator's alone. */
static void test_redirect(void **state)
{
    struct receiver *r = *state;
    r->script[0] = 302;
    tell(r, 0);
    run_until(r, 1);
    while (!stats_of(r).failed)
        uv_run(&r->loop, UV_RUN_ONCE);
    assert_int_equal(r->n, 1);
    assert_int_equal(stats_of(r).waiting, 1);
    for (uint64_t end = uv_now(&r->loop) + 300; uv_now(&r->loop) < end;)
        uv_run(&r->loop, UV_RUN_NOWAIT);
    assert_in_range(stats_of(r).oldest_ms, 250, 5000);
    run_until_taken(r, 1);
    assert_int_equal(stats_of(r).oldest_ms, 0);
}

/* More than can wait: while the first is being told, the newest are given up; else the oldest. */
static void test_cap(void **state)
{
    struct receiver *r = *state;
    r->script[0] = 503;
    tell(r, 0);
    for (unsigned i = 1; i <= PLM_WEBHOOKS_MAX_WAITING + 5; i++)
        tell(r, i); /* the first is on its way */
    struct plm_webhooks_stats s = stats_of(r);
    assert_int_equal(s.waiting, PLM_WEBHOOKS_MAX_WAITING + 1);
    assert_int_equal(s.given_up, 5);
    while (!stats_of(r).failed)
        uv_run(&r->loop, UV_RUN_ONCE);
    tell(r, 10000); /* the first waits for its second try */
    s = stats_of(r);
    assert_int_equal(s.given_up, 6);
    assert_int_equal(s.waiting, PLM_WEBHOOKS_MAX_WAITING + 1);
    run_until(r, 3);
    assert_string_equal(text_of(r, 0, "room"), "r0");
    assert_string_equal(text_of(r, 1, "room"), "r1");
    assert_string_equal(text_of(r, 2, "room"), "r2");
}

/* Closed while a try is under way; what waits is given up, and nothing is left (LeakSanitizer). */
static void test_close_under_way(void **state)
{
    struct receiver *r = *state;
    r->script[0] = HANG;
    tell(r, 0);
    tell(r, 1);
    run_until(r, 1);
    plm_webhooks_close(r->hooks);
    tell(r, 2);
    assert_int_equal(stats_of(r).waiting, 2);
}

/* ---- a name server that says nothing ---- */

/* For this thread and those that it makes from now on. @return false: not allowed */
static bool name_server_is(const char *address)
{
    char path[] = "/tmp/plenum-resolv-XXXXXX", text[96];
    int fd = mkstemp(path),
        n = snprintf(text, sizeof text, "nameserver %s\noptions timeout:30 attempts:1\n", address);
    bool good = fd >= 0 && write(fd, text, (size_t)n) == n && unshare(CLONE_NEWNS) == 0 &&
                mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
                mount(path, "/etc/resolv.conf", NULL, MS_BIND, NULL) == 0;
    close(fd);
    unlink(path);
    return good;
}

static int silent_name_server(void)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && name_server_is("127.0.0.1"))
        return fd;
    close(fd);
    return -1;
}

struct gaps {
    uint64_t last, longest; /* ns */
};

static void on_tick(uv_timer_t *timer)
{
    struct gaps *g = timer->data;
    uint64_t now = uv_hrtime();
    g->longest = now - g->last > g->longest ? now - g->last : g->longest;
    g->last = now;
}

/* Neither the end of a try nor that of the server waits until the C library has given up the name. */
static void check_silent_name_server(int server)
{
    struct gaps gaps = {.last = uv_hrtime()};
    struct receiver r = {.n = 0};
    uv_timer_t tick;
    char query[512];
    uv_loop_init(&r.loop);
    uv_timer_init(&r.loop, &tick);
    tick.data = &gaps;
    uv_timer_start(&tick, on_tick, 10, 10);
    assert_int_equal(plm_webhooks_create(&r.hooks, &r.loop, "http://silent.test/", SECRET, random_octets), 0);
    tell(&r, 0);
    while (!stats_of(&r).failed)
        uv_run(&r.loop, UV_RUN_ONCE);
    assert_true(recv(server, query, sizeof query, 0) > 0); /* it was asked */
    while (!stats_of(&r).retried || recv(server, query, sizeof query, 0) < 0)
        uv_run(&r.loop, UV_RUN_ONCE);
    plm_webhooks_close(r.hooks);
    on_tick(&tick);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&r.loop, UV_RUN_DEFAULT);
    plm_webhooks_destroy(r.hooks);
    assert_int_equal(uv_loop_close(&r.loop), 0);
    assert_in_range(gaps.longest, 0, 2000000000);
}

static void test_silent_name_server(void **state)
{
    int former = own_network_enter(1500), server = former >= 0 ? silent_name_server() : -1;
    (void)state;
    if (server >= 0)
        check_silent_name_server(server);
    close(server);
    if (former >= 0)
        assert_true(own_network_leave(former));
    if (server < 0) {
        print_message("no name server of one's own without the right to make namespaces: skipped\n");
        skip();
    }
}

static void test_urls(void **state)
{
    static const char *const bad[] = {"", "x", "127.0.0.1", "ftp://127.0.0.1/", "file:///etc/passwd",
        "gopher://a", "http:", "javascript:1"};
    uv_loop_t loop;
    struct plm_webhooks *hooks;
    (void)state;
    uv_loop_init(&loop);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(plm_webhooks_create(&hooks, &loop, bad[i], SECRET, random_octets), PLM_EINVAL);
    assert_int_equal(uv_loop_close(&loop), 0);
}

/* printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret */
static void test_signature(void **state)
{
    char out[96];
    (void)state;
    plm_webhooks_sign(out, sizeof out, "secret", 1700000000, "{\"a\":1}");
    assert_string_equal(
        out, "t=1700000000,v1=49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_in_order), TEST(test_bodies), TEST(test_retry),
        TEST(test_redirect), TEST(test_cap), TEST(test_close_under_way), cmocka_unit_test(test_urls),
        cmocka_unit_test(test_signature), cmocka_unit_test(test_silent_name_server)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
