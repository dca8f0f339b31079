/* The codec against the table: every message there and back, every field at its limit, beyond it, of a wrong type, missing. */
#include "proto_table.h"

#include "plenum/types.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int decode(
    const char *text, size_t len, enum plm_msg_side from, struct plm_msg **out, struct plm_msg_fault *fault)
{
    char *copy = malloc(len ? len : 1); /* exact size: an overread is seen */
    memcpy(copy, text, len);
    int err = plm_msg_decode(out, copy, len, from, fault);
    free(copy);
    return err;
}

/* ---- messages made from the table ---- */

/* Writes valid messages; one field, known by its address in the table, gets another value, or none. */
struct maker {
    FILE *out;
    const struct plm_field_desc *changed;
    const char *value; /* NULL: leave the field out */
};

static void make_object(struct maker *m, const struct plm_type_desc *type, const char *separator);

static void make_value(struct maker *m, const struct plm_field_desc *f)
{
    switch (f->kind) {
    case PLM_FIELD_TEXT:
    case PLM_FIELD_LINES:
    case PLM_FIELD_TOKEN:
    case PLM_FIELD_SDP:
        fputs("\"x1\"", m->out);
        break;
    case PLM_FIELD_UINT:
    case PLM_FIELD_TIME:
        fputs("1", m->out);
        break;
    case PLM_FIELD_BOOL:
        fputs("true", m->out);
        break;
    case PLM_FIELD_CHOICE:
        fprintf(m->out, "\"%s\"", f->choice->values[f->choice->n_values - 1].name);
        break;
    case PLM_FIELD_STRUCT:
    case PLM_FIELD_LIST:
        fputs(f->kind == PLM_FIELD_LIST ? "[{" : "{", m->out);
        make_object(m, f->object, "");
        fputs(f->kind == PLM_FIELD_LIST ? "}]" : "}", m->out);
        break;
    case PLM_FIELD_UINTS:
        fputs("[1,2]", m->out);
        break;
    }
}

static void make_object(struct maker *m, const struct plm_type_desc *type, const char *separator)
{
    for (const struct plm_field_desc *f = type->fields(); f->name; f++) {
        if (f == m->changed && !m->value)
            continue;
        fprintf(m->out, "%s\"%s\":", separator, f->name);
        if (f == m->changed)
            fputs(m->value, m->out);
        else
            make_value(m, f);
        separator = ",";
    }
}

static char *make(const struct plm_type_desc *type, const struct plm_field_desc *changed, const char *value)
{
    char *text = NULL;
    size_t len = 0;
    struct maker m = {.out = open_memstream(&text, &len), .changed = changed, .value = value};
    fprintf(m.out, "{\"type\":\"%s\"", type->name);
    if (type->group != PLM_GROUP_EVENT)
        fputs(",\"id\":7", m.out);
    make_object(&m, type, ",");
    fputc('}', m.out);
    fclose(m.out);
    return text;
}

static enum plm_msg_side side_of(const struct plm_type_desc *type)
{
    return type->group == PLM_GROUP_REQUEST ? PLM_FROM_CLIENT : PLM_FROM_SERVER;
}

static void test_round_trip(void **state)
{
    (void)state;
    for (unsigned t = 1; t < PLM_MSG_COUNT; t++) {
        const struct plm_type_desc *type = plm_proto_messages[t];
        char *text = make(type, NULL, NULL);
        struct plm_msg *msg = NULL;
        struct plm_msg_fault fault;
        assert_int_equal(decode(text, strlen(text), side_of(type), &msg, &fault), 0);
        assert_int_equal(msg->type, t);
        struct plm_text *again = plm_msg_encode(msg);
        assert_string_equal(again->data, text);
        assert_int_equal(again->len, strlen(text));
        plm_text_unref(again);
        plm_msg_free(msg);
        assert_int_equal(decode(text, strlen(text), !side_of(type), &msg, &fault), PLM_EINVAL);
        assert_string_equal(fault.field, "type");
        free(text);
    }
}

