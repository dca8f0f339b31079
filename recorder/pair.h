/*
 * Which file a sample belongs to: a microphone and its camera share one, a screen and its sound another. A new file begins at a key frame when the codec
 * or the rotation changes, or when something comes that the file has no track for. No I/O, no thread, no clock of its own.
 *
 * The first file of a pair waits at most PLM_PAIR_WAIT_US for a picture, unless the camera is known to be muted, so that it has both. Sound that waits, or that
 * came before the key frame that begins a file was there, is kept (at most PLM_PAIR_HELD packets) and goes into that file: nothing is lost at the seam.
 * A camera's file always has sound, silence if need be; a screen's has it when the screen's sound is announced.
 */
#ifndef PLM_RECORDER_PAIR_H
#define PLM_RECORDER_PAIR_H

#include "sound_line.h"
#include "writer.h"

#define PLM_PAIR_WAIT_US 700000
#define PLM_PAIR_HELD    128 /**< packets of sound; 1.3 s of the shortest that browsers send */
/** A new file begins so much before its first key frame at most, where the former one's sound ended. */
#define PLM_PAIR_SEAM_US 300000
/** Sound that is so late comes no more: what waits in a stream is given up sooner (PLM_STREAM_WAIT_US). */
#define PLM_PAIR_LATE_US 1200000

/** Why a file ended; a word of the journal. */
#define PLM_PAIR_ENDS_CODEC    "codec"
#define PLM_PAIR_ENDS_ROTATION "rotation"
#define PLM_PAIR_ENDS_VIDEO    "video" /**< a picture came to what was sound alone */
#define PLM_PAIR_ENDS_AUDIO    "audio" /**< sound came to what was a picture alone */

struct plm_pair_ops {
    void *ctx;
    /** Begin a file. @param config title, comment and unix_ms are the callee's to fill in @return 0: not now */
    plm_writer_file (*open)(void *ctx, const struct plm_writer_track_config *config);
    int (*put)(void *ctx, plm_writer_file file, const struct plm_sample *sample); /**< as plm_writer_put */
    void (*close)(void *ctx, plm_writer_file file, int64_t end_us, const char *reason);
};

struct plm_pair_held {
    struct plm_sample sample; /* data points to octets */
    uint8_t *octets;
    size_t cap;
};

/** What is announced of one kind of a pair. */
struct plm_pair_track {
    bool present, muted;
};

struct plm_pair {
    struct plm_pair_ops ops;
    bool screen;
    struct plm_pair_track sound, picture;

    plm_writer_file file;              /**< 0: none */
    struct plm_writer_track_config is; /**< what the open file is; texts and config are not kept */
    struct plm_sound_line line;
    int64_t end_us;     /**< how far the open file reaches */
    bool dropping;      /**< a picture was refused: none until a key frame */
    bool key_wanted;    /**< the publisher should send a key frame; cleared by the one who asks */
    int64_t refused_us; /**< sound that the disk did not take; -1: none */

    bool waiting; /**< for a picture, with sound in held */
    int64_t wait_from_us;
    uint64_t wait_until_us;

    struct plm_pair_held held[PLM_PAIR_HELD]; /**< the last packets of sound */
    unsigned held_at, held_n;
};

/** @param ops copied */
void plm_pair_init(struct plm_pair *p, bool screen, const struct plm_pair_ops *ops);
/** An open file must have been ended. */
void plm_pair_reset(struct plm_pair *p);
/** A track of the pair is announced, changed or gone. */
void plm_pair_on_track(struct plm_pair *p, enum plm_kind kind, bool present, bool muted);
/** A sample of either kind; those of one kind come in order. */
void plm_pair_on_sample(struct plm_pair *p, const struct plm_sample *s, uint64_t now_us);
/** Begin what waited long enough, fill what is silent. To be called a few times a second. */
void plm_pair_poll(struct plm_pair *p, uint64_t now_us);
/**
 * End the file, if there is one, and forget what waits; what comes afterwards begins a new one.
 * @param end_us the room's clock; the file may reach further already
 */
void plm_pair_end(struct plm_pair *p, int64_t end_us, const char *reason, uint64_t now_us);
/** The disk ended this file on its own. @return was it ours? */
bool plm_pair_on_failed(struct plm_pair *p, plm_writer_file file);

#endif
