#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "control.h"

#include <stdlib.h>
#include <string.h>

#define ID  "0123456789abcdef0123456789abcdef"
#define RUN "0123456789abcdef"
#define NUMBERED(run, n)                                                                                     \
    "{\"op\":\"event\",\"id\":\"" ID "\",\"run\":" run ",\"n\":" n                                           \
    ",\"mono_us\":9,\"event\":{\"type\":\"left\"}}"

static int parse(struct plm_control *c, const char *text)
{
    /* On the heap in its exact size, so that a sanitizer sees an overread. */
    size_t len = strlen(text);
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, text, len);
    int rc = plm_control_parse(c, exact, len);
    free(exact);
    return rc;
}

static void what_a_server_says(void **state)
{
    (void)state;
    struct plm_control c;

    assert_int_equal(
        parse(&c, "{\"op\":\"start\",\"id\":\"" ID "\",\"room\":7,\"key\":\"k\",\"name\":\"Größe\","
                  "\"mono_us\":5,\"unix_ms\":6,\"limit_s\":60,\"more\":[1]}"),
        0);
    assert_int_equal(c.op, PLM_CONTROL_START);
    assert_string_equal(c.id, ID);
    assert_int_equal(c.room, 7);
    assert_string_equal(c.key, "k");
    assert_string_equal(c.name, "Größe");
    assert_int_equal(c.mono_us, 5);
    assert_int_equal(c.unix_ms, 6);
    assert_int_equal(c.limit_s, 60);
    plm_control_free(&c);

    assert_int_equal(parse(&c, "{\"op\":\"start\",\"id\":\"" ID "\",\"room\":7,\"key\":\"\",\"name\":\"\","
                               "\"mono_us\":5,\"unix_ms\":6}"),
        0);
    assert_int_equal(c.limit_s, PLM_RECORDING_LIMIT_S);
    plm_control_free(&c);

    assert_int_equal(parse(&c, "{\"op\":\"event\",\"id\":\"" ID
                               "\",\"mono_us\":9,\"event\":{\"type\":\"joined\",\"x\":1}}"),
        0);
    assert_int_equal(c.op, PLM_CONTROL_EVENT);
    assert_int_equal(c.mono_us, 9);
    assert_string_equal(json_string_value(json_object_get(c.event, "type")), "joined");
    assert_null(c.run);
    assert_int_equal(c.n, 0);
    plm_control_free(&c);

    assert_int_equal(parse(&c, NUMBERED("\"" RUN "\"", "9007199254740991")), 0);
    assert_string_equal(c.run, RUN);
    assert_int_equal(c.n, PLM_RECORDING_MAX_N);
    plm_control_free(&c);

    assert_int_equal(parse(&c, "{\"op\":\"stop\",\"id\":\"" ID "\",\"mono_us\":9,\"reason\":\"limit\"}"), 0);
    assert_int_equal(c.op, PLM_CONTROL_STOP);
    assert_int_equal(c.reason, PLM_RECORDING_LIMIT);
    plm_control_free(&c);

    assert_int_equal(parse(&c, "{\"op\":\"delete\",\"id\":\"" ID "\"}"), 0);
    assert_int_equal(c.op, PLM_CONTROL_DELETE);
    plm_control_free(&c);

    assert_int_equal(parse(&c, "{\"op\":\"sync\",\"ids\":[\"" ID "\",\"" ID "\"]}"), 0);
    assert_int_equal(c.op, PLM_CONTROL_SYNC);
    assert_int_equal(c.n_ids, 2);
    assert_string_equal(c.ids[1], ID);
    plm_control_free(&c);

    assert_int_equal(parse(&c, "{\"op\":\"sync\",\"ids\":[]}"), 0);
    assert_int_equal(c.n_ids, 0);
    plm_control_free(&c);

    assert_int_equal(parse(&c, "{\"op\":\"tomorrow\"}"), 0);
    assert_int_equal(c.op, PLM_CONTROL_IGNORED);
    plm_control_free(&c);
}

