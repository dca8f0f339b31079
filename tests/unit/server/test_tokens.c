#include "tokens.h"

#include "plenum/types.h"
#include "token_maker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW     UINT64_C(1800000000000)
#define SECONDS UINT64_C(1800000000)
#define GOOD    "{\"exp\":1800000600}"

struct fixture {
    struct plm_api_keys *keys;
    EVP_PKEY *ec, *rsa;
    char ec_pem[2048], rsa_pem[2048];
    char hs_id[PLM_KEY_ID_SIZE], ec_id[PLM_KEY_ID_SIZE], rsa_id[PLM_KEY_ID_SIZE];
    char secret[PLM_KEY_SECRET_SIZE];
};

static void random_octets(void *out, size_t len)
{
    static uint64_t n;
    for (size_t i = 0; i < len; i++) {
        n = n * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(n >> 56);
    }
}

static void add(
    struct fixture *f, enum plm_key_algorithm algorithm, const char *pem, char id[PLM_KEY_ID_SIZE])
{
    const struct plm_api_key *key;
    assert_int_equal(plm_api_keys_add(f->keys, "app", false, algorithm, pem, NOW, &key), 0);
    memcpy(id, key->id, PLM_KEY_ID_SIZE);
    if (algorithm == PLM_KEY_HS256)
        memcpy(f->secret, key->secret, sizeof f->secret);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_int_equal(plm_api_keys_create(&f->keys, random_octets, NULL), 0);
    assert_int_equal(plm_api_keys_ready(f->keys, NOW), 0);
    f->ec = EVP_EC_gen("P-256");
    f->rsa = EVP_RSA_gen(2048);
    public_pem(f->ec_pem, f->ec);
    public_pem(f->rsa_pem, f->rsa);
    add(f, PLM_KEY_HS256, NULL, f->hs_id);
    add(f, PLM_KEY_ES256, f->ec_pem, f->ec_id);
    add(f, PLM_KEY_RS256, f->rsa_pem, f->rsa_id);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    plm_api_keys_destroy(f->keys);
    EVP_PKEY_free(f->ec);
    EVP_PKEY_free(f->rsa);
    free(f);
    return 0;
}

/* Takes the token. It lies on the heap in its exact size. */
static int check(const struct fixture *f, char *token, const char *room, struct plm_grants *out)
{
    struct plm_grants unused;
    char *exact = strdup(token);
    int err = plm_token_check(f->keys, exact, room, NOW, out ? out : &unused);
    free(exact);
    free(token);
    return err;
}

static const char *header_of(const char *alg, const char *kid)
{
    static char header[256];
    snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"JWT\",\"kid\":\"%s\"}", alg, kid);
    return header;
}

static char *hs256(const struct fixture *f, const char *claims)
{
    return token_hmac(header_of("HS256", f->hs_id), claims, f->secret, EVP_sha256());
}

static void test_each_algorithm(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(check(f, hs256(f, GOOD), NULL, NULL), 0);
    assert_int_equal(check(f, token_sign(header_of("ES256", f->ec_id), GOOD, f->ec), NULL, NULL), 0);
    assert_int_equal(check(f, token_sign(header_of("RS256", f->rsa_id), GOOD, f->rsa), NULL, NULL), 0);

    /* Signed by another key of the same kind. */
    EVP_PKEY *ec = EVP_EC_gen("P-256"), *rsa = EVP_RSA_gen(2048);
    assert_int_equal(check(f, token_sign(header_of("ES256", f->ec_id), GOOD, ec), NULL, NULL), PLM_EINVAL);
    assert_int_equal(check(f, token_sign(header_of("RS256", f->rsa_id), GOOD, rsa), NULL, NULL), PLM_EINVAL);
    assert_int_equal(
        check(f, token_hmac(header_of("HS256", f->hs_id), GOOD, "another", EVP_sha256()), NULL, NULL),
        PLM_EINVAL);
    EVP_PKEY_free(ec);
    EVP_PKEY_free(rsa);
}

