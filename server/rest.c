#include "rest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "http_whip.h"
#include "rest_json.h"
#include "tokens.h"

#define PREFIX       "/api/v1"
#define MAX_PENDING  64  /* changes of a room that wait for a hash */
#define PAGE         100 /* rooms in a list, unless the request says fewer */
#define OWNER_OCTETS 24  /* of an owner's key */

#define TOKEN_SECONDS     86400 /* how long a join token lives unless the request says otherwise */
#define TOKEN_MAX_SECONDS (365 * UINT64_C(86400))

/** What somebody may do here; each more than the one before. */
enum access {
    ACCESS_NONE = 0,
    ACCESS_LOCAL, /* while there is no key: from this machine */
    ACCESS_ROOM,  /* one room, by its token */
    ACCESS_KEY,
    ACCESS_ADMIN,
};

/** One request on its way. */
struct call {
    struct plm_rest *rest;
    const struct plm_http_request *request;
    const char *argument[2]; /* what stands in place of the pattern's stars */
};

typedef void operation(struct call *c);

/** What a body says of a room. */
struct room_body {
    char name[PLM_ROOM_NAME_SIZE];
    struct plm_room_settings settings;
    char password[129];
    enum plm_codec codecs[PLM_CODEC_COUNT];
    bool owner;
    bool has_settings, has_password, has_codecs, has_owner;
};

/** A room that is made or changed as soon as its password is hashed. */
struct pending {
    struct pending *next;
    uint64_t job, exchange;
    bool create;
    char room[PLM_ROOM_NAME_SIZE];
    struct room_body body;
};

struct plm_rest {
    struct plm_rest_setup setup;
    struct plm_http *http;
    struct pending *pending;
    unsigned n_pending;
    uint64_t last_job;
};

int plm_rest_create(struct plm_rest **out, const struct plm_rest_setup *setup)
{
    struct plm_rest *r = calloc(1, sizeof(*r));
    if (!r)
        return PLM_ENOMEM;
    r->setup = *setup;
    *out = r;
    return 0;
}

void plm_rest_set_http(struct plm_rest *r, struct plm_http *http)
{
    r->http = http;
}

void plm_rest_destroy(struct plm_rest *r)
{
    if (!r)
        return;
    while (r->pending) {
        struct pending *p = r->pending;
        r->pending = p->next;
        free(p);
    }
    free(r);
}

bool plm_rest_matches(const char *path)
{
    return !strncmp(path, PREFIX, sizeof(PREFIX) - 1) &&
           (path[sizeof(PREFIX) - 1] == '/' || !path[sizeof(PREFIX) - 1]);
}

bool plm_rest_is_open(const struct plm_rest *r)
{
    return !r->setup.key && !plm_api_keys_count(r->setup.keys);
}

/* ---- answers ---- */

static const struct plm_http_header no_store = {"cache-control:", "no-store"};

/* Takes the body; NULL of a status with one: memory was short. */
static void answer_to(struct plm_rest *r, uint64_t exchange, unsigned status, json_t *body)
{
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    struct plm_http_reply reply = {
        .status = status, .content_type = "application/json", .headers = &no_store, .n_headers = 1};
    json_decref(body);
    reply.body = text ? plm_text_create(text, strlen(text)) : NULL;
    if (reply.body)
        plm_http_reply(r->http, exchange, &reply);
    else
        plm_http_fail(r->http, exchange, 500, "out of memory", NULL, 0);
    plm_text_unref(reply.body);
    if (text)
        OPENSSL_cleanse(text, strlen(text)); /* keys and tokens are told once */
    free(text);
}

static void answer(struct call *c, unsigned status, json_t *body)
{
    answer_to(c->rest, c->request->exchange, status, body);
}

static void answer_nothing(struct call *c)
{
    plm_http_reply(c->rest->http, c->request->exchange,
        &(struct plm_http_reply){.status = 204, .headers = &no_store, .n_headers = 1});
}

static void fail(struct call *c, unsigned status, const char *message)
{
    plm_http_fail(c->rest->http, c->request->exchange, status, message, NULL, 0);
}

