/*
 * /metrics: the engine's counters, drops and gauges per worker, those of signalling, HTTP and storage, the main loop's lag; and with
 * metrics.detail a series for each transport, track and slot.
 */
#ifndef PLM_SERVER_HTTP_METRICS_H
#define PLM_SERVER_HTTP_METRICS_H

#include "http.h"
#include "http_file.h"
#include "hub.h"
#include "plenum/engine.h"
#include "prom.h"
#include "recorder_link.h"
#include "store.h"
#include "ws_server.h"

#define PLM_METRICS_PENDING 16

struct plm_http_metrics;
struct plm_webhooks;

/** A scrape that waits for the engine's snapshot. */
struct plm_metrics_pending {
    struct plm_http_metrics *owner;
    uint64_t exchange;
    bool used;
};

struct plm_http_metrics {
    struct plm_http *http;
    struct plm_engine *engine;
    struct plm_hub *hub;
    struct plm_ws *ws;
    struct plm_store *store;
    const struct plm_recorder_link *recorder; /**< NULL: this server does not record */
    struct plm_webhooks *webhooks;            /**< NULL: none */
    const struct plm_http_files *recordings;
    const struct plm_config *config;
    const struct plm_histogram *lag;
    struct plm_metrics_pending pending[PLM_METRICS_PENDING];
};

/** Handler for GET /metrics; arg is a struct plm_http_metrics. */
plm_http_handler plm_http_metrics_serve;

/** Write the part that comes from the engine. @param detail also what is known of each transport */
void plm_metrics_write_engine(FILE *f, const struct plm_stats *stats, bool detail);

#endif
