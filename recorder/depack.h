/*
 * Pictures and packets of sound out of RTP payloads, one file per codec. Payloads of one picture are added in order and without one missing, which
 * the caller sees to; what comes out is what a file holds (struct plm_sample). Whole payloads are read here: end-to-end encrypted ones are not.
 */
#ifndef PLM_RECORDER_DEPACK_H
#define PLM_RECORDER_DEPACK_H

#include "blob.h"
#include "sample.h"

#define PLM_DEPACK_MAX_SETS     8    /* H264 parameter sets remembered */
#define PLM_DEPACK_MAX_SET_SIZE 1024 /* octets of one; a larger one is not remembered */

/** What the payloads say of a picture's place among others. Numbers count pictures, not packets. */
struct plm_picture_place {
    bool keyframe;
    bool has_picture_id, has_tl0;
    uint8_t picture_id_bits; /**< 7 or 15 */
    uint16_t picture_id;
    uint8_t tl0picidx; /**< of the newest picture in temporal layer 0, up to this one */
    uint8_t tid;
    bool sync; /**< VP8 Y: refers to temporal layer 0 alone */
    bool up;   /**< VP9 U: higher layers after it refer to nothing of theirs before it */
    /** References, where the packets list them all: distances in `number`. */
    bool has_refs;
    uint8_t number_bits;
    uint16_t number; /**< VP9: the picture id; with a dependency descriptor the frame number */
    uint8_t n_refs;
    uint16_t refs[16];
};

struct plm_depack {
    enum plm_codec codec;
    size_t max; /**< octets of one picture */
    struct plm_blob out;
    bool any; /**< something was added since begin */
    struct plm_picture_place place;
    uint16_t width, height; /**< of the last key frame */
    uint8_t profile;
    struct plm_blob config;
    uint32_t duration_us; /**< Opus */
    union {
        struct {
            bool in_fragment, has_idr, has_sets;
            size_t fragment_at; /**< of the length before it */
            uint8_t n_sets;
            struct plm_h264_set {
                uint8_t type, id;
                uint16_t len;
                uint8_t *data;
            } sets[PLM_DEPACK_MAX_SETS];
        } h264;
        struct {
            struct plm_blob obu; /**< one that goes on in the next payload */
            bool in_fragment, sequence, frame_seen;
            size_t sequence_at, sequence_len; /**< in out */
        } av1;
    };
};

void plm_depack_init(struct plm_depack *d, enum plm_codec codec, size_t max);
void plm_depack_destroy(struct plm_depack *d);

/**
 * May a picture begin with this payload? Asked when the one before it was lost; false: it may or not.
 * VP8, VP9: the descriptor says so. H264: parameter sets or a delimiter. AV1: a coded video sequence.
 */
bool plm_depack_starts(enum plm_codec codec, const uint8_t *payload, size_t len);
/** Does this payload end what is stored of its picture, whatever the marker says? VP9: the end of spatial layer 0. */
bool plm_depack_ends(enum plm_codec codec, const uint8_t *payload, size_t len);
/** Is there nothing to store in it? VP9: a spatial layer above 0. */
bool plm_depack_ignores(enum plm_codec codec, const uint8_t *payload, size_t len);

/** Begin a picture; what was added before is gone. */
void plm_depack_begin(struct plm_depack *d);
/** @return 0, PLM_EINVAL: it makes no sense here, PLM_EFULL: too large, PLM_ENOMEM; the picture is of no use then */
int plm_depack_add(struct plm_depack *d, const uint8_t *payload, size_t len);
/**
 * The picture has all its payloads: fill everything in *out but time and rotation. Octets are borrowed until begin or destroy.
 * @return 0; PLM_EINVAL: it is cut short or nothing that a decoder takes, PLM_ENOMEM
 */
int plm_depack_end(struct plm_depack *d, struct plm_sample *out);

/** How long an Opus packet sounds (RFC 6716 section 3.1). @return a multiple of 2500, 0: malformed */
uint32_t plm_opus_duration_us(const uint8_t *packet, size_t len);

/* ---- for the codecs' files ---- */

/** Append, up to max octets in all; data NULL leaves room. @return 0, PLM_EFULL, PLM_ENOMEM */
int plm_depack_append(struct plm_blob *o, const uint8_t *data, size_t len, size_t max);
/** What the codecs do each in their way; init has zeroed, begin emptied what they share. */
int plm_depack_vp8_add(struct plm_depack *d, const uint8_t *payload, size_t len);
int plm_depack_vp8_end(struct plm_depack *d);
int plm_depack_vp9_add(struct plm_depack *d, const uint8_t *payload, size_t len);
int plm_depack_vp9_end(struct plm_depack *d);
void plm_depack_h264_begin(struct plm_depack *d);
int plm_depack_h264_add(struct plm_depack *d, const uint8_t *payload, size_t len);
int plm_depack_h264_end(struct plm_depack *d);
void plm_depack_h264_destroy(struct plm_depack *d);
bool plm_depack_h264_starts(const uint8_t *payload, size_t len);
void plm_depack_av1_begin(struct plm_depack *d);
int plm_depack_av1_add(struct plm_depack *d, const uint8_t *payload, size_t len);
int plm_depack_av1_end(struct plm_depack *d);
void plm_depack_av1_destroy(struct plm_depack *d);
int plm_depack_opus_add(struct plm_depack *d, const uint8_t *payload, size_t len);
int plm_depack_opus_end(struct plm_depack *d);

#endif
