#include "engine_core.h"

#include <stdlib.h>
#include <string.h>

/** One question to the workers: how many still owe an answer, and what came. */
struct plm_stats_request {
    struct plm_stats_request *next;
    uint64_t id;
    enum plm_stats_scope scope;
    plm_transport_id transport;
    plm_stats_fn *fn;
    void *arg;
    unsigned awaited;
    struct plm_worker_report *reports[PLM_MAX_WORKERS];
};

static void free_request(struct plm_stats_request *r)
{
    for (unsigned i = 0; i < PLM_MAX_WORKERS; i++)
        plm_worker_report_free(r->reports[i]);
    free(r);
}

void plm_engine_stats_free(struct plm_engine *e)
{
    while (e->requests) {
        struct plm_stats_request *r = e->requests;
        e->requests = r->next;
        free_request(r);
    }
}

int plm_engine_stats(
    struct plm_engine *e, enum plm_stats_scope scope, plm_transport_id id, plm_stats_fn *fn, void *arg)
{
    struct plm_command *commands[PLM_MAX_WORKERS] = {0};
    if (scope == PLM_STATS_TRANSPORT && !plm_engine_find_transport(e, id))
        return PLM_ENOENT;
    struct plm_stats_request *r = calloc(1, sizeof *r);
    bool whole = r != NULL;
    for (unsigned i = 0; i < e->n_workers; i++)
        whole = (commands[i] = calloc(1, sizeof *commands[i])) && whole;
    if (!whole) {
        for (unsigned i = 0; i < e->n_workers; i++)
            free(commands[i]);
        free(r);
        return PLM_ENOMEM;
    }
    *r = (struct plm_stats_request){
        .next = e->requests,
        .id = ++e->next_request,
        .scope = scope,
        .transport = id,
        .fn = fn,
        .arg = arg,
        .awaited = e->n_workers,
    };
    e->requests = r;
    for (unsigned i = 0; i < e->n_workers; i++) {
        commands[i]->type = PLM_CMD_STATS;
        commands[i]->transport = id;
        commands[i]->stats.request = r->id;
        commands[i]->stats.scope = scope;
        plm_engine_post(e, i, commands[i]);
    }
    return 0;
}

/** Transports that no worker carries yet belong to a whole picture, too. @return how many were written */
static uint32_t add_waiting(
    const struct plm_engine *e, const struct plm_stats_request *r, struct plm_transport_stats *out)
{
    uint32_t n = 0;
    if (r->scope == PLM_STATS_TOTALS)
        return 0;
    for (const struct plm_engine_transport *t = e->first_unclaimed; t; t = t->next_unclaimed) {
        if (r->scope == PLM_STATS_TRANSPORT && t->id != r->transport)
            continue;
        if (plm_registry_owner(e->registry, t->id) != PLM_NO_OWNER)
            continue; /* its worker has told of it, or will the next time */
        out[n++] = (struct plm_transport_stats){
            .id = t->id, .room = t->room->id, .participant = t->participant, .state = PLM_TRANSPORT_NEW};
    }
    return n;
}

/** @return false: no memory */
static bool assemble(const struct plm_engine *e, const struct plm_stats_request *r, struct plm_stats *out)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < e->n_workers; i++)
        n += r->reports[i]->n_transports;
    uint32_t cap = n;
    for (const struct plm_engine_transport *t = e->first_unclaimed; t; t = t->next_unclaimed)
        cap++;
    out->now_us = plm_driver_now();
    out->n_workers = (uint16_t)e->n_workers;
    out->workers = calloc(e->n_workers, sizeof *out->workers);
    out->transports = calloc(cap ? cap : 1, sizeof *out->transports);
    if (!out->workers || !out->transports)
        return false;
    for (unsigned i = 0; i < e->n_workers; i++) {
        const struct plm_worker_report *report = r->reports[i];
        out->workers[i] = report->totals;
        if (report->n_transports)
            memcpy(&out->transports[out->n_transports], report->transports,
                report->n_transports * sizeof *out->transports);
        out->n_transports += report->n_transports;
    }
    out->n_transports += add_waiting(e, r, &out->transports[out->n_transports]);
    return true;
}

static void answer(struct plm_engine *e, struct plm_stats_request *r)
{
    struct plm_stats stats = {0};
    if (assemble(e, r, &stats))
        r->fn(r->arg, &stats);
    else
        plm_logf(&e->log, PLM_LOG_ERROR, "net", "out of memory: no statistics");
    free(stats.workers);
    free(stats.transports);
    free_request(r);
}

void plm_engine_on_report(struct plm_engine *e, uint8_t worker, struct plm_worker_report *report)
{
    struct plm_stats_request **at = &e->requests;
    while (*at && (*at)->id != report->request)
        at = &(*at)->next;
    struct plm_stats_request *r = *at;
    if (!r || r->reports[worker]) {
        plm_worker_report_free(report);
        return;
    }
    r->reports[worker] = report;
    if (--r->awaited)
        return;
    *at = r->next;
    answer(e, r);
}
