#include "rest_call.h"

#include <stdlib.h>
#include <string.h>

#include "tokens.h"

#define TOKEN_SECONDS     86400 /* how long a join token lives unless the request says otherwise */
#define TOKEN_MAX_SECONDS (365 * UINT64_C(86400))

/* ---- tokens ---- */

struct token_body {
    char identity[129], name[129];
    int role;
    bool publish, subscribe, record, skip_lobby;
    uint32_t seconds;
};
static const struct plm_rest_field token_fields[] = {
    {"identity", PLM_REST_TEXT, 0, PLM_REST_AT(token_body, identity), PLM_REST_UNASKED, 128, NULL, NULL},
    {"name", PLM_REST_TEXT, 0, PLM_REST_AT(token_body, name), PLM_REST_UNASKED, 128, NULL, NULL},
    {"role", PLM_REST_CHOICE, 0, PLM_REST_AT(token_body, role), PLM_REST_UNASKED, 0, plm_rest_role_names,
        NULL},
    {"publish", PLM_REST_BOOL, 0, PLM_REST_AT(token_body, publish), PLM_REST_UNASKED, 0, NULL, NULL},
    {"subscribe", PLM_REST_BOOL, 0, PLM_REST_AT(token_body, subscribe), PLM_REST_UNASKED, 0, NULL, NULL},
    {"record", PLM_REST_BOOL, 0, PLM_REST_AT(token_body, record), PLM_REST_UNASKED, 0, NULL, NULL},
    {"skip_lobby", PLM_REST_BOOL, 0, PLM_REST_AT(token_body, skip_lobby), PLM_REST_UNASKED, 0, NULL, NULL},
    {"seconds", PLM_REST_UINT, 0, PLM_REST_AT(token_body, seconds), PLM_REST_UNASKED, TOKEN_MAX_SECONDS, NULL,
        NULL},
    {.name = NULL}};

void plm_rest_make_token(struct plm_rest_call *c)
{
    struct plm_rest *r = c->rest;
    struct token_body body = {
        .role = PLM_MSG_role_speaker, .publish = true, .subscribe = true, .seconds = TOKEN_SECONDS};
    struct plm_grants grants = {0};
    struct plm_api_room room;
    uint8_t id[16];
    if (plm_api_room_get(r->setup.hub, c->argument[0], &room)) {
        plm_rest_fail(c, 404, "no such room");
        return;
    }
    memcpy(grants.room, room.record->name, sizeof(room.record->name));
    if (!plm_rest_read_body(c, token_fields, &body))
        return;
    memcpy(grants.identity, body.identity, sizeof(body.identity));
    memcpy(grants.name, body.name, sizeof(body.name));
    grants.role = (enum plm_msg_role)body.role;
    grants.publish = body.publish;
    grants.subscribe = body.subscribe;
    grants.record = body.record;
    grants.skip_lobby = body.skip_lobby;
    r->setup.random(id, sizeof(id));
    plm_rest_hex(grants.token_id, id, sizeof(id));
    uint64_t now = r->setup.wall_ms();
    grants.expires_at = now + body.seconds * UINT64_C(1000);
    char *token = plm_token_make(r->setup.keys, &grants, now);
    plm_rest_answer(c, 201,
        token ? json_pack("{s:s, s:s, s:I}", "token", token, "id", grants.token_id, "expires_at",
                    (json_int_t)grants.expires_at)
              : NULL);
    free(token);
}

struct revoke_body {
    char id[65];
};
static const struct plm_rest_field revoke_fields[] = {
    {"id", PLM_REST_TEXT, PLM_REST_REQUIRED, PLM_REST_AT(revoke_body, id), PLM_REST_UNASKED, 64, NULL, NULL},
    {.name = NULL}};

void plm_rest_revoke_token(struct plm_rest_call *c)
{
    struct plm_rest *r = c->rest;
    struct revoke_body body = {0};
    uint64_t now = r->setup.wall_ms();
    if (!plm_rest_read_body(c, revoke_fields, &body))
        return;
    if (plm_api_keys_revoke(
            r->setup.keys, body.id, now + TOKEN_MAX_SECONDS * 1000 + PLM_TOKEN_LEEWAY_MS, now))
        plm_rest_fail(c, 503, "no room for another revoked token");
    else
        plm_rest_answer_nothing(c);
}

/* ---- keys ---- */

static const char *const algorithm_names[] = {"HS256", "RS256", "ES256", NULL};

static json_t *describe_key(const struct plm_api_key *key)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:I}", "id", key->id, "name", key->name, "admin", key->admin,
        "algorithm", plm_key_algorithm_name(key->algorithm), "created_at", (json_int_t)key->created_at);
}

struct key_list {
    json_t *keys;
    int err;
};

static void add_key(void *arg, const struct plm_api_key *key)
{
    struct key_list *list = arg;
    list->err |= json_array_append_new(list->keys, describe_key(key));
}

void plm_rest_list_keys(struct plm_rest_call *c)
{
    struct key_list list = {.keys = json_array()};
    plm_api_keys_each(c->rest->setup.keys, add_key, &list);
    plm_rest_answer(c, 200, plm_rest_whole(json_pack("{s:o}", "keys", list.keys), list.err));
}

struct key_body {
    char name[129];
    bool admin;
    int algorithm;
    char public_key[PLM_KEY_PUBLIC_SIZE];
    bool has_public_key;
};
static const struct plm_rest_field key_fields[] = {
    {"name", PLM_REST_TEXT, PLM_REST_REQUIRED, PLM_REST_AT(key_body, name), PLM_REST_UNASKED, 128, NULL,
        NULL},
    {"admin", PLM_REST_BOOL, 0, PLM_REST_AT(key_body, admin), PLM_REST_UNASKED, 0, NULL, NULL},
    {"algorithm", PLM_REST_CHOICE, 0, PLM_REST_AT(key_body, algorithm), PLM_REST_UNASKED, 0, algorithm_names,
        NULL},
    {"public_key", PLM_REST_LINES, 0, PLM_REST_AT(key_body, public_key),
        PLM_REST_AT(key_body, has_public_key), PLM_KEY_PUBLIC_SIZE - 1, NULL, NULL},
    {.name = NULL}};

void plm_rest_make_key(struct plm_rest_call *c)
{
    struct key_body body = {0};
    const struct plm_api_key *key;
    if (!plm_rest_read_body(c, key_fields, &body))
        return;
    int err =
        plm_api_keys_add(c->rest->setup.keys, body.name, body.admin, (enum plm_key_algorithm)body.algorithm,
            body.has_public_key ? body.public_key : NULL, c->rest->setup.wall_ms(), &key);
    if (err == PLM_EINVAL) {
        plm_rest_fail(c, 400,
            "public_key: a PEM public key of P-256 for ES256, of RSA with 2048 bits for RS256, none for "
            "HS256");
    } else if (err) {
        plm_rest_fail(c, 503, "no room for another key");
    } else {
        json_t *shown = describe_key(key);
        shown = plm_rest_whole(shown, json_object_set_new(shown, "secret", json_string(key->secret)));
        if (!shown) /* nobody would know its secret */
            plm_api_keys_drop(c->rest->setup.keys, key->id);
        plm_rest_answer(c, 201, shown);
    }
}

void plm_rest_drop_key(struct plm_rest_call *c)
{
    if (plm_api_keys_drop(c->rest->setup.keys, c->argument[0]))
        plm_rest_fail(c, 404, "no such key");
    else
        plm_rest_answer_nothing(c);
}
