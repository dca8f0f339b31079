#include "http_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int refuse(const char *key, const char *file, const char *why, char *err, size_t err_size)
{
    ERR_clear_error();
    snprintf(err, err_size, "http.tls.%s: %s: %s", key, file, why);
    return PLM_EINVAL;
}

static int use_files(SSL_CTX *ctx, const char *certificate, const char *key, char *err, size_t err_size)
{
    if (access(certificate, R_OK))
        return refuse("certificate", certificate, strerrordesc_np(errno), err, err_size);
    if (access(key, R_OK))
        return refuse("key", key, strerrordesc_np(errno), err, err_size);
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate) != 1)
        return refuse("certificate", certificate, "no certificate in PEM format", err, err_size);
    if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1 || SSL_CTX_check_private_key(ctx) != 1)
        return refuse(
            "key", key, "no private key in PEM format, or not that of the certificate", err, err_size);
    return 0;
}

int plm_http_tls_load(void *ssl_ctx, const struct plm_config *config, char *err, size_t err_size)
{
    if (!config->http.certificate)
        return 0;
    /* Tried on another one first: a file half written must not take the old certificate away. */
    SSL_CTX *trial = SSL_CTX_new(TLS_server_method());
    if (!trial)
        return refuse("certificate", config->http.certificate, "out of memory", err, err_size);
    int rc = use_files(trial, config->http.certificate, config->http.key, err, err_size);
    SSL_CTX_free(trial);
    if (!rc && ssl_ctx)
        rc = use_files(ssl_ctx, config->http.certificate, config->http.key, err, err_size);
    return rc;
}
