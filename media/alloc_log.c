#include "alloc_log.h"

#include <string.h>

#include "base/leb128.h"
#include "plenum/types.h"

static const uint8_t magic[] = {'P', 'A', 4};

/* Octets of the longest slot with its results, so that no number needs a look at the room that is left. */
#define SLOT_MAX  (8 * PLM_LEB128_MAX + PLM_MAX_ENCODINGS * (4 + PLM_ALLOC_TEMPORAL) * 5 + 12)
#define SLOTS_MAX ((PLM_ALLOC_LOG_MAX - 16 * PLM_LEB128_MAX) / SLOT_MAX)

/* ---- writing ---- */

static void put(struct plm_alloc_log *log, uint64_t v)
{
    log->len += plm_leb128_put(log->data + log->len, v);
}

static void put_memory(struct plm_alloc_log *log, const struct plm_alloc_memory *m)
{
    put(log, m->known);
    if (!m->known)
        return;
    put(log, m->encoding);
    put(log, m->tid);
    put(log, m->priority);
    put(log, m->want_width);
    put(log, m->want_height);
    put(log, m->rose_us);
    put(log, m->room_since_us);
    put(log, m->awaited_us);
}

static void put_slot(struct plm_alloc_log *log, const struct plm_alloc_slot *s)
{
    put(log, s->priority);
    put(log, s->screen);
    put(log, s->want_width);
    put(log, s->want_height);
    put(log, s->present);
    put(log, s->n_layers);
    for (unsigned i = 0; i < s->n_layers && i < PLM_MAX_ENCODINGS; i++) {
        const struct plm_alloc_layer *l = &s->layers[i];
        put(log, l->sent);
        put(log, l->width);
        put(log, l->height);
        put(log, l->temporal_layers);
        for (unsigned k = 0; k < PLM_ALLOC_TEMPORAL; k++)
            put(log, l->bps[k]);
    }
    put_memory(log, s->memory);
}

static size_t counted(size_t n)
{
    n = n < PLM_MAX_MEDIA ? n : PLM_MAX_MEDIA;
    return n < SLOTS_MAX ? n : SLOTS_MAX;
}

void plm_alloc_log_begin(struct plm_alloc_log *log, const struct plm_alloc_line *line,
    const struct plm_alloc_slot *slots, size_t n, uint32_t budget_bps, uint64_t now_us)
{
    memcpy(log->data, magic, sizeof magic);
    log->len = sizeof magic;
    put(log, now_us);
    put(log, budget_bps);
    put(log, line->rose_us);
    put(log, line->fell_us);
    put(log, line->patience_us);
    put(log, line->failed_bps);
    put(log, line->fallen_bps);
    put(log, line->back_bps);
    put(log, line->budget_bps);
    put(log, line->used_bps);
    put(log, line->beside_bps);
    put(log, line->proved_bps);
    put(log, counted(n));
    for (size_t i = 0; i < counted(n); i++)
        put_slot(log, &slots[i]);
}

void plm_alloc_log_end(struct plm_alloc_log *log, const struct plm_alloc_slot *slots, size_t n,
    const struct plm_alloc_total *total)
{
    for (size_t i = 0; i < counted(n); i++) {
        put(log, slots[i].encoding);
        put(log, slots[i].tid);
        put(log, slots[i].wish);
    }
    put(log, total->used_bps);
    put(log, total->want_bps);
    put(log, total->next_bps);
}

/* ---- reading ---- */

static uint64_t get(struct plm_leb128_reader *r, uint64_t most)
{
    uint64_t v = plm_leb128_get(r);
    r->bad |= v > most;
    return r->bad ? 0 : v;
}

static void get_memory(struct plm_leb128_reader *r, struct plm_alloc_memory *m)
{
    *m = (struct plm_alloc_memory){.known = get(r, 1)};
    if (!m->known)
        return;
    m->encoding = (uint8_t)get(r, UINT8_MAX);
    m->tid = (uint8_t)get(r, UINT8_MAX);
    m->priority = (uint8_t)get(r, UINT8_MAX);
    m->want_width = (uint16_t)get(r, UINT16_MAX);
    m->want_height = (uint16_t)get(r, UINT16_MAX);
    m->rose_us = get(r, UINT64_MAX);
    m->room_since_us = get(r, UINT64_MAX);
    m->awaited_us = get(r, UINT64_MAX);
}