/* CVE-2021-39215 and its kin: the key has one algorithm, whatever the token says. */
static void test_confusion(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *alg, *kid, *secret;
        const EVP_MD *md;
    } hmac[] = {
        {"HS256", f->ec_id, f->ec_pem, EVP_sha256()}, /* the public key as a secret */
        {"HS256", f->rsa_id, f->rsa_pem, EVP_sha256()},
        {"ES256", f->ec_id, f->ec_pem, EVP_sha256()},
        {"RS256", f->rsa_id, f->rsa_pem, EVP_sha256()},
        {"HS384", f->hs_id, f->secret, EVP_sha384()}, /* the right secret, another algorithm */
        {"HS512", f->hs_id, f->secret, EVP_sha512()},
        {"HS256", f->hs_id, f->secret, EVP_sha512()},
        {"hs256", f->hs_id, f->secret, EVP_sha256()},
        {"", f->hs_id, f->secret, EVP_sha256()},
        {"HS256", f->rsa_id, "", EVP_sha256()},
    };
    for (size_t i = 0; i < sizeof hmac / sizeof *hmac; i++)
        assert_int_equal(
            check(f, token_hmac(header_of(hmac[i].alg, hmac[i].kid), GOOD, hmac[i].secret, hmac[i].md), NULL,
                NULL),
            PLM_EINVAL);
    assert_int_equal(
        check(f, token_sign(header_of("RS256", f->ec_id), GOOD, f->rsa), NULL, NULL), PLM_EINVAL);
    assert_int_equal(
        check(f, token_sign(header_of("ES256", f->rsa_id), GOOD, f->ec), NULL, NULL), PLM_EINVAL);
    assert_int_equal(check(f, token_sign(header_of("ES256", f->hs_id), GOOD, f->ec), NULL, NULL), PLM_EINVAL);
    assert_int_equal(
        check(f, token_sign(header_of("PS256", f->rsa_id), GOOD, f->rsa), NULL, NULL), PLM_EINVAL);
    /* A public key's own secret signs nothing. */
    assert_int_equal(check(f,
                         token_hmac(header_of("HS256", f->ec_id), GOOD,
                             plm_api_keys_find(f->keys, f->ec_id)->secret, EVP_sha256()),
                         NULL, NULL),
        PLM_EINVAL);
    static const char *const none[] = {"none", "None", "NONE", "nOnE"};
    for (size_t i = 0; i < 4; i++) {
        char *unsigned_one = token_text(header_of(none[i], f->hs_id), GOOD);
        assert_int_equal(check(f, token_append(unsigned_one, "", 0), NULL, NULL), PLM_EINVAL);
        assert_int_equal(check(f, token_text(header_of(none[i], f->hs_id), GOOD), NULL, NULL), PLM_EINVAL);
        assert_int_equal(
            check(f, token_hmac(header_of(none[i], f->hs_id), GOOD, f->secret, EVP_sha256()), NULL, NULL),
            PLM_EINVAL);
    }
}

