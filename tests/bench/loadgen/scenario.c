#include "scenario.h"

#include "die.h"
#include "proc.h"
#include "receiver.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOIN_LIMIT_US 10000000

struct world {
    const struct scenario *s;
    struct loop loop;
    struct publisher *publishers;
    struct receiver *receivers;
    size_t n_publishers, n_receivers;
    struct samples latency, connect, media;
};

static bool is_connected(void *arg)
{
    const struct peer *p = arg;
    if (p->failed)
        die("DTLS failed");
    return p->connected;
}

static bool has_media(void *arg)
{
    const struct receiver *r = arg;
    return is_connected(&((struct receiver *)arg)->peer) && r->first_media_us;
}

static void join_publisher(struct world *w, struct publisher *p, unsigned room, unsigned number)
{
    char path[128];
    snprintf(path, sizeof path, "/whip/%s%u/p%u", w->s->room, room, number);
    publisher_start(p, &w->loop, &w->s->media, &w->s->http, path);
    if (!loop_run(&w->loop, w->loop.now_us + JOIN_LIMIT_US, is_connected, &p->peer))
        die("publisher %u of room %u does not connect", number, room);
    samples_add(&w->connect, p->peer.connected_us - p->peer.posted_us);
}

/* @return pairs: one for each name in the path, or those that follow */
static size_t write_path(char *path, size_t size, const struct world *w, unsigned room, unsigned number)
{
    size_t len = (size_t)snprintf(path, size, "/whep/%s%u%s", w->s->room, room, w->s->follows ? "" : "/");
    size_t names = 0;
    for (unsigned i = 0; !w->s->follows && i < w->s->publishers; i++) {
        if (w->s->meeting && i == number)
            continue;
        len += (size_t)snprintf(path + len, size - len, "%sp%u", names++ ? "," : "", i);
        if (len >= size)
            die("too many names");
    }
    return w->s->follows ? w->s->follows : names;
}

static void join_receiver(struct world *w, struct receiver *r, unsigned room, unsigned number)
{
    char path[2048];
    size_t pairs = write_path(path, sizeof path, w, room, number);
    bool decrypts = w->n_receivers % w->s->decrypt_one_of == 0;
    receiver_start(r, &w->loop, decrypts, &w->latency, pairs, w->s->media.video, &w->s->http, path);
    if (!loop_run(&w->loop, w->loop.now_us + JOIN_LIMIT_US, has_media, r))
        die("receiver %u of room %u gets no media", number, room);
    samples_add(&w->connect, r->peer.connected_us - r->peer.posted_us);
    samples_add(&w->media, r->first_media_us - r->peer.posted_us);
}

static void join_all(struct world *w)
{
    const struct scenario *s = w->s;
    w->publishers = calloc((size_t)s->rooms * s->publishers, sizeof *w->publishers);
    w->receivers = calloc((size_t)s->rooms * s->receivers, sizeof *w->receivers);
    if (!w->publishers || !w->receivers)
        die("out of memory");
    for (unsigned room = 0; room < s->rooms; room++) {
        for (unsigned i = 0; i < s->publishers; i++)
            join_publisher(w, &w->publishers[w->n_publishers++], room, i);
        for (unsigned i = 0; i < s->receivers; i++, w->n_receivers++)
            join_receiver(w, &w->receivers[w->n_receivers], room, i);
    }
}

static void sum_up(const struct world *w, struct result *out)
{
    for (size_t i = 0; i < w->n_receivers; i++) {
        const struct receiver *r = &w->receivers[i];
        out->delivered += r->video + r->audio;
        out->lost += receiver_lost(r);
        out->undecryptable += r->undecryptable;
        out->unmarked += r->unmarked;
        out->fills += r->fills;
        out->rtx += r->rtx;
        out->octets += r->octets;
    }
    for (size_t i = 0; i < w->n_publishers; i++) {
        out->nacks += w->publishers[i].nacks;
        out->key_frames += w->publishers[i].key_frames;
    }
}

static bool is_told(void *arg)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    char octet;
    (void)arg;
    if (poll(&in, 1, 0) <= 0)
        return false;
    if (read(STDIN_FILENO, &octet, 1) != 1)
        die("nobody says when to measure");
    return true;
}

static void measure(struct world *w, struct result *out)
{
    if (w->s->asks)
        loop_run(&w->loop, UINT64_MAX, is_told, NULL);
    for (size_t i = 0; i < w->n_publishers; i++) {
        w->publishers[i].silent = w->s->silent;
        w->publishers[i].nacks = w->publishers[i].key_frames = 0;
    }
    loop_run(&w->loop, w->loop.now_us + (uint64_t)(w->s->warm_up_s * 1e6), NULL, NULL);
    for (size_t i = 0; i < w->n_receivers; i++)
        receiver_reset(&w->receivers[i]);
    samples_clear(&w->latency);
    uint64_t server_from = proc_cpu_ns(w->s->server), client_from = proc_cpu_ns(getpid()), from = clock_us();
    loop_run(&w->loop, from + (uint64_t)(w->s->seconds * 1e6), NULL, NULL);
    out->seconds = (double)(clock_us() - from) / 1e6;
    out->server_cpu_us = (double)(proc_cpu_ns(w->s->server) - server_from) / 1e3;
    out->client_cpu_share = (double)(proc_cpu_ns(getpid()) - client_from) / 1e9 / out->seconds;
    sum_up(w, out);
    out->latency_samples = w->latency.n;
    out->latency_p50_us = samples_percentile(&w->latency, 0.5);
    out->latency_p99_us = samples_percentile(&w->latency, 0.99);
}

static void leave_all(struct world *w)
{
    for (size_t i = 0; i < w->n_receivers; i++)
        receiver_stop(&w->receivers[i], &w->s->http);
    for (size_t i = 0; i < w->n_publishers; i++)
        publisher_stop(&w->publishers[i], &w->s->http);
    free(w->receivers);
    free(w->publishers);
    samples_free(&w->latency);
    samples_free(&w->connect);
    samples_free(&w->media);
    loop_destroy(&w->loop);
}

void scenario_run(const struct scenario *s, void (*on_slice)(void *arg, const struct result *r), void *arg)
{
    static struct world w;
    w = (struct world){.s = s};
    loop_init(&w.loop);
    uint64_t pss_from = proc_pss_kb(s->server);
    join_all(&w);
    for (unsigned i = 0; i < s->slices; i++) {
        struct result r = {.peers = (unsigned)(w.n_publishers + w.n_receivers)};
        measure(&w, &r);
        uint64_t pss = proc_pss_kb(s->server);
        r.pss_kb_per_peer = pss > pss_from ? (double)(pss - pss_from) / r.peers : 0;
        r.connect_p50_us = samples_percentile(&w.connect, 0.5);
        r.connect_p99_us = samples_percentile(&w.connect, 0.99);
        r.media_p50_us = samples_percentile(&w.media, 0.5);
        r.media_p99_us = samples_percentile(&w.media, 0.99);
        on_slice(arg, &r);
    }
    leave_all(&w);
}
