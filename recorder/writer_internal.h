/*
 * What the threads of a writer share. A job goes from the caller to the muxing thread; what blocks long (finishing, repairing, removing) goes on from there to the
 * finishing thread, so that the end of a large meeting delays no other. Each structure says which thread it belongs to.
 */
#ifndef PLM_RECORDER_WRITER_INTERNAL_H
#define PLM_RECORDER_WRITER_INTERNAL_H

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has hh.tbl == NULL */

#include <uthash.h>
#include <utlist.h>
#include <uv.h>

#include "disk.h"
#include "folder.h"
#include "mux.h"

#define PLM_WRITER_WATCH_MS 1000

/** Something to be synced from time to time: a file, a journal, a folder. In w->synced as long as it may be dirty; under the mutex. */
struct plm_synced {
    int fd;
    uint64_t dirty_ms; /**< listed: when it first changed since the last sync */
    int error;         /**< the last sync failed */
    bool listed;
    struct plm_synced *prev, *next;
};

struct plm_writer_event_node {
    struct plm_writer_event e;
    struct plm_writer_event_node *next;
};

/** The folder of a recording that is written to. The muxing thread's until a job takes it along to the finishing thread. */
struct plm_writer_folder {
    char id[PLM_RECORDING_ID_SIZE];
    struct plm_synced dir, journal; /**< fd -1: not open */
    UT_hash_handle hh;
};

/** A track file. */
struct plm_writer_track {
    plm_writer_file file;
    char id[PLM_RECORDING_ID_SIZE], name[PLM_WRITER_MAX_NAME];
    struct plm_writer_job *close_job; /**< made beforehand: closing needs no memory. The caller's thread's */
    UT_hash_handle hh;                /**< in w->tracks, the caller's */
    struct plm_writer_event_node *event; /**< made beforehand, too */
    unsigned refs;                       /**< the handle, and the finishing thread; under the mutex */

    struct plm_mux *mux; /**< from here on the muxing thread's, then the finishing one's */
    struct plm_synced sync;
    uint64_t at;       /**< where the next fragment goes */
    uint64_t began_ms; /**< when the first sample of the fragment was taken */
    bool waits;        /**< in w->waiting */
    bool ended;        /**< handed to the finishing thread */
    int error;
    struct plm_writer_job *finish_job; /**< that which opened it, kept for its end */
    int64_t start_us, hold_us;
    struct plm_writer_track *prev, *next;           /**< in w->open */
    struct plm_writer_track *wait_prev, *wait_next; /**< in w->waiting */
};

enum plm_writer_job_type {
    PLM_JOB_MAKE,
    PLM_JOB_OPEN,
    PLM_JOB_PUT,
    PLM_JOB_CLOSE,
    PLM_JOB_JOURNAL,
    PLM_JOB_MANIFEST,
    PLM_JOB_REPAIR,
    PLM_JOB_REMOVE,
    PLM_JOB_FINISH, /**< of the muxing thread for the finishing one */
};

struct plm_writer_job {
    enum plm_writer_job_type type;
    struct plm_writer_job *prev, *next;
    struct plm_writer_track *track;
    struct plm_writer_folder *folder; /**< for the finishing thread to close */
    struct plm_folder_list files;     /**< REPAIR: what lay there when its turn came */
    int list_error;                   /**< REPAIR: they could not be listed */
    struct plm_writer_event_node *event;
    uint64_t queued_us;
    size_t cost; /**< what counts for the queue */
    union {
        char id[PLM_RECORDING_ID_SIZE];
        struct plm_sample sample; /**< PUT: its data is in octets */
    };
    size_t len;
    uint8_t octets[];
};

struct plm_writer {
    struct plm_writer_config config;
    uv_thread_t muxer, finisher, syncer;
    bool muxer_runs, finisher_runs, syncer_runs;

    /* the caller's thread */
    struct plm_writer_track *tracks;
    plm_writer_file last_file;

    /* the muxing thread */
    struct plm_writer_folder *folders;
    struct plm_writer_track *open,
        *waiting; /**< waiting: with samples that no fragment has yet, the oldest first */
    struct plm_blob scratch;
    struct plm_synced root; /**< the folder of all recordings */

    uv_mutex_t mutex; /**< for all that follows */
    uv_cond_t jobs_wake, finish_wake, sync_wake, synced_wake;
    bool mux_stop, finish_stop, sync_stop;
    struct plm_writer_job *jobs, *finish_jobs;
    struct plm_synced *synced, *syncing;
    struct plm_writer_event_node *events, **events_end;
    struct plm_disk disk;
    bool disk_changed;
    struct plm_writer_stats stats;
};

uint64_t plm_writer_now_us(void);
/* Each locks the mutex itself. */
void plm_writer_post_event(struct plm_writer *w, struct plm_writer_event_node *node);
void plm_writer_post_finish(struct plm_writer *w, struct plm_writer_job *job);
void plm_writer_disk_full(struct plm_writer *w);
void plm_writer_track_unref(struct plm_writer *w, struct plm_writer_track *t);
void plm_writer_job_free(struct plm_writer_job *job);

/** It was written to. */
void plm_writer_dirty(struct plm_writer *w, struct plm_synced *s);
/** It is not synced by the thread any more; waits for a sync under way. @return what the syncs came to: 0 or negated errno */
int plm_writer_forget_synced(struct plm_writer *w, struct plm_synced *s);
void plm_writer_folder_close(struct plm_writer *w, struct plm_writer_folder *f);

void plm_writer_mux_thread(void *writer);
void plm_writer_finish_thread(void *writer);
void plm_writer_sync_thread(void *writer);

#endif
