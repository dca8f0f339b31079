#include "dtls_tail.h"
#include "plenum/types.h"

#include <openssl/core_names.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#define RECORD_HEADER 13
#define ALERT         2 /* level, description */
#define TAG           16
#define EXPLICIT      8
/* Far above what OpenSSL can have used by the end of a handshake: the peer has not seen it, nor has it been a nonce. */
#define CLOSE_SEQUENCE 0x100000

static bool set_cipher(struct plm_dtls_tail *t, const SSL_CIPHER *cipher)
{
    switch (SSL_CIPHER_get_cipher_nid(cipher)) {
    case NID_aes_128_gcm:
        t->cipher = EVP_aes_128_gcm();
        t->key_len = 16;
        t->iv_len = 4;
        return true;
    case NID_aes_256_gcm:
        t->cipher = EVP_aes_256_gcm();
        t->key_len = 32;
        t->iv_len = 4;
        return true;
    case NID_chacha20_poly1305:
        t->cipher = EVP_chacha20_poly1305();
        t->key_len = 32;
        t->iv_len = 12;
        return true;
    default:
        return false;
    }
}

/** RFC 5246 section 6.3: PRF(master secret, "key expansion", server random + client random). */
static bool expand_keys(SSL *ssl, uint8_t *out, size_t len)
{
    uint8_t master[SSL_MAX_MASTER_KEY_LENGTH], seed[2 * SSL3_RANDOM_SIZE];
    const EVP_MD *md = SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl));
    size_t master_len = SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master);
    SSL_get_server_random(ssl, seed, SSL3_RANDOM_SIZE);
    SSL_get_client_random(ssl, seed + SSL3_RANDOM_SIZE, SSL3_RANDOM_SIZE);
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
    EVP_KDF_CTX *ctx = EVP_KDF_CTX_new(kdf);
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)EVP_MD_get0_name(md), 0),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, master, master_len),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, "key expansion", sizeof "key expansion" - 1),
        OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
        OSSL_PARAM_construct_end(),
    };
    bool good = ctx && EVP_KDF_derive(ctx, out, len, params) == 1;
    EVP_KDF_CTX_free(ctx);
    EVP_KDF_free(kdf);
    OPENSSL_cleanse(master, sizeof master);
    return good;
}

int plm_dtls_tail_init(struct plm_dtls_tail *t, SSL *ssl)
{
    uint8_t block[2 * (32 + 12)];
    if (!set_cipher(t, SSL_get_current_cipher(ssl)))
        return PLM_ENOTSUP;
    size_t key = t->key_len, iv = t->iv_len;
    if (!expand_keys(ssl, block, 2 * (key + iv)))
        return PLM_ENOMEM;
    /* In this order: client's key, server's key, client's IV, server's IV. */
    bool server = SSL_is_server(ssl);
    memcpy(server ? t->rx_key : t->tx_key, block, key);
    memcpy(server ? t->tx_key : t->rx_key, block + key, key);
    memcpy(server ? t->rx_iv : t->tx_iv, block + 2 * key, iv);
    memcpy(server ? t->tx_iv : t->rx_iv, block + 2 * key + iv, iv);
    OPENSSL_cleanse(block, sizeof block);
    return 0;
}

void plm_dtls_tail_reset(struct plm_dtls_tail *t)
{
    OPENSSL_cleanse(t, sizeof *t);
}

/** RFC 5288 section 3: fixed part and explicit part. RFC 7905 section 2: epoch and sequence number mixed into the IV. */
static void make_nonce(
    uint8_t nonce[12], const struct plm_dtls_tail *t, const uint8_t *iv, const uint8_t *record)
{
    memcpy(nonce, iv, t->iv_len);
    if (t->iv_len == 4)
        memcpy(nonce + 4, record + RECORD_HEADER, EXPLICIT);
    else
        for (size_t i = 0; i < 8; i++)
            nonce[4 + i] ^= record[3 + i];
}

