#include "digest.h"

#include <sodium.h>
#include <string.h>

void plm_digest(char out[PLM_KEY_DIGEST_SIZE], const char *text)
{
    unsigned char digest[crypto_hash_sha256_BYTES];
    _Static_assert(PLM_KEY_DIGEST_SIZE == 2 * sizeof digest + 1, "two digits an octet");
    crypto_hash_sha256(digest, (const unsigned char *)text, strlen(text));
    sodium_bin2hex(out, PLM_KEY_DIGEST_SIZE, digest, sizeof digest);
}

bool plm_digest_equal(const char a[PLM_KEY_DIGEST_SIZE], const char b[PLM_KEY_DIGEST_SIZE])
{
    return *a && *b && sodium_memcmp(a, b, PLM_KEY_DIGEST_SIZE - 1) == 0;
}