static unsigned status_of(int err, const struct plm_refusal *why)
{
    if (err == PLM_ENOENT)
        return 404;
    if (err == -EEXIST)
        return 409;
    switch (why->code) {
    case PLM_MSG_error_code_bad_message:
        return 400;
    case PLM_MSG_error_code_not_found:
        return 404;
    case PLM_MSG_error_code_forbidden:
        return 403;
    case PLM_MSG_error_code_bad_state:
        return 409;
    case PLM_MSG_error_code_too_fast:
        return 429;
    case PLM_MSG_error_code_full:
        return 503;
    default:
        return 500;
    }
}

static void refuse_to(struct plm_rest *r, uint64_t exchange, int err, const struct plm_refusal *why)
{
    json_t *body = json_pack("{s:s, s:s}", "code", plm_msg_error_code_name(why->code), "message",
        *why->message ? why->message : plm_strerror(err));
    if (body && *why->field)
        json_object_set_new(body, "field", json_string(why->field));
    answer_to(r, exchange, status_of(err, why), body);
}

static void refuse(struct call *c, int err, const struct plm_refusal *why)
{
    refuse_to(c->rest, c->request->exchange, err, why);
}

/* What most operations end with. */
static void done(struct call *c, int err, const struct plm_refusal *why)
{
    if (err)
        refuse(c, err, why);
    else
        answer_nothing(c);
}

static bool read_body(struct call *c, const struct plm_rest_field *fields, void *out)
{
    struct plm_refusal why = {0};
    if (!plm_http_is_type(c->request->content_type, "application/json")) {
        fail(c, 415, "send application/json");
        return false;
    }
    if (!plm_rest_read(c->request->body, c->request->len, fields, out, &why))
        return true;
    refuse(c, PLM_EINVAL, &why);
    return false;
}

/* ---- rooms ---- */

#define AT(type, member) offsetof(struct type, member)
#define UNASKED          SIZE_MAX
#define RULE(name)                                                                                           \
    {                                                                                                        \
#name, PLM_REST_BOOL, 0, AT(room_body, settings.name), UNASKED, 0, NULL, NULL                        \
    }

static const struct plm_rest_field settings_fields[] = {
    {"title", PLM_REST_TEXT, PLM_REST_MAY_BE_EMPTY, AT(room_body, settings.title), UNASKED, 128, NULL, NULL},
    RULE(lobby),
    RULE(locked),
    RULE(organised),
    {"max_participants", PLM_REST_UINT, 0, AT(room_body, settings.max_participants), UNASKED, 1000, NULL,
        NULL},
    {"max_minutes", PLM_REST_UINT, 0, AT(room_body, settings.max_minutes), UNASKED, 1440, NULL, NULL},
    RULE(start_muted),
    RULE(start_camera_off),
    RULE(may_speak),
    RULE(may_show),
    RULE(may_share),
    RULE(may_chat),
    RULE(may_whisper),
    RULE(sounds),
    {.name = NULL},
};

/* The first is of a new room only. */
static const struct plm_rest_field room_fields[] = {
    {"name", PLM_REST_TEXT, PLM_REST_REQUIRED, AT(room_body, name), UNASKED, 128, NULL, NULL},
    {"settings", PLM_REST_OBJECT, 0, 0, AT(room_body, has_settings), 0, NULL, settings_fields},
    {"password", PLM_REST_TEXT, PLM_REST_MAY_BE_EMPTY, AT(room_body, password), AT(room_body, has_password),
        128, NULL, NULL},
    {"codecs", PLM_REST_CODECS, 0, AT(room_body, codecs), AT(room_body, has_codecs), 0, NULL, NULL},
    {"owner", PLM_REST_BOOL, 0, AT(room_body, owner), AT(room_body, has_owner), 0, NULL, NULL},
    {.name = NULL},
};

static void to_hex(char *out, const uint8_t *octets, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[octets[i] >> 4];
        out[2 * i + 1] = digits[octets[i] & 15];
    }
    out[2 * n] = 0;
}