static void test_headers(void **state)
{
    struct fixture *f = *state;
    char header[2200];
    const char *const patterns[] = {
        "{\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"kid\":\"\"}",
        "{\"alg\":\"HS256\",\"kid\":\"unknown\"}",
        "{\"alg\":\"HS256\",\"kid\":\"../server\"}",
        "{\"alg\":\"HS256\",\"kid\":7}",
        "{\"alg\":\"HS256\",\"kid\":null}",
        "{\"alg\":\"HS256\",\"kid\":[\"%s\"]}",
        "{\"alg\":\"HS256\",\"kid\":\"%s \"}",
        "{\"kid\":\"%s\"}",
        "{\"alg\":7,\"kid\":\"%s\"}",
        "{\"alg\":\"HS256\",\"alg\":\"HS256\",\"kid\":\"%s\"}",
        "{\"alg\":\"HS256\",\"kid\":\"x\",\"kid\":\"%s\"}",
        "[\"HS256\",\"%s\"]",
        "{\"alg\":\"HS256\",\"kid\":\"%s\"",
        "",
    };
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(header, sizeof header, patterns[i], f->hs_id);
#pragma GCC diagnostic pop
        if (!check(f, token_hmac(header, GOOD, f->secret, EVP_sha256()), NULL, NULL))
            fail_msg("taken: %s", header);
    }
    /* Where to find a key is not the token's to say, and changes nothing. */
    snprintf(header, sizeof header,
        "{\"alg\":\"HS256\",\"kid\":\"%s\",\"jku\":\"http://evil.example\",\"x5u\":\"http://evil.example\"}",
        f->hs_id);
    assert_int_equal(check(f, token_hmac(header, GOOD, f->secret, EVP_sha256()), NULL, NULL), 0);
    assert_int_equal(check(f, token_hmac(header, GOOD, "evil", EVP_sha256()), NULL, NULL), PLM_EINVAL);
    int n = snprintf(header, sizeof header, "{\"alg\":\"HS256\",\"kid\":\"%s\",\"x\":\"", f->hs_id);
    memset(header + n, 'x', 1500);
    memcpy(header + n + 1500, "\"}", 3);
    assert_int_equal(check(f, token_hmac(header, GOOD, f->secret, EVP_sha256()), NULL, NULL), PLM_EINVAL);
}

static void test_shapes(void **state)
{
    struct fixture *f = *state;
    static const char *const shapes[] = {
        "", ".", "..", "...", "a", "a.b", "a.b.c", "e30.e30.e30", "\xff.\xff.\xff", "=.=.="};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        assert_int_equal(check(f, strdup(shapes[i]), NULL, NULL), PLM_EINVAL);
    char *good = hs256(f, GOOD);
    size_t len = strlen(good);
    for (size_t i = 0; i < len; i++) { /* cut anywhere, or one bit of anything turned */
        char *cut = strndup(good, i), *turned = strdup(good);
        assert_int_equal(check(f, cut, NULL, NULL), PLM_EINVAL);
        turned[i] ^= 1;
        if (i + 1 < len) /* the last octet of base64 has bits that mean nothing */
            assert_int_equal(check(f, turned, NULL, NULL), PLM_EINVAL);
        else
            free(turned);
    }
    char *twice = malloc(2 * len + 8);
    snprintf(twice, 2 * len + 8, "%s.%s", good, good);
    assert_int_equal(check(f, twice, NULL, NULL), PLM_EINVAL);
    free(good);
    char *claims = malloc(PLM_TOKEN_MAX_SIZE + 100);
    int n = sprintf(claims, "{\"exp\":1800000600,\"x\":\"");
    memset(claims + n, 'x', PLM_TOKEN_MAX_SIZE);
    memcpy(claims + n + PLM_TOKEN_MAX_SIZE, "\"}", 3);
    assert_int_equal(check(f, hs256(f, claims), NULL, NULL), PLM_EINVAL);
    free(claims);
}

