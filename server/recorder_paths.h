/*
 * Where the recorder is, and what it writes to: recording.* of the configuration, or what follows from data.dir and the server's own place.
 */
#ifndef PLM_SERVER_RECORDER_PATHS_H
#define PLM_SERVER_RECORDER_PATHS_H

#include <limits.h>

#include "config.h"

struct plm_recorder_paths {
    char program[PATH_MAX], dir[PATH_MAX], socket[PATH_MAX]; /**< absolute */
};

/**
 * The folder is worked out even for a server that does not record: what it holds is served still.
 * @param enabled  does this server record? With recording.enabled "auto": if the program is there, or somebody else starts it
 * @return 0; PLM_EINVAL: err says which key and why. A program that is missing is an error with "true" only
 */
int plm_recorder_paths_find(struct plm_recorder_paths *out, bool *enabled, const struct plm_config *config,
    char *err, size_t err_size);

#endif
