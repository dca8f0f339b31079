#include "hmac_sha1.h"
#include "seal_backend.h"

#include <openssl/evp.h>
#include <stdlib.h>

struct evp_key {
    EVP_CIPHER_CTX *ctx; /* its key schedule; the IV changes with each packet */
    struct plm_hmac_sha1 hmac;
};

static int evp_open(void **state)
{
    *state = NULL;
    return 0;
}

static void evp_close(void *state)
{
    (void)state;
}

static void evp_key_destroy(void *own)
{
    struct evp_key *k = own;
    EVP_CIPHER_CTX_free(k->ctx);
    OPENSSL_cleanse(k, sizeof *k);
    free(k);
}

static const EVP_CIPHER *cipher_of(enum plm_srtp_profile profile)
{
    switch (profile) {
    case PLM_SRTP_AEAD_AES_128_GCM:
        return EVP_aes_128_gcm();
    case PLM_SRTP_AEAD_AES_256_GCM:
        return EVP_aes_256_gcm();
    default:
        return EVP_aes_128_ctr();
    }
}

static void *evp_key_create(void *state, const struct plm_srtp_session_keys *keys)
{
    (void)state;
    struct evp_key *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    plm_hmac_sha1_init(&k->hmac, keys->auth, sizeof keys->auth);
    k->ctx = EVP_CIPHER_CTX_new();
    if (!k->ctx || EVP_EncryptInit_ex(k->ctx, cipher_of(keys->profile), NULL, keys->key, NULL) != 1) {
        evp_key_destroy(k);
        return NULL;
    }
    return k;
}

/** Prefix, body, pad: one stream for the cipher, gathered from three places. */
static bool encrypt_payload(EVP_CIPHER_CTX *ctx, const struct plm_seal_job *job)
{
    uint8_t *out = job->out + job->hdr_len;
    uint8_t pad[256];
    int n;
    if (job->prefix_len > 0 && EVP_EncryptUpdate(ctx, out, &n, job->prefix, job->prefix_len) != 1)
        return false;
    out += job->prefix_len;
    if (job->body_len > 0 && EVP_EncryptUpdate(ctx, out, &n, job->body, job->body_len) != 1)
        return false;
    out += job->body_len;
    if (job->pad == 0)
        return true;
    plm_seal_write_pad(pad, job->pad);
    return EVP_EncryptUpdate(ctx, out, &n, pad, job->pad) == 1;
}

static bool seal_gcm(const struct evp_key *k, const struct plm_seal_job *job)
{
    uint8_t iv[12];
    int n;
    uint8_t *tag = job->out + job->hdr_len + plm_seal_payload_len(job);
    plm_seal_gcm_iv(iv, job);
    return EVP_EncryptInit_ex(k->ctx, NULL, NULL, NULL, iv) == 1 &&
           EVP_EncryptUpdate(k->ctx, NULL, &n, job->out, job->hdr_len) == 1 && encrypt_payload(k->ctx, job) &&
           EVP_EncryptFinal_ex(k->ctx, tag, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(k->ctx, EVP_CTRL_AEAD_GET_TAG, PLM_GCM_TAG, tag) == 1;
}

static bool seal_cm(const struct evp_key *k, const struct plm_seal_job *job)
{
    uint8_t iv[16], digest[PLM_SHA1_DIGEST];
    size_t len = (size_t)job->hdr_len + plm_seal_payload_len(job);
    plm_seal_cm_counter(iv, job);
    if (EVP_EncryptInit_ex(k->ctx, NULL, NULL, NULL, iv) != 1 || !encrypt_payload(k->ctx, job))
        return false;
    /* RFC 3711 section 4.2: the tag covers the packet and the roll-over counter, whose place the tag then takes. */
    plm_seal_put32(job->out + len, (uint32_t)(job->ext_seq >> 16));
    SHA_CTX running = k->hmac.inner;
    SHA1_Update(&running, job->out, len + 4);
    plm_hmac_sha1_final(&k->hmac, &running, digest);
    memcpy(job->out + len, digest, PLM_SHA1_TAG);
    return true;
}

void plm_seal_evp_one(const void *own, struct plm_seal_job *job)
{
    const struct evp_key *k = own;
    bool cm = job->key->profile == PLM_SRTP_AES128_CM_SHA1_80;
    bool good = cm ? seal_cm(k, job) : seal_gcm(k, job);
    job->out_len = good ? (uint16_t)(job->hdr_len + plm_seal_payload_len(job) + job->key->overhead) : 0;
}

static void evp_seal(void *state, struct plm_seal_job *jobs, size_t n)
{
    (void)state;
    for (size_t i = 0; i < n; i++)
        plm_seal_evp_one(jobs[i].key->own, &jobs[i]);
}

const struct plm_seal_backend plm_seal_evp = {
    "openssl", evp_open, evp_close, evp_key_create, evp_key_destroy, sizeof(struct evp_key), evp_seal};
