#include "seal_backend.h"

#ifdef PLM_HAVE_IPSEC_MB

#include "base/prefetch.h"
#include "hmac_sha1.h"
#include "ipsecmb.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#define BURST      64
#define PREFETCHED 768 /* of a key: round keys and the powers of the hash key that a packet needs */
#define MIN_BURST  8   /* a lone HMAC costs ipsec-mb more than OpenSSL: below this the jobs go there */

struct mb_state {
    IMB_MGR *m; /* bursts keep state in it: one per worker */
    struct plm_seal_job *waiting[BURST];
    size_t n_waiting;
    uint8_t iv[BURST][16];
    uint8_t digest[BURST][PLM_SHA1_DIGEST];
    IMB_JOB jobs[BURST];
};

/* Keys for bursts of AES128_CM_SHA1_80. */
struct mb_cm_key {
    uint8_t schedule[16 * 11];
    uint8_t inner[PLM_SHA1_DIGEST], outer[PLM_SHA1_DIGEST]; /* SHA-1 state after the key block */
    void *evp;
};

struct mb_key {
    union {
        struct gcm_key_data gcm; /* first: it wants to be aligned */
        struct mb_cm_key cm;
    };
    bool is_cm;
};

static void mb_close(void *state)
{
    struct mb_state *s = state;
    if (s->m)
        free_mb_mgr(s->m);
    free(s);
}

static int mb_open(void **state)
{
    struct mb_state *s = calloc(1, sizeof *s);
    if (!s)
        return PLM_ENOMEM;
    s->m = plm_ipsecmb_create();
    if (!s->m) {
        mb_close(s);
        return PLM_ENOTSUP;
    }
    *state = s;
    return 0;
}

static void mb_key_destroy(void *own)
{
    struct mb_key *k = own;
    if (k->is_cm && k->cm.evp)
        plm_seal_evp.key_destroy(k->cm.evp);
    OPENSSL_cleanse(k, sizeof *k);
    free(k);
}

static void hash_key_block(IMB_MGR *m, const uint8_t *key, uint8_t pad, uint8_t *out)
{
    uint8_t block[PLM_SHA1_BLOCK];
    memset(block, pad, sizeof block);
    for (size_t i = 0; i < PLM_SRTP_AUTH_KEY; i++)
        block[i] ^= key[i];
    IMB_SHA1_ONE_BLOCK(m, block, out);
    OPENSSL_cleanse(block, sizeof block);
}

static bool cm_key_init(IMB_MGR *m, struct mb_cm_key *k, const struct plm_srtp_session_keys *keys)
{
    uint8_t decrypt[16 * 11] __attribute__((aligned(16)));
    IMB_AES_KEYEXP_128(m, keys->key, k->schedule, decrypt);
    OPENSSL_cleanse(decrypt, sizeof decrypt);
    hash_key_block(m, keys->auth, 0x36, k->inner);
    hash_key_block(m, keys->auth, 0x5c, k->outer);
    k->evp = plm_seal_evp.key_create(NULL, keys);
    return k->evp != NULL;
}

static void *mb_key_create(void *state, const struct plm_srtp_session_keys *keys)
{
    struct mb_state *s = state;
    struct mb_key *k = plm_ipsecmb_alloc(sizeof *k);
    if (!k)
        return NULL;
    k->is_cm = keys->profile == PLM_SRTP_AES128_CM_SHA1_80;
    if (!k->is_cm) {
        plm_ipsecmb_gcm_key(s->m, &k->gcm, keys->key, keys->key_len == 32);
    } else if (!cm_key_init(s->m, &k->cm, keys)) {
        mb_key_destroy(k);
        return NULL;
    }
    return k;
}

static void seal_gcm_128(IMB_MGR *m, const struct plm_seal_job *job)
{
    const struct gcm_key_data *key = &((const struct mb_key *)job->key->own)->gcm;
    struct gcm_context_data run;
    uint8_t iv[12], pad[256];
    uint8_t *out = job->out + job->hdr_len;
    uint8_t *tag = out + plm_seal_payload_len(job);
    plm_seal_gcm_iv(iv, job);
    if (job->prefix_len == 0 && job->pad == 0) {
        IMB_AES128_GCM_ENC(
            m, key, &run, out, job->body, job->body_len, iv, job->out, job->hdr_len, tag, PLM_GCM_TAG);
        return;
    }
    IMB_AES128_GCM_INIT(m, key, &run, iv, job->out, job->hdr_len);
    IMB_AES128_GCM_ENC_UPDATE(m, key, &run, out, job->prefix, job->prefix_len);
    out += job->prefix_len;
    IMB_AES128_GCM_ENC_UPDATE(m, key, &run, out, job->body, job->body_len);
    out += job->body_len;
    if (job->pad > 0) {
        plm_seal_write_pad(pad, job->pad);
        IMB_AES128_GCM_ENC_UPDATE(m, key, &run, out, pad, job->pad);
    }
    IMB_AES128_GCM_ENC_FINALIZE(m, key, &run, tag, PLM_GCM_TAG);
}

static void seal_gcm_256(IMB_MGR *m, const struct plm_seal_job *job)
{
    const struct gcm_key_data *key = &((const struct mb_key *)job->key->own)->gcm;
    struct gcm_context_data run;
    uint8_t iv[12], pad[256];
    uint8_t *out = job->out + job->hdr_len;
    uint8_t *tag = out + plm_seal_payload_len(job);
    plm_seal_gcm_iv(iv, job);
    IMB_AES256_GCM_INIT(m, key, &run, iv, job->out, job->hdr_len);
    IMB_AES256_GCM_ENC_UPDATE(m, key, &run, out, job->prefix, job->prefix_len);
    out += job->prefix_len;
    IMB_AES256_GCM_ENC_UPDATE(m, key, &run, out, job->body, job->body_len);
    out += job->body_len;
    if (job->pad > 0) {
        plm_seal_write_pad(pad, job->pad);
        IMB_AES256_GCM_ENC_UPDATE(m, key, &run, out, pad, job->pad);
    }
    IMB_AES256_GCM_ENC_FINALIZE(m, key, &run, tag, PLM_GCM_TAG);
}

