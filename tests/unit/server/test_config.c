#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "config_key.h"

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])

static char *const no_env[] = {NULL};

static void write_file(char *path, const char *text, size_t len)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
}

/* Load text as a file; err has the file's name cut off. */
static int load_text(struct plm_config *c, const char *text, char *const *env, char *err)
{
    char path[] = "/tmp/plenum-test-XXXXXX", full[PLM_CONFIG_ERROR_SIZE] = "";

    write_file(path, text, strlen(text));
    int rc = plm_config_load(c, path, env, full);
    unlink(path);
    size_t skip = strncmp(full, path, strlen(path)) ? 0 : strlen(path);
    strcpy(err, full + skip);
    return rc;
}

static void defaults_alone_are_valid(void **state)
{
    (void)state;
    struct plm_config c;
    char err[PLM_CONFIG_ERROR_SIZE], text[PLM_ADDR_TEXT];

    assert_int_equal(plm_config_load(&c, NULL, NULL, err), 0);
    assert_int_equal(c.http.listen.n, 1);
    assert_string_equal(plm_addr_format(&c.http.listen.addr[0], text, sizeof(text)), "127.0.0.1:8080");
    assert_int_equal(c.rtc.listen.n, 2);
    assert_string_equal(plm_addr_format(&c.rtc.listen.addr[1], text, sizeof(text)), "[::]:8080");
    assert_int_equal(c.rtc.limits.rtx_share_percent, 40);
    assert_int_equal(c.session.message_rate, 20);
    assert_int_equal(c.session.max_queue, 262144);
    assert_int_equal(c.rooms.codecs.codec[0], PLM_CODEC_OPUS);
    assert_true(c.rtc.gso);
    assert_int_equal(c.rtc.srtp_prefer, PLM_CONFIG_GCM_128);
    assert_int_equal(c.log.level, PLM_LOG_INFO);
    assert_int_equal(c.log.tags[PLM_TAG_ICE], PLM_LOG_INHERIT);
    assert_null(c.http.certificate);
    assert_string_equal(c.data.dir, "data");
    plm_config_free(&c);
    assert_null(c.data.dir);
}

static void a_file_sets_every_kind_of_value(void **state)
{
    (void)state;
    struct plm_config c;
    char err[PLM_CONFIG_ERROR_SIZE], text[PLM_ADDR_TEXT];

    int rc = load_text(&c,
        "http:\n  listen: ['0.0.0.0:80', '[::1]:81']\n  origins: [\"https://a.example\"]\n"
        "  tls:\n    certificate: /c.pem\n    key: /k.pem\n"
        "rtc:\n  workers: 3\n  gso: false\n  limits:\n    rooms: 7\n    transports: 9\n"
        "rooms:\n  codecs: [vp8, opus]\n"
        "ice:\n  turn_secret: s3\n  servers:\n    - url: stun:stun.example\n"
        "    - {url: 'turn:t.example:3478?transport=udp', username: u, credential: p}\n"
        "log:\n  level: debug\n  format: json\n  tags:\n    ice: error\n",
        no_env, err);
    assert_int_equal(rc, 0);
    assert_int_equal(c.http.listen.n, 2);
    assert_string_equal(plm_addr_format(&c.http.listen.addr[1], text, sizeof(text)), "[::1]:81");
    assert_string_equal(c.http.origins.text[0], "https://a.example");
    assert_string_equal(c.http.key, "/k.pem");
    assert_int_equal(c.rtc.workers, 3);
    assert_false(c.rtc.gso);
    assert_int_equal(c.rtc.limits.rooms, 7);
    assert_int_equal(c.rtc.limits.transports, 9);
    assert_int_equal(c.rooms.codecs.n, 2);
    assert_int_equal(c.rooms.codecs.codec[0], PLM_CODEC_VP8);
    assert_string_equal(c.ice.turn_secret, "s3");
    assert_int_equal(c.ice.servers.n, 2);
    assert_null(c.ice.servers.server[0].username);
    assert_string_equal(c.ice.servers.server[1].credential, "p");
    assert_int_equal(c.log.level, PLM_LOG_DEBUG);
    assert_int_equal(c.log.format, PLM_LOG_JSON);
    assert_int_equal(c.log.tags[PLM_TAG_ICE], PLM_LOG_ERROR);
    plm_config_free(&c);
}

