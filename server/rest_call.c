#include "rest_call.h"

#include <stdio.h>
#include <string.h>

#include <errno.h>

#include "http_whip.h"
#include "json_text.h"

const char *const plm_rest_role_names[] = {"owner", "moderator", "speaker", "viewer", NULL};

void plm_rest_hex(char *out, const uint8_t *octets, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[octets[i] >> 4];
        out[2 * i + 1] = digits[octets[i] & 15];
    }
    out[2 * n] = 0;
}

/* ---- answers ---- */

static const struct plm_http_header no_store = {"cache-control:", "no-store"};

void plm_rest_answer_to(struct plm_rest *r, uint64_t exchange, unsigned status, json_t *body)
{
    struct plm_http_reply reply = {.status = status,
        .content_type = "application/json",
        .headers = &no_store,
        .n_headers = 1,
        .body = plm_json_text(body)};
    if (reply.body)
        plm_http_reply(r->http, exchange, &reply);
    else
        plm_http_fail(r->http, exchange, 500, "out of memory", NULL, 0);
    plm_text_unref(reply.body);
}

void plm_rest_answer(struct plm_rest_call *c, unsigned status, json_t *body)
{
    plm_rest_answer_to(c->rest, c->request->exchange, status, body);
}

json_t *plm_rest_whole(json_t *body, int err)
{
    if (!err)
        return body;
    json_decref(body);
    return NULL;
}

void plm_rest_answer_nothing(struct plm_rest_call *c)
{
    plm_http_reply(c->rest->http, c->request->exchange,
        &(struct plm_http_reply){.status = 204, .headers = &no_store, .n_headers = 1});
}

void plm_rest_fail(struct plm_rest_call *c, unsigned status, const char *message)
{
    plm_http_fail(c->rest->http, c->request->exchange, status, message, NULL, 0);
}

static unsigned status_of(int err, const struct plm_refusal *why)
{
    if (err == PLM_ENOENT)
        return 404;
    if (err == -EEXIST)
        return 409;
    switch (why->code) {
    case PLM_MSG_error_code_bad_message:
        return 400;
    case PLM_MSG_error_code_not_found:
        return 404;
    case PLM_MSG_error_code_forbidden:
        return 403;
    case PLM_MSG_error_code_bad_state:
        return 409;
    case PLM_MSG_error_code_too_fast:
        return 429;
    case PLM_MSG_error_code_full:
        return 503;
    case PLM_MSG_error_code_not_available:
        return 501;
    default:
        return 500;
    }
}

void plm_rest_refuse_to(struct plm_rest *r, uint64_t exchange, int err, const struct plm_refusal *why)
{
    json_t *body = json_pack("{s:s, s:s}", "code", plm_msg_error_code_name(why->code), "message",
        *why->message ? why->message : plm_strerror(err));
    if (*why->field)
        body = plm_rest_whole(body, json_object_set_new(body, "field", json_string(why->field)));
    plm_rest_answer_to(r, exchange, status_of(err, why), body);
}

void plm_rest_refuse(struct plm_rest_call *c, int err, const struct plm_refusal *why)
{
    plm_rest_refuse_to(c->rest, c->request->exchange, err, why);
}

void plm_rest_done(struct plm_rest_call *c, int err, const struct plm_refusal *why)
{
    if (err)
        plm_rest_refuse(c, err, why);
    else
        plm_rest_answer_nothing(c);
}

/* @return false: it has no room; out is empty then */
static bool decode(char *out, size_t size, const char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len && n < size; i++) {
        unsigned octet = (unsigned char)text[i];
        if (octet == '%' && i + 2 < len && sscanf(text + i + 1, "%2x", &octet) == 1)
            i += 2;
        out[n++] = (char)octet;
    }
    bool fits = n < size;
    out[fits ? n : 0] = 0;
    return fits;
}

bool plm_rest_query(const struct plm_rest_call *c, const char *name, char *out, size_t size)
{
    const char *query = c->request->query;
    size_t len = strlen(name);
    while (*query) {
        size_t item = strcspn(query, "&");
        if (item > len && !strncmp(query, name, len) && query[len] == '=')
            return decode(out, size, query + len + 1, item - len - 1);
        query += item + (query[item] == '&');
    }
    return false;
}

bool plm_rest_read_body(struct plm_rest_call *c, const struct plm_rest_field *fields, void *out)
{
    struct plm_refusal why = {0};
    if (!plm_http_is_type(c->request->content_type, "application/json")) {
        plm_rest_fail(c, 415, "send application/json");
        return false;
    }
    int err = plm_rest_read(c->request->body, c->request->len, fields, out, &why);
    if (err)
        plm_rest_refuse(c, err, &why);
    return !err;
}
