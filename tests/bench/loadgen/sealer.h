/*
 * Sealing by AES-128-GCM for many receivers, with nothing around it: what any server has to do.
 */
#ifndef BENCH_SEALER_H
#define BENCH_SEALER_H

#include <stddef.h>
#include <stdint.h>

#define SEALER_HEADER 24 /* octets of a packet that stay readable: RTP with a few extensions */
#define SEALER_TAG    16

enum sealer_kind {
    SEALER_EVP,
    SEALER_IPSEC_MB
};

struct sealer;

/** As many keys as there are receivers. @return NULL: this kind is not built in */
struct sealer *sealer_create(enum sealer_kind kind, unsigned n_keys);
void sealer_destroy(struct sealer *s);
/**
 * Under a nonce that was not used before.
 * @param plain of SEALER_HEADER and payload octets
 * @param out gets both and SEALER_TAG octets
 */
void sealer_seal(struct sealer *s, unsigned key, const uint8_t *plain, size_t payload, uint8_t *out);

#endif
