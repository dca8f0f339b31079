/*
 * How many connections each source has open: an IPv4 address, or the /64 of an IPv6 one. So that one of them cannot take all that
 * http.max_connections leaves for everybody. Main thread.
 */
#ifndef PLM_SERVER_PEER_COUNT_H
#define PLM_SERVER_PEER_COUNT_H

struct plm_peer_count; /**< those of one source */

/**
 * One more, if it has fewer than max.
 * @param counts where they are kept; begins as NULL, and is NULL again when none is left
 * @param source address as text @return what plm_peer_count_drop takes; NULL: it has max already, or memory is short
 */
struct plm_peer_count *plm_peer_count_take(struct plm_peer_count **counts, const char *source, unsigned max);
/** One less. @param c NULL is fine */
void plm_peer_count_drop(struct plm_peer_count **counts, struct plm_peer_count *c);

#endif
