/*
 * HMAC-SHA1 (RFC 2104) with both key blocks hashed once: a short message costs two block functions instead of four.
 */
#ifndef PLM_HMAC_SHA1_H
#define PLM_HMAC_SHA1_H

#include <stddef.h>
#include <stdint.h>

/* SHA_CTX is deprecated in OpenSSL 3, not gone: EVP_MAC cannot copy a started state without allocating. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#define PLM_SHA1_BLOCK  64
#define PLM_SHA1_DIGEST 20

struct plm_hmac_sha1 {
    SHA_CTX inner, outer;
};

/** @param key_len at most PLM_SHA1_BLOCK */
void plm_hmac_sha1_init(struct plm_hmac_sha1 *h, const uint8_t *key, size_t key_len);
/** Finish a message whose hashing began as a copy of h->inner. running is used up. */
void plm_hmac_sha1_final(const struct plm_hmac_sha1 *h, SHA_CTX *running, uint8_t digest[PLM_SHA1_DIGEST]);

#endif
