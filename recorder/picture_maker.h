/*
 * Packets of one encoding, in order, to pictures that are whole and whose references were stored (picture_refs.h). What is not is left out.
 */
#ifndef PLM_RECORDER_PICTURE_MAKER_H
#define PLM_RECORDER_PICTURE_MAKER_H

#include "codec.h"
#include "depack.h"
#include "picture_refs.h"
#include "reorder.h"

struct plm_picture_maker_ops {
    void *ctx;
    /** A picture without its time, borrowed for the call. */
    void (*picture)(void *ctx, struct plm_sample *sample, uint64_t ext_ts, uint64_t arrival_us);
};

struct plm_picture_maker {
    struct plm_picture_maker_ops ops;
    struct plm_depack depack; /**< of codec NONE before the first packet */
    struct plm_picture_refs refs;
    struct plm_dd_state *dd; /**< NULL: no dependency descriptor seen */
    bool open;               /**< a picture is under way */
    bool boundary;           /**< the packet before ended a picture: the next one begins one */
    bool begun;              /**< the first key frame came: what is left out from then on counts as broken */
    bool any;
    uint64_t ts, arrival_us; /**< of the picture under way or the last one; its newest packet's */
    bool has_dd;             /**< of the picture under way */
    struct plm_dd_info dd_info;
    uint16_t rotation;
    uint64_t broken, malformed;
};

void plm_picture_maker_init(struct plm_picture_maker *m, const struct plm_picture_maker_ops *ops);
void plm_picture_maker_destroy(struct plm_picture_maker *m);
/** Begin anew at a key frame, with another stream; the orientation is kept. */
void plm_picture_maker_restart(struct plm_picture_maker *m);
/** The next packet. Padding alone is fine. */
void plm_picture_maker_put(struct plm_picture_maker *m, const struct plm_stream_packet *packet);
/** Packets are missing before the next one. */
void plm_picture_maker_on_loss(struct plm_picture_maker *m, uint64_t packets);
/** Does nothing go on before a key frame? */
static inline bool plm_picture_maker_wants_key(const struct plm_picture_maker *m)
{
    return !m->refs.intact;
}

#endif
