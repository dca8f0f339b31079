/*
 * /healthz: is the server up and taking meetings?
 */
#ifndef PLM_SERVER_HTTP_HEALTH_H
#define PLM_SERVER_HTTP_HEALTH_H

#include "http.h"
#include "hub.h"

struct plm_http_health {
    struct plm_http *http;
    const struct plm_hub *hub;
    bool stopping; /**< answers 503, so that a balancer sends nobody any more */
};

/** Handler for GET; arg is a struct plm_http_health. */
plm_http_handler plm_http_health_serve;

#endif
