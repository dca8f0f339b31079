#include "recorder_msg.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID                  "0123456789abcdef0123456789abcdef"
#define RUN                 "0123456789abcdef"
#define WRITTEN(id, run, n) "{\"op\":\"written\",\"id\":\"" id "\",\"run\":\"" run "\",\"n\":" n "}"

static void expect(struct plm_text *t, const char *json)
{
    assert_non_null(t);
    assert_string_equal(t->data, json);
    plm_text_unref(t);
}

static void orders_are_written_as_the_format_says(void **state)
{
    (void)state;
    const struct plm_recorder_start start = {.id = ID,
        .key = "k",
        .name = "B\"oard",
        .room = 65537,
        .mono_us = 12,
        .unix_ms = 1700000000000,
        .limit_s = 60};
    expect(plm_recorder_msg_start(&start),
        "{\"op\":\"start\",\"id\":\"" ID
        "\",\"room\":65537,\"key\":\"k\",\"name\":\"B\\\"oard\",\"mono_us\":12,"
        "\"unix_ms\":1700000000000,\"limit_s\":60}");
    expect(plm_recorder_msg_stop(ID, 5, PLM_RECORDING_ENDED),
        "{\"op\":\"stop\",\"id\":\"" ID "\",\"mono_us\":5,\"reason\":\"ended\"}");
    expect(plm_recorder_msg_delete(ID), "{\"op\":\"delete\",\"id\":\"" ID "\"}");
    const char *ids[] = {ID, ID};
    expect(plm_recorder_msg_sync(ids, 2), "{\"op\":\"sync\",\"ids\":[\"" ID "\",\"" ID "\"]}");
    expect(plm_recorder_msg_sync(NULL, 0), "{\"op\":\"sync\",\"ids\":[]}");
}

static void events_are_objects_with_a_type(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", "[]", "7", "{}", "{\"type\":1}", "{\"type\":\"a\",\"type\":\"b\"}", "{\"type\":\"a\"} x"};
    bool chat = false;
    const char good[] = "{\"type\":\"chat\",\"text\":\"hi\"}";
    struct plm_text *t = plm_text_create(good, strlen(good));
    struct plm_recorder_event e = {ID, RUN, 4, 9, t};
    expect(plm_recorder_msg_event(&e, &chat),
        "{\"op\":\"event\",\"id\":\"" ID "\",\"run\":\"" RUN
        "\",\"n\":4,\"mono_us\":9,\"event\":{\"type\":\"chat\",\"text\":\"hi\"}}");
    assert_true(chat);
    plm_text_unref(t);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        e.json = t = plm_text_create(bad[i], strlen(bad[i]));
        assert_null(plm_recorder_msg_event(&e, &chat));
        plm_text_unref(t);
    }
}

/* On the heap in its exact size. */
static int parse(struct plm_recorder_msg *m, const char *text)
{
    char *copy = malloc(strlen(text) + !*text);
    memcpy(copy, text, strlen(text));
    int err = plm_recorder_msg_parse(m, copy, strlen(text));
    free(copy);
    return err;
}

#define STATE(state, reason, tail)                                                                           \
    "{\"op\":\"state\",\"id\":\"" ID "\",\"state\":" state ",\"reason\":" reason                             \
    ",\"key\":\"k\",\"name\":\"n\",\"started_ms\":1,\"duration_us\":2,\"bytes\":3,\"files\":4" tail "}"

