/*
 * Writes what workers capture into a file: a ring per worker, and a thread of its own, so that no disk delays a packet. What has no room in a
 * ring, or in the file, is left out.
 */
#ifndef PLM_CAPTURE_THREAD_H
#define PLM_CAPTURE_THREAD_H

#include "capture.h"
#include "log.h"

struct plm_capture_thread;

struct plm_capture_thread_config {
    const char *path; /**< replaced if it exists, readable by its owner alone; a symbolic link is refused */
    uint64_t max;     /**< octets of the file */
    unsigned n_workers;
    int64_t unix_offset_us;
    uint16_t port; /**< ours, to be shown */
    struct plm_log log;
};

/** Open the file and start. @return 0, PLM_ENOMEM or a negated errno */
int plm_capture_thread_create(
    struct plm_capture_thread **out, const struct plm_capture_thread_config *config);
/** That worker's thread only: as plm_worker_io.capture. */
bool plm_capture_thread_put(struct plm_capture_thread *c, unsigned worker, const void *head, size_t head_len,
    const void *body, size_t body_len);
/** Write what is left and close. No worker may put anything any more. NULL is fine. */
void plm_capture_thread_destroy(struct plm_capture_thread *c);

#endif
