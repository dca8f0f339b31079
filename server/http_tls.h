/*
 * The certificate of HTTPS: looked at before libwebsockets is, so that errors name the key of the configuration, and exchanged
 * while the server runs.
 */
#ifndef PLM_SERVER_HTTP_TLS_H
#define PLM_SERVER_HTTP_TLS_H

#include "config.h"

/** A certificate with its chain and key. */
struct plm_http_tls;

/**
 * Read the PEM files of http.tls and see that they belong together.
 * @param out  written when 0 is returned, with NULL when no certificate is configured; NULL: only look
 * @param err  filled unless 0
 * @return 0 (also when no certificate is configured) or PLM_EINVAL
 */
int plm_http_tls_load(struct plm_http_tls **out, const struct plm_config *config, char *err, size_t err_size);
/**
 * Connections of an SSL_CTX are shown this one and none other, whatever its kind of key.
 * @param certificate read at each handshake, also at one that had begun before it was written; lives as long as connections
 */
void plm_http_tls_serve(void *ssl_ctx, struct plm_http_tls **certificate);
/** NULL is fine. */
void plm_http_tls_free(struct plm_http_tls *certificate);

#endif
