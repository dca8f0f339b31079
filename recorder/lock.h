/*
 * One process at a time writes to a folder of recordings: the recorder as long as it serves, or a repair by hand. The lock is that of the kernel on
 * "<dir>/.lock", so it ends with its process; the file stays.
 */
#ifndef PLM_RECORDER_LOCK_H
#define PLM_RECORDER_LOCK_H

#define PLM_LOCK_FILE ".lock"

/** @return a descriptor, which holds the lock until it is closed; -EWOULDBLOCK: another has it; negated errno */
int plm_lock_take(int dir_fd);
/** @return 1: another process has it, 0: nobody, or negated errno. Changes nothing. */
int plm_lock_is_held(int dir_fd);

#endif
