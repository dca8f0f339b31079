/* WHIP and WHEP resources, for the files of this folder; see whip.h. */
#ifndef PLM_SIGNALING_RESOURCE_H
#define PLM_SIGNALING_RESOURCE_H

#include "state.h"

/** Its connection is gone by itself: so is the resource. */
void plm_resource_connection_lost(struct plm_resource *r);
/** Free it and what it owns, without looking after the room. A WHIP participant must be gone already. */
void plm_resource_destroy(struct plm_resource *r);
/** Somebody of this name came: pinned receivers that want it show them. */
void plm_resource_repin(struct plm_room *room, const char *name);
/** Somebody of this name is not in the room any more: another one of it is shown; in an encoder's place only an encoder. */
void plm_resource_on_left(struct plm_room *room, const char *name, bool encoder);

#endif
