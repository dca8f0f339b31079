/*
 * plenum-recorder serve: the process that records. A loop, the socket, the writer and its threads, until SIGTERM or SIGINT, or until it is of no use:
 * PLM_SERVE_IDLE_S without a server and without anything to record or to finish. Servers start one again when they need it.
 */
#ifndef PLM_RECORDER_SERVE_H
#define PLM_RECORDER_SERVE_H

#include <stdbool.h>

#define PLM_SERVE_IDLE_S 60

struct plm_serve_config {
    const char *dir;    /**< of all recordings; made if it is not there */
    const char *socket; /**< path of the Unix socket */
    bool stay;          /**< do not end for being of no use */
};

/** @return exit status: 0; 1: something failed, as the log says; 3: another recorder has the folder */
int plm_serve(const struct plm_serve_config *config);

#endif
