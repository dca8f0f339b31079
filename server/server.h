/*
 * The server: the one place where signalling, media and HTTP meet. One main loop; everything here is its thread's.
 */
#ifndef PLM_SERVER_SERVER_H
#define PLM_SERVER_SERVER_H

#include "config.h"

struct plm_server;

/** What is captured of media (--capture); texts are borrowed for the server's life. */
struct plm_server_capture {
    const char *file;               /**< NULL: nothing */
    const char *room, *participant; /**< names; NULL: all */
    uint32_t megabytes;             /**< of the file, 0: as many as the engine takes */
};

/**
 * Start everything: sockets are bound and served when this returns.
 * @param config  taken over, also on error
 * @param capture copied
 * @param file    configuration file to read again at SIGHUP, NULL: none; borrowed
 * @param err     filled unless 0: what failed and what to do
 */
int plm_server_create(struct plm_server **out, struct plm_config *config,
    const struct plm_server_capture *capture, const char *file, char *err, size_t err_size);
/** Serve until SIGTERM or SIGINT: then sockets close so that clients resume with the next start. A second signal does not wait for them. */
void plm_server_run(struct plm_server *s);
void plm_server_destroy(struct plm_server *s);

#endif
