#include "rest_call.h"

#include <openssl/crypto.h>
#include <string.h>

#include "tokens.h"

static bool is_equal_secret(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && !CRYPTO_memcmp(a, b, strlen(a));
}

/* "id.secret" */
static enum plm_rest_access of_key(const struct plm_rest *r, const char *bearer)
{
    char id[PLM_KEY_ID_SIZE];
    const char *dot = strchr(bearer, '.');
    if (!dot || (size_t)(dot - bearer) >= sizeof(id))
        return PLM_REST_ACCESS_NONE;
    memcpy(id, bearer, (size_t)(dot - bearer));
    id[dot - bearer] = 0;
    const struct plm_api_key *key = plm_api_keys_find(r->setup.keys, id);
    if (!key || key == plm_api_keys_own(r->setup.keys) || !is_equal_secret(dot + 1, key->secret))
        return PLM_REST_ACCESS_NONE;
    return key->admin ? PLM_REST_ACCESS_ADMIN : PLM_REST_ACCESS_KEY;
}

/* A token that is good, of somebody who was not removed; whoever was comes back by no door, this one included. */
static bool is_good_token(
    const struct plm_rest *r, const char *bearer, const char *room, struct plm_grants *g)
{
    return plm_token_check(r->setup.keys, bearer, room, r->setup.wall_ms(), g) == 0 &&
           !plm_api_is_banned(r->setup.hub, room, g);
}

static enum plm_rest_access of_token(
    const struct plm_rest *r, const char *bearer, const char *room, struct plm_grants *g)
{
    if (!is_good_token(r, bearer, room, g))
        return PLM_REST_ACCESS_NONE;
    if (g->admin && !*g->room)
        return PLM_REST_ACCESS_KEY;
    bool leads = g->role == PLM_MSG_role_owner || g->role == PLM_MSG_role_moderator;
    return room && *g->room && leads ? PLM_REST_ACCESS_ROOM : PLM_REST_ACCESS_NONE;
}

static const char *bearer_of(const struct plm_rest_call *c)
{
    static const char scheme[] = "Bearer ";
    const char *bearer = c->request->authorization;
    return bearer && !strncmp(bearer, scheme, sizeof(scheme) - 1) ? bearer + sizeof(scheme) - 1 : NULL;
}

bool plm_rest_may_record(const struct plm_rest_call *c, const char *room)
{
    const struct plm_rest *r = c->rest;
    const char *bearer = bearer_of(c);
    struct plm_grants g;
    if (plm_rest_access_of(c, room, &g) >= PLM_REST_ACCESS_ROOM)
        return true;
    return bearer && is_good_token(r, bearer, room, &g) && *g.room && (g.record || g.admin);
}

bool plm_rest_is_identity(const struct plm_rest_call *c, const char *room, const char *identity)
{
    const char *bearer = bearer_of(c);
    struct plm_grants g;
    return bearer && *identity && is_good_token(c->rest, bearer, room, &g) && *g.room &&
           !strcmp(g.identity, identity);
}

/*
 * From this machine, by a name of this machine: a page elsewhere whose name was made to point here (DNS rebinding) has another Host, a page
 * of another site has another Origin. Who comes through a proxy is elsewhere, though the proxy be here.
 */
static bool is_local(const struct plm_http_request *q)
{
    static const char *const hosts[] = {"localhost", "127.0.0.1", "[::1]"};
    const char *host = q->host ? q->host : "";
    bool here = !strcmp(q->source, "127.0.0.1") || !strcmp(q->source, "::1") ||
                !strcmp(q->source, "::ffff:127.0.0.1");
    bool by_name = false;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
        size_t len = strlen(hosts[i]);
        by_name |= !strncmp(host, hosts[i], len) && (!host[len] || host[len] == ':');
    }
    const char *origin = q->origin ? strstr(q->origin, "://") : NULL;
    return here && by_name && !q->forwarded && (!q->origin || (origin && !strcmp(origin + 3, host)));
}

const struct plm_grants *plm_rest_by(const struct plm_rest_call *c)
{
    return c->access == PLM_REST_ACCESS_ROOM ? &c->grants : NULL;
}

enum plm_rest_access plm_rest_access_of(
    const struct plm_rest_call *c, const char *room, struct plm_grants *grants)
{
    const struct plm_rest *r = c->rest;
    const char *bearer = bearer_of(c);
    if (!c->request->authorization)
        return plm_rest_is_open(r) && is_local(c->request) ? PLM_REST_ACCESS_LOCAL : PLM_REST_ACCESS_NONE;
    if (!bearer)
        return PLM_REST_ACCESS_NONE;
    if (r->setup.key && is_equal_secret(bearer, r->setup.key))
        return PLM_REST_ACCESS_ADMIN;
    enum plm_rest_access access = of_key(r, bearer);
    return access ? access : of_token(r, bearer, room, grants);
}
