#include "bans.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY_SIZE 320 /* a room's key, a letter, a device or identity */

struct plm_ban {
    uint64_t expires_at; /* ms since 1970, of a token; 0: with the meeting */
    UT_hash_handle hh;
    char key[]; /* "room's key/d/device", "room's key/i/identity", or a token's id */
};

/* Room keys hold no slash. */
static void make_key(char out[KEY_SIZE], const char *room_key, char kind, const char *value)
{
    snprintf(out, KEY_SIZE, "%s/%c/%s", room_key, kind, value);
}

static struct plm_ban **table_of(struct plm_hub *hub, enum plm_store_kind kind)
{
    return kind == PLM_STORE_REVOKED ? &hub->revoked : &hub->bans;
}

static void lift(struct plm_hub *hub, enum plm_store_kind kind, struct plm_ban *ban)
{
    struct plm_ban **table = table_of(hub, kind);
    HASH_DELETE(hh, *table, ban);
    if (hub->store.drop)
        hub->store.drop(hub->store.ctx, kind, ban->key);
    free(ban);
}

static struct plm_ban *find(struct plm_hub *hub, enum plm_store_kind kind, const char *key)
{
    struct plm_ban *ban;
    HASH_FIND_STR(*table_of(hub, kind), key, ban);
    return ban;
}

/* The oldest ban of the room that a key begins with, and how many it has. NULL: none */
static struct plm_ban *find_oldest(struct plm_hub *hub, const char *key, unsigned *n)
{
    size_t len = strcspn(key, "/") + 1;
    struct plm_ban *b, *next, *oldest = NULL;
    *n = 0;
    HASH_ITER (hh, hub->bans, b, next) {
        if (strncmp(b->key, key, len) != 0)
            continue;
        oldest = oldest ? oldest : b;
        ++*n;
    }
    return oldest;
}

/* For one more: a room that removes many makes its own place, so that nobody comes back into another one by it. */
static void make_place(struct plm_hub *hub, enum plm_store_kind kind, const char *key)
{
    struct plm_ban *all = *table_of(hub, kind), *own = NULL;
    bool full = HASH_COUNT(all) >= PLM_BANS_MAX;
    unsigned n = 0;
    if (kind == PLM_STORE_BAN && HASH_COUNT(all) >= PLM_BANS_PER_ROOM)
        own = find_oldest(hub, key, &n);
    if (full || n >= PLM_BANS_PER_ROOM)
        lift(hub, kind, own ? own : all);
}

static int add(struct plm_hub *hub, enum plm_store_kind kind, const char *key, uint64_t expires_at)
{
    struct plm_ban **table = table_of(hub, kind);
    if (find(hub, kind, key))
        return 0;
    make_place(hub, kind, key);
    size_t len = strlen(key);
    struct plm_ban *ban = malloc(sizeof *ban + len + 1);
    if (!ban)
        return PLM_ENOMEM;
    memcpy(ban->key, key, len + 1);
    ban->expires_at = expires_at;
    HASH_ADD_STR(*table, key, ban);
    if (ban->hh.tbl)
        return 0;
    free(ban);
    return PLM_ENOMEM;
}

static void put(struct plm_hub *hub, enum plm_store_kind kind, const char *key, uint64_t expires_at)
{
    char text[64];
    int len = snprintf(text, sizeof text, "{\"expires_at\":%llu}", (unsigned long long)expires_at);
    struct plm_text *document = hub->store.put ? plm_text_create(text, (size_t)len) : NULL;
    if (document)
        hub->store.put(hub->store.ctx, kind, key, document);
    plm_text_unref(document);
}

static void ban(struct plm_hub *hub, enum plm_store_kind kind, const char *key, uint64_t expires_at)
{
    if (add(hub, kind, key, expires_at))
        plm_hub_log(hub, NULL, "a ban was lost: out of memory");
    put(hub, kind, key, expires_at);
}

