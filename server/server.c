#include "server.h"

#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <uv.h>

#include "http.h"
#include "http_file.h"
#include "http_health.h"
#include "http_listen.h"
#include "http_metrics.h"
#include "http_static.h"
#include "http_whip.h"
#include "hub.h"
#include "ice_servers.h"
#include "logger.h"
#include "media_bridge.h"
#include "passwords.h"
#include "recorder_link.h"
#include "recorder_paths.h"
#include "recording_tokens.h"
#include "rest.h"
#include "startup.h"
#include "store.h"
#include "tokens.h"
#include "webhooks.h"
#include "ws_server.h"

#define LAG_PERIOD_MS  100
#define HUB_PERIOD_MS  50   /* how late what is due may be */
#define FAREWELL_MS    2000 /* for clients to hear that the server goes down */
#define SAME_SIGNAL_MS 300
#define DRAIN_STEP_MS  20

struct plm_server {
    struct plm_config config;
    const char *file;
    struct plm_server_capture capture;
    uv_loop_t loop;
    bool loop_open, stopping;
    uint64_t stop_at_ms;

    struct plm_store *store;
    struct plm_http_listen *tcp_listen; /**< ICE-TCP's own ports */
    struct plm_engine *engine;
    struct plm_media_bridge *bridge;
    struct plm_passwords *passwords;
    struct plm_hub *hub;
    struct plm_ws *ws;
    struct plm_http *http;
    struct plm_api_keys *keys;
    struct plm_webhooks *webhooks; /* NULL: none */
    struct plm_recorder_paths recorder_paths;
    struct plm_recorder_link *recorder; /* NULL: this server does not record */
    struct plm_rest *rest;
    struct plm_http_files *recordings; /* to be played and downloaded */
    struct plm_recording_tokens recording_tokens;
    struct plm_ice_servers ice;

    struct plm_http_route routes[6];
    struct plm_http_static_server page;
    struct plm_http_whip whip;
    struct plm_http_metrics metrics;
    struct plm_http_health health;

    uv_poll_t engine_poll;
    uv_timer_t hub_timer, lag_timer, drain_timer;
    uv_signal_t on_term, on_int, on_hup;
    struct plm_histogram lag;
    uint64_t lag_due_us;
};

/* ---- media ---- */

static void on_media_event(void *arg, const struct plm_event *ev)
{
    struct plm_server *s = arg;
    plm_hub_on_media_event(s->hub, ev);
    plm_media_bridge_on_event(s->bridge, ev);
    if (ev->type == PLM_EV_FEED && s->recorder)
        plm_recorder_link_on_feed(s->recorder, ev->feed.worker);
}

static void on_stats(void *arg, const struct plm_transport_stats *t)
{
    plm_hub_on_stats(((struct plm_server *)arg)->hub, t);
}

/* Rooms are known by their names whatever the case. */
static bool is_captured(void *arg, plm_room_id media, plm_participant_id participant)
{
    const struct plm_server *s = arg;
    const char *room, *name;
    return plm_api_names(s->hub, media, participant, &room, &name) &&
           (!s->capture.room || !strcasecmp(s->capture.room, room)) &&
           (!s->capture.participant || !strcmp(s->capture.participant, name));
}

static void on_engine_readable(uv_poll_t *poll, int status, int events)
{
    struct plm_server *s = poll->data;
    (void)status;
    (void)events;
    plm_engine_dispatch(s->engine);
    plm_hub_flush(s->hub);
}

static uint16_t srtp_profile(int preferred)
{
    static const uint16_t numbers[] = {
        [PLM_CONFIG_GCM_128] = 7, [PLM_CONFIG_GCM_256] = 8, [PLM_CONFIG_CM_80] = 1};
    return numbers[preferred]; /* IANA */
}

