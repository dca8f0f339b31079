#include "hmac_sha1.h"

#include <openssl/crypto.h>
#include <string.h>

static void start(SHA_CTX *ctx, const uint8_t *key, size_t key_len, uint8_t pad)
{
    uint8_t block[PLM_SHA1_BLOCK];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < key_len; i++)
        block[i] ^= key[i];
    SHA1_Init(ctx);
    SHA1_Update(ctx, block, sizeof block);
    OPENSSL_cleanse(block, sizeof block);
}

void plm_hmac_sha1_init(struct plm_hmac_sha1 *h, const uint8_t *key, size_t key_len)
{
    start(&h->inner, key, key_len, 0x36);
    start(&h->outer, key, key_len, 0x5c);
}

void plm_hmac_sha1_final(const struct plm_hmac_sha1 *h, SHA_CTX *running, uint8_t digest[PLM_SHA1_DIGEST])
{
    SHA1_Final(digest, running);
    *running = h->outer;
    SHA1_Update(running, digest, PLM_SHA1_DIGEST);
    SHA1_Final(digest, running);
}
