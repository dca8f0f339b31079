#include "rest_call.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "digest.h"

#define MAX_PENDING  64  /* changes of a room that wait for a hash */
#define PAGE         100 /* rooms in a list, unless the request says fewer */
#define OWNER_OCTETS 24  /* of an owner's key */

/** What a body says of a room. */
struct room_body {
    char name[PLM_ROOM_NAME_SIZE];
    struct plm_room_settings settings;
    char password[129];
    enum plm_codec codecs[PLM_CODEC_COUNT];
    bool owner;
    bool has_settings, has_password, has_codecs, has_owner;
};

/** What becomes of it, and by whom. */
struct order {
    bool create;
    char room[PLM_ROOM_NAME_SIZE];
    bool by_token; /**< else by who may everything */
    struct plm_grants by;
};

/** A room that is made or changed as soon as its password is hashed. */
struct plm_rest_pending {
    struct plm_rest_pending *next;
    uint64_t job, exchange;
    struct order order;
    struct room_body body;
};

void plm_rest_forget_pending(struct plm_rest *r)
{
    while (r->pending) {
        struct plm_rest_pending *p = r->pending;
        r->pending = p->next;
        OPENSSL_cleanse(p, sizeof(*p));
        free(p);
    }
}

#define RULE(name)                                                                                           \
    {                                                                                                        \
#name, PLM_REST_BOOL, 0, PLM_REST_AT(room_body, settings.name), PLM_REST_UNASKED, 0, NULL, NULL      \
    }

static const struct plm_rest_field settings_fields[] = {
    {"title", PLM_REST_TEXT, PLM_REST_MAY_BE_EMPTY, PLM_REST_AT(room_body, settings.title), PLM_REST_UNASKED,
        128, NULL, NULL},
    RULE(lobby),
    RULE(locked),
    RULE(organised),
    {"max_participants", PLM_REST_UINT, 0, PLM_REST_AT(room_body, settings.max_participants),
        PLM_REST_UNASKED, 1000, NULL, NULL},
    {"max_minutes", PLM_REST_UINT, 0, PLM_REST_AT(room_body, settings.max_minutes), PLM_REST_UNASKED, 1440,
        NULL, NULL},
    RULE(start_muted),
    RULE(start_camera_off),
    RULE(may_speak),
    RULE(may_show),
    RULE(may_share),
    RULE(may_chat),
    RULE(may_whisper),
    RULE(sounds),
    RULE(may_record),
    RULE(auto_record),
    {.name = NULL},
};

/* The first is of a new room only. */
static const struct plm_rest_field room_fields[] = {
    {"name", PLM_REST_TEXT, PLM_REST_REQUIRED, PLM_REST_AT(room_body, name), PLM_REST_UNASKED, 128, NULL,
        NULL},
    {"settings", PLM_REST_OBJECT, 0, 0, PLM_REST_AT(room_body, has_settings), 0, NULL, settings_fields},
    {"password", PLM_REST_TEXT, PLM_REST_MAY_BE_EMPTY, PLM_REST_AT(room_body, password),
        PLM_REST_AT(room_body, has_password), 128, NULL, NULL},
    {"codecs", PLM_REST_CODECS, 0, PLM_REST_AT(room_body, codecs), PLM_REST_AT(room_body, has_codecs), 0,
        NULL, NULL},
    {"owner", PLM_REST_BOOL, 0, PLM_REST_AT(room_body, owner), PLM_REST_AT(room_body, has_owner), 0, NULL,
        NULL},
    {.name = NULL},
};

static void make_owner_key(
    struct plm_rest *r, char key[2 * OWNER_OCTETS + 1], char digest[PLM_KEY_DIGEST_SIZE])
{
    uint8_t octets[OWNER_OCTETS];
    r->setup.random(octets, sizeof(octets));
    plm_rest_hex(key, octets, sizeof(octets));
    plm_digest(digest, key);
    OPENSSL_cleanse(octets, sizeof(octets));
}

static int make_or_change(
    struct plm_rest *r, const struct order *o, const struct plm_api_change *change, struct plm_refusal *why)
{
    return o->create ? plm_api_room_create(r->setup.hub, o->room, change, why)
                     : plm_api_room_change(r->setup.hub, o->by_token ? &o->by : NULL, o->room, change, why);
}

/* Make or change the room; everything is there by now. @param hash of the password, NULL: as it is */
static void apply_room(struct plm_rest *r, uint64_t exchange, const struct order *o,
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
    int err = make_or_change(r, o, &change, &why);
    if (!err)
        err = plm_api_room_get(r->setup.hub, o->room, &now);
    if (err) {
        plm_rest_refuse_to(r, exchange, err, &why);
        return;
    }
    json_t *shown = plm_rest_room(&now);
    if (*owner_key)
        shown = plm_rest_whole(shown, json_object_set_new(shown, "owner_key", json_string(owner_key)));
    plm_rest_answer_to(r, exchange, o->create ? 201 : 200, shown);
    OPENSSL_cleanse(owner_key, sizeof(owner_key));
}

