/* The WebSocket transport at a real socket: libwebsockets on a libuv loop, and a client made of send() and recv(). */
#include "ws_server.h"

#include "state.h"
#include "world.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <poll.h>
#include <setjmp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <cmocka.h>

struct server {
    struct world *w;
    struct plm_ws *ws;
    struct lws_context *context;
    struct lws_protocols protocols[3];
    uv_loop_t loop;
    int port;
};

static int on_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
    (void)wsi;
    (void)user;
    (void)in;
    (void)len;
    return reason == LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION ? -1 : 0;
}

static void server_start(
    struct server *s, const struct plm_ws_config *config, const struct plm_hub_config *hub)
{
    memset(s, 0, sizeof *s);
    s->w = world_create(hub);
    assert_int_equal(plm_ws_create(&s->ws, config, s->w->hub), 0);
    assert_int_equal(uv_loop_init(&s->loop), 0);
    s->protocols[0] = (struct lws_protocols){.name = "http", .callback = on_http};
    s->protocols[1] = *plm_ws_protocol(s->ws);
    lws_set_log_level(LLL_ERR, NULL);
    struct lws_context_creation_info info = {.port = 0,
        .iface = "127.0.0.1",
        .protocols = s->protocols,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS,
        .foreign_loops = (void *[]){&s->loop},
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .pt_serv_buf_size = 4096};
    s->context = lws_create_context(&info);
    assert_non_null(s->context);
    struct lws_vhost *vhost = lws_create_vhost(s->context, &info);
    assert_non_null(vhost);
    s->port = lws_get_vhost_listen_port(vhost);
    assert_true(s->port > 0);
}

static void server_stop(struct server *s)
{
    struct plm_ws_stats stats;
    lws_context_destroy(s->context);
    while (uv_run(&s->loop, UV_RUN_DEFAULT))
        ;
    lws_context_destroy(s->context); /* what had to wait for the loop's handles */
    assert_int_equal(uv_loop_close(&s->loop), 0);
    plm_ws_stats(s->ws, &stats);
    assert_int_equal(stats.sockets, 0);
    plm_ws_destroy(s->ws);
    world_destroy(s->w);
}

static uint64_t clock_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Let the server run until fd has something for us, or ms are over. */
static bool pump(struct server *s, int fd, unsigned ms)
{
    uint64_t end = clock_ms() + ms;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        uv_run(&s->loop, UV_RUN_NOWAIT);
        if (fd >= 0 && poll(&p, 1, 1) > 0)
            return true;
        if (clock_ms() >= end)
            return false;
        if (fd < 0)
            usleep(1000);
    }
}

/* ---- the client ---- */

static void send_all(struct server *s, int fd, const void *data, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t n = send(fd, (const char *)data + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n > 0) {
            sent += (size_t)n;
            continue;
        }
        if (errno != EAGAIN)
            return; /* the server closed: the test looks at what it said */
        pump(s, -1, 2);
    }
}

