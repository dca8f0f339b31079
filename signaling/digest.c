#include "digest.h"

#include "plenum/types.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>

int plm_digest(char out[PLM_KEY_DIGEST_SIZE], const char *text)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (!EVP_Digest(text, strlen(text), md, &len, EVP_sha256(), NULL) || 2 * len >= PLM_KEY_DIGEST_SIZE)
        return PLM_ENOMEM;
    for (unsigned i = 0; i < len; i++) {
        out[2 * i] = digits[md[i] >> 4];
        out[2 * i + 1] = digits[md[i] & 15];
    }
    out[2 * len] = 0;
    return 0;
}

bool plm_digest_equal(const char a[PLM_KEY_DIGEST_SIZE], const char b[PLM_KEY_DIGEST_SIZE])
{
    return *a && *b && CRYPTO_memcmp(a, b, PLM_KEY_DIGEST_SIZE - 1) == 0;
}
