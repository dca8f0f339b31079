/*
 * Bans: a device, an identity or a token that a kick revoked. Those of devices and identities hold for the meeting, in all its rooms, and are
 * known by the room's key, so that they survive the process with the meeting; a token's id is revoked until it would have expired.
 * For the files of this folder.
 */
#ifndef PLM_SIGNALING_BANS_H
#define PLM_SIGNALING_BANS_H

#include "state.h"

#define PLM_BANS_MAX      10000 /* of each kind; the oldest are forgotten first, one's own room's before others' */
#define PLM_BANS_PER_ROOM 200 /* devices and identities; likewise */

/** Is anybody of whom this is known banned from the room of this key? */
bool plm_ban_holds(struct plm_hub *hub, const char *room_key, const struct plm_identity *who);
/** Ban all that is known of them. */
void plm_ban_add(struct plm_hub *hub, const char *room_key, const struct plm_identity *who);
/** The meeting is over. */
void plm_ban_lift(struct plm_hub *hub, const char *room_key);
/** Are these two the same person, by anything that is known of both? */
bool plm_identity_matches(const struct plm_identity *a, const struct plm_identity *b);
/** A document that the store kept (PLM_STORE_BAN, PLM_STORE_REVOKED). @return 0, PLM_EINVAL, PLM_ENOMEM */
int plm_ban_restore(
    struct plm_hub *hub, enum plm_store_kind kind, const char *key, const char *document, size_t len);
/** All meetings were given: bans of those that are not there are dropped. */
void plm_bans_restored(struct plm_hub *hub);
/** Free all, without a word to the store. */
void plm_bans_clear(struct plm_hub *hub);

#endif
