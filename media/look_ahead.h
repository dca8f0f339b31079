/*
 * What the next datagrams of a batch will touch is asked for while the present one is worked off. Each pointer on the way has to be there before the
 * next can be followed, so it goes in stages: transport, then what it points to, then the track.
 */
#ifndef PLM_LOOK_AHEAD_H
#define PLM_LOOK_AHEAD_H

#include "plenum/worker.h"

#define PLM_LOOK_AHEAD 4 /* datagrams; power of two */

struct plm_transport;
struct plm_tuple_map;

struct plm_look_ahead {
    const struct plm_tuple_map *tuples;
    const struct plm_datagram *batch;
    size_t n;
    const struct plm_transport *of[PLM_LOOK_AHEAD]; /**< of the next datagrams, by their index; NULL: nobody's */
};

/** Before the first of a batch. All of it is borrowed until the batch is done; no transport may be freed meanwhile, closing one is fine. */
void plm_look_ahead_begin(struct plm_look_ahead *l, const struct plm_tuple_map *tuples,
    const struct plm_datagram *batch, size_t n);
/** batch[i] is worked off next; called for each in turn. */
void plm_look_ahead_step(struct plm_look_ahead *l, size_t i);

#endif