/** Prepare the cipher's part of one job. @return false: nothing to encrypt */
static bool fill_cipher_job(IMB_JOB *j, uint8_t *iv, const struct plm_seal_job *job)
{
    const struct mb_cm_key *key = &((const struct mb_key *)job->key->own)->cm;
    uint8_t *out = job->out + job->hdr_len;
    const uint8_t *src = job->body;
    if (job->prefix_len > 0 ||
        job->pad > 0) { /* one stream from three places: gathered first, then in place */
        memcpy(out, job->prefix, job->prefix_len);
        if (job->body_len > 0) /* padding alone has none */
            memcpy(out + job->prefix_len, job->body, job->body_len);
        if (job->pad > 0)
            plm_seal_write_pad(out + job->prefix_len + job->body_len, job->pad);
        src = out;
    }
    plm_seal_cm_counter(iv, job);
    memset(j, 0, sizeof *j);
    j->enc_keys = key->schedule;
    j->key_len_in_bytes = 16;
    j->src = src;
    j->dst = out;
    j->msg_len_to_cipher_in_bytes = plm_seal_payload_len(job);
    j->iv = iv;
    j->iv_len_in_bytes = 16;
    return j->msg_len_to_cipher_in_bytes > 0;
}

static void fill_hash_job(IMB_JOB *j, uint8_t *digest, const struct plm_seal_job *job)
{
    const struct mb_cm_key *key = &((const struct mb_key *)job->key->own)->cm;
    size_t len = (size_t)job->hdr_len + plm_seal_payload_len(job);
    /* RFC 3711 section 4.2: the tag covers the packet and the roll-over counter, whose place the tag then takes. */
    plm_seal_put32(job->out + len, (uint32_t)(job->ext_seq >> 16));
    memset(j, 0, sizeof *j);
    j->src = job->out;
    j->msg_len_to_hash_in_bytes = len + 4;
    j->auth_tag_output = digest;
    j->auth_tag_output_len_in_bytes = PLM_SHA1_DIGEST;
    j->u.HMAC._hashed_auth_key_xor_ipad = key->inner;
    j->u.HMAC._hashed_auth_key_xor_opad = key->outer;
}

static void burst(struct mb_state *s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s->n_waiting; i++)
        n += fill_cipher_job(&s->jobs[n], s->iv[i], s->waiting[i]);
    bool good = n == 0 || IMB_SUBMIT_CIPHER_BURST(
                              s->m, s->jobs, n, IMB_CIPHER_CNTR, IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES) == n;
    n = (uint32_t)s->n_waiting;
    for (size_t i = 0; i < n; i++)
        fill_hash_job(&s->jobs[i], s->digest[i], s->waiting[i]);
    good = good && IMB_SUBMIT_HASH_BURST(s->m, s->jobs, n, IMB_AUTH_HMAC_SHA_1) == n;
    for (size_t i = 0; i < n; i++) {
        struct plm_seal_job *job = s->waiting[i];
        size_t len = (size_t)job->hdr_len + plm_seal_payload_len(job);
        memcpy(job->out + len, s->digest[i], PLM_SHA1_TAG);
        job->out_len = good ? (uint16_t)(len + PLM_SHA1_TAG) : 0;
    }
}

static void flush_cm(struct mb_state *s)
{
    if (s->n_waiting >= MIN_BURST) {
        burst(s);
    } else {
        for (size_t i = 0; i < s->n_waiting; i++)
            plm_seal_evp_one(((const struct mb_key *)s->waiting[i]->key->own)->cm.evp, s->waiting[i]);
    }
    s->n_waiting = 0;
}

/* With many receivers their keys (1 kB each) come from far: fetch the next ones while this packet is sealed. */
static void prefetch(const struct plm_seal_job *jobs, size_t i, size_t n)
{
    if (i + 2 < n)
        __builtin_prefetch(jobs[i + 2].key);
    if (i + 1 >= n)
        return;
    plm_seal_key_prefetch(jobs[i + 1].key);
    plm_prefetch(jobs[i + 1].out, PLM_CACHE_LINE + 1);
}

static void mb_seal(void *state, struct plm_seal_job *jobs, size_t n)
{
    struct mb_state *s = state;
    if (n > 1)
        __builtin_prefetch(jobs[1].key);
    if (n > 0)
        plm_seal_key_prefetch(jobs[0].key);
    for (size_t i = 0; i < n; i++) {
        struct plm_seal_job *job = &jobs[i];
        prefetch(jobs, i, n);
        if (job->key->profile == PLM_SRTP_AES128_CM_SHA1_80) {
            s->waiting[s->n_waiting++] = job;
            if (s->n_waiting == BURST)
                flush_cm(s);
            continue;
        }
        if (job->key->profile == PLM_SRTP_AEAD_AES_128_GCM)
            seal_gcm_128(s->m, job);
        else
            seal_gcm_256(s->m, job);
        job->out_len = (uint16_t)(job->hdr_len + plm_seal_payload_len(job) + PLM_GCM_TAG);
    }
    flush_cm(s);
}

static const struct plm_seal_backend backend = {
    "ipsec-mb", mb_open, mb_close, mb_key_create, mb_key_destroy, PREFETCHED, mb_seal};
const struct plm_seal_backend *const plm_seal_ipsecmb = &backend;

#else

const struct plm_seal_backend *const plm_seal_ipsecmb = NULL;

#endif
