#include "tokens.h"

#include <jwt.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "plenum/types.h"

#define HEADER_MAX 1024 /* octets of a header as it is written */

_Static_assert(PLM_MSG_role_COUNT == 4, "the roles that a claim can name");

static jwt_alg_t algorithm_of(const struct plm_api_key *key)
{
    static const jwt_alg_t algorithms[] = {
        [PLM_KEY_HS256] = JWT_ALG_HS256, [PLM_KEY_RS256] = JWT_ALG_RS256, [PLM_KEY_ES256] = JWT_ALG_ES256};
    return algorithms[key->algorithm];
}

/* ---- reading ---- */

/* One of the three parts: base64url without padding (RFC 7515 section 7.1) of a JSON object. @return NULL: it is none */
static json_t *read_part(const char *part, size_t len)
{
    unsigned char padded[PLM_TOKEN_MAX_SIZE + 4], text[PLM_TOKEN_MAX_SIZE + 4];
    json_t *o = NULL;
    size_t n = 0;
    if (!len || len > PLM_TOKEN_MAX_SIZE || memchr(part, '+', len) || memchr(part, '/', len))
        return NULL;
    for (; n < len; n++)
        padded[n] = (unsigned char)(part[n] == '-' ? '+' : part[n] == '_' ? '/' : part[n]);
    while (n % 4)
        padded[n++] = '=';
    int octets = EVP_DecodeBlock(text, padded, (int)n);
    size_t padding = n - len;
    if (octets <= 0 || padding > 2 || plm_json_read(&o, (char *)text, (size_t)octets - padding, NULL))
        return NULL;
    return o;
}

static json_t *read_header(const char *token)
{
    size_t len = strcspn(token, ".");
    return token[len] && len <= HEADER_MAX ? read_part(token, len) : NULL;
}

/* By ourselves: libjwt has taken the last of two claims of one name. */
static json_t *read_claims(const char *token)
{
    const char *part = token + strcspn(token, ".") + 1;
    return read_part(part, strcspn(part, "."));
}

/*
 * Which key it says that it was signed with. The algorithm is compared before the library chooses what to verify with: a public key must
 * never serve as a secret.
 */
static const struct plm_api_key *find_key(const struct plm_api_keys *keys, const char *token)
{
    json_t *header = read_header(token);
    const char *kid = json_string_value(json_object_get(header, "kid"));
    const char *alg = json_string_value(json_object_get(header, "alg"));
    const struct plm_api_key *key = kid ? plm_api_keys_find(keys, kid) : NULL;
    if (key && (!alg || strcmp(alg, plm_key_algorithm_name(key->algorithm)) != 0))
        key = NULL;
    json_decref(header);
    return key;
}

static json_t *verify(const struct plm_api_keys *keys, const char *token)
{
    const struct plm_api_key *key = find_key(keys, token);
    jwt_t *jwt = NULL;
    if (!key)
        return NULL;
    const char *with = key->algorithm == PLM_KEY_HS256 ? key->secret : key->public_key;
    if (jwt_decode(&jwt, token, (const unsigned char *)with, (int)strlen(with)))
        return NULL;
    bool good = jwt_get_alg(jwt) == algorithm_of(key);
    jwt_free(jwt);
    return good ? read_claims(token) : NULL;
}

static bool read_text(const json_t *claims, const char *name, char *out, size_t size)
{
    const json_t *value = json_object_get(claims, name);
    out[0] = 0;
    if (!value)
        return true;
    if (!json_is_string(value) || !json_string_length(value) || json_string_length(value) >= size ||
        strlen(json_string_value(value)) != json_string_length(value))
        return false;
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return true;
}

static bool read_bool(const json_t *claims, const char *name, bool otherwise, bool *out)
{
    const json_t *value = json_object_get(claims, name);
    *out = value ? json_is_true(value) : otherwise;
    return !value || json_is_boolean(value);
}

/* Seconds to milliseconds. */
static bool read_time(const json_t *claims, const char *name, uint64_t otherwise, uint64_t *out)
{
    const json_t *value = json_object_get(claims, name);
    *out = otherwise;
    if (!value)
        return true;
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > INT64_MAX / 1000)
        return false;
    *out = (uint64_t)json_integer_value(value) * 1000;
    return true;
}

static bool read_role(const json_t *claims, enum plm_msg_role *out)
{
    char name[16];
    *out = PLM_MSG_role_speaker;
    if (!read_text(claims, "role", name, sizeof name))
        return false;
    for (int role = 0; *name && role < PLM_MSG_role_COUNT; role++) {
        *out = (enum plm_msg_role)role;
        if (!strcmp(name, plm_msg_role_name(*out)))
            return true;
    }
    return !*name;
}

static bool read_grants(const json_t *claims, struct plm_grants *out)
{
    return read_text(claims, "room", out->room, sizeof out->room) &&
           read_text(claims, "sub", out->identity, sizeof out->identity) &&
           read_text(claims, "name", out->name, sizeof out->name) &&
           read_text(claims, "jti", out->token_id, sizeof out->token_id) && read_role(claims, &out->role) &&
           read_bool(claims, "publish", true, &out->publish) &&
           read_bool(claims, "subscribe", true, &out->subscribe) &&
           read_bool(claims, "record", false, &out->record) &&
           read_bool(claims, "admin", false, &out->admin) &&
           read_bool(claims, "skip_lobby", false, &out->skip_lobby);
}