static void make_owner_key(
    struct plm_rest *r, char key[2 * OWNER_OCTETS + 1], char digest[PLM_KEY_DIGEST_SIZE])
{
    uint8_t octets[OWNER_OCTETS], hash[32];
    r->setup.random(octets, sizeof(octets));
    to_hex(key, octets, sizeof(octets));
    EVP_Digest(key, strlen(key), hash, NULL, EVP_sha256(), NULL);
    to_hex(digest, hash, sizeof(hash));
    OPENSSL_cleanse(octets, sizeof(octets));
}

/* Make or change the room; everything is there by now. @param hash of the password, NULL: as it is */
static void apply_room(struct plm_rest *r, uint64_t exchange, bool create, const char *room,
    const struct room_body *body, const char *hash)
{
    char owner_key[2 * OWNER_OCTETS + 1] = "", digest[PLM_KEY_DIGEST_SIZE] = "";
    struct plm_api_change change = {.settings = body->has_settings ? &body->settings : NULL,
        .password_hash = hash,
        .owner_digest = body->has_owner ? digest : NULL,
        .codecs = body->has_codecs ? body->codecs : NULL};
    struct plm_refusal why = {0};
    struct plm_api_room now;
    if (body->owner)
        make_owner_key(r, owner_key, digest);
    int err = create ? plm_api_room_create(r->setup.hub, room, &change, &why)
                     : plm_api_room_change(r->setup.hub, room, &change, &why);
    if (!err)
        err = plm_api_room_get(r->setup.hub, room, &now);
    if (err) {
        refuse_to(r, exchange, err, &why);
        return;
    }
    json_t *shown = plm_rest_room(&now);
    if (shown && *owner_key)
        json_object_set_new(shown, "owner_key", json_string(owner_key));
    answer_to(r, exchange, create ? 201 : 200, shown);
    OPENSSL_cleanse(owner_key, sizeof(owner_key));
}

/* A password is hashed first, away from the loop. */
static void submit_room(struct call *c, bool create, const char *room, struct room_body *body)
{
    struct plm_rest *r = c->rest;
    struct pending *p = NULL;
    if (!body->has_password || !*body->password) {
        apply_room(r, c->request->exchange, create, room, body, body->has_password ? "" : NULL);
        return;
    }
    uint64_t job = PLM_REST_JOB | ++r->last_job;
    if (r->n_pending < MAX_PENDING)
        p = calloc(1, sizeof(*p));
    if (!p || r->setup.hash_password(r->setup.arg, job, body->password)) {
        free(p);
        fail(c, 503, "too many passwords are being hashed; try again");
        return;
    }
    OPENSSL_cleanse(body->password, sizeof(body->password));
    p->job = job;
    p->exchange = c->request->exchange;
    p->create = create;
    memcpy(p->room, room, strlen(room) + 1);
    p->body = *body;
    p->next = r->pending;
    r->pending = p;
    r->n_pending++;
}

void plm_rest_on_password(struct plm_rest *r, uint64_t job, const char *hash)
{
    struct pending **at = &r->pending, *p;
    while (*at && (*at)->job != job)
        at = &(*at)->next;
    p = *at;
    if (!p)
        return;
    *at = p->next;
    r->n_pending--;
    if (hash)
        apply_room(r, p->exchange, p->create, p->room, &p->body, hash);
    else
        plm_http_fail(r->http, p->exchange, 503, "the password could not be hashed", NULL, 0);
    free(p);
}

struct room_list {
    json_t *rooms;
    size_t left;
    bool more;
};

static bool add_room(void *arg, const struct plm_api_room *room)
{
    struct room_list *list = arg;
    list->more = !list->left;
    if (list->more)
        return false;
    list->left--;
    return !json_array_append_new(list->rooms, plm_rest_room(room));
}

