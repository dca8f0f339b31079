/*
 * A line between clients and a server on one machine: a relay of UDP that has a rate with a bounded queue before it, delay, jitter and loss, each
 * way, and changes them while it runs.
 *
 *   plenum-line PORT [ADDRESS]     a server's; says "port N", where clients find it. To the server each client is a port of its own.
 *
 * Lines on standard input, of which each names what changes, for both ways until one is named; it ends with the input:
 *
 *   down rate 1000000 queue 300 delay 25 jitter 5 loss 20     bit/s (0: no limit), ms, ms, ms, of 1000
 *   up loss 0
 *   count                                                     answered by packets so far, each way: passed, lost, and for want of room
 */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS    64
#define PACKETS  16384 /* on their way, each direction */
#define DATAGRAM 1500
#define OVERHEAD 28 /* of IP and UDP, which the line carries too */
#define BUFFER   (4 << 20)
#define LINE     256
#define AT_ONCE  64
#define TIMER_NS 1000

struct packet {
    uint64_t due_us;
    unsigned flow;
    size_t len;
    uint8_t data[DATAGRAM];
};

/** One direction. */
struct way {
    const char *name;
    uint64_t rate_bps, queue_us, delay_us, jitter_us, loss;
    uint64_t free_us, last_us; /* the line is busy until then; the last one arrives */
    uint64_t passed, lost, full;
    struct packet *packets; /* in order of arrival */
    unsigned first, n;
};

struct flow {
    struct sockaddr_in client;
    int fd; /* to the server */
};

static struct way ways[] = {{.name = "up", .queue_us = 300000}, {.name = "down", .queue_us = 300000}};
enum {
    UP,
    DOWN
};
static struct flow flows[FLOWS];
static unsigned n_flows;
static int front;
static struct sockaddr_in server;
static uint64_t seed = 88172645463325252u;

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint64_t random64(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    return seed ^= seed << 17;
}

static int open_socket(const struct sockaddr_in *to)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), size = BUFFER;
    if (fd < 0)
        die("socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
    if (to && connect(fd, (const struct sockaddr *)to, sizeof *to) != 0)
        die("connect");
    return fd;
}

/* ---- on the way ---- */

/* When a packet that is here now arrives, 0: never. */
static uint64_t arrival(struct way *w, size_t len, uint64_t now)
{
    if (w->loss && random64() % 1000 < w->loss) {
        w->lost++;
        return 0;
    }
    uint64_t at = now;
    if (w->rate_bps) {
        uint64_t from = w->free_us > now ? w->free_us : now;
        if (from - now > w->queue_us || w->n == PACKETS) {
            w->full++;
            return 0;
        }
        w->free_us = at = from + (len + OVERHEAD) * UINT64_C(8000000) / w->rate_bps;
    }
    at += w->delay_us + (w->jitter_us ? random64() % w->jitter_us : 0);
    return w->last_us = at > w->last_us ? at : w->last_us;
}

static void deliver(const struct way *w, const struct packet *p)
{
    const struct flow *f = &flows[p->flow];
    ssize_t sent = w == &ways[UP] ? send(f->fd, p->data, p->len, 0)
                                  : sendto(front, p->data, p->len, 0, (const struct sockaddr *)&f->client,
                                        sizeof f->client);
    (void)sent; /* whoever is not there any more gets nothing */
}

static void take(struct way *w, unsigned flow, const uint8_t *data, size_t len)
{
    uint64_t now = now_us(), due = arrival(w, len, now);
    if (!due)
        return;
    if (w->n == PACKETS) {
        w->full++;
        return;
    }
    struct packet *p = &w->packets[(w->first + w->n++) % PACKETS];
    p->due_us = due;
    p->flow = flow;
    p->len = len;
    memcpy(p->data, data, len);
    w->passed++;
}

static void let_go(struct way *w, uint64_t now)
{
    for (; w->n && w->packets[w->first].due_us <= now; w->n--) {
        deliver(w, &w->packets[w->first]);
        w->first = (w->first + 1) % PACKETS;
    }
}

/* ---- sockets ---- */

static unsigned flow_of(const struct sockaddr_in *client)
{
    for (unsigned i = 0; i < n_flows; i++) {
        if (flows[i].client.sin_port == client->sin_port &&
            flows[i].client.sin_addr.s_addr == client->sin_addr.s_addr)
            return i;
    }
    if (n_flows == FLOWS)
        return FLOWS;
    flows[n_flows].client = *client;
    flows[n_flows].fd = open_socket(&server);
    return n_flows++;
}

static void read_front(void)
{
    uint8_t data[DATAGRAM];
    struct sockaddr_in from;
    for (int i = 0; i < AT_ONCE; i++) {
        socklen_t len = sizeof from;
        ssize_t n = recvfrom(front, data, sizeof data, 0, (struct sockaddr *)&from, &len);
        if (n < 0)
            return;
        unsigned flow = flow_of(&from);
        if (flow < FLOWS)
            take(&ways[UP], flow, data, (size_t)n);
    }
}

