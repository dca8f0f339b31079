/*
 * Value types of the public API: addresses, kinds, codecs, errors, drop reasons.
 * Plain values; every function here may be called from any thread.
 */
#ifndef PLENUM_TYPES_H
#define PLENUM_TYPES_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Marks what the shared library exports. */
#define PLM_EXPORT __attribute__((visibility("default")))

/** Errors: 0 is good, negative is bad. Values from libuv and errno (negated) pass through; ours sit beside them. */
enum plm_err {
    PLM_OK = 0,
    PLM_EINVAL = -5001,   /**< malformed or out of range */
    PLM_ENOMEM = -5002,   /**< allocation failed */
    PLM_ELIMIT = -5003,   /**< a configured cap was reached */
    PLM_ENOENT = -5004,   /**< no such object */
    PLM_ESTATE = -5005,   /**< not allowed in the present state */
    PLM_EAUTH = -5006,    /**< authentication failed */
    PLM_EREPLAY = -5007,  /**< packet index seen before or too old */
    PLM_EKEY = -5008,     /**< key limit reached, or no key: close the transport */
    PLM_EAGAIN = -5009,   /**< not now, try again */
    PLM_ECLOSED = -5010,  /**< the peer closed */
    PLM_ENOTSUP = -5011,  /**< valid, but not supported here */
    PLM_EFULL = -5012,    /**< a queue or buffer has no room */
};

/** Text of an error of ours, of libuv's or of errno's; static storage. */
PLM_EXPORT const char *plm_strerror(int err);

/** A transport address. Family AF_INET or AF_INET6 (never an IPv4-mapped one); family 0 is "none". */
struct plm_addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in in4;
        struct sockaddr_in6 in6;
    };
};

/** Parse "1.2.3.4:80", "[::1]:80", or without port (port 0). @return 0 or PLM_EINVAL */
PLM_EXPORT int plm_addr_parse(struct plm_addr *out, const char *text);
/** Write "1.2.3.4:80" or "[::1]:80"; buf of at least PLM_ADDR_TEXT octets. @return buf */
PLM_EXPORT const char *plm_addr_format(const struct plm_addr *a, char *buf, size_t size);
/** Write the address without its port. @return buf */
PLM_EXPORT const char *plm_addr_format_host(const struct plm_addr *a, char *buf, size_t size);
PLM_EXPORT bool plm_addr_equal(const struct plm_addr *a, const struct plm_addr *b);
PLM_EXPORT uint16_t plm_addr_port(const struct plm_addr *a);
PLM_EXPORT void plm_addr_set_port(struct plm_addr *a, uint16_t port);
#define PLM_ADDR_TEXT 64

enum plm_kind {
    PLM_KIND_AUDIO = 0,
    PLM_KIND_VIDEO = 1,
};
PLM_EXPORT const char *plm_kind_name(enum plm_kind k);

enum plm_codec {
    PLM_CODEC_NONE = 0,
    PLM_CODEC_OPUS,
    PLM_CODEC_VP8,
    PLM_CODEC_VP9,
    PLM_CODEC_H264,
    PLM_CODEC_AV1,
    PLM_CODEC_COUNT
};
PLM_EXPORT const char *plm_codec_name(enum plm_codec c); /**< SDP encoding name: "opus", "VP8", … */

/** What a participant publishes. Together with the participant it names a track in its room. */
enum plm_source {
    PLM_SOURCE_MICROPHONE = 0,
    PLM_SOURCE_CAMERA = 1,
    PLM_SOURCE_SCREEN = 2,
    PLM_SOURCE_SCREEN_AUDIO = 3,
    PLM_SOURCE_COUNT
};
PLM_EXPORT const char *plm_source_name(enum plm_source s); /**< "microphone", "camera", "screen", "screen_audio" */
PLM_EXPORT enum plm_kind plm_source_kind(enum plm_source s);

