#include "sealer.h"

#include "die.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#ifdef PLM_HAVE_IPSEC_MB
#include <intel-ipsec-mb.h>
#endif

#define NONCE   12
#define KEY     16
#define ALIGNED 64

struct sealer {
    enum sealer_kind kind;
    unsigned n_keys;
    uint64_t counter;
    EVP_CIPHER_CTX **evp;
#ifdef PLM_HAVE_IPSEC_MB
    IMB_MGR *mgr;
    struct gcm_key_data *imb;
#endif
};

static void make_key(uint8_t key[KEY], unsigned i)
{
    memset(key, 0, KEY);
    memcpy(key, &i, sizeof i);
}

static void open_evp(struct sealer *s)
{
    uint8_t key[KEY];
    s->evp = calloc(s->n_keys, sizeof(EVP_CIPHER_CTX *));
    for (unsigned i = 0; s->evp && i < s->n_keys; i++) {
        make_key(key, i);
        s->evp[i] = EVP_CIPHER_CTX_new();
        if (!s->evp[i] || EVP_EncryptInit_ex(s->evp[i], EVP_aes_128_gcm(), NULL, key, NULL) != 1)
            die("no EVP context");
    }
    if (!s->evp)
        die("out of memory");
}

static void seal_evp(
    struct sealer *s, unsigned key, const uint8_t *iv, const uint8_t *plain, size_t payload, uint8_t *out)
{
    EVP_CIPHER_CTX *ctx = s->evp[key];
    uint8_t *body = out + SEALER_HEADER;
    int n;
    if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, iv) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &n, out, SEALER_HEADER) != 1 ||
        EVP_EncryptUpdate(ctx, body, &n, plain + SEALER_HEADER, (int)payload) != 1 ||
        EVP_EncryptFinal_ex(ctx, body + payload, &n) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, SEALER_TAG, body + payload) != 1)
        die("EVP does not seal");
}

#ifdef PLM_HAVE_IPSEC_MB
static void open_imb(struct sealer *s)
{
    uint8_t key[KEY];
    s->mgr = alloc_mb_mgr(0);
    s->imb = aligned_alloc(ALIGNED, s->n_keys * sizeof *s->imb);
    if (!s->mgr || !s->imb)
        die("no ipsec-mb");
    init_mb_mgr_auto(s->mgr, NULL);
    for (unsigned i = 0; i < s->n_keys; i++) {
        make_key(key, i);
        IMB_AES128_GCM_PRE(s->mgr, key, &s->imb[i]);
    }
}
#endif

struct sealer *sealer_create(enum sealer_kind kind, unsigned n_keys)
{
    struct sealer *s = calloc(1, sizeof *s);
    if (!s)
        die("out of memory");
    s->kind = kind;
    s->n_keys = n_keys;
    if (kind == SEALER_EVP) {
        open_evp(s);
        return s;
    }
#ifdef PLM_HAVE_IPSEC_MB
    open_imb(s);
    return s;
#else
    free(s);
    return NULL;
#endif
}

void sealer_destroy(struct sealer *s)
{
    if (!s)
        return;
    for (unsigned i = 0; s->evp && i < s->n_keys; i++)
        EVP_CIPHER_CTX_free(s->evp[i]);
    free(s->evp);
#ifdef PLM_HAVE_IPSEC_MB
    free(s->imb);
    if (s->mgr)
        free_mb_mgr(s->mgr);
#endif
    free(s);
}

void sealer_seal(struct sealer *s, unsigned key, const uint8_t *plain, size_t payload, uint8_t *out)
{
    uint8_t iv[NONCE] = {0};
    s->counter++;
    memcpy(iv, &s->counter, sizeof s->counter);
    memcpy(out, plain, SEALER_HEADER);
    if (s->kind == SEALER_EVP) {
        seal_evp(s, key, iv, plain, payload, out);
        return;
    }
#ifdef PLM_HAVE_IPSEC_MB
    struct gcm_context_data ctx;
    IMB_AES128_GCM_ENC(s->mgr, &s->imb[key], &ctx, out + SEALER_HEADER, plain + SEALER_HEADER, payload, iv,
        out, SEALER_HEADER, out + SEALER_HEADER + payload, SEALER_TAG);
#endif
}