static int start_engine(struct plm_server *s, char *err, size_t err_size)
{
    const struct plm_config *c = &s->config;
    struct plm_engine_config e = {.workers = c->rtc.workers,
        .spread_above = c->rtc.spread_above,
        .rcvbuf = c->rtc.rcvbuf,
        .sndbuf = c->rtc.sndbuf,
        .limits = c->rtc.limits,
        .consent_timeout_ms = c->rtc.consent_timeout_ms,
        .connect_timeout_ms = c->rtc.connect_timeout_ms,
        .srtp_prefer = srtp_profile(c->rtc.srtp_prefer),
        .capture = s->capture.file,
        .capture_max = (uint64_t)s->capture.megabytes << 20,
        .log = plm_log_from_engine};
    struct plm_config_addrs listen;

    int rc = plm_startup_rtc_listen(&listen, c, err, err_size);
    if (rc)
        return rc;
    e.flags =
        PLM_REPLACE_SRTP_KERNELS | (c->rtc.gso ? 0 : PLM_NO_GSO) | (c->rtc.ipsec_mb ? 0 : PLM_NO_IPSEC_MB);
    e.n_listen = listen.n;
    memcpy(e.listen, listen.addr, listen.n * sizeof(listen.addr[0]));
    e.n_advertise = c->rtc.advertise.n;
    memcpy(e.advertise, c->rtc.advertise.addr, c->rtc.advertise.n * sizeof(c->rtc.advertise.addr[0]));
    rc = plm_engine_create(&s->engine, &e, on_media_event, s);
    if (!rc)
        rc = plm_media_bridge_create(&s->bridge, s->engine);
    if (!rc && s->capture.file) {
        plm_media_bridge_set_capture(s->bridge, is_captured, s);
        plm_log(PLM_LOG_WARN, "net", "headers of media are captured into %s", s->capture.file);
    }
    if (rc)
        snprintf(err, err_size, "cannot start media: %s", plm_strerror(rc));
    return rc;
}

/* ---- storage ---- */

static int open_store(struct plm_server *s, char *err, size_t err_size)
{
    int rc = plm_startup_make_dir(s->config.data.dir, err, err_size);
    return rc ? rc : plm_store_open(&s->store, s->config.data.dir, err, err_size);
}

static int start_store(struct plm_server *s, char *err, size_t err_size)
{
    int rc = plm_store_start(s->store);
    if (rc)
        snprintf(err, err_size, "cannot start the storage thread: %s", plm_strerror(rc));
    return rc;
}

/* ---- recording ---- */

static void make_random(void *out, size_t len);

static int feed_room(void *ctx, plm_room_id room, bool on)
{
    return plm_engine_room_feed(((struct plm_server *)ctx)->engine, room, on);
}

static int feed_worker(void *ctx, unsigned worker, int fd)
{
    return plm_engine_feed(((struct plm_server *)ctx)->engine, worker, fd);
}

static void on_recording(void *ctx, const struct plm_recording_news *news)
{
    struct plm_server *s = ctx;
    plm_log(PLM_LOG_DEBUG, "rec", "recording %s: %s %s", news->id, plm_recording_state_name(news->state),
        plm_recording_reason_name(news->reason));
    plm_hub_on_recording(s->hub, news);
    plm_hub_flush(s->hub);
}

static int recorder_log_level(const struct plm_config *c)
{
    int level = c->log.tags[PLM_TAG_REC];
    return level == PLM_LOG_INHERIT ? c->log.level : level;
}

static int start_recorder(struct plm_server *s, char *err, size_t err_size)
{
    struct plm_recorder_paths *p = &s->recorder_paths;
    bool enabled;
    *err = 0;
    int rc = plm_recorder_paths_find(p, &enabled, &s->config, err, err_size);
    if (rc)
        return rc;
    if (*err)
        plm_log(PLM_LOG_WARN, "rec", "nothing can be recorded: %s", err);
    if (!enabled)
        return 0;
    const struct plm_recorder_host host = {
        .ctx = s, .room_feed = feed_room, .feed = feed_worker, .news = on_recording, .random = make_random};
    const struct plm_recorder_config config = {.program = p->program,
        .dir = p->dir,
        .socket = p->socket,
        .log_level = plm_log_level_name(recorder_log_level(&s->config)),
        .supervise = s->config.recording.supervise,
        .eager = s->config.recording.enabled == PLM_CONFIG_TRUE,
        .n_workers = plm_engine_workers(s->engine)};
    rc = plm_recorder_link_create(&s->recorder, &s->loop, &config, &host);
    if (rc)
        snprintf(err, err_size, "cannot prepare recording: %s", plm_strerror(rc));
    return rc;
}

/* ---- signalling ---- */

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static uint64_t now_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_MONOTONIC);
}

static uint64_t wall_ms(void *ctx)
{
    (void)ctx;
    return clock_ms(CLOCK_REALTIME);
}

