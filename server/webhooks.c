#include "webhooks.h"

#include <curl/curl.h>
#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json_text.h"
#include "logger.h"

#define SIGNATURE_SIZE 96

struct event {
    struct event *next;
    struct plm_text *body;
    uint64_t at; /* uv_now */
};

/** A socket of libcurl's that we watch for it. */
struct watched {
    struct plm_webhooks *hooks;
    uv_poll_t poll;
    curl_socket_t socket;
};

struct plm_webhooks {
    uv_loop_t *loop;
    char *url, *secret;
    void (*random)(void *out, size_t len);
    CURLM *multi;
    CURL *easy;
    struct curl_slist *headers; /* of the try under way; NULL: none */
    uv_timer_t curl_timer, retry_timer;
    struct event *first, **end;
    uint32_t waiting;
    unsigned tries; /* of the first */
    bool closed;
    struct plm_webhooks_stats stats;
};

/* ---- bodies ---- */

static const char *type_name(enum plm_hub_event_type type)
{
    static const char *const names[] = {
        [PLM_HUB_ROOM_STARTED] = "room_started",
        [PLM_HUB_ROOM_ENDED] = "room_ended",
        [PLM_HUB_PARTICIPANT_JOINED] = "participant_joined",
        [PLM_HUB_PARTICIPANT_LEFT] = "participant_left",
        [PLM_HUB_PARTICIPANT_WAITING] = "participant_waiting",
        [PLM_HUB_BREAKOUTS_OPENED] = "breakouts_opened",
        [PLM_HUB_BREAKOUTS_CLOSED] = "breakouts_closed",
        [PLM_HUB_RECORDING_STARTED] = "recording.started",
        [PLM_HUB_RECORDING_READY] = "recording.ready",
        [PLM_HUB_RECORDING_FAILED] = "recording.failed",
    };
    return names[type];
}

static void to_hex(char *out, const unsigned char *octets, size_t n)
{
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", octets[i]);
}

static struct plm_text *describe(const struct plm_webhooks *w, const struct plm_hub_event *ev)
{
    unsigned char random[16];
    char id[2 * sizeof(random) + 1];
    w->random(random, sizeof(random));
    to_hex(id, random, sizeof(random));
    json_t *o = json_pack("{s:s, s:s, s:s, s:I}", "id", id, "type", type_name(ev->type), "room", ev->room,
        "at", (json_int_t)ev->at);
    int err = 0;
    if (o && ev->participant)
        err = json_object_set_new(o, "participant",
            json_pack("{s:I, s:s, s:s}", "id", (json_int_t)ev->participant, "name", ev->name, "identity",
                ev->identity));
    if (o && ev->reason && *ev->reason)
        err |= json_object_set_new(o, "reason", json_string(ev->reason));
    const struct plm_api_recording *rec = ev->recording;
    if (o && rec)
        err |= json_object_set_new(o, "recording",
            json_pack("{s:s, s:I, s:I, s:I, s:i}", "id", rec->id, "started_at", (json_int_t)rec->started_ms,
                "duration_ms", (json_int_t)(rec->duration_us / 1000), "bytes", (json_int_t)rec->bytes,
                "files", (int)rec->files));
    if (!err)
        return plm_json_text(o);
    json_decref(o);
    return NULL;
}

void plm_webhooks_sign(char *out, size_t size, const char *secret, uint64_t seconds, const char *body)
{
    unsigned char mac[32];
    char stamp[24], hex[2 * sizeof(mac) + 1];
    size_t n = (size_t)snprintf(stamp, sizeof(stamp), "%llu.", (unsigned long long)seconds),
           len = strlen(body);
    unsigned char *text = malloc(n + len);
    out[0] = 0;
    if (!text)
        return;
    memcpy(text, stamp, n);
    memcpy(text + n, body, len);
    const void *made = HMAC(EVP_sha256(), secret, (int)strlen(secret), text, n + len, mac, NULL);
    free(text);
    if (!made)
        return;
    to_hex(hex, mac, sizeof(mac));
    snprintf(out, size, "t=%llu,v1=%s", (unsigned long long)seconds, hex);
}

/* ---- one try after the other ---- */

static void start_try(struct plm_webhooks *w);

static void drop_first(struct plm_webhooks *w)
{
    struct event *e = w->first;
    w->first = e->next;
    if (!w->first)
        w->end = &w->first;
    w->waiting--;
    w->tries = 0;
    plm_text_unref(e->body);
    free(e);
}

static void on_retry(uv_timer_t *timer)
{
    struct plm_webhooks *w = timer->data;
    w->stats.retried++;
    start_try(w);
}

static uint64_t delay_ms(unsigned tries)
{
    uint64_t ms = (uint64_t)PLM_WEBHOOKS_FIRST_MS << (tries - 1);
    return ms < PLM_WEBHOOKS_LAST_MS ? ms : PLM_WEBHOOKS_LAST_MS;
}