/* The value of a name in "a=1&b=2". */
static bool query_value(const char *query, const char *name, char *out, size_t size)
{
    size_t len = strlen(name);
    while (*query) {
        size_t item = strcspn(query, "&");
        if (item > len && !strncmp(query, name, len) && query[len] == '=' && item - len - 1 < size) {
            memcpy(out, query + len + 1, item - len - 1);
            out[item - len - 1] = 0;
            return true;
        }
        query += item + (query[item] == '&');
    }
    return false;
}

static void list_rooms(struct call *c)
{
    char after[PLM_ROOM_NAME_SIZE] = "", limit[8];
    struct room_list list = {.rooms = json_array(), .left = PAGE};
    query_value(c->request->query, "after", after, sizeof(after));
    if (query_value(c->request->query, "limit", limit, sizeof(limit))) {
        char *end;
        unsigned long n = strtoul(limit, &end, 10);
        if (*end || !*limit || n < 1 || n > PAGE) {
            json_decref(list.rooms);
            fail(c, 400, "limit: a whole number from 1 to 100");
            return;
        }
        list.left = n;
    }
    plm_api_rooms(c->rest->setup.hub, after, add_room, &list);
    answer(c, 200, json_pack("{s:o, s:b}", "rooms", list.rooms, "more", list.more));
}

static void create_room(struct call *c)
{
    struct room_body body = {0};
    plm_room_settings_default(&body.settings);
    if (read_body(c, room_fields, &body))
        submit_room(c, true, body.name, &body);
    OPENSSL_cleanse(body.password, sizeof(body.password));
}

static void get_room(struct call *c)
{
    struct plm_api_room room;
    if (plm_api_room_get(c->rest->setup.hub, c->argument[0], &room))
        fail(c, 404, "no such room");
    else
        answer(c, 200, plm_rest_room(&room));
}

static void change_room(struct call *c)
{
    struct room_body body = {0};
    struct plm_api_room room;
    if (plm_api_room_get(c->rest->setup.hub, c->argument[0], &room)) {
        fail(c, 404, "no such room");
        return;
    }
    body.settings = room.record->settings;
    memcpy(body.name, room.record->name, sizeof(body.name));
    if (read_body(c, room_fields + 1, &body))
        submit_room(c, false, body.name, &body);
    OPENSSL_cleanse(body.password, sizeof(body.password));
}

static void delete_room(struct call *c)
{
    struct plm_refusal why = {0};
    done(c, plm_api_room_delete(c->rest->setup.hub, c->argument[0], &why), &why);
}

static void end_room(struct call *c)
{
    struct plm_refusal why = {0};
    done(c, plm_api_room_end(c->rest->setup.hub, c->argument[0], &why), &why);
}

/* ---- people ---- */

static const char *const role_names[] = {"owner", "moderator", "speaker", "viewer", NULL};
static const char *const source_names[] = {"microphone", "camera", "screen", "screen_audio", NULL};

static bool add_participant(void *arg, const struct plm_api_participant *p)
{
    return !json_array_append_new(arg, plm_rest_participant(p));
}

static void list_participants(struct call *c)
{
    struct plm_refusal why = {0};
    json_t *list = json_array();
    int err = plm_api_participants(c->rest->setup.hub, c->argument[0], add_participant, list, &why);
    if (err) {
        json_decref(list);
        refuse(c, err, &why);
        return;
    }
    answer(c, 200, json_pack("{s:o}", "participants", list));
}

static bool read_id(struct call *c, uint32_t *out)
{
    char *end;
    const char *text = c->argument[1];
    unsigned long long id = text[0] >= '1' && text[0] <= '9' ? strtoull(text, &end, 10) : 0;
    if (!id || *end || id > UINT32_MAX) {
        fail(c, 404, "no such participant");
        return false;
    }
    *out = (uint32_t)id;
    return true;
}

struct mute_body {
    int source;
};
static const struct plm_rest_field mute_fields[] = {
    {"source", PLM_REST_CHOICE, PLM_REST_REQUIRED, AT(mute_body, source), UNASKED, 0, source_names, NULL},
    {.name = NULL}};

