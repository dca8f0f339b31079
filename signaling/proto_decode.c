/* From JSON to typed messages, walking the table. The only file that knows jansson. */
#include "proto_table.h"

#include "base/planted.h"
#include "json_text.h"
#include "plenum/types.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 32

/* ---- memory of one message ---- */

struct plm_arena {
    struct plm_arena *next;
    max_align_t data[];
};

static void *arena_alloc(struct plm_arena **arena, size_t size)
{
    struct plm_arena *a = calloc(1, sizeof *a + size);
    if (!a)
        return NULL;
    a->next = *arena;
    *arena = a;
    return a->data;
}

static void arena_free(struct plm_arena *arena)
{
    while (arena) {
        struct plm_arena *next = arena->next;
        free(arena);
        arena = next;
    }
}

void plm_msg_free(struct plm_msg *msg)
{
    if (msg)
        arena_free(msg->arena);
}

/* ---- the walk ---- */

struct decoder {
    struct plm_arena *arena;
    struct plm_msg_fault *fault;
    char path[128]; /* of the field being read */
    size_t path_len;
};

__attribute__((format(printf, 3, 4))) static int refuse(
    struct decoder *d, const char *field, const char *format, ...)
{
    va_list args;
    snprintf(d->fault->field, sizeof d->fault->field, "%.*s%s", (int)d->path_len, d->path, field);
    va_start(args, format);
    vsnprintf(d->fault->message, sizeof d->fault->message, format, args);
    va_end(args);
    return PLM_EINVAL;
}

/* Go one step down; returns what path_len was. Names come from the table and indices are capped: it always fits. */
__attribute__((format(printf, 2, 3))) static size_t enter(struct decoder *d, const char *format, ...)
{
    size_t before = d->path_len;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(d->path + before, sizeof d->path - before, format, args);
    va_end(args);
    d->path_len = n > 0 && (size_t)n < sizeof d->path - before ? before + (size_t)n : sizeof d->path - 1;
    return before;
}

static int decode_object(struct decoder *d, const struct plm_type_desc *type, const json_t *json, char *base);

