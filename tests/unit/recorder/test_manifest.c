#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "manifest.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "0123456789abcdef0123456789abcdef"
#define FIRST                                                                                                \
    "{\"type\":\"recording\",\"t_us\":0,\"format\":1,\"id\":\"" ID                                           \
    "\",\"key\":\"k\",\"name\":\"n\",\"started_ms\":5,\"mono_us\":6}\n"

static json_t *build(const char *journal, const struct plm_manifest_file *files, size_t n)
{
    char *text = plm_manifest_build(journal, strlen(journal), files, n);
    assert_non_null(text);
    json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    free(text);
    return o;
}

/* Like json_equal, but tells both. */
static void expect(json_t *o, const char *key, const char *text)
{
    json_t *want = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(want);
    json_t *have = json_object_get(o, key);
    if (!json_equal(have, want)) {
        char *told = json_dumps(have, JSON_ENCODE_ANY | JSON_COMPACT);
        fail_msg("%s is %s, not %s", key, told ? told : "absent", text);
    }
    json_decref(want);
}

/* What another recorder found in the files of one that was killed is no gap; a server's gap is as long as it was. */
static void a_gap_begins_where_the_files_end(void **state)
{
    (void)state;
    static const char file[] = "{\"type\":\"file\",\"t_us\":2,\"file\":\"p1-camera-1.mp4\",\"participant\":1,"
                               "\"pair\":\"camera\",\"start_us\":2}\n";
    static const char later[] = "{\"type\":\"file\",\"t_us\":90,\"file\":\"p1-camera-2.mp4\",\"participant\":"
                                "1,\"pair\":\"camera\",\"start_us\":90}\n";
    static const struct {
        const char *reason, *from;
        int64_t duration_us;
    } cases[] = {{"recorder", "60", 58}, {"recorder", "2", 0}, {"recorder", "2", 200}, {"server", "2", 58}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char journal[1024], want[128];
        snprintf(journal, sizeof(journal),
            FIRST "%s{\"type\":\"gap\",\"t_us\":80,\"from_us\":2,\"to_us\":80,\"reason\":\"%s\"}\n%s", file,
            cases[i].reason, later);
        snprintf(want, sizeof(want), "[{\"from_us\":%s,\"to_us\":80,\"reason\":\"%s\"}]", cases[i].from,
            cases[i].reason);
        const struct plm_manifest_file files[] = {
            {"p1-camera-1.mp4", cases[i].duration_us, 1, "", 1}, {"p1-camera-2.mp4", 5, 1, "", 1}};
        json_t *o = build(journal, files, 2);
        expect(o, "gaps", want);
        json_decref(o);
    }
}

