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
};

/**
 * Look at every record of a datagram. Refused are broken lengths, other protocols, and of what is unprotected: alerts, application
 * data, and handshake messages other than those that follow each other in a handshake like ours. A peer that gives up is noticed by its silence.
 * @param server we are: then each message of the peer has its number, for we always ask for a certificate and never for a cookie
 * @return false: drop the datagram
 */
bool plm_dtls_records_look(const uint8_t *data, size_t len, bool server, struct plm_dtls_records *out);

/**
 * Number unprotected records anew, from *next on. Their numbers prove nothing, yet a forged high one would make OpenSSL take the peer's
 * for replays. data must have been looked at; a part of it will do.
 */
void plm_dtls_records_renumber(uint8_t *data, size_t len, uint64_t *next);

#endif
