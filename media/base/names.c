/*
 * Names of enumerators, for logs, metrics and SDP. A number that is none of the enumerators gives "unknown" (an empty URI).
 */
#include "plenum/media.h"

#define COUNT_OF(a)       (sizeof(a) / sizeof(a)[0])
#define NAME_IN(table, i) ((size_t)(i) < COUNT_OF(table) ? table[i] : "unknown")

static const char *const kind_names[] = {
    [PLM_KIND_AUDIO] = "audio",
    [PLM_KIND_VIDEO] = "video",
};

static const char *const codec_names[] = {
    [PLM_CODEC_NONE] = "none",
    [PLM_CODEC_OPUS] = "opus",
    [PLM_CODEC_VP8] = "VP8",
    [PLM_CODEC_VP9] = "VP9",
    [PLM_CODEC_H264] = "H264",
    [PLM_CODEC_AV1] = "AV1",
};
_Static_assert(COUNT_OF(codec_names) == PLM_CODEC_COUNT, "a name for each");

/* IANA, "DTLS-SRTP Protection Profiles". */
static const char *const srtp_profile_names[] = {
    [0] = "none",
    [1] = "AES128_CM_SHA1_80",
    [7] = "AEAD_AES_128_GCM",
    [8] = "AEAD_AES_256_GCM",
};

static const char *const source_names[] = {
    [PLM_SOURCE_MICROPHONE] = "microphone",
    [PLM_SOURCE_CAMERA] = "camera",
    [PLM_SOURCE_SCREEN] = "screen",
    [PLM_SOURCE_SCREEN_AUDIO] = "screen_audio",
};
_Static_assert(COUNT_OF(source_names) == PLM_SOURCE_COUNT, "a name for each");

static const char *const ext_uris[] = {
    [PLM_EXT_NONE] = "",
    [PLM_EXT_MID] = "urn:ietf:params:rtp-hdrext:sdes:mid",
    [PLM_EXT_RID] = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    [PLM_EXT_REPAIRED_RID] = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    [PLM_EXT_AUDIO_LEVEL] = "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    [PLM_EXT_TWCC] = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    [PLM_EXT_ABS_SEND_TIME] = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    [PLM_EXT_VIDEO_ORIENTATION] = "urn:3gpp:video-orientation",
    [PLM_EXT_PLAYOUT_DELAY] = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    [PLM_EXT_DEPENDENCY_DESCRIPTOR] =
        "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
};
_Static_assert(COUNT_OF(ext_uris) == PLM_EXT_COUNT, "a name for each");

static const char *const drop_names[] = {
    [PLM_DROP_NONE] = "none",
    [PLM_DROP_UNKNOWN_PROTOCOL] = "unknown_protocol",
    [PLM_DROP_UNKNOWN_TUPLE] = "unknown_tuple",
    [PLM_DROP_STUN_MALFORMED] = "stun_malformed",
    [PLM_DROP_STUN_UNKNOWN_USER] = "stun_unknown_user",
    [PLM_DROP_STUN_AUTH] = "stun_auth",
    [PLM_DROP_STUN_REPLAY] = "stun_replay",
    [PLM_DROP_STUN_RATE] = "stun_rate",
    [PLM_DROP_STUN_IGNORED] = "stun_ignored",
    [PLM_DROP_DTLS_UNEXPECTED] = "dtls_unexpected",
    [PLM_DROP_DTLS_INVALID] = "dtls_invalid",
    [PLM_DROP_NO_KEYS] = "no_keys",
    [PLM_DROP_SRTP_AUTH] = "srtp_auth",
    [PLM_DROP_SRTP_REPLAY] = "srtp_replay",
    [PLM_DROP_RTP_MALFORMED] = "rtp_malformed",
    [PLM_DROP_RTP_UNKNOWN_SSRC] = "rtp_unknown_ssrc",
    [PLM_DROP_RTP_SSRC_CONFLICT] = "rtp_ssrc_conflict",
    [PLM_DROP_RTP_SSRC_LIMIT] = "rtp_ssrc_limit",
    [PLM_DROP_RTP_UNKNOWN_PT] = "rtp_unknown_pt",
    [PLM_DROP_RTP_UNSTEADY] = "rtp_unsteady",
    [PLM_DROP_RTP_DUPLICATE] = "rtp_duplicate",
    [PLM_DROP_RTP_PADDING_ONLY] = "rtp_padding_only",
    [PLM_DROP_RTP_DESCRIPTOR] = "rtp_descriptor",
    [PLM_DROP_RTX_MALFORMED] = "rtx_malformed",
    [PLM_DROP_RTCP_MALFORMED] = "rtcp_malformed",
    [PLM_DROP_RTCP_AUTH] = "rtcp_auth",
    [PLM_DROP_SLOT_EMPTY] = "slot_empty",
    [PLM_DROP_LAYER] = "layer",
    [PLM_DROP_NOT_KEYFRAME] = "not_keyframe",
    [PLM_DROP_AUDIO_NOT_SPEAKER] = "audio_not_speaker",
    [PLM_DROP_TOO_LARGE] = "too_large",
    [PLM_DROP_NO_BUFFER] = "no_buffer",
    [PLM_DROP_LINK_FULL] = "link_full",
    [PLM_DROP_TRACK_LIMIT] = "track_limit",
    [PLM_DROP_NACK_LIMIT] = "nack_limit",
    [PLM_DROP_RTX_SHARE] = "rtx_share",
    [PLM_DROP_LIMIT] = "limit",
    [PLM_DROP_CLOSED] = "closed",
};
_Static_assert(COUNT_OF(drop_names) == PLM_DROP_COUNT, "a name for each");

