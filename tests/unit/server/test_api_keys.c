#include "api_keys.h"

#include "plenum/types.h"
#include "text.h"
#include "token_maker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW UINT64_C(1800000000000)

/* What was put, by the names of the keys; a second process reads it. */
struct kept {
    enum plm_store_kind kind;
    char key[129];
    struct plm_text *document; /* NULL: dropped */
};

struct fixture {
    struct plm_api_keys *keys;
    struct kept kept[512];
    size_t n;
    unsigned puts, drops;
};

static void random_octets(void *out, size_t len)
{
    static uint64_t n;
    for (size_t i = 0; i < len; i++) {
        n = n * 6364136223846793005u + 1442695040888963407u;
        ((uint8_t *)out)[i] = (uint8_t)(n >> 56);
    }
}

static struct kept *find(struct fixture *f, enum plm_store_kind kind, const char *key)
{
    for (size_t i = 0; i < f->n; i++)
        if (f->kept[i].kind == kind && !strcmp(f->kept[i].key, key))
            return &f->kept[i];
    return NULL;
}

static void put(void *ctx, enum plm_store_kind kind, const char *key, struct plm_text *document)
{
    struct fixture *f = ctx;
    struct kept *k = find(f, kind, key);
    if (f->n == sizeof f->kept / sizeof *f->kept)
        return;
    if (!k) {
        k = &f->kept[f->n++];
        *k = (struct kept){.kind = kind};
        snprintf(k->key, sizeof k->key, "%s", key);
    }
    plm_text_unref(k->document);
    k->document = plm_text_ref(document);
    f->puts++;
}

static void drop(void *ctx, enum plm_store_kind kind, const char *key)
{
    struct fixture *f = ctx;
    struct kept *k = find(f, kind, key);
    f->drops++;
    if (!k)
        return;
    plm_text_unref(k->document);
    k->document = NULL;
}

