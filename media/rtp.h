/*
 * RTP packets on the wire (RFC 3550 section 5.1) and their header extensions (RFC 8285). Parsing makes views of pointers into the
 * caller's buffer; nothing is copied or stored.
 */
#ifndef PLM_RTP_H
#define PLM_RTP_H

#include "plenum/rtp_params.h"

#define PLM_RTP_HEADER 12

struct plm_rtp_view {
    const uint8_t *data;
    size_t len;
    const uint8_t *ext;     /**< body of the extension block, NULL when there is none */
    const uint8_t *payload; /**< behind header and extensions */
    size_t payload_len;     /**< without padding; 0 is a padding-only packet */
    uint32_t ts, ssrc;
    uint16_t seq, ext_profile, ext_len;
    uint8_t pt, n_csrc, padding;
    bool marker;
};

/** @return 0 or PLM_EINVAL (version, CSRC, extension or padding lengths that do not fit) */
int plm_rtp_parse(struct plm_rtp_view *v, const uint8_t *pkt, size_t len);

/** Values of the negotiated extensions in one packet; val is NULL when absent. */
struct plm_rtp_exts {
    const uint8_t *val[PLM_EXT_COUNT];
    uint8_t len[PLM_EXT_COUNT];
};

/** id → extension, made once per transport from plm_ext_ids. */
struct plm_ext_map {
    uint8_t type_of[256]; /**< enum plm_ext */
};
void plm_ext_map_init(struct plm_ext_map *m, const struct plm_ext_ids *ids);

/** Read one-byte (0xBEDE) and two-byte (0x100x) forms; ids unknown to the map are skipped. @return 0 or PLM_EINVAL */
int plm_rtp_exts_parse(struct plm_rtp_exts *out, const struct plm_rtp_view *v, const struct plm_ext_map *map);

/** One extension to be written. */
struct plm_ext_out {
    uint8_t id;
    uint8_t len;        /**< 1..16 in one-byte form, 0..255 in two-byte form */
    const uint8_t *val; /**< NULL: zeros (patched later) */
};

/** What goes into the fixed header. */
struct plm_rtp_fixed {
    uint32_t ts, ssrc;
    uint16_t seq;
    uint8_t pt;
    bool marker, padding;
};

/**
 * Write fixed header and extension block (one-byte form unless an id or length needs the other), padded to 32 bits; no block for n = 0.
 * @param val_at offsets in dst of the values written, n entries, may be NULL
 * @return octets written, 0 when cap is too small
 */
size_t plm_rtp_write_header(uint8_t *dst, size_t cap, const struct plm_rtp_fixed *f, const struct plm_ext_out *exts, size_t n, uint16_t *val_at);

/** Extended sequence number nearest to last (RFC 3550 appendix A.1): works across wraps in both directions. */
uint64_t plm_seq_extend(uint64_t last, uint16_t seq);
/** The same for 32-bit timestamps. */
uint64_t plm_ts_extend(uint64_t last, uint32_t ts);

/** RFC 6464 value. @return level 0 (loudest) .. 127; *voice set */
uint8_t plm_audio_level_parse(uint8_t octet, bool *voice);
/** abs-send-time: 24-bit 6.18 fixed point seconds of a microsecond clock. */
uint32_t plm_abs_send_time(uint64_t now_us);

#endif
