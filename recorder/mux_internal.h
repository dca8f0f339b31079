/*
 * What mux.c, which keeps the time, shares with the two formats.
 */
#ifndef PLM_RECORDER_MUX_INTERNAL_H
#define PLM_RECORDER_MUX_INTERNAL_H

#include "mux.h"

#define PLM_TRACK_PICTURE 1 /**< number of the track in either format */
#define PLM_TRACK_SOUND   2

/** A sample of the fragment. */
struct plm_mux_entry {
    int64_t time_us; /**< in the file */
    uint32_t ticks;  /**< of sound: how long it is; of a picture 0: until the next */
    uint32_t len;
    bool keyframe;
};

/** The samples of one kind in the fragment. */
struct plm_mux_run {
    struct plm_mux_entry *entries;
    size_t n, cap;
    struct plm_blob octets; /**< of all of them, one behind the other */
};

struct plm_mux {
    struct plm_writer_track_config config; /**< with strings and config of its own */
    struct plm_mux_run picture, sound;
    int64_t began_us;      /**< room's clock of the fragment's first sample */
    int64_t picture_us;    /**< time in the file of the last picture, -1: none yet */
    uint64_t sound_ticks;  /**< where the next packet of sound goes */
    uint64_t cut_ticks;    /**< MP4: where the sound of this fragment begins */
    uint32_t picture_step; /**< MP4: ticks between the last two pictures */
    int64_t cluster_ms;    /**< WebM: time of the last cluster */
    uint32_t n_fragments;
};

static inline int64_t plm_mux_picture_ticks(int64_t us)
{
    return us * (PLM_MUX_PICTURE_HZ / 10000) / 100;
}

void plm_mux_mp4_head(const struct plm_mux *m, struct plm_blob *out);
void plm_mux_mp4_fragment(struct plm_mux *m, struct plm_blob *out);
void plm_mux_webm_head(const struct plm_mux *m, struct plm_blob *out);
void plm_mux_webm_cluster(struct plm_mux *m, struct plm_blob *out);

#endif