static void mute(struct call *c)
{
    struct mute_body body = {0};
    struct plm_refusal why = {0};
    uint32_t id;
    if (read_id(c, &id) && read_body(c, mute_fields, &body))
        done(c,
            plm_api_mute(c->rest->setup.hub, c->argument[0], id,
                (enum plm_source)(body.source + PLM_SOURCE_MICROPHONE), &why),
            &why);
}

struct person_body {
    int role;
    uint32_t breakout;
    bool has_role, has_breakout;
};
static const struct plm_rest_field person_fields[] = {
    {"role", PLM_REST_CHOICE, 0, AT(person_body, role), AT(person_body, has_role), 0, role_names, NULL},
    {"breakout", PLM_REST_UINT, 0, AT(person_body, breakout), AT(person_body, has_breakout), 50, NULL, NULL},
    {.name = NULL}};

static void change_participant(struct call *c)
{
    struct person_body body = {0};
    struct plm_refusal why = {0};
    uint32_t id;
    int err = 0;
    if (!read_id(c, &id) || !read_body(c, person_fields, &body))
        return;
    if (body.has_role)
        err = plm_api_set_role(c->rest->setup.hub, c->argument[0], id, (enum plm_msg_role)body.role, &why);
    if (!err && body.has_breakout)
        err = plm_api_move(c->rest->setup.hub, c->argument[0], id, body.breakout, &why);
    done(c, err, &why);
}

static void kick(struct call *c)
{
    struct plm_refusal why = {0};
    uint32_t id;
    if (read_id(c, &id))
        done(c, plm_api_kick(c->rest->setup.hub, c->argument[0], id, &why), &why);
}

struct message_body {
    char text[4001];
    char name[129];
};
static const struct plm_rest_field message_fields[] = {
    {"text", PLM_REST_LINES, PLM_REST_REQUIRED, AT(message_body, text), UNASKED, 4000, NULL, NULL},
    {"name", PLM_REST_TEXT, 0, AT(message_body, name), UNASKED, 128, NULL, NULL}, {.name = NULL}};

static void say(struct call *c, uint32_t to)
{
    struct message_body body = {.name = "Server"};
    struct plm_refusal why = {0};
    if (read_body(c, message_fields, &body))
        done(c, plm_api_message(c->rest->setup.hub, c->argument[0], to, body.name, body.text, &why), &why);
}

static void say_to_all(struct call *c)
{
    say(c, 0);
}

static void say_to_one(struct call *c)
{
    uint32_t id;
    if (read_id(c, &id))
        say(c, id);
}

/* ---- tokens ---- */

struct token_body {
    char identity[129], name[129];
    int role;
    bool publish, subscribe, record, skip_lobby;
    uint32_t seconds;
};
static const struct plm_rest_field token_fields[] = {
    {"identity", PLM_REST_TEXT, 0, AT(token_body, identity), UNASKED, 128, NULL, NULL},
    {"name", PLM_REST_TEXT, 0, AT(token_body, name), UNASKED, 128, NULL, NULL},
    {"role", PLM_REST_CHOICE, 0, AT(token_body, role), UNASKED, 0, role_names, NULL},
    {"publish", PLM_REST_BOOL, 0, AT(token_body, publish), UNASKED, 0, NULL, NULL},
    {"subscribe", PLM_REST_BOOL, 0, AT(token_body, subscribe), UNASKED, 0, NULL, NULL},
    {"record", PLM_REST_BOOL, 0, AT(token_body, record), UNASKED, 0, NULL, NULL},
    {"skip_lobby", PLM_REST_BOOL, 0, AT(token_body, skip_lobby), UNASKED, 0, NULL, NULL},
    {"seconds", PLM_REST_UINT, 0, AT(token_body, seconds), UNASKED, TOKEN_MAX_SECONDS, NULL, NULL},
    {.name = NULL}};

