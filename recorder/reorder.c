#include "reorder.h"

#include <stdlib.h>
#include <string.h>

void plm_reorder_init(struct plm_reorder *r)
{
    memset(r, 0, sizeof *r);
}

void plm_reorder_reset(struct plm_reorder *r)
{
    while (r->first) {
        struct plm_queued *q = r->first;
        r->first = q->next;
        free(q);
    }
    plm_reorder_init(r);
}

static void set_seen(struct plm_reorder *r, uint64_t seq, bool taken)
{
    uint64_t bit = UINT64_C(1) << seq % 64, *word = &r->seen[seq % PLM_REORDER_SEEN / 64];
    *word = taken ? *word | bit : *word & ~bit;
}

static bool was_taken(const struct plm_reorder *r, uint64_t seq)
{
    return r->next - seq <= PLM_REORDER_SEEN && r->seen[seq % PLM_REORDER_SEEN / 64] >> seq % 64 & 1;
}

/** The due number is dealt with. */
static void advance(struct plm_reorder *r)
{
    set_seen(r, r->next, true);
    r->next++;
}

static struct plm_queued *copy_of(const struct plm_stream_packet *packet, uint64_t now_us)
{
    struct plm_queued *q = malloc(sizeof *q + packet->len);
    if (!q)
        return NULL;
    q->since_us = now_us;
    q->packet = *packet;
    q->packet.data = q->data;
    memcpy(q->data, packet->data, packet->len);
    return q;
}

/* Most come in order behind a gap: the place is looked for from the end. */
static enum plm_reorder_verdict keep(
    struct plm_reorder *r, const struct plm_stream_packet *packet, uint64_t now_us)
{
    struct plm_queued *before = r->last;
    while (before && before->packet.ext_seq > packet->ext_seq)
        before = before->prev;
    if (before && before->packet.ext_seq == packet->ext_seq)
        return PLM_REORDER_DUPLICATE;
    struct plm_queued *q = copy_of(packet, now_us);
    if (!q)
        return PLM_REORDER_NO_MEMORY;
    q->prev = before;
    q->next = before ? before->next : r->first;
    *(before ? &before->next : &r->first) = q;
    *(q->next ? &q->next->prev : &r->last) = q;
    r->n++;
    return PLM_REORDER_KEPT;
}

enum plm_reorder_verdict plm_reorder_put(
    struct plm_reorder *r, const struct plm_stream_packet *packet, uint64_t now_us)
{
    if (!r->any) {
        r->any = true;
        r->next = packet->ext_seq;
    }
    if (packet->ext_seq < r->next)
        return was_taken(r, packet->ext_seq) ? PLM_REORDER_DUPLICATE : PLM_REORDER_LATE;
    if (packet->ext_seq > r->next)
        return keep(r, packet, now_us);
    advance(r);
    return PLM_REORDER_NOW;
}

enum plm_reorder_verdict plm_reorder_put_early(
    struct plm_reorder *r, const struct plm_stream_packet *packet, uint64_t now_us)
{
    return keep(r, packet, now_us);
}

void plm_reorder_begin(struct plm_reorder *r)
{
    if (r->any || !r->first)
        return;
    r->any = true;
    r->next = r->first->packet.ext_seq;
}

struct plm_queued *plm_reorder_take(struct plm_reorder *r)
{
    struct plm_queued *q = r->first;
    if (!q || !r->any || q->packet.ext_seq != r->next)
        return NULL;
    r->first = q->next;
    *(q->next ? &q->next->prev : &r->last) = NULL;
    r->n--;
    advance(r);
    return q;
}

uint64_t plm_reorder_give_up(struct plm_reorder *r)
{
    if (!r->first || !r->any)
        return 0;
    uint64_t n = r->first->packet.ext_seq - r->next;
    for (uint64_t i = 0; i < n && i < PLM_REORDER_SEEN; i++)
        set_seen(r, r->next + i, false);
    r->next += n;
    return n;
}

uint64_t plm_reorder_waits_since(const struct plm_reorder *r)
{
    uint64_t since = UINT64_MAX;
    for (const struct plm_queued *q = r->first; q; q = q->next)
        since = q->since_us < since ? q->since_us : since;
    return since;
}
