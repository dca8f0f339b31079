/* SHA-256 of secrets that are random themselves, such as an owner's key: they need no slow hash. Allocates nothing. */
#ifndef PLM_SIGNALING_DIGEST_H
#define PLM_SIGNALING_DIGEST_H

#include "settings.h"

/** The digest of a text as lower-case hex. */
void plm_digest(char out[PLM_KEY_DIGEST_SIZE], const char *text);
/** Are two digests the same? Takes the same time wherever they differ. An empty one equals nothing. */
bool plm_digest_equal(const char a[PLM_KEY_DIGEST_SIZE], const char b[PLM_KEY_DIGEST_SIZE]);

#endif