static void make_token(struct call *c)
{
    struct plm_rest *r = c->rest;
    struct token_body body = {
        .role = PLM_MSG_role_speaker, .publish = true, .subscribe = true, .seconds = TOKEN_SECONDS};
    struct plm_grants grants = {0};
    struct plm_api_room room;
    uint8_t id[16];
    if (plm_api_room_get(r->setup.hub, c->argument[0], &room)) {
        fail(c, 404, "no such room");
        return;
    }
    memcpy(grants.room, room.record->name, sizeof(room.record->name));
    if (!read_body(c, token_fields, &body))
        return;
    memcpy(grants.identity, body.identity, sizeof(body.identity));
    memcpy(grants.name, body.name, sizeof(body.name));
    grants.role = (enum plm_msg_role)body.role;
    grants.publish = body.publish;
    grants.subscribe = body.subscribe;
    grants.record = body.record;
    grants.skip_lobby = body.skip_lobby;
    r->setup.random(id, sizeof(id));
    to_hex(grants.token_id, id, sizeof(id));
    uint64_t now = r->setup.wall_ms();
    grants.expires_at = now + body.seconds * UINT64_C(1000);
    char *token = plm_token_make(r->setup.keys, &grants, now);
    answer(c, 201,
        token ? json_pack("{s:s, s:s, s:I}", "token", token, "id", grants.token_id, "expires_at",
                    (json_int_t)grants.expires_at)
              : NULL);
    free(token);
}

struct revoke_body {
    char id[65];
};
static const struct plm_rest_field revoke_fields[] = {
    {"id", PLM_REST_TEXT, PLM_REST_REQUIRED, AT(revoke_body, id), UNASKED, 64, NULL, NULL}, {.name = NULL}};

static void revoke_token(struct call *c)
{
    struct plm_rest *r = c->rest;
    struct revoke_body body = {0};
    uint64_t now = r->setup.wall_ms();
    if (!read_body(c, revoke_fields, &body))
        return;
    if (plm_api_keys_revoke(
            r->setup.keys, body.id, now + TOKEN_MAX_SECONDS * 1000 + PLM_TOKEN_LEEWAY_MS, now))
        fail(c, 503, "no room for another revoked token");
    else
        answer_nothing(c);
}

/* ---- keys ---- */

static const char *const algorithm_names[] = {"HS256", "RS256", "ES256", NULL};

static json_t *describe_key(const struct plm_api_key *key)
{
    return json_pack("{s:s, s:s, s:b, s:s, s:I}", "id", key->id, "name", key->name, "admin", key->admin,
        "algorithm", plm_key_algorithm_name(key->algorithm), "created_at", (json_int_t)key->created_at);
}

static void add_key(void *arg, const struct plm_api_key *key)
{
    json_array_append_new(arg, describe_key(key));
}

static void list_keys(struct call *c)
{
    json_t *list = json_array();
    plm_api_keys_each(c->rest->setup.keys, add_key, list);
    answer(c, 200, json_pack("{s:o}", "keys", list));
}

struct key_body {
    char name[129];
    bool admin;
    int algorithm;
    char public_key[PLM_KEY_PUBLIC_SIZE];
    bool has_public_key;
};
static const struct plm_rest_field key_fields[] = {
    {"name", PLM_REST_TEXT, PLM_REST_REQUIRED, AT(key_body, name), UNASKED, 128, NULL, NULL},
    {"admin", PLM_REST_BOOL, 0, AT(key_body, admin), UNASKED, 0, NULL, NULL},
    {"algorithm", PLM_REST_CHOICE, 0, AT(key_body, algorithm), UNASKED, 0, algorithm_names, NULL},
    {"public_key", PLM_REST_LINES, 0, AT(key_body, public_key), AT(key_body, has_public_key),
        PLM_KEY_PUBLIC_SIZE - 1, NULL, NULL},
    {.name = NULL}};

