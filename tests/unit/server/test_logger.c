#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "logger.h"

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 2026-11-21T19:30:00.123Z */
#define WHEN 1795289400123456u

static size_t format(char *buf, size_t size, int kind, const struct plm_log_ids *ids, const char *text)
{
    return plm_log_format(buf, size, kind, WHEN, PLM_LOG_WARN, "ice", ids, text);
}

static void lines_of_text(void **state)
{
    (void)state;
    static const struct {
        struct plm_log_ids ids;
        const char *text, *line;
    } cases[] = {
        {{0}, "hello", "2026-11-21T19:30:00.123Z warn ice: hello\n"},
        {{.room = "r1", .participant = "bob", .transport = 7}, "x",
            "2026-11-21T19:30:00.123Z warn ice room=r1 participant=bob transport=7: x\n"},
        {{.room = ""}, "", "2026-11-21T19:30:00.123Z warn ice: \n"},
        {{.room = "a\nb"}, "c\nd\te\x7f\x01",
            "2026-11-21T19:30:00.123Z warn ice room=a\\nb: c\\nd\\u0009e\\u007f\\u0001\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buf[256];
        size_t len = format(buf, sizeof(buf), PLM_LOG_TEXT, &cases[i].ids, cases[i].text);
        assert_int_equal(len, strlen(cases[i].line));
        assert_memory_equal(buf, cases[i].line, len);
    }
}

static void lines_of_json_are_json(void **state)
{
    (void)state;
    char buf[512];
    const struct plm_log_ids ids = {.room = "a\"b\\c", .transport = 4294967295u};
    size_t len = format(buf, sizeof(buf), PLM_LOG_JSON, &ids, "line\nfeed \"quoted\" \\ \x01 \xc3\xbc");

    assert_int_equal(buf[len - 1], '\n');
    assert_ptr_equal(memchr(buf, '\n', len), buf + len - 1);
    json_t *line = json_loadb(buf, len, 0, NULL);
    assert_non_null(line);
    assert_string_equal(json_string_value(json_object_get(line, "time")), "2026-11-21T19:30:00.123Z");
    assert_string_equal(json_string_value(json_object_get(line, "level")), "warn");
    assert_string_equal(json_string_value(json_object_get(line, "tag")), "ice");
    assert_string_equal(json_string_value(json_object_get(line, "room")), "a\"b\\c");
    assert_string_equal(json_string_value(json_object_get(line, "transport")), "4294967295");
    assert_string_equal(
        json_string_value(json_object_get(line, "text")), "line\nfeed \"quoted\" \\ \x01 \xc3\xbc");
    json_decref(line);
}

/* Whatever the size, nothing is written past it, and the line ends as its format demands. */
static void long_lines_are_cut(void **state)
{
    (void)state;
    char text[300];
    memset(text, '"', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    for (size_t size = 0; size < 200; size++) {
        char *exact = malloc(size ? size : 1);
        assert_non_null(exact);
        for (int kind = PLM_LOG_TEXT; kind <= PLM_LOG_JSON; kind++) {
            size_t len = format(exact, size, kind, NULL, text);
            assert_true(len <= size);
            if (len)
                assert_int_equal(exact[len - 1], '\n');
            if (len && kind == PLM_LOG_JSON)
                assert_memory_equal(exact + len - 3, "\"}\n", 3);
        }
        size_t len = format(exact, size, PLM_LOG_JSON, NULL, text);
        if (size > 80) {
            json_t *line = json_loadb(exact, len, 0, NULL);
            assert_non_null(line);
            json_decref(line);
        }
        free(exact);
    }
}

static void a_tag_has_a_burst_and_a_rate(void **state)
{
    (void)state;
    struct plm_log_bucket b = {0};
    uint64_t now = 5000000;

    for (int i = 0; i < PLM_LOG_BURST; i++)
        assert_true(plm_log_bucket_take(&b, now));
    for (int i = 0; i < 7; i++)
        assert_false(plm_log_bucket_take(&b, now));
    assert_int_equal(b.suppressed, 7);
    unsigned passed = 0;
    for (int ms = 0; ms < 1000; ms++)
        passed += plm_log_bucket_take(&b, now += 1000);
    assert_int_equal(passed, PLM_LOG_RATE);
    now += 3600ull * 1000000;
    passed = 0;
    for (int i = 0; i < 2 * PLM_LOG_BURST; i++)
        passed += plm_log_bucket_take(&b, now);
    assert_int_equal(passed, PLM_LOG_BURST);
}

static void levels_by_tag(void **state)
{
    (void)state;
    struct plm_config c;
    char err[PLM_CONFIG_ERROR_SIZE];
    char *const env[] = {
        "PLENUM_LOG_LEVEL=warn", "PLENUM_LOG_TAGS_ICE=debug", "PLENUM_LOG_TAGS_HTTP=error", NULL};

    assert_int_equal(plm_config_load(&c, NULL, env, err), 0);
    plm_log_configure(&c);
    plm_config_free(&c);
    assert_true(plm_log_wants(PLM_LOG_DEBUG, "ice"));
    assert_true(plm_log_wants(PLM_LOG_ERROR, "http"));
    assert_false(plm_log_wants(PLM_LOG_WARN, "http"));
    assert_true(plm_log_wants(PLM_LOG_WARN, "room"));
    assert_false(plm_log_wants(PLM_LOG_INFO, "room"));
    assert_false(plm_log_wants(PLM_LOG_INFO, "a tag that nobody configured"));
}

#define THREADS 4
#define LINES   40 /* of each; all of them are within the burst */

static void *write_lines(void *arg)
{
    char text[64];
    for (int i = 0; i < LINES; i++) {
        snprintf(text, sizeof(text), "thread %d line %d", *(int *)arg, i);
        plm_log_write(PLM_LOG_ERROR, "dtls", NULL, text);
    }
    return NULL;
}

/* Lines of several threads come out whole, each once. */
static void threads_do_not_mix(void **state)
{
    (void)state;
    static char out[THREADS * LINES * 128];
    pthread_t threads[THREADS];
    int numbers[THREADS], saved = dup(STDERR_FILENO);
    FILE *file = tmpfile();

    assert_true(file && saved >= 0);
    assert_true(dup2(fileno(file), STDERR_FILENO) >= 0);
    for (int t = 0; t < THREADS; t++) {
        numbers[t] = t;
        pthread_create(&threads[t], NULL, write_lines, &numbers[t]);
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(file);
    out[fread(out, 1, sizeof(out) - 1, file)] = 0;
    fclose(file);

    unsigned lines = 0;
    for (const char *p = out; *p; p = strchr(p, '\n') + 1, lines++)
        assert_non_null(strchr(p, '\n'));
    assert_int_equal(lines, THREADS * LINES);
    for (int t = 0; t < THREADS; t++)
        for (int i = 0; i < LINES; i++) {
            char want[64];
            snprintf(want, sizeof(want), "error dtls: thread %d line %d\n", t, i);
            assert_non_null(strstr(out, want));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_text),
        cmocka_unit_test(lines_of_json_are_json),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(a_tag_has_a_burst_and_a_rate),
        cmocka_unit_test(levels_by_tag),
        cmocka_unit_test(threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
