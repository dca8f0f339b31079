#include "http_whip.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/planted.h"
#include "ice_servers.h"

#define LINK_SIZE 1024
#define FRAGMENT  "application/trickle-ice-sdpfrag"

static const char *const prefixes[] = {[PLM_RESOURCE_WHIP] = "/whip", [PLM_RESOURCE_WHEP] = "/whep"};

bool plm_http_is_type(const char *content_type, const char *type)
{
    size_t len = strlen(type);
    if (!content_type || strncasecmp(content_type, type, len) != 0)
        return false;
    content_type += len;
    content_type += strspn(content_type, " \t");
    return !*content_type || *content_type == ';';
}

/* @return what follows "/whip" or "/whep": "" or "/…"; NULL for another path */
static const char *below(const char *path, enum plm_resource_kind *kind)
{
    for (int k = PLM_RESOURCE_WHIP; k <= PLM_RESOURCE_WHEP; k++) {
        size_t len = strlen(prefixes[k]);
        if (strncmp(path, prefixes[k], len) != 0 || (path[len] && path[len] != '/'))
            continue;
        *kind = (enum plm_resource_kind)k;
        return path + len;
    }
    return NULL;
}

bool plm_http_whip_is_resource(const char *path)
{
    enum plm_resource_kind kind;
    const char *rest = below(path, &kind);
    static const char middle[] = "/resource/";
    if (!rest || strncmp(rest, middle, sizeof(middle) - 1) != 0)
        return false;
    rest += sizeof(middle) - 1;
    return strspn(rest, "0123456789abcdef") == PLM_RESOURCE_ID_SIZE - 1 &&
           strlen(rest) == PLM_RESOURCE_ID_SIZE - 1;
}

bool plm_http_whip_is_endpoint(const char *path)
{
    enum plm_resource_kind kind;
    return below(path, &kind) && !plm_http_whip_is_resource(path);
}

static int split_names(struct plm_whip_path *out, const char *names)
{
    const char *separators = out->kind == PLM_RESOURCE_WHEP ? "," : "";

    snprintf(out->storage, sizeof(out->storage), "%s", names);
    for (char *rest = out->storage, *name; (name = strsep(&rest, separators));) {
        if (!*name)
            return PLM_EINVAL;
        if (!PLM_FITS(http, out->n_names < PLM_WHEP_MAX_NAMES))
            return PLM_ELIMIT;
        out->names[out->n_names++] = name;
    }
    return 0;
}

int plm_whip_path_parse(struct plm_whip_path *out, const char *path)
{
    const char *rest = below(path, &out->kind);
    size_t len = rest ? strlen(rest) : 0;

    out->n_names = 0;
    if (len < 2 || len > PLM_HTTP_MAX_PATH)
        return PLM_ENOENT;
    out->resource = plm_http_whip_is_resource(path);
    if (out->resource) {
        snprintf(out->room, sizeof(out->room), "%s", strrchr(rest, '/') + 1);
        return 0;
    }
    rest++;
    size_t room = strcspn(rest, "/");
    if (!room)
        return PLM_ENOENT;
    snprintf(out->room, sizeof(out->room), "%.*s", (int)room, rest);
    if (!rest[room])
        return 0;
    const char *names = rest + room + 1;
    if (strchr(names, '/'))
        return PLM_ENOENT;
    return *names ? split_names(out, names) : 0;
}

/* RFC 6750 section 2.1. @return the token in the header's value; NULL: there is none */
static const char *bearer(const char *authorization)
{
    static const char scheme[] = "bearer ";
    size_t len = sizeof(scheme) - 1;
    if (!authorization || strncasecmp(authorization, scheme, len) != 0)
        return NULL;
    return authorization + len + strspn(authorization + len, " ");
}

static void fail(const struct plm_http_whip *w, uint64_t exchange, unsigned status, const char *message)
{
    static const struct plm_http_header later = {"retry-after:", "5"},
                                        bearer_wanted = {"www-authenticate:", "Bearer"};
    const struct plm_http_header *header = status == 503 || status == 429 ? &later
                                           : status == 401                ? &bearer_wanted
                                                                          : NULL;
    plm_http_fail(w->http, exchange, status, message, header, header != NULL);
}

