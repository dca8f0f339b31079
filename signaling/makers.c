#include "makers.h"

#include "guess.h"

#include <stdlib.h>

#define MINUTE_MS 60000

/** A source that made rooms. Owned by the hub; the table is in the order of the last one made. */
struct plm_maker {
    char source[48];
    uint64_t level, at; /* ms that what it made takes to be forgotten, as it was at this time */
    UT_hash_handle hh;
};

static uint64_t level_of(const struct plm_maker *m, uint64_t now)
{
    uint64_t leaked = now - m->at;
    return m->level > leaked ? m->level - leaked : 0;
}

static void forget(struct plm_hub *hub, struct plm_maker *m)
{
    HASH_DELETE(hh, hub->makers, m);
    hub->n_makers--;
    free(m);
}

void plm_makers_clear(struct plm_hub *hub)
{
    while (hub->makers)
        forget(hub, hub->makers);
}

/* At most one, so that the work of a call is bounded; there are never more than were added. */
static void forget_oldest(struct plm_hub *hub, uint64_t now)
{
    struct plm_maker *oldest = hub->makers;
    if (oldest && (!level_of(oldest, now) || hub->n_makers >= PLM_MAKERS_MAX))
        forget(hub, oldest);
}

/* To the end of the table, or into it. @return false: memory was short */
static bool put_last(struct plm_hub *hub, struct plm_maker *m)
{
    HASH_ADD_STR(hub->makers, source, m);
    if (m->hh.tbl) {
        hub->n_makers++;
        return true;
    }
    free(m);
    return false;
}

int plm_maker_take(struct plm_hub *hub, const char *source, struct plm_refusal *why)
{
    uint64_t now = hub->host.now_ms(hub->host.ctx), cost = MINUTE_MS / hub->config.make_rate;
    char of[48];
    struct plm_maker *m;
    if (!*source)
        return 0;
    plm_guess_source(of, source);
    HASH_FIND_STR(hub->makers, of, m);
    if (m && level_of(m, now) + cost > hub->config.make_burst * cost) {
        hub->counters.limits[PLM_HUB_LIMIT_MAKE_RATE]++;
        return plm_refuse(why, PLM_MSG_error_code_too_fast, "room", "too many new rooms from there; wait");
    }
    if (m) {
        HASH_DELETE(hh, hub->makers, m);
        hub->n_makers--;
    } else {
        forget_oldest(hub, now);
        m = calloc(1, sizeof *m);
        if (!m)
            return plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
        memcpy(m->source, of, sizeof of);
        m->at = now;
    }
    m->level = level_of(m, now) + cost;
    m->at = now;
    return put_last(hub, m) ? 0 : plm_refuse(why, PLM_MSG_error_code_internal, "", "out of memory");
}