/* Every prefix of every request is refused without a crash. */
static void test_truncated(void **state)
{
    (void)state;
    for (unsigned t = 1; t < PLM_MSG_COUNT; t++) {
        char *text = make(plm_proto_messages[t], NULL, NULL);
        for (size_t len = 0; len < strlen(text); len++) {
            struct plm_msg *msg = NULL;
            struct plm_msg_fault fault;
            assert_int_equal(decode(text, len, side_of(plm_proto_messages[t]), &msg, &fault), PLM_EINVAL);
            assert_false(fault.has_id);
        }
        free(text);
    }
}

/* ---- each field ---- */

static void expect(
    const struct plm_type_desc *type, const struct plm_field_desc *f, const char *value, const char *path)
{
    char *text = make(type, f, value);
    struct plm_msg *msg = NULL;
    struct plm_msg_fault fault = {0};
    int err = decode(text, strlen(text), side_of(type), &msg, &fault);
    if (!path) {
        if (err)
            fail_msg("%s: %s: %s", text, fault.field, fault.message);
        plm_msg_free(msg);
    } else {
        if (err != PLM_EINVAL || strcmp(fault.field, path) != 0)
            fail_msg("%.200s: %d, field '%s', not '%s'", text, err, fault.field, path);
        assert_true(*fault.message);
        assert_int_equal(
            fault.has_id, type->group != PLM_GROUP_EVENT && *path); /* none: it was not even JSON for us */
    }
    free(text);
}

static char *quoted(uint64_t len)
{
    char *s = malloc(len + 3);
    s[0] = '"';
    memset(s + 1, 'a', len);
    memcpy(s + 1 + len, "\"", 2);
    return s;
}

static void check_text(const struct plm_type_desc *type, const struct plm_field_desc *f, const char *path)
{
    char *most = quoted(f->limit), *more = quoted(f->limit + 1);
    expect(type, f, most, NULL);
    expect(type, f, more, path);
    expect(type, f, "\"\"", path);
    expect(type, f, "\"a\\u0000b\"", "");
    if (f->kind == PLM_FIELD_TOKEN) {
        expect(type, f, "\"a b\"", path);
        expect(type, f, "\"\xc3\xa4\"", path);
    }
    if (f->kind == PLM_FIELD_TEXT) {
        expect(type, f, "\"a\\nb\"", path);
        expect(type, f, "\" \\u202e \"", path); /* nothing is left */
    }
    if (f->kind == PLM_FIELD_LINES) {
        expect(type, f, "\"a\\nb\"", NULL);
        expect(type, f, "\"a\\u0007b\"", path);
    }
    free(most);
    free(more);
}

static void check_count(const struct plm_type_desc *type, const struct plm_field_desc *f, const char *path)
{
    for (uint64_t over = 0; over <= 1; over++) {
        char *text = NULL;
        size_t len = 0;
        struct maker m = {.out = open_memstream(&text, &len)};
        fputc('[', m.out);
        for (uint64_t i = 0; i < f->limit + over; i++) {
            fputs(i ? "," : "", m.out);
            if (f->kind == PLM_FIELD_UINTS) {
                fputs("4294967295", m.out);
                continue;
            }
            fputc('{', m.out);
            make_object(&m, f->object, "");
            fputc('}', m.out);
        }
        fputc(']', m.out);
        fclose(m.out);
        expect(type, f, text, over ? path : NULL);
        free(text);
    }
    expect(type, f, "[]", NULL);
}

static void check_number(const struct plm_type_desc *type, const struct plm_field_desc *f, const char *path)
{
    char most[24], more[24];
    uint64_t limit = f->kind == PLM_FIELD_TIME ? (uint64_t)1 << 53 : f->limit;
    snprintf(most, sizeof most, "%" PRIu64, limit);
    snprintf(more, sizeof more, "%" PRIu64, limit + 1);
    expect(type, f, most, NULL);
    expect(type, f, "0", NULL);
    expect(type, f, more, path);
    expect(type, f, "-1", path);
    expect(type, f, "1.0", path);
    expect(type, f, "1e0", path);
}