static const char *const transport_state_names[] = {
    [PLM_TRANSPORT_NEW] = "new",
    [PLM_TRANSPORT_ICE] = "ice",
    [PLM_TRANSPORT_DTLS] = "dtls",
    [PLM_TRANSPORT_CONNECTED] = "connected",
    [PLM_TRANSPORT_CLOSED] = "closed",
};

static const char *const close_reason_names[] = {
    [PLM_CLOSE_NONE] = "none",
    [PLM_CLOSE_LOCAL] = "local",
    [PLM_CLOSE_PEER] = "peer",
    [PLM_CLOSE_CONSENT] = "consent",
    [PLM_CLOSE_NEVER] = "never",
    [PLM_CLOSE_FINGERPRINT] = "fingerprint",
    [PLM_CLOSE_DTLS] = "dtls",
    [PLM_CLOSE_ROOM] = "room",
    [PLM_CLOSE_RESOURCES] = "resources",
};

static const char *const slot_state_names[] = {
    [PLM_SLOT_EMPTY] = "empty",
    [PLM_SLOT_WAITING] = "waiting",
    [PLM_SLOT_FORWARDING] = "forwarding",
    [PLM_SLOT_PAUSED] = "paused",
};

static const char *const slot_reason_names[] = {
    [PLM_SLOT_FLOWS] = "none",
    [PLM_SLOT_NO_BANDWIDTH] = "bandwidth",
    [PLM_SLOT_MUTED] = "muted",
    [PLM_SLOT_STOPPED] = "stopped",
    [PLM_SLOT_UNWANTED] = "unwanted",
    [PLM_SLOT_NO_CODEC] = "codec",
};

static const char *const gauge_names[] = {
    [PLM_GAUGE_TRANSPORTS] = "transports",
    [PLM_GAUGE_TRANSPORTS_CONNECTED] = "transports_connected",
    [PLM_GAUGE_SHARDS] = "shards",
    [PLM_GAUGE_TRACKS] = "tracks",
    [PLM_GAUGE_REMOTE_TRACKS] = "remote_tracks",
    [PLM_GAUGE_SLOTS] = "slots",
    [PLM_GAUGE_LINKS] = "links",
    [PLM_GAUGE_PACKETS] = "packets",
    [PLM_GAUGE_TUPLES] = "tuples",
    [PLM_GAUGE_STRAY_TUPLES] = "stray_tuples",
    [PLM_GAUGE_HANDSHAKES] = "handshakes",
    [PLM_GAUGE_FEEDS] = "feeds",
    [PLM_GAUGE_TCP_STREAMS] = "tcp_streams",
};
_Static_assert(COUNT_OF(gauge_names) == PLM_GAUGE_COUNT, "a name for each");

