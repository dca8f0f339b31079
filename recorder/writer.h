/*
 * Everything that touches the disk while recording. One thread muxes and writes in the order in which it is asked; one finishes, repairs and removes, in
 * that order too, so that the end of a large meeting delays no other; one syncs (fdatasync, the longest unsynced first, each file at least once in
 * PLM_WRITER_SYNC_MS) and watches space. The calling thread never waits for a disk: it leaves jobs
 * in a queue of at most config.queue_bytes and hears what became of them in events.
 *
 * Files: fragmented MP4 (H264, VP9, AV1, Opus) or WebM (VP8) in "<name>.part", in fragments of at most PLM_WRITER_FRAGMENT_MS that reach the file as they end.
 * Closing finishes a file in place (finish.h), syncs it, and takes the ".part" away. Nothing is overwritten that was once playable.
 */
#ifndef PLM_RECORDER_WRITER_H
#define PLM_RECORDER_WRITER_H

#include "base/recording_format.h"
#include "sample.h"

#define PLM_WRITER_FRAGMENT_MS 1000
#define PLM_WRITER_SYNC_MS     5000
#define PLM_WRITER_MAX_NAME    64

struct plm_writer;
typedef uint32_t plm_writer_file; /**< 0: none */

enum plm_disk_level {
    PLM_DISK_OK = 0,
    PLM_DISK_WARN,   /**< below 10 % free */
    PLM_DISK_REFUSE, /**< below 5 %: no new recordings */
    PLM_DISK_STOP,   /**< below 2 %, or a write failed for lack of space: what runs is paused */
};

enum plm_writer_event_type {
    /**
     * A file was closed and is whole, or was found to be by a repair (then `file` is 0), or the manifest was written (its name). Not usable: nothing was
     * ever in it, and it is gone.
     */
    PLM_WRITER_FINISHED = 1,
    /**
     * A write failed; the file was ended at its last whole fragment and finished if that was possible. Its handle is no more, closing it does nothing.
     * Without a handle: a line of the journal (its name), the manifest, the folder (no name), or a file that a repair could not help.
     */
    PLM_WRITER_FAILED,
    PLM_WRITER_DISK,      /**< the level changed */
    PLM_WRITER_REMOVED,   /**< a folder is gone */
    PLM_WRITER_REPAIRED,  /**< plm_writer_repair is done with this recording */
    PLM_WRITER_JOURNALED, /**< the oldest line of this recording's that was not told of yet is in the journal: a kill loses it no more */
};

struct plm_writer_event {
    enum plm_writer_event_type type;
    char id[PLM_RECORDING_ID_SIZE];
    plm_writer_file file; /**< FINISHED, FAILED */
    char name[PLM_WRITER_MAX_NAME];
    int error;   /**< FAILED: negated errno; 0 */
    bool usable; /**< the file is there under its final name and plays */
    int64_t duration_us;
    uint64_t bytes;
    /** Of the file; always "": finishing rewrites its first octets, so that a sum would need all of it read again, which a disk in use cannot spare. */
    char sha256[65];
    enum plm_disk_level level;
    uint64_t free_bytes;
};

struct plm_writer_config {
    int dir_fd;         /**< of the folder of all recordings; borrowed */
    size_t queue_bytes; /**< [64 MiB] */
    uint64_t
        reserve_bytes; /**< a file of this size is kept, and deleted so that files can be finished on a full disk [64 MiB] */
    /** Called on a thread of the writer's when there are events: wake the loop, nothing else. */
    void (*wake)(void *arg);
    void *arg;
};

struct plm_writer_track_config {
    bool sound;           /**< the file has an Opus track */
    enum plm_codec video; /**< PLM_CODEC_NONE: sound alone */
    uint16_t width, height, rotation;
    uint8_t profile;
    const uint8_t *config; /**< as in struct plm_sample; copied */
    size_t config_len;
    int64_t start_us;    /**< the room's clock at time 0 of the file */
    uint64_t unix_ms;    /**< the same in UTC: creation time */
    const char *title;   /**< of the file: the participant's name; copied */
    const char *comment; /**< copied */
};

/** @return 0, PLM_ENOMEM, negated errno */
int plm_writer_create(struct plm_writer **out, const struct plm_writer_config *config);
/** Finish every open file, carry out every job, stop the threads. Blocks as long as the disk does. NULL is fine. */
void plm_writer_destroy(struct plm_writer *w);
/** Take one event. @return false: none */
bool plm_writer_next_event(struct plm_writer *w, struct plm_writer_event *out);

/* Jobs, from one thread. They are done in the order in which they were asked for. */

/** Make the folder of a recording. */
int plm_writer_make(struct plm_writer *w, const char *id);
/** Begin a track file. @param name without .part, plm_recording_file_valid @return the file, 0: PLM_ENOMEM or the queue is full */
plm_writer_file plm_writer_open(
    struct plm_writer *w, const char *id, const char *name, const struct plm_writer_track_config *config);
/**
 * Write a sample; octets are copied. Samples of one kind come in order of time; the first picture of a file is a key frame and stretches to time 0.
 * @return 0, also when the file failed meanwhile; PLM_ENOMEM; PLM_EFULL: the queue has no room, the sample is left out (the caller drops pictures to the
 *         next key frame; sound has a reserve of an eighth, and what is missing of it after all becomes silence)
 */
int plm_writer_put(struct plm_writer *w, plm_writer_file file, const struct plm_sample *sample);
/** Finish a file. @param end_us the room's clock: the last picture is held until then */
void plm_writer_close(struct plm_writer *w, plm_writer_file file, int64_t end_us);
/** Append a line (without its newline) to the journal of a recording. Each has one event, JOURNALED or FAILED, in the order of the lines. */
int plm_writer_journal(struct plm_writer *w, const char *id, const char *line, size_t len);
/** Write manifest.json as a whole: temporary name, sync, rename. */
int plm_writer_manifest(struct plm_writer *w, const char *id, const char *text, size_t len);
/**
 * Repair the track files that lie in a recording's folder and that nobody writes any more: an event for each of them, then PLM_WRITER_REPAIRED. Files
 * that are opened after this call are left alone.
 */
int plm_writer_repair(struct plm_writer *w, const char *id);
/** Remove the folder of a recording with everything in it. */
int plm_writer_remove(struct plm_writer *w, const char *id);

struct plm_writer_stats {
    uint64_t queued_bytes, queued_bytes_max, files_open, fragments, written_bytes, refused, syncs;
    uint64_t late_us_max; /**< how long the oldest job waited, at worst */
};
/** Any thread. */
void plm_writer_stats(struct plm_writer *w, struct plm_writer_stats *out);

#endif
