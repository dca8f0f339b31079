#include "floor_load.h"

#include "die.h"
#include "proc.h"
#include "sealer.h"
#include "train.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/udp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define AUDIO_US   20000
#define TURN_US    1000 /* what comes due within it goes out together, as with the client's publishers */
#define WARM_UP_US 300000
#define MEASURE_US 1700000
#define MESSAGES   64
#define ARENA      (256 * 1024) /* sealed and sent before it leaves the cache */
#define TRAIN      8
#define READ_BATCH 16
#define READ_SIZE  65536
#define MAX_PACKET 1500

/** One who sends: when, and to which sockets. */
struct source {
    unsigned first, n; /* receivers */
    unsigned own;      /* which of them is whose it is, and does not get it; n: none */
    uint64_t sound_us, frame_us;
    unsigned frame_at; /* packets of the frame that went out, where they come one by one */
};

struct load {
    const struct scenario *scenario;
    struct sealer *keys;
    unsigned n_sources, n_receivers;
    struct source *sources;
    struct sockaddr_in *to;
    int *fds, out, epoll, receiving_cpu, sending_cpu;
    atomic_bool stop;
    uint8_t plain[MAX_PACKET];
    /* gathered */
    unsigned n;
    size_t used;
    struct mmsghdr msgs[MESSAGES];
    struct iovec iov[MESSAGES];
    union train_control control[MESSAGES];
    uint8_t arena[ARENA];
    uint64_t packets;
    double us;
};

/* ---- receivers ---- */

static void read_all(int fd)
{
    static uint8_t buf[READ_BATCH][READ_SIZE];
    struct iovec iov[READ_BATCH];
    struct mmsghdr msgs[READ_BATCH];
    memset(msgs, 0, sizeof msgs);
    for (int i = 0; i < READ_BATCH; i++) {
        iov[i] = (struct iovec){buf[i], READ_SIZE};
        msgs[i].msg_hdr.msg_iov = &iov[i];
        msgs[i].msg_hdr.msg_iovlen = 1;
    }
    (void)recvmmsg(fd, msgs, READ_BATCH, MSG_DONTWAIT, NULL);
}

static void *receive(void *arg)
{
    struct load *l = arg;
    struct epoll_event events[64];
    proc_pin(l->receiving_cpu);
    while (!atomic_load(&l->stop)) {
        int n = epoll_wait(l->epoll, events, 64, 1);
        for (int i = 0; i < n; i++)
            read_all(events[i].data.fd);
    }
    return NULL;
}

/* As the client's own sockets are: connected, with times of arrival, and GRO. */
static void open_receiver(struct load *l, unsigned i, const struct sockaddr_in *from)
{
    struct sockaddr_in *a = &l->to[i];
    socklen_t len = sizeof *a;
    int on = 1, size = 1 << 22, fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
    if (fd < 0 || connect(fd, (const struct sockaddr *)from, sizeof *from) != 0 ||
        getsockname(fd, (struct sockaddr *)a, &len) != 0 ||
        setsockopt(fd, IPPROTO_UDP, UDP_GRO, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size) != 0 ||
        epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev) != 0)
        die("floors: %s", strerror(errno));
    l->fds[i] = fd;
}

static void open_sockets(struct load *l)
{
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof own;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->out = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (l->epoll < 0 || l->out < 0 || bind(l->out, (struct sockaddr *)&own, sizeof own) != 0 ||
        getsockname(l->out, (struct sockaddr *)&own, &len) != 0)
        die("floors: %s", strerror(errno));
    for (unsigned i = 0; i < l->n_receivers; i++)
        open_receiver(l, i, &own);
}

/* ---- sending ---- */

static void flush(struct load *l)
{
    train_send(l->out, l->msgs, l->n);
    l->n = 0;
    l->used = 0;
}

/* n packets of one source to one receiver, as one message. */
static void put(struct load *l, unsigned receiver, size_t payload, unsigned n)
{
    size_t packet = SEALER_HEADER + payload + SEALER_TAG;
    if (l->n == MESSAGES || l->used + n * packet > ARENA)
        flush(l);
    unsigned i = l->n++;
    struct msghdr *m = &l->msgs[i].msg_hdr;
    train_fill(m, &l->iov[i], &l->control[i], l->arena + l->used, packet, n);
    m->msg_name = &l->to[receiver];
    m->msg_namelen = sizeof *l->to;
    for (unsigned k = 0; k < n; k++, l->used += packet)
        sealer_seal(l->keys, receiver, l->plain, payload, l->arena + l->used);
    l->packets += n;
}

static void send_to_all(struct load *l, const struct source *s, size_t payload, unsigned packets)
{
    for (unsigned r = 0; r < s->n; r++) {
        for (unsigned done = 0, n; r != s->own && done < packets; done += n) {
            n = packets - done < TRAIN ? packets - done : TRAIN;
            put(l, s->first + r, payload, n);
        }
    }
}

