/*
 * One frame of picture or one packet of sound, on its way from RTP (stream.h) to a file (writer.h). A plain value that borrows its octets.
 */
#ifndef PLM_RECORDER_SAMPLE_H
#define PLM_RECORDER_SAMPLE_H

#include "plenum/types.h"

struct plm_sample {
    enum plm_codec codec;
    bool keyframe; /**< a decoder may begin here; always of sound */
    int64_t
        time_us; /**< when it was captured, by the room's clock: CLOCK_MONOTONIC of the server's machine; of a stream never backwards */
    uint32_t
        duration_us; /**< of sound, by the packet's own header (RFC 6716 section 3.1); of a picture 0: until the next */
    uint16_t width, height; /**< of a picture, as it is coded */
    uint16_t
        rotation; /**< degrees clockwise by which a viewer turns it: 0, 90, 180, 270 (3GPP TS 26.114 section 7.4.5) */
    uint8_t profile; /**< VP9: profile 0..3 */
    /**
     * As a file holds it. VP8, VP9: the frame. H264: NAL units behind lengths of four octets, parameter sets in band, without access unit delimiters. AV1: OBUs that
     * all carry their size, without temporal delimiters, tile lists and padding. Opus: the packet.
     */
    const uint8_t *data;
    size_t len;
    /** Of a key frame, what a file's header needs: H264: avcC (ISO/IEC 14496-15 section 5.3.3.1); AV1: the sequence header OBU; else none. */
    const uint8_t *config;
    size_t config_len;
};

#endif
