/*
 * SDP of a client that knows what it wants: one offer, and the few lines of the answer that matter.
 */
#ifndef BENCH_OFFER_H
#define BENCH_OFFER_H

#include "peer.h"

#define OFFER_SIZE (128 * 1024)

void offer_write(char out[OFFER_SIZE], const struct peer *p, const struct plm_fingerprint *fingerprint,
    enum peer_direction direction, const struct peer_media *media, size_t n_media);

struct answer {
    char ufrag[PLM_PEER_UFRAG_SIZE], pwd[PLM_PEER_UFRAG_SIZE];
    struct plm_fingerprint fingerprint;
    struct sockaddr_in candidate; /* the first of IPv4 and UDP */
};

/** @return false when something is missing */
bool answer_parse(struct answer *out, const char *text);

#endif