static void fill_random(void *ctx, void *out, size_t len)
{
    unsigned char *p = out;
    (void)ctx;
    while (len) {
        ssize_t n = getrandom(p, len, 0);
        /* Only a signal can interrupt it; a kernel without getrandom runs none of this. */
        if (n <= 0)
            continue;
        p += n;
        len -= (size_t)n;
    }
}

static void make_random(void *out, size_t len)
{
    fill_random(NULL, out, len);
}

_Static_assert(PLM_CONFIG_MAX_SERVERS == PLM_HUB_MAX_ICE_SERVERS, "a client is told all that are configured");

static size_t tell_ice_servers(void *ctx, struct plm_msg_ice_server out[PLM_HUB_MAX_ICE_SERVERS])
{
    struct plm_server *s = ctx;
    plm_ice_servers_fill(&s->ice, &s->config, (uint64_t)time(NULL));
    for (size_t i = 0; i < s->ice.n; i++) {
        out[i].url = s->ice.server[i].url;
        out[i].username = s->ice.server[i].username;
        out[i].credential = s->ice.server[i].credential;
    }
    return s->ice.n;
}

static void log_room(void *ctx, const char *room, const char *text)
{
    (void)ctx;
    plm_log_write(PLM_LOG_INFO, "room", &(struct plm_log_ids){.room = room}, text);
}

static void on_hub_timer(uv_timer_t *timer)
{
    struct plm_server *s = timer->data;
    plm_hub_poll(s->hub);
    plm_hub_flush(s->hub);
}

static int start_password(void *ctx, uint64_t job, const char *password, const char *hash)
{
    return plm_passwords_submit(((struct plm_server *)ctx)->passwords, job, password, hash);
}

static void on_password(void *arg, uint64_t job, bool ok, const char *hash)
{
    struct plm_server *s = arg;
    if (job & PLM_REST_JOB)
        plm_rest_on_password(s->rest, job, ok ? hash : NULL);
    else
        plm_hub_on_password(s->hub, job, ok, hash);
}

/* What could not be taken was told by the hub. */
static void on_stored(void *arg, enum plm_store_kind kind, const char *key, const char *document, size_t len)
{
    struct plm_server *s = arg;
    int rc = 0;
    if (kind == PLM_STORE_API_KEY || kind == PLM_STORE_REVOKED)
        rc = plm_api_keys_restore(s->keys, kind, key, document, len);
    if (rc)
        plm_log(PLM_LOG_ERROR, "main", "a stored %s was left out: %s", plm_store_kind_name(kind),
            plm_strerror(rc));
    if (kind != PLM_STORE_API_KEY)
        plm_hub_restore(s->hub, kind, key, document, len);
}

static int check_token(void *ctx, const char *token, const char *room, struct plm_grants *out)
{
    return plm_token_check(((struct plm_server *)ctx)->keys, token, room, wall_ms(NULL), out);
}

static void tell_webhook(void *ctx, const struct plm_hub_event *ev)
{
    struct plm_server *s = ctx;
    if (s->webhooks)
        plm_webhooks_tell(s->webhooks, ev);
}

static void make_recording_token(
    void *ctx, const char *id, uint32_t epoch, uint64_t expires_ms, char out[PLM_RECORDING_TOKEN_SIZE])
{
    plm_recording_token_make(&((struct plm_server *)ctx)->recording_tokens, id, epoch, expires_ms, out);
}

/* The hub takes 0 for its default. */
static uint32_t at_once_if_zero(uint32_t ms)
{
    return ms ? ms : 1;
}