static bool recv_all(struct server *s, int fd, void *out, size_t len)
{
    for (size_t got = 0; got < len;) {
        if (!pump(s, fd, 5000))
            return false;
        ssize_t n = recv(fd, (char *)out + got, len - got, MSG_DONTWAIT);
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    return true;
}

/* Connect and upgrade. @param more lines of the request, "" @return fd; -1 when the server refused */
static int client_open_with(struct server *s, const char *subprotocol, const char *more)
{
    char request[512], reply[1024];
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0), small = 4096;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    int len = snprintf(request, sizeof request,
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s%s%s%s\r\n",
        more, subprotocol ? "Sec-WebSocket-Protocol: " : "", subprotocol ? subprotocol : "",
        subprotocol ? "\r\n" : "");
    send_all(s, fd, request, (size_t)len);
    size_t n = 0;
    while (n < sizeof reply - 1 && recv_all(s, fd, reply + n, 1)) {
        reply[++n] = 0;
        if (n >= 4 && !strcmp(reply + n - 4, "\r\n\r\n"))
            break;
    }
    if (n < 12 || strncmp(reply, "HTTP/1.1 101", 12) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int client_open(struct server *s, const char *subprotocol)
{
    return client_open_with(s, subprotocol, "");
}

static void client_frame(struct server *s, int fd, uint8_t first, const char *data, size_t len)
{
    uint8_t *frame = malloc(len + 14);
    size_t n = 0;
    frame[n++] = first;
    if (len < 126) {
        frame[n++] = (uint8_t)(0x80 | len);
    } else if (len < 65536) {
        frame[n++] = 0x80 | 126;
        frame[n++] = (uint8_t)(len >> 8);
        frame[n++] = (uint8_t)len;
    } else {
        frame[n++] = 0x80 | 127;
        for (int shift = 56; shift >= 0; shift -= 8)
            frame[n++] = (uint8_t)((uint64_t)len >> shift);
    }
    memset(frame + n, 0, 4); /* a mask of zeros is a mask */
    n += 4;
    memcpy(frame + n, data, len);
    send_all(s, fd, frame, n + len);
    free(frame);
}

static void client_say(struct server *s, int fd, const char *text)
{
    client_frame(s, fd, 0x81, text, strlen(text));
}

/* The next frame. @return its first octet (0 when the connection ended); payload NUL-terminated, free() */
static uint8_t client_read(struct server *s, int fd, char **payload, size_t *len)
{
    uint8_t head[10];
    *payload = NULL;
    if (!recv_all(s, fd, head, 2))
        return 0;
    *len = head[1] & 0x7f;
    if (*len == 126) {
        if (!recv_all(s, fd, head + 2, 2))
            return 0;
        *len = (size_t)head[2] << 8 | head[3];
    } else if (*len == 127) {
        if (!recv_all(s, fd, head + 2, 8))
            return 0;
        *len = (size_t)head[6] << 24 | (size_t)head[7] << 16 | (size_t)head[8] << 8 | head[9];
    }
    *payload = calloc(1, *len + 1);
    return recv_all(s, fd, *payload, *len) ? head[0] : 0;
}

/* The next text must hold this. */
static void client_expect(struct server *s, int fd, const char *part)
{
    char *text;
    size_t len;
    assert_int_equal(client_read(s, fd, &text, &len), 0x81);
    if (!strstr(text, part))
        fail_msg("%s does not hold %s", text, part);
    free(text);
}

/* Read on until the server's close. @return its code; 0: the connection just ended */
static unsigned client_closed(struct server *s, int fd)
{
    for (;;) {
        char *text;
        size_t len;
        uint8_t first = client_read(s, fd, &text, &len);
        unsigned code = first == 0x88 && len >= 2 ? (unsigned)(uint8_t)text[0] << 8 | (uint8_t)text[1] : 0;
        free(text);
        if (!first || first == 0x88)
            return code;
    }
}

static const char join[] = "{\"type\":\"join\",\"id\":1,\"room\":\"r\",\"name\":\"Ada\"}";

/* ---- tests ---- */

static void test_fragments(void **state)
{
    struct server s;
    (void)state;
    server_start(&s, NULL, NULL);
    int fd = client_open(&s, PLM_PROTOCOL);
    assert_true(fd >= 0);
    client_frame(&s, fd, 0x01, join, 10);
    client_frame(&s, fd, 0x00, join + 10, 5);
    client_frame(&s, fd, 0x80, join + 15, strlen(join) - 15);
    client_expect(&s, fd, "\"type\":\"joined\",\"id\":1");
    client_say(&s, fd, "{\"type\":\"leave\",\"id\":2}");
    client_expect(&s, fd, "\"type\":\"done\",\"id\":2");
    assert_int_equal(client_closed(&s, fd), PLM_SESSION_CLOSE_DONE);
    close(fd);
    server_stop(&s);
}

/* Bigger than one service buffer, both ways. */
static void test_large_message(void **state)
{
    struct server s;
    (void)state;
    server_start(&s, NULL, NULL);
    int fd = client_open(&s, PLM_PROTOCOL);
    client_say(&s, fd, join);
    client_expect(&s, fd, "joined");
    char *text = malloc(4000 + 64);
    int head = sprintf(text, "{\"type\":\"chat\",\"id\":2,\"text\":\"");
    memset(text + head, 'x', 4000);
    strcpy(text + head + 4000, "\"}");
    client_say(&s, fd, text);
    text[head + 4000] = 0;
    client_expect(&s, fd, text + head);
    client_expect(&s, fd, "done");
    free(text);
    close(fd);
    pump(&s, -1, 50);
    server_stop(&s);
}

static void test_too_large(void **state)
{
    struct server s;
    struct plm_ws_stats stats;
    (void)state;
    server_start(&s, NULL, NULL);
    int fd = client_open(&s, PLM_PROTOCOL);
    char *text = calloc(1, PLM_MSG_MAX_SDP_SIZE + 1);
    memset(text, ' ', PLM_MSG_MAX_SDP_SIZE);
    client_say(&s, fd, text); /* just fits, and is refused as a message */
    client_expect(&s, fd, "bad_message");
    client_frame(&s, fd, 0x01, text, PLM_MSG_MAX_SDP_SIZE);
    client_frame(&s, fd, 0x80, "x", 1);
    assert_int_equal(client_closed(&s, fd), 1009);
    plm_ws_stats(s.ws, &stats);
    assert_int_equal(stats.rejected, 1);
    free(text);
    close(fd);
    server_stop(&s);
}

static void test_binary(void **state)
{
    struct server s;
    (void)state;
    server_start(&s, NULL, NULL);
    int fd = client_open(&s, PLM_PROTOCOL);
    client_frame(&s, fd, 0x82, join, strlen(join));
    assert_int_equal(client_closed(&s, fd), 1003);
    close(fd);
    server_stop(&s);
}

/* Whoever goes on sending hears why it was closed. Its own close frame ends the connection, without another one; without it the server ends it. */
static void test_last_words(void **state)
{
    struct server s;
    struct plm_ws_stats stats;
    (void)state;
    server_start(&s, NULL, NULL);
    char *more = calloc(1, 100000), octet;
    int polite = client_open(&s, PLM_PROTOCOL), rude = client_open(&s, PLM_PROTOCOL);
    for (int i = 0; i < 2; i++) {
        int fd = i ? rude : polite;
        client_say(&s, fd, join);
        client_expect(&s, fd, "joined");
        client_say(&s, fd, "{\"type\":\"leave\",\"id\":2}");
        pump(&s, -1, 50);
        client_frame(&s, fd, 0x81, more, 100000);
        pump(&s, -1, 50);
        assert_int_equal(client_closed(&s, fd), PLM_SESSION_CLOSE_DONE);
    }
    client_frame(&s, polite, 0x88, "\x03\xe8", 2);
    assert_true(pump(&s, polite, 1000));
    assert_int_equal(recv(polite, &octet, 1, MSG_DONTWAIT), 0);
    plm_ws_stats(s.ws, &stats);
    assert_int_equal(stats.sockets, 1);
    assert_true(pump(&s, rude, 5000));
    assert_int_equal(recv(rude, &octet, 1, MSG_DONTWAIT), 0);
    plm_ws_stats(s.ws, &stats);
    assert_int_equal(stats.sockets, 0);
    free(more);
    close(polite);
    close(rude);
    server_stop(&s);
}

static void test_subprotocol(void **state)
{
    struct server s;
    (void)state;
    server_start(&s, NULL, NULL);
    assert_int_equal(client_open(&s, "plenum.v0"), -1);
    assert_int_equal(client_open(&s, NULL), -1);
    server_stop(&s);
}

static void test_session_limit(void **state)
{
    struct server s;
    struct plm_ws_stats stats;
    struct plm_hub_config hub = {.max_sessions = 1};
    (void)state;
    server_start(&s, NULL, &hub);
    int a = client_open(&s, PLM_PROTOCOL), b = client_open(&s, PLM_PROTOCOL);
    assert_int_equal(client_closed(&s, b), 1013);
    client_say(&s, a, join);
    client_expect(&s, a, "joined");
    plm_ws_stats(s.ws, &stats);
    assert_int_equal(stats.refused, 1);
    close(a);
    close(b);
    pump(&s, -1, 50);
    server_stop(&s);
}

/* One who does not read is dropped; the other does not notice, and the slow one can resume. */
static void test_slow_reader(void **state)
{
    struct server s;
    struct plm_ws_stats stats;
    struct plm_hub_gauges gauges;
    struct plm_ws_config config = {.max_queue = 64 * 1024};
    struct plm_hub_config hub = {
        .msg_rate = 1000000, .msg_burst = 1000000, .chat_rate = 1000000, .chat_burst = 1000000};
    (void)state;
    server_start(&s, &config, &hub);
    int slow = client_open(&s, PLM_PROTOCOL), quick = client_open(&s, PLM_PROTOCOL);
    client_say(&s, slow, join);
    client_expect(&s, slow, "joined");
    client_say(&s, quick, join);
    client_expect(&s, quick, "joined");
    char *text = malloc(4000 + 64);
    int head = sprintf(text, "{\"type\":\"chat\",\"id\":2,\"text\":\"");
    memset(text + head, 'x', 4000);
    strcpy(text + head + 4000, "\"}");
    stats.slow = 0;
    for (unsigned i = 0; i < 5000 && !stats.slow; i++) { /* the kernel's buffers fill first: up to 6 MB */
        client_say(&s, quick, text);
        client_expect(&s, quick, "chat_posted");
        client_expect(&s, quick, "done");
        plm_ws_stats(s.ws, &stats);
    }
    free(text);
    assert_int_equal(stats.slow, 1);
    pump(&s, -1, 50);
    plm_ws_stats(s.ws, &stats);
    assert_int_equal(stats.sockets, 1);
    plm_hub_gauges(s.w->hub, &gauges);
    assert_int_equal(gauges.detached, 1);
    assert_int_equal(gauges.participants, 2);
    close(slow);
    close(quick);
    pump(&s, -1, 50);
    server_stop(&s);
}

static void test_ping(void **state)
{
    struct server s;
    struct plm_ws_stats stats;
    struct plm_ws_config config = {.ping_seconds = 1, .join_seconds = 100};
    char *text;
    size_t len;
    (void)state;
    server_start(&s, &config, NULL);
    int fd = client_open(&s, PLM_PROTOCOL);
    assert_int_equal(client_read(&s, fd, &text, &len), 0x89);
    free(text);
    client_frame(&s, fd, 0x8a, "p", 1);
    assert_int_equal(client_read(&s, fd, &text, &len), 0x89); /* answered: it stays */
    free(text);
    plm_ws_stats(s.ws, &stats);
    assert_int_equal(stats.silent, 0);
    assert_int_equal(client_closed(&s, fd), 0); /* not answered: dropped */
    plm_ws_stats(s.ws, &stats);
    assert_int_equal(stats.silent, 1);
    close(fd);
    server_stop(&s);
}

static void test_never_joins(void **state)
{
    struct server s;
    struct plm_ws_stats stats;
    struct plm_ws_config config = {.ping_seconds = 1, .join_seconds = 1};
    (void)state;
    server_start(&s, &config, NULL);
    int fd = client_open(&s, PLM_PROTOCOL);
    assert_int_equal(client_closed(&s, fd), 0);
    plm_ws_stats(s.ws, &stats);
    assert_int_equal(stats.silent, 1);
    close(fd);
    server_stop(&s);
}

/* Where a session comes from: its socket, and what a trusted proxy says; nobody else is believed. */
static void test_source(void **state)
{
    static const char forwarded[] = "X-Forwarded-For: 6.6.6.6, 203.0.113.9\r\n";
    struct plm_source_net proxy;
    struct plm_ws_config behind = {.trusted_proxies = &proxy, .n_trusted_proxies = 1};
    struct server s;
    (void)state;
    assert_int_equal(plm_source_net_parse(&proxy, "127.0.0.1"), 0);
    for (int trusted = 0; trusted < 2; trusted++) {
        server_start(&s, trusted ? &behind : NULL, NULL);
        int fd = client_open_with(&s, PLM_PROTOCOL, forwarded);
        assert_true(fd >= 0);
        assert_string_equal(s.w->hub->sessions->out.source, trusted ? "203.0.113.9" : "127.0.0.1");
        close(fd);
        server_stop(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_large_message),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_last_words),
        cmocka_unit_test(test_subprotocol),
        cmocka_unit_test(test_session_limit),
        cmocka_unit_test(test_slow_reader),
        cmocka_unit_test(test_ping),
        cmocka_unit_test(test_never_joins),
        cmocka_unit_test(test_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
