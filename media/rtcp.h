/*
 * RTCP (RFC 3550 section 6, RFC 4585, RFC 5104, transport-cc, REMB): reading compounds, writing what we send.
 */
#ifndef PLM_RTCP_H
#define PLM_RTCP_H

#include "plenum/types.h"

enum plm_rtcp_type {
    PLM_RTCP_SR = 200,
    PLM_RTCP_RR = 201,
    PLM_RTCP_SDES = 202,
    PLM_RTCP_BYE = 203,
    PLM_RTCP_APP = 204,
    PLM_RTCP_RTPFB = 205,
    PLM_RTCP_PSFB = 206,
    PLM_RTCP_XR = 207,
};

/** Which of the two a datagram of RTP's version is, by its second octet (RFC 5761 section 4). It has two. */
static inline bool plm_is_rtcp(const uint8_t *data)
{
    return data[1] >= 192 && data[1] <= 223;
}

#define PLM_RTCP_MAX_BLOCKS 31 /* of one report: five bits count them */

struct plm_rtcp_block { /* report block, RFC 3550 section 6.4.1 */
    uint32_t ssrc;
    uint8_t fraction_lost;
    int32_t total_lost;
    uint32_t highest_seq, jitter, lsr, dlsr;
};

/** What a compound may hold; each callback may be NULL. Pointers live for the call. */
struct plm_rtcp_handler {
    void (*sr)(void *arg, uint32_t ssrc, uint64_t ntp, uint32_t rtp_ts, uint32_t packets, uint32_t octets);
    void (*block)(void *arg, uint32_t sender, const struct plm_rtcp_block *b);
    void (*bye)(void *arg, uint32_t ssrc);
    /** One generic NACK item: pid and bitmask of following lost packets (RFC 4585 section 6.2.1). */
    void (*nack)(void *arg, uint32_t media_ssrc, uint16_t pid, uint16_t blp);
    void (*pli)(void *arg, uint32_t media_ssrc);
    void (*fir)(void *arg, uint32_t media_ssrc, uint8_t seq);
    void (*remb)(void *arg, uint64_t bitrate_bps);
    /** A transport-cc packet: FCI to be read with plm_twcc_parse. */
    void (*twcc)(void *arg, const uint8_t *fci, size_t len);
};

/**
 * Walk a compound (also a reduced-size one, RFC 5506). Work is bounded: at most 31 blocks per report, max_items NACK items in all.
 * @return 0, or PLM_EINVAL when a length does not fit (what came before it has been delivered)
 */
int plm_rtcp_parse(const uint8_t *pkt, size_t len, unsigned max_items, const struct plm_rtcp_handler *h, void *arg);

/* Writers append one packet at dst; return octets, 0 when it does not fit. */
size_t plm_rtcp_write_sr(uint8_t *dst, size_t cap, uint32_t ssrc, uint64_t ntp, uint32_t rtp_ts, uint32_t packets, uint32_t octets,
    const struct plm_rtcp_block *blocks, size_t n);
size_t plm_rtcp_write_rr(uint8_t *dst, size_t cap, uint32_t ssrc, const struct plm_rtcp_block *blocks, size_t n);
size_t plm_rtcp_write_sdes_cname(uint8_t *dst, size_t cap, uint32_t ssrc, const char *cname);
size_t plm_rtcp_write_bye(uint8_t *dst, size_t cap, uint32_t ssrc);
size_t plm_rtcp_write_pli(uint8_t *dst, size_t cap, uint32_t sender, uint32_t media);
size_t plm_rtcp_write_fir(uint8_t *dst, size_t cap, uint32_t sender, uint32_t media, uint8_t seq);
/** @param seqs ascending (mod 2^16) lost sequence numbers */
size_t plm_rtcp_write_nack(uint8_t *dst, size_t cap, uint32_t sender, uint32_t media, const uint16_t *seqs, size_t n);
size_t plm_rtcp_write_remb(uint8_t *dst, size_t cap, uint32_t sender, uint64_t bitrate_bps, const uint32_t *ssrcs, size_t n);

/* ---- transport-wide congestion control (draft-holmer-rmcat-transport-wide-cc-extensions-01) ---- */

#define PLM_TWCC_LOST INT64_MIN

struct plm_twcc_packet {
    uint16_t seq;
    int64_t arrival_us; /**< on the reporter's clock, from its reference time; PLM_TWCC_LOST */
};

/** Read statuses, at most max. @return how many, or PLM_EINVAL. feedback_count: the packet's counter */
int plm_twcc_parse(const uint8_t *fci, size_t len, struct plm_twcc_packet *out, size_t max, uint8_t *feedback_count);

#define PLM_TWCC_LOG 1024

/** Receive log of one publishing transport and the feedback made from it. An embedded value of about 8 kB. */
struct plm_twcc_rx {
    bool any;
    uint8_t fb_count;
    uint64_t next_ext;   /**< first sequence number not yet reported */
    uint64_t max_ext;    /**< highest received */
    uint64_t arrival_us[PLM_TWCC_LOG]; /**< by ext % PLM_TWCC_LOG; 0: not received */
};
void plm_twcc_rx_init(struct plm_twcc_rx *t);
void plm_twcc_rx_on_packet(struct plm_twcc_rx *t, uint16_t seq, uint64_t now_us);
bool plm_twcc_rx_pending(const struct plm_twcc_rx *t);
/** Write one feedback packet of what is new, at most cap octets; call again while pending. @return octets, 0: nothing or no room */
size_t plm_twcc_rx_write(struct plm_twcc_rx *t, uint8_t *dst, size_t cap, uint32_t sender, uint32_t media);

#endif
