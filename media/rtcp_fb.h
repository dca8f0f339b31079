/*
 * Feedback packets (RFC 4585, RFC 5104, REMB, transport-cc): what rtcp.c hands on and shares.
 */
#ifndef PLM_RTCP_FB_H
#define PLM_RTCP_FB_H

#include "rtcp.h"

/**
 * Read the body (sender's SSRC onward, without padding) of a transport-layer or payload-specific feedback packet.
 * @param items what is left of the compound's allowance of items; counts down
 * @return 0, also for formats we do not know, or PLM_EINVAL
 */
int plm_rtcp_read_rtpfb(
    uint8_t fmt, const uint8_t *p, size_t len, unsigned *items, const struct plm_rtcp_handler *h, void *arg);
int plm_rtcp_read_psfb(
    uint8_t fmt, const uint8_t *p, size_t len, unsigned *items, const struct plm_rtcp_handler *h, void *arg);

/** Write the common header of a packet of len octets, a multiple of four. */
void plm_rtcp_put_header(uint8_t *dst, uint8_t count, uint8_t type, size_t len);

#define PLM_RTCP_FMT_NACK 1  /* RTPFB, RFC 4585 section 6.2.1 */
#define PLM_RTCP_FMT_TWCC 15 /* RTPFB, transport-wide congestion control */

#endif
