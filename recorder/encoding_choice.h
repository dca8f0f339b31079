/*
 * Which encoding of a track is recorded: the largest that flows. To another one it goes at a key frame of that, and both are asked for until then;
 * those between the present and the largest are asked for too, since a publisher stops what nobody asks for. No I/O, no clock.
 */
#ifndef PLM_RECORDER_ENCODING_CHOICE_H
#define PLM_RECORDER_ENCODING_CHOICE_H

#include "base/link_frame.h"
#include "plenum/rtp_params.h"

#define PLM_CHOICE_NONE        0xff
#define PLM_CHOICE_STEADY_US   2000000 /* so long a larger one flows before it is gone to */
#define PLM_CHOICE_SILENT_US   1000000 /* so long the present one is silent before a smaller one is gone to */
#define PLM_CHOICE_KEY_WAIT_US 1000000 /* between two requests for a key frame */

struct plm_encoding_choice {
    uint8_t n;       /**< encodings of the track */
    uint8_t current; /**< that is recorded, PLM_CHOICE_NONE before the first key frame */
    uint8_t target;  /**< whose key frame is waited for, PLM_CHOICE_NONE */
    uint8_t mask;    /**< bit per encoding: asked for */
    struct plm_choice_encoding {
        uint64_t told_us, flows_since_us, packet_us; /**< 0: never */
        uint32_t bitrate_bps, area;
        uint64_t asked_us; /**< a key frame; 0: not since one came */
    } e[PLM_MAX_ENCODINGS];
};

void plm_encoding_choice_init(struct plm_encoding_choice *c, uint8_t n);
void plm_encoding_choice_on_told(
    struct plm_encoding_choice *c, const struct plm_link_clock *clock, uint64_t now_us);
/** A packet of an encoding that is among those asked for. */
void plm_encoding_choice_on_packet(struct plm_encoding_choice *c, uint8_t e, uint64_t now_us);
/** Work out target and mask anew. */
void plm_encoding_choice_update(struct plm_encoding_choice *c, uint64_t now_us);
/** Is a key frame of this one waited for, to go to it? */
bool plm_encoding_choice_awaits(const struct plm_encoding_choice *c, uint8_t e);
/** Its key frame came: it is the one. */
void plm_encoding_choice_go(struct plm_encoding_choice *c, uint8_t e);
/** A key frame is needed: is it time to ask? At most once in PLM_CHOICE_KEY_WAIT_US, and again only while something flows. */
bool plm_encoding_choice_may_ask(const struct plm_encoding_choice *c, uint8_t e, uint64_t now_us);

#endif