static void a_meeting(void **state)
{
    (void)state;
    static const char journal[] = FIRST
        "{\"type\":\"joined\",\"t_us\":10,\"participant\":1,\"name\":\"Ada\",\"role\":\"moderator\","
        "\"breakout\":0}\n"
        "{\"type\":\"joined\",\"t_us\":20,\"participant\":2,\"name\":\"Bob\",\"role\":\"speaker\"}\n"
        "{\"type\":\"track\",\"t_us\":21,\"participant\":2,\"source\":\"microphone\",\"active\":true,"
        "\"muted\":false}\n"
        "{\"type\":\"file\",\"t_us\":22,\"file\":\"p2-camera-1.mp4\",\"participant\":2,\"pair\":\"camera\","
        "\"start_us\":22,\"audio\":\"opus\"}\n"
        "{\"type\":\"file\",\"t_us\":22,\"file\":\"p1-camera-1.mp4\",\"participant\":1,\"pair\":\"camera\","
        "\"start_us\":23,\"audio\":\"opus\","
        "\"video\":{\"codec\":\"h264\",\"width\":1,\"height\":2,\"rotation\":0}}\n"
        "{\"type\":\"track\",\"t_us\":30,\"participant\":2,\"source\":\"microphone\",\"active\":true,"
        "\"muted\":true}\n"
        "{\"type\":\"track\",\"t_us\":31,\"participant\":2,\"source\":\"microphone\",\"active\":true,"
        "\"muted\":true}\n"
        "{\"type\":\"moved\",\"t_us\":40,\"participant\":1,\"breakout\":3,\"title\":\"x\"}\n"
        "{\"type\":\"track\",\"t_us\":45,\"participant\":2,\"source\":\"microphone\",\"active\":true,"
        "\"muted\":false}\n"
        "{\"type\":\"file_end\",\"t_us\":46,\"file\":\"p2-camera-1.mp4\",\"duration_us\":20,\"bytes\":100,"
        "\"sha256\":\"abc\"}\n"
        "{\"type\":\"moved\",\"t_us\":50,\"participant\":1,\"breakout\":0}\n"
        "{\"type\":\"gap\",\"t_us\":60,\"from_us\":52,\"to_us\":60,\"reason\":\"server\"}\n"
        "{\"type\":\"speakers\",\"t_us\":61,\"participants\":[2,1]}\n"
        "{\"type\":\"chat\",\"t_us\":62,\"participant\":2,\"name\":\"Bob\",\"text\":\"hi\",\"sent_ms\":7}\n"
        "{\"type\":\"renamed\",\"t_us\":63,\"participant\":2,\"name\":\"Robert\"}\n"
        "{\"type\":\"role\",\"t_us\":63,\"participant\":2,\"role\":\"moderator\"}\n"
        "{\"type\":\"left\",\"t_us\":70,\"participant\":2,\"reason\":\"left\"}\n"
        "{\"type\":\"joined\",\"t_us\":80,\"participant\":2,\"name\":\"Bob\",\"role\":\"speaker\","
        "\"breakout\":0}\n"
        "{\"type\":\"track\",\"t_us\":81,\"participant\":2,\"source\":\"camera\",\"active\":true,\"muted\":"
        "true}\n"
        "{\"type\":\"end\",\"t_us\":90,\"reason\":\"asked\"}\n";
    const struct plm_manifest_file files[] = {
        {"p1-camera-1.mp4", 30, 200, "", 1},
        {"p2-camera-1.mp4", 20, 100, "", 1},
    };
    json_t *o = build(journal, files, 2);
    expect(o, "format", "1");
    expect(o, "id", "\"" ID "\"");
    expect(o, "key", "\"k\"");
    expect(o, "name", "\"n\"");
    expect(o, "started_ms", "5");
    expect(o, "duration_us", "90");
    expect(o, "bytes", "300");
    expect(o, "reason", "\"asked\"");
    expect(o, "participants",
        "[{\"id\":1,\"name\":\"Ada\",\"role\":\"moderator\",\"present\":[{\"from_us\":10,\"to_us\":40,"
        "\"breakout\":0},"
        "{\"from_us\":40,\"to_us\":50,\"breakout\":3},{\"from_us\":50,\"to_us\":90,\"breakout\":0}],"
        "\"muted\":[]},"
        "{\"id\":2,\"name\":\"Bob\",\"role\":\"speaker\",\"present\":[{\"from_us\":20,\"to_us\":70,"
        "\"breakout\":0},"
        "{\"from_us\":80,\"to_us\":90,\"breakout\":0}],\"muted\":[{\"source\":\"microphone\",\"from_us\":30,"
        "\"to_us\":45},"
        "{\"source\":\"camera\",\"from_us\":81,\"to_us\":90}]}]");
    expect(o, "files",
        "[{\"file\":\"p2-camera-1.mp4\",\"participant\":2,\"pair\":\"camera\",\"start_us\":22,\"duration_"
        "us\":20,\"bytes\":100,"
        "\"sha256\":\"abc\",\"audio\":\"opus\"},"
        "{\"file\":\"p1-camera-1.mp4\",\"participant\":1,\"pair\":\"camera\",\"start_us\":23,\"duration_us\":"
        "30,\"bytes\":200,"
        "\"sha256\":\"\",\"audio\":\"opus\",\"video\":{\"codec\":\"h264\",\"width\":1,\"height\":2,"
        "\"rotation\":0}}]");
    expect(o, "gaps", "[{\"from_us\":52,\"to_us\":60,\"reason\":\"server\"}]");
    expect(o, "speakers", "[{\"t_us\":61,\"participants\":[2,1]}]");
    expect(o, "chat", "[{\"t_us\":62,\"participant\":2,\"name\":\"Bob\",\"text\":\"hi\"}]");
    json_decref(o);
}

