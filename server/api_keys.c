#include "api_keys.h"

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"
#include "plenum/types.h"

#define HASH_NONFATAL_OOM 1 /* an element that could not be added has hh.tbl == NULL */
#include <uthash.h>

#define OWN_ID "server"

struct entry {
    struct plm_api_key key;
    UT_hash_handle hh; /* by id */
};

struct revoked {
    uint64_t expires_at;
    UT_hash_handle hh; /* by id */
    char id[65];
};

struct plm_api_keys {
    void (*random)(void *out, size_t len);
    struct plm_store_port store;
    struct entry *entries; /* in the order of making */
    struct revoked *revoked;
};

const char *plm_key_algorithm_name(enum plm_key_algorithm a)
{
    static const char *const names[] = {
        [PLM_KEY_HS256] = "HS256", [PLM_KEY_RS256] = "RS256", [PLM_KEY_ES256] = "ES256"};
    return (unsigned)a < sizeof names / sizeof names[0] ? names[a] : "unknown";
}

int plm_api_keys_create(
    struct plm_api_keys **out, void (*random)(void *out, size_t len), const struct plm_store_port *store)
{
    struct plm_api_keys *k = calloc(1, sizeof *k);
    if (!k)
        return PLM_ENOMEM;
    k->random = random;
    if (store)
        k->store = *store;
    *out = k;
    return 0;
}

static void forget(struct plm_api_keys *k, struct entry *e)
{
    HASH_DEL(k->entries, e);
    OPENSSL_cleanse(e, sizeof *e);
    free(e);
}

void plm_api_keys_destroy(struct plm_api_keys *k)
{
    struct entry *e, *next;
    struct revoked *r, *after;
    if (!k)
        return;
    HASH_ITER (hh, k->entries, e, next)
        forget(k, e);
    HASH_ITER (hh, k->revoked, r, after) {
        HASH_DEL(k->revoked, r);
        free(r);
    }
    free(k);
}

/* ---- documents ---- */

/* @return false: memory was short */
static bool put(const struct plm_api_keys *k, enum plm_store_kind kind, const char *key, json_t *document)
{
    struct plm_text *text = plm_json_text(document);
    bool good = text != NULL;
    if (text && k->store.put)
        k->store.put(k->store.ctx, kind, key, text);
    plm_text_unref(text);
    return good;
}

static void drop(const struct plm_api_keys *k, enum plm_store_kind kind, const char *key)
{
    if (k->store.drop)
        k->store.drop(k->store.ctx, kind, key);
}

static bool save(const struct plm_api_keys *k, const struct plm_api_key *key)
{
    return put(k, PLM_STORE_API_KEY, key->id,
        json_pack("{s:s, s:b, s:s, s:s, s:s, s:I}", "name", key->name, "admin", key->admin, "algorithm",
            plm_key_algorithm_name(key->algorithm), "secret", key->secret, "public_key", key->public_key,
            "created_at", (json_int_t)key->created_at));
}

static int add(struct plm_api_keys *k, const struct plm_api_key *key, const struct plm_api_key **out)
{
    if (HASH_COUNT(k->entries) > PLM_MAX_KEYS)
        return PLM_ELIMIT;
    struct entry *e = calloc(1, sizeof *e);
    if (!e)
        return PLM_ENOMEM;
    e->key = *key;
    HASH_ADD_STR(k->entries, key.id, e);
    if (!e->hh.tbl) {
        free(e);
        return PLM_ENOMEM;
    }
    *out = &e->key;
    return 0;
}

static bool copy(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);
    if (len >= size)
        return false;
    memcpy(out, text, len + 1);
    return true;
}

static bool find_algorithm(const char *name, enum plm_key_algorithm *out)
{
    for (int a = PLM_KEY_HS256; a <= PLM_KEY_ES256; a++) {
        *out = (enum plm_key_algorithm)a;
        if (!strcmp(name, plm_key_algorithm_name(*out)))
            return true;
    }
    return false;
}

/* ES256 is P-256 and RS256 at least 2048 bits (RFC 7518 sections 3.3 and 3.4). */
static bool fits(enum plm_key_algorithm algorithm, const char *pem)
{
    if (algorithm == PLM_KEY_HS256)
        return !pem || !*pem;
    BIO *bio = pem ? BIO_new_mem_buf(pem, -1) : NULL;
    EVP_PKEY *pkey = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    bool good =
        pkey && (algorithm == PLM_KEY_ES256 ? EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_bits(pkey) == 256
                                            : EVP_PKEY_is_a(pkey, "RSA") && EVP_PKEY_get_bits(pkey) >= 2048);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    return good;
}

static int restore_key(struct plm_api_keys *k, const char *id, json_t *d)
{
    struct plm_api_key key = {0};
    const struct plm_api_key *made;
    const char *name, *algorithm, *secret, *public_key;
    int admin;
    json_int_t created_at;
    if (json_unpack(d, "{s:s, s:b, s:s, s:s, s:s, s:I}", "name", &name, "admin", &admin, "algorithm",
            &algorithm, "secret", &secret, "public_key", &public_key, "created_at", &created_at) ||
        !copy(key.id, sizeof key.id, id) || !copy(key.name, sizeof key.name, name) ||
        !copy(key.secret, sizeof key.secret, secret) || strlen(secret) != PLM_KEY_SECRET_SIZE - 1 ||
        !copy(key.public_key, sizeof key.public_key, public_key) ||
        !find_algorithm(algorithm, &key.algorithm) || !fits(key.algorithm, public_key) ||
        plm_api_keys_find(k, id))
        return PLM_EINVAL;
    key.admin = admin;
    key.created_at = (uint64_t)created_at;
    int err = add(k, &key, &made);
    OPENSSL_cleanse(&key, sizeof key);
    return err;
}

