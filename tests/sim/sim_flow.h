/*
 * One flow under an estimator alone: an encoder that follows the estimate, frame by frame, a line with a rate, a queue, delay and loss, and a
 * receiver that reports by transport-cc each 100 ms. Steps of a millisecond; the same seed gives the same flow.
 */
#ifndef PLM_SIM_FLOW_H
#define PLM_SIM_FLOW_H

#include "bwe.h"
#include "bwe_log.h"
#include "rtcp.h"

#define FLOW_PACKETS 4096 /* on their way */

struct flow_line {
    uint64_t rate_bps; /* 0: no limit */
    uint32_t delay_us, jitter_us, back_us, queue_us;
    unsigned loss; /* of 1000 */
};

struct flow {
    /* of the scenario's choice, at any time */
    struct flow_line line;
    uint64_t least_bps, most_bps; /* of the encoder */
    bool probes;
    /* what goes on */
    struct plm_bwe *bwe;
    struct plm_bwe_log log;
    struct plm_twcc_rx rx;
    uint64_t now, seed, free_us, last_us, octets_due;
    uint16_t seq;
    struct {
        uint64_t at;
        uint16_t seq, size;
    } way[FLOW_PACKETS];
    unsigned first, n;
    uint64_t probe_at;
    struct {
        uint64_t at;
        size_t len;
        uint8_t fci[1500];
    } reports[16];
    unsigned n_reports;
    /* what was seen, since flow_forget */
    uint64_t sent_octets, got_octets, since_us, lost;
    uint32_t waits[2000]; /* histogram of the wait in front of the line, ms */
    uint64_t n_waits;
};

struct flow *flow_open(uint64_t seed, const struct flow_line *line);
void flow_close(struct flow *f);
void flow_run(struct flow *f, uint64_t ms);
void flow_forget(struct flow *f);
/** Mean bit/s that arrived since flow_forget. */
uint64_t flow_got(const struct flow *f);
/** The wait that so many percent of packets stay below, ms. */
unsigned flow_wait(const struct flow *f, unsigned percent);

#endif