static void errors_name_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *text, *err;
    } cases[] = {
        {"htpp:\n  listen: []\n", ":1: htpp: no such key"},
        {"http:\n  lisen: [a]\n", ":2: http.lisen: no such key"},
        {"rtc:\n  limits:\n    room: 1\n", ":3: rtc.limits.room: no such key"},
        {"rtc:\n  listen: [foo]\n",
            ": rtc.listen[0]: not an address: \"foo\" (write 1.2.3.4:80 or [::1]:80)"},
        {"rtc:\n  listen: [\"1.2.3.4:5\", 1.2.3.4:99999]\n",
            ": rtc.listen[1]: not an address: \"1.2.3.4:99999\" (write 1.2.3.4:80 or [::1]:80)"},
        {"rtc:\n  listen: 1.2.3.4:5\n", ":2: rtc.listen: a list is expected, for example [a, b]"},
        {"rtc:\n  listen: [a, {b: c}]\n", ":2: rtc.listen[1]: one value is expected"},
        {"rtc:\n  listen: []\n", ":2: rtc.listen: needs an entry"},
        {"rtc:\n  workers: 33\n", ": rtc.workers: 33 is not within 0..32"},
        {"rtc:\n  workers: -1\n", ": rtc.workers: not a number: \"-1\""},
        {"rtc:\n  workers: 4x\n", ": rtc.workers: not a number: \"4x\""},
        {"rtc:\n  workers:\n", ": rtc.workers: not a number: \"\""},
        {"rtc:\n  rcvbuf: 99999999999999999999\n",
            ": rtc.rcvbuf: 99999999999999999999 is not within 65536..1073741824"},
        {"rtc:\n  srtp_prefer: NULL\n",
            ": rtc.srtp_prefer: \"NULL\" is none of AEAD_AES_128_GCM, AEAD_AES_256_GCM, "
            "AES128_CM_SHA1_80"},
        {"rtc:\n  gso: maybe\n", ": rtc.gso: neither true nor false: \"maybe\""},
        {"rtc:\n  gso: [true]\n", ":2: rtc.gso: one value is expected"},
        {"rtc: 1\n", ":1: rtc: a section with keys is expected"},
        {"rtc:\n", ":1: rtc: a section with keys is expected"},
        {"just text\n", ":1: a section with keys is expected"},
        {"rtc:\n  listen: [1.2.3.4]\n",
            ": rtc.listen[0]: has no port: \"1.2.3.4\" (write 1.2.3.4:80 or [::1]:80)"},
        {"http:\n  listen: ['[::1]']\n",
            ": http.listen[0]: has no port: \"[::1]\" (write 1.2.3.4:80 or [::1]:80)"},
        {"rtc:\n  tcp_listen: ['::1']\n",
            ": rtc.tcp_listen[0]: has no port: \"::1\" (write 1.2.3.4:80 or [::1]:80)"},
        {"rtc:\n  advertise: [meet.example]\n",
            ": rtc.advertise[0]: not an address: \"meet.example\" (write 1.2.3.4 or ::1)"},
        {"http:\n  trusted_proxies: [10.0.0.0/8, 10.0.0.0/33]\n",
            ": http.trusted_proxies[1]: not an address or network: \"10.0.0.0/33\" (write 10.0.0.1, "
            "10.0.0.0/8 or fd00::/8)"},
        {"rtc:\n  workers: 1\n  workers: 2\n", ":2: rtc.workers: given twice"},
        {"rtc:\n  listen: [a\n", ":2: rtc.listen[0]: did not find expected ',' or ']'"},
        {"rtc: {}\n---\nhttp: {}\n", ": more than one YAML document"},
        {"log:\n  level: loud\n", ": log.level: \"loud\" is none of error, warn, info, debug"},
        {"log:\n  tags:\n    ice: x\n", ": log.tags.ice: \"x\" is none of error, warn, info, debug"},
        {"log:\n  tags:\n    sip: debug\n", ":3: log.tags.sip: no such key"},
        {"rooms:\n  codecs: [opus, h265]\n",
            ": rooms.codecs[1]: no such codec: \"h265\" (opus, VP8, VP9, H264, AV1)"},
        {"rooms:\n  codecs: [opus, OPUS]\n", ": rooms.codecs[1]: named twice: \"OPUS\""},
        {"rooms:\n  codecs: []\n", ":2: rooms.codecs: needs an entry"},
        {"ice:\n  servers:\n    - username: u\n", ":3: ice.servers[0].url: missing"},
        {"ice:\n  servers:\n    - url: http://x\n",
            ": ice.servers[0].url: not a stun:, turn: or turns: address: \"http://x\" (write "
            "turn:turn.example.com:3478?transport=udp)"},
        {"ice:\n  servers:\n    - {url: 'turn:x', username: u}\n", ": ice.servers[0].credential: missing"},
        {"ice:\n  servers:\n    - {url: 'turn:x', user: u}\n", ":3: ice.servers[0].user: no such key"},
        {"http:\n  tls:\n    key: /k\n", "http.tls.certificate: missing, http.tls.key is set"},
        {"http:\n  tls:\n    certificate: /k\n", "http.tls.key: missing, http.tls.certificate is set"},
        {"data:\n  dir: ''\n", "data.dir: needs a path"},
        {"http:\n  origins: ['https://a:8443', '']\n",
            ": http.origins[1]: not an origin: \"\" (write https://app.example.com)"},
        {"http:\n  origins: ['https://a/']\n",
            ": http.origins[0]: not an origin: \"https://a/\" (write https://app.example.com)"},
        {"http:\n  cors_origins: ['*', 'a.example']\n",
            ": http.cors_origins[1]: not an origin: \"a.example\" (write https://app.example.com)"},
        {"http:\n  cors_origins: ['HTTPS://a']\n",
            ": http.cors_origins[0]: not an origin: \"HTTPS://a\" (write https://app.example.com)"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct plm_config c;
        char err[PLM_CONFIG_ERROR_SIZE] = "";
        if (load_text(&c, cases[i].text, no_env, err) != PLM_EINVAL)
            fail_msg("taken: %s", cases[i].text);
        assert_string_equal(err, cases[i].err);
    }
}