/** RTP header extensions that we understand. PLM_EXT_NONE is "not negotiated". */
enum plm_ext {
    PLM_EXT_NONE = 0,
    PLM_EXT_MID,                   /**< RFC 8843 section 15 */
    PLM_EXT_RID,                   /**< RFC 8852 */
    PLM_EXT_REPAIRED_RID,          /**< RFC 8852 */
    PLM_EXT_AUDIO_LEVEL,           /**< RFC 6464 */
    PLM_EXT_TWCC,                  /**< draft-holmer-rmcat-transport-wide-cc-extensions-01 */
    PLM_EXT_ABS_SEND_TIME,         /**< webrtc.org/experiments/rtp-hdrext/abs-send-time */
    PLM_EXT_VIDEO_ORIENTATION,     /**< 3GPP TS 26.114 (urn:3gpp:video-orientation) */
    PLM_EXT_PLAYOUT_DELAY,         /**< webrtc.org/experiments/rtp-hdrext/playout-delay */
    PLM_EXT_DEPENDENCY_DESCRIPTOR, /**< AV1 RTP specification, appendix A */
    PLM_EXT_COUNT
};
PLM_EXPORT const char *plm_ext_uri(enum plm_ext e);

/** Why a datagram or packet went no further. One reason per early return; counted, never logged. */
enum plm_drop {
    PLM_DROP_NONE = 0,
    PLM_DROP_UNKNOWN_PROTOCOL,    /**< first octet is not in RFC 7983's table */
    PLM_DROP_UNKNOWN_TUPLE,       /**< not STUN, from an address that no authenticated check has validated */
    PLM_DROP_STUN_MALFORMED,
    PLM_DROP_STUN_UNKNOWN_USER,
    PLM_DROP_STUN_AUTH,
    PLM_DROP_STUN_REPLAY,         /**< an authentic check seen before, from another address */
    PLM_DROP_STUN_RATE,           /**< more unauthenticated STUN than the configured rate, or of one transport */
    PLM_DROP_STUN_IGNORED,        /**< indications and responses */
    PLM_DROP_DTLS_UNEXPECTED,     /**< DTLS before the fingerprint is known or after close */
    PLM_DROP_DTLS_INVALID,
    PLM_DROP_NO_KEYS,             /**< SRTP before the handshake ended */
    PLM_DROP_SRTP_AUTH,
    PLM_DROP_SRTP_REPLAY,
    PLM_DROP_RTP_MALFORMED,
    PLM_DROP_RTP_UNKNOWN_SSRC,    /**< neither announced nor bound by MID/RID or payload type */
    PLM_DROP_RTP_SSRC_CONFLICT,   /**< SSRC bound to another track of the same transport */
    PLM_DROP_RTP_SSRC_LIMIT,
    PLM_DROP_RTP_UNKNOWN_PT,
    PLM_DROP_RTP_UNSTEADY,        /**< an encoding's codec, SSRC or time changed twice in a second */
    PLM_DROP_RTP_DUPLICATE,
    PLM_DROP_RTP_PADDING_ONLY,    /**< probing */
    PLM_DROP_RTP_DESCRIPTOR,      /**< codec payload descriptor malformed */
    PLM_DROP_RTX_MALFORMED,
    PLM_DROP_RTCP_MALFORMED,
    PLM_DROP_RTCP_AUTH,
    PLM_DROP_SLOT_EMPTY,          /**< feedback for a slot that shows nothing */
    PLM_DROP_LAYER,               /**< not the selected encoding or layer */
    PLM_DROP_NOT_KEYFRAME,        /**< slot waits for a keyframe */
    PLM_DROP_AUDIO_NOT_SPEAKER,   /**< not among the loudest */
    PLM_DROP_TOO_LARGE,           /**< larger than the path's datagram */
    PLM_DROP_NO_BUFFER,           /**< packet pool exhausted */
    PLM_DROP_LINK_FULL,
    PLM_DROP_TRACK_LIMIT,         /**< a track over the room's cap: left out */
    PLM_DROP_NACK_LIMIT,          /**< more sequence numbers in one packet than are answered */
    PLM_DROP_RTX_SHARE,           /**< retransmission beyond the share of the receiver's bitrate */
    PLM_DROP_LIMIT,               /**< any other configured cap */
    PLM_DROP_CLOSED,
    PLM_DROP_COUNT
};
PLM_EXPORT const char *plm_drop_name(enum plm_drop d);

#ifdef __cplusplus
}
#endif
#endif