static void test_times(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *claims;
        int result;
    } rows[] = {
        {"{\"exp\":1800000001}", 0},
        {"{\"exp\":1799999941}", 0}, /* 59 s ago, within the leeway */
        {"{\"exp\":1799999940}", PLM_ESTATE},
        {"{\"exp\":1799999939}", PLM_ESTATE},
        {"{\"exp\":0}", PLM_ESTATE},
        {"{\"exp\":-1}", PLM_EINVAL},
        {"{\"exp\":9223372036854775}", 0},
        {"{\"exp\":9223372036854776}", PLM_EINVAL}, /* milliseconds would not fit */
        {"{\"exp\":9223372036854775807}", PLM_EINVAL},
        {"{\"exp\":18446744073709551615}", PLM_EINVAL},
        {"{\"exp\":1800000600.5}", PLM_EINVAL},
        {"{\"exp\":\"1800000600\"}", PLM_EINVAL},
        {"{\"exp\":true}", PLM_EINVAL},
        {"{\"exp\":null}", PLM_EINVAL},
        {"{\"exp\":[1800000600]}", PLM_EINVAL},
        {"{}", PLM_EINVAL},
        {"[]", PLM_EINVAL},
        {"7", PLM_EINVAL},
        {"", PLM_EINVAL},
        {"{\"exp\":1800000600,\"exp\":1800000600}", PLM_EINVAL},
        {"{\"exp\":1,\"exp\":1800000600}", PLM_EINVAL},
        {"{\"exp\":1800000600,\"nbf\":1800000000}", 0},
        {"{\"exp\":1800000600,\"nbf\":1800000060}", 0},
        {"{\"exp\":1800000600,\"nbf\":1800000061}", PLM_EINVAL},
        {"{\"exp\":1800000600,\"nbf\":\"0\"}", PLM_EINVAL},
        {"{\"exp\":1800000600,\"iat\":1800000060}", 0},
        {"{\"exp\":1800000600,\"iat\":1800000061}", PLM_EINVAL},
        {"{\"exp\":1800000600,\"iat\":-5}", PLM_EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (check(f, hs256(f, rows[i].claims), NULL, NULL) != rows[i].result)
            fail_msg("not %d: %s", rows[i].result, rows[i].claims);
    assert_int_equal(
        check(
            f, token_hmac(header_of("HS256", f->hs_id), "{\"exp\":0}", "another", EVP_sha256()), NULL, NULL),
        PLM_EINVAL); /* a guess, whatever it says of its time */
}

static void test_grants(void **state)
{
    struct fixture *f = *state;
    struct plm_grants g;
    assert_int_equal(check(f, hs256(f, GOOD), NULL, &g), 0);
    assert_int_equal(g.role, PLM_MSG_role_speaker);
    assert_true(g.publish && g.subscribe && !g.record && !g.admin && !g.skip_lobby);
    assert_true(!*g.room && !*g.identity && !*g.name && !*g.token_id);
    assert_int_equal(g.expires_at, (SECONDS + 600) * 1000);

    assert_int_equal(
        check(f,
            hs256(f,
                "{\"exp\":1800000600,\"room\":\"Tea\",\"sub\":\"ada@example.org\",\"name\":\"Ada\",\"jti\":"
                "\"7\","
                "\"role\":\"moderator\",\"publish\":false,\"subscribe\":false,\"record\":true,\"admin\":true,"
                "\"skip_lobby\":true,\"strange\":{\"a\":[]}}"),
            "tea", &g),
        0);
    assert_string_equal(g.room, "Tea");
    assert_string_equal(g.identity, "ada@example.org");
    assert_string_equal(g.name, "Ada");
    assert_string_equal(g.token_id, "7");
    assert_int_equal(g.role, PLM_MSG_role_moderator);
    assert_true(!g.publish && !g.subscribe && g.record && g.admin && g.skip_lobby);

    static const char *const bad[] = {"\"room\":7", "\"room\":\"\"", "\"room\":null", "\"sub\":[]",
        "\"name\":true", "\"jti\":7", "\"name\":\"a\\u0000b\"", "\"role\":\"admin\"", "\"role\":\"Owner\"",
        "\"role\":7", "\"role\":\"\"", "\"publish\":1", "\"publish\":\"true\"", "\"subscribe\":null",
        "\"record\":0", "\"admin\":\"yes\"", "\"skip_lobby\":[]", "\"admin\":false,\"admin\":true"};
    char claims[512];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(claims, sizeof claims, "{\"exp\":1800000600,%s}", bad[i]);
        if (!check(f, hs256(f, claims), NULL, NULL))
            fail_msg("taken: %s", claims);
    }
    static const struct {
        const char *claim;
        size_t most;
    } longest[] = {{"room", 128}, {"sub", 128}, {"name", 128}, {"jti", 64}};
    for (size_t i = 0; i < sizeof longest / sizeof *longest; i++)
        for (size_t over = 0; over < 2; over++) {
            char value[200] = "";
            memset(value, 'x', longest[i].most + over);
            snprintf(claims, sizeof claims, "{\"exp\":1800000600,\"%s\":\"%s\"}", longest[i].claim, value);
            assert_int_equal(check(f, hs256(f, claims), NULL, NULL), over ? PLM_EINVAL : 0);
        }
}

