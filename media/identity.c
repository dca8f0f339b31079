#include "identity.h"

#include <openssl/ec.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define BACKDATE_S (-24L * 3600)           /* clocks of peers may be behind */
#define LIFETIME_S (10L * 365 * 24 * 3600) /* longer than any process: the fingerprint is what is checked */

struct plm_identity {
    X509 *cert;
    EVP_PKEY *key;
    struct plm_fingerprint fingerprint;
};

static int set_serial_and_name(X509 *cert)
{
    uint64_t serial;
    X509_NAME *name = X509_get_subject_name(cert);
    if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1 ||
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) != 1)
        return PLM_ENOMEM;
    /* No host name, no version: a certificate that says nothing about the machine. */
    if (X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"plenum", -1, -1, 0) !=
            1 ||
        X509_set_issuer_name(cert, name) != 1)
        return PLM_ENOMEM;
    return 0;
}

static int make_certificate(struct plm_identity *id)
{
    id->cert = X509_new();
    if (!id->cert || X509_set_version(id->cert, X509_VERSION_3) != 1 || set_serial_and_name(id->cert) != 0)
        return PLM_ENOMEM;
    if (!X509_gmtime_adj(X509_getm_notBefore(id->cert), BACKDATE_S) ||
        !X509_gmtime_adj(X509_getm_notAfter(id->cert), LIFETIME_S))
        return PLM_ENOMEM;
    if (X509_set_pubkey(id->cert, id->key) != 1 || X509_sign(id->cert, id->key, EVP_sha256()) <= 0)
        return PLM_ENOMEM;
    return 0;
}

int plm_identity_create(struct plm_identity **out)
{
    int err = PLM_ENOMEM;
    unsigned n = 0;
    struct plm_identity *id = calloc(1, sizeof *id);
    if (!id)
        return PLM_ENOMEM;
    id->key = EVP_EC_gen("P-256");
    if (!id->key || make_certificate(id) != 0)
        goto out;
    if (X509_digest(id->cert, EVP_sha256(), id->fingerprint.value, &n) != 1)
        goto out;
    id->fingerprint.len = (uint8_t)n;
    *out = id;
    id = NULL;
    err = 0;
out:
    plm_identity_destroy(id);
    return err;
}

void plm_identity_destroy(struct plm_identity *id)
{
    if (!id)
        return;
    X509_free(id->cert);
    EVP_PKEY_free(id->key); /* clears the private number */
    free(id);
}

const struct plm_fingerprint *plm_identity_fingerprint(const struct plm_identity *id)
{
    return &id->fingerprint;
}

int plm_identity_use(const struct plm_identity *id, SSL_CTX *ctx)
{
    if (SSL_CTX_use_certificate(ctx, id->cert) != 1 || SSL_CTX_use_PrivateKey(ctx, id->key) != 1)
        return PLM_EINVAL;
    return 0;
}
