#include "rest.h"

#include <stdlib.h>
#include <string.h>

#include "rest_call.h"

#define PREFIX "/api/v1"

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
    plm_rest_forget_pending(r);
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

/* ---- the server ---- */

static void get_server(struct plm_rest_call *c)
{
    struct plm_hub_gauges g;
    plm_hub_gauges(c->rest->setup.hub, &g);
    plm_rest_answer(c, 200,
        json_pack("{s:s, s:s, s:i, s:i, s:i, s:b}", "version", PLM_VERSION, "protocol", PLM_PROTOCOL, "rooms",
            (int)g.rooms, "participants", (int)g.participants, "viewers", (int)g.viewers, "open",
            plm_rest_is_open(c->rest)));
}

/* ---- the way to an operation ---- */

static const struct {
    enum plm_http_method method;
    const char *
        pattern; /* below PREFIX; a star stands for one segment, the first of them for a room where there are rooms */
    enum plm_rest_access least;
    bool local; /* also from this machine, while there is no key */
    plm_rest_operation *run;
} operations[] = {
    {PLM_HTTP_GET, "/server", PLM_REST_ACCESS_KEY, true, get_server},
    {PLM_HTTP_GET, "/rooms", PLM_REST_ACCESS_KEY, false, plm_rest_list_rooms},
    {PLM_HTTP_POST, "/rooms", PLM_REST_ACCESS_KEY, true, plm_rest_create_room},
    {PLM_HTTP_GET, "/rooms/*", PLM_REST_ACCESS_ROOM, true, plm_rest_get_room},
    {PLM_HTTP_PATCH, "/rooms/*", PLM_REST_ACCESS_ROOM, false, plm_rest_change_room},
    {PLM_HTTP_DELETE, "/rooms/*", PLM_REST_ACCESS_KEY, false, plm_rest_delete_room},
    {PLM_HTTP_POST, "/rooms/*/end", PLM_REST_ACCESS_ROOM, false, plm_rest_end_room},
    {PLM_HTTP_POST, "/rooms/*/messages", PLM_REST_ACCESS_ROOM, false, plm_rest_say_to_all},
    {PLM_HTTP_POST, "/rooms/*/tokens", PLM_REST_ACCESS_KEY, false, plm_rest_make_token},
    {PLM_HTTP_GET, "/rooms/*/participants", PLM_REST_ACCESS_ROOM, false, plm_rest_list_participants},
    {PLM_HTTP_PATCH, "/rooms/*/participants/*", PLM_REST_ACCESS_ROOM, false, plm_rest_change_participant},
    {PLM_HTTP_DELETE, "/rooms/*/participants/*", PLM_REST_ACCESS_ROOM, false, plm_rest_kick},
    {PLM_HTTP_POST, "/rooms/*/participants/*/mute", PLM_REST_ACCESS_ROOM, false, plm_rest_mute},
    {PLM_HTTP_POST, "/rooms/*/participants/*/messages", PLM_REST_ACCESS_ROOM, false, plm_rest_say_to_one},
    {PLM_HTTP_GET, "/rooms/*/quality", PLM_REST_ACCESS_ROOM, false, plm_rest_get_quality},
    {PLM_HTTP_GET, "/rooms/*/participants/*/quality", PLM_REST_ACCESS_NONE, false,
        plm_rest_get_participant_quality},
    {PLM_HTTP_GET, "/rooms/*/recordings", PLM_REST_ACCESS_NONE, false, plm_rest_list_room_recordings},
    {PLM_HTTP_POST, "/rooms/*/recordings", PLM_REST_ACCESS_NONE, false, plm_rest_start_recording},
    {PLM_HTTP_GET, "/recordings", PLM_REST_ACCESS_KEY, false, plm_rest_list_recordings},
    {PLM_HTTP_GET, "/recordings/*", PLM_REST_ACCESS_NONE, false, plm_rest_get_recording},
    {PLM_HTTP_DELETE, "/recordings/*", PLM_REST_ACCESS_NONE, false, plm_rest_delete_recording},
    {PLM_HTTP_POST, "/recordings/*/stop", PLM_REST_ACCESS_NONE, false, plm_rest_stop_recording},
    {PLM_HTTP_GET, "/recordings/*/files/*", PLM_REST_ACCESS_NONE, false, plm_rest_get_recording_file},
    {PLM_HTTP_POST, "/revoked-tokens", PLM_REST_ACCESS_KEY, false, plm_rest_revoke_token},
    {PLM_HTTP_GET, "/keys", PLM_REST_ACCESS_ADMIN, false, plm_rest_list_keys},
    {PLM_HTTP_POST, "/keys", PLM_REST_ACCESS_ADMIN, false, plm_rest_make_key},
    {PLM_HTTP_DELETE, "/keys/*", PLM_REST_ACCESS_ADMIN, false, plm_rest_drop_key},
};
#define N_OPERATIONS (sizeof(operations) / sizeof(operations[0]))

/* @return whether path is of the pattern; arguments are copied to storage */
static bool matches(
    const char *pattern, const char *path, struct plm_rest_call *c, char *storage, size_t size)
{
    size_t n = 0;
    for (;;) {
        if (*pattern != '/' || *path != '/')
            return !*pattern && !*path;
        size_t want = strcspn(pattern + 1, "/"), have = strcspn(path + 1, "/");
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

void plm_rest_deny(struct plm_rest_call *c, bool known)
{
    static const struct plm_http_header ask = {"www-authenticate:", "Bearer"};
    if (known)
        plm_rest_fail(c, 403, "this key or token may not");
    else
        plm_http_fail(
            c->rest->http, c->request->exchange, 401, "send Authorization: Bearer with a key", &ask, 1);
}

void plm_rest_serve(void *arg, const struct plm_http_request *request)
{
    struct plm_rest_call c = {.rest = arg, .request = request};
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
        enum plm_rest_access access = plm_rest_access_of(&c, of_room ? c.argument[0] : NULL, &c.grants);
        c.access = access;
        if (access >= operations[i].least || (access == PLM_REST_ACCESS_LOCAL && operations[i].local))
            operations[i].run(&c);
        else
            plm_rest_deny(&c, access > PLM_REST_ACCESS_LOCAL);
        return;
    }
    plm_rest_fail(&c, found ? 405 : 404,
        found ? "this address does not take that method" : "no such address of the API");
}