static int start_hub(struct plm_server *s, char *err, size_t err_size)
{
    const struct plm_config *c = &s->config;
    struct plm_media_port port;
    const struct plm_hub_host host = {.ctx = s,
        .now_ms = now_ms,
        .wall_ms = wall_ms,
        .random = fill_random,
        .ice_servers = tell_ice_servers,
        .check_token = check_token,
        .password = start_password,
        .recording_token = make_recording_token,
        .on_event = tell_webhook,
        .log = log_room};
    struct plm_hub_config h = {.grace_ms = at_once_if_zero(c->session.grace_s * 1000),
        .linger_ms = at_once_if_zero(c->rooms.linger_s * 1000),
        .max_rooms = c->rooms.max,
        .max_sessions = c->session.max,
        .max_participants = c->rooms.max_participants,
        .max_viewers = c->rooms.max_viewers,
        .max_records = c->rooms.max_known,
        .forget_days = c->rooms.forget_days,
        .make_rate = c->rooms.make_rate,
        .make_burst = c->rooms.make_burst,
        .lobby = c->rooms.lobby,
        .max_resources = c->rtc.limits.transports,
        .msg_rate = c->session.message_rate,
        .msg_burst = c->session.message_burst,
        .chat_rate = c->session.chat_rate,
        .chat_burst = c->session.chat_burst,
        .sdp_rate = c->session.sdp_rate,
        .sdp_burst = c->session.sdp_burst,
        .recording_limit_s = c->recording.limit_s,
        .recording_token_s = c->recording.link_s};
    const struct plm_ws_config w = {.max_queue = c->session.max_queue,
        .trusted_proxies = c->http.trusted_proxies.net,
        .n_trusted_proxies = c->http.trusted_proxies.n};
    struct plm_store_port store;
    struct plm_recording_port recorder;

    memcpy(h.codecs, c->rooms.codecs.codec, c->rooms.codecs.n * sizeof(h.codecs[0]));
    h.media.max_speakers = (uint8_t)c->rooms.max_speakers;
    plm_media_bridge_port(s->bridge, &port);
    plm_store_port(s->store, &store);
    int rc = plm_passwords_create(&s->passwords, &s->loop, on_password, s);
    if (!rc)
        rc = plm_api_keys_create(&s->keys, make_random, &store);
    if (!rc)
        rc = plm_hub_create(&s->hub, &h, &host, &port);
    if (!rc) {
        plm_media_bridge_on_stats(s->bridge, on_stats, s);
        plm_hub_set_store(s->hub, &store);
        plm_store_read(s->store, on_stored, s);
        plm_hub_restored(s->hub);
        if (s->recorder) {
            plm_recorder_link_port(s->recorder, &recorder);
            plm_hub_set_recorder(s->hub, &recorder);
        }
        rc = plm_api_keys_ready(s->keys, wall_ms(NULL));
    }
    if (!rc) {
        rc = plm_ws_create(&s->ws, &w, s->hub);
    }
    if (rc)
        snprintf(err, err_size, "cannot start signalling: %s", plm_strerror(rc));
    return rc;
}

/* ---- HTTP ---- */

static uint64_t rest_wall_ms(void)
{
    return wall_ms(NULL);
}

static int hash_password(void *arg, uint64_t job, const char *password)
{
    return plm_passwords_submit(((struct plm_server *)arg)->passwords, job, password, NULL);
}

static int start_webhooks(struct plm_server *s, char *err, size_t err_size)
{
    const struct plm_config *c = &s->config;
    if (!c->webhooks.url)
        return 0;
    int rc = plm_webhooks_create(&s->webhooks, &s->loop, c->webhooks.url, c->webhooks.secret, make_random);
    if (rc)
        snprintf(err, err_size, "webhooks.url: %s", plm_strerror(rc));
    return rc;
}

static int start_rest(struct plm_server *s)
{
    int rc = plm_http_files_create(&s->recordings, &s->loop, s->recorder_paths.dir);
    if (rc)
        return rc;
    const struct plm_rest_setup setup = {.hub = s->hub,
        .keys = s->keys,
        .key = s->config.api.key,
        .random = make_random,
        .wall_ms = rest_wall_ms,
        .files = s->recordings,
        .recording_tokens = &s->recording_tokens,
        .hash_password = hash_password,
        .arg = s};
    return plm_rest_create(&s->rest, &setup);
}

static bool is_health(const char *path)
{
    return !strcmp(path, "/healthz");
}

static bool is_metrics(const char *path)
{
    return !strcmp(path, "/metrics");
}

static bool is_any(const char *path)
{
    (void)path;
    return true;
}

