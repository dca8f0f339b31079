/*
 * Recordings: beginning and ending them, what people are told of them, who may see which, and what is kept. What is recorded and where it
 * lies is the recorder's (recording_port.h); here is what it is of, and what became of it.
 *
 * A recording is of a room's record. In a room with an owner whoever leads sees all of its recordings. In a room that is nobody's, where the
 * first to come leads, only those of the running meeting are seen by its leaders, and those of former ones by whoever began them: by
 * the identity of their token or by their device. Those that began by themselves, or by the API, are theirs who led then. A later room of the same name has none of them. For the files of this folder.
 */
#ifndef PLM_SIGNALING_RECORDINGS_H
#define PLM_SIGNALING_RECORDINGS_H

#include "api.h"
#include "state.h"

/** A recorder that is silent for so long after a start cannot be reached. */
#define PLM_RECORDING_ANSWER_MS 10000
/** So long before its end, or a fifth of its length, it is told that it is near. */
#define PLM_RECORDING_WARNING_MS 300000
#define PLM_RECORDING_PAGE      50 /* in one list; messages.def says so too */
#define PLM_RECORDING_TOMB_DAYS 30 /* a deleted one whose folder the recorder never spoke of again */

/* The requests of their names. @return 0, or negative with why; then nothing changed */

int plm_recording_on_start(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_recording_on_stop(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);
int plm_recording_on_list(struct plm_session *s, const struct plm_msg *m, struct plm_refusal *why);
int plm_recording_on_delete(struct plm_member *by, const struct plm_msg *m, struct plm_refusal *why);

/** Is it starting, on or paused? */
bool plm_recording_runs(const struct plm_recording *rec);
/** Begin to record a meeting. @param by NULL: the server or its API @return 0, or negative with why */
int plm_recording_start(struct plm_room *main, const struct plm_member *by, struct plm_refusal *why);
/** End one that runs; else nothing happens. @param by NULL: the server or its API */
void plm_recording_stop(
    struct plm_recording *rec, enum plm_recording_reason reason, const struct plm_member *by);
/** One that runs is of this meeting. */
void plm_recording_run(struct plm_recording *rec, struct plm_room *main);
/** From now on it is not known any more; the recorder is asked to remove it. It may be freed. */
void plm_recording_delete(struct plm_recording *rec);
/** NULL: none has this id, or it is deleted. @param id anything */
struct plm_recording *plm_recording_find(struct plm_hub *hub, const char *id);
/** Is it of this very room, not of a former one of its name? */
bool plm_recording_is_of(const struct plm_recording *rec, const struct plm_record *record);
/** May m, whose role or token lets them look at recordings, look at this one? */
bool plm_recording_may_see(const struct plm_recording *rec, const struct plm_member *m);
/**
 * Recordings that are there, newest first. @param out malloc'd list @return how many; SIZE_MAX: memory was short
 */
size_t plm_recordings_sorted(struct plm_hub *hub, struct plm_recording ***out);

/** As programs outside see it. */
void plm_recording_show(const struct plm_recording *rec, struct plm_api_recording *out);
/** What people of the meeting are told. @return false: nothing is recorded */
bool plm_recording_describe(const struct plm_room *main, struct plm_msg_recording_status *out);
/** Somebody came, or the meeting was begun, or rules changed: what shall begin with the meeting does, what is forbidden by now ends. */
void plm_recording_reconsider(struct plm_room *main);
/** Only encoders take part in a meeting of nobody's room: they are recorded on, but who comes next is a stranger. */
void plm_recording_on_unattended(struct plm_room *main);
/** Nobody takes part any more, in a room with an owner for the linger time: what runs ends. In nobody's room who comes next is a stranger. */
void plm_recording_on_empty(struct plm_room *main);
/** The meeting ends. */
void plm_recording_on_close(struct plm_room *main);
/** Somebody lost the right to look at recordings of the room: what was granted is void. */
void plm_recording_revoke(const struct plm_record *record);

/** @return when to be called next, UINT64_MAX: nothing waits */
uint64_t plm_recordings_poll(struct plm_hub *hub, uint64_t now);
/** Free all, without a word. */
void plm_recordings_clear(struct plm_hub *hub);

/* ---- what is kept (recording_keep.c) ---- */

void plm_recording_put(const struct plm_recording *rec);
/** A document that the store kept. @return 0; PLM_EINVAL, PLM_ENOMEM */
int plm_recording_restore(struct plm_hub *hub, const char *key, const char *document, size_t len);
/** All were given, and meetings stand: those that ran go on in theirs. */
void plm_recordings_restored(struct plm_hub *hub);
/** Make one in the table, zeroed. @param id valid, and not there @return NULL: memory is short */
struct plm_recording *plm_recording_add(struct plm_hub *hub, const char *id);
/** Take it out of the table and free it. */
void plm_recording_free(struct plm_recording *rec);

#endif
