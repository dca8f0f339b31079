/*
 * What of a running meeting survives the process: the meeting, its people, those who wait, its chat and whom it removed, as JSON
 * documents in the store (store_port.h). Chat and whatever takes something away (leaving, a removal, a ban) is put at once;
 * meetings and people are marked when they change and put once per PLM_JOURNAL_PERIOD_MS, so that a busy meeting costs a bounded number
 * of documents. After a restart everybody stands again, detached, under the id they had, and resumes within the grace time; media
 * connections do not survive, so each is told that both are lost. WHIP and WHEP have nothing here: their clients post again.
 *
 * Secrets are kept as digests only. For the files of this folder; without a store none of this does anything.
 */
#ifndef PLM_SIGNALING_JOURNAL_H
#define PLM_SIGNALING_JOURNAL_H

#include "state.h"

#define PLM_JOURNAL_VERSION   1 /* of these documents; another is not read */
#define PLM_JOURNAL_PERIOD_MS 100
#define PLM_JOURNAL_MAX_PUTS  256 /* documents written in one turn; the rest follows in the next */

/** Octets of a document's key with the NUL: a room's key, "/" and a breakout room's number, "/" and a message's. */
#define PLM_JOURNAL_KEY_SIZE (PLM_NAME_SIZE + 24)

/** Something of it changed that is kept. */
void plm_journal_room(struct plm_room *room);
void plm_journal_member(struct plm_member *m);
/** It ends, or they go: before it is freed. */
void plm_journal_forget_room(struct plm_room *room);
void plm_journal_forget_member(struct plm_member *m);
/** Somebody began to wait, or waits for something else: at once; or waits no longer. */
void plm_journal_waiting(const struct plm_waiting *w);
void plm_journal_forget_waiting(const struct plm_waiting *w);
/** A message was said, or is too old to be kept. */
void plm_journal_chat(const struct plm_room *room, const struct plm_chat_entry *e);
void plm_journal_forget_chat(const struct plm_room *room, const struct plm_chat_entry *e);
/** Put what is due. @return when the next is due, UINT64_MAX: nothing waits */
uint64_t plm_journal_flush(struct plm_hub *hub, uint64_t now);
/** Free documents that were given to plm_hub_restore and never used. */
void plm_journal_clear(struct plm_hub *hub);

#endif
