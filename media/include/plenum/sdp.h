/*
 * SDP for the SFU (RFC 8866, 8829, 8839, 8843, 8853, 9143): an optional part of libplenum. Clock-free, thread-free:
 * any thread may call, one at a time per object.
 *
 * Three conversations use it:
 *  publish   the peer offers sendonly m-lines: plm_sdp_parse, plm_sdp_answer
 *  receive   the server offers slots: plm_sdp_offer; then plm_sdp_parse, plm_sdp_apply_answer
 *  WHEP      the peer offers recvonly m-lines: plm_sdp_parse, plm_sdp_answer
 */
#ifndef PLENUM_SDP_H
#define PLENUM_SDP_H

#include "plenum/rtp_params.h"

#ifdef __cplusplus
extern "C" {
#endif

struct plm_sdp; /**< a parsed description */

#define PLM_SDP_MAX_SIZE (256 * 1024)

/** Where and why a description was refused; text is for people, stable enough for a log. */
struct plm_sdp_error {
    unsigned line; /**< 1-based line, 0 when it concerns the whole */
    char text[160];
};

/**
 * Parse a description. Tolerates unknown attributes and LF line ends; refuses what would be ambiguous
 * (duplicate mid, BUNDLE missing with more than one m-line, no ICE credentials, fingerprint missing or weaker than sha-256, …).
 * @param out   owned by the caller, plm_sdp_destroy
 * @param text  need not be NUL-terminated; borrowed for the call
 * @return 0, PLM_EINVAL, PLM_ENOTSUP, PLM_ELIMIT, PLM_ENOMEM; err filled unless 0
 */
PLM_EXPORT int plm_sdp_parse(struct plm_sdp **out, const char *text, size_t len, struct plm_sdp_error *err);
PLM_EXPORT void plm_sdp_destroy(struct plm_sdp *sdp);

/** The peer's ICE credentials (session or first bundled m-line). Pointers live as long as sdp. */
PLM_EXPORT const char *plm_sdp_ufrag(const struct plm_sdp *sdp);
PLM_EXPORT const char *plm_sdp_pwd(const struct plm_sdp *sdp);
/**
 * The m-lines, i below the count. The kind of one that is neither audio nor video over SRTP means nothing (AUDIO): such an m-line
 * neither sends nor receives. mid is "" where the peer gave none (allowed in a single m-line).
 */
PLM_EXPORT size_t plm_sdp_media_count(const struct plm_sdp *sdp);
PLM_EXPORT enum plm_kind plm_sdp_media_kind(const struct plm_sdp *sdp, size_t i);
PLM_EXPORT const char *plm_sdp_media_mid(const struct plm_sdp *sdp, size_t i);
PLM_EXPORT bool plm_sdp_media_peer_sends(const struct plm_sdp *sdp, size_t i);
PLM_EXPORT bool plm_sdp_media_peer_receives(const struct plm_sdp *sdp, size_t i);

/**
 * Parse an SDP fragment (application/trickle-ice-sdpfrag, RFC 8840) as WHIP PATCH carries it.
 * Fills ufrag and pwd when they stand there, else leaves them empty; candidates are counted and ignored (ICE-lite).
 */
struct plm_sdp_fragment {
    char ufrag[PLM_PEER_UFRAG_SIZE];
    char pwd[PLM_PEER_UFRAG_SIZE];
    unsigned candidates;
};
PLM_EXPORT int plm_sdp_parse_fragment(struct plm_sdp_fragment *out, const char *text, size_t len, struct plm_sdp_error *err);

/** Our side of the transport. Strings borrowed for the call. */
struct plm_sdp_local {
    const char *ufrag, *pwd;
    struct plm_fingerprint fingerprint;
    const struct plm_addr *candidates; /**< in order of preference; UDP host candidates, end-of-candidates is always written */
    size_t n_candidates;
    const struct plm_addr *tcp_candidates; /**< likewise, of ICE-TCP: the peer connects to them (RFC 6544, passive) */
    size_t n_tcp_candidates;
    uint64_t session_id;      /**< RFC 8866 section 5.2; kept over renegotiations */
    uint32_t session_version;
};

#define PLM_SDP_CANDIDATE_SIZE 128
/**
 * One candidate of ours as an attribute's value, without "a=": "candidate:1 1 udp 2130706431 192.0.2.1 8080 typ host" (RFC 8839 section 5.1, for TCP
 * RFC 6544 section 4.5). i counts UDP candidates first, then those of TCP.
 * @return false: i is past the last
 */
PLM_EXPORT bool plm_sdp_candidate(const struct plm_sdp_local *local, size_t i, char out[PLM_SDP_CANDIDATE_SIZE]);

/** What we accept and prefer. */
struct plm_sdp_policy {
    enum plm_codec codecs[PLM_CODEC_COUNT]; /**< allowed, best first, PLM_CODEC_NONE ends the list */
    bool publish;              /**< accept m-lines in which the peer sends (tracks) */
    bool subscribe;            /**< accept m-lines in which the peer receives (slots) */
    bool single_video_codec;   /**< answer a publisher with one video codec (its most wanted of ours) and its RTX */
    /** Slots agree on goog-remb instead of transport-cc where the peer has both: for a server that does not estimate bandwidth itself. */
    bool slot_remb;
    uint32_t (*random_ssrc)(void *arg); /**< for slots; never returns 0. Required when subscribe */
    void *arg;
};

/**
 * Answer an offer. Every m-line gets one in the answer; those we refuse get port 0 and stay out of BUNDLE
 * and direction INACTIVE in params. One of publish / subscribe serves a sendrecv m-line (publish wins).
 * Publishing: simulcast by rid accepted up to PLM_MAX_ENCODINGS; sources are guessed (first audio MICROPHONE, first video
 * CAMERA, second video SCREEN, second audio SCREEN_AUDIO) and may be overwritten by the caller.
 * Subscribing: slots numbered in the order of m-lines; pairs formed from consecutive audio+video.
 * @param params written on success only
 * @param text   malloc'd, NUL-terminated, CRLF lines; free()
 * @return 0, PLM_EINVAL, PLM_ENOTSUP (no m-line is acceptable, peer is ICE-lite too), PLM_ENOMEM
 */
PLM_EXPORT int plm_sdp_answer(const struct plm_sdp *offer, const struct plm_sdp_local *local,
    const struct plm_sdp_policy *policy, struct plm_transport_params *params, char **text, struct plm_sdp_error *err);

/** How many slots a server offer has in all; in a further offer those that are missing are appended, none is taken away. */
struct plm_sdp_layout {
    uint8_t pairs, audio_only, screen_pairs;
};

/**
 * Make the server's offer of slots. With params->n_media > 0 on entry the offer is a further one on the same transport: existing
 * m-lines are repeated with their mids, SSRCs, payload types and extension ids, new ones appended.
 * Every slot announces its SSRC, RTX SSRC and FID group. M-lines: pairs (audio, video), audio-only slots, screen pairs; mids are "0",
 * "1", … in this order. a=msid is "p3 p3a" and "p3 p3v" for the slots of pair 3, "s18 s18a" for the audio-only slot of m-line 18.
 * Before the first offer params must be zeroed; on error it is unchanged.
 */
PLM_EXPORT int plm_sdp_offer(const struct plm_sdp_local *local, const struct plm_sdp_layout *layout,
    const struct plm_sdp_policy *policy, struct plm_transport_params *params, char **text, struct plm_sdp_error *err);

/**
 * Take the peer's answer to our offer: fingerprint, setup, codecs and extensions that remain, rejected m-lines (INACTIVE).
 * params is the one that plm_sdp_offer filled; unchanged on error. The answer to a further offer must keep the fingerprint.
 * @return 0, PLM_EINVAL (not an answer to this offer), PLM_ENOTSUP
 */
PLM_EXPORT int plm_sdp_apply_answer(struct plm_transport_params *params, const struct plm_sdp *answer, struct plm_sdp_error *err);

#ifdef __cplusplus
}
#endif
#endif