static void check_wrong_types(
    const struct plm_type_desc *type, const struct plm_field_desc *f, const char *path)
{
    static const char *const values[] = {
        "null", "\"?\"", "1", "true", "[null]", "[1.5]", "[[]]", "{\"?\":1}"};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char inner[160];
        bool text = f->kind <= PLM_FIELD_SDP, number = f->kind == PLM_FIELD_UINT || f->kind == PLM_FIELD_TIME;
        bool list = f->kind == PLM_FIELD_LIST || f->kind == PLM_FIELD_UINTS;
        if ((i == 1 && text && f->kind != PLM_FIELD_TOKEN) || (i == 2 && number) ||
            (i == 3 && f->kind == PLM_FIELD_BOOL))
            continue;
        snprintf(inner, sizeof inner, "%s%s", path, list && values[i][0] == '[' ? "[0]" : "");
        if (i == 7 && f->kind == PLM_FIELD_STRUCT)
            snprintf(
                inner, sizeof inner, "%s.", path); /* unknown field, not of a name that is worth repeating */
        expect(type, f, values[i], inner);
    }
}

/* Objects that a message held before: make changes them everywhere, and the first place is what an error names. */
static struct {
    const struct plm_type_desc *object[16];
    size_t n;
} met;

static bool was_met(const struct plm_type_desc *object)
{
    for (size_t i = 0; i < met.n; i++)
        if (met.object[i] == object)
            return true;
    assert_true(met.n < sizeof met.object / sizeof met.object[0]);
    met.object[met.n++] = object;
    return false;
}

static void check_fields(
    const struct plm_type_desc *message, const struct plm_type_desc *object, const char *prefix)
{
    for (const struct plm_field_desc *f = object->fields(); f->name; f++) {
        char path[128], inner[160];
        snprintf(path, sizeof path, "%s%s", prefix, f->name);
        expect(message, f, NULL, f->optional ? NULL : path);
        check_wrong_types(message, f, path);
        if (f->kind <= PLM_FIELD_SDP)
            check_text(message, f, path);
        if (f->kind == PLM_FIELD_UINT || f->kind == PLM_FIELD_TIME)
            check_number(message, f, path);
        if (f->kind == PLM_FIELD_LIST || f->kind == PLM_FIELD_UINTS)
            check_count(message, f, path);
        if (!f->object || was_met(f->object))
            continue;
        snprintf(inner, sizeof inner, "%s%s.", path, f->kind == PLM_FIELD_LIST ? "[0]" : "");
        check_fields(message, f->object, inner);
    }
}

static void test_every_field(void **state)
{
    (void)state;
    for (unsigned t = 1; t < PLM_MSG_COUNT; t++) {
        met.n = 0;
        check_fields(plm_proto_messages[t], plm_proto_messages[t], "");
    }
}

/* ---- whole messages ---- */