static bool is_over(const json_t *claims, uint64_t now_ms)
{
    uint64_t expires_at;
    return read_time(claims, "exp", UINT64_MAX - PLM_TOKEN_LEEWAY_MS, &expires_at) &&
           expires_at + PLM_TOKEN_LEEWAY_MS <= now_ms;
}

static bool is_timely(const json_t *claims, uint64_t now_ms, uint64_t *expires_at)
{
    uint64_t not_before, issued;
    return read_time(claims, "exp", 0, expires_at) && *expires_at + PLM_TOKEN_LEEWAY_MS > now_ms &&
           read_time(claims, "nbf", 0, &not_before) && not_before <= now_ms + PLM_TOKEN_LEEWAY_MS &&
           read_time(claims, "iat", 0, &issued) && issued <= now_ms + PLM_TOKEN_LEEWAY_MS;
}

/* The names of rooms differ by more than the case of A-Z. */
static bool is_same_room(const char *a, const char *b)
{
    for (;; a++, b++) {
        char x = *a >= 'A' && *a <= 'Z' ? (char)(*a + 32) : *a,
             y = *b >= 'A' && *b <= 'Z' ? (char)(*b + 32) : *b;
        if (x != y)
            return false;
        if (!x)
            return true;
    }
}

int plm_token_check(const struct plm_api_keys *keys, const char *token, const char *room, uint64_t now_ms,
    struct plm_grants *out)
{
    struct plm_grants g = {0};
    if (strlen(token) > PLM_TOKEN_MAX_SIZE)
        return PLM_EINVAL;
    json_t *claims = verify(keys, token);
    if (!claims)
        return PLM_EINVAL;
    bool good = json_object_get(claims, "exp") && is_timely(claims, now_ms, &g.expires_at) &&
                read_grants(claims, &g) && !(*g.token_id && plm_api_keys_is_revoked(keys, g.token_id)) &&
                !(room && *g.room && !is_same_room(room, g.room));
    bool over = is_over(claims, now_ms);
    json_decref(claims);
    if (!good)
        return over ? PLM_ESTATE : PLM_EINVAL;
    *out = g;
    return 0;
}

/* ---- making ---- */

static json_t *claims_of(const struct plm_grants *g, uint64_t now_ms)
{
    json_t *claims = json_pack("{s:I, s:I, s:s, s:s, s:b, s:b}", "iat", (json_int_t)(now_ms / 1000), "exp",
        (json_int_t)(g->expires_at / 1000), "jti", g->token_id, "role", plm_msg_role_name(g->role), "publish",
        g->publish, "subscribe", g->subscribe);
    const struct {
        const char *name, *value;
    } texts[] = {{"room", g->room}, {"sub", g->identity}, {"name", g->name}};
    const struct {
        const char *name;
        bool value;
    } flags[] = {{"record", g->record}, {"admin", g->admin}, {"skip_lobby", g->skip_lobby}};
    int err = claims ? 0 : -1;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (*texts[i].value)
            err |= json_object_set_new(claims, texts[i].name, json_string(texts[i].value));
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++)
        if (flags[i].value)
            err |= json_object_set_new(claims, flags[i].name, json_true());
    if (!err)
        return claims;
    json_decref(claims);
    return NULL;
}

/* base64url without padding. @param out room for 4 / 3 of len and 4 octets @return octets written */
static size_t put_part(char *out, const void *octets, size_t len)
{
    size_t n = (size_t)EVP_EncodeBlock((unsigned char *)out, octets, (int)len);
    while (n && out[n - 1] == '=')
        n--;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(out[i] == '+' ? '-' : out[i] == '/' ? '_' : out[i]);
    out[n] = 0;
    return n;
}

/* By ourselves: libjwt writes with json_dumps, which leaves keys out when memory is short. */
char *plm_token_make(const struct plm_api_keys *keys, const struct plm_grants *grants, uint64_t now_ms)
{
    static const char header[] = "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"JWT\"}";
    const struct plm_api_key *key = plm_api_keys_own(keys);
    char head[sizeof header + PLM_KEY_ID_SIZE];
    unsigned char mac[32];
    struct plm_text *claims = plm_json_text(claims_of(grants, now_ms));
    size_t head_len = (size_t)snprintf(head, sizeof head, header, key->id);
    char *token = claims ? malloc((head_len + claims->len + sizeof mac) * 4 / 3 + 16) : NULL;
    size_t n = 0;
    if (token) {
        n = put_part(token, head, head_len);
        token[n++] = '.';
        n += put_part(token + n, claims->data, claims->len);
    }
    plm_text_unref(claims);
    if (!token ||
        !HMAC(EVP_sha256(), key->secret, (int)strlen(key->secret), (unsigned char *)token, n, mac, NULL)) {
        free(token);
        return NULL;
    }
    token[n++] = '.';
    put_part(token + n, mac, sizeof mac);
    return token;
}