static void on_try_failed(struct plm_webhooks *w, const char *why)
{
    w->stats.failed++;
    if (++w->tries >= PLM_WEBHOOKS_TRIES) {
        plm_log(PLM_LOG_ERROR, "main", "webhook: given up after %u tries: %s", w->tries, why);
        w->stats.given_up++;
        drop_first(w);
        start_try(w);
        return;
    }
    plm_log(PLM_LOG_WARN, "main", "webhook: try %u failed: %s", w->tries, why);
    uv_timer_start(&w->retry_timer, on_retry, delay_ms(w->tries), 0);
}

static void end_try(struct plm_webhooks *w)
{
    curl_multi_remove_handle(w->multi, w->easy);
    curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(w->headers);
    w->headers = NULL;
}

static void on_try_done(struct plm_webhooks *w, CURLcode result)
{
    long status = 0;
    char why[64];
    curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
    end_try(w);
    if (result == CURLE_OK && status >= 200 && status < 300) {
        w->stats.delivered++;
        drop_first(w);
        start_try(w);
        return;
    }
    snprintf(why, sizeof(why), "status %ld", status);
    on_try_failed(w, result == CURLE_OK ? why : curl_easy_strerror(result));
}

static void take_results(struct plm_webhooks *w)
{
    CURLMsg *msg;
    int left;
    while ((msg = curl_multi_info_read(w->multi, &left)))
        if (msg->msg == CURLMSG_DONE)
            on_try_done(w, msg->data.result);
}

static struct curl_slist *make_headers(const struct plm_webhooks *w)
{
    char signature[SIGNATURE_SIZE], line[SIGNATURE_SIZE + 32];
    plm_webhooks_sign(signature, sizeof(signature), w->secret, (uint64_t)time(NULL), w->first->body->data);
    snprintf(line, sizeof(line), "Plenum-Signature: %s", signature);
    struct curl_slist *first = *signature ? curl_slist_append(NULL, line) : NULL;
    struct curl_slist *all = first ? curl_slist_append(first, "Content-Type: application/json") : NULL;
    if (!all)
        curl_slist_free_all(first);
    return all;
}

static void start_try(struct plm_webhooks *w)
{
    if (!w->first || w->headers || w->closed)
        return;
    w->headers = make_headers(w);
    if (!w->headers) {
        on_try_failed(w, "out of memory");
        return;
    }
    const char *body = w->first->body->data;
    curl_easy_setopt(w->easy, CURLOPT_HTTPHEADER, w->headers);
    curl_easy_setopt(w->easy, CURLOPT_POSTFIELDS, body);
    if (curl_multi_add_handle(w->multi, w->easy)) {
        end_try(w);
        on_try_failed(w, "out of memory");
    }
}

/* ---- libcurl on the loop ---- */

static void on_socket_ready(uv_poll_t *poll, int status, int events)
{
    struct watched *s = poll->data;
    struct plm_webhooks *w = s->hooks; /* s may be gone afterwards */
    int running,
        flags = (events & UV_READABLE ? CURL_CSELECT_IN : 0) | (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0);
    curl_multi_socket_action(w->multi, s->socket, status < 0 ? CURL_CSELECT_ERR : flags, &running);
    take_results(w);
}

static void free_watched(uv_handle_t *handle)
{
    free(handle->data);
}

static struct watched *watch(struct plm_webhooks *w, curl_socket_t socket)
{
    struct watched *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    if (uv_poll_init_socket(w->loop, &s->poll, socket)) {
        free(s);
        return NULL;
    }
    s->hooks = w;
    s->socket = socket;
    s->poll.data = s;
    curl_multi_assign(w->multi, socket, s);
    return s;
}

