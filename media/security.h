/*
 * How the core sees security: one table of functions for handshake, open and seal, and a source of random octets.
 * security_dtls.c fills it with OpenSSL and libsrtp2; the simulator with a sealing of equal length and a scripted handshake.
 * One context per worker; nothing of it is shared between threads.
 */
#ifndef PLM_SECURITY_H
#define PLM_SECURITY_H

#include "plenum/rtp_params.h"

struct plm_sec_session; /**< one transport's handshake and keys */
struct plm_seal_key;    /**< what sealing one transport's RTP needs; owned by its session */

enum plm_sec_event {
    PLM_SEC_ESTABLISHED = 1, /**< fingerprint and profile agreed, keys installed */
    PLM_SEC_FAILED,          /**< handshake failed; the session is dead */
    PLM_SEC_BAD_FINGERPRINT, /**< the certificate is not the announced one; the session is dead */
    PLM_SEC_CLOSED,          /**< close_notify from the peer */
};

struct plm_sec_callbacks {
    /** Send one handshake datagram to the transport's present address. Octets borrowed for the call. */
    void (*send)(void *arg, const uint8_t *data, size_t len);
    /** May be called from within on_datagram and poll; the session must not be destroyed from here. */
    void (*event)(void *arg, enum plm_sec_event ev);
};

struct plm_sec_config {
    enum plm_setup setup;
    struct plm_fingerprint fingerprint; /**< the peer's, len > 0 */
    struct plm_sec_callbacks cb;
    void *arg;
};

/**
 * One RTP packet to be sealed from shared plaintext into its own place.
 * `out` already holds the RTP header with its extensions (hdr_len octets, the associated data). Behind it comes the payload:
 * prefix, then body, then `pad` octets of RTP padding (the last one holds the count; the header's P bit is already set), then the tag.
 * Nothing of body is modified.
 */
struct plm_seal_job {
    struct plm_seal_key *key;
    uint64_t ext_seq;      /**< SRTP index: roll-over counter << 16 | sequence number */
    uint32_t ssrc;
    uint8_t *out;
    const uint8_t *prefix; /**< replaces the first octets of the payload: payload descriptor, or RTX's original sequence number */
    const uint8_t *body;
    uint16_t hdr_len;
    uint16_t prefix_len;
    uint16_t body_len;
    uint16_t pad;          /**< 0..255 */
    uint16_t out_len;      /**< set by seal: octets of the SRTP packet, 0 when sealing failed */
};

struct plm_security_ops {
    /** @return 0, PLM_EINVAL, PLM_ENOMEM */
    int (*session_create)(void *ctx, const struct plm_sec_config *config, struct plm_sec_session **out, uint64_t now_us);
    /** Zeroes keys. */
    void (*session_destroy)(struct plm_sec_session *s);
    /** Begin the handshake as DTLS client; nothing to do for a server. */
    void (*start)(struct plm_sec_session *s, uint64_t now_us);
    /** Feed one DTLS datagram. @return 0, or PLM_EINVAL: counted drop */
    int (*on_datagram)(struct plm_sec_session *s, const uint8_t *data, size_t len, uint64_t now_us);
    /** Run retransmission and clean-up timers. @return when to be called again, UINT64_MAX: never */
    uint64_t (*poll)(struct plm_sec_session *s, uint64_t now_us);
    /** Send a close_notify, if the handshake got that far. */
    void (*close)(struct plm_sec_session *s);
    /** IANA number of the SRTP protection profile, 0 before ESTABLISHED. */
    uint16_t (*profile)(const struct plm_sec_session *s);

    /** A packet will be opened soon: fetch what that begins with. */
    void (*prefetch)(const struct plm_sec_session *s);
    /**
     * Unprotect one packet in place. @param len in: SRTP, out: RTP, unchanged on error
     * @return 0, PLM_EAUTH, PLM_EREPLAY, PLM_EKEY, PLM_ELIMIT (too many SSRCs), PLM_EINVAL (no such packet). Nothing is learned from
     * a packet that fails.
     */
    int (*open_rtp)(struct plm_sec_session *s, uint8_t *pkt, size_t *len);
    int (*open_rtcp)(struct plm_sec_session *s, uint8_t *pkt, size_t *len);
    /** Protect one compound RTCP packet in place; cap octets in all, at least *len + PLM_SRTCP_OVERHEAD. @return 0 or an error */
    int (*seal_rtcp)(struct plm_sec_session *s, uint8_t *pkt, size_t *len, size_t cap);

    /** NULL before ESTABLISHED; lives as long as the session. */
    struct plm_seal_key *(*seal_key)(struct plm_sec_session *s);
    /** Octets that sealing adds to an RTP packet of this key: 16 (GCM) or 10 (CM_80). */
    size_t (*seal_overhead)(const struct plm_seal_key *key);
    /** A packet will be sealed with it soon: fetch it. */
    void (*prefetch_key)(const struct plm_seal_key *key);
    /** Seal a batch, of one key or of many. Jobs of the same key may be sealed in any order. Never fails half-way. */
    void (*seal_rtp)(void *ctx, struct plm_seal_job *jobs, size_t n);

    /** Fill with cryptographically random octets (the simulator: seeded). */
    void (*random)(void *ctx, void *buf, size_t len);
};

#define PLM_SRTP_MAX_OVERHEAD 16
#define PLM_SRTCP_OVERHEAD    32 /* tag 16 + index 4, rounded up */

/** The real thing: OpenSSL DTLS, libsrtp2, sealing by ipsec-mb or EVP. */
struct plm_security_dtls_config {
    unsigned flags;            /**< enum plm_engine_flag: PLM_REPLACE_SRTP_KERNELS, PLM_NO_IPSEC_MB */
    struct plm_identity *identity; /**< shared by all workers, borrowed */
    uint16_t srtp_prefer;          /**< IANA number of the profile taken where the peer has it, 0: AEAD_AES_128_GCM */
};
/** A self-signed ECDSA P-256 certificate and its key; immutable after creation, shared by threads. */
struct plm_identity;
int plm_identity_create(struct plm_identity **out);
void plm_identity_destroy(struct plm_identity *id);
const struct plm_fingerprint *plm_identity_fingerprint(const struct plm_identity *id);

extern const struct plm_security_ops plm_security_dtls;
/** Make one worker's context. Initialises libsrtp under a reference count. @return 0, PLM_EINVAL (no such profile), PLM_ENOMEM */
int plm_security_dtls_create(void **ctx, const struct plm_security_dtls_config *config);
void plm_security_dtls_destroy(void *ctx);

#endif
