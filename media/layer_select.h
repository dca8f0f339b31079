/*
 * Which encoding, and which temporal and spatial layers of it, one slot forwards. No I/O, no clock.
 */
#ifndef PLM_LAYER_SELECT_H
#define PLM_LAYER_SELECT_H

#include "pkt.h"

#define PLM_LAYER_NONE 0xff

#define PLM_SID_ALL    7    /**< every spatial layer that an encoding has */

#define PLM_LAYER_CHANGES 8

/** Which layers of one encoding go on, by the timestamp of the frame: so a frame is never forwarded in half. */
struct plm_layer_history {
    bool any;
    uint64_t newest_seq, newest_ts;
    uint8_t n; /**< changes, oldest first */
    struct {
        uint64_t from_ts;
        uint8_t tid; /**< highest forwarded; PLM_LAYER_NONE: nothing */
        uint8_t sid; /**< highest forwarded */
    } changes[PLM_LAYER_CHANGES];
};

/** An embedded value; one per video slot. */
struct plm_layer_select {
    uint8_t current, target; /**< encodings; PLM_LAYER_NONE */
    uint8_t current_tid, target_tid;
    uint8_t current_sid, target_sid; /**< PLM_SID_ALL unless the encoding has spatial layers to choose from */
    bool want_keyframe; /**< of `target`: ask its publisher */
    bool hurried;       /**< plm_layer_select_hurry or _begin, until the next aim or switch */
    struct plm_layer_history history[PLM_MAX_ENCODINGS];
};
enum plm_layer_verdict {
    PLM_LAYER_FORWARD = 0,
    PLM_LAYER_SWITCH,       /**< forward, and a new segment begins here */
    PLM_LAYER_DROP,         /**< other encoding or layer */
    PLM_LAYER_DROP_NOT_KEY, /**< waiting for a keyframe */
};
void plm_layer_select_init(struct plm_layer_select *s);
/**
 * Set the aim; up or down an encoding happens at its next keyframe (the present one goes on meanwhile), temporal down at the next frame, up
 * at a sync. Encoding PLM_LAYER_NONE pauses: the frame that is under way is completed.
 */
void plm_layer_select_aim(struct plm_layer_select *s, uint8_t encoding, uint8_t tid);
/**
 * Set the highest spatial layer, of every encoding: down at the next picture, up at the next key picture of the present encoding. All layers
 * below the chosen one go on, so that a step down needs no key picture, whether they are referred to in each picture or in key pictures alone.
 */
void plm_layer_select_aim_spatial(struct plm_layer_select *s, uint8_t sid);
/** The line is full and the aim lower: until its key frame comes, only the lowest temporal layer of the present encoding goes on. */
void plm_layer_select_hurry(struct plm_layer_select *s);
/**
 * Begin with a key frame that came a while ago: pkt is its first packet, and what came after it is given in order.
 * @param base_only only the lowest temporal layer goes on, until plm_layer_select_caught_up
 */
void plm_layer_select_begin(struct plm_layer_select *s, const struct plm_pkt *pkt, bool base_only);
/** What comes from here on is new. */
void plm_layer_select_caught_up(struct plm_layer_select *s);
/** The present stream ends (track gone, slot re-used): the next packet forwarded is a keyframe of the target. */
void plm_layer_select_restart(struct plm_layer_select *s);
/**
 * A switch at a late packet (pkt->late): the caller goes on with what came after it, which this slot did not want then.
 * Late packets of an encoding that was left are PLM_LAYER_FORWARD when their frame was being forwarded: the map knows whether a number is
 * reserved for them.
 */
enum plm_layer_verdict plm_layer_select_on_packet(struct plm_layer_select *s, const struct plm_pkt *pkt);
/** Is it on its way down, for a key frame of a lower encoding than the present one? */
bool plm_layer_select_descends(const struct plm_layer_select *s);
/** Is pkt of a frame after all those that plm_layer_select_on_packet was given of its encoding? */
bool plm_layer_select_is_ahead(const struct plm_layer_select *s, const struct plm_pkt *pkt);
/** The layers that were chosen of pkt's encoding when its frame was made. @return false: none, or too long ago */
bool plm_layer_select_chosen(const struct plm_layer_select *s, const struct plm_pkt *pkt, uint8_t *sid, uint8_t *tid);
/** Is pkt, which is forwarded, the last of its picture because the spatial layers above are not? Then the marker is to be set. */
bool plm_layer_select_ends_picture(const struct plm_layer_select *s, const struct plm_pkt *pkt);

#endif
