/* Whom a request comes from, when proxies stand between. */
#ifndef PLM_SIGNALING_SOURCE_H
#define PLM_SIGNALING_SOURCE_H

#include "plenum/types.h"

#define PLM_SOURCE_SIZE    48 /**< an address as text, without port, with the NUL */
#define PLM_SOURCE_UNKNOWN "unknown"
#define PLM_SOURCE_NET     56 /**< a network as text, with the NUL */

/** The addresses that begin with the first bits of this one. */
struct plm_source_net {
    struct plm_addr addr; /**< without port */
    unsigned bits;        /**< all of them: this address alone */
};

/** Read 10.0.0.0/8, fd00::/8, or one address. @return 0 or PLM_EINVAL */
int plm_source_net_parse(struct plm_source_net *out, const char *text);
/** Write what plm_source_net_parse reads. @param size at least PLM_SOURCE_NET @return buf */
const char *plm_source_net_format(const struct plm_source_net *net, char *buf, size_t size);

/**
 * The address a request came from: the peer's, or, when that is a trusted proxy's, the last one in X-Forwarded-For that is not a
 * trusted proxy's. What stands before that one anybody can have written.
 * @param out       as inet_ntop writes it, IPv4 in its own form; the peer's text when it is no address; PLM_SOURCE_UNKNOWN when a trusted
 *                  proxy says something that is none: never that proxy's own, which may be an address of this machine
 * @param forwarded the header's value, several joined by commas; NULL: there was none
 */
void plm_source_find(char out[PLM_SOURCE_SIZE], const char *peer, const char *forwarded,
    const struct plm_source_net *trusted, size_t n_trusted);
/** Is this peer one of the trusted proxies? */
bool plm_source_is_trusted(const char *peer, const struct plm_source_net *trusted, size_t n_trusted);

#endif
