/*
 * What is left of a DTLS 1.2 association when OpenSSL's state (some 50 kB) is gone: the record keys, enough to believe a close_notify
 * of the peer's and to send ours.
 */
#ifndef PLM_DTLS_TAIL_H
#define PLM_DTLS_TAIL_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PLM_DTLS_CLOSE_SIZE 39 /* a record of one sealed alert at most */

struct plm_dtls_tail {
    const EVP_CIPHER *cipher;
    uint8_t key_len;
    uint8_t iv_len; /* 4: AES-GCM, the rest is explicit in the record; 12: ChaCha20-Poly1305 */
    uint8_t rx_key[32], tx_key[32];
    uint8_t rx_iv[12], tx_iv[12];
};

/** Derive the record keys of a finished handshake (RFC 5246 section 6.3). @return 0, PLM_ENOTSUP: a cipher that is not one of ours, PLM_ENOMEM */
int plm_dtls_tail_init(struct plm_dtls_tail *t, SSL *ssl);
void plm_dtls_tail_reset(struct plm_dtls_tail *t); /**< zeroes it */
/** Whether a datagram holds an authentic close_notify or fatal alert. */
bool plm_dtls_tail_is_close(const struct plm_dtls_tail *t, const uint8_t *data, size_t len);
/** Write a close_notify. Once in the life of an association. @return its octets, 0: OpenSSL failed */
size_t plm_dtls_tail_close(const struct plm_dtls_tail *t, uint8_t out[PLM_DTLS_CLOSE_SIZE]);

#endif