static void make_key(struct call *c)
{
    struct key_body body = {0};
    const struct plm_api_key *key;
    if (!read_body(c, key_fields, &body))
        return;
    int err =
        plm_api_keys_add(c->rest->setup.keys, body.name, body.admin, (enum plm_key_algorithm)body.algorithm,
            body.has_public_key ? body.public_key : NULL, c->rest->setup.wall_ms(), &key);
    if (err == PLM_EINVAL) {
        fail(c, 400,
            "public_key: a PEM public key of P-256 for ES256, of RSA with 2048 bits for RS256, none for "
            "HS256");
    } else if (err) {
        fail(c, 503, "no room for another key");
    } else {
        json_t *shown = describe_key(key);
        if (shown)
            json_object_set_new(shown, "secret", json_string(key->secret));
        answer(c, 201, shown);
    }
}

static void drop_key(struct call *c)
{
    if (plm_api_keys_drop(c->rest->setup.keys, c->argument[0]))
        fail(c, 404, "no such key");
    else
        answer_nothing(c);
}

/* ---- the server ---- */

static void get_server(struct call *c)
{
    struct plm_hub_gauges g;
    plm_hub_gauges(c->rest->setup.hub, &g);
    answer(c, 200,
        json_pack("{s:s, s:s, s:i, s:i, s:i, s:b}", "version", PLM_VERSION, "protocol", PLM_PROTOCOL, "rooms",
            (int)g.rooms, "participants", (int)g.participants, "viewers", (int)g.viewers, "open",
            plm_rest_is_open(c->rest)));
}

/* ---- who may ---- */

static const struct {
    enum plm_http_method method;
    const char *
        pattern; /* below PREFIX; a star stands for one segment, the first of them for a room where there are rooms */
    enum access least;
    bool local; /* also from this machine, while there is no key */
    operation *run;
} operations[] = {
    {PLM_HTTP_GET, "/server", ACCESS_KEY, true, get_server},
    {PLM_HTTP_GET, "/rooms", ACCESS_KEY, false, list_rooms},
    {PLM_HTTP_POST, "/rooms", ACCESS_KEY, true, create_room},
    {PLM_HTTP_GET, "/rooms/*", ACCESS_ROOM, true, get_room},
    {PLM_HTTP_PATCH, "/rooms/*", ACCESS_ROOM, false, change_room},
    {PLM_HTTP_DELETE, "/rooms/*", ACCESS_KEY, false, delete_room},
    {PLM_HTTP_POST, "/rooms/*/end", ACCESS_ROOM, false, end_room},
    {PLM_HTTP_POST, "/rooms/*/messages", ACCESS_ROOM, false, say_to_all},
    {PLM_HTTP_POST, "/rooms/*/tokens", ACCESS_KEY, false, make_token},
    {PLM_HTTP_GET, "/rooms/*/participants", ACCESS_ROOM, false, list_participants},
    {PLM_HTTP_PATCH, "/rooms/*/participants/*", ACCESS_ROOM, false, change_participant},
    {PLM_HTTP_DELETE, "/rooms/*/participants/*", ACCESS_ROOM, false, kick},
    {PLM_HTTP_POST, "/rooms/*/participants/*/mute", ACCESS_ROOM, false, mute},
    {PLM_HTTP_POST, "/rooms/*/participants/*/messages", ACCESS_ROOM, false, say_to_one},
    {PLM_HTTP_POST, "/revoked-tokens", ACCESS_KEY, false, revoke_token},
    {PLM_HTTP_GET, "/keys", ACCESS_ADMIN, false, list_keys},
    {PLM_HTTP_POST, "/keys", ACCESS_ADMIN, false, make_key},
    {PLM_HTTP_DELETE, "/keys/*", ACCESS_ADMIN, false, drop_key},
};
#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

static bool is_equal_secret(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && !CRYPTO_memcmp(a, b, strlen(a));
}

/* "id.secret" */
static enum access of_key(const struct plm_rest *r, const char *bearer)
{
    char id[PLM_KEY_ID_SIZE];
    const char *dot = strchr(bearer, '.');
    if (!dot || (size_t)(dot - bearer) >= sizeof(id))
        return ACCESS_NONE;
    memcpy(id, bearer, (size_t)(dot - bearer));
    id[dot - bearer] = 0;
    const struct plm_api_key *key = plm_api_keys_find(r->setup.keys, id);
    if (!key || key == plm_api_keys_own(r->setup.keys) || !is_equal_secret(dot + 1, key->secret))
        return ACCESS_NONE;
    return key->admin ? ACCESS_ADMIN : ACCESS_KEY;
}

