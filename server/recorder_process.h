/*
 * Starts plenum-recorder and starts it again when it dies, each time a little later. It gets a session of its own and does not end with us. Loop thread.
 */
#ifndef PLM_SERVER_RECORDER_PROCESS_H
#define PLM_SERVER_RECORDER_PROCESS_H

#include <uv.h>

#define PLM_RECORDER_FIRST_MS  200 /**< from its death to the next start; doubled each time */
#define PLM_RECORDER_LAST_MS   5000
#define PLM_RECORDER_STABLE_MS 10000 /**< one that lived so long died of something else */

struct plm_recorder_process;

struct plm_recorder_process_config {
    const char *program, *dir, *socket, *log_level; /**< borrowed for good */
};

/** @return 0 or PLM_ENOMEM; nothing runs yet */
int plm_recorder_process_create(
    struct plm_recorder_process **out, uv_loop_t *loop, const struct plm_recorder_process_config *config);
/** Nobody listens: start it, unless it runs or the time has not come. */
void plm_recorder_process_want(struct plm_recorder_process *p);
/** How often it was started. */
uint64_t plm_recorder_process_starts(const struct plm_recorder_process *p);
/** Let it run on by itself. Memory goes in the loop's next turn. NULL is fine. */
void plm_recorder_process_leave(struct plm_recorder_process *p);

#endif