static void get_slot(struct plm_leb128_reader *r, struct plm_alloc_slot *s, struct plm_alloc_memory *memory)
{
    *s = (struct plm_alloc_slot){.memory = memory};
    s->priority = (uint8_t)get(r, UINT8_MAX);
    s->screen = get(r, 1);
    s->want_width = (uint16_t)get(r, UINT16_MAX);
    s->want_height = (uint16_t)get(r, UINT16_MAX);
    s->present = (uint8_t)get(r, UINT8_MAX);
    s->n_layers = (uint8_t)get(r, PLM_MAX_ENCODINGS);
    r->bad |= s->n_layers == 0;
    for (unsigned i = 0; i < s->n_layers; i++) {
        struct plm_alloc_layer *l = &s->layers[i];
        l->sent = get(r, 1);
        l->width = (uint16_t)get(r, UINT16_MAX);
        l->height = (uint16_t)get(r, UINT16_MAX);
        l->temporal_layers = (uint8_t)get(r, UINT8_MAX);
        for (unsigned k = 0; k < PLM_ALLOC_TEMPORAL; k++)
            l->bps[k] = (uint32_t)get(r, UINT32_MAX);
    }
    get_memory(r, memory);
}

static void compare(struct plm_leb128_reader *r, const struct plm_alloc_slot *slots, size_t n,
    const struct plm_alloc_total *total, struct plm_alloc_replay *out)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t encoding = get(r, UINT8_MAX), tid = get(r, UINT8_MAX), wish = get(r, UINT8_MAX);
        out->differing += encoding != slots[i].encoding || tid != slots[i].tid || wish != slots[i].wish;
        out->paused += slots[i].encoding == PLM_LAYER_NONE;
    }
    uint64_t used = get(r, UINT64_MAX), want = get(r, UINT64_MAX), next = get(r, UINT64_MAX);
    out->differing += used != total->used_bps || want != total->want_bps || next != total->next_bps;
}

int plm_alloc_log_replay(const uint8_t *data, size_t len, struct plm_alloc_replay *out)
{
    struct plm_alloc_slot slots[SLOTS_MAX];
    struct plm_alloc_memory memory[SLOTS_MAX];
    struct plm_alloc_total total;
    *out = (struct plm_alloc_replay){0};
    if (len < sizeof magic || memcmp(data, magic, sizeof magic) != 0)
        return PLM_EINVAL;
    struct plm_leb128_reader r = {data + sizeof magic, data + len, false};
    out->at_us = get(&r, UINT64_MAX);
    out->budget_bps = (uint32_t)get(&r, UINT32_MAX);
    struct plm_alloc_line line = {.rose_us = get(&r, UINT64_MAX), .fell_us = get(&r, UINT64_MAX)};
    line.patience_us = (uint32_t)get(&r, UINT32_MAX);
    line.failed_bps = get(&r, UINT64_MAX);
    line.fallen_bps = get(&r, UINT64_MAX);
    line.back_bps = get(&r, UINT64_MAX);
    line.budget_bps = get(&r, UINT64_MAX);
    line.used_bps = get(&r, UINT64_MAX);
    line.beside_bps = get(&r, UINT64_MAX);
    line.proved_bps = get(&r, UINT64_MAX);
    out->slots = (size_t)get(&r, SLOTS_MAX);
    for (size_t i = 0; i < out->slots; i++)
        get_slot(&r, &slots[i], &memory[i]);
    if (r.bad)
        return PLM_EINVAL;
    plm_allocate(&line, slots, out->slots, out->budget_bps, out->at_us, &total);
    compare(&r, slots, out->slots, &total, out);
    out->used_bps = total.used_bps;
    return r.bad || r.p != r.end ? PLM_EINVAL : 0;
}
