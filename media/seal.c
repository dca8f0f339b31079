#include "seal.h"
#include "base/prefetch.h"
#include "seal_backend.h"

#include <assert.h>
#include <openssl/crypto.h>
#include <stdlib.h>

struct plm_sealer {
    const struct plm_seal_backend *backend;
    void *state;
};

static int open_backend(struct plm_sealer *s, const struct plm_seal_backend *backend)
{
    if (!backend)
        return PLM_ENOTSUP;
    s->backend = backend;
    return backend->open(&s->state);
}

int plm_sealer_create(struct plm_sealer **out, enum plm_seal_backend_kind kind)
{
    struct plm_sealer *s = calloc(1, sizeof *s);
    if (!s)
        return PLM_ENOMEM;
    int err = PLM_ENOTSUP;
    if (kind != PLM_SEAL_EVP)
        err = open_backend(s, plm_seal_ipsecmb);
    if (err != 0 && kind != PLM_SEAL_IPSEC_MB)
        err = open_backend(s, &plm_seal_evp);
    if (err != 0) {
        free(s);
        return err;
    }
    *out = s;
    return 0;
}

void plm_sealer_destroy(struct plm_sealer *s)
{
    if (!s)
        return;
    s->backend->close(s->state);
    free(s);
}

const char *plm_sealer_name(const struct plm_sealer *s)
{
    return s->backend->name;
}

int plm_seal_key_create(
    struct plm_seal_key **out, struct plm_sealer *s, enum plm_srtp_profile profile, const uint8_t *master)
{
    struct plm_srtp_session_keys session;
    struct plm_seal_key *key = NULL;
    int err = plm_srtp_kdf(&session, profile, master);
    if (err != 0)
        goto out;
    err = PLM_ENOMEM;
    key = calloc(1, sizeof *key);
    if (!key)
        goto out;
    key->backend = s->backend;
    key->profile = profile;
    key->overhead = profile == PLM_SRTP_AES128_CM_SHA1_80 ? PLM_SHA1_TAG : PLM_GCM_TAG;
    memcpy(key->salt, session.salt, session.salt_len);
    key->own = s->backend->key_create(s->state, &session);
    if (!key->own)
        goto out;
    *out = key;
    key = NULL;
    err = 0;
out:
    plm_seal_key_destroy(key);
    OPENSSL_cleanse(&session, sizeof session);
    return err;
}

void plm_seal_key_destroy(struct plm_seal_key *key)
{
    if (!key)
        return;
    if (key->own)
        key->backend->key_destroy(key->own);
#ifndef NDEBUG
    plm_seal_tracker_reset(&key->tracker);
#endif
    OPENSSL_cleanse(key, sizeof *key);
    free(key);
}

size_t plm_seal_key_overhead(const struct plm_seal_key *key)
{
    return key->overhead;
}

void plm_seal_key_prefetch(const struct plm_seal_key *key)
{
    plm_prefetch(key->own, key->backend->key_octets);
}

void plm_seal(struct plm_sealer *s, struct plm_seal_job *jobs, size_t n)
{
#ifndef NDEBUG
    for (size_t i = 0; i < n; i++)
        assert(plm_seal_tracker_take(&jobs[i].key->tracker, jobs[i].ssrc, jobs[i].ext_seq));
#endif
    s->backend->seal(s->state, jobs, n);
}
