/*
 * What our DTLS certificate offers beyond security.h: only files that speak OpenSSL include this.
 */
#ifndef PLM_IDENTITY_H
#define PLM_IDENTITY_H

#include "security.h"

#include <openssl/ssl.h>

/** Make a context present our certificate; it takes references of its own. @return 0 or PLM_EINVAL. Any thread. */
int plm_identity_use(const struct plm_identity *id, SSL_CTX *ctx);

#endif
