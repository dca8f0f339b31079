#include "second_log.h"

static uint32_t since(uint64_t now, uint64_t before, uint32_t most)
{
    if (now <= before) /* late packets make up for lost ones; a stream that began anew counts from zero */
        return 0;
    return now - before < most ? (uint32_t)(now - before) : most;
}

static uint8_t turn(uint8_t *n, uint8_t *next)
{
    uint8_t at = *next;
    *next = (uint8_t)((at + 1) % PLM_STATS_SECONDS);
    *n = (uint8_t)(*n < PLM_STATS_SECONDS ? *n + 1 : *n);
    return at;
}

static unsigned nth(uint8_t n, uint8_t next, unsigned i)
{
    return (next + PLM_STATS_SECONDS - n + i) % PLM_STATS_SECONDS;
}

void plm_slot_log_note(
    struct plm_slot_log *log, const struct plm_slot_second *gauges, const struct plm_slot_totals *totals)
{
    struct plm_slot_second *s = &log->seconds[turn(&log->n, &log->next)];
    const struct plm_slot_totals *b = &log->before;
    *s = *gauges;
    s->octets = since(totals->octets, b->octets, UINT32_MAX);
    s->packets = (uint16_t)since(totals->packets, b->packets, UINT16_MAX);
    s->lost = (uint16_t)since(totals->lost, b->lost, UINT16_MAX);
    s->repeated = (uint16_t)since(totals->repeated, b->repeated, UINT16_MAX);
    s->keyframes_asked = (uint16_t)since(totals->keyframes_asked, b->keyframes_asked, UINT16_MAX);
    s->switches = (uint16_t)since(totals->switches, b->switches, UINT16_MAX);
    log->before = *totals;
}

size_t plm_slot_log_read(const struct plm_slot_log *log, struct plm_slot_second *out)
{
    for (unsigned i = 0; i < log->n; i++)
        out[i] = log->seconds[nth(log->n, log->next, i)];
    return log->n;
}

void plm_encoding_log_note(struct plm_encoding_log *log, const struct plm_encoding_gauges *gauges,
    const struct plm_encoding_totals *totals)
{
    struct plm_encoding_second *s = &log->seconds[turn(&log->n, &log->next)];
    const struct plm_encoding_totals *b = &log->before;
    *s = (struct plm_encoding_second){
        .end_us = gauges->end_us,
        .octets = since(totals->octets, b->octets, UINT32_MAX),
        .packets = (uint16_t)since(totals->packets, b->packets, UINT16_MAX),
        .lost = (uint16_t)since(totals->lost, b->lost, UINT16_MAX),
        .recovered = (uint16_t)since(totals->recovered, b->recovered, UINT16_MAX),
        .keyframes = (uint16_t)since(totals->keyframes, b->keyframes, UINT16_MAX),
        .asked = (uint16_t)since(totals->asked, b->asked, UINT16_MAX),
        .frames = (uint16_t)since(gauges->frames, 0, UINT16_MAX),
        .gap_ms = (uint16_t)since(gauges->gap_us / 1000, 0, UINT16_MAX),
        .step_ms = (uint16_t)since(gauges->step_us / 1000, 0, UINT16_MAX),
        .held_ms = gauges->held_ms,
    };
    log->before = *totals;
}

size_t plm_encoding_log_read(const struct plm_encoding_log *log, struct plm_encoding_second *out)
{
    for (unsigned i = 0; i < log->n; i++)
        out[i] = log->seconds[nth(log->n, log->next, i)];
    return log->n;
}