/* A password is hashed first, away from the loop. */
static void submit_room(struct plm_rest_call *c, bool create, struct room_body *body)
{
    struct plm_rest *r = c->rest;
    struct plm_rest_pending *p = NULL;
    const struct plm_grants *by = plm_rest_by(c);
    struct order order = {.create = create, .by_token = by != NULL};
    memcpy(order.room, body->name, sizeof(order.room));
    if (by)
        order.by = *by;
    if (!body->has_password || !*body->password) {
        apply_room(r, c->request->exchange, &order, body, body->has_password ? "" : NULL);
        return;
    }
    uint64_t job = PLM_REST_JOB | ++r->last_job;
    if (r->n_pending < MAX_PENDING)
        p = calloc(1, sizeof(*p));
    if (!p || r->setup.hash_password(r->setup.arg, job, body->password)) {
        free(p);
        plm_rest_fail(c, 503, "too many passwords are being hashed; try again");
        return;
    }
    OPENSSL_cleanse(body->password, sizeof(body->password));
    p->job = job;
    p->exchange = c->request->exchange;
    p->order = order;
    p->body = *body;
    p->next = r->pending;
    r->pending = p;
    r->n_pending++;
}

void plm_rest_on_password(struct plm_rest *r, uint64_t job, const char *hash)
{
    struct plm_rest_pending **at = &r->pending, *p;
    while (*at && (*at)->job != job)
        at = &(*at)->next;
    p = *at;
    if (!p)
        return;
    *at = p->next;
    r->n_pending--;
    if (hash)
        apply_room(r, p->exchange, &p->order, &p->body, hash);
    else
        plm_http_fail(r->http, p->exchange, 503, "the password could not be hashed", NULL, 0);
    free(p);
}

struct room_list {
    json_t *rooms;
    size_t left;
    bool more;
    int err;
};

static bool add_room(void *arg, const struct plm_api_room *room)
{
    struct room_list *list = arg;
    list->more = !list->left;
    if (list->more)
        return false;
    list->left--;
    list->err = json_array_append_new(list->rooms, plm_rest_room(room));
    return !list->err;
}

void plm_rest_list_rooms(struct plm_rest_call *c)
{
    char after[PLM_ROOM_NAME_SIZE] = "", limit[8];
    struct room_list list = {.rooms = json_array(), .left = PAGE};
    plm_rest_query(c, "after", after, sizeof(after));
    if (plm_rest_query(c, "limit", limit, sizeof(limit))) {
        char *end;
        unsigned long n = strtoul(limit, &end, 10);
        if (*end || !*limit || n < 1 || n > PAGE) {
            json_decref(list.rooms);
            plm_rest_fail(c, 400, "limit: a whole number from 1 to 100");
            return;
        }
        list.left = n;
    }
    int err = plm_api_rooms(c->rest->setup.hub, after, add_room, &list);
    if (err == PLM_EINVAL) {
        json_decref(list.rooms);
        plm_rest_fail(c, 400, "after: the name of a room");
        return;
    }
    list.err |= err;
    plm_rest_answer(
        c, 200, plm_rest_whole(json_pack("{s:o, s:b}", "rooms", list.rooms, "more", list.more), list.err));
}

void plm_rest_create_room(struct plm_rest_call *c)
{
    struct room_body body = {0};
    struct plm_refusal why = {0};
    plm_room_settings_default(&body.settings);
    if (!plm_rest_read_body(c, room_fields, &body))
        return;
    int err = c->access == PLM_REST_ACCESS_LOCAL
                  ? plm_api_room_may_make(c->rest->setup.hub, c->request->source, &why)
                  : 0;
    if (err)
        plm_rest_refuse(c, err, &why);
    else
        submit_room(c, true, &body);
    OPENSSL_cleanse(body.password, sizeof(body.password));
}

void plm_rest_get_room(struct plm_rest_call *c)
{
    struct plm_api_room room;
    if (plm_api_room_get(c->rest->setup.hub, c->argument[0], &room))
        plm_rest_fail(c, 404, "no such room");
    else
        plm_rest_answer(c, 200, plm_rest_room(&room));
}

void plm_rest_change_room(struct plm_rest_call *c)
{
    struct room_body body = {0};
    struct plm_api_room room;
    if (plm_api_room_get(c->rest->setup.hub, c->argument[0], &room)) {
        plm_rest_fail(c, 404, "no such room");
        return;
    }
    body.settings = room.record->settings;
    memcpy(body.name, room.record->name, sizeof(body.name));
    if (plm_rest_read_body(c, room_fields + 1, &body))
        submit_room(c, false, &body);
    OPENSSL_cleanse(body.password, sizeof(body.password));
}

void plm_rest_delete_room(struct plm_rest_call *c)
{
    struct plm_refusal why = {0};
    plm_rest_done(c, plm_api_room_delete(c->rest->setup.hub, c->argument[0], &why), &why);
}

void plm_rest_end_room(struct plm_rest_call *c)
{
    struct plm_refusal why = {0};
    plm_rest_done(c, plm_api_room_end(c->rest->setup.hub, c->argument[0], &why), &why);
}
