/*
 * What finish.c shares with the two formats: reading and writing at an offset, whole or not at all.
 */
#ifndef PLM_RECORDER_FINISH_INTERNAL_H
#define PLM_RECORDER_FINISH_INTERNAL_H

#include "blob.h"
#include "finish.h"

struct plm_finish_file {
    int fd;
    uint64_t size;
    bool write; /**< false: only look */
};

/** @return 0; PLM_EINVAL: the file ends before; negated errno */
int plm_finish_read(const struct plm_finish_file *f, uint64_t at, void *out, size_t len);
/** Like plm_finish_read, into octets that are emptied before. @return also PLM_ENOMEM */
int plm_finish_load(const struct plm_finish_file *f, uint64_t at, uint64_t len, struct plm_blob *out);
/** @return 0 or negated errno */
int plm_finish_write(const struct plm_finish_file *f, uint64_t at, const void *data, size_t len);
int plm_finish_cut(struct plm_finish_file *f, uint64_t size);
int plm_finish_sync(const struct plm_finish_file *f);

/* Both leave the file alone and return PLM_EINVAL when it does not begin like one of ours. */
int plm_finish_mp4(struct plm_finish_file *f, int64_t hold_us, struct plm_finish_result *out);
int plm_finish_webm(struct plm_finish_file *f, int64_t hold_us, struct plm_finish_result *out);

#endif
