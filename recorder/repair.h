/*
 * Makes the track files of a recording whole that a crash, a full disk or a power cut left behind. What is finished is left alone; what holds nothing that
 * plays stays as it is, under its ".part" name. Blocks. No other process may write to the folder (lock.h), and this one not to the file: it would be
 * finished, and lose its ".part", in the middle of what is written.
 */
#ifndef PLM_RECORDER_REPAIR_H
#define PLM_RECORDER_REPAIR_H

#include "finish.h"

struct plm_repair_file {
    const char *name;                /**< without ".part" */
    bool part;                       /**< it was not finished before */
    int error;                       /**< 0, PLM_EINVAL: not one of ours or damaged; negated errno */
    struct plm_finish_result result; /**< usable: it is there under its final name and plays */
};

/** One file of a folder, as plm_folder_walk names it. @param out name is borrowed */
void plm_repair_file(int folder_fd, const char *name, bool part, struct plm_repair_file *out);

typedef void plm_repair_fn(void *arg, const struct plm_repair_file *file);

/** @param fn told of each track file, finished ones too @return 0; PLM_EINVAL; negated errno: of the folder, or of the first file that failed */
int plm_repair_folder(int dir_fd, const char *id, plm_repair_fn *fn, void *arg);

#endif
