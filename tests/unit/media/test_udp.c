#include "udp.h"

#include "../../fakes/leave_out.h"
#include "own_network.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct plm_addr addr(const char *text)
{
    struct plm_addr a;
    assert_int_equal(plm_addr_parse(&a, text), 0);
    return a;
}

static struct plm_udp open_at(struct plm_addr *a, bool exclusive, bool shared)
{
    struct plm_udp u;
    struct plm_udp_options options = {1 << 20, 1 << 20, exclusive, shared};
    assert_int_equal(plm_udp_open(&u, 0, a, &options, NULL, NULL), 0);
    return u;
}

static void wait_readable(const struct plm_udp *u)
{
    struct pollfd p = {.fd = u->fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 2000), 1);
}

/** A socket with all it needs to read and send. */
struct end {
    struct plm_addr at;
    struct plm_udp sock;
    struct plm_udp_paths paths;
    struct plm_udp_reader *reader;
    struct plm_udp_sender *sender;
    struct plm_datagram batch[PLM_UDP_BATCH];
};

static void open_end(struct end *e, const char *text, bool gso)
{
    e->at = addr(text);
    e->sock = open_at(&e->at, true, false);
    plm_udp_paths_init(&e->paths, 1);
    assert_int_equal(plm_udp_reader_create(&e->reader, &e->paths), 0);
    assert_int_equal(plm_udp_sender_create(&e->sender, &e->sock, 1, &e->paths, gso), 0);
}

static void close_end(struct end *e)
{
    plm_udp_reader_destroy(e->reader);
    plm_udp_sender_destroy(e->sender);
    plm_udp_paths_destroy(&e->paths);
    plm_udp_close(&e->sock);
}

static void reports_what_the_kernel_granted(void **state)
{
    (void)state;
    struct plm_udp u;
    struct plm_addr a = addr("127.0.0.1:0");
    struct plm_udp_options options = {.rcvbuf = 100000, .sndbuf = 50000, .exclusive = true};
    uint32_t rcv = 0, snd = 0;
    assert_int_equal(plm_udp_open(&u, 0, &a, &options, &rcv, &snd), 0);
    assert_int_equal(rcv, 100000);
    assert_int_equal(snd, 50000);
    assert_true(plm_addr_port(&a) != 0);
    plm_udp_close(&u);
    assert_int_equal(u.fd, -1);
    plm_udp_close(&u);
}

