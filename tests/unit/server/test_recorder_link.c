/*
 * The link against a recorder of the test's own: one in this thread that says what the test wants, and, for starting and restarting, this program
 * itself as "serve".
 */
#include "recorder_link.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/link_frame.h"

#define A            "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B            "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define RUN          "5a5a5a5a5a5a5a5a" /* fill_random */
#define WORKERS      2
#define MAX_MESSAGES 64

/* ---- a recorder ---- */

struct peer {
    int fd; /* -1: none */
    bool greeted;
    struct plm_link_hello hello;
    uint8_t in[65536];
    size_t n;
};

struct recorder {
    int listener;
    bool mute; /* it takes connections and says nothing */
    uint32_t magic;
    struct peer peers[8];
    char messages[MAX_MESSAGES][512];
    unsigned n_messages;
};

static int listen_at(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    unlink(path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 16) != 0)
        abort();
    return fd;
}

static void open_recorder(struct recorder *r, const char *path)
{
    memset(r, 0, sizeof(*r));
    r->listener = listen_at(path);
    r->magic = PLM_LINK_MAGIC;
    for (unsigned i = 0; i < 8; i++)
        r->peers[i].fd = -1;
}

static void close_peer(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}

static void close_recorder(struct recorder *r)
{
    close(r->listener);
    for (unsigned i = 0; i < 8; i++)
        close_peer(&r->peers[i]);
}

static void send_frame(struct peer *p, uint8_t type, const void *body, size_t len)
{
    uint8_t b[2048];
    struct plm_link_header h = {.size = (uint32_t)len, .type = type};
    memcpy(b, &h, sizeof(h));
    memcpy(b + sizeof(h), body, len);
    assert_int_equal(send(p->fd, b, sizeof(h) + len, MSG_NOSIGNAL), sizeof(h) + len);
}

static void greet(struct recorder *r, struct peer *p, const uint8_t *body, size_t len)
{
    struct plm_link_hello h = {.magic = r->magic, .version = PLM_LINK_VERSION};
    assert_int_equal(len, sizeof(p->hello));
    memcpy(&p->hello, body, len);
    assert_int_equal(p->hello.magic, PLM_LINK_MAGIC);
    assert_int_equal(p->hello.version, PLM_LINK_VERSION);
    assert_true(p->hello.epoch != 0 && p->hello.mono_us != 0 && p->hello.unix_us > 1700000000000000);
    p->greeted = true;
    h.role = p->hello.role;
    h.worker = p->hello.worker;
    if (!r->mute)
        send_frame(p, PLM_LINK_HELLO, &h, sizeof(h));
}

static void take_frame(
    struct recorder *r, struct peer *p, const struct plm_link_header *h, const uint8_t *body)
{
    if (!p->greeted) {
        assert_int_equal(h->type, PLM_LINK_HELLO);
        greet(r, p, body, h->size);
        return;
    }
    assert_int_equal(h->type, PLM_LINK_CONTROL);
    assert_int_equal(p->hello.role, PLM_LINK_ROLE_CONTROL);
    assert_true(r->n_messages < MAX_MESSAGES && h->size < sizeof(r->messages[0]));
    snprintf(r->messages[r->n_messages++], sizeof(r->messages[0]), "%.*s", (int)h->size, (const char *)body);
}

static void read_peer(struct recorder *r, struct peer *p)
{
    ssize_t n = recv(p->fd, p->in + p->n, sizeof(p->in) - p->n, MSG_DONTWAIT);
    if (n == 0)
        close_peer(p);
    if (n <= 0)
        return;
    p->n += (size_t)n;
    struct plm_link_header h;
    while (p->n >= sizeof(h)) {
        memcpy(&h, p->in, sizeof(h));
        if (p->n < sizeof(h) + h.size)
            break;
        take_frame(r, p, &h, p->in + sizeof(h));
        p->n -= sizeof(h) + h.size;
        memmove(p->in, p->in + sizeof(h) + h.size, p->n);
    }
}

