/*
 * Signalling's media port, filled with the SFU.
 */
#ifndef PLM_SERVER_MEDIA_BRIDGE_H
#define PLM_SERVER_MEDIA_BRIDGE_H

#include "media_port.h"
#include "plenum/engine.h"

struct plm_media_bridge;

/** @param engine borrowed; outlives the bridge @return 0 or PLM_ENOMEM */
int plm_media_bridge_create(struct plm_media_bridge **out, struct plm_engine *engine);
/** Everybody who uses the port must be gone. NULL is fine. */
void plm_media_bridge_destroy(struct plm_media_bridge *b);
/** The table; its ctx is the bridge. */
void plm_media_bridge_port(struct plm_media_bridge *b, struct plm_media_port *out);
/** Hand every event in, after signalling has seen it: what was kept for a closed transport is freed. */
void plm_media_bridge_on_event(struct plm_media_bridge *b, const struct plm_event *ev);

#endif
