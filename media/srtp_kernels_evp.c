#include "hmac_sha1.h"
#include "plenum/types.h"
#include "srtp_kernels.h"

#include <openssl/evp.h>
#include <srtp2/auth.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>
#include <stdlib.h>
#include <string.h>

#define GCM_SALT    12
#define ICM_SALT    14
#define GCM_MAX_TAG 16

/* libsrtp exports its own vectors; what replaces a kernel must pass them. */
extern const srtp_cipher_test_case_t srtp_aes_gcm_128_test_case_0;
extern const srtp_cipher_test_case_t srtp_aes_gcm_256_test_case_0;
extern const srtp_cipher_test_case_t srtp_aes_icm_128_test_case_0;
extern const srtp_auth_test_case_t srtp_hmac_test_case_0;

static const srtp_cipher_type_t gcm_128, gcm_256, icm_128;
static const srtp_auth_type_t hmac_sha1;

struct evp_state {
    EVP_CIPHER_CTX *ctx;
    const EVP_CIPHER *cipher;
    int tag_len;
    uint8_t salt[16]; /* counter mode: the salt, then two zero octets */
};

struct hmac_state {
    struct plm_hmac_sha1 key;
    SHA_CTX running;
};

static srtp_err_status_t cipher_dealloc(srtp_cipher_t *c)
{
    struct evp_state *s = c->state;
    EVP_CIPHER_CTX_free(s->ctx);
    OPENSSL_cleanse(s, sizeof *s);
    free(s);
    free(c);
    return srtp_err_status_ok;
}

static srtp_err_status_t cipher_alloc(
    srtp_cipher_t **out, const srtp_cipher_type_t *type, const EVP_CIPHER *cipher, int key_len, int tag_len)
{
    srtp_cipher_t *c = calloc(1, sizeof *c);
    struct evp_state *s = calloc(1, sizeof *s);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (!c || !s || !ctx) {
        EVP_CIPHER_CTX_free(ctx);
        free(s);
        free(c);
        return srtp_err_status_alloc_fail;
    }
    s->ctx = ctx;
    s->cipher = cipher;
    s->tag_len = tag_len;
    c->type = type;
    c->state = s;
    c->key_len = key_len;
    c->algorithm = type->id; /* libsrtp chooses the AEAD path by it */
    *out = c;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_alloc(srtp_cipher_t **out, int key_len, int tag_len)
{
    if (tag_len < 8 || tag_len > GCM_MAX_TAG)
        return srtp_err_status_bad_param;
    switch (key_len) {
    case 16 + GCM_SALT:
        return cipher_alloc(out, &gcm_128, EVP_aes_128_gcm(), key_len, tag_len);
    case 32 + GCM_SALT:
        return cipher_alloc(out, &gcm_256, EVP_aes_256_gcm(), key_len, tag_len);
    default:
        return srtp_err_status_bad_param;
    }
}

static srtp_err_status_t gcm_init(void *state, const uint8_t *key)
{
    struct evp_state *s = state;
    return EVP_CipherInit_ex(s->ctx, s->cipher, NULL, key, NULL, 1) == 1 ? srtp_err_status_ok
                                                                         : srtp_err_status_init_fail;
}

/* The 12 octets come complete: libsrtp has already mixed the salt in. */
static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
    struct evp_state *s = state;
    int encrypt = direction == srtp_direction_encrypt;
    return EVP_CipherInit_ex(s->ctx, NULL, NULL, NULL, iv, encrypt) == 1 ? srtp_err_status_ok
                                                                         : srtp_err_status_cipher_fail;
}

static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad, uint32_t len)
{
    struct evp_state *s = state;
    int n;
    return EVP_CipherUpdate(s->ctx, NULL, &n, aad, (int)len) == 1 ? srtp_err_status_ok
                                                                  : srtp_err_status_cipher_fail;
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *buf, unsigned int *len)
{
    struct evp_state *s = state;
    int n;
    return EVP_CipherUpdate(s->ctx, buf, &n, buf, (int)*len) == 1 ? srtp_err_status_ok
                                                                  : srtp_err_status_cipher_fail;
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *tag, uint32_t *len)
{
    struct evp_state *s = state;
    uint8_t none[GCM_MAX_TAG];
    int n;
    if (EVP_CipherFinal_ex(s->ctx, none, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_GET_TAG, s->tag_len, tag) != 1)
        return srtp_err_status_cipher_fail;
    *len = (uint32_t)s->tag_len;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_decrypt(void *state, uint8_t *buf, unsigned int *len)
{
    struct evp_state *s = state;
    int n;
    if (*len < (unsigned)s->tag_len)
        return srtp_err_status_bad_param;
    unsigned body = *len - (unsigned)s->tag_len;
    if (EVP_CIPHER_CTX_ctrl(s->ctx, EVP_CTRL_AEAD_SET_TAG, s->tag_len, buf + body) != 1 ||
        EVP_CipherUpdate(s->ctx, buf, &n, buf, (int)body) != 1 ||
        EVP_CipherFinal_ex(s->ctx, buf + body, &n) != 1)
        return srtp_err_status_auth_fail;
    *len = body;
    return srtp_err_status_ok;
}

static srtp_err_status_t icm_alloc(srtp_cipher_t **out, int key_len, int tag_len)
{
    if (key_len != 16 + ICM_SALT)
        return srtp_err_status_bad_param;
    return cipher_alloc(out, &icm_128, EVP_aes_128_ctr(), key_len, tag_len);
}

static srtp_err_status_t icm_init(void *state, const uint8_t *key)
{
    struct evp_state *s = state;
    memcpy(s->salt, key + 16, ICM_SALT);
    return EVP_CipherInit_ex(s->ctx, s->cipher, NULL, key, NULL, 1) == 1 ? srtp_err_status_ok
                                                                         : srtp_err_status_init_fail;
}

static srtp_err_status_t icm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
    struct evp_state *s = state;
    uint8_t counter[16];
    (void)direction;
    for (size_t i = 0; i < sizeof counter; i++)
        counter[i] = iv[i] ^ s->salt[i];
    return EVP_CipherInit_ex(s->ctx, NULL, NULL, NULL, counter, 1) == 1 ? srtp_err_status_ok
                                                                        : srtp_err_status_cipher_fail;
}

