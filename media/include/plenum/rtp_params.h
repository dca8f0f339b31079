/*
 * What two ends agreed on for one transport: the typed result of an SDP exchange, or of any other signalling.
 * Plain values without pointers except where said, so they cross threads by copy.
 */
#ifndef PLENUM_RTP_PARAMS_H
#define PLENUM_RTP_PARAMS_H

#include "plenum/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define PLM_MAX_MEDIA     64 /**< m-lines of one transport */
#define PLM_MAX_CODECS    12 /**< codec configurations of one m-line */
#define PLM_MAX_ENCODINGS 4  /**< simulcast encodings of one track */
#define PLM_TOKEN_SIZE    20 /**< MID, RID with their NUL: 16 octets of id (RFC 8843 and 8852 allow more; we refuse it) */
#define PLM_NO_PT         0xff

/** Direction of an m-line as the server sees it. */
enum plm_direction {
    PLM_DIR_INACTIVE = 0,
    PLM_DIR_RECV, /**< the peer publishes: a track */
    PLM_DIR_SEND, /**< the server sends: a slot */
};

/** Feedback the peers agreed on for a payload type (a=rtcp-fb). */
enum plm_fb {
    PLM_FB_NACK = 1 << 0,
    PLM_FB_PLI = 1 << 1,
    PLM_FB_FIR = 1 << 2,
    PLM_FB_REMB = 1 << 3,
    PLM_FB_TWCC = 1 << 4,
};

/** One codec configuration and the numbers by which this connection calls it. */
struct plm_codec_params {
    enum plm_codec codec;
    uint8_t pt;          /**< payload type, 0..127 */
    uint8_t rtx_pt;      /**< RFC 4588 payload type, or PLM_NO_PT */
    uint8_t channels;    /**< audio; else 0 */
    uint8_t feedback;    /**< enum plm_fb, ored */
    uint32_t clock_rate; /**< Hz */
    /**
     * What must be equal for a stream of one connection to be decodable in another, beyond the codec:
     * H264: profile_idc << 16 | constraint bits << 8 | packetization-mode (level left out);
     * VP9: profile-id; AV1: profile; else 0.
     */
    uint32_t variant;
};

struct plm_media_params {
    char mid[PLM_TOKEN_SIZE];
    enum plm_kind kind;
    enum plm_direction direction;
    uint8_t n_codecs;
    uint8_t red_pt; /**< of a slot: RFC 2198 payload type whose blocks are all of its Opus; 0: none */
    struct plm_codec_params codecs[PLM_MAX_CODECS]; /**< in order of preference */

    /* PLM_DIR_RECV: a track */
    enum plm_source source;
    uint8_t n_rids; /**< 0: a single encoding, known by its SSRC, MID or payload type */
    char rids[PLM_MAX_ENCODINGS][PLM_TOKEN_SIZE]; /**< lowest quality first when the order is known, else as offered */
    uint32_t recv_ssrc;     /**< announced by a=ssrc, or 0 */
    uint32_t recv_rtx_ssrc; /**< from a=ssrc-group:FID, or 0 */

    /* PLM_DIR_SEND: a slot */
    uint32_t ssrc;     /**< never changes in the life of the connection */
    uint32_t rtx_ssrc; /**< 0 when no codec has RTX */
    uint8_t pair;      /**< slots of one pair share an msid stream; PLM_NO_PAIR for audio-only slots */
    bool screen;       /**< the pair is for screen shares only */
};
#define PLM_NO_PAIR 0xff

/** Header extension ids of one transport; BUNDLE makes them one set (RFC 8843 section 9.1). 0 is "not negotiated". */
struct plm_ext_ids {
    uint8_t id[PLM_EXT_COUNT]; /**< 1..14 one-byte form, 15..255 need the two-byte form */
};

enum plm_setup {
    PLM_SETUP_PASSIVE = 0, /**< we are the DTLS server: the rule */
    PLM_SETUP_ACTIVE,      /**< we are the DTLS client: only where the peer insists */
};

#define PLM_UFRAG_SIZE       36 /**< our ufrag with its NUL */
#define PLM_PWD_SIZE         36
#define PLM_PEER_UFRAG_SIZE  260 /**< RFC 8839 section 5.4: up to 256 octets */
#define PLM_FINGERPRINT_SIZE 64

struct plm_fingerprint {
    uint8_t len;  /**< 32 (sha-256), 48 (sha-384), 64 (sha-512); 0: none. Weaker hash functions are refused */
    uint8_t value[PLM_FINGERPRINT_SIZE];
};

/** All that a transport needs to know about its peer and its m-lines. */
struct plm_transport_params {
    enum plm_setup setup;
    struct plm_fingerprint fingerprint;       /**< the peer's */
    struct plm_ext_ids exts;
    bool extmap_allow_mixed;                  /**< RFC 8285 section 6: two-byte form may be used */
    bool rtcp_reduced_size;                   /**< RFC 5506 */
    uint16_t n_media;
    struct plm_media_params media[PLM_MAX_MEDIA];
};

/**
 * Copy what is there: the heap block ends after the last m-line, 8 kB for 23 slots instead of 21 kB. So it must neither be assigned as a
 * whole nor grow; see plm_transport_params_copy. @return NULL: no memory; free()
 */
PLM_EXPORT struct plm_transport_params *plm_transport_params_dup(const struct plm_transport_params *params);
/** Give back what a heap block has after its last m-line. @return the block, which may have moved; the same rules hold for it */
PLM_EXPORT struct plm_transport_params *plm_transport_params_trim(struct plm_transport_params *params);
/** Into a whole struct, whatever `from` has behind its last m-line; the m-lines that are not there become zero. */
PLM_EXPORT void plm_transport_params_copy(struct plm_transport_params *to, const struct plm_transport_params *from);

#ifdef __cplusplus
}
#endif
#endif
