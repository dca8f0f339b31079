/*
 * Who publishes and who receives, and what was measured.
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include "publisher.h"

#include <netinet/in.h>

struct scenario {
    struct sockaddr_in http;
    pid_t server;
    const char *room;    /* rooms are called so, with a number behind */
    unsigned rooms;      /* alike */
    unsigned publishers; /* of a room */
    unsigned receivers;  /* of a room; each shows all publishers but the one of its own number in a meeting */
    bool meeting;        /* receivers are the publishers' other halves */
    bool silent;         /* nobody sends in the measured time */
    unsigned follows;    /* pairs in which a receiver follows who speaks; 0: it names whom it shows */
    struct publisher_config media;
    unsigned decrypt_one_of; /* receivers */
    double warm_up_s, seconds;
    unsigned slices; /* how often it is measured, each time after a warm-up */
    bool asks;       /* before each: load goes on until there is an octet on the standard input */
};

struct result {
    uint64_t delivered, lost, undecryptable, unmarked, fills, rtx, nacks, key_frames, octets;
    double seconds, server_cpu_us, client_cpu_share;
    uint32_t latency_p50_us, latency_p99_us, connect_p50_us, connect_p99_us, media_p50_us, media_p99_us;
    double pss_kb_per_peer;
    unsigned peers;
    uint64_t latency_samples;
};

/** Join all, run, measure, leave; each slice is handed over once it is over. Dies when anybody cannot connect or gets no media. */
void scenario_run(const struct scenario *s, void (*on_slice)(void *arg, const struct result *r), void *arg);

#endif
