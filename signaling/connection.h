/*
 * A connection: one media transport and its SDP conversation. Publishing (and WHIP, WHEP) the peer offers and we answer;
 * receiving we offer slots and the peer answers. Owned by a member or a resource.
 */
#ifndef PLM_SIGNALING_CONNECTION_H
#define PLM_SIGNALING_CONNECTION_H

#include "state.h"

/** Make one without a transport. Either member or resource is its owner. @return NULL when memory is short */
struct plm_connection *plm_connection_create(struct plm_room *room, enum plm_connection_kind kind,
    plm_participant_id participant, struct plm_member *member, struct plm_resource *resource);
/** Close its transport, if any, and free it. NULL is fine. */
void plm_connection_destroy(struct plm_connection *c);
struct plm_connection *plm_connection_find(struct plm_hub *hub, plm_transport_id id);

/** May change the sources of what was agreed, or refuse it (not 0), before media hears of it. */
typedef int plm_connection_adjust(
    void *arg, const struct plm_sdp *offer, struct plm_transport_params *params, struct plm_refusal *why);

/**
 * Answer the peer's offer. Opens a transport when there is none, or a new one when the offer's fingerprint is another (a
 * new peer connection; the old transport closes); restarts ICE when only its ufrag is another.
 * @param adjust may be NULL
 * @param answer malloc'd
 * @return 0, or negative with why; then nothing changed
 */
int plm_connection_answer(struct plm_connection *c, const char *sdp, size_t len,
    plm_connection_adjust *adjust, void *arg, char **answer, struct plm_refusal *why);

/**
 * Offer slots. A further offer on the same transport keeps every slot that was there. The same layout as was answered, without
 * restart, is for a new peer connection: it gets a new transport, and the old one closes.
 * @param layout  all slots, not fewer than before
 * @param restart with new ICE credentials
 * @param offer   malloc'd
 */
int plm_connection_offer(struct plm_connection *c, const struct plm_sdp_layout *layout, bool restart,
    char **offer, struct plm_refusal *why);
/** Take the answer to our offer. An answer from another peer connection than before closes the transport (connection lost). */
int plm_connection_on_answer(struct plm_connection *c, const char *sdp, size_t len, struct plm_refusal *why);

/** New ICE credentials of ours. @param peer_ufrag the peer's new one; NULL: comes with its answer */
int plm_connection_restart(struct plm_connection *c, const char *peer_ufrag, struct plm_refusal *why);

/**
 * Move its transport to another room of the same meeting. What slots showed is void and is not told any more. A transport that media
 * cannot move is lost (as by plm_connection_on_closed: an encoder's participant is freed).
 */
void plm_connection_move(struct plm_connection *c, struct plm_room *to);
/** A slot's change came from media: to be told at the next flush. */
void plm_connection_on_slot(struct plm_connection *c, const struct plm_event *ev);
/** Say all of them again at the next flush: the client may have missed some. */
void plm_connection_repeat_slots(struct plm_connection *c);
/** Tell the member's session what is new in slots. */
void plm_connection_flush(struct plm_connection *c);
/** Its transport is gone by itself. */
void plm_connection_on_closed(struct plm_connection *c, enum plm_close_reason reason);

#endif
