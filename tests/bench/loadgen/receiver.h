/*
 * A receiver: counts what comes on each SSRC, answers with transport-cc feedback and receiver reports, and, if it is one of those
 * that decrypt, measures latency from the marks.
 */
#ifndef BENCH_RECEIVER_H
#define BENCH_RECEIVER_H

#include "peer.h"
#include "rtcp.h"
#include "samples.h"

#define RECEIVER_STREAMS 128 /* a power of two, at least twice the m-lines */

struct incoming {
    uint32_t ssrc; /* 0: free */
    uint64_t max_ext, received;
    uint64_t from_ext;                     /* first sequence number of the measured time */
    uint64_t told_expected, told_received; /* at the last report */
    uint32_t lsr;
    uint64_t lsr_at_us;
};

struct receiver {
    struct peer peer;
    bool decrypts;
    struct samples *latency; /* shared */
    struct incoming streams[RECEIVER_STREAMS];
    struct plm_twcc_rx twcc;
    uint64_t next_feedback_us, next_report_us;
    uint64_t first_media_us;
    uint64_t video, audio, octets, rtx, undecryptable, unmarked, fills; /* of the measured time */
};

/** @param n_pairs m-lines: an audio and a video each, or audio alone */
void receiver_start(struct receiver *r, struct loop *l, bool decrypts, struct samples *latency,
    size_t n_pairs, bool video, const struct sockaddr_in *server, const char *path);
void receiver_stop(struct receiver *r, const struct sockaddr_in *server);

/** Begin the measured time. */
void receiver_reset(struct receiver *r);
/** Packets that the sequence numbers say are missing in the measured time. */
uint64_t receiver_lost(const struct receiver *r);

#endif
