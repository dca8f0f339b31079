/*
 * Messages: whatever comes in is refused, or is within the table's limits and can be written and read again.
 * The first octet chooses the side that it comes from.
 */
#include "fuzz.h"
#include "proto_table.h"

#include <string.h>

static void check_object(const struct plm_type_desc *type, const char *base);

static void check_string(const struct plm_field_desc *f, const char *s)
{
    uint32_t c = 0;
    size_t len = s ? strlen(s) : 0;
    CHECK(s ? *s && len <= f->limit : f->optional);
    for (size_t i = 0; i < len;) {
        size_t n = plm_text_next(s + i, len - i, &c);
        CHECK(n > 0);
        CHECK(f->kind != PLM_FIELD_TEXT || c >= 0x20);
        i += n;
    }
}

static void check_list(const struct plm_field_desc *f, const char *base)
{
    const char *items = *(char *const *)(const void *)(base + f->offset);
    size_t n = *(const size_t *)(const void *)(base + f->extra);
    CHECK(n <= f->limit && (items || !n));
    for (size_t i = 0; i < n && f->kind == PLM_FIELD_LIST; i++)
        check_object(f->object, items + i * f->object->size);
}

static void check_object(const struct plm_type_desc *type, const char *base)
{
    for (const struct plm_field_desc *f = type->fields(); f->name; f++) {
        const void *value = base + f->offset;
        if (f->kind <= PLM_FIELD_SDP)
            check_string(f, *(const char *const *)value);
        else if (f->kind == PLM_FIELD_UINT)
            CHECK(*(const uint32_t *)value <= f->limit);
        else if (f->kind == PLM_FIELD_CHOICE)
            CHECK(*(const unsigned *)value < f->choice->n_values);
        else if (f->kind == PLM_FIELD_STRUCT)
            check_object(f->object, value);
        else if (f->kind == PLM_FIELD_LIST || f->kind == PLM_FIELD_UINTS)
            check_list(f, base);
    }
}

static void one_message(const uint8_t *data, size_t size, enum plm_msg_side from)
{
    struct plm_msg *msg = NULL, *again = NULL;
    struct plm_msg_fault fault;
    if (plm_msg_decode(&msg, (const char *)data, size, from, &fault)) {
        CHECK(*fault.message);
        return;
    }
    check_object(plm_proto_messages[msg->type], (const char *)&msg->join);
    struct plm_text *text = plm_msg_encode(msg);
    CHECK(!plm_msg_decode(&again, text->data, text->len, from, &fault));
    struct plm_text *twice = plm_msg_encode(again);
    CHECK(twice->len == text->len && !memcmp(twice->data, text->data, text->len));
    plm_text_unref(text);
    plm_text_unref(twice);
    plm_msg_free(msg);
    plm_msg_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    one_message(data + 1, size - 1, data[0] & 2 ? PLM_FROM_SERVER : PLM_FROM_CLIENT);
    return 0;
}
