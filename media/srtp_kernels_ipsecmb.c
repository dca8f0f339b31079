#include "plenum/types.h"
#include "srtp_kernels.h"

#ifdef PLM_HAVE_IPSEC_MB

#include "ipsecmb.h"

#include <openssl/crypto.h>
#include <srtp2/cipher.h>
#include <srtp2/crypto_types.h>
#include <stdlib.h>
#include <string.h>

#define GCM_SALT      12
#define GCM_MAX_TAG   16
#define GCM_MAX_SPLIT 512 /* octets of associated data that come in two parts: SRTCP's header and index */

extern const srtp_cipher_test_case_t srtp_aes_gcm_128_test_case_0;
extern const srtp_cipher_test_case_t srtp_aes_gcm_256_test_case_0;

static const srtp_cipher_type_t gcm_128, gcm_256;

struct gcm_state {
    struct gcm_key_data key;
    struct gcm_context_data run;
    bool wide; /* 256-bit key */
    bool started;
    uint32_t tag_len;
    /* Borrowed: libsrtp keeps them until the packet is done. */
    const uint8_t *aad[2];
    uint32_t aad_len[2];
    uint8_t iv[GCM_SALT];
};

static srtp_err_status_t gcm_alloc(srtp_cipher_t **out, int key_len, int tag_len)
{
    bool wide = key_len == 32 + GCM_SALT;
    if ((!wide && key_len != 16 + GCM_SALT) || tag_len < 8 || tag_len > GCM_MAX_TAG)
        return srtp_err_status_bad_param;
    srtp_cipher_t *c = calloc(1, sizeof *c);
    struct gcm_state *s = plm_ipsecmb_alloc(sizeof *s);
    if (!c || !s) {
        free(s);
        free(c);
        return srtp_err_status_alloc_fail;
    }
    s->wide = wide;
    s->tag_len = (uint32_t)tag_len;
    c->type = wide ? &gcm_256 : &gcm_128;
    c->state = s;
    c->key_len = key_len;
    c->algorithm = c->type->id; /* libsrtp chooses the AEAD path by it */
    *out = c;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_dealloc(srtp_cipher_t *c)
{
    OPENSSL_cleanse(c->state, sizeof(struct gcm_state));
    free(c->state);
    free(c);
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_init(void *state, const uint8_t *key)
{
    struct gcm_state *s = state;
    plm_ipsecmb_gcm_key(plm_ipsecmb_shared(), &s->key, key, s->wide);
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_set_iv(void *state, uint8_t *iv, srtp_cipher_direction_t direction)
{
    struct gcm_state *s = state;
    (void)direction;
    memcpy(s->iv, iv, sizeof s->iv);
    s->aad_len[0] = s->aad_len[1] = 0;
    s->started = false;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_set_aad(void *state, const uint8_t *aad, uint32_t len)
{
    struct gcm_state *s = state;
    unsigned part = s->aad_len[0] == 0 ? 0 : 1;
    if (s->aad_len[part] != 0 || (part == 1 && (len > GCM_MAX_SPLIT || s->aad_len[0] > GCM_MAX_SPLIT - len)))
        return srtp_err_status_bad_param;
    s->aad[part] = aad;
    s->aad_len[part] = len;
    return srtp_err_status_ok;
}

static void gcm_begin(struct gcm_state *s)
{
    IMB_MGR *m = plm_ipsecmb_shared();
    const uint8_t *aad = s->aad[0];
    uint8_t joined[GCM_MAX_SPLIT];
    if (s->aad_len[1] > 0) {
        memcpy(joined, s->aad[0], s->aad_len[0]);
        memcpy(joined + s->aad_len[0], s->aad[1], s->aad_len[1]);
        aad = joined;
    }
    uint32_t len = s->aad_len[0] + s->aad_len[1];
    if (s->wide)
        IMB_AES256_GCM_INIT(m, &s->key, &s->run, s->iv, aad, len);
    else
        IMB_AES128_GCM_INIT(m, &s->key, &s->run, s->iv, aad, len);
    s->started = true;
}

static srtp_err_status_t gcm_encrypt(void *state, uint8_t *buf, unsigned int *len)
{
    struct gcm_state *s = state;
    IMB_MGR *m = plm_ipsecmb_shared();
    gcm_begin(s);
    if (s->wide)
        IMB_AES256_GCM_ENC_UPDATE(m, &s->key, &s->run, buf, buf, *len);
    else
        IMB_AES128_GCM_ENC_UPDATE(m, &s->key, &s->run, buf, buf, *len);
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_get_tag(void *state, uint8_t *tag, uint32_t *len)
{
    struct gcm_state *s = state;
    IMB_MGR *m = plm_ipsecmb_shared();
    if (!s->started) /* authenticated only */
        gcm_begin(s);
    if (s->wide)
        IMB_AES256_GCM_ENC_FINALIZE(m, &s->key, &s->run, tag, s->tag_len);
    else
        IMB_AES128_GCM_ENC_FINALIZE(m, &s->key, &s->run, tag, s->tag_len);
    *len = s->tag_len;
    return srtp_err_status_ok;
}

static srtp_err_status_t gcm_decrypt(void *state, uint8_t *buf, unsigned int *len)
{
    struct gcm_state *s = state;
    IMB_MGR *m = plm_ipsecmb_shared();
    uint8_t tag[GCM_MAX_TAG];
    if (*len < s->tag_len)
        return srtp_err_status_bad_param;
    unsigned body = *len - s->tag_len;
    gcm_begin(s);
    if (s->wide) {
        IMB_AES256_GCM_DEC_UPDATE(m, &s->key, &s->run, buf, buf, body);
        IMB_AES256_GCM_DEC_FINALIZE(m, &s->key, &s->run, tag, s->tag_len);
    } else {
        IMB_AES128_GCM_DEC_UPDATE(m, &s->key, &s->run, buf, buf, body);
        IMB_AES128_GCM_DEC_FINALIZE(m, &s->key, &s->run, tag, s->tag_len);
    }
    if (CRYPTO_memcmp(tag, buf + body, s->tag_len) != 0)
        return srtp_err_status_auth_fail;
    *len = body;
    return srtp_err_status_ok;
}

static const srtp_cipher_type_t gcm_128 = {gcm_alloc, gcm_dealloc, gcm_init, gcm_set_aad, gcm_encrypt,
    gcm_decrypt, gcm_set_iv, gcm_get_tag, "AES-128 GCM by ipsec-mb", &srtp_aes_gcm_128_test_case_0,
    SRTP_AES_GCM_128};
static const srtp_cipher_type_t gcm_256 = {gcm_alloc, gcm_dealloc, gcm_init, gcm_set_aad, gcm_encrypt,
    gcm_decrypt, gcm_set_iv, gcm_get_tag, "AES-256 GCM by ipsec-mb", &srtp_aes_gcm_256_test_case_0,
    SRTP_AES_GCM_256};

int plm_srtp_kernels_ipsecmb_install(void)
{
    if (!plm_ipsecmb_shared())
        return PLM_ENOTSUP;
    if (srtp_replace_cipher_type(&gcm_128, SRTP_AES_GCM_128) != srtp_err_status_ok ||
        srtp_replace_cipher_type(&gcm_256, SRTP_AES_GCM_256) != srtp_err_status_ok)
        return PLM_ENOTSUP;
    return 0;
}

#else

int plm_srtp_kernels_ipsecmb_install(void)
{
    return PLM_ENOTSUP;
}

#endif
