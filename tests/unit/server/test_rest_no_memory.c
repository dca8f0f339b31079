/*
 * Each operation of the API with the Nth allocation failing: one answer, and either the one that it has with enough memory, octet by
 * octet, or 500 (503 where a room or a password had no place). Nothing leaks.
 */
#include "../../fakes/own_alloc.h"
#include "../signaling/world.h"
#include "http.h"
#include "json_memory.h"
#include "rest.h"

#include <openssl/crypto.h>
#include <setjmp.h>

#include <cmocka.h>

#define KEY "0123456789abcdef"

static unsigned left; /* allocations of the API until one fails; 0: none does */
static bool armed;    /* the API runs */

OWN_ALLOC_EARLY static bool alloc_fails(const void *caller)
{
    (void)caller;
    return armed && left && --left == 0;
}

/* ---- instead of HTTP: the linker lets the API call these ---- */

static struct {
    unsigned n, status;
    char body[8192];
} answer;

void __wrap_plm_http_reply(struct plm_http *h, uint64_t exchange, const struct plm_http_reply *reply);
void __wrap_plm_http_fail(struct plm_http *h, uint64_t exchange, unsigned status, const char *message,
    const struct plm_http_header *headers, size_t n_headers);

static void take(uint64_t exchange, unsigned status, const char *body)
{
    if (exchange != 42)
        abort();
    answer.n++;
    answer.status = status;
    snprintf(answer.body, sizeof answer.body, "%s", body);
}

void __wrap_plm_http_reply(struct plm_http *h, uint64_t exchange, const struct plm_http_reply *reply)
{
    (void)h;
    take(exchange, reply->status, reply->body ? reply->body->data : "");
}

void __wrap_plm_http_fail(struct plm_http *h, uint64_t exchange, unsigned status, const char *message,
    const struct plm_http_header *headers, size_t n_headers)
{
    (void)h;
    (void)headers;
    (void)n_headers;
    take(exchange, status, message);
}

/* ---- a server: a meeting of two, the API, its keys ---- */

struct server {
    struct world *w;
    struct plm_api_keys *keys;
    struct plm_rest *rest;
    struct peer *ada, *bob;
    uint64_t job;
};

static uint64_t wall_ms(void)
{
    return UINT64_C(1800000000000);
}

static void random_octets(void *out, size_t len)
{
    memset(out, 0x5a, len);
}

static int hash_password(void *arg, uint64_t job, const char *password)
{
    struct server *s = arg;
    (void)password;
    s->job = job;
    return 0;
}

static struct server *server_create(void)
{
    static const struct plm_api_change nothing;
    struct plm_refusal why;
    struct server *s = calloc(1, sizeof *s);
    s->w = world_create(NULL);
    if (plm_api_keys_create(&s->keys, random_octets, NULL) || plm_api_keys_ready(s->keys, wall_ms()))
        abort();
    struct plm_rest_setup setup = {.hub = s->w->hub,
        .keys = s->keys,
        .key = KEY,
        .random = random_octets,
        .wall_ms = wall_ms,
        .hash_password = hash_password,
        .arg = s};
    if (plm_rest_create(&s->rest, &setup))
        abort();
    plm_rest_set_http(s->rest, (struct plm_http *)s); /* never looked into */
    s->ada = peer_enter(s->w, "hall", "Ada", NULL);
    s->bob = peer_enter(s->w, "hall", "Bob", NULL);
    assert_int_equal(plm_api_room_create(s->w->hub, "den", &nothing, &why), 0);
    return s;
}

static void server_destroy(struct server *s)
{
    plm_rest_destroy(s->rest);
    plm_api_keys_destroy(s->keys);
    peer_destroy(s->ada);
    peer_destroy(s->bob);
    world_destroy(s->w);
    free(s);
    OPENSSL_thread_stop(); /* the texts of its errors */
}

struct operation {
    enum plm_http_method method;
    const char *path, *body;
    unsigned status; /* with enough memory */
};

static void serve(struct server *s, const struct operation *o)
{
    struct plm_http_request request = {.exchange = 42,
        .method = o->method,
        .path = o->path,
        .query = "",
        .body = o->body ? o->body : "",
        .len = o->body ? strlen(o->body) : 0,
        .source = "192.0.2.7",
        .host = "meet.example.org",
        .authorization = "Bearer " KEY,
        .content_type = "application/json"};
    answer.n = 0;
    s->job = 0;
    armed = true;
    plm_rest_serve(s->rest, &request);
    if (s->job)
        plm_rest_on_password(s->rest, s->job, "#hash");
    armed = false;
}