static void states_and_levels_are_read(void **state)
{
    (void)state;
    struct plm_recorder_msg m;
    assert_int_equal(parse(&m, STATE("\"paused\"", "\"disk_full\"", ",\"later\":[1]")), 0);
    assert_int_equal(m.op, PLM_RECORDER_OP_STATE);
    assert_string_equal(m.news.id, ID);
    assert_string_equal(m.news.key, "k");
    assert_string_equal(m.news.name, "n");
    assert_int_equal(m.news.state, PLM_RECORDING_PAUSED);
    assert_int_equal(m.news.reason, PLM_RECORDING_DISK_FULL);
    assert_int_equal(m.news.started_ms, 1);
    assert_int_equal(m.news.duration_us, 2);
    assert_int_equal(m.news.bytes, 3);
    assert_int_equal(m.news.files, 4);
    plm_recorder_msg_clear(&m);
    assert_int_equal(parse(&m, "{\"op\":\"disk\",\"level\":\"refuse\",\"free\":77}"), 0);
    assert_int_equal(m.op, PLM_RECORDER_OP_DISK);
    assert_int_equal(m.level, PLM_RECORDER_DISK_REFUSE);
    assert_int_equal(m.free, 77);
    plm_recorder_msg_clear(&m);
    assert_int_equal(parse(&m, WRITTEN(ID, RUN, "9007199254740991")), 0);
    assert_int_equal(m.op, PLM_RECORDER_OP_WRITTEN);
    assert_string_equal(m.id, ID);
    assert_string_equal(m.run, RUN);
    assert_int_equal(m.n, PLM_RECORDING_MAX_N);
    plm_recorder_msg_clear(&m);
    assert_int_equal(parse(&m, "{\"op\":\"song\"}"), 0);
    assert_int_equal(m.op, PLM_RECORDER_OP_UNKNOWN);
    plm_recorder_msg_clear(&m);
}

static void replace(char *out, size_t size, const char *in, const char *what, const char *by)
{
    const char *at = strstr(in, what);
    assert_non_null(at);
    snprintf(out, size, "%.*s%s%s", (int)(at - in), in, by, at + strlen(what));
}

static void every_field_is_looked_at(void **state)
{
    (void)state;
    static const char *const whole[] = {"", "[]", "null", "{}", "{\"op\":7}", "{\"op\":\"disk\"", "\xff",
        "{\"op\":\"disk\",\"level\":\"none\",\"free\":1}", "{\"op\":\"disk\",\"level\":\"ok\"}",
        "{\"op\":\"disk\",\"level\":\"ok\",\"free\":-1}", "{\"op\":\"disk\",\"level\":\"ok\",\"free\":1.5}",
        "{\"op\":\"disk\",\"op\":\"disk\",\"level\":\"ok\",\"free\":1}", STATE("\"dancing\"", "\"\"", ""),
        STATE("\"on\"", "\"why\"", ""), STATE("1", "\"\"", ""), STATE("\"on\"", "null", ""),
        STATE("\"on\"", "\"\"", ",\"id\":\"" ID "\""), WRITTEN(ID, "0123", "1"), WRITTEN("x", RUN, "1"),
        WRITTEN(ID, RUN, "-1"), WRITTEN(ID, RUN, "9007199254740992"), WRITTEN(ID, RUN, "null")};
    static const char *const parts[][2] = {{ID, "0123"}, {ID, "../../../../../../etc/aaaaaaaaaaaa"},
        {ID, "0123456789ABCDEF0123456789ABCDEF"}, {"\"key\":\"k\"", "\"key\":1"},
        {"\"name\":\"n\"", "\"nam\":\"n\""}, {"\"name\":\"n\"", "\"name\":\"a\\u0000b\""},
        {"\"started_ms\":1", "\"started_ms\":-1"}, {"\"duration_us\":2", "\"duration_us\":\"2\""},
        {"\"bytes\":3", "\"bytes\":true"}, {"\"files\":4", "\"files\":4294967296"},
        {"\"files\":4", "\"files\":1e3"}};
    struct plm_recorder_msg m;
    char text[1024];
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        assert_int_equal(parse(&m, whole[i]), PLM_EINVAL);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        replace(text, sizeof(text), STATE("\"on\"", "\"\"", ""), parts[i][0], parts[i][1]);
        assert_int_equal(parse(&m, text), PLM_EINVAL);
    }
    assert_int_equal(parse(&m, STATE("\"on\"", "\"\"", "")), 0);
    plm_recorder_msg_clear(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(orders_are_written_as_the_format_says),
        cmocka_unit_test(events_are_objects_with_a_type),
        cmocka_unit_test(states_and_levels_are_read),
        cmocka_unit_test(every_field_is_looked_at),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