static int on_curl_socket(CURL *easy, curl_socket_t socket, int action, void *arg, void *known)
{
    struct plm_webhooks *w = arg;
    struct watched *s = known;
    (void)easy;
    if (action == CURL_POLL_REMOVE) {
        if (s) {
            curl_multi_assign(w->multi, socket, NULL);
            uv_close((uv_handle_t *)&s->poll, free_watched);
        }
        return 0;
    }
    if (!s && !(s = watch(w, socket)))
        return -1;
    int events = (action & CURL_POLL_IN ? UV_READABLE : 0) | (action & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return uv_poll_start(&s->poll, events, on_socket_ready) ? -1 : 0;
}

static void on_curl_timer(uv_timer_t *timer)
{
    struct plm_webhooks *w = timer->data;
    int running;
    curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    take_results(w);
}

static int on_curl_timeout(CURLM *multi, long ms, void *arg)
{
    struct plm_webhooks *w = arg;
    (void)multi;
    if (ms < 0)
        uv_timer_stop(&w->curl_timer);
    else /* never from within: libcurl forbids it */
        uv_timer_start(&w->curl_timer, on_curl_timer, (uint64_t)(ms ? ms : 1), 0);
    return 0;
}

static size_t throw_away(char *data, size_t size, size_t n, void *arg)
{
    (void)data;
    (void)arg;
    return size * n;
}

/* ---- life ---- */

static bool set_options(struct plm_webhooks *w)
{
    CURLcode err = curl_easy_setopt(w->easy, CURLOPT_URL, w->url);
    err |= curl_easy_setopt(w->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    err |= curl_easy_setopt(w->easy, CURLOPT_FOLLOWLOCATION, 0L);
    err |= curl_easy_setopt(w->easy, CURLOPT_NOSIGNAL, 1L);
    err |= curl_easy_setopt(
        w->easy, CURLOPT_NOPROXY, "*"); /* the address as it is, whatever the environment says */
    err |= curl_easy_setopt(w->easy, CURLOPT_TIMEOUT_MS, (long)PLM_WEBHOOKS_TIMEOUT_MS);
    /* Its thread that still asks a silent name server is left to end by itself: to join it would stop the loop. */
    err |= curl_easy_setopt(w->easy, CURLOPT_QUICK_EXIT, 1L);
    err |= curl_easy_setopt(w->easy, CURLOPT_WRITEFUNCTION, throw_away);
    err |= curl_easy_setopt(w->easy, CURLOPT_USERAGENT, "plenum/" PLM_VERSION);
    CURLMcode bad = curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
    bad |= curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
    bad |= curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_curl_timeout);
    bad |= curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
    return !err && !bad;
}

bool plm_webhooks_is_url(const char *url)
{
    CURLU *parsed = curl_url();
    char *scheme = NULL;
    bool good = parsed && !curl_url_set(parsed, CURLUPART_URL, url, 0) &&
                !curl_url_get(parsed, CURLUPART_SCHEME, &scheme, 0) &&
                (!strcmp(scheme, "http") || !strcmp(scheme, "https"));
    curl_free(scheme);
    curl_url_cleanup(parsed);
    return good;
}

int plm_webhooks_create(struct plm_webhooks **out, uv_loop_t *loop, const char *url, const char *secret,
    void (*random)(void *out, size_t len))
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT))
        return PLM_ENOMEM;
    struct plm_webhooks *w = plm_webhooks_is_url(url) ? calloc(1, sizeof(*w)) : NULL;
    if (!w) {
        curl_global_cleanup();
        return plm_webhooks_is_url(url) ? PLM_ENOMEM : PLM_EINVAL;
    }
    w->loop = loop;
    w->random = random;
    w->end = &w->first;
    w->url = strdup(url);
    w->secret = strdup(secret);
    w->multi = curl_multi_init();
    w->easy = curl_easy_init();
    if (!w->url || !w->secret || !w->multi || !w->easy || !set_options(w)) {
        w->closed = true;
        plm_webhooks_destroy(w);
        return PLM_ENOMEM;
    }
    uv_timer_init(loop, &w->curl_timer);
    uv_timer_init(loop, &w->retry_timer);
    w->curl_timer.data = w->retry_timer.data = w;
    *out = w;
    return 0;
}

void plm_webhooks_tell(struct plm_webhooks *w, const struct plm_hub_event *ev)
{
    if (w->closed)
        return;
    struct event *e = calloc(1, sizeof(*e));
    if (e)
        e->body = describe(w, ev);
    if (!e || !e->body) { /* memory is short */
        w->stats.given_up++;
        free(e);
        return;
    }
    e->at = uv_now(w->loop);
    if (w->waiting >= PLM_WEBHOOKS_MAX_WAITING && !w->headers) {
        w->stats.given_up++;
        drop_first(w);
    } else if (w->waiting > PLM_WEBHOOKS_MAX_WAITING) { /* the oldest is on its way and cannot go */
        w->stats.given_up++;
        plm_text_unref(e->body);
        free(e);
        return;
    }
    *w->end = e;
    w->end = &e->next;
    w->waiting++;
    if (!uv_is_active((uv_handle_t *)&w->retry_timer))
        start_try(w);
}

void plm_webhooks_stats(const struct plm_webhooks *w, struct plm_webhooks_stats *out)
{
    *out = w->stats;
    out->waiting = w->waiting;
    out->oldest_ms = w->first ? uv_now(w->loop) - w->first->at : 0;
}

void plm_webhooks_close(struct plm_webhooks *w)
{
    if (!w || w->closed)
        return;
    w->closed = true;
    if (w->headers)
        end_try(w);
    curl_multi_cleanup(w->multi); /* closes what is kept open, and so its sockets here */
    w->multi = NULL;
    uv_close((uv_handle_t *)&w->curl_timer, NULL);
    uv_close((uv_handle_t *)&w->retry_timer, NULL);
}

void plm_webhooks_destroy(struct plm_webhooks *w)
{
    if (!w)
        return;
    while (w->first)
        drop_first(w);
    if (w->multi)
        curl_multi_cleanup(w->multi);
    if (w->easy)
        curl_easy_cleanup(w->easy);
    if (w->secret)
        OPENSSL_cleanse(w->secret, strlen(w->secret));
    free(w->secret);
    free(w->url);
    free(w);
    curl_global_cleanup();
}
