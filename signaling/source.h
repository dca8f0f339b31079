/* Whom a request comes from, when proxies stand between. */
#ifndef PLM_SIGNALING_SOURCE_H
#define PLM_SIGNALING_SOURCE_H

#include "plenum/types.h"

#define PLM_SOURCE_SIZE    48 /**< an address as text, without port, with the NUL */
#define PLM_SOURCE_UNKNOWN "unknown"

/**
 * The address a request came from: the peer's, or, when that is a trusted proxy's, the last one in X-Forwarded-For that is not a
 * trusted proxy's. What stands before that one anybody can have written.
 * @param out       as inet_ntop writes it, IPv4 in its own form; the peer's text when it is no address; PLM_SOURCE_UNKNOWN when a trusted
 *                  proxy says something that is none: never that proxy's own, which may be an address of this machine
 * @param forwarded the header's value, several joined by commas; NULL: there was none
 */
void plm_source_find(char out[PLM_SOURCE_SIZE], const char *peer, const char *forwarded,
    const struct plm_addr *trusted, size_t n_trusted);
/** Is this peer one of the trusted proxies? */
bool plm_source_is_trusted(const char *peer, const struct plm_addr *trusted, size_t n_trusted);

#endif
