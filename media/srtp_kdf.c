#include "srtp_kdf.h"

#include <openssl/evp.h>
#include <string.h>

/* RFC 3711 section 4.3.2: labels of the RTP keys. */
enum label {
    LABEL_ENCRYPTION = 0,
    LABEL_AUTHENTICATION = 1,
    LABEL_SALT = 2,
};

#define LABEL_AT 7 /* key_id is label || r (48 bits, 0), right-aligned in the 112-bit salt */

static int derive(EVP_CIPHER_CTX *ctx, const uint8_t salt[14], enum label label, uint8_t *out, size_t len)
{
    uint8_t counter[16] = {0};
    int n;
    memcpy(counter, salt, 14);
    counter[LABEL_AT] ^= (uint8_t)label;
    memset(out, 0, len);
    if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, counter) != 1 ||
        EVP_EncryptUpdate(ctx, out, &n, out, (int)len) != 1)
        return PLM_ENOMEM;
    return 0;
}

int plm_srtp_kdf(struct plm_srtp_session_keys *out, enum plm_srtp_profile profile, const uint8_t *master)
{
    struct plm_srtp_keys shape;
    uint8_t salt[14] = {0}; /* a 96-bit salt is padded on the right */
    int err = PLM_ENOMEM;
    if (plm_srtp_keys_shape(&shape, profile) != 0)
        return PLM_EINVAL;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    memset(out, 0, sizeof *out);
    out->profile = profile;
    out->key_len = shape.key_len;
    out->salt_len = shape.salt_len;
    memcpy(salt, master + shape.key_len, shape.salt_len);
    const EVP_CIPHER *prf = shape.key_len == 32 ? EVP_aes_256_ctr() : EVP_aes_128_ctr();
    if (!ctx || EVP_EncryptInit_ex(ctx, prf, NULL, master, NULL) != 1)
        goto out;
    err = derive(ctx, salt, LABEL_ENCRYPTION, out->key, out->key_len);
    if (err == 0)
        err = derive(ctx, salt, LABEL_SALT, out->salt, out->salt_len);
    if (err == 0 && profile == PLM_SRTP_AES128_CM_SHA1_80)
        err = derive(ctx, salt, LABEL_AUTHENTICATION, out->auth, sizeof out->auth);
out:
    EVP_CIPHER_CTX_free(ctx);
    OPENSSL_cleanse(salt, sizeof salt);
    return err;
}