static const struct operation operations[] = {
    {PLM_HTTP_GET, "/api/v1/server", NULL, 200},
    {PLM_HTTP_GET, "/api/v1/rooms", NULL, 200},
    {PLM_HTTP_POST, "/api/v1/rooms", "{\"name\":\"attic\",\"owner\":true,\"codecs\":[\"VP8\",\"opus\"]}",
        201},
    {PLM_HTTP_POST, "/api/v1/rooms", "{\"name\":\"cellar\",\"password\":\"sesame\"}", 201},
    {PLM_HTTP_GET, "/api/v1/rooms/hall", NULL, 200},
    {PLM_HTTP_GET, "/api/v1/rooms/nowhere", NULL, 404},
    {PLM_HTTP_PATCH, "/api/v1/rooms/hall", "{\"settings\":{\"lobby\":true},\"password\":\"x\"}", 200},
    {PLM_HTTP_PATCH, "/api/v1/rooms/hall", "{\"settings\":{\"lobbby\":true}}", 400},
    {PLM_HTTP_DELETE, "/api/v1/rooms/den", NULL, 204},
    {PLM_HTTP_POST, "/api/v1/rooms/hall/end", NULL, 204},
    {PLM_HTTP_POST, "/api/v1/rooms/hall/messages", "{\"text\":\"hello\"}", 204},
    {PLM_HTTP_GET, "/api/v1/rooms/hall/participants", NULL, 200},
    {PLM_HTTP_PATCH, "/api/v1/rooms/hall/participants/2", "{\"role\":\"moderator\"}", 204},
    {PLM_HTTP_DELETE, "/api/v1/rooms/hall/participants/2", NULL, 204},
    {PLM_HTTP_POST, "/api/v1/rooms/hall/participants/2/mute", "{\"source\":\"microphone\"}", 204},
    {PLM_HTTP_POST, "/api/v1/rooms/hall/participants/2/messages", "{\"text\":\"psst\"}", 204},
    {PLM_HTTP_POST, "/api/v1/rooms/hall/tokens", "{\"identity\":\"eve\",\"role\":\"viewer\"}", 201},
    {PLM_HTTP_GET, "/api/v1/rooms/hall/recordings", NULL, 200},
    {PLM_HTTP_POST, "/api/v1/rooms/hall/recordings", NULL, 501},
    {PLM_HTTP_GET, "/api/v1/recordings", NULL, 200},
    {PLM_HTTP_POST, "/api/v1/revoked-tokens", "{\"id\":\"one\"}", 204},
    {PLM_HTTP_GET, "/api/v1/keys", NULL, 200},
    {PLM_HTTP_POST, "/api/v1/keys", "{\"name\":\"app\"}", 201},
    {PLM_HTTP_DELETE, "/api/v1/keys/none", NULL, 404},
};

/* @return whether it came to a failure */
static bool run(const struct operation *o, unsigned nth, const char *want)
{
    struct server *s = server_create();
    left = nth;
    serve(s, o);
    bool failed = nth && !left;
    left = 0;
    if (answer.n != 1)
        fail_msg("%s: allocation %u: %u answers", o->path, nth, answer.n);
    bool short_of = answer.status == 500 || answer.status == 503;
    if (!(failed && short_of) && answer.status != o->status)
        fail_msg("%s: allocation %u: %u: %s", o->path, nth, answer.status, answer.body);
    if (answer.status == o->status && want)
        assert_string_equal(answer.body, want);
    struct plm_hub_gauges g;
    plm_hub_gauges(s->w->hub, &g);
    server_destroy(s);
    return failed;
}

static void test_each_operation(void **state)
{
    (void)state;
    unsigned all = 0, refused = 0;
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++) {
        const struct operation *o = &operations[i];
        char want[sizeof answer.body];
        run(o, 0, NULL); /* libraries keep what they make on first use */
        memcpy(want, answer.body, sizeof want);
        for (unsigned nth = 1;; nth++) {
            long before = alloc_live;
            bool failed = run(o, nth, want);
            if (alloc_live != before)
                fail_msg("%s: allocation %u: %ld live, %ld before", o->path, nth, alloc_live, before);
            if (!failed)
                break;
            all++;
            refused += answer.status != o->status;
        }
    }
    print_message("%u allocations, each failed once; %u refusals\n", all, refused);
    assert_true(refused > 50);
}

int main(void)
{
    plm_json_memory_install();
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_operation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
