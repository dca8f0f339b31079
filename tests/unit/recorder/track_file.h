/*
 * Track files made of samples that no encoder made: in memory, written by the muxer as the writer does it.
 */
#ifndef TESTS_TRACK_FILE_H
#define TESTS_TRACK_FILE_H

#include <assert.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "mux.h"

#define TRACK_START_US   INT64_C(5000000000)
#define TRACK_MAX_PARTS  64
#define TRACK_PICTURE_US 40000

static const uint8_t track_avcc[] = {
    1, 66, 0xc0, 30, 0xff, 0xe1, 0, 4, 0x67, 66, 0xc0, 30, 1, 0, 2, 0x68, 0xce};
/* A sequence header OBU: main profile, level 2.0, 320x180. */
static const uint8_t track_av1[] = {0x0a, 0x0a, 0x00, 0x00, 0x00, 0x02, 0xaf, 0xff, 0x9b, 0x5f, 0x30, 0x08};

struct track_file {
    int fd;
    struct plm_blob octets;            /* all of it */
    size_t ends[TRACK_MAX_PARTS];      /* behind the head and each fragment */
    int64_t until_us[TRACK_MAX_PARTS]; /* where its last sample of sound ends */
    unsigned n_ends;
};

static inline struct plm_writer_track_config track_config(enum plm_codec video, bool sound)
{
    struct plm_writer_track_config c = {.sound = sound,
        .video = video,
        .width = video ? 320 : 0,
        .height = video ? 180 : 0,
        .start_us = TRACK_START_US,
        .unix_ms = UINT64_C(1790000000000),
        .title = "Ada",
        .comment = "Hall"};
    if (video == PLM_CODEC_H264) {
        c.config = track_avcc;
        c.config_len = sizeof track_avcc;
    } else if (video == PLM_CODEC_AV1) {
        c.config = track_av1;
        c.config_len = sizeof track_av1;
    }
    return c;
}

static inline struct plm_sample track_picture(enum plm_codec codec, int64_t us, bool keyframe)
{
    static const uint8_t octets[40] = "a picture";
    return (struct plm_sample){.codec = codec,
        .keyframe = keyframe,
        .time_us = TRACK_START_US + us,
        .width = 320,
        .height = 180,
        .data = octets,
        .len = 20 + (size_t)(us / 1000) % 20};
}

static inline struct plm_sample track_sound(int64_t us)
{
    static const uint8_t octets[8] = {0xfc, 1, 2, 3, 4, 5, 6, 7};
    return (struct plm_sample){.codec = PLM_CODEC_OPUS,
        .keyframe = true,
        .time_us = TRACK_START_US + us,
        .duration_us = 20000,
        .data = octets,
        .len = 3 + (size_t)(us / 20000) % 5};
}

static inline void track_cut(struct track_file *t, struct plm_mux *m, int64_t until_us)
{
    assert(plm_mux_cut(m, &t->octets) == 0 && t->n_ends < TRACK_MAX_PARTS);
    t->until_us[t->n_ends] = until_us;
    t->ends[t->n_ends++] = t->octets.len;
}

/* A picture each 40 ms with a key frame each 2 s, sound each 20 ms. */
static inline void track_file_make(struct track_file *t, enum plm_codec video, bool sound, int64_t seconds)
{
    struct plm_writer_track_config c = track_config(video, sound);
    struct plm_mux *m;
    *t = (struct track_file){.fd = memfd_create("track", MFD_CLOEXEC)};
    assert(t->fd >= 0 && plm_mux_create(&m, &c) == 0 && plm_mux_head(m, &t->octets) == 0);
    t->ends[t->n_ends++] = t->octets.len;
    for (int64_t us = 0; us < seconds * 1000000; us += 20000) {
        struct plm_sample p = track_picture(video, us, us % 2000000 == 0), s = track_sound(us);
        bool has_picture = video && us % TRACK_PICTURE_US == 0;
        if ((has_picture && plm_mux_is_due(m, &p)) || (sound && plm_mux_is_due(m, &s)))
            track_cut(t, m, us);
        assert(!has_picture || plm_mux_put(m, &p) == 0);
        assert(!sound || plm_mux_put(m, &s) == 0);
    }
    track_cut(t, m, seconds * 1000000);
    plm_mux_destroy(m);
}

/* The file's first octets, and nothing else, are in fd. */
static inline void track_file_write(const struct track_file *t, size_t len)
{
    assert(ftruncate(t->fd, 0) == 0);
    assert(pwrite(t->fd, t->octets.data, len, 0) == (ssize_t)len);
}

static inline void track_file_free(struct track_file *t)
{
    close(t->fd);
    plm_blob_free(&t->octets);
}

#endif
