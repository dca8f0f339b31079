#include "look_ahead.h"

#include "transport.h"
#include "tuple_map.h"

static void look_at(struct plm_look_ahead *l, size_t i)
{
    const struct plm_tuple *tuple =
        i < l->n ? plm_tuple_map_find(l->tuples, l->batch[i].sock, &l->batch[i].from) : NULL;
    const struct plm_transport *t = tuple ? tuple->transport : NULL;
    l->of[i % PLM_LOOK_AHEAD] = t;
    if (t)
        plm_transport_prefetch(t);
}

void plm_look_ahead_begin(
    struct plm_look_ahead *l, const struct plm_tuple_map *tuples, const struct plm_datagram *batch, size_t n)
{
    l->tuples = tuples;
    l->batch = batch;
    l->n = n;
    for (size_t i = 0; i < PLM_LOOK_AHEAD; i++)
        look_at(l, i);
}

void plm_look_ahead_step(struct plm_look_ahead *l, size_t i)
{
    const struct plm_transport *second = l->of[(i + 2) % PLM_LOOK_AHEAD];
    const struct plm_transport *next = l->of[(i + 1) % PLM_LOOK_AHEAD];
    if (second)
        plm_transport_prefetch_parts(second);
    if (next)
        plm_transport_prefetch_media(next, l->batch[i + 1].data, l->batch[i + 1].len);
    look_at(l, i + PLM_LOOK_AHEAD);
}
