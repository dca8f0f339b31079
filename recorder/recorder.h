/*
 * All recordings of this recorder: those that run, and what is known of those on the disk. Between the links, the recordings and the disk; no I/O of
 * its own after plm_recorder_load. One thread.
 */
#ifndef PLM_RECORDER_RECORDER_H
#define PLM_RECORDER_RECORDER_H

#include "base/log_line.h"
#include "recording.h"

#define PLM_RECORDER_MAX_RUNNING 256
#define PLM_RECORDER_TELL_US     5000000 /**< a running recording's state is told so often */

struct plm_recorder;

struct plm_recorder_env {
    void *ctx;
    const struct plm_disk_port *disk; /**< borrowed for good */
    const char *boot_id;              /**< borrowed for good */
    void (*send_control)(void *ctx, const char *text, size_t len);
    void (*send)(void *ctx, uint32_t link, const struct plm_link_header *h, const void *body);
    /** @param id of a recording, NULL: of none */
    void (*log)(void *ctx, enum plm_log_level level, const char *id, const char *text);
};

/** @param env copied @return 0 or PLM_ENOMEM */
int plm_recorder_create(struct plm_recorder **out, const struct plm_recorder_env *env);
/** Recordings that run are left as plm_recorder_leave does. NULL is fine. */
void plm_recorder_destroy(struct plm_recorder *r);
/** Find out what lies in the folder, and take up what was left unfinished. Blocks; before anything else. @return 0 or a negated errno */
int plm_recorder_load(struct plm_recorder *r, int dir_fd, uint64_t now_us);

/** The server's control connection is there, or is gone. */
void plm_recorder_on_server(struct plm_recorder *r, bool there, uint64_t now_us);
/** A control message. What is malformed is logged and ignored. */
void plm_recorder_on_control(struct plm_recorder *r, const char *text, size_t len, uint64_t now_us);
void plm_recorder_on_frame(struct plm_recorder *r, uint32_t link, const struct plm_link_header *h,
    const uint8_t *body, uint64_t now_us);
void plm_recorder_on_link_gone(struct plm_recorder *r, uint32_t link, uint64_t now_us);
void plm_recorder_on_writer(struct plm_recorder *r, const struct plm_writer_event *ev, uint64_t now_us);
/** To be called some twenty times a second. */
void plm_recorder_poll(struct plm_recorder *r, uint64_t now_us);
/** The process is asked to end: files are closed, recordings are left to the next one. */
void plm_recorder_leave(struct plm_recorder *r, uint64_t now_us);

/** Neither a server nor anything that runs or is being finished, since when; UINT64_MAX: there is something. */
uint64_t plm_recorder_idle_since(const struct plm_recorder *r);

struct plm_recorder_stats {
    uint32_t known, running;
    uint64_t malformed;                       /**< control messages, and frames of no recording's room */
    struct plm_recording_stats running_stats; /**< sum over those that run */
};
void plm_recorder_stats(const struct plm_recorder *r, struct plm_recorder_stats *out);

#endif
