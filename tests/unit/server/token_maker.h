/* Tokens as others make them, well or badly: any header, any claims, any signature. With OpenSSL alone, so that libjwt judges them. */
#ifndef TOKEN_MAKER_H
#define TOKEN_MAKER_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline size_t base64url(char *out, const void *octets, size_t len)
{
    size_t n = (size_t)EVP_EncodeBlock((unsigned char *)out, octets, (int)len);
    while (n && out[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
    out[n] = 0;
    return n;
}

/** "header.claims" as it is signed; free(). */
static inline char *token_text(const char *header, const char *claims)
{
    char *token = malloc(2 * (strlen(header) + strlen(claims)) + 2048);
    size_t n = base64url(token, header, strlen(header));
    token[n++] = '.';
    base64url(token + n, claims, strlen(claims));
    return token;
}

static inline char *token_append(char *token, const void *signature, size_t len)
{
    size_t n = strlen(token);
    token[n++] = '.';
    base64url(token + n, signature, len);
    return token;
}

static inline char *token_hmac(const char *header, const char *claims, const char *secret, const EVP_MD *md)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len;
    char *token = token_text(header, claims);
    HMAC(md, secret, (int)strlen(secret), (unsigned char *)token, strlen(token), mac, &len);
    return token_append(token, mac, len);
}

/* RFC 7518 section 3.4: r and s, 32 octets each, not what OpenSSL writes. */
static inline size_t raw_ecdsa(unsigned char *signature, size_t len)
{
    const unsigned char *p = signature;
    unsigned char raw[64];
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)len);
    BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 32, 32);
    ECDSA_SIG_free(s);
    memcpy(signature, raw, sizeof raw);
    return sizeof raw;
}

/** RS256 or ES256, as the key is. */
static inline char *token_sign(const char *header, const char *claims, EVP_PKEY *key)
{
    unsigned char signature[512];
    size_t len = sizeof signature;
    char *token = token_text(header, claims);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    if (EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
        EVP_DigestSign(ctx, signature, &len, (unsigned char *)token, strlen(token)) != 1)
        abort();
    EVP_MD_CTX_free(ctx);
    if (EVP_PKEY_is_a(key, "EC"))
        len = raw_ecdsa(signature, len);
    return token_append(token, signature, len);
}

/** The public half in PEM. @param out at least 2048 octets */
static inline void public_pem(char *out, EVP_PKEY *key)
{
    BIO *bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key);
    int n = BIO_read(bio, out, 2047);
    out[n] = 0;
    BIO_free(bio);
}

#endif
