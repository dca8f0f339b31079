#include "encoding_choice.h"

#include <string.h>

#define TOLD_US 3000000 /* the forwarder tells each second */

void plm_encoding_choice_init(struct plm_encoding_choice *c, uint8_t n)
{
    memset(c, 0, sizeof *c);
    c->n = n > PLM_MAX_ENCODINGS ? PLM_MAX_ENCODINGS : n;
    c->current = c->target = PLM_CHOICE_NONE;
    c->mask = (uint8_t)((1u << c->n) - 1);
}

static bool told_to_flow(const struct plm_choice_encoding *e, uint64_t now_us)
{
    return e->told_us && now_us - e->told_us < TOLD_US && e->bitrate_bps > 0;
}

static bool came_lately(const struct plm_choice_encoding *e, uint64_t now_us)
{
    return e->packet_us && now_us - e->packet_us <= PLM_CHOICE_SILENT_US;
}

void plm_encoding_choice_on_told(
    struct plm_encoding_choice *c, const struct plm_link_clock *clock, uint64_t now_us)
{
    if (clock->encoding >= c->n)
        return;
    struct plm_choice_encoding *e = &c->e[clock->encoding];
    if (clock->bitrate_bps > 0 && !told_to_flow(e, now_us))
        e->flows_since_us = now_us;
    e->told_us = now_us;
    e->bitrate_bps = clock->bitrate_bps;
    if (clock->width && clock->height)
        e->area = (uint32_t)clock->width * clock->height;
}

void plm_encoding_choice_on_packet(struct plm_encoding_choice *c, uint8_t e, uint64_t now_us)
{
    c->e[e].packet_us = now_us;
}

/* By area where both are known; else they are numbered from the smallest to the largest. */
static bool larger(const struct plm_encoding_choice *c, uint8_t a, uint8_t b)
{
    uint32_t area_a = c->e[a].area, area_b = c->e[b].area;
    return area_a && area_b && area_a != area_b ? area_a > area_b : a > b;
}

/** Of the present one its packets tell; of the others the forwarder. */
static bool flows(const struct plm_encoding_choice *c, uint8_t e, uint64_t now_us)
{
    if (e == c->current)
        return came_lately(&c->e[e], now_us);
    return told_to_flow(&c->e[e], now_us);
}

static uint8_t choose(const struct plm_encoding_choice *c, uint64_t now_us)
{
    bool going = c->current != PLM_CHOICE_NONE && flows(c, c->current, now_us);
    uint8_t best = going ? c->current : PLM_CHOICE_NONE;
    for (uint8_t e = 0; e < c->n; e++) {
        bool steady = now_us - c->e[e].flows_since_us >= PLM_CHOICE_STEADY_US;
        if (e == c->current || !flows(c, e, now_us) || (going && !steady))
            continue;
        if (best == PLM_CHOICE_NONE || larger(c, e, best))
            best = e;
    }
    return best == c->current ? PLM_CHOICE_NONE : best;
}

static uint8_t wanted(const struct plm_encoding_choice *c)
{
    uint8_t low = c->current, mask = 0;
    if (low == PLM_CHOICE_NONE || (c->target != PLM_CHOICE_NONE && larger(c, low, c->target)))
        low = c->target;
    for (uint8_t e = 0; e < c->n; e++) {
        if (low == PLM_CHOICE_NONE || e == low || larger(c, e, low))
            mask |= (uint8_t)(1u << e);
    }
    return mask;
}

void plm_encoding_choice_update(struct plm_encoding_choice *c, uint64_t now_us)
{
    c->target = choose(c, now_us);
    c->mask = wanted(c);
}

bool plm_encoding_choice_awaits(const struct plm_encoding_choice *c, uint8_t e)
{
    return c->target == e || (c->current == PLM_CHOICE_NONE && c->mask >> e & 1);
}

void plm_encoding_choice_go(struct plm_encoding_choice *c, uint8_t e)
{
    c->current = e;
    c->target = PLM_CHOICE_NONE;
    c->mask = wanted(c);
}

bool plm_encoding_choice_may_ask(const struct plm_encoding_choice *c, uint8_t e, uint64_t now_us)
{
    const struct plm_choice_encoding *x = &c->e[e];
    if (x->asked_us == 0)
        return true;
    return now_us - x->asked_us >= PLM_CHOICE_KEY_WAIT_US &&
           (told_to_flow(x, now_us) || came_lately(x, now_us));
}
