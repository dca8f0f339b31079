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

int plm_http_tls_load(struct plm_http_tls **out, const struct plm_config *config, char *err, size_t err_size)
{
    const char *certificate = config->http.certificate;
    SSL_CTX *ctx = certificate ? SSL_CTX_new(TLS_server_method()) : NULL;
    if (certificate && !ctx)
        return refuse("certificate", certificate, "out of memory", err, err_size);
    int rc = certificate ? use_files(ctx, certificate, config->http.key, err, err_size) : 0;
    if (!rc && out)
        *out = (struct plm_http_tls *)ctx;
    else
        SSL_CTX_free(ctx);
    return rc;
}

/* What the connection has from its own context goes: a certificate of another kind of key would stay beside the new one. */
static int show(SSL *ssl, void *arg)
{
    SSL_CTX *from = *(SSL_CTX **)arg; /* handshakes that have begun keep the argument */
    STACK_OF(X509) *chain = NULL;
    SSL_CTX_get0_chain_certs(from, &chain);
    SSL_certs_clear(ssl);
    return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(from), SSL_CTX_get0_privatekey(from), chain, 1);
}

void plm_http_tls_serve(void *ssl_ctx, struct plm_http_tls **certificate)
{
    SSL_CTX_set_cert_cb(ssl_ctx, show, certificate);
}

void plm_http_tls_free(struct plm_http_tls *certificate)
{
    SSL_CTX_free((SSL_CTX *)certificate);
}