static bool is_token(const char *s)
{
    return s[strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.-")] == 0;
}

static int decode_string(
    struct decoder *d, const struct plm_field_desc *f, const json_t *json, const char **out)
{
    if (!json_is_string(json))
        return refuse(d, f->name, "must be a text");
    size_t len = json_string_length(json);
    if (!PLM_FITS(msg, len <= f->limit))
        return refuse(d, f->name, "longer than %llu octets", (unsigned long long)f->limit);
    char *copy = arena_alloc(&d->arena, len + 1);
    if (!copy)
        return PLM_ENOMEM;
    memcpy(copy, json_string_value(json), len);
    if (f->kind == PLM_FIELD_TOKEN && !is_token(copy))
        return refuse(d, f->name, "letters, digits, '_', '.' and '-' only");
    if ((f->kind == PLM_FIELD_TEXT || f->kind == PLM_FIELD_LINES) &&
        plm_text_clean(copy, f->kind == PLM_FIELD_LINES) < 0)
        return refuse(d, f->name, "control characters are not allowed");
    if (!*copy)
        return refuse(d, f->name, "must not be empty");
    *out = copy;
    return 0;
}

static int decode_number(struct decoder *d, const struct plm_field_desc *f, const json_t *json, uint64_t *out)
{
    static const uint64_t latest = (uint64_t)1 << 53; /* what every client can hold in a number */
    uint64_t limit = f->kind == PLM_FIELD_TIME ? latest : f->limit;
    if (!json_is_integer(json))
        return refuse(d, f->name, "must be a whole number");
    json_int_t n = json_integer_value(json);
    if (n < 0 || (uint64_t)n > limit)
        return refuse(d, f->name, "must be 0 to %llu", (unsigned long long)limit);
    *out = (uint64_t)n;
    return 0;
}

static int decode_choice(struct decoder *d, const struct plm_field_desc *f, const json_t *json, unsigned *out)
{
    if (!json_is_string(json))
        return refuse(d, f->name, "must be a text");
    for (unsigned i = 0; i < f->choice->n_values; i++) {
        if (!strcmp(json_string_value(json), f->choice->values[i].name)) {
            *out = i;
            return 0;
        }
    }
    return refuse(d, f->name, "is none of the values of %s", f->choice->name);
}

static int decode_uint_at(struct decoder *d, size_t i, const json_t *json, uint32_t *out)
{
    static const struct plm_field_desc item = {.name = "", .kind = PLM_FIELD_UINT, .limit = UINT32_MAX};
    uint64_t n = 0;
    size_t before = enter(d, "[%zu]", i);
    int err = decode_number(d, &item, json, &n);
    d->path_len = before;
    *out = (uint32_t)n;
    return err;
}

static int decode_item(
    struct decoder *d, const struct plm_field_desc *f, size_t i, const json_t *json, char *items)
{
    if (f->kind == PLM_FIELD_UINTS)
        return decode_uint_at(d, i, json, (uint32_t *)(void *)items + i);
    size_t before = enter(d, "[%zu]", i);
    int err = json_is_object(json) ? decode_object(d, f->object, json, items + i * f->object->size)
                                   : refuse(d, "", "must be an object");
    d->path_len = before;
    return err;
}

static int decode_list(struct decoder *d, const struct plm_field_desc *f, const json_t *json, char *base)
{
    if (!json_is_array(json))
        return refuse(d, f->name, "must be a list");
    size_t n = json_array_size(json), size = f->kind == PLM_FIELD_UINTS ? sizeof(uint32_t) : f->object->size;
    if (n > f->limit)
        return refuse(d, f->name, "more than %llu", (unsigned long long)f->limit);
    char *items = n ? arena_alloc(&d->arena, n * size) : NULL;
    if (n && !items)
        return PLM_ENOMEM;
    size_t before = enter(d, "%s", f->name);
    int err = 0;
    for (size_t i = 0; i < n && !err; i++)
        err = decode_item(d, f, i, json_array_get(json, i), items);
    d->path_len = before;
    *(char **)(void *)(base + f->offset) = items;
    *(size_t *)(void *)(base + f->extra) = n;
    return err;
}

static int decode_struct(struct decoder *d, const struct plm_field_desc *f, const json_t *json, char *value)
{
    if (!json_is_object(json))
        return refuse(d, f->name, "must be an object");
    size_t before = enter(d, "%s", f->name);
    int err = decode_object(d, f->object, json, value);
    d->path_len = before;
    return err;
}

static int decode_value(struct decoder *d, const struct plm_field_desc *f, const json_t *json, char *base)
{
    void *value = base + f->offset;
    uint64_t number = 0;
    int err = 0;
    switch (f->kind) {
    case PLM_FIELD_TEXT:
    case PLM_FIELD_LINES:
    case PLM_FIELD_TOKEN:
    case PLM_FIELD_SDP:
        return decode_string(d, f, json, value);
    case PLM_FIELD_LIST:
    case PLM_FIELD_UINTS:
        return decode_list(d, f, json, base);
    case PLM_FIELD_UINT:
        err = decode_number(d, f, json, &number);
        *(uint32_t *)value = (uint32_t)number;
        break;
    case PLM_FIELD_TIME:
        err = decode_number(d, f, json, value);
        break;
    case PLM_FIELD_BOOL:
        if (!json_is_boolean(json))
            return refuse(d, f->name, "must be true or false");
        *(bool *)value = json_is_true(json);
        break;
    case PLM_FIELD_CHOICE:
        err = decode_choice(d, f, json, value);
        break;
    case PLM_FIELD_STRUCT:
        err = decode_struct(d, f, json, value);
        break;
    }
    if (f->optional)
        *(bool *)(base + f->extra) = true;
    return err;
}

static bool is_known(const struct plm_type_desc *type, const char *key)
{
    if (type->group != PLM_GROUP_OBJECT && (!strcmp(key, "type") || !strcmp(key, "id")))
        return true;
    for (const struct plm_field_desc *f = type->fields(); f->name; f++)
        if (!strcmp(f->name, key))
            return true;
    return false;
}

static int decode_object(struct decoder *d, const struct plm_type_desc *type, const json_t *json, char *base)
{
    const char *key;
    json_t *value;
    size_t before = d->path_len;
    if (before)
        enter(d, ".");
    json_object_foreach ((json_t *)json, key, value)
        if (!is_known(type, key))
            return refuse(d, is_token(key) ? key : "", "unknown field");
    int err = 0;
    for (const struct plm_field_desc *f = type->fields(); f->name && !err; f++) {
        value = json_object_get(json, f->name);
        if (value)
            err = decode_value(d, f, value, base);
        else if (!f->optional)
            err = refuse(d, f->name, "is missing");
    }
    d->path_len = before;
    return err;
}

/* ---- the message as a whole ---- */

/* jansson's own limit is 2048: too deep for us. Counted outside of strings; what is not JSON is jansson's business. */
static bool is_too_deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        if (in_string && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            in_string = !in_string;
        else if (!in_string && (text[i] == '{' || text[i] == '[') && ++depth > MAX_DEPTH)
            return true;
        else if (!in_string && (text[i] == '}' || text[i] == ']') && depth)
            depth--;
    }
    return false;
}

