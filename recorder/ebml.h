/*
 * Elements of EBML (RFC 8794) and the ids of Matroska (RFC 9559) that our files have: writing into octets, and reading heads of elements.
 */
#ifndef PLM_RECORDER_EBML_H
#define PLM_RECORDER_EBML_H

#include "blob.h"

enum plm_ebml_id {
    PLM_EBML_HEAD = 0x1a45dfa3,
    PLM_EBML_VOID = 0xec,
    PLM_WEBM_SEGMENT = 0x18538067,
    PLM_WEBM_SEEK_HEAD = 0x114d9b74,
    PLM_WEBM_SEEK = 0x4dbb,
    PLM_WEBM_SEEK_ID = 0x53ab,
    PLM_WEBM_SEEK_POSITION = 0x53ac,
    PLM_WEBM_INFO = 0x1549a966,
    PLM_WEBM_TIMESTAMP_SCALE = 0x2ad7b1,
    PLM_WEBM_DURATION = 0x4489,
    PLM_WEBM_DATE = 0x4461,
    PLM_WEBM_TITLE = 0x7ba9,
    PLM_WEBM_MUXING_APP = 0x4d80,
    PLM_WEBM_WRITING_APP = 0x5741,
    PLM_WEBM_TRACKS = 0x1654ae6b,
    PLM_WEBM_TRACK = 0xae,
    PLM_WEBM_TRACK_NUMBER = 0xd7,
    PLM_WEBM_TRACK_UID = 0x73c5,
    PLM_WEBM_TRACK_TYPE = 0x83,
    PLM_WEBM_LACING = 0x9c,
    PLM_WEBM_TRACK_NAME = 0x536e,
    PLM_WEBM_LANGUAGE = 0x22b59c,
    PLM_WEBM_CODEC_ID = 0x86,
    PLM_WEBM_CODEC_PRIVATE = 0x63a2,
    PLM_WEBM_CODEC_DELAY = 0x56aa,
    PLM_WEBM_SEEK_PREROLL = 0x56bb,
    PLM_WEBM_VIDEO = 0xe0,
    PLM_WEBM_WIDTH = 0xb0,
    PLM_WEBM_HEIGHT = 0xba,
    PLM_WEBM_PROJECTION = 0x7670,
    PLM_WEBM_PROJECTION_TYPE = 0x7671,
    PLM_WEBM_POSE_ROLL = 0x7675,
    PLM_WEBM_AUDIO = 0xe1,
    PLM_WEBM_SAMPLING = 0xb5,
    PLM_WEBM_CHANNELS = 0x9f,
    PLM_WEBM_TAGS = 0x1254c367,
    PLM_WEBM_TAG = 0x7373,
    PLM_WEBM_TARGETS = 0x63c0,
    PLM_WEBM_SIMPLE_TAG = 0x67c8,
    PLM_WEBM_TAG_NAME = 0x45a3,
    PLM_WEBM_TAG_STRING = 0x4487,
    PLM_WEBM_CLUSTER = 0x1f43b675,
    PLM_WEBM_TIMESTAMP = 0xe7,
    PLM_WEBM_SIMPLE_BLOCK = 0xa3,
    PLM_WEBM_CUES = 0x1c53bb6b,
    PLM_WEBM_CUE_POINT = 0xbb,
    PLM_WEBM_CUE_TIME = 0xb3,
    PLM_WEBM_CUE_POSITIONS = 0xb7,
    PLM_WEBM_CUE_TRACK = 0xf7,
    PLM_WEBM_CUE_CLUSTER = 0xf1,
};

#define PLM_EBML_UNKNOWN   UINT64_MAX /**< a size that was not known when it was written */
#define PLM_EBML_LONG_HEAD 12         /**< octets of an id of four octets and a size, as we write it */
#define PLM_EBML_MAX_HEAD  12         /**< octets of id and size */

/** Id and size; a size has eight octets always, so that it may be patched. */
void plm_ebml_head(struct plm_blob *o, uint32_t id, uint64_t size);
/** Begin an element that holds others. @return where its size is, for plm_ebml_end */
size_t plm_ebml_begin(struct plm_blob *o, uint32_t id);
void plm_ebml_end(struct plm_blob *o, size_t at);
/** A number of eight octets, so that all of them are of one size: PLM_EBML_UINT_SIZE and the id. */
void plm_ebml_uint(struct plm_blob *o, uint32_t id, uint64_t v);
void plm_ebml_float(struct plm_blob *o, uint32_t id, double v);
void plm_ebml_binary(struct plm_blob *o, uint32_t id, const void *data, size_t len);
void plm_ebml_text(struct plm_blob *o, uint32_t id, const char *text);
/** A place kept free: in all size octets, at least 9. */
void plm_ebml_void(struct plm_blob *o, size_t size);

struct plm_ebml_element {
    uint32_t id;
    uint64_t size; /**< of what is in it; PLM_EBML_UNKNOWN */
    size_t head;   /**< octets of id and size */
};

/** @return false: no element begins here, or p ends within its head */
bool plm_ebml_read(struct plm_ebml_element *out, const uint8_t *p, size_t len);
/** A number of 0 to 8 octets. */
uint64_t plm_ebml_read_uint(const uint8_t *p, size_t len);

#endif