static const char *const counter_names[] = {
    [PLM_CNT_RX_DATAGRAMS] = "rx_datagrams",
    [PLM_CNT_RX_BYTES] = "rx_bytes",
    [PLM_CNT_RX_BATCHES] = "rx_batches",
    [PLM_CNT_RX_RTP] = "rx_rtp",
    [PLM_CNT_RX_RTX] = "rx_rtx",
    [PLM_CNT_RX_RTCP] = "rx_rtcp",
    [PLM_CNT_RX_STUN] = "rx_stun",
    [PLM_CNT_RX_OVERFLOW] = "rx_overflow",
    [PLM_CNT_TX_DATAGRAMS] = "tx_datagrams",
    [PLM_CNT_TX_BYTES] = "tx_bytes",
    [PLM_CNT_TX_TRAINS] = "tx_trains",
    [PLM_CNT_TX_SYSCALLS] = "tx_syscalls",
    [PLM_CNT_TX_RTP] = "tx_rtp",
    [PLM_CNT_TX_RTX] = "tx_rtx",
    [PLM_CNT_TX_PADDING_BYTES] = "tx_padding_bytes",
    [PLM_CNT_TX_RTCP] = "tx_rtcp",
    [PLM_CNT_TX_DROPPED] = "tx_dropped",
    [PLM_CNT_LINK_PACKETS] = "link_packets",
    [PLM_CNT_LINK_BYTES] = "link_bytes",
    [PLM_CNT_STRAY_DATAGRAMS] = "stray_datagrams",
    [PLM_CNT_NACK_SENT] = "nack_sent",
    [PLM_CNT_NACK_RECEIVED] = "nack_received",
    [PLM_CNT_PLI_SENT] = "pli_sent",
    [PLM_CNT_PLI_RECEIVED] = "pli_received",
    [PLM_CNT_FIR_RECEIVED] = "fir_received",
    [PLM_CNT_REMB_RECEIVED] = "remb_received",
    [PLM_CNT_TWCC_SENT] = "twcc_sent",
    [PLM_CNT_TWCC_RECEIVED] = "twcc_received",
    [PLM_CNT_SLOT_SWITCHES] = "slot_switches",
    [PLM_CNT_LAYER_SWITCHES] = "layer_switches",
    [PLM_CNT_HANDSHAKES] = "handshakes",
    [PLM_CNT_HANDSHAKE_FAILURES] = "handshake_failures",
    [PLM_CNT_ICE_RESTARTS] = "ice_restarts",
    [PLM_CNT_FEED_PACKETS] = "feed_packets",
    [PLM_CNT_FEED_BYTES] = "feed_bytes",
    [PLM_CNT_FEED_DROPPED] = "feed_dropped",
    [PLM_CNT_FEED_WRITES] = "feed_writes",
    [PLM_CNT_PACKETS_EVICTED] = "packets_evicted",
    [PLM_CNT_TCP_ACCEPTED] = "tcp_accepted",
    [PLM_CNT_TCP_REFUSED] = "tcp_refused",
    [PLM_CNT_TCP_UNPROVEN] = "tcp_unproven",
    [PLM_CNT_TCP_MALFORMED] = "tcp_malformed",
    [PLM_CNT_TCP_MOVED] = "tcp_moved",
    [PLM_CNT_TCP_BACKLOGS] = "tcp_backlogs",
    [PLM_CNT_GROUPS_REPLAYED] = "groups_replayed",
    [PLM_CNT_TX_RED] = "tx_red",
};
_Static_assert(COUNT_OF(counter_names) == PLM_CNT_COUNT, "a name for each");

enum plm_kind plm_source_kind(enum plm_source s)
{
    return s == PLM_SOURCE_CAMERA || s == PLM_SOURCE_SCREEN ? PLM_KIND_VIDEO : PLM_KIND_AUDIO;
}

const char *plm_kind_name(enum plm_kind k)
{
    return NAME_IN(kind_names, k);
}

const char *plm_codec_name(enum plm_codec c)
{
    return NAME_IN(codec_names, c);
}

const char *plm_srtp_profile_name(unsigned iana)
{
    const char *name = NAME_IN(srtp_profile_names, iana);
    return name ? name : "unknown";
}

const char *plm_source_name(enum plm_source s)
{
    return NAME_IN(source_names, s);
}

const char *plm_ext_uri(enum plm_ext e)
{
    return (size_t)e < COUNT_OF(ext_uris) ? ext_uris[e] : "";
}

const char *plm_drop_name(enum plm_drop d)
{
    return NAME_IN(drop_names, d);
}

const char *plm_transport_state_name(enum plm_transport_state s)
{
    return NAME_IN(transport_state_names, s);
}

const char *plm_close_reason_name(enum plm_close_reason r)
{
    return NAME_IN(close_reason_names, r);
}

const char *plm_slot_state_name(enum plm_slot_state s)
{
    return NAME_IN(slot_state_names, s);
}

const char *plm_slot_reason_name(enum plm_slot_reason r)
{
    return NAME_IN(slot_reason_names, r);
}

const char *plm_gauge_name(enum plm_gauge g)
{
    return NAME_IN(gauge_names, g);
}

const char *plm_counter_name(enum plm_counter c)
{
    return NAME_IN(counter_names, c);
}