static void make_routes(struct plm_server *s)
{
    s->routes[0] = (struct plm_http_route){
        .matches = is_health, .methods = PLM_HTTP_GET, .handler = plm_http_health_serve, .arg = &s->health};
    s->routes[1] = (struct plm_http_route){.matches = is_metrics,
        .methods = PLM_HTTP_GET,
        .handler = plm_http_metrics_serve,
        .arg = &s->metrics};
    s->routes[2] = (struct plm_http_route){.matches = plm_http_whip_is_resource,
        .methods = PLM_HTTP_PATCH | PLM_HTTP_DELETE,
        .cors = true,
        .handler = plm_http_whip_resource,
        .arg = &s->whip};
    s->routes[3] = (struct plm_http_route){.matches = plm_http_whip_is_endpoint,
        .methods = PLM_HTTP_POST,
        .cors = true,
        .accept_post = "application/sdp",
        .handler = plm_http_whip_post,
        .arg = &s->whip};
    s->routes[4] = (struct plm_http_route){.matches = plm_rest_matches,
        .methods = PLM_HTTP_GET | PLM_HTTP_POST | PLM_HTTP_PATCH | PLM_HTTP_DELETE,
        .handler = plm_rest_serve,
        .arg = s->rest};
    s->routes[5] = (struct plm_http_route){
        .matches = is_any, .methods = PLM_HTTP_GET, .handler = plm_http_static_serve, .arg = &s->page};
}

static int load_page(struct plm_server *s, char *err, size_t err_size)
{
    char root[PATH_MAX];
    struct plm_http_static *files;

    plm_startup_web_root(&s->config, root, sizeof(root));
    int rc = plm_http_static_create(&files, root);
    if (rc) {
        snprintf(err, err_size, "http.web_root: %.400s: %s", root, plm_strerror(rc));
        return rc;
    }
    if (!plm_http_static_has_page(files))
        plm_log(PLM_LOG_WARN, "http", "http.web_root: no index.html in %s, so there is no page", root);
    plm_http_static_destroy(s->page.files);
    s->page.files = files;
    return 0;
}

/* A connection that brings media. It is counted where it is refused. */
static void on_tcp_stream(void *arg, int fd)
{
    struct plm_server *s = arg;
    plm_engine_stream(s->engine, fd);
}

/* ICE-TCP's ports of its own; and what clients are told of all its ports. */
static int start_tcp(struct plm_server *s, char *err, size_t err_size)
{
    const struct plm_config *c = &s->config;
    struct plm_addr bound[2 * PLM_CONFIG_MAX_ADDRS];
    size_t n = 0;

    int rc = plm_http_listen_create(
        &s->tcp_listen, &s->loop, "rtc.tcp_listen", &c->rtc.tcp_listen, on_tcp_stream, s, err, err_size);
    if (rc)
        return rc;
    for (size_t i = 0; plm_http_listen_address(s->tcp_listen, i, &bound[n]); i++)
        n++;
    for (size_t i = 0; c->rtc.tcp_on_http && plm_http_address(s->http, i, &bound[n]); i++)
        n++;
    plm_media_bridge_set_tcp(s->bridge, bound, n, c->rtc.tcp_advertise.addr, c->rtc.tcp_advertise.n);
    return 0;
}

static int start_http(struct plm_server *s, char *err, size_t err_size)
{
    int rc = load_page(s, err, err_size);
    if (rc)
        return rc;
    rc = start_rest(s);
    if (rc) {
        snprintf(err, err_size, "cannot start the API: %s", plm_strerror(rc));
        return rc;
    }
    make_routes(s);
    const struct plm_http_setup setup = {.loop = &s->loop,
        .config = &s->config,
        .routes = s->routes,
        .n_routes = sizeof(s->routes) / sizeof(s->routes[0]),
        .websocket = plm_ws_protocol(s->ws),
        .stream = s->config.rtc.tcp_on_http ? on_tcp_stream : NULL,
        .stream_arg = s};
    rc = plm_http_create(&s->http, &setup, err, err_size);
    if (!rc)
        rc = start_tcp(s, err, err_size);
    if (rc)
        return rc;
    plm_rest_set_http(s->rest, s->http);
    plm_http_files_set_http(s->recordings, s->http);
    s->page.http = s->http;
    s->health = (struct plm_http_health){s->http, s->hub, false};
    s->whip = (struct plm_http_whip){s->http, s->hub, &s->config};
    s->metrics = (struct plm_http_metrics){.http = s->http,
        .engine = s->engine,
        .hub = s->hub,
        .ws = s->ws,
        .store = s->store,
        .recorder = s->recorder,
        .webhooks = s->webhooks,
        .recordings = s->recordings,
        .config = &s->config,
        .lag = &s->lag};
    return 0;
}