/* What a crash leaves: no end, a torn line, files that are not there, a file that is longer than the journal. */
static void a_crash(void **state)
{
    (void)state;
    static const char journal[] =
        FIRST "{\"type\":\"joined\",\"t_us\":10,\"participant\":1,\"name\":\"Ada\",\"role\":\"moderator\"}\n"
              "garbage\n"
              "{\"type\":\"file\",\"t_us\":22,\"file\":\"p1-camera-1.mp4\",\"participant\":1,\"pair\":"
              "\"camera\",\"start_us\":22,\"audio\":\"opus\"}\n"
              "{\"type\":\"file\",\"t_us\":23,\"file\":\"p1-camera-2.mp4\",\"participant\":1,\"pair\":"
              "\"camera\",\"start_us\":23,\"audio\":\"opus\"}\n"
              "{\"type\":\"file\",\"t_us\":24,\"file\":\"p1-camera-3.mp4\",\"participant\":1,\"pair\":"
              "\"camera\",\"start_us\":24,\"audio\":\"opus\"}\n"
              "{\"type\":\"file_end\",\"t_us\":46,\"file\":\"p1-camera-3.mp4\",\"duration_us\":20,\"bytes\":"
              "100,\"sha256\":\"of another size\"}\n"
              "{\"type\":\"left\",\"t_us\":47,\"parti";
    const struct plm_manifest_file files[] = {
        {"p1-camera-1.mp4", 30, 200, "", 0},
        {"p1-camera-3.mp4", 1000, 101, "", 1},
    };
    json_t *o = build(journal, files, 2);
    expect(o, "duration_us", "1024");
    expect(o, "reason", "\"server_gone\"");
    expect(o, "participants",
        "[{\"id\":1,\"name\":\"Ada\",\"role\":\"moderator\",\"present\":[{\"from_us\":10,\"to_us\":1024,"
        "\"breakout\":0}],\"muted\":[]}]");
    expect(o, "files",
        "[{\"file\":\"p1-camera-3.mp4\",\"participant\":1,\"pair\":\"camera\",\"start_us\":24,\"duration_"
        "us\":1000,\"bytes\":101,"
        "\"sha256\":\"\",\"audio\":\"opus\"}]");
    json_decref(o);
}

/* The server was started again: who came by WHIP is not there any more, and nobody said so. */
static void a_restart(void **state)
{
    (void)state;
    static const char journal[] =
        FIRST "{\"type\":\"joined\",\"t_us\":10,\"participant\":1,\"name\":\"Ada\",\"role\":\"moderator\"}\n"
              "{\"type\":\"joined\",\"t_us\":11,\"participant\":2,\"name\":\"cam\",\"role\":\"speaker\"}\n"
              "{\"type\":\"track\",\"t_us\":12,\"participant\":2,\"source\":\"camera\",\"active\":true,"
              "\"muted\":true}\n"
              "{\"type\":\"present\",\"t_us\":20,\"participants\":7}\n"
              "{\"type\":\"present\",\"t_us\":30,\"participants\":[1,\"2\"]}\n"
              "{\"type\":\"end\",\"t_us\":40,\"reason\":\"asked\"}\n";
    json_t *o = build(journal, NULL, 0);
    expect(o, "participants",
        "[{\"id\":1,\"name\":\"Ada\",\"role\":\"moderator\",\"present\":[{\"from_us\":10,\"to_us\":40,"
        "\"breakout\":0}],"
        "\"muted\":[]},"
        "{\"id\":2,\"name\":\"cam\",\"role\":\"speaker\",\"present\":[{\"from_us\":11,\"to_us\":30,"
        "\"breakout\":0}],"
        "\"muted\":[{\"source\":\"camera\",\"from_us\":12,\"to_us\":30}]}]");
    json_decref(o);
}

/* Whatever lines hold, a manifest comes out or nothing does. */
static void lines_of_the_wrong_kind(void **state)
{
    (void)state;
    static const char journal[] =
        FIRST "{\"type\":\"joined\",\"t_us\":10}\n{\"type\":\"joined\",\"t_us\":10,\"participant\":\"1\"}\n"
              "{\"type\":\"joined\",\"t_us\":10,\"participant\":-1}\n{\"type\":7,\"t_us\":10}\n{\"type\":"
              "\"left\",\"t_us\":10,\"participant\":9}\n"
              "{\"type\":\"track\",\"t_us\":10,\"participant\":9}\n{\"type\":\"file\",\"t_us\":10}\n{"
              "\"type\":\"file_end\",\"t_us\":10}\n"
              "{\"type\":\"joined\",\"t_us\":-10,\"participant\":4}\n{\"type\":\"end\",\"t_us\":11,"
              "\"reason\":5}\n[1]\n";
    json_t *o = build(journal, NULL, 0);
    expect(o, "participants", "[]");
    expect(o, "files", "[]");
    expect(o, "duration_us", "11");
    json_decref(o);
    assert_null(plm_manifest_build("", 0, NULL, 0));
    assert_null(plm_manifest_build("{}\n", 3, NULL, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_meeting),
        cmocka_unit_test(a_gap_begins_where_the_files_end),
        cmocka_unit_test(a_crash),
        cmocka_unit_test(a_restart),
        cmocka_unit_test(lines_of_the_wrong_kind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
