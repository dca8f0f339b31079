/*
 * Sealing outgoing RTP from shared plaintext into each receiver's own buffer: the hot loop of fan-out. One sealer per worker, one key per transport.
 * Backends: OpenSSL everywhere, ipsec-mb where built in and the CPU has AES instructions.
 */
#ifndef PLM_SEAL_H
#define PLM_SEAL_H

#include "security.h"
#include "srtp.h"

struct plm_sealer;

enum plm_seal_backend_kind {
    PLM_SEAL_AUTO = 0,
    PLM_SEAL_EVP,
    PLM_SEAL_IPSEC_MB,
};

/** @return 0, PLM_ENOTSUP: this backend is not built in or the CPU lacks what it needs (never for AUTO and EVP), PLM_ENOMEM */
int plm_sealer_create(struct plm_sealer **out, enum plm_seal_backend_kind kind);
/** After the last of its keys. */
void plm_sealer_destroy(struct plm_sealer *s);
const char *plm_sealer_name(const struct plm_sealer *s); /**< "openssl", "ipsec-mb" */

/** @param master key, then salt, in the profile's lengths; not kept @return 0, PLM_EINVAL, PLM_ENOMEM */
int plm_seal_key_create(
    struct plm_seal_key **out, struct plm_sealer *s, enum plm_srtp_profile profile, const uint8_t *master);
/** Zeroes it. */
void plm_seal_key_destroy(struct plm_seal_key *key);
/** Octets that sealing adds: 16 (GCM) or 10 (CM_80). */
size_t plm_seal_key_overhead(const struct plm_seal_key *key);
/** A packet will be sealed with it soon: fetch it. */
void plm_seal_key_prefetch(const struct plm_seal_key *key);

/**
 * Seal a batch: see struct plm_seal_job. Keys are all of this sealer. No (key, SSRC, index) may ever be sealed twice: debug builds assert it.
 * The sealer's thread; no allocation but in debug builds, no lock.
 */
void plm_seal(struct plm_sealer *s, struct plm_seal_job *jobs, size_t n);

#endif