static void empty_files_give_defaults(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "# nothing\n", "---\nhttp: {}\n", "http: {}\n"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct plm_config c;
        char err[PLM_CONFIG_ERROR_SIZE] = "";
        assert_int_equal(load_text(&c, texts[i], no_env, err), 0);
        assert_int_equal(c.http.listen.n, 1);
        plm_config_free(&c);
    }
}

static void unreadable_files_are_named(void **state)
{
    (void)state;
    struct plm_config c;
    char err[PLM_CONFIG_ERROR_SIZE], path[] = "/tmp/plenum-test-XXXXXX";

    assert_int_equal(plm_config_load(&c, "/nonexistent/plenum.yaml", NULL, err), -2);
    assert_string_equal(err, "/nonexistent/plenum.yaml: No such file or directory");
    write_file(path, "rtc:\0\n", 6);
    assert_int_equal(plm_config_load(&c, path, NULL, err), PLM_EINVAL);
    unlink(path);
    assert_non_null(strstr(err, ": not a text file"));
}

static void the_environment_overrides_the_file(void **state)
{
    (void)state;
    char *const env[] = {"HOME=/root", "PLENUM_HTTP_LISTEN=10.0.0.1:8080",
        "PLENUM_RTC_LISTEN=10.0.0.1:1, [::1]:2", "PLENUM_RTC_WORKERS=2", "PLENUM_RTC_ADVERTISE=192.0.2.1",
        "PLENUM_DATA_DIR=/var/lib/plenum", "PLENUM_LOG_TAGS_ICE=debug", "PLENUM_RTC_LIMITS_TRANSPORTS=12",
        "PLENUM_ICE_SERVERS=stun:a,turn:b", "PLENUM_ICE_TURN_SECRET=s", "PLENUM_HTTP_TLS_CERTIFICATE=/c",
        "PLENUM_HTTP_TLS_KEY=/k", "PLENUMX=1", NULL};
    struct plm_config c;
    char err[PLM_CONFIG_ERROR_SIZE], text[PLM_ADDR_TEXT];

    assert_int_equal(load_text(&c, "rtc:\n  workers: 5\n  listen: ['9.9.9.9:9']\n", env, err), 0);
    assert_string_equal(plm_addr_format(&c.http.listen.addr[0], text, sizeof(text)), "10.0.0.1:8080");
    assert_int_equal(c.rtc.listen.n, 2);
    assert_string_equal(plm_addr_format(&c.rtc.listen.addr[1], text, sizeof(text)), "[::1]:2");
    assert_int_equal(c.rtc.workers, 2);
    assert_int_equal(plm_addr_port(&c.rtc.advertise.addr[0]), 0);
    assert_string_equal(c.data.dir, "/var/lib/plenum");
    assert_int_equal(c.log.tags[PLM_TAG_ICE], PLM_LOG_DEBUG);
    assert_int_equal(c.rtc.limits.transports, 12);
    assert_int_equal(c.ice.servers.n, 2);
    assert_string_equal(c.ice.servers.server[1].url, "turn:b");
    plm_config_free(&c);
}

