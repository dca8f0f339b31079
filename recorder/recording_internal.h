/*
 * What the files recording*.c share. For them alone.
 */
#ifndef PLM_RECORDER_RECORDING_INTERNAL_H
#define PLM_RECORDER_RECORDING_INTERNAL_H

#include "pair.h"
#include "recording.h"

#include <uthash.h>

struct person;

struct track {
    struct plm_recording *r;
    struct person *person;
    enum plm_source source;
    uint32_t link, instance; /* who feeds it */
    struct plm_stream *stream;
    struct plm_link_demand demand; /* what was asked last */
    uint64_t demanded_us, key_asked_us;
};

struct pair {
    struct plm_recording *r;
    struct person *person;
    struct plm_pair pair;
    uint64_t retry_us; /* no file is begun before */
};

enum pair_kind {
    PAIR_CAMERA = 0,
    PAIR_SCREEN,
    PAIR_COUNT
};

/* Someone who published, or whom signalling named. Stays until the recording ends: names of files go on counting. */
struct person {
    uint32_t id;
    char *name;
    struct track *tracks[PLM_SOURCE_COUNT];
    struct pair *pairs[PAIR_COUNT];
    unsigned segments[PAIR_COUNT];
    UT_hash_handle hh;
};

struct file {
    plm_writer_file handle; /* 0: of another run */
    char name[PLM_WRITER_MAX_NAME];
    const char *reason; /* why it was closed; static storage */
    bool open;          /* the writer has not told its end */
    bool usable;
    int64_t duration_us;
    uint64_t bytes;
    char sha256[65];
};

/*
 * The journal: whole, as the manifest is made of it. Up to `taken` the disk's queue has it, up to `safe` the disk; a line that failed is tried again, and
 * what follows it after it.
 */
struct journal {
    char *text;
    size_t len, cap, taken, safe;
    unsigned in_flight; /* lines whose end the disk has not told */
    unsigned
        stale;   /* lines of which it has not either, and which are not counted on: one before them failed */
    bool failed; /* one failed, and none was written since */
    uint64_t retry_us;
};

/* The events of a run of the server that were taken, and those of which it was told that they are on the disk. */
struct numbers {
    char run[PLM_RECORDING_RUN_SIZE]; /* "": no event with a number yet */
    uint64_t taken, told;
    uint64_t mark; /* this one is on the disk when the journal is up to mark_at; 0: none is waited for */
    size_t mark_at;
};

struct plm_recording {
    const struct plm_recording_env *env;
    char id[PLM_RECORDING_ID_SIZE];
    char *key, *name;
    char boot[PLM_BOOT_ID_SIZE]; /* whose clock base_us is of */
    uint64_t started_ms;
    int64_t base_us; /* the room's clock at t_us 0 */
    int64_t from_us; /* the room's clock: nothing before this is written */
    uint32_t limit_s, room;
    enum plm_recording_state state;
    enum plm_recording_reason reason;
    bool attached, repairing, concluded;
    bool unmade;      /* its folder could not be made */
    bool unfinished;  /* a file could not be finished when its disk failed: a repair tries again at the end */
    bool end_known;   /* the journal has its last line */
    bool paused_full; /* until there is room for new recordings, too */
    uint64_t detached_us;
    enum plm_disk_level disk;
    uint64_t now_us; /* of the call that runs */

    int64_t last_us, end_us; /* t_us: of what another run left; of the end */
    int64_t gap_from_us;     /* -1: none */
    const char *gap_reason;
    int64_t unfed_from_us; /* since then the server was not asked; told at the end of the turn. -1: it was */
    uint64_t retry_us;     /* after a failed write */
    int64_t slow_from_us, slow_last_us; /* samples are refused since, and were last; -1: none */
    enum plm_recording_reason end_reason;

    struct person *people;
    uint32_t n_tracks;
    struct file *files;
    size_t n_files, cap_files, n_open;

    struct journal journal;
    struct numbers numbers;
    struct plm_recording_stats stats;
};

/* recording.c */
int64_t plm_rec_t(const struct plm_recording *r, int64_t room_us); /* never below 0 */
void plm_rec_set_state(
    struct plm_recording *r, enum plm_recording_state state, enum plm_recording_reason reason);
void plm_rec_on_refused(struct plm_recording *r); /* the disk's queue is full */
void plm_rec_pause(struct plm_recording *r, enum plm_recording_reason reason);
void plm_rec_on_disk_error(struct plm_recording *r, int error); /* while it is on, it pauses */

/* recording_journal.c */
void plm_rec_journal(struct plm_recording *r, char *line); /* takes the line; NULL is fine */
void plm_rec_event(
    struct plm_recording *r, const struct plm_control *c, bool leave_out); /* unless it is there already */
int plm_rec_restore_journal(struct plm_recording *r, const char *text, size_t len); /* what is on the disk */
void plm_rec_write_journal(
    struct plm_recording *r); /* lines that the disk's queue has not taken yet, in order */
void plm_rec_on_line(
    struct plm_recording *r, int error); /* the disk tells of the oldest line in flight; 0: it is written */

/* recording_media.c */
struct person *plm_rec_person(
    struct plm_recording *r, uint32_t id); /* found or made; NULL: too many, no memory */
void plm_rec_end_media(struct plm_recording *r, int64_t end_us, const char *reason); /* tracks and pairs */
void plm_rec_end_files(struct plm_recording *r, int64_t end_us, const char *reason); /* tracks stay */
void plm_rec_poll_media(struct plm_recording *r);
void plm_rec_free_people(struct plm_recording *r);

/* recording_files.c */
plm_writer_file plm_rec_open(struct pair *p, const struct plm_writer_track_config *config);
void plm_rec_close(struct plm_recording *r, plm_writer_file file, int64_t end_us, const char *reason);
int plm_rec_restore_files(struct plm_recording *r, char *const *names, size_t n);
void plm_rec_conclude(struct plm_recording *r); /* when it has ended and nothing is open any more */

#endif
