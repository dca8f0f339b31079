/*
 * One connection to plenum-recorder: a Unix stream socket that carries frames of base/link_frame.h, from connecting and each side's hello to
 * its end. That of the main thread then carries control messages; that of a worker is given away after the hellos. Loop thread; nothing blocks.
 */
#ifndef PLM_SERVER_RECORDER_CONN_H
#define PLM_SERVER_RECORDER_CONN_H

#include <uv.h>

#include "base/link_frame.h"

#define PLM_RECORDER_HELLO_MS 3000       /**< so long the other side may take for its hello */
#define PLM_RECORDER_MAX_OUT  (1u << 20) /**< octets that wait for the recorder; take no more for it then */

struct plm_recorder_conn;

/** None of them is called from within a function of the connection; each may close it. */
struct plm_recorder_conn_events {
    /** Both hellos are there. */
    void (*on_ready)(struct plm_recorder_conn *c, void *arg);
    /** A control message; text is borrowed. */
    void (*on_message)(struct plm_recorder_conn *c, void *arg, const char *text, size_t len);
    /** All that was sent has gone to the kernel. */
    void (*on_drain)(struct plm_recorder_conn *c, void *arg);
    /** It has ended, and is freed afterwards. @param error 0: the recorder closed; PLM_EINVAL: it spoke nonsense; PLM_EAGAIN: no hello in time; or a negated errno */
    void (*on_end)(struct plm_recorder_conn *c, void *arg, int error);
};

/**
 * @param path   of the socket; shorter than struct sockaddr_un's
 * @param hello  copied; the times are filled in
 * @return 0, PLM_ENOMEM, PLM_EINVAL (path), or a negated errno: -ENOENT, -ECONNREFUSED nobody listens
 */
int plm_recorder_conn_open(struct plm_recorder_conn **out, uv_loop_t *loop, const char *path,
    const struct plm_link_hello *hello, const struct plm_recorder_conn_events *events, void *arg);
/** Send one control message, after on_ready. Copied. @return 0, PLM_EFULL, PLM_ENOMEM */
int plm_recorder_conn_send(struct plm_recorder_conn *c, const char *text, size_t len);
/** Give the socket away, after on_ready and before anything else was read: the connection is closed, the descriptor is the caller's, non-blocking. */
int plm_recorder_conn_release(struct plm_recorder_conn *c);
/** End it without an event. Memory goes in the loop's next turn. NULL is fine. */
void plm_recorder_conn_close(struct plm_recorder_conn *c);

#endif