/* ---- the loop ---- */

static void on_lag_timer(uv_timer_t *timer)
{
    struct plm_server *s = timer->data;
    uint64_t now_us = uv_hrtime() / 1000;
    if (s->lag_due_us)
        plm_histogram_add(&s->lag, now_us > s->lag_due_us ? now_us - s->lag_due_us : 0);
    s->lag_due_us = now_us + LAG_PERIOD_MS * 1000;
}

static void on_drain_timer(uv_timer_t *timer)
{
    struct plm_server *s = timer->data;
    struct plm_ws_stats ws;
    plm_ws_stats(s->ws, &ws);
    if (!ws.sockets || now_ms(NULL) >= s->stop_at_ms)
        uv_stop(&s->loop);
}

static void on_stop_signal(uv_signal_t *signal, int number)
{
    struct plm_server *s = signal->data;
    if (s->stopping) {
        /* One that follows at once is the same wish: a terminal and a script both send it. */
        if (now_ms(NULL) + FAREWELL_MS - s->stop_at_ms > SAME_SIGNAL_MS)
            uv_stop(&s->loop);
        return;
    }
    plm_log(PLM_LOG_INFO, "main", "signal %d: stopping", number);
    s->stopping = true;
    s->health.stopping = true;
    s->stop_at_ms = now_ms(NULL) + FAREWELL_MS;
    plm_http_stop_listening(s->http);
    plm_hub_suspend(s->hub);
    uv_timer_start(&s->drain_timer, on_drain_timer, DRAIN_STEP_MS, DRAIN_STEP_MS);
}

/* What can change while meetings run: levels and format of the log, the certificate's files, and the page. */
static void on_reload_signal(uv_signal_t *signal, int number)
{
    struct plm_server *s = signal->data;
    struct plm_config renewed;
    char err[PLM_CONFIG_ERROR_SIZE];
    (void)number;

    if (plm_config_load(&renewed, s->file, environ, err)) {
        plm_log(PLM_LOG_ERROR, "main", "not reloaded: %s", err);
        return;
    }
    s->config.log = renewed.log;
    plm_log_configure(&s->config);
    plm_config_free(&renewed);
    if (load_page(s, err, sizeof(err)))
        plm_log(PLM_LOG_ERROR, "main", "page not reloaded: %s", err);
    if (plm_http_reload_tls(s->http, err, sizeof(err)))
        plm_log(PLM_LOG_ERROR, "main", "certificate not reloaded: %s", err);
    plm_log(PLM_LOG_INFO, "main", "reloaded the log's settings, the certificate and the page");
}

static int start_handles(struct plm_server *s)
{
    uv_handle_t *handles[] = {(uv_handle_t *)&s->hub_timer, (uv_handle_t *)&s->lag_timer,
        (uv_handle_t *)&s->drain_timer, (uv_handle_t *)&s->on_term, (uv_handle_t *)&s->on_int,
        (uv_handle_t *)&s->on_hup, (uv_handle_t *)&s->engine_poll};

    uv_timer_init(&s->loop, &s->hub_timer);
    uv_timer_init(&s->loop, &s->lag_timer);
    uv_timer_init(&s->loop, &s->drain_timer);
    uv_signal_init(&s->loop, &s->on_term);
    uv_signal_init(&s->loop, &s->on_int);
    uv_signal_init(&s->loop, &s->on_hup);
    int rc = uv_poll_init(&s->loop, &s->engine_poll, plm_engine_fd(s->engine));
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof(handles) / sizeof(handles[0]); i++)
        handles[i]->data = s;
    uv_timer_start(&s->hub_timer, on_hub_timer, HUB_PERIOD_MS, HUB_PERIOD_MS);
    uv_timer_start(&s->lag_timer, on_lag_timer, LAG_PERIOD_MS, LAG_PERIOD_MS);
    uv_signal_start(&s->on_term, on_stop_signal, SIGTERM);
    uv_signal_start(&s->on_int, on_stop_signal, SIGINT);
    uv_signal_start(&s->on_hup, on_reload_signal, SIGHUP);
    return uv_poll_start(&s->engine_poll, UV_READABLE, on_engine_readable);
}

/* ---- life ---- */