/** RFC 5246 section 6.2.3.3: epoch and sequence number, type, version, length of the plaintext. */
static void make_aad(uint8_t aad[13], const uint8_t *record)
{
    memcpy(aad, record + 3, 8);
    memcpy(aad + 8, record, 3);
    aad[11] = 0;
    aad[12] = ALERT;
}

/** @param record of header and sealed_size() octets @return whether it is authentic; then alert is filled */
static bool open_alert(const struct plm_dtls_tail *t, const uint8_t *record, uint8_t alert[ALERT])
{
    const uint8_t *sealed = record + RECORD_HEADER + (t->iv_len == 4 ? EXPLICIT : 0);
    uint8_t nonce[12], aad[13], tag[TAG], none[TAG];
    int n;
    make_nonce(nonce, t, t->rx_iv, record);
    make_aad(aad, record);
    memcpy(tag, sealed + ALERT, TAG);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx && EVP_DecryptInit_ex(ctx, t->cipher, NULL, t->rx_key, nonce) == 1 &&
                EVP_DecryptUpdate(ctx, NULL, &n, aad, sizeof aad) == 1 &&
                EVP_DecryptUpdate(ctx, alert, &n, sealed, ALERT) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, TAG, tag) == 1 &&
                EVP_DecryptFinal_ex(ctx, none, &n) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good;
}

static size_t sealed_size(const struct plm_dtls_tail *t)
{
    return (t->iv_len == 4 ? EXPLICIT : 0) + ALERT + TAG;
}

bool plm_dtls_tail_is_close(const struct plm_dtls_tail *t, const uint8_t *data, size_t len)
{
    while (len >= RECORD_HEADER) {
        size_t body = (size_t)data[11] << 8 | data[12];
        uint8_t alert[ALERT];
        if (body > len - RECORD_HEADER)
            return false;
        bool sealed = data[3] == 0 && data[4] == 1 && body == sealed_size(t);
        if (data[0] == SSL3_RT_ALERT && sealed && open_alert(t, data, alert) &&
            (alert[1] == SSL3_AD_CLOSE_NOTIFY || alert[0] == SSL3_AL_FATAL))
            return true;
        data += RECORD_HEADER + body;
        len -= RECORD_HEADER + body;
    }
    return false;
}

size_t plm_dtls_tail_close(const struct plm_dtls_tail *t, uint8_t out[PLM_DTLS_CLOSE_SIZE])
{
    static const uint8_t close_notify[ALERT] = {SSL3_AL_WARNING, SSL3_AD_CLOSE_NOTIFY};
    uint8_t nonce[12], aad[13];
    int n;
    size_t body = sealed_size(t);
    const uint8_t header[RECORD_HEADER] = {SSL3_RT_ALERT, 0xfe, 0xfd, 0, 1, 0, 0, 0,
        (CLOSE_SEQUENCE >> 16) & 0xff, (CLOSE_SEQUENCE >> 8) & 0xff, CLOSE_SEQUENCE & 0xff, 0, (uint8_t)body};
    memcpy(out, header, sizeof header);
    uint8_t *sealed = out + RECORD_HEADER;
    if (t->iv_len == 4) {
        /* OpenSSL counts on from a random number: another one meets it with odds of 2^-60. */
        if (RAND_bytes(sealed, EXPLICIT) != 1)
            return 0;
        sealed += EXPLICIT;
    }
    make_nonce(nonce, t, t->tx_iv, out);
    make_aad(aad, out);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool good = ctx && EVP_EncryptInit_ex(ctx, t->cipher, NULL, t->tx_key, nonce) == 1 &&
                EVP_EncryptUpdate(ctx, NULL, &n, aad, sizeof aad) == 1 &&
                EVP_EncryptUpdate(ctx, sealed, &n, close_notify, ALERT) == 1 &&
                EVP_EncryptFinal_ex(ctx, sealed + ALERT, &n) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, TAG, sealed + ALERT) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return good ? RECORD_HEADER + body : 0;
}
