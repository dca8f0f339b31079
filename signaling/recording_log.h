/*
 * What the journal of a running recording is told of its meeting (base/recording_format.h lists the lines). Nothing is said while none
 * runs. For the files of this folder.
 */
#ifndef PLM_SIGNALING_RECORDING_LOG_H
#define PLM_SIGNALING_RECORDING_LOG_H

#include "state.h"

#define PLM_RECORDING_SPEAKERS_MS 250 /* who speaks is said at most so often */

/** A recording began: who is there, and what they send. */
void plm_recording_log_present(struct plm_room *main);
/**
 * It goes on after a restart, which ended all connections: nobody sends anything until they publish again, and who came by WHIP is gone
 * without a word.
 */
void plm_recording_log_resumed(struct plm_room *main);
void plm_recording_log_asked(struct plm_room *main, plm_participant_id by, bool start);
void plm_recording_log_joined(struct plm_member *m);
void plm_recording_log_left(const struct plm_member *m, enum plm_msg_leave_reason reason);
void plm_recording_log_renamed(const struct plm_member *m);
void plm_recording_log_moved(const struct plm_member *m);
/** What others know of m may have changed: role, hand and tracks are compared with what was said last. */
void plm_recording_log_changed(struct plm_member *m);
/** m is told that the meeting is recorded. */
void plm_recording_log_consent(struct plm_member *m);
void plm_recording_log_chat(const struct plm_room *room, const struct plm_chat_entry *e);
/** Who speaks in a room changed. */
void plm_recording_log_speakers(const struct plm_room *room);
/** @return when to be called next, UINT64_MAX: nothing waits */
uint64_t plm_recording_log_poll(struct plm_recording *rec, uint64_t now);

#endif
