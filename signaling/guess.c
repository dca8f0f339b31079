#include "guess.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** A source that guessed wrong. Owned by the hub; the list is by time of the last wrong guess. */
struct plm_guesser {
    char source[48];
    unsigned wrong;
    uint64_t last, until;       /* no guess before */
    uint64_t looked, looked_at; /* wrong tokens shown while it waits, as time to forget them */
    struct plm_guesser *prev, *next;
    UT_hash_handle hh;
};

void plm_guess_source(char out[48], const char *address)
{
    struct in6_addr v6;
    const uint8_t *a = v6.s6_addr;
    if (inet_pton(AF_INET6, address, &v6) != 1)
        snprintf(out, 48, "%s", address);
    else if (IN6_IS_ADDR_V4MAPPED(&v6))
        snprintf(out, 48, "%u.%u.%u.%u", a[12], a[13], a[14], a[15]);
    else
        snprintf(out, 48, "%x:%x:%x:%x", (unsigned)(a[0] << 8 | a[1]), (unsigned)(a[2] << 8 | a[3]),
            (unsigned)(a[4] << 8 | a[5]), (unsigned)(a[6] << 8 | a[7]));
}

static void forget(struct plm_hub *hub, struct plm_guesser *g)
{
    hub->n_guessers--;
    DL_DELETE(hub->guessers_by_age, g);
    HASH_DELETE(hh, hub->guessers, g);
    free(g);
}

void plm_guess_clear(struct plm_hub *hub)
{
    while (hub->guessers_by_age)
        forget(hub, hub->guessers_by_age);
}

static struct plm_guesser *find(struct plm_hub *hub, const char *address, uint64_t now)
{
    char source[48];
    struct plm_guesser *g;
    plm_guess_source(source, address);
    HASH_FIND_STR(hub->guessers, source, g);
    if (g && now - g->last > PLM_GUESS_MAX_WAIT_MS && now >= g->until) {
        forget(hub, g);
        return NULL;
    }
    return g;
}

static struct plm_guesser *get(struct plm_hub *hub, const char *address, uint64_t now)
{
    struct plm_guesser *g = find(hub, address, now);
    if (g)
        return g;
    if (hub->n_guessers >= PLM_GUESS_SOURCES)
        forget(hub, hub->guessers_by_age);
    g = calloc(1, sizeof *g);
    if (!g)
        return NULL;
    plm_guess_source(g->source, address);
    HASH_ADD_STR(hub->guessers, source, g);
    if (!g->hh.tbl) {
        free(g);
        return NULL;
    }
    DL_APPEND(hub->guessers_by_age, g);
    hub->n_guessers++;
    return g;
}

/* What was filled up to a level leaks away with time. */
static uint64_t level_now(uint64_t level, uint64_t at, uint64_t now)
{
    uint64_t leaked = now - at;
    return level > leaked ? level - leaked : 0;
}

static uint64_t room_level(const struct plm_record *record, uint64_t now)
{
    return level_now(record->guessed, record->guessed_at, now);
}

int plm_guess_allowed(
    struct plm_hub *hub, const char *source, const struct plm_record *record, struct plm_refusal *why)
{
    uint64_t now = hub->host.now_ms(hub->host.ctx);
    const struct plm_guesser *g = *source ? find(hub, source, now) : NULL;
    uint64_t full = (uint64_t)PLM_GUESS_ROOM_BURST * PLM_GUESS_ROOM_MS;
    if ((!g || now >= g->until) && (!record || room_level(record, now) < full))
        return 0;
    hub->counters.limits[PLM_HUB_LIMIT_GUESSES]++;
    return plm_refuse(why, PLM_MSG_error_code_too_fast, "", "too many wrong attempts; wait");
}

void plm_guess_wrong(struct plm_hub *hub, const char *source, struct plm_record *record)
{
    uint64_t now = hub->host.now_ms(hub->host.ctx);
    if (record) {
        record->guessed = room_level(record, now) + PLM_GUESS_ROOM_MS;
        record->guessed_at = now;
    }
    struct plm_guesser *g = *source ? get(hub, source, now) : NULL;
    if (!g)
        return;
    g->last = now;
    g->wrong++;
    if (g->wrong >= PLM_GUESS_FREE) {
        unsigned doubled = g->wrong - PLM_GUESS_FREE;
        uint64_t wait = doubled < 10 ? 1000u << doubled : PLM_GUESS_MAX_WAIT_MS;
        g->until = now + (wait < PLM_GUESS_MAX_WAIT_MS ? wait : PLM_GUESS_MAX_WAIT_MS);
    }
    DL_DELETE(hub->guessers_by_age, g);
    DL_APPEND(hub->guessers_by_age, g);
}

/* NULL: the source need not wait. */
static struct plm_guesser *find_waiting(struct plm_hub *hub, const char *source, uint64_t now)
{
    struct plm_guesser *g = *source ? find(hub, source, now) : NULL;
    return g && now < g->until ? g : NULL;
}

static bool has_looks(const struct plm_guesser *g, uint64_t now)
{
    return level_now(g->looked, g->looked_at, now) < (uint64_t)PLM_GUESS_LOOKS * PLM_GUESS_LOOK_MS;
}

bool plm_guess_is_known(struct plm_hub *hub, const char *source)
{
    return *source && find(hub, source, hub->host.now_ms(hub->host.ctx));
}

bool plm_guess_may_show(struct plm_hub *hub, const char *source)
{
    uint64_t now = hub->host.now_ms(hub->host.ctx);
    const struct plm_guesser *g = find_waiting(hub, source, now);
    return !g || has_looks(g, now);
}

static void count_look(struct plm_hub *hub, const char *source)
{
    uint64_t now = hub->host.now_ms(hub->host.ctx);
    struct plm_guesser *g = find_waiting(hub, source, now);
    if (!g || !has_looks(g, now)) /* then it was not looked at */
        return;
    g->looked = level_now(g->looked, g->looked_at, now) + PLM_GUESS_LOOK_MS;
    g->looked_at = now;
}

int plm_guess_refuse_token(struct plm_hub *hub, const char *source, struct plm_record *record, bool was_good,
    struct plm_refusal *why)
{
    count_look(hub, source);
    int err = was_good ? 0 : plm_guess_allowed(hub, source, record, why);
    if (err)
        return err;
    if (!was_good)
        plm_guess_wrong(hub, source, record);
    return plm_refuse(why, PLM_MSG_error_code_token, "token", "not valid here, or no longer");
}
