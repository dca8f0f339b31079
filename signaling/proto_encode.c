/* From typed messages to JSON, walking the table. */
#include "proto_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A text that grows; once memory was short it stays failed and takes no more. */
struct writer {
    struct plm_text *text;
    size_t cap;
    bool failed;
};

static bool grow(struct writer *w, size_t n)
{
    size_t used = w->text ? w->text->len : 0, cap = (used + n + 1) * 2 + 256;
    struct plm_text *grown = w->failed ? NULL : realloc(w->text, sizeof *grown + cap);
    if (!grown) {
        w->failed = true;
        return false;
    }
    w->text = grown;
    w->cap = cap;
    grown->len = used;
    return true;
}

/* Room for n octets, which are the caller's to fill. @return NULL: memory was short */
static char *extend(struct writer *w, size_t n)
{
    if ((w->failed || !w->text || n >= w->cap - w->text->len) && !grow(w, n))
        return NULL;
    char *at = w->text->data + w->text->len;
    w->text->len += n;
    return at;
}

static void put(struct writer *w, const char *s, size_t n)
{
    char *at = extend(w, n);
    if (at)
        memcpy(at, s, n);
}

static void put_octet(struct writer *w, char c)
{
    char *at = extend(w, 1);
    if (at)
        *at = c;
}

static void put_text(struct writer *w, const char *s)
{
    put(w, s, strlen(s));
}

static void put_number(struct writer *w, uint64_t n)
{
    char digits[20], *first = digits + sizeof digits;
    do
        *--first = (char)('0' + n % 10);
    while (n /= 10);
    put(w, first, (size_t)(digits + sizeof digits - first));
}

/* What JSON wants escaped (RFC 8259 section 7); returns the octets written to out, 0 when none is needed. */
static size_t escape(char out[8], uint32_t c)
{
    if (c == '"' || c == '\\') {
        out[0] = '\\';
        out[1] = (char)c;
        return 2;
    }
    if (c == '\n' || c == '\r') {
        out[0] = '\\';
        out[1] = c == '\n' ? 'n' : 'r';
        return 2;
    }
    return c < 0x20 ? (size_t)snprintf(out, 8, "\\u%04x", (unsigned)c) : 0;
}

/* Stands for itself in JSON, as nearly everything does. */
static bool is_plain(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

static void put_string(struct writer *w, const char *s)
{
    size_t len = strlen(s), start = 0, i = 0;
    put_octet(w, '"');
    while (i < len) {
        if (is_plain(s[i])) {
            i++;
            continue;
        }
        uint32_t c = 0;
        char escaped[8];
        size_t n = plm_text_next(s + i, len - i, &c);
        size_t replaced = n ? escape(escaped, c) : 0;
        if (n && !replaced) {
            i += n;
            continue;
        }
        put(w, s + start, i - start);
        put(w, n ? escaped : "\xef\xbf\xbd", n ? replaced : 3);
        i += n ? n : 1;
        start = i;
    }
    put(w, s + start, len - start);
    put_octet(w, '"');
}

static void put_object(struct writer *w, const struct plm_type_desc *type, const char *base);

static void put_list(struct writer *w, const struct plm_field_desc *f, const char *base)
{
    const char *items = *(char *const *)(const void *)(base + f->offset);
    size_t n = *(const size_t *)(const void *)(base + f->extra);
    put_octet(w, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            put_octet(w, ',');
        if (f->kind == PLM_FIELD_UINTS)
            put_number(w, ((const uint32_t *)(const void *)items)[i]);
        else
            put_object(w, f->object, items + i * f->object->size);
    }
    put_octet(w, ']');
}

static void put_value(struct writer *w, const struct plm_field_desc *f, const char *base)
{
    const void *value = base + f->offset;
    switch (f->kind) {
    case PLM_FIELD_TEXT:
    case PLM_FIELD_LINES:
    case PLM_FIELD_TOKEN:
    case PLM_FIELD_SDP: {
        const char *s = *(const char *const *)value;
        put_string(w, s ? s : "");
        break;
    }
    case PLM_FIELD_UINT:
        put_number(w, *(const uint32_t *)value);
        break;
    case PLM_FIELD_TIME:
        put_number(w, *(const uint64_t *)value);
        break;
    case PLM_FIELD_BOOL:
        put_text(w, *(const bool *)value ? "true" : "false");
        break;
    case PLM_FIELD_CHOICE: {
        unsigned v = *(const unsigned *)value;
        put_string(w, v < f->choice->n_values ? f->choice->values[v].name : "?");
        break;
    }
    case PLM_FIELD_STRUCT:
        put_object(w, f->object, value);
        break;
    case PLM_FIELD_LIST:
    case PLM_FIELD_UINTS:
        put_list(w, f, base);
        break;
    }
}

static bool is_absent(const struct plm_field_desc *f, const char *base)
{
    if (!f->optional)
        return false;
    if (f->kind <= PLM_FIELD_SDP)
        return !*(const char *const *)(const void *)(base + f->offset);
    if (f->kind == PLM_FIELD_LIST || f->kind == PLM_FIELD_UINTS)
        return !*(const size_t *)(const void *)(base + f->extra);
    return !*(const bool *)(base + f->extra);
}

/* "name": with a comma before it unless it is the first. */
static void put_name(struct writer *w, const char *name, bool first)
{
    size_t len = strlen(name);
    char *at = extend(w, len + 3 + !first);
    if (!at)
        return;
    if (!first)
        *at++ = ',';
    *at++ = '"';
    memcpy(at, name, len);
    memcpy(at + len, "\":", 2);
}

static void put_fields(struct writer *w, const struct plm_type_desc *type, const char *base, bool first)
{
    for (const struct plm_field_desc *f = type->fields(); f->name; f++) {
        if (is_absent(f, base))
            continue;
        put_name(w, f->name, first);
        put_value(w, f, base);
        first = false;
    }
}

static void put_object(struct writer *w, const struct plm_type_desc *type, const char *base)
{
    put_octet(w, '{');
    put_fields(w, type, base, true);
    put_octet(w, '}');
}

struct plm_text *plm_msg_encode(const struct plm_msg *msg)
{
    const struct plm_type_desc *type = plm_proto_messages[msg->type];
    struct writer w = {.text = NULL};
    put_text(&w, "{\"type\":");
    put_string(&w, type->name);
    if (msg->has_id) {
        put_text(&w, ",\"id\":");
        put_number(&w, msg->id);
    }
    put_fields(&w, type, (const char *)&msg->join, false); /* every member of the union begins here */
    put(&w, "}", 2);                                       /* with its NUL */
    if (w.failed) {
        free(w.text);
        return NULL;
    }
    w.text->len--;
    w.text->refs = 1;
    return w.text;
}
