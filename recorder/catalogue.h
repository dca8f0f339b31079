/*
 * What lies in the folder of all recordings, read at the start. Blocks. Names are never followed out of it.
 */
#ifndef PLM_RECORDER_CATALOGUE_H
#define PLM_RECORDER_CATALOGUE_H

#include "base/recording_format.h"

#include <stddef.h>

#define PLM_CATALOGUE_MAX_TEXT (64u << 20) /**< octets of a journal or manifest that are read */

struct plm_catalogue_names {
    char **names;
    size_t n;
};

/** Ids of recordings in it, or, with an id, valid names of files of that recording. @return 0, PLM_ENOMEM, negated errno */
int plm_catalogue_list(struct plm_catalogue_names *out, int dir_fd, const char *id);
void plm_catalogue_names_free(struct plm_catalogue_names *n);
/** The text of a file. @return 0, PLM_ENOMEM, PLM_ELIMIT, negated errno; *text to free() */
int plm_catalogue_read(char **text, size_t *len, int dir_fd, const char *id, const char *name);

#endif
