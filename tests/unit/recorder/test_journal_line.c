#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "journal_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID          "0123456789abcdef0123456789abcdef"
#define RUN         "0123456789abcdef"
#define OTHER       "fedcba9876543210"
#define SERVER(run) "{\"type\":\"server\",\"t_us\":1,\"run\":\"" run "\"}\n"
#define FIRST                                                                                                \
    "{\"type\":\"recording\",\"t_us\":0,\"format\":1,\"id\":\"" ID                                           \
    "\",\"key\":\"k\",\"name\":\"n\",\"started_ms\":5,\"mono_us\":6,\"boot\":\"b\"}"

static void expect(char *line, const char *text)
{
    assert_non_null(line);
    assert_string_equal(line, text);
    free(line);
}

static void lines(void **state)
{
    (void)state;
    const struct plm_journal_head head = {ID, "k", "n", "b", 5, 6};
    char *line = plm_journal_line_recording(&head);
    expect(line, FIRST);

    struct plm_journal_file file = {"p3-camera-1.mp4", "camera", 3, 40, true, PLM_CODEC_H264, 640, 360, 90};
    line = plm_journal_line_file(50, &file);
    expect(line,
        "{\"type\":\"file\",\"t_us\":50,\"file\":\"p3-camera-1.mp4\",\"participant\":3,\"pair\":\"camera\","
        "\"start_us\":40,\"audio\":\"opus\",\"video\":{\"codec\":\"h264\",\"width\":640,\"height\":360,"
        "\"rotation\":90}}");
    file.video = PLM_CODEC_NONE;
    line = plm_journal_line_file(50, &file);
    expect(line,
        "{\"type\":\"file\",\"t_us\":50,\"file\":\"p3-camera-1.mp4\",\"participant\":3,\"pair\":\"camera\","
        "\"start_us\":40,\"audio\":\"opus\"}");

    const struct plm_journal_file_end end = {"f", "left", "", 7, 8, true};
    line = plm_journal_line_file_end(9, &end);
    expect(line,
        "{\"type\":\"file_end\",\"t_us\":9,\"file\":\"f\",\"duration_us\":7,\"bytes\":8,\"sha256\":\"\","
        "\"usable\":true,"
        "\"reason\":\"left\"}");
    line = plm_journal_line_gap(9, 1, 2, "server");
    expect(line, "{\"type\":\"gap\",\"t_us\":9,\"from_us\":1,\"to_us\":2,\"reason\":\"server\"}");
    line = plm_journal_line_state(9, PLM_RECORDING_ON, PLM_RECORDING_NO_REASON);
    expect(line, "{\"type\":\"state\",\"t_us\":9,\"state\":\"on\",\"reason\":\"\"}");
    line = plm_journal_line_end(9, PLM_RECORDING_ASKED);
    expect(line, "{\"type\":\"end\",\"t_us\":9,\"reason\":\"asked\"}");

    json_t *event = json_pack("{s:s, s:i, s:s}", "type", "chat", "t_us", 1, "text", "a\nb");
    line = plm_journal_line_event(9, 0, event);
    assert_null(strchr(line, '\n'));
    expect(line, "{\"type\":\"chat\",\"t_us\":9,\"text\":\"a\\nb\"}");
    json_object_set_new(event, "n", json_integer(3));
    expect(plm_journal_line_event(9, 0, event), "{\"type\":\"chat\",\"t_us\":9,\"text\":\"a\\nb\"}");
    expect(plm_journal_line_event(9, 7, event), "{\"type\":\"chat\",\"t_us\":9,\"text\":\"a\\nb\",\"n\":7}");
    expect(plm_journal_line_server(9, RUN), "{\"type\":\"server\",\"t_us\":9,\"run\":\"" RUN "\"}");
    assert_int_equal(json_integer_value(json_object_get(event, "t_us")), 1);
    json_decref(event);
}

static void a_torn_line_is_left_out(void **state)
{
    (void)state;
    struct plm_journal_summary s;
    static const char whole[] = FIRST "\n{\"type\":\"joined\",\"t_us\":70}\nnonsense\n{\"type\":\"end\",\"t_"
                                      "us\":90,\"reason\":\"limit\"}\n";
    for (size_t len = 0; len < sizeof(whole); len++) {
        char *exact = malloc(len ? len : 1);
        assert_non_null(exact);
        memcpy(exact, whole, len);
        int rc = plm_journal_summarize(&s, exact, len);
        assert_int_equal(rc, len > strlen(FIRST) ? 0 : PLM_EINVAL);
        if (!rc) {
            bool all = len == sizeof(whole) - 1;
            assert_int_equal(s.ended, all);
            assert_int_equal(s.last_us, all ? 90 : len >= strlen(FIRST) + 29 ? 70 : 0);
            if (all)
                assert_int_equal(s.reason, PLM_RECORDING_LIMIT);
            assert_string_equal(s.head.id, ID);
            assert_int_equal(s.head.mono_us, 6);
            plm_journal_summary_free(&s);
        }
        free(exact);
    }
}

static void the_last_number_is_that_of_the_last_run(void **state)
{
    (void)state;
    static const struct {
        const char *lines, *run;
        uint64_t n;
    } cases[] = {
        {"", "", 0},
        {"{\"type\":\"joined\",\"t_us\":1}\n", "", 0},
        {SERVER(RUN) "{\"type\":\"joined\",\"t_us\":1,\"n\":4}\n{\"type\":\"left\",\"t_us\":1,\"n\":9}\n",
            RUN, 9},
        {SERVER(RUN) "{\"type\":\"joined\",\"t_us\":1,\"n\":4}\n{\"type\":\"left\",\"t_us\":1}\n", RUN, 4},
        {SERVER(RUN) "{\"type\":\"left\",\"t_us\":1,\"n\":4}\n{\"type\":\"left\",\"t_us\":1,\"n\":9}", RUN,
            4},
        {SERVER(RUN) "{\"type\":\"joined\",\"t_us\":1,\"n\":4}\n" SERVER(OTHER), OTHER, 0},
        {SERVER(RUN) "{\"type\":\"gap\",\"t_us\":1,\"n\":4}\n", RUN, 0},
        {SERVER(RUN) SERVER("x") "{\"type\":\"left\",\"t_us\":1,\"n\":-4}\n", RUN, 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct plm_journal_summary s;
        char text[512];
        snprintf(text, sizeof(text), FIRST "\n%s", cases[i].lines);
        assert_int_equal(plm_journal_summarize(&s, text, strlen(text)), 0);
        assert_string_equal(s.run, cases[i].run);
        assert_int_equal(s.n, cases[i].n);
        plm_journal_summary_free(&s);
    }
}

static void other_first_lines_are_none(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}\n",
        "{\"type\":\"recording\",\"format\":2,\"id\":\"" ID "\",\"key\":\"k\",\"name\":\"n\"}\n",
        "{\"type\":\"recording\",\"format\":1,\"id\":\"x\",\"key\":\"k\",\"name\":\"n\"}\n",
        "{\"type\":\"recording\",\"format\":1,\"id\":\"" ID "\",\"name\":\"n\"}\n",
        "{\"type\":\"joined\",\"format\":1,\"id\":\"" ID "\",\"key\":\"k\",\"name\":\"n\"}\n",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct plm_journal_summary s;
        assert_int_equal(plm_journal_summarize(&s, texts[i], strlen(texts[i])), PLM_EINVAL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),
        cmocka_unit_test(a_torn_line_is_left_out),
        cmocka_unit_test(the_last_number_is_that_of_the_last_run),
        cmocka_unit_test(other_first_lines_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
