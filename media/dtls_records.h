/*
 * What one may know of DTLS records without keys (RFC 6347 section 4.1): enough to keep from OpenSSL what would end its handshake. Before
 * keys are agreed anybody who can write from the peer's address can write records; OpenSSL takes each at its word.
 */
#ifndef PLM_DTLS_RECORDS_H
#define PLM_DTLS_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plm_dtls_records {
    bool plain, sealed; /**< there is one without protection, one with */
    bool hello;         /**< the first is of a ClientHello */
    bool finished;      /**< a protected one is of the handshake */
};

#define PLM_DTLS_GCM_OVERHEAD      24 /* RFC 5288 section 3: explicit nonce of 8 octets, tag of 16 */
#define PLM_DTLS_CHACHA20_OVERHEAD 16 /* RFC 7905 section 2: the tag */

/**
 * Look at every record of a datagram. Refused are broken lengths, other protocols, and of what is unprotected: alerts, application
 * data, and handshake messages other than those that follow each other in a handshake like ours. A peer that gives up is noticed by its silence.
 * Of what is protected, application data is refused, for nothing here reads it, and a record too short for its cipher: to some OpenSSL 3.0 (3.0.19)
 * that is no bad record, which it would pass over, but an error, of which it tells the peer with a fatal alert.
 * @param server we are: then each message of the peer has its number, for we always ask for a certificate and never for a cookie
 * @param overhead of a protected record
 * @return false: drop the datagram
 */
bool plm_dtls_records_look(
    const uint8_t *data, size_t len, bool server, size_t overhead, struct plm_dtls_records *out);

/**
 * Number unprotected records anew, from *next on. Their numbers prove nothing, yet a forged high one would make OpenSSL take the peer's
 * for replays. data must have been looked at; a part of it will do.
 */
void plm_dtls_records_renumber(uint8_t *data, size_t len, uint64_t *next);

#endif