static srtp_err_status_t hmac_alloc(srtp_auth_t **out, int key_len, int out_len)
{
    if (key_len > PLM_SHA1_BLOCK || out_len > PLM_SHA1_DIGEST)
        return srtp_err_status_bad_param;
    srtp_auth_t *a = calloc(1, sizeof *a);
    struct hmac_state *s = calloc(1, sizeof *s);
    if (!a || !s) {
        free(s);
        free(a);
        return srtp_err_status_alloc_fail;
    }
    a->type = &hmac_sha1;
    a->state = s;
    a->key_len = key_len;
    a->out_len = out_len;
    *out = a;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_dealloc(srtp_auth_t *a)
{
    OPENSSL_cleanse(a->state, sizeof(struct hmac_state));
    free(a->state);
    free(a);
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_init(void *state, const uint8_t *key, int key_len)
{
    struct hmac_state *s = state;
    if (key_len < 0 || key_len > PLM_SHA1_BLOCK)
        return srtp_err_status_bad_param;
    plm_hmac_sha1_init(&s->key, key, (size_t)key_len);
    s->running = s->key.inner;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_start(void *state)
{
    struct hmac_state *s = state;
    s->running = s->key.inner;
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_update(void *state, const uint8_t *buf, int len)
{
    struct hmac_state *s = state;
    SHA1_Update(&s->running, buf, (size_t)len);
    return srtp_err_status_ok;
}

static srtp_err_status_t hmac_compute(void *state, const uint8_t *buf, int len, int tag_len, uint8_t *tag)
{
    struct hmac_state *s = state;
    uint8_t digest[PLM_SHA1_DIGEST];
    if (tag_len > PLM_SHA1_DIGEST)
        return srtp_err_status_bad_param;
    SHA1_Update(&s->running, buf, (size_t)len);
    plm_hmac_sha1_final(&s->key, &s->running, digest);
    memcpy(tag, digest, (size_t)tag_len);
    return srtp_err_status_ok;
}

static const srtp_cipher_type_t gcm_128 = {gcm_alloc, cipher_dealloc, gcm_init, gcm_set_aad, gcm_encrypt,
    gcm_decrypt, gcm_set_iv, gcm_get_tag, "AES-128 GCM by EVP", &srtp_aes_gcm_128_test_case_0,
    SRTP_AES_GCM_128};
static const srtp_cipher_type_t gcm_256 = {gcm_alloc, cipher_dealloc, gcm_init, gcm_set_aad, gcm_encrypt,
    gcm_decrypt, gcm_set_iv, gcm_get_tag, "AES-256 GCM by EVP", &srtp_aes_gcm_256_test_case_0,
    SRTP_AES_GCM_256};
/* Counter mode is its own inverse, and what encrypts for GCM encrypts for it. */
static const srtp_cipher_type_t icm_128 = {icm_alloc, cipher_dealloc, icm_init, NULL, gcm_encrypt,
    gcm_encrypt, icm_set_iv, NULL, "AES-128 counter mode by EVP", &srtp_aes_icm_128_test_case_0,
    SRTP_AES_ICM_128};
static const srtp_auth_type_t hmac_sha1 = {hmac_alloc, hmac_dealloc, hmac_init, hmac_compute, hmac_update,
    hmac_start, "HMAC-SHA1 by OpenSSL", &srtp_hmac_test_case_0, SRTP_HMAC_SHA1};

int plm_srtp_kernels_evp_install(void)
{
    if (srtp_replace_cipher_type(&gcm_128, SRTP_AES_GCM_128) != srtp_err_status_ok ||
        srtp_replace_cipher_type(&gcm_256, SRTP_AES_GCM_256) != srtp_err_status_ok ||
        srtp_replace_cipher_type(&icm_128, SRTP_AES_ICM_128) != srtp_err_status_ok ||
        srtp_replace_auth_type(&hmac_sha1, SRTP_HMAC_SHA1) != srtp_err_status_ok)
        return PLM_ENOTSUP;
    return 0;
}
