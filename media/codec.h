/*
 * What forwarding needs to know of a packet's payload: read from payload descriptors and the dependency descriptor only,
 * never further into a payload (it may be encrypted end to end). One file per codec.
 */
#ifndef PLM_CODEC_H
#define PLM_CODEC_H

#include "plenum/types.h"

#define PLM_DD_TOLD 12 /* decode targets of a stream at most, so that a receiver is told which are active: three spatial by four temporal layers */

/** Where a packet's dependency descriptor says which decode targets are active, or would say it. */
struct plm_dd_targets {
    uint8_t n;       /**< 0: it has none, too many, or one alone */
    bool present;    /**< it says so */
    uint16_t at;     /**< bit */
    uint16_t active; /**< bit per target: active as its sender has it */
    uint8_t layers[PLM_DD_TOLD]; /**< the highest of each: spatial << 4 | temporal */
};

/** One packet's place in its stream. */
struct plm_frame_info {
    bool frame_start; /**< first packet of a (spatial layer's) frame; H264, AV1: one may start here */
    bool frame_end;   /**< last packet of it, when the descriptor says so; else from the RTP marker */
    bool keyframe;    /**< of a frame that starts a coded sequence; VP8, AV1: set on the first packet only */
    bool keyframe_start; /**< first packet of such a frame (sid 0): a receiver may begin here */
    /**
     * VP8 (Y): a receiver of all lower temporal layers may add this one with this frame.
     * VP9 (U), dependency descriptor: after this frame it may add higher ones, which refer to nothing of theirs before it.
     */
    bool layer_sync;
    bool has_layers; /**< tid and sid are known */
    uint8_t tid, sid;
    bool inter_layer; /**< depends on the lower spatial layer (VP9 D) */
    bool has_picture_id, picture_id_15, has_tl0, has_keyidx; /**< VP8, VP9 */
    uint16_t picture_id;
    uint8_t tl0picidx;
    uint16_t width, height; /**< of the highest layer, when the descriptor or a clear header tells: with keyframes, and with spatial_layers */
    uint8_t spatial_layers; /**< from this picture on, when the packet tells: VP9's with key pictures, the dependency descriptor with changes too; 0: it does not */
    uint8_t desc_len;       /**< octets of the payload descriptor (VP8, VP9); 0 otherwise */
    struct plm_dd_targets targets; /**< of the dependency descriptor, read in the worker that its stream comes to; told to the others with the packet */
};

/**
 * Read the payload descriptor: VP8 RFC 7741 section 4.2, VP9 RFC 9628 section 4.2, H264 RFC 6184 (NAL types: IDR, SPS make a
 * keyframe start), AV1 aggregation header (N bit), Opus (every packet is a frame).
 * @return 0 or PLM_EINVAL: drop with PLM_DROP_RTP_DESCRIPTOR
 */
int plm_codec_parse(enum plm_codec codec, const uint8_t *payload, size_t len, struct plm_frame_info *out);

/** Numbers that a slot gives a packet. */
struct plm_codec_numbers {
    uint16_t picture_id; /**< 15 bits */
    uint8_t tl0picidx;
};

#define PLM_MAX_DESC 24

/**
 * Make the payload descriptor with other numbers. A 7-bit picture id becomes 15 bits, so the descriptor may grow by one octet.
 * @param consumed octets of payload that out replaces
 * @return octets in out (0 and consumed 0: nothing to rewrite for this codec or packet), or PLM_EINVAL
 */
int plm_codec_rewrite(enum plm_codec codec, const uint8_t *payload, size_t len,
    const struct plm_codec_numbers *num, uint8_t out[PLM_MAX_DESC], size_t *consumed);

/* ---- dependency descriptor (AV1 RTP specification, appendix A) ---- */

#define PLM_DD_MAX_TEMPLATES 64
#define PLM_DD_MAX_TARGETS   32
#define PLM_DD_MAX_FDIFFS    16

/** Template structure of one encoding; learned from key frames. */
struct plm_dd_state {
    bool valid;
    uint8_t template_id_offset, n_templates, n_targets, n_chains;
    uint8_t max_sid, max_tid;
    struct plm_dd_template {
        uint8_t sid, tid;
        uint8_t dti[PLM_DD_MAX_TARGETS]; /**< 0 not present, 1 discardable, 2 switch, 3 required */
        bool switch_up;                  /**< as in plm_dd_info */
        uint8_t n_fdiffs;
        uint8_t fdiffs[PLM_DD_MAX_FDIFFS]; /**< 1..16 */
    } templates[PLM_DD_MAX_TEMPLATES];
    uint32_t active_targets;
    uint16_t width[4], height[4]; /**< per spatial layer, 0 unknown */
};

struct plm_dd_info {
    bool start, end;
    bool has_structure; /**< a new template structure is attached: a key frame begins */
    uint8_t template_id;
    uint16_t frame_number;
    uint8_t sid, tid;
    bool switch_up; /**< after this frame a receiver may add the higher temporal layers */
    uint8_t n_fdiffs;
    uint16_t fdiffs[PLM_DD_MAX_FDIFFS]; /**< referred frames, as differences of frame numbers: 1..4096 */
    bool has_active_targets;
    uint16_t active_at; /**< bit where they stand, or would stand */
};

/**
 * Parse; the state (structure, active targets) changes only after a whole valid descriptor.
 * @return 0, PLM_EINVAL, PLM_ESTATE (template before structure)
 */
int plm_dd_parse(struct plm_dd_state *state, const uint8_t *ext, size_t len, struct plm_dd_info *out);
/** Fill layers and keyframe bits of out from the descriptor (it is better than the payload's). */
void plm_dd_to_frame_info(
    const struct plm_dd_info *dd, const struct plm_dd_state *state, struct plm_frame_info *out);
/**
 * Structures of one encoding: each holds from the packet that carries it on. What is older comes late, or once more to probe the line, and has
 * to be read by the one before. Zeroed memory is a beginning.
 */
struct plm_dd_states {
    struct plm_dd_state now, before;
    uint64_t now_seq, newest_seq;
};
/**
 * Read a packet's descriptor into out, as plm_dd_parse and plm_dd_to_frame_info do.
 * @param ext_seq the packet's number
 * @return 0, PLM_EINVAL, PLM_ESTATE: out is as before. So it is of packets whose structure is yet to come: they name templates that nobody knows
 */
int plm_dd_read(
    struct plm_dd_states *s, uint64_t ext_seq, const uint8_t *ext, size_t len, struct plm_frame_info *out);
/**
 * Copy with frame_number + frame_offset and template ids + template_shift (mod 64).
 * @return octets in out, 0 when it does not fit or is malformed
 */
size_t plm_dd_rewrite(
    uint8_t *out, size_t cap, const uint8_t *ext, size_t len, uint16_t frame_offset, uint8_t template_shift);
#define PLM_DD_TELL_OCTETS 3 /* by so much plm_dd_tell_active lets a descriptor grow, at most */
/** Of a packet's targets, those that a receiver gets whole which gets no more than these layers. */
uint16_t plm_dd_active(const struct plm_dd_targets *t, uint8_t sid, uint8_t tid);
/**
 * Say in a descriptor which targets are active: what it lacks must not be waited for (A.8.2, active_decode_targets_bitmask). It holds until
 * another one is told, so each packet tells it: any of them may be lost.
 * @param t of the packet that ext, of len octets, was made from by plm_dd_rewrite
 * @return octets in ext; as before when there is nothing to tell, or no room within cap
 */
size_t plm_dd_tell_active(uint8_t *ext, size_t cap, size_t len, const struct plm_dd_targets *t, uint16_t active);

#endif
