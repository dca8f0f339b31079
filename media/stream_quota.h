/*
 * How many TCP connections of peers there are in an engine, and how many from each source that have not yet proven who they are. Shared by the
 * control thread and all workers; touched per connection, never per packet, hence the mutex.
 *
 * A source is an IPv4 address or an IPv6 /64. What is proven is no longer counted against its source: behind one address there may be a whole
 * company, and its transports have a cap of their own.
 */
#ifndef PLM_STREAM_QUOTA_H
#define PLM_STREAM_QUOTA_H

#include "plenum/types.h"

struct plm_stream_quota;

/** @param total connections at most @param unproven per source @return 0 or PLM_ENOMEM */
int plm_stream_quota_create(struct plm_stream_quota **out, uint32_t total, uint32_t unproven);
void plm_stream_quota_destroy(struct plm_stream_quota *q);
/** A connection comes. @return false: over a cap, counted */
bool plm_stream_quota_enter(struct plm_stream_quota *q, const struct plm_addr *from);
/** It carried an authenticated check. */
void plm_stream_quota_prove(struct plm_stream_quota *q, const struct plm_addr *from);
/** It ends. */
void plm_stream_quota_leave(struct plm_stream_quota *q, const struct plm_addr *from, bool proven);
/** How many were let in, and how many not, since create. */
void plm_stream_quota_counts(struct plm_stream_quota *q, uint64_t *accepted, uint64_t *refused);

#endif
