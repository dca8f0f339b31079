/*
 * Signalling's media port, filled with the SFU.
 */
#ifndef PLM_SERVER_MEDIA_BRIDGE_H
#define PLM_SERVER_MEDIA_BRIDGE_H

#include "media_port.h"
#include "plenum/engine.h"

#define PLM_MEDIA_BRIDGE_TCP 32 /**< addresses at most */

struct plm_media_bridge;

/** @param engine borrowed; outlives the bridge @return 0 or PLM_ENOMEM */
int plm_media_bridge_create(struct plm_media_bridge **out, struct plm_engine *engine);
/**
 * What peers are told of ICE-TCP from now on.
 * @param bound addresses that are listened on @param told instead of those of the interfaces, see plm_engine_tcp_candidates; both are copied
 */
void plm_media_bridge_set_tcp(struct plm_media_bridge *b, const struct plm_addr *bound, size_t n_bound,
    const struct plm_addr *told, size_t n_told);
/** Everybody who uses the port must be gone. NULL is fine. */
void plm_media_bridge_destroy(struct plm_media_bridge *b);
/** The table; its ctx is the bridge. */
void plm_media_bridge_port(struct plm_media_bridge *b, struct plm_media_port *out);
typedef void plm_media_bridge_stats_fn(void *arg, const struct plm_transport_stats *t);
/** Where the answers to transport_stats go: from within plm_engine_dispatch. @param fn NULL: nowhere */
void plm_media_bridge_on_stats(struct plm_media_bridge *b, plm_media_bridge_stats_fn *fn, void *arg);
typedef bool plm_media_bridge_capture_fn(void *arg, plm_room_id room, plm_participant_id participant);
/** Who is asked of each transport that is opened whether it is captured. @param fn NULL: none is */
void plm_media_bridge_set_capture(struct plm_media_bridge *b, plm_media_bridge_capture_fn *fn, void *arg);
/** Hand every event in, after signalling has seen it: what was kept for a closed transport is freed. */
void plm_media_bridge_on_event(struct plm_media_bridge *b, const struct plm_event *ev);

#endif