static enum access of_token(const struct plm_rest *r, const char *bearer, const char *room)
{
    struct plm_grants g;
    if (plm_token_check(r->setup.keys, bearer, room, r->setup.wall_ms(), &g))
        return ACCESS_NONE;
    if (g.admin && !*g.room)
        return ACCESS_KEY;
    bool leads = g.role == PLM_MSG_role_owner || g.role == PLM_MSG_role_moderator;
    return room && *g.room && leads ? ACCESS_ROOM : ACCESS_NONE;
}

/*
 * From this machine, by a name of this machine: a page elsewhere whose name was made to point here (DNS rebinding) has another Host, a page
 * of another site has another Origin.
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
    return here && by_name && (!q->origin || (origin && !strcmp(origin + 3, host)));
}

static enum access access_of(const struct call *c, const char *room)
{
    static const char scheme[] = "Bearer ";
    const struct plm_rest *r = c->rest;
    const char *bearer = c->request->authorization;
    if (!bearer)
        return plm_rest_is_open(r) && is_local(c->request) ? ACCESS_LOCAL : ACCESS_NONE;
    if (strncmp(bearer, scheme, sizeof(scheme) - 1) != 0)
        return ACCESS_NONE;
    bearer += sizeof(scheme) - 1;
    if (r->setup.key && is_equal_secret(bearer, r->setup.key))
        return ACCESS_ADMIN;
    enum access access = of_key(r, bearer);
    return access ? access : of_token(r, bearer, room);
}

/* ---- the way to an operation ---- */

/* @return whether path is of the pattern; arguments are copied to storage */
static bool matches(const char *pattern, const char *path, struct call *c, char *storage, size_t size)
{
    size_t n = 0;
    for (;;) {
        size_t want = strcspn(pattern + 1, "/"), have = strcspn(path + 1, "/");
        if (*pattern != '/' || *path != '/')
            return !*pattern && !*path;
        if (want == 1 && pattern[1] == '*') {
            if (!have || have >= size || n == 2)
                return false;
            memcpy(storage, path + 1, have);
            storage[have] = 0;
            c->argument[n++] = storage;
            storage += have + 1;
            size -= have + 1;
        } else if (want != have || strncmp(pattern + 1, path + 1, want) != 0) {
            return false;
        }
        pattern += want + 1;
        path += have + 1;
    }
}

static void deny(struct call *c, bool known)
{
    static const struct plm_http_header ask = {"www-authenticate:", "Bearer"};
    if (known)
        fail(c, 403, "this key or token may not");
    else
        plm_http_fail(
            c->rest->http, c->request->exchange, 401, "send Authorization: Bearer with a key", &ask, 1);
}

void plm_rest_serve(void *arg, const struct plm_http_request *request)
{
    struct call c = {.rest = arg, .request = request};
    char storage[PLM_HTTP_MAX_PATH + 1];
    bool found = false;
    const char *path = request->path + sizeof(PREFIX) - 1;
    enum plm_http_method method = request->method == PLM_HTTP_HEAD ? PLM_HTTP_GET : request->method;
    for (size_t i = 0; i < N_OPERATIONS; i++) {
        if (!matches(operations[i].pattern, path, &c, storage, sizeof(storage)))
            continue;
        found = true;
        if (operations[i].method != method)
            continue;
        bool of_room = !strncmp(operations[i].pattern, "/rooms/", 7);
        enum access access = access_of(&c, of_room ? c.argument[0] : NULL);
        if (access >= operations[i].least || (access == ACCESS_LOCAL && operations[i].local))
            operations[i].run(&c);
        else
            deny(&c, access > ACCESS_LOCAL);
        return;
    }
    fail(&c, found ? 405 : 404,
        found ? "this address does not take that method" : "no such address of the API");
}
