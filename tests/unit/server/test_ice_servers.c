#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ice_servers.h"

#include <stdio.h>
#include <string.h>

/* printf 1700000000 | openssl dgst -sha1 -hmac secret -binary | base64 */
#define EXPECTED "WGw37+g43pfwVUmrc9tgArn/juE="

static void credentials_are_those_of_coturn(void **state)
{
    (void)state;
    char username[PLM_TURN_USERNAME_SIZE], credential[PLM_TURN_CREDENTIAL_SIZE];
    assert_int_equal(plm_turn_credentials("secret", 1700000000, username, credential), 0);
    assert_string_equal(username, "1700000000");
    assert_string_equal(credential, EXPECTED);
}

static void only_turn_without_a_user_gets_credentials(void **state)
{
    (void)state;
    struct plm_config c = {.ice = {.turn_secret = (char *)"secret", .turn_ttl_s = 1000}};
    struct plm_ice_servers out;

    c.ice.servers.n = 4;
    c.ice.servers.server[0].url = (char *)"stun:s";
    c.ice.servers.server[1].url = (char *)"turn:t";
    c.ice.servers.server[2] = (struct plm_config_server){(char *)"turns:u", (char *)"me", (char *)"pass"};
    c.ice.servers.server[3].url = (char *)"turns:v";
    plm_ice_servers_fill(&out, &c, 1699999000);
    assert_int_equal(out.n, 4);
    assert_null(out.server[0].username);
    assert_string_equal(out.server[1].username, "1700000000");
    assert_string_equal(out.server[1].credential, EXPECTED);
    assert_string_equal(out.server[2].username, "me");
    assert_string_equal(out.server[2].credential, "pass");
    assert_string_equal(out.server[3].credential, EXPECTED);

    c.ice.turn_secret = NULL;
    plm_ice_servers_fill(&out, &c, 1699999000);
    assert_null(out.server[1].username);
    assert_null(out.server[1].credential);
}

static void link_headers(void **state)
{
    (void)state;
    static const struct {
        struct plm_ice_server server;
        const char *link;
    } cases[] = {
        {{"stun:stun.example:3478", NULL, NULL}, "<stun:stun.example:3478>; rel=\"ice-server\""},
        {{"turn:t.example?transport=udp", "u", "c/+="},
            "<turn:t.example?transport=udp>; rel=\"ice-server\"; username=\"u\"; credential=\"c/+=\"; "
            "credential-type=\"password\""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char buf[256];
        size_t len = strlen(cases[i].link);
        assert_int_equal(plm_ice_server_link(buf, sizeof(buf), &cases[i].server), 0);
        assert_string_equal(buf, cases[i].link);
        assert_int_equal(plm_ice_server_link(buf, len + 1, &cases[i].server), 0);
        assert_int_equal(plm_ice_server_link(buf, len, &cases[i].server), PLM_EFULL);
    }
}

/* What stands in a header must not be able to end it. */
static void values_that_would_break_a_header_are_refused(void **state)
{
    (void)state;
    static char *const variables[] = {
        "PLENUM_ICE_SERVERS=turn:a>b",
        "PLENUM_ICE_SERVERS=turn:a\"b",
        "PLENUM_ICE_SERVERS=turn:a\r\nx: y",
        "PLENUM_ICE_SERVERS=turn:a b",
        "PLENUM_ICE_SERVERS=turn:",
        "PLENUM_ICE_SERVERS=turn://a",
        "PLENUM_ICE_SERVERS=http:a",
    };
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) {
        char *const env[] = {variables[i], NULL};
        struct plm_config c;
        char err[PLM_CONFIG_ERROR_SIZE];
        assert_int_equal(plm_config_load(&c, NULL, env, err), PLM_EINVAL);
        assert_non_null(strstr(err, "(ice.servers)[0].url: not a stun:, turn: or turns: address"));
    }
}

static int load(const char *servers, char *secret, char err[PLM_CONFIG_ERROR_SIZE])
{
    char variable[256];
    snprintf(variable, sizeof(variable), "PLENUM_ICE_SERVERS=%s", servers);
    char *const env[] = {variable, secret, NULL};
    struct plm_config c;
    int rc = plm_config_load(&c, NULL, env, err);
    if (!rc)
        plm_config_free(&c);
    return rc;
}

/* As Chromium judges them; with one that it refuses no connection would be made. */
static void addresses_are_those_that_browsers_take(void **state)
{
    (void)state;
    static const char *const good[] = {"stun:a.b", "stuns:a.b", "stun:[::1]:3478", "stun:a_b.c", "turn:a.b:1",
        "turns:a.b:65535", "turn:a.b?transport=udp", "turn:1.2.3.4:3478?transport=tcp",
        "turn:[2001:db8::1]?transport=tcp"};
    static const char *const bad[] = {"stun:a.b?transport=udp", "stun:a.b:99999", "stun:a.b:x", "stun:a.b:0",
        "stun:a.b:", "stun:a.b:-1", "stun:::1", "stun:[::1", "stun:[]", "stun", "turn:a.b?transport=sctp",
        "turn:a.b?foo=1", "turn:a.b?transport=tcp&x=1", "turn:user@host", "turn:a.b:3478/x", "stunt:a.b",
        "turn"};
    char err[PLM_CONFIG_ERROR_SIZE];
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(load(good[i], "PLENUM_ICE_TURN_SECRET=s", err), 0);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(load(bad[i], "PLENUM_ICE_TURN_SECRET=s", err), PLM_EINVAL);
        assert_non_null(strstr(err, "(ice.servers)[0].url: not a stun:, turn: or turns: address"));
    }
}

static void turn_needs_credentials(void **state)
{
    (void)state;
    char err[PLM_CONFIG_ERROR_SIZE];
    assert_int_equal(load("stun:a", NULL, err), 0);
    assert_int_equal(load("stun:a,turn:b", NULL, err), PLM_EINVAL);
    assert_non_null(strstr(err, "ice.servers[1].username: missing, and so is ice.turn_secret"));
    assert_int_equal(load("turns:b", "PLENUM_ICE_TURN_SECRET=", err), PLM_EINVAL);
    assert_int_equal(load("turns:b", "PLENUM_ICE_TURN_SECRET=s", err), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credentials_are_those_of_coturn),
        cmocka_unit_test(only_turn_without_a_user_gets_credentials),
        cmocka_unit_test(link_headers),
        cmocka_unit_test(addresses_are_those_that_browsers_take),
        cmocka_unit_test(turn_needs_credentials),
        cmocka_unit_test(values_that_would_break_a_header_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
