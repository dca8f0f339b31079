/*
 * Runs one worker's core: a thread with one libuv loop, the worker's sockets, its mailbox, and its ends of the rings between workers.
 *
 * A wake-up is one turn: commands, frames from other workers, datagrams, timers; then sleep until the core's deadline. The clock is read
 * once per turn and read batch.
 */
#ifndef PLM_DRIVER_UV_H
#define PLM_DRIVER_UV_H

#include "command.h"
#include "log.h"
#include "outbox.h"
#include "stream_quota.h"
#include "udp.h"

struct plm_capture_thread;
struct plm_driver;

struct plm_driver_config {
    struct plm_worker_config core; /**< without io, which the driver fills */
    struct plm_udp *socks;         /**< one per listen address, borrowed, closed by the owner after destroy */
    size_t n_socks;
    struct plm_udp_paths *paths; /**< shared by all workers, borrowed */
    struct plm_outbox *outbox;   /**< borrowed */
    struct plm_stream_quota *quota; /**< of TCP connections, shared by all workers, borrowed */
    /** All workers' drivers by index, borrowed; complete before the first of them starts, whole until the last was joined. */
    struct plm_driver *const *drivers;
    struct plm_capture_thread *capture; /**< borrowed; NULL: nothing is captured */
    bool gso;
    struct plm_log log;
};

/** Microseconds of CLOCK_MONOTONIC: the clock of every now_us in an engine. */
uint64_t plm_driver_now(void);

/** Make the core and the loop; nothing runs yet. @return 0, or an error of the core's or libuv's */
int plm_driver_create(struct plm_driver **out, const struct plm_driver_config *config);
/** Start the thread. @return 0 or a negated errno */
int plm_driver_start(struct plm_driver *d);
/** Any thread, between create and destroy. Takes over the command. */
void plm_driver_post(struct plm_driver *d, struct plm_command *cmd);
/** Ask the thread to end and wait for it. Its core is destroyed on its own thread. Fine without start. */
void plm_driver_join(struct plm_driver *d);
/** Free. All drivers of the engine must have been joined: they wake each other. NULL is fine. */
void plm_driver_destroy(struct plm_driver *d);

#endif
