#include <string.h>

#include "base/planted.h"
#include "nack_gen.h"

#define ANSWERS         4 /* that the least is taken of */
#define MAX_TRIES       8
#define MAX_AGE_US      1500000
#define REORDER_US      10000
#define MIN_INTERVAL_US 20000
#define DEFAULT_RTT_US  100000

void plm_nack_gen_init(struct plm_nack_gen *g)
{
    memset(g, 0, sizeof *g);
}

static void remove_first(struct plm_nack_gen *g, uint32_t n)
{
    memmove(&g->lost[0], &g->lost[n], (g->n - n) * sizeof g->lost[0]);
    g->n -= n;
}

static void remove_at(struct plm_nack_gen *g, uint32_t i)
{
    memmove(&g->lost[i], &g->lost[i + 1], (g->n - i - 1) * sizeof g->lost[0]);
    g->n--;
}

/*
 * How long answers take, with the queue that they wait in: asking faster than that fills it with answers to the same question. Of what was asked
 * for more than once nobody knows which question was answered, so the least of some counts: where a line loses at random, most come at the first.
 */
static void note_answer(struct plm_nack_gen *g, uint64_t first_us, uint64_t now_us)
{
    uint64_t took = now_us - first_us;
    if (!g->answers || took < g->least_us)
        g->least_us = (uint32_t)took;
    if (++g->answers < ANSWERS)
        return;
    g->answer_us = g->least_us;
    g->answers = 0;
}

static void on_late(struct plm_nack_gen *g, uint64_t ext_seq, uint64_t now_us)
{
    uint32_t lo = 0, hi = g->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (g->lost[mid].ext_seq < ext_seq)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == g->n || !PLM_FITS(nack, g->lost[lo].ext_seq == ext_seq))
        return;
    if (g->lost[lo].tries) {
        g->recovered++;
        note_answer(g, g->lost[lo].first_us, now_us);
    }
    remove_at(g, lo);
}

bool plm_nack_gen_on_packet(struct plm_nack_gen *g, uint64_t ext_seq, uint64_t now_us)
{
    if (!g->any) {
        g->any = true;
        g->newest = ext_seq;
        return false;
    }
    if (ext_seq <= g->newest) {
        on_late(g, ext_seq, now_us);
        return false;
    }
    uint64_t gap = ext_seq - g->newest - 1, first = g->newest + 1;
    g->newest = ext_seq;
    if (!gap)
        return false;
    uint64_t surplus = gap > PLM_NACK_MAX ? g->n : g->n + gap > PLM_NACK_MAX ? g->n + gap - PLM_NACK_MAX : 0;
    if (gap > PLM_NACK_MAX)
        g->given_up += gap;
    g->given_up += surplus;
    g->gave_up |= surplus || gap > PLM_NACK_MAX;
    remove_first(g, (uint32_t)surplus);
    if (gap > PLM_NACK_MAX)
        return true;
    for (uint64_t seq = first; seq < ext_seq; seq++) {
        g->lost[g->n].ext_seq = seq;
        g->lost[g->n].first_us = now_us;
        g->lost[g->n].last_us = 0;
        g->lost[g->n].tries = 0;
        g->n++;
    }
    return true;
}

size_t plm_nack_gen_poll(struct plm_nack_gen *g, uint64_t now_us, uint32_t rtt_us, uint16_t *out, size_t max,
    uint64_t *next_us, bool *keyframe_wanted)
{
    uint64_t rtt = rtt_us ? rtt_us : DEFAULT_RTT_US;
    uint64_t reorder = rtt / 4 < REORDER_US ? rtt / 4 : REORDER_US;
    if (g->answer_us > 2 * rtt)
        rtt = g->answer_us;
    uint64_t interval = rtt + rtt / 4 > MIN_INTERVAL_US ? rtt + rtt / 4 : MIN_INTERVAL_US;
    size_t n = 0;
    uint32_t kept = 0;
    *next_us = UINT64_MAX;
    for (uint32_t i = 0; i < g->n; i++) {
        uint64_t due = g->lost[i].tries ? g->lost[i].last_us + interval : g->lost[i].first_us + reorder;
        bool give_up =
            now_us - g->lost[i].first_us >= MAX_AGE_US || (now_us >= due && g->lost[i].tries == MAX_TRIES);
        if (give_up) {
            g->given_up++;
            g->gave_up = true;
            continue;
        }
        if (now_us >= due && n < max) {
            out[n++] = (uint16_t)g->lost[i].ext_seq;
            g->lost[i].tries++;
            g->lost[i].last_us = now_us;
            due = now_us + interval;
        }
        uint64_t end = g->lost[i].first_us + MAX_AGE_US;
        due = due < end ? due : end;
        *next_us = due < *next_us ? due : *next_us;
        g->lost[kept++] = g->lost[i];
    }
    g->n = kept;
    *keyframe_wanted = g->gave_up;
    g->gave_up = false;
    return n;
}

void plm_nack_gen_forget_before(struct plm_nack_gen *g, uint64_t ext_seq)
{
    uint32_t n = 0;
    while (n < g->n && g->lost[n].ext_seq < ext_seq)
        n++;
    remove_first(g, n);
    g->gave_up &= g->n > 0;
}