static void send_picture(struct load *l, struct source *s)
{
    const struct publisher_config *media = &l->scenario->media;
    size_t payload = media->packet_len - SEALER_HEADER;
    uint64_t frame_us = 1000000 / media->fps;
    if (!media->pace_us) {
        send_to_all(l, s, payload, media->packets_per_frame);
        s->frame_us += frame_us;
        return;
    }
    send_to_all(l, s, payload, 1);
    s->frame_us += media->pace_us;
    if (++s->frame_at < media->packets_per_frame)
        return;
    s->frame_us += frame_us > s->frame_at * media->pace_us ? frame_us - s->frame_at * media->pace_us : 0;
    s->frame_at = 0;
}

/* @return when the next one is due */
static uint64_t send_due(struct load *l, uint64_t now)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < l->n_sources; i++) {
        struct source *s = &l->sources[i];
        for (; s->sound_us <= now; s->sound_us += AUDIO_US)
            send_to_all(l, s, PUBLISHER_AUDIO_LEN, 1);
        while (s->frame_us <= now)
            send_picture(l, s);
        next = s->sound_us < next ? s->sound_us : next;
        next = s->frame_us < next ? s->frame_us : next;
    }
    flush(l);
    return next;
}

static void sleep_until(uint64_t us)
{
    struct timespec t = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000) * 1000};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
        ;
}

static void *send_load(void *arg)
{
    struct load *l = arg;
    proc_pin(l->sending_cpu);
    const unsigned pace = l->scenario->media.pace_us;
    const unsigned turn = pace && pace < TURN_US ? pace : TURN_US;
    uint64_t begin = clock_us(), measured = begin + WARM_UP_US, spent = 0;
    /* Everybody has their own time, as people have. */
    for (unsigned i = 0; i < l->n_sources; i++) {
        l->sources[i].sound_us = begin + (uint64_t)i * AUDIO_US / l->n_sources;
        l->sources[i].frame_us = l->scenario->media.video
                                     ? begin + (uint64_t)i * 1000000 / l->scenario->media.fps / l->n_sources
                                     : UINT64_MAX;
    }
    for (uint64_t now = begin; now < measured + MEASURE_US; now = clock_us()) {
        if (!spent && now >= measured) {
            spent = clock_thread_ns();
            l->packets = 0;
        }
        uint64_t next = send_due(l, now);
        sleep_until(next > now + turn ? next : now + turn);
    }
    l->us = l->packets ? (double)(clock_thread_ns() - spent) / 1000 / (double)l->packets : 0;
    return NULL;
}

/* ---- who sends to whom ---- */

static void settle(struct load *l)
{
    const struct scenario *s = l->scenario;
    /* Of a crowd so many speak at a time, and the rest is not forwarded. */
    unsigned each = s->follows && s->follows < s->publishers ? s->follows : s->publishers;
    l->n_sources = s->rooms * each;
    l->n_receivers = s->rooms * s->receivers;
    l->sources = calloc(l->n_sources, sizeof *l->sources);
    l->to = calloc(l->n_receivers, sizeof *l->to);
    l->fds = calloc(l->n_receivers, sizeof *l->fds);
    if (!l->sources || !l->to || !l->fds)
        die("out of memory");
    for (unsigned i = 0; i < l->n_sources; i++) {
        unsigned room = i / each;
        l->sources[i] = (struct source){
            .first = room * s->receivers, .n = s->receivers, .own = s->meeting ? i % each : s->receivers};
    }
}

double floor_load_us(const struct scenario *s, int sending_cpu, int receiving_cpu)
{
    struct load *l = calloc(1, sizeof *l);
    pthread_t sender, receiver;
    if (!l)
        die("out of memory");
    l->scenario = s;
    l->sending_cpu = sending_cpu;
    l->receiving_cpu = receiving_cpu;
    settle(l);
    l->keys = sealer_create(SEALER_IPSEC_MB, l->n_receivers);
    if (l->keys && !s->silent) {
        open_sockets(l);
        if (pthread_create(&receiver, NULL, receive, l) != 0 ||
            pthread_create(&sender, NULL, send_load, l) != 0)
            die("floors: threads");
        pthread_join(sender, NULL);
        atomic_store(&l->stop, true);
        pthread_join(receiver, NULL);
        for (unsigned i = 0; i < l->n_receivers; i++)
            close(l->fds[i]);
        close(l->epoll);
        close(l->out);
    }
    double us = l->us;
    sealer_destroy(l->keys);
    free(l->sources);
    free(l->to);
    free(l->fds);
    free(l);
    return us;
}
