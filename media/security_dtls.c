#include "dtls.h"
#include "plenum/engine.h"
#include "seal.h"
#include "security.h"
#include "srtp.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

struct security {
    struct plm_dtls_ctx *dtls;
    struct plm_sealer *sealer;
    bool has_library;
};

struct plm_sec_session {
    struct security *security;
    struct plm_sec_callbacks cb;
    void *arg;
    struct plm_dtls *dtls;
    struct plm_srtp *srtp;         /* NULL before ESTABLISHED */
    struct plm_seal_key *seal_key; /* likewise */
    uint16_t profile;
    bool dead; /* the last event went out */
};

int plm_security_dtls_create(void **ctx, const struct plm_security_dtls_config *config)
{
    struct security *sec = calloc(1, sizeof *sec);
    if (!sec)
        return PLM_ENOMEM;
    int err = plm_srtp_library_ref(config->flags);
    if (err == 0) {
        sec->has_library = true;
        err = plm_dtls_ctx_create(&sec->dtls, config->identity, config->srtp_prefer);
    }
    if (err == 0)
        err = plm_sealer_create(&sec->sealer, config->flags & PLM_NO_IPSEC_MB ? PLM_SEAL_EVP : PLM_SEAL_AUTO);
    if (err != 0) {
        plm_security_dtls_destroy(sec);
        return err;
    }
    *ctx = sec;
    return 0;
}

void plm_security_dtls_destroy(void *ctx)
{
    struct security *sec = ctx;
    if (!sec)
        return;
    plm_sealer_destroy(sec->sealer);
    plm_dtls_ctx_destroy(sec->dtls);
    if (sec->has_library)
        plm_srtp_library_unref();
    free(sec);
}

static void session_destroy(struct plm_sec_session *s)
{
    if (!s)
        return;
    plm_seal_key_destroy(s->seal_key);
    plm_srtp_destroy(s->srtp);
    plm_dtls_destroy(s->dtls);
    free(s);
}

static int session_create(
    void *ctx, const struct plm_sec_config *config, struct plm_sec_session **out, uint64_t now_us)
{
    (void)now_us;
    struct security *sec = ctx;
    struct plm_sec_session *s = calloc(1, sizeof *s);
    if (!s)
        return PLM_ENOMEM;
    s->security = sec;
    s->cb = config->cb;
    s->arg = config->arg;
    int err = plm_dtls_create(&s->dtls, sec->dtls, config);
    if (err != 0) {
        session_destroy(s);
        return err;
    }
    *out = s;
    return 0;
}

static int install_keys(struct plm_sec_session *s)
{
    struct plm_srtp_keys keys;
    int err = plm_dtls_export(s->dtls, &keys);
    if (err == 0)
        err = plm_srtp_create(&s->srtp, &keys);
    if (err == 0)
        err = plm_seal_key_create(&s->seal_key, s->security->sealer, keys.profile, keys.tx);
    if (err == 0)
        s->profile = (uint16_t)keys.profile;
    OPENSSL_cleanse(&keys, sizeof keys);
    return err;
}

/** Tell what became of the association since the last look. */
static void look(struct plm_sec_session *s)
{
    enum plm_sec_event ev;
    enum plm_dtls_state state = plm_dtls_state(s->dtls);
    if (s->dead || state == PLM_DTLS_HANDSHAKE || (state == PLM_DTLS_ESTABLISHED && s->profile))
        return;
    switch (state) {
    case PLM_DTLS_ESTABLISHED:
        ev = install_keys(s) == 0 ? PLM_SEC_ESTABLISHED : PLM_SEC_FAILED;
        break;
    case PLM_DTLS_CLOSED:
        ev = PLM_SEC_CLOSED;
        break;
    case PLM_DTLS_BAD_FINGERPRINT:
        ev = PLM_SEC_BAD_FINGERPRINT;
        break;
    default:
        ev = PLM_SEC_FAILED;
        break;
    }
    s->dead = ev != PLM_SEC_ESTABLISHED;
    s->cb.event(s->arg, ev);
}

static void session_start(struct plm_sec_session *s, uint64_t now_us)
{
    (void)now_us;
    plm_dtls_start(s->dtls);
    look(s);
}

static int session_on_datagram(struct plm_sec_session *s, const uint8_t *data, size_t len, uint64_t now_us)
{
    int err = plm_dtls_on_datagram(s->dtls, data, len, now_us);
    look(s);
    return err;
}

static uint64_t session_poll(struct plm_sec_session *s, uint64_t now_us)
{
    uint64_t next = plm_dtls_poll(s->dtls, now_us);
    look(s);
    return next;
}

static void session_close(struct plm_sec_session *s)
{
    plm_dtls_close(s->dtls);
    s->dead = true; /* who closes knows */
}

static uint16_t session_profile(const struct plm_sec_session *s)
{
    return s->profile;
}

static void session_prefetch(const struct plm_sec_session *s)
{
    __builtin_prefetch(s->srtp, 1);
}

static int open_rtp(struct plm_sec_session *s, uint8_t *pkt, size_t *len)
{
    return s->profile ? plm_srtp_open_rtp(s->srtp, pkt, len) : PLM_EKEY;
}

static int open_rtcp(struct plm_sec_session *s, uint8_t *pkt, size_t *len)
{
    return s->profile ? plm_srtp_open_rtcp(s->srtp, pkt, len) : PLM_EKEY;
}

static int seal_rtcp(struct plm_sec_session *s, uint8_t *pkt, size_t *len, size_t cap)
{
    return s->profile ? plm_srtp_seal_rtcp(s->srtp, pkt, len, cap) : PLM_EKEY;
}

static struct plm_seal_key *seal_key(struct plm_sec_session *s)
{
    return s->profile ? s->seal_key : NULL;
}

static void seal_rtp(void *ctx, struct plm_seal_job *jobs, size_t n)
{
    struct security *sec = ctx;
    plm_seal(sec->sealer, jobs, n);
}

static void random_octets(void *ctx, void *buf, size_t len)
{
    (void)ctx;
    /* Without random numbers there are no keys: nothing sensible can go on. */
    if (RAND_bytes(buf, (int)len) != 1)
        abort();
}

const struct plm_security_ops plm_security_dtls = {
    .session_create = session_create,
    .session_destroy = session_destroy,
    .start = session_start,
    .on_datagram = session_on_datagram,
    .poll = session_poll,
    .close = session_close,
    .profile = session_profile,
    .prefetch = session_prefetch,
    .open_rtp = open_rtp,
    .open_rtcp = open_rtcp,
    .seal_rtcp = seal_rtcp,
    .seal_key = seal_key,
    .seal_overhead = plm_seal_key_overhead,
    .prefetch_key = plm_seal_key_prefetch,
    .seal_rtp = seal_rtp,
    .random = random_octets,
};