static void errors_name_the_variable(void **state)
{
    (void)state;
    static const struct {
        char *variable;
        const char *err;
    } cases[] = {
        {"PLENUM_RTC_WORKER=1",
            "PLENUM_RTC_WORKER: no such setting (variables are called PLENUM_<SECTION>_<KEY>)"},
        {"PLENUM_=1", "PLENUM_: no such setting (variables are called PLENUM_<SECTION>_<KEY>)"},
        {"PLENUM_RTC_WORKERS=x", "PLENUM_RTC_WORKERS (rtc.workers): not a number: \"x\""},
        {"PLENUM_RTC_WORKERS=", "PLENUM_RTC_WORKERS (rtc.workers): not a number: \"\""},
        {"PLENUM_RTC_LISTEN=1.2.3.4:1,,",
            "PLENUM_RTC_LISTEN (rtc.listen)[1]: not an address: \"\" (write 1.2.3.4:80 or "
            "[::1]:80)"},
        {"PLENUM_RTC_LISTEN=", "rtc.listen: needs an address"},
        {"PLENUM_DATA_DIR=", "data.dir: needs a path"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *const env[] = {cases[i].variable, NULL};
        struct plm_config c;
        char err[PLM_CONFIG_ERROR_SIZE] = "";
        assert_int_equal(plm_config_load(&c, NULL, env, err), PLM_EINVAL);
        assert_string_equal(err, cases[i].err);
    }
}

static void what_is_printed_loads_again(void **state)
{
    (void)state;
    char *const env[] = {"PLENUM_RTC_WORKERS=2", "PLENUM_HTTP_WEB_ROOT=/a \"b\"\\c\td",
        "PLENUM_ICE_SERVERS=stun:a", "PLENUM_ICE_TURN_SECRET=verysecret", "PLENUM_LOG_TAGS_ICE=debug", NULL};
    struct plm_config c, again;
    char err[PLM_CONFIG_ERROR_SIZE];

    assert_int_equal(plm_config_load(&c, NULL, env, err), 0);
    char *text = plm_config_print(&c);
    assert_non_null(text);
    assert_null(strstr(text, "verysecret"));
    assert_non_null(strstr(text, "# turn_secret: set, not shown\n"));
    assert_int_equal(load_text(&again, text, no_env, err), 0);
    assert_string_equal(again.http.web_root, "/a \"b\"\\c\td");
    assert_int_equal(again.rtc.workers, 2);
    assert_int_equal(again.log.tags[PLM_TAG_ICE], PLM_LOG_DEBUG);
    assert_string_equal(again.ice.servers.server[0].url, "stun:a");
    assert_null(again.ice.turn_secret);
    free(text);
    plm_config_free(&c);
    plm_config_free(&again);
}

static void the_shipped_files_load(void **state)
{
    (void)state;
    glob_t found;

    assert_int_equal(glob(PLM_SOURCE_DIR "/configs/*.yaml", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 1);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct plm_config c;
        char err[PLM_CONFIG_ERROR_SIZE] = "";
        if (plm_config_load(&c, found.gl_pathv[i], NULL, err))
            fail_msg("%s", err);
        plm_config_free(&c);
    }
    globfree(&found);
}

/* Else everybody would be the proxy, which is this machine. */
static void behind_a_proxy_it_is_trusted(void **state)
{
    (void)state;
    struct plm_config c;
    char text[PLM_SOURCE_NET], err[PLM_CONFIG_ERROR_SIZE] = "";
    assert_int_equal(plm_config_load(&c, PLM_SOURCE_DIR "/configs/behind-proxy.yaml", NULL, err), 0);
    assert_int_equal(c.http.trusted_proxies.n, 2);
    assert_string_equal(
        plm_source_net_format(&c.http.trusted_proxies.net[0], text, sizeof(text)), "127.0.0.1");
    assert_string_equal(plm_source_net_format(&c.http.trusted_proxies.net[1], text, sizeof(text)), "::1");
    plm_config_free(&c);
}

/* plenum.yaml is the reference: it names each key, commented out or not, and what it sets is the default. */
static void the_reference_file_names_every_key(void **state)
{
    (void)state;
    struct plm_config c, defaults;
    char err[PLM_CONFIG_ERROR_SIZE] = "";
    static char text[65536];

    FILE *f = fopen(PLM_SOURCE_DIR "/configs/plenum.yaml", "re");
    assert_non_null(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = 0;
    fclose(f);
    for (size_t i = 0; i < plm_config_n_keys; i++) {
        char name[64];
        const char *dot = strrchr(plm_config_keys[i].path, '.');
        snprintf(name, sizeof(name), " %s:", dot + 1);
        if (!strstr(text, name))
            fail_msg("configs/plenum.yaml says nothing of %s", plm_config_keys[i].path);
    }
    assert_int_equal(plm_config_load(&c, PLM_SOURCE_DIR "/configs/plenum.yaml", NULL, err), 0);
    assert_int_equal(plm_config_load(&defaults, NULL, NULL, err), 0);
    char *one = plm_config_print(&c), *other = plm_config_print(&defaults);
    assert_string_equal(one, other);
    free(one);
    free(other);
    plm_config_free(&c);
    plm_config_free(&defaults);
}

/* A section's keys must stand together, and the table's texts must be good defaults. */
static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < plm_config_n_keys; i++) {
        const struct plm_config_key *key = &plm_config_keys[i];
        assert_true(key->offset < sizeof(struct plm_config));
        assert_true(strchr(key->path, '.') != NULL);
        assert_true((key->kind == PLM_CFG_CHOICE) == (key->choices != NULL));
        for (size_t k = i + 1; k < plm_config_n_keys; k++)
            assert_string_not_equal(key->path, plm_config_keys[k].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_alone_are_valid),
        cmocka_unit_test(a_file_sets_every_kind_of_value),
        cmocka_unit_test(errors_name_the_path),
        cmocka_unit_test(empty_files_give_defaults),
        cmocka_unit_test(unreadable_files_are_named),
        cmocka_unit_test(the_environment_overrides_the_file),
        cmocka_unit_test(errors_name_the_variable),
        cmocka_unit_test(what_is_printed_loads_again),
        cmocka_unit_test(the_shipped_files_load),
        cmocka_unit_test(behind_a_proxy_it_is_trusted),
        cmocka_unit_test(the_reference_file_names_every_key),
        cmocka_unit_test(the_table_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