static void reply_created(const struct plm_http_whip *w, uint64_t exchange, enum plm_resource_kind kind,
    const struct plm_resource_reply *made)
{
    char location[64];
    char links[PLM_CONFIG_MAX_SERVERS][LINK_SIZE];
    struct plm_http_header headers[PLM_CONFIG_MAX_SERVERS + 3];
    struct plm_ice_servers ice;
    size_t n = 0;

    snprintf(location, sizeof(location), "%s/resource/%s", prefixes[kind], made->id);
    headers[n++] = (struct plm_http_header){"location:", location};
    headers[n++] = (struct plm_http_header){"accept-patch:", FRAGMENT};
    if (made->etag[0])
        headers[n++] = (struct plm_http_header){"etag:", made->etag};
    plm_ice_servers_fill(&ice, w->config, (uint64_t)time(NULL));
    for (size_t i = 0; i < ice.n; i++)
        if (!plm_ice_server_link(links[i], sizeof(links[i]), &ice.server[i]))
            headers[n++] = (struct plm_http_header){"link:", links[i]};
    struct plm_http_reply reply = {
        .status = 201, .content_type = "application/sdp", .headers = headers, .n_headers = n};
    reply.body = plm_text_create(made->body, strlen(made->body));
    plm_http_reply(w->http, exchange, &reply);
    plm_text_unref(reply.body);
}

void plm_http_whip_post(void *arg, const struct plm_http_request *request)
{
    const struct plm_http_whip *w = arg;
    struct plm_whip_path path;
    struct plm_resource_reply made;

    int rc = plm_whip_path_parse(&path, request->path);
    if (rc == PLM_ENOENT) {
        fail(w, request->exchange, 404, "write /whip/{room}/{name} or /whep/{room}/{name},{name}");
    } else if (rc == PLM_ELIMIT) {
        plm_hub_count_limit(w->hub, PLM_HUB_LIMIT_NAMES);
        fail(w, request->exchange, 400, "too many names");
    } else if (rc) {
        fail(w, request->exchange, 400, "a name is empty");
    } else if (!plm_http_is_type(request->content_type, "application/sdp")) {
        fail(w, request->exchange, 415, "send application/sdp");
    } else {
        struct plm_resource_request post = {.kind = path.kind,
            .room = path.room,
            .token = bearer(request->authorization),
            .source = request->source,
            .names = path.names,
            .n_names = path.n_names,
            .sdp = request->body,
            .len = request->len};
        if (!plm_resource_post(w->hub, &post, &made))
            reply_created(w, request->exchange, path.kind, &made);
        else
            fail(w, request->exchange, made.status, made.error);
        plm_resource_reply_clear(&made);
    }
}

static void reply_patched(
    const struct plm_http_whip *w, uint64_t exchange, const struct plm_resource_reply *done)
{
    struct plm_http_header etag = {"etag:", done->etag};
    struct plm_http_reply reply = {.status = done->status, .headers = &etag, .n_headers = done->etag[0] != 0};
    if (done->body) {
        reply.content_type = FRAGMENT;
        reply.body = plm_text_create(done->body, strlen(done->body));
    }
    plm_http_reply(w->http, exchange, &reply);
    plm_text_unref(reply.body);
}

static void patch(const struct plm_http_whip *w, const struct plm_http_request *request, const char *id)
{
    struct plm_resource_reply done;

    if (!plm_http_is_type(request->content_type, FRAGMENT)) {
        fail(w, request->exchange, 415, "send " FRAGMENT);
        return;
    }
    if (!plm_resource_patch(w->hub, id, request->if_match, request->body, request->len, &done))
        reply_patched(w, request->exchange, &done);
    else
        fail(w, request->exchange, done.status, done.error);
    plm_resource_reply_clear(&done);
}

void plm_http_whip_resource(void *arg, const struct plm_http_request *request)
{
    const struct plm_http_whip *w = arg;
    struct plm_resource_reply done;
    const char *id = strrchr(request->path, '/') + 1;

    if (request->method == PLM_HTTP_PATCH) {
        patch(w, request, id);
        return;
    }
    if (!plm_resource_delete(w->hub, id, &done))
        plm_http_reply(w->http, request->exchange, &(struct plm_http_reply){.status = done.status});
    else
        fail(w, request->exchange, done.status, done.error);
    plm_resource_reply_clear(&done);
}