static enum plm_msg_type find_type(const char *name, enum plm_msg_side from)
{
    for (unsigned i = 1; i < PLM_MSG_COUNT; i++) {
        bool request = plm_proto_messages[i]->group == PLM_GROUP_REQUEST;
        if (request == (from == PLM_FROM_CLIENT) && !strcmp(plm_proto_messages[i]->name, name))
            return i;
    }
    return PLM_MSG_NONE;
}

static size_t max_size(const struct plm_type_desc *type)
{
    for (const struct plm_field_desc *f = type->fields(); f->name; f++)
        if (f->kind == PLM_FIELD_SDP || type->group != PLM_GROUP_REQUEST)
            return PLM_MSG_MAX_SDP_SIZE;
    return PLM_MSG_MAX_SIZE;
}

static int decode_id(struct decoder *d, const struct plm_type_desc *type, const json_t *json)
{
    const json_t *id = json_object_get(json, "id");
    bool error = type->group == PLM_GROUP_REPLY && !strcmp(type->name, "error");
    if (!id)
        return type->group == PLM_GROUP_EVENT || error ? 0 : refuse(d, "id", "is missing");
    if (type->group == PLM_GROUP_EVENT)
        return refuse(d, "id", "unknown field");
    return d->fault->has_id ? 0 : refuse(d, "id", "must be a whole number, 0 to 4294967295");
}

/* Note the id before anything is judged, so that even a refusal can carry it. */
static void note_id(struct plm_msg_fault *fault, const json_t *json)
{
    const json_t *id = json_object_get(json, "id");
    json_int_t n = json_integer_value(id);
    fault->has_id = json_is_integer(id) && n >= 0 && n <= UINT32_MAX;
    fault->id = fault->has_id ? (uint32_t)n : 0;
}

static int decode_message(
    struct decoder *d, const json_t *json, size_t len, enum plm_msg_side from, struct plm_msg **out)
{
    if (!json_is_object(json))
        return refuse(d, "", "must be an object");
    note_id(d->fault, json);
    const json_t *name = json_object_get(json, "type");
    if (!json_is_string(name))
        return refuse(d, "type", name ? "must be a text" : "is missing");
    enum plm_msg_type t = find_type(json_string_value(name), from);
    if (!t)
        return refuse(d, "type", "unknown type of message");
    const struct plm_type_desc *type = plm_proto_messages[t];
    d->fault->too_large = len > max_size(type);
    if (d->fault->too_large)
        return refuse(d, "", "longer than %zu octets", max_size(type));
    int err = decode_id(d, type, json);
    if (err)
        return err;
    struct plm_msg *msg = arena_alloc(&d->arena, sizeof *msg);
    if (!msg)
        return PLM_ENOMEM;
    msg->type = t;
    msg->has_id = d->fault->has_id;
    msg->id = d->fault->id;
    *out = msg;
    return decode_object(d, type, json, (char *)&msg->join); /* every member of the union begins here */
}

int plm_msg_decode(
    struct plm_msg **out, const char *text, size_t len, enum plm_msg_side from, struct plm_msg_fault *fault)
{
    struct decoder d = {.fault = fault};
    struct plm_msg *msg = NULL;
    memset(fault, 0, sizeof *fault);
    fault->too_large = len > PLM_MSG_MAX_SDP_SIZE;
    if (fault->too_large)
        return refuse(&d, "", "longer than %d octets", PLM_MSG_MAX_SDP_SIZE);
    if (is_too_deep(text, len))
        return refuse(&d, "", "nested deeper than %d", MAX_DEPTH);
    json_error_t error;
    json_t *json;
    int err = plm_json_read(&json, text, len, &error);
    if (err == PLM_EINVAL)
        return refuse(&d, "", "not JSON: line %d, column %d", error.line, error.column);
    if (err)
        return err;
    err = decode_message(&d, json, len, from, &msg);
    json_decref(json);
    if (err) {
        arena_free(d.arena);
        return err;
    }
    msg->arena = d.arena;
    *out = msg;
    return 0;
}
