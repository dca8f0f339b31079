/*
 * The certificate of HTTPS: looked at before libwebsockets is, so that errors name the key of the configuration, and exchanged
 * while the server runs.
 */
#ifndef PLM_SERVER_HTTP_TLS_H
#define PLM_SERVER_HTTP_TLS_H

#include "config.h"

/**
 * Read the PEM files of http.tls and see that they belong together.
 * @param ssl_ctx  an SSL_CTX that new connections use from now on, unless it fails; NULL: only look
 * @param err      filled unless 0
 * @return 0 (also when no certificate is configured) or PLM_EINVAL
 */
int plm_http_tls_load(void *ssl_ctx, const struct plm_config *config, char *err, size_t err_size);

#endif
