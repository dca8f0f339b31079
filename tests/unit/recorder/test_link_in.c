#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/feed_ring.h"
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
    struct plm_feed_ring *ring; /* as the recorder offers it */
    uint32_t link;
    unsigned gone, said;
    unsigned frames, frames_when_gone;
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
    (void)body;
    assert_int_equal(h->type, PLM_LINK_TRACK_GONE);
    w->link = link;
    assert_int_equal(h->participant, w->frames++); /* in order */
}

static void on_gone(void *ctx, uint32_t link)
{
    struct world *w = ctx;
    assert_int_equal(link, w->link);
    w->frames_when_gone = w->frames;
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

static void take_offer(struct world *w)
{
    struct plm_link_header h;
    union {
        struct cmsghdr head;
        uint8_t octets[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec v = {&h, sizeof h};
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
    int fd;
    assert_int_equal(recvmsg(w->fd, &m, 0), sizeof h);
    assert_int_equal(h.type, PLM_LINK_RING);
    assert_int_equal(h.size, 0);
    assert_non_null(CMSG_FIRSTHDR(&m));
    memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
    assert_int_equal(plm_feed_ring_attach(&w->ring, fd), 0);
    close(fd);
}

/* A worker's connection that has said hello and sent a frame, and has read the answer and the offer of a ring. */
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
    uint8_t answer[sizeof first.h + sizeof first.hello];
    assert_int_equal(send(w->fd, &first, sizeof first, 0), sizeof first);
    turns(w, 4);
    assert_int_not_equal(w->link, 0);
    assert_int_equal(recv(w->fd, answer, sizeof answer, 0), sizeof answer);
    take_offer(w);
}

static void end(struct world *w)
{
    plm_link_in_close(w->links);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    if (w->fd >= 0)
        close(w->fd);
    plm_feed_ring_destroy(w->ring);
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

/* ---- the ring ---- */

static void write_socket(struct world *w, uint8_t type, uint32_t participant)
{
    const struct plm_link_header h = {.type = type, .participant = participant};
    assert_int_equal(send(w->fd, &h, sizeof h, MSG_NOSIGNAL), sizeof h);
}

static void write_ring(struct world *w, uint32_t participant)
{
    const struct plm_link_header h = {.type = PLM_LINK_TRACK_GONE, .participant = participant};
    assert_true(plm_feed_ring_append(w->ring, &h, sizeof h, NULL, 0));
}

/* A worker that has taken the ring. */
static void begin_by_ring(struct world *w)
{
    begin(w);
    write_socket(w, PLM_LINK_RING, 0);
    turns(w, 2);
}

/* Until so many frames have come, for 5 s at most. */
static void await_frames(struct world *w, unsigned frames)
{
    for (uint64_t from = uv_hrtime(); w->frames < frames && uv_hrtime() < from + 5000000000;)
        turns(w, 1);
    assert_int_equal(w->frames, frames);
}

static void frames_come_by_the_ring_from_the_frame_that_says_so(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    write_ring(&w, 2); /* before the socket has brought what is older */
    for (uint64_t from = uv_hrtime(); uv_hrtime() < from + 100000000;)
        turns(&w, 1);
    assert_int_equal(w.frames, 1);
    write_socket(&w, PLM_LINK_TRACK_GONE, 1);
    write_socket(&w, PLM_LINK_RING, 0);
    await_frames(&w, 3);
    for (uint32_t round = 0, next = 3; round < 20; round++) {
        while (plm_feed_ring_room(w.ring) >= sizeof(struct plm_link_header))
            write_ring(&w, next++);
        await_frames(&w, next);
    }
    demand(&w, 1); /* the other way is as it was */
    turns(&w, 2);
    expect(&w, 1, 2);
    assert_int_equal(w.gone + w.said, 0);
    end(&w);
}

static void what_the_ring_holds_comes_before_the_end(void **state)
{
    struct world w;
    (void)state;
    begin_by_ring(&w);
    for (uint32_t i = 1; i < 1000; i++)
        write_ring(&w, i);
    plm_feed_ring_append(w.ring, "part", 4, NULL, 0); /* of a frame that its writer did not live to end */
    close(w.fd);
    w.fd = -1;
    turns(&w, 4);
    assert_int_equal(w.gone, 1);
    assert_int_equal(w.frames_when_gone, 1000);
    assert_int_equal(w.said, 0);
    end(&w);
}

static void expect_refusal(struct world *w)
{
    turns(w, 4);
    assert_int_equal(w->gone, 1);
    assert_int_equal(w->said, 1);
    end(w);
}

static void a_worker_speaks_in_one_place(void **state)
{
    struct world w;
    (void)state;
    begin(&w);
    write_socket(&w, PLM_LINK_RING, 0);
    write_socket(&w, PLM_LINK_TRACK_GONE, 1);
    expect_refusal(&w);

    begin_by_ring(&w);
    const struct plm_link_header again = {.type = PLM_LINK_RING};
    assert_true(plm_feed_ring_append(w.ring, &again, sizeof again, NULL, 0));
    close(w.fd);
    w.fd = -1;
    expect_refusal(&w);
}

static void a_ring_of_nonsense_ends_its_connection(void **state)
{
    struct world w;
    (void)state;
    begin_by_ring(&w);
    const struct plm_link_header huge = {.type = PLM_LINK_PACKET, .size = PLM_LINK_MAX_BODY + 1};
    assert_true(plm_feed_ring_append(w.ring, &huge, sizeof huge, NULL, 0));
    for (uint64_t from = uv_hrtime(); !w.gone && uv_hrtime() < from + 5000000000;)
        turns(&w, 1);
    expect_refusal(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_of_a_turn_leave_together),
        cmocka_unit_test(frames_that_are_too_many_leave_in_order),
        cmocka_unit_test(frames_for_one_that_has_gone_are_dropped),
        cmocka_unit_test(one_that_does_not_read_is_closed),
        cmocka_unit_test(frames_come_by_the_ring_from_the_frame_that_says_so),
        cmocka_unit_test(what_the_ring_holds_comes_before_the_end),
        cmocka_unit_test(a_worker_speaks_in_one_place),
        cmocka_unit_test(a_ring_of_nonsense_ends_its_connection),
    };
    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
