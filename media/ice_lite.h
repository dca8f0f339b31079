/*
 * ICE-lite answers (RFC 8445 section 2.5) by libnice's STUN library, on octets: no socket, no clock, no state but the agent.
 */
#ifndef PLM_ICE_LITE_H
#define PLM_ICE_LITE_H

#include "plenum/types.h"

struct plm_ice_lite; /**< one per worker: about 13 kB */

int plm_ice_lite_create(struct plm_ice_lite **out);
void plm_ice_lite_destroy(struct plm_ice_lite *ice);

enum plm_stun_kind {
    PLM_STUN_MALFORMED = 0, /**< not STUN, truncated, bad fingerprint */
    PLM_STUN_IGNORE,        /**< indication, response, or a request other than Binding: never answered */
    PLM_STUN_UNKNOWN_USER,  /**< the first half of USERNAME names nobody here */
    PLM_STUN_BAD_AUTH,      /**< MESSAGE-INTEGRITY is missing or wrong */
    PLM_STUN_CHECK,         /**< an authenticated connectivity check; reply is filled (may be an error reply such as 487 or 420) */
};

#define PLM_STUN_REPLY_SIZE 400 /* the reply repeats USERNAME: our ufrag, a colon, up to 256 octets of theirs */

struct plm_stun_result {
    enum plm_stun_kind kind;
    bool nominated;     /**< USE-CANDIDATE, and the reply is a success */
    bool success;       /**< the reply is a success: the source address is validated */
    uint32_t priority;
    size_t reply_len;   /**< octets in reply, 0: nothing to send */
    uint8_t reply[PLM_STUN_REPLY_SIZE];
};

/** Cheap look without cryptography: our half of USERNAME of a Binding request ("ours:theirs"). @return its length, 0: none or malformed */
size_t plm_stun_peek_user(const uint8_t *data, size_t len, const char **ufrag);

/**
 * Validate a request from `from` with our password and make the reply (RFC 5389 section 10.1.2, RFC 8445 section 7.3).
 * An IPv4-mapped source must have been unmapped.
 * @param ufrag,pwd our own, of the transport that plm_stun_peek_user named
 */
void plm_ice_lite_on_request(struct plm_ice_lite *ice, const uint8_t *data, size_t len, const struct plm_addr *from,
    const char *ufrag, size_t ufrag_len, const char *pwd, size_t pwd_len, struct plm_stun_result *out);

#endif