static void announce(const struct plm_server *s)
{
    struct plm_addr addr;
    char text[PLM_ADDR_TEXT];

    for (size_t i = 0; plm_http_address(s->http, i, &addr); i++)
        plm_log(PLM_LOG_INFO, "main", "page and API on %s://%s",
            s->config.http.certificate ? "https" : "http", plm_addr_format(&addr, text, sizeof(text)));
    if (plm_rest_is_open(s->rest))
        plm_log(PLM_LOG_INFO, "main",
            "no key for the API: programs and pages on this machine may make rooms (api.key)");
    plm_log(PLM_LOG_INFO, "main", "plenum " PLM_VERSION " is ready, media workers: %u",
        plm_engine_workers(s->engine));
}

int plm_server_create(struct plm_server **out, struct plm_config *config,
    const struct plm_server_capture *capture, const char *file, char *err, size_t err_size)
{
    struct plm_server *s = calloc(1, sizeof(*s));
    if (!s) {
        plm_config_free(config);
        snprintf(err, err_size, "out of memory");
        return PLM_ENOMEM;
    }
    s->config = *config;
    memset(config, 0, sizeof(*config));
    s->file = file;
    s->capture = *capture;
    make_random(s->recording_tokens.key, sizeof(s->recording_tokens.key));
    plm_log_configure(&s->config);
    plm_startup_raise_nofile(&s->config);

    int rc = plm_startup_judge(&s->config, err, err_size);
    if (!rc && (rc = uv_loop_init(&s->loop)))
        snprintf(err, err_size, "cannot make a loop: %s", plm_strerror(rc));
    s->loop_open = !rc;
    if (!rc)
        rc = open_store(s, err, err_size);
    if (!rc)
        rc = start_engine(s, err, err_size);
    if (!rc)
        rc = start_recorder(s, err, err_size);
    if (!rc)
        rc = start_hub(s, err, err_size);
    if (!rc)
        rc = start_store(s, err, err_size);
    if (!rc)
        rc = start_webhooks(s, err, err_size);
    if (!rc)
        rc = start_http(s, err, err_size);
    if (!rc && (rc = start_handles(s)))
        snprintf(err, err_size, "cannot watch the media engine: %s", plm_strerror(rc));
    if (rc) {
        plm_server_destroy(s);
        return rc;
    }
    announce(s);
    *out = s;
    return 0;
}

void plm_server_run(struct plm_server *s)
{
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
    struct plm_server *s = arg;
    uv_handle_t *own[] = {(uv_handle_t *)&s->hub_timer, (uv_handle_t *)&s->lag_timer,
        (uv_handle_t *)&s->drain_timer, (uv_handle_t *)&s->on_term, (uv_handle_t *)&s->on_int,
        (uv_handle_t *)&s->on_hup, (uv_handle_t *)&s->engine_poll};

    /* libwebsockets and the listeners close theirs themselves. */
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (handle == own[i] && !uv_is_closing(handle))
            uv_close(handle, NULL);
}

/* Backwards: HTTP ends the sessions, which still speak to the hub, which still speaks to the engine and the store. */
void plm_server_destroy(struct plm_server *s)
{
    if (!s)
        return;
    plm_http_listen_close(s->tcp_listen);
    plm_http_close(s->http);
    plm_http_files_close(s->recordings);
    plm_passwords_close(s->passwords);
    plm_webhooks_close(s->webhooks);
    plm_recorder_link_close(s->recorder);
    if (s->loop_open) {
        uv_walk(&s->loop, close_handle, s);
        uv_run(&s->loop, UV_RUN_DEFAULT);
    }
    plm_http_destroy(s->http);
    plm_http_files_destroy(s->recordings);
    plm_ws_destroy(s->ws);
    plm_passwords_destroy(s->passwords);
    plm_rest_destroy(s->rest);
    plm_hub_destroy(s->hub);
    plm_webhooks_destroy(s->webhooks);
    plm_recorder_link_destroy(s->recorder);
    plm_api_keys_destroy(s->keys);
    plm_media_bridge_destroy(s->bridge);
    plm_engine_destroy(s->engine);
    plm_store_close(s->store);
    plm_http_static_destroy(s->page.files);
    if (s->loop_open && uv_loop_close(&s->loop))
        plm_log(PLM_LOG_ERROR, "main", "handles were left open");
    plm_config_free(&s->config);
    free(s);
}
