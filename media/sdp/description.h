/*
 * A parsed description: typed values only, nothing of the peer's text but checked tokens. Made by parse.c and attributes.c,
 * read by answer.c and offer.c.
 */
#ifndef PLM_SDP_DESCRIPTION_H
#define PLM_SDP_DESCRIPTION_H

#include "plenum/sdp.h"
#include "sdp/slice.h"

#define PLM_SDP_MAX_PAYLOADS 96   /**< payload types of one m-line; Chromium offers about 50 */
#define PLM_SDP_MAX_RIDS     8    /**< a=rid lines that are kept */
#define PLM_SDP_MAX_LINE     8192 /**< octets of one line */

/** Which way an attribute or m-line allows media to go, as its writer (the peer) sees it. */
enum plm_sdp_way {
    PLM_SDP_WAY_UNSET = 0,
    PLM_SDP_WAY_SEND = 1 << 0,
    PLM_SDP_WAY_RECV = 1 << 1,
    PLM_SDP_WAY_INACTIVE = 1 << 2, /**< said, and neither */
};

enum plm_sdp_setup {
    PLM_SDP_SETUP_UNSET = 0,
    PLM_SDP_SETUP_ACTPASS,
    PLM_SDP_SETUP_ACTIVE,
    PLM_SDP_SETUP_PASSIVE,
    PLM_SDP_SETUP_HOLDCONN,
};

/** a=fmtp of any codec that we know: the keys do not clash, and the line may come before the a=rtpmap. */
struct plm_sdp_fmtp {
    uint32_t profile_level_id; /**< H264, 24 bits */
    uint8_t packetization_mode;
    bool level_asymmetry;
    uint8_t profile_id; /**< VP9 */
    uint8_t profile;    /**< AV1 */
    bool has_level;     /**< AV1: level_idx and tier were given */
    uint8_t level_idx, tier;
    bool inband_fec, dtx, stereo; /**< Opus */
    uint8_t apt;                  /**< RTX, or PLM_NO_PT */
    uint8_t red_of;               /**< RED: payload type of all its blocks, or PLM_NO_PT */
};

struct plm_sdp_payload {
    uint8_t pt;
    uint8_t rtx_pt; /**< set when the m-line is complete; PLM_NO_PT */
    uint8_t channels;
    uint8_t feedback; /**< enum plm_fb, ored */
    bool mapped;      /**< an a=rtpmap was seen */
    bool is_rtx, is_red;
    uint8_t red_pt;       /**< set when the m-line is complete; 0: none */
    enum plm_codec codec; /**< NONE: one that we do not know */
    uint32_t clock_rate;
    struct plm_sdp_fmtp fmtp;
};

/** What may stand in an m-line or, for all of them, in the session. */
struct plm_sdp_common {
    char ufrag[PLM_PEER_UFRAG_SIZE];
    char pwd[PLM_PEER_UFRAG_SIZE];
    struct plm_fingerprint fingerprint; /**< the strongest; len 0: none that we accept */
    bool weak_fingerprint;              /**< one of a weaker hash function was there */
    enum plm_sdp_setup setup;
    unsigned way; /**< enum plm_sdp_way */
    bool allow_mixed;
    uint8_t ext_id[PLM_EXT_COUNT];
    uint8_t ext_way[PLM_EXT_COUNT];
    uint32_t ext_used[256 / 32]; /**< ids taken, by extensions known or not */
};

enum plm_sdp_type {
    PLM_SDP_AUDIO = 0,
    PLM_SDP_VIDEO,
    PLM_SDP_OTHER,
};

struct plm_sdp_rid {
    char id[PLM_TOKEN_SIZE];
    bool send;
    bool restricted; /**< to the payload types below (RFC 8851 section 5.1, "pt") */
    uint64_t pts[2]; /**< bit per payload type */
};

struct plm_sdp_media {
    unsigned line;
    enum plm_sdp_type type;
    char name[32], proto[32], fmt[32]; /**< tokens, to be said back when it is refused */
    bool secure_rtp;                   /**< RTP/SAVP or RTP/SAVPF in some transport */
    bool zero_port, bundle_only;
    bool bundled; /**< in the BUNDLE group, or alone and without one */
    bool rtcp_mux, rtcp_rsize;
    char mid[PLM_TOKEN_SIZE];
    struct plm_sdp_common common;
    uint8_t fb_all; /**< a=rtcp-fb:* */
    uint8_t n_payloads, n_rids, n_simulcast;
    struct plm_sdp_payload payloads[PLM_SDP_MAX_PAYLOADS];
    uint8_t index_of_pt[128]; /**< index + 1; 0: not in the m-line */
    struct plm_sdp_rid rids[PLM_SDP_MAX_RIDS];
    bool has_simulcast;
    /** Encodings that the peer sends, as offered: from a=simulcast, or the only rid. */
    char simulcast[PLM_SDP_MAX_RIDS][PLM_TOKEN_SIZE];
    uint32_t ssrc;              /**< the first announced, or 0 */
    uint32_t fid_ssrc, fid_rtx; /**< the first FID group, or 0 */
};

struct plm_sdp {
    struct plm_sdp_common session;
    bool ice_lite;
    bool has_bundle;
    uint8_t n_bundle;
    char bundle[PLM_MAX_MEDIA][PLM_TOKEN_SIZE];
    uint16_t n_media, cap_media;
    uint16_t
        tagged; /**< the m-line whose transport attributes hold for all: the first that is in use and bundled */
    struct plm_sdp_media *media;
};

/** In use: neither refused nor ended by the peer. RFC 8843 section 6: port 0 with a=bundle-only is in use. */
bool plm_sdp_media_in_use(const struct plm_sdp_media *m);
/** Payload by number, or NULL. */
const struct plm_sdp_payload *plm_sdp_media_payload(const struct plm_sdp_media *m, uint8_t pt);

/** Fill err unless it is NULL. @return code */
int plm_sdp_fail(struct plm_sdp_error *err, unsigned line, int code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
