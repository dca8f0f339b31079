/*
 * WHIP (RFC 9725) and WHEP over HTTP: addresses, headers and media types; what the requests mean is signaling's (whip.h).
 *
 *   POST   /whip/{room}[/{name}]           publish          → 201, Location: /whip/resource/{id}
 *   POST   /whep/{room}[/{name}[,{name}…]] receive          → 201, Location: /whep/resource/{id}
 *   PATCH  /whip|whep/resource/{id}        trickle, ICE restart
 *   DELETE /whip|whep/resource/{id}        end
 */
#ifndef PLM_SERVER_HTTP_WHIP_H
#define PLM_SERVER_HTTP_WHIP_H

#include "http.h"
#include "whip.h"

struct plm_http_whip {
    struct plm_http *http;
    struct plm_hub *hub;
    const struct plm_config *config;
};

/** What a path under /whip or /whep names; texts are checked by signaling. */
struct plm_whip_path {
    enum plm_resource_kind kind;
    bool resource;                    /**< else an endpoint */
    char room[PLM_HTTP_MAX_PATH + 1]; /**< or the resource's id */
    size_t n_names;
    const char *names[PLM_WHEP_MAX_NAMES]; /**< point into storage */
    char storage[PLM_HTTP_MAX_PATH + 1];
};
/**
 * @param path decoded
 * @return 0, PLM_ENOENT (no such address), PLM_EINVAL (empty name), PLM_ELIMIT (too many names)
 */
int plm_whip_path_parse(struct plm_whip_path *out, const char *path);

bool plm_http_whip_is_endpoint(const char *path);
bool plm_http_whip_is_resource(const char *path);
/** Handlers; arg is a struct plm_http_whip. */
plm_http_handler plm_http_whip_post;
plm_http_handler plm_http_whip_resource;

/** Is a Content-Type this media type, whatever its parameters (RFC 9110 section 8.3.1)? */
bool plm_http_is_type(const char *content_type, const char *type);

#endif
