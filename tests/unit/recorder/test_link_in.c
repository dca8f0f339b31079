#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link_in.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FRAME_LEN (sizeof(struct plm_link_header) + sizeof(struct plm_link_demand))

struct world {
    char dir[32], path[64];
    uv_loop_t loop;
    struct plm_link_in *links;
    int fd;
    uint32_t link;
    unsigned gone, said;
};

static void on_server(void *ctx, bool there)
{
    (void)ctx;
    (void)there;
}

static void on_control(void *ctx, const char *text, size_t len)
{
    (void)ctx;
    (void)text;
    (void)len;
}

static void on_frame(void *ctx, uint32_t link, const struct plm_link_header *h, const uint8_t *body)
{
    struct world *w = ctx;
    (void)h;
    (void)body;
    w->link = link;
}

static void on_gone(void *ctx, uint32_t link)
{
    struct world *w = ctx;
    assert_int_equal(link, w->link);
    w->gone++;
}

static void on_log(void *ctx, const char *text)
{
    struct world *w = ctx;
    (void)text;
    w->said++;
}

static void turns(struct world *w, unsigned n)
{
    while (n--)
        uv_run(&w->loop, UV_RUN_NOWAIT);
}

/* A worker's connection that has said hello and sent a frame, and has read the answer. */
static void begin(struct world *w)
{
    *w = (struct world){.dir = "/tmp/plm-link-in-XXXXXX"};
    assert_non_null(mkdtemp(w->dir));
    snprintf(w->path, sizeof w->path, "%s/sock", w->dir);
    uv_loop_init(&w->loop);
    const struct plm_link_in_ops ops = {w, on_server, on_control, on_frame, on_gone, on_log};
    assert_int_equal(plm_link_in_create(&w->links, &w->loop, w->path, &ops), 0);

    struct sockaddr_un to = {.sun_family = AF_UNIX};
    memcpy(to.sun_path, w->path, sizeof w->path);
    w->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    assert_int_equal(connect(w->fd, (struct sockaddr *)&to, sizeof to), 0);
    struct {
        struct plm_link_header h;
        struct plm_link_hello hello;
        struct plm_link_header gone;
    } first = {
        {.size = sizeof first.hello, .type = PLM_LINK_HELLO},
        {.magic = PLM_LINK_MAGIC, .version = PLM_LINK_VERSION, .role = PLM_LINK_ROLE_WORKER, .epoch = 7},
        {.type = PLM_LINK_TRACK_GONE},
    };
    uint8_t answer[256];
    assert_int_equal(send(w->fd, &first, sizeof first, 0), sizeof first);
    turns(w, 4);
    assert_int_not_equal(w->link, 0);
    assert_int_equal(recv(w->fd, answer, sizeof answer, 0), sizeof first.h + sizeof first.hello);
}

static void end(struct world *w)
{
    plm_link_in_close(w->links);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    if (w->fd >= 0)
        close(w->fd);
    assert_int_equal(rmdir(w->dir), 0); /* its socket is gone */
}

static void demand(struct world *w, uint32_t participant)
{
    const struct plm_link_header h = {
        .size = sizeof(struct plm_link_demand), .type = PLM_LINK_DEMAND, .participant = participant};
    const struct plm_link_demand d = {.encodings = 1};
    plm_link_in_send(w->links, w->link, &h, &d);
}

/* The frames that can be read now are those of participants from to to - 1, in order. */
static void expect(struct world *w, uint32_t from, uint32_t to)
{
    uint8_t frame[FRAME_LEN];
    for (uint32_t i = from; i < to; i++) {
        struct plm_link_header h;
        assert_int_equal(recv(w->fd, frame, sizeof frame, 0), sizeof frame);
        memcpy(&h, frame, sizeof h);
        assert_int_equal(h.type, PLM_LINK_DEMAND);
        assert_int_equal(h.participant, i);
    }
    assert_int_equal(recv(w->fd, frame, sizeof frame, 0), -1);
    assert_int_equal(errno, EAGAIN);
}

/* @param together none leaves before the turn is over */
static void expect_turn(uint32_t frames, bool together)
{
    struct world w;
    begin(&w);
    for (uint32_t i = 0; i < frames; i++)
        demand(&w, i);
    if (together)
        expect(&w, 0, 0);
    turns(&w, 1);
    expect(&w, 0, frames);
    end(&w);
}

static void frames_of_a_turn_leave_together(void **state)
{
    (void)state;
    expect_turn(200, true);
}

static void frames_that_are_too_many_leave_in_order(void **state)
{
    (void)state;
    expect_turn(2000, false);
}

static void frames_for_one_that_has_gone_are_dropped(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    close(w.fd);
    w.fd = -1;
    demand(&w, 1);
    turns(&w, 4);
    assert_int_equal(w.gone, 1);
    demand(&w, 2);
    turns(&w, 2);
    struct plm_link_in_stats stats;
    plm_link_in_stats(w.links, &stats);
    assert_int_equal(stats.connections, 0);
    end(&w);
}

/* Nothing is kept for a worker that does not read: its connection ends. */
static void one_that_does_not_read_is_closed(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    for (uint32_t i = 0; i < 2 * PLM_LINK_IN_MAX_UNSENT / FRAME_LEN && !w.gone; i++) {
        demand(&w, i);
        if (i % 1000 == 0)
            turns(&w, 1);
    }
    assert_int_equal(w.gone, 1);
    assert_int_equal(w.said, 1);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_a_turn_leave_together),
        cmocka_unit_test(frames_that_are_too_many_leave_in_order),
        cmocka_unit_test(frames_for_one_that_has_gone_are_dropped),
        cmocka_unit_test(one_that_does_not_read_is_closed),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
