/*
 * SRTP by libsrtp2: what comes in, and outgoing RTCP. Outgoing RTP is sealed elsewhere (seal.h): this one key is never used for it by libsrtp.
 */
#ifndef PLM_SRTP_H
#define PLM_SRTP_H

#include "security.h"

/** IANA numbers of DTLS-SRTP protection profiles (RFC 5764 section 4.1.2, RFC 7714 section 14.2). */
enum plm_srtp_profile {
    PLM_SRTP_NONE = 0,
    PLM_SRTP_AES128_CM_SHA1_80 = 1,
    PLM_SRTP_AEAD_AES_128_GCM = 7,
    PLM_SRTP_AEAD_AES_256_GCM = 8,
};

#define PLM_SRTP_MAX_MASTER (32 + 14)
/** Inbound SSRCs one transport may bring: each costs libsrtp a stream. Never evicted, since forgetting one forgets its replay window. */
#define PLM_SRTP_MAX_SSRCS 256

/** Master key and salt of both directions. */
struct plm_srtp_keys {
    enum plm_srtp_profile profile;
    uint8_t key_len, salt_len;       /**< octets: 16 or 32, 14 (CM) or 12 (GCM) */
    uint8_t rx[PLM_SRTP_MAX_MASTER]; /**< key, then salt, of what the peer sends */
    uint8_t tx[PLM_SRTP_MAX_MASTER]; /**< of what we send */
};

/** Fill the lengths for a profile. @return 0, PLM_EINVAL: none of ours (above all: no NULL cipher) */
int plm_srtp_keys_shape(struct plm_srtp_keys *keys, enum plm_srtp_profile profile);

/**
 * Initialise libsrtp, counted; any thread. With PLM_REPLACE_SRTP_KERNELS the process's kernels become ours (ipsec-mb where the CPU has it
 * and PLM_NO_IPSEC_MB is not given, else OpenSSL), and the last unref shuts libsrtp down; without it, libsrtp is left as it is found.
 * @param flags enum plm_engine_flag @return 0, PLM_ENOTSUP: libsrtp refused
 */
int plm_srtp_library_ref(unsigned flags);
void plm_srtp_library_unref(void);

struct plm_srtp; /**< both directions of one association */

/** @return 0, PLM_EINVAL, PLM_ENOMEM */
int plm_srtp_create(struct plm_srtp **out, const struct plm_srtp_keys *keys);
void plm_srtp_destroy(struct plm_srtp *s);
/**
 * As plm_security_ops.open_rtp, open_rtcp, seal_rtcp. Replay window 1024 (Firefox probes with old packets).
 * @return 0, PLM_EAUTH, PLM_EREPLAY, PLM_EKEY, PLM_ELIMIT (too many SSRCs), PLM_EINVAL
 */
int plm_srtp_open_rtp(struct plm_srtp *s, uint8_t *pkt, size_t *len);
int plm_srtp_open_rtcp(struct plm_srtp *s, uint8_t *pkt, size_t *len);
int plm_srtp_seal_rtcp(struct plm_srtp *s, uint8_t *pkt, size_t *len, size_t cap);

#endif
