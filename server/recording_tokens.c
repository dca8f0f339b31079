#include "recording_tokens.h"

#include <openssl/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void sign(const struct plm_recording_tokens *t, const char *id, uint32_t epoch, uint64_t expires_s,
    char out[PLM_RECORDING_TOKEN_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;
    char text[128];
    int len =
        snprintf(text, sizeof(text), "recording %.32s %u %llu", id, epoch, (unsigned long long)expires_s);
    crypto_auth_hmacsha256_init(&state, t->key, sizeof(t->key));
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text, (size_t)len);
    crypto_auth_hmacsha256_final(&state, mac);
    int at = snprintf(out, PLM_RECORDING_TOKEN_SIZE, "%llu.", (unsigned long long)expires_s);
    for (size_t i = 0; i < sizeof(mac); i++) {
        out[at++] = digits[mac[i] >> 4];
        out[at++] = digits[mac[i] & 15];
    }
    out[at] = 0;
}

void plm_recording_token_make(const struct plm_recording_tokens *t, const char *id, uint32_t epoch,
    uint64_t expires_ms, char out[PLM_RECORDING_TOKEN_SIZE])
{
    sign(t, id, epoch, expires_ms / 1000, out);
}

bool plm_recording_token_good(
    const struct plm_recording_tokens *t, const char *id, uint32_t epoch, uint64_t now_ms, const char *token)
{
    char *end, right[PLM_RECORDING_TOKEN_SIZE];
    if (*token < '0' || *token > '9' || strlen(token) >= sizeof(right))
        return false;
    unsigned long long expires_s = strtoull(token, &end, 10);
    sign(t, id, epoch, expires_s, right);
    return *end == '.' && expires_s > now_ms / 1000 && strlen(token) == strlen(right) &&
           !CRYPTO_memcmp(token, right, strlen(right));
}
