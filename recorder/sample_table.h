/*
 * The sample table of a finished MP4 track (ISO/IEC 14496-12 sections 8.6 and 8.7): gathered run by run, written as the boxes of stbl, and read
 * again to prove that every sample is where the table says.
 */
#ifndef PLM_RECORDER_SAMPLE_TABLE_H
#define PLM_RECORDER_SAMPLE_TABLE_H

#include "mp4_box.h"

#define PLM_SAMPLE_MAX_LEN 0x7fffffffu
#define PLM_SAMPLE_MAX_N   0x10000000u

struct plm_sample_table {
    uint32_t *ticks;       /**< how long each is shown */
    uint32_t *sizes;       /**< in octets; the highest bit: no keyframe */
    uint64_t *chunks;      /**< where each run of samples lies in the file */
    uint32_t *chunk_sizes; /**< how many samples are in it */
    uint32_t n, cap, n_chunks, cap_chunks, n_keyframes;
    uint64_t duration; /**< sum of ticks */
    uint64_t octets;   /**< sum of sizes */
};

/** A run begins: samples added from here on follow one another in the file. @return 0 or PLM_ENOMEM */
int plm_sample_table_chunk(struct plm_sample_table *t, uint64_t offset);
/** @param size at most PLM_SAMPLE_MAX_LEN @return 0 or PLM_ENOMEM */
int plm_sample_table_add(struct plm_sample_table *t, uint32_t size, uint32_t ticks, bool keyframe);
/** Would plm_sample_table_stretch and so many samples behind it be possible? */
bool plm_sample_table_takes(const struct plm_sample_table *t, uint64_t time, uint32_t n);
/**
 * The next sample begins at this time: the last one is shown until then, at least one tick. The first one begins at 0.
 * @return 0 or PLM_EINVAL: so long can no sample be shown
 */
int plm_sample_table_stretch(struct plm_sample_table *t, uint64_t until);
/** When the last sample begins; there is one. */
uint64_t plm_sample_table_last(const struct plm_sample_table *t);
/** stts, stss, stsc, stsz, stco or co64. */
void plm_sample_table_write(const struct plm_sample_table *t, struct plm_blob *o);
void plm_sample_table_free(struct plm_sample_table *t);

/**
 * Read the boxes of a stbl and check that each sample lies between two places of the file.
 * @param stbl what is in the box
 * @return 0 or PLM_EINVAL: the boxes contradict themselves or the file
 */
int plm_sample_table_check(
    const uint8_t *stbl, size_t len, uint64_t from, uint64_t to, uint64_t *duration, uint32_t *n_samples);

#endif
