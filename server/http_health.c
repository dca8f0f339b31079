#include "http_health.h"

#include <stdio.h>

void plm_http_health_serve(void *arg, const struct plm_http_request *request)
{
    const struct plm_http_health *h = arg;
    static const struct plm_http_header fresh = {"cache-control:", "no-store"};
    struct plm_hub_gauges g;
    char text[160];

    plm_hub_gauges(h->hub, &g);
    int len = snprintf(text, sizeof(text),
        "{\"status\":\"%s\",\"version\":\"%s\",\"rooms\":%u,\"participants\":%u}\n",
        h->stopping ? "stopping" : "ok", PLM_VERSION, g.rooms, g.participants);
    struct plm_http_reply reply = {.status = h->stopping ? 503 : 200,
        .content_type = "application/json",
        .headers = &fresh,
        .n_headers = 1};
    reply.body = plm_text_create(text, (size_t)len);
    plm_http_reply(h->http, request->exchange, &reply);
    plm_text_unref(reply.body);
}