static void read_flow(unsigned flow)
{
    uint8_t data[DATAGRAM];
    for (int i = 0; i < AT_ONCE; i++) {
        ssize_t n = recv(flows[flow].fd, data, sizeof data, 0);
        if (n < 0)
            return;
        take(&ways[DOWN], flow, data, (size_t)n);
    }
}

/* ---- what it is told ---- */

static void set(struct way *w, const char *what, uint64_t value)
{
    if (!strcmp(what, "rate")) {
        w->rate_bps = value;
        w->free_us = 0;
    } else if (!strcmp(what, "queue")) {
        w->queue_us = value * 1000;
    } else if (!strcmp(what, "delay")) {
        w->delay_us = value * 1000;
    } else if (!strcmp(what, "jitter")) {
        w->jitter_us = value * 1000;
    } else if (!strcmp(what, "loss")) {
        w->loss = value;
    } else {
        fprintf(stderr, "plenum-line: what is %s?\n", what);
        exit(2);
    }
}

static void obey(char *line)
{
    struct way *first = &ways[UP], *last = &ways[DOWN];
    char *rest, *word = strtok_r(line, " \n", &rest);
    if (!word)
        return;
    if (!strcmp(word, "count")) {
        for (struct way *w = first; w <= last; w++)
            printf("%s %llu %llu %llu%c", w->name, (unsigned long long)w->passed, (unsigned long long)w->lost,
                (unsigned long long)w->full, w == last ? '\n' : ' ');
        fflush(stdout);
        return;
    }
    for (; word; word = strtok_r(NULL, " \n", &rest)) {
        struct way *named = !strcmp(word, "up") ? &ways[UP] : !strcmp(word, "down") ? &ways[DOWN] : NULL;
        if (named) {
            first = last = named;
            continue;
        }
        char *value = strtok_r(NULL, " \n", &rest);
        for (struct way *w = first; w <= last && value; w++)
            set(w, word, strtoull(value, NULL, 10));
    }
}

/* @return false: there is no more */
static bool listen_to_input(void)
{
    static char buffer[LINE];
    static size_t len;
    ssize_t n = read(STDIN_FILENO, buffer + len, sizeof buffer - len - 1);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    len += (size_t)n;
    buffer[len] = 0;
    for (char *end; (end = strchr(buffer, '\n')) != NULL;) {
        *end = 0;
        obey(buffer);
        len -= (size_t)(end + 1 - buffer);
        memmove(buffer, end + 1, len + 1);
    }
    return len < sizeof buffer - 1;
}

/* ---- life ---- */

static void open_front(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = server.sin_addr};
    socklen_t len = sizeof a;
    front = open_socket(NULL);
    if (bind(front, (struct sockaddr *)&a, sizeof a) != 0 ||
        getsockname(front, (struct sockaddr *)&a, &len) != 0)
        die("bind");
    printf("port %u\n", ntohs(a.sin_port));
    fflush(stdout);
}

static struct timespec until_next(void)
{
    uint64_t now = now_us(), due = now + 1000000;
    for (struct way *w = &ways[UP]; w <= &ways[DOWN]; w++) {
        if (w->n && w->packets[w->first].due_us < due)
            due = w->packets[w->first].due_us;
    }
    uint64_t us = due > now ? due - now : 0;
    return (struct timespec){(time_t)(us / 1000000), (long)(us % 1000000 * 1000)};
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[1]))};
    if (inet_pton(AF_INET, argc > 2 ? argv[2] : "127.0.0.1", &server.sin_addr) != 1)
        return 2;
    prctl(PR_SET_TIMERSLACK, TIMER_NS);
    for (struct way *w = &ways[UP]; w <= &ways[DOWN]; w++) {
        if (!(w->packets = malloc(PACKETS * sizeof *w->packets)))
            die("malloc");
    }
    open_front();
    struct pollfd fds[FLOWS + 2];
    for (;;) {
        fds[0] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        fds[1] = (struct pollfd){.fd = front, .events = POLLIN};
        unsigned n = n_flows;
        for (unsigned i = 0; i < n; i++)
            fds[i + 2] = (struct pollfd){.fd = flows[i].fd, .events = POLLIN};
        struct timespec wait = until_next();
        if (ppoll(fds, n + 2, &wait, NULL) < 0 && errno != EINTR)
            die("poll");
        if (fds[0].revents && !listen_to_input())
            return 0;
        if (fds[1].revents)
            read_front();
        for (unsigned i = 0; i < n; i++) {
            if (fds[i + 2].revents)
                read_flow(i);
        }
        for (struct way *w = &ways[UP]; w <= &ways[DOWN]; w++)
            let_go(w, now_us());
    }
}