static void run_recorder(struct recorder *r)
{
    int fd = accept4(r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    for (unsigned i = 0; i < 8; i++) {
        struct peer *p = &r->peers[i];
        if (fd >= 0 && p->fd < 0) {
            memset(p, 0, sizeof(*p));
            p->fd = fd;
            fd = -1;
        }
        if (p->fd >= 0)
            read_peer(r, p);
    }
    assert_int_equal(fd < 0 ? -1 : fd, -1);
}

static struct peer *control_of(struct recorder *r)
{
    for (unsigned i = 0; i < 8; i++)
        if (r->peers[i].fd >= 0 && r->peers[i].greeted && r->peers[i].hello.role == PLM_LINK_ROLE_CONTROL)
            return &r->peers[i];
    return NULL;
}

static void say(struct recorder *r, const char *text)
{
    assert_non_null(control_of(r));
    send_frame(control_of(r), PLM_LINK_CONTROL, text, strlen(text));
}

static void say_state(struct recorder *r, const char *id, const char *state, const char *reason)
{
    char text[512];
    snprintf(text, sizeof(text),
        "{\"op\":\"state\",\"id\":\"%s\",\"state\":\"%s\",\"reason\":\"%s\",\"key\":\"k\",\"name\":\"n\","
        "\"started_ms\":1,\"duration_us\":2,\"bytes\":30,\"files\":4}",
        id, state, reason);
    say(r, text);
}

/* ---- the link and those around it ---- */

struct told {
    char id[PLM_RECORDING_ID_SIZE];
    enum plm_recording_state state;
    enum plm_recording_reason reason;
};

struct world {
    uv_loop_t loop;
    char dir[64], socket[96];
    struct recorder r;
    bool has_recorder;
    struct plm_recorder_config config;
    struct plm_recorder_link *link;
    struct plm_recording_port port;
    int fds[WORKERS]; /* what the engine has */
    unsigned feeds_given;
    plm_room_id fed[8];
    unsigned n_fed;
    struct told told[64];
    unsigned n_told;
    const char *stop_at_news; /* as signalling might: from within */
};

static int room_feed(void *ctx, plm_room_id room, bool on)
{
    struct world *w = ctx;
    unsigned i = 0;
    while (i < w->n_fed && w->fed[i] != room)
        i++;
    assert_int_equal(i < w->n_fed, !on); /* neither twice */
    if (on)
        w->fed[w->n_fed++] = room;
    else
        w->fed[i] = w->fed[--w->n_fed];
    return 0;
}

static int feed(void *ctx, unsigned worker, int fd)
{
    struct world *w = ctx;
    assert_true(worker < WORKERS);
    if (w->fds[worker] >= 0)
        close(w->fds[worker]);
    w->fds[worker] = fd;
    w->feeds_given += fd >= 0;
    return 0;
}

static void on_news(void *ctx, const struct plm_recording_news *news)
{
    struct world *w = ctx;
    assert_true(w->n_told < 64);
    struct told *t = &w->told[w->n_told++];
    snprintf(t->id, sizeof(t->id), "%s", news->id);
    t->state = news->state;
    t->reason = news->reason;
    assert_string_equal(news->key, "k");
    assert_string_equal(news->name, "n");
    if (w->stop_at_news && news->state == PLM_RECORDING_PAUSED) {
        const char *id = w->stop_at_news;
        w->stop_at_news = NULL;
        w->port.stop(w->port.ctx, id, PLM_RECORDING_ASKED);
    }
}

static void fill_random(void *out, size_t len)
{
    memset(out, 0x5a, len);
}

static void open_world(struct world *w, bool supervise)
{
    memset(w, 0, sizeof(*w));
    snprintf(w->dir, sizeof(w->dir), "/tmp/plenum-link-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->socket, sizeof(w->socket), "%s/s", w->dir);
    assert_int_equal(uv_loop_init(&w->loop), 0);
    w->config = (struct plm_recorder_config){.program = "/proc/self/exe",
        .dir = w->dir,
        .socket = w->socket,
        .log_level = "info",
        .supervise = supervise,
        .n_workers = WORKERS};
    for (unsigned i = 0; i < WORKERS; i++)
        w->fds[i] = -1;
    const struct plm_recorder_host host = {w, room_feed, feed, on_news, fill_random};
    assert_int_equal(plm_recorder_link_create(&w->link, &w->loop, &w->config, &host), 0);
    plm_recorder_link_port(w->link, &w->port);
}

static void give_recorder(struct world *w)
{
    open_recorder(&w->r, w->socket);
    w->has_recorder = true;
}

static void take_recorder(struct world *w)
{
    close_recorder(&w->r);
    unlink(w->socket);
    w->has_recorder = false;
}

static void close_world(struct world *w)
{
    char path[128];
    plm_recorder_link_close(w->link);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    plm_recorder_link_destroy(w->link);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    if (w->has_recorder)
        take_recorder(w);
    for (unsigned i = 0; i < WORKERS; i++)
        if (w->fds[i] >= 0)
            close(w->fds[i]);
    unlink(w->socket);
    snprintf(path, sizeof(path), "%s/pid", w->dir);
    unlink(path);
    assert_int_equal(rmdir(w->dir), 0);
}

static uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void step(struct world *w)
{
    uv_run(&w->loop, UV_RUN_NOWAIT);
    if (w->has_recorder)
        run_recorder(&w->r);
    poll(NULL, 0, 1);
}

static void run_for(struct world *w, unsigned ms)
{
    for (uint64_t end = now_ms() + ms; now_ms() < end;)
        step(w);
}

/** Run until it holds, for 10 s at most. */
#define AWAIT(w, condition)                                                                                  \
    do {                                                                                                     \
        for (uint64_t end = now_ms() + 10000; !(condition) && now_ms() < end;)                               \
            step(w);                                                                                         \
        assert_true(condition);                                                                              \
    } while (0)

static struct plm_recorder_link_stats stats(const struct world *w)
{
    struct plm_recorder_link_stats s;
    plm_recorder_link_stats(w->link, &s);
    return s;
}

static int start(struct world *w, const char *id, plm_room_id room)
{
    const struct plm_recording_start s = {.id = id, .room = room, .key = "k", .name = "n"};
    return w->port.start(w->port.ctx, &s);
}

static void event(struct world *w, const char *id, const char *json)
{
    struct plm_text *t = plm_text_create(json, strlen(json));
    w->port.event(w->port.ctx, id, t);
    plm_text_unref(t);
}

static bool got(const struct world *w, unsigned i, const char *part)
{
    return i < w->r.n_messages && strstr(w->r.messages[i], part);
}

static bool told(const struct world *w, unsigned i, const char *id, enum plm_recording_state state)
{
    return i < w->n_told && strcmp(w->told[i].id, id) == 0 && w->told[i].state == state;
}

/* ---- */

static void connects_for_itself_and_for_each_worker(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    AWAIT(&w, stats(&w).up && stats(&w).feeds == WORKERS && w.feeds_given == WORKERS);
    AWAIT(&w, got(&w, 0, "{\"op\":\"sync\",\"ids\":[]}"));
    /* What the engine has is the worker's own connection, and nothing of it was lost or added. */
    for (unsigned i = 0; i < WORKERS; i++) {
        bool found = false;
        assert_int_equal(send(w.fds[i], "x", 1, 0), 1);
        for (unsigned k = 0; k < 8; k++) {
            struct peer *p = &w.r.peers[k];
            char c;
            if (p->fd >= 0 && p->hello.role == PLM_LINK_ROLE_WORKER && p->hello.worker == i)
                found = p->n == 0 && recv(p->fd, &c, 1, MSG_DONTWAIT) == 1 && c == 'x';
        }
        assert_true(found);
    }
    close_world(&w);
}

static void feeds_a_room_once_the_recorder_says_it_is_on(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    AWAIT(&w, stats(&w).up && w.r.n_messages == 1);
    assert_int_equal(start(&w, "nonsense", 1), PLM_EINVAL);
    assert_int_equal(start(&w, A, 65537), 0);
    AWAIT(&w, got(&w, 1, "\"op\":\"start\",\"id\":\"" A "\",\"room\":65537"));
    run_for(&w, 50);
    assert_int_equal(w.n_fed, 0);
    say_state(&w.r, B, "ready", "");
    say_state(&w.r, A, "on", "");
    AWAIT(&w, w.n_fed == 1 && told(&w, 0, B, PLM_RECORDING_READY) && told(&w, 1, A, PLM_RECORDING_ON));
    assert_int_equal(w.fed[0], 65537);
    assert_int_equal(stats(&w).running, 1);
    assert_int_equal(stats(&w).bytes, 30);

    event(&w, A, "{\"type\":\"joined\",\"participant\":3}");
    AWAIT(&w, got(&w, 2, "\"op\":\"event\",\"id\":\"" A "\"") &&
                  got(&w, 2, "{\"type\":\"joined\",\"participant\":3}"));

    /* Another room in the engine: confirmed anew. */
    w.port.room(w.port.ctx, A, 131073);
    assert_int_equal(w.n_fed, 0);
    AWAIT(&w, got(&w, 3, "\"room\":131073"));
    say_state(&w.r, A, "on", "");
    AWAIT(&w, w.n_fed == 1 && w.fed[0] == 131073);
    w.port.room(w.port.ctx, A, 0);
    assert_int_equal(w.n_fed, 0);
    w.port.room(w.port.ctx, A, 131074);
    AWAIT(&w, got(&w, 4, "\"room\":131074"));
    say_state(&w.r, A, "on", "");
    AWAIT(&w, w.n_fed == 1);

    w.port.stop(w.port.ctx, A, PLM_RECORDING_ASKED);
    assert_int_equal(w.n_fed, 0);
    AWAIT(&w, got(&w, 5, "\"op\":\"stop\"") && got(&w, 5, "\"reason\":\"asked\""));
    say_state(&w.r, A, "on", ""); /* on its way when it was stopped */
    say_state(&w.r, A, "ready", "asked");
    AWAIT(&w, w.n_told > 0 && told(&w, w.n_told - 1, A, PLM_RECORDING_READY));
    assert_int_equal(w.n_fed, 0);
    assert_int_equal(stats(&w).running, 0);
    w.port.remove(w.port.ctx, A);
    w.port.remove(w.port.ctx, "../../etc");
    AWAIT(&w, got(&w, 6, "{\"op\":\"delete\",\"id\":\"" A "\"}"));
    close_world(&w);
}

static void what_the_recorder_ended_is_fed_no_more(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    assert_int_equal(start(&w, A, 7), 0);
    AWAIT(&w, got(&w, 1, "sync"));
    say_state(&w.r, A, "on", "");
    AWAIT(&w, w.n_fed == 1);
    say_state(&w.r, A, "closing", "limit");
    AWAIT(&w, w.n_fed == 0 && w.n_told == 2);
    assert_int_equal(w.told[1].reason, PLM_RECORDING_LIMIT);
    assert_int_equal(stats(&w).running, 0);
    close_world(&w);
}

static void tells_a_new_recorder_all_that_runs_and_all_that_happened(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    assert_int_equal(start(&w, A, 7), 0);
    assert_int_equal(start(&w, B, 8), 0);
    AWAIT(&w, got(&w, 2, "sync"));
    say_state(&w.r, A, "on", "");
    say_state(&w.r, B, "on", "");
    AWAIT(&w, w.n_fed == 2 && stats(&w).feeds == WORKERS);
    uint64_t epoch = control_of(&w.r)->hello.epoch;
    take_recorder(&w);
    AWAIT(&w, !stats(&w).up && w.n_told == 4);
    assert_int_equal(w.n_fed, 0);
    assert_int_equal(stats(&w).feeds, 0);
    assert_int_equal(w.fds[0], -1);
    for (unsigned i = 2; i < 4; i++) {
        assert_int_equal(w.told[i].state, PLM_RECORDING_PAUSED);
        assert_int_equal(w.told[i].reason, PLM_RECORDING_NO_RECORDER);
    }
    event(&w, A, "{\"type\":\"left\"}");
    w.port.stop(w.port.ctx, B, PLM_RECORDING_ENDED);
    event(&w, A, "{\"type\":\"hand\"}");
    assert_int_equal(stats(&w).waiting, 3);
    give_recorder(&w);
    AWAIT(&w, w.r.n_messages == 5);
    assert_true(got(&w, 0, "\"op\":\"start\",\"id\":\"" A "\",\"room\":7"));
    assert_true(
        got(&w, 1, "\"left\"") && got(&w, 2, "\"op\":\"stop\",\"id\":\"" B "\"") && got(&w, 3, "\"hand\""));
    assert_true(got(&w, 4, "{\"op\":\"sync\",\"ids\":[\"" A "\"]}"));
    assert_int_equal(control_of(&w.r)->hello.epoch, epoch);
    say_state(&w.r, A, "on", "");
    AWAIT(&w, w.n_fed == 1 && stats(&w).feeds == WORKERS && told(&w, 4, A, PLM_RECORDING_ON));
    close_world(&w);
}

static void say_written(struct recorder *r, const char *id, const char *run, unsigned n)
{
    char text[256];
    snprintf(text, sizeof(text), "{\"op\":\"written\",\"id\":\"%s\",\"run\":\"%s\",\"n\":%u}", id, run, n);
    say(r, text);
}

/* What a recorder took with it when it died is said again, and no more than that. */
static void what_was_not_written_is_said_again(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    assert_int_equal(start(&w, A, 7), 0);
    AWAIT(&w, got(&w, 1, "sync"));
    say_state(&w.r, A, "on", "");
    event(&w, A, "{\"type\":\"joined\"}");
    event(&w, A, "{\"type\":\"chat\"}");
    event(&w, A, "{\"type\":\"hand\"}");
    AWAIT(&w, got(&w, 2, "\"run\":\"" RUN "\",\"n\":1,") && got(&w, 4, "\"n\":3,"));
    assert_int_equal(stats(&w).waiting, 3);
    say_written(&w.r, A, "0123456789abcdef", 3); /* of another run */
    say_written(&w.r, B, RUN, 3);
    say_written(&w.r, A, RUN, 1);
    AWAIT(&w, stats(&w).waiting == 2);
    w.port.stop(w.port.ctx, A, PLM_RECORDING_ASKED);
    AWAIT(&w, got(&w, 5, "stop"));
    take_recorder(&w);
    AWAIT(&w, !stats(&w).up);
    give_recorder(&w);
    AWAIT(&w, w.r.n_messages == 4);
    assert_true(got(&w, 0, "\"n\":2,") && got(&w, 1, "\"n\":3,") && got(&w, 2, "\"op\":\"stop\"") &&
                got(&w, 3, "sync"));
    say_state(&w.r, A, "closing", "asked");
    run_for(&w, 50);
    assert_int_equal(stats(&w).waiting, 3);
    say_state(&w.r, A, "ready", "asked");
    AWAIT(&w, stats(&w).waiting == 0);
    assert_int_equal(stats(&w).lost_events, 0);
    close_world(&w);
}

static void a_recording_that_no_recorder_heard_of_is_paused_then_failed(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    assert_int_equal(start(&w, A, 7), 0);
    run_for(&w, 300);
    assert_int_equal(w.n_told, 0);
    AWAIT(&w, told(&w, 0, A, PLM_RECORDING_PAUSED));
    assert_int_equal(w.told[0].reason, PLM_RECORDING_NO_RECORDER);
    w.port.stop(w.port.ctx, A, PLM_RECORDING_ASKED);
    assert_int_equal(w.n_told, 1); /* not from within */
    AWAIT(&w, told(&w, 1, A, PLM_RECORDING_FAILED));
    assert_int_equal(stats(&w).running, 0);
    give_recorder(&w);
    AWAIT(&w, got(&w, 1, "{\"op\":\"sync\",\"ids\":[]}"));
    close_world(&w);
}

/** Its end is told once, by the recorder that comes back to it. @param before how much was told until now */
static void expect_end_from_recorder(struct world *w, unsigned before)
{
    w->port.stop(w->port.ctx, A, PLM_RECORDING_ASKED);
    assert_int_equal(stats(w).running, 0);
    run_for(w, 300);
    assert_int_equal(w->n_told, before);
    give_recorder(w);
    AWAIT(w, got(w, 0, "\"op\":\"stop\",\"id\":\"" A "\"") && got(w, 1, "{\"op\":\"sync\",\"ids\":[]}"));
    say_state(&w->r, A, "closing", "asked");
    say_state(&w->r, A, "ready", "asked");
    AWAIT(w, w->n_told == before + 2);
    assert_true(told(w, before, A, PLM_RECORDING_CLOSING) && told(w, before + 1, A, PLM_RECORDING_READY));
    assert_int_equal(stats(w).waiting, 0);
}

static void one_stopped_right_after_a_restart_is_ended_by_its_recorder(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    const struct plm_recording_start s = {.id = A, .room = 7, .key = "k", .name = "n", .goes_on = true};
    assert_int_equal(w.port.start(w.port.ctx, &s), 0);
    expect_end_from_recorder(&w, 0);
    close_world(&w);
}

static void one_that_was_offered_is_ended_by_a_recorder(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    assert_int_equal(start(&w, A, 7), 0);
    AWAIT(&w, got(&w, 0, "\"op\":\"start\"") && got(&w, 1, "sync"));
    take_recorder(&w); /* whether it made a folder nobody knows */
    AWAIT(&w, told(&w, 0, A, PLM_RECORDING_PAUSED));
    expect_end_from_recorder(&w, 1);
    close_world(&w);
}

static void signalling_may_stop_one_while_it_is_told_of_another(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    assert_int_equal(start(&w, A, 7), 0);
    assert_int_equal(start(&w, B, 8), 0);
    AWAIT(&w, got(&w, 2, "sync"));
    w.stop_at_news = A;
    take_recorder(&w);
    AWAIT(&w, !stats(&w).up);
    run_for(&w, 200);
    assert_null(w.stop_at_news);
    close_world(&w);
}

static void a_feed_that_ended_is_made_anew(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    AWAIT(&w, stats(&w).feeds == WORKERS);
    close(w.fds[1]);
    w.fds[1] = -1;
    plm_recorder_link_on_feed(w.link, 1);
    plm_recorder_link_on_feed(w.link, WORKERS); /* none of ours */
    assert_int_equal(stats(&w).feeds, WORKERS - 1);
    AWAIT(&w, stats(&w).feeds == WORKERS);
    assert_int_equal(w.feeds_given, WORKERS + 1);
    close_world(&w);
}

static void a_full_disk_takes_no_new_recording(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    AWAIT(&w, stats(&w).up);
    assert_int_equal(start(&w, A, 7), 0);
    AWAIT(&w, w.r.n_messages == 2);
    say(&w.r, "{\"op\":\"disk\",\"level\":\"warn\",\"free\":900}");
    AWAIT(&w, stats(&w).disk == PLM_RECORDER_DISK_WARN && stats(&w).disk_free == 900);
    assert_int_equal(start(&w, A, 7), 0);
    say(&w.r, "{\"op\":\"disk\",\"level\":\"refuse\",\"free\":90}");
    AWAIT(&w, stats(&w).disk == PLM_RECORDER_DISK_REFUSE);
    assert_int_equal(start(&w, B, 8), PLM_EFULL);
    assert_int_equal(start(&w, A, 7), 0); /* it runs already */
    close_world(&w);
}

static void nonsense_is_counted_or_ends_the_connection(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    AWAIT(&w, stats(&w).up && stats(&w).feeds == WORKERS);
    say(&w.r, "{\"op\":\"state\"}");
    say(&w.r, "no JSON");
    send_frame(control_of(&w.r), 200, "later", 5); /* of a later version */
    AWAIT(&w, stats(&w).bad_messages == 2);
    assert_true(stats(&w).up);
    send_frame(control_of(&w.r), PLM_LINK_PACKET, "x", 1);
    AWAIT(&w, !stats(&w).up);
    AWAIT(&w, stats(&w).up);
    struct plm_link_header huge = {.size = PLM_LINK_MAX_BODY + 1, .type = PLM_LINK_CONTROL};
    assert_int_equal(send(control_of(&w.r)->fd, &huge, sizeof(huge), 0), sizeof(huge));
    AWAIT(&w, !stats(&w).up);
    close_world(&w);
}

static void whoever_does_not_greet_is_left(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, false);
    give_recorder(&w);
    w.r.magic = 0x12345678;
    run_for(&w, 500);
    assert_false(stats(&w).up);
    w.r.magic = PLM_LINK_MAGIC;
    w.r.mute = true;
    AWAIT(&w, control_of(&w.r) != NULL);
    run_for(&w, 500);
    assert_false(stats(&w).up);
    w.r.mute = false;
    AWAIT(&w, stats(&w).up); /* when the time for the hello is over */
    close_world(&w);
}

/* ---- a process ---- */

static pid_t pid_of(const struct world *w)
{
    char path[128];
    int pid = 0;
    snprintf(path, sizeof(path), "%s/pid", w->dir);
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%d", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return pid;
}

static void starts_a_recorder_when_there_is_something_to_record_and_again_when_it_dies(void **state)
{
    (void)state;
    struct world w;
    setenv("PLENUM_API_KEY", "secret", 1);
    open_world(&w, true);
    run_for(&w, 400);
    assert_int_equal(stats(&w).starts, 0);
    assert_int_equal(start(&w, A, 7), 0);
    AWAIT(&w, stats(&w).up && pid_of(&w) != 0);
    assert_int_equal(stats(&w).starts, 1);
    pid_t first = pid_of(&w);
    assert_int_equal(getsid(first), first); /* a session of its own */
    assert_int_equal(kill(first, SIGKILL), 0);
    AWAIT(&w, !stats(&w).up);
    AWAIT(&w, stats(&w).up && pid_of(&w) != first);
    assert_int_equal(stats(&w).starts, 2);

    /* It lives on, and the next server uses it. */
    pid_t second = pid_of(&w);
    plm_recorder_link_close(w.link);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    plm_recorder_link_destroy(w.link);
    assert_int_equal(kill(second, 0), 0);
    const struct plm_recorder_host host = {&w, room_feed, feed, on_news, fill_random};
    for (unsigned i = 0; i < WORKERS; i++)
        feed(&w, i, -1);
    assert_int_equal(plm_recorder_link_create(&w.link, &w.loop, &w.config, &host), 0);
    plm_recorder_link_port(w.link, &w.port);
    assert_int_equal(start(&w, B, 8), 0);
    AWAIT(&w, stats(&w).up && stats(&w).feeds == WORKERS);
    assert_int_equal(stats(&w).starts, 0);
    assert_int_equal(pid_of(&w), second);
    assert_int_equal(kill(second, SIGKILL), 0);
    AWAIT(&w, stats(&w).starts == 1 && stats(&w).up);
    kill(pid_of(&w), SIGKILL);
    unsetenv("PLENUM_API_KEY");
    close_world(&w);
}

static void a_program_that_is_not_there_is_tried_again_and_again(void **state)
{
    (void)state;
    struct world w;
    open_world(&w, true);
    w.config.program = "/nonexistent/plenum-recorder";
    plm_recorder_link_close(w.link);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    plm_recorder_link_destroy(w.link);
    const struct plm_recorder_host host = {&w, room_feed, feed, on_news, fill_random};
    w.config.eager = true;
    assert_int_equal(plm_recorder_link_create(&w.link, &w.loop, &w.config, &host), 0);
    run_for(&w, 1000);
    assert_int_equal(stats(&w).starts, 0);
    assert_false(stats(&w).up);
    close_world(&w);
}

/** This program as plenum-recorder: greets everybody until it is killed, for 60 s at most. */
static int serve(int argc, char **argv)
{
    struct recorder *r = calloc(1, sizeof(*r));
    char path[128];
    if (argc != 8 || strcmp(argv[2], "--dir") != 0 || strcmp(argv[4], "--socket") != 0 ||
        strcmp(argv[6], "--log-level") != 0 || getenv("PLENUM_API_KEY") || getenv("PATH") == NULL)
        return 3;
    for (int fd = 3; fd < 64; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 4; /* something of the server's was handed down */
    open_recorder(r, argv[5]);
    snprintf(path, sizeof(path), "%s/pid", argv[3]);
    FILE *f = fopen(path, "w");
    fprintf(f, "%d\n", (int)getpid());
    fclose(f);
    for (uint64_t end = now_ms() + 60000; now_ms() < end;) {
        run_recorder(r);
        r->n_messages = 0;
        poll(NULL, 0, 2);
    }
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connects_for_itself_and_for_each_worker),
        cmocka_unit_test(feeds_a_room_once_the_recorder_says_it_is_on),
        cmocka_unit_test(what_the_recorder_ended_is_fed_no_more),
        cmocka_unit_test(tells_a_new_recorder_all_that_runs_and_all_that_happened),
        cmocka_unit_test(what_was_not_written_is_said_again),
        cmocka_unit_test(a_recording_that_no_recorder_heard_of_is_paused_then_failed),
        cmocka_unit_test(one_stopped_right_after_a_restart_is_ended_by_its_recorder),
        cmocka_unit_test(one_that_was_offered_is_ended_by_a_recorder),
        cmocka_unit_test(signalling_may_stop_one_while_it_is_told_of_another),
        cmocka_unit_test(a_feed_that_ended_is_made_anew),
        cmocka_unit_test(a_full_disk_takes_no_new_recording),
        cmocka_unit_test(nonsense_is_counted_or_ends_the_connection),
        cmocka_unit_test(whoever_does_not_greet_is_left),
        cmocka_unit_test(starts_a_recorder_when_there_is_something_to_record_and_again_when_it_dies),
        cmocka_unit_test(a_program_that_is_not_there_is_tried_again_and_again),
    };
    if (argc > 1 && strcmp(argv[1], "serve") == 0)
        return serve(argc, argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