static int add_revoked(struct plm_api_keys *k, const char *id, uint64_t expires_at)
{
    struct revoked *r;
    HASH_FIND_STR(k->revoked, id, r);
    if (r)
        return 0;
    if (strlen(id) >= sizeof r->id)
        return PLM_EINVAL;
    if (HASH_COUNT(k->revoked) >= PLM_MAX_REVOKED)
        return PLM_ELIMIT;
    r = calloc(1, sizeof *r);
    if (!r)
        return PLM_ENOMEM;
    memcpy(r->id, id, strlen(id) + 1);
    r->expires_at = expires_at;
    HASH_ADD_STR(k->revoked, id, r);
    if (r->hh.tbl)
        return 0;
    free(r);
    return PLM_ENOMEM;
}

int plm_api_keys_restore(
    struct plm_api_keys *k, enum plm_store_kind kind, const char *key, const char *document, size_t len)
{
    json_t *d;
    json_int_t expires_at;
    int err = plm_json_read(&d, document, len, NULL);
    if (err)
        return err;
    err = PLM_EINVAL;
    if (kind == PLM_STORE_API_KEY)
        err = restore_key(k, key, d);
    else if (kind == PLM_STORE_REVOKED && !json_unpack(d, "{s:I}", "expires_at", &expires_at))
        err = add_revoked(k, key, (uint64_t)expires_at);
    json_decref(d);
    return err;
}

/* ---- keys ---- */

static void random_hex(const struct plm_api_keys *k, char *out, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t octets[PLM_KEY_SECRET_SIZE / 2];
    size_t n = (size - 1) / 2;
    k->random(octets, n);
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[octets[i] >> 4];
        out[2 * i + 1] = digits[octets[i] & 15];
    }
    out[2 * n] = 0;
    OPENSSL_cleanse(octets, sizeof octets);
}

static struct entry *find(const struct plm_api_keys *k, const char *id)
{
    struct entry *e;
    HASH_FIND_STR(k->entries, id, e);
    return e;
}

static int make(struct plm_api_keys *k, struct plm_api_key *key, const struct plm_api_key **out)
{
    random_hex(k, key->secret, sizeof key->secret);
    int err = add(k, key, out);
    OPENSSL_cleanse(key, sizeof *key);
    if (!err && !save(k, *out)) { /* a key that would be gone after a restart is none */
        forget(k, find(k, (*out)->id));
        err = PLM_ENOMEM;
    }
    return err;
}

int plm_api_keys_ready(struct plm_api_keys *k, uint64_t now_ms)
{
    struct plm_api_key key = {.id = OWN_ID, .name = "the server's own", .created_at = now_ms};
    const struct plm_api_key *made;
    return plm_api_keys_find(k, OWN_ID) ? 0 : make(k, &key, &made);
}

int plm_api_keys_add(struct plm_api_keys *k, const char *name, bool admin, enum plm_key_algorithm algorithm,
    const char *public_key, uint64_t now_ms, const struct plm_api_key **out)
{
    struct plm_api_key key = {.admin = admin, .algorithm = algorithm, .created_at = now_ms};
    if (!copy(key.name, sizeof key.name, name) ||
        (public_key && !copy(key.public_key, sizeof key.public_key, public_key)) ||
        !fits(algorithm, public_key))
        return PLM_EINVAL;
    random_hex(k, key.id, sizeof key.id);
    return make(k, &key, out);
}

int plm_api_keys_drop(struct plm_api_keys *k, const char *id)
{
    struct entry *e = strcmp(id, OWN_ID) ? find(k, id) : NULL;
    if (!e)
        return PLM_ENOENT;
    drop(k, PLM_STORE_API_KEY, id);
    forget(k, e);
    return 0;
}

const struct plm_api_key *plm_api_keys_find(const struct plm_api_keys *k, const char *id)
{
    const struct entry *e = find(k, id);
    return e ? &e->key : NULL;
}

const struct plm_api_key *plm_api_keys_own(const struct plm_api_keys *k)
{
    return plm_api_keys_find(k, OWN_ID);
}

size_t plm_api_keys_count(const struct plm_api_keys *k)
{
    return HASH_COUNT(k->entries) - (plm_api_keys_own(k) != NULL);
}

void plm_api_keys_each(
    const struct plm_api_keys *k, void (*f)(void *arg, const struct plm_api_key *key), void *arg)
{
    const struct entry *e, *next;
    HASH_ITER (hh, k->entries, e, next)
        if (strcmp(e->key.id, OWN_ID) != 0)
            f(arg, &e->key);
}

/* ---- revoked tokens ---- */

static void forget_expired(struct plm_api_keys *k, uint64_t now_ms)
{
    struct revoked *r, *next;
    HASH_ITER (hh, k->revoked, r, next) {
        if (r->expires_at > now_ms)
            continue;
        drop(k, PLM_STORE_REVOKED, r->id);
        HASH_DEL(k->revoked, r);
        free(r);
    }
}

int plm_api_keys_revoke(struct plm_api_keys *k, const char *token_id, uint64_t expires_at, uint64_t now_ms)
{
    if (HASH_COUNT(k->revoked) >= PLM_MAX_REVOKED)
        forget_expired(k, now_ms);
    int err = add_revoked(k, token_id, expires_at);
    if (!err &&
        !put(k, PLM_STORE_REVOKED, token_id, json_pack("{s:I}", "expires_at", (json_int_t)expires_at)))
        err = PLM_ENOMEM; /* refused from now on, but not after a restart: to be tried again */
    return err;
}

bool plm_api_keys_is_revoked(const struct plm_api_keys *k, const char *token_id)
{
    struct revoked *r;
    HASH_FIND_STR(k->revoked, token_id, r);
    return r != NULL;
}
