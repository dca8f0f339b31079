#include "floors.h"

#include "die.h"
#include "proc.h"
#include "sealer.h"
#include "train.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH       64
#define MAX_PACKET  1500
#define KEYS        64 /* receivers that take turns */
#define BATCHES     2400
#define ROUNDS      3 /* the best counts: the others were disturbed */
#define MAX_PENDING 1024

struct bench {
    int out, in;
    atomic_ulong received;
    unsigned long sent;
    atomic_bool stop;
    int sink_cpu;
    struct floors_shape shape;
    size_t packet; /* octets of one, sealed */
    uint8_t plain[MAX_PACKET];
    uint8_t sealed[BATCH * MAX_PACKET]; /* one behind the other */
};

/* It polls: waking a sleeping receiver would be charged to the sender, packet by packet. */
static void *sink(void *arg)
{
    struct bench *b = arg;
    enum {
        N = 32,
        SIZE = 65536
    };
    struct timespec pause = {.tv_nsec = 50000};
    uint8_t *buf = malloc((size_t)N * SIZE);
    proc_pin(b->sink_cpu);
    while (buf && !atomic_load(&b->stop)) {
        struct mmsghdr msgs[N];
        struct iovec iov[N];
        memset(msgs, 0, sizeof msgs);
        for (int i = 0; i < N; i++) {
            iov[i] = (struct iovec){buf + (size_t)i * SIZE, SIZE};
            msgs[i].msg_hdr.msg_iov = &iov[i];
            msgs[i].msg_hdr.msg_iovlen = 1;
        }
        int n = recvmmsg(b->in, msgs, N, MSG_DONTWAIT, NULL);
        for (int i = 0; i < n; i++)
            atomic_fetch_add(&b->received, (msgs[i].msg_len + b->packet - 1) / b->packet);
        if (n < N)
            nanosleep(&pause, NULL);
    }
    free(buf);
    return NULL;
}

static void open_sockets(struct bench *b)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    int on = 1, size = 1 << 22;
    b->in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    b->out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (b->in < 0 || b->out < 0 || bind(b->in, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(b->in, (struct sockaddr *)&a, &len) != 0 ||
        connect(b->out, (struct sockaddr *)&a, sizeof a) != 0 ||
        setsockopt(b->in, IPPROTO_UDP, UDP_GRO, &on, sizeof on) != 0 ||
        setsockopt(b->in, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0)
        die("floors: %s", strerror(errno));
}

/* Send the sealed batch as messages of `train` packets. */
static void send_batch(struct bench *b, unsigned train)
{
    struct mmsghdr msgs[BATCH];
    struct iovec iov[BATCH];
    union train_control control[BATCH];
    unsigned n = BATCH / train;
    memset(msgs, 0, sizeof msgs);
    for (unsigned i = 0; i < n; i++)
        train_fill(
            &msgs[i].msg_hdr, &iov[i], &control[i], b->sealed + i * train * b->packet, b->packet, train);
    train_send(b->out, msgs, n);
    b->sent += BATCH;
}

static void wait_for_sink(struct bench *b)
{
    struct timespec pause = {.tv_nsec = 20000};
    for (int i = 0; i < 1000 && b->sent - atomic_load(&b->received) > MAX_PENDING; i++)
        nanosleep(&pause, NULL);
}

static void seal_batch(struct bench *b, struct sealer *keys)
{
    for (unsigned i = 0; i < BATCH; i++)
        sealer_seal(keys, i % KEYS, b->plain, b->shape.payload, b->sealed + i * b->packet);
}

/* @return microseconds per packet; sealing counts, waiting for the sink does not */
static double measure(struct bench *b, struct sealer *keys, unsigned train)
{
    double best = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t spent = 0;
        for (int i = 0; i < BATCHES / ROUNDS; i++) {
            uint64_t from = clock_thread_ns();
            seal_batch(b, keys);
            send_batch(b, train);
            spent += clock_thread_ns() - from;
            wait_for_sink(b);
        }
        double us = (double)spent / 1000 / (BATCHES / ROUNDS) / BATCH;
        best = round == 0 || us < best ? us : best;
    }
    return best;
}

/* @return 0: this cipher is not built in */
static double floor_of(struct bench *b, enum sealer_kind kind, unsigned train)
{
    struct sealer *keys = sealer_create(kind, KEYS);
    double us = keys ? measure(b, keys, train) : 0;
    sealer_destroy(keys);
    return us;
}

struct floor_thread {
    struct bench *bench;
    struct floors *out;
    int cpu;
};

static void *run(void *arg)
{
    struct floor_thread *t = arg;
    proc_pin(t->cpu);
    t->out->evp_us = floor_of(t->bench, SEALER_EVP, 1);
    t->out->ipsecmb_us = floor_of(t->bench, SEALER_IPSEC_MB, t->bench->shape.train);
    return NULL;
}

void floors_measure(struct floors *out, const struct floors_shape *shape, int sending_cpu, int sink_cpu)
{
    struct bench *b = calloc(1, sizeof *b);
    pthread_t sender, receiver;
    if (!b)
        die("out of memory");
    b->sink_cpu = sink_cpu;
    b->shape = *shape;
    b->packet = SEALER_HEADER + shape->payload + SEALER_TAG;
    if (b->packet > MAX_PACKET || BATCH % shape->train != 0)
        die("floors: no such shape");
    open_sockets(b);
    struct floor_thread t = {b, out, sending_cpu};
    if (pthread_create(&receiver, NULL, sink, b) != 0 || pthread_create(&sender, NULL, run, &t) != 0)
        die("floors: threads");
    pthread_join(sender, NULL);
    atomic_store(&b->stop, true);
    pthread_join(receiver, NULL);
    close(b->in);
    close(b->out);
    free(b);
}
