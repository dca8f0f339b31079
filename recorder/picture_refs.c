#include "picture_refs.h"

#include "base/planted.h"

#include <string.h>

#define ALL_LAYERS 7
#define TL0_CYCLE  256

void plm_picture_refs_init(struct plm_picture_refs *r)
{
    memset(r, 0, sizeof *r);
}

void plm_picture_refs_on_loss(struct plm_picture_refs *r, uint64_t packets)
{
    r->doubt += packets;
}

void plm_picture_refs_on_broken(struct plm_picture_refs *r, const struct plm_picture_place *p)
{
    r->doubt++;
    if (p && p->tid == 0)
        r->intact = false;
}

static void note_stored(struct plm_picture_refs *r, const struct plm_picture_place *p)
{
    r->stored_any[p->number % PLM_REFS_NUMBERS] = true;
    r->stored[p->number % PLM_REFS_NUMBERS] = p->number;
}

static uint16_t referred(const struct plm_picture_place *p, unsigned i)
{
    return (uint16_t)((uint16_t)(p->number - p->refs[i]) & ((1u << p->number_bits) - 1));
}

static bool all_stored(const struct plm_picture_refs *r, const struct plm_picture_place *p)
{
    for (unsigned i = 0; i < p->n_refs; i++) {
        uint16_t number = referred(p, i);
        unsigned at = number % PLM_REFS_NUMBERS;
        if (!r->stored_any[at] || r->stored[at] != number)
            return false;
    }
    return p->n_refs > 0; /* one that names none and is no key frame says nothing */
}

/** Were there no pictures among the packets that are missing? Their numbers would have to have gone round. */
static bool pictures_go_on(const struct plm_picture_refs *r, const struct plm_picture_place *p)
{
    if (!p->has_picture_id || !r->last.has_picture_id || p->picture_id_bits != r->last.picture_id_bits)
        return false;
    uint64_t cycle = UINT64_C(1) << p->picture_id_bits;
    return r->doubt < cycle && p->picture_id == (r->last.picture_id + 1u) % cycle;
}

/*
 * RFC 7741 and RFC 9628, both section 4.2: TL0PICIDX counts the pictures of layer 0, and one above it carries that of the newest. Layer 0 refers
 * to itself alone.
 */
static bool take_by_layer(struct plm_picture_refs *r, const struct plm_picture_place *p)
{
    uint8_t due = (uint8_t)(r->last.tl0picidx + (p->tid == 0));
    if (!p->has_tl0 || !r->last.has_tl0 || r->doubt >= TL0_CYCLE || p->tl0picidx != due) {
        r->intact = false;
        return false;
    }
    if (r->doubt > 0)
        r->top = 0;
    r->doubt = 0;
    if (p->sync && p->tid == r->top + 1)
        r->top = p->tid;
    if (p->tid > r->top)
        return false;
    if (p->up)
        r->top = ALL_LAYERS;
    return true;
}

static void begin_anew(struct plm_picture_refs *r, const struct plm_picture_place *p)
{
    plm_picture_refs_init(r);
    r->intact = true;
    r->top = ALL_LAYERS;
    r->last = *p;
    note_stored(r, p);
}

bool plm_picture_refs_take(struct plm_picture_refs *r, const struct plm_picture_place *p)
{
    if (p->keyframe) {
        begin_anew(r, p);
        return true;
    }
    if (!r->intact)
        return false;
    bool take;
    if (p->has_refs != r->last.has_refs || p->number_bits != r->last.number_bits) {
        take = r->intact = false; /* what was learned in the one way is not known in the other */
    } else if (p->has_refs) {
        take = all_stored(r, p);
        r->intact = take || p->tid > 0;
    } else {
        if (r->doubt > 0 && pictures_go_on(r, p))
            r->doubt = 0;
        take = (PLM_FITS(stream_refs, r->doubt == 0) && r->top == ALL_LAYERS) || take_by_layer(r, p);
    }
    if (r->intact)
        r->last = *p;
    if (take)
        note_stored(r, p);
    return take;
}
