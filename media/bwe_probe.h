/*
 * Short clusters of packets at a rate above what is sent: what the line could carry. No I/O, no clock.
 */
#ifndef PLM_BWE_PROBE_H
#define PLM_BWE_PROBE_H

#include "bwe.h"

struct plm_probe {
    bool sending, waiting;
    uint64_t rate_bps; /**< aimed at */
    uint64_t begun_us, ended_us;
    /* sent: everything between its first and its last number, media too */
    bool any;
    uint16_t first_seq, last_seq;
    uint16_t packets;
    uint32_t octets, last_octets;
    uint64_t first_sent_us, last_sent_us;
    /* arrived */
    uint16_t got;
    uint32_t got_octets, first_octets;
    int64_t first_arrival_us, last_arrival_us;
};

void plm_probe_begin(struct plm_probe *p, uint64_t rate_bps, uint64_t now_us);
/** @return octets that are due now; the cluster ends by itself */
size_t plm_probe_due(struct plm_probe *p, uint64_t now_us);
void plm_probe_on_sent(struct plm_probe *p, uint16_t seq, uint16_t size, uint64_t now_us);
/** Is it one of the cluster's? */
bool plm_probe_has(const struct plm_probe *p, uint16_t seq);
void plm_probe_on_arrival(struct plm_probe *p, uint16_t size, int64_t arrival_us);
/**
 * Feedback up to this number is here.
 * @param full whether the line carried all that was asked of it
 * @return bit/s that it carried, 0: nothing is known, or not yet (then still waiting)
 */
uint64_t plm_probe_result(struct plm_probe *p, uint16_t newest_seq, uint64_t now_us, bool *full);

#endif
