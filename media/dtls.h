/*
 * One DTLS 1.2 association over datagrams that somebody else carries (RFC 6347, RFC 5764). OpenSSL, no socket.
 * Its retransmission timer is OpenSSL's and runs on the system's clock; now_us only says when to be polled again.
 * One thread for a context and all its associations.
 */
#ifndef PLM_DTLS_H
#define PLM_DTLS_H

#include "security.h"
#include "srtp.h"

struct plm_dtls_ctx; /**< certificate, cipher and profile policy of one worker */
struct plm_dtls;     /**< one association */

/** @param prefer  IANA number of the SRTP profile that comes first, 0: the default. @return 0, PLM_EINVAL (no such profile), PLM_ENOMEM */
int plm_dtls_ctx_create(struct plm_dtls_ctx **out, const struct plm_identity *id, uint16_t prefer);
/** After the last of its associations. */
void plm_dtls_ctx_destroy(struct plm_dtls_ctx *ctx);

enum plm_dtls_state {
    PLM_DTLS_HANDSHAKE = 0,
    PLM_DTLS_ESTABLISHED,
    PLM_DTLS_CLOSED,          /**< close_notify or a fatal alert came, authenticated */
    PLM_DTLS_FAILED,          /**< handshake failed, or no SRTP profile was agreed */
    PLM_DTLS_BAD_FINGERPRINT, /**< the certificate is not the announced one */
};

#define PLM_DTLS_MAX_DATAGRAM 2048

/** @param config its send callback is used, its event callback is not. @return 0, PLM_EINVAL (fingerprint of a length that no hash has), PLM_ENOMEM */
int plm_dtls_create(struct plm_dtls **out, struct plm_dtls_ctx *ctx, const struct plm_sec_config *config);
void plm_dtls_destroy(struct plm_dtls *d);
/** Send the first ClientHello; nothing for a server. */
void plm_dtls_start(struct plm_dtls *d);
/**
 * Take one datagram. Look at the state afterwards. A server whose handshake breaks down at what may be forged begins anew, silently and at
 * most seven times, with the peer's next ClientHello; only another certificate than the announced one ends it at once.
 * @return 0, or PLM_EINVAL: not DTLS records, too large, unexpected in this state, or beyond what a handshake may take; nothing changed
 */
int plm_dtls_on_datagram(struct plm_dtls *d, const uint8_t *data, size_t len, uint64_t now_us);
/** Retransmit what is due, free what is no longer needed. @return when to be called again, UINT64_MAX: never */
uint64_t plm_dtls_poll(struct plm_dtls *d, uint64_t now_us);
/** Send close_notify if established; the state becomes closed. */
void plm_dtls_close(struct plm_dtls *d);
enum plm_dtls_state plm_dtls_state(const struct plm_dtls *d);
/** Export the SRTP keys (RFC 5764 section 4.2), once, right after the state became established. The caller cleanses them. @return 0, PLM_ESTATE */
int plm_dtls_export(struct plm_dtls *d, struct plm_srtp_keys *out);

#endif