static void what_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{\"op\":1}",
        "{\"op\":\"delete\",\"op\":\"delete\",\"id\":\"" ID "\"}",
        "{\"op\":\"delete\"}",
        "{\"op\":\"delete\",\"id\":\"../../../../../../../../etc/passwd\"}",
        "{\"op\":\"delete\",\"id\":\"0123456789ABCDEF0123456789abcdef\"}",
        "{\"op\":\"delete\",\"id\":\"" ID "0\"}",
        "{\"op\":\"delete\",\"id\":\"" ID "\"} x",
        "{\"op\":\"start\",\"id\":\"" ID
        "\",\"room\":0,\"key\":\"k\",\"name\":\"n\",\"mono_us\":5,\"unix_ms\":6}",
        "{\"op\":\"start\",\"id\":\"" ID
        "\",\"room\":4294967296,\"key\":\"k\",\"name\":\"n\",\"mono_us\":5,\"unix_ms\":6}",
        "{\"op\":\"start\",\"id\":\"" ID
        "\",\"room\":1,\"key\":\"k\",\"name\":\"n\",\"mono_us\":-5,\"unix_ms\":6}",
        "{\"op\":\"start\",\"id\":\"" ID
        "\",\"room\":1,\"key\":\"k\",\"name\":\"n\",\"mono_us\":5.5,\"unix_ms\":6}",
        "{\"op\":\"start\",\"id\":\"" ID "\",\"room\":1,\"name\":\"n\",\"mono_us\":5,\"unix_ms\":6}",
        "{\"op\":\"start\",\"id\":\"" ID
        "\",\"room\":1,\"key\":\"k\",\"name\":\"n\",\"mono_us\":5,\"unix_ms\":6,\"limit_s\":0}",
        "{\"op\":\"start\",\"id\":\"" ID
        "\",\"room\":1,\"key\":\"k\",\"name\":\"n\",\"mono_us\":5,\"unix_ms\":6,\"limit_s\":\"1\"}",
        "{\"op\":\"event\",\"id\":\"" ID "\",\"mono_us\":9,\"event\":{}}",
        NUMBERED("\"" RUN "\"", "0"),
        NUMBERED("\"" RUN "\"", "9007199254740992"),
        NUMBERED("\"" RUN "\"", "\"1\""),
        NUMBERED("\"" RUN "0\"", "1"),
        NUMBERED("7", "1"),
        "{\"op\":\"event\",\"id\":\"" ID "\",\"mono_us\":9,\"n\":1,\"event\":{\"type\":\"left\"}}",
        "{\"op\":\"event\",\"id\":\"" ID "\",\"mono_us\":9,\"run\":\"" RUN
        "\",\"event\":{\"type\":\"left\"}}",
        "{\"op\":\"event\",\"id\":\"" ID "\",\"mono_us\":9,\"event\":{\"type\":\"server\"}}",
        "{\"op\":\"event\",\"id\":\"" ID "\",\"mono_us\":9,\"event\":{\"type\":\"end\"}}",
        "{\"op\":\"event\",\"id\":\"" ID "\",\"mono_us\":9,\"event\":{\"type\":\"file\"}}",
        "{\"op\":\"event\",\"id\":\"" ID "\",\"mono_us\":9,\"event\":[]}",
        "{\"op\":\"event\",\"id\":\"" ID "\",\"event\":{\"type\":\"joined\"}}",
        "{\"op\":\"stop\",\"id\":\"" ID "\",\"mono_us\":9,\"reason\":\"bored\"}",
        "{\"op\":\"stop\",\"id\":\"" ID "\",\"mono_us\":9}",
        "{\"op\":\"sync\",\"ids\":[\"" ID "\",7]}",
        "{\"op\":\"sync\",\"ids\":{}}",
        "{\"op\":\"sync\"}",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct plm_control c;
        if (parse(&c, texts[i]) != PLM_EINVAL)
            fail_msg("taken: %s", texts[i]);
    }

    char deep[200] = "{\"op\":\"x\",\"a\":";
    size_t at = strlen(deep);
    memset(deep + at, '[', 60);
    memset(deep + at + 60, ']', 60);
    strcpy(deep + at + 120, "}");
    struct plm_control c;
    assert_int_equal(parse(&c, deep), PLM_EINVAL);
}

static void what_a_recorder_says(void **state)
{
    (void)state;
    size_t len = 0;
    const struct plm_control_state s = {.id = ID,
        .key = "k",
        .name = "a \"b\"",
        .state = PLM_RECORDING_PAUSED,
        .reason = PLM_RECORDING_DISK_FULL,
        .started_ms = 1,
        .bytes = 2,
        .duration_us = 3,
        .files = 4};
    char *text = plm_control_write_state(&s, &len);
    assert_string_equal(text,
        "{\"op\":\"state\",\"id\":\"" ID "\",\"state\":\"paused\",\"reason\":\"disk_full\","
        "\"key\":\"k\",\"name\":\"a \\\"b\\\"\",\"started_ms\":1,\"duration_us\":3,"
        "\"bytes\":2,\"files\":4}");
    assert_int_equal(len, strlen(text));
    free(text);
    text = plm_control_write_written(ID, RUN, 5, &len);
    assert_string_equal(text, "{\"op\":\"written\",\"id\":\"" ID "\",\"run\":\"" RUN "\",\"n\":5}");
    free(text);
    text = plm_control_write_disk(PLM_DISK_REFUSE, 5, &len);
    assert_string_equal(text, "{\"op\":\"disk\",\"level\":\"refuse\",\"free\":5}");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_server_says),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(what_a_recorder_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