void plm_ban_add(struct plm_hub *hub, const char *room_key, const struct plm_identity *who)
{
    char key[KEY_SIZE];
    if (*who->device) {
        make_key(key, room_key, 'd', who->device);
        ban(hub, PLM_STORE_BAN, key, 0);
    }
    if (*who->identity) {
        make_key(key, room_key, 'i', who->identity);
        ban(hub, PLM_STORE_BAN, key, 0);
    }
    if (*who->token_id)
        ban(hub, PLM_STORE_REVOKED, who->token_id, who->expires_at);
}

bool plm_ban_holds(struct plm_hub *hub, const char *room_key, const struct plm_identity *who)
{
    char key[KEY_SIZE];
    if (*who->token_id && find(hub, PLM_STORE_REVOKED, who->token_id))
        return true;
    make_key(key, room_key, 'd', who->device);
    if (*who->device && find(hub, PLM_STORE_BAN, key))
        return true;
    make_key(key, room_key, 'i', who->identity);
    return *who->identity && find(hub, PLM_STORE_BAN, key);
}

bool plm_identity_matches(const struct plm_identity *a, const struct plm_identity *b)
{
    return (*a->identity && !strcmp(a->identity, b->identity)) ||
           (*a->token_id && !strcmp(a->token_id, b->token_id)) ||
           (*a->device && !strcmp(a->device, b->device));
}

static bool is_of(const struct plm_ban *b, const char *room_key)
{
    size_t len = strlen(room_key);
    return !strncmp(b->key, room_key, len) && b->key[len] == '/';
}

/* A token that would have expired by now needs no ban. */
static void forget_expired(struct plm_hub *hub)
{
    uint64_t now = hub->host.wall_ms(hub->host.ctx);
    struct plm_ban *b, *next;
    HASH_ITER (hh, hub->revoked, b, next)
        if (b->expires_at && b->expires_at < now)
            lift(hub, PLM_STORE_REVOKED, b);
}

void plm_ban_lift(struct plm_hub *hub, const char *room_key)
{
    struct plm_ban *b, *next;
    HASH_ITER (hh, hub->bans, b, next)
        if (is_of(b, room_key))
            lift(hub, PLM_STORE_BAN, b);
    forget_expired(hub);
}

int plm_ban_restore(
    struct plm_hub *hub, enum plm_store_kind kind, const char *key, const char *document, size_t len)
{
    static const char head[] = "{\"expires_at\":";
    char text[64];
    unsigned long long expires_at;
    int read = 0;
    if (len >= sizeof text || strlen(key) >= KEY_SIZE)
        return PLM_EINVAL;
    memcpy(text, document, len);
    text[len] = 0;
    if (strncmp(text, head, sizeof head - 1) != 0 || text[sizeof head - 1] < '0' ||
        text[sizeof head - 1] > '9' || sscanf(text + sizeof head - 1, "%20llu}%n", &expires_at, &read) != 1 ||
        !read || text[sizeof head - 1 + (size_t)read])
        return PLM_EINVAL;
    return add(hub, kind, key, expires_at);
}

void plm_bans_restored(struct plm_hub *hub)
{
    struct plm_ban *b, *next;
    HASH_ITER (hh, hub->bans, b, next) {
        struct plm_room *room, *after;
        bool runs = false;
        HASH_ITER (hh, hub->rooms, room, after)
            runs = runs || is_of(b, room->key);
        if (!runs)
            lift(hub, PLM_STORE_BAN, b);
    }
    forget_expired(hub);
}

void plm_bans_clear(struct plm_hub *hub)
{
    struct plm_ban *b, *next;
    HASH_ITER (hh, hub->bans, b, next) {
        HASH_DELETE(hh, hub->bans, b);
        free(b);
    }
    HASH_ITER (hh, hub->revoked, b, next) {
        HASH_DELETE(hh, hub->revoked, b);
        free(b);
    }
}