static void tells_what_the_kernel_dropped(void **state)
{
    (void)state;
    struct end e;
    static const char data[1000];
    open_end(&e, "127.0.0.1:0", true);
    int small = 4096, fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_int_equal(setsockopt(e.sock.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(sendto(fd, data, sizeof data, 0, &e.at.sa, sizeof e.at.in4), sizeof data);
    size_t got = 0, n;
    while ((n = plm_udp_read(e.reader, &e.sock, e.batch, 1)) == 1) {
        assert_int_equal(e.batch[0].len, sizeof data);
        got++;
    }
    assert_int_equal(n, 0);
    assert_true(got < 100);
    /* the next one that gets through tells of those before it */
    assert_int_equal(sendto(fd, data, sizeof data, 0, &e.at.sa, sizeof e.at.in4), sizeof data);
    assert_int_equal(plm_udp_read(e.reader, &e.sock, e.batch, PLM_UDP_BATCH), 1);
    assert_int_equal(e.sock.overflow, 100 - got);
    close(fd);
    close_end(&e);
}

static uint64_t now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* The kernel begins to stamp what arrives a moment after the first socket of the machine asks for it; until then it stamps what is read. */
static void await_stamps(struct end *e, int fd)
{
    for (int i = 0; i < 1000; i++) {
        assert_int_equal(sendto(fd, "w", 1, 0, &e->at.sa, sizeof e->at.in4), 1);
        usleep(1000);
        assert_int_equal(plm_udp_read(e->reader, &e->sock, e->batch, PLM_UDP_BATCH), 1);
        if (e->batch[0].age_us >= 1000)
            return;
    }
    fail_msg("the kernel does not tell when datagrams come");
}

/** What lay in the socket says for how long. */
static void tells_when_a_datagram_came(void **state)
{
    (void)state;
    struct end e;
    open_end(&e, "127.0.0.1:0", true);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    await_stamps(&e, fd);
    uint64_t begin = now_us(), took;
    assert_int_equal(sendto(fd, "x", 1, 0, &e.at.sa, sizeof e.at.in4), 1);
    usleep(30000);
    assert_int_equal(sendto(fd, "y", 1, 0, &e.at.sa, sizeof e.at.in4), 1);
    assert_int_equal(plm_udp_read(e.reader, &e.sock, e.batch, PLM_UDP_BATCH), 2);
    took = now_us() - begin;
    assert_true(e.batch[0].age_us >= 30000 || took >= 1000000); /* a machine that stood still */
    assert_true(e.batch[0].age_us <= took);
    assert_true(e.batch[1].age_us <= took - 30000);
    close(fd);
    close_end(&e);
}

static void a_foreign_port_is_in_use(void **state)
{
    (void)state;
    struct plm_addr a = addr("127.0.0.1:0");
    struct plm_udp first = open_at(&a, true, true), second = open_at(&a, false, true), third;
    struct plm_udp_options options = {65536, 65536, true, true};
    assert_int_equal(plm_udp_open(&third, 0, &a, &options, NULL, NULL), -EADDRINUSE);
    options.shared = false;
    assert_int_equal(plm_udp_open(&third, 0, &a, &options, NULL, NULL), -EADDRINUSE);
    plm_udp_close(&first);
    plm_udp_close(&second);

    struct plm_addr nowhere = addr("192.0.2.1:0");
    assert_int_equal(plm_udp_open(&third, 0, &nowhere, &options, NULL, NULL), -EADDRNOTAVAIL);
}

/** Both sockets of a shared port get something, when many ports send. */
static void a_shared_port_is_spread(void **state)
{
    (void)state;
    struct plm_addr a = addr("127.0.0.1:0");
    struct plm_udp pair[2] = {open_at(&a, true, true), open_at(&a, false, true)};
    for (int i = 0; i < 64; i++) {
        int fd = socket(AF_INET, SOCK_DGRAM, 0);
        assert_int_equal(sendto(fd, "x", 1, 0, &a.sa, sizeof a.in4), 1);
        close(fd);
    }
    struct plm_udp_paths paths;
    struct plm_udp_reader *reader;
    struct plm_datagram batch[PLM_UDP_BATCH];
    plm_udp_paths_init(&paths, 1);
    assert_int_equal(plm_udp_reader_create(&reader, &paths), 0);
    size_t n0 = plm_udp_read(reader, &pair[0], batch, PLM_UDP_BATCH),
           n1 = plm_udp_read(reader, &pair[1], batch, PLM_UDP_BATCH);
    assert_int_equal(n0 + n1, 64);
    assert_true(n0 > 0 && n1 > 0);
    assert_int_equal(plm_udp_read(reader, &pair[0], batch, PLM_UDP_BATCH), 0);
    plm_udp_reader_destroy(reader);
    plm_udp_paths_destroy(&paths);
    plm_udp_close(&pair[0]);
    plm_udp_close(&pair[1]);
}

/** Read until so many octets came; checks that each datagram is full of its number. @return datagrams */
static unsigned read_numbered(struct end *e, size_t octets, uint16_t segment)
{
    unsigned got = 0;
    size_t sum = 0;
    while (sum < octets) {
        wait_readable(&e->sock);
        size_t n = plm_udp_read(e->reader, &e->sock, e->batch, PLM_UDP_BATCH);
        for (size_t i = 0; i < n; i++) {
            const struct plm_datagram *d = &e->batch[i];
            uint32_t step = d->segment ? d->segment : d->len;
            for (uint32_t at = 0; at < d->len; at += step, got++) {
                uint32_t len = d->len - at < step ? d->len - at : step;
                assert_true(len <= segment);
                for (uint32_t k = 0; k < len; k++)
                    assert_int_equal(d->data[at + k], got & 0xff);
            }
            sum += d->len;
        }
    }
    assert_int_equal(sum, octets);
    return got;
}

static void send_trains(bool gso, uint64_t max_syscalls)
{
    enum {
        TRAINS = 5,
        COUNT = 10,
        SEGMENT = 1200,
        LAST = 700
    };
    static uint8_t data[TRAINS][COUNT * SEGMENT];
    struct end a, b;
    struct plm_train trains[TRAINS];
    open_end(&a, "127.0.0.1:0", gso);
    open_end(&b, "127.0.0.1:0", gso);
    for (unsigned t = 0; t < TRAINS; t++) {
        for (unsigned i = 0; i < COUNT; i++)
            memset(&data[t][i * SEGMENT], (int)(t * COUNT + i), SEGMENT);
        trains[t] = (struct plm_train){.to = &b.at,
            .data = data[t],
            .len = (COUNT - 1) * SEGMENT + LAST,
            .segment = SEGMENT,
            .count = COUNT};
    }
    assert_int_equal(plm_udp_send(a.sender, trains, TRAINS), TRAINS);
    assert_true(plm_udp_sender_syscalls(a.sender) <= max_syscalls);
    assert_int_equal(read_numbered(&b, TRAINS * ((COUNT - 1) * SEGMENT + LAST), SEGMENT), TRAINS * COUNT);
    close_end(&a);
    close_end(&b);
}

static void trains_arrive_whole(void **state)
{
    (void)state;
    send_trains(true, 1);
}

static void trains_arrive_in_pieces_without_gso(void **state)
{
    (void)state;
    send_trains(false, 1);
}

/** The kernel refuses UDP_SEGMENT when a segment exceeds the MTU; single datagrams it fragments. */
static void trains_that_are_refused_leave_in_pieces(void **state)
{
    (void)state;
    enum {
        SEGMENT = 1400,
        COUNT = 3,
        TRAINS = 40
    };
    static uint8_t data[TRAINS][SEGMENT * COUNT];
    struct plm_train trains[TRAINS];
    struct end a, b;
    int former = own_network_enter(1280);
    if (former < 0)
        LEAVE_OUT("no right to make a network");
    open_end(&a, "127.0.0.1:0", true);
    open_end(&b, "127.0.0.1:0", true);
    assert_true(plm_udp_sender_gso(a.sender));
    for (unsigned t = 0; t < TRAINS; t++) {
        for (unsigned i = 0; i < COUNT; i++)
            memset(&data[t][i * SEGMENT], (int)(t * COUNT + i), SEGMENT);
        trains[t] = (struct plm_train){
            .to = &b.at, .data = data[t], .len = SEGMENT * COUNT, .segment = SEGMENT, .count = COUNT};
    }
    assert_int_equal(plm_udp_send(a.sender, trains, TRAINS), TRAINS);
    assert_int_equal(read_numbered(&b, TRAINS * COUNT * SEGMENT, SEGMENT), TRAINS * COUNT);
    close_end(&a);
    close_end(&b);
    assert_true(own_network_leave(former));
}

static void one_bad_receiver_hurts_nobody_else(void **state)
{
    (void)state;
    struct end a, b;
    open_end(&a, "127.0.0.1:0", true);
    open_end(&b, "127.0.0.1:0", true);
    struct plm_addr six = addr("[::1]:9"); /* an IPv4 socket cannot reach it */
    static const uint8_t data[3000] = {0};
    const struct plm_train trains[] = {
        {.to = &b.at, .data = data, .len = 100, .segment = 100, .count = 1},
        {.to = &six, .data = data, .len = 100, .segment = 100, .count = 1},
        {.to = &six, .data = data, .len = 3000, .segment = 1000, .count = 3},
        {.to = &b.at, .data = data, .len = 3000, .segment = 1000, .count = 3},
    };
    assert_int_equal(plm_udp_send(a.sender, trains, 4), 2);
    size_t sum = 0;
    while (sum < 3100) {
        wait_readable(&b.sock);
        size_t n = plm_udp_read(b.reader, &b.sock, b.batch, PLM_UDP_BATCH);
        for (size_t i = 0; i < n; i++)
            sum += b.batch[i].len;
    }
    assert_int_equal(sum, 3100);
    close_end(&a);
    close_end(&b);
}

static void empty_sends_are_fine(void **state)
{
    (void)state;
    struct end a;
    open_end(&a, "127.0.0.1:0", true);
    assert_int_equal(plm_udp_send(a.sender, NULL, 0), 0);
    assert_int_equal(plm_udp_sender_syscalls(a.sender), 0);
    close_end(&a);
}

static void answer_from_where_it_was_asked(
    const char *wildcard, int family, const char *asked, const char *other)
{
    struct end server;
    open_end(&server, wildcard, true);
    struct plm_addr to = addr(asked), second = addr(other), from;
    plm_addr_set_port(&to, plm_addr_port(&server.at));
    plm_addr_set_port(&second, plm_addr_port(&server.at));
    socklen_t size = family == AF_INET6 ? sizeof to.in6 : sizeof to.in4, got;
    int client = socket(family, SOCK_DGRAM, 0);
    char buf[16];

    assert_int_equal(sendto(client, "asked", 5, 0, &to.sa, size), 5);
    wait_readable(&server.sock);
    assert_int_equal(plm_udp_read(server.reader, &server.sock, server.batch, PLM_UDP_BATCH), 1);
    struct plm_datagram first = server.batch[0];
    assert_int_equal(first.len, 5);
    assert_true(first.sock >= 1); /* a path of its own, beside the listener's */
    struct plm_train train = {.to = &first.from,
        .data = (const uint8_t *)"reply",
        .len = 5,
        .segment = 5,
        .count = 1,
        .sock = first.sock};
    assert_int_equal(plm_udp_send(server.sender, &train, 1), 1);
    memset(&from, 0, sizeof from);
    got = sizeof from;
    assert_int_equal(recvfrom(client, buf, sizeof buf, 0, &from.sa, &got), 5);
    assert_true(plm_addr_equal(&from, &to));

    assert_int_equal(sendto(client, "asked", 5, 0, &second.sa, size), 5);
    wait_readable(&server.sock);
    assert_int_equal(plm_udp_read(server.reader, &server.sock, server.batch, PLM_UDP_BATCH), 1);
    if (plm_addr_equal(&to, &second))
        assert_int_equal(server.batch[0].sock, first.sock);
    else
        assert_true(server.batch[0].sock != first.sock);
    close(client);
    close_end(&server);
}

static void wildcards_answer_from_where_they_were_asked(void **state)
{
    (void)state;
    answer_from_where_it_was_asked("0.0.0.0:0", AF_INET, "127.0.0.2", "127.0.0.3");
    answer_from_where_it_was_asked("[::]:0", AF_INET6, "[::1]", "[::1]");
}

static void a_full_table_leaves_the_choice_to_the_kernel(void **state)
{
    (void)state;
    struct plm_udp_paths paths;
    plm_udp_paths_init(&paths, 2);
    struct plm_addr a = addr("10.0.0.0");
    for (unsigned i = 2; i < PLM_UDP_MAX_PATHS; i++) {
        a.in4.sin_addr.s_addr = htonl(0x0a000000 + i);
        assert_int_equal(plm_udp_path(&paths, 1, &a), i);
        assert_int_equal(plm_udp_path(&paths, 1, &a), i);
    }
    a.in4.sin_addr.s_addr = htonl(0x0b000000);
    assert_int_equal(plm_udp_path(&paths, 1, &a), 1);
    assert_int_equal(paths.v[1].local.sa.sa_family, 0);
    plm_udp_paths_destroy(&paths);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reports_what_the_kernel_granted),
        cmocka_unit_test(tells_what_the_kernel_dropped),
        cmocka_unit_test(tells_when_a_datagram_came),
        cmocka_unit_test(a_foreign_port_is_in_use),
        cmocka_unit_test(a_shared_port_is_spread),
        cmocka_unit_test(trains_arrive_whole),
        cmocka_unit_test(trains_arrive_in_pieces_without_gso),
        cmocka_unit_test(trains_that_are_refused_leave_in_pieces),
        cmocka_unit_test(one_bad_receiver_hurts_nobody_else),
        cmocka_unit_test(empty_sends_are_fine),
        cmocka_unit_test(wildcards_answer_from_where_they_were_asked),
        cmocka_unit_test(a_full_table_leaves_the_choice_to_the_kernel),
    };
    return ended(cmocka_run_group_tests(tests, NULL, NULL));
}
