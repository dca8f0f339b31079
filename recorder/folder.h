/*
 * The folder of a recording on the disk: every name is checked before it is used, no link is followed, nothing is overwritten. Blocks.
 */
#ifndef PLM_RECORDER_FOLDER_H
#define PLM_RECORDER_FOLDER_H

#include "base/recording_format.h"
#include "finish.h"

/** Room for a file's name with ".part". */
#define PLM_FOLDER_NAME_SIZE 80

/** @return 0 (also when it was there), PLM_EINVAL or negated errno */
int plm_folder_make(int dir_fd, const char *id);
/** @return a descriptor to close, PLM_EINVAL or negated errno */
int plm_folder_open(int dir_fd, const char *id);
/** Remove it with everything in it; the manifest first, so that nothing half removed is taken for ready. @return 0 or as above */
int plm_folder_remove(int dir_fd, const char *id);

/** Make "<name>.part" for a track file; it must not be there. @return a descriptor, PLM_EINVAL or negated errno */
int plm_folder_create_part(int folder_fd, const char *name);
/** Remove it again. */
int plm_folder_drop_part(int folder_fd, const char *name);
/** Open a file of the folder; only a plain file. @param flags O_RDONLY or O_RDWR, and O_APPEND, O_CREAT @return as above */
int plm_folder_open_file(int folder_fd, const char *name, int flags);
/** Take the ".part" off a finished file and make that last. @return 0; -EEXIST: the name is taken, nothing is done; negated errno */
int plm_folder_publish(int folder_fd, const char *name);
/** Write a file as a whole: under another name first, then in the place of the old one. @return 0, PLM_EINVAL or negated errno */
int plm_folder_replace(int folder_fd, const char *name, const void *data, size_t len);
/** Read the journal or the manifest. @param out to free(), with a NUL behind @return 0, PLM_EINVAL: too long; PLM_ENOMEM; negated errno */
int plm_folder_read(int folder_fd, const char *name, char **out, size_t *len);
/** Append a line to the journal; a torn line before it is ended. A line that cannot be written whole is not there afterwards. */
int plm_folder_append(int journal_fd, const char *line, size_t len);

/** What lay in a folder when it was listed. Zeroed: nothing. */
struct plm_folder_list {
    char **names;
    size_t n;
};

/** @param out written on success; for plm_folder_list_free @return 0, PLM_ENOMEM or negated errno */
int plm_folder_list(int folder_fd, struct plm_folder_list *out);
void plm_folder_list_free(struct plm_folder_list *list);

/** @param name without ".part" @param part is it still called so? @return 0 or what ends the walk */
typedef int plm_folder_fn(void *arg, const char *name, bool part);
/** Walk the track files of a list, in order of their names; of a name that is there twice the finished one. */
int plm_folder_walk(const struct plm_folder_list *list, plm_folder_fn *fn, void *arg);
/** The same with what lies in a folder now. */
int plm_folder_each(int folder_fd, plm_folder_fn *fn, void *arg);

#endif
