/*
 * What the API reads: bodies (the first octet is even) and tokens (odd; with 3 modulo 4 the input is a payload that is signed first, so
 * that claims are reached).
 */
#include "fuzz.h"

#include "api_keys.h"
#include "rest_json.h"
#include "tokens.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <strings.h>

#define NOW UINT64_C(1800000000000)

struct body {
    char before[8], text[33], between[8], lines[65], after[8];
    bool flag, given;
    uint32_t number;
    int choice;
    enum plm_codec codecs[PLM_CODEC_COUNT];
};
static const char *const names[] = {"a", "bb", NULL};
#define AT(member) offsetof(struct body, member)
static const struct plm_rest_field inner[] = {{"flag", PLM_REST_BOOL, 0, AT(flag), AT(given), 0, NULL, NULL},
    {"number", PLM_REST_UINT, 0, AT(number), SIZE_MAX, 1000, NULL, NULL}, {.name = NULL}};
static const struct plm_rest_field fields[] = {
    {"text", PLM_REST_TEXT, PLM_REST_MAY_BE_EMPTY, AT(text), SIZE_MAX, 32, NULL, NULL},
    {"lines", PLM_REST_LINES, 0, AT(lines), SIZE_MAX, 64, NULL, NULL},
    {"choice", PLM_REST_CHOICE, 0, AT(choice), SIZE_MAX, 0, names, NULL},
    {"codecs", PLM_REST_CODECS, 0, AT(codecs), SIZE_MAX, 0, NULL, NULL},
    {"inner", PLM_REST_OBJECT, 0, 0, SIZE_MAX, 0, NULL, inner}, {.name = NULL}};

/** What was taken can be shown. */
static void check_shown(const struct body *b)
{
    struct plm_room_record record = {.name = "tea", .code = "001-0002-003"};
    memcpy(record.settings.title, b->text, sizeof(b->text));
    memcpy(record.codecs, b->codecs, sizeof(b->codecs));
    const struct plm_api_room room = {&record, b->flag, b->number, 0, 0, 0, b->number, b->number};
    json_t *o = plm_rest_room(&room);
    CHECK(o && json_boolean_value(json_object_get(o, "running")) == b->flag);
    const json_t *codecs = json_object_get(o, "codecs"), *settings = json_object_get(o, "settings");
    CHECK(!strcmp(json_string_value(json_object_get(settings, "title")), b->text));
    for (size_t i = 0; i < json_array_size(codecs); i++)
        CHECK(!strcmp(json_string_value(json_array_get(codecs, i)), plm_codec_name(b->codecs[i])));
    json_decref(o);
    const struct plm_api_participant p = {.name = b->text, .identity = "", .id = b->number};
    o = plm_rest_participant(&p);
    CHECK(o && !strcmp(json_string_value(json_object_get(o, "name")), b->text));
    json_decref(o);
}

static void check_body(const char *text, size_t len)
{
    struct body b = {.before = "guarded", .between = "guarded", .after = "guarded"};
    struct plm_refusal why = {0};
    int err = plm_rest_read(text, len, fields, &b, &why);
    CHECK(!strcmp(b.before, "guarded") && !strcmp(b.between, "guarded") && !strcmp(b.after, "guarded"));
    if (err) {
        CHECK(*why.message);
        return;
    }
    CHECK(strlen(b.text) <= 32 && strlen(b.lines) <= 64 && b.number <= 1000);
    CHECK(b.choice == 0 || b.choice == 1);
    CHECK(!strpbrk(b.text, "\r\n\t"));
    for (size_t i = 0; i < PLM_CODEC_COUNT; i++)
        for (size_t k = 0; k < i; k++)
            CHECK(b.codecs[i] == PLM_CODEC_NONE || b.codecs[i] != b.codecs[k]);
    check_shown(&b);
}

/* ---- tokens ---- */

static void fixed(void *out, size_t len)
{
    memset(out, 7, len);
}

static const struct plm_api_keys *keys(void)
{
    static struct plm_api_keys *k;
    if (!k)
        CHECK(!plm_api_keys_create(&k, fixed, NULL) && !plm_api_keys_ready(k, NOW));
    return k;
}

static size_t base64(char *out, const uint8_t *data, size_t len)
{
    size_t n = (size_t)EVP_EncodeBlock((unsigned char *)out, data, (int)len);
    while (n && out[n - 1] == '=')
        out[--n] = 0;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
    return n;
}

static char *sign(const uint8_t *payload, size_t len)
{
    static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"server\"}";
    const char *secret = plm_api_keys_own(keys())->secret;
    unsigned char mac[32];
    char *token = calloc(1, 2 * len + 256);
    size_t n = base64(token, (const uint8_t *)header, sizeof(header) - 1);
    token[n++] = '.';
    n += base64(token + n, payload, len);
    HMAC(EVP_sha256(), secret, (int)strlen(secret), (const uint8_t *)token, n, mac, NULL);
    token[n++] = '.';
    base64(token + n, mac, sizeof(mac));
    return token;
}

static void check_token(const char *token, bool may_be_good)
{
    struct plm_grants g;
    if (plm_token_check(keys(), token, "tea", NOW, &g))
        return;
    CHECK(may_be_good);
    CHECK(g.expires_at + PLM_TOKEN_LEEWAY_MS > NOW);
    CHECK(memchr(g.room, 0, sizeof(g.room)) && memchr(g.identity, 0, sizeof(g.identity)));
    CHECK(memchr(g.name, 0, sizeof(g.name)) && memchr(g.token_id, 0, sizeof(g.token_id)));
    CHECK(!*g.room || !strcasecmp(g.room, "tea"));
    CHECK((unsigned)g.role < PLM_MSG_role_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 4096)
        return 0;
    char *text = malloc(size); /* exactly, and for tokens with a NUL in place of the first octet */
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    if (data[0] % 2 == 0) {
        char *exact = malloc(size - 1);
        memcpy(exact, data + 1, size - 1);
        check_body(exact, size - 1);
        free(exact);
    } else if (data[0] % 4 == 1) {
        check_token(text, false);
    } else {
        char *token = sign(data + 1, size - 1);
        check_token(token, true);
        free(token);
    }
    free(text);
    return 0;
}