static void test_bad_messages(void **state)
{
    static const struct {
        const char *text, *field;
        int id; /* -1: none */
    } cases[] = {
        {"", "", -1},
        {" ", "", -1},
        {"null", "", -1},
        {"[]", "", -1},
        {"\"join\"", "", -1},
        {"{}", "type", -1},
        {"{\"id\":7}", "type", 7},
        {"{\"type\":7,\"id\":7}", "type", 7},
        {"{\"type\":\"\",\"id\":7}", "type", 7},
        {"{\"type\":\"joined\",\"id\":7}", "type", 7},
        {"{\"type\":\"Join\",\"id\":7}", "type", 7},
        {"{\"type\":\"leave\"}", "id", -1},
        {"{\"type\":\"leave\",\"id\":null}", "id", -1},
        {"{\"type\":\"leave\",\"id\":-1}", "id", -1},
        {"{\"type\":\"leave\",\"id\":4294967296}", "id", -1},
        {"{\"type\":\"leave\",\"id\":7.0}", "id", -1},
        {"{\"type\":\"leave\",\"id\":\"7\"}", "id", -1},
        {"{\"type\":\"leave\",\"id\":99999999999999999999}", "", -1},
        {"{\"type\":\"leave\",\"id\":7,\"extra\":1}", "extra", 7},
        {"{\"type\":\"leave\",\"id\":7,\"a b\":1}", "", 7},
        {"{\"type\":\"leave\",\"id\":7,\"type\":\"leave\"}", "", -1},
        {"{\"type\":\"leave\",\"id\":7,\"id\":8}", "", -1},
        {"{\"type\":\"leave\",\"id\":7} x", "", -1},
        {"{\"type\":\"leave\",\"id\":7}{\"type\":\"leave\",\"id\":8}", "", -1},
        {"{'type':'leave','id':7}", "", -1},
        {"{\"type\":\"leave\",\"id\":NaN}", "", -1},
        {"{\"type\":\"leave\",\"id\":1e999}", "", -1},
        {"{\"type\":\"lea\xffve\",\"id\":7}", "", -1},
        {"{\"type\":\"chat\",\"id\":7,\"text\":\"\xed\xa0\x80\"}", "", -1},
        {"{\"type\":\"chat\",\"id\":7,\"text\":\"\\ud800\"}", "", -1},
        {"{\"type\":\"view\",\"id\":7,\"items\":[{\"participant\":1,\"source\":\"camera\",\"width\":1,"
         "\"height\":1,\"priority\":1},"
         "{\"participant\":1,\"source\":\"camera\",\"width\":1,\"height\":1,\"priority\":256}]}",
            "items[1].priority", 7},
        {"{\"type\":\"view\",\"id\":7,\"items\":[{\"participant\":1,\"source\":\"camera\",\"width\":1,"
         "\"height\":1,"
         "\"priority\":1,\"x\":1}]}",
            "items[0].x", 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct plm_msg *msg = NULL;
        struct plm_msg_fault fault;
        int err = decode(cases[i].text, strlen(cases[i].text), PLM_FROM_CLIENT, &msg, &fault);
        if (err != PLM_EINVAL || strcmp(fault.field, cases[i].field) != 0)
            fail_msg("%s: %d, field '%s'", cases[i].text, err, fault.field);
        assert_int_equal(fault.has_id ? (int)fault.id : -1, cases[i].id);
        assert_true(*fault.message);
    }
}

static void test_nul(void **state)
{
    static const char raw[] = "{\"type\":\"leave\",\"id\":7}\0";
    struct plm_msg *msg = NULL;
    struct plm_msg_fault fault;
    (void)state;
    assert_int_equal(decode(raw, sizeof raw - 1, PLM_FROM_CLIENT, &msg, &fault), PLM_EINVAL);
    assert_int_equal(decode(raw, sizeof raw - 2, PLM_FROM_CLIENT, &msg, &fault), 0);
    plm_msg_free(msg);
}

static int decode_nested(unsigned depth, char open, char close, struct plm_msg_fault *fault)
{
    struct plm_msg *msg = NULL;
    char text[1024];
    size_t n = (size_t)sprintf(text, "{\"type\":\"leave\",\"id\":7,\"x\":");
    for (unsigned i = 1; i < depth; i++)
        n += (size_t)sprintf(text + n, open == '{' ? "{\"a\":" : "[");
    text[n++] = '1';
    for (unsigned i = 1; i < depth; i++)
        text[n++] = close;
    text[n++] = '}';
    return decode(text, n, PLM_FROM_CLIENT, &msg, fault);
}

static void test_depth(void **state)
{
    struct plm_msg_fault fault;
    struct plm_msg *msg = NULL;
    (void)state;
    assert_int_equal(decode_nested(32, '[', ']', &fault), PLM_EINVAL);
    assert_string_equal(fault.field, "x"); /* read, and unknown */
    assert_int_equal(decode_nested(33, '[', ']', &fault), PLM_EINVAL);
    assert_non_null(strstr(fault.message, "nested"));
    assert_int_equal(decode_nested(33, '{', '}', &fault), PLM_EINVAL);
    assert_non_null(strstr(fault.message, "nested"));
    /* Brackets in texts are no depth. */
    const char *text =
        "{\"type\":\"chat\",\"id\":7,\"text\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}";
    assert_int_equal(decode(text, strlen(text), PLM_FROM_CLIENT, &msg, &fault), 0);
    plm_msg_free(msg);
}

static void test_size(void **state)
{
    struct plm_msg *msg = NULL;
    struct plm_msg_fault fault;
    char *text = malloc(PLM_MSG_MAX_SDP_SIZE + 1);
    (void)state;
    memset(text, ' ', PLM_MSG_MAX_SDP_SIZE + 1);
    memcpy(text, "{\"type\":\"leave\",\"id\":7}", 23);
    assert_int_equal(decode(text, PLM_MSG_MAX_SIZE, PLM_FROM_CLIENT, &msg, &fault), 0);
    plm_msg_free(msg);
    assert_int_equal(decode(text, PLM_MSG_MAX_SIZE + 1, PLM_FROM_CLIENT, &msg, &fault), PLM_EINVAL);
    assert_true(fault.has_id);
    memcpy(text, "{\"type\":\"answer\",\"id\":7,\"sdp\":\"v\"}", 34);
    assert_int_equal(decode(text, PLM_MSG_MAX_SDP_SIZE, PLM_FROM_CLIENT, &msg, &fault), 0);
    assert_string_equal(msg->answer.sdp, "v");
    plm_msg_free(msg);
    assert_int_equal(decode(text, PLM_MSG_MAX_SDP_SIZE + 1, PLM_FROM_CLIENT, &msg, &fault), PLM_EINVAL);
    assert_false(fault.has_id); /* not even looked at */
    free(text);
}

static void test_cleaned(void **state)
{
    struct plm_msg *msg = NULL;
    struct plm_msg_fault fault;
    const char *text = "{\"type\":\"join\",\"id\":7,\"room\":\" a \\u202eb \",\"name\":\"\\ud83d\\ude00 "
                       "\\\"Ada\\\" \\\\ \"}";
    (void)state;
    assert_int_equal(decode(text, strlen(text), PLM_FROM_CLIENT, &msg, &fault), 0);
    assert_string_equal(msg->join.room, "a b");
    assert_string_equal(msg->join.name, "\xf0\x9f\x98\x80 \"Ada\" \\");
    struct plm_text *again = plm_msg_encode(msg);
    assert_string_equal(again->data,
        "{\"type\":\"join\",\"id\":7,\"room\":\"a b\",\"name\":\"\xf0\x9f\x98\x80 \\\"Ada\\\" \\\\\"}");
    plm_text_unref(again);
    plm_msg_free(msg);
}

/* Whatever text comes from other parts, the frame is JSON in UTF-8. */
static void test_encode_anything(void **state)
{
    char every[256], message[3 * 256 + 16];
    (void)state;
    for (int i = 1; i < 256; i++)
        every[i - 1] = (char)i;
    every[255] = 0;
    struct plm_msg error = {
        .type = PLM_MSG_error, .error = {.code = PLM_MSG_error_code_bad_sdp, .message = every}};
    struct plm_text *text = plm_msg_encode(&error);
    for (size_t i = 0; i < text->len;) {
        uint32_t c = 0;
        size_t n = plm_text_next(text->data + i, text->len - i, &c);
        assert_true(n > 0);
        assert_true(c >= 0x20);
        i += n;
    }
    assert_null(strstr(text->data, "\"field\"")); /* optional and absent */
    assert_null(strstr(text->data, "\"id\""));
    plm_text_unref(text);
    snprintf(message, sizeof message, "cut \xe2\x82");
    error.error.message = message;
    text = plm_msg_encode(&error);
    assert_non_null(strstr(text->data, "cut \xef\xbf\xbd\xef\xbf\xbd\""));
    plm_text_unref(text);
}

static void test_names(void **state)
{
    (void)state;
    assert_string_equal(plm_msg_type_name(PLM_MSG_join), "join");
    assert_string_equal(plm_msg_type_name(PLM_MSG_ended), "ended");
    assert_string_equal(plm_msg_type_name(PLM_MSG_NONE), "?");
    assert_string_equal(plm_msg_type_name(PLM_MSG_COUNT), "?");
    assert_string_equal(plm_msg_role_name(PLM_MSG_role_viewer), "viewer");
    assert_string_equal(plm_msg_role_name(PLM_MSG_role_COUNT), "?");
    plm_msg_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_every_field),
        cmocka_unit_test(test_bad_messages),
        cmocka_unit_test(test_nul),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_cleaned),
        cmocka_unit_test(test_encode_anything),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
