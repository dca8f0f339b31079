/*
 * Session keys from a master key (RFC 3711 section 4.3, key derivation rate 0; RFC 7714 section 11 for AEAD): for the packets that
 * are sealed without libsrtp.
 */
#ifndef PLM_SRTP_KDF_H
#define PLM_SRTP_KDF_H

#include "srtp.h"

#define PLM_SRTP_AUTH_KEY 20

struct plm_srtp_session_keys {
    enum plm_srtp_profile profile;
    uint8_t key_len, salt_len;
    uint8_t key[32];
    uint8_t salt[14];
    uint8_t auth[PLM_SRTP_AUTH_KEY]; /**< AES128_CM_SHA1_80 only */
};

/**
 * Derive the RTP keys. The caller cleanses them.
 * @param master key, then salt, in the profile's lengths
 * @return 0, PLM_EINVAL (profile), PLM_ENOMEM
 */
int plm_srtp_kdf(struct plm_srtp_session_keys *out, enum plm_srtp_profile profile, const uint8_t *master);

#endif