static void start(struct fixture *f)
{
    const struct plm_store_port store = {.ctx = f, .put = put, .drop = drop};
    assert_int_equal(plm_api_keys_create(&f->keys, random_octets, &store), 0);
    for (size_t i = 0; i < f->n; i++)
        if (f->kept[i].document)
            assert_int_equal(plm_api_keys_restore(f->keys, f->kept[i].kind, f->kept[i].key,
                                 f->kept[i].document->data, f->kept[i].document->len),
                0);
    assert_int_equal(plm_api_keys_ready(f->keys, NOW), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    start(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    plm_api_keys_destroy(f->keys);
    for (size_t i = 0; i < f->n; i++)
        plm_text_unref(f->kept[i].document);
    free(f);
    return 0;
}

static const struct plm_api_key *add(struct fixture *f, const char *name)
{
    const struct plm_api_key *key = NULL;
    assert_int_equal(plm_api_keys_add(f->keys, name, false, PLM_KEY_HS256, NULL, NOW, &key), 0);
    return key;
}

static void note_name(void *arg, const struct plm_api_key *key)
{
    strcat(strcat(arg, key->name), " ");
}

static void test_make_list_drop(void **state)
{
    struct fixture *f = *state;
    char names[64] = "";
    assert_int_equal(plm_api_keys_count(f->keys), 0); /* the server's own is none of them */
    const struct plm_api_key *a = add(f, "a");
    assert_int_equal(strlen(a->id), 24);
    assert_int_equal(strspn(a->id, "0123456789abcdef"), 24);
    assert_int_equal(strlen(a->secret), 64);
    assert_int_equal(a->created_at, NOW);
    const struct plm_api_key *b = add(f, "b");
    assert_string_not_equal(a->id, b->id);
    assert_string_not_equal(a->secret, b->secret);
    add(f, "b"); /* names need not be unique */
    plm_api_keys_each(f->keys, note_name, names);
    assert_string_equal(names, "a b b ");
    assert_int_equal(plm_api_keys_count(f->keys), 3);
    assert_ptr_equal(plm_api_keys_find(f->keys, a->id), a);

    char id[PLM_KEY_ID_SIZE];
    memcpy(id, a->id, sizeof id);
    assert_int_equal(plm_api_keys_drop(f->keys, id), 0);
    assert_int_equal(plm_api_keys_drop(f->keys, id), PLM_ENOENT);
    assert_null(plm_api_keys_find(f->keys, id));
    assert_null(find(f, PLM_STORE_API_KEY, id)->document);
    assert_int_equal(plm_api_keys_count(f->keys), 2);
    assert_int_equal(plm_api_keys_drop(f->keys, "server"), PLM_ENOENT);
    assert_int_equal(plm_api_keys_drop(f->keys, ""), PLM_ENOENT);
    assert_non_null(plm_api_keys_own(f->keys));
}

static void test_public_keys(void **state)
{
    struct fixture *f = *state;
    EVP_PKEY *p256 = EVP_EC_gen("P-256"), *p384 = EVP_EC_gen("P-384"), *rsa = EVP_RSA_gen(2048),
             *weak = EVP_RSA_gen(1024), *ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    char pem[5][2048], too_long[PLM_KEY_PUBLIC_SIZE + 1];
    EVP_PKEY *all[] = {p256, p384, rsa, weak, ed};
    for (size_t i = 0; i < 5; i++)
        public_pem(pem[i], all[i]);
    memset(too_long, 'x', PLM_KEY_PUBLIC_SIZE);
    too_long[PLM_KEY_PUBLIC_SIZE] = 0;
    const struct {
        enum plm_key_algorithm algorithm;
        const char *pem;
        int want;
    } rows[] = {
        {PLM_KEY_ES256, pem[0], 0},
        {PLM_KEY_RS256, pem[2], 0},
        {PLM_KEY_HS256, NULL, 0},
        {PLM_KEY_HS256, "", 0},
        {PLM_KEY_ES256, pem[1], PLM_EINVAL},
        {PLM_KEY_ES256, pem[2], PLM_EINVAL},
        {PLM_KEY_ES256, pem[4], PLM_EINVAL},
        {PLM_KEY_ES256, NULL, PLM_EINVAL},
        {PLM_KEY_ES256, "", PLM_EINVAL},
        {PLM_KEY_RS256, pem[3], PLM_EINVAL},
        {PLM_KEY_RS256, pem[0], PLM_EINVAL},
        {PLM_KEY_RS256, NULL, PLM_EINVAL},
        {PLM_KEY_RS256, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", PLM_EINVAL},
        {PLM_KEY_RS256, too_long, PLM_EINVAL},
        {PLM_KEY_HS256, pem[0], PLM_EINVAL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct plm_api_key *key;
        if (plm_api_keys_add(f->keys, "k", false, rows[i].algorithm, rows[i].pem, NOW, &key) != rows[i].want)
            fail_msg("row %zu", i);
    }
    for (size_t i = 0; i < 5; i++)
        EVP_PKEY_free(all[i]);
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    const struct plm_api_key *key;
    char name[PLM_KEY_NAME_SIZE + 1];
    memset(name, 'n', PLM_KEY_NAME_SIZE);
    name[PLM_KEY_NAME_SIZE] = 0;
    assert_int_equal(plm_api_keys_add(f->keys, name, false, PLM_KEY_HS256, NULL, NOW, &key), PLM_EINVAL);
    name[PLM_KEY_NAME_SIZE - 1] = 0;
    assert_int_equal(plm_api_keys_add(f->keys, name, false, PLM_KEY_HS256, NULL, NOW, &key), 0);
    while (plm_api_keys_count(f->keys) < PLM_MAX_KEYS)
        add(f, "k");
    unsigned puts = f->puts;
    assert_int_equal(plm_api_keys_add(f->keys, "k", false, PLM_KEY_HS256, NULL, NOW, &key), PLM_ELIMIT);
    assert_int_equal(f->puts, puts);
}

/* After a restart all is as it was: the same secrets, the same own key, the same revoked tokens. */
static void test_restart(void **state)
{
    struct fixture *f = *state;
    const struct plm_api_key *key;
    EVP_PKEY *ec = EVP_EC_gen("P-256");
    char pem[2048];
    public_pem(pem, ec);
    EVP_PKEY_free(ec);
    assert_int_equal(plm_api_keys_add(f->keys, "signer \"7\"", true, PLM_KEY_ES256, pem, NOW, &key), 0);
    struct plm_api_key before = *key, own = *plm_api_keys_own(f->keys);
    assert_int_equal(plm_api_keys_revoke(f->keys, "gone", NOW + 5, NOW), 0);
    plm_api_keys_destroy(f->keys);
    start(f);
    assert_memory_equal(plm_api_keys_find(f->keys, before.id), &before, sizeof before);
    assert_memory_equal(plm_api_keys_own(f->keys), &own, sizeof own);
    assert_true(plm_api_keys_is_revoked(f->keys, "gone"));
    assert_false(plm_api_keys_is_revoked(f->keys, "other"));
}

static void test_bad_documents(void **state)
{
    struct fixture *f = *state;
    static const char good[] = "{\"name\":\"n\",\"admin\":false,\"algorithm\":\"HS256\",\"secret\":\"%.64s\","
                               "\"public_key\":\"\",\"created_at\":1}";
    static const char secret[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    char document[512];
    snprintf(document, sizeof document, good, secret);
    const struct {
        const char *id, *document;
    } rows[] = {
        {"server", document}, /* is there */
        {"an id that is longer than ids are", document},
        {"a", ""},
        {"a", "[]"},
        {"a", "{}"},
        {"a", "{\"name\":\"n\",\"admin\":false,\"algorithm\":\"HS256\",\"secret\":\"short\",\"public_key\":"
              "\"\",\"created_at\":1}"},
        {"a", "{\"name\":\"n\",\"admin\":1,\"algorithm\":\"HS256\",\"secret\":\"s\",\"public_key\":\"\","
              "\"created_at\":1}"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(plm_api_keys_restore(f->keys, PLM_STORE_API_KEY, rows[i].id, rows[i].document,
                             strlen(rows[i].document)),
            PLM_EINVAL);
    char *none = strstr(document, "HS256");
    memcpy(none, "none5", 5);
    assert_int_equal(
        plm_api_keys_restore(f->keys, PLM_STORE_API_KEY, "a", document, strlen(document)), PLM_EINVAL);
    memcpy(none, "ES256", 5); /* without a public key */
    assert_int_equal(
        plm_api_keys_restore(f->keys, PLM_STORE_API_KEY, "a", document, strlen(document)), PLM_EINVAL);
    memcpy(none, "HS256", 5);
    assert_int_equal(plm_api_keys_restore(f->keys, PLM_STORE_API_KEY, "a", document, strlen(document)), 0);
    assert_int_equal(plm_api_keys_restore(f->keys, PLM_STORE_REVOKED, "t", "{}", 2), PLM_EINVAL);
    assert_int_equal(plm_api_keys_restore(f->keys, PLM_STORE_ROOM, "t", "{}", 2), PLM_EINVAL);
}

static void test_revoked(void **state)
{
    struct fixture *f = *state;
    char id[66];
    memset(id, 'i', 65);
    id[65] = 0;
    assert_int_equal(plm_api_keys_revoke(f->keys, id, NOW + 1, NOW), PLM_EINVAL);
    id[64] = 0;
    assert_int_equal(plm_api_keys_revoke(f->keys, id, NOW + 1, NOW), 0);
    assert_int_equal(plm_api_keys_revoke(f->keys, id, NOW + 1, NOW), 0); /* twice is once */
    assert_true(plm_api_keys_is_revoked(f->keys, id));
    for (unsigned i = 1; i < PLM_MAX_REVOKED; i++) {
        snprintf(id, sizeof id, "t%u", i);
        assert_int_equal(plm_api_keys_revoke(f->keys, id, NOW + (i % 2 ? 1000 : 100000), NOW), 0);
    }
    assert_int_equal(plm_api_keys_revoke(f->keys, "one more", NOW + 1000, NOW), PLM_ELIMIT);
    assert_false(plm_api_keys_is_revoked(f->keys, "one more"));
    /* When some have expired, there is space again, and only then are they forgotten. */
    assert_int_equal(plm_api_keys_revoke(f->keys, "one more", NOW + 3000, NOW + 1000), 0);
    assert_false(plm_api_keys_is_revoked(f->keys, "t1"));
    assert_true(plm_api_keys_is_revoked(f->keys, "t2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {TEST(test_make_list_drop), TEST(test_public_keys), TEST(test_limits),
        TEST(test_restart), TEST(test_bad_documents), TEST(test_revoked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
