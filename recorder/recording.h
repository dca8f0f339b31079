/*
 * One recording: the streams and pairs of a room, its files, its journal, its state. No I/O and no clock of its own: the disk is a port, what goes to
 * the server leaves through functions. One thread.
 *
 * Attached: a server feeds it. Detached, because the server went away or the recorder started anew, it waits for a server that knows it; what lies between is
 * one gap, and everything afterwards goes into new files. On a disk that takes nothing it pauses, and goes on in new files when there is room.
 */
#ifndef PLM_RECORDER_RECORDING_H
#define PLM_RECORDER_RECORDING_H

#include "control.h"
#include "disk_port.h"
#include "journal_line.h"
#include "stream.h"

#define PLM_RECORDING_MAX_TRACKS 1024
#define PLM_RECORDING_MAX_PEOPLE 8192
#define PLM_RECORDING_MAX_FILES  65536
/** Octets; beyond, what is said of speakers, hands and chat is left out. */
#define PLM_RECORDING_MAX_JOURNAL (8u << 20)
#define PLM_RECORDING_RETRY_US    10000000 /**< so long a disk that failed is left alone */

struct plm_recording;

/** What a recording needs of whoever keeps it. All calls come from within its own functions. */
struct plm_recording_env {
    void *ctx;
    const struct plm_disk_port *disk;
    const char *boot_id; /**< of the kernel that runs; borrowed for good */
    /** Tell the worker behind a link what is needed of a track. */
    void (*demand)(
        void *ctx, uint32_t link, const struct plm_link_header *h, const struct plm_link_demand *d);
    /** State or reason changed. The recording must not be destroyed in the call. */
    void (*changed)(void *ctx, struct plm_recording *r);
    void (*log)(void *ctx, const char *id, const char *text);
    /** The events of a run of the server up to n are in the journal. */
    void (*written)(void *ctx, const char *id, const char *run, uint64_t n);
};

struct plm_recording_stats {
    uint32_t tracks, pairs, files_open;
    uint64_t refused;                /**< samples that the disk's queue did not take */
    uint64_t malformed;              /**< frames that make no sense */
    uint64_t journal_left_out;       /**< lines */
    struct plm_stream_stats streams; /**< sum over the streams that were and are */
};

/** Begin. @param start borrowed @param env borrowed for good @return 0, PLM_ENOMEM, or what the disk says */
int plm_recording_create(struct plm_recording **out, const struct plm_recording_env *env,
    const struct plm_control *start, uint64_t now_us);
/**
 * Take up one that another process left behind. Detached; its folder is repaired.
 * @param journal the file's text @param names of the files in the folder
 * @return 0, PLM_EINVAL: not a journal, PLM_ENOMEM
 */
int plm_recording_restore(struct plm_recording **out, const struct plm_recording_env *env,
    const char *journal, size_t len, char *const *names, size_t n_names, uint64_t now_us);
void plm_recording_destroy(struct plm_recording *r); /**< NULL is fine; open files are closed */

/** The server feeds it from now on, as this room. Idempotent. */
void plm_recording_attach(struct plm_recording *r, const struct plm_control *start, uint64_t now_us);
/** The server is gone. */
void plm_recording_detach(struct plm_recording *r, uint64_t now_us);
bool plm_recording_is_attached(const struct plm_recording *r);
/** Of this server's epoch; 0: detached or ended. */
uint32_t plm_recording_room(const struct plm_recording *r);

/** A line of signalling's; one that was taken already is told to be written as soon as it is. */
void plm_recording_on_event(struct plm_recording *r, const struct plm_control *c);
/** A frame of a worker's, of this room. @param link names the connection */
void plm_recording_on_frame(struct plm_recording *r, uint32_t link, const struct plm_link_header *h,
    const uint8_t *body, uint64_t now_us);
/** A worker's connection ended: so did its tracks, until they are announced again. */
void plm_recording_on_link_gone(struct plm_recording *r, uint32_t link, uint64_t now_us);

/** The disk's level, at the start and whenever it changes. */
void plm_recording_on_disk(struct plm_recording *r, enum plm_disk_level level, uint64_t now_us);
/** FINISHED, FAILED and REPAIRED of this recording. */
void plm_recording_on_writer(struct plm_recording *r, const struct plm_writer_event *ev, uint64_t now_us);

/** To be called some twenty times a second. */
void plm_recording_poll(struct plm_recording *r, uint64_t now_us);
/** End it. Files are finished, then the manifest is written, then the state is "ready" or "failed". */
void plm_recording_end(struct plm_recording *r, enum plm_recording_reason reason, uint64_t now_us);
/** The process is asked to end: close the files, leave the recording to the next one. */
void plm_recording_leave(struct plm_recording *r, uint64_t now_us);

const char *plm_recording_id(const struct plm_recording *r);
/** Nothing of it is being written any more: "ready" or "failed". */
bool plm_recording_is_over(const struct plm_recording *r);
/** What "state" tells; texts are borrowed. */
void plm_recording_tell(const struct plm_recording *r, uint64_t now_us, struct plm_control_state *out);
void plm_recording_stats(const struct plm_recording *r, struct plm_recording_stats *out);

#endif
