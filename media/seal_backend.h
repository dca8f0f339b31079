/*
 * What seal.c asks of a backend, and what backends share. Private to seal*.c.
 */
#ifndef PLM_SEAL_BACKEND_H
#define PLM_SEAL_BACKEND_H

#include "seal.h"
#include "seal_tracker.h"
#include "srtp_kdf.h"

#include <string.h>

#define PLM_GCM_TAG  16
#define PLM_SHA1_TAG 10

struct plm_seal_backend {
    const char *name;
    /** @return 0, PLM_ENOTSUP, PLM_ENOMEM */
    int (*open)(void **state);
    void (*close)(void *state);
    /** @return a key's own part, NULL: out of memory */
    void *(*key_create)(void *state, const struct plm_srtp_session_keys *keys);
    void (*key_destroy)(void *key);
    size_t key_octets; /**< of a key's own part that each packet looks at */
    /** Set out_len of every job. */
    void (*seal)(void *state, struct plm_seal_job *jobs, size_t n);
};

struct plm_seal_key {
    const struct plm_seal_backend *backend;
    void *own; /* the backend's part */
    enum plm_srtp_profile profile;
    uint8_t overhead;
    uint8_t salt[16]; /* 12 octets (GCM), or 14 and two zero ones (CM) */
#ifndef NDEBUG
    struct plm_seal_tracker tracker;
#endif
};

extern const struct plm_seal_backend plm_seal_evp;
/** NULL where it is not built in. */
extern const struct plm_seal_backend *const plm_seal_ipsecmb;

/** Seal one packet with a key part made by plm_seal_evp. */
void plm_seal_evp_one(const void *own, struct plm_seal_job *job);

static inline uint16_t plm_seal_payload_len(const struct plm_seal_job *job)
{
    return (uint16_t)(job->prefix_len + job->body_len + job->pad);
}

static inline void plm_seal_put32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/** RFC 7714 section 8.1: two zero octets, SSRC, ROC, SEQ, all mixed with the salt. */
static inline void plm_seal_gcm_iv(uint8_t iv[12], const struct plm_seal_job *job)
{
    const uint8_t *salt = job->key->salt;
    iv[0] = iv[1] = 0;
    plm_seal_put32(iv + 2, job->ssrc);
    plm_seal_put32(iv + 6, (uint32_t)(job->ext_seq >> 16));
    iv[10] = (uint8_t)(job->ext_seq >> 8);
    iv[11] = (uint8_t)job->ext_seq;
    for (size_t i = 0; i < 12; i++)
        iv[i] ^= salt[i];
}

/** RFC 3711 section 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16; the low 16 bits count blocks. */
static inline void plm_seal_cm_counter(uint8_t iv[16], const struct plm_seal_job *job)
{
    const uint8_t *salt = job->key->salt;
    memset(iv, 0, 16);
    plm_seal_put32(iv + 4, job->ssrc);
    plm_seal_put32(iv + 8, (uint32_t)(job->ext_seq >> 16));
    iv[12] = (uint8_t)(job->ext_seq >> 8);
    iv[13] = (uint8_t)job->ext_seq;
    for (size_t i = 0; i < 16; i++)
        iv[i] ^= salt[i];
}

/** RFC 3550 section 5.1: padding ends with its count, the rest is zero. @param pad at least one octet */
static inline void plm_seal_write_pad(uint8_t *at, uint16_t pad)
{
    memset(at, 0, pad);
    at[pad - 1] = (uint8_t)pad;
}

#endif