static void test_rooms(void **state)
{
    struct fixture *f = *state;
    const struct {
        const char *claim, *asked;
        bool good;
    } rows[] = {{"Tea", "Tea", true}, {"Tea", "tEA", true}, {"Tea", NULL, true}, {"Tea", "Teas", false},
        {"Tea", "Te", false}, {"Tea", "", false}, {"T\xc3\x84", "t\xc3\x84", true},
        {"T\xc3\x84", "t\xc3\xa4", false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char claims[128];
        snprintf(claims, sizeof claims, "{\"exp\":1800000600,\"room\":\"%s\"}", rows[i].claim);
        assert_int_equal(check(f, hs256(f, claims), rows[i].asked, NULL), rows[i].good ? 0 : PLM_EINVAL);
    }
    assert_int_equal(check(f, hs256(f, GOOD), "any", NULL), 0);
}

static void test_revoked(void **state)
{
    struct fixture *f = *state;
    const char *claims = "{\"exp\":1800000600,\"jti\":\"lost\"}";
    assert_int_equal(check(f, hs256(f, claims), NULL, NULL), 0);
    assert_int_equal(plm_api_keys_revoke(f->keys, "lost", NOW + 600000, NOW), 0);
    assert_int_equal(check(f, hs256(f, claims), NULL, NULL), PLM_EINVAL);
    assert_int_equal(check(f, hs256(f, "{\"exp\":1800000600,\"jti\":\"lost2\"}"), NULL, NULL), 0);
    char *token = hs256(f, GOOD);
    assert_int_equal(
        plm_api_keys_drop(f->keys, f->hs_id), 0); /* its key is gone, and with it all that it signed */
    assert_int_equal(check(f, token, NULL, NULL), PLM_EINVAL);
}

/* What we sign, we take, and it says what was granted. */
static void test_make(void **state)
{
    struct fixture *f = *state;
    struct plm_grants in = {.room = "T\xc3\xa9 \"7\"",
                          .identity = "ada",
                          .name = "Ada",
                          .token_id = "id",
                          .role = PLM_MSG_role_owner,
                          .publish = true,
                          .record = true,
                          .skip_lobby = true,
                          .expires_at = NOW + 60000},
                      out = {0};
    char *token = plm_token_make(f->keys, &in, NOW);
    assert_non_null(token);
    assert_null(strpbrk(token, "+/= \n"));
    assert_int_equal(check(f, strdup(token), in.room, &out), 0);
    assert_memory_equal(&in, &out, sizeof in);
    token[strlen(token) - 4] ^= 1;
    assert_int_equal(check(f, token, in.room, &out), PLM_EINVAL);
    for (size_t len = 0; len < 9; len++) { /* every rest of three octets */
        memset(in.name, 'n', len);
        in.name[len] = 0;
        assert_int_equal(check(f, plm_token_make(f->keys, &in, NOW), NULL, &out), 0);
        assert_string_equal(in.name, out.name);
    }
    memset(in.name, '\x01', 128); /* each is written as six octets */
    memset(in.room, '\x01', 128);
    memset(in.identity, '\x01', 128);
    assert_int_equal(check(f, plm_token_make(f->keys, &in, NOW), NULL, &out), 0);
    assert_memory_equal(&in, &out, sizeof in);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_each_algorithm), TEST(test_confusion), TEST(test_headers),
        TEST(test_shapes), TEST(test_times), TEST(test_grants), TEST(test_rooms), TEST(test_revoked),
        TEST(test_make)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
